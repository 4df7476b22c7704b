"""CIF files as they are: what is read has the right atoms, what is not certain is said, and what is
not understood is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure
from pymatgen.io.cif import CifWriter

from scoutlang.crystals import cif
from scoutlang.crystals.io import parse
from scoutlang.crystals.specimen import Specimen
from scoutlang.evaluation.measure import measure_specimens
from scoutlang.interfaces.api import check
from scoutlang.support.errors import ScoutError

P1 = (
    "_symmetry_space_group_name_H-M 'P 1'",
    "loop_",
    "_space_group_symop_operation_xyz",
    "'x,y,z'",
)
ROCK_SALT = ("Na1 Na 0 0 0", "Cl1 Cl 0.5 0.5 0.5")
SITES = ("label", "type_symbol", "fract_x", "fract_y", "fract_z")
CUBE = "{0} {0} {0} 90 90 90"


def text(
    cell: str, *lines: str, sites: tuple[str, ...] = (), columns: tuple[str, ...] = SITES
) -> str:
    """A data block: cell, other lines, sites."""
    parts = "length_a length_b length_c angle_alpha angle_beta angle_gamma".split()
    return "\n".join(
        [
            "data_x",
            *(f"_cell_{p} {v}" for p, v in zip(parts, cell.split(), strict=True)),
            *lines,
            "loop_",
            *(f"_atom_site_{c}" for c in columns),
            *sites,
            "",
        ]
    )


def rock_salt(*lines: str) -> str:
    return text(CUBE.format(5.64), *lines, sites=ROCK_SALT)


def read(content: str | bytes) -> Specimen | ScoutError:
    data = content.encode() if isinstance(content, str) else content
    (found,) = parse(data, "it", "it.cif")
    return found


def crystal(content: str | bytes) -> Specimen:
    found = read(content)
    assert isinstance(found, Specimen), found
    return found


def error(content: str | bytes) -> ScoutError:
    found = read(content)
    assert isinstance(found, ScoutError), found
    return found


def mean_neighbours(found: Specimen, claim: str) -> float | None:
    program = check(claim).program
    assert program is not None
    (measured,) = measure_specimens(program, [found])
    return measured.terms[0].exact


# ---- symmetry ----


@pytest.mark.parametrize(
    "line",
    [
        "_symmetry_space_group_name_H-M 'F m -3 m'",
        "_space_group_name_H-M_alt 'Fm-3m'",
        "_symmetry_space_group_name_H-M 'F m 3 m'",
        "_symmetry_space_group_name_H-M 'F 4/m -3 2/m'",
        "_space_group_name_Hall '-F 4 2 3'",
        "_SPACE_GROUP.NAME_h-m_REF 'F m -3 m'",
        "_symmetry_Int_Tables_number 225",
        "_space_group_IT_number 225",
    ],
)
def test_one_space_group_in_eight_spellings(line: str) -> None:
    found = crystal(rock_salt(line))
    assert found.structure.composition.formula == "Na4 Cl4"
    assert found.structure.density == pytest.approx(2.16, abs=0.01)
    assert mean_neighbours(found, "system Na-Cl; require CN(Na-Cl) = 6") == 6
    assert bool(found.notes) == ("umber" in line)  # that it is the standard setting


def test_every_setting_of_every_group_by_symbol_hall_symbol_and_operations() -> None:
    for group in gemmi.spacegroup_table():
        operations = frozenset(op.triplet() for op in group.operations())
        by_symbol = cif.settings_of_symbol(group.xhm())
        assert operations in [one.operations for one in by_symbol], group.xhm()
        assert {one.number for one in by_symbol} == {group.number}
        assert not group.ext.strip("\0") or len(by_symbol) == 1


@pytest.mark.parametrize(
    ("symbol", "names"),
    [
        ("P2_1/c", ["P 1 21/c 1"]),
        ("F d -3 m S", ["F d -3 m:1"]),
        ("F d -3 m Z", ["F d -3 m:2"]),
        ("F d -3 m", ["F d -3 m:1", "F d -3 m:2"]),
        ("R -3 m H", ["R -3 m:H"]),
        ("I a 3 d", ["I a -3 d"]),
        ("C m c e", ["C 2/m 2/c 2_1/e"]),
        ("F m -3 q", []),
        ("P m -3 m :2", []),
    ],
)
def test_symbols_with_and_without_an_origin(symbol: str, names: list[str]) -> None:
    assert [one.name for one in cif.settings_of_symbol(symbol)] == names


HEXAGONAL = text(
    "4.546 4.546 11.862 90 90 120",
    "_symmetry_space_group_name_H-M 'R -3 m :H'",
    sites=("Bi1 Bi 0 0 0.2341",),
)
RHOMBOHEDRAL = text(
    "4.746 4.746 4.746 57.23 57.23 57.23",
    "_symmetry_space_group_name_H-M 'R -3 m :R'",
    "_symmetry_Int_Tables_number 166",
    sites=("Bi1 Bi 0.2341 0.2341 0.2341",),
)


@pytest.mark.parametrize(
    ("content", "atoms"),
    [(HEXAGONAL, 6), (RHOMBOHEDRAL, 2), (RHOMBOHEDRAL.replace(" :R", ""), 2)],
    ids=["hexagonal", "rhombohedral", "by its cell"],
)
def test_rhombohedral_crystals_in_both_axes(content: str, atoms: int) -> None:
    found = crystal(content)
    assert len(found.structure) == atoms
    assert found.structure.density == pytest.approx(9.8, abs=0.05)
    assert mean_neighbours(found, "system Bi-Te; require CN(Bi-Bi) = 3") == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (RHOMBOHEDRAL.replace(":R", ":H"), "does not have the shape"),
        (rock_salt("_symmetry_space_group_name_H-M 'F m -3 q'"), "not understood: _symmetry"),
        (rock_salt("_symmetry_space_group_name_H-M ?"), "does not know its symmetry"),
        (rock_salt("_space_group_IT_number 231"), "not understood"),
        (
            rock_salt("_space_group_name_H-M_alt 'P m -3 m'", "_space_group_IT_number 225"),
            "contradicts itself",
        ),
        (rock_salt(*P1[1:], "_space_group_name_H-M_alt 'F m -3 m'"), "contradicts itself"),
        (
            rock_salt(
                "_space_group_name_Hall 'F 4d 2 3 -1d'", "_space_group_name_H-M_alt 'F d -3 m :2'"
            ),
            "contradicts itself",
        ),
        (rock_salt(*P1[1:], "'x+1/2,y,z'", "'x,y+1/2,z'"), "are no group"),
        (rock_salt(*P1[1:], "'x+y'"), "not understood: 'x+y'"),
        (rock_salt(*P1[1:], "'2*x,y,z'"), "are no group"),
        (rock_salt("_space_group_symop_ssg_operation_algebraic x1,x2,x3,x4"), "modulated"),
    ],
)
def test_symmetry_that_is_not_understood_is_an_error(content: str, words: str) -> None:
    found = error(content)
    assert (found.code, words in found.message) == ("E211", True), found
    assert found.hint


def test_without_any_symmetry_all_atoms_are_taken_to_be_listed_and_that_is_said() -> None:
    found = crystal(rock_salt())
    assert len(found.structure) == 2
    assert "nothing of symmetry" in found.notes[0]


def test_an_origin_that_is_left_out_is_found_by_what_else_is_said() -> None:
    def silicon(*lines: str) -> str:
        return text(
            CUBE.format(5.431),
            "_symmetry_space_group_name_H-M 'F d -3 m'",
            *lines,
            sites=("Si1 Si 0 0 0",),
        )

    found = error(silicon())
    assert found.code == "E211"
    assert "F d -3 m:1 or F d -3 m:2" in found.message
    found = crystal(silicon("_chemical_formula_sum Si", "_cell_formula_units_Z 8"))
    assert len(found.structure) == 8
    assert "only F d -3 m:1" in found.notes[0]
    assert len(crystal(silicon("_exptl_crystal_density_diffrn 4.66")).structure) == 16


def test_operations_decide_over_the_setting_of_a_symbol() -> None:
    lines = [f"'{op.triplet()}'" for op in gemmi.SpaceGroup("P 1 21/n 1").operations()]
    found = crystal(
        text(
            "5 6 7 90 95 90",
            "_symmetry_space_group_name_H-M 'P 1 21/c 1'",
            *P1[1:3],
            *lines,
            sites=("Na1 Na 0.1 0.2 0.3",),
        )
    )
    assert len(found.structure) == 4
    assert "another setting" in found.notes[0]


def test_magnetic_operations_move_atoms_as_their_first_three_parts() -> None:
    content = text(
        CUBE.format(4.2),
        "loop_",
        "_space_group_symop_magn_operation.id",
        "_space_group_symop_magn_operation.xyz",
        "1 x,y,z,+1",
        "2 -x,-y,-z,-1",
        "loop_",
        "_space_group_symop_magn_centering.id",
        "_space_group_symop_magn_centering.xyz",
        "1 x,y,z,+1",
        "2 x+1/2,y+1/2,z+1/2,-1",
        sites=("Fe1 Fe 0.2 0.1 0.3",),
    )
    assert len(crystal(content).structure) == 4


def written() -> Iterator[tuple[Structure, str]]:
    """Crystals of all kinds of groups, as pymatgen writes them."""
    for number in (2, 14, 15, 62, 88, 141, 148, 160, 166, 167, 186, 194, 205, 216, 225, 227, 230):
        system = gemmi.find_spacegroup_by_number(number).crystal_system_str()
        lattice = {
            "triclinic": Lattice.from_parameters(5, 6, 7, 80, 95, 101),
            "monoclinic": Lattice.monoclinic(5, 6, 7, 100),
            "orthorhombic": Lattice.orthorhombic(5, 6, 7),
            "tetragonal": Lattice.tetragonal(5, 8),
            "cubic": Lattice.cubic(9),
        }.get(system, Lattice.hexagonal(5, 13))
        at = [[0, 0, 0], [0.12, 0.2, 0.33]]
        structure = Structure.from_spacegroup(number, lattice, ["Na", "Cl"], at)
        yield structure, str(CifWriter(structure, symprec=0.01))


def test_what_pymatgen_writes_comes_back() -> None:
    for structure, content in written():
        found = crystal(content)
        assert found.doubts == ()
        assert len(found.structure) == len(structure)
        assert found.structure.density == pytest.approx(structure.density, rel=1e-4)
        near = [sorted(s.distance_matrix[0])[:9] for s in (structure, found.crystal)]
        np.testing.assert_allclose(*near, atol=0.02)


@pytest.mark.parametrize(("number", "symbol"), [(152, "P 31 2 1"), (154, "P 32 2 1")])
def test_the_two_hands_of_quartz_stay_apart(number: int, symbol: str) -> None:
    from pymatgen.symmetry.analyzer import SpacegroupAnalyzer

    sites = ("Si1 Si 0.4697 0 0", "O1 O 0.4133 0.2672 0.1188")
    third = {152: "0.333333", 154: "0.666667"}[number]
    sites = (sites[0].replace(" 0 0", f" 0 {third}"), sites[1])
    if number == 154:
        sites = (sites[0], "O1 O 0.4133 0.2672 0.548")
    found = crystal(
        text("4.913 4.913 5.405 90 90 120", f"_space_group_name_H-M_alt '{symbol}'", sites=sites)
    )
    assert found.structure.composition.formula == "Si3 O6"
    assert SpacegroupAnalyzer(found.crystal).get_space_group_number() == number


# ---- atoms ----


def test_rounded_coordinates_are_put_on_their_symmetry_elements() -> None:
    content = text(
        "3.209 3.209 5.211 90 90 120",
        "_space_group_name_H-M_alt 'P 63/m m c'",
        sites=("Mg1 Mg 0.333 0.667 0.25",),
    )
    found = crystal(content)
    assert len(found.structure) == 2
    assert found.notes == ()
    np.testing.assert_allclose(sorted(found.structure.frac_coords[:, 0]), [1 / 3, 2 / 3])


def test_a_shared_place_is_disorder_whatever_the_occupancies() -> None:
    columns = (*SITES, "occupancy")

    def shared(hydrogen: str, oxygen: str) -> str:
        sites = ("Fe1 Fe 0 0 0 1", f"O1 O .5 .5 .5 {oxygen}", f"H1 H .5 .5 .5 {hydrogen}")
        return text(CUBE.format(4), *P1, sites=sites, columns=columns)

    full, partly = error(shared("1", "1")), error(shared("0.9", "0.1"))
    assert (full.code, partly.code) == ("E204", "E204")
    assert "O1 and H1 share a place" in full.message
    assert "O1 (O 0.1), H1 (H 0.9)" in partly.message


def test_ordered_crystals_near_a_disordered_one() -> None:
    sites = ("Li1 Li 0 0 0.5 0.5", "Co1 Co 0 0 0 1", "O1 O 0 0 0.26 1")
    columns = (*SITES, "occupancy")
    symbol = "_space_group_name_H-M_alt 'R -3 m :H'"
    content = text("2.82 2.82 14.05 90 90 120", symbol, sites=sites, columns=columns)
    assert "--ordered" in error(content).hint
    first, *_ = parse(content.encode(), "it", "it.cif", ordered=True)
    assert isinstance(first, Specimen)
    assert first.structure.composition.reduced_formula == "Li(CoO2)2"
    assert "put in order by pymatgen" in first.notes[0]
    alloy = text(
        CUBE.format(3.8), *P1, sites=("Cu1 Cu 0 0 0 .5", "Au1 Au 0 0 0 .5"), columns=columns
    )
    shared = text(CUBE.format(3.8), *P1, sites=("O1 O 0 0 0 1", "H1 H 0 0 0 1"), columns=columns)
    for content in (alloy, shared):
        (found,) = parse(content.encode(), "it", "it.cif", ordered=True)
        assert isinstance(found, ScoutError)
        assert found.code == "E204"


@pytest.mark.parametrize(
    ("occupancy", "words"),
    [
        ("4", "Cl1 has an occupancy of 4"),
        ("?", "Cl1 has no number in _atom_site_occupancy: ?"),
        ("nan", "Cl1 has no number"),
        ("-1", "Cl1 has an occupancy of -1"),
    ],
)
def test_an_occupancy_that_is_none(occupancy: str, words: str) -> None:
    sites = ("Cs1 Cs 0 0 0 1", f"Cl1 Cl 0.5 0.5 0.5 {occupancy}")
    found = error(text(CUBE.format(4.2), *P1, sites=sites, columns=(*SITES, "occupancy")))
    assert (found.code, words in found.message) == ("E203", True), found


def test_a_coordinate_that_is_none() -> None:
    found = error(text(CUBE.format(4.2), *P1, sites=("Cs1 Cs 0 0 0", "Cl1 Cl ? ? ?")))
    assert (found.code, "Cl1 has no number in _atom_site_fract_x" in found.message) == (
        "E203",
        True,
    )


def test_places_without_an_atom_are_left_out_and_that_is_said() -> None:
    sites = (
        "Cs1 Cs 0 0 0 1 .",
        "X1 X .3 .3 .3 1 dum",
        "Cl2 Cl .2 .2 .2 0 .",
        "Cl1 Cl .5 .5 .5 . .",
    )
    columns = (*SITES, "occupancy", "calc_flag")
    found = crystal(text(CUBE.format(4.2), *P1, sites=sites, columns=columns))
    assert found.structure.composition.formula == "Cs1 Cl1"
    assert ["X1" in found.notes[0], "Cl2" in found.notes[1]] == [True, True]


def test_a_site_that_is_listed_with_its_images_is_counted_once() -> None:
    content = text(
        CUBE.format(5.64),
        "_space_group_name_H-M_alt 'F m -3 m'",
        sites=(*ROCK_SALT, "Na2 Na 0.5 0.5 0"),
    )
    found = crystal(content)
    assert len(found.structure) == 8
    assert "Na2 (Na1)" in found.notes[0]


@pytest.mark.parametrize(
    ("label", "formula", "element"),
    [
        ("Na1", None, "Na"),
        ("O2A", None, "O"),
        ("CA1", "Ca O", "Ca"),
        ("CA1", "C O", "C"),
        ("CA1", None, None),
        ("Wat1", None, None),
        ("D1", None, "D"),
        ("OW1", None, "O"),
        ("Xx1", None, None),
    ],
)
def test_elements_by_label(label: str, formula: str | None, element: str | None) -> None:
    counts = None if formula is None else dict.fromkeys(formula.split(), 1.0)
    assert cif.symbol_of_site("?", label, counts) == element


def test_deuterium_is_hydrogen_and_sharing_a_place_with_it_is_no_disorder() -> None:
    sites = ("O1 O 0 0 0 1", "D1 D 0.32 0 0 0.7", "H1 H 0.32 0 0 0.3", "T1 T -0.08 0.29 0 1")
    found = crystal(text("3 3.2 3.4 90 90 90", *P1, sites=sites, columns=(*SITES, "occupancy")))
    assert found.structure.composition.formula == "H2 O1"
    assert mean_neighbours(found, "system O-H; require CN(O-H) = 2") == 2


# ---- syntax ----


def test_standard_uncertainties_comments_text_fields_and_old_encodings() -> None:
    symbol = "_symmetry_space_group_name_H-M 'F m -3 m'"
    with_su = text(
        "5.640(2) 5.640(2) 5.640(2) 90 90 90",
        symbol,
        sites=tuple(f"{site} 0.001" for site in ROCK_SALT),
        columns=(*SITES, "fract_x_su"),
    )
    log = "_iucr_refine_instructions_details\n;\nTITL\ndata_inside\nloop_\n_atom_site_fract_x\n9\n;"
    for content in (
        with_su,
        "# _atom_site_fract_x and so on\n" + rock_salt(symbol),
        rock_salt(symbol, log),
        rock_salt(symbol, "_publ_author_name 'Müller, B.'").encode("latin-1"),
        rock_salt(symbol, "_publ_author_name 'Müller, B.'").encode("utf-16"),
        "\ufeff" + rock_salt(symbol).replace("\n", "\r\n"),
    ):
        assert crystal(content).structure.composition.formula == "Na4 Cl4"


def test_a_log_with_a_data_line_beside_silicon() -> None:
    found = crystal(
        text(
            CUBE.format(5.431),
            "_symmetry_space_group_name_H-M 'F d -3 m :1'",
            "_space_group_IT_number 227",
            "_iucr_refine_instructions_details\n;\nTITL Si\ndata_inside_a_text_field\n;",
            sites=("Si1 Si 0 0 0",),
        )
    )
    assert len(found.structure) == 8
    assert found.structure.density == pytest.approx(2.33, abs=0.01)
    assert mean_neighbours(found, "system Si-O; require CN(Si-Si) = 4") == 4


def test_other_blocks_of_an_archive_are_no_crystals() -> None:
    content = (
        "data_global\n_journal_name 'x'\n"
        + rock_salt(*P1)
        + "data_fcf\n_cell_length_a 5\nloop_\n_refln_index_h\n1\n2\n"
        + rock_salt(*P1).replace("data_x", "data_y").replace("5.64", "0")
    )
    found = list(parse(content.encode(), "it", "it.cif"))
    assert isinstance(found[0], Specimen)
    assert isinstance(found[1], ScoutError)
    assert (len(found), found[1].code, "data_y" in found[1].message) == (2, "E206", True)


def test_what_is_no_cif_is_refused_with_its_line() -> None:
    found = error(rock_salt(*P1).replace("_cell_length_b", "cell_length_b"))
    assert found.code == "E203"
    assert "line 3: " in found.message


def test_a_tag_that_stands_twice() -> None:
    content = rock_salt(*P1, "_cell_length_a 5.7")
    assert (error(content).code, "twice" in error(content).message) == ("E203", True)
    assert crystal(rock_salt(*P1, "_cell_length_a 5.64"))


def test_a_file_of_a_million_atoms_is_refused_before_they_are_read() -> None:
    found = error(rock_salt(*P1) + "Na1 Na 0 0 0\n" * 200_000)
    assert found.code == "E208"
    found = error(
        text(
            CUBE.format(50),
            "_space_group_name_H-M_alt 'F m -3 m'",
            sites=tuple(f"Na{k} Na 0.1 0.2 {k / 100}" for k in range(30)),
        )
    )
    assert found.code == "E208"


# ---- cross-checks ----

BRUCITE = text(
    "3.142 3.142 4.766 90 90 120",
    "_chemical_formula_sum 'Mg H2 O2'",
    "_space_group_name_H-M_alt 'P -3 m 1'",
    sites=("Mg1 Mg 0 0 0", "O1 O 0.33333 0.66667 0.2203"),
)


def test_brucite_without_its_hydrogen_is_measured_and_is_no_hit() -> None:
    found = crystal(BRUCITE)
    assert found.lacking == ("its formula is Mg H2 O2, and its atoms are Mg O2: H has no positions")
    program = check("system Mg-O-H; require CN(Mg-O) = 6").program
    assert program is not None
    (measured,) = measure_specimens(program, [found])
    assert measured.terms[0].exact == 6
    assert measured.hit is None
    assert measured.notes == (found.lacking,)
    assert found.lacking in measured.reason
    whole = crystal(BRUCITE + "H1 H 0.33333 0.66667 0.413\n")
    assert whole.doubts == ()


def test_attached_hydrogen_has_no_position_either() -> None:
    columns = (*SITES, "attached_hydrogens")
    found = crystal(
        text("3 3 5 90 90 90", *P1, sites=("O1 O 0 0 0 2", "Mg1 Mg 0.5 0.5 0.5 0"), columns=columns)
    )
    assert "2 H are said to be attached" in found.lacking


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["_chemical_formula_sum 'K Cl'"], "Na not in the formula"),
        (["_chemical_formula_sum 'Na Cl'", "_cell_formula_units_Z 4"], "4 formula units"),
        (["_exptl_crystal_density_diffrn 2.16"], "2.16 g/cm^3"),
        (["_cell_volume 45"], "45 Å^3"),
    ],
)
def test_another_crystal_than_the_file_says(lines: list[str], words: str) -> None:
    """The operations of rock salt are missing: two atoms of eight."""
    found = error(rock_salt(*P1, *lines))
    assert (found.code, words in found.message) == ("E212", True), found


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["_cell_volume 182.5"], "volume"),
        (["_exptl_crystal_density_diffrn 2.3"], "density"),
        (["_chemical_formula_sum 'Na (Cl)x'"], "formula"),
        (
            [
                "_chemical_formula_sum 'Na Cl'",
                "_cell_formula_units_Z 2",
                "_exptl_crystal_density_diffrn 2.16",
            ],
            "2 formula units",
        ),
    ],
)
def test_small_disagreements_are_notes(lines: list[str], words: str) -> None:
    (note,) = crystal(rock_salt("_space_group_name_H-M_alt 'F m -3 m'", *lines)).notes
    assert words in note


@pytest.mark.parametrize(
    "lines",
    [
        ["_chemical_formula_sum 'Na4 Cl4'", "_cell_formula_units_Z 4", "_cell_volume 179.4(1)"],
        ["_chemical_formula_sum 'Cl Na'", "_cell_formula_units_Z 4"],
        ["_chemical_formula_sum 'Na4 Cl4'", "_cell_formula_units_Z 1"],
        ["_chemical_formula_sum ?", "_cell_volume ?", "_exptl_crystal_density_diffrn 2.164"],
    ],
)
def test_what_agrees_is_not_spoken_of(lines: list[str]) -> None:
    found = crystal(rock_salt("_space_group_name_H-M_alt 'F m -3 m'", *lines))
    assert found.doubts == ()


def test_multiplicities_as_images_or_as_the_order_of_a_site() -> None:
    def stated(tag: str, na: int, cl: int) -> tuple[str, ...]:
        sites = tuple(f"{s} {n}" for s, n in zip(ROCK_SALT, (na, cl), strict=True))
        symbol = "_space_group_name_H-M_alt 'F m -3 m'"
        return crystal(text(CUBE.format(5.64), symbol, sites=sites, columns=(*SITES, tag))).notes

    assert stated("symmetry_multiplicity", 4, 4) == ()
    assert stated("site_symmetry_order", 48, 48) == ()
    assert "Cl1 is said to have 8 sites" in stated("symmetry_multiplicity", 4, 8)[0]


@settings(max_examples=60, deadline=None)
@given(
    cut=st.integers(0, len(BRUCITE)),
    put=st.text(alphabet="'\";_0123456789.-+ \nxyzdatloop?(", max_size=12),
)
def test_a_file_that_was_changed_anywhere_is_read_or_refused(cut: int, put: str) -> None:
    for found in parse((BRUCITE[:cut] + put + BRUCITE[cut:]).encode(), "it", "it.cif"):
        assert isinstance(found, Specimen) or found.code.startswith("E2")


def test_notes_travel_with_a_run(tmp_path: Path) -> None:
    from scoutlang.runs.folder import RunFolder
    from scoutlang.runs.judge import adopt
    from scoutlang.validation.record import Record

    program = check("system Mg-O-H; require CN(Mg-O) = 6").program
    assert program is not None
    noted = crystal(rock_salt())
    adopt(program, {"guided": [crystal(BRUCITE), noted]}, tmp_path / "run")
    lacking, other = RunFolder.open(tmp_path / "run").generated()
    assert (lacking.lacking, other.notes) == (crystal(BRUCITE).lacking, noted.notes)
    assert Record("a", lacking).row()["notes"] == lacking.lacking
