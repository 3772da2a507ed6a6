"""What a fitted model says about a table, the threshold at which a step decides its rows, and how long it takes."""

import pickle
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import takewhile
from timeit import timeit
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils import get_tags

from toolkit.core import Estimate, clock
from toolkit.data import Dataset, Split
from toolkit.errors import InputError, listed
from toolkit.models.answers import CHECKED_ROWS
from toolkit.models.findings import refusal
from toolkit.models.model import Model
from toolkit.models.threshold import AS_DECIDED, DEFAULT, Threshold, ThresholdLike, choose_threshold, read_threshold
from toolkit.statistics import AnyArray, Array, Codes

REPEATS = 50
#: Scores so close to the boundary are on neither side of it: a model may round them otherwise.
TIE = 1e-6
BATCH_ROWS = 1000


@dataclass(frozen=True, eq=False)
class Predictions:
    """Truth and predictions of one table, as plain arrays.

    Attributes
    ----------
    y_true : array of shape (n,)
        1 for the positive class (binary), class codes (multiclass), numbers (regression); NaN without a label.
    y_pred : array of shape (n,)
        Scores of the positive class (binary), class codes (multiclass), numbers (regression).
    y_prob : array of shape (n, classes) or None
        Multiclass probabilities in the order of ``classes``.
    probabilities : bool
        Whether the binary scores are probabilities; if not, the model's own boundary is at 0.
    classes : tuple
        Labels that the codes stand for: the table's, then any others that the model knows.
    decisions : array of shape (n,) or None
        Binary: 1 where a row is decided positive, by the threshold of a step (``predict_at``), or by the model
        itself where that is not a matter of a threshold on its scores.
    scored : bool
        Whether ``y_pred`` ranks the rows; False where only labels are known (binary).
    weights : array of shape (n,) or None
        How much each row counts, of mean 1.
    own : array of shape (n,) or None
        Binary: the model's own decisions, where it has scores that it does not cut at 0.5 (or at 0).
    """

    y_true: Array
    y_pred: Array
    y_prob: Array | None
    probabilities: bool
    classes: tuple[Any, ...]
    decisions: Array | None = None
    scored: bool = True
    weights: Array | None = None
    own: Array | None = None

    def decide(self, threshold: float) -> Array:
        """Return 1 where a row is predicted positive: as the model itself decided, else by its score (binary).

        A threshold that is not a number stands for the model's own decisions.
        """
        itself = np.isnan(threshold)
        decided = self.own if itself and self.decisions is None else self.decisions
        return (self.y_pred >= (self.boundary if itself else threshold)).astype(float) if decided is None else decided

    @property
    def boundary(self) -> float:
        """Where binary scores are cut unless a threshold was chosen."""
        return DEFAULT if self.probabilities else 0.0

    def chance(self, codes: Array) -> Array:
        """Return the probability of a class in each row, by its code."""
        if self.y_prob is None:
            return np.where(codes == 1, self.y_pred, 1 - self.y_pred)
        return np.asarray(self.y_prob[np.arange(len(codes)), codes.astype(np.intp)])

    def take(self, rows: AnyArray) -> Self:
        """Return those of some rows."""
        taken: dict[str, Any] = {name: one[rows] for name, one in vars(self).items() if isinstance(one, np.ndarray)}
        if self.weights is not None:
            taken["weights"] = taken["weights"] / taken["weights"].mean()
        return replace(self, **taken)


