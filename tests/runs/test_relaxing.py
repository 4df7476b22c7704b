"""Relaxation with and without the penalty, on crystals whose fate is known, and of whole runs."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import ase.io
import numpy as np
import pytest
from ase.calculators.lj import LennardJones
from click.testing import CliRunner
from pymatgen.core import Lattice, Structure

import scoutlang
from scoutlang import potentials
from scoutlang.crystals.specimen import Specimen
from scoutlang.interfaces.cli import commands
from scoutlang.ir import SAMPLED, Arm, Program, Relax
from scoutlang.potentials import CalculatorPotential
from scoutlang.report.shortlist import shortlist
from scoutlang.runs import relaxed as relaxed_runs
from scoutlang.runs.folder import RunFolder
from scoutlang.runs.judge import Judged, judge
from scoutlang.runs.manifest import Judges, Manifest
from scoutlang.runs.minimise import FORCE, Objective, Stopped, claims_loss, relax_one
from scoutlang.runs.promising import left_alone
from scoutlang.runs.relax import relax
from scoutlang.runs.relaxed import Relaxed
from scoutlang.support.errors import ScoutError
from scoutlang.validation.funnel import left_at
from scoutlang.validation.pipeline import validate
from scoutlang.validation.reference import load as load_reference
from scoutlang.validation.stages import Progress
from scoutlang.validation.stages.symmetry import spglib_group

FCC = np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
FOUR = "system Cu; require CN(Cu-Cu) = 4"


def program(text: str) -> Program:
    found = scoutlang.check(text).program
    assert found is not None
    return found


def stretched_diamond(stretch: float = 0.06) -> Structure:
    """Copper in the structure of diamond, pulled a little along one axis: a way down to close
    packing, for a metal.
    """
    cell = FCC * 5.6 @ np.diag([1 + stretch, 1 + stretch, 1 - 2 * stretch])
    return Structure(cell, ["Cu", "Cu"], [(0, 0, 0), (0.26, 0.24, 0.25)])


def exact(structure: Structure, text: str) -> float | None:
    return scoutlang.measure(text, [structure])[0].terms[0].exact


# ---- one structure ----


def relaxed(
    structure: Structure, text: str, potential: str, *, rho: float = 0.5, steps: int = 30
) -> Relaxed:
    objective = Objective(potentials.load(potential), claims_loss(program(text)), rho)
    return relax_one(structure, objective, steps=steps)


def objective_of(energy: float | None, loss: float | None, rho: float) -> float:
    assert energy is not None
    assert loss is not None
    return energy + rho / 2 * loss**2


def test_forces_and_stress_are_the_slopes_of_the_objective() -> None:
    """Of n times the objective, against central differences of moving each atom, and of each strain
    r → r (1 + ε).
    """
    text = "system Cu-Au; require CN(Cu-Au) = 5; require volume_per_atom = 17; prefer distance(Au-Au) = 3"
    cell = Lattice.from_parameters(3.9, 4.1, 4.0, 84, 93, 97)
    alloy = Structure(
        cell,
        ["Cu", "Cu", "Au", "Au"],
        [(0.02, 0, 0), (0.5, 0.47, 0), (0.51, 0, 0.5), (0, 0.53, 0.48)],
    )
    objective = Objective(potentials.load("emt"), claims_loss(program(text)), rho=3.0)
    state, forces, stress = objective(alloy)
    assert state.loss > 0.5
    assert state.objective == pytest.approx(state.energy + 1.5 * state.loss**2)

    def slope(move: object, h: float = 1e-4) -> float:
        up, down = (len(alloy) * objective(move(sign * h))[0].objective for sign in (1, -1))  # type: ignore[operator]
        return (up - down) / (2 * h)

    def moved(atom: int, axis: int, h: float) -> Structure:
        found = alloy.copy()
        found.translate_sites([atom], np.eye(3)[axis] * h, frac_coords=False)
        return found

    def strained(i: int, j: int, h: float) -> Structure:
        strain = np.zeros((3, 3))
        strain[i, j] += h / 2
        strain[j, i] += h / 2
        return Structure(
            alloy.lattice.matrix @ (np.eye(3) + strain), alloy.species, alloy.frac_coords
        )

    for atom in range(len(alloy)):
        for axis in range(3):
            assert forces[atom, axis] == pytest.approx(
                -slope(lambda h, a=atom, x=axis: moved(a, x, h)), abs=2e-5
            )
    for i in range(3):
        for j in range(i + 1):
            assert stress[i, j] * alloy.volume == pytest.approx(
                slope(lambda h, a=i, b=j: strained(a, b, h)), abs=2e-4
            )


def test_swollen_rock_salt_finds_back() -> None:
    """By CHGNet: a sheared cell of 1.5 times the volume, with one Cl at each Na within the radius."""
    text = "system Na-Cl; require CN(Na-Cl) = 6"
    shear = np.eye(3) + np.array([[0.03, 0.02, 0], [0.02, -0.03, 0], [0, 0, 0.01]])
    swollen = Structure(FCC * 5.64 * 1.15 @ shear, ["Na", "Cl"], [(0, 0, 0), (0.52, 0.49, 0.5)])
    assert exact(swollen, text) == 1
    found = relaxed(swollen, text, "chgnet")
    assert found.structure is not None
    assert (exact(found.structure, text), found.converged, found.reason) == (6, True, "")
    assert found.energy_after < found.energy_before - 0.1  # type: ignore[operator]
    assert found.structure.volume == pytest.approx(5.64**3 / 4, rel=0.1)


def test_without_the_penalty_four_neighbours_are_lost_and_with_it_they_are_kept() -> None:
    start = stretched_diamond()
    assert exact(start, FOUR) == 4
    plain = relaxed(start, FOUR, "emt", rho=0, steps=60)
    assert plain.structure is not None
    # fcc copper, or bcc with both of its shells: EMT has a minimum at each, 0.03 eV/atom apart
    assert exact(plain.structure, FOUR) in (12, 14)
    # of fcc copper by EMT, as in ASE's documentation
    assert plain.structure.volume / 2 == pytest.approx(3.59**3 / 4, rel=0.03)
    for rho in (2.0, 20.0):
        kept = relaxed(start, FOUR, "emt", rho=rho)
        assert kept.structure is not None
        assert exact(kept.structure, FOUR) == 4
        assert kept.converged
        assert plain.energy_after < kept.energy_after < kept.energy_before  # type: ignore[operator]


def test_the_objective_never_rises_whatever_the_steps() -> None:
    objective = Objective(potentials.load("emt"), claims_loss(program(FOUR)), rho=2.0)
    first, _, _ = objective(stretched_diamond())
    reached = [first.objective]
    for steps in (1, 3, 9):
        found = relax_one(stretched_diamond(), objective, steps=steps)
        assert found.steps <= steps
        before = objective_of(found.energy_before, found.loss_before, 2.0)
        assert before == pytest.approx(first.objective)
        reached.append(objective_of(found.energy_after, found.loss_after, 2.0))
    assert reached == sorted(reached, reverse=True)
    assert reached[-1] < reached[0] - 0.01


def test_relaxed_means_that_nothing_pulls() -> None:
    objective = Objective(potentials.load("emt"), claims_loss(program(FOUR)), rho=2.0)
    found = relax_one(stretched_diamond(), objective)
    assert found.converged
    assert found.structure is not None
    _, forces, stress = objective(found.structure)
    assert np.linalg.norm(forces, axis=1).max() <= FORCE
    assert np.abs(stress).max() * found.structure.volume / len(found.structure) <= FORCE


def test_wishes_have_no_part() -> None:
    wish = program(f"{FOUR}; prefer volume_per_atom as high as possible")
    assert claims_loss(wish).labels == claims_loss(program(FOUR)).labels == ("CN(Cu-Cu)",)


def flaws() -> dict[str, Structure]:
    sound = stretched_diamond()
    return {
        "does not know Na": Structure(sound.lattice, ["Na", "Cu"], sound.frac_coords),
        "coordinates or lattice are not finite": Structure(
            sound.lattice, ["Cu", "Cu"], [(0, 0, 0), (math.nan, 0, 0)]
        ),
        "denser than 2.5 Å^3 per atom": Structure(
            Lattice.cubic(1.6), ["Cu", "Cu"], sound.frac_coords
        ),
        "partially occupied sites": Structure(
            sound.lattice, [{"Cu": 0.5}, "Cu"], sound.frac_coords
        ),
    }


@pytest.mark.parametrize("reason", flaws())
def test_what_cannot_be_treated_comes_back_as_it_was(reason: str) -> None:
    broken = flaws()[reason]
    found = relaxed(broken, FOUR, "emt", steps=2)
    assert found.structure is not None
    assert found.structure.species_and_occu == broken.species_and_occu
    np.testing.assert_array_equal(found.structure.frac_coords, broken.frac_coords)
    np.testing.assert_array_equal(found.structure.lattice.matrix, broken.lattice.matrix)
    assert (found.energy_before, found.loss_after, found.steps) == (None, None, 0)
    assert found.reason == reason
    if reason.startswith(("does", "denser")):
        with pytest.raises(Stopped, match=reason[:6]):
            Objective(potentials.load("emt"), claims_loss(program(FOUR)), 1.0)(broken)


@pytest.mark.parametrize(("edge", "fate"), [(1.9, "swells"), (4.6, "collapses")])
def test_a_cell_that_runs_away_is_stopped_at_its_last_good_state(edge: float, fate: str) -> None:
    """Lennard-Jones matter of σ = 3 and 2 Å: pressed to a sixth of its volume, or at six times of
    it, and falling.
    """
    sigma = 3.0 if fate == "swells" else 2.0
    matter = CalculatorPotential(
        "lj",
        "1",
        "0" * 64,
        lambda: LennardJones(sigma=sigma, epsilon=1.0, rc=3 * sigma, smooth=True),
    )
    start = Structure(Lattice.cubic(edge), ["Cu"], [(0, 0, 0)])
    loss = claims_loss(program("system Cu; expect volume_per_atom > 1"))
    found = relax_one(start, Objective(matter, loss, 0.5), steps=200)
    assert found.structure is not None
    assert found.reason.startswith(f"the cell {fate}")
    before = objective_of(found.energy_before, found.loss_before, 0.5)
    assert objective_of(found.energy_after, found.loss_after, 0.5) < before
    assert 0.5 < found.structure.volume / start.volume < 2


# ---- a run ----


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return write_run(tmp_path / "run")


TWELVE = 12


def write_run(
    folder: Path,
    text: str = f"{FOUR}; sample count=3 batch=2 seed=7",
    *,
    twelve: bool = False,
) -> Path:
    """The folder of a finished run: of each arm a sound structure, one that failed, and one that
    EMT does not know. twelve: twelve times as many, each stretched by another amount.
    """
    times = TWELVE if twelve else 1
    text = text.replace("count=3", f"count={3 * times}")
    checked = program(text)
    (folder / "samples").mkdir(parents=True)
    strange = Structure(Lattice.cubic(4), ["Na"], [(0, 0, 0)])
    for arm, stretch in (("guided", 0.06), ("non-guided", 0.1)):
        rows = [
            {"index": 3 * n + i, "structure": crystal and crystal.as_dict(), "failure": failure}
            for n in range(times)
            for i, (crystal, failure) in enumerate(
                [
                    (stretched_diamond(stretch + 0.001 * n), None),
                    (None, "cell is not finite"),
                    (strange, None),
                ]
            )
        ]
        for first in (0, 2):
            some = rows[:2] if first == 0 else rows[2:]
            (folder / "samples" / f"{arm}-{first:06d}.json").write_text(
                json.dumps(some), encoding="utf-8"
            )
    judges = Judges(potential="emt", reference="mp-mini")
    RunFolder(folder, Manifest.begin(checked, SAMPLED, status="finished", judges=judges)).save()
    return folder


def change(run: Path, **facts: object) -> None:
    found = json.loads((run / "run.json").read_text(encoding="utf-8"))
    (run / "run.json").write_text(json.dumps(found | facts), encoding="utf-8")


def scout(*arguments: str) -> tuple[str, Exception | None]:
    done = CliRunner().invoke(commands, ["relax", *arguments], env={"COLUMNS": "100"})
    return done.output, cast("Exception | None", done.exception)


def emt(
    run: Path, arms: Sequence[Arm] = ("guided",), progress: Progress | None = None, **options: Any
) -> Judged:
    asked = Relax(**{"which": "all", "by": "constraint", **options})
    return relax(judge(run, potential="emt"), asked, arms=arms, progress=progress)


def test_a_run_in_three_geometries(run: Path) -> None:
    """Relaxed with ρ = 2 both structures keep their four neighbours; by the energy alone they lose
    them.
    """
    options = ("--potential", "emt", "--which", "all", "--steps", "60", "--rho", "2")
    output, error = scout(str(run), *options)
    assert error is None, output
    assert "emt, unrelaxed; hull: mp-mini" in output
    table = output[output.index("from hits to candidates") : output.index("candidates guided >")]
    rows = [line.split() for line in table.splitlines()]
    arms = [row[1:3] for row in rows if row and row[0] in SAMPLED]
    assert arms == [["2/3", hits] for hits in "110011"]
    assert "constraint, guided: 2 relaxed" not in output  # EMT has no energy of Na
    assert "constraint, guided: 1 relaxed, 1 converged; energy -0." in output
    assert "  1: does not know Na" in output
    assert "  1: not relaxed: cell is not finite" in output
    for way in ("energy", "constraint"):
        written = {p.name for p in (run / "relaxed" / way).iterdir()}
        assert {
            "relaxed.json",
            "relaxed_generated_crystals.extxyz",
            "relaxed_records.csv",
            "relaxed_structures-guided-000000.jsonl",
        } < written

    data, error = scout(str(run), *options, "--format", "json")
    assert error is None
    found = json.loads(data)
    counts = {
        name: [arm["hits"]["count"] for arm in one["table"]["arms"]]
        for name, one in {"sampled": found, **found["relaxations"]}.items()
    }
    assert counts == {"sampled": [1, 1], "energy": [0, 0], "constraint": [1, 1]}
    assert [found["relaxations"][way]["rho"] for way in ("energy", "constraint")] == [0, 2]


def test_records_have_the_columns_of_every_geometry(run: Path) -> None:
    judged = emt(run, by="both", rho=2.0, steps=60)
    frame = judged.to_pandas()
    first = frame[frame["index"] == 0].loc[lambda rows: rows["arm"] == "guided"].iloc[0]
    assert (first["hit"], first["relaxed.energy.hit"], first["relaxed.constraint.hit"]) == (1, 0, 1)
    assert first["relaxed.energy.e_above_hull"] < first["relaxed.constraint.e_above_hull"]
    assert first["relaxed.constraint.e_above_hull"] < first["e_above_hull"]
    other = frame[frame["arm"] == "non-guided"]  # that arm was not asked for
    assert other["relaxed.energy.hit"].isna().all()
    # the folder alone says the same, without another relaxation
    again = judge(run)
    assert again.to_pandas().equals(frame)
    assert [one.name for one in again.relaxations] == ["energy", "constraint"]


def test_relaxing_is_a_part_of_judging_the_folder_by_another_potential(run: Path) -> None:
    """What one potential has relaxed another one may judge; its own relaxation says by what it was
    made.
    """
    emt(run, steps=1)
    change(run, judges={"potential": "chgnet", "reference": "mp-mini"})
    [found] = judge(run).relaxations
    assert found.recipe.potential.name == "emt"
    assert found.validation.provenance.potential.startswith("chgnet")


def test_a_licence_is_told_at_the_first_use(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOUT_CACHE", str(run.parent / "cache"))
    module = potentials.module("emt")
    monkeypatch.setattr(
        module, "FACTS", replace(module.FACTS, licence="a licence", commercial=False)
    )
    told = [
        scout(str(run), "--potential", "emt", "--steps", "1")[0].count(
            "a licence, no commercial use"
        )
        for _ in range(2)
    ]
    assert told == [1, 0]


def test_an_interrupted_relaxation_goes_on_where_it_was(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaxed_runs, "_LINES", 1)  # a file for each structure
    whole = write_run(run.parent / "whole")
    emt(whole, ("non-guided", "guided"))

    def interrupt(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("relax constraint, guided", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        emt(run, ("non-guided", "guided"), progress=interrupt)
    assert judge(run).relaxations == ()  # it is not whole
    folder = run / "relaxed" / "constraint"
    first, second, third = (folder / f"relaxed_structures-guided-00000{k}.jsonl" for k in range(3))
    assert json.loads(second.read_text())["reason"] == "not relaxed: cell is not finite"
    assert not third.exists()  # it was being worked on
    marked = first.read_text(encoding="utf-8").replace('"reason": ""', '"reason": "as it was"')
    first.write_text(marked, encoding="utf-8")
    emt(run, ("non-guided", "guided"))
    for file in (second, third):
        other = whole / "relaxed" / "constraint" / file.name
        assert file.read_bytes() == other.read_bytes()
    assert first.read_text(encoding="utf-8") == marked  # it was not done again


def test_other_settings_and_damage_are_refused(run: Path) -> None:
    emt(run, rho=2.0, steps=1)
    for other in ({"rho": 1.0, "steps": 1}, {"rho": 2.0, "steps": 2}):
        with pytest.raises(ScoutError, match="other settings") as caught:
            emt(run, **other)
        assert caught.value.code == "E612"
    file = run / "relaxed" / "constraint" / "relaxed_structures-guided-000000.jsonl"
    file.write_text(
        file.read_text(encoding="utf-8").replace('{"index": 0', '{"index": 5'), encoding="utf-8"
    )
    with pytest.raises(ScoutError, match="damaged") as caught:
        emt(run, rho=2.0, steps=1)
    assert caught.value.code == "E612"
    (run / "relaxed" / "constraint" / "relaxed.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ScoutError, match="damaged"):
        judge(run)


def test_what_is_no_finished_run_is_refused(run: Path, tmp_path: Path) -> None:
    def code(folder: Path, *options: str) -> str:
        _, error = scout(str(folder), "--potential", "emt", *options)
        assert isinstance(error, ScoutError), error
        return error.code

    assert code(tmp_path / "nowhere") == "E610"
    whole = (run / "run.json").read_text(encoding="utf-8")
    change(run, program={"system": "Cu"})
    assert code(run) == "E604"
    change(run, digest="0" * 64)
    assert code(run) == "E604"
    (run / "run.json").write_text(whole, encoding="utf-8")
    change(run, arms=["guided"])
    assert code(run, "--arm", "non-guided") == "E610"
    (run / "samples" / "guided-000002.json").unlink()
    assert code(run) == "E610"
    (run / "run.json").write_text("[]", encoding="utf-8")
    assert code(run) == "E604"


# ---- which structures, and by how many processes ----


def test_promising_are_crystals_that_are_unique_and_near_what_is_required() -> None:
    """Copper with 4, 12, 6 and again 4 neighbours, where 5 are wanted."""
    five = program("system Cu; require CN(Cu-Cu) = 5; sample 6")
    cubic = Structure(Lattice.cubic(2.5), ["Cu"], [(0, 0, 0)])
    fcc = Structure(FCC * 3.6, ["Cu"], [(0, 0, 0)])
    flat = Structure(Lattice.orthorhombic(4, 4, 0.05), ["Cu"], [(0, 0, 0)])
    crystals = [stretched_diamond(0), fcc, cubic, stretched_diamond(0.01), flat, None]
    some = [
        Specimen("guided", 0, i, crystal, None if crystal else "cell is not finite")
        for i, crystal in enumerate(crystals)
    ]
    emt = potentials.load("emt")
    records = validate(five, some, potential=emt, reference=load_reference("mp-mini")).records
    left = left_alone(five, records)
    assert [i for _, i in left] == [0, 4, 5, 1]
    assert left["guided", 1] == "CN(Cu-Cu) is missed by more than 2 natural units"
    assert left["guided", 0].startswith("the same as")
    assert left["guided", 5] == "no structure: cell is not finite"
    nothing = program("system Cu; expect CN(Cu-Cu) = 5; sample 6")
    assert [i for _, i in left_alone(nothing, records)] == [0, 4, 5]


def test_several_processes_give_the_bits_of_one(tmp_path: Path) -> None:
    folders = [write_run(tmp_path / name, twelve=True) for name in ("one", "two")]
    for folder, workers in zip(folders, (1, 2), strict=True):
        judged = judge(folder, potential="emt")
        relax(judged, Relax(which="all", by="constraint", steps=3), workers=workers)
    one, two = (
        {file.name: file.read_bytes() for file in (folder / "relaxed/constraint").glob("*.jsonl")}
        for folder in folders
    )
    assert one == two
    lines = b"".join(one.values()).splitlines()
    assert len([line for line in lines if line]) == 2 * 3 * TWELVE


# ---- a second potential ----


def hexagonal_copper() -> Structure:
    """Close packed, and not in the reference: a candidate where twelve neighbours are wanted."""
    cell = Lattice.hexagonal(2.62, 4.2)
    return Structure(cell, ["Cu", "Cu"], [(1 / 3, 2 / 3, 0.26), (2 / 3, 1 / 3, 0.75)])


@pytest.fixture
def close_packed(tmp_path: Path) -> Path:
    return close_packed_run(tmp_path, "require CN(Cu-Cu) = 12")


def close_packed_run(folder: Path, claim: str) -> Path:
    """A run with two candidates after relaxing, one in each arm."""
    folder = write_run(folder / "close", f"system Cu; {claim}; sample count=3 batch=2 seed=7")
    for file in (folder / "samples").glob("*-000000.json"):
        rows = json.loads(file.read_text(encoding="utf-8"))
        rows[0]["structure"] = hexagonal_copper().as_dict()
        file.write_text(json.dumps(rows), encoding="utf-8")
    return folder


def test_candidates_are_looked_at_by_another_potential(close_packed: Path) -> None:
    """Only these, by that potential's own energies and its own hull."""
    judged = judge(close_packed, potential="emt")
    asked = Relax(which="all", by="energy", steps=40)
    own, second = relax(judged, asked, confirm=["chgnet"]).relaxations
    assert (own.name, own.confirms) == ("energy", "")
    assert (second.name, second.confirms) == ("energy-chgnet", "energy")
    candidates = {r.id for r in own.validation.records if left_at(r) is None}
    looked = [r for r in second.validation.records if second.relaxed(r).structure is not None]
    assert {r.id for r in looked} == candidates
    assert len(candidates) == 2
    for record in looked:
        relaxed, before = second.relaxed(record), own.relaxed(record)
        assert relaxed.energy_before == pytest.approx(
            potentials.load("chgnet").energies([before.structure])[0].energy, abs=1e-5
        )
        # of the two close packings, 0.01 eV/atom apart
        assert record.e_above_hull == pytest.approx(0.005, abs=0.02)
    reasons = {second.relaxed(r).reason for r in second.validation.records} - {""}
    assert "not relaxed: no candidate before" in reasons


