"""Many fits as one program: joblib's backend "fused", and :func:`fit_many` for a plain loop.

Each task runs in a thread. Where its estimator's ``fit`` reaches the training engine, the thread
waits; when every task that runs is waiting, their fits are trained together and all go on. So
scikit-learn's searches, cross-validations and ensembles need not know of it.
"""

import contextlib
import os
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from joblib import register_parallel_backend
from joblib.parallel import FallbackToBackend, ParallelBackendBase, SequentialBackend

# Tasks at a time, where memory allows. A program gains little by more networks than that.
_WIDTH = 256
# Copies of its data that a task makes: the rows of its fold, and these in the network's dtype.
_COPIES = 3


class Cancelled(BaseException):
    """Ends the tasks of a call that was interrupted or in which another task failed.

    No ``Exception``, so that ``error_score`` does not take it for a failing candidate.
    """


class FusedBackend(ParallelBackendBase):
    """joblib's backend "fused".

    Registered by ``import sklearn_cnn``; used by ``with joblib.parallel_config("fused"):`` and
    nothing else. ``n_jobs`` is the number of tasks, and so of networks, at a time: by default, and
    where it is negative, as many as fit into half of the free memory, at most 256; 1 is sequential.
    """

    supports_retrieve_callback = True
    uses_threads = True
    supports_sharedmem = True
    default_n_jobs = -1

    def __init__(self, nesting_level=None, inner_max_num_threads=None, meeting=None, **settings):
        super().__init__(nesting_level, inner_max_num_threads, **settings)
        self._meeting: Meeting = meeting or Meeting()
        self._call: Call | None = None

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Tasks at a time; None and negative numbers leave it to memory."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        return _WIDTH if n_jobs is None or n_jobs < 0 else n_jobs

    def configure(self, n_jobs=1, parallel=None, **settings) -> int:
        """Make ready for a call of ``parallel``."""
        self.parallel = parallel
        self._n_jobs = self.effective_n_jobs(n_jobs)
        if self._n_jobs == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        return self._n_jobs

    def start_call(self) -> None:
        """Begin a call: tasks will be submitted."""
        self._call = self._meeting.begin_call(self._n_jobs, self.parallel.verbose)

    @contextlib.contextmanager
    def retrieval_context(self) -> Iterator[None]:
        """The first tasks are submitted: groups may close."""
        if self._call is not None:
            self._meeting.all_submitted(self._call)
        yield

    def submit(self, func, callback=None):
        """Run ``func()`` in a thread, then ``callback`` with its outcome."""
        return self._meeting.submit(self._call, func, callback)

    def retrieve_result_callback(self, outcome: "Outcome") -> Any:
        """What the task returned; raises what it raised."""
        return outcome.get()

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """End all tasks of the call, and wait until their threads have ended."""
        if self._call is not None:
            self._meeting.cancel(self._call)

    def stop_call(self) -> None:
        """End a call, whose tasks are done or cancelled."""
        if self._call is not None:
            call, self._call = self._call, None
            self._meeting.end_call(call)

    def get_nested_backend(self):
        """The backend of calls within tasks: their fits meet those of all other tasks."""
        level = (self.nesting_level or 0) + 1
        return FusedBackend(nesting_level=level, meeting=self._meeting), None


class Outcome:
    """What a task returned or raised."""

    def __init__(self, value: Any = None, error: BaseException | None = None):
        self.value, self.error = value, error

    def get(self, timeout=None) -> Any:
        """The value; raises the error."""
        if self.error is not None:
            raise self.error
        return self.value


class Call:
    """A call of ``joblib.Parallel``: how many of its tasks are where.

    Attributes
    ----------
    parent : Call or None
        The call whose task made this one.
    place : tuple of int
        Numbers of the tasks within which it was made, the outermost first.
    n_open : int
        Tasks submitted and not yet finished.
    n_live : int
        Tasks that have a thread.
    """

    def __init__(self, parent: "Call | None", place: tuple[int, ...], width: int, verbose: int):
        self.parent = parent
        self.place = place
        self.width = width
        self.verbose = verbose
        self.n_submitted = self.n_open = self.n_live = 0
        self.queue: deque[tuple[Callable, Callable, tuple[int, ...]]] = deque()
        self.threads: set[threading.Thread] = set()
        self.submitting = True
        # Whether the task that made this call is held to wait for it.
        self.holds_parent = parent is not None
        self.cancelled = False
        self.is_sized = False

    def is_within(self, call: "Call") -> bool:
        """Whether this is ``call``, or was made by a task of it, or of one within it."""
        found: Call | None = self
        while found is not None and found is not call:
            found = found.parent
        return found is call


