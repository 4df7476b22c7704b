"""Messages of an editor to the language server."""

from __future__ import annotations

import asyncio
import io
import json
import random
import threading
from pathlib import Path
from typing import Any, cast

from pygls import io_

from scoutlang.interfaces.lsp.server import _Input, create
from tools.fuzz import mutations

SECONDS = 10.0
_URI = "file:///tmp/fuzz/x.scout"
_AT = {"textDocument": {"uri": _URI}, "position": {"line": 1, "character": 9}}
_TEXT = "system Cu-P\nrequire CN(Cu-P) = 4\nprefer density as high as possible\n"


def seeds(folder: Path) -> list[bytes]:
    start = {"processId": None, "rootUri": None, "capabilities": {}}
    opened = {"uri": _URI, "languageId": "scout", "version": 1, "text": _TEXT}
    asked = [
        ("textDocument/hover", _AT),
        ("textDocument/completion", _AT),
        ("textDocument/definition", _AT),
        ("textDocument/documentSymbol", {"textDocument": {"uri": _URI}}),
        ("textDocument/semanticTokens/full", {"textDocument": {"uri": _URI}}),
        ("textDocument/formatting", {"textDocument": {"uri": _URI}, "options": {"tabSize": 4}}),
        ("textDocument/rename", _AT | {"newName": "x"}),
    ]
    messages: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": start},
        {"jsonrpc": "2.0", "method": "initialized", "params": {}},
        {
            "jsonrpc": "2.0",
            "method": "textDocument/didOpen",
            "params": {"textDocument": opened},
        },
        *(
            {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            for number, (method, params) in enumerate(asked, start=2)
        ),
    ]
    return [json.dumps(messages).encode()]


def change(rng: random.Random, data: bytes, others: list[bytes]) -> bytes:
    """Framed messages, with headers that are mostly right."""
    text = mutations.values(rng, data)
    try:
        messages = json.loads(text)
    except (ValueError, RecursionError):
        messages = [None]
    parts = []
    for one in messages if isinstance(messages, list) else [messages]:
        body = json.dumps(one).encode()
        length: object = len(body)
        if rng.random() < 0.03:
            length = rng.choice((0, -1, 10**12, "x", 5, "9" * 5000))
        parts.append(f"Content-Length: {length}\r\n\r\n".encode() + body)
    framed = b"".join(parts)
    return mutations.raw(rng, framed) if rng.random() < 0.1 else framed


class _Writer:
    def __init__(self) -> None:
        self.said = bytearray()

    def write(self, data: bytes) -> None:
        self.said += data

    def close(self) -> None: ...


def feed(data: bytes, folder: Path) -> str:
    server = create()
    writer = _Writer()
    failed: list[str] = []
    server.protocol.set_writer(writer)
    reader = cast("Any", _Input(io.BytesIO(data)))

    def wrong(error: Exception, kind: object) -> None:
        failed.append(type(error).__name__)

    async def serve() -> None:
        io_.run(threading.Event(), reader, server.protocol, error_handler=wrong)

    asyncio.run(serve())
    answers = bytes(writer.said)
    answers.decode("utf-8")
    return "answered" if b'"result"' in answers else "refused"
