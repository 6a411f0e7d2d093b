"""All commands that R may call: importing this module registers them."""

from . import _applications, _datasets, _inspection, _models, _networks, _perceptrons, _searches  # noqa: F401
