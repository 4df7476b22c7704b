"""Relaxation with and without the penalty, on crystals whose fate is known, and of whole runs."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from ase.calculators.lj import LennardJones
from click.testing import CliRunner
from pymatgen.core import Lattice, Structure

import scoutlang
from scoutlang import potentials
from scoutlang.interfaces.cli import commands
from scoutlang.ir import ARMS, Arm, Program
from scoutlang.potentials import CalculatorPotential
from scoutlang.runs.folder import RunFolder
from scoutlang.runs.manifest import Judges, Manifest
from scoutlang.runs.minimise import FORCE, Objective, Relaxed, Stopped, claims_loss, relax_one
from scoutlang.runs.relax import relax_run
from scoutlang.support.errors import ScoutError

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
    assert found.structure is broken
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


def write_run(folder: Path, text: str = f"{FOUR}; sample count=3 batch=2 seed=7") -> Path:
    """The folder of a finished run: of each arm a sound structure, one that failed, and one that
    EMT does not know.
    """
    checked = program(text)
    (folder / "samples").mkdir(parents=True)
    strange = Structure(Lattice.cubic(4), ["Na"], [(0, 0, 0)])
    for arm, stretch in (("guided", 0.06), ("non-guided", 0.1)):
        rows = [
            {"index": 0, "structure": stretched_diamond(stretch).as_dict(), "failure": None},
            {"index": 1, "structure": None, "failure": "cell is not finite"},
            {"index": 2, "structure": strange.as_dict(), "failure": None},
        ]
        (folder / "samples" / f"{arm}-000000.json").write_text(
            json.dumps(rows[:2]), encoding="utf-8"
        )
        (folder / "samples" / f"{arm}-000002.json").write_text(
            json.dumps(rows[2:]), encoding="utf-8"
        )
    judges = Judges(potential="emt", reference="mp-mini")
    RunFolder(folder, Manifest.begin(checked, ARMS, status="finished", judges=judges)).save()
    return folder


def change(run: Path, **facts: object) -> None:
    found = json.loads((run / "run.json").read_text(encoding="utf-8"))
    (run / "run.json").write_text(json.dumps(found | facts), encoding="utf-8")


def scout(*arguments: str) -> tuple[str, Exception | None]:
    done = CliRunner().invoke(commands, ["relax", *arguments], env={"COLUMNS": "100"})
    return done.output, cast("Exception | None", done.exception)


def emt(run: Path, arms: Sequence[Arm] = ("guided",), **options: object) -> object:
    return relax_run(run, potentials.load("emt"), arms=arms, **options)  # type: ignore[arg-type]


def test_a_run_before_and_after(run: Path) -> None:
    """Relaxed at ρ = 2 both structures keep their four neighbours; at 0 they lose them."""
    output, error = scout(str(run), "--potential", "emt", "--steps", "60", "--rho", "2")
    assert error is None, output
    sampled, relaxed = output.split("relaxed: at most 60 steps of E/n + (ρ/2) ℓ², ρ = 2 eV/atom\n")
    assert "as sampled" in sampled
    assert "emt, unrelaxed; hull: mp-mini" in sampled
    assert "emt, relaxed; hull: mp-mini" in relaxed
    for table in (sampled, relaxed):
        assert next(line for line in table.splitlines() if "hits |C|" in line).split()[-4:] == [
            "1",
            "│",
            "1",
            "│",
        ]
    assert "guided: energy -0." in relaxed
    assert "1 ended early: does not know Na" in relaxed
    assert "1 ended early: cell is not finite" in relaxed
    written = {p.name for p in (run / "relaxed").iterdir()}
    assert {
        "relaxed.json",
        "relaxed_crystals.extxyz",
        "relaxed_records.csv",
        "relaxed_structures-guided.jsonl",
    } < written
    assert all(name.startswith("relaxed") for name in written)
    assert "e_above_hull" in (run / "relaxed" / "relaxed_crystals.extxyz").read_text(
        encoding="utf-8"
    )

    other = write_run(run.parent / "other")
    data, error = scout(
        str(other), "--potential", "emt", "--steps", "60", "--rho", "0", "--format", "json"
    )
    assert error is None
    found = json.loads(data)
    hits = {
        when: [arm["hits"]["count"] for arm in found[when]["table"]["arms"]]
        for when in ("as_sampled", "relaxed")
    }
    assert hits == {"as_sampled": [1, 1], "relaxed": [0, 0]}
    assert len(found["structures"]["guided"]) == 3


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


def test_an_interrupted_relaxation_goes_on_where_it_was(run: Path) -> None:
    whole = write_run(run.parent / "whole")
    emt(whole, ("non-guided", "guided"))

    def interrupt(stage: str, done: int, total: int) -> None:
        if (stage, done) == ("relax guided", 1):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        emt(run, ("non-guided", "guided"), progress=interrupt)
    file = run / "relaxed" / "relaxed_structures-guided.jsonl"
    [line] = file.read_text(encoding="utf-8").splitlines()
    marked = line.replace('"reason": ""', '"reason": "as it was"')
    # the interruption cut a line off
    file.write_text(f'{marked}\n{{"index": 1, "struc', encoding="utf-8")
    emt(run, ("non-guided", "guided"))
    lines, others = (
        (f / "relaxed" / file.name).read_text(encoding="utf-8").splitlines() for f in (run, whole)
    )
    assert lines == [marked, *others[1:]]
    assert others[0] == line


def test_other_settings_and_damage_are_refused(run: Path) -> None:
    emt(run, rho=2.0, steps=1)
    for other in ({"rho": 1.0, "steps": 1}, {"rho": 2.0, "steps": 2}):
        with pytest.raises(ScoutError, match="other settings") as caught:
            emt(run, **other)
        assert caught.value.code == "E612"
    file = run / "relaxed" / "relaxed_structures-guided.jsonl"
    file.write_text(
        file.read_text(encoding="utf-8").replace('{"index": 0', '{"index": 5'), encoding="utf-8"
    )
    with pytest.raises(ScoutError, match="damaged") as caught:
        emt(run, rho=2.0, steps=1)
    assert caught.value.code == "E612"


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
    change(run, status="interrupted")
    assert code(run) == "E610"
    change(run, status="finished")
    (run / "samples" / "guided-000002.json").unlink()
    assert code(run) == "E610"
    (run / "run.json").write_text("[]", encoding="utf-8")
    assert code(run) == "E604"
