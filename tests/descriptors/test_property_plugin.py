"""The example of property models as descriptors: a band gap, and magnetic moments by CHGNet."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prototypes import measure, prototypes, read, settings

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.descriptors import modules
from scoutlang.interfaces import api
from scoutlang.testing import check_descriptor, check_entry_point

EXAMPLE = Path(__file__).parents[2] / "examples" / "property_plugin"
NAMES = ("scoutlang_band_gap", "scoutlang_magnetic_moment")


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package as an installer leaves it, by the entry points of its pyproject.toml."""
    for name in (*NAMES, "fit_band_gap"):
        shutil.copy(EXAMPLE / f"{name}.py", tmp_path)
    shutil.copy(EXAMPLE / "scoutlang_band_gap.json", tmp_path)
    text = (EXAMPLE / "pyproject.toml").read_text(encoding="utf-8")
    entries = text.split('"scoutlang.descriptors"]\n')[1].split("\n\n")[0].replace('"', "")
    metadata = tmp_path / "scoutlang_properties-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: scoutlang-properties\nVersion: 0.1.0\n"
    )
    (metadata / "entry_points.txt").write_text(f"[scoutlang.descriptors]\n{entries}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in (*NAMES, "fit_band_gap"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("name", ["band_gap", "magnetic_moment"])
def test_the_entry_points(name: str) -> None:
    check_entry_point(name)


def test_band_gap_is_a_descriptor() -> None:
    check_descriptor(modules()["band_gap"], measure("band_gap"), elements=("Cu", "P"))


def test_band_gaps_of_known_crystals() -> None:
    """Within the error that the model states for itself, twice; of a metal nothing."""
    known = prototypes()
    error = json.loads((EXAMPLE / "scoutlang_band_gap.json").read_text())["mean_absolute_error"]
    for name, gap in (("rock_salt", 8.6), ("zinc_blende", 3.7), ("rutile", 3.0), ("corundum", 8.8)):
        text = (
            f"system {'-'.join(known[name].symbol_set)}; expect band_gap = {gap} ± {2 * error} eV"
        )
        assert api.measure(text, [known[name]])[0].terms[0].satisfied is True, name
    wide = "system {}; expect band_gap > 5 eV"
    assert api.measure(wide.format("Na-Cl"), [known["rock_salt"]])[0].terms[0].satisfied is True
    assert api.measure(wide.format("Zn-S"), [known["zinc_blende"]])[0].terms[0].satisfied is False
    copper = api.measure("system Cu; expect band_gap > 0.5 eV", [known["copper"]])
    assert copper[0].terms[0].satisfied is None


def test_the_weights_are_those_of_the_fit() -> None:
    import fit_band_gap
    import numpy as np
    import scoutlang_band_gap
    from pymatgen.core import Composition

    rows = np.array([scoutlang_band_gap.features(Composition(f)) for f in fit_band_gap.MEASURED])
    gaps = np.array(list(fit_band_gap.MEASURED.values()))
    _, _, weights = fit_band_gap.fitted(rows, gaps)
    shipped = json.loads((EXAMPLE / "scoutlang_band_gap.json").read_text())
    assert shipped["compounds"] == len(gaps)
    assert weights == pytest.approx(np.array(shipped["weights"]), abs=1e-4)


def test_magnetic_moments_of_known_crystals() -> None:
    """A magnetic metal, one that is none, and an oxide of closed shells, in every setting."""
    from pymatgen.core import Lattice, Structure

    iron = Structure(Lattice.cubic(2.866), ["Fe", "Fe"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    for crystal, element, moment in (
        (iron, "Fe", 2.2),
        (prototypes()["copper"], "Cu", 0.0),
        (prototypes()["rutile"], "Ti", 0.0),
    ):
        batch = CrystalBatch.from_structures(settings(crystal))
        found = read(batch, measure("magnetic_moment", element)).value.tolist()
        assert found == pytest.approx([moment] * 4, abs=0.4)
    assert not read(batch, measure("magnetic_moment", "Fe")).defined.any()
