"""Neural networks as statistical models: scikit-learn estimators around real Keras models.

Public names are imported when they are first used: ``import sklearn_cnn`` costs an import of
joblib, in which it registers a backend, and TensorFlow is first imported by a fit.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

# Public name: the module that defines it. A new estimator is a line here and one in the block
# below, which says the same to type checkers and editors.
_MODULE_OF = {
    "Autoencoder": "estimators.autoencoder",
    "CNNClassifier": "estimators.cnn",
    "CNNRegressor": "estimators.cnn",
    "DiagnosisDisplay": "plots.diagnosis",
    "FeatureMapsDisplay": "plots.feature_maps",
    "FiltersDisplay": "plots.filters",
    "HistoryDisplay": "plots.history",
    "Inputs": "encoding.several",
    "KerasClassifier": "estimators.keras_model",
    "KerasRegressor": "estimators.keras_model",
    "KerasTransformer": "estimators.keras_model",
    "MLPClassifier": "estimators.mlp",
    "MLPRegressor": "estimators.mlp",
    "ReconstructionDisplay": "plots.reconstruction",
    "diagnose": "stats.diagnosis",
    "enable_compilation_cache": "backends.compilation_cache",
    "fit_keras_model": "training.compiled_fit",
    "fit_many": "parallel",
    "forget_unused": "backends",
    "from_sklearn": "estimators.conversion",
    "import_keras": "backends._start",
    "load": "persistence",
    "save": "persistence",
    "show_versions": "_versions",
}
_PUBLIC_MODULES = ("datasets", "families")

__all__ = list(_MODULE_OF) + list(_PUBLIC_MODULES)

if TYPE_CHECKING:
    from . import datasets as datasets
    from . import families as families
    from ._versions import show_versions as show_versions
    from .backends import forget_unused as forget_unused
    from .backends._start import import_keras as import_keras
    from .backends.compilation_cache import enable_compilation_cache as enable_compilation_cache
    from .encoding.several import Inputs as Inputs
    from .estimators.autoencoder import Autoencoder as Autoencoder
    from .estimators.cnn import CNNClassifier as CNNClassifier
    from .estimators.cnn import CNNRegressor as CNNRegressor
    from .estimators.conversion import from_sklearn as from_sklearn
    from .estimators.keras_model import KerasClassifier as KerasClassifier
    from .estimators.keras_model import KerasRegressor as KerasRegressor
    from .estimators.keras_model import KerasTransformer as KerasTransformer
    from .estimators.mlp import MLPClassifier as MLPClassifier
    from .estimators.mlp import MLPRegressor as MLPRegressor
    from .parallel import fit_many as fit_many
    from .persistence import load as load
    from .persistence import save as save
    from .plots.diagnosis import DiagnosisDisplay as DiagnosisDisplay
    from .plots.feature_maps import FeatureMapsDisplay as FeatureMapsDisplay
    from .plots.filters import FiltersDisplay as FiltersDisplay
    from .plots.history import HistoryDisplay as HistoryDisplay
    from .plots.reconstruction import ReconstructionDisplay as ReconstructionDisplay
    from .stats.diagnosis import diagnose as diagnose
    from .training.compiled_fit import fit_keras_model as fit_keras_model


def __getattr__(name: str) -> Any:
    if name in _PUBLIC_MODULES:
        value: Any = import_module(f"sklearn_cnn.{name}")
    elif name in _MODULE_OF:
        value = getattr(import_module(f"sklearn_cnn.{_MODULE_OF[name]}"), name)
    else:
        raise AttributeError(
            f"module 'sklearn_cnn' has no attribute {name!r}",
            name=name,
            obj=sys.modules[__name__],
        )
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


import_module("sklearn_cnn.parallel")  # registers joblib's backend "fused"
