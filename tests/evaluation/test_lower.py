"""Programs as losses: the value of every relation, undefined terms, independence, and gradients
against finite differences.
"""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

import scoutlang
from scoutlang.crystals.batch import MAX_Z, CrystalBatch
from scoutlang.evaluation.loss import compile_loss, loss_and_gradient, loss_and_gradients
from scoutlang.ir import (
    Aggregate,
    Compare,
    Location,
    Measure,
    Program,
    Relation,
    Species,
    Term,
    Wish,
)

ROCK_SALT = Structure.from_spacegroup(
    "Fm-3m", Lattice.cubic(5.64), ["Na", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]
)
CESIUM_CHLORIDE = Structure.from_spacegroup(
    "Pm-3m", Lattice.cubic(4.12), ["Cs", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]]
)
VOLUME = 5.64**3 / 8  # 22.43 Å^3 per atom
CLOSEST = 2.82


def measure(name: str, *species: str, **parameters: float) -> Measure | Aggregate:
    parts = tuple(Species(text=e, elements=(e,)) for e in species)
    measured = Measure(descriptor=name, species=parts, parameters=tuple(parameters.items()))
    return Aggregate("mean", measured) if name in ("CN", "distance") else measured


def term(measured: Measure | Aggregate, verb: str = "require", **fields: Any) -> Term:
    given = {
        "label": "t",
        "weight": 1.0,
        "loss": "l1",
        **{k: fields.pop(k) for k in ("label", "weight", "loss") if k in fields},
    }
    direction = fields.pop("wish", None)
    claim = (
        Wish(measured, direction, **fields) if direction else Compare(measured, Relation(**fields))
    )
    return Term(verb=verb, claim=claim, text="", location=Location(start=0, end=0, line=1), **given)  # type: ignore[arg-type]


def program(*terms: Term) -> Program:
    return Program(source_name="test", source_text="", system=("Na", "Cl", "Cs"), terms=terms)


def random_batch(seed: int, *, size: int = 2, atoms: int = 5) -> CrystalBatch:
    rng = torch.Generator().manual_seed(seed)
    structures = []
    for _ in range(size):
        matrix = 4.2 * (
            torch.eye(3, dtype=torch.float64)
            + 0.1 * torch.randn(3, 3, generator=rng, dtype=torch.float64)
        )
        frac = torch.rand(atoms, 3, generator=rng, dtype=torch.float64)
        structures.append(
            Structure(Lattice(matrix.numpy()), ["Na", "Cl", "Na", "Cl", "Cs"][:atoms], frac.numpy())
        )
    return CrystalBatch.from_structures(structures)


MIXED = program(
    term(
        measure("CN", "Na", "Cl"),
        label="cn",
        op="=",
        target=4.0,
        tolerance=0.5,
        weight=2.0,
        loss="l2",
    ),
    term(measure("volume_per_atom"), label="v", op="in", low=5.0, high=9.0, loss="huber"),
    term(measure("distance", "Na", "Cl"), label="d", op=">", low=3.0),
    term(measure("min_distance", "Na", "Na"), "prefer", label="m", wish="high"),
)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"op": "=", "target": 20.0, "tolerance": 0.25}, VOLUME - 20),
        ({"op": "=", "target": 25.0, "tolerance": 0.25}, 25 - VOLUME),
        ({"op": "=", "target": 20.0, "tolerance": 0.25, "scale": 2.0}, (VOLUME - 20) / 2),
        ({"op": "=", "target": 20.0, "tolerance": 0.25, "loss": "l2"}, (VOLUME - 20) ** 2),
        ({"op": "=", "target": 20.0, "tolerance": 0.25, "loss": "huber"}, VOLUME - 20 - 0.5),
        ({"op": "=", "target": 20.0, "tolerance": 0.25, "loss": "hinge"}, VOLUME - 20.25),
        ({"op": "=", "target": 22.0, "tolerance": 1.0, "loss": "hinge"}, 0.0),
        ({"op": "<", "high": 20.0}, VOLUME - 20),
        ({"op": "<=", "high": 23.0}, 0.0),
        ({"op": ">", "low": 25.0, "scale": 0.5}, 2 * (25 - VOLUME)),
        ({"op": ">=", "low": 20.0}, 0.0),
        ({"op": "in", "low": 20.0, "high": 23.0}, 0.0),
        ({"op": "in", "low": 10.0, "high": 20.0}, VOLUME - 20),
        ({"op": "in", "low": 25.0, "high": 30.0}, 25 - VOLUME),
        ({"wish": "low", "scale": 10.0}, VOLUME / 10),
        ({"wish": "high", "weight": 3.0}, -3 * VOLUME),
    ],
)
def test_relations(fields: dict[str, Any], expected: float) -> None:
    value = compile_loss(program(term(measure("volume_per_atom"), **fields)))(
        CrystalBatch.from_structures([ROCK_SALT])
    )
    assert value.total.item() == pytest.approx(expected, abs=1e-9)
    assert value.values.item() == pytest.approx(VOLUME)


