"""Files that strangers prepare: links, pipes, devices, and what is larger than it may be."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from scoutlang.runs.folder import held, holder
from scoutlang.support.files import (
    PARTIAL,
    parsed_json,
    read_bounded,
    read_json,
    write_json,
    write_named,
    write_whole,
)


def test_a_link_that_stands_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    precious, target = tmp_path / "precious", tmp_path / "records.csv"
    precious.write_text("mine", encoding="utf-8")
    target.symlink_to(precious)
    write_json(target, [1])
    assert precious.read_text(encoding="utf-8") == "mine"
    assert not target.is_symlink()
    assert json.loads(target.read_text(encoding="utf-8")) == [1]


def test_a_link_under_the_name_of_a_partial_file_is_not_followed(tmp_path: Path) -> None:
    """The name that versions before used could be prepared."""
    precious, target = tmp_path / "precious", tmp_path / "run.json"
    precious.write_text("mine", encoding="utf-8")
    (tmp_path / f".run.json.{os.getpid()}.partial").symlink_to(precious)
    seen: list[Path] = []

    def write(path: Path) -> None:
        seen.append(path)
        path.write_text("new", encoding="utf-8")

    write_whole(target, write)
    assert precious.read_text(encoding="utf-8") == "mine"
    assert PARTIAL.fullmatch(seen[0].name)
    assert not seen[0].exists()


def test_a_lock_that_is_a_link_empties_no_file(tmp_path: Path) -> None:
    precious, run = tmp_path / "precious", tmp_path / "run"
    precious.write_text("mine", encoding="utf-8")
    run.mkdir()
    (run / ".lock").symlink_to(precious)
    assert holder(run) == ""
    with held(run):
        pass
    assert precious.read_text(encoding="utf-8") == "mine"


def test_what_the_user_names_is_written_through_a_link(tmp_path: Path) -> None:
    there, link = tmp_path / "there.csv", tmp_path / "link.csv"
    there.write_text("old", encoding="utf-8")
    link.symlink_to(there)
    write_named(link, "new")
    assert link.is_symlink()
    assert there.read_text(encoding="utf-8") == "new"


def test_a_device_that_the_user_names_stays_one() -> None:
    write_named(Path(os.devnull), "gone")
    assert Path(os.devnull).is_char_device()


def test_pipes_devices_and_folders_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ValueError, match="no regular file"):
            read_bounded(path, 100)
    with pytest.raises((OSError, ValueError)):
        read_bounded(tmp_path, 100)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(ValueError, match="larger than 1 MB"):
        read_json(tmp_path / "large", 1 << 20)


def test_halves_of_characters_are_replaced() -> None:
    found = parsed_json(b'{"a\\ud800": ["\\udfff", "\\ud83d\\ude00"]}')
    assert found == {"a\ufffd": ["\ufffd", "\U0001f600"]}
    with pytest.raises(ValueError, match="no JSON"):
        parsed_json(b"[" * 100_000)
