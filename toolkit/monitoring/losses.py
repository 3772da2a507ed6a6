"""A model of the expected error of a regression, learnt on labelled rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GroupKFold, KFold

from toolkit.core.estimate import Estimate
from toolkit.core.words import unique
from toolkit.models.held_out import HeldOutErrors
from toolkit.models.prediction import Predictions
from toolkit.models.preprocessing import make_model
from toolkit.statistics.intervals import RULE_OF_THREE, Array, Z, t_quantile, wald
from toolkit.statistics.regression import regression_metrics
from toolkit.statistics.significance import holm
from toolkit.statistics.units import Units, dispersion, likeness, weights_of

Places = NDArray[np.intp]
Rows = tuple[pd.DataFrame, Array, Array]

#: The metrics, and which power of an absolute error each is the mean of.
POWERS = {"mean_absolute_error": 1, "root_mean_squared_error": 2}
REGRESSION = tuple(POWERS)
FOLDS = 5
#: Which part of the change from the reference may be wrong: trees stop short of it, and rows move within their bins.
SHRINKAGE, WITHIN_BINS = 0.2, 1 / 3
PREDICTION = "predicted value"
BY_BINS = "held-out errors by the predicted value alone, not by features; delta method, log scale"
METHOD = "model of the expected error, delta method, log scale"


@dataclass(frozen=True, eq=False)
class ByLoss:
    """What is expected of the current rows of a regression: errors are as large as those that were learnt from.

    ``unit`` is what errors were divided by, so that the square of a large one stays finite; ``learnt`` is how many rows
    they were learnt from, and ``supported`` says which current rows have others like them there.
    """

    expected: Mapping[str, ExpectedLoss | BinnedLoss]
    y_true: Array
    y_pred: Array
    units: Units | None
    supported: NDArray[np.bool_]
    unit: float
    learnt: int
    method: str = METHOD

    def estimate(self, rows: Places, seed: int) -> dict[str, Estimate]:  # noqa: ARG002  # nothing is drawn
        """Estimate mean absolute and root mean squared error, with 95% prediction intervals of what the rows show."""
        units, found = self.units.take(rows) if self.units else None, {}
        for name, power in POWERS.items():
            value, _, error = self.expected[name].mean(rows, units)
            few = 0.0, value + RULE_OF_THREE / min(len(rows), self.learnt)
            low, high = wald(value, error, "log") if value > 0 and error > 0 else few
            value, low, high = (end ** (1 / power) * self.unit for end in (value, low, high))
            found[name] = Estimate(value, low, high, len(rows), self.method)
        return found

    def realize(self, rows: Places) -> dict[str, Estimate]:
        """Measure the same."""
        return measure_errors(self.y_true[rows], self.y_pred[rows], self.units.take(rows) if self.units else None)

    def surprise(self, rows: Places) -> tuple[float, float]:
        """Test on the log scale whether either mean loss is the expected one, by Holm; there are no scores to test."""
        units, tests = self.units.take(rows) if self.units else None, []
        size, each = np.abs(self.y_pred[rows] - self.y_true[rows]) / self.unit, weights_of(units, len(rows))
        for name, power in POWERS.items():
            value, error, _ = self.expected[name].mean(rows, units)
            seen = float(np.average(size**power, weights=each))
            known = min(value, error, seen) > 0
            tests.append(2 * stats.norm.sf(abs(math.log(seen / value)) * value / error) if known else 1.0)
        return float(holm(tests).min()), math.nan


def expect_errors(reference: Rows, current: Rows, seed: int, units: Sequence[Units | None] = (None, None)) -> ByLoss:
    """Learn the errors of the reference; both are features, truth and prediction, and may have groups of rows."""
    (known, truth, predicted), (rows, target, guess) = reference, current
    unit = float(np.abs(predicted - truth).max()) or 1.0
    names = [name for name in known.columns if name in rows.columns]
    column = unique([*names, PREDICTION])[-1]
    tables = (known[names].assign(**{column: predicted / unit}), rows[names].assign(**{column: guess / unit}))
    size = np.abs(predicted - truth) / unit
    expected = {name: expect_loss(size**power, *tables, seed, units[0]) for name, power in POWERS.items()}
    return ByLoss(expected, target, guess, units[1], np.ones(len(guess), dtype=bool), unit, len(size))


def expect_by_bins(kept: HeldOutErrors, current: Predictions, units: Units | None) -> ByLoss:
    """Take the errors of held-out rows for those of current rows of the same bin of the predicted value."""
    sums = {int(power): np.array(values) for power, values in kept.sums.items()}
    guess, rows, expected = current.y_pred, np.array(kept.rows), {}
    place = np.searchsorted(kept.ends[1:-1], guess, side="right")
    for name, power in POWERS.items():
        loss = sums[power] / sums[0]
        variance = np.maximum(sums[2 * power] / sums[0] - loss**2, 0.0) * rows / np.maximum(rows - 1, 1)
        expected[name] = BinnedLoss(place, loss, variance, rows, sums[0], kept.effect)
    inside = (guess >= kept.ends[0]) & (guess <= kept.ends[-1])
    return ByLoss(expected, current.y_true, guess, units, inside, kept.unit, sum(kept.rows), BY_BINS)


def measure_errors(y_true: Array, y_pred: Array, units: Units | None = None) -> dict[str, Estimate]:
    """Measure the errors of a regression."""
    found = regression_metrics(y_true, y_pred, units=units)
    return {name: found[name].estimate for name in REGRESSION}


@dataclass(frozen=True, eq=False)
class ExpectedLoss:
    """The loss that is expected of each current row.

    Attributes
    ----------
    by_fold : array of shape (folds, n)
        Expected loss of each current row, by the model that did not see one fold of the reference.
    level : array of shape (folds,)
        Mean expected loss over the reference, by the same models.
    residual : array of shape (m,)
        Loss minus expected loss of each reference row, by the model that did not see it.
    spread : float
        Variance of the loss of a row over its squared expectation.
    alike : float
        Correlation of the residuals of two rows of one group; 0 where each row stands for itself.
    units : Units or None
        The groups of the reference.
    """

    by_fold: Array
    level: Array
    residual: Array
    spread: float
    alike: float = 0.0
    units: Units | None = None

    def mean(self, rows: Places, units: Units | None) -> tuple[float, float, float]:
        """Return the mean loss expected of some current rows, and its standard error for their labels, and their rows.

        The mean of the model is corrected by its mean residual on the reference. The error is made of the labels (or of
        the sampling of rows), of the residuals on the reference, and of what sets these rows apart from it: how far the
        models of the folds disagree on that (a jackknife over the folds, with Student's quantile), and a fifth of it,
        since trees do not follow a change all the way out to where they saw few rows. In simulations the interval held
        the realized mean absolute error in 96 % of cases and the root mean squared error in 93 %, or in 91 % where a
        feature that drives the error had moved by half a standard deviation.
        """
        chosen = self.by_fold[:, rows]
        each, k = chosen.mean(axis=0), len(chosen)
        n, m = len(each), len(self.residual)
        here, there = weights_of(units, n), weights_of(self.units, m)
        value = max(float(np.average(each, weights=here) + np.average(self.residual, weights=there)), 0.0)
        change = np.average(chosen, axis=1, weights=here) - self.level
        jackknife = (t_quantile(k) / Z) ** 2 * (k - 1) / k * float(((change - change.mean()) ** 2).sum())
        own = dispersion(self.alike, self.units) * float(self.residual.var(ddof=1)) / m
        learnt = own + jackknife + (SHRINKAGE * float(change.mean())) ** 2
        labels = dispersion(self.alike, units) * self.spread * float((each**2).mean()) / n
        sampled = dispersion(likeness(each - each.mean(), units), units) * float(each.var()) / n
        return value, math.sqrt(learnt + labels), math.sqrt(learnt + max(labels, sampled))


@dataclass(frozen=True, eq=False)
class BinnedLoss:
    """The loss that is expected of each current row by its predicted value alone.

    Attributes
    ----------
    place : integer array of shape (n,)
        The bin of each current row.
    loss, variance, rows, weights : array of shape (bins,)
        Mean and variance of the loss of the held-out rows of each bin, how many there are, and what they weigh.
    effect : float
        As in ``HeldOutErrors``.
    """

    place: Places
    loss: Array
    variance: Array
    rows: Array
    weights: Array
    effect: float

    def mean(self, rows: Places, units: Units | None) -> tuple[float, float, float]:
        """Return the mean loss expected of some current rows, and its standard error for their labels, and their rows.

        The error is made of the labels (or of the sampling of rows), of the means of the bins, and of a third of what
        sets these rows apart from the held-out ones, since rows move within their bins too.
        """
        place, here, n = self.place[rows], weights_of(units, len(rows)), len(rows)
        share, each = np.bincount(place, here, len(self.loss)) / here.sum(), self.loss[place]
        value = float(share @ self.loss)
        moved = value - float(np.average(self.loss, weights=self.weights))
        learnt = self.effect * float(share**2 @ (self.variance / self.rows)) + (WITHIN_BINS * moved) ** 2
        labels = max(self.effect, dispersion(0.0, units)) * float(share @ self.variance) / n
        sampled = dispersion(likeness(each - each.mean(), units), units) * float(each.var()) / n
        return value, math.sqrt(learnt + labels), math.sqrt(learnt + max(labels, sampled))


def expect_loss(
    loss: Array, reference: pd.DataFrame, current: pd.DataFrame, seed: int, units: Units | None
) -> ExpectedLoss:
    """Learn the loss of a row from its features on the reference, and predict it for the current rows.

    Boosted trees (NannyML calls this DLE), cross-fitted: every row of the reference is predicted by a model that did
    not see it.

    Parameters
    ----------
    loss : array of shape (m,)
        Of the rows of the reference, 0 or more.
    reference, current : DataFrame of shape (m, columns) and (n, columns)
        Features; the prediction itself should be among them.
    seed : int
        Of the folds.
    units : Units, optional
        Groups of the rows of the reference, each of which lies in one fold.
    """
    by_fold, level, fitted = [], [], np.empty(len(loss))
    whole = units.codes if units and units.kind == "group" and units.count >= FOLDS else None
    folds: Any = (KFold if whole is None else GroupKFold)(FOLDS, shuffle=True, random_state=seed)
    for seen, unseen in folds.split(loss, groups=whole):
        boosting = HistGradientBoostingRegressor(max_iter=60, max_leaf_nodes=8, early_stopping=False, random_state=0)
        model = make_model(boosting, reference).fit(reference.iloc[seen], loss[seen])
        everywhere = np.maximum(model.predict(reference), 0.0)
        fitted[unseen] = everywhere[unseen]
        level.append(float(np.average(everywhere, weights=weights_of(units, len(loss)))))
        by_fold.append(np.maximum(model.predict(current), 0.0))
    residual = loss - fitted
    square = float((fitted**2).mean())
    spread = float((residual**2).mean()) / square if square else 0.0
    alike = likeness(residual - residual.mean(), units)
    return ExpectedLoss(np.array(by_fold), np.array(level), residual, spread, alike, units)
