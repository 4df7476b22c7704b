"""`measure` and `scout measure`: the JSON form, verdicts, and what happens to bad files."""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

import scoutlang
from scoutlang.crystals.cells import unsheared
from scoutlang.crystals.specimen import Specimen
from scoutlang.evaluation.measure import measure
from scoutlang.evaluation.measurement import Measurement
from scoutlang.evaluation.shells import barely_in, left_out
from scoutlang.interfaces.cli.measure import command
from scoutlang.ir import Program
from scoutlang.support.errors import ScoutError

TEXT = "system Na-Cl; require shell: CN(Na-Cl) = 6; require CN(Cl-Na, r=2.85 Å) >= 6; prefer volume_per_atom < 20 Å^3"


def program(text: str = TEXT) -> Program:
    result = scoutlang.check(text)
    assert result.program is not None, result.diagnostics
    return result.program


def test_json_form(rock_salt: Structure, cesium_chloride: Structure) -> None:
    hit, undefined = (m.to_data() for m in measure(program(), [rock_salt, cesium_chloride]))
    assert list(hit) == ["structure", "hit", "terms", "reason", "notes"]
    assert hit["hit"] is True
    shell, tight, volume = hit["terms"]
    assert list(shell) == [
        "label",
        "source",
        "soft",
        "exact",
        "margin",
        "satisfied",
        "soft_satisfied",
        "parts",
        "reason",
    ]
    assert shell == {
        "label": "shell",
        "source": "require shell: CN(Na-Cl) = 6",
        "soft": pytest.approx(5.681, abs=1e-3),
        "exact": 6.0,
        "margin": 1.0,
        "satisfied": True,
        "soft_satisfied": True,
        "parts": [],
        "reason": "",
    }
    assert tight["soft"] < 4 < tight["exact"] == 6  # trap 15
    assert volume["satisfied"] is False
    assert undefined["hit"] is None
    assert [t["exact"] for t in undefined["terms"]][:2] == [None, 0.0]
    json.dumps([hit, undefined], allow_nan=False)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("require CN(Na-Cl) = 6", ""),
        ("require CN(Na-Cl) = 4 ± 0.3", "mean(CN(Na-Cl)) is 6, wanted 4 ± 0.3"),
        ("require each CN(Na-Cl) in [2, 5]", "CN(Na-Cl) is 6, wanted [2, 5]"),
        ("prefer volume_per_atom < 20", "volume_per_atom is 22.43, wanted < 20 Å^3"),
        ("prefer volume_per_atom as low as possible", ""),
        ("expect crystal_system = hexagonal", "crystal_system is cubic, wanted hexagonal"),
        (
            "expect e_above_hull < 0.1",
            "e_above_hull has no value: no stage of a validation gave one",
        ),
        ("require CN(K-Cl) = 6", "CN(K-Cl) has no value: there is no K"),
        (
            "require CN(Na-Cl) = 4 ± 0.3 and volume_per_atom < 30",
            "mean(CN(Na-Cl)) is 6, wanted 4 ± 0.3; volume_per_atom is 22.43, wanted < 30 Å^3",
        ),
        (
            "require 1 / (CN(Na-Cl) - 6) < 1",
            "its value is undefined",
        ),
    ],
)
def test_a_term_says_why_it_does_not_hold(rock_salt: Structure, line: str, reason: str) -> None:
    (measured,) = measure(program(f"system Na-Cl-K; {line}"), [rock_salt])
    assert measured.terms[0].reason == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("system Na-Cl; require CN(Na-Cl) = 6", ""),
        ("system Na-Cl; require a: CN(Na-Cl) = 4; require b: CN(Cl-Na) = 4", "misses a, b"),
        ("system Na-Cl-K; require a: CN(K-Cl) = 4; require CN(Cl-Na) = 4", "no value for a"),
        ("system Na-Cl; expect CN(Na-Cl) = 6", "no requirement to satisfy"),
        ("system Na-Cl; formula NaCl3", "is not of the formula"),
        (
            "system Cl; require count(Cl) = 7",
            "holds Na, which the system does not; misses count(Cl)",
        ),
    ],
)
def test_a_structure_says_why_it_is_no_hit(rock_salt: Structure, text: str, reason: str) -> None:
    (measured,) = measure(program(text), [rock_salt])
    assert measured.reason == reason


