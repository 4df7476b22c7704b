"""The checked program: frozen, resolved, torch-free, JSON-able.

Everything after the front end reads this and nothing else. Numbers are in canonical units:
Å, degrees, Å^3/atom, g/cm^3, eV/atom. Every term keeps the span and the text of its source line.
"""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

LANGUAGE_VERSION = 1

Arm = Literal["guided", "non-guided"]


class Node(BaseModel):
    """Base of all IR nodes: immutable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Location(Node):
    """Character range of a node in the program text, and its 1-based line."""

    start: int
    end: int
    line: int


class Species(Node):
    """One species position, resolved to element symbols. ``text`` is what the user wrote (``Cu``, ``*``)."""

    text: str
    elements: tuple[str, ...]


class Measure(Node):
    """A descriptor applied to species: ``CN(Cu-P, r=2.6 Å)``.

    ``parameters`` holds only what the user gave, in canonical units; the descriptor knows its own defaults.
    ``aggregate`` is how per-site values become one number (``mean`` is the paper's definition of CN).
    """

    descriptor: str
    species: tuple[Species, ...] = ()
    parameters: tuple[tuple[str, float], ...] = ()
    aggregate: str = "mean"
    unit: str = ""

    def parameter(self, name: str) -> float | None:
        return dict(self.parameters).get(name)


Operator = Literal["=", "<", "<=", ">", ">=", "in", "minimize", "maximize"]


class Relation(Node):
    """What the measured value must satisfy, as a dimensionless margin ρ (ρ ≥ 0: holds).

    ``=``: ρ = 1 − |x − target|/tolerance; ``<``/``<=``: ρ = (high − x)/scale; ``>``/``>=``: ρ = (x − low)/scale;
    ``in``: the smaller of both. ``minimize``/``maximize`` (only in ``prefer``) have no truth value.
    ``scale`` makes losses of different units comparable: l1 loss of ``=`` is |x − target|/scale.
    """

    op: Operator
    target: float | None = None
    tolerance: float | None = None
    low: float | None = None
    high: float | None = None
    scale: float = 1.0


LossName = Literal["l1", "l2", "huber", "hinge"]


class Term(Node):
    """One line of the hypothesis. ``label`` names it in every table; ``text`` is its source."""

    verb: Literal["require", "prefer", "expect"]
    label: str
    measure: Measure
    relation: Relation
    weight: float = 1.0
    loss: LossName = "l1"
    text: str
    location: Location


class Schedule(Node):
    """Guidance strength over diffusion time (paper, section 2.2.2): from ``start`` at t = 1 to ``end`` at t = 0."""

    shape: Literal["constant", "linear", "cosine"] = "constant"
    start: float
    end: float


class Guide(Node):
    """Settings of the guidance. Names follow Algorithm 2 of the paper.

    k: backward strength; g: forward strength (through the score network; ``paper`` only).
    Guidance acts while ``until`` ≤ t ≤ ``since`` (t = 1 is pure noise), every ``every``-th step.
    recur: n_r; backward: n_b; cap: η, the upper bound of strength/‖∇ℓ‖.
    """

    method: Literal["adaptive", "paper"] = "adaptive"
    k: Schedule = Schedule(start=1.0, end=1.0)
    g: Schedule = Schedule(start=0.0, end=0.0)
    since: float = 0.9
    until: float = 0.03
    every: int = 1
    recur: int = 1
    backward: int = 1
    normalize: Literal["structure", "batch"] = "structure"
    cap: float | None = None


class Sample(Node):
    """Settings of the sampler. ``count`` structures per arm; structure i of an arm depends on (seed, arm, i) and these settings only."""

    count: int = 64
    batch: int = 32
    steps: int = 250
    seed: int = 0
    model: str = "mini"
    cfg: float = 1.0


class AtomRange(Node):
    """Inclusive range of the number of atoms in the cell."""

    low: int
    high: int


class Program(Node):
    """A checked hypothesis."""

    language_version: int = LANGUAGE_VERSION
    source_name: str
    source_text: str
    system: tuple[str, ...] = Field(description="element symbols in the order the user wrote them")
    atoms: AtomRange | None = None
    terms: tuple[Term, ...] = ()
    guide: Guide = Guide()
    sample: Sample = Sample()

    @property
    def requirements(self) -> tuple[Term, ...]:
        return tuple(t for t in self.terms if t.verb == "require")

    def digest(self) -> str:
        """SHA-256 of the meaning: stable under formatting, comments and file name."""
        meaning = self.model_dump(
            mode="json",
            exclude={"source_name": True, "source_text": True, "terms": {"__all__": {"text", "location"}}},
        )
        return hashlib.sha256(json.dumps(meaning, sort_keys=True).encode()).hexdigest()
