"""The hooks for other repositories: what pre-commit reads, and that each entry is a command that
does what a hook must.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from processes import run as run_program
from processes import scout

MANIFEST = Path(__file__).parents[3] / ".pre-commit-hooks.yaml"
HOOKS: list[dict[str, Any]] = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
RIGHT = "system Cu-P\nrequire CN(Cu-P) = 4\n"
WRONG = dict.fromkeys(("scout-check", "scout-fmt"), "system Cu-P\nrequre CN(Cu-P) = 4\n")


def run(hook: dict[str, Any], *files: Path) -> subprocess.CompletedProcess[str]:
    """The hook as pre-commit runs it: its entry, its arguments, then the files."""
    program, *arguments = shlex.split(hook["entry"])
    assert program == "scout"
    return scout(*arguments, *hook.get("args", []), *map(str, files), text=True)


def test_pre_commit_takes_the_manifest() -> None:
    result = run_program([sys.executable, "-m", "pre_commit", "validate-manifest", str(MANIFEST)])
    assert result.returncode == 0, result.stdout


def test_the_hooks() -> None:
    assert {hook["id"] for hook in HOOKS} == set(WRONG)
    for hook in HOOKS:
        assert hook["language"] == "python"
        assert [
            bool(re.search(hook["files"], name)) for name in ("a/b.scout", "b.scout.txt", "scout")
        ] == [True, False, False]


@pytest.mark.parametrize("hook", HOOKS, ids=lambda h: str(h["id"]))
def test_a_hook_passes_right_files_silently_and_stops_at_a_wrong_one(
    hook: dict[str, Any], tmp_path: Path
) -> None:
    files = [tmp_path / name for name in ("a.scout", "b c.scout", "wrong.scout")]
    for file, text in zip(files, (RIGHT, RIGHT, WRONG[hook["id"]]), strict=True):
        file.write_text(text, encoding="utf-8")
    passed = run(hook, *files[:2])
    assert (passed.returncode, passed.stdout, passed.stderr) == (0, "", "")
    failed = run(hook, *files)
    assert failed.returncode == 1
    assert "wrong.scout" in failed.stdout + failed.stderr


def test_the_formatter_rewrites_for_pre_commit_to_notice(tmp_path: Path) -> None:
    [hook] = [h for h in HOOKS if h["id"] == "scout-fmt"]
    file = tmp_path / "messy.scout"
    file.write_text("system Cu-P;require CN(Cu-P)==4", encoding="utf-8")
    assert run(hook, file).returncode == 0
    assert file.read_text(encoding="utf-8") == RIGHT
