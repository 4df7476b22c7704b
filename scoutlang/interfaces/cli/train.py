"""`scout train mini`: make the weights of the embedded model, or go on with them on crystals of
one's own.
"""

from __future__ import annotations

from pathlib import Path

import click

from scoutlang.support.shown import say


@click.command("train", short_help="Train the embedded model.")
@click.argument("model", type=click.Choice(["mini"]))
@click.option(
    "--data",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="More crystals: Parquet with the columns of mp-mini, CSV with a column of CIFs (MP-20, "
    "MatterGen), extxyz, a folder or .zip of CIFs. May be repeated.",
)
@click.option(
    "--max-above-hull",
    type=click.FloatRange(min=0),
    default=0.1,
    show_default=True,
    metavar="EV",
    help="Leave out crystals that their file says to be higher, eV/atom.",
)
@click.option(
    "--max-atoms",
    type=click.IntRange(min=1, max=100),
    default=20,
    show_default=True,
    help="Largest primitive cell.",
)
@click.option(
    "--elements", metavar="SYSTEM", help="Only crystals made of these elements: Li-Co-O-F."
)
@click.option(
    "--from",
    "start",
    default="",
    metavar="MODEL",
    help="Begin with the weights of this `mini` (its name or its folder) in place of random ones.",
)
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
@click.option(
    "--learning-rate",
    type=click.FloatRange(min=0, min_open=True),
    default=2e-3,
    show_default=True,
    help="At its peak; it rises for 300 steps and falls like a cosine.",
)
@click.option("--seed", type=int, default=0, show_default=True)
@click.option("--threads", type=click.IntRange(min=1), help="CPU threads (default: all).")
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda"]),
    help="Default: a GPU where there is one.",
)
def command(
    model: str,
    files: tuple[Path, ...],
    max_above_hull: float,
    max_atoms: int,
    elements: str | None,
    start: str,
    folder: Path,
    steps: int,
    batch: int,
    learning_rate: float,
    seed: int,
    threads: int | None,
    device: str | None,
) -> None:
    """Train MODEL on the embedded mp-mini reference set and on the crystals of the files that it
    does not have. Stop it at any time; the same command resumes from the last checkpoint.

    The exported folder holds config.yaml, checkpoints/last.ckpt and scout.json, MatterGen's format:
    `scout run --model FOLDER/checkpoint` uses it.
    """
    import torch

    from scoutlang.sampling.memory import keep_freed_memory
    from scoutlang.training.data import Filters, training_set
    from scoutlang.training.mini import TrainingSettings, train

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device == "cuda" and not torch.cuda.is_available():
        raise click.UsageError("--device cuda: there is no GPU that this PyTorch can use")
    chosen = tuple(e.strip() for e in elements.split("-")) if elements else ()
    filters = Filters(max_atoms, max_above_hull, chosen)
    data = training_set(files, filters, folder / "crystals.pt", say=click.echo)
    for part in data.parts:
        say(str(part))
    settings = TrainingSettings(steps=steps, batch=batch, learning_rate=learning_rate, seed=seed)
    exported = train(data, folder, settings, start=start, device=device, say=click.echo)
    say(f"wrote {exported}")
