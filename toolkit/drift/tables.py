"""A table as drift sees it: its columns one at a time, each with a role, and the profile that can be kept of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core.result import Finding
from toolkit.data.columns import HUGE, IDENTIFIER_ROWS, IDENTIFIER_SHARE, column_kind, plain_column, prepare_features
from toolkit.data.dataset import Dataset
from toolkit.data.read import read_table
from toolkit.data.target import plain_target
from toolkit.data.times import read_time
from toolkit.drift.model import PREDICTION, importances, predicted
from toolkit.drift.profile import Profile
from toolkit.drift.summary import ColumnSummary, summarize_column
from toolkit.errors import InputError, listed


@dataclass(frozen=True, eq=False)
class Rows:
    """A table whose columns can be summed up one after the other.

    Attributes
    ----------
    name : str
    frame : DataFrame
        What a model would be given.
    others : dict of str to Series
        Columns that are compared but are no input of a model: the target, sensitive columns kept apart, those that a
        model has no use for, predictions.
    roles : dict of str to str
        ``feature``, ``target`` or ``prediction`` of each column that is compared.
    time : Series or None
    source, fingerprint : str
        Of a Dataset.
    importance : dict of str to float
        Of each feature to the model, if there is one.
    """

    name: str
    frame: pd.DataFrame
    others: Mapping[str, pd.Series[Any]]
    roles: Mapping[str, str]
    time: pd.Series[Any] | None = None
    source: str = ""
    fingerprint: str = ""
    importance: Mapping[str, float] = field(default_factory=dict)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.frame)

    def plain(self, name: str) -> tuple[pd.Series[Any] | None, str]:
        """Return a column as whole numbers, numbers or categories, and its dtype; None where it has no such values."""
        if name in self.others:
            column = self.others[name]
        elif name in self.frame.columns:
            column = self.frame[name]
        else:
            return None, "missing"
        kind = str(column.dtype)
        if kind == "int64" or (kind == "float64" and not _huge(column)):
            return column, kind
        if kind == "category":
            labels = [str(label) for label in column.cat.categories]
            if len(set(labels)) == len(labels):
                return column.cat.rename_categories(labels), kind
        if column_kind(column) == "nested":
            return None, "nested"
        plain = plain_column(column)[0]
        return plain, "missing" if plain is None else str(plain.dtype)

    def column(self, name: str) -> ColumnSummary:
        """Sum up one column; identifiers and nested cells are named as such and not counted."""
        plain, dtype = self.plain(name)
        return self.named(summarize_column(plain, name, self.rows, self.roles[name]), plain, dtype)

    def named(self, summary: ColumnSummary, plain: pd.Series[Any] | None, dtype: str) -> ColumnSummary:
        """Add to a summary what the table knows: the column's importance, or why it is not compared."""
        if plain is not None and summary.role == "feature" and _identifies(plain, summary):
            dtype = "identifier"
        if dtype in ("nested", "identifier"):
            return replace(summarize_column(None, summary.name, self.rows), dtype=dtype)
        return replace(summary, importance=self.importance.get(summary.name, np.nan))


def read_rows(table: object, which: str, *, time: str = "", target: str = "") -> Rows:
    """Take a Dataset or a DataFrame as rows.

    Parameters
    ----------
    table : Dataset or DataFrame
    which : str
        What to call a frame.
    time, target : str
        Columns of a frame that have that role, if it has them; some rows may have no target.

    Raises
    ------
    InputError
        Where it is neither, or has no rows or no columns.
    """
    if isinstance(table, Dataset):
        if not table.rows:
            raise InputError(f"The {which} table {table.name} has no rows: there is nothing to compare.")
        target = str(table.target.name)
        apart = {str(name): table.sensitive[name] for name in table.sensitive if name not in table.features}
        if table.left_out is not None:
            apart |= {str(name): table.left_out[name] for name in table.left_out}
        others: dict[str, pd.Series[Any]] = {**apart, target: table.target}
        roles = {**dict.fromkeys([*map(str, table.features), *apart], "feature"), target: "target"}
        return Rows(table.name, table.features, others, roles, table.time, table.source, table.fingerprint)
    if not isinstance(table, pd.DataFrame):
        raise InputError(
            f"The {which} table must be a Dataset, a DataFrame or a Profile; found {type(table).__name__}."
        )
    if not len(table):
        raise InputError(f"The {which} table has no rows: there is nothing to compare.")
    frame = read_table(table).frame
    features = frame.drop(columns=[time, target], errors="ignore")
    roles = dict.fromkeys(features.columns, "feature")
    moment = read_time(frame[time])[0] if time in frame.columns else None
    others = {}
    if target in frame.columns and frame[target].notna().any():
        others, roles = {target: plain_target(frame[target])[0]}, {**roles, target: "target"}
    name, source = (str(table.attrs.get(key, other)) for key, other in (("name", which), ("source", "")))
    return Rows(name, features, others, roles, moment, source=source)


