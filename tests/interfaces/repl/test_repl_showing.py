"""What is said of sampled structures: families, differences, what made them, bins that do not mix,
and every way of stopping.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from processes import environment
from small_runs import Interrupt, judge_quickly
from talking import Watched, Wide, talk

from scoutlang.interfaces.repl import samples, scratch, showing
from scoutlang.interfaces.repl.histogram import Axis, histogram
from scoutlang.interfaces.repl.interpreter import feed
from scoutlang.interfaces.repl.session import Session
from scoutlang.runs import judge as judged_runs
from scoutlang.runs import run as running
from scoutlang.runs.folder import RunFolder
from scoutlang.runs.manifest import MANIFEST

# -- histogram --


def test_histogram_without_bounds() -> None:
    values = {
        "non-guided": [(0.0, None), (1.0, None), (1.0, None), (None, None)],
        "guided": [(10.0, None)] * 4,
    }
    lines = list(histogram(values, 100))
    assert len(lines) == 12
    assert lines[1].split() == ["0", "–", "1", "██████", "1"]
    assert lines[2].split() == ["1", "–", "2", "█" * 12, "2"]
    assert lines[10].split() == ["9", "–", "10", "█" * 24, "4"]
    assert lines[11] == "  non-guided: 1 of 4 without a value"
    assert list(histogram({"guided": [(None, None)]}, 100)) == ["  guided: 1 of 1 without a value"]
    assert all(
        len(line) <= 40
        for line in histogram(
            {"non-guided": [(4.0, None), (2.5, None)], "guided": [(3.0, None)]}, 40
        )
    )
    assert list(histogram({"guided": [(4.0, None), (4.0, None)]}, 100))[1] == f"4  {'█' * 24} 2"


@pytest.mark.parametrize(
    ("axis", "holds"),
    [
        (Axis(3.5, 4.5), lambda x: 3.5 <= x <= 4.5),
        (Axis(3.99, 4.01), lambda x: 3.99 <= x <= 4.01),
        (Axis(low=3.0), lambda x: x > 3.0),
        (Axis(low=3.0), lambda x: x >= 3.0),
        (Axis(high=0.0), lambda x: x <= 0.0),
        (Axis(high=0.7), lambda x: x < 0.7),
        (Axis(low=-50.0), lambda x: x > -50.0),
        (Axis(100.0, 1e6), lambda x: 100 <= x <= 1e6),
        (Axis(-1e6, 1e6), lambda x: -1e6 <= x <= 1e6),
    ],
)
def test_no_bin_mixes_what_satisfies_and_what_does_not(axis: Axis, holds: object) -> None:
    assert callable(holds)
    for some in (
        [0, 0.7, 1.2, 3.0, 3.5, 3.99, 4.0, 4.01, 4.25, 4.5, 5],
        [4.5, 4.0],
        [-1, 0, 0.1, 3.0],
        [3.0, 9.0],
        [4.0, 4.0],
    ):
        lines = list(histogram({"guided": [(float(x), bool(holds(x))) for x in some]}, 100, axis))[
            1:
        ]
        inside = [line for line in lines if "✓" in line]
        count = {True: 0, False: 0}
        for line in lines:
            count[line in inside] += int(found[1]) if (found := re.search(r"█ (\d+)$", line)) else 0
        assert count == {True: sum(map(holds, some)), False: sum(not holds(x) for x in some)}, (
            some,
            lines,
        )
        assert len(lines) <= 24


def test_bins_begin_at_the_bounds() -> None:
    lines = list(
        histogram(
            {"guided": [(x, 3.5 <= x <= 4.5) for x in (0.5, 2.3, 3.5, 4.5, 5.0)]},
            100,
            Axis(3.5, 4.5),
        )
    )
    assert [line.split() for line in lines[6:10]] == [
        ["3", "–", "3.5"],
        ["3.5", "–", "4", "✓", "█" * 24, "1"],
        ["4", "–", "4.5", "✓", "█" * 24, "1"],
        ["4.5", "–", "5", "█" * 24, "1"],
    ]


def test_truth_values_are_words() -> None:
    lines = list(
        histogram(
            {"guided": [(1.0, True), (0.0, False), (1.0, True)]},
            100,
            Axis(names={1.0: "true", 0.0: "false"}),
        )
    )
    assert lines[1:] == [f"true  ✓  {'█' * 24} 2", f"false    {'█' * 12} 1"]


# -- families --


@pytest.fixture(scope="module")
def sampled() -> Iterator[Session]:
    """Six structures per arm of the embedded model."""
    with pytest.MonkeyPatch.context() as patch:
        judge_quickly(patch)
        made = Session(Wide())
        talk(
            made,
            "system Cu-P; atoms in [3, 6]; require two: CN(Cu-P) = 2; sample steps=40 seed=8",
            ":sample 6",
        )
        yield made
        made.close()


def with_ancestors(made: samples.Sampled, ancestors: dict[int, int]) -> samples.Sampled:
    """The same structures, of which some of the guided arm descend from others."""

    def related(record: samples.Record) -> samples.Record:
        found = ancestors.get(record.generated.index) if record.arm == "guided" else None
        return replace(record, generated=replace(record.generated, ancestor=found))

    validation = replace(made.judged.validation, records=tuple(map(related, made.records)))
    return replace(made, judged=replace(made.judged, validation=validation))


def test_hits_say_their_families(sampled: Session) -> None:
    made = sampled.made
    guided = [record for record in made.records if record.arm == "guided"]
    found = [record.generated.index for record in guided if record.hit]
    assert len(found) >= 3
    kin = with_ancestors(made, dict.fromkeys(found[:2], found[0]))
    for said in (showing.hits(kin, 100), showing.said(kin, 100)):
        assert (
            f"guided: {len(found)} hits of {len(found) - 1} families, 6 structures of 5 families;"
            " those of a family descend from one structure" in said
        )
    rows = [line.split() for line in showing.hits(kin, 100).splitlines() if " guided " in line]
    assert [row[2] == "A" for row in rows] == [True, True, *[False] * (len(found) - 2)]
    number = 1 + made.records.index(next(r for r in guided if r.generated.index == found[0]))
    assert showing.view(kin, number, 100).splitlines()[0].endswith("hit, family A")
    alone = with_ancestors(made, {})
    for said in (showing.hits(alone, 100), showing.said(alone, 100)):
        assert "guided: no structure descends from another, the hits are independent" in said


def test_a_sampler_that_resamples_is_seen(ready: Session) -> None:
    size = "require volume_per_atom = 10 Å^3"
    said = talk(ready, size, "guide resample=5 reward=1000", ":set batch=8", ":sample 8")[-1]
    guided = [record for record in ready.made.records if record.arm == "guided"]
    many = len({record.generated.family for record in guided})
    assert many < 8
    assert (
        f"8 structures of {many} famil{'y' if many == 1 else 'ies'};"
        " those of a family descend from one structure" in said
    )


def test_a_difference_counts_families(sampled: Session) -> None:
    made = sampled.made
    lineage = with_ancestors(made, dict.fromkeys(range(6), 0)).judged
    independent = with_ancestors(made, {}).judged
    assert showing.comparability(lineage, lineage) == [
        "before: 1 family, now: 1 family: too few to compare, even all against none might be"
        " chance; the intervals (95 %) may be too narrow"
    ]
    assert showing.comparability(independent, independent) == [
        "before: 6 families, now: 6 families; intervals (95 %) and p (Fisher's exact test,"
        " two-sided) allow for them"
    ]
    hits = independent.validation.table().arms[1].hits
    assert hits.low is not None
    assert hits.high is not None
    cell = f"{hits.count} of 6 ({hits.low:.0%} – {hits.high:.0%})"
    assert re.search(
        rf"all that it requires +│ {re.escape(cell)} │ {re.escape(cell)} │ +1 │",
        as_text(independent, independent),
    )
    assert re.search(r"all that it requires +│ .* │ .* │ – │", as_text(lineage, lineage))


def as_text(before: judged_runs.Judged, now: judged_runs.Judged) -> str:
    return showing.as_text(showing.difference(before, now), 120)


# -- what made them --


def test_structures_of_another_program_are_marked(ready: Session, tmp_path: Path) -> None:
    talk(ready, ":sample 2")
    for text in talk(ready, ":hits", ":view 1", ":plot two"):
        assert "made by" not in text
    talk(ready, "# a remark")
    assert "made by" not in talk(ready, ":hits")[0]
    (tmp_path / "other.scout").write_text("system Li-O; require CN(Li-O) = 4\n", encoding="utf-8")
    line = "made by: system Cu-P, 4 structures, require two: CN(Cu-P) = 2, before the change"
    for text in talk(ready, ":load other.scout", ":hits", ":view 1", ":plot two", ":plot density")[
        1:
    ]:
        assert text.splitlines()[0] == line
    assert not any(text.startswith("made by") for text in talk(ready, ":undo", ":hits"))


# -- stopping --


class InJudging(running.Silent):
    """Real Ctrl-C while structures are judged."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def judging(self, stage: str, done: int, total: int) -> None:
        if self.times:
            self.times -= 1
            os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_while_judging_loses_nothing(ready: Session) -> None:
    ready.host = Watched(InJudging(1))
    [said] = talk(ready, ":sample 2")
    assert "interrupted" not in said
    assert (
        "Ctrl-C: all structures are there, judging them; press it again to stop at once"
        in ready.host.watcher.notes
    )
    assert len(ready.made.records) == 4


