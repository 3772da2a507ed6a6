"""Sensitive groups: of each column and every intersection for an audit, and learnt so that other rows find theirs."""

from collections.abc import Mapping, Sequence, Set
from itertools import combinations
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core import refuser, unique, value_text
from toolkit.data import Dataset, listed_names
from toolkit.errors import InputError, NotApplicableError, column_of, listed
from toolkit.fairness.clusters import Grouping
from toolkit.statistics import AnyArray, Array, Bins, Codes, Levels, Units, cut, find_edges

refusal = refuser(__file__)
MOST_GROUPS = 50
#: Fewest rows (where it matters: of each class) that a group needs to be treated as one of its own.
FEWEST = 10
OTHERS = "other groups"
Labels = NDArray[np.object_]
#: How columns of numbers are cut, by name.
Banding: TypeAlias = Mapping[str, Bins] | None


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
    if not (wanted := listed_names(names, [str(name) for name in known]) or list(data.sensitive.columns)):
        raise NotApplicableError(f"{data.name} has no sensitive column. Name one as 'sensitive'.")
    return pd.DataFrame({name: known[column_of(name, known, data.name, "sensitive")] for name in wanted}, copy=False)


def sensitive_inputs(data: Dataset, names: object) -> pd.DataFrame:
    """Return the sensitive columns as ``sensitive_columns`` does, but for the target, which a model is to tell.

    Raises
    ------
    InputError, NotApplicableError
        As ``sensitive_columns``, and where no other sensitive column is left.
    """
    if not (found := sensitive_columns(data, names).drop(columns=data.target.name, errors="ignore")).shape[1]:
        raise NotApplicableError(f"{data.name} has no sensitive column but the target itself. Name another.")
    return found


