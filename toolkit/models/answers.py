"""What models have answered about tables that are still there."""

from collections.abc import Callable
from contextlib import suppress
from operator import is_
from typing import Any
from weakref import ref

import numpy as np
import pandas as pd

from toolkit.models.preprocessing import MANY_ROWS
from toolkit.statistics import AnyArray

#: Rows of a large table that are asked about again, to see whether the model still says the same.
CHECKED_ROWS = 100


class Answers:
    """The last answers about tables that are still there: the table, who was asked for what, its cells, the numbers."""

    def __init__(self) -> None:
        self.kept: list[tuple[ref[pd.DataFrame], tuple[Any, ...], AnyArray, AnyArray]] = []

    def __reduce__(self) -> tuple[type, tuple[()]]:
        """Begin anew in a copy of the model, which knows none of the tables."""
        return Answers, ()

    def find(self, asked: tuple[Any, ...], features: pd.DataFrame, ask: Callable[[pd.DataFrame], Any]) -> Any:
        """Return the answer about this table; it is asked for where there is none, or a cell or the model has changed.

        Examples
        --------
        >>> table, counts, answers = pd.DataFrame({"x": np.arange(3000.0)}), [], Answers()
        >>> def ask(rows):
        ...     counts.append(len(rows))
        ...     return rows["x"].to_numpy()
        >>> for _ in range(3):
        ...     found = answers.find(("predict",), table, ask)
        >>> counts
        [3000, 100, 100]
        """
        if len(features) <= MANY_ROWS or not isinstance(features, pd.DataFrame):
            return ask(features)
        some = np.linspace(0, len(features) - 1, CHECKED_ROWS).astype(int)
        asked, cells = (*asked, features.columns), _hashed(features)
        for table, before, known, said in self.kept:
            same = table() is features and all(map(is_, before, asked)) and np.array_equal(cells, known)
            if same and np.array_equal(said[some], ask(features.iloc[some]), equal_nan=True):
                return said.copy()
        said = ask(features)
        if isinstance(said, np.ndarray) and said.dtype.kind == "f" and len(said) == len(features) == len(cells):
            there = [one for one in self.kept if one[0]() is not None]
            self.kept = [(ref(features), asked, cells, said.copy()), *there[:7]]
        return said


def _hashed(table: pd.DataFrame) -> AnyArray:
    """Return a number for each row and its cells; none where a cell, such as a list, has none."""
    with suppress(TypeError):
        return pd.util.hash_pandas_object(table).to_numpy()
    return np.empty(0)
