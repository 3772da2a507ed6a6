"""Cut columns into the few levels that a search or a table can name: quartiles, frequent values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.estimate import format_number

FEW_VALUES = 6
MOST_LEVELS = 12


@dataclass(frozen=True)
class Level:
    """One level of one column: the column's position and words such as ``age = 18–25``."""

    column: int
    text: str


def cut_levels(table: pd.DataFrame, least: int) -> tuple[list[Level], NDArray[np.float32]]:
    """Cut every column into levels of at least ``least`` rows.

    Numbers with more than six values are cut at their quartiles; of other columns the twelve most frequent values are
    taken. Missing values are a level of their own.

    Returns
    -------
    (list of Level, array of shape (rows, levels))
        The array holds 1 where a row is in a level.

    Examples
    --------
    >>> levels, members = cut_levels(pd.DataFrame({"age": range(100)}), 10)
    >>> [level.text for level in levels], members.sum(axis=0).tolist()
    (['age = 0–24', 'age = 25–49', 'age = 50–74', 'age = 75–99'], [25.0, 25.0, 25.0, 25.0])
    """
    levels: list[Level] = []
    masks: list[NDArray[np.bool_]] = []
    for position in range(table.shape[1]):
        column = table.iloc[:, position]
        for words, mask in _cut(column):
            if least <= mask.sum():
                levels.append(Level(position, f"{table.columns[position]} {words}"))
                masks.append(mask)
    members = np.empty((len(table), len(masks)), dtype=np.float32)
    for place, mask in enumerate(masks):
        members[:, place] = mask
    return levels, members


def _cut(column: pd.Series[Any]) -> list[tuple[str, NDArray[np.bool_]]]:
    missing = column.isna().to_numpy(dtype=bool)
    absent = [("is missing", missing)] if missing.any() else []
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(dtype=float, na_value=np.nan)
        if len(np.unique(values[~missing])) > FEW_VALUES:
            return _quartiles(values, missing) + absent
    codes, labels = pd.factorize(column)
    counts = np.bincount(codes[codes >= 0], minlength=len(labels))
    frequent = np.argsort(-counts, kind="stable")[:MOST_LEVELS]
    return [(f"= {_named(labels[code])}", codes == code) for code in frequent] + absent


def _quartiles(values: NDArray[np.float64], missing: NDArray[np.bool_]) -> list[tuple[str, NDArray[np.bool_]]]:
    known = values[~missing]
    edges = np.unique(np.quantile(known, [0.25, 0.5, 0.75], method="lower"))
    bins = np.where(missing, -1, np.searchsorted(edges, values, side="left"))
    found = []
    for code in range(len(edges) + 1):
        mask = bins == code
        if mask.any():
            low, high = float(values[mask].min()), float(values[mask].max())
            found.append((f"= {_named(low)}" if low == high else f"= {_named(low)}–{_named(high)}", mask))
    return found


def _named(value: object) -> str:
    if isinstance(value, int | float | np.number) and not isinstance(value, bool):
        number = float(value)
        return f"{number:.0f}" if number.is_integer() and abs(number) < 1e15 else format_number(number)
    text = str(value)
    return text if len(text) <= 60 else text[:59] + "…"
