"""Compare a challenger with a champion on the same rows: better, worse, for whom, and which decisions turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from toolkit.comparison.paired import Paired
from toolkit.comparison.sides import ALPHA, Sides
from toolkit.core.estimate import Estimate, format_number, format_p, spread
from toolkit.core.face import Face, FaceTable
from toolkit.core.figures import GREY, Drawing, Picture, draw_intervals, name_rows
from toolkit.core.options import above, one_of
from toolkit.core.result import Finding, Record, Result, by_severity
from toolkit.core.results import KeyNumber
from toolkit.core.words import counted, shorten, spoken, titled
from toolkit.data.dataset import Dataset
from toolkit.data.split import Split
from toolkit.errors import listed
from toolkit.models.model import Model
from toolkit.models.threshold import ThresholdLike
from toolkit.statistics.intervals import share_estimate
from toolkit.statistics.multiplicity import holm
from toolkit.statistics.units import Units


def compare(
    champion: Any,
    challenger: Any,
    data: Dataset | Split,
    *,
    metric: str = "",
    margin: float = 0.0,
    threshold: ThresholdLike = None,
    depth: int = 1,
    latency: bool = True,
    seed: int = 0,
) -> Comparison:
    """Compare two models on the same rows.

    Every metric's difference is paired: its interval rests on the difference of the two models' influences on each row
    (for the AUC: DeLong et al. 1988, doi:10.2307/2531595), summed within the table's groups where it has any. The p
    value of the accuracy is McNemar's exact one where rows are independent.

    Parameters
    ----------
    champion, challenger : Model, or anything that ``Model.of`` takes
        The model in use, and the one that is to take its place. Each decides at its own threshold.
    data : Dataset or Split
        Rows that neither was trained on. Of a split the test part is used.
    metric : str, optional
        The one that decides; by default the first that ``evaluate`` shows for the task.
    margin : float
        How much worse the challenger may be in that metric and still be called not inferior; 0 asks for no such test.
    threshold : float, str, mapping, Rule or Threshold, optional
        One for both models, in place of their own, as for ``evaluate``.
    depth : int
        Most sensitive columns that are crossed to groups.
    latency : bool
        Whether to time both models.
    seed : int

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        Where a model does not fit the table, or the metric or the margin is of no use.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from toolkit import load_dataset
    >>> data = load_dataset("diabetes")
    >>> least = LinearRegression().fit(data.features[["bmi"]], data.target)
    >>> more = LinearRegression().fit(data.features, data.target)
    >>> compare(least, more, data, latency=False).conclusion
    'superior'
    """
    if margin:
        above("margin", margin)
    sides = Sides.of((champion, challenger), data, threshold, seed)
    pairs = sides.metrics()
    known = [name for name, one in pairs.items() if one.sign and one.difference.has_interval]
    main = one_of("metric to compare by", metric or known[0], known)
    return Comparison(
        name=sides.part.name,
        target=str(sides.part.target.name),
        task=sides.part.task,
        rows=sides.part.rows,
        units=sides.units,
        metric=main,
        margin=margin,
        pairs=pairs,
        groups=sides.groups(main, depth),
        speed=sides.speed() if latency else pd.DataFrame(),
        flips=sides.flips(),
        models=sides.models,
    )


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(Result):
    """How a challenger differs from a champion on the same rows.

    Attributes
    ----------
    name, target, task : str
    rows : int
    units : Units or None
        The independent observations, where these are not the rows.
    metric : str
        The one that decides.
    margin : float
    pairs : dict of str to Paired
        By metric.
    groups : DataFrame
        A row a group of people and metric: ``feature, group, rows, metric, champion, challenger, difference,
        p_adjusted, worse``; p values are Holm's over the table.
    speed : DataFrame
        Latency and size of both: ``measure, champion, challenger``.
    flips : DataFrame
        The rows that the two decide differently; none for numbers.
    models : tuple of Model
        The champion and the challenger, each with the threshold at which it decides.
    """

    name: str
    target: str
    task: str
    rows: int
    units: Units | None
    metric: str
    margin: float
    pairs: dict[str, Paired]
    groups: pd.DataFrame
    speed: pd.DataFrame
    flips: pd.DataFrame
    models: tuple[Model, ...] = field(repr=False)

    @property
    def model(self) -> Model:
        """The challenger, which the other steps take."""
        return self.models[1]

    @property
    def main(self) -> Paired:
        """The comparison in the metric that decides."""
        return self.pairs[self.metric]

    @property
    def conclusion(self) -> str:
        """One of ``superior``, ``equivalent``, ``not inferior``, ``inferior`` and ``undecided``; the first that holds.

        Superior and inferior at 5 % two-sided; where there is a margin, equivalent at 5 % by two one-sided tests, and
        not inferior at 2.5 % one-sided.
        """
        gain, margin = self.main.gain, self.margin
        if gain.low > 0:
            return "superior"
        if margin > 0 and self.main.p_equivalent(margin) <= ALPHA:
            return "equivalent"
        if margin > 0 and gain.low > -margin:
            return "not inferior"
        return "inferior" if gain.high < 0 else "undecided"

    def frame(self) -> pd.DataFrame:
        """Return one row a metric: both values, the difference with its interval, p value and probability of better."""
        return spread(self._table())

    def _table(self) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "metric": one.metric,
                "champion": one.champion,
                "challenger": one.challenger,
                "difference": one.difference,
                "p_value": one.p_value,
                "probability_better": one.better,
            }
            for one in self.pairs.values()
        )

    def scalars(self) -> dict[str, Estimate]:
        """Return ``champion.<metric>``, ``change.test.<metric>``, ``change.fairness.…``, and the tests."""
        found = {f"champion.{name}": one.champion for name, one in self.pairs.items()}
        found |= {f"change.test.{name}": one.difference for name, one in self.pairs.items()}
        for _, row in self.groups.iterrows():
            found[f"change.fairness.{row['feature']}.{row['group']}.{row['metric']}"] = row["difference"]
        found |= {f"champion.{row['measure']}": row["champion"] for _, row in self.speed.iterrows()}
        tests = {"better_probability": self.main.better, "p_value": self.main.p_value}
        if self.margin > 0:
            tests["p_not_inferior"] = self.main.p_not_inferior(self.margin)
            tests["p_equivalent"] = self.main.p_equivalent(self.margin)
        found |= {f"comparison.{name}": Estimate(value, n=self.rows) for name, value in tests.items()}
        if self.task != "regression":
            found["comparison.flips"] = share_estimate(len(self.flips), self.rows)
        found["comparison.groups_worse"] = Estimate(int(self.groups["worse"].sum()), n=len(self.groups))
        return found

    def findings(self) -> list[Finding]:
        """Say whether the challenger is better, for whom it is worse, and what makes the two hard to compare."""
        return by_severity(self._findings())

    def _findings(self) -> Iterator[Finding]:
        if self.conclusion == "inferior":
            yield Finding("COMPARE-WORSE", "high", self._sentence(), self.metric)
        for (feature, group, rows), worse in self.groups[self.groups["worse"]].groupby(["feature", "group", "rows"]):
            said = [f"{spoken(row['metric'])} {row['difference']}" for _, row in worse.iterrows()]
            note = (
                f"The challenger is worse for {feature} {group} ({rows:,} rows): it differs from the champion by "
                f"{listed(said)} (adjusted p {format_p(worse['p_adjusted'].max())} or less)."
            )
            yield Finding("COMPARE-GROUP-WORSE", "high", note, f"{feature}.{group}")
        better, worse_in = self._others(1), self._others(-1)
        if worse_in and self.conclusion != "inferior":
            note = (
                f"The challenger is worse in {listed(worse_in)}{f', and better in {listed(better)}' if better else ''}."
            )
            yield Finding("COMPARE-METRICS-APART", "medium", note, self.metric)
        one, other = (model.threshold for model in self.models)
        if one and other and one.value != other.value:
            note = f"The champion predicts positive {one.called}, the challenger {other.called}."
            yield Finding("COMPARE-THRESHOLDS", "info", note, "threshold")

    def _others(self, sign: int) -> list[str]:
        """Name the metrics in which the challenger is better (1) or worse (-1) for certain (Holm over the metrics)."""
        pairs = [one for one in self.pairs.values() if one.sign]
        adjusted = holm([one.p_value for one in pairs])
        return [
            spoken(one.metric)
            for one, p in zip(pairs, adjusted, strict=True)
            if p <= ALPHA and sign * one.gain.value > 0
        ]

    def _sentence(self) -> str:
        found, words = self.main, self.conclusion
        what = {
            "superior": "The challenger is better",
            "inferior": "The challenger is worse",
            "equivalent": f"The two are equivalent within {self.margin:g}",
            "not inferior": f"The challenger is not worse by {self.margin:g} or more",
            "undecided": "Which of the two is better is undecided",
        }[words]
        return (
            f"{what}: {titled(self.metric)} is {format_number(found.challenger.value)}, the champion's "
            f"{format_number(found.champion.value)}, a difference of {found.difference}."
        )

    def drawings(self) -> list[Drawing]:
        """Return the differences, the metric that decides first, and those of the groups."""
        shown = [self.main]
        if self.task != "regression":
            unit = [one for one in self.pairs.values() if one.sign and one.metric not in ("log_loss", "expected_cost")]
            shown = [one for one in unit if one.difference.has_interval]
        named = {"metric": [titled(one.metric) for one in shown], "difference": [one.difference for one in shown]}
        drawn = [_differences("differences", "Differences of the metrics", pd.DataFrame(named))]
        groups = self.groups[self.groups["metric"] == self.metric]
        if len(groups):
            rows = pd.DataFrame(
                {"group": groups["feature"] + " " + groups["group"], "difference": groups["difference"]}
            )
            drawn.append(_differences("groups", f"Difference of {titled(self.metric)} by group", rows))
        return drawn

    def record(self) -> Record:
        """Return what decided, and the sentence that a report says first."""
        numbers = [
            KeyNumber(name, titled(name), one.challenger, "same rows", "champion", one.champion, one.difference)
            for name, one in self.pairs.items()
        ]
        settings = {"metric": self.metric, "margin": self.margin}
        return Record(settings, model=self.model.record(), headline=self._sentence(), numbers=numbers)

    def face(self) -> Face:
        """Return the conclusion, the metrics of both, the groups, and the rows that are decided differently."""
        lead = f"{self.name}: {self.target}, {self.rows:,} rows" + (f" in {self.units}" if self.units else "")
        tables = [FaceTable("Metrics of both models, with 95% intervals", self._table())]
        if len(self.speed):
            tables.append(FaceTable("Latency and size", self.speed.assign(measure=self.speed["measure"].map(titled))))
        if len(self.groups):
            tables.append(FaceTable("By group of people", self.groups.drop(columns="worse")))
        if len(self.flips):
            tables.append(FaceTable(self._flipped(), self.flips, most=12, folded="Rows that are decided differently"))
        return Face("Comparison", f"{lead}. {self._sentence()}", tables, self.findings())

    def _flipped(self) -> str:
        fixed = int((self.flips["challenger"] == self.flips["truth"]).sum())
        broken = int((self.flips["champion"] == self.flips["truth"]).sum())
        return f"{counted(len(self.flips), 'row')} decided differently: {fixed:,} now right, {broken:,} now wrong"


def _differences(kind: str, title: str, rows: pd.DataFrame) -> Drawing:
    caption = "Challenger less champion with 95% intervals; the dotted line is no difference."
    alt = "; ".join(f"{name}: {found}" for name, found in rows.itertuples(index=False)) + "."

    def draw(ax: Any) -> None:
        draw_intervals(ax, range(len(rows)), rows["difference"])
        ax.axvline(0, color=GREY, linewidth=1, linestyle=":")
        name_rows(ax, [shorten(text, 44) for text in rows.iloc[:, 0]])
        ax.set_xlabel("Challenger less champion")

    return Drawing(kind, Picture(title, caption, alt), draw, rows, "x")
