"""From a score to the chance of being positive, learnt on a reference weighted to look like the current rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, logit
from threadpoolctl import threadpool_limits

from toolkit.drift.model import coded, learnable
from toolkit.statistics.calibration import fit_logistic
from toolkit.statistics.intervals import Array

#: Knots by the rows of the rarer class: from that many rows on. Two knots are Platt's straight line.
KNOTS = ((0, 2), (50, 3), (200, 4), (500, 5), (1000, 6), (5000, 8))
_CLIP = 1e-6
_FURTHEST = 20.0


@dataclass(frozen=True, eq=False)
class Calibrator:
    """A logistic regression on a natural cubic spline of the score.

    Attributes
    ----------
    knots : array of shape (n_knots,)
        On the scale of ``positions``; none where all scores of the reference are equal.
    centre, unit : float
        Of scores that are no probabilities: their median and spread.
    probabilities : bool
        Whether scores are probabilities, which are read as log-odds.
    beta : array of shape (n_terms,)
    covariance : array of shape (n_terms, n_terms)
    rarer : float
        Rows of the rarer class it was learnt on.
    """

    knots: Array
    centre: float
    unit: float
    probabilities: bool
    beta: Array
    covariance: Array
    rarer: float

    def positions(self, score: Array) -> Array:
        """Return scores on the scale of the spline."""
        return _positions(score, self.centre, self.unit, self.probabilities)

    def terms(self, position: Array) -> Array:
        """Return the terms of the spline, of shape (n, n_terms)."""
        return _terms(position, self.knots)

    def chance(self, score: Array) -> Array:
        """Return the calibrated probability of being positive."""
        chance: Array = expit(self.terms(self.positions(score)) @ self.beta)
        return chance

    def draws(self, replicates: int, rng: np.random.Generator) -> Array:
        """Draw coefficients the reference could as well have given, of shape (n_terms, replicates)."""
        values, axes = np.linalg.eigh(self.covariance)
        root = axes * np.sqrt(np.maximum(values, 0.0)) @ axes.T
        drawn: Array = self.beta[:, None] + root @ rng.standard_normal((len(self.beta), replicates))
        return drawn


def fit_calibrator(
    y_true: Array, score: Array, *, probabilities: bool = True, weights: Array | None = None
) -> Calibrator:
    """Learn on labelled rows how likely a row of a given score is to be positive.

    Few rows get a straight line in the log-odds (Platt 1999, with his targets, which stay off 0 and 1 so that classes
    told apart perfectly have a solution). More rows get a natural cubic spline, straight beyond its outer knots (Lucena
    2018, arXiv:1809.07751): three to eight knots at Harrell's quantiles (2015, doi:10.1007/978-3-319-19425-7), by the
    rows of the rarer class (``KNOTS``). Isotonic regression, which is more usual, follows the noise of a small
    reference with every step: it makes the area under the ROC curve look larger, and has no simple uncertainty.

    Parameters
    ----------
    y_true : array of shape (n,)
        1 or 0; both must occur.
    score : array of shape (n,)
    probabilities : bool
        Whether scores are probabilities.
    weights : array of shape (n,), optional
        Of mean 1, such as a density ratio, which are themselves estimated. The covariance is then the sandwich, and as
        much more in the direction of the fit without weights as if half the way to it were a standard error.

    Examples
    --------
    >>> score = np.tile([0.1, 0.3, 0.5, 0.9], 100)
    >>> y_true = (np.random.default_rng(0).random(400) < score).astype(float)
    >>> fit_calibrator(y_true, score).chance(np.array([0.3])).round(2)
    array([0.28])
    """
    centre, unit = (0.0, 1.0) if probabilities else _scale(score)
    position = _positions(score, centre, unit, probabilities)
    each = np.ones(len(y_true)) if weights is None else weights
    ones, zeros = (_worth(each[y_true == label]) for label in (1, 0))
    rarer = min(ones, zeros)
    knots = _place_knots(position, each, rarer)
    target, terms = np.where(y_true == 1, (ones + 1) / (ones + 2), 1 / (zeros + 2)), _terms(position, knots)
    beta, information = fit_logistic(terms, target, weights)
    covariance = np.asarray(np.linalg.pinv(information), dtype=float)
    if weights is not None:
        gaps = terms * (weights * (target - expit(terms @ beta)))[:, None]
        apart = (beta - fit_logistic(terms, target)[0]) / 2
        covariance = covariance @ (gaps.T @ gaps) @ covariance + np.outer(apart, apart)
    return Calibrator(knots, centre, unit, probabilities, beta, covariance, rarer)


def _worth(weights: Array) -> float:
    """Return how many equally weighted rows some rows are worth (Kish 1965)."""
    square = float(weights @ weights)
    return float(weights.sum()) ** 2 / square if square else 0.0


def shift_test(y_true: Array, score: Array, calibrator: Calibrator) -> float:
    """Return the p value of the hypothesis that labels follow the calibrated scores.

    Rao's score test of a recalibration, intercept and slope at once, as in Cox (1958, doi:10.1093/biomet/45.3-4.562):
    a change that leaves both as they are is not seen. The residuals, summed as they are and by score, are compared with
    their variance, which is that of the labels and that of the calibrator, itself learnt on a sample. Snedecor's F,
    with the rows of the rarest class on either side as its degrees of freedom, makes up for small ones.

    Parameters
    ----------
    y_true : array of shape (n,)
        1 or 0.
    score : array of shape (n,)
    calibrator : Calibrator

    Examples
    --------
    >>> score = np.tile([0.2, 0.4, 0.6, 0.8], 250)
    >>> y_true = (np.random.default_rng(1).random(1000) < score).astype(float)
    >>> calibrator = fit_calibrator(y_true, score)
    >>> shift_test(y_true, score, calibrator) > 0.5, shift_test(1 - y_true, score, calibrator) < 0.001
    (True, True)
    """
    terms = calibrator.terms(calibrator.positions(score))
    chance = expit(terms @ calibrator.beta)
    weight = chance * (1 - chance)
    tested = terms[:, :2]
    passed = tested.T @ (weight[:, None] * terms)
    variance = tested.T @ (weight[:, None] * tested) + passed @ calibrator.covariance @ passed.T
    scale = np.sqrt(np.diag(variance))
    values, axes = np.linalg.eigh(variance / np.outer(scale, scale))
    kept = values > 1e-8 * values.max()
    sums = (tested.T @ (y_true - chance)) / scale
    statistic = float(((sums @ axes[:, kept]) ** 2 / values[kept]).sum())
    rarest = min(calibrator.rarer, float(chance.sum()), float((1 - chance).sum()))
    df = int(kept.sum())
    return float(stats.f.sf(statistic / df, df, max(rarest, 1.0)))


def _scale(score: Array) -> tuple[float, float]:
    low, centre, high = np.quantile(score, [0.1, 0.5, 0.9])
    return float(centre), float(high - low) / 2 or float(np.abs(score - centre).max()) or 1.0


def _positions(score: Array, centre: float, unit: float, probabilities: bool) -> Array:
    if probabilities:
        odds: Array = logit(np.clip(score, _CLIP, 1 - _CLIP))
        return odds
    return np.clip(score / unit - centre / unit, -_FURTHEST, _FURTHEST)


def _place_knots(position: Array, weights: Array, rarer: float) -> Array:
    wanted = max(knots for rows, knots in KNOTS if rarer >= rows)
    outer = 0.1 if wanted == 3 else 0.05
    levels = np.unique(position)
    if len(levels) <= wanted:
        return levels if len(levels) > 1 else np.empty(0)
    order = np.argsort(position, kind="stable")
    below = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    knots = np.unique(np.interp(np.linspace(outer, 1 - outer, wanted), below, position[order]))
    return knots if len(knots) > 1 else levels[[0, -1]]


def _terms(position: Array, knots: Array) -> Array:
    """Return an intercept, the position and Harrell's restricted cubic terms."""
    columns = [np.ones(len(position))]
    if len(knots):
        span = float(knots[-1] - knots[0])
        x, at = (position - knots[0]) / span, (knots - knots[0]) / span
        cubes = np.maximum(x[:, None] - at, 0.0) ** 3
        columns.append(x)
        for j in range(len(at) - 2):
            last = (at[-2] - at[j]) / (1 - at[-2])
            columns.append(cubes[:, j] - cubes[:, -2] * (1 + last) + cubes[:, -1] * last)
    return np.column_stack(columns)


