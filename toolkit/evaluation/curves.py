"""The curves behind the figures, as frames of a few hundred rows: numbers before pictures."""

import numpy as np
import pandas as pd

from toolkit.models.threshold import Costs, confusion_steps
from toolkit.statistics.calibration import calibration_bins
from toolkit.statistics.intervals import Array, wilson
from toolkit.statistics.units import kish

MOST_POINTS = 400
SCORE_BINS = 40
MOST_DOTS = 1000


def binary_curves(
    y_true: Array, y_score: Array, weights: Array | None = None, *, costs: Costs | None, probabilities: bool
) -> dict[str, pd.DataFrame]:
    """Compute every curve of a binary classifier.

    Parameters
    ----------
    y_true : array of shape (n,)
        1 for the positive class, 0 for the other; both must be there.
    y_score : array of shape (n,)
    weights : array of shape (n,), optional
        How much each row counts, of mean 1.
    costs : Costs or None
        With them the cost curve is computed too.
    probabilities : bool
        Whether the scores are probabilities; without, there is no calibration curve.

    Returns
    -------
    dict of str to DataFrame
        ``roc`` (threshold, false_positive_rate, recall), ``precision_recall`` (threshold, recall, precision), ``gain``
        (threshold, called, recall), ``cost`` (threshold, expected_cost), ``calibration`` (predicted, observed, low,
        high, n), ``scores`` (low, high, positive, negative: shares of each class).

    Examples
    --------
    >>> y_true, y_score = np.array([0.0, 0.0, 1.0, 1.0]), np.array([0.1, 0.4, 0.35, 0.8])
    >>> binary_curves(y_true, y_score, costs=None, probabilities=True)["roc"]["recall"].tolist()
    [0.0, 0.5, 0.5, 1.0, 1.0]
    """
    each = np.ones(len(y_true)) if weights is None else weights
    steps, hits, called = confusion_steps(y_true, y_score, each)
    n, ones = len(y_true), float(y_true @ each)
    kept, progress = np.arange(len(steps)), hits / ones + (called - hits) / (n - ones)
    if len(steps) > MOST_POINTS:
        # Evenly along both rates, which never fall; both ends stay.
        kept = np.unique(np.searchsorted(progress, np.linspace(progress[0], progress[-1], MOST_POINTS)))
    steps, hits, called = steps[kept], hits[kept], called[kept]
    curve = pd.DataFrame({"threshold": steps, "false_positive_rate": (called - hits) / (n - ones)})
    curve = curve.assign(recall=hits / ones, called=called / n)
    decided = curve.loc[1:, ["threshold", "recall"]].assign(precision=hits[1:] / called[1:]).reset_index(drop=True)
    curves = {"roc": curve[["threshold", "false_positive_rate", "recall"]], "precision_recall": decided}
    curves |= {"gain": curve[["threshold", "called", "recall"]], "scores": _score_bins(y_true, y_score, each)}
    if costs:
        total = costs.total(hits, called - hits, ones, n - ones)
        curves["cost"] = pd.DataFrame({"threshold": steps, "expected_cost": total / n})
    if probabilities:
        bins, effect = zip(*calibration_bins(y_true, y_score, weights=weights), strict=True), kish(each)
        rows = [(at, rate, *wilson(rate * size / effect, size / effect), int(size)) for size, at, rate in bins]
        curves["calibration"] = pd.DataFrame(rows, columns=["predicted", "observed", "low", "high", "n"])
    return curves


def regression_curves(y_true: Array, y_pred: Array, *, seed: int) -> dict[str, pd.DataFrame]:
    """Compute what the figures of a regression show.

    Returns
    -------
    dict of str to DataFrame
        ``predicted_vs_actual`` and ``residuals`` (actual, predicted, residual: at most 1,000 rows drawn at random);
        the residual is prediction minus truth.
    """
    picked = np.sort(np.random.default_rng(seed).choice(len(y_true), min(MOST_DOTS, len(y_true)), replace=False))
    dots = pd.DataFrame({"actual": y_true[picked], "predicted": y_pred[picked]})
    dots["residual"] = dots["predicted"] - dots["actual"]
    return {"predicted_vs_actual": dots, "residuals": dots}


def _score_bins(y_true: Array, y_score: Array, weights: Array) -> pd.DataFrame:
    low, high = float(y_score.min()), float(y_score.max())
    low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
    edges = np.linspace(low, high if high > low else low + 1, SCORE_BINS + 1)
    classes = {"positive": y_true, "negative": 1 - y_true}
    shares = {name: np.histogram(y_score, edges, weights=weights * y)[0] / (weights @ y) for name, y in classes.items()}
    return pd.DataFrame({"low": edges[:-1], "high": edges[1:], **shares})
