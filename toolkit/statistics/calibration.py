"""Whether predicted probabilities mean what they say: recalibration slope and intercept, expected calibration error."""

import math

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit

from toolkit.core import Estimate
from toolkit.statistics.intervals import Array, Codes, Interval
from toolkit.statistics.measure import Measure

BINS = 10
_CLIP = 1e-6
_DRAWS = 2000
_STEPS = 18
#: Share of samples without any error, or disparity, in which chance undercuts what the upper limit is never below.
LUCKY = 0.16
# Of Newton's method: the most steps, and halvings of one; a loss that tells classes apart, and a gain that is none.
_NEWTON_STEPS, _HALVINGS, _APART, _SETTLED = 100, 40, 1e-9, 1e-12
# What is added to the information, as a share of it, and a change of leverages that is none.
_RIDGE, _LEVERAGE = 1e-9, 1e-9


def calibration_slope(y_true: Array, y_prob: Array, weights: Array) -> tuple[float, Array]:
    """Return the slope of a logistic regression of the outcome on the logit of the prediction; 1 is ideal.

    Below 1 the predictions are too extreme (overfitting), above 1 too moderate (Cox 1958,
    doi:10.1093/biomet/45.3-4.562).

    Parameters
    ----------
    y_true : array of shape (n,)
        1 for the positive class, 0 for the other.
    y_prob : array of shape (n,)
        Predicted probabilities of the positive class; held within [1e-6, 1 - 1e-6] for the logit.
    weights : array of shape (n,)
        Of mean 1.

    Returns
    -------
    (float, array of shape (n,))
        The slope and the influence of each row, as if it weighed 1, with the HC2 correction for leverage (MacKinnon &
        White 1985, doi:10.1016/0304-4076(85)90158-7). Not defined (nan) with one class, one distinct prediction, or
        where the predictions separate the classes.
    """
    n = len(y_true)
    x = logit(np.clip(y_prob, _CLIP, 1 - _CLIP))
    positive, negative = x[y_true == 1], x[y_true == 0]
    if not (len(positive) and len(negative) and positive.min() < negative.max() and negative.min() < positive.max()):
        return math.nan, np.zeros(n)
    centre, spread = float(x.mean()), float(x.std())
    design = np.column_stack([np.ones(n), (x - centre) / spread])
    beta, information = fit_logistic(design, y_true, weights)
    fitted = expit(design @ beta)
    lever = design @ np.linalg.inv(information)
    leverage = np.minimum(weights * fitted * (1 - fitted) * np.einsum("ij,ij->i", lever, design), 0.9)
    return float(beta[1]) / spread, n * lever[:, 1] * (y_true - fitted) / np.sqrt(1 - leverage) / spread


def calibration_intercept(y_true: Array, y_prob: Array, weights: Array | None = None) -> tuple[float, Array]:
    """Return calibration in the large: how far the log-odds are off on average; 0 is ideal, above 0 too low.

    The intercept of a logistic regression with the logit of the prediction as offset, that is with the slope held at 1
    (Van Calster et al. 2019, doi:10.1186/s12916-019-1466-7).

    Parameters
    ----------
    y_true, y_prob, weights : array of shape (n,)
        As in ``calibration_slope``.

    Returns
    -------
    (float, array of shape (n,))
        The intercept and the influence of each row; not defined (nan) with one class.
    """
    n, each = len(y_true), np.ones(len(y_true)) if weights is None else weights
    ones, zeros = float(y_true @ each), float((1 - y_true) @ each)
    if not (ones and zeros):
        return math.nan, np.zeros(n)
    x, rate = logit(np.clip(y_prob, _CLIP, 1 - _CLIP)), float(logit(ones / (ones + zeros)))
    # If all predictions were the greatest, or the least, the log-odds of the outcome would say how far they are off.
    ends = rate - float(x.max()) - 1, rate - float(x.min()) + 1
    shift = brentq(lambda moved: ones - float(each @ expit(x + moved)), *ends, xtol=1e-12)
    fitted = expit(x + shift)
    slope = float(each @ (fitted * (1 - fitted))) / n
    return shift, (y_true - fitted) / slope * math.sqrt(n / (n - 1))


