"""What a model said of large tables, so that steps which judge the same rows ask it once."""

from collections.abc import Callable
from operator import is_
from typing import Any
from weakref import ref

import numpy as np
import pandas as pd

from toolkit.models.preprocessing import MANY_ROWS

CHECKED_ROWS = 100


class Answers(list[tuple[ref[pd.DataFrame], tuple[Any, ...], Any]]):
    """The last answers about tables that are still there: the table, who was asked for what, the numbers."""

    def __reduce__(self) -> tuple[type, tuple[()]]:
        """Begin anew in a copy of the model, which knows none of the tables."""
        return Answers, ()

    def find(self, asked: tuple[Any, ...], features: pd.DataFrame, ask: Callable[[pd.DataFrame], Any]) -> Any:
        """Return the answer about this table; it is asked for where there is none, or some of its rows say another now.

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
        for table, before, said in self:
            known = table() is features and all(map(is_, before, asked))
            if known and np.array_equal(said[some], ask(features.iloc[some]), equal_nan=True):
                return said.copy()
        said = ask(features)
        if isinstance(said, np.ndarray) and said.dtype.kind == "f" and len(said) == len(features):
            there = [one for one in self if one[0]() is not None]
            self[:] = [(ref(features), asked, said.copy()), *there[:2]]
        return said
