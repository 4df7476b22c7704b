"""The control arm: known prototypes with the elements of the system in their places, nearest first.
Whether guidance finds what these do not is what a referee asks.

Nothing here knows the hypothesis but its system, `atoms` and `formula`, which the sampled arms are
held to as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import islice

from pymatgen.core import Structure

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Arm, Program
from scoutlang.runs.prototypes import Substitutions
from scoutlang.validation.reference import Reference

CONTROL: Arm = "prototypes"


class Control:
    """The structures of the control arm of a run: as many as the other arms have, as far as there
    are prototypes. They do not depend on the seed.

    Raises ScoutError E462 as `Substitutions`.
    """

    def __init__(self, program: Program, reference: Reference) -> None:
        self._program = program
        elements = len(program.system)
        self._found = Substitutions(reference, program.system, sizes={elements})

    @cached_property
    def _candidates(self) -> list[tuple[str, Structure]]:
        return list(islice(self._fitting(), self._program.sample.count))

    def _fitting(self) -> Iterator[tuple[str, Structure]]:
        atoms, formula = self._program.atoms, self._program.formula
        wanted = None if formula is None else dict(formula)
        for candidate in self._found:
            structure = candidate.structure
            if atoms is not None and not atoms.low <= len(structure) <= atoms.high:
                continue
            if wanted is not None and not _is(structure, wanted):
                continue
            yield candidate.id, structure

    def specimens(self, indices: range) -> list[Specimen]:
        """Those of a batch."""
        seed = self._program.sample.seed
        found = [
            Specimen(CONTROL, seed, index, structure, origin=name)
            for index, (name, structure) in enumerate(self._candidates)
            if index in indices
        ]
        missing = range(max(indices.start, len(self._candidates)), indices.stop)
        why = "there are no further prototypes"
        return [*found, *(Specimen(CONTROL, seed, index, None, why) for index in missing)]


def _is(structure: Structure, formula: dict[str, int]) -> bool:
    """Whether a crystal is of some formula units."""
    counts = structure.composition.get_el_amt_dict()
    if counts.keys() != formula.keys():
        return False
    return len({counts[element] / n for element, n in formula.items()}) == 1
