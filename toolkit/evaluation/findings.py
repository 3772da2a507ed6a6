"""What the numbers of an evaluation say, in sentences: no better than the baseline, miscalibrated, dependent."""

import math
import re
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from toolkit.core.estimate import Estimate, format_number
from toolkit.core.numbers import UNKNOWN
from toolkit.core.resources import beside
from toolkit.core.result import Finding
from toolkit.core.texts import facer, finder, refuser
from toolkit.core.words import counted, spoken
from toolkit.data.dataset import Dataset
from toolkit.models.prediction import Predictions
from toolkit.models.threshold import Threshold
from toolkit.statistics.direction import LOWER_IS_BETTER
from toolkit.statistics.intervals import Array, mover_difference
from toolkit.statistics.measure import Measure
from toolkit.statistics.regression import HEAVY
from toolkit.statistics.units import FEW_GROUPS, Units

finding, face, refusal = finder(__file__), facer(__file__), refuser(__file__)
_WORDS = beside(__file__, "words.yaml")
DECIDING = _WORDS["deciding"]
FEW_ROWS = 20
_NOTABLE_GAP, _NOTABLE_RATIO = 0.03, 0.1
_SLOPE_MARGIN = 0.1
#: The metrics whose rows' influences tell.
_TELLING = ("calibration_intercept", "log_loss", "accuracy", "bias", "mean_absolute_error")
_LEAST_GROUPS, _MOST_ROWS_A_GROUP = 30, 50
_LEAST_Z, _NOTABLE = 3.5, 1.1
#: Words in the name of a column that tell one unit from another.
_UNITS = re.compile(rf"(^|[^a-z])({'|'.join(_WORDS['units'])})([^a-z]|$)")


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
    metric, findings = next(usable, ""), []
    if metric:
        findings += _against_baseline(metric, numbers) + _overfit(metric, numbers)
    area = numbers.get("test.roc_auc")
    if area and area.high < 0.5:
        findings.append(finding("EVAL-RANKS-BACKWARDS", "high", "roc_auc", area=area))
    if numbers.get("test.root_mean_squared_error", UNKNOWN).method == HEAVY:
        size, middle = (numbers[f"test.{name}"] for name in ("mean_absolute_error", "median_absolute_error"))
        findings.append(finding("EVAL-HEAVY-TAILS", "high", "root_mean_squared_error", size=size, middle=middle))
    findings += _calibration(numbers) + _bias(numbers, predicted["test"]) if task != "multiclass" else []
    if task != "regression":
        findings += [said for part, found in predicted.items() for said in _classes(part, found, task)]
        if not predicted["test"].scored:
            findings.append(finding("EVAL-NO-SCORES", "info", "model"))
        elif not predicted["test"].probabilities:
            names = "log loss, Brier score and calibration" if task == "binary" else "log loss and ROC AUC"
            findings.append(finding("EVAL-NO-PROBABILITIES", "low", "model", names=names))
    return findings


def about_decisions(chosen: Threshold, test: Predictions) -> list[Finding]:
    """Say what a threshold does: how it was chosen, and whether it calls nobody, or everybody, positive."""
    findings = list(chosen.notes)
    if not chosen.kept and chosen.part == "train":
        findings.append(finding("THRESHOLD-ON-TRAINING", "medium", "threshold"))
    if not chosen.kept and chosen.part == "test":
        findings.append(finding("THRESHOLD-ON-TEST", "high", "threshold"))
    share, rate = float(test.decide(chosen.value).mean()), float(test.y_true.mean())
    if share not in (0, 1) or rate in (0, 1):
        return findings
    who, missed = ("Nobody", "recall is 0") if share == 0 else ("Everybody", "it separates no rows")
    advice = ""
    if test.scored:
        which, score = ("highest", test.y_pred.max()) if share == 0 else ("lowest", test.y_pred.min())
        advice = f" The {which} score is {format_number(float(score))}. Choose the threshold by a rule, such as "
        advice += "threshold='max_f1' or 'recall>=0.8'."
    said = {"who": who, "called": chosen.called, "missed": missed, "advice": advice}
    return [*findings, finding("THRESHOLD-ONE-SIDED", "high", "threshold", **said)]


