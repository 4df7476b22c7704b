"""Figures: what they count and how they smooth, exactly; and that no run, however poor, breaks
them.
"""

from __future__ import annotations

import json
import math
import random
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

import scoutlang
from scoutlang.crystals.specimen import Specimen
from scoutlang.evaluation.measurement import TermMeasurement
from scoutlang.ir import Program
from scoutlang.report.data import Crystal, Group, ReportData
from scoutlang.report.figures import Figure, LeftOut, draw, export, template
from scoutlang.report.figures._kernel import LEAST, Density, density
from scoutlang.report.figures.distribution import bins
from scoutlang.report.figures.pareto import pareto_fronts
from scoutlang.runs.manifest import Manifest
from scoutlang.support.errors import ScoutError
from scoutlang.validation.pipeline import Provenance, Validation
from scoutlang.validation.record import Outcome, Record

PAIRS = """system Cu-P
require four: CN(Cu-P) = 4
require pair: CN(Cu-Cu) = 1
expect volume_per_atom < 15 Å^3
expect e_above_hull < 0.2 eV/atom"""
LABELS = ("four", "pair", "volume_per_atom", "e_above_hull")

# ---- by hand ----


def checked(text: str) -> Program:
    program = scoutlang.check(text).program
    assert program is not None
    return program


def crystal(
    group: Group,
    number: int,
    values: Sequence[float | None],
    loss: float | None,
    program: Program,
    labels: Sequence[str] = LABELS,
) -> Crystal:
    """One copper atom, with these values: of the labels, the last of them the height above the
    hull.
    """
    structure = Structure(Lattice.cubic(3), ["Cu"], [(0, 0, 0)])
    exact = dict(zip(labels, values, strict=True))
    satisfied = {label: None if v is None else abs(v - 4) <= 0.5 for label, v in exact.items()}
    record = None
    if group != "reference":
        measured = tuple(
            TermMeasurement(
                label,
                exact=v,
                margin=None if v is None else 1 - abs(v - 4),
                satisfied=satisfied[label],
            )
            for label, v in exact.items()
        )
        outcomes = {
            "geometry": Outcome("passed"),
            "hits": Outcome("failed", "misses four", {"hit": satisfied[labels[0]]}, measured),
            "hull": Outcome("passed", values={"e_above_hull": values[-1]}),
        }
        record = Record(f"{group}-{number}", Specimen(group, 0, number, structure), outcomes)
    return Crystal(
        f"{group}-{number}",
        group,
        "Cu",
        structure,
        exact,
        satisfied,
        loss,
        values[-1],
        satisfied[labels[0]],
        record,
    )


def report(program: Program, crystals: Sequence[Crystal], trace: Path | None = None) -> ReportData:
    records = tuple(c.record for c in crystals if c.record)
    validation = Validation(
        records, Provenance(program.digest(), "table", "1", "0" * 64, "by hand", "1")
    )
    manifest = Manifest.begin(program, ["non-guided", "guided"])
    return ReportData("run", manifest, validation, tuple(crystals), trace)


def many(groups: Sequence[Group], number: int, program: Program, seed: int = 0) -> list[Crystal]:
    dice = random.Random(seed)
    return [
        crystal(
            g,
            k,
            (dice.randint(0, 12) / 2, dice.randint(0, 6) / 3, dice.gauss(14, 2), dice.random()),
            dice.random(),
            program,
        )
        for g in groups
        for k in range(number)
    ]


def by_name(data: ReportData) -> dict[str, Figure | LeftOut]:
    drawn = draw(data)
    for one in drawn:
        if isinstance(one, LeftOut):
            assert one.reason.endswith(".")
        else:
            one.plot.to_json()  # what the page holds
            assert one.caption.endswith(".")
            assert "nan" not in one.caption
    found = {one.name: one for one in drawn}
    assert len(found) == len(drawn)
    return found


# ---- Pareto fronts ----


def test_fronts_by_hand() -> None:
    #   0 ┤ a . . c        a: best in x; b, c better than nothing of each other
    points = [(0.0, 3.0), (1.0, 1.0), (3.0, 0.0), (1.0, 2.0), (2.0, 1.0), (3.0, 3.0), (1.0, 1.0)]
    assert [sorted(front) for front in pareto_fronts(points, 9)] == [[0, 1, 2, 6], [3, 4], [5]]
    assert pareto_fronts(points, 1) == [[0, 1, 6, 2]]  # in the order of the first coordinate
    assert pareto_fronts([], 3) == []


