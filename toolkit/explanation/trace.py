"""See through a pipeline: which column each encoded one comes from, and on which scale the estimator speaks."""

import copy
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pandas as pd
from scipy import special
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline

from toolkit.data import Dataset
from toolkit.models import Model, by_place, own_labels
from toolkit.statistics import Array, Codes

# Signs for private use, which labels hardly hold; an encoding of one that does is not traced at all.
_MARK = re.compile("\ue000(\\d+)\ue001")


class View(NamedTuple):
    """A fitted model in two parts: what encodes a frame, and the estimator that scores the encoded matrix.

    Attributes
    ----------
    estimator : object
    encode : callable
        Takes a frame of features, returns the matrix or frame that the estimator takes.
    owners : array of shape (n_encoded,)
        Position among the frame's columns of the one that each encoded column comes from.
    """

    estimator: Any
    encode: Callable[[pd.DataFrame], Any]
    owners: Codes


def see_through(model: Model, features: pd.DataFrame) -> View | None:
    """Take a fitted model apart, where every encoded column can be traced to one original column.

    Any scikit-learn pipeline whose transformers name their output after their input can be traced: scaling, imputing,
    one-hot, ordinal and target encoding, binning, splines, selection, and ``ColumnTransformer`` of these.

    Returns
    -------
    View or None
        None where a transformer mixes columns (PCA, products) or does not say what it makes.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import PolynomialFeatures, SplineTransformer
    >>> features = pd.DataFrame({"a": np.arange(9.0), "b": np.arange(9.0) ** 2})
    >>> splines = make_pipeline(SplineTransformer(n_knots=2, degree=1), LinearRegression()).fit(features, features["a"])
    >>> see_through(Model.of(splines), features).owners.tolist()
    [0, 0, 1, 1]
    >>> products = make_pipeline(PolynomialFeatures(), LinearRegression()).fit(features, features["a"])
    >>> see_through(Model.of(products), features) is None
    True
    """
    estimator = model.estimator
    while hasattr(estimator, "best_estimator_"):
        estimator = estimator.best_estimator_
    owners = features.columns.get_indexer(pd.Index(list(model.check_columns(features, "the table").values())))
    if not isinstance(estimator, Pipeline):
        return View(estimator, model.inputs, owners)
    encoder = estimator[:-1]
    try:
        traced = _trace(encoder, owners)
    except (AttributeError, IndexError, KeyError, NotImplementedError, TypeError, ValueError):
        return None
    return View(estimator[-1], lambda frame: by_place(encoder.transform, model.inputs(frame)), traced)


def sum_to_columns(values: Array, owners: Codes, columns: int) -> Array:
    """Sum attributions of encoded columns, shape (rows, encoded, …), to those of the original ones."""
    summed = np.zeros((len(values), columns, *values.shape[2:]))
    for column in np.unique(owners):
        summed[:, column] = values[:, owners == column].sum(axis=1)
    return summed


def _trace(encoder: Any, owners: Codes) -> Codes:
    """Ask fitted steps how they would name their output, given names that cannot be part of one another."""
    bare = copy.deepcopy(encoder)
    _forget_names(bare)
    names = bare.get_feature_names_out(np.array([f"\ue000{place}\ue001" for place in range(len(owners))], dtype=object))
    found = [set(_MARK.findall(str(name))) for name in names]
    if any(len(sources) != 1 for sources in found):
        raise ValueError("an encoded column comes from several")
    return np.asarray(owners[[int(sources.pop()) for sources in found]])


def _forget_names(step: Any) -> None:
    """Take from steps, and the steps inside them, the names that they were fitted on, so that any will do."""
    if isinstance(step, BaseEstimator):
        vars(step).pop("feature_names_in_", None)
        if hasattr(step, "verbose_feature_names_out"):
            step.verbose_feature_names_out = True  # else a column that is encoded twice has one name twice
        step = list(vars(step).values())
    for part in step if isinstance(step, list | tuple) else ():
        _forget_names(part)


Score: TypeAlias = Callable[[Any], Array]

LOG_ODDS, SOFTMAX, PROBABILITY = "log-odds", "softmax score", "probability"
DECISION_SCORE, DECISION = "decision score", "decision (0 or 1)"
#: What makes probabilities, shape (rows, outputs), of sums of attributions, by their scale.
LINKS: dict[str, Score] = {LOG_ODDS: special.expit, SOFTMAX: partial(special.softmax, axis=1), PROBABILITY: np.asarray}


