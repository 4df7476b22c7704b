"""Potentials behind their interface, and the cache in front of it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from importlib.util import find_spec
from math import isnan
from pathlib import Path

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from by_hand import TablePotential, rock_salt, simple_cubic
from pymatgen.core import Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from scoutlang import potentials
from scoutlang.errors import ScoutError
from scoutlang.potentials.cache import Cached, cache_folder, structure_hash
from scoutlang.potentials.calculators import CalculatorPotential
from scoutlang.potentials.chgnet import CHGNetPotential
from scoutlang.potentials.grace import from_folder
from scoutlang.validation.reference import load


@pytest.fixture(scope="module")
def chgnet() -> CHGNetPotential:
    return CHGNetPotential()


def values(potential: potentials.Potential, structures: Sequence[Structure], batch_size: int = 16) -> list[float]:
    return [e.energy for e in potential.energies(structures, batch_size=batch_size)]


def gold_in_copper() -> Structure:
    """AuCu3, out of shape: no force and no component of the stress is zero by symmetry."""
    cell = Lattice(3.8 * np.array([[1.02, 0.03, 0], [0, 0.97, 0.05], [0.02, 0, 1]]))
    return Structure(cell, ["Au", "Cu", "Cu", "Cu"], [(0.02, 0, 0), (0.5, 0.52, 0), (0.5, 0, 0.47), (0.03, 0.5, 0.5)])


def left_handed(structure: Structure) -> Structure:
    """The same crystal, its third lattice vector turned around."""
    return Structure(structure.lattice.matrix * [[1], [1], [-1]], structure.species, structure.frac_coords * [1, 1, -1])


def assert_slopes(potential: potentials.Potential, structure: Structure, step: float, tolerance: float) -> None:
    """Forces and stress of one evaluation are the finite differences of the energies of others."""
    (here,) = potential.evaluate([structure])
    assert not here.reason
    assert here.forces is not None
    assert here.stress is not None
    rng = np.random.default_rng(0)
    cell, points, atoms = structure.lattice.matrix, structure.cart_coords, len(structure)
    for _ in range(3):
        shift, strain = rng.normal(size=(atoms, 3)), rng.normal(size=(3, 3))
        moved = [Structure(cell, structure.species, points + s * shift, coords_are_cartesian=True) for s in (step, -step)]
        strained = [Structure(cell @ (np.eye(3) + s * strain), structure.species, structure.frac_coords) for s in (step, -step)]
        ahead, back, wider, narrower = (atoms * e for e in values(potential, [*moved, *strained]))
        assert (ahead - back) / (2 * step) == pytest.approx(-float((here.forces * shift).sum()), abs=tolerance)
        assert (wider - narrower) / (2 * step) == pytest.approx(structure.volume * float((here.stress * strain).sum()), abs=tolerance)


class TestCHGNet:
    def test_it_says_what_it_is(self, chgnet: CHGNetPotential) -> None:
        assert chgnet.name == "chgnet-0.3.0"
        assert chgnet.version.startswith("chgnet 0.")
        assert chgnet.weights_sha256 == "d14ab7c0f093efe64b60a7bcd540bca10e74fb7f46c86108a079af60524659d1"

    @pytest.mark.slow
    def test_silent_and_known(self, chgnet: CHGNetPotential, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder) -> None:
        """Rock salt in the Materials Project (mp-22862, MP2020 corrected): -3.66 eV/atom."""
        (energy,) = values(CHGNetPotential(), [rock_salt()])
        assert energy == pytest.approx(-3.66, abs=0.1)
        assert capfd.readouterr() == ("", "")
        assert not recwarn.list

    @pytest.mark.slow
    def test_batches_are_one_by_one(self, chgnet: CHGNetPotential) -> None:
        structures = [r.structure for r in load().subset(["Li", "Co", "O"]) if len(r.structure) <= 20]
        one_by_one = values(chgnet, structures, batch_size=1)
        assert np.allclose(values(chgnet, structures, batch_size=7), one_by_one, atol=2e-5)

    @pytest.mark.slow
    def test_energy_per_atom_does_not_depend_on_the_cell(self, chgnet: CHGNetPotential) -> None:
        salt = rock_salt()
        primitive, cell, double = values(chgnet, [salt.get_primitive_structure(), salt, salt * (2, 1, 1)])
        assert (primitive, double) == (pytest.approx(cell, abs=2e-5), pytest.approx(cell, abs=2e-5))

    @pytest.mark.slow
    def test_dense_cells_take_several_calls_and_denser_ones_are_refused(self, chgnet: CHGNetPotential) -> None:
        """Random atoms at 4.5 Å^3 each have 600 angles per atom, so these cells go through the model in several calls."""
        rng = np.random.default_rng(0)
        dense = [Structure(Lattice.cubic((12 * 4.5) ** (1 / 3)), ["Cu"] * 12, rng.random((12, 3))) for _ in range(4)]
        collapsed = simple_cubic("Cu", 1.3)
        found = chgnet.energies([*dense, collapsed, rock_salt()])
        assert [bool(e.reason) for e in found] == [False] * 4 + [True, False]
        assert "denser than" in found[4].reason
        assert [e.energy for e in found[:4]] == pytest.approx(values(chgnet, dense, batch_size=1), abs=1e-4)

    @pytest.mark.slow
    def test_bad_structures_are_data(self, chgnet: CHGNetPotential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        unknown = simple_cubic("Cf", 4.0)
        isolated = simple_cubic("Ar", 9.0)
        disordered = Structure(Lattice.cubic(4), [{"Na": 0.5, "K": 0.5}], [(0, 0, 0)])
        not_finite = Structure(Lattice.cubic(4), ["Na", "Cl"], [(0, 0, 0), (0.5, np.nan, 0.5)])
        found = chgnet.energies([rock_salt(), unknown, isolated, disordered, not_finite])
        assert not found[0].reason
        assert [isnan(e.energy) for e in found] == [bool(e.reason) for e in found] == [False, True, True, True, True]
        assert "does not know Cf" in found[1].reason
        assert "partially occupied" in found[3].reason
        assert list(tmp_path.glob("*.cif")) == []

    @pytest.mark.slow
    @pytest.mark.parametrize("turn", [lambda s: s, left_handed], ids=["right-handed", "left-handed"])
    def test_slopes(self, chgnet: CHGNetPotential, turn: Callable[[Structure], Structure]) -> None:
        """The model works in float32: a step of 5 mÅ (0.5 % strain) leaves about 0.01 eV/Å of noise."""
        assert_slopes(chgnet, turn(gold_in_copper()), step=5e-3, tolerance=0.05)

    @pytest.mark.slow
    def test_slopes_in_batches(self, chgnet: CHGNetPotential) -> None:
        structures = [gold_in_copper(), simple_cubic("Cf", 4.0), rock_salt(a=5.4), left_handed(gold_in_copper())]
        together, alone = chgnet.evaluate(structures), [chgnet.evaluate([s])[0] for s in structures]
        assert [bool(e.reason) for e in together] == [False, True, False, False]
        for a, b in zip(together, alone, strict=True):
            assert a.energy == pytest.approx(b.energy, abs=2e-5, nan_ok=True)
            assert (a.forces is None) == (b.forces is None) == bool(a.reason)
            if not a.reason:
                assert np.allclose(a.forces, b.forces, atol=1e-4)
                assert np.allclose(a.stress, b.stress, atol=1e-5)
        assert np.allclose(together[0].stress, together[3].stress, atol=1e-5)


class TestCalculators:
    """Real calculators of ASE."""

    def test_it_gives_what_the_calculator_gives(self) -> None:
        alloy = gold_in_copper()
        atoms = AseAtomsAdaptor.get_atoms(alloy)
        atoms.calc = EMT()
        emt = potentials.load("emt")
        assert values(emt, [alloy]) == [pytest.approx(atoms.get_potential_energy() / 4, abs=1e-12)]
        (found,) = emt.evaluate([alloy])
        assert np.allclose(found.forces, atoms.get_forces())
        assert np.allclose(found.stress, atoms.get_stress(voigt=False))

    @pytest.mark.parametrize("turn", [lambda s: s, left_handed], ids=["right-handed", "left-handed"])
    def test_slopes(self, turn: Callable[[Structure], Structure]) -> None:
        assert_slopes(potentials.load("emt"), turn(gold_in_copper()), step=1e-4, tolerance=1e-5)

    def test_any_calculator_will_do(self) -> None:
        """Argon: Lennard-Jones with ε = 10.3 meV, σ = 3.40 Å binds fcc at 5.24 Å by 8.6 ε (its lattice sum, Kittel ch. 3)."""
        argon = CalculatorPotential("lj", "1", "0" * 64, lambda: LennardJones(epsilon=0.0103, sigma=3.4, rc=20.0))
        face_centred = Structure(Lattice.cubic(5.24), ["Ar"] * 4, [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)])
        assert values(argon, [face_centred]) == [pytest.approx(-8.6 * 0.0103, rel=0.01)]
        assert_slopes(argon, face_centred.perturb(0.1), step=1e-4, tolerance=1e-5)

    def test_bad_structures_are_data(self) -> None:
        emt = potentials.load("emt")
        not_finite = Structure(Lattice.cubic(4), ["Cu", "Cu"], [(0, 0, 0), (0.5, np.nan, 0.5)])
        collapsed = Structure(Lattice.cubic(0.5), ["Cu"], [(0, 0, 0)])
        disordered = Structure(Lattice.cubic(4), [{"Cu": 0.5, "Au": 0.5}], [(0, 0, 0)])
        bad = [rock_salt(), simple_cubic("O", 3.0), not_finite, collapsed, disordered]
        for found in (emt.energies([*bad, gold_in_copper()]), emt.evaluate([*bad, gold_in_copper()])):
            assert [bool(e.reason) for e in found] == [isnan(e.energy) for e in found] == [True] * 5 + [False]
            assert found[0].reason == "does not know Cl, Na"
            assert found[1].reason == "does not know O"  # the calculator has parameters of it, which mean nothing
            assert all(e.forces is None for e in found[:5])

    def test_progress_is_told(self) -> None:
        told: list[tuple[int, int]] = []
        potentials.load("emt").energies([gold_in_copper(), rock_salt()], report=lambda done, total: told.append((done, total)))
        assert told[-1] == (2, 2)


class TestExtras:
    """Potentials of packages that are not installed by default; skipped without them."""

    @pytest.mark.slow
    @pytest.mark.parametrize("turn", [lambda s: s, left_handed], ids=["right-handed", "left-handed"])
    def test_sevennet(self, turn: Callable[[Structure], Structure]) -> None:
        pytest.importorskip("sevenn")
        sevennet = potentials.load("sevennet")
        assert values(sevennet, [rock_salt()]) == [pytest.approx(-3.38, abs=0.05)]  # without the MP2020 corrections
        assert_slopes(sevennet, turn(gold_in_copper()), step=5e-3, tolerance=0.05)

    @pytest.mark.slow
    def test_grace(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The weights of the paper are not free to ship: a small GRACE model with random parameters, exported as they are."""
        pytest.importorskip("tensorpotential")
        import tensorflow as tf
        from tensorpotential.potentials.presets import GRACE_1LAYER_v1_24
        from tensorpotential.tensorpot import TensorPotential

        monkeypatch.chdir(tmp_path)
        small = {"lmax": 2, "max_order": 2, "n_rad_max": 4, "embedding_size": 16}
        shape = GRACE_1LAYER_v1_24(
            element_map={"Au": 0, "Cu": 1},
            rcut=5.0,
            avg_n_neigh=20.0,
            constant_out_shift=0.0,
            constant_out_scale=1.0,
            atomic_shift_map={0: -3.0, 1: -4.0},
            **small,
        )
        model = TensorPotential(shape.get_instructions(), param_dtype=tf.float64, jit_compile=False)
        model.save_model(exact_path=str(tmp_path / "model"), jit_compile=False)
        grace = from_folder("GRACE-small", tmp_path / "model", "1")
        assert (grace.name, len(grace.weights_sha256)) == ("grace-small", 64)
        assert "Cl" in grace.energies([rock_salt()])[0].reason
        for turn in (lambda s: s, left_handed):
            assert_slopes(grace, turn(gold_in_copper()), step=1e-4, tolerance=1e-4)


