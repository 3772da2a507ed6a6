"""Train a baseline and candidates on the training part, compare them by cross-validation, choose one, refit it."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning
from sklearn.metrics import get_scorer

from toolkit.core import Candidate, Estimate, Face, Finding, Record, Result, counted, spoken
from toolkit.core.figures import BLUE, GREY, Axes, Drawing, draw_intervals, name_rows
from toolkit.data import KEPT_AS, Dataset, Split
from toolkit.errors import InputError, instance, listed, whole
from toolkit.models.candidates import BASELINE, CANDIDATES, handed_over, make_baseline, make_candidates, tune_candidate
from toolkit.models.findings import drawing, face, finding, refusal
from toolkit.models.folds import SCORERS, fit_and_score, make_folds, metric_range, read_metric, takes_weights
from toolkit.models.model import Model
from toolkit.statistics import Array, t_quantile

SECONDS = ("fit_seconds", "predict_seconds", "refit_seconds")


def train(
    split: Split,
    *,
    candidates: Sequence[object] | Mapping[str, object] | None = None,
    metric: Any = None,
    tune: int = 0,
    cv: int = 5,
    one_standard_error: bool = False,
    seed: int = 0,
) -> "Training":
    """Train a baseline and the candidates; choose by one cross-validated metric; refit the choice on all of training.

    Parameters
    ----------
    split : Split
        Only its training part is used. Folds follow its kind: stratified, in time, by group, random. Weights of its
        rows are used in fitting and scoring.
    candidates : sequence or mapping, optional
        Names (``logistic``, ``ridge``, ``forest``, ``boosting``), import paths such as ``lightgbm.LGBMClassifier``, or
        scikit-learn compatible estimators. By default a linear model and boosted trees.
    metric : str or scorer, optional
        The scikit-learn scorer that decides, or its name; by default ``roc_auc``, ``neg_log_loss`` or
        ``neg_root_mean_squared_error`` by task.
    tune : int
        Trials of Optuna for each named candidate, in the space that ``toolkit/models/candidates.yaml`` states.
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
        Where a candidate or the metric is unknown or does not fit the task, or all fail; one that fails is said.

    Examples
    --------
    >>> from toolkit import load_dataset, split_dataset
    >>> training = train(split_dataset(load_dataset("wine")), candidates=["logistic"], cv=3)
    >>> training.name
    'logistic'
    """
    if not (data := instance(split, Split).train).features.shape[1]:
        reasons = " ".join([note.message for note in data.notes if note.message.startswith("Column ")][:5])
        raise InputError(f"No feature is left beside {str(data.target.name)!r}. {reasons}".rstrip())
    name, scorers = read_metric(metric, data.task)
    whole("cv", cv, 2)
    whole("tune", tune, 0)
    whole("seed", seed, 0, 2**32 - 1)
    estimators = make_candidates(candidates, data.task, seed)
    folds, kind, findings = make_folds(data, strategy=split.strategy, folds=cv, seed=seed)
    findings += _about_settings(data, estimators, scorers[name], tune)
    models, rows, failures = {}, [], {}
    for candidate, estimator in {BASELINE: make_baseline(data.task), **estimators}.items():
        with warnings.catch_warnings(record=True, action="always", category=ConvergenceWarning) as caught:
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            try:
                if tune and candidate in CANDIDATES:
                    estimator = tune_candidate(estimator, candidate, data, folds, scorers[name], tune, seed)
                models[candidate], scored = fit_and_score(estimator, candidate, data, folds, scorers)
                rows += scored
            except Exception as error:  # whatever a foreign estimator stumbles over
                held = listed(data.classes) or f"{data.target.min():,.4g} to {data.target.max():,.4g}"
                said = {"why": " ".join(str(error).split())[:300].rstrip("."), "held": held, "task": data.task}
                if candidate == BASELINE:
                    raise refusal("no metric", metric=name, usual=listed(SCORERS[data.task]), **said) from error
                failures[candidate] = str(refusal("not trained", candidate=candidate, metric=name, **said))
        findings += _about_warnings(caught, candidate)
    if len(failures) == len(estimators):
        raise InputError(" ".join(failures.values()))
    findings += [finding("TRAIN-FAILED", "high", candidate, failure=said) for candidate, said in failures.items()]
    scores = pd.DataFrame(rows, columns=["candidate", "metric", "fold", "value"])
    chosen, how, notes = _choose(scores, name, [one for one in estimators if one in models], one_standard_error)
    ratio = float(np.mean([len(check) / len(fit) for fit, check in folds]))
    return Training(chosen, models, name, scores, ratio, f"{how} {spoken(name)}", kind, data, (*findings, *notes))


class Training(Result, frozen=True):
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
    test_to_train : float
        Rows of a fold that are scored for each that is trained on.
    rule, folds : str
        How the choice was made and how the folds were cut, in words.
    data : Dataset
        The training part.
    """

    name: str
    models: dict[str, Model]
    metric: str
    scores: pd.DataFrame
    test_to_train: float
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

    @cached_property
    def table(self) -> pd.DataFrame:  # type: ignore[override]  # of a result that makes its table when it is asked
        """The leaderboard, the best first: Estimates of each metric and of the difference to the chosen candidate."""
        rows = []
        for candidate in self.models:
            row: dict[str, Any] = {"candidate": candidate, "chosen": candidate == self.name}
            row[self.metric] = self.estimate(candidate, self.metric)
            row["minus_chosen"] = None if row["chosen"] else self.estimate(candidate, self.metric, minus=self.name)
            row |= {name: self.estimate(candidate, name) for name in self.metrics if name != self.metric}
            rows.append(row | {kind: self._values[candidate, kind].mean() for kind in SECONDS[:2]})
        rows.sort(key=lambda row: np.nan_to_num(-row[self.metric].value, nan=np.inf))
        return pd.DataFrame(rows)

    @property
    def metrics(self) -> list[str]:
        """The metrics by which the candidates are compared."""
        return [name for name in self.scores["metric"].unique() if name not in SECONDS]

    def estimate(self, candidate: str, metric: str, *, minus: str = "") -> Estimate:
        """Return the mean of a metric over the folds, or of its difference to another candidate on the same folds.

        The interval is the corrected resampled t interval (Nadeau and Bengio 2003, doi:10.1023/A:1024068626366): folds
        share training rows, so the plain standard error over them is too small, and the ratio of test to training
        rows is added to one over the number of folds. It ends where the metric does.

        Parameters
        ----------
        candidate, metric : str
        minus : str, optional
            The other candidate. What makes a fold hard for both cancels, so two candidates may differ clearly although
            their own intervals overlap.
        """
        low, high = metric_range(metric)
        values = self._values[candidate, metric]
        if minus:
            values, low, high = values - self._values[minus, metric], low - high, high - low
        values = values[np.isfinite(values)]
        folds, mean = len(values), float(values.mean()) if len(values) else np.nan
        if folds < 2:
            return Estimate(mean, n=folds, method="too few folds for an interval")
        error = np.sqrt((1 / folds + self.test_to_train) * values.var(ddof=1)) * t_quantile(folds)
        method = f"corrected resampled t over the folds{', paired' * bool(minus)}"
        return Estimate(mean, float(max(mean - error, low)), float(min(mean + error, high)), folds, method)

    @cached_property
    def _values(self) -> dict[Any, Array]:
        return {key: fold.to_numpy() for key, fold in self.scores.groupby(["candidate", "metric"])["value"]}

    def scalars(self) -> dict[str, Estimate]:
        """Return ``cv.<metric>`` of the chosen candidate and ``cv.<candidate>.<metric>`` and the times of each.

        ``cv.<candidate>.minus_chosen`` is the paired difference in the metric that decided.
        """
        numbers = {f"cv.{metric}": self.estimate(self.name, metric) for metric in self.metrics}
        each = map(self._candidate_scalars, self.models)
        return numbers | {name: number for one in each for name, number in one.items()}

    def _candidate_scalars(self, candidate: str) -> dict[str, Estimate]:
        numbers = {f"cv.{candidate}.{name}": self.estimate(candidate, name) for name in self.metrics}
        if candidate != self.name:
            numbers[f"cv.{candidate}.minus_chosen"] = self.estimate(candidate, self.metric, minus=self.name)
        times = {f"time.{candidate}.{kind}": Estimate(float(self._values[candidate, kind].mean())) for kind in SECONDS}
        return numbers | times

    def drawings(self) -> list[Drawing]:
        """Return the one figure: the candidates' scores, fold by fold."""
        said = [f"{name} {self.estimate(name, self.metric)}" for name in self.models]

        def draw(ax: Axes) -> None:
            names = list(self.table["candidate"])
            for place, (name, mean) in enumerate(zip(names, self.table[self.metric], strict=True)):
                values = self._values[name, self.metric]
                ax.plot(values, [place] * len(values), "o", color=GREY, alpha=0.5, markersize=5)
                bar: dict[str, Any] = {"marker": "|", "markersize": 18, "linewidth": 3, "markeredgewidth": 3}
                draw_intervals(ax, [place], [mean], color=BLUE if name == self.name else GREY, **bar)
            name_rows(ax, [f"{name} (chosen)" if name == self.name else name for name in names])
            ax.set_xlabel(spoken(self.metric))

        return [drawing("leaderboard", draw, self.table, metric=spoken(self.metric), folds=self.folds, said=said)]

    def record(self) -> Record:
        """Return the chosen model and every candidate with its settings and numbers, for the tracker."""
        candidates = []
        for name, one in self.models.items():
            given = one.last.get_params(deep=False).items()
            settings = {"estimator": type(one.last).__name__} | {key: v for key, v in given if not hasattr(v, "fit")}
            candidates.append(Candidate(name, settings, self._candidate_scalars(name)))
        how = {"candidate": self.name, "metric": self.metric, "rule": self.rule, "folds": self.folds}
        model = handed_over(self.model, self.name, self.data.features)
        kept = {**self.model.kept, KEPT_AS: self.model.schema.text()}
        return Record(parameters=how, candidates=candidates, model=model, kept=kept)

    def face(self) -> Face:
        """Return which candidate was chosen and how, and the leaderboard."""
        said = {"among": counted(len(self.models) - 1, "candidate"), "rows": counted(self.data.rows, "row")}
        return face("training", self, self.table.drop(columns="chosen"), metric=spoken(self.metric), **said)


