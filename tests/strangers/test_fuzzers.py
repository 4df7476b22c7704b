"""Each fuzzer with a few inputs, so that it is there when it is wanted; and what they found."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.fuzz import __main__ as fuzz

FEW = 30
DEAR = {"checkpoint": 4, "lsp": 8}


@pytest.mark.parametrize("name", fuzz.entrances())
def test_a_few_inputs(name: str, tmp_path: Path) -> None:
    count = DEAR.get(name, FEW)
    found = fuzz.run(name, count, 1, tmp_path / "finds")
    assert sum(found["outcomes"].values()) == count
    assert found["finds"] == 0, [f.read_text() for f in (tmp_path / "finds").glob("*.txt")]


def test_an_input_is_made_again_by_its_number(tmp_path: Path) -> None:
    module = fuzz.entrance("cif")
    seeds = module.seeds(tmp_path)
    made = [fuzz.made(module, seeds, 7, 42) for _ in range(2)]
    assert made[0] == made[1] != fuzz.made(module, seeds, 7, 43)


@pytest.mark.parametrize(
    ("name", "number", "what"),
    [
        ("extxyz", 16, "an atom 3e18 cells away took all memory"),
        ("poscar", 1921, "an atom 1e5 cells away took 3 GB"),
        ("reference", 1290, "eight coordinates: ValueError"),
        ("reference", 8063, "an index beyond its dictionary: ArrowIndexError"),
        ("zip", 262, "a member without a name: IndexError"),
        ("zip", 3128, "a version of zip that there is not: NotImplementedError"),
    ],
)
def test_what_was_found_is_mended(name: str, number: int, what: str, tmp_path: Path) -> None:
    module = fuzz.entrance(name)
    seeds = module.seeds(tmp_path)
    outcome, trace = fuzz.fed(module, fuzz.made(module, seeds, 0, number), tmp_path)
    assert not outcome.startswith("FIND"), (what, trace)


def test_an_atom_far_outside_of_the_cell_is_refused() -> None:
    """Found by the fuzzer of extxyz: looking for its neighbours took all memory."""
    from scoutlang.crystals.io import parse
    from scoutlang.support.errors import ScoutError

    text = (
        '2\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3 pbc="T T T"\n'
        "Mg 9223372036854775808 0 0\nO 0 1.7 1\n"
    )
    [found] = parse(text.encode(), "x", "x.extxyz")
    assert isinstance(found, ScoutError)
    assert found.code == "E206"


@pytest.mark.parametrize("number", ["1e5", "1000.3"])
def test_atoms_in_far_cells_are_found_in_theirs(number: str) -> None:
    """Found by the fuzzer of POSCAR: one of them took 3 GB of memory. And a cell of 1000 Å, 27 GB."""
    from scoutlang.crystals.io import parse
    from scoutlang.crystals.specimen import Specimen

    for edge in (5.6, 1000.0):
        text = f"x\n{edge}\n1 0 0\n0 1 0\n0 0 1\nNa\n2\ndirect\n0 0 {number}\n0 0 0.3\n"
        [found] = parse(text.encode(), "POSCAR", "POSCAR")
        assert isinstance(found, Specimen)
        assert bool(found.notes) is (number == "1000.3")


def test_a_row_of_a_reference_set_that_is_damaged_is_said() -> None:
    """Found by the fuzzer of reference sets: numbers that are no crystal ended in ValueError."""
    import pyarrow as pa
    from pymatgen.core import Lattice, Structure

    from scoutlang.support.errors import ScoutError
    from scoutlang.validation.reference import SCHEMA, Reference, ReferenceStructure

    salt = Structure(Lattice.cubic(3.5), ["Na", "Cl"], [[0, 0, 0], [0.5] * 3])
    table = Reference.from_structures("x", [ReferenceStructure("a", "x", salt, "c", "l")]).table
    at = table.schema.get_field_index("frac")
    for numbers in ([0.0] * 5, [float("inf")] * 6):
        broken = table.set_column(
            at, SCHEMA.field("frac"), pa.array([numbers], SCHEMA.field("frac").type)
        )
        with pytest.raises(ScoutError) as caught:
            Reference("x", "0", broken).subset(["Na", "Cl"])
        assert caught.value.code == "E465"