def predict(model: Any, data: Dataset) -> Predictions:
    """Predict the rows of a table.

    Parameters
    ----------
    model : Model, or anything that ``Model.of`` takes
    data : Dataset

    Raises
    ------
    InputError
        Where the model fails on the table or does not fit it, or a prediction is missing or infinite.
    """
    model = Model.of(model, data)
    weights = None if data.weight is None else data.weight.to_numpy() / data.weight.mean()
    wanted = "regressor" if data.task == "regression" else "classifier"
    kind = get_tags(model.last).estimator_type if hasattr(model.last, "__sklearn_tags__") else None
    if kind not in (None, wanted):
        raise refusal("other kind", model=model, kind=str(kind).replace("_", " "), wanted=wanted, data=data)
    if data.task == "regression":
        y_true, y_pred = data.target.to_numpy(dtype=float), _finite(model.labels, data)
        return Predictions(y_true, y_pred, None, False, (), weights=weights)
    own, known = set(model.classes), set(data.classes)
    codes = own == set(range(len(own))) and own - known and known - own and not model.recorded
    two = data.task == "binary" and len(model.classes) == 2 and not model.recorded
    if not own & known or codes or (two and own != known):
        raise refusal("other labels", target=data.target.name, own=listed(model.classes), classes=listed(data.classes))
    classes = (*data.classes, *(label for label in model.classes if label not in data.classes))
    if data.task == "binary":
        return replace(_binary(model, data, classes), weights=weights)
    code = {label: position for position, label in enumerate(classes)}
    y_true = data.target.map(code).to_numpy(dtype=float)
    y_pred = _codes(model.labels(data.features, data.name), code).astype(float)
    y_prob = None
    if model.scores == "predict_proba":
        y_prob = np.zeros((data.rows, len(classes)))
        y_prob[:, [code[label] for label in model.classes]] = _finite(partial(model.read, "predict_proba"), data)
    return Predictions(y_true, y_pred, y_prob, y_prob is not None, classes, weights=weights)


def predict_at(model: Any, data: Dataset | Split, given: ThresholdLike, part: Dataset) -> tuple[Model, Predictions]:
    """Take whatever can predict as a model, predict some rows, and decide them at the threshold that this settles.

    Parameters
    ----------
    model : Model, or anything that ``Model.of`` takes
    data : Dataset or Split
    given : float, str, mapping, Rule, Threshold or None
    part : Dataset
        The rows of it that a step is about.

    Returns
    -------
    (Model, Predictions)
        The model has that threshold as its own; none where the target is not binary.
    """
    known = Model.of(model, part)
    predicted = predict(known, part)
    chosen = threshold_for(known, data, given, {"test": predicted})
    decided = replace(predicted, decisions=predicted.decide(chosen.value)) if chosen else predicted
    return replace(known, threshold=chosen), decided


def threshold_for(
    model: Model, data: Dataset | Split, given: ThresholdLike, predicted: Mapping[str, Predictions]
) -> Threshold | None:
    """Return the threshold of a step: one chosen before, or what a rule chooses; by default the model's own.

    Parameters
    ----------
    model : Model
    data : Dataset or Split
        Of a split a rule chooses on the validation part, or where there is none on the training part.
    given : float, str, mapping, Rule, Threshold or None
    predicted : mapping of name to Predictions
        Those of parts that are predicted already. The first are of the rows that a rule chooses on where there are no
        others.

    Returns
    -------
    Threshold or None
        None where the target is not binary.

    Raises
    ------
    InputError
        Where one is given and the target is not binary, or the model decides itself.
    """
    target, rule = (data.data if isinstance(data, Split) else data), read_threshold(given)
    if target.task != "binary":
        if rule.default:
            return None
        raise InputError(f"A threshold is for binary targets only; {target.target.name!r} is a {target.task} target.")
    given = model.threshold if given is None or given == "" else given
    chosen = given if isinstance(given, Threshold) and given.rule.kind != "decided" else None
    rule = chosen.rule if chosen else read_threshold(None if isinstance(given, Threshold) else given)
    part = next(iter(predicted))
    if isinstance(data, Split) and chosen is None and rule.kind != "fixed":
        part = "train" if data.validation is None else "validation"
    rows = predicted[part] if part in predicted else predict(model, data.parts()[part])  # type: ignore[union-attr]
    cut_elsewhere = chosen is None and any(one.own is not None for one in (rows, *predicted.values()))
    if rule.default and (cut_elsewhere or rows.decisions is not None):
        return AS_DECIDED
    if rows.decisions is not None:
        way = "leave y_pred out to judge by the scores" if rows.scored else "there are no scores to apply it to"
        raise refusal("own decisions", rule=rule, way=way, default=DEFAULT)
    if chosen is not None and rule.kind != "fixed":
        return chosen
    found = choose_threshold(rule, rows.y_true, rows.y_pred, part, rows.weights, probabilities=rows.probabilities)
    return found if chosen is None else replace(chosen, value=found.value)