def test_a_miss_is_false_and_prefer_and_expect_do_not_decide(rock_salt: Structure) -> None:
    assert measure(program("system Na-Cl; require CN(Na-Cl) = 4"), [rock_salt])[0].hit is False
    (result,) = measure(
        program(
            "system Na-Cl; require CN(Na-Cl) = 6; expect CN(Na-Na, r=4.5 Å) < 2; expect e_above_hull < 0.1 eV/atom"
        ),
        [rock_salt],
    )
    assert result.hit is True
    assert [t.satisfied for t in result.terms] == [True, False, None]
    assert result.terms[2].exact is None


def test_kinds_of_structures_and_their_names(rock_salt: Structure, cif: Path) -> None:
    atoms = AseAtomsAdaptor.get_atoms(rock_salt)
    results = measure(
        program(), [rock_salt, atoms, cif, str(cif), Specimen(structure=rock_salt, origin="mine")]
    )
    assert [r.structure for r in results] == ["1 NaCl", "2 NaCl", str(cif), str(cif), "mine"]
    reference = measure(program(), [rock_salt])[0].terms
    for result in results:
        for ours, theirs in zip(result.terms, reference, strict=True):
            assert ours.exact == pytest.approx(theirs.exact)


def test_the_first_bad_structure_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ScoutError, match="no such file"):
        measure(program(), [tmp_path / "missing.cif"])


def test_chunks_do_not_show(
    rock_salt: Structure, cesium_chloride: Structure, monkeypatch: pytest.MonkeyPatch
) -> None:
    structures = [rock_salt, cesium_chloride, rock_salt * (2, 1, 1)] * 3
    together = measure(program(), structures)
    monkeypatch.setattr("scoutlang.evaluation.measure.MAX_PAIRS", 70)
    apart = measure(program(), structures)
    assert [r.hit for r in apart] == [r.hit for r in together] == [True, None, True] * 3


def test_nothing_to_measure() -> None:
    assert measure(program(), []) == ()


def test_a_program_without_terms(rock_salt: Structure) -> None:
    assert measure(program("system Na-Cl"), [rock_salt]) == (
        Measurement("1 NaCl", hit=None, terms=(), reason="no requirement to satisfy"),
    )


def scout_measure(*arguments: str | Path, stdin: str | None = None) -> Result:
    return CliRunner().invoke(command, [str(a) for a in arguments], input=stdin)


def test_cli_table(cif: Path) -> None:
    result = scout_measure("-c", TEXT, cif)
    assert result.exit_code == 0, result.output
    for expected in (
        "rock_salt.cif: HIT",
        "shell",
        "6 ± <0.5",
        "✓",
        "✗",
        "1 measured: 1 hit, 0 miss, 0 undefined",
    ):
        assert expected in result.output
    assert "fails by its soft value and holds by the exact one" in result.output


def test_cli_reads_a_file_and_standard_input(cif: Path, tmp_path: Path) -> None:
    (tmp_path / "x.scout").write_text(TEXT)
    from_file = scout_measure("--format", "json", tmp_path / "x.scout", cif)
    from_stdin = scout_measure("-", cif, "--format", "json", stdin=TEXT)
    assert json.loads(from_file.stdout) == json.loads(from_stdin.stdout)
    assert json.loads(from_file.stdout)[0]["hit"] is True


