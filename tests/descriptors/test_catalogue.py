"""Every descriptor with maths passes the shipped conformance suite, and the suite notices descriptors that are wrong."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import cast

import pytest
import torch

from scoutlang.crystal import CrystalBatch
from scoutlang.descriptors import modules
from scoutlang.geometry import DescriptorValue, cell_volume, pairs, sum_by_structure
from scoutlang.ir import Measure, Species
from scoutlang.testing import check_descriptor

WITH_MATHS = {name: module for name, module in modules().items() if hasattr(module, "soft")}
SPECIES = {
    0: [()],
    2: [(("Cu",), ("P",)), (("Cu",), ("Cu",)), (("Cu", "Si"), ("P", "Si")), (("Cu", "Si", "P"), ("Cu", "Si", "P"))],
}


def measure(name: str, *species: tuple[str, ...], **parameters: float) -> Measure:
    return Measure(
        descriptor=name,
        species=tuple(Species(text="/".join(e), elements=e) for e in species),
        parameters=tuple(parameters.items()),
        aggregate=modules()[name].SIGNATURE.aggregate,
    )


@pytest.mark.parametrize(
    ("name", "species"),
    [(n, s) for n, m in WITH_MATHS.items() for s in SPECIES[m.SIGNATURE.species]],
    ids=lambda v: str(v).replace("'", ""),
)
def test_conformance(name: str, species: tuple[tuple[str, ...], ...]) -> None:
    check_descriptor(WITH_MATHS[name], measure(name, *species), seed=1)


def test_conformance_with_a_given_radius() -> None:
    check_descriptor(WITH_MATHS["CN"], measure("CN", ("Cu",), ("P",), r=4.5))


def test_the_catalogue_does_not_import_torch() -> None:
    code = "import sys, scoutlang.descriptors as d; d.signatures(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def fake(name: str, soft: object, exact: object) -> ModuleType:
    """A descriptor that replaces the maths of a real one."""
    real = WITH_MATHS[name]
    return cast(ModuleType, SimpleNamespace(SIGNATURE=real.SIGNATURE, formula=real.formula, soft=soft, exact=exact))


def test_suite_notices_an_extensive_value() -> None:
    def soft(batch: CrystalBatch, measure: Measure, sharpness: float = 8.0) -> DescriptorValue:
        return DescriptorValue(cell_volume(batch.cell), torch.ones(batch.size, dtype=torch.bool))

    with pytest.raises(AssertionError, match="supercell"):
        check_descriptor(fake("volume_per_atom", soft, soft), measure("volume_per_atom"))


def test_suite_notices_a_detached_gradient() -> None:
    real = WITH_MATHS["CN"]

    def soft(batch: CrystalBatch, measure: Measure, sharpness: float = 8.0) -> DescriptorValue:
        value = real.soft(batch.with_geometry(batch.frac, batch.cell.detach()), measure, sharpness)
        return cast(DescriptorValue, value)

    with pytest.raises(AssertionError, match="finite differences"):
        check_descriptor(fake("CN", soft, real.exact), measure("CN", ("Cu",), ("P",)))


def test_suite_notices_27_images() -> None:
    """Trap 10 and 11: the nearest image and its 26 neighbours are not enough in a skewed cell."""
    real = WITH_MATHS["CN"]

    def exact(batch: CrystalBatch, measure: Measure) -> DescriptorValue:
        is_a, is_b = (batch.weight([z]) for z in (29, 15))
        found = pairs(batch, 5.0, is_a, is_b)
        kept = (found.shift.abs() <= 1).all(dim=-1)
        sites = sum_by_structure(is_a, batch.system, batch.size)
        return DescriptorValue.exact(sum_by_structure(kept.to(is_a), found.system, batch.size) / sites, (sites > 0) & ~found.overflow)

    with pytest.raises(AssertionError, match=r"lattice vectors|translation"):
        check_descriptor(fake("CN", real.soft, exact), measure("CN", ("Cu",), ("P",), r=5.0))


def test_suite_notices_a_value_that_is_always_defined() -> None:
    """Trap 12: an absent species or a broken cell is undefined, not zero."""
    real = WITH_MATHS["CN"]

    def soft(batch: CrystalBatch, measure: Measure, sharpness: float = 8.0) -> DescriptorValue:
        result = real.soft(batch, measure, sharpness)
        return replace(result, defined=torch.ones_like(result.defined))

    with pytest.raises(AssertionError, match=r"absent|broken cell"):
        check_descriptor(fake("CN", soft, real.exact), measure("CN", ("Cu",), ("P",)))
