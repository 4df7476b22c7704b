"""Each stage on crystals whose answer is known by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from crystals_by_hand import TablePotential, generated, known, rock_salt, simple_cubic
from pymatgen.core import Element, Lattice, Structure

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Program
from scoutlang.validation import Record
from scoutlang.validation.pipeline import validate
from scoutlang.validation.reference import Reference
from scoutlang.validation.stages import built_in

Checked = Callable[[str], Program]

ENERGIES = {"Na": -1.0, "Cl2": -2.0, "NaCl": -3.5, "NaCl3": -2.0}
ELEMENTS = (simple_cubic("Na", 4.0), simple_cubic("Cl", 4.0))


@pytest.fixture
def judge(program: Checked) -> Callable[..., list[Record]]:
    def judged(
        structures: Sequence[Structure | None],
        text: str = "system Na-Cl; require CN(Na-Cl) = 6",
        reference: Reference | None = None,
    ) -> list[Record]:
        reference = reference or known(*ELEMENTS, rock_salt())
        return list(
            validate(
                program(text),
                generated(*structures),
                potential=TablePotential(ENERGIES),
                reference=reference,
            ).records
        )

    return judged


Judge = Callable[..., list[Record]]


def test_stages_run_after_what_they_need() -> None:
    done: set[str] = set()
    for stage in built_in():
        assert done.issuperset({*stage.needs, *stage.after}), stage.name
        done.add(stage.name)


def test_stages_add_what_they_say(judge: Judge) -> None:
    text = "system Na-Cl; require CN(Na-Cl) = 6; expect volume_per_atom < 30; expect e_above_hull < 0.2 eV/atom; expect novel and unique"
    (record,) = judge([rock_salt()], text)
    for stage in built_in():
        assert record.outcomes[stage.name].values, stage.name
        assert record.outcomes[stage.name].values.keys() == stage.columns().keys(), stage.name


def test_the_page_has_every_stage_with_its_question() -> None:
    page = (Path(__file__).parents[2] / "docs" / "validation.md").read_text(encoding="utf-8")
    for stage in built_in():
        needs = "".join(f" `{need}`" for need in stage.needs)
        assert f"| `{stage.name}` |{needs} | {stage.question} |" in page


class TestGeometry:
    def test_no_structure_is_a_recorded_failure(self, judge: Judge) -> None:
        (record,) = judge([None])
        assert record.outcomes["geometry"].status == "failed"
        assert record.outcomes["geometry"].reason == "no structure: the sampler gave NaN"
        assert {record.outcomes[s.name].status for s in built_in()[1:]} == {"skipped"}

    @pytest.mark.parametrize(
        ("broken", "reason"),
        [
            (
                Structure(Lattice.cubic(4), ["Na", "Cl"], [(0, 0, 0), (0.5, np.nan, 0.5)]),
                "not finite",
            ),
            (Structure(Lattice.cubic(0.5), ["Na"], [(0, 0, 0)]), "volume"),
            (Structure(Lattice.cubic(20), ["Na"], [(0, 0, 0)]), "volume"),
            (
                Structure(Lattice([(10, 0, 0), (1e5, 1, 0), (0, 0, 10)]), ["Na"], [(0, 0, 0)]),
                "degenerate",
            ),
            (
                Structure(Lattice.cubic(4), [{"Na": 0.5, "K": 0.5}], [(0, 0, 0)]),
                "partially occupied",
            ),
        ],
    )
    def test_what_is_no_crystal_fails_with_its_reason(
        self, judge: Judge, broken: Structure, reason: str
    ) -> None:
        bad, good = judge([broken, rock_salt()])
        assert bad.outcomes["geometry"].status == "failed"
        assert reason in bad.outcomes["geometry"].reason
        assert good.hit is True


class TestScreen:
    def test_rock_salt_passes(self, judge: Judge) -> None:
        (record,) = judge([rock_salt()])
        assert record.passed("screen")
        # nearest pair: Na-Cl at a/2 = 2.82 Å; Cordero 1.66 + 1.02 Å
        assert record.value("distance_ratio") is None

    def test_ratio_and_reason_name_the_worst_pair(self, judge: Judge) -> None:
        (record,) = judge([rock_salt(a=2 * 0.6 * 2.68)])
        assert record.outcomes["screen"].status == "failed"
        assert record.value("distance_ratio") == pytest.approx(0.6)
        assert "Cl-Na at 1.61 Å" in record.outcomes["screen"].reason
        assert record.outcomes["energy"].status == "skipped"

    def test_coincident_atoms_fail(self, judge: Judge) -> None:
        (record,) = judge([Structure(Lattice.cubic(4), ["Na", "Cl"], [(0.1, 0, 0), (0.1, 0, 0)])])
        assert record.value("distance_ratio") == 0.0

    def test_an_atom_and_its_own_image_count(self, judge: Judge) -> None:
        flat = Structure(Lattice.orthorhombic(1.5, 8, 8), ["Na"], [(0, 0, 0)])
        (record,) = judge([flat])
        assert record.value("distance_ratio") == pytest.approx(1.5 / 3.32)

    def test_the_limit_is_seven_tenths(self, judge: Judge) -> None:
        above, below = judge([rock_salt(a=2 * 0.701 * 2.68), rock_salt(a=2 * 0.699 * 2.68)])
        assert (above.passed("screen"), below.passed("screen")) == (True, False)

    def test_an_element_without_radius_is_undefined(self, judge: Judge) -> None:
        (record,) = judge([simple_cubic("Fm", 5.0)])
        assert record.outcomes["screen"].status == "undefined"
        assert "Fm" in record.outcomes["screen"].reason


class TestHits:
    def test_hit_miss_and_undefined(self, judge: Judge) -> None:
        hit, miss, undefined = judge([rock_salt(), rock_salt(a=9.0), simple_cubic("Cl", 4.0)])
        assert (hit.hit, miss.hit, undefined.hit) == (True, False, None)
        assert hit.term("CN(Na-Cl)").exact == 6.0
        assert miss.outcomes["hits"].reason == "misses CN(Na-Cl)"
        assert undefined.outcomes["hits"].reason == "no value for CN(Na-Cl)"

    def test_bounds_of_files_are_not_asked_of_finished_crystals(
        self, judge: Judge, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("scoutlang.crystals.io.MAX_ATOMS", 1)
        (record,) = judge([rock_salt()])
        assert record.hit is True

    def test_a_hit_may_fail_the_screen(self, judge: Judge) -> None:
        """|C| counts in the raw set, as in the paper."""
        (record,) = judge(
            [rock_salt(a=2 * 0.6 * 2.68)], "system Na-Cl; require volume_per_atom < 10"
        )
        assert record.hit is True
        assert not record.passed("screen")

    def test_without_requirement_there_is_no_truth(self, judge: Judge) -> None:
        (record,) = judge([rock_salt()], "system Na-Cl; expect volume_per_atom < 30")
        assert record.hit is None


class TestHull:
    def test_heights_known_by_hand(self, judge: Judge) -> None:
        """Na -1, Cl -2 (eV/atom), NaCl -3.5: the hull at NaCl3, between NaCl and Cl, is (-3.5 -
        2.0) / 2.
        """
        nacl3 = Structure(
            Lattice.cubic(5.5),
            ["Na", "Cl", "Cl", "Cl"],
            [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)],
        )
        on, above, element = judge([rock_salt(), nacl3, simple_cubic("Na", 4.2)])
        assert on.e_above_hull == pytest.approx(0.0)
        assert above.e_above_hull == pytest.approx(-2.0 + 2.75)
        assert element.e_above_hull == pytest.approx(0.0)

    def test_formation_from_the_most_stable_elements(self, judge: Judge) -> None:
        """-3.5 less the mean of Na -1 and Cl -2; an element is formed from itself by nothing."""
        text = "system Na-Cl; require CN(Na-Cl) = 6; expect formation_energy < -1 eV/atom"
        salt, element = judge([rock_salt(), simple_cubic("Na", 4.2)], text)
        assert salt.number("formation_energy") == pytest.approx(-3.5 + 1.5)
        assert element.number("formation_energy") == pytest.approx(0.0)
        assert [r.term("formation_energy").satisfied for r in (salt, element)] == [True, False]
        (unknown,) = judge([rock_salt()], text, known(ELEMENTS[0]))
        assert unknown.number("formation_energy") is None
        assert unknown.outcomes["expect"].reason == "no value for formation_energy"

    def test_below_the_reference_is_negative(self, judge: Judge) -> None:
        (record,) = judge([rock_salt()], reference=known(*ELEMENTS))
        assert record.e_above_hull == pytest.approx(-3.5 + 1.5)

    def test_a_missing_element_is_said_and_spoils_nothing_else(self, judge: Judge) -> None:
        salt, sodium = judge([rock_salt(), simple_cubic("Na", 4.2)], reference=known(ELEMENTS[0]))
        assert salt.outcomes["hull"].status == "undefined"
        assert (
            salt.outcomes["hull"].reason == "hull incomplete: no reference energy for elemental Cl"
        )
        assert salt.e_above_hull is None
        assert sodium.e_above_hull == pytest.approx(0.0)

    def test_a_reference_without_energy_is_missing(self, judge: Judge) -> None:
        (record,) = judge(
            [Structure.from_sites(rock_salt("Na", "Cl"))],
            reference=known(ELEMENTS[0], simple_cubic("Br", 4.0)),
        )
        assert "hull incomplete" in record.outcomes["hull"].reason

    def test_an_unknown_formula_fails_in_energy_not_in_hull(self, judge: Judge) -> None:
        (record,) = judge([rock_salt("K", "Cl", 6.3)])
        assert record.outcomes["energy"].status == "failed"
        assert record.outcomes["energy"].reason == "does not know KCl"
        assert record.value("energy") is None
        assert record.outcomes["hull"].status == "skipped"


class TestExpect:
    TEXT = "system Na-Cl; require CN(Na-Cl) = 6; expect e_above_hull < 0.2 eV/atom; expect volume_per_atom < 30"

    def test_passed_failed_undefined(self, judge: Judge) -> None:
        (good,) = judge([rock_salt()], self.TEXT)
        assert good.outcomes["expect"].status == "passed"
        assert good.term("e_above_hull").satisfied is True
        (large,) = judge([rock_salt(a=6.5)], self.TEXT)
        assert large.outcomes["expect"].reason == "does not hold: volume_per_atom"
        (unknown,) = judge([rock_salt()], self.TEXT, known(ELEMENTS[0]))
        assert unknown.outcomes["expect"].status == "undefined"
        assert unknown.outcomes["expect"].reason == "no value for e_above_hull"

    def test_truths_of_other_stages_are_read(self, judge: Judge) -> None:
        """Rock salt is in the reference, and there twice; the caesium type of it is neither."""
        caesium_type = Structure(Lattice.cubic(3.5), ["Na", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.5)])
        records = judge(
            [rock_salt(), rock_salt(), caesium_type],
            "system Na-Cl; expect n: novel; expect u: unique; expect new: novel and unique",
        )
        found = [tuple(r.term(label).satisfied for label in ("n", "u", "new")) for r in records]
        assert found == [(False, True, False), (False, False, False), (True, True, True)]
        assert [r.outcomes["expect"].status for r in records] == ["failed", "failed", "passed"]
        assert records[1].value("duplicate_of") == records[0].id

    def test_expectations_do_not_make_a_miss(self, judge: Judge) -> None:
        (record,) = judge(
            [rock_salt()], "system Na-Cl; require CN(Na-Cl) = 6; expect volume_per_atom < 1"
        )
        assert record.hit is True
        assert record.outcomes["expect"].status == "failed"

    def test_nothing_expected_is_said(self, judge: Judge) -> None:
        (record,) = judge([rock_salt()])
        assert record.outcomes["expect"].reason == "the program expects nothing"


def test_a_stage_that_raises_on_one_structure_loses_only_that_one(judge: Judge) -> None:
    class Broken(Structure):
        @property
        def species(self) -> list[Element]:
            raise RuntimeError("corrupt")

    broken = Broken.from_sites(rock_salt().sites)
    bad, good = judge([broken, rock_salt()])
    assert bad.outcomes["screen"].reason == "RuntimeError: corrupt"
    assert good.passed("screen")


def test_records_are_immutable(judge: Judge) -> None:
    (record,) = judge([rock_salt()])
    assert replace(record, id="other").id != record.id
    with pytest.raises(AttributeError):
        record.id = "other"  # type: ignore[misc]
    assert isinstance(record.generated, Specimen)
