"""Descriptors of other packages: a real one, built, installed and used; and everything that can be
wrong with one.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import processes
import pytest
import torch
from click.testing import CliRunner
from prototypes import measure, prototypes, read

import scoutlang
from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import broken, modules, origin, signatures
from scoutlang.evaluation.loss import compile_loss, loss_and_gradient
from scoutlang.interfaces.cli import commands
from scoutlang.support.errors import ScoutError
from scoutlang.testing import check_descriptor, check_entry_point

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "plugin"
PAGE = (ROOT / "docs" / "descriptors.md").read_text(encoding="utf-8")
NAME = "bond_valence_sum"
PROGRAM = "system Ti-O; require bond_valence_sum(Ti-O) = 4 ± 0.3; prefer volume_per_atom = 10.4"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip has put the example package."""
    source, target = (tmp_path_factory.mktemp(name) for name in ("source", "site"))
    shutil.copytree(
        EXAMPLE, source, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
    )
    options = (
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
        "--disable-pip-version-check",
    )
    pip = [sys.executable, "-m", "pip", "install"]
    processes.run([*pip, *options, "--target", str(target), str(source)], check=True)
    return target


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(site))
    yield site
    sys.modules.pop("scoutlang_bond_valence", None)


def install(folder: Path, package: str, entry: str, code: str | None = None) -> None:
    """A package as an installer leaves it: its metadata, and a module of the same name."""
    metadata = folder / f"{package}-1.2.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n", encoding="utf-8"
    )
    (metadata / "entry_points.txt").write_text(
        f"[scoutlang.descriptors]\n{entry}\n", encoding="utf-8"
    )
    if code is not None:
        (folder / f"{package}.py").write_text(code, encoding="utf-8")