def test_the_gap_counts_violations_and_one_unit_for_each_wish() -> None:
    """A wish may have any sign and no end; a step must go down all the same."""
    terms = [
        term(measure("volume_per_atom"), label="v", op="=", target=20.0, weight=2.0),
        term(measure("min_distance", "Na", "Cl"), "prefer", label="d", wish="high", weight=3.0),
        term(measure("min_distance", "Na", "Cs"), "prefer", label="undefined", wish="low"),
    ]
    value = compile_loss(program(*terms))(CrystalBatch.from_structures([ROCK_SALT]))
    assert value.total.item() == pytest.approx(2 * (VOLUME - 20) - 3 * CLOSEST)
    assert value.gap.item() == pytest.approx(2 * (VOLUME - 20) + 3)


def test_terms_are_weighted_and_summed_and_only_guiding_ones_count() -> None:
    loss = compile_loss(
        program(
            term(measure("volume_per_atom"), label="v", op="=", target=20.0, weight=2.0),
            term(measure("min_distance", "Na", "Cl"), "prefer", label="d", op="<", high=2.0),
            term(measure("volume_per_atom"), "expect", label="judged", op="=", target=1.0),
        )
    )
    assert loss.labels == ("v", "d")
    value = loss(CrystalBatch.from_structures([ROCK_SALT]))
    assert value.terms[0].tolist() == pytest.approx([2 * (VOLUME - 20), CLOSEST - 2])
    assert value.total.item() == pytest.approx(float(value.terms.sum()))


def test_a_requirement_without_gradient_is_refused() -> None:
    with pytest.raises(ValueError, match="expect"):
        compile_loss(program(term(measure("e_above_hull"), op="<", high=0.1)))


def test_trap_12_undefined_terms_have_no_loss_and_no_gradient() -> None:
    loss = compile_loss(
        program(
            term(measure("CN", "Na", "Cl"), op="=", target=4.0),
            term(measure("min_distance", "Na", "Na"), op=">", low=9.0),
        )
    )
    value, d_frac, d_cell = loss_and_gradient(
        loss, CrystalBatch.from_structures([CESIUM_CHLORIDE, ROCK_SALT])
    )
    assert value.defined.tolist() == [[False, False], [True, True]]
    assert value.total[0] == 0 < value.total[1]
    assert (d_frac[:2] == 0).all()
    assert (d_cell[0] == 0).all()
    assert d_cell[1].abs().max() > 0


def test_no_guiding_terms_is_no_loss() -> None:
    batch = CrystalBatch.from_structures([ROCK_SALT, CESIUM_CHLORIDE])
    value, d_frac, d_cell = loss_and_gradient(compile_loss(program()), batch)
    assert value.total.tolist() == [0, 0]
    assert value.terms.shape == (2, 0)
    assert d_frac.shape == batch.frac.shape
    assert not d_cell.any()


