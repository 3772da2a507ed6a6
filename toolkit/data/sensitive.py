"""Columns that name groups of people: which ones probably do, and how one becomes groups, or stays a number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core.result import Finding
from toolkit.data.columns import plain_column
from toolkit.data.roles import Roles
from toolkit.errors import InputError, listed

MOST_NUMBERS = 10
# A word of the name, or the whole name, in the languages that tables are most often written in.
_TELLING = re.compile(
    r"""(?<![^\W\d_]) (
        sex | gender | race | ethnic(ity)? | religion | nationality | citizenship | disab(ility|led) | pregnan(cy|t)
        | caste | geschlecht | herkunft | nationalität | staatsangehörigkeit | behinderung | sexe | ethnie | nationalité
        | handicap | sexo | g[eé]nero | raza | etnia | religión | nacionalidad | discapacidad | sesso | genere | razza
        | raça | religião
    ) (?![^\W\d_])
    | ^ ( ages? | age_(group|years|band) | marital_status | alter | edad | âge | idade | età | genre ) $""",
    re.VERBOSE | re.IGNORECASE,
)


def not_named(columns: Iterable[object], roles: Roles) -> list[Finding]:
    """Say which columns seem to name groups of people, where none was said to.

    Examples
    --------
    >>> [finding.where for finding in not_named(["y", "Sex", "account_age"], Roles("y"))]
    ['Sex']
    >>> not_named(["y", "account_age", "Essex"], Roles("y"))
    []
    """
    apart = {roles.target, roles.time, roles.group, *roles.drop}
    found = [name for name in map(str, columns) if name not in apart and _TELLING.search(name)]
    if roles.sensitive or not found:
        return []
    message = (
        f"Nothing is judged by group of people, though {'a column seems' if len(found) == 1 else 'columns seem'} to "
        f"name some: {listed(found)}. Name them as 'sensitive' if so."
    )
    return [Finding("DATA-SENSITIVE-NOT-NAMED", "medium", message, found[0])]


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
