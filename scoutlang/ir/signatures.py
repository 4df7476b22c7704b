"""What a descriptor says about itself. Torch-free: the checker reads this, the maths stays in
`descriptors`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from scoutlang.ir.units import DIMENSIONS

if TYPE_CHECKING:
    from scoutlang.ir import Measure, Relation

Dimension = Literal[
    "dimensionless",
    "length",
    "angle",
    "volume_per_atom",
    "density",
    "energy_per_atom",
    "energy",
    "pressure",
    "area",
    "truth",
    "category",
]
"""``truth``: a descriptor that holds or does not (1 or 0), such as ``novel``; ``category``: one of
the names in ``categories``.
"""

CANONICAL_UNIT: Mapping[str, str] = {name: made.unit for name, made in DIMENSIONS.items()}
"""Name of a dimension → the unit that values are in; empty where there is none."""

Domain = Literal["crystal", "site", "item"]
"""What a descriptor has one value of: the crystal, each atom, or each of its own items (angles,
pairs of polyhedra).
"""


@dataclass(frozen=True)
class Parameter:
    """A named argument of a descriptor, ``r=2.6 Å``. ``default`` is prose for the manual.

    kind: a dimension (a quantity from ``minimum`` to ``maximum``), ``integer`` (the same, whole),
    ``choice`` (one of ``choices``) or ``file`` (a text file whose suffix is one of ``choices``; the
    program carries its text). A ``required`` one has no default.
    """

    name: str
    kind: Dimension | Literal["integer", "choice", "file"]
    default: str
    minimum: float = -math.inf
    maximum: float = math.inf
    choices: tuple[str, ...] = ()
    required: bool = False


@dataclass(frozen=True)
class Concern:
    """A doubt about a use of a descriptor: the diagnostic's code, its message, and what to write at
    the place.
    """

    code: str
    message: str
    advice: str


@dataclass(frozen=True)
class DescriptorSignature:
    """Facts that the language needs; no descriptor name is special-cased anywhere else.

    species: places in its chain, ``angle(P-Cu-P)`` has 3. scale: one natural unit of change, in the
    canonical unit: residuals are divided by it (CN 1, volume 1 Å^3). tolerance: default half-width
    τ of ``=`` in the canonical unit. minimum, maximum: possible values. domain: what it has one
    value of; ``aggregate`` makes one number per crystal of them where the program names no other.
    differentiable False: may be judged (`expect`) but cannot guide. extensive: a supercell has
    another value. monotone: +1 when the value never falls as a species of the chain becomes a
    larger set, −1 when it never rises, 0 otherwise. categories: names of the values 0, 1, 2, … of a
    ``category``. example: a claim for the manual, in the system Cu-Si-P-Ca. concerns: doubts about
    a measure under a relation, for the checker; torch-free, without side effects.
    """

    name: str
    summary: str
    dimension: Dimension
    species: int
    scale: float
    tolerance: float
    minimum: float = 0.0
    maximum: float = math.inf
    domain: Domain = "crystal"
    aggregate: str = "mean"
    parameters: tuple[Parameter, ...] = ()
    differentiable: bool = True
    extensive: bool = False
    monotone: Literal[-1, 0, 1] = 0
    categories: tuple[str, ...] = ()
    example: str = ""
    concerns: Callable[[Measure, Relation], Iterable[Concern]] | None = None

    @property
    def unit(self) -> str:
        return CANONICAL_UNIT[self.dimension]
