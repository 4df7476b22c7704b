"""What an expression is: species, a quantity with its dimension, a proposition, a wish or a text.
The types of the language.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TypeAlias

from scoutlang import ir
from scoutlang.ir.signatures import DescriptorSignature
from scoutlang.ir.source import Span
from scoutlang.ir.units import PLAIN, Dimension
from scoutlang.language.syntax.ast import Node

Sites: TypeAlias = "tuple[str, ...] | ir.Measure | None"
"""What a value is of: the crystal (None), the atoms of some elements, or the items of a descriptor.
Values of different sites cannot meet.
"""


@dataclass(frozen=True)
class SpeciesValue:
    """A chain of species; one species is a chain of one."""

    species: tuple[ir.Species, ...]
    spans: tuple[Span, ...]
    """Where each is written."""


@dataclass(frozen=True)
class QuantityValue:
    """A number with its dimension."""

    node: ir.Quantity
    dimension: Dimension
    sites: Sites = None
    scale: float = 1.0
    """Natural unit of change."""
    tolerance: float | None = None
    """Of ``=``; None where one must be written."""
    strict: bool = False
    """Whether the ends of that tolerance are outside (`ir.Relation`)."""
    minimum: float = -math.inf
    """The smallest possible value."""
    maximum: float = math.inf
    """The largest possible value."""
    bare: bool = False
    """Whether it is a number without a unit, which takes the dimension of what it meets."""
    signature: DescriptorSignature | None = None
    """Of the descriptor that this is a value of."""
    measure: ir.Measure | None = None
    """The use of that descriptor, for doubts about it (`signatures.Concern`)."""

    @property
    def constant(self) -> float | None:
        return self.node.value if isinstance(self.node, ir.Constant) else None

    def derived(self, node: ir.Quantity) -> QuantityValue:
        """Another quantity of the same kind, of which less is known."""
        return replace(
            self,
            node=node,
            minimum=-math.inf,
            maximum=math.inf,
            bare=False,
            signature=None,
            measure=None,
        )


@dataclass(frozen=True)
class TruthValue:
    """A proposition, of the crystal or of each of some sites."""

    node: ir.Proposition
    sites: Sites = None


@dataclass(frozen=True)
class WishValue:
    """``as low as possible``."""

    node: ir.Wish


@dataclass(frozen=True)
class TextValue:
    text: str


Value: TypeAlias = SpeciesValue | QuantityValue | TruthValue | WishValue | TextValue

_SPOKEN = {
    SpeciesValue: "species",
    TruthValue: "a statement that is true or not",
    WishValue: "a wish",
    TextValue: "a quoted text",
}


def spoken(value: Value) -> str:
    """``a length``, ``species``: what a value is, for messages."""
    return value.dimension.spoken if isinstance(value, QuantityValue) else _SPOKEN[type(value)]


def constant(value: float, dimension: Dimension = PLAIN, *, bare: bool = False) -> QuantityValue:
    return QuantityValue(ir.Constant(value), dimension, bare=bare, scale=0.0)


@dataclass(frozen=True)
class Operand:
    """A value and where it is written."""

    value: QuantityValue
    node: Node
