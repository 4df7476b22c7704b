"""What happens at eleven in the evening: a process that is killed, a paste with a slip, names with
spaces, words of other programs, narrow windows.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from at_terminal import Terminal, script
from processes import run, scout
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from talking import Wide, talk

from scoutlang.interfaces.repl.interpreter import feed, replay
from scoutlang.interfaces.repl.session import Session
from scoutlang.interfaces.repl.session_file import SessionFile
from scoutlang.interfaces.repl.terminal import _Words, last_word, wrapped

ROOT = Path(__file__).parents[3]
CRYSTAL = ROOT / "examples" / "structures" / "CuP2.cif"


class AtTerminal(Wide):
    """Somebody sits in front of it."""

    @property
    def interactive(self) -> bool:
        return True


class Narrow(Wide):
    """The real host in a window of so many columns."""

    def __init__(self, columns: int) -> None:
        self.columns = columns

    @property
    def width(self) -> int:
        return self.columns


def editing(session: Session, monkeypatch: pytest.MonkeyPatch, commands: str) -> None:
    """These commands of a shell are the editor; ``$1`` is the file."""
    session.host = AtTerminal()
    monkeypatch.setenv("VISUAL", str(script(Path("editor").absolute(), commands)))


# -- nothing is lost --


def test_an_input_is_kept_before_it_is_run(
    tmp_path: Path, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.file = file = SessionFile(tmp_path / "sessions")
    talk(session, "system Cu-P")
    assert file.path is not None
    editing(session, monkeypatch, f'cat "{file.path}" > seen; echo "atoms <= 9" >> "$1"')
    talk(session, ":edit")
    assert Path("seen").read_text(encoding="utf-8").splitlines()[1:] == ["system Cu-P", ":edit"]
    assert file.path.read_text(encoding="utf-8").splitlines()[1:] == [
        "system Cu-P",
        ":edit",
        "| system Cu-P",
        "| atoms <= 9",
    ]


def test_a_process_that_is_killed_leaves_all_its_inputs(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path\n"
        "from scoutlang.interfaces.repl.session_file import SessionFile\n"
        "one = SessionFile(Path(sys.argv[1])); one.add('system Cu-P'); one.add(':run killed')\n"
        "os._exit(0)"
    )
    run([sys.executable, "-c", code, str(tmp_path)], check=True)
    [file] = tmp_path.iterdir()
    assert file.read_text(encoding="utf-8").endswith("system Cu-P\n:run killed\n")


def test_a_fresh_session_says_where_it_is_kept(tmp_path: Path, session: Session) -> None:
    assert feed(session, ":history").text == "nothing before this"
    session.inputs.clear()
    session.file = SessionFile(tmp_path / "sessions")
    said = feed(session, ":history").text
    assert said.startswith(f"nothing before this\nkept in {tmp_path / 'sessions'}")
    assert said.endswith("scout replay FILE runs one again")


def test_a_refused_paste_waits_for_the_editor(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk(session, "system Cu-P", "guide k=0.2")
    reply = feed(
        session, "atoms <= 9\nrequire a: CN(Cu-P) = 4\nrequre b: CN(Cu-Cu) = 1\nguide k=0.4\n"
    )
    assert not reply.ok
    assert reply.text.endswith("nothing was taken; :edit opens this text")
    editing(session, monkeypatch, 'sed -i s/requre/require/ "$1"')
    talk(session, ":edit")
    assert (
        feed(session, ":show").text
        == "system Cu-P\nguide k=0.4\natoms <= 9\nrequire a: CN(Cu-P) = 4\nrequire b: CN(Cu-Cu) = 1"
    )


def test_slips_that_fmt_puts_right_are_put_right_for_the_editor(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = feed(session, "system Cu-P\natoms <= 9  # small\nrequire a: CN(Cu–P) == 4\n")
    assert "error[E016]" in reply.text
    assert "with all of that put right" in reply.text
    assert session.program is None
    editing(session, monkeypatch, 'cp "$1" given')
    talk(session, ":edit")
    assert (
        Path("given").read_text(encoding="utf-8")
        == "system Cu-P\natoms <= 9  # small\nrequire a: CN(Cu-P) = 4\n"
    )
    assert feed(session, ":show").text == Path("given").read_text(encoding="utf-8").rstrip("\n")


def test_a_refused_file_waits_for_the_editor_with_its_folder(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("there").mkdir()
    Path("there/bad.scout").write_text("system Cu-P\nrequire CN(Cu-S) = 4\n", encoding="utf-8")
    assert "nothing was taken; :edit opens this text" in feed(session, ":load there/bad.scout").text
    editing(session, monkeypatch, 'sed -i s/Cu-S/Cu-P/ "$1"')
    talk(session, ":edit")
    assert session.standing.folder == Path("there").absolute()
    assert session.program is not None
    assert len(session.program.terms) == 1


def test_what_was_offered_goes_with_the_next_change_and_never_takes_the_place_of_an_edited_text(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk(session, "system Cu-P")
    assert not feed(session, "atoms <= 9\nrequre\n").ok
    talk(session, "atoms <= 8")
    editing(session, monkeypatch, 'cp "$1" given; echo "requre hours of work" >> "$1"')
    assert not feed(session, ":edit").ok
    assert Path("given").read_text(encoding="utf-8") == "system Cu-P\natoms <= 8\n"
    assert feed(session, "atoms <= 7\nrequre\n").text.endswith("  nothing was taken")
    editing(session, monkeypatch, 'cp "$1" given')
    feed(session, ":edit")
    assert "hours of work" in Path("given").read_text(encoding="utf-8")


def test_an_editor_that_removes_its_file(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    talk(session, "system Cu-P")
    editing(session, monkeypatch, 'rm "$1"')
    assert "error[E705]: the editor left no text behind" in feed(session, ":edit").text
    assert feed(session, ":show").text == "system Cu-P"


def test_the_editor_that_is_named_is_there(
    session: Session, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    session.host = AtTerminal()
    monkeypatch.setenv("VISUAL", "nano")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    assert "here is none of nano" in feed(session, ":edit").text
    script(tmp_path / "bin" / "vi", "true")
    assert feed(session, ":edit").text.endswith("VISUAL=vi scout")


# -- what is meant --


def test_values_from_outside_are_told_when_a_file_is_loaded(session: Session) -> None:
    Path("one.scout").write_text(
        "system Cu-P\nparam rc = 3 Å\nrequire max(distance(Cu-P)) < rc\n", encoding="utf-8"
    )
    Path("two.scout").write_text("system Fe-O\n", encoding="utf-8")
    assert "outside" not in talk(session, ":load one.scout")[0]
    talk(session, ":set steps=50", ":set rc=2.9")
    assert talk(session, ":load one.scout")[0].endswith(
        "  still set from outside: steps = 50, rc = 2.9; :set steps= drops it"
    )
    [said] = talk(session, ":load two.scout")
    assert said.splitlines() == [
        "  still set from outside: steps = 50; :set steps= drops it",
        "  no longer set from outside, since this program does not take it: rc = 2.9",
    ]
    assert feed(session, ":undo").text.endswith("# set from outside: rc = 2.9")


@pytest.mark.parametrize("word", ["exit", "quit", "exit()"])
def test_words_that_leave(session: Session, word: str) -> None:
    assert feed(session, f"{word}\n").quit


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("help", ":help"),
        ("q", ":quit"),
        (":q", ":quit"),
        (":exit", ":quit"),
        (":wq", ":save"),
        (":h", ":help"),
    ],
)
def test_words_of_other_programs(session: Session, word: str, hint: str) -> None:
    reply = feed(session, f"{word}\n")
    assert not reply.ok
    assert "error[E701]" in reply.text
    assert f"hint: {hint}" in reply.text


def test_a_command_in_an_open_statement_does_nothing(session: Session) -> None:
    talk(session, "system Cu-P", "atoms <= 9")
    assert feed(session, "require (CN(Cu-P) = 4\n").unfinished
    reply = feed(session, "require (CN(Cu-P) = 4\n:undo\n")
    assert not reply.ok
    assert not reply.unfinished
    assert "neither it nor `:undo` was taken" in reply.text
    assert feed(session, ":show").text == "system Cu-P\natoms <= 9"
    talk(session, ":history kept.txt")
    again = Session(Wide())
    replay(again, Path("kept.txt").read_text(encoding="utf-8"), lambda line: None)
    assert again.standing == session.standing


def test_hints_fit_the_place(session: Session) -> None:
    talk(session, "system Cu-P", "require CN(Cu-P) = 4", "sample steps 2")
    assert feed(session, ":load nothing.scout").text.endswith("hint: check the path")
    Path("there").mkdir()
    Path("there/file").touch()
    said = feed(session, ":run there").text
    assert "error[E601]" in said
    assert "another folder" in said
    assert "--" not in said


@pytest.mark.slow
def test_a_report_is_named_as_a_page_is(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    talk(session, "system Cu-P", "sample steps 2", ":sample 1")
    said = feed(session, ":report x.txt").text
    assert "error[E702]" in said
    assert said.endswith(":report x.html")
    assert not Path("x.txt").exists()
    assert feed(session, ":report nowhere/page.html").text.endswith(
        "hint: free space, or name another place"
    )
    talk(session, ":report 'my page.html'")
    assert feed(session, ":report 'my page.html'").text.endswith(
        "hint: :report! 'my page.html' writes over it"
    )


# -- names of files --


def test_stars_stand_for_files(session: Session, capsys: pytest.CaptureFixture[str]) -> None:
    talk(session, "system Cu-P", "require CN(Cu-P) = 4")
    for name in ("b.cif", "a c.cif", "x[1].cif"):
        shutil.copy(CRYSTAL, name)
    [said] = talk(session, ":measure ?*.cif")
    assert [line for line in said.splitlines() if line.endswith(": HIT")] == [
        "a c.cif: HIT",
        "b.cif: HIT",
        "x[1].cif: HIT",
    ]
    assert "x[1].cif: HIT" in talk(session, ":measure x[1].cif")[0]
    assert "error[E201]: no file is called like `q*.cif`" in feed(session, ":measure q*.cif").text


NAMES = [
    "plain.scout",
    "two words.scout",
    "it's.scout",
    'a "b".scout',
    "back\\slash.scout",
    "Å $HOME;x.scout",
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("begun", ["", "'", '"'])
def test_tab_writes_names_that_the_command_takes(session: Session, name: str, begun: str) -> None:
    Path("a folder").mkdir()
    (Path("a folder") / name).write_text("system Cu-P\n", encoding="utf-8")
    typed = f":load {begun}a"
    for _ in range(2):  # the folder, then the file in it
        [one] = _Words(session).get_completions(Document(typed, len(typed)), CompleteEvent())
        assert one.start_position == 0
        typed += one.text + ("/" if one.display_text.endswith("/") else "")
    talk(session, typed)
    assert session.program is not None


@pytest.mark.parametrize(
    "text", ["", "a", "a b", r"a\ b", "'a b", '"a b', "'a'\"b c", r'"a\"b', r'"a\b', "a 'b c' d e"]
)
def test_the_last_word_is_read_as_the_command_reads_it(text: str) -> None:
    said, mark = last_word(text)
    assert [said] == (shlex.split(text + mark) or [""])[-1:]


@pytest.mark.slow
def test_a_sweep_goes_into_a_folder_with_spaces(session: Session) -> None:
    talk(
        session,
        "system Cu-P",
        "require CN(Cu-P) = 4",
        "sample count 1 steps 2",
        ":sweep 'my runs' k = 0.2, 0.4",
    )
    assert sorted(folder.name for folder in Path("my runs").iterdir() if folder.is_dir()) != []
    assert "missing its partner" in feed(session, ":sweep 'half k").text


def test_printed_commands_take_names_with_spaces(session: Session) -> None:
    talk(session, "system Cu-P", ":set steps=50")
    assert talk(session, ":save 'a b.scout'")[0].endswith("scout run 'a b.scout' --set steps=50")
    assert feed(session, ":save 'a b.scout'").text.endswith(
        "hint: :save! 'a b.scout' writes over it"
    )
    assert talk(session, ":history 'h h'")[0].endswith("scout replay 'h h' runs them")


# -- narrow windows --

PROGRAM = (
    "system Cu-P; require four: (CN(Cu-P) = 4 and min_distance(*-*) > 1.8 Å);"
    " expect e_above_hull < 0.2 eV/atom; expect density < 7 g/cm^3"
)


@pytest.mark.parametrize("columns", [40, 60, 80, 100, 140])
def test_no_value_is_cut(session: Session, columns: int) -> None:
    session.host = Narrow(columns)
    talk(session, PROGRAM)
    shutil.copy(CRYSTAL, "x.cif")
    [said] = talk(session, ":measure x.cif")
    assert max(map(len, said.splitlines())) <= columns
    assert "…" not in said
    for value in (
        "0.406",
        "4.000",
        "2.206",
        "4 ± <0.5",
        "< 0.2 eV/atom",
        "not measured here",
        "< 7 g/cm^3",
        "min_distance(*-*)",
    ):
        assert value in said, value
    assert ("soft   exact" in said) == (columns == 140)


def test_messages_are_broken_between_words() -> None:
    line = "error[E702]: a statement was still open, so neither it nor `:undo` was taken"
    broken = wrapped(
        f"{line}\n  2 | require CN(Cu-P) = 4 and CN(Cu-Cu) = 1\n{'─' * 50}\nx{'y' * 60}", 40
    ).splitlines()
    assert broken[:2] == [
        "error[E702]: a statement was still open,",
        "    so neither it nor `:undo` was taken",
    ]
    assert broken[2:] == ["  2 | require CN(Cu-P) = 4 and CN(Cu-Cu) = 1", "─" * 50, f"x{'y' * 60}"]
    assert (
        wrapped("\x1b[1;31merror[E1]\x1b[0m: two words", 20)
        == "\x1b[1;31merror[E1]\x1b[0m: two words"
    )


# -- keys --


@pytest.mark.slow
def test_tab_with_a_space_and_an_open_statement(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    (tmp_path / "two words.scout").write_text(
        "system Cu-P\nrequire CN(Cu-P) = 4\n", encoding="utf-8"
    )
    one = terminal()
    one.press(":load two\t", r"two\ words.scout")
    one.type("\r", "1 term ")
    one.enter("require (CN(Cu-Cu) = 1", "…")
    one.type(":undo\r", "neither it nor `:undo` was taken")
    one.enter(":show", "require CN(Cu-P) = 4\r\n")
    assert one.leave() == 0


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="needs a shell that holds jobs")
def test_ctrl_z_goes_to_the_shell_and_back(
    terminal: Callable[..., Terminal], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = f"set -m; {sys.executable} -m scoutlang; echo in the shell; fg"
    shell = script(tmp_path / "python", f'exec bash --norc --noprofile -i -c "{inner}"')
    monkeypatch.setattr(sys, "executable", str(shell))
    one = terminal()
    one.enter("system Cu-P", "0 terms")
    one.ready()
    one.type("\x1a", "in the shell")
    one.ready()
    one.enter(":show", "system Cu-P\r\n")
    assert one.leave() == 0


def test_a_pipe_is_told_of_replay() -> None:
    done = scout(input=b"system Cu-P\n")
    assert b"`scout replay -` runs a session from standard input" in done.stderr
