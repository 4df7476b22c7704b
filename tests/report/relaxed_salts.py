"""A run of salts, relaxed by hand in two ways and looked at by a second potential: the shortlist
has one candidate that needs no constraint and one that does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from crystals_by_hand import rock_salt, simple_cubic
from hostile_salts import HOSTILE, Flat, caesium_chloride, checked, known
from pymatgen.core import Lattice, Structure

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Arm
from scoutlang.report.data import ReportData, collect
from scoutlang.runs.judge import Judged, adopt
from scoutlang.runs.manifest import PotentialIdentity
from scoutlang.runs.relaxed import Recipe, Relaxation, Relaxed
from scoutlang.support.errors import ScoutError
from scoutlang.validation import validate

TEXT = "system Na-Cl\nrequire six: CN(Na-Cl) = 6\nprefer dense: density as high as possible\n"
NOT_RELAXED = f"not relaxed: six is missed by too much {HOSTILE}"

Key = tuple[Arm, int]


class Second(Flat):
    """By it every salt stands 0.15 eV/atom above its elements."""

    name = "second"

    def energies(self, structures, **how):  # type: ignore[no-untyped-def]
        return [
            replace(one, energy=0.15 if one.energy else 0.0)
            for one in super().energies(structures, **how)
        ]


def nickel_arsenide(a: float = 3.9) -> Structure:
    """Six neighbours of each sodium, as rock salt has; another crystal."""
    sites = [(0, 0, 0), (0, 0, 0.5), (1 / 3, 2 / 3, 0.25), (2 / 3, 1 / 3, 0.75)]
    return Structure(Lattice.hexagonal(a, 1.4 * a), ["Na", "Na", "Cl", "Cl"], sites)


def swollen() -> Structure:
    """Rock salt, too large for any neighbour, with one sodium 0.02 a off its place."""
    crystal = rock_salt(a=6.7)
    crystal.translate_sites([0], [0.02, 0, 0], to_unit_cell=False)
    return crystal


SAMPLED: Mapping[Key, Structure | None] = {
    ("guided", 0): nickel_arsenide(4.6),
    ("guided", 1): swollen(),
    ("guided", 2): caesium_chloride(),
    ("guided", 3): None,
    ("non-guided", 0): rock_salt(a=6.8),
    ("non-guided", 1): simple_cubic("Cl", 3.8),
}
BY_ENERGY = {
    ("guided", 0): caesium_chloride(3.4) * (1, 1, 2),
    ("guided", 1): rock_salt(a=5.6),
    ("non-guided", 0): rock_salt(a=5.6),
    ("non-guided", 1): simple_cubic("Cl", 3.7),
}
WITH_CONSTRAINT = {
    **BY_ENERGY,
    ("guided", 0): nickel_arsenide(3.9),
    ("guided", 1): rock_salt(a=5.7),
}


def relaxed_run(folder: Path) -> Judged:
    """Both arms: rock salt that swelled (candidates by themselves, the same crystal), one that is a
    candidate only with the constraint, one that was not relaxed, one without a crystal, chlorine.
    """
    given: dict[Arm, list[Specimen | ScoutError]] = {"guided": [], "non-guided": []}
    for (arm, index), structure in SAMPLED.items():
        failed = ScoutError("E202", f"NaN {HOSTILE}")
        given[arm].append(Specimen(structure=structure, origin=str(index)) if structure else failed)
    run = adopt(checked(TEXT), given, folder)
    validation = validate(run.program, run.generated(), potential=Flat(), reference=known())
    judged = Judged(run, validation, (), Flat(), known())
    by = {
        "energy": relaxation(judged, "energy", BY_ENERGY),
        "constraint": relaxation(judged, "constraint", WITH_CONSTRAINT),
        "energy-second": relaxation(judged, "energy-second", {("guided", 1): rock_salt(a=5.5)}),
        "constraint-second": relaxation(
            judged, "constraint-second", {("guided", 0): caesium_chloride(3.3)}
        ),
    }
    return replace(judged, relaxations=tuple(by.values()))


def relaxation(judged: Judged, name: str, after: Mapping[Key, Structure]) -> Relaxation:
    """These geometries of a run's structures, judged; the others were not relaxed."""
    way, _, second = name.partition("-")
    start: Literal["energy", "constraint", "sampled"] = "sampled"
    if second:
        start = "energy" if way == "energy" else "constraint"
    potential = Second() if second else Flat()
    structures: dict[Arm, dict[int, Relaxed]] = {"guided": {}, "non-guided": {}}
    specimens = []
    for record in judged.records:
        key = (record.arm, record.generated.index)
        structure = after.get(key)
        structures[record.arm][record.generated.index] = (
            Relaxed(structure, 12, True, "", -1.0, -1.1)
            if structure
            else Relaxed(None, reason=NOT_RELAXED)
        )
        failure = None if structure else NOT_RELAXED
        specimens.append(replace(record.generated, structure=structure, failure=failure))
    recipe = Recipe(
        about="relaxed by hand",
        scoutlang="1",
        digest=judged.run.program.digest(),
        start=start,
        which="candidates" if second else "promising",
        rho=0.5 if name == "constraint" else 0.0,
        steps=50,
        potential=PotentialIdentity.model_validate(potential),
        named=potential.name,
        starts={},
    )
    found = validate(judged.run.program, specimens, potential=potential, reference=known())
    return Relaxation(name, judged.folder, recipe, structures, found, potential)


def relaxed_data(folder: Path) -> ReportData:
    return collect(relaxed_run(folder))
