"""A file in the folder of its kind is a descriptor, a potential or a stage, without another edit."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

TOYS = {
    "scoutlang.descriptors": """
'''gap: a number that is always 1.'''
from scoutlang.ir.signatures import DescriptorSignature
SIGNATURE = DescriptorSignature(
    "gap", "a number that is always 1", "length", 0, 1.0, 0.1, differentiable=False
)
def exact(batch, measure):
    from scoutlang.crystals.neighbours import DescriptorValue
    ones = batch.frac.new_ones(batch.size)
    return DescriptorValue.exact(ones, ones > 0)
def formula(measure): return "1"
""",
    "scoutlang.potentials": """
from scoutlang.potentials import CalculatorPotential, Facts
FACTS = Facts("Toy", "ase", "", "MIT", True, "10.0/0", "nothing", frozenset({"Cu"}))
def create():
    from ase.calculators.emt import EMT
    return CalculatorPotential("toy", "1", "0" * 64, EMT, FACTS.elements)
""",
    "scoutlang.validation.stages": """
from dataclasses import dataclass
from scoutlang.validation.record import Outcome
from scoutlang.validation.stages import Stage
@dataclass(frozen=True)
class Toy(Stage):
    name = "toy"
    needs = ("screen",)
    adds = ("golden",)
    def run(self, records, context):
        return [Outcome("passed", "", {"golden": True}) for _ in records]
STAGE = Toy()
""",
}
START = """
import importlib
from click.testing import CliRunner
for package, folder in {folders!r}.items():
    importlib.import_module(package).__path__.append(folder)
from scoutlang.interfaces.cli import commands
from scoutlang.interfaces.completion import complete
def scout(*arguments):
    done = CliRunner().invoke(commands, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout
def offered(text):
    return [c.text for c in complete(text, len(text))]
"""


@pytest.fixture
def python(tmp_path: Path) -> Callable[[str], None]:
    """Runs code in a Python where the folder of each kind holds a toy, and `_helper.py`."""
    folders = {}
    for package, text in TOYS.items():
        folders[package] = str(tmp_path / package)
        (tmp_path / package).mkdir()
        name = "gap" if package.endswith("descriptors") else "toy"
        (tmp_path / package / f"{name}.py").write_text(text, encoding="utf-8")
        (tmp_path / package / "_helper.py").write_text("raise RuntimeError", encoding="utf-8")

    def run(code: str) -> None:
        command = [sys.executable, "-c", START.format(folders=folders) + code]
        done = subprocess.run(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False)
        assert done.returncode == 0, done.stderr

    return run


def test_they_are_in_the_manual_and_in_completions(python: Callable[[str], None]) -> None:
    python("""
assert "a number that is always 1" in scout("doc", "gap")
assert "gap" in scout("doc", "descriptors").split()
assert "toy" in scout("doc", "energy_per_atom")
assert "Toy" in scout("potentials")
assert "gap" in offered("system Cu; expect ")
assert "toy" in offered("system Cu; prefer energy_per_atom(potential=")
""")


def test_they_judge_and_are_in_the_table(python: Callable[[str], None], tmp_path: Path) -> None:
    (tmp_path / "toy.scout").write_text("system Cu\nexpect narrow: gap < 2 Å\n", encoding="utf-8")
    (tmp_path / "cu.vasp").write_text(
        "Cu\n1.0\n0 1.8 1.8\n1.8 0 1.8\n1.8 1.8 0\nCu\n1\ndirect\n0 0 0\n", encoding="utf-8"
    )
    python("""
scout("validate", "cu.vasp", "--program", "toy.scout", "--potential", "toy", "--out", "run")
""")
    [row] = csv.DictReader((tmp_path / "run" / "records.csv").open(encoding="utf-8"))
    assert (row["golden"], row["exact: narrow"]) == ("true", "1")
