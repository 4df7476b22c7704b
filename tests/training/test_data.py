"""The crystals that a model is trained on: each one once, none lost without a reason."""

from __future__ import annotations

import itertools
import os
import pickle
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from pymatgen.core import Lattice, Structure

from scoutlang.support.errors import ScoutError
from scoutlang.training import data
from scoutlang.training.data import (
    Filters,
    Part,
    Row,
    TrainingSet,
    Unique,
    prepared,
    rows,
    training_set,
)

FCC = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])


def rock_salt(a: float = 5.64, metal: str = "Na", other: str = "Cl") -> Structure:
    """The conventional cell of 8 atoms."""
    lattice = Lattice.cubic(a)
    return Structure.from_spacegroup("Fm-3m", lattice, [metal, other], [[0, 0, 0], [0.5] * 3])


def quaternary(species: Sequence[str], a: float = 5.9) -> Structure:
    """Atoms at 0, 1/4, 1/2 and 3/4 of the body diagonal of a face-centred cell."""
    return Structure(Lattice(a * FCC), species, [[k / 4] * 3 for k in range(4)])


def skewed(structure: Structure) -> Structure:
    """A supercell of it with other axes."""
    return structure * [[1, 1, 0], [0, 1, 2], [0, 0, 1]]


def shifted(structure: Structure) -> Structure:
    """With another origin, and the atoms in another order."""
    frac = np.add(structure.frac_coords, [0.13, 0.57, 0.31])[::-1]
    return Structure(structure.lattice, structure.species[::-1], frac)


CESIUM_CHLORIDE = Structure(Lattice.cubic(4.12), ["Cs", "Cl"], [[0, 0, 0], [0.5] * 3])
"""Not in any file of these tests but the embedded one."""


