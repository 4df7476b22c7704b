"""The structures of a run, relaxed: each follows `minimise`, is judged again by the same pipeline,
and is written beside the sampled ones.

Each structure is written as soon as it is relaxed, so an interrupted relaxation goes on where it
was. All cores work on it; what comes out does not depend on how many there are.
"""

from __future__ import annotations

import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from pathlib import Path
from typing import Literal

import torch
from joblib import cpu_count
from pymatgen.core import Structure

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import ARMS, Arm, Program, Relax, Way
from scoutlang.potentials import Potential
from scoutlang.potentials import load as load_potential
from scoutlang.runs.folder import RunFolder, writing
from scoutlang.runs.judge import Judged, with_relaxations
from scoutlang.runs.manifest import Judging, PotentialIdentity
from scoutlang.runs.minimise import Objective, claims_loss, relax_one
from scoutlang.runs.promising import left_alone
from scoutlang.runs.relaxed import (
    FOLDER,
    RECIPE,
    Recipe,
    Relaxation,
    Relaxed,
    as_line,
    candidates,
    confirmation,
    judged_relaxation,
    lines_file,
    read_lines,
    read_recipe,
    starts_digest,
)
from scoutlang.support.errors import ScoutError, first_line
from scoutlang.support.files import drop_cut_line, write_json
from scoutlang.support.version import __version__
from scoutlang.support.workers import Died, in_order
from scoutlang.validation.stages import Progress

_ALONE = 12
"""Fewer structures than this for each process are relaxed in this one: a process takes some seconds
to start."""

_HINT = "free space and run it again"


def relax(
    judged: Judged,
    settings: Relax | None = None,
    *,
    arms: Sequence[Arm] = ARMS,
    confirm: Sequence[str] = (),
    workers: int | None = None,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
) -> Judged:
    """Relax the structures of a judged run, of those of the ``arms`` that it has, by the potential
    that judged it, and judge them again → the same with its relaxations.

    settings: those of the program if not given. confirm: names of potentials that relax the
    candidates of each way once more, by the energy alone, and judge them. workers: processes, one
    for each core if not given. What an earlier call with the same settings has relaxed is not done
    again. Raises ScoutError: E610 the run is not finished, E612 relaxed before with other settings
    or damaged, E613 a potential is to confirm itself, E602 the folder cannot be written, E44x a
    potential cannot be used.
    """
    run, settings = judged.run, settings or judged.run.program.relax
    own = PotentialIdentity.model_validate(judged.potential)
    sampled = _sampled(run, judged, arms)
    others = {name: load_potential(name) for name in confirm}
    for name, other in others.items():
        if PotentialIdentity.model_validate(other) == own:
            raise ScoutError(
                "E613",
                f"{name} has relaxed and judged this run, and cannot confirm itself",
                "name another potential; `scout potentials` lists them",
            )
    started = time.monotonic()
    count = 0
    work = _Work(judged, sampled, workers, progress)
    with writing(run.path / FOLDER, _HINT):
        for way in settings.ways:
            structures = work.way(way, settings)
            count += sum(
                x.structure is not None for some in structures.values() for x in some.values()
            )
            if others:
                found = work.judged(way, structures)
                for name, other in others.items():
                    work.confirmed(found, way, settings.steps, name, other)
        if count:
            seconds = round(time.monotonic() - started, 2)
            run.note(relaxing=Judging(structures=count, seconds=seconds))
    return with_relaxations(judged, progress, note, loaded=others)


