"""What an audit says: its tables of groups and disparities, and in words what is beyond chance or cannot be judged."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core.estimate import AIMED_AT, LOWER_IS_BETTER, Estimate, format_number, format_p
from toolkit.core.resources import beside
from toolkit.core.result import Finding, Severity
from toolkit.core.texts import drawer, facer, finder
from toolkit.core.words import titled, value_text
from toolkit.data.dataset import Dataset
from toolkit.data.split import Split
from toolkit.errors import listed
from toolkit.fairness.clusters import Grouping
from toolkit.fairness.groups import MOST_GROUPS
from toolkit.fairness.measures import MOST_CLASSES, Measured
from toolkit.fairness.rates import LEAST_OF_KIND
from toolkit.fairness.spread import Disparity, GroupMetric, measure_disparity
from toolkit.models.folds import side_by_side
from toolkit.models.prediction import Predictions
from toolkit.statistics.significance import benjamini_hochberg
from toolkit.statistics.units import FEW_GROUPS

finding, drawing, face = finder(__file__), drawer(__file__), facer(__file__)
SIGNIFICANT = 0.05
#: A difference of shares above it is severe, above the lower one notable; of those that have a ratio, that is.
LARGE, NOTABLE = 0.1, 0.05
#: A difference of means of numbers is large above this share of the mean absolute error of the groups.
LARGE_SHARE = 0.5
#: The four-fifths rule of the US Uniform Guidelines on Employee Selection Procedures (1978, 29 CFR 1607.4 D).
FOUR_FIFTHS = 0.8
MOST_LISTED = 12
#: Letters of a group with the reasons why it is not judged.
LONGEST = 200
#: Rows a group, on average, from which groups of one class each are no accident.
LEAST_EACH = 10
NUMBERS = ("mean_prediction", "mean_residual", "mean_absolute_error", "root_mean_squared_error")


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


METRICS = beside(__file__, "metrics.yaml")
PARITIES = {str(name): Parity(**parity) for name, parity in METRICS["parities"].items()}
FOREMOST = tuple(name for name, parity in PARITIES.items() if parity.drawn)


def group_table(grouping: Grouping, measured: Measured) -> pd.DataFrame:
    """Return one row a group and metric.

    Columns ``feature, group, rows, units`` (what the rows belong to, else the rows), ``class, metric, value`` (an
    Estimate), ``judged``.
    """
    rows, units = grouping.counts.tolist(), [units.count for units, _ in grouping.among]
    sizes = list(zip(grouping.labels, rows, units or rows, strict=True))
    found = [
        (grouping.feature, *size, kind, name, value, bool(judged))
        for (kind, name), metric in measured.items()
        for size, value, judged in zip(sizes, metric.estimates, metric.judged, strict=True)
    ]
    return pd.DataFrame(found, columns=["feature", "group", "rows", "units", "class", "metric", "value", "judged"])


def too_few(groups: pd.DataFrame, least: int) -> pd.DataFrame:
    """Return the groups that are not judged, or not by every metric, and why: ``feature, group, rows, too_few``."""
    rows = groups[["feature", "group", "rows"]].drop_duplicates()
    scarce = groups[(groups["rows"] >= least) & ~groups["judged"] & groups["metric"].isin(METRICS["kinds"])]
    found = [
        f"{one.n} {METRICS['kinds'][metric]}" + (f" (class {kind})" if kind else "")
        for kind, metric, one in zip(scarce["class"], scarce["metric"], scarce["value"], strict=True)
    ]
    scarce = scarce.assign(too_few=np.array(found, dtype=object))
    joined = scarce.groupby(["feature", "group", "rows"], sort=False)["too_few"].agg(", ".join).reset_index()
    return pd.concat([rows[rows["rows"] < least].assign(too_few=f"fewer than {least} rows"), joined], ignore_index=True)


def disparity_table(every: Iterable[tuple[Grouping, Measured]], custom: Iterable[str] = ()) -> pd.DataFrame:
    """Return one row a disparity, without adjusted p values; a disparity that is not defined has the value nan.

    Of ``custom`` metrics there are the difference and the ratio.
    """
    parities = PARITIES | {name: Parity([name], "METRIC", ratio=True) for name in custom}

    def rows(grouping: Grouping, measured: Measured) -> list[dict[str, object]]:
        return [
            {"feature": grouping.feature, "class": kind, "disparity": f"{name}_{'ratio' if ratio else 'difference'}"}
            | _compared([measured[kind, metric] for metric in parity.metrics], ratio, grouping)
            for kind in dict.fromkeys(kind for kind, _ in measured)
            for name, parity in parities.items()
            if all((kind, metric) in measured for metric in parity.metrics)
            for ratio in ((False, True) if parity.ratio else (False,))
        ]

    found = side_by_side([partial(rows, *one) for one in every])
    return adjusted(pd.DataFrame([row for each in found for row in each]))


def adjusted(table: pd.DataFrame) -> pd.DataFrame:
    """Adjust the p values for all comparisons of the table by Benjamini and Hochberg's method."""
    return table.assign(p_adjusted=benjamini_hochberg(table["p_value"].to_numpy(dtype=float)))


