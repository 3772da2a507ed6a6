"""Choose a threshold: what a rule makes of given rows, and which rows a step lets it choose on."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from toolkit.core.estimate import format_number
from toolkit.core.result import Finding
from toolkit.data.dataset import Dataset
from toolkit.data.split import Split
from toolkit.errors import InputError
from toolkit.models.findings import finding, refusal
from toolkit.models.model import Model
from toolkit.models.prediction import Predictions, predict
from toolkit.models.threshold import AS_DECIDED, DEFAULT, Rule, Threshold, ThresholdLike, read_threshold
from toolkit.statistics.intervals import Array
from toolkit.statistics.ranking import ranked


def predict_at(
    model: Any, data: Dataset | Split, given: ThresholdLike, part: Dataset
) -> tuple[Model, Predictions, Threshold | None]:
    """Take whatever can predict as a model, predict some rows, and decide them at the threshold that this settles.

    Parameters
    ----------
    model : Model, or anything that ``Model.of`` takes
    data : Dataset or Split
    given : float, str, mapping, Rule, Threshold or None
    part : Dataset
        The rows of it that a step is about.
    """
    known = Model.of(model, part)
    predicted = predict(known, part)
    chosen = threshold_for(known, data, given, {"test": predicted})
    return known, replace(predicted, decisions=predicted.decide(chosen.value)) if chosen else predicted, chosen


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
    if rows.decisions is not None:
        if rule.default:
            return AS_DECIDED
        way = "leave y_pred out to judge by the scores" if rows.scored else "there are no scores to apply it to"
        raise refusal("own decisions", rule=rule, way=way, default=DEFAULT)
    if chosen is not None and rule.kind != "fixed":
        return chosen
    found = choose_threshold(rule, rows.y_true, rows.y_pred, part, rows.weights, probabilities=rows.probabilities)
    return found if chosen is None else replace(chosen, value=found.value)


def choose_threshold(
    rule: Rule, y_true: Array, y_score: Array, part: str, weights: Array | None = None, *, probabilities: bool = True
) -> Threshold:
    """Choose the threshold that a rule asks for on given rows.

    Among equally good thresholds the highest is taken, and of the values that would call the same rows the shortest
    decimal. A target that no threshold reaches, or rows of one class, give the nearest choice and a finding.

    Parameters
    ----------
    rule : Rule
    y_true : array of shape (n,)
        1 for the positive class, 0 for the other.
    y_score : array of shape (n,)
    part : str
        What these rows are called.
    weights : array of shape (n,), optional
        How much each row counts.
    probabilities : bool
        Whether the scores are probabilities. If not, a fixed 0.5 stands for the model's own boundary, which is 0.

    Examples
    --------
    >>> y_true, y_score = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.35, 0.8])
    >>> choose_threshold(read_threshold("recall>=0.9"), y_true, y_score, "validation").value
    0.3
    """
    if rule.kind == "fixed":
        if not probabilities and not rule.default:
            raise refusal("threshold without probabilities", level=rule.level)
        return Threshold(rule.level if probabilities else 0.0, rule)
    each = np.ones(len(y_true)) if weights is None else weights
    ones, zeros = float(y_true @ each), float((1 - y_true) @ each)
    if len(y_true) == 0 or (not (ones and zeros) and rule.kind != "cost"):
        note = finding("THRESHOLD-NOT-CHOSEN", "high", part, part=part, default=DEFAULT)
        return Threshold(DEFAULT if probabilities else 0.0, rule, notes=(note,))
    steps, true_positives, called = confusion_steps(y_true, y_score, each)
    false_positives = called - true_positives
    recall = true_positives / ones if ones else np.zeros(len(steps))
    precision = np.divide(true_positives, called, where=called > 0, out=np.zeros(len(steps)))
    notes: tuple[Finding, ...] = ()
    if rule.kind == "youden":
        best = int(np.argmax(recall - false_positives / zeros))
    elif rule.kind == "max_f1":
        best = int(np.argmax(2 * true_positives / (called + ones)))
    elif rule.kind == "cost" and rule.costs:
        best = int(np.argmin(rule.costs.total(true_positives, false_positives, ones, zeros)))
    else:
        kept, other = (precision, recall) if rule.kind == "precision" else (recall, precision)
        reached = (kept >= rule.level - 1e-12) & (called > 0)
        best = int(np.argmax(np.where(reached, other, -1.0))) if reached.any() else int(np.argmax(kept))
        if not reached.any():
            most = format_number(float(kept[best]))
            notes = (finding("THRESHOLD-UNREACHABLE", "high", part, rule=rule, part=part, most=most),)
    return Threshold(_shortest(steps, best), rule, part, notes)


def confusion_steps(y_true: Array, y_score: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return each distinct threshold from above the highest score downwards, with the true positives and rows called.

    Rows count by their weights.

    Returns
    -------
    (thresholds, true positives, rows called), arrays of shape (distinct scores + 1,)
        The first threshold is infinite: nothing is called.
    """
    order, last, hits, called = ranked(y_true, y_score, weights)
    return np.append(math.inf, y_score[order[last]]), np.append(0.0, hits), np.append(0.0, called)


def _shortest(steps: Array, best: int) -> float:
    """Find the shortest decimal that calls the same rows as ``steps[best]``."""
    if best == 0:
        low, high = float(steps[1]), float(max(1.0, math.nextafter(steps[1], math.inf)))
    else:
        high = float(steps[best])
        lowest = 0.0 if high > 0 else math.nextafter(high, -math.inf)
        low = float(steps[best + 1]) if best + 1 < len(steps) else lowest
    rounded = (math.floor(high * 10**digits) / 10**digits for digits in range(18))
    return next((value for value in rounded if low < value <= high), high)
