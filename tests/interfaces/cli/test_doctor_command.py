"""`scout doctor` says what is there, and for what is not the command that brings it."""

from __future__ import annotations

import importlib.metadata
import json

import pytest
from click.testing import CliRunner, Result

from scoutlang.interfaces import doctor
from scoutlang.interfaces.cli.doctor import command


def asked(*arguments: str) -> Result:
    return CliRunner().invoke(command, ["--no-try", *arguments])


def without(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    """As if these distributions were not installed."""
    true = importlib.metadata.version

    def version(name: str) -> str:
        if name in packages:
            raise importlib.metadata.PackageNotFoundError(name)
        return true(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    monkeypatch.setattr(doctor, "version", version)


def named(result: Result, name: str) -> dict[str, str]:
    [found] = [one for one in json.loads(result.stdout) if one["name"] == name]
    return dict(found)


def test_where_everything_is_there() -> None:
    said = asked()
    assert said.exit_code == 0
    assert said.stdout.endswith("`scout run` works here\n")
    for part in ("machine", "packages", "torch", "models", "potentials", "references", "folders"):
        assert f"\n{part}\n" in f"\n{said.stdout}"
    assert "✗" not in said.stdout


@pytest.mark.parametrize(
    ("package", "name", "remedy"),
    [
        ("mattergen", "mattergen", "pip install --no-deps mattergen==1.0.3"),
        ("chgnet", "chgnet", "pip install 'scoutlang[chgnet]'"),
    ],
)
def test_what_a_run_needs(
    package: str, name: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    without(monkeypatch, package)
    said = asked("--format", "json")
    assert said.exit_code == 1
    found = [one for one in json.loads(said.stdout) if one["name"] == name]
    assert {one["state"] for one in found} == {"missing"}
    assert remedy in [one["remedy"] for one in found]


def test_a_requirement_in_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    true = importlib.metadata.version
    monkeypatch.setattr(doctor, "version", lambda n: "0.1" if n == "lark" else true(n))
    said = asked("--format", "json")
    assert said.exit_code == 1
    assert named(said, "lark") == {
        "section": "packages",
        "name": "lark",
        "state": "missing",
        "said": "lark 0.1 is installed, not lark<2,>=1.3.1",
        "remedy": "pip install 'lark<2,>=1.3.1'",
    }


def test_what_is_only_wanted_does_not_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "pygls")
    said = asked("--format", "json")
    assert said.exit_code == 0
    assert named(said, "[lsp]")["state"] == "optional"
    assert named(said, "[lsp]")["remedy"] == "pip install 'scoutlang[lsp]'"


def test_a_check_that_fails_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def _disks() -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr(doctor, "CHECKS", (_disks, doctor._folders))
    said = asked("--format", "json")
    assert said.exit_code == 1
    assert named(said, "failed")["said"] == "OSError: the disk is gone"


def test_folders_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    blocked = tmp_path_factory.mktemp("x") / "file"
    blocked.touch()
    monkeypatch.setenv("SCOUT_CACHE", str(blocked / "cache"))
    found = [one for one in doctor._folders() if one.name == "cache"]
    assert [(one.state, one.remedy) for one in found] == [("optional", "export SCOUT_CACHE=FOLDER")]


@pytest.mark.slow
def test_a_crystal_and_its_energy() -> None:
    found = {one.name: one for one in doctor._tried()}
    assert found["sampling"].said.startswith("`mini` made ")
    assert found["energy"].said.endswith(" eV/atom")
