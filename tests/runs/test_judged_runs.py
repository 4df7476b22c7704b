"""Judging what is there: runs again, structures from elsewhere, half of a run; and stages of other
packages.
"""

from __future__ import annotations

import importlib
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from math import nan
from pathlib import Path
from typing import Any

import ase.io
import pandas as pd
import pytest
from click.testing import CliRunner
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

import scoutlang
from scoutlang.crystals.specimen import Specimen
from scoutlang.interfaces.cli import commands
from scoutlang.potentials import Evaluation
from scoutlang.report.candidates import candidates
from scoutlang.runs import judge as judged_runs
from scoutlang.runs.folder import RunFolder
from scoutlang.runs.judge import Judged, adopt, judge
from scoutlang.runs.manifest import Cost, Judges
from scoutlang.support.errors import ScoutError
from scoutlang.validation.funnel import funnels
from scoutlang.validation.stages import Stage, all_stages, built_in, ordered
from scoutlang.validation.table import table_notes

TEXT = "system Cu-Au; require CN(Cu-Au) = 8; expect e_above_hull < 0.1 eV/atom"


def fcc(symbols: Sequence[str], a: float = 3.8) -> Structure:
    return Structure(
        Lattice.cubic(a), symbols, [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    )


AUCU = fcc(["Cu", "Cu", "Au", "Au"])
"""L1_0: every Cu has 8 Au around it and 4 Cu."""
CU3AU = fcc(["Au", "Cu", "Cu", "Cu"])
COPPER = fcc(["Cu"] * 4, 3.6)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOUT_CACHE", str(tmp_path / "cache"))


def program(text: str = TEXT) -> Any:
    checked = scoutlang.check(text).program
    assert checked is not None
    return checked


def named(*structures: Structure) -> list[Specimen | ScoutError]:
    return [Specimen(structure=s, origin=f"{i}.cif") for i, s in enumerate(structures)]


def emt(run: RunFolder | Path) -> Judged:
    return judge(run, potential="emt")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    broken = ScoutError("E203", "3.cif is not a readable cif file")
    return adopt(
        program(),
        {"guided": [*named(AUCU, CU3AU, COPPER), broken], "non-guided": named(CU3AU)},
        tmp_path / "run",
    )


class Calls:
    """Counts what each stage is asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        for stage in built_in():
            monkeypatch.setattr(type(stage), "run", self._counting(type(stage).run))

    def _counting(self, run: Callable[..., Any]) -> Callable[..., Any]:
        def counted(stage: Stage, *args: Any) -> Any:
            self.asked.append(stage.name)
            return run(stage, *args)

        return counted


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


class TestRuns:
    def test_what_was_not_read_is_a_structure_with_its_reason(self, run: RunFolder) -> None:
        found = emt(run)
        assert [r.hit for r in found.validation.records] == [False, True, False, False, None]
        rows = pd.read_csv(found.folder / "records.csv")
        assert rows.origin.tolist()[:3] == ["0.cif", "0.cif", "1.cif"]
        assert rows.geometry_reason[4] == "no structure: E203 3.cif is not a readable cif file"

    def test_funnels_add_up(self, run: RunFolder) -> None:
        for funnel in funnels(emt(run).validation.records):
            left = funnel.raw
            for step in funnel.steps:
                assert step.kept + sum(step.lost.values()) == left
                left = step.kept
        guided = funnels(emt(run).validation.records)[1]
        assert guided.steps[0].lost == {"no structure: E203 3.cif is not a readable cif file": 1}

    def test_nothing_is_judged_twice(self, run: RunFolder, calls: Calls) -> None:
        first = emt(run)
        assert sorted(calls.asked) == sorted(s.name for s in built_in())
        calls.asked.clear()
        again = emt(RunFolder.open(run.path))
        assert calls.asked == ["energy"]  # which has a cache of its own
        assert [r.row() for r in again.validation.records] == [
            r.row() for r in first.validation.records
        ]

    def test_another_potential_asks_only_what_depends_on_it(
        self, run: RunFolder, calls: Calls
    ) -> None:
        emt(run)
        calls.asked.clear()
        judge(run, potential="chgnet")
        assert {"energy", "expect", "hull", "unique"} <= set(calls.asked)
        assert not {"geometry", "groups", "screen", "hits", "novel"} & set(calls.asked)
        assert (
            json.loads((run.path / "run.json").read_text())["potential"]["name"] == "chgnet-0.3.0"
        )

    def test_the_judge_is_remembered(self, run: RunFolder) -> None:
        emt(run)
        assert judge(run.path).potential.name == "emt"

    def test_a_folder_cannot_make_us_open_a_model_file(self, run: RunFolder) -> None:
        run.save(judges=Judges(potential="mace:evil.model#0123456789abcdef", reference="mp-mini"))
        with pytest.raises(ScoutError, match="was judged by a model file") as caught:
            judge(run.path)
        assert caught.value.code == "E443"
        assert emt(run.path).reference.name == "mp-mini"

    @pytest.mark.parametrize(
        "content",
        ["", "[]", "{}", '[["passed", "", {}]]', '[["maybe", "", {}],' * 3, "[" * 100_000],
    )
    def test_damaged_results_are_found_again(self, run: RunFolder, content: str) -> None:
        first = emt(run)
        for file in (run.path / "stages").iterdir():
            file.write_text(content)
        assert [r.row() for r in emt(run).validation.records] == [
            r.row() for r in first.validation.records
        ]

    def test_results_that_cannot_be_kept_are_no_fault(self, run: RunFolder) -> None:
        (run.path / "stages").write_text("in the way")
        assert len(emt(run).validation.records) == 5

    def test_half_a_run_is_judged_and_stays_half(self, run: RunFolder) -> None:
        whole = emt(run)
        run.part("guided", 0).unlink()
        run.save(status="interrupted")
        found = emt(run.path)
        assert [r.arm for r in found.validation.records] == ["non-guided"]
        assert found.to_json()["status"] == "interrupted"
        assert len(whole.validation.records) == 5

    def test_an_empty_run_has_a_table(self, tmp_path: Path) -> None:
        found = emt(adopt(program(), {"guided": []}, tmp_path / "empty"))
        assert found.validation.records == ()
        assert found.validation.table().arms == ()

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "[]",
            "{",
            "[" * 100_000,
            '{"arms": ["guided"], "sample": {}}',
            '{"arms": ["left"], "sample": {}}',
        ],
    )
    def test_damaged_manifests_are_errors(self, run: RunFolder, content: str) -> None:
        (run.path / "run.json").write_text(content)
        with pytest.raises(ScoutError) as caught:
            emt(run.path)
        assert caught.value.code == "E604"

    def test_a_run_is_not_written_over(self, run: RunFolder) -> None:
        with pytest.raises(ScoutError) as caught:
            adopt(program(), {"guided": []}, run.path)
        assert caught.value.code == "E601"

    def test_a_full_disk_is_an_error_that_says_so(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with pytest.raises(ScoutError) as caught:
            adopt(program(), {"guided": []}, tmp_path / "file" / "run")
        assert caught.value.code == "E602"


class TestCommand:
    def scout(self, *arguments: object) -> tuple[int, str]:
        done = CliRunner().invoke(
            commands, ["validate", *map(str, arguments)], env={"COLUMNS": "120"}
        )
        if isinstance(done.exception, ScoutError):
            return 1, str(done.exception)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.output

    def folder(self, path: Path, *structures: Structure) -> Path:
        path.mkdir()
        for number, structure in enumerate(structures):
            structure.to(str(path / f"{number}.cif"))
        return path

    def test_a_folder_of_cifs_with_its_hypothesis(self, tmp_path: Path) -> None:
        source = self.folder(tmp_path / "mine", AUCU, CU3AU)
        (source / "bad.cif").write_text("garbage")
        (source / "gold.scout").write_text(TEXT)
        code, text = self.scout(
            source, "--out", tmp_path / "run", "--potential", "emt", "--format", "json"
        )
        assert code == 0
        data = json.loads(text)
        (arm,) = data["table"]["arms"]
        assert (arm["raw"], arm["hits"]["count"], arm["undefined"]) == (3, 1, 1)
        assert data["provenance"]["potential"] == "emt"
        code, text = self.scout(tmp_path / "run")
        assert code == 0
        assert "raw set |R|" in text

    def test_matergens_own_output(self, tmp_path: Path) -> None:
        source = self.folder(tmp_path / "mattergen", AUCU)
        frames = [AseAtomsAdaptor.get_atoms(s) for s in (AUCU, CU3AU)]
        ase.io.write(source / "generated_crystals.extxyz", frames)
        (tmp_path / "x.scout").write_text(TEXT)
        given = (
            "--program",
            tmp_path / "x.scout",
            "--non-guided",
            source / "0.cif",
            "--out",
            tmp_path / "run",
            "--potential",
            "emt",
        )
        code, text = self.scout(source, *given, "--format", "json")
        assert code == 0
        passed_over, brace, rest = text.partition("{")
        assert passed_over.startswith(f"not read in {source}: 1 folders, files of other kinds")
        assert [arm["raw"] for arm in json.loads(brace + rest)["table"]["arms"]] == [1, 2]

    def test_a_page_of_structures_from_elsewhere(self, tmp_path: Path) -> None:
        source = self.folder(tmp_path / "mine", AUCU, CU3AU)
        (source / "gold.scout").write_text(TEXT)
        given = ["report", str(source), "--run-folder", str(tmp_path / "run"), "--potential", "emt"]
        done = CliRunner().invoke(commands, given)
        assert done.exit_code == 0, done.output
        assert "1 of 2 (50.0%) guided structures are hits" in done.output
        assert "gold" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
        again = CliRunner().invoke(commands, given).exception
        assert isinstance(again, ScoutError)
        assert (again.code, "--run-folder" in again.hint) == ("E601", True)

    @pytest.mark.parametrize("beside", [(), ("a.scout", "b.scout")])
    def test_which_hypothesis(self, tmp_path: Path, beside: tuple[str, ...]) -> None:
        source = self.folder(tmp_path / "mine", AUCU)
        for name in beside:
            (source / name).write_text(TEXT)
        code, text = self.scout(source)
        assert code == 2
        assert "which hypothesis?" in text

    def test_nothing_to_judge(self, tmp_path: Path) -> None:
        (tmp_path / "x.scout").write_text(TEXT)
        assert self.scout(tmp_path / "nowhere", "--program", tmp_path / "x.scout")[1].startswith(
            "error[E610]"
        )
        assert self.scout(self.folder(tmp_path / "empty"), "--program", tmp_path / "x.scout")[
            1
        ].startswith("error[E207]")
        assert not (tmp_path / "runs").exists()


STAGE = """
from dataclasses import dataclass
from scoutlang.validation.record import Outcome
from scoutlang.validation.table import table_notes
from scoutlang.validation.stages import Stage

@dataclass(frozen=True)
class Heavy(Stage):
    name = "{name}"
    needs = {needs}
    adds = ("gold",)

    def run(self, records, context):
        return [{answer} for r in records]

STAGE = Heavy()
"""


def install(
    site: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    needs: str = '("screen",)',
    answer: str = "",
) -> None:
    """A distribution with one stage, on the path of this test."""
    text = STAGE.format(
        name=name,
        needs=needs,
        answer=answer or 'Outcome("passed", "", {"gold": "Au" in r.structure.composition})',
    )
    metadata = site / f"{name}_package-1.0.dist-info"
    metadata.mkdir(parents=True)
    (site / f"{name}_module.py").write_text(text)
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}-package\nVersion: 1.0\n"
    )
    (metadata / "entry_points.txt").write_text(f"[scoutlang.stages]\n{name} = {name}_module\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, f"{name}_module", raising=False)


class TestStagesOfOtherPackages:
    def test_it_runs_after_what_it_needs_and_adds_its_column(
        self, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install(tmp_path / "site", monkeypatch, "heavy")
        names = [stage.name for stage in all_stages()]
        assert names.index("heavy") > names.index("screen")
        rows = [r.row() for r in emt(run).validation.records]
        assert [row.get("gold") for row in rows] == [True, True, True, False, None]
        assert rows[-1]["heavy_status"] == "skipped"

    @pytest.mark.parametrize(
        ("needs", "answer", "reason"),
        [
            ('("nowhere",)', "", "it needs a stage that is not there"),
            ('("heavy",)', "", "stages of plug-ins need each other"),
            ("()", "1 / 0", "the stage ended with ZeroDivisionError: division by zero"),
            ("()", "0 for s in records", "the stage ended with ValueError"),
            ("()", "syntax error", "E450"),
        ],
    )
    def test_one_that_fails_takes_nothing_else_away(
        self,
        run: RunFolder,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        needs: str,
        answer: str,
        reason: str,
    ) -> None:
        before = [r.outcomes for r in emt(run).validation.records]
        install(tmp_path / "site", monkeypatch, "heavy", needs, answer)
        after = [r.outcomes for r in emt(run).validation.records]
        assert {o["heavy"].status for o in after} == {"undefined"}
        assert all(reason in o["heavy"].reason for o in after), after[0]["heavy"]
        assert [{k: v for k, v in o.items() if k != "heavy"} for o in after] == before

    def test_a_name_of_ours_is_not_theirs(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        install(tmp_path / "site", monkeypatch, "hits")
        with pytest.raises(ScoutError) as caught:
            all_stages()
        assert caught.value.code == "E451"

    def test_order_is_derived(self) -> None:
        shuffled = sorted(built_in(), key=lambda s: s.name, reverse=True)
        assert ordered(shuffled) == built_in()
        with pytest.raises(ValueError, match="no stage"):
            ordered([s for s in built_in() if s.name != "screen"])


class TestWhatStrangersWrite:
    def test_samples_are_read_as_plain_data(self, run: RunFolder) -> None:
        part = run.part("guided", 0)
        rows = json.loads(part.read_text())
        rows[0]["structure"]["sites"][0]["properties"] = {
            "x": {"@module": "antigravity", "@class": "Nothing"}
        }
        rows[0]["structure"] |= {"@module": "this", "@class": "Nothing"}
        part.write_text(json.dumps(rows))
        before = set(sys.modules)
        assert [r.hit for r in emt(run.path).validation.records] == [
            False,
            True,
            False,
            False,
            None,
        ]
        assert not {"this", "antigravity"} & (set(sys.modules) - before)

    def test_a_damaged_batch_is_missing_and_the_others_are_judged(self, run: RunFolder) -> None:
        run.part("guided", 0).write_text("[")
        records = emt(run.path).validation.records
        assert [r.arm for r in records] == ["non-guided", *["guided"] * 4]
        assert all("damaged" in r.outcomes["geometry"].reason for r in records[1:])
        run.part("guided", 0).rename(run.path / "samples" / "guided-x.json")
        with pytest.raises(ScoutError) as caught:
            emt(run.path)
        assert caught.value.code == "E604"

    def test_names_do_not_compute_in_a_spreadsheet(self, tmp_path: Path) -> None:
        found = emt(
            adopt(
                program(),
                {"guided": [Specimen(structure=AUCU, origin="=cmd|x.cif")]},
                tmp_path / "run",
            )
        )
        assert pd.read_csv(found.folder / "records.csv").origin[0] == "'=cmd|x.cif"
        assert pd.read_parquet(found.folder / "records.parquet").origin[0] == "=cmd|x.cif"


class TestTwoAtWork:
    def test_judging_does_not_undo_what_sampling_has_noted_since(self, run: RunFolder) -> None:
        early = RunFolder.open(run.path)
        cost = Cost(structures=4, seconds=1.0, evaluations=4, diverged=0)
        run.note(batches={"guided-000000": cost}, status="finished")
        early.manifest = early.manifest.changed(batches={}, status="running")
        emt(early)
        found = json.loads((run.path / "run.json").read_text())
        assert (found["status"], list(found["batches"])) == ("finished", ["guided-000000"])

    def test_a_run_that_was_interrupted_while_judged_is_finished_by_validate(
        self, tmp_path: Path
    ) -> None:
        run = adopt(program(), {"guided": named(AUCU, CU3AU)}, tmp_path / "run")
        run.note(status="interrupted")
        assert emt(run.path).run.finished

    def test_a_failure_that_passes_is_not_remembered(
        self, run: RunFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Tired:
            name, version, weights_sha256 = "tired", "1", "0" * 64

            def __init__(self, reason: str) -> None:
                self.reason = reason

            def energies(self, structures: Sequence[Structure], **options: Any) -> list[Evaluation]:
                return [Evaluation(nan if self.reason else -3.0, self.reason) for _ in structures]

        for reason, known in (("out of memory", 0), ("", 4)):
            monkeypatch.setattr(
                judged_runs, "load_potential", lambda name, reason=reason: Tired(reason)
            )
            found = judge(run.path, potential="emt").validation
            assert sum(r.e_above_hull is not None for r in found.records) == known
            arm = found.table().arms[1]
            assert (arm.scout_yield.fraction is None) == (known == 0)
            assert any("out of memory" in line for line in table_notes(found)) == (known == 0)


def test_known_crystals_without_energy_are_said(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoAlloys:
        name, version, weights_sha256 = "no alloys", "1", "0" * 64

        def energies(self, structures: Sequence[Structure], **options: Any) -> list[Evaluation]:
            refuse = [len(s.composition) > 1 and len(s) != 4 for s in structures]
            return [Evaluation(nan, "too large") if bad else Evaluation(-3.0) for bad in refuse]

    monkeypatch.setattr(judged_runs, "load_potential", lambda name: NoAlloys())
    found = judge(run.path, potential="emt").validation
    lacks = {
        r.value("hull_lacks")
        for r in found.records
        if r.e_above_hull is not None and len(r.structure.composition) > 1
    }
    assert min(lacks) > 0  # type: ignore[type-var]
    assert any("lower bounds" in line for line in table_notes(found))


@pytest.mark.parametrize(
    ("adds", "answer", "reason"),
    [
        ('("gold",)', 'Outcome("passed", "", {"gold": float("nan")})', "finite"),
        ('("gold",)', 'Outcome("passed", "", {"gold": [1]})', "finite"),
        ('("gold",)', 'Outcome("yes")', "no outcome"),
        (
            '("gold",)',
            'Outcome("passed", "", {"gold": "a" if r is records[0] else 1.0})',
            "several kinds",
        ),
        ('("id",)', 'Outcome("passed", "", {"id": "x"})', "not a column"),
        ('("hit",)', 'Outcome("passed", "", {"hit": True})', "another stage"),
        ('("gold",)', 'Outcome("passed", "", {"silver": 1.0})', "not a column"),
    ],
)
def test_answers_that_no_record_takes_are_refused(
    run: RunFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    adds: str,
    answer: str,
    reason: str,
) -> None:
    install(tmp_path / "site", monkeypatch, "heavy", '("hits",)' if "hit" in adds else "()", answer)
    module = tmp_path / "site" / "heavy_module.py"
    module.write_text(module.read_text().replace('adds = ("gold",)', f"adds = {adds}"))
    found = [
        r.outcomes["heavy"]
        for r in emt(run).validation.records
        if r.outcomes["heavy"].status != "skipped"
    ]
    assert found
    assert all(o.status == "undefined" and reason in o.reason for o in found), found[0]


def test_a_stage_that_was_changed_is_asked_again(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("1.0", "2.0"):
        shutil.rmtree(tmp_path / "site", ignore_errors=True)
        install(
            tmp_path / "site",
            monkeypatch,
            "heavy",
            "()",
            f'Outcome("passed", "", {{"gold": {value}}})',
        )
        importlib.invalidate_caches()
        assert emt(run).validation.records[0].value("gold") == float(value)


def test_the_stage_of_the_manual_is_one(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "validation.md").read_text(encoding="utf-8")
    install(tmp_path / "site", monkeypatch, "heaviest")
    (tmp_path / "site" / "heaviest_module.py").write_text(
        page.partition("```python\n")[2].partition("```")[0]
    )
    records = emt(run).validation.records
    assert [r.value("heaviest_z") for r in records] == [79, 79, 79, 29, None]
    table = candidates(run.program, records, ())
    (place,) = [k for k, column in enumerate(table.columns) if column.name == "heaviest_z"]
    assert table.columns[place].about == "the largest atomic number in the cell"
    assert sorted(row[place] or 0 for row in table.rows) == [0, 29, 79, 79, 79]