def test_a_claim_without_a_single_value_says_whether_it_holds(tmp_path: Path) -> None:
    folder = close_packed_run(tmp_path, "require both: CN(Cu-Cu) = 12 and density > 1 g/cm^3")
    [one] = shortlist(relax(judge(folder, potential="emt"), Relax(which="all", steps=2)))
    assert one.terms == {"both": True}
    assert "both ✓" in repr(one)


def test_the_shortlist(close_packed: Path) -> None:
    """Both arms have the same crystal: one row, in the geometry that needs no constraint."""
    judged = relax(
        judge(close_packed, potential="emt"), Relax(which="all", steps=40), confirm=["chgnet"]
    )
    [one] = shortlist(judged)
    assert (one.rank, one.formula, one.geometry, one.space_group) == (1, "Cu", "energy", 194)
    assert one.terms == {"CN(Cu-Cu)": 12}
    assert one.as_sampled is not None
    assert one.e_above_hull < one.as_sampled
    assert one.moved == pytest.approx(0.021, abs=0.01)  # 0.01 c / 2 by each of the two
    [second] = one.seconds
    assert second.confirmed is True
    assert second.as_it_stands is not None
    assert second.relaxed is not None
    assert second.as_it_stands >= second.relaxed - 1e-6
    assert one.confirmed is True
    assert shortlist(judge(close_packed, potential="emt"))[0].row() == one.row()


