"""band_gap: band gap by a property model, in eV.

The model of this example is a small one, to show how any is brought in: a ridge regression on five
means over the composition, fitted to the gaps of 75 compounds that were measured
(`fit_band_gap.py`). It is off by 1.3 eV on average where a compound is left out of the fit (2.6
eV if their mean is said of all), sees no structure, and takes every compound for a semiconductor:
graphite has the gap of diamond. For work that counts, load a model of your own in `_model` and ask
it in `_gap`; the rest stays.

Undefined where all elements are metals, where an element has no electronegativity, and where a cell
is broken. Judged only: this model has no gradient in coordinates. Tolerance 0.5 eV, scale 1 eV.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoutlang.ir.signatures import DescriptorSignature

if TYPE_CHECKING:  # what the checker need not wait for is imported where it is used
    from pymatgen.core import Composition, Structure

    from scoutlang.crystals.batch import CrystalBatch
    from scoutlang.crystals.neighbours import DescriptorValue
    from scoutlang.ir import Measure

WEIGHTS = Path(__file__).with_suffix(".json")
FEATURES = (
    "electronegativity, mean",
    "electronegativity, largest less smallest",
    "row of the periodic table, mean",
    "electrons in open d shells, mean",
    "valence electrons, mean",
)

SIGNATURE = DescriptorSignature(
    name="band_gap",
    summary="band gap by a property model",
    dimension="energy",
    tolerance=0.5,
    differentiable=False,
    example="expect band_gap in [1, 2] eV",
)


def formula(measure: Measure) -> str:
    return f"ridge regression on {len(FEATURES)} means over the composition"


def exact(batch: CrystalBatch, measure: Measure) -> DescriptorValue:
    """eV of every crystal (B,)."""
    from scoutlang.crystals.neighbours import DescriptorValue
    from scoutlang.descriptors._structures import decided_structures

    gaps = [
        None if structure is None else _gap(structure) for structure in decided_structures(batch)
    ]
    value = batch.frac.new_tensor([float("nan") if gap is None else gap for gap in gaps])
    return DescriptorValue.exact(value, ~value.isnan())


@cache
def _model() -> dict[str, Any]:
    """Loaded once, when the first crystal is judged."""
    found: dict[str, Any] = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return found


def _gap(structure: Structure) -> float | None:
    """eV, None where the model has nothing to say."""
    row = features(structure.composition)
    if row is None or all(element.is_metal for element in structure.composition):
        return None
    model = _model()
    total = model["weights"][0]
    for x, mean, spread, weight in zip(
        row, model["mean"], model["spread"], model["weights"][1:], strict=True
    ):
        total += weight * (x - mean) / spread
    return max(float(total), 0.0)


def features(composition: Composition) -> list[float] | None:
    """In the order of FEATURES; None where an element lacks one."""
    shares = {e: composition.get_atomic_fraction(e) for e in composition}
    if any(not e.X > 0 for e in shares):  # NaN as well
        return None

    def mean(of: dict[Any, float]) -> float:
        return sum(shares[e] * x for e, x in of.items())

    open_d = {e: float(3 <= e.group <= 11) for e in shares}
    valence = {e: float(e.group if e.group < 13 else e.group - 10) for e in shares}
    electronegativity = {e: float(e.X) for e in shares}
    return [
        mean(electronegativity),
        max(electronegativity.values()) - min(electronegativity.values()),
        mean({e: float(e.row) for e in shares}),
        mean(open_d),
        mean(valence),
    ]
