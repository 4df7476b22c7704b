"""Loading models: a checkpoint in the published format is made here by MatterGen's own training
code, with a GemNet adapter of a few weights.
"""

from __future__ import annotations

import copy
import os
import pickle
import shutil
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import scoutlang
from scoutlang.ir import Program, Schedule
from scoutlang.ir.elements import SYMBOLS
from scoutlang.ir.known_models import KNOWN_MODELS
from scoutlang.sampling.generate import check_model, generate
from scoutlang.sampling.mattergen.batches import conditions
from scoutlang.sampling.mattergen.checkpoint import EMBEDDED, PUBLISHED, Model, load_model
from scoutlang.sampling.mattergen.sampler import Sampler
from scoutlang.sampling.mattergen.score import Score
from scoutlang.sampling.noise import structure_seed
from scoutlang.support.errors import ScoutError

import pytorch_lightning as pl  # isort: skip
from hydra.utils import instantiate  # isort: skip
from mattergen.adapter import GemNetTAdapter  # isort: skip
from mattergen.common.data.chemgraph import ChemGraph  # isort: skip
from mattergen.common.data.collate import collate  # isort: skip
from mattergen.common.data.num_atoms_distribution import NUM_ATOMS_DISTRIBUTIONS  # isort: skip
from mattergen.common.utils import data_classes  # isort: skip
from mattergen.property_embeddings import SetConditionalEmbeddingType, SetUnconditionalEmbeddingType  # isort: skip

WIDTH = 8
PROGRAM = """system Cu-P
atoms in [2, 4]
require CN(Cu-P) = 2
require volume_per_atom = 15 Å^3
sample count=2 batch=2 steps=10 seed=3
"""


def embedding(
    name: str, conditional: dict[str, Any], scaler: str = "torch.nn.Identity"
) -> dict[str, Any]:
    return {
        "_target_": "mattergen.property_embeddings.PropertyEmbedding",
        "name": name,
        "scaler": {"_target_": scaler},
        "conditional_embedding_module": conditional,
        "unconditional_embedding_module": {
            "_target_": "mattergen.property_embeddings.EmbeddingVector",
            "hidden_dim": WIDTH,
        },
    }


CHEMICAL_SYSTEM = embedding(
    "chemical_system",
    {
        "_target_": "mattergen.property_embeddings.ChemicalSystemMultiHotEmbedding",
        "hidden_dim": WIDTH,
    },
)
MAGNETISM = embedding(
    "dft_mag_density",
    {"_target_": "mattergen.diffusion.model_utils.NoiseLevelEncoding", "d_model": WIDTH},
    "mattergen.common.utils.data_utils.StandardScalerTorch",
)


def denoiser(**adapted: Any) -> dict[str, Any]:
    """The model node; with ``adapted`` properties the fine-tuned adapter, without the base model."""
    gemnet = {
        "_target_": "mattergen.common.gemnet.gemnet.GemNetT",
        "atom_embedding": {
            "_target_": "mattergen.common.gemnet.layers.embedding_block.AtomEmbedding",
            "emb_size": WIDTH,
            "with_mask_type": True,
        },
        # Å: an untrained model lets the cell grow, and GemNet stops where no atom has a neighbour
        "cutoff": 1e4,
        "emb_size_atom": WIDTH,
        "emb_size_edge": WIDTH,
        "latent_dim": WIDTH,
        "max_cell_images_per_dim": 2,
        "max_neighbors": 8,
        "num_blocks": 1,
        "num_targets": 1,
        "otf_graph": True,
        "regress_stress": True,
    } | dict.fromkeys(
        ["num_radial", "emb_size_trip", "emb_size_rbf", "emb_size_cbf", "emb_size_bil_trip"], 4
    )
    node = {
        "_target_": "mattergen.denoiser.GemNetTDenoiser",
        "atom_type_diffusion": "mask",
        "denoise_atom_types": True,
        "hidden_dim": WIDTH,
        "gemnet": gemnet,
        "property_embeddings": {},
        "property_embeddings_adapt": dict(adapted),
    }
    if adapted:
        node["_target_"] = "mattergen.adapter.GemNetTAdapter"
        gemnet |= {
            "_target_": "mattergen.common.gemnet.gemnet_ctrl.GemNetTCtrl",
            "condition_on_adapt": list(adapted),
        }
    return node


