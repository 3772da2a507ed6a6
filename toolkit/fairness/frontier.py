"""The price of a smaller disparity: every point measured on the same held-out rows, and which of them are dominated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from toolkit.core.estimate import Estimate
from toolkit.fairness.audit import audit_fairness
from toolkit.fairness.group_models import FairModel
from toolkit.fairness.methods import BASELINE, ORIGINAL, FittedMethod, Setup
from toolkit.models.model import in_order
from toolkit.models.prediction import predict, threshold_for
from toolkit.models.recorded import RecordedPredictions
from toolkit.models.threshold import AS_DECIDED, Threshold, ThresholdLike
from toolkit.statistics.intervals import Array, Mask
from toolkit.statistics.measure import Measure, difference
from toolkit.statistics.metrics import binary_metrics

PERFORMANCE = ("accuracy", "balanced_accuracy", "roc_auc")
REPLICATES = 2_000


@dataclass(frozen=True, eq=False)
class Point:
    """One model, measured: its performance by metric, and its disparity, at a threshold."""

    fitted: FittedMethod
    threshold: Threshold
    measures: Mapping[str, Measure]
    disparity: Estimate


def measure_point(fitted: FittedMethod, setup: Setup, threshold: ThresholdLike) -> Point:
    """Measure one model on the test part: performance, and the disparity as ``audit_fairness`` does."""
    test, columns = setup.split.test, list(setup.columns)
    predicted = predict(fitted.model, test)
    # A model that decides itself, at random or by group, has no threshold to choose.
    given = None if predicted.decisions is not None else threshold
    chosen = threshold_for(fitted.model, setup.split, given, {"test": predicted}) or AS_DECIDED
    called = predicted.decide(chosen.value)
    score = predicted.y_pred if predicted.scored else None
    found = binary_metrics(predicted.y_true, score, decisions=called, probabilities=False, units=test.units)
    labels = pd.Series([in_order(test)[int(one)] for one in called], test.features.index, dtype=object)
    decided = RecordedPredictions(y_pred=labels, classes=test.classes)
    audit = audit_fairness(decided, test, sensitive=columns, depth=len(columns), replicates=REPLICATES, seed=setup.seed)
    kept = audit.disparities.loc[audit.disparities["disparity"] == setup.disparity, "value"]
    return Point(fitted, chosen, {name: found[name] for name in PERFORMANCE}, kept.iloc[-1])


def dominated(performance: Array, disparity: Array) -> Mask:
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
    return np.asarray(np.any(better & strictly, axis=1))


def frontier_table(points: Sequence[Point], setup: Setup) -> pd.DataFrame:
    """Write the points as a table, the best performance first.

    Columns ``point, method, setting``, the performance metrics, the disparity, ``difference`` (of the chosen metric, to
    the original), ``over_baseline`` (to the baseline), ``needs_sensitive, by_lot, dominated, beats_baseline``.
    """
    measures = {point.fitted.name: point.measures[setup.metric] for point in points}
    values = np.array([one.estimate.value for one in measures.values()])
    beaten = dominated(values, np.array([point.disparity.value for point in points]))
    same = Estimate(0.0, n=setup.split.test.rows, method="exact: the same model")
    rows = []
    for point, below in zip(points, beaten.tolist(), strict=True):
        fitted, measure = point.fitted, measures[point.fitted.name]
        apart = difference(measure, measures[BASELINE])
        row: dict[str, object] = {"point": fitted.name, "method": fitted.method, "setting": fitted.setting}
        row |= {name: found.estimate for name, found in point.measures.items()} | {setup.disparity: point.disparity}
        ahead = same if fitted.name == ORIGINAL else difference(measure, measures[ORIGINAL])
        fair = fitted.model.estimator if isinstance(fitted.model.estimator, FairModel) else None
        given = fitted.name != BASELINE and set(setup.columns) & set(fitted.model.columns)
        needs = "yes" if fair and fair.groups else "as a feature" if given else "no"
        by_lot = fair is not None and not fair.part.scored
        row |= {"difference": ahead, "over_baseline": apart, "needs_sensitive": needs}
        rows.append(row | {"by_lot": by_lot, "dominated": below, "beats_baseline": apart.low > 0})
    return pd.DataFrame(rows).iloc[np.argsort(-values, kind="stable")].reset_index(drop=True)
