"""What each convolution learned: its kernels."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from ._axes import panels
from ._mosaic import by, color_scale, mosaic, show, square
from ._network import check_is_network, convolutions


class FiltersDisplay:
    """The kernels of each convolution.

    Use :meth:`from_estimator` to make one. `plot` gives each layer a panel. Where one map comes
    in, its filters are tiles, from black (negative) over grey (zero) to white (positive); filters
    of red, green and blue are coloured tiles; where more maps come in, each row of tiles is a
    filter and each column a map.

    Parameters
    ----------
    kernels : dict of ndarray of shape (*window, maps_in, maps_out)
        By layer. The window has one axis for signals, two for pictures, three for volumes.
    rgb : collection of str, default=()
        Layers whose maps coming in are red, green and blue.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        The panels, one a layer.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        The figure that holds them.
    images_ : dict of matplotlib AxesImage
        What is drawn, by layer.
    colorbars_ : dict of matplotlib Colorbar
        Which grey is which weight, by layer; none for coloured tiles.

    See Also
    --------
    FeatureMapsDisplay : How the same convolutions see a picture.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cnn import CNNClassifier, FiltersDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> cnn = CNNClassifier(filters=(8, 16), input_shape=(8, 8, 1), max_iter=1).fit(X / 16, y)
    >>> display = FiltersDisplay.from_estimator(cnn)
    >>> {layer: kernel.shape for layer, kernel in display.kernels.items()}
    {'conv_0': (3, 3, 1, 8), 'conv_1': (3, 3, 8, 16)}
    """

    __module__ = "sklearn_cnn"

    def __init__(self, *, kernels: Mapping[str, np.ndarray], rgb: Collection[str] = ()):
        self.kernels = kernels
        self.rgb = rgb

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        layers: str | Sequence[str] | None = None,
        ax: Any = None,
        max_filters: int | None = None,
        max_maps: int = 16,
        cmap: Any = "gray",
        **imshow_kwargs: Any,
    ) -> "FiltersDisplay":
        """Draw the kernels of a fitted network.

        Parameters
        ----------
        estimator : estimator
            A fitted network with convolutions.
        layers : str or sequence of str, default=None
            Names of the convolutions to draw, as ``estimator.model_.summary()`` lists them; None:
            all.
        ax : matplotlib Axes or array of them, default=None
            Where to draw: one for each layer, or one that is divided among them.
        max_filters : int, default=None
            The most filters of a layer that are drawn; None: 64 where one map, or red, green and
            blue, come in, else 16.
        max_maps : int, default=16
            The most maps coming in that are drawn.
        cmap : str or matplotlib Colormap, default="gray"
            Colours of the weights; its middle is zero.
        **imshow_kwargs : dict
            Passed to ``matplotlib``'s ``imshow``.

        Returns
        -------
        FiltersDisplay

        Raises
        ------
        ValueError
            Where the network has no convolution, or none of that name.
        """
        check_is_network(estimator, cls)
        kernels = convolutions(estimator, layers, cls)
        first = next(iter(convolutions(estimator, None, cls)))
        sees_rgb = kernels[first].shape[2:-1] == (3,) if first in kernels else False
        return cls(kernels=kernels, rgb=(first,) if sees_rgb else ()).plot(
            ax, max_filters=max_filters, max_maps=max_maps, cmap=cmap, **imshow_kwargs
        )

    def plot(
        self,
        ax: Any = None,
        *,
        max_filters: int | None = None,
        max_maps: int = 16,
        cmap: Any = "gray",
        **imshow_kwargs: Any,
    ) -> "FiltersDisplay":
        """Draw a panel for each layer.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            Where to draw: one for each layer, or one that is divided among them.
        max_filters : int, default=None
            The most filters of a layer that are drawn; None: 64 where one map, or red, green and
            blue, come in, else 16.
        max_maps : int, default=16
            The most maps coming in that are drawn.
        cmap : str or matplotlib Colormap, default="gray"
            Colours of the weights; its middle is zero.
        **imshow_kwargs : dict
            Passed to ``matplotlib``'s ``imshow``.

        Returns
        -------
        FiltersDisplay
            Itself, with ``axes_``, ``figure_`` and ``images_``.
        """
        columns = min(2, len(self.kernels))
        self.figure_, self.axes_ = panels(ax, len(self.kernels), columns=columns, panel=(5.5, 4.6))
        self.ax_, self.images_, self.colorbars_ = self.axes_[0], {}, {}
        for axes, (layer, kernel) in zip(self.axes_, self.kernels.items(), strict=True):
            *window, maps_in, filters = kernel.shape
            several = maps_in > 1 and layer not in self.rgb
            most = (16 if several else 64) if max_filters is None else max_filters
            drawn = kernel[..., : max_maps if several else maps_in, :most]
            largest = float(np.abs(drawn).max()) or 1.0
            if layer in self.rgb:
                tiles = 0.5 + np.moveaxis(drawn, -1, 0) / (2 * largest)
                picture = mosaic(tiles, square(len(tiles)))
                image = show(axes, picture, **imshow_kwargs)
            else:
                tiles = _flat(drawn)
                picture = mosaic(tiles, drawn.shape[-2] if several else square(len(tiles)))
                limits = {"vmin": -largest, "vmax": largest}
                image = show(axes, picture, **{"cmap": cmap, **limits, **imshow_kwargs})
                self.colorbars_[layer] = color_scale(axes, image, "weight")
            self.images_[layer] = image
            axes.set_title(
                f"{layer}: {_count(drawn.shape[-1], filters)} filters of {by(window)}",
                fontsize="medium",
            )
            if several:
                axes.set_ylabel("filter")
                axes.set_xlabel(f"map coming in ({_count(drawn.shape[-2], maps_in)})")
        return self


def _flat(kernel: np.ndarray) -> np.ndarray:
    """Tiles of two axes, filter after filter; signals are strips, slices of volumes in a row."""
    *window, _, _ = kernel.shape
    tiles = np.moveaxis(kernel, (-1, -2), (0, 1)).reshape(-1, *window)
    if len(window) == 1:
        return tiles[:, None, :]
    return tiles if len(window) == 2 else np.concatenate(list(np.moveaxis(tiles, 1, 0)), axis=-1)


def _count(drawn: int, there: int) -> str:
    return str(there) if drawn == there else f"first {drawn} of {there}"
