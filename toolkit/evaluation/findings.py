"""What the numbers of an evaluation say, in sentences: no better than the baseline, miscalibrated, dependent."""

import re
from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from pandas.api.types import is_float_dtype, is_numeric_dtype

from toolkit.core import Finding, beside, counted, drawer, facer, finder, refuser, spoken
from toolkit.core.estimate import LOWER_IS_BETTER, UNKNOWN, Estimate, format_number
from toolkit.data import Dataset, column_kind
from toolkit.models import Predictions, Threshold
from toolkit.statistics import FEW_GROUPS, HEAVY, Array, Measure, Units, mover_difference

finding, face, refusal, drawing = finder(__file__), facer(__file__), refuser(__file__), drawer(__file__)
_WORDS = beside(__file__, "words.yaml")
FEW_ROWS = 20
#: Of a class no larger share is decided rightly where the other decision is this rare.
ONE_SIDED, FEW = 0.05, ("Hardly anybody", "Nearly everybody")
_NOTABLE_GAP, _NOTABLE_RATIO = 0.03, 0.1
_SLOPE_MARGIN = 0.1
_LEAST_GROUPS, _MOST_ROWS_A_GROUP = 30, 50
_LEAST_Z, _NOTABLE = 3.5, 1.1
#: Words in the name of a column that tell one unit from another.
_UNITS = re.compile(rf"(^|[^a-z])({'|'.join(_WORDS['units'])})([^a-z]|$)")


def judge(task: str, numbers: Mapping[str, Estimate], predicted: Mapping[str, Predictions]) -> Iterator[Finding]:
    """Yield what a reader should know about measured numbers.

    Parameters
    ----------
    task : {"binary", "multiclass", "regression"}
    numbers : mapping of str to Estimate
        By dotted name, as in ``Evaluation.scalars``.
    predicted : mapping of str to Predictions
        The predictions of each part.
    """
    test = predicted["test"]
    usable = (name for name in _WORDS["deciding"][task] if numbers.get(f"test.{name}", UNKNOWN).has_interval)
    if metric := next(usable, ""):
        yield from _against_baseline(metric, numbers)
        yield from _overfit(metric, numbers)
    if (area := numbers.get("test.roc_auc", UNKNOWN)).high < 0.5:
        yield finding("EVAL-RANKS-BACKWARDS", "high", "roc_auc", area=area)
    if numbers.get("test.root_mean_squared_error", UNKNOWN).method == HEAVY:
        size, middle = (numbers[f"test.{name}"] for name in ("mean_absolute_error", "median_absolute_error"))
        yield finding("EVAL-HEAVY-TAILS", "high", "root_mean_squared_error", size=size, middle=middle)
    yield from _calibration(numbers)
    yield from _bias(numbers, test)
    if task != "regression":
        for part, said in predicted.items():
            yield from _classes(part, said, task)
        if not test.scored:
            yield finding("EVAL-NO-SCORES", "info", "model")
        elif not test.probabilities:
            names = "log loss, Brier score and calibration" if task == "binary" else "log loss and ROC AUC"
            yield finding("EVAL-NO-PROBABILITIES", "low", "model", names=names)
        elif wrong := int((test.chance(test.y_true) == 0).sum()):
            yield finding("EVAL-CERTAIN-AND-WRONG", "medium", "log_loss", wrong=wrong, rows=len(test.y_true))


def about_decisions(chosen: Threshold, test: Predictions) -> Iterator[Finding]:
    """Say what a threshold does: how it was chosen, and whether it calls (nearly) nobody or everybody positive."""
    yield from chosen.notes
    seen = {"train": ("THRESHOLD-ON-TRAINING", "medium"), "test": ("THRESHOLD-ON-TEST", "high")}
    if not chosen.kept and chosen.part in seen:
        yield finding(*seen[chosen.part], "threshold")
    rows, share, rate = len(test.y_true), float(test.decide(chosen.value).mean()), float(test.y_true.mean())
    said = {"called": chosen.called, "positive": round(share * rows), "rows": rows, "rate": f"{rate:.1%}"}
    few = share < rate * ONE_SIDED or 1 - share < (1 - rate) * ONE_SIDED
    if share not in (0, 1) and few and chosen.rule.default:
        yield finding("THRESHOLD-ONE-SIDED few", "medium", "threshold", who=FEW[share > rate], **said)
    if share in (0, 1) and rate not in (0, 1):
        text = f"THRESHOLD-ONE-SIDED {'everybody' if share else 'nobody'}{' by score' if test.scored else ''}"
        ends = {"lowest": format_number(float(test.y_pred.min())), "highest": format_number(float(test.y_pred.max()))}
        yield finding(text, "high", "threshold", **said, **ends)


