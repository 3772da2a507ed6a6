"""The models that are tried, the space in which each named one is tuned, and the scorers they are compared by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from sklearn import ensemble
from sklearn.base import is_classifier, is_regressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import get_scorer_names

from toolkit.errors import InputError, listed, nearest

if TYPE_CHECKING:
    import optuna

BASELINE = "baseline"
SPACES = Path(__file__).with_name("spaces.yaml")

# From the simplest to the most complex: the one-standard-error rule prefers the earlier.
CLASSIFIERS = ("logistic", "forest", "boosting")
REGRESSORS = ("ridge", "forest", "boosting")
# Without these every fit prints pages, and catboost writes a folder.
_QUIET: Any = {"lightgbm": {"verbose": -1}, "catboost": {"verbose": False, "allow_writing_files": False}}


SCORERS = {
    "binary": ("roc_auc", "average_precision", "neg_log_loss", "neg_brier_score", "balanced_accuracy", "accuracy"),
    "multiclass": ("accuracy", "balanced_accuracy", "f1_macro", "neg_log_loss"),
    "regression": ("neg_mean_absolute_error", "neg_root_mean_squared_error", "r2"),
}
AT_MOST_ONE = {"roc_auc", "average_precision", "balanced_accuracy", "accuracy", "f1", "f1_macro", "f1_weighted", "r2"}
DEFAULT_METRIC = {"binary": "roc_auc", "multiclass": "neg_log_loss", "regression": "neg_root_mean_squared_error"}


def default_candidates(task: str) -> list[str]:
    """Name the candidates tried where none are asked for: a linear model and boosted trees."""
    return ["ridge", "boosting"] if task == "regression" else ["logistic", "boosting"]


def make_baseline(task: str) -> Any:
    """Return the model that any other must beat: the training mean, or the class shares of training."""
    return DummyRegressor() if task == "regression" else DummyClassifier(strategy="prior")


def make_candidates(candidates: Sequence[object] | Mapping[str, object] | None, task: str, seed: int) -> dict[str, Any]:
    """Turn what was asked for into unfitted estimators by name.

    Parameters
    ----------
    candidates : sequence, mapping or None
        Names (``logistic``, ``ridge``, ``forest``, ``boosting``), import paths (``lightgbm.LGBMClassifier``) or
        estimators; a mapping gives its own names.
    task : {"binary", "multiclass", "regression"}
    seed : int
        Given to every estimator that takes ``random_state``.

    Raises
    ------
    InputError
        Where one is unknown, cannot be imported, is not an estimator, or is made for another task.

    Examples
    --------
    >>> list(make_candidates(["logistic", "sklearn.tree.DecisionTreeClassifier"], "binary", seed=0))
    ['logistic', 'DecisionTreeClassifier']
    """
    if candidates is None or len(candidates) == 0:
        candidates = default_candidates(task)
    if isinstance(candidates, str):
        candidates = [part.strip() for part in candidates.split(",")]
    named = candidates.items() if isinstance(candidates, Mapping) else [(None, item) for item in candidates]
    made: dict[str, Any] = {}
    for given, item in named:
        estimator: Any = _named(item, task) if isinstance(item, str) else item
        _check_task(estimator, item, task)
        if "random_state" in estimator.get_params() and estimator.get_params()["random_state"] is None:
            estimator.set_params(random_state=seed)
        name = given or (item if isinstance(item, str) and "." not in item else type(estimator).__name__)
        if name in made or name == BASELINE:
            raise InputError(
                f"Two candidates are named {name!r}. Give each a name: candidates={{'first': …, 'second': …}}."
            )
        made[name] = estimator
    return made


def _named(name: str, task: str) -> Any:
    if "." in name:
        return _imported(name)
    classifier = task != "regression"
    makers = {
        "logistic": lambda: LogisticRegression(tol=1e-3, max_iter=500),
        "ridge": lambda: Ridge(),
        "forest": lambda: _forest(classifier),
        "boosting": lambda: _boosting(classifier),
    }
    options = CLASSIFIERS if classifier else REGRESSORS
    example = f"lightgbm.LGBM{'Classifier' if classifier else 'Regressor'}"
    if name not in options:
        other = f" ({name!r} is not for a {task} target)" if name in makers else ""
        raise InputError(
            f"Unknown candidate {name!r}{other}.{nearest(name, options)} "
            f"Candidates: {listed(options)}, or an import path such as {example!r}."
        )
    return makers[name]()


def _forest(classifier: bool) -> Any:
    kind = ensemble.RandomForestClassifier if classifier else ensemble.RandomForestRegressor
    return kind(n_estimators=200, min_samples_leaf=3, max_features="sqrt" if classifier else 0.4, n_jobs=-1)


def _boosting(classifier: bool) -> Any:
    kind = ensemble.HistGradientBoostingClassifier if classifier else ensemble.HistGradientBoostingRegressor
    return kind(learning_rate=0.1, max_iter=100, l2_regularization=1.0, early_stopping=False)


def _imported(path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        return getattr(import_module(module), name)(**_QUIET.get(module.partition(".")[0], {}))
    except ImportError as error:
        raise InputError(
            f"Candidate {path!r} cannot be imported: {error}. Install the package that holds it, or name another."
        ) from error
    except AttributeError as error:
        raise InputError(
            f"Candidate {path!r}: module {module!r} has no {name!r}.{nearest(name, dir(import_module(module)))}"
        ) from error
    except TypeError as error:
        raise InputError(
            f"Candidate {path!r} cannot be made without arguments: {error}. Give it as an object."
        ) from error


def _check_task(estimator: Any, item: object, task: str) -> None:
    if isinstance(estimator, type) or not all(
        hasattr(estimator, method) for method in ("fit", "predict", "get_params")
    ):
        raise InputError(
            f"Candidate {item!r} is not a scikit-learn compatible estimator: it needs fit, predict and get_params. "
            "Give an instance, a name or an import path."
        )
    fits = is_regressor(estimator) if task == "regression" else is_classifier(estimator)
    if not fits:
        kind = "regressor" if task == "regression" else "classifier"
        raise InputError(f"Candidate {item!r} is not a {kind}, but the task is {task}. Give a {kind}, or set the task.")


def suggest(trial: optuna.Trial, name: str) -> dict[str, Any]:
    """Draw settings for a named candidate from its search space.

    ============  ==========================================================================================
    candidate     space (log: drawn evenly on the logarithm)
    ============  ==========================================================================================
    ``logistic``  ``C`` 0.001 to 100 (log)
    ``ridge``     ``alpha`` 0.001 to 1000 (log)
    ``forest``    ``min_samples_leaf`` 1 to 50 (log), ``max_features`` 0.1 to 1, ``max_depth`` 4 to 30 (log)
    ``boosting``  ``learning_rate`` 0.02 to 0.3 (log), ``max_iter`` 50 to 400 (log),
                  ``max_leaf_nodes`` 7 to 127 (log), ``min_samples_leaf`` 5 to 100 (log),
                  ``l2_regularization`` 0.001 to 10 (log), ``max_features`` 0.3 to 1
    ============  ==========================================================================================
    """
    spaces = yaml.safe_load(SPACES.read_text(encoding="utf-8"))
    return {
        setting: (trial.suggest_int if isinstance(low, int) else trial.suggest_float)(setting, low, high, log=log)
        for setting, (low, high, log) in spaces[name].items()
    }


def has_space(name: str) -> bool:
    """Whether a candidate can be tuned: the named ones can."""
    return name in {*CLASSIFIERS, *REGRESSORS}


def settings_of(estimator: Any) -> dict[str, object]:
    """Return the settings of an estimator, and what it is."""
    settings = {name: value for name, value in estimator.get_params(deep=False).items() if not hasattr(value, "fit")}
    return {"estimator": type(estimator).__name__, **settings}


def requirements_of(estimator: Any) -> tuple[str, ...]:
    """Pin the packages that loading and calling an estimator needs."""
    modules = {"sklearn", "numpy", "pandas", "pyarrow", "scipy", "skops", type(estimator).__module__.partition(".")[0]}
    homes = packages_distributions()
    names = sorted({homes[module][0] for module in modules if module in homes})
    return tuple(f"{name}=={version(name)}" for name in names)


def read_metric(metric: Any, task: str) -> tuple[str, Any]:
    """Return the scorer that decides with its name: the one asked for, or the usual one for the task.

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
    if not metric:
        return DEFAULT_METRIC[task], DEFAULT_METRIC[task]
    if not isinstance(metric, str):
        if not callable(metric):
            raise InputError(f"The metric must be the name of a scikit-learn scorer, or a scorer; found {metric!r}.")
        name = getattr(getattr(metric, "_score_func", metric), "__name__", type(metric).__name__)
        return f"neg_{name}" if getattr(metric, "_sign", 1) < 0 else name, metric
    known = get_scorer_names()
    if metric not in known:
        raise InputError(
            f"Unknown metric {metric!r}.{nearest(metric, known)} It is the name of a scikit-learn scorer; "
            f"usual for a {task} target: {listed(SCORERS[task])}."
        )
    return metric, metric
