"""A function of several points for callers of which each has one point and a thread."""

import threading
from collections.abc import Callable, Sequence
from typing import Any


class _Question:
    """A point whose caller waits for the value."""

    def __init__(self, point: Any):
        self.point = point
        self.value: Any = None
        self.error: BaseException | None = None
        self.answered = threading.Event()


class Rendezvous:
    """Where callers meet: when each of those who are left has come, all their points are one call.

    Parameters
    ----------
    n_callers : int
        Each calls from a thread of its own, and in the end :meth:`leave`.
    values_at : callable
        Values at a list of points. What it raises, all who wait raise.
    """

    def __init__(self, n_callers: int, values_at: Callable[[list], Sequence]):
        self._values_at = values_at
        self._lock = threading.Lock()
        self._n_callers = n_callers
        self._waiting: list[_Question] = []

    def __call__(self, point: Any) -> Any:
        """The value at a point."""
        question = _Question(point)
        with self._lock:
            self._waiting.append(question)
            complete = self._those_who_wait()
        self._answer(complete)
        question.answered.wait()
        if question.error is not None:
            raise question.error
        return question.value

    def leave(self) -> None:
        """Come no more."""
        with self._lock:
            self._n_callers -= 1
            complete = self._those_who_wait()
        self._answer(complete)

    def _those_who_wait(self) -> list[_Question]:
        if len(self._waiting) < self._n_callers:
            return []
        complete, self._waiting = self._waiting, []
        return complete

    def _answer(self, questions: list[_Question]) -> None:
        if not questions:
            return
        try:
            values = self._values_at([question.point for question in questions])
            for question, value in zip(questions, values, strict=True):
                question.value = value
        except BaseException as error:
            for question in questions:
                question.error = error
        for question in questions:
            question.answered.set()
