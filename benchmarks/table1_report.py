"""From the runs of Table 1 to its tables: what was judged is kept, so that a second report looks at
new structures only.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from scoutlang.ir import Program
from scoutlang.potentials import load as load_potential
from scoutlang.runs.folder import RunFolder
from scoutlang.validation import Record, validate
from scoutlang.validation.reference import load as load_reference
from scoutlang.validation.stages import built_in
from scoutlang.validation.statistics import Comparison, Proportion, compare, proportion
from scoutlang.validation.store import Store
from scoutlang.validation.summary import ArmSummary, summarize
from scoutlang.validation.table import p_value, percent

_STAGES = [stage for stage in built_in() if stage.name != "expect"]

HITS, VALIDITY, YIELD, TIME = 2.0, -0.03, 1.3, 1.5
"""The goals of guidance: C/R and Y_SCOUT against the unguided arm, validity not more than 3 points
lower, time per structure.
"""


@dataclass(frozen=True)
class Cell:
    """One row of the paper's table by one variant."""

    row: str
    variant: str
    program: Program
    runs: list[RunFolder]
    """One for each seed, sampled alike, with one arm."""


@dataclass(frozen=True)
class Judged:
    """A cell and what was found out about its structures."""

    cell: Cell
    records: Sequence[Record]

    @cached_property
    def arm(self) -> ArmSummary:
        (arm,) = summarize(self.records).arms
        return arm

    @property
    def hits_by_seed(self) -> dict[int, Proportion]:
        seeds = sorted({r.generated.seed for r in self.records})
        return {
            seed: summarize([r for r in self.records if r.generated.seed == seed]).arms[0].hits
            for seed in seeds
        }

    @property
    def ancestors(self) -> int:
        """How many structures the final ones descend from, fewer where some were resampled."""
        return len({record.generated.family for record in self.records})

    @property
    def distinct_hits(self) -> Proportion:
        """|U∩C| of |R|: copies of one hit count once."""
        found = sum(r.hit is True and r.passed("unique") for r in self.records)
        return proportion(found, len(self.records))

    def final(self, window: float) -> Proportion:
        """Y_SCOUT with another window of metastability, eV/atom."""
        inside = [
            r for r in self.records if r.e_above_hull is not None and r.e_above_hull <= window
        ]
        return proportion(
            sum(r.hit is True and r.passed("unique") and r.passed("novel") for r in inside),
            len(self.records),
        )

    def per_structure(self, quantity: Literal["seconds", "evaluations"]) -> float:
        costs = [cost for run in self.cell.runs for cost in run.manifest.costs.values()]
        return float(sum(getattr(c, quantity) for c in costs)) / sum(c.structures for c in costs)


def judge(cells: Sequence[Cell], kept: Path, tell: Callable[[str], None]) -> list[Judged]:
    """Judge each cell, all seeds together; what the stages found is kept in a folder."""
    judged = []
    for cell in cells:
        _same_settings(cell)
        specimens = [specimen for run in cell.runs for specimen in run.generated()]
        tell(f"judging {cell.row}, {cell.variant}: {len(specimens)} structures")
        found = validate(
            cell.program,
            specimens,
            potential=load_potential(),
            reference=load_reference(),
            stages=_STAGES,
            store=Store(kept),
        )
        judged.append(Judged(cell, found.records))
    return judged


def _same_settings(cell: Cell) -> None:
    """Only what was sampled alike is pooled. Raises SystemExit."""

    def settings(run: RunFolder) -> tuple[object, ...]:
        program = run.program.to_data()
        sample = {k: v for k, v in program["sample"].items() if k not in ("seed", "count")}
        return program | {"sample": sample}, run.manifest.model

    first = cell.runs[0]
    for run in cell.runs:
        if settings(run) != settings(first):
            raise SystemExit(
                f"{cell.row}, {cell.variant}: {run.path} was sampled with other settings than "
                f"{first.path}; they cannot be pooled"
            )


# ---- the tables ----


def markdown(judged: Sequence[Judged], unguided: str, ours: str, theirs: str) -> str:
    """Both tables and what they rest on."""
    parts = [_settings(judged), _table(judged, unguided), _goals(judged, unguided, ours, theirs)]
    return "\n\n".join(part for part in parts if part)


