"""From the sampled pieces of Table 1 to its tables: what was judged is kept, so that a second
report looks at new structures only.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.pieces import Batch, read
from scoutlang.interfaces import api
from scoutlang.ir import Program
from scoutlang.potentials import load as load_potential
from scoutlang.support.files import write_whole
from scoutlang.validation import Outcome, Record, validate
from scoutlang.validation.record import Status
from scoutlang.validation.reference import load as load_reference
from scoutlang.validation.stages import built_in
from scoutlang.validation.statistics import Comparison, Proportion, compare, proportion
from scoutlang.validation.summary import ArmSummary, summarize

# the sources that decide what a record says
_JUDGE = (
    "validation/stages",
    "validation/matching.py",
    "descriptors",
    "potentials",
    "expressions.py",
    "measuring.py",
    "margins.py",
)
_STAGES = [stage for stage in built_in() if stage.name != "expect"]

HITS, VALIDITY, YIELD, TIME = 2.0, -0.03, 1.3, 1.5
"""The goals of issue 4: C/R and Y_SCOUT against the unguided arm, validity not more than 3 points
lower, time per structure.
"""


@dataclass(frozen=True)
class Cell:
    """One row of the paper's table by one variant, all seeds: the batches that are there."""

    row: str
    variant: str
    program: Program
    files: list[Path]


@dataclass(frozen=True)
class Judged:
    """A cell and what was found out about its structures."""

    cell: Cell
    batches: list[Batch]
    records: list[Record]

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
    def distinct_hits(self) -> int:
        """|U∩C|: copies of one hit count once."""
        return sum(r.hit is True and r.passed("unique") for r in self.records)

    def final(self, window: float) -> Proportion:
        """Y_SCOUT with another window of metastability, eV/atom."""
        inside = [
            r for r in self.records if r.e_above_hull is not None and r.e_above_hull <= window
        ]
        return proportion(
            sum(r.hit is True and r.passed("unique") and r.passed("novel") for r in inside),
            len(self.records),
        )

    def per_structure(self, quantity: str) -> float:
        """``seconds``, ``cpu`` or ``evaluations``."""
        return float(sum(getattr(b.cost, quantity) for b in self.batches)) / sum(
            b.cost.structures for b in self.batches
        )


def judge(cells: Sequence[Cell], kept: Path, tell: Callable[[str], None]) -> list[Judged]:
    """Judge each cell; records are kept in a folder, by the batches, the requirements and the code
    that decides. Energies have a cache of their own.
    """
    kept.mkdir(parents=True, exist_ok=True)
    code = _judging_code()
    judged = []
    for cell in cells:
        batches = [read(file) for file in cell.files]
        _same_settings(cell, [batch.settings for batch in batches])
        parts = [
            code,
            *(t.text for t in cell.program.terms),
            *(hashlib.sha256(file.read_bytes()).hexdigest() for file in cell.files),
        ]
        file = kept / f"{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]}.json"
        if not file.exists():
            generated = [g for batch in batches for g in batch.generated(with_structures=True)]
            tell(f"judging {cell.row}, {cell.variant}: {len(generated)} structures")
            found = validate(
                cell.program,
                generated,
                potential=load_potential(),
                reference=load_reference(),
                stages=_STAGES,
            ).records
            text = json.dumps([_answers(r) for r in found])
            write_whole(file, lambda path, text=text: path.write_text(text, encoding="utf-8"))  # type: ignore[misc]
        answers = json.loads(file.read_text(encoding="utf-8"))
        bare = [g for batch in batches for g in batch.generated(with_structures=False)]
        records = [
            Record(f"{g.arm}-{g.seed}-{g.index}", g, _outcomes(**a))
            for g, a in zip(bare, answers, strict=True)
        ]
        judged.append(Judged(cell, batches, records))
    return judged


def _judging_code() -> str:
    root = Path(api.__file__).parents[1]
    digest = hashlib.sha256()
    for name in _JUDGE:
        for file in (
            sorted((root / name).rglob("*.py")) if (root / name).is_dir() else [root / name]
        ):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _same_settings(cell: Cell, settings: Sequence[dict[str, Any]]) -> None:
    """Only what was sampled alike is pooled. Raises SystemExit."""
    plain = [
        {
            **s,
            "sample": {
                name: value for name, value in s["sample"].items() if name not in ("seed", "count")
            },
        }
        for s in settings
    ]
    odd = [str(file) for file, one in zip(cell.files, plain, strict=True) if one != plain[0]]
    if odd:
        raise SystemExit(
            f"{cell.row}, {cell.variant}: {odd[0]} was sampled with other settings than {cell.files[0]}; they cannot be pooled"
        )


