"""The R package that belongs to this Python package, and the mark by which it is known again."""

from __future__ import annotations

import hashlib
from pathlib import Path

PACKAGE = Path(__file__).parent / "sklearncnn"


def mark() -> str:
    """Digest of the R package's code.

    ``python -m r_bridge install`` leaves it in the installed package, so that R notices when it
    meets the Python package of another version: both sides must speak alike.
    """
    digest = hashlib.sha256()
    sources = [*(PACKAGE / "R").glob("*.R"), *(PACKAGE / "src").glob("*.[ch]")]
    for path in [PACKAGE / "NAMESPACE", *sorted(sources)]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
