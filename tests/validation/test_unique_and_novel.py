"""The stages `groups`, `unique` and `novel`, and what they call the same structure."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from crystals_by_hand import TablePotential, generated, known, rock_salt, simple_cubic
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.structure_matcher import StructureMatcher
from pymatgen.core import Lattice, Structure
from pymatgen.core.operations import SymmOp
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Program
from scoutlang.support.engines.processes import Processes
from scoutlang.validation import Record, validate
from scoutlang.validation.matching import Known, reduced, same
from scoutlang.validation.record import Outcome
from scoutlang.validation.reference import Reference, load
from scoutlang.validation.stages import Context, Stage, built_in, groups
from scoutlang.validation.stages.groups import Groups
from scoutlang.validation.stages.novel import Novel
from scoutlang.validation.stages.unique import Unique

PROGRAM = Program(source_name="", source_text="", system=("Na", "Cl"))


def run(
    stage: Stage,
    raw: Sequence[Specimen],
    reference: Reference | None = None,
    program: Program = PROGRAM,
    earlier: Sequence[Mapping[str, Outcome]] | None = None,
) -> list[Outcome]:
    """earlier: outcomes of other stages, one mapping per structure."""
    told: list[tuple[int, int]] = []
    records = [
        Record(f"{g.arm}-{g.index}", g, outcomes)
        for g, outcomes in zip(raw, earlier or [{}] * len(raw), strict=True)
    ]
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


def grouped(raw: Sequence[Specimen], program: Program = PROGRAM) -> list[set[int]]:
    """The groups, by the places of their members."""
    groups: dict[object, set[int]] = {}
    for place, outcome in enumerate(run(Groups(), raw, program=program)):
        groups.setdefault(outcome.values["group"], set()).add(place)
    return list(groups.values())


def uniqueness(
    raw: Sequence[Specimen],
    hits: Sequence[bool | None] | None = None,
    heights: Sequence[float | None] | None = None,
) -> list[Outcome]:
    """What `unique` says of structures whose hit and height above the hull are known."""
    earlier = [
        {
            "groups": group,
            "hits": Outcome("passed", values={"hit": hit}),
            "hull": Outcome("passed", values={"e_above_hull": height}),
        }
        for group, hit, height in zip(
            run(Groups(), raw),
            hits or [None] * len(raw),
            heights or [None] * len(raw),
            strict=True,
        )
    ]
    return run(Unique(), raw, earlier=earlier)


def off_centre() -> list[Structure]:
    """The caesium type with its chlorine 0, 0.95 and 1.9 Å off the centre. Atoms move up to 0.90 Å
    (0.3 of the free length), each half of the way: neighbours match, the ends do not.
    """
    return [
        Structure(Lattice.cubic(3.8), ["Na", "Cl"], [(0, 0, 0), (0.5 - x, 0.5, 0.5)])
        for x in (0.0, 0.25, 0.5)
    ]


def strained_boron(count: int) -> list[Structure]:
    """Frames of real crystals, each strained and shaken four times, of which some still match."""
    rng = np.random.default_rng(4)
    frames = [
        r.structure
        for r in load().subset(["Fe", "B", "Nd", "O", "Li", "Co", "Cu", "P"])
        if 4 <= len(r.structure) <= 8
    ][:60]
    return [
        Structure(
            s.lattice.matrix @ (np.eye(3) + rng.normal(0, spread, (3, 3))),
            ["B"] * len(s),
            s.frac_coords + rng.normal(0, spread / 3, (len(s), 3)),
        )
        for s in frames
        for spread in (0.01, 0.04, 0.08, 0.12)
    ][:count]


def caesium_type(a: float = 3.5) -> Structure:
    return Structure(Lattice.cubic(a), ["Na", "Cl"], [(0, 0, 0), (0.5, 0.5, 0.5)])


def test_they_run_before_what_reads_them() -> None:
    names = [stage.name for stage in built_in()]
    assert max(names.index(name) for name in ("groups", "hits", "hull")) < names.index("unique")
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

    def test_either_direction_counts(self) -> None:
        """Two sampled CuSiP: the matcher finds the one in the other, and not the other in the
        one.
        """
        pair = [
            Structure(
                [[-0.473, 0.445, 3.401], [-0.472, 3.449, 0.445], [-3.671, 0.472, 0.473]],
                ["Si", "P", "Cu"],
                [[0.542, 0.376, 0.218], [0.205, 0.045, 0.894], [0.896, 0.724, 0.555]],
            ),
            Structure(
                [[-0.935, 3.723, 0.954], [2.76, 0.019, 2.837], [2.815, 2.787, -0.035]],
                ["Si", "P", "Cu"],
                [[0.079, 0.279, 0.118], [0.332, 0.029, 0.616], [0.579, 0.779, 0.119]],
            ),
        ]
        a, b = map(reduced, pair)
        matcher = StructureMatcher()
        assert [
            bool(matcher.fit(x, y, skip_structure_reduction=True)) for x, y in ((a, b), (b, a))
        ] == [True, False]
        assert same(a, b)
        assert same(b, a)
        for first, second in ((a, b), (b, a)):
            known = Known()
            known.add("first", first)
            assert known.find(second) == "first"
        for order in (pair, pair[::-1]):
            assert grouped(generated(*order)) == [{0, 1}]


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
    def test_the_same_as_by_the_matcher_alone(self) -> None:
        """Of 200 crystals, shaken and strained ones among them, the first known one that the
        matcher matches.
        """
        known_, firsts, ours, theirs = Known(), list[tuple[str, Structure]](), [], []
        for i, crystal in enumerate(map(reduced, strained_boron(200))):
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
        near, between, far = map(reduced, off_centre())
        assert (same(between, near), same(between, far), same(near, far)) == (True, True, False)
        for first, second in ((near, far), (far, near)):
            both = Known()
            both.add("first", first)
            both.add("second", second)
            assert both.find(between) == "first"


class TestGroups:
    def test_the_sets_of_a_list(self) -> None:
        raw = generated(
            rock_salt(),
            caesium_type(),
            rock_salt(a=5.9).get_primitive_structure(),
            caesium_type() * (1, 2, 1),
            rock_salt("K"),
        )
        assert grouped(raw) == [{0, 2}, {1, 3}, {4}]
        found = run(Groups(), raw)
        assert {o.status for o in found} == {"passed"}
        assert [o.values["group"] for o in found] == [
            "guided-0",
            "guided-1",
            "guided-0",
            "guided-1",
            "guided-4",
        ]

    @given(st.permutations(range(3)))
    @settings(max_examples=6, deadline=None)
    def test_a_chain_is_one_group(self, order: list[int]) -> None:
        """The ends do not match each other."""
        chain = off_centre()
        assert not same(*(reduced(chain[i]) for i in (0, 2)))
        assert grouped(generated(*(chain[i] for i in order))) == [{0, 1, 2}]
        assert grouped(generated(chain[0], chain[2])) == [{0}, {1}]

    @pytest.mark.slow
    def test_the_components_of_all_pairs_that_the_matcher_matches(self) -> None:
        crystals = strained_boron(200)
        found = grouped(generated(*crystals))
        cells = list(enumerate(map(reduced, crystals)))
        pairs = [
            (i, j)
            for (i, a), (j, b) in itertools.combinations(cells, 2)
            if len(a) == len(b) and same(a, b)
        ]
        rows, columns = zip(*pairs, strict=True)
        matched = coo_array((np.ones(len(pairs)), (rows, columns)), shape=(len(crystals),) * 2)
        kinds = connected_components(matched, directed=False)[1]
        assert found == [
            set(np.flatnonzero(kinds == kind).tolist()) for kind in dict.fromkeys(kinds.tolist())
        ]
        assert 20 < len(found) < 180

    def test_another_compound_of_the_same_frame_is_another_group(self) -> None:
        ordered = rock_salt()
        swapped = rock_salt()
        swapped.replace(0, "Cl")
        swapped.replace(4, "Na")
        vacant = rock_salt()
        vacant.remove_sites([0])
        assert grouped(generated(ordered, swapped, vacant)) == [{0}, {1}, {2}]

    def test_arms_do_not_know_each_other(self) -> None:
        raw = [*generated(rock_salt()), *generated(rock_salt(), rock_salt(), arm="non-guided")]
        assert grouped(raw) == [{0}, {1, 2}]

    def test_a_formula_unit_more_is_the_same_formula(self) -> None:
        large = rock_salt().get_primitive_structure() * (2, 2, 2)
        shifts = np.random.default_rng(0).normal(0, 0.2, (16, 3))
        shaken = Structure(
            large.lattice, large.species, large.cart_coords + shifts, coords_are_cartesian=True
        )
        assert grouped(generated(rock_salt(), shaken)) == [{0}, {1}]

    @pytest.mark.parametrize(
        ("line", "volumes_count"),
        [
            ("require CN(Na-Cl) = 6", False),
            ("require angle(Cl-Na-Cl) = 90°", False),
            ("expect e_above_hull < 0.1 eV/atom", False),
            ("require volume_per_atom = 20 Å^3", True),
            ("require density > 2 g/cm^3", True),
            ("prefer distance(Na-Cl) = 2.8 Å", True),
            ("expect min_distance(Na-Cl) > 2 Å and charge_balanced", True),
            ("prefer a as low as possible", True),
        ],
    )
    def test_scaled_copies(
        self, program: Callable[[str], Program], line: str, volumes_count: bool
    ) -> None:
        """Duplicates, but where a line measures a size: then the volumes of 1.19 and 1.22 times
        5.64³ Å^3 are near to that and not.
        """
        checked = program(f"system Na-Cl; {line}")
        raw = generated(*(rock_salt(a=5.64 * ratio ** (1 / 3)) for ratio in (1, 1.19, 1 / 1.22)))
        assert grouped(raw, checked) == ([{0, 1}, {2}] if volumes_count else [{0, 1, 2}])

    def test_left_and_right_are_told_apart_on_request(
        self, program: Callable[[str], Program]
    ) -> None:
        """Quartz, its mirror image, and itself turned; rock salt is its own mirror image."""
        quartz = Structure.from_spacegroup(
            "P3_121",
            Lattice.hexagonal(4.913, 5.405),
            ["Si", "O"],
            [(0.4697, 0, 1 / 3), (0.4135, 0.2669, 0.4524)],
        )
        turn = SymmOp.from_axis_angle_and_translation((1, 2, 3), 40)
        mirror = SymmOp.reflection((1, 2, 3))
        raw = generated(
            quartz,
            quartz.copy().apply_operation(mirror),
            (quartz * (1, 1, 2)).apply_operation(turn),
            rock_salt(),
            rock_salt().apply_operation(mirror),
        )
        assert grouped(raw, program("system Si-O; expect unique")) == [{0, 1, 2}, {3, 4}]
        apart = program("system Si-O; expect unique(hands=apart)")
        assert grouped(raw, apart) == [{0, 2}, {1}, {3, 4}]


class TestUnique:
    def test_the_first_of_equals(self) -> None:
        first, other, again = uniqueness(generated(rock_salt(), caesium_type(), rock_salt(a=5.9)))
        assert first == other == Outcome("passed", values={"unique": True, "duplicate_of": None})
        assert again == Outcome(
            "failed", "the same as guided-0", {"unique": False, "duplicate_of": "guided-0"}
        )

    @pytest.mark.parametrize(
        ("hits", "heights", "unique"),
        [
            ([False, True, None], [0.0, 0.3, 0.0], 1),
            ([False, None, False], [0.0, 0.3, 0.0], 1),
            ([True, True, True], [None, 0.2, 0.1], 2),
            ([False, False, False], [None, None, 9.0], 2),
            ([None, True, True], [0.0, None, None], 1),
        ],
    )
    def test_the_one_that_counts(
        self, hits: list[bool | None], heights: list[float | None], unique: int
    ) -> None:
        """A hit, then the lowest, then the first."""
        found = uniqueness(generated(*[rock_salt()] * 3), hits, heights)
        assert [o.values["unique"] for o in found] == [i == unique for i in range(3)]
        assert {o.values["duplicate_of"] for o in found} == {None, f"guided-{unique}"}

    @given(st.permutations(range(8)))
    @settings(max_examples=20, deadline=None)
    def test_the_order_changes_nothing_but_ids(self, order: list[int]) -> None:
        """A chain, two hits and a miss in other cells and axes, a scaled copy, one alone."""
        turn = SymmOp.from_axis_angle_and_translation(
            (1, 2, 3), 40, translation_vec=(0.3, 0.1, 0.2)
        )
        crystals = [
            *off_centre(),
            rock_salt(),
            rock_salt().apply_operation(turn),
            rock_salt(a=6.5),
            rock_salt().get_primitive_structure(),
            rock_salt("K"),
        ]
        hits = [False, False, None, True, True, False, None, False]
        heights = [0.1, 0.0, None, 0.3, 0.2, 0.1, 0.0, None]
        found = uniqueness(
            generated(*(crystals[i] for i in order)),
            [hits[i] for i in order],
            [heights[i] for i in order],
        )
        own = {f"guided-{place}": i for place, i in enumerate(order)} | {None: None}
        duplicates = {i: own[o.values["duplicate_of"]] for i, o in zip(order, found, strict=True)}
        assert duplicates == {0: 2, 1: 2, 2: None, 3: 4, 4: None, 5: 4, 6: 4, 7: None}

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize(
        "requirement", ["volume_per_atom = 46 ± 2 Å^3", "CN(Cs-I) = 8"], ids=["two", "one"]
    )
    def test_a_miss_that_comes_first_hides_no_hit(
        self, program: Callable[[str], Program], order: int, requirement: str
    ) -> None:
        """CsI in its own type as asked for, and expanded: two groups where a line measures the
        volume, else one that the hit represents.
        """
        expanded, as_asked = (
            Structure(Lattice.cubic(a), ["Cs", "I"], [(0, 0, 0), (0.5, 0.5, 0.5)])
            for a in (5.28002449, 4.51435744)
        )
        found = validate(
            program(f"system Cs-I; require {requirement}"),
            generated(*[expanded, as_asked][::order]),
            potential=TablePotential({"Cs": -1.0, "I": -1.0, "CsI": -2.0}),
            reference=known(simple_cubic("Cs", 5.0), simple_cubic("I", 4.0)),
        )
        (arm,) = found.table().arms
        assert (arm.hits.count, arm.scout_yield.fraction) == (1, 0.5)
        assert arm.unique.count == (2 if "volume" in requirement else 1)

    def test_one_that_cannot_be_compared_has_no_answer_and_harms_no_other(self) -> None:
        class Broken(Structure):
            def get_reduced_structure(self, *args: object, **kwargs: object) -> Structure:
                raise RuntimeError("corrupt")

        first, broken, again = uniqueness(
            generated(rock_salt(), Broken.from_sites(rock_salt().sites), rock_salt())
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

    def test_a_known_crystal_at_another_volume_is_not_new(
        self, program: Callable[[str], Program]
    ) -> None:
        """Whatever the program measures."""
        raw, reference = generated(rock_salt(a=6.5)), known(rock_salt())
        for text in ("expect unique(hands=apart)", "require density > 1 g/cm^3"):
            (found,) = run(Novel(), raw, reference, program(f"system Na-Cl; {text}"))
            assert found.values["novel"] is False
            assert found.reason == "known as 0 after scaling to equal volume (it has 1.53 of it)"

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
def test_several_processes_find_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "WORTH", 0.0)
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
    engine = Processes(2)
    alone, together = (
        Groups().run(records, one) for one in (context, replace(context, engine=engine))
    )
    engine.close()
    assert together == alone
    assert len({o.values["group"] for o in alone}) <= len(known) * 2
