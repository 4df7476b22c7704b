"""Training of the embedded model: data that stay the same crystals, and runs that end the same
whether or not they were interrupted.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.core import Lattice, Structure

from scoutlang.ir.elements import SYMBOLS
from scoutlang.sampling.mattergen import checkpoint
from scoutlang.sampling.mattergen.batches import FIELDS
from scoutlang.sampling.mattergen.checkpoint import load_model
from scoutlang.support.errors import ScoutError
from scoutlang.training.data import Crystal, Filters, Part, TrainingSet, is_held_out, prepared
from scoutlang.training.mini import Batches, HeldOut, TrainingSettings, learning_rate, train

from hydra.utils import instantiate  # isort: skip
from mattergen.common.data.chemgraph import ChemGraph  # isort: skip
from mattergen.common.data.collate import collate  # isort: skip
from omegaconf import OmegaConf  # isort: skip

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


SYSTEMS = [
    ("Cu", "P"),
    ("Na", "Cl"),
    ("Li", "Co", "O"),
    ("Fe", "B"),
    ("Cu", "Si", "P"),
    ("Ti", "O"),
    ("Li", "Co"),  # held out, as As-P
    ("As", "P"),
    ("Mg", "O"),
    ("Zn", "S"),
]


def made(structure: Structure, part: int = 0) -> Crystal:
    found = prepared(structure, part=part)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def structures() -> list[Structure]:
    """20 crystals of ten systems; two of these, four crystals, are held out."""
    several = [SYSTEMS[k % len(SYSTEMS)] for k in range(20)]
    return [crystal(k, system, atoms=len(system) + k % 3) for k, system in enumerate(several)]


@pytest.fixture(scope="module")
def data(structures: list[Structure]) -> TrainingSet:
    """Ten of them from each of two files."""
    crystals = [made(s, part=k // 10) for k, s in enumerate(structures)]
    return TrainingSet(crystals, [Part("one", "11"), Part("two", "22", left_out=LEFT_OUT)])


LEFT_OUT = Counter({"seen before": 3, "larger than 20 atoms": 1})


# -- crystals and batches
# ---------------------------------------------------------------------------------------------------------------------


def test_prepared_crystals_are_the_given_ones_with_a_symmetric_lattice() -> None:
    given_ = crystal(1)
    found = made(given_)
    torch.testing.assert_close(found.cell, found.cell.T, rtol=0, atol=1e-5)
    assert torch.linalg.eigvalsh(found.cell).min() > 0
    assert torch.linalg.det(found.cell).item() == pytest.approx(given_.volume, rel=1e-5)
    assert ((found.frac >= 0) & (found.frac < 1)).all()
    assert found.system == "Ca-Cu-P"
    original = spectrum(
        torch.tensor(given_.frac_coords),
        torch.tensor(given_.lattice.matrix.copy()),
        torch.tensor(given_.atomic_numbers),
    )
    assert_same_crystal(original, spectrum(found.frac, found.cell, found.numbers))


def test_large_structures_are_left_out() -> None:
    assert len(made(crystal(1, atoms=20)).numbers) == 20
    assert prepared(crystal(2, atoms=21)) is None
    assert prepared(crystal(2, atoms=5), max_atoms=4) is None


def test_a_cell_without_a_niggli_form_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("can't find Niggli")

    monkeypatch.setattr(Structure, "get_reduced_structure", fail)
    as_given = crystal(1)
    found = made(as_given)
    np.testing.assert_allclose(found.frac, as_given.frac_coords, atol=1e-6)
    assert torch.linalg.det(found.cell).item() == pytest.approx(as_given.volume, rel=1e-5)


@settings(deadline=None, max_examples=12)
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_random_batch_keeps_the_crystals_and_the_form_of_their_lattices(
    which: int, seed: int
) -> None:
    originals = [made(crystal(which + k, atoms=3 + k)) for k in range(2)]
    batch = Batches(originals, 3, seed).random(step=0)
    for k in range(3):
        atoms = batch["batch"] == k
        (original,) = [c for c in originals if len(c.numbers) == batch["num_atoms"][k]]
        cell, frac = batch["cell"][k], batch["pos"][atoms]
        torch.testing.assert_close(cell, cell.T)
        assert torch.linalg.det(cell).item() == pytest.approx(
            torch.linalg.det(original.cell).item(), rel=1e-5
        )
        assert ((frac >= 0) & (frac <= 1)).all()
        assert torch.equal(batch["atomic_numbers"][atoms], original.numbers)
        assert batch["chemical_system"][k] == original.system
        assert_same_crystal(
            spectrum(original.frac, original.cell, original.numbers),
            spectrum(frac, cell, original.numbers),
        )


def test_random_batches_change_origin_axes_and_signs() -> None:
    batch = Batches([made(crystal(3))], 40, seed=0).random(step=0)
    diagonals = {tuple(c.diagonal().round(decimals=3).tolist()) for c in batch["cell"]}
    signs = {tuple(torch.sign(c[(0, 0, 1), (1, 2, 2)]).tolist()) for c in batch["cell"]}
    assert len(diagonals) == 6
    assert len(signs) == 4
    assert len({tuple(x.tolist()) for x in batch["pos"][batch["ptr"][:-1]]}) == 40


def test_random_batches_draw_every_crystal(data: TrainingSet) -> None:
    source = Batches(data.crystals, 64, seed=0)
    drawn = {tuple(numbers.tolist()) for k in range(4) for numbers in per_crystal(source.random(k))}
    assert drawn == {tuple(c.numbers.tolist()) for c in data.crystals}


def per_crystal(batch: Any) -> list[torch.Tensor]:
    return list(batch["atomic_numbers"].split(batch["num_atoms"].tolist()))


def equal(one: Any, other: Any) -> bool:
    return all(torch.equal(one[k], other[k]) for k in (*FIELDS, "num_atoms"))


def test_batch_k_depends_on_the_seed_and_on_k_only(data: TrainingSet) -> None:
    source = Batches(data.crystals, 4, seed=1)
    first = [source.random(k) for k in range(4)]
    torch.rand(7)  # the global stream does not matter
    again = Batches(data.crystals, 4, seed=1)
    assert all(equal(first[k], again.random(k)) for k in (3, 1, 0, 2))
    assert not equal(first[0], first[1])
    assert not equal(first[0], Batches(data.crystals, 4, seed=2).random(0))


def collated(crystals: list[Crystal]) -> Any:
    return collate(
        [
            ChemGraph(
                atomic_numbers=c.numbers,
                pos=c.frac,
                cell=c.cell[None],
                num_atoms=torch.tensor([len(c.numbers)]),
                chemical_system=c.system,
            )
            for c in crystals
        ]
    )


def test_batches_in_order_are_mattergens_batches_of_the_crystals_as_they_are(
    data: TrainingSet,
) -> None:
    found = Batches(data.crystals, 1, seed=0).in_order(8)
    assert [b.get_batch_size() for b in found] == [8, 8, 4]
    for start, batch in zip((0, 8, 16), found, strict=True):
        wanted = collated(data.crystals[start : start + 8])
        assert set(batch.keys()) == set(wanted.keys())
        for key in wanted.keys():  # noqa: SIM118  a batch is no dictionary
            if isinstance(wanted[key], torch.Tensor):
                torch.testing.assert_close(batch[key], wanted[key], rtol=0, atol=0)
            else:
                assert batch[key] == wanted[key]


def test_a_random_batch_has_the_fields_of_mattergens(data: TrainingSet) -> None:
    batch = Batches(data.crystals, 6, seed=3).random(0)
    by_numbers = {tuple(c.numbers.tolist()): c for c in data.crystals}
    wanted = collated([by_numbers[tuple(n.tolist())] for n in per_crystal(batch)])
    assert set(batch.keys()) == set(wanted.keys())
    assert batch.get_batch_size() == wanted.get_batch_size() == 6
    assert batch["chemical_system"] == wanted["chemical_system"]
    for key in ("batch", "ptr", "num_atoms", "atomic_numbers"):
        assert torch.equal(batch[key], wanted[key])
    for key in ("pos", "cell"):
        assert (batch[key].shape, batch[key].dtype) == (wanted[key].shape, wanted[key].dtype)


def test_a_chemical_system_is_held_out_as_a_whole(data: TrainingSet) -> None:
    held_out = {c.system for c in data.held_out}
    assert held_out == {"Co-Li", "As-P"}
    assert not held_out & {c.system for c in data.training}
    assert (len(data.held_out), len(data.training)) == (4, 16)
    many = [f"{a}-{b}" for a in "BCNOFPSKVY" for b in SYMBOLS]
    assert 0.02 < sum(map(is_held_out, many)) / len(many) < 0.06


def test_the_learning_rate_rises_then_falls_to_a_hundredth() -> None:
    plan = TrainingSettings(steps=100, warmup=10, learning_rate=1.0)
    rates = [learning_rate(k, plan) for k in range(101)]
    assert rates[:10] == pytest.approx([0.1 * k for k in range(1, 11)])
    assert rates[10] == pytest.approx(1.0)
    assert all(a > b for a, b in itertools.pairwise(rates[10:]))
    assert rates[100] == pytest.approx(0.01)


# -- held out
# ---------------------------------------------------------------------------------------------------------------------


def sizes(data: TrainingSet) -> dict[str, tuple[int, int]]:
    """Source → crystals looked at, and how often."""
    found = HeldOut(data, "cpu").batches
    return {n: (sum(b.get_batch_size() for b in made_), r) for n, (made_, r) in found.items()}


def test_held_out_crystals_are_looked_at_per_source(data: TrainingSet) -> None:
    assert sizes(data) == {"one": (2, 4), "two": (2, 1)}
    (batch,), _ = HeldOut(data, "cpu").batches["two"]
    assert batch["chemical_system"] == ["Co-Li", "As-P"]


def test_a_source_without_held_out_crystals_is_not_looked_at(data: TrainingSet) -> None:
    assert sizes(replace(data, crystals=[c for c in data.crystals if c.part == 0])) == {
        "one": (2, 4)
    }
    assert sizes(replace(data, crystals=data.training)) == {}


def test_of_a_large_source_every_kth_is_looked_at(data: TrainingSet) -> None:
    one, other = (next(c for c in data.held_out if c.part == k) for k in (0, 1))
    many = replace(data, crystals=[one] * 1100 + [other] * 1100)
    assert sizes(many) == {"one": (1100, 4), "two": (367, 1)}


# -- training
# ---------------------------------------------------------------------------------------------------------------------


def quiet(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def trained(data: TrainingSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    lines: list[str] = []
    checkpoint = train(data, folder, SETTINGS, say=lines.append)
    assert checkpoint == folder / "checkpoint"
    assert lines[0].startswith("16 training crystals, 4 held out, ")
    assert [line.split(":")[0] for line in lines[1:]] == [
        "held out of one (EMA)",
        "held out of two (EMA)",
    ] * 2
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(
        torch.load(folder / "checkpoint" / "checkpoints" / "last.ckpt", weights_only=True)[
            "state_dict"
        ]
    )


def about(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "checkpoint" / "scout.json").read_text()))


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


def test_the_export_says_what_it_was_trained_on(trained: Path, data: TrainingSet) -> None:
    said = about(trained)
    assert said["first_weights"] == "random"
    assert said["max_atoms"] == 20
    assert said["training_set"]["sha256"] == data.sha256
    assert said["training_set"]["filters"] == {
        "max_atoms": 20,
        "max_above_hull": 0.1,
        "elements": [],
    }
    one, two = said["training_set"]["parts"]
    assert (one["name"], one["sha256"], one["left_out"]) == ("one", "11", {})
    assert two["left_out"] == {"seen before": 3, "larger than 20 atoms": 1}
    assert said["training"]["steps"] == 4
    assert said["training"]["seed"] == 5
    assert (said["training_crystals"], said["held_out_crystals"]) == (16, 4)
    model = load_model(str(trained / "checkpoint"))
    densities = [len(c.numbers) / torch.linalg.det(c.cell).item() for c in data.training]
    assert model.module.corruption.sdes["cell"].limit_density == pytest.approx(
        np.mean(densities), rel=1e-3
    )


def test_held_out_losses_are_logged_per_source(trained: Path, data: TrainingSet) -> None:
    log = about(trained)["log"]
    assert [entry["step"] for entry in log] == [2, 4]
    assert [list(entry["held_out"]) for entry in log] == [["one", "two"]] * 2
    model = load_model(str(trained / "checkpoint"))
    model.module.train()
    again = HeldOut(data, "cpu").losses(model.module, SETTINGS.seed)
    for name, losses in log[-1]["held_out"].items():
        assert set(losses) == {"loss", "pos", "cell", "atomic_numbers"}
        assert losses == pytest.approx(again[name], rel=1e-5)


def test_a_model_is_trained_without_held_out_crystals(data: TrainingSet, tmp_path: Path) -> None:
    train(replace(data, crystals=data.training), tmp_path, SETTINGS, say=quiet)
    assert [entry["held_out"] for entry in about(tmp_path)["log"]] == [{}, {}]


def test_the_weights_move(trained: Path, data: TrainingSet, tmp_path: Path) -> None:
    train(data, tmp_path, replace(SETTINGS, learning_rate=0.0), say=quiet)
    still, moved = weights(tmp_path), weights(trained)
    assert any(not torch.equal(still[key], moved[key]) for key in still)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    trained: Path, data: TrainingSet, tmp_path: Path
) -> None:
    torch.rand(3)
    train(data, tmp_path / "same", SETTINGS, say=quiet)
    assert_equal_weights(tmp_path / "same", trained)
    train(data, tmp_path / "other", replace(SETTINGS, seed=6), say=quiet)
    other, first = weights(tmp_path / "other"), weights(trained)
    assert any(not torch.equal(other[key], first[key]) for key in first)


@pytest.mark.parametrize("crystals", [0, 1])
def test_too_few_crystals_are_a_message(crystals: int, data: TrainingSet, tmp_path: Path) -> None:
    few = replace(data, crystals=data.training[:crystals] + data.held_out)
    with pytest.raises(ScoutError) as failure:
        train(few, tmp_path / "new", SETTINGS, say=quiet)
    assert failure.value.code == "E422"
    assert failure.value.hint
    assert not (tmp_path / "new").exists()


# -- first weights
# ---------------------------------------------------------------------------------------------------------------------

STILL = replace(SETTINGS, learning_rate=1e-9)


def test_training_begins_with_the_weights_of_the_embedded_model(
    data: TrainingSet, tmp_path: Path
) -> None:
    train(data, tmp_path, STILL, start="mini", say=quiet)
    mini, begun = load_model("mini"), load_model(str(tmp_path / "checkpoint"))
    for name, value in mini.module.state_dict().items():
        torch.testing.assert_close(begun.module.state_dict()[name], value, rtol=0, atol=1e-6)
    density = mini.module.corruption.sdes["cell"].limit_density
    assert begun.module.corruption.sdes["cell"].limit_density == pytest.approx(density, abs=1e-6)
    assert about(tmp_path)["first_weights"] == "mini"


def test_training_begins_with_the_weights_of_a_folder(
    trained: Path, data: TrainingSet, tmp_path: Path
) -> None:
    start = str(trained / "checkpoint")
    train(data, tmp_path, STILL, start=start, say=quiet)
    first, begun = weights(trained), weights(tmp_path)
    for name, value in first.items():
        torch.testing.assert_close(begun[name], value, rtol=0, atol=1e-6)
    assert about(tmp_path)["first_weights"] == start


def test_first_weights_that_are_not_there_are_a_message(data: TrainingSet, tmp_path: Path) -> None:
    with pytest.raises(ScoutError) as failure:
        train(data, tmp_path, SETTINGS, start=str(tmp_path / "nothing"), say=quiet)
    assert failure.value.code == "E510"


def test_first_weights_of_another_model_are_a_message(
    trained: Path, data: TrainingSet, tmp_path: Path
) -> None:
    config = OmegaConf.load(trained / "checkpoint" / "config.yaml")
    config.lightning_module.diffusion_module.model.width = 96
    narrow = tmp_path / "narrow"
    (narrow / "checkpoints").mkdir(parents=True)
    OmegaConf.save(config, narrow / "config.yaml")
    state = instantiate(config.lightning_module.diffusion_module).state_dict()
    torch.save(
        {"state_dict": {f"diffusion_module.{k}": v for k, v in state.items()}},
        narrow / "checkpoints" / "last.ckpt",
    )
    load_model(str(narrow))
    with pytest.raises(ScoutError) as failure:
        train(data, tmp_path / "run", SETTINGS, start=str(narrow), say=quiet)
    assert failure.value.code == "E514"
    assert "narrow is not a `mini`" in failure.value.message
    assert failure.value.hint


def test_a_published_model_is_refused_before_it_is_fetched(
    data: TrainingSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(name: str) -> Path:
        raise AssertionError(name)

    monkeypatch.setattr(checkpoint, "_from_hub", fetch)
    with pytest.raises(ScoutError) as failure:
        train(data, tmp_path, SETTINGS, start="mattergen_base", say=quiet)
    assert failure.value.code == "E514"


# -- interruptions
# ---------------------------------------------------------------------------------------------------------------------


def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(
    trained: Path, data: TrainingSet, tmp_path: Path
) -> None:
    lines: list[str] = []

    def stop(line: str) -> None:
        lines.append(line)
        # after step 4 is done, before it is saved
        if sum("held out of one (EMA)" in x for x in lines) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path, SETTINGS, say=stop)
    assert not (tmp_path / "checkpoint").exists()
    torch.rand(11)
    lines.clear()
    train(data, tmp_path, SETTINGS, say=lines.append)
    assert lines[0] == "resumed at step 2"
    assert_equal_weights(tmp_path, trained)
    assert about(tmp_path) == about(trained)


def test_training_that_is_done_is_exported_again(
    trained: Path, data: TrainingSet, tmp_path: Path
) -> None:
    (tmp_path / "state.pt").write_bytes((trained / "state.pt").read_bytes())
    train(data, tmp_path, SETTINGS, say=quiet)
    assert_equal_weights(tmp_path, trained)
    assert about(tmp_path) == about(trained)


@pytest.mark.parametrize(
    "other",
    [
        {"settings": replace(SETTINGS, steps=5)},
        {"settings": replace(SETTINGS, seed=6)},
        {"settings": replace(SETTINGS, learning_rate=1e-4)},
        {"start": "mini"},
        {"parts": [Part("one", "11"), Part("two", "23")]},
        {"parts": [Part("one", "11")]},
        {"filters": Filters(elements=("Cu", "P"))},
        {"filters": Filters(max_above_hull=0.05)},
    ],
    ids=["steps", "seed", "rate", "start", "a file", "fewer files", "elements", "height"],
)
def test_other_settings_crystals_or_first_weights_do_not_resume(
    other: dict[str, Any], trained: Path, data: TrainingSet
) -> None:
    before = (trained / "state.pt").read_bytes()
    changed = replace(data, **{k: v for k, v in other.items() if k in ("parts", "filters")})
    plan, start = other.get("settings", SETTINGS), other.get("start", "")
    with pytest.raises(ScoutError) as failure:
        train(changed, trained, plan, start=start, say=quiet)
    assert failure.value.code == "E420"
    assert failure.value.hint
    assert (trained / "state.pt").read_bytes() == before


def test_training_from_other_first_weights_does_not_resume(
    trained: Path, data: TrainingSet, tmp_path: Path
) -> None:
    train(data, tmp_path, STILL, start="mini", say=quiet)
    train(data, tmp_path, STILL, start="mini", say=quiet)
    for start in ("", str(trained / "checkpoint")):
        with pytest.raises(ScoutError) as failure:
            train(data, tmp_path, STILL, start=start, say=quiet)
        assert failure.value.code == "E420"


def test_a_state_of_a_gpu_resumes_on_a_cpu(
    trained: Path, data: TrainingSet, tmp_path: Path
) -> None:
    state = torch.load(trained / "state.pt", weights_only=True)
    assert state["cuda"] is None
    torch.save({**state, "cuda": torch.zeros(16, dtype=torch.uint8)}, tmp_path / "state.pt")
    train(data, tmp_path, SETTINGS, say=quiet)
    assert_equal_weights(tmp_path, trained)


@pytest.mark.parametrize(
    "spoil",
    [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"text"],
    ids=["half", "empty", "text"],
)
def test_a_damaged_state_is_a_message(
    spoil: Any, trained: Path, data: TrainingSet, tmp_path: Path
) -> None:
    (tmp_path / "state.pt").write_bytes(spoil((trained / "state.pt").read_bytes()))
    with pytest.raises(ScoutError) as failure:
        train(data, tmp_path, SETTINGS, say=quiet)
    assert failure.value.code == "E421"
    assert "state.pt" in failure.value.message


def test_a_state_that_lacks_something_is_a_message(
    trained: Path, data: TrainingSet, tmp_path: Path
) -> None:
    state = torch.load(trained / "state.pt", weights_only=True)
    del state["origin"]
    torch.save(state, tmp_path / "state.pt")
    with pytest.raises(ScoutError) as failure:
        train(data, tmp_path, SETTINGS, say=quiet)
    assert failure.value.code == "E421"
