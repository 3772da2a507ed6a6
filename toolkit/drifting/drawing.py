"""Figures of drift: distances against their thresholds, one column before and after, and the trend over windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from toolkit.drifting.breaks import shown
from toolkit.drifting.distances import pair_of
from toolkit.drifting.summary import ColumnSummary
from toolkit.figures import BLUE, GREY, ORANGE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_COLUMNS = 12
MOST_LABELS_DRAWN = 8
BARS = 24


def draw_columns(table: pd.DataFrame, ax: Axes) -> Axes:
    """Draw distances with intervals over their thresholds, and what chance would do."""
    drawn = table[::-1]
    for place, (_, row) in enumerate(drawn.iterrows()):
        unit, distance, chance = row["threshold"], row["distance"], row["by_chance"]
        ax.plot([0, chance.high / unit], [place, place], color="#d4d4d4", linewidth=7, solid_capstyle="butt")
        ax.plot([distance.low / unit, distance.high / unit], [place, place], color=BLUE, linewidth=2)
        filled = BLUE if row["verdict"] in ("drifted", "broken") else "white"
        ax.plot([distance.value / unit], [place], "o", color=BLUE, markerfacecolor=filled, markersize=6)
    ax.axvline(1, color=GREY, linewidth=1, linestyle=":")
    ax.set_xscale("symlog", linthresh=1)
    furthest = max(
        1, *(np.nanmax([row["distance"].value, row["distance"].high]) / row["threshold"] for _, row in drawn.iterrows())
    )
    ticks = [0, 0.5, 1, *(step for step in (2, 5, 10, 20, 50, 100, 1000) if step <= furthest * 1.2)]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    ax.set_yticks(range(len(drawn)), [_shortened(str(name)) for name in drawn["column"]])
    ax.set(xlabel="Distance ÷ threshold", xlim=(0, furthest * 1.15), ylim=(-0.6, len(drawn) - 0.4))
    return ax


def draw_column(reference: ColumnSummary, current: ColumnSummary, ax: Axes) -> Axes:
    """Draw the shares of one column in both tables: bars of labels, or steps over the range of a number."""
    pair = pair_of(reference, current)
    before, after = pair.reference / pair.reference.sum(), pair.current / pair.current.sum()
    if pair.scale:
        low, high = np.interp([0.005, 0.995], np.cumsum(before + after) / 2, pair.points)
        wide = high - low if high > low else 1.0
        steps = np.linspace(0, 1, BARS + 1)
        for shares, colour, name, style in ((before, GREY, "reference", "--"), (after, BLUE, "current", "-")):
            height = np.diff(np.interp(steps, (pair.points - low) / wide, np.cumsum(shares)))
            ax.stairs(height, low + wide * steps, color=colour, linewidth=2, linestyle=style, label=name)
        ax.set(xlabel=_shortened(reference.name), ylabel="Share of rows")
    else:
        order = np.argsort(-np.abs(after - before), kind="stable")[:MOST_LABELS_DRAWN][::-1]
        places = np.arange(len(order))
        ax.barh(places + 0.2, before[order], 0.38, color="white", edgecolor=GREY, hatch="//", label="reference")
        ax.barh(places - 0.2, after[order], 0.38, color=BLUE, label="current")
        ax.set_yticks(places, [_shortened(shown(pair.labels[place])) for place in order])
        ax.set(xlabel=f"Share of rows, {_shortened(reference.name)}")
    ax.legend()
    return ax


def draw_trend(windows: pd.DataFrame, ax: Axes) -> Axes:
    """Draw the distance of the columns that moved most over the windows, in units of their thresholds."""
    labels = list(dict.fromkeys(windows["window"]))
    ratio = windows["beyond_chance"] / windows["threshold"]
    most = ratio.groupby(windows["column"]).max().nlargest(4).index
    for name, colour, mark in zip(most, (BLUE, ORANGE, GREY, "#009E73"), "osD^", strict=False):
        rows = windows[windows["column"] == name].set_index("window").reindex(labels)
        place = np.arange(len(labels))
        known = rows["distance"].notna()
        unit = rows["threshold"][known].to_numpy()
        ends = np.array([[cell.low, cell.high] for cell in rows["distance"][known]]) / unit[:, None]
        value = np.array([cell.value for cell in rows["distance"][known]]) / unit
        ax.fill_between(place[known], ends[:, 0], ends[:, 1], color=colour, alpha=0.15, linewidth=0)
        ax.plot(place[known], value, marker=mark, color=colour, markersize=5, label=_shortened(str(name), 24))
    ax.axhline(1, color=GREY, linewidth=1, linestyle=":")
    step = max(1, -(-len(labels) // 8))
    ax.set_xticks(range(0, len(labels), step), labels[::step], rotation=30, ha="right")
    ax.set(ylabel="Distance ÷ threshold", ylim=(0, None))
    ax.legend()
    return ax


def _shortened(text: str, most: int = 40) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
