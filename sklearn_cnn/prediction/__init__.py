"""Outputs and inner activations of trained networks; here "inference" means tests, intervals."""

from .forward import outputs

__all__ = ["outputs"]
