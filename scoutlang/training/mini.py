"""Train the embedded model `mini`, or go on training it: batches, the optimizer with checkpoints
and resume, export in MatterGen's checkpoint format.

The seed fixes data order, augmentation, noise and initial weights; the result is the same for the
same torch build, device and thread count.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import scoutlang.sampling.mattergen  # noqa: F401  makes mattergen importable
from scoutlang.sampling.mattergen.batches import conditions
from scoutlang.sampling.mattergen.checkpoint import PUBLISHED, load_model
from scoutlang.sampling.mattergen.corrector import Langevin
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import write_json, write_whole
from scoutlang.training.data import Crystal, TrainingSet

from hydra.utils import instantiate  # isort: skip
from omegaconf import OmegaConf  # isort: skip
from pymatgen.core import Element  # isort: skip

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


class Batches:
    """Crystals on one device, and batches of them: batch k depends on (seed, k) only, so that a
    resumed run sees the same.
    """

    def __init__(
        self, crystals: list[Crystal], size: int, seed: int, device: torch.device | str = "cpu"
    ) -> None:
        sizes = torch.tensor([len(c.numbers) for c in crystals])
        self._sizes, self._starts = sizes, sizes.cumsum(0) - sizes
        self._numbers = torch.cat([c.numbers for c in crystals]).to(device)
        self._frac = torch.cat([c.frac for c in crystals]).to(device)
        self._cell = torch.stack([c.cell for c in crystals]).to(device)
        self._systems = [c.system for c in crystals]
        self._size, self._seed, self._device = size, seed, device
        self._empty: dict[int, Any] = {}

    def random(self, step: int) -> Any:
        """The batch of a training step: crystals drawn with replacement, each in one of the ways
        to describe it.

        Random origin and a random signed permutation of the axes: the same crystal (or its mirror
        image), lattice still symmetric.
        """
        generator = torch.Generator().manual_seed(self._seed * 1_000_003 + step)
        chosen = torch.randint(0, len(self._sizes), (self._size,), generator=generator)
        axes = torch.rand(self._size, 3, generator=generator).argsort(1).to(self._device)
        signs = torch.randint(0, 2, (self._size, 3), generator=generator).float() * 2 - 1
        return self._batch(
            chosen,
            axes,
            signs.to(self._device),
            torch.rand(self._size, 3, generator=generator).to(self._device),
        )

    def in_order(self, size: int) -> list[Any]:
        """All crystals as they are, in batches of at most ``size``."""
        batches = []
        for start in range(0, len(self._sizes), size):
            chosen = torch.arange(start, min(start + size, len(self._sizes)))
            axes = torch.arange(3, device=self._device).expand(len(chosen), 3)
            signs = torch.ones(len(chosen), 3, device=self._device)
            batches.append(self._batch(chosen, axes, signs, torch.zeros_like(signs)))
        return batches

    def _batch(self, chosen: Tensor, axes: Tensor, signs: Tensor, origin: Tensor) -> Any:
        """chosen: (B,) indices of crystals. axes, signs: (B, 3) which old axis each new one is.
        origin: (B, 3) is added to the fractional coordinates."""
        sizes = self._sizes[chosen]
        system = torch.repeat_interleave(sizes).to(self._device)
        ends = sizes.cumsum(0)
        first = (self._starts[chosen] - (ends - sizes)).repeat_interleave(sizes)
        atoms = (torch.arange(int(ends[-1])) + first).to(self._device)
        frac = self._frac[atoms].gather(1, axes[system]) * signs[system] + origin[system]
        cell = self._cell[chosen.to(self._device)]
        cell = cell.gather(1, axes[:, :, None].expand(-1, 3, 3))
        cell = cell.gather(2, axes[:, None, :].expand(-1, 3, 3))
        cell = cell * signs[:, :, None] * signs[:, None, :]
        if len(chosen) not in self._empty:
            self._empty[len(chosen)] = conditions([1] * len(chosen), "H").to(self._device)
        return self._empty[len(chosen)].replace(
            pos=frac - frac.floor(),
            cell=cell,
            atomic_numbers=self._numbers[atoms],
            num_atoms=sizes.to(self._device),
            chemical_system=[self._systems[k] for k in chosen.tolist()],
            batch=system,
            ptr=torch.cat([ends.new_zeros(1), ends]).to(self._device),
        )


def learning_rate(step: int, settings: TrainingSettings) -> float:
    """Linear warm-up, then cosine to 1 % of the peak."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    progress = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * (
        0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    )


