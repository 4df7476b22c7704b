"""The embedded reference set: what is in it, where it comes from, and whether it is physical."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from crystals_by_hand import TablePotential, known, rock_salt, simple_cubic

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Program
from scoutlang.support.errors import ScoutError
from scoutlang.validation import Record
from scoutlang.validation.reference import Reference, load
from scoutlang.validation.stages import Context
from scoutlang.validation.stages.screen import Screen
from tools.mp_mini import curated
from tools.mp_mini.__main__ import without_duplicates

SYSTEMS = ["B", "Fe-Nd-B", "Li-Co-O", "Cu-Si-P", "Cu-Si-P-Ca"]


@pytest.fixture(scope="module")
def mp_mini() -> Reference:
    return load("mp-mini")


def test_size_and_sources(mp_mini: Reference) -> None:
    sources = Counter(s.split("/")[0] for s in mp_mini.table["source"].to_pylist())
    assert sources == {"matminer": 5600, "aflow": 170, "curated": 19}
    assert len(mp_mini) == 5789
    assert mp_mini.name == "mp-mini"
    assert len(mp_mini.version) == 64


def test_every_row_says_where_it_comes_from(mp_mini: Reference) -> None:
    for column in ("id", "source", "formula", "chemsys", "citation", "licence"):
        assert all(mp_mini.table[column].to_pylist()), column
    assert set(mp_mini.table["licence"].to_pylist()) == {
        "CC-BY-4.0",
        "MIT (pymatgen)",
        "facts from the literature",
    }
    ids = list(
        zip(mp_mini.table["source"].to_pylist(), mp_mini.table["id"].to_pylist(), strict=True)
    )
    assert len(set(ids)) == len(ids)


def test_every_element_has_a_crystal_of_its_own(mp_mini: Reference) -> None:
    systems = set(mp_mini.table["chemsys"].to_pylist())
    elements = {e for system in systems for e in system.split("-")}
    assert len(elements) == 89
    assert elements <= systems


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_papers_systems_have_all_corners(mp_mini: Reference, system: str) -> None:
    elements = system.split("-")
    found = mp_mini.subset(elements)
    assert {
        r.structure.composition.chemical_system for r in found if len(r.structure.composition) == 1
    } == set(elements)
    assert all(r.structure.composition.chemical_system_set <= set(elements) for r in found)


@pytest.mark.parametrize(
    ("formula", "atoms"),
    [
        ("B", 12),
        ("B", 28),
        ("B", 105),
        ("Nd2Fe14B", 68),
        ("LiCoO2", 12),
        ("Co3O4", 56),
        ("FeB", 8),
        ("Fe2B", 12),
        ("CuP2", 12),
        ("P", 4),
    ],
)
def test_end_members_that_matter_are_there(mp_mini: Reference, formula: str, atoms: int) -> None:
    table = mp_mini.table.to_pydict()
    assert (formula, atoms) in zip(table["formula"], table["num_atoms"], strict=True)


def test_gamma_boron_is_as_published(mp_mini: Reference) -> None:
    """Oganov et al. 2009: Pnnm, 28 atoms, shortest B-B 1.66 Å (in the dumb-bell: 1.73 Å)."""
    (gamma,) = [r for r in mp_mini.subset("B") if r.id == "gamma-B28"]
    assert gamma.citation == "doi:10.1038/nature07736"
    assert gamma.structure.get_space_group_info(symprec=0.01) == ("Pnnm", 58)
    assert gamma.structure.volume / 28 == pytest.approx(7.088, abs=1e-3)
    distances = gamma.structure.distance_matrix[~np.eye(28, dtype=bool)]
    assert distances.min() == pytest.approx(1.66, abs=0.01)


@pytest.mark.slow
def test_nearly_every_crystal_passes_the_screen(mp_mini: Reference) -> None:
    """All but a few with actinides, for which the Cordero radii are large, and hydrogen or chromium
    oxides.
    """
    everything = mp_mini.subset(
        {e for system in mp_mini.table["chemsys"].to_pylist() for e in system.split("-")}
    )
    records = [
        Record(str(i), Specimen("guided", 0, i, r.structure)) for i, r in enumerate(everything)
    ]
    context = Context(
        Program(source_name="", source_text="", system=("B",)),
        TablePotential({}),
        mp_mini,
        lambda done, total: None,
    )
    outcomes = Counter(outcome.status for outcome in Screen().run(records, context))
    assert outcomes["failed"] <= 13
    assert outcomes["undefined"] <= 1  # Cf has no radius


def test_written_and_read_again_it_is_the_same(tmp_path: Path) -> None:
    salt = rock_salt()
    (again,) = known(salt).subset(["Na", "Cl", "K"])
    assert np.allclose(again.structure.frac_coords, salt.frac_coords, atol=1e-6)
    assert np.allclose(again.structure.lattice.matrix, salt.lattice.matrix, atol=1e-5)
    assert again.structure.species == salt.species


def test_the_version_follows_the_content() -> None:
    assert known(rock_salt()).version == known(rock_salt()).version
    assert known(rock_salt()).version != known(rock_salt(a=5.65)).version


def test_duplicates_keep_the_first_and_polymorphs_stay() -> None:
    first, same, stretched = (
        rock_salt(),
        rock_salt(a=5.70).get_primitive_structure(),
        rock_salt(a=6.4),
    )
    caesium_type = simple_cubic("Na", 3.4)
    rows = known(first, same, stretched, caesium_type).subset(["Na", "Cl"])
    assert [r.id for r in without_duplicates(rows)] == ["0", "2", "3"]


def test_curated_rows_are_unique_and_cited() -> None:
    rows = curated.load()
    assert len({r.id for r in rows}) == len(rows) == 19
    assert all(r.citation for r in rows)


def test_an_unknown_set_is_an_error_with_a_way_out() -> None:
    with pytest.raises(ScoutError) as caught:
        load("mp-maxi")
    assert caught.value.code == "E441"
    assert "mp-mini" in caught.value.hint
