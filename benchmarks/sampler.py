"""Is sampling without guidance as good as MatterGen's own? `python -m benchmarks.sampler`.

Both samplers run on the same model, the same systems and numbers of atoms, with equal numbers of
network evaluations: ours (`scoutlang.sampling.mattergen.sampler.predictor_corrector`), and
MatterGen's unmodified `GuidedPredictorCorrector` with the predictors, correctors and r that it
publishes. Shows, of all structures: no pair closer than 0.7 × the sum of covalent radii; every
element of the system present; unique; within 0.1 and 0.2 eV/atom of the mp-mini hull (CHGNet,
unrelaxed); the median height above it; CPU seconds. p: Fisher's exact test, one-sided, of "ours has
fewer". Goes on where it stopped, batch by batch.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import torch
from pymatgen.core import Lattice, Structure
from scipy.stats import fisher_exact

from benchmarks.mini_quality import SYSTEMS
from scoutlang.crystals.formats import plain_structure
from scoutlang.crystals.specimen import Specimen
from scoutlang.interfaces import api
from scoutlang.ir import Program
from scoutlang.potentials import load as load_potential
from scoutlang.sampling.generate import generate
from scoutlang.sampling.mattergen.batches import conditions
from scoutlang.sampling.mattergen.checkpoint import Model, load_model
from scoutlang.sampling.mattergen.processes import with_steps
from scoutlang.sampling.memory import keep_freed_memory
from scoutlang.sampling.noise import structure_seed
from scoutlang.support.files import write_json
from scoutlang.validation import validate
from scoutlang.validation.reference import load as load_reference

from mattergen.common.diffusion.predictors_correctors import (  # isort: skip
    LatticeAncestralSamplingPredictor,
    LatticeLangevinDiffCorrector,
)
from mattergen.diffusion.d3pm.d3pm_predictors_correctors import (  # isort: skip
    D3PMAncestralSamplingPredictor,
)
from mattergen.diffusion.sampling.classifier_free_guidance import (  # isort: skip
    GuidedPredictorCorrector,
)
from mattergen.diffusion.wrapped.wrapped_predictors_correctors import (  # isort: skip
    WrappedAncestralSamplingPredictor,
    WrappedLangevinCorrector,
)
from mattergen.property_embeddings import (  # isort: skip
    SetConditionalEmbeddingType,
    SetUnconditionalEmbeddingType,
)

BATCH = 128
OURS, STOCK = "scoutlang", "MatterGen"


@dataclass(frozen=True)
class Row:
    """One sampler on one system."""

    count: int
    valid: int
    complete: int
    unique: int
    within_01: int
    within_02: int
    median: float | None
    seconds: float


def stock(program: Program, model: Model, sizes: list[int], first: int) -> list[Specimen]:
    """Crystals of these numbers of atoms by MatterGen's sampler; the first one's index."""
    settings = program.sample
    sampler = GuidedPredictorCorrector(
        diffusion_module=with_steps(model.module, settings.steps),
        device="cpu",
        guidance_scale=settings.cfg,
        remove_conditioning_fn=SetUnconditionalEmbeddingType(),
        keep_conditioning_fn=SetConditionalEmbeddingType(),
        predictor_partials={
            "pos": WrappedAncestralSamplingPredictor,
            "cell": LatticeAncestralSamplingPredictor,
            "atomic_numbers": partial(D3PMAncestralSamplingPredictor, predict_x0=True),
        },
        corrector_partials={
            "pos": partial(WrappedLangevinCorrector, max_step_size=1e6, snr=0.4),
            "cell": partial(LatticeLangevinDiffCorrector, max_step_size=1e6, snr=0.2),
        },
        n_steps_corrector=1,
        N=settings.steps,
        eps_t=1.0 / settings.steps,
    )
    torch.manual_seed(structure_seed(settings.seed, STOCK, first))
    _, batch = sampler.sample(conditions(sizes, "-".join(sorted(program.system))))
    made = []
    for k in range(len(sizes)):
        atoms = batch.get_batch_idx("pos") == k
        structure = Structure(
            Lattice(batch["cell"][k].double().numpy()),
            batch["atomic_numbers"][atoms].tolist(),
            batch["pos"][atoms].double().numpy(),
        )
        made.append(Specimen("non-guided", settings.seed, first + k, structure=structure))
    return made


def sampled(
    which: str, program: Program, model: Model, folder: Path
) -> tuple[list[Specimen], float]:
    """All crystals of one sampler with the CPU seconds per crystal; batches that are in the folder
    are not made again."""
    made: list[Specimen] = []
    seconds = 0.0
    for first in range(0, program.sample.count, BATCH):
        indices = range(first, min(first + BATCH, program.sample.count))
        file = folder / f"{which}-{program.sample.steps}-{'-'.join(program.system)}-{first}.json"
        if not file.is_file():
            make = partial(generate, program, model, "non-guided", indices)
            if which == STOCK:
                ours, _ = sampled(OURS, program, model, folder)
                sizes = [len(ours[index].crystal) for index in indices]
                make = partial(stock, program, model, sizes, first)
            start = time.process_time()
            batch = make()
            used = time.process_time() - start
            content = {
                "seconds": used,
                "structures": [
                    None if s.structure is None else s.structure.as_dict() for s in batch
                ],
            }
            write_json(file, content)
        kept = json.loads(file.read_text(encoding="utf-8"))
        seconds += kept["seconds"]
        for index, data in zip(indices, kept["structures"], strict=True):
            crystal = None if data is None else plain_structure(data)
            failure = None if data else "diverged"
            made.append(
                Specimen(
                    "non-guided", program.sample.seed, index, structure=crystal, failure=failure
                )
            )
    return made, seconds / program.sample.count


def judged(program: Program, made: list[Specimen], seconds: float, potential: Any) -> Row:
    validation = validate(program, made, potential=potential, reference=load_reference())
    arm = validation.table().arms[0]
    heights = [r.e_above_hull for r in validation.records if r.e_above_hull is not None]
    return Row(
        count=len(made),
        valid=arm.valid.count,
        complete=sum(
            s.structure is not None
            and {e.symbol for e in s.structure.composition} == set(program.system)
            for s in made
        ),
        unique=arm.unique.count,
        within_01=sum(h <= 0.1 for h in heights),
        within_02=sum(h <= 0.2 for h in heights),
        median=arm.median_e_above_hull,
        seconds=seconds,
    )


def _fewer(ours: int, theirs: int, count: int) -> float:
    table = [[ours, count - ours], [theirs, count - theirs]]
    return float(fisher_exact(table, alternative="less").pvalue)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("runs/sampler"))
    parser.add_argument("--count", type=int, default=512)
    parser.add_argument("--steps", type=int, nargs="+", default=[64, 250])
    parser.add_argument("--cfg", type=float, default=1.0)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS))
    given = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    model, potential = load_model(given.model), load_potential()
    settings = "-".join(f"{value:g}" for value in asdict(model.langevin).values())
    folder = given.folder / f"{model.weights_sha256[:8]}-{settings}-{given.cfg:g}"
    folder.mkdir(parents=True, exist_ok=True)
    click.echo(f"{given.model} {model.weights_sha256[:8]}, {model.langevin}, cfg {given.cfg:g}")
    columns = "system, steps, sampler, R, valid, complete, unique, within 0.1, within 0.2 eV/atom, "
    columns += "p, median, CPU s"
    click.echo(f"| {columns.replace(', ', ' | ')} |\n" + "|---" * len(columns.split(", ")) + "|")
    for steps in given.steps:
        for system in given.systems:
            program = api.check(f"system {system}").program
            assert program is not None
            sample = replace(program.sample, count=given.count, steps=steps, cfg=given.cfg, seed=0)
            program = replace(program, sample=sample)
            rows = {
                which: judged(program, *sampled(which, program, model, folder), potential)
                for which in (OURS, STOCK)
            }
            for which, row in rows.items():
                p = _fewer(row.within_02, rows[STOCK].within_02, row.count)
                shares = (row.valid, row.complete, row.unique, row.within_01, row.within_02)
                click.echo(
                    f"| {system} | {steps} | {which} | {row.count} | "
                    + " | ".join(f"{n / row.count:.1%} ({n})" for n in shares)
                    + f" | {f'{p:.2g}' if which == OURS else ''} | "
                    + ("–" if row.median is None else f"{row.median:.3f}")
                    + f" | {row.seconds:.2f} |"
                )


if __name__ == "__main__":
    main()
