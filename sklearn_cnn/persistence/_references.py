"""Which classes and functions a file may name, and how a name leads back to one.

A name is looked up as one attribute of one module, never along a chain of attributes, and only in
modules of scikit-learn, sklearn_cnn, NumPy and SciPy that are listed here. What it leads to must
be of the right sort too: in ``"numpy.f2py.os.system"`` already the module is refused, and
``"sklearn.datasets.clear_data_home"`` removes folders, so functions come from few modules.
Whatever else a file names, the caller has to pass as trusted, and is then matched by its name
without importing anything.
"""

import dataclasses
import functools
import sys
from collections.abc import Iterable
from enum import Enum
from importlib import import_module
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from ._archive import ArchiveError

# Where scikit-learn's estimators live: its public modules without those that load data, write
# files or have effects when imported.
_SKLEARN_ROOMS = frozenset(
    "calibration cluster compose covariance cross_decomposition decomposition "
    "discriminant_analysis dummy ensemble feature_extraction feature_selection frozen "
    "gaussian_process impute isotonic kernel_approximation kernel_ridge linear_model manifold "
    "mixture model_selection multiclass multioutput naive_bayes neighbors neural_network "
    "pipeline preprocessing random_projection semi_supervised svm tree".split()
)

# Modules whose classes are parts of fitted estimators without being estimators.
_SKLEARN_PARTS = frozenset(
    {
        "sklearn._loss.link",
        "sklearn._loss.loss",
        "sklearn.calibration",
        "sklearn.compose._column_transformer",
        "sklearn.gaussian_process.kernels",
        "sklearn.metrics._scorer",
        "sklearn.model_selection._split",
        "sklearn.neural_network._stochastic_optimizers",
        "sklearn.utils._metadata_requests",
    }
)

# Compiled classes that are made from a few numbers.
_SKLEARN_COMPILED = frozenset({"sklearn._loss._loss", "sklearn.linear_model._sgd_fast"})

# Names of these modules in public modules exist only after an import from sklearn.experimental.
_SKLEARN_EXPERIMENTAL = frozenset(
    {"sklearn.impute._iterative", "sklearn.model_selection._search_successive_halving"}
)

# Modules of functions that compute, and do nothing else.
_SKLEARN_FUNCTIONS = frozenset(
    {
        "sklearn.feature_selection",
        "sklearn.metrics",
        "sklearn.metrics.cluster",
        "sklearn.metrics.pairwise",
        "sklearn.preprocessing",
    }
)
_OUR_ROOMS = frozenset({"architectures", "encoding", "estimators", "families", "training"})
# Beside the ufuncs, which are recognised by their type.
_NUMPY_FUNCTIONS = frozenset(
    "all amax amin any argmax argmin around asarray average clip cumsum max mean median min "
    "nan_to_num nanmax nanmean nanmedian nanmin nanstd nansum nanvar prod ptp ravel round sort "
    "squeeze std sum transpose var".split()
)
_TYPES: dict[str, type] = {
    kind.__name__: kind
    for kind in (bool, int, float, complex, str, bytes, object, list, tuple, dict, set, frozenset)
} | {
    f"numpy.{kind.__name__}": kind
    for kind in (np.ndarray, np.number, np.integer, np.floating, *np.sctypeDict.values())
}

# Python's, compiled ones, and NumPy's, which wrap both.
FunctionTypes = FunctionType | BuiltinFunctionType | np.ufunc | type(np.mean)


class Trusted:
    """Classes and functions that a file may name: ours, scikit-learn's and the caller's."""

    def __init__(self, objects: Iterable[Any] = ()) -> None:
        if isinstance(objects, str | type) or not isinstance(objects, Iterable):
            raise TypeError(f"trusted must be a list of classes and functions. Got {objects!r}.")
        self._by_name: dict[str, Any] = {}
        for trusted in objects:
            if not isinstance(trusted, type | FunctionTypes):
                raise TypeError(f"trusted must list classes and functions. It holds {trusted!r}.")
            self._by_name[_claimed_name(trusted)] = trusted

    def has(self, found: Any) -> bool:
        """Whether the caller passed ``found``."""
        return any(found is trusted for trusted in self._by_name.values())

    def estimator_class(self, name: str) -> type:
        """The class of an estimator, or of a part of one, by its name."""
        found = self._find(name)
        if not isinstance(found, type) or not (self.has(found) or is_estimator_class(found)):
            raise untrusted(name)
        return found

    def record_class(self, name: str) -> type:
        """A dataclass or a named tuple by its name."""
        found = self._find(name)
        if not is_record_class(found) or not (self.has(found) or _is_ours(found)):
            raise untrusted(name)
        return found

    def enumeration(self, name: str) -> type[Enum]:
        """An enumeration by its name."""
        found = self._find(name)
        if not isinstance(found, type) or not issubclass(found, Enum):
            raise untrusted(name)
        if not self.has(found) and not _is_ours(found):
            raise untrusted(name)
        return found

    def compiled_class(self, name: str) -> type:
        """One of scikit-learn's compiled classes that are made from numbers."""
        found = self._find(name)
        if not is_compiled_class(found):
            raise untrusted(name)
        return found

    def type(self, name: str) -> type:
        """A class that is itself a value: a type of numbers, or the class of an estimator."""
        return _TYPES[name] if name in _TYPES else self.estimator_class(name)

    def function(self, name: str) -> Any:
        """A function by its name."""
        found = self._find(name)
        if not (self.has(found) and callable(found)) and not _is_harmless_function(name, found):
            raise untrusted(name)
        return found

    def _find(self, name: str) -> Any:
        """What ``name`` leads to, without any judgement but on the module."""
        if name in self._by_name:
            return self._by_name[name]
        module_name, _, attribute = name.rpartition(".")
        if not _may_import(module_name) or not attribute.isidentifier():
            raise untrusted(name)
        try:
            return getattr(import_module(module_name), attribute)
        except (ImportError, AttributeError) as error:
            raise ArchiveError(
                f"{name} does not exist in this release of {module_name.partition('.')[0]}"
            ) from error


