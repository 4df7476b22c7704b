"""Where a cluster is and what is asked of it, from a TOML file that its user wrote.

Nothing of it is Python. Its setup lines are shell, run where the workers start: they are the
user's own, as a job script is, so such a file is not taken from strangers.
"""

from __future__ import annotations

import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from scoutlang.support.errors import ScoutError
from scoutlang.support.files import followed, read_bounded
from scoutlang.support.shown import shown

_MOST = 64 * 1024
"""Bytes. A site has a dozen lines."""

_SENTENCE = "sentence"
"""The kind of an error whose message needs nothing around it."""

_ONLY_SLURM = (
    "partition",
    "account",
    "qos",
    "constraint",
    "nodes",
    "memory_per_node",
    "walltime",
    "options",
)
"""Keys that are said to SLURM and to nobody else."""

_HAVE_KEYS = {
    "--partition": "partition",
    "-p": "partition",
    "--account": "account",
    "-A": "account",
    "--qos": "qos",
    "-q": "qos",
    "--constraint": "constraint",
    "-C": "constraint",
    "--nodes": "nodes",
    "-N": "nodes",
    "--gpus-per-node": "gpus_per_node",
    "--cpus-per-task": "cores_per_worker",
    "-c": "cores_per_worker",
    "--ntasks-per-node": "workers_per_node",
    "--mem": "memory_per_node",
    "--time": "walltime",
    "-t": "walltime",
}
"""Options of sbatch → the keys that say them."""

_Name = Annotated[str, Field(pattern=r"^[\w.,:@/&|*!()\[\]+=-]+$", max_length=200)]
"""A word for SLURM: it becomes part of a line of a script, and is to stay a part of it."""

_Line = Annotated[str, Field(pattern=r"^[^\x00-\x08\x0a-\x1f\x7f]+$", max_length=4000)]
"""One line, whatever it says."""

_Lines = Annotated[tuple[_Line, ...], Strict(False), Field(max_length=200)]


class Site(BaseModel):
    """A cluster, or this machine treated like one, and what is asked of it."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    provider: Literal["slurm", "local"]
    partition: _Name | None = None
    account: _Name | None = None
    qos: _Name | None = None
    constraint: _Name | None = None
    nodes: int = Field(default=1, ge=1, le=1000)
    """Of each block; a block is one job of SLURM."""
    blocks: int = Field(default=1, ge=1, le=1000)
    """How many there are at most at a time."""
    workers_per_node: int | None = Field(default=None, ge=1, le=1000)
    """One for each GPU if not given; one where there is no GPU."""
    gpus_per_node: int = Field(default=0, ge=0, le=64)
    cores_per_worker: int = Field(default=1, ge=1, le=1000)
    """Reserved for each worker, which computes with one thread all the same."""
    memory_per_node: int | None = Field(default=None, ge=1, le=100_000)
    """GB."""
    walltime: str = "01:00:00"
    """HH:MM:SS, of each block."""
    setup: _Lines = ()
    """Lines of shell before the workers of a block start."""
    options: _Lines = ()
    """Of sbatch, one each, as they stand behind ``#SBATCH``."""
    patience: float = Field(default=3600.0, gt=0, le=30 * 86400, allow_inf_nan=False)
    """Seconds from the begin of a unit after which its worker is taken for one that hangs."""
    folder: Annotated[Path | None, Strict(False)] = None
    """For scripts and logs; every node has to see it under this name."""

    @field_validator("walltime")
    @classmethod
    def _walltime(cls, text: str) -> str:
        if not re.fullmatch(r"[0-9]{1,4}:[0-5][0-9]:[0-5][0-9]", text):
            raise PydanticCustomError("wanted", 'hours, minutes and seconds, like "08:00:00"')
        hours, minutes, _ = text.split(":")
        if not int(hours) and not int(minutes):
            raise PydanticCustomError("wanted", "a minute or more")
        return text

    @field_validator("options")
    @classmethod
    def _options(cls, lines: tuple[str, ...]) -> tuple[str, ...]:
        for line in lines:
            if not line.startswith("-"):
                raise PydanticCustomError(
                    _SENTENCE,
                    'each of `options` is as it stands behind #SBATCH, like "--exclusive"',
                )
            if key := _HAVE_KEYS.get(re.split(r"[=\s]", line)[0]):
                raise PydanticCustomError(_SENTENCE, f"`options` says what the key `{key}` is for")
        return lines

    @field_validator("folder")
    @classmethod
    def _folder(cls, folder: Path | None) -> Path | None:
        # the scripts that are made do not quote it
        if folder and not re.fullmatch(r"[\w./~+@:,-]+", str(folder)):
            raise PydanticCustomError("wanted", "a path without spaces and signs of the shell")
        return folder

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.provider == "local":
            for key in _ONLY_SLURM:
                if key in self.model_fields_set:
                    raise PydanticCustomError(
                        _SENTENCE, f'`{key}` is for the provider "slurm" only'
                    )
        if self.gpus_per_node and self.workers > self.gpus_per_node:
            raise PydanticCustomError(
                _SENTENCE,
                f"`workers_per_node` is {self.workers} and `gpus_per_node` {self.gpus_per_node}: "
                "each worker needs a GPU of its own",
            )
        return self

    @property
    def workers(self) -> int:
        """Of a node."""
        return self.workers_per_node or self.gpus_per_node or 1

    @property
    def seconds(self) -> int:
        """The walltime in whole minutes, as SLURM is told it."""
        hours, minutes, _ = self.walltime.split(":")
        return 60 * (60 * int(hours) + int(minutes))


