"""`scout reference` from the outside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pymatgen.core import Lattice, Structure

from scoutlang.interfaces.cli import commands
from scoutlang.support.errors import ScoutError


@pytest.fixture
def scout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setenv("SCOUT_DATA", str(tmp_path / "data"))
    Structure(Lattice.cubic(2.8), ["Cu"], [[0, 0, 0]]).to(str(tmp_path / "copper.cif"))

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(
            commands,
            ["reference", *(str(tmp_path / a) if a.endswith(".cif") else a for a in arguments)],
        )

    return run


def test_from_adding_to_removing(scout) -> None:  # type: ignore[no-untyped-def]
    added = scout("add", "mine", "copper.cif", "--licence", "CC0", "--citation", "me, 2026")
    assert added.exit_code == 0, added.output
    for text in ("crystals  1", "licence   CC0", "cite      me, 2026"):
        assert text in added.output
    assert scout("show", "mine").output == added.output
    listed = scout("list")
    assert "mp-mini: 5789 crystals" in listed.output
    assert "mine: 1 crystals, CC0\n  cite: me, 2026" in listed.output
    assert [s["name"] for s in json.loads(scout("list", "--format", "json").output)] == [
        "mp-mini",
        "mine",
    ]
    assert scout("verify", "mine").output == "mine: sound\n"
    assert scout("remove", "mine").exit_code == 0
    assert isinstance(scout("show", "mine").exception, ScoutError)


def test_damage_is_an_exit_code(scout, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    scout("add", "mine", "copper.cif")
    file = tmp_path / "data" / "references" / "mine" / "structures.parquet"
    file.write_bytes(file.read_bytes()[:-1])
    verified = scout("verify", "mine", "--format", "json")
    assert verified.exit_code == 1
    assert json.loads(verified.output)["sound"] is False
    (file.parent / "about.json").write_text("{")
    assert "mine: damaged" in scout("list").output
    assert scout("verify", "mine").exit_code == 1


def test_a_crystal_without_its_hydrogen_is_no_reference(scout, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    lines = (tmp_path / "copper.cif").read_text().splitlines()
    lacking = ["_chemical_formula_sum 'Cu H'" if "formula_sum" in line else line for line in lines]
    (tmp_path / "hydride.cif").write_text("\n".join(lacking))
    failed = scout("add", "mine", "hydride.cif")
    assert isinstance(failed.exception, ScoutError)
    assert "not the crystal that the file names: 1" in failed.exception.message
    unknown = [line.replace("x, y, z", "x, y, q") for line in lines]
    (tmp_path / "unknown.cif").write_text("\n".join(unknown))
    failed = scout("add", "mine", "unknown.cif")
    assert isinstance(failed.exception, ScoutError)
    assert "symmetry not understood: 1" in failed.exception.message


def test_what_was_left_out_is_said(scout) -> None:  # type: ignore[no-untyped-def]
    failed = scout("add", "mine", "copper.cif", "--elements", "Au")
    assert isinstance(failed.exception, ScoutError)
    assert "other elements: 1 (copper.cif)" in failed.exception.message
