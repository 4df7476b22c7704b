"""cluster(A): known clusters and networks in every setting."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from prototypes import measure, read, settings
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import cluster
from scoutlang.interfaces import api
from scoutlang.testing import check_descriptor

Known = Mapping[str, list[Structure]]


def alpha_boron() -> Structure:
    """B. Morosin, A. W. Mullendore, D. Emin, G. A. Slack, AIP Conf. Proc. 140, 70 (1986)."""
    return Structure.from_spacegroup(
        "R-3m",
        Lattice.hexagonal(4.908, 12.567),
        ["B", "B"],
        [[0.1188, -0.1188, 0.8914], [0.1963, -0.1963, 0.0243]],
    )


@pytest.mark.parametrize(
    ("crystal", "element", "by", "size"),
    [
        ("pyrite", "S", "bonds", 2),
        ("pyrite", "S", "faces", 1),
        ("calcium_hexaboride", "B", "faces", 6),
        ("calcium_hexaboride", "B", "bonds", None),
        ("diamond", "C", "bonds", None),
        ("diamond", "C", "faces", 1),
        ("copper", "Cu", "faces", None),
        ("rock_salt", "Cl", "bonds", 1),
        ("quartz", "O", "bonds", 1),
    ],
)
def test_clusters_of_known_crystals(
    known_crystals: Known, crystal: str, element: str, by: str, size: int | None
) -> None:
    batch = CrystalBatch.from_structures(known_crystals[crystal])
    for how in ("min", "max"):
        found = read(batch, measure("cluster", element, by=by), "exact", how)  # type: ignore[arg-type]
        values = [
            v if d else None for v, d in zip(found.value.tolist(), found.defined, strict=True)
        ]
        assert values == [size] * 4


def test_the_icosahedra_of_alpha_boron() -> None:
    """They are bonded to one another, by bonds shorter than their own."""
    batch = CrystalBatch.from_structures(settings(alpha_boron()))
    for how in ("min", "max"):
        found = read(batch, measure("cluster", "B", by="faces"), "exact", how)  # type: ignore[arg-type]
        assert found.value.tolist() == [12] * 4
    assert not read(batch, measure("cluster", "B")).defined.any()


def test_a_tetrahedron_and_an_atom_by_itself() -> None:
    corners = [[0, 0, 0], [1.56, 1.56, 0], [1.56, 0, 1.56], [0, 1.56, 1.56]]
    crystal = Structure(
        Lattice.cubic(12), ["P"] * 5, [*corners, [6, 6, 6]], coords_are_cartesian=True
    )
    for by in ("bonds", "faces"):
        text = f"system P; require fraction(cluster(P, by={by}) = 4) = 0.8 ± 0.01"
        text = text.replace("require", "expect")
        assert api.measure(text, [crystal])[0].terms[0].satisfied is True


def test_a_network_says_so(known_crystals: Known) -> None:
    [found] = api.measure("system C; expect each cluster(C) = 60", known_crystals["diamond"][:1])
    assert found.terms[0].satisfied is None
    assert "all C are of networks that go on without an end" in (found.terms[0].reason or "")


@pytest.mark.parametrize("species", ["Cu", "Cu,Si"])
@pytest.mark.parametrize("by", ["bonds", "faces"])
def test_conformance(species: str, by: str) -> None:
    """Within a radius at which the atoms of the random crystals make no network."""
    check_descriptor(cluster, measure("cluster", species, r=2.2, by=by), seed=1)  # type: ignore[arg-type]
