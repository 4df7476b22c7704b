"""One batch of an arm, made wherever there is a worker: the unit of work of sampling."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from scoutlang.crystals.specimen import Specimen
from scoutlang.ir import Arm, Program
from scoutlang.potentials import load as load_potential
from scoutlang.potentials import one_thread
from scoutlang.runs.control import CONTROL, Control
from scoutlang.runs.folder import TRACE, RunFolder
from scoutlang.runs.glance import Glances
from scoutlang.runs.manifest import Cost, Judges, ModelIdentity
from scoutlang.runs.trace import Moment, Recorder, guiding_terms, write_trace
from scoutlang.sampling.memory import keep_freed_memory
from scoutlang.sampling.progress import Progress
from scoutlang.support.engines import Tell
from scoutlang.support.errors import ScoutError, first_line
from scoutlang.validation.hull import Heights
from scoutlang.validation.reference import Reference
from scoutlang.validation.reference import load as load_reference

if TYPE_CHECKING:
    import pyarrow as pa

    from scoutlang.potentials import Potential
    from scoutlang.sampling.mattergen.checkpoint import Model


@dataclass(frozen=True)
class Batch:
    """What came of a batch."""

    specimens: list[Specimen]
    cost: Cost
    trace: pa.Table | None
    """Its rows, where they are asked for and guidance acted."""


class Workshop:
    """What the batches of a run are made with: the model, the energies that resampling asks for,
    the prototypes of the control arm.
    """

    def __init__(
        self, program: Program, model: Model, device: str, potential: Potential, known: Reference
    ) -> None:
        self._program, self._model, self.device = program, model, device
        self._potential, self._known = potential, known

    @cached_property
    def _heights(self) -> Heights | None:
        return Heights.asked(self._program, self._potential, self._known)

    @cached_property
    def _control(self) -> Control:
        return Control(self._program, self._known)

    def batches(
        self, arm: Arm, trace_every: int | None, some: Sequence[range], tell: Tell
    ) -> list[Batch]:
        """The structures of an arm with these indices, batch by batch; ``tell`` gets a `Glance`
        after each step.
        """
        return [self._batch(arm, indices, trace_every, tell) for indices in some]

    def _batch(self, arm: Arm, indices: range, trace_every: int | None, tell: Tell) -> Batch:
        started = time.monotonic()
        trace, evaluations = None, 0
        if arm == CONTROL:
            found = self._control.specimens(indices)
        else:
            found, trace, evaluations = self._sampled(arm, indices, trace_every, tell)
        cost = Cost(
            structures=len(found),
            seconds=round(time.monotonic() - started, 3),
            evaluations=evaluations,
            diverged=sum(one.failure is not None for one in found),
        )
        return Batch(found, cost, trace)

    def _sampled(
        self, arm: Arm, indices: range, trace_every: int | None, tell: Tell
    ) -> tuple[list[Specimen], pa.Table | None, int]:
        from scoutlang.sampling.generate import generate

        program = self._program
        recorder = None if trace_every is None else Recorder(arm, indices, trace_every)
        terms, glances = guiding_terms(program), Glances()
        evaluations: dict[tuple[int, ...], int] = {}

        def on_step(progress: Progress) -> None:
            evaluations[progress.indices] = progress.evaluations
            moment = Moment(terms, progress)
            if recorder is not None:
                recorder.record(moment)
            tell(glances.of(moment))

        with one_thread():
            found = generate(
                program,
                self._model,
                arm,
                indices,
                device=self.device,
                above_hull=self._heights if arm == "guided" else None,
                on_step=on_step,
            )
        trace = recorder.table() if recorder is not None else None
        return found, trace, sum(evaluations.values())


def keep(run: RunFolder, arm: Arm, batch: Batch) -> None:
    """Write a batch into its run. Raises OSError."""
    # the part comes last: it says that the batch is finished
    if batch.trace is not None:
        write_trace(trace_file(run, arm, batch.specimens[0].index), batch.trace)
    run.write_part(arm, batch.specimens)


def trace_file(run: RunFolder, arm: Arm, first: int) -> Path:
    """The trace of the batch that begins with this index."""
    return run.path / TRACE / f"{run.part(arm, first).stem}.parquet"


@dataclass(frozen=True)
class Order:
    """What decides a batch beside its indices, as data: for a worker in another process."""

    program: Program
    arm: Arm
    model: ModelIdentity
    device: str
    judges: Judges
    trace_every: int | None


def sample(order: Order, batches: Sequence[range], tell: Tell) -> list[Batch]:
    """The work of a unit. The worker loads what it needs once for many units."""
    shop = _workshop(order.program, order.model, order.device, order.judges)
    return shop.batches(order.arm, order.trace_every, batches, tell)


@lru_cache(maxsize=1)
def _workshop(program: Program, identity: ModelIdentity, device: str, judges: Judges) -> Workshop:
    potential, known = load_potential(judges.potential), load_reference(judges.reference)
    return Workshop(program, _model(identity, device), device, potential, known)


@lru_cache(maxsize=1)
def _model(identity: ModelIdentity, device: str) -> Model:
    from scoutlang.sampling.mattergen.checkpoint import load_model

    keep_freed_memory()
    try:
        model = load_model(identity.name, device, identity.weights_sha256)
    except (RuntimeError, AssertionError) as error:  # torch built without CUDA asserts
        raise ScoutError(
            "E516", f"torch cannot compute on '{device}' here: {first_line(error)}"
        ) from error
    if ModelIdentity.model_validate(model) != identity:
        raise ScoutError(
            "E603",
            f"a worker finds other weights of the model '{identity.name}' than the run began with",
            "workers need the same files and the same version of scoutlang",
        )
    return model
