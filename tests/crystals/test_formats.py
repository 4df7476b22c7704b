"""Structure files of every kind that their makers have: each is the crystal that its program meant,
each is counted once, and what is passed over is said.
"""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
import zipfile
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.io import write
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Structure
from pymatgen.io.ase import AseAtomsAdaptor

from scoutlang.crystals.io import parse, read_structures, unread
from scoutlang.crystals.specimen import Specimen
from scoutlang.interfaces.cli import commands
from scoutlang.support.errors import ScoutError


def all_of(content: str | bytes, filename: str) -> list[Specimen | ScoutError]:
    return list(parse(content.encode() if isinstance(content, str) else content, "it", filename))


def crystal(content: str | bytes, filename: str) -> Structure:
    (found,) = all_of(content, filename)
    assert isinstance(found, Specimen), found
    return found.crystal


def error(content: str | bytes, filename: str) -> ScoutError:
    (found,) = all_of(content, filename)
    assert isinstance(found, ScoutError), found
    return found


def is_caesium_chloride(structure: Structure) -> bool:
    near = float(structure.get_distance(0, 1))
    return structure.formula == "Cs1 Cl1" and abs(near - 4.12 * 3**0.5 / 2) < 1e-3


def codes(path: Path) -> list[str]:
    return [
        item.code if isinstance(item, ScoutError) else item.crystal.composition.reduced_formula
        for item in read_structures(path)
    ]


# ---- VASP ----


def poscar(
    *middle: str,
    comment: str = "made by hand",
    scale: str = "1.0",
    cell: str = "4.12 0 0\n0 4.12 0\n0 0 4.12",
    sites: str = "0 0 0\n0.5 0.5 0.5",
    rest: str = "",
) -> str:
    return "\n".join([comment, scale, cell, *(middle or ("Cs Cl", "1 1", "Direct")), sites, rest])


VELOCITIES = "\n0.001 0.0 0.0\n0.0 0.002 0.0\n"


@pytest.mark.parametrize(
    "content",
    [
        poscar(),
        poscar("1 1", "Direct", comment="Cs Cl"),
        poscar("1 1", "Direct", sites="0 0 0 Cs\n.5 .5 .5 Cl"),
        poscar("Cs_sv/8f1c Cl/a2", "1 1 ! one each", "direct"),
        poscar("Cs Cl", "1 1", "Selective dynamics", "Direct", sites="0 0 0 T T F\n.5 .5 .5 F F F"),
        poscar("Cs Cl", "1 1", "Cartesian", sites="0 0 0\n2.06 2.06 2.06"),
        poscar(
            "Cs Cl", "1 1", "K", scale="4.12", cell="1 0 0\n0 1 0\n0 0 1", sites="0 0 0\n.5 .5 .5"
        ),
        poscar(scale="-69.934528", cell="1 0 0\n0 1 0\n0 0 1"),
        poscar(scale="4.12 2.06 1.03", cell="1 0 0\n0 2 0\n0 0 4"),
        poscar(
            *("Cs Cl", "1 1", "Cartesian"),
            scale="4.12 2.06 1.03",
            cell="1 0 0\n0 2 0\n0 0 4",
            sites="0 0 0\n.5 1 2",
        ),
        poscar(sites="0.0D0 0 0\n5.0d-1 0.5 0.5"),
        poscar(rest=VELOCITIES),
        poscar(rest=VELOCITIES + "\n1\n0.5\n0 0 0 0\n.1 .1 .1"),
        poscar(
            rest="Lattice velocities and vectors\n1\n.001 0 0\n0 .001 0\n0 0 .001\n" + VELOCITIES
        ),
        poscar(rest="\n0.001 0."),
    ],
)
def test_poscar_of_any_vasp(content: str) -> None:
    assert is_caesium_chloride(crystal(content, "POSCAR"))


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (poscar("1 1", "Direct"), "E203", "which elements"),
        (poscar("1 1", "Direct", comment="In Os cage"), "E203", "which elements"),
        (
            poscar("1 1", "Selective", "Direct", sites="0 0 0 T T F\n.5 .5 .5 T T F"),
            "E203",
            "which elements",
        ),
        (poscar("Cs Cl", "1 100000000", "Direct"), "E208", "100000001 atoms"),
        (poscar("Cs Cl", "1 2", "Direct"), "E203", "2 of its 3"),
        (poscar("Cs Cl", "1", "Direct"), "E203", "2 elements and 1"),
        (poscar("Cs Xq", "1 1", "Direct"), "E204", "Xq"),
        (poscar("Cs Cl", "1 1", "0 0 0"), "E203", "line 8 is neither"),
        (poscar(scale="1 -1 1"), "E203", "line 2 is no scale"),
        (poscar(scale="0"), "E203", "line 2 is no scale"),
        ("POSCAR\n1\n", "E203", "2 lines"),
    ],
)
def test_a_poscar_that_cannot_be_used(content: str, code: str, words: str) -> None:
    found = error(content, "POSCAR")
    assert (found.code, words in found.message) == (code, True), found


