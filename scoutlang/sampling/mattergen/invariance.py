"""Sampling in the space of structures that a space group leaves unchanged.

Coordinates: x_i = W_k x_r + w_k for every atom i of the orbit of r, whose moves stay on its Wyckoff
position. These structures are an affine space V of the fractional coordinates; noise is projected
orthogonally on it, which makes the noised structures those of the process conditioned on V, and the
score, too, which is in V up to rounding where the network is equivariant. Types: those of an orbit
are one. Lattice: rows L with Wᵀ (L Lᵀ) W = L Lᵀ are S_ref U (and a rotation), with S_ref² the mean
of WᵀW, and U symmetric and unchanged by the operations S_ref⁻¹ Wᵀ S_ref, which are rotations. U is
projected on these, a linear space, and the lattice is √(S_ref U² S_ref), MatterGen's symmetric
form. In cells whose operations are rotations of the axes S_ref = 1, and the projection is that of
the Gaussian.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scoutlang.crystals.space_groups import space_group
from scoutlang.ir.space_groups import Occupation
from scoutlang.sampling.mattergen.batches import is_lattice, wrap
from scoutlang.sampling.mattergen.completing import completed
from scoutlang.sampling.noise import StructureNoise


@dataclass(frozen=True)
class Invariance:
    """What a batch of B structures with N atoms in O orbits must keep. Atoms stand orbit by orbit,
    in the order of `Occupation.orbits`.
    """

    occupations: tuple[Occupation, ...]
    orbit: Tensor
    """(N,) the orbit of each atom."""
    first: Tensor
    """(O,) the first atom of each orbit."""
    structure: Tensor
    """(O,) the structure that it belongs to."""
    rotation: Tensor
    """(N, 3, 3) W that takes the first atom of the orbit to this one."""
    shift: Tensor
    """(N, 3) its w."""
    origin: Tensor
    """(N, 3) a point that the atom can be on."""
    moves: Tensor
    """(N, 3, 3) D: the atom goes by D u when the free coordinates of its orbit go by u."""
    shares: Tensor
    """(O, 3, 3) (Σ DᵀD)⁺."""
    site_of: Tensor
    """(M,) for each operation that leaves a first atom where it is: its orbit."""
    site_rotation: Tensor
    """(M, 3, 3) its W."""
    site_shift: Tensor
    """(M, 3) its w."""
    reference: Tensor
    """(B, 3, 3) S_ref."""
    lattice: Tensor
    """(B, 9, 9) the projector of U."""

    @classmethod
    def of(
        cls, occupations: Sequence[Occupation], device: torch.device | str = "cpu"
    ) -> Invariance:
        parts: dict[str, list[Any]] = {name: [] for name in _ATOMS + _SITES + _REST}
        atoms = orbits = 0
        for structure, occupation in enumerate(occupations):
            group = space_group(occupation.group)
            reference, projector = _lattice(occupation.group)
            parts["reference"].append(reference)
            parts["lattice"].append(projector)
            for place in occupation.orbits:
                position = group.positions[place]
                rotations = group.rotations[position.copies]
                shifts = group.translations[position.copies]
                free = np.zeros((3, 3))
                free[:, : position.free] = position.freedom
                moves = rotations @ free
                parts["orbit"] += [orbits] * position.size
                parts["first"].append(atoms)
                parts["structure"].append(structure)
                parts["rotation"] += list(rotations)
                parts["shift"] += list(shifts)
                parts["origin"] += list(rotations @ position.point + shifts)
                parts["moves"] += list(moves)
                parts["shares"].append(np.linalg.pinv(np.einsum("kji,kjl->il", moves, moves)))
                parts["site_of"] += [orbits] * len(position.stabiliser)
                parts["site_rotation"] += list(group.rotations[position.stabiliser])
                parts["site_shift"] += list(group.translations[position.stabiliser])
                atoms, orbits = atoms + position.size, orbits + 1
        made = {
            name: torch.as_tensor(
                np.array(values), dtype=torch.long if name in _WHOLE else torch.float32
            ).to(device)
            for name, values in parts.items()
        }
        return cls(tuple(occupations), **made)

    def copied(self, parents: Sequence[int]) -> Invariance:
        """That of a batch whose structure b is a copy of structure ``parents[b]``."""
        return Invariance.of([self.occupations[p] for p in parents], self.orbit.device)

    # ------------------------------------------------------------------ projections

    def moved(self, move: Tensor) -> Tensor:
        """(N, 3) fractional moves → the nearest that keep the symmetry: D (Σ DᵀD)⁺ Σ Dᵀ move."""
        along = torch.einsum("nij,ni->nj", self.moves, move)
        free = torch.einsum("oij,oj->oi", self.shares, self._summed(along))
        return torch.einsum("nij,nj->ni", self.moves, free[self.orbit])

    def scored(self, score: Any) -> Any:
        """A score along the moves that keep the symmetry, the types of an orbit scored as one."""
        fields = {"pos": self.moved(score["pos"])}
        if "atomic_numbers" in score:
            logits = score["atomic_numbers"]
            mean = self._summed(logits) / torch.bincount(self.orbit)[:, None]
            fields["atomic_numbers"] = mean[self.orbit]
        return score.replace(**fields)

    def complete(self, score: Any, types: Tensor, elements: Sequence[int]) -> Any:
        """The score with which every element finds an orbit (`completing`)."""
        return completed(score, types[self.first], self.structure, self.orbit, elements)

    def placed(self, z: Any) -> Any:
        """The batch with its coordinates taken for moves from a structure of the group."""
        return z.replace(pos=wrap(self.origin + z["pos"]))

    def kept(self, z: Any) -> Any:
        """The batch with what rounding or a lattice step took away given back: exact orbits, one
        type in each, a lattice that the operations leave unchanged.
        """
        pos = z["pos"][self.first]
        at = pos[self.site_of]
        images = torch.einsum("mij,mj->mi", self.site_rotation, at) + self.site_shift
        nearest = at + (images - at) - torch.round(images - at)
        operations = torch.bincount(self.site_of, minlength=len(pos))[:, None]
        pos = torch.zeros_like(pos).index_add(0, self.site_of, nearest) / operations
        pos = torch.einsum("nij,nj->ni", self.rotation, pos[self.orbit]) + self.shift
        types = z["atomic_numbers"][self.first][self.orbit]
        return z.replace(pos=wrap(pos), atomic_numbers=types, cell=self.lattices(z["cell"]))

    def lattices(self, cell: Tensor) -> Tensor:
        """(B, 3, 3) symmetric lattices → symmetric ones that the operations leave unchanged. One
        that is no lattice stays as it is.
        """
        good = is_lattice(cell)[:, None, None]
        rows = torch.where(good, cell, torch.eye(3, device=cell.device)).double()
        reference = self.reference.double()
        strained = torch.linalg.solve(reference, rows)
        stretch = _root(strained @ strained.transpose(1, 2))
        kept = torch.einsum("bij,bj->bi", self.lattice.double(), stretch.flatten(1))
        stretch = kept.reshape(-1, 3, 3)
        found = _root(reference @ stretch @ stretch @ reference).to(cell.dtype)
        return torch.where(good, found, cell)

    def _summed(self, values: Tensor) -> Tensor:
        """(N, …) of atoms → (O, …) of orbits."""
        empty = values.new_zeros((len(self.first), *values.shape[1:]))
        return empty.index_add(0, self.orbit, values)


_ATOMS = ("orbit", "rotation", "shift", "origin", "moves")
_SITES = ("site_of", "site_rotation", "site_shift")
_REST = ("first", "structure", "shares", "reference", "lattice")
_WHOLE = ("orbit", "first", "structure", "site_of")


class InvariantNoise(StructureNoise):
    """Noise of the coordinates in the space that an `Invariance` keeps."""

    def __init__(
        self,
        seeds: Sequence[int],
        num_atoms: Sequence[int],
        device: torch.device | str,
        invariance: Invariance,
    ) -> None:
        super().__init__(seeds, num_atoms, device)
        self._invariance = invariance

    def atoms(self) -> Tensor:
        """(N, 3) standard normal in each direction of that space, zero across."""
        return self._invariance.moved(super().atoms())


@lru_cache(maxsize=230)
def _lattice(number: int) -> tuple[Any, Any]:
    """S_ref and the projector of U, which a group has whatever is on its positions."""
    rotations = space_group(number).rotations
    reference = _reference(rotations)
    return reference, _lattice_projector(rotations, reference)


def _reference(rotations: Any) -> Any:
    """(3, 3) S_ref of operations W (n, 3, 3), with determinant 1."""
    metric = np.einsum("kji,kjl->il", rotations, rotations) / len(rotations)
    values, vectors = np.linalg.eigh(metric / np.linalg.det(metric) ** (1 / 3))
    return (vectors * np.sqrt(values)) @ vectors.T


def _lattice_projector(rotations: Any, reference: Any) -> Any:
    """(9, 9) the mean of U ↦ Q U Qᵀ over the rotations Q = S_ref⁻¹ Wᵀ S_ref."""
    inverse = np.linalg.inv(reference)
    turned = [inverse @ rotation.T @ reference for rotation in rotations]
    return np.mean([np.kron(q, q) for q in turned], axis=0)


def _root(matrix: Tensor) -> Tensor:
    """(B, 3, 3) the symmetric root of symmetric matrices; what is below 0 counts as 0."""
    values, vectors = torch.linalg.eigh((matrix + matrix.transpose(1, 2)) / 2)
    root: Tensor = vectors @ torch.diag_embed(values.clamp(min=0).sqrt()) @ vectors.transpose(1, 2)
    return root
