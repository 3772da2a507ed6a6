"""Metrics that are counted: every one a share of one kind of cell of the confusion matrix among another, by group."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from toolkit.core import Estimate, beside
from toolkit.fairness.clusters import HALF, Counts, Resampling, clustered
from toolkit.fairness.spread import GroupMetric, from_scale, to_scale
from toolkit.statistics import ONE_UNIT, Array, Codes, mover_mean, wilson

CELLS: dict[str, list[list[list[int]]]] = beside(__file__, "metrics.yaml")["cells"]
#: Metrics that are one share, not the mean of several.
RATES = [name for name, counted in CELLS.items() if len(counted[0]) == 1]
#: Of each metric 1 for the cells that are counted, and for those among which they are; shape (2, rates, 4).
KINDS = {name: np.array([[np.isin(range(4), one) for one in of] for of in both], float) for name, both in CELLS.items()}
#: A rate is judged where it rests on this many rows of its kind, such as positives for the recall (or as few as a
#: whole group may have, where that is less).
LEAST_OF_KIND = 10


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

    def all_at_once(y_true: Codes, y_pred: Codes, sample_weight: Array) -> Array:
        return np.array([metric(y_true, y_pred, sample_weight=sample_weight) for metric in metrics.values()])

    group, y_true, y_pred = np.nonzero(cells.reshape(-1, 2, 2))
    how = {"sensitive_features": group, "sample_params": {"sample_weight": cells[cells > 0]}}
    frame = MetricFrame(metrics=all_at_once, y_true=y_true, y_pred=y_pred, **how)
    return pd.DataFrame(frame.by_group.to_list(), frame.by_group.index, list(metrics)).reindex(range(len(cells)))


def mean_share(kinds: Array, y_true: Codes, y_pred: Codes, sample_weight: Array) -> float:
    """Measure what a value of ``KINDS`` counts: a metric, once it is given the first argument."""
    hits, size = kinds @ np.bincount(2 * y_true + y_pred, sample_weight, 4)
    return float(np.mean(hits / size))


def measure_rates(counts: Counts, names: Sequence[str], how: Resampling) -> dict[str, GroupMetric]:
    """Measure rates, and the balanced accuracy, of every group.

    The errors come from resampling the cells of all groups at once, a multinomial draw that has the same distribution
    as resampling the rows. Without disparity each group's rate is a binomial share with the rate of all judged groups
    together and the group's own denominator. Intervals of a group are Wilson's (MOVER over two of them for balanced
    accuracy). Where rows belong together, Wilson's has the effective number of rows, and errors are those of the units
    (see ``toolkit.fairness.clusters``).

    Parameters
    ----------
    counts : Counts
    names : sequence of str
        Keys of ``KINDS``.
    how : Resampling
    """
    enough, cells, grouping = counts.rows.sum(axis=1) >= how.least, counts.cells, counts.grouping
    methods = grouping.methods if grouping else [""] * len(cells)
    drawn = np.empty((4, 0, how.replicates))
    if enough.any() and not grouping:
        # One draw over the cells of all groups: their sizes vary as they would if the rows were drawn anew.
        weights = cells[enough].ravel() + HALF
        several = how.rng.multinomial(int(cells[enough].sum()), weights / weights.sum(), size=how.replicates)
        drawn = np.ascontiguousarray(several.reshape(how.replicates, -1, 4).T, dtype=float)
    with np.errstate(invalid="ignore"):  # of a rate that rests on no row, which is not defined
        values = group_values(cells, {name: partial(mean_share, KINDS[name]) for name in names})
    found = {}
    for name in names:
        (hits, size), (_, of_kind) = _counts(name, cells), _counts(name, counts.rows)
        judged = np.asarray(enough & (of_kind >= min(LEAST_OF_KIND, how.least)).all(axis=0))
        smooth, effect = np.divide(*_counts(name, cells + HALF)), np.ones(len(cells))
        if grouping:
            effect, errors = clustered(KINDS[name], counts, grouping, how)
            judged &= np.isfinite(effect)
            errors = errors[judged]
        else:
            several, among = np.tensordot(KINDS[name], drawn, 1)[:, :, judged[enough]]
            shares = np.where(among > 0, several / np.maximum(among, 1), smooth[:, judged, None])
            errors = to_scale(shares.mean(axis=0), True) - to_scale(smooth[:, judged, None].mean(axis=0), True)
        centres = smooth[:, judged].mean(axis=0)
        deviations = 2 * np.sqrt(centres * (1 - centres)) * errors.std(axis=1)
        if len(hits) == 1 and not grouping:
            pooled, among = hits[0, judged].sum() / max(size[0, judged].sum(), 1), size[0, judged][:, None]
            chance = how.rng.binomial(among.astype(np.int64), pooled, size=errors.shape) / among
        else:
            same = np.average(centres, weights=1 / deviations**2) if judged.any() else np.nan
            chance = from_scale(to_scale(np.asarray(same), True) + errors, True)
        estimates = tuple(map(_estimate, values[name], hits.T, size.T, of_kind.sum(axis=0), effect, methods))
        constant = ((hits == 0) | (hits == size)).all(axis=0)[judged]
        found[name] = GroupMetric(name, estimates, judged, centres, errors, deviations, chance, constant)
    return found


def _counts(name: str, cells: Array) -> Array:
    """Return for each rate and group how many rows count, and among how many; of shape (2, rates, groups)."""
    return np.tensordot(KINDS[name], cells, axes=(2, 1))


def _estimate(value: float, hits: Array, size: Array, rows: float, effect: float, units: str) -> Estimate:
    """Return a rate with Wilson's interval, or the mean of several with MOVER over them."""
    n = int(rows)
    if not size.all():
        return Estimate(np.nan, n=n)
    if np.isinf(effect):
        return Estimate(value, n=n, method=ONE_UNIT)
    ends = [wilson(*side) for side in zip(hits / effect, size / effect, strict=True)]
    if len(size) == 1:
        return Estimate(value, *ends[0], n, f"Wilson{units}")
    return Estimate(value, *mover_mean(hits / size, ends), n, f"MOVER over Wilson{units}")
