"""Put labels that arrived later beside the rows they belong to: in the same order, or by a column that both have."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.words import counted
from toolkit.data.findings import refusal
from toolkit.data.read import RawTable
from toolkit.data.table_reader.cells import text_labels
from toolkit.errors import InputError, listed, nearest


def join_labels(table: RawTable, labels: RawTable, *, target: str | None = None, by: str = "") -> RawTable:
    """Give a table the target column that another table holds.

    Parameters
    ----------
    table : RawTable
        Its own column of that name, if there is one, must be empty.
    labels : RawTable
        A row a label.
    target : str, optional
        Name of the column; by default the only one of the labels beside ``by``.
    by : str
        Column of both whose values, all different, say which label belongs to which row; rows without one stay without
        a label. An empty text stands for the same rows in the same order.

    Returns
    -------
    RawTable

    Raises
    ------
    InputError
        Where columns are missing or ambiguous, or labels and rows do not match.

    Examples
    --------
    >>> rows = RawTable(pd.DataFrame({"id": ["a", "b", "c"]}), "rows", "")
    >>> later = RawTable(pd.DataFrame({"id": ["c", "a"], "paid": [1, 0]}), "later", "")
    >>> join_labels(rows, later, by="id").frame["paid"].tolist()
    [0.0, nan, 1.0]
    """
    columns = [str(name) for name in labels.frame.columns if name != by]
    if target and target not in columns and len(columns) != 1:
        near = nearest(target, columns)
        raise InputError(f"{labels.name} has no column {target!r} of labels.{near} Columns: {listed(columns)}.")
    if target not in columns and len(columns) != 1:
        raise InputError(f"Which column of {labels.name} holds the labels? Give target=. Columns: {listed(columns)}.")
    column = target if target in columns else columns[0]
    name = target or column
    if name in table.frame.columns and bool(table.frame[name].notna().any()):
        raise InputError(f"{table.name} has labels of its own in {name!r}. Leave that column out, or the labels.")
    values = labels.frame[column]
    if by:
        values = values.reindex(_places(table, labels, by))
    elif len(values) != len(table.frame):
        both = [name for name in labels.frame.columns if name in table.frame.columns and name != column]
        known = f", such as {both[0]!r}" if both else ""
        sizes = [f"{part.name} has {counted(len(part.frame), 'row')}" for part in (labels, table)]
        raise refusal("other size", sizes=" and ".join(sizes), known=known)
    return replace(table, frame=table.frame.assign(**{name: values.to_numpy()}))


def _places(table: RawTable, labels: RawTable, by: str) -> NDArray[np.intp]:
    """Return the row of the labels for each row of the table, -1 where there is none."""
    for part in (table, labels):
        if by not in part.frame.columns:
            near = nearest(by, part.frame.columns)
            raise InputError(f"{part.name} has no column {by!r} to match labels by.{near}")
    mine, theirs = (_keys(part, by) for part in (table, labels))
    unknown = theirs[~theirs.isin(mine)]
    if len(unknown):
        rows, found = counted(len(theirs), "row"), listed(map(repr, unknown.unique()), 3)
        said = {"labels": labels.name, "table": table.name, "by": by, "found": found}
        raise refusal("unknown rows", unknown=len(unknown), rows=rows, **said)
    places: NDArray[np.intp] = pd.Index(theirs).get_indexer(pd.Index(mine))
    return places


def _keys(part: RawTable, by: str) -> pd.Series[Any]:
    """Write identifiers as text, so that 7, 7.0 and "7" are the same."""
    column = part.frame[by]
    if column.isna().any():
        rows = counted(len(column), "row")
        raise InputError(f"{by!r} is missing in {int(column.isna().sum()):,} of the {rows} of {part.name}.")
    if column.dtype.kind == "f" and bool((column == np.floor(column)).all()):
        column = column.astype("int64")
    codes, texts = text_labels(column.astype(object))
    keys = pd.Series(texts[codes], dtype=object)
    twice = keys[keys.duplicated()]
    if len(twice):
        found = listed(map(repr, twice.unique()), 3)
        raise InputError(f"{by!r} must tell the rows of {part.name} apart, but it repeats {found}.")
    return keys
