"""Metrics that a caller brings: any function of Fairlearn, scikit-learn or one's own, with an interval by group."""

from __future__ import annotations

import inspect
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import UndefinedMetricWarning

from toolkit.core.estimate import Estimate
from toolkit.errors import InputError, shown
from toolkit.fairness.disparities import PARITIES
from toolkit.fairness.groups import Grouping
from toolkit.fairness.measures import Case, Measured, compared
from toolkit.fairness.rates import HALF, RATES, count_cells, group_values
from toolkit.statistics.intervals import RULE_OF_THREE, Array, Z, t_quantile

#: Second parameters of functions that take scores rather than decisions, as scikit-learn calls them.
SCORES = frozenset({"y_score", "y_proba", "y_prob"})
BLOCKS = 30
#: Rows of a group from which its interval is made; the error shrinks with the root of the rows that there are.
MOST_RESAMPLED = 20_000
TAKES = "A metric takes (y_true, y_pred), may take sample_weight, and returns one number."


@dataclass(frozen=True)
class CustomMetric:
    """A function that measures predictions, by the name that a caller gave it.

    Attributes
    ----------
    name : str
    function : callable
        Of ``(y_true, y_pred)``, and of ``sample_weight`` where ``weighted``.
    scored, weighted : bool
        Whether it takes scores rather than decisions, and weights.
    """

    name: str
    function: Callable[..., Any]
    scored: bool
    weighted: bool

    def __call__(self, y_true: NDArray[Any], y_pred: NDArray[Any], **weights: Array) -> float:
        """Measure rows; nan where scikit-learn warns that they do not define the metric."""
        with warnings.catch_warnings():
            warnings.simplefilter("error", UndefinedMetricWarning)
            try:
                value = float(self.function(y_true, y_pred, **weights))
            except UndefinedMetricWarning:
                return math.nan
            except Exception as error:
                why = f"failed on rows of a group: {type(error).__name__}: {error}"
                raise InputError(f"metrics: {self.name!r} {why} {TAKES}") from error
        return value if math.isfinite(value) else math.nan


def read_metrics(given: object, case: Case) -> list[CustomMetric]:
    """Look at the functions that a caller brings.

    Parameters
    ----------
    given : mapping of name to function, or None
    case : Case
        Which tells whether there are scores.

    Raises
    ------
    InputError
        Where one is no function or has no name that can be used, or asks for scores and there are none.
    """
    taken = {*PARITIES, *RATES, "expected_calibration_error"}
    if not isinstance(given, Mapping | None) or not all(map(callable, (given or {}).values())):
        raise InputError(
            f'metrics must be functions by name, such as {{"f1": f1_score}}; found {shown(given)}. {TAKES}'
        )
    found = []
    for name, function in (given or {}).items():
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z]\w*", name) or name in taken:
            why = "is the name of a number that is there already" if name in taken else "is no plain name"
            raise InputError(f"metrics: {shown(name)} {why}; use letters, digits and underscores, such as 'f1'.")
        try:
            parameters = list(inspect.signature(function).parameters)
        except ValueError:  # some functions written in C do not say
            parameters = []
        metric = CustomMetric(name, function, not SCORES.isdisjoint(parameters[1:2]), "sample_weight" in parameters)
        if metric.scored and case.given(scored=True)[1] is None:
            raise InputError(f"metrics: {name!r} asks for {parameters[1]}, and the model gives no scores.")
        found.append(metric)
    return found


def measure_custom(
    metrics: Sequence[CustomMetric],
    case: Case,
    grouping: Grouping,
    least: int,
    replicates: int,
    rng: np.random.Generator,
) -> Measured:
    """Measure the groups of one grouping that have ``least`` rows; the others are not defined.

    Decisions between two classes are counted, where the function takes weights, and Fairlearn's ``MetricFrame`` is fed
    with the counts; all else is measured row by row.
    """
    judged = grouping.counts >= least
    counted = [metric for metric in metrics if metric.weighted and not metric.scored and case.called is not None]
    by_cells: dict[str, list[Estimate]] = {}
    if case.called is not None and counted and judged.any():
        cells = count_cells(grouping.codes, len(grouping.labels), case.predicted.y_true, case.called)
        by_cells = _by_cells(counted, cells[judged])
    found: Measured = {}
    for metric in metrics:
        measured = iter(by_cells.get(metric.name) or _by_rows(metric, case, grouping, judged, rng))
        estimates = [
            next(measured) if enough else Estimate(math.nan, n=int(n))
            for n, enough in zip(grouping.counts, judged, strict=True)
        ]
        found["", metric.name] = compared(metric.name, estimates, judged, replicates, rng)
    return found


def _by_cells(metrics: Sequence[CustomMetric], cells: Array) -> dict[str, list[Estimate]]:
    """Measure groups by their counts, and how each count moves them: the infinitesimal jackknife over their rows."""
    smooth = cells + HALF
    moved = [cells, smooth, *(smooth + step for step in np.eye(4))]
    values = group_values(np.concatenate(moved), {metric.name: metric for metric in metrics}).to_numpy()
    value, centre, *others = values.reshape(6, len(cells), len(metrics))
    weight = smooth.T[..., None]
    total = weight.sum(axis=0)
    influence = (total + 1) * (np.array(others) - centre)
    influence = influence - (weight * influence).sum(axis=0) / total
    error = np.sqrt((weight * influence**2).sum(axis=0)) / total
    sizes, method = cells.sum(axis=1).astype(int).tolist(), "infinitesimal jackknife over counted rows"
    numbers = np.stack([value, centre, Z * error]).T.tolist()
    return {
        metric.name: [_estimate(*group, n=n, method=method) for group, n in zip(groups, sizes, strict=True)]
        for metric, groups in zip(metrics, numbers, strict=True)
    }


def _by_rows(
    metric: CustomMetric, case: Case, grouping: Grouping, judged: NDArray[np.bool_], rng: np.random.Generator
) -> list[Estimate]:
    """Measure groups on their rows, and without each of thirty blocks of them: the jackknife that deletes blocks."""
    y_true, y_pred = case.given(scored=metric.scored)
    found = []
    for rows, enough in zip(grouping.rows(), judged, strict=True):
        if not enough:
            continue
        picked = rng.permutation(rows)[:MOST_RESAMPLED]
        block = np.arange(len(picked)) % BLOCKS
        kept = [picked[block != left] for left in range(min(BLOCKS, len(picked)))]
        value = metric(y_true[rows], y_pred[rows])
        without = np.array([metric(y_true[rest], y_pred[rest]) for rest in kept]) if len(picked) > 1 else np.zeros(1)
        error = math.sqrt((len(without) - 1) * float(without.var()) * len(picked) / len(rows))
        half = t_quantile(len(without)) * error
        found.append(_estimate(value, value, half, n=len(rows), method=f"jackknife over {len(without)} blocks of rows"))
    return found


def _estimate(value: float, centre: float, half: float, *, n: int, method: str) -> Estimate:
    if not math.isfinite(value + centre + half):
        return Estimate(value, n=n, method="no interval: not defined with other rows")
    if half <= 1e-12 * max(1.0, abs(value)):
        half, method = RULE_OF_THREE * max(1.0, abs(value)) / n, "rule of three"
    return Estimate(value, min(value, centre - half), max(value, centre + half), n, method)
