"""``scout 1.1``: the version of the language that the file is written in.

Optional, the first statement of the file; without it the newest version is meant. A file that says
``scout 1`` means what it meant. A file for a newer version than the installed one is refused; the
manual has the table of versions. A module without the line is of the version of the program.
"""

from __future__ import annotations

from scoutlang.ir import LANGUAGE_VERSION, VERSIONS
from scoutlang.language.checking.scope import Names, Scope
from scoutlang.language.diagnostics.messages import Message
from scoutlang.language.diagnostics.suggest import listing
from scoutlang.language.statements.statement import Statement
from scoutlang.language.syntax.ast import Number


class Scout(Statement):
    rule = "scout"
    example = "scout 1.1"
    usage = "system Cu-Si-P-Ca"
    once = True
    defines = True
    precedence = 0

    version: Number

    def text(self) -> str:
        return f"scout {self.version.text}"

    def declare(self, scope: Scope, names: Names) -> None:
        names.version = VERSIONS.get(self.version.text)
        if self.version.value > LANGUAGE_VERSION:
            message = (
                f"this program is written for scout {self.version.text}; "
                f"this installation knows versions up to {LANGUAGE_VERSION}"
            )
            scope.report(
                Message(
                    "E005", message, "install a newer scoutlang: pip install --upgrade scoutlang"
                ),
                self.version.span,
            )
        elif names.version is None:
            scope.report(
                Message(
                    "E005",
                    f"`{self.version.text}` is no version of the language",
                    f"write {listing(VERSIONS)}",
                ),
                self.version.span,
            )

    def check(self, scope: Scope) -> None:
        if scope.statements[0] is not self:
            scope.report(
                Message("E026", "`scout` comes first", "make it the first statement of the file"),
                self.span,
            )
