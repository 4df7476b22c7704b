"""`%load_ext scoutlang` in a real IPython shell: cells that are programs, their messages, and
completion inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import scoutlang

PAIRS = "system Cu-Si-P-Ca\nrequire CN(Cu-P) = 4\n"


@pytest.fixture(scope="module")
def shell() -> Iterator[InteractiveShell]:
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    shell.colors = "nocolor"
    shell.run_cell("%load_ext scoutlang")
    yield shell
    InteractiveShell.clear_instance()


@pytest.fixture
def said(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Callable[[str], str]:
    """Run a cell: what is seen."""

    def run(cell: str) -> str:
        capsys.readouterr()
        shell.run_cell(cell)
        seen = capsys.readouterr()
        return seen.out + seen.err

    return run


def test_a_cell_says_what_it_means_and_gets_its_name(
    shell: InteractiveShell, said: Callable[[str], str]
) -> None:
    seen = said(f"%%scout pairs --set k=0.4 --set 'steps = 100'\n{PAIRS}")
    assert "require  CN(Cu-P) = 4 ± <0.5, mean over Cu sites" in seen
    assert "k 0.4" in seen
    written = shell.user_ns["pairs"]
    assert isinstance(written, scoutlang.ProgramText)
    assert written.program.sample.steps == 100


def test_without_a_name_it_is_the_value_of_the_cell(said: Callable[[str], str]) -> None:
    assert "CN(Cu-P) = 4 ± <0.5" in said(f"%%scout\n{PAIRS}")


def test_a_mistake_has_its_place_and_no_traceback_and_the_name_stays(
    shell: InteractiveShell, said: Callable[[str], str]
) -> None:
    said(f"%%scout kept\n{PAIRS}")
    before = shell.user_ns["kept"]
    seen = said("%%scout kept\nsystem Cu-P\nrequire CN(Cu-As) = 4\nrequre CN(Cu-P) = 4")
    assert "3 | require CN(Cu-As) = 4" not in seen  # lines are counted as in the cell's program
    assert "2 | require CN(Cu-As) = 4" in seen
    assert "error[E012]" in seen
    assert "kept: 2 errors" in seen
    assert "Traceback" not in seen
    assert shell.user_ns["kept"] is before


def test_warnings_are_said_and_the_program_is_taken(said: Callable[[str], str]) -> None:
    seen = said("%%scout doubtful\nsystem Cu-P\nparam rc = 2.5 Å\nrequire CN(Cu-P) = 4")
    assert "warning[W070]" in seen
    assert "mean over Cu sites" in seen


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("3", "cannot be the name"),
        ("class", "cannot be the name"),
        ("x y", "unrecognized arguments"),
        ("'x", "No closing quotation"),
        ("x --set k", "not NAME=VALUE"),
        ("-h", "unrecog"),
    ],
)
def test_another_way_to_call_it_is_refused(
    said: Callable[[str], str], line: str, part: str
) -> None:
    seen = said(f"%%scout {line}\n{PAIRS}")
    assert part in seen
    assert "usage: %%scout" in seen
    assert "Traceback" not in seen


def test_failures_of_functions_have_no_traceback(said: Callable[[str], str]) -> None:
    seen = said(
        "import scoutlang as sl\nsl.measure('system Cu-P; require CN(Cu-P) = 4', 'none.cif')"
    )
    assert seen.startswith("error[E201]: none.cif: no such file")
    assert "Traceback" not in seen


def completions(shell: InteractiveShell, cell: str) -> list[tuple[int, str]]:
    """What Tab offers where the cell has a ``|``: the place from which it is written, and the text."""
    place = cell.index("|")
    with provisionalcompleter():
        return [
            (one.start, one.text)
            for one in shell.Completer.completions(cell.replace("|", ""), place)
        ]


def test_tab_knows_the_language_inside_of_a_cell(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "known.cif").touch()
    elements = {
        text for _, text in completions(shell, "%%scout p\nsystem Cu-P\nrequire CN(| = 4\n")
    }
    assert elements == {"Cu", "P", "*"}
    cell = "%%scout p\nsystem Cu-P\nrequire volume_p|\nsample 8\n"
    assert completions(shell, cell) == [(cell.index("volume_p"), "volume_per_atom")]
    assert [
        text
        for _, text in completions(
            shell, '%%scout p\nsystem Cu-P\nprefer similarity(Cu-P, template="|'
        )
    ] == ["known.cif"]
    nothing = "%%scout p\nsystem Cu-P\nrequire CN(Cu-P) = 4 xyz|"
    assert completions(shell, nothing) == [(nothing.index("xyz"), "xyz")]


def test_tab_is_pythons_elsewhere(shell: InteractiveShell) -> None:
    shell.user_ns["a_long_name"] = 1
    assert "a_long_name" in [text for _, text in completions(shell, "a_long_n|")]


def test_loaded_twice_it_is_there_once(shell: InteractiveShell) -> None:
    before = len(shell.Completer.custom_matchers)
    shell.run_cell("%reload_ext scoutlang")
    shell.run_cell("%reload_ext scoutlang")
    assert len(shell.Completer.custom_matchers) == before
