"""docs/repl.md shows what happens, and all commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import scout
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from scoutlang.interfaces.repl.commands import COMMANDS, Given, command
from scoutlang.interfaces.repl.interpreter import MORE, PROMPT, feed, replay
from scoutlang.interfaces.repl.session import Reply, Session
from scoutlang.interfaces.repl.terminal import _Words

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "repl.md").read_text(encoding="utf-8")
OF_SAMPLES = (":sample", ":hits", ":plot")
"""Their answers rest on the random numbers and the rounding of the machine."""


def block(language: str) -> str:
    [found] = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return str(found)


def typed(transcript: str) -> Iterator[str]:
    for line in transcript.splitlines():
        for start in (PROMPT, MORE):
            if line.startswith(start):
                yield line.removeprefix(start)


def answers(transcript: str) -> dict[str, str]:
    """What was said from one prompt to the next, by the input, without what samples decide."""
    parts = re.split(rf"^{PROMPT}", transcript, flags=re.MULTILINE)[1:]
    return {part.partition("\n")[0]: part for part in parts if not part.startswith(OF_SAMPLES)}


@pytest.fixture
def with_examples(tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")


@pytest.mark.usefixtures("with_examples")
def test_the_session_without_its_samples(session: Session) -> None:
    transcript, said = block("text"), []
    lines = [line for line in typed(transcript) if not line.startswith(OF_SAMPLES)]
    assert len(lines) >= 12
    replay(session, "\n".join(lines), said.append)
    expected = {
        head: text for head, text in answers(transcript).items() if not head.startswith(":history")
    }
    found = {
        head: text
        for head, text in answers("".join(f"{one}\n" for one in said)).items()
        if not head.startswith(":history")
    }
    assert found == expected


@pytest.mark.slow
@pytest.mark.usefixtures("with_examples")
def test_the_session_with_its_samples_and_fewer_steps(session: Session) -> None:
    said: list[str] = []
    lines = list(
        typed(block("text").replace("steps=150", "steps=4").replace(":sample 8", ":sample 2"))
    )
    refused = [line for line in lines if line.startswith("require CN(Cu-Ge)")]
    replay(session, "\n".join(line for line in lines if line not in refused), said.append)
    text = "\n".join(said)
    assert "error[" not in text
    assert text.count("hits: non-guided") == 2
    assert text.count("the same seed, guided arm") == 1


def test_the_table_of_commands() -> None:
    rows = re.findall(r"^\| `(:.*?)` \| (.*) \|$", TEXT, re.MULTILINE)
    assert rows == [(command.form, command.help) for command in COMMANDS.values()]


def test_a_command_is_added_in_one_place(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(COMMANDS, "toy", COMMANDS["show"])  # and away again after the test

    @command("toy [FILE]", "a command of this test", "file")
    def toy(session: Session, given: Given) -> Reply:
        return Reply(f"{len(given.words)} words")

    assert feed(session, ":toy 'a b'").text == "1 words"
    assert re.search(r"^:toy \[FILE\] +a command of this test$", feed(session, ":help").text, re.M)
    assert "it is called :toy [FILE]" in feed(session, ":toy a b").text
    typed = Document(":to", 3)
    offered = [one.text for one in _Words(session).get_completions(typed, CompleteEvent())]
    assert offered == ["toy"]
    with pytest.raises(AssertionError):  # docs/repl.md does not have it
        test_the_table_of_commands()


def test_a_script() -> None:
    line, shown = block("console").split("\n", 1)
    given = re.fullmatch(r"\$ printf '(.*)' \| scout replay -", line)
    assert given
    typed = given[1].replace("\\n", "\n").encode()
    done = scout("replay", "-", input=typed, check=True, env={"PYTHONIOENCODING": "utf-8"})
    assert done.stdout.decode() == shown
