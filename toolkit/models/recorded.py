"""What may stand in the place of a model: predictions that somebody else recorded, or a function of a table."""

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils.metaestimators import available_if

from toolkit.data import Dataset, find_columns, schema_of
from toolkit.errors import InputError, listed, reason
from toolkit.models.findings import refusal
from toolkit.statistics import AnyArray, Array, Codes

#: Scores rounded to two decimals add up to one within this, for each class.
ROUNDING = 0.005


class RecordedPredictions:
    """Recorded predictions in the place of a model; rows are found by the index of the table asked about.

    Parameters
    ----------
    y_pred : Series or array of shape (n,), optional
        Predicted labels, or numbers for regression. Where they are given, they are the decisions; else the scores
        decide, at a threshold. The index of a Series is that of the data set, which numbers the rows of its table as
        it was read; an array is taken to begin with the first of them.
    y_score : Series, array or DataFrame, optional
        Probabilities: of the positive class, of shape (n,), or of every class, of shape (n, classes); columns that are
        called as the classes, such as ``yes``, ``p_yes`` or ``P(yes)``, are found by their names.
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
        self.y_pred: pd.Series | None = None if y_pred is None else pd.Series(y_pred)
        self.y_score: pd.DataFrame | None = None if y_score is None else _probabilities(y_score, classes)
        if len(classes):
            self.classes_ = np.array(classes, dtype=object)
        if self.y_pred is not None and self.y_score is not None and not self.y_pred.index.equals(self.y_score.index):
            raise refusal("two lengths", pred=len(self.y_pred), score=len(self.y_score))

    def predict(self, features: pd.DataFrame) -> AnyArray:
        """Return the labels or numbers of some rows; without ``y_pred``, the class of the highest probability."""
        if self.y_pred is not None:
            return self.y_pred.to_numpy()[self._places(features, self.y_pred.index)]
        return np.asarray(self.classes_[highest(self.predict_proba(features))])

    @available_if(lambda self: self.y_score is not None)  # type: ignore[untyped-decorator]
    def predict_proba(self, features: pd.DataFrame) -> Array:
        """Return the probabilities of some rows in the order of ``classes_``, of shape (n, classes)."""
        table: pd.DataFrame = self.y_score  # type: ignore[assignment]  # available_if saw to it
        return table.to_numpy(dtype=float)[self._places(features, table.index)]

    def _places(self, features: pd.DataFrame, index: "pd.Index[Any]") -> Codes | slice:
        if index.equals(features.index):
            return slice(None)
        if not index.is_unique:
            raise refusal("row twice", row=index[index.duplicated()][0])
        places = index.get_indexer(features.index)
        if missing := int((places < 0).sum()):
            raise refusal("not recorded", given=len(index), missing=missing, rows=len(features))
        return places


@dataclass(frozen=True, eq=False)
class BoosterFunction:
    """A booster that LightGBM or XGBoost trained without its scikit-learn class, as a function that returns scores."""

    booster: Any

    @property
    def columns(self) -> dict[str, str]:
        """The columns it was trained on; none where it knows no names."""
        return dict.fromkeys(schema_of(self.booster).features, "")

    def __call__(self, features: pd.DataFrame) -> Any:
        """Return the predictions of a table."""
        names = list(map(str, features))
        features = features[list(find_columns(self.columns, names).values()) or names]
        # Whoever holds a booster of XGBoost has imported it; the package does not need it.
        of_xgboost = type(self.booster).__module__.startswith("xgboost")
        return self.booster.predict(sys.modules["xgboost"].DMatrix(features) if of_xgboost else features)


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
    classes_: AnyArray
    positive: object = None
    probabilities: bool = False

    @classmethod
    def of(cls, function: Callable[[pd.DataFrame], Any], data: Dataset | None) -> "ScoreFunction":
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

    @property
    def columns(self) -> dict[str, str]:
        """The columns it takes, where the function says so."""
        return dict(getattr(self.function, "columns", {}))

    def predict(self, features: pd.DataFrame) -> AnyArray:
        """Return the number of each row, or the label of its highest score."""
        scores = self._scores(features)
        return self.classes_[highest(self._by_class(scores))] if len(self.classes_) else scores[:, 0]

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
        try:
            said = self.function(features)
        except Exception as error:
            said = {"name": getattr(self.function, "__name__", "The function"), "columns": features.shape[1]}
            raise refusal("failed", **said, table="the table", error=error, why=reason(error)) from error
        try:
            scores = np.asarray(lined_up(said, self.classes_, features), dtype=float)
        except (ValueError, TypeError) as error:
            raise refusal("no scores", found=listed(map(str, np.ravel(np.asarray(said, dtype=object))[:3]))) from error
        columns, classes = scores.shape[1] if scores.ndim == 2 else 1, len(self.classes_)
        right = columns == max(classes, 1) or (columns == 1 and classes < 3)
        if scores.ndim not in (1, 2) or len(scores) != len(features) or not right:
            raise refusal("other shape", shape=scores.shape, rows=len(features))
        return scores.reshape(len(features), columns)


def lined_up(said: Any, classes: Iterable[Any], rows: Any = None) -> Any:
    """Put a table of scores, or a series, in order: columns called as the classes, or p_yes, and rows by their index.

    An index that only counts the rows is not followed: whoever makes a table of an array gets one.
    """
    if isinstance(said, pd.DataFrame):
        names, labels = list(map(str, said)), list(map(str, classes))
        fits = ([one for one in labels if re.fullmatch(rf"(.*[\W_])?{re.escape(one)}\W*", name)] for name in names)
        found = {max(ones, key=len, default=""): name for ones, name in zip(fits, names, strict=True)}
        if found.keys() == {*labels} and len(names) == len(labels):
            said = said.set_axis(names, axis=1)[[found[one] for one in labels]]
    told = isinstance(said, pd.DataFrame | pd.Series) and isinstance(rows, pd.DataFrame) and len(said) == len(rows)
    if not told or not rows.index.is_unique or said.index.equals(pd.RangeIndex(len(rows))):
        return said
    return said.reindex(rows.index) if {*said.index} == {*rows.index} else said


def _probabilities(scores: Any, classes: Sequence[Any]) -> pd.DataFrame:
    """Check scores and write them as a column for each class."""
    table = lined_up(pd.DataFrame(scores), classes)
    if len(classes) != max(columns := table.shape[1], 2):
        raise refusal("classes needed", columns=columns, needed=max(columns, 2), given=len(classes))
    values = table.to_numpy(dtype=float, na_value=np.nan)
    if missing := int(np.isnan(values).any(axis=1).sum()):
        raise refusal("missing scores", missing=missing, rows=len(values))
    values = as_probabilities(values, "y_score")
    return pd.DataFrame(values if columns > 1 else np.column_stack([1 - values[:, 0], values[:, 0]]), index=table.index)


def as_probabilities(values: Array, name: str) -> Array:
    """Return scores that may be probabilities; refuse those outside [0, 1], and classes that do not add up to 1."""
    low, high, rows = values.min(axis=1), values.max(axis=1), len(values)
    if outside := int(((low < 0) | (high > 1)).sum()):
        raise refusal("no probabilities", name=name, outside=outside, rows=rows, low=low.min(), high=high.max())
    apart = np.abs(values.sum(axis=1) - 1) > ROUNDING * values.shape[1] + 1e-9
    if values.shape[1] > 1 and (off := int(apart.sum())):
        raise refusal("other sum", name=name, off=off, rows=rows)
    return values


def highest(scores: Array) -> Codes:
    """Return the place of the highest value of each row; of equal ones the first, and of two the last, the positive."""
    return np.asarray(scores[:, 1] >= scores[:, 0] if scores.shape[1] == 2 else scores.argmax(axis=1), dtype=int)
