"""Ctrl-C while a network is trained: raised between two calls of the program, never within one."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any


class PendingInterrupt:
    """Ctrl-C that waits; a call raises it if it has come.

    Parameters
    ----------
    handler : callable
        What Ctrl-C would call at once, which raises KeyboardInterrupt.

    Attributes
    ----------
    has_come : bool
        May be asked in any thread; only the one that Ctrl-C interrupts may raise it.
    """

    def __init__(self, handler: Callable[[int, Any], Any]):
        self._handler = handler
        self.has_come = False

    def note(self, number: int, frame: Any) -> None:
        """Let the first wait; the second is raised where it comes."""
        self.has_come = not self.has_come
        if not self.has_come:
            self._handler(number, frame)

    def __call__(self) -> None:
        if self.has_come:
            self.has_come = False
            self._handler(signal.SIGINT, sys._getframe())


@contextlib.contextmanager
def interrupts_wait() -> Iterator[PendingInterrupt]:
    """Let Ctrl-C wait until training asks for it.

    An exception between any two instructions would leave a step half done, and is lost where it
    meets a finalizer or C code that clears it. A second Ctrl-C does not wait. Threads other than
    the main one never hear of Ctrl-C: there nothing changes, nor where a program has chosen that
    Python does not deal with it.

    Yields
    ------
    raise_interrupt : PendingInterrupt
        Calls the handler that was there before, which raises KeyboardInterrupt, if Ctrl-C has come.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield PendingInterrupt(lambda number, frame: None)
        return
    raise_interrupt = PendingInterrupt(before)
    signal.signal(signal.SIGINT, raise_interrupt.note)
    try:
        yield raise_interrupt
    finally:
        signal.signal(signal.SIGINT, before)
        raise_interrupt()