def test_ctrl_c_twice_while_judging_stops_and_the_same_sample_goes_on(ready: Session) -> None:
    ready.host = Watched(InJudging(2))
    said = feed(ready, ":sample 2").text
    assert said.startswith("error[E703]: interrupted while the structures were judged")
    assert "they are all there; the same :sample judges them" in said
    folder = ready.bench._folder / "sample-1"
    before = {file.name: file.stat().st_mtime_ns for file in (folder / "samples").iterdir()}
    ready.host = Wide()
    talk(ready, ":sample 2")
    assert ready.made.folder == folder
    assert {file.name: file.stat().st_mtime_ns for file in (folder / "samples").iterdir()} == before


def test_ctrl_c_while_a_member_is_judged_ends_the_sweep_behind_it(ready: Session) -> None:
    ready.host = Watched(InJudging(1))
    reply = feed(ready, ":sweep mine k = 0.2, 0.4")
    assert not reply.ok
    assert (
        "interrupted: 1 of 2 runs were finished\n  :sweep mine k = 0.2, 0.4 goes on where it was"
        in reply.text
    )


def test_ctrl_c_before_the_first_batch(ready: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(name: str, device: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(samples, "load_model", pressed)
    for command in (":sample", ":run"):
        assert (
            feed(ready, command).text == "error[E703]: interrupted before the first batch began\n"
            "  hint: nothing was made, and nothing is lost"
        )


def test_ctrl_c_twice_in_the_first_batch(ready: Session) -> None:
    ready.host = Watched(Interrupt("guided", 0))
    lost = (
        "error[E703]: interrupted in the first batch, which is lost\n"
        "  hint: Ctrl-C only once lets it be finished; "
    )
    assert feed(ready, ":sample 2").text == f"{lost}:sample 1 is done sooner"
    assert feed(ready, ":run").text == f"{lost}with :set batch=1 it is done sooner"


def test_a_run_that_was_interrupted_goes_on_in_its_folder(ready: Session, tmp_path: Path) -> None:
    talk(ready, ":set steps=6")
    ready.host = Watched(Interrupt("guided", 2))
    reply = feed(ready, ":run 'my runs'")
    assert not reply.ok
    assert reply.text.endswith(
        "interrupted: this is what was finished, 4 of 6 structures\n"
        "  :run 'my runs' goes on; outside of the session scout run --resume --out 'my runs'"
    )
    part = tmp_path / "my runs" / "samples" / "guided-000000.json"
    before = part.stat().st_mtime_ns
    ready.host = Wide()
    assert "interrupted" not in talk(ready, ":run 'my runs'")[0]
    assert part.stat().st_mtime_ns == before
    assert len(ready.made.records) == 6
    assert RunFolder.open(tmp_path / "my runs").program.sample.steps == 6


def test_a_folder_that_is_taken_is_told_before_anything_is_loaded(
    ready: Session, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    assert feed(ready, ":run full").text.startswith("error[E601]: full exists and holds no run")
    (tmp_path / "full" / MANIFEST).write_text("[" * 100_000, encoding="utf-8")
    assert feed(ready, ":run full").text.startswith("error[E601]: full exists and holds no run")
    assert ready.device is None
    talk(ready, ":run mine")
    assert feed(ready, ":run mine").text.startswith(
        "error[E601]: mine holds this run, and it is finished"
    )
    talk(ready, ":set steps=6")
    assert feed(ready, ":run mine").text.startswith(
        "error[E601]: mine holds a run of another program, or with other settings"
    )


@pytest.mark.parametrize("command", [":sample 2", ":run mine"])
def test_a_full_disk_keeps_what_was_sampled(
    ready: Session, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    def full(folder: Path, validation: object) -> list[Path]:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(judged_runs, "write_outputs", full)
        said = feed(ready, command).text
    assert said.startswith("error[E602]: cannot write into ")
    again = "the same :sample" if command == ":sample 2" else ":run mine"
    assert f"hint: free some space, and {again} goes on with what is there" in said
    assert ("TMPDIR names a folder with space" in said) == (command == ":sample 2")
    assert "--out" not in said

    class Refusing(running.Silent):
        def sampling(self, arm: str, done: int, total: int, working: object) -> None:
            assert not working, "sampled again"

    ready.host = Watched(Refusing())
    talk(ready, command)


# -- folders of sessions that were killed --


def test_the_folder_of_a_session_that_was_killed_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    hold = (
        "import sys; from scoutlang.interfaces.repl.scratch import Scratch; s = Scratch()\n"
        "print(s.path, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment({"TMPDIR": str(tmp_path)}),
    ) as other:
        assert other.stdout is not None
        theirs = Path(other.stdout.readline().strip())
        foreign, young = tmp_path / "scout-notes", tmp_path / "scout-young"
        foreign.mkdir()
        young.mkdir()
        (young / scratch._LOCK).touch()
        an_hour_ago = time.time() - 3600
        os.utime(theirs / scratch._LOCK, (an_hour_ago, an_hour_ago))
        scratch.Scratch().cleanup()
        assert theirs.is_dir()  # it lives
        other.kill()
        other.wait()
    mine = scratch.Scratch()
    assert sorted(tmp_path.iterdir()) == sorted([foreign, young, mine.path])
    mine.cleanup()
    assert not mine.path.exists()
    shutil.rmtree(young)