class TestCache:
    def test_a_hit_gives_the_same_number_without_the_potential(self) -> None:
        inner = TablePotential({"NaCl": -3.5123456789})
        first = values(Cached(inner), [rock_salt()])
        second = values(Cached(TablePotential({})), [rock_salt()])
        assert first == second == [-3.5123456789]

    def test_equal_structures_are_asked_once_failures_each_time(self) -> None:
        inner = TablePotential({"NaCl": -3.5})
        cached = Cached(inner)
        found = cached.energies([rock_salt(), simple_cubic("Na", 4.0), rock_salt()])
        assert [bool(e.reason) for e in found] == [False, True, False]
        assert len(inner.asked) == 2
        cached.energies([simple_cubic("Na", 4.0)])
        assert len(inner.asked) == 3

    def test_other_weights_are_another_potential(self) -> None:
        values(Cached(TablePotential({"NaCl": -3.5})), [rock_salt()])
        other = TablePotential({"NaCl": -3.6})
        other.weights_sha256 = "1" * 64
        assert values(Cached(other), [rock_salt()]) == [-3.6]

    @pytest.mark.parametrize("content", [b"this is no database", b"SQLite format 3\0" + b"\xff" * 5000, b""])
    def test_a_damaged_file_costs_only_time(self, content: bytes) -> None:
        path = cache_folder() / "energies.sqlite"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        for _ in range(3):
            assert values(Cached(TablePotential({"NaCl": -3.5})), [rock_salt()]) == [-3.5]
        assert values(Cached(TablePotential({})), [rock_salt()]) == [-3.5]

    def test_another_table_in_the_file_costs_only_time(self) -> None:
        path = cache_folder() / "energies.sqlite"
        path.parent.mkdir(parents=True)
        with sqlite3.connect(path) as database:
            database.execute("CREATE TABLE energies (something TEXT)")
        assert values(Cached(TablePotential({"NaCl": -3.5})), [rock_salt()]) == [-3.5]

    def test_an_unusable_folder_costs_only_time(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("SCOUT_CACHE", str(tmp_path / "file" / "below"))
        assert values(Cached(TablePotential({"NaCl": -3.5})), [rock_salt()]) == [-3.5]

    def test_many_at_once(self) -> None:
        structures = [rock_salt(a=5.5 + i / 100) for i in range(20)]
        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(lambda _: values(Cached(TablePotential({"NaCl": -3.5})), structures), range(16)))
        assert results == [[-3.5] * 20] * 16

    def test_the_folder(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        assert cache_folder() == Path(os.environ["SCOUT_CACHE"])
        monkeypatch.delenv("SCOUT_CACHE")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert cache_folder() == tmp_path / "scoutlang"
        monkeypatch.delenv("XDG_CACHE_HOME")
        assert cache_folder() == Path.home() / ".cache" / "scoutlang"

    def test_the_hash_sees_every_number(self) -> None:
        moved = rock_salt()
        moved.translate_sites([0], [1e-12, 0, 0])
        hashes = {structure_hash(s) for s in (rock_salt(), moved, rock_salt(a=5.65), rock_salt("K"))}
        assert len(hashes) == 4
        assert structure_hash(rock_salt()) == structure_hash(rock_salt())


def test_an_unknown_potential_is_an_error_with_a_way_out() -> None:
    with pytest.raises(ScoutError) as caught:
        potentials.load("dft")
    assert caught.value.code == "E440"
    assert caught.value.hint == "known potentials: chgnet, emt, grace, sevennet"


@pytest.mark.parametrize(("name", "package"), [("grace", "tensorpotential"), ("sevennet", "sevenn")])
def test_a_missing_package_names_its_extra(name: str, package: str) -> None:
    if find_spec(package):
        pytest.skip(f"{package} is installed")
    with pytest.raises(ScoutError) as caught:
        potentials.load(name)
    assert caught.value.code == "E440"
    assert package in caught.value.message
    assert caught.value.hint == f"pip install 'scoutlang[{name}]'"


def test_every_file_is_a_potential() -> None:
    for name in potentials.names():
        assert callable(import_module(f"scoutlang.potentials.{name}").create)


def test_the_default_potential_is_cached_and_named() -> None:
    assert isinstance(potentials.load(), Cached)
    assert potentials.load().name == "chgnet-0.3.0"
