"""Cut columns into the few levels that a search can name: bands of numbers, frequent values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.statistics.binning import cut


@dataclass(frozen=True)
class Level:
    """One level of one column: the column's position and words such as ``age under 25``."""

    column: int
    text: str


def cut_levels(table: pd.DataFrame, least: int, dates: Collection[str] = ()) -> tuple[list[Level], NDArray[np.float32]]:
    """Cut every column into levels of at least ``least`` rows.

    Parameters
    ----------
    table : DataFrame of shape (rows, columns)
    least : int
    dates : collection of str
        Columns that hold dates, as days since 1970-01-01.

    Returns
    -------
    (list of Level, array of shape (rows, levels))
        The array holds 1 where a row is in a level.

    Examples
    --------
    >>> levels, members = cut_levels(pd.DataFrame({"age": range(100)}), 10)
    >>> [level.text for level in levels], members.sum(axis=0).tolist()
    (['age under 20', 'age 20 to under 50', 'age 50 to under 70', 'age 70 and over'], [20.0, 30.0, 20.0, 30.0])
    """
    levels: list[Level] = []
    masks = []
    for position, name in enumerate(map(str, table.columns)):
        found = cut(table.iloc[:, position], dates=name in dates)
        missing = found.labels[-1] if found.missing else ""
        for label, mask in found.groups():
            if mask.sum() >= least:
                words = "is missing" if label == missing else label if found.banded else f"= {label}"
                levels.append(Level(position, f"{name} {words}"))
                masks.append(mask)
    members = np.empty((len(table), len(masks)), dtype=np.float32)
    for place, mask in enumerate(masks):
        members[:, place] = mask
    return levels, members
