"""Distances between two columns under evidently's names, defaults and numbers.

The definitions follow evidently 0.7 (Apache 2.0), so that its values can be checked against these: the Wasserstein
distance is divided by the reference's standard deviation, binned distances use Sturges' bins over both columns, and
shares of zero count as a small number in PSI and the Kullback-Leibler divergence.
"""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock

import numpy as np
from scipy import stats
from scipy.special import rel_entr

from toolkit.drift.summary import ColumnSummary, align, placed
from toolkit.statistics import AnyArray, Array, cell_starts

SMALL, FEW_VALUES, FEW_WHOLE, FEW_FOR_BINS, RESAMPLED_CELLS = 1000, 5, 10, 20, 100
LEAST_NORM, LEAST_SHARE, DISTANCE_THRESHOLD = 0.001, 1e-4, 0.1
#: Where all but this share of the rows have less than this part of the variance, it is not theirs.
TAIL, LEAST_BULK = 0.001, 0.1
_WARNINGS = Lock()


def _wasserstein(apart: Array, steps: Array) -> Array:
    return np.asarray(apart[..., :-1] @ steps)


def _gap(apart: Array, _: Array) -> Array:
    return np.asarray(apart.max(axis=-1))


def _variation(p: Array, q: Array) -> Array:
    return np.asarray(np.abs(p - q).sum(axis=-1) / 2)


def _jensenshannon(p: Array, q: Array) -> Array:
    middle = (p + q) / 2
    return np.asarray(np.sqrt(np.maximum((rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=-1), 0) / 2))


def _hellinger(p: Array, q: Array) -> Array:
    return np.asarray(np.sqrt(1 - np.clip(np.sqrt(p * q).sum(axis=-1), 0, 1)))


def _psi(p: Array, q: Array) -> Array:
    p, q = _without_zeros(p), _without_zeros(q)
    return np.asarray(((p - q) * np.log(p / q)).sum(axis=-1))


def _kl_div(p: Array, q: Array) -> Array:
    return np.asarray(stats.entropy(_without_zeros(p), _without_zeros(q), axis=-1))


def _without_zeros(shares: Array) -> Array:
    least = np.where(shares > 0, shares, 1.0).min(axis=-1, keepdims=True)
    return np.where(shares > 0, shares, np.where(least <= LEAST_SHARE, least / 10**6, LEAST_SHARE))


@dataclass(frozen=True, slots=True)
class Method:
    """A way to compare two columns.

    Attributes
    ----------
    title : str
        What the distance is called in prose.
    distance : callable
        Of the shares of both columns, of shape (…, k). Of numbers alone: of how far their cumulative shares are apart
        at each value, of shape (…, k), and of the steps between values in units of the norm, of shape (k - 1,).
    numbers, labels : bool
        Whether it applies to numbers on a scale, and to labels (or numbers taken as labels). One for numbers alone sees
        the order of all values rather than bins.
    test : bool
        Whether evidently's score is a p value; the distance stands beside it.
    squared : bool
        Whether the distance grows like the root of a sum of squares, as all do but PSI and Kullback-Leibler.
    most : float
        Greatest possible distance.
    """

    title: str
    distance: Callable[[Array, Array], Array]
    numbers: bool = True
    labels: bool = True
    test: bool = False
    squared: bool = True
    most: float = math.inf


METHODS = {
    "wasserstein": Method("Wasserstein distance, normed", _wasserstein, labels=False),
    "jensenshannon": Method("Jensen-Shannon distance", _jensenshannon, most=math.sqrt(math.log(2))),
    "ks": Method("largest gap of cumulative shares", _gap, labels=False, test=True, most=1.0),
    **dict.fromkeys(("chisquare", "z"), Method("total variation", _variation, numbers=False, test=True, most=1.0)),
    "psi": Method("population stability index", _psi, squared=False),
    "hellinger": Method("Hellinger distance", _hellinger, most=1.0),
    "kl_div": Method("Kullback-Leibler divergence", _kl_div, squared=False),
    "anderson": Method("largest gap of cumulative shares", _gap, labels=False, test=True, most=1.0),
}


