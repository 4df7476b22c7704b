autocmd BufNewFile,BufRead *.scout setfiletype scout
