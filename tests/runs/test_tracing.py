"""What is recorded and told of a run while it samples: rows of the trace, the look at x̂0, the
display, and which line is hard.
"""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from pymatgen.core import Lattice, Structure
from rich.console import Console
from small_runs import Interrupt, judge_quickly, manifest, program, write_model

import scoutlang
from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.specimen import Specimen
from scoutlang.evaluation.loss import compile_loss
from scoutlang.evaluation.measure import measure
from scoutlang.evaluation.measurement import TermMeasurement
from scoutlang.interfaces import display as run_display
from scoutlang.interfaces.display import Display
from scoutlang.ir import Program
from scoutlang.runs import glance
from scoutlang.runs import run as running
from scoutlang.runs.folder import TRACE
from scoutlang.runs.glance import Glance, Glances
from scoutlang.runs.trace import (
    LOOK_EVERY,
    Moment,
    Recorder,
    TermLoss,
    guiding_terms,
    look,
)
from scoutlang.sampling.progress import GuidedStep, Progress
from scoutlang.support.screen import Screen
from scoutlang.validation.record import Outcome, Record
from scoutlang.validation.table import render_terms
from scoutlang.validation.terms import find_hardest, summarize_terms

ZINC_BLENDE = Structure.from_spacegroup(
    "F-43m", Lattice.cubic(5.4), ["Cu", "P"], [(0, 0, 0), (0.25, 0.25, 0.25)]
)
ROCK_SALT = Structure.from_spacegroup(
    "Fm-3m", Lattice.cubic(5.0), ["Cu", "P"], [(0, 0, 0), (0.5, 0.5, 0.5)]
)
# no copper, so CN(Cu-P) is undefined
PHOSPHORUS = Structure(Lattice.cubic(2.4), ["P"], [(0, 0, 0)])


def checked(text: str) -> Program:
    found = scoutlang.check(text)
    assert found.program is not None, found.diagnostics
    return found.program


TWO = checked(
    "system Cu-P; require tetrahedron: CN(Cu-P) = 4; require volume_per_atom in [10, 20]; prefer volume_per_atom as low as possible"
)


def moment(
    of: Program, structures: Sequence[Structure], step: int = 1, steps: int = 100, **changes: Any
) -> Moment:
    """After a step whose x̂0 are these structures; the sampler's own loss says what they are worth."""
    clean = CrystalBatch.from_structures(structures, dtype=torch.float32)
    size = len(structures)
    value = compile_loss(of)(clean, 8.0)
    guided = GuidedStep(value, torch.full((size,), 0.1), torch.full((size,), 0.02), clean)
    told = Progress(
        step,
        steps,
        1 - (step - 1) / steps,
        guided,
        torch.zeros(size, dtype=torch.bool),
        2 * step * size,
        tuple(range(size)),
    )
    return Moment(guiding_terms(of), dataclasses.replace(told, **changes))


def row_of(table: pa.Table, **place: Any) -> dict[str, Any]:
    [row] = [r for r in table.to_pylist() if all(r[k] == v for k, v in place.items())]
    return dict(row)


# -- looks
# ----------------------------------------------------------------------------------------------------------------------


def test_a_look_says_what_the_judge_says() -> None:
    structures = [ZINC_BLENDE, ROCK_SALT, PHOSPHORUS]
    seen = look(guiding_terms(TWO), CrystalBatch.from_structures(structures, dtype=torch.float32))
    judged = measure(TWO, structures)
    verdicts = [
        [True if t else False if f else None for t, f in zip(*rows, strict=True)]
        for rows in zip(seen.true.tolist(), seen.false.tolist(), strict=True)
    ]
    assert verdicts == [[t.satisfied for t in m.terms] for m in judged]
    assert verdicts == [[True, True, None], [False, True, None], [None, True, None]]
    assert seen.hit is not None
    assert seen.hit.tolist() == [True, False, False]
    assert moment(TWO, structures).hit_share == pytest.approx(1 / 3)


