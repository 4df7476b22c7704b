"""Predictor-corrector sampling with a MatterGen model.

`predictor_corrector` is the sampler of the non-guided arm. A method of guidance is a loop of the
same form over the same moves of a `Sampler` (`scoutlang/sampling/paper.py`, `adaptive.py`).

Differences from MatterGen's own loop, each on purpose:

* the corrector follows the predictor at the lower noise level, as in Algorithm 2 of
  arXiv:2604.13354, and its step depends on the noise level alone, not on norms of the batch:
  together with random numbers for each structure nothing of one structure enters another (rounding
  does: see docs/guidance.md);
* the number of steps is free: the mask process of the atom types is rebuilt for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import torch
from mattergen.diffusion.diffusion_module import DiffusionModule

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.ir.space_groups import Occupation
from scoutlang.sampling.mattergen.batches import broken, copies, held
from scoutlang.sampling.mattergen.corrector import PUBLISHED, Langevin
from scoutlang.sampling.mattergen.given import Given, Origin
from scoutlang.sampling.mattergen.invariance import Invariance, InvariantNoise
from scoutlang.sampling.mattergen.processes import NoiseLevel, Processes, with_steps
from scoutlang.sampling.mattergen.score import Score
from scoutlang.sampling.noise import StructureNoise, structure_seed
from scoutlang.sampling.progress import GuidedStep, Progress

Loop: TypeAlias = Callable[["Sampler", Any], Any]
"""From a batch of noise, at t = 1, to a batch of crystals."""


def predictor_corrector(sampler: Sampler, z: Any) -> Any:
    """Sampling without guidance: at each noise level one step of the predictor, n_c of the
    corrector.
    """
    for step, t, s in sampler.steps():
        z = sampler.predict(z, sampler.score(z, t), t, s)
        for _ in range(sampler.corrections(s)):
            z = sampler.correct(z, sampler.score(z, s), s)
        sampler.report(step, t)
    return z


class Sampler:
    """The moves from noise to crystals, on one batch of B structures with N atoms.

    A batch z is MatterGen's: ``pos`` (N, 3), ``cell`` (B, 3, 3) in Å, ``atomic_numbers`` (N,) with
    101 for the mask; t and s < t are diffusion times, 1 for noise and 0 for crystals. Structure b
    depends on ``seeds[b]``, its number of atoms and the settings only, as long as no loop copies
    structures.
    """

    def __init__(
        self,
        module: DiffusionModule,
        conditions: Any,
        seeds: Sequence[int],
        *,
        steps: int,
        cfg: float,
        allowed: Sequence[int] | None = None,
        langevin: Langevin = PUBLISHED,
        occupations: Sequence[Occupation] | None = None,
        given: Given | None = None,
        origin: Origin | None = None,
        device: torch.device | str = "cpu",
        on_step: Callable[[Progress], None] | None = None,
    ) -> None:
        """module: MatterGen's, or anything with its ``corruption`` and ``score_fn``. conditions: a
        batch with numbers of atoms and conditions (`batches.conditions`). seeds: of each structure.
        steps: N, at least 2. cfg: factor of the classifier-free guidance. allowed: atomic numbers
        that may be generated. occupations: of each structure, where all are to have a space
        group; the atoms stand orbit by orbit. given: what is known of the crystals. origin: the
        crystal that all start from, instead of noise. on_step: called after every step; an
        exception raised there ends the sampling.
        """
        module = with_steps(module, steps)
        self.total_steps = steps
        self.ancestors = list(range(len(seeds)))
        """Which structure of the first batch each one descends from."""
        self.lost = torch.zeros(len(seeds), dtype=torch.bool, device=device)
        """(B,) structures that are not finite any more; they stay so and touch no other."""
        self.processes = Processes(module.corruption, steps)
        self._elements = tuple(allowed or ())
        self._given, self._origin = given, origin
        self._score, self._langevin = Score(module, cfg, allowed, device), langevin
        self._batch, self._seeds, self._device = conditions.to(device), list(seeds), device
        self._kept = None if occupations is None else Invariance.of(occupations, device)
        self._noise = self._noise_of(seeds, self._batch["num_atoms"].tolist())
        self._on_step, self._evaluations = on_step, 0
        self._first, self._last = module.corruption.T, 1.0 / steps

    @torch.no_grad()
    def run(self, loop: Loop = predictor_corrector) -> Any:
        """One crystal per seed, by this loop: a batch of the means of the last step, as MatterGen
        gives them. The cell of a structure that diverged is NaN. To be called once.
        """
        z = loop(self, self._start())
        if self._given is not None:
            z = self._given.exact(z)
        return z.replace(cell=z["cell"].masked_fill(self.lost[:, None, None], torch.nan))

    # ---- what a loop is made of ----

    def steps(self) -> Iterator[tuple[int, float, float]]:
        """(number from 0, t, s) of each step; s = 0 for the last one, which ends with the mean."""
        grid = torch.linspace(self._first, self._last, self.total_steps, dtype=torch.float64)
        dt = -(self._first - self._last) / (self.total_steps - 1)
        times = list(enumerate(grid.tolist()))
        if self._origin is not None:
            noise = self._origin.noise
            times = [(step, t) for step, t in times if t < noise - 1e-9]
            yield self.total_steps - len(times) - 1, noise, times[0][1] if times else 0.0
        for step, t in times:
            yield step, t, t + dt if step + 1 < self.total_steps else 0.0

    def score(self, z: Any, t: float) -> Any:
        """s(z, t): one evaluation of the network, or two with classifier-free guidance."""
        self._evaluations += len(z["num_atoms"]) * self._score.evaluations
        return self._known(z, self._score(z, self.processes.time(z, t)), t)

    def noise_level(self, z: Any, t: float) -> NoiseLevel:
        """α and σ at ``t``."""
        return self.processes.noise_level(z, t)

    def clean(self, z: Any, score: Any, level: NoiseLevel) -> CrystalBatch:
        """x̂0 of z, which is at this noise level, under this score."""
        return self.processes.clean(z, score, level)

    def predict(self, z: Any, score: Any, t: float, s: float) -> Any:
        """The predictor: z_s from z_t."""
        score = self._known(z, self._allowed(score), t)
        if self._elements and self.free_types(z):
            if self._kept is not None:
                score = self._kept.complete(score, z["atomic_numbers"], self._elements)
            if self._given is not None:
                score = self._given.complete(score, z, self._elements)
        return self._held(self.processes.predict(z, score, t, s, self._noise))

    def corrections(self, s: float) -> int:
        """n_c, and none after the last step."""
        return self._langevin.steps if s > 0 else 0

    def correct(self, z: Any, score: Any, s: float) -> Any:
        """A step of the corrector at noise level ``s``, along this score."""
        moved = self._langevin.correct(self.processes, z, self._allowed(score), s, self._noise)
        return self._held(moved if self._given is None else self._given.held(z, moved))

    def renoise(self, z_s: Any, s: float, t: float) -> Any:
        """Forward corruption: z_t from z_s."""
        z = self.processes.renoise(z_s, s, t, self._noise)
        return z if self._kept is None else self._kept.kept(z)

    def free_types(self, z: Any) -> bool:
        """Whether the types of the atoms are the model's to choose."""
        return self.processes.free_types(z)

    def seed(self, step: int) -> int:
        """A seed that belongs to the whole batch, for this step."""
        return structure_seed(*self._seeds, step)

    def copied(self, z: Any, parents: Sequence[int], seed: int) -> Any:
        """The batch whose structure b is a copy of structure ``parents[b]``, from here on with
        random numbers of its own.
        """
        z = copies(z, list(parents), self._device)
        self.lost = self.lost[torch.as_tensor(parents, device=self._device)]
        self.ancestors = [self.ancestors[parent] for parent in parents]
        seeds = [structure_seed(seed, b) for b in range(len(parents))]
        if self._kept is not None:
            self._kept = self._kept.copied(parents)
        if self._given is not None:
            self._given = self._given.copied(parents)
        self._noise = self._noise_of(seeds, z["num_atoms"].tolist())
        return z

    def report(self, step: int, t: float, guided: GuidedStep | None = None) -> None:
        """To be called at the end of every step, with what guidance did in it."""
        if self._on_step is not None:
            self._on_step(
                Progress(step + 1, self.total_steps, t, guided, self.lost, self._evaluations)
            )

    def _held(self, z: Any) -> Any:
        """The batch with an innocent crystal in place of each lost one, whose NaN would end the
        linear algebra and the network for all; the others keep their symmetry.
        """
        if self._kept is not None:
            z = self._kept.kept(z)
        self.lost = self.lost | broken(z)
        return held(z, self.lost, self.processes.limit_mean(z))

    def _start(self) -> Any:
        """The batch at the first noise level."""
        if self._origin is not None:
            z = self.processes.renoise(
                self._origin.batch(self._batch),
                0.0,
                next(t for _, t, _ in self.steps()),
                self._noise,
            )
            return self._origin.masked(z)
        z = self.processes.prior(self._batch, self._noise)
        return z if self._kept is None else self._kept.kept(self._kept.placed(z))

    def _known(self, z: Any, score: Any, t: float) -> Any:
        """The score at ``t`` with that of what is given."""
        if self._given is None:
            return score
        return self._given.scored(z, score, self.noise_level(z, t), self.processes.limit_mean(z))

    def _allowed(self, score: Any) -> Any:
        """The score along the moves that keep the symmetry."""
        return score if self._kept is None else self._kept.scored(score)

    def _noise_of(self, seeds: Sequence[int], num_atoms: Sequence[int]) -> StructureNoise:
        if self._kept is None:
            return StructureNoise(seeds, num_atoms, self._device)
        return InvariantNoise(seeds, num_atoms, self._device, self._kept)
