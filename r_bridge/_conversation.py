"""Python work that calls functions of R in between: a conversation in several calls from R.

Python never calls R. The work runs in a thread of its own; where it wants a function of R, the call
that R is waiting in returns with the question, R answers it on its own side, in its own frames, and
comes back with the answer. So it is the same over every engine, and an error in R's function is an
error of R like any other: R then ends the conversation.
"""

from __future__ import annotations

import itertools
import queue
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

from ._dispatch import INTERRUPTS, command_that_asks_for_interrupts

_OPEN: dict[int, Conversation] = {}
_NUMBERS = itertools.count(1)
# Text that the thread prints is passed on to R this often.
_PATIENCE_SECONDS = 0.1


class Ended(Exception):
    """R has ended the conversation."""


class Conversation:
    """Work in a thread, with the questions that it asks R.

    Parameters
    ----------
    work : callable
        Called with the conversation; it asks by :meth:`ask`.
    """

    def __init__(self, work: Callable[[Conversation], Any]):
        self._work = work
        self._to_r: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._from_r: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._asking = threading.Lock()
        self._ended = False
        self._error: BaseException | None = None
        self._interrupted = False
        self._question_is_open = False
        self.number = next(_NUMBERS)
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> dict[str, Any]:
        """Begin the work; the first question, or the result."""
        _OPEN[self.number] = self
        self._thread.start()
        return self._next()

    def ask(self, function: str, *arguments: Any) -> Any:
        """What R's function of that name makes of the arguments."""
        question = {"question": function, "arguments": list(arguments)}
        # Keras asks for batches in a thread of its own, while a callback may have a question.
        with self._asking:
            if self._ended:
                raise Ended
            self._question_is_open = True
            self._to_r.put({"number": self.number, **question})
            answer = self._from_r.get()
            if answer is Ended:
                self._ended = True
                raise Ended
        if self._interrupted:
            raise KeyboardInterrupt
        return answer

    def answer(self, value: Any) -> dict[str, Any]:
        """Go on with R's answer; the next question, or the result."""
        self._question_is_open = False
        self._from_r.put(value)
        return self._next()

    def interrupt(self) -> dict[str, Any]:
        """Raise KeyboardInterrupt in the work, at the question that is open or the next one."""
        self._interrupted = True
        return self.answer(None) if self._question_is_open else self._next()

    def end(self) -> None:
        """Make the work end at the question that is open."""
        _OPEN.pop(self.number, None)
        self._from_r.put(Ended)
        self._thread.join()

    def _run(self) -> None:
        try:
            self._to_r.put({"result": self._work(self)})
        except Ended:
            self._to_r.put({"result": None})
        except BaseException as error:
            self._error = error
            self._to_r.put({"result": None})

    def _next(self) -> dict[str, Any]:
        while True:
            try:
                reply = self._to_r.get(timeout=_PATIENCE_SECONDS)
                break
            except queue.Empty:
                sys.stdout.flush()
        if INTERRUPTS.taken():
            self._interrupted = True
        if "question" not in reply:
            _OPEN.pop(self.number, None)
            self._thread.join()
            if self._error is not None:
                raise self._error
        return reply


@command_that_asks_for_interrupts
def answer_question(number: int, value: Any = None) -> dict[str, Any]:
    """R's answer to the open question of a conversation."""
    return _OPEN[number].answer(value)


@command_that_asks_for_interrupts
def interrupt_conversation(number: int) -> dict[str, Any]:
    """Ctrl-C has met R; the result, or a question that is still asked before."""
    if number not in _OPEN:  # it has ended by this Ctrl-C, or with a worker that had to go
        raise KeyboardInterrupt
    return _OPEN[number].interrupt()


@command_that_asks_for_interrupts
def end_conversation(number: int) -> None:
    """R does not go on."""
    conversation = _OPEN.get(number)
    if conversation is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            conversation.end()
