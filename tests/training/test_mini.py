"""Training of the embedded model: data that stay the same crystals, and runs that end the same
whether or not they were interrupted.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from scoutlang.sampling.mattergen.checkpoint import load_model
from scoutlang.support.errors import ScoutError
from scoutlang.training import mini
from scoutlang.training.mini import (
    Crystal,
    TrainingSettings,
    augment,
    batches,
    is_held_out,
    learning_rate,
    prepare,
    train,
)

SETTINGS = TrainingSettings(steps=4, batch=4, warmup=2, validate_every=2, seed=5)


def crystal(seed: int, elements: tuple[str, ...] = ("Cu", "P", "Ca"), atoms: int = 4) -> Structure:
    random = np.random.default_rng(seed)
    lattice = Lattice.from_parameters(*random.uniform(3, 7, 3), *random.uniform(65, 115, 3))
    return Structure(
        lattice, [elements[k % len(elements)] for k in range(atoms)], random.random((atoms, 3))
    )


def spectrum(
    frac: torch.Tensor, cell: torch.Tensor, numbers: torch.Tensor
) -> list[tuple[int, int, float]]:
    """Sorted (Z, Z, distance) of all pairs, over images −3…3: enough for the short distances of the
    cells used here.
    """
    grid = torch.arange(-3.0, 4.0, dtype=torch.float64)
    shifts = torch.cartesian_prod(grid, grid, grid)
    frac, cell = frac.double(), cell.double()
    found = []
    for i in range(len(frac)):
        for j in range(len(frac)):
            distances = ((frac[j] - frac[i] + shifts) @ cell).norm(dim=1)
            found += [
                (int(numbers[i]), int(numbers[j]), float(d)) for d in distances if 0 < d < 5.0
            ]
    return sorted(found)


def per_pair(found: list[tuple[int, int, float]]) -> dict[tuple[int, int], list[float]]:
    pairs: dict[tuple[int, int], list[float]] = {}
    for a, b, d in found:
        pairs.setdefault((a, b), []).append(d)
    return pairs


def assert_same_crystal(
    one: list[tuple[int, int, float]], other: list[tuple[int, int, float]]
) -> None:
    """Equal distances of every pair of elements; one at the very edge of the sphere may be on
    either side of it.
    """
    first, second = (
        per_pair([x for x in one if x[2] < 4.99]),
        per_pair([x for x in other if x[2] < 4.99 + 1e-3]),
    )
    assert first.keys() <= second.keys()
    for pair, distances in first.items():
        np.testing.assert_allclose(distances, second[pair][: len(distances)], atol=1e-3)


@pytest.fixture(scope="module")
def structures() -> list[Structure]:
    """20 crystals of several systems, of which some are held out."""
    systems = [
        ("Cu", "P"),
        ("Na", "Cl"),
        ("Li", "Co", "O"),
        ("Fe", "B"),
        ("Cu", "Si", "P"),
        ("Ti", "O"),
        ("Mg", "O"),
        ("Zn", "S"),
        ("Ga", "As"),
    ]
    return [crystal(k, systems[k % len(systems)], atoms=2 + k % 3) for k in range(20)]


# -- data
# ---------------------------------------------------------------------------------------------------------------------


def test_prepared_crystals_are_the_given_ones_with_a_symmetric_lattice() -> None:
    given_ = crystal(1)
    (prepared,) = prepare([given_])
    torch.testing.assert_close(prepared.cell, prepared.cell.T, rtol=0, atol=1e-5)
    assert torch.linalg.eigvalsh(prepared.cell).min() > 0
    assert torch.linalg.det(prepared.cell).item() == pytest.approx(given_.volume, rel=1e-5)
    assert ((prepared.frac >= 0) & (prepared.frac < 1)).all()
    assert prepared.system == "Ca-Cu-P"
    original = spectrum(
        torch.tensor(given_.frac_coords),
        torch.tensor(given_.lattice.matrix.copy()),
        torch.tensor(given_.atomic_numbers),
    )
    assert_same_crystal(original, spectrum(prepared.frac, prepared.cell, prepared.numbers))


def test_large_structures_are_left_out() -> None:
    assert [len(c.numbers) for c in prepare([crystal(1, atoms=20), crystal(2, atoms=21)])] == [20]


def test_a_cell_without_a_niggli_form_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("can't find Niggli")

    monkeypatch.setattr(Structure, "get_reduced_structure", fail)
    as_given = crystal(1)
    (prepared,) = prepare([as_given])
    np.testing.assert_allclose(prepared.frac, as_given.frac_coords, atol=1e-6)
    assert torch.linalg.det(prepared.cell).item() == pytest.approx(as_given.volume, rel=1e-5)


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_augmentation_keeps_the_crystal_and_the_form_of_its_lattice(which: int, seed: int) -> None:
    (original,) = prepare([crystal(which)])
    graph = augment(original, torch.Generator().manual_seed(seed))
    cell, frac = graph["cell"][0], graph["pos"]
    torch.testing.assert_close(cell, cell.T)
    assert torch.linalg.det(cell).item() == pytest.approx(
        torch.linalg.det(original.cell).item(), rel=1e-5
    )
    assert ((frac >= 0) & (frac <= 1)).all()
    assert torch.equal(graph["atomic_numbers"], original.numbers)
    assert graph["chemical_system"] == original.system
    assert_same_crystal(
        spectrum(original.frac, original.cell, original.numbers),
        spectrum(frac, cell, original.numbers),
    )


def test_augmentation_changes_origin_axes_and_signs() -> None:
    (original,) = prepare([crystal(3)])
    generator = torch.Generator().manual_seed(0)
    graphs = [augment(original, generator) for _ in range(40)]
    diagonals = {tuple(g["cell"][0].diagonal().round(decimals=3).tolist()) for g in graphs}
    signs = {tuple(torch.sign(g["cell"][0][(0, 0, 1), (1, 2, 2)]).tolist()) for g in graphs}
    assert len(diagonals) == 6
    assert len(signs) == 4
    assert len({tuple(g["pos"][0].tolist()) for g in graphs}) == 40


def equal(one: Any, other: Any) -> bool:
    return all(
        torch.equal(one[k], other[k]) for k in ("pos", "cell", "atomic_numbers", "num_atoms")
    )


def test_batch_k_depends_on_the_seed_and_on_k_only(structures: list[Structure]) -> None:
    crystals = prepare(structures)
    source = batches(crystals, 4, seed=1, start=0)
    first = [next(source) for _ in range(4)]
    torch.rand(7)  # the global stream does not matter
    assert all(
        equal(a, b) for a, b in zip(first[2:], batches(crystals, 4, seed=1, start=2), strict=False)
    )
    assert not equal(first[0], first[1])
    assert not equal(first[0], next(batches(crystals, 4, seed=2, start=0)))


def test_a_chemical_system_is_held_out_as_a_whole(structures: list[Structure]) -> None:
    crystals = prepare(structures)
    held_out = {c.system for c in crystals if is_held_out(c)}
    assert not held_out & {c.system for c in crystals if not is_held_out(c)}
    many = [
        Crystal(torch.tensor([1]), torch.zeros(1, 3), torch.eye(3), f"{a}-{b}")
        for a in "BCNOFPSKVY"
        for b in mini.SYMBOLS
    ]
    assert 0.02 < sum(map(is_held_out, many)) / len(many) < 0.06


def test_the_learning_rate_rises_then_falls_to_a_hundredth() -> None:
    plan = TrainingSettings(steps=100, warmup=10, learning_rate=1.0)
    rates = [learning_rate(k, plan) for k in range(101)]
    assert rates[:10] == pytest.approx([0.1 * k for k in range(1, 11)])
    assert rates[10] == pytest.approx(1.0)
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))
    assert rates[100] == pytest.approx(0.01)


# -- training
# -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(structures: list[Structure], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    lines: list[str] = []
    checkpoint = train(structures, "by hand", folder, SETTINGS, say=lines.append)
    assert checkpoint == folder / "checkpoint"
    assert any("training crystals" in line for line in lines)
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(
        torch.load(folder / "checkpoint" / "checkpoints" / "last.ckpt", weights_only=True)[
            "state_dict"
        ]
    )


def assert_equal_weights(one: Path, other: Path) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert [key for key in first if not torch.equal(first[key], second[key])] == []


def test_the_exported_checkpoint_loads(trained: Path, structures: list[Structure]) -> None:
    model = load_model(str(trained / "checkpoint"))
    assert model.conditions == ("chemical_system",)
    assert set(model.elements or ()) == {s.symbol for x in structures for s in x.composition}
    counts: dict[int, dict[int, float]] = {}
    for x in structures:
        row = counts.setdefault(len(x.composition), {})
        row[len(x)] = row.get(len(x), 0) + 1
    assert model.num_atoms == counts
    stored = weights(trained)
    assert all(
        torch.equal(stored[f"diffusion_module.{k}"], v)
        for k, v in model.module.state_dict().items()
    )
    assert all(v.isfinite().all() for v in stored.values() if v.dtype.is_floating_point)


def test_the_export_says_what_it_was_trained_on(trained: Path, structures: list[Structure]) -> None:
    about = json.loads((trained / "checkpoint" / "scout.json").read_text())
    assert about["training_set"] == "mp-mini by hand"
    assert about["training"]["steps"] == 4
    assert about["training"]["seed"] == 5
    held_out = sum(map(is_held_out, prepare(structures)))
    assert (about["training_crystals"], about["held_out_crystals"]) == (20 - held_out, held_out)
    assert [entry["step"] for entry in about["log"]] == [2, 4]
    model = load_model(str(trained / "checkpoint"))
    volumes = [
        x.volume / len(x)
        for x, c in zip(structures, prepare(structures), strict=True)
        if not is_held_out(c)
    ]
    assert model.module.corruption.sdes["cell"].limit_density == pytest.approx(
        np.mean([1 / v for v in volumes]), rel=1e-3
    )


def test_the_weights_move(trained: Path, structures: list[Structure], tmp_path: Path) -> None:
    train(structures, "by hand", tmp_path, replace(SETTINGS, learning_rate=0.0), say=lambda _: None)
    still, moved = weights(tmp_path), weights(trained)
    assert any(not torch.equal(still[key], moved[key]) for key in still)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    trained: Path, structures: list[Structure], tmp_path: Path
) -> None:
    torch.rand(3)
    train(structures, "by hand", tmp_path / "same", SETTINGS, say=lambda _: None)
    assert_equal_weights(tmp_path / "same", trained)
    train(structures, "by hand", tmp_path / "other", replace(SETTINGS, seed=6), say=lambda _: None)
    other, first = weights(tmp_path / "other"), weights(trained)
    assert any(not torch.equal(other[key], first[key]) for key in first)


def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(
    trained: Path, structures: list[Structure], tmp_path: Path
) -> None:
    lines: list[str] = []

    def stop(line: str) -> None:
        lines.append(line)
        # after step 4 is done, before it is saved
        if sum("held out (EMA)" in x for x in lines) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(structures, "by hand", tmp_path, SETTINGS, say=stop)
    assert not (tmp_path / "checkpoint").exists()
    torch.rand(11)
    lines.clear()
    train(structures, "by hand", tmp_path, SETTINGS, say=lines.append)
    assert lines[0] == "resumed at step 2"
    assert_equal_weights(tmp_path, trained)


def test_training_that_is_done_is_exported_again(
    trained: Path, structures: list[Structure], tmp_path: Path
) -> None:
    (tmp_path / "state.pt").write_bytes((trained / "state.pt").read_bytes())
    train(structures, "by hand", tmp_path, SETTINGS, say=lambda _: None)
    assert_equal_weights(tmp_path, trained)


def test_other_settings_do_not_resume(trained: Path, structures: list[Structure]) -> None:
    before = (trained / "state.pt").read_bytes()
    for other in (
        replace(SETTINGS, steps=5),
        replace(SETTINGS, seed=6),
        replace(SETTINGS, learning_rate=1e-4),
    ):
        with pytest.raises(ScoutError) as failure:
            train(structures, "by hand", trained, other, say=lambda _: None)
        assert failure.value.code == "E420"
        assert failure.value.hint
    assert (trained / "state.pt").read_bytes() == before


@pytest.mark.parametrize(
    "spoil",
    [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"text"],
    ids=["half", "empty", "text"],
)
def test_a_damaged_state_is_a_message(
    spoil: Any, trained: Path, structures: list[Structure], tmp_path: Path
) -> None:
    (tmp_path / "state.pt").write_bytes(spoil((trained / "state.pt").read_bytes()))
    with pytest.raises(ScoutError) as failure:
        train(structures, "by hand", tmp_path, SETTINGS, say=lambda _: None)
    assert failure.value.code == "E421"
    assert "state.pt" in failure.value.message
