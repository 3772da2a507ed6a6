"""Which way a named number is better, so that "worse" means the same in a gate and in the difference of two cards."""

from typing import Literal

from toolkit.core.resources import beside

Direction = Literal["higher", "lower", ""]

#: Metrics that are better when lower, and those best at a value between the ends, so that neither way is better.
LOWER_IS_BETTER, AIMED_AT = map(frozenset, beside(__file__, "direction.yaml").values())


def direction(metric: str) -> Direction:
    """Tell whether a metric is better when higher or when lower; empty where neither way is better.

    Examples
    --------
    >>> direction("roc_auc"), direction("log_loss"), direction("calibration_slope")
    ('higher', 'lower', '')
    """
    return "" if metric in AIMED_AT else "lower" if metric in LOWER_IS_BETTER else "higher"


def better_when(name: str) -> Direction:
    """Tell whether a metric of the test part, or a disparity, is better when higher or when lower.

    Empty where neither way is better, or the number is of another kind.

    Examples
    --------
    >>> better_when("test.roc_auc"), better_when("test.log_loss"), better_when("test.calibration_slope")
    ('higher', 'lower', '')
    >>> better_when("fairness.sex.demographic_parity_ratio"), better_when("fairness.sex.Female.recall")
    ('higher', '')
    """
    if is_disparity(name):
        return "higher" if name.endswith("_ratio") else "lower"
    return direction(name.rpartition(".")[2]) if name.startswith("test.") else ""


def is_disparity(name: str) -> bool:
    """Whether a number compares groups of people."""
    return name.startswith("fairness.") and name.endswith(("_difference", "_ratio"))
