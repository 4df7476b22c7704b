"""The syntax tree that the rest of the front end reads: frozen nodes with spans, no punctuation,
nothing resolved. Spans do not count in `==`.

Each node class is named as its grammar rule and builds itself from the parts the parser found; the
parser knows no node by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, NoReturn, TypeVar, dataclass_transform

from scoutlang.ir.source import Span

T = TypeVar("T")


@dataclass_transform(frozen_default=True)
class _Record:
    """Fields are the annotations, in order, as of a frozen dataclass; the first one does not count
    in ``==``.

    Not `dataclasses`: making its methods for all these classes takes longer than checking a
    program.
    """

    _fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        own = (
            name
            for name, kind in inspect.get_annotations(cls).items()
            if not kind.startswith("ClassVar")
        )
        cls._fields = tuple(dict.fromkeys((*cls._fields, *own)))

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
        return tuple(getattr(self, name) for name in self._fields[1:])


class Node(_Record):
    """Anything with a place in the program."""

    span: Span


class Parts(tuple[Node, ...]):
    """What a grammar rule matched, in order: nodes of its sub-rules and leaves."""

    def all(self, kind: type[T]) -> tuple[T, ...]:
        return tuple([p for p in self if isinstance(p, kind)])

    def maybe(self, kind: type[T]) -> T | None:
        for part in self:
            if isinstance(part, kind):
                return part
        return None

    def one(self, kind: type[T]) -> T:
        found = self.maybe(kind)
        assert found is not None
        return found


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


class Text(Node):
    """A quoted string, without its quotes."""

    text: str


# ---- rules ----


class Rule(Node):
    """A node that comes from the grammar rule of the same name."""

    # Not an ABC: their `isinstance` takes several times as long, and the checker asks it all the
    # time.
    @classmethod
    def build(cls, span: Span, parts: Parts) -> Node:
        """The node from what its rule matched."""
        raise NotImplementedError(cls)


class Expression(Rule):
    """Species, a quantity, or a proposition: which of them is the checker's business."""


def _operands(parts: Parts) -> tuple[Node, ...]:
    """The expressions among the parts; a quoted text is one."""
    return tuple([p for p in parts if isinstance(p, (Expression, Text))])


class Unit(Rule):
    text: str

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Unit:
        leaf = parts[0]
        return cls(span, leaf.text if isinstance(leaf, Name | Symbol) else "")


class Quantity(Expression):
    """``4``, ``2.6 Å``."""

    number: Number
    unit: Unit | None

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Quantity:
        return cls(span, parts.one(Number), parts.maybe(Unit))


