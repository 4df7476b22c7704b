"""tilt(A-B-C) and trans(A-B-C): known crystals in every setting, and octahedra turned and moved by
hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest
import torch
from prototypes import measure, read, settings
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.interfaces import api

Known = Mapping[str, list[Structure]]


def tilted(degrees: float) -> Structure:
    """SrTiO3 at low temperature, a0 a0 c-: octahedra turned about c by an angle, the next layer the
    other way round.
    """
    turn = math.tan(math.radians(degrees)) / 4
    return Structure.from_spacegroup(
        "I4/mcm",
        Lattice.tetragonal(5.52, 7.81),
        ["Sr", "Ti", "O", "O"],
        [[0, 0.5, 0.25], [0, 0, 0], [0, 0, 0.25], [0.25 + turn, 0.75 + turn, 0]],
    )


def lead_titanate() -> Structure:
    """R. J. Nelmes, W. F. Kuhs, Solid State Commun. 54, 721 (1985)."""
    return Structure(
        Lattice.tetragonal(3.904, 4.152),
        ["Pb", "Ti", "O", "O", "O"],
        [[0, 0, 0], [0.5, 0.5, 0.5377], [0.5, 0.5, 0.1118], [0.5, 0, 0.6174], [0, 0.5, 0.6174]],
    )


@pytest.mark.parametrize(
    ("crystal", "chain", "expected"),
    [
        ("perovskite", ("Ti", "O", "Ti"), 0.0),
        ("rhenium_trioxide", ("Re", "O", "Re"), 0.0),
        ("orthorhombic_perovskite", ("Ti", "O", "Ti"), 11.48),
        ("quartz", ("Si", "O", "Si"), 18.18),
        # the corners between the chains; edges within them are not tilted
        ("rutile", ("Ti", "O", "Ti"), 24.71),
    ],
)
def test_tilts_of_known_crystals(
    known_crystals: Known, crystal: str, chain: tuple[str, ...], expected: float
) -> None:
    batch = CrystalBatch.from_structures(known_crystals[crystal])
    found = read(batch, measure("tilt", *chain))
    assert found.value.tolist() == pytest.approx([expected] * 4, abs=0.005)


@pytest.mark.parametrize("degrees", [0.0, 2.1, 5.0, 12.0])
def test_the_tilt_of_an_octahedron_that_is_turned(degrees: float) -> None:
    """Corners in the plane have the angle, those along the axis none."""
    batch = CrystalBatch.from_structures(settings(tilted(degrees)))
    use = measure("tilt", "Ti", "O", "Ti")
    assert read(batch, use, "exact", "max").value.tolist() == pytest.approx([degrees] * 4)
    assert read(batch, use, "exact", "min").value.tolist() == pytest.approx([0.0] * 4, abs=1e-6)
    assert read(batch, use).value.tolist() == pytest.approx([degrees * 2 / 3] * 4)
    [found] = api.measure(
        "system Sr-Ti-O; require fraction(tilt(Ti-O-Ti) > 1°) = 0.6667 ± 0.01", [tilted(degrees)]
    )
    assert found.terms[0].satisfied is (degrees > 1)


def test_without_a_shared_corner_there_is_no_tilt_and_the_reason_is_said(
    known_crystals: Known,
) -> None:
    [found] = api.measure(
        "system Cd-I; require tilt(Cd-I-Cd) = 10°", known_crystals["cadmium_iodide"][:1]
    )
    assert found.terms[0].satisfied is None
    assert "no Cd and Cd share one I and no other within r" in (found.terms[0].reason or "")


def test_trans_bonds_of_lead_titanate() -> None:
    batch = CrystalBatch.from_structures(settings(lead_titanate()))
    use = measure("trans", "O", "Ti", "O")
    long, short = (0.5377 - 0.1118) * 4.152, (1.1118 - 0.5377) * 4.152
    assert read(batch, use, "exact", "max").value.tolist() == pytest.approx([short - long] * 4)
    assert read(batch, use, "exact", "min").value.tolist() == pytest.approx([0.0] * 4, abs=1e-6)
    text = "system Pb-Ti-O; require sum(trans(O-Ti-O)) / count(Ti) = 0.616 ± 0.001"
    for crystal in settings(lead_titanate()):
        assert api.measure(text, [crystal])[0].hit is True


@pytest.mark.parametrize("crystal", ["perovskite", "rutile", "anatase"])
def test_a_centred_octahedron(known_crystals: Known, crystal: str) -> None:
    batch = CrystalBatch.from_structures(known_crystals[crystal])
    for how in ("min", "max"):
        found = read(batch, measure("trans", "O", "Ti", "O"), "exact", how)
        assert found.value.tolist() == pytest.approx([0.0] * 4, abs=1e-9)


def test_a_tetrahedron_has_no_trans_bonds(known_crystals: Known) -> None:
    [found] = api.measure(
        "system Zn-S; require trans(S-Zn-S) < 0.1 Å", known_crystals["zinc_blende"][:1]
    )
    assert found.terms[0].satisfied is None
    assert "no Zn has a S and a S within r at 150° or more" in (found.terms[0].reason or "")


def test_different_atoms_opposite_to_each_other() -> None:
    """A Pt between a Cl at 2.3 Å and an N at 2.0 Å, at an angle."""
    for degrees, there in ((149.0, False), (151.0, True), (180.0, True)):
        turn = math.radians(degrees)
        places = [[0, 0, 0], [2.3, 0, 0], [2.0 * math.cos(turn), 2.0 * math.sin(turn), 0]]
        crystal = Structure(Lattice.cubic(15), ["Pt", "Cl", "N"], places, coords_are_cartesian=True)
        batch = CrystalBatch.from_structures([crystal])
        found = read(batch, measure("trans", "Cl", "Pt", "N"))
        assert found.defined.item() is there
        if there:
            assert found.value.item() == pytest.approx(0.3)
            assert torch.allclose(read(batch, measure("trans", "N", "Pt", "Cl")).value, found.value)
