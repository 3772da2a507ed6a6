"""Turn a sensitive column into groups of people, or leave it a number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from toolkit.errors import InputError
from toolkit.table.columns import plain_column

MOST_NUMBERS = 10


def sensitive_groups(column: pd.Series[Any]) -> pd.Series[Any]:
    """Write a sensitive column as a category; numbers with more than ten values, or not whole, stay numbers.

    Raises
    ------
    InputError
        Where the column has no usable value.

    Examples
    --------
    >>> sensitive_groups(pd.Series([1.0, None, 2.0], name="sex")).tolist()
    ['1', nan, '2']
    """
    plain, _ = plain_column(column)
    if plain is None:
        raise InputError(f"Sensitive column {str(column.name)!r} has no usable value in any row. Name another one.")
    if pd.api.types.infer_dtype(column, skipna=True) == "boolean":
        return column.astype("boolean").map({False: "False", True: "True"}).astype(_texts(["False", "True"]))
    if plain.dtype not in ("int64", "float64"):
        return plain
    values = np.unique(plain.dropna())
    if len(values) > MOST_NUMBERS or (values != np.floor(values)).any():
        return plain
    names = {value: str(int(value)) for value in values}
    return plain.map(names).astype(_texts(list(names.values())))


def _texts(labels: list[str]) -> pd.CategoricalDtype:
    return pd.CategoricalDtype(pd.Index(labels, dtype=object))