def test_a_look_takes_the_most_probable_element() -> None:
    clean = CrystalBatch.from_structures([ZINC_BLENDE], dtype=torch.float32)
    blurred = dataclasses.replace(clean, species=0.4 * clean.species)
    blurred.species[:, 14] = 0.3
    seen = look(guiding_terms(TWO), blurred)
    assert seen.hit is not None
    assert seen.hit.tolist() == [True]


@pytest.mark.parametrize(
    "cell",
    [torch.full((3, 3), torch.nan), torch.diag(torch.tensor([5.0, 5.0, 1e-4])), torch.zeros(3, 3)],
)
def test_what_is_no_crystal_is_undefined_and_spoils_no_other_look(cell: torch.Tensor) -> None:
    clean = CrystalBatch.from_structures([ROCK_SALT, ZINC_BLENDE, ZINC_BLENDE], dtype=torch.float32)
    clean.cell[0] = cell
    clean.frac[-1] = torch.inf
    seen = look(guiding_terms(TWO), clean)
    assert seen.hit is not None
    assert seen.hit.tolist() == [False, True, False]
    assert not (seen.true | seen.false)[[0, 2]].any()


def test_losses_are_means_over_what_is_defined_hardest_first() -> None:
    losses = moment(TWO, [ROCK_SALT, PHOSPHORUS, ZINC_BLENDE, ROCK_SALT]).losses
    by_label = {one.label: one for one in losses}
    assert [one.loss for one in losses] == sorted((one.loss for one in losses), reverse=True)
    assert by_label["tetrahedron"].defined == 0.75
    assert by_label["tetrahedron"].loss == pytest.approx((1.746 + 0.048 + 1.746) / 3, abs=0.01)
    assert by_label["volume_per_atom"].loss == 0


def test_nothing_is_known_while_no_guidance_acts() -> None:
    idle = moment(TWO, [ROCK_SALT], guided=None)
    assert (idle.look, idle.hit_share, idle.losses) == (None, None, [])


# -- the recorder
# -----------------------------------------------------------------------------------------------------------------


def test_a_row_is_a_term_of_a_structure_in_a_step() -> None:
    recorder = Recorder("guided", range(2))
    for step in (1, 2):
        recorder.record(moment(TWO, [ROCK_SALT, PHOSPHORUS], step))
    table = recorder.table()
    assert table is not None
    assert table.num_rows == 2 * 2 * 3
    assert row_of(table, index=0, step=2, term="tetrahedron") == {
        "arm": "guided", "index": 0, "step": 2, "time": pytest.approx(0.99), "term": "tetrahedron", "value": pytest.approx(5.75, abs=0.01),
        "loss": pytest.approx(1.75, abs=0.01), "satisfied": None, "total": pytest.approx(1.75 + 5.0**3 / 8, abs=0.1), "push": pytest.approx(0.1),
        "strain": pytest.approx(0.02), "broken": False, "hit": None,
    }  # fmt: skip
    first = row_of(table, index=0, step=1, term="tetrahedron")
    assert (first["satisfied"], first["hit"]) == (False, False)
    assert row_of(table, index=1, step=1, term="volume_per_atom")["satisfied"] is True


def test_undefined_is_null_never_zero() -> None:
    recorder = Recorder("guided", range(1))
    recorder.record(moment(TWO, [PHOSPHORUS]))
    row = row_of(recorder.table(), index=0, term="tetrahedron")
    assert (row["value"], row["loss"], row["satisfied"], row["hit"]) == (None, None, None, False)


def test_every_nth_guided_step_and_a_look_at_every_tenth_of_them() -> None:
    recorder = Recorder("guided", range(1), every=2)
    for step in range(1, 61):
        guided = {} if step > 5 else {"guided": None}
        recorder.record(moment(TWO, [ROCK_SALT], step, **guided))
    table = recorder.table()
    assert table is not None
    assert sorted(set(table["step"].to_pylist())) == list(range(6, 61, 2))
    looked = {r["step"] for r in table.to_pylist() if r["hit"] is not None}
    assert looked == set(range(6, 61, 2 * LOOK_EVERY))


