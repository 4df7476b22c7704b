"""Why a statement cannot be read: from the place where parsing stopped to a message with a cause
and a fix.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Sequence

from scoutlang.ir.settings import Real
from scoutlang.ir.source import Span
from scoutlang.ir.units import find_unit
from scoutlang.language.diagnostics import Diagnostic, Fix, Label
from scoutlang.language.diagnostics.suggest import closest, listing, quoted
from scoutlang.language.statements import CALLED, CLAIMING, DEFINING, SETTINGS, STATEMENTS
from scoutlang.language.syntax.lexeme import CLOSED_BY, CLOSING, Lexeme, open_brackets

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
    **{
        word.upper(): f"`{word}`"
        for word in (
            *("in", "as", "and", "or", "not", "implies", "each", "any"),
            *("symprec", "weight", "loss"),
        )
    },
    "$END": "the end of the statement",
}
# Accepted by the grammar only to be reported with a better message; never offered.
_NEVER_OFFERED = {"DOUBLE_EQUAL", "LOOKALIKE_DASH"}

# Characters that word processors put in the place of ASCII ones, where Unicode has no compatibility
# form.
_ASCII_TWINS = {
    "“": '"',
    "”": '"',
    "„": '"',
    "«": '"',
    "»": '"',
    "×": "*",
    "∗": "*",
    "⋅": "*",
    "·": "*",
    "÷": "/",
    "≈": "=",
    "∓": "+-",
}

# What other languages write, and the word here; where there is no such word, what to do.
_ELSEWHERE = {
    "&&": "and",
    "&": "and",
    "||": "or",
    "|": "or",
    "!": "not",
    ":=": "=",
    "//": "#",
    "/*": "#",
    "--": "#",
    "is": "=",
    "equals": "=",
}
_ADVICE = {
    "!=": "`not CN(Cu-P) = 4` says that it differs",
    "<>": "`not CN(Cu-P) = 4` says that it differs",
    "~": "a target has a tolerance: `= 4 ± 0.3`",
    "%": "a share is written as a number, 0.1 for 10 %; a tolerance in the unit of its value",
    "between": "a range is written `in [3, 5]`",
    "within": "a range is written `in [3, 5]`",
    "if": "a condition is written `A implies B`",
    "when": "a condition is written `A implies B`",
    "then": "a condition is written `A implies B`",
}
_SHORT = 3  # letters of a word that resembles too many others
_CONNECTIVES, _QUANTIFIERS = ("and", "or", "implies"), ("each", "any", "not")

_RELATIONS = {"EQUAL", "DOUBLE_EQUAL", "LESS", "GREATER", "LESS_EQUAL", "GREATER_EQUAL", "IN", "AS"}
_MAX_OFFERED = 6
_SPECIES = {"NAME", "STAR", "RBRACE", "LBRACE"}
_OPERAND = frozenset({"NAME", "NUMBER", "LPAR", "LBRACE", "STAR", "STRING", "HYPHEN", "PLUS"})
# Terminals that are offered together, by what they begin or go on with.
_TOGETHER = (
    (_OPERAND | {"NOT", "EACH", "ANY"}, "a descriptor, a number or a statement to hold"),
    (_OPERAND, "a descriptor, a number or species"),
    (frozenset({"STAR", "SLASH", "CARET", "PLUS", "HYPHEN"}), ""),
    (frozenset({"STAR", "SLASH", "PLUS", "HYPHEN"}), ""),
    (frozenset({"LPAR", "DOT"}), ""),
    (
        frozenset({"EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"}),
        "a relation (`=`, `<`, `in` …)",
    ),
    (frozenset({"AND", "OR", "IMPLIES"}), "`and`, `or`"),
    (frozenset({"NAME", "UNIT"}), "a unit"),
    (frozenset({"SETTING"}), "a setting"),
    (frozenset({"WEIGHT", "LOSS", "SYMPREC"}), "`weight`"),
)


def intended_verb(word: str) -> str:
    """The statement that a first word stands for, misspelt or not; the word itself when it
    resembles none.
    """
    return closest(word, STATEMENTS) or word


def explain(lexemes: Sequence[Lexeme], position: int, accepted: frozenset[str]) -> Diagnostic:
    """The message for a statement whose lexeme at ``position`` (its end, when past the last) is not
    among the accepted terminals.
    """
    at_end = position == len(lexemes)
    if at_end:
        return _unclosed(lexemes, position, accepted) or _unfinished(lexemes, accepted)
    found = lexemes[position]
    return (
        (_no_verb(found, lexemes) if position == 0 else None)
        or _from_elsewhere(lexemes, position)
        or _unknown_character(found)
        or _reversed_operator(lexemes, position)
        or _colon_after_verb(lexemes, position)
        or _range_form(lexemes, position)
        or _decimal_comma(lexemes, position)
        or _brackets(lexemes, position, accepted)
        or _square_call(lexemes, position)
        or _two_statements(found, position)
        or _misspelt_connective(lexemes, position, accepted)
        or _wrong_label(lexemes, position)
        or _misspelt_modifier(lexemes, position, accepted)
        or _of_one_statement(lexemes, position)
        or _unexpected(found, lexemes, accepted)
    )


def _surprise(found: Lexeme, text: str, replacement: str | None = None) -> Diagnostic:
    """The usual message: this word does not belong here."""
    return Diagnostic.at(
        "E010", f"unexpected {quoted(found.text)}", found.span, text, replacement=replacement
    )


_CONDITIONS = frozenset({"pressure", "temperature"})
"""What other programs set and nothing here does."""


def _no_verb(found: Lexeme, lexemes: Sequence[Lexeme]) -> Diagnostic | None:
    if found.terminal != "NAME":
        return None
    guess = closest(found.text, STATEMENTS)
    if found.text in _CONDITIONS:
        guess, text = None, "crystals are sampled and judged without one, at 0 K and 0 GPa"
    elif guess:
        text = f"did you mean `{guess}`?"
    elif any(lexeme.terminal in _RELATIONS for lexeme in lexemes):
        text = "a claim starts with its strength: `require`, `prefer` or `expect`"
    else:
        text = (
            "a statement starts with its verb: `system`, `require`, `guide`, …; "
            "`scout doc` lists all"
        )
    message = f"unknown statement {quoted(found.text)}"
    return Diagnostic.at("E012", message, found.span, text, replacement=guess)


def _from_elsewhere(lexemes: Sequence[Lexeme], position: int) -> Diagnostic | None:
    """``&&``, ``!=``, ``//``: what other languages write."""
    touches = position > 0 and _touching(lexemes[position - 1 : position + 1])
    first = position - 1 if touches else position
    for start, end in ((position, position + 2), (first, position + 1), (position, position + 1)):
        part = lexemes[start:end]
        if not _touching(part):
            continue
        text = "".join(x.text for x in part)
        word, advice = _ELSEWHERE.get(text), _ADVICE.get(text)
        if (word == "#") != (position == 0 and text in ("//", "/*", "--")) and text != "//":
            continue
        if word is None and advice is None:
            continue
        span = part[0].span.cover(part[-1].span)
        label = (
            "a comment starts with `#`"
            if word == "#"
            else f"write `{word}`"
            if word
            else advice or ""
        )
        spaced = f"{word} " if word and word.isalpha() else word
        return Diagnostic.at("E010", f"unexpected {quoted(text)}", span, label, replacement=spaced)
    return None


