"""Consistency: how alike near neighbours are treated, with an interval that knows that rows share neighbours."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from toolkit.core.estimate import Estimate
from toolkit.models.preprocessing import make_model
from toolkit.statistics.intervals import Array, t_quantile, wald, wilson

Positions = NDArray[np.intp]


def nearest_rows(features: pd.DataFrame, asked: int, neighbours: int) -> Positions:
    """Find the nearest other rows of each of the first ``asked`` rows.

    By Euclidean distance, numbers standardized, other columns one-hot: the encoding that a linear model gets.

    Parameters
    ----------
    features : DataFrame of shape (n_rows, n_columns)
    asked, neighbours : int

    Returns
    -------
    array of shape (asked, neighbours)
        Positions, the nearest first. Fewer columns where there are fewer rows, none where no column has a value.

    Examples
    --------
    >>> nearest_rows(pd.DataFrame({"age": [20.0, 50, 23, 58]}), 2, 1)
    array([[2],
           [3]])
    """
    keep = min(neighbours, len(features) - 1)
    if keep < 1 or not features.notna().any().any():
        return np.empty((asked, 0), dtype=np.intp)
    encoded = make_model(KNeighborsClassifier(), features)[0].fit_transform(features)
    search = NearestNeighbors(n_neighbors=keep + 1, algorithm="brute").fit(encoded)
    found: Positions = search.kneighbors(encoded[:asked], return_distance=False)
    # A row is not its own neighbour; among many equal rows the search may not have met it, then the last one goes.
    own = found == np.arange(asked)[:, None]
    own[~own.any(axis=1), -1] = True
    near: Positions = found[~own].reshape(asked, keep)
    return near


def random_rows(rows: int, asked: int, neighbours: int) -> Positions:
    """Return for each of the first ``asked`` rows the next ones, which in an order drawn by chance are any rows."""
    steps = np.arange(1, min(neighbours, rows - 1) + 1)
    positions: Positions = (np.arange(asked)[:, None] + steps) % max(rows, 1)
    return positions


def consistency(outcome: Array, near: Positions, *, classes: bool) -> Estimate:
    """Estimate one minus the mean difference between a row's outcome and each of its neighbours' (Zemel et al. 2013).

    A row that is near to many weighs in many pairs, so pairs that share a row are taken to go together (Aronow et al.
    2015, doi:10.1093/pan/mpv018); the interval is Wald's on the logit scale.

    Parameters
    ----------
    outcome : array of shape (n,)
        Class codes, or numbers in [0, 1].
    near : array of shape (asked, neighbours)
        From ``nearest_rows``.
    classes : bool
        Whether outcomes differ or not; if not, their distance counts.

    Examples
    --------
    >>> outcome = np.repeat([0.0, 1.0], 50)
    >>> near = np.arange(100)[:, None] // 50 * 50 + np.arange(5)
    >>> print(consistency(outcome, near, classes=True))
    1.000 [0.963, 1.000]
    """
    asked, neighbours = near.shape
    if near.size == 0:
        return Estimate(math.nan, n=asked, method="no neighbours")
    own, others = np.repeat(outcome[:asked], neighbours), outcome[near.ravel()]
    apart = (own != others).astype(float) if classes else np.abs(own - others)
    value = 1 - float(apart.mean())
    error = _pairs_error(apart, np.repeat(np.arange(asked), neighbours), near.ravel())
    if 0 < value < 1 and error > 1e-12:
        low, high = wald(value, error, "logit", t_quantile(asked))
        return Estimate(value, low, high, asked, "pairs that share a row go together, logit scale")
    return Estimate(value, *wilson(value * asked, asked), asked, "Wilson")


def _pairs_error(values: Array, first: Positions, second: Positions) -> float:
    """Return the standard error of the mean of a number for each pair of rows."""
    error = values - values.mean()
    size = int(max(first.max(), second.max())) + 1
    asking = np.bincount(first, error, size)
    either = asking + np.bincount(second, error, size)
    # Pairs that share both rows were counted twice.
    _, pair = np.unique(np.minimum(first, second) * size + np.maximum(first, second), return_inverse=True)
    both = np.bincount(pair, error)
    together = float(either @ either - both @ both)
    return math.sqrt(max(together, float(asking @ asking))) / len(values)
