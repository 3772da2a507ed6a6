"""The groups that an audit compares: the values of each sensitive column, and of every intersection of columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.estimate import format_number
from toolkit.data.dataset import Dataset
from toolkit.data.roles import listed_names
from toolkit.errors import InputError, NotApplicableError, listed, nearest

Codes = NDArray[np.intp]
Bins = Mapping[str, int | Sequence[float]]

MOST_GROUPS = 50
FEW_VALUES = 10
QUARTERS = 4
LABEL_LENGTH = 40
MOST_COUNTED = 1_000_000


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
    for name in wanted:
        if name not in known:
            near = nearest(str(name), map(str, known))
            raise InputError(f"Sensitive column {name!r} is not in {data.name}.{near} Columns: {listed(known, 40)}.")
    return pd.DataFrame({name: known[name] for name in wanted}, copy=False)


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


def group_rows(columns: pd.DataFrame, depth: int, bins: Bins | None = None) -> list[Grouping]:
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
    _check_bins(columns, bins or {})
    names = unique_labels([readable(name) for name in columns.columns])
    single = {
        name: _column_groups(columns.iloc[:, place], (bins or {}).get(str(columns.columns[place])))
        for place, name in enumerate(names)
    }
    sets = [chosen for size in range(1, min(depth, len(names)) + 1) for chosen in combinations(names, size)]
    features = unique_labels(["+".join(chosen) for chosen in sets])
    return [
        _crossed(feature, chosen, [single[name] for name in chosen])
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
    found = {}
    for name in tables[0].columns:
        if all(pd.api.types.is_numeric_dtype(table[name]) for table in tables):
            values = tables[0][name].to_numpy(dtype=float, na_value=np.nan)
            distinct = np.unique(values[~np.isnan(values)])
            edges = _edges(values, distinct, QUARTERS) if len(distinct) > FEW_VALUES else distinct[1:]
            found[str(name)] = [float(edge) for edge in edges]
    return {name: edges for name, edges in found.items() if edges}


def readable(value: object) -> str:
    """Write a column name or value as a label: one line, printable, at most 40 characters."""
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        text = _plain(float(value))
    else:
        text = " ".join("".join(letter if letter.isprintable() else " " for letter in str(value)).split())
    return (text if len(text) <= LABEL_LENGTH else text[: LABEL_LENGTH - 1] + "…") or "(empty)"


def unique_labels(labels: Sequence[str]) -> list[str]:
    """Tell labels that are there more than once apart by a number, such as long texts that were shortened alike."""
    taken: set[str] = set()
    named = []
    for label in labels:
        candidate, count = label, 1
        while candidate in taken:
            count += 1
            candidate = f"{label} ({count})"
        taken.add(candidate)
        named.append(candidate)
    return named


def _check_bins(columns: pd.DataFrame, bins: Bins) -> None:
    for name, asked in bins.items():
        if name not in columns.columns:
            near = nearest(str(name), map(str, columns.columns))
            raise InputError(f"bins: {name!r} is not among the sensitive columns.{near} They are: {listed(columns)}.")
        if not pd.api.types.is_numeric_dtype(columns[name]):
            raise InputError(f"bins: column {name!r} holds categories, which are groups as they are.")
        edges = [asked] if isinstance(asked, int | np.integer) else list(np.asarray(asked, dtype=object).ravel())
        number = all(isinstance(edge, int | float | np.number) and not isinstance(edge, bool) for edge in edges)
        rising = number and all(math.isfinite(edge) for edge in edges) and all(np.diff(edges) > 0)
        if not edges or not rising or (isinstance(asked, int | np.integer) and not 2 <= asked <= MOST_GROUPS):
            raise InputError(
                f"bins: for column {name!r} give a number of bins from 2 to {MOST_GROUPS}, or rising edges such as "
                f"[30, 50]; found {asked!r}."
            )


def _column_groups(column: pd.Series[Any], bins: int | Sequence[float] | None) -> tuple[Codes, list[str]]:
    """Code the values of one column, the missing ones last."""
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        distinct = np.unique(values[~np.isnan(values)])
        few = bins is None and len(distinct) <= FEW_VALUES
        edges = distinct[1:] if few else _edges(values, distinct, QUARTERS if bins is None else bins)
        labels = [readable(value) for value in distinct] if few else _bin_labels(edges)
        codes: Codes = np.searchsorted(edges, values, side="right").astype(np.intp)
        missing = np.isnan(values)
    else:
        categories = column.astype("category").cat
        labels = [readable(value) for value in categories.categories]
        codes = np.array(categories.codes, dtype=np.intp)
        missing = codes < 0
    if missing.any():
        labels.append("missing" if "missing" not in labels else "missing value")
        codes[missing] = len(labels) - 1
    return codes, unique_labels(labels)


def _edges(values: NDArray[np.float64], distinct: NDArray[np.float64], bins: int | Sequence[float]) -> Any:
    if not isinstance(bins, int | np.integer):
        return np.asarray(bins, dtype=float)
    if len(distinct) < 2:
        return np.empty(0)
    shares = np.arange(1, bins) / bins
    cuts = np.nanquantile(values, shares, method="lower")
    step = _plain_step(cuts[-1] / bins - cuts[0] / bins) if len(cuts) > 1 else 0.0
    rounded = np.unique(np.round(cuts / step) * step) if step > 0 else np.unique(cuts)
    edges = rounded[(rounded > distinct[0]) & (rounded <= distinct[-1])]
    return edges if len(edges) else distinct[1:2]


def _plain_step(width: float) -> float:
    """Return the largest of 1, 2 and 5 times a power of ten that is not wider; 0 where there is none."""
    if not 1e-300 < width < 1e300:
        return 0.0
    power = 10.0 ** math.floor(math.log10(width))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= width or factor == 1)


def _bin_labels(edges: Any) -> list[str]:
    names = [_plain(edge) for edge in edges]
    if not names:
        return ["any value"]
    inner = [f"{low} to under {high}" for low, high in pairwise(names)]
    return [f"under {names[0]}", *inner, f"{names[-1]} and over"]


def _plain(number: float) -> str:
    return f"{number:.0f}" if number.is_integer() and abs(number) < 1e15 else format_number(number)


def _crossed(feature: str, names: tuple[str, ...], columns: Sequence[tuple[Codes, list[str]]]) -> Grouping:
    codes, labels, counts = _present(*columns[0])
    for other, others in columns[1:]:
        pairs, codes, counts = _counted(codes * len(others) + other, len(labels) * len(others))
        labels = [f"{labels[pair // len(others)]}+{others[pair % len(others)]}" for pair in pairs]
    beyond = max(len(labels) - MOST_GROUPS, 0)
    if beyond:
        kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_GROUPS])
        place = np.full(len(labels), -1, dtype=np.intp)
        place[kept] = np.arange(MOST_GROUPS)
        codes, labels, counts = place[codes], [labels[code] for code in kept], counts[kept]
    return Grouping(feature, names, tuple(unique_labels(labels)), codes.astype(np.int16), counts, beyond)


def _present(codes: Codes, labels: list[str]) -> tuple[Codes, list[str], Codes]:
    found, codes, counts = _counted(codes, len(labels))
    return codes, [labels[code] for code in found], counts


def _counted(codes: Codes, size: int) -> tuple[Codes, Codes, Codes]:
    """Return the codes that occur, each row's place among them and their counts; sorting only where it is quicker."""
    if size > MOST_COUNTED:
        found, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
        return found, places, counts
    counts = np.bincount(codes, minlength=size)
    found = np.flatnonzero(counts)
    return found, (np.cumsum(counts > 0) - 1)[codes], counts[found]
