"""Each form in which structures leave, read back by the library that it is for."""

from __future__ import annotations

import csv
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import ase.db
import numpy as np
import pytest
from click.testing import CliRunner
from hostile_salts import HOSTILE
from monty.serialization import loadfn
from pymatgen.analysis.phase_diagram import PhaseDiagram
from pymatgen.core import Lattice, Structure
from relaxed_salts import BY_ENERGY, SAMPLED, relaxed_run

import scoutlang
from scoutlang.crystals.specimen import Specimen
from scoutlang.interfaces.cli import commands
from scoutlang.report import exports
from scoutlang.report.exports import Exported, _item, export, formats, optimade
from scoutlang.runs.judge import Judged, adopt
from scoutlang.support.errors import ScoutError


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    return relaxed_run(tmp_path_factory.mktemp("runs") / "salts")


@pytest.fixture
def written(judged: Judged, tmp_path: Path) -> Callable[..., Exported]:
    def write(form: str, **choice: Any) -> Exported:
        return export(judged, form, tmp_path / form, **choice)

    return write


def ids(judged: Judged) -> list[str]:
    return [r.id for r in judged.records if r.generated.structure is not None]


def same(one: Structure, other: Structure) -> bool:
    """Up to the digits of the file, the same atoms in the same order and places."""
    if [s.specie.symbol for s in one] != [s.specie.symbol for s in other]:
        return False
    away = one.frac_coords - other.frac_coords
    return bool(
        np.allclose(one.lattice.abc, other.lattice.abc, atol=1e-5)
        and np.allclose(one.lattice.angles, other.lattice.angles, atol=1e-4)
        and np.allclose(away - np.rint(away), 0, atol=1e-5)
    )


# ---- OPTIMADE ----


def served(folder: Path) -> Any:
    """The reference server on an export, as its settings say, asked without a network."""
    from fastapi.testclient import TestClient
    from optimade.server.config import ServerConfig
    from optimade.server.create_app import create_app

    settings = json.loads((folder / optimade.SETTINGS).read_text(encoding="utf-8"))
    settings["insert_from_jsonl"] = str(folder / settings["insert_from_jsonl"])
    return TestClient(create_app(ServerConfig(**settings)))


