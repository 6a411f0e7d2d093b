"""All commands that R may call: importing this module registers them."""

from . import _datasets, _models, _networks, _perceptrons, _searches  # noqa: F401
