"""Whether a program that comes from outside keeps the bounds that the checker holds a written one
to: its settings, its elements, its size. Types and fields are `Program.from_json`'s matter.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from scoutlang.ir.elements import ATOMIC_NUMBER
from scoutlang.ir.settings import Choice, Real, Whole

MAX_NODES = 500_000
"""Of a program; the checker unfolds less."""
MAX_DEPTH = 100
MAX_ATOMS = 1_000_000
SPACE_GROUPS = 230


def unsound(program: Any) -> str:
    """The first thing that no checked program has; empty where it is sound. program: a `Program`,
    which asks this and so cannot be imported here.
    """
    for node in (program.guide, program.sample, program.relax):
        if wrong := _setting(node):
            return wrong
    symbols = [*program.system, *(symbol for symbol, _ in program.formula or ())]
    if strange := [s for s in symbols if s not in ATOMIC_NUMBER]:
        return f"its system has {strange[0][:20]!r}, which is no element"
    if len(set(program.system)) != len(program.system) or not program.system:
        return "its system is empty, or names an element twice"
    if any(not 0 < count <= MAX_ATOMS for _, count in program.formula or ()):
        return "its formula has a number that is none of atoms"
    atoms = program.atoms
    if atoms is not None and not 0 < atoms.low <= atoms.high <= MAX_ATOMS:
        return f"its number of atoms is from {str(atoms.low)[:20]} to {str(atoms.high)[:20]}"
    numbers = program.symmetry.numbers if program.symmetry is not None else (1,)
    if not numbers or not all(1 <= number <= SPACE_GROUPS for number in numbers):
        return "its symmetry has a number that is no space group"
    if program.start is not None and not 0 < program.start.noise <= 1:
        return "its start is noised to a time that is not above 0 and up to 1"
    return _size(program)


def _setting(node: Any) -> str:
    for field in dataclasses.fields(node):
        if "setting" not in field.metadata:
            continue
        kind, value = field.metadata["setting"][0], getattr(node, field.name)
        if value is None:
            continue
        fits = True
        match kind:
            case Whole(low=low, high=high):
                fits = type(value) is int and low <= value <= high
            case Real(low=low, high=high, open_low=open_low):
                fits = (low < value if open_low else low <= value) and value <= high
            case Choice(words=words):
                fits = value in words
        if not fits:
            return f"`{field.name}` is {str(value)[:40]}, not {kind.takes}"
    return ""


def _size(program: Any) -> str:
    """Counted without recursion."""
    left, count = [(term.claim, 1) for term in program.terms], 0
    while left:
        node, depth = left.pop()
        count += 1
        if count > MAX_NODES or depth > MAX_DEPTH:
            return f"it has more than {MAX_NODES} parts, or {MAX_DEPTH} inside of each other"
        for name in ("of", "value", "premise", "conclusion"):
            inner = getattr(node, name, None)
            if dataclasses.is_dataclass(inner):
                left.append((inner, depth + 1))
            elif isinstance(inner, tuple):
                left.extend((one, depth + 1) for one in inner)
    return ""
