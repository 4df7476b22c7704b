"""Values and truth of the expressions of a program on a batch of crystals; what guides and what
judges both read it.

Four questions, each asked of the soft or of the exact values of the descriptors:

* `quantity`: the value;
* `truth`: whether a proposition holds, by hard comparison, with Kleene's three values;
* `margin`: by how much, by minima and maxima of ρ;
* `slack`: by how much, smoothly, for a gradient.

The slack is signed and dimensionless, in natural units of change (`ir.Relation.scale`), and its
sign is the truth. ``and`` and ``each``: where something is violated the mean violation, so that
every violated part is mended at once, else the smallest slack. ``or`` and ``any``: where something
holds the largest slack, else a mean weighted towards the part that is nearest to holding.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Literal

import torch
from torch import Tensor

from scoutlang import ir
from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.neighbours import (
    PRESENT,
    SHARPNESS,
    DescriptorValue,
    SiteValues,
    sum_by_structure,
)
from scoutlang.descriptors import modules

ROUNDING = 1e-9
"""Margins this close to 0 are 0: ``CN = 4 ± 0.3`` holds at 4.3, and ``CN > 3`` does not at
3.0000000000000004.
"""

NEARNESS = 4.0
"""Per unit of slack: how much more the nearest alternative of an ``or`` weighs than the next."""

STEEPNESS = 8.0
"""Per unit of slack: how steeply the soft share of sites rises where a site begins to hold."""

_FLAT = 1e-12  # below this a standard deviation or a divisor counts as zero


@dataclass(frozen=True)
class Sites:
    """M sites, or items of a descriptor's own such as angles."""

    weight: Tensor
    """(M,) from 0 to 1, how much the value of each counts."""
    system: Tensor
    """(M,) int64, the crystal of each."""
    member: Tensor
    """(M,) from 0 to 1, how much each is one of the sites that are asked about; larger than its
    weight where it has no value.
    """

    @property
    def measured(self) -> Tensor:
        """(M,) bool: whether there is a value."""
        return self.weight > PRESENT * self.member

    @property
    def everyone(self) -> Sites:
        """The same sites, each counting whether it has a value or not."""
        return Sites(self.member, self.system, self.member)


@dataclass(frozen=True)
class Field:
    """The values of an expression, of crystals or of sites."""

    value: Tensor
    """(M,) of the sites, (B,) of the crystals where there are none; finite everywhere."""
    defined: Tensor
    """Bool, of the same shape."""
    sites: Sites | None = None


@dataclass(frozen=True)
class Truth:
    """Kleene's three values of crystals or of sites: true, false, or neither."""

    true: Tensor
    """Bool, (M,) of the sites, (B,) of the crystals where there are none."""
    false: Tensor
    """Bool, of the same shape."""
    sites: Sites | None = None


@dataclass(frozen=True)
class Reading:
    """What expressions are read from. A descriptor that several terms use is evaluated once per
    reading.
    """

    batch: CrystalBatch
    kind: Literal["soft", "exact"]
    """Which values of the descriptors."""
    sharpness: float | Tensor = SHARPNESS
    """1/Å, of the smooth neighbour step of the soft values: a number or one per crystal (B,)."""
    given: Mapping[str, Tensor] = field(default_factory=dict)
    """Values (B,) of descriptors that a structure alone does not have, such as ``e_above_hull``;
    NaN where undefined.
    """
    catalogue: Mapping[str, ModuleType] = field(default_factory=modules)
    """Name → module of every descriptor."""
    _known: dict[ir.Measure, Field] = field(default_factory=dict, repr=False)


# ---- values ----


def quantity(expression: ir.Quantity, reading: Reading) -> Field:
    """The value of an expression, of the crystals, or of the sites of the descriptors in it that no
    aggregate has reduced.
    """
    match expression:
        case ir.Constant(value=value):
            size = reading.batch.size
            full = reading.batch.frac.new_full((size,), value)
            return Field(full, torch.ones_like(full, dtype=torch.bool))
        case ir.Measure():
            if expression not in reading._known:
                reading._known[expression] = _measure(expression, reading)
            return reading._known[expression]
        case ir.Arithmetic(op=op, of=of):
            return _arithmetic(op, [quantity(q, reading) for q in of])
        case ir.Aggregate(how=how, of=inner):
            return _aggregate(how, quantity(inner, reading), reading.batch.size)
        case ir.Fraction(of=proposition):
            return _fraction(proposition, reading)
    raise AssertionError(expression)


