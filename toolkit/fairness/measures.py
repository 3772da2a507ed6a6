"""Every metric of every group for each kind of task: counted, ranked or averaged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from toolkit.fairness.groups import Grouping, readable, unique_labels
from toolkit.fairness.rates import RATES, both_kinds, count_cells, measure_rates
from toolkit.fairness.scores import (
    brier_score,
    calibration_error,
    calibration_gap,
    compared,
    described,
    ranked_area,
    regression_means,
)
from toolkit.fairness.spread import Grouped
from toolkit.models.prediction import Predictions
from toolkit.statistics.intervals import Array

MOST_CLASSES = 10
#: Counted metrics of a binary task, and of one class against the rest.
BINARY_METRICS = (*RATES, "balanced_accuracy")
CLASS_METRICS = ("selection_rate", "base_rate", "recall", "false_positive_rate", "precision")

#: Metrics by class (empty where a metric is of all classes at once) and name.
Measured = dict[tuple[str, str], Grouped]


@dataclass(frozen=True, eq=False)
class Case:
    """The predictions under audit, where there are scores in their rising order.

    Attributes
    ----------
    task : {"binary", "multiclass", "regression"}
    predicted : Predictions
    called : array of shape (n,) or None
        1 where a row is called positive (binary).
    """

    task: str
    predicted: Predictions
    called: Array | None

    @property
    def ranked(self) -> bool:
        """Whether the rows are in the order of their scores."""
        return self.called is not None and self.predicted.scored and len(self.called) > 0


def prepare(
    task: str, predicted: Predictions, called: Array | None, columns: pd.DataFrame
) -> tuple[Case, pd.DataFrame]:
    """Sort predictions and sensitive columns by the score once, so that no grouping has to."""
    case = Case(task, predicted, called)
    if called is None or not case.ranked:
        return case, columns
    order = np.argsort(predicted.y_pred)
    ordered = replace(predicted, y_true=predicted.y_true[order], y_pred=predicted.y_pred[order], decisions=None)
    taken = {place: columns.iloc[:, place].array.take(order) for place in range(columns.shape[1])}
    return Case(task, ordered, called[order]), pd.DataFrame(taken, copy=False).set_axis(columns.columns, axis=1)


def frequent_classes(predicted: Predictions) -> list[int]:
    """Return the codes of the ten classes with the most rows, in their own order."""
    counts = np.bincount(predicted.y_true.astype(np.intp), minlength=len(predicted.classes))
    return sorted(np.argsort(-counts, kind="stable")[:MOST_CLASSES].tolist())


def class_labels(classes: Sequence[object]) -> list[str]:
    """Write the classes as labels."""
    return unique_labels([readable(label) for label in classes])


def measure_groups(case: Case, grouping: Grouping, least: int, replicates: int, rng: np.random.Generator) -> Measured:
    """Measure the groups of one grouping.

    Parameters
    ----------
    case : Case
    grouping : Grouping
    least : int
        Fewest rows of a group that is judged.
    replicates : int
    rng : Generator
    """
    if case.task == "regression":
        return _numbers(case, grouping, least, replicates, rng)
    if case.called is None:
        return _classes(case, grouping, least, replicates, rng)
    predicted = case.predicted
    cells = count_cells(grouping.codes, len(grouping.labels), predicted.y_true, case.called)
    counted = measure_rates(cells, BINARY_METRICS, least, replicates, rng)
    found: Measured = {("", name): metric for name, metric in counted.items()}
    if not case.ranked:
        return found
    areas, scores, gaps, errors = [], [], [], []
    for rows in grouping.rows():
        truth, score = predicted.y_true[rows], predicted.y_pred[rows]
        areas.append(ranked_area(truth, score))
        if predicted.probabilities:
            excess = score - truth
            scores.append(brier_score(excess**2))
            gaps.append(calibration_gap(excess))
            errors.append(calibration_error(truth, score))
    found["", "roc_auc"] = compared("roc_auc", areas, both_kinds(cells, least), replicates, rng, proportion=True)
    if predicted.probabilities:
        enough = cells.sum(axis=1) >= least
        found["", "brier_score_loss"] = compared("brier_score_loss", scores, enough, replicates, rng)
        found["", "calibration_gap"] = compared("calibration_gap", gaps, enough, replicates, rng)
        found["", "expected_calibration_error"] = described("expected_calibration_error", errors, enough)
    return found


def _classes(case: Case, grouping: Grouping, least: int, replicates: int, rng: np.random.Generator) -> Measured:
    truth, guess = case.predicted.y_true, case.predicted.y_pred
    labels, groups = class_labels(case.predicted.classes), len(grouping.labels)
    right = count_cells(grouping.codes, groups, np.ones(len(truth)), (truth == guess).astype(float))
    found: Measured = {("", "accuracy"): measure_rates(right, ["accuracy"], least, replicates, rng)["accuracy"]}
    for code in frequent_classes(case.predicted):
        is_class, called = (truth == code).astype(float), (guess == code).astype(float)
        cells = count_cells(grouping.codes, groups, is_class, called)
        rates = measure_rates(cells, CLASS_METRICS, least, replicates, rng)
        found |= {(labels[code], name): metric for name, metric in rates.items()}
    return found


def _numbers(case: Case, grouping: Grouping, least: int, replicates: int, rng: np.random.Generator) -> Measured:
    judged = grouping.counts >= least
    means = regression_means(case.predicted.y_true, case.predicted.y_pred, grouping.rows())
    return {("", name): compared(name, estimates, judged, replicates, rng) for name, estimates in means.items()}
