"""Ctrl-C where it would break more than it stops."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def deferred() -> Iterator[None]:
    """Ctrl-C waits for the end of the block. For imports: torch that was imported by half cannot be
    imported again in the same process.
    """
    pressed = False

    def note() -> None:
        nonlocal pressed
        pressed = True

    with pressing(note):
        yield
    if pressed:
        raise KeyboardInterrupt


@contextmanager
def pressing(press: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C calls ``press`` in this block, and does nothing else. Programs that are started in it
    have their own.
    """
    # signals come to the main thread only
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def pressed(number: int, frame: FrameType | None) -> None:
        press()

    before = signal.signal(signal.SIGINT, pressed)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
