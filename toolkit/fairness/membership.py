"""Which sensitive group a row belongs to, learnt from one table so that rows of another can be asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.errors import InputError, listed
from toolkit.fairness.groups import MOST_GROUPS
from toolkit.statistics.binning import cut, find_edges

Labels = NDArray[np.object_]

#: Fewest rows (where it matters: of each class) that a group needs to be treated as one of its own.
FEWEST = 10
OTHERS = "other groups"


@dataclass(frozen=True, eq=False)
class ColumnGroups:
    """The groups of one sensitive column.

    Attributes
    ----------
    edges : sequence of float
        Lower ends of the bands of its numbers after the first; empty where each value is a group.
    labels : mapping of str to str
        The label of each value; empty where there are bands.
    missing : str
        The label of a missing value.
    """

    edges: Sequence[float]
    labels: Mapping[str, str]
    missing: str

    def find(self, column: pd.Series[Any]) -> Labels:
        """Return the label of each row, empty where its value is not known."""
        if self.edges:
            levels = cut(column, self.edges)
            return np.array(levels.labels, dtype=object)[levels.codes]
        codes, values = pd.factorize(column)
        # The last label is for missing values, whose code is -1.
        known = [self.labels.get(_key(value), "") for value in values]
        return np.array([*known, self.missing], dtype=object)[codes]


@dataclass(frozen=True, eq=False)
class Groups:
    """Sensitive groups by the values of one column or of several at once.

    Attributes
    ----------
    columns : mapping of str to ColumnGroups
    known : tuple of str
        Groups that are large enough to stand alone, the largest first.
    fallback : str
        The group of every other row: ``other groups`` where the small ones are many enough together, else the largest.
    merged : tuple of str
        Groups of the table that are too small to stand alone.
    """

    columns: Mapping[str, ColumnGroups]
    known: tuple[str, ...]
    fallback: str
    merged: tuple[str, ...]

    def all(self) -> tuple[str, ...]:
        """Return every group that a row can be in."""
        return tuple(dict.fromkeys((*self.known, self.fallback)))

    def find(self, frame: pd.DataFrame) -> Labels:
        """Return the group of each row; a value not seen in fitting puts it into the fallback.

        Raises
        ------
        InputError
            Where a sensitive column is not in the frame.
        """
        found = _crossed(self.columns, frame)
        return np.where(np.isin(found, self.known), found, self.fallback).astype(object)


def learn_groups(
    sensitive: pd.DataFrame, features: pd.DataFrame, y: NDArray[np.integer[Any]], *, each_class: bool = True
) -> Groups:
    """Learn the groups of a table: the values, their bins, and which groups hold ten rows or more.

    Parameters
    ----------
    sensitive : DataFrame of shape (n, columns)
        One column or, for their intersection, several; numbers with many values are cut as ``audit_fairness`` does.
    features : DataFrame of shape (n, features)
        Where a sensitive column is a feature too, its values there are learnt as well.
    y : array of shape (n,)
        1 for the positive class, 0 for the other.
    each_class : bool
        Whether ten rows of each class are needed.

    Examples
    --------
    >>> table = pd.DataFrame({"sex": ["f"] * 30 + ["m"] * 40 + [None] * 3})
    >>> groups = learn_groups(table, table[[]], np.arange(73) % 2)
    >>> groups.known, groups.fallback
    (('m', 'f'), 'm')
    """
    columns = {str(name): _learn(column, features.get(name)) for name, column in sensitive.items()}
    counts = pd.crosstab(_crossed(columns, sensitive), y).reindex(columns=[0, 1], fill_value=0)
    size = counts.min(axis=1) if each_class else counts.sum(axis=1)
    enough = size >= FEWEST
    order = [str(name) for name in counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    known = tuple(name for name in order if enough[name])
    left = counts[~enough].sum()
    rest = bool((left.min() if each_class else left.sum()) >= FEWEST)
    fallback = known[0] if known and not rest else OTHERS
    return Groups(columns, known, fallback, tuple(name for name in order if not enough[name]))


def _crossed(columns: Mapping[str, ColumnGroups], frame: pd.DataFrame) -> Labels:
    absent = [name for name in columns if name not in frame.columns]
    if absent:
        raise InputError(
            f"The model needs the sensitive columns {listed(columns)}, and {listed(absent)} is not among the features. "
            "Give them with sensitive_features=."
        )
    first, *others = (groups.find(frame[name]) for name, groups in columns.items())
    for part in others:
        first = first + "+" + part
    return first


def _learn(column: pd.Series[Any], feature: pd.Series[Any] | None) -> ColumnGroups:
    levels = cut(column, most=MOST_GROUPS)
    missing = levels.labels[-1] if levels.missing else "missing"
    if levels.banded:
        return ColumnGroups(find_edges(column)[0].tolist(), {}, missing)
    names = np.array(levels.labels, dtype=object)[levels.codes]
    labels: dict[str, str] = {}
    for given in (column, feature) if feature is not None else (column,):
        first = (~given.duplicated() & column.notna()).to_numpy()
        labels |= {_key(value): str(name) for value, name in zip(given[first], names[first], strict=True)}
    return ColumnGroups((), labels, missing)


def _key(value: object) -> str:
    """Write a value so that the number 1 is the same as a whole number, a float or a yes."""
    return str(value) if isinstance(value, str) else repr(float(value))  # type: ignore[arg-type]
