"""A judged run in the forms that other programs read.

One file for each form, and the file is the registration: its ``FORMAT`` says what it is and writes
it. Files whose names begin with an underscore are what the forms share. The packages that a form
needs are imported when it is written, so that all can be listed at once.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scoutlang.ir import Arm
from scoutlang.report.exports._format import Format
from scoutlang.report.exports._item import Geometry, Item, Parcel, Which
from scoutlang.report.exports._place import check_free, placed
from scoutlang.report.shortlist import AS_SAMPLED, shortlist, why_none
from scoutlang.runs.judge import Judged
from scoutlang.support.errors import ScoutError
from scoutlang.support.plugins import parts
from scoutlang.validation.pipeline import Validation

__all__ = ["Exported", "Format", "Geometry", "Which", "check", "export", "formats"]

_HINT = "choose another place with --out, or say --overwrite"


@dataclass(frozen=True)
class Exported:
    """What an export has written."""

    path: Path
    """The file or the folder."""
    structures: int
    left_out: Mapping[str, int]
    """Why structures of the choice are not in it, and how many."""


def formats() -> dict[str, Format]:
    """Every form by its name, in alphabetical order."""
    return {name: importlib.import_module(f"{__name__}.{name}").FORMAT for name in parts(__name__)}


def check(form: str, target: Path, *, overwrite: bool) -> Format:
    """The form of that name. Raises ScoutError: E624 there is none, E622 something is at ``target``
    and may not be overwritten.
    """
    known = formats()
    if form not in known:
        raise ScoutError("E624", f"no export is called {form}", f"there are {', '.join(known)}")
    check_free(target, overwrite=overwrite, hint=_HINT)
    return known[form]


def export(
    judged: Judged,
    form: str,
    target: Path,
    *,
    which: Which = "all",
    arms: Collection[Arm] = (),
    geometry: Geometry | None = None,
    licence: str = "",
    authors: Sequence[str] = (),
    overwrite: bool = False,
) -> Exported:
    """Write structures of a run in one of the `formats`; whole or not at all.

    which: ``all``, the ``hits``, or the ``candidates``, each of those in the geometry in which it
    is one. arms: all where none is named. geometry: ``sampled`` if nothing is said, ``energy`` or
    ``constraint`` for relaxed ones. licence, authors: of the data, for forms that say so.

    Raises ScoutError: E622 something is at ``target`` and may not be overwritten, E623 there is
    nothing to write, E624 no such form, E602 it cannot be written.
    """
    chosen = check(form, target, overwrite=overwrite)
    found = list(_chosen(judged, which, arms, geometry))
    why: Counter[str] = Counter()
    kept = []
    for one in found:
        if flaw := one.flaw or chosen.unfit(one):
            why[flaw] += 1
        else:
            kept.append(one)
    if not kept:
        raise _nothing(judged, form, which, arms, geometry, why)
    parcel = Parcel(judged, tuple(kept), which, geometry or AS_SAMPLED, licence, tuple(authors))
    with placed(target, overwrite=overwrite, hint=_HINT) as place:
        chosen.write(parcel, place)
    return Exported(target, len(kept), dict(why))


def _chosen(
    judged: Judged, which: Which, arms: Collection[Arm], geometry: Geometry | None
) -> Iterator[Item]:
    ranked = {(one.id, one.geometry): one.rank for one in shortlist(judged)}
    if which == "candidates":
        names: Sequence[str] = [name for _, name in ranked]
        if geometry is not None:
            raise ScoutError(
                "E623",
                f"a candidate has its geometry, and is not asked for in another one, {geometry}",
                "leave the geometry out, or export the hits",
            )
    else:
        names = [geometry or AS_SAMPLED]
    for name in dict.fromkeys(names):
        validation = _validation(judged, name)
        for record in () if validation is None else validation.records:
            rank = ranked.get((record.id, name))
            wanted = {"all": True, "hits": record.hit is True, "candidates": rank is not None}
            if (not arms or record.arm in arms) and wanted[which]:
                assert validation is not None
                yield Item(record, name, validation.provenance, judged.run.program, rank)


def _validation(judged: Judged, geometry: str) -> Validation | None:
    if geometry == AS_SAMPLED:
        return judged.validation
    found = judged.relaxation(geometry)
    return None if found is None else found.validation


def _nothing(
    judged: Judged,
    form: str,
    which: Which,
    arms: Collection[Arm],
    geometry: Geometry | None,
    why: Mapping[str, int],
) -> ScoutError:
    if geometry not in (None, AS_SAMPLED) and judged.relaxation(str(geometry)) is None:
        there = [AS_SAMPLED, *(one.name for one in judged.relaxations if not one.confirms)]
        return ScoutError(
            "E623",
            f"{judged.folder} has no structures relaxed in the way `{geometry}`",
            f"it has {', '.join(there)}; `scout relax` makes others",
        )
    if which == "candidates" and not arms and not why:
        return ScoutError(
            "E623",
            f"{judged.folder} has no candidates: {why_none(judged)}",
            "--which hits has what comes next",
        )
    if not judged.run.finished and not judged.validation.records:
        return ScoutError(
            "E623",
            f"nothing is sampled in {judged.folder} yet: the run is {judged.run.manifest.status}",
            f"scout run --resume --out {judged.folder} goes on",
        )
    asked = {"all": "structures", "hits": "hits", "candidates": "candidates"}[which]
    where = f" of the arm {' or '.join(arms)}" if arms else ""
    reasons = "; ".join(f"{count}: {reason}" for reason, count in list(why.items())[:3])
    return ScoutError(
        "E623",
        f"{judged.folder} has no {asked}{where} for {form}" + (f" ({reasons})" if reasons else ""),
        "choose more: --which all, another --arm or another --geometry",
    )
