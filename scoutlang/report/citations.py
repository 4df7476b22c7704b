"""What a run rests on, to be cited: only what it used."""

from __future__ import annotations

from typing import NamedTuple

from scoutlang.errors import ScoutError
from scoutlang.potentials import Facts, module
from scoutlang.report.data import ReportData


class Citation(NamedTuple):
    """what: the part of the run. work: authors, journal and DOI. licence: of what was used, empty where it is not known here."""

    what: str
    work: str
    licence: str = ""


_METHOD = Citation("method", "de Lambilly, Baturin et al., arXiv:2604.13354", "scoutlang: MIT")
_MATTERGEN = Citation("diffusion process", "MatterGen: Zeni et al., Nature 639, 624 (2025), doi:10.1038/s41586-025-08628-5", "MIT")
_REFERENCES = {
    "mp-mini": Citation(
        "reference set mp-mini",
        "structures of the Materials Project (Jain et al., APL Mater. 1, 011002 (2013), doi:10.1063/1.4812323), the AFLOW prototypes in pymatgen,"
        " and the literature; each row of the set has its source",
        "CC BY 4.0",
    ),
}
_RADII = Citation("neighbour radii", "Cordero et al., Dalton Trans. 2008, 2832, doi:10.1039/b801115j")


def citations(data: ReportData) -> list[Citation]:
    """In the order in which a methods section has them. A potential or reference that is not known here is named, to be cited as its authors ask."""
    sampled = [_MATTERGEN] if "model" in data.manifest else []
    known = [
        _REFERENCES.get(name) or Citation("reference set", f"{name}: as its source asks")
        for name in data.validation.provenance.reference.split("+")
    ]
    return [_METHOD, *sampled, _potential(data), *known, _RADII]


def _potential(data: ReportData) -> Citation:
    named = str(data.manifest.get("judges", {}).get("potential", ""))
    try:
        facts: Facts = module(named.partition(":")[0]).FACTS
    except ScoutError:
        return Citation("energies", f"{data.validation.provenance.potential}: as its authors ask")
    return Citation("energies", f"{facts.model}, doi:{facts.citation}", facts.licence)
