"""What of scoutlang works on this machine, and what would bring the rest: `scout doctor`.

To ask one more thing, write a function that gives `Finding`s and name it in `CHECKS`. Nothing that
may be missing is imported above a function, and a check that fails is a finding, too.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Literal

from scoutlang.support.errors import ScoutError, first_line
from scoutlang.support.resources import cache_folder, data_folder
from scoutlang.support.version import MATTERGEN, __version__

State = Literal["ok", "optional", "missing"]
"""``missing``: `scout run` with its defaults does not work without it."""

_LEAST_FREE = 2**30
"""Bytes that a run, its energies and its page should find free."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked for."""

    section: str
    name: str
    state: State
    said: str
    """What was found, or what the lack of it means."""
    remedy: str = ""
    """The command or step that brings it; empty where nothing is to be done."""

    def to_data(self) -> dict[str, str]:
        return dict(vars(self))


def findings(*, tried: bool = True) -> Iterator[Finding]:
    """Everything, in the order in which it is shown. tried: sample one crystal and ask for its
    energy as well, which takes ten seconds.
    """
    for check in CHECKS if tried else CHECKS[:-1]:
        try:
            yield from check()
        except Exception as error:  # whatever is broken here is what the user asked about
            said = str(error) if isinstance(error, ScoutError) else first_line(error)
            yield Finding(check.__name__.strip("_"), "failed", "missing", said)


def _machine() -> Iterator[Finding]:
    section = "machine"
    yield Finding(section, "scoutlang", "ok", f"{__version__}, in {Path(__file__).parents[1]}")
    yield Finding(section, "python", "ok", f"{platform.python_version()}, {sys.executable}")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding(section, "system", "ok", f"{platform.platform()}, {cores} cores")
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    shown: State = "ok" if encoding.startswith("utf8") else "optional"
    yield Finding(
        section,
        "terminal",
        shown,
        sys.stdout.encoding or "unknown encoding",
        "" if shown == "ok" else "Å and ± are shown as escapes; export PYTHONIOENCODING=utf-8",
    )


def _packages() -> Iterator[Finding]:
    """What scoutlang asks for, and what of its extras is complete."""
    from packaging.requirements import Requirement

    section = "packages"
    try:
        asked = [Requirement(text) for text in requires("scoutlang") or []]
    except PackageNotFoundError:
        yield Finding(
            section, "scoutlang", "missing", "is not installed as a package", "pip install -e ."
        )
        return
    plain = [one for one in asked if one.marker is None or one.marker.evaluate({"extra": ""})]
    for name, found, wrong in map(_installed, plain):
        if wrong:
            yield Finding(section, name, "missing", wrong, f"pip install '{found}'")
    yield Finding(section, "required", "ok", f"{len(plain)} packages were looked for")
    try:
        yield Finding(section, "mattergen", "ok", version("mattergen"))
    except PackageNotFoundError:
        lacking = "not installed: nothing can be sampled"
        install = f"pip install --no-deps mattergen=={MATTERGEN}"
        yield Finding(section, "mattergen", "missing", lacking, install)
    extras = sorted(
        {str(one.marker).split('"')[1] for one in asked if "extra ==" in str(one.marker)}
    )
    for extra in extras:
        of_it = [
            one
            for one in asked
            if one.marker and one not in plain and one.marker.evaluate({"extra": extra})
        ]
        wanting = [wrong for _, _, wrong in map(_installed, of_it) if wrong]
        yield Finding(
            section,
            f"[{extra}]",
            "optional" if wanting else "ok",
            "; ".join(wanting) if wanting else "complete",
            f"pip install 'scoutlang[{extra}]'" if wanting else "",
        )


def _installed(asked: object) -> tuple[str, str, str]:
    """Name of a requirement, itself without its marker, and what is wrong with it here."""
    from packaging.requirements import Requirement

    assert isinstance(asked, Requirement)
    plain = f"{asked.name}{asked.specifier}"
    try:
        found = version(asked.name)
    except PackageNotFoundError:
        return asked.name, plain, f"{asked.name} is not installed"
    fits = asked.specifier.contains(found, prereleases=True)
    return asked.name, plain, "" if fits else f"{asked.name} {found} is installed, not {plain}"


def _torch() -> Iterator[Finding]:
    section = "torch"
    if importlib.util.find_spec("torch") is None:
        return  # the packages say so
    import torch

    built = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU"
    threads = torch.get_num_threads()
    yield Finding(section, "torch", "ok", f"{torch.__version__}, built for {built}")
    yield Finding(section, "threads", "ok", f"{threads}; a run uses one per worker process")
    names = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    if names:
        yield Finding(section, "cuda", "ok", ", ".join(names))
    elif torch.version.cuda:
        yield Finding(
            section,
            "cuda",
            "optional",
            "no device is seen: `scout run` uses the processor",
            "nvidia-smi says whether the driver is there",
        )


