"""Kept results of stages: those of somebody else are none."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scoutlang.validation.record import Outcome
from scoutlang.validation.store import KEY, Store

FINGERPRINT = "0" * 64


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCOUT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def kept(folder: Path) -> Path:
    Store(folder).keep("hits", FINGERPRINT, [Outcome("failed", "no", {"hit": False})])
    [file] = folder.iterdir()
    return file


def found(folder: Path, **options: bool) -> list[Outcome] | None:
    return Store(folder, **options).find("hits", FINGERPRINT, 1)


def test_what_was_kept_is_found(tmp_path: Path, data: Path) -> None:
    kept(tmp_path / "stages")
    assert found(tmp_path / "stages") == [Outcome("failed", "no", {"hit": False})]
    assert found(tmp_path / "stages", afresh=True) is None
    assert (data / KEY).stat().st_mode & 0o777 == 0o600


def test_what_was_changed_is_not_believed(tmp_path: Path) -> None:
    file = kept(tmp_path / "stages")
    seal, content = file.read_bytes().split(b"\n", 1)
    file.write_bytes(
        seal + b"\n" + content.replace(b"false", b"true").replace(b"failed", b"passed")
    )
    assert found(tmp_path / "stages") is None
    file.write_bytes(content)
    assert found(tmp_path / "stages") is None


def test_what_another_installation_kept_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(tmp_path / "stages")
    monkeypatch.setenv("SCOUT_DATA", str(tmp_path / "other"))
    assert found(tmp_path / "stages") is None


def test_the_result_of_another_stage_is_not_believed(tmp_path: Path) -> None:
    file = kept(tmp_path / "stages")
    shutil.copy(file, file.with_name(file.name.replace("hits", "novel")))
    assert Store(tmp_path / "stages").find("novel", FINGERPRINT, 1) is None


def test_a_store_that_does_not_write(tmp_path: Path) -> None:
    Store(tmp_path / "stages", writes=False).keep("hits", FINGERPRINT, [Outcome("passed")])
    assert not (tmp_path / "stages").exists()
