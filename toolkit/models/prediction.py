"""What a fitted model says about a table, in the order of the table's classes, and how long it takes to say it."""

from __future__ import annotations

import pickle
import time
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.estimate import Estimate
from toolkit.data.dataset import Dataset
from toolkit.data.likeness import missing_columns
from toolkit.errors import InputError, NotApplicableError, ToolkitError, listed, nearest
from toolkit.statistics.intervals import Array

REPEATS = 50
BATCH_ROWS = 1000
_SECONDS_FOR_ROW, _SECONDS_FOR_BATCH = 0.5, 0.4


@dataclass(frozen=True, eq=False)
class Predictions:
    """Truth and predictions of one table, as plain arrays.

    Attributes
    ----------
    y_true : array of shape (n,)
        1 for the positive class (binary), class codes (multiclass), numbers (regression).
    y_pred : array of shape (n,)
        Scores of the positive class (binary), class codes (multiclass), numbers (regression).
    y_prob : array of shape (n, classes) or None
        Multiclass probabilities in the order of ``classes``.
    probabilities : bool
        Whether the binary scores are probabilities; if not, the model's own boundary is at 0.
    classes : tuple
        Labels that the codes stand for: the table's, then any others that the model knows.
    decisions : array of shape (n,) or None
        Binary: 1 where the model itself says positive, given where that is not a matter of a threshold on its scores.
    scored : bool
        Whether ``y_pred`` ranks the rows; False where only labels are known (binary).
    """

    y_true: Array
    y_pred: Array
    y_prob: Array | None
    probabilities: bool
    classes: tuple[Any, ...]
    decisions: Array | None = None
    scored: bool = True

    def decide(self, threshold: float) -> Array:
        """Return 1 where a row is called positive: as the model itself decided, else by its score (binary)."""
        return self.decisions if self.decisions is not None else (self.y_pred >= threshold).astype(float)


def predict(model: Any, data: Dataset) -> Predictions:
    """Predict the rows of a table.

    Parameters
    ----------
    model : estimator
        Fitted, with ``predict_proba``, ``decision_function`` or ``predict``; or ``RecordedPredictions``.
    data : Dataset

    Raises
    ------
    InputError
        Where the model fails on the table or does not fit it, or a prediction is missing or infinite.
    """
    _check_model(model, data)
    if data.task == "regression":
        predicted = _finite(_asked(model, "predict", data), data)
        return Predictions(data.target.to_numpy(dtype=float), predicted.ravel(), None, False, ())
    known = _known_classes(model, data)
    classes = (*data.classes, *(label for label in known if label not in data.classes))
    if data.task == "binary":
        return _binary(model, data, known, classes)
    code = {label: position for position, label in enumerate(classes)}
    y_true = data.target.map(code).to_numpy(dtype=float)
    y_pred = _codes(_asked(model, "predict", data), code).astype(float)
    y_prob = None
    if hasattr(model, "predict_proba"):
        y_prob = np.zeros((data.rows, len(classes)))
        y_prob[:, [code[label] for label in known]] = _proba(model, data, known)
    return Predictions(y_true, y_pred, y_prob, y_prob is not None, classes)


def measure_speed(model: Any, features: pd.DataFrame, *, seed: int = 0) -> dict[str, Estimate]:
    """Time predictions for single rows and for batches of up to 1,000 rows, and weigh the pickled model.

    Returns
    -------
    dict of str to Estimate
        ``latency.p50_ms``, ``latency.p95_ms`` of one row, ``latency.batch_p50_ms``, ``latency.batch_p95_ms``,
        ``throughput.rows_per_second``, ``model.size_bytes`` (left out for a model that cannot be pickled).
    """
    if not len(features):
        return {}
    call = getattr(model, "predict_proba", None) or model.predict
    rng = np.random.default_rng(seed)
    picked = rng.integers(len(features), size=REPEATS)
    batch = features.iloc[np.sort(rng.choice(len(features), min(BATCH_ROWS, len(features)), replace=False))]
    single = _timed(call, [features.iloc[[row]] for row in picked], _SECONDS_FOR_ROW)
    many = _timed(call, [batch] * 20, _SECONDS_FOR_BATCH)
    numbers = {
        "latency.p50_ms": Estimate(float(np.quantile(single, 0.5)), n=len(single)),
        "latency.p95_ms": Estimate(float(np.quantile(single, 0.95)), n=len(single)),
        "latency.batch_p50_ms": Estimate(float(np.quantile(many, 0.5)), n=len(many)),
        "latency.batch_p95_ms": Estimate(float(np.quantile(many, 0.95)), n=len(many)),
        "throughput.rows_per_second": Estimate(len(batch) / float(np.quantile(many, 0.5)) * 1000, n=len(many)),
    }
    size = _pickled_size(model)
    return numbers | ({"model.size_bytes": Estimate(size, n=1)} if size else {})


