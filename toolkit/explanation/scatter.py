"""The figures of single attributions: a swarm of points for each column, and the value of a column against them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.estimate import Estimate
from toolkit.core.figures import BLUE, GREY, ORANGE, draw_intervals, name_rows
from toolkit.core.words import shorten
from toolkit.explanation.importance import mean_of
from toolkit.statistics.binning import Levels
from toolkit.statistics.intervals import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_POINTS = 1000
_DOT: dict[str, Any] = {"s": 4, "linewidths": 0, "rasterized": True}
_SLOTS = 80


def draw_swarm(ax: Axes, columns: Mapping[str, tuple[pd.Series[Any], Array]], label: str) -> None:
    """Draw the attributions of some columns, the first on top, each point shaded by the value of the column.

    Parameters
    ----------
    ax : Axes
    columns : mapping of str to (Series, array)
        The values of each column and their attributions.
    label : str
        Of the horizontal axis.
    """
    for place, (column, values) in enumerate(columns.values()):
        size, rank = values[:MOST_POINTS], standing(column.iloc[:MOST_POINTS])
        offset, known = place - _swarm(size), np.isfinite(rank)
        ax.scatter(size[~known], offset[~known], color=GREY, **_DOT)
        shade: dict[str, Any] = {"c": rank[known], "cmap": "cividis", "vmin": 0, "vmax": 1}
        points = ax.scatter(size[known], offset[known], **shade, **_DOT)
    ax.axvline(0, color=GREY, linewidth=0.8)
    name_rows(ax, [shorten(name) for name in columns], 0.6)
    ax.set_xlabel(label)
    bar = ax.figure.colorbar(points, ax=ax, ticks=[0, 1], pad=0.02, aspect=30)
    bar.ax.set_yticklabels(["low", "high"])
    bar.ax.set_ylabel("value of the column", labelpad=-10, fontsize=9)


def standing(column: pd.Series[Any]) -> Array:
    """Return where each value stands among the column's, from 0 to 1; nan for categories and missing values."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return np.full(len(column), np.nan)
    rank = column.rank().to_numpy(dtype=float)
    most = float(np.nanmax(rank, initial=0.0))
    return np.asarray((rank - 1) / (most - 1) if most > 1 else rank * 0 + 0.5)


def _swarm(values: Array) -> Array:
    """Spread points that lie close together up and down, alternately, the fuller a place the wider."""
    spread = float(np.ptp(values)) or 1.0
    slot = pd.Series(np.floor((values - values.min()) / spread * (_SLOTS - 1)))
    turn = slot.groupby(slot).cumcount().to_numpy()
    step = np.where(turn % 2 == 1, (turn + 1) // 2, -(turn // 2))
    fullest = max(float(np.abs(step).max()), 8.0)
    return np.asarray(0.4 * step / fullest)


def by_level(levels: Levels, values: Array) -> list[tuple[str, NDArray[np.bool_], Estimate]]:
    """Return each level of a column with a mask of its rows and the mean of their attributions."""
    return [(label, mask, mean_of(values[mask])) for label, mask in levels.groups()]


def draw_dependence(ax: Axes, groups: list[tuple[str, NDArray[np.bool_], Estimate]], values: Array) -> None:
    """Draw attributions by the values or ranges of their column, and their means with intervals."""
    rng = np.random.default_rng(0)
    for place, (_, mask, _) in enumerate(groups):
        points = values[mask][:MOST_POINTS]
        beside = rng.uniform(-0.3, 0.3, len(points))
        ax.scatter(place + beside, points, color=BLUE, alpha=0.4, **_DOT)
    means = [mean for *_, mean in groups]
    brown: dict[str, Any] = {"color": "#8a5a00", "markerfacecolor": ORANGE, "width": 2.5}
    draw_intervals(ax, range(len(groups)), means, upright=True, marker="D", **brown)
    ax.axhline(0, color=GREY, linewidth=0.8)
    turned = sum(len(text) for text, _, _ in groups) > 40
    names = [shorten(text, 18) for text, _, _ in groups]
    ax.set_xticks(range(len(groups)), names, rotation=30 if turned else 0, ha="right" if turned else "center")
