"""Substitution into known crystals: how many candidates there are is known from the symmetry of each
prototype.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import prototypes
import pytest
from crystals_by_hand import auricupride, known, rock_salt, simple_cubic
from pymatgen.core import Structure

from scoutlang.runs.prototypes import Candidate, Substitutions, checked_system
from scoutlang.support.errors import ScoutError
from scoutlang.validation.reference import Reference, load
from scoutlang.validation.reference.structures import ReferenceStructure

COPPER, PHOSPHORUS, SILICON = (simple_cubic(*one) for one in (("Cu", 2.3), ("P", 2.6), ("Si", 2.7)))
TYPES = prototypes.prototypes()


def candidates(*structures: Structure, system: str = "Cu-P") -> tuple[list[Candidate], dict]:  # type: ignore[type-arg]
    """From a reference of these structures and pure copper, phosphorus and silicon."""
    found = Substitutions(known(*structures, COPPER, PHOSPHORUS, SILICON), system.split("-"))
    return list(found), dict(found.left_out)


def formulas(found: Sequence[Candidate]) -> list[str]:
    return sorted(one.structure.composition.reduced_formula for one in found)


REPEATED = "the same as a nearer candidate"


def test_rock_salt_is_the_same_with_its_elements_exchanged() -> None:
    (one,), left_out = candidates(rock_salt())
    assert left_out == {REPEATED: 1}
    assert one.structure.composition.formula == "Cu1 P1"
    assert one.prototype.space_group == 225
    assert one.id in ("0 Cl>P Na>Cu", "0 Cl>Cu Na>P")


def test_fluorite_gives_two_and_perovskite_six() -> None:
    found, left_out = candidates(TYPES["fluorite"])
    assert formulas(found) == ["Cu2P", "CuP2"]
    assert left_out == {}
    found, left_out = candidates(TYPES["perovskite"], system="Cu-P-Si")
    assert len({tuple(sorted(one.substitution.items())) for one in found}) == 6
    # each of the three once on the site of oxygen, with the two others either way
    assert [sorted(one.structure.composition.get_el_amt_dict().values()) for one in found] == [
        [1, 1, 3]
    ] * 6
    assert left_out == {}


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("cesium_chloride", 1),
        ("zinc_blende", 1),
        ("nickel_arsenide", 2),  # trigonal prisms around one of the two, octahedra around the other
        ("chromium_silicide", 2),
        ("iron_silicide", 1),  # within the tolerances of the matcher
    ],
)
def test_exchanging_the_elements_of_a_binary(name: str, count: int) -> None:
    assert len(candidates(TYPES[name])[0]) == count


def test_one_crystal_in_four_cells_is_one_prototype() -> None:
    """Conventional, primitive, skewed, and a supercell."""
    found, left_out = candidates(*prototypes.settings(TYPES["rock_salt"]))
    assert formulas(found) == ["CuP"]
    assert left_out == {REPEATED: 7}


def test_the_nearest_crystal_of_a_type_stands_for_it() -> None:
    """Ag and As are one row below Cu and P; Na and Cl are ten groups and one row, and two groups,
    away.
    """
    found, _ = candidates(rock_salt(), rock_salt("Ag", "As"), rock_salt("K", "Cl"))
    (one,) = found
    assert one.id == "1 Ag>Cu As>P"
    assert one.distance == 1.0


def test_the_volume_is_that_of_the_atoms() -> None:
    """Where the volumes of the reference are sums, the candidate's is one, too."""
    (one,), _ = candidates(rock_salt())
    assert one.structure.volume == pytest.approx(2.3**3 + 2.6**3, rel=1e-5)
    angles = one.structure.lattice.angles
    assert angles == pytest.approx((60, 60, 60), abs=1e-3)


def test_what_the_reference_has_is_no_candidate() -> None:
    found, left_out = candidates(rock_salt(), rock_salt("P", "Cu", 5.0), TYPES["fluorite"])
    assert formulas(found) == ["Cu2P", "CuP2"]
    assert left_out == {"in the reference": 4}


def test_systems_take_turns_the_larger_ones_first() -> None:
    reference = known(
        rock_salt(), TYPES["fluorite"], TYPES["perovskite"], COPPER, PHOSPHORUS, SILICON
    )
    found = Substitutions(reference, ["Si", "P", "Cu"])
    assert found.system == ("Cu", "P", "Si")
    assert (len(found.prototypes), found.assignments) == (3, 6 + 2 * 6)
    inside = [one.structure.composition.chemical_system for one in islice(found, 8)]
    assert inside == 2 * ["Cu-P-Si", "Cu-P", "Cu-Si", "P-Si"]
    whole = Substitutions(reference, ["Si", "P", "Cu"], sizes={3})
    assert [one.structure.composition.chemical_system for one in whole] == ["Cu-P-Si"] * 6
    assert len(whole.prototypes) == 1


def test_large_cells_are_no_prototypes_however_they_are_written() -> None:
    reference = known(TYPES["spinel"], TYPES["corundum"], COPPER, PHOSPHORUS)
    # 14 and 10 atoms in the primitive cells, 56 and 30 as written
    assert len(Substitutions(reference, ["Cu", "P"], max_atoms=10).prototypes) == 1
    assert len(Substitutions(reference, ["Cu", "P"], max_atoms=9).prototypes) == 0


def test_ids_that_two_sources_share_are_told_apart() -> None:
    crystals = [
        ReferenceStructure("1", source, structure, "", "")
        for source, structure in (("a", rock_salt()), ("b", auricupride()))
    ]
    rest = [ReferenceStructure(n, "a", s, "", "") for n, s in (("Cu", COPPER), ("P", PHOSPHORUS))]
    found = Substitutions(Reference.from_structures("two", [*crystals, *rest]), ["Cu", "P"])
    assert {one.prototype.id for one in found} == {"a/1", "b/1"}


@pytest.mark.parametrize(
    ("system", "message", "hint"),
    [
        (["Cu", "si"], "'si' is no element", "did you mean Si?"),
        (["Cu", "Phosphorus"], "'Phosphorus' is no element", "give 1 to 6 elements"),
        (["Cu", ""], "'' is no element", "Cu-Si-P"),
        ([], "a system of 0 elements cannot be filled", "Cu-Si-P"),
        (list("BCNOFPS"), "a system of 7 elements cannot be filled", "Cu-Si-P"),
    ],
)
def test_systems_that_are_none(system: list[str], message: str, hint: str) -> None:
    with pytest.raises(ScoutError) as caught:
        checked_system(system)
    assert caught.value.code == "E462"
    assert caught.value.message == message
    assert hint in caught.value.hint


def test_an_element_that_the_reference_lacks() -> None:
    with pytest.raises(ScoutError) as caught:
        Substitutions(known(rock_salt(), COPPER), ["Cu", "P"])
    assert caught.value.code == "E462"
    assert "has no crystal with P" in caught.value.message


@pytest.mark.slow
def test_of_mp_mini() -> None:
    """Twice the same, each candidate another crystal, in all systems of four elements."""
    reference = load("mp-mini")
    found = Substitutions(reference, ["Cu", "Si", "P", "Ca"])
    first = list(islice(found, 22))
    assert [one.id for one in first] == [one.id for one in islice(found, 22)]
    assert len({one.structure.composition.chemical_system for one in first}) == 11
    assert len(found.prototypes) > 5000
    assert max(len(one.structure) for one in first) <= 20