def _answers(record: Record) -> dict[str, Any]:
    unique, novel = record.value("unique"), record.value("novel")
    return {
        "valid": record.passed("screen"),
        "hit": record.hit,
        "above_hull": record.e_above_hull,
        "unique": unique,
        "novel": novel,
    }


def _outcomes(
    valid: bool, hit: bool | None, above_hull: float | None, unique: bool | None, novel: bool | None
) -> dict[str, Outcome]:
    """What `summarize` reads."""

    def status(truth: bool | None) -> Status:
        return "undefined" if truth is None else "passed" if truth else "failed"

    return {
        "screen": Outcome(status(valid)),
        "hits": Outcome(status(hit), values={"hit": hit}),
        "hull": Outcome(
            "undefined" if above_hull is None else "passed", values={"e_above_hull": above_hull}
        ),
        "unique": Outcome(status(unique), values={"unique": unique}),
        "novel": Outcome(status(novel), values={"novel": novel}),
    }


# ---- the tables ----


def markdown(judged: Sequence[Judged], unguided: str, ours: str, theirs: str) -> str:
    """Both tables and what they rest on."""
    parts = [_settings(judged), _table(judged, unguided), _goals(judged, unguided, ours, theirs)]
    return "\n\n".join(part for part in parts if part)


def _settings(judged: Sequence[Judged]) -> str:
    sample, model = judged[0].batches[0].settings["sample"], judged[0].batches[0].content["model"]
    codes = {
        b.content["code"]["sampler_sha256"][:8]: b.content["code"]["commit"]
        for one in judged
        for b in one.batches
    }
    seeds = sorted({b.seed for one in judged for b in one.batches})
    lost = sum(one.arm.without_hull for one in judged)
    total = sum(one.arm.raw for one in judged)
    return (
        f"{sample['steps']} steps, batches of {sample['batch']}, cfg {sample['cfg']:g}, seeds {', '.join(map(str, seeds))} pooled, model {model['name']} "
        f"({model['weights_sha256'][:8]}), sampler {', '.join(f'{code} (at {commit})' for code, commit in codes.items())}. Brackets: Wilson 95 %; p: one-sided two-proportion z-test of C/R "
        f"against the unguided arm. S: within 0.2 eV/atom of the mp-mini hull, CHGNet 0.3.0, unrelaxed, of all raw structures: {lost} of {total} have no hull energy "
        "and are not in S. Sets as in the paper: C hits, U unique, O not in mp-mini; SCOUT = USOC/USO, Y_SCOUT = USOC/R. "
        "R (of n): resampled, descendants of n; intervals and p count the variance between families (Rao and Scott 1992). Evaluations of the network and seconds are per structure, on one core."
    )


