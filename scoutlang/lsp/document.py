"""What can be said about one program at one moment: hover, definitions, names to change, symbols, colours. Free of the protocol."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from scoutlang import frontend, manual
from scoutlang.diagnostics.suggest import quoted
from scoutlang.elements import ATOMIC_NUMBER, COVALENT_RADIUS
from scoutlang.errors import ScoutError
from scoutlang.frontend import CheckResult, parser
from scoutlang.frontend.ast import Claim, Statement
from scoutlang.frontend.checker import declared
from scoutlang.frontend.imports import LIBRARY
from scoutlang.frontend.scope import Names
from scoutlang.frontend.statements.let import Let
from scoutlang.frontend.statements.motif import Motif
from scoutlang.frontend.statements.param import Param
from scoutlang.lsp.positions import Positions
from scoutlang.lsp.tokens import Target, Word, classified
from scoutlang.manual import Page
from scoutlang.resources import resource
from scoutlang.signatures import DescriptorSignature
from scoutlang.source import Source, Span
from scoutlang.words import KEYWORDS, reserved

_RENAMED = frozenset({"param", "let", "motif", "argument", "label"})
_PAGES: Mapping[str, str] = {
    "statement": "statement",
    "function": "function",
    "descriptor": "descriptor",
    "setting": "setting",
    "unit": "unit",
}


class Symbol(NamedTuple):
    """A statement for the outline. kind: its rule. name: what it defines, its label, or its text."""

    name: str
    kind: str
    span: Span
    name_span: Span


class Document:
    """A program as it stands in an editor. pages: those of the manual, which are asked for when a word is explained first."""

    def __init__(self, source: Source, signatures: Mapping[str, DescriptorSignature], pages: Callable[[], Sequence[Page]]) -> None:
        self.source = source
        self._signatures = signatures
        self._manual = pages

    @property
    def _pages(self) -> Sequence[Page]:
        return self._manual()

    @cached_property
    def result(self) -> CheckResult:
        return frontend.check(self.source, self._signatures)

    @cached_property
    def positions(self) -> Positions:
        return Positions(self.source.text)

    @cached_property
    def names(self) -> Names:
        return declared(self.source)[1]

    @cached_property
    def words(self) -> list[Word]:
        """Every word with a kind, in reading order."""
        return classified(self.source, self.names, self._signatures)

    def word_at(self, offset: int) -> Word | None:
        """The word that the offset is in or right behind; the one that begins there goes first."""
        touching = [w for w in self.words if w.lexeme.start <= offset <= w.lexeme.end]
        return touching[-1] if touching else None

    # ---- hover ----

    def hover(self, offset: int) -> tuple[Span, str] | None:
        """The place of the word there and what it is, as Markdown."""
        word = self.word_at(offset)
        text = "" if word is None else self._said(word)
        return (word.lexeme.span, text) if word is not None and text else None

    def _said(self, word: Word) -> str:
        text = word.lexeme.text
        if word.target is not None and word.target.definition is not None:
            return self._of_definition(word, word.target)
        if word.parameter_of:
            [page] = self._found(word.parameter_of, "descriptor")
            return f"`{text}` of `{page.form}`: {dict(page.facts)[f'`{text}`']}"
        if word.kind == "argument" and word.target is not None:
            return f"`{text}`: a parameter of this motif"
        if word.kind == "label":
            return f"`{text}`: the name of this claim in tables and plots"
        if word.kind == "element":
            radius = COVALENT_RADIUS.get(text)
            known = f"covalent radius {radius:g} Å (Cordero 2008)" if radius is not None else "without a Cordero radius"
            return f"**{text}**, element {ATOMIC_NUMBER[text]}, {known}"
        if word.kind == "keyword":
            return f"`{text}`: {KEYWORDS.get(text, '')}" if text in KEYWORDS else ""
        if word.kind == "unit":
            text = self._whole_unit(word)
        if word.kind == "module" and word.target is not None:
            return (
                "\n\n".join(manual.as_markdown(p) for p in manual.find(word.target.source.name, self._pages))
                or f"`{word.target.source.name}`"
            )
        kind = _PAGES.get(word.kind)
        return "\n\n".join(manual.as_markdown(p) for p in self._found(text, kind)) if kind else ""

    def _found(self, name: str, kind: str) -> list[Page]:
        return [p for p in manual.find(name, self._pages) if p.kind == kind]

    def _whole_unit(self, word: Word) -> str:
        """``Å^3`` for the Å in it."""
        match = re.compile(r"[^\W\d]\w*(\^-?\d+)?(/\w+(\^\d+)?)?|[°º]").match(self.source.text, word.lexeme.start)
        return match[0] if match else word.lexeme.text

    def _of_definition(self, word: Word, target: Target) -> str:
        """The text of a definition, and for a parameter of this program the value that it has."""
        definition = target.definition
        assert definition is not None
        places = f"({', '.join(target.source.slice(p.span) for p in definition.places)})" if definition.kind == "motif" else ""
        body = target.source.slice(definition.body.span)
        parts = [f"```scout\n{definition.kind} {definition.name.text}{places} = {body}\n```"]
        program = self.result.program
        value = next((p.value for p in program.parameters if p.name == definition.name.text), "") if program else ""
        if definition.kind == "param" and value:
            parts.append(f"value: {value}; `--set {definition.name.text}=…` gives another")
        if target.source is not self.source and target.source.name.startswith(f"{LIBRARY}."):
            parts += [p.summary for p in manual.find(f"{target.source.name}.{definition.name.text}", self._pages)]
            parts.append(f"from `{target.source.name}`")
        return "\n\n".join(parts)

    # ---- names ----

    def definition(self, offset: int) -> tuple[Path | None, Source, Span] | None:
        """Where the name there was given: its file (None: this one), the text of it, the place."""
        word = self.word_at(offset)
        if word is None or word.target is None:
            return None
        target = word.target
        return self._path(target.source), target.source, target.span

    def _path(self, source: Source) -> Path | None:
        if source is self.source or source.name == self.source.name:
            return None
        if source.name.startswith(f"{LIBRARY}."):
            return resource("stdlib", f"{source.name.removeprefix(f'{LIBRARY}.')}.scout")
        assert source.folder is not None
        return source.folder / Path(source.name).name

    def uses(self, offset: int) -> list[Span]:
        """All places of the name there, the one that gives it among them. Empty where nothing can be renamed."""
        word = self.word_at(offset)
        if word is None or word.kind not in _RENAMED or word.target is None or self._path(word.target.source) is not None:
            return []
        return [w.lexeme.span for w in self.words if w.target is not None and w.kind in _RENAMED and w.target[:2] == word.target[:2]]

    def renamed(self, offset: int, name: str) -> list[Span]:
        """The places to change so that the name there is another one. Raises `ScoutError` E070 where the program would be wrong then."""
        spans = self.uses(offset)
        if not spans:
            raise ScoutError("E070", "there is no name to change here", "names of param, let, motif, its parameters, and labels can change")
        lexemes = parser.words(name)
        if [x.terminal for x in lexemes] != ["NAME"] or lexemes[0].text != name or name in reserved():
            raise ScoutError("E070", f"{quoted(name)} is no name", "names are letters, digits and _, and no words of the language")
        taken = {w.lexeme.text for w in self.words if w.kind not in ("comment", "string", "number", "operator")}
        if name in taken - {self.source.slice(spans[0])}:
            raise ScoutError("E070", f"{quoted(name)} is in use here", "choose another name")
        text = self.source.text
        for span in reversed(spans):
            text = text[: span.start] + name + text[span.end :]
        after = frontend.check(Source(self.source.name, text, self.source.folder), self._signatures)
        known, found = (Counter(d.code for d in r.diagnostics) for r in (self.result, after))
        wrong = next((d for d in after.diagnostics if d.severity == "error" and found[d.code] > known[d.code]), None)
        if wrong is not None:
            raise ScoutError(wrong.code, wrong.message, "choose another name")
        return spans

    # ---- outline ----

    def symbols(self) -> list[Symbol]:
        """The statements that can be read, in order."""
        return [_symbol(statement, self.source) for statement in self.result.module.statements]


def _symbol(statement: Statement, source: Source) -> Symbol:
    match statement:
        case Param(name=name) | Let(name=name) | Motif(name=name):
            return Symbol(name.text, statement.rule, statement.span, name.span)
    claim = getattr(statement, "claim", None)
    if isinstance(claim, Claim) and claim.label is not None:
        return Symbol(claim.label.name.text, statement.rule, statement.span, claim.label.name.span)
    return Symbol(" ".join(source.slice(statement.span).split()), statement.rule, statement.span, statement.verb_span)
