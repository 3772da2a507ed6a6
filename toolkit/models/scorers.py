"""The scorers that candidates are compared by, and the one that decides."""

from __future__ import annotations

from sklearn.metrics import get_scorer_names

from toolkit.errors import InputError, listed, nearest

SCORERS = {
    "binary": ("roc_auc", "average_precision", "neg_log_loss", "neg_brier_score", "balanced_accuracy", "accuracy"),
    "multiclass": ("accuracy", "balanced_accuracy", "f1_macro", "neg_log_loss"),
    "regression": ("neg_mean_absolute_error", "neg_root_mean_squared_error", "r2"),
}
AT_MOST_ONE = {"roc_auc", "average_precision", "balanced_accuracy", "accuracy", "f1", "f1_macro", "f1_weighted", "r2"}
DEFAULT_METRIC = {"binary": "roc_auc", "multiclass": "neg_log_loss", "regression": "neg_root_mean_squared_error"}


def scorer_name(metric: str | None, task: str) -> str:
    """Return the name of the scorer that decides: the one asked for, or the usual one for the task."""
    if not metric:
        return DEFAULT_METRIC[task]
    known = get_scorer_names()
    if metric not in known:
        raise InputError(
            f"Unknown metric {metric!r}.{nearest(metric, known)} It is the name of a scikit-learn scorer; "
            f"usual for a {task} target: {listed(SCORERS[task])}."
        )
    return metric
