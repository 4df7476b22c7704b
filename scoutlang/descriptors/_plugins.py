"""Descriptors of other packages, by the entry-point group ``scoutlang.descriptors``: ``NAME = "module"``.

The name of the entry point is the descriptor's, so that what is installed is known without importing any of it: a module is imported when a
program names its descriptor, and one that is broken stops only programs that do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite
from types import ModuleType
from typing import TYPE_CHECKING, get_args

from scoutlang.elements import ATOMIC_NUMBER
from scoutlang.errors import ScoutError
from scoutlang.ir import How
from scoutlang.signatures import Concern, DescriptorSignature, Dimension, Domain, Parameter

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint

    from scoutlang.ir import Measure, Relation

GROUP = "scoutlang.descriptors"

_KINDS = (*get_args(Dimension), "integer", "choice", "file")
_DOUBT = re.compile(r"W\d{3}")


@dataclass(frozen=True)
class Plugin:
    """An entry point. origin: name and version of the distribution that has it."""

    name: str
    origin: str
    entry: EntryPoint

    def module(self) -> ModuleType:
        """The descriptor's module. Raises ScoutError E450 where it cannot be used."""
        try:
            found = self.entry.load()
            flaw = _flaw(found, self.name)
        except (Exception, SystemExit) as error:  # what a stranger's module does when it is imported
            flaw = f"{type(error).__name__}: {error}".splitlines()[0]
        if flaw:
            raise ScoutError("E450", f"`{self.name}` of the plug-in {self.origin} cannot be used: {flaw}", _advice(self.origin))
        return found  # type: ignore[no-any-return]

    def signature(self) -> DescriptorSignature:
        """The module's, with doubts that cannot stop the checker. Raises ScoutError E450."""
        signature: DescriptorSignature = self.module().SIGNATURE
        return replace(signature, concerns=self._concerns) if signature.concerns else signature

    def _concerns(self, measure: Measure, relation: Relation) -> Iterator[Concern]:
        try:
            doubts = list(self.module().SIGNATURE.concerns(measure, relation))
            strange = [d for d in doubts if not (isinstance(d, Concern) and _DOUBT.fullmatch(d.code))]
            flaw = f"{strange[0]!r} is not a Concern with a code like W055" if strange else ""
        except Exception as error:
            doubts, flaw = [], f"{type(error).__name__}: {error}".splitlines()[0]
        if flaw:
            yield Concern("W450", f"`{self.name}` of the plug-in {self.origin} could not look at this: {flaw}", _advice(self.origin))
        else:
            yield from doubts


def installed() -> Mapping[str, Sequence[Plugin]]:
    """Name → the plug-ins that claim it, from the metadata of all distributions; nothing of theirs is imported."""
    from importlib.metadata import distributions  # 40 ms that programs without plug-ins need not wait for

    found: dict[str, list[Plugin]] = {}
    seen: set[str] = set()
    for distribution in distributions():
        for plugin in _of(distribution, seen):
            found.setdefault(plugin.name, []).append(plugin)
    return found


def _of(distribution: Distribution, seen: set[str]) -> list[Plugin]:
    """The plug-ins of a distribution, unless it is an older copy of one that was seen. Malformed metadata have none, and do no harm."""
    try:
        if GROUP not in (distribution.read_text("entry_points.txt") or ""):  # so with most, and saves reading the rest of them
            return []
        name = re.sub(r"[-_.]+", "-", distribution.name).lower()
        if name in seen:
            return []
        seen.add(name)
        origin = f"{distribution.name} {distribution.version}"
        return [Plugin(e.name, origin, e) for e in distribution.entry_points if e.group == GROUP]
    except Exception:
        return []


def only(plugins: Sequence[Plugin]) -> Plugin:
    """The one that has the name. Raises ScoutError E451 where several have."""
    if len(plugins) > 1:
        raise _taken(plugins[0].name, "by " + " and by ".join(p.origin for p in plugins), "uninstall all but one of them")
    return plugins[0]


