"""Batched loss + gradient against one structure at a time: ``python benchmarks/loss_speed.py``.

64 random cells of 4-20 atoms of Cu-Si-P-Ca, the paper's two requirements plus a volume, float32, one thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from scoutlang.crystal import MAX_Z, CrystalBatch
from scoutlang.elements import ATOMIC_NUMBER
from scoutlang.ir import Location, Measure, Program, Relation, Species, Term
from scoutlang.loss.lower import Loss, compile_loss, loss_and_gradient

SYSTEM = ("Cu", "Si", "P", "Ca")


def program() -> Program:
    def coordination(a: str, b: str, target: float) -> Term:
        species = tuple(Species(text=e, elements=(e,)) for e in (a, b))
        return term(f"{a}-{b}", Measure(descriptor="CN", species=species), target)

    def term(label: str, measure: Measure, target: float) -> Term:
        relation = Relation(op="=", target=target, tolerance=0.5)
        return Term(verb="require", label=label, measure=measure, relation=relation, text=label, location=Location(start=0, end=0, line=1))

    terms = (coordination("Cu", "P", 4), coordination("Cu", "Cu", 1), term("V", Measure(descriptor="volume_per_atom"), 16))
    return Program(source_name="benchmark", source_text="", system=SYSTEM, terms=terms)


def random_batch(size: int, *, soft: bool, seed: int = 0) -> CrystalBatch:
    """Cells of 16 Å^3 per atom, sheared a little; one-hot species, or soft ones as in the middle of sampling."""
    rng = torch.Generator().manual_seed(seed)
    num_atoms = torch.randint(4, 21, (size,), generator=rng)
    total = int(num_atoms.sum())
    edge = (16.0 * num_atoms) ** (1 / 3)
    cell = edge[:, None, None] * (torch.eye(3) + 0.15 * torch.randn(size, 3, 3, generator=rng))
    columns = torch.tensor([ATOMIC_NUMBER[e] for e in SYSTEM])
    species = torch.zeros(total, MAX_Z + 1)
    if soft:
        species[:, columns] = torch.softmax(torch.randn(total, len(SYSTEM), generator=rng), dim=-1)
    else:
        species[torch.arange(total), columns[torch.randint(len(SYSTEM), (total,), generator=rng)]] = 1.0
    return CrystalBatch(
        torch.rand(total, 3, generator=rng), cell, species, torch.repeat_interleave(torch.arange(size), num_atoms), num_atoms
    )


def single(batch: CrystalBatch, index: int) -> CrystalBatch:
    mine = batch.system == index
    return CrystalBatch(
        batch.frac[mine],
        batch.cell[index : index + 1],
        batch.species[mine],
        torch.zeros(int(mine.sum()), dtype=torch.int64),
        batch.num_atoms[index : index + 1],
    )


def milliseconds(call: Callable[[], object], repeats: int) -> float:
    call()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * sorted(times)[len(times) // 2]


def compare(loss: Loss, size: int, *, soft: bool) -> str:
    batch = random_batch(size, soft=soft)
    singles = [single(batch, b) for b in range(size)]
    together = milliseconds(lambda: loss_and_gradient(loss, batch), 20)
    apart = milliseconds(lambda: [loss_and_gradient(loss, s) for s in singles], 3)
    kind = "soft species" if soft else "one-hot"
    return f"{size:3d} cells, {kind:12s}: batched {together:6.1f} ms, loop {apart:7.1f} ms, ratio {apart / together:5.1f}"


def main() -> None:
    torch.set_num_threads(1)
    loss = compile_loss(program())
    for size in (32, 64):
        for soft in (False, True):
            print(compare(loss, size, soft=soft))  # noqa: T201


if __name__ == "__main__":
    main()
