"""The words of the language in one table, taken from the parts of the code that define them: the
manual, completions and editors share it.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from scoutlang import ir
from scoutlang.descriptors import own_signatures
from scoutlang.ir.elements import SYMBOLS
from scoutlang.ir.known_models import KNOWN_MODELS
from scoutlang.ir.settings import Choice, Strength
from scoutlang.ir.signatures import DescriptorSignature
from scoutlang.ir.units import UNITS
from scoutlang.language import parser
from scoutlang.language.statements import CALLED, SETTINGS, STATEMENTS
from scoutlang.language.statements.statement import Statement
from scoutlang.language.syntax.functions import FUNCTIONS
from scoutlang.language.syntax.lexeme import Lexeme

Kind = Literal[
    "statement", "keyword", "function", "descriptor", "setting", "value", "unit", "element"
]

DIRECTIONS = ("low", "high")
"""Of a wish: ``as low as possible``."""

KEYWORDS: Mapping[str, str] = {
    "in": "within a range, `[2, 3] Å`, or one of a set, `{4, 6}`",
    "as": "`as low as possible`; behind an import, the name of the module here",
    "and": "both hold",
    "or": "one of them holds, or both",
    "not": "does not hold",
    "implies": "where the first holds, the second does",
    "each": "for every site",
    "any": "for one site or more",
    "weight": "factor of the claim in the loss",
    "loss": "shape of the loss of the claim",
    "symprec": "tolerance of symmetry, in Å",
}
"""Reserved words that begin no statement → what they say."""


@dataclass(frozen=True)
class Word:
    """A word with what it is."""

    text: str
    kind: Kind
    help: str = ""
    """One line."""
    unit: str = ""
    """Of a descriptor, the one that a plain number is in."""


def words() -> Iterator[Word]:
    """Every word of the language itself; plug-ins are left out, because they differ from machine to
    machine.
    """
    for rule, statement in STATEMENTS.items():
        yield Word(rule, "statement", summary(statement))
    for word, meaning in KEYWORDS.items():
        yield Word(word, "keyword", meaning)
    for name, function in FUNCTIONS.items():
        yield Word(name, "function", function.summary)
    for name, signature in own_signatures().items():
        yield descriptor(name, signature)
    for table in SETTINGS.values():
        for key, entry in table.items():
            yield Word(key, "setting", entry.summary)
    for value in _values():
        yield Word(value, "value")
    for spelling, unit in UNITS.items():
        yield Word(spelling, "unit", unit.dimension.spoken)
    for symbol in SYMBOLS:
        yield Word(symbol, "element")


def by_kind() -> dict[Kind, list[str]]:
    """Kind → its words, each once, for what colours by words alone; a value that is also the name
    of a setting counts as that.
    """
    found = list(words())
    settings = {w.text for w in found if w.kind == "setting"}
    table: dict[Kind, dict[str, None]] = {}
    for word in found:
        if word.kind != "value" or word.text not in settings:
            table.setdefault(word.kind, {})[word.text] = None
    return {kind: list(chosen) for kind, chosen in table.items()}


def descriptor(name: str, signature: DescriptorSignature) -> Word:
    """The word for a descriptor."""
    return Word(name, "descriptor", signature.summary, signature.unit)


def summary(statement: type[Statement]) -> str:
    """What a statement says, in one line: the head of its file's docstring."""
    return " ".join(opening(sys.modules[statement.__module__].__doc__ or "")[0].split())


def opening(docstring: str) -> tuple[str, str]:
    """The first paragraph of a docstring without the form in front of it, and the others."""
    first, _, rest = docstring.strip().replace("``", "`").partition("\n\n")
    return re.sub(r"^(`[^`]+`|[\w=]+(\([^)]*\))?): ", "", first), rest


def motif_parameters(statement: Sequence[Lexeme]) -> Iterator[Lexeme]:
    """The parameters of a motif that is written: the names behind its opening bracket and the
    commas there. None of any other statement.
    """
    if statement[0].text not in CALLED:
        return
    depth = 0
    for before, lexeme in itertools.pairwise(statement):
        depth += before.nesting
        if before.terminal == "RPAR" and depth == 0:
            return
        if depth == 1 and before.terminal in ("LPAR", "COMMA") and lexeme.terminal == "NAME":
            yield lexeme


def reserved() -> frozenset[str]:
    """The reserved words, as the grammar has them."""
    found = (
        re.fullmatch(r"(?:\(\?:)?(\w+)\\b\)?", pattern) for pattern in parser.patterns().values()
    )
    return frozenset(match[1] for match in found if match)


def _values() -> Iterator[str]:
    """Words that are values: of settings, of descriptors, of losses, in wishes."""
    found: dict[str, None] = dict.fromkeys(
        [*get_args(ir.LossName), *DIRECTIONS, "possible", *KNOWN_MODELS]
    )
    found.update(dict.fromkeys([*Strength.schedules, *Strength.shapes]))
    for table in SETTINGS.values():
        for entry in table.values():
            if isinstance(entry.kind, Choice):
                found.update(dict.fromkeys(entry.kind.words))
    for signature in own_signatures().values():
        # a point group such as 4/m or -3 is no word
        words = (word for word in signature.categories if word.isidentifier() and len(word) > 1)
        found.update(dict.fromkeys(words))
        for parameter in signature.parameters:
            if parameter.kind != "file":
                found.update(dict.fromkeys(parameter.choices))
    yield from found
