"""CHGNet behind the interface, and the cache in front of it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from math import isnan
from pathlib import Path

import numpy as np
import pytest
from by_hand import TablePotential, rock_salt, simple_cubic
from pymatgen.core import Lattice, Structure

from scoutlang.errors import ScoutError
from scoutlang.validation import potentials
from scoutlang.validation.potentials.cache import Cached, cache_folder, structure_hash
from scoutlang.validation.potentials.chgnet import CHGNetPotential
from scoutlang.validation.reference import load


@pytest.fixture(scope="module")
def chgnet() -> CHGNetPotential:
    return CHGNetPotential()


def values(potential: potentials.Potential, structures: Sequence[Structure], batch_size: int = 16) -> list[float]:
    return [e.energy for e in potential.energies(structures, batch_size=batch_size)]


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
    assert "chgnet" in caught.value.hint


def test_the_default_potential_is_cached_and_named() -> None:
    assert potentials.load().name == "chgnet-0.3.0"
