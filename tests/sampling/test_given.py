"""A part of the crystal that is given, and a crystal that sampling starts from."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from closed_form import PRIOR, Gaussian, chain, coordinate, lattice
from pymatgen.core import Lattice, Structure

from scoutlang import language
from scoutlang.descriptors import signatures
from scoutlang.ir import Program
from scoutlang.ir.source import Source
from scoutlang.sampling.generate import check_model, generate
from scoutlang.sampling.mattergen.batches import conditions
from scoutlang.sampling.mattergen.checkpoint import load_model
from scoutlang.sampling.mattergen.corrector import Langevin
from scoutlang.sampling.mattergen.given import Given, Origin, symmetric
from scoutlang.sampling.mattergen.sampler import Sampler
from scoutlang.support.errors import ScoutError

HOST = Structure(
    Lattice.from_parameters(5.1, 5.6, 6.2, 84, 97, 106),
    ["O", "O", "O"],
    [(0.1, 0.2, 0.3), (0.9, 0.45, 0.62), (0.33, 0.81, 0.97)],
)


def toy(module: Any, sizes: list[int], steps: int, **how: Any) -> Sampler:
    how.setdefault("langevin", Langevin(0))
    return Sampler(
        module, conditions(sizes, None), list(range(len(sizes))), steps=steps, cfg=0.0, **how
    )


def watched(sampler: Sampler, name: str, seen: list[tuple[Any, float]]) -> None:
    """Keep what a move returns, with the noise level that it is at."""
    move = getattr(sampler, name)

    def watch(*given: Any) -> Any:
        z = move(*given)
        seen.append((z, given[-1]))
        return z

    setattr(sampler, name, watch)


def test_the_given_part_is_that_of_the_file(make_toy) -> None:
    sizes = [5, 4, 7]
    given = Given.of(HOST, sizes, lattice=True)
    made = toy(make_toy(), sizes, 20, given=given, langevin=Langevin(1)).run()
    first = 0
    for cell, size in zip(made["cell"].double().numpy(), sizes, strict=True):
        atoms = slice(first, first + 3)
        first += size
        assert made["pos"][atoms].numpy() == pytest.approx(HOST.frac_coords, abs=1e-6)
        assert made["atomic_numbers"][atoms].tolist() == [8, 8, 8]
        assert cell == pytest.approx(cell.T)
        found = Lattice(cell)
        assert (*found.abc, *found.angles) == pytest.approx(
            (*HOST.lattice.abc, *HOST.lattice.angles), abs=1e-4
        )


def test_it_is_reached_without_being_put_in(make_toy) -> None:
    """The last step ends at it by itself, so nothing jumps."""
    sizes = [5] * 4
    sampler = toy(make_toy(), sizes, 20, given=Given.of(HOST, sizes, lattice=True))
    seen: list[tuple[Any, float]] = []
    watched(sampler, "predict", seen)
    made, last = sampler.run(), seen[-1][0]
    gap = last["pos"] - made["pos"]
    assert (gap - gap.round()).abs().max() < 1e-4
    assert (last["cell"] - made["cell"]).abs().max() < 1e-3


def test_copies_of_crystals_of_other_sizes_keep_it(make_toy) -> None:
    """Resampling puts copies of small cells into the places of large ones."""
    sizes = [4, 9, 5, 8, 6, 7, 4, 9]
    given = Given.of(HOST, sizes, lattice=True)
    parents = [1, 0, 3, 3, 2, 2, 5, 6]

    def loop(sampler: Sampler, z: Any) -> Any:
        for step, t, s in sampler.steps():
            z = sampler.predict(z, sampler.score(z, t), t, s)
            if step == 10:
                z = sampler.copied(z, parents, 7)
        return z

    made = toy(make_toy(), sizes, 20, given=given).run(loop)
    assert made["num_atoms"].tolist() == [sizes[parent] for parent in parents]
    first = 0
    for size in made["num_atoms"].tolist():
        atoms = slice(first, first + 3)
        first += size
        assert made["pos"][atoms].numpy() == pytest.approx(HOST.frac_coords, abs=1e-6)
        assert made["atomic_numbers"][atoms].tolist() == [8, 8, 8]


@pytest.mark.slow
def test_at_every_level_it_is_noised_as_the_network_expects(make_toy) -> None:
    """z_s of the given part is N(α x_0 + (1 − α) μ, σ²), with and without a corrector; looked at
    where the noise is narrower than the cell.
    """
    count, size = 500, 4
    sizes = [size] * count
    for langevin in (Langevin(0), Langevin(1)):
        given = Given.of(HOST, sizes, lattice=True)
        sampler = toy(make_toy(), sizes, 12, given=given, langevin=langevin)
        seen: list[tuple[Any, float]] = []
        watched(sampler, "correct" if langevin.steps else "predict", seen)
        sampler.run()
        for z, s in [one for one in seen if 0 < one[1] < 0.45]:
            level = sampler.noise_level(z, s)
            gap = (z["pos"] - given.frac)[given.atoms]
            gap = (gap - gap.round()) / level.sigma_frac[0]
            n = gap.numel()
            assert gap.mean().item() == pytest.approx(0, abs=5 / n**0.5)
            assert gap.std().item() == pytest.approx(1, abs=5 / (2 * n) ** 0.5)
            mean = sampler.processes.limit_mean(z)
            mean = level.alpha * symmetric(HOST) + (1 - level.alpha) * mean
            edge = ((z["cell"] - mean) / level.sigma_cell).diagonal(dim1=1, dim2=2)
            assert edge.mean().item() == pytest.approx(0, abs=5 / (3 * count) ** 0.5)
            assert edge.std().item() == pytest.approx(1, abs=5 / (6 * count) ** 0.5)


@pytest.mark.slow
def test_the_rest_is_what_it_would_be_without(make_toy) -> None:
    """Independent Gaussian data: the atoms that are free are those of the closed form."""
    count, steps = 400, 30
    sizes = [4] * count
    made = toy(make_toy(), sizes, steps, given=Given.of(HOST, sizes, lattice=False)).run()
    free = made["pos"].reshape(count, 4, 3)[:, 3] - PRIOR.frac_mean
    mean, std = chain(coordinate(4, 0.0, PRIOR.frac_std), steps)
    assert free.mean().item() == pytest.approx(mean, abs=5 * std / (3 * count) ** 0.5)
    assert free.std().item() == pytest.approx(std, rel=5 / (6 * count) ** 0.5)
    edges = made["cell"].diagonal(dim1=1, dim2=2)
    mean, std = chain(lattice(4, PRIOR.cell_mean, PRIOR.cell_std), steps)
    assert edges.mean().item() == pytest.approx(mean, abs=5 * std / (3 * count) ** 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("noise", [0.3, 0.6, 1.0])
def test_from_a_noised_crystal_as_far_as_the_noise_goes(make_toy, noise: float) -> None:
    """Data around 4 Å and ½, a crystal with 5 Å and 0.6: what is left of it follows the
    recursion.
    """
    count, steps = 800, 30
    data = Gaussian(cell_mean=4.0, cell_std=0.3, frac_mean=0.5, frac_std=0.05)
    seed = Structure(Lattice.cubic(5.0), ["Cu"], [(0.6, 0.6, 0.6)])
    made = toy(make_toy(data), [1] * count, steps, origin=Origin(seed, noise, (29, 15))).run()
    mean, std = chain(lattice(1, 4.0, 0.3), steps, origin=(noise, 5.0))
    edges = made["cell"].diagonal(dim1=1, dim2=2)
    assert edges.mean().item() == pytest.approx(mean, abs=5 * std / (3 * count) ** 0.5)
    assert edges.std().item() == pytest.approx(std, rel=5 / (6 * count) ** 0.5)
    if noise < 0.5:  # above, the noise is as wide as the cell
        mean, std = chain(coordinate(1, 0.5, 0.05), steps, origin=(noise, 0.6))
        pos = made["pos"]
        assert pos.mean().item() == pytest.approx(mean, abs=5 * std / (3 * count) ** 0.5)
        assert pos.std().item() == pytest.approx(std, rel=5 / (6 * count) ** 0.5)


@pytest.mark.parametrize("noise", [1e-9, 0.1, 0.4, 0.5, 1.0])
def test_it_starts_at_the_noise_that_was_asked_for(make_toy, noise: float) -> None:
    """Also between the steps, and below the last one."""
    seed = Structure(Lattice.cubic(4.0), ["Cu"], [(0, 0, 0)])
    times = list(toy(make_toy(), [1], 8, origin=Origin(seed, noise, (29,))).steps())
    assert times[0][1] == noise
    assert [step for step, _, _ in times] == list(range(8 - len(times), 8))
    assert all(before[2] == pytest.approx(after[1]) for before, after in pairwise(times))
    assert times[-1][2] == 0


def test_elements_of_another_system_give_their_places_up(make_toy) -> None:
    seed = Structure(Lattice.cubic(4.0), ["Na", "Cu"], [(0, 0, 0), (0.5, 0.5, 0.5)])
    made = toy(make_toy(), [2] * 20, 20, origin=Origin(seed, 0.1, (29, 15))).run()
    types = made["atomic_numbers"].reshape(20, 2)
    assert set(types[:, 0].tolist()) <= {29, 15}
    assert (types[:, 1] == 29).sum() >= 15  # one in ten is chosen anew


# ---------------------------------------------------------------------- of programs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    HOST.to(str(tmp_path / "host.cif"))
    return tmp_path


def program(folder: Path, text: str) -> Program:
    """As the language has it, which reads no crystal."""
    result = language.check(Source("given.scout", text, folder), signatures())
    assert result.program is not None, result.diagnostics
    return result.program


def test_mini_fills_a_host(folder: Path) -> None:
    asked = program(
        folder,
        'system Ti-O\nkeep "host.cif"\natoms in [4, 6]\nrequire CN(Ti-O) = 6\n'
        "sample 6 batch=6 steps=10",
    )
    for arm in ("non-guided", "guided"):
        for one in generate(asked, load_model("mini"), arm, list(range(6))):
            assert one.crystal.frac_coords[:3] == pytest.approx(HOST.frac_coords, abs=1e-4)
            assert one.crystal.lattice.abc == pytest.approx(HOST.lattice.abc, abs=1e-4)
            assert one.crystal.symbol_set == ("O", "Ti")  # no element is left out


def test_a_formula_counts_the_host(folder: Path) -> None:
    asked = program(
        folder,
        'system Ti-O\nkeep "host.cif" sites\nformula "TiO2"\nrequire CN(Ti-O) = 6\n'
        "sample 4 batch=4 steps=6",
    )
    for one in generate(asked, load_model("mini"), "non-guided", list(range(4))):
        assert one.crystal.composition.reduced_formula == "TiO2"
        assert one.crystal.frac_coords[:3] == pytest.approx(HOST.frac_coords, abs=1e-4)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('system Ti-S\nkeep "host.cif"', "O of host.cif is not in the system"),
        (
            'system Ti-O\nkeep "host.cif"\natoms <= 3',
            "host.cif with its 3 atoms is no part of a cell that the program allows",
        ),
        (
            'system Ti-O\nkeep "host.cif"\nformula "Ti10O"\natoms <= 11',
            "host.cif with its 3 atoms is no part of a cell that the program allows",
        ),
        ('system Ti-O\nkeep "large.cif"', "large.cif has 24 atoms"),
        ('system Ti-O\nstart "large.cif" noise 0.4', "large.cif has 24 atoms"),
        ('system Ti-O\nstart "broken.cif" noise 0.4', "broken.cif has a cell but no atoms"),
    ],
)
def test_what_cannot_be(folder: Path, lines: str, message: str) -> None:
    HOST.make_supercell((2, 2, 2), in_place=False).to(str(folder / "large.cif"))
    (folder / "broken.cif").write_text("data_x\n_cell_length_a 4\n")
    with pytest.raises(ScoutError) as error:
        check_model(program(folder, lines + "\nexpect density > 1 g/cm^3"), load_model("mini"))
    assert error.value.message.startswith(message)
