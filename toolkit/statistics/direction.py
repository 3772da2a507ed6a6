"""Which way a named number is better, so that "worse" means the same in a gate and in the difference of two cards."""

from __future__ import annotations

from typing import Literal

from toolkit.statistics.metrics import AIMED_AT, LOWER_IS_BETTER


def better_when(name: str) -> Literal["higher", "lower", ""]:
    """Tell whether a metric of the test part, or a disparity, is better when higher or when lower.

    Empty where neither way is better, or the number is of another kind.

    Examples
    --------
    >>> better_when("test.roc_auc"), better_when("test.log_loss"), better_when("test.calibration_slope")
    ('higher', 'lower', '')
    >>> better_when("fairness.sex.demographic_parity_ratio"), better_when("fairness.sex.Female.recall")
    ('higher', '')
    """
    metric = name.rpartition(".")[2]
    if name.startswith("test.") and metric not in AIMED_AT:
        return "lower" if metric in LOWER_IS_BETTER else "higher"
    if is_disparity(name):
        return "higher" if name.endswith("_ratio") else "lower"
    return ""


def is_disparity(name: str) -> bool:
    """Whether a number compares groups of people."""
    return name.startswith("fairness.") and name.endswith(("_difference", "_ratio"))
