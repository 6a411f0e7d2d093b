"""Pictures of fitted networks, in scikit-learn's style of displays.

A display holds numbers; ``from_estimator`` computes them, ``plot`` draws them. matplotlib is
imported where it draws.
"""

from .diagnosis import DiagnosisDisplay
from .feature_maps import FeatureMapsDisplay
from .filters import FiltersDisplay
from .history import HistoryDisplay
from .reconstruction import ReconstructionDisplay

__all__ = [
    "DiagnosisDisplay",
    "FeatureMapsDisplay",
    "FiltersDisplay",
    "HistoryDisplay",
    "ReconstructionDisplay",
]
