"""Where networks are computed. No other room asks which backend runs."""

from ._interface import Backend, Executor
from ._start import start
from .programs import PROGRAMS, ProgramCache

__all__ = [
    "PROGRAMS",
    "Backend",
    "Executor",
    "ProgramCache",
    "current",
    "forget_unused",
    "start",
]


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


def forget_unused() -> None:
    """Give back, now and then, what the backend holds of networks that are gone.

    To be called once for each network that a program drops. Fits do that themselves, but TensorFlow
    keeps 35 KB for every variable of a Keras model that was only defined.

    Examples
    --------
    >>> import keras
    >>> from sklearn_cnn import forget_unused
    >>> for units in (2, 3):
    ...     network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)])
    ...     del network
    ...     forget_unused()
    """
    current().forget_unused()
