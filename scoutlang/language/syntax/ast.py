"""The syntax tree that the rest of the front end reads: frozen nodes with spans, no punctuation,
nothing resolved. Spans do not count in `==`.

Each node class is named as its grammar rule and builds itself from the parts the parser found; the
parser knows no node by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Literal, NoReturn, Self, dataclass_transform

from scoutlang.ir.source import Span


@dataclass_transform(frozen_default=True)
class _Record:
    """Fields are the annotations, in order, as of a frozen dataclass; the first one does not count
    in ``==``.

    Not `dataclasses`: making its methods for all these classes takes longer than checking a
    program.
    """

    _fields: ClassVar[Mapping[str, str]] = {}
    """Name → type, as it is written."""

    def __init_subclass__(cls) -> None:
        own = inspect.get_annotations(cls).items()
        cls._fields = {**cls._fields, **{n: k for n, k in own if not k.startswith("ClassVar")}}

    def __init__(self, *values: object) -> None:
        self.__dict__.update(zip(self._fields, values, strict=True))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._meaning() == other._meaning()

    def __hash__(self) -> int:
        return hash((type(self), self._meaning()))

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__name__}({fields})"

    def _meaning(self) -> tuple[object, ...]:
        """All fields but the first."""
        return tuple([getattr(self, name) for name in self._fields][1:])


class Node(_Record):
    """Anything with a place in the program."""

    span: Span


# ---- leaves ----


class Symbol(Node):
    """Punctuation or a reserved word; ``terminal`` is its name in the grammar."""

    terminal: str
    text: str


class Name(Node):
    text: str


class Number(Node):
    value: float
    text: str

    def negated(self, span: Span) -> Number:
        """The number with a minus, and the place of both."""
        return Number(span, -self.value, f"-{self.text}")


class Text(Node):
    """A quoted string, without its quotes."""

    text: str


# ---- rules ----


class Rule(Node):
    """A node that comes from the grammar rule of the same name."""

    # Not an ABC: their `isinstance` takes several times as long, and the checker asks it all the
    # time.
    @classmethod
    def build(cls, span: Span, parts: Sequence[Node]) -> Node:
        """The node from what its rule matched, in order: nodes of its sub-rules and leaves.

        Each field takes the first part of its type that those before it have left, or all of them;
        a field of text is that of the first part.
        """
        left = list(parts)
        values: list[object] = []
        for name, kinds, many in _takes(cls):  # type: ignore[arg-type]  # a class is hashable
            if kinds is str:
                values.append(getattr(left[0], name))
                continue
            found = [p for p in left if isinstance(p, kinds)]
            if found and not many:
                left.remove(found[0])
            values.append(tuple(found) if many else found[0] if found else None)
        return cls(span, *values)


class Expression(Rule):
    """Species, a quantity, or a proposition: which of them is the checker's business."""


@cache
def _takes(rule: type[Rule]) -> list[tuple[str, Any, bool]]:
    """Each field of a rule but the span: its name, the classes of the parts that it takes, and
    whether it takes all of them.
    """
    found = []
    for name, kind in rule._fields.items():
        many = kind.startswith("tuple[")
        names = kind.removeprefix("tuple[").removesuffix(", ...]").split(" | ")
        kinds = str if kind == "str" else tuple([_CLASSES[n] for n in names if n != "None"])
        found.append((name, kinds, many))
    return found[1:]


class Unit(Rule):
    text: str


class Quantity(Expression):
    """``4``, ``2.6 Å``."""

    number: Number
    unit: Unit | None


class Reference(Expression):
    """``Cu``, ``rc``, ``poly.octahedron``."""

    names: tuple[Name, ...]

    @classmethod
    def build(cls, span: Span, parts: Sequence[Node]) -> Self:
        # `symprec` is a word of the language and the name of a parameter.
        words = (p for p in parts if isinstance(p, Name | Symbol))
        return cls(span, tuple([Name(w.span, w.text) for w in words]))

    @property
    def text(self) -> str:
        return ".".join(n.text for n in self.names)


class Star(Expression):
    """``*``: any element of the system."""


class Set(Expression):
    """``{P, As}``, ``{0.2, 0.4}``."""

    items: tuple[Node, ...]


class Group(Rule):
    """Brackets: the tree has what is inside."""

    @classmethod
    def build(cls, span: Span, parts: Sequence[Node]) -> Node:
        return parts[0]


class Call(Expression):
    """``CN(Cu-P, r=2.6 Å)``, ``max(distance(Si-P))``. ``r=2.6 Å`` is parsed as a comparison: what
    is called says what it means.
    """

    callee: Reference
    arguments: tuple[Node, ...]


class Raised(Expression):
    """``x ^ 2``."""

    base: Node
    exponent: Node


class Negative(Expression):
    """``-x``; of a plain number, that number. A plus changes nothing."""

    operand: Node

    @classmethod
    def build(cls, span: Span, parts: Sequence[Node]) -> Node:
        sign, operand = parts
        assert isinstance(sign, Symbol)
        if sign.terminal == "PLUS":
            return operand
        if isinstance(operand, Quantity) and not operand.number.text.startswith("-"):
            number = operand.number
            place = Span(span.start, number.span.end)
            return Quantity(span, number.negated(place), operand.unit)
        return cls(span, operand)


class Plus(Rule):
    """What joins the terms of a sum or the species of a chain. ``terminal`` tells a hyphen from a
    character that only looks like one.
    """

    terminal: str


