"""What docs/editors.md says to type works."""

from __future__ import annotations

import os
import re
import sys
import tomllib
from pathlib import Path

from processes import run, scout

from scoutlang.support.resources import resource

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "editors.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    match = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert match
    return match[1]


def test_git_shows_what_changed_in_meaning(tmp_path: Path) -> None:
    scripts = tmp_path / "bin"
    scripts.mkdir()
    scout = scripts / "scout"
    scout.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m scoutlang "$@"\n')
    scout.chmod(0o755)
    settings = {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_PAGER": "cat",
        "PYTHONPATH": str(ROOT),
        "PYTHONIOENCODING": "utf-8",
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
    }
    folder = tmp_path / "hypotheses"
    folder.mkdir()
    program = folder / "a.scout"

    def sh(command: str) -> str:
        return run(["sh", "-c", command], cwd=folder, env=settings, text=True, check=True).stdout

    sh("git init -q .")
    sh(block("sh"))
    (folder / ".gitattributes").write_text(block("gitattributes"))
    program.write_text("system Cu-P\nrequire CN(Cu-P) = 4\n")
    sh("git add . && git -c user.name=n -c user.email=e commit -qm first")
    program.write_text("system Cu-P\n\nrequire CN(Cu-P) = 3  # fewer\n")
    said = sh("git diff")
    assert said.startswith("a.scout\n")
    assert "- require  CN(Cu-P) = 4" in said
    assert "+ require  CN(Cu-P) = 3" in said


def test_settings_are_what_they_claim_to_be() -> None:
    helix = tomllib.loads(block("toml"))
    server = helix["language-server"][helix["language"][0]["language-servers"][0]]
    assert [server["command"], *server["args"]] == ["scout", "lsp"]


def test_scout_editors_prints_the_folder() -> None:
    folder = Path(scout("editors", text=True, check=True).stdout.strip())
    assert folder == resource("grammar", "editors")
    for name in re.findall(r'scout editors\)/(\w+)"', PAGE):
        assert (folder / name).is_dir()
