"""Outputs and inner activations of trained networks. ("Inference" means tests and intervals.)"""

from .forward import outputs

__all__ = ["outputs"]