def group_rows(
    columns: pd.DataFrame, depth: int, bins: Banding = None, units: Units | None = None, dates: Set[str] = frozenset()
) -> list[Grouping]:
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
    units : Units, optional
        What rows belong to.
    dates : set of str, optional
        Columns that hold dates, as days since 1970-01-01.

    Examples
    --------
    >>> table = pd.DataFrame({"sex": ["f", "m", None, "f"], "age": [20, 40, 60, 60]})
    >>> [(found.feature, found.labels) for found in group_rows(table, 1, {"age": [30, 50]})]
    [('sex', ('f', 'm', 'missing')), ('age', ('under 30', '30 to under 50', '50 and over'))]
    """
    given = bins or {}
    _check_bins(columns, given)
    names = unique(value_text(name) for name in columns.columns)
    cuts = (cut(column, given.get(str(label)), dates=label in dates, most=None) for label, column in columns.items())
    levels = list(zip(names, cuts, strict=True))
    sets = [chosen for size in range(1, min(depth, len(names)) + 1) for chosen in combinations(levels, size)]
    features = unique("+".join(name for name, _ in chosen) for chosen in sets)
    return [_crossed(feature, dict(chosen), units) for feature, chosen in zip(features, sets, strict=True)]


def settled_bins(*tables: pd.DataFrame, dates: Set[str] = frozenset()) -> dict[str, list[float]]:
    """Return the edges at which the first of some tables is cut, for the columns that are numbers in all of them.

    Examples
    --------
    >>> ages = pd.DataFrame({"age": [float(age) for age in range(20, 60)]})
    >>> settled_bins(ages, ages + 10)
    {'age': [30.0, 40.0, 50.0]}
    """
    numeric = [name for name in tables[0] if all(pd.api.types.is_numeric_dtype(table[name]) for table in tables)]
    found = {str(name): find_edges(tables[0][name], dates=name in dates)[0].tolist() for name in numeric}
    return {name: edges for name, edges in found.items() if edges}


def _check_bins(columns: pd.DataFrame, bins: Mapping[str, Bins]) -> None:
    for name, asked in bins.items():
        column_of(name, columns, "the sensitive columns", "banded")
        if not pd.api.types.is_numeric_dtype(columns[name]):
            raise InputError(f"bins: column {name!r} holds categories, which are groups as they are.")
        single = isinstance(asked, int | np.integer)
        edges: list[Any] = [asked] if single else list(np.asarray(asked, dtype=object).ravel())
        number = all(isinstance(edge, int | float | np.number) and not isinstance(edge, bool) for edge in edges)
        rising = number and all(abs(edge) < np.inf for edge in edges) and all(np.diff(edges) > 0)
        if not edges or not rising or (single and not 2 <= edges[0] <= MOST_GROUPS):
            raise refusal("bins", name=name, most=MOST_GROUPS, asked=asked)


def _crossed(feature: str, levels: Mapping[str, Levels], units: Units | None) -> Grouping:
    codes, labels = np.zeros(1, dtype=np.intp), [""]
    for level in levels.values():
        width = len(level.labels)
        codes, pairs = pd.factorize(codes * width + level.codes, sort=True)
        labels = [f"{labels[pair // width]}+{level.labels[pair % width]}" for pair in pairs]
    counts = np.bincount(codes, minlength=len(labels))
    labels = [label.removeprefix("+") for label in labels]
    if beyond := max(len(labels) - MOST_GROUPS, 0):
        kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_GROUPS])
        place = np.full(len(labels), -1, dtype=np.intp)
        place[kept] = np.arange(MOST_GROUPS)
        codes, labels, counts = place[codes], [labels[code] for code in kept], counts[kept]
    return Grouping(feature, tuple(levels), tuple(unique(labels)), codes.astype(np.int16), counts, beyond, units)


class Groups(NamedTuple):
    """Sensitive groups by the values of one column or of several at once.

    Attributes
    ----------
    columns : mapping of str to list of float
        Of each the lower ends of the bands of its numbers after the first; none where its values are not cut.
    labels : mapping of str to mapping of str to str
        Of each column what a value, as ``_values`` writes it, is called in the name of a group.
    known : tuple of str
        Groups that are large enough to stand alone, the largest first.
    fallback : str
        The group of every other row: ``other groups`` where the small ones are many enough together, else the largest.
    merged : tuple of str
        Groups of the table that are too small to stand alone.
    """

    columns: Mapping[str, Sequence[float]]
    labels: Mapping[str, Mapping[str, str]]
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
        if absent := [name for name in self.columns if name not in frame.columns]:
            raise refusal("no sensitive columns", columns=listed(self.columns), absent=listed(absent))
        named = []
        for name, edges in self.columns.items():
            codes, values = _values(frame[name], edges)
            named.append(np.array([self.labels[name].get(value, "") for value in values], dtype=object)[codes])
        found = np.array(["+".join(row) for row in zip(*named, strict=True)], dtype=object)
        return np.where(np.isin(found, self.known), found, self.fallback).astype(object)


def learn_groups(
    sensitive: pd.DataFrame, features: pd.DataFrame, y: Codes, *, each_class: bool = True, dates: Set[str] = frozenset()
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
    dates : set of str, optional
        Columns that hold dates, as days since 1970-01-01.

    Examples
    --------
    >>> table = pd.DataFrame({"sex": ["f"] * 30 + ["m"] * 40 + [None] * 3})
    >>> groups = learn_groups(table, table[[]], np.arange(73) % 2)
    >>> groups.known, groups.fallback
    (('m', 'f'), 'm')
    """
    columns, labels, cells = dict[str, Sequence[float]](), dict[str, dict[str, str]](), []
    for name, column in sensitive.items():
        levels = cut(column, dates=name in dates, most=MOST_GROUPS)
        edges = columns[str(name)] = find_edges(column, dates=name in dates)[0].tolist() if levels.banded else []
        cells.append(np.array(levels.labels, dtype=object)[levels.codes])
        forms = [_values(form, edges) for form in (column, features.get(name)) if form is not None]
        labels[str(name)] = {
            values[code]: label for codes, values in forms for code, label in zip(codes, cells[-1], strict=True)
        }
    names = np.array(["+".join(row) for row in zip(*cells, strict=True)], dtype=object)
    counts = pd.crosstab(names, y).reindex(columns=[0, 1], fill_value=0)
    fewest = "min" if each_class else "sum"
    enough = counts.agg(fewest, axis=1) >= FEWEST
    order = [str(name) for name in counts.sum(axis=1).sort_values(ascending=False, kind="stable").index]
    known = tuple(name for name in order if enough[name])
    fallback = known[0] if known and counts[~enough].sum().agg(fewest) < FEWEST else OTHERS
    return Groups(columns, labels, known, fallback, tuple(name for name in order if not enough[name]))


def reweighing_weights(groups: Labels, y: AnyArray) -> Array:
    """Return for each row P(group) P(class) / P(group, class), under which group and class are independent.

    By Kamiran & Calders (2012, doi:10.1007/s10115-011-0463-8).

    Examples
    --------
    >>> weights = reweighing_weights(np.array(["f", "f", "f", "m"], dtype=object), np.array([0, 0, 1, 1]))
    >>> [round(float(weight), 2) for weight in weights]
    [0.75, 0.75, 1.5, 0.5]
    """
    group, group_names = pd.factorize(groups)
    counts = np.bincount(group * 2 + y, minlength=2 * len(group_names)).reshape(-1, 2)
    fair = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / len(y)
    return np.asarray(fair[group, y] / counts[group, y])


def _values(column: pd.Series, edges: Sequence[float]) -> tuple[Codes, list[str]]:
    """Return the place of each row's value, and how each value is written: 1 as 1.0 and yes are, a missing one last."""
    levels = cut(column, edges) if edges else None
    codes, values = (levels.codes, levels.labels) if levels else pd.factorize(column)
    return codes, [*(value if isinstance(value, str) else repr(float(value)) for value in values), "\0"]
