"""What programs mean, beyond their snapshots: equalities between spellings, defaults, digests."""

from __future__ import annotations

from pathlib import Path

import pytest

import scoutlang
from scoutlang.interfaces.api import check_source, family
from scoutlang.ir import (
    Compare,
    Guide,
    Measure,
    Program,
    Proposition,
    Relation,
    Sample,
    Wish,
    measures,
)
from scoutlang.ir.signatures import DescriptorSignature
from scoutlang.ir.source import Source
from scoutlang.language import check

PAPER = "system Cu-Si-P-Ca; require CN(Cu-P)=4; require CN(Cu-Cu)=1; guide k=0.8"


def program(text: str) -> Program:
    result = scoutlang.check(text)
    assert result.program is not None, result.diagnostics
    return result.program


def strict(program_: Program) -> bool:
    claim = program_.terms[0].claim
    assert isinstance(claim, Compare)
    return claim.relation.strict


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
        (
            "system Cu-P; require distance(Cu-P) < 2.5",
            "system Cu-P; require distance(Cu-P) < 0.25 nm",
        ),
        (
            "system Cu-P; require distance(Cu-P) = 2.35 ± 0.05",
            "system Cu-P; require distance(Cu-P) = 0.235 ± 0.005 nm",
        ),
        (
            "system Cu-P; require distance(Cu-P) in [2.2, 2.4]",
            "system Cu-P; require distance(Cu-P) in [0.22 nm, 0.24]",
        ),
        (
            "system B; require volume_per_atom = 7",
            "system B; require volume_per_atom() = 0.007 nm³",
        ),
        ("system Cu-P; guide k=1, every 2", "system Cu-P; guide every=2 k 1.0"),
        (
            "system Cu-Si-P; require x: CN(Cu-{P, Si}) = 4",
            "system Cu-Si-P; let g = {Si, As, P}; require x: CN(Cu-g) = 4",
        ),
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
        ("require CN(Cu-P) = 4", Relation(op="=", target=4, tolerance=0.5, strict=True)),
        ("require CN(Cu-P) = 4 ± 0.5", Relation(op="=", target=4, tolerance=0.5)),
        ("require distance(Cu-P) = 2.3", Relation(op="=", target=2.3, tolerance=0.1)),
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
    labels = [
        t.label
        for t in program(
            "system Cu-P; require CN(Cu-P) > 3; require CN(Cu-P) < 5; require CN(P-Cu) < 5"
        ).terms
    ]
    assert labels == ["CN(Cu-P)", "CN(Cu-P) #2", "CN(P-Cu)"]


def test_a_misspelt_system_does_not_make_every_element_foreign() -> None:
    codes = [d.code for d in scoutlang.check("sistem Cu-P\nrequire CN(Cu-P) = 4").diagnostics]
    assert codes == ["E012"]


def test_the_catalogue_is_an_argument_and_no_descriptor_is_known_by_name() -> None:
    signature = DescriptorSignature(
        name="bend", summary="", dimension="angle", species=3, scale=10.0, tolerance=8.0
    )
    result = check(
        Source("<text>", "system Cu-P; require bend(P-Cu-P) = 1.9 rad ± 8°; require CN(Cu-P) = 4"),
        {"bend": signature},
    )
    assert [d.code for d in result.diagnostics] == ["E032"]
    result = check(
        Source("<text>", "system Cu-P; require bend(P-Cu-P) = 109.5° ± 8 deg"), {"bend": signature}
    )
    assert result.program is not None
    claim = result.program.terms[0].claim
    assert isinstance(claim, Compare)
    assert claim.relation == Relation(op="=", target=109.5, tolerance=8.0, scale=10.0)


# ---- definitions, parameters, sweeps ----


def claim(text: str, before: str = "") -> Proposition | Wish:
    """What a claim means, without its label."""
    return program(f"system Cu-Si-P\n{before}\nexpect {text}").terms[0].claim


