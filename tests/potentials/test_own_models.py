"""Models of one's own: nothing that may run code is opened before its hash was named."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from scoutlang import potentials
from scoutlang.potentials._local import local_model
from scoutlang.support.errors import ScoutError

RUNS = "it is a pickle"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "copper.model"
    path.write_bytes(b"not a model")
    return path


def refusal(potential: str, text: str, runs: str = "", parts: tuple[str, ...] = ()) -> ScoutError:
    with pytest.raises(ScoutError) as caught:
        local_model(potential, text, runs=runs, parts=parts)
    return caught.value


def test_a_file_of_numbers_needs_no_hash(file: Path) -> None:
    found = local_model("orb", str(file))
    assert (found.path, found.name, found.sha256) == (
        file,
        "copper",
        hashlib.sha256(b"not a model").hexdigest(),
    )


def test_a_program_is_opened_by_who_names_its_hash(file: Path) -> None:
    error = refusal("mace", str(file), RUNS)
    assert error.code == "E443"
    assert RUNS in error.message
    assert error.hint is not None
    named = error.hint.split()[-1]
    assert named == f"mace:{file}#{hashlib.sha256(b'not a model').hexdigest()[:16]}"
    assert local_model("mace", named.removeprefix("mace:"), runs=RUNS).path == file


def test_another_hash_is_another_model(file: Path) -> None:
    digest = hashlib.sha256(b"not a model").hexdigest()
    assert refusal("orb", f"{file}#{'0' * 16}").code == "E445"
    assert refusal("mace", f"{file}#{digest[:15]}0", RUNS).code == "E445"
    assert local_model("mace", f"{file}#{digest.upper()}", runs=RUNS).sha256 == digest


@pytest.mark.parametrize("ending", ["", "#12", "#" + "g" * 16, "#" + "0" * 65])
def test_what_is_no_hash_belongs_to_the_name(file: Path, ending: str) -> None:
    odd = file.with_name(file.name + ending)
    odd.write_bytes(b"not a model")
    assert local_model("orb", str(odd)).path == odd


@pytest.mark.parametrize(
    ("text", "parts"),
    [("nowhere", ()), ("", ()), (".", ()), ("nowhere", ("a",)), (".", ("saved_model.pb",))],
)
def test_nothing_is_there(
    text: str, parts: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert refusal("orb", text, parts=parts).code == "E444"


def test_the_hash_of_a_folder_is_that_of_its_parts(tmp_path: Path) -> None:
    (tmp_path / "variables").mkdir()
    (tmp_path / "saved_model.pb").write_bytes(b"graph")
    (tmp_path / "variables" / "data").write_bytes(b"numbers")
    parts = ("saved_model.pb", "variables/*")
    before = local_model("grace", str(tmp_path), parts=parts).sha256
    (tmp_path / "notes.json").write_text("when it was fetched")
    assert local_model("grace", str(tmp_path), parts=parts).sha256 == before
    (tmp_path / "variables" / "data").write_bytes(b"number5")
    assert local_model("grace", str(tmp_path), parts=parts).sha256 != before


def test_who_takes_none_says_who_does(file: Path) -> None:
    with pytest.raises(ScoutError) as caught:
        potentials.load(f"emt:{file}")
    assert (caught.value.code, caught.value.hint) == (
        "E446",
        "these do: grace, mace, mattersim, orb",
    )
