"""What keeps a network from learning: gradients and units, layer by layer."""

from typing import Any

import numpy as np

from sklearn_cnn.stats import Diagnosis, diagnose

from ._axes import panels

# Told apart in grey too: dark, and light with hatching.
_DEAD = {"color": "#08306b"}
_SATURATED = {"color": "#fdae6b", "hatch": "//", "edgecolor": "#7f2704"}
_GRADIENT = {"color": "#08306b", "marker": "o"}


class DiagnosisDisplay:
    """Gradient, dead units and saturated values of each layer.

    Use :meth:`from_estimator` to make one. The upper panel shows, on a logarithmic axis, the norm
    of the gradient at the kernels of each layer: where it falls by orders of magnitude towards
    the first, the first layers do not learn. The lower shows the shares of dead units and of
    values at the flat ends of the activation.

    Parameters
    ----------
    diagnosis : Diagnosis
        What :func:`diagnose` found; its ``advice`` says in words what to do.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes
        The two panels; the first alone where there is no hidden layer.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        The figure that holds them.
    line_ : matplotlib Line2D
        Norms of the gradient.
    bars_ : dict of matplotlib BarContainer
        ``"dead"`` and, where an activation has flat ends, ``"saturated"``.

    See Also
    --------
    diagnose : The same in words.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn_cnn import DiagnosisDisplay, MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> mlp = MLPClassifier((8, 8), activation="tanh", max_iter=20, random_state=0).fit(X, y)
    >>> display = DiagnosisDisplay.from_estimator(mlp, X, y)
    >>> list(display.diagnosis.gradient_norms)
    ['hidden_0', 'hidden_1', 'output']
    """

    __module__ = "sklearn_cnn"

    def __init__(self, *, diagnosis: Diagnosis):
        self.diagnosis = diagnosis

    @classmethod
    def from_estimator(
        cls, estimator: Any, X: Any, y: Any = None, *, ax: Any = None, n_rows: int = 1000
    ) -> "DiagnosisDisplay":
        """Diagnose a fitted network, and draw what was found.

        Parameters
        ----------
        estimator : estimator
            A fitted network of this package, alone, as last step of a Pipeline, or in a
            ``TransformedTargetRegressor``.
        X : array-like
            Rows, in the form in which they were fitted.
        y : array-like, default=None
            Their targets; not needed by an autoencoder.
        ax : matplotlib Axes or array of them, default=None
            Where to draw: two, or one that is divided.
        n_rows : int, default=1000
            Rows that are looked at, evenly spaced.

        Returns
        -------
        DiagnosisDisplay
        """
        return cls(diagnosis=diagnose(estimator, X, y, n_rows=n_rows)).plot(ax)

    def plot(self, ax: Any = None) -> "DiagnosisDisplay":
        """Draw a panel for gradients, and one for units.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            Where to draw: two, or one that is divided.

        Returns
        -------
        DiagnosisDisplay
            Itself, with ``axes_``, ``figure_``, ``line_`` and ``bars_``.
        """
        layers, norms = self.diagnosis.layers, self.diagnosis.gradient_norms
        n_panels = 2 if layers else 1
        self.figure_, self.axes_ = panels(ax, n_panels, columns=1, panel=(6.4, 2.9))
        self.ax_ = self.axes_[0]
        # A norm of exactly 0 has no place on a logarithmic axis: the line is broken there.
        heights = [norm if norm > 0 else np.nan for norm in norms.values()]
        (self.line_,) = self.ax_.plot(range(len(norms)), heights, **_GRADIENT)
        self.ax_.set_yscale("log")
        self.ax_.set_ylabel("Norm of the gradient")
        _name_layers(self.ax_, list(norms))
        self.bars_: dict[str, Any] = {}
        if layers:
            self._plot_units(self.axes_[1])
        return self

    def _plot_units(self, axes: Any) -> None:
        layers = self.diagnosis.layers
        places = np.arange(len(layers))
        dead = [layer.dead for layer in layers]
        saturated = [layer.saturated for layer in layers]
        bounded = bool(np.isfinite(saturated).any())
        width = 0.4 if bounded else 0.8
        left = places - 0.2 if bounded else places
        self.bars_["dead"] = axes.bar(left, dead, width, label="dead units", **_DEAD)
        if bounded:
            self.bars_["saturated"] = axes.bar(
                places + 0.2, saturated, width, label="saturated values", **_SATURATED
            )
        axes.set_ylim(0, 1)
        axes.set_ylabel("Share")
        axes.set_xlabel("Layer")
        _name_layers(axes, [layer.name for layer in layers])
        axes.legend()


def _name_layers(axes: Any, names: list[str]) -> None:
    crowded = sum(map(len, names)) > 60
    axes.set_xticks(
        range(len(names)),
        names,
        rotation=30 if crowded else 0,
        horizontalalignment="right" if crowded else "center",
    )
