"""Element names: from what is written to symbols of the system."""

from __future__ import annotations

from scoutlang.ir import elements
from scoutlang.language.checking.scope import Scope
from scoutlang.language.diagnostics import messages
from scoutlang.language.diagnostics.suggest import closest
from scoutlang.language.syntax.ast import Name

_LONGEST_MISSPELT_SYMBOL = 3
_NOBLE = (0, 2, 10, 18, 36, 54, 86, 118)


def element(name: Name, scope: Scope) -> str | None:
    """The symbol that a name is, or None after a report."""
    if name.text in elements.ATOMIC_NUMBER:
        return name.text
    parts = split_formula(name.text)
    if name.text.capitalize() in elements.ATOMIC_NUMBER:
        guess: str | None = name.text.capitalize()
        text = f"only the first letter of a symbol is a capital: `{guess}`"
    elif len(parts) > 1:
        guess = "-".join(parts)
        text = f"elements are joined with hyphens: `{guess}`"
    else:
        guess = (
            closest(name.text, elements.SYMBOLS)
            if len(name.text) <= _LONGEST_MISSPELT_SYMBOL
            else None
        )
        known = f"known are the elements {elements.SYMBOLS[0]} to {elements.SYMBOLS[-1]}"
        word = len(name.text) > _LONGEST_MISSPELT_SYMBOL
        text = (
            f"did you mean `{guess}`?"
            if guess
            else "elements are written as symbols, such as `Cu`"
            if word
            else known
        )
    scope.report(messages.no_element(name.text, text, guess), name.span)
    return None


def in_system(name: Name, scope: Scope) -> bool:
    """Whether the element is in the declared system; if not, after a report."""
    symbol = name.text
    if not scope.system or symbol in scope.system:
        return True
    similar = [s for s in scope.system if periodic_group(s) == periodic_group(symbol)] or [
        s for s in scope.system if s[0] == symbol[0]
    ]
    scope.report(messages.outside_system(symbol, similar), name.span, also=scope.system_span)
    return False


def periodic_group(symbol: str) -> int:
    """Group of the periodic table, 1 to 18; f elements count as group 3."""
    z = elements.ATOMIC_NUMBER[symbol]
    before = max(n for n in _NOBLE if n < z)
    after = min(n for n in _NOBLE if n >= z)
    from_start, from_end = z - before, 18 - (after - z)
    return from_start if from_start <= 2 and z != 2 else max(3, from_end)


def split_formula(text: str) -> tuple[str, ...]:
    """``CuSi2P3`` → (Cu, Si, P): a word that is nothing but capitalised symbols and numbers; empty
    otherwise.
    """
    return tuple(dict.fromkeys(symbol for symbol, _ in formula_parts(text)))


def formula_parts(text: str) -> tuple[tuple[str, int], ...]:
    """``CuSi2P3`` → ((Cu, 1), (Si, 2), (P, 3)); empty for anything but capitalised symbols, each
    with a number ≥ 1 or none.
    """
    parts: list[tuple[str, int]] = []
    position = 0
    while position < len(text):
        symbol = next(
            (
                text[position : position + n]
                for n in (2, 1)
                if text[position : position + n] in elements.ATOMIC_NUMBER
                and not text[position + n : position + n + 1].islower()
            ),
            None,
        )
        if symbol is None:
            return ()
        position += len(symbol)
        end = position
        while end < len(text) and text[end] in "0123456789":
            end += 1
        digits = text[position:end]
        if digits.startswith("0") or len(digits) > 4:
            return ()
        parts.append((symbol, int(digits or 1)))
        position = end
    return tuple(parts)
