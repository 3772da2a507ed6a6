"""The metrics of decisions that need no scores: how well classes are found, each with its interval."""

from dataclasses import replace
from functools import partial

import numpy as np

from toolkit.statistics.intervals import Array, Codes, Interval, mover_mean, wilson
from toolkit.statistics.measure import Ends, Measure, share, smooth, undefined

#: The method of a baseline that is not the model asked about.
BY_CHANCE = "chance at the same rate of positives"
DRAWS = 10_000


def balanced_accuracy(y_true: Codes, y_pred: Codes, classes: int, weights: Array) -> Measure:
    """Measure the mean recall over the classes that are present, by MOVER over their Wilson intervals."""
    n = len(y_true)
    right = (y_true == y_pred).astype(float)
    recalls = [share(right, (y_true == code) * weights) for code in range(classes)]
    defined = [part for part in recalls if not np.isnan(part.estimate.value)]
    if not defined or (classes == 2 and len(defined) < 2):
        return undefined(n)
    values = [part.estimate.value for part in defined]
    influence = np.mean([part.influence for part in defined if part.influence is not None], axis=0)
    unit = max(part.unit for part in defined) / len(defined)

    def ends(effect: float) -> Interval:
        return mover_mean(values, [part.ends(effect) for part in defined])

    return Measure.made(float(np.mean(values)), ends, "MOVER over Wilson", influence, unit)


def positive_metrics(y: Array, called: Array, weights: Array) -> dict[str, Measure]:
    """Measure how well the positive class is found, each beside a guess that says positive as often."""
    ones, positives = y * weights, called * weights
    found = {"precision": share(y, positives), "recall": share(called, ones), "f1": f1(y, called, weights)}
    rate, said = float(ones.mean()), float(positives.mean())
    if not rate or not said:
        return found
    among = rate + said
    slope = 2 * (said**2 * (y - rate) + rate**2 * (called - said)) / among**2
    curve = smooth(2 * rate * said / among, slope, weights, effective=float(ones.sum()), method="delta, logit scale")
    guesses = found if called.all() else {"precision": share(y, weights), "recall": share(called, weights), "f1": curve}
    chance = {name: one._replace(estimate=replace(one.estimate, method=BY_CHANCE)) for name, one in guesses.items()}
    return {name: one._replace(chance=chance[name]) for name, one in found.items()}


def f1(y: Array, called: Array, weights: Array) -> Measure:
    """Measure F1 by Wilson's interval of the Jaccard index, of which it is a function."""
    n, hits, size = len(y), float((y * called * weights).sum()), float(((y + called) * weights).sum())
    if not y @ weights:
        return undefined(n)
    value, union = 2 * hits / size, size - hits
    influence = n * (2 * y * called - value * (y + called)) / size * np.sqrt(union / max(union - 1, 1)) * weights
    return Measure.made(value, partial(_f1_ends, hits, union), "Wilson on the Jaccard index", influence, 2 * n / size)


def _f1_ends(hits: float, union: float, effect: float) -> Interval:
    low, high = wilson(hits, union, effect)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def matthews(y: Array, called: Array, weights: Array) -> Measure:
    """Measure the correlation of truth and decisions by the posterior of the four counts under Jeffreys' prior.

    By Jeffreys (1946, doi:10.1098/rspa.1946.0056): half a row in each cell.
    """
    n = len(y)
    cells = np.bincount((2 * y + called).astype(np.intp), weights, 4).astype(float)
    tn, fp, fn, tp = cells.tolist()
    p, q, r, s = tp + fp, tp + fn, tn + fp, tn + fn
    if not (smallest := min(q, r)):
        return undefined(n)
    value, influence = float(_correlation(cells)), np.zeros(n)
    if p and s:
        # The derivatives of the numerator, and of the logarithm of the squared denominator, by each of the cells.
        slopes = np.array([tp, -fn, -fp, tn]) / np.sqrt(p * q * r * s)
        slopes -= value / 2 * np.array([1 / r + 1 / s, 1 / p + 1 / r, 1 / q + 1 / s, 1 / p + 1 / q])
        influence = n * slopes[(2 * y + called).astype(np.intp)] * weights

    def ends(effect: float) -> Interval:
        drawn = np.random.default_rng(0).standard_gamma(cells / effect + 0.5, (DRAWS, 4))
        low, high = np.quantile(_correlation(drawn), [0.025, 0.975])
        return min(float(low), value), max(float(high), value)

    return Measure.made(value, ends, "Jeffreys' posterior of the counts", influence, 2 * n / smallest, (-1.0, 1.0))


def _correlation(cells: Array) -> Array:
    tn, fp, fn, tp = np.moveaxis(cells, -1, 0)
    square = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return np.asarray(np.divide(tp * tn - fp * fn, np.sqrt(square), where=square > 0, out=np.zeros_like(square)))


def mean_f1(y_true: Codes, y_pred: Codes, classes: int, weights: Array, *, weighted: bool) -> Measure:
    """Measure the mean of the classes' F1, of equal weight or by their rows."""
    n = len(y_true)
    cells = np.bincount(y_true * classes + y_pred, weights, classes**2).reshape(classes, classes).astype(float)
    truth, called = cells.sum(axis=1), cells.sum(axis=0)
    size = truth + called
    used = size > 0
    scores = np.divide(2 * np.diag(cells), size, where=used, out=np.zeros(classes))
    value = float(scores @ truth / n if weighted else scores[used].mean())
    rate = np.divide(truth if weighted else n / used.sum(), size, where=used, out=np.zeros(classes))
    influence = rate[y_true] * (2.0 * (y_true == y_pred) - scores[y_true]) - rate[y_pred] * scores[y_pred]
    if weighted:
        influence = influence + scores[y_true] - value
    method = "infinitesimal jackknife, logit scale"
    found = smooth(value, influence, weights, effective=float(truth[truth > 0].min()), method=method)
    if weighted:
        return found
    ends = _over_classes(y_true, y_pred, np.where(used, scores, value), cells, weights)
    return Measure.made(value, ends, "MOVER over the classes", influence * weights, found.unit)


def _over_classes(y_true: Codes, y_pred: Codes, scores: Array, cells: Array, weights: Array) -> Ends:
    """Return the interval of the mean F1 from the classes' own intervals; of a class without rows nothing is known."""
    hits, truth, size = np.diag(cells), cells.sum(axis=1), cells.sum(axis=1) + cells.sum(axis=0)
    unions = np.where(truth > 0, size - hits, 0)
    is_class, called = np.eye(len(scores))[y_true], np.eye(len(scores))[y_pred]
    influences = (2 * is_class * called - scores * (is_class + called)) / np.where(size > 0, size, 1)
    influences *= np.sqrt(weights)[:, None]
    spread = np.sqrt(np.square(influences).sum(axis=0))
    spread[spread == 0] = 1
    shared = influences.T @ influences / np.outer(spread, spread)
    np.fill_diagonal(shared, 1)

    def ends(effect: float) -> Interval:
        return mover_mean(scores, [_f1_ends(*one, effect) for one in zip(hits, unions, strict=True)], shared)

    return ends
