"""The terms of a program that have one number per crystal, and what an axis says of them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from scoutlang import ir
from scoutlang.descriptors import modules
from scoutlang.ir import measures
from scoutlang.ir.signatures import DescriptorSignature
from scoutlang.ir.text import relation_text, wish_text

_WORDS = frozenset({"truth", "category"})


@dataclass(frozen=True)
class Numeric:
    """A term with one value per crystal."""

    term: ir.Term
    axis: str
    """What an axis says: name and unit."""
    unit: str
    """With superscripts; empty for a plain number."""
    whole: bool
    """Whether it is made of whole numbers of each site or of the cell, so that a mean is a fraction
    of two of them.
    """
    target: float | None
    """None for a range or a wish."""
    low: float
    """The least value that satisfies it; −∞ where it is open, and for a wish."""
    high: float
    """The largest one; ∞ where it is open, and for a wish."""
    aim: str
    """What is wanted, in words."""

    @property
    def label(self) -> str:
        return self.term.label

    @property
    def wish(self) -> bool:
        return isinstance(self.term.claim, ir.Wish)


def numeric_terms(program: ir.Program) -> list[Numeric]:
    """In program order; what is true or false only, a name, or put together of several relations,
    is not among them.
    """
    return [found for term in program.terms if (found := _numeric(term)) is not None]


def slug(label: str) -> str:
    """A label as part of a file's name."""
    return re.sub(r"[^A-Za-z0-9]+", "-", label).strip("-").lower() or "term"


def pooled_range(
    values: Sequence[float], marks: Sequence[float], share: float = 0.98
) -> tuple[float, float]:
    """[low, high] that holds this share of the values, what is nearest to the median first, and the
    finite marks, with 5 % to spare on both sides.
    """
    ordered = sorted(values)
    cut = int((1 - share) / 2 * len(ordered))
    inside = ordered[cut : len(ordered) - cut] + [m for m in marks if math.isfinite(m)]
    low, high = min(inside), max(inside)
    room = 0.05 * (high - low) or 0.05 * max(abs(low), 1.0)
    return low - room, high + room


def _numeric(term: ir.Term) -> Numeric | None:
    claim = term.claim
    if not isinstance(claim, ir.Compare | ir.Wish):
        return None
    catalogue = modules()
    signatures: dict[str, DescriptorSignature] = {
        m.descriptor: catalogue[m.descriptor].SIGNATURE for m in measures(claim)
    }
    core = claim.value.of if isinstance(claim.value, ir.Aggregate) else claim.value
    if isinstance(core, ir.Measure) and signatures[core.descriptor].dimension in _WORDS:
        return None
    unit = claim.unit.replace("^2", "²").replace("^3", "³")
    axis = _name(claim.value) or term.label
    target, low, high = None, -math.inf, math.inf
    if isinstance(claim, ir.Wish):
        aim = wish_text(claim)
    else:
        relation = claim.relation
        target, aim = relation.target, relation_text(relation, unit)
        if target is not None:
            low, high = target - (relation.tolerance or 0), target + (relation.tolerance or 0)
        else:
            low = low if relation.low is None else relation.low
            high = high if relation.high is None else relation.high
    return Numeric(
        term,
        f"{axis} ({unit})" if unit else axis,
        unit,
        _whole(claim.value, signatures),
        target,
        low,
        high,
        aim,
    )


def _whole(value: ir.Quantity, signatures: dict[str, DescriptorSignature]) -> bool:
    match value:
        case ir.Constant(value=number):
            return number.is_integer()
        case ir.Measure(descriptor=name):
            # a step of 1 with a tolerance of one half is how a descriptor says that it counts
            signature = signatures[name]
            return (
                signature.dimension == "dimensionless"
                and signature.scale == 1.0
                and signature.tolerance == 0.5
            )
        case ir.Aggregate(of=inner):
            return _whole(inner, signatures)
        case ir.Fraction():
            return True
        case ir.Arithmetic(op=op, of=of):
            return op not in ("/", "^") and all(_whole(one, signatures) for one in of)
    return False


def _name(value: ir.Quantity) -> str:
    match value:
        case ir.Measure(descriptor=name, species=species):
            return f"{name}({'-'.join(one.text for one in species)})" if species else name
        case ir.Aggregate(how=how, of=inner) if _name(inner):
            return f"{how} of {_name(inner)}"
    return ""
