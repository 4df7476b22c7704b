"""Load a model: the embedded `mini`, a published MatterGen name, or a checkpoint folder. All go
through MatterGen's `MatterGenCheckpointInfo`.

A checkpoint comes from strangers: weights are read with ``weights_only``, the configuration may
only name classes of known packages, and interpolations that evaluate code are refused.
"""

from __future__ import annotations

import logging
import math
import os
import pickle
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args

import torch
import yaml  # type: ignore[import-untyped]
from hydra.errors import HydraException
from hydra.utils import instantiate
from mattergen.common.data.num_atoms_distribution import NUM_ATOMS_DISTRIBUTIONS
from mattergen.common.utils.data_classes import PRETRAINED_MODEL_NAME, MatterGenCheckpointInfo
from mattergen.common.utils.globals import SELECTED_ATOMIC_NUMBERS
from mattergen.diffusion.diffusion_module import DiffusionModule
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from torch.utils._python_dispatch import TorchDispatchMode

from scoutlang.ir.elements import ATOMIC_NUMBER, SYMBOLS
from scoutlang.sampling.mattergen.corrector import PUBLISHED as PUBLISHED_LANGEVIN
from scoutlang.sampling.mattergen.corrector import Langevin
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import file_digest, followed, read_bounded, read_json

PUBLISHED: tuple[str, ...] = get_args(PRETRAINED_MODEL_NAME)
EMBEDDED = {
    name: Path(__file__).parents[1] / "mini" / "weights" / name for name in ("mini", "mini-1")
}
"""Name → checkpoint folder of the models in this package: ``mini``, and as ``mini-1`` its first
weights.
"""
WEIGHTS = "checkpoints/last.ckpt"
MAX_CONFIG, MAX_FACTS = 256 << 10, 64 << 20
"""Bytes of config.yaml, and of scout.json, which may hold the log of a training."""
MAX_DEPTH, MAX_VALUES = 60, 50_000
"""Of a configuration: levels, and values when its interpolations are resolved."""
MAX_SIZE = {"size": 8192, "dim": 256, "num_steps": 2000, "layers": 256, "num_blocks": 256}
"""The largest whole numbers in a configuration by their names, ``size``: all others."""
_CLASSES = (100, 101)
"""Elements, without and with the masked one."""
HUB = "https://huggingface.co/microsoft/mattergen"

# What a checkpoint's configuration may construct. A list of names, not of packages: hydra follows
# dots through modules, so that `mattergen.….os.system` is a name in mattergen, and mattergen has
# functions that evaluate text.
_ALLOWED_TARGETS = frozenset(
    f"{module}.{name}"
    for module, names in {
        "mattergen.adapter": ("GemNetTAdapter",),
        "mattergen.common.diffusion.corruption": (
            "LatticeVPSDE",
            "LatticeVPSDE.from_vpsde_config",
            "NumAtomsVarianceAdjustedWrappedVESDE",
        ),
        "mattergen.common.gemnet.gemnet": ("GemNetT",),
        "mattergen.common.gemnet.gemnet_ctrl": ("GemNetTCtrl",),
        "mattergen.common.gemnet.layers.embedding_block": ("AtomEmbedding",),
        "mattergen.common.loss": ("MaterialsLoss",),
        "mattergen.common.utils.data_utils": ("StandardScalerTorch",),
        "mattergen.denoiser": ("GemNetTDenoiser", "mask_disallowed_elements"),
        "mattergen.diffusion.corruption.d3pm_corruption": ("D3PMCorruption",),
        "mattergen.diffusion.corruption.multi_corruption": ("MultiCorruption",),
        "mattergen.diffusion.d3pm.d3pm": ("MaskDiffusion", "create_discrete_diffusion_schedule"),
        "mattergen.diffusion.diffusion_module": ("DiffusionModule",),
        "mattergen.diffusion.model_utils": ("NoiseLevelEncoding",),
        "mattergen.diffusion.timestep_samplers": ("UniformTimestepSampler",),
        "mattergen.diffusion.wrapped.wrapped_sde": ("WrappedVESDE", "WrappedVPSDE"),
        "mattergen.property_embeddings": (
            *(
                "PropertyEmbedding",
                "EmbeddingVector",
                "SpaceGroupEmbeddingVector",
                "ZerosEmbedding",
                "ChemicalSystemMultiHotEmbedding",
            ),
            *("SetEmbeddingType", "SetConditionalEmbeddingType", "SetUnconditionalEmbeddingType"),
        ),
        "scoutlang.sampling.mini.model": ("MiniScoreModel", "SystemEmbedding"),
        "torch.nn": (
            "Dropout",
            "Embedding",
            "GELU",
            "Identity",
            "LayerNorm",
            "Linear",
            "ModuleDict",
            "ModuleList",
            "ReLU",
            "Sequential",
            "SiLU",
        ),
    }.items()
    for name in names
)
_EARLIER_NAMES = {
    f"scoutlang.sampling.models.mini.model.{name}": f"scoutlang.sampling.mini.model.{name}"
    for name in ("MiniScoreModel", "SystemEmbedding")
}
"""What checkpoints of earlier versions call our classes."""
_PREFIX = "diffusion_module."


