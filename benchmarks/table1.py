"""The seven rows of the paper's Table 1 on the embedded model, for several ways to guide.

`python -m benchmarks.table1 sample` fills --folder with runs, one for each row, variant and seed,
in order of importance, and goes on where it stopped; two processes may do it together. `python -m
benchmarks.table1 report` pools the seeds, judges what is there and writes benchmarks/table1.csv and
the tables in benchmarks/RESULTS.md. The variants have identical sampling settings; rows of one
chemical system share the unguided runs, as in the paper.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from filelock import FileLock, Timeout

from benchmarks import results
from benchmarks.table1_report import Cell, judge, markdown, write_csv
from scoutlang.interfaces import api
from scoutlang.ir import Arm, Guide, Program, Relax, Schedule
from scoutlang.runs.folder import RunFolder
from scoutlang.runs.manifest import MANIFEST
from scoutlang.runs.run import run

HERE = Path(__file__).parent
EXAMPLES = HERE.parent / "examples" / "paper"
ROWS = ("boron", "fe_nd_b", "li_co_o", "cu_si_p_cn3", "cu_si_p_cn4", "cu_si_p_cn6", "cu_si_p_ca")
UNGUIDED = "unguided"

# name → what differs from `adaptive` in `scoutlang.ir.Guide`; k: (factor of the row's strength at t
# = 1, at t = 0)
VARIANTS: dict[str, dict[str, Any]] = {
    UNGUIDED: {},
    "adaptive": {},
    "paper": {"method": "paper"},
    "without resampling": {"resample": 0},
    "without types": {"types": 0.0},
    "plain corrector": {"corrector": "plain"},
    "falling k": {"k": (1.0, 0.0)},
    "resampled 16 times": {"resample": 16},
    "quarter k": {"k": (0.25, 0.25)},
    "fourfold k": {"k": (4.0, 4.0)},
}
# strengths of the adaptive method on `mini`; the paper's k and g stand in the examples
STRENGTH = dict.fromkeys(ROWS, 1.0) | {"boron": 4.0}


def hypothesis(row: str, variant: str, sample: dict[str, Any]) -> Program:
    """The example with the benchmark's sampling settings and the guidance of the variant."""
    program = api.check(EXAMPLES / f"{row}.scout").program
    assert program is not None
    guide = {"method": "adaptive", **VARIANTS[variant]}
    if guide["method"] == "adaptive":
        start, end = guide.get("k", (1.0, 1.0))
        guide["k"] = Schedule(
            "constant" if start == end else "linear", STRENGTH[row] * start, STRENGTH[row] * end
        )
    return replace(
        program,
        sample=replace(program.sample, **sample),
        guide=replace(program.guide, **guide),
        relax=Relax(which="off"),  # the paper's table is of structures as sampled
    )


def folder_name(row: str, variant: str, seed: int | str) -> str:
    """What the unguided arm samples depends on the chemical system only."""
    what = "-".join(sorted(hypothesis(row, UNGUIDED, {}).system)) if variant == UNGUIDED else row
    return f"{variant.replace(' ', '_')}-{what}-seed{seed}"


def piece(row: str, variant: str, sample: dict[str, Any]) -> tuple[Program, Arm]:
    """What one seed of one cell of the table samples."""
    program = hypothesis(row, variant, sample)
    if variant == UNGUIDED:
        return replace(program, terms=(), guide=Guide()), "non-guided"
    return program, "guided"


def sample(settings: argparse.Namespace) -> None:
    """All runs that nobody has: seed by seed, in each the variants in the order given."""
    import torch

    from scoutlang.sampling.mattergen.checkpoint import load_model

    torch.set_num_threads(1)
    names = ("count", "batch", "steps", "cfg", "model")
    shared = {name: getattr(settings, name) for name in names}
    pieces = {
        folder_name(row, variant, seed): piece(row, variant, shared | {"seed": seed})
        for seed in settings.seeds
        for variant in settings.variants
        for row in settings.rows
    }
    settings.folder.mkdir(parents=True, exist_ok=True)
    model = load_model(settings.model, "cpu")
    for number, (name, (program, arm)) in enumerate(pieces.items(), start=1):
        folder = settings.folder / name
        try:
            with FileLock(f"{folder}.lock", blocking=False):
                if _finished(folder):
                    continue
                run(program, folder, arms=(arm,), resume=True, device="cpu", model=model)
        except Timeout:  # another process has it
            continue
        cost = RunFolder.open(folder).manifest.costs[arm]
        each = cost.evaluations / cost.structures
        click.echo(
            f"{number}/{len(pieces)} {name}: {cost.structures} structures, "
            f"{cost.seconds:.0f} s, {each:.0f} evaluations each"
        )


def _finished(folder: Path) -> bool:
    return (folder / MANIFEST).is_file() and RunFolder.open(folder).finished


def report(settings: argparse.Namespace) -> None:
    """Judge what is there and write the tables."""
    cells = []
    for row in settings.rows:
        for variant in dict.fromkeys([UNGUIDED, *settings.variants]):
            found = sorted(settings.folder.glob(folder_name(row, variant, "*")))
            runs = [RunFolder.open(folder) for folder in found if _finished(folder)]
            if runs:
                cells.append(Cell(row, variant, hypothesis(row, variant, {}), runs))
    judged = judge(cells, settings.folder / "judged", click.echo)
    text = markdown(judged, UNGUIDED, "adaptive", "paper")
    click.echo(text)
    if settings.no_write:
        return
    write_csv(judged, UNGUIDED, HERE / "table1.csv")
    results.write("table1", text)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--folder", type=Path, default=Path("runs/table1"))
    common.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    common.add_argument("--rows", nargs="+", choices=ROWS, default=ROWS)
    commands = parser.add_subparsers(required=True)
    sampling = commands.add_parser("sample", parents=[common], help=sample.__doc__)
    sampling.set_defaults(command=sample)
    sampling.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3])
    sampling.add_argument("--count", type=int, default=128, help="structures of one run")
    sampling.add_argument("--batch", type=int, default=128)
    sampling.add_argument("--steps", type=int, default=64)
    sampling.add_argument(
        "--cfg", type=float, default=1.0, help="classifier-free guidance factor of all variants"
    )
    sampling.add_argument("--model", default="mini")
    reporting = commands.add_parser("report", parents=[common], help=report.__doc__)
    reporting.set_defaults(command=report)
    reporting.add_argument("--no-write", action="store_true", help="show the tables only")
    settings = parser.parse_args()
    settings.command(settings)


if __name__ == "__main__":
    main()