LOGIC = """
system Na-Cl-Cs
require each CN(Na-Cl) = 6 ± 0.2
require any distance(Na-Cl) > 3 Å loss l2
require fraction(CN(Cl-Na) in [2, 3]) >= 0.9 weight 3
require CN(Na-Cl) = 2 or volume_per_atom < 10 Å^3
prefer not (CN(Na-Cl) > 1) and max(distance(Na-Cl)) < 1.2 Å
require CN(Cs-Cl) > 3 implies std(CN(Na-Cl)) > 2
require mean(CN(Na-Cl) * distance(Na-Cl)) / volume_per_atom^(1/3) < 0.5 loss huber
require abs(CN(Na-Cl) - CN(Cl-Na)) > 2
"""


def test_logic_has_gradients_as_finite_differences_say() -> None:
    checked = scoutlang.check(LOGIC).program
    assert checked is not None
    batch, loss = random_batch(7, size=3), compile_loss(checked)
    value, d_frac, d_cell = loss_and_gradient(loss, batch)
    assert value.defined.all()
    # every term is violated somewhere, so each has a slope to test
    assert (value.terms > 0).any(dim=0).all()
    rng, step = torch.Generator().manual_seed(0), 1e-7
    for _ in range(8):
        frac, cell = (
            torch.randn(t.shape, generator=rng, dtype=t.dtype) for t in (batch.frac, batch.cell)
        )
        ahead, behind = (
            loss(batch.with_geometry(batch.frac + h * frac, batch.cell + h * cell)).total.sum()
            for h in (step, -step)
        )
        torch.testing.assert_close(
            (ahead - behind) / (2 * step),
            (d_frac * frac).sum() + (d_cell * cell).sum(),
            atol=1e-4,
            rtol=1e-5,
        )


def test_logic_costs_nothing_where_it_holds() -> None:
    text = "system Na-Cl; require each CN(Na-Cl, r=3.6 Å) = 6 or CN(Cl-Cl) = 0; require any distance(Na-Cl) < 3 Å and not CN(Na-Cl, r=3.6 Å) > 7"
    loss = compile_loss(scoutlang.check(text).program)  # type: ignore[arg-type]
    value, d_frac, _ = loss_and_gradient(loss, CrystalBatch.from_structures([ROCK_SALT]))
    assert value.total.tolist() == [0.0]
    assert not d_frac.any()


@pytest.mark.parametrize("seed", range(2))
def test_gradients_against_finite_differences(seed: int) -> None:
    """Along random directions of all coordinates and cells at once; element by element is
    `check_descriptor`'s part.
    """
    batch, loss = random_batch(seed), compile_loss(MIXED)
    value, d_frac, d_cell = loss_and_gradient(loss, batch)
    assert value.defined.all()
    rng, step = torch.Generator().manual_seed(seed), 1e-6
    for _ in range(8):
        frac, cell = (
            torch.randn(t.shape, generator=rng, dtype=t.dtype) for t in (batch.frac, batch.cell)
        )
        ahead, behind = (
            loss(batch.with_geometry(batch.frac + h * frac, batch.cell + h * cell)).total.sum()
            for h in (step, -step)
        )
        expected = (d_frac * frac).sum() + (d_cell * cell).sum()
        torch.testing.assert_close((ahead - behind) / (2 * step), expected, atol=1e-6, rtol=1e-6)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(2, 5))
def test_a_batch_is_its_crystals_one_by_one(seed: int, size: int) -> None:
    batch, loss = random_batch(seed, size=size), compile_loss(MIXED)
    value, d_frac, d_cell = loss_and_gradient(loss, batch)
    for b in range(size):
        mine = batch.system == b
        single = CrystalBatch(
            batch.frac[mine],
            batch.cell[b : b + 1],
            batch.species[mine],
            torch.zeros(5, dtype=torch.int64),
            batch.num_atoms[b : b + 1],
        )
        alone, d_frac_alone, d_cell_alone = loss_and_gradient(loss, single)
        torch.testing.assert_close(alone.terms[0], value.terms[b])
        torch.testing.assert_close(d_frac_alone, d_frac[mine])
        torch.testing.assert_close(d_cell_alone[0], d_cell[b])