def extent(found: Field, size: int) -> tuple[Field, Field]:
    """Smallest and largest value of each crystal over the sites that have one; the value twice
    where there are no sites.
    """
    if found.sites is None:
        return found, found
    counting = found.sites.measured * found.defined * found.sites.member
    return _extreme("min", found, counting, size), _extreme("max", found, counting, size)


def _measure(measure: ir.Measure, reading: Reading) -> Field:
    module = reading.catalogue[measure.descriptor]
    evaluate = getattr(module, reading.kind, None)
    if evaluate is None:
        absent = reading.batch.frac.new_full((reading.batch.size,), torch.nan)
        value = reading.given.get(measure.descriptor, absent)
        return _field(value, ~value.isnan(), None)
    found = (
        evaluate(reading.batch, measure, reading.sharpness)
        if reading.kind == "soft"
        else evaluate(reading.batch, measure)
    )
    if isinstance(found, DescriptorValue):
        return _field(found.value, found.defined, None)
    assert isinstance(found, SiteValues)
    member = found.weight if found.member is None else found.member
    return _field(
        found.value, found.defined[found.system], Sites(found.weight, found.system, member)
    )


def _field(value: Tensor, defined: Tensor, sites: Sites | None) -> Field:
    """Undefined values become 0, without a gradient."""
    return Field(torch.where(defined, value, torch.zeros_like(value)), defined, sites)


def _arithmetic(op: ir.Operation, operands: list[Field]) -> Field:
    values, defined, sites = _aligned(operands)
    match op, values:
        case "+", _:
            return _field(torch.stack(values).sum(0), defined, sites)
        case "*", _:
            return _field(torch.stack(values).prod(0), defined, sites)
        case "/", [a, b]:
            nonzero = b.abs() > _FLAT
            return _field(a / torch.where(nonzero, b, torch.ones_like(b)), defined & nonzero, sites)
        case "^", [a, b]:
            # A negative base has no real fractional power, zero no negative one.
            possible = (a > _FLAT) | ((b == b.round()) & ((a < -_FLAT) | (b >= 0)))
            return _field(
                torch.where(possible, a, torch.ones_like(a)) ** b, defined & possible, sites
            )
        case "neg", [a]:
            return _field(-a, defined, sites)
        case "abs", [a]:
            return _field(a.abs(), defined, sites)
        case "min", _:
            return _field(torch.stack(values).amin(0), defined, sites)
        case "max", _:
            return _field(torch.stack(values).amax(0), defined, sites)
    raise AssertionError(op)


def _aligned(fields: list[Field]) -> tuple[list[Tensor], Tensor, Sites | None]:
    """Values of one shape, where all are defined, and their sites; a crystal's value counts for
    each of its sites.
    """
    sites = _common([f.sites for f in fields])
    spread = [
        f
        if f.sites is not None or sites is None
        else Field(f.value[sites.system], f.defined[sites.system])
        for f in fields
    ]
    return [f.value for f in spread], torch.stack([f.defined for f in spread]).all(0), sites


def _common(found: list[Sites | None]) -> Sites | None:
    """The sites of operands that have some; the checker let only operands with the same sites meet.
    A value needs all its parts.
    """
    sites = [s for s in found if s is not None]
    return (
        Sites(torch.stack([s.weight for s in sites]).amin(0), sites[0].system, sites[0].member)
        if sites
        else None
    )


