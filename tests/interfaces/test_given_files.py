"""What `scout check` and editors say of the crystals of `keep` and `start` before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from pymatgen.core import Lattice, Structure

from scoutlang.interfaces import api

RUTILE = Structure.from_spacegroup(
    "P4_2/mnm",
    Lattice.tetragonal(4.5922, 2.9574),
    ["Ti", "O"],
    [[0, 0, 0], [0.69504, 0.69504, 0]],
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    RUTILE.to(str(tmp_path / "rutile.cif"))
    RUTILE.make_supercell((2, 2, 2), in_place=False).to(str(tmp_path / "large.cif"))
    one = (tmp_path / "rutile.cif").read_text()
    (tmp_path / "two.cif").write_text(one + one.replace("data_", "data_other_"))
    (tmp_path / "broken.cif").write_text("data_x\n_cell_length_a 4\n")
    mixed = RUTILE.copy()
    mixed[0] = {"Ti": 0.5, "V": 0.5}
    mixed.to(str(tmp_path / "mixed.cif"))
    return tmp_path


def said(folder: Path, lines: str) -> list[tuple[str, str, str]]:
    """Code, message and the place of each message of a program."""
    path = folder / "x.scout"
    path.write_text(lines + "\nexpect density > 1 g/cm^3\n", encoding="utf-8")
    result = api.check(path)
    assert result.ok == (not any(d.severity == "error" for d in result.diagnostics))
    return [
        (d.code, d.message, result.source.text[d.primary.span.start : d.primary.span.end])
        for d in result.diagnostics
        if d.primary is not None
    ]


@pytest.mark.parametrize(
    ("lines", "code", "message"),
    [
        ('system Ti-O\nkeep "two.cif"', "E209", "two.cif holds 2 crystals"),
        ('system Ti-V-O\nkeep "mixed.cif"', "E209", "mixed.cif"),
        ('system Ti-O\nstart "broken.cif" noise 0.4', "E209", "broken.cif has a cell"),
        ('system Ti-S\nkeep "rutile.cif"', "E522", "O of rutile.cif is not in the system"),
        ('system Ti-O\nkeep "large.cif"', "E522", "large.cif has 48 atoms"),
        ('system Ti-O\nstart "large.cif" noise 0.4', "E522", "large.cif has 48 atoms"),
        ('system Ti-O\nkeep "rutile.cif"\natoms <= 6', "E522", "rutile.cif with its 6 atoms"),
        (
            'system Ti-O\nkeep "rutile.cif"\nformula "Ti10O"\natoms <= 11',
            "E522",
            "rutile.cif with its 6 atoms",
        ),
    ],
)
def test_what_cannot_be_given(folder: Path, lines: str, code: str, message: str) -> None:
    [(found, text, place)] = said(folder, lines)
    assert found == code
    assert text.startswith(message)
    assert place.startswith('"')


@pytest.mark.parametrize(
    "lines",
    [
        'system Ti-O\nkeep "rutile.cif"',
        'system Ti-O\nkeep "rutile.cif"\natoms = 7',
        'system Ti-O\nkeep "rutile.cif"\nformula "Ti2O5"\natoms <= 14',
        'system Ag-S\nstart "rutile.cif" noise 0.4',
        # a model that is not known by name may make cells of any size; the run asks it
        'system Ti-O\nkeep "large.cif"\nsample 8 model "weights/mine"',
        'system Ti-O\nkeep "large.cif"\nformula "TiO5"\nsample 8 model "weights/mine"',
    ],
)
def test_what_can_be_given(folder: Path, lines: str) -> None:
    assert [code for code, _, _ in said(folder, lines) if code in ("E209", "E522")] == []


def test_what_the_file_of_a_host_says_otherwise_is_told(folder: Path) -> None:
    text = (folder / "rutile.cif").read_text()
    volume = next(line for line in text.splitlines() if line.startswith("_cell_volume"))
    (folder / "noted.cif").write_text(text.replace(volume, "_cell_volume 70"))
    for line in ('keep "noted.cif"', 'start "noted.cif" noise 0.4'):
        found = [one for one in said(folder, f"system Ti-O\n{line}") if one[0] == "W057"]
        assert found == [
            (
                "W057",
                "noted.cif: its volume is said to be 70 Å^3, and its cell has 62.367",
                '"noted.cif"',
            )
        ]


def test_a_host_that_lacks_its_hydrogen_is_none(folder: Path) -> None:
    text = (folder / "rutile.cif").read_text()
    formula = next(line for line in text.splitlines() if line.startswith("_chemical_formula_sum"))
    (folder / "dry.cif").write_text(text.replace(formula, "_chemical_formula_sum 'Ti O2 H2'"))
    [(code, message, _)] = said(folder, 'system Ti-O-H\nkeep "dry.cif"')
    assert (code, "H has no positions" in message) == ("E209", True)


def test_an_editor_says_it_too(folder: Path) -> None:
    from scoutlang.descriptors import signatures
    from scoutlang.interfaces.lsp.document import Document
    from scoutlang.ir.source import Source

    text = 'system Ti-S\nkeep "rutile.cif"\nexpect density > 1 g/cm^3\n'
    document = Document(Source("x.scout", text, folder), signatures(), lambda: ())
    assert [d.code for d in document.diagnostics] == ["E522"]


def test_a_path_from_the_root_of_the_disk(folder: Path) -> None:
    """Inside the folder of the program the message has the path that is meant."""
    path = folder / "x.scout"
    path.write_text(f'system Ti-O\nkeep "{folder / "rutile.cif"}"\nexpect density > 1 g/cm^3\n')
    [found] = api.check(path).diagnostics
    assert found.message == "this path begins at the root of the disk"
    assert found.primary is not None
    assert "`rutile.cif`" in found.primary.text
    path.write_text('system Ti-O\nkeep "/etc/host.cif"\nexpect density > 1 g/cm^3\n')
    [found] = api.check(path).diagnostics
    assert found.message == "this path leaves the folder of the program"
