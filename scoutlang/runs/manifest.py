"""What a run says of itself: ``run.json`` as one type, by which everything reads and writes it.

A folder may come from a stranger, so a manifest is read strictly: at most `MAX_BYTES`, each field
of its type, and no other key. Only below ``reference`` any key is kept: there a set of known
crystals says of itself what it likes. What repeats the program or the batches (``digest``,
``guide``, ``sampling``…) is written for people; a reader checks the digest and passes over the
rest.
"""

from __future__ import annotations

import importlib
import json
import platform
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationError,
)

from scoutlang.descriptors import origin
from scoutlang.ir import Arm, Program
from scoutlang.ir.nodes import RemovedSetting
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import read_json, write_json
from scoutlang.support.version import __version__

MANIFEST = "run.json"
SCHEMA = 2
"""Counts up when a key comes, goes or changes its meaning; `_MIGRATIONS` then gets a step."""
MAX_BYTES = 64 << 20
"""A run of 100 000 batches has a fifth of it."""

_PACKAGES = (
    "torch",
    "mattergen",
    "pymatgen",
    "chgnet",
    "numpy",
    "scipy",
    "statsmodels",
    "lark",
    "pydantic",
)
_FOR_PEOPLE = frozenset(
    {
        "digest",
        "source_name",
        "source",
        "language_version",
        "guide",
        "sample",
        "parameters",
        "sampling",
    }
)
"""Keys that repeat what other keys say."""
_NEW_FOLDER = "start a new run in another folder"


class Facts(BaseModel):
    """What is read strictly and never changed; also from an object that has attributes of these
    names (`model_validate`).
    """

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, from_attributes=True
    )


Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]


class ModelIdentity(Facts):
    """The generative model, by name and SHA-256 of its files."""

    name: str
    weights_sha256: str
    config_sha256: str


class PotentialIdentity(Facts):
    """A potential as it names itself."""

    name: str
    version: str
    weights_sha256: str


class ReferenceIdentity(Facts):
    """The known crystals that the run was judged against last, and all that the set says of itself:
    source, licence, citation, ``parts`` of a union.
    """

    model_config = ConfigDict(extra="allow")

    name: str
    version: str


class Judges(Facts):
    """A potential and a reference by their names."""

    potential: str
    reference: str


class Cost(Facts):
    """What it cost to sample a batch, or an arm."""

    structures: Count
    seconds: Seconds
    evaluations: Count
    """Of the score network, times structures."""
    diverged: Count
    """Structures that were lost."""


class Judging(Facts):
    """What it cost to judge the run the last time."""

    structures: Count
    seconds: Seconds


def _read_program(data: Any) -> Program:
    return data if isinstance(data, Program) else Program.from_json(json.dumps(data))


class Manifest(Facts):
    """A run: what was asked for, with what it is done, and what is known of it so far."""

    scoutlang: str
    """The version of this package that sampled it last."""
    status: Literal["running", "interrupted", "finished"]
    started: str
    """ISO 8601, UTC."""
    program: Annotated[
        Program, PlainValidator(_read_program), PlainSerializer(lambda program: program.to_data())
    ]
    """As it was checked, with the settings of the command line in it."""
    arms: Annotated[tuple[Arm, ...], Field(strict=False, min_length=1)]
    plugins: dict[str, str] = {}
    """Descriptor of another package → that package and its version."""
    python: str
    platform: str
    processor: str | None = None
    """Its name. None, as for other facts of the machine: an older version did not note it."""
    threads: Count | None = None
    """That each worker of torch used, where it is sampled; that torch may use, where structures
    were given."""
    blas: dict[str, str] | None = None
    """Library of linear algebra → its version or kind; ``torch``: the one it is built with."""
    packages: dict[str, str | None]
    """Package → its version, None where it is not installed."""
    device: str | None = None
    """Of torch, where it is sampled; None where structures were given."""
    model: ModelIdentity | None = None
    """None before it is loaded, and where structures were given."""
    judges: Judges | None = None
    """What the user named to judge the run; None: the defaults."""
    trace_every: Count | None = None
    """Every how many guided steps the trace has; None: there is no trace."""
    batches: dict[str, Cost] = {}
    """Stem of the file of a batch → what it cost."""
    confirm: Annotated[tuple[str, ...], Field(strict=False)] = ()
    """Potentials that look at the candidates once more."""
    resampled_by: Judges | None = None
    """What told the sampler the energies above the hull, where it asked for them."""
    baseline: str | None = None
    """The run that the non-guided structures are from, if any."""
    given: dict[Arm, Count] | None = None
    """How many structures of each arm were given; None where they are sampled."""
    potential: PotentialIdentity | None = None
    reference: ReferenceIdentity | None = None
    validation: Judging | None = None
    relaxing: Judging | None = None
    """What it cost to relax structures the last time, by all ways together."""

    @classmethod
    def begin(cls, program: Program, arms: Sequence[Arm], **facts: Any) -> Manifest:
        """Of a run that begins now, here, with these facts beside what is known of every run."""
        return cls(
            scoutlang=__version__,
            status=facts.pop("status", "running"),
            started=datetime.now(UTC).isoformat(timespec="seconds"),
            program=program,
            arms=tuple(arms),
            plugins={name: package for name in program.descriptors if (package := origin(name))},
            packages={name: _version(name) for name in _PACKAGES},
            **(_machine() | facts),
        )

    @classmethod
    def read(cls, file: Path) -> Manifest:
        """Raises ScoutError E604 where it is damaged, too large, or of a version that cannot be
        read; FileNotFoundError where it is not there.
        """
        try:
            data = read_json(file, MAX_BYTES)
            if not isinstance(data, dict):
                raise ValueError("it is no JSON object")
            data = _migrated(data, file)
            if Program.digest_of(data["program"]) != data.pop("digest", None):
                raise ScoutError(
                    "E604", f"{file} holds a program other than the one of its run", _NEW_FOLDER
                )
            return cls.model_validate({k: v for k, v in data.items() if k not in _FOR_PEOPLE})
        except FileNotFoundError:
            raise
        except RemovedSetting as error:
            raise ScoutError(
                "E604", f"{file}: {error}", "the version of scoutlang that wrote it can read it"
            ) from error
        except ValidationError as error:
            raise _damaged(file, _in_words(error)) from error
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise _damaged(file, "its program cannot be read") from error
        except (OSError, ValueError) as error:
            raise _damaged(file, str(error)) from error

    def changed(self, **facts: Any) -> Manifest:
        """The same with other facts, which are held to the types of their fields."""
        return type(self).model_validate(dict(self) | facts)

    @property
    def costs(self) -> dict[Arm, Cost]:
        """What the batches of each arm cost together, as far as that is known: not of structures
        that were given.
        """
        found: dict[Arm, Cost] = {}
        for arm in self.arms:
            costs = [c for name, c in self.batches.items() if name.rpartition("-")[0] == arm]
            if costs:
                sums = {name: sum(getattr(c, name) for c in costs) for name in Cost.model_fields}
                found[arm] = Cost(**sums | {"seconds": round(sums["seconds"], 3)})
        return found

    def to_data(self) -> dict[str, Any]:
        """As ``run.json`` has it; what is not known is null."""
        program = self.program
        return {
            "schema_version": SCHEMA,
            "digest": program.digest(),
            "source_name": program.source_name,
            "source": program.source_text,
            "language_version": program.language_version,
            "guide": program.guide.to_data(),
            "sample": program.sample.to_data(),
            "parameters": {p.name: p.value for p in program.parameters},
            **self.model_dump(mode="json"),
            "sampling": {arm: cost.model_dump() for arm, cost in self.costs.items()},
        }

    def write(self, file: Path) -> None:
        """Raises OSError."""
        write_json(file, self.to_data())


