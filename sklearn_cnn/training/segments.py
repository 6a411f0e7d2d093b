"""Training on sparse rows: an epoch is several calls, each on a segment made dense."""

import time
from dataclasses import replace

import numpy as np
from scipy import sparse

from sklearn_cnn.backends import PROGRAMS

from .loop import Run, padded_rows
from .plan import Rows


class SegmentedRun(Run):
    """A fit whose rows never stand in memory as one dense array."""

    def _load(self, rows: Rows, validation: Rows | None) -> None:
        self.rows, self.validation_rows = rows, validation
        # Only the last segment ends with a batch that is smaller and must not be padded.
        self._whole = self.program
        shape = self.program.shape
        if shape.remainder:
            whole = replace(shape, remainder=0)
            self._whole = PROGRAMS.get(whole, lambda: type(self.program)(whole, self.backend))

    def _segment(self, rows: Rows, numbers: np.ndarray, size: int, *, optional_weight: bool):
        part = Rows(*(None if field is None else field[numbers] for field in rows))
        if sparse.issparse(part.x):
            part = part._replace(x=part.x.toarray().astype(self.dtype, copy=False))
        return padded_rows(part, size, self.dtype, self.backend, optional_weight=optional_weight)

    def _call(self, orders: np.ndarray, n_epochs: int) -> int:
        started = time.perf_counter()
        shape, array, program = self.program.shape, self.backend.array, self.program
        sums = program.no_sums()
        for start in range(0, self.n_rows, shape.row_bucket):
            numbers = orders[0, start : start + shape.row_bucket]
            data = self._segment(self.rows, numbers, shape.row_bucket, optional_weight=True)
            order = np.full(shape.row_bucket + shape.batch_size, -1, dtype=np.int32)
            order[: len(numbers)] = np.arange(len(numbers))
            is_last = start + shape.row_bucket >= self.n_rows
            segment = self.program if is_last else self._whole
            n_batches = len(numbers) // shape.batch_size
            n_batches += bool(len(numbers) % shape.batch_size and not shape.remainder)
            self.state, sums = segment.train_segment(
                self.state,
                sums,
                data,
                array(order),
                self.watch.rate,
                self._controls(n_batches, 1, len(numbers)),
            )
        validation_sums = None
        if self.validation_rows is not None:
            validation_sums = self._validation_sums()
        self.state, self.watch, self.best, record = program.end_epoch(
            self.state, self.watch, self.best, sums, validation_sums, self._controls(0, 1, 0)
        )
        self._note(np.asarray(record)[None], time.perf_counter() - started)
        return 1

    def _validation_sums(self):
        sums, size = self.program.no_validation_sums(), self.program.shape.validation_bucket
        n_rows = self.validation_rows.n_rows
        for start in range(0, n_rows, size):
            numbers = np.arange(start, min(start + size, n_rows))
            data = self._segment(self.validation_rows, numbers, size, optional_weight=False)
            sums = self.program.validate_segment(self.state, sums, data)
        return sums
