"""What is known of a program while its statements are checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

from scoutlang.ir import (
    LANGUAGE_VERSION,
    AtomRange,
    Guide,
    Keep,
    ParameterValue,
    Relax,
    Sample,
    Start,
    Sweep,
    Symmetry,
    Term,
    TextFile,
)
from scoutlang.ir.settings import Table
from scoutlang.ir.signatures import DescriptorSignature
from scoutlang.ir.source import Source, Span
from scoutlang.language.diagnostics import Diagnostic, Label, messages
from scoutlang.language.diagnostics.messages import Message
from scoutlang.language.syntax.ast import Name, Node, Place, Range, Reference, Text

MAX_EXPANSIONS, MAX_TOTAL = 5_000, 20_000
"""Definitions that one use of a definition leads to, and all in one program."""

MAX_SAME = 100
"""Messages with the same code."""


@dataclass
class Definition:
    """What a name stands for: an expression with the names that it may use."""

    name: Name
    kind: str
    """The statement that defines it, or ``argument`` of a motif."""
    body: Node
    names: Names
    places: tuple[Place, ...] | None = None
    """Parameters of what is called; None where it takes no arguments."""
    group: bool = False
    """Whether it may name species of which only those in the system are meant."""
    usual: Node | None = None
    """Of what can be set from outside, the value in the program."""
    range: Range | None = None
    """The values that it may be set to, if not any."""
    local: Mapping[str, Definition] = field(default_factory=dict)
    """Arguments in whose scope it was written."""
    enclosing: tuple[Definition, ...] | None = None
    """Of an argument, the definitions whose text it was written in; None where it is read in its
    place.
    """
    used: bool = False


@dataclass
class Import:
    """A module under a name."""

    names: Names
    span: Span
    used: bool = False


class Names:
    """The names of one file: its definitions and its imports."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.definitions: dict[str, Definition] = {}
        self.imports: dict[str, Import] = {}
        # Imports that were reported, so that their uses are not.
        self.failed: set[str] = set()
        # The version of the language that the file is written in, if it says so.
        self.version: float | None = None


class Statement(Protocol):
    """What is known of statements here; `statements.statement` has the class."""

    rule: ClassVar[str]
    defines: ClassVar[bool]

    @property
    def span(self) -> Span: ...

    def declare(self, scope: Scope, names: Names) -> None: ...


class Files(Protocol):
    """The files that a program may read (`imports.Files`)."""

    def parse(self, source: Source, /) -> tuple[Sequence[Statement], Sequence[Diagnostic]]:
        """The statements of a text, and what is wrong with it."""

    def module(
        self, what: Reference | Text, span: Span, scope: Scope, inside: Names
    ) -> Names | None:
        """The names of a module, or None after a report. ``inside``: the file that imports it."""

    def text(self, path: Text, suffixes: tuple[str, ...], scope: Scope) -> TextFile | None:
        """A text file beside the program, or None after a report."""

    def advice(self, name: str) -> str:
        """Where the library defines a name, for one that is unknown; empty where it does not."""


@dataclass(frozen=True)
class _Frame:
    """A definition that is being used or a module that is being read."""

    title: str
    names: Names
    call: Span
    """Where the program asks for it."""
    definition: Definition | None = None
    enclosing: tuple[Definition, ...] = ()
    """The definitions, itself included, whose text leads here."""


