"""Load a table and give its columns their roles: features, target, sensitive, time, group."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.estimate import Estimate, format_number
from toolkit.core.figures import axes_for
from toolkit.core.result import DataRecord, Finding, Picture, Record, Severity, by_severity, result_html, table_html
from toolkit.data.checks import check_features, gathered
from toolkit.data.columns import prepare_features
from toolkit.data.fingerprint import fingerprint
from toolkit.data.likeness import features_like
from toolkit.data.overview import describe_columns, draw_target, readable, target_counts, target_picture
from toolkit.data.read import Table, read_table
from toolkit.data.roles import Roles, find_roles, given, listed_names
from toolkit.data.sensitive import not_named, sensitive_groups
from toolkit.data.target import Task, plain_target, read_target
from toolkit.data.times import of_periods, read_time
from toolkit.errors import InputError
from toolkit.statistics.intervals import t_quantile, wald, wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST_ROWS = 10


def load_dataset(
    source: str | os.PathLike[str] | pd.DataFrame | Table,
    *,
    target: str | None = None,
    sensitive: str | Sequence[str] | None = None,
    time: str | None = None,
    group: str | None = None,
    positive: object = None,
    task: str | None = None,
    drop: str | Sequence[str] = (),
    periods: Sequence[object] | str | int | None = None,
    sensitive_as_features: bool = True,
    like: Any = None,
    for_model: bool = True,
    name: str | None = None,
) -> Dataset:
    """Load a table and say what each column is for.

    Parameters
    ----------
    source : str, path, DataFrame or Table
        A built-in name, file, web address, database address or frame: see ``toolkit.data.read.read_table``; or what
        that returned.
    target : str, optional
        Column to predict; a built-in table knows its own. Rows where it is missing are dropped, and said.
    sensitive : str or list of str, optional
        Sensitive columns, as a list or separated by commas. They are features too, unless ``sensitive_as_features``
        is False.
    time, group : str, optional
        Columns by which rows may be split. They are never features. Rows without a time are dropped, and said.
    positive : object, optional
        Positive class of a binary target, as the label or its text.
    task : {"binary", "multiclass", "classification", "regression"}, optional
        Inferred from the target where not given.
    drop : str or list of str
        Columns that must not become features.
    periods : list, optional
        Keep only the rows whose time is among these; dates match by year, month or day.
    sensitive_as_features : bool
        Whether a model may use the sensitive columns.
    like : Dataset or fitted model, optional
        The features are then exactly the columns of that data set, or those that the model was fitted on, in their
        order and of their kinds, whatever they hold: see ``toolkit.data.likeness``.
    for_model : bool
        Whether a model is to be fed with the features. If not, as beside recorded predictions, there may be none of
        them, and they are not checked as those of a model are.
    name : str, optional
        Name for titles and folders; by default that of the source.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        Where the source cannot be read, a column is not in the table, or nothing could be learnt from it.

    Examples
    --------
    >>> data = load_dataset("wine")
    >>> data.task, data.rows, data.classes
    ('multiclass', 178, ('class_0', 'class_1', 'class_2'))
    """
    table = source if isinstance(source, Table) else read_table(source)
    roles = find_roles(table, target, sensitive, time, group, drop)
    frame, period_name = of_periods(table.frame, roles.time, listed_names(periods))
    values, notes = _target_and_time(frame, roles)
    known = values.notna().to_numpy() & (frame[roles.time].notna().to_numpy() if roles.time else True)
    if known.sum() < LEAST_ROWS:
        raise InputError(_too_few(int(known.sum()), roles))
    read = read_target(values[known].infer_objects(), task or None, given(positive))
    rows = frame[known]
    if like is None:
        features, found = _features(rows, roles, sensitive_as_features, needed=for_model)
    else:
        features, found = features_like(like.features if isinstance(like, Dataset) else like, rows, roles)
    moments, odd = read_time(rows[roles.time]) if roles.time else (None, [])
    return Dataset(
        name=name or f"{table.name}{period_name}",
        source=table.source,
        features=features,
        target=read.values,
        sensitive=_sensitive(rows, roles),
        time=moments,
        group=rows[roles.group] if roles.group else None,
        task=read.task,
        positive=read.positive,
        classes=read.classes,
        fingerprint=fingerprint(frame),
        notes=(*table.notes, *notes, *read.notes, *odd, *found, *not_named(frame.columns, roles)),
        columns=frame.shape[1],
        for_model=for_model,
        left_out=rows[rows.columns.difference([*features.columns, *roles.named], sort=False)],
    )


@dataclass(frozen=True, eq=False)
class Dataset:
    """A table whose columns have roles; every part has the same rows and the same index.

    The index numbers the rows of the table as it was read, from 0; rows that were left out leave gaps.

    Attributes
    ----------
    name, source : str
        What it is called and where it came from, without credentials.
    features : DataFrame
        ``int64``, ``float64`` and ``category`` columns only: see ``toolkit.data.columns.prepare_features``.
    target : Series
        Original labels (texts, yes/no, whole numbers) or numbers; no row is missing.
    sensitive : DataFrame
        Sensitive columns, may have none. Texts, yes/no and whole numbers with up to ten values are categories.
    time, group : Series or None
        Columns by which rows may be split.
    task : {"binary", "multiclass", "regression"}
    positive : object or None
        Positive class of a binary task.
    classes : tuple
        Sorted labels; empty for regression.
    fingerprint : str
        ``sha256:…`` over the whole table as loaded, before rows or columns were left out. A part keeps it.
    notes : tuple of Finding
        What loading decided, changed or left out.
    columns : int
        Columns of the table as loaded.
    for_model : bool
        Whether the features feed a model; if not, there may be none.
    left_out : DataFrame or None
        Columns, as they were read, that have no role and are no features: those that a model has no use for, or that
        the table has beyond those of another.
    """

    name: str
    source: str
    features: pd.DataFrame
    target: pd.Series[Any]
    sensitive: pd.DataFrame
    time: pd.Series[Any] | None
    group: pd.Series[Any] | None
    task: Task
    positive: object | None
    classes: tuple[Any, ...]
    fingerprint: str
    notes: tuple[Finding, ...]
    columns: int
    for_model: bool = True
    left_out: pd.DataFrame | None = None

    @property
    def rows(self) -> int:
        """Number of rows with a target."""
        return len(self.target)

    def take(self, positions: NDArray[np.integer[Any]] | Sequence[int]) -> Dataset:
        """Return the rows at integer positions, with everything else as it is; rows keep their index."""
        rows = np.asarray(positions, dtype="int64")
        return replace(
            self,
            features=self.features.iloc[rows],
            target=self.target.iloc[rows],
            sensitive=self.sensitive.iloc[rows],
            time=None if self.time is None else self.time.iloc[rows],
            group=None if self.group is None else self.group.iloc[rows],
            left_out=None if self.left_out is None else self.left_out.iloc[rows],
        )

    def y_binary(self) -> NDArray[np.int64]:
        """Return 1 where the target is the positive class, else 0; shape (n_rows,).

        Raises
        ------
        InputError
            Where the task is not binary.
        """
        if self.task != "binary":
            raise InputError(f"{self.name} is a {self.task} task: it has no positive class.")
        return (self.target == self.positive).to_numpy().astype("int64")

    def profile(self) -> pd.DataFrame:
        """Describe each feature in one row: kind, missing share, distinct values, range or most frequent value."""
        return describe_columns(self.features)

    def frame(self) -> pd.DataFrame:
        """Return the features and the target as one table."""
        return pd.concat([self.features, self.target], axis=1)

    def scalars(self) -> dict[str, Estimate]:
        """Return the size of the table, its missing share, and the target's rate (binary) or mean (regression)."""
        missing = float(self.features.isna().to_numpy().mean()) if self.features.size else 0.0
        numbers = {
            "data.rows": Estimate(self.rows, n=self.rows),
            "data.columns": Estimate(self.columns, n=self.rows),
            "data.features": Estimate(self.features.shape[1], n=self.rows),
            "data.missing_share": Estimate(missing, n=self.features.size),
        }
        if self.task == "binary":
            numbers["data.target_rate"] = self.target_level()
        elif self.task == "regression":
            numbers["data.target_mean"] = self.target_level()
        return numbers

    def target_level(self) -> Estimate:
        """Return the positive share (binary), the mean (regression) or the largest class's share (multiclass)."""
        if self.task == "regression":
            values = self.target.to_numpy(dtype="float64")
            # Dividing by the largest value first keeps the squares of very large ones from overflowing.
            scale = float(np.abs(values).max()) or 1.0
            mean = scale * float((values / scale).mean())
            if self.rows < 2:
                return Estimate(mean, n=self.rows)
            error = scale * float((values / scale).std(ddof=1)) / np.sqrt(self.rows)
            return Estimate(mean, *wald(mean, error, quantile=t_quantile(self.rows)), self.rows, "t")
        hits = int(self.y_binary().sum()) if self.task == "binary" else int(self.target.value_counts().max())
        return Estimate(hits / self.rows, *wilson(hits, self.rows), self.rows, "Wilson")

    def findings(self) -> list[Finding]:
        """Return what loading decided and what the checks found, the most severe first."""
        return self._findings

    @cached_property
    def _findings(self) -> list[Finding]:
        features = self.features if self.for_model else None
        return by_severity(gathered([*self.notes, *check_features(features, self.target, self.task)]))

    def pictures(self) -> dict[str, Picture]:
        """Return the figure of the target."""
        return {"target": target_picture(self.target, self.task)}

    def plot(self, kind: str = "target", ax: Axes | None = None) -> Axes:
        """Draw how the target is distributed: the share of each class, or a histogram."""
        return draw_target(self.target, self.task, axes_for(self, kind, ax))

    def figure_data(self, kind: str = "target") -> pd.DataFrame:  # noqa: ARG002  # there is but one
        """Return what the figure of the target draws."""
        return target_counts(self.target, self.task)

    def record(self) -> Record:
        """Return the table for the tracker."""
        data = DataRecord(
            self.name, self.source, self.fingerprint, self.rows, self.columns, str(self.target.name), self.frame()
        )
        return Record(parameters={"data": self.name, "target": str(self.target.name)}, data=data)

    def __repr__(self) -> str:
        """Say what it is in one line."""
        return f"Dataset({self.name!r}: {self._lead()})"

    def _lead(self) -> str:
        size = f"{self.rows:,} rows, {self.features.shape[1]} {'features' if self.for_model else 'other columns'}"
        name = str(self.target.name)
        if self.task == "binary":
            rate = self.target_level().value
            return f"{size}; target {name}: {rate:.1%} are {self.positive}"
        if self.task == "multiclass":
            return f"{size}; target {name}, {len(self.classes)} classes"
        return f"{size}; target {name}, mean {format_number(float(self.target.mean()))}"

    def _repr_html_(self) -> str:
        caption = f"{'Features' if self.for_model else 'Other columns'} of {self.name}"
        tables = [table_html(readable(self.profile()), caption)] if self.features.shape[1] else []
        return result_html(f"{self.name} ({self.task})", self._lead(), tables, self.findings())