@pytest.fixture(autouse=True)
def embedded(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """mp-mini holds CsCl and nothing else."""
    if "slow" not in request.keywords:
        monkeypatch.setattr(data, "_embedded", lambda: iter([Row(CESIUM_CHLORIDE)]))


def parquet(file: Path, structures: Sequence[Structure], **columns: list[Any]) -> Path:
    """As mp-mini has it, numbers and flat arrays, and further columns."""
    table: dict[str, Any] = {
        "numbers": [list(s.atomic_numbers) for s in structures],
        "frac": [s.frac_coords.ravel().tolist() for s in structures],
        "lattice": [s.lattice.matrix.ravel().tolist() for s in structures],
    }
    pq.write_table(pa.table({**table, **columns}), file)
    return file


def table(file: Path, header: str, *lines: Sequence[str]) -> Path:
    """A CSV file whose texts are quoted."""
    quoted = [",".join('"' + x.replace('"', '""') + '"' for x in line) for line in lines]
    file.write_text("\n".join([header, *quoted]) + "\n", encoding="utf-8")
    return file


def cif(structure: Structure) -> str:
    return str(structure.to(fmt="cif"))


def extxyz(structure: Structure, comment: str = "") -> str:
    cell = " ".join(f"{x:.8f}" for x in structure.lattice.matrix.ravel())
    atoms = [f"{site.specie} " + " ".join(f"{x:.8f}" for x in site.coords) for site in structure]
    head = f'Lattice="{cell}" Properties=species:S:1:pos:R:3 pbc="T T T" {comment}'
    return "\n".join([str(len(structure)), head, *atoms]) + "\n"


def read(*files: Path, **filters: Any) -> TrainingSet:
    found = training_set(files, Filters(**filters))
    for index, part in enumerate(found.parts):
        assert part.read == part.taken + sum(part.left_out.values())
        assert part.taken == sum(c.part == index for c in found.crystals)
        assert part.held_out == sum(c.part == index for c in found.held_out)
    return found


def only(found: TrainingSet) -> Part:
    """The part of the one file."""
    _, part = found.parts
    return part


def systems(found: TrainingSet) -> list[str]:
    """Of the crystals that are not of mp-mini, in order."""
    return [c.system for c in found.crystals if c.part]


def failure(action: Callable[[], object]) -> ScoutError:
    with pytest.raises(ScoutError) as raised:
        action()
    return raised.value


# -- one crystal
# ---------------------------------------------------------------------------------------------------------------------


def test_the_conventional_cell_of_rock_salt_becomes_its_primitive_one() -> None:
    found = prepared(rock_salt())
    assert found is not None
    assert sorted(found.numbers.tolist()) == [11, 17]
    assert found.system == "Cl-Na"
    # the primitive cell of a face-centred cubic lattice: a/√2 and 60° or 120°, a quarter as large
    assert torch.linalg.det(found.cell).item() == pytest.approx(5.64**3 / 4, rel=1e-5)
    assert found.cell.norm(dim=1).tolist() == pytest.approx([5.64 / 2**0.5] * 3, rel=1e-5)
    torch.testing.assert_close(found.cell, found.cell.T, rtol=0, atol=1e-5)
    offset = (found.frac[1] - found.frac[0]).remainder(1.0)
    assert offset.tolist() == pytest.approx([0.5] * 3, abs=1e-5)
    assert (found.numbers.dtype, found.frac.dtype, found.cell.dtype) == (
        torch.int64,
        torch.float32,
        torch.float32,
    )


@pytest.mark.parametrize("how", [skewed, shifted, lambda s: skewed(shifted(s))])
def test_a_crystal_is_the_same_in_every_description(
    how: Callable[[Structure], Structure],
) -> None:
    for structure in (rock_salt(), quaternary(["Cu", "Mn", "Cu", "Al"])):
        first, again = prepared(structure), prepared(how(structure))
        assert first is not None
        assert again is not None
        assert len(first.numbers) == len(again.numbers)
        unique = Unique()
        assert unique.add(first)
        assert not unique.add(again)
        assert unique.all == [first]


def test_a_distorted_crystal_keeps_its_larger_cell() -> None:
    structure = rock_salt()
    structure.translate_sites([0], [0.02, 0, 0])
    found = prepared(structure)
    assert found is not None
    assert len(found.numbers) == 8


# -- each one once
# ---------------------------------------------------------------------------------------------------------------------


def test_a_crystal_of_several_files_counts_once(tmp_path: Path) -> None:
    salt = rock_salt()
    one = parquet(tmp_path / "one.parquet", [salt, rock_salt(4.21, "Mg", "O"), skewed(salt)])
    two = parquet(tmp_path / "two.parquet", [shifted(salt), skewed(CESIUM_CHLORIDE)])
    found = read(one, two)
    assert systems(found) == ["Cl-Na", "Mg-O"]
    mini, first, second = found.parts
    assert (mini.name, mini.read, mini.taken) == ("mp-mini", 1, 1)
    assert (first.name, first.read, first.taken) == ("one.parquet", 3, 2)
    assert first.left_out == {"seen before": 1}
    assert (second.name, second.read, second.taken) == ("two.parquet", 2, 0)
    assert second.left_out == {"seen before": 2}
    assert str(second) == "two.parquet: 2 crystals, 0 taken (0 held out); left out: 2 seen before"


def test_crystals_of_the_same_cell_and_atoms_are_kept_where_they_differ(tmp_path: Path) -> None:
    heusler = quaternary(["Al", "Cu", "Mn", "Cu"])
    inverse = quaternary(["Al", "Cu", "Cu", "Mn"])
    file = parquet(tmp_path / "a.parquet", [heusler, inverse, shifted(inverse), skewed(heusler)])
    found = read(file)
    assert systems(found) == ["Al-Cu-Mn"] * 2
    assert only(found).left_out == {"seen before": 2}


def test_a_crystal_of_another_size_is_another_one(tmp_path: Path) -> None:
    file = parquet(tmp_path / "a.parquet", [rock_salt(a) for a in (5.64, 5.65, 6.2)])
    assert only(read(file)).left_out == {"seen before": 1}
    assert [c.part for c in read(file).crystals] == [0, 1, 1]


def test_the_first_of_those_that_are_the_same_is_kept(tmp_path: Path) -> None:
    files = [parquet(tmp_path / f"{k}.parquet", [rock_salt(a)]) for k, a in enumerate((5.64, 5.65))]
    for order in (files, files[::-1]):
        found = read(*order)
        wanted = prepared(rock_salt(5.64 if order is files else 5.65))
        assert wanted is not None
        torch.testing.assert_close(found.crystals[-1].cell, wanted.cell)


# -- filters
# ---------------------------------------------------------------------------------------------------------------------

MANY = [rock_salt(4.2 + 0.3 * k, metal, other) for k, (metal, other) in enumerate(
    [("Mg", "O"), ("Ca", "O"), ("Na", "F"), ("Na", "Cl"), ("K", "Br")]
)]  # fmt: skip


@pytest.mark.parametrize("column", ["e_above_hull", "energy_above_hull"])
def test_crystals_that_are_too_high_are_left_out(column: str, tmp_path: Path) -> None:
    heights = [0.1, 0.11, None, float("nan"), -0.2]
    file = parquet(tmp_path / "a.parquet", MANY, **{column: heights})
    found = read(file)
    assert systems(found) == ["Mg-O", "F-Na", "Cl-Na", "Br-K"]
    assert only(found).left_out == {"more than 0.1 eV/atom above the hull": 1}
    assert systems(read(file, max_above_hull=0.0)) == ["F-Na", "Cl-Na", "Br-K"]
    assert systems(read(file, max_above_hull=0.2)) == ["Mg-O", "Ca-O", "F-Na", "Cl-Na", "Br-K"]


def test_crystals_without_a_height_are_kept(tmp_path: Path) -> None:
    file = parquet(tmp_path / "a.parquet", MANY, formation_energy=[9.0] * 5)
    assert only(read(file, max_above_hull=0.0)).taken == 5


def test_large_primitive_cells_are_left_out(tmp_path: Path) -> None:
    file = parquet(tmp_path / "a.parquet", [rock_salt() * 2, quaternary(["Al", "Cu", "Cu", "Mn"])])
    found = read(file, max_atoms=3)
    assert systems(found) == ["Cl-Na"]
    assert only(found).left_out == {"larger than 3 atoms": 1}
    assert len(systems(read(file, max_atoms=4))) == 2


def test_crystals_of_other_elements_are_left_out(tmp_path: Path) -> None:
    file = parquet(tmp_path / "a.parquet", MANY)
    found = read(file, elements=("Na", "Cl", "F", "O", "Mg"))
    assert systems(found) == ["Mg-O", "F-Na", "Cl-Na"]
    assert only(found).left_out == {"with other elements": 2}
    assert found.parts[0].left_out == {"with other elements": 1}  # the filter is for mp-mini too


def test_an_unknown_element_is_a_message(tmp_path: Path) -> None:
    error = failure(lambda: read(elements=("Li", "co")))
    assert error.code == "E031"
    assert error.message == "'co' is not an element"
    assert error.hint


def test_a_set_may_be_empty(tmp_path: Path) -> None:
    cache = tmp_path / "crystals.pt"
    found = training_set([], Filters(elements=("Au",)), cache)
    assert found.crystals == found.training == found.held_out == []
    assert training_set([], Filters(), cache).crystals


def test_everything_that_is_read_is_taken_or_left_out_for_one_reason(tmp_path: Path) -> None:
    lines = [
        (cif(rock_salt()), "0.0"),
        (cif(rock_salt(4.21, "Mg", "O")), "0.3"),
        (cif(rock_salt(4.8, "Ca", "O")), "0.0"),
        ("data_broken\n_cell_length_a 3", ""),
        ("", "0.0"),
        (cif(quaternary(["Na", "Na", "Cl", "Cl"])), "0.0"),
        (cif(shifted(rock_salt())), ""),
        ("data_also_broken", "0.5"),
    ]
    file = table(tmp_path / "a.csv", "cif,e_above_hull", *lines)
    part = only(read(file, max_atoms=3, elements=("Na", "Cl", "Mg", "O")))
    assert (part.read, part.taken) == (8, 1)
    assert part.left_out == {
        "more than 0.1 eV/atom above the hull": 2,
        "with other elements": 1,
        "cannot be used": 2,
        "larger than 3 atoms": 1,
        "seen before": 1,
    }


def test_the_held_out_crystals_are_counted(tmp_path: Path) -> None:
    held_out = Structure(Lattice.cubic(3.0), ["Li", "Co"], [[0, 0, 0], [0.5] * 3])
    found = read(parquet(tmp_path / "a.parquet", [rock_salt(), held_out]))
    part = only(found)
    assert (part.taken, part.held_out) == (2, 1)
    assert [c.system for c in found.held_out] == ["Co-Li"]
    assert str(part) == "a.parquet: 2 crystals, 2 taken (1 held out)"


# -- kinds of files
# ---------------------------------------------------------------------------------------------------------------------


def test_parquet_has_the_columns_of_mp_mini(tmp_path: Path) -> None:
    schema = data.load_reference("mp-mini").table.schema
    salt = rock_salt()
    row = {
        "id": "x-1",
        "source": "mp",
        "formula": "NaCl",
        "chemsys": "Cl-Na",
        "num_atoms": 8,
        "numbers": list(salt.atomic_numbers),
        "frac": salt.frac_coords.ravel().tolist(),
        "lattice": salt.lattice.matrix.ravel().tolist(),
        "citation": "",
        "licence": "CC0",
    }
    file = tmp_path / "A.PARQUET"
    pq.write_table(pa.Table.from_pylist([row], schema=schema), file)
    (found,) = rows(file)
    assert isinstance(found.crystal, Structure)
    assert found.crystal.lattice.a == pytest.approx(5.64)
    assert systems(read(file)) == ["Cl-Na"]


@pytest.mark.parametrize("column", ["e_above_hull", "energy_above_hull"])
def test_a_csv_has_a_column_of_cifs(column: str, tmp_path: Path) -> None:
    lines = [
        (f"mp-{k}", cif(s), height)
        for k, (s, height) in enumerate(
            zip(MANY, ["0.05", "0.2", "", "nan", "unknown"], strict=True)
        )
    ]
    found = read(table(tmp_path / "train.csv", f"material_id,cif,{column}", *lines))
    assert systems(found) == ["Mg-O", "F-Na", "Cl-Na", "Br-K"]
    assert only(found).left_out == {"more than 0.1 eV/atom above the hull": 1}


def test_a_broken_cif_is_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    disordered = cif(rock_salt()).replace("  1\n", "  0.5\n")
    lines = [[cif(MANY[0])], ["data_x\n_cell_length_a 3"], [""], [disordered], [cif(MANY[1])]]
    found = read(table(tmp_path / "a.csv", "cif", *lines))
    assert systems(found) == ["Mg-O", "Ca-O"]
    part = only(found)
    assert part.left_out == {"cannot be used": 3}
    assert "a.csv, row 2 has a cell but no atoms" in part.first_error
    assert str(part) == (
        "a.csv: 5 crystals, 2 taken (0 held out); left out: 3 cannot be used "
        f"(the first: {part.first_error})"
    )


def test_extxyz_has_the_height_in_its_comment(tmp_path: Path) -> None:
    comments = ["e_above_hull=0.01", "energy_above_hull=0.5", "e_above_hull=nan", "", "note=high"]
    file = tmp_path / "a.extxyz"
    file.write_text("".join(map(extxyz, MANY, comments)))
    found = read(file)
    assert systems(found) == ["Mg-O", "F-Na", "Cl-Na", "Br-K"]
    assert only(found).left_out == {"more than 0.1 eV/atom above the hull": 1}


def test_an_extxyz_frame_that_is_no_crystal_is_counted(tmp_path: Path) -> None:
    file = tmp_path / "a.xyz"
    molecule = "1\nProperties=species:S:1:pos:R:3\nH 0 0 0\n"
    file.write_text(extxyz(MANY[0]) + molecule + extxyz(MANY[1]) + "2\nLattice=")
    part = only(read(file))
    assert (part.read, part.taken, part.left_out) == (4, 2, {"cannot be used": 2})
    assert part.first_error == f"{file}#2 has no cell"


def test_a_folder_and_a_zip_of_cifs_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "cifs.csv"  # whatever its name
    folder.mkdir()
    for k, structure in enumerate(MANY[:3]):
        (folder / f"{k}.cif").write_text(cif(structure))
    (folder / "3.cif").write_text("nothing")
    (folder / "notes.txt").write_text("nothing")
    archive = tmp_path / "cifs.zip"
    with zipfile.ZipFile(archive, "w") as out:
        for file in sorted(folder.glob("*.cif")):
            out.write(file, file.name)
    for source in (folder, archive):
        found = read(source)
        assert systems(found) == ["Mg-O", "Ca-O", "F-Na"]
        assert only(found).left_out == {"cannot be used": 1}
        assert "3.cif is not a readable cif file" in only(found).first_error


def test_errors_travel_between_processes() -> None:
    again = pickle.loads(pickle.dumps(ScoutError("E203", "it is damaged", "mend it")))
    assert (again.code, again.message, again.hint) == ("E203", "it is damaged", "mend it")


# -- files that cannot be used
# ---------------------------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_a_message(tmp_path: Path) -> None:
    error = failure(lambda: read(tmp_path / "nothing.parquet"))
    assert error.code == "E201"
    assert "nothing.parquet" in error.message
    assert error.hint


@pytest.mark.parametrize("column", ["numbers", "frac", "lattice"])
def test_parquet_without_a_column_is_a_message(column: str, tmp_path: Path) -> None:
    file = parquet(tmp_path / "a.parquet", MANY)
    pq.write_table(pq.read_table(file).drop_columns([column]), file)
    error = failure(lambda: read(file))
    assert error.code == "E203"
    assert f"has no column {column}" in error.message
    assert error.hint == "it needs the columns numbers, frac, lattice"


@pytest.mark.parametrize("content", [b"", b"PAR1", b"garbage" * 99, b"PAR1" * 99])
def test_parquet_that_is_garbage_is_a_message(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    file.write_bytes(content)
    error = failure(lambda: read(file))
    assert error.code == "E203"
    assert "a.parquet is not Parquet" in error.message


def test_parquet_with_damaged_pages_is_a_message(tmp_path: Path) -> None:
    file = parquet(tmp_path / "a.parquet", MANY)
    content = bytearray(file.read_bytes())
    content[4:200] = b"\xff" * 196
    file.write_bytes(content)
    error = failure(lambda: read(file))
    assert error.code == "E203"
    assert "a.parquet is damaged" in error.message


def test_odd_rows_of_parquet_are_counted(tmp_path: Path) -> None:
    columns = {
        "numbers": [[11, 17], [11, 17], [11], None, [0], [300], [], [11], [11]],
        "frac": [[0.0] * 3 + [0.5] * 3, [0.0] * 3, [0.0], [0.0] * 3, [0.0] * 3, [0.0] * 3, [],
                 [float("nan")] * 3, [0.0] * 3],
        "lattice": [[3.0, 0, 0, 0, 3, 0, 0, 0, 3]] * 8 + [[0.0] * 9],
    }  # fmt: skip
    file = tmp_path / "a.parquet"
    pq.write_table(pa.table(columns), file)
    part = only(read(file))
    assert (part.read, part.taken, part.left_out) == (9, 1, {"cannot be used": 8})
    assert "a.parquet holds an odd crystal" in part.first_error


def test_a_csv_without_cifs_is_a_message(tmp_path: Path) -> None:
    error = failure(lambda: read(table(tmp_path / "a.csv", "structure,e_above_hull", ["x", "0"])))
    assert error.code == "E203"
    assert "a.csv has no column cif" in error.message
    assert error.hint


def test_a_csv_with_an_endless_field_is_a_message(tmp_path: Path) -> None:
    file = table(tmp_path / "a.csv", "cif", [cif(MANY[0])], ["x" * (2**24 + 1)])
    error = failure(lambda: read(file))
    assert error.code == "E203"
    assert "a.csv is damaged at line" in error.message


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.txt", "text", "E205"),
        ("a", "text", "E205"),
        ("a.cif", "text", "E203"),
        ("a.zip", "text", "E203"),
        ("a.xyz", "text", "E203"),
        ("a.extxyz", "", "E207"),
        ("a.csv", "cif\n", "E207"),
    ],
)
def test_a_file_without_a_single_crystal_is_a_message(
    name: str, content: str, code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def embedded() -> Iterator[Row]:
        raise AssertionError("mp-mini is read first, which takes half a minute")
        yield

    monkeypatch.setattr(data, "_embedded", embedded)
    (tmp_path / name).write_text(content)
    error = failure(lambda: read(tmp_path / name))
    assert error.code == code
    assert name in error.message


def test_an_empty_folder_and_an_empty_parquet_are_messages(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert failure(lambda: read(tmp_path / "empty")).code == "E207"
    file = parquet(tmp_path / "a.parquet", MANY)
    pq.write_table(pq.read_table(file).slice(0, 0), file)
    assert failure(lambda: read(file)).code == "E207"


# -- cache and workers
# ---------------------------------------------------------------------------------------------------------------------


def assert_same(one: TrainingSet, other: TrainingSet) -> None:
    assert (one.parts, one.filters, one.sha256) == (other.parts, other.filters, other.sha256)
    assert len(one.crystals) == len(other.crystals)
    for a, b in zip(one.crystals, other.crystals, strict=True):
        assert (a.system, a.part) == (b.system, b.part)
        for name in ("numbers", "frac", "cell"):
            assert torch.equal(getattr(a, name), getattr(b, name))
            assert getattr(a, name).dtype == getattr(b, name).dtype


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[TrainingSet, bool]]:
    """`training_set`, and whether the crystals were read."""
    embedded = data._embedded

    def make(*arguments: Any) -> tuple[TrainingSet, bool]:
        read_: list[int] = []

        def counted() -> Iterator[Row]:
            read_.append(1)
            return iter(embedded())

        monkeypatch.setattr(data, "_embedded", counted)
        return training_set(*arguments), bool(read_)

    return make


def test_the_cache_gives_the_same_set_back(
    made: Callable[..., tuple[TrainingSet, bool]], tmp_path: Path
) -> None:
    file = table(tmp_path / "a.csv", "cif", [cif(MANY[0])], ["broken"], [cif(MANY[2])])
    filters, cache = Filters(elements=("Cs", "Cl", "Mg", "O")), tmp_path / "new" / "crystals.pt"
    first, read_first = made([file], filters, cache)
    again, read_again = made([file], filters, cache)
    assert (read_first, read_again) == (True, False)
    assert_same(first, again)
    assert again.parts[1].left_out == {"cannot be used": 1, "with other elements": 1}
    assert again.parts[1].left_out["no such reason"] == 0
    assert [p.name for p in cache.parent.iterdir()] == ["crystals.pt"]


def test_the_cache_is_made_anew_where_files_or_filters_change(
    made: Callable[..., tuple[TrainingSet, bool]], tmp_path: Path
) -> None:
    file = parquet(tmp_path / "a.parquet", MANY[:2])
    cache = tmp_path / "crystals.pt"

    def changed(*files: Path, **filters: Any) -> TrainingSet:
        for expected in (True, False):
            found, was_read = made(files, Filters(**filters), cache)
            assert was_read is expected
        return found

    assert systems(changed(file)) == ["Mg-O", "Ca-O"]
    assert systems(changed(file, elements=("Mg", "O"))) == ["Mg-O"]
    changed(file, max_atoms=2)
    changed(file, max_above_hull=0.3)
    changed()
    parquet(file, MANY[1:2])
    assert systems(changed(file)) == ["Ca-O"]
    other = parquet(tmp_path / "b.parquet", MANY[3:4])
    assert systems(changed(file, other)) == ["Ca-O", "Cl-Na"]
    assert systems(changed(other, file)) == ["Cl-Na", "Ca-O"]
    renamed = file.rename(tmp_path / "c.parquet")
    assert [p.name for p in changed(other, renamed).parts] == ["mp-mini", "b.parquet", "c.parquet"]


def test_the_hash_of_a_set_is_that_of_files_and_filters(tmp_path: Path) -> None:
    file = parquet(tmp_path / "a.parquet", MANY[:2])
    first = read(file)
    assert read(file.rename(tmp_path / "b.parquet")).sha256 == first.sha256
    others = [read(), read(tmp_path / "b.parquet", max_atoms=9)]
    parquet(tmp_path / "b.parquet", MANY[:3])
    others.append(read(tmp_path / "b.parquet"))
    assert len({first.sha256, *(o.sha256 for o in others)}) == 4


def test_the_hash_of_a_folder_is_that_of_names_and_contents(tmp_path: Path) -> None:
    folder = tmp_path / "cifs"
    folder.mkdir()
    (folder / "a.cif").write_text(cif(MANY[0]))
    (folder / "b.txt").write_text(cif(MANY[1]))
    first = read(folder)
    assert systems(first) == ["Mg-O"]
    (folder / "b.txt").rename(folder / "b.cif")
    second = read(folder)
    assert systems(second) == ["Mg-O", "Ca-O"]
    (folder / "b.cif").write_text(cif(MANY[2]))
    assert len({first.sha256, second.sha256, read(folder).sha256}) == 3


@pytest.mark.parametrize(
    "spoil",
    [
        lambda b: b[: len(b) // 2],
        lambda b: b"",
        lambda b: b"text",
        lambda b: pickle.dumps({"decides": os.system}),
    ],
    ids=["half", "empty", "text", "code"],
)
def test_a_damaged_cache_is_made_again(
    spoil: Callable[[bytes], bytes],
    made: Callable[..., tuple[TrainingSet, bool]],
    tmp_path: Path,
) -> None:
    cache = tmp_path / "crystals.pt"
    first, _ = made([], Filters(), cache)
    cache.write_bytes(spoil(cache.read_bytes()))
    for expected in (True, False):
        found, was_read = made([], Filters(), cache)
        assert was_read is expected
        assert_same(found, first)


def test_a_cache_that_lacks_something_is_made_again(
    made: Callable[..., tuple[TrainingSet, bool]], tmp_path: Path
) -> None:
    cache = tmp_path / "crystals.pt"
    made([], Filters(), cache)
    for key in torch.load(cache, weights_only=True):
        kept = torch.load(cache, weights_only=True)
        del kept[key]
        torch.save(kept, cache)
        assert made([], Filters(), cache)[1]


def test_the_result_does_not_depend_on_the_number_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [how(s) for how in (skewed, shifted, lambda s: s) for s in MANY]
    several = [(cif(s),) for s in many]
    several.insert(3, ("broken",))
    file = table(tmp_path / "a.csv", "cif", *several)
    monkeypatch.setattr(data, "BLOCK", 5)
    found = []
    for workers in (1, 3):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, n=workers: set(range(n)))
        found.append(read(file))
    assert_same(*found)
    assert only(found[0]).left_out == {"seen before": 10, "cannot be used": 1}


def test_what_is_being_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows_ = itertools.repeat(Row(CESIUM_CHLORIDE, e_above_hull=1.0), 9_999)
    several = itertools.chain([Row(CESIUM_CHLORIDE)], rows_)
    monkeypatch.setattr(data, "_embedded", lambda: several)
    said: list[str] = []
    training_set([], Filters(), say=said.append)
    assert said == [f"mp-mini: {n} crystals read, 1 taken" for n in (5000, 10000)]


# -- mp-mini
# ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_mp_mini_has_221_held_out_crystals(tmp_path: Path) -> None:
    found = training_set([], Filters(), tmp_path / "crystals.pt")
    (part,) = found.parts
    assert (part.read, part.taken, part.held_out) == (5770, 5728, 221)
    assert part.left_out == {"larger than 20 atoms": 29, "seen before": 13}
    assert (len(found.crystals), len(found.training), len(found.held_out)) == (5728, 5507, 221)
    assert part.sha256 == data.load_reference("mp-mini").version
    assert_same(training_set([], Filters(), tmp_path / "crystals.pt"), found)
