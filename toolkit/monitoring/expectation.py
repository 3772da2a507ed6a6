"""One face for classifiers and regressions: estimate any rows, measure them, and test what the estimate rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from toolkit.core.estimate import Estimate
from toolkit.monitoring.calibrator import Calibrator, fit_calibrator
from toolkit.monitoring.confidence import estimate_binary, gather
from toolkit.monitoring.losses import (
    PREDICTION,
    REGRESSION,
    ExpectedLoss,
    Places,
    expect_loss,
    loss_estimate,
    loss_test,
)
from toolkit.monitoring.shift import shift_test
from toolkit.statistics.intervals import Array
from toolkit.statistics.metrics import binary_metrics
from toolkit.statistics.multiplicity import holm
from toolkit.statistics.regression import regression_metrics

#: What all rows together are called among the windows.
WHOLE = "all"


@dataclass(frozen=True, eq=False)
class Scored:
    """Truth, scores and decisions of some rows of a classifier; y_true is not to be trusted where there is no label.

    For more than two classes they are about whether the predicted class is right: y_true is 1 where it is, y_score the
    probability given to it, and every row is called.
    """

    y_true: Array
    y_score: Array
    called: Array

    def take(self, rows: Places) -> Scored:
        """Return some of the rows."""
        return Scored(self.y_true[rows], self.y_score[rows], self.called[rows])


class Expectation(Protocol):
    """What is expected of the current rows, given the reference."""

    def estimate(self, rows: Places, seed: int) -> dict[str, Estimate]:
        """Estimate every metric on some current rows, without their labels."""

    def realize(self, rows: Places) -> dict[str, Estimate]:
        """Measure every metric on some current rows by their labels."""

    def surprise(self, rows: Places) -> float:
        """Return the p value of labels on some current rows, if they follow what was expected."""


@dataclass(frozen=True, eq=False)
class ByScore:
    """Classification: labels follow the calibrated score."""

    calibrator: Calibrator
    current: Scored

    def estimate(self, rows: Places, seed: int) -> dict[str, Estimate]:
        """Estimate metrics and expected confusion counts."""
        part = self.current.take(rows)
        return estimate_binary(gather(part.y_score, part.called, self.calibrator), self.calibrator, seed=seed)

    def realize(self, rows: Places) -> dict[str, Estimate]:
        """Measure metrics and confusion counts."""
        return measure_scored(self.current.take(rows))

    def surprise(self, rows: Places) -> float:
        """Test whether labels follow the calibrated scores."""
        part = self.current.take(rows)
        return shift_test(part.y_true, part.y_score, self.calibrator)


@dataclass(frozen=True, eq=False)
class ByLoss:
    """Regression: errors are as large as a model of the error says."""

    expected: dict[str, ExpectedLoss]
    losses: dict[str, Array]
    y_true: Array
    y_pred: Array

    def estimate(self, rows: Places, seed: int) -> dict[str, Estimate]:  # noqa: ARG002  # nothing is drawn
        """Estimate mean absolute and root mean squared error."""
        return {name: loss_estimate(self.expected[name], rows, root=name == REGRESSION[1]) for name in REGRESSION}

    def realize(self, rows: Places) -> dict[str, Estimate]:
        """Measure the same."""
        return measure_errors(self.y_true[rows], self.y_pred[rows])

    def surprise(self, rows: Places) -> float:
        """Test both losses, by Holm."""
        return float(holm([loss_test(self.expected[name], rows, self.losses[name][rows]) for name in REGRESSION]).min())


def expect_scored(reference: Scored, current: Scored, *, probabilities: bool) -> ByScore:
    """Calibrate on the reference."""
    return ByScore(fit_calibrator(reference.y_true, reference.y_score, probabilities=probabilities), current)


def expect_errors(
    reference: tuple[pd.DataFrame, Array, Array], current: tuple[pd.DataFrame, Array, Array], seed: int
) -> ByLoss:
    """Learn the errors of the reference; both are features, truth and prediction."""
    (known, truth, predicted), (rows, target, guess) = reference, current
    unit = float(np.abs(predicted - truth).max()) or 1.0
    names = [name for name in known.columns if name in rows.columns]
    column = PREDICTION
    while column in names:
        column += "_"
    tables = (known[names].assign(**{column: predicted / unit}), rows[names].assign(**{column: guess / unit}))
    old, new = (np.abs(predicted - truth) / unit, np.abs(guess - target) / unit)
    powers = dict(zip(REGRESSION, (1, 2), strict=True))
    expected = {name: expect_loss(old**power, *tables, unit=unit, seed=seed) for name, power in powers.items()}
    return ByLoss(expected, {name: new**power for name, power in powers.items()}, target, guess)


def measure_scored(part: Scored) -> dict[str, Estimate]:
    """Measure the metrics that can be estimated, and count the confusion cells."""
    found = binary_metrics(part.y_true, part.y_score, decisions=part.called, probabilities=False)
    return {name: measure.estimate for name, measure in found.items()} | _cells(part.y_true, part.called)


def measure_errors(y_true: Array, y_pred: Array) -> dict[str, Estimate]:
    """Measure the errors of a regression."""
    found = regression_metrics(y_true, y_pred)
    return {name: found[name].estimate for name in REGRESSION}


def _cells(y_true: Array, called: Array) -> dict[str, Estimate]:
    n, tp = len(y_true), float(y_true @ called)
    fp, fn = float(called.sum()) - tp, float(y_true.sum()) - tp
    counts = {"true_positives": tp, "false_positives": fp, "false_negatives": fn, "true_negatives": n - tp - fp - fn}
    return {name: Estimate(count, n=n) for name, count in counts.items()}
