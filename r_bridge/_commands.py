"""All commands that R may call: importing this module registers them."""

from . import (  # noqa: F401
    _applications,
    _augmentation,
    _batches,
    _datasets,
    _inspection,
    _model_description,
    _model_files,
    _model_state,
    _model_structure,
    _models,
    _networks,
    _perceptrons,
    _picture_batches,
    _pictures,
    _searches,
    _series,
    _texts,
)