def calibration_bins(y_true: Array, y_prob: Array, weights: Array | None = None) -> tuple[Array, Array, Array, Codes]:
    """Group the rows into bins of equal weight: sizes, mean predictions and observed rates, each of shape (bins,).

    The last that is returned is the bin of each row, of shape (n,); of one that weighs nothing, any.

    Equal predictions stay together, so there may be fewer bins. The size of weighted rows is the sum of their weights.

    Examples
    --------
    >>> sizes, predicted, observed, place = calibration_bins(np.array([0.0, 1, 0, 1]), np.array([0.1, 0.9, 0.9, 0.1]))
    >>> sizes.tolist(), observed.tolist(), place.tolist()
    ([2.0, 2.0], [0.5, 0.5], [0, 1, 1, 0])
    """
    n, order = len(y_prob), np.argsort(y_prob, kind="stable")
    each = np.ones(n) if weights is None else weights[order]
    y_true, y_prob = y_true[order], y_prob[order]
    # Where the bins would end if they weighed the same.
    cuts = (n - 1) * np.arange(1, BINS) / BINS
    below = np.searchsorted(np.cumsum(each) * (n / each.sum()), cuts + 1e-9, side="right")
    ends = np.searchsorted(y_prob, y_prob[below], side="right")
    starts = np.unique(np.concatenate([[0], ends[ends < n]]))
    starts = starts[np.add.reduceat(each, starts) > 0]
    sizes, predicted, observed = (np.add.reduceat(held, starts) for held in (each, y_prob * each, y_true * each))
    place: Codes = np.maximum(np.searchsorted(starts, np.argsort(order), side="right") - 1, 0)
    return sizes, predicted / sizes, observed / sizes, place


def calibration_of(y: Array, score: Array, weights: Array | None = None, **how: int) -> Measure:
    """Measure the expected calibration error of probabilities, shape (n,), by ``calibration_error`` and its options."""
    weights = np.ones(len(y)) if weights is None else weights
    sizes, predicted, observed, place = calibration_bins(y, score, weights)
    found, centre = calibration_error(sizes, predicted, observed, **how)

    def ends(effect: float) -> Interval:
        # What rows of a unit have in common may differ from bin to bin, as noise does, or be the same in all of them.
        one, _ = calibration_error(sizes / effect, predicted, observed, **how)
        times = math.sqrt(effect)
        return min(one.low, centre - (centre - found.low) * times), centre + (found.high - centre) * times

    # Of each row what it adds to the gap of its bin, whose sizes add up to the error.
    influence = weights * np.sign(observed - predicted)[place] * (y - score)
    influence -= weights * influence.mean()
    return Measure(found, influence, (0.0, 1.0), centre=centre, ends=ends)


