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
from toolkit.table.reading import Table, read_table
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
    roles = {"sensitive": sensitive, "time": time, "positive": given(positive), "drop": drop, "target": target}
    old, new = _either(reference), read_table(current)
    subject = load_model(model) if isinstance(model, str) and model else model or None
    before = old if isinstance(old, Profile) else _compared(old, roles, reference_periods, subject)
    return before, _compared(new, roles, current_periods, before), subject


def _either(reference: Any) -> Table | Profile:
    """Read a table, or a profile: JSON that says it is one."""
    if isinstance(reference, str | os.PathLike) and Path(reference).suffix == ".json" and is_profile(reference):
        return load_profile(reference)
    return read_table(reference)


def _compared(table: Table, roles: dict[str, Any], periods: Any, like: Any) -> Dataset | pd.DataFrame:
    """Give a table its roles where its target is known; else leave out the columns that are not to be compared.

    Where it has all columns of the model or table that it is to be like, it has exactly those, whatever they hold.
    """
    known = table.built_in.target if table.built_in else table.target
    target = given(roles["target"]) or known
    if target in table.frame.columns:
        wanted = like.features.columns if isinstance(like, Dataset) else model_columns(like)
        whole = len(wanted) and not set(wanted) - set(table.frame.columns)
        return load_dataset(table, **roles, periods=periods, like=like if whole else None)
    if given(periods) is not None:
        raise InputError(f"Periods of {table.name} can only be chosen where its target is known. Give target=.")
    apart = {*listed_names(roles["drop"], list(table.frame.columns)), roles["time"]}
    return table.frame[[name for name in table.frame.columns if name not in apart]]
