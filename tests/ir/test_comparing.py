"""What two programs differ in: each kind of difference by hand, and for any two programs no
difference exactly when their digests agree.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoutlang.ir import (
    Aggregate,
    AtomRange,
    Compare,
    Guide,
    Location,
    Measure,
    ParameterValue,
    Program,
    Relation,
    Sample,
    Schedule,
    Species,
    Sweep,
    Term,
    Wish,
)
from scoutlang.ir.diff import Change, compare

CU, P = Species("Cu", ("Cu",)), Species("P", ("P",))
CN = Measure("CN", (CU, P))


def term(label: str, target: float = 4.0, **changes: Any) -> Term:
    claim = Compare(Aggregate("mean", CN), Relation("=", target=target, tolerance=0.5))
    return replace(
        Term("require", label, claim, f"{label} = {target}", Location(0, 1, 1)), **changes
    )


BASE = Program("a.scout", "system Cu-P", ("Cu", "P"), terms=(term("a"), term("b", 3.0)))


def changed(**changes: Any) -> list[tuple[str, str | None, str, tuple[str, ...]]]:
    """Part, name, kind and differing fields of what a change of BASE is said to be."""
    return [(c.part, c.name, c.kind, c.differs) for c in compare(BASE, replace(BASE, **changes))]


def test_text_places_and_parameters_are_not_the_meaning() -> None:
    moved = tuple(replace(t, text="other", location=Location(5, 9, 2)) for t in BASE.terms)
    other = replace(
        BASE,
        source_name="b.scout",
        source_text="# c",
        terms=moved,
        parameters=(ParameterValue("rc", "2.6 Å"),),
    )
    assert compare(BASE, other) == ()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"system": ("Cu", "Ge")}, [("system", None, "changed", ())]),
        ({"system": ("P", "Cu")}, [("system", None, "reordered", ())]),
        ({"atoms": AtomRange(8, 20)}, [("atoms", None, "added", ())]),
        ({"formula": (("Cu", 3), ("P", 1))}, [("formula", None, "added", ())]),
        ({"guide": Guide(k=Schedule.constant(0.5), since=0.8)}, [("guide", "k", "changed", ()), ("guide", "from", "changed", ())]),
        ({"sample": Sample(seed=7)}, [("sample", "seed", "changed", ())]),
        ({"sweeps": (Sweep("k", ("0.2", "0.4")),)}, [("sweeps", "k", "added", ())]),
        ({"language_version": 1}, []),  # what a version changes is in the other fields
        ({"guide": Guide(every=2, counted="crystal")}, [("guide", "every", "changed", ())]),
        ({"guide": Guide(counted="crystal")}, [("guide", "every, counted from", "changed", ())]),
        ({"terms": (term("a"), term("b", 3.0), term("c"))}, [("terms", "c", "added", ())]),
        ({"terms": (term("a"),)}, [("terms", "b", "removed", ())]),
        ({"terms": (term("a", 5.0), term("b", 3.0))}, [("terms", "a", "changed", ("claim",))]),
        ({"terms": (term("a", weight=2.0, loss="l2"), term("b", 3.0))}, [("terms", "a", "changed", ("weight", "loss"))]),
        ({"terms": (term("a", verb="prefer"), term("b", 3.0))}, [("terms", "a", "changed", ("verb",))]),
        ({"terms": (term("dimer"), term("b", 3.0))}, [("terms", "a", "changed", ("label",))]),
        ({"terms": (term("b", 3.0), term("a"))}, [("terms", None, "reordered", ())]),
        ({"terms": (term("a", 9.0), term("c", 8.0))}, [("terms", "a", "changed", ("claim",)), ("terms", "b", "removed", ()), ("terms", "c", "added", ())]),
    ],
)  # fmt: skip
def test_each_difference(
    changes: dict[str, Any], expected: list[tuple[str, str | None, str, tuple[str, ...]]]
) -> None:
    assert changed(**changes) == expected


def test_old_and_new_values() -> None:
    (change,) = compare(BASE, replace(BASE, sample=Sample(steps=100)))
    assert change == Change("sample", "steps", 250, 100)
    (change,) = compare(BASE, replace(BASE, terms=(term("a", 5.0), BASE.terms[1])))
    assert (change.old, change.new) == (BASE.terms[0], term("a", 5.0))
    (change,) = compare(BASE, replace(BASE, terms=BASE.terms[::-1]))
    assert (change.old, change.new) == (("a", "b"), ("b", "a"))


def test_a_term_keeps_its_identity_when_its_automatic_label_changes() -> None:
    twice = replace(BASE, terms=(term("CN(Cu-P)", 4.0), term("CN(Cu-P) #2", 3.0)))
    once = replace(BASE, terms=(term("CN(Cu-P)", 3.0),))
    assert [(c.name, c.kind, c.differs) for c in compare(twice, once)] == [
        ("CN(Cu-P)", "removed", ()),
        ("CN(Cu-P) #2", "changed", ("label",)),
    ]


def test_a_label_that_the_user_chose_tells_which_term_is_which() -> None:
    moved = replace(BASE, terms=(term("a", 5.0), term("b", 3.0), term("c", 4.0)))
    assert [(c.name, c.kind) for c in compare(BASE, moved)] == [("a", "changed"), ("c", "added")]


def test_parameters_are_listed_beside_what_they_change() -> None:
    old = replace(BASE, parameters=(ParameterValue("a", "4"), ParameterValue("b", "3")))
    new = replace(
        BASE,
        parameters=(ParameterValue("b", "3"), ParameterValue("a", "5")),
        terms=(term("a", 5.0), BASE.terms[1]),
    )
    assert [(c.part, c.name, c.differs) for c in compare(old, new)] == [
        ("terms", "a", ("claim",)),
        ("parameters", "a", ("value",)),
    ]


TERMS = st.builds(
    term,
    st.sampled_from(["a", "b", "CN(Cu-P)", "CN(Cu-P) #2"]),
    st.sampled_from([3.0, 4.0]),
    verb=st.sampled_from(["require", "expect"]),
    weight=st.sampled_from([1.0, 2.0]),
    text=st.sampled_from(["x", "y"]),
    location=st.builds(Location, st.integers(0, 3), st.integers(4, 6), st.just(1)),
) | st.builds(
    Term, st.just("prefer"), st.just("w"), st.builds(Wish, st.just(Measure("density")), st.sampled_from(["low", "high"])), st.just("z"),
    st.just(Location(0, 1, 1)),
)  # fmt: skip
PROGRAMS = st.builds(
    Program,
    st.sampled_from(["a.scout", "b.scout"]),
    st.just(""),
    st.permutations(["Cu", "P"]).map(tuple),
    atoms=st.none() | st.just(AtomRange(8, 20)),
    formula=st.none() | st.just((("Cu", 3), ("P", 1))),
    terms=st.lists(TERMS, max_size=4, unique_by=lambda t: t.label).map(tuple),
    guide=st.builds(Guide, every=st.sampled_from([1, 2]), cap=st.sampled_from([None, 0.5])),
    sample=st.builds(Sample, seed=st.sampled_from([0, 7])),
    parameters=st.lists(
        st.builds(ParameterValue, st.sampled_from("pq"), st.sampled_from("12")),
        unique_by=lambda p: p.name,
    ).map(tuple),
    sweeps=st.lists(
        st.builds(Sweep, st.sampled_from("kg"), st.just(("1", "2"))), unique_by=lambda s: s.name
    ).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(PROGRAMS, PROGRAMS)
def test_no_difference_exactly_when_the_digests_agree(old: Program, new: Program) -> None:
    assert (compare(old, new) == ()) is (old.digest() == new.digest())


@settings(max_examples=100, deadline=None)
@given(PROGRAMS, PROGRAMS)
def test_what_was_added_there_is_removed_back_here(old: Program, new: Program) -> None:
    mirror = {
        "added": "removed",
        "removed": "added",
        "changed": "changed",
        "reordered": "reordered",
    }
    there = sorted((c.part, mirror[c.kind]) for c in compare(old, new))
    assert there == sorted((c.part, c.kind) for c in compare(new, old))


@settings(max_examples=20, deadline=None)
@given(PROGRAMS)
def test_a_program_means_what_it_means(program: Program) -> None:
    assert compare(program, Program.from_json(program.to_json())) == ()
