"""Outputs and inner activations of trained networks; here "inference" means tests, intervals."""

from .activations import activations, network_rows
from .forward import outputs

__all__ = ["activations", "network_rows", "outputs"]
