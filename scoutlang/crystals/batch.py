"""`CrystalBatch`: the tensor type of everything below the IR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from pymatgen.core import Structure

MAX_Z = 100


@dataclass(frozen=True)
class CrystalBatch:
    """B crystals with N atoms in total."""

    frac: Tensor
    """(N, 3) fractional coordinates, any real numbers (wrapped where distances are taken)."""
    cell: Tensor
    """(B, 3, 3) in Å, **rows are lattice vectors**: cartesian = frac @ cell."""
    species: Tensor
    """(N, MAX_Z + 1) probability that atom i is element Z (column Z; column 0 is unused). One-hot
    for a real structure; rows sum to at most 1 (the rest is the diffusion mask state).
    """
    system: Tensor
    """(N,) int64, index of the crystal that atom i belongs to, ascending."""
    num_atoms: Tensor
    """(B,) int64."""

    @property
    def size(self) -> int:
        return int(self.num_atoms.shape[0])

    def weight(self, atomic_numbers: Sequence[int]) -> Tensor:
        """(N,) probability that atom i is one of these elements."""
        return self.species[:, list(atomic_numbers)].sum(dim=-1)

    def with_geometry(self, frac: Tensor, cell: Tensor) -> CrystalBatch:
        return replace(self, frac=frac, cell=cell)

    @classmethod
    def from_structures(
        cls,
        structures: Sequence[Structure],
        *,
        dtype: torch.dtype = torch.float64,
        device: torch.device | str = "cpu",
    ) -> CrystalBatch:
        """Batch of ordered pymatgen structures with one-hot species."""
        numbers = torch.tensor([n for s in structures for n in s.atomic_numbers], dtype=torch.int64)
        species = torch.zeros((len(numbers), MAX_Z + 1), dtype=dtype)
        species[torch.arange(len(numbers)), numbers] = 1.0
        num_atoms = torch.tensor([len(s) for s in structures], dtype=torch.int64)
        return cls(
            frac=torch.cat(
                [torch.as_tensor(s.frac_coords.copy(), dtype=dtype) for s in structures]
            ).to(device),
            cell=torch.stack(
                [torch.as_tensor(s.lattice.matrix.copy(), dtype=dtype) for s in structures]
            ).to(device),
            species=species.to(device),
            system=torch.repeat_interleave(torch.arange(len(structures)), num_atoms).to(device),
            num_atoms=num_atoms.to(device),
        )