def _touching(lexemes: Sequence[Lexeme]) -> bool:
    return all(before.end == after.start for before, after in itertools.pairwise(lexemes))


def _unknown_character(found: Lexeme) -> Diagnostic | None:
    if found.terminal != "UNKNOWN":
        return None
    character = found.text
    if character == '"':
        return Diagnostic.at(
            "E011",
            "the quoted text is not closed",
            found.span,
            'opened here; `"` closes it on the same line',
        )
    twin = _ASCII_TWINS.get(character) or _ascii_form(character)
    if character.isascii():
        text = "no meaning in the language"
    else:
        name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
        text = f"{name}; write `{twin}`" if twin else name
    return Diagnostic.at(
        "E011", f"unknown character {quoted(character)}", found.span, text, replacement=twin or None
    )


def _ascii_form(character: str) -> str:
    """``（`` → ``(``: what the character is a typographic form of, when that is plain ASCII."""
    form = unicodedata.normalize("NFKC", character)
    return (
        form if form != character and form.isascii() and form.isprintable() and form.strip() else ""
    )


def _decimal_comma(lexemes: Sequence[Lexeme], position: int) -> Diagnostic | None:
    """``< 2,5``."""
    part = lexemes[max(0, position - 2) : position + 1]
    if [x.terminal for x in part] != ["NUMBER", "COMMA", "NUMBER"] or not _touching(part):
        return None
    right = f"{part[0].text}.{part[2].text}"
    return Diagnostic.at(
        "E010",
        "a number has a decimal point",
        part[0].span.cover(part[2].span),
        f"did you mean {quoted(right)}?",
        replacement=right,
    )