@torch.no_grad()
def held_out_loss(module: Any, batches: list[Any], seed: int, repeats: int) -> dict[str, float]:
    """Mean MatterGen loss and its parts over the crystals of the batches, with fixed noise."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        sums: dict[str, float] = {}
        count = 0
        for batch in batches * repeats:
            size = batch.get_batch_size()
            loss, metrics = module.calc_loss(batch)
            for name, value in {"loss": loss, **metrics}.items():
                sums[name] = sums.get(name, 0.0) + float(value) * size
            count += size
    return {name: value / count for name, value in sums.items()}


def train(
    data: TrainingSet,
    folder: Path,
    settings: TrainingSettings,
    *,
    start: str = "",
    device: torch.device | str = "cpu",
    say: Callable[[str], None],
) -> Path:
    """Train to ``settings.steps`` in ``folder`` (resumes there) and export; returns the exported
    checkpoint folder.

    start: name or folder of the `mini` whose weights are the first ones; random ones without it.
    Raises ScoutError: E420 the folder holds a run with other settings, E421 the state of its run is
    damaged, E422 nothing to train on, E510 to E514 ``start`` is not a `mini` that can be read.
    """
    if len(data.training) < 2:
        raise ScoutError(
            "E422", "no crystals are left to train on", "widen the filters or give more files"
        )
    folder.mkdir(parents=True, exist_ok=True)
    if torch.device(device).type == "cuda":
        torch.set_float32_matmul_precision("high")  # TF32: the losses need no more
    origin = _Origin.of(start, data)
    config, density = _configuration(data.training, origin)
    run = _Training(config, settings, origin, device)
    state = folder / "state.pt"
    if state.exists():
        run.resume(state)
        say(f"resumed at step {run.step}")
    say(
        f"{len(data.training)} training crystals, {len(data.held_out)} held out, "
        f"{density:.4f} atoms/Å^3, {sum(p.numel() for p in run.module.parameters()):,} parameters"
    )
    held_out = HeldOut(data, device)
    batches = Batches(data.training, settings.batch, settings.seed, device)
    first, clock = run.step, time.monotonic()
    while run.step < settings.steps:
        run.advance(batches.random(run.step))
        if run.step % 100 == 0:
            rate = (run.step - first) * settings.batch / (time.monotonic() - clock)
            left = (settings.steps - run.step) * settings.batch / rate / 60
            say(
                f"step {run.step}/{settings.steps}  {_parts(run.running)}  "
                f"{rate:.0f} structures/s  {left:.0f} min left"
            )
        if run.step % settings.validate_every == 0 or run.step == settings.steps:
            for name, losses in run.validate(held_out).items():
                say(f"held out of {name} (EMA): {_parts(losses)}")
            run.save(state)
    return export(folder, config, run.average, data, settings, run.log, start)


class HeldOut:
    """The held-out crystals of each source, in batches."""

    REPEATS = 4
    """How often those of `mp-mini` are looked at, each time with other noise."""
    LARGEST = 512
    """Crystals of another source, of which every k-th is taken where it has more."""

    def __init__(self, data: TrainingSet, device: torch.device | str) -> None:
        self.batches: dict[str, tuple[list[Any], int]] = {}
        for index, part in enumerate(data.parts):
            crystals = [c for c in data.held_out if c.part == index]
            if index:
                crystals = crystals[:: max(1, -(-len(crystals) // self.LARGEST))]
            if crystals:
                made = Batches(crystals, 1, 0, device).in_order(128)
                self.batches[part.name] = made, 1 if index else self.REPEATS

    def losses(self, module: Any, seed: int) -> dict[str, dict[str, float]]:
        """Source → the loss and its parts."""
        return {
            name: held_out_loss(module, batches, seed, repeats)
            for name, (batches, repeats) in self.batches.items()
        }


@dataclass(frozen=True)
class _Origin:
    """Where the weights start: the hash of what decides the training, and another model's."""

    key: str
    weights: dict[str, Tensor] | None
    density: float | None

    @classmethod
    def of(cls, start: str, data: TrainingSet) -> _Origin:
        if not start:
            return cls(data.sha256, None, None)
        hint = "give mini, or the folder of a checkpoint that `scout train mini` wrote"
        if start in PUBLISHED:  # not even fetched
            raise ScoutError("E514", f"{start} is not a `mini`", hint)
        model = load_model(start)
        weights = {name: value.clone() for name, value in model.module.state_dict().items()}
        wanted = instantiate(OmegaConf.load(CONFIG).lightning_module.diffusion_module).state_dict()
        if {n: v.shape for n, v in weights.items()} != {n: v.shape for n, v in wanted.items()}:
            raise ScoutError(
                "E514", f"{start} is not a `mini`: its weights have other shapes", hint
            )
        return cls(
            f"{data.sha256} from {model.weights_sha256}",
            weights,
            float(model.module.corruption.sdes["cell"].limit_density),
        )


