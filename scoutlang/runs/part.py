"""A share of a run's batches, made by a process that talks to no other: for an array of jobs on a
cluster that has no place for a process that waits for them. All see one folder.

`begin` writes the manifest; each job makes its share; `run(…, resume=True)` judges and relaxes what
they have made. Which batch is whose follows from its place, so that no job needs
to know of another, and a batch that two jobs make is the same twice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from scoutlang.ir import Arm
from scoutlang.runs.folder import RunFolder, writing
from scoutlang.runs.glance import Glance
from scoutlang.runs.run import batches
from scoutlang.runs.sampling import Order, keep, sample
from scoutlang.support.errors import ScoutError


def sample_share(
    run: RunFolder,
    share: int,
    shares: int,
    told: Callable[[Arm, range, Glance], None] = lambda arm, indices, glance: None,
) -> int:
    """Make the batches of share 1 to ``shares`` of a run that was begun; those that are there are
    not made again → how many were made. Raises ScoutError E610 where the run was not begun, E602
    where its folder cannot be written, errors of the model E5xx.
    """
    facts = run.manifest
    if facts.model is None or facts.device is None or facts.judges is None:
        raise ScoutError(
            "E610",
            f"the run in {run.path} was not begun",
            f"`scout run … --out {run.path} --only-begin` begins one",
        )
    made = 0
    everything = [(arm, indices) for indices in batches(run.program) for arm in run.arms]
    for arm, indices in everything[share - 1 :: shares]:
        part = run.part(arm, indices[0])
        if part.exists():
            continue
        order = Order(run.program, arm, facts.model, facts.device, facts.judges, facts.trace_every)
        [batch] = sample(order, [indices], partial(told, arm, indices))
        with writing(run.path):
            keep(run, arm, batch)
            run.write_cost(part, batch.cost)
        made += 1
    return made
