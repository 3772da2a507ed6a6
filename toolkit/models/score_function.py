"""A function of a table in the place of a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.utils.metaestimators import available_if

from toolkit.data.dataset import Dataset
from toolkit.errors import InputError
from toolkit.models.recorded import last_highest
from toolkit.statistics.intervals import Array


@dataclass(frozen=True, eq=False)
class ScoreFunction:
    """A function that returns scores, with the methods of a model.

    Attributes
    ----------
    function : callable
        Takes a frame of features and returns one score a row (the prediction, or the score of the positive class), or
        one a row and class in the order of the table's classes.
    classes_ : array of shape (classes,)
        The labels; none for numbers.
    positive : object or None
        Of two classes, the one that a single score is of.
    probabilities : bool
        Whether the scores all lie in [0, 1]; others have their boundary at 0.
    """

    function: Callable[[pd.DataFrame], Any]
    classes_: NDArray[Any]
    positive: object = None
    probabilities: bool = False

    @classmethod
    def of(cls, function: Callable[[pd.DataFrame], Any], data: Dataset | None) -> ScoreFunction:
        """Learn from a table which labels the scores are of, and whether they are probabilities.

        Raises
        ------
        InputError
            Where what the function returns has another shape.
        """
        if data is None or not data.classes:
            return cls(function, np.array([], dtype=object))
        made = cls(function, np.array(data.classes, dtype=object), data.positive)
        first = made._scores(data.features)
        return cls(function, made.classes_, data.positive, bool(((first >= 0) & (first <= 1)).all()))

    def predict(self, features: pd.DataFrame) -> NDArray[Any]:
        """Return the number of each row, or the label of its highest score."""
        scores = self._scores(features)
        return self.classes_[last_highest(self._by_class(scores))] if len(self.classes_) else scores[:, 0]

    @available_if(lambda self: self.probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, features: pd.DataFrame) -> Array:
        """Return the probability of each row and class."""
        return self._by_class(self._scores(features))

    @available_if(lambda self: len(self.classes_) > 0 and not self.probabilities)  # type: ignore[untyped-decorator]
    def decision_function(self, features: pd.DataFrame) -> Array:
        """Return the scores of each class; of two, those of the second."""
        scores = self._by_class(self._scores(features))
        return scores[:, 1] if len(self.classes_) == 2 else scores

    def _by_class(self, scores: Array) -> Array:
        if scores.shape[1] > 1:
            return scores
        both = np.column_stack([float(self.probabilities) - scores[:, 0], scores[:, 0]])
        return both if self.classes_[1] == self.positive else both[:, ::-1]

    def _scores(self, features: pd.DataFrame) -> Array:
        scores = np.asarray(self.function(features), dtype=float)
        columns, classes = scores.shape[1] if scores.ndim == 2 else 1, len(self.classes_)
        right = columns == max(classes, 1) or (columns == 1 and classes < 3)
        if scores.ndim not in (1, 2) or len(scores) != len(features) or not right:
            raise InputError(
                f"The function returned an array of shape {scores.shape} for {len(features):,} rows. It must return "
                "one score a row, or one a row and class."
            )
        return scores.reshape(len(features), columns)
