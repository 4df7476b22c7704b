"""MatterGen's batches: made empty, doubled, resampled."""

from __future__ import annotations

import itertools
from typing import Any

import torch
from mattergen.common.data.chemgraph import ChemGraph
from mattergen.common.data.collate import collate
from torch import Tensor

FIELDS = ("pos", "cell", "atomic_numbers")

GIVEN_TYPES = "given_types"
"""Our field (N,): atomic numbers that are known from the start."""

LONGEST_CELL = 1000.0
"""Å. At no noise level is an entry of a lattice anywhere near."""

_CONDITIONS = "_USE_UNCONDITIONAL_EMBEDDING"
"""MatterGen's field: condition → (B, 1) bool, whether it is left out."""


def wrap(frac: Tensor) -> Tensor:
    """Fractional coordinates in [0, 1)."""
    return frac - torch.floor(frac)


def conditions(
    num_atoms: list[int], chemical_system: str | None, types: Tensor | None = None
) -> Any:
    """A batch of empty crystals that carries the conditions; ``chemical_system`` is ``Ca-Cu-P-Si``
    or None.

    types: (N,) atomic numbers of the whole batch, where the composition is known.
    """
    extra = {} if chemical_system is None else {"chemical_system": chemical_system}
    graphs = [
        ChemGraph(
            atomic_numbers=torch.zeros(n, dtype=torch.long),
            pos=torch.zeros(n, 3),
            cell=torch.zeros(1, 3, 3),
            num_atoms=torch.tensor([n]),
            **extra,
        )
        for n in num_atoms
    ]
    batch = collate(graphs)
    return batch if types is None else batch.replace(**{GIVEN_TYPES: types})


def twice(first: Any, second: Any) -> Any:
    """One batch of two that hold the same crystals and differ in which conditions count."""
    size = len(first["num_atoms"])
    tensors = {name: torch.cat([first[name], second[name]]) for name in (*FIELDS, "num_atoms")}
    conditions_ = {name: list(first[name]) * 2 for name in ("chemical_system",) if name in first}
    flags = {
        name: torch.cat([first[_CONDITIONS][name], second[_CONDITIONS][name]])
        for name in first[_CONDITIONS]
    }
    index = torch.cat([first["batch"], second["batch"] + size])
    ptr = torch.cat([first["ptr"], second["ptr"][1:] + first["ptr"][-1]])
    return first.replace(**tensors, **conditions_, **{_CONDITIONS: flags}, batch=index, ptr=ptr)


def copies(z: Any, parents: list[int], device: torch.device | str) -> Any:
    """The batch whose structure b is a copy of structure ``parents[b]`` of ``z``."""
    sizes = z["num_atoms"].tolist()
    starts = list(itertools.accumulate(sizes, initial=0))
    atoms = torch.tensor(
        [i for p in parents for i in range(starts[p], starts[p + 1])], device=device
    )
    system = z["chemical_system"][0] if "chemical_system" in z else None
    system = system if system is None or isinstance(system, str) else "-".join(system)
    types = z[GIVEN_TYPES][atoms] if GIVEN_TYPES in z else None
    fresh = conditions([sizes[p] for p in parents], system, types).to(device)
    return fresh.replace(
        pos=z["pos"][atoms],
        cell=z["cell"][torch.tensor(parents, device=device)],
        atomic_numbers=z["atomic_numbers"][atoms],
    )


def broken(z: Any) -> Tensor:
    """(B,) bool: structures with a coordinate or a lattice entry that is not finite, or beyond
    `LONGEST_CELL`.
    """
    inside = is_lattice(z["cell"])
    lost = torch.zeros_like(inside).index_put(
        (z.get_batch_idx("pos"),), ~torch.isfinite(z["pos"]).all(1), accumulate=True
    )
    return ~inside | lost


def is_lattice(cell: Tensor) -> Tensor:
    """(B, 3, 3) → (B,) bool; false for NaN as well."""
    return (cell.abs() <= LONGEST_CELL).flatten(1).all(1)


def held(z: Any, lost: Tensor, cell: Tensor) -> Any:
    """The batch with this cell (B, 3, 3), and atoms apart from each other, for the structures
    ``lost`` (B,).
    """
    apart = wrap(
        torch.arange(len(z["pos"]), device=lost.device)[:, None]
        * z["pos"].new_tensor([2.0, 3.0, 5.0]).sqrt()
    )
    return z.replace(
        pos=torch.where(lost[z.get_batch_idx("pos")][:, None], apart, z["pos"]),
        cell=torch.where(lost[:, None, None], cell, z["cell"]),
    )
