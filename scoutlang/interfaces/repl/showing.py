"""What is said of the structures that a session made: tables of the terms, the hits, one structure,
how values are spread.
"""

from __future__ import annotations

import itertools
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import ascii_uppercase
from textwrap import shorten
from typing import Any

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from scoutlang.descriptors import signatures
from scoutlang.evaluation.measure import (
    MAX_PAIRS,
    measure_terms,
    of_structure_alone,
)
from scoutlang.evaluation.measurement import TermMeasurement
from scoutlang.interfaces.repl.histogram import Axis, histogram
from scoutlang.interfaces.repl.samples import Sampled, Swept
from scoutlang.ir import (
    SAMPLED,
    Arm,
    Compare,
    Measure,
    Program,
    Proposition,
    Term,
    Wish,
    measures,
)
from scoutlang.report.pictured import picturable
from scoutlang.report.shortlist import render as render_shortlist
from scoutlang.report.shortlist import shortlist
from scoutlang.report.structure_page import write_structure_page
from scoutlang.runs.judge import Judged
from scoutlang.support.batching import batches, each
from scoutlang.support.errors import ScoutError
from scoutlang.validation.record import Record, Value
from scoutlang.validation.statistics import Proportion, compare, design_effect, proportion
from scoutlang.validation.table import as_text, p_value, percent, render_terms

_NOTHING = "–"
_CHANCE = 0.05  # the p at which a difference begins to count
_MARKS = {True: "✓", False: "✗", None: "undefined"}


def said(sampled: Sampled, width: int) -> str:
    """The terms in both arms, the hits and how many families they are of, and what changed since
    the sample before.
    """
    judged = sampled.judged
    if sampled.temporary:
        arms = (f"{a.arm} {a.hits.count} of {a.raw}" for a in judged.validation.table().arms)
        parts = [as_text(render_terms(judged.terms, None), width), f"hits: {', '.join(arms)}"]
    else:
        found = shortlist(judged)
        parts = [as_text(judged.tables(), width), as_text(render_shortlist(judged, found), width)]
    parts += _related(sampled.records)
    if sampled.before is not None:
        parts += [
            as_text(difference(sampled.before, judged), width),
            *comparability(sampled.before, judged),
        ]
    if not sampled.complete:
        parts.append(
            f"interrupted: this is what was finished, {len(sampled.records)} of"
            f" {2 * sampled.program.sample.count} structures"
        )
        if not sampled.temporary:
            folder = shlex.quote(str(sampled.folder))
            parts.append(
                f"  :run {folder} goes on; outside of the session scout run --resume --out {folder}"
            )
    return "\n".join(part for part in parts if part)


def made_by(sampled: Sampled, program: Program | None, width: int) -> list[str]:
    """A line on what made the structures, where that is not the program that stands."""
    if program is not None and program.digest() == sampled.asked.digest():
        return []
    old = sampled.program
    start = f"made by: system {'-'.join(old.system)}, {len(sampled.records)} structures"
    end = ", before the change"
    terms = shorten(
        "; ".join(term.text for term in old.terms),
        max(width - len(start) - len(end) - 2, 12),
        placeholder=" …",
    )
    return [f"{start}, {terms}{end}" if terms else start + end]


def hits(sampled: Sampled, width: int) -> str:
    """The hits by the numbers that `view` takes, and by families."""
    found = [(number, record) for number, record in enumerate(sampled.records, 1) if record.hit]
    if not found:
        count = len(sampled.records)
        return f"no hits among {count} structures; :view 1 to :view {count} show any of them"
    letters = _letters(sampled.records)
    columns = ("N", "arm", "family", "formula", "atoms", "eV/atom above hull")
    table = _table(columns, words=("arm", "family", "formula"), box=box.SIMPLE)
    for number, record in found:
        row, family = record.row(), letters.get(record.generated.family, "")
        cells = number, record.arm, family, row["formula"], row["num_atoms"]
        table.add_row(*map(str, cells), _number(record.e_above_hull))
    return "\n".join([as_text(table, width), *_related(sampled.records)])


