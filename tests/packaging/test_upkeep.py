"""What stands around the code agrees with it: version, citation, licences, lock, forms."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from scoutlang.support.version import __version__

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCK = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))


def locked(name: str) -> list[dict[str, Any]]:
    return [package for package in LOCK["package"] if package["name"] == name]


def test_one_version() -> None:
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert PROJECT["project"]["version"] == cited["version"] == __version__
    assert cited["license"] == PROJECT["project"]["license"]


def test_the_lock_is_of_this_project() -> None:
    [own] = locked("scoutlang")
    written = {
        (canonicalize_name(one.name), str(one.specifier))
        for one in map(Requirement, PROJECT["project"]["dependencies"])
    }
    in_lock = {
        (one["name"], str(Requirement(one["name"] + one.get("specifier", "")).specifier))
        for one in own["metadata"]["requires-dist"]
        if "extra ==" not in one.get("marker", "")
    }
    assert in_lock == written
    assert set(own["metadata"]["provides-extras"]) == set(
        PROJECT["project"]["optional-dependencies"]
    )


def test_the_lock_brings_no_cuda() -> None:
    names = {package["name"] for package in LOCK["package"]}
    assert not [n for n in names if re.fullmatch(r"nvidia-(cu\w+|nccl|nvjitlink)(-cu\d+)?", n)]
    on_linux = [p for p in locked("torch") if "pytorch.org" in p["source"].get("registry", "")]
    assert [p["version"] for p in on_linux] == ["2.13.0+cpu"]
    assert len(locked("mattergen")) == 1
    assert "dependencies" not in locked("mattergen")[0]


def test_pinned_versions_are_within_the_bounds() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if "==" in line)
    versions = {canonicalize_name(name): version for name, version in pins.items()}
    extras = PROJECT["project"]["optional-dependencies"]
    tested = [*PROJECT["project"]["dependencies"], *extras["dev"], *extras["release"]]
    for one in map(Requirement, tested):
        pin = versions.get(canonicalize_name(one.name))
        assert pin, f"{one.name} is not pinned"
        assert one.specifier.contains(pin), f"{one} and {pin}"


def test_every_dependency_is_among_the_third_party_licences() -> None:
    page = (ROOT / "docs" / "third-party.md").read_text(encoding="utf-8")
    listed = {canonicalize_name(n) for n in re.findall(r"^\| \[?([\w.-]+)", page, re.MULTILINE)}
    asked = {canonicalize_name(Requirement(d).name) for d in PROJECT["project"]["dependencies"]}
    assert asked | {"mattergen"} <= listed


@pytest.mark.parametrize(
    "file", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda file: file.name
)
def test_issue_forms(file: Path) -> None:
    form = yaml.safe_load(file.read_text(encoding="utf-8"))
    if file.name == "config.yml":
        assert form["contact_links"]
        return
    assert {"name", "description", "body"} <= form.keys()
    for part in form["body"]:
        assert part["type"] in ("textarea", "input", "dropdown", "checkboxes", "markdown")
        assert part["attributes"]["label"]
    assert len({part["id"] for part in form["body"]}) == len(form["body"])


@pytest.mark.parametrize(
    "file", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda file: file.name
)
def test_workflows_call_what_exists(file: Path) -> None:
    workflow = yaml.safe_load(file.read_text(encoding="utf-8"))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    for command in (step["run"] for step in steps if "run" in step):
        for target in re.findall(r"^make (\w+)", command):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
        for script in re.findall(r"^(\.ci/\S+)", command):
            assert (ROOT / script).is_file()


class _Version(tuple[int, ...]):
    """As `sys.version_info`, of which only the first two numbers are asked."""


@pytest.mark.parametrize(
    ("version", "machine", "compiler", "said"),
    [
        ((3, 10, 9), "x86_64", True, "is too old"),
        ((3, 11, 2), "x86_64", False, ""),
        ((3, 12, 1), "AMD64", False, ""),
        ((3, 12, 1), "aarch64", False, "has no wheel here"),
        ((3, 13, 0), "x86_64", False, "has no wheel here"),
        ((3, 13, 0), "x86_64", True, ""),
    ],
)
def test_a_python_that_cannot_install_chgnet_is_told_so_first(
    version: tuple[int, ...],
    machine: str,
    compiler: bool,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import platform
    import shutil
    import sys
    import sysconfig

    problem = runpy.run_path(str(ROOT / "tools" / "interpreter.py"))["problem"]
    monkeypatch.setattr(sys, "version_info", _Version(version))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(platform, "machine", lambda: machine)
    monkeypatch.setattr(shutil, "which", lambda name: "/usr/bin/cc" if compiler else None)
    monkeypatch.setattr("os.path.isfile", lambda path: compiler)
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": "/include"})
    assert said in problem()
    assert bool(said) == bool(problem())
