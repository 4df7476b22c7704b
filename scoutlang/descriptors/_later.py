"""torch and what is built on it, for descriptors: imported when first used, because the checker
reads their signatures without. Not a descriptor itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from scoutlang.crystals import neighbours
    from scoutlang.crystals.batch import CrystalBatch
else:
    import importlib

    class _Later:
        """A module that is imported when something of it is asked for."""

        def __init__(self, name: str) -> None:
            self._name = name

        def __getattr__(self, attribute: str) -> Any:
            return getattr(importlib.import_module(self._name), attribute)

    torch, neighbours = _Later("torch"), _Later("scoutlang.crystals.neighbours")
    Tensor = CrystalBatch = Any  # they stand in annotations only

__all__ = ["CrystalBatch", "Tensor", "neighbours", "torch"]