def _about_settings(data: Dataset, estimators: Mapping[str, Any], scorer: Any, tune: int) -> Iterator[Finding]:
    """Say what is tuned, and what is fitted or chosen as if each row counted once although rows have weights."""
    if tune:
        yield finding("TRAIN-TUNED-ON-FOLDS", "info", "training")
        if names := [name for name in estimators if name not in CANDIDATES]:
            yield finding("TRAIN-NOT-TUNED", "info", "training", names=listed(names))
    unable = [name for name, estimator in estimators.items() if not takes_weights(estimator)]
    unable += [f"the metric {scorer}"] if not takes_weights(get_scorer(scorer)) else []
    if data.weight is not None and unable:
        yield finding("TRAIN-UNWEIGHTED", "medium", data.weight.name, unable=listed(unable))


def _about_warnings(caught: Sequence[warnings.WarningMessage], name: str) -> Iterator[Finding]:
    """Turn what a candidate warned of into findings, so that a reader of the report sees it too."""
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        yield finding("TRAIN-NOT-CONVERGED", "medium", name)
    if others := dict.fromkeys(str(one.message) for one in caught if not issubclass(one.category, ConvergenceWarning)):
        first, more = " ".join(next(iter(others)).split())[:300], f" (and {len(others) - 1} more)" * (len(others) > 1)
        yield finding("TRAIN-WARNED", "low", name, first=first, more=more)


def _choose(scores: pd.DataFrame, metric: str, names: list[str], simplest: bool) -> tuple[str, str, list[Finding]]:
    """Return the chosen candidate, how it was chosen, and whether it is any better than the baseline."""
    by_candidate = scores[scores["metric"] == metric].groupby("candidate")["value"]
    means = by_candidate.mean()
    if (tried := means[names].dropna()).empty:
        raise refusal("undefined metric", metric=metric)
    chosen, how = str(tried.idxmax()), "the best mean"
    if simplest:
        how = "the simplest within one standard error of the best"
        chosen = str(tried.index[tried >= tried[chosen] - np.nan_to_num(by_candidate.sem()[chosen])][0])
    if not (behind := means[BASELINE] - tried[chosen]) >= 0:
        return chosen, how, []
    return chosen, how, [finding("TRAIN-NOT-BETTER-THAN-BASELINE", "high", chosen, metric=metric, behind=behind)]
