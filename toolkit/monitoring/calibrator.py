"""From a score to the chance of being positive, learnt on labelled rows, with how sure that is and whether it holds."""

from typing import NamedTuple

import numpy as np
from scipy import stats
from scipy.special import expit, logit

from toolkit.statistics import FEW_GROUPS, Array, Units, dispersion, fit_firth, kish, likeness, summed, weights_of

#: Knots by the rows of the rarer class: from that many rows on. Two knots are Platt's straight line.
KNOTS = ((0, 2), (50, 3), (200, 4), (500, 5), (1000, 6), (5000, 8))
_CLIP, _FURTHEST = 1e-6, 20.0


class Calibrator(NamedTuple):
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
        Rows of the rarer class it was learnt on; no more than there are independent groups of rows.
    alike : float
        Correlation of what is left of the labels of two rows of one group; 0 where each row stands for itself.
    size : float
        Rows of a group, or of a stretch of a series, in which they are so alike.
    """

    knots: Array
    centre: float
    unit: float
    probabilities: bool
    beta: Array = np.empty(0)
    covariance: Array = np.empty(0)
    rarer: float = 0.0
    alike: float = 0.0
    size: float = 1.0

    def positions(self, score: Array) -> Array:
        """Return scores on the scale of the spline."""
        if self.probabilities:
            return np.asarray(logit(np.clip(score, _CLIP, 1 - _CLIP)))
        return np.clip(score / self.unit - self.centre / self.unit, -_FURTHEST, _FURTHEST)

    def terms(self, position: Array) -> Array:
        """Return the terms of the spline, of shape (n, n_terms): a one, the position, Harrell's restricted cubes."""
        ones = np.ones(len(position))
        if not len(self.knots):
            return ones[:, None]
        x, at = ((one - self.knots[0]) / (self.knots[-1] - self.knots[0]) for one in (position, self.knots))
        cubes = np.maximum(x[:, None] - at, 0.0) ** 3
        last = (at[-2] - at[:-2]) / (1 - at[-2])
        return np.column_stack([ones, x, cubes[:, :-2] - cubes[:, [-2]] * (1 + last) + cubes[:, [-1]] * last])

    def chance(self, score: Array) -> Array:
        """Return the calibrated probability of being positive."""
        return np.asarray(expit(self.terms(self.positions(score)) @ self.beta))

    def draws(self, replicates: int, rng: np.random.Generator) -> Array:
        """Draw coefficients the reference could as well have given, of shape (n_terms, replicates)."""
        values, axes = np.linalg.eigh(self.covariance)
        root = axes * np.sqrt(np.maximum(values, 0.0)) @ axes.T
        return np.asarray(self.beta[:, None] + root @ rng.standard_normal((len(self.beta), replicates)))


