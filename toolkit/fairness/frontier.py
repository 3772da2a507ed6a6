"""The price of a smaller disparity: every point measured on the same held-out rows, and which of them are dominated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.estimate import Estimate
from toolkit.core.options import one_of
from toolkit.data.dataset import Dataset
from toolkit.data.split import Split
from toolkit.fairness.audit import audit_fairness
from toolkit.fairness.groups import sensitive_columns
from toolkit.fairness.methods import Made
from toolkit.models.choice import threshold_for
from toolkit.models.model import Model
from toolkit.models.prediction import predict
from toolkit.models.recorded import RecordedPredictions
from toolkit.models.threshold import AS_DECIDED, Threshold, ThresholdLike
from toolkit.statistics.intervals import Array
from toolkit.statistics.measure import Measure, difference
from toolkit.statistics.metrics import binary_metrics

PERFORMANCE = ("accuracy", "balanced_accuracy", "roc_auc")
DISPARITIES = {
    "demographic_parity": "demographic_parity_difference",
    "equalized_odds": "equalized_odds_difference",
    "true_positive_rate_parity": "equal_opportunity_difference",
}
REPLICATES = 2_000
ORIGINAL, BASELINE = "original", "baseline"


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
    return one_of("fairness constraint", constraint, DISPARITIES) if constraint else ""


@dataclass(frozen=True, eq=False)
class Point:
    """One model, measured: its performance by metric, and its disparity, at a threshold."""

    made: Made
    threshold: Threshold
    measures: Mapping[str, Measure]
    disparity: Estimate


def measure_point(
    made: Made, split: Split, columns: Sequence[str], disparity: str, threshold: ThresholdLike, seed: int
) -> Point:
    """Measure one model on the test part: performance, and the disparity as ``audit_fairness`` does."""
    split = _joined(split, columns)
    test = split.test
    predicted = predict(made.model, test)
    # A model that decides itself, by lot or by group, has no threshold to choose.
    given = None if predicted.decisions is not None else threshold
    chosen = threshold_for(made.model, split, given, {"test": predicted}) or AS_DECIDED
    called = predicted.decide(chosen.value)
    score = predicted.y_pred if predicted.scored else None
    found = binary_metrics(predicted.y_true, score, decisions=called, probabilities=False)
    labels = np.empty(test.rows, dtype=object)
    labels[:] = [
        test.positive if one else next(label for label in test.classes if label != test.positive) for one in called
    ]
    recorded = RecordedPredictions(y_pred=pd.Series(labels, index=test.features.index), classes=test.classes)
    audit = audit_fairness(
        recorded, test, sensitive=list(columns), depth=len(columns), replicates=REPLICATES, seed=seed
    )
    kept = audit.disparities.loc[audit.disparities["disparity"] == disparity, "value"]
    return Point(made, chosen, {name: found[name] for name in PERFORMANCE}, kept.iloc[-1])


def _joined(split: Split, columns: Sequence[str]) -> Split:
    """Put the sensitive columns beside the features, where models that need them find them."""
    parts = {name: _with_columns(part, columns) for name, part in split.parts().items()}
    return replace(split, train=parts["train"], test=parts["test"], validation=parts.get("validation"))


def _with_columns(data: Dataset, columns: Sequence[str]) -> Dataset:
    extra = [name for name in columns if name not in data.features.columns]
    return replace(data, features=pd.concat([data.features, sensitive_columns(data, extra)], axis=1)) if extra else data


def dominated(performance: Array, disparity: Array) -> NDArray[np.bool_]:
    """Return which points have another that is as good on both counts and better on one.

    Parameters
    ----------
    performance, disparity : array of shape (n,)
        More performance is better, less disparity is better; a point that lacks either is not compared.

    Examples
    --------
    >>> dominated(np.array([0.9, 0.8, 0.7]), np.array([0.3, 0.1, 0.2])).tolist()
    [False, False, True]
    """
    better = (performance >= performance[:, None]) & (disparity <= disparity[:, None])
    strictly = (performance > performance[:, None]) | (disparity < disparity[:, None])
    result: NDArray[np.bool_] = np.any(better & strictly, axis=1)
    return result


def frontier_table(points: Sequence[Point], metric: str, disparity: str, needs: Sequence[str]) -> pd.DataFrame:
    """Write the points as a table, the best performance first.

    Columns ``point, method, setting``, the performance metrics, the disparity, ``difference`` (of the chosen metric, to
    the original), ``over_baseline`` (to the baseline), ``needs_sensitive, by_lot, dominated, beats_baseline``.
    """
    by_name = {point.made.name: point for point in points}
    original, baseline = by_name[ORIGINAL].measures[metric], by_name[BASELINE].measures[metric]
    values = np.array([point.measures[metric].estimate.value for point in points])
    beaten = dominated(values, np.array([point.disparity.value for point in points]))
    rows = []
    for point, need, below in zip(points, needs, beaten, strict=True):
        apart = difference(point.measures[metric], baseline)
        row: dict[str, object] = {"point": point.made.name, "method": point.made.method, "setting": point.made.setting}
        row |= {name: found.estimate for name, found in point.measures.items()} | {disparity: point.disparity}
        same = Estimate(0.0, n=original.estimate.n, method="exact: the same model")
        ahead = same if point.made.name == ORIGINAL else difference(point.measures[metric], original)
        row |= {"difference": ahead, "over_baseline": apart}
        row |= {"needs_sensitive": need, "by_lot": _by_lot(point.made.model), "dominated": bool(below)}
        rows.append(row | {"beats_baseline": bool(apart.low > 0)})
    return pd.DataFrame(rows).iloc[np.argsort(-values, kind="stable")].reset_index(drop=True)


def _by_lot(model: Model) -> bool:
    part = getattr(model.estimator, "part", None)
    return part is not None and not part.scored
