"""A judged run → `ReportData`: everything that a figure or the page shows, and nothing about how it looks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pymatgen.core import Structure

from scoutlang.ir import Program
from scoutlang.validation.funnel import Funnel
from scoutlang.validation.pipeline import Validation
from scoutlang.validation.record import Record
from scoutlang.validation.terms import Hardest, TermSummary

Group = Literal["reference", "non-guided", "guided"]


@dataclass(frozen=True)
class Crystal:
    """One crystal in the figures: of an arm, or of the reference set.

    id: of its record, or in the reference. values: term label → exact value in the term's canonical unit, for terms that compare or wish for
    one value. satisfied: term label → truth. Both None where undefined. loss: ℓ of the program, dimensionless; e_above_hull: eV/atom, unrelaxed, None
    where there is none. record: None for the reference.
    """

    id: str
    group: Group
    formula: str
    structure: Structure
    values: Mapping[str, float | None]
    satisfied: Mapping[str, bool | None]
    loss: float | None
    e_above_hull: float | None
    hit: bool | None
    record: Record | None = None


@dataclass(frozen=True)
class ReportData:
    """A judged run. manifest: of the run folder, as plain data. terms, hardest, funnels: as the table of `scout run` has them.

    crystals: those of both arms that have a structure, in the order of the records, then those of the reference that hold only elements of the
    system and on which some term is defined. trace: the folder of the guided arm's trace, None where there is none.
    """

    name: str
    program: Program
    manifest: Mapping[str, Any]
    validation: Validation
    terms: tuple[TermSummary, ...]
    hardest: Hardest | None
    funnels: tuple[Funnel, ...]
    crystals: tuple[Crystal, ...]
    trace: Path | None = None
