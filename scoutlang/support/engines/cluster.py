"""Workers on the nodes of a cluster, by Parsl: jobs of SLURM ("blocks") that hold workers, which
take one unit after the other. Also such workers on this machine, to try a site out.

Of Parsl its executor and its providers are used; its retries, checkpoints, dataflow and its choice
of how many blocks there are, are not. What it leaves open is done here, and was found by trying;
docs/adr has the list:

- its helpers are found by PATH, and so not from an environment that is not activated: ours are
  started by the path of this Python;
- it asks a service of the internet for the address of this machine: ours are read off its network
  cards;
- the process that hands out the work outlives a driver that was killed, and dies by a Ctrl-C that
  the driver survives: ours does neither;
- it numbers GPUs from 0, whichever of them SLURM gave: a worker here takes one of those;
- it waits for ever for a unit that hangs, for a handing-out process that died, for a job that
  SLURM has forgotten, and for all workers of a node where one was killed at the wrong moment: units
  are done in processes that the workers start.

Units are told nothing here: what they say while they work does not travel.
"""

from __future__ import annotations

import functools
import math
import os
import pickle
import re
import runpy
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoutlang.support.engines import Tell, Unit, WorkerLost
from scoutlang.support.engines.processes import ONE_THREAD, Process, results_in
from scoutlang.support.engines.site import Site
from scoutlang.support.errors import ScoutError, first_line
from scoutlang.support.resources import cache_folder

_INSTALL = "pip install 'scoutlang[cluster]'"

_TICK = 1.0
"""Seconds between two looks at the blocks."""
_BEAT = 5
"""Seconds between two signs of life."""
_SILENCE = 60
"""Seconds without a sign of life after which a block is lost."""
_BEGIN = 300
"""Seconds within which a unit that a block has is begun: Python may start slowly on a node."""
_ASK = 20
"""Seconds between two questions to SLURM."""
_IDLE = 60.0
"""Seconds without work after which a block is given back."""
_HOPELESS = 3
"""So many blocks in a row that ended before a worker reported are no accident."""
_TRIES = 3
"""Blocks that may go from under a unit. They end by walltimes, by other people's priorities and by
broken nodes, which says nothing of the unit; a worker that ends inside of a block does.
"""
_ANSWER = 30
"""Seconds within which our own helper, and SLURM's commands, have to answer."""

_STOPPED = "the work was stopped"


class Cluster:
    """An `Engine` on the blocks of a site. Blocks are asked for when there is work, and given back
    when there is none. Raises ScoutError E616 where it cannot be had here.
    """

    here = False

    def __init__(self, site: Site) -> None:
        _must_be_possible(site)
        self.workers = site.blocks * site.nodes * site.workers
        self.device = "cuda" if site.gpus_per_node else "cpu"
        self._site = site
        self._lock = threading.Lock()
        self._pilot: _Pilot | None = None
        self._stops = 0

    def pays(self, seconds: float) -> bool:
        return True  # it was asked for

    def submit(self, unit: Unit, tell: Tell) -> Future[list[Any]]:
        future: Future[list[Any]] = Future()
        future.set_running_or_notify_cancel()
        self._begin(unit, future, _TRIES, self._stops)
        return future

    def _begin(self, unit: Unit, future: Future[list[Any]], tries: int, stops: int) -> None:
        try:
            with self._lock:
                if stops != self._stops:
                    raise WorkerLost(_STOPPED)
                if self._pilot is None or self._pilot.over:
                    self._pilot = _Pilot(self._site)
                answer = self._pilot.submit(unit)
        except Exception as error:
            future.set_exception(error)
            return

        def ended(answer: Future[list[Any]]) -> None:
            error = answer.exception()
            if isinstance(error, _BlockLost) and tries > 1:
                # not here: the thread that says so may be the one that ends the blocks
                how = (unit, future, tries - 1, stops)
                threading.Thread(target=self._begin, args=how, daemon=True).start()
            elif error:
                future.set_exception(error)
            else:
                future.set_result(answer.result())

        answer.add_done_callback(ended)

    def stop(self) -> None:
        with self._lock:
            self._stops += 1
            pilot, self._pilot = self._pilot, None
        if pilot:
            pilot.end(WorkerLost(_STOPPED))

    def close(self) -> None:
        self.stop()


class _BlockLost(WorkerLost):
    """It went for reasons of its own; what it worked on had no part in it."""


