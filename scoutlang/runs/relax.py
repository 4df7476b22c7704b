"""The structures of a run, relaxed: each follows `minimise`, is judged again by the same pipeline,
and is written beside the sampled ones.

A few structures are a unit of work with a file of its own, so an interrupted relaxation goes on
where it was. All cores work on it; what comes out does not depend on how many there are.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Literal

from pymatgen.core import Structure

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import ARMS, Arm, Program, Relax, Way
from scoutlang.potentials import Potential, one_thread
from scoutlang.potentials import load as load_potential
from scoutlang.runs.folder import RunFolder, held, writing
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
    in_files,
    judged_relaxation,
    lines_file,
    read_lines,
    read_one_file,
    read_recipe,
    starts_digest,
)
from scoutlang.support.engines import Died, Engine, Here, Tell, Unit, carried_out
from scoutlang.support.engines.processes import opened
from scoutlang.support.errors import ScoutError, first_line
from scoutlang.support.files import write_json, write_whole
from scoutlang.support.version import __version__
from scoutlang.validation.stages import Progress

_HINT = "free space and run it again"
_STEP = 0.03
"""Seconds, about, that a step of a structure takes."""


def relax(
    judged: Judged,
    settings: Relax | None = None,
    *,
    arms: Sequence[Arm] = ARMS,
    confirm: Sequence[str] = (),
    workers: int | None = None,
    engine: Engine | None = None,
    progress: Progress | None = None,
    note: Callable[[str], None] | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> Judged:
    """Relax the structures of a judged run, of those of the ``arms`` that it has, by the potential
    that judged it, and judge them again → the same with its relaxations.

    settings: those of the program if not given. confirm: names of potentials that relax the
    candidates of each way once more, by the energy alone, and judge them. workers, engine: as in
    `scoutlang.runs.run.run`. stopping: whether nothing more is to be begun. What an earlier call
    with the same settings has relaxed is not done again. Raises ScoutError: E610 the run is not
    finished, E612 relaxed before with other settings or damaged, E613 a potential is to confirm
    itself, E614 somebody works on the run, E602 the folder cannot be written, E44x a potential
    cannot be used; KeyboardInterrupt where ``stopping`` left something undone.
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
    with held(run.path), opened(engine, workers) as crew, writing(run.path / FOLDER, _HINT):
        work = _Work(judged, sampled, crew, progress, note, stopping)
        ways = work.ways(settings)
        if others:
            found = {way: work.judged(way) for way in ways}
            work.confirm(found, settings.steps, others)
        if work.count:
            seconds = round(time.monotonic() - started, 2)
            run.note(relaxing=Judging(structures=work.count, seconds=seconds))
        return with_relaxations(judged, progress, note, loaded=others, engine=crew)


@dataclass(frozen=True)
class _Job:
    """A relaxation: the structures that it begins with, and those that it leaves alone."""

    folder: Path
    recipe: Recipe
    starts: Mapping[Arm, Sequence[Specimen]]
    left: Mapping[tuple[Arm, int], str]
    potential: Potential
    structures: dict[Arm, dict[int, Relaxed]]
    """What became of them, as far as it is known."""


@dataclass(frozen=True)
class _File:
    """Some structures of a job, whose lines stand in one file: a unit of work."""

    job: _Job
    arm: Arm
    starts: Sequence[Specimen]

    @property
    def path(self) -> Path:
        return lines_file(self.job.folder, self.arm, self.starts[0].index)

    @property
    def name(self) -> str:
        """Of its unit."""
        return f"{self.job.folder.name}/{self.path.stem}"

    @cached_property
    def reasons(self) -> dict[int, str]:
        """Index → why that structure is not relaxed."""
        left = self.job.left
        return {
            one.index: left.get((self.arm, one.index)) or one.failure or "not sampled"
            for one in self.starts
            if (self.arm, one.index) in left or one.structure is None
        }

    @property
    def crystals(self) -> list[Structure]:
        """Those that are to be relaxed."""
        return [one.crystal for one in self.starts if one.index not in self.reasons]

    def write(self, results: Iterable[Relaxed | Died]) -> None:
        """What became of each structure, `crystals` in their order. Raises OSError."""
        results = iter(results)
        its = self.job.structures[self.arm]
        for one in self.starts:
            why = self.reasons.get(one.index)
            result = Relaxed(None, reason=f"not relaxed: {why}") if why else next(results)
            its[one.index] = (
                Relaxed(None, reason=str(result)) if isinstance(result, Died) else result
            )
        text = "".join(as_line(one.index, its[one.index]) for one in self.starts)
        write_whole(self.path, lambda path: path.write_text(text, encoding="utf-8"))


