"""The wheel holds what a program needs, and works far from the checkout. Builds without a network
(`--no-isolation`).
"""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest
from processes import run

from scoutlang.support.version import __version__

ROOT = Path(__file__).parents[2]
DATA = (
    "scoutlang/examples/cookbook/compounds.toml",
    "scoutlang/examples/cookbook/lithium_intercalation.host.cif",
    "scoutlang/examples/cookbook/pyrite_pairs.scout",
    "scoutlang/grammar/editors/vim/syntax/scout.vim",
    "scoutlang/grammar/editors/vscode/package.json",
    "scoutlang/grammar/scout.lark",
    "scoutlang/interfaces/manual.md",
    "scoutlang/language/diagnostics/codes.md",
    "scoutlang/report/templates/page.html",
    "scoutlang/report/templates/viewer.js",
    "scoutlang/stdlib/README.md",
    "scoutlang/sampling/mini/config.yaml",
    "scoutlang/validation/reference/data/mp-mini.json",
    "scoutlang/validation/reference/data/mp-mini.parquet",
    "scoutlang/validation/reference/data/README.md",
)

pytestmark = pytest.mark.slow


def python(*arguments: str, cwd: Path, **environment: str) -> str:
    """Standard output of this Python with these arguments; fails with all that it said."""
    done = run([sys.executable, *arguments], cwd=cwd, text=True, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    python("-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), ".", cwd=ROOT)
    [built] = folder.glob("*.whl")
    return built


def test_two_builds_are_the_same_bytes(tmp_path: Path) -> None:
    builds = []
    for name in ("first", "second"):
        out = tmp_path / name
        python("-m", "build", "--no-isolation", "--outdir", str(out), ".", cwd=ROOT)
        builds.append({file.name: file.read_bytes() for file in out.iterdir()})
    assert {name.partition("-")[2] for name in builds[0]} == {
        f"{__version__}.tar.gz",
        f"{__version__}-py3-none-any.whl",
    }
    assert builds[0] == builds[1]


def test_contents(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert set(DATA) <= set(names)
    own, metadata = "scoutlang/", f"{'-'.join(wheel.name.split('-')[:2])}.dist-info/"
    assert all(name.startswith((own, metadata)) for name in names)
    assert not [
        name
        for name in names
        if "/tests/" in name
        or "__pycache__" in name
        or (Path(name).name.startswith(".") and Path(name).name != ".vscodeignore")
    ]


def test_the_embedded_model_is_there_whenever_the_checkout_has_it(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    checkpoint = ROOT / "scoutlang" / "sampling" / "mini" / "weights"
    files = {str(path.relative_to(ROOT)) for path in checkpoint.rglob("*") if path.is_file()}
    assert files
    assert files <= names


def test_check_and_the_cookbook_work_from_the_wheel_alone(wheel: Path, tmp_path: Path) -> None:
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    python(
        "-m",
        "pip",
        "install",
        "-q",
        "--no-index",
        "--no-deps",
        "--target",
        str(site),
        str(wheel),
        cwd=tmp_path,
    )
    program = elsewhere / "pairs.scout"
    program.write_text(
        (ROOT / "examples" / "copper_pairs.scout").read_text(encoding="utf-8"), encoding="utf-8"
    )
    found = python(
        "-c",
        "from scoutlang.support.resources import resource; print(resource('grammar', 'scout.lark'))",
        cwd=elsewhere,
        PYTHONPATH=str(site),
    )
    assert Path(found.strip()) == site / "scoutlang" / "grammar" / "scout.lark"
    said = python(
        str(site / "bin" / "scout"),
        "check",
        program.name,
        cwd=elsewhere,
        PYTHONPATH=str(site),
        PYTHONIOENCODING="utf-8",
    )
    assert said.startswith("ok: pairs.scout\n  system   Cu-Si-P-Ca\n")
    copied = python(
        str(site / "bin" / "scout"),
        "new",
        "lithium_intercalation",
        "--cif",
        cwd=elsewhere,
        PYTHONPATH=str(site),
        PYTHONIOENCODING="utf-8",
    )
    assert copied.startswith("wrote lithium_intercalation.scout\n")
    assert (elsewhere / "lithium_intercalation.host.cif").is_file()
    assert (elsewhere / "LiTiS2.cif").is_file()
