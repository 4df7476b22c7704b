"""The catalogue of descriptors. One file per descriptor; the file is the registration. Where
several are of one shape, one file makes their modules and lists them as ``MODULES``.

A descriptor module defines ``SIGNATURE`` (torch-free), and, when it can be evaluated on a structure
alone, ``soft`` and ``exact``. Importing this package does not import torch, so the checker starts
at once. Other packages bring descriptors by an entry point (docs/descriptors.md): these are looked
for only where a name is none of ours, and imported only where it is used.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from types import ModuleType
from typing import TypeVar

from scoutlang.descriptors import _plugins
from scoutlang.ir.signatures import DescriptorSignature
from scoutlang.support import plugins
from scoutlang.support.errors import ScoutError
from scoutlang.support.plugins import Plugin

T = TypeVar("T")


class _Catalogue(Mapping[str, T]):
    """What there is of each descriptor, by its name: first the language's own, in alphabetical
    order of module name, then those of plug-ins.

    A plug-in that is broken is ``in`` it, raises ScoutError E450 or E451 when it is asked for, and
    is left out when the names are listed. Which plug-ins there are is found out once in its life,
    when a name is asked for that is none of the language's.
    """

    def __init__(self, own: Mapping[str, T], read: Callable[[Plugin], T]) -> None:
        self._own = own
        self._read = read

    @cached_property
    def _plugins(self) -> Mapping[str, Sequence[Plugin]]:
        return _plugins.GROUP.installed()

    def __getitem__(self, name: str) -> T:
        return (
            self._own[name] if name in self._own else self._read(plugins.only(self._plugins[name]))
        )

    def __contains__(self, name: object) -> bool:
        return name in self._own or name in self._plugins

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        for name in sorted(self._plugins.keys() - self._own.keys()):
            if plugins.broken(self._plugins[name]) is None:
                yield name

    def __len__(self) -> int:
        return sum(1 for _ in self)


def modules() -> Mapping[str, ModuleType]:
    """Descriptor name → its module."""
    return _Catalogue(_own(), Plugin.module)


def signatures() -> Mapping[str, DescriptorSignature]:
    """What the checker needs to know of every descriptor."""
    return _Catalogue(own_signatures(), _plugins.signature)


def own_signatures() -> Mapping[str, DescriptorSignature]:
    """Those of the language alone, without plug-ins."""
    return {name: module.SIGNATURE for name, module in _own().items()}


def origin(name: str) -> str | None:
    """Name and version of the distribution that a plug-in's descriptor is from; None for a
    descriptor of the language.
    """
    return None if name in _own() else plugins.only(_plugins.GROUP.installed()[name]).origin


def broken() -> Mapping[str, ScoutError]:
    """Name → why the installed plug-in of that name cannot be used: E450, or E451 where the name is
    taken.
    """
    return plugins.flaws(_plugins.GROUP.installed(), _own())


@cache
def _own() -> Mapping[str, ModuleType]:
    """The files beside this one, which stay what they are; looking for them takes as long as
    checking a statement.
    """
    files = [importlib.import_module(f"{__name__}.{name}") for name in plugins.parts(__name__)]
    own = [module for file in files for module in getattr(file, "MODULES", (file,))]
    return {m.SIGNATURE.name: m for m in sorted(own, key=lambda module: module.__name__)}
