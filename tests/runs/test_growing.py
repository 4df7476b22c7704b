"""Reference sets grown by substitution: heights known by hand, interruptions, potentials that fail,
damage, and what is said on the command line.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from crystals_by_hand import TablePotential, auricupride, known, rock_salt, simple_cubic
from pymatgen.core import Lattice, Structure

from scoutlang.interfaces.cli import commands
from scoutlang.potentials import Evaluation, emt
from scoutlang.runs import grow as growing
from scoutlang.runs.grow import GROWTH, Growth, grow, work_folder
from scoutlang.runs.minimise import Objective, Relaxed
from scoutlang.support.errors import ScoutError
from scoutlang.validation.hull import Hulls
from scoutlang.validation.reference import Reference, load, store
from scoutlang.validation.reference.structures import ReferenceStructure

ENERGIES = {"Cu": 0.0, "P": 0.0, "CuP": -1.0, "Cu3P": -0.2, "CuP3": 0.1}


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCOUT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("SCOUT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"


class AtRest(TablePotential):
    """Energies by formula, and no forces: every crystal is relaxed as it is. ``interrupt`` is the
    evaluation at which the user presses Ctrl-C; ``raising`` a formula that it cannot stand.
    """

    def __init__(self, energies: Mapping[str, float] = ENERGIES, interrupt: int = -1) -> None:
        super().__init__(energies)
        self.interrupt = interrupt
        self.raising = ""
        self.evaluated: list[str] = []

    def evaluate(
        self, structures: Sequence[Structure], *, batch_size: int = 16
    ) -> list[Evaluation]:
        if len(self.evaluated) == self.interrupt:
            raise KeyboardInterrupt
        (structure,) = structures
        formula = structure.composition.reduced_formula
        self.evaluated.append(formula)
        if formula == self.raising:
            raise RuntimeError("CUDA error: an illegal memory access")
        return [
            Evaluation(self.table[formula], "", np.zeros((len(structure), 3)), np.zeros((3, 3)))
        ]


def metals(*others: Structure) -> Reference:
    """Copper, phosphorus, Cu3P of the AuCu3 type, and two types of other elements: rock salt, and
    AuCu3 once more.
    """
    phosphide = auricupride()
    phosphide.replace_species({"Au": "P"})
    return known(
        simple_cubic("Cu", 2.3),
        simple_cubic("P", 2.6),
        phosphide,
        rock_salt(),
        auricupride(),
        *others,
    )


def copper_and_gold() -> list[Structure]:
    """Both face-centred, and two types of other elements: CuAu and AuCu3."""
    fcc = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    layers = Structure(Lattice.tetragonal(2.8, 3.7), ["Mg", "Zn"], [(0, 0, 0), (0.5, 0.5, 0.5)])
    lead = auricupride()
    lead.replace_species({"Au": "Pb", "Cu": "Tl"})
    ends = (("Cu", 3.59), ("Au", 4.06))
    return [*(Structure(Lattice.cubic(a), [e] * 4, fcc) for e, a in ends), layers, lead]


def grown(potential: Any, name: str = "mine", **options: Any) -> Growth:
    return grow(name, ["Cu", "P"], options.pop("reference", metals()), potential, **options)


def fates(growth: Growth) -> dict[str, str]:
    return {one.formula: one.fate for one in growth.candidates}


def files(name: str = "mine") -> dict[str, bytes]:
    """Of a stored set, without the date."""
    found = {f.name: f.read_bytes() for f in (store.references_folder() / name).iterdir()}
    about = json.loads(found["about.json"])
    del about["date"]
    return {**found, "about.json": json.dumps(about).encode()}


# ---- what is kept ----


def test_a_grown_crystal_lowers_the_hull_of_the_union() -> None:
    """CuP at −1 eV/atom takes Cu3P, on the hull at −0.2 before, to 0.3 above Cu + CuP; CuP3 would be
    at 0.1 + 0.5.
    """
    potential, reference = AtRest(), metals()
    growth = grown(potential)
    assert (growth.prototypes, growth.assignments) == (3, 6)
    assert growth.passed_over == {"in the reference": 2, "the same as a nearer candidate": 2}
    assert fates(growth) == {"CuP": "kept", "CuP3": "more than 0.1 eV/atom above the hull"}
    assert growth.about is not None
    assert growth.about["count"] == 1
    (kept,) = growth.kept
    # below the lines from Cu3P to P, which are at −0.4/3 and −0.2/3 there
    assert (kept.height_before, kept.height) == (pytest.approx(-1 + 0.4 / 3), 0.0)
    (dropped,) = (one for one in growth.candidates if one.formula == "CuP3")
    assert dropped.height_before == pytest.approx(0.1 + 0.2 / 3)
    assert dropped.height == pytest.approx(0.6)

    before = Hulls(["Cu", "P"], potential, reference)
    assert before.of_reference()["2"] == pytest.approx(0.0)
    store.save("known", [*reference.subset(["Cu", "P"])], {})
    after = Hulls(["Cu", "P"], potential, load("known+mine"))
    assert after.of_reference() == pytest.approx({"0": 0, "1": 0, "2": 0.3, kept.id: 0})


def test_a_set_says_where_it_comes_from() -> None:
    growth = grown(AtRest())
    (crystal,) = load("mine").subset(["Cu", "P"])
    assert (crystal.source, crystal.citation, crystal.licence) == ("grown/mine", "none", "none")
    assert crystal.id == growth.kept[0].id
    about = store.describe("mine")
    assert about["query"]["elements"] == "Cu-P"
    (dropped,) = (one for one in growth.candidates if one.formula == "CuP3")
    assert about["skipped"] == {
        "more than 0.1 eV/atom above the hull": {"count": 1, "first": dropped.id}
    }
    assert about["grown"]["potential"] == {
        "name": "table",
        "version": "1",
        "weights_sha256": "0" * 64,
    }
    assert about["grown"]["reference"] == {"name": "by hand", "version": metals().version}
    lines = (store.references_folder() / "mine" / GROWTH).read_text().splitlines()
    (line,) = (line for line in map(json.loads, lines) if line["formula"] == "CuP")
    assert len(lines) == 2
    assert (line["prototype"], line["prototype_formula"], line["space_group"]) == ("3", "NaCl", 225)
    assert sorted(line["substitution"].items()) in (
        [("Cl", "Cu"), ("Na", "P")],
        [("Cl", "P"), ("Na", "Cu")],
    )


def test_a_changed_file_beside_the_crystals_is_found() -> None:
    grown(AtRest())
    assert list(store.damages("mine")) == []
    file = store.references_folder() / "mine" / GROWTH
    file.write_text(file.read_text().replace("225", "224"))
    assert list(store.damages("mine")) == [f"{GROWTH} has another SHA-256 than when it was stored"]
    file.unlink()
    assert list(store.damages("mine")) == [f"{GROWTH} cannot be read: No such file or directory"]


def test_alloys_by_emt() -> None:
    """Copper and gold from two prototypes with forces: nothing is kept above the limit, and what is
    stored has the height that is written beside it.
    """
    reference, potential = known(*copper_and_gold()), emt.create()
    growth = grow("alloys", ["Cu", "Au"], reference, potential)
    assert sorted(one.formula for one in growth.relaxed) == ["Cu3Au", "CuAu", "CuAu3"]
    store.save("ends", reference.subset(["Cu", "Au"]), {})
    heights = Hulls(["Cu", "Au"], potential, load("ends+alloys")).of_reference()
    for one in growth.kept:
        assert heights[one.id] == pytest.approx(one.height, abs=1e-9)
        assert 0 <= heights[one.id] <= 0.1
        assert one.converged
    assert len(growth.kept) == 3
    volumes = [c.structure.volume / len(c.structure) for c in load("alloys").subset(["Cu", "Au"])]
    assert all(3.59**3 / 4 < volume < 4.06**3 / 4 for volume in volumes)


def test_crystals_that_relax_into_one_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rock salt and the type of CsCl, both of which end as rock salt: the lower one stands for it.
    What ends as the known Cu3P is known.
    """
    caesium = Structure(Lattice.cubic(4.1), ["Cs", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.5)])

    def relax_one(structure: Structure, objective: Objective, *, steps: int) -> Relaxed:
        formula = structure.composition.reduced_formula
        if formula == "CuP3":
            end = metals().subset(["Cu", "P"])[2].structure
        else:
            end = rock_salt(
                "Cu", "P", 5.0 if len(structure) == 2 else 5.1
            ).get_primitive_structure()
        low = -1.0 - 0.01 * (structure.lattice.alpha > 80)
        return Relaxed(end, 1, True, "", low, low, 0.0, 0.0)

    monkeypatch.setattr(growing, "relax_one", relax_one)
    growth = grown(AtRest(), reference=metals(caesium))
    (kept,) = growth.kept
    assert kept.prototype_formula == "CsCl"
    told = {one.prototype_formula: (one.fate, one.why) for one in growth.candidates}
    assert told["NaCl"] == ("relaxed into another candidate", kept.id)
    assert told["Cu3Au"] == ("relaxed into a known crystal", "2")


