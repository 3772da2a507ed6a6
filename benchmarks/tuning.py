"""Tuning against plain Optuna with scikit-learn, in which every trial is scored on all folds by all threads."""

import os
import time
import warnings

import optuna
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

import toolkit as tk
from toolkit.models.candidates import CANDIDATES, make_candidates
from toolkit.models.folds import make_folds
from toolkit.models.preprocessing import make_model

ROWS, TRIALS = 4000, 20


def tuning():
    """Print the seconds of both and the ROC AUC that the best settings have on the folds."""
    data = tk.load_dataset("census_income", periods=[1994])
    split = tk.split_dataset(data.take(range(0, data.rows, data.rows // ROWS)))
    waiting = os.environ.get("OMP_WAIT_POLICY", "as usual")  # PASSIVE in any run
    print(f"tuning of boosting, {TRIALS} trials, {split.train.rows:,} rows, threads wait {waiting}")
    whole, auc = plain(split)
    print(f"  plain Optuna     {whole:6.1f} s   ROC AUC {auc:.3f}")
    began = time.perf_counter()
    training = tk.train(split, candidates=["boosting"], tune=TRIALS)
    ours = time.perf_counter() - began
    auc = training.scalars()["cv.roc_auc"]
    print(f"  toolkit          {ours:6.1f} s   ROC AUC {auc}; {ours / whole:.2f} of the time\n")


def plain(split):
    train = split.train
    estimator = make_model(make_candidates(["boosting"], train.task, seed=0)["boosting"], train.features)
    folds = make_folds(train, strategy=split.strategy, folds=5, seed=0)[0]

    def objective(trial):
        space = CANDIDATES["boosting"]["space"].items()
        kinds = {True: trial.suggest_int, False: trial.suggest_float}
        settings = {name: kinds[isinstance(low, int)](name, low, high, log=log) for name, (low, high, log) in space}
        settings = {f"{estimator.steps[-1][0]}__{name}": value for name, value in settings.items()}
        model = clone(estimator).set_params(**settings)
        return cross_val_score(model, train.features, train.y_binary(), cv=folds, scoring="roc_auc").mean()

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    began = time.perf_counter()
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=TRIALS)
    return time.perf_counter() - began, study.best_value


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    tuning()
