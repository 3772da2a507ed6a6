"""Permutation importance: what becomes of predictions when the values of one column are dealt out to other rows."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from toolkit.statistics.intervals import AnyArray, Codes

_MOST_CELLS = 4_000_000


def permuted(predict: Callable[[pd.DataFrame], object], features: pd.DataFrame, order: Codes) -> Iterator[AnyArray]:
    """Yield for each column the predictions of all rows with that column shuffled (Breiman 2001).

    Source: doi:10.1023/A:1010933404324. Copies of the table are predicted together, as most of the time of a call does
    not depend on its rows.

    Parameters
    ----------
    predict : callable
        Takes a table of any number of copies of the rows, returns an array with an entry a row.
    features : DataFrame of shape (n, columns)
    order : integer array of shape (n,)
        The row that each row's value is taken from.

    Returns
    -------
    iterator of arrays of shape (n, ...)

    Examples
    --------
    >>> features, order = pd.DataFrame({"a": [1, 2, 3], "b": [10, 20, 30]}), np.array([2, 0, 1])
    >>> [found.tolist() for found in permuted(lambda rows: (rows["a"] + rows["b"]).to_numpy(), features, order)]
    [[13, 21, 32], [31, 12, 23]]
    """
    n, columns = features.shape
    at_once = max(1, _MOST_CELLS // max(1, n * columns))
    for start in range(0, columns, at_once):
        places = range(start, min(start + at_once, columns))
        stacked = features.iloc[np.tile(np.arange(n), len(places))].reset_index(drop=True)
        for copy, place in enumerate(places):
            rows = np.arange(len(stacked))
            rows[copy * n : (copy + 1) * n] = order
            stacked.isetitem(place, stacked.iloc[:, place].array.take(rows))
        predicted = np.asarray(predict(stacked))
        yield from predicted.reshape(len(places), n, *predicted.shape[1:])
