"""The metrics of decisions that need no scores: how well classes are found, each with its interval."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from toolkit.statistics.binning import Codes
from toolkit.statistics.intervals import Array, Interval, mover_mean, wald, wilson
from toolkit.statistics.measure import Measure, share, smooth, undefined, wider

#: The method of a baseline that is not the model asked about.
BY_CHANCE = "chance at the same rate of positives"


def balanced_accuracy(y_true: Codes, y_pred: Codes, classes: int, weights: Array) -> Measure:
    """Measure the mean recall over the classes that are present, by MOVER over their Wilson intervals."""
    n = len(y_true)
    right = (y_true == y_pred).astype(float)
    recalls = [share(right, (y_true == code) * weights) for code in range(classes)]
    defined = [part for part in recalls if not math.isnan(part.estimate.value)]
    if not defined or (classes == 2 and len(defined) < 2):
        return undefined(n)
    values = [part.estimate.value for part in defined]
    influence = np.mean([part.influence for part in defined if part.influence is not None], axis=0)
    unit = max(part.unit for part in defined) / len(defined)

    def ends(effect: float) -> Interval:
        return mover_mean(values, [part.ends(effect) for part in defined if part.ends])

    return Measure.made(float(np.mean(values)), ends, "MOVER over Wilson", influence, n, (0.0, 1.0), unit)


def positive_metrics(y: Array, called: Array, weights: Array) -> dict[str, Measure]:
    """Measure how well the positive class is found, each beside a guess that says positive as often."""
    ones, positives = y * weights, called * weights
    found = {"precision": share(y, positives), "recall": share(called, ones), "f1": f1(y, called, weights)}
    rate, said = float(ones.mean()), float(positives.mean())
    if not rate or not said:
        return found
    among = rate + said
    slope = 2 * (said**2 * (y - rate) + rate**2 * (called - said)) / among**2
    chance = {
        "precision": share(y, weights),
        "recall": share(called, weights),
        "f1": smooth(2 * rate * said / among, slope, weights, effective=float(ones.sum()), method="delta, logit scale"),
    }
    return {
        name: replace(one, chance=replace(chance[name], estimate=replace(chance[name].estimate, method=BY_CHANCE)))
        for name, one in found.items()
    }


def f1(y: Array, called: Array, weights: Array) -> Measure:
    """Measure F1 by Wilson's interval of the Jaccard index, of which it is a function."""
    n, hits = len(y), float((y * weights) @ called)
    size = float((y + called) @ weights)
    if not y @ weights:
        return undefined(n)
    value, union = 2 * hits / size, size - hits
    influence = n * (2 * y * called - value * (y + called)) / size * math.sqrt(union / max(union - 1, 1))
    influence = influence * weights

    def ends(effect: float) -> Interval:
        low, high = wilson(hits / effect, union / effect)
        return 2 * low / (1 + low), 2 * high / (1 + high)

    return Measure.made(value, ends, "Wilson on the Jaccard index", influence, n, (0.0, 1.0), 2 * n / size)


def matthews(y: Array, called: Array, weights: Array) -> Measure:
    """Measure the correlation of truth and decisions by the delta method, on Fisher's z scale."""
    n, own, said = len(y), y * weights, called * weights
    ones, zeros, positives, negatives = (float(part.sum()) for part in (own, weights - own, said, weights - said))
    smallest = min(ones, zeros)
    if not smallest:
        return undefined(n)
    if not (positives and negatives):

        def ends(effect: float) -> Interval:
            return wald(0.0, math.sqrt(effect / n), "fisher")

        return Measure.made(0.0, ends, "Fisher z", np.zeros(n), n, (-1.0, 1.0), n / smallest)
    tp, tn = float(own @ called), float((weights - own) @ (1 - called))
    fp, fn = positives - tp, ones - tp
    p, q, r, s = tp + fp, tp + fn, tn + fp, tn + fn
    root = math.sqrt(p * q * r * s)
    value = (tp * tn - fp * fn) / root
    slopes = np.array(
        [
            [tp / root - value / 2 * (1 / r + 1 / s), -fn / root - value / 2 * (1 / p + 1 / r)],
            [-fp / root - value / 2 * (1 / q + 1 / s), tn / root - value / 2 * (1 / p + 1 / q)],
        ]
    )
    influence = n * slopes[y.astype(int), called.astype(int)]
    method, bounds = "delta, Fisher z", (-1.0, 1.0)
    return smooth(value, influence, weights, effective=smallest, scale="fisher", bounds=bounds, method=method)


def mean_f1(y_true: Codes, y_pred: Codes, classes: int, weights: Array, *, weighted: bool) -> Measure:
    """Measure the mean of the classes' F1, of equal weight or by their rows."""
    n = len(y_true)
    if n == 0:
        return undefined(0)
    cells: Array = (
        np.bincount(y_true * classes + y_pred, weights, classes * classes).reshape(classes, classes).astype(float)
    )
    truth, called = cells.sum(axis=1), cells.sum(axis=0)
    size = truth + called
    used = size > 0
    scores = np.divide(2 * np.diag(cells), size, where=used, out=np.zeros(classes))
    right = 2.0 * (y_true == y_pred)
    value = float(scores @ truth / n if weighted else scores[used].mean())
    rate = np.divide(truth if weighted else n / used.sum(), size, where=used, out=np.zeros(classes))
    influence = rate[y_true] * (right - scores[y_true]) - rate[y_pred] * scores[y_pred]
    if weighted:
        influence = influence + scores[y_true] - value
    method = "infinitesimal jackknife, logit scale"
    found = smooth(value, influence, weights, effective=float(truth[truth > 0].min()), method=method)
    if weighted:
        return found
    ends = _over_classes(y_true, y_pred, np.where(used, scores, value), cells, weights)
    return wider(found, ends, f"{method}, widened by MOVER")


def _over_classes(
    y_true: Codes, y_pred: Codes, scores: Array, cells: Array, weights: Array
) -> Callable[[float], Interval]:
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
        shares = [wilson(*one) for one in zip(hits / effect, unions / effect, strict=True)]
        return mover_mean(scores, [(2 * low / (1 + low), 2 * high / (1 + high)) for low, high in shares], shared)

    return ends
