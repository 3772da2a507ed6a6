"""Which sensitive group a row belongs to, learnt from one table so that rows of another can be asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.errors import InputError, listed
from toolkit.fairness.groups import group_rows

Labels = NDArray[np.object_]

#: Fewest rows (where it matters: of each class) that a group needs to be treated as one of its own.
FEWEST = 10
OTHERS = "other groups"


@dataclass(frozen=True, eq=False)
class Groups:
    """Sensitive groups by the values of one column or of several at once.

    Attributes
    ----------
    columns : tuple of str
    labels : tuple of mapping
        For each column the label of each value; for a column of numbers in bins it is empty.
    bins : tuple of (edges, labels)
        For each column the lower ends of its bins after the first, and the labels of the bins; empty without bins.
    missing : tuple of str
        For each column the label of a missing value.
    known : tuple of str
        Groups that are large enough to stand alone, the largest first.
    fallback : str
        The group of every other row: ``other groups`` where the small ones are many enough together, else the largest.
    merged : tuple of str
        Groups of the table that are too small to stand alone.
    """

    columns: tuple[str, ...]
    labels: tuple[Mapping[str, str], ...]
    bins: tuple[tuple[tuple[float, ...], tuple[str, ...]], ...]
    missing: tuple[str, ...]
    known: tuple[str, ...] = ()
    fallback: str = ""
    merged: tuple[str, ...] = ()

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
        found = self._crossed(frame)
        return np.where(np.isin(found, self.known), found, self.fallback).astype(object)

    def _crossed(self, frame: pd.DataFrame) -> Labels:
        absent = [name for name in self.columns if name not in frame.columns]
        if absent:
            raise InputError(
                f"The model needs the sensitive columns {listed(self.columns)}, and {listed(absent)} is not among the "
                "features. Give them with sensitive_features=."
            )
        parts = [self._labelled(place, frame[name]) for place, name in enumerate(self.columns)]
        crossed = parts[0].astype(object)
        for part in parts[1:]:
            crossed = crossed + "+" + part
        return crossed

    def _labelled(self, place: int, column: pd.Series[Any]) -> Labels:
        edges, names = self.bins[place]
        if names:
            values = column.to_numpy(dtype=float, na_value=np.nan)
            labels = np.array(names, dtype=object)[np.searchsorted(edges, values, side="right")]
            return np.where(np.isnan(values), self.missing[place], labels).astype(object)
        codes, uniques = pd.factorize(column)
        # The last label is for missing values, whose code is -1.
        known = [self.labels[place].get(_key(value), "") for value in uniques]
        return np.array([*known, self.missing[place]], dtype=object)[codes]


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
    columns = [str(name) for name in sensitive.columns]
    learnt = [_learn(sensitive[name], features.get(name)) for name in columns]
    labels, bins, missing = (tuple(part) for part in zip(*learnt, strict=True))
    plain = Groups(tuple(columns), labels, bins, missing)
    crossed = plain._crossed(sensitive)
    counts = pd.crosstab(crossed, y).reindex(columns=[0, 1], fill_value=0)
    size = counts.min(axis=1) if each_class else counts.sum(axis=1)
    enough = size >= FEWEST
    order = counts.sum(axis=1).sort_values(ascending=False, kind="stable").index
    known = tuple(str(name) for name in order if enough[name])
    left = counts[~enough].sum()
    rest = bool((left.min() if each_class else left.sum()) >= FEWEST)
    fallback = OTHERS if rest else known[0] if known else OTHERS
    return replace(plain, known=known, fallback=fallback, merged=tuple(str(name) for name in order if not enough[name]))


def _learn(
    column: pd.Series[Any], feature: pd.Series[Any] | None
) -> tuple[dict[str, str], tuple[tuple[float, ...], tuple[str, ...]], str]:
    """Return the labels of a column's values, its bins, and the label of a missing value."""
    grouping = group_rows(column.to_frame(), 1)[0]
    names = np.array([*grouping.labels, OTHERS], dtype=object)[grouping.codes]
    absent = column.isna().to_numpy()
    missing = str(names[absent][0]) if absent.any() else "missing"
    there, given = column[~absent], names[~absent]
    if pd.api.types.is_numeric_dtype(column) and len(set(given)) < there.nunique():
        lowest = there.astype(float).groupby(given).min().sort_values()
        return {}, (tuple(lowest.iloc[1:]), tuple(str(name) for name in lowest.index)), missing
    labels = _pairs(there, given)
    if feature is not None:
        labels |= _pairs(feature[~absent], given)
    return labels, ((), ()), missing


def _pairs(column: pd.Series[Any], names: Labels) -> dict[str, str]:
    first = (~column.duplicated() & column.notna()).to_numpy()
    return {_key(value): str(name) for value, name in zip(column[first], names[first], strict=True)}


def _key(value: object) -> str:
    """Write a value so that the number 1 is the same as a whole number, a float or a yes."""
    return str(value) if isinstance(value, str) else repr(float(value))  # type: ignore[arg-type]
