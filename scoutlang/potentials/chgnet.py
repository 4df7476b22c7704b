"""CHGNet 0.3.0 (Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3),
weights in the chgnet wheel, BSD-3-Clause.

Trained on Materials Project relaxations with the MP2020 corrections, so its energies of oxides and
metals share one scale.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import version
from importlib.resources import files
from math import isfinite, nan
from typing import TYPE_CHECKING, Any, Literal

from scoutlang.potentials._calculators import quiet
from scoutlang.potentials._potential import (
    MATERIALS_PROJECT,
    Evaluation,
    Facts,
    Report,
    needed,
    unfit,
)
from scoutlang.support.batching import batches, each
from scoutlang.support.errors import first_line

if TYPE_CHECKING:
    from pymatgen.core import Structure

MODEL = "0.3.0"
FACTS = Facts(
    model=f"CHGNet {MODEL}",
    package="chgnet",
    extra="chgnet",
    licence="BSD-3-Clause",
    commercial=True,
    citation="10.1038/s42256-023-00716-3",
    training="Materials Project relaxations (MPtrj), PBE and PBE+U with the MP2020 corrections",
    # the network has rows for Po to Ra too, which no crystal of MPtrj has trained
    elements=MATERIALS_PROJECT,
)

MAX_ANGLES = 20_000
"""Bond angles in one call of the model, which takes 0.1 MB for each with forces; 16 crystals of 20
atoms have 7000 in the mean.
"""

_Task = Literal["e", "efs"]


class CHGNetPotential:
    """`Potential` adapter. The model (torch, chgnet) is loaded at the first energy, on the CPU,
    without a word.
    """

    name = f"chgnet-{MODEL}"

    @cached_property
    def version(self) -> str:
        return f"chgnet {version('chgnet')}"

    @cached_property
    def weights_sha256(self) -> str:
        folder = files("chgnet") / "pretrained" / MODEL
        (weights,) = (f for f in folder.iterdir() if f.name.endswith(".pth.tar"))
        return hashlib.sha256(weights.read_bytes()).hexdigest()

    def energies(
        self, structures: Sequence[Structure], *, batch_size: int = 16, report: Report | None = None
    ) -> list[Evaluation]:
        return self._all(structures, "e", batch_size, report)

    def evaluate(
        self, structures: Sequence[Structure], *, batch_size: int = 16
    ) -> list[Evaluation]:
        return self._all(structures, "efs", batch_size, None)

    def _all(
        self, structures: Sequence[Structure], task: _Task, batch_size: int, report: Report | None
    ) -> list[Evaluation]:
        found: list[Evaluation] = []
        for start in range(0, len(structures), batch_size):
            found.extend(self._batch(structures[start : start + batch_size], task))
            if report:
                report(len(found), len(structures))
        return found

    def _batch(self, structures: Sequence[Structure], task: _Task) -> list[Evaluation]:
        graphs: dict[int, Any] = {}
        results: dict[int, Evaluation] = {}
        with quiet():
            for i, structure in enumerate(structures):
                if flaw := unfit(structure, FACTS.elements):
                    results[i] = Evaluation(nan, flaw)
                    continue
                try:
                    graphs[i] = self._graph(structure)
                except Exception as error:  # one bad structure is data
                    results[i] = Evaluation(nan, first_line(error))
            portions = batches(graphs.values(), lambda graph: len(graph.bond_graph), MAX_ANGLES)
            found = [
                answer
                for portion in portions
                for answer in each(lambda some: self._predict(some, task), portion)
            ]
        for i, answer in zip(graphs, found, strict=True):
            results[i] = (
                Evaluation(nan, first_line(answer)) if isinstance(answer, Exception) else answer
            )
        return [results[i] for i in range(len(structures))]

    def _graph(self, structure: Structure) -> Any:
        import numpy as np
        from pymatgen.core import Structure

        # the model divides its stress by the volume with its sign; the cell −L with −x is the same
        # crystal
        hand = np.sign(np.linalg.det(structure.lattice.matrix))
        plain = Structure(
            hand * structure.lattice.matrix, structure.atomic_numbers, hand * structure.frac_coords
        )
        # on failure the converter would write a CIF into the working directory
        plain.to = lambda *args, **kwargs: None
        return self._model.graph_converter(plain)

    def _predict(self, graphs: Sequence[Any], task: _Task) -> list[Evaluation]:
        import torch

        if task == "e":
            with torch.no_grad():
                energies = self._model(graphs, task="e")["e"].tolist()
            return [Evaluation(e) if isfinite(e) else _NOT_FINITE for e in energies]
        return self._with_gradients(graphs)

    def _with_gradients(self, graphs: Sequence[Any]) -> list[Evaluation]:
        """Energies with forces and stress. The model's own come from two passes backward that can
        be differentiated once more; one pass to lattice and fractional coordinates is enough.
        """
        import torch

        lattices = [graph.lattice.requires_grad_() for graph in graphs]
        sites = [graph.atom_frac_coord.requires_grad_() for graph in graphs]
        with quiet(), torch.enable_grad():  # it warns that its volumes forget their gradient
            each = self._model(graphs, task="e")["e"]
            total = (each * each.new_tensor([len(frac) for frac in sites])).sum()
            gradients = torch.autograd.grad(total, [*lattices, *sites])
        found = []
        for k, (energy, lattice) in enumerate(zip(each.tolist(), lattices, strict=True)):
            cell = lattice.detach().double()
            of_cell, of_sites = (g.double() for g in (gradients[k], gradients[len(graphs) + k]))
            # r = frac L, so ∂E/∂r = ∂E/∂frac L^(-T); a strain takes L to L (1 + ε)
            forces = -torch.linalg.solve(cell, of_sites.T).T
            stress = cell.T @ of_cell / torch.linalg.det(cell).abs()
            sound = isfinite(energy) and forces.isfinite().all() and stress.isfinite().all()
            found.append(
                Evaluation(energy, "", forces.numpy(), stress.numpy()) if sound else _NOT_FINITE
            )
        return found

    @cached_property
    def _model(self) -> Any:
        with quiet():  # it greets
            from chgnet.model import CHGNet

            model = CHGNet.load(model_name=MODEL, use_device="cpu", verbose=False).eval()
        return model.requires_grad_(requires_grad=False)


def create() -> CHGNetPotential:
    """Raises ScoutError E440."""
    needed(FACTS)
    return CHGNetPotential()


_NOT_FINITE = Evaluation(nan, "energy or forces are not finite")
