"""What figures and page are made of: the records of both arms, and the known crystals beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from crystals_by_hand import TablePotential, simple_cubic
from pymatgen.core import Lattice, Structure

import scoutlang
from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Arm, Program
from scoutlang.report import data as report_data
from scoutlang.report.data import (
    MAX_REFERENCE_ATOMS,
    collect,
    losses_of,
    reference_crystals,
    shown,
)
from scoutlang.runs.judge import Judged, adopt
from scoutlang.validation.pipeline import validate
from scoutlang.validation.record import Record
from scoutlang.validation.reference import Reference
from scoutlang.validation.reference.structures import ReferenceStructure


def rock_salt(a: float) -> Structure:
    """Two atoms, Na-Cl distance a/2."""
    return Structure(
        Lattice([[0, a / 2, a / 2], [a / 2, 0, a / 2], [a / 2, a / 2, 0]]),
        ["Na", "Cl"],
        [(0, 0, 0), (0.5, 0.5, 0.5)],
    )


def reference(*structures: Structure) -> Reference:
    return Reference.from_structures(
        "by hand",
        [
            ReferenceStructure(f"ref-{i}", "test", s, "none", "none")
            for i, s in enumerate(structures)
        ],
    )


def checked(text: str) -> Program:
    program = scoutlang.check(text).program
    assert program is not None
    return program


ENERGIES = {"Na": 0.0, "Cl2": 0.0, "Cl": 0.0, "NaCl": -1.0, "Na3Cl": 0.5}
SALT = "system Na-Cl; require six: CN(Na-Cl) = 6; expect e_above_hull < 0.2 eV/atom"


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., Judged]:
    def make(
        text: str, guided: Sequence[Structure], plain: Sequence[Structure], known: Reference
    ) -> Judged:
        program, potential = checked(text), TablePotential(ENERGIES)
        given = {
            "non-guided": [Specimen(structure=s, origin=str(i)) for i, s in enumerate(plain)],
            "guided": [Specimen(structure=s, origin=str(i)) for i, s in enumerate(guided)],
        }
        run = adopt(program, given, tmp_path / "run")  # type: ignore[arg-type]
        validation = validate(run.program, run.generated(), potential=potential, reference=known)
        return Judged(run, validation, (), potential, known)

    return make


def test_both_arms_and_the_known_crystals_of_the_system(judged: Callable[..., Judged]) -> None:
    known = reference(
        rock_salt(5.64), simple_cubic("Na", 3.4), simple_cubic("Cl", 3.4), simple_cubic("K", 4.5)
    )
    data = collect(judged(SALT, [rock_salt(5.7)], [simple_cubic("Cl", 3.0), rock_salt(9.0)], known))
    assert [(c.group, c.formula) for c in data.crystals] == [
        ("non-guided", "Cl2"),
        ("non-guided", "NaCl"),
        ("guided", "NaCl"),
        ("reference", "NaCl"),
        ("reference", "Na"),
    ]
    absent, apart, guided, salt, sodium = data.crystals
    assert (absent.values["six"], absent.satisfied["six"], absent.loss, absent.hit) == (
        None,
        None,
        None,
        None,
    )
    assert (apart.values["six"], apart.satisfied["six"], apart.hit) == (0.0, False, False)
    assert (guided.values["six"], guided.satisfied["six"], guided.hit, guided.e_above_hull) == (
        6.0,
        True,
        True,
        0.0,
    )
    assert (salt.id, salt.values["six"], salt.hit, salt.e_above_hull, salt.record) == (
        "ref-0",
        6.0,
        True,
        0.0,
        None,
    )
    assert salt.values["e_above_hull"] == 0.0
    assert salt.satisfied["e_above_hull"] is True
    assert (sodium.values["six"], sodium.hit) == (0.0, False)
    assert apart.loss is not None
    assert guided.loss is not None
    assert guided.loss < 0.5
    assert apart.loss > 5.5
    assert data.reference_left_out == {"no term is defined on it": 1}  # chlorine has no Na
    assert data.trace is None
    assert data.name == "run"


def test_the_loss_is_that_of_the_language() -> None:
    cell = simple_cubic("Na", 3.0)
    program = checked(
        "system Na; require volume_per_atom = 20 Å^3 ± 1 Å^3; prefer density as low as possible"
    )
    density = 22.98976928 / 27.0 * 1.66053906660
    assert losses_of(program, [cell]) == [pytest.approx(abs(27.0 - 20.0) + density, rel=1e-6)]
    # nothing guides
    assert losses_of(checked("system Na; expect volume_per_atom < 20 Å^3"), [cell]) == [None]
    assert losses_of(program, []) == []


def test_a_loss_without_one_of_its_terms_is_none() -> None:
    program = checked("system Na-Cl; require volume_per_atom = 27 Å^3; require CN(Cl-Na) = 6")
    assert losses_of(program, [simple_cubic("Na", 3.0), rock_salt(5.64)])[0] is None


def test_batches_do_not_change_a_loss() -> None:
    program = checked("system Na-Cl; require CN(Na-Cl) = 6")
    some = [rock_salt(5.0 + 0.01 * k) * (2, 1 + k % 3, 1) for k in range(40)]
    assert losses_of(program, some) == [
        pytest.approx(losses_of(program, [s])[0], abs=1e-9) for s in some
    ]


def test_known_crystals_without_energy_stay() -> None:
    program = checked(
        "system Na-Cl; require volume_per_atom = 27 Å^3; expect e_above_hull < 0.1 eV/atom"
    )
    crystals, left_out = reference_crystals(
        program, TablePotential({"Na": 0.0}), reference(simple_cubic("Na", 3.0), rock_salt(5.64))
    )
    assert [(c.formula, c.e_above_hull, c.values["e_above_hull"]) for c in crystals] == [
        ("Na", 0.0, 0.0),
        ("NaCl", None, None),
    ]
    assert left_out == {}


def test_a_large_cell_is_left_out_and_counted() -> None:
    program = checked("system Na; require volume_per_atom = 27 Å^3")
    large = simple_cubic("Na", 3.0) * (MAX_REFERENCE_ATOMS + 1, 1, 1)
    crystals, left_out = reference_crystals(
        program, TablePotential(ENERGIES), reference(large, simple_cubic("Na", 3.0))
    )
    assert [c.id for c in crystals] == ["ref-1"]
    assert left_out == {f"more than {MAX_REFERENCE_ATOMS} atoms": 1}


def test_a_crystal_that_cannot_be_measured_is_left_out_and_counted() -> None:
    program = checked("system Na; require volume_per_atom = 27 Å^3; require CN(Na-Na) = 6")
    flat = Structure(Lattice([[3, 0, 0], [0, 3, 0], [3, 3, 0]]), ["Na"], [(0, 0, 0)])  # no volume
    crystals, left_out = reference_crystals(
        program,
        TablePotential(ENERGIES),
        reference(simple_cubic("Na", 3.0), flat, simple_cubic("Na", 3.1)),
    )
    assert [c.id for c in crystals] == ["ref-0", "ref-2"]
    assert sum(left_out.values()) == 1


def test_nothing_known(judged: Callable[..., Judged]) -> None:
    data = collect(judged(SALT, [rock_salt(5.7)], [], reference(simple_cubic("K", 4.5))))
    assert [(c.group, c.e_above_hull) for c in data.crystals] == [("guided", None)]
    assert data.reference_left_out == {}


def test_a_large_run_shows_a_part_evenly_and_its_best(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_data, "MOST", 10)
    arms: tuple[Arm, ...] = ("non-guided", "guided")
    records = [Record(f"{arm}-{i}", Specimen(arm, 0, i)) for arm in arms for i in range(40)]
    assert shown(records[:10], ["guided-3"]) == tuple(records[:10])
    found = [one.id for one in shown(records, ["guided-3", "guided-8"])]
    assert found == [
        *(f"non-guided-{i}" for i in range(0, 40, 8)),
        "guided-0",
        "guided-3",
        *(f"guided-{i}" for i in range(8, 40, 8)),
    ]
