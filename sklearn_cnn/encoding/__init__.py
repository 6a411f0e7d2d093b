"""From what users pass to the arrays that networks are trained on."""

from .inputs import as_pictures, picture_shape
from .rows_of import RowsOf, Shared
from .validation import validation_split
from .weights import total_weights

__all__ = [
    "RowsOf",
    "Shared",
    "as_pictures",
    "picture_shape",
    "total_weights",
    "validation_split",
]
