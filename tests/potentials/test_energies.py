"""Potentials behind their interface, and the cache in front of it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from math import isnan
from pathlib import Path

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from crystals_by_hand import (
    TablePotential,
    argon,
    auricupride,
    close_packed,
    rock_salt,
    simple_cubic,
)
from pymatgen.core import DummySpecies, Lattice, Structure
from pymatgen.io.ase import AseAtomsAdaptor

from scoutlang import potentials
from scoutlang.potentials import CalculatorPotential, structure_hash
from scoutlang.potentials._cache import Cached
from scoutlang.potentials.chgnet import CHGNetPotential
from scoutlang.support.errors import ScoutError
from scoutlang.support.resources import cache_folder
from scoutlang.testing import check_potential
from scoutlang.validation.reference import load


@pytest.fixture(scope="module")
def chgnet() -> CHGNetPotential:
    return CHGNetPotential()


def values(
    potential: potentials.Potential, structures: Sequence[Structure], batch_size: int = 16
) -> list[float]:
    return [e.energy for e in potential.energies(structures, batch_size=batch_size)]


class TestCHGNet:
    def test_it_says_what_it_is(self, chgnet: CHGNetPotential) -> None:
        assert chgnet.name == "chgnet-0.3.0"
        assert chgnet.version.startswith("chgnet 0.")
        assert (
            chgnet.weights_sha256
            == "d14ab7c0f093efe64b60a7bcd540bca10e74fb7f46c86108a079af60524659d1"
        )

    @pytest.mark.slow
    def test_silent_and_known(
        self,
        chgnet: CHGNetPotential,
        capfd: pytest.CaptureFixture[str],
        recwarn: pytest.WarningsRecorder,
    ) -> None:
        """Rock salt in the Materials Project (mp-22862, MP2020 corrected): -3.66 eV/atom."""
        (energy,) = values(CHGNetPotential(), [rock_salt()])
        assert energy == pytest.approx(-3.66, abs=0.1)
        assert capfd.readouterr() == ("", "")
        assert not recwarn.list

    @pytest.mark.slow
    def test_it_is_a_potential(self, chgnet: CHGNetPotential) -> None:
        """In float32."""
        check_potential(
            chgnet, [auricupride(), rock_salt(), close_packed("Mg", 3.2)], tolerance=1e-5
        )

    @pytest.mark.slow
    def test_real_crystals_in_batches(self, chgnet: CHGNetPotential) -> None:
        structures = [
            r.structure for r in load().subset(["Li", "Co", "O"]) if len(r.structure) <= 20
        ]
        one_by_one = values(chgnet, structures, batch_size=1)
        assert np.allclose(values(chgnet, structures, batch_size=7), one_by_one, atol=2e-5)

    @pytest.mark.slow
    def test_dense_cells_take_several_calls_and_denser_ones_are_refused(
        self, chgnet: CHGNetPotential
    ) -> None:
        """Random atoms at 4.5 Å^3 each have 600 angles per atom, so these cells go through the
        model in several calls.
        """
        rng = np.random.default_rng(0)
        dense = [
            Structure(Lattice.cubic((12 * 4.5) ** (1 / 3)), ["Cu"] * 12, rng.random((12, 3)))
            for _ in range(4)
        ]
        collapsed = simple_cubic("Cu", 1.3)
        found = chgnet.energies([*dense, collapsed, rock_salt()])
        assert [bool(e.reason) for e in found] == [False] * 4 + [True, False]
        assert "denser than" in found[4].reason
        assert [e.energy for e in found[:4]] == pytest.approx(
            values(chgnet, dense, batch_size=1), abs=1e-4
        )

    @pytest.mark.slow
    def test_bad_structures_are_data(
        self, chgnet: CHGNetPotential, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        unknown = simple_cubic("Cf", 4.0)
        isolated = simple_cubic("Ar", 9.0)
        disordered = Structure(Lattice.cubic(4), [{"Na": 0.5, "K": 0.5}], [(0, 0, 0)])
        not_finite = Structure(Lattice.cubic(4), ["Na", "Cl"], [(0, 0, 0), (0.5, np.nan, 0.5)])
        found = chgnet.energies([rock_salt(), unknown, isolated, disordered, not_finite])
        assert not found[0].reason
        assert (
            [isnan(e.energy) for e in found]
            == [bool(e.reason) for e in found]
            == [False, True, True, True, True]
        )
        assert "does not know Cf" in found[1].reason
        assert "partially occupied" in found[3].reason
        assert list(tmp_path.glob("*.cif")) == []

    def test_untrained_elements_are_unknown(self, chgnet: CHGNetPotential) -> None:
        """The network has rows for them; MPtrj has no crystal with them, and so their reference
        energies are what they were drawn as.
        """
        for element in ("Po", "At", "Rn", "Fr", "Ra"):
            assert (
                chgnet.energies([simple_cubic(element, 3.4)])[0].reason
                == f"does not know {element}"
            )


class TestCalculators:
    """Real calculators of ASE."""

    def test_it_gives_what_the_calculator_gives(self) -> None:
        alloy = auricupride().perturb(0.05)
        atoms = AseAtomsAdaptor.get_atoms(alloy)
        atoms.calc = EMT()
        emt = potentials.load("emt")
        assert values(emt, [alloy]) == [pytest.approx(atoms.get_potential_energy() / 4, abs=1e-12)]
        (found,) = emt.evaluate([alloy])
        assert np.allclose(found.forces, atoms.get_forces())
        assert np.allclose(found.stress, atoms.get_stress(voigt=False))

    def test_emt_is_a_potential(self) -> None:
        check_potential(
            potentials.load("emt"), [auricupride(), close_packed("Ag", 2.9)], tolerance=1e-9
        )

    def test_any_calculator_will_do(self) -> None:
        """Argon: Lennard-Jones with ε = 10.3 meV, σ = 3.40 Å binds fcc at 5.24 Å by 8.6 ε (its
        lattice sum, Kittel ch. 3).
        """
        far = CalculatorPotential(
            "lj", "1", "0" * 64, lambda: LennardJones(epsilon=0.0103, sigma=3.4, rc=20.0)
        )
        assert values(far, [argon()]) == [pytest.approx(-8.6 * 0.0103, rel=0.01)]
        near = CalculatorPotential(
            "lj",
            "1",
            "0" * 64,
            lambda: LennardJones(epsilon=0.0103, sigma=3.4, rc=9.0, smooth=True),
        )
        check_potential(near, [argon(), close_packed("Kr", 4.1)], tolerance=1e-9, unknown=None)

    def test_bad_structures_are_data(self) -> None:
        emt = potentials.load("emt")
        collapsed = Structure(Lattice.cubic(0.5), ["Cu"], [(0, 0, 0)])
        dummy = Structure(Lattice.cubic(4), [DummySpecies("X")], [(0, 0, 0)])
        bad = [rock_salt(), simple_cubic("O", 3.0), collapsed, dummy]
        for found in (emt.energies([*bad, auricupride()]), emt.evaluate([*bad, auricupride()])):
            assert (
                [bool(e.reason) for e in found]
                == [isnan(e.energy) for e in found]
                == [True] * 4 + [False]
            )
            assert found[0].reason == "does not know Cl, Na"
            # the calculator has parameters of it, which mean nothing
            assert found[1].reason == "does not know O"
            assert all(e.forces is None for e in found[:4])

    def test_a_calculator_that_cannot_be_made_is_an_error_of_the_run(self) -> None:
        broken = CalculatorPotential(
            "lj", "1", "0" * 64, lambda: LennardJones(**{"epsilon": 1.0, "sigma": 2.0, "rc": "far"})
        )
        with pytest.raises(ScoutError) as caught:
            broken.energies([argon()])
        assert caught.value.code == "E447"

    def test_a_calculator_that_lacks_a_package_is_an_error_of_the_run(self) -> None:
        lacking = CalculatorPotential(
            "far", "1", "0" * 64, lambda: import_module("no_such_package").Calculator()
        )
        with pytest.raises(ScoutError, match="no_such_package") as caught:
            lacking.energies([argon()])
        assert caught.value.code == "E440"


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

    @pytest.mark.parametrize(
        "content", [b"this is no database", b"SQLite format 3\0" + b"\xff" * 5000, b""]
    )
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

    def test_an_unusable_folder_costs_only_time(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("SCOUT_CACHE", str(tmp_path / "file" / "below"))
        assert values(Cached(TablePotential({"NaCl": -3.5})), [rock_salt()]) == [-3.5]

    def test_many_at_once(self) -> None:
        structures = [rock_salt(a=5.5 + i / 100) for i in range(20)]
        with ThreadPoolExecutor(8) as pool:
            results = list(
                pool.map(
                    lambda _: values(Cached(TablePotential({"NaCl": -3.5})), structures), range(16)
                )
            )
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
        hashes = {
            structure_hash(s) for s in (rock_salt(), moved, rock_salt(a=5.65), rock_salt("K"))
        }
        assert len(hashes) == 4
        assert structure_hash(rock_salt()) == structure_hash(rock_salt())


def test_the_default_potential_is_cached_and_named() -> None:
    assert isinstance(potentials.load(), Cached)
    assert potentials.load().name == "chgnet-0.3.0"