def _models() -> Iterator[Finding]:
    from scoutlang.ir.known_models import KNOWN_MODELS
    from scoutlang.sampling import mini

    folder = Path(mini.__file__).parent / "weights"
    for name in (n for n in KNOWN_MODELS if n.startswith("mini")):
        weights = folder / name / "checkpoints" / "last.ckpt"
        if weights.is_file():
            said = f"embedded, {weights.stat().st_size / 1e6:.0f} MB"
            yield Finding("models", name, "ok", said)
        else:
            state: State = "missing" if name == "mini" else "optional"
            yield Finding(
                "models", name, state, f"{weights} is not there", "install scoutlang again"
            )
    yield from _published([n for n in KNOWN_MODELS if not n.startswith("mini")])


def _published(names: Iterable[str]) -> Iterator[Finding]:
    """Those that are in the cache of the model hub, where MatterGen's code looks."""
    from huggingface_hub import try_to_load_from_cache

    here: list[str] = []
    absent: list[str] = []
    for name in names:
        file = f"checkpoints/{name}/checkpoints/last.ckpt"
        found = try_to_load_from_cache("microsoft/mattergen", file)
        (here if isinstance(found, str) else absent).append(name)
    if here:
        yield Finding("models", "published", "ok", ", ".join(here))
    if absent:
        yield Finding(
            "models",
            "published",
            "optional",
            f"{', '.join(absent)}: fetched at the first use",
            "scout run FILE --model chemical_system (0.5 GB); without a network: docs/install.md",
        )


def _potentials() -> Iterator[Finding]:
    from scoutlang.potentials import listed

    found, problems = listed()
    for one in found:
        if one.version:
            said = f"{one.facts.package} {one.version}, {one.facts.licence}"
            yield Finding("potentials", one.name, "ok", said)
            continue
        said = f"{one.facts.model} is not installed"
        if one.is_default:
            said += "; energies, relaxing and heights above the hull need it, or --potential"
        state: State = "missing" if one.is_default else "optional"
        yield Finding("potentials", one.name, state, said, one.install)
    for problem in problems:
        yield Finding("potentials", problem.code, "optional", str(problem))


def _references() -> Iterator[Finding]:
    from scoutlang.validation.reference.store import describe, known_names

    for name in known_names():
        try:
            about = describe(name)
            yield Finding("references", name, "ok", f"{about.get('count')} crystals")
        except ScoutError as error:
            yield Finding(
                "references", name, "optional", error.message, f"scout reference verify {name}"
            )


def _tools() -> Iterator[Finding]:
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
    yield Finding(
        "tools",
        "chromium",
        "ok" if browser else "optional",
        browser or "none: `scout report --figures` cannot write pictures; the page needs none",
        "" if browser else "apt-get install chromium",
    )


def _folders() -> Iterator[Finding]:
    for name, folder in (("cache", cache_folder()), ("data", data_folder())):
        existing = next(p for p in (folder, *folder.parents) if p.exists())
        try:
            with tempfile.TemporaryFile(dir=existing):
                pass
        except OSError as error:
            variable = "SCOUT_CACHE" if name == "cache" else "SCOUT_DATA"
            why = f"{folder} cannot be written: {first_line(error)}"
            yield Finding("folders", name, "optional", why, f"export {variable}=FOLDER")
            continue
        free = shutil.disk_usage(existing).free
        enough = free >= _LEAST_FREE
        yield Finding(
            "folders",
            name,
            "ok" if enough else "optional",
            f"{folder}, {free / 2**30:.1f} GiB free",
            "" if enough else "a run may fill the disk; make room",
        )


def _tried() -> Iterator[Finding]:
    """One crystal of the embedded model, and its energy by the default potential."""
    if importlib.util.find_spec("mattergen") is None or importlib.util.find_spec("torch") is None:
        return
    from scoutlang.interfaces import api
    from scoutlang.potentials import load
    from scoutlang.sampling.generate import generate
    from scoutlang.sampling.mattergen.checkpoint import load_model

    program = api.check("system Na-Cl; sample 1 batch 1 steps 8 seed 0 model mini").program
    assert program is not None
    [made] = generate(program, load_model("mini"), "non-guided", [0])
    if made.structure is None:
        yield Finding("tried", "sampling", "missing", made.failure or "no crystal was made")
        return
    yield Finding("tried", "sampling", "ok", f"`mini` made {made.structure.formula}")
    try:
        [answer] = load().energies([made.structure])
    except ScoutError as error:
        yield Finding("tried", "energy", "missing", error.message, error.hint or "")
        return
    yield Finding("tried", "energy", "ok", answer.reason or f"{answer.energy:.3f} eV/atom")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _machine,
    _packages,
    _torch,
    _models,
    _potentials,
    _references,
    _tools,
    _folders,
    _tried,
)
"""In the order in which they are shown; the last one computes."""