def test_a_batch_that_is_given_up_leaves_no_rows() -> None:
    """MatterGen may refuse a batch; then its structures are sampled one by one, and one of them may
    not get a single step.
    """
    recorder = Recorder("guided", range(4, 7))
    for step in (1, 2):
        recorder.record(moment(TWO, [ROCK_SALT] * 3, step, indices=(4, 5, 6)))
    for index in (4, 6):
        for step in (1, 2, 3):
            recorder.record(moment(TWO, [ROCK_SALT], step, indices=(index,)))
    rows = recorder.table().to_pylist()
    assert len({(r["index"], r["step"], r["term"]) for r in rows}) == len(rows) == 2 * 3 * 3
    assert {r["index"] for r in rows} == {4, 6}


def test_unguided_steps_leave_no_table() -> None:
    recorder = Recorder("non-guided", range(1))
    recorder.record(moment(TWO, [ROCK_SALT], guided=None))
    assert recorder.table() is None


# -- runs
# -------------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "small", seed=0)


@pytest.fixture(autouse=True)
def judge(monkeypatch: pytest.MonkeyPatch) -> None:
    judge_quickly(monkeypatch)


@pytest.fixture(scope="module")
def traced(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "seed=7"  # as a sweep names it
    with pytest.MonkeyPatch.context() as patch:
        judge_quickly(patch)
        result = running.run(program(model), folder, trace_every=1)
    assert folder / TRACE in result.files
    return folder


def rows_of(folder: Path) -> pd.DataFrame:
    return pd.read_parquet(folder / TRACE).sort_values(["index", "step", "term"], ignore_index=True)


def test_a_traced_run_is_read_in_one_line_and_joins_the_records(traced: Path) -> None:
    rows, records = rows_of(traced), pd.read_parquet(traced / "records.parquet")
    assert "seed" not in rows.columns
    assert list(rows.groupby("index").size()) == [rows["step"].nunique()] * 5
    assert rows["time"].max() <= 0.9
    joined = rows.merge(records, on=["arm", "index"])
    assert len(joined) == len(rows)
    assert manifest(traced)["trace_every"] == 1
    assert "trace" in scoutlang.figures(scoutlang.judge(traced, progress=False))


def test_tracing_changes_nothing_that_is_sampled(traced: Path, model: Path, tmp_path: Path) -> None:
    running.run(program(model), tmp_path / "run", arms=["guided"])
    for part in (tmp_path / "run" / "samples").iterdir():
        assert part.read_bytes() == (traced / "samples" / part.name).read_bytes()
    assert not (tmp_path / "run" / TRACE).exists()


def test_an_interrupted_trace_goes_on_without_duplicates(
    traced: Path, model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        running.run(
            program(model), folder, arms=["guided"], trace_every=1, watcher=Interrupt("guided", 2)
        )
    assert sorted(set(rows_of(folder)["index"])) == [0, 1]
    # a trace that was written when the machine stopped, before its structures were
    (folder / TRACE / "guided-000002.parquet").write_bytes(
        (folder / TRACE / "guided-000000.parquet").read_bytes()
    )
    running.run(program(model), folder, arms=["guided"], trace_every=1, resume=True)
    pd.testing.assert_frame_equal(rows_of(folder), rows_of(traced))


def test_batches_without_a_trace_are_told(traced: Path, model: Path, tmp_path: Path) -> None:
    class Notes(running.Silent):
        def __init__(self) -> None:
            self.said: list[str] = []

        def note(self, text: str) -> None:
            self.said.append(text)

    with pytest.raises(KeyboardInterrupt):
        running.run(
            program(model), tmp_path / "run", arms=["guided"], watcher=Interrupt("guided", 4)
        )
    notes = Notes()
    running.run(
        program(model), tmp_path / "run", arms=["guided"], trace_every=1, resume=True, watcher=notes
    )
    assert any("without a trace" in text for text in notes.said)
    assert set(rows_of(tmp_path / "run")["index"]) == {4}


# -- the display
# ------------------------------------------------------------------------------------------------------------------


def shown(
    monkeypatch: pytest.MonkeyPatch, width: int, *, terminal: bool
) -> tuple[Display, io.StringIO]:
    text = io.StringIO()
    console = Screen(file=text, width=width, force_terminal=terminal)
    monkeypatch.setattr(run_display, "Screen", lambda **_: console)
    return Display(quiet=False), text


def test_plain_lines_hold_the_facts_and_are_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    display, text = shown(monkeypatch, 80, terminal=False)
    glances = Glances()
    for step in range(1, 100):
        seen = moment(
            TWO,
            [ROCK_SALT, ZINC_BLENDE, PHOSPHORUS, PHOSPHORUS],
            step,
            broken=torch.tensor([False, False, True, False]),
        )
        display.sampling("guided", 4, 16, [glances.of(seen)])
    [line] = text.getvalue().splitlines()
    assert line.startswith(
        "guided: 4/16  step 1/100  hits 25%  1 diverged  loss: volume_per_atom #2 "
    )
    assert "tetrahedron 0.897 (50% undefined)" in line


@pytest.mark.parametrize("width", [60, 80, 300])
@pytest.mark.parametrize("terms", [1, 8])
def test_the_live_display_fits_the_terminal(
    width: int, terms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "; ".join(
        f"prefer a_rather_long_name_{k}: volume_per_atom = {10 + k}" for k in range(terms)
    )
    many = checked(f"system Cu-P; {text}")
    display, _ = shown(monkeypatch, width, terminal=True)
    display.sampling("guided", 0, 4, [Glances().of(moment(many, [ROCK_SALT] * 4, 50))])
    out = io.StringIO()
    Console(file=out, width=width).print(*display._bar.get_renderables())
    bar, losses = out.getvalue().rstrip().splitlines()
    assert "0/4" in bar
    # 15.625 Å^3 per atom: the first wish is the furthest away
    assert losses.strip().startswith("loss: a_rather_long_name_0 5.62")
    assert ("more" in losses) == (terms == 8 and width < 300)
    assert len(losses) <= width


def test_looking_takes_a_small_part_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that takes two seconds is not repeated for a hundred."""
    now = 0.0
    monkeypatch.setattr(glance.time, "monotonic", lambda: now)
    looks = 0

    class Slow(Moment):
        @property
        def losses(self) -> list[TermLoss]:
            nonlocal now, looks
            now, looks = now + 2.0, looks + 1
            return [TermLoss("one", float(looks), 1.0)]

    glances = Glances()
    for step in range(1, 100):
        now += 3.0
        plain = moment(TWO, [ROCK_SALT], step)
        found = glances.of(Slow(plain.terms, plain.progress))
        assert found.step == step
        assert found.losses[0].loss == looks
    assert looks == 3


def test_a_glance_is_plain_data_for_another_process() -> None:
    seen = Glances().of(moment(TWO, [ROCK_SALT, ZINC_BLENDE], 30))
    assert pickle.loads(pickle.dumps(seen)) == seen
    assert (seen.structures, seen.step, seen.reached) == (2, 30, 2 * 30 / seen.steps)


def test_several_batches_in_work_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    display, text = shown(monkeypatch, 80, terminal=False)
    working = [Glance(4, 30, 100), Glance(4, 10, 100, diverged=1, hit_share=0.25)]
    display.sampling("guided", 4, 16, working)
    assert text.getvalue() == "guided: 4/16  step 10, 30/100  hits 25%  1 diverged\n"


# -- which line is hard
# -----------------------------------------------------------------------------------------------------------


def records(
    arm: Any, verdicts: Sequence[tuple[bool | None, bool | None]], geometry: str = "passed"
) -> list[Record]:
    return [
        Record(f"{arm}-{i}", Specimen(arm, 0, i, ROCK_SALT), {
            "geometry": Outcome(geometry), "screen": Outcome("passed"),  # type: ignore[arg-type]
            "hits": Outcome("passed", terms=(TermMeasurement("a", satisfied=a), TermMeasurement("b", satisfied=b))),
        })
        for i, (a, b) in enumerate(verdicts)
    ]  # fmt: skip


PAIR = checked(
    "system Cu-P; require a: CN(Cu-P) = 4; require b: volume_per_atom < 20; prefer volume_per_atom as low as possible"
)
Y, N = (True, True), (False, True)


def test_the_hard_line_is_the_one_that_fewest_guided_structures_satisfy() -> None:
    found = [
        *records("non-guided", [N] * 40),
        *records("guided", [Y] * 9 + [N] * 3 + [(True, False)] * 0 + [(None, False)] * 28),
    ]
    a, b = summarize_terms(PAIR, found)
    assert [(s.arm, s.satisfied.count, s.undefined.count, s.satisfied.total) for s in a.shares] == [
        ("non-guided", 0, 0, 40),
        ("guided", 9, 28, 40),
    ]
    assert [(s.satisfied.count, s.undefined.count) for s in b.shares] == [(40, 0), (12, 0)]
    hard = find_hardest(PAIR, found)
    assert hard is not None
    assert hard.term == a
    assert hard.beside is not None
    assert (hard.beside.count, hard.beside.total) == (9, 12)
    text = io.StringIO()
    Console(file=text, width=200).print(render_terms((a, b), hard))
    assert (
        "hardest: a (CN(Cu-P) = 4): satisfied by 22.5% of the guided structures, and by 9 of the 12 that satisfy everything else"
        in text.getvalue()
    )
    assert "22.5% (70.0% undefined)" in text.getvalue()


@pytest.mark.parametrize(
    ("guided", "plain", "advice"),
    [
        (records("guided", [Y] * 19 + [N]), [], ""),
        (
            records("guided", [Y] * 2 + [(None, True)] * 18),
            [],
            "the atoms or sites that it speaks of are missing",
        ),
        (records("guided", [(None, None)] * 20, "failed"), [], "no crystals at all"),
        (
            records("guided", [Y] * 2 + [N] * 18),
            records("non-guided", [Y] * 3 + [N] * 17),
            "guidance does not raise it (15% without)",
        ),
        (
            records("guided", [Y] * 4 + [N] * 16),
            records("non-guided", [Y] * 3 + [N] * 17),
            "may be chance",
        ),
        (
            records("guided", [Y] * 10 + [N] * 10),
            records("non-guided", [N] * 20),
            "larger `weight`",
        ),
        (
            records("guided", [(True, False)] * 9 + [Y] + [N] * 10),
            records("non-guided", [(False, False)] * 20),
            "pull against each other",
        ),
    ],
)
def test_advice(guided: list[Record], plain: list[Record], advice: str) -> None:
    hard = find_hardest(PAIR, [*guided, *plain])
    assert hard is not None
    assert advice in hard.advice
    assert bool(advice) == bool(hard.advice)


def test_nothing_is_hard_without_guidance_or_without_requirements() -> None:
    assert find_hardest(PAIR, records("non-guided", [N] * 3)) is None
    assert (
        find_hardest(checked("system Cu-P; prefer CN(Cu-P) = 4"), records("guided", [N] * 3))
        is None
    )


def test_json_has_the_terms(traced: Path, model: Path, tmp_path: Path) -> None:
    result = running.run(program(model, count=1), tmp_path / "run")
    document = json.loads(json.dumps(result.to_json()))
    assert [t["label"] for t in document["terms"]] == ["CN(Cu-P)"]
    assert document["hardest"]["term"]["label"] == "CN(Cu-P)"
    assert np.isfinite(document["terms"][0]["shares"][0]["satisfied"]["fraction"])
