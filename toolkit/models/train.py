"""Train a baseline and candidates on the training part, compare them by cross-validation, choose one, refit it."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning

from toolkit.core.estimate import Estimate
from toolkit.core.figures import BLUE, GREY, axes_for
from toolkit.core.result import (
    Candidate,
    Finding,
    ModelRecord,
    Picture,
    Record,
    Shown,
    by_severity,
    result_html,
    table_html,
)
from toolkit.core.words import spoken
from toolkit.data.dataset import Dataset
from toolkit.data.split import Split
from toolkit.errors import InputError, listed
from toolkit.models.candidates import (
    BASELINE,
    has_space,
    make_baseline,
    make_candidates,
    requirements_of,
    settings_of,
)
from toolkit.models.folds import Folds, make_folds, score_fold, side_by_side
from toolkit.models.preprocessing import make_model
from toolkit.models.scorers import AT_MOST_ONE, SCORERS, scorer_name
from toolkit.models.tuning import tune_candidate

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def train(
    split: Split,
    *,
    candidates: Sequence[object] | Mapping[str, object] | None = None,
    metric: str | None = None,
    tune: int = 0,
    cv: int = 5,
    one_standard_error: bool = False,
    seed: int = 0,
) -> Training:
    """Train a baseline and the candidates; choose by one cross-validated metric; refit the choice on all of training.

    Parameters
    ----------
    split : Split
        Only its training part is used. Folds follow its kind: stratified, in time, by group, random.
    candidates : sequence or mapping, optional
        Names (``logistic``, ``ridge``, ``forest``, ``boosting``), import paths such as ``lightgbm.LGBMClassifier``, or
        scikit-learn compatible estimators. By default a linear model and boosted trees.
    metric : str, optional
        The scikit-learn scorer that decides; by default ``roc_auc``, ``neg_log_loss`` or
        ``neg_root_mean_squared_error`` by task.
    tune : int
        Trials of Optuna for each named candidate, in the space that ``toolkit.models.candidates.suggest`` documents.
    cv : int
        Folds of the cross-validation, at least two.
    one_standard_error : bool
        Choose the simplest candidate within one standard error of the best (Breiman et al. 1984, ISBN
        9780412048418), simplest being the one named first, instead of the best.
    seed : int

    Returns
    -------
    Training

    Raises
    ------
    InputError
        Where a candidate or the metric is unknown or not made for the task.

    Examples
    --------
    >>> from toolkit import load_dataset, split_dataset
    >>> training = train(split_dataset(load_dataset("wine")), candidates=["logistic"], cv=3)
    >>> training.name
    'logistic'
    """
    data = split.train
    metric = scorer_name(metric, data.task)
    if cv < 2 or tune < 0:
        raise InputError(f"cv must be at least 2 and tune at least 0; found cv={cv}, tune={tune}.")
    estimators = make_candidates(candidates, data.task, seed)
    folds, kind, findings = make_folds(data, strategy=split.strategy, folds=cv, seed=seed)
    findings += _about_tuning(estimators, tune)
    models, rows = {}, []
    for name, estimator in {BASELINE: make_baseline(data.task), **estimators}.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            if tune and has_space(name):
                estimator = tune_candidate(estimator, name, data, folds, metric=metric, trials=tune, seed=seed)
            models[name], scored = _fit_and_score(estimator, name, data, folds, metric)
            rows += scored
        findings += _about_warnings(caught, name)
    scores = pd.DataFrame(rows, columns=["candidate", "metric", "fold", "value"])
    chosen = _choose(scores, metric, list(estimators), one_standard_error)
    findings += _judge(scores, metric, chosen)
    how = "the simplest within one standard error of the best" if one_standard_error else "the best mean"
    return Training(chosen, models, metric, scores, f"{how} {spoken(metric)}", kind, data, tuple(by_severity(findings)))


@dataclass(frozen=True, eq=False, repr=False)
class Training(Shown):
    """Trained candidates, how they compare, and the one that was chosen.

    Attributes
    ----------
    name : str
        The chosen candidate.
    models : dict of str to Pipeline
        Every candidate, and ``baseline``, refitted on the whole training part.
    metric : str
        The scorer that decided; greater is better.
    scores : DataFrame
        One row a candidate, metric and fold: ``candidate, metric, fold, value``.
    rule, folds : str
        How the choice was made and how the folds were cut, in words.
    data : Dataset
        The training part.
    """

    name: str
    models: dict[str, Any]
    metric: str
    scores: pd.DataFrame
    rule: str
    folds: str
    data: Dataset
    notes: tuple[Finding, ...]

    @property
    def model(self) -> Any:
        """The chosen model, fitted on the whole training part."""
        return self.models[self.name]

    @property
    def baseline(self) -> Any:
        """The fitted baseline."""
        return self.models[BASELINE]

    def frame(self) -> pd.DataFrame:
        """Return the leaderboard: a row a candidate, the best first, a column a metric."""
        names = _metrics(self.scores)
        rows = []
        for candidate in self.models:
            estimates = {metric: _cv_estimate(self.scores, candidate, metric) for metric in names}
            seconds = {kind: _mean(self.scores, candidate, kind) for kind in ("fit_seconds", "predict_seconds")}
            rows.append({"candidate": candidate, "chosen": candidate == self.name, **estimates, **seconds})
        board = pd.DataFrame(rows)
        order = sorted(board.index, key=lambda row: np.nan_to_num(-board[self.metric][row].value, nan=math.inf))
        first = ["candidate", "chosen", self.metric]
        return board.loc[order, [*first, *board.columns.drop(first)]]

    def scalars(self) -> dict[str, Estimate]:
        """Return ``cv.<metric>`` of the chosen candidate and ``cv.<candidate>.<metric>`` and the times of each."""
        numbers = {f"cv.{metric}": _cv_estimate(self.scores, self.name, metric) for metric in _metrics(self.scores)}
        for candidate in self.models:
            numbers |= self._candidate_scalars(candidate)
        return numbers

    def _candidate_scalars(self, candidate: str) -> dict[str, Estimate]:
        names = _metrics(self.scores)
        numbers = {f"cv.{candidate}.{name}": _cv_estimate(self.scores, candidate, name) for name in names}
        for kind in ("fit_seconds", "predict_seconds", "refit_seconds"):
            numbers[f"time.{candidate}.{kind}"] = Estimate(_mean(self.scores, candidate, kind))
        return numbers

    def findings(self) -> list[Finding]:
        """Return what a reader should know about the training, the most severe first."""
        return list(self.notes)

    def pictures(self) -> dict[str, Picture]:
        """Return the one figure: the candidates' scores, fold by fold."""
        said = "; ".join(f"{name} {_cv_estimate(self.scores, name, self.metric)}" for name in self.models)
        caption = f"Each dot is one fold ({self.folds}); the bar is the mean with its 95% interval. Right is better."
        return {"leaderboard": Picture(f"Cross-validated {spoken(self.metric)} of each candidate", caption, said + ".")}

    def plot(self, kind: str = "leaderboard", ax: Axes | None = None) -> Axes:
        """Draw the fold scores of each candidate with their mean and interval."""
        ax = axes_for(self, kind, ax)
        names = list(self.frame()["candidate"])[::-1]
        for place, name in enumerate(names):
            values = _values(self.scores, name, self.metric)
            mean = _cv_estimate(self.scores, name, self.metric)
            ax.plot(values, [place] * len(values), "o", color=GREY, alpha=0.5, markersize=5)
            colour = BLUE if name == self.name else GREY
            ax.plot([mean.low, mean.high], [place, place], color=colour, linewidth=3)
            ax.plot([mean.value], [place], "|", color=colour, markersize=18, markeredgewidth=3)
        ax.set_yticks(range(len(names)), [f"{name} (chosen)" if name == self.name else name for name in names])
        ax.set_ylim(-0.6, len(names) - 0.4)
        ax.set_xlabel(spoken(self.metric))
        return ax

    def record(self) -> Record:
        """Return the chosen model and every candidate with its settings and numbers, for the tracker."""
        candidates = tuple(
            Candidate(name, settings_of(model), self._candidate_scalars(name)) for name, model in self.models.items()
        )
        parameters = {"candidate": self.name, "metric": self.metric, "rule": self.rule, "folds": self.folds}
        example = self.data.features.head(5)
        model = ModelRecord(self.name, self.model, example, requirements_of(self.model))
        return Record(parameters=parameters, candidates=candidates, model=model)

    def _repr_html_(self) -> str:
        lead = (
            f"{self.name} was chosen among {len(self.models) - 1} candidate{'s' if len(self.models) > 2 else ''} by "
            f"{self.rule} ({self.folds}), trained on {self.data.rows:,} rows."
        )
        board = self.frame().drop(columns="chosen")
        caption = "Leaderboard: cross-validated means with 95% intervals, and the seconds that one fold took"
        return result_html("Training", lead, [table_html(board, caption)], self.findings())


