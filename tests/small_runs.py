"""Runs that are made and judged in a moment: the model is small and untrained, every crystal has the
energy of its elements.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from pymatgen.core import Lattice, Structure

import scoutlang
from scoutlang.ir import Program
from scoutlang.potentials import Evaluation, Report
from scoutlang.runs import judge as judged_runs
from scoutlang.runs import run as running
from scoutlang.runs.glance import Glance
from scoutlang.sampling import mini
from scoutlang.validation.reference import Reference
from scoutlang.validation.reference.structures import ReferenceStructure

import scoutlang.sampling.mattergen  # isort: skip
from hydra.utils import instantiate  # isort: skip

TEXT = """# coordination in copper phosphides
system Cu-P
atoms in [3, 4]
require CN(Cu-P) = 2
sample count=5 batch=2 steps=10 seed=7 model="{model}"
"""


class Flat:
    """A potential for which every crystal has the energy of its elements."""

    name, version, weights_sha256 = "flat", "1", "0" * 64

    def energies(
        self, structures: Sequence[Structure], *, batch_size: int = 16, report: Report | None = None
    ) -> list[Evaluation]:
        return [Evaluation(-1.0) for _ in structures]


def write_model(folder: Path, seed: int) -> Path:
    """A checkpoint folder of `mini`'s architecture with 16 channels, one layer and random weights."""
    config = OmegaConf.load(Path(mini.__file__).parent / "config.yaml")
    model = config.lightning_module.diffusion_module.model
    model.width, model.layers = 16, 1
    for part in ("unconditional_embedding_module", "conditional_embedding_module"):
        model.property_embeddings.chemical_system[part].hidden_dim = 4
    torch.manual_seed(seed)
    module = instantiate(config.lightning_module.diffusion_module)
    (folder / "checkpoints").mkdir(parents=True)
    OmegaConf.save(config, folder / "config.yaml")
    torch.save(
        {"state_dict": {f"diffusion_module.{k}": v for k, v in module.state_dict().items()}},
        folder / "checkpoints" / "last.ckpt",
    )
    facts = {"max_atoms": 8, "elements": ["P", "Cu", "Na"], "num_atoms": {"2": {"3": 2, "4": 1}}}
    (folder / "scout.json").write_text(json.dumps(facts))
    return folder


def judge_quickly(patch: pytest.MonkeyPatch) -> None:
    cells = [
        ReferenceStructure(e, "test", Structure(Lattice.cubic(3), [e], [(0, 0, 0)]), "none", "none")
        for e in ("Cu", "P")
    ]
    known = Reference.from_structures("by hand", cells)
    for module in (running, judged_runs):
        patch.setattr(module, "load_potential", lambda name: Flat())
        patch.setattr(module, "load_reference", lambda name: known)


def program(folder: Path, **sample: Any) -> Program:
    """TEXT on the model of that folder, with some sampling settings changed."""
    checked = scoutlang.check(TEXT.format(model=folder), name="copper.scout").program
    assert checked is not None
    return dataclasses.replace(checked, sample=dataclasses.replace(checked.sample, **sample))


class Interrupt(running.Silent):
    """Presses Ctrl-C in the middle of the batch that starts at structure ``first`` of an arm."""

    def __init__(self, arm: str, first: int) -> None:
        self.place = (arm, first)

    def sampling(self, arm: str, done: int, total: int, working: Sequence[Glance]) -> None:
        if (arm, done) == self.place and working and working[-1].step == 3:
            raise KeyboardInterrupt


def manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "run.json").read_text()))
