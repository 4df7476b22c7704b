"""The table of the paper, from its own published counts, and in every form."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from pymatgen.core import Lattice, Structure

import scoutlang
from scoutlang.crystals.specimen import Specimen
from scoutlang.interfaces.cli import commands
from scoutlang.ir import Arm
from scoutlang.report.table1 import COLUMNS, FORMATS, Row, find_runs
from scoutlang.runs.judge import adopt
from scoutlang.support.errors import ScoutError
from scoutlang.validation.record import Outcome, Record
from scoutlang.validation.statistics import compare, proportion
from scoutlang.validation.summary import Summary, summarize

# Table 1 of arXiv:2604.13354: |R|, |C|/|R|, |U|/|R|, |US|/|U|, |USO|/|US|, |USOC|, SCOUT, Y_SCOUT
# of both arms, and p
PAPER: dict[
    str,
    tuple[
        tuple[int, str, str, str, str, int, str, str],
        tuple[int, str, str, str, str, int, str, str],
        str,
    ],
] = {
    "B": (
        (2000, "0.127", "0.661", "0.005", "0.833", 4, "0.800", "0.002"),
        (6312, "0.600", "0.691", "0.002", "0.889", 7, "0.875", "0.001"),
        "< 1e-12",
    ),
    "B-Fe-Nd": (
        (4300, "0.155", "0.284", "0.389", "0.992", 18, "0.038", "0.004"),
        (3000, "0.212", "0.354", "0.196", "0.981", 18, "0.088", "0.006"),
        "2.03e-10",
    ),
    "Co-Li-O": (
        (1200, "0.052", "0.787", "0.675", "0.995", 39, "0.061", "0.033"),
        (600, "0.077", "0.793", "0.651", "0.990", 20, "0.065", "0.033"),
        "0.021",
    ),
    "Cu-P = 3": (
        (2500, "0.138", "0.724", "0.541", "0.990", 145, "0.150", "0.058"),
        (708, "0.431", "0.983", "0.103", "0.986", 27, "0.380", "0.038"),
        "< 1e-12",
    ),
    "Cu-P = 4": (
        (2500, "0.404", "0.724", "0.541", "0.990", 298, "0.308", "0.119"),
        (716, "0.459", "0.888", "0.258", "0.994", 117, "0.718", "0.163"),
        "3.73e-03",
    ),
    "Cu-P = 6": (
        (2500, "0.016", "0.724", "0.541", "0.990", 7, "0.007", "0.003"),
        (706, "0.059", "0.820", "0.297", "0.994", 0, "0.000", "0.000"),
        "2.65e-11",
    ),
    "Cu-Si-P-Ca": (
        (2200, "0.010", "0.742", "0.555", "0.986", 13, "0.015", "0.006"),
        (1132, "0.072", "0.718", "0.226", "0.978", 4, "0.022", "0.004"),
        "< 1e-12",
    ),
}


def wholes(fraction: str, total: int) -> Iterator[int]:
    """The counts that are printed as this fraction, the nearest first."""
    middle = round(float(fraction) * total)
    near = sorted(
        range(max(middle - 8, 0), min(middle + 8, total) + 1),
        key=lambda n: abs(n - float(fraction) * total),
    )
    return (n for n in near if f"{n / total:.3f}" == fraction) if total else iter(())


def counts(
    printed: tuple[int, str, str, str, str, int, str, str],
) -> tuple[int, int, int, int, int, int]:
    """|R|, |C|, |U|, |US|, |USO|, |USOC| that give every printed number of a line."""
    r, c_r, u_r, us_u, uso_us, usoc, scout, _ = printed
    for c, u in itertools.product(wholes(c_r, r), wholes(u_r, r)):
        for us in wholes(us_u, u):
            for uso in wholes(uso_us, us):
                if uso and f"{usoc / uso:.3f}" == scout:
                    return r, c, u, us, uso, usoc
    raise AssertionError(f"no whole numbers give {printed}")


def records(arm: Arm, r: int, c: int, u: int, us: int, uso: int, usoc: int) -> list[Record]:
    """One record for each structure: the first ones are in every set, and the hits that are not in
    USO come last.
    """

    def record(i: int) -> Record:
        hit = i < usoc or i >= r - (c - usoc)
        outcomes = {
            "screen": Outcome("passed"),
            "hits": Outcome("passed" if hit else "failed", values={"hit": hit}),
            "unique": Outcome("passed" if i < u else "failed", values={"unique": i < u}),
            "hull": Outcome("passed", values={"e_above_hull": 0.1 if i < us else 0.5}),
            "novel": Outcome("passed" if i < uso else "failed", values={"novel": i < uso}),
        }
        return Record(f"{arm}-{i}", Specimen(arm, 0, i, None), outcomes)

    return [record(i) for i in range(r)]


def paper(name: str) -> Summary:
    plain, guided, _ = PAPER[name]
    return summarize([*records("non-guided", *counts(plain)), *records("guided", *counts(guided))])


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_table_follows_from_its_counts(name: str) -> None:
    summary = paper(name)
    for arm, printed in zip(summary.arms, PAPER[name], strict=False):
        r, c_r, u_r, us_u, uso_us, usoc, scout, final = printed
        cells = {column.text: column.of_arm(arm) for column in COLUMNS if column.of_arm}
        assert cells.pop("set") == arm.arm
        assert cells.pop("|U∩S∩O|") == str(counts(printed)[4])  # ours; the paper does not print it
        assert list(cells.values()) == [str(r), c_r, u_r, us_u, uso_us, str(usoc), scout, final]
    test, published = summary.enrichment, PAPER[name][2]
    assert test is not None
    assert test.p_z is not None
    if published == "< 1e-12":
        assert test.p_z < 1e-12
    else:  # |C| is known to the three printed digits of its fraction
        low, high = (extreme_p(name, side) for side in (1, -1))
        assert low <= float(published) * 1.005
        assert high >= float(published) * 0.995


def extreme_p(name: str, side: int) -> float:
    """The p-value where the fractions are as far apart (1), or as near (-1), as their printed
    digits allow.
    """
    plain, guided, _ = PAPER[name]
    (r0, *_), (r1, *_) = plain, guided
    c0 = (min if side > 0 else max)(wholes(plain[1], r0))
    c1 = (max if side > 0 else min)(wholes(guided[1], r1))
    found = compare(proportion(c1, r1), proportion(c0, r0)).p_z
    assert isinstance(found, float)
    return found


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return [
        Row("a", "Cu-Si-P", "CN(Cu-P) = 3 ± 0.5", paper("Cu-P = 3"), "chgnet, mp-mini"),
        Row("b", "B", "x_1 < 7 Å^3", paper("B"), "chgnet, mp-mini"),
    ]


def test_csv_has_every_arm_and_every_count(rows: list[Row]) -> None:
    lines = list(csv.DictReader(io.StringIO(FORMATS["csv"](rows))))
    assert [(line["run"], line["set"], line["R"], line["USOC"]) for line in lines] == [
        ("a", "non-guided", "2500", "145"),
        ("a", "guided", "708", "27"),
        ("b", "non-guided", "2000", "4"),
        ("b", "guided", "6312", "7"),
    ]
    assert float(lines[0]["p C/R, Fisher"]) < 1e-12
    assert float(lines[2]["C/R low"]) < 0.127 < float(lines[2]["C/R high"])


@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
def test_every_form_holds_every_number(rows: list[Row], form: str) -> None:
    text = FORMATS[form](rows)
    for summary in (row.summary for row in rows):
        for arm in summary.arms:
            cells = [column.of_arm(arm) for column in COLUMNS if column.of_arm]
            assert any(
                all(re.search(rf"(?<![\d.]){re.escape(c)}(?![\d])", line) for c in cells)
                for line in text.splitlines()
            ), (
                form,
                cells,
            )
    assert "1e-12" in text


def test_latex_is_whole(rows: list[Row]) -> None:
    text = FORMATS["latex"](rows)
    lines = [line for line in text.splitlines() if line.endswith((r"\\", r"\addlinespace"))]
    assert len({line.count(" & ") for line in lines}) == 1
    assert r"x\_1 $<$ 7 \AA{}\textasciicircum{}3" in text
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("form", FORMATS)
def test_no_runs_and_one_arm(form: str) -> None:
    assert isinstance(FORMATS[form]([]), str)
    alone = summarize(records("guided", *counts(PAPER["B"][1])))
    assert "0.600" in FORMATS[form]([Row("a", "B", "–", alone, "x")]) or form == "csv"


def test_runs_are_found_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOUT_CACHE", str(tmp_path / "cache"))
    program = scoutlang.check("param n = 12\nsystem Cu; require CN(Cu-Cu) = n").program
    assert program is not None
    copper = Structure(
        Lattice.cubic(3.61), ["Cu"] * 4, [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    )
    for name in ("b/deep", "a"):
        adopt(
            program, {"guided": [Specimen(structure=copper, origin="x")]}, tmp_path / "study" / name
        )
    assert [run.name for run in find_runs([tmp_path / "study", tmp_path / "study" / "a"])] == [
        "a",
        "deep",
    ]
    out = tmp_path / "table.csv"
    done = CliRunner().invoke(
        commands,
        [
            "table",
            str(tmp_path / "study"),
            "--potential",
            "emt",
            "--format",
            "csv",
            "--out",
            str(out),
        ],
    )
    assert done.exit_code == 0, done.output
    assert [line["C/R"] for line in csv.DictReader(out.open())] == ["1.0", "1.0"]
    with pytest.raises(ScoutError) as caught:
        find_runs([tmp_path / "cache"])
    assert caught.value.code == "E610"
