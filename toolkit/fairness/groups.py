"""The groups that an audit compares: the values of each sensitive column, and of every intersection of columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.options import column_of
from toolkit.core.words import unique, value_text
from toolkit.data.dataset import Dataset
from toolkit.data.roles import listed_names
from toolkit.errors import InputError, NotApplicableError, listed, nearest
from toolkit.statistics.binning import Bins, Codes, Levels, cut, find_edges

MOST_GROUPS = 50


@dataclass(frozen=True, eq=False)
class Grouping:
    """The rows of a table in groups by one sensitive column or by several at once.

    Attributes
    ----------
    feature : str
        ``sex``, or ``sex+race`` for an intersection.
    columns : tuple of str
        The columns that are crossed.
    labels : tuple of str
        ``Female``, or ``Female+Black``; only groups that have rows, the 50 largest at most.
    codes : int16 array of shape (n,)
        Place of each row's group among the labels; -1 in groups beyond the 50 largest.
    counts : integer array of shape (groups,)
        How many rows each group has.
    beyond : int
        How many groups those are.
    """

    feature: str
    columns: tuple[str, ...]
    labels: tuple[str, ...]
    codes: NDArray[np.int16]
    counts: Codes
    beyond: int = 0

    def rows(self) -> list[Codes]:
        """Return the places of each group's rows, in the order of the table."""
        order = np.argsort(self.codes, kind="stable")
        return np.split(order[len(order) - self.counts.sum() :], np.cumsum(self.counts)[:-1])


def sensitive_columns(data: Dataset, names: object) -> pd.DataFrame:
    """Return the sensitive columns asked for, by default all that the table declares.

    Raises
    ------
    InputError
        Where a column is neither among the sensitive columns nor the features, nor the target.
    NotApplicableError
        Where none is given and the table declares none.
    """
    known = {name: table[name] for table in (data.target.to_frame(), data.features, data.sensitive) for name in table}
    wanted = listed_names(names, [str(name) for name in known]) or list(data.sensitive.columns)
    if not wanted:
        raise NotApplicableError(f"{data.name} has no sensitive column. Name one as 'sensitive'.")
    return pd.DataFrame({name: known[column_of(name, known, data.name, "sensitive")] for name in wanted}, copy=False)


def sensitive_inputs(data: Dataset, names: object) -> pd.DataFrame:
    """Return the sensitive columns as ``sensitive_columns`` does, but for the target, which a model is to tell.

    Raises
    ------
    InputError, NotApplicableError
        As ``sensitive_columns``, and where no other sensitive column is left.
    """
    found = sensitive_columns(data, names).drop(columns=data.target.name, errors="ignore")
    if not found.shape[1]:
        raise NotApplicableError(f"{data.name} has no sensitive column but the target itself. Name another.")
    return found


def group_rows(columns: pd.DataFrame, depth: int, bins: Mapping[str, Bins] | None = None) -> list[Grouping]:
    """Group rows by each column and by every intersection of up to ``depth`` columns.

    Rows without a value form the group ``missing``. Numbers with more than ten values are cut at their quartiles,
    rounded to a plain number, unless ``bins`` says otherwise.

    Parameters
    ----------
    columns : DataFrame of shape (n, columns)
    depth : int
        Most columns of one intersection.
    bins : mapping of column to int or list of float, optional
        How many bins of about equal size, or the edges between them.

    Examples
    --------
    >>> table = pd.DataFrame({"sex": ["f", "m", None, "f"], "age": [20, 40, 60, 60]})
    >>> [(found.feature, found.labels) for found in group_rows(table, 1, {"age": [30, 50]})]
    [('sex', ('f', 'm', 'missing')), ('age', ('under 30', '30 to under 50', '50 and over'))]
    """
    given = bins or {}
    _check_bins(columns, given)
    names = unique(value_text(name) for name in columns.columns)
    levels = {
        name: cut(column, given.get(str(label)), most=None)
        for name, (label, column) in zip(names, columns.items(), strict=True)
    }
    sets = [chosen for size in range(1, min(depth, len(names)) + 1) for chosen in combinations(names, size)]
    features = unique("+".join(chosen) for chosen in sets)
    return [
        _crossed(feature, chosen, [levels[name] for name in chosen])
        for feature, chosen in zip(features, sets, strict=True)
    ]


def settled_bins(*tables: pd.DataFrame) -> dict[str, list[float]]:
    """Return the edges at which the first of some tables is cut, for the columns that are numbers in all of them.

    Examples
    --------
    >>> ages = pd.DataFrame({"age": [float(age) for age in range(20, 60)]})
    >>> settled_bins(ages, ages + 10)
    {'age': [30.0, 40.0, 50.0]}
    """
    numeric = [name for name in tables[0] if all(pd.api.types.is_numeric_dtype(table[name]) for table in tables)]
    found = {str(name): find_edges(tables[0][name])[0].tolist() for name in numeric}
    return {name: edges for name, edges in found.items() if edges}


def _check_bins(columns: pd.DataFrame, bins: Mapping[str, Bins]) -> None:
    for name, asked in bins.items():
        if name not in columns.columns:
            near = nearest(str(name), map(str, columns.columns))
            raise InputError(f"bins: {name!r} is not among the sensitive columns.{near} They are: {listed(columns)}.")
        if not pd.api.types.is_numeric_dtype(columns[name]):
            raise InputError(f"bins: column {name!r} holds categories, which are groups as they are.")
        single = isinstance(asked, int | np.integer)
        edges: list[Any] = [asked] if single else list(np.asarray(asked, dtype=object).ravel())
        number = all(isinstance(edge, int | float | np.number) and not isinstance(edge, bool) for edge in edges)
        rising = number and all(math.isfinite(edge) for edge in edges) and all(np.diff(edges) > 0)
        if not edges or not rising or (single and not 2 <= edges[0] <= MOST_GROUPS):
            raise InputError(
                f"bins: for column {name!r} give a number of bins from 2 to {MOST_GROUPS}, or rising edges such as "
                f"[30, 50]; found {asked!r}."
            )


def _crossed(feature: str, names: tuple[str, ...], levels: Sequence[Levels]) -> Grouping:
    codes, labels = np.zeros(len(levels[0].codes), dtype=np.intp), [""]
    for level in levels:
        width = len(level.labels)
        codes, pairs = pd.factorize(codes * width + level.codes, sort=True)
        labels = [f"{labels[pair // width]}+{level.labels[pair % width]}" for pair in pairs]
    counts = np.bincount(codes, minlength=len(labels))
    labels = [label.removeprefix("+") for label in labels]
    beyond = max(len(labels) - MOST_GROUPS, 0)
    if beyond:
        kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_GROUPS])
        place = np.full(len(labels), -1, dtype=np.intp)
        place[kept] = np.arange(MOST_GROUPS)
        codes, labels, counts = place[codes], [labels[code] for code in kept], counts[kept]
    return Grouping(feature, names, tuple(unique(labels)), codes.astype(np.int16), counts, beyond)
