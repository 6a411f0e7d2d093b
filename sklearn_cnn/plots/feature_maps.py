"""How each convolution sees one picture: its feature maps."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sklearn_cnn.compat import safe_indexing
from sklearn_cnn.prediction import activations, network_rows

from ._axes import panels
from ._mosaic import by, color_scale, mosaic, show, square
from ._network import activated, check_is_network, convolutions


class FeatureMapsDisplay:
    """How the convolutions of a network see one picture or signal.

    Use :meth:`from_estimator` to make one. `plot` shows the picture, then a panel for each layer
    with its maps, dark where a filter found nothing and bright where it found much. The maps of a
    signal are the rows of one image.

    Parameters
    ----------
    picture : ndarray of shape (*size, channels)
        What the network was shown.
    maps : dict of ndarray of shape (*size, n_maps)
        What each layer made of it, by name of the convolution.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        The panels: the picture, then one a layer.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        The figure that holds them.
    images_ : dict of matplotlib AxesImage
        What is drawn, by layer.
    colorbars_ : dict of matplotlib Colorbar
        Which colour is which activation, by layer.

    See Also
    --------
    FiltersDisplay : What the same convolutions look for.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cnn import CNNClassifier, FeatureMapsDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> cnn = CNNClassifier(filters=(8, 16), input_shape=(8, 8, 1), max_iter=1).fit(X / 16, y)
    >>> display = FeatureMapsDisplay.from_estimator(cnn, X / 16, row=3)
    >>> {layer: maps.shape for layer, maps in display.maps.items()}
    {'conv_0': (8, 8, 8), 'conv_1': (4, 4, 16)}
    """

    __module__ = "sklearn_cnn"

    def __init__(self, *, picture: np.ndarray, maps: Mapping[str, np.ndarray]):
        self.picture = picture
        self.maps = maps

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        row: int = 0,
        layers: str | Sequence[str] | None = None,
        ax: Any = None,
        max_maps: int = 64,
        cmap: Any = "viridis",
        **imshow_kwargs: Any,
    ) -> "FeatureMapsDisplay":
        """Draw what the layers of a fitted network make of one row of X.

        Parameters
        ----------
        estimator : estimator
            A fitted network with convolutions.
        X : array-like
            Rows, in the form in which they were fitted.
        row : int, default=0
            Number of the row to show.
        layers : str or sequence of str, default=None
            Names of layers, as ``estimator.model_.summary()`` lists them; None: the convolutions,
            each after its normalisation and activation.
        ax : matplotlib Axes or array of them, default=None
            Where to draw: one for the picture and one for each layer, or one that is divided.
        max_maps : int, default=64
            The most maps of a layer that are drawn.
        cmap : str or matplotlib Colormap, default="viridis"
            Colours of the activations.
        **imshow_kwargs : dict
            Passed to ``matplotlib``'s ``imshow``.

        Returns
        -------
        FeatureMapsDisplay

        Raises
        ------
        ValueError
            Where the network has no convolution, no layer of that name, or the layer no maps.
        """
        check_is_network(estimator, cls)
        if layers is None:
            found = convolutions(estimator, None, cls)
            wanted = {activated(estimator.model_, layer): layer for layer in found}
        else:
            names = [layers] if isinstance(layers, str) else layers
            wanted = {name: name for name in names}
        shown = safe_indexing(X, [row])
        outputs = activations(estimator, shown, list(wanted))
        for layer, output in outputs.items():
            if output.ndim < 3:
                raise ValueError(
                    f"Layer {layer!r} has no maps: its output for a row has shape "
                    f"{output.shape[1:]}. FeatureMapsDisplay draws layers that keep the places of "
                    "a picture or signal."
                )
        return cls(
            picture=network_rows(estimator, shown)[0],
            maps={layer: outputs[source][0] for source, layer in wanted.items()},
        ).plot(ax, max_maps=max_maps, cmap=cmap, **imshow_kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        max_maps: int = 64,
        cmap: Any = "viridis",
        **imshow_kwargs: Any,
    ) -> "FeatureMapsDisplay":
        """Draw the picture, and a panel for each layer.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            Where to draw: one for the picture and one for each layer, or one that is divided.
        max_maps : int, default=64
            The most maps of a layer that are drawn.
        cmap : str or matplotlib Colormap, default="viridis"
            Colours of the activations.
        **imshow_kwargs : dict
            Passed to ``matplotlib``'s ``imshow``.

        Returns
        -------
        FeatureMapsDisplay
            Itself, with ``axes_``, ``figure_`` and ``images_``.
        """
        n = len(self.maps) + 1
        self.figure_, self.axes_ = panels(ax, n, columns=min(n, 3), panel=(4.2, 3.6))
        self.ax_, self.images_, self.colorbars_ = self.axes_[0], {}, {}
        _draw_input(self.ax_, self.picture)
        for axes, (layer, maps) in zip(self.axes_[1:], self.maps.items(), strict=True):
            *size, there = maps.shape
            maps = np.moveaxis(maps[..., :max_maps], -1, 0)
            if len(size) == 1:
                image = axes.imshow(maps, **{"cmap": cmap, "aspect": "auto", **imshow_kwargs})
                axes.set(xlabel="position", ylabel="map")
            else:
                if len(size) == 3:
                    maps = maps[:, size[0] // 2]  # the slice in the middle of a volume
                image = show(axes, mosaic(maps, square(len(maps))), cmap=cmap, **imshow_kwargs)
            self.images_[layer] = image
            self.colorbars_[layer] = color_scale(axes, image, "activation")
            drawn = there if len(maps) == there else f"first {len(maps)} of {there}"
            axes.set_title(f"{layer}: {drawn} maps of {by(size)}", fontsize="medium")
        return self


def _draw_input(axes: Any, picture: np.ndarray) -> None:
    *size, channels = picture.shape
    axes.set_title(f"input of {by(size)}", fontsize="medium")
    if len(size) == 1:
        axes.plot(picture)
        axes.set(xlabel="position", ylabel="value")
        return
    if len(size) == 3:
        picture = picture[size[0] // 2]
    if channels == 3:
        low, high = min(picture.min(), 0.0), max(picture.max(), 1.0)
        show(axes, (picture - low) / (high - low))
    else:
        show(axes, picture[..., 0] if channels == 1 else picture.mean(axis=-1), cmap="gray")
