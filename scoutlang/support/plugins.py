"""Parts of one kind (descriptors, potentials, stages…): our own, each a file in the folder of its
kind, and those of other packages, by entry points: ``NAME = "module"`` in one of the groups
``scoutlang.descriptors``, ``scoutlang.potentials``…

The name of the file or entry point is known without importing any of them: a module is imported
when it is used, and one that is broken stops only who uses it.
"""

from __future__ import annotations

import pkgutil
import re
import sys
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from scoutlang.support.errors import ScoutError, first_line

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint


def parts(package: str) -> tuple[str, ...]:
    """Names of the files in an imported package that are parts of its kind, in alphabetical order.
    A file whose name begins with an underscore is none: it serves the others.
    """
    files = pkgutil.iter_modules(sys.modules[package].__path__)
    return tuple(sorted(file.name for file in files if not file.name.startswith("_")))


@dataclass(frozen=True)
class Group:
    """The parts of one kind that other packages bring."""

    name: str
    """Of the entry-point group."""
    what: str
    """The word for one part, in messages."""
    flaw: Callable[[ModuleType, str], str]
    """(module, name) → why the module is no such part; empty if it is one."""

    def installed(self) -> Mapping[str, Sequence[Plugin]]:
        """Name → the plug-ins that claim it, from the metadata of all distributions; nothing of
        theirs is imported.
        """
        # 40 ms that programs without plug-ins need not wait for
        from importlib.metadata import distributions

        found: dict[str, list[Plugin]] = {}
        seen: set[str] = set()
        for distribution in distributions():
            for plugin in self._of(distribution, seen):
                found.setdefault(plugin.name, []).append(plugin)
        return found

    def _of(self, distribution: Distribution, seen: set[str]) -> list[Plugin]:
        """The plug-ins of a distribution, unless it is an older copy of one that was seen.
        Malformed metadata have none, and do no harm.
        """
        try:
            # so with most, and saves reading the rest of them
            if self.name not in (distribution.read_text("entry_points.txt") or ""):
                return []
            name = re.sub(r"[-_.]+", "-", distribution.name).lower()
            if name in seen:
                return []
            seen.add(name)
            origin = f"{distribution.name} {distribution.version}"
            return [
                Plugin(e.name, origin, e, self)
                for e in distribution.entry_points
                if e.group == self.name
            ]
        except Exception:
            return []


@dataclass(frozen=True)
class Plugin:
    """An entry point."""

    name: str
    origin: str
    """Name and version of the distribution that has it."""
    entry: EntryPoint
    group: Group

    def module(self) -> ModuleType:
        """The part's module. Raises ScoutError E450 where it cannot be used."""
        try:
            found = self.entry.load()
            is_module = isinstance(found, ModuleType)
            flaw = (
                self.group.flaw(found, self.name)
                if is_module
                else "its entry point names something inside a module; it must name the module"
            )
        # what a stranger's module does when it is imported
        except (Exception, SystemExit) as error:
            flaw = first_line(error)
        if flaw:
            raise ScoutError(
                "E450",
                f"`{self.name}` of the plug-in {self.origin} cannot be used: {flaw}",
                self.advice,
            )
        return found  # type: ignore[no-any-return]

    @property
    def advice(self) -> str:
        package = self.origin.split(maxsplit=1)[0]
        return (
            f"programs that do not use it are not affected; update {package}, or tell its authors"
        )


def only(plugins: Sequence[Plugin]) -> Plugin:
    """The one that has the name. Raises ScoutError E451 where several have."""
    if len(plugins) > 1:
        raise _taken(
            plugins[0],
            "by " + " and by ".join(p.origin for p in plugins),
            "uninstall all but one of them",
        )
    return plugins[0]


def hidden(plugins: Sequence[Plugin]) -> ScoutError:
    """What is wrong with plug-ins whose name a part of the language has."""
    by = " and by ".join(("the language", *(p.origin for p in plugins)))
    return _taken(
        plugins[0], f"by {by}", "the one of the language counts; the plug-in needs another name"
    )


def broken(plugins: Sequence[Plugin]) -> ScoutError | None:
    """Why the plug-ins of one name give no part: E450 or E451; None if they do."""
    try:
        only(plugins).module()
    except ScoutError as error:
        return error
    return None


def flaws(installed: Mapping[str, Sequence[Plugin]], own: Container[str]) -> dict[str, ScoutError]:
    """Name → why the plug-ins of that name give no part, in alphabetical order. own: the names that
    parts of the language have.
    """
    found = {
        name: hidden(claims) if name in own else broken(claims)
        for name, claims in sorted(installed.items())
    }
    return {name: flaw for name, flaw in found.items() if flaw is not None}


def _taken(plugin: Plugin, by: str, hint: str) -> ScoutError:
    return ScoutError(
        "E451", f"the {plugin.group.what} name `{plugin.name}` is taken twice: {by}", hint
    )
