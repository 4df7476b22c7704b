"""The Python interface, and the one place where the parts are put together: the front end gets the catalogue of descriptors here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scoutlang import frontend
from scoutlang.descriptors import signatures
from scoutlang.diagnostics.render.text import render
from scoutlang.errors import ScoutError
from scoutlang.frontend import CheckResult
from scoutlang.frontend.reading import read_source
from scoutlang.ir import Program
from scoutlang.source import Source

if TYPE_CHECKING:
    from scoutlang.loss import Loss


class ProgramError(ScoutError):
    """Program text with errors, where a program was needed. ``str()`` is the rendered messages; ``result`` holds them as data."""

    def __init__(self, result: CheckResult) -> None:
        first = next(d for d in result.diagnostics if d.severity == "error")
        super().__init__(first.code, first.message)
        self.result = result

    def __str__(self) -> str:
        return render(self.result.diagnostics, self.result.source)


def check(text: str, *, name: str = "<text>", overrides: Mapping[str, str] | None = None) -> CheckResult:
    """Check program text. ``name`` stands for the file in messages. Raises nothing, whatever the text.

    overrides: values of parameters and settings from outside, as text: ``{"rc": "2.5 Å", "k": "0.4"}``.

    >>> check("system Cu-P; require CN(Cu-P) = 4").ok
    True
    """
    return check_source(Source(name, text), overrides)


def check_file(path: str | Path, *, overrides: Mapping[str, str] | None = None) -> CheckResult:
    """Check a program file; see `check`. Raises `ScoutError` when it cannot be read as text."""
    return check_source(read_source(path), overrides)


def check_source(source: Source, overrides: Mapping[str, str] | None = None) -> CheckResult:
    """Check a program that has been read already; see `check`."""
    return frontend.check(source, signatures(), overrides)


def family(result: CheckResult, overrides: Mapping[str, str] | None = None) -> list[Program]:
    """The programs that the sweeps of a checked program make, the program itself where it has none. Raises `ProgramError`."""
    if result.program is None:
        raise ProgramError(result)
    return list(frontend.family(result, signatures(), overrides))


def as_program(program: Program | str) -> Program:
    """A program as it is, or the one that text means. Raises `ProgramError`."""
    if isinstance(program, Program):
        return program
    result = check(program)
    if result.program is None:
        raise ProgramError(result)
    return result.program


def compile(program: Program | str) -> Loss:
    """The torch loss of a program: a value per structure and its parts."""
    checked = as_program(program)
    from scoutlang.loss import compile_loss  # after the check: text with errors must not wait for torch

    return compile_loss(checked)


def measure(program: Program | str, structures: Sequence[Any]) -> Any:
    """Every term of a program on given structures, soft and exact; see `scoutlang.measuring.measure`."""
    checked = as_program(program)
    from scoutlang import measuring

    return measuring.measure(checked, structures)


def run(program: Program | str, *args: Any, **kwargs: Any) -> Any:
    """Sample, judge and write a run folder; see `scoutlang.running.run` for the arguments."""
    checked = as_program(program)
    from scoutlang import running

    return running.run(checked, *args, **kwargs)
