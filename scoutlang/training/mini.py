"""Train the embedded model `mini`: data preparation, training with checkpoints and resume, export
in MatterGen's checkpoint format.

The seed fixes data order, augmentation, noise and initial weights; the result is the same for the
same torch build and thread count.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import scoutlang.sampling.mattergen  # noqa: F401  makes mattergen importable
from scoutlang.ir.elements import SYMBOLS
from scoutlang.sampling.langevin import Langevin
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import write_whole
from scoutlang.validation.reference import load as load_reference

from hydra.utils import instantiate  # isort: skip
from mattergen.common.data.chemgraph import ChemGraph  # isort: skip
from mattergen.common.data.collate import collate  # isort: skip
from mattergen.common.utils.data_utils import compute_lattice_polar_decomposition  # isort: skip
from omegaconf import OmegaConf  # isort: skip
from pymatgen.core import Element, Structure  # isort: skip

MAX_ATOMS = 20
CONFIG = Path(__file__).parent.parent / "sampling" / "mini" / "config.yaml"


@dataclass(frozen=True)
class TrainingSettings:
    steps: int = 6_000
    batch: int = 128
    learning_rate: float = 2e-3
    warmup: int = 300
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.999
    seed: int = 0
    validate_every: int = 500


@dataclass(frozen=True)
class Crystal:
    """One training crystal: numbers (n,), frac (n, 3), symmetric cell (3, 3) in Å."""

    numbers: Tensor
    frac: Tensor
    cell: Tensor
    system: str


def prepare(structures: list[Structure]) -> list[Crystal]:
    """Niggli-reduced cells in MatterGen's symmetric lattice form; structures with more than
    MAX_ATOMS atoms are left out.
    """
    crystals = []
    for structure in structures:
        if len(structure) > MAX_ATOMS:
            continue
        try:
            reduced = structure.get_reduced_structure("niggli")
        # Niggli reduction of a nearly degenerate cell; the cell as published serves
        except ValueError:
            reduced = structure
        cell = compute_lattice_polar_decomposition(
            torch.tensor(reduced.lattice.matrix.copy())[None]
        )[0]
        symbols = sorted({site.specie.symbol for site in reduced})
        crystals.append(
            Crystal(
                torch.tensor(reduced.atomic_numbers),
                torch.tensor(reduced.frac_coords).float() % 1.0,
                cell.float(),
                "-".join(symbols),
            )
        )
    return crystals


def is_held_out(crystal: Crystal) -> bool:
    """4 % of the chemical systems, chosen by hash: no system is in both sets."""
    return int(hashlib.sha256(crystal.system.encode()).hexdigest(), 16) % 25 == 0


def augment(crystal: Crystal, generator: torch.Generator) -> ChemGraph:
    """Random origin and a random signed permutation of the axes: the same crystal (or its mirror
    image), lattice still symmetric.
    """
    axes = torch.randperm(3, generator=generator)
    sign = torch.randint(0, 2, (3,), generator=generator).float() * 2 - 1
    frac = crystal.frac[:, axes] * sign + torch.rand(3, generator=generator)
    cell = crystal.cell[axes][:, axes] * sign[:, None] * sign[None, :]
    return as_graph(crystal, frac % 1.0, cell)


def as_graph(crystal: Crystal, frac: Tensor, cell: Tensor) -> ChemGraph:
    return ChemGraph(
        atomic_numbers=crystal.numbers,
        pos=frac,
        cell=cell[None],
        num_atoms=torch.tensor([len(crystal.numbers)]),
        chemical_system=crystal.system,
    )


def batches(crystals: list[Crystal], size: int, seed: int, start: int) -> Iterator[Any]:
    """Endless batches; batch k depends on (seed, k) only, so that a resumed run sees the same data."""
    step = start
    while True:
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        chosen = torch.randint(0, len(crystals), (size,), generator=generator).tolist()
        yield collate([augment(crystals[k], generator) for k in chosen])
        step += 1


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Linear warm-up, then cosine to 1 % of the peak."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    progress = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * (
        0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    )


@torch.no_grad()
def held_out_loss(
    module: Any, crystals: list[Crystal], seed: int, repeats: int = 4
) -> dict[str, float]:
    """Mean MatterGen loss and its parts on the held-out crystals, with fixed noise."""
    state = torch.get_rng_state()
    torch.manual_seed(seed)
    sums: dict[str, float] = {}
    count = 0
    for _ in range(repeats):
        for k in range(0, len(crystals), 128):
            part = crystals[k : k + 128]
            loss, metrics = module.calc_loss(collate([as_graph(c, c.frac, c.cell) for c in part]))
            for name, value in {"loss": loss, **metrics}.items():
                sums[name] = sums.get(name, 0.0) + float(value) * len(part)
            count += len(part)
    torch.set_rng_state(state)
    return {name: value / count for name, value in sums.items()}


def train(
    structures: list[Structure],
    version: str,
    folder: Path,
    settings: TrainingSettings,
    *,
    say: Callable[[str], None],
) -> Path:
    """Train to ``settings.steps`` in ``folder`` (resumes there) and export; returns the exported
    checkpoint folder.

    Raises ScoutError: E420 the folder holds a run with other settings, E421 the state of its run is
    damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    crystals = prepare(structures)
    training = [c for c in crystals if not is_held_out(c)]
    held_out = [c for c in crystals if is_held_out(c)]
    density = float(
        torch.tensor(
            [len(c.numbers) / torch.linalg.det(c.cell).abs().item() for c in training]
        ).mean()
    )
    config = OmegaConf.load(CONFIG)
    config.lightning_module.diffusion_module.corruption.sdes.cell.vpsde_config.limit_density = (
        round(density, 6)
    )
    config.lightning_module.diffusion_module.model.density = round(density, 6)
    torch.manual_seed(settings.seed)
    module = instantiate(config.lightning_module.diffusion_module)
    average = {name: value.detach().clone() for name, value in module.state_dict().items()}
    optimizer = torch.optim.AdamW(
        module.parameters(),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        betas=(0.9, 0.98),
    )
    start, log = 0, []
    state_file = folder / "state.pt"
    if state_file.exists():
        state = _read_state(state_file)
        if state["settings"] != asdict(settings):
            raise ScoutError(
                "E420",
                f"{folder} holds a training run with other settings",
                "choose another folder, or the same settings to resume",
            )
        module.load_state_dict(state["module"])
        optimizer.load_state_dict(state["optimizer"])
        average, start, log = state["average"], state["step"], json.loads(state["log"])
        torch.set_rng_state(state["rng"])
        say(f"resumed at step {start}")
    parameters = sum(p.numel() for p in module.parameters())
    say(
        f"{len(training)} training crystals, {len(held_out)} held out, {density:.4f} atoms/Å^3, {parameters:,} parameters"
    )

    def save(step: int) -> None:
        state = {
            "module": module.state_dict(), "optimizer": optimizer.state_dict(), "average": average, "step": step,
            "settings": asdict(settings), "log": json.dumps(log), "rng": torch.get_rng_state(),
        }  # fmt: skip
        write_whole(state_file, lambda path: torch.save(state, path))

    source = batches(training, settings.batch, settings.seed, start)
    clock = time.monotonic()
    running: dict[str, float] = {}
    for step in range(start, settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, settings)
        module.train()
        loss, metrics = module.calc_loss(next(source))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(module.parameters(), settings.clip)
        if torch.isfinite(norm):
            optimizer.step()
        decay = min(settings.ema, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, value in module.state_dict().items():
                if value.dtype.is_floating_point:
                    average[name].lerp_(value, 1 - decay)
        for name, value in {"loss": loss, **metrics}.items():
            running[name] = 0.98 * running.get(name, value.item()) + 0.02 * value.item()
        if (step + 1) % 100 == 0:
            rate = (step + 1 - start) * settings.batch / (time.monotonic() - clock)
            left = (settings.steps - step - 1) * settings.batch / rate / 60
            parts = "  ".join(f"{k} {v:.3f}" for k, v in running.items())
            say(
                f"step {step + 1}/{settings.steps}  {parts}  {rate:.0f} structures/s  {left:.0f} min left"
            )
        if (step + 1) % settings.validate_every == 0 or step + 1 == settings.steps:
            current = {name: value.clone() for name, value in module.state_dict().items()}
            module.load_state_dict(average)
            module.train()  # the loss needs unmasked logits; the model has no dropout
            loss_held_out = held_out_loss(module, held_out, settings.seed)
            module.load_state_dict(current)
            log.append({"step": step + 1, "train": dict(running), "held_out": loss_held_out})
            say("held out (EMA): " + "  ".join(f"{k} {v:.3f}" for k, v in loss_held_out.items()))
            save(step + 1)
    return export(folder, config, average, crystals, version, settings, log)


def _read_state(file: Path) -> dict[str, Any]:
    try:
        state = torch.load(file, weights_only=True)
        return {
            key: state[key]
            for key in ("module", "optimizer", "average", "step", "settings", "log", "rng")
        }
    except Exception as error:  # torch raises errors of many types for a damaged file
        raise ScoutError(
            "E421",
            f"{file} is damaged ({type(error).__name__})",
            "delete it to train from the start",
        ) from error


LANGEVIN = Langevin(steps=1, pos=0.6, cell=0.2)
"""Chosen with `python -m benchmarks.corrector`; docs/model-card-mini.md says what it is worth."""


def export(
    folder: Path,
    config: Any,
    average: dict[str, Tensor],
    crystals: list[Crystal],
    version: str,
    settings: TrainingSettings,
    log: list[Any],
) -> Path:
    """Write MatterGen's checkpoint format: ``config.yaml``, ``checkpoints/last.ckpt``, and what the
    sampler wants to know in ``scout.json``.
    """
    out = folder / "checkpoint"
    (out / "checkpoints").mkdir(parents=True, exist_ok=True)
    OmegaConf.save(config, out / "config.yaml")
    torch.save(
        {"state_dict": {f"diffusion_module.{name}": value for name, value in average.items()}},
        out / "checkpoints" / "last.ckpt",
    )
    sizes: dict[int, dict[int, int]] = {}
    for crystal in crystals:
        row = sizes.setdefault(min(crystal.system.count("-") + 1, 5), {})
        row[len(crystal.numbers)] = row.get(len(crystal.numbers), 0) + 1
    about = {
        "name": "mini",
        "max_atoms": MAX_ATOMS,
        "elements": sorted(
            {s for c in crystals for s in c.system.split("-")}, key=lambda s: Element(s).Z
        ),
        "num_atoms": {
            str(k): {str(n): row[n] for n in sorted(row)} for k, row in sorted(sizes.items())
        },
        "langevin": asdict(LANGEVIN),
        "training": asdict(settings),
        "training_set": f"mp-mini {version}",
        "training_crystals": sum(not is_held_out(c) for c in crystals),
        "held_out_crystals": sum(is_held_out(c) for c in crystals),
        "log": log,
    }
    (out / "scout.json").write_text(
        json.dumps(about, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return out


def training_structures() -> tuple[list[Structure], str]:
    """The Materials Project and AFLOW crystals of `mp-mini` with its version; the curated end
    members are for the hull only.
    """
    reference = load_reference("mp-mini")
    everything = reference.subset(SYMBOLS)
    return [r.structure for r in everything if r.source != "curated"], reference.version