def test_without_relaxing_candidates_are_as_sampled(close_packed: Path) -> None:
    [one] = shortlist(judge(close_packed, potential="emt"))
    assert (one.geometry, one.moved, one.confirmed, one.seconds) == ("sampled", None, None, ())


def test_handed_over(close_packed: Path, tmp_path: Path) -> None:
    """Cells on ideal places, and inputs that their programs' own readers take."""
    relax(judge(close_packed, potential="emt"), Relax(which="all", by="energy", steps=40))
    target = tmp_path / "next"
    command = ["candidates", str(close_packed), "--export", str(target), "--inputs", "vasp,qe"]
    done = CliRunner().invoke(commands, command)
    assert done.exception is None, done.output
    assert "1 candidates in" in done.output
    folder = target / "01-Cu"
    cif = Structure.from_file(folder / "structure.cif")
    poscar = Structure.from_file(folder / "POSCAR")
    assert spglib_group(cif, 1e-4).number == spglib_group(poscar, 1e-4).number == 194  # type: ignore[union-attr]
    assert (folder / "vasp" / "INCAR").is_file()
    assert (folder / "vasp" / "POTCAR.spec").is_file()
    assert not (folder / "vasp" / "POTCAR").exists()
    atoms = ase.io.read(folder / "qe" / "pw.in", format="espresso-in")
    assert atoms.get_chemical_symbols() == ["Cu", "Cu"]
    assert (target / "candidates.csv").read_text().splitlines()[0].startswith("rank,id,arm,formula")
    [row] = json.loads((target / "candidates.json").read_text())
    assert row["formula"] == "Cu"
    again = CliRunner().invoke(commands, command)
    assert isinstance(again.exception, ScoutError)
    assert again.exception.code == "E622"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["close", "next"]  # nothing half done