def _compared(parts: list[GroupMetric], ratio: bool, grouping: Grouping) -> dict[str, object]:
    first, labels = parts[0], grouping.labels
    undefined = Disparity(Estimate(math.nan, n=sum(one.n for one in first.kept)), math.nan, math.nan, first.name, 0, 0)
    found = measure_disparity(parts, ratio=ratio) or undefined
    estimates = next(part.estimates for part in parts if part.name == found.metric)
    worst, best = found.lowest, found.highest
    lower = found.metric in LOWER_IS_BETTER or found.metric.endswith(("_loss", "_error"))
    if lower or (found.metric in AIMED_AT and abs(estimates[best].value) > abs(estimates[worst].value)):
        worst, best = best, worst
    named = {"worst": labels[worst], "best": labels[best]} if worst != best else {"worst": "", "best": ""}
    value = found.estimate
    if grouping.units and value.has_interval:
        value = replace(value, method=f"{value.method}; {grouping.units}")
    numbers = {"value": value, "expected": found.expected, "p_value": found.p_value, "p_adjusted": math.nan}
    return numbers | {"metric": found.metric} | named | {"groups": min(int(part.judged.sum()) for part in parts)}


def judge(disparities: pd.DataFrame, groups: pd.DataFrame) -> Iterator[Finding]:
    """Report of each family the disparity that exceeds chance the most, and where four fifths are not reached.

    Features whose groups each hold one class only are passed over: what differs there is the target itself.
    """
    base = groups[groups["metric"] == "base_rate"]
    certain = pd.Series([found.value in (0.0, 1.0) for found in base["value"]], index=base.index, dtype=bool)
    telling = certain.groupby(base["feature"]).all()
    beyond = disparities[(disparities["p_adjusted"] <= SIGNIFICANT) & ~disparities["feature"].map(telling).eq(True)]
    size = np.array([found.value for found in beyond["value"]], dtype=float)
    excess = size - beyond["expected"].to_numpy(dtype=float)
    name = beyond["disparity"].str.removesuffix("_difference")
    # A metric of the caller's own is reported by itself, a ratio not at all.
    family = [PARITIES[one].family if one in PARITIES else "METRIC" for one in name]
    beyond = beyond.assign(size=size, excess=excess, family=family, own=name.where(~name.isin(PARITIES), ""))
    for (kind, _), rows in beyond[name != beyond["disparity"]].groupby(["family", "own"], sort=False):
        worst = rows.iloc[int(np.argmax(rows["excess"]))]
        others = [name for name in dict.fromkeys(rows["feature"]) if name != worst["feature"]]
        also = f" Also by {listed(others, 5)}." if others else ""
        yield _about(worst, "FAIRNESS-DISPARITY", _severity(worst, groups), groups, f"FAIRNESS-{kind}", also)
    if len(low := beyond[(beyond["disparity"] == "demographic_parity_ratio") & (beyond["size"] < FOUR_FIFTHS)]):
        yield _about(low.iloc[int(np.argmin(low["size"]))], "FAIRNESS-FOUR-FIFTHS", "high", groups)


def _about(
    row: pd.Series[Any], said: str, severity: Severity, groups: pd.DataFrame, code: str = "", also: str = ""
) -> Finding:
    same = groups[["feature", "class", "metric"]].eq(row[["feature", "class", "metric"]]).all(axis=1)
    values = groups[same].set_index("group")["value"].reindex([row["worst"], row["best"]]).tolist()
    kind = f"Class {row['class']}: " if row["class"] else ""
    metric, p, expected = titled(row["metric"]), format_p(row["p_adjusted"]), format_number(float(row["expected"]))
    numbers = {"kind": kind, "metric": metric, "values": values, "expected": expected, "p": p, "also": also}
    return finding(said, severity, row["feature"], code, row=row, **numbers)


def _severity(row: pd.Series[Any], groups: pd.DataFrame) -> Severity:
    parity, large = PARITIES.get(str(row["disparity"]).removesuffix("_difference")), LARGE
    if parity is None:
        return "medium"
    if row["metric"] in NUMBERS:
        errors = groups.loc[groups["metric"] == "mean_absolute_error", "value"]
        large = LARGE_SHARE * float(np.nanmedian([found.value for found in errors]))
    if row["value"].value > large:
        return "high" if parity.ratio else "medium"
    return "medium" if row["value"].value > NOTABLE and parity.ratio else "low"