def candidates(sampled: Sampled, width: int) -> str:
    """The shortlist, whole."""
    found = shortlist(sampled.judged)
    return as_text(render_shortlist(sampled.judged, found, len(found)), width)


def page(sampled: Sampled, number: int) -> Path | None:
    """A page beside the run, on which that structure can be turned; None where there is nothing to
    draw. Raises as `view`, and E602.
    """
    record = _record(sampled, number)
    structure = record.generated.structure
    if structure is None or not picturable(structure):
        return None
    facts = {term.text: _found(record, term) for term in sampled.program.terms}
    if record.e_above_hull is not None:
        facts["above the hull"] = f"{record.e_above_hull:.3f} eV/atom"
    which = f"structure {number}, {record.arm}"
    title = f"{structure.composition.reduced_formula}, {which}: {_verdict(record)}"
    return write_structure_page(
        sampled.folder / f"structure-{number}.html", title, structure, sampled.program, facts
    )


def _record(sampled: Sampled, number: int) -> Record:
    """Raises ScoutError E702 for a number that none has."""
    records = sampled.records
    if number > len(records):
        raise ScoutError(
            "E702",
            f"there is no structure {number}",
            f"they have numbers from 1 to {len(records)}; :hits lists the hits",
        )
    return records[number - 1]


def view(sampled: Sampled, number: int, width: int) -> str:
    """One structure. Raises ScoutError E702 for a number that none has."""
    record = _record(sampled, number)
    if record.generated.structure is None:
        return f"{number}  {record.arm}: no structure ({record.generated.failure})"
    structure, family = record.structure, _letters(sampled.records).get(record.generated.family)
    lattice = structure.lattice
    sites = Table("", "x", "y", "z", box=box.SIMPLE)
    for site in structure:
        sites.add_row(site.species_string, *(f"{x:.4f}" for x in site.frac_coords % 1.0))
    terms = Table("term", "exact", "margin", "", box=box.SIMPLE)
    for term in sampled.program.terms:
        found = record.term(term.label)
        mark = "" if isinstance(term.claim, Wish) else _MARKS[found.satisfied]
        terms.add_row(Text(term.text), _number(found.exact), _number(found.margin), mark)
    related = f", family {family}" if family else ""
    lines = [
        f"{number}  {record.arm}  {structure.composition.reduced_formula},"
        f" {len(structure)} atoms: {_verdict(record)}{related}",
        "  a = {:.3f}, b = {:.3f}, c = {:.3f} Å".format(*lattice.abc),
        "  α = {:.1f}, β = {:.1f}, γ = {:.1f} °".format(*lattice.angles)
        + f", {structure.volume / len(structure):.2f} Å^3/atom",
    ]
    return "\n".join([*lines, as_text(sites, width), as_text(terms, width)])


def term_called(sampled: Sampled, label: str) -> Term | None:
    """The term of that label, as it was when the structures were made."""
    return next((term for term in sampled.program.terms if term.label == label), None)


def plot(sampled: Sampled, term: Term, title: str, width: int) -> str:
    """How the values of a term, of this program or of any other, are spread in both arms."""
    claim, records = term.claim, sampled.records
    single = isinstance(claim, Compare | Wish)
    unit = claim.unit if isinstance(claim, Compare | Wish) else "margin: 0 and more is satisfied"
    known = term in sampled.program.terms
    found = [r.term(term.label) for r in records] if known else _measured(term, records)
    points = [(one.exact if single else one.margin, one.satisfied) for one in found]
    values = {
        arm: [point for record, point in zip(records, points, strict=True) if record.arm == arm]
        for arm in SAMPLED
    }
    return "\n".join(
        [f"{title} [{unit}]" if unit else title, *histogram(values, width, _axis(claim))]
    )


def _axis(claim: Proposition | Wish) -> Axis:
    """The bounds of a claim, on its value or on its margin, and the words that values stand for."""
    if not isinstance(claim, Compare | Wish):
        return Axis(low=0.0)
    signature = signatures()[claim.value.descriptor] if isinstance(claim.value, Measure) else None
    if signature is not None and signature.dimension == "truth":
        return Axis(names={1.0: "true", 0.0: "false"})
    if signature is not None and signature.categories:
        return Axis(names={float(number): name for number, name in enumerate(signature.categories)})
    return Axis.of(claim.relation) if isinstance(claim, Compare) else Axis()


