"""Metrics that a caller brings: any function of Fairlearn, scikit-learn or one's own, with an interval by group."""

import inspect
import math
import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from sklearn.exceptions import UndefinedMetricWarning

from toolkit.core import Estimate
from toolkit.errors import InputError, shown
from toolkit.fairness.clusters import HALF, Grouping, Resampling, design_effect, draw_errors
from toolkit.fairness.measures import PARITIES, Measured, compared
from toolkit.fairness.rates import RATES, group_values
from toolkit.models import Predictions
from toolkit.statistics import ONE_UNIT, RULE_OF_THREE, AnyArray, Array, Codes, t_quantile

#: Second parameters of functions that take scores rather than decisions, as scikit-learn calls them.
SCORES = frozenset({"y_score", "y_proba", "y_prob"})
#: Functions that take probabilities, though scikit-learn before 1.9 calls them ``y_pred``.
SCORED = frozenset({"log_loss", "d2_log_loss_score"})
BLOCKS = 30
#: Rows of a group from which its interval is made; the error shrinks with the root of the rows that there are.
MOST_RESAMPLED = 20_000
#: Numbers of groups, what each unit or block adds to their errors, and which of all these are.
Moved: TypeAlias = tuple[list[Estimate], list[Array], list[Codes]]
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

    @property
    def counted(self) -> bool:
        """Whether counts of decisions tell it what rows do, which they do not where it asks how many rows there are."""
        (y_true, y_pred), times = np.indices((2, 2)).reshape(2, 4), np.array([400, 300, 200, 500])
        each = np.ones(times.sum()) if self.weighted else None
        by_rows = self(np.repeat(y_true, times), np.repeat(y_pred, times), each)
        return math.isclose(self(y_true, y_pred, 1.0 * times), by_rows, rel_tol=1e-9, abs_tol=1e-12)

    def __call__(self, y_true: AnyArray, y_pred: AnyArray, sample_weight: Array | None = None) -> float:
        """Measure rows; nan where scikit-learn warns that they do not define the metric.

        A function that takes no weights is given each row twice as often as it weighs, as half rows occur.
        """
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        if weights and not self.weighted:
            times = np.rint(2 * weights.pop("sample_weight")).astype(np.intp)
            y_true, y_pred = np.repeat(y_true, times), np.repeat(y_pred, times)
        with warnings.catch_warnings(action="error", category=UndefinedMetricWarning):
            try:
                value = float(self.function(y_true, y_pred, **weights))
            except UndefinedMetricWarning:
                return math.nan
            except Exception as error:
                why = f"failed on rows of a group: {type(error).__name__}: {str(error).rstrip('.')}."
                raise InputError(f"metrics: {self.name!r} {why} {TAKES}") from error
        return value if math.isfinite(value) else math.nan