def configuration(model: dict[str, Any]) -> dict[str, Any]:
    """A whole config.yaml as MatterGen's training writes it; what the sampler does not need is
    there too.
    """
    corruption = {
        "_target_": "mattergen.diffusion.corruption.multi_corruption.MultiCorruption",
        "discrete_corruptions": {
            "atomic_numbers": {
                "_target_": "mattergen.diffusion.corruption.d3pm_corruption.D3PMCorruption",
                "offset": 1,
                "d3pm": {
                    "_target_": "mattergen.diffusion.d3pm.d3pm.MaskDiffusion",
                    "dim": 101,
                    "schedule": {
                        "_target_": "mattergen.diffusion.d3pm.d3pm.create_discrete_diffusion_schedule",
                        "kind": "standard",
                        "num_steps": 50,
                    },
                },
            }
        },
        "sdes": {
            "cell": {
                "_target_": "mattergen.common.diffusion.corruption.LatticeVPSDE.from_vpsde_config",
                "vpsde_config": {
                    "beta_max": 20,
                    "beta_min": 0.1,
                    "limit_density": 0.0577,
                    "limit_var_scaling_constant": 0.25,
                },
            },
            "pos": {
                "_target_": "mattergen.common.diffusion.corruption.NumAtomsVarianceAdjustedWrappedVESDE",
                "limit_info_key": "num_atoms",
                "sigma_max": 5.0,
                "wrapping_boundary": 1.0,
            },
        },
    }
    return {
        "data_module": {
            "_target_": "mattergen.common.data.datamodule.CrystDataModule",
            "average_density": 0.0577,
        },
        "lightning_module": {
            "_target_": "mattergen.diffusion.lightning_module.DiffusionLightningModule",
            "diffusion_module": {
                "_target_": "mattergen.diffusion.diffusion_module.DiffusionModule",
                "corruption": corruption,
                "loss_fn": {
                    "_target_": "mattergen.common.loss.MaterialsLoss",
                    "d3pm_hybrid_lambda": 0.01,
                    "reduce": "sum",
                    "weights": {"atomic_numbers": 1.0, "cell": 1.0, "pos": 0.1},
                }
                | dict.fromkeys(["include_atomic_numbers", "include_cell", "include_pos"], True),
                "model": model,
                "pre_corruption_fn": {
                    "_target_": "mattergen.property_embeddings.SetEmbeddingType",
                    "dropout_fields_iid": False,
                    "p_unconditional": 0.2,
                },
            },
            "optimizer_partial": {"_partial_": True, "_target_": "torch.optim.Adam", "lr": 5.0e-06},
        },
        "trainer": {
            "_target_": "pytorch_lightning.Trainer",
            "logger": {"_target_": "pytorch_lightning.loggers.WandbLogger"},
        },
    }