FOLDS, MOST_ROWS = 3, 20_000
#: Odds of a current row above which the reference has as good as none like it.
FAR = 50.0
#: Share of the rows of a column with labels that the other table lacks, up to which it is compared.
MOST_STRANGE = 0.05
_LEAST = 1e-9


@dataclass(frozen=True, eq=False)
class DensityRatio:
    """Weights that make the reference look like the current rows.

    Attributes
    ----------
    weights : array of shape (n_reference,)
        Of mean 1.
    supported : bool array of shape (n_current,)
        Whether the reference has rows like a current one, at least one for fifty.
    """

    weights: Array
    supported: NDArray[np.bool_]


def density_ratio(reference: pd.DataFrame, current: pd.DataFrame, seed: int = 0) -> DensityRatio:
    """Estimate the ratio of the densities of two tables, at the rows of the first, by a classifier of the two.

    By cross-fitting, so that no row is judged by a model that has seen it (Bickel et al. 2009; of performance without
    labels Bialek et al. 2024, arXiv:2401.08348). A column of which more than 5% of either table's rows hold labels, or
    gaps, that the other lacks is recorded in another way and tells nothing of how alike rows are: it is left out.

    Parameters
    ----------
    reference, current : DataFrame
        ``int64``, ``float64`` and ``category`` columns; those of the same name are compared.
    seed : int
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    names = [name for name in reference if name in current and _is_alike(reference[name], current[name])]
    n, m = len(reference), len(current)
    if not names or min(n, m) < FOLDS:
        return DensityRatio(np.ones(n), np.ones(m, dtype=bool))
    cells = coded(reference[names], current[names])
    side, rng = np.repeat([0.0, 1.0], [n, m]), np.random.default_rng(seed)
    fold = np.concatenate([rng.permutation(n) % FOLDS, rng.permutation(m) % FOLDS])
    model = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=15, min_samples_leaf=50, learning_rate=0.08, early_stopping=False, random_state=seed
    )
    odds = np.empty(n + m)
    # Trees this small take longer to share out among threads than to grow.
    with threadpool_limits(limits=1, user_api="openmp"):
        for held in range(FOLDS):
            sides = [rng.permutation(np.flatnonzero((fold != held) & (side == which)))[:MOST_ROWS] for which in (0, 1)]
            others = np.concatenate(sides)
            given = learnable(cells, others)
            chance = model.fit(given[others], side[others]).predict_proba(given[fold == held])[:, 1]
            prior = side[others].mean()
            odds[fold == held] = chance / np.maximum(1 - chance, _LEAST) * (1 - prior) / prior
    weights = odds[:n]
    return DensityRatio(weights / weights.mean(), odds[n:] <= FAR)


def _is_alike(reference: pd.Series[Any], current: pd.Series[Any]) -> bool:
    """Whether the labels and gaps of most rows of either column occur in the other."""
    first, second = (one.isna() if pd.api.types.is_numeric_dtype(one) else one for one in (reference, current))
    known = [one.astype(object).where(one.notna(), None) for one in (first, second)]
    return all(bool((~one.isin(other.unique())).mean() <= MOST_STRANGE) for one, other in (known, known[::-1]))
