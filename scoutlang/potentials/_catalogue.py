"""Which potentials there are, how one is loaded, and what a user must be told of its licence.
Packages are looked up; none is imported before a potential is used.
"""

from __future__ import annotations

import contextlib
import importlib
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType

from scoutlang.potentials._potential import Facts, Potential, needed
from scoutlang.support import plugins
from scoutlang.support.errors import ScoutError
from scoutlang.support.resources import cache_folder

DEFAULT = "chgnet"


def names() -> tuple[str, ...]:
    """The potentials that scoutlang knows, installed or not, in alphabetical order; without those
    of plug-ins. A hyphen in a name is an underscore in that of its file.
    """
    return tuple(name.replace("_", "-") for name in plugins.parts(GROUP.name))


def module(name: str) -> ModuleType:
    """Where a potential's ``FACTS`` and ``create`` are. Raises ScoutError E440 for an unknown name,
    E450 or E451 for a plug-in that is broken.
    """
    if name in names():
        return importlib.import_module(f"{GROUP.name}.{name.replace('-', '_')}")
    others = GROUP.installed()
    if name in others:
        return plugins.only(others[name]).module()
    raise ScoutError(
        "E440",
        f"unknown potential '{name}'",
        f"known potentials: {', '.join((*names(), *sorted(others)))}",
    )


def load(name: str = DEFAULT) -> Potential:
    """A potential by name, its energies cached on disk; ``mace:FILE`` is a model of one's own
    (docs/potentials.md).

    Raises ScoutError: E440 the name is unknown or its package missing, E442 its weights cannot be
    fetched, E443 to E446 the file of one's own cannot be taken, E450 and E451 a plug-in that is
    broken.
    """
    from scoutlang.potentials._cache import Cached

    return Cached(_opened(name))


# a guided run asks at every step, and a model takes 0.1 s (CHGNet) to half a minute (GRACE) to load
@lru_cache(maxsize=2)
def _opened(name: str) -> Potential:
    kind, colon, model = name.partition(":")
    found = module(kind)
    if colon and not hasattr(found, "local"):
        able = ", ".join(n for n in names() if hasattr(module(n), "local"))
        raise ScoutError(
            "E446", f"the potential '{kind}' takes no model of your own", f"these do: {able}"
        )
    potential: Potential = found.local(model) if colon else found.create()
    return potential


@dataclass(frozen=True)
class Listed:
    """A potential as a list shows it."""

    name: str
    facts: Facts
    version: str | None
    """Of the package that it needs; None where that is not installed."""
    origin: str
    """The package of a plug-in, else empty."""
    takes_own: bool
    """Whether ``name:FILE`` loads a model of one's own."""

    @property
    def is_default(self) -> bool:
        return self.name == DEFAULT

    @property
    def install(self) -> str:
        """The command that brings its package."""
        ours = self.facts.extra and not self.origin
        return "pip install " + (f"'scoutlang[{self.facts.extra}]'" if ours else self.facts.package)

    def to_data(self) -> dict[str, object]:
        facts = {k: v for k, v in vars(self.facts).items() if k != "elements"}
        said = {
            "name": self.name,
            "default": self.is_default,
            "version": self.version,
            "origin": self.origin,
            "takes_own": self.takes_own,
        }
        return {**said, **facts, "elements": sorted(self.facts.elements)}


def listed() -> tuple[list[Listed], list[ScoutError]]:
    """All potentials, ours first, each in alphabetical order; and what is wrong with plug-ins that
    cannot be used (E450, E451).
    """
    own, others = names(), GROUP.installed()
    flaws = plugins.flaws(others, own)
    sound = {name: plugins.only(others[name]).origin for name in sorted(others.keys() - flaws)}
    found = [_listed(name, origin) for name, origin in [*((n, "") for n in own), *sound.items()]]
    return found, list(flaws.values())


def notice(name: str) -> str:
    """What to tell the user who is about to use a potential whose licence forbids commercial use:
    one line, the first time on this machine.

    name: as `load` takes it. Empty where there is nothing to say, or it was said before. Raises
    ScoutError as `module`.
    """
    kind = name.partition(":")[0]
    facts: Facts = module(kind).FACTS
    if facts.commercial:
        return ""
    said = cache_folder() / "notices" / kind
    if said.exists():
        return ""
    with contextlib.suppress(OSError):  # where nothing can be remembered it is said again
        said.parent.mkdir(parents=True, exist_ok=True)
        said.touch()
    return f"{facts.model}: {facts.licence}, no commercial use; cite doi:{facts.citation}"


def _listed(name: str, origin: str) -> Listed:
    found = module(name)
    try:
        installed = needed(found.FACTS).rsplit(maxsplit=1)[-1]
    except ScoutError:
        installed = None
    return Listed(name, found.FACTS, installed, origin, hasattr(found, "local"))


def _flaw(found: ModuleType, name: str) -> str:
    """Why a module is no potential; empty if it is one. What it computes is for
    `testing.check_potential`.
    """
    if not isinstance(getattr(found, "FACTS", None), Facts):
        return f"the module {found.__name__} has no FACTS of the type scoutlang.potentials.Facts"
    return (
        ""
        if callable(getattr(found, "create", None))
        else f"the module {found.__name__} has no function create"
    )


GROUP = plugins.Group("scoutlang.potentials", "potential", _flaw)