def _aggregate(how: ir.How, inner: Field, size: int) -> Field:
    """One value per crystal; undefined where no site counts, or one that counts is undefined."""
    if inner.sites is None:
        return inner
    weight, system = inner.sites.weight, inner.sites.system
    count = sum_by_structure(weight, system, size)
    defined = (count >= PRESENT) & ~_any(~inner.defined & (weight > _FLAT), system, size)
    if how in ("min", "max"):
        sign = 1.0 if how == "min" else -1.0
        counts = weight > PRESENT
        candidate = torch.where(counts, sign * inner.value, torch.full_like(inner.value, torch.inf))
        best = candidate.new_full((size,), torch.inf).scatter_reduce(0, system, candidate, "amin")
        return _field(
            sign * torch.where(best.isfinite(), best, torch.zeros_like(best)),
            defined & best.isfinite(),
            None,
        )
    total = sum_by_structure(weight * inner.value, system, size)
    if how == "sum":
        return _field(total, defined, None)
    mean = total / count.clamp(min=PRESENT)
    if how == "mean":
        return _field(mean, defined, None)
    variance = sum_by_structure(
        weight * (inner.value - mean[system]).square(), system, size
    ) / count.clamp(min=PRESENT)
    # The root has no slope at 0; a crystal of equal sites has nothing to gain there.
    spread = variance > _FLAT**2
    return _field(
        torch.where(
            spread, torch.where(spread, variance, torch.ones_like(variance)).sqrt(), variance * 0
        ),
        defined,
        None,
    )


def _extreme(how: Literal["min", "max"], inner: Field, weight: Tensor, size: int) -> Field:
    """`_aggregate` over the sites of ``inner`` that this weight leaves; it is 0 where a site is
    undefined, which then leaves nothing undefined.
    """
    assert inner.sites is not None
    return _aggregate(
        how,
        Field(
            inner.value, torch.ones_like(inner.defined), Sites(weight, inner.sites.system, weight)
        ),
        size,
    )


def _fraction(proposition: ir.Proposition, reading: Reading) -> Field:
    """True sites over all sites: where nothing can be said, nothing holds. Undefined where nothing
    can be said of any.
    """
    size = reading.batch.size
    if reading.kind == "exact":
        found = truth(proposition, reading)
        assert found.sites is not None  # the checker lets nothing else in
        holds, known, sites = (
            found.true.to(reading.batch.frac.dtype),
            found.true | found.false,
            found.sites,
        )
    else:
        by = slack(proposition, reading)
        assert by.sites is not None
        share = by.sites.weight / by.sites.member.clamp(min=_FLAT)
        holds, known, sites = torch.sigmoid(STEEPNESS * by.value) * share, by.defined, by.sites
    result = _aggregate("mean", Field(holds * known, torch.ones_like(known), sites.everyone), size)
    return _field(
        result.value,
        result.defined & _any(known & (sites.member > PRESENT), sites.system, size),
        None,
    )


def _any(flags: Tensor, system: Tensor, size: int) -> Tensor:
    return (
        torch.zeros(size, dtype=torch.int64, device=system.device).index_add(
            0, system, flags.long()
        )
        > 0
    )


# ---- truth and margin ----


def truth(proposition: ir.Proposition, reading: Reading) -> Truth:
    """Whether a proposition holds, by hard comparison and exact logic. Neither true nor false where
    it depends on an undefined value.
    """
    match proposition:
        case ir.Compare(value=value, relation=relation):
            found = quantity(value, reading)
            rho = _margin(found.value, relation)
            strict = relation.strict or relation.op in ("<", ">")
            holds = rho > ROUNDING if strict else rho >= -ROUNDING
            known = found.defined if found.sites is None else found.defined & found.sites.measured
            return Truth(known & holds, known & ~holds, found.sites)
        case ir.Not(of=inner):
            found_ = truth(inner, reading)
            return Truth(found_.false, found_.true, found_.sites)
        case ir.And(of=of):
            trues, falses, sites = _parts(of, reading)
            return Truth(trues.all(0), falses.any(0), sites)
        case ir.Or(of=of):
            trues, falses, sites = _parts(of, reading)
            return Truth(trues.any(0), falses.all(0), sites)
        case ir.Implies(premise=premise, conclusion=conclusion):
            return truth(ir.Or((ir.Not(premise), conclusion)), reading)
        case ir.Each(of=inner):
            return _each(truth(inner, reading), reading.batch.size)
        case ir.Some(of=inner):
            one = truth(inner, reading)
            none = _each(Truth(one.false, one.true, one.sites), reading.batch.size)
            return Truth(none.false, none.true)
    raise AssertionError(proposition)