def test_elements_of_vasp_4_by_its_comment_are_said() -> None:
    (found,) = all_of(poscar("1 1", "Direct", comment="Cs Cl"), "POSCAR")
    assert isinstance(found, Specimen)
    assert "first line: Cs Cl" in found.notes[0]
    hint = error(poscar("1 1", "Direct"), "POSCAR").hint
    assert hint.startswith("write the elements in line 6")


# ---- extxyz ----

CELL = 'Lattice="4.12 0 0 0 4.12 0 0 0 4.12"'


@pytest.mark.parametrize(
    ("header", "rows"),
    [
        (CELL, "Cs 0 0 0\nCl 2.06 2.06 2.06"),
        (CELL + ' Properties=species:S:1:pos:R:3 pbc="T T T"', "Cs 0 0 0\nCl 2.06 2.06 2.06"),
        # GPUMD
        (
            'pbc="T T T" ' + CELL.lower() + " properties=species:S:1:pos:R:3:mass:R:1:vel:R:3",
            "Cs 0 0 0 132.9 0 0 0\nCl 2.06 2.06 2.06 35.45 0 0 0",
        ),
        # QUIP
        (
            CELL + " Properties=species:S:1:pos:R:3:Z:I:1:force:R:3 cutoff=-1.0 nneightol=1.2"
            ' config_type="a \\"b\\" c" virial={1 0 0 0 1 0 0 0 1}',
            "Cs 0 0 0 55 0 0 0\nCl 2.06 2.06 2.06 17 0 0 0",
        ),
        # MACE
        (
            CELL + ' Properties=Z:I:1:pos:R:3:REF_forces:R:3 REF_energy=-3.1 REF_stress="0 0 0"',
            "55 0 0 0 0 0 0\n17 2.06 2.06 2.06 0 0 0",
        ),
        (
            "Lattice=[[4.12, 0, 0], [0, 4.12, 0], [0, 0, 4.12]] pbc=[true, true, true]",
            "CS 0 0 0\nCL 2.06 2.06 2.06",
        ),
        ('Lattice="4.12 4.12 4.12"', "Cs 0 0 0\nCl 2.06 2.06 2.06 "),
    ],
)
def test_extxyz_in_its_dialects(header: str, rows: str) -> None:
    assert is_caesium_chloride(crystal(f"2\n{header}\n{rows}\n\n", "a.xyz"))


def test_what_ase_writes_with_forces_and_info_comes_back() -> None:
    atoms = Atoms("CsCl", scaled_positions=[[0] * 3, [0.5] * 3], cell=[4.12] * 3, pbc=True)
    atoms.info = {"name": 'a "b"', "d": {"x": [1, 2]}, "m": np.eye(3), "ok": True}
    atoms.arrays["forces"] = np.zeros((2, 3))
    out = io.StringIO()
    write(out, [atoms, atoms], format="extxyz")
    found = all_of(out.getvalue(), "a.extxyz")
    assert [is_caesium_chloride(one.crystal) for one in found if isinstance(one, Specimen)] == [
        True
    ] * 2


def test_a_bad_frame_does_not_hide_the_next() -> None:
    good = f"2\n{CELL}\nCs 0 0 0\nD 2.06 2.06 2.06\n"
    found = all_of(
        good
        + good.replace("Cs 0", "Xq 0")
        + good.replace("Lattice", "Lettice")
        + good.replace(CELL, CELL + ' pbc="T T F"')
        + good.replace("Cs 0 0 0", "Cs 0 0")
        + "2000\nx\n"
        + "Cs 0 0 0\n" * 2000
        + good
        + good[:-30],
        "a.xyz",
    )
    assert [one.code if isinstance(one, ScoutError) else one.crystal.formula for one in found] == [
        "Cs1 H1",
        "E204",
        "E206",
        "E206",
        "E203",
        "E208",
        "Cs1 H1",
        "E203",
    ]


