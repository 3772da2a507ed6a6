"""The metrics of classification, each measured with its interval from plain arrays. Names are scikit-learn's."""

import math
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from toolkit.core import Estimate, beside
from toolkit.errors import InputError
from toolkit.statistics.calibration import calibration_intercept, calibration_of, calibration_slope
from toolkit.statistics.decisions import balanced_accuracy, f1, matthews, mean_f1, positive_metrics
from toolkit.statistics.intervals import Array, Codes, Interval, area_interval, rule_of_three, t_quantile, wald, wilson
from toolkit.statistics.measure import Ends, Measure, checked, mean, share, smooth, unbounded, undefined
from toolkit.statistics.ranking import average_precision, roc_auc
from toolkit.statistics.units import Units, weights_of

EPSILON = float(np.finfo(float).eps)

#: Metrics that need probabilities, those that decisions alone do not define, and those that a few rows decide.
PROBABILITY_METRICS, RANKED, DECIDED = beside(__file__, "metrics.yaml").values()
SCORE_METRICS = (*RANKED, *PROBABILITY_METRICS)
#: Rows of the rarer class below which the calibration slope gets no interval: none holds it (92 % with ten).
LEAST_OF_CLASS = 10
#: Rows of the rarer class in the wrong order, or in the right one, below which DeLong's variance is not enough.
FEW_ORDERED = 1.5
#: Rows of the rarer class, or predicted positive, below which Wald's interval of a difference does not hold it.
FEW = 20


def binary_metrics(
    y_true: Array,
    y_score: Array | None,
    *,
    threshold: float = 0.5,
    decisions: Array | None = None,
    probabilities: bool = True,
    units: Units | None = None,
    seed: int = 0,
) -> dict[str, Measure]:
    """Measure a binary classifier.

    Parameters
    ----------
    y_true : array of shape (n,)
        1 for the positive class, 0 for the other.
    y_score : array of shape (n,) or None
        Probability of the positive class, or any score that rises with it; None where only decisions are known: metrics
        that need scores are then not defined, and ``decisions`` are needed.
    threshold : float
        Rows with a score at or above it are predicted positive.
    decisions : array of shape (n,), optional
        1 where a row is predicted positive, 0 elsewhere, in place of the threshold.
    probabilities : bool
        Whether the scores are probabilities; if not, metrics that need those are not defined.
    units : Units, optional
        The independent observations that rows belong to, and their weights; by default each row is one.
    seed : int
        Of the simulated noise behind the interval of the expected calibration error.

    Returns
    -------
    dict of str to Measure
        By metric name; a metric that these rows do not define has the value nan.

    Raises
    ------
    InputError
        Where the arrays hold anything but finite numbers, or what are said to be probabilities are none.

    Examples
    --------
    >>> y_true, y_score = np.tile([0.0, 0.0, 1.0, 1.0], 50), np.tile([0.1, 0.4, 0.35, 0.8], 50)
    >>> print(binary_metrics(y_true, y_score)["roc_auc"].estimate)
    0.750 [0.674, 0.813]
    """
    y, other = checked(y_true, y_score if decisions is None else decisions)  # type: ignore[arg-type]
    called = other if decisions is not None else (other >= threshold).astype(float)
    weights = weights_of(units, len(y))
    found = {
        **dict.fromkeys(SCORE_METRICS, undefined(len(y))),
        **({} if y_score is None else _score_metrics(*checked(y, y_score), weights, probabilities, seed)),
        "accuracy": share((called == y).astype(float), weights),
        "balanced_accuracy": balanced_accuracy(y.astype(int), called.astype(int), 2, weights),
        **positive_metrics(y, called, weights),
        "matthews_corrcoef": matthews(y, called, weights),
    }
    rare, said = min(y @ weights, (1 - y) @ weights) < FEW, called @ weights
    few = dict.fromkeys(DECIDED, rare or 0 < said < FEW) | dict.fromkeys(RANKED, rare)
    return {name: one._replace(few=bool(few.get(name))).over(units, name) for name, one in found.items()}


