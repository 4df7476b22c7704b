"""Guessing what was meant."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Iterable

from scoutlang.support.shown import shown

_MAX_GUESSED = 40
_MAX_CANDIDATES = 1000
_CUTOFF = 0.6
_SHORTEST_STEM = 4  # letters from which a word may be an abbreviation of a longer one
_LOOKALIKES = str.maketrans(
    "АВЕЅІЈКМНОРСТХаеіјкорсухѕΑΒΕΖΗΙΚΜΝΟΡΤΥΧο", "ABESIJKMHOPCTXaeijkopcyxsABEZHIKMNOPTYXo"
)
"""Cyrillic and Greek letters → the Latin ones that no eye tells from them."""


def closest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate nearest to ``word`` in spelling, or None when none is near. Case differences
    count little.
    """
    if len(word) > _MAX_GUESSED:
        return None
    word = word.translate(_LOOKALIKES)
    ranked = sorted(
        ((_similarity(word, c), c) for c in itertools.islice(candidates, _MAX_CANDIDATES)),
        key=lambda pair: (-pair[0], pair[1]),
    )
    return ranked[0][1] if ranked and ranked[0][0] >= _CUTOFF else None


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """``did you mean `x`?`` or an empty string."""
    guess = closest(word, candidates)
    return f"did you mean `{guess}`?" if guess else ""


def quoted(text: str, limit: int = 40) -> str:
    """``text`` in backquotes, shortened so that a message stays one line and never sends control
    characters to a terminal.

    A word that looks Latin and is not says so: `` `СN` (its С is Cyrillic)``.
    """
    short = text if len(text) <= limit else text[: limit - 1] + "…"
    strange = next((c for c in text if ord(c) in _LOOKALIKES), None)
    if strange and text.isidentifier() and text.translate(_LOOKALIKES).isascii():
        script = unicodedata.name(strange).split()[0].capitalize()
        return f"`{shown(short)}` (its {strange} is {script})"
    return f"`{shown(short)}`"


def listing(words: Iterable[str], last: str = "or") -> str:
    """``a, b or c``."""
    items = list(words)
    return (
        items[0]
        if len(items) == 1
        else f"{', '.join(items[:-1])} {last} {items[-1]}"
        if items
        else ""
    )


def _similarity(written: str, known: str) -> float:
    if written == known:
        return 1.0
    a, b = written.casefold(), known.casefold()
    if a == b:
        return 0.99
    if sorted(a) == sorted(b):
        return 0.95  # letters that changed places, which weigh too much in words of two or three
    if len(a) >= _SHORTEST_STEM and b.startswith(a):
        return 0.9
    from difflib import SequenceMatcher  # only programs with mistakes need it

    matcher = SequenceMatcher(None, a, b)
    # The quick ratios are upper bounds: most words need no more.
    return (
        matcher.ratio()
        if min(matcher.real_quick_ratio(), matcher.quick_ratio()) >= _CUTOFF
        else 0.0
    )