class WithConfig(pl.Callback):
    """MatterGen's training adds its configuration to every checkpoint."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.config = config

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        checkpoint["config"] = self.config


def write(folder: Path, config: dict[str, Any]) -> Path:
    """Train one step with pytorch-lightning and MatterGen's lightning module; the folder holds
    config.yaml and checkpoints/last.ckpt.
    """
    torch.manual_seed(0)
    parts = config["lightning_module"] | {
        "optimizer_partial": partial(torch.optim.Adam, lr=1e-3),
        "scheduler_partials": [
            {
                "scheduler": partial(torch.optim.lr_scheduler.ReduceLROnPlateau, patience=100),
                "interval": "epoch",
                "monitor": "loss_train",
            }
        ],
    }
    diffusion = instantiate(parts.pop("diffusion_module"))
    lightning = instantiate(
        {"_target_": parts.pop("_target_")}, diffusion_module=diffusion, **parts, _convert_="object"
    )
    for parameter in lightning.parameters():
        # the adapter starts at zero, where conditions do nothing
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    for name, buffer in lightning.named_buffers():
        if name.endswith(("means", "stds")):
            buffer.fill_(1.0)  # a fitted scaler; unfitted ones hold uninitialised memory
    crystals = [
        ChemGraph(
            atomic_numbers=torch.tensor([29, 15]),
            pos=torch.rand(2, 3),
            cell=4 * torch.eye(3)[None],
            num_atoms=torch.tensor([2]),
            chemical_system="Cu-P",
        )
        for _ in range(2)
    ]
    trainer = pl.Trainer(
        max_epochs=1,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[
            WithConfig(config),
            pl.callbacks.ModelCheckpoint(
                folder / "checkpoints", monitor="loss_train", save_last=True
            ),
        ],
        default_root_dir=folder,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lightning remarks on a run without validation
        trainer.fit(
            lightning, torch.utils.data.DataLoader(crystals, batch_size=2, collate_fn=collate)
        )
    (folder / "config.yaml").write_text(yaml.dump(config))
    return folder


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A download of the model hub's repository, of which checkpoints/chemical_system is there."""
    root = tmp_path_factory.mktemp("hub")
    write(
        root / "checkpoints" / "chemical_system",
        configuration(denoiser(chemical_system=CHEMICAL_SYSTEM)),
    )
    return root


@pytest.fixture(scope="session")
def published(snapshot: Path) -> Path:
    return snapshot / "checkpoints" / "chemical_system"


@pytest.fixture(scope="session")
def model(published: Path) -> Model:
    return load_model(str(published))


@pytest.fixture
def folder(published: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(published, tmp_path / "model"))


@pytest.fixture(scope="session")
def program() -> Program:
    result = scoutlang.check(PROGRAM)
    assert result.program is not None, result.diagnostics
    return result.program


def refusal(folder: Path) -> ScoutError:
    with pytest.raises(ScoutError) as failure:
        load_model(str(folder))
    return failure.value


def change(folder: Path, how: Callable[[dict[str, Any], dict[str, Any]], object]) -> Path:
    """Rewrite config.yaml after ``how(whole, diffusion_module)`` has changed it."""
    whole = yaml.safe_load((folder / "config.yaml").read_text())
    how(whole, whole["lightning_module"]["diffusion_module"])
    (folder / "config.yaml").write_text(yaml.dump(whole))
    return folder


# -- the published format
# -----------------------------------------------------------------------------------------------------


def test_the_checkpoint_of_these_tests_has_all_that_lightning_writes(published: Path) -> None:
    content = torch.load(published / "checkpoints" / "last.ckpt", weights_only=False)
    keys = {
        "state_dict",
        "epoch",
        "global_step",
        "optimizer_states",
        "lr_schedulers",
        "callbacks",
        "loops",
        "pytorch-lightning_version",
        "config",
    }
    assert keys <= set(content)
    assert all(key.startswith("diffusion_module.") for key in content["state_dict"])


def test_a_published_checkpoint_loads_with_its_weights(model: Model, published: Path) -> None:
    assert isinstance(model.module.model, GemNetTAdapter)
    assert model.conditions == ("chemical_system",)
    stored = torch.load(published / "checkpoints" / "last.ckpt", weights_only=False)["state_dict"]
    loaded = model.module.state_dict()
    assert stored.keys() == {f"diffusion_module.{key}" for key in loaded}
    assert all(
        torch.equal(stored[f"diffusion_module.{key}"], value) for key, value in loaded.items()
    )
    assert not model.module.training
    assert not any(p.requires_grad for p in model.module.parameters())


