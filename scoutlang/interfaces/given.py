"""The second half of a check: whether the file of `keep` or `start` is a crystal that can be one.
The language reads the file as text; what reads crystals is imported where a program has one.
"""

from __future__ import annotations

from dataclasses import replace

from scoutlang.ir.known_models import KNOWN_MODELS
from scoutlang.language import CheckResult
from scoutlang.language.diagnostics import Diagnostic
from scoutlang.language.statements.keep import Keep
from scoutlang.language.statements.start import Start
from scoutlang.support.errors import ScoutError


def with_given(result: CheckResult) -> CheckResult:
    """The result, an error where the crystal that is given is none or does not go with program and
    model (E209, E522), a warning where its file says what its atoms do not (W057).
    """
    program = result.program
    if program is None or (program.keep is None and program.start is None):
        return result
    from scoutlang.crystals.given import check_given, given_crystal, given_file

    name = program.sample.model
    known = KNOWN_MODELS.get(name)
    try:
        check_given(program, name, None if known is None else known.max_atoms)
    except ScoutError as error:
        return replace(_with(result, error.code, error.message, error.hint), program=None)
    file = given_file(program)
    assert file is not None
    for note in given_crystal(file, file.name).notes[:1]:
        hint = "it is used as it was read; correct its file if that is wrong"
        return _with(result, "W057", f"{file.name}: {note}", hint)
    return result


def _with(result: CheckResult, code: str, message: str, hint: str) -> CheckResult:
    """The result with a message at the name of the file."""
    [file] = [
        statement.host if isinstance(statement, Keep) else statement.seed
        for statement in result.module.statements
        if isinstance(statement, Keep | Start)
    ]
    problem = Diagnostic.at(code, message, file.span, hint)
    found = sorted((*result.diagnostics, problem), key=lambda one: one.start)
    return replace(result, diagnostics=tuple(found))
