"""energy_per_atom: energy of the crystal as it is, unrelaxed, by an interatomic potential, in
eV/atom.

soft and exact are the energy E/n of the same potential. Its gradients are those of the potential:
with rows of L as lattice vectors, forces F and stress σ, ∂(E/n)/∂frac = −F Lᵀ / n and ∂(E/n)/∂L = V
L⁻ᵀ σ / n, because at fixed fractional coordinates dL = L dε for a strain dε. There is no gradient
to the atom types: a crystal with an atom that is no element with a probability above 1/2 is
undefined, and so is one that the potential cannot treat (an element that it does not know, a
collapsed cell, an isolated atom).

The parameter ``potential`` names it; its zero of energy is its own, so only compositions that are
alike can be compared: for stability across compositions use ``e_above_hull``. As a guide it costs
an energy with forces at every guided step, CHGNet about 0.2 s per crystal and core; `guide every=5`
divides that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scoutlang import potentials
from scoutlang.descriptors._later import CrystalBatch, Tensor, neighbours, torch
from scoutlang.descriptors._structures import decided_structures
from scoutlang.ir import Measure
from scoutlang.ir.signatures import DescriptorSignature, Parameter

if TYPE_CHECKING:
    from scoutlang.crystals.neighbours import DescriptorValue

SIGNATURE = DescriptorSignature(
    name="energy_per_atom",
    summary="energy by an interatomic potential, unrelaxed",
    dimension="energy_per_atom",
    scale=0.1,
    tolerance=0.025,
    minimum=float("-inf"),
    parameters=(Parameter("potential", "choice", potentials.DEFAULT, choices=potentials.names()),),
    example="prefer energy_per_atom as low as possible",
)


def soft(batch: CrystalBatch, measure: Measure, sharpness: float | Tensor = 8.0) -> DescriptorValue:
    """eV/atom (B,), with the potential's gradients in coordinates and cell. There is no smooth step
    here: ``sharpness`` changes nothing.

    Raises ScoutError E440 where the potential is not installed.
    """
    energy, along_frac, along_cell = (
        batch.frac.new_zeros(batch.size),
        torch.zeros_like(batch.frac),
        torch.zeros_like(batch.cell),
    )
    defined = torch.zeros(batch.size, dtype=torch.bool, device=batch.frac.device)
    ends = batch.num_atoms.cumsum(0).tolist()
    for k, found in _evaluations(batch, measure, slopes=True).items():
        assert found.forces is not None
        assert found.stress is not None
        atoms, cell = (
            slice(ends[k] - len(found.forces), ends[k]),
            batch.cell[k].detach().double().cpu(),
        )
        forces, stress = torch.from_numpy(found.forces), torch.from_numpy(found.stress)
        volume, count = torch.linalg.det(cell).abs(), len(forces)
        energy[k], defined[k] = found.energy, True
        along_frac[atoms] = (-forces @ cell.T / count).to(batch.frac)
        along_cell[k] = (volume * torch.linalg.inv(cell).T @ stress / count).to(batch.cell)
    # The first-order expansion about the present geometry: the value is the energy, its gradient is
    # the potential's.
    frac = torch.where(defined[batch.system, None], batch.frac, torch.zeros_like(batch.frac))
    cell = torch.where(defined[:, None, None], batch.cell, torch.zeros_like(batch.cell))
    change = neighbours.sum_by_structure(
        (along_frac * (frac - frac.detach())).sum(-1), batch.system, batch.size
    )
    return neighbours.DescriptorValue.soft(
        energy + change + (along_cell * (cell - cell.detach())).sum((1, 2)), defined
    )


def exact(batch: CrystalBatch, measure: Measure) -> DescriptorValue:
    """eV/atom (B,), NaN where undefined; energies are cached on disk. Raises ScoutError E440 where
    the potential is not installed.
    """
    value = batch.frac.new_full((batch.size,), float("nan"))
    for k, found in _evaluations(batch, measure, slopes=False).items():
        value[k] = found.energy
    return neighbours.DescriptorValue.exact(value, ~value.isnan())


def formula(measure: Measure) -> str:
    return f"E / n in eV by {_potential(measure)}, unrelaxed"


def _potential(measure: Measure) -> str:
    return measure.choice("potential") or potentials.DEFAULT


def _evaluations(
    batch: CrystalBatch, measure: Measure, *, slopes: bool
) -> dict[int, potentials.Evaluation]:
    """By number of the crystal; those without an energy are left out."""
    decided = {k: s for k, s in enumerate(decided_structures(batch)) if s is not None}
    potential = potentials.load(_potential(measure))
    ask = potential.evaluate if slopes else potential.energies
    found = dict(zip(decided, ask(list(decided.values())), strict=True))
    return {k: e for k, e in found.items() if not e.reason}
