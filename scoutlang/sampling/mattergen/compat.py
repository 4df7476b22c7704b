"""Lets the unmodified PyPI `mattergen` 1.0.3 run on current packages without compiled extensions.

`import_mattergen()` must run before the first ``import mattergen``; the package ``__init__`` beside
this file does that. What it provides, each only where the real thing is absent:

* ``torch_scatter`` and ``torch_sparse``: the five calls that MatterGen makes, by PyTorch Geometric
  and plain torch (PyPI has only sources that need a compiler);
* ``numpy.math``, removed in numpy 2;
* the GemNet scale file, missing from the wheel: every scale is a parameter that a checkpoint
  overrides.

It also keeps MatterGen from printing and from configuring logging on import.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import logging
import math
import sys
import warnings
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import numpy
import torch
import torch_geometric.utils  # looks for the real packages, and must not find the stand-ins
from torch import Tensor

from scoutlang.support.errors import ScoutError
from scoutlang.support.version import MATTERGEN


def scatter(
    src: Tensor,
    index: Tensor,
    dim: int = -1,
    out: None = None,
    dim_size: int | Tensor | None = None,
    reduce: str = "sum",
) -> Tensor:
    """Group ``src`` along ``dim`` by ``index``, which has one dimension; ``reduce`` is sum, add,
    mean, min or max. Empty groups are 0.
    """
    groups = None if dim_size is None else int(dim_size)
    grouped: Tensor = torch_geometric.utils.scatter(src, index, dim, groups, reduce)
    return grouped


def scatter_add(
    src: Tensor,
    index: Tensor,
    dim: int = -1,
    out: None = None,
    dim_size: int | Tensor | None = None,
) -> Tensor:
    """`scatter` with ``reduce="sum"``."""
    return scatter(src, index, dim, None, dim_size, "sum")


def segment_coo(
    src: Tensor, index: Tensor, out: None = None, dim_size: int | None = None, reduce: str = "sum"
) -> Tensor:
    """`scatter` along the first dimension."""
    return scatter(src, index, 0, None, dim_size, reduce)


def segment_csr(src: Tensor, indptr: Tensor, out: None = None, reduce: str = "sum") -> Tensor:
    """``result[i]`` is the reduction of ``src[indptr[i]:indptr[i + 1]]``, the first dimension."""
    # torch_geometric.utils.segment cannot take integers, which MatterGen counts with
    index = torch.repeat_interleave(torch.arange(len(indptr) - 1, device=src.device), indptr.diff())
    return scatter(src[indptr[0] : indptr[-1]], index, 0, None, len(indptr) - 1, reduce)


class _Storage:
    def __init__(self, row: Tensor, value: Tensor) -> None:
        self._row, self._value = row, value

    def row(self) -> Tensor:
        return self._row

    def value(self) -> Tensor:
        return self._value


class SparseTensor:
    """The part of ``torch_sparse.SparseTensor`` that GemNet uses: row selection ``adj[rows]`` and
    ``storage.row()/value()``.
    """

    def __init__(
        self, row: Tensor, col: Tensor, value: Tensor, sparse_sizes: tuple[Any, Any]
    ) -> None:
        # entries are kept in row-major order, as the original does
        order = torch.argsort(row * int(sparse_sizes[1]) + col, stable=True)
        self._row, self._col, self._value = row[order], col[order], value[order]
        self._sizes = (int(sparse_sizes[0]), int(sparse_sizes[1]))
        self.storage = _Storage(self._row, self._value)

    def __getitem__(self, rows: Tensor) -> SparseTensor:
        count = torch.bincount(self._row, minlength=self._sizes[0])
        first = torch.cumsum(count, 0) - count
        selected = count[rows]
        new_row = torch.repeat_interleave(torch.arange(len(rows), device=rows.device), selected)
        start = torch.cumsum(selected, 0) - selected
        entry = (
            first[rows][new_row] + torch.arange(len(new_row), device=rows.device) - start[new_row]
        )
        return SparseTensor(
            new_row, self._col[entry], self._value[entry], (len(rows), self._sizes[1])
        )

    def to(self, device: torch.device | str) -> SparseTensor:
        return SparseTensor(
            self._row.to(device), self._col.to(device), self._value.to(device), self._sizes
        )


def _install(name: str, **members: object) -> None:
    if name in sys.modules or importlib.util.find_spec(name) is not None:
        return
    module = ModuleType(
        name, f"torch-native stand-in by scoutlang for the calls that MatterGen makes of {name}"
    )
    module.__spec__ = ModuleSpec(name, None)  # without it, find_spec(name) of other packages fails
    for key, member in members.items():
        setattr(module, key, member)
    sys.modules[name] = module


def import_mattergen() -> None:
    """Make ``import mattergen`` work and quiet. Raises ScoutError E500 where it is missing."""
    if importlib.util.find_spec("mattergen") is None:
        raise ScoutError(
            "E500",
            "the package mattergen is not installed",
            f"pip install --no-deps mattergen=={MATTERGEN}   "
            "(its own pins cannot be resolved; scoutlang brings what it needs)",
        )
    with _quiet():
        _install(
            "torch_scatter",
            scatter=scatter,
            scatter_add=scatter_add,
            segment_coo=segment_coo,
            segment_csr=segment_csr,
        )
        _install("torch_sparse", SparseTensor=SparseTensor)
        if not hasattr(numpy, "math"):
            # mattergen's spherical basis calls numpy.math.factorial
            numpy.math = math  # type: ignore[attr-defined]
        importlib.import_module("mattergen.common.utils.eval_utils")
        importlib.import_module("mattergen.common.gemnet.gemnet")
    _provide_scale_factors()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No prints, no warnings, and root logging as it was: mattergen prints and runs
    logging.basicConfig on import.
    """
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def _provide_scale_factors() -> None:
    """GemNet reads its initial scales from a file that the wheel lacks; 1.0 stands in until the
    checkpoint's value is loaded.
    """
    scaling: Any = importlib.import_module("mattergen.common.gemnet.layers.scaling")
    original = scaling.read_value_json

    def read_value_or_one(path: str, key: str) -> Any:
        try:
            return original(path, key)
        except (FileNotFoundError, ValueError):
            return 1.0

    if original.__name__ != read_value_or_one.__name__:
        scaling.read_value_json = read_value_or_one
