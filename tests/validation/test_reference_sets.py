"""Own reference sets: from files and entries to Parquet and back, damage, names, unions, a folder
that cannot be written.
"""

from __future__ import annotations

import gzip
import json
import sys
import zipfile
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from crystals_by_hand import known, rock_salt, simple_cubic
from monty.json import MontyDecoder
from monty.serialization import dumpfn
from pymatgen.core import Lattice, Structure
from pymatgen.entries.computed_entries import ComputedStructureEntry

from scoutlang.support.errors import ScoutError
from scoutlang.validation.reference import Reference, known_names, load, store, to_table, union
from scoutlang.validation.reference.adding import add
from scoutlang.validation.reference.structures import ReferenceStructure
from scoutlang.validation.reference.table import rows


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SCOUT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def cifs(tmp_path: Path) -> Path:
    """Salt and copper, one file that is no CIF and one with shared sites."""
    folder = tmp_path / "cifs"
    folder.mkdir()
    rock_salt().to(str(folder / "salt.cif"))
    simple_cubic("Cu", 2.8).to(str(folder / "copper.cif"))
    (folder / "corrupt.cif").write_text("data_x\n_cell_length_a oops")
    Structure(Lattice.cubic(3), [{"Cu": 0.5, "Au": 0.5}], [[0, 0, 0]]).to(
        str(folder / "shared.cif")
    )
    return folder


def code(error: pytest.ExceptionInfo[ScoutError]) -> str:
    return error.value.code


def ids(reference: Reference) -> list[str]:
    return list(reference.table["id"].to_pylist())


def test_a_folder_of_cifs(cifs: Path) -> None:
    about = add("mine", str(cifs), licence="CC0")
    mine = load("mine")
    assert ids(mine) == ["copper.cif", "salt.cif"]
    assert {reason: counted["count"] for reason, counted in about["skipped"].items()} == {
        "not readable": 1,
        "disordered, or not of known elements": 1,
    }
    assert (about["licence"], about["citation"]) == ("CC0", "not stated")
    assert mine.about["sha256"] == mine.version
    assert list(store.damages("mine")) == []


def test_a_zip_and_one_file_with_limits(cifs: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "some.zip", "w") as archive:
        archive.write(cifs / "salt.cif", "inside/salt.cif")
        archive.write(cifs / "copper.cif", "copper.cif")
    about = add("zipped", str(tmp_path / "some.zip"), elements=("Na", "Cl"))
    assert ids(load("zipped")) == ["inside/salt.cif"]
    assert about["skipped"] == {"other elements": {"count": 1, "first": "copper.cif"}}
    assert add("one", str(cifs / "salt.cif"))["count"] == 1
    assert ids(load("one")) == ["salt.cif"]
    with pytest.raises(ScoutError) as caught:
        add("none", str(cifs / "salt.cif"), max_atoms=2)
    assert code(caught) == "E466"
    assert "more than 2 atoms: 1 (salt.cif)" in caught.value.message


@pytest.mark.parametrize("suffix", [".json", ".json.gz"])
def test_computed_structure_entries(tmp_path: Path, suffix: str) -> None:
    entries = [
        ComputedStructureEntry(s, -1.0, entry_id=f"e-{n}")
        for n, s in enumerate((rock_salt(), simple_cubic("Cu", 2.8)))
    ]
    entries.append(
        ComputedStructureEntry(
            Structure(Lattice.cubic(3), [{"Cu": 0.5, "Au": 0.5}], [[0, 0, 0]]),
            -1.0,
            entry_id="shared",
        )
    )
    dumpfn(entries, str(tmp_path / f"entries{suffix}"))
    about = add("entries", str(tmp_path / f"entries{suffix}"))
    (salt, copper) = load("entries").subset(["Na", "Cl", "Cu"])
    assert (salt.id, copper.id) == ("e-0", "e-1")
    assert salt.structure.distance_matrix == pytest.approx(rock_salt().distance_matrix, abs=1e-5)
    assert about["skipped"]["disordered, or not of known elements"] == {
        "count": 1,
        "first": "shared",
    }


def test_oxidation_states_do_not_matter(tmp_path: Path) -> None:
    charged = rock_salt().copy().add_oxidation_state_by_element({"Na": 1, "Cl": -1})
    dumpfn([ComputedStructureEntry(charged, -1.0)], str(tmp_path / "e.json"))
    add("charged", str(tmp_path / "e.json"))
    (salt,) = load("charged").subset(["Na", "Cl"])
    assert salt.structure.composition.reduced_formula == "NaCl"


