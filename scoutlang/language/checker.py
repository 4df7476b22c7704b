"""Syntax tree → program: the statements are checked in turn, and all that is wrong is reported in
one go.
"""

from __future__ import annotations

import gc
import itertools
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from scoutlang.ir import Program
from scoutlang.ir.signatures import DescriptorSignature
from scoutlang.ir.source import Source, Span
from scoutlang.language.checking import contradictions, definitions, feasibility, repetitions
from scoutlang.language.checking.imports import Files
from scoutlang.language.checking.scope import MAX_TOTAL, Names, Scope
from scoutlang.language.diagnostics import Diagnostic, messages
from scoutlang.language.diagnostics.render.text import render
from scoutlang.language.parser import MAX_ERRORS, Parsed, parse, too_many_errors
from scoutlang.language.statements import SETTINGS, STATEMENTS
from scoutlang.language.statements.statement import Module, Statement
from scoutlang.language.statements.sweep import Sweep
from scoutlang.support.errors import ScoutError

_MOST_MEMBERS = 64
"""Members of a family that are looked at one by one; more would take seconds, and so would fewer of
a large program.
"""


@dataclass(frozen=True, repr=False)
class CheckResult:
    """What checking found. ``program`` is None when there are errors; ``module`` holds the
    statements that could be read.
    """

    source: Source
    module: Module
    diagnostics: tuple[Diagnostic, ...]
    program: Program | None
    files: frozenset[Path] = frozenset()
    """What else it depends on: the files that it and its modules name, there or not."""

    @property
    def ok(self) -> bool:
        return self.program is not None

    def __str__(self) -> str:
        return render(self.diagnostics, self.source) or f"ok: {self.source.name}"

    __repr__ = __str__  # what a prompt and a notebook show; the syntax tree would fill pages


def check(
    source: Source,
    signatures: Mapping[str, DescriptorSignature],
    overrides: Mapping[str, str] | None = None,
    *,
    unsaved: Mapping[Path, str] | None = None,
) -> CheckResult:
    """Check a program against the catalogue of descriptors. Raises nothing, whatever the text.

    overrides: values from outside, as text, for parameters and settings: ``{"rc": "2.5 Å", "k":
    "0.4"}``. unsaved: texts, by absolute path, that stand for the files there.
    """
    files = Files(source.folder, _statements, unsaved or {})
    with _collector_at_rest():
        found = _check(source, signatures, overrides or {}, files)
    return replace(found, files=frozenset(files.looked_at))


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Checking makes many objects and no cycles; looking for cycles among them doubles the time
    that a long program takes.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _check(
    source: Source,
    signatures: Mapping[str, DescriptorSignature],
    overrides: Mapping[str, str],
    files: Files,
) -> CheckResult:
    parsed = parse(source)
    statements = parsed.module.statements
    scope = Scope(source, signatures, statements, files, overrides, SETTINGS)
    scope.diagnostics.extend(parsed.diagnostics)
    for statement in statements:
        statement.declare(scope, scope.names)
    kept = _without_repeats(statements, scope)
    for statement in sorted(kept, key=lambda s: s.precedence):
        if statement.since > scope.version:
            scope.report(
                messages.later_statement(statement.rule, statement.since, scope.version),
                statement.verb_span,
            )
        statement.check(scope)
        if len(scope.diagnostics) >= MAX_ERRORS + len(parsed.diagnostics):
            scope.diagnostics.append(too_many_errors())
            break
    _settings_from_outside(statements, scope)
    definitions.check_overrides(scope)
    unread = any(d.primary is None or d.code in ("E002", "E006") for d in parsed.diagnostics)
    if not unread:
        scope.diagnostics.extend(_missing(parsed))
    if not any(d.severity == "error" for d in scope.diagnostics):
        definitions.check_unused(scope)
        for statement in statements:
            statement.conclude(scope)
        contradictions.check(scope)
        if not any(d.severity == "error" for d in scope.diagnostics):
            feasibility.check(scope)
        repetitions.check(scope)
        for sweep, name, value in _swept(statements, scope):
            inside = _check(source, signatures, {**overrides, name: value}, files)
            wrong = next((d for d in inside.diagnostics if d.severity == "error"), None)
            if wrong is not None:
                scope.report(messages.impossible_member(name, value, wrong.message), sweep)
    diagnostics = tuple(sorted(scope.diagnostics, key=lambda d: d.start))
    program = None if any(d.severity == "error" for d in diagnostics) else _program(source, scope)
    return CheckResult(source, parsed.module, diagnostics, program)


