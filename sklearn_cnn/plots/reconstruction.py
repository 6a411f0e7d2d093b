"""What comes back from a small code: originals beside their reconstructions."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from sklearn_cnn.compat import safe_indexing
from sklearn_cnn.encoding import as_pictures

from ._axes import panels
from ._mosaic import mosaic, show

# As in HistoryDisplay: told apart in grey too.
_ORIGINAL = {"color": "#08306b", "linestyle": "-"}
_RECONSTRUCTION = {"color": "#f58518", "linestyle": "--"}


class ReconstructionDisplay:
    """Rows of X above what an autoencoder gives back of them, with the error of each.

    Use :meth:`from_estimator` to make one. Pictures stand above their reconstructions, in the same
    greys; signals and rows of tables are two curves in a panel.

    Parameters
    ----------
    originals : ndarray of shape (n_rows, height, width, channels) or (n_rows, length, channels)
        Pictures; signals, or rows of a table.
    reconstructions : ndarray of the same shape
        What came back.
    errors : ndarray of shape (n_rows,)
        Mean squared error of each row.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where the pictures are, or the first panel of curves.
    axes_ : ndarray of matplotlib Axes
        One for pictures, one a row for curves.
    figure_ : matplotlib Figure
        The figure that holds them.
    image_ : matplotlib AxesImage or None
        The pictures.
    lines_ : list of (Line2D, Line2D)
        Original and reconstruction of each row; empty for pictures.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_cnn import Autoencoder, ReconstructionDisplay
    >>> X = load_digits().data / 16
    >>> autoencoder = Autoencoder(8, hidden_layer_sizes=(32,), max_iter=2, random_state=0).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(
    ...     autoencoder, X, n_rows=5, input_shape=(8, 8, 1)
    ... )
    >>> display.errors.shape
    (5,)
    """

    __module__ = "sklearn_cnn"

    def __init__(self, *, originals: np.ndarray, reconstructions: np.ndarray, errors: np.ndarray):
        self.originals = originals
        self.reconstructions = reconstructions
        self.errors = errors

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        n_rows: int = 10,
        input_shape: tuple[int, ...] | None = None,
        ax: Any = None,
        cmap: Any = "gray",
        **kwargs: Any,
    ) -> "ReconstructionDisplay":
        """Draw the first rows of X, and what comes back of them.

        Parameters
        ----------
        estimator : transformer
            A fitted autoencoder, or anything else with ``transform`` and ``inverse_transform``,
            so that a ``PCA`` can be seen beside it.
        X : array-like
            Rows, in the form in which they were fitted.
        n_rows : int, default=10
            Rows to draw; fewer if X has fewer.
        input_shape : tuple of int, default=None
            Shape of a row, to see flat rows as pictures: ``(height, width, channels)``. None: the
            estimator's ``input_shape``, or the shape that the rows have.
        ax : matplotlib Axes or array of them, default=None
            Where to draw.
        cmap : str or matplotlib Colormap, default="gray"
            Colours of grey pictures.
        **kwargs : dict
            Passed to ``matplotlib``'s ``imshow``; for curves to ``plot``.

        Returns
        -------
        ReconstructionDisplay

        Raises
        ------
        ValueError
            Where rows do not have the size of ``input_shape``.
        """
        check_is_fitted(estimator)
        missing = [
            method
            for method in ("transform", "inverse_transform")
            if not hasattr(estimator, method)
        ]
        if missing:
            raise TypeError(
                f"ReconstructionDisplay needs an estimator with transform and inverse_transform, "
                f"such as Autoencoder. {type(estimator).__name__} has no {missing[0]}."
            )
        shown = safe_indexing(X, np.arange(min(n_rows, len(X))))
        back = np.asarray(estimator.inverse_transform(estimator.transform(shown)), dtype=float)
        originals = np.asarray(shown, dtype=float)
        back = back.reshape(originals.shape)
        errors = ((originals - back) ** 2).mean(axis=tuple(range(1, originals.ndim)))
        shape = input_shape or getattr(estimator, "input_shape", None)
        return cls(
            originals=as_pictures(originals, shape),
            reconstructions=as_pictures(back, shape),
            errors=errors,
        ).plot(ax, cmap=cmap, **kwargs)

    def plot(self, ax: Any = None, *, cmap: Any = "gray", **kwargs: Any) -> "ReconstructionDisplay":
        """Draw pictures above their reconstructions, or curves over each other.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            Where to draw.
        cmap : str or matplotlib Colormap, default="gray"
            Colours of grey pictures.
        **kwargs : dict
            Passed to ``matplotlib``'s ``imshow``; for curves to ``plot``.

        Returns
        -------
        ReconstructionDisplay
            Itself, with ``ax_`` and ``figure_``.
        """
        self.image_: Any = None
        self.lines_: list = []
        if self.originals.ndim == 4:
            self._plot_pictures(ax, cmap, kwargs)
        else:
            self._plot_curves(ax, kwargs)
        return self

    def _plot_pictures(self, ax, cmap, kwargs) -> None:
        n = len(self.originals)
        self.figure_, self.axes_ = panels(ax, 1, columns=1, panel=(max(0.9 * n, 3.5), 2.6))
        self.ax_ = self.axes_[0]
        tiles = np.concatenate([self.originals, self.reconstructions])
        low, high = float(self.originals.min()), float(self.originals.max())
        if tiles.shape[-1] == 3:
            tiles = np.clip((tiles - low) / ((high - low) or 1.0), 0, 1)
        else:
            tiles = tiles.mean(axis=-1)
        picture = mosaic(tiles, n)
        self.image_ = show(self.ax_, picture, **{"cmap": cmap, "vmin": low, "vmax": high} | kwargs)
        height, width = picture.shape[0] / 2, picture.shape[1] / n
        self.ax_.set_yticks(
            [height / 2, height * 3 / 2],
            ["original", "reconstruction"],
            rotation="vertical",
            va="center",
        )
        labels = [f"{error:.2g}" for error in self.errors]
        self.ax_.set_xticks((np.arange(n) + 0.5) * width, labels)
        self.ax_.tick_params(length=0)
        self.ax_.set_xlabel("mean squared error")

    def _plot_curves(self, ax, kwargs) -> None:
        n = len(self.originals)
        self.figure_, self.axes_ = panels(ax, n, columns=min(n, 5), panel=(2.8, 2.2))
        self.ax_ = self.axes_[0]
        rows = zip(self.axes_, self.originals, self.reconstructions, self.errors, strict=True)
        for axes, original, reconstruction, error in rows:
            pair = []
            for values, label, style in (
                (original, "original", _ORIGINAL),
                (reconstruction, "reconstruction", _RECONSTRUCTION),
            ):
                lines = axes.plot(values, **style | kwargs)
                lines[0].set_label(label)
                pair.append(lines[0])
            self.lines_.append(tuple(pair))
            axes.set_title(f"error {error:.2g}")
        self.ax_.set_xlabel("column")
        self.ax_.set_ylabel("value")
        self.ax_.legend(fontsize="small")