def _table(judged: Sequence[Judged], unguided: str) -> str:
    lines = [
        "| row | variant | R | C/R | p | valid | U/R | UC/R | S/R | median e_hull, eV/atom | SCOUT | Y_SCOUT | evaluations | CPU s | wall s |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for one in judged:
        arm = one.arm
        test = _test(judged, one, unguided)
        median = "–" if arm.median_e_above_hull is None else f"{arm.median_e_above_hull:.3f}"
        cells = [
            one.cell.row,
            one.cell.variant,
            str(arm.raw) if one.ancestors == arm.raw else f"{arm.raw} (of {one.ancestors})",
            _with_interval(arm.hits),
            "" if test is None else _p(test.p_fisher if test.p_z is None else test.p_z),
            _percent(arm.valid.count, arm.raw),
            _percent(arm.unique.count, arm.raw),
            _percent(one.distinct_hits, arm.raw),
            f"{_percent(arm.metastable.count, arm.raw)} ({arm.metastable.count})",
            median,
            f"{_percent(arm.scout.count, arm.scout.total)} ({arm.scout.count}/{arm.scout.total})",
            _with_interval(arm.scout_yield),
            f"{one.per_structure('evaluations'):.0f}",
            f"{one.per_structure('cpu'):.2f}",
            f"{one.per_structure('seconds'):.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _goals(judged: Sequence[Judged], unguided: str, ours: str, theirs: str) -> str:
    lines = [
        f"| row | C/R, `{ours}` : {unguided} | `{theirs}` : {unguided} | validity, points | Y_SCOUT, `{ours}` : {unguided} | Fisher p | `{theirs}` : {unguided} | CPU time | evaluations | goals met |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
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
        cells = [
            one.cell.row,
            _ratio(one.arm.hits, base.arm.hits),
            "–" if paper is None else _ratio(paper.arm.hits, base.arm.hits),
            f"{100 * (_fraction(one.arm.valid) - _fraction(base.arm.valid)):+.1f}",
            _ratio(one.arm.scout_yield, base.arm.scout_yield),
            _p(test.p_fisher),
            "–" if paper is None else _ratio(paper.arm.scout_yield, base.arm.scout_yield),
            f"× {one.per_structure('cpu') / base.per_structure('cpu'):.2f}",
            f"× {one.per_structure('evaluations') / base.per_structure('evaluations'):.2f}",
            "; ".join(
                f"{name}: {'yes' if truth else 'no' if truth is False else 'undefined'}"
                for name, truth in met.items()
            ),
        ]
        lines.append(f"| {' | '.join(cells)} |")
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
        one.per_structure("cpu") <= TIME * base.per_structure("cpu"),
    )


def write_csv(judged: Sequence[Judged], unguided: str, file: Path) -> None:
    """Everything in one row per cell."""
    rows = [_csv_row(judged, one, unguided) for one in judged]
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _csv_row(judged: Sequence[Judged], one: Judged, unguided: str) -> dict[str, object]:
    arm, test, base = one.arm, _test(judged, one, unguided), _of(judged, one.cell.row, unguided)
    by_seed = [p.fraction for p in one.hits_by_seed.values() if p.fraction is not None]
    final = compare(arm.scout_yield, base.arm.scout_yield) if base and base is not one else None
    guide = one.batches[0].settings.get("guide", {})
    row: dict[str, object] = {
        "row": one.cell.row,
        "variant": one.cell.variant,
        "target": "; ".join(t.text for t in one.cell.program.requirements),
    }
    row |= {
        "seeds": len(by_seed),
        "R": arm.raw,
        "ancestors": one.ancestors,
        "design effect of C/R": arm.hits.design,
        "C": arm.hits.count,
        "C/R": arm.hits.fraction,
        "C/R low": arm.hits.low,
        "C/R high": arm.hits.high,
    }
    row |= {
        "C/R least of seeds": min(by_seed),
        "C/R greatest of seeds": max(by_seed),
        "undefined": arm.undefined,
    }
    row |= {
        "p": test and test.p_z,
        "p Fisher": test and test.p_fisher,
        "valid": arm.valid.fraction,
        "U": arm.unique.count,
        "U/R": arm.unique.fraction,
    }
    row |= {
        "not compared": arm.not_compared,
        "S": arm.metastable.count,
        "S/R": arm.metastable.count / arm.raw,
        "without hull": arm.without_hull,
    }
    row |= {
        "median e_above_hull": arm.median_e_above_hull,
        "US": arm.unique_metastable.count,
        "USO": arm.original.count,
        "USOC": arm.scout.count,
    }
    row |= {
        "SCOUT": arm.scout.fraction,
        "SCOUT low": arm.scout.low,
        "SCOUT high": arm.scout.high,
        "Y_SCOUT": arm.scout_yield.fraction,
    }
    row |= {
        "Y_SCOUT low": arm.scout_yield.low,
        "Y_SCOUT high": arm.scout_yield.high,
        "Y_SCOUT p Fisher": final and final.p_fisher,
    }
    row |= {
        f"Y_SCOUT, window {window:g} eV/atom": one.final(window).fraction for window in (0.3, 0.4)
    }
    row |= {
        f"{name} per structure": round(one.per_structure(name), 3)
        for name in ("evaluations", "cpu", "seconds")
    }
    return row | {"guide": json.dumps(guide)}


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


def _percent(count: int, total: int) -> str:
    return "–" if total == 0 else f"{100 * count / total:.1f} %"


def _with_interval(proportion: Proportion) -> str:
    if proportion.fraction is None or proportion.low is None or proportion.high is None:
        return "–"
    digits = 0 if proportion.high > 0.1 else 1
    return f"{100 * proportion.fraction:.1f} % [{100 * proportion.low:.{digits}f}, {100 * proportion.high:.{digits}f}] ({proportion.count})"


def _p(value: float | None) -> str:
    if value is None:
        return "–"
    return "< 1e-12" if value < 1e-12 else f"{value:.1g}" if value >= 0.001 else f"{value:.0e}"
