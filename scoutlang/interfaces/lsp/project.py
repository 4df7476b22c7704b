"""Names across files: where a name is used, and what changes in which file so that it is called
otherwise.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from scoutlang import language
from scoutlang.interfaces.given import with_given
from scoutlang.interfaces.lsp.document import Document, Given
from scoutlang.interfaces.manual import Page
from scoutlang.interfaces.words import reserved
from scoutlang.ir.signatures import DescriptorSignature
from scoutlang.ir.source import Source, Span
from scoutlang.language import parser
from scoutlang.language.diagnostics.suggest import quoted
from scoutlang.language.reading import read_source
from scoutlang.support.errors import ScoutError
from scoutlang.support.files import followed
from scoutlang.support.resources import resource

MAX_ENTRIES = 20_000
"""Files and folders that are looked at for programs that import a file."""


class Uses(NamedTuple):
    """The places of a name in one text."""

    document: Document
    spans: list[Span]


@dataclass(frozen=True)
class Project:
    """What an editor has open. texts: of files, by absolute path. folders: that it works in. pages:
    of the manual.
    """

    signatures: Mapping[str, DescriptorSignature]
    pages: Callable[[], Sequence[Page]]
    texts: Mapping[Path, str]
    folders: Sequence[Path]

    def uses(self, document: Document, given: Given) -> list[Uses]:
        """All places of a name, in the file that gives it first; those of a name of the library in
        what is open only.
        """
        try:
            documents = self._documents(document, given)
        except ScoutError:
            documents = [document]
        return [Uses(d, spans) for d in documents if (spans := d.uses(given))]

    def changeable(self, document: Document, offset: int) -> Given:
        """The name at a place. Raises `ScoutError` E070 where it cannot be changed."""
        given = document.name_at(offset)
        if given is None:
            raise ScoutError(
                "E070",
                "there is no name to change here",
                "names of param, let, motif, its parameters, and labels can change",
            )
        if _of_library(given):
            raise ScoutError(
                "E070",
                f"{quoted(document.source.slice(given.here))} belongs to the library",
                "give it a name of your own with `let` or `motif`",
            )
        return given

    def renamed(self, document: Document, offset: int, name: str) -> list[Uses]:
        """The places to change, in all files, so that the name there is another one.

        Raises `ScoutError` E070 where a program would be wrong or mean something else then, or
        where not all files can be changed.
        """
        given = self.changeable(document, offset)
        lexemes = [(x.terminal, x.text) for x in parser.words(name)]
        if lexemes != [("NAME", name)] or name in reserved():
            raise ScoutError(
                "E070",
                f"{quoted(name)} is no name",
                "names are letters, digits and _, and no words of the language",
            )
        documents = self._documents(document, given)
        home, old = documents[0], document.source.slice(given.here)
        if home.source.slice(given.defined) != old:
            raise ScoutError("E070", "a file has changed meanwhile", "save all files and try again")
        if name != old and home.taken(name):
            raise ScoutError("E070", f"{quoted(name)} is in use here", "choose another name")
        unread = next((d for d in documents if given.path in d.unread_files), None)
        if unread is not None:
            raise ScoutError(
                "E070",
                f"{unread.source.name} imports this file and cannot use it now",
                "mend the errors first, in both",
            )
        found = [Uses(d, spans) for d in documents if (spans := d.uses(given))]
        self._try(found, name)
        return found

    def _try(self, found: Sequence[Uses], name: str) -> None:
        """Raises the first error that the change would bring."""
        after = [
            Source(d.source.name, _replaced(d.source.text, spans, name), d.source.folder)
            for d, spans in found
        ]
        changed = list(zip((use.document for use in found), after, strict=True))
        texts = {**self.texts, **{d.path: s.text for d, s in changed if d.path is not None}}
        for document, source in changed:
            result = with_given(language.check(source, self.signatures, unsaved=texts))
            known, now = (Counter(d.code for d in r.diagnostics) for r in (document.result, result))
            for d in result.diagnostics:
                if d.severity == "error" and now[d.code] > known[d.code]:
                    raise ScoutError(d.code, d.message, "choose another name")

    def _documents(self, asked: Document, given: Given) -> list[Document]:
        """The text that gives a name, first, and those that may use it. Raises `ScoutError` E070
        where a folder holds too much.
        """
        if given.path is None:
            return [asked]
        root = self._root(given.path)
        home = asked if given.path == asked.path else self._document(given.path, root)
        if home is None:
            raise ScoutError("E070", f"{given.path.name} cannot be read", "is it still there?")
        if home.is_program:
            return [home]
        paths = {*self.texts, *([] if _of_library(given) else _programs(root))} - {
            given.path,
            asked.path,
        }
        others = (
            self._document(p, root if p.is_relative_to(root) else p.parent, given.path.stem)
            for p in sorted(paths)
        )
        return [home, *([] if home is asked else [asked]), *(d for d in others if d is not None)]

    def _root(self, path: Path) -> Path:
        """The folder whose programs may import a file, as far as that is known: that of the
        workspace, or its own.
        """
        folders = [f for f in self.folders if path.is_relative_to(f)]
        return min(folders, key=lambda f: len(f.parts), default=path.parent)

    def _document(self, path: Path, root: Path, naming: str = "") -> Document | None:
        """A file that is open or on disk; None where it cannot be read or does not hold a text."""
        text = self.texts.get(path)
        if text is None:
            try:
                text = read_source(path).text
            except ScoutError:
                return None
        if naming not in text:
            return None
        return Document(
            Source(str(path), text, path.parent), self.signatures, self.pages, self.texts, root
        )


def _of_library(given: Given) -> bool:
    return given.path is not None and given.path.is_relative_to(followed(resource("stdlib")))


def _programs(root: Path) -> Iterator[Path]:
    """The .scout files in a folder and below it, but for what is hidden."""
    entries = 0
    for folder, folders, files in os.walk(root):
        entries += len(folders) + len(files)
        if entries > MAX_ENTRIES:
            raise ScoutError(
                "E070",
                f"{root} holds more than {MAX_ENTRIES} files, too many to look for what imports "
                "this one",
                "open a smaller folder",
            )
        folders[:] = [f for f in folders if not f.startswith(".")]
        yield from (followed(Path(folder, f)) for f in files if f.endswith(".scout"))


def _replaced(text: str, spans: Sequence[Span], name: str) -> str:
    for span in sorted(spans, reverse=True):
        text = text[: span.start] + name + text[span.end :]
    return text
