"""The disparities of each task, in tables of groups and of disparities, with p values adjusted for all of them."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from toolkit.core.estimate import Estimate
from toolkit.fairness.groups import Grouping
from toolkit.fairness.measures import Measured
from toolkit.fairness.spread import Disparity, measure_disparity
from toolkit.statistics.direction import AIMED_AT, LOWER_IS_BETTER
from toolkit.statistics.multiplicity import benjamini_hochberg

#: By Fairlearn's names: the metrics that are to be equal, and whether there is a ratio beside the difference.
PARITIES: dict[str, tuple[tuple[str, ...], bool]] = {
    "demographic_parity": (("selection_rate",), True),
    "equal_opportunity": (("recall",), True),
    "equalized_odds": (("recall", "false_positive_rate"), True),
    "predictive_parity": (("precision",), False),
}
#: Metrics of all classes at once that are compared by their difference.
DIFFERENCES = (
    "accuracy",
    "balanced_accuracy",
    "roc_auc",
    "brier_score_loss",
    "calibration_gap",
    "mean_prediction",
    "mean_residual",
    "mean_absolute_error",
    "root_mean_squared_error",
)
#: What a rate rests on; the others rest on all rows or on these kinds.
KINDS = {"recall": "positives", "false_positive_rate": "negatives", "precision": "called positive"}
DISPARITY_COLUMNS = (
    "feature",
    "class",
    "disparity",
    "value",
    "expected",
    "p_value",
    "p_adjusted",
    "metric",
    "worst",
    "best",
    "groups",
)


def group_table(grouping: Grouping, measured: Measured) -> pd.DataFrame:
    """Return one row a group and metric: ``feature, group, rows, class, metric, value`` (an Estimate), ``judged``."""
    counts = grouping.counts.tolist()
    rows = [
        (grouping.feature, label, count, kind, name, found, bool(judged))
        for (kind, name), metric in measured.items()
        for label, count, found, judged in zip(grouping.labels, counts, metric.estimates, metric.judged, strict=True)
    ]
    return pd.DataFrame(rows, columns=["feature", "group", "rows", "class", "metric", "value", "judged"])


def too_few(groups: pd.DataFrame, least: int) -> pd.DataFrame:
    """Return the groups that are not judged, or not by every metric, and why: ``feature, group, rows, too_few``."""
    rows = groups[["feature", "group", "rows"]].drop_duplicates()
    small = rows[rows["rows"] < least].assign(too_few=f"fewer than {least} rows")
    scarce = groups[(groups["rows"] >= least) & ~groups["judged"] & groups["metric"].isin(list(KINDS))]
    found = [
        f"{one.n} {KINDS[metric]}" + (f" (class {kind})" if kind else "")
        for kind, metric, one in zip(scarce["class"], scarce["metric"], scarce["value"], strict=True)
    ]
    scarce = scarce.assign(too_few=np.array(found, dtype=object))
    joined = scarce.groupby(["feature", "group", "rows"], sort=False)["too_few"].agg(", ".join).reset_index()
    return pd.concat([small, joined], ignore_index=True)


def disparity_table(grouping: Grouping, measured: Measured) -> pd.DataFrame:
    """Return one row a disparity, without adjusted p values; a disparity that is not defined has the value nan."""
    rows = []
    for kind, name, metrics, ratio in _defined(measured):
        parts = [measured[kind, metric] for metric in metrics]
        found = measure_disparity(parts, ratio=ratio)
        number = min(int(part.judged.sum()) for part in parts)
        n = sum(estimate.n for estimate, judged in zip(parts[0].estimates, parts[0].judged, strict=True) if judged)
        row: dict[str, object] = {"feature": grouping.feature, "class": kind, "disparity": name, "groups": number}
        if found is None:
            row |= {"value": Estimate(math.nan, n=n), "expected": math.nan, "p_value": math.nan, "metric": metrics[0]}
            rows.append(row | {"worst": "", "best": ""})
            continue
        worst, best = _worst_and_best(found, measured[kind, found.metric].estimates)
        row |= {"value": found.estimate, "expected": found.expected, "p_value": found.p_value, "metric": found.metric}
        named = {"worst": grouping.labels[worst], "best": grouping.labels[best]} if worst != best else {}
        rows.append({"worst": "", "best": ""} | row | named)
    return pd.DataFrame(rows).reindex(columns=list(DISPARITY_COLUMNS))


def adjusted(table: pd.DataFrame) -> pd.DataFrame:
    """Adjust the p values for all comparisons of the table by Benjamini and Hochberg's method."""
    return table.assign(p_adjusted=benjamini_hochberg(table["p_value"].to_numpy(dtype=float)))


def _defined(measured: Measured) -> Iterator[tuple[str, str, tuple[str, ...], bool]]:
    """Yield the class, name and metrics of each disparity, and whether it is a ratio."""
    for kind in dict.fromkeys(kind for kind, _ in measured):
        for name, (metrics, with_ratio) in PARITIES.items():
            if all((kind, metric) in measured for metric in metrics):
                yield kind, f"{name}_difference", metrics, False
                if with_ratio:
                    yield kind, f"{name}_ratio", metrics, True
        for name in DIFFERENCES:
            if (kind, name) in measured:
                yield kind, f"{name}_difference", (name,), False


def _worst_and_best(found: Disparity, estimates: tuple[Estimate, ...]) -> tuple[int, int]:
    """Return the places of the groups that are worst and best off: where 0 is best, by how far they are from it."""
    low, high = found.lowest, found.highest
    if found.metric in LOWER_IS_BETTER:
        return high, low
    if found.metric in AIMED_AT and abs(estimates[high].value) > abs(estimates[low].value):
        return high, low
    return low, high
