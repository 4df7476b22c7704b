"""`scout diff` as a user runs it: what it prints, and the exit codes of diff(1)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import processes
import pytest

OLD = "system Cu-P\nrequire dimer: CN(Cu-Cu) = 1\nguide k=0.8, from 0.9 to 0.03\n"


def scout(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return processes.scout(*args, input=stdin, text=True)


@pytest.fixture
def old(tmp_path: Path) -> str:
    path = tmp_path / "old.scout"
    path.write_text(OLD, encoding="utf-8")
    return str(path)


def diff(old: str, new: str, *options: str) -> tuple[int, str]:
    result = scout("diff", old, "-", *options, stdin=new)
    assert "Traceback" not in result.stderr
    return result.returncode, result.stdout


def test_spaces_and_comments_are_not_the_meaning(old: str) -> None:
    new = (
        "# the dimer\nsystem Cu - P; require dimer : CN(Cu-Cu)=1\nguide from 0.9 to 0.03, k = 0.80"
    )
    assert diff(old, new) == (0, f"{old} and - mean the same\n")
    assert scout("diff", old, old).returncode == 0


def test_each_difference_in_the_words_of_the_language(old: str) -> None:
    new = (
        "system Cu-P-Si\natoms in [8, 20]\nrequire dimer: CN(Cu-Cu) = 2\n"
        "expect volume_per_atom < 20\n"
        "guide k=ramp(0 -> 0.5), from 0.8 to 0.03, every 2\nsample seed 7\n"
    )
    code, out = diff(old, new)
    assert code == 1
    lines = out.splitlines()
    assert [line[:11].rstrip() for line in lines] == [
        "~ system", "+ atoms", "- require", "+ require", "+ expect", "~ guide", "~ guide", "~ guide", "~ sample",
    ]  # fmt: skip
    assert lines[0] == "~ system   Cu, P → Cu, P, Si"
    assert lines[1] == "+ atoms    8 to 20"
    assert "CN(Cu-Cu) = 1" in lines[2]
    assert "CN(Cu-Cu) = 2" in lines[3]
    assert "volume_per_atom < 20" in lines[4]
    assert lines[5:] == [
        "~ guide    k: 0.8 → 0 -> 0.5 (linear)",
        "~ guide    from: 0.9 → 0.8",
        "~ guide    every: 1 → 2",
        "~ sample   seed: 0 → 7",
    ]


def test_what_another_version_of_the_language_would_change(tmp_path: Path) -> None:
    file = tmp_path / "old.scout"
    text = "system Cu-P\nrequire CN(Cu-P) = 4\nguide every 3\n"
    file.write_text(f"scout 1\n{text}", encoding="utf-8")
    assert diff(str(file), text) == (
        1,
        "- require  CN(Cu-P) = 4 ± 0.5, mean over Cu sites\n"
        "+ require  CN(Cu-P) = 4 ± <0.5, mean over Cu sites\n"
        "~ guide    every, counted from: noise → crystal\n",
    )
    assert diff(str(file), f"scout 1\n{text}")[0] == 0


def test_what_only_surrounds_the_claim(old: str) -> None:
    assert diff(old, OLD.replace("= 1", "= 1 weight 2 loss l2")) == (
        1,
        "~ require  dimer: weight 1 → 2, loss l1 → l2\n",
    )
    assert diff(old, OLD.replace("require", "prefer")) == (
        1,
        "~ prefer   dimer: verb require → prefer\n",
    )
    assert diff(old, OLD.replace("Cu-P", "P-Cu")) == (1, "~ system   order: Cu, P → P, Cu\n")


def test_formula_parameters_and_sweeps(tmp_path: Path) -> None:
    path = tmp_path / "old.scout"
    path.write_text("system Cu-P; param n = 4; require a: CN(Cu-P) = n; sweep k in {0.2, 0.4}")
    code, out = diff(
        str(path),
        'system Cu-P; formula "Cu3P"; param n = 5; require a: CN(Cu-P) = n; sweep g in {0.1}',
    )
    assert code == 1
    assert [line for line in out.splitlines() if "require" not in line] == [
        "+ formula  Cu3P",
        "~ param    n: value 4 → 5",
        "- sweep    k in {0.2, 0.4}",
        "+ sweep    g in {0.1}",
    ]


def test_renaming_a_parameter_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "old.scout"
    path.write_text("system Cu-P; param n = 4; require a: CN(Cu-P) = n")
    assert diff(str(path), "system Cu-P; param m = 4; require a: CN(Cu-P) = m")[0] == 0


def test_json(old: str) -> None:
    code, out = diff(
        old, OLD.replace("= 1", "= 1 weight 2").replace("0.9", "0.7"), "--format", "json"
    )
    assert code == 1
    data = json.loads(out)
    assert data["same"] is False
    assert [(c["part"], c["name"], c["kind"], c["fields"]) for c in data["changes"]] == [
        ("terms", "dimer", "changed", ["weight"]),
        ("guide", "from", "changed", []),
    ]
    assert (data["changes"][0]["new"]["weight"], data["changes"][1]["old"]) == (2.0, 0.9)
    assert json.loads(diff(old, OLD, "--format", "json")[1]) == {
        "same": True,
        "old": old,
        "new": "-",
        "changes": [],
    }


def test_trouble_is_exit_code_2(old: str, tmp_path: Path) -> None:
    assert scout("diff", old).returncode == 2
    assert scout("diff", "-", "-").returncode == 2
    missing = scout("diff", old, str(tmp_path / "none.scout"))
    assert (missing.returncode, "error[E001]" in missing.stderr) == (2, True)
    wrong = scout("diff", old, "-", stdin="systm Cu-P")
    assert (wrong.returncode, "error[E012]" in wrong.stderr) == (2, True)
    wrong = scout("diff", old, "-", "--format", "json", stdin="systm Cu-P")
    assert (wrong.returncode, json.loads(wrong.stdout)["diagnostics"][0]["code"]) == (2, "E012")


def test_colors_are_those_of_diffs(old: str) -> None:
    code, out = diff(old, OLD.replace("= 1", "= 2"), "--color", "always")
    assert code == 1
    assert [line[:5] for line in out.splitlines()] == ["\x1b[31m", "\x1b[32m"]
