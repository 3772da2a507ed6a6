"""Load a table and give its columns their roles: features, target, sensitive, time, group."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from toolkit.core.result import Finding, Severity
from toolkit.data.columns import prepare_features
from toolkit.data.dataset import Dataset
from toolkit.data.fingerprint import fingerprint
from toolkit.data.likeness import check_kinds, features_like, missing_columns
from toolkit.data.read import RawTable, read_table
from toolkit.data.roles import Roles, find_roles, given, listed_names
from toolkit.data.sensitive import not_named, sensitive_groups
from toolkit.data.target import Target, among, plain_target, read_target, target_like, unlike
from toolkit.data.times import of_periods
from toolkit.errors import InputError, listed

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
        order and of their kinds, whatever they hold: see ``toolkit.data.likeness``. A data set also settles the task,
        the classes and the roles that are not given; rows without a label are kept, be they all.
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
    >>> later = load_dataset(data.features.head(3), like=data)
    >>> later.task, later.rows, int(later.target.count())
    ('multiclass', 3, 0)
    """
    table = source if isinstance(source, RawTable) else read_table(source)
    known = like if isinstance(like, Dataset) else None
    roles = find_roles(table, target, sensitive, time, group, drop, known.roles if known else None)
    if not roles.target:
        raise InputError(f"Which column is the target? Give target=. Columns: {listed(table.frame.columns, 40)}.")
    if known and given(positive) is not None and str(positive) != str(known.positive):
        raise InputError(f"The positive class of {known.name} is {known.positive!r}, not {positive!r}. Leave it out.")
    options: dict[str, Any] = {"task": task or None, "positive": given(positive), "apart": not sensitive_as_features}
    return _assign(table, roles, like, periods, name, strict=True, **options)


def as_dataset(
    table: object,
    which: str,
    *,
    like: Any = None,
    target: str = "",
    sensitive: str | Sequence[str] = (),
    time: str = "",
    group: str = "",
    positive: object = None,
    drop: str | Sequence[str] = (),
    periods: Sequence[object] | str | int = (),
) -> Dataset:
    """Take a table that is to be compared with others; what does not fit is kept, so that it can be named.

    Rows without a label stay, and so do columns and labels that are not those of ``like``; columns that are gone are
    absent. There may be no target at all: then there is no task.

    Parameters
    ----------
    table : Dataset, DataFrame or RawTable
        A Dataset comes back as it is.
    which : str
        Which table it is, such as ``current``; the name of a DataFrame.
    like, target, sensitive, time, group, positive, drop, periods
        As for ``load_dataset``; an empty text or list for what is not given.

    Raises
    ------
    InputError
        Where it is none of these, or has no rows.

    Examples
    --------
    >>> known = as_dataset(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), "reference")
    >>> as_dataset(pd.DataFrame({"b": ["x", "z"], "c": [3, 4]}), "current", like=known).features["b"].tolist()
    ['x', 'z']
    """
    if not isinstance(table, Dataset | pd.DataFrame | RawTable):
        raise InputError(f"The {which} table must be a Dataset or a DataFrame; found {type(table).__name__}.")
    if not len(table.target if isinstance(table, Dataset) else table.frame if isinstance(table, RawTable) else table):
        raise InputError(f"The {which} table has no rows.")
    if isinstance(table, Dataset):
        return table
    if isinstance(table, pd.DataFrame):
        table = replace(read_table(table), name=which)
    known = like.roles if isinstance(like, Dataset) else None
    roles = find_roles(table, target, sensitive, time, group, drop, known)
    return _assign(table, roles, like, periods, strict=False, positive=given(positive))


def data_like(table: object, known: Dataset) -> Dataset:
    """Take current rows to be judged with a reference: their labels and kinds of columns must be its own.

    Raises
    ------
    InputError
        Where they are not, or there are no rows.
    """
    data = as_dataset(table, "current", like=known)
    check_kinds(data.features, known.features)
    labels = target_like(data.target.rename(known.roles.target), known)
    return replace(data, target=labels.values, task=labels.task, positive=labels.positive, classes=labels.classes)


