"""Load a table and give its columns their roles: features, target, sensitive, time, group."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import pandas as pd

from toolkit.core.result import Finding, Severity
from toolkit.data.columns import prepare_features
from toolkit.data.dataset import Dataset
from toolkit.data.fingerprint import fingerprint
from toolkit.data.likeness import features_like
from toolkit.data.read import RawTable, read_table
from toolkit.data.roles import Roles, find_roles, given, listed_names
from toolkit.data.sensitive import not_named, sensitive_groups
from toolkit.data.target import plain_target, read_target
from toolkit.data.times import of_periods, read_time
from toolkit.errors import InputError

LEAST_ROWS = 10


def load_dataset(
    source: str | os.PathLike[str] | pd.DataFrame | RawTable,
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
    source : str, path, DataFrame or RawTable
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
    table = source if isinstance(source, RawTable) else read_table(source)
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
