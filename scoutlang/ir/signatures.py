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


Role = Literal["", "share", "number", "neighbours", "count", "nearest", "shortest"]
"""``share``: of the atoms of the cell; ``number``: of atoms in the cell; ``neighbours``: how many B
each A has, within a radius that is the same from both ends; ``count``: how many of anything else;
``nearest``: distance from each A to its nearest B; ``shortest``: the least of these.
"""
COUNTS: frozenset[Role] = frozenset({"number", "neighbours", "count"})
"""What is counted in whole numbers."""


@dataclass(frozen=True)
class Parameter:
    """A named argument of a descriptor, ``r=2.6 Å``."""

    name: str
    kind: Dimension | Literal["integer", "choice", "file"]
    """A quantity of a dimension from ``minimum`` to ``maximum`` or one of the ``choices`` in its
    place, the same but whole, one of the ``choices``, or a text file whose suffix is one of them;
    the program carries its text.
    """
    default: str
    """What is meant where it is not given, in prose for the manual."""
    minimum: float = -math.inf
    maximum: float = math.inf
    choices: tuple[str, ...] = ()
    required: bool = False
    """Whether it must be given."""


@dataclass(frozen=True)
class Concern:
    """A doubt about a use of a descriptor."""

    code: str
    """Of the diagnostic."""
    message: str
    advice: str
    """What to write at the place."""


@dataclass(frozen=True)
class DescriptorSignature:
    """Facts that the language needs; no descriptor name is special-cased anywhere else."""

    name: str
    summary: str
    """One line for the manual."""
    dimension: Dimension = "dimensionless"
    species: int = 0
    """Places in its chain; ``angle(P-Cu-P)`` has 3."""
    scale: float = 1.0
    """One natural unit of change, in the canonical unit: residuals are divided by it (CN 1, volume
    1 Å^3).
    """
    tolerance: float = 0.5
    """Default half-width τ of ``=`` in the canonical unit; 0.5 tells whole numbers apart."""
    minimum: float = 0.0
    """The smallest possible value."""
    maximum: float = math.inf
    """The largest possible value."""
    domain: Domain = "crystal"
    """What it has one value of."""
    aggregate: str = "mean"
    """What makes one number per crystal of the values where the program names nothing else."""
    parameters: tuple[Parameter, ...] = ()
    differentiable: bool = True
    """Whether it can guide; otherwise it may be judged (`expect`) only."""
    extensive: bool = False
    """Whether a supercell has another value."""
    role: Role = ""
    """What arguments about several claims know it as."""
    reach: Callable[[Measure], float] | None = None
    """Of ``neighbours``: Å beyond which an atom is none; torch-free."""
    at_most: str = ""
    """A descriptor of the crystal that this one never exceeds."""
    monotone: Literal[-1, 0, 1] = 0
    """+1 when the value never falls as a species of the chain becomes a larger set, −1 when it
    never rises, 0 otherwise.
    """
    categories: tuple[str, ...] = ()
    """Names of the values 0, 1, 2, … of a ``category``."""
    number_of: Callable[[str], int | None] | None = None
    """What a word stands for where values have names beside their numbers (``Fm-3m``); None for a
    word that is no name.
    """
    by_group: Callable[[int], float] | None = None
    """Its value in crystals of a space group, by number, where the group alone decides."""
    example: str = ""
    """A claim for the manual, in the system Cu-Si-P-Ca."""
    since: str = "1.0"
    """The version of the language that brought it. A program may define the name of a later one
    itself, so that a file from before keeps its meaning.
    """
    concerns: Callable[[Measure, Relation], Iterable[Concern]] | None = None
    """Doubts about a measure under a relation, for the checker; torch-free, without side
    effects.
    """

    @property
    def unit(self) -> str:
        return CANONICAL_UNIT[self.dimension]

    @property
    def measures_size(self) -> bool:
        """Whether it is a length, an area, a volume or a density, so that a scaled copy of a
        crystal has another value.
        """
        return any(base in ("length", "density") for base, _ in DIMENSIONS[self.dimension].powers)
