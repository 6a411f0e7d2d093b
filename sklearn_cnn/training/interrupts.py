"""Ctrl-C while a network is trained: raised between two calls of the program, never within one."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def interrupts_wait() -> Iterator[Callable[[], None]]:
    """Let Ctrl-C wait until training asks for it.

    An exception between any two instructions would leave a step half done, and is lost where it
    meets a finalizer or C code that clears it. A second Ctrl-C does not wait. Threads other than
    the main one never hear of Ctrl-C: there nothing changes, nor where a program has chosen that
    Python does not deal with it.

    Yields
    ------
    raise_interrupt : callable
        Calls the handler that was there before, which raises KeyboardInterrupt, if Ctrl-C has come.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield lambda: None
        return
    noted = False

    def note(number, frame) -> None:
        nonlocal noted
        noted = not noted
        if not noted:
            before(number, frame)

    def raise_interrupt() -> None:
        nonlocal noted
        if noted:
            noted = False
            before(signal.SIGINT, sys._getframe())

    signal.signal(signal.SIGINT, note)
    try:
        yield raise_interrupt
    finally:
        signal.signal(signal.SIGINT, before)
        raise_interrupt()
