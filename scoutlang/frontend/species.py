"""Element names: from what is written to symbols of the system."""

from __future__ import annotations

from scoutlang import elements, ir
from scoutlang.diagnostics import Label
from scoutlang.diagnostics.suggest import closest, listing, quoted
from scoutlang.frontend.ast import Chain, Name, Species
from scoutlang.frontend.scope import Scope

_LONGEST_MISSPELT_SYMBOL = 3
_NOBLE = (0, 2, 10, 18, 36, 54, 86, 118)


def resolve(species: Species, scope: Scope) -> ir.Species | None:
    """The elements that a species stands for, or None after a report."""
    text = scope.source.slice(species.span) if not species.braced else "{" + ", ".join(n.text for n in species.names) + "}"
    if not species.names:
        return ir.Species(text=text, elements=scope.system)
    symbols: dict[str, Name] = {}
    known = True
    for name in species.names:
        symbol = element(name, scope)
        if symbol is None or not _in_system(symbol, name, scope):
            known = False
        elif symbol in symbols:
            scope.report("E035", f"{symbol} is named twice", name.span, "remove this one", also=Label(symbols[symbol].span, "first here"))
            known = False
        else:
            symbols[symbol] = name
    return ir.Species(text=text, elements=tuple(symbols)) if known else None


def element(name: Name, scope: Scope) -> str | None:
    """The symbol that a name is, or None after a report."""
    if name.text in elements.ATOMIC_NUMBER:
        return name.text
    parts = _split_formula(name.text)
    if name.text.capitalize() in elements.ATOMIC_NUMBER:
        guess: str | None = name.text.capitalize()
        text = f"only the first letter of a symbol is a capital: `{guess}`"
    elif len(parts) > 1:
        guess = "-".join(parts)
        text = f"elements are joined with hyphens: `{guess}`"
    else:
        guess = closest(name.text, elements.SYMBOLS) if len(name.text) <= _LONGEST_MISSPELT_SYMBOL else None
        text = f"did you mean `{guess}`?" if guess else f"known are the elements {elements.SYMBOLS[0]} to {elements.SYMBOLS[-1]}"
    scope.report("E031", f"{quoted(name.text)} is not an element", name.span, text, replacement=guess)
    return None


def check_dashes(chain: Chain, scope: Scope) -> None:
    """Report characters that only look like hyphens."""
    for dash in chain.dashes:
        if not dash.hyphen:
            scope.report("E016", f"{quoted(scope.source.slice(dash.span))} is not a hyphen", dash.span, "write `-`", replacement="-")


def periodic_group(symbol: str) -> int:
    """Group of the periodic table, 1 to 18; f elements count as group 3."""
    z = elements.ATOMIC_NUMBER[symbol]
    before = max(n for n in _NOBLE if n < z)
    after = min(n for n in _NOBLE if n >= z)
    from_start, from_end = z - before, 18 - (after - z)
    return from_start if from_start <= 2 and z != 2 else max(3, from_end)


def _in_system(symbol: str, name: Name, scope: Scope) -> bool:
    if not scope.system or symbol in scope.system:
        return True
    similar = [s for s in scope.system if periodic_group(s) == periodic_group(symbol)] or [s for s in scope.system if s[0] == symbol[0]]
    advice = f"add it to the system, or did you mean {listing(similar)}?" if similar else "add it to the system"
    scope.report("E030", f"{symbol} is not in the system", name.span, advice, also=Label(scope.system_span, "declared here"))
    return False


def _split_formula(text: str) -> tuple[str, ...]:
    """``CuSi2P3`` → (Cu, Si, P): a word that is nothing but capitalised symbols and numbers; empty otherwise."""
    symbols: dict[str, None] = {}
    while text := text.lstrip("0123456789"):
        symbol = next((text[:n] for n in (2, 1) if text[:n] in elements.ATOMIC_NUMBER and not text[n : n + 1].islower()), None)
        if symbol is None:
            return ()
        symbols[symbol] = None
        text = text[len(symbol) :]
    return tuple(symbols)
