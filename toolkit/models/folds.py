"""Cross-validation that follows the kind of split: what must not leak between parts must not leak between folds."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed
from sklearn.base import clone
from sklearn.metrics import check_scoring, get_scorer, log_loss
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit
from threadpoolctl import threadpool_limits

from toolkit.core.result import Finding
from toolkit.data.dataset import Dataset
from toolkit.errors import InputError
from toolkit.models.model import Model, in_order
from toolkit.models.preprocessing import make_model

Fold = tuple[np.ndarray, np.ndarray]
Folds = list[Fold]


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

    Raises
    ------
    InputError
        Where no fold holds more than one class.
    """
    made, kind, findings = _cut(data, strategy, folds, seed)
    usable = [fold for fold in made if _has_classes(data, *fold)]
    if not usable:
        rarest = data.target.value_counts().sort_values()
        raise InputError(
            f"Class {str(rarest.index[0])!r} has {rarest.iloc[0]} of the {data.rows:,} training rows: too few to "
            "cross-validate. Give more rows, a larger training part, or merge rare classes."
        )
    if len(usable) < len(made):
        note = f"{len(made) - len(usable)} of {len(made)} folds hold a single class and were left out."
        findings.append(Finding("CV-ONE-CLASS-FOLD", "medium", note, "training"))
    return usable, kind, findings


def _has_classes(data: Dataset, fit: np.ndarray, check: np.ndarray) -> bool:
    """Whether a fold can be learnt from, and, of a binary target, scored."""
    if data.task == "regression":
        return True
    seen, asked = (len(data.target.iloc[rows].unique()) for rows in (fit, check))
    return seen > 1 and (data.task == "multiclass" or asked > 1)


def _cut(data: Dataset, strategy: str, folds: int, seed: int) -> tuple[Folds, str, list[Finding]]:
    if strategy == "group" and data.group is not None:
        if len(data.group.astype(str).unique()) > 1:
            return _by_group(data, folds)
        made, kind, findings = _shuffled(data, folds, seed)
        note = (
            f"Cross-validation is {kind}, not by group, since the training part is one group; its scores may flatter."
        )
        return made, kind, [Finding("CV-NOT-BY-GROUP", "medium", note, "training"), *findings]
    if strategy == "time" and data.time is not None:
        periods = data.time.nunique()
        if periods > 2:
            return _by_time(data, min(folds, periods - 1))
        reason = f"the training part has {periods} distinct {'time' if periods == 1 else 'times'}"
        made, kind, findings = _shuffled(data, folds, seed)
        note = f"Cross-validation is {kind}, not by time, since {reason}; its scores may be better than the future's."
        return made, kind, [Finding("CV-NOT-BY-TIME", "low", note, "training"), *findings]
    return _shuffled(data, folds, seed)


def fit_and_score(
    estimator: Any, name: str, data: Dataset, folds: Folds, scorers: Mapping[str, Any]
) -> tuple[Model, list[tuple[Any, ...]]]:
    """Fit one candidate on all rows and score it on each fold: the model, and candidate, metric, fold and value.

    One that refuses the target's labels, as XGBoost and networks do, is given codes for them.
    """

    def refit(table: Dataset) -> tuple[Model, float]:
        started = time.perf_counter()
        fitted = make_model(clone(estimator), table.features).fit(table.features, table.target)
        return Model.of(fitted, table), time.perf_counter() - started

    def tried(table: Dataset) -> list[Any]:
        return side_by_side(
            [partial(refit, table), *[partial(score_fold, estimator, table, one, scorers) for one in folds]]
        )

    labels = in_order(data)
    try:
        (model, seconds), *scored = tried(data)
    except (ValueError, TypeError):
        if labels == tuple(range(len(labels))):
            raise
        (model, seconds), *scored = tried(_coded(data, labels))
    rows = [(name, key, fold, float(value)) for fold, scores in enumerate(scored) for key, value in scores.items()]
    ratio = float(np.mean([len(check) / len(fit) for fit, check in folds]))
    model = replace(model, name=name, notes=()).settled(data.schema)
    return model, [*rows, (name, "test_to_train", 0, ratio), (name, "refit_seconds", 0, seconds)]


def _coded(data: Dataset, labels: tuple[Any, ...]) -> Dataset:
    codes = {label: code for code, label in enumerate(labels)}
    target = data.target.map(codes).astype("int64")
    return replace(data, target=target, classes=tuple(codes.values()), positive=codes.get(data.positive))


def score_fold(estimator: Any, data: Dataset, fold: Fold, scorers: Mapping[str, Any]) -> dict[str, float]:
    """Fit a fresh model on a fold's training rows and score it on the others.

    Parameters
    ----------
    estimator : object
        Unfitted; its preprocessing is made anew from the fold's training rows.
    data : Dataset
    fold : (train positions, test positions)
    scorers : mapping of name to scorer or its name
        scikit-learn's; greater is better. A binary target is given as 0 and 1, so that each knows the positive.

    Returns
    -------
    dict
        The value of each metric, ``nan`` where the fold does not define it, ``fit_seconds`` and ``predict_seconds``.
    """
    fit, check = fold
    target = np.asarray(data.y_binary() if data.task == "binary" else data.target)
    scoring = {name: _scorer(scorer, data) for name, scorer in scorers.items()}
    started = time.perf_counter()
    model = make_model(clone(estimator), data.features.iloc[fit]).fit(data.features.iloc[fit], target[fit])
    fitted = time.perf_counter()
    scores = check_scoring(model, scoring=scoring)(model, data.features.iloc[check], target[check])
    return {**scores, "fit_seconds": fitted - started, "predict_seconds": time.perf_counter() - fitted}


def side_by_side(tasks: Sequence[Callable[[], Any]]) -> list[Any]:
    """Run tasks in threads, as many at once as there are cores, and return what they return, in order.

    The cores are shared out: more threads would only wait for each other, and for long where the machine is busy.
    """
    cores = cpu_count()
    at_once = min(cores, len(tasks))

    def run(task: Callable[[], Any]) -> Any:
        with threadpool_limits(max(1, cores // at_once), user_api="openmp"):
            return task()

    return list(Parallel(n_jobs=at_once, prefer="threads")(delayed(run)(task) for task in tasks))


def _scorer(metric: Any, data: Dataset) -> Any:
    """Return a scorer; the log loss of many classes must know those that a fold lacks."""
    if metric == "neg_log_loss" and data.task == "multiclass":
        return partial(_neg_log_loss, classes=np.unique(np.asarray(data.target)))
    return get_scorer(metric) if isinstance(metric, str) else metric


def _neg_log_loss(model: Any, features: pd.DataFrame, target: np.ndarray, *, classes: np.ndarray) -> float:
    known = model.predict_proba(features)
    scores = np.zeros((len(target), len(classes)), dtype=known.dtype)  # it sums to one as its precision allows
    scores[:, np.searchsorted(classes, model.classes_)] = known
    return -float(log_loss(target, scores, labels=classes))


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
