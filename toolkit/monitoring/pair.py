"""What a drift report compares: a reference, a current table, and the model that is to predict both."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from toolkit.data.dataset import Dataset
from toolkit.data.labels import join_labels
from toolkit.data.likeness import model_columns
from toolkit.data.load import LEAST_ROWS, load_dataset
from toolkit.data.read import RawTable, read_table
from toolkit.data.roles import given, listed_names
from toolkit.data.target import plain_target
from toolkit.data.times import of_periods
from toolkit.drift.profile import KEPT_AS, Profile, is_profile, load_profile, read_profile
from toolkit.errors import InputError, nearest
from toolkit.models.load import kept_with, load_model


def load_drift(
    *,
    reference: Any = "",
    current: Any,
    model: Any = "",
    labels: Any = "",
    labels_by: str = "",
    target: str = "",
    sensitive: str | Sequence[str] = (),
    time: str = "",
    positive: object = "",
    drop: str | Sequence[str] = (),
    reference_periods: Sequence[object] | str | int = (),
    current_periods: Sequence[object] | str | int = (),
) -> tuple[Dataset | pd.DataFrame | Profile, Dataset | pd.DataFrame, Any]:
    """Load the two tables that are compared, and the model that is to predict both.

    Parameters
    ----------
    reference, current : str, path or DataFrame
        As for ``load_dataset``; the reference may be a profile that ``Profile.save`` wrote. An empty text stands for
        the data that the model was trained on, of which an experiment keeps a profile with the model.
    model : str or estimator
        Address for ``load_model``, or the fitted model itself; may be empty.
    labels : str, path or DataFrame
        Labels of the current rows that arrived later, as for ``load_dataset``; an empty text for none.
    labels_by : str
        Column of both by which labels find their rows, left out of the comparison; by default the rows are the same, in
        the same order. See ``toolkit.data.labels``.
    target : str
        Where it is known and the current table has it, its drift and the realized performance are measured too. A
        current table that has it in some rows only, or not at all, comes back as a frame.
    sensitive, time, positive, drop
        As for ``load_dataset``; an empty text or list for what is not given.
    reference_periods, current_periods : list
        Keep only the rows of these times, so that one table can be compared with itself.

    Returns
    -------
    (reference, current, model)
        The model is None where none was given.

    Raises
    ------
    InputError
        Where a table or the model cannot be loaded.

    Examples
    --------
    >>> reference, current, model = load_drift(reference="wine", current="wine")
    >>> reference.rows, current.rows, model
    (178, 178, None)
    """
    roles: dict[str, Any] = {"target": target, "sensitive": sensitive, "time": time, "positive": positive, "drop": drop}
    subject = load_model(model) if isinstance(model, str) and model else model or None
    before: Dataset | pd.DataFrame | Profile
    if given(reference) is None:
        before = _kept_with(model)
    elif isinstance(reference, str | os.PathLike) and Path(reference).suffix == ".json" and is_profile(reference):
        before = load_profile(reference)
    else:
        earlier = _without(read_table(reference), labels_by)
        before = load_compared(earlier, **roles, periods=reference_periods, like=subject)
    after = read_table(current)
    roles = _inherited(roles, before, after)
    if given(labels) is not None:
        after = join_labels(after, read_table(labels), target=roles["target"], by=labels_by)
        roles["target"] = roles["target"] or str(after.frame.columns[-1])
    elif labels_by:
        raise InputError(f"labels_by={labels_by!r} needs labels. Give labels= too, or neither.")
    like = subject if isinstance(before, Profile) else before
    later = load_compared(_without(after, labels_by), **roles, periods=current_periods, like=like, whole=True)
    return before, later, subject


def load_compared(
    source: Any,
    *,
    target: str = "",
    sensitive: str | Sequence[str] = (),
    time: str = "",
    positive: object = "",
    drop: str | Sequence[str] = (),
    periods: Sequence[object] | str | int = (),
    like: Any = None,
    whole: bool = False,
) -> Dataset | pd.DataFrame:
    """Load one table with its roles where its target is known; else as a frame, without the columns to be dropped.

    Parameters
    ----------
    source, target, sensitive, time, positive, drop, periods
        As for ``load_dataset``; an empty text or list for what is not given.
    like : Dataset or fitted model, optional
        Where the table has all columns of it, it gets exactly those, whatever they hold.
    whole : bool
        Whether rows without a target are kept: where there are any, the table comes back as a frame; so does one of too
        few rows, or of one class, for a Dataset.

    Raises
    ------
    InputError
        Where the table cannot be read, or some of its rows have no time.

    Examples
    --------
    >>> load_compared("wine").rows, list(load_compared(pd.DataFrame({"a": [1], "b": [2]}), drop="b"))
    (178, ['a'])
    """
    table = source if isinstance(source, RawTable) else read_table(source)
    known = table.built_in.target if table.built_in else table.target
    aim = target or known
    frame = table.frame
    kept = of_periods(frame, time, listed_names(periods))[0] if time in frame.columns else frame
    if aim in frame.columns and (not whole or _stands_alone(kept[aim])):
        wanted = like.features.columns if isinstance(like, Dataset) else model_columns(like)
        complete = len(wanted) and not set(wanted) - set(frame.columns)
        roles: dict[str, Any] = {"target": target, "sensitive": sensitive, "time": time, "drop": drop}
        return load_dataset(table, **roles, positive=given(positive), periods=periods, like=like if complete else None)
    if time and time not in frame.columns:
        raise InputError(f"Time column {time!r} is not in {table.name}.{nearest(time, frame.columns)}")
    gone = int(frame[time].isna().sum()) if time else 0
    if gone:
        raise InputError(
            f"Time {time!r} is missing in {gone:,} of {len(frame):,} rows of {table.name}. Leave them out."
        )
    if listed_names(periods) and not time:
        raise InputError(f"Periods of {table.name} can only be chosen by its time. Give time=.")
    apart = listed_names(drop, list(frame.columns))
    found = kept[[name for name in frame.columns if name not in apart]].reset_index(drop=True)
    found.attrs |= {"name": table.name, "source": table.source}
    return found


def _stands_alone(target: pd.Series[Any]) -> bool:
    """Whether a table can be judged by itself: every row has a label, and there are enough of them and two values."""
    if not target.notna().any():
        return False
    values = plain_target(target)[0]
    return len(values) >= LEAST_ROWS and bool(values.notna().all()) and bool((values != values.iloc[0]).any())


def _kept_with(model: object) -> Profile:
    """Return the profile of the rows that a model was trained on, as an experiment keeps it with the model."""
    if not isinstance(model, str) or not model:
        raise InputError("Which table was the model made for? Give a reference, or the address of a logged model.")
    text = kept_with(model, KEPT_AS)
    if text is None:
        raise InputError(
            f"With the model {model!r} no profile of its training data was kept. Give the table as reference."
        )
    return read_profile(text, f"{KEPT_AS} of {model}")


def _inherited(roles: dict[str, Any], reference: object, table: RawTable) -> dict[str, Any]:
    """Give the current table the roles of the reference where none were given, as far as it has those columns."""
    if isinstance(reference, Profile):
        target = next((name for name, role in reference.roles.items() if role == "target"), "")
        return {**roles, "target": roles["target"] or target}
    if not isinstance(reference, Dataset) or table.built_in:
        return roles
    time = "" if reference.time is None else str(reference.time.name)
    has = table.frame.columns
    return {
        **roles,
        "target": roles["target"] or str(reference.target.name),
        "time": roles["time"] or (time if time in has else ""),
        "sensitive": given(roles["sensitive"]) or [str(name) for name in reference.sensitive if name in has],
    }


def _without(table: RawTable, column: str) -> RawTable:
    """Leave out the column that labels are matched by: it names rows."""
    return replace(table, frame=table.frame.drop(columns=column, errors="ignore")) if column else table
