"""What a session makes: samples, runs, their difference, and what is said of them. The model is
small and untrained.
"""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from small_runs import Interrupt, judge_quickly
from talking import Watched, Wide, talk

from scoutlang.interfaces.repl import samples
from scoutlang.interfaces.repl.interpreter import feed
from scoutlang.interfaces.repl.session import Session
from scoutlang.runs import run as running
from scoutlang.runs.folder import RunFolder
from scoutlang.runs.glance import Glance


def test_a_sample_has_both_arms_and_leaves_nothing_behind(ready: Session, tmp_path: Path) -> None:
    [said] = talk(ready, ":sample 2")
    assert re.search(
        r"require two: CN\(Cu-P\) = 2 .*non-guided|non-guided.*guided", said, re.DOTALL
    )
    assert re.search(r"hits: non-guided \d of 2, guided \d of 2", said)
    folder = ready.made.folder
    assert (folder / "run.json").is_file()
    ready.close()
    assert not folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_the_model_stays_and_the_non_guided_arm_is_not_made_twice(
    ready: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk(ready, ":sample 2")
    monkeypatch.setattr(samples, "load_model", None)  # a second call would fail
    first = ready.made
    talk(ready, "require two: CN(Cu-P) = 3")
    [said] = talk(ready, ":sample 2")
    second = ready.made
    assert second.judged.run.manifest.baseline == str(first.folder)
    table = said.partition("the same seed, guided arm")[2]
    assert [line.split("│")[1].strip() for line in table.splitlines() if "│" in line] == [
        "require two: CN(Cu-P) = 2",
        "require two: CN(Cu-P) = 3",
        "all that it requires",
    ]
    counts = {
        line.split("│")[1].strip(): line.split("│")[2:4]
        for line in table.splitlines()
        if "│" in line
    }
    hits = [sum(r.hit is True for r in one.records if r.arm == "guided") for one in (first, second)]
    assert counts["require two: CN(Cu-P) = 2"][0].strip().startswith(f"{hits[0]} of 2 (")
    assert counts["require two: CN(Cu-P) = 3"][1].strip().startswith(f"{hits[1]} of 2 (")


def test_the_same_hypothesis_again_has_no_difference(ready: Session) -> None:
    first, second = talk(ready, ":sample 2", ":sample 2")
    assert "the same seed" not in second
    assert first == second


def test_what_was_made_can_be_looked_at(ready: Session) -> None:
    talk(ready, ":sample 2")
    hits, view, plot = talk(ready, ":hits", ":view 4", ":plot CN(Cu-P)")
    made = [record for record in ready.made.records if record.hit]
    assert ("no hits among 4 structures" in hits) == (not made)
    assert all(record.arm in hits for record in made)
    assert re.match(r"4  guided  \w+, [34] atoms: (hit|miss|undefined)\n  a = \d", view)
    assert view.count("require two: CN(Cu-P) = 2") == 1
    assert plot.splitlines()[0] == "CN(Cu-P)"
    without = sum(int(n) for n in re.findall(r": (\d) of 2 without", plot))
    assert sum(int(n) for n in re.findall(r"█ (\d+)", plot)) + without == 4
    assert "from 1 to 4" in feed(ready, ":view 5").text
    assert "error[E030]" in feed(ready, ":plot CN(Cu-S)").text


def test_a_report_of_a_sample_needs_a_name(ready: Session) -> None:
    talk(ready, ":sample 1")
    assert "E702" in feed(ready, ":report").text


def test_a_run_stays(ready: Session, tmp_path: Path) -> None:
    said, again = talk(ready, ":run", ":run")
    assert "files in runs/session-1" in said
    assert "files in runs/session-2" in again
    assert len(ready.made.records) == 6
    assert "E601" in feed(ready, ":run runs/session-1").text
    assert (tmp_path / "runs" / "session-1" / "summary.json").is_file()


@pytest.mark.parametrize(("arm", "left"), [("non-guided", 2), ("guided", 0)])
def test_ctrl_c_keeps_what_is_done(ready: Session, arm: str, left: int) -> None:
    ready.host = Watched(Interrupt(arm, 0))
    reply = feed(ready, ":sample 2")
    assert not reply.ok
    if left:
        assert "hits: guided" in reply.text
        assert "interrupted: this is what was finished" in reply.text
        assert len(ready.made.records) == left
    else:
        assert "E703" in reply.text
    ready.host = Wide()
    assert feed(ready, ":sample 1").ok


def test_a_model_that_is_not_there(session: Session) -> None:
    talk(session, "system Cu-P", 'sample model="nowhere"')
    assert "error[E510]" in feed(session, ":sample").text


def test_a_sweep_is_no_single_run(ready: Session) -> None:
    talk(ready, "sweep k in {0.2, 0.4}")
    for command in (":sample", ":run"):
        assert ":sweep runs it; without it, :drop k" in feed(ready, command).text


# -- :sweep --


def rows(table: str) -> dict[str, list[str]]:
    """The cells of a table by the first of each row."""
    lines = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in table.splitlines()
        if line.startswith("│")
    ]
    return {line[0]: line[1:] for line in lines}


