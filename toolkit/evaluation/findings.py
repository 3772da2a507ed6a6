"""What the numbers of an evaluation say, in sentences: no better than the baseline, overfitted, miscalibrated."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from toolkit.core.estimate import Estimate, format_number
from toolkit.core.result import Finding
from toolkit.core.results import UNKNOWN
from toolkit.core.words import spoken
from toolkit.models.prediction import Predictions
from toolkit.models.threshold import Threshold
from toolkit.statistics.direction import LOWER_IS_BETTER
from toolkit.statistics.intervals import mover_difference
from toolkit.statistics.regression import HEAVY

DECIDING = {
    "binary": ("roc_auc", "balanced_accuracy"),
    "multiclass": ("log_loss", "balanced_accuracy"),
    "regression": ("root_mean_squared_error", "mean_absolute_error"),
}
FEW_ROWS = 20
_NOTABLE_GAP, _NOTABLE_RATIO = 0.03, 0.1
_SLOPE_MARGIN = 0.1


def judge(task: str, numbers: Mapping[str, Estimate], predicted: Mapping[str, Predictions]) -> list[Finding]:
    """Return what a reader should know about measured numbers.

    Parameters
    ----------
    task : {"binary", "multiclass", "regression"}
    numbers : mapping of str to Estimate
        By dotted name, as in ``Evaluation.scalars``.
    predicted : mapping of str to Predictions
        The predictions of each part.
    """
    usable = (name for name in DECIDING[task] if (found := numbers.get(f"test.{name}")) and found.has_interval)
    metric = next(usable, "")
    findings = []
    if metric:
        findings += _against_baseline(metric, numbers) + _overfit(metric, numbers)
    findings += _backwards(numbers) + _heavy(numbers)
    findings += _calibration(numbers) + _bias(numbers, predicted["test"]) if task != "multiclass" else []
    if task != "regression":
        findings += [finding for part, found in predicted.items() for finding in _classes(part, found, task)]
        findings += _left_undefined(task, predicted["test"])
    return findings


def about_decisions(chosen: Threshold, test: Predictions) -> list[Finding]:
    """Say what a threshold does: how it was chosen, and whether it calls nobody, or everybody, positive."""
    return [*_about_choice(chosen), *_one_sided(chosen, test)]


def _one_sided(chosen: Threshold, test: Predictions) -> list[Finding]:
    share, rate = float(test.decide(chosen.value).mean()), float(test.y_true.mean())
    if share not in (0, 1) or rate in (0, 1):
        return []
    who, missed = ("Nobody", "recall is 0") if share == 0 else ("Everybody", "it tells nobody apart")
    note = f"{who} in the test part is called positive {chosen.called}: {missed}."
    if test.scored:
        which, score = ("highest", test.y_pred.max()) if share == 0 else ("lowest", test.y_pred.min())
        note += f" The {which} score is {format_number(float(score))}."
    note += " Choose the threshold by a rule, such as threshold='max_f1' or 'recall>=0.8'." if test.scored else ""
    return [Finding("THRESHOLD-ONE-SIDED", "high", note, "threshold")]


def _about_choice(chosen: Threshold) -> list[Finding]:
    """Say what came up in choosing a threshold, and where it was done on rows that make it look better than it is."""
    if chosen.kept or chosen.part not in ("train", "test"):
        return list(chosen.notes)
    if chosen.part == "train":
        note = (
            "There is no validation part, so the threshold was chosen on the training part, where the model looks "
            "better than it is. Split with a validation part."
        )
        return [*chosen.notes, Finding("THRESHOLD-ON-TRAINING", "medium", note, "threshold")]
    note = (
        "The threshold was chosen on the same rows that are measured, so the metrics at the threshold are optimistic. "
        "Pass a split with a validation part."
    )
    return [*chosen.notes, Finding("THRESHOLD-ON-TEST", "high", note, "threshold")]


def _left_undefined(task: str, test: Predictions) -> list[Finding]:
    if not test.scored:
        note = "Only decisions are known, no scores: what ranks rows or needs probabilities is not applicable"
        names = "ROC AUC, average precision, log loss, Brier score, calibration and their curves"
        return [Finding("EVAL-NO-SCORES", "info", f"{note} ({names}).", "model")]
    if test.probabilities:
        return []
    names = "log loss, Brier score and calibration" if task == "binary" else "log loss and ROC AUC"
    note = f"The model gives no probabilities: {names} are not defined."
    return [Finding("EVAL-NO-PROBABILITIES", "low", note, "model")]


def _against_baseline(metric: str, numbers: Mapping[str, Estimate]) -> list[Finding]:
    apart = numbers.get(f"difference.{metric}")
    if apart is None or not apart.has_interval:
        return []
    lower = metric in LOWER_IS_BETTER
    worse, better = (apart.low > 0, apart.high < 0) if lower else (apart.high < 0, apart.low > 0)
    if better:
        return []
    own, other = numbers[f"test.{metric}"], numbers[f"baseline.{metric}"]
    pair = f"{spoken(metric)} is {own} on the test part, the baseline's {other}"
    if worse:
        note = f"The model is worse than the baseline: {pair} (difference {apart})."
        return [Finding("EVAL-WORSE-THAN-BASELINE", "critical", note, metric)]
    note = f"The model is not shown to be better than the baseline: {pair} (difference {apart}, which includes 0)."
    return [Finding("EVAL-NOT-BETTER-THAN-BASELINE", "high", note, metric)]


def _backwards(numbers: Mapping[str, Estimate]) -> list[Finding]:
    area = numbers.get("test.roc_auc")
    if area is None or not area.high < 0.5:
        return []
    note = (
        f"The scores rank negatives above positives (ROC AUC {area}): are they those of the other class? Check which "
        "class is the positive one; nothing was turned round."
    )
    return [Finding("EVAL-RANKS-BACKWARDS", "high", note, "roc_auc")]


def _heavy(numbers: Mapping[str, Estimate]) -> list[Finding]:
    if numbers.get("test.root_mean_squared_error", UNKNOWN).method != HEAVY:
        return []
    size, middle = (numbers[f"test.{name}"] for name in ("mean_absolute_error", "median_absolute_error"))
    note = (
        "A few very large errors decide the root mean squared error and R²: no interval holds for them (tail index of "
        f"the errors below 4). Go by the mean absolute error, {size}, and the median, {middle}."
    )
    return [Finding("EVAL-HEAVY-TAILS", "high", note, "root_mean_squared_error")]


def _overfit(metric: str, numbers: Mapping[str, Estimate]) -> list[Finding]:
    train, test = numbers.get(f"train.{metric}"), numbers[f"test.{metric}"]
    if train is None or not (train.has_interval and test.has_interval):
        return []
    better, worse = (test, train) if metric in LOWER_IS_BETTER else (train, test)
    gap, (low, _) = better.value - worse.value, mover_difference(better, worse)
    limit = _NOTABLE_RATIO * test.value if metric in LOWER_IS_BETTER else _NOTABLE_GAP
    if low <= 0 or gap < limit:
        return []
    note = (
        f"The model fits the training part better than it predicts: {spoken(metric)} is "
        f"{format_number(train.value)} there and {format_number(test.value)} on the test part."
    )
    return [Finding("EVAL-OVERFIT", "medium" if gap >= 2 * limit else "low", note, metric)]


def _calibration(numbers: Mapping[str, Estimate]) -> list[Finding]:
    slope = numbers.get("test.calibration_slope", Estimate(math.nan))
    shift = numbers.get("test.calibration_intercept", Estimate(math.nan))
    if math.isfinite(slope.value) and not slope.has_interval:
        note = f"Whether predictions are too extreme or too timid is not known: {slope.method.partition(': ')[2]}."
        return [Finding("EVAL-CALIBRATION-UNKNOWN", "low", note, "calibration")]
    said = []
    if slope.high < 1 - _SLOPE_MARGIN:
        said.append(f"predictions are too extreme (calibration slope {slope}, 1 is ideal)")
    if slope.low > 1 + _SLOPE_MARGIN:
        said.append(f"predictions are too timid (calibration slope {slope}, 1 is ideal)")
    if shift.low > _SLOPE_MARGIN:
        said.append(f"probabilities are too low on average (calibration intercept {shift}, 0 is ideal)")
    if shift.high < -_SLOPE_MARGIN:
        said.append(f"probabilities are too high on average (calibration intercept {shift}, 0 is ideal)")
    if not said:
        return []
    sentence = " and ".join(said)
    return [Finding("EVAL-MISCALIBRATED", "medium", f"{sentence[0].upper()}{sentence[1:]}.", "calibration")]


def _bias(numbers: Mapping[str, Estimate], test: Predictions) -> list[Finding]:
    bias = numbers.get("test.bias")
    if bias is None or not bias.has_interval or bias.low <= 0 <= bias.high:
        return []
    spread = float(np.std(test.y_true))
    if abs(bias.value) < 0.05 * spread:
        return []
    way = "high" if bias.value > 0 else "low"
    size = Estimate(abs(bias.value), min(abs(bias.low), abs(bias.high)), max(abs(bias.low), abs(bias.high)))
    note = f"Predictions are too {way} by {size} on average (standard deviation of the target {format_number(spread)})."
    return [Finding("EVAL-BIASED", "medium", note, "bias")]


def _classes(part: str, found: Predictions, task: str) -> list[Finding]:
    if task == "binary":
        counts = {"positive": int(found.y_true.sum()), "negative": int(len(found.y_true) - found.y_true.sum())}
    else:
        sizes = np.bincount(found.y_true.astype(int), minlength=len(found.classes))
        counts = {str(label): int(size) for label, size in zip(found.classes, sizes, strict=True)}
    present = [label for label, size in counts.items() if size]
    if len(present) < 2:
        only = f"one class only ({present[0]})" if present else "no rows"
        note = f"The {part} part holds {only}: what tells classes apart is not defined there."
        return [Finding("EVAL-ONE-CLASS", "critical" if part == "test" else "high", note, part)]
    label, least = min(counts.items(), key=lambda item: item[1])
    if part != "test" or least >= FEW_ROWS:
        return []
    rows = f"{least} {'row' if least == 1 else 'rows'}"
    note = f"The test part holds only {rows} of class {label}: intervals are wide and the judgement is weak."
    return [Finding("EVAL-FEW-ROWS", "medium", note, label)]
