"""Estimate how well a model does on rows whose labels have not come yet, and check the estimate once they have."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core import Drawing, Estimate, Face, Finding, Record, Result, by_severity, facer, refuser, spread
from toolkit.data import Dataset, cut_windows, data_like
from toolkit.drift.model import density_ratio
from toolkit.drift.profile import Profile
from toolkit.errors import InputError, NotApplicableError, listed, one_of
from toolkit.models import Model, Predictions, Threshold, ThresholdLike, predict, threshold_for
from toolkit.models.held_out import HeldOutErrors, about_rows, held_out_rows
from toolkit.monitoring.calibrator import fit_calibrator
from toolkit.monitoring.confidence import BINARY, CELLS, MOST_UNSUPPORTED, UNKNOWABLE, ByScore, Scored
from toolkit.monitoring.findings import WHOLE, change_from, estimates_drawing, head_numbers, headline, judge
from toolkit.monitoring.losses import REGRESSION, ByLoss, expect_by_bins, expect_errors
from toolkit.statistics import Units, holm, regression_metrics, weights_of

face, refusal = facer(__file__), refuser(__file__, NotApplicableError)

#: What reading a table here found that a model cannot make up for; a data set says it itself.
MISFITS = ("DATA-KIND-CHANGED", "DATA-UNSEEN-LABELS")
METRICS = {"binary": BINARY, "multiclass": ("accuracy",), "regression": REGRESSION}
LEAST_ROWS, MOST_WINDOWS = 20, 1000
_P_VALUES = ("p_value", "p_calibration")
_NO_LABELS = Estimate(np.nan, method="no labels")


def estimate_performance(
    model: Any,
    reference: Dataset | Profile,
    current: Dataset | pd.DataFrame,
    *,
    threshold: ThresholdLike = None,
    window: str | int | None = None,
    metrics: Sequence[str] | None = None,
    seed: int = 0,
) -> "PerformanceEstimate":
    """Estimate the performance of a model on rows without labels.

    Classification: the scores are calibrated on the reference, weighted to look like the current rows (Bialek et al.
    2024, arXiv:2401.08348), and every row then counts as positive with the probability that its score means there
    (average confidence in Garg et al. 2022, arXiv:2201.04234).
    See ``toolkit.monitoring.calibrator`` for the calibration and ``toolkit.monitoring.confidence`` for the intervals,
    which are to hold the value these rows will show once labels come. Of three classes or more accuracy alone is
    estimated. Regression: a model of the error, learnt on the reference (``toolkit.monitoring.losses``).

    All of it assumes that a row means what it meant on the reference, and that there are rows like it there: where over
    5% have none, estimates have no interval. A change of meaning (concept shift) cannot be seen without labels; with
    labels it is tested window by window, at 5% over all windows (Holm).

    Parameters
    ----------
    model : Model, or anything that ``Model.of`` takes
    reference : Dataset or Profile
        Labelled, and not the rows the model was fitted on. In place of a profile stand the scores and labels of the
        held-out rows that an experiment keeps with its model, which cannot be weighted, or of a regression their errors
        by predicted value, which know nothing of the features.
    current : Dataset or DataFrame
        Labels may be missing in some rows or in all.
    threshold : float, str, mapping, Rule or Threshold, optional
        Binary only, as for ``evaluate``; a rule chooses on the reference.
    window : {"day", "week", "month", "year"} or int, optional
        Estimate by windows of time, or of so many rows, too.
    metrics : sequence of str, optional
        By default all of the task: roc_auc, accuracy, precision, recall, f1; accuracy; mean_absolute_error,
        root_mean_squared_error.
    seed : int

    Returns
    -------
    PerformanceEstimate

    Raises
    ------
    NotApplicableError
        Where the model gives labels and no scores, or a metric cannot be estimated for the task.
    InputError
        Where the tables do not fit the model or each other, there are too few rows, or a parameter is wrong.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from toolkit import load_dataset
    >>> rng = np.random.default_rng(0)
    >>> table = pd.DataFrame({"x": rng.normal(size=3000)})
    >>> table["y"] = rng.random(3000) < 1 / (1 + np.exp(-2 * table["x"]))
    >>> data = load_dataset(table, target="y")
    >>> model = LogisticRegression().fit(data.features[:1000], data.target[:1000])
    >>> later = table[["x"]][2000:]
    >>> estimate = estimate_performance(model, data.take(range(1000, 2000)), later)
    >>> round(estimate.scalars()["drift.estimated.accuracy"].value, 3)
    0.767
    """
    if model is None:
        raise NotApplicableError("There is no model whose performance could be estimated.")
    reference, known = _judged_before(model, reference)
    wanted = _wanted(metrics, reference)
    model = Model.of(model, reference)
    data = data_like(current, reference)
    model.check_columns(data.features, data.name, data.others)
    chosen = threshold_for(model, reference, threshold, {"reference": known})
    expectation, level, outside = _expect(reference, data, known, predict(model, data), chosen, seed)
    if len(windows := dict(cut_windows(data.time, data.rows, window))) > MOST_WINDOWS:
        raise InputError(f"window={window!r} makes {len(windows):,} windows; at most {MOST_WINDOWS:,} are judged.")
    labelled = data.target.notna().to_numpy()
    rows, cells, tests, each = [], [], [], weights_of(data.units, data.rows)
    for label, places in {WHOLE: np.arange(data.rows), **windows}.items():
        truth, estimated = places[labelled[places]], expectation.estimate(places, seed)
        if np.average(~expectation.supported[places], weights=each[places]) > MOST_UNSUPPORTED:
            estimated = {name: Estimate(one.value, n=one.n, method=UNKNOWABLE) for name, one in estimated.items()}
        realized = expectation.realize(truth) if len(truth) else {}
        for name in wanted:
            sizes = len(places), realized[name].n if realized else 0
            rows.append((label, name, *sizes, estimated[name], realized.get(name, _NO_LABELS), level[name]))
        if reference.task == "binary":
            cells += [(label, cell, estimated[cell], realized.get(cell, _NO_LABELS)) for cell in CELLS]
        told = truth[expectation.supported[truth]]
        if len(told) and (label != WHOLE or not windows):
            tests.append((label, len(told), *expectation.surprise(told)))
    table = pd.DataFrame(rows, columns=["window", "metric", "rows", "labelled", "estimated", "realized", "reference"])
    shift = pd.DataFrame(tests, columns=["window", "labelled", *_P_VALUES])
    shift["p_adjusted"], shift["p_calibration"] = (holm(shift[name].to_numpy(dtype=float)) for name in _P_VALUES)
    notes = judge(table, shift, reference, expectation.learnt, outside)
    notes += about_rows(model, reference, "MODEL-TRAINING-ROWS reference")
    notes += [] if isinstance(current, Dataset) else [note for note in data.notes if note.code in MISFITS]
    confusion = pd.DataFrame(cells, columns=["window", "cell", "expected", "realized"]) if cells else None
    parameters: dict[str, object] = {"window": window, "seed": seed, "threshold": str(chosen or "")}
    said = tuple(by_severity([*model.notes, *(chosen.notes if chosen else ()), *notes]))
    return PerformanceEstimate(data.name, reference.task, wanted, chosen, table, confusion, shift, parameters, said)


class PerformanceEstimate(Result, frozen=True):
    """Estimated performance, beside what was realized where labels are known.

    Attributes
    ----------
    name, task : str
        The table estimated for, and the task.
    metrics : tuple of str
    threshold : Threshold or None
        Binary only.
    table : DataFrame
        A row a window and metric, all rows together (window ``all``) first: ``window, metric, rows, labelled,
        estimated, realized, reference``; the last three are Estimates, of which ``realized`` may not be defined.
    confusion : DataFrame or None
        Binary: ``window, cell, expected, realized``, the expected counts of true and false positives and negatives.
    shift : DataFrame
        ``window, labelled, p_value, p_calibration, p_adjusted``: the test whether rows mean what they meant on the
        reference (concept shift) and its p value over all windows, and that of the test whether scores do, which a
        change of the features alone may bring about (calibration shift; not of a regression). Of labels of rows that
        the reference has others like; empty without any.
    parameters : dict
    notes : tuple of Finding
    """

    name: str
    task: str
    metrics: tuple[str, ...]
    threshold: Threshold | None
    table: pd.DataFrame
    confusion: pd.DataFrame | None
    shift: pd.DataFrame
    parameters: dict[str, object]
    notes: tuple[Finding, ...]

    def frame(self) -> pd.DataFrame:
        """Return one row a window and metric, with the ends of the intervals in columns of their own.

        ``inside`` says whether the realized value lies in the interval of the estimate, where it is known.
        """
        frame = spread(self.table)
        known = frame["realized"].notna() & frame["estimated_low"].notna()
        inside = frame["realized"].between(frame["estimated_low"], frame["estimated_high"])
        return frame.assign(inside=inside.astype("boolean").where(known))

    def scalars(self) -> dict[str, Estimate]:
        """Return all rows together: ``drift.estimated.<metric>``, ``drift.realized.<metric>`` and those of the test.

        Beside them the change from the reference: ``drift.estimated_change.<metric>``, for errors in the target's units
        ``drift.estimated_ratio.<metric>``, and the same of what was realized.
        """
        numbers = {}
        for _, row in self.table[self.table["window"] == WHOLE].iterrows():
            for kind in ("estimated", *(["realized"] if row["labelled"] else [])):
                numbers[f"drift.{kind}.{row['metric']}"] = row[kind]
                name, change = change_from(row["metric"], row[kind], row["reference"])
                numbers[f"drift.{kind}_{name}.{row['metric']}"] = change
        if len(self.shift):
            n = int(self.shift["labelled"].sum())
            numbers["drift.concept_shift.p_value"] = Estimate(float(self.shift["p_adjusted"].min()), n=n)
            if self.shift["p_calibration"].notna().any():
                numbers["drift.calibration_shift.p_value"] = Estimate(float(self.shift["p_calibration"].min()), n=n)
        return numbers

    def drawings(self) -> list[Drawing]:
        """Return the figure of the first metric over the windows."""
        return [estimates_drawing(self.table, self.metrics[0])]

    def record(self) -> Record:
        """Return how it was estimated, for the tracker."""
        return Record(self.parameters, headline=headline(self.table), numbers=tuple(head_numbers(self.table)))

    def face(self) -> Face:
        """Return how many rows have a label, and each metric as estimated and as realized."""
        rows, labelled = map(int, self.table[["rows", "labelled"]].iloc[0])
        shown = self.table if labelled else self.table.drop(columns=["labelled", "realized"])
        return face("performance", self, shown, self.shift, rows=rows, labelled=labelled)


def _judged_before(model: Any, reference: object) -> tuple[Dataset, Any]:
    """Return the reference with the predictions of it, or with the errors that were kept of them."""
    if isinstance(reference, Profile):
        return held_out_rows(Model.of(model))
    if not isinstance(reference, Dataset):
        raise refusal("no labels", found=type(reference).__name__)
    return reference.labelled, predict(Model.of(model, reference.labelled), reference.labelled)


def _wanted(metrics: Sequence[str] | None, reference: Dataset) -> tuple[str, ...]:
    known = METRICS[reference.task]
    chosen = known if metrics is None else tuple([metrics] if isinstance(metrics, str) else metrics)
    if not chosen:
        raise InputError(f"Name a metric to estimate: {listed(known)}.")
    for name in chosen:
        if reference.task == "multiclass" and name not in known:
            raise NotApplicableError(f"Of three classes or more only accuracy can be estimated, not {name}.")
        one_of("metric to estimate", name, known)
    return chosen


def _expect(
    reference: Dataset, current: Dataset, known: Any, new: Predictions, chosen: Threshold | None, seed: int
) -> tuple[ByScore | ByLoss, dict[str, Estimate], float]:
    """Learn from the reference; measure it; and find the share of current rows outside the range it has shown."""
    if reference.rows < LEAST_ROWS:
        raise InputError(f"The reference has {reference.rows} rows; at least {LEAST_ROWS} are needed to learn from.")
    if isinstance(known, HeldOutErrors):
        units = current.units and replace(current.units, known=dict.fromkeys(REGRESSION, known.effect))
        by_bins = expect_by_bins(known, new, units)
        return by_bins, known.level, 1 - float(by_bins.supported.mean())
    before = None if reference.task == "regression" else _scored(known, reference, chosen, reference.units)
    measured = before.measures() if before else regression_metrics(known.y_true, known.y_pred, units=reference.units)
    level = {name: measured[name].estimate for name in METRICS[reference.task]}
    # A part of a series that is too short to tell how alike its rows are is taken for as the reference is.
    units = current.ordered if reference.units and reference.units.times else current.units
    effects = {name: one.units.design_effect(one.influence) if one.units else 1.0 for name, one in measured.items()}
    units = units and replace(units, known=effects)
    if not before:
        pairs = [(part.features, found.y_true, found.y_pred) for part, found in ((reference, known), (current, new))]
        outside = float(((new.y_pred < known.y_pred.min()) | (new.y_pred > known.y_pred.max())).mean())
        return expect_errors(pairs[0], pairs[1], seed, (reference.units, units)), level, outside
    after = _scored(new, current, chosen, units)
    if len(np.unique(before.y_true)) < 2:
        found = "one class only" if chosen else "rows that are all predicted right, or all wrong"
        raise InputError(f"The reference holds {found}, so nothing can be learned from it about the scores.")
    weights, supported = (own := before.units.weights if before.units else None), np.ones(current.rows, dtype=bool)
    if reference.features.shape[1]:
        weights, supported = density_ratio(reference.features, current.features, seed, (reference.spans, current.spans))
    rarer = int(min(before.y_true.sum(), reference.rows - before.y_true.sum()))
    fit = partial(fit_calibrator, before.y_true, before.y_score, probabilities=known.probabilities, units=before.units)
    outside = float(((after.y_score < before.y_score.min()) | (after.y_score > before.y_score.max())).mean())
    return ByScore(fit(weights=weights), fit(weights=own), after, supported, rarer), level, outside


def _scored(found: Predictions, data: Dataset, chosen: Threshold | None, units: Units | None) -> Scored:
    if chosen is not None:
        if not found.scored:
            raise refusal("no scores")
        return Scored(found.y_true, found.y_pred, found.decide(chosen.value), units)
    if found.y_prob is None:
        raise refusal("no probabilities", target=data.target.name)
    return Scored((found.y_pred == found.y_true).astype(float), found.chance(found.y_pred), np.ones(data.rows), units)
