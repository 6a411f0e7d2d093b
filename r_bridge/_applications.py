"""Known networks of pictures for R: Keras's applications."""

from __future__ import annotations

import os
import re
from pathlib import PurePosixPath
from typing import Any

from sklearn_cnn import import_keras

from ._dispatch import command
from ._keras_objects import fitting, seeded
from ._model_state import reply_of

_NO_DOWNLOAD = re.compile(r"URL fetch failure on (\S+?):? ")


@command
def known_network(name: str, settings: dict[str, Any], seed: Any = None) -> dict[str, Any]:
    """A network of `keras.applications`, with weights of its own or of a file."""
    keras = import_keras()
    function = getattr(keras.applications, name)
    try:
        with seeded(seed):
            return reply_of(function(**fitting(function, settings)))
    except Exception as error:
        missing = _NO_DOWNLOAD.search(str(error))
        if missing is None:
            raise
        folder = PurePosixPath(os.environ.get("KERAS_HOME", "~/.keras"), "models")
        raise FileNotFoundError(
            f"The weights of {name} are not on this machine and cannot be downloaded: put "
            f"{PurePosixPath(missing[1]).name} from {missing[1]} into {folder}, or pass "
            "weights = NULL, or the name of a file of weights."
        ) from error
