"""docs/ci.md: its workflow and hooks are well formed, and its commands do what is said, with no
package but those that it installs.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
WORKFLOW, PRE_COMMIT = (
    yaml.safe_load(block)
    for block in re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
)
STEPS: dict[str, dict[str, Any]] = {
    step["name"]: step for step in WORKFLOW["jobs"]["check"]["steps"] if "name" in step
}
INSTALLED = set(re.findall(r"pip install ((?:\w+ ?)+)\n", STEPS["install"]["run"])[0].split())

_ONLY = f"""#!{sys.executable} -P
import sys

class Missing:
    @staticmethod
    def find_spec(name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names | {INSTALLED | {"scoutlang"}!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Missing)
from scoutlang.interfaces.cli import main
main()
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a program that is right; `scout` in it finds no package but those that the
    page installs.
    """
    folder = tmp_path / "repository"
    folder.mkdir()
    (tmp_path / "bin").mkdir()
    scout = tmp_path / "bin" / "scout"
    scout.write_text(_ONLY, encoding="utf-8")
    scout.chmod(0o755)
    (folder / "a name.scout").write_text("system Cu-P\nrequire CN(Cu-P) = 4\n", encoding="utf-8")
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    subprocess.run(["git", "add", "."], cwd=folder, check=True)
    return folder


def run(step: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """As GitHub runs it."""
    path = f"{folder.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", STEPS[step]["run"]],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands_of_the_workflow(repository: Path) -> None:
    assert sorted(INSTALLED) == ["click", "lark"]
    for step in ("form", "check"):
        done = run(step, repository)
        assert done.returncode == 0, done.stderr
    log = repository / STEPS["show"]["with"]["sarif_file"]
    assert json.loads(log.read_text(encoding="utf-8"))["runs"][0]["results"] == []

    (repository / "a name.scout").write_text("system Cu-P;requre CN(Cu-P)=4\n", encoding="utf-8")
    assert run("form", repository).returncode != 0
    assert run("check", repository).returncode != 0
    [result] = json.loads(log.read_text(encoding="utf-8"))["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (result["ruleId"], place["artifactLocation"]["uri"]) == ("E012", "a%20name.scout")
    assert place["region"]["startColumn"] == 13
    assert result["fixes"]


def test_the_hooks_are_those_that_there_are() -> None:
    defined = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    [repository] = PRE_COMMIT["repos"]
    assert [hook["id"] for hook in repository["hooks"]] == [hook["id"] for hook in defined]
    assert {hook["language"] for hook in repository["hooks"]} == {"system"}


def test_the_log_goes_where_it_is_looked_for() -> None:
    assert WORKFLOW["permissions"]["security-events"] == "write"
    assert STEPS["show"]["if"] == "always()"
    assert STEPS["check"]["run"].endswith(f"> {STEPS['show']['with']['sarif_file']}")
