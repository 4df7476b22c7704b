"""The pipeline as a whole: nothing disappears, the table adds up, the files hold what the records
say.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import ase.io
import numpy as np
import pyarrow.parquet as pq
import pytest
from crystals_by_hand import TablePotential, generated, known, rock_salt, simple_cubic
from pymatgen.core import Lattice, Structure
from rich.console import Console

from scoutlang import potentials
from scoutlang.ir import Program
from scoutlang.potentials._cache import Cached
from scoutlang.validation import Validation, render_table, validate, write_outputs
from scoutlang.validation.reference import load
from scoutlang.validation.stages import built_in
from scoutlang.validation.table import table_notes

TEXT = "system Na-Cl; require CN(Na-Cl) = 6; expect e_above_hull < 0.2 eV/atom"
REFERENCE = known(simple_cubic("Na", 4.0), simple_cubic("Cl", 4.0), rock_salt())
POTENTIAL = TablePotential({"Na": -1.0, "Cl2": -2.0, "NaCl": -3.5})

GUIDED = [rock_salt(), rock_salt(a=5.7), rock_salt(a=2.0), None, simple_cubic("Cl", 4.0)]
OTHERS = [
    rock_salt(a=9.0),
    rock_salt(),
    Structure(Lattice.cubic(4), ["Na", "Cl"], [(0, 0, 0), (0.5, np.nan, 0.5)]),
]


@pytest.fixture
def validation(program: Callable[[str], Program]) -> Validation:
    raw = [*generated(*GUIDED), *generated(*OTHERS, arm="non-guided")]
    return validate(program(TEXT), raw, potential=POTENTIAL, reference=REFERENCE, run="r1")


def test_one_record_per_structure_in_order_with_its_id(validation: Validation) -> None:
    assert [r.id for r in validation.records] == [f"r1-guided-0-{i}" for i in range(5)] + [
        f"r1-non-guided-0-{i}" for i in range(3)
    ]


def test_every_stage_adds_up_to_the_raw_set_and_says_why(validation: Validation) -> None:
    funnel = validation.funnel()
    for arm, raw in (("guided", 5), ("non-guided", 3)):
        assert {sum(counts.values()) for counts in funnel[arm].values()} == {raw}
    for record in validation.records:
        assert all(
            bool(outcome.reason) == (outcome.status != "passed")
            for outcome in record.outcomes.values()
        ), record.outcomes


def test_the_table(validation: Validation) -> None:
    non_guided, guided = validation.table().arms
    assert (non_guided.arm, guided.arm) == ("non-guided", "guided")
    # the squeezed one has more neighbours
    assert (guided.raw, guided.hits.count, guided.undefined) == (5, 2, 2)
    assert guided.valid.count == 3
    assert guided.median_e_above_hull == pytest.approx(0.0)
    assert (guided.metastable.count, guided.metastable.total) == (3, 3)
    assert (
        non_guided.raw,
        non_guided.hits.count,
        non_guided.undefined,
        non_guided.valid.count,
    ) == (3, 1, 1, 2)
    assert validation.table().enrichment is not None


def test_no_structures_is_a_table_too(program: Callable[[str], Program]) -> None:
    empty = validate(program(TEXT), [], potential=POTENTIAL, reference=REFERENCE)
    assert empty.table().arms == ()
    assert empty.table().enrichment is None
    Console(file=io.StringIO()).print(render_table(empty))


def test_one_arm_alone_has_no_test(program: Callable[[str], Program]) -> None:
    alone = validate(program(TEXT), generated(None, None), potential=POTENTIAL, reference=REFERENCE)
    assert alone.table().enrichment is None
    (arm,) = alone.table().arms
    assert (arm.hits.fraction, arm.median_e_above_hull, arm.metastable.fraction) == (
        0.0,
        None,
        None,
    )


def test_the_same_index_twice_is_refused(program: Callable[[str], Program]) -> None:
    with pytest.raises(ValueError, match="not unique"):
        validate(
            program(TEXT), generated(rock_salt()) * 2, potential=POTENTIAL, reference=REFERENCE
        )


def test_progress_reaches_the_end_of_every_stage(program: Callable[[str], Program]) -> None:
    seen: dict[str, tuple[int, int]] = {}

    def progress(stage: str, done: int, total: int) -> None:
        seen[stage] = (done, total)

    for _ in range(2):  # the second time, every energy is known
        seen.clear()
        validate(
            program(TEXT),
            generated(rock_salt()),
            potential=Cached(POTENTIAL),
            reference=REFERENCE,
            progress=progress,
        )
        assert set(seen) == {stage.name for stage in built_in()}
        assert all(done == total for done, total in seen.values())


class TestOutputs:
    def test_files(self, validation: Validation, tmp_path: Path) -> None:
        files = write_outputs(tmp_path, validation)
        assert sorted(f.name for f in files) == sorted(f.name for f in tmp_path.iterdir())

        rows = pq.read_table(tmp_path / "records.parquet").to_pylist()
        assert [row["id"] for row in rows] == [r.id for r in validation.records]
        assert rows[0]["exact: CN(Na-Cl)"] == 6.0
        assert rows[0]["e_above_hull"] == pytest.approx(0.0)
        assert rows[3]["geometry_reason"] == "no structure: the sampler gave NaN"
        with (tmp_path / "records.csv").open(newline="", encoding="utf-8") as file:
            assert [row["id"] for row in csv.DictReader(file)] == [row["id"] for row in rows]

        frames = ase.io.read(tmp_path / "generated_crystals.extxyz", ":")
        assert [f.info["id"] for f in frames] == [
            r.id for r in validation.records if r.id not in ("r1-guided-0-3", "r1-non-guided-0-2")
        ]
        assert frames[0].info["hit"]
        assert frames[0].info["arm"] == "guided"
        assert frames[0].get_volume() == pytest.approx(5.64**3)
        with zipfile.ZipFile(tmp_path / "generated_crystals_cif.zip") as archive:
            assert archive.namelist() == [f"{f.info['id']}.cif" for f in frames]
            again = Structure.from_str(archive.read(archive.namelist()[0]).decode(), fmt="cif")
        assert again.composition.reduced_formula == "NaCl"

        summary = json.loads((tmp_path / "summary.json").read_text())
        assert summary["crystals_written"] == 6
        assert summary["table"]["arms"][1]["hits"]["count"] == 2
        assert summary["provenance"]["potential"] == "table"

    def test_nothing_to_write_still_writes_every_file(
        self, program: Callable[[str], Program], tmp_path: Path
    ) -> None:
        empty = validate(program(TEXT), [], potential=POTENTIAL, reference=REFERENCE)
        assert all(file.exists() for file in write_outputs(tmp_path, empty))

    def test_a_failing_write_leaves_the_old_file(
        self, validation: Validation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_outputs(tmp_path, validation)
        before = (tmp_path / "records.parquet").read_bytes()

        def full_disk(table: object, path: Path) -> None:
            path.write_bytes(b"half")
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("pyarrow.parquet.write_table", full_disk)
        with pytest.raises(OSError, match="No space left"):
            write_outputs(tmp_path, validation)
        assert (tmp_path / "records.parquet").read_bytes() == before
        assert not list(tmp_path.glob(".*"))


def test_the_rendered_table_holds_the_numbers(validation: Validation, tmp_path: Path) -> None:
    text = io.StringIO()
    Console(file=text, width=200).print(render_table(validation, [tmp_path / "records.csv"]))
    for part in (
        "raw set |R|",
        "hits |C|",
        "40.0% (11.8% – 76.9%)",
        "median energy above hull",
        "p = ",
        "Fisher",
        "table",
        str(tmp_path),
    ):
        assert part in text.getvalue(), part


@pytest.mark.slow
def test_with_the_real_potential_and_reference(program: Callable[[str], Program]) -> None:
    """Known crystals, slightly shaken, of the demo's system: near the hull, and the whole pipeline
    on real parts.
    """
    base = [
        r.structure
        for r in load().subset(["Cu", "Si", "P"])
        if 2 < len(r.structure) <= 12 and r.source.startswith("matminer")
    ]
    shaken = [s.copy().perturb(0.02) for s in base]
    checked = program("system Cu-Si-P; require CN(Cu-P) = 4; expect e_above_hull < 0.2 eV/atom")
    result = validate(checked, generated(*shaken), potential=potentials.load(), reference=load())
    (arm,) = result.table().arms
    assert arm.valid.fraction == 1.0
    assert arm.median_e_above_hull == pytest.approx(0.1, abs=0.1)
    assert all(r.passed("hull") for r in result.records)


def test_what_is_the_same_only_after_scaling_is_said_below_the_table(
    program: Callable[[str], Program],
) -> None:
    """The first represents the others; one of them has another volume."""
    raw = generated(rock_salt(), rock_salt(a=5.7), rock_salt(a=6.6))
    asked = program("system Na-Cl; require CN(Na-Cl, r=3.5 Å) = 6; expect unique")
    found = validate(asked, raw, potential=POTENTIAL, reference=known(simple_cubic("Na", 4)))
    said = [note for note in table_notes(found) if "scaling" in note]
    assert said == [
        "1 structures are the same as another, or known, only after scaling to equal volume"
    ]
    (reason,) = {r.outcomes["unique"].reason for r in found.records if r.generated.index == 2}
    assert reason.endswith("after scaling to equal volume (it has 1.60 of it)")


def test_heights_of_compounds_of_noble_gases_are_doubted(
    program: Callable[[str], Program],
) -> None:
    potential = TablePotential({"Na": -1.0, "He": 0.0, "NaHe": -0.6})
    reference = known(simple_cubic("Na", 4.0), simple_cubic("He", 3.0))
    raw = generated(rock_salt("Na", "He", 5.0), simple_cubic("He", 3.1))
    asked = program("system Na-He; require density > 0.1 g/cm^3; expect e_above_hull < 0.2 eV/atom")
    found = validate(asked, raw, potential=potential, reference=reference)
    said = [note for note in table_notes(found) if "noble gas" in note]
    assert len(said) == 1
    assert said[0].startswith("1 structures are compounds of a noble gas")