def _assign(
    table: RawTable,
    roles: Roles,
    like: Any,
    periods: object,
    name: str | None = None,
    *,
    strict: bool,
    task: str | None = None,
    positive: object = None,
    apart: bool = False,
) -> Dataset:
    """Put every column of a table into its place; where not strict, keep also what does not fit ``like``."""
    known, wanted = like if isinstance(like, Dataset) else None, listed_names(periods)
    frame, moments, notes = of_periods(table.frame, roles.time, wanted)
    values, said = _labels(frame, roles, whole=known is None and strict)
    kept = frame.index if moments is None else moments.index
    if known is None and strict:
        kept = kept[values.loc[kept].notna()]
        if len(kept) < LEAST_ROWS:
            raise InputError(_too_few(len(kept), roles))
    rows = frame.loc[kept]
    features, others, found = _features(rows, roles, like, apart, strict)
    labels = _target(values.loc[kept], known, task, positive, strict)
    names = [column for column in roles.sensitive if strict or rows[column].notna().any()]
    return Dataset(
        name=name or f"{table.name} {', '.join(wanted)}".rstrip(),
        source=table.source,
        features=features,
        target=labels.values,
        sensitive=pd.DataFrame({column: sensitive_groups(rows[column]) for column in names}, index=rows.index),
        time=None if moments is None else moments.loc[kept],
        group=rows[roles.group] if roles.group else None,
        others=others,
        task=labels.task,
        positive=labels.positive,
        classes=labels.classes,
        fingerprint=fingerprint(frame),
        notes=(*table.notes, *said, *labels.notes, *notes, *found, *not_named(frame.columns, roles)),
        columns=frame.shape[1],
    )


def _labels(frame: pd.DataFrame, roles: Roles, whole: bool) -> tuple[pd.Series[Any], list[Finding]]:
    """Return the target, missing where it cannot be used, and say how many rows have none, or no group."""
    notes: list[Finding] = []
    if not whole and (roles.target not in frame or frame[roles.target].isna().all()):
        values = pd.Series(None, index=frame.index, dtype=object, name=roles.target or None)
    else:
        values, notes = plain_target(frame[roles.target])
        missing = int(values.isna().sum())
        severity: Severity = "info" if not whole else "medium" if missing > 0.05 * len(frame) else "low"
        message = f"Target {roles.target!r} is missing in {missing:,} of {len(frame):,} rows, which"
        message += " were dropped." if whole else " have no label."
        notes += [Finding("DATA-TARGET-MISSING", severity, message, roles.target)] if missing else []
    groupless = int(frame[roles.group].isna().sum()) if roles.group else 0
    if groupless:
        message = f"Group {roles.group!r} is missing in {groupless:,} of {len(frame):,} rows, which form one group."
        notes.append(Finding("DATA-GROUP-MISSING", "medium", message, roles.group))
    return values, notes


def _too_few(rows: int, roles: Roles) -> str:
    having = f"{rows} {'row' if rows == 1 else 'rows'} with a target"
    having += " and a time" if roles.time else ""
    return f"The table has {having}: too few to split and judge. At least {LEAST_ROWS} are needed."


def _target(values: pd.Series[Any], known: Dataset | None, task: str | None, positive: object, strict: bool) -> Target:
    """Read labels by what another table settled, else by themselves; without a task where they do not tell one."""
    if known is not None and known.task and (strict or not unlike(values, known)):
        return target_like(values, known)
    labels = values.dropna().infer_objects()
    if strict or (len(labels) >= LEAST_ROWS and labels.ne(labels.iloc[0]).any()):
        found = read_target(labels, task, positive)
        return found if len(labels) == len(values) else replace(found, values=among(found.values, values.index))
    return Target(values, "", None, (), ())


def _features(
    rows: pd.DataFrame, roles: Roles, like: Any, apart: bool, strict: bool
) -> tuple[pd.DataFrame, pd.DataFrame, list[Finding]]:
    """Return the features, the columns that have no role, and what was decided about either."""
    if like is None or (not strict and not isinstance(like, Dataset) and missing_columns(like, rows)):
        aside = {roles.target, roles.time, roles.group, *roles.drop, *(roles.sensitive if apart else ())} - {""}
        features, others, notes = prepare_features(rows[[name for name in rows if name not in aside]])
        return features, others.drop(columns=list(roles.sensitive), errors="ignore"), notes
    known = like.features if isinstance(like, Dataset) else like
    features, notes = features_like(known, rows, roles, strict=strict)
    rest = rows[rows.columns.difference([*features, *roles.named], sort=False)]
    return features, pd.concat(prepare_features(rest)[:2], axis=1), notes
