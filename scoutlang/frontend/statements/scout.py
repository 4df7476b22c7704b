"""``scout 1``: the version of the language that the file is written in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from scoutlang.frontend.ast import Number, Parts, Statement
from scoutlang.frontend.scope import Scope
from scoutlang.ir import LANGUAGE_VERSION
from scoutlang.source import Span


@dataclass(frozen=True)
class Scout(Statement):
    rule = "scout"
    example = "scout 1"
    once = True
    precedence = 0

    version: Number

    @classmethod
    def build(cls, span: Span, parts: Parts) -> Self:
        return cls(span, parts.one(Number))

    def check(self, scope: Scope) -> None:
        if self.version.value > LANGUAGE_VERSION:
            message = f"this program is written for scout {self.version.text}; this installation knows versions up to {LANGUAGE_VERSION}"
            scope.report("E005", message, self.version.span, "install a newer scoutlang")
        elif self.version.text != str(int(self.version.value)) or self.version.value < 1:
            scope.report("E005", f"`{self.version.text}` is no version of the language", self.version.span, f"write {LANGUAGE_VERSION}")
        if scope.first_statement is not self:
            scope.report("E026", "`scout` comes first", self.span, "make it the first statement of the file")
