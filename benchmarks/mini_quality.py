"""How good is the embedded model? 512 non-guided samples over the paper's five chemical systems:
`python -m benchmarks.mini_quality --cfg 2`.

Shows, per system and over all: no pair closer than 0.7 × the sum of covalent radii; volume per atom
within 25 % of the mean of the mp-mini crystals of that system; every element of the system present;
within 0.2 eV/atom of the mp-mini hull (CHGNet, unrelaxed; of all samples, and a sample that fails
the screen counts as not within); seconds per structure. Goes on where it stopped.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import click

from scoutlang.interfaces import api
from scoutlang.interfaces.display import Display
from scoutlang.potentials import load as load_potential
from scoutlang.runs.folder import RunFolder
from scoutlang.runs.manifest import MANIFEST
from scoutlang.runs.run import run
from scoutlang.validation import validate
from scoutlang.validation.reference import load as load_reference

SYSTEMS = ("B", "Fe-Nd-B", "Li-Co-O", "Cu-Si-P", "Cu-Si-P-Ca")


def quality(
    system: str, count: int, settings: argparse.Namespace, display: Display
) -> dict[str, float]:
    program = api.check(f"system {system}").program
    assert program is not None
    sample = {
        "count": count,
        "batch": settings.batch,
        "steps": settings.steps,
        "cfg": settings.cfg,
        "model": settings.model,
    }
    program = replace(program, sample=replace(program.sample, **sample))
    folder = settings.folder / f"cfg{settings.cfg:g}-{system}"
    if not ((folder / MANIFEST).is_file() and RunFolder.open(folder).finished):
        run(program, folder, arms=("non-guided",), resume=True, watcher=display)
    reference = load_reference()
    known = [
        r.structure
        for r in reference.subset(program.system)
        if len(program.system) == 1 or len(r.structure.composition) > 1
    ]
    mean_volume = sum(s.volume / len(s) for s in known) / len(known)
    made = RunFolder.open(folder)
    generated = made.generated(["non-guided"])
    records = validate(program, generated, potential=load_potential(), reference=reference).records
    structures = [g.structure for g in generated if g.structure is not None]
    cost = made.manifest.costs["non-guided"]
    return {
        "samples": count,
        "valid": sum(r.passed("screen") for r in records) / count,
        "volume": sum(abs(s.volume / len(s) / mean_volume - 1) <= 0.25 for s in structures) / count,
        "complete": sum(
            {e.symbol for e in s.composition} == set(program.system) for s in structures
        )
        / count,
        "near hull": sum(r.e_above_hull is not None and r.e_above_hull <= 0.2 for r in records)
        / count,
        "seconds": cost.seconds / cost.structures,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/mini-quality"))
    parser.add_argument("--count", type=int, default=512)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=250)
    parser.add_argument("--cfg", type=float, default=2.0)
    parser.add_argument("--model", default="mini")
    settings = parser.parse_args()
    share = [
        settings.count // len(SYSTEMS) + (k < settings.count % len(SYSTEMS))
        for k in range(len(SYSTEMS))
    ]
    with Display(quiet=False) as display:
        rows = {
            system: quality(system, n, settings, display)
            for system, n in zip(SYSTEMS, share, strict=True)
        }
    total = sum(share)
    names = list(rows["B"])
    overall = {
        name: sum(rows[s][name] * rows[s]["samples"] for s in SYSTEMS) / total
        for name in names[1:-1]
    }
    overall["seconds"] = sum(rows[s]["samples"] * rows[s]["seconds"] for s in SYSTEMS) / total
    click.echo(
        f"model {settings.model}, cfg {settings.cfg:g}, {settings.steps} steps, "
        f"batches of {settings.batch}"
    )
    click.echo("| system | " + " | ".join(names) + " |\n|" + "---|" * (len(names) + 1))
    for system, row in {**rows, "all": {"samples": total, **overall}}.items():
        cells = [
            f"{row['samples']:.0f}",
            *(f"{row[name]:.1%}" for name in names[1:-1]),
            f"{row['seconds']:.2f}",
        ]
        click.echo(f"| {system} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
