"""A model of the expected error of a regression, learnt on labelled rows."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import GroupKFold, KFold

from toolkit.core import Estimate, side_by_side, unique
from toolkit.models import HeldOutErrors, Predictions, make_model
from toolkit.statistics import Units, dispersion, holm, likeness, regression_metrics, weights_of
from toolkit.statistics.intervals import RULE_OF_THREE, Array, Codes, Mask, Z, t_quantile, wald

Rows = tuple[pd.DataFrame, Array, Array]
#: The mean loss expected of some current rows of these units, and its standard error for their labels, and their rows.
MeanLoss = Callable[[Codes, Units | None], tuple[float, float, float]]

#: The metrics, and which power of an absolute error each is the mean of.
POWERS = {"mean_absolute_error": 1, "root_mean_squared_error": 2}
REGRESSION = tuple(POWERS)
FOLDS = 5
#: Which part of the change from the reference may be wrong: trees stop short of it, and rows move within their bins.
SHRINKAGE, WITHIN_BINS = 0.2, 1 / 3
PREDICTION = "predicted value"
BY_BINS = "held-out errors by the predicted value alone, not by features; delta method, log scale"
METHOD = "model of the expected error, delta method, log scale"


class ByLoss(NamedTuple):
    """What is expected of the current rows of a regression: errors are as large as those that were learnt from.

    ``unit`` is what errors were divided by, so that the square of a large one stays finite; ``learnt`` is how many rows
    they were learnt from, and ``supported`` says which current rows have others like them there.
    """

    expected: Mapping[str, MeanLoss]
    y_true: Array
    y_pred: Array
    units: Units | None
    supported: Mask
    unit: float
    learnt: int
    method: str = METHOD

    def estimate(self, rows: Codes, seed: int) -> dict[str, Estimate]:  # noqa: ARG002  # nothing is drawn
        """Estimate mean absolute and root mean squared error, with 95% prediction intervals of what the rows show."""
        units, found = self.units.take(rows) if self.units else None, {}
        for name, power in POWERS.items():
            value, _, error = self.expected[name](rows, units)
            few = 0.0, value + RULE_OF_THREE / min(len(rows), self.learnt)
            low, high = wald(value, error, "log") if value > 0 and error > 0 else few
            value, low, high = (end ** (1 / power) * self.unit for end in (value, low, high))
            found[name] = Estimate(value, low, high, len(rows), self.method)
        return found

    def realize(self, rows: Codes) -> dict[str, Estimate]:
        """Measure the errors."""
        found = regression_metrics(self.y_true[rows], self.y_pred[rows], units=self.units and self.units.take(rows))
        return {name: found[name].estimate for name in REGRESSION}

    def surprise(self, rows: Codes) -> tuple[float, float]:
        """Test on the log scale whether either mean loss is the expected one, by Holm; there are no scores to test."""
        units, tests = self.units.take(rows) if self.units else None, []
        size, each = np.abs(self.y_pred[rows] - self.y_true[rows]) / self.unit, weights_of(units, len(rows))
        for name, power in POWERS.items():
            value, error, _ = self.expected[name](rows, units)
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
    expected = {name: learn_loss(size**power, *tables, seed, units[0]) for name, power in POWERS.items()}
    return ByLoss(expected, target, guess, units[1], np.ones(len(guess), dtype=bool), unit, len(size))


def expect_by_bins(kept: HeldOutErrors, current: Predictions, units: Units | None) -> ByLoss:
    """Take the errors of held-out rows for those of current rows of the same bin of the predicted value."""
    guess = current.y_pred
    place = np.searchsorted(kept.ends[1:-1], guess, side="right")
    expected = {name: binned_loss(kept, place, power) for name, power in POWERS.items()}
    inside = (guess >= kept.ends[0]) & (guess <= kept.ends[-1])
    return ByLoss(expected, current.y_true, guess, units, inside, kept.unit, sum(kept.rows), BY_BINS)


def learn_loss(loss: Array, reference: pd.DataFrame, current: pd.DataFrame, seed: int, units: Units | None) -> MeanLoss:
    """Learn the loss of a row from its features on the reference, and predict it for the current rows.

    Boosted trees (NannyML calls this DLE), cross-fitted: every row of the reference is predicted by a model that did
    not see it.

    The mean of the model is corrected by its mean residual on the reference. The error is made of the labels (or of
    the sampling of rows), of the residuals on the reference, and of what sets these rows apart from it: how far the
    models of the folds disagree on that (a jackknife over the folds, with Student's quantile), and a fifth of it,
    since trees do not follow a change all the way out to where they saw few rows. In simulations the interval held
    the realized mean absolute error in 96 % of cases and the root mean squared error in 93 %, or in 91 % where a
    feature that drives the error had moved by half a standard deviation.

    Parameters
    ----------
    loss : array of shape (m,)
        Of the rows of the reference, 0 or more.
    reference, current : DataFrame of shape (m, columns) and (n, columns)
        Features; the prediction itself should be among them.
    seed : int
        Of the folds.
    units : Units, optional
        Groups of the rows of the reference, or their times; each group, or stretch, lies in one fold.
    """
    m, there, size = len(loss), weights_of(units, len(loss)), units.size if units else 1.0
    whole = units.independent[0] if units and units.kind != "row" and units.independent[1] >= FOLDS else None
    folds: Any = (KFold if whole is None else GroupKFold)(FOLDS, shuffle=True, random_state=seed)

    def learn(seen: Codes) -> list[Array]:
        boosting = HistGradientBoostingRegressor(max_iter=60, max_leaf_nodes=8, early_stopping=False, random_state=0)
        model = make_model(boosting, reference).fit(reference.iloc[seen], loss[seen])
        return [np.maximum(model.predict(table), 0.0) for table in (reference, current)]

    # What the model of each fold expects of every row; of a row of the reference the one counts that did not see it.
    parts = list(folds.split(loss, groups=whole))
    everywhere, by_fold = map(np.array, zip(*side_by_side([partial(learn, seen) for seen, _ in parts], m), strict=True))
    levels, fitted = np.average(everywhere, axis=1, weights=there), np.empty(m)
    for one, (_, unseen) in zip(everywhere, parts, strict=True):
        fitted[unseen] = one[unseen]
    residual, square = loss - fitted, float((fitted**2).mean())
    bias = float(np.average(residual, weights=there))
    spread = float((residual**2).mean()) / square if square else 0.0
    alike, seen = (likeness(values - values.mean(), units) for values in (residual, fitted))
    known = dispersion(alike, units, size) * float(np.average((residual - bias) ** 2, weights=there**2)) / (m - 1)

    def mean(rows: Codes, own: Units | None) -> tuple[float, float, float]:
        chosen, here = by_fold[:, rows], weights_of(own, len(rows))
        each = chosen.mean(axis=0)
        value = max(float(np.average(each, weights=here)) + bias, 0.0)
        change = np.average(chosen, axis=1, weights=here) - levels
        jackknife = (t_quantile(FOLDS) / Z) ** 2 * (FOLDS - 1) / FOLDS * float(((change - change.mean()) ** 2).sum())
        learnt = known + jackknife + (SHRINKAGE * float(change.mean())) ** 2
        labels = dispersion(alike, own, size) * spread * float(np.average(each**2, weights=here**2)) / len(rows)
        return value, *_errors(each - np.average(each, weights=here), here, learnt, labels, own, (seen, size))

    return mean


def binned_loss(kept: HeldOutErrors, place: Codes, power: int) -> MeanLoss:
    """Expect of each current row the loss of the held-out rows of its bin of the predicted value.

    The error is made of the labels (or of the sampling of rows), of the means of the bins, and of a third of what
    sets these rows apart from the held-out ones, since rows move within their bins too.

    Parameters
    ----------
    kept : HeldOutErrors
    place : integer array of shape (n,)
        The bin of each current row.
    power : int
        Of the absolute error.
    """
    weights, sums, squares = (np.array(kept.sums[str(one)]) for one in (0, power, 2 * power))
    loss, held = sums / weights, np.array(kept.rows)
    variance = np.maximum(squares / weights - loss**2, 0.0) * held / np.maximum(held - 1, 1)

    def mean(rows: Codes, own: Units | None) -> tuple[float, float, float]:
        here, each = weights_of(own, len(rows)), loss[place[rows]]
        share = np.bincount(place[rows], here, len(loss)) / here.sum()
        value = float(share @ loss)
        moved = value - float(np.average(loss, weights=weights))
        learnt = kept.effect * float(share**2 @ (variance / held)) + (WITHIN_BINS * moved) ** 2
        labels = max(kept.effect, dispersion(0.0, own)) * float(share @ variance) / len(rows)
        return value, *_errors(each - value, here, learnt, labels, own, (kept.effect - 1, 2.0))

    return mean


def _errors(left: Array, here: Array, known: float, labels: float, own: Units | None, seen: Any) -> tuple[float, float]:
    """Return the standard errors of a mean for labels, and for rows, from the variances of both and what was learnt.

    ``left`` is what rows leave of the mean; their part in its variance is the square of their weights. How alike rows
    are in groups is seen here; in a series it was ``seen`` in the reference, in stretches of a size.
    """
    alike, size = seen if own and own.times else (likeness(left, own), 1.0)
    sampled = dispersion(alike, own, size) * float(np.average(left**2, weights=here**2)) / len(left)
    return math.sqrt(known + labels), math.sqrt(known + max(labels, sampled))