def test_trap_9_a_loss_is_immutable_and_repeatable() -> None:
    first, second = (
        compile_loss(MIXED),
        compile_loss(program(term(measure("CN", "Na", "Cl"), op="=", target=1.0))),
    )
    batch, other = random_batch(1), random_batch(2, size=3)
    before = first(batch)
    second(batch)
    first(other)
    assert torch.equal(first(batch).terms, before.terms)
    assert not torch.equal(second(batch).total, before.total)
    with pytest.raises(FrozenInstanceError):
        first.items = ()  # type: ignore[misc]


@pytest.mark.parametrize("flaw", [0.0, 1e-30, float("nan"), float("inf")])
def test_one_broken_crystal_spoils_nothing(flaw: float) -> None:
    batch, loss = random_batch(4, size=3), compile_loss(MIXED)
    value, d_frac, d_cell = loss_and_gradient(loss, batch)
    batch.cell[1] *= flaw
    broken, d_frac_broken, d_cell_broken = loss_and_gradient(loss, batch)
    kept = batch.system != 1
    torch.testing.assert_close(broken.total[[0, 2]], value.total[[0, 2]])
    torch.testing.assert_close(d_frac_broken[kept], d_frac[kept])
    torch.testing.assert_close(d_cell_broken[[0, 2]], d_cell[[0, 2]])
    assert broken.total.isfinite().all()
    assert d_frac_broken.isfinite().all()
    assert d_cell_broken.isfinite().all()


def test_float32_and_grad_mode_of_the_caller() -> None:
    batch = CrystalBatch.from_structures([ROCK_SALT], dtype=torch.float32)
    with torch.no_grad():
        value, d_frac, d_cell = loss_and_gradient(compile_loss(MIXED), batch)
    assert {t.dtype for t in (value.total, d_frac, d_cell)} == {torch.float32}
    assert not value.total.requires_grad
    assert d_cell.abs().sum() > 0


def test_description_names_everything_that_matters() -> None:
    text = compile_loss(MIXED).describe()
    lines = text.splitlines()
    assert len(lines) == 5
    assert "cn (require): 2 · l2((x − 4) / 1)" in lines[1]
    assert "Na-Cl 3.18" in lines[1]
    assert "± 0.5" in lines[1]
    assert "huber(max(0, 5 − x, x − 9) / 1)" in lines[2]
    assert "l1(max(0, 3 − x) / 1)" in lines[3]
    assert "m (prefer): 1 · −x / 1" in lines[4]


def test_gradient_to_species_agrees_with_finite_differences() -> None:
    program = scoutlang.check("system Cu-P; require CN(Cu-P, r=3.0) = 2 loss l2").program
    assert program is not None
    generator = torch.Generator().manual_seed(3)
    species = torch.zeros(4, MAX_Z + 1, dtype=torch.float64)
    species[:, 29] = torch.rand(4, generator=generator, dtype=torch.float64)
    species[:, 15] = 1 - species[:, 29]
    frac = torch.rand(4, 3, generator=generator, dtype=torch.float64)
    batch = CrystalBatch(
        frac,
        3.6 * torch.eye(3, dtype=torch.float64)[None],
        species,
        torch.zeros(4, dtype=torch.long),
        torch.tensor([4]),
    )
    loss = compile_loss(program)
    _, _, _, gradient = loss_and_gradients(loss, batch)
    for atom, z in ((0, 29), (2, 15)):
        step = torch.zeros_like(species)
        step[atom, z] = 1e-6
        up, down = (
            loss(replace(batch, species=species + sign * step)).total.item() for sign in (1, -1)
        )
        assert gradient[atom, z].item() == pytest.approx((up - down) / 2e-6, rel=1e-4, abs=1e-7)