def _swept(statements: tuple[Statement, ...], scope: Scope) -> Iterator[tuple[Span, str, str]]:
    """The values of the first sweep of a parameter, since a value may make impossible what is
    required: where it is, its name, the value. What is checked with one has a sweep less, and looks
    at the next.
    """
    named = {parameter.name for parameter in scope.parameters}
    swept = [sweep for sweep in scope.sweeps if sweep.name in named]
    members = math.prod(len(sweep.values) for sweep in swept)
    work = scope.unfolded + scope.expansions + len(statements)
    if swept and members <= _MOST_MEMBERS and members * work <= MAX_TOTAL:
        spans = {s.name.text: s.span for s in statements if isinstance(s, Sweep)}
        for value in swept[0].values:
            yield spans[swept[0].name], swept[0].name, value


def _missing(parsed: Parsed) -> Iterator[Diagnostic]:
    """Messages about statements that a program cannot do without."""
    present = {s.rule for s in parsed.module.statements} | parsed.broken
    empty = not parsed.module.statements and not parsed.diagnostics
    for rule, statement in STATEMENTS.items():
        if statement.required and rule not in present:
            message = "the program is empty" if empty else f"there is no `{rule}`"
            help = f"{statement.required}, for example: {statement.example}"
            yield Diagnostic("E020", message, help=help)


def declared(
    source: Source,
    *,
    module: Module | None = None,
    root: Path | None = None,
    unsaved: Mapping[Path, str] | None = None,
) -> tuple[Module, Names]:
    """The statements of a program that can be read, and the names that it defines and imports;
    nothing is checked. Raises nothing.

    module: the statements, if they were read already. root: the folder that files may be in, if not
    that of the program. unsaved: as in `check`.
    """
    with _collector_at_rest():
        module = module or parse(source).module
        files = Files(root or source.folder, _statements, unsaved or {})
        scope = Scope(source, {}, module.statements, files, {}, SETTINGS)
        for statement in module.statements:
            statement.declare(scope, scope.names)
    return module, scope.names


def family(
    result: CheckResult,
    signatures: Mapping[str, DescriptorSignature],
    overrides: Mapping[str, str] | None = None,
) -> Iterator[Program]:
    """The programs that the sweeps of a checked program make, one for each combination of values;
    the program itself without sweeps. Raises ScoutError E077 for a combination that is not
    possible.
    """
    assert result.program is not None
    axes = [[(sweep.name, value) for value in sweep.values] for sweep in result.program.sweeps]
    for values in itertools.product(*axes):
        found = check(result.source, signatures, {**(overrides or {}), **dict(values)})
        if found.program is None:  # of a large family the members are not checked before
            said = ", ".join(f"{name} = {value}" for name, value in values)
            wrong = next(d for d in found.diagnostics if d.severity == "error")
            raise ScoutError("E077", f"with {said}: {wrong.message}", "leave this value out")
        yield replace(found.program, sweeps=())


def _statements(source: Source) -> tuple[tuple[Statement, ...], tuple[Diagnostic, ...]]:
    parsed = parse(source)
    return parsed.module.statements, parsed.diagnostics


def _settings_from_outside(statements: tuple[Statement, ...], scope: Scope) -> None:
    """A setting from outside counts although the program has no such statement."""
    present = {s.rule for s in statements}
    for rule in SETTINGS:
        if rule not in present and scope.overrides:
            STATEMENTS[rule].build(Span(0, 0), ()).check(scope)  # type: ignore[attr-defined]


def _without_repeats(statements: tuple[Statement, ...], scope: Scope) -> list[Statement]:
    first: dict[str, Statement] = {}
    kept = []
    for statement in statements:
        if statement.once and statement.rule in first:
            scope.report(
                messages.statement_twice(statement.rule),
                statement.verb_span,
                also=first[statement.rule].verb_span,
            )
            continue
        first.setdefault(statement.rule, statement)
        kept.append(statement)
    return kept


def _program(source: Source, scope: Scope) -> Program:
    return Program(
        # A file name may hold bytes that are no text; the program must be writable as JSON all the
        # same.
        source_name=source.name.encode("utf-8", "backslashreplace").decode(),
        source_text=source.text,
        system=scope.system,
        atoms=scope.atoms,
        formula=scope.formula,
        symmetry=scope.symmetry,
        keep=scope.keep,
        start=scope.start,
        terms=tuple(scope.terms),
        guide=scope.guide,
        sample=scope.sample,
        relax=scope.relax,
        parameters=tuple(scope.parameters),
        sweeps=tuple(scope.sweeps),
        language_version=scope.version,
    )
