"""`scout replay` and `scout` without arguments as a user runs them."""

from __future__ import annotations

from pathlib import Path

import processes


def scout(*arguments: str, given: str = "", folder: Path | None = None) -> tuple[int, str, str]:
    utf8 = {"PYTHONIOENCODING": "utf-8"}
    done = processes.scout(*arguments, input=given.encode(), cwd=folder, env=utf8)
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_inputs_and_answers(tmp_path: Path) -> None:
    (tmp_path / "s.txt").write_text(
        "system Cu-P\nrequire (CN(Cu-P) = 4\n  and CN(Cu-Cu) = 1)\n\n:show\n:quit\nsystem Fe-O\n",
        encoding="utf-8",
    )
    code, out, err = scout("replay", "s.txt", folder=tmp_path)
    assert (code, err) == (0, "")
    assert out == (
        "scout> system Cu-P\n"
        "scout> require (CN(Cu-P) = 4\n"
        "     …   and CN(Cu-Cu) = 1)\n"
        "  require  CN(Cu-P) = 4 and CN(Cu-Cu) = 1:"
        " mean(CN(Cu-P)) = 4 ± <0.5 and mean(CN(Cu-Cu)) = 1 ± <0.5\n"
        "scout> :show\n"
        "system Cu-P\n"
        "require CN(Cu-P) = 4 and CN(Cu-Cu) = 1\n"
        "scout> :quit\n"
    )


def test_a_refused_input_does_not_end_it_and_shows_in_the_exit_code() -> None:
    code, out, _ = scout(
        "replay", "-", given="system Cu-P\nrequire CN(Cu-S) = 4\n:show\nrequire CN(Cu-P"
    )
    assert code == 1
    assert "error[E030]" in out
    assert "scout> :show\nsystem Cu-P\n" in out
    assert "error[E013]" in out


def test_a_session_that_cannot_be_read(tmp_path: Path) -> None:
    assert "E001" in scout("replay", "nothing.txt", folder=tmp_path)[2]
    (tmp_path / "x").write_bytes(b"\xff\xfe\0")
    assert scout("replay", "x", folder=tmp_path)[0] == 1


def test_what_is_recorded_replays_to_the_same_program(tmp_path: Path) -> None:
    given = (
        "system Cu-P\nrequire a: CN(Cu-P) = 4 and\n CN(Cu-Cu) = 1\n:undo\n:redo\n"
        ":history s.txt\n:save one.scout\n"
    )
    assert scout("replay", "-", given=given, folder=tmp_path)[0] == 0
    assert scout("replay", "s.txt", folder=tmp_path)[0] == 0
    again = (tmp_path / "s.txt").read_text(encoding="utf-8") + ":save two.scout\n"
    assert scout("replay", "-", given=again, folder=tmp_path)[0] == 0
    assert (tmp_path / "one.scout").read_text(encoding="utf-8") == (
        tmp_path / "two.scout"
    ).read_text(encoding="utf-8")


def test_without_a_terminal_scout_alone_shows_its_help() -> None:
    _, out, err = scout()
    assert "Usage" in out + err
    assert "replay" in out + err
    code, _, err = scout("repl")
    assert code == 2
    assert "needs a terminal" in err
