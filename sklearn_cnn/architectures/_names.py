"""What is said of a name that nobody knows."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any


def unknown(parameter: str, value: Any, known: Iterable[str]) -> str:
    """The sentence for an unknown name: what came, what is known, what was meant.

    Examples
    --------
    >>> unknown("architecture", "lenet6", ["lenet", "lenet5"])
    "architecture='lenet6' is unknown. Known names: 'lenet', 'lenet5'. Did you mean 'lenet5'?"
    """
    names = sorted(known)
    message = f"{parameter}={value!r} is unknown. Known names: {', '.join(map(repr, names))}."
    typed = str(value).lower()
    close = get_close_matches(typed, names, n=5)
    if not close:
        return message
    meant = min(close, key=lambda name: (_edits(typed, name), abs(len(typed) - len(name))))
    return f"{message} Did you mean {meant!r}?"


def _edits(a: str, b: str) -> int:
    """Letters to insert, delete or replace between two words (Levenshtein, 1966)."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        diagonal, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (x != y))
    return row[-1]