@pytest.mark.parametrize(
    ("definitions", "short", "long"),
    [
        ("let tight = 2.5 Å", "distance(Cu-P) < tight", "distance(Cu-P) < 2.5"),
        ("let tight = 0.25 nm", "distance(Cu-P) < 2 * tight", "distance(Cu-P) < 5 Å"),
        ("let n = CN(Cu-P)", "n = 4", "CN(Cu-P) = 4"),
        ("let n = CN(Cu-P)", "each n = 4", "each CN(Cu-P) = 4"),
        ("let n = CN(Cu-P)", "max(n) - min(n) < 1", "max(CN(Cu-P)) - min(CN(Cu-P)) < 1"),
        ("let four = CN(Cu-P) = 4", "fraction(four) > 0.5", "fraction(CN(Cu-P) = 4) > 0.5"),
        ("let four = CN(Cu-P) = 4", "four and not four", "CN(Cu-P) = 4 and not CN(Cu-P) = 4"),
        ("let metal = {Cu, Si}", "CN(metal-P) = 4", "CN({Cu, Si}-P) = 4"),
        (
            "motif near(A, B, d = 2.5 Å) = distance(A-B) < d",
            "near(Cu, P)",
            "distance(Cu-P) < 2.5 Å",
        ),
        (
            "motif near(A, B, d = 2.5 Å) = distance(A-B) < d",
            "each near(Cu, P, 2.6)",
            "each (distance(Cu-P) < 2.6)",
        ),
        (
            "motif near(A, B, d = 2.5 Å) = distance(A-B) < d",
            "near(B=P, A=Cu)",
            "distance(Cu-P) < 2.5",
        ),
        ("motif twice(x) = 2 * x", "twice(twice(CN(Cu-P))) < 20", "2 * (2 * CN(Cu-P)) < 20"),
        ("motif pick(A) = CN(A-P)\nlet A = 3", "pick(Cu) > A", "CN(Cu-P) > 3"),
        ("motif same(x) = x\nmotif outer(x) = same(x + 1)", "CN(Cu-P) < outer(3)", "CN(Cu-P) < 4"),
        ("import std.lengths as l", "distance(Cu-Cu) < l.Cu_Cu", "distance(Cu-Cu) < 2.556 Å"),
    ],
)
def test_a_definition_is_its_expansion(definitions: str, short: str, long: str) -> None:
    assert claim(short, definitions) == claim(long)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "CN(Cu-P) = 4 or CN(Si-P) = 4 and CN(P-P) = 0",
            "CN(Cu-P) = 4 or (CN(Si-P) = 4 and CN(P-P) = 0)",
        ),
        ("not CN(Cu-P) = 4 and CN(P-P) = 0", "(not (CN(Cu-P) = 4)) and CN(P-P) = 0"),
        (
            "CN(Cu-P) = 4 or CN(P-P) = 0 implies CN(Si-P) = 4",
            "(CN(Cu-P) = 4 or CN(P-P) = 0) implies (CN(Si-P) = 4)",
        ),
        (
            "each CN(Cu-P) = 4 and any CN(P-Cu) = 3",
            "(each (CN(Cu-P) = 4)) and (any (CN(P-Cu) = 3))",
        ),
        ("not each CN(Cu-P) = 4", "not (each (CN(Cu-P) = 4))"),
        ("CN(Cu-P) + 2 * CN(Si-P) > 1", "CN(Cu-P) + (2 * CN(Si-P)) > 1"),
        ("-CN(Cu-P)^2 > -9", "-(CN(Cu-P)^2) > -9"),
        ("CN(Cu-P) - 1 - 1 > 0", "(CN(Cu-P) - 1) - 1 > 0"),
        ("CN(Cu-P) / 2 / 2 > 0", "(CN(Cu-P) / 2) / 2 > 0"),
        ("3 < CN(Cu-P) < 5", "CN(Cu-P) > 3 and CN(Cu-P) < 5"),
        ("3 < CN(Cu-P) <= CN(Si-P)", "CN(Cu-P) > 3 and CN(Cu-P) <= CN(Si-P)"),
        ("4 = CN(Cu-P)", "CN(Cu-P) = 4"),
        ("CN(Cu-P) in {3, 4}", "CN(Cu-P) = 3 or CN(Cu-P) = 4"),
        ("CN(Cu-P) = 2 + 2", "CN(Cu-P) = 4"),
        ("mean(CN(Cu-P)) = 4", "CN(Cu-P) = 4"),
        ("distance(Cu-P) in [0.2 nm, 0.3]", "distance(Cu-P) in [2, 3]"),
        ("distance(Cu-P) in [0.2, 0.3] nm", "distance(Cu-P) in [200 pm, 3 Å]"),
        ("distance(Cu-P) = 0.25 ± 0.01 nm", "distance(Cu-P) = 2.5 Å ± 0.1"),
        ("distance(Cu-P) < 1 + 1.5 Å", "distance(Cu-P) < 2.5"),
        ("volume_per_atom^(1/3) < 2.5", "volume_per_atom^(1/3) < 0.25 nm"),
        ("shape(Cu-P, tetrahedron) < 1", "shape(Cu-P, like=tetrahedron) < 1"),
        ("spacegroup = 225 symprec 0.1", "spacegroup(symprec=0.1 Å) = 225"),
        ("novel", "(novel)"),
    ],
)
def test_two_claims_are_one(one: str, other: str) -> None:
    assert claim(one) == claim(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("each CN(Cu-P) = 4", "CN(Cu-P) = 4"),
        ("each CN(Cu-P) = 4", "any CN(Cu-P) = 4"),
        ("each not CN(Cu-P) = 4", "not each CN(Cu-P) = 4"),
        ("max(CN(Cu-P), CN(Si-P)) < 4", "max(CN(Cu-P)) < 4"),
        ("CN(Cu-P) < 4", "CN(Cu-P) <= 4"),
        ("CN(Cu-P) = 4 ± 0.3", "CN(Cu-P) in [3.7, 4.3]"),
        ("CN(Cu-P, r=2.6) = 4", "CN(Cu-P) = 4"),
        ("CN(Cu-P) + 1 > 3", "CN(Cu-P) > 3"),
    ],
)
def test_two_claims_are_two(one: str, other: str) -> None:
    assert claim(one) != claim(other)


