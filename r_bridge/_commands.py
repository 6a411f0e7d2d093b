"""All commands that R may call: importing this module registers them."""

from . import _networks, _perceptrons, _searches  # noqa: F401
