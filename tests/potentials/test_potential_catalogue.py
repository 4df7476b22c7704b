"""What there is, what it says of itself, and what others bring."""

from __future__ import annotations

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from scoutlang import potentials
from scoutlang.interfaces.cli import commands
from scoutlang.potentials import _catalogue, listed, notice
from scoutlang.support.errors import ScoutError

ROOT = Path(__file__).parents[2]
OWN = ("chgnet", "emt", "grace", "mace", "mattersim", "orb", "sevennet", "sevennet-l3i5")

[SOUND] = re.findall(
    r"^```python\n(.*?)^```$",
    (ROOT / "docs" / "potentials.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)


def install(folder: Path, package: str, entry: str, code: str) -> None:
    """A package as an installer leaves it: its metadata, and a module of the same name."""
    metadata = folder / f"{package}-1.2.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n", encoding="utf-8"
    )
    (metadata / "entry_points.txt").write_text(
        f"[scoutlang.potentials]\n{entry}\n", encoding="utf-8"
    )
    (folder / f"{package}.py").write_text(code, encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    _catalogue._opened.cache_clear()
    yield folder
    _catalogue._opened.cache_clear()
    for name in ("noble", "nobler"):
        sys.modules.pop(name, None)


def test_every_file_is_a_potential() -> None:
    assert potentials.names() == OWN
    for name in potentials.names():
        module = potentials.module(name)
        assert callable(module.create)
        facts: potentials.Facts = module.FACTS
        assert facts.citation.startswith("10.")
        assert facts.elements


def test_every_extra_is_one_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for name in OWN:
        facts: potentials.Facts = potentials.module(name).FACTS
        assert facts.extra in ("", name.partition("-")[0])
        declared = (
            project["optional-dependencies"][facts.extra]
            if facts.extra
            else project["dependencies"]
        )
        assert any(r.startswith(f"{facts.package}>=") for r in declared), name


def test_listing_imports_no_package() -> None:
    heavy = (
        "torch",
        "numpy",
        "ase",
        "chgnet",
        "mace",
        "orb_models",
        "mattersim",
        "tensorflow",
        "sevenn",
    )
    code = f"import sys; from scoutlang.potentials import listed; listed(); sys.exit(' '.join(m for m in {heavy} if m in sys.modules) or 0)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_command() -> None:
    done = CliRunner().invoke(commands, ["potentials"])
    assert done.exit_code == 0
    assert done.stdout.startswith("chgnet  CHGNet 0.3.0 (default)\n  installed   chgnet ")
    assert "licence     Academic Software License; no commercial use" in done.stdout
    data = json.loads(CliRunner().invoke(commands, ["potentials", "--format", "json"]).stdout)
    assert [one["name"] for one in data] == list(OWN)
    assert [one["name"] for one in data if one["default"]] == ["chgnet"]
    assert [one["name"] for one in data if not one["commercial"]] == ["grace"]
    assert [one["elements"] for one in data if one["name"] == "emt"] == [
        ["Ag", "Al", "Au", "Cu", "Ni", "Pd", "Pt"]
    ]


def test_a_licence_is_told_once() -> None:
    assert notice("chgnet") == ""
    said = notice("grace:my/folder")
    assert "no commercial use" in said
    assert "\n" not in said
    assert notice("grace") == ""


def test_a_licence_is_told_again_where_nothing_can_be_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SCOUT_CACHE", str(tmp_path / "file" / "below"))
    assert notice("grace") == notice("grace") != ""


def test_an_unknown_potential_is_an_error_with_a_way_out() -> None:
    with pytest.raises(ScoutError) as caught:
        potentials.load("dft")
    assert (caught.value.code, caught.value.hint) == ("E440", f"known potentials: {', '.join(OWN)}")


@pytest.mark.parametrize("name", ["grace", "mace", "mattersim", "orb", "sevennet"])
@pytest.mark.parametrize("own", ["", ":model"])
def test_a_missing_package_names_its_extra(name: str, own: str) -> None:
    facts: potentials.Facts = potentials.module(name).FACTS
    if find_spec(
        {"grace": "tensorpotential", "orb": "orb_models", "sevennet": "sevenn"}.get(name, name)
    ):
        pytest.skip(f"{facts.package} is installed")
    if own and name == "sevennet":
        pytest.skip("it takes no model of one's own")
    with pytest.raises(ScoutError) as caught:
        potentials.load(name + own)
    assert (caught.value.code, caught.value.hint) == ("E440", f"pip install 'scoutlang[{name}]'")
    assert facts.package in caught.value.message


def test_the_default_potential_may_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    with pytest.raises(ScoutError) as caught:
        potentials.module("chgnet").create()
    assert (caught.value.code, caught.value.hint) == ("E440", "pip install 'scoutlang[chgnet]'")


# ---- plug-ins ----


def test_a_potential_of_another_package(site: Path) -> None:
    install(site, "noble", "argon = noble", SOUND)
    assert "noble" not in sys.modules
    assert potentials.load("emt").name == "emt"
    assert "noble" not in sys.modules
    argon = potentials.load("argon")
    assert argon.name == "argon"
    [one] = [one for one in listed()[0] if one.origin]
    assert (one.name, one.origin, one.takes_own) == ("argon", "noble 1.2", False)
    text = CliRunner().invoke(commands, ["potentials"]).stdout
    assert text.endswith("  plug-in     noble 1.2\n")
    with pytest.raises(ScoutError, match=r"known potentials: .*, sevennet-l3i5, argon"):
        potentials.load("dft")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("raise RuntimeError('no licence\\nsecond line')", "RuntimeError: no licence"),
        (SOUND.replace("FACTS", "facts"), "has no FACTS of the type scoutlang.potentials.Facts"),
        (SOUND.replace("create", "make"), "has no function create"),
    ],
)
def test_a_broken_one_is_a_message(site: Path, code: str, why: str) -> None:
    install(site, "noble", "argon = noble", code)
    with pytest.raises(ScoutError) as caught:
        potentials.load("argon")
    assert caught.value.code == "E450"
    assert caught.value.message.startswith("`argon` of the plug-in noble 1.2 cannot be used: ")
    assert why in caught.value.message
    assert potentials.load("emt").name == "emt"
    done = CliRunner().invoke(commands, ["potentials"])
    assert done.exit_code == 1
    assert "error[E450]" in done.stderr
    assert done.stdout.count("installed") == len(OWN)


def test_names_are_taken_once(site: Path) -> None:
    install(site, "noble", "emt = noble\nargon = noble", SOUND)
    install(site, "nobler", "argon = nobler", SOUND)
    assert potentials.load("emt").weights_sha256 != "0" * 64
    with pytest.raises(
        ScoutError, match="the potential name `argon` is taken twice: by noble"
    ) as caught:
        potentials.load("argon")
    assert caught.value.code == "E451"
    assert sorted(problem.message.split("`")[1] for problem in listed()[1]) == ["argon", "emt"]