@dataclass(frozen=True, eq=False)
class Pair:
    """Two columns over the same values, or over the same cells of neighbouring ones.

    Attributes
    ----------
    scale : bool
        Whether the values are numbers on a scale, rather than labels.
    whole : bool
        Whether all numbers are whole, which widens narrow bins.
    points : array of shape (k,)
        Numbers in order; the places 0, 1, … of labels.
    labels : array of shape (k,)
        The same as they are written in the table.
    reference, current : arrays of shape (k,)
        Rows of each value.
    norm : float
        Standard deviation of the reference.
    reference_levels : int
        Distinct values of the reference.
    heavy_tailed : bool
        Whether a handful of rows of the reference make its standard deviation, or the least that is divided by does.
    effects : pair of float
        How many rows of either tell as much as an independent one.
    """

    scale: bool
    whole: bool
    points: Array
    labels: AnyArray
    reference: AnyArray
    current: AnyArray
    norm: float
    reference_levels: int
    heavy_tailed: bool
    effects: tuple[float, float] = (1.0, 1.0)

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """Rows with a value, of the reference and of the current column."""
        return round(self.reference.sum()), round(self.current.sum())

    @property
    def effective(self) -> tuple[float, float]:
        """The same as numbers of independent rows, one at least."""
        n, m = (max(size / effect, 1.0) for size, effect in zip(self.sizes, self.effects, strict=True))
        return n, m

    def applies(self, method: str) -> bool:
        """Tell whether a method can compare the two."""
        kind = METHODS[method]
        return (kind.numbers if self.scale else kind.labels) and (method != "z" or len(self.points) <= 2)

    @property
    def default_method(self) -> str:
        """Choose as evidently does: tests up to 1,000 rows of reference, distances above.

        Save where the distance is divided by a standard deviation that a handful of rows make, or by ``LEAST_NORM``:
        beside those no move of all other rows counts.
        """
        if self.sizes[0] > SMALL and not self.heavy_tailed:
            return "wasserstein" if self.scale else "jensenshannon"
        return "ks" if self.scale else "chisquare" if len(self.points) > 2 else "z"

    def distance(self, method: str) -> float:
        """Return the distance of the two columns as they are."""
        if not (kind := METHODS[method]).labels:
            return float(kind.distance(self.apart, self.steps))
        cells = self.cells(method)
        return float(cells.among(method, cells.reference, cells.current))

    def among(self, method: str, reference: AnyArray, current: AnyArray) -> Array:
        """Return the distance of other counts of the same cells, of shape (…, k)."""
        p, q = (counts / counts.sum(axis=-1, keepdims=True) for counts in (reference, current))
        given = (p, q) if METHODS[method].labels else (np.abs(np.cumsum(p - q, axis=-1)), self.steps)
        return METHODS[method].distance(*given)

    @cached_property
    def apart(self) -> Array:
        """How far apart the cumulative shares of both are at each value; whole counts are summed without rounding."""
        n, m = self.reference.sum(), self.current.sum()
        n, m = (n, m) if float(n) * float(m) < 2**62 else (float(n), float(m))  # beyond, whole numbers would run over
        apart = self.reference * m - self.current * n
        return np.asarray(np.abs(np.cumsum(apart, out=apart), out=apart) / (n * m))

    @cached_property
    def steps(self) -> Array:
        """Between neighbouring values, in units of the norm."""
        return np.diff(self.points) / max(self.norm, LEAST_NORM)

    def cells(self, method: str, *, few: bool = False) -> "Pair":
        """Count in the cells that a method works on.

        Parameters
        ----------
        method : str
        few : bool
            Pool numbers on a scale into about 100 cells, enough to see how far a distance wobbles.
        """
        before, after, values = self.reference, self.current, self.points
        if not self.scale or not (few or METHODS[method].labels):
            return self
        if not METHODS[method].labels:
            both = before + after
            starts = cell_starts(both, RESAMPLED_CELLS)
            before, after = np.add.reduceat(before, starts), np.add.reduceat(after, starts)
            values = np.add.reduceat(values * both, starts) / (before + after)
            return replace(self, points=values, reference=before, current=after)
        if method != "hellinger" and self.reference_levels <= FEW_FOR_BINS:
            return self
        edges = sturges_edges(values, len(values) if method == "hellinger" else sum(self.sizes), self.whole)
        before, after = (np.histogram(values, edges, weights=part)[0] for part in (before, after))
        return replace(self, points=edges[:-1], reference=before, current=after)


