"""Every metric of every group for each kind of task: counted, ranked or averaged; and how far apart groups are."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from toolkit.core import AIMED_AT, LOWER_IS_BETTER, Estimate, beside, side_by_side, spoken, unique, value_text
from toolkit.errors import listed
from toolkit.fairness.clusters import Grouping, Resampling, draw_errors
from toolkit.fairness.rates import KINDS, measure_rates
from toolkit.fairness.spread import Disparity, GroupMetric, from_scale, measure_disparity, to_scale
from toolkit.models import Predictions
from toolkit.statistics import Array, Mask, Measure, Z, area_of, benjamini_hochberg, calibration_of, mean
from toolkit.statistics.regression import power_of_two, root_mean_square

MOST_CLASSES, MOST_THRESHOLDS = 10, 200
#: Fewer than for a whole table, as there are many groups.
CALIBRATION_DRAWS = 500
#: Counted metrics of a binary task, and of one class against the rest.
BINARY_METRICS = tuple(KINDS)
CLASS_METRICS = ("selection_rate", "base_rate", "recall", "false_positive_rate", "precision")

#: Metrics by class (empty where a metric is of all classes at once) and name.
Measured = dict[tuple[str, str], GroupMetric]


class Parity(NamedTuple):
    """What is to be equal between groups.

    Attributes
    ----------
    metrics : sequence of str
        Of several the one that differs most counts.
    family : str
        Parities of one family are reported once.
    ratio : bool
        Whether there is a ratio beside the difference.
    drawn : bool
        Whether the difference is drawn.
    """

    metrics: Sequence[str]
    family: str
    ratio: bool = False
    drawn: bool = False


METRICS = beside(__file__, "metrics.yaml")
PARITIES = {str(name): Parity(**parity) for name, parity in METRICS["parities"].items()}
FOREMOST = tuple(name for name, parity in PARITIES.items() if parity.drawn)


def ranked(predicted: Predictions) -> bool:
    """Whether scores decide: the rows under audit are then in their rising order."""
    return predicted.decisions is not None and predicted.scored and len(predicted.decisions) > 0


def measure_groups(predicted: Predictions, grouping: Grouping, how: Resampling) -> Measured:
    """Measure the groups of one grouping.

    Parameters
    ----------
    predicted : Predictions
    grouping : Grouping
    how : Resampling
    """
    truth, guess, enough = predicted.y_true, predicted.y_pred, grouping.counts >= how.least
    measured, unit = Measured(), 1.0

    def add(name: str, measure: Callable[..., Measure], *values: Array, judged: Mask = enough, **options: Any) -> None:
        each = grouping.measured(measure, *values, **options)
        sums = [one.units.changes(one.influence) for one in each if one.units and one.influence is not None]
        drawn = draw_errors(sums, grouping.places, how) if sums else None
        estimates = [one.estimate.times(unit) for one in each]
        measured["", name] = compared(name, estimates, judged, how, drawn, measure is area_of)

    if not predicted.classes:
        # Divided by a power of two near the largest first, which is exact and keeps squares finite.
        unit = power_of_two(truth, guess)
        truth, guess = truth / unit, guess / unit
        reach = float(np.ptp(truth)) or float(np.abs(truth).max(initial=0)) or 1.0
        level: dict[str, Any] = {"bounds": (-math.inf, math.inf), "unit": reach}
        add("mean_prediction", mean, guess, **level)
        add("mean_residual", mean, truth - guess, **level)
        add("mean_absolute_error", mean, np.abs(truth - guess), unit=reach)
        add("root_mean_squared_error", root_mean_square, truth - guess, reach=reach)
        return measured
    for kind, true, called, names in _counted(predicted):
        rates = measure_rates(grouping.counted(true, called), names, how)
        measured |= {(kind, name): metric for name, metric in rates.items()}
    if ranked(predicted):
        add("roc_auc", area_of, truth, guess, judged=rates["balanced_accuracy"].judged)
        if predicted.probabilities:
            add("brier_score_loss", mean, (guess - truth) ** 2, bounds=(0.0, 1.0))
            add("calibration_gap", mean, guess - truth, bounds=(-1.0, 1.0))
            name, none = "expected_calibration_error", np.zeros_like(enough)
            errors = [one.estimate for one in grouping.measured(calibration_of, truth, guess, draws=CALIBRATION_DRAWS)]
            # Not compared, as chance alone makes it larger in smaller groups.
            measured["", name] = replace(compared(name, errors, none, how, None), judged=enough)
    return measured


def _counted(predicted: Predictions) -> Iterator[tuple[str, Array, Array, Sequence[str]]]:
    """Yield what is counted: a class, where it is true, where it is called, and the metrics of these counts."""
    truth, guess = predicted.y_true, predicted.y_pred
    if predicted.decisions is not None:
        yield "", truth, predicted.decisions, BINARY_METRICS
        return
    yield "", np.ones(len(truth)), (truth == guess).astype(float), ("accuracy",)
    labels = unique(value_text(label) for label in predicted.classes)
    common = np.argsort(-np.bincount(truth.astype(np.intp), minlength=len(labels)), kind="stable")
    for code in sorted(common[:MOST_CLASSES].tolist()):
        yield labels[code], (truth == code).astype(float), (guess == code).astype(float), CLASS_METRICS


def compared(
    name: str, estimates: list[Estimate], judged: Mask, how: Resampling, drawn: Array | None, proportion: bool = False
) -> GroupMetric:
    """Make a metric comparable between groups: errors, normal unless drawn, that are as wide as each interval."""
    judged = judged & np.array([found.has_interval for found in estimates], dtype=bool)
    kept = [found for found, wanted in zip(estimates, judged, strict=True) if wanted]
    values, low, high = (np.array([getattr(found, end) for found in kept]) for end in ("value", "low", "high"))
    at = to_scale(values, proportion)
    sides = np.maximum(to_scale(high, proportion) - at, at - to_scale(low, proportion)) / Z
    errors = (how.normal(len(kept)) if drawn is None else drawn[judged]) * sides[:, None]
    deviations = (high - low) / (2 * Z)
    same = np.average(values, weights=(deviations.min() / deviations) ** 2) if len(kept) else math.nan
    chance = from_scale(to_scale(np.asarray(same), proportion) + errors, proportion)
    constant = proportion & ((values <= 0) | (values >= 1))
    return GroupMetric(name, tuple(estimates), judged, values, errors, deviations, chance, constant, proportion)


def threshold_curves(predicted: Predictions, groupings: Sequence[Grouping], threshold: float) -> pd.DataFrame:
    """Follow selection rate, recall and false positive rate of every group over at most 200 thresholds.

    They are every score that occurs, or where there are more their quantiles. Empty where there are no scores.

    Parameters
    ----------
    predicted : Predictions
    groupings : sequence of Grouping
    threshold : float
        The one in use, which is among them where it is finite.
    """
    if not ranked(predicted):
        return pd.DataFrame()
    score, most = predicted.y_pred, MOST_THRESHOLDS - 2
    levels = np.unique(score)
    levels = levels if len(levels) <= most else score[np.linspace(0, len(score) - 1, most).astype(np.intp)]
    given = [threshold] if math.isfinite(threshold) else []
    grid, curves = np.unique([*levels, *given, math.nextafter(float(score[-1]), math.inf)]), []
    for grouping in groupings:
        for label, rows, weights in zip(grouping.labels, grouping.rows, grouping.weights, strict=True):
            truth, each = predicted.y_true[rows], np.ones(len(rows)) if weights is None else weights
            kinds = np.column_stack([each, each * truth, each * (1 - truth)])
            # What they weigh from each row on, and after the last one.
            reached = np.vstack([np.cumsum(kinds[::-1], axis=0)[::-1], np.zeros(3)])
            with np.errstate(invalid="ignore"):
                rates = reached[np.searchsorted(score[rows], grid)] / reached[0]
            named = dict(zip(("selection_rate", "recall", "false_positive_rate"), rates.T, strict=True))
            known = {"feature": grouping.feature, "group": label, "threshold": grid}
            counts = {"rows": len(rows), "positives": int(truth.sum())}
            curves.append(pd.DataFrame(known | named | counts))
    return pd.concat(curves, ignore_index=True)


def group_table(grouping: Grouping, measured: Measured) -> pd.DataFrame:
    """Return one row a group and metric.

    Columns ``feature, group, rows, units`` (what the rows belong to, else the rows), ``class, metric, value`` (an
    Estimate), ``judged``.
    """
    rows, units = grouping.counts.tolist(), [units.count for units, _ in grouping.among]
    sizes = list(zip(grouping.labels, rows, units or rows, strict=True))
    found = [
        (grouping.feature, *size, kind, name, value, bool(judged))
        for (kind, name), metric in measured.items()
        for size, value, judged in zip(sizes, metric.estimates, metric.judged, strict=True)
    ]
    return pd.DataFrame(found, columns=["feature", "group", "rows", "units", "class", "metric", "value", "judged"])


def too_few(groups: pd.DataFrame, least: int) -> pd.DataFrame:
    """Return the groups that are not judged, or not by every metric, and why: ``feature, group, rows, too_few``."""
    rows = groups[["feature", "group", "rows"]].drop_duplicates()
    scarce = groups[(groups["rows"] >= least) & ~groups["judged"] & groups["metric"].isin(METRICS["kinds"])]
    found = [
        f"{one.n} {METRICS['kinds'][metric]}" + (f" (class {kind})" if kind else "")
        for kind, metric, one in zip(scarce["class"], scarce["metric"], scarce["value"], strict=True)
    ]
    scarce = scarce.assign(too_few=np.array(found, dtype=object))
    joined = scarce.groupby(["feature", "group", "rows"], sort=False)["too_few"].agg(listed, 3).reset_index()
    return pd.concat([rows[rows["rows"] < least].assign(too_few=f"fewer than {least} rows"), joined], ignore_index=True)


def disparity_table(every: Iterable[tuple[Grouping, Measured]], custom: Iterable[str] = ()) -> pd.DataFrame:
    """Return one row a disparity, without adjusted p values; a disparity that is not defined has the value nan.

    Of ``custom`` metrics there are the difference and the ratio.
    """
    parities = PARITIES | {name: Parity([name], "METRIC", ratio=True) for name in custom}

    def rows(grouping: Grouping, measured: Measured) -> list[dict[str, object]]:
        return [
            {"feature": grouping.feature, "class": kind, "disparity": f"{name}_{'ratio' if ratio else 'difference'}"}
            | _disparity([measured[kind, metric] for metric in parity.metrics], ratio, grouping)
            for kind in dict.fromkeys(kind for kind, _ in measured)
            for name, parity in parities.items()
            if all((kind, metric) in measured for metric in parity.metrics)
            for ratio in ((False, True) if parity.ratio else (False,))
        ]

    found = side_by_side([partial(rows, *one) for one in every])
    return adjusted(pd.DataFrame([row for each in found for row in each]))


def adjusted(table: pd.DataFrame) -> pd.DataFrame:
    """Adjust the p values for all comparisons of the table by Benjamini and Hochberg's method."""
    return table.assign(p_adjusted=benjamini_hochberg(table["p_value"].to_numpy(dtype=float)))


