"""Numbers of the one namespace: which way each is better, those at the head of a report, and those of groups of people.

Which way a number is better is told here alone, so that "worse" means the same in a gate and in the difference of two
cards.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from toolkit.core.estimate import Estimate
from toolkit.core.resources import beside
from toolkit.core.words import titled

UNKNOWN = Estimate(math.nan)
PREFIX = "fairness."
_DISPARITY = ("_difference", "_ratio")
Direction = Literal["", "higher", "lower"]
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
    return name.startswith(PREFIX) and name.endswith(_DISPARITY)


@dataclass(frozen=True, slots=True)
class GroupNumber:
    """One number about a group, or about how far the groups of a feature are apart.

    Attributes
    ----------
    name : str
        The dotted name it has everywhere.
    feature : str
        Such as ``sex``, or ``sex+race`` for an intersection.
    group : str
        Such as ``Female``; of a disparity the class it is about, mostly empty.
    metric : str
    number : Estimate
    """

    name: str
    feature: str
    group: str
    metric: str
    number: Estimate

    @property
    def is_disparity(self) -> bool:
        """Whether it compares groups."""
        return self.metric.endswith(_DISPARITY)


def group_numbers(scalars: Mapping[str, Estimate]) -> list[GroupNumber]:
    """Return every number ``fairness.<feature>.<group>.<metric>`` and ``fairness.<feature>.<disparity>``, taken apart.

    Names of features and groups may hold dots themselves, so the features are first read off the disparities, which
    have no group.

    Examples
    --------
    >>> numbers = {"fairness.a.b.accuracy_difference": Estimate(0.1), "fairness.a.b.1.5.recall": Estimate(0.9)}
    >>> [(one.feature, one.group, one.metric) for one in group_numbers(numbers)]
    [('a.b', '', 'accuracy_difference'), ('a.b', '1.5', 'recall')]
    """
    split = [(name, *name.removeprefix(PREFIX).rpartition(".")[::2]) for name in scalars if name.startswith(PREFIX)]
    middles = {middle for _, middle, metric in split if metric.endswith(_DISPARITY)}
    # The shortest: of several classes, a disparity's name has the class after the feature.
    features = [one for one in middles if not any(one.startswith(f"{other}.") for other in middles)]
    found = []
    for name, middle, metric in split:
        feature = next((one for one in features if f"{middle}.".startswith(f"{one}.")), middle.partition(".")[0])
        found.append(GroupNumber(name, feature, middle[len(feature) + 1 :], metric, scalars[name]))
    return found


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """A number for the head of a report, beside what it is to be compared with.

    Attributes
    ----------
    name : str
        As among the scalars; its last part is the metric, which tells whether more of it is better.
    label : str
        The name for a reader.
    value : Estimate
    on, beside : str
        Which rows it was measured on, and what it is compared with, such as ``test part`` and ``baseline``.
    other, difference : Estimate
        The number of what it is compared with, and the difference to it; may be not defined.
    better : {"", "higher", "lower"}
        Which of it is better, where its name does not say.
    """

    name: str
    label: str
    value: Estimate
    on: str = ""
    beside: str = ""
    other: Estimate = UNKNOWN
    difference: Estimate = UNKNOWN
    better: Direction = ""


def against_baseline(scalars: Mapping[str, Estimate]) -> tuple[KeyNumber, ...]:
    """Return the numbers of the test part that have a baseline beside them.

    Examples
    --------
    >>> found = against_baseline({"test.f1": Estimate(0.5), "baseline.f1": Estimate(0.1), "test.rows": Estimate(9)})
    >>> [(one.name, one.label, str(one.value), str(one.other)) for one in found]
    [('test.f1', 'F1', '0.500', '0.100')]
    """
    groups = scalars.get("test.groups", UNKNOWN).value
    on = "test part" if math.isnan(groups) else f"test part ({groups:,.0f} groups)"
    found = []
    for name, number in scalars.items():
        part, _, metric = name.partition(".")
        if part == "test" and f"baseline.{metric}" in scalars:
            other, difference = scalars[f"baseline.{metric}"], scalars.get(f"difference.{metric}", UNKNOWN)
            found.append(KeyNumber(name, titled(metric), number, on, "baseline", other, difference))
    return tuple(found)
