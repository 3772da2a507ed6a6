"""Distances between two columns under evidently's names, defaults and numbers.

The definitions follow evidently 0.7 (Apache 2.0), so that its values can be checked against these: the Wasserstein
distance is divided by the reference's standard deviation, binned distances use Sturges' bins over both columns, and
shares of zero count as a small number in PSI and the Kullback-Leibler divergence.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import rel_entr

from toolkit.drift.summary import ColumnSummary, Counts, align, cell_starts
from toolkit.statistics.intervals import Array

SMALL = 1000
FEW_VALUES = 5
FEW_WHOLE = 10
FEW_FOR_BINS = 20
RESAMPLED_CELLS = 100
LEAST_NORM = 0.001
LEAST_SHARE = 1e-4


@dataclass(frozen=True, slots=True)
class Method:
    """A way to compare two columns.

    Attributes
    ----------
    title : str
        What it is called in prose.
    numbers, labels : bool
        Whether it applies to numbers on a scale, and to labels (or numbers taken as labels).
    test : bool
        Whether evidently's score is a p value; the distance beside it is then the greatest gap between cumulative
        shares (``ks``, ``anderson``) or the total variation (``chisquare``, ``z``).
    squared : bool
        Whether the distance grows like the root of a sum of squares, as all do but PSI and Kullback-Leibler.
    most : float
        Greatest possible distance.
    """

    title: str
    numbers: bool = True
    labels: bool = True
    test: bool = False
    squared: bool = True
    most: float = math.inf


METHODS = {
    "wasserstein": Method("Wasserstein distance, normed", labels=False),
    "jensenshannon": Method("Jensen-Shannon distance", most=math.sqrt(math.log(2))),
    "ks": Method("Kolmogorov-Smirnov test", labels=False, test=True, most=1.0),
    "chisquare": Method("chi-square test", numbers=False, test=True, most=1.0),
    "z": Method("Z test of two shares", numbers=False, test=True, most=1.0),
    "psi": Method("population stability index", squared=False),
    "hellinger": Method("Hellinger distance", most=1.0),
    "kl_div": Method("Kullback-Leibler divergence", squared=False),
    "anderson": Method("Anderson-Darling test", labels=False, test=True, most=1.0),
}
DISTANCE_THRESHOLD = 0.1
# Those that see the order of the values, and work on all of them rather than on bins.
ORDERED = ("wasserstein", "ks", "anderson")


@dataclass(frozen=True, eq=False)
class Pair:
    """Two columns over the same values.

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
    """

    scale: bool
    whole: bool
    points: Array
    labels: NDArray[Any]
    reference: Counts
    current: Counts
    norm: float
    reference_levels: int

    @cached_property
    def sizes(self) -> tuple[int, int]:
        """Rows with a value, of the reference and of the current column."""
        return int(self.reference.sum()), int(self.current.sum())

    @cached_property
    def apart(self) -> Array:
        """Size of the difference between the cumulative shares after each value; shape (k,)."""
        n, m = self.sizes
        steps = self.reference / n
        steps -= self.current / m
        np.cumsum(steps, out=steps)
        return np.abs(steps, out=steps)

    def distance(self, method: str) -> float:
        """Return the distance of the two columns as they are."""
        if self.scale and method in ORDERED:
            if method != "wasserstein":
                return float(self.apart.max())
            return float(self.apart[:-1] @ np.diff(self.points)) / max(self.norm, LEAST_NORM)
        return cells_of(self, method).distance()


def pair_of(reference: ColumnSummary, current: ColumnSummary) -> Pair:
    """Put two summaries of one kind over the same values.

    Numbers with up to 5 values over both columns, and whole numbers with up to 10 in the reference, are compared value
    by value as labels are.
    """
    values, before, after = align(reference, current)
    whole = reference.dtype == current.dtype == "int64"
    few = len(values) <= FEW_VALUES or (reference.dtype == "int64" and len(reference.distinct) <= FEW_WHOLE)
    scale = reference.is_number and not few
    places = values.astype("float64") if reference.is_number else np.arange(len(values), dtype="float64")
    return Pair(scale, whole, places, values, before, after, reference.std, len(reference.distinct))


def default_method(pair: Pair) -> str:
    """Choose as evidently does: tests up to 1,000 rows of reference, distances above.

    Examples
    --------
    >>> default_method(Pair(True, False, np.arange(6.0), np.arange(6.0), np.full(6, 200), np.full(6, 9), 1.0, 6))
    'wasserstein'
    """
    if pair.sizes[0] > SMALL:
        return "wasserstein" if pair.scale else "jensenshannon"
    if pair.scale:
        return "ks"
    return "chisquare" if len(pair.points) > 2 else "z"


def applies(method: str, pair: Pair) -> bool:
    """Tell whether a method can compare this pair."""
    kind = METHODS[method]
    if method == "z" and len(pair.points) > 2:
        return False
    return kind.numbers if pair.scale else kind.labels


@dataclass(frozen=True, eq=False)
class Cells:
    """The counts that a distance is computed from: shape (k,), and for Wasserstein the normed step to the next."""

    method: str
    reference: NDArray[Any]
    current: NDArray[Any]
    gaps: Array

    def distance(self) -> float:
        """Return the distance of the counts as they are."""
        return float(self.among(self.reference, self.current))

    def among(self, reference: NDArray[Any], current: NDArray[Any]) -> Array:
        """Return the distance for counts of shape (…, k)."""
        p = reference / reference.sum(axis=-1, keepdims=True)
        q = current / current.sum(axis=-1, keepdims=True)
        return DISTANCES[self.method](p, q, self.gaps)


def cells_of(pair: Pair, method: str, *, few: bool = False) -> Cells:
    """Count a pair in the cells that a method works on.

    Parameters
    ----------
    pair : Pair
    method : str
    few : bool
        Pool numbers on a scale into about 100 cells, enough to see how far a distance wobbles.
    """
    before, after, values = pair.reference, pair.current, pair.points
    if not pair.scale or method in ORDERED:
        if pair.scale and few:
            both = before + after
            starts = cell_starts(both, RESAMPLED_CELLS)
            before, after = np.add.reduceat(before, starts), np.add.reduceat(after, starts)
            values = np.add.reduceat(values * both, starts) / (before + after)
        gaps = np.append(np.diff(values), 0.0) / max(pair.norm, LEAST_NORM) if method == "wasserstein" else np.empty(0)
        return Cells(method, before, after, gaps)
    if method != "hellinger" and pair.reference_levels <= FEW_FOR_BINS:
        return Cells(method, before, after, np.empty(0))
    rows = len(values) if method == "hellinger" else sum(pair.sizes)
    edges = sturges_edges(values, rows, pair.whole)
    counted = [np.histogram(values, edges, weights=part)[0] for part in (before, after)]
    return Cells(method, counted[0], counted[1], np.empty(0))


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
    width = (high - low) / (math.log2(rows) + 1)
    if whole:
        width = max(width, 1.0)
    return np.linspace(low, high, math.ceil((high - low) / width) + 1)


def evidently_score(pair: Pair, method: str, distance: float) -> float:
    """Return the number evidently reports for a pair: the distance, or for a test the p value.

    evidently's chi-square test takes the shares of the reference as known, not as sampled: with as many rows in both
    tables it rejects far too often. It is given for comparison; verdicts rest on ``chance.p_value``.
    """
    if not METHODS[method].test:
        return distance
    before, after = pair.reference, pair.current
    n, m = pair.sizes
    if method == "chisquare":
        with np.errstate(divide="ignore", invalid="ignore"):
            return float(stats.chisquare(after, before * (m / n)).pvalue)
    if method == "z":
        if len(pair.points) == 1:
            return 1.0
        pooled = (before[0] + after[0]) / (n + m)
        error = math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        return float(2 * stats.norm.sf(abs(before[0] / n - after[0] / m) / error))
    samples = [np.repeat(pair.points, part.astype("int64")) for part in (before, after)]
    with warnings.catch_warnings():
        # scipy warns where an exact p value cannot be had, and where the tables of Anderson and Darling end.
        warnings.simplefilter("ignore")
        if method == "ks":
            return float(stats.ks_2samp(*samples).pvalue)
        return float(stats.anderson_ksamp(samples, variant="midrank").pvalue)


def _wasserstein(p: Array, q: Array, gaps: Array) -> Array:
    return np.asarray(np.abs(np.cumsum(p - q, axis=-1)) @ gaps)


def _gap(p: Array, q: Array, _: Array) -> Array:
    return np.asarray(np.abs(np.cumsum(p - q, axis=-1)).max(axis=-1))


def _variation(p: Array, q: Array, _: Array) -> Array:
    return np.asarray(np.abs(p - q).sum(axis=-1) / 2)


def _jensenshannon(p: Array, q: Array, _: Array) -> Array:
    middle = (p + q) / 2
    return np.asarray(np.sqrt(np.maximum((rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=-1), 0) / 2))


def _hellinger(p: Array, q: Array, _: Array) -> Array:
    return np.asarray(np.sqrt(1 - np.clip(np.sqrt(p * q).sum(axis=-1), 0, 1)))


def _psi(p: Array, q: Array, _: Array) -> Array:
    p, q = _without_zeros(p), _without_zeros(q)
    return np.asarray(((p - q) * np.log(p / q)).sum(axis=-1))


def _kl_div(p: Array, q: Array, _: Array) -> Array:
    p, q = (part / part.sum(axis=-1, keepdims=True) for part in (_without_zeros(p), _without_zeros(q)))
    return np.asarray(rel_entr(p, q).sum(axis=-1))


def _without_zeros(shares: Array) -> Array:
    least = np.where(shares > 0, shares, 1.0).min(axis=-1, keepdims=True)
    return np.where(shares > 0, shares, np.where(least <= LEAST_SHARE, least / 10**6, LEAST_SHARE))


DISTANCES: dict[str, Callable[[Array, Array, Array], Array]] = {
    "wasserstein": _wasserstein,
    "jensenshannon": _jensenshannon,
    "ks": _gap,
    "anderson": _gap,
    "chisquare": _variation,
    "z": _variation,
    "psi": _psi,
    "hellinger": _hellinger,
    "kl_div": _kl_div,
}
