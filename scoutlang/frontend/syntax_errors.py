"""Why a statement cannot be read: from the place where parsing stopped to a message with a cause and a fix."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from scoutlang.diagnostics import Diagnostic, Fix, Label
from scoutlang.diagnostics.suggest import closest, listing, quoted
from scoutlang.frontend.statements import STATEMENTS
from scoutlang.source import Span


class Lexeme(NamedTuple):
    """A token, free of the parser library."""

    terminal: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


# What a terminal is called in a message; the others are called by their own characters.
SPOKEN = {
    "NAME": "a name",
    "NUMBER": "a number",
    "STRING": "a quoted text",
    "UNIT": "a unit",
    "EQUAL": "`=`",
    "LESS": "`<`",
    "LESS_EQUAL": "`<=`",
    "GREATER": "`>`",
    "GREATER_EQUAL": "`>=`",
    "PLUS_MINUS": "`±`",
    "ARROW": "`->`",
    "LPAR": "`(`",
    "RPAR": "`)`",
    "LSQB": "`[`",
    "RSQB": "`]`",
    "LBRACE": "`{`",
    "RBRACE": "`}`",
    "COMMA": "`,`",
    "COLON": "`:`",
    "DOT": "`.`",
    "STAR": "`*`",
    "SLASH": "`/`",
    "CARET": "`^`",
    "PLUS": "`+`",
    "HYPHEN": "`-`",
    "IN": "`in`",
    "AS": "`as`",
    "AND": "`and`",
    "OR": "`or`",
    "NOT": "`not`",
    "IMPLIES": "`implies`",
    "EACH": "`each`",
    "ANY": "`any`",
    "SYMPREC": "`symprec`",
    "WEIGHT": "`weight`",
    "LOSS": "`loss`",
    "$END": "the end of the statement",
}
# Accepted by the grammar only to be reported with a better message; never offered.
_NEVER_OFFERED = {"DOUBLE_EQUAL", "LOOKALIKE_DASH"}

# Characters that word processors put in the place of ASCII ones, where Unicode has no compatibility form.
_ASCII_TWINS = {"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "×": "*", "∗": "*", "≈": "="}

_RELATIONS = {"EQUAL", "DOUBLE_EQUAL", "LESS", "GREATER", "LESS_EQUAL", "GREATER_EQUAL", "IN", "AS"}
_CLOSING = {"LPAR": ")", "LSQB": "]", "LBRACE": "}"}
_CLOSING_TERMINAL = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
_MAX_OFFERED = 6
_SPECIES = {"NAME", "STAR", "RBRACE", "LBRACE"}
# Terminals that are offered together, by what they begin or go on with.
_TOGETHER = (
    (frozenset({"NAME", "NUMBER", "LPAR", "LBRACE", "STAR", "STRING", "HYPHEN", "PLUS", "NOT", "EACH", "ANY"}), "a descriptor, a number or a statement to hold"),
    (frozenset({"NAME", "NUMBER", "LPAR", "LBRACE", "STAR", "STRING", "HYPHEN", "PLUS"}), "a descriptor, a number or species"),
    (frozenset({"STAR", "SLASH", "CARET", "PLUS", "HYPHEN"}), ""),
    (frozenset({"STAR", "SLASH", "PLUS", "HYPHEN"}), ""),
    (frozenset({"LPAR", "DOT"}), ""),
    (frozenset({"EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"}), "a relation (`=`, `<`, `in` …)"),
    (frozenset({"AND", "OR", "IMPLIES"}), "`and`, `or`"),
    (frozenset({"WEIGHT", "LOSS", "SYMPREC"}), "`weight`"),
)


def intended_verb(word: str) -> str:
    """The statement that a first word stands for, misspelt or not; the word itself when it resembles none."""
    return closest(word, STATEMENTS) or word


def explain(lexemes: Sequence[Lexeme], position: int, accepted: frozenset[str]) -> Diagnostic:
    """The message for a statement whose lexeme at ``position`` (its end, when past the last) is not among the accepted terminals."""
    at_end = position == len(lexemes)
    if at_end:
        return _unclosed(lexemes, position, accepted) or _unfinished(lexemes, accepted)
    found = lexemes[position]
    return (
        (_no_verb(found, lexemes) if position == 0 else None)
        or _unknown_character(found)
        or _reversed_operator(lexemes, position)
        or _decimal_comma(lexemes, position)
        or _brackets(lexemes, position, accepted)
        or _square_call(lexemes, position)
        or _two_statements(found, position)
        or _label_without_colon(lexemes, position)
        or _misspelt_modifier(lexemes, position, accepted)
        or _unexpected(found, lexemes, accepted)
    )


def _no_verb(found: Lexeme, lexemes: Sequence[Lexeme]) -> Diagnostic | None:
    if found.terminal != "NAME":
        return None
    message = f"unknown statement {quoted(found.text)}"
    guess = closest(found.text, STATEMENTS)
    if guess:
        return Diagnostic.at("E012", message, found.span, f"did you mean `{guess}`?", replacement=guess)
    if any(lexeme.terminal in _RELATIONS for lexeme in lexemes):
        return Diagnostic.at("E012", message, found.span, "a claim starts with its strength: `require`, `prefer` or `expect`")
    return Diagnostic.at("E012", message, found.span, "a statement starts with its verb: `system`, `require`, `guide`, …; `scout doc` lists all")


def _unknown_character(found: Lexeme) -> Diagnostic | None:
    if found.terminal != "UNKNOWN":
        return None
    character = found.text
    if character == '"':
        return Diagnostic.at("E011", "the quoted text is not closed", found.span, 'opened here; `"` closes it on the same line')
    twin = _ASCII_TWINS.get(character) or _ascii_form(character)
    if character.isascii():
        text = "no meaning in the language"
    else:
        name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
        text = f"{name}; write `{twin}`" if twin else name
    return Diagnostic.at("E011", f"unknown character {quoted(character)}", found.span, text, replacement=twin or None)


def _ascii_form(character: str) -> str:
    """``（`` → ``(``: what the character is a typographic form of, when that is plain ASCII."""
    form = unicodedata.normalize("NFKC", character)
    return form if form != character and form.isascii() and form.isprintable() and form.strip() else ""


def _decimal_comma(lexemes: Sequence[Lexeme], position: int) -> Diagnostic | None:
    """``< 2,5``."""
    if [x.terminal for x in lexemes[max(0, position - 2) : position + 1]] != ["NUMBER", "COMMA", "NUMBER"]:
        return None
    whole, comma, decimals = lexemes[position - 2 : position + 1]
    if whole.span.end != comma.span.start or comma.span.end != decimals.span.start:
        return None
    span, right = whole.span.cover(decimals.span), f"{whole.text}.{decimals.text}"
    return Diagnostic.at("E010", "a number has a decimal point", span, f"did you mean {quoted(right)}?", replacement=right)


def _square_call(lexemes: Sequence[Lexeme], position: int) -> Diagnostic | None:
    """``CN[Cu-P]``."""
    found, before = lexemes[position], lexemes[position - 1]
    if found.terminal not in ("LSQB", "LBRACE") or before.terminal != "NAME":
        return None
    return Diagnostic.at("E010", f"unexpected {quoted(found.text)}", found.span, f"arguments stand in round brackets: `{before.text}(…)`")


def _two_statements(found: Lexeme, position: int) -> Diagnostic | None:
    """``system Cu-P require CN(Cu-P) = 4``."""
    if position < 2 or found.text not in STATEMENTS:
        return None
    text = "a statement ends with a line end or `;`, and the next one starts"
    return Diagnostic.at("E010", f"unexpected {quoted(found.text)}", found.span, text)


def _reversed_operator(lexemes: Sequence[Lexeme], position: int) -> Diagnostic | None:
    found, before = lexemes[position], lexemes[position - 1]
    if before.terminal == "EQUAL" and found.terminal in ("LESS", "GREATER") and before.span.end == found.span.start:
        span = before.span.cover(found.span)
        right = f"{found.text}="
        return Diagnostic.at("E010", f"`={found.text}` is written `{right}`", span, f"write `{right}`", replacement=right)
    return None


def _brackets(lexemes: Sequence[Lexeme], position: int, accepted: frozenset[str]) -> Diagnostic | None:
    found = lexemes[position]
    if found.terminal in _CLOSING_TERMINAL.values():
        opened = _innermost_open(lexemes[:position])
        if opened is None:
            return Diagnostic.at("E014", f"{quoted(found.text)} closes nothing", found.span, "no bracket is open here", replacement="")
        right = _CLOSING[opened.terminal]
        if found.text != right:
            message, also = f"`{opened.text}` is closed by {quoted(found.text)}", Label(opened.span, "opened here")
            return Diagnostic.at("E013", message, found.span, f"expected `{right}`", also=also, replacement=right)
        return None
    return _unclosed(lexemes, position, accepted)


def _unclosed(lexemes: Sequence[Lexeme], position: int, accepted: frozenset[str]) -> Diagnostic | None:
    opened = _innermost_open(lexemes[:position])
    if opened is None or _CLOSING_TERMINAL[opened.terminal] not in accepted:
        return None
    right = _CLOSING[opened.terminal]
    position = _after_chain(lexemes, opened, position)
    end = lexemes[position - 1].span.end
    place = lexemes[position].span if position < len(lexemes) else Span(end, end)
    label = Label(place, f"expected `{right}`" if position == len(lexemes) else f"expected `{right}` before this")
    return Diagnostic("E013", f"`{opened.text}` is not closed", label, (Label(opened.span, "opened here"),), fix=Fix(Span(end, end), right))


def _after_chain(lexemes: Sequence[Lexeme], opened: Lexeme, position: int) -> int:
    """Where the bracket of ``CN(Cu-P = 4`` is missing: a chain of species is never compared, so it ends before the relation."""
    start = next(k for k, x in enumerate(lexemes) if x is opened)
    for k in range(start + 4, position):
        chain = [x.terminal for x in lexemes[k - 3 : k]]
        if lexemes[k].terminal in _RELATIONS and chain[1] == "HYPHEN" and chain[0] in _SPECIES and chain[2] in _SPECIES:
            return k
    return position


def _innermost_open(lexemes: Sequence[Lexeme]) -> Lexeme | None:
    opened: list[Lexeme] = []
    for lexeme in lexemes:
        if lexeme.terminal in _CLOSING_TERMINAL:
            opened.append(lexeme)
        elif lexeme.terminal in _CLOSING_TERMINAL.values() and opened:
            opened.pop()
    return opened[-1] if opened else None


def _label_without_colon(lexemes: Sequence[Lexeme], position: int) -> Diagnostic | None:
    """``require tetra CN(Cu-P) = 4``."""
    if position != 2 or [lexeme.terminal for lexeme in lexemes[1:3]] != ["NAME", "NAME"]:
        return None
    label, found = lexemes[1:3]
    return Diagnostic.at(
        "E010", f"unexpected {quoted(found.text)}", found.span, f"if {quoted(label.text)} is a label, write a colon after it"
    )


def _misspelt_modifier(lexemes: Sequence[Lexeme], position: int, accepted: frozenset[str]) -> Diagnostic | None:
    """``= 4 wieght 2``: the misspelt word was taken for a unit, and the surprise comes at its value; or a unit is there already."""
    found, before = lexemes[position], lexemes[position - 1]
    if "WEIGHT" not in accepted or not any(x.terminal in _RELATIONS for x in lexemes[:position]):
        return None
    word = found if found.terminal == "NAME" else before if before.terminal == "NAME" else None
    if word is None:
        return None
    guess = closest(word.text, ("weight", "loss"))
    text = f"did you mean `{guess}`?" if guess else "a claim has `weight` and `loss`"
    return Diagnostic.at("E023", f"unknown setting {quoted(word.text)}", word.span, text, replacement=guess)


def _unfinished(lexemes: Sequence[Lexeme], accepted: frozenset[str]) -> Diagnostic:
    end = lexemes[-1].span.end
    return Diagnostic.at("E010", "the statement is not finished", Span(end, end), _expected(accepted, lexemes), help=_example(lexemes))


def _unexpected(found: Lexeme, lexemes: Sequence[Lexeme], accepted: frozenset[str]) -> Diagnostic:
    reserved = " (a word of the language)" if found.text in STATEMENTS else ""
    return Diagnostic.at("E010", f"unexpected {quoted(found.text)}{reserved}", found.span, _expected(accepted, lexemes), help=_example(lexemes))


def _expected(accepted: frozenset[str], lexemes: Sequence[Lexeme] = ()) -> str:
    if set(STATEMENTS) <= {a.lower() for a in accepted}:
        return "expected a statement, which starts with a word"
    if lexemes and lexemes[0].terminal == "SYSTEM":
        return "expected an element" if "NAME" in accepted and "HYPHEN" in accepted and "$END" not in accepted else "expected `-` and an element"
    left = accepted - _NEVER_OFFERED
    offered = []
    for together, spoken in _TOGETHER:
        if together <= left:
            left -= together | ({"IN", "AS"} if "EQUAL" in together else set())
            offered += [spoken] * bool(spoken)
    offered += [spoken for terminal, spoken in SPOKEN.items() if terminal in left]
    return f"expected {listing([*offered[:_MAX_OFFERED], '…'] if len(offered) > _MAX_OFFERED else offered)}"


def _example(lexemes: Sequence[Lexeme]) -> str:
    statement = STATEMENTS.get(lexemes[0].text)
    return f"for example: {statement.example}" if statement else ""
