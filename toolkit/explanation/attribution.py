"""Attribute a model's scores to the original columns by the explainer of shap that fits the model."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd

from toolkit.core import Finding
from toolkit.data import Dataset
from toolkit.errors import InputError, one_of
from toolkit.explanation.trace import Outputs, Score, View, outputs_of, scales, see_through, sum_to_columns, whole_scale
from toolkit.models import Model, dense, encoding_for
from toolkit.statistics import Array

METHODS = ("auto", "tree", "linear", "permutation")

_PROBE_ROWS = 50
_MEAN_ROWS, _DEEP_ROWS, _PERMUTED_ROWS, _GIVEN_ROWS = 5000, 25, 50, 100
_MOST_CELLS = 20_000_000
_QUICK, _SLOW = 1000, 200

# Attributions of shape (rows, encoded, raw outputs) and their base of shape (raw outputs,).
Raw: TypeAlias = Callable[[Any], tuple[Array, Array]]


class Attributor(NamedTuple):
    """A model with the explainer that fits it.

    Attributes
    ----------
    method : {"tree", "linear", "permutation"}
    scale : str
        What the attributions add up to: log-odds, probability, the target, …
    outputs : Outputs
    base : array of shape (outputs,)
        The expected output, from which attributions start.
    reference : str
        Over which rows that expectation is taken, in words.
    attribute : callable
        Takes a frame, returns attributions of shape (rows, columns, outputs) and the model's output (rows, outputs).
    interact : callable or None
        Takes a frame, returns interaction values of shape (rows, columns, columns, outputs).
    most_rows : int
        How many rows it explains in acceptable time.
    notes : tuple of Finding
    """

    method: str
    scale: str
    outputs: Outputs
    base: Array
    reference: str
    attribute: Callable[[pd.DataFrame], tuple[Array, Array]]
    interact: Callable[[pd.DataFrame], Array] | None = None
    most_rows: int = _QUICK
    notes: tuple[Finding, ...] = ()


def tolerance(base: Array, output: Array) -> float:
    """Return how far attributions may miss the model's output: a thousandth of its range, and rounding within that."""
    span, most = np.abs(output - base).max(initial=0.0), np.abs(output).max(initial=0.0)
    return float(1e-3 * span + min(1e-6 * most, 1e-2 * span) + 1e-12 * most) + 1e-12