def test_a_sweep_has_a_run_for_each_value_and_one_non_guided_arm(
    ready: Session, tmp_path: Path
) -> None:
    talk(ready, "sweep k in {0.2, 0.8}", "sweep cap in {0.5, 2}")
    [said] = talk(ready, ":sweep")
    names = [f"k={k},cap={cap}" for k in ("0.2", "0.8") for cap in ("0.5", "2")]
    runs = [RunFolder.open(tmp_path / "runs" / "session-1" / name) for name in names]
    assert list(rows(said)) == names
    assert [run.program.guide.k.start for run in runs] == [0.2, 0.2, 0.8, 0.8]
    assert [run.manifest.baseline for run in runs] == [
        None,
        *["runs/session-1/k=0.2,cap=0.5"] * 3,
    ]
    assert (
        len({(run.path / "samples" / "non-guided-000000.json").read_bytes() for run in runs}) == 1
    )
    last = ready.made
    assert last.folder == Path("runs/session-1/k=0.8,cap=2")
    hits = sum(record.hit is True for record in last.records if record.arm == "guided")
    assert rows(said)["k=0.8,cap=2"][1].startswith(f"{hits} of 3 ")


def test_a_sweep_for_this_time_leaves_the_program_as_it_stands(
    ready: Session, tmp_path: Path
) -> None:
    talk(ready, ":set k=0.5")
    before = ready.standing
    [said] = talk(ready, ":sweep mine k = 0.2, 0.4")
    assert list(rows(said)) == ["k=0.2", "k=0.4"]
    assert (tmp_path / "mine" / "k=0.4" / "summary.json").is_file()
    assert ready.standing == before
    assert "  8 |" not in said
    for text, code in (
        ("k = 0.2, 0.2", "E077"),
        ("cappp = 1", "E077"),
        ("k = ", "E01"),
        ("k in {0.2,", "E0"),
        ("", "E702"),
    ):
        reply = feed(ready, f":sweep {text}")
        assert not reply.ok
        assert f"error[{code}" in reply.text, reply.text
    assert "^" in feed(ready, ":sweep k = 0.2, -1").text


def test_a_sweep_that_was_interrupted_goes_on(ready: Session, tmp_path: Path) -> None:
    class Second(Wide):
        """Ctrl-C in the guided arm of the second run, in a batch and once more."""

        count = 0

        @contextmanager
        def watching(self) -> Iterator[running.Watcher]:
            self.count += 1
            yield Interrupt("guided", 0) if self.count == 2 else running.Silent()

    ready.host = Second()
    reply = feed(ready, ":sweep k = 0.2, 0.4")
    assert not reply.ok
    assert list(rows(reply.text)) == ["k=0.2"]
    assert (
        "interrupted: 1 of 2 runs were finished\n  :sweep runs/session-1 k = 0.2, 0.4 goes on"
        in reply.text
    )
    done = tmp_path / "runs" / "session-1" / "k=0.2" / "samples" / "guided-000000.json"
    before = done.stat().st_mtime_ns
    ready.host = Wide()
    [said] = talk(ready, ":sweep runs/session-1 k = 0.2, 0.4")
    assert list(rows(said)) == ["k=0.2", "k=0.4"]
    assert done.stat().st_mtime_ns == before


# -- :plot and :view --


@pytest.fixture(scope="module")
def sampled() -> Iterator[Session]:
    """Four structures per arm that are crystals, of the embedded model."""
    with pytest.MonkeyPatch.context() as patch:
        judge_quickly(patch)
        made = Session(Wide())
        talk(
            made,
            "system Cu-P; atoms in [3, 6]; require two: CN(Cu-P) = 2; sample steps=40 seed=1",
            ":sample 4",
        )
        yield made
        made.close()


def counted(plot: str) -> tuple[int, list[list[str]]]:
    """How many values the bars stand for, and the lines of the bins as words."""
    bins = [line.split() for line in plot.splitlines() if re.search(r"\d – ", line)]
    return sum(int(n) for n in re.findall(r"█ (\d+)", plot)), bins


