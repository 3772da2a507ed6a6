"""Metrics that a caller brings: any function of Fairlearn, scikit-learn or one's own, with an interval by group."""

import inspect
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import UndefinedMetricWarning

from toolkit.core.estimate import Estimate
from toolkit.errors import InputError, shown
from toolkit.fairness.clusters import Resampling, count_cells, design_effect, draw_errors
from toolkit.fairness.findings import PARITIES
from toolkit.fairness.groups import Grouping
from toolkit.fairness.measures import Case, Measured, compared
from toolkit.fairness.rates import HALF, RATES, group_values
from toolkit.statistics.binning import Codes
from toolkit.statistics.intervals import RULE_OF_THREE, Array, Z, t_quantile
from toolkit.statistics.measure import ONE_UNIT

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
        with warnings.catch_warnings(action="error", category=UndefinedMetricWarning):
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
        raise InputError(f'metrics must be functions by name, {{"f1": f1_score}}; found {shown(given)}. {TAKES}')
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


def measure_custom(metrics: Sequence[CustomMetric], case: Case, grouping: Grouping, how: Resampling) -> Measured:
    """Measure the groups of one grouping that have enough rows; the others are not defined.

    Decisions between two classes are counted, where the function takes weights, and Fairlearn's ``MetricFrame`` is fed
    with the counts; all else is measured row by row.
    """
    judged, clusters, found = grouping.counts >= how.least, grouping.clusters, Measured()
    inside = np.flatnonzero(judged).tolist()
    counted = [metric for metric in metrics if metric.weighted and not metric.scored and case.called is not None]
    by_cells: dict[str, tuple[list[Estimate], list[Array]]] = {}
    if case.called is not None and counted and inside:
        cells = count_cells(grouping.codes, len(grouping.labels), case.predicted.y_true, case.called)
        parts = clusters.count_cells(case.predicted.y_true, case.called) if clusters else []
        weighted = np.array([part.sum(axis=0) for part in parts]) if clusters else cells
        sizes = grouping.counts[judged].tolist()
        by_cells = _by_cells(counted, weighted[judged], sizes, [parts[place] for place in inside] if clusters else [])
    for metric in metrics:
        places = [clusters.places[place] for place in inside] if clusters else []
        if metric.name in by_cells:
            known, sums = by_cells[metric.name]
        else:
            known, sums, places = _by_rows(metric, case, grouping, inside, how.rng)
        estimates = [Estimate(math.nan, n=int(n)) for n in grouping.counts]
        for place, one in zip(inside, known, strict=True):
            units = clusters.within[place] if clusters else ""
            estimates[place] = replace(one, method=f"{one.method}; {units}") if units else one
        drawn = None
        if clusters and inside:
            drawn = np.zeros((len(judged), how.replicates))
            drawn[inside] = draw_errors(sums, places, how)
        found["", metric.name] = compared(metric.name, estimates, judged, how, drawn)
    return found


def _by_cells(
    metrics: Sequence[CustomMetric], cells: Array, sizes: Sequence[int], parts: Sequence[Array] = ()
) -> dict[str, tuple[list[Estimate], list[Array]]]:
    """Measure groups by their counts, and how each count moves them: the infinitesimal jackknife over their rows.

    Beside each metric's estimates stands what the rows of each unit add to their error, where ``parts`` are its counts.
    """
    smooth = cells + HALF
    moved = [cells, smooth, *(smooth + step for step in np.eye(4))]
    values = group_values(np.concatenate(moved), {metric.name: metric for metric in metrics}).to_numpy()
    value, centre, *others = values.reshape(6, len(cells), len(metrics))
    weight = smooth.T[..., None]
    total = weight.sum(axis=0)
    influence = (total + 1) * (np.array(others) - centre)
    influence = influence - (weight * influence).sum(axis=0) / total
    error = np.sqrt((weight * influence**2).sum(axis=0)) / total
    method = "infinitesimal jackknife over counted rows"
    found: dict[str, tuple[list[Estimate], list[Array]]] = {}
    for place, metric in enumerate(metrics):
        sums = [part @ (influence[:, group, place] / total[group]) for group, part in enumerate(parts)]
        effects, counts = np.ones(len(cells)), [len(part) for part in parts] or sizes
        for group in np.flatnonzero(error[:, place] > 1e-12).tolist() if parts else ():
            effects[group] = design_effect(sums[group], error[group, place] ** 2, sizes[group])
        halves = Z * error[:, place] * np.sqrt(effects)
        numbers = zip(value[:, place].tolist(), centre[:, place].tolist(), halves.tolist(), sizes, counts, strict=True)
        found[metric.name] = [_estimate(*one, method) for one in numbers], sums
    return found


def _by_rows(
    metric: CustomMetric, case: Case, grouping: Grouping, inside: Sequence[int], rng: np.random.Generator
) -> tuple[list[Estimate], list[Array], list[Codes]]:
    """Measure groups on their rows, and without each of thirty blocks of them: the jackknife that deletes blocks.

    A block holds whole units where rows belong together, those of a sensitive group side by side, so that blocks are of
    about equal size. Beside the estimates stand how each block moves them, and which blocks there are.
    """
    y_true, y_pred = case.given(scored=metric.scored)
    units, clusters = grouping.units, grouping.clusters
    given = {"sample_weight": units.weights} if metric.weighted and units and units.weights is not None else {}
    groups = clusters.rows if clusters else grouping.rows()
    sums, places, found = [], [], []
    if units and clusters:
        home = np.zeros(units.count, dtype=np.intp)
        for place, own in enumerate(clusters.places):
            home[own] = place
        order = rng.permutation(units.count)
        rank = np.argsort(order[np.argsort(home[order], kind="stable")])
    for place in inside:
        rows = groups[place]
        if units:
            picked = rows[np.argsort(rank[units.codes[rows]], kind="stable")][:MOST_RESAMPLED]
            block = rank[units.codes[picked]] % BLOCKS
        else:
            picked = rng.permutation(rows)[:MOST_RESAMPLED]
            block = np.arange(len(picked)) % BLOCKS
        blocks = np.unique(block)
        kept = [picked[block != left] for left in blocks]
        parts = [(part, {name: one[part] for name, one in given.items()}) for part in (rows, *kept)]
        value, *left = (metric(y_true[part], y_pred[part], **weights) for part, weights in parts)
        without = np.array(left if len(blocks) > 1 else [0.0])
        error = math.sqrt((len(without) - 1) * float(without.var()) * len(picked) / len(rows))
        half, count = t_quantile(len(without)) * error, clusters.within[place].count if clusters else len(rows)
        what = "groups" if units and units.kind != "row" else "rows"
        found.append(_estimate(value, value, half, len(rows), count, f"jackknife over {len(without)} blocks of {what}"))
        sums.append(without - without.mean())
        places.append(blocks)
    return found, sums, places


def _estimate(value: float, centre: float, half: float, n: int, units: int, method: str) -> Estimate:
    if math.isinf(half) or units == 1:
        return Estimate(value, n=n, method=ONE_UNIT)
    if not math.isfinite(value + centre + half):
        return Estimate(value, n=n, method="no interval: not defined with other rows")
    if half <= 1e-12 * max(1.0, abs(value)):
        half, method = RULE_OF_THREE * max(1.0, abs(value)) / units, "rule of three"
    return Estimate(value, min(value, centre - half), max(value, centre + half), n, method)
