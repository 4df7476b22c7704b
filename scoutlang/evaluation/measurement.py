"""What was measured of the terms of a program: plain data, until a table or a file is written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from scoutlang.ir import Node

if TYPE_CHECKING:
    import pandas as pd

Verdict: TypeAlias = bool | None
"""Kleene's three values: true, false, and None for neither, which is "undefined"."""


def all_hold(verdicts: Iterable[Verdict]) -> Verdict:
    """True if every verdict is. None where there is none or one of them is None, even beside a
    False: "undefined" is a class of its own.
    """
    verdicts = tuple(verdicts)
    return None if None in verdicts or not verdicts else all(verdicts)


@dataclass(frozen=True, slots=True)
class Part(Node):
    """One relation inside a claim, by the exact values of the sites; None: undefined."""

    low: float | None
    """The least value of the sites, or the one value where there are none."""
    high: float | None
    """The largest value of the sites, or the same value again."""


@dataclass(frozen=True, slots=True)
class TermMeasurement(Node):
    """One term on one structure. A number is None where it is undefined, or not measurable on a
    structure alone.
    """

    label: str
    source: str = ""
    """The text of the term in the program."""
    soft: float | None = None
    """The value that guides, in the canonical unit; None for a claim that has no single value."""
    exact: float | None = None
    """The value that judges, in the canonical unit; None for a claim that has no single value."""
    margin: float | None = None
    """ρ of `ir.Relation` by the exact values, at least 0 where the term holds; None for a wish."""
    satisfied: Verdict = None
    """By the exact values; None also for a wish."""
    soft_satisfied: Verdict = None
    """By the soft values."""
    parts: tuple[Part, ...] = ()
    """The relations inside a claim that has several, or asks the sites, in the order of
    `ir.comparisons`.
    """
    reason: str = ""
    """Why it is not satisfied: the value and the bound, or what has no value and why."""


@dataclass(frozen=True)
class Measurement(Node):
    """All terms of a program on one structure."""

    structure: str
    """The name of the structure."""
    hit: Verdict
    """Whether every `require` holds, and the composition is the `formula` if there is one. None
    where a `require` is undefined or there is nothing to satisfy. A crystal with other elements
    than the system's is no hit.
    """
    terms: tuple[TermMeasurement, ...]
    """In program order."""
    reason: str = ""
    """Why it is no hit: the lines that it misses or that are undefined, or its composition."""
    notes: tuple[str, ...] = ()
    """What is to be said of the structure beside that, as `Specimen.doubts`."""


def columns(
    term: TermMeasurement, numbers: Sequence[str] = ("exact", "margin")
) -> dict[str, float | Verdict]:
    """A term as columns of a table, ``exact: LABEL``, ``margin: LABEL`` and ``satisfied: LABEL``:
    the only place where these names are made.
    """
    return {f"{name}: {term.label}": getattr(term, name) for name in (*numbers, "satisfied")}


class Measurements(tuple[Measurement, ...]):
    """The measurements of several structures, in order. At a prompt and in a notebook they are a
    table.
    """

    def __repr__(self) -> str:
        return self.to_pandas().T.to_string(header=False, max_cols=8)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        return str(self.to_pandas().to_html(max_rows=60, notebook=True))

    def to_pandas(self) -> pd.DataFrame:
        """A row per structure: its name, ``hit``, and of each term, as in the records of a run,
        ``exact: LABEL``, ``soft: LABEL``, ``margin: LABEL`` and ``satisfied: LABEL``. What is
        undefined is missing (``<NA>``). ``notes`` where a structure has some.
        """
        import pandas as pd

        numbers = ("exact", "soft", "margin")
        kinds = {"structure": "string", "hit": "boolean"}
        for term in self[0].terms if self else ():
            *values, truth = columns(term, numbers)
            kinds |= dict.fromkeys(values, "Float64") | {truth: "boolean"}
        rows: list[dict[str, object]] = [
            {"structure": one.structure, "hit": one.hit}
            | {name: v for term in one.terms for name, v in columns(term, numbers).items()}
            for one in self
        ]
        if any(one.notes for one in self):
            kinds["notes"] = "string"
            for row, one in zip(rows, self, strict=True):
                row["notes"] = "; ".join(one.notes) or None
        return pd.DataFrame(rows, columns=list(kinds)).astype(kinds)
