"""CHGNet 0.3.0 (Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3), weights in the chgnet wheel, BSD-3-Clause.

Trained on Materials Project relaxations with the MP2020 corrections, so its energies of oxides and metals share one scale.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import warnings
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from importlib.resources import files
from math import isfinite, nan
from typing import Any

from pymatgen.core import Structure

from scoutlang.validation.potentials import Evaluation, Report

MODEL = "0.3.0"
MAX_Z = 94


class CHGNetPotential:
    """`Potential` adapter. The model (torch, chgnet) is loaded at the first energy, on the CPU, without a word."""

    name = f"chgnet-{MODEL}"

    @cached_property
    def version(self) -> str:
        return f"chgnet {version('chgnet')}"

    @cached_property
    def weights_sha256(self) -> str:
        folder = files("chgnet") / "pretrained" / MODEL
        (weights,) = (f for f in folder.iterdir() if f.name.endswith(".pth.tar"))
        return hashlib.sha256(weights.read_bytes()).hexdigest()

    def energies(self, structures: Sequence[Structure], *, batch_size: int = 16, report: Report | None = None) -> list[Evaluation]:
        found: list[Evaluation] = []
        for start in range(0, len(structures), batch_size):
            found.extend(self._batch(structures[start : start + batch_size]))
            if report:
                report(len(found), len(structures))
        return found

    def _batch(self, structures: Sequence[Structure]) -> list[Evaluation]:
        graphs: dict[int, Any] = {}
        results: dict[int, Evaluation] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for i, structure in enumerate(structures):
                try:
                    graphs[i] = self._graph(structure)
                except Exception as error:  # one bad structure is data
                    results[i] = _failure(error)
            try:
                results |= self._predict(graphs)
            except Exception:  # find the culprit: one by one
                for i, graph in graphs.items():
                    try:
                        results |= self._predict({i: graph})
                    except Exception as error:
                        results[i] = _failure(error)
        return [results[i] for i in range(len(structures))]

    def _graph(self, structure: Structure) -> Any:
        if not structure.is_ordered:
            raise ValueError("partially occupied sites")
        unknown = sorted({site.specie.symbol for site in structure if site.specie.Z > MAX_Z})
        if unknown:
            raise ValueError(f"CHGNet does not know {', '.join(unknown)}")
        plain = Structure(structure.lattice, structure.atomic_numbers, structure.frac_coords)
        plain.to = lambda *args, **kwargs: None  # on failure the converter would write a CIF into the working directory
        return self._model.graph_converter(plain)

    def _predict(self, graphs: dict[int, Any]) -> dict[int, Evaluation]:
        import torch

        if not graphs:
            return {}
        with torch.no_grad():
            energies = self._model(list(graphs.values()), task="e")["e"].tolist()
        return {i: Evaluation(e) if isfinite(e) else Evaluation(nan, "energy is not finite") for i, e in zip(graphs, energies, strict=True)}

    @cached_property
    def _model(self) -> Any:
        with contextlib.redirect_stdout(io.StringIO()):  # it greets
            from chgnet.model import CHGNet

            return CHGNet.load(model_name=MODEL, use_device="cpu", verbose=False).eval()


def _failure(error: Exception) -> Evaluation:
    return Evaluation(nan, f"{type(error).__name__}: {error}".splitlines()[0])
