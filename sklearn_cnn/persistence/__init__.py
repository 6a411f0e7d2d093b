"""Saving estimators as one file, without pickle."""

from ._archive import ArchiveError
from ._store import load, save

__all__ = ["ArchiveError", "load", "save"]