# ---- what is left out ----


def test_each_failure_is_said() -> None:
    known = {formula: energy for formula, energy in ENERGIES.items() if formula != "CuP"}
    growth = grown(AtRest(known), max_above_hull=1.0)
    told = {one.formula: (one.fate, one.why) for one in growth.candidates}
    assert told == {"CuP": ("no energy", "does not know CuP"), "CuP3": ("kept", "")}


def test_a_potential_that_dies_on_one_candidate() -> None:
    potential = AtRest()
    potential.raising = "CuP3"
    growth = grown(potential)
    told = {one.formula: (one.fate, one.why) for one in growth.candidates}
    assert told["CuP"] == ("kept", "")
    why = "RuntimeError: CUDA error: an illegal memory access"
    assert told["CuP3"] == ("relaxation failed", why)
    assert [one.formula for one in growth.relaxed] == ["CuP"]


def test_what_is_high_before_is_not_relaxed() -> None:
    potential = AtRest()
    growth = grown(potential, window=0.05)
    assert fates(growth)["CuP3"] == "more than 0.05 eV/atom above the hull before relaxing"
    assert potential.evaluated == ["CuP"]


def test_atoms_that_are_too_close() -> None:
    """Two of the three atoms at 0.4 of their distance in a molecule."""
    pair = Structure(
        Lattice.cubic(5), ["Na", "Cl", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.42), (0.5, 0.5, 0.58)]
    )
    potential = AtRest({**ENERGIES, "CuP2": 0.0, "Cu2P": 0.0})
    growth = grown(potential, reference=metals(pair))
    told = {one.formula: one for one in growth.candidates}
    for formula in ("Cu2P", "CuP2"):
        assert told[formula].fate == "atoms too close"
        assert "of the covalent radii sum" in told[formula].why
        assert formula not in potential.evaluated