def _against_baseline(metric: str, numbers: Mapping[str, Estimate]) -> list[Finding]:
    apart = numbers.get(f"difference.{metric}")
    if apart is None or not apart.has_interval:
        return []
    worse, better = (apart.low > 0, apart.high < 0)[:: 1 if metric in LOWER_IS_BETTER else -1]
    if better:
        return []
    said = {"name": spoken(metric), "own": numbers[f"test.{metric}"], "other": numbers[f"baseline.{metric}"]}
    if worse:
        return [finding("EVAL-WORSE-THAN-BASELINE", "critical", metric, **said, apart=apart)]
    return [finding("EVAL-NOT-BETTER-THAN-BASELINE", "high", metric, **said, apart=apart)]


def _overfit(metric: str, numbers: Mapping[str, Estimate]) -> list[Finding]:
    train, test = numbers.get(f"train.{metric}"), numbers[f"test.{metric}"]
    if train is None or not (train.has_interval and test.has_interval):
        return []
    better, worse = (test, train) if metric in LOWER_IS_BETTER else (train, test)
    gap, (low, _) = better.value - worse.value, mover_difference(better, worse)
    limit = _NOTABLE_RATIO * test.value if metric in LOWER_IS_BETTER else _NOTABLE_GAP
    if low <= 0 or gap < limit:
        return []
    said = {"name": spoken(metric), "train": format_number(train.value), "test": format_number(test.value)}
    return [finding("EVAL-OVERFIT", "medium" if gap >= 2 * limit else "low", metric, **said)]


def _calibration(numbers: Mapping[str, Estimate]) -> list[Finding]:
    slope, shift = (numbers.get(f"test.calibration_{name}", UNKNOWN) for name in ("slope", "intercept"))
    if math.isfinite(slope.value) and not slope.has_interval:
        return [finding("EVAL-CALIBRATION-UNKNOWN", "low", "calibration", why=slope.method.partition(": ")[2])]
    said = [
        f"{what} (calibration {name} {found}, {ideal} is ideal)"
        for name, found, ideal, below, above in (
            ("slope", slope, 1, "predictions are too extreme", "predictions are too moderate"),
            ("intercept", shift, 0, "probabilities are too high on average", "probabilities are too low on average"),
        )
        for what, off in ((below, found.high < ideal - _SLOPE_MARGIN), (above, found.low > ideal + _SLOPE_MARGIN))
        if off
    ]
    sentence = " and ".join(said)
    sentence = f"{sentence[:1].upper()}{sentence[1:]}"
    return [finding("EVAL-MISCALIBRATED", "medium", "calibration", said=sentence)] if said else []


def _bias(numbers: Mapping[str, Estimate], test: Predictions) -> list[Finding]:
    bias, spread = numbers.get("test.bias", UNKNOWN), float(np.std(test.y_true))
    if not bias.has_interval or bias.low <= 0 <= bias.high or abs(bias.value) < 0.05 * spread:
        return []
    least, most = sorted((abs(bias.low), abs(bias.high)))
    said = {"way": "high" if bias.value > 0 else "low", "size": Estimate(abs(bias.value), least, most)}
    return [finding("EVAL-BIASED", "medium", "bias", spread=format_number(spread), **said)]


def _classes(part: str, found: Predictions, task: str) -> list[Finding]:
    names = ("negative", "positive") if task == "binary" else tuple(map(str, found.classes))
    sizes = np.bincount(found.y_true.astype(int), minlength=len(names))
    present = [name for name, size in zip(names, sizes, strict=True) if size]
    if len(present) < 2:
        only = f"one class only ({present[0]})" if present else "no rows"
        return [finding("EVAL-ONE-CLASS", "critical" if part == "test" else "high", part, part=part, only=only)]
    least = int(sizes.min())
    if part != "test" or least >= FEW_ROWS:
        return []
    label, rows = names[int(sizes.argmin())], counted(least, "row")
    return [finding("EVAL-FEW-ROWS", "medium", label, rows=rows, label=label)]


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
    if units and units.kind != "row":
        if units.kind == "time" or units.count >= FEW_GROUPS:
            return []
        return [finding("EVAL-FEW-GROUPS", "medium", units.name, units=units)]
    influences = [measured[name].influence for name in _TELLING if name in measured]
    telling = [influence for influence in influences if influence is not None and influence.any()]
    found = ((_widening(influence, one), one.name) for one in _candidates(test) for influence in telling)
    times, name = max(found, default=(1.0, ""))
    if times < _NOTABLE:
        return []
    if not name:
        return [finding("EVAL-DEPENDENT-ROWS copies", "medium", "test", times=times)]
    return [finding("EVAL-DEPENDENT-ROWS", "high" if times >= 1.5 else "medium", name, name=name, times=times)]


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