def _about_tuning(estimators: Mapping[str, Any], tune: int) -> list[Finding]:
    if not tune:
        return []
    note = (
        "Settings were searched on the same folds, so the cross-validated scores are optimistic; the test part is not."
    )
    findings = [Finding("TRAIN-TUNED-ON-FOLDS", "info", note, "training")]
    names = [name for name in estimators if not has_space(name)]
    if names:
        note = f"Not tuned, since only candidates given by name have a search space: {listed(names)}."
        findings.append(Finding("TRAIN-NOT-TUNED", "info", note, "training"))
    return findings


def _about_warnings(caught: Sequence[warnings.WarningMessage], name: str) -> list[Finding]:
    """Turn what a candidate warned of into findings, so that a reader of the report sees it too."""
    findings = []
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        note = f"The fit of {name} stopped before it had converged: scale or drop extreme columns, or tune it."
        findings.append(Finding("TRAIN-NOT-CONVERGED", "medium", note, name))
    others = dict.fromkeys(str(one.message) for one in caught if not issubclass(one.category, ConvergenceWarning))
    if others:
        note = f"{name} warned in training: {' '.join(next(iter(others)).split())[:300]}"
        note += f" (and {len(others) - 1} more)" if len(others) > 1 else ""
        findings.append(Finding("TRAIN-WARNED", "low", note, name))
    return findings