def measure_speed(model: Model, features: pd.DataFrame, *, seed: int = 0) -> dict[str, Estimate]:
    """Time predictions for single rows and for batches of up to 1,000 rows, and weigh the pickled model.

    Returns
    -------
    dict of str to Estimate
        ``latency.p50_ms``, ``latency.p95_ms`` of one row, ``latency.batch_p50_ms``, ``latency.batch_p95_ms``,
        ``throughput.rows_per_second``, ``model.size_bytes`` (left out for a model that cannot be pickled).
        With ``SOURCE_DATE_EPOCH`` set nothing is timed.
    """
    numbers = dict[str, Estimate]()
    if not np.isnan(clock()):
        call, rng = getattr(model, "predict_proba", model.labels), np.random.default_rng(seed)
        singles = [features.iloc[[row]] for row in rng.integers(len(features), size=REPEATS)]
        batch = features.iloc[np.sort(rng.choice(len(features), min(BATCH_ROWS, len(features)), replace=False))]
        for kind, times in {"": _timed(call, singles, 0.3), "batch_": _timed(call, [batch] * 20, 0.2)}.items():
            for level in (50, 95):
                numbers[f"latency.{kind}p{level}_ms"] = Estimate(float(np.percentile(times, level)), n=len(times))
        median = numbers["latency.batch_p50_ms"]
        numbers["throughput.rows_per_second"] = Estimate(1000 * len(batch) / median.value, n=median.n)
    with suppress(pickle.PicklingError, AttributeError, TypeError):
        numbers["model.size_bytes"] = Estimate(len(pickle.dumps(model.estimator)), n=1)
    return numbers


def _timed(call: Any, inputs: list[pd.DataFrame], budget: float) -> list[float]:
    """Milliseconds of each call after one to warm up, for as many inputs as the budget (in seconds) allows."""
    call(inputs[0])
    end = clock() + budget
    in_time = takewhile(lambda _: clock() < end, inputs)
    return [1000 * timeit(partial(call, rows), timer=clock, number=1) for rows in in_time]


def _binary(model: Model, data: Dataset, classes: tuple[Any, ...]) -> Predictions:
    y_true = np.where(data.target.isna(), np.nan, data.y_binary())
    if data.positive not in model.classes:
        return Predictions(y_true, np.zeros(data.rows), None, True, classes)
    code = dict.fromkeys(classes, 0) | {data.positive: 1}

    def decided(rows: pd.DataFrame) -> Array:
        return _codes(model.labels(rows, data.name), code).astype(float)

    if not (model.scores == "predict_proba" or (model.scores != "" and len(model.classes) == 2)):
        decisions = decided(data.features)
        return Predictions(y_true, 2 * decisions - 1, None, False, classes, decisions, scored=False)
    score = _finite(partial(model.positive_scores, data.positive), data)
    found = Predictions(y_true, score, None, model.scores == "predict_proba", classes)
    if model.decides:
        return replace(found, decisions=decided(data.features))
    if model.threshold is None or np.isnan(model.threshold.value):
        # Who cuts scores elsewhere decides otherwise next to the usual boundary on one side; a single tie is anybody's.
        away, rule = np.abs(score - found.boundary), found.decide(found.boundary)
        order = np.argsort(away, kind="stable")
        near = pd.Series(order).groupby(rule[order]).head(CHECKED_ROWS).to_numpy()
        other = near[decided(data.features.iloc[near]) != rule[near]] if (away > TIE).any() else near[:0]
        if len(other) > 1 or (away[other] > TIE).any():
            return replace(found, own=decided(data.features))
    return found


def _codes(labels: Any, code: dict[Any, int]) -> Codes:
    places, distinct = pd.factorize(np.asarray(labels).ravel(), use_na_sentinel=False)
    if unknown := sorted({str(label) for label in distinct.tolist() if label not in code}):
        raise refusal("unknown predictions", unknown=listed(unknown, 5))
    return np.array([code[label] for label in distinct.tolist()], dtype=np.intp)[places]


def _finite(said: Callable[[pd.DataFrame, str], Any], data: Dataset) -> Array:
    """Return what a model says of a table in numbers, one row each, none of them missing or infinite."""
    if len(numbers := np.asarray(said(data.features, data.name), dtype=float)) != data.rows:
        raise InputError(f"The model returned {len(numbers):,} predictions for the {data.rows:,} rows of {data.name}.")
    if bad := int((~np.isfinite(numbers)).reshape(len(numbers), -1).any(axis=1).sum()):
        raise refusal("not finite", bad=bad, rows=data.rows, table=data.name)
    return numbers
