"""`scout new`: it lists, copies, and writes nothing over."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from processes import run, scout

from scoutlang.interfaces import cli
from scoutlang.interfaces.cookbook import compounds, recipes
from scoutlang.support.errors import ScoutError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def new(*arguments: str) -> Result:
    return CliRunner().invoke(cli.commands, ["new", *arguments])


def refused(*arguments: str) -> ScoutError:
    error = new(*arguments).exception
    assert isinstance(error, ScoutError), error
    return error


def test_it_lists_every_hypothesis_under_its_theme() -> None:
    done = new()
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    for one in recipes().values():
        line = f"  {one.name}  ({compounds()[one.hit].formula})"
        assert line in lines
        headings = [text for text in lines[: lines.index(line)] if text and text[0] != " "]
        assert headings[-1] == one.theme
    assert f"{len(recipes())} hypotheses." in done.stdout
    assert max(map(len, lines)) <= 100


def test_a_search_takes_words_of_names_text_and_compounds() -> None:
    assert [d["name"] for d in found("pyrite marcasite")] == ["pyrite_pairs"]
    assert "pyrite_pairs" in [d["name"] for d in found("pyrite_pairs")]
    assert "bismuth_multiferroic" in [d["name"] for d in found("LONE pair")]
    assert "cementite_prisms" not in [d["name"] for d in found("lone pair")]  # `alone`
    assert [d["name"] for d in found("delafossite")] == ["delafossite_dumbbells"]
    assert {d["name"] for d in found("superconductors")} >= {"boron_honeycomb"}
    assert [d["name"] for d in found("Fe Se")] == ["iron_selenide_layers"]
    assert [d["name"] for d in found("Fe-Se")] == ["iron_selenide_layers"]


def found(words: str) -> list[dict[str, str]]:
    listed = json.loads(new("--search", words, "--format", "json").stdout)
    assert isinstance(listed, list)
    return listed


def test_json_has_all_that_is_known() -> None:
    listed = json.loads(new("--format", "json").stdout)
    assert [d["name"] for d in listed] == list(recipes())
    [pyrite] = [d for d in listed if d["name"] == "pyrite_pairs"]
    assert pyrite["hit"]["formula"] == "FeS2"
    assert pyrite["near_miss"]["fails"] == "corners"
    assert Path(pyrite["path"]).is_file()


def test_a_copy_is_the_file_and_says_what_to_do_next(tmp_path: Path) -> None:
    done = new("pyrite_pairs")
    assert done.exit_code == 0
    copy = tmp_path / "pyrite_pairs.scout"
    assert copy.read_bytes() == recipes()["pyrite_pairs"].path.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pyrite_pairs.scout"]
    for line in ("scout check pyrite_pairs.scout", "scout measure", "scout run", "--cif"):
        assert line in done.stdout


def test_the_page_shows_what_it_prints() -> None:
    page = (Path(__file__).parents[3] / "docs" / "cookbook.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"```console\n\$ scout new (.*?)\n(.*?)```", page, re.DOTALL)
    assert new(*shown[0].split()).stdout == shown[1]


def test_a_copy_may_have_another_name_and_its_crystals_beside_it(tmp_path: Path) -> None:
    done = new("pyrite_pairs.scout", "my folder/mine.scout", "--cif")
    assert done.exit_code == 0
    folder = tmp_path / "my folder"
    assert sorted(path.name for path in folder.iterdir()) == [
        "FeS2_marcasite.cif",
        "FeS2_pyrite.cif",
        "mine.scout",
    ]
    assert "'my folder/mine.scout' 'my folder/FeS2_pyrite.cif'" in done.stdout


def test_what_a_program_needs_beside_it_comes_along(tmp_path: Path) -> None:
    written = json.loads(new("lithium_intercalation", "mine.scout", "--format", "json").stdout)
    assert written["written"] == ["mine.scout", "lithium_intercalation.host.cif"]
    done = scout("check", "mine.scout", cwd=tmp_path, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_nothing_is_written_over_and_nothing_written_by_halves(tmp_path: Path) -> None:
    (tmp_path / "FeS2_pyrite.cif").write_text("mine")
    error = refused("pyrite_pairs", "--cif")
    assert error.code == "E481"
    assert "FeS2_pyrite.cif exists" in error.message
    assert [path.name for path in tmp_path.iterdir()] == ["FeS2_pyrite.cif"]
    assert new("pyrite_pairs", "--cif", "--force").exit_code == 0
    assert (tmp_path / "FeS2_pyrite.cif").read_text() == compounds()["FeS2_pyrite"].cif()


def test_the_crystals_can_be_asked_for_later_unless_the_copy_was_changed(tmp_path: Path) -> None:
    assert "`scout new pyrite_pairs --cif` writes FeS2_pyrite.cif" in new("pyrite_pairs").stdout
    assert new("pyrite_pairs", "--cif").exit_code == 0
    with (tmp_path / "pyrite_pairs.scout").open("a") as copy:
        copy.write("# mine\n")
    assert refused("pyrite_pairs", "--cif").code == "E481"
    assert new("pyrite_pairs", "fresh.scout", "--cif").exit_code == 0


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("pyrite_pair", "did you mean `pyrite_pairs`?"),
        ("marcasite", "`scout new --search marcasite` lists 1"),
        ("perovskit", "`scout new --search perovskit` lists"),
        ("unobtainium", "`scout new` lists what it has"),
    ],
)
def test_a_name_that_is_not_there_has_a_suggestion(name: str, hint: str) -> None:
    error = refused(name)
    assert error.code == "E482"
    assert hint in error.hint


def test_a_search_without_an_answer_says_so() -> None:
    assert refused("--search", "unobtainium").code == "E482"


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    assert refused("pyrite_pairs", "taken/mine.scout").code == "E483"


@pytest.mark.parametrize(
    "arguments",
    [
        ("pyrite_pairs", "mine.cif"),
        ("pyrite_pairs", "--search", "x"),
        ("pyrite_pairs", "--format", "markdown"),
        ("--cif",),
        ("--force",),
    ],
)
def test_wrong_usage_is_said(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert new(*arguments).exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_listing_needs_no_heavy_library() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from scoutlang.interfaces import cli;"
        "r = CliRunner().invoke(cli.commands, ['new', 'pyrite_pairs', '--cif']);"
        "print(r.exit_code, sorted({'torch', 'pymatgen', 'numpy', 'ase'} & set(sys.modules)))"
    )
    assert run([sys.executable, "-c", code], text=True).stdout == "0 []\n"