def test_no_hull_no_growth() -> None:
    with pytest.raises(ScoutError) as caught:
        grown(AtRest({"Cu": 0.0, "CuP": -1.0}))
    assert caught.value.code == "E462"
    assert "no reference energy for elemental P" in caught.value.message
    assert not work_folder("mine").exists()


def test_where_nothing_is_kept_there_is_no_set_and_no_work_is_lost() -> None:
    potential = AtRest({**ENERGIES, "CuP": -0.05})
    growth = grown(potential, max_above_hull=0.01)
    assert growth.about is None
    assert growth.kept == []
    assert "mine" not in store.known_names()
    evaluated = list(potential.evaluated)
    assert grown(potential, max_above_hull=0.1).about is not None
    assert potential.evaluated == evaluated
    assert not work_folder("mine").exists()


# ---- interruption, damage ----


@pytest.mark.parametrize("at", [0, 1])
def test_an_interrupted_growth_ends_as_one_that_was_not(at: int) -> None:
    whole = AtRest()
    grown(whole)
    expected = files()
    store.remove("mine")
    with pytest.raises(KeyboardInterrupt):
        grown(AtRest(interrupt=at))
    assert "mine" not in store.known_names()
    assert len((work_folder("mine") / "candidates.jsonl").read_text().splitlines()) == at
    again = AtRest()
    grown(again)
    assert files() == expected
    assert again.evaluated == whole.evaluated[at:]