def hidden(plugins: Sequence[Plugin]) -> ScoutError:
    """What is wrong with plug-ins whose name a descriptor of the language has."""
    by = " and by ".join(("the language", *(p.origin for p in plugins)))
    return _taken(plugins[0].name, f"by {by}", "the one of the language counts; the plug-in needs another name")


def _taken(name: str, by: str, hint: str) -> ScoutError:
    return ScoutError("E451", f"the descriptor name `{name}` is taken twice: {by}", hint)


def _advice(origin: str) -> str:
    return f"programs that do not use it are not affected; update {origin.split(maxsplit=1)[0]}, or tell its authors"


def _flaw(module: object, name: str) -> str:
    """Why an object is no descriptor module; empty if it is one. What it computes is for `testing.check_descriptor`."""
    signature = getattr(module, "SIGNATURE", None)
    if not isinstance(module, ModuleType):
        return "its entry point names something inside a module; it must name the module"
    if not isinstance(signature, DescriptorSignature):
        return f"the module {module.__name__} has no SIGNATURE of the type scoutlang.signatures.DescriptorSignature"
    if signature.name != name:
        return f"its entry point is called {name}, and its SIGNATURE {signature.name!r}"
    if not re.fullmatch(r"[A-Za-z_][A-Za-z_0-9]*", name) or name in ATOMIC_NUMBER:
        return "a descriptor is called by letters, digits and _, and not like an element"
    missing = [f for f in ("exact", "formula") if not callable(getattr(module, f, None))]
    if missing:
        return f"the module {module.__name__} has no function {missing[0]}"
    if signature.differentiable is not callable(getattr(module, "soft", None)):
        return "it must have a function soft if and only if its SIGNATURE says differentiable"
    return _flaw_of(signature)


def _flaw_of(signature: DescriptorSignature) -> str:
    """A field of another type, or with a value that makes no sense."""
    numbers = (signature.scale, signature.tolerance, signature.minimum, signature.maximum)
    right = {
        "summary": isinstance(signature.summary, str) and bool(signature.summary),
        "example": isinstance(signature.example, str),
        "dimension": signature.dimension in get_args(Dimension),
        "species": _whole(signature.species) and signature.species >= (signature.domain == "site"),
        "scale": _number(signature.scale) and isfinite(signature.scale) and signature.scale > 0,
        "tolerance": _number(signature.tolerance) and isfinite(signature.tolerance) and signature.tolerance > 0,
        "maximum": all(map(_number, numbers)) and signature.minimum < signature.maximum,
        "domain": signature.domain in get_args(Domain),
        "aggregate": signature.aggregate in get_args(How),
        "parameters": isinstance(signature.parameters, tuple) and all(map(_is_parameter, signature.parameters)),
        "extensive": isinstance(signature.extensive, bool),
        "monotone": signature.monotone in (-1, 0, 1),
        "categories": _words(signature.categories) and bool(signature.categories) == (signature.dimension == "category"),
        "concerns": signature.concerns is None or callable(signature.concerns),
    }
    wrong = [field for field, is_right in right.items() if not is_right]
    return f"{wrong[0]} = {getattr(signature, wrong[0])!r} in its SIGNATURE is not possible" if wrong else ""


def _is_parameter(found: object) -> bool:
    return (
        isinstance(found, Parameter)
        and isinstance(found.name, str)
        and found.name.isidentifier()
        and found.kind in _KINDS
        and isinstance(found.default, str)
        and _number(found.minimum)
        and _number(found.maximum)
        and found.minimum < found.maximum
        and _words(found.choices)
        and bool(found.choices) == (found.kind in ("choice", "file"))
    )


def _whole(found: object) -> bool:
    return isinstance(found, int) and not isinstance(found, bool)


def _number(found: object) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def _words(found: object) -> bool:
    return isinstance(found, tuple) and all(isinstance(word, str) for word in found)
