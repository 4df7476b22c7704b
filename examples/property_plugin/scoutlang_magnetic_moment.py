"""magnetic_moment(A): magnetic moment of each A in Bohr magnetons, by CHGNet.

CHGNet 0.3.0 (B. Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3) was
trained on the moments of spin-polarised calculations of the Materials Project, all of which start
ferromagnetic: the size of a moment is what it knows, order and sign it does not. Fe in bcc iron has
2.5 (measured: 2.2), a closed shell 0.

Undefined where A is absent, where an atom has no neighbour within 6 Å, and where a cell is broken.
Judged only. Tolerance 0.5, scale 1.
"""

from __future__ import annotations

import contextlib
import io
from functools import cache
from typing import TYPE_CHECKING, Any

from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.ir.signatures import DescriptorSignature

if TYPE_CHECKING:  # what the checker need not wait for is imported where it is used
    from pymatgen.core import Structure

    from scoutlang.crystals.batch import CrystalBatch
    from scoutlang.crystals.neighbours import SiteValues
    from scoutlang.ir import Measure

SIGNATURE = DescriptorSignature(
    name="magnetic_moment",
    summary="magnetic moment of each A in Bohr magnetons, by CHGNet",
    species=1,
    domain="site",
    differentiable=False,
    example="expect each magnetic_moment(Cu) < 0.5",
)


def formula(measure: Measure) -> str:
    return f"size of the moment of {measure.species[0].text} by CHGNet, in Bohr magnetons"


def exact(batch: CrystalBatch, measure: Measure) -> SiteValues:
    """Moment of every atom (N,)."""
    from scoutlang.crystals.neighbours import SiteValues, decided
    from scoutlang.descriptors._structures import decided_structures

    moments, defined = [], []
    sizes = batch.num_atoms.tolist()
    for structure, size in zip(decided_structures(batch), sizes, strict=True):
        found = None if structure is None else _moments(structure)
        defined.append(found is not None)
        moments += found or [0.0] * size
    weight = decided(batch, [e for e in measure.species[0].elements if e in ATOMIC_NUMBER])
    known = batch.num_atoms.new_tensor(defined).bool() & (batch.num_atoms > 0)
    return SiteValues(batch.frac.new_tensor(moments), weight, batch.system, known)


@cache
def _model() -> Any:
    """Loaded once, when the first crystal is judged; its weights are in the package."""
    with contextlib.redirect_stdout(io.StringIO()):  # it greets
        from chgnet.model import CHGNet

        return CHGNet.load(model_name="0.3.0", use_device="cpu", verbose=False).eval()


def _moments(structure: Structure) -> list[float] | None:
    """Of every atom; None where the model cannot look at the crystal."""
    try:
        found = _model().predict_structure(structure, task="em")["m"]
    except Exception:  # of many types on strange crystals
        return None
    return [float(moment) for moment in found]
