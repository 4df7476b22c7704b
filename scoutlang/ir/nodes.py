"""The checked program: frozen, resolved, torch-free, JSON-able.

Everything after the front end reads this and nothing else. Numbers are in canonical units:
Å, degrees, Å^3/atom, g/cm^3, eV/atom. Every term keeps the span and the text of its source line.

The nodes are plain dataclasses, so that `scout check` starts at once; `Program.from_json` validates
what comes from outside.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

LANGUAGE_VERSION = 1

Arm = Literal["guided", "non-guided"]


@dataclass(frozen=True)
class Node:
    """Base of all IR nodes."""

    # read by `Program.from_json`
    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    def to_data(self) -> dict[str, Any]:
        """Plain data, as `json.loads` would give it back."""
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}


def _plain(value: Any) -> Any:
    if isinstance(value, Node):
        return value.to_data()
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


def _without_spelling(data: Any) -> Any:
    """Plain data in which species are sets of elements, however they were written."""
    if isinstance(data, dict):
        if data.keys() == {"text", "elements"}:
            return sorted(data["elements"])
        return {key: _without_spelling(value) for key, value in data.items()}
    return [_without_spelling(value) for value in data] if isinstance(data, list) else data


@dataclass(frozen=True)
class Location(Node):
    """Character range of a node in the program text, and its 1-based line."""

    start: int
    end: int
    line: int


@dataclass(frozen=True)
class Species(Node):
    """One species position, resolved to element symbols. ``text`` is what the user wrote (``Cu``,
    ``*``, ``anion``); it does not count in ``==``.
    """

    text: str = field(compare=False)
    elements: tuple[str, ...]


@dataclass(frozen=True)
class TextFile(Node):
    """A file that the program refers to; the program carries its text, so that it means the same
    wherever it goes.
    """

    name: str
    text: str


# ---- quantities: what has a value, of the crystal or (until an aggregate) of each of its sites
# ----


@dataclass(frozen=True)
class Constant(Node):
    value: float
    node: Literal["constant"] = field(default="constant", kw_only=True, repr=False)


@dataclass(frozen=True)
class Measure(Node):
    """A descriptor applied to species: ``CN(Cu-P, r=2.6 Å)``.

    ``parameters`` holds only what the user gave, in canonical units; the descriptor knows its own
    defaults.
    """

    descriptor: str
    species: tuple[Species, ...] = ()
    parameters: tuple[tuple[str, float | str | TextFile], ...] = ()
    node: Literal["measure"] = field(default="measure", kw_only=True, repr=False)

    def parameter(self, name: str) -> float | None:
        """The number that was given for a parameter."""
        value = dict(self.parameters).get(name)
        return value if isinstance(value, int | float) else None

    def choice(self, name: str) -> str | None:
        """The word that was given for a parameter."""
        value = dict(self.parameters).get(name)
        return value if isinstance(value, str) else None

    def file(self, name: str) -> TextFile | None:
        """The file that was given for a parameter."""
        value = dict(self.parameters).get(name)
        return value if isinstance(value, TextFile) else None


Operation = Literal["+", "*", "/", "^", "neg", "abs", "min", "max"]
How = Literal["mean", "min", "max", "sum", "std"]


@dataclass(frozen=True)
class Arithmetic(Node):
    """An operation on quantities of one crystal, or site by site. Undefined where an operand is,
    and where it divides by zero.
    """

    op: Operation
    of: tuple[Quantity, ...]
    node: Literal["arithmetic"] = field(default="arithmetic", kw_only=True, repr=False)


@dataclass(frozen=True)
class Aggregate(Node):
    """One number per crystal from the values of its sites (``mean`` is the paper's definition of
    CN).
    """

    how: How
    of: Quantity
    node: Literal["aggregate"] = field(default="aggregate", kw_only=True, repr=False)


@dataclass(frozen=True)
class Fraction(Node):
    """Share of the sites of which a proposition is true."""

    of: Proposition
    node: Literal["fraction"] = field(default="fraction", kw_only=True, repr=False)


Quantity: TypeAlias = Constant | Measure | Arithmetic | Aggregate | Fraction


# ---- propositions: what is true or not, of the crystal or (inside Each, Some, Fraction) of each
# site ----

Operator = Literal["=", "<", "<=", ">", ">=", "in"]


@dataclass(frozen=True)
class Relation(Node):
    """What a value must satisfy, as a dimensionless margin ρ (ρ ≥ 0: holds).

    ``=``: ρ = 1 − |x − target|/tolerance; ``<``/``<=``: ρ = (high − x)/scale; ``>``/``>=``: ρ = (x
    − low)/scale; ``in``: the smaller of both. ``scale`` makes losses of different units comparable:
    l1 loss of ``=`` is |x − target|/scale.
    """

    op: Operator
    target: float | None = None
    tolerance: float | None = None
    low: float | None = None
    high: float | None = None
    scale: float = 1.0


@dataclass(frozen=True)
class Compare(Node):
    """A value in a relation; ``unit`` is the value's canonical unit, for reports."""

    value: Quantity
    relation: Relation
    unit: str = ""
    node: Literal["compare"] = field(default="compare", kw_only=True, repr=False)