def test_the_place_of_a_proposition_does_not_change_what_a_name_means() -> None:
    """A mean outside of `each`, a value of each site inside, in every part of one claim."""
    terms = "n = 4 and each n > 2 and fraction(n = 4) > 0.5 and std(n) < 1"
    assert claim(terms, "let n = CN(Cu-P)") == claim(
        terms.replace("n ", "CN(Cu-P) ").replace("(n)", "(CN(Cu-P))")
    )


PARAMETER = (
    "param rc = 2.6 Å in [2.3, 2.9] Å\nsystem Cu-P\nrequire four: CN(Cu-P, r=rc) = 4\nguide k=0.5"
)


@pytest.mark.parametrize(
    "text", ["2.8 Å", "2.8Å", "0.28 nm", "280pm", "2.8", " 2.8 Å ", "2 * 1.4 Å", "rc_of_old"]
)
def test_a_value_from_outside_is_as_one_that_is_written(text: str) -> None:
    source = f"let rc_of_old = 2.8 Å\n{PARAMETER}"
    result = check_source(Source("<text>", source), {"rc": text})
    assert result.program is not None, result.diagnostics
    assert result.program.digest() == program(PARAMETER.replace("2.6 Å in", "2.8 Å in")).digest()
    assert [p.value for p in result.program.parameters] == ["2.8 Å"]


def test_a_bare_value_from_outside_is_in_the_unit_of_the_parameter() -> None:
    text = "param d = 0.235 nm; system Cu-P; require distance(Cu-P) < d"
    result = check_source(Source("<text>", text), {"d": "0.25"})
    assert result.program is not None
    assert [p.value for p in result.program.parameters] == ["2.5 Å"]


@pytest.mark.parametrize(
    ("name", "text", "field", "value"),
    [
        ("k", "0.4", "k", 0.4),
        ("every", "3", "every", 3),
        ("seed", "9", "seed", 9),
        ("model", '"runs/my model"', "model", "runs/my model"),
    ],
)
def test_a_setting_from_outside_replaces_the_written_one(
    name: str, text: str, field: str, value: object
) -> None:
    for source in (PARAMETER, PARAMETER.replace("guide k=0.5", "")):
        found = check_source(Source("<text>", source), {name: text}).program
        assert found is not None
        settings = found.sample if hasattr(found.sample, field) else found.guide
        assert getattr(settings, field) == (settings.k.constant(0.4) if name == "k" else value)


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("rc", "3.5 Å", "E075"),
        ("rc", "2.5 eV", "E041"),
        ("rc", "CN(Cu-P)", "E041 E075"),
        ("rc", "", "E076"),
        ("rc", "2.5 Å; guide k=2", "E076"),
        ("rc", "rc", "E071"),
        ("rr", "2.5", "E076"),
        ("k", "-1", "E076"),
        ("k", "", "E076"),
        ("k", "1 g=2", "E076"),
        ("k", "fast", "E076"),
        ("four", "4", "E076"),
    ],
)
def test_a_value_from_outside_that_does_not_fit(name: str, text: str, code: str) -> None:
    result = check_source(Source("<text>", PARAMETER), {name: text})
    assert {d.code for d in result.diagnostics if d.severity == "error"} == set(code.split())
    assert result.program is None


