"""The figures of a fairness audit: one metric by group, the disparities beside chance, and rates over thresholds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from toolkit.core.estimate import format_number
from toolkit.core.figures import GREY, ORANGE, PALETTE, Drawing, Picture, draw_intervals, name_rows
from toolkit.core.words import shorten, titled
from toolkit.fairness.disparities import FOREMOST
from toolkit.statistics.intervals import wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from toolkit.fairness.audit import FairnessAudit

MOST_ROWS = 12
MOST_LINES, MOST_STEPS = 5, 80
NAME_LENGTH = 34
DASHES = ("-", "--", "-.", ":", (0, (5, 1)))
#: The metrics that have a figure of their own, by task.
DRAWN = {
    "binary": ("selection_rate", "recall", "false_positive_rate"),
    "multiclass": ("accuracy",),
    "regression": ("mean_residual", "mean_absolute_error"),
}
MEANING = {
    "selection_rate": ": share of a group that is called positive",
    "recall": ": share of a group's positives that are called positive",
    "false_positive_rate": ": share of a group's negatives that are called positive",
    "accuracy": ": share of a group that is classified rightly",
    "mean_residual": ": truth minus prediction: above zero the group is underestimated",
    "mean_absolute_error": ": how far predictions are off",
}


def drawings(audit: FairnessAudit) -> list[Drawing]:
    """Return the figures that the audit has: a metric by group, the disparities, and rates over the thresholds."""
    by_group = {metric: rows_of(audit, metric) for metric in (*DRAWN[audit.task], *audit.custom)}
    found = [
        _groups(rows, metric, audit.groups[audit.groups["metric"] == metric])
        for metric, rows in by_group.items()
        if len(rows)
    ]
    compared, lines = compared_rows(audit), lines_of(audit)
    if len(compared):
        found.append(_disparities(compared, audit.disparities))
    if len(lines):
        found.append(_thresholds(lines, audit.threshold.value if audit.threshold else math.nan))
    return found


def rows_of(audit: FairnessAudit, metric: str) -> pd.DataFrame:
    """Return the judged groups of one metric: those of single columns first, then the extremes of intersections."""
    rows = audit.groups[(audit.groups["metric"] == metric) & (audit.groups["class"] == "") & audit.groups["judged"]]
    size = np.array([found.value for found in rows["value"]], dtype=float)
    depth = rows["feature"].map({name: place for place, name in enumerate(dict.fromkeys(audit.groups["feature"]))})
    middle = np.median(size) if len(size) else 0.0
    several = rows["feature"].str.contains("+", regex=False)
    chosen = rows.assign(size=size, depth=depth, far=np.where(several, -np.abs(size - middle), -math.inf))
    return chosen.sort_values(["far", "depth"], kind="stable").head(MOST_ROWS).sort_values(["depth", "size"])


def compared_rows(audit: FairnessAudit) -> pd.DataFrame:
    """Return the differences to draw, those that exceed chance the most where there are too many."""
    table = audit.disparities
    names = table["disparity"].str.removesuffix("_difference")
    table = table[names.isin(FOREMOST) & table["expected"].notna()]
    excess = np.array([found.value for found in table["value"]]) - table["expected"].to_numpy(dtype=float)
    return table.iloc[np.sort(np.argsort(excess)[-MOST_ROWS:])]


def lines_of(audit: FairnessAudit) -> pd.DataFrame:
    """Return the recall over the thresholds of the largest judged groups of the single column that differ most."""
    curves = audit.curves.reindex(columns=["feature", "group", "threshold", "recall", "positives"])
    parity = audit.disparities[audit.disparities["disparity"] == "equal_opportunity_difference"]
    parity = parity[parity["expected"].notna()]
    if not len(curves) or not len(parity):
        return curves.head(0)
    single = ~parity["feature"].str.contains("+", regex=False)
    ranked = parity.assign(single=single, size=[found.value for found in parity["value"]])
    feature = ranked.sort_values(["single", "size"], ascending=False, kind="stable")["feature"].iloc[0]
    judged = audit.groups[(audit.groups["metric"] == "recall") & audit.groups["judged"]]
    kept = judged[judged["feature"] == feature].nlargest(MOST_LINES, "rows")["group"]
    grid = np.sort(curves["threshold"].unique())
    places = np.linspace(0, len(grid) - 1, MOST_STEPS).astype(np.intp)
    steps = [*grid[places], *([audit.threshold.value] if audit.threshold else [])]
    shown = (curves["feature"] == feature) & curves["group"].isin(kept) & curves["threshold"].isin(steps)
    drawn: pd.DataFrame = curves[shown]
    return drawn


def _groups(rows: pd.DataFrame, metric: str, data: pd.DataFrame) -> Drawing:
    caption = (
        f"{titled(metric)}{MEANING.get(metric, '')}. The bars are 95% intervals; groups whose bars lie apart are "
        "treated differently."
    )
    said = "; ".join(f"{row.group}: {row.value}" for row in rows.itertuples())

    def draw(ax: Axes) -> None:
        draw_intervals(ax, range(len(rows)), rows["value"])
        name_rows(ax, [f"{shorten(row.group, NAME_LENGTH)} ({row.rows:,})" for row in rows.itertuples()], 0.6)
        if metric == "mean_residual":
            ax.axvline(0, color=GREY, linewidth=1, linestyle=":")
        ax.set_xlabel(titled(metric))

    return Drawing(metric, Picture(f"{titled(metric)} by group", caption, f"{said}."), draw, data, grid="x")


def _disparities(rows: pd.DataFrame, data: pd.DataFrame) -> Drawing:
    caption = (
        "Differences between the groups worst and best off, with 95% intervals; the orange tick is what chance alone "
        "would make of equal groups. A dot to the right of its tick, with its interval clear of it, is no chance."
    )
    kinds = rows["disparity"].str.removesuffix("_difference").str.replace("_", " ")
    names = (rows["feature"] + ": " + kinds.where(rows["class"] == "", rows["class"] + ", " + kinds)).tolist()
    rated = zip(names, rows["value"], rows["expected"].tolist(), strict=True)
    said = "; ".join(f"{name} {value}, by chance {format_number(chance)}" for name, value, chance in rated)

    def draw(ax: Axes) -> None:
        draw_intervals(ax, range(len(rows)), rows["value"])
        ax.plot(rows["expected"], range(len(rows)), "|", color=ORANGE, markersize=14, markeredgewidth=3)
        ax.annotate("by chance", (rows["expected"].iloc[0], -0.4), color="#8a5a00", fontsize=9)
        name_rows(ax, [shorten(name) for name in names], 1)
        ax.set_xlabel("Difference between groups")
        ax.set_xlim(left=0)

    return Drawing("disparities", Picture("Disparities", caption, f"{said}."), draw, data, grid="x")


def _thresholds(lines: pd.DataFrame, threshold: float) -> Drawing:
    caption = (
        "Share of each group's positives that are found, over the thresholds, with 95% bands; the dotted line is the "
        "threshold in use. Where the curves lie apart, no common threshold treats the groups alike."
    )
    reached = lines[lines["threshold"] >= (threshold if math.isfinite(threshold) else -math.inf)]
    at = reached.groupby("group", sort=False)["recall"].first().to_dict()
    said = "; ".join(f"{group}: {format_number(recall)}" for group, recall in at.items())
    title = f"Recall by {lines['feature'].iloc[0]} over the thresholds"

    def draw(ax: Axes) -> None:
        for (group, line), colour, dash in zip(lines.groupby("group", sort=False), PALETTE, DASHES, strict=False):
            recall, size = line["recall"].to_numpy(dtype=float), float(line["positives"].iloc[0])
            low, high = np.transpose([wilson(share * size, size) for share in recall])
            name = shorten(group, NAME_LENGTH)
            ax.plot(line["threshold"], recall, color=colour, drawstyle="steps-pre", linestyle=dash, label=name)
            ax.fill_between(line["threshold"], low, high, color=colour, alpha=0.15, linewidth=0, step="pre")
        if math.isfinite(threshold):
            ax.axvline(threshold, color=GREY, linewidth=1, linestyle=":")
        ax.set(xlabel="Threshold", ylabel="Recall", ylim=(0, 1.02))
        ax.legend(loc="lower left", handlelength=3)

    return Drawing("thresholds", Picture(title, caption, f"At the threshold in use, {said}."), draw, lines)
