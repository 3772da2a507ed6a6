"""What a smaller disparity costs: several ways to mitigate, each measured on held-out rows. It recommends none."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from toolkit.core import BLUE, GREY, ORANGE, Axes, Drawing, Estimate, Face, spoken, spread, unique, value_text
from toolkit.core.result import Candidate, Finding, ModelRecord, Record, Result, Severity, by_severity
from toolkit.data import Names, Split, listed_names
from toolkit.errors import InputError, NotApplicableError, instance, listed, one_of, whole
from toolkit.fairness import tradeoff
from toolkit.fairness.findings import drawing, face, finding
from toolkit.fairness.groups import refusal, sensitive_columns, sensitive_inputs
from toolkit.fairness.tradeoff import BASELINE, METHODS, ORIGINAL, PERFORMANCE, Point, Setup
from toolkit.models import AS_DECIDED, Model, ThresholdLike, make_baseline, make_model, requirements_of

MOST_COLUMNS = 2
LEAST_ROWS = 100


def mitigate(
    model: Any,
    split: Split,
    *,
    constraint: str = "demographic_parity",
    sensitive: object = None,
    methods: Names = tuple(METHODS),
    metric: str = "accuracy",
    threshold: ThresholdLike = None,
    rows: int = 5_000,
    seed: int = 0,
) -> "Mitigation":
    """Show what a smaller disparity costs: the frontier of performance against disparity, on the test part.

    ``threshold_optimizer`` cuts the original's scores at a threshold for each group, at random between two where needed
    (Hardt et al. 2016); it is fitted on the validation part, or where there is none on the training part.
    ``exponentiated_gradient`` refits the original's estimator many times under the constraint, in five rounds, and
    decides at random among the fits (Agarwal et al. 2018), for two bounds. ``correlation_remover`` takes what is linear
    in the groups out of the features, in full and by half, and fits a logistic regression. ``reweighing`` refits the
    original with weights under which group and class are independent (Kamiran & Calders 2012,
    doi:10.1007/s10115-011-0463-8). The first three are Fairlearn's. The original and the baseline are points too: a
    point not shown to be better than the baseline is marked, however small its disparity. Nothing is recommended.

    Groups with fewer than ten rows (of each class, where the method needs both) are put together, and with the largest
    group where that is too few; a group not seen in fitting is treated as they are.

    Parameters
    ----------
    model : Training, Model, or anything that ``Model.of`` takes
        Fitted on the training part; of a Training the chosen model.
    split : Split
    constraint : {"demographic_parity", "equalized_odds", "true_positive_rate_parity"}
        Equal selection rates; equal true and false positive rates; equal true positive rates (equal opportunity). An
        empty text asks for nothing.
    sensitive : str or list of str, optional
        One column or the intersection of several; by default that of the first two sensitive columns.
    methods : str or list of str
        Some of those above.
    metric : {"accuracy", "balanced_accuracy"}
        The performance that the methods seek and that the frontier shows.
    threshold : float, str, mapping, Rule or Threshold, optional
        For the models that have scores, as for ``evaluate``. The rule by which it was chosen chooses for the others.
    rows : int
        Of the exponentiated gradient and the correlation remover, most training rows; a random sample of more.
    seed : int
        Of the sample and of the lots.

    Returns
    -------
    Mitigation

    Raises
    ------
    NotApplicableError
        Where no constraint is named, the target is not binary, there is no sensitive column, the model is recorded
        predictions, no two groups have enough test rows to be compared, or no method can be used.
    InputError
        Where an option is unknown, or the model does not fit the table.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from toolkit import load_dataset, split_dataset
    >>> rng = np.random.default_rng(0)
    >>> people = pd.DataFrame({"sex": rng.choice(["f", "m"], 2000), "score": rng.normal(size=2000)})
    >>> people["hired"] = np.where(people["score"] + (people["sex"] == "m") > rng.normal(size=2000), "yes", "no")
    >>> split = split_dataset(load_dataset(people, target="hired", sensitive=["sex"], positive="yes"))
    >>> fitted = make_model(LogisticRegression(), split.train.features).fit(split.train.features, split.train.target)
    >>> found = mitigate(fitted, split, methods=["threshold_optimizer"])
    >>> found.frontier[["point", "needs_sensitive", "beats_baseline"]]
                     point needs_sensitive  beats_baseline
    0             original    as a feature            True
    1  threshold_optimizer             yes            True
    2             baseline              no           False
    """
    if not constraint:
        raise NotApplicableError("No constraint was named, so nothing was mitigated.")
    read_constraint(constraint)
    wanted = [one_of("method", one, METHODS) for one in listed_names(methods, list(METHODS))]
    one_of("metric", metric, PERFORMANCE[:2])
    whole("rows", rows, LEAST_ROWS)
    if not wanted:
        raise InputError(f"methods: name at least one of {listed(METHODS)}.")
    if instance(split, Split).data.task != "binary":
        raise NotApplicableError(f"Mitigation is for binary targets; {split.data.target.name!r} is {split.data.task}.")
    if (original := Model.of(model, split.train)).recorded:
        raise NotApplicableError("Mitigation needs a model; these are recorded predictions.")
    columns = tuple(str(name) for name in sensitive_inputs(split.train, sensitive).columns)
    columns = columns if listed_names(sensitive) else columns[:MOST_COLUMNS]
    setup = Setup(original, _joined(split, columns), columns, constraint, metric, int(rows), seed)
    points = [tradeoff.measure_point(Point(ORIGINAL, "", "", original, split.train.rows), setup, threshold)]
    notes = split.test.unweighted("The fit of a mitigated model")
    if pd.isna(points[0].disparity.value):
        raise NotApplicableError(str(refusal("few groups", rows=split.test.rows, columns=listed(columns))))
    guess = make_model(make_baseline("binary"), split.train.features).fit(split.train.features, split.train.target)
    baseline = Point(BASELINE, "", "", Model.of(guess, split.train), split.train.rows)
    points.append(tradeoff.measure_point(baseline, setup, None))
    # The scores of another model mean something else: the rule is the original's, the number its own.
    rule = threshold if (own := points[0].model.threshold) is AS_DECIDED else own.rule
    for name in wanted:
        found, said = tradeoff.fit_method(name, setup)
        points += [tradeoff.measure_point(one, setup, rule) for one in found]
        notes += said
    if len(points) == 2:
        raise NotApplicableError(f"No method can be used here: {' '.join(note.message for note in notes)}")
    notes += _about_fits(points, setup)
    feature, frontier = "+".join(unique(map(value_text, columns))), tradeoff.frontier_table(points, setup)
    models = {point.name: point.model for point in points}
    return Mitigation(feature, metric, setup.disparity, frontier, models, setup.split, tuple(notes))


class Mitigation(Result, frozen=True):
    """What a smaller disparity costs.

    Attributes
    ----------
    feature : str
        The sensitive column or intersection.
    metric, disparity : str
        What the frontier shows.
    frontier : DataFrame
        A row a point, the best performance first: see ``toolkit.fairness.tradeoff.frontier_table``.
    models : dict of str to Model
        The fitted model of each point. Those that need the sensitive columns read them from the features, or their
        estimator from ``predict(features, sensitive_features=…)``; they and the others can be pickled.
    split : Split
        With the sensitive columns beside the features.
    notes : tuple of Finding
    """

    feature: str
    metric: str
    disparity: str
    frontier: pd.DataFrame
    models: dict[str, Model]
    split: Split
    notes: tuple[Finding, ...]

    def frame(self) -> pd.DataFrame:
        """Return the frontier with the ends of the intervals in columns of their own."""
        return spread(self.frontier)

    def scalars(self) -> dict[str, Estimate]:
        """Return ``mitigation.<point>.<metric>``, of the metrics, the disparity and the difference to the original."""
        return {key: one for name in self.frontier["point"] for key, one in self._numbers(name).items()}

    def _numbers(self, point: str) -> dict[str, Estimate]:
        row: dict[str, Any] = dict(self.frontier.set_index("point").loc[point])
        names = [*PERFORMANCE, self.disparity, *(["difference"] if point != ORIGINAL else [])]
        return {f"mitigation.{point}.{name}": row[name] for name in names}

    def findings(self) -> list[Finding]:
        """Say which points are no better than the baseline, which need the sensitive columns, and what was left out."""
        table, feature = self.frontier, self.feature
        poor = ~table["beats_baseline"] & (table["point"] != BASELINE)
        kinds: list[tuple[str, Severity, pd.Series, str]] = [
            ("MITIGATE-NOT-BETTER-THAN-BASELINE", "medium", poor, "frontier"),
            ("MITIGATE-NEEDS-SENSITIVE", "info", table["needs_sensitive"] == "yes", feature),
            ("MITIGATE-BY-LOT", "info", table["by_lot"], "frontier"),
        ]
        found, numbers = list(self.notes), {"metric": spoken(self.metric), "feature": feature}
        for said, severity, where, about in kinds:
            if where.any():
                found.append(finding(said, severity, about, points=listed(table.loc[where, "point"]), **numbers))
        return by_severity(found)

    def drawings(self) -> list[Drawing]:
        """Return the frontier."""
        said = [
            f"{row['point']}: {spoken(self.metric)} {row[self.metric]}, disparity {row[self.disparity]}"
            f"{', dominated' if row['dominated'] else ''}{'' if row['beats_baseline'] else ', no better than baseline'}"
            for _, row in self.frontier.iterrows()
        ]
        numbers = {"metric": spoken(self.metric), "disparity": spoken(self.disparity), "feature": self.feature}
        return [drawing("frontier", self._draw, self.frontier, said=said, **numbers)]

    def _draw(self, ax: Axes) -> None:
        for place, (_, row) in enumerate(self.frontier.iterrows(), start=1):
            x, y = row[self.disparity], row[self.metric]
            colour = GREY if row["point"] == BASELINE else ORANGE if row["point"] == ORIGINAL else BLUE
            ax.plot([x.low, x.high], [y.value, y.value], color=colour, linewidth=1, alpha=0.6)
            ax.plot([x.value, x.value], [y.low, y.high], color=colour, linewidth=1, alpha=0.6)
            fill = "none" if row["dominated"] else colour
            mark = "o" if row["beats_baseline"] else "X"
            label = f"{place} {row['point'].replace('_', ' ')}"
            ax.plot([x.value], [y.value], mark, color=colour, markerfacecolor=fill, markersize=7, label=label)
            ax.annotate(str(place), (x.value, y.value), xytext=(5, 4), textcoords="offset points", fontsize=9)
        ax.set(xlabel=spoken(self.disparity), ylabel=spoken(self.metric))
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)

    def record(self) -> Record:
        """Return every mitigated model, and every point with its numbers, for the tracker."""
        names = [name for name in self.frontier["point"] if name not in (ORIGINAL, BASELINE)]
        options = {"constraint": self.disparity, "sensitive": self.feature}
        candidates = [Candidate(f"mitigation {name}", options, self._numbers(name)) for name in names]
        example, requirements = self.split.train.features.head(5), requirements_of(self.models[ORIGINAL].last)
        models = [ModelRecord(f"mitigation_{one}", self.models[one].estimator, example, requirements) for one in names]
        return Record(candidates=candidates, models=models)

    def face(self) -> Face:
        """Return the points of the frontier, of which none is recommended."""
        shown = self.frontier.drop(columns=["method", "over_baseline"])
        return face("mitigation", self, shown, models=len(shown), disparity=spoken(self.disparity))


def read_constraint(constraint: str) -> str:
    """Return a constraint as ``mitigate`` takes it; an empty text asks for none.

    Raises
    ------
    InputError
        Where there is no such constraint.

    Examples
    --------
    >>> read_constraint("equalized_odds")
    'equalized_odds'
    """
    return one_of("fairness constraint", constraint, tradeoff.CONSTRAINTS) if constraint else ""


def _joined(split: Split, columns: Sequence[str]) -> Split:
    """Put the sensitive columns beside the features, where models that need them find them."""
    parts: dict[str, Any] = {}
    for name, part in split.parts().items():
        beside = sensitive_columns(part, list(columns)).drop(columns=part.features.columns, errors="ignore")
        parts[name] = replace(part, features=pd.concat([part.features, beside], axis=1))
    return replace(split, **parts)


def _about_fits(fitted: Sequence[Point], setup: Setup) -> Iterator[Finding]:
    """Say what was fitted on a sample, on merged groups, and on the rows that the original was fitted on."""
    all_rows, by_group = setup.split.train.rows, {one.method: one.groups for one in fitted if one.groups is not None}
    for name, one in by_group.items():
        if one.merged:
            yield finding("MITIGATE-GROUPS-MERGED", "low", name, fallback=one.fallback, merged=listed(one.merged))
    if sampled := [one.name for one in fitted if one.method != "threshold_optimizer" and one.rows < all_rows]:
        yield finding("MITIGATE-SAMPLED", "info", "frontier", setup=setup, points=listed(sampled))
    if setup.split.validation is None and "threshold_optimizer" in by_group:
        yield finding("MITIGATE-ON-TRAINING", "low", "threshold_optimizer")
