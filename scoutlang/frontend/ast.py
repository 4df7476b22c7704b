"""The syntax tree that the rest of the front end reads: frozen nodes with spans, no punctuation, nothing resolved.

Each node class is named as its grammar rule and builds itself from the parts the parser found; the parser knows no node by name.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from scoutlang.source import Source, Span

if TYPE_CHECKING:
    from scoutlang.frontend.scope import Scope

T = TypeVar("T")


@dataclass(frozen=True)
class Node:
    """Anything with a place in the program."""

    span: Span


class Parts(tuple[Node, ...]):
    """What a grammar rule matched, in order: nodes of its sub-rules and leaves."""

    def all(self, kind: type[T]) -> tuple[T, ...]:
        return tuple(p for p in self if isinstance(p, kind))

    def maybe(self, kind: type[T]) -> T | None:
        return next(iter(self.all(kind)), None)

    def one(self, kind: type[T]) -> T:
        return self.all(kind)[0]


# ---- leaves ----


@dataclass(frozen=True)
class Symbol(Node):
    """Punctuation or a reserved word; ``terminal`` is its name in the grammar."""

    terminal: str
    text: str


@dataclass(frozen=True)
class Name(Node):
    text: str


@dataclass(frozen=True)
class Number(Node):
    value: float
    text: str


@dataclass(frozen=True)
class Text(Node):
    """A quoted string, without its quotes."""

    text: str


# ---- rules ----


@dataclass(frozen=True)
class Rule(Node, ABC):
    """A node that comes from the grammar rule of the same name."""

    @classmethod
    @abstractmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        """The node from what its rule matched."""


@dataclass(frozen=True)
class Dash(Rule):
    """What joins a chain. ``hyphen`` is False for a character that only looks like one."""

    hyphen: bool

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        return cls(span, parts.one(Symbol).terminal == "HYPHEN")


@dataclass(frozen=True)
class Species(Rule):
    """``Cu``, ``*`` (no names) or ``{P, As}``."""

    names: tuple[Name, ...]
    braced: bool

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        return cls(span, parts.all(Name), any(s.terminal == "LBRACE" for s in parts.all(Symbol)))


@dataclass(frozen=True)
class Chain(Rule):
    """``Cu-P``: species in order, centre first."""

    species: tuple[Species, ...]
    dashes: tuple[Dash, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        return cls(span, parts.all(Species), parts.all(Dash))


@dataclass(frozen=True)
class Unit(Rule):
    text: str

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        leaf = parts[0]
        return cls(span, leaf.text if isinstance(leaf, Name | Symbol) else "")


@dataclass(frozen=True)
class Quantity(Rule):
    number: Number
    unit: Unit | None

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        return cls(span, parts.one(Number), parts.maybe(Unit))


@dataclass(frozen=True)
class Named(Rule):
    """``r=2.6 Å``."""

    name: Name
    quantity: Quantity

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        return cls(span, parts.one(Name), parts.one(Quantity))


@dataclass(frozen=True)
class Call(Rule):
    """``CN(Cu-P, r=2.6 Å)`` or ``volume_per_atom``."""

    name: Name
    chains: tuple[Chain, ...]
    parameters: tuple[Named, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        return cls(span, parts.one(Name), parts.all(Chain), parts.all(Named))


@dataclass(frozen=True)
class Operator(Rule):
    """``=``, ``<``, ``<=``, ``>``, ``>=``; ``terminal`` tells ``==`` from ``=``."""

    terminal: str

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        return cls(span, parts.one(Symbol).terminal)


@dataclass(frozen=True)
class Tolerance(Rule):
    quantity: Quantity

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        return cls(span, parts.one(Quantity))


class Demand(Rule, ABC):
    """What a measured value must satisfy."""


@dataclass(frozen=True)
class Comparison(Demand):
    """``= 4 ± 0.3``, ``<= 3``."""

    operator: Operator
    quantity: Quantity
    tolerance: Tolerance | None

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        return cls(span, parts.one(Operator), parts.one(Quantity), parts.maybe(Tolerance))


@dataclass(frozen=True)
class Within(Demand):
    """``in [14, 22] Å^3``."""

    low: Quantity
    high: Quantity
    unit: Unit | None

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        low, high = parts.all(Quantity)
        return cls(span, low, high, parts.maybe(Unit))


@dataclass(frozen=True)
class Wish(Demand):
    """``as low as possible``; the two words are checked later, so that a misspelt one gets a good message."""

    direction: Name
    ending: Name

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        direction, ending = parts.all(Name)
        return cls(span, direction, ending)


@dataclass(frozen=True)
class Modifier(Rule):
    """``weight 2``, ``loss huber``."""

    key: Symbol
    value: Number | Name

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        value = parts[-1]
        assert isinstance(value, Number | Name)
        return cls(span, next(s for s in parts.all(Symbol) if s.terminal in ("WEIGHT", "LOSS")), value)


@dataclass(frozen=True)
class Label(Rule):
    """``dimer:``, the name of a term in tables and plots."""

    name: Name

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        return cls(span, parts.one(Name))


@dataclass(frozen=True)
class Claim(Rule):
    """``dimer: CN(Cu-Cu) = 1 weight 2``."""

    label: Label | None
    call: Call
    demand: Demand
    modifiers: tuple[Modifier, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        return cls(span, parts.maybe(Label), parts.one(Call), next(p for p in parts if isinstance(p, Demand)), parts.all(Modifier))


@dataclass(frozen=True)
class Ramp(Rule):
    """``ramp(0 -> 0.8, cosine)``. ``name`` is checked later, as any misspelt word."""

    name: Name
    start: Number
    end: Number
    shape: Name | None

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        names = parts.all(Name)
        start, end = parts.all(Number)
        return cls(span, names[0], start, end, names[1] if len(names) > 1 else None)


SettingValue = Number | Name | Text | Ramp


@dataclass(frozen=True)
class Setting(Rule):
    """``k=0.8`` or ``every 2``."""

    key: Name
    value: SettingValue

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        value = parts[-1]
        assert isinstance(value, SettingValue)
        return cls(span, parts.one(Name), value)


@dataclass(frozen=True)
class Statement(Rule, ABC):
    """One statement. Its file in `statements` holds its syntax tree, its meaning and an example.

    once: may appear once only. precedence: statements are checked in this order, then in reading order.
    """

    rule: ClassVar[str]
    example: ClassVar[str]
    once: ClassVar[bool] = False
    precedence: ClassVar[int] = 1

    @property
    def verb_span(self) -> Span:
        return Span(self.span.start, self.span.start + len(self.rule))

    @abstractmethod
    def check(self, scope: Scope) -> None:
        """Resolve names and units, and add the meaning to the scope, or report why not."""


@dataclass(frozen=True)
class Module:
    """A parsed program: its statements in reading order."""

    source: Source
    statements: tuple[Statement, ...]


RULES: dict[str, type[Rule]] = {
    c.__name__.lower(): c
    for c in (
        Dash,
        Species,
        Chain,
        Unit,
        Quantity,
        Named,
        Call,
        Operator,
        Tolerance,
        Comparison,
        Within,
        Wish,
        Modifier,
        Label,
        Claim,
        Ramp,
        Setting,
    )
}


def as_data(node: Any) -> Any:
    """A syntax tree as plain data for `json.dumps`: ``{"node": class, "span": [start, end], field: …}``."""
    if isinstance(node, Module):
        return {"node": "Module", "statements": as_data(node.statements)}
    if isinstance(node, Node):
        fields = {f.name: as_data(getattr(node, f.name)) for f in dataclasses.fields(node) if f.name != "span"}
        return {"node": type(node).__name__, "span": [node.span.start, node.span.end], **fields}
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [as_data(item) for item in node]
    return node
