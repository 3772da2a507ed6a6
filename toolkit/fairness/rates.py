"""Metrics that are counted: every one a share of one kind of cell of the confusion matrix among another, by group."""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.estimate import Estimate
from toolkit.core.resources import beside
from toolkit.fairness.clusters import Clusters, Resampling, design_effect, draw_errors
from toolkit.fairness.spread import GroupMetric, from_scale, to_scale
from toolkit.statistics.intervals import Array, mover_mean, wilson
from toolkit.statistics.measure import ONE_UNIT
from toolkit.statistics.units import kish

EVERY = range(4)
#: The cells that are counted, and those among which they are.
_CELLS: dict[str, list[list[int]]] = beside(__file__, "metrics.yaml")["cells"]
RATES = {name: cells for name, cells in _CELLS.items() if name != "true_negative_rate"}
#: Means of several rates.
SIDES = {"balanced_accuracy": ("recall", "true_negative_rate")}
#: A rate is judged where it rests on this many rows of its kind, such as positives for the recall (or as few as a
#: whole group may have, where that is less).
LEAST_OF_KIND = 10
#: Added to each cell before resampling, so that what was not seen is not held to be impossible.
HALF = 0.5


def group_values(cells: Array, metrics: Mapping[str, Callable[..., float]]) -> pd.DataFrame:
    """Return metrics of every group by Fairlearn's ``MetricFrame``; a row a group, a column a metric.

    Parameters
    ----------
    cells : array of shape (groups, 4)
        From ``count_cells``.
    metrics : mapping of name to function
        Of ``(y_true, y_pred, sample_weight)``, such as Fairlearn's and scikit-learn's.

    Examples
    --------
    >>> from sklearn.metrics import recall_score
    >>> group_values(np.array([[5.0, 5, 4, 16], [9, 1, 3, 7]]), {"recall": recall_score})["recall"].tolist()
    [0.8, 0.7]
    """
    from fairlearn.metrics import MetricFrame

    def all_at_once(y_true: NDArray[np.intp], y_pred: NDArray[np.intp], sample_weight: Array) -> Array:
        return np.array([metric(y_true, y_pred, sample_weight=sample_weight) for metric in metrics.values()])

    weight = cells.ravel()
    counted = weight > 0
    frame = MetricFrame(
        metrics=all_at_once,
        y_true=np.tile([0, 0, 1, 1], len(cells))[counted],
        y_pred=np.tile([0, 1, 0, 1], len(cells))[counted],
        sensitive_features=np.repeat(np.arange(len(cells)), 4)[counted],
        sample_params={"sample_weight": weight[counted]},
    )
    values = pd.DataFrame(frame.by_group.to_list(), index=frame.by_group.index, columns=list(metrics))
    return values.reindex(range(len(cells)))


def counted_metric(name: str) -> Callable[..., float]:
    """Return a key of ``RATES`` or ``SIDES`` as a function of ``(y_true, y_pred, sample_weight)``."""
    from fairlearn.metrics import mean_prediction

    def shares(y_true: NDArray[np.intp], y_pred: NDArray[np.intp], sample_weight: Array) -> float:
        cell, found = 2 * y_true + y_pred, []
        for side in SIDES.get(name, (name,)):
            hit, among = (np.isin(EVERY, kind) for kind in _CELLS[side])
            found.append(mean_prediction(y_true, hit[cell], sample_weight=sample_weight * among[cell]))
        return float(np.mean(found))

    return shares


