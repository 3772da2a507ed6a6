"""What a model says, as one array of scores (rows, outputs), and the scale on which it says it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from scipy import special

from toolkit.data.dataset import Dataset
from toolkit.explanation.trace import by_place
from toolkit.models.model import Model, own_labels
from toolkit.statistics.intervals import Array

Score: TypeAlias = Callable[[Any], Array]

LOG_ODDS, SOFTMAX, PROBABILITY = "log-odds", "softmax score", "probability"
DECISION_SCORE, DECISION = "decision score", "decision (0 or 1)"


@dataclass(frozen=True)
class Outputs:
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
        if self.task == "multiclass":
            return np.concatenate([-raw / 2, raw / 2], axis=-1) if single else raw
        if self.task == "regression":
            return raw
        if self.positive is None:
            return np.zeros((*raw.shape[:-1], 1))
        if single:
            return raw if self.positive == 1 else -raw
        return raw[..., self.positive : self.positive + 1]


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
        said = _reading(estimator.predict, outputs)
        return {outputs.names[0]: said, f"log of {outputs.names[0]}": lambda matrix: _log(said(matrix))}
    found: dict[str, Score] = {}
    margin = _margin(estimator)
    if margin is not None:
        found[_link_name(estimator, margin, probe)] = _reading(margin, outputs)
    if hasattr(estimator, "predict_proba"):
        found[PROBABILITY] = _reading(estimator.predict_proba, outputs)
    return found or {DECISION: _deciding(estimator.predict, own_labels(estimator) or outputs.known, outputs)}


def whole_scale(model: Model, outputs: Outputs) -> tuple[str, Score]:
    """Return the scale of a model taken as a whole, and what reads it off a frame, shape (rows, outputs)."""
    if outputs.task == "regression":
        return outputs.names[0], _reading(model.labels, outputs)
    if model.scores:
        scale = PROBABILITY if model.scores == "predict_proba" else DECISION_SCORE
        return scale, _reading(partial(model.read, model.scores), outputs)
    return DECISION, _deciding(model.labels, outputs.known, outputs)


def _reading(method: Callable[[Any], Any], outputs: Outputs) -> Score:
    def read(matrix: Any) -> Array:
        return outputs.pick(np.asarray(by_place(method)(matrix), dtype=float).reshape(matrix.shape[0], -1))

    return read


def _deciding(predict: Callable[[Any], Any], labels: tuple[Any, ...], outputs: Outputs) -> Score:
    def decide(matrix: Any) -> Array:
        said = np.asarray(by_place(predict)(matrix)).ravel()
        return outputs.pick(np.column_stack([said == label for label in labels]).astype(float))

    return decide


def _margin(estimator: Any) -> Callable[[Any], Any] | None:
    """Return the method behind the probabilities; the boosting libraries call it by names of their own."""
    library = type(estimator).__module__.partition(".")[0]
    if library == "xgboost":
        return lambda matrix: estimator.predict(matrix, output_margin=True)
    if library == "lightgbm":
        return lambda matrix: estimator.predict(matrix, raw_score=True)
    return getattr(estimator, "decision_function", None)


def _link_name(estimator: Any, margin: Callable[[Any], Any], probe: Any) -> str:
    if not hasattr(estimator, "predict_proba"):
        return DECISION_SCORE
    raw, chance = (np.asarray(by_place(said)(probe), dtype=float) for said in (margin, estimator.predict_proba))
    if raw.ndim == 1 or raw.shape[1] == 1:
        return LOG_ODDS if np.allclose(special.expit(raw.ravel()), chance[:, -1], atol=1e-4) else DECISION_SCORE
    return SOFTMAX if np.allclose(special.softmax(raw, axis=1), chance, atol=1e-4) else DECISION_SCORE


def _log(values: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(values > 0, np.log(np.where(values > 0, values, 1.0)), np.nan)