def _migrated(data: dict[str, Any], file: Path) -> dict[str, Any]:
    """What any version wrote, in the keys of this one."""
    schema = data.pop("schema_version", 0)
    if type(schema) is not int or schema < 0:
        raise _damaged(file, f"`schema_version` is {_short(schema)}")
    if schema > SCHEMA:
        raise ScoutError(
            "E604",
            f"{file} was written by a newer scoutlang: it has form {schema}, and this version "
            f"reads those up to {SCHEMA}",
            "install the newest scoutlang",
        )
    for step in _MIGRATIONS[schema:]:
        data = step(data, file)
    return data


def _from_0(data: dict[str, Any], file: Path) -> dict[str, Any]:
    """Before there were versions, keys came one by one, and each may be missing. The first ones had
    only the text of the program, which is no program without its files and settings.
    """
    if "program" not in data:
        raise ScoutError(
            "E604",
            f"{file} does not hold the program of its run: the version of scoutlang that wrote it "
            "did not keep it",
            "run it again in a new folder; `scout validate "
            f"{file.parent / 'generated_crystals.extxyz'} --program FILE` judges the structures "
            "that it has",
        )
    return data


def _from_1(data: dict[str, Any], file: Path) -> dict[str, Any]:
    """Before runs were relaxed: what is missing has its default."""
    return data


_MIGRATIONS: tuple[Callable[[dict[str, Any], Path], dict[str, Any]], ...] = (_from_0, _from_1)
"""From version k to k + 1, at place k."""


def _damaged(file: Path, how: str) -> ScoutError:
    return ScoutError("E604", f"{file} is damaged: {how}", _NEW_FOLDER)


def _in_words(error: ValidationError) -> str:
    """The first thing that is wrong."""
    first = error.errors(include_url=False)[0]
    name = ".".join(map(str, first["loc"]))
    if name == "program":
        return "its program cannot be read"
    match first["type"]:
        case "missing":
            return f"`{name}` is missing"
        case "extra_forbidden":
            return f"`{name}` is no key of a manifest"
    wanted = first["msg"].removeprefix("Input should be ")
    return f"`{name}` is {_short(first['input'])}, not {wanted}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _machine() -> dict[str, Any]:
    import torch

    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "blas": _blas(),
    }


def _processor() -> str:
    """``AMD EPYC 7B13``: Linux has the name in a file, others where Python looks."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _blas() -> dict[str, str]:
    """What torch is built with, and what is loaded beside it where threadpoolctl can tell."""
    import torch

    built = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    found = {
        "torch": f"{built[1] if built else 'unknown'}, {torch.backends.cpu.get_cpu_capability()}"
    }
    try:
        libraries = importlib.import_module("threadpoolctl").threadpool_info()
    except ImportError:
        libraries = []
    for library in libraries:
        if library["user_api"] == "blas":
            facts = (library.get("version"), library.get("architecture"))
            found[library["internal_api"]] = ", ".join(str(fact) for fact in facts if fact)
    return found


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
