"""The REPL in a real pseudo-terminal."""

from __future__ import annotations

import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from at_terminal import Terminal, script
from processes import run, scout, until

from scoutlang.interfaces.interrupts import deferred

ROOT = Path(__file__).parents[3]


def test_statement_error_completion_and_leaving(terminal: Callable[..., Terminal]) -> None:
    one = terminal()
    one.enter("system Cu-P", "Cu-P · 0 terms · mini (not loaded)")
    said = one.enter("require CN(Cu-S) = 4", "1 error")
    assert "error[E030]: S is not in the system" in said
    one.enter("require CN(Cu-P) = 4", "mean over Cu sites")
    one.ready()
    one.press(":und\t", ":undo")
    one.type("\r", "0 terms")
    one.enter(":show", "system Cu-P\r\n")
    assert "\x1b[0;34;1m" in one.seen  # colours
    assert one.leave() == 0


@pytest.mark.slow
def test_many_lines_paste_and_ctrl_c(terminal: Callable[..., Terminal]) -> None:
    one = terminal()
    one.enter("system Cu-P", "0 terms")
    one.enter("require CN(Cu-P) = 4 and", "…")
    one.type("CN(Cu-Cu) = 1\r", "mean(CN(Cu-P)) = 4")
    one.ready()
    one.press("requi", "requi")
    one.send("\x03")
    one.ready()
    pasted = "\n".join(
        f"require t{i}: (CN(Cu-P) > {i / 100}\n  and CN(Cu-Cu) < 9)" for i in range(100)
    )
    one.type(f"\x1b[200~{pasted}\x1b[201~\r", "and 80 more")
    one.wait("101 terms")
    assert one.leave() == 0


def test_elements_are_completed_from_the_system(terminal: Callable[..., Terminal]) -> None:
    one = terminal()
    one.enter("system Cu-Si", "0 terms")
    one.ready()
    one.press("require CN(Cu-S\t", "CN(Cu-Si")
    one.send("\x03")
    assert one.leave() == 0


@pytest.mark.slow
@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_without_colours(terminal: Callable[..., Terminal], environment: dict[str, str]) -> None:
    one = terminal(**environment)
    one.enter("system Cu-P", "scout>")
    one.enter("require (CN(Cu-S) = 4", "4")
    said = one.type(" and CN(Cu-P) = 1)\r", "1 error")
    assert "error[E030]" in said
    assert not re.search(r"\x1b\[[0-9;]*[34][0-7]m", one.seen)
    assert one.leave() == 0


@pytest.mark.slow
def test_forty_columns(terminal: Callable[..., Terminal]) -> None:
    one = terminal(columns=40)
    elements = "Cu-Si-P-Ca-Mg-Fe-Co-Ni-Mn-Zn"
    one.enter(f"system {elements}", f"{elements} · 0 terms")
    one.enter("require CN(Cu-P) = 4", "CN(Cu-P) = 4 ± <0.5")
    said = one.enter(":help", "leave (Ctrl-D)")
    assert ":sweep [NAME=VALUES]\r\n    a run for each value" in said
    assert max(len(line) for line in said.splitlines()) <= 40
    said = one.enter(f":measure {ROOT}/examples/structures/CuP2.cif", "1 measured")
    assert max(len(line) for line in said.splitlines() if "target" in line) <= 40
    assert "exact 4.000" in said
    assert one.leave() == 0


@pytest.mark.slow
def test_letters_of_other_alphabets(terminal: Callable[..., Terminal]) -> None:
    one = terminal(columns=60)
    one.enter("system Cu-P", "0 terms")
    letters = "# 晶体 кристалл 💎"
    one.enter(f"require volume_per_atom in [14, 22] Å^3  {letters} e\u0301", "in [14, 22] Å^3")
    assert "error[E012]" in one.enter("требую CN", "1 error")
    one.enter(":explain 晶", "no code `晶`")
    assert letters in one.enter(":show", "💎")
    assert one.leave() == 0


@pytest.mark.slow
def test_ten_thousand_lines_pasted(terminal: Callable[..., Terminal]) -> None:
    one = terminal()
    lines = ["system Cu-P"]
    for i in range(1_000):
        lines += [
            *[f"# {i}"] * 6,
            f"require t{i}: (CN(Cu-P) > {i / 1_000}",
            "    and CN(Cu-Cu) < 9",
            ")",
            "",
        ]
    pasted = "\n".join(lines)
    one.type(f"\x1b[200~{pasted}\x1b[201~\r", "and 980 more")
    one.wait("1000 terms")
    one.enter("require last: CN(Cu-P) = 4", "1001 terms")
    assert one.leave() == 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folder", "garbage", "closed"])
