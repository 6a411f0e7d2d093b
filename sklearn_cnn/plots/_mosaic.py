"""Many small pictures as one."""

from typing import Any

import numpy as np

_ENLARGED, _GAP = 6, 2
# Neither grey nor a colour of viridis.
_GAP_COLOR = "#c6dbef"


def mosaic(tiles: np.ndarray, columns: int) -> np.ndarray:
    """Tiles of shape (n, height, width) or (n, height, width, 3), ``columns`` beside each other.

    What lies between them, and behind the last, is nan.

    Examples
    --------
    >>> mosaic(np.ones((5, 3, 3)), columns=3).shape
    (42, 62)
    """
    n, height, width, *channels = tiles.shape
    tiles = np.asarray(tiles, dtype=float).repeat(_ENLARGED, axis=1).repeat(_ENLARGED, axis=2)
    rows = -(-n // columns)
    height, width = height * _ENLARGED + _GAP, width * _ENLARGED + _GAP
    whole = np.full((rows * height + _GAP, columns * width + _GAP, *channels), np.nan)
    for number, tile in enumerate(tiles):
        top, left = (number // columns) * height + _GAP, (number % columns) * width + _GAP
        whole[top : top + height - _GAP, left : left + width - _GAP] = tile
    return whole


def show(axes: Any, picture: np.ndarray, **imshow_kwargs: Any) -> Any:
    """Draw a picture without ticks, its missing places in a colour of their own."""
    import matplotlib as mpl

    if picture.ndim == 3:
        gaps = np.broadcast_to(mpl.colors.to_rgb(_GAP_COLOR), picture.shape)
        picture = np.where(np.isnan(picture), gaps, picture)
    else:
        colors = mpl.colormaps.get_cmap(imshow_kwargs.pop("cmap"))
        imshow_kwargs["cmap"] = colors.with_extremes(bad=_GAP_COLOR)
    image = axes.imshow(picture, **{"interpolation": "nearest", **imshow_kwargs})
    axes.set(xticks=[], yticks=[])
    return image


def color_scale(axes: Any, image: Any, label: str) -> Any:
    """A colorbar as high as the image, which its panel need not fill."""
    return axes.figure.colorbar(image, cax=axes.inset_axes((1.03, 0, 0.05, 1)), label=label)


def square(n: int) -> int:
    """Columns of a grid of ``n`` tiles that is about as wide as high."""
    return int(np.ceil(np.sqrt(n)))


def by(sizes: Any) -> str:
    """Sizes as people write them: ``3x5``."""
    return "x".join(map(str, sizes))
