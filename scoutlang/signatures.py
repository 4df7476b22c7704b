"""What a descriptor says about itself. Torch-free: the checker reads this, the maths stays in `descriptors`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Dimension = Literal["dimensionless", "length", "angle", "volume_per_atom", "density", "energy_per_atom"]

CANONICAL_UNIT: Mapping[Dimension, str] = {
    "dimensionless": "",
    "length": "Å",
    "angle": "°",
    "volume_per_atom": "Å^3",
    "density": "g/cm^3",
    "energy_per_atom": "eV/atom",
}


@dataclass(frozen=True)
class Parameter:
    """A named argument of a descriptor, ``r=2.6 Å``. ``default`` is prose for the manual."""

    name: str
    dimension: Dimension
    default: str
    minimum: float
    maximum: float


@dataclass(frozen=True)
class DescriptorSignature:
    """Facts that the language needs; no descriptor name is special-cased anywhere else.

    scale: one natural unit of change, in the canonical unit: residuals are divided by it (CN 1, volume 1 Å^3).
    tolerance: default half-width τ of ``=`` in the canonical unit.
    minimum: smallest possible value. differentiable False: may be judged (`expect`) but cannot guide.
    """

    name: str
    summary: str
    dimension: Dimension
    species: int
    scale: float
    tolerance: float
    minimum: float = 0.0
    aggregate: str = "mean"
    parameters: tuple[Parameter, ...] = ()
    differentiable: bool = True

    @property
    def unit(self) -> str:
        return CANONICAL_UNIT[self.dimension]
