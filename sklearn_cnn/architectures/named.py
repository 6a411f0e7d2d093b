"""The architectures that go by a name."""

from collections.abc import Callable

from ._description import Architecture
from ._names import unknown
from .lenet import lenet, lenet5

_NAMED: dict[str, Callable[..., Architecture]] = {"lenet": lenet, "lenet5": lenet5}


def named_architectures() -> list[str]:
    """The names that `architecture=` knows.

    Examples
    --------
    >>> named_architectures()
    ['lenet', 'lenet5']
    """
    return sorted(_NAMED)


def named_architecture(name: str) -> Callable[..., Architecture]:
    """The function of a name, to be called as ``(input_shape, units, output_activation)``.

    Every one also takes ``dropout`` and ``dtype``.

    Raises
    ------
    ValueError
        Where the name is unknown; the message lists the known ones.

    Examples
    --------
    >>> named_architecture("lenet5")((28, 28, 1), 10, "softmax").n_parameters
    61706
    """
    if name not in _NAMED:
        raise ValueError(unknown("architecture", name, _NAMED))
    return _NAMED[name]
