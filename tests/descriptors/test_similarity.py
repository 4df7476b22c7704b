"""Similarity to a template: 1 for itself in any orientation, small for other polyhedra, and clear
errors for files that cannot be used.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from prototypes import prototypes, settings
from pymatgen.core import Lattice, Structure
from pymatgen.core.operations import SymmOp

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import similarity
from scoutlang.descriptors.shape import POLYHEDRA
from scoutlang.ir import Measure, Species, TextFile
from scoutlang.support.errors import ScoutError
from scoutlang.testing import check_descriptor

CRYSTALS = prototypes()


def like(centre: str, neighbour: str, template: Structure | str, r: float | None = None) -> Measure:
    species = tuple(Species(text=e, elements=tuple(e.split(","))) for e in (centre, neighbour))
    text = template if isinstance(template, str) else template.to(fmt="cif")
    file = TextFile("site.cif", text)
    return Measure(
        "similarity",
        species,
        (("template", file),) if r is None else (("template", file), ("r", r)),
    )


def cluster(shape: str, bond: float = 2.3, centre: str = "Cu", noise: float = 0.0) -> Structure:
    """An ideal polyhedron of P around one atom, alone in a large box."""
    points = np.array(POLYHEDRA[shape])
    points = points / np.linalg.norm(points, axis=1, keepdims=True) * bond
    points += noise * np.random.default_rng(0).standard_normal(points.shape)
    return Structure(
        Lattice.cubic(15),
        [centre] + ["P"] * len(points),
        [[7] * 3, *(points + 7)],
        coords_are_cartesian=True,
    )


def values(structure: Structure, use: Measure, kind: str = "exact") -> list[float]:
    found = getattr(similarity, kind)(CrystalBatch.from_structures([structure]), use)
    return list(found.value[found.weight > 0.5].tolist())


@pytest.mark.parametrize(
    ("name", "a", "b"),
    [("quartz", "Si", "O"), ("tenorite", "Cu", "O"), ("nickel_arsenide", "As", "Ni")],
)
@pytest.mark.parametrize("kind", ["exact", "soft"])
def test_one_for_itself_in_any_cell_and_orientation(name: str, a: str, b: str, kind: str) -> None:
    use = like(a, b, CRYSTALS[name])
    for structure in settings(CRYSTALS[name]):
        turned = structure.copy()
        turned.apply_operation(SymmOp.from_axis_angle_and_translation([1, 2, 3], 77))
        # a CIF has few digits
        assert values(turned, use, kind) == pytest.approx(
            [1] * int(structure.composition[a]), abs=1e-4
        )


@pytest.mark.parametrize(
    ("shape", "other", "most"),
    [
        ("tetrahedron", "octahedron", 0.1),
        ("tetrahedron", "square_plane", 0.2),
        ("octahedron", "trigonal_prism", 0.3),
        ("octahedron", "square_plane", 0.4),
        ("octahedron", "square_pyramid", 0.5),
        ("cube", "square_antiprism", 0.4),
    ],
)
def test_other_polyhedra_are_not_alike(shape: str, other: str, most: float) -> None:
    assert values(cluster(shape), like("Cu", "P", cluster(shape))) == pytest.approx([1], abs=1e-5)
    assert values(cluster(other), like("Cu", "P", cluster(shape)))[0] < most
    assert values(cluster(shape), like("Cu", "P", cluster(other))) == pytest.approx(
        values(cluster(other), like("Cu", "P", cluster(shape))), abs=1e-5
    )


def test_falls_slowly_with_noise_and_bond_length_as_the_manual_says() -> None:
    use = like("Cu", "P", cluster("tetrahedron"))
    near = [values(cluster("tetrahedron", noise=noise), use)[0] for noise in (0.0, 0.05, 0.1, 0.2)]
    assert near == sorted(near, reverse=True)
    assert 0.9 < near[2] < 0.98
    assert values(cluster("tetrahedron", bond=2.3 * 1.04), use)[0] == pytest.approx(0.9, abs=0.02)


def test_definition_by_legendre_polynomials() -> None:
    """p·p′ from distances and angles alone, by the addition theorem."""
    one, other = cluster("octahedron", noise=0.3), cluster("trigonal_prism", bond=2.1, noise=0.2)
    r, beta, alpha = 5.0, 0.4, 0.15

    def dot(a: Structure, b: Structure) -> float:
        legs = [np.asarray(s.cart_coords)[1:] - s.cart_coords[0] for s in (a, b)]
        grid = np.arange(0, r + 2 * beta, beta)
        total = 0.0
        for degree in range(9):
            polynomial = np.polynomial.legendre.Legendre.basis(degree)
            blur = np.sqrt(2 * degree + 1) * np.exp(-degree * (degree + 1) * alpha**2)
            p = []
            for leg in legs:
                length = np.linalg.norm(leg, axis=1)
                radial = np.exp(-((length[:, None] - grid) ** 2) / (2 * beta**2))
                cosine = np.clip((leg @ leg.T) / np.outer(length, length), -1, 1)
                p.append(blur * radial.T @ polynomial(cosine) @ radial)
            total += float((p[0] * p[1]).sum())
        return total

    expected = (2 * dot(one, other) / (dot(one, one) + dot(other, other))) ** 4
    assert values(one, like("Cu", "P", other, r)) == pytest.approx([expected], abs=1e-6)


def test_the_first_site_stands_in_where_no_site_is_an_a() -> None:
    assert values(
        cluster("cube"), like("Cu", "P", cluster("cube", centre="Au"), 3.0)
    ) == pytest.approx([1], abs=1e-5)


def test_the_first_a_of_the_file_is_the_centre() -> None:
    near, far = cluster("cube"), cluster("octahedron", bond=2.5)
    both = Structure(
        Lattice.cubic(30),
        [*near.species, *far.species],
        [*near.cart_coords, *(far.cart_coords + 12)],
        coords_are_cartesian=True,
    )
    last_first = Structure.from_sites(list(reversed(both)))
    assert values(near, like("Cu", "P", both, 3.0)) == pytest.approx([1], abs=1e-5)
    assert values(far, like("Cu", "P", last_first, 3.0)) == pytest.approx([1], abs=1e-5)


def test_one_sharpness_for_each_crystal() -> None:
    use = like("Cu", "P", cluster("tetrahedron"))
    batch = CrystalBatch.from_structures([cluster("octahedron"), cluster("octahedron", bond=2.8)])
    both = similarity.soft(batch, use, torch.tensor([4.0, 12.0], dtype=torch.float64)).value
    for sharpness, mine in ((4.0, both[:7]), (12.0, both[7:])):
        alone = similarity.soft(batch, use, sharpness).value
        torch.testing.assert_close(mine, alone[:7] if sharpness == 4.0 else alone[7:])


LACKING = """data_brucite
_cell_length_a 3.142
_cell_length_b 3.142
_cell_length_c 4.766
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 120
_chemical_formula_sum 'Mg H2 O2'
_space_group_name_H-M_alt 'P -3 m 1'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Mg1 0 0 0
O1 0.33333 0.66667 0.2203
"""


def test_what_the_file_of_a_template_says_otherwise_is_told() -> None:
    whole = LACKING.replace("H2 ", "") + "\n"
    assert [*similarity.concerns(like("Mg", "O", whole), None)] == []  # type: ignore[arg-type]
    other = whole.replace("loop_", "_cell_volume 45\nloop_", 1)
    (concern,) = similarity.concerns(like("Mg", "O", other), None)  # type: ignore[arg-type]
    assert concern.code == "W057"
    assert "its volume is said to be 45" in concern.message


def test_templates_are_read_as_all_structure_files_are() -> None:
    """pymatgen takes both for P 1 with one atom."""
    for symbol in ("F m 3 m", "F 4/m -3 2/m"):
        text = (
            "data_x\n_cell_length_a 5.64\n_cell_length_b 5.64\n_cell_length_c 5.64\n"
            "_cell_angle_alpha 90\n_cell_angle_beta 90\n_cell_angle_gamma 90\n"
            f"_symmetry_space_group_name_H-M '{symbol}'\nloop_\n_atom_site_label\n"
            "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nNa1 0 0 0\nCl1 .5 .5 .5\n"
        )
        structure = CRYSTALS["rock_salt"]
        a, b = (str(s) for s in dict.fromkeys(structure.species))
        assert {a, b} == {"Na", "Cl"}
        found = values(structure, like("Na", "Cl", text))
        assert found == pytest.approx([1] * len(found), abs=0.02)


DISORDERED = Structure(
    Lattice.cubic(4), [{"Cu": 0.5, "Au": 0.5}, "P"], [[0, 0, 0], [0.5, 0.5, 0.5]]
)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("", "not a readable cif"),
        ("data_x\n_cell_length_a oops", "no atoms"),
        ("\x00\x01", "not a readable cif"),
        (LACKING, "H has no positions"),
        (LACKING.replace("Mg H2 O2", "Pu"), "not the crystal that it says"),
        (LACKING.replace("P -3 m 1", "Q 7"), "not understood"),
        (DISORDERED, "disordered"),
        (cluster("cube", bond=6.0), "no P within"),
        (CRYSTALS["quartz"], "no P within"),
        (
            cluster("cube").to(fmt="cif")
            + cluster("octahedron").to(fmt="cif").replace("data_", "data_other"),
            "holds 2 crystals",
        ),
    ],
)
def test_a_template_that_cannot_be_used(template: Structure | str, words: str) -> None:
    use = like("Cu", "P", template)
    with pytest.raises(ScoutError, match=words) as caught:
        similarity.exact(CrystalBatch.from_structures([cluster("cube")]), use)
    assert caught.value.code == "E209"
    (concern,) = similarity.concerns(use, None)  # type: ignore[arg-type]
    assert (concern.code, concern.message) == (caught.value.code, caught.value.message)


@pytest.mark.slow
def test_conforms() -> None:
    check_descriptor(similarity, like("Cu", "P", cluster("trigonal_bipyramid")))
