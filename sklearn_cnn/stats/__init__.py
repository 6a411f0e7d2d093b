"""What is said of fitted networks."""

from .diagnosis import Diagnosis, LayerState, diagnose

__all__ = ["Diagnosis", "LayerState", "diagnose"]
