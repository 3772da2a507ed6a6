"""The figures of a fairness audit: one metric by group, the disparities beside chance, and rates over thresholds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from toolkit.core.estimate import format_number
from toolkit.core.figures import GREY, ORANGE, PALETTE, Axes, Drawing, draw_beside, draw_intervals, name_rows
from toolkit.core.words import shorten, titled
from toolkit.fairness.findings import FOREMOST, METRICS, drawing
from toolkit.statistics.intervals import wilson

if TYPE_CHECKING:
    from toolkit.fairness.audit import FairnessAudit

MOST_ROWS = 12
MOST_LINES, MOST_STEPS = 5, 80
NAME_LENGTH = 34
DASHES = ("-", "--", "-.", ":", (0, (5, 1)))


def drawings(audit: FairnessAudit) -> list[Drawing]:
    """Return the figures that the audit has: a metric by group, the disparities, and rates over the thresholds."""
    found = [_by_group(audit, metric) for metric in (*METRICS["drawn"][audit.data.task], *audit.custom)]
    return [one for one in (*found, _disparities(audit), _thresholds(audit)) if one]


def _by_group(audit: FairnessAudit, metric: str) -> Drawing | None:
    """Draw the judged groups of one metric: those of single columns first, then the extremes of intersections."""
    belong = (audit.groups["units"] != audit.groups["rows"]).any()
    data = audit.groups[audit.groups["metric"] == metric].drop(columns=[] if belong else "units")
    if not len(rows := data[(data["class"] == "") & data["judged"]]):
        return None
    size = np.array([found.value for found in rows["value"]], dtype=float)
    depth = rows["feature"].map({name: place for place, name in enumerate(dict.fromkeys(audit.groups["feature"]))})
    far = np.where(rows["feature"].str.contains("+", regex=False), -np.abs(size - np.median(size)), -math.inf)
    rows = rows.assign(size=size, depth=depth, far=far).sort_values(["far", "depth"], kind="stable")
    rows = rows.head(MOST_ROWS).sort_values(["depth", "size"])
    said, meaning = [f"{row.group}: {row.value}" for row in rows.itertuples()], METRICS["meaning"].get(metric, "")
    names = [f"{shorten(row.group, NAME_LENGTH)} ({row.rows:,})" for row in rows.itertuples()]
    draw = draw_beside(titled(metric), names, rows["value"], 0.0 if metric == "mean_residual" else math.nan)
    return drawing("groups", draw, data, kind=metric, grid="x", metric=titled(metric), meaning=meaning, said=said)


def _disparities(audit: FairnessAudit) -> Drawing | None:
    """Draw the foremost differences, those that exceed chance the most where there are too many."""
    rows = audit.disparities
    rows = rows[rows["disparity"].str.removesuffix("_difference").isin(FOREMOST) & rows["expected"].notna()]
    if not len(rows):
        return None
    excess = np.array([found.value for found in rows["value"]]) - rows["expected"].to_numpy(dtype=float)
    rows = rows.iloc[np.sort(np.argsort(excess)[-MOST_ROWS:])]
    kinds = rows["disparity"].str.removesuffix("_difference").str.replace("_", " ")
    names = (rows["feature"] + ": " + kinds.where(rows["class"] == "", rows["class"] + ", " + kinds)).tolist()
    rated = zip(names, rows["value"], rows["expected"].tolist(), strict=True)
    said = "; ".join(f"{name} {value}, by chance {format_number(chance)}" for name, value, chance in rated)

    def draw(ax: Axes) -> None:
        draw_intervals(ax, range(len(rows)), rows["value"])
        ax.plot(rows["expected"], range(len(rows)), "|", color=ORANGE, markersize=14, markeredgewidth=3)
        ax.annotate("by chance", (rows["expected"].iloc[0], -0.4), color="#8a5a00", fontsize=9)
        name_rows(ax, [shorten(name) for name in names], 1)
        ax.set(xlabel="Difference between groups", xlim=(0, None))

    return drawing("disparities", draw, audit.disparities, grid="x", said=said)


def _thresholds(audit: FairnessAudit) -> Drawing | None:
    """Draw the recall over the thresholds of the largest judged groups of the single column that differ most."""
    parity = audit.disparities[audit.disparities["disparity"] == "equal_opportunity_difference"]
    parity, curves = parity[parity["expected"].notna()], audit.curves
    if not len(curves) or not len(parity) or not audit.threshold:
        return None
    single = ~parity["feature"].str.contains("+", regex=False)
    ranked = parity.assign(single=single, size=[found.value for found in parity["value"]])
    feature = ranked.sort_values(["single", "size"], ascending=False, kind="stable")["feature"].iloc[0]
    judged = audit.groups[(audit.groups["metric"] == "recall") & audit.groups["judged"]]
    kept = judged[judged["feature"] == feature].nlargest(MOST_LINES, "rows")["group"]
    grid, threshold = np.sort(curves["threshold"].unique()), audit.threshold.value
    steps = [*grid[np.linspace(0, len(grid) - 1, MOST_STEPS).astype(np.intp)], threshold]
    shown = (curves["feature"] == feature) & curves["group"].isin(kept) & curves["threshold"].isin(steps)
    lines = curves.loc[shown, ["feature", "group", "threshold", "recall", "positives"]]
    reached = lines[lines["threshold"] >= (threshold if math.isfinite(threshold) else -math.inf)]
    at = reached.groupby("group", sort=False)["recall"].first().to_dict()
    said = "; ".join(f"{group}: {format_number(recall)}" for group, recall in at.items())

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

    return drawing("thresholds", draw, lines, feature=feature, said=said)