def calibration_error(
    sizes: Array, predicted: Array, observed: Array, *, draws: int = _DRAWS, seed: int = 0
) -> tuple[Estimate, float]:
    """Estimate the expected calibration error from bins.

    It is the mean distance of predicted from observed rates; 0 is ideal (Naeini et al. 2015,
    doi:10.1609/aaai.v29i1.9602). The plain value cannot be 0 in a finite sample, and resampling it makes that worse.
    The interval inverts a test instead: it holds the errors that would make the observed value no surprise where the
    gaps are moved as little as possible, in units of their noise, to have that error (hybrid resampling: Chuang & Lai
    2000, Statistica Sinica 10, 1-50). So it holds 0 where the predictions may well be calibrated.

    Parameters
    ----------
    sizes, predicted, observed : array of shape (bins,)
        From ``calibration_bins``.
    draws, seed : int
        Of the simulated noise.

    Returns
    -------
    (Estimate, float)
        The error, and the error under which the observed value would be the median: what is left of it without noise.
    """
    gap, mass = np.abs(observed - predicted), sizes / sizes.sum()
    value, side = float(mass @ gap), np.sign(observed - predicted)
    normal = np.random.default_rng(seed).standard_normal((draws, len(sizes)))

    def noise(rates: Array) -> Array:
        # Two rows more at the predicted rate, so that a bin without positives, or without negatives, has noise too.
        rate = np.clip((rates * sizes + 2 * predicted) / (sizes + 2), 0.5 / (sizes + 1), 1 - 0.5 / (sizes + 1))
        return np.asarray(np.sqrt(rate * (1 - rate) / sizes))

    own = noise(observed)
    pull = mass * own**2
    # From no error at all to one with which even the luckiest draw shows more than what was seen.
    least, most = -1.001 * float((gap / pull).max()), float(mass @ (own * np.abs(normal).max(axis=0)) / (mass @ pull))

    def shown(step: float) -> Array:
        moved = side * np.maximum(gap + step * pull, 0)
        return np.asarray(np.abs(moved + normal * noise(predicted + moved)) @ mass)

    def crossing(seen: float, level: float) -> float:
        # The share of draws that show more than what was seen rises with the error: halve the range until it is level.
        low, high = least, most
        for _ in range(_STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if float((shown(middle) > seen).mean()) < level else (low, middle)
        return float(mass @ np.maximum(gap + low * pull, 0))

    # A value smaller than noise alone makes it in 16 % of samples is luck: it must not pass for certainty.
    seen = max(value, float(np.quantile(shown(least), LUCKY)))
    low, middle, high = crossing(value, 0.025), crossing(value, 0.5), crossing(seen, 0.975)
    ends = min(low, value), min(max(high, value), 1.0)
    return Estimate(value, *ends, round(sizes.sum()), "hybrid resampling over 10 bins"), middle


def fit_logistic(
    terms: Array, y_true: Array, weights: Array | None = None, start: Array | float = 0.0
) -> tuple[Array, Array]:
    """Fit by Newton's method with step halving.

    Parameters
    ----------
    terms : array of shape (n, n_terms)
        The intercept, a column of ones, included. They may depend on each other: then the least coefficients are taken.
    y_true : array of shape (n,)
        1 or 0, or targets between.
    weights : array of shape (n,), optional
        Of the rows.
    start : float or array of shape (n_terms,)
        Coefficients to begin with.

    Returns
    -------
    beta : array of shape (n_terms,)
        Not defined (nan) where it does not settle, such as where the terms tell the classes apart perfectly.
    information : array of shape (n_terms, n_terms)
        Whose inverse is the covariance of ``beta`` where there are no weights.

    Examples
    --------
    >>> beta, information = fit_logistic(np.ones((8, 1)), np.array([0.0, 1, 1, 1, 0, 1, 1, 1]))
    >>> beta.round(4).tolist(), information.round(4).tolist()
    ([1.0986], [[1.5]])
    """
    beta, each = np.zeros(terms.shape[1]) + start, np.ones(len(y_true)) if weights is None else weights

    def loss_at(beta: Array) -> float:
        eta = terms @ beta
        return float((each * (np.logaddexp(0, eta) - y_true * eta)).sum())

    loss = loss_at(beta)
    for _ in range(_NEWTON_STEPS):
        gap = terms.T @ (each * (y_true - expit(terms @ beta)))
        step = np.linalg.lstsq(_information(terms, beta, each), gap, rcond=None)[0]
        gain = float(gap @ step)
        for _ in range(_HALVINGS):
            if (trial := loss_at(beta + step)) <= loss * (1 + _SETTLED):
                break
            step = step / 2
        beta, loss = beta + step, trial
        if loss < _APART * len(y_true):
            break
        if gain <= _SETTLED * loss:
            return beta, _information(terms, beta, each)
    return np.full(len(beta), math.nan), _information(terms, beta, each)


def fit_firth(terms: Array, y_true: Array, weights: Array | None = None) -> tuple[Array, Array, Array]:
    """Fit without the bias that few rows, or classes told apart nearly perfectly, give to coefficients.

    Firth's penalized likelihood (1993, doi:10.1093/biomet/80.1.27; for such classes Heinze & Schemper 2002,
    doi:10.1002/sim.1047): the fit in which each row stands for either class too, by half of its leverage.

    Parameters
    ----------
    terms, y_true, weights
        As for ``fit_logistic``.

    Returns
    -------
    beta, information
        As of ``fit_logistic``, always defined.
    gap : array of shape (n,)
        What each row has beyond its fitted chance; with the terms, its part of the score.

    Examples
    --------
    >>> fit_firth(np.ones((8, 1)), np.array([0.0, 1, 1, 1, 0, 1, 1, 1]))[0].round(4).tolist()
    [0.9555]
    """
    each, beta = np.ones(len(y_true)) if weights is None else weights, np.zeros(terms.shape[1])
    leverage = np.full(len(each), len(beta) / len(each))
    for _ in range(_NEWTON_STEPS):
        before, whole = leverage, each + leverage
        beta = fit_logistic(terms, (each * y_true + leverage / 2) / whole, whole, beta)[0]
        information, chance = _information(terms, beta, each), expit(terms @ beta)
        reach = (terms @ np.linalg.pinv(information) * terms).sum(axis=1)
        leverage = np.maximum(each * chance * (1 - chance) * reach, 1e-300)
        if np.abs(leverage - before).max() < _LEVERAGE:
            break
    return beta, information, each * (y_true - chance) + before * (0.5 - chance)


def _information(terms: Array, beta: Array, each: Array) -> Array:
    fitted = expit(terms @ beta)
    information: Array = terms.T @ ((each * fitted * (1 - fitted))[:, None] * terms)
    # So little more than the terms hold that no number shows it lets terms that depend on each other be solved for.
    information[np.diag_indices_from(information)] *= 1 + _RIDGE
    return information
