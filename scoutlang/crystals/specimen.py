"""`Specimen`: a structure on its way from the sampler, or from a file, to its record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scoutlang.crystals.packed import PackedStructure
from scoutlang.ir import Arm
from scoutlang.support.showing import Shown

if TYPE_CHECKING:
    from pymatgen.core import Structure


@dataclass(frozen=True)
class Specimen(Shown):
    """One structure that was sampled or given, or the reason why there is none.

    What comes from elsewhere is of the arm ``guided`` until somebody says otherwise.
    """

    arm: Arm = "guided"
    seed: int = 0
    """Of the run that it was sampled in."""
    index: int = 0
    """Its place in the arm, from 0."""
    structure: PackedStructure = field(default=PackedStructure(), repr=False)
    """The crystal, a Structure of its own each time. None where sampling or reading failed."""
    failure: str | None = None
    """Why there is no structure."""
    ancestor: int | None = None
    """The index that it descends from: another one than its own where resampling replaced it by a
    copy. None for its own.
    """
    origin: str | None = None
    """Where it was given: ``run.zip/gen_3.cif``, ``run.extxyz#12``. None where it was sampled."""
    notes: tuple[str, ...] = ()
    """What its file says and the atoms do not, and what was done to read it; they stand beside
    every verdict.
    """
    lacking: str = ""
    """Which atoms of the crystal have no positions: it can be measured, and is neither hit nor
    miss, known nor new. Empty where it is whole.
    """

    @property
    def crystal(self) -> Structure:
        """The structure. Raises ValueError where there is none."""
        if self.structure is None:
            raise ValueError(f"{self.name} has no structure")
        return self.structure

    @property
    def doubts(self) -> tuple[str, ...]:
        """All that is to be said beside a verdict: ``lacking``, then ``notes``."""
        return (*filter(None, [self.lacking]), *self.notes)

    @property
    def name(self) -> str:
        return self.origin or f"{self.arm}-{self.seed}-{self.index}"

    @property
    def family(self) -> tuple[Arm, int, int]:
        """The same for all that descend from one structure."""
        return self.arm, self.seed, self.index if self.ancestor is None else self.ancestor