class Scope:
    """Filled by the statements in turn; the checker makes the program of it."""

    def __init__(
        self,
        source: Source,
        signatures: Mapping[str, DescriptorSignature],
        statements: Sequence[Statement],
        files: Files,
        overrides: Mapping[str, str],
        tables: Mapping[str, Table],
    ) -> None:
        self.source = source
        self.signatures = signatures
        self.statements = tuple(statements)
        self.files = files
        # Values from outside, of parameters and settings.
        self.overrides = overrides
        # Statement → its settings.
        self.tables = tables
        self.names = Names(source)
        self.diagnostics: list[Diagnostic] = []
        # The declared elements. While there are none, names of elements are not compared with them.
        self.system: tuple[str, ...] = ()
        self.system_span = Span(0, 0)
        self.atoms: AtomRange | None = None
        self.formula: tuple[tuple[str, int], ...] | None = None
        self.symmetry: Symmetry | None = None
        self.keep: Keep | None = None
        self.start: Start | None = None
        self.guide = Guide()
        self.sample = Sample()
        self.relax = Relax()
        self.terms: list[Term] = []
        self.parameters: list[ParameterValue] = []
        self.sweeps: list[Sweep] = []
        # Names of terms, given or made up, and where; how often a made-up one was taken already.
        self.labels: dict[str, Span] = {}
        self.repeats: Counter[str] = Counter()
        # Of the current claim: its descriptors without a gradient; parameters for every descriptor
        # that has them, and which of those were used.
        self.judged_only: list[tuple[str, Span]] = []
        self.ambient: Mapping[str, Node] = {}
        self.ambient_used: set[str] = set()
        # Definitions that were unfolded from the outermost one, and before it.
        self.expansions = self.unfolded = 0
        # Of expressions inside of each other.
        self.depth = 0
        self._frames: list[_Frame] = []
        self._reported: set[tuple[str, str, Span]] = set()
        self._counts: Counter[str] = Counter()

    # ---- messages ----

    def report(self, message: Message, span: Span, *, also: Span | None = None) -> None:
        """Add a message about ``span``, with a second place, if any.

        Inside a definition of another file the message is about the place that uses it.
        """
        code, what, text, replacement, help, _ = message
        second = None if also is None else Label(also, message.also)
        if self._frames:
            used, source = self._frames[0].call, self.current.source
            if source is not self.source:
                where = self._where(source, span)
                text = f"{where}: {text}" if text else where
                span, second, replacement = used, None, None
            elif not (used.start <= span.start and span.end <= used.end):
                second = second or Label(used, "used here")
        if (code, what, span) in self._reported:
            return
        self._reported.add((code, what, span))
        self._counts[code] += 1
        if self._counts[code] > MAX_SAME:
            return
        if self._counts[code] == MAX_SAME:
            help = f"more messages {code} are not shown"
        self.diagnostics.append(
            Diagnostic.at(code, what, span, text, also=second, help=help, replacement=replacement)
        )

    def _where(self, source: Source, span: Span) -> str:
        """A place in another file, in words."""
        title, line = self._frames[0].title, source.line_col(span.start)[0]
        if title == source.name:
            return f"in {source.name}, line {line}"
        return f"in {title} ({source.name}, line {line})"

    def slice(self, span: Span) -> str:
        """The text of a place in the file that is being read."""
        return self.current.source.slice(span)

    # ---- names ----

    @property
    def current(self) -> Names:
        """The names of the file whose text is being read."""
        return self._frames[-1].names if self._frames else self.names

    @property
    def version(self) -> float:
        """The version of the language that the text is written in which is being read."""
        return self.current.version or self.names.version or LANGUAGE_VERSION

    @property
    def enclosing(self) -> tuple[Definition, ...]:
        """The definitions whose text is being read, outermost first; an argument is read in the
        text that gives it.
        """
        return self._frames[-1].enclosing if self._frames else ()

    @contextmanager
    def using(self, definition: Definition, call: Span) -> Iterator[bool]:
        """While the body of a definition is read; False when it is being read already, or too much
        was.
        """
        if not self._frames:
            self.unfolded, self.expansions = min(self.unfolded + self.expansions, MAX_TOTAL), 0
        self.expansions += 1
        enclosing = self.enclosing if definition.enclosing is None else definition.enclosing
        circular = any(d is definition for d in enclosing)
        allowed = min(MAX_EXPANSIONS, MAX_TOTAL - self.unfolded)
        if circular or self.expansions > allowed:
            if circular:
                self.report(messages.circular(definition.name.text), call)
            elif self.expansions == allowed + 1:
                limit = (
                    f"{MAX_EXPANSIONS} uses of definitions from here, or {MAX_TOTAL} in the program"
                )
                self.report(messages.too_much(limit), call)
            yield False
            return
        frame = _Frame(
            definition.name.text,
            definition.names,
            self._outermost(call),
            definition,
            (*enclosing, definition),
        )
        self._frames.append(frame)
        try:
            yield True
        finally:
            self._frames.pop()

    @contextmanager
    def inside(self, names: Names, call: Span) -> Iterator[None]:
        """While the statements of a module are read."""
        self._frames.append(_Frame(names.source.name, names, self._outermost(call)))
        try:
            yield
        finally:
            self._frames.pop()

    def _outermost(self, call: Span) -> Span:
        """The place in the program itself that led here."""
        return self._frames[0].call if self._frames else call

    @property
    def in_group(self) -> bool:
        """Whether the text of a group is being read, where a set may name elements that this system
        lacks.
        """
        return any(f.definition is not None and f.definition.group for f in self._frames)

    def place(self, span: Span) -> Span:
        """A place in the file that is being read as one in the program itself: what led there, if
        it is another file.
        """
        return span if self.current.source is self.source else self._frames[0].call

    def begin_claim(self, ambient: Mapping[str, Node]) -> None:
        self.judged_only, self.ambient, self.ambient_used = [], ambient, set()

    def declare_system(self, symbols: tuple[str, ...], span: Span) -> None:
        self.system, self.system_span = symbols, span