def swept_said(swept: Swept, width: int, again: str) -> str:
    """One table of all runs, and where they are. again: what the command is called with, beside the
    folder.
    """
    parts = [as_text(_family(swept.runs), width)] if swept.runs else []
    if swept.runs:
        parts.append(
            f"files in {swept.folder}, a folder for each run;"
            f" :hits, :view and :plot are about {swept.runs[-1].folder.name}"
        )
    if not swept.complete:
        command = f":sweep {shlex.quote(str(swept.folder))} {again}".rstrip()
        parts.append(
            f"interrupted: {len(swept.runs)} of {swept.planned} runs were finished\n"
            f"  {command} goes on where it was"
        )
    return "\n".join(parts)


def _table(columns: Sequence[str], words: Sequence[str], **style: Any) -> Table:
    """A table whose columns hold numbers, but for those of words. style: as rich has it."""
    table = Table(**style)
    for column in columns:
        table.add_column(column, justify="left" if column in words else "right")
    return table


def _probability(p: float | None) -> str:
    return _NOTHING if p is None else p_value(p).removeprefix("p = ")


def _number(value: Value) -> str:
    if isinstance(value, int | float):
        return f"{value + 0.0:.3f}"
    return "" if value is None else str(value)


def _measured(term: Term, records: Sequence[Record]) -> list[TermMeasurement]:
    """A term on every structure; without any value where there is no crystal. What a structure
    alone does not have is what the stages found.
    """
    columns = (
        [] if of_structure_alone(term) else sorted({m.descriptor for m in measures(term.claim)})
    )

    def ask(some: Sequence[Record]) -> list[TermMeasurement]:
        given = {name: [record.number(name) for record in some] for name in columns}
        return [
            row[0] for row in measure_terms([term], [record.structure for record in some], given)
        ]

    sound = [record for record in records if record.passed("geometry")]
    found: dict[str, TermMeasurement] = {}
    for some in batches(sound, lambda record: len(record.structure) ** 2, MAX_PAIRS):
        found |= {
            record.id: one
            for record, one in zip(some, each(ask, some), strict=True)
            if isinstance(one, TermMeasurement)
        }
    return [found.get(record.id, TermMeasurement(term.label)) for record in records]


def _found(record: Record, term: Term) -> str:
    """The value of a term with its unit, its margin where it has no single one."""
    found = record.term(term.label)
    exact, margin = _number(found.exact), _number(found.margin)
    if isinstance(term.claim, Compare | Wish):
        return f"{exact} {term.claim.unit}".rstrip() if exact else "undefined"
    return f"margin {margin}" if margin else "undefined"


def _verdict(record: Record) -> str:
    return {True: "hit", False: "miss", None: "undefined"}[record.hit]


def _family(runs: Sequence[Judged]) -> RenderableType:
    """The runs of a sweep, one a line: hits of both arms, the families of the guided ones, how sure
    the difference is, and the guided hits that are unique, stable and new.
    """
    columns = ("run", "non-guided", "guided", "families", "p", "candidates")
    table = _table(columns, words=("run",), title="hits", title_justify="left")
    for judged in runs:
        summary = judged.validation.table()
        shares = (_hits(judged, arm) for arm in SAMPLED)
        families = _families(
            record for record in judged.records if record.arm == "guided" and record.hit
        )
        test = summary.enrichment
        probability = _probability(test.p_z if test else None)
        left = next((str(arm.scout.count) for arm in summary.arms if arm.arm == "guided"), _NOTHING)
        table.add_row(Text(judged.folder.name), *shares, str(families), probability, left)
    return table