@dataclass(frozen=True)
class Model:
    """A diffusion model ready to sample."""

    name: str
    module: DiffusionModule
    weights_sha256: str
    config_sha256: str
    max_atoms: int
    """The largest cell that it makes."""
    num_atoms: dict[int, dict[int, float]]
    """Number of elements → {atoms in the cell: weight}; key 0 serves every number of elements."""
    conditions: tuple[str, ...]
    """Fields that it was trained to be conditioned on."""
    elements: tuple[str, ...] | None
    """Symbols of those that it knows; None for all."""
    langevin: Langevin = PUBLISHED_LANGEVIN
    """The corrector that suits it."""

    def num_atoms_weights(self, number_of_elements: int) -> dict[int, float]:
        """Distribution of the number of atoms for systems of that many elements."""
        if number_of_elements in self.num_atoms:
            return self.num_atoms[number_of_elements]
        return self.num_atoms.get(0) or self.num_atoms[max(self.num_atoms)]


def load_model(name: str, device: torch.device | str = "cpu", weights: str = "") -> Model:
    """One of `EMBEDDED`, one of `PUBLISHED`, or the path of a MatterGen checkpoint folder.

    weights: SHA-256 of the weights that an embedded model had when a run was begun; these, where
    this package still has them.
    Raises ScoutError: E510 unknown name or folder, E511 nothing to load in the folder, E512 unsafe
    or unreadable configuration,
    E513 damaged weights, E514 weights and configuration disagree, E515 the hub cannot be reached.
    """
    if name in EMBEDDED:
        earlier = (f for f in EMBEDDED.values() if weights and file_digest(f / WEIGHTS) == weights)
        return _load(name, next(earlier, EMBEDDED[name]), device)
    if name in PUBLISHED:
        return _load(name, _from_hub(name), device)
    folder = Path(name)
    if not os.path.isdir(name):  # Path.is_dir raises for a name that is too long
        raise ScoutError(
            "E510",
            f"unknown model '{name}': no such checkpoint folder",
            f"known models: {', '.join((*EMBEDDED, *PUBLISHED))}, or a folder",
        )
    return _load(name, folder, device)


def _from_hub(name: str) -> Path:
    noise = [logging.getLogger(n) for n in ("huggingface_hub", "httpx", "httpcore")]
    levels = [(logger, logger.level) for logger in noise]
    for logger in noise:
        logger.setLevel(logging.CRITICAL)
    try:
        return Path(MatterGenCheckpointInfo.from_hf_hub(name).model_path)
    # huggingface_hub raises errors of many libraries when there is no network
    except Exception as error:
        raise ScoutError(
            "E515",
            f"could not get the checkpoint '{name}' from the model hub ({type(error).__name__})",
            f"on a machine with a network, download the files checkpoints/{name}/config.yaml and "
            f"checkpoints/{name}/checkpoints/last.ckpt from {HUB}, keep their layout "
            "(FOLDER/config.yaml, FOLDER/checkpoints/last.ckpt), and use --model FOLDER",
        ) from error
    finally:
        for logger, level in levels:
            logger.setLevel(level)


