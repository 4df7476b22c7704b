"""Random numbers that belong to a structure, not to a batch: those of structure i are the same
whatever the batch size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

_BLOCK = 16
"""How many draws of each kind are made at a time."""


def structure_seed(*key: object) -> int:
    """A 63-bit seed from a key such as (seed, arm, index)."""
    digest = hashlib.sha256("/".join(map(str, key)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


class StructureNoise:
    """One random stream per structure, drawn on the CPU in blocks, so that values do not depend on
    device or batch. B structures with N atoms in total.
    """

    def __init__(
        self, seeds: Sequence[int], num_atoms: Sequence[int], device: torch.device | str = "cpu"
    ) -> None:
        """seeds, num_atoms: of each structure. device: of the tensors that are given."""
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._num_atoms = list(num_atoms)
        self._device = device
        self._blocks: dict[str, list[Tensor]] = {}

    def atoms(self) -> Tensor:
        """(N, 3) standard normal."""
        return self._next("atoms", lambda g, n: torch.randn(_BLOCK, n, 3, generator=g))

    def cells(self) -> Tensor:
        """(B, 3, 3) symmetric, standard normal in every entry."""
        return symmetric_noise(
            self._next("cells", lambda g, _: torch.randn(_BLOCK, 1, 3, 3, generator=g))
        )

    def uniform(self) -> Tensor:
        """(N,) uniform in [0, 1)."""
        return self._next("uniform", lambda g, n: torch.rand(_BLOCK, n, generator=g))

    def _next(self, kind: str, draw: Callable[[torch.Generator, int], Tensor]) -> Tensor:
        if not self._blocks.get(kind):
            drawn = [draw(g, n) for g, n in zip(self._generators, self._num_atoms, strict=True)]
            self._blocks[kind] = list(torch.cat(drawn, dim=1).to(self._device).unbind(0))
        return self._blocks[kind].pop(0)


def symmetric_noise(noise: Tensor) -> Tensor:
    """(B, 3, 3) standard normal → symmetric, again with unit variance in every entry."""
    off_diagonal = (noise + noise.transpose(1, 2)) / 2**0.5
    return off_diagonal + torch.diag_embed((noise - off_diagonal).diagonal(dim1=1, dim2=2))