def _fit_and_score(
    estimator: Any, name: str, data: Dataset, folds: Folds, metric: str
) -> tuple[Any, list[tuple[Any, ...]]]:
    """Fit one candidate on all rows and score it on each fold: the model, and candidate, metric, fold and value."""
    metrics = list(dict.fromkeys([metric, *SCORERS[data.task]]))

    def refit() -> tuple[Any, float]:
        started = time.perf_counter()
        model = make_model(clone(estimator), data.features).fit(data.features, data.target)
        return model, time.perf_counter() - started

    scoring = [partial(score_fold, estimator, data, fold, metrics) for fold in folds]
    try:
        (model, seconds), *scored = side_by_side([refit, *scoring])
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(
            f"Candidate {name!r} could not be trained and scored ({metric}, {data.task}): {error}"
        ) from error
    rows = [(name, key, fold, float(value)) for fold, scores in enumerate(scored) for key, value in scores.items()]
    ratio = float(np.mean([len(check) / len(fit) for fit, check in folds]))
    return model, [*rows, (name, "test_to_train", 0, ratio), (name, "refit_seconds", 0, seconds)]


def _metrics(scores: pd.DataFrame) -> list[str]:
    return [name for name in scores["metric"].unique() if not name.endswith("_seconds") and name != "test_to_train"]


def _values(scores: pd.DataFrame, candidate: str, metric: str) -> np.ndarray:
    return scores.loc[(scores["candidate"] == candidate) & (scores["metric"] == metric), "value"].to_numpy()


def _mean(scores: pd.DataFrame, candidate: str, metric: str) -> float:
    """Mean over the folds that define the number; ``nan`` where none does."""
    values = _values(scores, candidate, metric)
    defined = values[np.isfinite(values)]
    return float(defined.mean()) if len(defined) else math.nan


def _cv_estimate(scores: pd.DataFrame, candidate: str, metric: str) -> Estimate:
    """Mean over the folds with the corrected resampled t interval (Nadeau & Bengio 2003, doi:10.1023/A:1024068626366).

    Folds share training rows, so the plain standard error over folds is too small; the correction adds the ratio of
    test to training rows to 1/k. The interval ends where the metric does.
    """
    values = _values(scores, candidate, metric)
    values = values[np.isfinite(values)]
    if len(values) < 2:
        value = float(values[0]) if len(values) else math.nan
        return Estimate(value, n=len(values), method="too few folds for an interval")
    ratio = _mean(scores, candidate, "test_to_train")
    mean, folds = float(values.mean()), len(values)
    error = math.sqrt((1 / folds + ratio) * values.var(ddof=1)) * float(stats.t.ppf(0.975, folds - 1))
    best = 0.0 if metric.startswith("neg_") else 1.0 if metric in AT_MOST_ONE else math.inf
    return Estimate(mean, mean - error, min(mean + error, best), folds, "corrected resampled t over the folds")


def _choose(scores: pd.DataFrame, metric: str, names: list[str], one_standard_error: bool) -> str:
    means = {name: value for name in names if not math.isnan(value := _mean(scores, name, metric))}
    if not means:
        raise InputError(
            f"The metric {metric!r} is not defined in any fold of the cross-validation. Choose another one."
        )
    best = max(means, key=lambda name: means[name])
    if not one_standard_error:
        return best
    values = _values(scores, best, metric)
    values = values[np.isfinite(values)]
    error = values.std(ddof=1) / math.sqrt(len(values)) if len(values) > 1 else 0.0
    return next(name for name in means if means[name] >= means[best] - error)


def _judge(scores: pd.DataFrame, metric: str, chosen: str) -> list[Finding]:
    gain = _mean(scores, chosen, metric) - _mean(scores, BASELINE, metric)
    if not gain <= 0:
        return []
    note = f"No candidate beats the baseline in cross-validation ({metric}: {chosen} is {abs(gain):.3g} below it)."
    return [Finding("TRAIN-NOT-BETTER-THAN-BASELINE", "high", note, chosen)]
