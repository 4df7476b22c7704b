"""The stand-ins for torch_scatter and torch_sparse against the definitions of those functions, and
what importing the backend leaves behind.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from scoutlang.sampling.mattergen import compat
from scoutlang.sampling.mattergen.compat import (
    SparseTensor,
    scatter,
    scatter_add,
    segment_coo,
    segment_csr,
)
from scoutlang.support.errors import ScoutError

REDUCE = {"sum": np.sum, "add": np.sum, "mean": np.mean, "min": np.min, "max": np.max}
CHEAP = settings(deadline=None, max_examples=60)


def reduced(members: list[float], how: str) -> float:
    """One group: 0 when empty."""
    return float(REDUCE[how](members)) if members else 0.0


def by_definition(src: Tensor, index: Tensor, dim: int, size: int, how: str) -> Tensor:
    """Entry by entry: the position along ``dim`` becomes ``index`` there; ``index`` has the shape
    of ``src``.
    """
    groups: dict[tuple[int, ...], list[float]] = {}
    for place in itertools.product(*map(range, src.shape)):
        target = (*place[:dim], int(index[place]), *place[dim + 1 :])
        groups.setdefault(target, []).append(src[place].item())
    out = torch.zeros([*src.shape[:dim], size, *src.shape[dim + 1 :]], dtype=src.dtype)
    for target, members in groups.items():
        out[target] = reduced(members, how)
    return out


@st.composite
def sources(draw: st.DrawFn, least: int = 0) -> tuple[Tensor, int]:
    """A tensor of one to three dimensions and one of its dimensions."""
    shape = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    dim = draw(st.integers(0, len(shape) - 1))
    shape[dim] = draw(st.integers(least, 6))
    count = int(np.prod(shape))
    whole = draw(st.lists(st.integers(-9, 9), min_size=count, max_size=count))
    kind = draw(st.sampled_from([torch.float32, torch.float64, torch.int64, torch.int32]))
    return (
        torch.tensor(whole, dtype=torch.float64).reshape(shape)
        / (4 if kind.is_floating_point else 1)
    ).to(kind), dim


def indices(draw: st.DrawFn, count: int, top: int = 4) -> list[int]:
    return draw(st.lists(st.integers(0, top), min_size=count, max_size=count))


# -- scatter
# ------------------------------------------------------------------------------------------------------------------


@CHEAP
@given(st.data(), sources(), st.sampled_from(sorted(REDUCE)), st.booleans())
def test_scatter_by_definition(
    data: st.DataObject, source: tuple[Tensor, int], how: str, negative: bool
) -> None:
    src, dim = source
    one = torch.tensor(data.draw(st.composite(indices)(src.shape[dim])), dtype=torch.long)
    size = data.draw(st.none() | st.integers(5, 8))  # groups beyond the largest index are empty
    full = one.reshape([-1 if d == dim else 1 for d in range(src.dim())]).expand_as(src)
    expected = by_definition(
        src, full, dim, (int(one.max()) + 1 if len(one) else 0) if size is None else size, how
    )
    assume(how != "mean" or src.is_floating_point())  # MatterGen takes no mean of integers
    found = scatter(src, one, dim - src.dim() if negative else dim, None, size, how)
    assert found.dtype == src.dtype
    torch.testing.assert_close(found, expected)


def test_the_last_dimension_is_the_default() -> None:
    src = torch.arange(6.0).reshape(2, 3)
    torch.testing.assert_close(
        scatter(src, torch.tensor([0, 0, 1])), torch.tensor([[1.0, 2.0], [7.0, 5.0]])
    )
    torch.testing.assert_close(
        scatter_add(src, torch.tensor([1, 0]), dim=0), torch.tensor([[3.0, 4, 5], [0, 1, 2]])
    )


def test_an_unknown_reduction_is_refused() -> None:
    with pytest.raises(ValueError, match="median"):
        scatter(torch.ones(2), torch.zeros(2, dtype=torch.long), reduce="median")


@pytest.mark.parametrize("how", ["sum", "mean", "max"])
def test_gradients_reach_the_source(how: str) -> None:
    src = torch.tensor(
        [[1.0, 4.0], [2.0, 3.0], [5.0, 6.0]], dtype=torch.float64, requires_grad=True
    )
    index = torch.tensor([1, 1, 3])
    assert torch.autograd.gradcheck(lambda x: scatter(x, index, 0, None, 5, how), (src,))


# -- segments
# -----------------------------------------------------------------------------------------------------------------


@CHEAP
@given(
    st.lists(st.integers(0, 4), min_size=0, max_size=5),
    st.sampled_from(sorted(REDUCE)),
    st.sampled_from([(), (2,), (2, 3)]),
    st.sampled_from([torch.float64, torch.int64]),
    st.integers(0, 2),
)
def test_segment_csr_by_definition(
    lengths: list[int], how: str, rest: tuple[int, ...], kind: torch.dtype, skipped: int
) -> None:
    assume(how != "mean" or kind.is_floating_point)
    indptr = torch.tensor([0, *np.cumsum(lengths, dtype=int)]) + skipped
    # rows before the first and after the last boundary are in no segment
    src = torch.randint(-9, 9, (int(indptr[-1]) + 2, *rest)).to(kind)
    expected = torch.zeros((len(lengths), *rest), dtype=kind)
    for i, (first, last) in enumerate(itertools.pairwise(indptr.tolist())):
        for place in itertools.product(*map(range, rest)):
            expected[(i, *place)] = reduced(
                [src[(row, *place)].item() for row in range(first, last)], how
            )
    torch.testing.assert_close(segment_csr(src, indptr, reduce=how), expected)


@CHEAP
@given(
    st.lists(st.integers(0, 4), max_size=8),
    st.sampled_from(sorted(REDUCE)),
    st.none() | st.integers(5, 7),
)
def test_segment_coo_by_definition(index: list[int], how: str, size: int | None) -> None:
    index.sort()
    src = torch.randn(len(index), 2, dtype=torch.float64)
    groups = size if size is not None else (index[-1] + 1 if index else 0)
    full = torch.tensor(index, dtype=torch.long)[:, None].expand(-1, 2)
    expected = by_definition(src, full, 0, groups, how)
    torch.testing.assert_close(
        segment_coo(src, torch.tensor(index, dtype=torch.long), dim_size=size, reduce=how), expected
    )


# -- SparseTensor
# -------------------------------------------------------------------------------------------------------------


@CHEAP
@given(st.data())
def test_row_selection_by_definition(data: st.DataObject) -> None:
    """The k-th selected row gives its entries in order of columns, with k as their row; a row may
    be empty or selected twice.
    """
    height, width = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    places = data.draw(
        st.lists(
            st.tuples(st.integers(0, height - 1), st.integers(0, width - 1)),
            unique=True,
            max_size=12,
        )
    )
    rows = data.draw(st.lists(st.integers(0, height - 1), max_size=6))
    row, col = (torch.tensor([p[k] for p in places], dtype=torch.long) for k in (0, 1))
    value = torch.arange(len(places)) * 10
    # GemNet gives the sizes as tensors
    selected = SparseTensor(row, col, value, (torch.tensor(height), torch.tensor(width)))[
        torch.tensor(rows, dtype=torch.long)
    ]
    expected = [
        (k, 10 * places.index(p)) for k, r in enumerate(rows) for p in sorted(places) if p[0] == r
    ]
    assert (
        list(zip(selected.storage.row().tolist(), selected.storage.value().tolist(), strict=True))
        == expected
    )


def test_two_entries_at_one_place_both_stay() -> None:
    """GemNet: several periodic images of one pair of atoms."""
    adjacency = SparseTensor(
        torch.tensor([1, 0, 1]), torch.tensor([0, 1, 0]), torch.tensor([5, 6, 7]), (2, 2)
    )
    assert adjacency[torch.tensor([1, 1])].storage.value().tolist() == [5, 7, 5, 7]
    assert adjacency.to("cpu")[torch.tensor([0])].storage.value().tolist() == [6]


# -- installing
# ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def modules() -> Iterator[None]:
    before = dict(sys.modules)
    yield
    for name in set(sys.modules) - set(before):
        del sys.modules[name]
    sys.modules.update(before)
    importlib.invalidate_caches()


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize("name", ["torch_scatter", "torch_sparse"])
def test_the_real_packages_win(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / f"{name}.py").write_text("real = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, name, raising=False)
    compat._install(name, scatter=scatter)
    assert importlib.import_module(name).real


@pytest.mark.usefixtures("modules")
def test_a_package_that_is_imported_already_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = ModuleType("torch_scatter")
    monkeypatch.setitem(sys.modules, "torch_scatter", mine)
    compat._install("torch_scatter", scatter=scatter)
    assert sys.modules["torch_scatter"] is mine


@pytest.mark.usefixtures("modules")
def test_a_stand_in_says_that_it_is_one_and_is_found() -> None:
    compat._install("a_package_that_nobody_has", scatter=scatter)
    module = importlib.import_module("a_package_that_nobody_has")
    assert module.scatter is scatter
    assert "stand-in by scoutlang" in (module.__doc__ or "")
    # other packages ask like this
    assert importlib.util.find_spec("a_package_that_nobody_has") is not None


def test_without_mattergen_the_message_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, package=None: None if name == "mattergen" else find(name, package),
    )
    with pytest.raises(ScoutError) as failure:
        compat.import_mattergen()
    assert failure.value.code == "E500"
    assert "pip install --no-deps mattergen==1.0.3" in str(failure.value)


PROBE = """
import importlib.util, json, logging, sys
mine = logging.StreamHandler()
logging.getLogger().addHandler(mine)
import scoutlang.sampling.mattergen
import scoutlang.sampling.mattergen.checkpoint, scoutlang.sampling.mattergen.sampler
import torch_geometric.typing, torch_scatter
logging.getLogger("anyone").info("not for the user")
facts = dict(
    handlers=len(logging.getLogger().handlers), mine=mine in logging.getLogger().handlers, level=logging.getLogger().level,
    stand_in="stand-in" in (torch_scatter.__doc__ or ""), geometric=torch_geometric.typing.WITH_TORCH_SCATTER,
)
open(sys.argv[1], "w").write(json.dumps(facts))
"""


@pytest.mark.slow
def test_importing_the_backend_is_quiet_and_leaves_logging_alone(tmp_path: Path) -> None:
    answer = tmp_path / "facts.json"
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(answer)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    facts = json.loads(answer.read_text())
    # PyTorch Geometric does not take our stand-in for the real package
    assert facts.pop("stand_in") != facts.pop("geometric")
    assert facts == {"handlers": 1, "mine": True, "level": 30}