def interrupted() -> Path:
    """The work file of a growth with one line."""
    with pytest.raises(KeyboardInterrupt):
        grown(AtRest(interrupt=1))
    return work_folder("mine") / "candidates.jsonl"


def test_a_line_that_was_cut_off_is_done_again() -> None:
    grown(AtRest())
    expected = files()
    store.remove("mine")
    file = interrupted()
    whole = file.read_bytes()
    file.write_bytes(whole + '{"id": "Å'.encode()[:-1])
    grown(AtRest())
    assert files() == expected


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "[]\n" + text,
        lambda text: text.replace('"fate"', '"fade"'),
        lambda text: text.replace('"converged": true', '"converged": "yes"'),
        lambda text: text.replace('"element": "Cu"', '"element": "Xy"'),
        lambda text: text.replace('{"id": "', '{"id": "another '),
        lambda text: text.replace("Cu", "\udcff").encode("utf-8", "surrogateescape"),
    ],
)
def test_damaged_work_is_refused_and_stays(damage: Any) -> None:
    file = interrupted()
    damaged = damage(file.read_text())
    content = damaged if isinstance(damaged, bytes) else damaged.encode()
    assert content != file.read_bytes()
    file.write_bytes(content)
    potential = AtRest()
    with pytest.raises(ScoutError) as caught:
        grown(potential)
    assert caught.value.code == "E465"
    assert str(file.parent) in caught.value.hint
    assert file.read_bytes() == content
    assert potential.evaluated == []


def test_work_with_other_settings_is_not_mixed() -> None:
    file = interrupted()
    content = file.read_bytes()
    other = AtRest()
    other.weights_sha256 = "1" * 64
    for potential, options, said in (
        (AtRest(), {"window": 0.4}, "another window: 1.0, not 0.4"),
        (AtRest(), {"max_atoms": 8}, "another max atoms: 20, not 8"),
        (other, {}, "another potential"),
        (AtRest(), {"reference": metals(simple_cubic("Po", 3.3))}, "another reference version"),
    ):
        with pytest.raises(ScoutError) as caught:
            grown(potential, **options)
        assert caught.value.code == "E461"
        assert said in caught.value.message
    assert file.read_bytes() == content
    (file.parent / "settings.json").write_text("{")
    with pytest.raises(ScoutError) as caught:
        grown(AtRest())
    assert caught.value.code == "E465"


def test_one_process_at_a_time() -> None:
    file = interrupted()
    with growing.FileLock(file.parent / ".lock"), pytest.raises(ScoutError) as caught:
        grown(AtRest())
    assert caught.value.code == "E461"
    assert "another process is growing 'mine'" in caught.value.message


def test_more_candidates_go_on_from_fewer() -> None:
    potential = AtRest({**ENERGIES, "CuP": -0.05})
    (first,) = grown(potential, limit=1, max_above_hull=0.01).candidates
    assert potential.evaluated == [first.formula]
    assert len(grown(potential, limit=5).candidates) == 2
    assert sorted(potential.evaluated) == ["CuP", "CuP3"]


def test_a_set_of_that_name_stays() -> None:
    grown(AtRest())
    before = files()
    with pytest.raises(ScoutError) as caught:
        grown(AtRest())
    assert caught.value.code == "E461"
    assert files() == before
    grown(AtRest(), replace=True, max_above_hull=1.0)
    assert store.describe("mine")["count"] == 2


