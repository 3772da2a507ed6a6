"""What a drift report compares: a reference, a current table, and the model that is to predict both."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from toolkit.data import Dataset, load_dataset
from toolkit.drifting.profile import Profile, is_profile, load_profile
from toolkit.errors import InputError
from toolkit.subject import load_model
from toolkit.table.likeness import model_columns
from toolkit.table.reading import read_table
from toolkit.table.roles import given, listed_names


def load_drift(
    *,
    reference: Any,
    current: Any,
    model: Any = "",
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
        As for ``load_dataset``; the reference may be a profile that ``Profile.save`` wrote.
    model : str or estimator
        Address for ``load_model``, or the fitted model itself; may be empty.
    target : str
        Where it is known and the current table has it, its drift and the realized performance are measured too. A table
        without it is compared by its columns alone.
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
    if isinstance(reference, str | os.PathLike) and Path(reference).suffix == ".json" and is_profile(reference):
        before = load_profile(reference)
    else:
        before = load_compared(reference, **roles, periods=reference_periods, like=subject)
    return before, load_compared(current, **roles, periods=current_periods, like=before), subject


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
) -> Dataset | pd.DataFrame:
    """Load one table with its roles where its target is known; else without the columns that are not compared.

    Parameters
    ----------
    source, target, sensitive, time, positive, drop, periods
        As for ``load_dataset``; an empty text or list for what is not given.
    like : Dataset or fitted model, optional
        Where the table has all columns of it, it gets exactly those, whatever they hold.

    Raises
    ------
    InputError
        Where the table cannot be read, or periods are asked of one whose target is not known.

    Examples
    --------
    >>> load_compared("wine").rows, list(load_compared(pd.DataFrame({"a": [1], "b": [2]}), drop="b"))
    (178, ['a'])
    """
    table = read_table(source)
    known = table.built_in.target if table.built_in else table.target
    if (target or known) in table.frame.columns:
        wanted = like.features.columns if isinstance(like, Dataset) else model_columns(like)
        whole = len(wanted) and not set(wanted) - set(table.frame.columns)
        roles: dict[str, Any] = {"target": target, "sensitive": sensitive, "time": time, "drop": drop}
        return load_dataset(table, **roles, positive=given(positive), periods=periods, like=like if whole else None)
    if given(periods) is not None:
        raise InputError(f"Periods of {table.name} can only be chosen where its target is known. Give target=.")
    apart = {*listed_names(drop, list(table.frame.columns)), time}
    return table.frame[[name for name in table.frame.columns if name not in apart]]
