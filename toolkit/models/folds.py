"""Cross-validation that follows the kind of split: what must not leak between parts must not leak between folds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.metrics import check_scoring
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit

from toolkit.data import Dataset
from toolkit.models.preprocessing import make_model
from toolkit.result import Finding

Folds = list[tuple[np.ndarray, np.ndarray]]


def make_folds(data: Dataset, *, strategy: str, folds: int, seed: int) -> tuple[Folds, str, list[Finding]]:
    """Cut the training part into folds the way the split was cut.

    Parameters
    ----------
    data : Dataset
        The training part.
    strategy : {"stratified", "random", "time", "group"}
        How train and test were separated.
    folds : int
        How many are wanted; fewer are made where classes, groups or periods are fewer.
    seed : int

    Returns
    -------
    folds : list of (train positions, test positions)
    kind : str
        What was done, in words.
    findings : list of Finding
        Where the folds could not follow the split, or are fewer than wanted.
    """
    if strategy == "group" and data.group is not None:
        return _by_group(data, folds)
    if strategy == "time" and data.time is not None:
        periods = data.time.nunique()
        if periods > 2:
            return _by_time(data, min(folds, periods - 1))
        reason = f"the training part has {periods} distinct {'time' if periods == 1 else 'times'}"
        made, kind, findings = _shuffled(data, folds, seed)
        note = f"Cross-validation is {kind}, not by time, since {reason}; its scores may be better than the future's."
        return made, kind, [Finding("CV-NOT-BY-TIME", "low", note, "training"), *findings]
    return _shuffled(data, folds, seed)


def score_folds(estimator: Any, data: Dataset, folds: Folds, metrics: Sequence[str]) -> Iterator[dict[str, float]]:
    """Fit a fresh model on each fold's training rows and score it on the others, one fold at a time.

    Parameters
    ----------
    estimator : object
        Unfitted; its preprocessing is made anew from each fold's training rows.
    data : Dataset
    folds : list of (train positions, test positions)
    metrics : sequence of str
        scikit-learn scorers; greater is better. A binary target is given as 0 and 1, so that each knows the positive.

    Yields
    ------
    dict
        The value of each metric, ``fit_seconds`` and ``predict_seconds``.
    """
    target = np.asarray(data.y_binary() if data.task == "binary" else data.target)
    for fit, check in folds:
        started = time.perf_counter()
        model = make_model(clone(estimator), data.features.iloc[fit]).fit(data.features.iloc[fit], target[fit])
        fitted = time.perf_counter()
        scores = check_scoring(model, scoring=list(metrics))(model, data.features.iloc[check], target[check])
        yield {**scores, "fit_seconds": fitted - started, "predict_seconds": time.perf_counter() - fitted}


def _shuffled(data: Dataset, folds: int, seed: int) -> tuple[Folds, str, list[Finding]]:
    if data.task == "regression":
        made = min(folds, data.rows)
        return list(KFold(made, shuffle=True, random_state=seed).split(data.features)), f"{made}-fold", []
    rarest = int(data.target.value_counts().min())
    made = max(2, min(folds, rarest))
    if rarest < 2:
        note = "A class has a single training row, so the folds of the cross-validation could not hold every class."
        splits = list(KFold(made, shuffle=True, random_state=seed).split(data.features))
        return splits, f"{made}-fold", [Finding("CV-CLASS-MISSING", "medium", note, "training")]
    splits = list(StratifiedKFold(made, shuffle=True, random_state=seed).split(data.features, data.target.astype(str)))
    note = f"The rarest class has {rarest} training rows: {made} folds of {folds} asked for."
    findings = [Finding("CV-FEWER-FOLDS", "low", note, "training")] if made < folds else []
    return splits, f"stratified {made}-fold", findings


def _by_group(data: Dataset, folds: int) -> tuple[Folds, str, list[Finding]]:
    groups = np.asarray(data.group.astype(str) if data.group is not None else [])
    made = min(folds, len(np.unique(groups)))
    splits = list(GroupKFold(made).split(data.features, groups=groups))
    note = f"The training part has {made} groups: {made} folds of {folds} asked for."
    findings = [Finding("CV-FEWER-FOLDS", "low", note, "training")] if made < folds else []
    return splits, f"{made}-fold by group", findings


def _by_time(data: Dataset, folds: int) -> tuple[Folds, str, list[Finding]]:
    """Cut between distinct times, so that rows of one time are never on both sides."""
    periods = np.asarray(data.time.rank(method="dense") if data.time is not None else [], dtype=int) - 1
    cuts = TimeSeriesSplit(folds).split(np.arange(periods.max() + 1))
    splits = [
        (np.flatnonzero(periods <= before.max()), np.flatnonzero((periods >= after.min()) & (periods <= after.max())))
        for before, after in cuts
    ]
    return splits, f"{folds} expanding windows in time", []