def multiclass_metrics(
    y_true: Codes, y_pred: Codes, y_prob: Array | None, classes: int, *, units: Units | None = None
) -> dict[str, Measure]:
    """Measure a classifier of three classes or more.

    Parameters
    ----------
    y_true, y_pred : integer arrays of shape (n,)
        Codes of the classes, 0 to ``classes - 1``.
    y_prob : array of shape (n, classes) or None
        Probabilities; metrics that need them are not defined without.
    classes : int
        How many classes there are.
    units : Units, optional
        As in ``binary_metrics``.

    Returns
    -------
    dict of str to Measure

    Examples
    --------
    >>> truth, guess = np.tile([0, 1, 2], 40), np.tile([0, 1, 1], 40)
    >>> print(multiclass_metrics(truth, guess, None, 3)["accuracy"].estimate)
    0.667 [0.578, 0.745]
    """
    n, weights = len(y_true), weights_of(units, len(y_true))
    smallest = float(np.bincount(y_true, weights, classes).min())
    measured = {
        "accuracy": share((y_true == y_pred).astype(float), weights),
        "balanced_accuracy": balanced_accuracy(y_true, y_pred, classes, weights),
        "f1_macro": mean_f1(y_true, y_pred, classes, weights, weighted=False),
        "f1_weighted": mean_f1(y_true, y_pred, classes, weights, weighted=True),
        **dict.fromkeys(("log_loss", "roc_auc_ovr"), undefined(n)),
    }
    if y_prob is not None:
        clipped = np.clip(y_prob, EPSILON, 1 - EPSILON)
        worst = -math.log(float(clipped.min()))
        measured["log_loss"] = mean(-np.log(clipped[np.arange(n), y_true]), weights, unit=worst)
        if smallest > 0:
            areas = [roc_auc((y_true == k).astype(float), y_prob[:, k], weights) for k in range(classes)]
            value, influence = float(np.mean([a for a, _ in areas])), np.mean([i for _, i in areas], axis=0)
            how = "DeLong, logit scale"
            measured["roc_auc_ovr"] = smooth(value, influence, weights, effective=smallest, method=how)
    few = dict.fromkeys(("balanced_accuracy", "f1_macro", "roc_auc_ovr"), smallest < FEW)
    return {name: one._replace(few=few.get(name, False)).over(units) for name, one in measured.items()}


def class_table(
    y_true: Array, y_pred: Array, y_prob: Array | None, labels: Sequence[object], units: Units | None = None
) -> pd.DataFrame:
    """Measure each class against the rest: one row a class, columns class, support, precision, recall, f1, roc_auc.

    Cells are Estimates, but for ``support``, the number of rows of that class.
    """
    rows, weights = [], weights_of(units, len(y_true))
    for code, label in enumerate(labels):
        y, called = (y_true == code).astype(float), (y_pred == code).astype(float)
        area = undefined(len(y)) if y_prob is None else area_of(y, y_prob[:, code], weights)
        precision, recall = share(y, called * weights), share(called, y * weights)
        parts = {"precision": precision, "recall": recall, "f1": f1(y, called, weights), "roc_auc": area}
        row: dict[str, object] = {"class": str(label), "support": int(y.sum())}
        rows.append(row | {name: measured.over(units).estimate for name, measured in parts.items()})
    return pd.DataFrame(rows, columns=["class", "support", "precision", "recall", "f1", "roc_auc"])


def area_of(y: Array, score: Array, weights: Array | None = None) -> Measure:
    """Measure the area under the ROC curve: by DeLong's variance on the logit scale, near 0 and 1 by a score test too.

    Parameters
    ----------
    y, score, weights : array of shape (n,)
        As ``roc_auc`` takes them.
    """
    value, influence = roc_auc(y, score, weights)
    if math.isnan(value):
        return undefined(len(y))
    each = np.ones(len(y)) if weights is None else weights
    ones, zeros = float(y @ each), float((1 - y) @ each)
    if (smaller := min(ones, zeros)) > 1 and not influence.any() and 0 < value < 1:
        even = partial(rule_of_three, value, 0.5, smaller)
        return Measure.made(value, even, "rule of three", influence, len(y) / smaller)
    found = smooth(value, influence, weights, effective=smaller, method="DeLong, logit scale")
    if smaller * min(value, 1 - value) >= FEW_ORDERED:
        return found

    def ends(effect: float) -> Interval:
        low, high = zip(found.ends(effect), area_interval(value, ones, zeros, effect), strict=True)
        return min(low), max(high)

    return Measure.made(value, ends, "DeLong, widened by a score test", influence * each, found.unit)