def slow_fronts(points: Sequence[tuple[float, float]]) -> list[list[int]]:
    """The definition: take away what nothing left is better than, again and again."""
    left, fronts = set(range(len(points))), []
    while left:

        def better(j: int, i: int) -> bool:
            return (
                points[j] != points[i]
                and points[j][0] <= points[i][0]
                and points[j][1] <= points[i][1]
            )

        front = sorted(i for i in left if not any(better(j, i) for j in left))
        fronts.append(front)
        left -= set(front)
    return fronts


@given(st.lists(st.tuples(st.integers(0, 5).map(float), st.integers(0, 5).map(float)), max_size=30))
def test_fronts_are_those_of_the_definition(points: list[tuple[float, float]]) -> None:
    assert [sorted(front) for front in pareto_fronts(points, 99)] == slow_fronts(points)


# ---- kernel ----


def test_a_density_integrates_to_one() -> None:
    sample = np.random.default_rng(0).normal(7, 1, 60)
    grid = np.linspace(-5, 20, 4001)
    found = density([sample], grid)
    assert isinstance(found, Density)
    assert np.trapezoid(found.values, grid) == pytest.approx(1, abs=1e-9)


def test_a_density_of_two_integrates_to_one() -> None:
    sample = np.random.default_rng(1).normal([[4], [1]], [[1], [0.3]], (2, 50))
    xs, ys = np.linspace(-4, 12, 321), np.linspace(-2, 4, 321)
    found = density(sample, np.stack(np.meshgrid(xs, ys)))
    assert isinstance(found, Density)
    assert found.values.shape == (321, 321)
    assert np.trapezoid(np.trapezoid(found.values, xs, axis=1), ys) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("dimension", [1, 2])
def test_the_bandwidth_is_silvermans(dimension: int) -> None:
    sample = (
        np.random.default_rng(2).normal(size=(dimension, 37)) * np.array([[3.0], [0.2]])[:dimension]
    )
    found = density(sample, np.zeros((dimension, 5)))
    assert isinstance(found, Density)
    factor = (37 * (dimension + 2) / 4) ** (-1 / (dimension + 4))
    assert found.bandwidth == pytest.approx(factor * sample.std(axis=1, ddof=1))


def test_one_gaussian_is_the_sum_of_its_kernels() -> None:
    sample = [float(k) for k in range(LEAST)]
    found = density([sample], [3.0])
    assert isinstance(found, Density)
    (h,) = found.bandwidth
    by_hand = sum(
        math.exp(-((3 - v) ** 2) / (2 * h * h)) / (h * math.sqrt(2 * math.pi)) for v in sample
    ) / len(sample)
    assert found.values[0] == pytest.approx(by_hand)


def test_no_density_says_why() -> None:
    line = [float(k) for k in range(20)]
    assert "too few" in str(density([line[: LEAST - 1]], [0.0]))
    assert "same value" in str(density([[7.0] * 20], [0.0]))
    assert "same value along an axis" in str(density([line, [7.0] * 20], np.zeros((2, 1))))
    assert "line" in str(density([line, line], np.zeros((2, 1))))


# ---- bins ----


def test_bins_are_centred_on_whole_numbers() -> None:
    assert bins([2.0, 4.0, 6.0]) == (2.0, 1.0, 5)
    assert bins([0.0, 3.5, 11 / 3]) == (0.0, 0.5, 8)  # to 3.5, which holds 3.25 up to 3.75
    assert bins([0.25, 1.0]) == (pytest.approx(0.3), 0.1, 8)
    assert bins([4.0]) == (4.0, 1.0, 1)
    first, width, number = bins([0.0, 1000.0])
    assert (first, width) == (0.0, 50.0)
    assert number == 21


@given(st.lists(st.integers(0, 2000).map(lambda k: k / 12), min_size=1, max_size=20))
def test_every_value_is_in_a_bin(values: list[float]) -> None:
    first, width, number = bins(values)
    assert number <= 41
    assert first - width / 2 <= min(values) + 1e-9
    assert max(values) <= first + (number - 0.5) * width + 1e-9


def test_bars_are_shares_of_their_group() -> None:
    program = checked(PAIRS)
    crystals = [crystal("guided", k, (4.0, 1.0, 12.0, 0.1), 0.1, program) for k in range(3)]
    crystals += [
        crystal("guided", 3, (6.0, 1.0, 12.0, 0.1), 0.1, program),
        crystal("guided", 4, (None, 1.0, 12.0, 0.1), None, program),
    ]
    crystals += [crystal("reference", 0, (3.5, 1.0, 12.0, 0.1), 0.1, program)]
    figure = by_name(report(program, crystals))["distribution-four"]
    assert isinstance(figure, Figure)
    bars = {bar.name: dict(zip(bar.x, bar.y, strict=True)) for bar in figure.plot.data}
    assert {k: v for k, v in bars["guided (N = 4)"].items() if v} == {4.0: 75.0, 6.0: 25.0}
    assert {k: v for k, v in bars["reference (N = 1)"].items() if v} == {3.5: 100.0}
    assert "guided: 4 values, 3 satisfy it (60% of 5), 1 undefined" in figure.caption


