"""`scout lsp` with clients that are in a hurry, count otherwise, err or die: nothing hangs, and
nothing ends but by their word or death.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import processes
import pytest
from lsp_client import Client, Failed
from processes import environment, until

pytest.importorskip("pygls")
PATH = [Path(__file__).parent, Path(processes.__file__).parent]
"""What a program needs to be such a client."""
URI = "untitled:Untitled 1"
START = {"line": 0, "character": 0}


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    found = Client(capabilities={"general": {"positionEncodings": ["utf-8", "utf-32", "utf-16"]}})
    yield found
    assert found.end() == 0


def test_characters_are_utf16_units_whatever_is_preferred(client: Any) -> None:
    """Helix and Neovim would rather count bytes."""
    assert client.capabilities["positionEncoding"] == "utf-16"
    [found] = client.open(
        URI, "system Cu-P  # 🧪\n# 🧪Å\r\nrequire CN(Cu-P) = 4; let Å = 1; requre x"
    )
    assert found["range"]["start"] == {"line": 2, "character": 33}


def test_a_part_of_a_text_is_put_in_its_place(client: Any) -> None:
    """The server asks for whole texts; who sends parts all the same means the places that they
    name.
    """
    client.open(URI, "# 🧪🧪 Å\r\nsystem Cu-P # 🧪\r\nrequire CN(Cu-P) = 4\r\n")

    def part(line: int, start: int, end: int, text: str) -> dict[str, Any]:
        return {
            "range": {
                "start": {"line": line, "character": start},
                "end": {"line": line, "character": end},
            },
            "text": text,
        }

    client.version += 1
    changes = [
        part(0, 4, 6, ""),
        part(0, 4, 4, "🧪"),
        part(2, 8, 10, "CM"),
        part(1, 14, 16, "four"),
        part(2, 99, 99, " # end"),
    ]
    client.tell(
        "textDocument/didChange",
        {"textDocument": {"uri": URI, "version": client.version}, "contentChanges": changes},
    )
    [found] = client.diagnostics(URI)
    assert "`CM`" in found["message"]
    [edit] = client.of("formatting", URI, options={"tabSize": 4, "insertSpaces": True})
    lines = [" ".join(line.split()) for line in edit["newText"].splitlines()]
    assert lines == ["# 🧪🧪 Å", "system Cu-P # four", "require CM(Cu-P) = 4 # end"]


def test_two_hundred_changes_in_a_hurry(client: Any) -> None:
    """Each is taken, and what is said is about the last of them."""
    client.open(URI, "system Cu-P\n")
    client.notes.clear()
    for i in range(200):
        client.change(URI, "system Cu-P\nrequire CN(Cu-P) = 4\n" + "# x" * i)
    assert client.at("hover", URI, 1, 2) is not None  # asked in between
    client.change(URI, "system Cu-P\nrequre CN(Cu-P) = 4\n")
    [found] = client.diagnostics(URI)
    assert found["code"] == "E012"
    assert sum(n["method"] == "textDocument/publishDiagnostics" for n in client.notes) < 10


@pytest.mark.parametrize(
    ("method", "params", "said"),
    [
        ("textDocument/hover", {"wrong": 1}, "Invalid"),
        (
            "textDocument/hover",
            {"textDocument": {"uri": URI}, "position": {"line": -1, "character": 0}},
            "Invalid",
        ),
        (
            "textDocument/hover",
            {"textDocument": {"uri": "file:///etc/passwd"}, "position": START},
            "is not open",
        ),
        ("textDocument/unheardOf", {}, "Not Found"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    client: Any, method: str, params: dict[str, Any], said: str
) -> None:
    with pytest.raises(Failed, match=said):
        client.ask(method, params)


def test_messages_that_are_none_are_passed_over(client: Any) -> None:
    for data in (
        b"[]",
        b"null",
        b"no json",
        b"[" * 5000,
        b'{"jsonrpc": "2.0", "id": 77, "result": null}',
        b'{"jsonrpc": "1.0"}',
    ):
        client.send(data)
    client.tell(
        "textDocument/didChange",
        {"textDocument": {"uri": "file:///x", "version": 1}, "contentChanges": [{"text": ""}]},
    )
    client.tell("textDocument/didClose", {"textDocument": {"uri": "file:///x"}})
    client.tell("$/cancelRequest", {"id": 123})
    assert client.open(URI, "system Cu-P; require CN(Cu-P) = 4") == []
    assert not any(n["method"] == "window/showMessage" for n in client.notes)


def test_after_goodbye_nothing_is_answered_and_the_exit_code_is_kept() -> None:
    polite, rude = Client(), Client()
    polite.ask("shutdown", None)
    with pytest.raises(Failed, match="told to shut down"):
        polite.at("hover", URI, 0, 0)
    for client, code in ((polite, 0), (rude, 1)):
        client.tell("exit", None)
        assert client.wait() == (code, b"")


def test_it_ends_with_its_client() -> None:
    code = (
        "import sys; from lsp_client import Client; c = Client()\n"
        "print(c.process_id, flush=True); sys.stdin.read()"
    )
    path = os.pathsep.join([*map(str, PATH), os.environ.get("PYTHONPATH", "")])
    editor = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment({"PYTHONPATH": path}),
    )
    assert editor.stdin
    assert editor.stdout
    server = int(editor.stdout.readline())
    editor.kill()
    editor.wait()
    editor.stdin.close()
    editor.stdout.close()
    until(lambda: not _runs(server))


def _runs(process: int) -> bool:
    """Whether a process is there that is not only waited for."""
    try:
        os.kill(process, 0)
        stat = Path(f"/proc/{process}/stat")
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
