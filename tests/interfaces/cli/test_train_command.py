"""`scout train` from the outside."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest
import torch
from click.testing import CliRunner, Result
from pymatgen.core import Lattice, Structure

from scoutlang.interfaces.cli import commands
from scoutlang.sampling.mattergen.checkpoint import load_model
from scoutlang.support.errors import ScoutError
from scoutlang.training import data, mini
from scoutlang.training.data import Row

Train: TypeAlias = Callable[..., Result]


def simple(first: str, second: str, a: float) -> Structure:
    """Of the structure of CsCl."""
    return Structure(Lattice.cubic(a), [first, second], [[0, 0, 0], [0.5] * 3])


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """`scout train mini --folder run`; mp-mini holds two crystals, of which one is held out."""
    small = [Row(simple("Cs", "Cl", 4.1)), Row(simple("Li", "Co", 2.9))]
    monkeypatch.setattr(data, "_embedded", lambda: iter(small))
    monkeypatch.setattr(mini.HeldOut, "REPEATS", 1)
    monkeypatch.chdir(tmp_path)
    # it would hold for all that this process does afterwards
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)
    crystals = [
        (simple("Cs", "Br", 4.3), "0.0"),
        (simple("Cs", "I", 4.6), "0.02"),
        (simple("Cs", "F", 3.9), "0.3"),
        (simple("Al", "Co", 2.86), ""),  # held out
        (simple("Ni", "Al", 2.88), "0"),
        (simple("Cs", "Cl", 4.1) * [2, 1, 1], "0"),
    ]
    with Path("mine.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["cif", "e_above_hull"])
        table.writerows((s.to(fmt="cif"), height) for s, height in crystals)
        table.writerow(["data_broken", "0"])

    def run(*options: str) -> Result:
        fixed = ["--folder", "run", "--device", "cpu", "--threads", "1"]
        return CliRunner().invoke(commands, ["train", "mini", *fixed, *options])

    return run


def test_training_on_own_crystals_says_what_it_takes(train: Train) -> None:
    options = ("--data", "mine.csv", "--from", "mini", "--steps", "2", "--batch", "4")
    trained = train(*options, "--learning-rate", "1e-4")
    assert trained.exit_code == 0, trained.output
    first, second, counts, *held_out, last = trained.output.splitlines()
    assert first == "mp-mini: 2 crystals, 2 taken (1 held out)"
    assert second.startswith(
        "mine.csv: 7 crystals, 4 taken (1 held out); left out: "
        "1 more than 0.1 eV/atom above the hull, 1 seen before, 1 cannot be used (the first: mine.csv, row 7 "
    )
    assert counts.startswith("4 training crystals, 2 held out, ")
    assert [line.split(":")[0] for line in held_out] == [
        "held out of mp-mini (EMA)",
        "held out of mine.csv (EMA)",
    ]
    assert Path(last) == Path("wrote run/checkpoint")

    about = json.loads(Path("run/checkpoint/scout.json").read_text())
    assert about["first_weights"] == "mini"
    assert about["training"]["learning_rate"] == 1e-4
    assert [p["name"] for p in about["training_set"]["parts"]] == ["mp-mini", "mine.csv"]
    assert about["training_set"]["parts"][1]["left_out"] == {
        "more than 0.1 eV/atom above the hull": 1,
        "seen before": 1,
        "cannot be used": 1,
    }
    model = load_model("run/checkpoint")
    assert model.elements == ("Li", "Al", "Cl", "Co", "Ni", "Br", "I", "Cs")
    assert model.num_atoms == {2: {2: 6}}

    again = train(*options, "--learning-rate", "1e-4")
    assert again.exit_code == 0, again.output
    assert again.output.splitlines()[:3] == [first, second, "resumed at step 2"]
    other = train(*options, "--learning-rate", "2e-4")
    assert isinstance(other.exception, ScoutError)
    assert other.exception.code == "E420"


def test_filters_are_options(train: Train) -> None:
    options = ("--elements", "Cs - Cl-Br-F", "--max-atoms", "2", "--max-above-hull", "0.5")
    trained = train("--data", "mine.csv", *options, "--steps", "1", "--batch", "2")
    assert trained.exit_code == 0, trained.output
    first, second, *_ = trained.output.splitlines()
    assert first == ("mp-mini: 2 crystals, 1 taken (0 held out); left out: 1 with other elements")
    assert second.startswith(
        "mine.csv: 7 crystals, 2 taken (0 held out); left out: 3 with other elements, "
    )
    about = json.loads(Path("run/checkpoint/scout.json").read_text())
    assert about["training_set"]["filters"] == {
        "max_atoms": 2,
        "max_above_hull": 0.5,
        "elements": ["Cs", "Cl", "Br", "F"],
    }
    assert about["first_weights"] == "random"


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--data", "nothing.parquet"], "E201"),
        (["--data", "notes.txt"], "E205"),
        (["--elements", "Li-Xx"], "E031"),
        (["--elements", "Au"], "E422"),
        (["--from", "nothing"], "E510"),
        (["--from", "mattergen_base"], "E514"),
    ],
    ids=lambda x: " ".join(x) if isinstance(x, list) else x,
)
def test_what_cannot_be_used_is_a_message(options: list[str], code: str, train: Train) -> None:
    Path("notes.txt").write_text("text")
    Path("more.csv").write_bytes(Path("mine.csv").read_bytes())
    failed = train("--data", "more.csv", *options, "--steps", "1")
    assert isinstance(failed.exception, ScoutError), failed.output
    assert failed.exception.code == code
    assert failed.exception.hint


def test_a_gpu_that_is_not_there_is_wrong_usage(
    train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for device, why in (("cuda", "there is no GPU"), ("gpu", "is not one of")):
        failed = train("--device", device)
        assert failed.exit_code == 2
        assert why in failed.output
