"""What a session makes: samples, runs, their difference, and what is said of them. The model is small and untrained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from talking import Wide, talk
from test_running import Interrupt, judge_quickly, write_model

from scoutlang import running
from scoutlang.repl import samples
from scoutlang.repl.session import Session

STATEMENTS = "system Cu-P; atoms in [3, 4]; require two: CN(Cu-P) = 2; sample count=3 batch=2 steps=5 seed=7 model="


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "small", seed=0)


@pytest.fixture
def ready(session: Session, model: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    judge_quickly(monkeypatch)
    talk(session, f'{STATEMENTS}"{model}"')
    return session


class Stopping(Wide):
    """Somebody presses Ctrl-C in an arm."""

    def __init__(self, arm: str) -> None:
        self.arm = arm

    @contextmanager
    def watching(self) -> Iterator[running.Watcher]:
        yield Interrupt(self.arm, 0)


def test_a_sample_has_both_arms_and_leaves_nothing_behind(ready: Session, tmp_path: Path) -> None:
    [said] = talk(ready, ":sample 2")
    assert re.search(r"require two: CN\(Cu-P\) = 2 .*non-guided|non-guided.*guided", said, re.DOTALL)
    assert re.search(r"hits: non-guided \d of 2, guided \d of 2", said)
    folder = ready.made.last().folder
    assert (folder / "run.json").is_file()
    ready.close()
    assert not folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_the_model_stays_and_the_non_guided_arm_is_not_made_twice(ready: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    talk(ready, ":sample 2")
    monkeypatch.setattr(samples, "load_model", None)  # a second call would fail
    first = ready.made.last()
    talk(ready, "require two: CN(Cu-P) = 3")
    [said] = talk(ready, ":sample 2")
    second = ready.made.last()
    assert second.judged.run.manifest["baseline"] == str(first.folder)
    table = said.partition("the same seed, guided arm")[2]
    assert [line.split("│")[1].strip() for line in table.splitlines() if "│" in line] == [
        "require two: CN(Cu-P) = 2",
        "require two: CN(Cu-P) = 3",
        "all that it requires",
    ]
    counts = {line.split("│")[1].strip(): line.split("│")[2:4] for line in table.splitlines() if "│" in line}
    hits = [sum(r.hit is True for r in one.records if r.arm == "guided") for one in (first, second)]
    assert counts["require two: CN(Cu-P) = 2"][0].strip() == f"{hits[0]} of 2"
    assert counts["require two: CN(Cu-P) = 3"][1].strip() == f"{hits[1]} of 2"


def test_the_same_hypothesis_again_has_no_difference(ready: Session) -> None:
    first, second = talk(ready, ":sample 2", ":sample 2")
    assert "the same seed" not in second
    assert first == second


def test_what_was_made_can_be_looked_at(ready: Session) -> None:
    talk(ready, ":sample 2")
    hits, view, plot = talk(ready, ":hits", ":view 4", ":plot CN(Cu-P)")
    made = [record for record in ready.made.last().records if record.hit]
    assert ("no hits among 4 structures" in hits) == (not made)
    assert all(record.arm in hits for record in made)
    assert re.match(r"4  guided  \w+, [34] atoms: (hit|miss|undefined)\n  a = \d", view)
    assert view.count("require two: CN(Cu-P) = 2") == 1
    assert plot.splitlines()[0] == "CN(Cu-P)"
    without = sum(int(n) for n in re.findall(r": (\d) of 2 without", plot))
    assert sum(int(n) for n in re.findall(r"█ (\d+)", plot)) + without == 4
    assert "from 1 to 4" in ready.feed(":view 5").text
    assert "error[E030]" in ready.feed(":plot CN(Cu-S)").text


def test_histogram() -> None:
    lines = list(samples.histogram({"non-guided": [0.0, 1.0, 1.0, None], "guided": [10.0, 10.0, 10.0, 10.0]}, 100))
    assert len(lines) == 12
    assert lines[1].split() == ["0", "–", "1", "██████", "1"]
    assert lines[2].split() == ["1", "–", "2", "█" * 12, "2"]
    assert lines[10].split() == ["9", "–", "10", "█" * 24, "4"]
    assert lines[11] == "  non-guided: 1 of 4 without a value"
    assert list(samples.histogram({"guided": [None]}, 100)) == ["  guided: 1 of 1 without a value"]
    assert all(len(line) <= 40 for line in samples.histogram({"non-guided": [4.0, 2.5], "guided": [3.0]}, 40))
    assert len(list(samples.histogram({"guided": [4.0, 4.0]}, 100))) == 2


def test_a_report_of_a_sample_needs_a_name(ready: Session) -> None:
    talk(ready, ":sample 1")
    assert "E702" in ready.feed(":report").text


def test_a_run_stays(ready: Session, tmp_path: Path) -> None:
    said, again = talk(ready, ":run", ":run")
    assert "files in runs/session-1" in said
    assert "files in runs/session-2" in again
    assert len(ready.made.last().records) == 6
    assert "E601" in ready.feed(":run runs/session-1").text
    assert (tmp_path / "runs" / "session-1" / "summary.json").is_file()


@pytest.mark.parametrize(("arm", "left"), [("guided", 2), ("non-guided", 0)])
def test_ctrl_c_keeps_what_is_done(ready: Session, arm: str, left: int) -> None:
    ready.host = Stopping(arm)
    reply = ready.feed(":sample 2")
    assert not reply.ok
    if left:
        assert "hits: non-guided" in reply.text
        assert "interrupted: this is what was finished" in reply.text
        assert len(ready.made.last().records) == left
    else:
        assert "E703" in reply.text
    ready.host = Wide()
    assert ready.feed(":sample 1").ok


def test_a_model_that_is_not_there(session: Session) -> None:
    talk(session, "system Cu-P", 'sample model="nowhere"')
    assert "error[E510]" in session.feed(":sample").text


def test_a_sweep_is_no_single_run(ready: Session) -> None:
    talk(ready, "sweep k in {0.2, 0.4}")
    assert ":drop k" in ready.feed(":sample").text
