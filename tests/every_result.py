"""A result of every class there is, of small runs over a table with hostile names."""

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

import toolkit as tk
from toolkit.evaluation.explorer import threshold_explorer
from toolkit.explanation.explorers import column_explorer, what_if
from toolkit.monitoring.fairness import audit_windows

HOSTILE = "<script>alert(1)</script>"


def applicants(seed, rows=1500):
    rng = np.random.default_rng(seed)
    score = rng.normal(size=rows)
    group = rng.choice(["<b>a</b>", "b"], rows)
    return pd.DataFrame(
        {
            HOSTILE: score,
            "age": rng.integers(18, 80, rows),
            "group": group,
            "when": pd.date_range("2024-01-01", periods=rows, freq="2h"),
            "paid": np.where(rng.random(rows) < 1 / (1 + np.exp(-2 * score - (group == "b"))), "yes", "no"),
        }
    )


def loaded(seed, name):
    return tk.load_dataset(applicants(seed), target="paid", positive="yes", sensitive=["group"], time="when", name=name)


def every_result():
    """Return at least one result of every class."""
    data = loaded(0, HOSTILE)
    split = tk.split_dataset(data, strategy="random", validation_size=0.2, test_size=0.4)
    training = tk.train(split, candidates=["logistic"], cv=3)
    model, later = training.model, loaded(1, "later")
    judged = tk.evaluate(model, split, threshold="cost:fp=1,fn=5", baseline=training.baseline, latency=False)
    explained = tk.explain(model, split, most_rows=80)
    audit = tk.audit_fairness(model, split, threshold=judged.threshold, replicates=200)
    drift = tk.detect_drift(data, later, model=model, window="month")
    card = tk.make_card([split, training, judged, audit])
    numbers, wine = tk.load_dataset("diabetes"), tk.split_dataset(tk.load_dataset("wine"))
    return [
        *(data, numbers, split, training, judged, explained, audit, drift, card),
        tk.evaluate(LinearRegression().fit(numbers.features, numbers.target), numbers, latency=False),
        tk.evaluate(tk.train(wine, candidates=["logistic"], cv=2).model, wine, latency=False),
        tk.find_slices(model, data, min_rows=30),
        tk.find_slices(model, split.test.take(range(100))),
        threshold_explorer(judged, audit),
        column_explorer(explained),
        what_if(explained),
        tk.find_counterfactual(model, split, split.test.features.index[0], immutable=[]),
        tk.check_individual(model, split, rows=100),
        tk.find_proxies(split, rows=300),
        tk.mitigate(model, split, methods=["threshold_optimizer"]),
        *(drift.reference, tk.Reason(drift, "The model in use")),
        tk.EvidentlyPage("<html></html>", 60_000, {HOSTILE: "empty"}),
        tk.estimate_performance(model, data, later, window="month"),
        audit_windows(model, data, later, window="month", replicates=200),
        tk.check({"numbers": {"test.roc_auc": {"min": 0.99}}}, split, judged),
        tk.decide({"levels": {"watch": {"numbers": {"drift.columns": {"max": 1}}}}}, drift),
        tk.diff_cards(card, tk.make_card([split, training, tk.evaluate(training.baseline, split, latency=False)])),
        tk.compare(training.baseline, model, split, margin=0.01),
        tk.ab_test(applicants(0), outcome=HOSTILE, arm="group", control="b"),
        tk.if_applicable(tk.check, ""),
    ]
