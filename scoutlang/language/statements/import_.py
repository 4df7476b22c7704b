"""``import std.polyhedra as poly``: motifs and groups from the standard library or from a file.

``import std.NAME`` reads a module of the library, ``import "motifs/mine.scout"`` a file in the
program's folder or below it. Its names are used with the name of the module in front,
``poly.octahedron(Cu, P)``; `as` chooses another name. A module holds `let`, `motif` and `import`
only.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from scoutlang.language.checking.scope import Import, Names, Scope
from scoutlang.language.diagnostics.messages import Message
from scoutlang.language.diagnostics.suggest import quoted
from scoutlang.language.statements.statement import Slip, Statement
from scoutlang.language.syntax.ast import Name, Reference, Text
from scoutlang.language.syntax.lexeme import Lexeme


class Import_(Statement):
    rule = "import"
    example = "import std.polyhedra as poly"
    usage = "require poly.tetrahedron(Cu, P)"
    defines = True
    takes = "modules"
    outline = "Module"

    what: Reference | Text
    alias: Name | None

    @classmethod
    def slip(cls, lexemes: Sequence[Lexeme], position: int) -> Slip | None:
        found = lexemes[position]
        if found.terminal == "NAME":
            return Slip(f"write `as {found.text}`", f"as {found.text}")
        if found.terminal == "SLASH":
            return Slip(
                "a module of the library has a dot: `std.polyhedra`; a file stands in quotes"
            )
        return None

    def text(self) -> str:
        what = self.what.text if isinstance(self.what, Reference) else f'"{self.what.text}"'
        return f"import {what} as {self.alias.text}" if self.alias else f"import {what}"

    def declare(self, scope: Scope, names: Names) -> None:
        alias = (
            self.alias.text
            if self.alias
            else self.what.names[-1].text
            if isinstance(self.what, Reference)
            else Path(self.what.text).stem
        )
        if not alias.isidentifier():
            scope.report(
                Message("E072", f"{quoted(alias)} is no name", "give it one: `as mine`"),
                self.what.span,
            )
            return
        if alias in names.imports:
            scope.report(
                Message("E070", f"`{alias}` is imported twice", "remove this one, or use `as`"),
                self.span,
                also=names.imports[alias].span,
            )
            return
        module = scope.files.module(self.what, self.what.span, scope, names)
        if module is None:
            names.failed.add(alias)
        else:
            names.imports[alias] = Import(module, self.span)

    def check(self, scope: Scope) -> None:
        """All was said when the module was read."""