class _Work:
    """One call of `relax`: a run, its structures as sampled, and who is told how it goes."""

    def __init__(
        self,
        judged: Judged,
        sampled: Mapping[Arm, Sequence[Specimen]],
        workers: int | None,
        progress: Progress | None,
    ) -> None:
        self._judged = judged
        self._sampled = sampled
        self._workers = workers or cpu_count()
        self._progress = progress

    def way(self, way: Way, settings: Relax) -> dict[Arm, dict[int, Relaxed]]:
        """The structures as sampled, by the energy alone or with the constraint."""
        assert settings.which != "off"  # there are no ways then
        judged = self._judged
        left = (
            left_alone(judged.run.program, judged.validation.records)
            if settings.which == "promising"
            else {}
        )
        rho = settings.rho if way == "constraint" else 0.0
        judges = judged.run.manifest.judges
        assert judges is not None  # it was judged
        name = judges.potential
        recipe = self._recipe(
            "sampled", settings.which, rho, settings.steps, name, judged.potential
        )
        return self._done(way, recipe, self._sampled, left, judged.potential)

    def judged(self, way: Way, structures: Mapping[Arm, Mapping[int, Relaxed]]) -> Relaxation:
        """What came of a way, so that its candidates are known."""
        return judged_relaxation(
            self._judged.run.path,
            way,
            self._judged.run.program,
            [one for some in self._sampled.values() for one in some],
            structures,
            self._judged.potential,
            self._judged.reference,
            self._progress,
        )

    def confirmed(
        self, found: Relaxation, way: Way, steps: int, name: str, other: Potential
    ) -> None:
        """The candidates of a way, by another potential and its energy alone."""
        starts: dict[Arm, list[Specimen]] = {}
        left: dict[tuple[Arm, int], str] = {}
        for arm, some in self._sampled.items():
            starts[arm], lost = candidates(found, arm, some)
            left |= {(arm, index): "no candidate before" for index in lost}
        recipe = self._recipe(way, "candidates", 0.0, steps, name, other)
        self._done(confirmation(way, name), recipe, starts, left, other)

    def _recipe(
        self,
        start: Literal["sampled", "energy", "constraint"],
        which: Literal["promising", "all", "candidates"],
        rho: float,
        steps: int,
        name: str,
        potential: Potential,
    ) -> Recipe:
        return Recipe(
            about=f"structures relaxed for at most {steps} steps of E/n + (rho/2) loss^2; those as "
            "sampled are in the samples of the run",
            scoutlang=__version__,
            digest=self._judged.run.program.digest(),
            start=start,
            which=which,
            rho=rho,
            steps=steps,
            potential=PotentialIdentity.model_validate(potential),
            named=name,
            starts={},
        )

    def _done(
        self,
        name: str,
        recipe: Recipe,
        starts: Mapping[Arm, Sequence[Specimen]],
        left: Mapping[tuple[Arm, int], str],
        potential: Potential,
    ) -> dict[Arm, dict[int, Relaxed]]:
        folder = self._judged.run.path / FOLDER / name
        again = recipe.which == "candidates"
        digests = {
            arm: starts_digest(some, {i for a, i in left if a == arm} if again else ())
            for arm, some in starts.items()
        }
        recipe = _claim(folder, recipe, digests)
        return {
            arm: self._arm(folder, arm, some, recipe, left, potential)
            for arm, some in starts.items()
        }

    def _arm(
        self,
        folder: Path,
        arm: Arm,
        starts: Sequence[Specimen],
        recipe: Recipe,
        left: Mapping[tuple[Arm, int], str],
        potential: Potential,
    ) -> dict[int, Relaxed]:
        """By index, the structures of an arm: those that its file has, then the others, a line each
        as they are done.
        """
        file = lines_file(folder, arm)
        drop_cut_line(file)
        found = read_lines(file, self._sampled[arm])
        rest = starts[len(found) :]
        reasons = {
            one.index: left.get((arm, one.index)) or one.failure or "not sampled"
            for one in rest
            if (arm, one.index) in left or one.structure is None
        }
        crystals = [one.crystal for one in rest if one.index not in reasons]
        results = _relaxed(crystals, potential, self._judged.run.program, recipe, self._workers)
        total, done = len(crystals), 0
        with file.open("a", encoding="utf-8") as lines, _closing(results):
            for one in rest:
                why = reasons.get(one.index)
                if why is None:
                    self._tell(folder.name, arm, done, total)
                    relaxed = next(results)
                    done += 1
                else:
                    relaxed = Relaxed(None, reason=f"not relaxed: {why}")
                lines.write(as_line(one.index, relaxed))
                lines.flush()
                found[one.index] = relaxed
        self._tell(folder.name, arm, done, total)
        return found

    def _tell(self, name: str, arm: Arm, done: int, total: int) -> None:
        if self._progress and total:
            self._progress(f"relax {name}, {arm}", done, total)


