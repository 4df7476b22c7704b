"""The process that `scoutlang.support.engines.processes` starts: it takes units on its standard
input and answers on its standard output, one after the other, until the input ends.

The input ends when whoever started it closes it or dies, however it dies; then this process ends at
once, whatever it works on.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import queue
import signal
import sys
import threading
import traceback
from typing import Any, BinaryIO

from scoutlang.support.errors import first_line


def main() -> None:
    # what a library prints must not get between the answers
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # Ctrl-C is for the one that has started this process
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGUSR1"):
        # whoever gives this process up asks for its stack; then the signal ends it
        faulthandler.register(signal.SIGUSR1, chain=True)
    orders: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(sys.stdin.buffer, orders), daemon=True).start()

    def say(kind: str, what: Any) -> None:
        # two layers: what cannot be read again is one answer, not the end of all answers
        pickle.dump((kind, pickle.dumps(what)), answers)
        answers.flush()

    while True:
        order = orders.get()
        try:
            unit = pickle.loads(order)
            results = unit.done(lambda what: say("told", what))
            say("done", results)
        except Exception as error:
            error.add_note(f"in a worker: {traceback.format_exc()}")
            say("failed", error if travels(error) else RuntimeError(first_line(error)))


def travels(error: Exception) -> bool:
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # of any kind: it is made by the class of the error
        return False
    return True


def _listen(orders_in: BinaryIO, orders: queue.SimpleQueue[bytes]) -> None:
    while True:
        try:
            orders.put(pickle.load(orders_in))
        except (EOFError, OSError, pickle.UnpicklingError):
            os._exit(0)


if __name__ == "__main__":
    main()
