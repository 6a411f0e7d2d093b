"""Where displays draw: new panels, the user's, or one of the user's divided among several."""

from typing import Any

import numpy as np


def panels(
    ax: Any,
    n: int,
    *,
    columns: int,
    panel: tuple[float, float] = (6.4, 4.8),
    width_ratios: list[float] | None = None,
    height_ratios: list[float] | None = None,
) -> tuple[Any, np.ndarray]:
    """A figure and ``n`` of its axes, in a grid of ``columns``.

    Parameters
    ----------
    ax : matplotlib Axes, array of them, or None
        None makes a figure. One Axes is divided where ``n`` is larger, as in scikit-learn's
        ``PartialDependenceDisplay``. Of an array all are taken, and there must be ``n``.
    n : int
        Axes that are needed.
    columns : int
        Axes beside each other.
    panel : (float, float), default=(6.4, 4.8)
        Width and height of each in inches, where a figure is made.
    width_ratios, height_ratios : list of float, default=None
        Shares of the columns and rows.

    Returns
    -------
    figure : matplotlib Figure
    axes : ndarray of shape (n,)
    """
    import matplotlib.pyplot as plt
    from matplotlib.gridspec import GridSpec, GridSpecFromSubplotSpec

    given = None if ax is None else np.array(ax, dtype=object).ravel()
    if given is not None and len(given) == n:
        return given[0].figure, given
    if given is not None and len(given) > 1:
        raise ValueError(f"ax must hold one Axes, or {n}: one a panel. Got {len(given)}.")
    rows = -(-n // columns)
    ratios: dict[str, Any] = {"width_ratios": width_ratios, "height_ratios": height_ratios}
    if given is None:
        size = panel[0] * columns, panel[1] * rows
        figure: Any = plt.figure(figsize=size, layout="constrained")
        grid: Any = GridSpec(rows, columns, figure=figure, **ratios)
    else:
        figure, place = given[0].figure, given[0].get_subplotspec()
        given[0].set_axis_off()
        if place is not None:
            grid = GridSpecFromSubplotSpec(rows, columns, subplot_spec=place, **ratios)
        else:
            (left, bottom), (right, top) = given[0].get_position().get_points()
            sides = {"left": left, "bottom": bottom, "right": right, "top": top}
            grid = GridSpec(rows, columns, figure=figure, **sides, **ratios)
    axes = np.empty(n, dtype=object)
    for number in range(n):
        axes[number] = figure.add_subplot(grid[number // columns, number % columns])
    return figure, axes
