"""Load a model: the embedded `mini`, a published MatterGen name, or a checkpoint folder. All go through MatterGen's `MatterGenCheckpointInfo`.

A checkpoint comes from strangers: weights are read with ``weights_only``, the configuration may only name classes of known packages,
and interpolations that evaluate code are refused.
"""

from __future__ import annotations

import hashlib
import json
import logging
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from hydra.errors import HydraException
from hydra.utils import instantiate
from mattergen.common.data.num_atoms_distribution import NUM_ATOMS_DISTRIBUTIONS
from mattergen.common.utils.data_classes import PRETRAINED_MODEL_NAME, MatterGenCheckpointInfo
from mattergen.diffusion.diffusion_module import DiffusionModule
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from scoutlang.elements import ATOMIC_NUMBER
from scoutlang.errors import ScoutError

PUBLISHED: tuple[str, ...] = get_args(PRETRAINED_MODEL_NAME)
EMBEDDED = Path(__file__).parents[2] / "models" / "mini" / "checkpoint"
HUB = "https://huggingface.co/microsoft/mattergen"

# classes that a checkpoint's configuration may construct
_ALLOWED_TARGETS = ("mattergen.", "scoutlang.sampling.models.", "torch.nn.", "torch.optim.", "functools.partial")
_PREFIX = "diffusion_module."


@dataclass(frozen=True)
class Model:
    """A diffusion model ready to sample.

    num_atoms: number of elements → {atoms in the cell: weight}; key 0 serves every number of elements.
    conditions: fields the model was trained to condition on; elements: atomic numbers it may generate.
    """

    name: str
    module: DiffusionModule
    weights_sha256: str
    config_sha256: str
    max_atoms: int
    num_atoms: dict[int, dict[int, float]]
    conditions: tuple[str, ...]
    elements: tuple[str, ...] | None

    def num_atoms_weights(self, number_of_elements: int) -> dict[int, float]:
        """Distribution of the number of atoms for systems of that many elements."""
        if number_of_elements in self.num_atoms:
            return self.num_atoms[number_of_elements]
        return self.num_atoms.get(0) or self.num_atoms[max(self.num_atoms)]


def load_model(name: str, device: torch.device | str = "cpu") -> Model:
    """``mini``, one of `PUBLISHED`, or the path of a MatterGen checkpoint folder.

    Raises ScoutError: E510 unknown name or folder, E511 nothing to load in the folder, E512 unsafe or unreadable configuration,
    E513 damaged weights, E514 weights and configuration disagree, E515 the hub cannot be reached.
    """
    if name == "mini":
        return _load(name, EMBEDDED, device)
    if name in PUBLISHED:
        return _load(name, _from_hub(name), device)
    folder = Path(name)
    if not folder.is_dir():
        raise ScoutError("E510", f"unknown model '{name}': no such checkpoint folder", f"known models: mini, {', '.join(PUBLISHED)}, or a folder")
    return _load(name, folder, device)


def _from_hub(name: str) -> Path:
    noise = [logging.getLogger(n) for n in ("huggingface_hub", "httpx", "httpcore")]
    levels = [(logger, logger.level) for logger in noise]
    for logger in noise:
        logger.setLevel(logging.CRITICAL)
    try:
        return Path(MatterGenCheckpointInfo.from_hf_hub(name).model_path)
    except Exception as error:  # huggingface_hub raises errors of many libraries when there is no network
        raise ScoutError(
            "E515",
            f"could not get the checkpoint '{name}' from the model hub ({type(error).__name__})",
            f"on a machine with a network, download the files checkpoints/{name}/config.yaml and checkpoints/{name}/checkpoints/last.ckpt "
            f"from {HUB}, keep their layout (FOLDER/config.yaml, FOLDER/checkpoints/last.ckpt), and use --model FOLDER",
        ) from error
    finally:
        for logger, level in levels:
            logger.setLevel(level)


