"""Print what a fairness audit costs, beside Fairlearn's own bootstrap on the same rows and metrics."""

import time
import warnings

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from sklearn.metrics import accuracy_score, average_precision_score, balanced_accuracy_score, f1_score, precision_score

import toolkit as tk
from benchmarks.drift import peak_memory, written
from toolkit.fairness.audit import audit_fairness
from toolkit.fairness.clusters import Resampling
from toolkit.fairness.groups import group_rows
from toolkit.fairness.rates import measure_rates
from toolkit.models.recorded import RecordedPredictions

REPLICATES, THEIRS = 10_000, 5
COUNTED = {
    "selection_rate": selection_rate,
    "recall": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "precision": precision_score,
    "accuracy": accuracy_score,
    "balanced_accuracy": balanced_accuracy_score,
}


def fairness():
    """Time the counted metrics beside Fairlearn's, then whole audits of 50,000 and 10,000,000 rows."""
    side_by_side()
    for rows in (50_000, 10_000_000):
        data, scores = generated(rows)
        model = RecordedPredictions(y_score=scores, classes=(0, 1))
        audit_fairness(model, data.take(np.arange(1000)), replicates=200)
        started = time.perf_counter()
        audit = audit_fairness(model, data)
        seconds = time.perf_counter() - started
        groups = audit.groups.loc[audit.groups["feature"] == "sex+race", "group"].nunique()
        print(f"  whole audit      {seconds:6.2f} s   {rows:,} rows, {groups} intersections, {REPLICATES:,} replicates")
    custom()
    print(f"  most memory held {written(peak_memory())}, by this process so far\n")


def custom():
    """Time what a metric of one's own adds to the audit of 1,000,000 rows: counted, by scores, and by rows."""
    data, scores = generated(1_000_000)
    model = RecordedPredictions(y_score=scores, classes=(0, 1))
    metrics = {"f1": f1_score, "average_precision": average_precision_score, "wrong": lambda y, p: np.mean(y != p)}
    times = {}
    for name, function in {"": None, **metrics}.items():
        started = time.perf_counter()
        audit_fairness(model, data, metrics={name: function} if function else None)
        times[name] = time.perf_counter() - started
    for name in metrics:
        print(f"  {name:17}{times[name] - times['']:6.2f} s   more, on 1,000,000 rows in 32 groups")


def side_by_side():
    """Time one bootstrap replicate of the same six metrics on ACS employment, sex by race."""
    data = tk.load_dataset("acs_employment")
    y_true = data.y_binary()
    called = (np.random.default_rng(0).random(data.rows) < 0.3 + 0.4 * y_true).astype(int)
    grouping = group_rows(data.sensitive, 2)[-1]
    started = time.perf_counter()
    counts = grouping.counted(y_true.astype(float), called.astype(float))
    measure_rates(counts, list(COUNTED), Resampling(1, REPLICATES, np.random.default_rng(0)))
    ours = (time.perf_counter() - started) / REPLICATES
    times = []
    for number in (1, 1 + THEIRS):
        started = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            MetricFrame(
                metrics=COUNTED,
                y_true=y_true,
                y_pred=called,
                sensitive_features=data.sensitive,
                n_boot=number,
                ci_quantiles=[0.025, 0.975],
                random_state=0,
            )
        times.append(time.perf_counter() - started)
    theirs = (times[1] - times[0]) / THEIRS
    print(f"acs_employment, {data.rows:,} rows, sex x race, {len(grouping.labels)} groups, {len(COUNTED)} metrics")
    print(f"  MetricFrame      {theirs * 1000:10.3f} ms a bootstrap replicate")
    print(f"  ours             {ours * 1000:10.3f} ms, counting included: {theirs / ours:,.0f} times as fast")


def generated(rows):
    """Make a table of two sexes and ten races with calibrated scores."""
    rng = np.random.default_rng(0)
    score = rng.beta(2, 2, rows)
    frame = pd.DataFrame(
        {
            "score": score,
            "target": (rng.random(rows) < score).astype("int64"),
            "sex": pd.Categorical.from_codes(rng.integers(0, 2, rows), ["Female", "Male"]),
            "race": pd.Categorical.from_codes(rng.integers(0, 10, rows), [f"race {number}" for number in range(10)]),
        }
    )
    data = tk.load_dataset(frame, target="target", sensitive=["sex", "race"], positive=1)
    return data, pd.Series(score)


if __name__ == "__main__":
    fairness()
