"""Predictions that somebody else made, looked up row by row as if a model gave them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.metaestimators import available_if

from toolkit.errors import InputError
from toolkit.statistics.intervals import Array

#: Scores rounded to two decimals add up to one within this, for each class.
ROUNDING = 0.005


def _has_scores(recorded: RecordedPredictions) -> bool:
    return recorded.y_score is not None


class RecordedPredictions:
    """Recorded predictions in the place of a model; rows are found by the index of the table asked about.

    Parameters
    ----------
    y_pred : Series or array of shape (n,), optional
        Predicted labels, or numbers for regression. Where they are given, they are the decisions; else the scores
        decide, at a threshold. The index of a Series is that of the data set, which numbers the rows of its table as
        it was read; an array is taken to begin with the first of them.
    y_score : Series, array or DataFrame, optional
        Probabilities: of the positive class, of shape (n,), or of every class, of shape (n, classes).
    classes : sequence
        Labels of the classes: the negative and the positive one, or those of the columns of ``y_score``. Needed with
        scores.

    Raises
    ------
    InputError
        Where there is neither, the two differ in length, or scores are missing, outside [0, 1] or do not add up to 1.

    Examples
    --------
    >>> recorded = RecordedPredictions(y_score=[0.2, 0.9], classes=("no", "yes"))
    >>> recorded.predict(pd.DataFrame(index=[1, 0])).tolist()
    ['yes', 'no']
    """

    def __init__(self, y_pred: Any = None, y_score: Any = None, classes: Sequence[Any] = ()) -> None:
        if y_pred is None and y_score is None:
            raise InputError("Predictions need y_pred (labels or numbers), y_score (probabilities), or both.")
        self.y_pred: pd.Series[Any] | None = None if y_pred is None else pd.Series(y_pred)
        self.y_score: pd.DataFrame | None = None
        if len(classes):
            self.classes_ = np.empty(len(classes), dtype=object)
            self.classes_[:] = list(classes)
        if y_score is not None:
            self.y_score = _probabilities(y_score, classes)
        if self.y_pred is not None and self.y_score is not None and not self.y_pred.index.equals(self.y_score.index):
            found = f"{len(self.y_pred):,} values of y_pred and {len(self.y_score):,} rows of y_score"
            raise InputError(f"y_pred and y_score must be of the same rows in the same order; found {found}.")

    def predict(self, features: pd.DataFrame) -> NDArray[Any]:
        """Return the labels or numbers of some rows; without ``y_pred``, the class of the highest probability."""
        if self.y_pred is not None:
            return self.y_pred.to_numpy()[self._places(features, self.y_pred.index)]
        labels: NDArray[Any] = self.classes_[last_highest(self.predict_proba(features))]
        return labels

    @available_if(_has_scores)  # type: ignore[untyped-decorator]
    def predict_proba(self, features: pd.DataFrame) -> Array:
        """Return the probabilities of some rows in the order of ``classes_``, of shape (n, classes)."""
        table: pd.DataFrame = self.y_score  # type: ignore[assignment]  # available_if saw to it
        return table.to_numpy(dtype=float)[self._places(features, table.index)]

    def _places(self, features: pd.DataFrame, index: pd.Index[Any]) -> NDArray[np.intp] | slice:
        if index.equals(features.index):
            return slice(None)
        places = index.get_indexer(features.index)
        missing = int((places < 0).sum())
        if missing:
            raise InputError(
                f"{len(index):,} predictions are recorded, but {missing:,} of the {len(features):,} rows asked about "
                "have none. Give one prediction for each row of the table."
            )
        return places


def _probabilities(scores: Any, classes: Sequence[Any]) -> pd.DataFrame:
    """Check scores and write them as a column for each class."""
    table = pd.DataFrame(scores)
    columns = table.shape[1]
    if len(classes) != max(columns, 2):
        raise InputError(
            f"y_score has {columns} column(s), so {max(columns, 2)} classes are needed, not {len(classes)}."
        )
    values = table.to_numpy(dtype=float, na_value=np.nan)
    missing = int(np.isnan(values).any(axis=1).sum())
    if missing:
        raise InputError(f"y_score is missing in {missing:,} of {len(values):,} rows. Give every row its score.")
    outside = int(((values < 0) | (values > 1)).any(axis=1).sum())
    if outside:
        raise InputError(
            f"y_score must hold probabilities in [0, 1]; {outside:,} of {len(values):,} rows lie outside "
            f"(all together {values.min():.4g} to {values.max():.4g}). Turn scores into probabilities first, or give "
            "y_pred alone."
        )
    if columns == 1:
        values = np.column_stack([1 - values[:, 0], values[:, 0]])
    off = int((np.abs(values.sum(axis=1) - 1) > ROUNDING * columns + 1e-9).sum())
    if columns > 1 and off:
        raise InputError(
            f"The probabilities of the classes must add up to 1; in {off:,} of {len(values):,} rows not so."
        )
    return pd.DataFrame(values, index=table.index)


def last_highest(probabilities: Array) -> NDArray[np.intp]:
    """Return the place of the highest value of each row; of equal ones the last, so that 0.5 is called positive."""
    places: NDArray[np.intp] = probabilities.shape[1] - 1 - probabilities[:, ::-1].argmax(axis=1)
    return places
