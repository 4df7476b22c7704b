"""Files that a program refers to: modules of motifs and groups, templates, patterns. Read within
the program's folder, with limits.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scoutlang import ir
from scoutlang.ir.source import Source, Span
from scoutlang.language.checking.scope import Names, Scope, Statement
from scoutlang.language.diagnostics import Diagnostic, messages
from scoutlang.language.diagnostics.suggest import closest, quoted
from scoutlang.language.reading import decode
from scoutlang.language.syntax.ast import Reference, Text
from scoutlang.support.encodings import decoded
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import followed
from scoutlang.support.resources import resource

LIBRARY = "std"
MAX_MODULES = 100
MAX_BYTES = 2_000_000

Parse = Callable[[Source], tuple[Sequence[Statement], Sequence[Diagnostic]]]


@dataclass
class Files:
    """What one program may read: the standard library, and files in its own folder."""

    folder: Path | None
    """Of the program; None for a text that is in no file."""
    parse: Parse
    """Turns a source into statements."""
    unsaved: Mapping[Path, str] = field(default_factory=dict)
    """Texts, by absolute path, that an editor holds; they stand for what is on disk."""
    looked_at: set[Path] = field(default_factory=set)
    """Files that the program names, whether they can be read or not, with links followed."""
    _modules: dict[str, Names] = field(default_factory=dict)
    _loading: list[str] = field(default_factory=list)

    def module(
        self, what: Reference | Text, span: Span, scope: Scope, inside: Names
    ) -> Names | None:
        """The names of a module, or None after a report. ``inside``: the file that imports it."""
        source = (
            self._library(what, scope)
            if isinstance(what, Reference)
            else self._neighbour(what, scope, inside)
        )
        if source is None:
            return None
        if source.name in self._loading:
            circle = " → ".join([*self._loading[self._loading.index(source.name) :], source.name])
            scope.report(messages.circular_imports(circle), span)
            return None
        if source.name not in self._modules:
            if len(self._modules) + len(self._loading) >= MAX_MODULES:
                scope.report(messages.too_many_modules(MAX_MODULES), span)
                return None
            self._loading.append(source.name)
            names = self._load(source, span, scope)
            self._loading.pop()
            if names is None:
                return None
            self._modules[source.name] = names
        return self._modules[source.name]

    def text(self, path: Text, suffixes: tuple[str, ...], scope: Scope) -> ir.TextFile | None:
        """A text file beside the program, or None after a report."""
        if Path(path.text).suffix.lower() not in suffixes:
            scope.report(messages.wrong_suffix(path.text, suffixes), path.span)
            return None
        source = self._read(path, scope, scope.current, "E079", _text_in)
        return None if source is None else ir.TextFile(path.text, source.text)

    def advice(self, name: str) -> str:
        """Where the library defines a name, for one that is unknown; empty where it does not."""
        definition = re.compile(rf"^(let|motif) {re.escape(name)}\b", re.MULTILINE)
        found = next((m for m in library() if definition.search(_text_of(m))), None)
        return f"`import {LIBRARY}.{found}` gives `{found}.{name}`" if found else ""

    def _library(self, what: Reference, scope: Scope) -> Source | None:
        names = [n.text for n in what.names]
        known = library()
        if names[0] != LIBRARY or len(names) != 2:
            text = (
                f"modules of the library are {LIBRARY}.{known[0]}, …; a file is written in quotes"
                if known
                else "a file is written in quotes"
            )
            meant = f"{LIBRARY}.{names[-1]}" if names[-1] in known else None
            text = f"did you mean `{meant}`?" if meant else text
            scope.report(messages.unknown_module(what.text, text, meant), what.span)
            return None
        if names[1] not in known:
            guess = closest(names[1], known)
            meant = f"{LIBRARY}.{guess}" if guess else None
            scope.report(messages.not_in_library(names[1], meant, known), what.span)
            return None
        return Source(what.text, _text_of(names[1]))

    def _neighbour(self, path: Text, scope: Scope, inside: Names) -> Source | None:
        if not path.text.endswith(".scout"):
            scope.report(messages.no_scout_file(path.text), path.span)
            return None
        return self._read(path, scope, inside, "E072")

    def _read(
        self,
        path: Text,
        scope: Scope,
        inside: Names,
        code: str,
        decoding: Callable[[bytes, str], Source] = decode,
    ) -> Source | None:
        """A file by its path relative to the file that names it; never outside of the program's
        folder.
        """
        if self.folder is None:
            scope.report(messages.in_no_folder(code), path.span)
            return None
        start = inside.source.folder or self.folder
        try:
            target = followed(start / path.text)
            root = followed(self.folder)
            if not target.is_relative_to(root):
                scope.report(messages.leaves_folder(code), path.span)
                return None
            if Path(path.text).is_absolute():
                beside = os.path.relpath(target, followed(start))
                scope.report(messages.absolute_path(code, Path(beside).as_posix()), path.span)
                return None
            self.looked_at.add(target)
            if target in self.unsaved:
                return Source(str(target.relative_to(root)), self.unsaved[target], target.parent)
            if not target.is_file():
                scope.report(
                    messages.no_such_file(code, path.text, _near(path.text, target, root)),
                    path.span,
                )
                return None
            with open(target, "rb") as file:
                data = file.read(MAX_BYTES + 1)
            if len(data) > MAX_BYTES:
                scope.report(
                    messages.file_too_large(code, path.text, MAX_BYTES // 1_000_000), path.span
                )
                return None
            found = decoding(data, str(target.relative_to(root)))
            return Source(found.name, found.text, target.parent)
        except ScoutError:
            scope.report(messages.file_is_no_text(code, path.text), path.span)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            scope.report(messages.unreadable_file(code, path.text, reason), path.span)
        return None

    def _load(self, source: Source, span: Span, scope: Scope) -> Names | None:
        """The definitions of a module. Its statements that are not definitions, and its errors,
        make it unusable.
        """
        statements, diagnostics = self.parse(source)
        if diagnostics:
            first = diagnostics[0]
            line = source.line_col(first.primary.span.start)[0] if first.primary else 1
            scope.report(messages.module_has_errors(source.name, line, first.message), span)
            return None
        names = Names(source)
        for statement in statements:
            if not statement.defines:
                line = source.line_col(statement.span.start)[0]
                scope.report(messages.no_module(source.name, line, statement.rule), span)
                return None
            before = len(scope.diagnostics)
            with scope.inside(names, span):
                statement.declare(scope, names)
            if len(scope.diagnostics) > before:
                return None
        return names


def _text_in(data: bytes, name: str) -> Source:
    """The text of a file that no user of scoutlang wrote, in any encoding. Raises ScoutError E002
    where it is none.
    """
    try:
        text = decoded(data)
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ScoutError("E002", f"{name}: this is a binary file")
    return Source(name, text)


def _near(text: str, target: Path, root: Path) -> str:
    """Where a file was looked for, or one with a similar name there."""
    folder = target.parent
    near = (
        closest(
            target.name,
            [p.name for p in folder.glob(f"*{target.suffix}") if p.is_file()][:1000],
        )
        if folder.is_dir()
        else None
    )
    if near:
        return f"did you mean {quoted(Path(text).with_name(near).as_posix())}?"
    return (
        "looked beside the program"
        if folder == root
        else f"looked in {quoted(folder.relative_to(root).as_posix())}, beside the program"
    )


def library() -> tuple[str, ...]:
    """Names of the modules of the standard library."""
    folder = resource("stdlib")
    return tuple(
        sorted(p.name.removesuffix(".scout") for p in folder.iterdir() if p.name.endswith(".scout"))
    )


def _text_of(module: str) -> str:
    return resource("stdlib", f"{module}.scout").read_text(encoding="utf-8")