@dataclass(frozen=True)
class And(Node):
    of: tuple[Proposition, ...]
    node: Literal["and"] = field(default="and", kw_only=True, repr=False)


@dataclass(frozen=True)
class Or(Node):
    of: tuple[Proposition, ...]
    node: Literal["or"] = field(default="or", kw_only=True, repr=False)


@dataclass(frozen=True)
class Not(Node):
    of: Proposition
    node: Literal["not"] = field(default="not", kw_only=True, repr=False)


@dataclass(frozen=True)
class Implies(Node):
    """Not ``premise``, or ``conclusion``."""

    premise: Proposition
    conclusion: Proposition
    node: Literal["implies"] = field(default="implies", kw_only=True, repr=False)


@dataclass(frozen=True)
class Each(Node):
    """True of every site."""

    of: Proposition
    node: Literal["each"] = field(default="each", kw_only=True, repr=False)


@dataclass(frozen=True)
class Some(Node):
    """True of at least one site (``any`` in the language)."""

    of: Proposition
    node: Literal["some"] = field(default="some", kw_only=True, repr=False)


Proposition: TypeAlias = Compare | And | Or | Not | Implies | Each | Some


@dataclass(frozen=True)
class Wish(Node):
    """``as low as possible``: a direction, neither true nor false. ``scale`` as in `Relation`."""

    value: Quantity
    direction: Literal["low", "high"]
    scale: float = 1.0
    unit: str = ""
    node: Literal["wish"] = field(default="wish", kw_only=True, repr=False)


LossName = Literal["l1", "l2", "huber", "hinge"]


@dataclass(frozen=True)
class Term(Node):
    """One line of the hypothesis. ``label`` names it in every table; ``text`` is its source."""

    verb: Literal["require", "prefer", "expect"]
    label: str
    claim: Proposition | Wish
    text: str
    location: Location
    weight: float = 1.0
    loss: LossName = "l1"


# ---- how to look for it ----


@dataclass(frozen=True)
class Schedule(Node):
    """Guidance strength over diffusion time (paper, section 2.2.2): from ``start`` at t = 1 to
    ``end`` at t = 0.

    ``piecewise`` goes straight from point to point, (t, strength) with falling t, and is constant
    outside them.
    """

    shape: Literal["constant", "linear", "cosine", "piecewise"] = "constant"
    start: float = 0.0
    end: float = 0.0
    points: tuple[tuple[float, float], ...] = ()

    @classmethod
    def constant(cls, value: float) -> Schedule:
        return cls(start=value, end=value)


