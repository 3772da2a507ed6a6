"""What an audit says in words: disparities beyond chance, groups that cannot be judged, and oddities of the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core.estimate import Estimate, format_number, format_p
from toolkit.core.result import Finding, Severity
from toolkit.core.words import titled, value_text
from toolkit.data.dataset import Dataset
from toolkit.data.split import Split
from toolkit.errors import listed
from toolkit.fairness.disparities import PARITIES, too_few
from toolkit.fairness.groups import Grouping
from toolkit.fairness.measures import MOST_CLASSES, Case
from toolkit.fairness.rates import least_of_kind

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


def disparity_findings(disparities: pd.DataFrame, groups: pd.DataFrame) -> list[Finding]:
    """Report of each family the disparity that exceeds chance the most, and where four fifths are not reached.

    Features whose groups each hold one class only are passed over: what differs there is the target itself.
    """
    beyond = disparities[(disparities["p_adjusted"] <= SIGNIFICANT) & ~disparities["feature"].isin(_telling(groups))]
    size = np.array([found.value for found in beyond["value"]], dtype=float)
    excess = size - beyond["expected"].to_numpy(dtype=float)
    beyond = beyond.assign(size=size, excess=excess, family=beyond["disparity"].map(_family))
    findings = []
    for family, rows in beyond.dropna(subset="family").groupby("family", sort=False):
        worst = rows.iloc[int(np.argmax(rows["excess"]))]
        others = [name for name in dict.fromkeys(rows["feature"]) if name != worst["feature"]]
        said = _said(worst, _values(groups, worst), others)
        code = f"FAIRNESS-{str(family).split()[0]}"
        findings.append(Finding(code, _severity(worst, groups), said, worst["feature"]))
    low = beyond[(beyond["disparity"] == "demographic_parity_ratio") & (beyond["size"] < FOUR_FIFTHS)]
    if len(low):
        worst = low.iloc[int(np.argmin(low["size"]))]
        note = (
            f"{_of_class(worst)}{worst['worst']} is selected {worst['value']} times as often as {worst['best']} "
            f"({worst['feature']}), below four fifths; more than chance explains "
            f"(adjusted p {format_p(worst['p_adjusted'])})."
        )
        findings.append(Finding("FAIRNESS-FOUR-FIFTHS", "high", note, str(worst["feature"])))
    return findings


def _family(disparity: str) -> str | None:
    """Return what a difference is reported with: its family, or a custom metric by itself; None of a ratio."""
    name = disparity.removesuffix("_difference")
    if name == disparity:
        return None
    return PARITIES[name].family if name in PARITIES else f"METRIC {name}"


def about_groups(
    groupings: Sequence[Grouping], groups: pd.DataFrame, rows: int, least: int, most: int
) -> list[Finding]:
    """Name the groups that are too few to judge, and the columns without two groups to compare."""
    few = too_few(groups, least)
    small = few["rows"] < least
    findings = []
    if small.any():
        named = _by_feature(few[small].assign(too_few=few["rows"].astype(str)))
        note = f"Too few to judge (fewer than {least} rows), and left out of every disparity: {named}."
        findings.append(Finding("FAIRNESS-GROUP-TOO-SMALL", "low", note))
    if not small.all():
        note = (
            f"Enough rows, but fewer than {least_of_kind(least)} of the kind that some metrics need, and left out of "
            f"their disparities (recall rests on positives, false positive rate on negatives, precision on those "
            f"called positive): {_by_feature(few[~small])}."
        )
        findings.append(Finding("FAIRNESS-TOO-FEW-OF-KIND", "low", note))
    alone = {grouping.feature: grouping for grouping in groupings if (grouping.counts >= least).sum() < 2}
    if alone:
        judged = {name: np.array(one.labels)[one.counts >= least] for name, one in alone.items()}
        said = [f"{name} ({f'only {only[0]}' if len(only) else 'none'})" for name, only in judged.items()]
        severity: Severity = "medium" if any(len(one.columns) == 1 for one in alone.values()) else "low"
        note = f"Fewer than two groups have {least} rows or more, so there is nothing to compare: "
        findings.append(Finding("FAIRNESS-ONE-GROUP", severity, f"{note}{listed(said, MOST_LISTED)}."))
    for grouping in groupings:
        if grouping.beyond:
            left = int((grouping.codes < 0).sum())
            note = (
                f"{grouping.feature} has {grouping.beyond + most:,} groups: the {most} largest are looked at; "
                f"the others hold {left:,} of {rows:,} rows and are left out."
            )
            findings.append(Finding("FAIRNESS-MANY-GROUPS", "medium", note, grouping.feature))
    return findings


def _by_feature(few: pd.DataFrame) -> str:
    said = few.assign(said=few["group"] + " (" + few["too_few"] + ")").groupby("feature", sort=False)["said"]
    return "; ".join(f"{feature}: {listed(found, MOST_LISTED, longest=LONGEST)}" for feature, found in said)


def about_table(
    part: Dataset, data: Dataset | Split, columns: pd.DataFrame, groupings: Sequence[Grouping], case: Case
) -> list[Finding]:
    """Say what is odd about the sensitive columns, and what could not be computed; groupings begin with the columns."""
    findings = []
    for (label, column), grouping in zip(columns.items(), groupings, strict=False):
        name = value_text(label)
        if label == part.target.name or _follows(grouping, case):
            note = (
                f"Sensitive column {name!r} tells the target {value_text(part.target.name)!r} row by row: its groups "
                "differ by what is predicted, not by how they are treated."
            )
            findings.append(Finding("FAIRNESS-TARGET-IS-SENSITIVE", "high", note, name))
        unnamed = int(column.isna().sum())
        if unnamed:
            note = f"{name} is missing in {unnamed:,} of {part.rows:,} rows, which form a group of their own."
            findings.append(Finding("FAIRNESS-GROUP-MISSING", "low", note, name))
        absent = _absent(data, label, column)
        if absent:
            note = (
                f"The test part has no row where {name} is {listed(absent, MOST_LISTED)}: how the model treats such "
                "rows is not known."
            )
            findings.append(Finding("FAIRNESS-GROUP-ABSENT", "low", note, name))
    if case.task == "binary" and not (case.predicted.scored and case.predicted.probabilities):
        missing = "Brier score, calibration gap" + ("" if case.predicted.scored else ", ROC AUC and threshold curves")
        note = f"The model gives no {'probabilities' if case.predicted.scored else 'scores'}: not computed: {missing}."
        findings.append(Finding("FAIRNESS-NOT-COMPUTED", "info", note))
    if case.task == "multiclass" and len(case.predicted.classes) > MOST_CLASSES:
        note = f"Of {len(case.predicted.classes)} classes the {MOST_CLASSES} most frequent are audited."
        findings.append(Finding("FAIRNESS-NOT-COMPUTED", "info", note))
    return findings


def _telling(groups: pd.DataFrame) -> list[str]:
    """Return the features all of whose groups have a base rate of none or all."""
    base = groups[groups["metric"] == "base_rate"]
    certain = pd.Series([found.value in (0.0, 1.0) for found in base["value"]], index=base.index, dtype=bool)
    each = certain.groupby(base["feature"]).all()
    return [str(name) for name in each.index[each]]


def _said(worst: pd.Series[Any], values: dict[str, Estimate], others: Sequence[str]) -> str:
    name = f"{_of_class(worst)}{titled(worst['metric'])}"
    also = f" Also by {listed(others, 5)}." if others else ""
    return (
        f"{name} for {worst['worst']} is {values[worst['worst']]}, for {worst['best']} "
        f"{values[worst['best']]} ({worst['feature']}): a difference of {worst['value']}, where chance alone would "
        f"make {format_number(float(worst['expected']))}; more than chance explains (adjusted p "
        f"{format_p(worst['p_adjusted'])}).{also}"
    )


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


def _values(groups: pd.DataFrame, row: pd.Series[Any]) -> dict[str, Estimate]:
    same = groups[["feature", "class", "metric"]].eq(row[["feature", "class", "metric"]]).all(axis=1)
    return dict(zip(groups.loc[same, "group"], groups.loc[same, "value"], strict=True))


def _of_class(row: pd.Series[Any]) -> str:
    return f"Class {row['class']}: " if row["class"] else ""


def _follows(grouping: Grouping, case: Case) -> bool:
    """Whether each group holds one class only, and groups are large enough for that to be no accident."""
    classes, groups = len(case.predicted.classes), len(grouping.labels)
    if case.task == "regression" or groups < 2 or grouping.beyond or len(grouping.codes) < LEAST_EACH * groups:
        return False
    place = grouping.codes.astype(np.intp) * classes + case.predicted.y_true.astype(np.intp)
    pairs = np.bincount(place, minlength=groups * classes).reshape(-1, classes) > 0
    return groups == int(pairs.sum()) and int(pairs.any(axis=0).sum()) > 1


def _absent(data: Dataset | Split, name: object, column: pd.Series[Any]) -> list[str]:
    if isinstance(data, Dataset) or pd.api.types.is_numeric_dtype(column):
        return []
    present = set(column.dropna().unique())
    whole = data.data.sensitive if name in data.data.sensitive.columns else data.data.frame()
    return [value_text(value) for value in pd.unique(whole[name].dropna()) if value not in present]