@pytest.mark.slow
def test_an_optimade_server_serves_it(
    judged: Judged,
    written: Callable[..., Exported],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("OPTIMADE_CONFIG_FILE", str(tmp_path / "none.json"))
    done = written("optimade")
    assert (done.structures, done.left_out) == (5, {f"E202 NaN {HOSTILE}": 1})
    server = served(done.path)

    def asked(question: str) -> set[str]:
        answer = server.get("/v1/structures", params={"filter": question})
        assert answer.status_code == 200, answer.text
        return {entry["id"] for entry in answer.json()["data"]}

    def those(holds: Callable[[Any], bool]) -> set[str]:
        return {id_ for id_ in ids(judged) if holds(judged.record(id_))}

    two = those(lambda r: len(r.structure.composition) == 2)
    assert asked("nelements=2") == asked('elements HAS ALL "Na","Cl"') == two
    assert len(two) == 4
    assert asked('chemical_formula_reduced="ClNa"') == two
    assert asked('chemical_formula_anonymous="AB" AND nsites<3') == those(
        lambda r: len(r.structure) == 2
    )
    assert asked('_scout_arm="guided"') == those(lambda r: r.arm == "guided")
    assert asked("_scout_hit=1") == those(lambda r: r.hit is True)
    assert asked("_scout_e_above_hull<=0.102") == those(lambda r: r.e_above_hull <= 0.102)
    assert asked("_scout_exact_six>=6") == those(lambda r: (r.term("six").exact or 0) >= 6)
    assert asked("_scout_is_dft=1") == set()

    [first] = server.get("/v1/structures", params={"page_limit": 1}).json()["data"]
    assert first["attributes"]["_scout_potential"] == "flat 1"
    assert first["attributes"]["_scout_geometry"] == "sampled"
    info = server.get("/v1/info/structures").json()["data"]["properties"]
    assert info["_scout_e_above_hull"]["unit"] == "eV/atom"
    assert "not of density functional theory" in info["_scout_is_dft"]["description"]


@pytest.mark.slow
def test_optimade_entries_give_the_same_crystals(
    judged: Judged, written: Callable[..., Exported]
) -> None:
    """Entry by entry, through the models of the reference library and its adapter for pymatgen."""
    from optimade.adapters import Structure as Adapter

    lines = (written("optimade").path / optimade.LINES).read_text(encoding="utf-8").splitlines()
    header, info, *entries = map(json.loads, lines)
    assert header == {"x-optimade": {"meta": {"api_version": "1.2.0"}}}
    assert (info["type"], info["id"]) == ("info", "structures")
    assert [entry["id"] for entry in entries] == ids(judged)
    for entry in entries:
        assert same(Adapter(entry).as_pymatgen, judged.record(entry["id"]).structure)


def test_formulas_of_optimade() -> None:
    """By the rules of the specification, of which the Hill order puts carbon first."""
    cell = Lattice.cubic(9)
    crystal = Structure(cell, [*"CCHHHHHH", "O", "D"], np.random.default_rng(1).random((10, 3)))
    found = optimade.attributes(crystal)
    assert found["chemical_formula_hill"] == "C2H7O"
    assert found["chemical_formula_reduced"] == "C2H7O"
    assert found["chemical_formula_anonymous"] == "A7B2C"
    assert [one["name"] for one in found["species"]] == ["C", "H", "O"]
    assert found["species_at_sites"][-1] == "H"
    assert sum(found["elements_ratios"]) == pytest.approx(1)
    salt = optimade.attributes(Structure(cell, ["Na", "Na", "Cl", "Cl"], np.eye(4)[:, :3]))
    assert salt["chemical_formula_reduced"] == "ClNa"
    assert salt["chemical_formula_hill"] == "Cl2Na2"
    assert salt["chemical_formula_anonymous"] == "AB"
    assert [optimade._letter(k) for k in (0, 25, 26, 52)] == ["A", "Z", "Aa", "Ab"]


# ---- the others ----


def test_ase_reads_its_database(judged: Judged, written: Callable[..., Exported]) -> None:
    done = written("ase", geometry="energy", licence="CC-BY-4.0")
    assert sum(done.left_out.values()) == len(SAMPLED) - len(BY_ENERGY)
    database = ase.db.connect(done.path, type="db")
    assert database.count() == len(BY_ENERGY) == done.structures
    relaxation = judged.relaxation("energy")
    assert relaxation is not None
    records = {r.id: r for r in relaxation.validation.records}
    for row in database.select():
        record = records[row.scout_id]
        assert (row.arm, row.geometry, row.potential) == (record.arm, "energy", "flat 1")
        assert row.is_dft == 0
        assert row.calculator == "flat"
        assert row.energy == pytest.approx(record.number("energy") * row.natoms)
        assert row.toatoms().get_potential_energy() == row.energy
        assert row.get("e_above_hull") == record.e_above_hull
        assert row.get("exact_six") == record.term("six").exact
        np.testing.assert_allclose(row.toatoms().get_volume(), record.structure.volume)
    hits = {row.scout_id for row in database.select("hit=1,e_above_hull<0.2")}
    assert hits == {r.id for r in records.values() if r.hit and r.e_above_hull < 0.2}
    assert hits
    assert database.metadata["licence"] == "CC-BY-4.0"
    assert database.metadata["key_descriptions"]["e_above_hull"][2] == "eV/atom"


def test_pymatgen_makes_a_phase_diagram_of_the_entries(
    judged: Judged, written: Callable[..., Exported]
) -> None:
    """The heights that it finds are those of the run: hull and structures are by one potential."""
    entries = loadfn(written("entries").path, fmt="json")
    assert {entry.data["potential"] for entry in entries} == {"flat 1"}
    assert {entry.data["is_dft"] for entry in entries} == {False}
    assert {entry.correction for entry in entries} == {0}
    known = [entry for entry in entries if entry.data["role"] == "reference"]
    assert len(known) == 2
    diagram = PhaseDiagram(known)
    generated = [entry for entry in entries if entry.data["role"] == "generated"]
    with_energy = [r for r in judged.records if r.number("energy") is not None]
    assert [entry.entry_id for entry in generated] == [r.id for r in with_energy]
    for entry in generated:
        record = judged.record(entry.entry_id)
        assert entry.energy_per_atom == pytest.approx(record.number("energy"))
        _, height = diagram.get_decomp_and_e_above_hull(entry, allow_negative=True)
        assert height == pytest.approx(record.e_above_hull) == entry.data["e_above_hull"]
        assert same(entry.structure, record.structure)


def test_mattergen_loads_its_own_layout(judged: Judged, written: Callable[..., Exported]) -> None:
    done = written("mattergen", arms=["guided"])
    guided = [judged.record(id_) for id_ in ids(judged) if judged.record(id_).arm == "guided"]
    assert done.structures == len(guided) == 3
    importlib.import_module("scoutlang.sampling.mattergen")  # it makes mattergen importable
    from mattergen.common.utils.eval_utils import load_structures

    files = [
        done.path / name for name in ("generated_crystals.extxyz", "generated_crystals_cif.zip")
    ]
    assert sorted(done.path.iterdir()) == files
    crystals = load_structures(files[0])
    for found, record in zip(crystals, guided, strict=True):
        assert same(found, record.structure)
        assert found.properties["scout_id"] == record.id
        assert found.properties["potential"] == "flat 1"
        assert not found.properties["is_dft"]
    by_cif = load_structures(files[1])  # in the order of the folder that they are unpacked into
    assert len(by_cif) == 3
    assert all(any(same(one, record.structure) for one in by_cif) for record in guided)


def test_rocrate_reads_what_it_describes(judged: Judged, written: Callable[..., Exported]) -> None:
    rocrate = pytest.importorskip("rocrate.rocrate")
    done = written("rocrate", licence="CC-BY-4.0", authors=["Ada", HOSTILE])
    crate = rocrate.ROCrate(done.path)
    assert crate.metadata.id == "ro-crate-metadata.json"
    assert crate.metadata["conformsTo"].rstrip("/") == "https://w3id.org/ro/crate/1.1"
    assert "not of density functional theory" in crate.description
    assert crate.license.id == "https://spdx.org/licenses/CC-BY-4.0"
    assert [one["name"] for one in crate.root_dataset["author"]] == ["Ada", HOSTILE]
    parts = {part.id: part for part in crate.data_entities}
    assert set(parts) == {p.name for p in done.path.iterdir()} - {"ro-crate-metadata.json"}
    for name, part in parts.items():
        assert int(part["contentSize"]) == (done.path / name).stat().st_size
    run = crate.dereference("#run")
    assert {one["name"] for one in run["instrument"]} == {"scoutlang", "flat"}
    assert run["object"].id == "hypothesis.scout"
    with (done.path / "structures.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["id"] for row in rows] == ids(judged)
    described = {one.id.lstrip("#") for one in crate.root_dataset["variableMeasured"]}
    assert described == set(rows[0]) - {"id", "formula"}
    again = json.loads((done.path / "ro-crate-metadata.json").read_text(encoding="utf-8"))
    known = {entity["@id"] for entity in again["@graph"]}
    pointed = {
        one["@id"]
        for entity in again["@graph"]
        for value in entity.values()
        for one in (value if isinstance(value, list) else [value])
        if isinstance(one, dict)
    }
    outside = {one for one in pointed - known if one.startswith(("https://w3id", "http://schema"))}
    assert pointed - known == outside


def test_a_crate_without_a_licence_says_so(written: Callable[..., Exported]) -> None:
    text = (written("rocrate").path / "ro-crate-metadata.json").read_text(encoding="utf-8")
    graph = {entity["@id"]: entity for entity in json.loads(text)["@graph"]}
    assert graph["./"]["license"] == {"@id": "#licence"}
    assert graph["#licence"]["name"] == "no licence given"


# ---- what leaves ----


def test_candidates_leave_in_the_geometry_in_which_they_are_some(
    judged: Judged, written: Callable[..., Exported]
) -> None:
    done = written("entries", which="candidates")
    entries = [e for e in loadfn(done.path, fmt="json") if e.data["role"] == "generated"]
    listed = scoutlang.candidates(judged)
    assert len(listed) == 2
    found = {(e.entry_id, e.data["geometry"], e.data["rank"], e.data["candidate"]) for e in entries}
    assert found == {(one.id, one.geometry, one.rank, True) for one in listed}
    assert {one.geometry for one in listed} == {"energy", "constraint"}


def test_the_export_of_python_is_the_same(judged: Judged, tmp_path: Path) -> None:
    path = scoutlang.export(judged, "ase", tmp_path / "hits.db", which="hits")
    assert path == tmp_path / "hits.db"
    hits = {row.scout_id for row in ase.db.connect(path).select()}
    assert hits == {r.id for r in judged.records if r.hit is True}


def test_names_of_lines_are_apart() -> None:
    program = scoutlang.check(
        "system Na-Cl; require CN(Na-Cl) = 6; require CN(Na-*) = 6; prefer α: density = 2 g/cm^3"
    ).program
    assert program is not None
    names = [fact.name for fact in _item.facts_of(program) if fact.name.startswith("exact_")]
    assert names == ["exact_cn_na_cl", "exact_cn_na", "exact_line"]


# ---- what goes wrong ----


def test_nothing_is_overwritten_unless_asked(judged: Judged, tmp_path: Path) -> None:
    file = tmp_path / "own.db"
    file.write_text("mine", encoding="utf-8")
    with pytest.raises(ScoutError, match="exists already") as caught:
        export(judged, "ase", file)
    assert caught.value.code == "E622"
    assert file.read_text(encoding="utf-8") == "mine"
    export(judged, "ase", file, overwrite=True)
    assert ase.db.connect(file).count() == 5

    folder = tmp_path / "own"
    export(judged, "mattergen", folder)
    before = (folder / "generated_crystals.extxyz").read_bytes()
    export(judged, "mattergen", folder, which="hits", overwrite=True)
    assert (folder / "generated_crystals.extxyz").read_bytes() != before
    (folder / "thesis.tex").write_text("mine", encoding="utf-8")
    with pytest.raises(ScoutError, match=r"holds other things, such as thesis\.tex"):
        export(judged, "mattergen", folder, overwrite=True)
    for form in ("ase", "entries"):  # files
        with pytest.raises(ScoutError, match="is a folder, and a file is to be written"):
            export(judged, form, folder, overwrite=True)
    with pytest.raises(ScoutError, match="is no folder"):
        export(judged, "mattergen", file, overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["own", "own.db"]
    assert (folder / "thesis.tex").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("form", sorted(formats()))
def test_an_export_that_fails_on_its_way_leaves_nothing(
    judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """The disk is full, or a person interrupts, when the second structure is written."""
    facts = _item.Item.facts.func  # type: ignore[attr-defined]

    def full(failure: BaseException) -> property:
        asked = []

        def ask(self: object) -> Any:
            asked.append(self)
            if len(asked) > 1:
                raise failure
            return facts(self)

        return property(ask)

    for failure, seen in (
        (OSError(28, "No space left on device"), ScoutError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ):
        monkeypatch.setattr(_item.Item, "facts", full(failure))
        with pytest.raises(seen) as caught:
            export(judged, form, tmp_path / "out")
        assert getattr(caught.value, "code", "E602") == "E602"
        assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_is_said(judged: Judged, tmp_path: Path) -> None:
    def refused(form: str = "ase", **choice: Any) -> str:
        with pytest.raises(ScoutError) as caught:
            export(choice.pop("run", judged), form, tmp_path / "out", **choice)
        assert list(tmp_path.glob("out*")) == []
        return f"{caught.value.code} {caught.value.message} {caught.value.hint}"

    assert "E624 no export is called nomad there are ase, entries" in refused("nomad")
    assert "no structures of the arm prototypes for ase" in refused(arms=["prototypes"])
    assert refused(which="candidates", geometry="energy").startswith("E623 a candidate has its geo")
    records = tuple(r for r in judged.records if r.hit is not True)
    missed = replace(judged, validation=replace(judged.validation, records=records), relaxations=())
    said = refused(run=missed, which="candidates")
    assert "has no candidates: no structure has everything that is required" in said
    bare = Judged(judged.run, judged.validation, (), judged.potential, judged.reference)
    said = refused(run=bare, geometry="constraint")
    assert said.startswith("E623")
    assert "has no structures relaxed in the way `constraint` it has sampled; `scout relax`" in said


def test_a_run_that_is_not_finished_is_said_to_be_so(judged: Judged, tmp_path: Path) -> None:
    manifest = judged.run.manifest.model_copy(update={"status": "interrupted"})
    begun = replace(judged, run=replace(judged.run, manifest=manifest))
    empty = replace(begun, validation=replace(judged.validation, records=()), relaxations=())
    with pytest.raises(ScoutError, match=r"nothing is sampled in .* yet: the run is interrupted"):
        export(empty, "ase", tmp_path / "out")


def test_crystals_without_volume_or_in_far_cells_are_left_out(tmp_path: Path) -> None:
    """In the samples of a folder that a stranger has edited."""
    program = scoutlang.check("system Cu; require CN(Cu-Cu) = 12").program
    assert program is not None
    cell = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.6), ["Cu"], [(0, 0, 0)])
    adopt(program, {"guided": [Specimen(structure=cell, origin="x")] * 3}, tmp_path / "run")
    [file] = (tmp_path / "run" / "samples").glob("guided-*.json")
    rows = json.loads(file.read_text(encoding="utf-8"))
    rows[0]["structure"]["lattice"]["matrix"][0] = [0, 0, 0]
    rows[1]["structure"]["sites"][0]["abc"] = [1e300, 0, 0]
    file.write_text(json.dumps(rows), encoding="utf-8")
    out = str(tmp_path / "out.db")
    command = ["export", str(tmp_path / "run"), "ase", "--out", out, "--potential", "emt"]
    done = CliRunner().invoke(commands, command)
    assert done.exception is None, done.output
    assert "1 structures in " in done.output
    assert "1 left out: the cell has no volume" in done.output
    assert "1 left out: an atom is more than " in done.output


def test_the_command(tmp_path: Path) -> None:
    """By the command line, on a run of given structures judged by EMT."""
    program = scoutlang.check("system Cu; require CN(Cu-Cu) = 12").program
    assert program is not None
    cell = Structure.from_spacegroup("Fm-3m", Lattice.cubic(3.6), ["Cu"], [(0, 0, 0)])
    sodium = Structure(Lattice.cubic(4), ["Na"], [(0, 0, 0)])
    given = [Specimen(structure=one, origin="x.cif") for one in (cell, sodium)]
    adopt(program, {"guided": given}, tmp_path / "run")
    out = tmp_path / "entries.json"
    command = ["export", str(tmp_path / "run"), "entries", "--out", str(out), "--potential", "emt"]
    done = CliRunner().invoke(commands, command)
    assert done.exception is None, done.output
    assert f"1 structures in {out}\n1 left out: no energy\n" in done.output
    [entry] = [e for e in loadfn(out) if e.data["role"] == "generated"]
    assert entry.composition.reduced_formula == "Cu"
    assert entry.data["hit"] is True
    assert entry.data["potential"].startswith("emt ")
    again = CliRunner().invoke(commands, command)
    assert isinstance(again.exception, ScoutError)
    assert again.exception.code == "E622"
    page = (Path(__file__).parents[2] / "docs" / "handing-over.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(formats())
    shown = CliRunner().invoke(commands, ["export", "--help"]).output
    assert all(f"\n  {name} " in shown for name in formats())


def test_forms_are_listed_without_their_packages() -> None:
    """Listing imports no package that only a form needs."""
    code = (
        "import sys; from scoutlang.report.exports import formats; formats(); "
        "sys.exit(bool({'ase.db', 'optimade', 'mattergen', 'rocrate'} & sys.modules.keys()))"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


def test_a_file_is_a_form(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, judged: Judged) -> None:
    (tmp_path / "toy.py").write_text(
        "from scoutlang.report.exports._format import Format\n"
        "def write(parcel, place):\n    place.write_text(str(len(parcel.items)))\n"
        "FORMAT = Format('a toy', 'file', write)\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(exports, "__path__", [*exports.__path__, str(tmp_path)])
    export(judged, "toy", tmp_path / "made")
    assert (tmp_path / "made").read_text(encoding="utf-8") == "5"
    monkeypatch.delitem(sys.modules, "scoutlang.report.exports.toy")


@pytest.mark.parametrize("overwrite", [False, True])
def test_the_working_folder_is_no_place(
    judged: Judged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (".", f"../{tmp_path.name}"):
        with pytest.raises(ScoutError, match="the folder that you are in") as caught:
            export(judged, "rocrate", Path(name), overwrite=overwrite)
        assert caught.value.code == "E622"
    assert not list(tmp_path.iterdir())
