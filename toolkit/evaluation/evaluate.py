"""Judge a fitted model: every metric with its interval on each part, beside the baseline, at a stated threshold."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core import Estimate, Finding, by_severity, spread
from toolkit.data import Dataset, Split, judged_rows
from toolkit.errors import InputError
from toolkit.evaluation.evaluation import Evaluation
from toolkit.evaluation.findings import about_decisions, about_units, finding, judge
from toolkit.models import Model, about_rows, count_held_out, in_order, make_baseline
from toolkit.models.prediction import Predictions, measure_speed, predict, threshold_for
from toolkit.models.threshold import Costs, Threshold, ThresholdLike, confusion_steps
from toolkit.statistics import Array, Units, calibration_bins, regression_metrics, weights_of
from toolkit.statistics.measure import Measure, difference, rival, share
from toolkit.statistics.metrics import binary_metrics, class_mean, class_table, multiclass_metrics

MOST_POINTS, SCORE_BINS, MOST_DOTS = 400, 40, 1000


def evaluate(
    model: Any,
    data: Dataset | Split,
    *,
    baseline: Any = None,
    threshold: ThresholdLike = None,
    seed: int = 0,
    latency: bool = True,
) -> Evaluation:
    """Measure a fitted model.

    Parameters
    ----------
    model : Model, or anything that ``Model.of`` takes
        What a model without ``predict_proba`` and ``decision_function`` leaves undefined is said; everything else is
        measured.
    data : Dataset or Split
        With a split every part is measured; a table alone counts as the test part.
    baseline : estimator or "guess", optional
        Measured on the test part beside the model, with the paired difference of the two; at its own threshold where
        one was chosen for it, else at the model's. ``"guess"`` knows only how often each outcome occurs (regression:
        the mean): in the training part, or in a single table itself, where no guess that is the same for every row has
        a lower log loss or squared error.
    threshold : float, str, mapping, Rule or Threshold, optional
        At which score a row is predicted positive, by default the model's own: see ``read_threshold``. A rule chooses
        on the validation part; where there is none, on the training part, and of a single table on that table, which
        is then said. The choice is the own threshold of ``evaluation.model``, which the other steps take. A model that
        decides by itself, and predictions that record decisions, are taken at their word: for them only the default
        will do.
    seed : int
        Of everything that is drawn by chance.
    latency : bool
        Whether to time predictions; recorded ones take no time.

    Returns
    -------
    Evaluation

    Raises
    ------
    InputError
        Where the model does not fit the table, or the threshold is not a rule or not of use for the task.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from toolkit import load_dataset
    >>> data = load_dataset("diabetes")
    >>> model = LinearRegression().fit(data.features, data.target)
    >>> print(evaluate(model, data, latency=False).scalars()["test.r2"])
    0.518 [0.450, 0.577]
    """
    parts = data.parts() if isinstance(data, Split) else {"test": judged_rows(data)}
    test = parts["test"]
    model = Model.of(model, test)
    predicted = {name: predict(model, part) for name, part in parts.items()}
    chosen = threshold_for(model, data, threshold, predicted)
    measured = {name: measure(part, chosen, parts[name].units, seed) for name, part in predicted.items()}
    said, compared = predicted["test"], dict[str, Measure]()
    notes = [*model.notes, *about_rows(model, test)]
    if baseline is not None:
        if isinstance(baseline, str):
            baseline, in_hindsight = _guess(baseline, parts)
            notes += in_hindsight
        other = Model.of(baseline, test)
        guessed, at, own = predict(other, test), chosen, other.threshold
        chose = own is not None and not own.rule.default
        if chosen and (chose or chosen.rule.default or said.probabilities != guessed.probabilities):
            # It has a threshold, none was chosen, or the scores of the two do not compare: the baseline decides itself.
            at = replace(chosen, value=own.value if own else np.nan)
        compared = measure(guessed, at, test.units, seed)
    numbers = _numbers(measured, compared)
    by_class = None
    if test.task == "multiclass":
        by_class = class_table(said.y_true, said.y_pred, said.y_prob, said.classes, units=test.units)
        names = ("precision", "recall", "f1", "roc_auc")
        numbers |= {f"test.{row['class']}.{name}": row[name] for _, row in by_class.iterrows() for name in names}
    if chosen and np.isfinite(chosen.value):
        numbers["threshold.value"] = Estimate(chosen.value, n=len(predicted.get(chosen.part, said).y_true))
    if latency and not model.recorded:
        numbers |= measure_speed(model, test.features, seed=seed)
    notes += [*(about_decisions(chosen, said) if chosen else ()), *about_units(test, measured["test"], test.units)]
    return Evaluation(
        data=test,
        threshold=chosen,
        parts=tuple(parts),
        numbers=numbers,
        by_class=by_class,
        confusion=_confusion(said, test, chosen),
        curves=_curves(said, chosen, seed, test.units),
        notes=tuple(by_severity([*notes, *judge(test.task, numbers, predicted)])),
        measured=measured["test"],
        model=replace(model, threshold=chosen),
        held_out="" if model.recorded else count_held_out(said, chosen, measured["test"]),
    )


def _numbers(measured: Mapping[str, dict[str, Measure]], compared: Mapping[str, Measure]) -> dict[str, Estimate]:
    numbers = {f"{part}.{name}": one.estimate for part, table in measured.items() for name, one in table.items()}
    for name, other in compared.items():
        own = measured["test"][name]
        numbers[f"baseline.{name}"], numbers[f"difference.{name}"] = rival(own, other).estimate, difference(own, other)
    for part, table in measured.items():
        if (found := next(iter(table.values())).units) and found.kind != "row":
            numbers[f"{part}.{found.kind}s"] = Estimate(found.count, n=len(found.codes))
    return numbers


def _guess(name: str, parts: Mapping[str, Dataset]) -> tuple[Any, list[Finding]]:
    """Fit the baseline that knows only how often each outcome occurs."""
    if name != "guess":
        raise InputError(f"The baseline must be a fitted model or 'guess'; found {name!r}.")
    known = parts.get("train", parts["test"])
    fitted = make_baseline(known.task).fit(known.features, known.target, sample_weight=known.weight)
    what = "the mean" if known.task == "regression" else "how often each class occurs"
    return fitted, [] if "train" in parts else [finding("BASELINE-IN-HINDSIGHT", "info", "baseline", what=what)]


def measure(predicted: Predictions, chosen: Threshold | None, units: Units | None, seed: int) -> dict[str, Measure]:
    """Measure predictions of labelled rows by every metric of their task.

    Parameters
    ----------
    predicted : Predictions
    chosen : Threshold or None
        At which a row is predicted positive; binary only.
    units : Units or None
        The independent observations, where these are not the rows.
    seed : int
    """
    if not predicted.classes:
        return regression_metrics(predicted.y_true, predicted.y_pred, units=units)
    if chosen is None:
        truth, guess = predicted.y_true.astype(np.intp), predicted.y_pred.astype(np.intp)
        return multiclass_metrics(truth, guess, predicted.y_prob, len(predicted.classes), units=units)
    called, score = predicted.decide(chosen.value), predicted.y_pred if predicted.scored else None
    options: dict[str, Any] = {"probabilities": predicted.probabilities, "units": units, "seed": seed}
    found = binary_metrics(predicted.y_true, score, decisions=called, **options)
    if costs := chosen.rule.costs:
        y, unit = predicted.y_true, float(np.ptp([costs.fp, costs.fn, costs.tp, costs.tn]))
        each = [np.where(called == 1, costs.tp, costs.fn), np.where(called == 1, costs.fp, costs.tn)]
        cost = class_mean(y, y, each, weights_of(units, len(y)), unit=unit, bounds=(-np.inf, np.inf))
        found["expected_cost"] = cost._replace(few=found["recall"].few).over(units)
    return found


def _confusion(predicted: Predictions, test: Dataset, chosen: Threshold | None) -> pd.DataFrame | None:
    if test.task == "regression":
        return None
    from sklearn.metrics import confusion_matrix

    names = [str(label) for label in (in_order(test) if chosen else predicted.classes)]
    guess = predicted.decide(chosen.value) if chosen else predicted.y_pred
    cells = confusion_matrix(predicted.y_true, guess, labels=range(len(names)), sample_weight=predicted.weights)
    return pd.DataFrame(cells, index=pd.Index(names, name="true"), columns=pd.Index(names, name="predicted"))


def _curves(predicted: Predictions, at: Threshold | None, seed: int, units: Units | None) -> dict[str, pd.DataFrame]:
    """Compute what the figures show, as frames of a few hundred rows: a residual is prediction minus truth."""
    if not predicted.classes:
        n = len(predicted.y_true)
        picked = np.sort(np.random.default_rng(seed).choice(n, min(MOST_DOTS, n), replace=False))
        dots = pd.DataFrame({"actual": predicted.y_true[picked], "predicted": predicted.y_pred[picked]})
        dots["residual"] = dots["predicted"] - dots["actual"]
        return {"predicted_vs_actual": dots, "residuals": dots}
    if at is None or not predicted.scored or predicted.y_true.sum() in (0, len(predicted.y_true)):
        return {}
    return binary_curves(predicted, units, at.rule.costs)


def binary_curves(found: Predictions, units: Units | None, costs: Costs | None) -> dict[str, pd.DataFrame]:
    """Compute every curve of a binary classifier.

    Parameters
    ----------
    found : Predictions
        Of rows of both classes. Where their scores are no probabilities, there is no calibration curve.
    units : Units or None
        The independent observations, where these are not the rows, and how much each row counts.
    costs : Costs or None
        With them the cost curve is computed too.

    Returns
    -------
    dict of str to DataFrame
        ``roc`` (threshold, false_positive_rate, recall), ``precision_recall`` (threshold, recall, precision), ``gain``
        (threshold, called, recall), ``cost`` (threshold, expected_cost), ``calibration`` (predicted, observed, low,
        high, n), ``scores`` (low, high, positive, negative: shares of each class).

    Examples
    --------
    >>> y_true, y_score = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.35, 0.8])
    >>> found = Predictions(y_true, y_score, None, True, ("no", "yes"))
    >>> binary_curves(found, None, None)["roc"]["recall"].tolist()
    [0.0, 0.5, 0.5, 1.0, 1.0]
    """
    y_true, y_score, each = found.y_true, found.y_pred, weights_of(units, len(found.y_true))
    steps, hits, called = confusion_steps(y_true, y_score, each)
    n, ones = len(y_true), float(y_true @ each)
    kept, progress = np.arange(len(steps)), hits / ones + (called - hits) / (n - ones)
    if len(steps) > MOST_POINTS:
        # Evenly along both rates, which never fall; both ends stay.
        kept = np.unique(np.searchsorted(progress, np.linspace(progress[0], progress[-1], MOST_POINTS)))
    steps, hits, called = steps[kept], hits[kept], called[kept]
    curve = pd.DataFrame({"threshold": steps, "false_positive_rate": (called - hits) / (n - ones)})
    curve = curve.assign(recall=hits / ones, called=called / n)
    decided = curve.loc[1:, ["threshold", "recall"]].assign(precision=hits[1:] / called[1:]).reset_index(drop=True)
    curves = {"roc": curve[["threshold", "false_positive_rate", "recall"]], "precision_recall": decided}
    curves |= {"gain": curve[["threshold", "called", "recall"]], "scores": _score_bins(y_true, y_score, each)}
    if costs:
        total = costs.total(hits, called - hits, ones, n - ones)
        curves["cost"] = pd.DataFrame({"threshold": steps, "expected_cost": total / n})
    if found.probabilities:
        sizes, predicted, _, place = calibration_bins(y_true, y_score, each)
        rates = [share(y_true, each * (place == at)).over(units).estimate for at in range(len(sizes))]
        observed = spread(pd.DataFrame({"predicted": predicted, "value": rates})).rename(columns={"value": "observed"})
        curves["calibration"] = observed.assign(n=sizes.astype(int))
    return curves


def _score_bins(y_true: Array, y_score: Array, weights: Array) -> pd.DataFrame:
    low, high = float(y_score.min()), float(y_score.max())
    low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
    edges = np.linspace(low, high if high > low else low + 1, SCORE_BINS + 1)
    classes = {"positive": y_true, "negative": 1 - y_true}
    shares = {name: np.histogram(y_score, edges, weights=weights * y)[0] / (weights @ y) for name, y in classes.items()}
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], **shares})