def _against_baseline(metric: str, numbers: Mapping[str, Estimate]) -> Iterator[Finding]:
    apart = numbers.get(f"difference.{metric}", UNKNOWN)
    worse, better = (apart.low > 0, apart.high < 0)[:: 1 if metric in LOWER_IS_BETTER else -1]
    if apart.has_interval and not better:
        said = {"name": spoken(metric), "own": numbers[f"test.{metric}"], "other": numbers[f"baseline.{metric}"]}
        text, severity = ("WORSE", "critical") if worse else ("NOT-BETTER", "high")
        yield finding(f"EVAL-{text}-THAN-BASELINE", severity, metric, **said, apart=apart)


def _overfit(metric: str, numbers: Mapping[str, Estimate]) -> Iterator[Finding]:
    train, test = numbers.get(f"train.{metric}", UNKNOWN), numbers[f"test.{metric}"]
    if not (train.has_interval and test.has_interval):
        return
    better, worse = (test, train) if metric in LOWER_IS_BETTER else (train, test)
    gap, (low, _) = better.value - worse.value, mover_difference(better, worse)
    limit = _NOTABLE_RATIO * test.value if metric in LOWER_IS_BETTER else _NOTABLE_GAP
    if low > 0 and gap >= limit:
        said = {"name": spoken(metric), "train": format_number(train.value), "test": format_number(test.value)}
        yield finding("EVAL-OVERFIT", "medium" if gap >= 2 * limit else "low", metric, **said)


def _calibration(numbers: Mapping[str, Estimate]) -> Iterator[Finding]:
    slope, said = numbers.get("test.calibration_slope", UNKNOWN), []
    if np.isfinite(slope.value) and not slope.has_interval:
        yield finding("EVAL-CALIBRATION-UNKNOWN", "low", "calibration", why=slope.method.partition(": ")[2])
        return
    for name, (ideal, below, above) in _WORDS["calibration"].items():
        found = numbers.get(f"test.calibration_{name}", UNKNOWN)
        what = below if found.high < ideal - _SLOPE_MARGIN else above if found.low > ideal + _SLOPE_MARGIN else ""
        said += [f"{what} (calibration {name} {found}, {ideal} is ideal)"] if what else []
    if said:
        sentence = " and ".join(said)
        yield finding("EVAL-MISCALIBRATED", "medium", "calibration", said=f"{sentence[:1].upper()}{sentence[1:]}")


def _bias(numbers: Mapping[str, Estimate], test: Predictions) -> Iterator[Finding]:
    bias, spread = numbers.get("test.bias", UNKNOWN), float(np.std(test.y_true))
    if bias.has_interval and not bias.low <= 0 <= bias.high and abs(bias.value) >= 0.05 * spread:
        least, most = sorted((abs(bias.low), abs(bias.high)))
        said = {"way": "high" if bias.value > 0 else "low", "size": Estimate(abs(bias.value), least, most)}
        yield finding("EVAL-BIASED", "medium", "bias", spread=format_number(spread), **said)


def _classes(part: str, found: Predictions, task: str) -> Iterator[Finding]:
    names = ("negative", "positive") if task == "binary" else tuple(map(str, found.classes))
    sizes = np.bincount(found.y_true.astype(int), minlength=len(names))
    if len(present := [name for name, size in zip(names, sizes, strict=True) if size]) < 2:
        only = f"one class only ({present[0]})" if present else "no rows"
        yield finding("EVAL-ONE-CLASS", "critical" if part == "test" else "high", part, only=only)
    elif part == "test" and sizes.min() < FEW_ROWS:
        yield finding("EVAL-FEW-ROWS", "medium", names[int(sizes.argmin())], rows=counted(int(sizes.min()), "row"))


def about_units(test: Dataset, measured: Mapping[str, Measure], units: Units | None) -> Iterator[Finding]:
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
        if units.kind == "group" and units.count < FEW_GROUPS:
            yield finding("EVAL-FEW-GROUPS", "medium", units.name, units=units)
        return
    influences = [measured[name].influence for name in _WORDS["telling"] if name in measured]
    telling = [influence for influence in influences if influence is not None and influence.any()]
    found = ((_widening(influence, one), one.name) for one in _candidates(test) for influence in telling)
    times, name = max(found, default=(1.0, ""))
    if times >= _NOTABLE and not name:
        yield finding("EVAL-DEPENDENT-ROWS copies", "medium", "test", times=times)
    elif times >= _NOTABLE:
        yield finding("EVAL-DEPENDENT-ROWS", "high" if times >= 1.5 else "medium", name, times=times)


def _candidates(test: Dataset) -> Iterator[Units]:
    for name, column in pd.concat([test.features, test.sensitive, test.others], axis=1).items():
        named = bool(_UNITS.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name)).lower()))
        if is_float_dtype(column) or (is_numeric_dtype(column) and not named) or column_kind(column) == "nested":
            continue
        # Not yet declared as a group, gaps say nothing of what belongs together.
        codes = pd.Series(column.factorize()[0], name=name)
        units = Units.of(codes.where(codes >= 0, -1 - np.arange(test.rows)), None)
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
    if noise <= 0 or together < _LEAST_Z * np.sqrt(noise):
        return 1.0
    return float(np.sqrt(float(sums @ sums) / float(square.sum())))