def measure_rates(
    cells: Array, names: Sequence[str], how: Resampling, clusters: Clusters | None = None, parts: Sequence[Array] = ()
) -> dict[str, GroupMetric]:
    """Measure rates, and the balanced accuracy, of every group.

    The errors come from resampling the cells of all groups at once, a multinomial draw that has the same distribution
    as resampling the rows. Without disparity each group's rate is a binomial share with the rate of all judged groups
    together and the group's own denominator. Intervals of a group are Wilson's (MOVER over two of them for balanced
    accuracy). Where rows belong together, Wilson's has the effective number of rows, and errors are those of the units
    (see ``toolkit.fairness.clusters``).

    Parameters
    ----------
    cells : array of shape (groups, 4)
    names : sequence of str
        Keys of ``RATES``, or ``balanced_accuracy``.
    how : Resampling
    clusters : Clusters, optional
        What the rows of each group belong to.
    parts : sequence of arrays of shape (units, 4)
        The cells of each group's units, where there are some; weighted if rows are.
    """
    enough, rows = cells.sum(axis=1) >= how.least, cells
    if clusters:
        cells = np.array([part.sum(axis=0) for part in parts])
    drawn = np.empty((0, 4, how.replicates))
    if enough.any() and not clusters:
        # One draw over the cells of all groups: their sizes vary as they would if the rows were drawn anew.
        weights = cells[enough].ravel() + HALF
        several = how.rng.multinomial(int(cells[enough].sum()), weights / weights.sum(), size=how.replicates)
        drawn = np.ascontiguousarray(several.T, dtype=float).reshape(-1, 4, how.replicates)
    with np.errstate(invalid="ignore"):  # of a rate that rests on no row, which is not defined
        values = group_values(cells, {name: counted_metric(name) for name in names})
    said = [f"; {one}" for one in clusters.within] if clusters else [""] * len(cells)
    found = {}
    for name in names:
        sides = SIDES.get(name, (name,))
        hits, size = np.transpose([_counts(side, cells) for side in sides], (1, 0, 2))
        of_kind = np.array([_counts(side, rows)[1] for side in sides])
        judged = np.asarray(enough & (of_kind >= min(LEAST_OF_KIND, how.least)).all(axis=0))
        smooth, effect = np.array([np.divide(*_counts(side, cells + HALF)) for side in sides]), np.ones(len(cells))
        if clusters:
            effect, errors = _clustered(sides, cells, clusters, parts, how)
            judged &= np.isfinite(effect)
            errors = errors[judged]
        else:
            counts = [_counts(side, drawn[judged[enough]]) for side in sides]
            kept = zip(counts, smooth[:, judged], strict=True)
            shares = [np.where(m > 0, x / np.maximum(m, 1), rate[:, None]) for (x, m), rate in kept]
            errors = to_scale(np.mean(shares, axis=0), True) - to_scale(smooth[:, judged].mean(axis=0), True)[:, None]
        centres = smooth[:, judged].mean(axis=0)
        deviations = 2 * np.sqrt(centres * (1 - centres)) * errors.std(axis=1)
        if len(sides) == 1 and not clusters:
            pooled, among = hits[0, judged].sum() / max(size[0, judged].sum(), 1), size[0, judged][:, None]
            chance = how.rng.binomial(among.astype(np.int64), pooled, size=errors.shape) / among
        else:
            same = np.average(centres, weights=1 / deviations**2) if judged.any() else math.nan
            chance = from_scale(to_scale(np.asarray(same), True) + errors, True)
        estimates = tuple(map(_estimate, values[name], hits.T, size.T, of_kind.sum(axis=0), effect, said))
        constant = ((hits == 0) | (hits == size)).all(axis=0)[judged]
        found[name] = GroupMetric(name, estimates, judged, centres, errors, deviations, chance, constant)
    return found


def _clustered(
    sides: Sequence[str], cells: Array, clusters: Clusters, parts: Sequence[Array], how: Resampling
) -> tuple[Array, Array]:
    """Return the design effect of the mean of some rates by group, and its errors on the arcsine scale."""
    share, rows, taking = 1 / len(sides), cells.sum(axis=1), np.ones(4)
    moves, (variance, smooth, middle) = np.zeros((len(cells), 4)), np.zeros((3, len(cells)))
    for side in sides:
        hits, size = _counts(side, cells)
        hit, among = (np.isin(EVERY, kind).astype(float) for kind in _CELLS[side])
        rate, scale = hits / np.maximum(size, 1), np.sqrt(np.maximum(size * (size - 1), 1))
        moves += share * (hit - np.outer(rate, among)) / scale[:, None]
        variance += share**2 * (size * rate * (1 - rate) + np.maximum(rate, 1 - rate) ** 2) / scale**2
        if len(sides) == 1:
            taking, rows = among, size
        hits, size = _counts(side, cells + HALF)
        smooth += share**2 * hits / size * (1 - hits / size) / size
        middle += share * hits / size
    sums = [part @ move for part, move in zip(parts, moves, strict=True)]
    totals = [part @ taking for part in parts]
    if any(weights is not None for weights in clusters.weights):
        rows = rows * [kish(total[total > 0]) if total.any() else 1.0 for total in totals]
    known = zip(sums, totals, variance, rows, strict=True)
    effect = np.array([design_effect(one[total > 0], apart, n) for one, total, apart, n in known])
    deviation = np.sqrt(np.nan_to_num(effect, posinf=1.0) * smooth / (4 * middle * (1 - middle)))
    return effect, draw_errors(sums, clusters.places, how) * deviation[:, None]


def _counts(name: str, cells: Array) -> tuple[Array, Array]:
    """Return for each group (and replicate) how many rows count, and among how many."""
    hits, size = (cells[:, list(kind)].sum(axis=1) for kind in _CELLS[name])
    return hits, size


def _estimate(value: float, hits: Array, size: Array, rows: float, effect: float, said: str) -> Estimate:
    """Return a rate with Wilson's interval, or the mean of several with MOVER over them."""
    n = int(rows)
    if not size.all():
        return Estimate(math.nan, n=n)
    if math.isinf(effect):
        return Estimate(value, n=n, method=ONE_UNIT)
    ends = [wilson(*side) for side in zip(hits / effect, size / effect, strict=True)]
    if len(size) == 1:
        return Estimate(value, *ends[0], n, f"Wilson{said}")
    low, high = mover_mean(hits / size, ends)
    return Estimate(value, max(low, 0.0), min(high, 1.0), n, f"MOVER over Wilson{said}")
