"""The AFLOW Library of Crystallographic Prototypes, Part 1 (Mehl et al. 2017), as shipped in pymatgen's wheel: real compounds, measured geometry."""

from __future__ import annotations

import re
from importlib.resources import files

from monty.serialization import loadfn

from scoutlang.validation.reference.structures import ReferenceStructure

SOURCE = "aflow"
LICENCE = "MIT (pymatgen)"
LIBRARY = "doi:10.1016/j.commatsci.2017.01.017"

# In these alloy prototypes the elements only mark Wyckoff positions; as compounds they do not exist.
_LABELS = {"Cr", "Fe", "Ni"}


def load() -> list[ReferenceStructure]:
    """Every ordered prototype, cited by the first reference that the library gives for it."""
    prototypes = loadfn(str(files("pymatgen.analysis.prototypes") / "aflow_prototypes.json.gz"))
    found = []
    for prototype in prototypes:
        structure = prototype["snl"].structure
        if structure.is_ordered and not structure.composition.chemical_system_set >= _LABELS:
            id_ = f"{prototype['tags']['aflow']}:{structure.composition.reduced_formula}"
            found.append(ReferenceStructure(id_, SOURCE, structure, f"{_cite(prototype['snl'].references)}; {LIBRARY}", LICENCE))
    return found


def _cite(bibtex: str) -> str:
    def field(name: str) -> str:
        found = re.search(rf'^\s*{name}\s*=\s*["{{](.*?)["}}],?\s*$', bibtex, re.MULTILINE)
        return found.group(1).strip() if found else ""

    return f"{field('author')}, {field('journal')} {field('volume')} ({field('year')})"
