"""What an estimate without labels says: first, in numbers, in sentences, as a figure, and when not to believe it."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core import Finding, Severity, by_severity, counted, drawer, facer, finder, spoken, titled
from toolkit.core.estimate import LOWER_IS_BETTER, Estimate, KeyNumber, format_number, format_p
from toolkit.core.figures import GREY, ORANGE, Axes, Drawing, draw_intervals, legend_above, name_windows
from toolkit.data import Dataset
from toolkit.errors import listed
from toolkit.monitoring.confidence import MOST_UNSUPPORTED, UNKNOWABLE
from toolkit.monitoring.losses import REGRESSION
from toolkit.statistics import ALPHA, change

finding, drawing, face = finder(__file__), drawer(__file__), facer(__file__)
#: What all rows together are called among the windows.
WHOLE = "all"
FEW_REFERENCE, FEW_ROWS = 50, 30
_NOTABLE_GAP, _NOTABLE_RATIO = 0.02, 0.1
_NOTABLE_SHARE = 0.01


def judge(table: pd.DataFrame, shift: pd.DataFrame, reference: Dataset, learnt: int, outside: float) -> list[Finding]:
    """Return what a reader should know about an estimate, the most severe first.

    Parameters
    ----------
    table, shift : DataFrame
        As in ``PerformanceEstimate``.
    reference : Dataset
    learnt : int
        Rows of its rarer class, or outcome; of a regression all.
    outside : float
        Share of the current rows whose score lies outside the range of the reference.
    """
    found = _about_labels(table, shift)
    rows = table[table["metric"] == table["metric"].iloc[0]]
    level, lower = rows["reference"].iloc[0], rows["metric"].iloc[0] in LOWER_IS_BETTER
    if len(worse := rows[[cell.low > level.high if lower else cell.high < level.low for cell in rows["estimated"]]]):
        values = [cell.value for cell in worse["estimated"]]
        worst = worse.iloc[np.argmax(values) if lower else np.argmin(values)]
        place = "over all rows" if worst["window"] == WHOLE else f"in {worst['window']}"
        said = {"metric": spoken(worst["metric"]), "worst": worst, "place": place, "level": level}
        found.append(finding("ESTIMATE-DEGRADED", "medium", worst["window"], **said))
    if not reference.features.shape[1]:
        found.append(finding(f"ESTIMATE-FROM-SCORES {reference.task}", "low", rows=reference.rows))
    if learnt < FEW_REFERENCE:
        found.append(finding(f"ESTIMATE-SMALL-REFERENCE {reference.task}", "medium", few=counted(learnt, "row")))
    if outside > max(_NOTABLE_SHARE, 10 / (reference.rows + 1)):
        severity: Severity = "medium" if outside > MOST_UNSUPPORTED else "low"
        found.append(finding("ESTIMATE-OUT-OF-RANGE", severity, outside=outside))
    if (unknown := table.loc[[one.method == UNKNOWABLE for one in table["estimated"]], "window"].unique()).size:
        where = "" if unknown[0] == WHOLE else f" in {listed(unknown)}"
        found.append(finding("ESTIMATE-NO-SUPPORT", "high", where=where, most=MOST_UNSUPPORTED))
    if (small := table.loc[table["rows"] < FEW_ROWS, "window"].unique()).size:
        found.append(finding("ESTIMATE-SMALL-WINDOW", "info", few=FEW_ROWS, windows=listed(small)))
    found += [finding("ESTIMATE-ACCURACY-ONLY", "info")] if reference.task == "multiclass" else []
    return by_severity(found)


def _about_labels(table: pd.DataFrame, shift: pd.DataFrame) -> list[Finding]:
    subject = "errors are as large" if table["metric"].iloc[0] in REGRESSION else "scores mean the same"
    if not len(shift):
        return [finding("ESTIMATE-UNTESTED", "info", subject=subject)]
    found, (rows, labelled) = [], table[["rows", "labelled"]].iloc[0]
    if labelled < rows:
        found.append(finding("ESTIMATE-PARTLY-LABELLED", "info", missing=rows - labelled, rows=rows))
    moved, scores = shift[shift["p_adjusted"] < ALPHA], shift[shift["p_calibration"] < ALPHA]
    where = "" if (shift["window"] == WHOLE).all() else f" in {len(moved) or len(scores)} of {len(shift)} windows"
    if not len(moved) and len(scores):
        p = format_p(scores["p_calibration"].min())
        return [*found, finding("ESTIMATE-CALIBRATION-SHIFT", "medium", where=where, p=p)]
    p = format_p(shift["p_adjusted"].min())
    if not len(moved):
        return [*found, finding("ESTIMATE-NO-SHIFT-SEEN", "info", subject=subject, p=p)]
    # The window and metric furthest off: first among those outside their interval, then by how much matters.
    rows = table[table["window"].isin(moved["window"]) & table["labelled"].gt(0)]
    values = {name: np.array([cell.value for cell in rows[name]]) for name in ("estimated", "realized")}
    limit = np.where(rows["metric"].isin(REGRESSION), _NOTABLE_RATIO * values["estimated"], _NOTABLE_GAP)
    low, high = (np.array([getattr(cell, end) for cell in rows["estimated"]]) for end in ("low", "high"))
    size = np.nan_to_num(np.abs(values["realized"] - values["estimated"]) / np.maximum(limit, np.finfo(float).tiny))
    outside = (values["realized"] < low) | (values["realized"] > high)
    place = int(np.lexsort((size, outside))[-1])
    worst, notable = rows.iloc[place], bool(outside[place] and size[place] >= 1)
    about = {"subject": subject, "p": p, "where": where, "worst": worst, "metric": spoken(worst["metric"])}
    about["window"] = "" if worst["window"] == WHOLE else f" in {worst['window']}"
    about["gap"] = format_number(worst["realized"].value - worst["estimated"].value)
    about["small"] = "" if notable else " The difference is small."
    return [*found, finding("ESTIMATE-CONCEPT-SHIFT", "high" if notable else "low", worst["window"], **about)]


def change_from(metric: str, now: Estimate, level: Estimate) -> tuple[str, Estimate]:
    """Return the change of a metric from its level on the reference: a difference, or a ratio for errors.

    By the method of variance estimates recovery (Zou & Donner 2008, doi:10.1002/sim.3095), for a ratio on the log
    scale; the rows of the two are different ones.

    Examples
    --------
    >>> print(*change_from("accuracy", Estimate(0.8, 0.77, 0.83, 100), Estimate(0.9, 0.86, 0.94, 100)))
    change −0.100 [−0.150, −0.050]
    """
    if metric not in REGRESSION:
        return "change", change(now, level)
    if not (now.low > 0 and level.low > 0):
        return "ratio", Estimate(math.nan, n=now.n)
    mine, theirs = (Estimate(math.log(one.value), math.log(one.low), math.log(one.high)) for one in (now, level))
    moved = change(mine, theirs)
    return "ratio", Estimate(now.value / level.value, math.exp(moved.low), math.exp(moved.high), now.n, "MOVER")


def head_numbers(table: pd.DataFrame) -> Iterator[KeyNumber]:
    """Yield each metric over all rows beside its level on the reference: what is realized, else what is estimated.

    The first metric is given both ways where there are labels.

    Parameters
    ----------
    table : DataFrame
        As in ``PerformanceEstimate``.
    """
    for place, (_, row) in enumerate(table[table["window"] == WHOLE].iterrows()):
        kinds = ["realized", "estimated"][: 2 if place == 0 else 1] if row["labelled"] else ["estimated"]
        for kind in kinds:
            label = f"{titled(row['metric'])}, {'by the labels' if kind == 'realized' else 'estimated'}"
            name, now, level = f"drift.{kind}.{row['metric']}", row[kind], row["reference"]
            yield KeyNumber(name, label, now, "current table", "reference", level, change(now, level))


def headline(table: pd.DataFrame) -> str:
    """Say how well the model does on the current rows, by its first metric, and how far that is from the reference."""
    first = next(head_numbers(table))
    metric = first.name.rpartition(".")[2]
    now, gap = first.value, first.difference
    says = "is" if first.name.startswith("drift.realized.") else "is estimated, without labels, at"
    text = f"{titled(metric)} {says} {now}, against {format_number(first.other.value)} on the reference"
    if not gap.has_interval:
        return f"{text}."
    if gap.low <= 0 <= gap.high:
        return f"{text}: no clear difference."
    size = gap if gap.value > 0 else change(first.other, now)
    return f"{text}: {'better' if (gap.value < 0) == (metric in LOWER_IS_BETTER) else 'worse'} by {size}."


_SAID = 12


def estimates_drawing(table: pd.DataFrame, metric: str) -> Drawing:
    """Draw one metric, a place a window: estimates as dots, realized values as diamonds, both with their intervals."""
    every = table[table["metric"] == metric]
    rows = every[every["window"] != WHOLE] if len(every) > 1 else every.assign(window="all rows")
    labelled, level, title = rows["labelled"].gt(0).any(), rows["reference"].iloc[0], titled(metric)
    each = ((row, f", realized {row['realized']}" if row["labelled"] else "") for _, row in rows.head(_SAID).iterrows())
    said = [f"{row['window']}: estimated {row['estimated']}{real}" for row, real in each]
    more = f" and {len(rows) - _SAID} more windows" if len(rows) > _SAID else ""
    name = "estimated labelled" if labelled else "estimated"

    def draw(ax: Axes) -> None:
        places, apart = np.arange(len(rows)), 0.12 if len(rows) <= 30 else 0.0
        ax.axhspan(level.low, level.high, color=GREY, alpha=0.15, linewidth=0)
        ax.axhline(level.value, color=GREY, linewidth=1, linestyle="--")
        line: dict[str, Any] = {"upright": True, "markersize": 5, "linewidth": 1.8}
        draw_intervals(ax, places - apart, rows["estimated"], label="estimated", **line)
        if labelled:
            draw_intervals(ax, places + apart, rows["realized"], label="realized", color=ORANGE, marker="D", **line)
        ax.text(1.01, level.value, "reference", transform=ax.get_yaxis_transform(), color=GREY, va="center", fontsize=9)
        name_windows(ax, list(rows["window"]))
        ax.set(ylabel=title, xlim=(-0.6, len(rows) - 0.4))
        legend_above(ax)

    shown, said_of = every[["window", "metric", "estimated", "realized", "reference"]], f"{'; '.join(said)}{more}"
    return drawing(name, draw, shown, kind="estimated", metric=title, level=level, said=said_of)
