"""bond(A-B), shells between two radii, and neighbours by the largest gap: known crystals in every
setting, the same rules over the lists of pymatgen, and programs that use them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
from prototypes import measure, read, settings
from pymatgen.core import Lattice, Structure
from test_known_crystals import REACH, Neighbours, elements, neighbours, pairs, symbols

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import angle, bond, coordination, modules
from scoutlang.evaluation.expressions import Reading, quantity, truth
from scoutlang.interfaces import api
from scoutlang.ir import Compare, Measure, Relation, Wish
from scoutlang.ir.elements import neighbour_radius
from scoutlang.testing import check_descriptor

Known = Mapping[str, list[Structure]]
A = Relation(">=", low=-math.inf)  # any relation: the doubts here are about radii
SHELL = {"r_min": 3.0, "r": 4.2}


def lead_titanate() -> Structure:
    """P4mm, with the Ti-O of the tetragonal crystal: 1.768, 4 × 1.980 and 2.384 Å."""
    a, c, ti = 3.9, 1.768 + 2.384, 0.54
    below = ti - 1.768 / c
    side = ti - math.sqrt(1.98**2 - (a / 2) ** 2) / c
    return Structure(
        Lattice.tetragonal(a, c),
        ["Pb", "Ti", "O", "O", "O"],
        [[0, 0, 0], [0.5, 0.5, ti], [0.5, 0.5, below], [0.5, 0, side], [0, 0.5, side]],
    )


@pytest.fixture(scope="module")
def titanates() -> CrystalBatch:
    return CrystalBatch.from_structures(settings(lead_titanate()))


def verdicts(claim: str, batch: CrystalBatch) -> list[bool | None]:
    """What the judge says of a claim about Pb-Ti-O, per crystal."""
    program = api.check(f"system Pb-Ti-O; require {claim}").program
    assert program is not None
    [term] = program.terms
    assert not isinstance(term.claim, Wish)
    found = truth(term.claim, Reading(batch, "exact"))
    return [
        True if t else False if f else None
        for t, f in zip(found.true.tolist(), found.false.tolist(), strict=True)
    ]


def value(claim: str, batch: CrystalBatch, kind: str = "exact") -> list[float]:
    """Of the left side of a comparison with a number."""
    program = api.check(f"system Pb-Ti-O; require {claim}").program
    assert program is not None
    compared = program.terms[0].claim
    assert isinstance(compared, Compare)
    found = quantity(compared.value, Reading(batch, kind))  # type: ignore[arg-type]
    assert found.defined.all()
    return list(found.value.tolist())


def by_gap(name: str, *species: str) -> Measure:
    return replace(measure(name, *species), parameters=(("r", "gap"),))


# ---- bond ----

LENGTHS = np.array([1.768, 1.980, 1.980, 1.980, 1.980, 2.384])


def test_all_bonds_of_a_site_and_not_the_nearest_alone(titanates: CrystalBatch) -> None:
    found = bond.exact(titanates, measure("bond", "Ti", "O"))
    for k in range(titanates.size):
        mine = found.value[(found.system == k) & (found.weight == 1)].sort().values
        cells = len(mine) // 6
        np.testing.assert_allclose(mine, np.repeat(LENGTHS, cells), atol=1e-9)
    assert verdicts("max(distance(Ti-O)) < 1.8 Å", titanates) == [True] * titanates.size
    assert verdicts("max(bond(Ti-O)) < 1.8 Å", titanates) == [False] * titanates.size


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("mean(bond(Ti-O)) = 2.0 Å", LENGTHS.mean()),
        ("min(bond(Ti-O)) < 2 Å", LENGTHS.min()),
        ("max(bond(Ti-O)) < 2 Å", LENGTHS.max()),
        ("std(bond(Ti-O)) < 0.1 Å", LENGTHS.std()),
        ("max(bond(Ti-O)) - mean(bond(Ti-O)) < 0.1 Å", LENGTHS.max() - LENGTHS.mean()),
        ("fraction(bond(Ti-O) < 1.9 Å) > 0", 1 / 6),
        ("fraction(bond(Ti-O) in [1.9, 2.1] Å) > 0", 4 / 6),
        ("sum(bond(Ti-O)) / count(Ti) > 0 Å", LENGTHS.sum()),
    ],
)
def test_statistics_in_the_language(titanates: CrystalBatch, claim: str, expected: float) -> None:
    assert value(claim, titanates) == pytest.approx([expected] * titanates.size)


@pytest.mark.parametrize(
    ("claim", "holds"),
    [
        ("each bond(Ti-O) = 2.0 ± 0.1 Å", False),
        ("each bond(Ti-O) = 2.0 ± 0.4 Å", True),
        ("any bond(Ti-O) = 2.4 ± 0.05 Å", True),
        ("any bond(Ti-O) > 2.5 Å", False),
        ("each bond(Ti-O) < 2 Å or max(bond(Ti-O)) > 2.3 Å", True),
        ("fraction(bond(Ti-O) = 1.98 ± 0.01 Å) = 0.667 ± 0.01", True),
    ],
)
def test_verdicts_in_the_language(titanates: CrystalBatch, claim: str, holds: bool) -> None:
    assert verdicts(claim, titanates) == [holds] * titanates.size


def test_soft_values_of_decided_atoms_are_near_the_exact_ones(titanates: CrystalBatch) -> None:
    for claim in ("mean(bond(Ti-O)) = 2 Å", "std(bond(Ti-O)) < 1 Å", "max(bond(Ti-O)) < 3 Å"):
        soft, exact = (value(claim, titanates, kind) for kind in ("soft", "exact"))
        assert soft == pytest.approx(exact, abs=0.03)


def test_no_bond_is_no_value_and_says_so() -> None:
    apart = Structure(Lattice.cubic(9.0), ["Ti", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    [found] = api.measure("system Ti-O; require each bond(Ti-O) = 2 Å", [apart])
    assert found.hit is None
    assert found.terms[0].reason == "bond(Ti-O) has no value: there is no O within r of a Ti"


@pytest.mark.parametrize("gap", [False, True])
def test_lengths_on_known_crystals(known_crystals: Known, gap: bool) -> None:
    for group in known_crystals.values():
        batch = CrystalBatch.from_structures(group)
        lists = [neighbours(s, 14.0 if gap else REACH) for s in group]
        for a, b in pairs(group[0]):
            use = by_gap("bond", a, b) if gap else measure("bond", a, b)
            ours = bond.exact(batch, use)
            assert ours.defined.all()
            for k, structure in enumerate(group):
                mine = ours.value[(ours.system == k) & (ours.weight == 1)].sort().values
                near = bonded(symbols(structure), lists[k], a, b, gap=gap)
                np.testing.assert_allclose(mine, np.sort(lists[k][2][near]), atol=1e-9)


def bonded(kinds: np.ndarray, found: Neighbours, a: str, b: str, *, gap: bool) -> np.ndarray:
    """Which of pymatgen's neighbours are bonds, by the covalent radii or by the largest gap."""
    i, j, distance, _ = found
    right = (kinds[i] == a) & (kinds[j] == b)
    if not gap:
        return right & (distance <= neighbour_radius(a, b))
    kept = np.zeros_like(right)
    for site in np.flatnonzero(kinds == a):
        here = np.flatnonzero(right & (i == site))
        here = here[np.argsort(distance[here])]
        here = here[distance[here] <= 2 * distance[here[0]] + 1e-9]
        ends = np.append(distance[here], 2 * distance[here[0]])
        steps = np.diff(ends)
        count = int(np.flatnonzero(steps > steps.max() - 1e-6)[0]) + 1
        kept[here[:count]] = True
    return kept


