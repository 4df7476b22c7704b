"""Loss and gradient of a batch against loops over structures: ``python -m benchmarks.loss_speed``.

128 random cells of 20 atoms of Cu-Si-P-Ca, CN(Cu-P), CN(Cu-Cu) and the volume per atom, float32,
one thread. Three loops do the same:

* pairs: as the paper's equations are read, a loop over structures and in it over pairs of atoms, 27
  images at once;
* structures: plain torch as well, all pairs and 27 images of a structure at once, a loop over
  structures only;
* singles: our own loss, one structure at a time.

27 images are enough for these cells, and the numbers agree; the first two would miss neighbours in
thin cells.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import click
import torch
from torch import Tensor

from scoutlang.crystals.batch import MAX_Z, CrystalBatch
from scoutlang.evaluation.loss import Loss, compile_loss, loss_and_gradients
from scoutlang.interfaces import api
from scoutlang.ir.elements import ATOMIC_NUMBER, neighbour_radius
from scoutlang.sampling.memory import keep_freed_memory

SYSTEM = ("Cu", "Si", "P", "Ca")
COORDINATION = (("Cu", "P", 4.0), ("Cu", "Cu", 1.0))
VOLUME = 16.0  # Å^3 per atom
PROGRAM = f"system {'-'.join(SYSTEM)}\n" + "\n".join(
    [
        *(f"require CN({a}-{b}) = {target}" for a, b, target in COORDINATION),
        f"require volume_per_atom = {VOLUME} Å^3",
    ]
)
IMAGES = torch.cartesian_prod(*3 * [torch.arange(-1.0, 2.0)])

Result = tuple[Tensor, Tensor, Tensor, Tensor]
"""Losses (B,), and the gradients by fractional coordinates (N, 3), lattice (B, 3, 3) and species
(N, MAX_Z + 1).
"""


def loss() -> Loss:
    program = api.check(PROGRAM).program
    assert program is not None
    return compile_loss(program)


def random_batch(size: int, *, soft: bool, atoms: int = 20, seed: int = 0) -> CrystalBatch:
    """Cells of 16 Å^3 per atom, sheared a little; one-hot species, or soft ones as in the middle of
    sampling.
    """
    rng = torch.Generator().manual_seed(seed)
    total = size * atoms
    cell = (VOLUME * atoms) ** (1 / 3) * (
        torch.eye(3) + 0.1 * torch.randn(size, 3, 3, generator=rng)
    )
    columns = torch.tensor([ATOMIC_NUMBER[e] for e in SYSTEM])
    species = torch.zeros(total, MAX_Z + 1)
    if soft:
        species[:, columns] = torch.softmax(torch.randn(total, len(SYSTEM), generator=rng), dim=-1)
    else:
        species[
            torch.arange(total), columns[torch.randint(len(SYSTEM), (total,), generator=rng)]
        ] = 1.0
    system = torch.arange(size).repeat_interleave(atoms)
    return CrystalBatch(
        torch.rand(total, 3, generator=rng), cell, species, system, torch.full((size,), atoms)
    )


def singles(batch: CrystalBatch) -> list[CrystalBatch]:
    bounds = [0, *batch.num_atoms.cumsum(0).tolist()]
    return [
        CrystalBatch(
            batch.frac[a:b],
            batch.cell[k : k + 1],
            batch.species[a:b],
            torch.zeros(b - a, dtype=torch.int64),
            batch.num_atoms[k : k + 1],
        )
        for k, (a, b) in enumerate(pairwise(bounds))
    ]


# ---- the loops ----


def count_by_pairs(
    frac: Tensor, cell: Tensor, centre: Tensor, neighbour: Tensor, same: bool, radius: float
) -> Tensor:
    """Mean coordination number of one structure, pair of atoms by pair of atoms; ``same``: both are
    one element.
    """
    total = frac.new_zeros(())
    for i in range(len(frac)):
        for j in range(len(frac)):
            if centre[i] * neighbour[j] <= 0 and not (i == j and same and centre[i] > 0):
                continue
            offset = frac[j] - frac[i]
            distance = ((offset - offset.detach().round() + IMAGES) @ cell).norm(dim=1)
            # an atom's own images are of its element, and the atom itself does not count
            if i == j:
                step = torch.sigmoid(8.0 * (radius - distance[IMAGES.abs().sum(1) > 0])).sum()
                total = total + centre[i] * step * float(same)
            else:
                total = (
                    total
                    + centre[i] * neighbour[j] * torch.sigmoid(8.0 * (radius - distance)).sum()
                )
    return total / centre.sum()


def count_by_structure(
    frac: Tensor, cell: Tensor, centre: Tensor, neighbour: Tensor, same: bool, radius: float
) -> Tensor:
    """The same with all pairs of the structure at once."""
    offset = frac[None, :, :] - frac[:, None, :]
    itself = torch.eye(len(frac))
    left_out = itself[:, :, None] * (IMAGES.abs().sum(1) == 0)
    vector = (offset - offset.detach().round())[:, :, None, :] @ cell + IMAGES @ cell
    distance = (vector.square().sum(-1) + left_out).sqrt()
    step = (torch.sigmoid(8.0 * (radius - distance)) * (1 - left_out)).sum(-1)
    weight = centre[:, None] * torch.where(
        itself > 0, torch.full_like(itself, float(same)), neighbour[None, :]
    )
    return (weight * step).sum() / centre.sum()


def plain(count: Callable[..., Tensor], structures: list[CrystalBatch]) -> Result:
    """Losses and gradients as a loop over structures, |CN − target| of each pair of elements and
    |V/n − target| summed.
    """
    values, gradients = [], []
    for crystal in structures:
        frac, cell, species = (
            x.clone().requires_grad_() for x in (crystal.frac, crystal.cell[0], crystal.species)
        )
        # the natural unit of change of this descriptor is 1 Å^3
        value = (torch.det(cell).abs() / len(frac) - VOLUME).abs()
        for a, b, target in COORDINATION:
            present = species[:, ATOMIC_NUMBER[a]]
            if present.sum() >= 0.5:
                coordination = count(
                    frac,
                    cell,
                    present,
                    species[:, ATOMIC_NUMBER[b]],
                    a == b,
                    neighbour_radius(a, b),
                )
                value = value + (coordination - target).abs()
        values.append(value.detach())
        by_frac, by_cell, by_species = torch.autograd.grad(
            value, (frac, cell, species), allow_unused=True, materialize_grads=True
        )
        # an element that is ruled out stays so
        gradients.append((by_frac, by_cell, by_species * (species.detach() > 0)))
    by_frac, by_cell, by_species = zip(*gradients, strict=True)
    return torch.stack(values), torch.cat(by_frac), torch.stack(by_cell), torch.cat(by_species)


def ours(compiled: Loss, batch: CrystalBatch) -> Result:
    value, by_frac, by_cell, by_species = loss_and_gradients(compiled, batch)
    return value.total, by_frac, by_cell, by_species * (batch.species > 0)


def ours_one_by_one(compiled: Loss, structures: list[CrystalBatch]) -> Result:
    found = [ours(compiled, crystal) for crystal in structures]
    return tuple(map(torch.cat, zip(*found, strict=True)))  # type: ignore[return-value]


# ---- measuring ----


def timed(call: Callable[[], Result], repeats: int) -> tuple[float, Result]:
    """Least processor time of ``repeats`` calls, as other processes of the machine can only add to
    it; and the result.
    """
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = call()
        times.append(time.process_time() - start)
    return min(times), result


def agreement(found: Result, expected: Result) -> float:
    """The largest difference in units of the largest entry, over values and gradients."""
    return max(
        float((a - b).abs().max() / b.abs().max()) for a, b in zip(found, expected, strict=True)
    )


@click.command(help=__doc__)
@click.option("--size", default=128, show_default=True, help="Structures in the batch.")
@click.option("--atoms", default=20, show_default=True, help="Atoms in each.")
def main(size: int, atoms: int) -> None:
    torch.set_num_threads(1)
    keep_freed_memory()
    compiled = loss()
    click.echo(
        f"{size} cells of {atoms} atoms: milliseconds of processor time, "
        "and how many times the batch's"
    )
    click.echo(
        "| species | batch | pairs | structures | singles | largest difference |\n"
        "|---|---|---|---|---|---|"
    )
    for soft in (False, True):
        batch = random_batch(size, soft=soft, atoms=atoms)
        structures = singles(batch)
        ours(compiled, batch)  # torch takes its memory once
        together, expected = timed(partial(ours, compiled, batch), 20)
        loops = {
            "pairs": timed(partial(plain, count_by_pairs, structures), 1),
            "structures": timed(partial(plain, count_by_structure, structures), 3),
            "singles": timed(partial(ours_one_by_one, compiled, structures), 3),
        }
        difference = max(agreement(result, expected) for _, result in loops.values())
        if difference > 1e-3:
            raise click.ClickException(f"the loops differ from the batch: {difference:.1e}")
        cells = [
            f"{1000 * together:.1f}",
            *(f"{1000 * apart:.0f} ({apart / together:.0f} ×)" for apart, _ in loops.values()),
        ]
        click.echo(f"| {'soft' if soft else 'one-hot'} | {' | '.join(cells)} | {difference:.1e} |")


if __name__ == "__main__":
    main()
