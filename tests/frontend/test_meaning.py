"""What programs mean, beyond their snapshots: equalities between spellings, defaults, digests."""

from __future__ import annotations

import pytest

import scoutlang
from scoutlang.frontend import check
from scoutlang.ir import Compare, Guide, Measure, Program, Relation, Sample
from scoutlang.signatures import DescriptorSignature
from scoutlang.source import Source

PAPER = "system Cu-Si-P-Ca; require CN(Cu-P)=4; require CN(Cu-Cu)=1; guide k=0.8"


def program(text: str) -> Program:
    result = scoutlang.check(text)
    assert result.program is not None, result.diagnostics
    return result.program


def relation(claim: str) -> Relation:
    found = program(f"system Cu-P; {claim}").terms[0].claim
    assert isinstance(found, Compare)
    return found.relation


def test_the_shortest_program_has_no_warnings() -> None:
    result = scoutlang.check(PAPER)
    assert result.ok
    assert result.diagnostics == ()
    assert result.program is not None
    assert result.program.guide.k.start == result.program.guide.k.end == 0.8


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (PAPER, PAPER.replace(";", "\n") + "\n"),
        (PAPER, f"# a comment\n\n{PAPER};;  # another"),
        ("system Cu-P; require distance(Cu-P) < 2.5", "system Cu-P; require distance(Cu-P) < 0.25 nm"),
        ("system Cu-P; require distance(Cu-P) = 2.35 ± 0.05", "system Cu-P; require distance(Cu-P) = 0.235 ± 0.005 nm"),
        ("system Cu-P; require distance(Cu-P) in [2.2, 2.4]", "system Cu-P; require distance(Cu-P) in [0.22 nm, 0.24]"),
        ("system B; require volume_per_atom = 7", "system B; require volume_per_atom() = 0.007 nm³"),
        ("system Cu-P; guide k=1, every 2", "system Cu-P; guide every=2 k 1.0"),
        ("system Cu-P; sample 8 seed 3", "system Cu-P; sample seed=3, count=8"),
    ],
)
def test_two_spellings_are_one_program(one: str, other: str) -> None:
    assert program(one).digest() == program(other).digest()


@pytest.mark.parametrize(
    "other",
    [
        "system Cu-P; require CN(P-Cu)=4",
        "system Cu-P; require CN(Cu-P)=5",
        "system Cu-P; expect CN(Cu-P)=4",
        "system P-Cu-Si; require CN(Cu-P)=4",
    ],
)
def test_another_meaning_is_another_digest(other: str) -> None:
    assert program("system Cu-P; require CN(Cu-P)=4").digest() != program(other).digest()


def test_defaults_come_from_the_ir() -> None:
    bare = program("system Cu-P")
    assert bare.guide == Guide()
    assert bare.sample == Sample()
    assert bare.atoms is None


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        ("require CN(Cu-P) = 4", Relation(op="=", target=4, tolerance=0.5)),
        ("require CN(Cu-P) = 4 ± 0.3", Relation(op="=", target=4, tolerance=0.3)),
        ("require CN(Cu-P) < 4", Relation(op="<", high=4)),
        ("require CN(Cu-P) <= 4", Relation(op="<=", high=4)),
        ("require CN(Cu-P) > 4", Relation(op=">", low=4)),
        ("require CN(Cu-P) >= 4", Relation(op=">=", low=4)),
        ("require CN(Cu-P) in [3, 5]", Relation(op="in", low=3, high=5)),
        ("expect e_above_hull < 200 meV/atom", Relation(op="<", high=0.2, scale=0.1)),
    ],
)
def test_relations(claim: str, expected: Relation) -> None:
    assert relation(claim) == expected


def test_a_star_is_every_element_of_the_system() -> None:
    claim = program("system Cu-Si-P; require min_distance(*-{P, Si}) > 1.8").terms[0].claim
    assert isinstance(claim, Compare)
    assert isinstance(claim.value, Measure)
    assert [s.elements for s in claim.value.species] == [("Cu", "Si", "P"), ("P", "Si")]


def test_terms_keep_their_line_and_text() -> None:
    term = program("system Cu-P\n\nrequire four: CN(Cu-P) = 4  # comment\n").terms[0]
    assert (term.location.line, term.text, term.label) == (3, "require four: CN(Cu-P) = 4", "four")


def test_labels_of_unnamed_terms_are_unique() -> None:
    labels = [t.label for t in program("system Cu-P; require CN(Cu-P) > 3; require CN(Cu-P) < 5; require CN(P-Cu) < 5").terms]
    assert labels == ["CN(Cu-P)", "CN(Cu-P) #2", "CN(P-Cu)"]


def test_a_misspelt_system_does_not_make_every_element_foreign() -> None:
    codes = [d.code for d in scoutlang.check("sistem Cu-P\nrequire CN(Cu-P) = 4").diagnostics]
    assert codes == ["E012"]


def test_the_catalogue_is_an_argument_and_no_descriptor_is_known_by_name() -> None:
    signature = DescriptorSignature(name="bend", summary="", dimension="angle", species=3, scale=10.0, tolerance=8.0)
    result = check(Source("<text>", "system Cu-P; require bend(P-Cu-P) = 1.9 rad ± 8°; require CN(Cu-P) = 4"), {"bend": signature})
    assert [d.code for d in result.diagnostics] == ["E032"]
    result = check(Source("<text>", "system Cu-P; require bend(P-Cu-P) = 109.5° ± 8 deg"), {"bend": signature})
    assert result.program is not None
    claim = result.program.terms[0].claim
    assert isinstance(claim, Compare)
    assert claim.relation == Relation(op="=", target=109.5, tolerance=8.0, scale=10.0)
