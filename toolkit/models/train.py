"""Train a baseline and candidates on the training part, compare them by cross-validation, choose one, refit it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning

from toolkit.core.estimate import Estimate, spread
from toolkit.core.face import Face, FaceTable
from toolkit.core.figures import BLUE, GREY, Drawing, Picture, draw_intervals, name_rows
from toolkit.core.result import Candidate, Finding, Record, Result, by_severity
from toolkit.core.words import spoken
from toolkit.data.dataset import Dataset
from toolkit.data.schema import KEPT_AS
from toolkit.data.split import Split
from toolkit.errors import InputError, listed
from toolkit.models.candidates import (
    AT_MOST_ONE,
    BASELINE,
    SCORERS,
    has_space,
    make_baseline,
    make_candidates,
    read_metric,
    settings_of,
)
from toolkit.models.folds import fit_and_score, make_folds
from toolkit.models.handover import handed_over
from toolkit.models.model import Model
from toolkit.models.tuning import tune_candidate

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def train(
    split: Split,
    *,
    candidates: Sequence[object] | Mapping[str, object] | None = None,
    metric: Any = None,
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
    metric : str or scorer, optional
        The scikit-learn scorer that decides, or its name; by default ``roc_auc``, ``neg_log_loss`` or
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
        Where a candidate or the metric is unknown or not made for the task, or no candidate can be trained. One of
        several that cannot costs that candidate, and is said.

    Examples
    --------
    >>> from toolkit import load_dataset, split_dataset
    >>> training = train(split_dataset(load_dataset("wine")), candidates=["logistic"], cv=3)
    >>> training.name
    'logistic'
    """
    data = split.train
    if not data.features.shape[1]:
        reasons = " ".join([note.message for note in data.notes if note.message.startswith("Column ")][:5])
        raise InputError(f"No feature is left beside {str(data.target.name)!r}. {reasons}".rstrip())
    name, scorer = read_metric(metric, data.task)
    if cv < 2 or tune < 0:
        raise InputError(f"cv must be at least 2 and tune at least 0; found cv={cv}, tune={tune}.")
    estimators = make_candidates(candidates, data.task, seed)
    folds, kind, findings = make_folds(data, strategy=split.strategy, folds=cv, seed=seed)
    findings += _about_tuning(estimators, tune)
    scorers = {name: scorer, **{other: other for other in SCORERS[data.task] if other != name}}
    models, rows, failures = {}, [], {}
    for candidate, estimator in {BASELINE: make_baseline(data.task), **estimators}.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            try:
                if tune and has_space(candidate):
                    options = {"scorer": scorer, "trials": tune, "seed": seed}
                    estimator = tune_candidate(estimator, candidate, data, folds, **options)
                models[candidate], scored = fit_and_score(estimator, candidate, data, folds, scorers)
                rows += scored
            except Exception as error:  # noqa: BLE001  # whatever a foreign estimator stumbles over
                failures[candidate] = f"({name}, {data.task}): {' '.join(str(error).split())[:300]}"
        if BASELINE in failures:
            break
        findings += _about_warnings(caught, candidate)
    findings += _about_failures(failures, list(estimators))
    scores = pd.DataFrame(rows, columns=["candidate", "metric", "fold", "value"])
    chosen = _choose(scores, name, [one for one in estimators if one in models], one_standard_error)
    findings += _judge(scores, name, chosen)
    how = "the simplest within one standard error of the best" if one_standard_error else "the best mean"
    return Training(chosen, models, name, scores, f"{how} {spoken(name)}", kind, data, tuple(by_severity(findings)))


@dataclass(frozen=True, eq=False, repr=False)
class Training(Result):
    """Trained candidates, how they compare, and the one that was chosen.

    Attributes
    ----------
    name : str
        The chosen candidate.
    models : dict of str to Model
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
    models: dict[str, Model]
    metric: str
    scores: pd.DataFrame
    rule: str
    folds: str
    data: Dataset
    notes: tuple[Finding, ...]

    @property
    def model(self) -> Model:
        """The chosen model, fitted on the whole training part."""
        return self.models[self.name]

    @property
    def baseline(self) -> Model:
        """The fitted baseline."""
        return self.models[BASELINE]

    def frame(self) -> pd.DataFrame:
        """Return the leaderboard: a row a candidate, the best first, each metric with the ends of its interval."""
        return spread(self.board)

    @cached_property
    def board(self) -> pd.DataFrame:
        """The leaderboard with a column of Estimates for each metric."""
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

    def drawings(self) -> list[Drawing]:
        """Return the one figure: the candidates' scores, fold by fold."""
        said = "; ".join(f"{name} {_cv_estimate(self.scores, name, self.metric)}" for name in self.models)
        caption = f"Each dot is one fold ({self.folds}); the bar is the mean with its 95% interval. Right is better."
        words = Picture(f"Cross-validated {spoken(self.metric)} of each candidate", caption, f"{said}.")
        return [Drawing("leaderboard", words, self._draw, self.board)]

    def _draw(self, ax: Axes) -> None:
        names = list(self.board["candidate"])
        for place, (name, mean) in enumerate(zip(names, self.board[self.metric], strict=True)):
            values = _values(self.scores, name, self.metric)
            ax.plot(values, [place] * len(values), "o", color=GREY, alpha=0.5, markersize=5)
            colour = BLUE if name == self.name else GREY
            draw_intervals(ax, [place], [mean], color=colour, marker="|", size=18, width=3, markeredgewidth=3)
        name_rows(ax, [f"{name} (chosen)" if name == self.name else name for name in names])
        ax.set_xlabel(spoken(self.metric))

    def record(self) -> Record:
        """Return the chosen model and every candidate with its settings and numbers, for the tracker."""
        candidates = tuple(
            Candidate(name, settings_of(model.last), self._candidate_scalars(name))
            for name, model in self.models.items()
        )
        parameters = {"candidate": self.name, "metric": self.metric, "rule": self.rule, "folds": self.folds}
        model = handed_over(self.model, self.name, self.data.features)
        kept = {KEPT_AS: self.model.schema.text()}
        return Record(parameters=parameters, candidates=candidates, model=model, kept=kept)

    def face(self) -> Face:
        """Return which candidate was chosen and how, and the leaderboard."""
        lead = (
            f"{self.name} was chosen among {len(self.models) - 1} candidate{'s' if len(self.models) > 2 else ''} by "
            f"{self.rule} ({self.folds}), trained on {self.data.rows:,} rows."
        )
        caption = "Leaderboard: cross-validated means with 95% intervals, and the seconds that one fold took"
        return Face("Training", lead, [FaceTable(caption, self.board.drop(columns="chosen"))], self.findings())


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


def _about_failures(failures: Mapping[str, str], candidates: Sequence[str]) -> list[Finding]:
    """Say which candidates could not be trained; without a baseline, or any candidate, there is nothing to choose."""
    said = {name: f"Candidate {name!r} could not be trained and scored {why}" for name, why in failures.items()}
    if BASELINE in failures or len(failures) == len(candidates):
        raise InputError(" ".join(said.values()))
    return [Finding("TRAIN-FAILED", "high", f"{note} It was left out.", name) for name, note in said.items()]


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