def test_an_atom_that_is_listed_twice_is_said() -> None:
    twice = [
        (f"3\n{CELL}\nCs 0 0 0\nCl 2.06 2.06 2.06\nCl 2.06 2.06 6.18\n", "a.xyz"),
        (poscar("Cs Cl", "1 2", "Direct", sites="0 0 0\n.5 .5 .5\n.5 .5 -.5"), "POSCAR"),
    ]
    for content, filename in twice:
        (found,) = all_of(content, filename)
        assert isinstance(found, Specimen)
        assert found.notes == ("atoms 2 (Cl) and 3 (Cl) are in the same place",)


# ---- SHELX and AIRSS ----

AIRSS = """TITL CsCl-1 0.0 69.93 -9.5 0 0 2 (Pm-3m) n - 1
CELL 1.54180 4.12 4.12 4.12 90 90 90
LATT -1
SFAC Cs Cl
Cs 1 0.0 0.0 0.0 1.0
Cl 2 0.5 0.5 0.5 1.0
END
"""


def test_airss_one_or_several() -> None:
    assert is_caesium_chloride(crystal(AIRSS, "a.res"))
    assert [type(one) for one in all_of(AIRSS + AIRSS, "a.res")] == [Specimen, Specimen]
    assert error(AIRSS.replace("1.0\nEND", "0.5\nEND"), "a.res").code == "E204"
    assert error(AIRSS.replace("Cl 2 0.5", "Cl 3 0.5"), "a.res").code == "E203"


def test_shelx_with_symmetry() -> None:
    rutile = """TITL rutile
CELL 0.71073 4.594 4.594 2.959 90 90 90
ZERR 2 0.001 0.001 0.001 0 0 0
LATT 1
SYMM -X,-Y,Z
SYMM 0.5-Y,0.5+X,0.5+Z
SYMM 0.5+Y,0.5-X,0.5+Z
SYMM 0.5-X,0.5+Y,0.5-Z
SYMM 0.5+X,0.5-Y,0.5-Z
SYMM Y,X,-Z
SYMM -Y,-X,-Z
SFAC Ti O
UNIT 2 4
FVAR 1.0
TI1 1 10.0 10.0 10.0 10.125 0.01 0.01 =
   0.01 0 0 0
O1 2 0.305 0.305 10.0 10.25 0.01
HKLF 4
END
Q1 1 0.2 0.1 0.3 11.0 0.05 1.2
"""
    found = crystal(rutile, "a.res")
    assert found.formula == "Ti2 O4"
    assert found.density == pytest.approx(4.25, abs=0.02)


# ---- JSON ----

PYMATGEN = {
    "@module": "os",
    "@class": "system",
    "lattice": {"matrix": [[4.12, 0, 0], [0, 4.12, 0], [0, 0, 4.12]]},
    "sites": [
        {"species": [{"element": "Cs", "occu": 1}], "abc": [0, 0, 0]},
        {"species": [{"element": "Cl", "occu": 1}], "abc": [0.5, 0.5, 0.5]},
    ],
}
OPTIMADE = {
    "id": "x/1",
    "type": "structures",
    "attributes": {
        "lattice_vectors": [[4.12, 0, 0], [0, 4.12, 0], [0, 0, 4.12]],
        "species_at_sites": ["Cs", "Cl"],
        "cartesian_site_positions": [[0, 0, 0], [2.06, 2.06, 2.06]],
        "species": None,
        "nperiodic_dimensions": None,
    },
}


@pytest.mark.parametrize(
    ("data", "number"),
    [
        (PYMATGEN, 1),
        ([PYMATGEN, PYMATGEN], 2),
        ([{"material_id": "mp-1", "structure": PYMATGEN}], 1),
        (OPTIMADE, 1),
        ({"data": [OPTIMADE, OPTIMADE], "meta": {}}, 2),
        ({"data": OPTIMADE}, 1),
    ],
)
def test_json_of_pymatgen_and_optimade(data: object, number: int) -> None:
    found = all_of(json.dumps(data), "a.json")
    assert [is_caesium_chloride(one.crystal) for one in found if isinstance(one, Specimen)] == [
        True
    ] * number


def test_json_of_ase(tmp_path: Path) -> None:
    atoms = Atoms("CsCl", scaled_positions=[[0] * 3, [0.5] * 3], cell=[4.12] * 3, pbc=True)
    write(tmp_path / "a.json", [atoms, atoms])
    assert codes(tmp_path / "a.json") == ["CsCl", "CsCl"]


@pytest.mark.parametrize("data", [{}, [], 3, [3], {"sites": 1, "lattice": 2}, [[[]]], "x", None])
def test_other_json_is_an_error(data: object) -> None:
    assert {
        one.code for one in all_of(json.dumps(data), "a.json") if isinstance(one, ScoutError)
    } <= {
        "E203",
        "E207",
    }
    assert error("[" * 100_000, "a.json").code == "E203"


