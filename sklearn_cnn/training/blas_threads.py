"""One thread of BLAS while matrices are small."""

from contextlib import AbstractContextManager
from functools import cache

from threadpoolctl import ThreadpoolController


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


def one_blas_thread() -> AbstractContextManager:
    """Let NumPy's and SciPy's BLAS use one thread in a block.

    SciPy's L-BFGS-B calls LAPACK on matrices of 20 rows, where OpenBLAS's threads wait for each
    other: beside other processes, five fits of a network 12-2-1 took 21 s, and 0.4 s so.
    OpenBLAS has one number for all threads of Python: where another of them has set it, nothing
    changes.
    """
    return _controller().limit(limits=1, user_api="blas")
