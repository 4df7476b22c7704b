"""The stages `unique` and `novel`, and what they call the same structure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from by_hand import TablePotential, generated, known, rock_salt, simple_cubic
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure

from scoutlang.ir import Compare, Location, Measure, Program, Relation, Term
from scoutlang.validation import Generated, Record
from scoutlang.validation.matching import reduced, same
from scoutlang.validation.pipeline import STAGES
from scoutlang.validation.record import Outcome
from scoutlang.validation.reference import Reference, load
from scoutlang.validation.stages import Context, Stage
from scoutlang.validation.stages.novel import Novel
from scoutlang.validation.stages.unique import Unique


def asking(*descriptors: str) -> Program:
    """A program that expects these truths."""
    is_true = Relation("=", target=1.0, tolerance=0.5)
    terms = tuple(Term("expect", d, Compare(Measure(d), is_true), f"expect {d}", Location(0, 0, 1)) for d in descriptors)
    return Program(source_name="", source_text="", system=("Na", "Cl"), terms=terms)


def run(stage: Stage, raw: Sequence[Generated], reference: Reference | None = None, program: Program | None = None) -> list[Outcome]:
    told: list[tuple[int, int]] = []
    records = [Record(f"{g.arm}-{g.index}", g) for g in raw]
    context = Context(
        program or asking(stage.name), TablePotential({}), reference or known(rock_salt()), lambda done, total: told.append((done, total))
    )
    outcomes = stage.run(records, context)
    assert told[-1] == (len(raw), len(raw))
    assert all(set(o.values) <= set(stage.adds) for o in outcomes)
    assert all(bool(o.reason) == (o.status != "passed") for o in outcomes)
    return outcomes


def caesium_type(a: float = 3.5) -> Structure:
    return Structure(Lattice.cubic(a), ["Na", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.5)])


def test_they_run_before_what_reads_them() -> None:
    names = [stage.name for stage in STAGES]
    assert max(names.index("unique"), names.index("novel")) < names.index("expect")


class TestSame:
    def test_pymatgen_agrees_pair_by_pair(self) -> None:
        """Real crystals of one formula, and each slightly shaken in another cell."""
        crystals = [r.structure for r in load().subset(["Ti", "O"]) if r.structure.composition.reduced_formula == "TiO2"]
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


class TestUnique:
    def test_the_first_of_each_kind(self) -> None:
        raw = generated(rock_salt(), caesium_type(), rock_salt(a=5.9).get_primitive_structure(), caesium_type() * (1, 2, 1), rock_salt("K"))
        found = run(Unique(), raw)
        assert [o.values["unique"] for o in found] == [True, True, False, False, True]
        assert [o.values["duplicate_of"] for o in found] == [None, None, "guided-0", "guided-1", None]
        assert [o.status for o in found] == ["passed", "passed", "failed", "failed", "passed"]
        assert found[2].reason == "the same as guided-0"

    def test_arms_do_not_know_each_other(self) -> None:
        found = run(Unique(), [*generated(rock_salt()), *generated(rock_salt(), rock_salt(), arm="non-guided")])
        assert [o.values["unique"] for o in found] == [True, True, False]

    def test_a_formula_unit_more_is_the_same_formula(self) -> None:
        shaken = (rock_salt().get_primitive_structure() * (2, 2, 2)).perturb(0.3)
        assert [o.values["unique"] for o in run(Unique(), generated(rock_salt(), shaken))] == [True, True]

    def test_one_that_cannot_be_compared_has_no_answer_and_harms_no_other(self) -> None:
        class Broken(Structure):
            def get_reduced_structure(self, *args: object, **kwargs: object) -> Structure:
                raise RuntimeError("corrupt")

        first, broken, again = run(Unique(), generated(rock_salt(), Broken.from_sites(rock_salt().sites), rock_salt()))
        assert (first.values["unique"], again.values["unique"]) == (True, False)
        assert (broken.status, broken.reason) == ("failed", "RuntimeError: corrupt")
        assert "unique" not in broken.values


class TestNovel:
    def test_known_and_novel(self) -> None:
        reference = known(simple_cubic("Na", 4.0), rock_salt(), rock_salt("K"))
        found = run(Novel(), generated(rock_salt(a=5.5).get_primitive_structure(), caesium_type(), rock_salt("Li", "F", 4.0)), reference)
        assert [o.values["novel"] for o in found] == [False, True, True]
        assert [o.values["compared"] for o in found] == [1, 1, 0]
        assert [o.values["matched"] for o in found] == ["1", None, None]
        assert found[0].reason == "known as 1"

    def test_real_crystals_are_known_to_the_embedded_set(self) -> None:
        """Shaken and in another cell; the same atoms at random places are not."""
        rng = np.random.default_rng(0)
        crystals = [r for r in load().subset(["Cu", "Si", "P"]) if 3 < len(r.structure) <= 8][:6]
        shaken = [r.structure.copy().perturb(0.05) * (1, 1, 2) for r in crystals]
        anywhere = [Structure(r.structure.lattice, r.structure.species, rng.random((len(r.structure), 3))) for r in crystals]
        found = run(Novel(), generated(*shaken, *anywhere), load())
        assert [o.values["novel"] for o in found] == [False] * 6 + [True] * 6
        assert all(o.values["compared"] for o in found)


@pytest.mark.parametrize("stage", [Unique(), Novel()], ids=lambda stage: stage.name)
def test_nothing_is_compared_unless_a_term_asks(stage: Stage) -> None:
    (outcome,) = run(stage, generated(rock_salt()), program=asking("e_above_hull"))
    assert (outcome.status, outcome.values) == ("skipped", {})
    (outcome,) = run(stage, generated(rock_salt()), program=asking("e_above_hull", stage.name))
    assert outcome.status != "skipped"