# ---- distortion ----


def test_distortion_of_each_site(known_crystals: Known, titanates: CrystalBatch) -> None:
    expected = np.abs(LENGTHS - LENGTHS.mean()).mean() / LENGTHS.mean()
    assert value("distortion_index(Ti-O) < 0.1", titanates) == pytest.approx(
        [expected] * titanates.size
    )
    assert verdicts("each distortion_index(Ti-O) < 0.05", titanates) == [False] * titanates.size
    for crystal, index in (("rutile", 0.0076), ("perovskite", 0.0)):
        batch = CrystalBatch.from_structures(known_crystals[crystal])
        found = read(batch, measure("distortion_index", "Ti", "O")).value.tolist()
        assert found == pytest.approx([index] * 4, abs=1e-4)


def test_sites_that_differ_are_not_distorted() -> None:
    """One Ti with six O at 1.9 Å, one with six at 2.1 Å."""
    axes = np.vstack([np.eye(3), -np.eye(3)])
    places = [np.zeros(3), np.full(3, 10.0), *(1.9 * axes), *(2.1 * axes + 10)]
    crystal = Structure(
        Lattice.cubic(20), ["Ti"] * 2 + ["O"] * 12, places, coords_are_cartesian=True
    )
    batch = CrystalBatch.from_structures([crystal])
    assert value("std(bond(Ti-O)) < 1 Å", batch) == pytest.approx([0.1])
    assert value("distortion_index(Ti-O) < 1", batch) == pytest.approx([0.0])