# ---- every run has its figures, or the reason ----

EVERYTHING = {
    f"distribution-{name}" for name in ("four", "pair", "volume-per-atom", "e-above-hull")
} | {
    "joint-four-pair",
    "pareto",
    "margins",
    "funnel",
    "trace",
}


def test_a_full_run_has_every_figure() -> None:
    program = checked(PAIRS)
    found = by_name(report(program, many(["non-guided", "guided", "reference"], 30, program)))
    assert set(found) == EVERYTHING
    assert {name for name, one in found.items() if isinstance(one, LeftOut)} == {"trace"}
    pareto = found["pareto"]
    assert isinstance(pareto, Figure)
    ids = {i for trace in pareto.plot.data if trace.mode == "markers" for i in trace.customdata}
    assert len(ids) == 90
    assert "Front 1" in pareto.caption
    joint = found["joint-four-pair"]
    assert isinstance(joint, Figure)
    assert [trace.coloraxis for trace in joint.plot.data if isinstance(trace, go.Heatmap)] == [
        "coloraxis"
    ] * 2


def undefined(program: Program) -> list[Crystal]:
    return [crystal("guided", k, (None, None, None, None), None, program) for k in range(12)]


def equal(program: Program) -> list[Crystal]:
    return [
        crystal(g, k, (4.0, 1.0, 12.0, 0.1), 0.5, program)
        for g in ("non-guided", "guided")
        for k in range(12)
    ]


POOR = {
    "no crystal": lambda program: [],
    "one crystal": lambda program: many(["guided"], 1, program),
    "all undefined": undefined,
    "all equal": equal,
    "no reference": lambda program: many(["non-guided", "guided"], 20, program),
    "only the reference": lambda program: many(["reference"], 20, program),
    "one arm": lambda program: many(["guided", "reference"], 20, program),
    "few": lambda program: many(["non-guided", "guided", "reference"], 3, program),
}


@pytest.mark.parametrize("case", POOR)
def test_a_poor_run_has_each_figure_or_its_reason(case: str) -> None:
    program = checked(PAIRS)
    found = by_name(report(program, POOR[case](program)))
    assert set(found) == EVERYTHING
    missing = {name for name, one in found.items() if isinstance(one, LeftOut)}
    if case == "no crystal":
        assert missing == EVERYTHING
    elif case == "all undefined":
        assert missing == EVERYTHING - {"funnel"}
    elif case == "only the reference":
        assert missing == {"funnel", "joint-four-pair", "margins", "trace"}
    else:
        assert missing == {"trace"}


def test_equal_values_are_said_to_be_equal() -> None:
    program = checked(PAIRS)
    found = by_name(report(program, equal(program)))
    assert "all have the same value" in found["distribution-volume-per-atom"].caption  # type: ignore[union-attr]
    assert "points only" in found["joint-four-pair"].caption  # type: ignore[union-attr]


def test_what_has_no_number_has_no_distribution() -> None:
    program = checked(
        "system Cu-P; require each CN(Cu-P) = 4; expect novel; expect crystal_system = cubic; prefer density as high as possible"
    )
    labels = [term.label for term in program.terms]
    density_label = labels[-1]
    crystals = [
        crystal("guided", k, (None, None, None, 3.0 + k / 10), 0.1, program, labels)
        for k in range(12)
    ]
    names = set(by_name(report(program, crystals)))
    assert {name for name in names if name.startswith("distribution")} == {
        f"distribution-{density_label}"
    }


def test_a_text_of_the_user_is_no_markup() -> None:
    program = checked(PAIRS)
    found = by_name(report(program, many(["guided"], 12, program)))
    texts = [a.text for a in found["margins"].plot.layout.annotations]  # type: ignore[union-attr]
    assert "expect volume_per_atom &lt; 15 Å^3" in texts


def test_light_and_dark_differ_by_the_template_alone() -> None:
    program = checked(PAIRS)
    found = by_name(report(program, many(["non-guided", "guided", "reference"], 20, program)))
    for figure in (one for one in found.values() if isinstance(one, Figure)):
        own = json.dumps(
            {k: v for k, v in figure.plot.to_plotly_json()["layout"].items() if k != "template"},
            default=str,
        )
        own += json.dumps([trace.to_plotly_json() for trace in figure.plot.data], default=str)
        for ground in (template(), template(dark=True)):
            assert ground.layout.font.color not in own
            assert f'"{ground.layout.paper_bgcolor}"' not in own


