"""All commands that R may call: importing this module registers them."""

from . import (  # noqa: F401
    _applications,
    _augmentation,
    _batches,
    _datasets,
    _inspection,
    _models,
    _networks,
    _perceptrons,
    _pictures,
    _searches,
    _series,
    _texts,
)
