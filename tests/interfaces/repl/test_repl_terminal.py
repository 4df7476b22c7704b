"""The REPL in a real pseudo-terminal."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from scoutlang.interfaces.repl.interrupts import deferred

pexpect = pytest.importorskip("pexpect")

ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[()=>].?)")
ROOT = Path(__file__).parents[3]


class Terminal:
    """A person at a terminal: types, and waits for what appears. It answers the question where the
    cursor is, as terminals do.
    """

    def __init__(self, data: Path, columns: int = 100, **environment: str) -> None:
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")
        }
        self.child = pexpect.spawn(
            sys.executable,
            ["-m", "scoutlang"],
            env={
                **kept,
                "TERM": "xterm",
                "PYTHONIOENCODING": "utf-8",
                "SCOUT_DATA": str(data),
                **environment,
            },
            encoding="utf-8",
            dimensions=(30, columns),
            timeout=30,
            cwd=str(data.parent),
        )
        self.seen = ""
        self.wait("scout>")

    def wait(self, text: str) -> str:
        """Everything that appeared up to the first text like that, without escapes."""
        start, end = len(self.seen), time.monotonic() + 60
        while time.monotonic() < end:
            try:
                new = self.child.read_nonblocking(4096, timeout=0.2)
            except pexpect.TIMEOUT:
                new = ""
            except pexpect.EOF:
                break
            for _ in range(new.count("\x1b[6n")):
                self.child.send("\x1b[1;1R")
            self.seen += new
            if text in ESCAPES.sub("", self.seen[start:]):
                return ESCAPES.sub("", self.seen[start:])
        raise AssertionError(f"no {text!r} in {ESCAPES.sub('', self.seen[start:])!r}")

    def type(self, text: str, wait: str) -> str:
        self.child.send(text)
        return self.wait(wait)

    def leave(self) -> int:
        """Ctrl-D; the exit code."""
        self.settle()
        self.child.send("\x04")
        self.child.expect(pexpect.EOF)
        self.child.close()
        return int(self.child.exitstatus)

    def settle(self) -> None:
        """Until nothing more appears for a moment."""
        quiet = 0
        while quiet < 2:
            try:
                new = self.child.read_nonblocking(4096, timeout=0.15)
            except pexpect.TIMEOUT:
                quiet += 1
                continue
            quiet = 0
            for _ in range(new.count("\x1b[6n")):
                self.child.send("\x1b[1;1R")
            self.seen += new


def script(file: Path, text: str) -> Path:
    """A program that somebody might have chosen."""
    file.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    file.chmod(0o755)
    return file


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    made: list[Terminal] = []

    def start(columns: int = 100, **environment: str) -> Terminal:
        made.append(Terminal(tmp_path / "data", columns, **environment))
        return made[-1]

    yield start
    for one in made:
        one.child.close(force=True)


def test_statement_error_completion_and_leaving(terminal: Callable[..., Terminal]) -> None:
    one = terminal()
    one.type("system Cu-P\r", "Cu-P · 0 terms · mini (not loaded)")
    said = one.type("require CN(Cu-S) = 4\r", "1 error")
    assert "error[E030]: S is not in the system" in said
    one.type("require CN(Cu-P) = 4\r", "mean over Cu sites")
    one.type(":und\t", ":undo")
    one.type("\r", "scout> ")
    one.settle()
    one.type(":show\r", "system Cu-P\r\n")
    assert "\x1b[0;34;1m" in one.seen  # colours
    assert one.leave() == 0


@pytest.mark.slow
def test_many_lines_paste_and_ctrl_c(terminal: Callable[..., Terminal]) -> None:
    one = terminal()
    one.type("system Cu-P\r", "0 terms")
    one.type("require CN(Cu-P) = 4 and\r", "…")
    one.type("CN(Cu-Cu) = 1\r", "mean(CN(Cu-P)) = 4")
    one.settle()
    one.child.send("requi")
    one.settle()
    one.child.sendintr()
    one.settle()
    pasted = "\n".join(
        f"require t{i}: (CN(Cu-P) > {i / 100}\n  and CN(Cu-Cu) < 9)" for i in range(100)
    )
    one.child.send(f"\x1b[200~{pasted}\x1b[201~")
    one.settle()
    one.type("\r", "and 80 more")
    one.wait("101 terms")
    assert one.leave() == 0


def test_elements_are_completed_from_the_system(terminal: Callable[..., Terminal]) -> None:
    one = terminal()
    one.type("system Cu-Si\r", "0 terms")
    one.type("require CN(Cu-S\t", "CN(Cu-Si")
    one.child.sendintr()
    assert one.leave() == 0


@pytest.mark.slow
@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_without_colours(terminal: Callable[..., Terminal], environment: dict[str, str]) -> None:
    one = terminal(**environment)
    one.type("system Cu-P\r", "scout>")
    one.type("require (CN(Cu-S) = 4\r", "4")
    said = one.type(" and CN(Cu-P) = 1)\r", "1 error")
    assert "error[E030]" in said
    assert not re.search(r"\x1b\[[0-9;]*[34][0-7]m", one.seen)
    assert one.leave() == 0


@pytest.mark.slow
def test_forty_columns(terminal: Callable[..., Terminal]) -> None:
    one = terminal(columns=40)
    one.type("system Cu-Si-P-Ca-Mg-Fe-Co-Ni-Mn-Zn\r", "Cu-Si-P-Ca-Mg-Fe-Co-Ni-Mn-Zn · 0 terms")
    one.type("require CN(Cu-P) = 4\r", "CN(Cu-P) = 4 ± 0.5")
    one.settle()
    said = one.type(":help\r", "leave (Ctrl-D)")
    assert ":sweep [NAME=VALUES]\r\n    a run for each value" in said
    assert max(len(line) for line in said.splitlines()) <= 40
    one.settle()
    said = one.type(f":measure {ROOT}/examples/structures/CuP2.cif\r", "1 measured")
    assert max(len(line) for line in said.splitlines() if "target" in line) <= 40
    assert "exact 4.000" in said
    assert one.leave() == 0


@pytest.mark.slow
def test_letters_of_other_alphabets(terminal: Callable[..., Terminal]) -> None:
    one = terminal(columns=60)
    one.type("system Cu-P\r", "0 terms")
    one.type(
        "require volume_per_atom in [14, 22] Å^3  # 晶体 кристалл 💎 e\u0301\r", "in [14, 22] Å^3"
    )
    assert "error[E012]" in one.type("требую CN\r", "1 error")
    one.settle()
    one.type(":explain 晶\r", "no code `晶`")
    one.settle()
    assert "# 晶体 кристалл 💎" in one.type(":show\r", "💎")
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
    pasted = f"\x1b[200~{chr(10).join(lines)}\x1b[201~"
    one.child.delaybeforesend = None
    for start in range(0, len(pasted), 1_000):
        one.child.send(pasted[start : start + 1_000])
        if start % 50_000 == 0:
            one.settle()  # a terminal holds so much and no more
    one.wait("t999")
    one.settle()
    assert "and 980 more" in one.type("\r", "1000 terms")
    one.settle()
    one.type("require last: CN(Cu-P) = 4\r", "1001 terms")
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
    one.type("system Cu-P\r", "0 terms")
    assert one.leave() == 0


@pytest.mark.slow
def test_history_of_an_earlier_session(terminal: Callable[..., Terminal]) -> None:
    one = terminal()
    one.type("system Cu-P\r", "0 terms")
    assert one.leave() == 0
    two = terminal()
    two.settle()
    two.type("\x1b[A", "system Cu-P")
    two.type("\r", "0 terms")
    assert two.leave() == 0


@pytest.mark.slow
def test_ctrl_c_while_sampling_and_a_structure_in_the_browser(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    browser = script(tmp_path / "browser", f'echo "$1" > "{tmp_path}/opened"')
    one = terminal(BROWSER=f"{browser} %s")
    one.type("system Cu-P; require CN(Cu-P) = 4; sample steps 20000\r", "1 term ")
    one.type(":sample 2\r", "loading the sampler")
    one.child.kill(signal.SIGINT)  # torch is being imported, which must not be left half done
    one.wait("interrupted")
    one.settle()
    one.type(":sample 2\r", "step 1")
    one.child.kill(signal.SIGINT)
    one.wait("finishing this batch")
    one.child.kill(signal.SIGINT)
    assert "error[E703]: interrupted in the first batch, which is lost" in one.wait("hint")
    one.settle()
    one.type(":set steps=150\r", "scout>")
    one.type(":sample 2\r", "step ")
    one.child.kill(signal.SIGINT)
    assert "hits: non-guided" in one.wait("interrupted: this is what was finished")
    one.settle()
    one.type(":view 2\r", "opened in the browser (it goes with the session):")
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
    one.type("system Cu-P\r", "0 terms")
    one.type("require four: CN(Cu-P) = 4\r", "four: CN(Cu-P) = 4 ± 0.5")
    one.settle()
    one.type(":edit\r", "four: CN(Cu-P) = 3 ± 0.5")
    one.settle()
    one.type(":save three.scout\r", "saved in three.scout")
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
    subprocess.run(
        [sys.executable, "-m", "scoutlang", "replay", str(kept)],
        check=True,
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
    )
    assert (tmp_path / "three.scout").read_bytes() == (tmp_path / "first.scout").read_bytes()


def test_nothing_is_kept_where_that_is_not_wanted(
    terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    one = terminal(SCOUT_RECORD="0")
    one.type("system Cu-P\r", "0 terms")
    assert one.leave() == 0
    assert not (tmp_path / "data" / "sessions").exists()


def test_an_interrupt_waits_for_the_end_of_an_import() -> None:
    reached = []

    def press() -> None:
        with deferred():
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)
            reached.append("the end")

    with pytest.raises(KeyboardInterrupt):
        press()
    assert reached == ["the end"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_first_prompt_does_not_wait_for_torch() -> None:
    code = (
        "import sys, scoutlang.interfaces.repl.terminal as t\n"
        "from prompt_toolkit import PromptSession\n"
        "from scoutlang.interfaces.cli.repl import Scout; from scoutlang.interfaces.repl.session import Session\n"
        "def prompt(self, *rest): print('torch' in sys.modules, 'pymatgen' in sys.modules, 'rich' in sys.modules); raise EOFError\n"
        "PromptSession.prompt = prompt\n"
        "t.talk(Session(Scout()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, timeout=60, cwd=ROOT
    )
    assert done.stdout.decode().splitlines()[-1] == "False False False"