def _colon_after_verb(lexemes: Sequence[Lexeme], position: int) -> Diagnostic | None:
    """``system: Cu-P``."""
    if position != 1 or lexemes[1].terminal != "COLON":
        return None
    text = f"no colon stands after {quoted(lexemes[0].text)}"
    return _surprise(lexemes[1], text, "")


def _range_form(lexemes: Sequence[Lexeme], position: int) -> Diagnostic | None:
    """``in (3, 5)``, ``in 3-5``, ``= [3, 5]``, ``in [3-5]``, ``in [3, 4, 5]``."""
    found, before = lexemes[position], lexemes[position - 1]
    if before.terminal == "IN" and found.terminal in ("LPAR", "NUMBER", "HYPHEN"):
        text = "a range is written `in [3, 5]`"
    elif before.terminal in ("EQUAL", "DOUBLE_EQUAL") and found.terminal == "LSQB":
        text = "a range is written `in [3, 5]`, without `=`"
    else:
        opened = _innermost_open(lexemes[:position])
        if (
            opened is None
            or opened.terminal != "LSQB"
            or found.terminal not in ("RSQB", "NUMBER", "SEMICOLON", "COMMA", "COLON", "DOT")
        ):
            return None
        inside = [x.terminal for x in lexemes[:position] if x.start > opened.start]
        if found.terminal == "COMMA" and "COMMA" in inside:
            text = "a range has two ends; several values stand in braces: `in {3, 4, 6}`"
        elif inside and "COMMA" not in inside:
            text = "the ends of a range are separated by a comma: `[3, 5]`"
        else:
            return None
    return _surprise(found, text)


def _square_call(lexemes: Sequence[Lexeme], position: int) -> Diagnostic | None:
    """``CN[Cu-P]``."""
    found, before = lexemes[position], lexemes[position - 1]
    if found.terminal not in ("LSQB", "LBRACE") or before.terminal != "NAME":
        return None
    return _surprise(found, f"arguments stand in round brackets: `{before.text}(…)`")


def _two_statements(found: Lexeme, position: int) -> Diagnostic | None:
    """``system Cu-P require CN(Cu-P) = 4``."""
    if position < 2 or found.text not in STATEMENTS:
        return None
    text = "a statement ends with a line end or `;`, and the next one starts"
    return _surprise(found, text)


def _reversed_operator(lexemes: Sequence[Lexeme], position: int) -> Diagnostic | None:
    """``=<``."""
    found, part = lexemes[position], lexemes[max(0, position - 1) : position + 1]
    reversed_ = [x.terminal for x in part] in (["EQUAL", "LESS"], ["EQUAL", "GREATER"])
    if not reversed_ or not _touching(part):
        return None
    right = f"{found.text}="
    return Diagnostic.at(
        "E010",
        f"`={found.text}` is written `{right}`",
        part[0].span.cover(found.span),
        f"write `{right}`",
        replacement=right,
    )


def _brackets(
    lexemes: Sequence[Lexeme], position: int, accepted: frozenset[str]
) -> Diagnostic | None:
    found = lexemes[position]
    if found.terminal in CLOSING:
        opened = _innermost_open(lexemes[:position])
        if opened is None:
            return Diagnostic.at(
                "E014",
                f"{quoted(found.text)} closes nothing",
                found.span,
                "no bracket is open here",
                replacement="",
            )
        right = CLOSING[CLOSED_BY[opened.terminal]]
        if found.text != right:
            message, also = (
                f"`{opened.text}` is closed by {quoted(found.text)}",
                Label(opened.span, "opened here"),
            )
            return Diagnostic.at(
                "E013", message, found.span, f"expected `{right}`", also=also, replacement=right
            )
        return None
    return _unclosed(lexemes, position, accepted)


def _unclosed(
    lexemes: Sequence[Lexeme], position: int, accepted: frozenset[str]
) -> Diagnostic | None:
    opened = _innermost_open(lexemes[:position])
    if opened is None or CLOSED_BY[opened.terminal] not in accepted or _balanced(lexemes):
        return None
    right = CLOSING[CLOSED_BY[opened.terminal]]
    position = _after_chain(lexemes, opened, position)
    end = lexemes[position - 1].span.end
    place = lexemes[position].span if position < len(lexemes) else Span(end, end)
    label = Label(
        place,
        f"expected `{right}`" if position == len(lexemes) else f"expected `{right}` before this",
    )
    return Diagnostic(
        "E013",
        f"`{opened.text}` is not closed",
        label,
        (Label(opened.span, "opened here"),),
        fix=Fix(Span(end, end), right),
    )