def _load(name: str, folder: Path, device: torch.device | str) -> Model:
    info = MatterGenCheckpointInfo(model_path=str(folder.resolve()), load_epoch="last")
    config_file = folder / "config.yaml"
    if not config_file.is_file():
        raise ScoutError("E511", f"{folder} has no config.yaml", "a MatterGen checkpoint folder holds config.yaml and checkpoints/last.ckpt")
    try:
        weights_file = Path(info.checkpoint_path)
    except AssertionError as error:
        hint = "train it with: scout train mini" if name == "mini" else "put the weights at checkpoints/last.ckpt in that folder"
        raise ScoutError("E511", f"{folder} has no weights (checkpoints/last.ckpt)", hint) from error
    config = _diffusion_config(config_file)
    state = _state_dict(weights_file)
    try:
        module = instantiate(config)
    except (HydraException, OmegaConfBaseException, TypeError, ValueError) as error:
        raise ScoutError("E512", f"{config_file} does not describe a MatterGen model: {str(error).splitlines()[0]}", "") from error
    if not isinstance(module, DiffusionModule):
        raise ScoutError("E512", f"{config_file} does not describe a MatterGen DiffusionModule", "")
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise ScoutError(
            "E514", f"the weights in {weights_file} do not fit {config_file}: {str(error).splitlines()[1].strip()}", "take both from the same model"
        ) from error
    module.eval().to(device).requires_grad_(False)
    about = _about(folder / "scout.json")
    return Model(
        name=name,
        module=module,
        weights_sha256=hashlib.sha256(weights_file.read_bytes()).hexdigest(),
        config_sha256=hashlib.sha256(config_file.read_bytes()).hexdigest(),
        max_atoms=about.get("max_atoms", 20),
        num_atoms=_num_atoms(about),
        conditions=tuple(module.model.cond_fields_model_was_trained_on),
        elements=tuple(about["elements"]) if "elements" in about else None,
    )


def _diffusion_config(file: Path) -> DictConfig:
    try:
        config = OmegaConf.load(file)
        found = config.lightning_module.diffusion_module if isinstance(config, DictConfig) else None
    except Exception as error:  # yaml and omegaconf raise many types; each means: not a configuration
        raise ScoutError("E512", f"{file} cannot be read: {str(error).splitlines()[0]}", "expected the config.yaml of a MatterGen checkpoint") from error
    if not isinstance(found, DictConfig):
        raise ScoutError("E512", f"{file} has no lightning_module.diffusion_module", "expected the config.yaml of a MatterGen checkpoint")
    _refuse_code(OmegaConf.to_container(found, resolve=False), file)
    # interpolations are resolved against the whole file, as hydra does
    return found


def _refuse_code(node: Any, file: Path) -> None:
    """Raise E512 for a target outside the known packages or an interpolation that calls a resolver such as ``eval``."""
    if isinstance(node, dict):
        target = node.get("_target_")
        if target is not None and not str(target).startswith(_ALLOWED_TARGETS):
            raise ScoutError("E512", f"{file} wants to construct '{target}'", f"only classes of {', '.join(_ALLOWED_TARGETS)} are allowed")
        for value in node.values():
            _refuse_code(value, file)
    elif isinstance(node, list):
        for value in node:
            _refuse_code(value, file)
    elif isinstance(node, str) and "${" in node and ":" in node.split("${", 1)[1]:
        raise ScoutError("E512", f"{file} holds an interpolation that calls a resolver: {node}", "replace it by its value")


def _state_dict(file: Path) -> dict[str, torch.Tensor]:
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
        state = content["state_dict"]
        return {key.removeprefix(_PREFIX): value for key, value in state.items() if key.startswith(_PREFIX)}
    except (RuntimeError, OSError, EOFError, KeyError, TypeError, AttributeError, ValueError, pickle.UnpicklingError) as error:
        raise ScoutError(
            "E513", f"{file} is damaged or is no MatterGen checkpoint ({type(error).__name__})", "download it again; its size may be too small"
        ) from error


def _about(file: Path) -> dict[str, Any]:
    """Facts that scoutlang's own checkpoints carry; published ones have none."""
    if not file.is_file():
        return {}
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        known = [e for e in about.get("elements", []) if e in ATOMIC_NUMBER]
        return {**about, "elements": known} if "elements" in about else dict(about)
    except (ValueError, AttributeError, TypeError) as error:
        raise ScoutError("E512", f"{file} is not valid: {error}", "") from error


def _num_atoms(about: dict[str, Any]) -> dict[int, dict[int, float]]:
    if "num_atoms" in about:
        return {int(k): {int(n): float(w) for n, w in row.items()} for k, row in about["num_atoms"].items()}
    return {0: dict(NUM_ATOMS_DISTRIBUTIONS["ALEX_MP_20"])}