def margin(proposition: ir.Proposition, reading: Reading) -> Field:
    """ρ of a proposition (`ir.Relation`), ρ ≥ 0 where it holds: exact minima and maxima of the
    margins of its parts.

    ``or`` and ``any`` need one defined part, ``and`` and ``each`` all of them: a site without a
    value counts as undefined.
    """
    match proposition:
        case ir.Compare(value=value, relation=relation):
            found = quantity(value, reading)
            if found.sites is None:
                return _field(_margin(found.value, relation), found.defined, None)
            return _field(
                _margin(found.value, relation),
                found.defined & found.sites.measured,
                found.sites.everyone,
            )
        case ir.Not(of=inner):
            found = margin(inner, reading)
            return _field(-found.value, found.defined, found.sites)
        case ir.And(of=of):
            return _arithmetic("min", [margin(p, reading) for p in of])
        case ir.Or(of=of):
            values, defined, sites = _spread([margin(p, reading) for p in of])
            defined = defined > 0
            best = torch.where(defined, values, torch.full_like(values, -torch.inf)).amax(0)
            return _field(best, defined.any(0), sites)
        case ir.Implies(premise=premise, conclusion=conclusion):
            return margin(ir.Or((ir.Not(premise), conclusion)), reading)
        case ir.Each(of=inner):
            return _aggregate("min", margin(inner, reading), reading.batch.size)
        case ir.Some(of=inner):
            found = margin(inner, reading)
            return (
                found
                if found.sites is None
                else _extreme("max", found, found.sites.weight * found.defined, reading.batch.size)
            )
    raise AssertionError(proposition)


def _margin(value: Tensor, relation: ir.Relation) -> Tensor:
    if relation.target is not None:
        return 1 - (value - relation.target).abs() / (relation.tolerance or relation.scale)
    return _distance_to_bounds(value, relation)


def _distance_to_bounds(value: Tensor, relation: ir.Relation) -> Tensor:
    sides = []
    if relation.low is not None:
        sides.append((value - relation.low) / relation.scale)
    if relation.high is not None:
        sides.append((relation.high - value) / relation.scale)
    return torch.stack(sides).amin(0)


def _parts(of: tuple[ir.Proposition, ...], reading: Reading) -> tuple[Tensor, Tensor, Sites | None]:
    found = [truth(p, reading) for p in of]
    sites = _common([t.sites for t in found])
    spread = [
        t
        if t.sites is not None or sites is None
        else Truth(t.true[sites.system], t.false[sites.system])
        for t in found
    ]
    return torch.stack([t.true for t in spread]), torch.stack([t.false for t in spread]), sites


def _each(inner: Truth, size: int) -> Truth:
    """True of every site that counts; neither where there is none."""
    if inner.sites is None:
        return inner
    counts, system = inner.sites.member > PRESENT, inner.sites.system
    some = _any(counts, system, size)
    false = _any(counts & inner.false, system, size)
    return Truth(some & ~_any(counts & ~inner.true, system, size), false)


# ---- slack ----


def slack(proposition: ir.Proposition, reading: Reading) -> Field:
    """By how much a proposition holds, smoothly and with gradients everywhere it is violated; the
    module says how. Undefined parts are left out.
    """
    match proposition:
        case ir.Compare(value=value, relation=relation):
            found = quantity(value, reading)
            return _field(_slack(found.value, relation), found.defined, found.sites)
        case ir.Not(of=inner):
            found = slack(inner, reading)
            return _field(-found.value, found.defined, found.sites)
        case ir.And(of=of):
            return _conjunction(*_spread([slack(p, reading) for p in of]))
        case ir.Or(of=of):
            return _disjunction(*_spread([slack(p, reading) for p in of]))
        case ir.Implies(premise=premise, conclusion=conclusion):
            return slack(ir.Or((ir.Not(premise), conclusion)), reading)
        case ir.Each(of=inner):
            return _over_sites(slack(inner, reading), reading.batch.size)
        case ir.Some(of=inner):
            found = slack(inner, reading)
            return _nearest_site(found, reading.batch.size)
    raise AssertionError(proposition)


