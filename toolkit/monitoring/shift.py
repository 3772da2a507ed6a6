"""Test, once labels have come, whether scores still mean what they meant on the reference."""

from __future__ import annotations

import numpy as np
from scipy import stats
from scipy.special import expit

from toolkit.monitoring.calibrator import Calibrator
from toolkit.statistics.intervals import Array


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
    >>> from toolkit.monitoring.calibrator import fit_calibrator
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