def test_deuterium_is_hydrogen_everywhere() -> None:
    sites = [
        {
            "species": [{"element": "D", "occu": 0.5}, {"element": "H", "occu": 0.5}],
            "abc": [0, 0, 0],
        },
        {"species": [{"element": "O", "occu": 1}], "abc": [0.5, 0.5, 0.5]},
    ]
    heavy = [
        crystal(json.dumps({**PYMATGEN, "sites": sites}), "a.json"),
        crystal(poscar("O D", "1 1", "Direct"), "POSCAR"),
        crystal(f"2\n{CELL}\nO 0 0 0\nT 2 2 2\n", "a.xyz"),
        crystal(AIRSS.replace("Cs Cl\n", "D O\n", 1), "a.res"),
    ]
    assert {one.composition.formula for one in heavy} == {"H1 O1"}


# ---- XSF ----


def test_xsf() -> None:
    content = "CRYSTAL\nPRIMVEC\n4.12 0 0\n0 4.12 0\n0 0 4.12\nPRIMCOORD\n2 1\n"
    sites = "55 0 0 0\n17 2.06 2.06 2.06\n"
    assert is_caesium_chloride(crystal(content + sites, "a.xsf"))
    assert error(content.replace("2 1", "99999999 1") + sites, "a.xsf").code == "E208"


# ---- what models write ----


def saved(data: object) -> bytes:
    out = io.BytesIO()
    torch.save(data, out)
    return out.getvalue()


def tensors(evaluations: int = 2) -> dict[str, object]:
    """As CDVAE and DiffCSP save them: evaluations, then crystals or atoms."""
    n = evaluations
    return {
        "eval_setting": Namespace(model_path="x"),
        "frac_coords": torch.tensor([[[0.0] * 3, [0.5] * 3, [0.1] * 3]] * n),
        "num_atoms": torch.tensor([[2, 1]] * n),
        "atom_types": torch.tensor([[55, 17, 29]] * n),
        "lengths": torch.full((n, 2, 3), 4.12),
        "angles": torch.full((n, 2, 3), 90.0),
        "time": 1.5,
    }


def test_tensors_of_cdvae_and_diffcsp() -> None:
    found = all_of(saved(tensors()), "eval_gen.pt")
    assert [one.crystal.formula for one in found if isinstance(one, Specimen)] == [
        "Cs1 Cl1",
        "Cu1",
    ] * 2
    assert is_caesium_chloride(found[0].crystal)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "change",
    [
        {"num_atoms": torch.tensor([[2, 2]] * 2)},
        {"lengths": torch.full((1, 2, 3), 4.0)},
        {"angles": [90]},
        {"num_atoms": torch.tensor([[-1, 4]] * 2)},
    ],
)
def test_tensors_that_do_not_fit(change: dict[str, object]) -> None:
    assert error(saved({**tensors(), **change}), "eval_gen.pt").code == "E203"


class _Runs:
    def __reduce__(self) -> object:
        return Path.touch, (Path("/tmp/scout-must-not-be-made"),)


def test_nothing_of_a_pickle_is_run() -> None:
    for data in (saved({**tensors(), "input_data_batch": _Runs()}), pickle.dumps(_Runs())):
        assert error(data, "eval_gen.pt").code == "E203"
    assert not Path("/tmp/scout-must-not-be-made").exists()


@pytest.fixture
def mattergen(cesium_chloride: Structure, rock_salt: Structure, tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    both = [cesium_chloride, rock_salt]
    frames = [AseAtomsAdaptor.get_atoms(one) for one in both]
    write(folder / "generated_crystals.extxyz", frames, format="extxyz")
    with zipfile.ZipFile(folder / "generated_crystals_cif.zip", "w") as archive:
        for k, one in enumerate(both):
            archive.writestr(f"gen_{k}.cif", one.to(fmt="cif"))
    with zipfile.ZipFile(folder / "generated_trajectories.zip", "w") as archive:
        archive.write(folder / "generated_crystals.extxyz", "gen_0.extxyz")
    return folder


def test_a_folder_of_mattergen_counts_each_crystal_once(mattergen: Path) -> None:
    assert codes(mattergen) == ["CsCl", "NaCl"]
    others = ["generated_crystals_cif.zip", "generated_trajectories.zip"]
    assert unread(mattergen) == others
    arguments = ["measure", "-c", "system Cs-Cl; require CN(Cs-Cl) = 8", str(mattergen)]
    result = CliRunner().invoke(commands, arguments)
    assert "2 measured: 1 hit" in result.stdout
    assert f"not read in {mattergen}: 2 folders" in result.stderr
    assert all(name in result.stderr for name in others)
    (mattergen / "generated_crystals.extxyz").unlink()
    assert codes(mattergen) == ["CsCl", "NaCl"]


def test_weights_and_tables_of_a_model_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "eval_diff.pt").write_bytes(saved(tensors(1)))
    (tmp_path / "last.pt").write_bytes(b"weights")
    (tmp_path / "eval_metrics.json").write_text("{}")
    assert codes(tmp_path) == ["CsCl", "Cu"]
    assert unread(tmp_path) == ["eval_metrics.json", "last.pt"]


