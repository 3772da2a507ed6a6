"""The figures of a comparison: distances against thresholds, one column before and after, the trend over windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from toolkit.core.figures import BLUE, GREEN, GREY, ORANGE
from toolkit.core.result import Picture
from toolkit.drift.breaks import shown
from toolkit.drift.distances import pair_of
from toolkit.drift.findings import columns_words
from toolkit.errors import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from toolkit.drift.detect import Drift

MOST_COLUMNS, MOST_LINES = 12, 4
MOST_LABELS_DRAWN = 8
BARS = 24
_MARKS = ((BLUE, "o"), (ORANGE, "s"), (GREY, "D"), (GREEN, "^"))


def pictures(drift: Drift) -> dict[str, Picture]:
    """Put each figure that a comparison has into words."""
    measured = _measured(drift)
    if not len(measured):
        return {}
    kinds = {"columns": Picture("Distance of each column", *columns_words(measured))}
    worst = measured.iloc[0]
    words = f"{worst['column']} in the reference and in the current table: {worst['change']}."
    title = f"Before and after: {worst['column']}"
    kinds["worst"] = Picture(title, "The column that moved most. Shares of the rows that have a value.", words)
    if len(drift.windows):
        drifted = drift.drifted_windows()
        count = drift.windows["window"].nunique()
        said = f"{len(drifted)} of {count} windows drifted: {listed(drifted, 12) or 'none'}."
        caption = "Distances of the columns that moved most, in units of their thresholds (dotted), with 95% intervals."
        kinds["trend"] = Picture("Distance over time", caption, said)
    return kinds


def draw(drift: Drift, kind: str, ax: Axes) -> Axes:
    """Draw one figure of a comparison."""
    if kind == "columns":
        return _draw_columns(_measured(drift), ax)
    if kind == "trend":
        return _draw_trend(_trend(drift), ax)
    return _draw_shares(_worst(drift), _measured(drift).iloc[0]["column"], ax)


def figure_data(drift: Drift, kind: str) -> pd.DataFrame:
    """Return what one figure of a comparison draws."""
    if kind == "columns":
        return _measured(drift)[["column", "verdict", "distance", "by_chance", "threshold"]]
    if kind == "trend":
        return _trend(drift)[["window", "column", "verdict", "distance", "threshold"]]
    return _worst(drift)


def _measured(drift: Drift) -> pd.DataFrame:
    return drift.table[drift.table["method"] != ""].head(MOST_COLUMNS)


def _trend(drift: Drift) -> pd.DataFrame:
    """Return the windows of the columns that moved most in any of them."""
    rows = drift.windows[drift.windows["role"] == "feature"]
    most = (rows["beyond_chance"] / rows["threshold"]).groupby(rows["column"]).max().nlargest(MOST_LINES).index
    return rows[rows["column"].isin(most)]


def _worst(drift: Drift) -> pd.DataFrame:
    """Return the shares of the column that moved most: of the labels that changed most, or of steps over a number."""
    name = _measured(drift).iloc[0]["column"]
    pair = pair_of(drift.reference.column(name), drift.current.column(name))
    before, after = pair.reference / pair.reference.sum(), pair.current / pair.current.sum()
    if not pair.scale:
        order = np.argsort(-np.abs(after - before), kind="stable")[:MOST_LABELS_DRAWN]
        labels = [shown(pair.labels[place]) for place in order]
        return pd.DataFrame({"value": labels, "reference": before[order], "current": after[order]})
    low, high = np.interp([0.005, 0.995], np.cumsum(before + after) / 2, pair.points)
    wide = high - low if high > low else 1.0
    steps = np.linspace(0, 1, BARS + 1)
    shares = [np.diff(np.interp(steps, (pair.points - low) / wide, np.cumsum(part))) for part in (before, after)]
    ends = low + wide * steps
    return pd.DataFrame({"from": ends[:-1], "to": ends[1:], "reference": shares[0], "current": shares[1]})


def _draw_columns(table: pd.DataFrame, ax: Axes) -> Axes:
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


def _draw_shares(shares: pd.DataFrame, name: str, ax: Axes) -> Axes:
    """Draw the shares of one column in both tables: bars of labels, or steps over the range of a number."""
    if "value" in shares:
        drawn, places = shares[::-1], np.arange(len(shares))
        ax.barh(places + 0.2, drawn["reference"], 0.38, color="white", edgecolor=GREY, hatch="//", label="reference")
        ax.barh(places - 0.2, drawn["current"], 0.38, color=BLUE, label="current")
        ax.set_yticks(places, [_shortened(label) for label in drawn["value"]])
        ax.set(xlabel=f"Share of rows, {_shortened(name)}")
    else:
        edges = [*shares["from"], shares["to"].iloc[-1]]
        for part, colour, style in (("reference", GREY, "--"), ("current", BLUE, "-")):
            ax.stairs(shares[part], edges, color=colour, linewidth=2, linestyle=style, label=part)
        ax.set(xlabel=_shortened(name), ylabel="Share of rows")
    ax.legend()
    return ax


def _draw_trend(trend: pd.DataFrame, ax: Axes) -> Axes:
    """Draw the distance of some columns over the windows, in units of their thresholds."""
    labels = list(dict.fromkeys(trend["window"]))
    place = np.arange(len(labels))
    for (name, rows), (colour, mark) in zip(trend.groupby("column", sort=False), _MARKS, strict=False):
        line = rows.set_index("window").reindex(labels)
        known = line["distance"].notna()
        unit = line["threshold"][known].to_numpy()
        ends = np.array([[cell.low, cell.high] for cell in line["distance"][known]]) / unit[:, None]
        value = np.array([cell.value for cell in line["distance"][known]]) / unit
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
