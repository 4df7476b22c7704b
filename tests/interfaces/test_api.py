"""The Python interface of the language."""

from __future__ import annotations

from pathlib import Path

import pytest
from ase import Atoms
from ase.build import bulk
from pymatgen.core import Molecule
from pymatgen.io.ase import AseAtomsAdaptor

import scoutlang
from scoutlang.interfaces import api

EXAMPLES = Path(__file__).parents[2] / "examples" / "structures"
PAPER = "system Cu-Si-P-Ca; require CN(Cu-P)=4; require CN(Cu-Cu)=1; guide k=0.8"


def test_check_reports_and_returns_the_program() -> None:
    result = scoutlang.check(PAPER, name="paper")
    assert result.ok
    assert result.diagnostics == ()
    assert isinstance(result.program, scoutlang.Program)
    assert result.program.source_name == "paper"


def test_check_file(tmp_path: Path) -> None:
    path = tmp_path / "x.scout"
    path.write_text(PAPER, encoding="utf-8")
    assert scoutlang.check(path).ok
    with pytest.raises(scoutlang.ScoutError, match="E001"):
        scoutlang.check(tmp_path / "none.scout")


def test_a_program_is_taken_as_text_or_as_it_is() -> None:
    program = api.as_program(PAPER)
    assert api.as_program(program) is program


def test_text_with_errors_raises_the_rendered_messages() -> None:
    with pytest.raises(scoutlang.ProgramError) as caught:
        scoutlang.compile("system Cu-P; requre CN(Cu-P)=4; require CN(Cu-Ge)=1")
    assert "error[E012]" in str(caught.value)
    assert "error[E030]" in str(caught.value)
    assert caught.value.code == "E012"
    assert len(caught.value.result.diagnostics) == 2


def test_public_names_exist_and_are_listed() -> None:
    for name in scoutlang.__all__:
        assert getattr(scoutlang, name) is not None
    assert set(scoutlang.__all__) <= set(dir(scoutlang))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = scoutlang.nonsense


def test_functions_are_not_hidden_by_modules() -> None:
    import scoutlang.evaluation.measure

    assert callable(scoutlang.check)
    assert callable(scoutlang.compile)
    assert callable(scoutlang.measure)
    assert callable(scoutlang.run)


def test_parse_reads_and_check_judges(tmp_path: Path) -> None:
    written = scoutlang.parse("system Cu-P;require CN(Cu-P)=4; require CN(Cu-As) = 1")
    assert written.text == "system Cu-P\nrequire CN(Cu-P) = 4\nrequire CN(Cu-As) = 1\n"
    assert [d.code for d in written.check().diagnostics] == ["E030"]
    with pytest.raises(scoutlang.ProgramError, match="E030"):
        _ = written.program
    path = tmp_path / "x.scout"
    path.write_text(PAPER, encoding="utf-8")
    assert scoutlang.parse(path).program.digest() == scoutlang.parse(PAPER).program.digest()


def test_parse_refuses_what_is_no_program_and_says_all_that_is_wrong() -> None:
    with pytest.raises(scoutlang.ProgramError) as caught:
        scoutlang.parse("system Cu-P; requre CN(Cu-P)=4; require CN(Cu-Ge)=1")
    assert [d.code for d in caught.value.result.diagnostics] == ["E012", "E030"]


def test_set_is_another_text_and_none_takes_back() -> None:
    written = scoutlang.parse(
        "system Cu-P; param rc = 2.5 Å; require CN(Cu-P, r=rc) = 4; guide k=0.8"
    )
    other = written.set(rc="2.7 Å", steps=100, k=0.4)
    assert other.overrides == {"rc": "2.7 Å", "steps": "100", "k": "0.4"}
    assert written.overrides == {}
    assert other.program.sample.steps == 100
    assert other.set(rc=None, steps=None, k=None).program == written.program
    assert [
        d.code for d in written.set(nothing=1).check().diagnostics if d.severity == "error"
    ] != []


def test_sweeps_are_a_family() -> None:
    written = scoutlang.parse(PAPER + "; sweep k in {0.2, 0.4, 0.8}")
    assert [program.guide.k.start for program in written.family()] == [0.2, 0.4, 0.8]
    with pytest.raises(scoutlang.ScoutError, match="family"):
        scoutlang.run(written, "nowhere")
    assert not Path("nowhere").exists()