def run(*arguments: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(commands, arguments)
    return done.exit_code, done.stdout, done.stderr


# ---- the example ----


def test_the_conformance_suites_pass(installed: Path) -> None:
    check_entry_point(NAME)
    module = modules()[NAME]
    check_descriptor(module, measure(NAME, "Cu", "Si"))
    check_descriptor(module, measure(NAME, "Cu,Si", "P,Si"), seed=1)


def test_it_is_not_imported_until_a_program_names_it(installed: Path) -> None:
    assert scoutlang.check("system Cu-P; let limit = 2; require CN(Cu-P) = limit").ok
    assert "scoutlang_bond_valence" not in sys.modules
    assert scoutlang.check(PROGRAM).ok
    assert "scoutlang_bond_valence" in sys.modules


def test_known_crystals(installed: Path) -> None:
    """Oxidation states within 0.2; rock salt by hand, six bonds of a/2."""
    known = [
        ("rutile", "Ti", "O", 4),
        ("fluorite", "Ca", "F", 2),
        ("zinc_blende", "Zn", "S", 2),
        ("baddeleyite", "Zr", "O", 4),
    ]
    for name, a, b, state in known:
        found = read(CrystalBatch.from_structures([prototypes()[name]]), measure(NAME, a, b))
        assert float(found.value) == pytest.approx(state, abs=0.2)
    r, c = {"Na": 1.36, "Cl": 0.99}, {"Na": 1.01, "Cl": 2.74}
    apart = (
        r["Na"]
        * r["Cl"]
        * (c["Na"] ** 0.5 - c["Cl"] ** 0.5) ** 2
        / (c["Na"] * r["Na"] + c["Cl"] * r["Cl"])
    )
    valence = 6 * torch.exp(
        torch.tensor((sum(r.values()) - apart - 5.6393 / 2) / 0.37, dtype=torch.float64)
    )
    found = read(
        CrystalBatch.from_structures([prototypes()["rock_salt"]]), measure(NAME, "Na", "Cl")
    )
    assert float(found.value) == pytest.approx(float(valence), rel=1e-6)
    gold = CrystalBatch.from_structures([prototypes()["copper_gold"]])
    assert not read(gold, measure(NAME, "Cu", "Au")).defined  # no parameters for gold


def test_a_program_is_checked_measured_and_guided(installed: Path) -> None:
    program = scoutlang.check(PROGRAM).program
    assert program is not None
    rutile = prototypes()["rutile"]
    [measured] = scoutlang.measure(program, [rutile])
    assert measured.hit is True
    assert measured.terms[0].exact == pytest.approx(4.07, abs=0.01)

    swollen = rutile.copy()
    swollen.scale_lattice(rutile.volume * 1.3)
    assert scoutlang.measure(program, [swollen])[0].hit is False
    batch, loss = CrystalBatch.from_structures([swollen]), compile_loss(program)
    for _ in range(60):
        value, along_frac, along_cell = loss_and_gradient(loss, batch)[:3]
        batch = batch.with_geometry(batch.frac - 2e-4 * along_frac, batch.cell - 2e-3 * along_cell)
    assert float(value.total) < 0.3
    values = dict(zip(loss.labels, value.values[0].tolist(), strict=True))
    assert values["bond_valence_sum(Ti-O)"] == pytest.approx(4, abs=0.15)


def test_the_digest_is_that_of_the_meaning(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the package is, and which version, is for the manifest of a run."""
    digest = scoutlang.check("system Ti-O; require CN(Ti-O) = 6").program
    monkeypatch.undo()
    without = scoutlang.check("system Ti-O; require CN(Ti-O) = 6").program
    assert digest is not None
    assert without is not None
    assert digest.digest() == without.digest()


def test_origin(installed: Path) -> None:
    assert origin(NAME) == "scoutlang-bond-valence 0.1.0"
    assert origin("CN") is None


def test_the_manual_names_its_package(installed: Path) -> None:
    code, page, errors = run("doc", NAME)
    assert (code, errors) == (0, "")
    assert "plug-in           scoutlang-bond-valence 0.1.0" in page
    assert re.search(
        r"bond_valence_sum +bond valence sum .*\(scoutlang-bond-\s*valence 0\.1\.0\)",
        run("doc", "descriptors")[1],
    )
    assert "bond_valence_sum" in run("doc")[1]


def test_torch_is_not_imported_by_the_checker(installed: Path) -> None:
    code = f"import sys, scoutlang; assert scoutlang.check({PROGRAM!r}).ok; sys.exit('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, env={"PYTHONPATH": f"{installed}:{ROOT}"}
    )
    assert done.returncode == 0


# ---- the page ----


@pytest.mark.parametrize("language", ["python", "toml"])
def test_the_page_shows_the_files_of_the_example(language: str) -> None:
    files = "\n".join(
        p.read_text(encoding="utf-8")
        for p in sorted(EXAMPLE.iterdir())
        if p.suffix in (".py", ".toml")
    )
    shown = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert shown
    assert [block for block in shown if block not in files] == []


def test_the_page_shows_what_commands_print(installed: Path) -> None:
    shown = re.findall(r"^```console\n\$ scout (.*?)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(shown) == 2
    for command, output in shown:
        _, printed, errors = run(*shlex.split(command))
        assert (printed + errors).strip() == output.strip()


# ---- what is wrong with others ----

SOUND = """
from scoutlang.ir.signatures import Concern, DescriptorSignature, Parameter
SIGNATURE = DescriptorSignature("gap", "a gap", "length", 0, 1.0, 0.1, {more})
def soft(batch, measure, sharpness=8.0): ...
def exact(batch, measure): ...
def formula(measure): return "gap"
"""
WRONG = {
    "no module": (None, "ModuleNotFoundError: No module named 'strange'"),
    "raises": ("raise RuntimeError('no licence\\nsecond line')", "RuntimeError: no licence"),
    "leaves": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "syntax": ("def", "SyntaxError: invalid syntax"),
    "no signature": ("", "no SIGNATURE"),
    "another type": ("SIGNATURE = {'name': 'gap'}", "no SIGNATURE of the type"),
    "no functions": (SOUND.format(more="").replace("def exact", "def exakt"), "no function exact"),
    "no soft": (SOUND.format(more="").replace("def soft", "def sofd"), "soft if and only if"),
    "another name": (
        SOUND.format(more="").replace('"gap", "a', '"hole", "a'),
        "called gap, and its SIGNATURE 'hole'",
    ),
    "another dimension": (
        SOUND.format(more="").replace('"length"', '"parsec"'),
        "dimension = 'parsec'",
    ),
    "text for a number": (SOUND.format(more="").replace("0.1", "'0.1'"), "tolerance = '0.1'"),
    "nothing for a scale": (SOUND.format(more="").replace("1.0", "float('nan')"), "scale = nan"),
    "sites of nothing": (SOUND.format(more="domain='site'"), "species = 0"),
    "no range": (SOUND.format(more="minimum=5, maximum=5"), "maximum = 5"),
    "a parameter": (
        SOUND.format(more="parameters=(Parameter('r', 'lenght', ''),)"),
        "parameters = ",
    ),
    "categories": (SOUND.format(more="categories=('a',)"), "categories = ('a',)"),
    "another aggregate": (SOUND.format(more="aggregate='median'"), "aggregate = 'median'"),
}


@pytest.fixture
def strange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    for name in ("strange", "stranger"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("case", WRONG)
def test_a_broken_plug_in_is_a_message(strange: Path, case: str) -> None:
    code, why = WRONG[case]
    install(strange, "strange", "gap = strange", code)
    [diagnostic] = scoutlang.check("system Cu-P; require gap > 2 Å").diagnostics
    assert diagnostic.code == "E450"
    assert "`gap` of the plug-in strange 1.2 cannot be used" in diagnostic.message
    assert why in diagnostic.message
    assert "\n" not in diagnostic.message
    assert diagnostic.primary is not None
    assert (diagnostic.primary.span.start, diagnostic.primary.span.end) == (21, 24)
    # nobody else is hurt, not even who misspells another name
    assert scoutlang.check("system Cu-P; require CN(Cu-P) = 4").ok
    assert [d.code for d in scoutlang.check("system Cu-P; require gpa > 2 Å").diagnostics] == [
        "E032"
    ]
    assert broken()["gap"].code == "E450"
    assert "gap" not in list(signatures())
    assert len(modules()) == len(list(modules()))
    with pytest.raises(AssertionError, match="the plug-in strange"):
        check_entry_point("gap")


def test_a_sound_one_of_the_same_form(strange: Path) -> None:
    """The cases above differ from this one in what they are about."""
    install(strange, "strange", "gap = strange", SOUND.format(more=""))
    assert scoutlang.check("system Cu-P; require gap > 2 Å").ok
    assert broken() == {}
    check_entry_point("gap")


def test_something_inside_a_module_is_no_descriptor(strange: Path) -> None:
    install(strange, "strange", "gap = strange:SIGNATURE", SOUND.format(more=""))
    assert "must name the module" in str(broken()["gap"])


def test_a_name_of_the_language_stays_what_it_is(strange: Path) -> None:
    install(strange, "strange", "CN = strange", "raise RuntimeError")
    program = "system Cu-P; require CN(Cu-P) = 4"
    assert scoutlang.check(program).ok
    assert "strange" not in sys.modules
    assert modules()["CN"].__name__ == "scoutlang.descriptors.coordination"
    assert broken()["CN"].code == "E451"
    _, listed, errors = run("doc", "descriptors")
    assert (
        "error[E451]: the descriptor name `CN` is taken twice: by the language and by strange 1.2"
        in errors
    )
    assert listed.count("  CN ") == 1
    with pytest.raises(AssertionError, match="by the language and by strange"):
        check_entry_point("CN")


def test_two_packages_with_one_name(strange: Path) -> None:
    for package in ("strange", "stranger"):
        install(strange, package, f"gap = {package}", SOUND.format(more=""))
    [diagnostic] = scoutlang.check("system Cu-P; require gap > 2 Å").diagnostics
    assert (diagnostic.code, diagnostic.help) == ("E451", "uninstall all but one of them")
    assert {"strange 1.2", "stranger 1.2"} <= set(re.findall(r"stranger? 1\.2", diagnostic.message))
    with pytest.raises(ScoutError, match="taken twice"):
        origin("gap")
    code, _, errors = run("doc", "gap")
    assert code == 1
    assert "error[E451]" in errors


def test_an_older_copy_further_down_the_path_does_not_count(
    strange: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(strange, "strange", "gap = strange", SOUND.format(more=""))
    install(strange / "old", "Strange", "gap = nowhere")
    monkeypatch.setattr(sys, "path", [*sys.path, str(strange / "old")])
    assert scoutlang.check("system Cu-P; require gap > 2 Å").ok


@pytest.mark.parametrize("entry", ["gap strange", "gap = strange\n[broken", "= strange"])
def test_malformed_metadata_do_no_harm(strange: Path, entry: str) -> None:
    install(strange, "strange", entry, SOUND.format(more=""))
    assert scoutlang.check("system Cu-P; require CN(Cu-P) = 4").ok
    assert [d.code for d in scoutlang.check("system Cu-P; require gup > 2 Å").diagnostics] == [
        "E032"
    ]


@pytest.mark.parametrize(
    "code", ["raise KeyError('r')", "yield 'W055'", "yield Concern('W5', 'a', 'b')"]
)
def test_doubts_that_fail_are_a_warning(strange: Path, code: str) -> None:
    body = SOUND.format(more="").replace(
        "SIGNATURE =", f"def concerns(measure, relation):\n    {code}\nSIGNATURE ="
    )
    install(strange, "strange", "gap = strange", body.replace("0.1, )", "0.1, concerns=concerns)"))
    result = scoutlang.check("system Cu-P; require gap > 2 Å")
    assert result.ok
    assert [d.code for d in result.diagnostics] == ["W450"]


def test_doubts_of_a_plug_in_are_heard(strange: Path) -> None:
    concern = "yield Concern('W055', 'no such gap', 'ask for less')"
    body = SOUND.format(more="").replace(
        "SIGNATURE =", f"def concerns(measure, relation):\n    {concern}\nSIGNATURE ="
    )
    install(strange, "strange", "gap = strange", body.replace("0.1, )", "0.1, concerns=concerns)"))
    assert [
        (d.code, d.message) for d in scoutlang.check("system Cu-P; require gap > 2 Å").diagnostics
    ] == [("W055", "no such gap")]