def _score_metrics(y: Array, score: Array, weights: Array, probabilities: bool, seed: int) -> dict[str, Measure]:
    if probabilities and len(score) and (score.min() < 0 or score.max() > 1):
        raise InputError(f"Probabilities must lie between 0 and 1; found {score.min():.4g} to {score.max():.4g}.")
    n, found = len(y), {"roc_auc": area_of(y, score, weights)}
    if ones := float(y @ weights):
        how = "infinitesimal jackknife, logit scale"
        found["average_precision"] = smooth(*average_precision(y, score, weights), weights, effective=ones, method=how)
    if not probabilities:
        return found
    clipped = np.clip(score, EPSILON, 1 - EPSILON)
    worst = -math.log(float(min(clipped.min(), (1 - clipped).min())))
    slope = unbounded(*calibration_slope(y, score, weights), weights, "sandwich (HC2), Wald")
    if min(y.sum(), n - y.sum()) < LEAST_OF_CLASS:
        slope = Measure(Estimate(slope.estimate.value, n=n, method="no interval: too few rows of a class"), None)
    return found | {
        "log_loss": class_mean(y, score, (-np.log(clipped), -np.log(1 - clipped)), weights, unit=worst),
        "brier_score_loss": class_mean(y, score, ((1 - score) ** 2, score**2), weights, unit=1.0, bounds=(0.0, 1.0)),
        "calibration_slope": slope,
        "calibration_intercept": unbounded(*calibration_intercept(y, score, weights), weights, "sandwich, Wald"),
        "expected_calibration_error": calibration_of(y, score, weights, seed=seed),
    }


def class_mean(
    y: Array, score: Array, losses: Sequence[Array], weights: Array, *, unit: float, bounds: Interval = (0.0, math.inf)
) -> Measure:
    """Measure the mean loss, or cost, of a row where one of two classes may be rare.

    MOVER (Zou & Donner 2008, doi:10.1002/sim.3095) over the share of positives, by Wilson's interval, and the mean loss
    of each class, by Student's t on the log scale, or of two costs by Wilson's interval. To the rows of a class one is
    added that the model itself draws from all rows by its probabilities: so a class of a few rows, or none, is not held
    to cost just what these did.

    Parameters
    ----------
    y, score : array of shape (n,)
        1 or 0, and the probability of 1.
    losses : two arrays of shape (n,)
        The loss of each row if it were positive, and if it were negative.
    weights : array of shape (n,)
        Of mean 1.
    unit : float
        What one row might add at most.
    bounds : (float, float)
        The least and the greatest possible mean.
    """
    whole = mean(np.where(y == 1, *losses), weights, bounds=bounds, unit=unit)
    found, n, ones = whole.estimate, len(y), float(y @ weights)
    if not found.has_interval or found.method == "rule of three":
        return whole
    classes = (losses[0], y, score), (losses[1], 1 - y, 1 - score)
    parts = [_level(loss, own * weights, chance * weights) for loss, own, chance in classes]
    shares, apart = (ones / n, 1 - ones / n), parts[0][0] - parts[1][0]

    def ends(effect: float) -> Interval:
        sides = [[held * abs(end - one[0]) for end in one[1](effect)] for held, one in zip(shares, parts, strict=True)]
        # More positives raise the mean where a positive costs more than a negative, and lower it where it costs less.
        less, more = sorted((end - ones / n) * apart for end in wilson(ones, n, effect))
        below, above = zip(*sides, strict=True)
        return found.value - math.hypot(less, *below), found.value + math.hypot(more, *above)

    return Measure.made(found.value, ends, "MOVER over the classes", np.asarray(whole.influence), unit, whole.bounds)


def _level(loss: Array, own: Array, chance: Array) -> tuple[float, Ends]:
    """Return the mean loss of a class with its interval; ``chance`` is how probably each row is of the class."""
    chance = chance if chance.any() else np.ones(len(chance))
    rows, least, greatest = float(own.sum()), float(loss.min()), float(loss.max())
    level = float(np.average(loss, weights=own if rows else chance))
    squares = float(own @ np.square(loss - level) + np.average(np.square(loss - level), weights=chance))
    error, hits = math.sqrt(squares) / max(rows, 1), float(own @ (loss == greatest))

    def ends(effect: float) -> Interval:
        low, high = wald(level, error, "log" if level > 0 else "identity", t_quantile(rows + 2), effect)
        if rows and np.isin(loss, (least, greatest)).all():
            low, high = (least + (greatest - least) * end for end in wilson(hits, rows, effect))
        return max(low, min(least, 0.0)), max(level, min(high, greatest))

    return level, ends
