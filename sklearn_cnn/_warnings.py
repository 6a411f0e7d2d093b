"""Warnings that point at the user's line, however many calls lie between."""

import sys
import warnings
from types import FrameType

# Libraries whose calls lie between a user and our code: pipelines, searches, workers.
_BETWEEN = {"concurrent", "joblib", "sklearn", "sklearn_cnn", "threading"}


def warn(message: str | Warning, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line that is the user's; in a worker, at the line that calls this."""
    frame: FrameType | None = sys._getframe(1)
    level = 2
    while frame is not None and _package(frame) in _BETWEEN:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=2 if frame is None else level)


def _package(frame: FrameType) -> str:
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]
