"""Processes of this machine, one unit each at a time, with one thread each.

Each is a fresh Python that imports this package, so nothing is asked of the script that calls (no
``if __name__ == "__main__"``), and it works on Linux, macOS and Windows. Why not a pool of the
standard library: there the death of one process ends all, nobody learns which unit killed it, one
that hangs cannot be ended, and those of a caller that was killed stay. See
docs/adr/0010-units-and-engines.md.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from typing import Any

from joblib import cpu_count

from scoutlang.support.engines import Engine, Here, Tell, Unit, WorkerLost

PATIENCE = 1800.0
"""Seconds without a word from a unit after which its process is taken for one that hangs."""

_LAST_WORDS = 5.0
"""Seconds for such a process to write where it was."""
_WORTH = 10.0
"""Seconds of work that are worth the start of processes: each takes five until it works."""
ONE_THREAD = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)


class Processes:
    """An `Engine` of so many processes; if not given, as many as this process may use cores, where
    there is enough to do. They start when they are needed, and keep what they have loaded from one
    unit to the next.
    """

    here = False
    device = None

    def __init__(self, workers: int | None = None, *, patience: float = PATIENCE) -> None:
        self.workers = workers or cpu_count()
        self._asked = workers is not None
        self._patience = patience
        self._threads = ThreadPoolExecutor(self.workers, thread_name_prefix="unit")
        self._lock = threading.Lock()
        self._idle: list[Process] = []
        self._busy: set[Process] = set()

    def pays(self, seconds: float) -> bool:
        return self._asked or bool(self._idle) or seconds > _WORTH

    def submit(self, unit: Unit, tell: Tell) -> Future[list[Any]]:
        return self._threads.submit(self._on_a_process, unit, tell)

    def stop(self) -> None:
        with self._lock:
            for process in self._busy:
                process.kill()

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        self.stop()
        self._threads.shutdown()
        for process in self._idle:
            process.close()
        self._idle.clear()

    def _on_a_process(self, unit: Unit, tell: Tell) -> list[Any]:
        with self._lock:
            process = self._idle.pop() if self._idle else Process()
            self._busy.add(process)
        try:
            kind, content = process.ask(pickle.dumps(unit), self._patience, tell)
        finally:
            with self._lock:
                self._busy.discard(process)
                if process.alive:
                    self._idle.append(process)
        return results_in(kind, content)


@contextmanager
def opened(engine: Engine | None, workers: int | None = None) -> Iterator[Engine]:
    """That engine, which stays open, or one of so many processes that is closed after the block;
    one worker is this process.
    """
    if engine is not None:
        yield engine
        return
    with closing(Here() if workers == 1 else Processes(workers)) as own:
        yield own


def results_in(kind: str, content: bytes) -> list[Any]:
    """The results of a unit in what a process answered. Raises what the work raised."""
    what = pickle.loads(content)
    if kind == "failed":
        raise what
    assert isinstance(what, list)
    return what


class Process:
    """One process that does units, one after the other. Raises `WorkerLost`."""

    def __init__(self) -> None:
        environment = os.environ | dict.fromkeys(ONE_THREAD, "1")
        # -P: modules are not looked for in the working folder, which may be a stranger's
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "scoutlang.support.engines.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
            )
        except OSError as error:  # no memory, or too many processes
            raise WorkerLost(f"no process can be started: {error}") from error
        self._hung = False

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, order: bytes, patience: float, tell: Tell | None = None) -> tuple[str, bytes]:
        """What it answers to a pickled unit: ``done`` with pickled results, or ``failed`` with the
        pickled exception. It may be silent for ``patience`` seconds. Raises `WorkerLost`.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            pickle.dump(order, stdin)
            stdin.flush()
            while True:
                watchdog = threading.Timer(patience, self._give_up)
                watchdog.daemon = True
                watchdog.start()
                try:
                    kind, content = pickle.load(stdout)
                finally:
                    watchdog.cancel()
                if kind != "told":
                    return kind, content
                if tell:
                    tell(pickle.loads(content))
        except (EOFError, OSError, pickle.UnpicklingError):
            self.kill()
            raise WorkerLost(self._why(patience)) from None

    def _give_up(self) -> None:
        """End it, and let it write into its standard error where it was."""
        self._hung = True
        if hasattr(signal, "SIGUSR1"):
            with suppress(OSError, subprocess.TimeoutExpired):
                self._process.send_signal(signal.SIGUSR1)
                self._process.wait(_LAST_WORDS)
        self.kill()

    def _why(self, patience: float) -> str:
        code = self._process.wait()
        if self._hung:
            return f"the process said nothing for {patience:g} s and was ended"
        if code < 0:
            with suppress(ValueError):
                name = signal.Signals(-code).name
                memory = ", as it is where memory runs out" if name == "SIGKILL" else ""
                return f"the process was ended by {name}{memory}"
        return f"the process ended with code {code}"

    def kill(self) -> None:
        with suppress(OSError):
            self._process.kill()

    def close(self) -> None:
        """End it; it is not working."""
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
