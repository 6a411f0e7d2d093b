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
    if name == "torch":
        from . import torch

        return torch.BACKEND
    raise RuntimeError(
        f"Keras runs on the backend {name!r}, which trains no networks. Set the environment "
        "variable KERAS_BACKEND to 'tensorflow', 'jax' or 'torch' before Python starts."
    )
