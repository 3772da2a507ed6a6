"""How many rows tell as much as an independent one, where rows belong together, follow each other or have weights."""

import numpy as np
from scipy.fft import dct
from scipy.sparse import coo_array

from toolkit.statistics.intervals import AnyArray, Array, Codes, t_quantile
from toolkit.statistics.units import Units, freed, freedom_of, kish, stretches_of, weights_of

#: Values of a column that its design effect in a series is taken from, and parts of a wave that are looked at.
MOST_VALUES, PARTS = 20, 16
#: The slowest waves are those of a trend or a step within the table: drift itself, and no likeness of neighbours.
SLOWEST = 2


def design_effect(codes: AnyArray, groups: Codes, weights: AnyArray | None = None, times: int = 0) -> float:
    """Return how many rows of groups tell as much about the shares of some values as one independent row does.

    The average of the design effects of all values by the ratio estimator over groups (Rao & Scott 1992,
    doi:10.2307/2532311), each freed from its own pull, with Student's quantile where few dominate: counts divided by it
    behave as those of independent rows do. Not below 1, so that values that alternate within groups add no rows.

    Parameters
    ----------
    codes : array of shape (n,)
        Which value each row has: 0, 1, …, or no and yes.
    groups : array of int, shape (n,)
        Number of the group of each row; of rows that stand alone their places.
    weights : array of shape (n,), optional
        Of mean 1.
    times : int
        How many there are where groups are the times of a series, of which neighbours are alike: see ``_in_series``.

    Examples
    --------
    >>> groups = np.repeat(np.arange(1000), 20)
    >>> alike = np.random.default_rng(0).integers(0, 3, 1000)[groups]
    >>> mixed = np.random.default_rng(0).integers(0, 3, 20_000)
    >>> round(design_effect(alike, groups), 1), round(design_effect(mixed, groups), 1)
    (20.0, 1.0)
    """
    if times:
        return _in_series(codes.astype(np.intp), groups, weights, times)
    n, sizes = len(codes), np.bincount(groups, weights).astype(float)
    cells = coo_array((np.ones(n) if weights is None else weights, (groups, codes.astype(np.intp)))).tocsr()
    totals = cells.sum(axis=0)
    kinds, used = int(np.count_nonzero(totals)), int(np.count_nonzero(sizes))
    if kinds < 2 or used < 2:
        return max(float(sizes @ sizes) / n, 1.0)
    squares = cells.power(2) @ np.divide(n, totals, where=totals > 0, out=np.zeros(len(totals))) - sizes**2
    moved = freed(np.sqrt(np.maximum(squares, 0)), sizes)
    wider = t_quantile(max(freedom_of(moved, used), 1.0) + 1) / t_quantile(used)
    return max(used / (used - 1) * wider**2 * float(moved @ moved) / (n * (kinds - 1)), 1.0)


def _in_series(codes: Codes, groups: Codes, weights: AnyArray | None, times: int) -> float:
    """Return the design effect of the values of a series, by the long-run variance of the shares of the most frequent.

    By the equal-weighted cosine estimator of Lazarus et al. (2018, doi:10.1080/07350015.2018.1506926), whose Student's
    quantile enters as for groups, without the slowest waves; over times pooled where they are more than it looks at.
    Of one value it cannot be told, and is 1.
    """
    totals = np.bincount(codes, weights)
    most = np.argsort(-totals, kind="stable")[: min(MOST_VALUES, np.count_nonzero(totals))]
    if len(most) < 2:
        return 1.0
    shares, waves = totals[most] / totals.sum(), stretches_of(times)
    place, steps = np.full(len(totals), len(most)), min(times, PARTS * waves)
    place[most] = np.arange(len(most))
    cells = np.bincount(groups * steps // times * (len(most) + 1) + place[codes], weights, steps * (len(most) + 1))
    cells = cells.reshape(steps, -1)
    sums = cells[:, :-1] - cells.sum(axis=1, keepdims=True) * shares
    squares = dct(sums, axis=0, norm="ortho")[1 + SLOWEST : 1 + SLOWEST + waves] ** 2
    wider = t_quantile(waves + 1) / t_quantile(times)
    return max(
        wider**2 * steps * float((squares.mean(axis=0) / shares).sum() / (totals.sum() * (1 - shares).sum())), 1.0
    )


def likeness(left: Array, units: Units | None) -> float:
    """Return the correlation of what is left of two rows of one group, or stretch of a series; not below 0.

    The moment estimator.
    """
    if units is None:
        return 0.0
    square, others, sums = float(left @ left), units.size - 1, np.bincount(units.independent[0], left)
    return min(max((float(sums @ sums) / square - 1) / others, 0.0), 1.0) if others and square else 0.0


def dispersion(alike: float, units: Units | None, size: float = 1.0) -> float:
    """Return how many times the variance of a sum over rows is that of independent rows of one weight (Kish 1965).

    Of a series, however long, it is that in stretches of ``size`` rows, in which rows were found to be ``alike``.
    """
    if units is None:
        return 1.0
    return kish(weights_of(units, len(units.codes))) * (1 + alike * ((size if units.times else units.size) - 1))
