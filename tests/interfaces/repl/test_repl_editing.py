"""`:edit` with real programs as editors, and sessions that are kept: what is written, what of it is
lost, and that it runs again.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from talking import Wide, talk

from scoutlang.interfaces.repl.interpreter import feed, replay
from scoutlang.interfaces.repl.session import Session
from scoutlang.interfaces.repl.session_file import KEPT, SessionFile


class AtTerminal(Wide):
    """Somebody sits in front of it."""

    @property
    def interactive(self) -> bool:
        return True


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes a shell script the editor; it first keeps what it was given. The answer is where."""

    def make(script: str) -> Path:
        file = tmp_path / "an editor"
        file.write_text(f'#!/bin/sh\ncp "$1" "{tmp_path}/given"\n{script}\n', encoding="utf-8")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("VISUAL", f'"{file}"')
        return tmp_path / "given"

    return make


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, session: Session) -> Session:
    session.host = AtTerminal()
    talk(session, "system Cu-P", "require four: CN( Cu-P )=4", "guide k=0.8")
    return session


# -- :edit --


def test_the_program_is_edited_in_its_usual_form(
    edited: Session, editor: Callable[[str], Path]
) -> None:
    given = editor(
        """sed -i -e 's/= 4/= 3/' -e '/guide/d' "$1" """
        """&& echo 'require pair: CN(Cu-Cu) = 1  # one' >> "$1" """
    )
    assert talk(edited, ":edit") == [
        "  dropped require four: CN(Cu-P) = 4\n  dropped guide k=0.8\n"
        "  require  four: CN(Cu-P) = 3 ± <0.5, mean over Cu sites\n"
        "  require  pair: CN(Cu-Cu) = 1 ± <0.5, mean over Cu sites"
    ]
    assert (
        given.read_text(encoding="utf-8")
        == "system Cu-P\nrequire four: CN(Cu-P) = 4\nguide k=0.8\n"
    )
    assert (
        feed(edited, ":show").text
        == "system Cu-P\nrequire four: CN(Cu-P) = 3\nrequire pair: CN(Cu-Cu) = 1  # one"
    )
    assert "guide k=0.8" in feed(edited, ":undo").text
    editor("true")
    assert talk(edited, ":edit") == ["nothing was changed"]


def test_a_refused_text_is_not_lost(edited: Session, editor: Callable[[str], Path]) -> None:
    before = edited.standing
    editor("""echo 'requre CN(Cu-Cu) = 2  # an hour of work' >> "$1" """)
    said = feed(edited, ":edit").text
    assert "error[E012]" in said
    assert "  4 | requre" in said
    assert said.endswith(":edit opens this text again, :edit! the program as it stands")
    assert edited.standing == before
    talk(edited, "atoms <= 9")
    given = editor('sed -i s/requre/require/ "$1"')
    assert "  dropped atoms <= 9\n" in talk(edited, ":edit")[0]
    assert "an hour of work" in given.read_text(encoding="utf-8")
    assert "an hour of work" in feed(edited, ":show").text
    given = editor("true")
    assert feed(edited, ":edit").text == "nothing was changed"
    assert "requre" not in given.read_text(encoding="utf-8")


def test_a_refused_text_can_be_dropped(edited: Session, editor: Callable[[str], Path]) -> None:
    editor("""echo ')' >> "$1" """)
    assert not feed(edited, ":edit").ok
    given = editor("true")
    assert not feed(edited, ":edit").ok
    assert ")\n" in given.read_text(encoding="utf-8").splitlines(keepends=True)
    assert feed(edited, ":edit!").text == "nothing was changed"
    assert ")\n" not in given.read_text(encoding="utf-8").splitlines(keepends=True)


def test_an_editor_that_fails_loses_nothing(edited: Session, editor: Callable[[str], Path]) -> None:
    editor("""echo 'require pair: CN(Cu-Cu) = 1' >> "$1"; exit 3""")
    assert "error[E705]" in feed(edited, ":edit").text
    assert "pair" not in feed(edited, ":show").text
    editor("true")
    assert "pair: CN(Cu-Cu) = 1" in feed(edited, ":edit").text


