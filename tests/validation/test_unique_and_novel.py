"""The stages `unique` and `novel`, and what they call the same structure."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from crystals_by_hand import TablePotential, generated, known, rock_salt, simple_cubic
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure
from pymatgen.core.operations import SymmOp

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Program
from scoutlang.validation import Record
from scoutlang.validation.matching import Known, reduced, same
from scoutlang.validation.record import Outcome
from scoutlang.validation.reference import Reference, load
from scoutlang.validation.stages import Context, Stage, built_in
from scoutlang.validation.stages.novel import Novel
from scoutlang.validation.stages.unique import Unique


def run(stage: Stage, raw: Sequence[Specimen], reference: Reference | None = None) -> list[Outcome]:
    told: list[tuple[int, int]] = []
    records = [Record(f"{g.arm}-{g.index}", g) for g in raw]
    program = Program(source_name="", source_text="", system=("Na", "Cl"))
    context = Context(
        program,
        TablePotential({}),
        reference or known(rock_salt()),
        lambda done, total: told.append((done, total)),
    )
    outcomes = stage.run(records, context)
    assert told[-1] == (len(raw), len(raw))
    assert all(o.values.keys() <= stage.columns().keys() for o in outcomes)
    assert all(bool(o.reason) == (o.status != "passed") for o in outcomes)
    return outcomes


def caesium_type(a: float = 3.5) -> Structure:
    return Structure(Lattice.cubic(a), ["Na", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.5)])


def test_they_run_before_what_reads_them() -> None:
    names = [stage.name for stage in built_in()]
    assert max(names.index("unique"), names.index("novel")) < names.index("expect")


class TestSame:
    def test_pymatgen_agrees_pair_by_pair(self) -> None:
        """Real crystals of one formula, and each slightly shaken in another cell."""
        crystals = [
            r.structure
            for r in load().subset(["Ti", "O"])
            if r.structure.composition.reduced_formula == "TiO2"
        ]
        crystals += [s.copy().perturb(0.05) * (2, 1, 1) for s in crystals[:2]]
        assert len(crystals) == 6
        matcher = StructureMatcher()
        verdicts = {
            (i, j): (same(reduced(a), reduced(b)), matcher.fit(a, b))
            for i, a in enumerate(crystals)
            for j, b in enumerate(crystals)
            if i < j
        }
        assert all(ours == theirs for ours, theirs in verdicts.values()), verdicts
        assert {ours for ours, _ in verdicts.values()} == {True, False}


class TestKnown:
    def test_no_pair_is_lost(self) -> None:
        """Real crystals of 8 atoms, named boron, and their strained and shaken copies, of which
        some still match: the matcher says the same of every pair.
        """
        rng = np.random.default_rng(2)
        crystals = [
            r.structure
            for r in load().subset(["Fe", "B", "Nd", "O", "Li", "Co", "Cu", "P"])
            if len(r.structure) == 8
        ][::4]
        crystals = [Structure(s.lattice, ["B"] * 8, s.frac_coords) for s in crystals]
        strained = [
            Structure(
                s.lattice.matrix @ (np.eye(3) + rng.normal(0, spread, (3, 3))),
                s.species,
                s.frac_coords + rng.normal(0, spread / 3, (8, 3)),
            )
            for s in crystals[:8]
            for spread in (0.01, 0.03, 0.06)
        ]
        structures = [reduced(s) for s in crystals + strained]
        verdicts = []
        for a, b in itertools.permutations(structures, 2):
            one = Known()
            one.add("b", b)
            verdicts.append((one.find(a) == "b", same(a, b)))
        assert all(ours == theirs for ours, theirs in verdicts)
        assert sum(theirs for _, theirs in verdicts) > 20

    @pytest.mark.slow
    def test_the_same_groups_as_by_the_matcher_alone(self) -> None:
        """The rule itself on 200 crystals, shaken and strained ones among them: of the firsts of
        their kinds so far, the first that the matcher matches.
        """
        rng = np.random.default_rng(4)
        frames = [
            r.structure
            for r in load().subset(["Fe", "B", "Nd", "O", "Li", "Co", "Cu", "P"])
            if 4 <= len(r.structure) <= 8
        ][:60]
        crystals = [
            Structure(
                s.lattice.matrix @ (np.eye(3) + rng.normal(0, spread, (3, 3))),
                ["B"] * len(s),
                s.frac_coords + rng.normal(0, spread / 3, (len(s), 3)),
            )
            for s in frames
            for spread in (0.01, 0.04, 0.08, 0.12)
        ][:200]
        known_, firsts, ours, theirs = Known(), list[tuple[str, Structure]](), [], []
        for i, crystal in enumerate(map(reduced, crystals)):
            ours.append(known_.find(crystal))
            theirs.append(
                next(
                    (
                        id_
                        for id_, first in firsts
                        if len(first) == len(crystal) and same(crystal, first)
                    ),
                    None,
                )
            )
            if theirs[-1] is None:
                known_.add(str(i), crystal)
                firsts.append((str(i), crystal))
        assert ours == theirs
        assert 20 < len(firsts) < 180

    def test_the_first_that_matches(self) -> None:
        """Atoms move up to 0.90 Å (0.3 of the free length), each half of the way: 0, 0.95 and 1.9 Å
        off the centre, the first and the last are two kinds.
        """
        near, between, far = (
            reduced(Structure(Lattice.cubic(3.8), ["Na", "Cl"], [(0, 0, 0), (0.5 - x, 0.5, 0.5)]))
            for x in (0.0, 0.25, 0.5)
        )
        assert (same(between, near), same(between, far), same(near, far)) == (True, True, False)
        for first, second in ((near, far), (far, near)):
            both = Known()
            both.add("first", first)
            both.add("second", second)
            assert both.find(between) == "first"


class TestUnique:
    def test_the_first_of_each_kind(self) -> None:
        raw = generated(
            rock_salt(),
            caesium_type(),
            rock_salt(a=5.9).get_primitive_structure(),
            caesium_type() * (1, 2, 1),
            rock_salt("K"),
        )
        found = run(Unique(), raw)
        assert [o.values["unique"] for o in found] == [True, True, False, False, True]
        assert [o.values["duplicate_of"] for o in found] == [
            None,
            None,
            "guided-0",
            "guided-1",
            None,
        ]
        assert [o.status for o in found] == ["passed", "passed", "failed", "failed", "passed"]
        assert found[2].reason == "the same as guided-0"

    @given(st.permutations(range(6)))
    @settings(max_examples=10, deadline=None)
    def test_the_number_of_kinds_does_not_depend_on_the_order(self, order: list[int]) -> None:
        """Three kinds, each twice, in other cells and axes: where sameness is transitive, so is the
        count.
        """
        turn = SymmOp.from_axis_angle_and_translation(
            (1, 2, 3), 40, translation_vec=(0.3, 0.1, 0.2)
        )
        turned = rock_salt()
        turned.apply_operation(turn)
        crystals = [
            rock_salt(),
            turned,
            caesium_type(),
            caesium_type() * (2, 1, 1),
            rock_salt("K"),
            rock_salt("K", a=6.0),
        ]
        found = run(Unique(), generated(*(crystals[i] for i in order)))
        assert sum(o.values["unique"] is True for o in found) == 3
        kinds = [i // 2 for i in order]
        assert [o.values["unique"] for o in found] == [
            kind not in kinds[:place] for place, kind in enumerate(kinds)
        ]

    def test_another_compound_of_the_same_frame_is_another_kind(self) -> None:
        ordered = rock_salt()
        swapped = rock_salt()
        swapped.replace(0, "Cl")
        swapped.replace(4, "Na")
        vacant = rock_salt()
        vacant.remove_sites([0])
        assert [o.values["unique"] for o in run(Unique(), generated(ordered, swapped, vacant))] == [
            True,
            True,
            True,
        ]

    def test_arms_do_not_know_each_other(self) -> None:
        found = run(
            Unique(),
            [*generated(rock_salt()), *generated(rock_salt(), rock_salt(), arm="non-guided")],
        )
        assert [o.values["unique"] for o in found] == [True, True, False]

    def test_a_formula_unit_more_is_the_same_formula(self) -> None:
        large = rock_salt().get_primitive_structure() * (2, 2, 2)
        shifts = np.random.default_rng(0).normal(0, 0.2, (16, 3))
        shaken = Structure(
            large.lattice, large.species, large.cart_coords + shifts, coords_are_cartesian=True
        )
        assert [o.values["unique"] for o in run(Unique(), generated(rock_salt(), shaken))] == [
            True,
            True,
        ]

    def test_one_that_cannot_be_compared_has_no_answer_and_harms_no_other(self) -> None:
        class Broken(Structure):
            def get_reduced_structure(self, *args: object, **kwargs: object) -> Structure:
                raise RuntimeError("corrupt")

        first, broken, again = run(
            Unique(), generated(rock_salt(), Broken.from_sites(rock_salt().sites), rock_salt())
        )
        assert (first.values["unique"], again.values["unique"]) == (True, False)
        assert (broken.status, broken.reason) == ("failed", "RuntimeError: corrupt")
        assert "unique" not in broken.values


class TestNovel:
    def test_known_and_novel(self) -> None:
        reference = known(simple_cubic("Na", 4.0), rock_salt(), rock_salt("K"))
        found = run(
            Novel(),
            generated(
                rock_salt(a=5.5).get_primitive_structure(),
                caesium_type(),
                rock_salt("Li", "F", 4.0),
            ),
            reference,
        )
        assert [o.values["novel"] for o in found] == [False, True, True]
        assert [o.values["compared"] for o in found] == [1, 1, 0]
        assert [o.values["matched"] for o in found] == ["1", None, None]
        assert found[0].reason == "known as 1"

    def test_real_crystals_are_known_to_the_embedded_set(self) -> None:
        """Shaken and in another cell; the same atoms at random places are not."""
        rng = np.random.default_rng(0)
        crystals = [r for r in load().subset(["Cu", "Si", "P"]) if 3 < len(r.structure) <= 8][:6]
        shaken = [r.structure.copy().perturb(0.05) * (1, 1, 2) for r in crystals]
        anywhere = [
            Structure(r.structure.lattice, r.structure.species, rng.random((len(r.structure), 3)))
            for r in crystals
        ]
        found = run(Novel(), generated(*shaken, *anywhere), load())
        assert [o.values["novel"] for o in found] == [False] * 6 + [True] * 6
        assert all(o.values["compared"] for o in found)


@pytest.mark.slow
def test_several_processes_find_the_same() -> None:
    known = [r.structure for r in load().subset(["Cu", "P", "Si"])]
    records = [
        Record(f"{arm}-{i}", Specimen(arm, 0, i, s))
        for arm in ("guided", "non-guided")
        for i, s in enumerate([*known, *known])
    ]
    context = Context(
        Program(source_name="", source_text="", system=("Cu",)),
        TablePotential({}),
        load(),
        lambda done, total: None,
    )
    alone, together = (Unique(parallel_from=n).run(records, context) for n in (10_000, 1))
    assert together == alone
    assert sum(o.status == "failed" for o in alone) >= len(known) * 2