def _target_and_time(frame: pd.DataFrame, roles: Roles) -> tuple[pd.Series[Any], list[Finding]]:
    """Return the target, missing where it cannot be used, and say how many rows that costs."""
    values, notes = plain_target(frame[roles.target])
    missing = int(values.isna().sum())
    if missing:
        message = f"Target {roles.target!r} is missing in {missing:,} of {len(frame):,} rows, which were dropped."
        severity: Severity = "medium" if missing > 0.05 * len(frame) else "low"
        notes.append(Finding("DATA-TARGET-MISSING", severity, message, roles.target))
    timeless = int(frame[roles.time].isna().sum()) if roles.time else 0
    if timeless == len(frame):
        raise InputError(f"Time column {roles.time!r} has no value in any row. Name another column, or none.")
    if timeless:
        message = f"Time {roles.time!r} is missing in {timeless:,} of {len(frame):,} rows, which were dropped."
        notes.append(Finding("DATA-TIME-MISSING", "medium", message, roles.time))
    groupless = int(frame[roles.group].isna().sum()) if roles.group else 0
    if groupless:
        message = f"Group {roles.group!r} is missing in {groupless:,} of {len(frame):,} rows, which form one group."
        notes.append(Finding("DATA-GROUP-MISSING", "medium", message, roles.group))
    return values, notes


def _too_few(rows: int, roles: Roles) -> str:
    having = f"{rows} {'row' if rows == 1 else 'rows'} with a target"
    having += " and a time" if roles.time else ""
    return f"The table has {having}: too few to split and judge. At least {LEAST_ROWS} are needed."


def _features(
    rows: pd.DataFrame, roles: Roles, with_sensitive: bool, needed: bool
) -> tuple[pd.DataFrame, list[Finding]]:
    columns = {name for name in (roles.time, roles.group) if name}
    apart = {roles.target, *columns, *roles.drop, *(() if with_sensitive else roles.sensitive)}
    candidates = rows[[name for name in rows.columns if name not in apart]]
    features, notes = prepare_features(candidates)
    if needed and not features.shape[1]:
        reasons = f" Left out: {' '.join(note.message for note in notes[:5])}" if notes else ""
        raise InputError(f"Every column was dropped: no feature is left beside {roles.target!r}.{reasons}")
    return features, notes


def _sensitive(rows: pd.DataFrame, roles: Roles) -> pd.DataFrame:
    """Write sensitive columns as categories; numbers with many values stay numbers."""
    return pd.DataFrame({name: sensitive_groups(rows[name]) for name in roles.sensitive}, index=rows.index)
