"""Modules that documentation named are found under their old names, for one version."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import scoutlang

NAMES = {
    "scoutlang.api": "check",
    "scoutlang.crystal": "CrystalBatch",
    "scoutlang.elements": "ATOMIC_NUMBER",
    "scoutlang.errors": "ScoutError",
    "scoutlang.geometry": "SiteValues",
    "scoutlang.judged_runs": "judge",
    "scoutlang.measuring": "measure",
    "scoutlang.running": "run",
    "scoutlang.signatures": "DescriptorSignature",
    "scoutlang.units": "find_unit",
}


@pytest.mark.parametrize("old", scoutlang._MOVED)
def test_an_old_name_is_the_module_and_says_where_it_is(
    old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, old, raising=False)
    new = scoutlang._MOVED[old]
    with pytest.warns(DeprecationWarning, match=f"{old} is {new} now") as said:
        found = importlib.import_module(old)
    assert found is importlib.import_module(new)
    assert found.__spec__ is not None
    assert found.__spec__.name == new
    assert hasattr(found, NAMES[old])
    assert len(said) == 1


def test_the_warning_points_at_who_imports_and_other_names_stay_unknown() -> None:
    code = (
        "from scoutlang.elements import ATOMIC_NUMBER as one; from scoutlang import elements; "
        "import scoutlang.ir.elements as now; "
        "assert elements is now; assert one is now.ATOMIC_NUMBER"
    )
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.startswith("<string>:1: DeprecationWarning: scoutlang.elements is")
    with pytest.raises(ModuleNotFoundError, match=r"scoutlang\.nothing"):
        importlib.import_module("scoutlang.nothing")
