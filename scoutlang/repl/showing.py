"""What is said of the structures that a session made: tables of the terms, the hits, one structure, how values are spread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from scoutlang.batching import batches, each
from scoutlang.errors import ScoutError
from scoutlang.expressions import measures
from scoutlang.ir import Arm, Compare, Term, Wish
from scoutlang.judged_runs import Judged
from scoutlang.measuring import MAX_PAIRS, TermMeasurement, measure_terms, of_structure_alone
from scoutlang.repl.histogram import histogram
from scoutlang.repl.samples import Sampled, Swept
from scoutlang.report.pictured import picturable
from scoutlang.report.structure_page import write_structure_page
from scoutlang.run_folder import ARMS
from scoutlang.validation.record import Record, Value
from scoutlang.validation.table import as_text, p_value, percent, render_table, render_terms

_NOTHING = "–"
_MARKS = {True: "✓", False: "✗", None: "undefined"}


def said(sampled: Sampled, width: int) -> str:
    """The terms in both arms, the hits, and what changed since the sample before."""
    judged = sampled.judged
    parts = [as_text(render_terms(judged.terms, judged.hardest if not sampled.temporary else None), width)]
    if sampled.temporary:
        arms = judged.validation.table().arms
        parts.append("hits: " + ", ".join(f"{arm.arm} {arm.hits.count} of {arm.raw}" for arm in arms))
    else:
        parts.append(as_text(render_table(judged.validation, judged.files), width))
    if sampled.before is not None:
        parts.append(as_text(_difference(sampled.before, judged), width))
    if not sampled.complete:
        again = "" if sampled.temporary else f"; :save the program, and scout run FILE.scout --out {sampled.folder} --resume goes on"
        parts.append(f"interrupted: this is what was finished{again}")
    return "\n".join(part for part in parts if part)


def hits(sampled: Sampled, width: int) -> str:
    """The hits by the numbers that `view` takes."""
    found = [(number, record) for number, record in enumerate(sampled.records, 1) if record.hit]
    if not found:
        return f"no hits among {len(sampled.records)} structures; :view 1 to :view {len(sampled.records)} show any of them"
    table = Table(box=box.SIMPLE)
    for column in ("N", "arm", "formula", "atoms", "eV/atom above hull"):
        table.add_column(column, justify="left" if column in ("arm", "formula") else "right")
    for number, record in found:
        row = record.row()
        table.add_row(str(number), record.arm, str(row["formula"]), str(row["num_atoms"]), _number(record.e_above_hull))
    return as_text(table, width)


def page(sampled: Sampled, number: int) -> Path | None:
    """A page beside the run, on which that structure can be turned; None where there is nothing to draw. Raises as `view`, and E602."""
    record = _record(sampled, number)
    structure = record.generated.structure
    if structure is None or not picturable(structure):
        return None
    facts = {term.text: _found(record, term) for term in sampled.program.terms}
    if record.e_above_hull is not None:
        facts["above the hull"] = f"{record.e_above_hull:.3f} eV/atom"
    title = f"{structure.composition.reduced_formula}, structure {number}, {record.arm}: {_verdict(record)}"
    return write_structure_page(sampled.folder / f"structure-{number}.html", title, structure, sampled.program, facts)


def _record(sampled: Sampled, number: int) -> Record:
    """Raises ScoutError E702 for a number that none has."""
    records = sampled.records
    if number > len(records):
        raise ScoutError("E702", f"there is no structure {number}", f"they have numbers from 1 to {len(records)}; :hits lists the hits")
    return records[number - 1]


def view(sampled: Sampled, number: int, width: int) -> str:
    """One structure. Raises ScoutError E702 for a number that none has."""
    record = _record(sampled, number)
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
            as_text(sites, width),
            as_text(terms, width),
        ]
    )


def term_called(sampled: Sampled, label: str) -> Term | None:
    """The term of that label, as it was when the structures were made."""
    return next((term for term in sampled.program.terms if term.label == label), None)


def plot(sampled: Sampled, term: Term, title: str, width: int) -> str:
    """How the values of a term, of this program or of any other, are spread in both arms."""
    single = isinstance(term.claim, Compare | Wish)
    unit = term.claim.unit if isinstance(term.claim, Compare | Wish) else "margin: 0 and more is satisfied"
    records = sampled.records
    which = "exact" if single else "margin"
    if term in sampled.program.terms:
        found = [record.value(f"{which}: {term.label}") for record in records]
    else:
        found = [None if one is None else getattr(one, which) for one in _measured(term, records)]
    values = {arm: [value for record, value in zip(records, found, strict=True) if record.arm == arm] for arm in ARMS}
    return "\n".join([f"{title} [{unit}]" if unit else title, *histogram(values, width)])


def swept_said(swept: Swept, width: int, again: str) -> str:
    """One table of all runs, and where they are. again: what the command is called with, beside the folder."""
    parts = [as_text(_family(swept.runs), width)] if swept.runs else []
    if swept.runs:
        parts.append(f"files in {swept.folder}, a folder for each run; :hits, :view and :plot are about {swept.runs[-1].folder.name}")
    if not swept.complete:
        command = f":sweep {swept.folder} {again}".rstrip()
        parts.append(f"interrupted: {len(swept.runs)} of {swept.planned} runs were finished\n  {command} goes on where it was")
    return "\n".join(parts)


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
