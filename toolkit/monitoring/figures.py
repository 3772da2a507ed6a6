"""Draw an estimate over windows beside what was realized, with the words of the figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from toolkit.core.estimate import Estimate
from toolkit.core.figures import BLUE, GREY, ORANGE, STYLE
from toolkit.core.result import Picture
from toolkit.monitoring.expectation import WHOLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_TICKS = 8
_SAID = 12


def estimates_picture(table: pd.DataFrame, metric: str) -> Picture:
    """Return the words of the figure of one metric."""
    rows = _shown(table, metric)
    labelled = rows["labelled"].gt(0).any()
    caption = (
        f"{_spoken(metric)} as estimated without labels, with 95% intervals"
        f"{', beside what the labels show' if labelled else ''}. The grey line and band are the reference. "
        f"{'Realized values should lie in the interval of the estimate. ' if labelled else ''}"
        "A concept shift does not show in the estimate."
    )
    said = [_said(row) for _, row in rows.head(_SAID).iterrows()]
    more = f" and {len(rows) - _SAID} more windows" if len(rows) > _SAID else ""
    alt = f"{_spoken(metric)} on the reference is {rows['reference'].iloc[0]}. {'; '.join(said)}{more}."
    return Picture("Estimated performance", caption, alt)


def draw_estimates(table: pd.DataFrame, metric: str, ax: Axes) -> Axes:
    """Draw one metric, a place a window: estimates as dots, realized values as diamonds, both with their intervals."""
    import matplotlib as mpl

    rows = _shown(table, metric)
    places = np.arange(len(rows))
    apart = 0.12 if len(rows) <= 30 else 0.0
    level = rows["reference"].iloc[0]
    with mpl.rc_context(STYLE):
        ax.axhspan(level.low, level.high, color=GREY, alpha=0.15, linewidth=0)
        ax.axhline(level.value, color=GREY, linewidth=1, linestyle="--")
        _points(ax, places - apart, rows["estimated"].tolist(), BLUE, "o", "estimated")
        if rows["labelled"].gt(0).any():
            _points(ax, places + apart, rows["realized"].tolist(), ORANGE, "D", "realized")
        ax.text(
            1.01,
            level.value,
            "reference",
            transform=ax.get_yaxis_transform(),
            color=GREY,
            va="center",
            fontsize=9,
        )
        step = -(-len(rows) // _MOST_TICKS)
        ax.set_xticks(places[::step], ["all rows" if name == WHOLE else name for name in rows["window"].iloc[::step]])
        ax.tick_params(axis="x", labelrotation=30 if len(rows) > 4 else 0)
        ax.set(ylabel=_spoken(metric), xlim=(-0.6, len(rows) - 0.4))
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)
    return ax


def _points(ax: Axes, places: np.ndarray, cells: list[Estimate], color: str, marker: str, label: str) -> None:
    values = np.array([cell.value for cell in cells])
    ax.vlines(places, [cell.low for cell in cells], [cell.high for cell in cells], color=color, linewidth=1.8)
    ax.plot(places, values, marker, color=color, markersize=5, label=label)


def _shown(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    rows = table[table["metric"] == metric]
    return rows[rows["window"] != WHOLE] if len(rows) > 1 else rows


def _said(row: pd.Series) -> str:
    name = "all rows" if row["window"] == WHOLE else row["window"]
    realized = f", realized {row['realized']}" if row["labelled"] else ""
    return f"{name}: estimated {row['estimated']}{realized}"


def _spoken(metric: str) -> str:
    words = metric.replace("_", " ").replace("roc auc", "ROC AUC")
    return words[0].upper() + words[1:] if metric != "f1" else "F1"
