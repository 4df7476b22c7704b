"""`scout doc` as a user runs it."""

from __future__ import annotations

import json

import pytest
from processes import scout

from scoutlang.interfaces import manual


def doc(*args: str) -> tuple[int, str, str]:
    done = scout("doc", *args, env={"PYTHONIOENCODING": "utf-8"})
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_without_a_name_everything_has_a_line() -> None:
    code, out, _ = doc()
    assert code == 0
    words = set(out.replace(",", " ").split())
    assert words >= {p.name for p in manual.pages() if p.kind not in ("definition", "code")}


def test_a_descriptor_with_all_that_the_checker_knows() -> None:
    code, out, _ = doc("CN")
    assert code == 0
    for text in (
        "CN(A-B, r=…, r_min=…)",
        "each A; alone, the mean of them",
        "± 0.5",
        "steers and judges",
        "from 0.5 to 8 Å",
        "soft:",
        "require CN(Cu-P) = 4 ± 0.3",
    ):
        assert text in out


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("require", "decides hits"),
        ("fraction", "share of the sites"),
        ("spacegroup", "judges only"),
        ("novel", "true or false"),
        ("crystal_system", "triclinic"),
        ("shape", "must be given"),
        ("similarity", ".cif file in quotes"),
        ("k", "a number ≥ 0 or a schedule"),
        ("g", "method paper"),
        ("nm", "10 Å"),
        ("Ang", "angstroms"),
        ("units", "meV/atom"),
        ("std", "std.polyhedra"),
        ("std.polyhedra", "import std.polyhedra as poly"),
        ("std.polyhedra.octahedron", "octahedron(A, B, distortion = 3, r = default)"),
        ("octahedron", "each CN(A-B, r=r) = 6"),
        ("pnictogen", "{N, P, As"),
        ("E041", "Units are part of the type"),
        ("e041", "Units are part of the type"),
    ],
)
def test_a_page_of_each_kind(name: str, said: str) -> None:
    pages = manual.find(name, manual.pages())
    text = (
        manual.listed(pages)
        if name in manual.TOPICS
        else "\n".join(manual.as_text(p) for p in pages)
    )
    assert said in text.replace("`", "")


def test_a_name_of_several_things_has_all_their_pages() -> None:
    assert {p.kind for p in manual.find("count", manual.pages())} == {"descriptor", "setting"}
    _, out, _ = doc("count")
    assert "number of A atoms" in out
    assert "structures in each arm" in out


def test_formats() -> None:
    code, out, _ = doc("CN", "--format", "json")
    [page] = json.loads(out)
    assert (code, page["kind"], page["facts"]["tolerance of ="], page["example"]) == (
        0,
        "descriptor",
        "± 0.5",
        "require CN(Cu-P) = 4 ± 0.3",
    )
    code, out, _ = doc("CN", "--format", "markdown")
    assert out.startswith("### `CN(A-B, r=…, r_min=…)`\n\nCoordination number")
    assert "```scout\nrequire CN(Cu-P) = 4 ± 0.3\n```" in out
    assert len(json.loads(doc("--format", "json")[1])) == len(manual.pages())


def test_the_whole_manual() -> None:
    assert doc("--manual") == (0, manual.manual(), "")
    assert doc("--manual", "CN")[0] == 2


def test_an_unknown_name() -> None:
    code, _, err = doc("octahedrn")
    assert (code, "did you mean `octahedron`?" in err) == (2, True)
    code, _, err = doc("xyzzy plugh")
    assert (code, "`scout doc` lists what there is" in err) == (2, True)


def test_no_page_has_lines_that_a_terminal_breaks_but_formulas() -> None:
    for page in manual.pages():
        if page.kind not in ("descriptor", "module", "definition"):
            assert max(map(len, manual.as_text(page).splitlines())) <= 88, page.name
