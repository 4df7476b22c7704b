"""GPU hours of the paper's Table 1 with a published checkpoint: `python -m benchmarks.gpu_hours`.

A calculation, not a measurement: no GPU was lent to this project and the published weights cannot
be reached from where it is built. Counted are the floating-point operations of one evaluation of
MatterGen's own GemNet in the published size (width 512, four blocks, cutoff 7 Å, at most 50
neighbours), with random weights, on crystals of mp-mini; the same evaluation is timed on this
processor. Hours are operations × evaluations / (what a GPU sustains), for GPUs that sustain the
given TFLOP/s in single precision; graph networks reach a small part of what is on the data sheet.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import click
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import results
from scoutlang.sampling.mattergen.batches import conditions
from scoutlang.validation.reference import load
from scoutlang.validation.reference.table import rows

from hydra.utils import instantiate  # isort: skip

WIDTH = 512
STEPS = 1000
ROWS = 7
ARMS = 2
EVALUATIONS = 2 * STEPS
"""Of one structure with cfg 1: a predictor and a corrector in each step; twice with another cfg."""


def network() -> torch.nn.Module:
    """MatterGen's denoiser in the size of its published checkpoints, weights at random."""
    embedding = {
        "_target_": "mattergen.property_embeddings.PropertyEmbedding",
        "name": "chemical_system",
        "scaler": {"_target_": "torch.nn.Identity"},
        "conditional_embedding_module": {
            "_target_": "mattergen.property_embeddings.ChemicalSystemMultiHotEmbedding",
            "hidden_dim": WIDTH,
        },
        "unconditional_embedding_module": {
            "_target_": "mattergen.property_embeddings.EmbeddingVector",
            "hidden_dim": WIDTH,
        },
    }
    gemnet = {
        "_target_": "mattergen.common.gemnet.gemnet_ctrl.GemNetTCtrl",
        "condition_on_adapt": ["chemical_system"],
        "atom_embedding": {
            "_target_": "mattergen.common.gemnet.layers.embedding_block.AtomEmbedding",
            "emb_size": WIDTH,
            "with_mask_type": True,
        },
        "cutoff": 7.0,
        "emb_size_atom": WIDTH,
        "emb_size_edge": WIDTH,
        "latent_dim": WIDTH,
        "max_cell_images_per_dim": 5,
        "max_neighbors": 50,
        "num_blocks": 4,
        "num_targets": 1,
        "otf_graph": True,
        "regress_stress": True,
    }
    node = {
        "_target_": "mattergen.adapter.GemNetTAdapter",
        "atom_type_diffusion": "mask",
        "denoise_atom_types": True,
        "hidden_dim": WIDTH,
        "gemnet": gemnet,
        "property_embeddings": {},
        "property_embeddings_adapt": {"chemical_system": embedding},
    }
    made: torch.nn.Module = instantiate(node)
    return made.eval()


def crystals(atoms: int, count: int) -> Any:
    """A batch of crystals of mp-mini with that many atoms."""
    from mattergen.property_embeddings import SetConditionalEmbeddingType

    found = [s.structure for s in rows(load().table) if len(s.structure) == atoms][:count]
    system = "-".join(sorted({e.symbol for e in found[0].composition}))
    batch = conditions([atoms] * len(found), system)
    return SetConditionalEmbeddingType()(
        batch.replace(
            pos=torch.cat([torch.tensor(s.frac_coords, dtype=torch.float) for s in found]),
            cell=torch.stack([torch.tensor(s.lattice.matrix, dtype=torch.float) for s in found]),
            atomic_numbers=torch.cat([torch.tensor(s.atomic_numbers) for s in found]),
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--atoms", type=int, nargs="+", default=[8, 16])
    parser.add_argument("--batch", type=int, default=4, help="crystals of one evaluation")
    parser.add_argument("--structures", type=int, default=1024, help="of each arm of each row")
    parser.add_argument("--tflops", type=float, nargs="+", default=[2, 5, 15])
    parser.add_argument("--no-write", action="store_true", help="show the table only")
    arguments = parser.parse_args()
    model = network()
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    total = ARMS * ROWS * arguments.structures
    lines = [
        f"{millions:.1f} million weights. {EVALUATIONS} evaluations per structure; {ROWS} rows "
        f"with {ARMS} arms of {arguments.structures} structures: "
        f"{total * EVALUATIONS:.2g} evaluations.",
        "",
        "| atoms | GFLOP per evaluation of one structure | s on one core of this machine | "
        + " | ".join(f"hours at {t:g} TFLOP/s" for t in arguments.tflops)
        + " |",
        "|---|" + "---|" * (2 + len(arguments.tflops)),
    ]
    torch.set_num_threads(1)
    for atoms in arguments.atoms:
        batch = crystals(atoms, arguments.batch)
        size = len(batch["num_atoms"])
        with torch.no_grad():
            begun = time.process_time()
            with FlopCounterMode(display=False) as counted:
                model(batch, torch.full((size,), 0.1))
            seconds = (time.process_time() - begun) / size
        flops = counted.get_total_flops() / size
        hours = [flops * EVALUATIONS * total / (t * 1e12) / 3600 for t in arguments.tflops]
        lines.append(
            f"| {atoms} | {flops / 1e9:.1f} | {seconds:.2f} | "
            + " | ".join(f"{h:.1f}" for h in hours)
            + " |"
        )
    text = "\n".join(lines)
    click.echo(text)
    if not arguments.no_write:
        results.write("benchmarks.gpu_hours", text)


if __name__ == "__main__":
    main()
