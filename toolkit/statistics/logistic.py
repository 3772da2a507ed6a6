"""Logistic regression without a penalty, of a few terms."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import expit

from toolkit.statistics.intervals import Array

_STEPS = 100
_HALVINGS = 40
_SETTLED = 1e-12
_RIDGE = 1e-9
_APART = 1e-9


def fit_logistic(terms: Array, y_true: Array, weights: Array | None = None) -> tuple[Array, Array]:
    """Fit by Newton's method with step halving.

    Parameters
    ----------
    terms : array of shape (n, n_terms)
        The intercept, a column of ones, included. They may depend on each other: then the least coefficients are taken.
    y_true : array of shape (n,)
        1 or 0, or targets between.
    weights : array of shape (n,), optional
        Of the rows, of mean 1.

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
    beta, each = np.zeros(terms.shape[1]), np.ones(len(y_true)) if weights is None else weights
    loss = math.log(2) * len(y_true)
    for _ in range(_STEPS):
        gap = terms.T @ (each * (y_true - expit(terms @ beta)))
        step = np.linalg.lstsq(_information(terms, beta, each), gap, rcond=None)[0]
        gain = float(gap @ step)
        for _ in range(_HALVINGS):
            eta = terms @ (beta + step)
            trial = float((each * (np.logaddexp(0, eta) - y_true * eta)).sum())
            if trial <= loss * (1 + _SETTLED):
                break
            step = step / 2
        beta, loss = beta + step, trial
        if loss < _APART * len(y_true):
            break
        if gain <= _SETTLED * loss:
            return beta, _information(terms, beta, each)
    return np.full(len(beta), math.nan), _information(terms, beta, each)


def _information(terms: Array, beta: Array, each: Array) -> Array:
    fitted = expit(terms @ beta)
    information: Array = terms.T @ ((each * fitted * (1 - fitted))[:, None] * terms)
    # So little more than the terms hold that no number shows it lets terms that depend on each other be solved for.
    information[np.diag_indices_from(information)] *= 1 + _RIDGE
    return information
