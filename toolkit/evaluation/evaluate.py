"""Judge a fitted model: every metric with its interval on each part, beside the baseline, at a stated threshold."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core.estimate import Estimate, format_number, spread
from toolkit.core.face import Face
from toolkit.core.figures import Drawing
from toolkit.core.numbers import UNKNOWN, against_baseline
from toolkit.core.result import Finding, Record, Result, by_severity
from toolkit.core.words import titled
from toolkit.data.dataset import Dataset
from toolkit.data.fingerprint import fingerprint
from toolkit.data.split import Split, judged_rows
from toolkit.errors import InputError
from toolkit.evaluation.curves import binary_curves, regression_curves
from toolkit.evaluation.figures import drawings
from toolkit.evaluation.findings import about_decisions, about_units, face, finding, judge
from toolkit.models.candidates import make_baseline
from toolkit.models.choice import threshold_for
from toolkit.models.held_out import KEPT_AS as HELD_OUT, count_held_out
from toolkit.models.model import Model, in_order
from toolkit.models.prediction import Predictions, measure_speed, predict
from toolkit.models.threshold import DEFAULT, KEPT_AS, Threshold, ThresholdLike
from toolkit.statistics.measure import Measure, difference, mean, rival
from toolkit.statistics.metrics import binary_metrics, class_table, multiclass_metrics
from toolkit.statistics.regression import regression_metrics
from toolkit.statistics.replicates import FILE, replicate, write_replicates
from toolkit.statistics.units import Units

_KINDS = ("baseline", "difference")


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
        Measured on the test part beside the model, with the paired difference of the two. ``"guess"`` knows only how
        often each outcome occurs (regression: the mean): in the training part, or in a single table itself, where no
        guess that is the same for every row has a lower log loss or squared error.
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
    notes = [*model.notes, *(about_decisions(chosen, predicted["test"]) if chosen else ())]
    units = {name: Units.of(part.group, part.time, part.weight) for name, part in parts.items()}
    measured = {name: measure(part, chosen, units[name], seed) for name, part in predicted.items()}
    compared = {}
    if baseline is not None:
        if isinstance(baseline, str):
            baseline, in_hindsight = _guess(baseline, parts)
            notes += in_hindsight
        guessed = predict(baseline, test)
        at = chosen
        if chosen and not (math.isfinite(chosen.value) and predicted["test"].probabilities == guessed.probabilities):
            # The scores of the two do not compare, so the baseline decides at its own boundary.
            at = replace(chosen, value=DEFAULT if guessed.probabilities else 0.0)
        compared = measure(guessed, at, units["test"], seed)
    numbers = _numbers(measured, compared, units)
    notes += about_units(test, measured["test"], units["test"])
    by_class, said = None, predicted["test"]
    if test.task == "multiclass":
        by_class = class_table(said.y_true, said.y_pred, said.y_prob, said.classes, units=units["test"])
        names = ("precision", "recall", "f1", "roc_auc")
        numbers |= {f"test.{row['class']}.{name}": row[name] for _, row in by_class.iterrows() for name in names}
    if chosen and math.isfinite(chosen.value):
        numbers["threshold.value"] = Estimate(chosen.value, n=len(predicted.get(chosen.part, predicted["test"]).y_true))
    if latency and not model.recorded:
        numbers |= measure_speed(model, test.features, seed=seed)
    return Evaluation(
        data=test,
        threshold=chosen,
        parts=tuple(parts),
        numbers=numbers,
        by_class=by_class,
        confusion=_confusion(predicted["test"], test, chosen),
        curves=_curves(predicted["test"], test.task, chosen, seed),
        notes=tuple(by_severity([*notes, *judge(test.task, numbers, predicted)])),
        measured=measured["test"],
        model=replace(model, threshold=chosen),
        held_out="" if model.recorded else count_held_out(predicted["test"], chosen, measured["test"]),
    )


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Result):
    """How good a model is, in numbers with intervals.

    Attributes
    ----------
    data : Dataset
        The test part.
    threshold : Threshold or None
        At which score a row is predicted positive, and why; binary only.
    parts : tuple of str
        Parts of the split that were measured.
    numbers : dict of str to Estimate
        Everything measured, by dotted name.
    by_class : DataFrame or None
        Multiclass, on the test part: precision, recall, F1 and AUC of each class against the rest.
    confusion : DataFrame or None
        Counts on the test part, or sums of weights of mean 1: a row a true class, a column a predicted class.
    curves : dict of str to DataFrame
        What the figures draw: see ``toolkit.evaluation.curves``.
    notes : tuple of Finding
    measured : dict of str to Measure
        The metrics of the test part with the influence of each row.
    model : Model
        The model that was measured, which decides at this threshold: the other steps take it.
    held_out : str
        Counts of the test part by score, or sums of its errors, which are kept with the model: see
        ``toolkit.models.held_out``.
    """

    data: Dataset
    threshold: Threshold | None
    parts: tuple[str, ...]
    numbers: dict[str, Estimate]
    by_class: pd.DataFrame | None
    confusion: pd.DataFrame | None
    curves: dict[str, pd.DataFrame]
    notes: tuple[Finding, ...]
    measured: dict[str, Measure] = field(repr=False)
    model: Model = field(repr=False)
    held_out: str = field(default="", repr=False)

    def frame(self) -> pd.DataFrame:
        """Return one row a metric and part; on the test part also the baseline and the difference to it."""
        rows = []
        for metric in self.measured:
            for part in self.parts:
                found, names = self.numbers[f"{part}.{metric}"], [f"{kind}.{metric}" for kind in _KINDS]
                base, apart = (self.numbers.get(name if part == "test" else "", UNKNOWN) for name in names)
                rows.append((metric, part, found, found.method, base, apart, apart.method))
        table = pd.DataFrame(rows, columns=["metric", "part", "value", "method", *_KINDS, "difference_method"])
        return spread(table).drop(columns=[f"{kind}_n" for kind in _KINDS])

    def scalars(self) -> dict[str, Estimate]:
        """Return every number: ``<part>.<metric>``, ``baseline.<metric>``, ``difference.<metric>``, ``latency.…``."""
        return dict(self.numbers)

    def drawings(self) -> list[Drawing]:
        """Return the figures this task has."""
        return drawings(self)

    def record(self) -> Record:
        """Return how the threshold was chosen, and replicates by which a later model can be compared in pairs."""
        at, files = self.threshold, {FILE: self._replicates}
        kept = {KEPT_AS: at.text()} if at and math.isfinite(at.value) else {}
        kept |= {HELD_OUT: self.held_out} if self.held_out else {}
        parameters, numbers = {"threshold": str(at)} if at else {}, against_baseline(self.numbers)
        return Record(parameters, model=self.model.record(), files=files, kept=kept, numbers=numbers)

    @cached_property
    def _replicates(self) -> str:
        return write_replicates(replicate(self.measured), fingerprint(self.data.target.rename("target").reset_index()))

    def face(self) -> Face:
        """Return the threshold, and the metrics of the test part beside the baseline's."""
        numbers, rows, first = self.numbers, [], next(iter(self.measured))
        for metric in self.measured:
            row: dict[str, object] = {"metric": metric, "test": numbers[f"test.{metric}"]}
            row |= {kind: numbers[name] for kind in _KINDS if (name := f"{kind}.{metric}") in numbers}
            rows.append(row | {part: numbers[f"{part}.{metric}"].value for part in self.parts if part != "test"})
        frames = [pd.DataFrame(rows), *([] if self.by_class is None else [self.by_class])]
        base, units, at = numbers.get(f"baseline.{first}"), self.measured[first].units, self.threshold
        about = {"against": f", against {format_number(base.value)} for the baseline" if base else ""}
        about |= {"units": f" {units.text}" if units else "", "metric": titled(first)}
        about |= {"positive": f" Positive is {self.data.positive}, predicted {at.called}." if at else ""}
        return face("evaluation", self, *frames, value=numbers[f"test.{first}"], **about)


