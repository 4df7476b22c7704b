"""Reference sets of strangers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pymatgen.core import Lattice, Structure

from scoutlang.support.errors import ScoutError
from scoutlang.validation.matching import Known, TooSlender, reduced, slender
from scoutlang.validation.reference import SCHEMA, ReferenceStructure, store


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCOUT_DATA", str(tmp_path))
    salt = Structure(Lattice.cubic(3.5), ["Na", "Cl"], [[0, 0, 0], [0.5] * 3])
    store.save("theirs", [ReferenceStructure("a", "x", salt, "c", "l")], {"source": "x"})
    return tmp_path / "references" / "theirs"


def described(place: Path, **changes: Any) -> None:
    about = json.loads((place / "about.json").read_text(encoding="utf-8"))
    (place / "about.json").write_text(json.dumps(about | changes), encoding="utf-8")


def replaced(place: Path, table: pa.Table, **options: Any) -> None:
    pq.write_table(table, place / "structures.parquet", **options)
    content = (place / "structures.parquet").read_bytes()
    described(place, sha256=hashlib.sha256(content).hexdigest(), count=table.num_rows)


def refused() -> str:
    with pytest.raises(ScoutError) as caught:
        store.load_one("theirs")
    assert caught.value.code == "E465"
    assert list(store.damages("theirs"))
    return str(caught.value)


@pytest.mark.parametrize(
    "about", ["null", "[]", "[1]", '"x"', "{", '{"skipped": [1]}', '{"name": 1}']
)
def test_a_description_that_is_none(about: str, place: Path) -> None:
    (place / "about.json").write_text(about, encoding="utf-8")
    assert "about.json" in refused()


def test_halves_of_characters_in_a_description(place: Path) -> None:
    described(place, citation="\ud800")
    assert store.describe("theirs")["citation"] == "\ufffd"


def test_a_table_that_unfolds_to_gigabytes_is_not_loaded(place: Path) -> None:
    """A megabyte or so on disk: equal numbers are written once."""
    row = pq.read_table(place / "structures.parquet")
    many = pa.chunked_array([pa.array([[0.0] * 3_000_000], pa.list_(pa.float32()))] * 200)
    columns = {
        name: pa.chunked_array([row[name].chunk(0)] * 200) if name != "frac" else many
        for name in SCHEMA.names
    }
    replaced(place, pa.table(columns, SCHEMA), compression="zstd")
    assert (place / "structures.parquet").stat().st_size < 20 << 20
    assert "memory" in refused()


def test_other_columns(place: Path) -> None:
    replaced(place, pa.table({"id": ["a"]}))
    assert "columns" in refused()


def test_files_beside_are_files_of_the_set(place: Path) -> None:
    described(place, beside={"../../../etc/passwd": "0"})
    assert any("no file of the set" in one for one in store.damages("theirs"))


def test_numbers_that_are_not_finite_are_no_sound_set(place: Path) -> None:
    table = pq.read_table(place / "structures.parquet")
    at = table.schema.get_field_index("lattice")
    broken = pa.array([[float("inf")] + [0.0] * 8], SCHEMA.field("lattice").type)
    replaced(place, table.set_column(at, SCHEMA.field("lattice"), broken))
    assert list(store.damages("theirs"))


@pytest.mark.parametrize("abc", [(1000, 0.5, 0.5), (2000, 2, 2)])
def test_needles_are_refused_before_anything_is_compared(abc: tuple[float, ...]) -> None:
    needle = Structure(Lattice.orthorhombic(*abc), ["Cu", "P"], [[0, 0, 0], [0.5] * 3])
    assert slender(needle)
    with pytest.raises(TooSlender):
        reduced(needle)


def test_long_cells_that_occur_are_compared() -> None:
    known = Known()
    cell = Lattice.hexagonal(2.5, 100)
    one = reduced(Structure(cell, ["Si", "C"], [[0, 0, 0], [1 / 3, 2 / 3, 0.02]]))
    known.add("a", one)
    assert known.find(one) == "a"
