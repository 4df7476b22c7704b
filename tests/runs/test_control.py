"""The control arm: prototypes in the place of samples, judged as these are."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_runs
from pymatgen.core import Lattice, Structure
from small_runs import Flat, Interrupt, judge_quickly, program, write_model

import scoutlang
from scoutlang.ir import ARMS, Program
from scoutlang.runs import judge as judged_runs
from scoutlang.runs import run as running
from scoutlang.runs.control import Control
from scoutlang.runs.judge import judge
from scoutlang.support.errors import ScoutError
from scoutlang.validation.reference import Reference
from scoutlang.validation.reference.structures import ReferenceStructure


def cell(name: str, structure: Structure) -> ReferenceStructure:
    return ReferenceStructure(name, "test", structure, "none", "none")


def known() -> Reference:
    """Rock salt, fluorite, caesium chloride and the two elements of the runs."""
    salt = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(5.6), ["Na", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.5)]
    )
    fluorite = Structure.from_spacegroup(
        "Fm-3m", Lattice.cubic(5.46), ["Ca", "F"], [(0, 0, 0), (0.25, 0.25, 0.25)]
    )
    caesium = Structure(Lattice.cubic(4.1), ["Cs", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.5)])
    elements = [
        cell(e, Structure(Lattice.cubic(3), [e], [(0, 0, 0)])) for e in ("Cu", "P", "Na", "Cs")
    ]
    crystals = [cell("salt", salt), cell("fluorite", fluorite), cell("caesium", caesium)]
    return Reference.from_structures("by hand", [*crystals, *elements])


def checked(text: str) -> Program:
    found = scoutlang.check(text).program
    assert found is not None
    return found


def formulas(text: str) -> list[str | None]:
    control = Control(checked(text), known())
    return [
        None if one.structure is None else one.structure.composition.reduced_formula
        for one in control.specimens(range(6))
    ]


def test_every_prototype_once_and_then_none() -> None:
    """Rock salt and caesium chloride in one way each, fluorite in two."""
    found = formulas("system Cu-P; sample 6")
    assert sorted(map(str, found)) == ["Cu2P", "CuP", "CuP", "CuP2", "None", "None"]
    assert found[4:] == [None, None]


def test_atoms_and_formula_hold_for_the_control_as_well() -> None:
    assert formulas("system Cu-P; atoms in [3, 4]; sample 6")[2:] == [None] * 4
    assert formulas("system Cu-P; formula CuP2; sample 6") == ["CuP2", *[None] * 5]
    assert formulas("system Cu-P; atoms in [9, 12]; sample 6") == [None] * 6


def test_a_batch_is_a_part_of_the_whole() -> None:
    control = Control(checked("system Cu-P; sample 6"), known())
    whole = control.specimens(range(6))
    assert [one.index for one in whole] == list(range(6))
    assert [*control.specimens(range(3)), *control.specimens(range(3, 6))] == whole
    assert whole[5].failure == "there are no further prototypes"
    assert all(one.origin for one in whole[:4])


def test_a_system_of_one_element_takes_the_places_of_others() -> None:
    """The elements of the reference are all simple cubic, and copper is known to be so."""
    assert formulas("system Cu; sample 6") == [None] * 6
    fcc = [[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
    packed = cell("fcc", Structure([[3.6 * x for x in row] for row in fcc], ["Na"], [(0, 0, 0)]))
    more = Reference.from_structures(
        "more", [packed, cell("Cu", Structure(Lattice.cubic(3), ["Cu"], [(0, 0, 0)]))]
    )
    [first, second] = Control(checked("system Cu; sample 2"), more).specimens(range(2))
    assert (first.origin, second.structure) == ("fcc Na>Cu", None)


def test_an_element_that_the_reference_lacks() -> None:
    with pytest.raises(ScoutError, match="has no crystal with B") as caught:
        Control(checked("system B; sample 6"), known())
    assert caught.value.code == "E462"


def test_a_run_with_a_control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Judged as the others, resumed as the others, and tested against the guided arm."""
    judge_quickly(monkeypatch)
    for module in (running, judged_runs):
        monkeypatch.setattr(module, "load_reference", lambda name: known())
    asked = program(write_model(tmp_path / "model", 0))
    whole = running.run(asked, tmp_path / "whole", arms=ARMS)
    assert [arm.arm for arm in whole.validation.table().arms] == list(ARMS)
    assert whole.validation.table().control is not None
    [*_, last] = [r for r in whole.records if r.arm == "prototypes"]
    assert last.generated.failure == "there are no further prototypes"
    assert isinstance(whole.potential, Flat)

    with pytest.raises(KeyboardInterrupt):
        running.run(asked, tmp_path / "half", arms=ARMS, watcher=Interrupt("guided", 2))
    running.run(asked, tmp_path / "half", arms=ARMS, resume=True)
    for name in sorted(p.name for p in (tmp_path / "whole/samples").iterdir()):
        one, other = (tmp_path / folder / "samples" / name for folder in ("whole", "half"))
        assert one.read_bytes() == other.read_bytes()
    assert judge(tmp_path / "half").run.arms == ARMS
    assert small_runs.manifest(tmp_path / "half")["sampling"]["prototypes"]["evaluations"] == 0
