"""Search a candidate's settings with Optuna: seeded, pruned fold by fold, with a progress bar on stderr."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from tqdm import tqdm

from toolkit.data.dataset import Dataset
from toolkit.models.candidates import suggest
from toolkit.models.folds import Folds, score_fold

if TYPE_CHECKING:
    import optuna


def tune_candidate(
    estimator: Any, name: str, data: Dataset, folds: Folds, *, scorer: Any, trials: int, seed: int
) -> Any:
    """Search the settings of a named candidate and return the estimator with the best ones, unfitted.

    The settings it came with are kept unless a trial does better on the same folds. A trial whose running mean falls
    below the median of the earlier ones at the same fold is stopped. Tree-structured Parzen estimator: Bergstra et al.
    (2011), "Algorithms for hyper-parameter optimization", NeurIPS 24.

    Parameters
    ----------
    estimator : object
        Unfitted and scikit-learn compatible.
    name : str
        Which search space, see ``toolkit.models.candidates.suggest``.
    data : Dataset
        The training part.
    folds : list of (train positions, test positions)
    scorer : str or scorer
        scikit-learn's; greater is better.
    trials : int
        How many settings are tried besides the present ones.
    seed : int

    Returns
    -------
    object
        A new estimator of the same kind.
    """
    import optuna

    def mean_score(settings: dict[str, Any], trial: optuna.Trial | None = None) -> float:
        scores: list[float] = []
        for fold in folds:
            tried = clone(estimator).set_params(**settings)
            scores.append(score_fold(tried, data, fold, {"metric": scorer})["metric"])
            if trial is not None:
                trial.report(float(np.mean(scores)), len(scores))
                if trial.should_prune():
                    raise optuna.TrialPruned
        return float(np.mean(scores))

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=3)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner)
    untuned = mean_score({})
    with tqdm(total=trials, desc=f"tuning {name}", unit="trial", file=sys.stderr, leave=False) as bar:

        def advance(*_: object) -> None:
            bar.update()

        study.optimize(lambda trial: mean_score(suggest(trial, name), trial), n_trials=trials, callbacks=[advance])
    finished = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    better = bool(finished) and study.best_value > untuned
    return clone(estimator).set_params(**study.best_params) if better else estimator