def test_a_potential_cannot_confirm_itself(close_packed: Path) -> None:
    with pytest.raises(ScoutError, match="cannot confirm itself") as caught:
        relax(judge(close_packed, potential="emt"), Relax(which="all"), confirm=["emt"])
    assert caught.value.code == "E613"


def test_candidates_of_before_are_not_confirmed_candidates_of_now(close_packed: Path) -> None:
    """After the geometry was made anew the second potential looks again."""
    first = Relax(which="all", by="energy", steps=40)
    relax(judge(close_packed, potential="emt"), first, confirm=["chgnet"])
    folder = close_packed / "relaxed"
    before = (folder / "energy-chgnet" / "relaxed_structures-guided-000000.jsonl").read_bytes()
    shutil.rmtree(folder / "energy")
    said: list[str] = []
    anew = relax(judge(close_packed, potential="emt"), replace(first, steps=2), note=said.append)
    assert [one.name for one in anew.relaxations] == ["energy"]
    assert said == [
        "energy-chgnet is left out: the candidates are other ones now; `scout relax --confirm` "
        "looks at them"
    ]
    again = relax(anew, replace(first, steps=2), confirm=["chgnet"])
    assert [one.name for one in again.relaxations] == ["energy", "energy-chgnet"]
    after = (folder / "energy-chgnet" / "relaxed_structures-guided-000000.jsonl").read_bytes()
    assert after != before


