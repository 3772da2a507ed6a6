"""Cross-validation: folds that follow the kind of split, the scorers that models are compared by, fits and scores."""

import inspect
from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.metrics import check_scoring, get_scorer, get_scorer_names, log_loss, make_scorer
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold, TimeSeriesSplit
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder

from toolkit.core import Finding, beside, clock, counted, side_by_side
from toolkit.data import Dataset
from toolkit.errors import InputError, listed, nearest
from toolkit.models.findings import finding, refusal
from toolkit.models.held_out import mark_rows
from toolkit.models.model import Model, in_order
from toolkit.models.preprocessing import LevelEncoder, encoding_with, make_model

Fold = tuple[np.ndarray, np.ndarray]
Folds = list[Fold]

SCORERS, DEFAULT_METRIC, _SHARES, _RANGES = beside(__file__, "scorers.yaml").values()


def make_folds(data: Dataset, *, strategy: str, folds: int, seed: int) -> tuple[Folds, str, list[Finding]]:
    """Cut the training part into folds the way the split was cut.

    Parameters
    ----------
    data : Dataset
        The training part.
    strategy : {"stratified", "random", "time", "group", "time_group"}
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
    if not (usable := [fold for fold in made if _has_classes(data, *fold)]):
        rarest = data.target.value_counts().sort_values()
        raise refusal("rare class", label=str(rarest.index[0]), count=rarest.iloc[0], rows=data.rows)
    if left := len(made) - len(usable):
        findings.append(finding("CV-ONE-CLASS-FOLD", "medium", "training", left=left, made=len(made)))
    return usable, kind, findings


def _has_classes(data: Dataset, fit: np.ndarray, check: np.ndarray) -> bool:
    """Whether a fold can be learnt from, and, of a binary target, scored."""
    if data.task == "regression":
        return len(fit) > 0
    seen, asked = (len(data.target.iloc[rows].unique()) for rows in (fit, check))
    return seen > 1 and (data.task == "multiclass" or asked > 1)


def _cut(data: Dataset, strategy: str, folds: int, seed: int) -> tuple[Folds, str, list[Finding]]:
    by = "time_group" if strategy == "given" else strategy  # whoever cut the parts, these columns tell rows apart
    group = data.group.astype(str).fillna("").to_numpy() if "group" in by and data.group is not None else None
    time = data.time if "time" in by else None
    periods = 0 if time is None else time.nunique()
    groups = 0 if group is None else len(np.unique(group))
    if time is not None and periods > 2:
        made = min(folds, periods - 1)
        apart = "" if group is None else ", without earlier rows of the same groups"
        return list(_by_time(time, group, made)), f"{made} expanding windows in time{apart}", []
    if groups > 1:
        made, few = min(folds, groups), f"The training part has {groups} groups"
        kind, cut = f"{made}-fold by group", GroupKFold(made).split(data.features, groups=group)
    else:
        rarest = data.rows if data.task == "regression" else int(data.target.value_counts().min())
        made, few = max(2, min(folds, rarest)), f"The rarest class has {rarest} training rows"
        by_class = data.task != "regression" and rarest > 1
        cutter = StratifiedKFold if by_class else KFold
        kind = f"stratified {made}-fold" if by_class else f"{made}-fold"
        cut = cutter(made, shuffle=True, random_state=seed).split(data.features, data.target.astype(str))
    findings = [finding("CV-NOT-BY-GROUP", "medium", "training", kind=kind)] if groups == 1 else []
    if periods:
        findings += [finding("CV-NOT-BY-TIME", "low", "training", kind=kind, times=counted(periods, "distinct time"))]
    if not groups > 1 and data.task != "regression" and rarest < 2:
        findings.append(finding("CV-CLASS-MISSING", "medium", "training"))
    elif made < folds and (groups > 1 or data.task != "regression"):
        findings.append(finding("CV-FEWER-FOLDS", "low", "training", few=few, made=made, folds=folds))
    return list(cut), kind, findings


def _by_time(time: pd.Series, group: np.ndarray | None, folds: int) -> Iterator[Fold]:
    """Cut between distinct times, so that rows of one time, or of one group, are never on both sides."""
    periods = time.rank(method="dense").to_numpy(dtype=int) - 1
    for before, after in TimeSeriesSplit(folds).split(np.arange(periods.max() + 1)):
        fit = np.flatnonzero(periods <= before.max())
        check = np.flatnonzero((periods >= after.min()) & (periods <= after.max()))
        yield fit if group is None else fit[~np.isin(group[fit], group[check])], check


def metric_range(metric: str) -> tuple[float, float]:
    """Return the least and the greatest value of a scikit-learn scorer; infinite ends where none are known.

    Examples
    --------
    >>> metric_range("f1_macro"), metric_range("neg_log_loss"), metric_range("profit")
    ((0.0, 1.0), (-inf, 0.0), (-inf, inf))
    """
    if metric not in get_scorer_names():
        return -np.inf, np.inf
    usual = (-np.inf, 0.0 if metric.startswith("neg_") else np.inf)
    return (0.0, 1.0) if metric.startswith(tuple(_SHARES)) else tuple(_RANGES.get(metric, usual))


def read_metric(metric: Any, task: str) -> tuple[str, dict[str, Any]]:
    """Return the name of the scorer that decides, and by name that scorer and the others that are usual for the task.

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
    name = scorer = metric or DEFAULT_METRIC[task]
    if not isinstance(scorer, str):
        if not callable(scorer):
            raise InputError(f"The metric must be the name of a scikit-learn scorer, or a scorer; found {metric!r}.")
        name = getattr(getattr(scorer, "_score_func", scorer), "__name__", type(scorer).__name__)
        name = f"neg_{name}" if getattr(scorer, "_sign", 1) < 0 else name
    elif scorer not in get_scorer_names():
        near = nearest(metric, get_scorer_names())
        raise refusal("unknown metric", metric=metric, near=near, task=task, usual=listed(SCORERS[task]))
    return name, {name: scorer, **{other: other for other in SCORERS[task] if other != name}}


