"""`scout fmt` as a user runs it: what it writes, prints and answers."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from processes import run, scout

MESSY = "system Cu-P;require CN(Cu–P)==4  # four\n"
USUAL = "system Cu-P\nrequire CN(Cu-P) = 4  # four\n"
WRONG = "system Cu-P\nrequre CN(Cu-P) = 4\n"


def fmt(*args: str | Path, stdin: str = "") -> tuple[int, str, str]:
    utf8 = {"PYTHONIOENCODING": "utf-8"}
    done = scout("fmt", *map(str, args), input=stdin.encode(), env=utf8)
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    path = tmp_path / "messy.scout"
    path.write_text(MESSY, encoding="utf-8")
    return path


def test_files_are_rewritten_in_place(messy: Path) -> None:
    messy.chmod(0o640)
    assert fmt(messy) == (0, f"formatted: {messy}\n", "")
    assert messy.read_text(encoding="utf-8") == USUAL
    assert stat.S_IMODE(messy.stat().st_mode) == 0o640
    before = messy.stat().st_mtime_ns
    assert fmt(messy) == (0, "", "")
    assert messy.stat().st_mtime_ns == before


def test_text_and_standard_input_go_to_standard_output() -> None:
    assert fmt("-c", MESSY) == (0, USUAL, "")
    assert fmt("-", stdin=MESSY) == (0, USUAL, "")
    assert fmt("-c", "") == (0, "", "")


def test_check_names_the_files_and_writes_nothing(messy: Path, tmp_path: Path) -> None:
    usual = tmp_path / "usual.scout"
    usual.write_text(USUAL, encoding="utf-8")
    assert fmt("--check", usual, messy) == (1, f"would change: {messy}\n", "")
    assert messy.read_text(encoding="utf-8") == MESSY
    assert fmt("--check", usual) == (0, "", "")


def test_diff_can_be_applied(messy: Path, tmp_path: Path) -> None:
    code, out, err = fmt("--diff", messy.name if Path.cwd() == tmp_path else messy)
    assert (code, err) == (1, "")
    assert out.splitlines()[2:] == [
        "@@ -1 +1,2 @@",
        "-system Cu-P;require CN(Cu–P)==4  # four",
        "+system Cu-P",
        "+require CN(Cu-P) = 4  # four",
    ]
    assert messy.read_text(encoding="utf-8") == MESSY
    done = run(["patch", "-s", str(messy)], input=out.encode())
    assert (done.returncode, messy.read_text(encoding="utf-8")) == (0, USUAL)
    assert fmt("--diff", messy) == (0, "", "")


def test_a_missing_line_end_is_seen() -> None:
    code, out, _ = fmt("--diff", "-c", "system Cu-P")
    assert (code, out.splitlines()[-3:]) == (
        1,
        ["-system Cu-P", "\\ No newline at end of file", "+system Cu-P"],
    )
    assert fmt("--check", "--diff", "-c", "system Cu-P")[2] == "would change: <text>\n"


def test_a_program_with_errors_is_left_and_the_others_are_not(messy: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.scout"
    wrong.write_text(WRONG, encoding="utf-8")
    code, out, err = fmt(wrong, messy, tmp_path / "none.scout")
    assert (code, out) == (1, f"formatted: {messy}\n")
    assert "error[E012]" in err
    assert "error[E001]" in err
    assert wrong.read_text(encoding="utf-8") == WRONG
    assert messy.read_text(encoding="utf-8") == USUAL


def test_a_link_stays_a_link(messy: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.scout"
    link.symlink_to(messy)
    assert fmt(link)[0] == 0
    assert link.is_symlink()
    assert messy.read_text(encoding="utf-8") == USUAL


def test_a_folder_that_may_not_be_written_is_reported(messy: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    messy.parent.chmod(0o500)
    try:
        code, _, err = fmt(messy)
    finally:
        messy.parent.chmod(0o700)
    assert (code, "error[E001]" in err) == (1, True)


def test_wrong_usage() -> None:
    assert fmt()[0] == 2
    assert fmt("-c", MESSY, "x.scout")[0] == 2


def test_diff_shows_lines_that_stay() -> None:
    code, out, _ = fmt("--diff", "-c", "system Cu-P\nrequire CN(Cu-P)=4\n")
    assert (code, out.splitlines()[3:]) == (
        1,
        [" system Cu-P", "-require CN(Cu-P)=4", "+require CN(Cu-P) = 4"],
    )
