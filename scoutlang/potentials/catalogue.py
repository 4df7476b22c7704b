"""What there is of potentials, and what a user must be told of their licences. Packages are looked
up, none is imported.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from scoutlang.potentials import DEFAULT, GROUP, Facts, module, names
from scoutlang.potentials.cache import cache_folder
from scoutlang.support import plugins
from scoutlang.support.errors import ScoutError


@dataclass(frozen=True)
class Listed:
    """A potential. version: of the package that it needs; None where that is not installed. origin:
    the package of a plug-in, else empty.
    """

    name: str
    facts: Facts
    version: str | None
    origin: str
    takes_own: bool

    @property
    def is_default(self) -> bool:
        return self.name == DEFAULT

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
    flaws = {
        name: plugins.hidden(claims) if name in own else plugins.broken(claims)
        for name, claims in sorted(others.items())
    }
    sound = [name for name, flaw in flaws.items() if flaw is None]
    found = [_listed(name, "") for name in own] + [
        _listed(name, plugins.only(others[name]).origin) for name in sound
    ]
    return found, [flaw for flaw in flaws.values() if flaw is not None]


def notice(name: str) -> str:
    """What to tell the user who is about to use a potential whose licence forbids commercial use:
    one line, the first time on this machine.

    name: as `load` takes it. Empty where there is nothing to say, or it was said before. Raises
    ScoutError as `potentials.module`.
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
    return Listed(
        name,
        found.FACTS,
        next(_versions(found.FACTS.package), None),
        origin,
        hasattr(found, "local"),
    )


def _versions(package: str) -> Iterator[str]:
    with contextlib.suppress(PackageNotFoundError):
        yield version(package)