class _Pilot:
    """An executor of Parsl from its start to its end, with the blocks that it asked for."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._folder = _new_folder(site)
        self._executor = _executor(site, self._folder)
        self._lock = threading.Lock()
        """Of the two below, and of the pipe on which units leave."""
        self._open: dict[int, _Open] = {}
        self._last = 0
        self._last_work = time.monotonic()
        self._given_back: set[str] = set()
        self._groups: dict[str, int] = {}
        """Of blocks on this machine: job → its group of processes."""
        self._nothing_lost = True
        self.over = False
        self._ending = threading.Event()
        self._ended = threading.Lock()
        try:
            self._executor.start()
        except Exception as error:
            raise ScoutError(
                "E616",
                f"Parsl does not start: {first_line(error)}",
                f"what it wrote is in {self._folder}",
            ) from error
        _never_for_ever(self._executor)
        self._watcher = threading.Thread(target=self._watch, name="blocks", daemon=True)
        self._watcher.start()

    def submit(self, unit: Unit) -> Future[list[Any]]:
        ours: Future[list[Any]] = Future()
        ours.set_running_or_notify_cancel()
        order = pickle.dumps(unit)
        with self._lock:
            if self.over:
                ours.set_exception(_BlockLost(_STOPPED))
                return ours
            self._last = number = self._last + 1
            mark = self._folder / "begun" / str(number)
            how = {
                "f": f"{__name__}._done",
                "a": (str(mark), self._site.patience, bool(self._site.gpus_per_node)),
            }
            self._open[number] = _Open(ours, mark)
            try:
                theirs = self._executor.submit_payload({"task_executor": how}, order)
            except Exception as error:  # it is in a bad state; who watches it will end it
                del self._open[number]
                ours.set_exception(self._in_our_words(error))
                return ours
        theirs.add_done_callback(lambda answer: self._answered(number, answer))
        return ours

    def _answered(self, number: int, theirs: Future[tuple[str, bytes]]) -> None:
        with self._lock:
            unit = self._open.pop(number, None)
        if unit is None:
            return
        unit.mark.unlink(missing_ok=True)
        try:
            kind, content = theirs.result()
        except Exception as error:
            unit.future.set_exception(self._in_our_words(error))
            return
        try:
            if kind == "lost":
                self._nothing_lost = False
                raise WorkerLost(pickle.loads(content))
            unit.future.set_result(results_in(kind, content))
        except Exception as error:
            unit.future.set_exception(error)

    def _in_our_words(self, error: Exception) -> Exception:
        """What Parsl says instead of an answer."""
        from parsl.executors.errors import BadStateException
        from parsl.executors.high_throughput import errors

        match error:
            case errors.WorkerLost():
                self._nothing_lost = False
                return WorkerLost(f"on {error.hostname} the worker ended")
            case errors.ManagerLost():
                self._nothing_lost = False
                return _BlockLost(
                    f"the block on {error.hostname} ended or said nothing for {_SILENCE} s"
                )
            case BadStateException():
                return ScoutError(
                    "E616", f"the cluster cannot be used: {error.reason}", self._where()
                )
        return error

    # ------------------------------------------------------------------ what happens to blocks

    def _watch(self) -> None:
        executor = self._executor
        while not self._ending.is_set():
            end: Exception | None = None
            if executor.interchange_proc.poll() is not None:
                end = _BlockLost("the process that hands out the work ended")
            elif executor.bad_state_is_set:
                end = self._in_our_words(executor.executor_exception)
            else:
                try:
                    executor.poll_facade()
                    managers = executor.connected_managers()
                    end = self._hopeless() or self._overdue(managers)
                    if not end:
                        self._scale(managers)
                    self._sweep()
                except Exception as error:
                    end = _BlockLost(f"Parsl does not answer: {first_line(error)}")
            if end:
                threading.Thread(target=self.end, args=(end,), daemon=True).start()
                return
            self._ending.wait(_TICK)

    def _scale(self, managers: Sequence[dict[str, Any]]) -> None:
        """Ask for blocks where units wait for them, and give back those that nobody needs."""
        from parsl.jobs.states import TERMINAL_STATES

        executor, site, now = self._executor, self._site, time.monotonic()
        living = [
            block
            for block, status in executor.status_facade.items()
            if status.state not in TERMINAL_STATES and block not in self._given_back
        ]
        with self._lock:
            units = len(self._open)
        if units:
            self._last_work = now
        wanted = min(site.blocks, math.ceil(units / (site.nodes * site.workers)))
        if wanted > len(living):
            executor.scale_out_facade(wanted - len(living))
            return
        idle = dict.fromkeys(living, now - self._last_work)
        for block in {manager["block_id"] for manager in managers} & idle.keys():
            # a block has one of them on each node
            idle[block] = min(
                0.0 if manager["tasks"] else manager["idle_duration"]
                for manager in managers
                if manager["block_id"] == block
            )
        spare = [block for block in living if idle[block] > _IDLE][: len(living) - wanted]
        for block in spare:
            for manager in managers:
                if manager["block_id"] == block:  # it gets no unit on its way out
                    executor.command_client.run(["HOLD_MANAGER", manager["manager"]])
        if spare:
            self._given_back.update(spare)
            executor.provider.cancel([executor.blocks_to_job_id[block] for block in spare])

    def _sweep(self, *, all_of_them: bool = False) -> None:
        """End what a block on this machine left behind, as SLURM does for its jobs: workers of a
        pool that was killed work on for nobody.
        """
        for job, facts in self._executor.provider.resources.items():
            over = all_of_them or facts["status"].terminal
            with suppress(OSError):
                if "remote_pid" in facts and not over and job not in self._groups:
                    self._groups[job] = os.getpgid(facts["remote_pid"])
                if over and (group := self._groups.pop(job, None)):
                    os.killpg(group, signal.SIGKILL)

    def _hopeless(self) -> Exception | None:
        from parsl.jobs.states import TERMINAL_STATES

        there = set(self._executor.connected_blocks())
        blocks = sorted(self._executor.status_facade.items(), key=lambda block: int(block[0]))
        known = [
            (block in there, status)
            for block, status in blocks
            if block in there or (status.state in TERMINAL_STATES and block not in self._given_back)
        ]
        last = [status for came_up, status in known[-_HOPELESS:] if not came_up]
        if len(last) < _HOPELESS:
            return None
        said = (last[-1].stderr_summary or last[-1].message or "").strip().splitlines()
        return ScoutError(
            "E616",
            f"{_HOPELESS} blocks in a row ended before a worker of theirs was there: "
            f"{said[-1] if said else 'they wrote nothing'}",
            self._where(),
        )

    def _overdue(self, managers: Sequence[dict[str, Any]]) -> Exception | None:
        """Units are handed out in the order in which they came, so as many of the oldest are with
        workers as managers say that they have.
        """
        handed_out = sum(manager["tasks"] for manager in managers)
        with self._lock:
            units = list(self._open.values())
        for unit in units[:handed_out]:
            unit.look()
        # a worker ends a process that hangs; what is left is a worker that is no more heard
        if any(unit.worked_for > self._site.patience + 2 * _SILENCE for unit in units):
            return _BlockLost(f"no answer for {self._site.patience:g} s, and none from the worker")
        # as it is where a worker that waited was killed: it took the key to the others with it
        if any(unit.waited_for > _BEGIN for unit in units):
            return _BlockLost(f"no worker of a block began with a unit within {_BEGIN} s")
        return None

    def _where(self) -> str:
        self._nothing_lost = False
        return f"what the blocks wrote is in {self._folder}"

    # ------------------------------------------------------------------ the end

    def end(self, why: Exception) -> None:
        """Give up what is open, and let go of all blocks. A second call waits for the first."""
        self._ending.set()
        with self._ended:
            if self.over:
                return
            # it may be about to ask for a block
            self._watcher.join()
            with self._lock:
                self.over = True
                left = list(self._open.values())
                self._open.clear()
                self._executor.outgoing_q.zmq_socket.close(linger=0)
            _let_go(self._executor)
            self._sweep(all_of_them=True)
            self._executor.shutdown()
            if self._nothing_lost:
                shutil.rmtree(self._folder, ignore_errors=True)
            for unit in left:
                hung = unit.worked_for > self._site.patience
                unit.future.set_exception(WorkerLost(str(why)) if hung else why)


@dataclass
class _Open:
    """A unit that has no answer yet."""

    future: Future[list[Any]]
    mark: Path
    """A file that the worker makes when it begins."""
    _handed_out: float | None = None
    _begun: float | None = None

    def look(self) -> None:
        """It is with a block: has it begun?"""
        now = time.monotonic()
        self._handed_out = self._handed_out or now
        if self._begun is None and self.mark.exists():
            self._begun = now

    @property
    def waited_for(self) -> float:
        """Seconds for which a block has it and no worker began."""
        if self._handed_out is None or self._begun is not None:
            return 0.0
        return time.monotonic() - self._handed_out

    @property
    def worked_for(self) -> float:
        """Seconds for which a worker has it."""
        return 0.0 if self._begun is None else time.monotonic() - self._begun


# ---------------------------------------------------------------------- what Parsl is made of


def _must_be_possible(site: Site) -> None:
    """Raises ScoutError E616 where a cluster cannot be used."""
    if sys.platform == "win32":
        raise ScoutError(
            "E616",
            "clusters are used from Linux or macOS: Parsl does not run on Windows",
            "on this machine `--workers` does the same",
        )
    try:
        import parsl.executors  # noqa: F401
    except ImportError as error:
        raise ScoutError("E616", "a cluster needs the package parsl", _INSTALL) from error
    if site.provider == "slurm" and not shutil.which("sbatch"):
        raise ScoutError(
            "E616",
            "this machine has no `sbatch`: SLURM cannot be asked from here",
            "start it where jobs are submitted, on the login node of the cluster",
        )


def _new_folder(site: Site) -> Path:
    """An empty folder for one executor."""
    base = site.folder or cache_folder() / "cluster"
    if not re.fullmatch(r"[\w./+@:,~-]+", str(base.absolute())):
        raise ScoutError(
            "E616",
            f"Parsl cannot write its scripts into {base}: spaces and the like are in its path",
            'name another folder in the site: folder = "/home/me/cluster"',
        )
    try:
        base.mkdir(parents=True, exist_ok=True)
        made = tempfile.mkdtemp(dir=base.absolute(), prefix=time.strftime("%Y%m%d-%H%M%S-"))
    except OSError as error:
        raise ScoutError("E616", f"{base} cannot be written: {error.strerror}") from error
    return Path(made)


def _executor(site: Site, folder: Path) -> Any:
    from parsl.executors.high_throughput.executor import (
        DEFAULT_LAUNCH_CMD,
        HighThroughputExecutor,
    )

    # -P: modules are not looked for in the working folder, which may be a stranger's
    python = [sys.executable, "-P", "-m"]
    pool = shlex.join([*python, "parsl.executors.high_throughput.process_worker_pool"])
    provider = _slurm(site) if site.provider == "slurm" else _local(site)
    provider.script_dir = str(folder / "scripts")
    os.makedirs(provider.script_dir)
    (folder / "begun").mkdir()
    executor = HighThroughputExecutor(
        label="scoutlang",
        provider=provider,
        launch_cmd=DEFAULT_LAUNCH_CMD.replace("process_worker_pool.py", pool, 1),
        interchange_launch_cmd=[*python, __name__, str(os.getpid())],
        # given, so that it does not ask the internet for it
        address="127.0.0.1",
        cores_per_worker=float(site.cores_per_worker),
        max_workers_per_node=site.workers,
        heartbeat_period=_BEAT,
        heartbeat_threshold=_SILENCE,
        drain_period=_drain(site),
        # the work and its results are pickles: nobody else may send any
        encrypted=True,
        poll_period=200,
        block_error_handler=False,
    )
    executor.run_dir = str(folder)
    if site.provider == "slurm":
        executor.address = None
        executor.all_addresses = _addresses()
    return executor


def _drain(site: Site) -> int | None:
    """Seconds after which a block takes no more units: those that it has find their end before the
    walltime, unless they take longer than half of it.
    """
    if site.provider == "local":
        return None
    return max(site.seconds - int(site.patience), site.seconds // 2)


def _worker_init(site: Site) -> str:
    cores = site.workers * site.cores_per_worker
    return "\n".join(
        [
            *site.setup,
            *(f"export {name}=1" for name in ONE_THREAD),
            f"export PARSL_CORES={cores}",
            # since 22.05 srun does not take it from the job: all workers would share one core
            f"export SRUN_CPUS_PER_TASK={cores}",
        ]
    )


def _local(site: Site) -> Any:
    from parsl.providers import LocalProvider

    return LocalProvider(
        init_blocks=0, min_blocks=0, max_blocks=site.blocks, worker_init=_worker_init(site)
    )


def _slurm(site: Site) -> Any:
    from parsl.jobs.states import JobState, JobStatus
    from parsl.launchers import SingleNodeLauncher, SrunLauncher
    from parsl.providers import SlurmProvider

    class Slurm(SlurmProvider):  # type: ignore[misc]
        """It asks for all jobs of the user at once. Asked for a job by its number, squeue fails
        when it has forgotten it, and sacct does not know it at first: the one block would live for
        ever, the other would be dead from the start.
        """

        status_polling_interval = _ASK

        def _status(self) -> None:
            code, said, _ = self.execute_wait("squeue --me --noheader --format='%A %t'")
            if code:
                return  # SLURM is away for a while: what was known is known
            states = dict(line.split() for line in said.splitlines() if line.strip())
            for number, job in self.resources.items():
                if not job["status"].terminal:
                    job["status"] = JobStatus(
                        _state(states.get(number)),
                        stdout_path=job["job_stdout_path"],
                        stderr_path=job["job_stderr_path"],
                    )

    def _state(state: str | None) -> Any:
        match state:
            case "PD" | "CF" | "RQ" | "RH" | "RD" | "SO":
                return JobState.PENDING
            case None | "CG":
                return JobState.COMPLETED
        return JobState.RUNNING

    return Slurm(
        partition=site.partition,
        account=site.account,
        qos=site.qos,
        constraint=site.constraint,
        nodes_per_block=site.nodes,
        cores_per_node=site.workers * site.cores_per_worker,
        mem_per_node=site.memory_per_node,
        gpus_per_node=site.gpus_per_node or None,
        init_blocks=0,
        min_blocks=0,
        max_blocks=site.blocks,
        walltime=site.walltime,
        scheduler_options="\n".join(f"#SBATCH {line}" for line in site.options),
        worker_init=_worker_init(site),
        cmd_timeout=_ANSWER,
        # whoever wants whole nodes says --exclusive
        exclusive=False,
        launcher=SingleNodeLauncher() if site.nodes == 1 else SrunLauncher(),
    )


def _addresses() -> set[str]:
    """Under which a node may reach this machine; a worker tries all of them."""
    import psutil

    found = {
        card.address
        for cards in psutil.net_if_addrs().values()
        for card in cards
        if card.family == socket.AF_INET
    }
    with suppress(OSError):
        found.add(socket.gethostbyname(socket.gethostname()))
    return found


def _never_for_ever(executor: Any) -> None:
    """Questions to the process that hands out the work have no end of their own where it died."""
    import zmq

    for limit in (zmq.SNDTIMEO, zmq.RCVTIMEO):
        executor.command_client.zmq_socket.setsockopt(limit, 1000 * _ANSWER)


def _let_go(executor: Any) -> None:
    """End the jobs of all blocks that may still live."""
    jobs = [
        number for number, job in executor.provider.resources.items() if not job["status"].terminal
    ]
    if not jobs:
        return
    for _ in range(2):
        with suppress(subprocess.TimeoutExpired):
            executor.provider.cancel(jobs)
            break


# ---------------------------------------------------------------------- in other processes


def _done(order: bytes, mark: str, patience: float, gpus: bool) -> tuple[str, bytes]:
    """What a worker of Parsl does with a unit: it has a process of its own do it, so that a unit
    that kills or hangs costs that process. Where a worker itself is killed it may hold a lock of
    the queue on which all workers of its node answer, and none of them is heard again.
    """
    if gpus:
        _take_one_gpu()
    Path(mark).touch()
    try:
        return _own_process().ask(order, patience)
    except WorkerLost as error:
        return "lost", pickle.dumps(f"on {socket.gethostname()} {error}")


_own: list[Process] = []
"""Of a worker of Parsl: the process that does its units."""


def _own_process() -> Process:
    if not _own or not _own[0].alive:
        _own[:] = [Process()]
    return _own[0]


@functools.cache
def _take_one_gpu() -> None:
    """Of those that SLURM gave to the block, the one at the place of this worker."""
    place = int(os.environ["PARSL_WORKER_RANK"])
    given = [one for one in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if one]
    os.environ["CUDA_VISIBLE_DEVICES"] = given[place] if given else str(place)


def _hand_out(driver: int) -> None:
    """The process of Parsl that hands out the work. It ends with the driver, however that ends, and
    with it the workers; a Ctrl-C is for the driver.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(driver, os._exit), daemon=True).start()
    runpy.run_module("parsl.executors.high_throughput.interchange", run_name="__main__")


def _end_with(driver: int, end: Callable[[int], Any]) -> None:
    while os.getppid() == driver:
        time.sleep(1)
    end(0)


if __name__ == "__main__":
    _hand_out(int(sys.argv[1]))