def test_a_confirmation_of_one_way_leaves_the_other_unanswered(close_packed: Path) -> None:
    """Every row has the columns, and what nobody was asked about ranks behind."""
    judged = judge(close_packed, potential="emt")
    relax(judged, Relax(which="all", by="constraint", steps=40), confirm=["chgnet"])
    found = relax(judged, Relax(which="all", by="energy", steps=40))
    rows = [one.row() for one in shortlist(found)]
    assert {tuple(row) for row in rows} == {tuple(rows[0])}
    assert "hit by chgnet-0.3.0" in rows[0]
    by_itself = next(one for one in shortlist(found) if one.geometry == "energy")
    assert (by_itself.confirmed, by_itself.seconds[0].relaxed) == (None, None)


def test_an_arm_that_was_not_begun_is_missed(run: Path) -> None:
    """Ctrl-C between the arms: what is there is not taken for the whole."""
    emt(run, ("non-guided", "guided"))
    (run / "relaxed" / "constraint" / "relaxed_structures-guided-000000.jsonl").unlink()
    said: list[str] = []
    assert judge(run, note=said.append).relaxations == ()
    assert said == ["constraint is left out: not all of its structures are relaxed yet"]


@pytest.mark.parametrize(
    ("change", "to"),
    [
        ('"converged": true', '"converged": 3'),
        ('"reason": ""', '"reason": []'),
        ('"energy_after": ', '"energy_after": 1e308, "strange": '),
        ('"energy_after": ', '"energy_after": NaN, "loss_before": '),
        ('"element": "Cu"', '"element": "Ag"'),
        ('"index": 2', '"index": 0'),
    ],
)
def test_lines_from_strangers_are_held_to_their_types(run: Path, change: str, to: str) -> None:
    emt(run)
    file = run / "relaxed" / "constraint" / "relaxed_structures-guided-000000.jsonl"
    text = file.read_text(encoding="utf-8")
    assert change in text
    file.write_text(text.replace(change, to), encoding="utf-8")
    with pytest.raises(ScoutError, match="damaged") as caught:
        judge(run)
    assert caught.value.code == "E612"


def test_a_recipe_is_that_of_its_folder(run: Path) -> None:
    emt(run)
    folder = run / "relaxed"
    (folder / "constraint").rename(folder / "energy")
    with pytest.raises(ScoutError, match="damaged"):
        judge(run)
    shutil.rmtree(folder)
    folder.write_text("")
    with pytest.raises(ScoutError, match="is no folder"):
        judge(run)
