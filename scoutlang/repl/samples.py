"""What a session makes: samples and runs with a model that stays loaded, and what is said of their structures. Imports torch."""

from __future__ import annotations

import io
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from scoutlang.batching import batches, each
from scoutlang.errors import ScoutError
from scoutlang.expressions import measures
from scoutlang.families import Member, members, run_each
from scoutlang.ir import Arm, Compare, Program, Term, Wish
from scoutlang.judged_runs import Judged, judge
from scoutlang.measuring import MAX_PAIRS, TermMeasurement, measure_terms, of_structure_alone
from scoutlang.repl.interrupts import pressing
from scoutlang.report.pictured import picturable
from scoutlang.report.structure_page import write_structure_page
from scoutlang.run_folder import ARMS, SAMPLES
from scoutlang.running import Watcher, run
from scoutlang.sampling.backends.mattergen.checkpoint import Model, load_model
from scoutlang.tracing import Moment
from scoutlang.validation.record import Record, Value
from scoutlang.validation.table import p_value, percent, render_table, render_terms

RUNS = Path("runs")
"""Where a run goes that got no name, as with `scout run`."""

_BATCH = 8
"""Structures that `:sample` makes together, at most: an interruption loses no more than these."""

_BINS = 10
_BAR = 24  # columns of the longest bar, where there is room
_NOTHING = "–"
_MARKS = {True: "✓", False: "✗", None: "undefined"}


@dataclass(frozen=True)
class Sampled:
    """Structures of both arms, judged. temporary: they go with the session; complete: nobody stopped it. before: made earlier with the same seed."""

    judged: Judged
    temporary: bool
    complete: bool
    before: Judged | None = None

    @property
    def folder(self) -> Path:
        return self.judged.folder

    @property
    def program(self) -> Program:
        return self.judged.run.program

    @property
    def records(self) -> tuple[Record, ...]:
        return self.judged.validation.records


@dataclass(frozen=True)
class Swept:
    """The finished runs of a family in a folder, and how many there should be."""

    runs: tuple[Judged, ...]
    folder: Path
    planned: int

    @property
    def complete(self) -> bool:
        return len(self.runs) == self.planned

    def said(self, width: int, again: str) -> str:
        """One table of all runs, and where they are. again: what the command is called with, beside the folder."""
        parts = [_rendered(_family(self.runs), width)] if self.runs else []
        if self.runs:
            parts.append(f"files in {self.folder}, a folder for each run; :hits, :view and :plot are about {self.runs[-1].folder.name}")
        if not self.complete:
            command = f":sweep {self.folder} {again}".rstrip()
            parts.append(f"interrupted: {len(self.runs)} of {self.planned} runs were finished\n  {command} goes on where it was")
        return "\n".join(parts)