class Times(Rule):
    """``*`` or ``/``."""

    terminal: str


class Addition(Expression):
    """``a + b - c``, and the chain ``P-Cu-P``."""

    operands: tuple[Node, ...]
    operators: tuple[Plus, ...]


class Multiplication(Expression):
    """``2 * a / b``."""

    operands: tuple[Node, ...]
    operators: tuple[Times, ...]


Comparator = Literal["=", "<", "<=", ">", ">="]
_COMPARATORS: Mapping[str, Comparator] = {
    "EQUAL": "=",
    "DOUBLE_EQUAL": "=",
    "LESS": "<",
    "LESS_EQUAL": "<=",
    "GREATER": ">",
    "GREATER_EQUAL": ">=",
}


class Operator(Rule):
    """``=``, ``<``, ``<=``, ``>``, ``>=``; ``terminal`` tells ``==`` from ``=``."""

    terminal: str

    @property
    def symbol(self) -> Comparator:
        """What it means, however it is written."""
        return _COMPARATORS[self.terminal]


class Tolerance(Rule):
    value: Node


class Link(Rule):
    """``<= 3``, ``= 4 ± 0.3``: one step of a comparison."""

    operator: Operator
    value: Node
    tolerance: Tolerance | None


class Comparison(Expression):
    """``CN(Cu-P) = 4 ± 0.3``, ``3 < CN(Cu-P) < 5``."""

    first: Node
    links: tuple[Link, ...]


class Range(Rule):
    """``[14, 22] Å^3``."""

    low: Node
    high: Node
    unit: Unit | None


class Within(Expression):
    """``volume_per_atom in [14, 22]``."""

    subject: Node
    range: Range


class Among(Expression):
    """``crystal_system in {cubic, tetragonal}``."""

    subject: Node
    set: Set


class Wish(Expression):
    """``x as low as possible``; the two words are checked later, so that a misspelt one gets a good
    message.
    """

    subject: Node
    direction: Name
    ending: Name


class Negation(Expression):
    """``not p``."""

    operand: Node


class Quantified(Expression):
    """``each p``, ``any p``: of the sites."""

    word: Symbol
    operand: Node


class Both(Expression):
    """``p and q``."""

    operands: tuple[Node, ...]


class Either(Expression):
    """``p or q``."""

    operands: tuple[Node, ...]


class Implication(Expression):
    """``p implies q``."""

    premise: Node
    conclusion: Node


class Modifier(Rule):
    """``weight 2``, ``loss huber``, ``symprec 0.1 Å``."""

    key: Symbol
    value: Quantity | Name


class Label(Rule):
    """``dimer:``, the name of a term in tables and plots."""

    name: Name


class Claim(Rule):
    """``dimer: CN(Cu-Cu) = 1 weight 2``."""

    label: Label | None
    body: Node
    modifiers: tuple[Modifier, ...]


class Place(Rule):
    """A parameter of a motif, ``A`` or ``r = 2.6 Å`` with a default."""

    name: Name
    default: Node | None


class Change(Rule):
    """``0 -> 0.8`` in a schedule."""

    start: Number
    end: Number


class Knot(Rule):
    """``0.5: 0.8`` in a schedule: at this time that strength."""

    time: Number
    value: Number


class Schedule(Rule):
    """``ramp(0 -> 0.8, cosine)``. Its name and points are checked later, as any misspelt word."""

    name: Name
    points: tuple[Number | Name | Change | Knot, ...]


class Numeral(Rule):
    """A number of a setting, with its sign: the tree has a `Number`."""

    @classmethod
    def build(cls, span: Span, parts: Sequence[Node]) -> Node:
        sign, number = parts[0], parts[-1]
        assert isinstance(number, Number)
        minus = isinstance(sign, Symbol) and sign.terminal == "HYPHEN"
        return number.negated(span) if minus else number


SettingValue = Number | Name | Text | Schedule


class Setting(Rule):
    """``k=0.8``, ``every 2`` or ``rho 0.5 eV/atom``: a unit is one word here, with a sign in it or
    not, so that the name of the next setting is never taken for one.
    """

    key: Name
    value: SettingValue
    unit: Unit | None

    @classmethod
    def build(cls, span: Span, parts: Sequence[Node]) -> Node:
        joined = next((p for p in parts if isinstance(p, Symbol) and p.terminal == "UNIT"), None)
        unit = () if joined is None else (Unit(joined.span, joined.text),)
        return super().build(span, (*parts, *unit))


_CLASSES: Mapping[str, Any] = {**globals(), "Node": (Expression, Text)}
"""What a field may be; where it is any node, a quoted text is one as well as an expression."""

RULES: Mapping[str, type[Rule]] = {
    name.lower(): value
    for name, value in _CLASSES.items()
    if isinstance(value, type) and issubclass(value, Rule) and value not in (Rule, Expression)
}
"""Rule of the grammar → class; statements are in `statements`."""


def as_data(node: Any) -> Any:
    """A syntax tree as plain data for `json.dumps`: ``{"node": class, "span": [start, end], field:
    …}``.
    """
    if isinstance(node, Node):
        fields = {name: as_data(getattr(node, name)) for name in node._fields if name != "span"}
        return {"node": type(node).__name__, "span": [node.span.start, node.span.end], **fields}
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [as_data(item) for item in node]
    return node
