"""Are like cases treated alike? Nearest neighbours, and the same person with another sensitive value."""

from typing import Any

import numpy as np
import pandas as pd

from toolkit.core import Drawing, Estimate, Face, draw_beside, format_number, spread, unique, value_text
from toolkit.core.result import Finding, Result, Severity, by_severity
from toolkit.data import Dataset, Split, judged_rows
from toolkit.errors import whole
from toolkit.fairness.alike import change_column, consistency, nearest_rows, random_rows
from toolkit.fairness.findings import drawing, face, finding
from toolkit.fairness.groups import sensitive_inputs
from toolkit.fairness.rates import LEAST_OF_KIND
from toolkit.models import ThresholdLike, predict_at
from toolkit.statistics import weights_of

POOL = 5_000
#: Shares of changed decisions, and of the target's spread, from which a finding weighs medium and high.
NOTABLE_FLIPS = (0.01, 0.05)
NOTABLE_CHANGE = (0.05, 0.25)


def check_individual(
    model: Any,
    data: Dataset | Split,
    *,
    sensitive: object = None,
    neighbours: int = 5,
    rows: int = 1_000,
    threshold: ThresholdLike = None,
    seed: int = 0,
) -> "IndividualFairness":
    """Measure whether a model treats like cases alike.

    *Consistency* (Zemel et al. 2013, "Learning Fair Representations", ICML): one minus the mean difference between a
    row's decision and those of its nearest neighbours, from 0 to 1; beside it what it would be if the neighbours were
    any rows. Neighbours are the nearest by Euclidean distance over the columns that are not sensitive, numbers
    standardized, other columns one-hot. For a regression the prediction is read as a percentile of the target. The
    interval knows that rows share neighbours, and what they belong to where the table has a ``group``. Where it has a
    ``weight``, rows count by it, and so do the neighbours of a row among each other.

    *Flip rate*: the share of rows whose decision is another if nothing but the sensitive column is changed to any of
    the other values seen (eight most frequent ones; of a number with more values the 5, 25, 50, 75 and 95 %
    quantiles), with the mean absolute change of the score over those values. It says what the column itself does, not
    what columns that go with it do: for those see ``find_proxies``.

    Parameters
    ----------
    model : Model, or anything that ``Model.of`` takes
        Recorded predictions have a consistency only.
    data : Dataset or Split
        Of a split the test part is used.
    sensitive : str or list of str, optional
        By default the sensitive columns of the data; the target is passed over.
    neighbours : int
    rows : int
        Rows that are looked at, a random sample; their neighbours are sought among 5,000 rows at most.
    threshold : float, str, mapping, Rule or Threshold, optional
        As for ``evaluate``.
    seed : int
        Of the sample.

    Returns
    -------
    IndividualFairness

    Raises
    ------
    NotApplicableError
        Where there is no sensitive column but the target.
    InputError
        Where a column is not in the table, or the model does not fit the table.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from toolkit import load_dataset
    >>> data = load_dataset("diabetes")
    >>> model = LinearRegression().fit(data.features, data.target)
    >>> print(check_individual(model, data).scalars()["individual.sex.score_change"])
    22.86 [21.12, 24.60]
    """
    whole("neighbours", neighbours, 1)
    whole("rows", rows, 1)
    test = judged_rows(data)
    columns = list(sensitive_inputs(test, sensitive).columns)
    pool = test.take(np.random.default_rng(seed).permutation(test.rows)[: max(POOL, rows)])
    model, predicted = predict_at(model, data, threshold, pool)
    classes, asked, weights = test.task != "regression", min(rows, pool.rows), weights_of(pool.units, pool.rows)
    outcome = predicted.y_pred if predicted.decisions is None else predicted.decisions
    if not classes:  # percentiles of the target
        shares = np.linspace(0, 1, 101)
        outcome = np.interp(predicted.y_pred, np.quantile(predicted.y_true, shares), shares)
    near = nearest_rows(pool.features.drop(columns=columns, errors="ignore"), asked, neighbours)
    how: dict[str, Any] = {"classes": classes, "units": pool.units}
    part = pool.take(range(asked))
    pairs = [] if model.recorded else list(zip(columns, unique(map(value_text, columns)), strict=True))
    found = {name: change_column(model, part, column, name) for column, name in pairs}
    numbers = {name: known for name, (known, _) in found.items()}
    changes = pd.concat([pd.DataFrame(), *(changed for _, changed in found.values())], ignore_index=True)
    by_chance = consistency(outcome, random_rows(pool.rows, asked, neighbours), **how).value
    deviation = 1.0 if classes else float(np.sqrt(np.cov(predicted.y_true, aweights=weights, ddof=0)))
    return IndividualFairness(part, consistency(outcome, near, **how), by_chance, deviation, numbers, changes)