def _disparity(parts: list[GroupMetric], ratio: bool, grouping: Grouping) -> dict[str, object]:
    first, labels = parts[0], grouping.labels
    undefined = Disparity(Estimate(math.nan, n=sum(one.n for one in first.kept)), math.nan, math.nan, first.name, 0, 0)
    found = measure_disparity(parts, ratio=ratio) or undefined
    by_name, (clear, *pair) = {part.name: part.estimates for part in parts}, found.clearest or ("",)
    clearest = " and ".join(f"{by_name[clear][place]} for {labels[place]}" for place in pair)
    estimates, worst, best = by_name[found.metric], found.lowest, found.highest
    lower = found.metric in LOWER_IS_BETTER or found.metric.endswith(("_loss", "_error"))
    if lower or (found.metric in AIMED_AT and abs(estimates[best].value) > abs(estimates[worst].value)):
        worst, best = best, worst
    named = {"worst": labels[worst], "best": labels[best]} if worst != best else {"worst": "", "best": ""}
    value, units = found.estimate, grouping.units
    value = replace(value, method=f"{value.method}; {units}") if units and value.has_interval else value
    numbers = {"value": value, "expected": found.expected, "p_value": found.p_value, "p_adjusted": math.nan}
    named |= {"metric": found.metric, "clearest": f"{spoken(clear)} {clearest}".strip()}
    return numbers | named | {"groups": min(int(part.judged.sum()) for part in parts)}
