"""The tutorials: what they say to type is typed, in their order, in one folder.

A block with the title of a file is that file. A `console` block is run: its output is compared as
it stands, or, with the title "as one machine printed it", by its words, because numbers of a
sampled run differ from processor to processor. A `bash` block is not run (it needs a GPU, a cluster
or files of the reader); its commands and options must exist.
"""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from subprocess import PIPE, STDOUT

import click
import pytest
from click.testing import CliRunner
from processes import run

from scoutlang.interfaces.cli import commands

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "tutorials").glob("*.md"))
VARIES = "as one machine printed it"


@dataclass(frozen=True)
class Block:
    language: str
    title: str
    text: str


def blocks(page: Path) -> list[Block]:
    found = re.findall(
        r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$',
        page.read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    return [Block(*one) for one in found]


def commands_of(block: Block) -> Iterator[tuple[list[str], str]]:
    """Each command of a console block with what is shown below it."""
    for one in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        typed, _, shown = one.partition("\n")
        yield shlex.split(typed), shown


def visible(text: str) -> str:
    """Without the spaces that a table has at the ends of its lines."""
    return "\n".join(line.rstrip() for line in text.splitlines()).strip()


def words(text: str) -> set[str]:
    """The beginning of each line up to its first number, where there are letters in it."""
    begins = (re.split(r"\d|  ", line.strip(" │┃|"))[0].strip(" │┃|") for line in text.splitlines())
    return {one for one in begins if re.search(r"[a-zA-Z]{3}", one)}


def answer(name: str, arguments: list[str], installed: Path) -> tuple[int, str]:
    """What a command answers, with its exit code. pip installs into that folder; until it does,
    ``scout`` is called in this process, which has loaded torch already.
    """
    if name == "scout" and not installed.exists():
        result = CliRunner(catch_exceptions=False).invoke(commands, arguments)
        return result.exit_code, result.output
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(installed)]
    python = [sys.executable, "-P", "-m"]
    command = {
        "scout": [*python, "scoutlang", *arguments],
        "python": [sys.executable, "-P", *arguments],
        "pip": [*python, "pip", "--quiet", *arguments, *offline],
    }[name]
    paths = {"PYTHONIOENCODING": "utf-8", "PYTHONPATH": f"{installed}:{ROOT}"}
    done = run(command, env=paths, stdout=PIPE, stderr=STDOUT)
    return done.returncode, done.stdout.decode()


@pytest.mark.slow
def test_a_first_week(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("SCOUT_CACHE", str(tmp_path / "cache"))
    typed = 0
    for page in PAGES:
        for block in blocks(page):
            if block.language == "console":
                for (name, *arguments), shown in commands_of(block):
                    code, said = answer(name, arguments, tmp_path / "installed")
                    where = f"{page.name}: {name} {shlex.join(arguments)}\n{said}"
                    if block.title == VARIES:
                        assert code == 0, where
                        assert words(shown) <= words(said), where
                    else:
                        assert visible(said) == visible(shown), where
                    typed += 1
            elif block.title:
                file = Path(block.title)
                file.parent.mkdir(exist_ok=True)
                file.write_text(block.text, encoding="utf-8")
    assert typed >= 15


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_that_cannot_run_here_are_commands(page: Path) -> None:
    for block in blocks(page):
        if block.language == "bash":
            for line in block.text.splitlines():
                name, *arguments = shlex.split(line)
                if name == "scout":
                    parsed(arguments)


def test_an_unknown_option_would_be_noticed() -> None:
    with pytest.raises(click.NoSuchOption):
        parsed(["run", "pairs.scout", "--modle", "mini"])


def parsed(arguments: list[str]) -> None:
    """Read the arguments of ``scout`` and do nothing. Paths need not exist, and numbers that the
    shell fills in are 1.
    """
    name, *rest = arguments
    command = commands.get_command(click.Context(commands), name)
    assert command is not None, name
    filled = [re.sub(r"\$\w+", "1", one) for one in rest]
    try:
        command.make_context(name, filled)
    except click.BadParameter as error:
        if "does not exist" not in error.message:  # a path of the reader's
            raise


def test_each_page_leads_to_the_next() -> None:
    for page, following in pairwise(PAGES):
        last = page.read_text(encoding="utf-8").rstrip().splitlines()[-1]
        assert f"]({following.name})" in last, page.name
