"""layer_spacing and layer_gap: layered crystals by their lattice constants, in every setting, and
crystals without layers.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from prototypes import measure, read, settings
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import modules
from scoutlang.testing import check_descriptor

Known = Mapping[str, list[Structure]]


@pytest.mark.parametrize(
    ("crystal", "spacing", "thickness"),
    [
        ("graphite", 6.711 / 2, 0),
        ("boron_nitride", 6.6612 / 2, 0),
        ("molybdenite", 12.295 / 2, 12.295 * 0.245),
        ("cadmium_iodide", 6.84, 6.84 * 2 * 0.252),
        ("bismuth_telluride", 30.4229 / 3, 30.4229 * 2 * (1 / 3 - 0.208)),
        ("black_phosphorus", 10.478 / 2, 10.478 * 2 * 0.10168),
        ("lead_oxide", 4.9956, 4.9956 * 2 * 0.2368),
    ],
)
def test_layered_crystals(
    known_crystals: Known, crystal: str, spacing: float, thickness: float
) -> None:
    batch = CrystalBatch.from_structures(known_crystals[crystal])
    for name, expected in (("layer_spacing", spacing), ("layer_gap", spacing - thickness)):
        found = read(batch, measure(name)).value.tolist()
        assert found == pytest.approx([expected] * 4, abs=1e-6)


@pytest.mark.parametrize("crystal", ["copper", "rutile", "selenium", "quartz", "rock_salt"])
def test_frameworks_and_chains_have_none(known_crystals: Known, crystal: str) -> None:
    batch = CrystalBatch.from_structures(known_crystals[crystal])
    for name in ("layer_spacing", "layer_gap"):
        assert not read(batch, measure(name)).defined.any()


def test_free_atoms_between_layers_are_no_layers() -> None:
    """Graphite, spread to 10 Å, with argon in between; and with argon that r makes a bond."""
    carbon = [[0, 0, 0], [1 / 3, 2 / 3, 0]]
    crystal = Structure(
        Lattice.hexagonal(2.46, 10.0), ["C", "C", "Ar"], [*carbon, [2 / 3, 1 / 3, 0.4]]
    )
    batch = CrystalBatch.from_structures(settings(crystal))
    assert read(batch, measure("layer_spacing", r=1.7)).value.tolist() == pytest.approx([10] * 4)
    assert not read(batch, measure("layer_spacing", r=6.5)).defined.any()


def test_layers_of_two_kinds() -> None:
    """Two flat ones, 3 and 4 Å apart: the mean is 3.5 Å."""
    carbon = [[0, 0, 0], [1 / 3, 2 / 3, 0], [0, 0, 3 / 7], [1 / 3, 2 / 3, 3 / 7]]
    crystal = Structure(Lattice.hexagonal(2.46, 7.0), ["C"] * 4, carbon)
    batch = CrystalBatch.from_structures(settings(crystal))
    for name in ("layer_spacing", "layer_gap"):
        assert read(batch, measure(name)).value.tolist() == pytest.approx([3.5] * 4)


@pytest.mark.parametrize("name", ["layer_spacing", "layer_gap"])
def test_conformance(name: str) -> None:
    check_descriptor(modules()[name], measure(name, r=2.6), seed=2)
