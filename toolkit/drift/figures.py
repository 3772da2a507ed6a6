"""The figures of a comparison: distances against thresholds, one column before and after, the trend over windows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from toolkit.core.estimate import Estimate
from toolkit.core.figures import BLUE, GREEN, GREY, ORANGE, Axes, Drawing, draw_intervals, name_rows, name_windows
from toolkit.core.words import shorten, value_text
from toolkit.drift.distances import METHODS, pair_of
from toolkit.drift.findings import drawing
from toolkit.errors import listed

if TYPE_CHECKING:
    from toolkit.drift.detect import Drift

MOST_COLUMNS, MOST_LINES = 12, 4
MOST_LABELS_DRAWN = 8
BARS = 24
_MARKS = ((BLUE, "o"), (ORANGE, "s"), (GREY, "D"), (GREEN, "^"))


def drawings(drift: Drift) -> list[Drawing]:
    """Return the figures that a comparison has: distances, one column before and after, and the trend."""
    measured = drift.table[drift.table["method"] != ""].head(MOST_COLUMNS)
    if not len(measured):
        return []
    said = [
        f"{value_text(row['column'])}: {METHODS[row['method']].title} {row['distance']}, {row['verdict']}"
        for _, row in measured.iterrows()
    ]
    data = measured[["column", "verdict", "distance", "by_chance", "threshold"]]
    found = [drawing("columns", lambda ax: _draw_columns(ax, measured), data, said=said)]
    name, change = measured.iloc[0][["column", "change"]]
    shares = _shares(drift, name)
    found.append(drawing("worst", lambda ax: _draw_shares(ax, shares, name), shares, name=name, change=change))
    if not len(drift.windows):
        return found
    rows = drift.windows[drift.windows["role"] == "feature"]
    most = (rows["beyond_chance"] / rows["threshold"]).groupby(rows["column"]).max().nlargest(MOST_LINES).index
    lines = rows.loc[rows["column"].isin(most), ["window", "column", "verdict", "distance", "threshold"]]
    drifted, count = drift.drifted_windows(), drift.windows["window"].nunique()
    said_of = {"drifted": len(drifted), "windows": count, "named": listed(drifted, 12) or "none"}
    return [*found, drawing("trend", lambda ax: _draw_trend(ax, lines), lines, **said_of)]


def _shares(drift: Drift, name: str) -> pd.DataFrame:
    """Return the shares of a column in both tables: of the labels that changed most, or of steps over a number."""
    pair = pair_of(drift.reference.columns[name], drift.current.columns[name])
    before, after = pair.reference / pair.reference.sum(), pair.current / pair.current.sum()
    if not pair.scale:
        order = np.argsort(-np.abs(after - before), kind="stable")[:MOST_LABELS_DRAWN]
        labels = [value_text(pair.labels[place]) for place in order]
        return pd.DataFrame({"value": labels, "reference": before[order], "current": after[order]})
    low, high = np.interp([0.005, 0.995], np.cumsum(before + after) / 2, pair.points)
    wide = high - low if high > low else 1.0
    steps = np.linspace(0, 1, BARS + 1)
    shares = [np.diff(np.interp(steps, (pair.points - low) / wide, np.cumsum(part))) for part in (before, after)]
    ends = low + wide * steps
    return pd.DataFrame({"from": ends[:-1], "to": ends[1:], "reference": shares[0], "current": shares[1]})


def _draw_columns(ax: Axes, drawn: pd.DataFrame) -> None:
    """Draw distances with intervals over their thresholds, and what chance would do."""
    for place, (_, row) in enumerate(drawn.iterrows()):
        unit, distance, chance = row["threshold"], row["distance"], row["by_chance"]
        ax.plot([0, chance.high / unit], [place, place], color="#d4d4d4", linewidth=7, solid_capstyle="butt")
        filled = BLUE if row["verdict"] in ("drifted", "broken") else "white"
        scaled = Estimate(distance.value / unit, distance.low / unit, distance.high / unit)
        draw_intervals(ax, [place], [scaled], markerfacecolor=filled)
    ax.axvline(1, color=GREY, linewidth=1, linestyle=":")
    ax.set_xscale("symlog", linthresh=1)
    reach = [np.nanmax([one.value, one.high]) for one in drawn["distance"]]
    furthest = max(1, *(reach / drawn["threshold"]))
    ticks = [0, 0.5, 1, *(step for step in (2, 5, 10, 20, 50, 100, 1000) if step <= furthest * 1.2)]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    name_rows(ax, [shorten(name) for name in drawn["column"]])
    ax.set(xlabel="Distance ÷ threshold", xlim=(0, furthest * 1.15))


def _draw_shares(ax: Axes, shares: pd.DataFrame, name: str) -> None:
    """Draw the shares of one column in both tables: bars of labels, or steps over the range of a number."""
    if "value" in shares:
        places = np.arange(len(shares))
        ax.barh(places - 0.2, shares["reference"], 0.38, color="white", edgecolor=GREY, hatch="//", label="reference")
        ax.barh(places + 0.2, shares["current"], 0.38, color=BLUE, label="current")
        name_rows(ax, [shorten(label) for label in shares["value"]])
        ax.set(xlabel=f"Share of rows, {shorten(name)}")
    else:
        edges = [*shares["from"], shares["to"].iloc[-1]]
        for part, colour, style in (("reference", GREY, "--"), ("current", BLUE, "-")):
            ax.stairs(shares[part], edges, color=colour, linewidth=2, linestyle=style, label=part)
        ax.set(xlabel=shorten(name), ylabel="Share of rows")
    ax.legend()


def _draw_trend(ax: Axes, trend: pd.DataFrame) -> None:
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
        ax.plot(place[known], value, marker=mark, color=colour, markersize=5, label=shorten(name, 24))
    ax.axhline(1, color=GREY, linewidth=1, linestyle=":")
    name_windows(ax, labels)
    ax.set(ylabel="Distance ÷ threshold", ylim=(0, None))
    ax.legend()
