"""Generated structures → records, stage by stage, the same for both arms.

With a `Store` a stage is not done again where the same answer was given before. What an answer
depends on is in its fingerprint: the structures, the code, the stages before it, and of the
program, the potential and the reference what the stage asks for.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from types import ModuleType
from typing import Any

from scoutlang.crystals.specimen import Specimen
from scoutlang.descriptors import modules, origin
from scoutlang.evaluation.measurement import TermMeasurement
from scoutlang.ir import Program
from scoutlang.potentials import Potential, one_thread, structure_hash
from scoutlang.potentials import load as load_potential
from scoutlang.support.engines import Died, Engine, Here, Tell, in_parts
from scoutlang.support.errors import ScoutError, first_line
from scoutlang.support.resources import code_digest
from scoutlang.validation.record import IDENTITY, STATUSES, Outcome, Record
from scoutlang.validation.reference import Reference
from scoutlang.validation.reference import load as load_reference
from scoutlang.validation.stages import DIED, WORTH, Context, Progress, Stage, all_stages
from scoutlang.validation.store import Store, as_json, shared
from scoutlang.validation.summary import Summary, summarize


@dataclass(frozen=True)
class Provenance:
    """What the numbers of a validation depend on besides the structures."""

    program_digest: str
    potential: str
    potential_version: str
    potential_weights_sha256: str
    reference: str
    reference_version: str


@dataclass(frozen=True)
class Validation:
    """All records in input order, and what they mean."""

    records: tuple[Record, ...]
    provenance: Provenance

    def table(self) -> Summary:
        """Per arm and between arms; see `summary.Summary`."""
        return summarize(self.records)

    def funnel(self) -> dict[str, dict[str, dict[str, int]]]:
        """arm → stage → status → count. For every arm and stage the counts add up to |R|."""
        counts = Counter(
            (r.arm, stage, outcome.status)
            for r in self.records
            for stage, outcome in r.outcomes.items()
        )
        arms = dict.fromkeys(r.arm for r in self.records)
        stages = dict.fromkeys(stage for r in self.records for stage in r.outcomes)
        return {
            arm: {
                stage: {status: counts[arm, stage, status] for status in STATUSES}
                for stage in stages
            }
            for arm in arms
        }

    def to_json(self) -> dict[str, Any]:
        """Provenance, table and funnel as plain data; undefined numbers are null. The records go
        into a table of their own.
        """
        return {
            "provenance": asdict(self.provenance),
            "table": asdict(self.table()),
            "funnel": self.funnel(),
        }


def validate(
    program: Program,
    generated: Sequence[Specimen],
    *,
    potential: Potential,
    reference: Reference,
    run: str = "",
    progress: Progress | None = None,
    stages: Sequence[Stage] | None = None,
    store: Store | None = None,
    engine: Engine | None = None,
    named: tuple[str, str] | None = None,
) -> Validation:
    """Judge every structure; one record each, with the id ``{run}-{arm}-{seed}-{index}``.

    ``run`` is the start of the program's digest if not given. ``progress(stage, done, total)`` is
    called as the work goes on. stages: in the order in which they run; all that there are if not
    given. store: where answers are kept and looked for. engine: where many answers are found; it
    needs ``named``, the names by which a worker loads potential and reference. Raises ValueError
    when two structures would have the same id.
    """
    run = run or program.digest()[:8]
    records = [Record(f"{run}-{g.arm}-{g.seed}-{g.index}", g) for g in generated]
    twice = [id_ for id_, count in Counter(r.id for r in records).items() if count > 1]
    if twice:
        raise ValueError(f"not unique (arm, seed, index): {', '.join(twice[:3])}")
    ask = partial(_ask, named=named)
    answer = (
        ask if store is None else _Remembering(store, ask, records, program, potential, reference)
    )
    for stage in all_stages() if stages is None else stages:

        def report(done: int, total: int, name: str = stage.name) -> None:
            if progress:
                progress(name, done, total)

        context = Context(program, potential, reference, report, engine or Here())
        outcomes = answer(records, stage, context)
        records = [
            r.after(stage.name, outcome) for r, outcome in zip(records, outcomes, strict=True)
        ]
    provenance = Provenance(
        program_digest=program.digest(),
        potential=potential.name,
        potential_version=potential.version,
        potential_weights_sha256=potential.weights_sha256,
        reference=reference.name,
        reference_version=reference.version,
    )
    return Validation(tuple(records), provenance)


_BROKEN = "the stage ended with "


_CHUNK = 64
"""Structures of a unit of work."""


def _ask(
    records: Sequence[Record],
    stage: Stage,
    context: Context,
    named: tuple[str, str] | None = None,
) -> list[Outcome]:
    """Run one stage on the records that passed what it needs; the others are marked with the stage
    that held them back.
    """
    ready = [r for r in records if all(r.passed(need) for need in stage.needs)]
    try:
        found = _found(ready, stage, context, named) if ready else []
        outcomes = dict(zip((r.id for r in ready), found, strict=True))
        _check_sound(ready, stage, found)
    except ScoutError:  # not of a structure but of the run: a model that cannot be loaded
        raise
    # a stage that fails as a whole takes its own answers away, and no others
    except Exception as error:
        outcomes = {r.id: Outcome("undefined", f"{_BROKEN}{first_line(error)}") for r in ready}
    return [outcomes.get(r.id) or _held_back(r, stage) for r in records]


def _found(
    ready: Sequence[Record], stage: Stage, context: Context, named: tuple[str, str] | None
) -> Sequence[Outcome]:
    """The answers of a stage: found here, or a few structures at a time where its engine has
    workers and there is enough to do.
    """
    engine, seconds = context.engine, len(ready) * (stage.seconds or 0.0)
    if named is None or engine.here or seconds < WORTH or not engine.pays(seconds):
        with one_thread():
            return stage.run(ready, context)
    done = 0

    def count(structures: int) -> None:
        nonlocal done
        done += structures
        context.report(min(done, len(ready)), len(ready))

    potential, reference = context.potential, context.reference
    judges = _Judges(
        *named,
        (potential.name, potential.version, potential.weights_sha256),
        (reference.name, reference.version),
    )
    found = in_parts(_ask_there, (stage, context.program, judges), ready, _CHUNK, engine, count)
    return [
        Outcome("undefined", DIED + str(one)) if isinstance(one, Died) else one for one in found
    ]


@dataclass(frozen=True)
class _Judges:
    """What a worker loads, and must find."""

    potential: str
    reference: str
    potential_identity: tuple[str, str, str]
    reference_identity: tuple[str, str]


def _ask_there(
    stage: Stage, program: Program, judges: _Judges, records: Sequence[Record], tell: Tell
) -> Sequence[Outcome]:
    """The work of a unit, in another process; it tells how many structures it has looked at."""
    potential, reference = _loaded(judges)
    found = stage.run(records, Context(program, potential, reference, lambda done, total: None))
    tell(len(records))
    return found


@lru_cache(maxsize=1)
def _loaded(judges: _Judges) -> tuple[Potential, Reference]:
    potential, reference = load_potential(judges.potential), load_reference(judges.reference)
    found = (potential.name, potential.version, potential.weights_sha256)
    if (found, (reference.name, reference.version)) != (
        judges.potential_identity,
        judges.reference_identity,
    ):
        raise ScoutError(
            "E603",
            f"a worker finds other versions of {judges.potential} or {judges.reference} than the "
            "run",
            "workers need the same files and the same version of scoutlang",
        )
    return potential, reference


def _held_back(record: Record, stage: Stage) -> Outcome:
    need = next(need for need in stage.needs if not record.passed(need))
    return Outcome("skipped", f"{need} was not passed")


def _check_sound(records: Sequence[Record], stage: Stage, outcomes: Sequence[Outcome]) -> None:
    """Raise unless the answers are of the kind that a record takes: stages of other packages
    answer, too.
    """
    kinds: dict[str, type] = {}
    for record, outcome in zip(records, outcomes, strict=True):
        if (
            not isinstance(outcome, Outcome)
            or outcome.status not in STATUSES
            or not isinstance(outcome.reason, str)
            or not all(isinstance(term, TermMeasurement) for term in outcome.terms)
        ):
            raise TypeError(f"{outcome!r} is no outcome")
        taken = {name for earlier in record.outcomes.values() for name in earlier.columns()}
        if again := sorted(taken & outcome.columns().keys()):
            raise ValueError(f"{again[0]!r} is a column of another stage")
        for name, value in outcome.values.items():
            if name in IDENTITY or name not in stage.columns():
                raise ValueError(f"{name!r} is not a column that it says it adds")
            if (
                type(value) not in (float, int, bool, str, type(None))
                or (isinstance(value, float) and not isfinite(value))
                or (type(value) is int and not -(2**63) <= value < 2**63)
            ):
                raise TypeError(
                    f"{str(value)[:40]} in {name!r} is neither a finite number of at most 64 bits,"
                    " a truth, a text nor None"
                )
            kind = float if type(value) is int else type(value)
            if value is not None and kinds.setdefault(name, kind) is not kind:
                raise TypeError(f"{name!r} holds values of several kinds")


class _Remembering:
    """`_ask`, but for what a store knows already: by the SHA-256 of everything that the outcomes of
    a stage depend on.
    """

    def __init__(
        self,
        store: Store,
        ask: Callable[[Sequence[Record], Stage, Context], list[Outcome]],
        records: Sequence[Record],
        program: Program,
        potential: Potential,
        reference: Reference,
    ) -> None:
        self._store, self._ask = store, ask
        samples = [
            (
                r.id,
                r.generated.structure and structure_hash(r.generated.structure),
                r.generated.failure,
                r.generated.lacking,
            )
            for r in records
        ]
        plugins = [modules()[name] for name in program.descriptors if origin(name)]
        self._common = [
            code_digest(),
            _sha256(samples),
            *(version(package) for package in _DECIDING),
            *map(_source, plugins),
        ]
        self._outcomes: dict[str, str] = {}
        self._asked = {
            "program": program.to_json(),
            "potential": f"{potential.name} {potential.weights_sha256}",
            "reference": f"{reference.name} {reference.version}",
        }

    def __call__(self, records: Sequence[Record], stage: Stage, context: Context) -> list[Outcome]:
        fingerprint = self._fingerprint(stage)
        outcomes = self._store.find(stage.name, fingerprint, len(records)) if stage.kept else None
        if outcomes is None:
            outcomes = shared(self._ask(records, stage, context))
            if stage.kept and not any(o.reason.startswith((_BROKEN, DIED)) for o in outcomes):
                self._store.keep(stage.name, fingerprint, outcomes)
        self._outcomes[stage.name] = hashlib.sha256(as_json(outcomes)).hexdigest()
        return outcomes

    def _fingerprint(self, stage: Stage) -> str:
        before = [self._outcomes[name] for name in sorted({*stage.needs, *stage.after})]
        asked = [self._asked[name] for name in stage.asks]
        return _sha256(
            [
                self._common,
                stage.name,
                repr(stage),
                _source(sys.modules[type(stage).__module__]),
                before,
                asked,
            ]
        )


# packages that the answers of stages come from
_DECIDING = ("pymatgen", "spglib", "moyopy", "numpy", "torch")


def _source(module: ModuleType) -> str:
    """Of the text of a module: `code_digest` does not see those of other packages."""
    file = getattr(module, "__file__", None)
    return _sha256(Path(file).read_text(encoding="utf-8")) if file else module.__name__


def _sha256(data: Any) -> str:
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()