def _load(name: str, folder: Path, device: torch.device | str) -> Model:
    info = MatterGenCheckpointInfo(model_path=str(followed(folder)), load_epoch="last")
    config_file = folder / "config.yaml"
    if not config_file.is_file():
        raise ScoutError(
            "E511",
            f"{folder} has no config.yaml",
            "a MatterGen checkpoint folder holds config.yaml and checkpoints/last.ckpt",
        )
    try:
        weights_file = Path(info.checkpoint_path)
    except AssertionError as error:
        hint = (
            "train it with: scout train mini"
            if name in EMBEDDED
            else "put the weights at checkpoints/last.ckpt in that folder"
        )
        raise ScoutError(
            "E511", f"{folder} has no weights (checkpoints/last.ckpt)", hint
        ) from error
    config = _diffusion_config(config_file)
    state = _state_dict(weights_file)
    _refuse_sizes(config, config_file)
    try:
        with _Room(sum(value.numel() for value in state.values() if torch.is_tensor(value))):
            module = instantiate(config)
    except (HydraException, OmegaConfBaseException, TypeError, ValueError, RuntimeError) as error:
        raise ScoutError(
            "E512", f"{config_file} does not describe a MatterGen model: {_first_line(error)}", ""
        ) from error
    if not isinstance(module, DiffusionModule) or not hasattr(
        module.model, "cond_fields_model_was_trained_on"
    ):
        raise ScoutError("E512", f"{config_file} does not describe a MatterGen DiffusionModule", "")
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        raise ScoutError(
            "E514",
            f"the weights in {weights_file} do not fit {config_file}: {_reason(error)}",
            "take both from the same model",
        ) from error
    module.eval().to(device).requires_grad_(False)
    return Model(
        name=name,
        module=module,
        weights_sha256=file_digest(weights_file),
        config_sha256=file_digest(config_file),
        conditions=tuple(module.model.cond_fields_model_was_trained_on),
        **_facts(folder / "scout.json"),
    )


def _diffusion_config(file: Path) -> dict[str, Any]:
    """The part of the configuration that describes the diffusion module: plain data, interpolations
    resolved, only known targets.
    """
    expected = "expected the config.yaml of a MatterGen checkpoint"
    try:
        text = read_bounded(file, MAX_CONFIG).decode("utf-8")
        _refuse_aliases(text)
        config = OmegaConf.create(text)
        found = config.lightning_module.diffusion_module if isinstance(config, DictConfig) else None
        if not isinstance(found, DictConfig):
            raise ScoutError("E512", f"{file} has no lightning_module.diffusion_module", expected)
        # an interpolation may lead anywhere in the file, so one of them is enough to look at all of
        # it before anything is resolved
        if _interpolations(OmegaConf.to_container(found, resolve=False)):
            whole = OmegaConf.to_container(config, resolve=False)
            _refuse_resolvers(_interpolations(whole), file)
            _Unfolding(whole).check()
        resolved = OmegaConf.to_container(found, resolve=True)
    except ScoutError:
        raise
    # yaml and omegaconf raise many types; each means: not a configuration
    except Exception as error:
        raise ScoutError(
            "E512", f"{file} cannot be read: {_first_line(error)}", expected
        ) from error
    # an escaped interpolation comes to life when the result is read again
    _refuse_resolvers(_interpolations(resolved), file)
    current = _with_current_names(resolved)
    _refuse_targets(current, file)
    assert isinstance(current, dict)
    return {str(key): value for key, value in current.items()}


