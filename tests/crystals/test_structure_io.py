"""Structure files of every kind, good and bad: a bad one is one clear error and never hides the
others.
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import DummySpecies, Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from scoutlang.crystals import io
from scoutlang.crystals.io import as_structure, read_structures
from scoutlang.crystals.specimen import Specimen
from scoutlang.support.errors import ScoutError


def outcomes(path: Path) -> list[str]:
    """Formula or error code of every structure."""
    return [
        item.code if isinstance(item, ScoutError) else item.structure.composition.reduced_formula
        for item in read_structures(path)
    ]


def names(path: Path) -> list[str]:
    return [item.name for item in read_structures(path) if isinstance(item, Specimen)]


@pytest.mark.parametrize(
    "filename", ["a.cif", "A.CIF", "POSCAR", "CONTCAR_3", "x.vasp", "x.poscar", "x.extxyz", "x.xyz"]
)
def test_every_format(filename: str, rock_salt: Structure, tmp_path: Path) -> None:
    path = tmp_path / filename
    if "xyz" in filename:
        write(path, AseAtomsAdaptor.get_atoms(rock_salt), format="extxyz")
    else:
        path.write_text(rock_salt.to(fmt="cif" if "cif" in filename.lower() else "poscar"))
    (found,) = read_structures(path)
    assert isinstance(found, Specimen)
    assert found.name == str(path)
    np.testing.assert_allclose(found.structure.volume, rock_salt.volume)
    assert len(found.structure) == 8


def test_many_frames_and_a_folder_and_an_archive(
    rock_salt: Structure, cesium_chloride: Structure, cif: Path, tmp_path: Path
) -> None:
    write(
        tmp_path / "b.extxyz",
        [AseAtomsAdaptor.get_atoms(s) for s in (rock_salt, cesium_chloride)],
        format="extxyz",
    )
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as archive:
        archive.write(cif, "inner/rock_salt.cif")
        archive.writestr("broken.cif", "data_x\n_cell_length_a 3\n")
        archive.writestr("readme.txt", "ignored")
    (tmp_path / "notes.txt").write_text("ignored")
    assert outcomes(tmp_path) == ["NaCl", "CsCl", "NaCl", "E203"]
    assert names(tmp_path) == [
        f"{tmp_path}/b.extxyz#1",
        f"{tmp_path}/b.extxyz#2",
        f"{tmp_path}/c.zip/inner/rock_salt.cif",
    ]


def test_a_cif_with_one_bad_block_is_not_silently_shortened(cif: Path, tmp_path: Path) -> None:
    good = cif.read_text()
    (tmp_path / "two.cif").write_text(good + good.replace("data_NaCl", "data_again"))
    assert outcomes(tmp_path / "two.cif") == ["NaCl", "NaCl"]
    (tmp_path / "bad.cif").write_text(
        good + good.replace("data_NaCl", "data_again").replace("_cell_length_a", "_cell_length_q")
    )
    assert outcomes(tmp_path / "bad.cif") == ["NaCl", "E203"]


def test_archives_are_never_unpacked(cif: Path, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    with zipfile.ZipFile(tmp_path / "deep" / "evil.zip", "w") as archive:
        archive.write(cif, "../../evil.cif")
        archive.write(cif, "/tmp/evil.cif")
    before = sorted(tmp_path.rglob("*"))
    assert names(tmp_path / "deep" / "evil.zip") == [
        f"{tmp_path}/deep/evil.zip/evil.cif",
        f"{tmp_path}/deep/evil.zip/tmp/evil.cif",
    ]
    assert sorted(tmp_path.rglob("*")) == before


def test_unreadable_files(rock_salt: Structure, cif: Path, tmp_path: Path) -> None:
    files = {
        "empty.cif": b"",
        "binary.cif": os.urandom(300),
        "cut.cif": cif.read_bytes()[:200],
        "cut.extxyz": b'8\nLattice="5 0 0 0 5 0 0 0 5" Properties=species:S:1:pos:R:3\nNa 0 0 0\n',
        "garbage.zip": b"PK\x03\x04 and then nothing",
        "POSCAR": b"no elements\n1.0\n3 0 0\n0 3 0\n0 0 3\n1 1\nDirect\n0 0 0\n.5 .5 .5\n",
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        assert outcomes(tmp_path / name) == ["E203"], name
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(io, "MAX_FILE_BYTES", 100)
        assert outcomes(cif) == ["E202"]
    assert outcomes(tmp_path / "missing.cif") == ["E201"]
    assert outcomes(Path("/dev/zero")) == ["E201"]
    (tmp_path / "x.pdf").write_bytes(b"")
    assert outcomes(tmp_path / "x.pdf") == ["E205"]
    (tmp_path / "none").mkdir()
    assert outcomes(tmp_path / "none") == ["E207"]


def test_an_archive_that_unpacks_to_too_much(
    cif: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.cif", b"0" * 200_000)
        archive.write(cif, "good.cif")
    monkeypatch.setattr(io, "MAX_FILE_BYTES", 100_000)
    assert outcomes(tmp_path / "bomb.zip") == ["E202", "NaCl"]
    monkeypatch.setattr(io, "MAX_ARCHIVE_BYTES", 150_000)
    assert outcomes(tmp_path / "bomb.zip") == ["E202"]


def test_an_archive_with_a_damaged_member(cif: Path, tmp_path: Path) -> None:
    path = tmp_path / "damaged.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(cif, "first.cif")
        archive.write(cif, "second.cif")
    data = bytearray(path.read_bytes())
    data[300] ^= 0xFF  # inside the first member: its checksum no longer fits
    path.write_bytes(data)
    assert outcomes(path) == ["E203", "NaCl"]


def structure_with(change: str, rock_salt: Structure) -> Structure | Atoms:
    structure = rock_salt.copy()
    match change:
        case "partial occupancy":
            structure[0] = {"Na": 0.5, "K": 0.5}
        case "dummy":
            structure[0] = DummySpecies("X")
        case "too heavy":
            structure[0] = "Lr"
        case "nan":
            structure.translate_sites([0], [float("nan"), 0, 0], to_unit_cell=False)
        case "flat":
            structure.lattice = Lattice([[5, 0, 0], [0, 5, 0], [0, 0, 1e-6]])
        case "molecule":
            return Atoms("NaCl", positions=[[0, 0, 0], [0, 0, 2.5]])
        case "slab":
            return Atoms(
                "NaCl", positions=[[0, 0, 0], [0, 0, 2.5]], cell=[5, 5, 20], pbc=[True, True, False]
            )
        case "nothing":
            return Atoms(cell=[3, 3, 3], pbc=True)
        case "large":
            return structure * (6, 6, 6)
    return structure


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("partial occupancy", "E204"),
        ("dummy", "E204"),
        ("too heavy", "E204"),
        ("nan", "E206"),
        ("flat", "E206"),
        ("molecule", "E206"),
        ("slab", "E206"),
        ("nothing", "E203"),
        ("large", "E208"),
    ],
)
def test_structures_that_cannot_be_measured(change: str, code: str, rock_salt: Structure) -> None:
    with pytest.raises(ScoutError) as caught:
        as_structure(structure_with(change, rock_salt), "it")
    assert caught.value.code == code
    assert str(caught.value).startswith(f"error[{code}]: it ")


def test_oxidation_states_and_deuterium_are_fine(rock_salt: Structure) -> None:
    structure = rock_salt.copy().add_oxidation_state_by_element({"Na": 1, "Cl": -1})
    structure[0] = "D"
    assert as_structure(structure, "it").atomic_numbers[0] == 1


def test_other_objects_are_a_type_error() -> None:
    with pytest.raises(TypeError, match="int"):
        as_structure(3, "it")  # type: ignore[arg-type]


@settings(max_examples=30, deadline=None)
@given(
    suffix=st.sampled_from([".cif", ".extxyz", ".vasp", ".zip"]),
    content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode),
)
def test_any_content_is_an_error_and_never_a_traceback(
    suffix: str, content: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("fuzz") / f"x{suffix}"
    path.write_bytes(content)
    assert all(code.startswith("E20") for code in outcomes(path))


def test_what_is_no_structure_is_named_where_one_is_asked_for() -> None:
    with pytest.raises(ValueError, match="guided-7-3 has no structure"):
        _ = Specimen("guided", 7, 3, failure="sampling diverged").crystal


def test_descendants_of_one_structure_are_a_family() -> None:
    one, copy, other = (
        Specimen("guided", 7, i, ancestor=a) for i, a in [(3, None), (4, 3), (5, 5)]
    )
    assert one.family == copy.family != other.family