def _configuration(training: list[Crystal], origin: _Origin) -> tuple[Any, float]:
    """What to train, with the density of the limit lattices filled in, and that density in
    atoms/Å^3: the mean of the training crystals, or the one that the first weights know.
    """
    density = origin.density
    if density is None:
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

    def __init__(
        self,
        config: Any,
        settings: TrainingSettings,
        origin: _Origin,
        device: torch.device | str = "cpu",
    ) -> None:
        torch.manual_seed(settings.seed)
        self._settings, self._origin, self._device = settings, origin.key, torch.device(device)
        self.module = instantiate(config.lightning_module.diffusion_module).to(device)
        if origin.weights is not None:
            self.module.load_state_dict(origin.weights)
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

    def validate(self, held_out: HeldOut) -> dict[str, dict[str, float]]:
        """The losses of the average on the held-out crystals, which are logged too."""
        current = {name: value.clone() for name, value in self.module.state_dict().items()}
        self.module.load_state_dict(self.average)
        self.module.train()  # the loss needs unmasked logits; the model has no dropout
        losses = held_out.losses(self.module, self._settings.seed)
        self.module.load_state_dict(current)
        self.log.append({"step": self.step, "train": dict(self.running), "held_out": losses})
        return losses

    def save(self, file: Path) -> None:
        state = {
            "module": self.module.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": self.average,
            "step": self.step,
            "settings": asdict(self._settings),
            "origin": self._origin,
            "log": json.dumps(self.log),
            "rng": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state() if self._device.type == "cuda" else None,
        }
        write_whole(file, lambda path: torch.save(state, path))

    def resume(self, file: Path) -> None:
        """Go on from what `save` wrote. Raises ScoutError E420 and E421."""
        state = _read_state(file, self._device)
        if (state["settings"], state["origin"]) != (asdict(self._settings), self._origin):
            raise ScoutError(
                "E420",
                f"{file.parent} holds a training run with other settings or other crystals",
                "choose another folder, or the same settings and files to resume",
            )
        self.module.load_state_dict(state["module"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.average, self.step = state["average"], state["step"]
        self.log = json.loads(state["log"])
        self.running = dict(self.log[-1]["train"])  # the state is saved after each entry
        torch.set_rng_state(state["rng"].cpu())
        if state["cuda"] is not None and self._device.type == "cuda":
            torch.cuda.set_rng_state(state["cuda"].cpu())


def _read_state(file: Path, device: torch.device) -> dict[str, Any]:
    wanted = (
        "module", "optimizer", "average", "step", "settings", "origin", "log", "rng", "cuda"
    )  # fmt: skip
    try:
        state = torch.load(file, weights_only=True, map_location=device)
        return {key: state[key] for key in wanted}
    except Exception as error:  # torch raises errors of many types for a damaged file
        raise ScoutError(
            "E421",
            f"{file} is damaged ({type(error).__name__})",
            "delete it to train from the start",
        ) from error


LANGEVIN = Langevin(steps=1, pos=1.0, cell=0.2, known=0.4)
"""Chosen with `python -m benchmarks.corrector`; docs/model-card-mini.md says what it is worth."""


def export(
    folder: Path,
    config: Any,
    average: dict[str, Tensor],
    data: TrainingSet,
    settings: TrainingSettings,
    log: list[Any],
    start: str,
) -> Path:
    """Write MatterGen's checkpoint format: ``config.yaml``, ``checkpoints/last.ckpt``, and what the
    sampler wants to know in ``scout.json``.
    """
    out = folder / "checkpoint"
    (out / "checkpoints").mkdir(parents=True, exist_ok=True)
    OmegaConf.save(config, out / "config.yaml")
    torch.save(
        {
            "state_dict": {
                f"diffusion_module.{name}": value.cpu() for name, value in average.items()
            }
        },
        out / "checkpoints" / "last.ckpt",
    )
    sizes: dict[int, dict[int, int]] = {}
    for crystal in data.crystals:
        row = sizes.setdefault(min(crystal.system.count("-") + 1, 5), {})
        row[len(crystal.numbers)] = row.get(len(crystal.numbers), 0) + 1
    about = {
        "name": "mini",
        "max_atoms": data.filters.max_atoms,
        "elements": sorted(
            {s for c in data.crystals for s in c.system.split("-")}, key=lambda s: Element(s).Z
        ),
        "num_atoms": {
            str(k): {str(n): row[n] for n in sorted(row)} for k, row in sorted(sizes.items())
        },
        "corrector": asdict(LANGEVIN),
        "training": asdict(settings),
        "first_weights": start or "random",
        "training_set": {
            "sha256": data.sha256,
            "filters": asdict(data.filters),
            "parts": [{**asdict(p), "left_out": dict(p.left_out)} for p in data.parts],
        },
        "training_crystals": len(data.training),
        "held_out_crystals": len(data.held_out),
        "log": log,
    }
    write_json(out / "scout.json", about)
    return out