def test_any_expression_is_plotted_with_its_unit(sampled: Session) -> None:
    sound = [record.structure for record in sampled.made.records if record.passed("geometry")]
    volumes = [structure.volume / len(structure) for structure in sound]
    said, ratio, both, term = talk(
        sampled,
        ":plot volume_per_atom",
        ":plot max(distance(Cu-P)) / 1 pm",
        ":plot CN(Cu-P) = 2 and density > 1 g/cm^3",
        ":plot two",
    )
    number, bins = counted(said)
    assert said.splitlines()[0] == "volume_per_atom [Å^3]"
    assert number == len(sound) >= 4
    assert (bins[0][0], bins[-1][2]) == (f"{min(volumes):.3g}", f"{max(volumes):.3g}")
    assert ratio.splitlines()[0] == "max(distance(Cu-P)) / 1 pm"
    assert "[margin: 0 and more is satisfied]" in both.splitlines()[0]
    assert term.splitlines()[0] == "require two: CN(Cu-P) = 2"


def test_a_term_and_its_expression_have_the_same_values(sampled: Session) -> None:
    term, expression = talk(sampled, ":plot two", ":plot CN(Cu-P)")
    assert counted(term)[0] == counted(expression)[0] >= 4
    assert "✓" in term
    assert "✓" not in expression


def test_what_the_stages_found_is_plotted(sampled: Session) -> None:
    [said] = talk(sampled, ":plot e_above_hull")
    assert said.splitlines()[0] == "e_above_hull [eV/atom]"
    assert counted(said)[0] == sum(
        record.e_above_hull is not None for record in sampled.made.records
    )


@pytest.mark.parametrize(
    ("text", "code", "mark"),
    [
        ("CN(Cu-S)", "E030", "      " + " " * 6 + "^"),
        ("CN(Cu-P", "E013", "      " + " " * 7 + "^"),
        ("dens1ty * 2", "E032", "      ^^^^^^^"),
        ("crystal_system", "E036", "      ^^^^^^^^^^^^^^"),
        ("3 Å", "E059", "      ^^^"),
    ],
)
def test_an_error_in_a_plot_is_shown_in_its_place(
    sampled: Session, text: str, code: str, mark: str
) -> None:
    reply = feed(sampled, f":plot {text}")
    assert not reply.ok
    shown = reply.text.splitlines()
    assert f"error[{code}]" in shown[0]
    line = next(i for i, one in enumerate(shown) if one.endswith(f"| :plot {text}"))
    gutter = shown[line].index("|") + 2
    assert any(one[gutter:].startswith(mark) for one in shown[line + 1 :]), reply.text


def test_a_structure_has_a_page_of_its_own(sampled: Session) -> None:
    [said] = talk(sampled, ":view 2")
    page = Path(said.splitlines()[-1].strip())
    assert page == sampled.made.folder / "structure-2.html"
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    data = json.loads(found[1])
    structure = sampled.made.records[1].structure
    shown = data["structures"]["structure-2"]
    assert shown["elements"] == [site.specie.symbol for site in structure]
    assert shown["cell"] == pytest.approx(list(structure.lattice.matrix.ravel()), abs=1e-4)
    assert [name for name, _ in data["facts"] if name.startswith("require")] == [
        "require two: CN(Cu-P) = 2"
    ]
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "(it goes with the session):" in said


# -- Ctrl-C --


class Pressing(running.Silent):
    """Real Ctrl-C at each of some steps of the arm's first batch."""

    def __init__(self, arm: str, steps: Sequence[int]) -> None:
        self.arm, self.steps = arm, steps
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def sampling(self, arm: str, done: int, total: int, working: Sequence[Glance]) -> None:
        if working and arm == self.arm and done == 0 and working[-1].step in self.steps:
            os.kill(os.getpid(), signal.SIGINT)


class AtKeyboard(Wide):
    def __init__(self, watcher: Pressing) -> None:
        self.watcher = watcher

    @contextmanager
    def watching(self) -> Iterator[running.Watcher]:
        yield self.watcher


@pytest.mark.parametrize(
    ("arm", "left"),
    [("guided", ["guided"] * 2), ("non-guided", ["non-guided"] * 2 + ["guided"] * 2)],
)
def test_ctrl_c_lets_the_batch_be_finished(ready: Session, arm: str, left: list[str]) -> None:
    ready.host = AtKeyboard(Pressing(arm, [2]))
    reply = feed(ready, ":sample 4")
    assert not reply.ok
    assert "interrupted: this is what was finished" in reply.text
    assert (
        "Ctrl-C: finishing what was begun; press it again to stop at once"
        in ready.host.watcher.notes
    )
    assert [record.arm for record in ready.made.records] == left


def test_ctrl_c_in_the_last_batch_is_no_interruption(ready: Session) -> None:
    ready.host = AtKeyboard(Pressing("non-guided", [2]))
    assert "interrupted" not in talk(ready, ":sample 2")[0]


def test_ctrl_c_twice_stops_at_once(ready: Session) -> None:
    ready.host = AtKeyboard(Pressing("guided", [2, 3]))
    assert "error[E703]" in feed(ready, ":sample 2").text
