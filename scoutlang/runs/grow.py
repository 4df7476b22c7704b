"""A reference set grown by substitution: candidates of `prototypes` for a chemical system, relaxed
by a potential, and kept where they are near the hull of the known crystals and of each other.

Every candidate is written into a work folder as soon as it is done, so an interrupted growth goes
on where it was; the set itself appears when all are done. It holds structures, as any reference set
does; the heights beside them (``growth.jsonl``) are those by the potential that relaxed them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from pydantic import TypeAdapter, ValidationError
from pymatgen.core import Composition, Structure

from scoutlang.crystals.formats import plain_structure
from scoutlang.evaluation.loss import Loss
from scoutlang.ir.elements import COVALENT_RADIUS
from scoutlang.potentials import Potential
from scoutlang.runs.manifest import Facts, PotentialIdentity
from scoutlang.runs.minimise import Objective, relax_one
from scoutlang.runs.prototypes import MAX_ATOMS, Candidate, Substitutions
from scoutlang.support.errors import ScoutError, first_line
from scoutlang.support.files import drop_cut_line, read_json, whole_lines, write_json
from scoutlang.support.version import __version__
from scoutlang.validation.hull import Hulls
from scoutlang.validation.matching import Known, TooSlender, reduced
from scoutlang.validation.reference import Reference, ReferenceStructure, store, union
from scoutlang.validation.stages import Progress

MAX_ABOVE_HULL = 0.1
MAX_LINES = 256 << 20
"""Bytes of a file of grown crystals: 100 000 of 20 atoms have a fifth of it."""
"""eV/atom, up to which a relaxed candidate is kept."""

WINDOW = 1.0
"""eV/atom above the hull before relaxing, up to which a candidate is relaxed. docs/references.md
has what other windows lose."""

LIMIT = 200
"""How many candidates are looked at."""

STEPS = 60
"""Steps of the optimiser; most candidates need half of them."""

TOO_CLOSE = 0.5
"""Of the sum of two covalent radii: atoms nearer than that are not relaxed."""

RELAXED, KEPT = "relaxed", "kept"

_SETTINGS, _LINES, GROWTH = "settings.json", "candidates.jsonl", "growth.jsonl"


class Settings(Facts):
    """``settings.json`` of the work folder: all that a line of it depends on."""

    about: str = "a reference set that is being grown; the same command goes on with it"
    scoutlang: str = __version__
    system: list[str]
    reference: str
    reference_version: str
    potential: PotentialIdentity
    max_atoms: int
    window: float
    steps: int


@dataclass(frozen=True)
class Grown:
    """What became of one candidate."""

    id: str
    """`Candidate.id`."""
    formula: str
    prototype: str
    """The id of a known crystal."""
    prototype_source: str
    prototype_formula: str
    space_group: int | None
    """Of the prototype, its number."""
    substitution: Mapping[str, str]
    """Element of the prototype → element in its place."""
    distance: float
    """`Candidate.distance`."""
    fate: str
    """In a few words, the same for all that fare alike."""
    why: str = ""
    """What is to be said of this one."""
    height_before: float | None = None
    """eV/atom above the hull of the reference, before relaxing."""
    height: float | None = None
    """eV/atom above the hull of the reference and all candidates, relaxed; None unless it is
    distinct from others."""
    energy: float | None = None
    """eV/atom, relaxed."""
    steps: int = 0
    """Of the optimiser."""
    converged: bool = False


_GROWN = TypeAdapter(Grown)


@dataclass(frozen=True)
class Growth:
    """What was grown, and from what."""

    prototypes: int
    """Known crystals whose places were filled."""
    assignments: int
    """Ways to fill them."""
    passed_over: Mapping[str, int]
    """Reason → assignments that gave no candidate, up to the last one that was looked at."""
    candidates: tuple[Grown, ...]
    """Those that were looked at, nearest first."""
    about: Mapping[str, Any] | None
    """What is said of the stored set; None where nothing was kept, so that there is none."""
    folder: Path
    """Where the work is kept as long as there is no set."""

    @property
    def kept(self) -> list[Grown]:
        """Lowest first."""
        return sorted(
            (one for one in self.candidates if one.fate == KEPT), key=lambda one: one.height or 0.0
        )

    @property
    def relaxed(self) -> list[Grown]:
        """Those whose relaxation came to an end."""
        return [one for one in self.candidates if one.energy is not None]

    @property
    def fates(self) -> dict[str, int]:
        """Fate → number of candidates, in the order in which they first occur."""
        return dict(Counter(one.fate for one in self.candidates))


def grow(
    name: str,
    system: Sequence[str],
    reference: Reference,
    potential: Potential,
    *,
    limit: int = LIMIT,
    max_above_hull: float = MAX_ABOVE_HULL,
    window: float = WINDOW,
    max_atoms: int = MAX_ATOMS,
    steps: int = STEPS,
    replace: bool = False,
    progress: Progress | None = None,
) -> Growth:
    """Grow the reference set ``name`` for a system from the crystals of ``reference``, with the
    ``limit`` nearest candidates. max_above_hull, window: eV/atom.

    A set is of one system, reference and potential; another one needs another name. Raises
    ScoutError: E460 bad name, E461 the set exists or is being grown with other settings, E462 no
    such system or no hull of it, E465 the work folder is damaged, E467 the data folder cannot be
    written.
    """
    store.check_free(name, replace=replace)
    candidates = Substitutions(reference, system, max_atoms=max_atoms)
    tell = progress or (lambda stage, done, total: None)
    hulls = Hulls(
        candidates.system,
        potential,
        reference,
        report=lambda done, total: tell("hull", done, total),
    )
    whole = hulls.height(Composition(dict.fromkeys(candidates.system, 1)), 0.0)
    if isinstance(whole, str):
        raise ScoutError(
            "E462",
            f"nothing can be held against a hull of {'-'.join(candidates.system)} by "
            f"{potential.name} from '{reference.name}': {whole}",
            "choose another potential, or join the reference with one that has the element",
        )
    folder = work_folder(name)
    settings = Settings(
        system=list(candidates.system),
        reference=reference.name,
        reference_version=reference.version,
        potential=PotentialIdentity.model_validate(potential),
        max_atoms=max_atoms,
        window=window,
        steps=steps,
    )
    with _claimed(folder, name, settings):
        with store.writing(folder):
            done = _work(folder / _LINES, candidates, limit, hulls, potential, settings, tell)
        grown, crystals = _judged(
            name, done, candidates.system, reference, potential, max_above_hull
        )
        growth = Growth(
            prototypes=len(candidates.prototypes),
            assignments=candidates.assignments,
            passed_over=dict(candidates.left_out),
            candidates=tuple(grown),
            about=None,
            folder=folder,
        )
        if not crystals:
            return growth
        asked = {"limit": limit, "max_above_hull": max_above_hull}
        about = store.save(
            name,
            crystals,
            _about(growth, crystals, reference, settings, asked),
            replace=replace,
            beside={GROWTH: _lines(grown)},
        )
    shutil.rmtree(folder, ignore_errors=True)
    return dataclasses.replace(growth, about=about)


def work_folder(name: str) -> Path:
    """Where the candidates of a set are kept until it is stored."""
    return store.references_folder() / ".growing" / name


@contextlib.contextmanager
def _claimed(folder: Path, name: str, settings: Settings) -> Iterator[None]:
    """The work folder of these settings, which it remembers, for one process. Raises ScoutError
    E461.
    """
    with store.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock = FileLock(folder / ".lock").acquire(blocking=False)
        except Timeout:
            raise ScoutError(
                "E461",
                f"another process is growing '{name}'",
                "wait for it, or choose another name",
            ) from None
    with lock:
        with store.writing(folder):
            _remember(folder / _SETTINGS, name, settings)
        yield


def _remember(file: Path, name: str, settings: Settings) -> None:
    if not file.exists():
        write_json(file, settings.model_dump())
        return
    try:
        earlier = Settings.model_validate(read_json(file, 1 << 20)).model_dump()
    except (ValidationError, ValueError):
        raise _damaged(file) from None
    now = settings.model_dump()
    other = [key for key in now if key not in ("about", "scoutlang") and now[key] != earlier[key]]
    if other:
        raise ScoutError(
            "E461",
            f"'{name}' is being grown already, with another {other[0].replace('_', ' ')}: "
            f"{earlier[other[0]]}, not {now[other[0]]}",
            f"choose another name, give the same settings, or delete {file.parent}",
        )


def _damaged(file: Path) -> ScoutError:
    return ScoutError(
        "E465",
        f"{file} is damaged, or of other candidates",
        f"delete {file.parent}: its candidates will be relaxed again",
    )


# ---- candidates, one after the other ----


@dataclass(frozen=True)
class _Done:
    """A candidate that was looked at."""

    origin: ReferenceStructure
    """Its prototype."""
    grown: Grown
    structure: Structure | None
    """Relaxed; None where it is not."""


def _work(
    file: Path,
    candidates: Substitutions,
    limit: int,
    hulls: Hulls,
    potential: Potential,
    settings: Settings,
    tell: Progress,
) -> list[_Done]:
    """What became of the candidates: what the file has, then the others, a line each as they are
    done. Raises ScoutError E465 where its lines are not of these candidates.
    """
    earlier = _read(file)
    objective = Objective(potential, Loss((), {}), rho=0.0)
    done: list[_Done] = []
    with file.open("a", encoding="utf-8") as lines:
        for number, candidate in enumerate(islice(candidates, limit)):
            if number < len(earlier):
                grown, structure = earlier[number]
                if grown.id != candidate.id:
                    raise _damaged(file)
            else:
                grown, structure = _grown(candidate, hulls, objective, settings)
                lines.write(_line(grown, structure))
                lines.flush()
            done.append(_Done(candidate.prototype.crystal, grown, structure))
            tell("grow", len(done), limit)
    tell("grow", len(done), len(done))
    return done


def _read(file: Path) -> list[tuple[Grown, Structure | None]]:
    """The lines that are there. One that an interruption cut off is taken out of the file."""
    if not file.exists():
        return []
    found = []
    try:
        for line in whole_lines(file, MAX_LINES):
            data = json.loads(line)
            structure = data.pop("structure")
            grown = _GROWN.validate_json(json.dumps(data), strict=True)
            found.append((grown, structure and plain_structure(structure)))
    except Exception as error:  # pymatgen raises errors of many types for a damaged structure
        raise _damaged(file) from error
    drop_cut_line(file, MAX_LINES)
    return found


def _line(grown: Grown, structure: Structure | None) -> str:
    data = {**asdict(grown), "structure": structure and structure.as_dict()}
    return json.dumps(data, ensure_ascii=False) + "\n"


def _lines(grown: Sequence[Grown]) -> str:
    return "".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in grown)


def _grown(
    candidate: Candidate, hulls: Hulls, objective: Objective, settings: Settings
) -> tuple[Grown, Structure | None]:
    """Screen and relax one candidate. What it makes the potential raise is its fate, not an end of
    the growth.
    """
    known = candidate.prototype.crystal
    grown = Grown(
        id=candidate.id,
        formula=candidate.structure.composition.reduced_formula,
        prototype=known.id,
        prototype_source=known.source,
        prototype_formula=known.structure.composition.reduced_formula,
        space_group=candidate.prototype.space_group,
        substitution=candidate.substitution,
        distance=candidate.distance,
        fate=RELAXED,
    )
    try:
        return _relaxed(grown, candidate.structure, hulls, objective, settings)
    except ScoutError:  # the potential as such cannot be used
        raise
    except Exception as error:
        return dataclasses.replace(grown, fate="relaxation failed", why=first_line(error)), None


def _relaxed(
    grown: Grown, structure: Structure, hulls: Hulls, objective: Objective, settings: Settings
) -> tuple[Grown, Structure | None]:
    nearest = _nearest(structure)
    if nearest < TOO_CLOSE:
        why = f"{nearest:.2f} of the covalent radii sum"
        return dataclasses.replace(grown, fate="atoms too close", why=why), None
    (first,) = objective.potential.energies([structure])
    if first.reason:
        return dataclasses.replace(grown, fate="no energy", why=first.reason), None
    height = hulls.height(structure.composition, first.energy)
    assert isinstance(height, float)  # the hull of the whole system is complete
    grown = dataclasses.replace(grown, height_before=height)
    if height > settings.window:
        fate = f"more than {settings.window:g} eV/atom above the hull before relaxing"
        return dataclasses.replace(grown, fate=fate), None
    found = relax_one(structure, objective, steps=settings.steps)
    if found.reason or found.energy_after is None:
        return dataclasses.replace(grown, fate="relaxation failed", why=found.reason), None
    grown = dataclasses.replace(
        grown, energy=found.energy_after, steps=found.steps, converged=found.converged
    )
    return grown, found.structure


def _nearest(structure: Structure) -> float:
    """The least distance of two atoms, as a share of the sum of their covalent radii; at most 1."""
    radii = [COVALENT_RADIUS.get(site.specie.symbol, 0.0) for site in structure]
    pairs = zip(*structure.get_neighbor_list(2 * max(radii) + 1e-3), strict=True)
    shares = (
        float(distance / (radii[a] + radii[b]))
        for a, b, _, distance in pairs
        if radii[a] and radii[b]
    )
    return min([1.0, *shares])


# ---- all together ----


def _judged(
    name: str,
    done: Sequence[_Done],
    system: Sequence[str],
    reference: Reference,
    potential: Potential,
    max_above_hull: float,
) -> tuple[list[Grown], list[ReferenceStructure]]:
    """The candidates with their fates, in order, and the crystals that are kept, lowest first.

    The hull holds the reference and all distinct candidates. One that is on it is kept, so it is
    also the hull of the reference and the kept ones.
    """
    fates = [one.grown for one in done]
    crystals: dict[int, ReferenceStructure] = {}
    known = Known()
    for one in reference.subset(system):
        with suppress(TooSlender):
            known.add(one.id, reduced(one.structure))
    # of several that relax into one crystal the lowest stands for it
    for n in sorted(range(len(done)), key=lambda n: fates[n].energy or 0.0):
        structure, origin = done[n].structure, done[n].origin
        if structure is None:
            continue
        compact = reduced(structure)
        if (match := known.find(compact)) is None:
            known.add(fates[n].id, compact)
            crystals[n] = ReferenceStructure(
                fates[n].id, f"grown/{name}", structure, origin.citation, origin.licence
            )
        else:
            another = any(match == one.id for one in crystals.values())
            fate = "relaxed into " + ("another candidate" if another else "a known crystal")
            fates[n] = dataclasses.replace(fates[n], fate=fate, why=match)
    own = Reference.from_structures(name, crystals.values())
    # as they are stored, which is how others will see them
    energies = potential.energies([one.structure for one in own.subset(system)])
    hulls = Hulls(system, potential, union([reference, own]))
    for n, found in zip(crystals, energies, strict=True):
        height = hulls.height(crystals[n].structure.composition, found.energy)
        assert isinstance(height, float)
        if found.reason:
            fates[n] = dataclasses.replace(fates[n], fate="no energy", why=found.reason)
        else:
            height = max(0.0, height)  # it is part of the hull, so less is a rounding error
            near = height <= max_above_hull
            fate = KEPT if near else f"more than {max_above_hull:g} eV/atom above the hull"
            fates[n] = dataclasses.replace(fates[n], fate=fate, height=height)
    kept = [n for n in crystals if fates[n].fate == KEPT]
    return fates, [crystals[n] for n in sorted(kept, key=lambda n: fates[n].height or 0.0)]


def _about(
    growth: Growth,
    crystals: Sequence[ReferenceStructure],
    reference: Reference,
    settings: Settings,
    asked: Mapping[str, float],
) -> dict[str, Any]:
    """What the stored set says of itself."""
    potential = settings.potential
    skipped: dict[str, dict[str, Any]] = {}
    for one in growth.candidates:
        if one.fate != KEPT:
            skipped.setdefault(one.fate, {"count": 0, "first": one.id})["count"] += 1
    return {
        "source": f"substitution into {reference.name}, relaxed by {potential.name}"
        f" {potential.version}",
        "query": {
            "elements": "-".join(settings.system),
            "max_atoms": settings.max_atoms,
            "window": settings.window,
            **asked,
        },
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "licence": "; ".join(dict.fromkeys(one.licence for one in crystals)),
        "citation": "; ".join(dict.fromkeys(one.citation for one in crystals)),
        "skipped": skipped,
        "grown": {
            "reference": {"name": reference.name, "version": reference.version},
            "potential": potential.model_dump(),
            "prototypes": growth.prototypes,
            "assignments": growth.assignments,
            "passed_over": growth.passed_over,
            "candidates": len(growth.candidates),
            "relaxed": len(growth.relaxed),
        },
        "scoutlang": __version__,
    }
