"""The loss of each row: what slices are searched by, and what shuffling a column makes worse."""

from __future__ import annotations

import numpy as np

from toolkit.models.prediction import Predictions
from toolkit.statistics.intervals import Array
from toolkit.statistics.metrics import EPSILON


def row_losses(predicted: Predictions, task: str, threshold: float = 0.0) -> tuple[str, Array]:
    """Return the name and the loss of each row: log loss, else errors; absolute error for numbers."""
    if task == "regression":
        return "absolute error", np.abs(predicted.y_pred - predicted.y_true)
    if not predicted.probabilities:
        return "error rate", 1.0 - correct(predicted, task, threshold)
    if task == "binary":
        chance = np.where(predicted.y_true == 1, predicted.y_pred, 1 - predicted.y_pred)
    else:
        table = predicted.y_prob if predicted.y_prob is not None else np.empty((0, 0))
        chance = table[np.arange(len(table)), predicted.y_true.astype(int)]
    return "log loss", -np.log(np.clip(chance, EPSILON, 1 - EPSILON))


def correct(predicted: Predictions, task: str, threshold: float) -> Array:
    """Return 1 for each row that is classified rightly, else 0."""
    guess = predicted.decide(threshold) if task == "binary" else predicted.y_pred
    return np.asarray(guess == predicted.y_true, dtype=float)