def test_entries_of_a_stranger_run_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder that pymatgen's users read such files with imports the module that a property
    names: this trap would spring.
    """
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "trap.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w').close()")
    entry = ComputedStructureEntry(rock_salt(), -1.0, entry_id="e").as_dict()
    trap = {"@module": "trap", "@class": "Trap"}
    entry["structure"]["sites"][0]["properties"] = {"x": trap}
    (tmp_path / "e.json").write_text(json.dumps({"entries": [entry | {"data": trap}]}))
    add("mine", str(tmp_path / "e.json"))
    assert ids(load("mine")) == ["e"]
    assert not (tmp_path / "sprung").exists()
    json.loads((tmp_path / "e.json").read_text(), cls=MontyDecoder)
    assert (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"{", "E203"),
        (b"3", "E466"),
        (b"[]", "E466"),
        (b'[1, {"structure": {}}]', "E466"),
        (b"[" * 100_000, "E203"),
        (b"\xff", "E203"),
    ],
)
def test_json_of_other_kinds(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "e.json").write_bytes(content)
    with pytest.raises(ScoutError) as caught:
        add("mine", str(tmp_path / "e.json"))
    assert code(caught) == expected
    assert known_names() == ["mp-mini"]


def test_a_damaged_gzip_file(tmp_path: Path) -> None:
    (tmp_path / "e.json.gz").write_bytes(gzip.compress(b"[]" * 5000)[:-9])
    with pytest.raises(ScoutError) as caught:
        add("mine", str(tmp_path / "e.json.gz"))
    assert code(caught) == "E201"


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "", ".", "..", ".hidden", "a+b", "mp-mini", "x" * 65, "Ä", "a\n", "-x"]
)
def test_names_stay_in_their_folder(cifs: Path, name: str, data_folder: Path) -> None:
    with pytest.raises(ScoutError) as caught:
        add(name, str(cifs))
    assert code(caught) == "E460"
    assert not data_folder.exists()
    with pytest.raises(ScoutError):
        store.remove(name)


def test_a_set_is_not_overwritten_by_mistake(cifs: Path) -> None:
    add("mine", str(cifs))
    before = load("mine").version
    with pytest.raises(ScoutError) as caught:
        add("mine", str(cifs / "salt.cif"))
    assert (code(caught), load("mine").version) == ("E461", before)
    assert "--replace" in caught.value.hint
    with pytest.raises(ScoutError):
        add("mine", str(cifs / "corrupt.cif"), replace=True)
    assert load("mine").version == before
    add("mine", str(cifs / "salt.cif"), replace=True)
    assert ids(load("mine")) == ["salt.cif"]
    assert [p.name for p in store.references_folder().iterdir()] == ["mine"]


def test_a_flipped_byte_is_found(cifs: Path) -> None:
    add("mine", str(cifs))
    file = store.references_folder() / "mine" / "structures.parquet"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert any("SHA-256" in damage for damage in store.damages("mine"))
    with pytest.raises(ScoutError) as caught:
        load("mine")
    assert code(caught) == "E465"


def test_rows_are_read_again(cifs: Path) -> None:
    """A file whose hash was written anew is still not of one piece: the formula of a row is not
    that of its atoms.
    """
    import hashlib

    import pyarrow.parquet as pq

    add("mine", str(cifs))
    folder = store.references_folder() / "mine"
    table = pq.read_table(folder / "structures.parquet")
    wrong = table.set_column(table.schema.get_field_index("formula"), "formula", [["CuO", "NaCl"]])
    pq.write_table(wrong, folder / "structures.parquet")
    about = store.describe("mine") | {
        "sha256": hashlib.sha256((folder / "structures.parquet").read_bytes()).hexdigest()
    }
    (folder / "about.json").write_text(json.dumps(about))
    (damage,) = store.damages("mine")
    assert damage.startswith("row 0:")


def test_the_embedded_set_is_sound() -> None:
    about = load("mp-mini").about
    assert about["count"] == len(load("mp-mini"))
    assert "doi:10.1063/1.4812323" in about["citation"]
    assert "CC-BY-4.0" in about["licence"]


@pytest.mark.slow
def test_every_row_of_the_embedded_set_is_sound() -> None:
    assert list(store.damages("mp-mini")) == []


def test_a_folder_that_cannot_be_written(cifs: Path, data_folder: Path) -> None:
    data_folder.write_text("a file is in its place")
    with pytest.raises(ScoutError) as caught:
        add("mine", str(cifs))
    assert code(caught) == "E467"
    assert "SCOUT_DATA" in caught.value.hint
    assert known_names() == ["mp-mini"]


def test_a_disk_that_fills_up_leaves_nothing(cifs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any, **kwargs: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.pq, "write_table", full)
    with pytest.raises(ScoutError) as caught:
        add("mine", str(cifs))
    assert code(caught) == "E467"
    assert "No space left" in caught.value.message
    assert list(store.references_folder().iterdir()) == []


def test_unions(cifs: Path) -> None:
    add("mine", str(cifs))
    both = load("mp-mini+mine")
    assert both.name == "mp-mini+mine"
    assert len(both) == len(load("mp-mini")) + 2
    assert both.version not in (load("mp-mini").version, load("mine").version)
    assert both.version != load("mine+mp-mini").version
    assert [part["name"] for part in both.about["parts"]] == ["mp-mini", "mine"]
    assert {r.id for r in both.subset(["Na", "Cl"])} == {
        r.id for name in ("mp-mini", "mine") for r in load(name).subset(["Na", "Cl"])
    }
    assert load("mine+mine").version == load("mine").version


def test_the_first_of_a_union_wins() -> None:
    first, second = known(rock_salt()), known(rock_salt(a=5.9), simple_cubic("Cu", 2.8))
    joined = union([first, second]).subset(["Na", "Cl", "Cu"])
    assert [(r.id, round(r.structure.lattice.a, 2)) for r in joined] == [
        ("0", round(rock_salt().lattice.a, 2)),
        ("1", 2.8),
    ]


def test_an_unknown_name_gets_a_suggestion(cifs: Path) -> None:
    add("copper-set", str(cifs))
    with pytest.raises(ScoutError) as caught:
        load("mp-mini+coper-set")
    assert code(caught) == "E441"
    assert "did you mean copper-set?" in caught.value.hint
    assert "mp-mini" in caught.value.hint


def test_a_set_can_be_removed(cifs: Path) -> None:
    add("mine", str(cifs))
    store.remove("mine")
    assert known_names() == ["mp-mini"]
    with pytest.raises(ScoutError):
        store.remove("mine")


def test_a_strange_source_says_what_there_is() -> None:
    with pytest.raises(ScoutError) as caught:
        add("mine", "alexandra", elements=("Cu",))
    assert code(caught) == "E462"
    assert "alexandria" in caught.value.hint
    with pytest.raises(ScoutError) as caught:
        add("mine", "alexandria", elements=("Cu", "Qq"))
    assert "Qq is no element" in caught.value.message


def test_only_what_is_asked_for_becomes_a_structure(monkeypatch: pytest.MonkeyPatch) -> None:
    symbols = ["Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Sr", "Ba", "O", "S", "Se", "F", "Cl", "Br"]
    some = [
        ReferenceStructure(
            f"{a}-{b}",
            "test",
            Structure(Lattice.cubic(9), [a] * 10 + [b] * 10, [[i / 20, 0, 0] for i in range(20)]),
            "-",
            "-",
        )
        for a in symbols
        for b in symbols
        if a < b
    ]
    import pyarrow as pa

    table = to_table(some)
    large = Reference("large", "0" * 64, pa.concat_tables([table] * 10))
    made: list[object] = []

    def counted(*args: Any) -> Structure:
        made.append(args)
        return Structure(*args)

    monkeypatch.setattr("scoutlang.validation.reference.table.Structure", counted)
    assert large.subset(["Cu", "O"]) == []
    assert made == []
    assert [found.id for found in large.subset(["Li", "Na", "O"])] == ["Li-Na", "Li-O", "Na-O"] * 10
    assert len(made) == 30
    assert len(list(rows(table))) == len(some)


def test_the_materials_project_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MP_API_KEY", raising=False)
    with pytest.raises(ScoutError) as caught:
        add("mine", "mp-api", elements=("Na", "Cl"))
    assert code(caught) == "E468"
    monkeypatch.setenv("MP_API_KEY", "secret")
    monkeypatch.setitem(sys.modules, "mp_api.client", None)
    with pytest.raises(ScoutError) as caught:
        add("mine", "mp-api", elements=("Na", "Cl"))
    assert (code(caught), "not installed" in caught.value.message) == ("E468", True)


def mp_client(monkeypatch: pytest.MonkeyPatch, search: Any) -> None:
    """The database cannot be reached from a test: a module with the two calls that we make of
    mp-api 0.46.
    """

    class MPRester:
        def __init__(self, api_key: str, mute_progress_bars: bool) -> None:
            self.materials = SimpleNamespace(summary=SimpleNamespace(search=search))

        def __enter__(self) -> MPRester:
            return self

        def __exit__(self, *error: object) -> None:
            pass

    module = ModuleType("mp_api.client")
    module.MPRester = MPRester  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mp_api", ModuleType("mp_api"))
    monkeypatch.setitem(sys.modules, "mp_api.client", module)
    monkeypatch.setenv("MP_API_KEY", "secret")


def test_structures_of_the_materials_project(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def search(
        chemsys: str,
        deprecated: bool,
        fields: list[str],
        all_fields: bool,
        num_sites: tuple[int, int],
    ) -> list[SimpleNamespace]:
        asked.append((chemsys, num_sites))
        found = {"Cl-Na": [("mp-22862", rock_salt())], "Na": [("mp-127", simple_cubic("Na", 4.2))]}
        return [
            SimpleNamespace(material_id=id_, structure=structure)
            for id_, structure in found.get(chemsys, [])
        ]

    mp_client(monkeypatch, search)
    about = add("mine", "mp-api", elements=("Na", "Cl"), max_atoms=20)
    assert asked == [("Cl", (1, 20)), ("Na", (1, 20)), ("Cl-Na", (1, 20))]
    assert ids(load("mine")) == ["mp-127", "mp-22862"]
    assert (about["licence"], "doi:10.1063/1.4812323" in about["citation"]) == ("CC-BY-4.0", True)


def test_a_refused_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def search(**query: Any) -> None:
        raise ValueError("401: bad key secret")

    mp_client(monkeypatch, search)
    with pytest.raises(ScoutError) as caught:
        add("mine", "mp-api", elements=("Na", "Cl"))
    assert code(caught) == "E463"
    assert "secret" not in str(caught.value)