class _Patient:
    """A `Watcher` that hands on what it sees, and stops the run behind a batch where Ctrl-C was pressed in it; a second one stops it at once."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._in_batch = self._pressed = self._said = False

    def press(self) -> None:
        """Ctrl-C. Raises KeyboardInterrupt where no batch is worked on, and the second time."""
        if self._pressed or not self._in_batch:
            raise KeyboardInterrupt
        self._pressed = True

    def note(self, text: str) -> None:
        self._watcher.note(text)

    def sampling(self, arm: Arm, done: int, total: int, moment: Moment | None) -> None:
        self._in_batch = moment is not None
        if self._pressed and not self._said:
            self._said = True
            self._watcher.note("Ctrl-C: finishing this batch; press it again to stop at once")
        self._watcher.sampling(arm, done, total, moment)
        if self._pressed and moment is None and not (arm == ARMS[-1] and done == total):  # what is left is to judge
            raise KeyboardInterrupt

    def judging(self, stage: str, done: int, total: int) -> None:
        self._watcher.judging(stage, done, total)


class Bench:
    """Makes structures and remembers those made last."""

    def __init__(self, folder: Path) -> None:
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self._folder = folder
        self._numbers = itertools.count(1)
        self._model: tuple[str, Model] | None = None
        self._last: Sampled | None = None

    def sample(self, program: Program, count: int, watcher: Watcher) -> Sampled:
        """A few structures per arm in a folder of the session. Raises ScoutError as `run` does, E703 where nothing was finished."""
        settings = replace(program.sample, count=count, batch=min(program.sample.batch, _BATCH))
        return self._make(replace(program, sample=settings), self._folder / f"sample-{next(self._numbers)}", watcher, temporary=True)

    def run(self, program: Program, folder: Path | None, watcher: Watcher) -> Sampled:
        """All that the program asks for, in a folder that stays. Raises as `sample`."""
        return self._make(program, folder or _free_folder(), watcher, temporary=False)

    def last(self) -> Sampled:
        """Raises ScoutError E703 where nothing was made yet."""
        if self._last is None:
            raise ScoutError("E703", "nothing was sampled yet", ":sample makes a few structures")
        return self._last

    def sweep(
        self, program: Program, family: Sequence[Program], folder: Path | None, watching: Callable[[], AbstractContextManager[Watcher]]
    ) -> Swept:
        """A run for each program of a family, in a folder that stays; what is finished there is not done again. Raises ScoutError as `run` does."""
        folder = folder or _free_folder()
        runs = members(program, family, folder)

        def run_member(member: Member, baseline: Path | None) -> Judged:
            with watching() as watcher:
                watcher.note(f"{1 + runs.index(member)} of {len(runs)}: {member.name}")
                return self._run(member.program, member.folder, watcher, baseline, resume=True)

        finished: list[Judged] = []
        with suppress(KeyboardInterrupt):
            for judged in run_each(runs, run_member):
                finished.append(judged)
                self._last = Sampled(judged, temporary=False, complete=True)
        return Swept(tuple(finished), folder, len(runs))

    def _make(self, program: Program, folder: Path, watcher: Watcher, *, temporary: bool) -> Sampled:
        earlier = self._last.judged if self._last is not None and _alike(self._last.program, program) else None
        complete = True
        try:
            judged = self._run(program, folder, watcher, None if earlier is None else earlier.folder)
        except KeyboardInterrupt:
            if not any((folder / SAMPLES).glob("*.json")):
                raise ScoutError(
                    "E703",
                    "interrupted before a batch was finished",
                    "Ctrl-C once lets the batch be finished; a smaller :sample is done sooner",
                ) from None
            watcher.note("interrupted; judging what is finished")
            judged, complete = judge(folder, progress=watcher.judging), False
        changed = earlier is not None and earlier.run.program.digest() != program.digest()
        self._last = Sampled(judged, temporary, complete, earlier if changed else None)
        return self._last

    def _run(self, program: Program, folder: Path, watcher: Watcher, baseline: Path | None, *, resume: bool = False) -> Judged:
        model = self._loaded(program.sample.model, watcher)
        patient = _Patient(watcher)
        with pressing(patient.press):
            return run(program, folder, device=self.device, model=model, baseline=baseline, watcher=patient, resume=resume)

    def _loaded(self, name: str, watcher: Watcher) -> Model:
        if self._model is None or self._model[0] != name:
            watcher.note(f"loading the model '{name}' ({self.device})")
            self._model = name, load_model(name, self.device)
        return self._model[1]

    # ---- what there is to say ----

    def said(self, sampled: Sampled, width: int) -> str:
        """The terms in both arms, the hits, and what changed since the sample before."""
        judged = sampled.judged
        parts = [_rendered(render_terms(judged.terms, judged.hardest if not sampled.temporary else None), width)]
        if sampled.temporary:
            arms = judged.validation.table().arms
            parts.append("hits: " + ", ".join(f"{arm.arm} {arm.hits.count} of {arm.raw}" for arm in arms))
        else:
            parts.append(_rendered(render_table(judged.validation, judged.files), width))
        if sampled.before is not None:
            parts.append(_rendered(_difference(sampled.before, judged), width))
        if not sampled.complete:
            again = "" if sampled.temporary else f"; :save the program, and scout run FILE.scout --out {sampled.folder} --resume goes on"
            parts.append(f"interrupted: this is what was finished{again}")
        return "\n".join(part for part in parts if part)

    def hits(self, width: int) -> str:
        """The hits by the numbers that `view` takes."""
        sampled = self.last()
        found = [(number, record) for number, record in enumerate(sampled.records, 1) if record.hit]
        if not found:
            return f"no hits among {len(sampled.records)} structures; :view 1 to :view {len(sampled.records)} show any of them"
        table = Table(box=box.SIMPLE)
        for column in ("N", "arm", "formula", "atoms", "eV/atom above hull"):
            table.add_column(column, justify="left" if column in ("arm", "formula") else "right")
        for number, record in found:
            row = record.row()
            table.add_row(str(number), record.arm, str(row["formula"]), str(row["num_atoms"]), _number(record.e_above_hull))
        return _rendered(table, width)

    def page(self, number: int) -> Path | None:
        """A page beside the run, on which that structure can be turned; None where there is nothing to draw. Raises as `view`, and E602."""
        sampled = self.last()
        record = self._record(number)
        structure = record.generated.structure
        if structure is None or not picturable(structure):
            return None
        facts = {term.text: _found(record, term) for term in sampled.program.terms}
        if record.e_above_hull is not None:
            facts["above the hull"] = f"{record.e_above_hull:.3f} eV/atom"
        title = f"{structure.composition.reduced_formula}, structure {number}, {record.arm}: {_verdict(record)}"
        return write_structure_page(sampled.folder / f"structure-{number}.html", title, structure, sampled.program, facts)

    def _record(self, number: int) -> Record:
        """Raises ScoutError E702 for a number that none has."""
        records = self.last().records
        if number > len(records):
            raise ScoutError("E702", f"there is no structure {number}", f"they have numbers from 1 to {len(records)}; :hits lists the hits")
        return records[number - 1]

    def view(self, number: int, width: int) -> str:
        """One structure. Raises ScoutError E702 for a number that none has."""
        sampled, record = self.last(), self._record(number)
        if record.generated.structure is None:
            return f"{number}  {record.arm}: no structure ({record.generated.failure})"
        structure = record.structure
        lattice = structure.lattice
        sites = Table("", "x", "y", "z", box=box.SIMPLE)
        for site in structure:
            sites.add_row(site.species_string, *(f"{x:.4f}" for x in site.frac_coords % 1.0))
        terms = Table("term", "exact", "margin", "", box=box.SIMPLE)
        for term in sampled.program.terms:
            truth = record.value(f"satisfied: {term.label}")
            mark = "" if isinstance(term.claim, Wish) else _MARKS[truth if isinstance(truth, bool) else None]
            terms.add_row(Text(term.text), *(_number(record.value(f"{what}: {term.label}")) for what in ("exact", "margin")), mark)
        lengths = ", ".join(f"{one} = {value:.3f}" for one, value in zip("abc", lattice.abc, strict=True))
        angles = ", ".join(f"{one} = {value:.1f}" for one, value in zip("αβγ", lattice.angles, strict=True))
        return "\n".join(
            [
                f"{number}  {record.arm}  {structure.composition.reduced_formula}, {len(structure)} atoms: {_verdict(record)}",
                f"  {lengths} Å",
                f"  {angles} °, {structure.volume / len(structure):.2f} Å^3/atom",
                _rendered(sites, width),
                _rendered(terms, width),
            ]
        )

    def term(self, label: str) -> Term | None:
        """The term of that label, as it was when the structures were made."""
        return next((term for term in self.last().program.terms if term.label == label), None)

    def plot(self, term: Term, title: str, width: int) -> str:
        """How the values of a term, of this program or of any other, are spread in both arms."""
        single = isinstance(term.claim, Compare | Wish)
        unit = term.claim.unit if isinstance(term.claim, Compare | Wish) else "margin: 0 and more is satisfied"
        records = self.last().records
        which = "exact" if single else "margin"
        if term in self.last().program.terms:
            found = [record.value(f"{which}: {term.label}") for record in records]
        else:
            found = [None if one is None else getattr(one, which) for one in _measured(term, records)]
        values = {arm: [value for record, value in zip(records, found, strict=True) if record.arm == arm] for arm in ARMS}
        return "\n".join([f"{title} [{unit}]" if unit else title, *histogram(values, width)])


def _alike(one: Program, other: Program) -> bool:
    """Whether two programs draw the same structures but for what guides them."""
    return one.sample == other.sample and one.system == other.system


def _free_folder() -> Path:
    return next(folder for n in itertools.count(1) if not (folder := RUNS / f"session-{n}").exists())


def _rendered(what: RenderableType, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=False, markup=False, highlight=False)
    with console.capture() as capture:
        console.print(what)
    return "\n".join(line.rstrip() for line in capture.get().splitlines() if line.strip())


def _number(value: Value) -> str:
    return f"{value + 0.0:.3f}" if isinstance(value, int | float) else "" if value is None else str(value)


def _measured(term: Term, records: Sequence[Record]) -> list[TermMeasurement | None]:
    """A term on every structure; None where there is none. What a structure alone does not have is what the stages found."""
    columns = [] if of_structure_alone(term) else sorted({m.descriptor for m in measures(term.claim)})

    def ask(some: Sequence[Record]) -> list[TermMeasurement]:
        given = {name: [_numeric(record.value(name)) for record in some] for name in columns}
        return [row[0] for row in measure_terms([term], [record.structure for record in some], given)]

    sound = [record for record in records if record.passed("geometry")]
    found: dict[str, TermMeasurement] = {}
    for some in batches(sound, lambda record: len(record.structure) ** 2, MAX_PAIRS):
        found |= {record.id: one for record, one in zip(some, each(ask, some), strict=True) if isinstance(one, TermMeasurement)}
    return [found.get(record.id) for record in records]


def _numeric(value: Value) -> float | None:
    """A column as a number; true and false are 1 and 0."""
    return float(value) if isinstance(value, int | float) else None


def _found(record: Record, term: Term) -> str:
    """The value of a term with its unit, its margin where it has no single one."""
    exact, margin = (_number(record.value(f"{what}: {term.label}")) for what in ("exact", "margin"))
    if isinstance(term.claim, Compare | Wish):
        return f"{exact} {term.claim.unit}".rstrip() if exact else "undefined"
    return f"margin {margin}" if margin else "undefined"


def _verdict(record: Record) -> str:
    return {True: "hit", False: "miss", None: "undefined"}[record.hit]


def histogram(values: Mapping[Arm, Sequence[Value]], width: int) -> Iterator[str]:
    """The lines of a histogram, the arms side by side in the same bins; what has no value is counted below."""
    numbers = {arm: [float(v) for v in some if isinstance(v, int | float)] for arm, some in values.items()}
    every = [v for some in numbers.values() for v in some]
    if every:
        low, high = min(every), max(every)
        bins = _BINS if high > low else 1
        step = (high - low) / bins
        counts = {arm: _counts(some, low, step, bins) for arm, some in numbers.items()}
        most = max(max(some) for some in counts.values())
        edges = [f"{low + i * step:.3g}" for i in range(bins + 1)]
        widest = max(len(edge) for edge in edges)
        bar = min(_BAR, max(2, (width - 2 * widest - 3) // len(counts) - 6))
        yield f"{'':{2 * widest + 3}}  {'  '.join(f'{arm:<{bar + 4}}' for arm in counts)}".rstrip()
        for i in range(bins):
            cells = (f"{'█' * math.ceil(some[i] / most * bar)} {some[i] or ''}" for some in counts.values())
            extent = f"{edges[i]:>{widest}} – {edges[i + 1]:<{widest}}"
            yield f"{extent}  {'  '.join(f'{cell:<{bar + 4}}' for cell in cells)}".rstrip()
    for arm, some in values.items():
        if without := len(some) - len(numbers[arm]):
            yield f"  {arm}: {without} of {len(some)} without a value"


def _counts(numbers: Sequence[float], low: float, step: float, bins: int) -> list[int]:
    counts = [0] * bins
    for number in numbers:
        counts[min(int((number - low) / step), bins - 1) if step else 0] += 1
    return counts


def _family(runs: Sequence[Judged]) -> RenderableType:
    """The runs of a sweep, one a line: hits of both arms, how sure the difference is, and the guided hits that are unique, stable and new."""
    table = Table(title="hits", title_justify="left")
    table.add_column("run")
    for column in ("non-guided", "guided", "p", "candidates"):
        table.add_column(column, justify="right")
    for judged in runs:
        summary = judged.validation.table()
        shares = (_hits(judged, arm) for arm in ARMS)
        test = summary.enrichment
        probability = p_value(test.p_z).removeprefix("p = ") if test and test.p_z is not None else _NOTHING
        left = next((str(arm.scout.count) for arm in summary.arms if arm.arm == "guided"), _NOTHING)
        table.add_row(Text(judged.folder.name), *shares, probability, left)
    return table


def _difference(before: Judged, now: Judged) -> RenderableType:
    """Two hypotheses with the same seed: each line of either, counted on the guided structures of both."""
    table = Table(title="the same seed, guided arm", title_justify="left")
    table.add_column("satisfied")
    for column in ("before", "now"):
        table.add_column(column, justify="right")
    terms = {term.text: term for judged in (before, now) for term in judged.run.program.terms}
    for text, term in terms.items():
        if not isinstance(term.claim, Wish) and of_structure_alone(term):
            table.add_row(Text(text), *(_share(judged, term) for judged in (before, now)))
    table.add_row("all that it requires", *(_hits(judged, "guided") for judged in (before, now)))
    return table


def _share(judged: Judged, term: Term) -> str:
    guided = [record for record in judged.validation.records if record.arm == "guided"]
    sound = [record.structure for record in guided if record.passed("geometry")]
    rows = measure_terms([term], sound) if sound else []
    return f"{sum(row[0].satisfied is True for row in rows)} of {len(guided)}" if guided else _NOTHING


def _hits(judged: Judged, which: Arm) -> str:
    arm = next((arm for arm in judged.validation.table().arms if arm.arm == which), None)
    return _NOTHING if arm is None else f"{arm.hits.count} of {arm.raw} ({percent(arm.hits)})"
