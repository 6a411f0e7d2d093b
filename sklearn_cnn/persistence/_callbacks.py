"""Keras's callbacks: they have no configuration, but arguments, and attributes that keep them."""

import sys
from typing import Any

from ._archive import ArchiveError
from ._keras import HARMLESS_CALLBACKS, keras_name
from ._tree import Decoder, Encoder, Kind, Node

# Arguments, and after = the attribute that keeps one under another name.
_ARGUMENTS: dict[str, dict[str, str]] = {
    name: {word.partition("=")[0]: word.rpartition("=")[2] for word in arguments.split()}
    for name, arguments in {
        "BackupAndRestore": "backup_dir save_freq double_checkpoint delete_checkpoint",
        "CSVLogger": "filename separator=sep append",
        "EarlyStopping": "monitor min_delta patience verbose mode baseline restore_best_weights "
        "start_from_epoch",
        "ModelCheckpoint": "filepath monitor verbose save_best_only save_weights_only mode "
        "save_freq",
        "ReduceLROnPlateau": "monitor factor patience verbose mode min_delta cooldown min_lr",
        "SwapEMAWeights": "swap_on_epoch",
        "TensorBoard": "log_dir histogram_freq write_graph write_images write_steps_per_second "
        "update_freq embeddings_freq embeddings_metadata",
        "TerminateOnNaN": "raise_error",
    }.items()
}
# A stranger would choose the file that the next fit writes.
_WRITERS = {
    "BackupAndRestore": "backup_dir",
    "CSVLogger": "filename",
    "ModelCheckpoint": "filepath",
    "TensorBoard": "log_dir",
}


class _LeftOut:
    """Stands where a callback of the file was, until its estimator drops it."""


LEFT_OUT = _LeftOut()


class _Callback(Kind):
    name = "keras callback"
    fields = {"class": str, "arguments": dict}

    def accepts(self, value: Any) -> bool:
        keras = sys.modules.get("keras")
        name = type(value).__name__
        return (
            keras is not None
            and name in _ARGUMENTS
            and type(value) is getattr(keras.callbacks, name, None)
        )

    def encode(self, value: Any, encoder: Encoder) -> Node:
        name = type(value).__name__
        arguments = {
            argument: getattr(value, attribute)
            for argument, attribute in _ARGUMENTS[name].items()
            if hasattr(value, attribute)
        }
        if "min_delta" in arguments:
            # Once in use, a callback that waits for a fall keeps it with the sign turned.
            arguments["min_delta"] = abs(arguments["min_delta"])
        return {
            "class": name,
            "arguments": {
                argument: encoder.encode(item, f".{argument}")
                for argument, item in arguments.items()
            },
        }

    def decode(self, node: Node, decoder: Decoder) -> Any:
        import keras

        name, arguments = node["class"], node["arguments"]
        if name not in _ARGUMENTS or arguments.keys() - _ARGUMENTS[name].keys():
            raise ArchiveError(f"{name} is no callback of Keras that save writes")
        cls = getattr(keras.callbacks, name)
        values = {argument: decoder.decode(item) for argument, item in arguments.items()}
        if name in _WRITERS and not decoder.trusted.has(cls):
            decoder.warnings.append(
                f"A callback of the file is left out: {name} would write to "
                f"{values.get(_WRITERS[name])!r} in the next fit. To keep it, pass "
                f"trusted=[keras.callbacks.{name}] to load."
            )
            return LEFT_OUT
        return cls(**values)


def is_callback(value: Any) -> bool:
    """Whether ``value`` is a callback of Keras that can be saved, or a class of one."""
    if isinstance(value, type):
        return value.__name__ in HARMLESS_CALLBACKS and keras_name(value) is not None
    return _Callback().accepts(value)


KINDS = (_Callback(),)
