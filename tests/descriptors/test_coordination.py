"""CN(A-B): soft values by hand, what counts as a neighbour, and the doubts it has about a claim.

Lattice constants are such that the default radii (sum of covalent radii + 0.5 Å) lie between the
first and the second shell.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch
from prototypes import measure, read
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import coordination
from scoutlang.ir import Relation
from scoutlang.ir.elements import ATOMIC_NUMBER

Known = Mapping[str, list[Structure]]

SHELLS = [
    ("rock_salt", "Na", "Cl", 6, 3.8),
    ("rock_salt", "Na", "Na", 12, 4.5),
    ("zinc_blende", "Zn", "S", 4, 3.4),
    ("cesium_chloride", "Cs", "Cl", 8, 5.0),
    ("fluorite", "Ca", "F", 8, 3.4),
    ("fluorite", "F", "Ca", 4, 3.4),
    ("perovskite", "Ti", "O", 6, 3.0),
    ("perovskite", "Ca", "O", 12, 3.4),
    ("perovskite", "O", "Ti", 2, 3.0),
    ("perovskite", "O", "Ca,Ti", 6, 3.4),
    ("perovskite", "Ca,Ti", "O", 9, 3.4),  # mean of 12 and 6: trap 13, the mean hides the mixture
    ("copper", "Cu", "Cu", 12, 3.0),
    ("molybdenite", "Mo", "S", 6, 3.0),
]


@pytest.mark.parametrize(("name", "a", "b", "expected", "r"), SHELLS)
def test_textbook_numbers(
    known_crystals: Known, name: str, a: str, b: str, expected: int, r: float
) -> None:
    batch = CrystalBatch.from_structures(known_crystals[name])
    exact = read(batch, measure("CN", a, b, r=r))
    assert exact.defined.all()
    assert exact.value.tolist() == pytest.approx([expected] * batch.size, abs=1e-12)
    # the soft search has fewer images
    unskewed = CrystalBatch.from_structures(
        [s for k, s in enumerate(known_crystals[name]) if k != 2]
    )
    soft = read(unskewed, measure("CN", a, b, r=r), "soft").value
    torch.testing.assert_close(soft, soft[:1].expand_as(soft))
    assert abs(float(soft[0]) - expected) < 0.1 * expected


def test_other_aggregates_see_the_mixture(known_crystals: Known) -> None:
    batch = CrystalBatch.from_structures(known_crystals["perovskite"])
    use = measure("CN", "Ca,Ti", "O", r=3.4)
    assert read(batch, use, how="min").value.tolist() == [6] * 4
    assert read(batch, use, how="max").value.tolist() == [12] * 4


def test_soft_value_and_derivative_by_hand(known_crystals: Known) -> None:
    """Rock salt: 6 σ(8 (r − d)) from the first shell; d CN/d ln a = −6 · 8 · d · σ (1 − σ). The
    second shell adds nothing.
    """
    r, d = 1.66 + 1.02 + 0.5, 5.6393 / 2
    sigma = 1 / (1 + math.exp(-8 * (r - d)))
    batch = CrystalBatch.from_structures(known_crystals["rock_salt"][:1])
    cell = batch.cell.requires_grad_()
    value = read(batch, measure("CN", "Na", "Cl"), "soft").value
    assert value.item() == pytest.approx(6 * sigma, abs=1e-12)
    (gradient,) = torch.autograd.grad(value.sum(), cell)
    assert (gradient * cell).sum().item() == pytest.approx(
        -6 * 8 * d * sigma * (1 - sigma), abs=1e-10
    )


def test_trap_15_a_tight_radius_makes_soft_disagree_with_exact(known_crystals: Known) -> None:
    batch = CrystalBatch.from_structures(known_crystals["zinc_blende"])
    tight = measure("CN", "Zn", "S", r=2.343 + 0.1)
    assert read(batch, tight).value.tolist() == [4] * 4
    assert (read(batch, tight, "soft").value < 3).all()


@pytest.mark.parametrize("kind", ["soft", "exact"])
def test_trap_12_absent_centre_is_undefined_and_absent_neighbour_is_zero(
    known_crystals: Known, kind: str
) -> None:
    batch = CrystalBatch.from_structures(
        [known_crystals[n][0] for n in ("rock_salt", "cesium_chloride")]
    )
    evaluate = getattr(coordination, kind)
    assert read(batch, measure("CN", "Na", "Cl"), kind).defined.tolist() == [True, False]
    no_neighbour = read(batch, measure("CN", "Cl", "Na"), kind)
    assert no_neighbour.defined.tolist() == [True, True]
    assert no_neighbour.value[1] == 0
    # searched, though no site counts
    assert evaluate(batch, measure("CN", "Na", "Cl")).defined.all()


def test_soft_species_are_weights(known_crystals: Known) -> None:
    """p(Cl) = 1/2 on every chlorine: CN(Na-Cl) halves; p(Na) = 1/2 on every sodium: the mean over
    Na does not change.
    """
    for symbol, factor in (("Cl", 0.5), ("Na", 1.0)):
        batch = CrystalBatch.from_structures(known_crystals["rock_salt"][:1])
        whole = read(batch, measure("CN", "Na", "Cl"), "soft").value.item()
        batch.species[:, ATOMIC_NUMBER[symbol]] *= 0.5
        assert read(batch, measure("CN", "Na", "Cl"), "soft").value.item() == pytest.approx(
            factor * whole
        )


def test_an_atom_and_its_own_image_are_the_same_element() -> None:
    """One atom, half Cu and half Fe, cubic 2.5 Å: as Cu it has six Cu around it and never an Fe."""
    batch = CrystalBatch.from_structures([Structure(Lattice.cubic(2.5), ["Cu"], [[0, 0, 0]])])
    pure = read(batch, measure("CN", "Cu", "Cu"), "soft").value.item()
    batch.species[:] = 0
    batch.species[:, [26, 29]] = 0.5
    assert read(batch, measure("CN", "Cu", "Cu"), "soft").value.item() == pytest.approx(pure)
    assert read(batch, measure("CN", "Cu", "Fe"), "soft").value.item() == 0


def test_gradient_reaches_species(known_crystals: Known) -> None:
    batch = CrystalBatch.from_structures(known_crystals["rock_salt"][:1])
    species = batch.species.requires_grad_()
    (gradient,) = torch.autograd.grad(
        read(batch, measure("CN", "Na", "Cl"), "soft").value.sum(), species
    )
    assert (gradient[batch.weight([17]) > 0, 17] > 0).all()


def test_sharpness_may_differ_per_crystal(known_crystals: Known) -> None:
    one = known_crystals["rock_salt"][0]
    both = coordination.soft(
        CrystalBatch.from_structures([one, one]),
        measure("CN", "Na", "Cl"),
        torch.tensor([8.0, 2.0]),
    ).value
    for part, sharpness in zip(both.chunk(2), (8.0, 2.0), strict=True):
        torch.testing.assert_close(
            part,
            coordination.soft(
                CrystalBatch.from_structures([one]), measure("CN", "Na", "Cl"), sharpness
            ).value,
        )


def codes(
    *species: str,
    target: float | None = None,
    low: float | None = None,
    high: float | None = None,
    **parameters: float,
) -> list[str]:
    """Codes of the concerns about a claim; the tolerance is that of the descriptor."""
    relation = (
        Relation("=", target=target, tolerance=0.5)
        if target is not None
        else Relation(
            "in" if low is not None and high is not None else "<=" if low is None else ">=",
            low=low,
            high=high,
        )
    )
    return [c.code for c in coordination.concerns(measure("CN", *species, **parameters), relation)]


def test_the_numbers_of_textbooks_raise_no_concern() -> None:
    for a, b, number in (
        ("Cu", "P", 4),
        ("Na", "Cl", 6),
        ("Cs", "Cl", 8),
        ("Ca", "F", 8),
        ("Cu", "Cu", 12),
        ("Sr", "O", 12),
        ("Th", "O", 8),
    ):
        assert codes(a, b, target=number) == []


def test_numbers_that_do_not_fit_are_doubted() -> None:
    assert codes("Cu", "P", target=30, r=2.6) == ["W055"]
    assert codes("Be", "Cs", low=12) == ["W055"]
    assert codes("Cu", "P", low=3, high=30) == []  # 3 is enough
    assert codes("Cu", "P", high=30) == []
    assert codes("Cu", "P", target=1, r=0.5)  # a radius inside the atom


def test_a_tight_radius_is_doubted_where_a_shell_would_be_overfilled() -> None:
    assert codes("Cu", "P", target=6, r=2.4) == ["W056"]
    assert codes("Cu", "P", target=4) == []


def test_an_element_without_a_radius_needs_one() -> None:
    assert codes("Cf", "O", target=6) == ["E048"]
    assert codes("Cf", "O", target=6, r=3.0) == []


def test_formula_names_the_radius_of_every_pair() -> None:
    assert "Cu-P 2.89" in coordination.formula(measure("CN", "Cu", "P,Si"))
    assert "Cu-Si 2.93" in coordination.formula(measure("CN", "Cu", "P,Si"))