def test_facts_of_a_published_model(model: Model) -> None:
    assert model.num_atoms_weights(3) == NUM_ATOMS_DISTRIBUTIONS["ALEX_MP_20"]
    assert model.max_atoms == 20
    assert model.elements is not None
    assert "Cu" in model.elements
    assert not {"He", "Xe", "Tc", "U"} & set(model.elements)


def test_an_element_that_no_published_model_knows_is_refused(
    model: Model, program: Program
) -> None:
    with pytest.raises(ScoutError) as failure:
        check_model(replace(program, system=("Cu", "Xe")), model)
    assert failure.value.code == "E520"
    assert "Xe" in failure.value.message


@pytest.mark.parametrize("arm", ["non-guided", "guided"])
def test_sampling_from_a_published_model(arm: Any, model: Model, program: Program) -> None:
    steps: list[Any] = []
    check_model(program, model)
    sampled = generate(program, model, arm, [0, 1], on_step=steps.append)
    assert [s.index for s in sampled] == [0, 1]
    for s in sampled:
        assert s.structure is not None, s.failure
        assert {e.symbol for e in s.structure.composition} <= {"Cu", "P"}
        assert 2 <= len(s.structure) <= 4
    assert len(steps) == 10
    assert any(p.guided is not None for p in steps) == (arm == "guided")


def test_guidance_changes_what_is_sampled(model: Model, program: Program) -> None:
    strong = replace(program, guide=replace(program.guide, until=0.0, since=1.0))
    weak = replace(strong, guide=replace(strong.guide, k=Schedule()))
    guided, not_guided = (generate(p, model, "guided", [0])[0].structure for p in (strong, weak))
    assert guided is not None
    assert not_guided is not None
    assert guided.num_sites == not_guided.num_sites
    assert guided.lattice != not_guided.lattice


def test_classifier_free_guidance_extrapolates_from_the_unconditional_score(model: Model) -> None:
    batch = conditions([3, 2], "Cu-P").replace(
        pos=torch.rand(5, 3),
        cell=4 * torch.eye(3).repeat(2, 1, 1),
        atomic_numbers=torch.tensor([29, 15, 101, 29, 101]),
    )
    t = torch.full((2,), 0.3)
    with torch.no_grad():
        conditional = model.module.score_fn(SetConditionalEmbeddingType()(batch), t)
        unconditional = model.module.score_fn(SetUnconditionalEmbeddingType()(batch), t)
        found = Score(model.module, 2.0, None, "cpu")(batch, t)
    for field in ("pos", "cell", "atomic_numbers"):
        assert not torch.allclose(conditional[field], unconditional[field]), (
            "a condition that does nothing proves nothing"
        )
        torch.testing.assert_close(
            found[field],
            unconditional[field] + 2.0 * (conditional[field] - unconditional[field]),
            rtol=1e-4,
            atol=1e-4,
        )


def test_the_guidance_factor_of_the_program_reaches_the_model(
    model: Model, program: Program
) -> None:
    def lattice(factor: float) -> Any:
        chosen = replace(program, sample=replace(program.sample, cfg=factor))
        structure = generate(chosen, model, "non-guided", [0])[0].structure
        assert structure is not None
        return structure.lattice

    assert lattice(0.0) != lattice(3.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    "adapted", [{}, {"dft_mag_density": MAGNETISM}], ids=["mattergen_base", "dft_mag_density"]
)
def test_models_without_the_chemical_system_sample_it_by_their_types_alone(
    adapted: Any, program: Program, tmp_path: Path
) -> None:
    other = load_model(str(write(tmp_path / "model", configuration(denoiser(**adapted)))))
    assert other.conditions == tuple(adapted)
    (sampled,) = generate(program, other, "non-guided", [0])
    assert sampled.structure is not None, sampled.failure
    assert {e.symbol for e in sampled.structure.composition} <= {"Cu", "P"}


