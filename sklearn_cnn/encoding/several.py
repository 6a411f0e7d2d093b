"""Several inputs a row: arrays that belong together, in one object that can be cut by rows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


class Inputs:
    """Several arrays with one row for each sample.

    A dictionary or list of arrays has no rows that scikit-learn could count or select. This has:
    cross-validation, grid search and ``train_test_split`` take it as X.

    Parameters
    ----------
    arrays : dict or list of array-like
        Arrays of equal length, by the names or in the order of a network's inputs.

    Raises
    ------
    ValueError
        If there is no array, or the arrays are not of equal length.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import train_test_split
    >>> from sklearn_cnn import Inputs
    >>> X = Inputs({"age": np.arange(4.0), "picture": np.zeros((4, 8, 8))})
    >>> X.shape
    (4, 2)
    >>> train, test = train_test_split(X, test_size=1, random_state=0)
    >>> train["age"], test["picture"].shape
    (array([3., 1., 0.]), (1, 8, 8))
    """

    __module__ = "sklearn_cnn"

    arrays: dict[Any, NDArray] | list[NDArray]

    def __init__(self, arrays: Mapping[Any, Any] | Sequence[Any]):
        if isinstance(arrays, Inputs):
            arrays = arrays.arrays
        if isinstance(arrays, Mapping):
            self.arrays = {name: np.asarray(array) for name, array in arrays.items()}
        else:
            self.arrays = [np.asarray(array) for array in arrays]
        lengths = [len(array) if array.ndim else None for array in self.values()]
        if len(set(lengths)) != 1 or lengths[0] is None:
            raise ValueError(
                "Several inputs need one row for each sample, in arrays of equal length. Got "
                f"arrays of lengths {', '.join(map(str, lengths)) or '(none)'}."
            )

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows, number of arrays."""
        values = self.values()
        return len(values[0]), len(values)

    def __len__(self) -> int:
        return self.shape[0]

    def values(self) -> list[NDArray]:
        """The arrays in their order."""
        return list(self.arrays.values()) if isinstance(self.arrays, dict) else self.arrays

    def map(self, function) -> "Inputs":
        """The inputs with ``function`` applied to each array."""
        if isinstance(self.arrays, dict):
            return Inputs({name: function(array) for name, array in self.arrays.items()})
        return Inputs([function(array) for array in self.arrays])

    def __getitem__(self, key: Any) -> Any:
        """The array of a name, or the rows that a slice, mask or array of numbers selects."""
        if isinstance(key, str):
            return self.arrays[key]  # type: ignore[call-overload]
        if isinstance(key, tuple):  # scikit-learn's X[rows, ...]
            key = key[0]
        return self.map(lambda array: array[key])

    def __repr__(self) -> str:
        return f"Inputs({self.arrays!r})"


def are_several(X: Any, n_samples: int | None = None) -> bool:
    """Whether X is a dictionary or list of arrays, not a table in the form of a list of rows.

    Examples
    --------
    >>> are_several([[1.0, 2.0], [3.0, 4.0]]), are_several([np.zeros((5, 2)), np.zeros((5, 3))])
    (False, True)
    """
    if isinstance(X, Inputs | Mapping):
        return not sparse.issparse(X)  # one of SciPy's formats is a dictionary
    if not isinstance(X, list | tuple) or not X or not all(hasattr(x, "shape") for x in X):
        return False
    lengths = {x.shape[0] if len(x.shape) else None for x in X}
    if len(lengths) != 1 or None in lengths or max(len(x.shape) for x in X) < 2:
        return False
    return n_samples is None or (lengths == {n_samples} and len(X) != n_samples)
