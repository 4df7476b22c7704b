"""docs/language.md says what is true: its program checks, and its tables name what there is."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import scoutlang
from scoutlang.descriptors import signatures
from scoutlang.frontend.statements import STATEMENTS, guide, sample

TEXT = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")


def test_the_example_checks() -> None:
    example = TEXT[TEXT.index("    scout 1") : TEXT.index("A line end or")]
    result = scoutlang.check(textwrap.dedent(example))
    assert result.ok
    assert result.diagnostics == ()


def test_the_tables_name_every_statement_descriptor_and_setting() -> None:
    named = set(re.findall(r"`(\w+)", "\n".join(line for line in TEXT.splitlines() if line.startswith("|"))))
    assert named >= {*STATEMENTS, *signatures(), *guide.SETTINGS, *sample.SETTINGS}


def test_the_tolerances_are_those_of_the_descriptors() -> None:
    for name, signature in signatures().items():
        row = next(line for line in TEXT.splitlines() if line.startswith(f"| `{name}"))
        assert f"± {signature.tolerance:g} |" in row
        assert f"| {signature.unit or 'none'} |" in row
