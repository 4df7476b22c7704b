"""Every descriptor with maths passes the shipped conformance suite, and the suite notices
descriptors that are wrong.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import cast

import pytest
import torch
from prototypes import measure

from scoutlang.crystals.batch import CrystalBatch
from scoutlang.crystals.neighbours import (
    DescriptorValue,
    SiteValues,
    cell_volume,
    pairs,
    sound_cell,
    sum_by_structure,
)
from scoutlang.descriptors import modules
from scoutlang.ir import Measure
from scoutlang.testing import check_descriptor

CN = measure("CN", "Cu", "P")
WITH_MATHS = {name: module for name, module in modules().items() if hasattr(module, "exact")}
PLACES: dict[int, list[tuple[str, ...]]] = {
    0: [()],
    1: [("Cu",), ("Cu,Si",)],
    2: [("Cu", "P"), ("Cu", "Cu"), ("Cu,Si", "P,Si"), ("Cu,Si,P", "Cu,Si,P")],
    3: [("P", "Cu", "P"), ("P", "Cu", "Si"), ("P,Si", "Cu", "Cu,P")],
    4: [("P", "Cu", "P", "Si"), ("Cu", "Cu", "Cu", "Cu"), ("P,Si", "Cu", "Cu,P", "P")],
}
# These have a conformance test in their own file: what they need is no species, more exact than its
# default, a compound of elements that make one, layers, bonds that make no network, or room.
ELSEWHERE = {
    "cluster",
    "energy_per_atom",
    "largest_channel",
    "largest_pore",
    "layer_gap",
    "layer_spacing",
    "oxidation_state",
} | {n for n, m in WITH_MATHS.items() if any(p.required for p in m.SIGNATURE.parameters)}
PLAIN = {name: module for name, module in WITH_MATHS.items() if name not in ELSEWHERE}


@pytest.mark.parametrize(
    ("name", "species"),
    [
        (name, species)
        for name, module in PLAIN.items()
        for species in PLACES[module.SIGNATURE.species]
    ],
)
def test_conformance(name: str, species: tuple[str, ...]) -> None:
    check_descriptor(WITH_MATHS[name], measure(name, *species), seed=1)


@pytest.mark.parametrize(("name", "species"), [("CN", ("Cu", "P")), ("angle", ("P", "Cu", "P"))])
def test_conformance_with_a_given_radius(name: str, species: tuple[str, ...]) -> None:
    check_descriptor(WITH_MATHS[name], measure(name, *species, r=3.6))


def test_the_catalogue_does_not_import_torch() -> None:
    code = (
        "import sys, scoutlang.descriptors as d; d.signatures(); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_signatures_agree_with_their_modules() -> None:
    for name, module in WITH_MATHS.items():
        signature = module.SIGNATURE
        assert module.__doc__ is not None
        assert name in module.__doc__, f"the page of {name} does not name it"
        assert signature.example.split()[0] in ("require", "prefer", "expect")
        assert signature.differentiable == hasattr(module, "soft")
        assert signature.tolerance > 0
        assert signature.scale > 0
        assert signature.minimum < signature.maximum


def fake(name: str, soft: object, exact: object) -> ModuleType:
    """A descriptor that replaces the maths of a real one."""
    real = WITH_MATHS[name]
    return cast(
        ModuleType,
        SimpleNamespace(SIGNATURE=real.SIGNATURE, formula=real.formula, soft=soft, exact=exact),
    )


def test_suite_notices_an_extensive_value() -> None:
    def soft(batch: CrystalBatch, measure: Measure, sharpness: float = 8.0) -> DescriptorValue:
        cell, sound = sound_cell(batch.cell)
        return DescriptorValue.soft(cell_volume(cell), sound)

    with pytest.raises(AssertionError, match="supercell"):
        check_descriptor(fake("volume_per_atom", soft, soft), measure("volume_per_atom"))


def test_suite_notices_that_an_extensive_descriptor_is_none() -> None:
    def soft(batch: CrystalBatch, measure: Measure, sharpness: float = 8.0) -> DescriptorValue:
        cell, sound = sound_cell(batch.cell)
        return DescriptorValue.soft(cell_volume(cell) / batch.num_atoms, sound)

    with pytest.raises(AssertionError, match="extensive"):
        check_descriptor(fake("a", soft, soft), measure("a"))


def test_suite_notices_a_detached_gradient() -> None:
    real = WITH_MATHS["CN"]

    def soft(batch: CrystalBatch, measure: Measure, sharpness: float = 8.0) -> SiteValues:
        return cast(
            SiteValues,
            real.soft(batch.with_geometry(batch.frac, batch.cell.detach()), measure, sharpness),
        )

    with pytest.raises(AssertionError, match="finite differences"):
        check_descriptor(fake("CN", soft, real.exact), CN)


def test_suite_notices_detached_species() -> None:
    real = WITH_MATHS["CN"]

    def soft(batch: CrystalBatch, measure: Measure, sharpness: float = 8.0) -> SiteValues:
        return cast(
            SiteValues,
            real.soft(replace(batch, species=batch.species.detach()), measure, sharpness),
        )

    with pytest.raises(AssertionError, match="finite differences"):
        check_descriptor(fake("CN", soft, real.exact), CN)


def test_suite_notices_27_images() -> None:
    """Trap 10 and 11: the nearest image and its 26 neighbours are not enough in a skewed cell."""
    real = WITH_MATHS["CN"]

    def exact(batch: CrystalBatch, measure: Measure) -> SiteValues:
        is_a, is_b = (batch.weight([z]) for z in (29, 15))
        found = pairs(batch, 5.0, is_a, is_b)
        kept = (found.shift.abs() <= 1).all(dim=-1)
        return SiteValues(
            sum_by_structure(kept.to(is_a), found.i, len(is_a)), is_a, batch.system, ~found.overflow
        )

    with pytest.raises(AssertionError, match=r"lattice vectors|translation"):
        check_descriptor(fake("CN", real.soft, exact), measure("CN", "Cu", "P", r=5.0))


def test_suite_notices_a_value_that_is_always_defined() -> None:
    """Trap 12: a broken cell is undefined, not zero."""
    real = WITH_MATHS["CN"]

    def soft(batch: CrystalBatch, measure: Measure, sharpness: float = 8.0) -> SiteValues:
        result = real.soft(batch, measure, sharpness)
        return replace(
            result, defined=torch.ones_like(result.defined), weight=torch.ones_like(result.weight)
        )

    with pytest.raises(AssertionError, match=r"absent|broken cell"):
        check_descriptor(fake("CN", soft, real.exact), measure("CN", "Cu", "Cu"))


def test_suite_notices_an_absent_species_that_counts() -> None:
    real = WITH_MATHS["min_distance"]

    def exact(batch: CrystalBatch, measure: Measure) -> DescriptorValue:
        result = real.exact(batch, measure)
        broken = ~sound_cell(batch.cell)[1] | (
            sum_by_structure((~batch.frac.isfinite().all(-1)).double(), batch.system, batch.size)
            > 0
        )
        return DescriptorValue(result.value.nan_to_num(), ~broken)

    with pytest.raises(AssertionError, match="absent"):
        check_descriptor(fake("min_distance", real.soft, exact), measure("min_distance", "Cu", "P"))


def test_suite_notices_sites_that_are_not_all_atoms() -> None:
    real = WITH_MATHS["CN"]

    def exact(batch: CrystalBatch, measure: Measure) -> SiteValues:
        result = real.exact(batch, measure)
        counted = result.weight > 0
        return replace(
            result,
            value=result.value[counted],
            weight=result.weight[counted],
            system=result.system[counted],
        )

    with pytest.raises(AssertionError, match="all atoms"):
        check_descriptor(fake("CN", real.soft, exact), CN)


def test_suite_notices_a_soft_value_that_is_another_thing() -> None:
    real = WITH_MATHS["CN"]

    def exact(batch: CrystalBatch, measure: Measure) -> SiteValues:
        result = real.exact(batch, measure)
        return replace(result, value=result.value + 1)

    with pytest.raises(AssertionError, match="sharp limit"):
        check_descriptor(fake("CN", real.soft, exact), CN)


def test_suite_checks_descriptors_that_only_judge() -> None:
    """Without `soft`, a descriptor is differentiable no more, and all that applies to its exact
    value is still checked.
    """
    real = WITH_MATHS["volume_per_atom"]
    signature = replace(real.SIGNATURE, differentiable=False)

    def per_cell(batch: CrystalBatch, measure: Measure) -> DescriptorValue:
        result = real.exact(batch, measure)
        return replace(result, value=result.value * batch.num_atoms)

    good, bad = (
        SimpleNamespace(SIGNATURE=signature, formula=real.formula, exact=e)
        for e in (real.exact, per_cell)
    )
    check_descriptor(cast(ModuleType, good), measure("volume_per_atom"))
    with pytest.raises(AssertionError, match="supercell"):
        check_descriptor(cast(ModuleType, bad), measure("volume_per_atom"))
    with pytest.raises(AssertionError, match="if and only if"):
        check_descriptor(
            cast(
                ModuleType,
                SimpleNamespace(SIGNATURE=real.SIGNATURE, formula=real.formula, exact=real.exact),
            ),
            measure("volume_per_atom"),
        )