def test_cli_measures_the_others_when_one_cannot_be_read(cif: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(cif, "good.cif")
        archive.writestr("bad.cif", "nothing")
    result = scout_measure(
        "-c", TEXT, tmp_path / "x.zip", tmp_path / "missing.cif", cif, "--format", "json"
    )
    assert result.exit_code == 1
    assert len(json.loads(result.stdout)) == 2
    assert "error[E203]" in result.stderr
    assert "error[E201]" in result.stderr


def test_cli_no_hit_is_not_a_failure(cif: Path) -> None:
    result = scout_measure("-c", "system Na-Cl; require CN(Na-Cl) = 4", cif)
    assert result.exit_code == 0
    assert "0 hit, 1 miss" in result.output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [([], 2), (["-c", TEXT], 2), (["x.scout"], 2), (["-c", "requre x", "a.cif"], 1)],
)
def test_cli_wrong_usage(
    arguments: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.scout").write_text(TEXT)
    assert scout_measure(*arguments).exit_code == code


def test_a_claim_of_several_parts_says_what_each_part_is(rock_salt: Structure) -> None:
    text = "system Na-Cl; require each CN(Na-Cl) = 6 and distance(Na-Cl) < 2 Å; expect any CN(Cl-Na) > 7 or volume_per_atom < 1 Å^3"
    require, expect = measure(program(text), [rock_salt])[0].terms
    assert (require.exact, require.satisfied) == (None, False)
    assert [(p.low, p.high) for p in require.parts] == [
        (6.0, 6.0),
        (pytest.approx(2.82), pytest.approx(2.82)),
    ]
    assert [p.low for p in expect.parts] == [6.0, pytest.approx(22.4, abs=0.1)]


def test_a_crystal_with_other_elements_is_no_hit(rock_salt: Structure) -> None:
    mixed = rock_salt.copy()
    mixed[0] = "K"
    hit, foreign = measure(program("system Na-Cl; require CN(Na-Cl) = 6"), [rock_salt, mixed])
    assert (hit.hit, foreign.hit) == (True, False)
    shown = CliRunner().invoke(
        command, ["-c", "system Na-Cl; require CN(Na-Cl) = 6", *_files(mixed)]
    )
    assert "K is not in the system" in shown.output


def test_words_and_truths_are_shown_as_such(rock_salt: Structure) -> None:
    shown = CliRunner().invoke(
        command,
        [
            "-c",
            "system Na-Cl; expect crystal_system = cubic; expect charge_balanced",
            *_files(rock_salt),
        ],
    )
    assert "cubic" in shown.output
    assert "yes" in shown.output
    assert "requires nothing" in shown.output


def test_swapped_arguments(tmp_path: Path) -> None:
    result = CliRunner().invoke(command, ["NaCl.cif", "salt.scout"])
    assert result.exit_code == 2
    assert "the program comes first" in result.output


def _files(structure: Structure) -> list[str]:
    folder = Path(tempfile.mkdtemp())
    structure.to(filename=str(folder / "crystal.cif"))
    return [str(folder / "crystal.cif")]


def test_a_site_that_stands_twice_is_noticed(rock_salt: Structure, tmp_path: Path) -> None:
    doubled = rock_salt.copy()
    doubled.append("Na", rock_salt[0].frac_coords + 0.01)
    for name, structure in (("once", rock_salt), ("twice", doubled)):
        structure.to(str(tmp_path / f"{name}.cif"), fmt="cif")
        said = CliRunner().invoke(command, ["-c", TEXT, str(tmp_path / f"{name}.cif")]).output
        assert ("two atoms are less than 0.5 Å apart" in said) is (name == "twice")


HALF = Structure(Lattice.cubic(20), ["Cu", "P", "P", "P", "Cu", "P", "P", "P", "P"], [
    *([x / 20, y / 20, z / 20] for x, y, z in ((5, 5, 5), (7.3, 5, 5), (5, 7.3, 5), (5, 5, 7.3))),
    *([x / 20, y / 20, z / 20] for x, y, z in ((15, 15, 15), (17.3, 15, 15), (15, 17.3, 15), (15, 15, 17.3), (12.7, 15, 15))),
])  # fmt: skip
"""Two Cu with three and with four P: a mean coordination of 3.5."""


@pytest.mark.parametrize(
    ("line", "hit"),
    [
        ("require CN(Cu-P) = 4", False),  # finding 15: nobody calls 3.5 four
        ("require CN(Cu-P) = 3", False),
        ("require CN(Cu-P) in {3, 4}", False),
        ("require not CN(Cu-P) = 4", True),
        ("require CN(Cu-P) + CN(Cu-Cu) = 4", False),
        ("require 2 * CN(Cu-P) = 8", False),
        ("require CN(Cu-P) = 4 ± 0.5", True),
        ("require CN(Cu-P) in [3.5, 4]", True),
        ("require CN(Cu-P) = 3.6", True),
        ("require any CN(Cu-P) = 4", True),
        ("require count(Cu) = 2", True),
    ],
)
def test_a_count_holds_where_its_nearest_whole_number_is_the_target(line: str, hit: bool) -> None:
    [found] = measure(program(f"system Cu-P; {line}"), HALF)
    assert found.hit is hit
    if "±" not in line and "= 4" in line:
        [as_it_was] = measure(program(f"scout 1; system Cu-P; {line}"), HALF)
        assert as_it_was.hit is ("not" not in line)


SHEARED = """system Na-Cl
require distance(Na-Cl) = 2.82 ± 0.01
require min_distance(*-*) = 2.82 ± 0.01
require CN(Na-Cl) = 6
expect dimensionality = 3
expect spacegroup = 225"""


@pytest.mark.parametrize("edges", [1, 6, 8, 10, 25])
def test_a_sheared_cell_is_measured_as_the_cell_that_it_is(
    rock_salt: Structure, edges: int
) -> None:
    sheared = rock_salt.copy()
    sheared.make_supercell([[1, 0, 0], [edges, 1, 0], [0, -edges, 1]], to_unit_cell=False)
    assert len(sheared) == len(rock_salt)
    [straight], [found] = (measure(program(SHEARED), s) for s in (rock_salt, sheared))
    assert found.hit is straight.hit is True
    for one, other in zip(straight.terms, found.terms, strict=True):
        assert other.satisfied
        assert other.exact == pytest.approx(one.exact, abs=1e-6)


def test_a_cell_that_is_not_sheared_stays_as_it_is(rock_salt: Structure) -> None:
    assert unsheared(rock_salt) is rock_salt
    primitive = rock_salt.get_primitive_structure()
    assert unsheared(primitive) is primitive


TLCL = Structure(Lattice.cubic(3.834), ["Tl", "Cl"], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("require CN(Tl-Cl) = 8", "the next 8 Cl around Tl are at 3.32 Å, just beyond r = 2.97 Å"),
        ("require each CN(Tl-Cl) >= 7", "the next 8 Cl around Tl are at 3.32 Å"),
        ("require CN(Tl-Cl, r=3.5 Å) = 8", ""),
        ("require CN(Tl-Cl, r=2.5 Å) = 8", ""),  # 0.8 Å further out is another shell
        ("require CN(Tl-Cl) = 0", ""),
        ("require CN(Tl-Cl, r=3.5 Å) = 6", ""),  # there are too many, not too few
    ],
)
def test_a_shell_just_beyond_the_radius_is_told_of(line: str, said: str) -> None:
    asked = program(f"system Tl-Cl; {line}")
    [found] = measure(asked, TLCL)
    notes = "".join(left_out(asked.terms[0], found.terms[0], TLCL))
    assert notes.startswith(said)
    assert bool(notes) is bool(said)


IRON = Structure(Lattice.cubic(2.87), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "require CN(Fe-Fe) = 8",
            "6 of the 14 Fe around Fe are at 2.87 Å, just within r = 3.14 Å of CN(Fe-Fe)",
        ),
        ("require each CN(Fe-Fe) <= 9", "6 of the 14 Fe around Fe are at 2.87 Å"),
        ("require CN(Fe-Fe) = 14", ""),
        ("require CN(Fe-Fe, r=2.6 Å) = 6", ""),  # the nearest are not told of
        ("require CN(Fe-Fe, r=3.4 Å) = 8", ""),  # 0.5 Å within
        ("require CN(Fe-Fe) = 20", ""),
    ],
)
def test_a_shell_just_within_the_radius_is_told_of(line: str, said: str) -> None:
    asked = program(f"system Fe-Co; {line}")
    [found] = measure(asked, IRON)
    notes = "".join(barely_in(asked.terms[0], found.terms[0], IRON))
    assert notes.startswith(said)
    assert bool(notes) is bool(said)