@pytest.mark.parametrize("name", ["../mine", "a/b", "", "mp-mini", "a+b", "x" * 65, ".growing"])
def test_bad_names(name: str, data_folder: Path) -> None:
    with pytest.raises(ScoutError) as caught:
        grown(AtRest(), name)
    assert caught.value.code == "E460"
    assert not data_folder.exists()


def test_a_folder_that_cannot_be_written(data_folder: Path) -> None:
    data_folder.write_text("a file is in its place")
    with pytest.raises(ScoutError) as caught:
        grown(AtRest())
    assert caught.value.code == "E467"


# ---- the command ----


def scout(*arguments: str) -> Any:
    return CliRunner().invoke(commands, ["reference", *arguments])


@pytest.fixture
def alloy() -> None:
    """The set ``known``: copper, gold, and two types of other elements."""
    crystals = copper_and_gold()
    store.save(
        "known",
        [ReferenceStructure(str(n), "test", s, "me", "CC0") for n, s in enumerate(crystals)],
        {},
    )


GROW = ("--from", "known", "--potential", "emt")


def test_the_command_counts_and_names_the_lowest(alloy: None) -> None:
    done = scout("grow", "alloys", "Cu-Au", *GROW)
    assert done.exit_code == 0, done.output
    lines = [" ".join(line.split()) for line in done.output.splitlines()]
    for line in (
        "2 known crystals as prototypes",
        "4 ways to fill them",
        "3 candidates looked at, nearest first",
        "1 passed over on the way: the same as a nearer candidate",
        "3 relaxed",
        "3 kept",
        "stored as alloys; judge against --reference known+alloys",
    ):
        assert line in lines
    assert sum("TlPb3" in line or "Tl3Pb" in line for line in lines) == 2
    shown = scout("show", "alloys")
    assert "substitution into known, relaxed by emt ase" in shown.output
    assert "elements Au-Cu, max atoms 20, window 1.0, limit 200, max above hull 0.1" in shown.output


def test_the_command_in_json(alloy: None) -> None:
    done = scout("grow", "alloys", "Cu-Au", *GROW, "--limit", "2", "--format", "json")
    found = json.loads(done.output)
    assert len(found["candidates"]) == 2
    assert found["fates"] == {"kept": 2}
    assert found["set"]["query"]["limit"] == 2


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("../x", "Cu-Au"), "E460", "cannot be the name"),
        (("x", "Cu-au"), "E462", "did you mean Au?"),
        (("x", "B-C-N-O-F-P-S"), "E462", "a system of 7 elements"),
        (("x", "Cu-Fe", *GROW), "E462", "has no crystal with Fe"),
        (("x", "Cu-Au", "--from", "knwon"), "E441", "did you mean known?"),
        (("x", "Cu-Au", "--potential", "emtt"), "E440", "emt"),
        (("x", "Cu-Au", *GROW, "--max-atoms", "1"), "E466", "no candidate is kept"),
    ],
)
def test_mistakes(alloy: None, arguments: tuple[str, ...], code: str, said: str) -> None:
    error = scout("grow", *arguments).exception
    assert isinstance(error, ScoutError)
    assert error.code == code
    assert said in str(error)
    assert store.known_names() == ["mp-mini", "known"]


@pytest.mark.parametrize("value", ["nan", "-1", "x"])
def test_numbers_that_are_none(value: str) -> None:
    done = scout("grow", "x", "Cu-Au", "--window", value)
    assert done.exit_code == 2
    assert "--window" in done.output


def test_an_interruption_says_how_to_go_on(alloy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(growing, "relax_one", interrupt)
    done = scout("grow", "alloys", "Cu-Au", *GROW)
    assert done.exit_code != 0
    assert f"what is relaxed is kept in {work_folder('alloys')}" in done.output
    assert "continue with the same command" in done.output