def _timed(call: Any, inputs: list[pd.DataFrame], budget: float) -> list[float]:
    """Milliseconds of each call after one to warm up, for as many inputs as the budget (in seconds) allows."""
    call(inputs[0])
    times: list[float] = []
    end = time.perf_counter() + budget
    for rows in inputs:
        started = time.perf_counter()
        call(rows)
        times.append((time.perf_counter() - started) * 1000)
        if time.perf_counter() > end:
            break
    return times


def _pickled_size(model: Any) -> int:
    try:
        return len(pickle.dumps(model))
    except (pickle.PicklingError, AttributeError, TypeError):
        return 0


def _check_model(model: Any, data: Dataset) -> None:
    if isinstance(model, type) or not hasattr(model, "predict"):
        raise InputError(f"A fitted model with a 'predict' method is needed; found {type(model).__name__}.")
    missing = missing_columns(model, data.features.columns)
    if missing:
        near = nearest(missing[0], map(str, data.features.columns))
        raise NotApplicableError(f"The model needs columns that {data.name} does not have: {listed(missing)}.{near}")


def _known_classes(model: Any, data: Dataset) -> list[Any]:
    known = getattr(model, "classes_", None)
    labels = list(data.classes) if known is None else list(np.asarray(known).tolist())
    if not set(labels) & set(data.classes):
        raise InputError(
            f"The model predicts {listed(labels)}, but target {data.target.name!r} holds {listed(data.classes)}. "
            "Fit the model on the target's own labels."
        )
    return labels


def _binary(model: Any, data: Dataset, known: list[Any], classes: tuple[Any, ...]) -> Predictions:
    y_true = data.y_binary().astype(float)
    if data.positive not in known:
        return Predictions(y_true, np.zeros(data.rows), None, True, classes)
    column = known.index(data.positive)
    if hasattr(model, "predict_proba"):
        score = _proba(model, data, known)[:, column]
        decisions = _called(model, data) if getattr(model, "decides", False) else None
        return Predictions(y_true, score, None, True, classes, decisions)
    if hasattr(model, "decision_function") and len(known) == 2:
        score = _finite(_asked(model, "decision_function", data), data).ravel()
        return Predictions(y_true, score if column == 1 else -score, None, False, classes)
    decisions = _called(model, data)
    return Predictions(y_true, 2 * decisions - 1, None, False, classes, decisions, scored=False)


def _proba(model: Any, data: Dataset, known: list[Any]) -> Array:
    found = _finite(_asked(model, "predict_proba", data), data)
    if found.shape[1:] != (len(known),):
        shape = " x ".join(map(str, found.shape))
        raise InputError(f"predict_proba must give a column for each of {listed(known)}; it gave an array of {shape}.")
    return found


def _called(model: Any, data: Dataset) -> Array:
    code = dict.fromkeys(_known_classes(model, data), 0) | dict.fromkeys(data.classes, 0) | {data.positive: 1}
    return _codes(_asked(model, "predict", data), code).astype(float)


def _asked(model: Any, method: str, data: Dataset) -> Any:
    """Call a method of the model on the features; whatever a foreign model stumbles over is said in one sentence."""
    try:
        with warnings.catch_warnings():
            # A model fitted on an array gets the columns by their place.
            warnings.filterwarnings("ignore", message="X has feature names, but", category=UserWarning)
            return getattr(model, method)(data.features)
    except ToolkitError:
        raise
    except Exception as error:
        name, reason = type(model).__name__, str(error).strip().partition("\n")[0]
        raise InputError(
            f"{name}.{method} failed on the {data.features.shape[1]} columns of {data.name}: "
            f"{type(error).__name__}: {reason[:300]}"
        ) from error


def _codes(labels: Any, code: dict[Any, int]) -> NDArray[np.intp]:
    places, distinct = pd.factorize(np.asarray(labels).ravel(), use_na_sentinel=False)
    unknown = sorted({str(label) for label in distinct.tolist() if label not in code})
    if unknown:
        raise InputError(f"The model predicted labels that are neither the target's nor its own: {listed(unknown)}.")
    return np.array([code[label] for label in distinct.tolist()], dtype=np.intp)[places]


def _finite(values: Any, data: Dataset) -> Array:
    numbers = np.asarray(values, dtype=float)
    if len(numbers) != data.rows:
        raise InputError(f"The model returned {len(numbers):,} predictions for the {data.rows:,} rows of {data.name}.")
    bad = int((~np.isfinite(numbers)).reshape(len(numbers), -1).any(axis=1).sum())
    if bad:
        raise InputError(
            f"The model's predictions are missing or infinite in {bad:,} of {data.rows:,} rows of {data.name}."
        )
    return numbers