def test_a_family_has_a_member_for_each_combination() -> None:
    text = PARAMETER + "\nsweep rc in {2.4 Å, 0.28 nm}\nsweep k in {0.2, 0.4, 0.8}"
    members = family(scoutlang.check(text))
    expected = [
        program(PARAMETER.replace("2.6 Å in", f"{rc} in").replace("k=0.5", f"k={k}")).digest()
        for rc in ("2.4 Å", "2.8 Å")
        for k in (0.2, 0.4, 0.8)
    ]
    assert [m.digest() for m in members] == expected
    assert all(m.sweeps == () for m in members)


def test_a_value_from_outside_ends_its_sweep() -> None:
    text = PARAMETER + "\nsweep k in {0.2, 0.4}"
    result = check_source(Source("<text>", text), {"k": "0.3"})
    assert result.program is not None
    assert result.program.sweeps == ()
    assert [m.guide.k.start for m in family(result, {"k": "0.3"})] == [0.3]


def test_a_program_without_sweeps_is_its_own_family() -> None:
    result = scoutlang.check(PARAMETER)
    assert family(result) == [result.program]


@pytest.mark.parametrize("count", [30, 300])
def test_definitions_that_lead_to_each_other(count: int) -> None:
    """A long row is refused, never a traceback; one of a usual length is read."""
    row = "".join(f"let x{k} = x{k + 1}\n" for k in range(count)) + f"let x{count} = 4\n"
    result = scoutlang.check(f"{row}system Cu-P\nrequire CN(Cu-P) = x0")
    assert {d.code for d in result.diagnostics} == (set() if count < 100 else {"E073"})


def test_two_signs_in_a_row_are_no_tolerance() -> None:
    for text in ("4 -+ 0.3", "4 + -0.3", "4 - -0.3"):
        assert [
            d.code for d in scoutlang.check(f"system Cu-P; require CN(Cu-P) = {text}").diagnostics
        ] == ["E010"]
    assert relation("require CN(Cu-P) = 4 + (-0.5)").target == 3.5


def test_an_argument_is_read_in_the_file_of_the_call(tmp_path: Path) -> None:
    """Also where a motif of another file hands it on to a parameter of a descriptor."""
    (tmp_path / "m.scout").write_text(
        "let near = 2.7 Å\nmotif four(A, B, q = near) = each CN(A-B, r=q) = 4\n", encoding="utf-8"
    )
    head = 'import "m.scout"\nsystem Cu-P\nparam rc = 2.9 Å\nlet wide = 3 Å\nmotif mine(A, B, s) = m.four(A, B, s)\n'
    for argument, radius in {"rc": 2.9, "wide": 3, "m.near": 2.7, "3.1 Å": 3.1}.items():
        for call in (
            f"m.four(Cu, P, q={argument})",
            f"m.four(Cu, P, {argument})",
            f"mine(Cu, P, {argument})",
        ):
            result = check_source(Source("x", f"{head}require {call}\n", tmp_path))
            assert result.program, call
            [measure] = measures(result.program.terms[0].claim)
            assert measure.parameters == (("r", radius),), call


def test_the_version_of_a_file_says_what_its_words_mean() -> None:
    """``scout 1`` means what it meant: the ends of a count are inside, `every` counts from the
    first step. Without the line it is the newest version.
    """

    def meaning(line: str) -> tuple[bool, str, float]:
        found = program(f"{line}\nsystem Cu-P\nrequire CN(Cu-P) = 4\nguide every 3")
        return strict(found), found.guide.counted, found.language_version

    assert meaning("scout 1") == (False, "noise", 1)
    assert meaning("scout 1.1") == meaning("") == (True, "crystal", 1.1)


@pytest.mark.parametrize(
    ("line", "module", "expected"),
    [
        ("", "", True),
        ("scout 1", "", False),
        ("", "scout 1", False),
        ("scout 1.1", "scout 1", False),
    ],
)
def test_a_module_is_of_the_version_of_the_program_unless_it_says_another(
    line: str, module: str, expected: bool, tmp_path: Path
) -> None:
    (tmp_path / "m.scout").write_text(f"{module}\nmotif four(A, B) = CN(A-B) = 4\n")
    text = f'{line}\nimport "m.scout"\nsystem Cu-P\nrequire m.four(Cu, P)\n'
    found = check_source(Source("p.scout", text, tmp_path)).program
    assert found is not None
    assert strict(found) is expected


def test_the_version_alone_is_no_difference() -> None:
    explicit, default = (f"system Cu-P; require CN(Cu-P) = 4{x}" for x in (" ± 0.5", ""))
    assert program(f"scout 1; {explicit}").digest() == program(explicit).digest()
    assert program(f"scout 1; {default}").digest() == program(explicit).digest()
    assert program(f"scout 1; {default}").digest() != program(default).digest()
