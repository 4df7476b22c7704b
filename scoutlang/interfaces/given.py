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
    model (E209, E522).
    """
    program = result.program
    if program is None or (program.keep is None and program.start is None):
        return result
    from scoutlang.crystals.given import check_given

    name = program.sample.model
    known = KNOWN_MODELS.get(name)
    try:
        check_given(program, name, None if known is None else known.max_atoms)
    except ScoutError as error:
        [file] = [
            statement.host if isinstance(statement, Keep) else statement.seed
            for statement in result.module.statements
            if isinstance(statement, Keep | Start)
        ]
        problem = Diagnostic.at(error.code, error.message, file.span, error.hint)
        found = sorted((*result.diagnostics, problem), key=lambda one: one.start)
        return replace(result, diagnostics=tuple(found), program=None)
    return result
