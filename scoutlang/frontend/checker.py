"""Syntax tree → program: the statements are checked in turn, and all that is wrong is reported in one go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scoutlang.diagnostics import Diagnostic, Label
from scoutlang.frontend.ast import Module, Statement
from scoutlang.frontend.parser import MAX_ERRORS, parse, too_many_errors
from scoutlang.frontend.scope import Scope
from scoutlang.ir import Program
from scoutlang.signatures import DescriptorSignature
from scoutlang.source import Source


@dataclass(frozen=True)
class CheckResult:
    """What checking found. ``program`` is None when there are errors; ``module`` holds the statements that could be read."""

    source: Source
    module: Module
    diagnostics: tuple[Diagnostic, ...]
    program: Program | None

    @property
    def ok(self) -> bool:
        return self.program is not None


def check(source: Source, signatures: Mapping[str, DescriptorSignature]) -> CheckResult:
    """Check a program against the catalogue of descriptors. Raises nothing, whatever the text."""
    parsed = parse(source)
    statements = parsed.module.statements
    scope = Scope(source, signatures, statements)
    scope.diagnostics.extend(parsed.diagnostics)
    for statement in sorted(_without_repeats(statements, scope), key=lambda s: s.precedence):
        statement.check(scope)
        if len(scope.diagnostics) >= MAX_ERRORS + len(parsed.diagnostics):
            scope.diagnostics.append(too_many_errors())
            break
    unread = any(d.primary is None or d.code in ("E002", "E006") for d in parsed.diagnostics)
    if not unread and "system" not in {s.rule for s in statements} | parsed.broken:
        nothing = not statements and not parsed.diagnostics
        message = "the program is empty" if nothing else "there is no `system`"
        scope.diagnostics.append(Diagnostic("E020", message, help="name the elements first, for example: system Cu-Si-P-Ca"))
    diagnostics = tuple(sorted(scope.diagnostics, key=lambda d: d.start))
    program = None if any(d.severity == "error" for d in diagnostics) else _program(source, scope)
    return CheckResult(source, parsed.module, diagnostics, program)


def _without_repeats(statements: tuple[Statement, ...], scope: Scope) -> list[Statement]:
    first: dict[str, Statement] = {}
    kept = []
    for statement in statements:
        if statement.once and statement.rule in first:
            before = Label(first[statement.rule].verb_span, "first here")
            scope.report("E021", f"`{statement.rule}` appears twice", statement.verb_span, "remove this one, or merge the two", also=before)
            continue
        first.setdefault(statement.rule, statement)
        kept.append(statement)
    return kept


def _program(source: Source, scope: Scope) -> Program:
    return Program(
        # A file name may hold bytes that are no text; the program must be writable as JSON all the same.
        source_name=source.name.encode("utf-8", "backslashreplace").decode(),
        source_text=source.text,
        system=scope.system,
        atoms=scope.atoms,
        terms=tuple(scope.terms),
        guide=scope.guide,
        sample=scope.sample,
    )