def _numbers(
    measured: Mapping[str, dict[str, Measure]], compared: Mapping[str, Measure], units: Mapping[str, Units | None]
) -> dict[str, Estimate]:
    numbers = {f"{part}.{name}": one.estimate for part, table in measured.items() for name, one in table.items()}
    for name, other in compared.items():
        own = measured["test"][name]
        numbers[f"baseline.{name}"], numbers[f"difference.{name}"] = rival(own, other).estimate, difference(own, other)
    for part, found in units.items():
        if found and found.kind != "row":
            numbers[f"{part}.{found.kind}s"] = Estimate(found.count, n=len(found.codes))
    return numbers


def _guess(name: str, parts: Mapping[str, Dataset]) -> tuple[Any, list[Finding]]:
    """Fit the baseline that knows only how often each outcome occurs."""
    if name != "guess":
        raise InputError(f"The baseline must be a fitted model or 'guess'; found {name!r}.")
    known = parts.get("train", parts["test"])
    weight = None if known.weight is None else known.weight.to_numpy()
    fitted = make_baseline(known.task).fit(known.features, known.target, sample_weight=weight)
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
        each, dearest = costs.of(predicted.y_true, called), float(np.ptp([costs.fp, costs.fn, costs.tp, costs.tn]))
        found["expected_cost"] = mean(each, predicted.weights, bounds=(-math.inf, math.inf), unit=dearest).over(units)
    return found


def _confusion(predicted: Predictions, test: Dataset, chosen: Threshold | None) -> pd.DataFrame | None:
    if test.task == "regression":
        return None
    from sklearn.metrics import confusion_matrix

    names = [str(label) for label in (in_order(test) if chosen else predicted.classes)]
    guess = predicted.decide(chosen.value) if chosen else predicted.y_pred
    cells = confusion_matrix(predicted.y_true, guess, labels=range(len(names)), sample_weight=predicted.weights)
    return pd.DataFrame(cells, index=pd.Index(names, name="true"), columns=pd.Index(names, name="predicted"))


def _curves(predicted: Predictions, task: str, chosen: Threshold | None, seed: int) -> dict[str, pd.DataFrame]:
    if task == "regression":
        return regression_curves(predicted.y_true, predicted.y_pred, seed=seed)
    if chosen is None or not predicted.scored or predicted.y_true.sum() in (0, len(predicted.y_true)):
        return {}
    rows = predicted.y_true, predicted.y_pred, predicted.weights
    return binary_curves(*rows, costs=chosen.rule.costs, probabilities=predicted.probabilities)
