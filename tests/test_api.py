"""The Python interface of the language."""

from __future__ import annotations

from pathlib import Path

import pytest

import scoutlang
from scoutlang import api

PAPER = "system Cu-Si-P-Ca; require CN(Cu-P)=4; require CN(Cu-Cu)=1; guide k=0.8"


def test_check_reports_and_returns_the_program() -> None:
    result = scoutlang.check(PAPER, name="paper")
    assert result.ok
    assert result.diagnostics == ()
    assert isinstance(result.program, scoutlang.Program)
    assert result.program.source_name == "paper"


def test_check_file(tmp_path: Path) -> None:
    path = tmp_path / "x.scout"
    path.write_text(PAPER, encoding="utf-8")
    assert scoutlang.check_file(path).ok
    with pytest.raises(scoutlang.ScoutError, match="E001"):
        scoutlang.check_file(tmp_path / "none.scout")


def test_a_program_is_taken_as_text_or_as_it_is() -> None:
    program = api.as_program(PAPER)
    assert api.as_program(program) is program


def test_text_with_errors_raises_the_rendered_messages() -> None:
    with pytest.raises(scoutlang.ProgramError) as caught:
        scoutlang.compile("system Cu-P; requre CN(Cu-P)=4; require CN(Cu-Ge)=1")
    assert "error[E012]" in str(caught.value)
    assert "error[E030]" in str(caught.value)
    assert caught.value.code == "E012"
    assert len(caught.value.result.diagnostics) == 2


def test_public_names_exist_and_are_listed() -> None:
    for name in scoutlang.__all__:
        assert getattr(scoutlang, name) is not None
    assert set(scoutlang.__all__) <= set(dir(scoutlang))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = scoutlang.nonsense


def test_functions_are_not_hidden_by_modules() -> None:
    import scoutlang.measuring

    assert callable(scoutlang.check)
    assert callable(scoutlang.compile)
    assert callable(scoutlang.measure)
    assert callable(scoutlang.run)
