"""Coordination polyhedra: their faces, exactly, whatever the cell; and that the viewer paints them
among atoms and bonds in the order in which they are seen.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crystals_by_hand import rock_salt
from hostile_salts import checked
from pymatgen.core import Lattice, Structure

from scoutlang.report.pictured import FLAT, MAX_BONDS, Face, hull_faces, pictures, shells
from scoutlang.report.structure_page import write_structure_page

FACE_CENTRED = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
QUARTERS = [(x, y, z) for x in (0.25, 0.75) for y in (0.25, 0.75) for z in (0.25, 0.75)]
CUBE = np.array([(x, y, z) for x in (0, 2) for y in (0, 2) for z in (0, 2)], dtype=float)


def fluorite() -> Structure:
    return Structure(Lattice.cubic(5.46), ["Ca"] * 4 + ["F"] * 8, FACE_CENTRED + QUARTERS)


def zinc_blende() -> Structure:
    sulfur = [tuple(x + 0.25 for x in site) for site in FACE_CENTRED]
    return Structure(Lattice.cubic(5.41), ["Zn"] * 4 + ["S"] * 4, FACE_CENTRED + sulfur)


def cuprite() -> Structure:
    oxygen = [(0, 0, 0), (0.5, 0.5, 0.5)]
    copper = [tuple(x + 0.25 for x in site) for site in FACE_CENTRED]
    return Structure(Lattice.cubic(4.27), ["O"] * 2 + ["Cu"] * 4, oxygen + copper)


def boron_nitride() -> Structure:
    sites = [(1 / 3, 2 / 3, 0.25), (2 / 3, 1 / 3, 0.75), (2 / 3, 1 / 3, 0.25), (1 / 3, 2 / 3, 0.75)]
    return Structure(Lattice.hexagonal(2.5, 6.66), ["B", "B", "N", "N"], sites)


def skewed(structure: Structure) -> Structure:
    """The same crystal in a cell of the same volume with small and large angles."""
    return structure.make_supercell([[1, 1, 0], [0, 1, 0], [2, 0, 1]], in_place=False)


def moved(structure: Structure) -> Structure:
    """Sites outside of the cell, and a centre on none of its corners."""
    other = structure.copy()
    other.translate_sites(range(len(other)), [0.9, -0.3, 1.2], to_unit_cell=False)
    return other


def edges(faces: list[Face]) -> set[frozenset[int]]:
    return {frozenset(edge) for face in faces for edge in pairwise([*face, face[0]])}


def shape(faces: list[Face]) -> tuple[int, list[int], int]:
    """Number of corners, corners of each face, number of edges."""
    corners = {corner for face in faces for corner in face}
    return len(corners), sorted(map(len, faces)), len(edges(faces))


TETRAHEDRON = (4, [3] * 4, 6)
OCTAHEDRON = (6, [3] * 8, 12)
BOX = (8, [4] * 6, 12)
TRIANGLE = (3, [3], 3)


@pytest.mark.parametrize("cell", [Structure.copy, Structure.get_primitive_structure, skewed, moved])
@pytest.mark.parametrize(
    ("make", "centre", "corner", "length", "found"),
    [
        (fluorite, "Ca", "F", 5.46 * 3**0.5 / 4, BOX),
        (fluorite, "F", "Ca", 5.46 * 3**0.5 / 4, TETRAHEDRON),
        (rock_salt, "Na", "Cl", 5.64 / 2, OCTAHEDRON),
        (zinc_blende, "Zn", "S", 5.41 * 3**0.5 / 4, TETRAHEDRON),
        (boron_nitride, "B", "N", 2.5 / 3**0.5, TRIANGLE),
        (cuprite, "Cu", "O", 4.27 * 3**0.5 / 4, None),  # two neighbours
    ],
)
def test_each_centre_has_the_polyhedron_of_its_neighbours(
    make: Callable[[], Structure],
    centre: str,
    corner: str,
    length: float,
    found: tuple[int, list[int], int] | None,
    cell: Callable[[Structure], Structure],
) -> None:
    pairs, around = [(centre, corner, length + 0.1)], [(centre, frozenset({corner}))]
    [picture] = pictures([cell(make())], pairs, around)
    bonds = np.array(picture["bonds"]).reshape(-1, 5)
    sites = np.array(picture["frac"]).reshape(-1, 3) / 10_000
    vectors = (sites[bonds[:, 1]] + bonds[:, 2:] - sites[bonds[:, 0]]) @ np.reshape(
        picture["cell"], (3, 3)
    )
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(length, abs=5e-3)
    centres = [site for site, symbol in enumerate(picture["elements"]) if symbol == centre]
    middles = [{int(bonds[k][0]) for face in faces for k in face} for faces in picture["polyhedra"]]
    assert [shape(faces) for faces in picture["polyhedra"]] == [found] * len(middles)
    assert middles == ([{site} for site in centres] if found else [])
    assert len(bonds) == len(centres) * (found[0] if found else 2)


def test_fluorite_has_four_cubes() -> None:
    [picture] = pictures([fluorite()], [("Ca", "F", 2.5)], [("Ca", frozenset({"F"}))])
    assert [shape(faces) for faces in picture["polyhedra"]] == [BOX] * 4


def test_an_atom_may_be_a_corner_several_times() -> None:
    """Of caesium chloride, one chlorine stands at all eight corners: its images are told apart."""
    salt = Structure(Lattice.cubic(3.5), ["Na", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.5)])
    [picture] = pictures([salt], [("Na", "Cl", 3.2)], [("Na", frozenset({"Cl"}))])
    assert [shape(faces) for faces in picture["polyhedra"]] == [BOX]


def test_neighbours_of_one_term_are_corners_of_one_polyhedron() -> None:
    mixed = rock_salt()
    mixed.replace(4, "Br")
    pairs = [("Na", "Cl", 3.0), ("Na", "Br", 3.0)]
    [together] = pictures([mixed], pairs, [("Na", frozenset({"Cl", "Br"}))])
    [apart] = pictures([mixed], pairs, [("Na", frozenset({"Cl"}))])
    assert [shape(faces) for faces in together["polyhedra"]] == [OCTAHEDRON] * 4
    # the bromine touches three of the sodium atoms twice, on opposite sides
    assert sorted(shape(faces)[0] for faces in apart["polyhedra"]) == [4, 4, 4, 6]
    assert sorted(shape(faces)[2] for faces in apart["polyhedra"]) == [4, 4, 4, 12]


def test_a_polyhedron_whose_bonds_are_not_all_drawn_is_left_out() -> None:
    crowded = rock_salt().make_supercell([3, 3, 3], in_place=False)
    [picture] = pictures([crowded], [("Na", "Cl", 3.0)], [("Na", frozenset({"Cl"}))])
    assert len(picture["bonds"]) == 5 * MAX_BONDS < 5 * 6 * 108
    assert [shape(faces) for faces in picture["polyhedra"]] == [OCTAHEDRON] * (MAX_BONDS // 6)


@pytest.mark.parametrize("turns", [0, 3])
def test_a_relaxed_crystal_is_drawn_next_to_the_one_as_sampled(turns: int) -> None:
    """Its first atom has left the cell, by 0.003 of it: it is not drawn at the other end."""
    before, after = rock_salt(), rock_salt(a=5.5)
    before.translate_sites([0], [0.002, 0, 0], to_unit_cell=False)
    after.translate_sites([0], [turns - 0.003, 0, 0], to_unit_cell=False)
    pairs, around = [("Na", "Cl", 3.0)], [("Na", frozenset({"Cl"}))]
    [alone] = pictures([after], pairs, around)
    [picture] = pictures([after], pairs, around, [before])
    assert alone["frac"][:3] == [9970, 0, 0]
    assert picture["frac"] == [-30, *alone["frac"][1:]]
    bonds = np.array(picture["bonds"]).reshape(-1, 5)
    sites = np.array(picture["frac"]).reshape(-1, 3) / 10_000
    lengths = np.linalg.norm(sites[bonds[:, 1]] + bonds[:, 2:] - sites[bonds[:, 0]], axis=1) * 5.5
    assert len(bonds) == 24
    assert lengths == pytest.approx(2.75, abs=0.02)
    assert [shape(faces) for faces in picture["polyhedra"]] == [OCTAHEDRON] * 4


# ---- hulls ----


@pytest.mark.parametrize(
    ("points", "found"),
    [
        (CUBE[:0], []),
        (CUBE[:2], []),
        ([(0, 0, 0), (1, 0, 0), (3, 0, 0)], []),  # in a line
        ([(0, 0, 0), (1, 0, 0), (3, FLAT / 2, 0), (5, 0, 0)], []),
        ([(0, 0, 0), (2, 0, 0), (0, 2, 0)], [TRIANGLE]),
        (CUBE[:4], [(4, [4], 4)]),
        ([*CUBE[:4], (0, 1, 1)], [(4, [4], 4)]),  # one inside of the square
        (CUBE, [BOX]),
        ([*CUBE, (1, 1, 1), (1, 1, 0)], [BOX]),  # one inside, one within a face
        (CUBE[:5], [(5, [3, 3, 3, 3, 4], 8)]),  # pyramid
    ],
)
def test_hulls(points: Any, found: list[tuple[int, list[int], int]]) -> None:
    for matrix in (np.eye(3), np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]):
        faces = hull_faces(np.array(points, dtype=float).reshape(-1, 3) @ matrix + 7)
        assert ([shape(faces)] if faces else []) == found


def test_a_face_may_be_as_flat_as_atoms_at_finite_temperature_are() -> None:
    bent, broken = CUBE.copy(), CUBE.copy()
    bent[0] += 0.3 * FLAT
    broken[0] += 3 * FLAT
    assert shape(hull_faces(bent)) == BOX
    assert shape(hull_faces(broken)) == (8, [3] * 6 + [4] * 3, 15)


def test_the_corners_of_a_face_are_in_their_order_around_it() -> None:
    for face in hull_faces(CUBE):
        steps = [np.linalg.norm(CUBE[a] - CUBE[b]) for a, b in pairwise([*face, face[0]])]
        assert steps == [2.0] * 4  # sides, no diagonal


# ---- what stands in the middle ----


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        ("CN(Cu-P) = 4", {"Cu": "P"}),
        ("CN(P-Cu) = 4", {"P": "Cu"}),
        ("CN(Cu-*) = 4", {"Cu": "Cu P Si"}),
        ("angle(P-Cu-P) = 109 degree", {"Cu": "P"}),
        ("shared(Cu-P-Cu) = 1", {"Cu": "P"}),
        ("angle(*-Cu-*) = 109 degree", {"Cu": "Cu P Si"}),
        ("CN(Cu-P) = 4 and angle(P-Si-P) = 109 degree", {"Cu": "P", "Si": "P"}),
        ("min_distance(*-*) > 2 Å", {}),
        ("density > 1 g/cm^3", {}),
    ],
)
def test_centres_are_those_of_the_terms(claims: str, found: dict[str, str]) -> None:
    around = shells(checked(f"system Cu-Si-P\nrequire {claims}"))
    assert around == [(centre, frozenset(corners.split())) for centre, corners in found.items()]


# ---- in the browser ----


@pytest.fixture
def page(tmp_path: Path, opened: Callable[[str], Any]) -> Any:
    program = checked("system Ca-F\nrequire CN(Ca-F) = 8\n")
    file = write_structure_page(tmp_path / "fluorite.html", "CaF2", fluorite(), program, {})
    return opened(file.read_text(encoding="utf-8"))


_PICTURE = "document.getElementById('canvas').toDataURL()"


def test_polyhedra_are_drawn_until_they_are_switched_off(page: Any) -> None:
    assert "Polyhedra: 4 around Ca." in page.inner_text("#bonds")
    switch = page.get_by_role("button", name="polyhedra")
    assert switch.get_attribute("aria-pressed") == "true"
    with_, seen = page.evaluate(_PICTURE), []
    switch.focus()
    for key, pressed in (("Enter", "false"), ("Space", "true")):
        page.keyboard.press(key)
        assert switch.get_attribute("aria-pressed") == pressed
        seen.append(page.evaluate(_PICTURE))
    assert seen[0] != with_ == seen[1]


def test_the_switch_has_no_use_without_polyhedra(
    tmp_path: Path, opened: Callable[[str], Any]
) -> None:
    program = checked("system Cu-O\nrequire CN(Cu-O) = 2\n")
    file = write_structure_page(tmp_path / "cuprite.html", "Cu2O", cuprite(), program, {})
    page = opened(file.read_text(encoding="utf-8"))
    assert page.locator("#polyhedra").is_disabled()
    assert "Polyhedra" not in page.inner_text("#bonds")


def test_every_cell_that_is_drawn_has_its_polyhedra(page: Any) -> None:
    """Four cubes in each cell, every corner an atom that is drawn and a bond away from calcium."""
    found = page.evaluate(
        """() => [1, 2].map((cells) => {
          const data = JSON.parse(document.getElementById("data").textContent);
          const viewer = new Viewer(document.getElementById("canvas"), data.elements, () => "");
          viewer.cells = cells;
          viewer.show(data.structures.fluorite);
          const drawn = new Set(viewer.atoms.map((atom) => atom.at));
          const calcium = viewer.atoms.filter(({ element }) => element.symbol === "Ca");
          const cubes = [...Array(viewer.faces.length / 6).keys()].map((k) =>
            viewer.faces.slice(6 * k, 6 * k + 6).flatMap((face) => face.corners));
          const long = (p, q) => Math.hypot(...p.map((x, k) => x - q[k]));
          const isIn = (cube, atom) =>
            cube.every((corner) => Math.abs(long(corner, atom.at) - 2.364) < 0.002);
          return [cubes.length, cubes.every((cube) => cube.every((corner) => drawn.has(corner))),
            cubes.filter((cube) => calcium.filter((atom) => isIn(cube, atom)).length === 1).length];
        })"""
    )
    assert found == [[4, True, 4], [32, True, 32]]


# A square of 20 × 20 pixels around (0, 0), seen from far away, whose right side is 4 Å nearer than
# the left one: its plane is z = x / 5.
_PLACE = """(things) => {
  const seen = ([x, y]) => ({ at: [x, y, x / 5], x, y, z: x / 5 });
  const face = flat([[-10, -10], [10, -10], [10, 10], [-10, 10]].map(seen), 1e6);
  const thing = ([x, y, z, area = 1]) => ({ at: [x, y, z], x, y, z, reach: 1, area });
  return place(face, things.map(thing).sort((one, other) => one.z - other.z));
}"""


@pytest.mark.parametrize(
    ("things", "order"),
    [
        ([(0, 0, -1)], 1),
        ([(0, 0, 1)], 0),
        ([(0, 0, -1), (0, 0, 1)], 1),
        # nearer than the middle of the face, and yet behind it; the other way round
        ([(8, 0, 1)], 1),
        ([(-8, 0, -1)], 0),
        ([(8, 0, 1), (8, 0, 1.2), (8, 0, 3)], 2),
        # beside it on the screen: of no account
        ([(30, 0, 1), (30, 0, 2), (8, 0, 3)], 0),
        ([(8, 0, 1), (30, 0, -3), (30, 0, -2)], 3),
        # at a corner: in front, unless something else is at stake
        ([(10, 10, 2), (0, 0, -1)], 1),
        ([(-10, -10, -2)], 0),
        ([(-10, -10, -2), (0, 0, -1)], 2),
        # no place is right for both: the larger one counts
        ([(8, 0, 1, 5), (-8, 0, -1, 4)], 2),
        ([(8, 0, 1, 4), (-8, 0, -1, 5)], 0),
        ([], 0),
    ],
)
def test_a_face_is_painted_after_what_is_behind_it(
    page: Any, things: list[tuple[float, ...]], order: int
) -> None:
    assert page.evaluate(_PLACE, things) == order


# Paints a cube around one atom from many sides, and says of every face whether it came before
# (-1) or after (1) the atom, times the side of the face on which the atom is.
_ORDER = """(turns) => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const viewer = new Viewer(document.getElementById("canvas"), data.elements, () => "");
  let painted = [];
  polygon = (context, corners) => painted.push(corners);
  ball = (context, p) => painted.push(p);
  viewer.show(data.structures.salt);
  const found = [];
  for (let turn = 0; turn < turns; turn++) {
    painted = [];
    viewer.turn(0.37, 0.23);
    const middle = painted.find((p) => !Array.isArray(p) && Math.hypot(...p.at) < 0.01);
    for (const corners of painted.filter(Array.isArray)) {
      const later = painted.indexOf(corners) > painted.indexOf(middle) ? 1 : -1;
      const face = flat(corners, 4 * viewer.extent);
      if (face.sides.some((inwards) => inwards(middle) < 0)) continue; // beside it on the screen
      found.push(later * Math.sign(face.inFront(middle)));
    }
  }
  return found;
}"""


def test_an_atom_is_before_the_faces_behind_it_and_behind_those_before_it(
    tmp_path: Path, opened: Callable[[str], Any]
) -> None:
    salt = Structure(Lattice.cubic(3.5), ["Cs", "Cl"], [(0.5, 0.5, 0.5), (0, 0, 0)])
    program = checked("system Cs-Cl\nrequire CN(Cs-Cl) = 8\n")
    file = write_structure_page(tmp_path / "salt.html", "CsCl", salt, program, {})
    page = opened(file.read_text(encoding="utf-8"))
    found = page.evaluate(_ORDER, 100)
    assert found == [-1] * 200  # one face in front of the atom and one behind, from every side