def untrusted(name: str) -> ArchiveError:
    """The error for a name that nobody vouches for."""
    short = name.rpartition(".")[2]
    return ArchiveError(
        f"it names {name}, which is no estimator or function of scikit-learn or sklearn_cnn that "
        f"may be loaded. If you trust the file, pass trusted=[{short}] to load."
    )


def name_of(found: Any) -> str:
    """The name under which ``_find`` finds a class or function; ValueError if there is none."""
    name = _claimed_name(found)
    if isinstance(found, np.ufunc):
        return name
    where: Any = sys.modules.get(found.__module__)
    try:
        reached = functools.reduce(getattr, found.__qualname__.split("."), where)
    except AttributeError:
        reached = None
    if reached is not found:
        raise ValueError(f"cannot be found as {name}; define it in a module")
    return name


def is_estimator_class(found: Any) -> bool:
    """Whether ``found`` is an estimator of scikit-learn or ours, or a plain part of one."""
    if not isinstance(found, type):
        return False
    room = found.__module__.split(".")
    if room[0] == "sklearn":
        is_estimator = len(room) > 1 and room[1] in _SKLEARN_ROOMS
        return (is_estimator and issubclass(found, BaseEstimator)) or (
            found.__module__ in _SKLEARN_PARTS
        )
    return _is_ours(found) and (
        issubclass(found, BaseEstimator)
        or (found.__reduce__ is object.__reduce__ and not hasattr(found, "__setstate__"))
    )


def is_record_class(found: Any) -> bool:
    """Whether ``found`` is a dataclass or a named tuple: its fields are all that there is."""
    is_named_tuple = isinstance(found, type) and issubclass(found, tuple)
    return isinstance(found, type) and (
        dataclasses.is_dataclass(found) or (is_named_tuple and hasattr(found, "_fields"))
    )


def record_fields(cls: Any) -> tuple[str, ...]:
    """The names of what makes a record."""
    if dataclasses.is_dataclass(cls):
        return tuple(field.name for field in dataclasses.fields(cls) if field.init)
    return cls._fields


def is_compiled_class(found: Any) -> bool:
    """Whether ``found`` is one of scikit-learn's compiled classes that numbers make."""
    return isinstance(found, type) and found.__module__ in _SKLEARN_COMPILED


def type_name(found: type) -> str | None:
    """The name of a plain type or of a NumPy scalar type."""
    for name in (found.__name__, f"numpy.{found.__name__}"):
        if _TYPES.get(name) is found:
            return name
    return None


def _may_import(module_name: str) -> bool:
    if module_name in {"numpy", "scipy.special"}:
        return True
    package, *rest = module_name.split(".")
    if not all(part.isidentifier() for part in rest) or {"tests", "conftest"} & set(rest):
        return False
    if package == "sklearn":
        return bool(rest) and (
            rest[0] in _SKLEARN_ROOMS
            or module_name in _SKLEARN_PARTS | _SKLEARN_COMPILED | _SKLEARN_FUNCTIONS
        )
    return package == "sklearn_cnn" and (not rest or rest[0] in _OUR_ROOMS)


def _is_ours(found: type) -> bool:
    package, *rest = found.__module__.split(".")
    return package == "sklearn_cnn" and (not rest or rest[0] in _OUR_ROOMS)


def _is_harmless_function(name: str, found: Any) -> bool:
    module_name, _, attribute = name.rpartition(".")
    if isinstance(found, np.ufunc):
        return True
    if module_name == "numpy":
        return attribute in _NUMPY_FUNCTIONS
    if not isinstance(found, FunctionType):
        return False
    if module_name in _SKLEARN_FUNCTIONS:
        return not attribute.startswith("_") and found.__module__.startswith(module_name)
    return module_name == "sklearn_cnn.families" and attribute in import_module(module_name).__all__


def _claimed_name(found: Any) -> str:
    """The name that ``found`` goes by, whether or not it leads back."""
    if isinstance(found, np.ufunc):
        return _ufunc_name(found)
    name = found.__qualname__
    return f"{_public_module(found.__module__, name, found)}.{name}"


def _ufunc_name(found: np.ufunc) -> str:
    for module_name in ("numpy", "scipy.special"):
        module = sys.modules.get(module_name)
        if getattr(module, found.__name__, None) is found:
            return f"{module_name}.{found.__name__}"
    raise ValueError(f"is the ufunc {found.__name__}, which neither NumPy nor SciPy has")


def _public_module(module_name: str, name: str, found: Any) -> str:
    """The shortest module that shows ``found``: private modules move between releases."""
    parts = module_name.split(".")
    public = ".".join(parts[: next((n for n, p in enumerate(parts) if p[0] == "_"), len(parts))])
    if parts[0] not in {"sklearn", "sklearn_cnn"} or module_name in _SKLEARN_EXPERIMENTAL:
        return module_name
    return public if getattr(import_module(public), name, None) is found else module_name
