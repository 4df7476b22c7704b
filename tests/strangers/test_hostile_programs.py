"""Programs that are small and ask for much work, and programs in run.json."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import scoutlang
from scoutlang.interfaces.api import check_source
from scoutlang.ir import Program
from scoutlang.ir.source import Source
from scoutlang.language.checking import scope
from scoutlang.language.parser import MAX_STATEMENTS

DOUBLED = "".join(f"let a{i} = a{i - 1} + a{i - 1}\n" for i in range(1, 12))


def codes(text: str, folder: Path | None = None) -> set[str]:
    return {d.code for d in check_source(Source("x.scout", text, folder)).diagnostics}


def test_one_budget_for_all_claims_together() -> None:
    text = f"system Cu-P\nlet a0 = CN(Cu-P)\n{DOUBLED}"
    text += "".join(f"require a11 > {i}\n" for i in range(70))
    assert "E073" in codes(text)
    assert check_source(Source("x", "system Cu-P\nlet a0 = CN(Cu-P)\nrequire a0 > 1\n")).ok


def test_a_sweep_does_not_spend_the_budget_once_for_each_member(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    uses = 0
    using = scope.Scope.using

    def counted(self: Any, *arguments: Any) -> Any:
        nonlocal uses
        uses += 1
        return using(self, *arguments)

    monkeypatch.setattr(scope.Scope, "using", counted)
    text = f"system Cu-P\nparam k0 = 1\nlet a0 = CN(Cu-P)\n{DOUBLED.partition('let a10')[0]}"
    text += "require a9 > k0\n" + "sweep k0 in {" + ", ".join(map(str, range(1, 61))) + "}\n"
    codes(text)
    assert uses <= 2 * scope.MAX_TOTAL


def test_a_bound_on_statements() -> None:
    text = "system Cu-P\n" + "let x = 1\n" * (MAX_STATEMENTS + 10)
    assert "E003" in codes(text)


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ('import "{}.scout" as x', "E072"),
        ('require similarity(Cu-P, template="{}.cif") > 0.5', "E079"),
        ('require xrd(pattern="{}.xy") > 0.5', "E079"),
        ('keep "{}.cif"', "E079"),
    ],
)
@pytest.mark.parametrize("kind", ["loop", "pipe"])
def test_links_that_form_a_loop_and_pipes(
    kind: str, statement: str, code: str, tmp_path: Path
) -> None:
    for suffix in ("scout", "cif", "xy"):
        file = tmp_path / f"{kind}.{suffix}"
        file.symlink_to(file) if kind == "loop" else os.mkfifo(file)
    assert code in codes(f"system Cu-P\n{statement.format(kind)}\n", tmp_path)


def program(claim: str = "CN(Cu-P) = 4") -> dict[str, Any]:
    found = scoutlang.check(f"system Cu-P\nrequire {claim}\n").program
    assert found is not None
    return found.to_data()


def test_a_claim_of_many_levels_is_read_at_once() -> None:
    """Each level once doubled the time: sixty of them would never end."""
    data = program()
    claim = data["terms"][0]["claim"]
    for _ in range(60):
        claim = {"of": claim, "node": "not"}
    data["terms"][0]["claim"] = claim
    assert Program.from_json(json.dumps(data)).terms[0].claim.node == "not"
    for _ in range(60):
        claim = {"of": claim, "node": "not"}
    data["terms"][0]["claim"] = claim
    with pytest.raises(ValueError, match="inside of each other"):
        Program.from_json(json.dumps(data))


@pytest.mark.parametrize(
    ("node", "name", "value"),
    [
        ("sample", "seed", 10**200),
        ("sample", "seed", -1),
        ("sample", "count", 0),
        ("sample", "count", 10**12),
        ("sample", "batch", 0),
        ("guide", "every", 0),
        ("guide", "move", -1.0),
        ("guide", "sharpness", 1e308),
        ("relax", "steps", 10**9),
    ],
)
def test_settings_in_run_json_are_held_to_their_bounds(node: str, name: str, value: Any) -> None:
    data = program()
    data[node][name] = value
    with pytest.raises(ValueError, match=name):
        Program.from_json(json.dumps(data))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("system", []),
        ("system", ["Cu", "Cu"]),
        ("system", ["Zz"]),
        ("atoms", {"low": 0, "high": 3}),
        ("atoms", {"low": 1, "high": 10**9}),
        ("formula", [["Cu", -1]]),
        ("symmetry", {"text": "x", "numbers": [231]}),
        ("start", {"seed": {"name": "x", "text": "x"}, "noise": 2.0}),
    ],
)
def test_what_no_checked_program_has(name: str, value: Any) -> None:
    data = program()
    data[name] = value
    with pytest.raises(ValueError, match=r"its |more"):
        Program.from_json(json.dumps(data))
