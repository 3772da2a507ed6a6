"""What an audit says in words: disparities beyond chance, groups that cannot be judged, and oddities of the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core.estimate import format_number, format_p
from toolkit.core.result import Finding, Severity
from toolkit.core.texts import finder
from toolkit.core.words import titled, value_text
from toolkit.data.dataset import Dataset
from toolkit.data.split import Split
from toolkit.errors import listed
from toolkit.fairness.disparities import PARITIES, too_few
from toolkit.fairness.groups import MOST_GROUPS, Grouping
from toolkit.fairness.measures import MOST_CLASSES, Case
from toolkit.fairness.rates import LEAST_OF_KIND

finding = finder(__file__)
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
    findings = []
    for (kind, _), rows in beyond[name != beyond["disparity"]].groupby(["family", "own"], sort=False):
        worst = rows.iloc[int(np.argmax(rows["excess"]))]
        others = [name for name in dict.fromkeys(rows["feature"]) if name != worst["feature"]]
        also = f" Also by {listed(others, 5)}." if others else ""
        findings.append(_about(worst, "FAIRNESS-DISPARITY", _severity(worst, groups), groups, f"FAIRNESS-{kind}", also))
    low = beyond[(beyond["disparity"] == "demographic_parity_ratio") & (beyond["size"] < FOUR_FIFTHS)]
    if len(low):
        worst = low.iloc[int(np.argmin(low["size"]))]
        findings.append(_about(worst, "FAIRNESS-FOUR-FIFTHS", "high", groups))
    return findings


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


def about_groups(groupings: Sequence[Grouping], groups: pd.DataFrame, rows: int, least: int) -> list[Finding]:
    """Name the groups that are too few to judge, and the columns without two groups to compare."""
    few = too_few(groups, least)
    small = few["rows"] < least
    findings = []
    if small.any():
        named = _by_feature(few[small].assign(too_few=few["rows"].astype(str)))
        findings.append(finding("FAIRNESS-GROUP-TOO-SMALL", "low", least=least, named=named))
    if not small.all():
        of_kind, named = min(LEAST_OF_KIND, least), _by_feature(few[~small])
        findings.append(finding("FAIRNESS-TOO-FEW-OF-KIND", "low", least=of_kind, named=named))
    alone = [grouping for grouping in groupings if (grouping.counts >= least).sum() < 2]
    if alone:
        judged = [(one.feature, np.array(one.labels)[one.counts >= least]) for one in alone]
        said = [f"{name} ({f'only {only[0]}' if len(only) else 'none'})" for name, only in judged]
        severity: Severity = "medium" if any(len(one.columns) == 1 for one in alone) else "low"
        findings.append(finding("FAIRNESS-ONE-GROUP", severity, least=least, named=listed(said, MOST_LISTED)))
    for one in groupings:
        if one.beyond:
            left, known = int((one.codes < 0).sum()), {"name": one.feature, "rows": rows, "most": MOST_GROUPS}
            many = finding(
                "FAIRNESS-MANY-GROUPS", "medium", one.feature, groups=one.beyond + MOST_GROUPS, left=left, **known
            )
            findings.append(many)
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
        name, target = value_text(label), value_text(part.target.name)
        if label == part.target.name or _follows(grouping, case):
            findings.append(finding("FAIRNESS-TARGET-IS-SENSITIVE", "high", name, name=name, target=target))
        unnamed = int(column.isna().sum())
        if unnamed:
            missing = finding("FAIRNESS-GROUP-MISSING", "low", name, name=name, unnamed=unnamed, rows=part.rows)
            findings.append(missing)
        if isinstance(data, Split) and not pd.api.types.is_numeric_dtype(column):
            present, whole = set(column.dropna().unique()), data.data
            known = (whole.sensitive if label in whole.sensitive.columns else whole.frame())[label]
            absent = [value_text(value) for value in pd.unique(known.dropna()) if value not in present]
            if absent:
                said = listed(absent, MOST_LISTED)
                findings.append(finding("FAIRNESS-GROUP-ABSENT", "low", name, name=name, absent=said))
    scored, classes = case.predicted.scored, len(case.predicted.classes)
    if case.task == "binary" and not (scored and case.predicted.probabilities):
        given, more = ("probabilities", "") if scored else ("scores", ", ROC AUC and threshold curves")
        findings.append(finding("FAIRNESS-NOT-COMPUTED", "info", given=given, more=more))
    if case.task == "multiclass" and classes > MOST_CLASSES:
        findings.append(finding("FAIRNESS-NOT-COMPUTED classes", "info", classes=classes, most=MOST_CLASSES))
    return findings


def _follows(grouping: Grouping, case: Case) -> bool:
    """Whether each group holds one class only, and groups are large enough for that to be no accident."""
    classes, groups = len(case.predicted.classes), len(grouping.labels)
    if case.task == "regression" or groups < 2 or grouping.beyond or len(grouping.codes) < LEAST_EACH * groups:
        return False
    place = grouping.codes.astype(np.intp) * classes + case.predicted.y_true.astype(np.intp)
    pairs = np.bincount(place, minlength=groups * classes).reshape(-1, classes) > 0
    return groups == int(pairs.sum()) and int(pairs.any(axis=0).sum()) > 1