def read_site(path: Path | str) -> Site:
    """The site in a file. A relative ``folder`` is one beside the file. Raises ScoutError E616."""
    file = Path(path)
    try:
        content = read_bounded(file, _MOST)
    except OSError as error:
        raise _wrong(file, f"cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise _wrong(file, f"is no site: {error}") from error
    try:
        data = tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _wrong(file, "is no text in UTF-8") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise _wrong(file, f"is no TOML: {error}") from error
    try:
        site = Site.model_validate(data)
    except ValidationError as error:
        raise _wrong(file, *_in_words(error)) from error
    if site.folder:
        folder = followed(file).parent / site.folder.expanduser()
        site = site.model_copy(update={"folder": folder})
    return site


def _in_words(error: ValidationError) -> tuple[str, str]:
    """The first thing that is wrong, and a hint."""
    first = error.errors(include_url=False)[0]
    if first["type"] == _SENTENCE:
        return first["msg"], ""
    key = str(first["loc"][0])
    known = list(Site.model_fields)
    match first["type"]:
        case "missing":
            return f"`{key}` is missing", 'provider = "slurm" or provider = "local"'
        case "extra_forbidden":
            near = get_close_matches(key.casefold().replace("-", "_"), known, 1)
            hint = f"did you mean `{near[0]}`?" if near else f"keys are {', '.join(known)}"
            return f"`{_short(key)}` is no key of a site", hint
        case "tuple_type":
            wanted = 'a list of lines, like ["module load cuda"]'
        case "string_type":
            wanted = "text in quotes"
        case "string_pattern_mismatch" if key in ("setup", "options"):
            wanted = "one line"
        case "string_pattern_mismatch":
            wanted = "a name that SLURM could have"
        case _:
            wanted = first["msg"].removeprefix("Input should be ")
    value = first["input"]
    seen = repr(str(value)) if isinstance(value, (str, Path)) else str(value)
    return f"`{key}` is {_short(seen)}, not {wanted}", ""


def _short(text: str) -> str:
    seen = shown(text)
    return seen if len(seen) <= 40 else f"{seen[:39]}…"


def _wrong(file: Path, what: str, hint: str = "") -> ScoutError:
    joint = " " if what.startswith(("is ", "has ", "cannot ")) else ": "
    return ScoutError("E616", f"{file}{joint}{what}", hint)