class Outputs(NamedTuple):
    """Which of a model's outputs are explained.

    Attributes
    ----------
    task : {"binary", "multiclass", "regression"}
    names : tuple of str
        The positive class (binary), the target (regression), or each class the model knows (multiclass).
    known : tuple
        Labels in the order of the model's own outputs; empty for regression.
    positive : int or None
        Place of the positive class among them; None where the model does not know it, or there is none.
    """

    task: str
    names: tuple[str, ...]
    known: tuple[Any, ...]
    positive: int | None

    def pick(self, raw: Array) -> Array:
        """Turn a model's own outputs, on the last axis, into those explained.

        Two classes may be told by one number, which then speaks for the second of them.
        """
        single = raw.shape[-1] == 1 < len(self.known)
        if self.task != "binary":
            return np.concatenate([-raw / 2, raw / 2], axis=-1) if single else raw
        if self.positive is None:
            return np.zeros((*raw.shape[:-1], 1))
        if single:
            return raw if self.positive == 1 else -raw
        return raw[..., self.positive : self.positive + 1]

    def read(self, method: Callable[[Any], Any], matrix: Any) -> Array:
        """Return what a model's method gives for the outputs."""
        return self.pick(np.asarray(by_place(method, matrix), dtype=float).reshape(matrix.shape[0], -1))

    def decide(self, predict: Callable[[Any], Any], labels: tuple[Any, ...], matrix: Any) -> Array:
        """Return 1 where a model predicts the label of an output, else 0."""
        said = np.asarray(by_place(predict, matrix)).ravel()
        return self.pick(np.column_stack([said == label for label in labels]).astype(float))


def outputs_of(model: Model, data: Dataset) -> Outputs:
    """Say which outputs of a model are explained on a table."""
    if data.task == "regression":
        return Outputs(data.task, (str(data.target.name),), (), None)
    if data.task == "binary":
        place = model.classes.index(data.positive) if data.positive in model.classes else None
        return Outputs(data.task, (str(data.positive),), model.classes, place)
    return Outputs(data.task, tuple(map(str, model.classes)), model.classes, None)


def scales(estimator: Any, outputs: Outputs, probe: Any) -> dict[str, Score]:
    """Return the scales on which an estimator speaks, each with what reads it off a matrix, shape (rows, outputs).

    Attributions add up to one of them; which one is seen by trying. The link scale of a classifier is named after what
    turns it into its probabilities, tried on the matrix ``probe``.
    """
    if outputs.task == "regression":
        said = partial(outputs.read, estimator.predict)

        def log(matrix: Any) -> Array:
            values = said(matrix)
            return np.log(np.where(values > 0, values, np.nan))

        return {outputs.names[0]: said, f"log of {outputs.names[0]}": log}
    found: dict[str, Score] = {}
    # What lies behind the probabilities; the boosting libraries call it by names of their own.
    option = {"xgboost": "output_margin", "lightgbm": "raw_score"}.get(type(estimator).__module__.partition(".")[0])
    margin = partial(estimator.predict, **{option: True}) if option else getattr(estimator, "decision_function", None)
    if margin is not None:
        link = DECISION_SCORE
        if hasattr(estimator, "predict_proba"):
            raw, chance = (np.asarray(by_place(one, probe), dtype=float) for one in (margin, estimator.predict_proba))
            single = raw.ndim == 1 or raw.shape[1] == 1
            said = special.expit(raw.ravel()) if single else special.softmax(raw, axis=1)
            if np.allclose(said, chance[:, -1] if single else chance, atol=1e-4):
                # The score of one of two classes makes no probability.
                link = LOG_ODDS if single else DECISION_SCORE if outputs.task == "binary" else SOFTMAX
        found[link] = partial(outputs.read, margin)
    if hasattr(estimator, "predict_proba"):
        found[PROBABILITY] = partial(outputs.read, estimator.predict_proba)
    return found or {DECISION: partial(outputs.decide, estimator.predict, own_labels(estimator) or outputs.known)}


def whole_scale(model: Model, outputs: Outputs) -> tuple[str, Score]:
    """Return the scale of a model taken as a whole, and what reads it off a frame, shape (rows, outputs)."""
    if outputs.task == "regression":
        return outputs.names[0], partial(outputs.read, model.labels)
    # Some support vector machines score each two of several classes, and not each class.
    pairs = len(outputs.known) > 2 and getattr(model.last, "decision_function_shape", "") == "ovo"
    if model.scores == "predict_proba" or (model.scores and not pairs):
        scale = PROBABILITY if model.scores == "predict_proba" else DECISION_SCORE
        return scale, partial(outputs.read, partial(model.read, model.scores))
    return DECISION, partial(outputs.decide, model.labels, outputs.known)