@pytest.mark.parametrize("name", ["no-such-editor", '"half'])
def test_no_editor(edited: Session, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("VISUAL", name)
    said = feed(edited, ":edit").text
    assert "error[E705]" in said
    assert "VISUAL, else EDITOR, names the one to use" in said


def test_a_file_that_is_no_text(edited: Session, editor: Callable[[str], Path]) -> None:
    editor(r"""printf 'system Cu-P \377' > "$1" """)
    assert "error[E002]" in feed(edited, ":edit").text
    assert edited.program is not None


def test_without_a_terminal_nobody_edits(session: Session, editor: Callable[[str], Path]) -> None:
    given = editor("true")
    assert "error[E705]" in feed(session, ":edit").text
    assert not given.exists()


def test_an_edited_text_is_in_the_record(edited: Session, editor: Callable[[str], Path]) -> None:
    editor("""printf 'require pair: (CN(Cu-Cu) = 1\\n\\n  and CN(Cu-P) < 7)\\n' >> "$1" """)
    talk(edited, ":edit")
    editor("""echo 'requre' >> "$1" """)
    assert not feed(edited, ":edit").ok
    talk(edited, ":undo", ":redo", ":history s.txt")
    said: list[str] = []
    again = Session(Wide())
    assert not replay(again, Path("s.txt").read_text(encoding="utf-8"), said.append)
    assert ["error[E012]" in answer for answer in said if "error" in answer] == [True]
    assert again.standing == edited.standing
    assert again.inputs == edited.inputs[:-1]


# -- recorded sessions --


def test_every_input_is_kept_at_once_and_runs_again(tmp_path: Path, session: Session) -> None:
    session.file = file = SessionFile(tmp_path / "data" / "sessions")
    assert file.path is None
    talk(session, "system Cu-P; atoms <= 9")
    assert file.path is not None
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-\d{4}\.scout-session", file.path.name)
    assert file.path.read_text(encoding="utf-8").endswith("system Cu-P; atoms <= 9\n")
    talk(
        session, "require (CN(Cu-P) = 4\n\n  and CN(Cu-Cu) = 1)\n# Å\nguide k=0.4", ":undo", ":redo"
    )
    assert not feed(session, "require a: CN(Cu-P) = 4\nrequre\n").ok
    assert not feed(session, "require (CN(Cu-P)\n\n").ok
    assert f"kept in {file.path}" in feed(session, ":history").text
    said: list[str] = []
    again = Session(Wide())
    assert not replay(again, file.path.read_text(encoding="utf-8"), said.append)
    assert again.standing == session.standing
    assert again.inputs[1:] == session.inputs


def test_a_paste_of_several_lines_is_one_input_again(session: Session) -> None:
    feed(session, "system Cu-P\n:show\nrequire a: CN(Cu-P) = 4\nrequre\nguide k=0.2\n")
    assert session.program is not None
    assert session.program.terms == ()
    talk(session, ":history s.txt")
    text = Path("s.txt").read_text(encoding="utf-8")
    assert text == "system Cu-P\n:show\nrequire a: CN(Cu-P) = 4\n| requre\n| guide k=0.2\n"
    again = Session(Wide())
    replay(again, text, lambda line: None)
    assert again.standing == session.standing


def test_what_cannot_be_written_is_no_error(tmp_path: Path, session: Session) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    session.file = SessionFile(tmp_path / "data")
    assert talk(session, "system Cu-P", ":show") == ["", "system Cu-P"]
    assert session.file.path is None
    assert feed(session, ":history").text == "system Cu-P\n:show"


def test_so_many_sessions_are_kept(tmp_path: Path) -> None:
    for n in range(KEPT + 10):
        (tmp_path / f"2020-01-01-{n:04}.scout-session").touch()
    (tmp_path / "mine.txt").touch()
    for _ in range(2):  # in one minute
        SessionFile(tmp_path).add("system Cu-P")
    kept = sorted(file.name for file in tmp_path.glob("*.scout-session"))
    assert len(kept) == KEPT
    assert kept[0] == "2020-01-01-0012.scout-session"
    assert [len(name) for name in kept[-2:]] in ([29, 31], [31, 29])
    assert (tmp_path / "mine.txt").exists()
