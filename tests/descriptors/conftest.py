from __future__ import annotations

from collections.abc import Mapping

import pytest
from prototypes import prototypes, settings
from pymatgen.core import Structure


@pytest.fixture(scope="session")
def known_crystals() -> Mapping[str, list[Structure]]:
    """Name → the settings of a known crystal."""
    return {name: settings(structure) for name, structure in prototypes().items()}