# ---- names, archives, lists ----


@pytest.mark.parametrize(
    "name", ["mp-22865_POSCAR", "CsCl.POSCAR", "poscar.gz", "CONTCAR.7", "a.vasp.gz", "x.contcar"]
)
def test_names_of_vasp_files(name: str) -> None:
    content = poscar().encode()
    assert is_caesium_chloride(
        crystal(gzip.compress(content) if name.endswith("gz") else content, name)
    )


def test_a_suffix_is_stronger_than_the_word_poscar(cif: Path) -> None:
    assert (
        crystal(cif.read_bytes(), "POSCAR_of_rock_salt.cif").composition.reduced_formula == "NaCl"
    )


def test_compressed_files(cif: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed = gzip.compress(cif.read_bytes())
    assert crystal(packed, "a.cif.gz").formula == "Na4 Cl4"
    assert crystal(cif.read_bytes(), "a.mcif").formula == "Na4 Cl4"
    assert error(packed[:50], "a.cif.gz").code == "E203"
    assert error(b"text", "a.cif.gz").code == "E203"
    monkeypatch.setattr("scoutlang.crystals.io.MAX_FILE_BYTES", 10_000)
    assert error(gzip.compress(b"0" * 100_000), "a.cif.gz").code == "E202"


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_a_tar_archive(
    mode: str, cif: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / ("a.tar" if mode == "w" else "a.tar.gz")
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        archive.add(cif, "../../evil.cif")
        archive.add(__file__, "readme.md")
        link = tarfile.TarInfo("link.cif")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    (found,) = read_structures(path)
    assert isinstance(found, Specimen)
    assert found.name == f"{path}/evil.cif"
    path.write_bytes(path.read_bytes()[:100])
    assert codes(path) == ["E203"]
    path.write_bytes(b"")
    assert codes(path)[0] in ("E203", "E207")


def test_a_list_of_files(cif: Path, tmp_path: Path) -> None:
    (tmp_path / "a.vasp").write_text(poscar())
    (tmp_path / "b.txt").write_text("a.vasp")
    listed = tmp_path / "all.txt"
    listed.write_text(f"# both\na.vasp\n\n{cif}\nmissing.cif\nb.txt\na.vasp\n")
    assert codes(listed) == ["CsCl", "NaCl", "E201", "E205"]
    listed.write_text("some words\nthat name no file\n")
    assert codes(listed) == ["E205"]
    listed.write_text("")
    assert codes(listed) == ["E207"]
    assert codes(tmp_path) == ["CsCl"]
    assert unread(tmp_path) == ["all.txt", "b.txt"]


@settings(max_examples=60, deadline=None)
@given(
    suffix=st.sampled_from(["res", "json", "xsf", "pt", "xyz", "vasp", "cif.gz", "mcif"]),
    content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode),
)
def test_any_content_is_an_error_and_never_a_traceback(suffix: str, content: bytes) -> None:
    for found in all_of(content, f"x.{suffix}"):
        assert isinstance(found, ScoutError)
        assert found.code.startswith("E2")


@settings(max_examples=60, deadline=None)
@given(
    which=st.sampled_from([(AIRSS, "a.res"), (poscar(rest=VELOCITIES), "POSCAR")])
    | st.just((f"2\n{CELL} Properties=species:S:1:pos:R:3\nCs 0 0 0\nCl 2 2 2\n", "a.xyz"))
    | st.just((json.dumps(PYMATGEN), "a.json")),
    where=st.floats(0, 1),
    put=st.text(alphabet="'\"[]{}:,=0123456789.-+ \nabT", max_size=8),
)
def test_a_file_that_was_changed_anywhere(which: tuple[str, str], where: float, put: str) -> None:
    text, name = which
    at = int(where * len(text))
    for found in all_of(text[:at] + put + text[at:], name):
        assert isinstance(found, Specimen) or found.code.startswith("E2")
