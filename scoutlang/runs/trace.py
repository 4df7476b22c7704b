"""What the guidance did, step by step: for the display while a batch is sampled, and for
``trace.parquet``.

``trace.parquet`` is a folder with a file for each batch;
``pandas.read_parquet("runs/x/trace.parquet")`` reads it as one table. A row is one term on one
structure in one step in which guidance acted, so the non-guided arm has none. Where there is no
value, there is none, never zero.

| column | |
|---|---|
| ``arm``, ``index`` | the structure, as in ``records.parquet`` |
| ``step``, ``time`` | 1 to the number of steps; diffusion time before it, 1 noise, 0 crystal |
| ``term`` | label of the term |
| ``value`` | soft value at x̂0 in the descriptor's unit; without one, the claim's slack, no unit |
| ``loss`` | weighted loss of the term, dimensionless |
| ``satisfied`` | truth of the term at x̂0 by the exact evaluator, in the steps looked at |
| ``total`` | loss of the structure, the sum over its terms |
| ``push`` | Å, the longest move of an atom of x̂0 in this step |
| ``strain`` | Frobenius norm of the strain of the cell of x̂0 in this step |
| ``broken`` | whether the structure is lost: not finite any more |
| ``hit`` | whether every ``require`` is satisfied, in the steps looked at |

A look costs about as much as the loss, so it is taken at every `LOOK_EVERY`-th recorded step only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.neighbours import cell_heights, sum_by_structure
from scoutlang.evaluation.expressions import Reading, truth
from scoutlang.ir import Arm, Program, Term, Wish
from scoutlang.sampling.progress import GuidedStep, Progress
from scoutlang.support.files import write_whole

LOOK_EVERY = 10
THINNEST_CELL = 1.0
"""Å. No crystal has lattice planes this close; searching the neighbours of x̂0 in such a cell would
take long and find no hit.
"""


@dataclass(frozen=True)
class Look:
    """What the exact evaluators say of B predicted crystals x̂0, every atom taken for its most
    probable element.
    """

    true: Tensor
    """(B, T) bool for the T guiding terms; neither where undefined, and for a wish."""
    false: Tensor
    hit: Tensor | None
    """(B,) bool, every `require` is true; None where there is none."""


@dataclass(frozen=True)
class TermLoss:
    """A term on a batch."""

    label: str
    loss: float | None
    """Weighted, mean over the structures on which it is defined; None where there is none."""
    defined: float
    """Their share of the batch."""


@dataclass(frozen=True)
class Moment:
    """A batch after a step. Nothing is computed, or fetched from its device, before it is asked."""

    terms: tuple[Term, ...]
    progress: Progress

    @cached_property
    def look(self) -> Look | None:
        """None while no guidance acts, and where an evaluator fails on an x̂0."""
        if self.progress.guided is None:
            return None
        try:
            return look(self.terms, self.progress.guided.clean)
        except Exception:  # who only looks must not end a run; the judge will name the structure
            return None

    @property
    def hit_share(self) -> float | None:
        """Share of the batch that satisfies every `require` now; None while no guidance acts, and
        where nothing is required.
        """
        hit = None if self.look is None else self.look.hit
        return None if hit is None else float(hit.double().mean())

    @property
    def diverged(self) -> int:
        return int(self.progress.broken.sum())

    @property
    def losses(self) -> list[TermLoss]:
        """The guiding terms, largest mean loss first; none while no guidance acts."""
        if self.progress.guided is None:
            return []
        value = self.progress.guided.value
        counts = value.defined & value.terms.isfinite()
        means = value.terms.where(counts, torch.nan).nanmean(0).tolist()
        found = [
            TermLoss(term.label, mean if number else None, number / len(counts))
            for term, mean, number in zip(self.terms, means, counts.sum(0).tolist(), strict=True)
        ]
        return sorted(found, key=lambda one: (one.loss is None, -(one.loss or 0)))


def guiding_terms(program: Program) -> tuple[Term, ...]:
    """The terms of the loss, in its order."""
    return tuple(term for term in program.terms if term.steers)


@torch.no_grad()
def look(terms: Sequence[Term], clean: CrystalBatch) -> Look:
    """Judge x̂0 as the finished crystals will be judged; see `Look`. What is no crystal, not finite
    or too thin, is undefined.
    """
    unsound = (~clean.frac.isfinite().all(-1)).to(clean.frac)
    sound = sum_by_structure(unsound, clean.system, clean.size) == 0
    sound &= (cell_heights(clean.cell) >= THINNEST_CELL).all(-1)  # false for NaN as well
    true = torch.zeros((clean.size, len(terms)), dtype=torch.bool, device=clean.cell.device)
    false = true.clone()
    if sound.any():
        reading = Reading(_decided(clean, sound), "exact")
        for column, term in enumerate(terms):
            if not isinstance(term.claim, Wish):
                found = truth(term.claim, reading)
                true[sound, column], false[sound, column] = found.true, found.false
    required = [k for k, term in enumerate(terms) if term.decides]
    return Look(true, false, true[:, required].all(1) if required else None)


def _decided(batch: CrystalBatch, chosen: Tensor) -> CrystalBatch:
    """The chosen (B,) crystals in float64, each atom its most probable element."""
    atoms = chosen[batch.system]
    species = torch.nn.functional.one_hot(batch.species[atoms].argmax(-1), batch.species.shape[1])
    return CrystalBatch(
        frac=batch.frac[atoms].double(),
        cell=batch.cell[chosen].double(),
        species=species.double(),
        system=(chosen.cumsum(0) - 1)[batch.system[atoms]],
        num_atoms=batch.num_atoms[chosen],
    )


@dataclass(frozen=True)
class _Step:
    """What is kept of a step."""

    step: int
    time: float
    columns: dict[str, Tensor]
    """(B, T) values of the terms, (B,) values of the structures. They stay on their device until
    the batch is finished."""


class Recorder:
    """Keeps every ``every``-th guided step of one batch, and makes rows of the trace of them."""

    def __init__(self, arm: Arm, indices: Sequence[int], every: int = 1) -> None:
        self._arm, self._indices, self._every = arm, tuple(indices), every
        self._attempts: dict[tuple[int, ...], list[_Step]] = {}
        self._terms: tuple[Term, ...] = ()
        self._guided = 0

    def record(self, moment: Moment) -> None:
        progress = moment.progress
        if progress.step == 1:
            self._guided = 0
            if progress.indices != self._indices:
                # the batch was given up, and its structures are sampled one by one
                self._attempts.pop(self._indices, None)
        if progress.guided is None:
            return
        number, skipped = divmod(self._guided, self._every)
        self._guided += 1
        if not skipped:
            seen = moment.look if number % LOOK_EVERY == 0 else None
            step = _Step(
                progress.step, progress.time, _columns(progress.guided, progress.broken, seen)
            )
            self._attempts.setdefault(progress.indices, []).append(step)
            self._terms = moment.terms

    def table(self) -> pa.Table | None:
        """The rows of the batch: structure by structure, in each step by step, in each term by
        term. None where no guidance acted.
        """
        tables = [
            _table(self._arm, indices, self._terms, steps)
            for indices, steps in self._attempts.items()
        ]
        return pa.concat_tables(tables) if tables else None


def _columns(guided: GuidedStep, broken: Tensor, seen: Look | None) -> dict[str, Tensor]:
    """Numbers with NaN, verdicts with -1 where there is nothing."""
    value = guided.value
    satisfied = torch.full_like(value.defined, -1, dtype=torch.int8)
    hit = torch.full_like(broken, -1, dtype=torch.int8)
    if seen is not None:
        satisfied = seen.true.to(torch.int8) - (~seen.true & ~seen.false).to(torch.int8)
        hit = hit if seen.hit is None else seen.hit.to(torch.int8)
    return {
        "value": value.values.where(value.defined, torch.nan),
        "loss": value.terms.where(value.defined, torch.nan),
        "satisfied": satisfied,
        "total": value.total,
        "push": guided.push,
        "strain": guided.strain,
        "broken": broken,
        "hit": hit,
    }


def _table(
    arm: Arm, indices: Sequence[int], terms: Sequence[Term], steps: Sequence[_Step]
) -> pa.Table:
    size, shape = len(indices), (len(indices), len(steps), len(terms))
    found = {
        name: torch.stack([step.columns[name] for step in steps], dim=1).cpu().numpy()
        for name in steps[0].columns
    }

    def wide(name: str) -> NDArray[Any]:
        values = found[name]
        return np.broadcast_to(values if values.ndim == 3 else values[:, :, None], shape).ravel()

    def spread(values: Sequence[object], axis: int, kind: pa.DataType) -> pa.Array:
        place = np.indices(shape, dtype=np.int32)[axis].ravel()
        return pa.array(values, kind).take(pa.array(place))

    def labels(values: Sequence[str], axis: int) -> pa.Array:
        return spread(values, axis, pa.string()).dictionary_encode()

    def number(name: str) -> pa.Array:
        values = wide(name).astype(np.float32)
        return pa.array(values, mask=~np.isfinite(values))

    def verdict(name: str) -> pa.Array:
        return pa.array(wide(name) == 1, mask=wide(name) < 0)

    read: dict[str, Callable[[str], pa.Array]] = {
        "satisfied": verdict,
        "hit": verdict,
        "broken": lambda name: pa.array(wide(name)),
    }
    return pa.table(
        {
            "arm": labels([arm] * size, 0),
            "index": spread(indices, 0, pa.int32()),
            "step": spread([step.step for step in steps], 1, pa.int32()),
            "time": spread([step.time for step in steps], 1, pa.float32()),
            "term": labels([term.label for term in terms], 2),
            **{name: read.get(name, number)(name) for name in found},
        }
    )


def write_trace(file: Path, table: pa.Table) -> Path:
    """One batch as a file of ``trace.parquet``, in place of an earlier one of that name. Raises
    OSError.
    """
    file.parent.mkdir(exist_ok=True)
    return write_whole(file, lambda path: pq.write_table(table, path, compression="zstd"))