def fit_and_score(
    estimator: Any, name: str, data: Dataset, folds: Folds, scorers: Mapping[str, Any]
) -> tuple[Model, list[tuple[Any, ...]]]:
    """Fit one candidate on all rows and score it on each fold: the model, and candidate, metric, fold and value.

    One that refuses the target's labels, as XGBoost and networks do, is given codes for them.
    """

    def refit(table: Dataset) -> tuple[Model, float]:
        started = clock()
        fitted = fit_model(clone(estimator), table.features, table.target, table.weight)
        return Model.of(fitted, table), clock() - started

    def tried(table: Dataset) -> list[Any]:
        scored = [partial(score_fold, estimator, table, one, scorers) for one in folds]
        return side_by_side([partial(refit, table), *scored], table.rows)

    labels = in_order(data)
    try:
        (model, seconds), *scored = tried(data)
    except (ValueError, TypeError):
        if labels == tuple(range(len(labels))):
            raise
        codes = {label: code for code, label in enumerate(labels)}
        target = data.target.map(codes).astype("int64")
        coded = replace(data, target=target, classes=tuple(codes.values()), positive=codes.get(data.positive))
        (model, seconds), *scored = tried(coded)
    rows = [(name, key, fold, float(value)) for fold, scores in enumerate(scored) for key, value in scores.items()]
    model = replace(model, name=name, notes=(), kept=mark_rows(data)).settled(data.schema)
    return model, [*rows, (name, "refit_seconds", 0, seconds)]


