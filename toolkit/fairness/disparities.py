"""The disparities of each task, in tables of groups and of disparities, with p values adjusted for all of them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from toolkit.core.estimate import Estimate
from toolkit.fairness.groups import Grouping
from toolkit.fairness.measures import Measured
from toolkit.fairness.spread import Disparity, GroupMetric, measure_disparity
from toolkit.statistics.direction import AIMED_AT, LOWER_IS_BETTER
from toolkit.statistics.multiplicity import benjamini_hochberg


@dataclass(frozen=True)
class Parity:
    """What is to be equal between groups.

    Attributes
    ----------
    metrics : sequence of str
        Of several the one that differs most counts.
    family : str
        Parities of one family are reported once.
    ratio : bool
        Whether there is a ratio beside the difference.
    drawn : bool
        Whether the difference is drawn.
    """

    metrics: Sequence[str]
    family: str
    ratio: bool = False
    drawn: bool = False


METRICS = yaml.safe_load(Path(__file__).with_name("metrics.yaml").read_text(encoding="utf-8"))
CAPTIONS = METRICS["captions"]
PARITIES = {str(name): Parity(**parity) for name, parity in METRICS["parities"].items()}
FOREMOST = tuple(name for name, parity in PARITIES.items() if parity.drawn)


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
    scarce = groups[(groups["rows"] >= least) & ~groups["judged"] & groups["metric"].isin(METRICS["kinds"])]
    found = [
        f"{one.n} {METRICS['kinds'][metric]}" + (f" (class {kind})" if kind else "")
        for kind, metric, one in zip(scarce["class"], scarce["metric"], scarce["value"], strict=True)
    ]
    scarce = scarce.assign(too_few=np.array(found, dtype=object))
    joined = scarce.groupby(["feature", "group", "rows"], sort=False)["too_few"].agg(", ".join).reset_index()
    return pd.concat([small, joined], ignore_index=True)


def disparity_table(grouping: Grouping, measured: Measured, custom: Iterable[str] = ()) -> pd.DataFrame:
    """Return one row a disparity, without adjusted p values; a disparity that is not defined has the value nan.

    Of ``custom`` metrics there are the difference and the ratio.
    """
    parities = PARITIES | {name: Parity([name], "METRIC", ratio=True) for name in custom}
    rows = [
        {"feature": grouping.feature, "class": kind, "disparity": f"{name}_{'ratio' if ratio else 'difference'}"}
        | _compared([measured[kind, metric] for metric in parity.metrics], ratio, grouping.labels)
        for kind in dict.fromkeys(kind for kind, _ in measured)
        for name, parity in parities.items()
        if all((kind, metric) in measured for metric in parity.metrics)
        for ratio in ((False, True) if parity.ratio else (False,))
    ]
    return pd.DataFrame(rows)


def adjusted(table: pd.DataFrame) -> pd.DataFrame:
    """Adjust the p values for all comparisons of the table by Benjamini and Hochberg's method."""
    return table.assign(p_adjusted=benjamini_hochberg(table["p_value"].to_numpy(dtype=float)))


def _compared(parts: list[GroupMetric], ratio: bool, labels: Sequence[str]) -> dict[str, object]:
    first = parts[0]
    undefined = Disparity(Estimate(math.nan, n=sum(one.n for one in first.kept)), math.nan, math.nan, first.name, 0, 0)
    found = measure_disparity(parts, ratio=ratio) or undefined
    estimates = next(part.estimates for part in parts if part.name == found.metric)
    worst, best = found.lowest, found.highest
    further = abs(estimates[best].value) > abs(estimates[worst].value)
    lower = found.metric in LOWER_IS_BETTER or found.metric.endswith(("_loss", "_error"))
    if lower or (found.metric in AIMED_AT and further):
        worst, best = best, worst
    named = {"worst": labels[worst], "best": labels[best]} if worst != best else {"worst": "", "best": ""}
    numbers = {"value": found.estimate, "expected": found.expected, "p_value": found.p_value, "p_adjusted": math.nan}
    return numbers | {"metric": found.metric} | named | {"groups": min(int(part.judged.sum()) for part in parts)}