def test_a_broken_history_is_no_fault(
    terminal: Callable[..., Terminal], tmp_path: Path, kind: str
) -> None:
    data = tmp_path / "data"
    if kind == "closed":
        data.write_text("a file where the folder should be")
    else:
        data.mkdir()
        if kind == "folder":
            (data / "history").mkdir()
        else:
            (data / "history").write_bytes(b"\xff\x00+system \x80\n" * 1000)
    one = terminal()
    one.enter("system Cu-P", "0 terms")
    assert one.leave() == 0


@pytest.mark.slow
def test_history_of_an_earlier_session(terminal: Callable[..., Terminal]) -> None:
    one = terminal()
    one.enter("system Cu-P", "0 terms")
    assert one.leave() == 0
    two = terminal()
    two.press("\x1b[A", "system Cu-P")
    two.type("\r", "0 terms")
    assert two.leave() == 0


@pytest.mark.slow
def test_ctrl_c_while_sampling_and_a_structure_in_the_browser(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    browser = script(tmp_path / "browser", f'echo "$1" > "{tmp_path}/opened"')
    one = terminal(BROWSER=f"{browser} %s")
    one.enter("system Cu-P; require CN(Cu-P) = 4; sample steps 20000", "1 term ")
    one.enter(":sample 2", "loading the sampler")
    one.interrupt()  # torch is being imported, which must not be left half done
    one.wait("interrupted")
    one.enter(":sample 2", "step 1")
    one.interrupt()
    one.wait("finishing what was begun")
    one.interrupt()
    assert "error[E703]: interrupted in the first batch, which is lost" in one.wait("hint")
    one.enter(":set steps=150", "scout>")
    one.enter(":sample 2", "step ")
    one.interrupt()
    assert "hits: guided" in one.wait("interrupted: this is what was finished")
    one.enter(":view 2", "opened in the browser (it goes with the session):")
    until((tmp_path / "opened").is_file)
    opened = urlsplit((tmp_path / "opened").read_text().strip())
    assert opened.scheme == "file"
    assert Path(opened.path).read_text(encoding="utf-8").startswith("<!doctype html>")
    assert one.leave() == 0
    assert not Path(opened.path).exists()


@pytest.mark.slow
def test_a_session_is_edited_kept_and_runs_again(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    editor = script(tmp_path / "editor", 'sed -i s/=\\ 4/=\\ 3/ "$1"')
    one = terminal(VISUAL=str(editor))
    one.enter("system Cu-P", "0 terms")
    one.enter("require four: CN(Cu-P) = 4", "four: CN(Cu-P) = 4 ± <0.5")
    one.enter(":edit", "four: CN(Cu-P) = 3 ± <0.5")
    one.enter(":save three.scout", "saved in three.scout")
    assert one.leave() == 0
    [kept] = (tmp_path / "data" / "sessions").iterdir()
    assert kept.read_text(encoding="utf-8").splitlines()[1:] == [
        "system Cu-P",
        "require four: CN(Cu-P) = 4",
        ":edit",
        "| system Cu-P",
        "| require four: CN(Cu-P) = 3",
        ":save three.scout",
    ]
    (tmp_path / "three.scout").rename(tmp_path / "first.scout")
    scout("replay", str(kept), check=True, cwd=tmp_path)
    assert (tmp_path / "three.scout").read_bytes() == (tmp_path / "first.scout").read_bytes()


def test_nothing_is_kept_where_that_is_not_wanted(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    one = terminal(SCOUT_RECORD="0")
    one.enter("system Cu-P", "0 terms")
    assert one.leave() == 0
    assert not (tmp_path / "data" / "sessions").exists()


def test_an_interrupt_waits_for_the_end_of_an_import() -> None:
    reached = []

    def press() -> None:
        with deferred():
            signal.raise_signal(signal.SIGINT)
            reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        press()
    assert reached == ["the end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_first_prompt_does_not_wait_for_torch() -> None:
    code = (
        "import sys, scoutlang.interfaces.repl.terminal as t\n"
        "from prompt_toolkit import PromptSession\n"
        "from scoutlang.interfaces.cli.repl import Scout\n"
        "from scoutlang.interfaces.repl.session import Session\n"
        "def prompt(self, *rest):\n"
        "    print([m for m in ('torch', 'pymatgen', 'rich', 'filelock') if m in sys.modules])\n"
        "    raise EOFError\n"
        "PromptSession.prompt = prompt\n"
        "t.talk(Session(Scout()))\n"
    )
    done = run([sys.executable, "-c", code], check=True, cwd=ROOT)
    assert done.stdout.decode().splitlines()[-1] == "[]"
