" gq writes a whole program in the usual form, gc of comment plug-ins knows the sign.
if exists("b:did_ftplugin")
  finish
endif
let b:did_ftplugin = 1
setlocal commentstring=#\ %s
setlocal comments=:#
setlocal formatprg=scout\ fmt\ -
let b:undo_ftplugin = "setlocal commentstring< comments< formatprg<"