class _Work:
    """One call of `relax`: a run, its structures as sampled, and who is told how it goes."""

    def __init__(
        self,
        judged: Judged,
        sampled: Mapping[Arm, Sequence[Specimen]],
        engine: Engine,
        progress: Progress | None,
        note: Callable[[str], None] | None,
        stopping: Callable[[], bool],
    ) -> None:
        self._judged, self._sampled, self._engine = judged, sampled, engine
        self._progress, self._note, self._stopping = progress, note, stopping
        self._jobs: dict[str, _Job] = {}
        self.count = 0
        """Structures that are relaxed, in all ways together."""

    def ways(self, settings: Relax) -> list[Way]:
        """The structures as sampled, in all ways of the settings."""
        jobs = [self._way(way, settings) for way in settings.ways]
        self._done(jobs)
        self.count = sum(
            one.structure is not None
            for job in jobs
            for some in job.structures.values()
            for one in some.values()
        )
        return list(settings.ways)

    def _way(self, way: Way, settings: Relax) -> _Job:
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
        recipe = self._recipe(
            "sampled", settings.which, rho, settings.steps, judges.potential, judged.potential
        )
        return self._claimed(way, recipe, self._sampled, left, judged.potential)

    def judged(self, way: Way) -> Relaxation:
        """What came of a way, so that its candidates are known."""
        job = self._jobs[way]
        return judged_relaxation(
            self._judged.run.path,
            way,
            job.recipe,
            self._judged.run.program,
            [one for some in self._sampled.values() for one in some],
            job.structures,
            self._judged.potential,
            self._judged.reference,
            self._progress,
            engine=self._engine,
            named=self._judged.named,
        )

    def confirm(
        self, found: Mapping[Way, Relaxation], steps: int, others: Mapping[str, Potential]
    ) -> None:
        """The candidates of the ways, by other potentials and their energy alone."""
        jobs = []
        for way, relaxation in found.items():
            starts: dict[Arm, list[Specimen]] = {}
            left: dict[tuple[Arm, int], str] = {}
            for arm, some in self._sampled.items():
                starts[arm], lost = candidates(relaxation, arm, some)
                left |= {(arm, index): "no candidate before" for index in lost}
            for name, other in others.items():
                recipe = self._recipe(way, "candidates", 0.0, steps, name, other)
                jobs.append(self._claimed(confirmation(way, name), recipe, starts, left, other))
        self._done(jobs)

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

    def _claimed(
        self,
        name: str,
        recipe: Recipe,
        starts: Mapping[Arm, Sequence[Specimen]],
        left: Mapping[tuple[Arm, int], str],
        potential: Potential,
    ) -> _Job:
        folder = self._judged.run.path / FOLDER / name
        again = recipe.which == "candidates"
        digests = {
            arm: starts_digest(some, {i for a, i in left if a == arm} if again else ())
            for arm, some in starts.items()
        }
        recipe = _claim(folder, recipe, digests)
        job = _Job(folder, recipe, starts, left, potential, {arm: {} for arm in starts})
        self._jobs[name] = job
        return job

    def _done(self, jobs: Sequence[_Job]) -> None:
        """Relax what is not relaxed yet; the files of all jobs are one queue."""
        files: dict[str, _File] = {}
        total, done = Counter[tuple[str, Arm]](), Counter[tuple[str, Arm]]()
        for job in jobs:
            for arm, starts in job.starts.items():
                if (old := read_one_file(job.folder, arm, starts)) is not None:
                    job.structures[arm] |= old
                    continue
                for some in in_files(starts):
                    file = _File(job, arm, some)
                    if (lines := read_lines(file.path, some)) is not None:
                        job.structures[arm] |= lines
                    elif file.crystals:
                        files[file.name] = file
                        total[job.folder.name, arm] += len(file.crystals)
                    else:
                        file.write(())

        def tell(file: _File) -> None:
            key = file.job.folder.name, file.arm
            if self._progress:
                self._progress(f"relax {key[0]}, {key[1]}", min(done[key], total[key]), total[key])

        def told(unit: Unit, structures: int) -> None:
            file = files[unit.name]
            done[file.job.folder.name, file.arm] += structures
            tell(file)

        seconds = sum(total.values()) * jobs[0].recipe.steps * _STEP if jobs else 0.0
        engine = self._engine if self._engine.pays(seconds) else Here()
        units = (
            Unit(name, *self._how(file.job, engine), file.crystals)
            for name, file in list(files.items())
        )
        finished = carried_out(units, engine, told=told, stopping=self._stopping, lost=self._lost)
        with closing(finished):
            for unit, results in finished:
                file = files.pop(unit.name)
                file.write(results)
                tell(file)
        if files:
            raise KeyboardInterrupt

    def _how(self, job: _Job, engine: Engine) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """The work of a unit, and what it is given."""
        program, recipe = self._judged.run.program, job.recipe
        if engine.here:
            objective = Objective(job.potential, claims_loss(program), recipe.rho)
            return relaxed_ones, (objective, recipe.steps)
        return _relax_there, (recipe.named, recipe.potential, program, recipe.rho, recipe.steps)

    def _lost(self, unit: Unit, why: str) -> None:
        if self._note:
            self._note(f"{unit.name}: {why}")


def relaxed_ones(
    objective: Objective, steps: int, structures: Sequence[Structure], tell: Tell
) -> list[Relaxed]:
    """The work of a unit; it tells 1 for each structure."""
    found = []
    with one_thread():
        for structure in structures:
            try:
                found.append(relax_one(structure, objective, steps=steps))
            except Exception as error:  # whatever one structure does, the others go on
                found.append(Relaxed(structure, reason=first_line(error)))
            tell(1)
    return found


def _relax_there(
    named: str,
    identity: PotentialIdentity,
    program: Program,
    rho: float,
    steps: int,
    structures: Sequence[Structure],
    tell: Tell,
) -> list[Relaxed]:
    """In another process, which makes ready once for many units."""
    return relaxed_ones(_objective(named, identity, program, rho), steps, structures, tell)


@lru_cache(maxsize=4)
def _objective(named: str, identity: PotentialIdentity, program: Program, rho: float) -> Objective:
    potential = load_potential(named)
    if PotentialIdentity.model_validate(potential) != identity:
        raise ScoutError(
            "E603",
            f"a worker finds another version of {named} than the run",
            "workers need the same files and the same version of scoutlang",
        )
    return Objective(potential, claims_loss(program), rho)


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
