"""What a run rests on, to be cited: only what it used."""

from __future__ import annotations

from typing import NamedTuple

from scoutlang.potentials import Facts, module
from scoutlang.report.data import ReportData
from scoutlang.support.errors import ScoutError


class Citation(NamedTuple):
    """What somebody made that a run used."""

    what: str
    """The part of the run."""
    work: str
    """Authors, journal and DOI."""
    licence: str = ""
    """Of what was used; empty where it is not known here."""


_METHOD = Citation("method", "de Lambilly, Baturin et al., arXiv:2604.13354", "scoutlang: MIT")
_MATTERGEN = Citation(
    "diffusion process",
    "MatterGen: Zeni et al., Nature 639, 624 (2025), doi:10.1038/s41586-025-08628-5",
    "MIT",
)
_RADII = Citation(
    "neighbour radii", "Cordero et al., Dalton Trans. 2008, 2832, doi:10.1039/b801115j"
)


def citations(data: ReportData) -> list[Citation]:
    """In the order in which a methods section has them. What does not say how to cite it is named,
    to be cited as its authors ask.
    """
    sampled = [] if data.manifest.model is None else [_MATTERGEN]
    return [_METHOD, *sampled, _potential(data), *_references(data), _RADII]


def _references(data: ReportData) -> list[Citation]:
    """One for each set of a union, as the manifest describes them."""
    said = data.manifest.reference
    about = said.model_dump() if said else {"name": data.validation.provenance.reference}
    parts = [part for part in about.get("parts", [about]) if isinstance(part, dict)]
    return [
        Citation(
            f"reference set {part.get('name')}",
            str(part.get("citation") or "as its source asks"),
            str(part.get("licence") or ""),
        )
        for part in parts
    ]


def _potential(data: ReportData) -> Citation:
    named = data.manifest.judges.potential if data.manifest.judges else ""
    try:
        facts: Facts = module(named.partition(":")[0]).FACTS
    except ScoutError:
        return Citation("energies", f"{data.validation.provenance.potential}: as its authors ask")
    return Citation("energies", f"{facts.model}, doi:{facts.citation}", facts.licence)
