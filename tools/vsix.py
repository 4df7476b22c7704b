"""The extension for VS Code as one file, ``scout-VERSION.vsix``, which VS Code, VSCodium and
code-server install.

``python -m tools.vsix [FOLDER]`` (``dist`` if none is named) builds it in a copy, which gets its
libraries and `vsce` from npm, so that the sources stay as they are. It needs Node.js 20 or newer.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "grammar" / "editors" / "vscode"
VSCE = "@vscode/vsce@3.9.2"


def manifest() -> dict[str, Any]:
    """``package.json`` as it is packaged: with the version of scoutlang."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    data = json.loads((SOURCES / "package.json").read_text(encoding="utf-8"))
    return dict(data) | {"version": project["version"]}


def build(target: Path) -> Path:
    """Raises SystemExit where Node.js is missing or a step fails, with what it said."""
    npm, npx = (shutil.which(name) for name in ("npm", "npx"))
    if npm is None or npx is None:
        raise SystemExit("npm and npx are not here: install Node.js 20 or newer")
    described = manifest()
    file = target.resolve() / f"{described['name']}-{described['version']}.vsix"
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        copy = Path(place) / "vscode"
        shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("node_modules", "*.vsix"))
        shutil.copy(ROOT / "LICENSE", copy / "LICENSE")
        text = json.dumps(described, indent=2, ensure_ascii=False) + "\n"
        (copy / "package.json").write_text(text, encoding="utf-8")
        _run(copy, npm, "install", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund")
        package = ["package", "--allow-missing-repository", "--out", str(file)]
        _run(copy, npx, "--yes", VSCE, *package)
    return file


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


def main() -> None:
    file = build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist")
    with zipfile.ZipFile(file) as archive:
        count = len(archive.namelist())
    print(f"{file}: {file.stat().st_size / 1000:.0f} kB, {count} files")  # noqa: T201


if __name__ == "__main__":
    main()
