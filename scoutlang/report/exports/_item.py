"""A structure on its way out, and what every form says of it: whose energies these are, in which
geometry, and that they are not of DFT.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pymatgen.core import Structure

from scoutlang.ir import Program, Wish
from scoutlang.potentials import malformed
from scoutlang.report.shortlist import AS_SAMPLED
from scoutlang.runs.judge import Judged
from scoutlang.support.files import followed
from scoutlang.validation.funnel import left_at
from scoutlang.validation.pipeline import Provenance
from scoutlang.validation.record import Record, Value

if TYPE_CHECKING:
    from ase import Atoms

Which = Literal["all", "hits", "candidates"]
Geometry = Literal["sampled", "energy", "constraint"]

NOT_DFT = (
    "Energies are those of an interatomic potential, the one that is named, not of density "
    "functional theory, and are not to be mixed with such."
)


@dataclass(frozen=True)
class Fact:
    """Something that is said of each structure."""

    name: str
    """Lower case, as databases want it."""
    kind: Literal["text", "number", "whole", "truth"]
    about: str
    unit: str = ""
    """As OPTIMADE and UCUM write it."""


_GENERAL = (
    Fact("arm", "text", "guided, non-guided or prototypes: what made the structure"),
    Fact(
        "geometry",
        "text",
        "sampled: as it was generated; energy: relaxed by the energy of the potential alone; "
        "constraint: relaxed with a penalty for leaving the hypothesis",
    ),
    Fact("potential", "text", "the interatomic potential of all energies, and its version"),
    Fact("potential_weights", "text", "SHA-256 of the weights of that potential"),
    Fact("is_dft", "truth", f"always false. {NOT_DFT}"),
    Fact("energy_per_atom", "number", "energy of the cell, by the potential", "eV/atom"),
    Fact("e_above_hull", "number", "above the convex hull of the reference", "eV/atom"),
    Fact("formation_energy", "number", "from the elements of the reference", "eV/atom"),
    Fact("reference", "text", "the known crystals of the hull, and the SHA-256 of the set"),
    Fact("hit", "truth", "whether every `require` of the hypothesis holds, exactly"),
    Fact(
        "candidate",
        "truth",
        "whether it is unique, near the hull, not in the reference and a hit, in this geometry",
    ),
    Fact("rank", "whole", "its place in the shortlist of the run; candidates have one"),
    Fact("space_group", "whole", "number of the space group of the symmetrised structure"),
    Fact("space_group_symbol", "text", "Hermann-Mauguin symbol of the same"),
    Fact("hypothesis", "text", "SHA-256 of the program that the structures were judged by"),
)


def facts_of(program: Program) -> tuple[Fact, ...]:
    """What is said of each structure that a program judges: two facts for each line beside those of
    all, ``exact_NAME`` and ``holds_NAME``; a wish does not hold or fail.
    """
    found = list(_GENERAL)
    for term, name in _names(program).items():
        line = next(one for one in program.terms if one.label == term)
        text = " ".join(line.text.split())
        found.append(Fact(f"exact_{name}", "number", f"exact value of the line `{text}`"))
        if not isinstance(line.claim, Wish):
            found.append(Fact(f"holds_{name}", "truth", f"whether the line `{text}` holds"))
    return tuple(found)


def _names(program: Program) -> dict[str, str]:
    """Label → a name that databases can take, each another one."""
    found: dict[str, str] = {}
    for term in program.terms:
        stem = re.sub(r"[^a-z0-9]+", "_", term.label.lower()).strip("_")[:40] or "line"
        name, number = stem, 2
        while name in found.values():
            name, number = f"{stem}_{number}", number + 1
        found[term.label] = name
    return found


@dataclass(frozen=True)
class Item:
    """One structure in one geometry."""

    record: Record
    geometry: str
    provenance: Provenance
    """By what it was judged in this geometry."""
    program: Program
    rank: int | None
    """Of the shortlist; None where it is not in it, or in another geometry."""

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def structure(self) -> Structure:
        return self.record.structure

    @property
    def flaw(self) -> str:
        """Why there is no crystal that could be written; empty if there is one."""
        structure = self.record.generated.structure
        if structure is None:
            return self.record.generated.failure or "no structure"
        return malformed(structure)

    @property
    def energy(self) -> float | None:
        """eV/atom, by the potential; None where it has none."""
        return self.record.number("energy")

    @property
    def potential(self) -> str:
        """``chgnet 0.3.0``."""
        return f"{self.provenance.potential} {self.provenance.potential_version}"

    @cached_property
    def facts(self) -> Mapping[str, Value]:
        """Values by the names of `facts_of`; what is undefined is None."""
        record, by = self.record, self.provenance
        group = record.number("space_group")
        found: dict[str, Value] = {
            "arm": record.arm,
            "geometry": self.geometry,
            "potential": self.potential,
            "potential_weights": f"sha256:{by.potential_weights_sha256}",
            "is_dft": False,
            "energy_per_atom": self.energy,
            "e_above_hull": record.e_above_hull,
            "formation_energy": record.number("formation_energy"),
            "reference": f"{by.reference} {by.reference_version}",
            "hit": record.hit,
            "candidate": left_at(record) is None,
            "rank": self.rank,
            "space_group": None if group is None else int(group),
            "space_group_symbol": record.value("space_group_symbol"),
            "hypothesis": f"sha256:{by.program_digest}",
        }
        for label, name in _names(self.program).items():
            term = record.term(label)
            found[f"exact_{name}"] = term.exact
            found[f"holds_{name}"] = term.satisfied
        return {fact.name: found[fact.name] for fact in facts_of(self.program)}

    @property
    def known_facts(self) -> dict[str, Value]:
        """Those that have a value."""
        return {name: value for name, value in self.facts.items() if value is not None}

    @property
    def atoms(self) -> Atoms:
        """The crystal for ASE, with nothing beside it."""
        from pymatgen.io.ase import AseAtomsAdaptor

        plain = Structure(
            self.structure.lattice,
            [site.specie.symbol for site in self.structure],
            self.structure.frac_coords,
        )
        return AseAtomsAdaptor.get_atoms(plain, msonable=False)


@dataclass(frozen=True)
class Parcel:
    """The structures of an export, and where they come from."""

    judged: Judged
    items: tuple[Item, ...]
    which: Which
    geometry: str
    """In which they were asked for; candidates have their own."""
    licence: str = ""
    """Of the data, as its maker says: a name of SPDX or a URL. Empty: nothing was said."""
    authors: tuple[str, ...] = ()

    @property
    def program(self) -> Program:
        return self.judged.run.program

    @property
    def facts(self) -> tuple[Fact, ...]:
        return facts_of(self.program)

    @property
    def title(self) -> str:
        """``pairs: 96 structures, as sampled``."""
        ways = {AS_SAMPLED: "as sampled", "energy": "relaxed by the energy alone"}
        ways["constraint"] = "relaxed with the constraint"
        how = "each in its geometry" if self.which == "candidates" else ways[self.geometry]
        what = {"all": "structures", "hits": "hits"}.get(self.which, self.which)
        return f"{followed(self.judged.folder).name}: {len(self.items)} {what}, {how}"

    @property
    def about(self) -> str:
        """Where they come from, in sentences."""
        manifest = self.judged.run.manifest
        model = f"sampled by the generative model {manifest.model.name}" if manifest.model else ""
        given = "given to scoutlang as files" if manifest.given is not None else ""
        by = ", ".join(dict.fromkeys(item.potential for item in self.items))
        return (
            f"Hypothetical crystals, {model or given or 'sampled'}, judged by scoutlang "
            f"{manifest.scoutlang}; energies by {by}. {NOT_DFT}"
        )