def choose_attributor(
    model: Any, data: Dataset, background: Dataset, *, method: str = "auto", given: bool = False, seed: int = 0
) -> Attributor:
    """Choose the explainer that fits a model.

    Parameters
    ----------
    model : Model, or anything that ``Model.of`` takes
    data, background : Dataset
        The rows to explain, and those that attributions are measured against.
    method : {"auto", "tree", "linear", "permutation"}
        ``auto`` takes the tree or linear explainer where the model is such, its encoding can be traced, and the
        attributions of some rows add up to its output; else the permutation explainer.
    given : bool
        Whether the background was asked for: trees then use it instead of the rows that they keep count of.
    seed : int

    Raises
    ------
    InputError
        Where the method is unknown or does not fit the model.
    """
    model = Model.of(model, data)
    one_of("method", method, METHODS)
    rng = np.random.default_rng(seed)
    view = None if method == "permutation" else see_through(model, data.features)
    estimator = view.estimator if view else None
    pairs = hasattr(estimator, "decision_function_shape") and len(model.classes) > 2  # a line for each two classes
    linear = hasattr(estimator, "coef_") and hasattr(estimator, "intercept_") and not pairs
    fitting = "linear" if linear else "tree" if encoding_for(estimator) == "ordinal" else "permutation"
    kind = fitting if method == "auto" else method
    failure = "its encoding cannot be traced to the original columns"
    if view is not None and kind != "permutation":
        try:
            found, adds_up = _seen_through(model, view, kind, data, background, given, rng)
            if adds_up or method != "auto":
                return found
            failure = "its attributions do not add up to the model's output"
        except Exception as error:  # noqa: BLE001  # shap raises bare Exceptions for models that it does not support
            failure = f"{type(error).__name__}: {str(error).strip() or 'not supported'}"[:200].rstrip(".")
    if method not in ("auto", "permutation"):
        raise InputError(f"The {method} explainer does not fit this model: {failure}. Use method='auto'.")
    # The explainer holds every column of every step of every row of the background at once.
    most = max(5, min(_GIVEN_ROWS if given else _PERMUTED_ROWS, _MOST_CELLS // (2 * data.features.shape[1] ** 2)))
    outputs, sample = outputs_of(model, data), _drawn(background, most, rng)
    scale, read = whole_scale(model, outputs)
    attribute = permutation_explainer(read, sample.features, seed)
    about = "permutation", scale, outputs, read(sample.features).mean(axis=0), f"{sample.rows:,} rows of {sample.name}"
    said = f"The {kind} explainer does not fit this model ({failure}), so the permutation explainer was used."
    notes = (Finding("EXPLAIN-FALLBACK", "info", said, "method"),) * (kind != "permutation")
    return Attributor(*about, lambda frame: (attribute(frame), read(frame)), most_rows=_SLOW, notes=notes)


def _drawn(background: Dataset, most: int, rng: np.random.Generator) -> Dataset:
    """Draw the rows to measure against, as often as they weigh where they have weights."""
    if background.weight is None:
        return background.sampled(most, rng)
    return background.take(rng.choice(background.rows, most, p=background.weight / background.weight.sum()))


def _seen_through(
    model: Model, view: View, kind: str, data: Dataset, background: Dataset, given: bool, rng: np.random.Generator
) -> tuple[Attributor, bool]:
    """Build a tree or linear attributor on the scale that it adds up to, and say whether it does on the probe."""
    outputs, probe = outputs_of(model, data), data.sampled(_PROBE_ROWS, rng).features
    interact, reference, most = None, "its training rows, as counted in its trees", _QUICK
    if kind == "linear":
        seen = background.sampled(_MEAN_ROWS, rng)
        raw = linear_explainer(view.estimator, view.encode(seen.features), seen.weight)
        reference = f"{seen.rows:,} rows of {seen.name}"
    else:
        raw, interact, deep = tree_explainer(view.estimator)
        if given or deep:
            seen = _drawn(background, _GIVEN_ROWS if given else _DEEP_ROWS, rng)
            raw, interact, _ = tree_explainer(view.estimator, view.encode(seen.features))
            reference, most = f"{seen.rows:,} rows of {seen.name}", _SLOW if deep else _QUICK
    matrix = view.encode(probe)
    values, base = (outputs.pick(part) for part in raw(matrix))
    known = scales(view.estimator, outputs, matrix)
    outs = {name: read(matrix) for name, read in known.items()}
    missed = {name: np.abs(base + values.sum(axis=1) - one) for name, one in outs.items()}
    gaps = {one: float(np.nan_to_num(missed[one], nan=np.inf).max()) / tolerance(base, outs[one]) for one in known}
    scale = min(gaps, key=lambda name: gaps[name])

    def attribute(frame: pd.DataFrame) -> tuple[Array, Array]:
        encoded = view.encode(frame)
        return sum_to_columns(outputs.pick(raw(encoded)[0]), view.owners, probe.shape[1]), known[scale](encoded)

    def between(explain: Raw, frame: pd.DataFrame) -> Array:
        found = sum_to_columns(outputs.pick(explain(view.encode(frame))[0]), view.owners, probe.shape[1])
        return sum_to_columns(found.swapaxes(1, 2), view.owners, probe.shape[1])

    pairs = None if interact is None else partial(between, interact)
    return Attributor(kind, scale, outputs, base, reference, attribute, pairs, most), gaps[scale] <= 1


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
    kind = "tree_path_dependent" if background is None else "interventional"
    with warnings.catch_warnings(action="ignore"):
        explainer = _shap().TreeExplainer(estimator, data=dense(background), feature_perturbation=kind)
    ensemble = explainer.model
    if background is not None:
        # shap compares in single precision there: a threshold that was rounded to the nearest may come to lie below a
        # value that equals it, and the row takes the wrong branch. So they are rounded up.
        single = ensemble.thresholds.astype(np.float32)
        above = np.where(single < ensemble.thresholds, np.nextafter(single, np.float32(np.inf)), single)
        ensemble.thresholds = above.astype(ensemble.thresholds.dtype)
    nodes, work = ensemble.features.shape[1], ensemble.features.size * ensemble.max_depth
    # With a background each of its rows goes through each tree once for each output: of small trees that takes longer.
    deep = ensemble.model_type == "internal" and work > _DEEP and nodes > _DEEP_ROWS * ensemble.num_outputs
    quick = work * len(np.unique(ensemble.features)) <= _LONG

    def read(values: Callable[[Any], Any], dimensions: int, matrix: Any) -> tuple[Array, Array]:
        with warnings.catch_warnings(action="ignore"):
            found = _last_axis(values(dense(matrix)), dimensions)
        return found, np.atleast_1d(np.asarray(explainer.expected_value, dtype=float))

    attribute = partial(read, partial(explainer.shap_values, check_additivity=False), 2)
    interact = partial(read, explainer.shap_interaction_values, 3)
    return attribute, interact if background is None and quick else None, deep


def linear_explainer(estimator: Any, background: Any, weight: Any = None) -> Raw:
    """Explain a linear model: coefficient times distance from the background's mean, by ``shap.LinearExplainer``.

    Encoded columns may be sparse; the mean counts rows by their weights.
    """
    coefficients = np.atleast_2d(np.asarray(dense(estimator.coef_), dtype=float))
    intercepts = np.broadcast_to(np.asarray(estimator.intercept_, dtype=float).ravel(), len(coefficients))
    each = np.ones(background.shape[0]) if weight is None else np.asarray(weight)
    mean = np.asarray((each / each.sum()) @ background, dtype=float).ravel()
    explainer = _shap().LinearExplainer((coefficients, intercepts), (mean, None))
    return lambda matrix: (explainer.shap_values(matrix), explainer.expected_value)


def permutation_explainer(score: Score, background: pd.DataFrame, seed: int) -> Score:
    """Explain any scores of a frame by ``shap.PermutationExplainer``, on the frame's own columns.

    Each row is explained over random orders of the columns, each taken forwards and backwards (Štrumbelj & Kononenko
    2014, doi:10.1007/s10115-013-0679-x), which is exact where no more than two columns interact. The explainer is given
    the place of each value among the column's distinct values, so that missing values, texts and large numbers all pass
    through it unharmed.
    """
    shap = _shap()

    def attribute(frame: pd.DataFrame) -> Array:
        pool = pd.concat([background, frame], ignore_index=True)
        # A value is written as its place among the column's distinct ones, and read from the row in which it is first.
        coded = [pd.factorize(pool.iloc[:, position], use_na_sentinel=False)[0] for position in range(pool.shape[1])]
        firsts = [np.unique(codes, return_index=True)[1] for codes in coded]
        places, known = np.column_stack(coded).astype(float), len(background)

        def scored(matrix: Array) -> Array:
            taken = {at: pool.iloc[:, at].take(own[matrix[:, at].astype(int)]).array for at, own in enumerate(firsts)}
            return score(pd.DataFrame(taken).set_axis(pool.columns, axis=1))

        masker = shap.maskers.Independent(places[:known], max_samples=known)
        state = np.random.get_state()  # noqa: NPY002  # the explainer seeds and draws from the global generator
        try:
            with warnings.catch_warnings(action="ignore"):
                explainer = shap.PermutationExplainer(scored, masker, seed=seed)
                found = explainer(places[known:], max_evals=max(2 * pool.shape[1] + 1, _LEAST_EVALUATIONS), silent=True)
        finally:
            np.random.set_state(state)  # noqa: NPY002
        return _last_axis(found.values, 2)

    return attribute


def _shap() -> Any:
    with warnings.catch_warnings(action="ignore"):
        import shap
    return shap


def _last_axis(values: Any, dimensions: int) -> Array:
    array = np.stack(values, axis=-1) if isinstance(values, list) else np.asarray(values, dtype=float)
    return array[..., None] if array.ndim == dimensions else array
