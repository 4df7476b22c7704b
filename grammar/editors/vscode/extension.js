// Starts `scout lsp` for .scout files; everything that it knows is there.
"use strict";

const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

exports.activate = async () => {
  const command = vscode.workspace.getConfiguration("scout").get("command");
  const server = { command, args: ["lsp", "--stdio"] };
  const files = vscode.workspace.createFileSystemWatcher("**/*.scout");
  client = new LanguageClient("scout", "Scout", server, {
    documentSelector: [{ language: "scout" }],
    synchronize: { fileEvents: files },
  });
  try {
    await client.start();
  } catch (error) {
    vscode.window.showWarningMessage(`${command} lsp did not start (${error.message}). Set scout.command, or: pip install pygls`);
  }
};

exports.deactivate = () => client?.stop();
