"""What the numbers of an evaluation say, in sentences: no better than the baseline, miscalibrated, dependent."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from toolkit.core.estimate import Estimate, format_number
from toolkit.core.result import Finding
from toolkit.core.results import UNKNOWN
from toolkit.core.words import spoken
from toolkit.data.dataset import Dataset
from toolkit.models.prediction import Predictions
from toolkit.models.threshold import Threshold
from toolkit.statistics.direction import LOWER_IS_BETTER
from toolkit.statistics.intervals import Array, mover_difference
from toolkit.statistics.measure import Measure
from toolkit.statistics.regression import HEAVY
from toolkit.statistics.units import FEW_GROUPS, Units

DECIDING = {
    "binary": ("roc_auc", "balanced_accuracy"),
    "multiclass": ("log_loss", "balanced_accuracy"),
    "regression": ("root_mean_squared_error", "mean_absolute_error"),
}
FEW_ROWS = 20
_NOTABLE_GAP, _NOTABLE_RATIO = 0.03, 0.1
_SLOPE_MARGIN = 0.1
#: The metrics whose rows' influences tell.
_TELLING = ("calibration_intercept", "log_loss", "accuracy", "bias", "mean_absolute_error")
_LEAST_GROUPS, _MOST_ROWS_A_GROUP = 30, 50
_LEAST_Z, _NOTABLE = 3.5, 1.1
#: Words in the name of a column that tell one unit from another.
_UNITS = re.compile(
    r"(^|[^a-z])(account|case|client|cluster|customer|device|doctor|employee|family|firm|group|household|id|hospital|"
    r"individual|machine|member|operator|participant|patient|person|plant|player|school|sensor|session|shop|site|store|"
    r"student|subject|supplier|team|user|vehicle)([^a-z]|$)"
)


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
    findings = list(chosen.notes)
    if not chosen.kept and chosen.part == "train":
        note = (
            "There is no validation part, so the threshold was chosen on the training part, where the model looks "
            "better than it is. Split with a validation part."
        )
        findings.append(Finding("THRESHOLD-ON-TRAINING", "medium", note, "threshold"))
    if not chosen.kept and chosen.part == "test":
        note = (
            "The threshold was chosen on the same rows that are measured, so the metrics at the threshold are "
            "optimistic. Pass a split with a validation part."
        )
        findings.append(Finding("THRESHOLD-ON-TEST", "high", note, "threshold"))
    share, rate = float(test.decide(chosen.value).mean()), float(test.y_true.mean())
    if share not in (0, 1) or rate in (0, 1):
        return findings
    who, missed = ("Nobody", "recall is 0") if share == 0 else ("Everybody", "it tells nobody apart")
    note = f"{who} in the test part is predicted positive {chosen.called}: {missed}."
    if test.scored:
        which, score = ("highest", test.y_pred.max()) if share == 0 else ("lowest", test.y_pred.min())
        note += f" The {which} score is {format_number(float(score))}."
    note += " Choose the threshold by a rule, such as threshold='max_f1' or 'recall>=0.8'." if test.scored else ""
    return [*findings, Finding("THRESHOLD-ONE-SIDED", "high", note, "threshold")]


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
    slope, shift = (numbers.get(f"test.calibration_{name}", UNKNOWN) for name in ("slope", "intercept"))
    if math.isfinite(slope.value) and not slope.has_interval:
        note = f"Whether predictions are too extreme or too timid is not known: {slope.method.partition(': ')[2]}."
        return [Finding("EVAL-CALIBRATION-UNKNOWN", "low", note, "calibration")]
    said = [
        f"{what} (calibration {name} {found}, {ideal} is ideal)"
        for name, found, ideal, below, above in (
            ("slope", slope, 1, "predictions are too extreme", "predictions are too timid"),
            ("intercept", shift, 0, "probabilities are too high on average", "probabilities are too low on average"),
        )
        for what, off in ((below, found.high < ideal - _SLOPE_MARGIN), (above, found.low > ideal + _SLOPE_MARGIN))
        if off
    ]
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


def about_units(test: Dataset, measured: Mapping[str, Measure], units: Units | None) -> list[Finding]:
    """Say where intervals rest on few groups, or on rows that seem to belong together and were taken as independent.

    Rows belong together where the influences of the rows of a group rise and fall together: their sums vary more than
    those of independent rows would, by 3.5 standard deviations at least, and intervals by a tenth.

    Parameters
    ----------
    test : Dataset
        Its columns that tell many groups apart are tried, and rows that are exact copies.
    measured : mapping of str to Measure
        The metrics of its rows.
    units : Units or None
        What is known of them.
    """
    if units:
        if units.serial or units.count >= FEW_GROUPS:
            return []
        note = f"The test part holds only {units}: intervals that rest on so few are rough. Gather more groups."
        return [Finding("EVAL-FEW-GROUPS", "medium", note, units.name)]
    influences = [measured[name].influence for name in _TELLING if name in measured]
    telling = [influence for influence in influences if influence is not None and influence.any()]
    found = ((_widening(influence, one), one.name) for one in _candidates(test) for influence in telling)
    times, name = max(found, default=(1.0, ""))
    if times < _NOTABLE:
        return []
    if not name:
        note = f"Exact copies of rows count as new ones: intervals would be {times:.1f} times as wide without them."
        return [Finding("EVAL-DEPENDENT-ROWS", "medium", f"{note} Load the table without copies.", "test")]
    note = (
        f"Rows of the same {name!r} err alike: intervals would be up to {times:.1f} times as wide if they are not "
        f"independent. If they are not, give group={name!r}."
    )
    return [Finding("EVAL-DEPENDENT-ROWS", "high" if times >= 1.5 else "medium", note, name)]


def _candidates(test: Dataset) -> Iterator[Units]:
    table = pd.concat([test.features, test.sensitive, test.others], axis=1)
    for place, name in enumerate(table.columns):
        column = table.iloc[:, place]
        named = bool(_UNITS.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name)).lower()))
        if pd.api.types.is_float_dtype(column) or (pd.api.types.is_numeric_dtype(column) and not named):
            continue
        units = Units.of(column, None)
        if units and units.count >= _LEAST_GROUPS and (named or test.rows <= _MOST_ROWS_A_GROUP * units.count):
            yield units
    copies = Units.of(pd.Series(pd.util.hash_pandas_object(test.frame(), index=False), name=""), None)
    # Rows of a few values each are equal by chance; where a column has as many values as there are rows, they are not.
    if copies and test.features.nunique().max() > copies.count / 2:
        yield copies


def _widening(influence: Array, units: Units) -> float:
    """Return how many times as wide groups make an interval; 1 where chance may explain it."""
    square, sums = influence**2, units.sums(influence)
    squares = units.sums(square)
    together, noise = float(sums @ sums - square.sum()), 2 * float(squares @ squares - square @ square)
    if noise <= 0 or together < _LEAST_Z * math.sqrt(noise):
        return 1.0
    return math.sqrt(float(sums @ sums) / float(square.sum()))