def _balanced(lexemes: Sequence[Lexeme]) -> bool:
    """Whether as many brackets close as open: then none is missing."""
    return all(
        sum(x.terminal == opening for x in lexemes) == sum(x.terminal == closing for x in lexemes)
        for opening, closing in CLOSED_BY.items()
    )


def _after_chain(lexemes: Sequence[Lexeme], opened: Lexeme, position: int) -> int:
    """Where the bracket of ``CN(Cu-P = 4`` is missing: a chain of species is never compared, so it
    ends before the relation.
    """
    start = next(k for k, x in enumerate(lexemes) if x is opened)
    for k in range(start + 4, position):
        chain = [x.terminal for x in lexemes[k - 3 : k]]
        if (
            lexemes[k].terminal in _RELATIONS
            and chain[1] == "HYPHEN"
            and chain[0] in _SPECIES
            and chain[2] in _SPECIES
        ):
            return k
    return position


def _innermost_open(lexemes: Sequence[Lexeme]) -> Lexeme | None:
    opened = open_brackets(lexemes)
    return lexemes[opened[-1]] if opened else None


def _misspelt_connective(
    lexemes: Sequence[Lexeme], position: int, accepted: frozenset[str]
) -> Diagnostic | None:
    """``= 4 AND CN(…)``, where the word was taken for a unit and the surprise comes after it;
    ``require eahc CN(…)``.
    """
    if lexemes[0].text not in (*CLAIMING, *DEFINING):
        return None
    found, before = lexemes[position], lexemes[position - 1]
    begins = found.terminal in ("NAME", "NOT", "EACH", "ANY", "LPAR", "NUMBER")
    suspects: list[tuple[Lexeme, Sequence[str]]] = []
    if before.terminal == "NAME" and position > 1 and begins:
        ends = ("NAME", "NUMBER", "RPAR", "RSQB", "RBRACE", "UNIT")
        after_value = lexemes[position - 2].terminal in ends
        suspects.append((before, _CONNECTIVES if after_value else _QUANTIFIERS))
    if found.terminal == "NAME" and "AND" in accepted:
        suspects.append((found, _CONNECTIVES))
    for word, words in suspects:
        guess = _meant(word.text, words)
        if guess:
            return _surprise(word, f"did you mean `{guess}`?", guess)
    return None


def _meant(word: str, words: Sequence[str]) -> str | None:
    """Short words resemble each other: capitals and letters that changed places, or a long word."""
    same = next((w for w in words if sorted(w) == sorted(word.lower())), None)
    return same or (
        closest(word, [w for w in words if len(w) > _SHORT]) if len(word) > _SHORT else None
    )


def _wrong_label(lexemes: Sequence[Lexeme], position: int) -> Diagnostic | None:
    """``require tetra CN(Cu-P) = 4``, ``require my-label: …``, ``require "four": …``."""
    if lexemes[0].text not in CLAIMING:
        return None
    found = lexemes[position]
    if (
        found.terminal == "COLON"
        and not any(x.terminal in (*_RELATIONS, "LPAR") for x in lexemes[1:position])
        and position > 1
    ):
        return _no_label(lexemes[1], lexemes[position - 1])
    if position != 2 or [lexeme.terminal for lexeme in lexemes[1:3]] != ["NAME", "NAME"]:
        return None
    label = lexemes[1]
    if found.text in ("low", "high"):
        return _surprise(found, f"a wish is written `{label.text} as {found.text} as possible`")
    if "COLON" in [x.terminal for x in lexemes[2:4]]:
        return _no_label(label, found)
    return _surprise(found, f"if {quoted(label.text)} is a label, write a colon after it")


def _no_label(first: Lexeme, last: Lexeme) -> Diagnostic:
    text = "a label is one name: letters, digits and `_`, a letter first"
    return Diagnostic.at("E010", "this is no label", first.span.cover(last.span), text)


def _of_one_statement(lexemes: Sequence[Lexeme], position: int) -> Diagnostic | None:
    """What is usually meant where a certain statement goes wrong."""
    found, before, verb = lexemes[position], lexemes[position - 1], lexemes[0].text
    text = ""
    replacement = None
    if before.terminal == "WEIGHT" and found.terminal == "HYPHEN":
        return Diagnostic.at(
            "E046", "a weight must be positive", found.span, "needs a number above 0"
        )
    statement = STATEMENTS.get(verb)
    slip = statement.slip(lexemes, position) if statement else None
    if found.text == "=" and any(
        x.terminal in ("WEIGHT", "LOSS", "SYMPREC") for x in lexemes[:position]
    ):
        text = "`weight`, `loss` and `symprec` stand after the relation"
    elif slip is not None:
        text, replacement = slip
    elif (
        found.terminal in ("COLON", "NAME", "NUMBER")
        and (call := _innermost_open(lexemes[:position]))
        and call.terminal == "LPAR"
    ):
        if found.terminal == "COLON":
            text = (
                "a parameter is given with `=`: `r=2.6 Å`; species are joined with a hyphen: `Cu-P`"
            )
        elif before.terminal in _SPECIES and verb not in CALLED:
            after = lexemes[position + 1].terminal if position + 1 < len(lexemes) else ""
            text = (
                "a comma stands before a parameter"
                if after == "EQUAL"
                else "species are joined with a hyphen: `Cu-P`"
            )
    return _surprise(found, text, replacement) if text else None


