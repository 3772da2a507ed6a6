"""Judge whom a model fails: metrics and disparities for every sensitive group and every intersection of groups."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core import Drawing, Estimate, Face, FaceTable, side_by_side, spoken, spread
from toolkit.core.result import Finding, Record, Result, by_severity
from toolkit.data import Dataset, Split, judged_rows
from toolkit.errors import NotApplicableError, whole
from toolkit.fairness import findings, measures
from toolkit.fairness.clusters import Resampling
from toolkit.fairness.custom import measure_custom, read_metrics
from toolkit.fairness.groups import Banding, group_rows, sensitive_columns
from toolkit.models import Threshold, ThresholdLike, about_rows, predict_at
from toolkit.statistics import ALPHA

FEWEST_REPLICATES, MOST_REPLICATES = 200, 100_000
#: What a cell shows of the groups; everything is in ``FairnessAudit.frame``.
MOST_TABLES = 4


def audit_fairness(
    model: Any,
    data: Dataset | Split,
    *,
    sensitive: object = None,
    threshold: ThresholdLike = None,
    depth: int = 2,
    bins: Banding = None,
    min_count: int = 30,
    replicates: int = 10_000,
    metrics: Mapping[str, Callable[..., float]] | None = None,
    seed: int = 0,
) -> "FairnessAudit":
    """Compare how a model treats the groups of each sensitive column and of their intersections.

    Each metric of each group has its interval (shares Wilson's, AUC DeLong's, means Student's t), and so has each
    disparity: see ``toolkit.fairness.spread``. A disparity also carries the value expected if the groups did not
    differ, the share of such worlds in which it is as large (p value), and that adjusted for all comparisons of the
    audit by Benjamini & Hochberg (1995, doi:10.1111/j.2517-6161.1995.tb02031.x). Point values are those of Fairlearn's
    ``MetricFrame``. Groups of fewer than ``min_count`` rows are shown but too few to judge: no disparity rests on them,
    nor does one rest on a group with fewer than ten (or ``min_count``, if less) rows of the kind that the metric needs,
    such as positives for the recall; both are named. An interval leaves out 2.5 % on each side, so that it may reach
    down to no disparity where the p value, which has one side, is below 0.05.

    Parameters
    ----------
    model : Model, or anything that ``Model.of`` takes
    data : Dataset or Split
        Of a split the test part is audited.
    sensitive : str or list of str, optional
        Sensitive columns, features or the target; by default those that the table declares.
    threshold : float, str, mapping, Rule or Threshold, optional
        For the decisions of a binary model, as for ``evaluate``.
    depth : int
        Most columns of one intersection.
    bins : mapping of column to int or list of float, optional
        For numbers: how many bins of about equal size, or the edges between them. By default numbers of more than ten
        values are cut at their quartiles, rounded to a plain number.
    min_count : int
        Fewest rows of a group that is judged.
    replicates : int
        How often the counts are resampled, from 200 to 100,000.
    metrics : mapping of name to function, optional
        Others to measure, such as ``{"f1": sklearn.metrics.f1_score}``: any function of Fairlearn, scikit-learn or your
        own that takes ``(y_true, y_pred)``, and ``sample_weight`` if it can, and returns one number. It is given
        decisions as 0 and 1 (labels of several classes, numbers of a regression), or scores where it calls its second
        parameter ``y_score``, ``y_proba`` or ``y_prob``. Each has values by group, a difference and a ratio, with
        intervals; a name that ends in ``_loss`` or ``_error`` says that less is better. Where scikit-learn warns that
        a group does not define the metric, the value is left open; ``zero_division`` says what to take instead.
    seed : int
        Of everything that is drawn by chance.

    Returns
    -------
    FairnessAudit

    Raises
    ------
    InputError
        Where a column, an option, or the model does not fit the table.
    NotApplicableError
        Where no sensitive column is known, there is no model, or the truth is not known.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from toolkit import load_dataset
    >>> data = load_dataset("diabetes")
    >>> model = LinearRegression().fit(data.features, data.target)
    >>> audit = audit_fairness(model, data)
    >>> print(audit.scalars()["fairness.sex.mean_absolute_error_difference"])
    2.622 [0.000, 8.793]
    """
    whole("depth", depth, 1, 5)
    whole("min_count", min_count, 1, 1_000_000)
    whole("replicates", replicates, FEWEST_REPLICATES, MOST_REPLICATES)
    if model is None or not isinstance(data, Dataset | Split):
        raise NotApplicableError("Fairness needs a model, or its predictions, and rows whose outcome is known.")
    part = judged_rows(data)
    columns = sensitive_columns(part, sensitive)
    known, predicted = predict_at(model, data, threshold, part)
    ordered, units = columns, part.spans
    if measures.ranked(predicted):  # in the order of their scores once, so that no grouping has to be sorted
        order = np.argsort(predicted.y_pred)
        predicted, ordered, units = predicted.take(order), columns.take(order), units.take(order) if units else None
    custom = read_metrics(metrics, predicted)
    groupings = group_rows(ordered, depth, bins, units, part.dates)
    hows = [Resampling(min_count, replicates, rng) for rng in np.random.default_rng(seed).spawn(len(groupings))]
    asked = list(zip(groupings, hows, strict=True))
    found = side_by_side([partial(measures.measure_groups, predicted, *one) for one in asked])
    # A caller's functions may not bear to be called from several threads.
    measured = [(one[0], own | measure_custom(custom, predicted, *one)) for one, own in zip(asked, found, strict=True)]
    names = tuple(metric.name for metric in custom)
    groups = pd.concat([measures.group_table(*each) for each in measured], ignore_index=True)
    notes = [note for metric in custom if not metric.weighted for note in part.unweighted(f"Metric {metric.name}")]
    notes += [*about_rows(known, part), *findings.about_table(part, data, columns, groupings, predicted)]
    notes += findings.about_groups(groupings, groups, min_count)
    disparities = measures.disparity_table(measured, names)
    curves = measures.threshold_curves(predicted, groupings, known.threshold.value if known.threshold else np.nan)
    return FairnessAudit(part, known.threshold, min_count, groups, disparities, curves, tuple(notes), names)


class FairnessAudit(Result, frozen=True):
    """How a model treats groups, in numbers with intervals.

    Attributes
    ----------
    data : Dataset
        The rows audited, and what they belong to and weigh, on which intervals and p values rest.
    threshold : Threshold or None
        At which score a row is predicted positive; binary only.
    min_count : int
        The fewest rows of a group that is judged.
    groups : DataFrame
        A row a group and metric: ``feature, group, rows, units, class, metric, value, judged``. The values are
        Estimates, the units are what the rows belong to (else the rows), the class is empty for metrics of all classes
        at once. ``calibration_gap`` is mean prediction minus observed rate, ``mean_residual`` is truth minus
        prediction. ``expected_calibration_error`` is not compared, as chance alone makes it larger in smaller groups.
    disparities : DataFrame
        A row a disparity: ``feature, class, disparity, value, expected, p_value, p_adjusted, metric, worst, best,
        groups, clearest``: the metric that decides it, the groups worst and best off, how many were compared, and in
        words the pair most clearly apart, where chance may explain the two furthest apart.
    curves : DataFrame
        Selection rate, recall and false positive rate of every group at up to 200 thresholds: ``feature, group,
        threshold, selection_rate, recall, false_positive_rate, rows, positives``; empty where there are no scores. The
        thresholds are the same for all groups: every score, or their quantiles.
    notes : tuple of Finding
        What is to be known about the groups.
    custom : tuple of str
        Names of the metrics that the caller brought.
    """

    data: Dataset
    threshold: Threshold | None
    min_count: int
    groups: pd.DataFrame
    disparities: pd.DataFrame
    curves: pd.DataFrame
    notes: tuple[Finding, ...]
    custom: tuple[str, ...] = ()

    def frame(self) -> pd.DataFrame:
        """Return one row a number, of groups and then of disparities, with the ends of the intervals in columns."""
        kinds = self.disparities.rename(columns={"metric": "decided_by", "disparity": "metric"})
        both = pd.concat([self.groups, kinds.assign(group="", judged=kinds["expected"].notna())], ignore_index=True)
        both = spread(both.assign(method=[estimate.method for estimate in both["value"]]))
        words = ["decided_by", "worst", "best"]
        both[words] = both[words].fillna("")
        numbers = ["value", "low", "high", "n", "method", "judged", "expected", "p_value", "p_adjusted"]
        return both[["feature", "group", "class", "metric", *numbers, *words]]

    def scalars(self) -> dict[str, Estimate]:
        """Return ``fairness.<feature>.<group>.<metric>`` of judged groups and ``fairness.<feature>.<disparity>``.

        Of several classes the class comes before the metric or the disparity.
        """
        judged = self.groups[self.groups["judged"]]
        rows = judged[["feature", "group", "class", "metric", "value"]].itertuples(index=False, name=None)
        compared = self.disparities[["feature", "class", "disparity", "value"]].itertuples(index=False, name=None)
        return {".".join(filter(None, ["fairness", *names])): value for *names, value in (*rows, *compared)}

    def findings(self) -> list[Finding]:
        """Say which disparities are more than chance, and which groups could not be judged."""
        return by_severity([*findings.judge(self.disparities, self.groups, self.notes), *self.notes])

    def drawings(self) -> list[Drawing]:
        """Return the figures: a metric by group, the disparities, and rates over the thresholds."""
        kinds, disparities = (*measures.METRICS["drawn"][self.data.task], *self.custom), self.disparities
        found = [findings.by_group(self.groups, one) for one in kinds] + [findings.foremost(disparities)]
        found.append(findings.recalls(self.curves, disparities, self.groups, self.threshold))
        return [one for one in found if one]

    def record(self) -> Record:
        """Return which groups were compared, for the tracker."""
        return Record(parameters={"sensitive": ", ".join(dict.fromkeys(self.groups["feature"]))})

    def face(self) -> Face:
        """Return the disparities, and the foremost metrics of each group."""
        classes = [] if self.disparities["class"].any() else ["class"]
        shown = self.disparities.drop(columns=["p_value", "metric", "groups", *classes])
        tables = [FaceTable("Disparities with 95% intervals, and what is expected by chance", shown)]
        foremost = self.groups[self.groups["metric"].isin([*measures.METRICS["shown"][self.data.task], *self.custom])]
        belong = ["units"] if (self.groups["units"] != self.groups["rows"]).any() else []
        for name in self.groups["feature"].drop_duplicates()[:MOST_TABLES]:
            groups = foremost[foremost["feature"] == name]
            side_by = groups[["group", "rows", *belong]].drop_duplicates().reset_index(drop=True)
            for (kind, metric), rows in groups.groupby(["class", "metric"], sort=False):
                side_by[f"{kind}: {spoken(str(metric))}" if kind else metric] = rows["value"].to_numpy()
            tables.append(FaceTable(f"Groups of {name}", side_by))
        if len(few := measures.too_few(self.groups, self.min_count)):
            tables.append(FaceTable("Too few to judge, wholly or by some metrics: left out of the disparities", few))
        tested, beyond = self.disparities["p_adjusted"].count(), (self.disparities["p_adjusted"] <= ALPHA).sum()
        units, at = self.data.spans, self.threshold
        about = {"units": f" {units.text}" if units else "", "tested": tested, "beyond": beyond}
        about |= {"positive": f" Positive is {self.data.positive}, predicted {at.called}." if at else ""}
        return findings.face("audit" if tested else "audit none", self, **about)._replace(tables=tables)
