"""Why a term does not hold on a structure, in words: its value and its bound, or what has no
value.
"""

from __future__ import annotations

from collections.abc import Iterator

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.neighbours import PRESENT
from scoutlang.descriptors import signatures
from scoutlang.evaluation.expressions import Reading, quantity
from scoutlang.evaluation.measurement import Part, TermMeasurement
from scoutlang.ir import Compare, Measure, Proposition, Species, Wish, comparisons, measures
from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.ir.text import Printer


def reason(claim: Proposition | Wish, found: TermMeasurement, reading: Reading, place: int) -> str:
    """Why a claim is not true of crystal number ``place``; empty where it is, and for a wish that
    has a value.
    """
    if found.satisfied or (isinstance(claim, Wish) and found.exact is not None):
        return ""
    if found.satisfied is None:
        lacking = "; ".join(_lacking(claim, reading, place))
        return lacking or "its value is undefined"
    if isinstance(claim, Compare):
        return _missed(claim, Part(found.exact, found.exact))
    parts = zip(comparisons(claim), found.parts, strict=True)
    return "; ".join(_missed(comparison, part) for comparison, part in parts)


def _missed(comparison: Compare, part: Part) -> str:
    """``CN(Cu-P) is 2 … 5, wanted 4 ± 0.3``."""
    ends = [_value(comparison, end) for end in (part.low, part.high)]
    value = " … ".join(dict.fromkeys(ends))
    printer = _printer()
    return f"{printer.quantity(comparison.value)} is {value}, wanted {printer.target(comparison)}"


def _value(comparison: Compare, value: float | None) -> str:
    if value is None:
        return "undefined"
    return _printer().word(comparison.value, value) or f"{value + 0.0:.4g}"


def _printer() -> Printer:
    return Printer(signatures())


def _lacking(claim: Proposition | Wish, reading: Reading, place: int) -> Iterator[str]:
    """``CN(Cu-P) has no value: there is no Cu``, for every descriptor that has none."""
    for measure in dict.fromkeys(measures(claim)):
        if not _has_value(measure, reading, place):
            name = _printer().quantity(measure)
            yield f"{name} has no value: {_why(measure, reading, place)}"


def _has_value(measure: Measure, reading: Reading, place: int) -> bool:
    found = quantity(measure, reading)
    if found.sites is None:
        return bool(found.defined[place])
    here = found.sites.system == place
    return bool((here & found.sites.measured & found.defined).any())


def _why(measure: Measure, reading: Reading, place: int) -> str:
    module = reading.catalogue[measure.descriptor]
    if not hasattr(module, "exact"):
        return "no stage of a validation gave one"
    absent = [one.text for one in measure.species if not _present(one, reading.batch, place)]
    if absent:
        return f"there is no {' and no '.join(dict.fromkeys(absent))}"
    explain = getattr(module, "why_undefined", None)
    explained = explain(reading.batch, measure, place) if explain else ""
    return explained or "nothing in this crystal can be measured"


def _present(species: Species, batch: CrystalBatch, place: int) -> bool:
    weight = batch.weight([ATOMIC_NUMBER[element] for element in species.elements])
    return bool(weight[batch.system == place].sum() >= PRESENT)
