"""One crystal on a page of its own, with the viewer of the report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pymatgen.core import Structure

from scoutlang.ir import Program
from scoutlang.report.document import document, write_document
from scoutlang.report.pictured import scene

_SCRIPTS = ("colours.js", "viewer.js", "view.js", "structure.js")


def write_structure_page(
    file: Path, title: str, structure: Structure, program: Program, facts: Mapping[str, str]
) -> Path:
    """The page as a file. structure: `picturable`; bonds are drawn between the pairs that the
    program speaks of. facts: what is said beside the cell.

    Raises ScoutError E602 where it cannot be written.
    """
    data = {
        "id": file.stem,
        "formula": structure.composition.reduced_formula,
        **scene({file.stem: structure}, program),
        "facts": list(facts.items()),
    }
    return write_document(file, document("structure.html", _SCRIPTS, data, title=title))