class Waiting:
    """Fits, the starts of one estimator, whose thread waits for the results."""

    def __init__(self, fits: Sequence, call: Call, place: tuple[int, ...]):
        self.fits, self.call, self.place = fits, call, place
        self.done = threading.Event()
        self.results: list = []
        self.error: BaseException | None = None


class _Here(threading.local):
    call: Call | None = None  # whose task this thread runs
    place: tuple[int, ...] = ()  # of that task
    meeting: "Meeting | None" = None


_HERE = _Here()


class Meeting:
    """Where the fits of concurrent tasks meet.

    A group closes when no task is running: each one waits here, or for a call of its own. While a
    call is still submitting its first tasks no group closes, and a task counts as running until
    joblib has been told of its end, because that submits the next.
    """

    def __init__(self):
        self._lock = threading.RLock()
        self._calls: list[Call] = []
        self._waiting: list[Waiting] = []
        self._n_running = 0
        self._n_live = 0
        self._filters: Any = None
        # Tasks prepare and score with the interpreter's one lock, for which threads fight: beside
        # training a fit took 2.6 ms in one thread, 3.0 in two, 3.4 in four. A task that waits gives
        # its place to another.
        self._places = threading.BoundedSemaphore(max(2, (os.cpu_count() or 1) // 4))

    def begin_call(self, width: int, verbose: int) -> Call:
        """A new call, made by the task of this thread if it runs one."""
        parent = _HERE.call if _HERE.meeting is self else None
        call = Call(parent, _HERE.place if parent else (), width, verbose)
        with self._lock:
            if not self._calls:
                # Tasks change the filters of warnings in no particular order.
                self._filters = warnings.filters[:]
            self._calls.append(call)
            self._n_running -= call.holds_parent
        if parent is not None:
            self._places.release()
        return call

    def all_submitted(self, call: Call) -> None:
        """The first tasks of the call are submitted."""
        with self._lock:
            call.submitting = False
            self._release_parent(call)
            self._close_group()

    def submit(self, call: Call, work: Callable, callback: Callable) -> Outcome:
        """Run ``work`` now, or when a task has ended."""
        with self._lock:
            if not call.is_sized:
                call.is_sized = True
                call.width = min(call.width, tasks_in_memory(work))
            call.n_open += 1
            call.queue.append((work, callback, (*call.place, call.n_submitted)))
            call.n_submitted += 1
            self._start_tasks()
        return Outcome()

    def cancel(self, call: Call) -> None:
        """End the tasks of the call and of calls within it; return when their threads have."""
        with self._lock:
            within = [other for other in self._calls if other.is_within(call)]
            dropped = []
            for other in within:
                other.cancelled = True
                dropped += [(other, callback) for _, callback, _ in other.queue]
                other.queue.clear()
            for waiting in [w for w in self._waiting if w.call.cancelled]:
                self._waiting.remove(waiting)
                self._wake(waiting, error=Cancelled())
            threads = list(call.threads)
        for other, callback in dropped:
            callback(Outcome(error=Cancelled()))
            with self._lock:
                other.n_open -= 1
                self._release_parent(other)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join()

    def end_call(self, call: Call) -> None:
        """Forget a call; the task that made it goes on."""
        with self._lock:
            threads = list(call.threads)
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join()
        with self._lock:
            self._calls.remove(call)
            call.submitting = False
            call.n_open = 0
            self._release_parent(call)
            if not self._calls and self._filters is not None:
                warnings.filters = self._filters
                self._filters = None
            self._close_group()
        if call.parent is not None:
            self._places.acquire()

    def _release_parent(self, call: Call) -> None:
        """Count the task that made the call as running once it has nothing to wait for."""
        if call.holds_parent and not call.submitting and call.n_open == 0:
            call.holds_parent = False
            self._n_running += 1

    def _start_tasks(self) -> None:
        # Calls within tasks go first: others wait for them. One task of each call may always run,
        # else a call within a task might never find room.
        for call in reversed(self._calls):
            width = min(other.width for other in _with_parents(call))
            while call.queue and (self._n_live < width or call.n_live == 0):
                thread = threading.Thread(
                    target=self._run_task, args=(call, *call.queue.popleft()), daemon=True
                )
                call.n_live += 1
                self._n_live += 1
                self._n_running += 1
                call.threads.add(thread)
                thread.start()

    def _run_task(
        self, call: Call, work: Callable, callback: Callable, place: tuple[int, ...]
    ) -> None:
        from sklearn_cnn.training.loop import trained_by

        _HERE.call, _HERE.meeting, _HERE.place = call, self, place
        try:
            with self._places:
                try:
                    if call.cancelled:
                        raise Cancelled
                    with trained_by(self._train):
                        outcome = Outcome(work())
                except BaseException as error:
                    outcome = Outcome(error=error)
                callback(outcome)
        finally:
            with self._lock:
                call.n_open -= 1
                call.n_live -= 1
                self._n_live -= 1
                self._n_running -= 1
                call.threads.discard(threading.current_thread())
                self._start_tasks()
                self._release_parent(call)
                self._close_group()

    def _train(self, fits: Sequence, listener: Any) -> list:
        """Wait for the others; the results, and None for a fit that must be trained alone."""
        from sklearn_cnn.training.fusing import can_be_fused

        call = _HERE.call
        if call is None or not can_be_fused(fits[0].plan, fits[0].rows, listener):
            return [None] * len(fits)
        waiting = Waiting(fits, call, _HERE.place)
        with self._lock:
            if call.cancelled:
                raise Cancelled
            self._waiting.append(waiting)
            self._n_running -= 1
            self._close_group()
        self._places.release()
        try:
            waiting.done.wait()
        finally:
            self._places.acquire()
        if waiting.error is not None:
            raise waiting.error
        return waiting.results

    def _wake(self, waiting: Waiting, results: Iterable = (), error: BaseException | None = None):
        self._n_running += 1
        waiting.results, waiting.error = list(results), error
        waiting.done.set()

    def _close_group(self) -> None:
        """Train the fits that wait, if no more can come."""
        if self._n_running or not self._waiting or any(call.submitting for call in self._calls):
            return
        # In the order of the tasks, not of their threads: the same programs each time.
        group, self._waiting = sorted(self._waiting, key=lambda waiting: waiting.place), []
        threading.Thread(target=self._train_group, args=(group,), daemon=True).start()

    def _train_group(self, group: list[Waiting]) -> None:
        from sklearn_cnn.training.fusing import train_together

        fits = [fit for waiting in group for fit in waiting.fits]
        if any(call.verbose for call in _with_parents(group[0].call)):
            print(f"[fused]: {len(fits)} networks in flight.", file=sys.stderr)
        results: list = [None] * len(fits)
        error: BaseException | None = None
        try:
            results = train_together(
                fits, stopped=lambda: all(waiting.call.cancelled for waiting in group)
            )
        except BaseException as failure:
            error = failure
        with self._lock:
            remaining = iter(results)
            for waiting in group:
                cancelled = Cancelled() if waiting.call.cancelled else error
                self._wake(waiting, islice(remaining, len(waiting.fits)), cancelled)


def _with_parents(call: Call | None) -> Iterator[Call]:
    while call is not None:
        yield call
        call = call.parent


def tasks_in_memory(work: Any) -> int:
    """How many tasks like ``work`` half of the free memory has room for, at least two."""
    from sklearn_cnn.training.free_memory import free_memory

    sizes: dict[int, int] = {}
    for _, positional, named in getattr(work, "items", ()):
        for value in (*positional, *named.values()):
            sizes[id(value)] = _n_bytes(value)
    each = _COPIES * sum(sizes.values())
    return max(2, free_memory() // 2 // max(each, 1))


def _n_bytes(value: Any) -> int:
    if hasattr(value, "memory_usage"):  # a DataFrame
        return int(value.memory_usage().sum())
    if hasattr(value, "estimated_size"):  # one of polars
        return int(value.estimated_size())
    if hasattr(value, "indptr"):  # a sparse matrix
        return value.data.nbytes + value.indices.nbytes + value.indptr.nbytes
    return int(getattr(value, "nbytes", 0))


def fit_many(fits: Iterable[Sequence], *, n_jobs: int | None = None) -> list:
    """Fit many estimators, those that can share a program in one.

    Parameters
    ----------
    fits : iterable of tuple
        ``(estimator, X, y)`` or ``(estimator, X)``. After them may come the rows to fit on, an
        array of row numbers or a boolean mask as :func:`sklearn.utils.resample` or a
        cross-validator's ``split`` gives them, and a dictionary of arguments of ``fit``, such as
        ``{"sample_weight": w}``, whose values of one entry a row of X are cut likewise. Networks
        that are given rows of the same array do not copy it. The estimators are fitted
        themselves; pass clones to keep them as they are. Pipelines around networks are estimators
        too; they do copy their rows.
    n_jobs : int, default=None
        Fits at a time. None: as many as fit into half of the free memory, at most 256.

    Returns
    -------
    list
        The fitted estimators, in the order of ``fits``.

    Raises
    ------
    TypeError
        If an estimator comes twice: its second fit would overwrite the first.

    Examples
    --------
    Two hundred replicates of a bootstrap would be written like these three:

    >>> import numpy as np
    >>> from sklearn.base import clone
    >>> from sklearn.datasets import make_regression
    >>> from sklearn.utils import resample
    >>> from sklearn_cnn import MLPRegressor, fit_many
    >>> X, y = make_regression(60, 3, random_state=0)
    >>> network = MLPRegressor(
    ...     hidden_layer_sizes=(8,), learning_rate_init=0.1, tol=1.0, random_state=0
    ... )
    >>> fitted = fit_many(
    ...     (clone(network), X, y, resample(range(60), random_state=seed)) for seed in range(3)
    ... )
    >>> [round(replicate.score(X, y), 1) for replicate in fitted]
    [1.0, 1.0, 1.0]
    """
    from joblib import Parallel, delayed

    from sklearn_cnn.encoding import Shared

    tasks = [tuple(task) if isinstance(task, Sequence) else (task,) for task in fits]
    seen: set[int] = set()
    shared: dict[int, Shared] = {}
    for task in tasks:
        if not 2 <= len(task) <= 5 or not hasattr(task[0], "fit"):
            raise TypeError(
                "Each of the fits must be a tuple (estimator, X) or (estimator, X, y), after which "
                "may come rows and a dictionary of arguments of fit. Got "
                f"{', '.join(type(part).__name__ for part in task)}."
            )
        if id(task[0]) in seen:
            raise TypeError(
                f"The same {type(task[0]).__name__} object is to be fitted twice; the second fit "
                "would overwrite the first. Pass clone(estimator) for each fit."
            )
        seen.add(id(task[0]))
    parallel = Parallel(n_jobs=-1 if n_jobs is None else n_jobs, backend="fused")
    ready = [_with_rows(shared, *task) for task in tasks]
    return parallel(delayed(_fit)(*task) for task in ready)


def _with_rows(shared: dict, estimator, X, y=None, *more) -> tuple:
    """What :func:`_fit` takes; networks get rows of an array that they share."""
    from sklearn_cnn.encoding import RowsOf, Shared
    from sklearn_cnn.estimators._base import BaseNetwork

    *rows, arguments = more if more and isinstance(more[-1], dict) else (*more, {})
    if not rows:
        return estimator, X, y, None, arguments
    numbers = np.asarray(rows[0])
    if len(rows) > 1 or numbers.ndim != 1 or numbers.dtype.kind not in "iub":
        raise TypeError(
            "After (estimator, X, y) may come one array of row numbers or a boolean mask, then a "
            "dictionary of arguments of fit. Got "
            f"{', '.join(type(part).__name__ for part in more)}."
        )
    numbers = _row_numbers(numbers, _n_rows(X))
    if isinstance(estimator, BaseNetwork) and isinstance(X, np.ndarray) and X.dtype.kind in "iuf":
        X = RowsOf(shared.setdefault(id(X), Shared(X)), numbers)
    return estimator, X, y, numbers, arguments


def _n_rows(value: Any) -> int:
    """Rows of an array, a list or a table; -1 for what has none."""
    if hasattr(value, "shape"):
        return value.shape[0] if value.shape else -1
    return len(value) if isinstance(value, list | tuple) else -1


def _row_numbers(rows: np.ndarray, n_rows: int) -> np.ndarray:
    """Numbers from 0 of ``n_rows`` rows, from a mask or from numbers that may count from the end.

    Raises
    ------
    ValueError
        If a mask has not one entry a row.
    IndexError
        If there is no such row.
    """
    if rows.dtype.kind == "b":
        if len(rows) != n_rows:
            raise ValueError(f"A mask must have one entry a row of X, {n_rows}. Got {len(rows)}.")
        return np.flatnonzero(rows)
    wrong = rows[(rows < -n_rows) | (rows >= n_rows)]
    if len(wrong):
        raise IndexError(f"Row {wrong[0]} is to be fitted on, but X has {n_rows} rows.")
    return rows % n_rows


def _fit(estimator, X, y, numbers, arguments):
    from sklearn_cnn.compat import safe_indexing
    from sklearn_cnn.encoding import RowsOf

    if numbers is None:
        return estimator.fit(X, y, **arguments)
    n_rows = _n_rows(X.shared.array if isinstance(X, RowsOf) else X)

    def cut(value):
        return safe_indexing(value, numbers) if _n_rows(value) == n_rows else value

    X = X if isinstance(X, RowsOf) else safe_indexing(X, numbers)
    y = None if y is None else safe_indexing(y, numbers)
    return estimator.fit(X, y, **{name: cut(value) for name, value in arguments.items()})


register_parallel_backend("fused", FusedBackend)
