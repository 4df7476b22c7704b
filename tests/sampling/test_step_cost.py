"""What a step of the sampler costs beside the network: how often the host must wait for the device,
and memory.

No GPU is needed to count waits: an operation whose result the host has to see, or whose size
depends on data, is one on any device.
"""

from __future__ import annotations

import gc
import itertools
import traceback
import weakref
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

import scoutlang
from scoutlang.evaluation.loss import compile_loss, loss_and_gradient
from scoutlang.ir import Program
from scoutlang.sampling.generate import guided_by
from scoutlang.sampling.mattergen.batches import conditions
from scoutlang.sampling.mattergen.sampler import Sampler, predictor_corrector
from scoutlang.sampling.progress import Progress

aten = torch.ops.aten
PACKAGE = str(Path(scoutlang.__file__).parent)
ONE, TWO = (
    "require CN(Cu-P) = 4",
    "require CN(Cu-P) = 4; require CN(Cu-Cu) = 1; require volume_per_atom = 16 Å^3",
)

# A data-dependent list of pairs: which atoms may be centres, which neighbours, how many pairs of
# them, how many images, how many in reach.
WAITS_OF_A_SEARCH = 5
# One guided score: torch's eigenvalues and pseudoinverse check for errors on the host, twice each;
# the size of a bincount.
WAITS_OF_A_PUSH = 5

_WAITING = {
    *(
        aten._local_scalar_dense,
        aten.is_nonzero,
        aten.equal,
        aten.nonzero,
        aten.masked_select,
        aten.bincount,
    ),
    *(aten._unique2, aten.unique_dim, aten.unique_consecutive),
    *(aten._linalg_eigh, aten._linalg_svd, aten.linalg_pinv, aten.linalg_inv),
}
_INDEXING = {aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}


def waits(function: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Whether a GPU would have to finish before the host goes on."""
    operation = function.overloadpacket
    if operation is aten.repeat_interleave:
        return options.get("output_size") is None
    if operation in _INDEXING:
        return any(
            index is not None and index.dtype in (torch.bool, torch.uint8) for index in arguments[1]
        )
    return operation in _WAITING


def place() -> str:
    """File and function of ours that the present operation comes from."""
    ours = [f for f in traceback.extract_stack() if f.filename.startswith(PACKAGE)]
    return f"{Path(ours[-1].filename).stem}.{ours[-1].name}" if ours else "elsewhere"


class Operations(TorchDispatchMode):
    def __init__(self, found: Counter[str]) -> None:
        super().__init__()
        self.found = found

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        # `one_hot` looks at its values on a CPU only
        if waits(func, args, kwargs or {}) and (where := place()) != "processes.species":
            self.found[where] += 1
        return func(*args, **(kwargs or {}))


class Copies(TorchFunctionMode):
    """Copies to the host, which dispatch no operation where the tensor lies there already."""

    def __init__(self, found: Counter[str]) -> None:
        super().__init__()
        self.found = found

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        if getattr(func, "__name__", "") in ("tolist", "cpu", "numpy"):
            self.found[place()] += 1
        return func(*args, **(kwargs or {}))


def counted(call: Any) -> Counter[str]:
    found: Counter[str] = Counter()
    with Copies(found), Operations(found):
        call()
    return found


def program(text: str) -> Program:
    result = scoutlang.check(f"system Cu-P; {text}")
    assert result.program is not None, result.diagnostics
    return result.program


def sample(toy: Any, text: str, sizes: list[int], **options: Any) -> None:
    """Not guided where the text requires nothing; without resampling, which is rare and decided on
    the host.
    """
    asked = program(text)
    loop = (
        guided_by(replace(asked.guide, resample=0), compile_loss(asked))
        if asked.terms
        else predictor_corrector
    )
    seeds = range(1, len(sizes) + 1)
    sampler = Sampler(toy, conditions(sizes, None), seeds, cfg=0.0, allowed=(15, 29), **options)
    sampler.run(loop)


def waits_per_step(toy: Any, text: str) -> list[Counter[str]]:
    """Of each step of a short run, without what happens before the first."""
    found: Counter[str] = Counter()
    after: list[Counter[str]] = []
    with Copies(found), Operations(found):
        sample(toy, text, [4, 4, 4], steps=8, on_step=lambda _: after.append(found.copy()))
    return [late - early for early, late in itertools.pairwise(after)]


@pytest.fixture(scope="module")
def crystals(sample_toy: Any) -> Any:
    made = sample_toy(3, steps=10)
    return made.replace(atomic_numbers=torch.tensor([29, 15, 101, 101] * 3))


@pytest.mark.parametrize(
    ("text", "searches"), [(ONE, 1), (TWO, 2), ("require volume_per_atom = 16 Å^3", 0)]
)
def test_the_host_waits_only_for_the_lists_of_pairs(
    toy: Any, crystals: Any, text: str, searches: int
) -> None:
    sampler = Sampler(toy, crystals, [1, 2, 3], steps=50, cfg=0.0)
    with torch.no_grad():
        level = sampler.noise_level(crystals, 0.3)
        clean = sampler.clean(crystals, sampler.score(crystals, 0.3), level)
    found = counted(lambda: loss_and_gradient(compile_loss(program(text)), clean))
    assert found.total() == WAITS_OF_A_SEARCH * searches, found
    assert all(where.startswith("neighbours.") for where in found), found


@pytest.mark.parametrize(("text", "searches"), [(ONE, 1), (TWO, 2)])
def test_waits_that_guidance_adds_to_a_step(
    toy: Any, crystals: Any, text: str, searches: int
) -> None:
    """Predictor and corrector are guided, each by one push."""
    plain, steered = waits_per_step(toy, ""), waits_per_step(toy, text)
    # of steps in which both are guided
    added = [late - early for early, late in zip(plain, steered, strict=True)][2:-2]
    for found in added:
        assert (
            2 * WAITS_OF_A_SEARCH * searches
            <= found.total()
            <= 2 * (WAITS_OF_A_SEARCH * searches + WAITS_OF_A_PUSH)
        ), found


def test_the_count_notices_a_wait() -> None:
    values, flags = torch.arange(4.0), torch.tensor([True, False, True, False])
    assert counted(lambda: values[flags]).total() == 1
    assert counted(lambda: bool(flags.any())).total() == 1
    assert counted(values.tolist).total() == 1
    assert counted(lambda: torch.repeat_interleave(torch.tensor([1, 2]))).total() == 1
    assert not counted(lambda: torch.where(flags, values, -values).sum())


def test_nothing_of_a_step_outlives_the_next(toy: Any) -> None:
    told: list[weakref.ref[torch.Tensor]] = []
    alive: dict[int, int] = {}

    def note(progress: Progress) -> None:
        assert all(old() is None for old in told)
        told.clear()
        if progress.guided is not None:
            told.extend(
                weakref.ref(x)
                for x in (
                    progress.guided.clean.frac,
                    progress.guided.value.total,
                    progress.guided.push,
                )
            )
        if progress.step in (5, 21):
            gc.collect()
            alive[progress.step] = sum(type(x) is torch.Tensor for x in gc.get_objects())

    gc.disable()  # a cycle must not be what keeps a step alive
    try:
        sample(toy, ONE, [4, 4], steps=24, on_step=note)
    finally:
        gc.enable()
    # random numbers come in blocks of 16: as many are left after 16 steps
    assert alive[5] == alive[21]
