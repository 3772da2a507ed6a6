"""P values of several tests, adjusted for how many there are; those of tests not made (nan) stay and do not count."""

from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from toolkit.statistics.intervals import Array


def holm(p_values: Sequence[float] | Array) -> Array:
    """Bound the chance of any false alarm, whatever the tests have to do with each other.

    The step-down method of Holm (1979, jstor.org/stable/4615733).

    Examples
    --------
    >>> holm([0.01, 0.04, np.nan, 0.03]).round(3).tolist()
    [0.03, 0.06, nan, 0.06]
    """

    def step_down(found: Array) -> Array:
        order = np.argsort(found)
        return np.maximum.accumulate(found[order] * np.arange(len(found), 0, -1)).clip(max=1.0)[np.argsort(order)]

    return _adjusted(p_values, step_down)


def benjamini_hochberg(p_values: Sequence[float] | Array) -> Array:
    """Bound the share of false alarms among all alarms.

    By Benjamini & Hochberg (1995, doi:10.1111/j.2517-6161.1995.tb02031.x).

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, np.nan, 0.03]).round(3).tolist()
    [0.03, 0.04, nan, 0.04]
    """
    return _adjusted(p_values, stats.false_discovery_control)


def _adjusted(p_values: Sequence[float] | Array, method: Callable[[Array], Array]) -> Array:
    found = np.array(p_values, dtype=float)
    if (tested := ~np.isnan(found)).any():
        found[tested] = method(found[tested])
    return found