def _relaxed(
    structures: Sequence[Structure],
    potential: Potential,
    program: Program,
    recipe: Recipe,
    workers: int,
) -> Iterator[Relaxed]:
    """Every structure relaxed, in order, in several processes where that saves time."""
    workers = min(workers, len(structures) // _ALONE)
    how = (program, recipe.rho, recipe.steps)
    if workers < 2:
        with one_thread():
            yield from map(_prepared(potential, *how), structures)
        return
    for result in in_order(partial(_relax_there, recipe.named, *how), structures, workers):
        yield Relaxed(None, reason=str(result)) if isinstance(result, Died) else result


def _prepared(
    potential: Potential, program: Program, rho: float, steps: int
) -> Callable[[Structure], Relaxed]:
    objective = Objective(potential, claims_loss(program), rho)

    def work(structure: Structure) -> Relaxed:
        try:
            return relax_one(structure, objective, steps=steps)
        except Exception as error:  # whatever one structure does, the others go on
            return Relaxed(structure, reason=first_line(error))

    return work


def _relax_there(
    named: str, program: Program, rho: float, steps: int, structure: Structure
) -> Relaxed:
    """In another process, which makes ready once for many structures."""
    return _ready(named, program, rho, steps)(structure)


@lru_cache(maxsize=1)
def _ready(named: str, program: Program, rho: float, steps: int) -> Callable[[Structure], Relaxed]:
    torch.set_num_threads(1)
    # Ctrl-C is for the one that has started them
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # by name: what a potential holds need not be what a process can be given
    return _prepared(load_potential(named), program, rho, steps)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch, as in the processes of the pool: the last digits of an energy depend on
    how many there are, and steps magnify them.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _closing(results: Iterator[Relaxed]) -> Iterator[None]:
    """Ends the processes of a pool where its results are not asked for any more."""
    try:
        yield
    finally:
        results.close()  # type: ignore[attr-defined]  # a generator


def _sampled(run: RunFolder, judged: Judged, arms: Sequence[Arm]) -> dict[Arm, list[Specimen]]:
    """The structures of those arms that the run has. Raises ScoutError E610 unless it is whole."""
    chosen = [arm for arm in ARMS if arm in arms and arm in run.arms]
    if not chosen:
        raise ScoutError(
            "E610",
            f"the run in {run.path} has no arm {' or '.join(arms)}",
            f"it has {' and '.join(run.arms)}",
        )
    generated = [record.generated for record in judged.records]
    sampled = {arm: [one for one in generated if one.arm == arm] for arm in chosen}
    whole = all(len(some) >= run.program.sample.count for some in sampled.values())
    if not whole and run.manifest.given is None:
        raise ScoutError(
            "E610",
            f"structures of the run in {run.path} are missing",
            "finish it with `scout run … --resume`",
        )
    return sampled


def _claim(folder: Path, recipe: Recipe, starts: dict[Arm, str]) -> Recipe:
    """Make the folder of a relaxation of these arms, which remembers its recipe. One of candidates
    that are other ones now begins anew. Raises ScoutError E612 where the folder was made by another
    recipe, or of other structures.
    """
    whole = recipe.model_copy(update={"starts": starts})
    if (folder / RECIPE).exists():
        earlier = read_recipe(folder)
        names = ("start", "which", "steps", "rho", "potential")
        differ = [name for name in names if getattr(earlier, name) != getattr(recipe, name)]
        old = any(earlier.starts.get(arm, digest) != digest for arm, digest in starts.items())
        if old and recipe.which == "candidates":
            shutil.rmtree(folder)
        elif differ or old:
            said = ", ".join(differ) or "structures"
            raise ScoutError(
                "E612",
                f"{folder} holds a relaxation with other settings ({said})",
                "give the same ones, or move that folder away",
            )
        else:
            whole = recipe.model_copy(update={"starts": earlier.starts | starts})
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / RECIPE, whole.model_dump())
    return whole
