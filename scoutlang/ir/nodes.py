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
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from scoutlang.ir.settings import Choice, Real, Strength, Whole, Words, setting
from scoutlang.ir.sound import unsound

LANGUAGE_VERSION = 1.1
"""The newest; a program without a ``scout`` line is of it."""
VERSIONS: Mapping[str, float] = {"1": 1, "1.1": 1.1}
"""All that can be read, as they are written."""

Arm = Literal["guided", "non-guided", "prototypes"]
ARMS: tuple[Arm, ...] = ("non-guided", "guided", "prototypes")
"""In the order in which they are made and shown; ``prototypes`` is a control on request."""
SAMPLED: tuple[Arm, ...] = ("non-guided", "guided")
"""The arms of every run, unless one of them is asked for."""


@dataclass(frozen=True)
class Node:
    """Base of all IR nodes."""

    __slots__ = ()

    # read by `Program.from_json`
    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "allow_inf_nan": False}

    def to_data(self) -> dict[str, Any]:
        """Plain data, as `json.loads` would give it back."""
        return {f.name: _plain(getattr(self, f.name)) for f in dataclasses.fields(self)}


def _plain(value: Any) -> Any:
    if isinstance(value, Node):
        return value.to_data()
    return [_plain(v) for v in value] if isinstance(value, tuple) else value