@dataclass(frozen=True)
class Guide(Node):
    """Settings of the guidance. Names follow Algorithm 2 of the paper.

    k: backward strength; g: forward strength (through the score network; ``paper`` only).
    Guidance acts while ``until`` ≤ t ≤ ``since`` (t = 1 is pure noise), every ``every``-th step.
    recur: n_r; backward: n_b; cap: η, the upper bound of strength/‖∇ℓ‖. sharpness: 1/Å, slope of
    the smooth neighbour step. kernel: whether the neighbour step is blurred by the uncertainty of
    x̂0. ``adaptive`` only: types, logits per unit of ∂ℓ/∂p (0: types are not steered); existence,
    the same for species that are missing; move (Å) and strain, the most of one step; corrector:
    whether the Langevin corrector is guided, too; resample: how often in a run the batch is
    resampled (0: never) by exp(−``reward`` · loss − ``stability`` · eV/atom above the hull), with
    at most ``offspring`` descendants of one structure.
    """

    method: Literal["adaptive", "paper"] = "adaptive"
    k: Schedule = Schedule(start=1.0, end=1.0)
    g: Schedule = Schedule()
    since: float = 0.9
    until: float = 0.03
    every: int = 1
    recur: int = 1
    backward: int = 1
    normalize: Literal["structure", "batch"] = "structure"
    cap: float | None = None
    sharpness: float = 8.0
    types: float = 4.0
    move: float = 0.1
    strain: float = 0.02
    kernel: Literal["sharp", "blurred"] = "sharp"
    corrector: Literal["guided", "plain"] = "guided"
    existence: float = 0.0
    resample: int = 8
    stability: float = 10.0
    reward: float = 0.25
    offspring: int = 4


@dataclass(frozen=True)
class Sample(Node):
    """Settings of the sampler. ``count`` structures per arm; structure i of an arm has random
    numbers of its own, from (seed, arm, i). corrector: n_c, Langevin steps after each denoising
    step; None for what suits the model."""

    count: int = 64
    batch: int = 32
    steps: int = 250
    seed: int = 0
    model: str = "mini"
    cfg: float = 1.0
    corrector: int | None = None


@dataclass(frozen=True)
class AtomRange(Node):
    """Inclusive range of the number of atoms in the cell."""

    low: int
    high: int


@dataclass(frozen=True)
class ParameterValue(Node):
    """A `param` of the program and the value it has here, as text with its unit. It is in the terms
    already; this is for reports.
    """

    name: str
    value: str


@dataclass(frozen=True)
class Sweep(Node):
    """``sweep k in {0.2, 0.4}``: one program for each value, as text. Members of the family have no
    sweep left.
    """

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Program(Node):
    """A checked hypothesis. ``system``: element symbols in the order the user wrote them.
    ``formula``: (symbol, number) of one formula unit.
    """

    source_name: str
    source_text: str
    system: tuple[str, ...]
    atoms: AtomRange | None = None
    formula: tuple[tuple[str, int], ...] | None = None
    terms: tuple[Term, ...] = ()
    guide: Guide = Guide()
    sample: Sample = Sample()
    parameters: tuple[ParameterValue, ...] = ()
    sweeps: tuple[Sweep, ...] = ()
    language_version: int = LANGUAGE_VERSION

    @property
    def requirements(self) -> tuple[Term, ...]:
        return tuple(t for t in self.terms if t.verb == "require")

    def digest(self) -> str:
        """SHA-256 of the meaning: stable under formatting, comments, names of parameters and
        groups, and file name.
        """
        return self.digest_of(self.to_data())

    @staticmethod
    def digest_of(data: dict[str, Any]) -> str:
        """The digest of a program as plain data, which another version may have written. Raises
        KeyError, TypeError or AttributeError where that is no program.
        """
        meaning = _without_spelling(data)
        for name in ("source_name", "source_text", "parameters"):
            del meaning[name]
        for term in meaning["terms"]:
            del term["text"], term["location"]
        return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> str:
        return json.dumps(self.to_data(), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Program:
        """The program that `to_json` wrote. Raises pydantic's ValidationError for anything else."""
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_json(text)
