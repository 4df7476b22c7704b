"""What a run rests on, to be cited: only what it used."""

from __future__ import annotations

from typing import NamedTuple

from scoutlang.report.data import ReportData


class Citation(NamedTuple):
    """what: the part of the run. work: authors, journal and DOI. licence: of what was used, empty where it is not known here."""

    what: str
    work: str
    licence: str = ""


_METHOD = Citation("method", "de Lambilly, Baturin et al., arXiv:2604.13354", "scoutlang: MIT")
_MATTERGEN = Citation("diffusion process", "MatterGen: Zeni et al., Nature 639, 624 (2025), doi:10.1038/s41586-025-08628-5", "MIT")
_POTENTIALS = {
    "chgnet": ("CHGNet: Deng et al., Nat. Mach. Intell. 5, 1031 (2023), doi:10.1038/s42256-023-00716-3", "BSD-3-Clause"),
}
_REFERENCES = {
    "mp-mini": (
        "structures of the Materials Project (Jain et al., APL Mater. 1, 011002 (2013), doi:10.1063/1.4812323), the AFLOW prototypes in pymatgen,"
        " and the literature, each row of the set with its source",
        "CC BY 4.0",
    ),
}
_RADII = Citation("neighbour radii", "Cordero et al., Dalton Trans. 2008, 2832, doi:10.1039/b801115j")


def citations(data: ReportData) -> list[Citation]:
    """In the order in which a methods section has them. A potential or reference that is not known here is named, to be cited as its authors ask."""
    basis = data.validation.provenance
    sampled = [_MATTERGEN] if "model" in data.manifest else []
    potential = next((found for name, found in _POTENTIALS.items() if basis.potential.startswith(name)), None)
    reference = _REFERENCES.get(basis.reference)
    return [
        _METHOD,
        *sampled,
        Citation("energies", *(potential or (f"{basis.potential}: as its authors ask",))),
        Citation("reference set", *(reference or (f"{basis.reference}: as its source asks",))),
        _RADII,
    ]