def test_sites_without_bonds_have_no_distortion() -> None:
    apart = Structure(Lattice.cubic(9.0), ["Ti", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    [found] = api.measure("system Ti-O; require distortion_index(Ti-O) < 0.1", [apart])
    assert (
        found.terms[0].reason
        == "distortion_index(Ti-O) has no value: there is no O within r of a Ti"
    )


# ---- the largest gap ----


@pytest.mark.parametrize(
    ("crystal", "a", "b", "count"),
    [
        ("copper", "Cu", "Cu", 12),
        ("tungsten", "W", "W", 14),
        ("polonium", "Po", "Po", 6),
        ("diamond", "C", "C", 4),
        ("graphite", "C", "C", 3),
        ("rock_salt", "Na", "Cl", 6),
        ("cesium_chloride", "Cs", "Cl", 8),
        ("zinc_blende", "Zn", "S", 4),
        ("fluorite", "Ca", "F", 8),
        ("fluorite", "F", "Ca", 4),
        ("rutile", "Ti", "O", 6),
        ("quartz", "Si", "O", 4),
        ("perovskite", "Ca", "O", 12),
        ("perovskite", "Ti", "O", 6),
        ("aluminium_diboride", "Al", "B", 12),
        ("lead_oxide", "Pb", "O", 4),
        ("pyrite", "S", "S", 13),
    ],
)
def test_numbers_by_the_largest_gap(
    known_crystals: Known, crystal: str, a: str, b: str, count: int
) -> None:
    batch = CrystalBatch.from_structures(known_crystals[crystal])
    use = by_gap("CN", a, b)
    assert read(batch, use).value.tolist() == [count] * batch.size


def test_bonds_longer_than_the_covalent_radii_are_found() -> None:
    """β-PbF2: at 2.57 Å no F is within the default r of Pb."""
    lead = settings(
        Structure.from_spacegroup(
            225, Lattice.cubic(5.94), ["Pb", "F"], [[0, 0, 0], [0.25, 0.25, 0.25]]
        )
    )
    batch = CrystalBatch.from_structures(lead)
    assert read(batch, measure("CN", "Pb", "F")).value.tolist() == [0] * 4
    use = by_gap("CN", "Pb", "F")
    assert read(batch, use).value.tolist() == [8] * 4
    assert read(batch, use, "soft").value.tolist() == pytest.approx([8] * 4, abs=0.1)


def test_the_first_of_equal_gaps() -> None:
    """A row of neighbours at 2, 2.5, 3 Å, … : every step to twice the nearest is 0.5 Å."""
    row = [[0, 0, 0], *([0, 0, z / 40] for z in (2, 2.5, 3, 3.5, 4, 4.5))]
    batch = CrystalBatch.from_structures(
        [Structure(Lattice.tetragonal(30, 40), ["Cu"] + ["P"] * 6, row)]
    )
    use = by_gap("CN", "Cu", "P")
    assert read(batch, use).value.tolist() == [1]
    batch.frac[3, 2] += 0.002  # 0.08 Å: the gap behind 2.5 Å is the largest now
    assert read(batch, use).value.tolist() == [2]


def test_no_neighbour_at_all_is_none() -> None:
    batch = CrystalBatch.from_structures([Structure(Lattice.cubic(5), ["Cu"], [[0, 0, 0]])])
    for kind in ("soft", "exact"):
        use = by_gap("CN", "Cu", "P")
        assert read(batch, use, kind).value.tolist() == [0]  # type: ignore[arg-type]
        use = by_gap("bond", "Cu", "P")
        assert not read(batch, use, kind).defined.any()  # type: ignore[arg-type]


def test_atoms_at_one_place_break_nothing() -> None:
    batch = CrystalBatch.from_structures(
        [Structure(Lattice.cubic(4), ["Cu", "P", "P"], [[0, 0, 0], [0, 0, 0], [0.5, 0, 0]])]
    )
    frac, cell = batch.frac.requires_grad_(), batch.cell.requires_grad_()
    use = by_gap("CN", "Cu", "P")
    found = coordination.soft(batch, use)
    assert found.value.isfinite().all()
    for gradient in torch.autograd.grad((found.value * found.weight).sum(), (frac, cell)):
        assert gradient.isfinite().all()


# ---- shells ----


def test_a_shell_is_what_the_outer_radius_counts_more(known_crystals: Known) -> None:
    for group in known_crystals.values():
        batch = CrystalBatch.from_structures(group)
        a, b = (elements(group[0]) * 2)[:2]
        for evaluate in (coordination.soft, coordination.exact):
            shell, outer, inner = (
                evaluate(batch, measure("CN", a, b, **radii))
                for radii in (SHELL, {"r": 4.2}, {"r": 3.0})
            )
            searched = outer.defined[batch.system]
            assert torch.equal(shell.defined, outer.defined)
            torch.testing.assert_close(
                shell.value[searched],
                (outer.value - inner.value)[searched],
                atol=1e-3,  # the smooth step is cut off 1.5 Å beyond either radius
                rtol=0,
            )


def test_second_neighbours(known_crystals: Known) -> None:
    """12 first and 6 second neighbours of face-centred cubic copper, at a/√2 and a; the angles of
    the second shell are those of an octahedron.
    """
    batch = CrystalBatch.from_structures(known_crystals["copper"])
    second = {"r_min": 3.0, "r": 4.0}
    assert read(batch, measure("CN", "Cu", "Cu", **second)).value.tolist() == [6] * 4
    lengths = read(batch, measure("bond", "Cu", "Cu", **second)).value.tolist()
    assert lengths == pytest.approx([3.6149] * 4)
    found = angle.exact(batch, measure("angle", "Cu", "Cu", "Cu", **second))
    degrees, counts = found.value[found.weight == 1].round(decimals=6).unique(return_counts=True)
    assert degrees.tolist() == pytest.approx([90, 180])
    assert counts[0] == 4 * counts[1]


def test_a_shell_ends_on_its_radii(known_crystals: Known) -> None:
    """A neighbour exactly at a radius is within it: r_min < d ≤ r."""
    batch = CrystalBatch.from_structures(known_crystals["polonium"][:1])
    use = [{"r_min": 3.34, "r": 4.0}, {"r_min": 3.0, "r": 3.34}]
    counts = [read(batch, measure("CN", "Po", "Po", **radii)).value.item() for radii in use]
    assert counts == [0, 6]


# ---- all of them ----


@pytest.mark.parametrize(
    "use",
    [
        measure("bond", "Cu", "P", r_min=2.2, r=4.0),
        measure("CN", "Cu,Si", "P,Si", r_min=2.2, r=4.0),
        measure("angle", "P", "Cu", "Si", r_min=2.0, r=3.8),
        by_gap("CN", "Cu", "P"),
        by_gap("CN", "Cu,Si", "P,Si"),
        by_gap("bond", "Cu", "P"),
        by_gap("bond", "Cu", "Cu"),
        by_gap("distortion_index", "Cu", "P"),
        measure("distortion_index", "Cu", "P", r_min=2.2, r=4.0),
    ],
    ids=str,
)
def test_conformance(use: Measure) -> None:
    check_descriptor(modules()[use.descriptor], use, seed=3)


def test_radii_that_leave_no_shell() -> None:
    for module, use in (
        (coordination, measure("CN", "Ti", "O", r_min=3.0, r=2.5)),
        (bond, measure("bond", "Ti", "O", r_min=3.0)),
        (angle, measure("angle", "O", "Ti", "O", r_min=3.0)),
        (bond, Measure("bond", measure("bond", "Ti", "O").species, (("r_min", 1), ("r", "gap")))),
    ):
        assert [c.code for c in module.SIGNATURE.concerns(use, A)] == ["E042"]
    assert not list(bond.SIGNATURE.concerns(measure("bond", "Ti", "O", r_min=2.0), A))
    assert not api.check("system Ti-O; require CN(Ti-O, r_min=3 Å, r=2 Å) + 1 > 2").ok


def test_formulas_say_the_radii() -> None:
    assert bond.formula(measure("bond", "Ti", "O", r_min=2.0)).endswith(
        "r in Å: Ti-O 2.76; not within 2.00"
    )
    use = by_gap("CN", "Ti", "O")
    assert coordination.formula(use).endswith("r in Å: middle of the largest gap")
