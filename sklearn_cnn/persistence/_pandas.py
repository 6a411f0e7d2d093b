"""Values of pandas: labels of columns, and its words for what is missing."""

import sys
from typing import Any

import numpy as np

from ._archive import ArchiveError
from ._tree import Decoder, Encoder, Kind, Node


class _Index(Kind):
    """The labels of a DataFrame."""

    name = "index"
    fields = {"dtype": object, "values": object, "name": object}

    def accepts(self, value: Any) -> bool:
        pandas = sys.modules.get("pandas")
        return pandas is not None and type(value) in (pandas.Index, pandas.RangeIndex)

    def encode(self, value: Any, encoder: Encoder) -> Node:
        is_text = str(value.dtype) in ("str", "string")
        numpy_dtype = object if is_text else value.dtype
        if not isinstance(numpy_dtype, type | np.dtype):
            raise encoder.refusal(f"is an Index of dtype {value.dtype}")
        is_range = type(value).__name__ == "RangeIndex"
        return {
            "dtype": str(value.dtype) if is_text else None,
            "values": encoder.encode(
                range(value.start, value.stop, value.step)
                if is_range
                else value.to_numpy(dtype=numpy_dtype)
            ),
            "name": encoder.encode(value.name, ".name"),
        }

    def decode(self, node: Node, decoder: Decoder) -> Any:
        import pandas as pd

        values, name = decoder.decode(node["values"]), decoder.decode(node["name"])
        if type(values) is range:
            return pd.RangeIndex(values, name=name)
        if node["dtype"] not in (None, "str", "string") or type(values) is not np.ndarray:
            raise ArchiveError(f"an Index has dtype {node['dtype']!r}")
        return pd.Index(values, dtype=node["dtype"] or values.dtype, name=name)


class _Missing(Kind):
    """pandas's words for a missing value, of which there is one object each."""

    name = "missing"
    fields = {"name": str}

    def accepts(self, value: Any) -> bool:
        pandas = sys.modules.get("pandas")
        return pandas is not None and (value is pandas.NA or value is pandas.NaT)

    def encode(self, value: Any, encoder: Encoder) -> Node:
        return {"name": "NA" if value is sys.modules["pandas"].NA else "NaT"}

    def decode(self, node: Node, decoder: Decoder) -> Any:
        import pandas as pd

        if node["name"] not in ("NA", "NaT"):
            raise ArchiveError(f"a missing value is {node['name']!r}")
        return pd.NA if node["name"] == "NA" else pd.NaT


KINDS = (_Index(), _Missing())