# ---- funnel ----


def test_the_funnel_says_the_reason_of_most_whole_and_how_many_have_others() -> None:
    program = checked(PAIRS)
    long = "no structure: a reason" + " of <many> words" * 12
    reasons = [long, "flat", "empty", long, None]
    crystals = [
        replace(
            one,
            record=replace(
                one.record, outcomes={"geometry": Outcome("failed", reason)} if reason else {}
            ),
        )
        for one, reason in zip(many(["guided"], 5, program), reasons, strict=True)
        if one.record
    ]
    figure = by_name(report(program, crystals))["funnel"]
    assert isinstance(figure, Figure)
    assert [list(trace.x) for trace in figure.plot.data] == [[100.0], *[[0.0]] * 5]
    texts = [note.text for note in figure.plot.layout.annotations]
    assert texts[:3] == ["<b>raw, R</b>", "guided: 5 (100%)", "<b>crystals</b>"]
    said = texts[3].split("<br>")
    assert max(len(unescape(line)) for line in said) <= 46
    assert unescape(" ".join(said)) == f"guided: 0 (0%); lost 2: {long}; 3 for other reasons"


# ---- trace ----


def test_the_trace_is_the_median_over_the_structures(tmp_path: Path) -> None:
    program = checked(PAIRS)
    rows = [
        {
            "index": i,
            "step": s,
            "time": 1 - s / 10,
            "term": term,
            "loss": None if term == "pair" else float(i * s),
            "hit": (i == 0) if s == 9 else None,
        }
        for i in range(3)
        for s in (1, 5, 9)
        for term in ("four", "pair")
    ]
    folder = tmp_path / "trace.parquet"
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / "guided-000000.parquet")
    figure = by_name(report(program, many(["non-guided", "guided"], 3, program), folder))["trace"]
    assert isinstance(figure, Figure)
    medians = [
        list(trace.y) for trace in figure.plot.data if trace.line.width == 2 and trace.name is None
    ]
    assert medians[0] == [1.0, 5.0, 9.0]
    (hits,) = [trace for trace in figure.plot.data if trace.name == "predicted crystal"]
    assert list(hits.y) == [pytest.approx(100 / 3)]
    assert "pair: undefined in every structure" in figure.caption


@pytest.mark.parametrize("content", [None, b"", b"PAR1 no table PAR1"])
def test_a_damaged_trace_is_a_reason(tmp_path: Path, content: bytes | None) -> None:
    program = checked(PAIRS)
    if content is not None:
        (tmp_path / "guided-000000.parquet").write_bytes(content)
    found = by_name(report(program, many(["guided"], 3, program), tmp_path))["trace"]
    assert isinstance(found, LeftOut)


# ---- files ----


def browser() -> bool:
    from choreographer.browsers.chromium import Chromium

    return bool(Chromium.find_browser(skip_local=False))


@pytest.mark.slow
@pytest.mark.skipif(not browser(), reason="no Chromium or Chrome is installed")
def test_pictures_for_a_paper(tmp_path: Path) -> None:
    program = checked(PAIRS)
    found = by_name(report(program, many(["non-guided", "guided"], 12, program)))
    png, svg, pdf = export(
        [found["pareto"], LeftOut("other", "Other", "No data.")], tmp_path / "figures", width_mm=90
    )
    assert [file.name for file in (png, svg, pdf)] == ["pareto.png", "pareto.svg", "pareto.pdf"]
    head = png.read_bytes()[:24]
    assert head.startswith(b"\x89PNG")
    assert int.from_bytes(head[16:20], "big") == pytest.approx(90 / 25.4 * 300, abs=2)
    root = ET.fromstring(svg.read_text(encoding="utf-8"))
    assert float(root.attrib["width"]) == pytest.approx(90 / 25.4 * 96, abs=1)
    assert pdf.read_bytes().startswith(b"%PDF")


def test_without_a_browser_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER_PATH", str(tmp_path / "none"))
    program = checked(PAIRS)
    figures = draw(report(program, many(["guided"], 12, program)))
    with pytest.raises(ScoutError) as caught:
        export(figures[:1], tmp_path, ["png"])
    assert caught.value.code == "E620"
    assert "chromium" in caught.value.hint


def test_a_browser_that_does_not_start_is_an_error_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER_PATH", "/bin/false")
    program = checked(PAIRS)
    figures = draw(report(program, many(["guided"], 12, program)))
    with pytest.raises(ScoutError) as caught:
        export(figures[:1], tmp_path, ["png"])
    assert caught.value.code == "E621"


def test_no_figures_need_no_browser(tmp_path: Path) -> None:
    assert export([], tmp_path / "figures") == []