def about_groups(groupings: Sequence[Grouping], groups: pd.DataFrame, rows: int, least: int) -> Iterator[Finding]:
    """Name the groups that are too few to judge, and the columns without two groups to compare."""
    few = too_few(groups, least)
    if (small := few["rows"] < least).any():
        named = _by_feature(few[small].assign(too_few=few["rows"].astype(str)))
        yield finding("FAIRNESS-GROUP-TOO-SMALL", "low", least=least, named=named)
    if not small.all():
        of_kind, named = min(LEAST_OF_KIND, least), _by_feature(few[~small])
        yield finding("FAIRNESS-TOO-FEW-OF-KIND", "low", least=of_kind, named=named)
    if alone := [grouping for grouping in groupings if (grouping.counts >= least).sum() < 2]:
        judged = [(one.feature, np.array(one.labels)[one.counts >= least]) for one in alone]
        said = [f"{name} ({f'only {only[0]}' if len(only) else 'none'})" for name, only in judged]
        severity: Severity = "medium" if any(len(one.columns) == 1 for one in alone) else "low"
        yield finding("FAIRNESS-ONE-GROUP", severity, least=least, named=listed(said, MOST_LISTED))
    sizes = groups[["feature", "group", "rows", "units"]].drop_duplicates()
    if len(rough := sizes[(sizes["rows"] >= least) & (sizes["units"] < np.minimum(sizes["rows"], FEW_GROUPS))]):
        named, units = _by_feature(rough.assign(too_few=rough["units"].astype(str))), groupings[0].units
        yield finding("FAIRNESS-FEW-UNITS", "medium", least=FEW_GROUPS, units=units, named=named)
    for one in groupings:
        if one.beyond:
            left, groups_there = int((one.codes < 0).sum()), one.beyond + MOST_GROUPS
            numbers = {"rows": rows, "most": MOST_GROUPS, "groups": groups_there, "left": left}
            yield finding("FAIRNESS-MANY-GROUPS", "medium", one.feature, **numbers)


def _by_feature(few: pd.DataFrame) -> str:
    said = few.assign(said=few["group"] + " (" + few["too_few"] + ")").groupby("feature", sort=False)["said"]
    return "; ".join(f"{feature}: {listed(found, MOST_LISTED, longest=LONGEST)}" for feature, found in said)


def about_table(
    part: Dataset, data: Dataset | Split, columns: pd.DataFrame, groupings: Sequence[Grouping], predicted: Predictions
) -> Iterator[Finding]:
    """Say what is odd about the sensitive columns, and what could not be computed; groupings begin with the columns."""
    for (label, column), grouping in zip(columns.items(), groupings, strict=False):
        name, target = value_text(label), value_text(part.target.name)
        if label == part.target.name or _follows(grouping, predicted):
            yield finding("FAIRNESS-TARGET-IS-SENSITIVE", "high", name, name=name, target=target)
        if unnamed := int(column.isna().sum()):
            yield finding("FAIRNESS-GROUP-MISSING", "low", name, name=name, unnamed=unnamed, rows=part.rows)
        if isinstance(data, Split) and not pd.api.types.is_numeric_dtype(column):
            present, whole = set(column.dropna().unique()), data.data
            known = (whole.sensitive if label in whole.sensitive.columns else whole.frame())[label]
            if absent := [value_text(value) for value in pd.unique(known.dropna()) if value not in present]:
                yield finding("FAIRNESS-GROUP-ABSENT", "low", name, name=name, absent=listed(absent, MOST_LISTED))
    scored, classes = predicted.scored, len(predicted.classes)
    if part.task == "binary" and not (scored and predicted.probabilities):
        given, more = ("probabilities", "") if scored else ("scores", ", ROC AUC and threshold curves")
        yield finding("FAIRNESS-NOT-COMPUTED", "info", given=given, more=more)
    if part.task == "multiclass" and classes > MOST_CLASSES:
        yield finding("FAIRNESS-NOT-COMPUTED classes", "info", classes=classes, most=MOST_CLASSES)


def _follows(grouping: Grouping, predicted: Predictions) -> bool:
    """Whether each group holds one class only, and groups are large enough for that to be no accident."""
    classes, groups = len(predicted.classes), len(grouping.labels)
    if not classes or groups < 2 or grouping.beyond or len(grouping.codes) < LEAST_EACH * groups:
        return False
    place = grouping.codes.astype(np.intp) * classes + predicted.y_true.astype(np.intp)
    pairs = np.bincount(place, minlength=groups * classes).reshape(-1, classes) > 0
    return groups == int(pairs.sum()) and int(pairs.any(axis=0).sum()) > 1
