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
from scoutlang.sampling.mattergen.corrector import Langevin
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import write_json, write_whole
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
    """Everything that a training run depends on beside the crystals."""

    steps: int = 6_000
    batch: int = 128
    """Crystals in a step."""
    learning_rate: float = 2e-3
    """At its peak, after the warm-up."""
    warmup: int = 300
    """Steps in which the learning rate rises."""
    weight_decay: float = 0.01
    clip: float = 1.0
    """Largest norm of the gradient."""
    ema: float = 0.999
    """Decay of the average of the weights, which is what is exported."""
    seed: int = 0
    validate_every: int = 500
    """Steps between two looks at the held-out crystals; the state is saved then."""


@dataclass(frozen=True)
class Crystal:
    """One training crystal of n atoms."""

    numbers: Tensor
    """(n,) atomic numbers."""
    frac: Tensor
    """(n, 3) fractional coordinates."""
    cell: Tensor
    """(3, 3) Å, the lattice vectors as rows of a symmetric matrix."""
    system: str
    """Its elements in alphabetical order: ``Cu-P``."""


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
    """Endless batches; batch k depends on (seed, k) only, so that a resumed run sees the same."""
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
    config, density = _configuration(training)
    run = _Training(config, settings)
    state = folder / "state.pt"
    if state.exists():
        run.resume(state)
        say(f"resumed at step {run.step}")
    say(
        f"{len(training)} training crystals, {len(held_out)} held out, {density:.4f} atoms/Å^3, "
        f"{sum(p.numel() for p in run.module.parameters()):,} parameters"
    )
    start, clock = run.step, time.monotonic()
    source = batches(training, settings.batch, settings.seed, start)
    while run.step < settings.steps:
        run.advance(next(source))
        if run.step % 100 == 0:
            rate = (run.step - start) * settings.batch / (time.monotonic() - clock)
            left = (settings.steps - run.step) * settings.batch / rate / 60
            say(
                f"step {run.step}/{settings.steps}  {_parts(run.running)}  "
                f"{rate:.0f} structures/s  {left:.0f} min left"
            )
        if run.step % settings.validate_every == 0 or run.step == settings.steps:
            say("held out (EMA): " + _parts(run.validate(held_out)))
            run.save(state)
    return export(folder, config, run.average, crystals, version, settings, run.log)


def _configuration(training: list[Crystal]) -> tuple[Any, float]:
    """What to train, with the mean density of the training crystals filled in, and that density in
    atoms/Å^3.
    """
    densities = [len(c.numbers) / torch.linalg.det(c.cell).abs().item() for c in training]
    density = float(torch.tensor(densities).mean())
    config = OmegaConf.load(CONFIG)
    module = config.lightning_module.diffusion_module
    module.corruption.sdes.cell.vpsde_config.limit_density = round(density, 6)
    module.model.density = round(density, 6)
    return config, density


def _parts(losses: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.3f}" for name, value in losses.items())


class _Training:
    """A model in training: its weights, their exponential moving average, the optimizer, and what
    was logged.
    """

    def __init__(self, config: Any, settings: TrainingSettings) -> None:
        torch.manual_seed(settings.seed)
        self._settings = settings
        self.module = instantiate(config.lightning_module.diffusion_module)
        self.average = {n: v.detach().clone() for n, v in self.module.state_dict().items()}
        self._optimizer = torch.optim.AdamW(
            self.module.parameters(),
            lr=settings.learning_rate,
            weight_decay=settings.weight_decay,
            betas=(0.9, 0.98),
        )
        self.step = 0
        self.running: dict[str, float] = {}
        """The parts of the training loss, smoothed over some 50 steps."""
        self.log: list[dict[str, Any]] = []

    def advance(self, batch: Any) -> None:
        """One step of the optimizer."""
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self.step, self._settings)
        self.module.train()
        loss, metrics = self.module.calc_loss(batch)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.module.parameters(), self._settings.clip)
        if torch.isfinite(norm):
            self._optimizer.step()
        decay = min(self._settings.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.module.state_dict().items():
                if value.dtype.is_floating_point:
                    self.average[name].lerp_(value, 1 - decay)
        for name, value in {"loss": loss, **metrics}.items():
            self.running[name] = 0.98 * self.running.get(name, value.item()) + 0.02 * value.item()
        self.step += 1

    def validate(self, held_out: list[Crystal]) -> dict[str, float]:
        """The loss of the average on the held-out crystals, which is logged too."""
        current = {name: value.clone() for name, value in self.module.state_dict().items()}
        self.module.load_state_dict(self.average)
        self.module.train()  # the loss needs unmasked logits; the model has no dropout
        loss = held_out_loss(self.module, held_out, self._settings.seed)
        self.module.load_state_dict(current)
        self.log.append({"step": self.step, "train": dict(self.running), "held_out": loss})
        return loss

    def save(self, file: Path) -> None:
        state = {
            "module": self.module.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": self.average,
            "step": self.step,
            "settings": asdict(self._settings),
            "log": json.dumps(self.log),
            "rng": torch.get_rng_state(),
        }
        write_whole(file, lambda path: torch.save(state, path))

    def resume(self, file: Path) -> None:
        """Go on from what `save` wrote. Raises ScoutError E420 and E421."""
        state = _read_state(file)
        if state["settings"] != asdict(self._settings):
            raise ScoutError(
                "E420",
                f"{file.parent} holds a training run with other settings",
                "choose another folder, or the same settings to resume",
            )
        self.module.load_state_dict(state["module"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.average, self.step = state["average"], state["step"]
        self.log = json.loads(state["log"])
        torch.set_rng_state(state["rng"])


def _read_state(file: Path) -> dict[str, Any]:
    wanted = ("module", "optimizer", "average", "step", "settings", "log", "rng")
    try:
        state = torch.load(file, weights_only=True)
        return {key: state[key] for key in wanted}
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
    write_json(out / "scout.json", about)
    return out


def training_structures() -> tuple[list[Structure], str]:
    """The Materials Project and AFLOW crystals of `mp-mini` with its version; the curated end
    members are for the hull only.
    """
    reference = load_reference("mp-mini")
    everything = reference.subset(SYMBOLS)
    return [r.structure for r in everything if r.source != "curated"], reference.version
