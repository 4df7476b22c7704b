// Starts `scout lsp` for .scout files; everything that it knows is there.
"use strict";

const vscode = require("vscode");
const { CloseAction, ErrorAction, LanguageClient } = require("vscode-languageclient/node");

const AGAIN = "Start again";
let client;

exports.activate = () => {
  const command = vscode.workspace.getConfiguration("scout").get("command");
  const files = vscode.workspace.createFileSystemWatcher("**/*.scout");
  const ended = async (why) => {
    const hint = "Is scout.command right, and pygls installed? The output of Scout says more.";
    const choice = await vscode.window.showWarningMessage(`"${command} lsp" ${why}. ${hint}`, AGAIN);
    if (choice === AGAIN) await start();
  };
  const start = () => client.start().catch((error) => ended(`did not start: ${error?.message ?? error ?? "no such program"}`));
  client = new LanguageClient("scout", "Scout", { command, args: ["lsp", "--stdio"] }, {
    documentSelector: [{ language: "scout" }],
    synchronize: { fileEvents: files },
    errorHandler: {
      error: () => ({ action: ErrorAction.Continue, handled: true }),
      closed: () => {
        ended("has ended");
        return { action: CloseAction.DoNotRestart, handled: true };
      },
    },
  });
  start(); // what it waits for, a click perhaps, must not keep the editor waiting
};

exports.deactivate = () => client?.stop();