def _misspelt_modifier(
    lexemes: Sequence[Lexeme], position: int, accepted: frozenset[str]
) -> Diagnostic | None:
    """``= 4 wieght 2``: the misspelt word was taken for a unit, and the surprise comes at its
    value; or a unit is there already.
    """
    found, before = lexemes[position], lexemes[position - 1]
    if "WEIGHT" not in accepted or not any(x.terminal in _RELATIONS for x in lexemes[:position]):
        return None
    word = found if found.terminal == "NAME" else before if before.terminal == "NAME" else None
    if word is None:
        return None
    guess = closest(word.text, ("weight", "loss"))
    text = f"did you mean `{guess}`?" if guess else "a claim has `weight` and `loss`"
    return Diagnostic.at(
        "E023", f"unknown setting {quoted(word.text)}", word.span, text, replacement=guess
    )


def _unfinished(lexemes: Sequence[Lexeme], accepted: frozenset[str]) -> Diagnostic:
    last = lexemes[-1]
    end = last.span.end
    if (
        lexemes[0].text in SETTINGS
        and len(lexemes) > 1
        and lexemes[-2].terminal == "NUMBER"
        and find_unit(last.text)
    ):
        known = SETTINGS[lexemes[0].text].get(
            next((x.text for x in reversed(lexemes[:-2]) if x.terminal == "NAME"), "")
        )
        unit = known.kind.unit if known and isinstance(known.kind, Real) else ""
        message = f"this setting is in {unit}" if unit else "a setting has no unit"
        return Diagnostic.at(
            "E010",
            message,
            last.span,
            f"write `{unit}`" if unit else "remove the unit",
            replacement=unit,
        )
    return Diagnostic.at(
        "E010",
        "the statement is not finished",
        Span(end, end),
        _expected(accepted, lexemes),
        help=_example(lexemes),
    )


def _unexpected(found: Lexeme, lexemes: Sequence[Lexeme], accepted: frozenset[str]) -> Diagnostic:
    if accepted == {"NAME"} and found.text.isidentifier():
        return Diagnostic.at(
            "E010",
            f"{quoted(found.text)} is a word of the language",
            found.span,
            "choose another name",
        )
    reserved = " (a word of the language)" if found.text in STATEMENTS else ""
    return Diagnostic.at(
        "E010",
        f"unexpected {quoted(found.text)}{reserved}",
        found.span,
        _expected(accepted, lexemes),
        help=_example(lexemes),
    )


def _expected(accepted: frozenset[str], lexemes: Sequence[Lexeme] = ()) -> str:
    if set(STATEMENTS) <= {a.lower() for a in accepted}:
        return "expected a statement, which starts with a word"
    if lexemes and lexemes[0].text in SETTINGS:
        accepted = frozenset("SETTING" if a == "NAME" else a for a in accepted)
    statement = STATEMENTS.get(lexemes[0].text) if lexemes else None
    if statement is not None and statement.takes == "elements":
        return (
            "expected an element"
            if "NAME" in accepted and "HYPHEN" in accepted and "$END" not in accepted
            else "expected `-` and an element"
        )
    left = accepted - _NEVER_OFFERED
    if "NAME" in left:
        left -= {"SYMPREC"}  # a name like others there
    offered = []
    for together, spoken in _TOGETHER:
        if together <= left:
            left -= together | ({"IN", "AS"} if "EQUAL" in together else set())
            offered += [spoken] * bool(spoken)
    offered += [spoken for terminal, spoken in SPOKEN.items() if terminal in left]
    if len(offered) > _MAX_OFFERED:
        offered = [*offered[:_MAX_OFFERED], "…"]
    return f"expected {listing(offered)}"


def _example(lexemes: Sequence[Lexeme]) -> str:
    statement = STATEMENTS.get(lexemes[0].text)
    return f"for example: {statement.example}" if statement else ""