def with_model(rows: Rows, model: Any, seed: int = 0) -> Rows:
    """Add the model's predictions as a column, and the importance of each feature to it."""
    weights = importances(model, rows.frame, rows.name, seed)
    named = {name: weights.get(name, 0.0) for name, role in rows.roles.items() if role == "feature"}
    return replace(_with_prediction(rows, rows.frame, model), importance=named)


def with_predictions(rows: Rows, reference: Rows | Profile, model: Any) -> tuple[Rows, list[Finding]]:
    """Add the model's predictions for the current table.

    Columns that the reference has and this table has not are handed to the model as missing. Where it cannot cope with
    that, there are no predictions, and a finding says so.
    """
    wanted = [str(name) for name in getattr(model, "feature_names_in_", [])]
    gone = [name for name in wanted if name not in rows.frame.columns and name in reference.roles]
    if not gone:
        return _with_prediction(rows, rows.frame, model), []
    frame = rows.frame.assign(**{name: _unknown(reference.column(name), rows.rows) for name in gone})
    said = f"The model needs {listed(map(repr, gone), 5)}, which the current table does not have"
    try:
        predicting = _with_prediction(rows, frame, model)
    except InputError:
        text = f"{said}; it cannot predict without, so predictions were not compared."
        return rows, [Finding("DRIFT-NO-PREDICTION", "critical", text)]
    return predicting, [Finding("DRIFT-PREDICTED-WITHOUT", "high", f"{said}; they were handed to it as missing.")]


def _with_prediction(rows: Rows, frame: pd.DataFrame, model: Any) -> Rows:
    if PREDICTION in rows.roles:
        raise InputError(f"A column is called {PREDICTION!r}, the name under which predictions are kept. Rename it.")
    prediction = predicted(model, frame, rows.name)
    roles = {**rows.roles, PREDICTION: "prediction"}
    return replace(rows, others={**rows.others, PREDICTION: prediction}, roles=roles)


def summarize(table: Dataset | pd.DataFrame, *, model: Any = None, name: str | None = None, seed: int = 0) -> Profile:
    """Sum up a table so that it can be kept and compared later, without any of its rows.

    Parameters
    ----------
    table : Dataset or DataFrame
    model : estimator, optional
        Fitted on these columns: its predictions and the importance of each column to it are kept too.
    name : str, optional
        By default that of the table.
    seed : int
        Of the sample that importance is measured on.

    Returns
    -------
    Profile
        Counts of the values of each column: numbers in about 256 cells at most, more than 1,000 labels in groups. The
        extremes of a number and up to 1,000 labels are kept as they are.

    Raises
    ------
    InputError
        Where the table has no rows, or the model does not fit it.

    Examples
    --------
    >>> from toolkit import load_dataset
    >>> profile = summarize(load_dataset("wine"))
    >>> profile.rows, len(profile.columns)
    (178, 14)
    """
    rows = read_rows(table, "table")
    if model is not None:
        rows = with_model(rows, model, seed)
    columns = {column: rows.column(column).reduced for column in rows.roles}
    return Profile(name or rows.name, rows.rows, columns)


def _unknown(column: ColumnSummary, rows: int) -> Any:
    """Return cells without a value in the dtype of a column."""
    if column.dtype != "category":
        return np.full(rows, np.nan)
    return pd.Categorical.from_codes(np.full(rows, -1), pd.Index(column.distinct, dtype=object))


def _huge(column: pd.Series[Any]) -> bool:
    """Whether there are values that count as missing because their squares leave the range of a float."""
    return bool((np.abs(column.to_numpy()) > HUGE).any())


def _identifies(column: pd.Series[Any], summary: ColumnSummary) -> bool:
    """Tell whether a column numbers or names the rows; the costly look is spared those that cannot."""
    distinct = len(summary.distinct)
    if summary.rows < IDENTIFIER_ROWS or summary.dtype not in ("int64", "category"):
        return False
    if distinct <= IDENTIFIER_SHARE * summary.known:
        return False
    return any(note.code == "DATA-IDENTIFIER" for note in prepare_features(column.to_frame())[1])
