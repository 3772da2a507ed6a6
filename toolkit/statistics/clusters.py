"""What rows that belong together tell less than as many that do not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.statistics.intervals import Array


def design_effect(codes: NDArray[Any], groups: NDArray[np.intp]) -> float:
    """Return how many rows of groups tell as much about the shares of some values as one independent row does.

    The average of the design effects of all values by the ratio estimator over groups (Rao & Scott 1992,
    doi:10.2307/2532311): counts divided by it behave as those of independent rows do in tests and intervals. Not below
    1, so that values which alternate within groups never count as more rows than there are.

    Parameters
    ----------
    codes : array of shape (n,)
        Which value each row has: 0, 1, …, or no and yes.
    groups : array of int, shape (n,)
        Number of the group of each row.

    Examples
    --------
    >>> groups = np.repeat(np.arange(1000), 20)
    >>> alike = np.random.default_rng(0).integers(0, 3, 1000)[groups]
    >>> mixed = np.random.default_rng(0).integers(0, 3, 20_000)
    >>> round(design_effect(alike, groups), 1), round(design_effect(mixed, groups), 1)
    (20.0, 1.0)
    """
    n, levels = len(codes), int(codes.max(initial=0)) + 1
    sizes = np.bincount(groups).astype(float)
    size, used = len(sizes) * levels, int(np.count_nonzero(sizes))
    keys = groups * levels + codes
    if size <= 8 * n:
        cells, counts = np.arange(size), np.bincount(keys, minlength=size).astype(float)
    else:
        cells, counts = np.unique(keys, return_counts=True)
    totals = np.bincount(codes)
    squares = np.bincount(cells % levels, counts**2.0, minlength=levels)[totals > 0]
    spread = n * float((squares / totals[totals > 0]).sum()) - float(sizes @ sizes)
    kinds = int(np.count_nonzero(totals))
    if kinds < 2 or used < 2:
        return max(float(sizes @ sizes) / n, 1.0) if n else 1.0
    return max(used / (used - 1) * spread / (n * (kinds - 1)), 1.0)


def in_groups(influence: Array, groups: NDArray[np.intp]) -> Array:
    """Sum the influences of rows within their groups, each sum then standing for one independent observation.

    With the factor sqrt(G / (G − 1)) for G groups (Liang & Zeger 1986, doi:10.1093/biomet/73.1.13).

    Returns
    -------
    array of shape (n_groups,)
        What ``intervals.standard_error`` takes in place of the rows' influences.

    Examples
    --------
    >>> in_groups(np.array([0.5, 0.5, -1.0, 0.0]), np.array([0, 0, 1, 1])).round(3).tolist()
    [0.707, -0.707]
    """
    sums = np.bincount(np.unique(groups, return_inverse=True)[1], influence)
    count = len(sums)
    factor = np.sqrt(count / max(count - 1, 1))
    summed: Array = sums * (count / len(influence)) * factor
    return summed
