"""Made-up models and tables for the tests of the fairness audit."""

import numpy as np
import pandas as pd

from toolkit.data.load import load_dataset
from toolkit.fairness.clusters import Counts, Resampling
from toolkit.fairness.rates import measure_rates
from toolkit.fairness.spread import measure_disparity


class Known:
    """A model that predicts the probability that a column holds."""

    def __init__(self, classes=("no", "yes"), column="chance"):
        self.classes_ = np.array(classes)
        self.column = column

    def predict(self, features):
        return self.classes_[(features[self.column].to_numpy() >= 0.5).astype(int)]

    def predict_proba(self, features):
        chance = features[self.column].to_numpy(dtype=float)
        return np.column_stack([1 - chance, chance])


class Labels:
    """A model of labels alone: it cuts a column into as many equal parts as there are classes."""

    def __init__(self, classes):
        self.classes_ = np.array(classes)

    def predict(self, features):
        return self.classes_[(features["chance"].to_numpy() * len(self.classes_) * 0.9999).astype(int)]


class Number:
    """A model that predicts a column times a factor."""

    def __init__(self, factor=1.0):
        self.factor = factor

    def predict(self, features):
        return features["chance"].to_numpy() * self.factor


def people(n=2000, seed=0, hurt=0.0):
    """Make people whose outcome has the chance that a column says; among women less often, by ``hurt``."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "sex": rng.choice(["Female", "Male"], n),
            "race": rng.choice(["Black", "White", "Other"], n, p=[0.3, 0.6, 0.1]),
            "age": rng.integers(18, 90, n),
            "chance": np.round(rng.beta(2, 2, n), 2),
        }
    )
    shifted = frame["chance"] - hurt * (frame["sex"] == "Female")
    frame["y"] = np.where(rng.random(n) < shifted, "yes", "no")
    return frame


def dataset(frame, sensitive=("sex", "race"), **options):
    return load_dataset(frame, target="y", sensitive=list(sensitive), **{"positive": "yes", **options})


def draw_cells(rng, recall, false_positive_rate, base_rate, size):
    """Draw the counts of groups with known rates; shape (groups, 4)."""
    size = np.asarray(size)
    positives = rng.binomial(size, base_rate)
    hits = rng.binomial(positives, recall)
    false = rng.binomial(size - positives, false_positive_rate)
    return np.column_stack([size - positives - false, false, positives - hits, hits]).astype(float)


def disparity_coverage(recall, false_positive_rate, size, *, simulations, replicates=1000, seed=0):
    """Return by disparity how often its interval holds the truth; half of each group is positive."""
    tpr, fpr = np.asarray(recall), np.asarray(false_positive_rate)
    selected = (tpr + fpr) / 2
    truth = {
        ("selection_rate", False): np.ptp(selected),
        ("selection_rate", True): selected.min() / selected.max(),
        ("recall", False): np.ptp(tpr),
        ("recall", True): tpr.min() / tpr.max(),
        ("odds", False): max(np.ptp(tpr), np.ptp(fpr)),
        ("odds", True): min(tpr.min() / tpr.max(), fpr.min() / fpr.max()),
    }
    rng, held = np.random.default_rng(seed), dict.fromkeys(truth, 0)
    names = ["selection_rate", "recall", "false_positive_rate"]
    for _ in range(simulations):
        found = measure_rates(Counts(draw_cells(rng, tpr, fpr, 0.5, size)), names, Resampling(30, replicates, rng))
        for (name, ratio), true in truth.items():
            parts = [found["recall"], found["false_positive_rate"]] if name == "odds" else [found[name]]
            estimate = measure_disparity(parts, ratio=ratio).estimate
            held[name, ratio] += estimate.low <= true <= estimate.high
    return {key: count / simulations for key, count in held.items()}
