"""Draw an estimate over windows beside what was realized, with the words of the figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from toolkit.core.figures import GREY, ORANGE, Drawing, Picture, draw_intervals, name_windows
from toolkit.core.words import titled
from toolkit.monitoring.findings import WHOLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SAID = 12


def estimates_drawing(table: pd.DataFrame, metric: str) -> Drawing:
    """Draw one metric, a place a window: estimates as dots, realized values as diamonds, both with their intervals."""
    rows = table[table["metric"] == metric]
    rows = rows[rows["window"] != WHOLE] if len(rows) > 1 else rows
    labelled = rows["labelled"].gt(0).any()
    caption = (
        f"{titled(metric)} as estimated without labels, with 95% intervals"
        f"{', beside what the labels show' if labelled else ''}. The grey line and band are the reference. "
        f"{'Realized values should lie in the interval of the estimate. ' if labelled else ''}"
        "A concept shift does not show in the estimate."
    )
    said = [_said(row) for _, row in rows.head(_SAID).iterrows()]
    more = f" and {len(rows) - _SAID} more windows" if len(rows) > _SAID else ""
    alt = f"{titled(metric)} on the reference is {rows['reference'].iloc[0]}. {'; '.join(said)}{more}."
    words = Picture("Estimated performance", caption, alt)
    data = table.loc[table["metric"] == metric, ["window", "metric", "estimated", "realized", "reference"]]
    return Drawing("estimated", words, lambda ax: _draw(ax, rows, titled(metric)), data)


def _draw(ax: Axes, rows: pd.DataFrame, label: str) -> None:
    places = np.arange(len(rows))
    apart = 0.12 if len(rows) <= 30 else 0.0
    level = rows["reference"].iloc[0]
    ax.axhspan(level.low, level.high, color=GREY, alpha=0.15, linewidth=0)
    ax.axhline(level.value, color=GREY, linewidth=1, linestyle="--")
    line: dict[str, Any] = {"upright": True, "size": 5, "width": 1.8}
    draw_intervals(ax, places - apart, rows["estimated"], label="estimated", **line)
    if rows["labelled"].gt(0).any():
        draw_intervals(ax, places + apart, rows["realized"], label="realized", color=ORANGE, marker="D", **line)
    beside = ax.get_yaxis_transform()
    ax.text(1.01, level.value, "reference", transform=beside, color=GREY, va="center", fontsize=9)
    name_windows(ax, [_named(window) for window in rows["window"]])
    ax.set(ylabel=label, xlim=(-0.6, len(rows) - 0.4))
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, borderaxespad=0.2)


def _said(row: pd.Series) -> str:
    realized = f", realized {row['realized']}" if row["labelled"] else ""
    return f"{_named(row['window'])}: estimated {row['estimated']}{realized}"


def _named(window: str) -> str:
    return "all rows" if window == WHOLE else window