def read_metrics(given: object, predicted: Predictions) -> list[CustomMetric]:
    """Look at the functions that a caller brings.

    Parameters
    ----------
    given : mapping of name to function, or None
    predicted : Predictions
        Which tell whether there are scores.

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
        if "pred_decision" in parameters[1:2]:
            raise InputError(f"metrics: {name!r} asks for pred_decision, values of a decision function. {TAKES}")
        called = getattr(getattr(function, "func", function), "__name__", "")
        scored = called in SCORED or not SCORES.isdisjoint(parameters[1:2])
        if scored and given_of(predicted, scored=True)[1] is None:
            raise InputError(f"metrics: {name!r} asks for {parameters[1]}, and the model gives no scores.")
        found.append(CustomMetric(name, function, scored, "sample_weight" in parameters))
    return found


def given_of(predicted: Predictions, *, scored: bool) -> tuple[AnyArray, Any]:
    """Return truth and decisions as a metric takes them: 0 and 1 of two classes, labels of several, numbers.

    Where ``scored``, scores instead of decisions: those of the positive class, or the probabilities of all classes;
    None where the model gives labels only.
    """
    if not predicted.classes:
        return predicted.y_true, predicted.y_pred
    truth = predicted.y_true.astype(np.intp)
    if predicted.decisions is not None:
        scores = predicted.y_pred if predicted.scored else None
        return truth, scores if scored else predicted.decisions.astype(np.intp)
    labels = np.asarray(predicted.classes)
    return labels[truth], predicted.y_prob if scored else labels[predicted.y_pred.astype(np.intp)]


def measure_custom(custom: list[CustomMetric], predicted: Predictions, grouping: Grouping, how: Resampling) -> Measured:
    """Measure the groups of one grouping that have enough rows; the others are not defined.

    Decisions between two classes are counted, and Fairlearn's ``MetricFrame`` is fed with the counts; all else is
    measured row by row, and so is what counts do not tell. A function that takes no weights has none.
    """
    judged, found, units = grouping.counts >= how.least, Measured(), grouping.units
    inside, bare = np.flatnonzero(judged).tolist(), grouping
    if units and units.weights is not None:
        bare = replace(grouping, units=replace(units, weights=None, weight="") if units.kind != "row" else None)
    for metric in custom:
        own = grouping if metric.weighted else bare
        if inside and predicted.decisions is not None and not metric.scored and metric.counted:
            counts = own.counted(predicted.y_true, predicted.decisions)
            parts = [counts.parts[at] for at in inside if own.units]
            places = [own.places[at] for at in inside if own.units]
            known, sums = _by_cells(metric, counts.cells[judged], parts)
        else:
            known, sums, places = _by_rows(metric, predicted, own, how)
        estimates = [Estimate(math.nan, n=int(n)) for n in grouping.counts]
        for place, one in zip(inside, known, strict=True):
            estimates[place] = replace(one, method=f"{one.method}{own.methods[place]}")
        drawn = None
        if own.units and inside:
            drawn = np.zeros((len(judged), how.replicates))
            drawn[inside] = draw_errors(sums, places, how)
        found["", metric.name] = compared(metric.name, estimates, judged, how, drawn)
    return found


def _by_cells(metric: CustomMetric, cells: Array, parts: Sequence[Array]) -> tuple[list[Estimate], list[Array]]:
    """Measure groups by their counts, and how each count moves them: the infinitesimal jackknife over their rows.

    Beside the estimates stands what the rows of each unit add to their error, where ``parts`` are its counts.
    """
    smooth, sizes = cells + HALF, np.rint(cells.sum(axis=1)).astype(int).tolist()
    moved = np.concatenate([cells, smooth, *(smooth + step for step in np.eye(4))])
    value, centre, *others = group_values(moved, {metric.name: metric}).to_numpy().reshape(6, len(cells))
    total = smooth.sum(axis=1)
    influence = (total + 1) * (np.array(others) - centre)
    influence -= (smooth.T * influence).sum(axis=0) / total
    weight, squares = (smooth.T * np.abs(influence)).sum(axis=0), (smooth.T * influence**2).sum(axis=0)
    error, even = np.sqrt(squares) / total, weight**2 / np.maximum(squares, 1e-300)
    sums = [part @ one for part, one in zip(parts, (influence / total).T, strict=False)]
    known = zip(sums, error, sizes, strict=False)
    effects = [design_effect(one, apart**2, n) if apart > 1e-12 else 1.0 for one, apart, n in known]
    counts = [len(part) for part in parts] or sizes
    # Student's t of as many rows as would add evenly to the error, which may be few (Kish 1965), or of the units.
    quantiles = np.array([t_quantile(max(min(rows), 2.0)) for rows in zip(even.tolist(), counts, strict=True)])
    halves = quantiles * error * np.sqrt(effects or 1.0)
    numbers = zip(value.tolist(), centre.tolist(), halves.tolist(), sizes, counts, strict=True)
    return [_estimate(*one, "infinitesimal jackknife over counted rows") for one in numbers], sums


def _by_rows(metric: CustomMetric, predicted: Predictions, grouping: Grouping, how: Resampling) -> Moved:
    """Measure groups on their rows, and without each of thirty blocks of them: the jackknife that deletes blocks.

    A block holds whole units where rows belong together, those of a sensitive group side by side, so that blocks are of
    about equal size. Beside the estimates stand how each block moves them, and which blocks there are.
    """
    y_true, y_pred = given_of(predicted, scored=metric.scored)
    units, sums, places, found = grouping.units, [], [], []
    weights = units.weights if units else None
    if units:
        home = np.zeros(units.count, dtype=np.intp)
        np.maximum.at(home, units.codes, grouping.codes)
        rank = np.argsort(np.lexsort((np.argsort(how.rng.permutation(units.count)), home)))
    for place in np.flatnonzero(grouping.counts >= how.least).tolist():
        rows = grouping.rows[place]
        at = rank[units.codes[rows]] if units else np.argsort(how.rng.permutation(len(rows)))
        order = np.argsort(at, kind="stable")[:MOST_RESAMPLED]
        picked, block = rows[order], at[order] % BLOCKS
        blocks = np.unique(block)
        kept = [picked[block != left] for left in blocks]
        each = [(part, None if weights is None else weights[part] / weights[part].mean()) for part in (rows, *kept)]
        value, *left = (metric(y_true[part], y_pred[part], own) for part, own in each)
        without = np.array(left if len(blocks) > 1 else [0.0])
        error = math.sqrt((len(without) - 1) * float(without.var()) * len(picked) / len(rows))
        half, count = t_quantile(len(without)) * error, len(grouping.places[place]) if units else len(rows)
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
