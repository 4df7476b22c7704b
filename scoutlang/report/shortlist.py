"""What a run is made for: the crystals that are worth a calculation, best first.

A candidate is in U ∩ S ∩ O ∩ C: unique, within the window above the hull, not in the reference, a
hit. One that is so after relaxing by the energy alone is taken in that geometry, as it keeps what
was asked for by itself; one that is so only with the constraint in that one; and where nothing was
relaxed, as it was sampled. The geometries of one crystal are one row, and so are crystals of both
arms that are the same.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymatgen.core import Composition, Structure
from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scoutlang.evaluation.measurement import TermMeasurement
from scoutlang.ir import Arm, Program, Wish
from scoutlang.runs.judge import Judged
from scoutlang.runs.relaxed import Relaxation, moved
from scoutlang.support.files import cell
from scoutlang.support.showing import Shown
from scoutlang.validation.funnel import left_at
from scoutlang.validation.hull import METASTABLE, is_metastable
from scoutlang.validation.matching import Known, Rule, reduced
from scoutlang.validation.record import Record
from scoutlang.validation.reference import Reference
from scoutlang.validation.stages.symmetry import moyopy_group, spglib_group
from scoutlang.validation.table import LEFT

AS_SAMPLED = "sampled"


@dataclass(frozen=True)
class Second:
    """What another potential says of a candidate."""

    potential: str
    as_it_stands: float | None
    """eV/atom above the hull by that potential, of the geometry that the first one made."""
    relaxed: float | None
    """The same after relaxing by it, without the constraint."""
    hit: bool | None
    """Whether every `require` holds after that."""

    @property
    def confirmed(self) -> bool | None:
        """A hit within the window after its own relaxation; None where it has no answer."""
        if self.relaxed is None or self.hit is None:
            return None
        return self.hit and self.relaxed <= METASTABLE


@dataclass(frozen=True, repr=False)
class Candidate(Shown):
    """One crystal of the shortlist."""

    rank: int
    id: str
    """Of its record."""
    arm: Arm
    formula: str
    """The reduced one."""
    atoms: int
    """In the cell that was sampled."""
    geometry: str
    """``energy``: relaxed by the energy alone; ``constraint``: it is a candidate only with the
    constraint; ``sampled``: not relaxed."""
    e_above_hull: float
    """eV/atom, by the potential of the run, in this geometry."""
    as_sampled: float | None
    """The same as it was sampled."""
    seconds: tuple[Second, ...]
    """What other potentials say, in the order in which they were asked."""
    space_group: int | None
    """After symmetrising; None where no group is found."""
    space_group_symbol: str | None
    terms: Mapping[str, float | bool | None]
    """Label of a line → its exact value in canonical units; of a claim without a single value,
    whether it holds; None where it is undefined."""
    moved: float | None
    """Å, the largest shift of an atom in relaxing, without a common shift."""
    swollen: float | None
    """Volume after relaxing / volume as sampled."""
    nearest: str | None
    """The known crystal of these elements whose composition is the nearest: ``mp-123 Cu3P``."""
    structure: Structure
    """In this geometry."""
    symprec: float | None
    """Å, at which the space group was found."""
    program: Program = field(compare=False)
    """The hypothesis."""

    def __repr__(self) -> str:
        group = f" ({self.space_group_symbol})" if self.space_group_symbol else ""
        terms = ", ".join(f"{label} {shown_value(value)}" for label, value in self.terms.items())
        return (
            f"Candidate {self.rank}: {self.formula}{group}, {self.arm}, geometry {self.geometry}, "
            f"{self.e_above_hull:.3f} eV/atom above the hull; {terms}"
        )

    @property
    def confirmed(self) -> bool | None:
        """Whether every other potential confirms it; None where none was asked, or one has no
        answer.
        """
        said = [second.confirmed for second in self.seconds]
        return None if not said or None in said else all(said)

    @property
    def symmetrised(self) -> Structure:
        """With every atom on its ideal place, in the cell of `structure`; that itself where there
        is no group.
        """
        if self.symprec is None:
            return self.structure
        group = moyopy_group(self.structure, self.symprec) or spglib_group(
            self.structure, self.symprec
        )
        return self.structure if group is None else group.structure

    def row(self) -> dict[str, Any]:
        """Plain data, without the structure. Undefined is None."""
        found: dict[str, Any] = {
            "rank": self.rank,
            "id": self.id,
            "arm": self.arm,
            "formula": self.formula,
            "atoms": self.atoms,
            "space_group": self.space_group,
            "space_group_symbol": self.space_group_symbol,
            "geometry": self.geometry,
            "e_above_hull": self.e_above_hull,
            "e_above_hull_as_sampled": self.as_sampled,
        }
        for second in self.seconds:
            found[f"e_above_hull by {second.potential}"] = second.relaxed
            found[f"e_above_hull by {second.potential}, as it stands"] = second.as_it_stands
            found[f"hit by {second.potential}"] = second.hit
        found["confirmed"] = self.confirmed
        found |= dict(self.terms)
        return found | {
            "moved": self.moved,
            "volume_ratio": self.swollen,
            "nearest_known": self.nearest,
        }


class Shortlist(tuple[Candidate, ...], Shown):
    """Candidates, best first. At a prompt a line for each; in a notebook a table with their
    pictures.
    """

    def __repr__(self) -> str:
        return "\n".join(map(repr, self)) or "no candidates"


def shortlist(judged: Judged) -> tuple[Candidate, ...]:
    """The candidates of a run: those that other potentials confirm first, then those that need no
    constraint, then by height above the hull.
    """
    found = sorted(_different(judged, list(_found(judged))), key=_order)
    return tuple(_ranked(judged, found))


@dataclass(frozen=True)
class _Found:
    """A candidate before it is described."""

    record: Record
    """In the geometry in which it is one."""
    relaxation: Relaxation | None
    """None: as sampled."""
    seconds: tuple[Second, ...]


def _found(judged: Judged) -> Iterator[_Found]:
    """Every candidate once, in the geometry that counts."""
    ways = [
        one for name in ("energy", "constraint") if (one := judged.relaxation(name)) is not None
    ]
    geometries: list[tuple[Relaxation | None, Sequence[Record]]] = [
        (one, one.validation.records) for one in ways
    ] or [(None, judged.records)]
    seen: set[str] = set()
    asked = dict.fromkeys(one.potential.name for one in judged.relaxations if one.confirms)
    for relaxation, records in geometries:
        others = {
            one.potential.name: (one, {theirs.id: theirs for theirs in one.validation.records})
            for one in judged.relaxations
            if relaxation is not None and one.confirms == relaxation.name
        }
        for record in records:
            if left_at(record) is None and record.id not in seen:
                seen.add(record.id)
                yield _Found(
                    record,
                    relaxation,
                    tuple(_second(record, name, others.get(name)) for name in asked),
                )


def _second(
    record: Record, name: str, looked: tuple[Relaxation, Mapping[str, Record]] | None
) -> Second:
    """looked: the relaxation by that potential and its records by id; None where it has not looked
    at this geometry.
    """
    theirs = None if looked is None else looked[1].get(record.id)
    if looked is None or theirs is None:
        return Second(name, None, None, None)
    other = looked[0]
    relaxed, height = other.relaxed(record), theirs.e_above_hull
    before, after = relaxed.energy_before, relaxed.energy_after
    # one composition: heights differ by what the energies differ
    first = None if None in (height, before, after) else height + before - after  # type: ignore[operator]
    return Second(name, first, height, theirs.hit)


def _different(judged: Judged, found: list[_Found]) -> Iterator[_Found]:
    """Of those that are the same crystal the first in the order of the list."""
    known, rule = Known(), Rule.of(judged.run.program)
    for one in sorted(found, key=_order):
        cell = reduced(one.record.structure)
        if known.find(cell, rule) is None:
            known.add(one.record.id, cell)
            yield one


def _order(one: _Found) -> tuple[bool, bool, float, str]:
    said = [second.confirmed for second in one.seconds]
    height = one.record.e_above_hull
    return (
        not all(said),
        one.relaxation is not None and one.relaxation.name != "energy",
        math.inf if height is None else height,
        one.record.id,
    )


def _ranked(judged: Judged, found: Sequence[_Found]) -> Iterator[Candidate]:
    sampled = {record.id: record for record in judged.records}
    labels = [t.label for t in judged.run.program.terms if not isinstance(t.claim, Wish)]
    for rank, one in enumerate(found, start=1):
        record, before = one.record, sampled[one.record.id]
        structure = record.structure
        height = record.e_above_hull
        assert height is not None  # it is in S
        group = record.number("space_group")
        symbol = record.value("space_group_symbol")
        there = one.relaxation is not None and before.generated.structure is not None
        yield Candidate(
            rank=rank,
            id=record.id,
            arm=record.arm,
            formula=structure.composition.reduced_formula,
            atoms=len(structure),
            geometry=AS_SAMPLED if one.relaxation is None else one.relaxation.name,
            e_above_hull=height,
            as_sampled=before.e_above_hull,
            seconds=one.seconds,
            space_group=None if group is None else int(group),
            space_group_symbol=symbol if isinstance(symbol, str) else None,
            terms={label: _answer(record.term(label)) for label in labels},
            moved=moved(before.structure, structure) if there else None,
            swollen=structure.volume / before.structure.volume if there else None,
            nearest=_nearest(structure.composition, judged.reference),
            structure=structure,
            symprec=record.number("symprec"),
            program=judged.run.program,
        )


def _nearest(composition: Composition, reference: Reference) -> str | None:
    """The known crystal of these elements, not an element itself, whose atomic fractions differ
    least; of equals the first in the reference.
    """
    own = composition.fractional_composition
    elements = {str(element) for element in composition}

    def away(other: Composition) -> float:
        theirs = other.fractional_composition
        return float(sum(abs(own[e] - theirs[e]) for e in elements))

    compounds = [
        known for known in reference.subset(elements) if len(known.structure.composition) > 1
    ]
    if not compounds:
        return None
    best = min(compounds, key=lambda known: away(known.structure.composition))
    return f"{best.id} {best.structure.composition.reduced_formula}"


# ---- shown ----


def render(judged: Judged, found: Sequence[Candidate], most: int = 10) -> RenderableType:
    """The shortlist for rich: at most ``most`` rows, and what it rests on."""
    if not found:
        return Text(f"no candidates: {why_none(judged)}")
    potentials = [second.potential for second in found[0].seconds]
    heights = {"e_above_hull"}  # has a column of its own
    labels = [label for label in found[0].terms if label not in heights]
    table = Table(
        title="shortlist", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, **LEFT
    )
    table.add_column("", justify="right", no_wrap=True)
    for name in ("formula", "group", "arm", "holds"):
        table.add_column(name, no_wrap=True)
    for name in ["eV/atom", *potentials, *labels, "moved"]:
        # a long label is folded, numbers are whole
        table.add_column(name, justify="right", overflow="fold", min_width=7)
    for one in found[:most]:
        table.add_row(
            str(one.rank),
            one.formula,
            one.space_group_symbol or "–",
            one.arm,
            HOLDS[one.geometry],
            f"{one.e_above_hull:.3f}",
            *(_by(second) for second in one.seconds),
            *(shown_value(one.terms[label]) for label in labels),
            "–" if one.moved is None else f"{one.moved:.2f}",
        )
    return Group(table, Text("\n".join(_notes(judged, found, most))))


HOLDS = {"energy": "itself", "constraint": "held", AS_SAMPLED: "–"}


def _by(second: Second) -> str:
    mark = {True: " ✓", False: " ✗", None: ""}[second.confirmed]
    return f"{shown_value(second.relaxed)}{mark}"


def _answer(term: TermMeasurement) -> float | bool | None:
    return term.satisfied if term.exact is None else term.exact


def shown_value(value: float | bool | None) -> str:
    """Three digits of a number; whether a claim holds; a dash where nothing is defined."""
    if isinstance(value, bool):
        return "✓" if value else "✗"
    return "–" if value is None else f"{value:.3g}"


def _notes(judged: Judged, found: Sequence[Candidate], most: int) -> list[str]:
    lines = []
    if len(found) > most:
        lines.append(
            f"{len(found) - most} more: scout candidates {judged.folder} --top {len(found)}"
        )
    asked = [one for one in found if one.seconds]
    if asked:
        confirmed = sum(one.confirmed is True for one in asked)
        names = ", ".join(second.potential for second in asked[0].seconds)
        lines.append(
            f"confirmed by {names}: {confirmed} of {len(asked)} (✓: relaxed by it without the "
            f"constraint, a hit and within {METASTABLE:g} eV/atom of its own hull)"
        )
    lines.append(
        "itself: a candidate after relaxing by the energy alone; held: with the constraint; "
        "eV/atom above the hull; moved: the largest shift of an atom, Å"
        if found[0].geometry != AS_SAMPLED
        else "nothing was relaxed; `scout relax` does it"
    )
    lines.append(
        f"energies: {judged.potential.name}, hull: {judged.reference.name}; a candidate is worth "
        "a calculation, and is no result of one"
    )
    return lines


def why_none(judged: Judged) -> str:
    """Why a run has no candidates, in a few words."""
    ways = [one.validation.records for one in judged.relaxations if not one.confirms]
    records = [record for some in ways or [judged.records] for record in some]
    hits = [record for record in records if record.hit is True]
    if not hits:
        return "no structure has everything that is required"
    low = [record for record in hits if is_metastable(record)]
    if not low:
        return f"no hit is within {METASTABLE:g} eV/atom of the hull"
    return "the hits near the hull are known crystals, or the same as others"


def as_json(found: Sequence[Candidate]) -> str:
    """The rows as JSON, each with its structure as a CIF."""
    rows = [one.row() | {"cif": one.symmetrised.to(fmt="cif")} for one in found]
    return json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def as_csv(found: Sequence[Candidate]) -> str:
    """The rows as CSV; undefined is empty."""
    text = io.StringIO()
    rows = [one.row() for one in found]
    writer = csv.writer(text, lineterminator="\n")
    if rows:
        writer.writerow([cell(name) for name in rows[0]])
        for row in rows:
            writer.writerow([cell(v) if isinstance(v, str) else v for v in row.values()])
    return text.getvalue()
