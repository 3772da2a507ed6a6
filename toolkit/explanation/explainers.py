"""The explainers of shap, each as a function of an encoded matrix that returns attributions and their base."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy import sparse

from toolkit.statistics.intervals import Array

# Attributions of shape (rows, encoded, raw outputs) and their base of shape (raw outputs,).
Raw: TypeAlias = Callable[[Any], tuple[Array, Array]]

# Nodes times depth, each about 6 ns a row; interactions take that again for each column used.
_DEEP, _LONG = 1_000_000, 20_000_000
_LEAST_EVALUATIONS = 100


def tree_explainer(estimator: Any, background: Any = None) -> tuple[Raw, Raw | None, bool]:
    """Explain trees by Tree SHAP (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9).

    Parameters
    ----------
    estimator : object
        Of any kind that ``shap.TreeExplainer`` takes.
    background : matrix, optional
        Without one the rows of training that the trees keep count of are what attributions are measured against.

    Returns
    -------
    (attribute, interact, deep)
        ``interact`` returns values of shape (rows, encoded, encoded, raw outputs); it is None with a background, and
        where it would take long. Attributions of deep trees take long without a background.
    """
    shap = _shap()
    kind = "tree_path_dependent" if background is None else "interventional"
    data = None if background is None else _dense(background)
    with _quiet():
        explainer = shap.TreeExplainer(estimator, data=data, feature_perturbation=kind)
    ensemble = explainer.model
    if background is not None:
        ensemble.thresholds = _rounded_up(ensemble.thresholds)
    work = ensemble.features.size * ensemble.max_depth
    deep = ensemble.model_type == "internal" and work > _DEEP
    quick = work * len(np.unique(ensemble.features)) <= _LONG

    def read(values: Callable[[Any], Any], dimensions: int, matrix: Any) -> tuple[Array, Array]:
        with _quiet():
            found = _last_axis(values(_dense(matrix)), dimensions)
        return found, np.atleast_1d(np.asarray(explainer.expected_value, dtype=float))

    attribute = partial(read, partial(explainer.shap_values, check_additivity=False), 2)
    interact = partial(read, explainer.shap_interaction_values, 3)
    return attribute, interact if background is None and quick else None, deep


def linear_explainer(estimator: Any, background: Any) -> Raw:
    """Explain a linear model: coefficient times distance from the background's mean, by ``shap.LinearExplainer``.

    Encoded columns may be sparse.
    """
    shap = _shap()
    coefficients = estimator.coef_.toarray() if sparse.issparse(estimator.coef_) else np.asarray(estimator.coef_)
    coefficients = np.atleast_2d(coefficients.astype(float))
    intercepts = np.broadcast_to(np.asarray(estimator.intercept_, dtype=float).ravel(), len(coefficients))
    mean = np.asarray(background.mean(axis=0), dtype=float).ravel()
    explainers = [
        shap.LinearExplainer((row, float(intercept)), (mean, None))
        for row, intercept in zip(coefficients, intercepts, strict=True)
    ]

    def attribute(matrix: Any) -> tuple[Array, Array]:
        values = [np.asarray(explainer.shap_values(matrix), dtype=float) for explainer in explainers]
        return np.stack(values, axis=-1), np.array([float(explainer.expected_value) for explainer in explainers])

    return attribute


def permutation_explainer(score: Callable[[pd.DataFrame], Array], background: pd.DataFrame, seed: int) -> Raw:
    """Explain any scores of a frame by ``shap.PermutationExplainer``, on the frame's own columns.

    Each row is explained over random orders of the columns, each taken forwards and backwards (Štrumbelj & Kononenko
    2014, doi:10.1007/s10115-013-0679-x), which is exact where no more than two columns interact. The explainer is given
    the place of each value among the column's distinct values, so that missing values, texts and large numbers all pass
    through it unharmed.
    """
    shap = _shap()

    def attribute(frame: pd.DataFrame) -> tuple[Array, Array]:
        pool = pd.concat([background, frame], ignore_index=True)
        places, firsts = _places(pool)
        known = len(background)

        def scored(matrix: Array) -> Array:
            taken = {
                position: pool.iloc[:, position].take(firsts[position][matrix[:, position].astype(np.intp)]).array
                for position in range(pool.shape[1])
            }
            return score(pd.DataFrame(taken).set_axis(pool.columns, axis=1))

        masker = shap.maskers.Independent(places[:known], max_samples=known)
        evaluations = max(2 * pool.shape[1] + 1, _LEAST_EVALUATIONS)
        state = np.random.get_state()  # noqa: NPY002  # the explainer seeds and draws from the global generator
        try:
            with _quiet():
                explainer = shap.PermutationExplainer(scored, masker, seed=seed)
                found = explainer(places[known:], max_evals=evaluations, silent=True)
        finally:
            np.random.set_state(state)  # noqa: NPY002
        return _last_axis(found.values, 2), np.atleast_1d(scored(places[:known]).mean(axis=0))

    return attribute


def _shap() -> Any:
    with _quiet():
        import shap
    return shap


def _rounded_up(thresholds: Array) -> Array:
    """Round thresholds up to single precision, in which shap compares values where there is a background.

    Rounded to the nearest, some come to lie below a value that equals them, and the row takes the wrong branch.
    """
    single = thresholds.astype(np.float32)
    above = np.where(single < thresholds, np.nextafter(single, np.float32(np.inf)), single)
    return above.astype(thresholds.dtype)


def _places(pool: pd.DataFrame) -> tuple[Array, list[Any]]:
    """Write each value as its place among the column's distinct ones, and say in which row each of those is first."""
    places, firsts = np.empty(pool.shape), []
    for position in range(pool.shape[1]):
        codes, _ = pd.factorize(pool.iloc[:, position], use_na_sentinel=False)
        places[:, position] = codes
        firsts.append(np.unique(codes, return_index=True)[1])
    return places, firsts


def _last_axis(values: Any, dimensions: int) -> Array:
    array = np.stack(values, axis=-1) if isinstance(values, list) else np.asarray(values, dtype=float)
    return array[..., None] if array.ndim == dimensions else array


def _dense(matrix: Any) -> Any:
    return matrix.toarray() if sparse.issparse(matrix) else matrix


def _quiet() -> warnings.catch_warnings[None]:
    return warnings.catch_warnings(action="ignore")
