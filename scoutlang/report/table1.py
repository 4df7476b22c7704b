"""Table 1 of the paper for any runs: raw enrichment and what is left of it stage by stage, two
lines a run.

The columns are those of arXiv:2604.13354, section 3.6; the CSV adds counts, Wilson intervals,
Fisher's exact test and what the numbers rest on. One writer for each form: `FORMATS` is the only
list of them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scoutlang.ir import Program
from scoutlang.runs.judge import Judged
from scoutlang.runs.manifest import MANIFEST
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import cell
from scoutlang.validation.hull import METASTABLE
from scoutlang.validation.statistics import Proportion
from scoutlang.validation.summary import ArmSummary, Summary
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
    """A column of numbers of one arm."""

    text: str
    """The header."""
    latex: str
    """The header in LaTeX."""
    cell: Callable[[ArmSummary], str]


COLUMNS = (
    Column("|R|", "$|R|$", lambda arm: str(arm.raw)),
    Column("|C|/|R|", r"$\frac{|C|}{|R|}$", lambda arm: _digits(arm.hits)),
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
_P_AFTER = 2  # the p-value stands behind |C|/|R|, once for both arms


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
    inside = (
        [sub for sub in folder.iterdir() if sub.is_dir() and not sub.is_symlink()]
        if folder.is_dir() and depth
        else []
    )
    return [run for sub in inside for run in _below(sub, depth - 1)]


def row(judged: Judged) -> Row:
    program, basis = judged.run.program, judged.validation.provenance
    name = judged.folder.resolve().name
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
    table = Table(show_lines=False)
    for header in _headers():
        table.add_column(
            header,
            justify="right" if "|" in header or header in ("p", "SCOUT", "Y_SCOUT") else "left",
            overflow="fold",
        )
    for number, cells in _cells(rows):
        table.add_row(*cells, end_section=number)
    console = Console(file=io.StringIO(), width=180)
    console.print(table)
    console.print(_notes(rows))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def as_markdown(rows: Sequence[Row]) -> str:
    def line(cells: Sequence[str]) -> str:
        return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"

    return (
        "\n".join(
            [
                line(_headers()),
                "|---" * len(_headers()) + "|",
                *(line(cells) for _, cells in _cells(rows)),
                "",
                _notes(rows),
            ]
        )
        + "\n"
    )


def as_latex(rows: Sequence[Row]) -> str:
    """A ``tabular`` for the package booktabs."""
    heads = ["System", "Target", "Set", *(c.latex for c in COLUMNS)]
    heads[3 + _P_AFTER : 3 + _P_AFTER] = ["$p$", r"$p_\mathrm{Fisher}$"]
    lines = [
        r"\begin{tabular}{lll" + "r" * (len(heads) - 3) + "}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
    ]
    for last, cells in _cells(rows, with_name=False):
        lines.append(
            " & ".join(_escaped(cell) for cell in cells)
            + r" \\"
            + (r"\addlinespace" if last else "")
        )
    return (
        "\n".join(
            [
                *lines,
                r"\bottomrule",
                r"\end{tabular}",
                *(f"% {note}" for note in _notes(rows).splitlines()),
            ]
        )
        + "\n"
    )


def as_csv(rows: Sequence[Row]) -> str:
    """A line for each arm, with everything as a number."""
    lines = [_flat(r, arm) for r in rows for arm in r.summary.arms]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]) if lines else ["run"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        [{k: cell(v) if isinstance(v, str) else v for k, v in line.items()} for line in lines]
    )
    return text.getvalue()


FORMATS: Mapping[str, Callable[[Sequence[Row]], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "latex": as_latex,
    "csv": as_csv,
}


def _headers() -> list[str]:
    heads = ["run", "system", "target", "set", *(c.text for c in COLUMNS)]
    heads[4 + _P_AFTER : 4 + _P_AFTER] = ["p", "p Fisher"]
    return heads


def _cells(rows: Sequence[Row], *, with_name: bool = True) -> list[tuple[bool, list[str]]]:
    """Whether a line is the last one of its run, and its cells. What both arms share stands in the
    first.
    """
    lines = []
    for r in rows:
        if not r.summary.arms:
            lines.append(
                (
                    True,
                    [
                        *([r.name] if with_name else []),
                        r.system,
                        r.target,
                        "no structures",
                        *[_NOTHING] * (len(COLUMNS) + 2),
                    ],
                )
            )
        for number, arm in enumerate(r.summary.arms):
            shared = [r.name, r.system, r.target] if number == 0 else [""] * 3
            cells = [
                *(shared if with_name else shared[1:]),
                arm.arm,
                *(c.cell(arm) for c in COLUMNS),
            ]
            test = r.summary.enrichment
            tests = ["", ""] if number or test is None else [_p(test.p_z), _p(test.p_fisher)]
            place = (4 if with_name else 3) + _P_AFTER
            cells[place:place] = tests
            lines.append((number == len(r.summary.arms) - 1, cells))
    return lines


def _notes(rows: Sequence[Row]) -> str:
    bases = sorted({r.basis for r in rows})
    related = any(arm.hits.design > 1 for r in rows for arm in r.summary.arms)
    lost = sum(arm.without_hull for r in rows for arm in r.summary.arms)
    total = sum(arm.raw for r in rows for arm in r.summary.arms)
    notes = [
        "R raw, C hits, U unique, "
        f"S within {METASTABLE:g} eV/atom of the hull (unrelaxed), O not in the reference; "
        "SCOUT = |U∩S∩O∩C|/|U∩S∩O|, Y_SCOUT = |U∩S∩O∩C|/|R|.",
        "p: one-sided two-proportion z-test of |C|/|R|, guided > non-guided, "
        "and Fisher's exact test."
        + (
            " Structures that descend from one another count for less (design effect, in the CSV)."
            if related
            else ""
        ),
        f"Energies and reference: {'; '.join(bases) or _NOTHING}.",
    ]
    return "\n".join(
        [
            *notes,
            *(
                [f"{lost} of {total} structures have no hull energy and are not in S."]
                if lost
                else []
            ),
        ]
    )


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


def _p(value: float | None) -> str:
    return (
        _NOTHING if value is None else p_value(value).removeprefix("p").removeprefix(" =").strip()
    )


def _digits(share: Proportion) -> str:
    """Three digits, as the paper prints them."""
    return _NOTHING if share.fraction is None else f"{share.fraction:.3f}"


def _escaped(cell: str) -> str:
    """Text from a program as text for LaTeX. Cells of numbers pass through unchanged."""
    special = {
        **{c: f"\\{c}" for c in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
    special |= {
        "<": "$<$",
        ">": "$>$",
        "±": r"$\pm$",
        "Å": r"\AA{}",
        "≤": r"$\le$",
        "≥": r"$\ge$",
        "–": "--",
    }
    return "".join(special.get(c, c) for c in cell)
