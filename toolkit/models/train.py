"""Train a baseline and candidates on the training part, compare them by cross-validation, choose one, refit it."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning, UndefinedMetricWarning
from sklearn.metrics import get_scorer

from toolkit.core.result import Finding, by_severity
from toolkit.core.words import spoken
from toolkit.data.dataset import Dataset
from toolkit.data.split import Split
from toolkit.errors import InputError, instance, listed
from toolkit.models.candidates import BASELINE, CANDIDATES, make_baseline, make_candidates, read_metric, tune_candidate
from toolkit.models.findings import finding, refusal
from toolkit.models.folds import fit_and_score, make_folds, takes_weights
from toolkit.models.leaderboard import Training


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
        Where a candidate or the metric is unknown or not made for the task, or no candidate can be trained. One of
        several that cannot costs that candidate, and is said.

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
    if cv < 2 or tune < 0:
        raise InputError(f"cv must be at least 2 and tune at least 0; found cv={cv}, tune={tune}.")
    estimators = make_candidates(candidates, data.task, seed)
    folds, kind, findings = make_folds(data, strategy=split.strategy, folds=cv, seed=seed)
    findings += _about_settings(data, estimators, scorers[name], tune)
    models, rows, failures = {}, [], {}
    for candidate, estimator in {BASELINE: make_baseline(data.task), **estimators}.items():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ConvergenceWarning)
            warnings.simplefilter("ignore", UndefinedMetricWarning)
            try:
                if tune and candidate in CANDIDATES:
                    estimator = tune_candidate(estimator, candidate, data, folds, scorers[name], tune, seed)
                models[candidate], scored = fit_and_score(estimator, candidate, data, folds, scorers)
                rows += scored
            except Exception as error:  # noqa: BLE001  # whatever a foreign estimator stumbles over
                failures[candidate] = f"({name}, {data.task}): {' '.join(str(error).split())[:300]}"
        if BASELINE in failures:
            break
        findings += _about_warnings(caught, candidate)
    findings += _about_failures(failures, list(estimators))
    scores = pd.DataFrame(rows, columns=["candidate", "metric", "fold", "value"])
    chosen, how, said = _choose(scores, name, [one for one in estimators if one in models], one_standard_error)
    findings = by_severity([*findings, *said])
    ratio = float(np.mean([len(check) / len(fit) for fit, check in folds]))
    return Training(chosen, models, name, scores, ratio, f"{how} {spoken(name)}", kind, data, tuple(findings))


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


def _about_failures(failures: Mapping[str, str], candidates: Sequence[str]) -> list[Finding]:
    """Say which candidates could not be trained; without a baseline, or any candidate, there is nothing to choose."""
    said = {name: f"Candidate {name!r} could not be trained and scored {why}" for name, why in failures.items()}
    if BASELINE in failures or len(failures) == len(candidates):
        raise InputError(" ".join(said.values()))
    return [finding("TRAIN-FAILED", "high", name, failure=failure) for name, failure in said.items()]


def _about_warnings(caught: Sequence[warnings.WarningMessage], name: str) -> Iterator[Finding]:
    """Turn what a candidate warned of into findings, so that a reader of the report sees it too."""
    if any(issubclass(warning.category, ConvergenceWarning) for warning in caught):
        yield finding("TRAIN-NOT-CONVERGED", "medium", name, name=name)
    if others := dict.fromkeys(str(one.message) for one in caught if not issubclass(one.category, ConvergenceWarning)):
        first, more = " ".join(next(iter(others)).split())[:300], f" (and {len(others) - 1} more)" * (len(others) > 1)
        yield finding("TRAIN-WARNED", "low", name, name=name, first=first, more=more)


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
    numbers = {"metric": metric, "chosen": chosen, "behind": behind}
    return chosen, how, [finding("TRAIN-NOT-BETTER-THAN-BASELINE", "high", chosen, **numbers)]
