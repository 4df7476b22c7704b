"""The seven rows of the paper's Table 1 on the embedded model: `python -m benchmarks.table1`.

Both arms have identical settings; the three Cu-Si-P rows share one non-guided arm, as in the paper. The work is kept in --folder and goes on where
it stopped. Writes benchmarks/table1.csv and the table in benchmarks/RESULTS.md between its markers.
"""

from __future__ import annotations

import argparse
import csv
import json
import platform
from dataclasses import replace
from pathlib import Path

import click

import scoutlang
from scoutlang.cli.run_display import Display
from scoutlang.ir import Arm, Guide, Program, Schedule
from scoutlang.potentials import load as load_potential
from scoutlang.running import MANIFEST, read_samples, run
from scoutlang.validation import validate
from scoutlang.validation.reference import load as load_reference

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples" / "paper"
ROWS = ("boron", "fe_nd_b", "li_co_o", "cu_si_p_cn3", "cu_si_p_cn4", "cu_si_p_cn6", "cu_si_p_ca")
# strengths of the adaptive method on `mini`, found with 64 structures per value; the paper's k and g stand in the examples
STRENGTH = dict.fromkeys(ROWS, 1.0) | {"boron": 4.0}
BEGIN, END = "<!-- table1:begin -->", "<!-- table1:end -->"


def hypothesis(row: str, settings: argparse.Namespace) -> Program:
    """The example with the benchmark's sampling settings and, where asked, another method or strength."""
    program = scoutlang.check_file(EXAMPLES / f"{row}.scout").program
    assert program is not None
    sample = {"count": settings.count, "batch": settings.batch, "steps": settings.steps, "seed": settings.seed, "cfg": settings.cfg}
    guide: dict[str, object] = {"method": settings.method}
    if settings.method == "adaptive":
        k = STRENGTH[row] if settings.k is None else settings.k
        guide["k"] = Schedule(start=k, end=k)
    return replace(program, sample=replace(program.sample, **sample), guide=replace(program.guide, **guide))


def arm(program: Program, folder: Path, which: Arm, display: Display) -> Path:
    """Sample one arm into ``folder`` unless it is there already."""
    manifest = folder / MANIFEST
    done = manifest.is_file() and json.loads(manifest.read_text(encoding="utf-8"))["status"] == "finished"
    if not done:
        run(program, folder, arms=(which,), resume=manifest.is_file(), watcher=display)
    return folder


def measure(row: str, settings: argparse.Namespace, display: Display) -> dict[str, object]:
    """One row of the table."""
    program = hypothesis(row, settings)
    # what the non-guided arm samples depends on the system and the sampling settings only
    bare = replace(program, terms=(), guide=Guide())
    plain = arm(bare, settings.folder / f"plain-{'-'.join(sorted(program.system))}", "non-guided", display)
    guided = arm(program, settings.folder / f"{settings.method}-{row}", "guided", display)
    generated = [*read_samples(plain, "non-guided"), *read_samples(guided, "guided")]
    table = validate(program, generated, potential=load_potential(), reference=load_reference()).table()
    seconds = {which: json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["seconds"].get(which, {}) for which, folder in
               (("non-guided", plain), ("guided", guided))}  # fmt: skip
    cells: dict[str, object] = {"row": row, "target": "; ".join(t.text for t in program.requirements), "method": settings.method,
                                "k": program.guide.k.start if settings.method == "adaptive" else f"{program.guide.k.start}, g {program.guide.g.start}"}  # fmt: skip
    for a in table.arms:
        cells |= {
            f"{a.arm} R": a.raw, f"{a.arm} C": a.hits.count, f"{a.arm} C/R": a.hits.fraction, f"{a.arm} valid": a.valid.fraction,
            f"{a.arm} median e_hull": a.median_e_above_hull, f"{a.arm} metastable": a.metastable.fraction,
            f"{a.arm} structures/s": _rate(seconds[a.arm]),
        }  # fmt: skip
    cells["p"] = table.enrichment.p_z if table.enrichment else None
    return cells


def _rate(seconds: dict[str, float]) -> float | None:
    return round(seconds["structures"] / seconds["sampling"], 2) if seconds else None


def _show(value: object, spec: str) -> str:
    return "–" if value is None else format(value, spec)


def markdown(rows: list[dict[str, object]], settings: argparse.Namespace) -> str:
    """The table as it stands in RESULTS.md."""
    lines = [
        f"{settings.count} structures per arm, {settings.steps} steps, batches of {settings.batch}, cfg {settings.cfg:g}, seed {settings.seed}, model mini, "
        f"scoutlang {scoutlang.__version__}, {platform.processor() or platform.machine()}; p: one-sided two-proportion z-test; "
        "energies: CHGNet 0.3.0, unrelaxed, above the mp-mini hull, of the structures that pass the min-distance screen.",
        "",
        "| case | target | method | k | C/R non-guided | C/R guided | p | valid n.-g. | valid guided | median e_hull n.-g. (eV/atom) | guided | structures/s n.-g. | guided |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in rows:
        n, g = "non-guided ", "guided "
        lines.append(
            f"| {r['row']} | {r['target']} | {r['method']} | {r['k']} | {_show(r[n + 'C/R'], '.1%')} ({r[n + 'C']}) | {_show(r[g + 'C/R'], '.1%')} ({r[g + 'C']}) "
            f"| {_show(r['p'], '.1e')} | {_show(r[n + 'valid'], '.1%')} | {_show(r[g + 'valid'], '.1%')} | {_show(r[n + 'median e_hull'], '.3f')} "
            f"| {_show(r[g + 'median e_hull'], '.3f')} | {_show(r[n + 'structures/s'], '.2f')} | {_show(r[g + 'structures/s'], '.2f')} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("runs/table1"))
    parser.add_argument("--count", type=int, default=256)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--cfg", type=float, default=1.0, help="classifier-free guidance factor of both arms")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--method", choices=["adaptive", "paper"], default="adaptive")
    parser.add_argument("--k", type=float, help="strength of the adaptive method in every row (default: STRENGTH)")
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    parser.add_argument("--no-write", action="store_true", help="show the table only")
    settings = parser.parse_args()
    rows = []
    with Display(quiet=False) as display:
        for row in settings.rows:
            display.note(f"— {row}")
            rows.append(measure(row, settings, display))
            display.note("  ".join(f"{name} {value}" for name, value in rows[-1].items()))
    table = markdown(rows, settings)
    click.echo(table)
    if settings.no_write:
        return
    with (HERE / "table1.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    results = HERE / "RESULTS.md"
    text = results.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    results.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