def _settings(judged: Sequence[Judged]) -> str:
    runs = [run for one in judged for run in one.cell.runs]
    sample, model = runs[0].program.sample, runs[0].manifest.model
    assert model is not None  # they were sampled
    seeds = sorted({run.program.sample.seed for run in runs})
    versions = sorted({run.manifest.scoutlang for run in runs})
    lost = sum(one.arm.without_hull for one in judged)
    total = sum(one.arm.raw for one in judged)
    return (
        f"{sample.steps} steps, batches of {sample.batch}, cfg {sample.cfg:g}, seeds "
        f"{', '.join(map(str, seeds))} pooled, model {model.name} ({model.weights_sha256[:8]}), "
        f"scoutlang {', '.join(versions)}. Brackets: Wilson 95 %; p: one-sided two-proportion "
        "z-test of C/R against the unguided arm. S: within 0.2 eV/atom of the mp-mini hull, "
        f"CHGNet 0.3.0, unrelaxed, of all raw structures: {lost} of {total} have no hull energy "
        "and are not in S. Sets as in the paper: C hits, U unique, O not in mp-mini; "
        "SCOUT = USOC/USO, Y_SCOUT = USOC/R. R (of n): resampled, descendants of n; intervals and "
        "p count the variance between families (Rao and Scott 1992). Evaluations of the network "
        "and seconds are per structure, on one core."
    )


def _table(judged: Sequence[Judged], unguided: str) -> str:
    heads = (
        *("row", "variant", "R", "C/R", "p", "valid", "U/R", "UC/R", "S/R"),
        *("median e_hull, eV/atom", "SCOUT", "Y_SCOUT", "evaluations", "s"),
    )
    lines = [_line(heads), "|---" * len(heads) + "|"]
    for one in judged:
        arm, test = one.arm, _test(judged, one, unguided)
        stable = proportion(arm.metastable.count, arm.raw)
        median = "–" if arm.median_e_above_hull is None else f"{arm.median_e_above_hull:.3f}"
        cells = (
            one.cell.row,
            one.cell.variant,
            str(arm.raw) if one.ancestors == arm.raw else f"{arm.raw} (of {one.ancestors})",
            percent(arm.hits, interval=True),
            "" if test is None else _p(test.p_fisher if test.p_z is None else test.p_z),
            percent(arm.valid),
            percent(arm.unique),
            percent(one.distinct_hits),
            percent(stable),
            median,
            percent(arm.scout, of=True),
            percent(arm.scout_yield, interval=True),
            f"{one.per_structure('evaluations'):.0f}",
            f"{one.per_structure('seconds'):.2f}",
        )
        lines.append(_line(cells))
    return "\n".join(lines)


def _goals(judged: Sequence[Judged], unguided: str, ours: str, theirs: str) -> str:
    heads = (
        *("row", f"C/R, `{ours}` : {unguided}", f"`{theirs}` : {unguided}", "validity, points"),
        *(f"Y_SCOUT, `{ours}` : {unguided}", "Fisher p", f"`{theirs}` : {unguided}", "time"),
        *("evaluations", "goals met"),
    )
    lines = [_line(heads), "|---" * len(heads) + "|"]
    for one in judged:
        base = _of(judged, one.cell.row, unguided)
        if one.cell.variant != ours or base is None:
            continue
        paper = _of(judged, one.cell.row, theirs)
        hits, validity, final, time = goals(one, base, paper)
        test = compare(one.arm.scout_yield, base.arm.scout_yield)
        met = {
            f"C/R × {HITS:g}" + (f", ≥ `{theirs}`" if paper else ""): hits,
            "validity": validity,
            f"Y × {YIELD:g}": final,
            f"time ≤ × {TIME:g}": time,
        }
        said = {True: "yes", False: "no", None: "undefined"}
        cells = (
            one.cell.row,
            _ratio(one.arm.hits, base.arm.hits),
            "–" if paper is None else _ratio(paper.arm.hits, base.arm.hits),
            f"{100 * (_fraction(one.arm.valid) - _fraction(base.arm.valid)):+.1f}",
            _ratio(one.arm.scout_yield, base.arm.scout_yield),
            _p(test.p_fisher),
            "–" if paper is None else _ratio(paper.arm.scout_yield, base.arm.scout_yield),
            f"× {one.per_structure('seconds') / base.per_structure('seconds'):.2f}",
            f"× {one.per_structure('evaluations') / base.per_structure('evaluations'):.2f}",
            "; ".join(f"{name}: {said[truth]}" for name, truth in met.items()),
        )
        lines.append(_line(cells))
    return "\n".join(lines) if len(lines) > 2 else ""


