"""A small client of the Language Server Protocol: it starts `scout lsp` and speaks JSON-RPC over
its pipes, as an editor does.
"""

from __future__ import annotations

import json
import queue
import subprocess
import sys
import threading
from typing import Any

from processes import LONG, environment


class Failed(Exception):
    """The server answered with an error."""


class Client:
    """An editor without a window. notes: messages that the server sent by itself, oldest first."""

    def __init__(
        self, folder: str | None = None, capabilities: dict[str, Any] | None = None
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scoutlang", "lsp"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        self._received: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._number = 0
        self.version = 0
        self.notes: list[dict[str, Any]] = []
        threading.Thread(target=self._read, daemon=True).start()
        self.capabilities = self.ask(
            "initialize", {"processId": None, "rootUri": folder, "capabilities": capabilities or {}}
        )["capabilities"]
        self.tell("initialized", {})

    def _read(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        while True:
            length = 0
            while (line := stream.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            if not line:
                self._received.put(None)
                return
            self._received.put(json.loads(stream.read(length)))

    def send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self._process.stdin.flush()

    def tell(self, method: str, params: Any) -> None:
        self.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}).encode())

    def ask(self, method: str, params: Any) -> Any:
        self._number += 1
        self.send(
            json.dumps(
                {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
            ).encode()
        )
        while True:
            message = self._next()
            if message.get("id") == self._number and "method" not in message:
                if "error" in message:
                    raise Failed(message["error"]["message"])
                return message["result"]
            self.notes.append(message)

    def _next(self) -> dict[str, Any]:
        message = self._received.get(timeout=LONG)
        assert message is not None, "the server ended"
        return message

    def diagnostics(self, uri: str, version: int | None = None) -> list[dict[str, Any]]:
        """The next messages about a document, which wait for its newest version or the one that is
        given.
        """
        version = version or self.version
        while True:
            for note in self.notes:
                params = note.get("params", {})
                if (
                    note.get("method") == "textDocument/publishDiagnostics"
                    and params["uri"] == uri
                    and params.get("version") == version
                ):
                    self.notes.remove(note)
                    return list(params["diagnostics"])
            self.notes.append(self._next())

    # ---- documents ----

    def open(self, uri: str, text: str) -> list[dict[str, Any]]:
        self.version += 1
        document = {"uri": uri, "languageId": "scout", "version": self.version, "text": text}
        self.tell("textDocument/didOpen", {"textDocument": document})
        return self.diagnostics(uri)

    def change(self, uri: str, text: str) -> None:
        self.version += 1
        self.tell(
            "textDocument/didChange",
            {
                "textDocument": {"uri": uri, "version": self.version},
                "contentChanges": [{"text": text}],
            },
        )

    def close(self, uri: str) -> None:
        self.tell("textDocument/didClose", {"textDocument": {"uri": uri}})

    def at(self, method: str, uri: str, line: int, character: int, **more: Any) -> Any:
        """Ask about a place, with lines and UTF-16 code units from 0."""
        params = {
            "textDocument": {"uri": uri},
            "position": {"line": line, "character": character},
            **more,
        }
        return self.ask(f"textDocument/{method}", params)

    def of(self, method: str, uri: str, **more: Any) -> Any:
        return self.ask(f"textDocument/{method}", {"textDocument": {"uri": uri}, **more})

    def end(self) -> int:
        """Say goodbye; the exit code of the server."""
        if self._process.poll() is None:
            self.ask("shutdown", None)
            self.tell("exit", None)
        return self.wait()[0]

    def wait(self) -> tuple[int, bytes]:
        """The exit code of the server, and what it wrote on standard error."""
        code = self._process.wait(LONG)
        stdin, stdout, stderr = self._process.stdin, self._process.stdout, self._process.stderr
        assert stdin is not None
        assert stdout is not None
        assert stderr is not None
        said = b"" if stderr.closed else stderr.read()
        for stream in (stdin, stdout, stderr):
            stream.close()
        return code, said

    @property
    def process_id(self) -> int:
        return self._process.pid