class _ByNode:
    """On a union of nodes: which one is meant stands in its field ``node``. Tried one after the
    other they would take a time that doubles with every level.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic import Discriminator

        return Discriminator("node").__get_pydantic_core_schema__(source, handler)


def _without_spelling(data: Any) -> Any:
    """Plain data in which species are sets of elements and symmetries sets of groups, however they
    were written.
    """
    if isinstance(data, dict):
        for meaning in ("elements", "numbers"):
            if data.keys() == {"text", meaning}:
                return sorted(data[meaning])
        return {key: _without_spelling(value) for key, value in data.items()}
    return [_without_spelling(value) for value in data] if isinstance(data, list) else data


def _drop_strict(data: Any) -> None:
    """Take the word for tolerances with their ends out of plain data: earlier versions had none."""
    if isinstance(data, dict):
        if data.get("strict") is False:
            del data["strict"]
        data = list(data.values())
    for value in data if isinstance(data, list) else ():
        _drop_strict(value)


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

    @property
    def by_radius(self) -> bool:
        """Whether neighbours are those within a length, so that what is near for one atom is near
        for the other, and more species are more neighbours; not where each site has its own.
        """
        return self.choice("r") is None

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


Quantity: TypeAlias = Annotated[Constant | Measure | Arithmetic | Aggregate | Fraction, _ByNode()]


# ---- propositions: what is true or not, of the crystal or (inside Each, Some, Fraction) of each
# site ----

Operator = Literal["=", "<", "<=", ">", ">=", "in"]


@dataclass(frozen=True)
class Relation(Node):
    """What a value must satisfy, as a dimensionless margin ρ (ρ ≥ 0: holds).

    ``=``: ρ = 1 − |x − target|/tolerance; ``<``/``<=``: ρ = (high − x)/scale; ``>``/``>=``: ρ = (x
    − low)/scale; ``in``: the smaller of both. ``scale`` makes losses of different units comparable:
    l1 loss of ``=`` is |x − target|/scale. Of ``<``, ``>`` and a ``strict`` ``=`` the ends are
    outside.
    """

    op: Operator
    target: float | None = None
    tolerance: float | None = None
    low: float | None = None
    high: float | None = None
    scale: float = 1.0
    strict: bool = False
    """Whether the ends of the tolerance are outside: a count holds where its nearest whole number
    is the target, and 4.5 has no nearest one.
    """


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


Proposition: TypeAlias = Annotated[Compare | And | Or | Not | Implies | Each | Some, _ByNode()]


@dataclass(frozen=True)
class Wish(Node):
    """``as low as possible``: a direction, neither true nor false. ``scale`` as in `Relation`."""

    value: Quantity
    direction: Literal["low", "high"]
    scale: float = 1.0
    unit: str = ""
    node: Literal["wish"] = field(default="wish", kw_only=True, repr=False)


def measures(expression: Quantity | Proposition | Wish) -> tuple[Measure, ...]:
    """Every descriptor in an expression, in reading order."""
    match expression:
        case Measure():
            return (expression,)
        case Constant():
            return ()
        case Arithmetic(of=of):
            return tuple(m for part in of for m in measures(part))
        case Compare(value=inner) | Wish(value=inner) | Aggregate(of=inner):
            return measures(inner)
        case Fraction(of=proposition):
            return measures(proposition)
    return tuple(m for comparison in comparisons(expression) for m in measures(comparison.value))


def comparisons(claim: Proposition | Wish) -> tuple[Compare, ...]:
    """Every relation in a claim, in reading order; those inside a `Fraction` belong to its
    value.
    """
    match claim:
        case Compare():
            return (claim,)
        case Wish():
            return ()
        case And(of=of) | Or(of=of):
            return tuple(c for part in of for c in comparisons(part))
        case Implies(premise=premise, conclusion=conclusion):
            return comparisons(premise) + comparisons(conclusion)
    return comparisons(claim.of)


LossName = Literal["l1", "l2", "huber", "hinge"]

Verb = Literal["require", "prefer", "expect"]
"""The statements that claim something: what decides hits, what steers only, what judges only."""


@dataclass(frozen=True)
class Term(Node):
    """One line of the hypothesis."""

    verb: Verb
    label: str
    """Its name in every table."""
    claim: Annotated[Compare | And | Or | Not | Implies | Each | Some | Wish, _ByNode()]
    text: str
    """Its source."""
    location: Location
    weight: float = 1.0
    loss: LossName = "l1"

    @property
    def steers(self) -> bool:
        """Whether the sampling follows it."""
        return self.verb != "expect"

    @property
    def decides(self) -> bool:
        """Whether a structure of which it does not hold is no hit."""
        return self.verb == "require"


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

    @property
    def is_zero(self) -> bool:
        """Whether it is zero at all times."""
        return not any((self.start, self.end, *(strength for _, strength in self.points)))


Method = Literal["adaptive", "paper"]
Normalize = Literal["structure", "batch"]
Corrector = Literal["guided", "plain"]
Counted = Literal["noise", "crystal"]


_ROUNDING = 1e-9
"""Of diffusion times: 0.7 is one of 20 steps, whatever its last bits are."""


# A setting on two lines: what it takes and its default; what the manual says of it.
# fmt: off
@dataclass(frozen=True)
class Guide(Node):
    """Settings of the guidance. Names follow Algorithm 2 of the paper."""

    method: Method = setting(Choice(Method), "adaptive",
        "how the gradient moves the crystal: `adaptive`, the default, or `paper`, Algorithm 2 of "
        "the paper")
    k: Schedule = setting(Strength(), Schedule.constant(1.0),
        "strength of the push on the predicted crystal; 0 is plain sampling, without resampling")
    g: Schedule = setting(Strength(), Schedule.constant(0.0),
        "strength of the push through the score network", only="paper")
    since: float = setting(Real(0, 1), 0.9,
        "diffusion time from which guidance acts; 1 is noise, 0 the crystal", name="from")
    until: float = setting(Real(0, 1), 0.03,
        "diffusion time until which it acts; smaller than `from`", name="to")
    every: int = setting(Whole(1, 10_000), 1,
        "guide every n-th step only, counted from the crystal as in the paper; saves time")
    recur: int = setting(Whole(1, 1_000), 1,
        "how often each step is repeated with fresh noise, n_r of the paper")
    backward: int = setting(Whole(1, 1_000), 1,
        "gradient steps on the predicted crystal in each step, n_b of the paper")
    normalize: Normalize = setting(Choice(Normalize), "structure",
        "length of the gradient: of each `structure`, or over the whole `batch` as in the "
        "authors' code", only="paper")
    cap: float | None = setting(Real(0, 1e6, open_low=True), None,
        "upper bound of strength over gradient norm, η of the paper", only="paper")
    sharpness: float = setting(Real(0.1, 100), 8.0,
        "slope of the smooth neighbour step, in 1/Å; larger is closer to the exact count")
    types: float = setting(Real(0, 100), 4.0,
        "how strongly the choice of elements is pushed; 0: not at all", only="adaptive")
    move: float = setting(Real(0, 5, open_low=True), 0.1,
        "the most that an atom moves in one guided step, in Å", only="adaptive")
    strain: float = setting(Real(0, 1, open_low=True), 0.02,
        "the most that the cell strains in one guided step", only="adaptive")
    corrector: Corrector = setting(Choice(Corrector), "guided",
        "whether the Langevin corrector is guided, too", only="adaptive")
    resample: int = setting(Whole(0, 10_000), 8,
        "how often in a run poor structures of a batch are replaced by copies of better ones; 0: "
        "never", only="adaptive")
    stability: float = setting(Real(0, 1_000), 10.0,
        "what makes a structure better: per eV/atom less above the hull, towards the end of the "
        "run", only="adaptive")
    reward: float = setting(Real(0, 1_000), 0.25,
        "what makes a structure better: per unit less loss", only="adaptive")
    offspring: int = setting(Whole(1, 10_000), 4,
        "the most structures that may descend from one", only="adaptive")
    counted: Counted = "noise"
    """Where `every` counts from: the first step, as in version 1 of the language, or the crystal,
    as the paper does (t ≡ 0 mod M).
    """

    @property
    def pushes(self) -> bool:
        """Whether anything is pushed. With strengths of zero there is no guidance, and nothing is
        selected either.
        """
        return not (self.k.is_zero and (self.method != "paper" or self.g.is_zero))

    def acts(self, t: float, step: int, total_steps: int) -> bool:
        """Whether guidance acts in a step, counted from 0, at diffusion time t: inside of the
        window, ends included, every M-th step. It ends before t = 0, so that the last steps denoise
        what it did.
        """
        number = total_steps - step if self.counted == "crystal" else step
        inside = self.until - _ROUNDING <= t <= self.since + _ROUNDING
        return inside and number % self.every == 0

    def ever_acts(self, total_steps: int) -> bool:
        """Whether it acts in any step of a run, t going from 1 to 1/N; never in the last one."""
        return any(
            self.acts((total_steps - step) / total_steps, step, total_steps)
            for step in range(total_steps - 1)
        )


REMOVED_FROM_GUIDE = {"kernel": "sharp", "existence": 0.0}
"""Settings of `guide` that earlier versions had, with the values that switched them off. Programs
in old run folders have them, and digests count them as switched off, so that a program that did not
use them keeps its digest.
"""


class RemovedSetting(Exception):
    """A program of an earlier version uses a setting that was removed; the message names it."""


@dataclass(frozen=True)
class Sample(Node):
    """Settings of the sampler. Structure i of an arm has random numbers of its own, from (seed,
    arm, i).
    """

    count: int = setting(Whole(1, 10_000_000), 64,
        "structures in each arm; the first number of the statement is short for it")
    batch: int = setting(Whole(1, 100_000), 32,
        "structures sampled together; a matter of memory and speed, and with resampling of "
        "statistics, too: structures are weighed against those of their batch")
    steps: int = setting(Whole(2, 100_000), 250,
        "diffusion steps; more are slower and a little better")
    seed: int = setting(Whole(0, 2**53), 0,
        "the same seed gives the same structures on one machine; another processor rounds "
        "otherwise")
    model: str = setting(Words(), "mini",
        "the model to sample from: `mini`, the name of a published checkpoint, or the path of a "
        "checkpoint folder in quotes")
    cfg: float = setting(Real(0, 100), 1.0,
        "factor of the classifier-free guidance towards the chemical system; the paper uses 2 "
        "with the published checkpoint")
    corrector: int | None = setting(Whole(0, 100), None,
        "Langevin steps after each diffusion step, n_c of the paper; if not given what suits the "
        "model")
# fmt: on


Chosen = Literal["promising", "all", "off"]
By = Literal["both", "energy", "constraint"]


# fmt: off
@dataclass(frozen=True)
class Relax(Node):
    """Settings of the relaxation that follows the sampling, of both arms alike."""

    which: Chosen = setting(Choice(Chosen), "promising",
        "the structures that are relaxed: `promising`, the default, those that are crystals, "
        "unique and miss no `require` by more than a whole neighbour or its like; `all`; or `off`, "
        "none. The first word of the statement is short for it")
    by: By = setting(Choice(By), "both",
        "what is followed downhill: the `energy` alone, energy and `constraint`, or `both`, each "
        "by itself")
    rho: float = setting(Real(0, 1e6, unit="eV/atom"), 0.5,
        "what keeping the constraint is worth: half of it where a whole neighbour is missed")
    steps: int = setting(Whole(1, 10_000), 24,
        "steps of the optimiser for each structure, at most")

    @property
    def ways(self) -> tuple[Way, ...]:
        """What is followed, one after the other; nothing where nothing is relaxed. With ρ = 0 the
        constraint has no say, and there is one way.
        """
        if self.which == "off":
            return ()
        energy, constraint = self.by != "constraint", self.by != "energy" and self.rho > 0
        ways: tuple[tuple[Way, bool], ...] = (
            ("energy", energy or not constraint),
            ("constraint", constraint),
        )
        return tuple(way for way, followed in ways if followed)
# fmt: on


Way = Literal["energy", "constraint"]
"""Relaxed by the energy alone, or with the constraint."""


@dataclass(frozen=True)
class AtomRange(Node):
    """Inclusive range of the number of atoms in the cell."""

    low: int
    high: int


@dataclass(frozen=True)
class Symmetry(Node):
    """The space groups of which every sampled crystal keeps one. ``text`` is what the user wrote
    (``cubic``); it does not count in ``==``.
    """

    text: str = field(compare=False)
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Keep(Node):
    """A crystal whose sites, and lattice if that is kept, are in every sampled one."""

    host: TextFile
    lattice: bool = True


@dataclass(frozen=True)
class Start(Node):
    """A crystal that sampling starts from, noised to a diffusion time above 0 and up to 1."""

    seed: TextFile
    noise: float


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
    symmetry: Symmetry | None = None
    keep: Keep | None = None
    start: Start | None = None
    terms: tuple[Term, ...] = ()
    guide: Guide = Guide()
    sample: Sample = Sample()
    relax: Relax = Relax()
    parameters: tuple[ParameterValue, ...] = ()
    sweeps: tuple[Sweep, ...] = ()
    language_version: int | float = LANGUAGE_VERSION
    """Of the text. What it changes is in the nodes, which alone have a meaning."""

    @property
    def requirements(self) -> tuple[Term, ...]:
        return tuple(t for t in self.terms if t.decides)

    @property
    def is_guided(self) -> bool:
        """Whether the guided arm is more than plain sampling: something pushes, and there is
        something to push towards.
        """
        return self.guide.pushes and any(t.steers for t in self.terms)

    @property
    def descriptors(self) -> tuple[str, ...]:
        """The names of all descriptors in the terms, sorted."""
        return tuple(sorted({m.descriptor for term in self.terms for m in measures(term.claim)}))

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
        meaning["guide"] = REMOVED_FROM_GUIDE | meaning["guide"]
        if meaning.get("relax") == Relax().to_data():
            del meaning["relax"]  # programs without it were written down before there was one
        for name in ("symmetry", "keep", "start"):
            if meaning.get(name, ...) is None:
                del meaning[name]  # as well
        if meaning["guide"].get("counted") == Guide.counted:
            del meaning["guide"]["counted"]  # as it was before one could tell
        _drop_strict(meaning["terms"])
        meaning["language_version"] = 1  # what a version changes is said by the nodes
        for name in ("source_name", "source_text", "parameters"):
            del meaning[name]
        for term in meaning["terms"]:
            del term["text"], term["location"]
        return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()

    def to_json(self) -> str:
        return json.dumps(self.to_data(), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> Program:
        """The program that `to_json` wrote, in this or an earlier version. Raises RemovedSetting
        for one that uses what was removed, ValueError (pydantic's ValidationError) for anything
        else.
        """
        from pydantic import TypeAdapter

        data = json.loads(text)
        if isinstance(data, dict) and isinstance(guide := data.get("guide"), dict):
            for name, off in REMOVED_FROM_GUIDE.items():
                if guide.pop(name, off) != off:
                    raise RemovedSetting(f"its program uses `guide {name}`, which was removed")
        found = TypeAdapter(cls).validate_json(json.dumps(data))
        if wrong := unsound(found):
            raise ValueError(wrong)
        return found