def goals(
    one: Judged, base: Judged, paper: Judged | None
) -> tuple[bool | None, bool, bool | None, bool]:
    """Hits, validity, yield and time; None where a ratio has no value because the unguided arm has
    none.
    """
    more_hits = _at_least(one.arm.hits, base.arm.hits, HITS)
    if paper is not None and more_hits:
        more_hits = _fraction(one.arm.hits) >= _fraction(paper.arm.hits)
    validity = _fraction(one.arm.valid) - _fraction(base.arm.valid) >= VALIDITY
    return (
        more_hits,
        validity,
        _at_least(one.arm.scout_yield, base.arm.scout_yield, YIELD),
        one.per_structure("seconds") <= TIME * base.per_structure("seconds"),
    )


def write_csv(judged: Sequence[Judged], unguided: str, file: Path) -> None:
    """Everything in one row per cell."""
    rows = [_csv_row(judged, one, unguided) for one in judged]
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _csv_row(judged: Sequence[Judged], one: Judged, unguided: str) -> dict[str, Any]:
    arm, test, base = one.arm, _test(judged, one, unguided), _of(judged, one.cell.row, unguided)
    by_seed = [p.fraction for p in one.hits_by_seed.values() if p.fraction is not None]
    final = compare(arm.scout_yield, base.arm.scout_yield) if base and base is not one else None
    shares = {"C/R": arm.hits, "SCOUT": arm.scout, "Y_SCOUT": arm.scout_yield}
    row: dict[str, Any] = {
        "row": one.cell.row,
        "variant": one.cell.variant,
        "target": "; ".join(t.text for t in one.cell.program.requirements),
        "seeds": len(by_seed),
        "R": arm.raw,
        "ancestors": one.ancestors,
        "design effect of C/R": arm.hits.design,
        "C": arm.hits.count,
        "U": arm.unique.count,
        "S": arm.metastable.count,
        "US": arm.unique_metastable.count,
        "USO": arm.original.count,
        "USOC": arm.scout.count,
        "valid": arm.valid.fraction,
        "undefined": arm.undefined,
        "not compared": arm.not_compared,
        "without hull": arm.without_hull,
        "median e_above_hull": arm.median_e_above_hull,
    }
    for name, share in shares.items():
        row |= {name: share.fraction, f"{name} low": share.low, f"{name} high": share.high}
    return row | {
        "C/R least of seeds": min(by_seed),
        "C/R greatest of seeds": max(by_seed),
        "p": test and test.p_z,
        "p Fisher": test and test.p_fisher,
        "Y_SCOUT p Fisher": final and final.p_fisher,
        "Y_SCOUT, window 0.3 eV/atom": one.final(0.3).fraction,
        "Y_SCOUT, window 0.4 eV/atom": one.final(0.4).fraction,
        "evaluations per structure": round(one.per_structure("evaluations"), 3),
        "seconds per structure": round(one.per_structure("seconds"), 3),
        "guide": json.dumps(one.cell.runs[0].program.guide.to_data()),
    }


def _of(judged: Sequence[Judged], row: str, variant: str) -> Judged | None:
    return next((one for one in judged if (one.cell.row, one.cell.variant) == (row, variant)), None)


def _test(judged: Sequence[Judged], one: Judged, unguided: str) -> Comparison | None:
    base = _of(judged, one.cell.row, unguided)
    return None if base is None or base is one else compare(one.arm.hits, base.arm.hits)


def _fraction(proportion: Proportion) -> float:
    assert proportion.fraction is not None  # no cell is without structures
    return proportion.fraction


def _at_least(ours: Proportion, base: Proportion, factor: float) -> bool | None:
    return None if base.count == 0 else _fraction(ours) >= factor * _fraction(base)


def _ratio(ours: Proportion, base: Proportion) -> str:
    counts = f"{ours.count} : {base.count}"
    return counts if base.count == 0 else f"× {_fraction(ours) / _fraction(base):.2f} ({counts})"


def _p(value: float | None) -> str:
    return "–" if value is None else p_value(value).removeprefix("p").removeprefix(" =").strip()


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