def _refuse_aliases(text: str) -> None:
    """Raise ValueError for aliases of YAML, of which a few lines unfold to any size, and for what
    is nested deeper than any configuration; without unfolding anything.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("it uses aliases of YAML (`*name`)")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")


class _Unfolding:
    """How many values a configuration has with its interpolations resolved."""

    def __init__(self, whole: Any) -> None:
        self._whole = whole
        self._known: dict[tuple[str, ...], int] = {}
        self._open: set[tuple[str, ...]] = set()

    def check(self) -> None:
        """Raises ValueError where they are too many, or lead in a circle."""
        if self._size(self._whole, ()) > MAX_VALUES:
            raise ValueError(f"its interpolations unfold to more than {MAX_VALUES} values")

    def _size(self, node: Any, place: tuple[str, ...]) -> int:
        if isinstance(node, dict):
            return 1 + sum(self._size(value, (*place, str(k))) for k, value in node.items())
        if isinstance(node, list):
            return 1 + sum(self._size(value, (*place, str(k))) for k, value in enumerate(node))
        if not isinstance(node, str):
            return 1
        named = [self._at(dots, name, place) for dots, name in _NAMED.findall(node)]
        return 1 + len(node) // 100 + sum(named)

    def _at(self, dots: str, name: str, place: tuple[str, ...]) -> int:
        """Of what an interpolation at a place stands for; each dot is a level up."""
        parts = tuple(filter(None, re.split(r"[.\[\]]", name)))
        target = (*place[: max(len(place) - len(dots), 0)], *parts) if dots else parts
        if target not in self._known:
            if target in self._open or len(self._open) > MAX_DEPTH:
                raise ValueError("its interpolations lead in a circle")
            node = self._whole
            for part in target:
                if isinstance(node, list) and part.isdecimal() and int(part) < len(node):
                    node = node[int(part)]
                else:
                    node = node.get(part) if isinstance(node, dict) else None
            self._open.add(target)
            self._known[target] = min(self._size(node, target), MAX_VALUES + 1)
            self._open.remove(target)
        return self._known[target]


_NAMED = re.compile(r"\$\{\s*(\.*)([^${}]*?)\s*\}")
"""An interpolation of a value by its name; resolvers are refused before."""


def _refuse_sizes(node: Any, file: Path, name: str = "") -> None:
    """Raise E512 for sizes that no model has: what they make would not fit into any memory."""
    if isinstance(node, dict):
        if str(node.get("_target_")).endswith(".MaskDiffusion") and node.get("dim") not in _CLASSES:
            raise ScoutError(
                "E512", f"{file}: `dim` is no number of elements that MatterGen has", ""
            )
        for key, value in node.items():
            _refuse_sizes(value, file, str(key))
    elif isinstance(node, list):
        for value in node:
            _refuse_sizes(value, file, name)
    elif isinstance(node, int | float) and not isinstance(node, bool):
        most = MAX_SIZE.get(name, MAX_SIZE["size"])
        if isinstance(node, int) and abs(node) > most:
            raise ScoutError("E512", f"{file}: `{name[:40]}` is larger than {most}", "")
        if not math.isfinite(node):
            raise ScoutError("E512", f"{file}: `{name[:40]}` is not a finite number", "")


class _Room(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """While a model is made: tensors for a few times as many numbers as its weights have, and no
    more. Raises ValueError before the memory is taken.
    """

    def __init__(self, weights: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._left = 8 * weights + 64 * 2**20

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        size = args[0] if args else None
        if isinstance(size, list | tuple) and all(isinstance(n, int) for n in size):
            self._left -= math.prod(size)
            if self._left < 0:
                raise ValueError("it asks for a model much larger than its weights")
        return func(*args, **(kwargs or {}))


def _with_current_names(node: Any) -> Any:
    """Plain data in which our own classes have the names that they have today."""
    if isinstance(node, dict):
        return {key: _with_current_names(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_with_current_names(value) for value in node]
    return _EARLIER_NAMES.get(node, node) if isinstance(node, str) else node


def _interpolations(node: Any) -> list[str]:
    """All texts of plain data that hold an interpolation."""
    if isinstance(node, dict):
        return [text for value in node.values() for text in _interpolations(value)]
    if isinstance(node, list):
        return [text for value in node for text in _interpolations(value)]
    return [node] if isinstance(node, str) and "${" in node else []


def _refuse_resolvers(texts: list[str], file: Path) -> None:
    """Raise E512 for an interpolation that calls a resolver: mattergen registers ``eval``, which
    runs any Python.
    """
    for text in texts:
        if ":" in text.split("${", 1)[1]:
            raise ScoutError(
                "E512",
                f"{file} holds an interpolation that calls a resolver: {text}",
                "replace it by its value",
            )


def _refuse_targets(node: Any, file: Path) -> None:
    if isinstance(node, dict):
        if "_target_" in node and str(node["_target_"]) not in _ALLOWED_TARGETS:
            raise ScoutError(
                "E512",
                f"{file} wants to construct '{node['_target_']}'",
                "only the parts of MatterGen models are allowed",
            )
        for value in node.values():
            _refuse_targets(value, file)
    elif isinstance(node, list):
        for value in node:
            _refuse_targets(value, file)


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def _state_dict(file: Path) -> dict[str, torch.Tensor]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch, on files that it then refuses
            content = torch.load(file, map_location="cpu", weights_only=True)
        if not isinstance(content, dict):
            raise TypeError(f"a {type(content).__name__}, not a checkpoint")
        state = content["state_dict"]
        return {
            key.removeprefix(_PREFIX): value
            for key, value in state.items()
            if key.startswith(_PREFIX)
        }
    except Exception as error:  # torch raises errors of many types for bytes that are no checkpoint
        code = (
            re.search(r"GLOBAL (\S+)", str(error))
            if isinstance(error, pickle.UnpicklingError)
            else None
        )
        if code is not None:
            raise ScoutError(
                "E513",
                f"{file} holds more than weights: it wants '{code[1]}'",
                "such a file may run code when it is read, so it is refused",
            ) from error
        raise ScoutError(
            "E513",
            f"{file} is damaged or is no MatterGen checkpoint ({type(error).__name__})",
            "download it again; its size may be too small",
        ) from error


def _reason(error: RuntimeError) -> str:
    """The first fault that `load_state_dict` lists, after its heading."""
    lines = [line.strip() for line in str(error).splitlines()]
    text = lines[1] if len(lines) > 1 else _first_line(error)
    return text if len(text) < 200 else text[:200] + " …"


def _known(symbol: str) -> str:
    if symbol not in ATOMIC_NUMBER:
        raise ValueError("it is no element")
    return symbol


_ABOUT_HINT = (
    "take it from the same model as the weights, or delete it: then MatterGen's facts hold"
)
_Atoms = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,2}$")]
_Weight = Annotated[float, Field(gt=0, le=1e15)]
_Symbol = Annotated[str, AfterValidator(_known)]
_Share = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)


class _Corrector(_Strict):
    """As `Langevin` names them."""

    steps: Annotated[int, Field(ge=0, le=100)] | None = None
    pos: _Share | None = None
    cell: _Share | None = None
    known: _Share | None = None


class _About(_Strict):
    """What is read of scout.json; it may say more."""

    max_atoms: Annotated[int, Field(ge=1, le=1000)] = 20
    num_atoms: (
        dict[
            Annotated[str, Field(pattern=r"^[0-9]{1,2}$")],
            Annotated[dict[_Atoms, _Weight], Field(min_length=1, max_length=1000)],
        ]
        | None
    ) = None
    elements: Annotated[tuple[_Symbol, ...], Field(strict=False, min_length=1)] | None = None
    corrector: _Corrector | None = None


def _facts(file: Path) -> dict[str, Any]:
    """What scoutlang's own checkpoints say of their training set in scout.json; published ones have
    no such file, and MatterGen's facts hold.
    """
    facts: dict[str, Any] = {
        "max_atoms": _About().max_atoms,
        "num_atoms": {0: dict(NUM_ATOMS_DISTRIBUTIONS["ALEX_MP_20"])},
        "elements": tuple(SYMBOLS[z - 1] for z in SELECTED_ATOMIC_NUMBERS),
    }
    if not file.is_file():
        return facts
    try:
        about = _About.model_validate(read_json(file, MAX_FACTS))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ScoutError(
            "E512", f"{file} is not valid: `{where[:60]}`: {first['msg']}", _ABOUT_HINT
        ) from error
    except (OSError, ValueError) as error:
        raise ScoutError("E512", f"{file} is not valid: {error}", _ABOUT_HINT) from error
    facts["max_atoms"] = about.max_atoms
    if about.num_atoms:
        facts["num_atoms"] = {
            int(k): {int(n): w for n, w in row.items()} for k, row in about.num_atoms.items()
        }
    if about.elements is not None:
        facts["elements"] = about.elements
    if about.corrector is not None:
        try:
            facts["langevin"] = Langevin(**about.corrector.model_dump(exclude_none=True))
        except ValueError as error:
            raise ScoutError("E512", f"{file} is not valid: {error}", _ABOUT_HINT) from error
    return facts