def _slack(value: Tensor, relation: ir.Relation) -> Tensor:
    if relation.target is not None:
        return (
            (relation.tolerance or relation.scale) - (value - relation.target).abs()
        ) / relation.scale
    return _distance_to_bounds(value, relation)


def _spread(fields: list[Field]) -> tuple[Tensor, Tensor, Sites | None]:
    """(K, M) values of K parts over the same sites, how much each part has one, 0 to 1, and the
    sites, which count by the best of them.
    """
    values, _, sites = _aligned(fields)
    if sites is None:
        return (
            torch.stack(values),
            torch.stack([f.defined for f in fields]).to(values[0].dtype),
            None,
        )
    own = [
        f.sites.weight * f.defined
        if f.sites is not None
        else f.defined[sites.system] * sites.member
        for f in fields
    ]
    best = torch.stack(own).amax(0)
    weights = torch.stack(own) / torch.where(best > 0, best, torch.ones_like(best))
    return torch.stack(values), weights, Sites(best, sites.system, sites.member)


def _conjunction(values: Tensor, weight: Tensor, sites: Sites | None) -> Field:
    """(K, M) → (M,): the mean violation where there is one, else the smallest."""
    count = weight.sum(0)
    violation = (weight * values.clamp(max=0)).sum(0) / count.clamp(min=1)
    smallest = torch.where(weight > 0, values, torch.full_like(values, torch.inf)).amin(0)
    return _field(torch.where(violation < 0, violation, smallest), count > 0, sites)


def _disjunction(values: Tensor, weight: Tensor, sites: Sites | None) -> Field:
    """(K, M) → (M,): the largest where one holds, else a mean that leans to the largest."""
    defined = weight > 0
    candidates = torch.where(defined, values, torch.full_like(values, -torch.inf))
    largest = candidates.amax(0)
    some = defined.any(0)
    safe = torch.where(some, candidates, torch.zeros_like(candidates))
    nearness = weight * torch.softmax(NEARNESS * safe, dim=0)
    near = (nearness * torch.where(defined, values, torch.zeros_like(values))).sum(
        0
    ) / nearness.sum(0).clamp(min=_FLAT)
    return _field(torch.where(largest >= 0, largest, near), some, sites)


def _over_sites(inner: Field, size: int) -> Field:
    """`_conjunction` over the sites of each crystal."""
    if inner.sites is None:
        return inner
    weight, system = inner.sites.weight * inner.defined, inner.sites.system
    count = sum_by_structure(weight, system, size)
    violation = sum_by_structure(weight * inner.value.clamp(max=0), system, size) / count.clamp(
        min=PRESENT
    )
    smallest = _extreme("min", inner, weight, size)
    return _field(torch.where(violation < 0, violation, smallest.value), count >= PRESENT, None)


def _nearest_site(inner: Field, size: int) -> Field:
    """`_disjunction` over the sites of each crystal, each site by its weight."""
    if inner.sites is None:
        return inner
    weight, system = inner.sites.weight * inner.defined, inner.sites.system
    count = sum_by_structure(weight, system, size)
    largest = _extreme("max", inner, weight, size)
    # Shifting by the largest keeps the exponentials from overflowing; it cancels.
    nearness = weight * torch.exp(
        NEARNESS * (inner.value - largest.value.detach()[system]).clamp(max=30)
    )
    near = sum_by_structure(nearness * inner.value, system, size) / sum_by_structure(
        nearness, system, size
    ).clamp(min=_FLAT)
    return _field(torch.where(largest.value >= 0, largest.value, near), count >= PRESENT, None)
