"""What can be said about one program at one moment: hover, definitions, names to change, symbols,
colours. Free of the protocol.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from scoutlang import language
from scoutlang.interfaces import completion, manual
from scoutlang.interfaces.given import with_given
from scoutlang.interfaces.lsp.positions import Positions
from scoutlang.interfaces.lsp.tokens import Target, Word, classified
from scoutlang.interfaces.manual import Page
from scoutlang.interfaces.words import KEYWORDS
from scoutlang.ir import Compare, Each, Measure, Some
from scoutlang.ir.elements import ATOMIC_NUMBER, COVALENT_RADIUS
from scoutlang.ir.signatures import DescriptorSignature
from scoutlang.ir.source import Source, Span
from scoutlang.ir.text import setting_text
from scoutlang.language import CheckResult
from scoutlang.language.checker import declared
from scoutlang.language.checking.imports import LIBRARY
from scoutlang.language.checking.scope import Definition, Names
from scoutlang.language.diagnostics import Diagnostic
from scoutlang.language.statements import SETTINGS
from scoutlang.language.statements.import_ import Import_
from scoutlang.language.statements.statement import Claiming, Defining, Module, Statement
from scoutlang.language.syntax.ast import Claim, Comparison, Label, Quantified, Text
from scoutlang.support.files import followed
from scoutlang.support.resources import resource
from scoutlang.support.shown import code_block, code_span

_RENAMED = frozenset({"variable", "macro", "argument", "label"})
# most programs import no files, and need not be read a second time
_IMPORT = re.compile(r'\bimport\s*"')
# kinds of words that have pages of the same kind in the manual
_WITH_PAGE = frozenset({"statement", "function", "descriptor", "setting", "unit"})


class Symbol(NamedTuple):
    """A statement for the outline."""

    name: str
    """What it defines, its label, or its text."""
    rule: str
    outline: str
    """What editors show it as."""
    span: Span
    name_span: Span


class Calling(NamedTuple):
    """A call that is being written."""

    name: str
    places: Sequence[tuple[str, str]]
    """What it takes, each with what there is to say about it."""
    about: str
    active: int
    """The place that is written now."""


class Given(NamedTuple):
    """A name that a program gave."""

    here: Span
    """The place that was asked about."""
    path: Path | None
    """Of the file that gives it; None for a text in no file."""
    defined: Span
    """The place there."""


class Document:
    """A program as it stands in an editor.

    pages: those of the manual, which are asked for when a word is explained first. unsaved: texts
    of files as editors hold them. root: the folder that imports may name files of, if not that of
    the program.
    """

    def __init__(
        self,
        source: Source,
        signatures: Mapping[str, DescriptorSignature],
        pages: Callable[[], Sequence[Page]],
        unsaved: Mapping[Path, str] | None = None,
        root: Path | None = None,
    ) -> None:
        self.source = source
        self._signatures = signatures
        self._manual = pages
        self._unsaved = unsaved or {}
        self._root = root

    @property
    def _pages(self) -> Sequence[Page]:
        return self._manual()

    @cached_property
    def result(self) -> CheckResult:
        return with_given(language.check(self.source, self._signatures, unsaved=self._unsaved))

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Those of the checker; a file of definitions is a module for other programs, which needs
        no system.
        """
        statements = self.result.module.statements
        is_module = all(s.defines for s in statements) and any(
            isinstance(s, Defining) for s in statements
        )
        return tuple(d for d in self.result.diagnostics if not (is_module and d.code == "E020"))

    @property
    def is_program(self) -> bool:
        """Whether it says what a program must say, so that no other file can import it."""
        return any(s.required for s in self.result.module.statements)

    @cached_property
    def path(self) -> Path | None:
        """The file, with links followed; None for a text that is in none."""
        return _path_of(self.source)

    @cached_property
    def positions(self) -> Positions:
        return Positions(self.source.text)

    @cached_property
    def _declared(self) -> tuple[Module, Names]:
        return declared(
            self.source, module=self.result.module, root=self._root, unsaved=self._unsaved
        )

    @property
    def names(self) -> Names:
        return self._declared[1]

    @cached_property
    def imported_files(self) -> frozenset[Path]:
        """The files that its imports name, whether they can be read or not."""
        named = (s.what for s in self._declared[0].statements if isinstance(s, Import_))
        if self.source.folder is None or not _IMPORT.search(self.source.text):
            return frozenset()
        paths = (resolved(self.source.folder / w.text) for w in named if isinstance(w, Text))
        return frozenset(p for p in paths if p is not None)

    def depends_on(self, files: frozenset[Path]) -> bool:
        """Whether what is known of it depends on one of these files."""
        result = self.__dict__.get("result")  # what was not asked for is not known
        return result is not None and not files.isdisjoint(result.files)

    @property
    def unread_files(self) -> frozenset[Path]:
        """Those of them that cannot be used now."""
        read = {_path_of(i.names.source) for i in self.names.imports.values()}
        return self.imported_files - read

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
            return f"{code_span(text)}: a parameter of this motif"
        if word.kind == "label":
            return f"{code_span(text)}: the name of this claim in tables and plots"
        if word.kind == "element":
            known = "without a Cordero radius"
            if text in COVALENT_RADIUS:
                known = f"covalent radius {COVALENT_RADIUS[text]:g} Å (Cordero 2008)"
            return f"**{text}**, element {ATOMIC_NUMBER[text]}, {known}"
        if word.kind == "keyword":
            return f"`{text}`: {KEYWORDS.get(text, '')}" if text in KEYWORDS else ""
        if word.kind == "unit":
            text = self._whole_unit(word)
        if word.kind == "module" and word.target is not None:
            name = word.target.source.name
            return "\n\n".join(map(manual.as_markdown, self._found(name))) or code_span(name)
        pages = self._found(text, word.kind) if word.kind in _WITH_PAGE else []
        if word.kind == "setting":
            return "\n\n".join(self._of_setting(word, pages))
        return "\n\n".join(map(manual.as_markdown, pages))

    def _of_setting(self, word: Word, pages: Sequence[Page]) -> Iterator[str]:
        """The page of a setting of this statement, and what it is in this program if that is
        right.
        """
        name = word.lexeme.text
        start, statements = word.lexeme.start, self.result.module.statements
        rule = next((s.rule for s in statements if s.span.start <= start < s.span.end), "")
        for page in pages:
            if rule not in SETTINGS or page.form.startswith(f"{rule} "):
                yield manual.as_markdown(page)
        if self.result.program is not None and name in SETTINGS.get(rule, {}):
            settings = getattr(self.result.program, rule)
            value = getattr(settings, SETTINGS[rule][name].field)
            yield f"in this program: {code_span(setting_text(value))}"

    def _found(self, name: str, kind: str = "") -> list[Page]:
        """The pages of a name; of that kind, if one is given."""
        return [p for p in manual.find(name, self._pages) if kind in ("", p.kind)]

    def _whole_unit(self, word: Word) -> str:
        """``Å^3`` for the Å in it."""
        match = re.compile(r"[^\W\d]\w*(\^-?\d+)?(/\w+(\^\d+)?)?|[°º]").match(
            self.source.text, word.lexeme.start
        )
        return match[0] if match else word.lexeme.text

    def _of_definition(self, word: Word, target: Target) -> str:
        """The text of a definition, and for a parameter of this program the value that it has."""
        source, definition = target.source, target.definition
        assert definition is not None
        name, places = definition.name.text, ""
        if definition.places is not None:
            places = f"({', '.join(source.slice(p.span) for p in definition.places)})"
        body = source.slice(definition.body.span)
        parts = [code_block(f"{definition.kind} {name}{places} = {body}", "scout")]
        parameters = self.result.program.parameters if self.result.program else ()
        value = next((p.value for p in parameters if p.name == name), "")
        if definition.usual is not None and value:
            parts.append(f"value: {code_span(value)}; `--set {name}=…` gives another")
        if source is not self.source and source.name.startswith(f"{LIBRARY}."):
            parts += [p.summary for p in self._found(f"{source.name}.{name}")]
            parts.append(f"from `{source.name}`")
        return "\n\n".join(parts)

    def call_at(self, offset: int) -> Calling | None:
        """What the brackets at an offset take, and which of it is written there."""
        call = completion.called(
            self.source.text, offset, folder=self.source.folder, unsaved=self._unsaved
        )
        if call is None or call.what is None:
            return None
        match call.what:
            case Definition(places=None):
                return None
            case Definition() as motif:
                source, given = motif.names.source, motif.places or ()
                about = next((p.summary for p in self._found(f"{source.name}.{call.name}")), "")
                names = [place.name.text for place in given]
                places = [(" ".join(source.slice(place.span).split()), "") for place in given]
            case DescriptorSignature(species=species, parameters=parameters):
                [page] = self._found(call.name, "descriptor")
                about, facts = page.summary, dict(page.facts)
                names = [*([""] if species else []), *(p.name for p in parameters)]
                chain = "-".join("ABCD"[:species])
                places = [(f"{n}=…" if n else chain, facts.get(f"`{n}`", "")) for n in names]
            case function:
                return Calling(call.name, [("…", "")], function.summary, 0)
        named = call.parameter and call.parameter in names
        active = names.index(call.parameter) if named else call.number
        return Calling(call.name, places, about, active)

    # ---- what is not written ----

    def tolerances(self) -> Iterator[tuple[int, str]]:
        """Places behind a ``= 4`` without a tolerance, and the one that is meant; of claims that
        are one comparison, in a right program.
        """
        terms = (
            {t.location.start: t for t in self.result.program.terms} if self.result.program else {}
        )
        for statement in self.result.module.statements:
            claim, term = getattr(statement, "claim", None), terms.get(statement.span.start)
            if not isinstance(claim, Claim) or term is None:
                continue
            written, meant = claim.body, term.claim
            while isinstance(written, Quantified):
                written = written.operand
            while isinstance(meant, Each | Some):
                meant = meant.of
            if (
                not isinstance(written, Comparison)
                or not isinstance(meant, Compare)
                or self._is_category(meant.value)
            ):
                continue
            [link, *more] = written.links
            if (
                not more
                and link.tolerance is None
                and meant.relation.op == "="
                and meant.relation.tolerance is not None
            ):
                space = "" if meant.unit in ("", "°") else " "
                within = "<" if meant.relation.strict else ""
                yield link.span.end, f"± {within}{meant.relation.tolerance:g}{space}{meant.unit}"

    def _is_category(self, value: object) -> bool:
        return (
            isinstance(value, Measure)
            and self._signatures[value.descriptor].dimension == "category"
        )

    # ---- names ----

    def definition(self, offset: int) -> tuple[Path | None, Source, Span] | None:
        """Where the name there was given: its file (None: this one), the text of it, the place."""
        word = self.word_at(offset)
        if word is None or word.target is None:
            return None
        target = word.target
        path = self._path(target.source)
        return None if path == self.path else path, target.source, target.span

    def _path(self, source: Source) -> Path | None:
        return self.path if source is self.source else _path_of(source)

    def name_at(self, offset: int) -> Given | None:
        """The name there that a program gave, and where; None where nothing has such a name."""
        word = self.word_at(offset)
        if word is None or word.kind not in _RENAMED or word.target is None:
            return None
        return Given(word.lexeme.span, self._path(word.target.source), word.target.span)

    def uses(self, given: Given) -> list[Span]:
        """All places of a name in this text, the one that gives it among them."""
        named = (
            (w.lexeme.span, w.target)
            for w in self.words
            if w.target is not None and w.kind in _RENAMED
        )
        return [
            span
            for span, target in named
            if target.span == given.defined and self._path(target.source) == given.path
        ]

    def taken(self, name: str) -> bool:
        """Whether a name means something here."""
        return any(
            w.lexeme.text == name
            for w in self.words
            if w.kind not in ("comment", "string", "number", "operator")
        )

    # ---- outline ----

    def symbols(self) -> list[Symbol]:
        """The statements that can be read, in order."""
        return [_symbol(statement, self.source) for statement in self.result.module.statements]


def _path_of(source: Source) -> Path | None:
    """The file of a module; None for a text that is in none."""
    if source.name.startswith(f"{LIBRARY}."):
        return followed(resource("stdlib", f"{source.name.removeprefix(f'{LIBRARY}.')}.scout"))
    return None if source.folder is None else resolved(source.folder / Path(source.name).name)


def resolved(path: Path) -> Path | None:
    """With links followed; None for what is no path."""
    try:
        return followed(path)
    except (OSError, ValueError, RuntimeError):
        return None


def _symbol(statement: Statement, source: Source) -> Symbol:
    name, place = " ".join(source.slice(statement.span).split()), statement.verb_span
    match statement:
        case Defining(name=given):
            name, place = given.text, given.span
        case Claiming(claim=Claim(label=Label(name=given))):
            name, place = given.text, given.span
    return Symbol(name, statement.rule, statement.outline, statement.span, place)