def pair_of(reference: ColumnSummary, current: ColumnSummary) -> Pair:
    """Put two summaries of one kind over the same values.

    Numbers with up to 5 values over both columns, and whole numbers with up to 10 in the reference, are compared value
    by value as labels are.

    Examples
    --------
    >>> import pandas as pd
    >>> from toolkit.drift.summary import summarize_column
    >>> pair_of(*(summarize_column(pd.Series(range(rows)), "a", rows) for rows in (3000, 9))).default_method
    'wasserstein'
    """
    values, before, after = align(reference, current)
    whole = reference.dtype == current.dtype == "int64"
    few = len(values) <= FEW_VALUES or (reference.dtype == "int64" and len(reference.distinct) <= FEW_WHOLE)
    scale = reference.is_number and not few
    places = placed(values) if reference.is_number else np.arange(len(values), dtype="float64")
    effects = reference.effect, current.effect
    of_reference = reference.std, len(reference.distinct), scale and is_heavy_tailed(reference)
    return Pair(scale, whole, places, values, before, after, *of_reference, effects)


def is_heavy_tailed(column: ColumnSummary) -> bool:
    """Whether the rows of a column but for the thousandth furthest out vary, but hardly beside its norm."""
    upto, places, norm = np.cumsum(column.counts), placed(column.distinct), max(column.std, LEAST_NORM)
    total, few = float(upto[-1]), TAIL * float(upto[-1])
    # The rows furthest out are among as many at either end.
    first, last = np.searchsorted(upto, few, side="right"), np.searchsorted(upto, total - few)
    ends = np.unique(np.append(np.arange(first + 1), np.arange(last, len(upto))))
    away = (places[ends] - places @ column.counts / total) / norm
    order = np.argsort(-np.abs(away), kind="stable")
    away, held = away[order], column.counts[ends][order]
    out = np.diff(np.minimum(np.cumsum(held), few), prepend=0)
    # What is left of the sums over all rows without those of the ones furthest out.
    mean, square = -(out @ away) / (total - few), (total * (column.std / norm) ** 2 - out @ away**2) / (total - few)
    return bool(len(upto) - np.count_nonzero(out == held) > 1 and square - mean**2 < LEAST_BULK)


def sturges_edges(values: Array, rows: int, whole: bool) -> Array:
    """Return the edges of Sturges' bins (1926, doi:10.1080/01621459.1926.10502161) as NumPy sets them.

    Parameters
    ----------
    values : array of shape (k,)
        Distinct values in order.
    rows : int
        How many values there are with repetitions.
    whole : bool
        Whether all are whole, so that no bin is narrower than 1.
    """
    low, high = float(values[0]), float(values[-1])
    if low == high:
        return np.array([low - 0.5, low + 0.5])
    width = max((high - low) / (math.log2(rows) + 1), 1.0 if whole else 0.0)
    return np.linspace(low, high, math.ceil((high - low) / width) + 1)


def evidently_score(pair: Pair, method: str, distance: float) -> float:
    """Return the number evidently reports for a pair: the distance, or for a test the p value.

    evidently's chi-square test takes the shares of the reference as known, not as sampled: with as many rows in both
    tables it rejects far too often. It is given for comparison; verdicts rest on ``verdicts.p_value``.
    """
    if not METHODS[method].test:
        return distance
    before, after = pair.reference, pair.current
    if method == "chisquare":
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(stats.chisquare(after, before * (after.sum() / before.sum())).pvalue)
    if method == "z":
        return float(stats.chi2_contingency([before, after], correction=False).pvalue)
    samples = [np.repeat(pair.points, part.astype("int64")) for part in (before, after)]
    # scipy warns where an exact p value cannot be had, and where the tables of Anderson and Darling end. Which warnings
    # are shown is said for all threads.
    with _WARNINGS, warnings.catch_warnings(action="ignore"):
        if method == "ks":
            return float(stats.ks_2samp(*samples).pvalue)
        return float(stats.anderson_ksamp(samples, variant="midrank").pvalue)
