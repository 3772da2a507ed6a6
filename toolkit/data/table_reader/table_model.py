"""The model that is handed over: takes the table as a file holds it, and decides in the target's own labels."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.metaestimators import available_if

from .cells import as_texts, column_kind, read_cells
from .formats import Format


class TableModel(BaseEstimator):  # type: ignore[misc]
    """A fitted model before which the table is read by its schema.

    Parameters
    ----------
    estimator : object
        Fitted on prepared features.
    schema : mapping
        As ``Schema.plain`` writes it.
    classes : sequence
        The target's labels in the order of the estimator's own; none for numbers.
    threshold : float, optional
        The score of the positive class from which a row is called so; by default the estimator decides.
    """

    def __init__(
        self, estimator: Any, schema: Mapping[str, Any], classes: Sequence[Any] = (), threshold: float | None = None
    ) -> None:
        self.estimator, self.schema, self.classes, self.threshold = estimator, schema, classes, threshold

    def __sklearn_is_fitted__(self) -> bool:
        """Say that it is fitted."""
        return True

    @property
    def classes_(self) -> NDArray[Any]:
        """The labels, in the order of the scores."""
        return np.array(list(self.classes))

    def read(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the features as the estimator takes them; a column that is missing, or cannot be read, is refused."""
        wanted = {name: one for name, one in self.schema["columns"].items() if one.get("role") == "feature"}
        if gone := [name for name in wanted if name not in table]:
            raise ValueError(f"The table lacks columns that the model needs: {', '.join(map(repr, gone))}.")
        return pd.DataFrame({name: _read(table[name], one) for name, one in wanted.items()}, index=table.index)

    def predict(self, table: pd.DataFrame) -> NDArray[Any]:
        """Return the label of each row, or its number."""
        features = self.read(table)
        if not len(self.classes):
            return np.asarray(self.estimator.predict(features))
        if self.threshold is not None:
            ask = getattr(self.estimator, "predict_proba", None) or self.estimator.decision_function
            place, scores = list(self.classes).index(self.schema["positive"]), np.asarray(ask(features))
            # Of two classes decision values are one column: that of the second.
            called = (scores[:, place] if scores.ndim == 2 else scores * (2 * place - 1)) >= self.threshold
            return np.asarray(np.where(called, self.classes_[place], self.classes_[1 - place]))
        own = pd.Index(np.asarray(self.estimator.classes_))
        return np.asarray(self.classes_[own.get_indexer(np.asarray(self.estimator.predict(features)).ravel())])

    @available_if(lambda self: hasattr(self.estimator, "predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, table: pd.DataFrame) -> NDArray[Any]:
        """Return the probability of each row and class, in the order of ``classes_``."""
        return np.asarray(self.estimator.predict_proba(self.read(table)))


def _read(series: pd.Series, settled: Mapping[str, Any]) -> pd.Series:
    names = {one.name for one in fields(Format)} & set(settled)
    how: dict[str, Any] = {name: tuple(one) if isinstance(one := settled[name], list) else one for name in names}
    cells = read_cells(series, Format(**how), settled.get("categories", ()))
    if len(series) and cells.isna().all() and column_kind(series) in ("text", "mixed"):
        texts = as_texts(series.astype(object))
        if Format(**how).read(texts)[1].all():
            raise ValueError(f"Column {series.name!r} must hold {Format(**how)}; found {texts[0].as_py()!r}.")
    return cells