class IndividualFairness(Result, frozen=True):
    """How alike a model treats like cases.

    Attributes
    ----------
    data : Dataset
        The rows that were looked at.
    consistency : Estimate
        1 where every row is treated as its neighbours are; not defined where no column says who is near.
    by_chance : float
        The consistency if the neighbours were any rows.
    spread : float
        Standard deviation of the target of a regression, against which changes are weighed; else 1.
    columns : dict of str to dict of str to Estimate
        ``flip_rate`` (classes only) and ``score_change`` of each sensitive column.
    changes : DataFrame
        A row a value that a column was changed to: ``feature, changed_to, rows, flip_rate, gained, lost,
        score_change``; what does not apply to the task is left out. ``gained`` and ``lost`` are the shares of rows that
        become positive and negative.
    """

    data: Dataset
    consistency: Estimate
    by_chance: float
    spread: float
    columns: dict[str, dict[str, Estimate]]
    changes: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """Return one row a number: ``feature, measure, value, low, high, n, method``; none for the consistency."""
        rows = [("", "consistency", self.consistency)]
        rows += [(name, key, found) for name, numbers in self.columns.items() for key, found in numbers.items()]
        table = pd.DataFrame(rows, columns=["feature", "measure", "value"])
        return spread(table).assign(method=[found.method for *_, found in rows])

    def scalars(self) -> dict[str, Estimate]:
        """Return ``individual.consistency``, the same by chance, and the numbers of each sensitive column."""
        numbers = {"consistency": self.consistency, "consistency_by_chance": Estimate(self.by_chance, n=self.data.rows)}
        numbers |= {f"{name}.{key}": one for name, found in self.columns.items() for key, one in found.items()}
        return {f"individual.{name}": number for name, number in numbers.items()}

    def findings(self) -> list[Finding]:
        """Say where the sensitive value itself decides, and where neighbours are no more alike than strangers."""
        found = [self._about(name) for name in self.columns] or [finding("INDIVIDUAL-RECORDED", "info")]
        if self.by_chance < 1 and self.consistency.low <= self.by_chance:
            chance = format_number(self.by_chance)
            # Of pairs of random rows about twice as many differ as rows are decided in the rarer way.
            severity: Severity = "medium" if (1 - self.by_chance) * self.data.rows >= 2 * LEAST_OF_KIND else "info"
            found.append(finding("INDIVIDUAL-INCONSISTENT", severity, "consistency", near=self.consistency, any=chance))
        return by_severity(found)

    def _about(self, name: str) -> Finding:
        change, flips = self.columns[name]["score_change"], self.columns[name].get("flip_rate")
        worst, level, limits = None, np.nan, NOTABLE_FLIPS
        if np.isnan(change.value):
            said = "INDIVIDUAL-ONE-VALUE"
        elif not change.has_interval:
            said = "INDIVIDUAL-NOT-GIVEN"
        elif change.value == 0 and (flips is None or flips.value == 0):
            said = "INDIVIDUAL-NO-CHANGE"
        elif flips is None:
            said, level = "INDIVIDUAL-CHANGES regression", change.low / self.spread if self.spread else np.inf
            limits = NOTABLE_CHANGE
        elif not flips.value:
            said, level = "INDIVIDUAL-CHANGES scores", 0.0
        else:
            said, level = f"INDIVIDUAL-CHANGES {self.data.task}", flips.low
            # The value whose change flips most decisions.
            table = self.changes[self.changes["feature"] == name]
            worst = table.iloc[int(np.argmax([one.value for one in table["flip_rate"]]))]
        severity: Severity = ("info", "low", "medium", "high")[sum(level >= limit for limit in (0, *limits))]
        numbers = {"change": change, "flips": flips, "rows": self.data.rows, "worst": worst}
        return finding(said, severity, name, spread=format_number(self.spread), **numbers)

    def drawings(self) -> list[Drawing]:
        """Return the one figure, where a value was changed: how often decisions change, or how far predictions move."""
        if not len(self.changes):
            return []
        measure, title = "flip_rate", "Share of rows whose decision changes"
        if self.data.task == "regression":
            measure, title = "score_change", "Mean absolute change of the prediction"
        said = [f"{row['feature']} to {row['changed_to']}: {row[measure]}" for _, row in self.changes.iterrows()]
        names = list(map(value_text, self.changes["feature"] + " → " + self.changes["changed_to"]))
        draw = draw_beside(title, names, self.changes[measure])
        return [drawing("changes", draw, self.changes, title=title, said=said)]

    def face(self) -> Face:
        """Return the consistency, and what each changed value changes."""
        return face("individual", self, self.changes, chance=format_number(self.by_chance))
