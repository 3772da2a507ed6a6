"""Tuning against the first version's, and plain Optuna that scores every trial on all folds by all threads."""

import os
import subprocess
import sys
import warnings
from pathlib import Path
from time import perf_counter

import optuna
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

import toolkit as tk

ROOT = Path(__file__).parents[1]
ROWS, TRIALS = 4000, 20
WAYS = {"as in a run": {"OMP_WAIT_POLICY": "PASSIVE"}, "elsewhere": {}}


def tuning():
    """Print the seconds of all three and the ROC AUC that the best settings have on the folds."""
    from benchmarks.demo import earlier  # not at the top: the first version's process has other benchmarks

    with earlier() as before:
        for name, waiting in WAYS.items():
            print(f"tuning of boosting, {TRIALS} trials on about {ROWS:,} rows, threads wait {name}")
            found = {}
            for who, folder in {"plain Optuna": ROOT, **before, "now": ROOT}.items():
                found[who] = measured("plain" if who == "plain Optuna" else "toolkit", str(folder), waiting)
                print(f"  {who:<16} {found[who][0]:6.1f} s   ROC AUC {found[who][1]:.3f}")
            shares = [f"{found['now'][0] / found[who][0]:.2f} of {who}" for who in found if who != "now"]
            print(f"  now it takes {' and '.join(shares)}\n")


def measured(name, folder, waiting):
    """Tune in a process of its own, by the code of a folder; return the seconds and the ROC AUC."""
    env = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    env |= {"PYTHONPATH": folder, **waiting}
    done = subprocess.run([sys.executable, __file__, name], check=True, capture_output=True, text=True, env=env)
    return tuple(float(number) for number in done.stdout.split()[-2:])


def with_toolkit(split):
    training = tk.train(split, candidates=["boosting"], tune=TRIALS)
    return training.scalars()["cv.roc_auc"].value


def plain(split):
    from toolkit.models.candidates import CANDIDATES, make_candidates
    from toolkit.models.folds import make_folds
    from toolkit.models.preprocessing import make_model

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
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=TRIALS)
    return study.best_value


def run(name):
    """Tune once in this process; print the seconds and the ROC AUC."""
    warnings.simplefilter("ignore")
    data = tk.load_dataset("census_income", periods=[1994])
    split = tk.split_dataset(data.take(range(0, data.rows, data.rows // ROWS)))
    began = perf_counter()
    auc = {"toolkit": with_toolkit, "plain": plain}[name](split)
    print(perf_counter() - began, auc)


if __name__ == "__main__":
    run(sys.argv[1]) if sys.argv[1:] else tuning()
