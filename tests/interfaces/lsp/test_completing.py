"""What is offered at a place of a program."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from processes import run

from scoutlang.interfaces import api
from scoutlang.interfaces.completion import Completion, complete

CURSOR = "|"


def offered(marked: str, folder: Path | None = None) -> list[Completion]:
    """Completions at the cursor, ``|``, of a program."""
    before, _, after = marked.partition(CURSOR)
    return complete(before + after, len(before), folder=folder)


def texts(marked: str, folder: Path | None = None) -> list[str]:
    return [c.text for c in offered(marked, folder)]


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ("re|", ["relax", "require"]),
        ("system Cu-P; gu|", ["guide"]),
        ("system Cu-P\nsy|", ["symmetry"]),  # a second system is an error
        ("system Cu-Ti|", []),
        ("system Cu-Z|", ["Zn", "Zr"]),
        ("system Cu-P; require CN(|", ["Cu", "P", "*"]),
        ("system Cu-P; require CN(cu|", ["Cu"]),
        # the order of the lines does not matter
        ("require CN(|)=4\nsystem Cu-P", ["Cu", "P", "*"]),
        ("system Cu-P; require CN(Cu-P, |", ["r=", "r_min="]),
        ("system Cu-P; require CN(Cu-P, r=2 Å, |", ["r_min="]),
        ("system Cu-P; require CN(Cu-P, r=g|", ["gap"]),
        ("system Cu-P; require CN(Cu-P, r=2.6 |", ["Å", "nm", "pm"]),
        ("expect e_above_hull < 0.2 me|", ["meV/atom"]),
        ("expect e_above_hull < 0.2 eV/a|", ["eV/atom"]),
        ("expect crystal_system = c|", ["cubic"]),
        ("expect crystal_system in {cubic, tri|", ["triclinic", "trigonal"]),
        ("guide k=0.8, ev|", ["every"]),
        ("guide every 2, ev|", []),
        ("guide normalize |", ["structure", "batch"]),
        ("guide method=|", ["adaptive", "paper"]),
        ("guide k=ramp(0 -> 1, |", ["linear", "cosine"]),
        ("sample 8 model mi|", ["mini", "mini-1"]),
        ("import std.pol|", ["std.polyhedra"]),
        (
            "import std.polyhedra as poly; require poly.octahedr|",
            ["poly.octahedral", "poly.octahedron"],
        ),
        ("param rc = 2 Å\nrequire max(distance(Cu-P)) < rc|", []),
        ("param rc = 2 Å\nrequire max(distance(Cu-P)) < r|", ["rc", "radius", "ring_size"]),
        ("prefer density as |", ["low", "high"]),
        ("prefer density as low as |", ["possible"]),
        ("require CN(Cu-P) = 4 loss h|", ["huber", "hinge"]),
        ("require CN(Cu-P) = 4 w|", ["weight"]),
        ("system Cu-P; motif pair(Alpha, B) = CN(Al|", ["Alpha"]),
        (
            "param rc = 2 Å; sweep r|",
            [
                "rc",
                "recur",
                "relax_by",
                "relax_rho",
                "relax_steps",
                "relax_which",
                "resample",
                "reward",
            ],
        ),
        ("require not (atomic_f|", ["atomic_fraction"]),
        (
            "import std.polyhedra as poly; system Cu-P; require poly.octahedron(Cu, P, d|",
            [
                "distortion=",
                "density",
                "dimensionality",
                "distance",
                "distinct_sites",
                "distortion_index",
            ],
        ),
        (
            "import std.polyhedra as poly; require poly.octahedron(Cu, P, distortion=poly.re|",
            ["poly.regular"],
        ),
        ("motif f(A, q = 4) = CN(A-A) = q; system Cu-P; require f(Cu, q|) # no\n", ["q="]),
        ("# re|", []),
        ("formula Cu|", []),
    ],
)
def test_what_is_offered(marked: str, expected: list[str]) -> None:
    assert sorted(texts(marked)) == sorted(expected)


def test_an_option_says_what_it_is() -> None:
    [volume] = offered("system Cu-P; require volume_p|")
    assert (volume.text, volume.start, volume.kind, volume.unit) == (
        "volume_per_atom",
        21,
        "descriptor",
        "Å^3",
    )
    assert volume.help


def test_the_start_counts_characters_whatever_they_are() -> None:
    [found] = offered("# Ångström 🧪\nsys|")
    assert found.start == len("# Ångström 🧪\n")


def test_files_are_those_of_the_folder(tmp_path: Path) -> None:
    for name in ("mine.scout", "notes.txt", "goal.cif"):
        (tmp_path / name).write_text("")
    assert texts('import "|', tmp_path) == ["mine.scout"]
    assert texts('system Cu-P; require similarity(Cu, template="|', tmp_path) == ["goal.cif"]
    assert texts('import "|') == []
    assert texts('import "../|', tmp_path) == []


def test_every_descriptor_that_is_offered_can_be_written() -> None:
    """What is taken from the list is never an unknown name."""
    for option in offered("system Cu-P; require |"):
        if option.kind == "descriptor":
            codes = {
                d.code for d in api.check(f"system Cu-P; expect {option.text} = 1").diagnostics
            }
            assert not codes & {"E032", "E012"}, option.text


@given(st.text(alphabet='systemCuP-()[]{}=<,.:;"#\n 0é±Å🧪', max_size=40), st.integers(-2, 45))
@settings(max_examples=150, deadline=None)
def test_no_text_is_too_broken(text: str, offset: int) -> None:
    for option in complete(text, offset):
        start = option.start
        assert 0 <= start <= min(max(offset, 0), len(text))
        assert option.text.lower().startswith(text[start : max(offset, 0)].lower())


def test_it_starts_without_torch() -> None:
    code = (
        "import sys; from scoutlang.interfaces.completion import complete\n"
        "complete('require ', 8); sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    run([sys.executable, "-c", code], check=True)
