"""Sampling around a part of the crystal that is given, and from a crystal that is noised.

What is given of x_0 is known at every noise level: its score is (α x_0 + (1 − α) μ − z_t) / σ²,
with which x̂0 is the given part itself. The predictor then draws z_s from q(z_s | z_t, x_0), so that
the given part goes back along a path of the noising process, and the network sees it noised as it
sees the rest (inpainting, as by replacement at each step but along one path). The corrector leaves
it where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from mattergen.common.utils.data_utils import compute_lattice_polar_decomposition
from pymatgen.core import Structure
from torch import Tensor

from scoutlang.crystals.batch import MAX_Z
from scoutlang.sampling.mattergen.batches import wrap
from scoutlang.sampling.mattergen.completing import completed
from scoutlang.sampling.mattergen.processes import NoiseLevel

_IMPOSSIBLE = -1e10
"""The logit of a type that it is not."""


@dataclass(frozen=True)
class Given:
    """What is known of every crystal of a batch of B structures with N atoms: its first atoms, and
    the lattice where that is given, too.
    """

    atoms: Tensor
    """(N,) bool: is given."""
    frac: Tensor
    """(N, 3) fractional coordinates; 0 where nothing is given."""
    types: Tensor
    """(N,) atomic numbers; 0 where nothing is given."""
    cell: Tensor | None
    """(3, 3) Å, symmetric; None where the lattice is free."""
    structure: Structure
    sizes: tuple[int, ...]
    """Atoms of each crystal."""

    @classmethod
    def of(
        cls,
        structure: Structure,
        sizes: Sequence[int],
        *,
        lattice: bool,
        device: torch.device | str = "cpu",
    ) -> Given:
        """The sites of a structure as the first of as many crystals as there are sizes."""
        atoms, frac, types = [], [], []
        for size in sizes:
            free = size - len(structure)
            atoms += [True] * len(structure) + [False] * free
            frac += [*structure.frac_coords, *np.zeros((free, 3))]
            types += [*structure.atomic_numbers, *[0] * free]
        return cls(
            torch.tensor(atoms, device=device),
            torch.as_tensor(np.array(frac), dtype=torch.float32, device=device),
            torch.tensor(types, device=device),
            symmetric(structure).to(device) if lattice else None,
            structure,
            tuple(sizes),
        )

    def copied(self, parents: Sequence[int]) -> Given:
        """That of a batch whose crystal b is a copy of crystal ``parents[b]``."""
        sizes = [self.sizes[parent] for parent in parents]
        lattice = self.cell is not None
        return Given.of(self.structure, sizes, lattice=lattice, device=self.atoms.device)

    def scored(self, z: Any, score: Any, level: NoiseLevel, limit_mean: Tensor) -> Any:
        """The score of a batch at a noise level, with that of the given part in its place."""
        sigma = level.sigma_frac[z.get_batch_idx("pos")][:, None]
        offset = self.frac - z["pos"]
        offset = (offset - torch.round(offset)) / sigma.square()
        fields = {"pos": torch.where(self.atoms[:, None], offset, score["pos"])}
        if self.cell is not None:
            mean = level.alpha * self.cell + (1 - level.alpha) * limit_mean
            fields["cell"] = (mean - z["cell"]) / level.sigma_cell.square()
        if "atomic_numbers" in score:
            known = torch.full_like(score["atomic_numbers"], _IMPOSSIBLE)
            column = (self.types - 1).clamp(min=0)[:, None]
            known = known.scatter(1, column, 0.0)
            fields["atomic_numbers"] = torch.where(
                self.atoms[:, None], known, score["atomic_numbers"]
            )
        return score.replace(**fields)

    def complete(self, score: Any, z: Any, elements: Sequence[int]) -> Any:
        """The score with which every element finds an atom (`completing`)."""
        types = torch.where(self.atoms, self.types, z["atomic_numbers"])
        chooser = torch.arange(len(types), device=types.device)
        return completed(score, types, z.get_batch_idx("pos"), chooser, elements)

    def held(self, before: Any, after: Any) -> Any:
        """``after`` with the given part as it was before."""
        fields = {"pos": torch.where(self.atoms[:, None], before["pos"], after["pos"])}
        if self.cell is not None:
            fields["cell"] = before["cell"]
        return after.replace(**fields)

    def exact(self, z: Any) -> Any:
        """The batch with the given part to the last digit."""
        fields = {
            "pos": torch.where(self.atoms[:, None], wrap(self.frac), z["pos"]),
            "atomic_numbers": torch.where(self.atoms, self.types, z["atomic_numbers"]),
        }
        if self.cell is not None:
            fields["cell"] = self.cell.expand_as(z["cell"]).clone()
        return z.replace(**fields)


@dataclass(frozen=True)
class Origin:
    """A crystal that is noised to a level and sampled from there."""

    structure: Structure
    noise: float
    """Diffusion time, above 0 to 1."""
    elements: tuple[int, ...]
    """Atomic numbers that may stay; what else there is gives its place to one of them."""

    def batch(self, z: Any) -> Any:
        """The crystal in every place of a batch, not noised."""
        copies, device = len(z["num_atoms"]), z["pos"].device
        frac = torch.as_tensor(self.structure.frac_coords.copy(), dtype=torch.float32)
        types = torch.tensor(self.structure.atomic_numbers)
        return z.replace(
            pos=wrap(frac).repeat(copies, 1).to(device),
            cell=symmetric(self.structure).repeat(copies, 1, 1).to(device),
            atomic_numbers=types.repeat(copies).to(device),
        )

    def masked(self, z: Any) -> Any:
        """The batch in which atoms of other elements are masked."""
        types = z["atomic_numbers"]
        stays = torch.isin(types, torch.tensor(self.elements, device=types.device))
        return z.replace(
            atomic_numbers=torch.where(stays, types, torch.full_like(types, MAX_Z + 1))
        )


def symmetric(structure: Structure) -> Tensor:
    """(3, 3) Å: the lattice turned so that its matrix is symmetric, as MatterGen has it."""
    rows = torch.as_tensor(structure.lattice.matrix.copy())
    turned: Tensor = compute_lattice_polar_decomposition(rows[None])[0]
    return turned.float()
