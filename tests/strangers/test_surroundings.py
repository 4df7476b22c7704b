"""Streams that are closed, no home, a full disk; messages of editors."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import processes
import pytest

from scoutlang.support import resources


@pytest.mark.parametrize("command", ["explain E030", "doc CN", "replay -", "lsp"])
def test_without_streams_there_is_no_traceback(command: str) -> None:
    line = f'"{sys.executable}" -m scoutlang {command} >&- <&-'
    done = processes.run(["bash", "-c", line])
    assert b"internal error" not in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_a_full_disk_behind_the_output() -> None:
    done = processes.run(["bash", "-c", f'"{sys.executable}" -m scoutlang explain > /dev/full'])
    assert done.returncode == 1
    assert b"error[E602]" in done.stderr


def test_a_user_without_a_home(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SCOUT_DATA", "SCOUT_CACHE", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", staticmethod(none))
    for folder in (resources.data_folder(), resources.cache_folder()):
        with pytest.raises(NotADirectoryError):
            folder.mkdir(parents=True)


def test_a_message_of_many_gigabytes_is_read_past_and_the_next_is_answered() -> None:
    pytest.importorskip("pygls")
    from scoutlang.interfaces.lsp import server

    body = json.dumps({"a": "x" * 100}).encode()
    stream = server._Input(io.BytesIO(b"Content-Length: 99999999999999\r\nContent-Length: 7\r\n"))
    assert b"Content-Length" not in stream.readline()
    assert stream.readline() == b"Content-Length: 7\r\n"
    stream = server._Input(io.BytesIO(body))
    assert stream.read(server.MAX_MESSAGE + 1) == b"null"
    assert server._Input(io.BytesIO(body)).read(len(body)) == body


def test_a_saved_file_is_looked_for_only_where_it_is_named(tmp_path: Path) -> None:
    pytest.importorskip("pygls")
    from scoutlang.interfaces.lsp import server

    one = server.create()
    (tmp_path / "m.scout").write_text("let tight = 2.9 Å\n", encoding="utf-8")
    uris = {}
    for name, text in {
        "a": 'import "m.scout" as m\nsystem Cu-P\nrequire CN(Cu-P, r=m.tight) = 4\n',
        "b": "system Cu-P\nrequire CN(Cu-P) = 4\n",
    }.items():
        uris[name] = (tmp_path / f"{name}.scout").as_uri()
        one.put(uris[name], 1, text)
        assert one.document(uris[name]).diagnostics == ()
    assert one.depending([tmp_path / "m.scout"]) == [uris["a"]]
    assert one.depending([tmp_path / "elsewhere.scout"]) == []
