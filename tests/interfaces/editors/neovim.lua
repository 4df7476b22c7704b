-- Works with `scout lsp` as Neovim does, from version 0.7 on, and writes what came of it as JSON. Variables: scout_server, scout_result,
-- scout_patience (milliseconds for an answer).
local result = {}
local encoding = "utf-16"
local patience = vim.g.scout_patience

local function request(method, more)
  local params = vim.lsp.util.make_position_params(0, encoding)
  for key, value in pairs(more or {}) do params[key] = value end
  local answers = vim.lsp.buf_request_sync(0, method, params, patience)
  local _, answer = next(answers or {})
  return answer and (answer.result or answer.err)
end

local function at(line, piece)
  local text = vim.api.nvim_buf_get_lines(0, line - 1, line, true)[1]
  vim.api.nvim_win_set_cursor(0, { line, text:find(piece, 1, true) - 1 })
end

local function lines() return vim.api.nvim_buf_get_lines(0, 0, -1, true) end

local function messages(wanted)
  vim.wait(patience, function() return #vim.diagnostic.get(0) == wanted end, 20)
  return vim.tbl_map(function(d) return { d.lnum, d.col, d.message } end, vim.diagnostic.get(0))
end

local done, problem = pcall(function()
  result.filetype = vim.bo.filetype
  local client = vim.lsp.start_client({ name = "scout", cmd = vim.g.scout_server, root_dir = vim.fn.getcwd() })
  vim.lsp.buf_attach_client(0, client)
  result.before = messages(1)
  at(2, "requre")
  local all = vim.lsp.util.make_given_range_params({ 1, 0 }, { #lines(), 20 }, 0, encoding)
  local actions = vim.lsp.buf_request_sync(0, "textDocument/codeAction", vim.tbl_extend("force", all, { context = { diagnostics = {} } }), patience)
  local _, found = next(actions)
  vim.lsp.util.apply_workspace_edit(found.result[1].edit, encoding)
  result.after = messages(0)
  at(2, "CN")
  result.hover = request("textDocument/hover").contents.value
  at(2, "four(")
  result.definition = request("textDocument/definition")
  vim.lsp.util.apply_workspace_edit(request("textDocument/rename", { newName = "vier" }), encoding)
  result.renamed = lines()
  vim.lsp.util.apply_text_edits(request("textDocument/formatting", { options = { tabSize = 4, insertSpaces = true } }), 0, encoding)
  result.formatted = lines()
  vim.api.nvim_buf_set_lines(0, -1, -1, true, { "require CN(Cu-" })
  vim.api.nvim_win_set_cursor(0, { #lines(), #"require CN(Cu-" })
  result.completion = vim.tbl_map(function(i) return i.label end, request("textDocument/completion").items)
  vim.api.nvim_buf_set_lines(0, -2, -1, true, {})
  result.tokens = #request("textDocument/semanticTokens/full").data
  vim.cmd("wall")
  vim.lsp.stop_client(client)
end)
result.problem = not done and tostring(problem) or nil
vim.fn.writefile({ vim.fn.json_encode(result) }, vim.g.scout_result)
vim.cmd("qall!")
