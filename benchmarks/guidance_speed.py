"""What guidance costs beside the score network: ``python -m benchmarks.guidance_speed``.

Steps of the sampler (predictor and corrector), guided and not, on cells of 4 to 20 atoms, on the
embedded model and on a MatterGen GemNet of the published size with random weights. Overhead is what
a guided step takes outside of the network more than an unguided one does, over the whole unguided
step. Then the peak memory of a guided run, which must not grow with the steps.
"""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import click
import torch

from scoutlang.evaluation.loss import compile_loss
from scoutlang.interfaces import api
from scoutlang.sampling.generate import guided_by
from scoutlang.sampling.mattergen.batches import conditions
from scoutlang.sampling.mattergen.checkpoint import load_model
from scoutlang.sampling.mattergen.sampler import Sampler, predictor_corrector
from scoutlang.sampling.memory import keep_freed_memory
from scoutlang.sampling.progress import Progress

from mattergen.common.gemnet.gemnet import GemNetT  # isort: skip
from mattergen.common.gemnet.layers.embedding_block import AtomEmbedding  # isort: skip
from mattergen.denoiser import GemNetTDenoiser  # isort: skip
from mattergen.diffusion.diffusion_module import DiffusionModule  # isort: skip

SYSTEM = ("Ca", "Cu", "P", "Si")
TERMS = ("require CN(Cu-P) = 4", "require CN(Cu-Cu) = 1", "require volume_per_atom = 16 Å^3")


class Clocked(torch.nn.Module):
    """A score network that adds up the processor time of its evaluations; one that prepares a batch
    does so within them.
    """

    def __init__(self, network: torch.nn.Module) -> None:
        super().__init__()
        self.network, self.seconds = network, 0.0

    def forward(self, x: Any, t: torch.Tensor) -> Any:
        start = time.process_time()
        result = self.network(x, t)
        self.seconds += time.process_time() - start
        return result


def gemnet(like: DiffusionModule) -> DiffusionModule:
    """MatterGen's published size (its conf/…/model/mattergen.yaml: hidden 512, 4 blocks, cutoff 7
    Å, 50 neighbours), random weights.
    """
    network = GemNetT(
        num_targets=1,
        latent_dim=512,
        atom_embedding=AtomEmbedding(emb_size=512, with_mask_type=True),
        emb_size_atom=512,
        emb_size_edge=512,
        max_neighbors=50,
        max_cell_images_per_dim=5,
        cutoff=7.0,
        num_blocks=4,
        regress_stress=True,
        otf_graph=True,
    )
    return DiffusionModule(
        model=GemNetTDenoiser(gemnet=network), corruption=like.corruption, loss_fn=like.loss_fn
    ).eval()


@dataclass(frozen=True)
class Cost:
    """Seconds of processor time of one step."""

    step: float
    outside: float
    """Of the step, what is spent outside of the network."""


def sample(
    module: DiffusionModule,
    terms: tuple[str, ...],
    sizes: list[int],
    steps: int,
    on_step: Callable[[Progress], None],
) -> None:
    """Crystals of these sizes, guided by these terms; not guided where there are none."""
    program = api.check("; ".join([f"system {'-'.join(SYSTEM)}", *terms])).program
    assert program is not None
    sampler = Sampler(
        module,
        conditions(sizes, "-".join(SYSTEM)),
        range(len(sizes)),
        steps=steps,
        cfg=1.0,
        allowed=(14, 15, 20, 29),
        on_step=on_step,
    )
    sampler.run(guided_by(program.guide, compile_loss(program)) if terms else predictor_corrector)


def costs(
    module: DiffusionModule, terms: tuple[str, ...], size: int, steps: int
) -> list[tuple[float, float]]:
    """Seconds of each step of one run, and of what it does outside of the network."""
    clock = Clocked(module.model)
    clocked = DiffusionModule(
        model=clock, corruption=module.corruption, loss_fn=module.loss_fn
    ).eval()
    marks: list[tuple[float, float]] = []
    sizes = torch.randint(4, 21, (size,), generator=torch.Generator().manual_seed(0)).tolist()
    sample(
        clocked, terms, sizes, steps, lambda _: marks.append((time.process_time(), clock.seconds))
    )
    return [(b[0] - a[0], b[0] - a[0] - (b[1] - a[1])) for a, b in pairwise(marks)]


def least(module: DiffusionModule, size: int, steps: int, repeats: int) -> list[Cost]:
    """Without terms, with one and with all: the mean over the guided steps, each the least of
    ``repeats`` runs in turns, as others can only add.
    """
    arms = ((), TERMS[:1], TERMS)
    runs = [[costs(module, terms, size, steps) for terms in arms] for _ in range(repeats)]
    # the first steps lie above the time at which guidance begins, the last is not guided
    inner = slice(max(1, math.ceil(0.1 * steps)), -1)
    found = []
    for arm in range(len(arms)):
        each = [
            [min(run[arm][step][kind] for run in runs) for step in range(len(runs[0][arm]))][inner]
            for kind in (0, 1)
        ]
        found.append(Cost(*(sum(values) / len(values) for values in each)))
    return found


def table(name: str, module: DiffusionModule, size: int, steps: int, repeats: int) -> str:
    unguided, *guided = least(module, size, steps, repeats)
    head = f"| {name} | {size} | {1000 * unguided.step:.0f} | {1000 * unguided.outside:.0f} |"
    added = (cost.outside - unguided.outside for cost in guided)
    cells = (f"{1000 * extra:.1f} ({extra / unguided.step:.1%})" for extra in added)
    return f"{head} {' | '.join(cells)} |"


def memory(module: DiffusionModule, steps: int) -> str:
    """Peak resident memory after a quarter of a guided run of small batches, and at its end."""
    peaks: list[int] = []

    def note(_: Progress) -> None:
        peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    sample(module, TERMS, [8] * 8, steps, note)
    early = peaks[steps // 4]
    return (
        f"peak memory after {steps // 4} steps {early / 1024:.1f} MiB, "
        f"after {steps} steps {peaks[-1] / 1024:.1f} MiB"
    )


@click.command(help=__doc__)
@click.option(
    "--repeats",
    default=5,
    show_default=True,
    help="Runs of 12 steps of each kind on the embedded model.",
)
@click.option(
    "--gemnet-batch",
    default=16,
    show_default=True,
    help="Structures for the GemNet, whose step takes seconds; 0 leaves it out.",
)
def main(repeats: int, gemnet_batch: int) -> None:
    torch.set_num_threads(1)
    keep_freed_memory()
    mini = load_model("mini").module
    click.echo(memory(mini, 200))
    click.echo("milliseconds of processor time; in brackets the share of an unguided step")
    click.echo(
        "| model | batch | unguided step | of it outside the network | added by 1 term "
        "| added by 3 terms |\n|---|---|---|---|---|---|"
    )
    for size in (32, 128):
        click.echo(table("mini", mini, size, 12, repeats))
    if gemnet_batch:
        click.echo(table("GemNet", gemnet(mini), gemnet_batch, 5, 2))


if __name__ == "__main__":
    main()