def score_fold(estimator: Any, data: Dataset, fold: Fold, scorers: Mapping[str, Any]) -> dict[str, float]:
    """Fit a fresh model on a fold's training rows and score it on the others.

    Parameters
    ----------
    estimator : object
        Unfitted; its preprocessing is made anew from the fold's training rows.
    data : Dataset
    fold : (train positions, test positions)
    scorers : mapping of name to scorer or its name
        scikit-learn's; greater is better, and the first decides. A binary target is given as 0 and 1, so that each
        knows the positive.

    Returns
    -------
    dict
        The value of each metric, ``nan`` where the fold does not define it, or where it does not decide and needs
        probabilities that the model does not give; ``fit_seconds`` and ``predict_seconds``.
    """
    fit, check = fold
    part, rest = data.take(fit), data.take(check)
    target = np.asarray(data.y_binary() if data.task == "binary" else data.target)
    scoring = {name: _coded(get_scorer(one), data) for name, one in scorers.items()}
    if data.task == "multiclass":  # a fold may lack classes, which the log loss must know
        own = _log_loss_scorer(np.unique(target[fit]), np.unique(target))
        scoring |= {name: own for name, scorer in scorers.items() if scorer == "neg_log_loss"}
    started = clock()
    model = fit_model(clone(estimator), part.features, target[fit], part.weight)
    fitted = clock()
    weights = {} if rest.weight is None else {"sample_weight": rest.weight.to_numpy()}
    asked = encoding_with(LevelEncoder, model), rest.features, target[check]
    # Scorers of scikit-learn predict once for all of them, where they take the same, from rows that are encoded once.
    absent = [name for name in scoring if not _answers(model, scoring[name])]
    if next(iter(scoring)) in absent:
        usual = [repr(name) for name in SCORERS[data.task] if _answers(model, get_scorer(name))]
        needs = " or ".join(np.atleast_1d(scoring[absent[0]]._response_method))
        raise refusal("other metric", name=type(model[-1]).__name__, asked=needs, usual=" or ".join(usual))
    own = {name: one for name, one in scoring.items() if hasattr(one, "_score_func") and name not in absent}
    encoded = asked if isinstance(estimator, Pipeline) else (model[-1], asked[0][:-1].transform(asked[1]), asked[2])
    scores = check_scoring(model, scoring=own)(*encoded, **weights) if own else {}
    others = {name: one for name, one in scoring.items() if name not in {*own, *absent}}
    scores |= {name: one(*asked, **(weights if takes_weights(one) else {})) for name, one in others.items()}
    scores |= dict.fromkeys(absent, np.nan)
    return {**scores, "fit_seconds": fitted - started, "predict_seconds": clock() - fitted}


def _answers(model: Any, scorer: Any) -> bool:
    """Whether a model has what a scorer of scikit-learn asks for, such as probabilities."""
    asked = getattr(scorer, "_response_method", "default")
    return asked == "default" or any(hasattr(model, one) for one in np.atleast_1d(asked))


def _coded(scorer: Any, data: Dataset) -> Any:
    """Return a scorer whose ``pos_label`` is a label of the target for the codes that stand for its labels."""
    if data.task != "binary" or (label := getattr(scorer, "_kwargs", {}).get("pos_label")) not in data.classes:
        return scorer
    coded = copy(scorer)
    coded._kwargs = {**scorer._kwargs, "pos_label": int(label == data.positive)}
    return coded


def fit_model(estimator: Any, features: pd.DataFrame, target: Any, weight: Any = None) -> Any:
    """Fit an estimator with the preprocessing it needs, and with the rows' weights where it takes any."""
    model = make_model(estimator, features)
    name, last = model.steps[-1]
    weighted = weight is not None and takes_weights(last)
    # Of mean 1, since penalties and leaves count against their sum.
    weights = {f"{name}__sample_weight": np.divide(weight, np.mean(weight))} if weighted else {}
    if model is not estimator:
        model = encoding_with(LevelEncoder, model)
    return encoding_with(OrdinalEncoder, model.fit(features, target, **weights))


def takes_weights(kind: Any) -> bool:
    """Whether an estimator can be fitted, or a scorer score, with weights of the rows.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> takes_weights(Ridge()), takes_weights(KNeighborsClassifier()), takes_weights(get_scorer("roc_auc"))
    (True, False, True)
    """
    kind = kind.steps[-1][1] if hasattr(kind, "steps") else kind
    called = kind.fit if hasattr(kind, "fit") else getattr(kind, "_score_func", kind)
    return "sample_weight" in inspect.signature(called).parameters


def _log_loss_scorer(known: np.ndarray, classes: np.ndarray) -> Any:
    """Return the scorer of the log loss of a model that knows some of the classes; the others have probability 0."""
    places = np.searchsorted(classes, known)

    def loss(y_true: np.ndarray, y_prob: np.ndarray, sample_weight: Any = None) -> float:
        scores = np.zeros((len(y_true), len(classes)), dtype=y_prob.dtype)  # it sums to one as its precision allows
        scores[:, places] = y_prob if y_prob.ndim == 2 else np.column_stack([1 - y_prob, y_prob])
        return float(log_loss(y_true, scores, labels=classes, sample_weight=sample_weight))

    return make_scorer(loss, greater_is_better=False, response_method="predict_proba")