def test_every_form_of_a_program_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "x.scout"
    path.write_text(PAPER, encoding="utf-8")
    written = scoutlang.parse(PAPER)
    forms = [PAPER, path, written, written.check(), written.program]
    assert len({api.as_program(form).digest() for form in forms}) == 1


def test_a_check_and_a_text_are_short_at_a_prompt() -> None:
    assert repr(scoutlang.check(PAPER)) == "ok: <text>"
    assert repr(scoutlang.check("system Cu-P; require CN(Cu-As)=1")).startswith("error[E030]")
    assert str(scoutlang.parse(PAPER)).startswith("system Cu-Si-P-Ca\nrequire CN(Cu-P) = 4\n")


def test_measure_takes_one_or_several_of_pymatgen_ase_and_files() -> None:
    salt = bulk("NaCl", "rocksalt", 5.64)
    crystal = AseAtomsAdaptor.get_structure(salt)  # type: ignore[no-untyped-call]
    program = "system Na-Cl; require salt: CN(Na-Cl) = 6; prefer volume_per_atom as low as possible; expect e_above_hull < 0.1 eV/atom"
    for one in (salt, crystal):
        [found] = scoutlang.measure(program, one)
        assert found.hit is True
    found = scoutlang.measure(
        program, [salt, crystal, bulk("Cl", "fcc", 5.0), EXAMPLES / "CuP2.cif"]
    )
    table = found.to_pandas()
    assert list(table["structure"]) == [one.structure for one in found]
    assert table["hit"].isna().tolist() == [False, False, True, True]  # no Na: undefined, not false
    assert table["exact: salt"].tolist()[:2] == [6.0, 6.0]
    assert table["exact: salt"].isna().tolist()[2:] == [True, True]
    assert {
        str(table[name].dtype) for name in table if name.startswith(("exact", "soft", "margin"))
    } == {"Float64"}
    assert {str(table[name].dtype) for name in table if name.startswith(("hit", "satisfied"))} == {
        "boolean"
    }
    with pytest.raises(TypeError, match="pymatgen Structure"):
        scoutlang.measure(program, [3])


def test_an_empty_measurement_is_an_empty_table() -> None:
    assert list(scoutlang.measure(PAPER, []).to_pandas().columns) == ["structure", "hit"]


def test_a_path_is_a_file_however_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "x.scout"
    path.write_text(PAPER, encoding="utf-8")
    assert scoutlang.parse(str(path)).program == scoutlang.parse(path).program
    with pytest.raises(scoutlang.ScoutError, match="E001"):
        scoutlang.parse("none.scout")
    for wrong in (None, b"system Cu-P", 3):
        with pytest.raises(TypeError, match="a program is text"):
            scoutlang.parse(wrong)  # type: ignore[arg-type]


def test_values_from_outside_are_seen() -> None:
    other = scoutlang.parse(PAPER).set(k=0.3, steps=10)
    assert str(other).endswith(
        "guide k=0.8\n# set from outside: k = 0.3\n# set from outside: steps = 10\n"
    )
    assert "k 0.3" in repr(other)
    assert "10 steps" in repr(other)


def test_what_is_no_structure_is_named() -> None:
    for wrong in (None, 3, Molecule(["H"], [[0, 0, 0]]), [object()]):
        with pytest.raises(
            TypeError,
            match=r"a structure is a pymatgen Structure, an ase Atoms or a path, not (NoneType|int|Molecule|object)",
        ):
            scoutlang.measure(PAPER, wrong)
    with pytest.raises(ValueError, match="at least one"):
        scoutlang.batch([])
    with pytest.raises(scoutlang.ScoutError, match="not numbers"):
        scoutlang.measure(PAPER, Atoms("Cu", [[float("nan"), 0, 0]], cell=[5, 5, 5], pbc=True))


def test_measurements_are_a_table_at_a_prompt() -> None:
    found = scoutlang.measure(
        "system Na-Cl; require salt: CN(Na-Cl) = 6", bulk("NaCl", "rocksalt", 5.64)
    )
    assert [line.split() for line in repr(found).splitlines()][1:3] == [
        ["hit", "True"],
        ["exact:", "salt", "6.0"],
    ]
    assert "<table" in found._repr_html_()
    assert repr(scoutlang.measure(PAPER, [])) != ""