class Reference(Expression):
    """``Cu``, ``rc``, ``poly.octahedron``."""

    names: tuple[Name, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Reference:
        # `symprec` is a word of the language and the name of a parameter.
        return cls(
            span,
            tuple(
                [
                    p if isinstance(p, Name) else Name(p.span, p.text)
                    for p in parts
                    if isinstance(p, (Name, Symbol))
                ]
            ),
        )

    @property
    def text(self) -> str:
        return ".".join(n.text for n in self.names)


class Star(Expression):
    """``*``: any element of the system."""

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Star:
        return cls(span)


class Set(Expression):
    """``{P, As}``, ``{0.2, 0.4}``."""

    items: tuple[Node, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Set:
        return cls(span, _operands(parts))


class Group(Rule):
    """Brackets: the tree has what is inside."""

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Node:
        return _operands(parts)[0]


class Call(Expression):
    """``CN(Cu-P, r=2.6 Å)``, ``max(distance(Si-P))``. ``r=2.6 Å`` is parsed as a comparison: what
    is called says what it means.
    """

    callee: Reference
    arguments: tuple[Node, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Call:
        callee, *arguments = _operands(parts)
        assert isinstance(callee, Reference)
        return cls(span, callee, tuple(arguments))


class Raised(Expression):
    """``x ^ 2``."""

    base: Node
    exponent: Node

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Raised:
        base, exponent = _operands(parts)
        return cls(span, base, exponent)


class Negative(Expression):
    """``-x``; of a plain number, that number. A plus changes nothing."""

    operand: Node

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Node:
        (operand,) = _operands(parts)
        if parts.one(Symbol).terminal == "PLUS":
            return operand
        if isinstance(operand, Quantity) and not operand.number.text.startswith("-"):
            number = operand.number
            return Quantity(
                span,
                Number(Span(span.start, number.span.end), -number.value, f"-{number.text}"),
                operand.unit,
            )
        return cls(span, operand)


class Plus(Rule):
    """What joins the terms of a sum or the species of a chain. ``terminal`` tells a hyphen from a
    character that only looks like one.
    """

    terminal: str

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Plus:
        return cls(span, parts.one(Symbol).terminal)


class Times(Rule):
    """``*`` or ``/``."""

    terminal: str

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Times:
        return cls(span, parts.one(Symbol).terminal)


class Addition(Expression):
    """``a + b - c``, and the chain ``P-Cu-P``."""

    operands: tuple[Node, ...]
    operators: tuple[Plus, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Addition:
        return cls(span, _operands(parts), parts.all(Plus))


class Multiplication(Expression):
    """``2 * a / b``."""

    operands: tuple[Node, ...]
    operators: tuple[Times, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Multiplication:
        return cls(span, _operands(parts), parts.all(Times))


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

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Operator:
        return cls(span, parts.one(Symbol).terminal)


class Tolerance(Rule):
    value: Node

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Tolerance:
        return cls(span, _operands(parts)[0])


class Link(Rule):
    """``<= 3``, ``= 4 ± 0.3``: one step of a comparison."""

    operator: Operator
    value: Node
    tolerance: Tolerance | None

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Link:
        return cls(span, parts.one(Operator), _operands(parts)[0], parts.maybe(Tolerance))


class Comparison(Expression):
    """``CN(Cu-P) = 4 ± 0.3``, ``3 < CN(Cu-P) < 5``."""

    first: Node
    links: tuple[Link, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Comparison:
        return cls(span, _operands(parts)[0], parts.all(Link))


class Range(Rule):
    """``[14, 22] Å^3``."""

    low: Node
    high: Node
    unit: Unit | None

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Range:
        low, high = _operands(parts)
        return cls(span, low, high, parts.maybe(Unit))


class Within(Expression):
    """``volume_per_atom in [14, 22]``."""

    subject: Node
    range: Range

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Within:
        return cls(span, _operands(parts)[0], parts.one(Range))


class Among(Expression):
    """``crystal_system in {cubic, tetragonal}``."""

    subject: Node
    set: Set

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Among:
        subject, choices = _operands(parts)
        assert isinstance(choices, Set)
        return cls(span, subject, choices)


class Wish(Expression):
    """``x as low as possible``; the two words are checked later, so that a misspelt one gets a good
    message.
    """

    subject: Node
    direction: Name
    ending: Name

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Wish:
        direction, ending = parts.all(Name)
        return cls(span, _operands(parts)[0], direction, ending)


class Negation(Expression):
    """``not p``."""

    operand: Node

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Negation:
        return cls(span, _operands(parts)[0])


class Quantified(Expression):
    """``each p``, ``any p``: of the sites."""

    word: Symbol
    operand: Node

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Quantified:
        return cls(span, parts.one(Symbol), _operands(parts)[0])


class Both(Expression):
    """``p and q``."""

    operands: tuple[Node, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Both:
        return cls(span, _operands(parts))


class Either(Expression):
    """``p or q``."""

    operands: tuple[Node, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Either:
        return cls(span, _operands(parts))


class Implication(Expression):
    """``p implies q``."""

    premise: Node
    conclusion: Node

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Implication:
        premise, conclusion = _operands(parts)
        return cls(span, premise, conclusion)


class Modifier(Rule):
    """``weight 2``, ``loss huber``, ``symprec 0.1 Å``."""

    key: Symbol
    value: Quantity | Name

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Modifier:
        value = parts[-1]
        assert isinstance(value, Quantity | Name)
        return cls(
            span, next(s for s in parts.all(Symbol) if s.terminal not in ("COMMA", "EQUAL")), value
        )


class Label(Rule):
    """``dimer:``, the name of a term in tables and plots."""

    name: Name

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Label:
        return cls(span, parts.one(Name))


class Claim(Rule):
    """``dimer: CN(Cu-Cu) = 1 weight 2``."""

    label: Label | None
    body: Node
    modifiers: tuple[Modifier, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Claim:
        return cls(span, parts.maybe(Label), _operands(parts)[0], parts.all(Modifier))


class Place(Rule):
    """A parameter of a motif, ``A`` or ``r = 2.6 Å`` with a default."""

    name: Name
    default: Node | None

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Place:
        return cls(span, parts.one(Name), next(iter(_operands(parts)), None))


class Change(Rule):
    """``0 -> 0.8`` in a schedule."""

    start: Number
    end: Number

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Change:
        start, end = parts.all(Number)
        return cls(span, start, end)


class Knot(Rule):
    """``0.5: 0.8`` in a schedule: at this time that strength."""

    time: Number
    value: Number

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Knot:
        time, value = parts.all(Number)
        return cls(span, time, value)


class Schedule(Rule):
    """``ramp(0 -> 0.8, cosine)``. Its name and points are checked later, as any misspelt word."""

    name: Name
    points: tuple[Node, ...]

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Schedule:
        name, *points = (p for p in parts if not isinstance(p, Symbol))
        assert isinstance(name, Name)
        return cls(span, name, tuple(points))


class Numeral(Rule):
    """A number of a setting, with its sign: the tree has a `Number`."""

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Number:
        number = parts.one(Number)
        return (
            number
            if not any(s.terminal == "HYPHEN" for s in parts.all(Symbol))
            else Number(span, -number.value, f"-{number.text}")
        )


SettingValue = Number | Name | Text | Schedule


class Setting(Rule):
    """``k=0.8`` or ``every 2``."""

    key: Name
    value: SettingValue

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Setting:
        value = parts[-1]
        assert isinstance(value, SettingValue)
        return cls(span, parts.one(Name), value)


def _rules(base: type[Rule]) -> dict[str, type[Rule]]:
    found: dict[str, type[Rule]] = {}
    for rule in base.__subclasses__():
        found.update(_rules(rule))
        if "build" in vars(rule):
            found[rule.__name__.lower()] = rule
    return found


RULES: Mapping[str, type[Rule]] = _rules(Rule)
"""Rule of the grammar → class; statements are in `statements`."""


def as_data(node: Any) -> Any:
    """A syntax tree as plain data for `json.dumps`: ``{"node": class, "span": [start, end], field:
    …}``.
    """
    if isinstance(node, Node):
        fields = {name: as_data(getattr(node, name)) for name in node._fields[1:]}
        return {"node": type(node).__name__, "span": [node.span.start, node.span.end], **fields}
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [as_data(item) for item in node]
    return node
