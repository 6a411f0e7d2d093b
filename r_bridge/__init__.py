"""The way between R and sklearn_cnn: R users call it through the R package ``sklearncnn``.

``python -m r_bridge install`` installs that package, ``python -m r_bridge doctor`` says what is
used and what is wrong, ``python -m r_bridge run script.R`` runs a script of R inside Python.
`RModel` is the way back: a model of R as an estimator.
"""

from typing import Any

__all__ = ["RModel"]


def __getattr__(name: str) -> Any:
    # R's side of the bridge does without scikit-learn until a fit needs it.
    if name == "RModel":
        from .r_model import RModel

        return RModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
