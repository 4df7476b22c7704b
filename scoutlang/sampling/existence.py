"""Soft existence loss: a species that a term speaks of must be there, or the term is undefined and
pulls nowhere (trap 12).

ℓ_E = Σ_S −log(1 − Π_i (1 − p_i(S))) over the sets of elements S that the guiding terms name; p_i(S)
is the probability that atom i is one of S.
"""

from __future__ import annotations

import torch
from torch import Tensor

from scoutlang.crystals.neighbours import sum_by_structure
from scoutlang.ir import Program, measures
from scoutlang.ir.elements import ATOMIC_NUMBER

_FLOOR = 1e-6


def needed(program: Program) -> tuple[tuple[int, ...], ...]:
    """Sets of atomic numbers of which each must have an atom: the species of the guiding terms,
    unless they take every element of the system.
    """
    everything = set(program.system)
    named = {
        tuple(ATOMIC_NUMBER[e] for e in species.elements)
        for term in program.terms
        if term.verb != "expect"
        for measure in measures(term.claim)
        for species in measure.species
        if set(species.elements) != everything
    }
    return tuple(sorted(named))


def pull(species: Tensor, system: Tensor, size: int, sets: tuple[tuple[int, ...], ...]) -> Tensor:
    """∂ℓ_E/∂p (N, MAX_Z + 1): −Π_{j≠i}(1 − p_j) / (1 − Π_j (1 − p_j)) for the elements of each set,
    0 where the species is certain.
    """
    gradient = torch.zeros_like(species)
    for elements in sets:
        columns = list(elements)
        absent = (1 - species[:, columns].sum(-1)).clamp(min=_FLOOR, max=1.0)
        nobody = sum_by_structure(absent.log(), system, size).exp()[system]
        gradient[:, columns] -= (nobody / absent / (1 - nobody).clamp(min=_FLOOR))[:, None]
    return gradient
