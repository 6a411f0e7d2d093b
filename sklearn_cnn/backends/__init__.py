"""Where networks are computed. No other room asks which backend runs."""

from ._interface import Backend, Executor
from ._start import start
from .programs import PROGRAMS, ProgramCache

__all__ = ["PROGRAMS", "Backend", "Executor", "ProgramCache", "current", "start"]


def current() -> Backend:
    """The backend that Keras runs on, started where it has not been yet."""
    name = start()
    if name == "tensorflow":
        from . import tensorflow

        return tensorflow.BACKEND
    if name == "jax":
        from . import jax

        return jax.BACKEND
    from . import keras_fit

    return keras_fit.BACKEND
