"""Descriptors of other packages, by the entry-point group ``scoutlang.descriptors``: what a module
must have to be one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from math import isfinite
from types import ModuleType
from typing import TYPE_CHECKING, get_args

from scoutlang.ir import How
from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.ir.signatures import Concern, DescriptorSignature, Dimension, Domain, Parameter, Role
from scoutlang.support.errors import first_line
from scoutlang.support.plugins import Group, Plugin

if TYPE_CHECKING:
    from scoutlang.ir import Measure, Relation

_KINDS = (*get_args(Dimension), "integer", "choice", "file")
_DOUBT = re.compile(r"W\d{3}")


def signature(plugin: Plugin) -> DescriptorSignature:
    """The module's, with doubts that cannot stop the checker. Raises ScoutError E450."""
    found: DescriptorSignature = plugin.module().SIGNATURE

    def concerns(measure: Measure, relation: Relation) -> Iterator[Concern]:
        return _concerns(plugin, measure, relation)

    return replace(found, concerns=concerns) if found.concerns else found


def _concerns(plugin: Plugin, measure: Measure, relation: Relation) -> Iterator[Concern]:
    try:
        doubts = list(plugin.module().SIGNATURE.concerns(measure, relation))
        strange = [d for d in doubts if not (isinstance(d, Concern) and _DOUBT.fullmatch(d.code))]
        flaw = f"{strange[0]!r} is not a Concern with a code like W055" if strange else ""
    except Exception as error:
        doubts, flaw = [], first_line(error)
    if flaw:
        yield Concern(
            "W450",
            f"`{plugin.name}` of the plug-in {plugin.origin} could not look at this: {flaw}",
            plugin.advice,
        )
    else:
        yield from doubts


def _flaw(module: ModuleType, name: str) -> str:
    """Why an object is no descriptor module; empty if it is one. What it computes is for
    `testing.check_descriptor`.
    """
    signature = getattr(module, "SIGNATURE", None)
    if not isinstance(signature, DescriptorSignature):
        return (
            f"the module {module.__name__} has no SIGNATURE of the type "
            "scoutlang.ir.signatures.DescriptorSignature"
        )
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


GROUP = Group("scoutlang.descriptors", "descriptor", _flaw)


def _flaw_of(signature: DescriptorSignature) -> str:
    """A field of another type, or with a value that makes no sense."""
    numbers = (signature.scale, signature.tolerance, signature.minimum, signature.maximum)
    right = {
        "summary": isinstance(signature.summary, str) and bool(signature.summary),
        "example": isinstance(signature.example, str),
        "dimension": signature.dimension in get_args(Dimension),
        "species": _whole(signature.species) and signature.species >= (signature.domain == "site"),
        "scale": _number(signature.scale) and isfinite(signature.scale) and signature.scale > 0,
        "tolerance": _number(signature.tolerance)
        and isfinite(signature.tolerance)
        and signature.tolerance > 0,
        "maximum": all(map(_number, numbers)) and signature.minimum < signature.maximum,
        "domain": signature.domain in get_args(Domain),
        "aggregate": signature.aggregate in get_args(How),
        "parameters": isinstance(signature.parameters, tuple)
        and all(map(_is_parameter, signature.parameters)),
        "extensive": isinstance(signature.extensive, bool),
        "monotone": signature.monotone in (-1, 0, 1),
        "role": signature.role in get_args(Role),
        "reach": signature.reach is None or callable(signature.reach),
        "at_most": isinstance(signature.at_most, str),
        "categories": _words(signature.categories)
        and bool(signature.categories) == (signature.dimension == "category"),
        "since": isinstance(signature.since, str),
        "concerns": signature.concerns is None or callable(signature.concerns),
    }
    wrong = [field for field, is_right in right.items() if not is_right]
    return (
        f"{wrong[0]} = {getattr(signature, wrong[0])!r} in its SIGNATURE is not possible"
        if wrong
        else ""
    )


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
        and (found.kind not in ("choice", "file") or bool(found.choices))
    )


def _whole(found: object) -> bool:
    return isinstance(found, int) and not isinstance(found, bool)


def _number(found: object) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def _words(found: object) -> bool:
    return isinstance(found, tuple) and all(isinstance(word, str) for word in found)