def test_a_structure_without_neighbours_is_lost_alone(
    model: Model, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GemNet ends with an IndexError when no atom of a batch has a neighbour; the other structures
    are sampled all the same.
    """
    whole = Sampler.run

    def fragile(self: Sampler, loop: Any) -> Any:
        if structure_seed(program.sample.seed, "guided", 1) in self._seeds:
            raise IndexError("index 0 is out of bounds")
        return whole(self, loop)

    monkeypatch.setattr(Sampler, "run", fragile)
    sampled = generate(program, model, "guided", [0, 1])
    assert [s.index for s in sampled] == [0, 1]
    assert sampled[0].structure is not None
    assert sampled[1].structure is None
    assert "no atom has a neighbour" in (sampled[1].failure or "")


def test_the_mask_of_elements_of_newer_configurations_is_kept(
    folder: Path, program: Program
) -> None:
    mask = {"_target_": "mattergen.denoiser.mask_disallowed_elements", "_partial_": True}
    masked = load_model(
        str(change(folder, lambda _, module: module["model"].update(element_mask_func=mask)))
    )
    assert masked.module.model.element_mask_func is not None
    assert generate(program, masked, "non-guided", [0])[0].structure is not None


# -- the model hub
# ------------------------------------------------------------------------------------------------------------


def test_a_published_name_comes_from_the_hub(
    snapshot: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def download(repo_id: str, filename: str) -> str:
        asked.append((repo_id, filename))
        assert (snapshot / filename).is_file()
        return str(snapshot / filename)

    monkeypatch.setattr(data_classes, "hf_hub_download", download)
    model = load_model("chemical_system")
    assert model.name == "chemical_system"
    assert model.conditions == ("chemical_system",)
    assert sorted(asked) == [
        ("microsoft/mattergen", "checkpoints/chemical_system/checkpoints/last.ckpt"),
        ("microsoft/mattergen", "checkpoints/chemical_system/config.yaml"),
    ]


def test_every_published_model_is_known_to_the_checker() -> None:
    assert set(KNOWN_MODELS) == {*EMBEDDED, *PUBLISHED}


@pytest.mark.parametrize("name", PUBLISHED)
def test_offline_the_message_says_what_to_download_and_where_to_put_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ScoutError) as failure:
        load_model(name)
    assert failure.value.code == "E515"
    text = str(failure.value)
    for part in (
        f"checkpoints/{name}/config.yaml",
        f"checkpoints/{name}/checkpoints/last.ckpt",
        "https://",
        "--model FOLDER",
    ):
        assert part in text


# -- configurations that want more than a model
# -------------------------------------------------------------------------------

# every one of these would create the file PROOF if it ran
TOUCH = "__import__('pathlib').Path('PROOF').touch()"
EVAL = {"_target_": "mattergen.common.utils.globals.try_eval", "s": TOUCH}
SHELL = {"_target_": "mattergen.common.utils.globals.os.system", "_args_": ["touch PROOF"]}
RESOLVER = '${eval:"' + TOUCH + '"}'

HOSTILE: dict[str, Callable[[dict[str, Any], dict[str, Any]], object]] = {
    "a function of mattergen that evaluates text": lambda _, m: m.update(pre_corruption_fn=EVAL),
    "a name reached through a module of mattergen": lambda _, m: m.update(pre_corruption_fn=SHELL),
    "another package": lambda _, m: m.update(pre_corruption_fn={"_target_": "builtins.eval", "_args_": [TOUCH]}),
    "hydra itself": lambda _, m: m.update(pre_corruption_fn={"_target_": "hydra.utils.instantiate", "config": SHELL}),
    "a partial": lambda _, m: m.update(pre_corruption_fn=SHELL | {"_partial_": True}),
    "functools": lambda _, m: m.update(pre_corruption_fn={"_target_": "functools.partial", "_args_": [SHELL]}),
    "an argument": lambda _, m: m["model"]["gemnet"].update(cutoff={"_target_": "torch.nn.Identity", "_args_": [EVAL]}),
    "an element of a list": lambda _, m: m["model"]["gemnet"].update(condition_on_adapt=["chemical_system", EVAL]),
    "a list in a list": lambda _, m: m["loss_fn"].update(weights=[[EVAL]]),
    "deep in torch": lambda _, m: m.update(pre_corruption_fn={"_target_": "torch.nn.modules.module.torch.os.system", "_args_": ["touch PROOF"]}),
    "a target that is no text": lambda _, m: m.update(pre_corruption_fn={"_target_": ["os.system"]}),
    "the root": lambda whole, _: whole["lightning_module"].update(diffusion_module=EVAL),
    "a resolver": lambda _, m: m["loss_fn"].update(reduce=RESOLVER),
    "the environment": lambda _, m: m["loss_fn"].update(reduce="${oc.env:HOME}"),
    "a resolver with a space": lambda _, m: m["loss_fn"].update(reduce=RESOLVER.replace("{eval", "{ eval")),
    "a resolver in a resolver's name": lambda _, m: m["loss_fn"].update(reduce="${${oc.env:NAME}}"),
    "a resolver in the middle of a text": lambda _, m: m["loss_fn"].update(reduce="sum" + RESOLVER),
    "a resolver in a list": lambda _, m: m["model"]["gemnet"].update(condition_on_adapt=["chemical_system", RESOLVER]),
    "an escaped resolver": lambda _, m: m["loss_fn"].update(reduce="\\" + RESOLVER),
    "a resolver elsewhere": lambda whole, m: (whole["trainer"].update(x=RESOLVER), m["loss_fn"].update(reduce="${trainer.x}")),
    "a resolver behind two interpolations": lambda whole, m: (
        whole["trainer"].update(x="${data_module.y}"),
        whole["data_module"].update(y=RESOLVER),
        m["loss_fn"].update(reduce="${trainer.x}"),
    ),
    "a target elsewhere": lambda whole, m: (whole.update(evil=SHELL), m.update(pre_corruption_fn="${evil}")),
    "the name of a target elsewhere": lambda whole, m: (
        whole.update(evil=SHELL["_target_"]),
        m.update(pre_corruption_fn=SHELL | {"_target_": "${evil}"}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_configuration_constructs_nothing_but_models(
    how: Callable[[dict[str, Any], dict[str, Any]], object],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    failure = refusal(change(folder, how))
    assert failure.code == "E512"
    # refused by us, before hydra sees it
    assert "wants to construct" in failure.message or "calls a resolver" in failure.message
    assert not (tmp_path / "PROOF").exists()


def test_interpolations_resolve_against_the_whole_file(folder: Path) -> None:
    def interpolate(whole: dict[str, Any], module: dict[str, Any]) -> None:
        whole["shared"] = {"embedding": module["model"]["gemnet"]["atom_embedding"]}
        module["corruption"]["sdes"]["cell"]["vpsde_config"]["limit_density"] = (
            "${data_module.average_density}"
        )
        module["model"]["hidden_dim"] = (
            "${lightning_module.diffusion_module.model.gemnet.latent_dim}"
        )
        module["model"]["gemnet"]["emb_size_edge"] = "${.emb_size_atom}"
        module["model"]["gemnet"]["atom_embedding"] = "${shared.embedding}"

    model = load_model(str(change(folder, interpolate)))
    assert model.module.corruption.sdes["cell"].limit_density == 0.0577
    assert model.module.model.hidden_dim == WIDTH


def test_what_the_sampler_does_not_read_may_say_anything(folder: Path) -> None:
    def elsewhere(whole: dict[str, Any], _: dict[str, Any]) -> None:
        whole["trainer"].update(
            default_root_dir="${oc.env:A_VARIABLE_THAT_IS_NOT_SET}",
            callbacks=[{"_target_": "my.own.Callback"}],
        )

    assert load_model(str(change(folder, elsewhere))).conditions == ("chemical_system",)


# -- files that are no checkpoint
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["no/such/folder", "chemical_systen", "x" * 300, "a\0b", __file__])
def test_unknown_names(name: str) -> None:
    with pytest.raises(ScoutError) as failure:
        load_model(name)
    assert failure.value.code == "E510"
    assert "chemical_system" in failure.value.hint


def test_a_folder_without_a_configuration(folder: Path) -> None:
    (folder / "config.yaml").unlink()
    assert refusal(folder).code == "E511"


def test_a_folder_without_weights(folder: Path) -> None:
    shutil.rmtree(folder / "checkpoints")
    failure = refusal(folder)
    assert failure.code == "E511"
    assert "checkpoints/last.ckpt" in str(failure)


def test_weights_of_another_epoch_only(folder: Path) -> None:
    (folder / "checkpoints" / "last.ckpt").rename(folder / "checkpoints" / "epoch=1.ckpt")
    assert refusal(folder).code == "E511"


CONFIGS = {
    "empty": b"",
    "binary": bytes(range(256)),
    "not YAML": b"lightning_module: [",
    "a list": b"- 1\n- 2\n",
    "a text": b"hello",
    "nothing in it": b"{}",
    "without a module": b"lightning_module: {_target_: x}",
    "null": b"lightning_module: {diffusion_module: null}",
    "a list as module": b"lightning_module: {diffusion_module: [1]}",
    "text as module": b"lightning_module: text",
    "no target": b"lightning_module: {diffusion_module: {model: 1}}",
    "tags": b"lightning_module: !!python/object/apply:os.system ['touch PROOF']",
    "a circle": b"lightning_module: {diffusion_module: {a: '${b}'}}\nb: '${c}'\nc: '${b}'",
    "an interpolation to nowhere": b"lightning_module: {diffusion_module: {a: '${nothing.there}'}}",
    "half an interpolation": b"lightning_module: {diffusion_module: {a: '${'}}",
    "a missing argument": b"lightning_module: {diffusion_module: {_target_: mattergen.diffusion.diffusion_module.DiffusionModule}}",
    "another object": b"lightning_module: {diffusion_module: {_target_: torch.nn.Identity}}",
}


@pytest.mark.parametrize("content", CONFIGS.values(), ids=CONFIGS.keys())
def test_configurations_that_are_none(
    content: bytes, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (folder / "config.yaml").write_bytes(content)
    failure = refusal(folder)
    assert failure.code == "E512"
    assert "config.yaml" in failure.message
    assert not (tmp_path / "PROOF").exists()


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_bytes_as_configuration_make_a_traceback(content: bytes, folder: Path) -> None:
    (folder / "config.yaml").write_bytes(content)
    assert refusal(folder).code == "E512"


def test_a_model_that_is_no_score_model(folder: Path) -> None:
    failure = refusal(
        change(folder, lambda _, module: module.update(model={"_target_": "torch.nn.Identity"}))
    )
    assert failure.code == "E512"


def test_an_argument_that_the_model_does_not_have(folder: Path) -> None:
    failure = refusal(
        change(folder, lambda _, module: module["loss_fn"].update(no_such_argument=1))
    )
    assert failure.code == "E512"
    assert "\n" not in failure.message


class Hostile:
    def __reduce__(self) -> Any:
        return os.system, ("touch PROOF",)


def test_a_pickle_with_code_is_refused_by_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    weights = folder / "checkpoints" / "last.ckpt"
    content = torch.load(weights, weights_only=False)
    torch.save(content | {"hyper_parameters": Hostile()}, weights)
    failure = refusal(folder)
    assert failure.code == "E513"
    assert "system" in failure.message
    weights.write_bytes(pickle.dumps(Hostile()))
    assert refusal(folder).code == "E513"
    assert not (tmp_path / "PROOF").exists()


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    """Damage inside the pickle of the archive."""
    place = content.index(b"state_dict")
    return content[: place - 8] + b"\xff" * 8 + content[place:]


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "truncated": truncated,
    "empty": lambda _: b"",
    "one byte": lambda _: b"P",
    "a web page": lambda _: b"<!DOCTYPE html><html>not found</html>",
    "a pointer of git-lfs": lambda _: (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
    ),
    "damaged inside": flipped,
    "no archive any more": lambda content: content[4:],
    "a list": lambda _: pickle.dumps([1, 2, 3], protocol=2),
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT.keys())
def test_damaged_weights(spoil: Callable[[bytes], bytes], folder: Path) -> None:
    weights = folder / "checkpoints" / "last.ckpt"
    weights.write_bytes(spoil(weights.read_bytes()))
    failure = refusal(folder)
    assert failure.code == "E513"
    assert str(weights) in failure.message
    assert failure.hint


def test_an_archive_that_is_something_else(folder: Path) -> None:
    with zipfile.ZipFile(folder / "checkpoints" / "last.ckpt", "w") as archive:
        archive.writestr("readme.txt", "hello")
    assert refusal(folder).code == "E513"


@pytest.mark.parametrize(
    "content",
    [
        {"epoch": 1},
        {"state_dict": [1]},
        {"state_dict": {1: torch.ones(1)}},
        [torch.ones(1)],
        torch.ones(1),
    ],
)
def test_a_file_of_tensors_that_is_no_checkpoint(content: Any, folder: Path) -> None:
    torch.save(content, folder / "checkpoints" / "last.ckpt")
    assert refusal(folder).code == "E513"


@pytest.mark.parametrize(
    "alter",
    [
        lambda state: {},
        lambda state: dict(list(state.items())[1:]),
        lambda state: state | {"diffusion_module.one_more": torch.ones(1)},
        lambda state: {key: torch.ones(3, 3, 3) for key in state},
        lambda state: dict.fromkeys(state, "text"),
    ],
    ids=["none", "one missing", "one too many", "other shapes", "no tensors"],
)
def test_weights_that_do_not_fit_the_configuration(
    alter: Callable[[dict[str, Any]], dict[str, Any]], folder: Path
) -> None:
    weights = folder / "checkpoints" / "last.ckpt"
    content = torch.load(weights, weights_only=False)
    torch.save(copy.copy(content) | {"state_dict": alter(dict(content["state_dict"]))}, weights)
    failure = refusal(folder)
    assert failure.code == "E514"
    assert len(failure.message.splitlines()) == 1


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[",
        "[1]",
        '{"elements": 3}',
        '{"num_atoms": [1]}',
        '{"num_atoms": {"x": {"1": 1}}}',
        '{"max_atoms": null}',
    ],
)
def test_facts_that_are_none(content: str, folder: Path) -> None:
    (folder / "scout.json").write_text(content)
    assert refusal(folder).code == "E512"


def test_a_run_that_was_begun_with_the_first_weights_of_mini_gets_them() -> None:
    first = load_model("mini-1")
    for weights in (first.weights_sha256, "0" * 64, ""):
        model = load_model("mini", weights=weights)
        assert model.name == "mini"
        expected = first if weights == first.weights_sha256 else load_model("mini")
        assert model.weights_sha256 == expected.weights_sha256
        state, wanted = model.module.state_dict(), expected.module.state_dict()
        assert all(torch.equal(state[name], wanted[name]) for name in wanted)


def test_the_checker_knows_the_elements_of_published_models() -> None:
    from mattergen.common.utils.globals import SELECTED_ATOMIC_NUMBERS

    known = KNOWN_MODELS["chemical_system"].elements
    assert known == {SYMBOLS[z - 1] for z in SELECTED_ATOMIC_NUMBERS}
