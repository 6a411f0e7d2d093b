"""Compiled programs, kept by what shapes them, never by the estimator."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any


class ProgramCache:
    """The programs used last, and a bound on how many XLA may ever compile.

    Parameters
    ----------
    max_size : int, default=128
        Programs kept. The one unused for longest goes first.
    max_xla : int, default=64
        XLA programs compiled in the life of the process. Their memory (about 3 MB each) is
        never given back, whatever becomes of the program; beyond the bound the plain graph runs.
    """

    def __init__(self, max_size: int = 128, max_xla: int = 64):
        self.max_size = max_size
        self.max_xla = max_xla
        self.n_xla = 0
        self._programs: OrderedDict[Hashable, Any] = OrderedDict()
        self._building: dict[Hashable, threading.Lock] = {}
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._programs)

    def __contains__(self, key: Hashable) -> bool:
        return key in self._programs

    def may_compile_xla(self) -> bool:
        """Whether one more XLA program may be compiled."""
        return self.n_xla < self.max_xla

    def get(self, key: Hashable, build: Callable[[], Any], *, xla: bool = False) -> Any:
        """The program of ``key``, built by ``build()`` at its first use."""
        with self._lock:
            if key in self._programs:
                self._programs.move_to_end(key)
                return self._programs[key]
            building = self._building.setdefault(key, threading.Lock())
        with building:  # two threads that want the same program wait for one compilation
            with self._lock:
                if key in self._programs:
                    return self._programs[key]
            program = build()
            with self._lock:
                self._programs[key] = program
                self._building.pop(key, None)
                self.n_xla += xla
                while len(self._programs) > self.max_size:
                    self._programs.popitem(last=False)
            return program

    def clear(self) -> None:
        """Forget every program; what XLA compiled stays counted."""
        with self._lock:
            self._programs.clear()

    def release(self) -> None:
        """Forget every program where the backend gives back what they held."""
        with self._lock:
            self._programs.clear()
            self.n_xla = 0


PROGRAMS = ProgramCache()