def difference(before: Judged, now: Judged) -> RenderableType:
    """Two hypotheses with the same seed: each line of either, counted on the guided structures of
    both, with 95 % intervals and a test.
    """
    columns = ("satisfied", "before", "now", "p")
    title = "the same seed, guided arm"
    table = _table(columns, words=("satisfied",), title=title, title_justify="left")
    terms = {term.text: term for judged in (before, now) for term in judged.run.program.terms}
    few = _too_few(before, now)
    rows = [
        (text, [_share(judged, _satisfied(judged, term)) for judged in (before, now)])
        for text, term in terms.items()
        if not isinstance(term.claim, Wish) and of_structure_alone(term)
    ]
    hit = [_share(one, [r.hit is True for r in _guided(one)]) for one in (before, now)]
    for text, (first, second) in [*rows, ("all that it requires", hit)]:
        p = None if few else _two_sided(first, second)
        table.add_row(Text(text), _counted(first), _counted(second), _probability(p))
    return table


def comparability(before: Judged, now: Judged) -> list[str]:
    """What the difference rests on, and whether so few structures could show any."""
    first, second = (_families(_guided(judged)) for judged in (before, now))
    if not (first and second):
        return []
    first_said, second_said = (_some(count, "family", "families") for count in (first, second))
    said = f"before: {first_said}, now: {second_said}"
    if _too_few(before, now):
        return [
            f"{said}: too few to compare, even all against none might be chance;"
            " the intervals (95 %) may be too narrow"
        ]
    return [f"{said}; intervals (95 %) and p (Fisher's exact test, two-sided) allow for them"]


def _too_few(before: Judged, now: Judged) -> bool:
    """Whether not even all against none would be significant."""
    everyone, nobody = (
        _share(judged, [truth] * len(_guided(judged)))
        for judged, truth in ((before, True), (now, False))
    )
    p = _two_sided(everyone, nobody)
    return p is None or p > _CHANCE


def _two_sided(one: Proportion, other: Proportion) -> float | None:
    """Twice the smaller of both one-sided probabilities: nobody said beforehand which hypothesis is
    the better one.
    """
    sides = [compare(*pair).p_fisher for pair in ((one, other), (other, one))]
    known = [p for p in sides if p is not None]
    return min(1.0, 2 * min(known)) if known else None


def _guided(judged: Judged) -> list[Record]:
    return [record for record in judged.records if record.arm == "guided"]


def _share(judged: Judged, truths: Sequence[bool]) -> Proportion:
    """Of the guided structures, with the design effect of their families."""
    families = [record.generated.family for record in _guided(judged)]
    return proportion(sum(truths), len(truths), design_effect(truths, families) if truths else 1.0)


def _satisfied(judged: Judged, term: Term) -> list[bool]:
    """Whether each guided structure satisfies a term; what is no crystal does not."""
    return [one is not None and one.satisfied is True for one in _measured(term, _guided(judged))]


def _counted(share: Proportion) -> str:
    if share.low is None or share.high is None:
        return _NOTHING
    return f"{share.count} of {share.total} ({share.low:.0%} – {share.high:.0%})"


def _families(records: Iterable[Record]) -> int:
    return len({record.generated.family for record in records})


def _letters(records: Sequence[Record]) -> dict[tuple[Arm, int, int], str]:
    """A name for each family that has several members, in the order of the structures: A to Z, then
    AA.
    """
    sizes = Counter(record.generated.family for record in records)
    names = (
        "".join(name)
        for length in itertools.count(1)
        for name in itertools.product(ascii_uppercase, repeat=length)
    )
    return dict(zip((family for family, size in sizes.items() if size > 1), names, strict=False))


def _related(records: Sequence[Record]) -> list[str]:
    """How many families the guided structures and hits are of: those of one descend from one
    structure, and are not independent.
    """
    guided = [record for record in records if record.arm == "guided"]
    found = [record for record in guided if record.hit]
    if _families(guided) == len(guided):
        independent = "guided: no structure descends from another, the hits are independent"
        return [independent] if found else []
    parts = [
        f"{_some(len(some), one, f'{one}s')} of {_some(_families(some), 'family', 'families')}"
        for one, some in (("hit", found), ("structure", guided))
        if some
    ]
    return [
        f"guided: {', '.join(parts)};"
        " those of a family descend from one structure and are not independent"
    ]


def _some(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _hits(judged: Judged, which: Arm) -> str:
    arm = next((arm for arm in judged.validation.table().arms if arm.arm == which), None)
    return _NOTHING if arm is None else f"{arm.hits.count} of {arm.raw} ({percent(arm.hits)})"
