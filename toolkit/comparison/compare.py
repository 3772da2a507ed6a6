"""Compare a challenger with a champion on the same rows: better, worse, for whom, and which decisions turn."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from toolkit.comparison.contrasts import ALPHA, Paired
from toolkit.comparison.sides import Sides
from toolkit.core import Drawing, Face, FaceTable, beside, counted, draw_beside, drawer, finder, shorten, spoken, titled
from toolkit.core.estimate import Estimate, KeyNumber, format_number, format_p, spread
from toolkit.core.result import Finding, Record, Result, by_severity
from toolkit.data import Dataset, Split
from toolkit.errors import InputError, above, listed, one_of
from toolkit.models import Model, ThresholdLike, about_rows
from toolkit.statistics import holm, share, weights_of

finding, drawing = finder(__file__), drawer(__file__)
#: What a conclusion says, before the numbers.
_SAID = beside(__file__, "conclusions.yaml")


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
) -> "Comparison":
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
    if not (known := [name for name, one in pairs.items() if one.sign and one.difference.has_interval]):
        part = sides.part
        raise InputError(f"On the {part.rows:,} rows of {part.name} no metric's difference has an interval.")
    main = one_of("metric to compare by", metric or known[0], known)
    groups, speed = sides.groups(main, depth), sides.speed(latency)
    return Comparison(sides, main, margin, pairs, groups, speed, sides.flips(), sides.slices())


class Comparison(Result, frozen=True):
    """How a challenger differs from a champion on the same rows.

    Attributes
    ----------
    sides : Sides
        The rows, and the champion and the challenger, each with the threshold at which it decides.
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
    slices : DataFrame
        The slices on which the challenger is worse for certain, the worst first: ``slice, rows, loss, champion,
        challenger, difference, p_adjusted``.
    """

    sides: Sides
    metric: str
    margin: float
    pairs: dict[str, Paired]
    groups: pd.DataFrame
    speed: pd.DataFrame
    flips: pd.DataFrame
    slices: pd.DataFrame

    @property
    def model(self) -> Model:
        """The challenger, which the other steps take."""
        return self.sides.models[1]

    @property
    def main(self) -> Paired:
        """The comparison in the metric that decides."""
        return self.pairs[self.metric]

    @property
    def conclusion(self) -> str:
        """One of ``superior``, ``equivalent``, ``not inferior``, ``inferior`` and ``undecided``; the first that holds.

        Superior and inferior at 5 % two-sided, by the interval and by the exact test where there is one; where there is
        a margin, equivalent at 5 % by two one-sided tests, and not inferior at 2.5 % one-sided.
        """
        gain, margin, chance = self.main.gain, self.margin, self.main.p_value > ALPHA
        if gain.low > 0 and not chance:
            return "superior"
        if margin > 0 and self.main.p_equivalent(margin) <= ALPHA:
            return "equivalent"
        if margin > 0 and gain.low > -margin:
            return "not inferior"
        return "inferior" if gain.high < 0 and not chance else "undecided"

    def frame(self) -> pd.DataFrame:
        """Return one row a metric: both values, the difference with its interval, p value and probability of better."""
        return spread(self._table())

    def _table(self) -> pd.DataFrame:
        names = ["metric", "champion", "challenger", "difference", "p_value", "probability_better"]
        pairs = self.pairs.values()
        rows = [(one.metric, one.champion, one.challenger, one.difference, one.p_value, one.better) for one in pairs]
        return pd.DataFrame(rows, columns=names)

    def scalars(self) -> dict[str, Estimate]:
        """Return ``champion.<metric>``, ``change.test.<metric>``, ``change.fairness.…``, and the tests."""
        part = self.sides.part
        found = {f"champion.{name}": one.champion for name, one in self.pairs.items()}
        found |= {f"change.test.{name}": one.difference for name, one in self.pairs.items()}
        for _, row in self.groups.iterrows():
            found[f"change.fairness.{row['feature']}.{row['group']}.{row['metric']}"] = row["difference"]
        found |= {f"champion.{row['measure']}": row["champion"] for _, row in self.speed.iterrows()}
        tests = {"better_probability": self.main.better, "p_value": self.main.p_value}
        if self.margin > 0:
            tests["p_not_inferior"] = self.main.at_most(-self.margin)
            tests["p_equivalent"] = self.main.p_equivalent(self.margin)
        found |= {f"comparison.{name}": Estimate(value, n=part.rows) for name, value in tests.items()}
        if part.task != "regression":
            (one, other), units = self.sides.labels(), self.sides.part.units
            apart = share((one != other).astype(float), weights_of(units, part.rows))
            found["comparison.flips"] = apart.over(units).estimate
        found["comparison.groups_worse"] = Estimate(int(self.groups["worse"].sum()), n=len(self.groups))
        return found | {"comparison.slices_worse": Estimate(len(self.slices), n=part.rows)}

    def findings(self) -> list[Finding]:
        """Say whether the challenger is better, for whom it is worse, and what makes the two hard to compare."""
        return by_severity(self._findings())

    def _findings(self) -> Iterator[Finding]:
        for model in self.sides.models:
            yield from (*model.notes, *about_rows(model, self.sides.part))
        predicted = zip(*((said.y_pred, np.asarray(said.y_prob)) for said in self.sides.said), strict=True)
        if not len(self.flips) and all(np.array_equal(*each) for each in predicted):
            yield finding("COMPARE-SAME", "medium", self.metric, rows=self.sides.part.rows)
        if self.conclusion == "inferior":
            yield finding("COMPARE-WORSE", "high", self.metric, said=self._sentence())
        for (feature, group, rows), worse in self.groups[self.groups["worse"]].groupby(["feature", "group", "rows"]):
            said = [f"{spoken(row['metric'])} {row['difference']}" for _, row in worse.iterrows()]
            told = {"feature": feature, "group": group, "rows": rows, "p": format_p(worse["p_adjusted"].max())}
            yield finding("COMPARE-GROUP-WORSE", "high", f"{feature}.{group}", said=listed(said), **told)
        if len(self.slices) and self.conclusion != "inferior":
            row, count = self.slices.iloc[0], len(self.slices)
            which = f"the worst of {count} such slices" if count > 1 else "the only such slice"
            p = format_p(row["p_adjusted"])
            yield finding("COMPARE-SLICE-WORSE", "high", row["slice"], row=row, which=which, p=p)
        better, worse_in = self._others(1), self._others(-1)
        if worse_in and self.conclusion != "inferior":
            also = f", and better in {listed(better)}" if better else ""
            yield finding("COMPARE-METRICS-APART", "medium", self.metric, worse=listed(worse_in), better=also)
        before, after = (model.threshold for model in self.sides.models)
        if before and after and before.called != after.called:
            yield finding("COMPARE-THRESHOLDS", "info", "threshold", champion=before.called, challenger=after.called)

    def _others(self, sign: int) -> list[str]:
        """Name the metrics in which the challenger is better (1) or worse (-1) for certain (Holm over the metrics)."""
        pairs = [one for one in self.pairs.values() if one.sign]
        found = zip(pairs, holm([one.p_value for one in pairs]), strict=True)
        return [spoken(one.metric) for one, p in found if p <= ALPHA and sign * one.gain.value > 0]

    def _sentence(self) -> str:
        found = self.main
        what = _SAID[self.conclusion].format(self.margin)
        new, old = (format_number(one.value) for one in (found.challenger, found.champion))
        return f"{what}: {titled(self.metric)} is {new}, the champion's {old}, a difference of {found.difference}."

    def drawings(self) -> list[Drawing]:
        """Return the differences, the metric that decides first, and those of the groups."""
        shown = [self.main]
        if self.sides.part.task != "regression":
            unit = [one for one in self.pairs.values() if one.sign and one.metric not in ("log_loss", "expected_cost")]
            shown = [one for one in unit if one.difference.has_interval]
        named = {"metric": [titled(one.metric) for one in shown], "difference": [one.difference for one in shown]}
        groups = self.groups[self.groups["metric"] == self.metric]
        by_group = {"group": groups["feature"] + " " + groups["group"], "difference": groups["difference"]}
        kinds = {"differences": pd.DataFrame(named), "groups": pd.DataFrame(by_group)}
        said, label = {"metric": titled(self.metric)}, "Challenger minus champion"
        return [draw_differences(kind, rows, label, **said) for kind, rows in kinds.items() if len(rows)]

    def record(self) -> Record:
        """Return what decided, and the sentence that a report says first."""
        where = "test part", "champion"
        numbers = [
            KeyNumber(f"test.{name}", titled(name), one.challenger, *where, one.champion, one.difference)
            for name, one in self.pairs.items()
        ]
        settings: dict[str, object] = {"metric": self.metric, "margin": self.margin}
        settings |= {"champion_model": known} if (known := self.sides.models[0].version) else {}
        return Record(settings, model=self.model.record(), headline=self._sentence(), numbers=numbers)

    def face(self) -> Face:
        """Return the conclusion, the metrics of both, the groups, and the rows that are decided differently."""
        part, units = self.sides.part, self.sides.part.units
        lead = f"{part.name}: {part.target.name}, {part.rows:,} rows" + (f" in {units}" if units else "")
        fixed, broken = (int((self.flips[one] == self.flips["truth"]).sum()) for one in ("challenger", "champion"))
        flipped = f"{counted(len(self.flips), 'row')} decided differently: {fixed:,} now right, {broken:,} now wrong"
        measured = [titled(name.partition(".")[2]) for name in self.speed["measure"]]
        tables = [
            FaceTable("Metrics of both models, with 95% intervals", self._table()),
            FaceTable("Latency and size", self.speed.assign(measure=measured)),
            FaceTable("By group of people", self.groups.drop(columns="worse")),
            FaceTable("Slices on which the challenger is worse", self.slices),
            FaceTable(flipped, self.flips, most=12, folded="Rows that are decided differently"),
        ]
        shown = [table for table in tables if len(table.frame)]
        return Face("Comparison", f"{lead}. {self._sentence()}", shown, self.findings())


def draw_differences(kind: str, rows: pd.DataFrame, label: str, **words: str) -> Drawing:
    """Return a figure of named differences, by a name and an Estimate a row, beside the line of none."""
    draw = draw_beside(label, [shorten(text, 44) for text in rows.iloc[:, 0]], rows.iloc[:, 1])
    said = [f"{name}: {found}" for name, found in rows.itertuples(index=False)]
    return drawing(kind, draw, rows, grid="x", said=said, **words)
