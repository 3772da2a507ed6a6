"""The scorers that candidates are compared by, and the one that decides."""

from __future__ import annotations

from typing import Any

from sklearn.metrics import get_scorer_names

from toolkit.errors import InputError, listed, nearest

SCORERS = {
    "binary": ("roc_auc", "average_precision", "neg_log_loss", "neg_brier_score", "balanced_accuracy", "accuracy"),
    "multiclass": ("accuracy", "balanced_accuracy", "f1_macro", "neg_log_loss"),
    "regression": ("neg_mean_absolute_error", "neg_root_mean_squared_error", "r2"),
}
AT_MOST_ONE = {"roc_auc", "average_precision", "balanced_accuracy", "accuracy", "f1", "f1_macro", "f1_weighted", "r2"}
DEFAULT_METRIC = {"binary": "roc_auc", "multiclass": "neg_log_loss", "regression": "neg_root_mean_squared_error"}


def read_metric(metric: Any, task: str) -> tuple[str, Any]:
    """Return the scorer that decides with its name: the one asked for, or the usual one for the task.

    Parameters
    ----------
    metric : str, scorer or None
        Name of a scikit-learn scorer, or what ``make_scorer`` returns, or any function of a model, features and target.
    task : {"binary", "multiclass", "regression"}

    Examples
    --------
    >>> from sklearn.metrics import fbeta_score, make_scorer
    >>> read_metric(make_scorer(fbeta_score, beta=2), "binary")[0]
    'fbeta_score'
    """
    if not metric:
        return DEFAULT_METRIC[task], DEFAULT_METRIC[task]
    if not isinstance(metric, str):
        if not callable(metric):
            raise InputError(f"The metric must be the name of a scikit-learn scorer, or a scorer; found {metric!r}.")
        name = getattr(getattr(metric, "_score_func", metric), "__name__", type(metric).__name__)
        return f"neg_{name}" if getattr(metric, "_sign", 1) < 0 else name, metric
    known = get_scorer_names()
    if metric not in known:
        raise InputError(
            f"Unknown metric {metric!r}.{nearest(metric, known)} It is the name of a scikit-learn scorer; "
            f"usual for a {task} target: {listed(SCORERS[task])}."
        )
    return metric, metric
