"""Every metric of every group for each kind of task: counted, ranked or averaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.words import unique, value_text
from toolkit.fairness.groups import Grouping
from toolkit.fairness.rates import RATES, both_kinds, count_cells, measure_rates
from toolkit.fairness.scores import compared, described, ranked_area, regression_means
from toolkit.fairness.spread import GroupMetric
from toolkit.models.prediction import Predictions
from toolkit.statistics.calibration import calibration_error_of, sorted_bins
from toolkit.statistics.intervals import Array
from toolkit.statistics.measure import mean

MOST_CLASSES = 10
#: Fewer than for a whole table, as there are many groups.
CALIBRATION_DRAWS = 500
#: Counted metrics of a binary task, and of one class against the rest.
BINARY_METRICS = (*RATES, "balanced_accuracy")
CLASS_METRICS = ("selection_rate", "base_rate", "recall", "false_positive_rate", "precision")

#: Metrics by class (empty where a metric is of all classes at once) and name.
Measured = dict[tuple[str, str], GroupMetric]


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

    def given(self, *, scored: bool) -> tuple[NDArray[Any], Any]:
        """Return truth and decisions as a metric takes them: 0 and 1 of two classes, labels of several, numbers.

        Where ``scored``, scores instead of decisions: those of the positive class, or the probabilities of all classes;
        None where the model gives labels only.
        """
        predicted = self.predicted
        if self.task == "regression":
            return predicted.y_true, predicted.y_pred
        truth = predicted.y_true.astype(np.intp)
        if self.called is not None:
            scores = predicted.y_pred if predicted.scored else None
            return truth, scores if scored else self.called.astype(np.intp)
        labels = np.asarray(predicted.classes)
        return labels[truth], predicted.y_prob if scored else labels[predicted.y_pred.astype(np.intp)]


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
    predicted, groups = case.predicted, len(grouping.labels)
    if case.task == "regression":
        means = regression_means(predicted.y_true, predicted.y_pred, grouping.rows())
        judged = grouping.counts >= least
        return {("", name): compared(name, found, judged, replicates, rng) for name, found in means.items()}
    measured: Measured = {}
    for kind, truth, called, names in _tables(case):
        cells = count_cells(grouping.codes, groups, truth, called)
        rates = measure_rates(cells, names, least, replicates, rng)
        measured |= {(kind, name): metric for name, metric in rates.items()}
    return measured | (_scores(case, grouping, cells, least, replicates, rng) if case.ranked else {})


def _tables(case: Case) -> Iterator[tuple[str, Array, Array, tuple[str, ...]]]:
    """Yield what is counted: a class, where it is true, where it is called, and the metrics of these counts."""
    truth, guess = case.predicted.y_true, case.predicted.y_pred
    if case.called is not None:
        yield "", truth, case.called, BINARY_METRICS
        return
    yield "", np.ones(len(truth)), (truth == guess).astype(float), ("accuracy",)
    labels = unique(value_text(label) for label in case.predicted.classes)
    counts = np.bincount(truth.astype(np.intp), minlength=len(labels))
    for code in sorted(np.argsort(-counts, kind="stable")[:MOST_CLASSES].tolist()):
        yield labels[code], (truth == code).astype(float), (guess == code).astype(float), CLASS_METRICS


def _scores(
    case: Case, grouping: Grouping, cells: Array, least: int, replicates: int, rng: np.random.Generator
) -> Measured:
    parts = [(case.predicted.y_true[rows], case.predicted.y_pred[rows]) for rows in grouping.rows()]
    both, enough = both_kinds(cells, least), grouping.counts >= least
    areas = [ranked_area(*part) for part in parts]
    found = [compared("roc_auc", areas, both, replicates, rng, proportion=True)]
    if case.predicted.probabilities:
        excess = [score - truth for truth, score in parts]
        losses = [mean(one**2, bounds=(0.0, 1.0)).estimate for one in excess]
        gaps = [mean(one, bounds=(-1.0, 1.0), scale="identity").estimate for one in excess]
        errors = [calibration_error_of(*sorted_bins(*part), draws=CALIBRATION_DRAWS)[0] for part in parts]
        found.append(compared("brier_score_loss", losses, enough, replicates, rng))
        found.append(compared("calibration_gap", gaps, enough, replicates, rng))
        found.append(described("expected_calibration_error", errors, enough))
    return {("", metric.name): metric for metric in found}
