"""What a model says of the same rows when one column is changed to another of its values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core.estimate import Estimate
from toolkit.core.words import value_text
from toolkit.data.dataset import Dataset
from toolkit.models.model import Model
from toolkit.models.prediction import Predictions, predict
from toolkit.statistics.intervals import Array, share_estimate
from toolkit.statistics.measure import mean

MOST_VALUES = 8
#: Quantiles that stand for a number with more values than that.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def change_column(
    model: Model, data: Dataset, column: str, name: str, threshold: float
) -> tuple[dict[str, Estimate], pd.DataFrame]:
    """Change one column to each of its values, and see what the model then says.

    Parameters
    ----------
    model : Model
    data : Dataset
    column, name : str
        The feature, and what to call it.
    threshold : float
        Of the decisions; not a number where the model decides itself or the target is not binary.

    Returns
    -------
    (dict of str to Estimate, DataFrame)
        ``flip_rate`` (classes only) and ``score_change`` over all values, and a row a value: ``feature, changed_to,
        rows, flip_rate, gained, lost, score_change``, as far as they apply. Exactly 0 and no rows where the model is
        not given the column.
    """
    given = data.features
    if column not in model.inputs(given, data.name):
        never = Estimate(0.0, n=data.rows, method="exact: the model is not given this column")
        return dict.fromkeys(_measures(data.task), never), pd.DataFrame()
    before = predict(model, data)
    flipped, moved, times = np.zeros(data.rows), np.zeros(data.rows), np.zeros(data.rows)
    labels, rows = data.sensitive.get(column, given[column]), []
    for value in _values(given[column]):
        other = (given[column] != value).to_numpy()
        if not other.any():
            continue
        changed = given.assign(**{column: pd.Series(value, index=given.index, dtype=given[column].dtype)})
        after = predict(model, replace(data, features=changed))
        turned = _turned(before, after, data.task, threshold)
        move = _moved(before, after, turned)
        flipped, moved, times = np.maximum(flipped, np.abs(turned) * other), moved + move * other, times + other
        rows.append({"feature": name, "changed_to": value_text(labels[~other].iloc[0]), "rows": int(other.sum())})
        rows[-1] |= _counted(turned[other], data.task) | {"score_change": _mean(move[other], before)}
    counted = times > 0
    numbers = _counted(flipped[counted], data.task) | {"score_change": _mean(moved[counted] / times[counted], before)}
    return {key: numbers[key] for key in _measures(data.task)}, pd.DataFrame(rows)


def _values(column: pd.Series[Any]) -> list[Any]:
    """Return the values that rows are changed to: the most frequent ones, or quantiles of a number with many."""
    counts = column.dropna().value_counts()
    if pd.api.types.is_numeric_dtype(column) and len(counts) > MOST_VALUES:
        return list(np.unique(np.quantile(column.dropna(), QUANTILES, method="nearest")))
    return [value for value in counts.index[:MOST_VALUES] if counts[value] > 0]


def _measures(task: str) -> tuple[str, ...]:
    return ("score_change",) if task == "regression" else ("flip_rate", "score_change")


def _turned(before: Predictions, after: Predictions, task: str, threshold: float) -> Array:
    """Return for each row 0 where its decision stays, else 1, or -1 where it turns from positive to negative."""
    if task == "binary":
        turned: Array = after.decide(threshold) - before.decide(threshold)
        return turned
    return np.asarray(after.y_pred != before.y_pred, dtype=float)


def _moved(before: Predictions, after: Predictions, turned: Array) -> Array:
    """Return how far each row's score moves: the probability of several classes by half the sum, labels by 0 or 1."""
    if before.y_prob is not None and after.y_prob is not None:
        return np.asarray(np.abs(after.y_prob - before.y_prob).sum(axis=1) / 2)
    if not before.scored or len(before.classes) > 2:
        return np.abs(turned)
    return np.asarray(np.abs(after.y_pred - before.y_pred), dtype=float)


def _counted(turned: Array, task: str) -> dict[str, Estimate]:
    """Return the share of rows whose decision turns and, for two classes, the shares that turn each way."""
    if task == "regression":
        return {}
    counts = {"flip_rate": turned != 0} | ({"gained": turned > 0, "lost": turned < 0} if task == "binary" else {})
    return {key: share_estimate(int(hits.sum()), len(turned)) for key, hits in counts.items()}


def _mean(moved: Array, before: Predictions) -> Estimate:
    unit = 1.0 if before.probabilities else float(np.ptp(before.y_pred)) or 1.0
    return mean(moved, unit=unit).estimate
