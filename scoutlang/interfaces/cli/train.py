"""`scout train mini`: make the weights of the embedded model."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("train", short_help="Train the embedded model.")
@click.argument("model", type=click.Choice(["mini"]))
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("training/runs/mini"),
    show_default=True,
)
@click.option(
    "--steps", type=click.IntRange(min=1), default=6000, show_default=True, help="Optimizer steps."
)
@click.option(
    "--batch", type=click.IntRange(min=1), default=128, show_default=True, help="Crystals per step."
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads (default: all).")
def command(
    model: str, folder: Path, steps: int, batch: int, seed: int, threads: int | None
) -> None:
    """Train MODEL on the embedded mp-mini reference set. Stop it at any time; the same command
    resumes from the last checkpoint.

    The exported folder holds config.yaml, checkpoints/last.ckpt and scout.json, MatterGen's format:
    `scout run --model FOLDER/checkpoint` uses it.
    """
    import torch

    from scoutlang.sampling.memory import keep_freed_memory
    from scoutlang.training.mini import TrainingSettings, train, training_structures

    keep_freed_memory()

    if threads:
        torch.set_num_threads(threads)
    structures, version = training_structures()
    settings = TrainingSettings(steps=steps, batch=batch, seed=seed)
    exported = train(structures, version, folder, settings, say=click.echo)
    click.echo(f"wrote {exported}")