def fit_calibrator(
    y_true: Array, score: Array, *, probabilities: bool = True, weights: Array | None = None, units: Units | None = None
) -> Calibrator:
    """Learn on labelled rows how likely a row of a given score is to be positive.

    Few rows get a straight line in the log-odds (Platt 1999), more a natural cubic spline, straight beyond its outer
    knots (Lucena 2018, arXiv:1809.07751): three to eight knots at Harrell's quantiles (2015,
    doi:10.1007/978-3-319-19425-7), by the rows of the rarer class (``KNOTS``). The likelihood is that of ``fit_firth``:
    few rows do not bias it, and classes told apart perfectly have a solution. Isotonic regression, which is more usual,
    follows the noise of a small reference with every step: it makes the area under the ROC curve look larger, and has
    no simple uncertainty.

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
    units : Units, optional
        The groups of rows that belong together, over which the sandwich is summed (Liang & Zeger 1986,
        doi:10.1093/biomet/73.1.13).

    Examples
    --------
    >>> score = np.tile([0.1, 0.3, 0.5, 0.9], 100)
    >>> y_true = (np.random.default_rng(0).random(400) < score).astype(float)
    >>> fit_calibrator(y_true, score).chance(np.array([0.3])).round(2)
    array([0.28])
    """
    centre, unit = 0.0, 1.0
    if not probabilities:
        low, centre, high = map(float, np.quantile(score, [0.1, 0.5, 0.9]))
        unit = (high - low) / 2 or float(np.abs(score - centre).max()) or 1.0
    scale = Calibrator(np.empty(0), centre, unit, probabilities)
    position = scale.positions(score)
    each = np.ones(len(y_true)) if weights is None else weights
    # How many equally weighted rows those of a class are worth (Kish 1965).
    rarer = min(len(own) / kish(own) if own.any() else 0.0 for own in (each[y_true == 1], each[y_true == 0]))
    scale = scale._replace(knots=_place_knots(position, each, rarer), size=units.size if units else 1.0)
    terms = scale.terms(position)
    beta, information, gap = fit_firth(terms, y_true, weights)
    covariance = np.asarray(np.linalg.pinv(information), dtype=float)
    chance = expit(terms @ beta)
    if weights is not None or units:
        sums = summed(terms * gap[:, None], units)
        covariance = covariance @ (sums.T @ sums) @ covariance
        rarer = min(rarer, units.freedom(gap) + 1) if units else rarer
    if weights is not None:
        apart = (beta - fit_firth(terms, y_true)[0]) / 2
        covariance = covariance + np.outer(apart, apart)
    left = (y_true - chance) / np.sqrt(np.maximum(chance * (1 - chance), _CLIP))
    return scale._replace(beta=beta, covariance=covariance, rarer=rarer, alike=likeness(left, units))


def shift_test(y_true: Array, score: Array, calibrator: Calibrator, units: Units | None = None) -> float:
    """Return the p value of the hypothesis that labels follow the calibrated scores.

    Rao's score test of a recalibration, intercept and slope at once, as in Cox (1958, doi:10.1093/biomet/45.3-4.562):
    a change that leaves both as they are is not seen. The residuals, summed as they are and by score, are compared with
    their variance, which is that of the labels and that of the calibrator, itself learnt on a sample. Snedecor's F,
    with the rows of the rarest class on either side as its degrees of freedom, makes up for small ones. Where rows
    belong together, the variance of the labels is that of the sums over groups or stretches of a series; of few it is
    that of independent labels, times the design effect that the reference has shown.

    Parameters
    ----------
    y_true : array of shape (n,)
        1 or 0.
    score : array of shape (n,)
    calibrator : Calibrator
    units : Units, optional

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
    each = weights_of(units, len(y_true))
    weight, gap = each * chance * (1 - chance), each * (y_true - chance)
    tested = terms[:, :2]
    passed = tested.T @ (weight[:, None] * terms)
    own = tested.T @ (weight[:, None] * tested)
    if units:
        sums, worth = summed(tested * gap[:, None], units), float(units.independent[1])
        effect = dispersion(calibrator.alike, units, calibrator.size)
        if worth >= FEW_GROUPS:
            own = sums.T @ sums
        else:
            own, worth = effect * own, len(gap) / effect if units.times else worth
    variance = own + passed @ calibrator.covariance @ passed.T
    scale = np.sqrt(np.diag(variance))
    correlation, sums = variance / np.outer(scale, scale), (tested.T @ gap) / scale
    statistic = float(sums @ np.linalg.pinv(correlation, rcond=1e-8, hermitian=True) @ sums)
    df = int(np.linalg.matrix_rank(correlation, rtol=1e-8, hermitian=True))
    rarest = min(calibrator.rarer, chance.sum(), (1 - chance).sum(), *([worth - df] if units else []))
    return float(stats.f.sf(statistic / df, df, max(rarest, 1.0)))


def _place_knots(position: Array, weights: Array, rarer: float) -> Array:
    wanted = max(knots for rows, knots in KNOTS if rarer >= rows)
    outer = 0.1 if wanted == 3 else 0.05
    if len(levels := np.unique(position)) <= wanted:
        return levels if len(levels) > 1 else np.empty(0)
    order = np.argsort(position, kind="stable")
    below = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    knots = np.unique(np.interp(np.linspace(outer, 1 - outer, wanted), below, position[order]))
    return knots if len(knots) > 1 else levels[[0, -1]]
