"""The threshold explorer: what every threshold would do, overall and to each group, for the report's slider."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core import Estimate, Explorer, Face, spread
from toolkit.errors import NotApplicableError, instance
from toolkit.evaluation.evaluation import Evaluation
from toolkit.evaluation.findings import face, refusal
from toolkit.models import OUTCOMES, Costs, Predictions, predict
from toolkit.statistics import Units, share, share_estimate

SHOWN_AT_REST, MOST_GROUPS = 9, 30
_GROUPS = ("feature", "group", "threshold", "positives", "negatives", "size", "tp", "fp")
PLAIN_COSTS = Costs(fp=1.0, fn=1.0)


def threshold_explorer(evaluation: Evaluation, fairness: Any = None) -> "ThresholdExplorer":
    """Show what the test part would look like at other thresholds; in a report, with a slider.

    Parameters
    ----------
    evaluation : Evaluation
        Of a binary task with scores.
    fairness : FairnessAudit, optional
        Of the same rows at the same threshold; its groups are then followed too. Anything else, such as the result of
        an audit that did not apply, counts as none.

    Returns
    -------
    ThresholdExplorer

    Raises
    ------
    NotApplicableError
        Where there is no threshold to move.
    InputError
        Where the audit was made at another threshold or on other rows.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from toolkit import evaluate, load_dataset
    >>> ages = pd.DataFrame({"age": [i % 45 for i in range(60)], "ill": ["no", "no", "yes"] * 20})
    >>> data = load_dataset(ages, target="ill", positive="yes")
    >>> model = LogisticRegression().fit(data.features, data.target)
    >>> threshold_explorer(evaluate(model, data, latency=False)).frame().columns.tolist()[:5]
    ['threshold', 'recall', 'recall_low', 'recall_high', 'recall_n']
    """
    curve, chosen = instance(evaluation, Evaluation).curves.get("roc"), evaluation.threshold
    if curve is None or chosen is None or evaluation.confusion is None or not np.isfinite(chosen.value):
        raise NotApplicableError("There is no threshold to move: the task is not binary, or no score decides.")
    if (units := evaluation.measured["accuracy"].units) and units.weight:
        raise NotApplicableError("The explorer counts rows, which have weights here.")
    cells = evaluation.confusion.to_numpy()
    negatives, positives = (int(count) for count in cells.sum(axis=1))
    groups = _groups(fairness, chosen.value, positives + negatives, positives)
    if len(groups):
        first = groups[groups["feature"] == groups["feature"].iloc[0]]
        counts = first.groupby("threshold", as_index=False)[["tp", "fp"]].sum()
    else:
        steps, recall, false = (curve[name] for name in ("threshold", "recall", "false_positive_rate"))
        counts = pd.DataFrame({"threshold": steps, "tp": recall * positives, "fp": false * negatives})
        counts = counts[np.isfinite(steps) & (steps != chosen.value)]
        at_chosen = pd.DataFrame({"threshold": [chosen.value], "tp": [cells[1, 1]], "fp": [cells[0, 1]]})
        counts = pd.concat([counts, at_chosen]).sort_values("threshold", ignore_index=True)
    place, costs = int(np.flatnonzero(counts["threshold"] == chosen.value)[0]), chosen.rule.costs or PLAIN_COSTS
    counts = counts.round({"tp": 0, "fp": 0}).astype({"tp": int, "fp": int})
    known = (predict(evaluation.model, evaluation.data), units) if units else None
    return ThresholdExplorer(evaluation.data.positive, counts, positives, negatives, place, costs, groups, known)


class ThresholdExplorer(Explorer, frozen=True):
    """Counts at every threshold; shows itself as a table, and in a report with a slider.

    Attributes
    ----------
    positive : object
        Positive class.
    counts : DataFrame
        A row a threshold, rising: ``threshold, tp, fp``.
    positives, negatives : int
        Rows of each class.
    chosen : int
        Which of the thresholds was chosen.
    costs : Costs
        Those the threshold was chosen by, else 1 for every error.
    groups : DataFrame
        A row a group and threshold: ``feature, group, threshold, positives, negatives, size, tp, fp``; may be empty.
    known : (Predictions, Units) or None
        Of the rows, where they are not independent observations.
    """

    positive: object
    counts: pd.DataFrame
    positives: int
    negatives: int
    chosen: int
    costs: Costs
    groups: pd.DataFrame
    known: tuple[Predictions, Units] | None = None

    def frame(self) -> pd.DataFrame:
        """Return recall, precision, false positive rate and selection rate with their intervals, and the cost a row."""
        return spread(self._table())

    def _table(self, places: list[int] | None = None) -> pd.DataFrame:
        counts = self.counts if places is None else self.counts.iloc[places]
        rows, n = [], self.positives + self.negatives
        for threshold, tp, fp in counts.itertuples(index=False, name=None):
            shares = ((tp, self.positives), (tp, tp + fp), (fp, self.negatives), (tp + fp, n))
            found = [share_estimate(*one) for one in shares]
            found = _over(found, threshold, *self.known) if self.known else found
            rows.append([threshold, *found, self.costs.total(tp, fp, self.positives, self.negatives) / n])
        names = ("threshold", "recall", "precision", "false_positive_rate", "selection_rate", "cost_a_row")
        return pd.DataFrame(rows, columns=list(names), index=counts.index)

    def face(self) -> Face:
        """Return the threshold, and what some others would give."""
        called = self.counts["tp"] + self.counts["fp"]
        wanted = np.linspace(called.min(), called.max(), SHOWN_AT_REST)
        table = self._table(sorted({int(np.argmin(np.abs(called - count))) for count in wanted} | {self.chosen}))
        levels = [f"{at:.4g}{' (chosen)' * (place == self.chosen)}" for place, at in table["threshold"].items()]
        return face("explorer", self, table.assign(threshold=levels), chosen=self.counts["threshold"][self.chosen])

    def plain(self) -> dict[str, Any]:
        """Return the counts at every threshold, overall and of the largest groups."""
        kept: dict[str, Any] = {"positives": "first", "negatives": "first", "tp": list, "fp": list, "size": "first"}
        groups = self.groups.groupby(["feature", "group"], sort=False, as_index=False).agg(kept)
        rank = groups.groupby("feature")["size"].rank(ascending=False, method="first")
        return {
            "kind": "threshold",
            "labels": [f"{value:.4g}" for value in self.counts["threshold"]],
            **{name: self.counts[name].tolist() for name in ("tp", "fp")},
            **{name: getattr(self, name) for name in ("positives", "negatives", "chosen")},
            "costs": {kind: getattr(self.costs, kind) for kind in OUTCOMES},
            "currency": self.costs.currency,
            "groups": groups[rank <= MOST_GROUPS].drop(columns="size").to_dict("records"),
        }


def _over(shares: list[Estimate], threshold: float, rows: Predictions, units: Units) -> list[Estimate]:
    """Give the four shares at a threshold the interval of dependent rows, as an evaluation does."""
    y, called = rows.y_true, rows.decide(threshold)
    pairs = (called, y), (y, called), (called, 1 - y), (called, np.ones(len(y)))
    return [replace(share(*one).over(units).estimate, n=known.n) for one, known in zip(pairs, shares, strict=True)]


def _groups(fairness: Any, threshold: float, rows: int, positives: int) -> pd.DataFrame:
    """Return the counts of the groups of each feature whose groups hold every row once."""
    if (curves := getattr(fairness, "curves", None)) is None or curves.empty:
        return pd.DataFrame(columns=list(_GROUPS))
    if fairness.data.rows != rows or fairness.threshold.value != threshold:
        raise refusal("other rows", rows=rows, threshold=threshold, audit=fairness)
    held = curves[curves["threshold"] == threshold].groupby("feature")[["rows", "positives"]].sum()
    whole = held.index[(held["rows"] == rows) & (held["positives"] == positives)]
    kept: pd.DataFrame = curves[curves["feature"].isin(whole)]
    negatives = kept["rows"] - kept["positives"]
    tp, fp = kept["recall"] * kept["positives"], kept["false_positive_rate"] * negatives
    counts = {name: found.fillna(0).round().astype(int) for name, found in (("tp", tp), ("fp", fp))}
    return kept.assign(negatives=negatives, size=kept["rows"], **counts)[list(_GROUPS)].reset_index(drop=True)
