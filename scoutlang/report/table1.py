"""Table 1 of the paper for any runs: raw enrichment and what is left of it stage by stage, two
lines a run.

The columns are those of arXiv:2604.13354, section 3.6; the CSV adds counts, Wilson intervals,
Fisher's exact test and what the numbers rest on. One writer for each form: `FORMATS` is the only
list of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
from rich.console import Group
from rich.table import Table

from scoutlang.ir import Program
from scoutlang.runs.judge import Judged
from scoutlang.runs.manifest import MANIFEST
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import cell, followed
from scoutlang.validation.hull import METASTABLE
from scoutlang.validation.statistics import Comparison, Proportion
from scoutlang.validation.summary import ArmSummary, Summary
from scoutlang.validation.table import as_text as in_columns
from scoutlang.validation.table import p_value

DEPTH = 3
"""Folders below the one that was named, in which runs are looked for."""
_NOTHING = "–"


@dataclass(frozen=True)
class Row:
    """A run in the table."""

    name: str
    """Of its folder."""
    system: str
    target: str
    """What the program requires, with the values of its parameters."""
    summary: Summary
    basis: str
    """Potential and reference, as they name themselves."""


@dataclass(frozen=True)
class Column:
    """A column: of the run, which stands in the line of its first arm, or of each arm."""

    text: str
    """The header."""
    latex: str
    """The header in LaTeX; empty: it is not shown there."""
    of_arm: Callable[[ArmSummary], str] | None = None
    of_run: Callable[[Row], str] = lambda row: ""


COLUMNS = (
    Column("run", "", of_run=lambda row: row.name),
    Column("system", "System", of_run=lambda row: row.system),
    Column("target", "Target", of_run=lambda row: row.target),
    Column("set", "Set", lambda arm: arm.arm),
    Column("|R|", "$|R|$", lambda arm: str(arm.raw)),
    Column("|C|/|R|", r"$\frac{|C|}{|R|}$", lambda arm: _digits(arm.hits)),
    Column("p", "$p$", of_run=lambda row: _p(row.summary.enrichment, "p_z")),
    Column("p Fisher", r"$p_\mathrm{Fisher}$", of_run=lambda row: _p(row.summary.enrichment)),
    Column("|U|/|R|", r"$\frac{|U|}{|R|}$", lambda arm: _digits(arm.unique)),
    Column("|U∩S|/|U|", r"$\frac{|U\cap S|}{|U|}$", lambda arm: _digits(arm.unique_metastable)),
    Column(
        "|U∩S∩O|/|U∩S|", r"$\frac{|U\cap S\cap O|}{|U\cap S|}$", lambda arm: _digits(arm.original)
    ),
    Column(
        "|U∩S∩O|",
        r"$|U\cap S\cap O|$",
        lambda arm: str(arm.original.count) if arm.original.total else _NOTHING,
    ),
    Column("|U∩S∩O∩C|", r"$|U\cap S\cap O\cap C|$", lambda arm: str(arm.scout.count)),
    Column("SCOUT", "SCOUT", lambda arm: _digits(arm.scout)),
    Column("Y_SCOUT", r"$Y_\mathrm{SCOUT}$", lambda arm: _digits(arm.scout_yield)),
)


def find_runs(folders: Sequence[Path]) -> list[Path]:
    """The run folders that the given ones are, or hold, sorted by path below each. Raises
    ScoutError E610 where there is none.
    """
    found: list[Path] = []
    for folder in folders:
        below = sorted(_below(folder, DEPTH))
        if not below:
            raise ScoutError(
                "E610",
                f"{folder} is no run, and holds none",
                "give folders that `scout run` or `scout validate` wrote",
            )
        found.extend(run for run in below if run not in found)
    return found


def _below(folder: Path, depth: int) -> list[Path]:
    if (folder / MANIFEST).is_file():
        return [folder]
    if not folder.is_dir() or not depth:
        return []
    inside = [sub for sub in folder.iterdir() if sub.is_dir() and not sub.is_symlink()]
    return [run for sub in inside for run in _below(sub, depth - 1)]


def row(judged: Judged) -> Row:
    program, basis = judged.run.program, judged.validation.provenance
    name = followed(judged.folder).name
    return Row(
        name,
        "-".join(program.system),
        _target(program),
        judged.validation.table(),
        f"{basis.potential}, {basis.reference}",
    )


def _target(program: Program) -> str:
    claims = [
        term.text.removeprefix("require").strip().removeprefix(f"{term.label}:").strip()
        for term in program.requirements
    ]
    values = [f"{p.name} = {p.value}" for p in program.parameters]
    return "; ".join(claims) + (f" ({', '.join(values)})" if values else "") or _NOTHING


def as_text(rows: Sequence[Row]) -> str:
    """For a terminal of any width: long targets are broken."""
    table = Table()
    for column in COLUMNS:
        number = "|" in column.text or column.text in ("p", "SCOUT", "Y_SCOUT")
        table.add_column(column.text, justify="right" if number else "left", overflow="fold")
    for last, cells in _lines(rows, COLUMNS):
        table.add_row(*cells, end_section=last)
    return in_columns(Group(table, _notes(rows)), width=180) + "\n"


def as_markdown(rows: Sequence[Row]) -> str:
    lines = [[c.text for c in COLUMNS], *(cells for _, cells in _lines(rows, COLUMNS))]
    escaped = [[cell.replace("|", r"\|") for cell in cells] for cells in lines]
    head, *body = [f"| {' | '.join(cells)} |" for cells in escaped]
    return "\n".join([head, "|---" * len(COLUMNS) + "|", *body, "", _notes(rows)]) + "\n"


def as_latex(rows: Sequence[Row]) -> str:
    """A ``tabular`` for the package booktabs."""
    columns = [c for c in COLUMNS if c.latex]
    lines = [
        r"\begin{tabular}{lll" + "r" * (len(columns) - 3) + "}",
        r"\toprule",
        " & ".join(c.latex for c in columns) + r" \\",
        r"\midrule",
        *(
            " & ".join(c.translate(_LATEX) for c in cells)
            + (r" \\\addlinespace" if last else r" \\")
            for last, cells in _lines(rows, columns)
        ),
        r"\bottomrule",
        r"\end{tabular}",
        *(f"% {note}" for note in _notes(rows).splitlines()),
    ]
    return "\n".join(lines) + "\n"


def as_csv(rows: Sequence[Row]) -> str:
    """A line for each arm, with everything as a number."""
    lines = [_flat(r, arm) for r in rows for arm in r.summary.arms]
    frame = pd.DataFrame(lines or {"run": []}, dtype=object)
    return frame.map(lambda v: cell(v) if isinstance(v, str) else v).to_csv(
        index=False, lineterminator="\n"
    )


FORMATS: Mapping[str, Callable[[Sequence[Row]], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "latex": as_latex,
    "csv": as_csv,
}


def _lines(rows: Sequence[Row], columns: Sequence[Column]) -> Iterator[tuple[bool, list[str]]]:
    """Whether a line is the last one of its run, and its cells."""
    for r in rows:
        arms = r.summary.arms
        for arm in arms:
            yield (
                arm is arms[-1],
                [
                    c.of_arm(arm) if c.of_arm else c.of_run(r) if arm is arms[0] else ""
                    for c in columns
                ],
            )
        if not arms:
            yield (
                True,
                ["no structures" if c.text == "set" else c.of_run(r) or _NOTHING for c in columns],
            )


def _notes(rows: Sequence[Row]) -> str:
    bases = sorted({r.basis for r in rows})
    arms = [arm for r in rows for arm in r.summary.arms]
    lost = sum(arm.without_hull for arm in arms)
    notes = [
        "R raw, C hits, U unique, "
        f"S within {METASTABLE:g} eV/atom of the hull (unrelaxed), O not in the reference; "
        "SCOUT = |U∩S∩O∩C|/|U∩S∩O|, Y_SCOUT = |U∩S∩O∩C|/|R|.",
        "p: one-sided two-proportion z-test of |C|/|R|, guided > non-guided, "
        "and Fisher's exact test.",
        f"Energies and reference: {'; '.join(bases) or _NOTHING}.",
    ]
    if any(arm.hits.design > 1 for arm in arms):
        notes[1] += (
            " Structures that descend from one another count for less (design effect, in the CSV)."
        )
    if lost:
        total = sum(arm.raw for arm in arms)
        notes.append(f"{lost} of {total} structures have no hull energy and are not in S.")
    return "\n".join(notes)


def _flat(r: Row, arm: ArmSummary) -> dict[str, object]:
    line: dict[str, object] = {
        "run": r.name,
        "system": r.system,
        "target": r.target,
        "set": arm.arm,
        "R": arm.raw,
        "C": arm.hits.count,
    }
    shares = {
        "C/R": arm.hits,
        "valid/R": arm.valid,
        "U/R": arm.unique,
        "US/U": arm.unique_metastable,
        "USO/US": arm.original,
        "SCOUT": arm.scout,
        "Y_SCOUT": arm.scout_yield,
    }
    for name, share in shares.items():
        line |= {name: share.fraction, f"{name} low": share.low, f"{name} high": share.high}
    counts = {"U": arm.unique, "US": arm.unique_metastable, "USO": arm.original, "USOC": arm.scout}
    line |= {name: share.count for name, share in counts.items()}
    line |= {
        "undefined": arm.undefined,
        "without hull": arm.without_hull,
        "median e_above_hull": arm.median_e_above_hull,
    }
    line["design effect of C/R"] = arm.hits.design
    for name, test in (("C/R", r.summary.enrichment), ("Y_SCOUT", r.summary.yields)):
        line |= {
            f"p {name}, z-test": test and test.p_z,
            f"p {name}, Fisher": test and test.p_fisher,
        }
    return line | {"basis": r.basis}


def _p(test: Comparison | None, which: Literal["p_z", "p_fisher"] = "p_fisher") -> str:
    if test is None:
        return ""
    value: float | None = getattr(test, which)
    return (
        _NOTHING if value is None else p_value(value).removeprefix("p").removeprefix(" =").strip()
    )


def _digits(share: Proportion) -> str:
    """Three digits, as the paper prints them."""
    return _NOTHING if share.fraction is None else f"{share.fraction:.3f}"


_LATEX = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {
        "<": "$<$",
        ">": "$>$",
        "±": r"$\pm$",
        "Å": r"\AA{}",
        "≤": r"$\le$",
        "≥": r"$\ge$",
        "–": "--",
    }
)
"""Text from a program as text for LaTeX. Cells of numbers pass through unchanged."""
