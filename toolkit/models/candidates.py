"""The models that are tried, how their settings are searched, and how the chosen one is handed over."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from tqdm import tqdm

from toolkit.core import ModelRecord, beside, side_by_side
from toolkit.data import BY_TYPE, Column, Dataset, table_reader
from toolkit.errors import InputError, listed, nearest, refusing
from toolkit.models.findings import refusal
from toolkit.models.folds import Folds, score_fold
from toolkit.models.model import Model

BASELINE = "baseline"
ESTIMATOR = ("fit", "predict", "get_params")
#: What travels with a model that is handed over.
FOLDER = Path(str(table_reader.__file__)).parent
# Without these every fit prints pages, and catboost writes a folder.
_QUIET: Any = {"lightgbm": {"verbose": -1}, "catboost": {"verbose": False, "allow_writing_files": False}}

#: So many trials are begun at once, whatever the machine: what a seed finds does not depend on its cores.
TOGETHER = 10

#: The estimators that have a name, with their settings by kind of task and the space in which they are tuned.
CANDIDATES: dict[str, Any] = beside(__file__, "candidates.yaml")


def make_baseline(task: str) -> Any:
    """Return the model that any other must beat: the training mean, or the class shares of training."""
    return DummyRegressor() if task == "regression" else DummyClassifier(strategy="prior")


def make_candidates(candidates: Sequence[object] | Mapping[str, object] | None, task: str, seed: int) -> dict[str, Any]:
    """Turn what was asked for into unfitted estimators by name.

    Parameters
    ----------
    candidates : sequence, mapping or None
        Names (``logistic``, ``ridge``, ``forest``, ``boosting``), import paths (``lightgbm.LGBMClassifier``) or
        estimators; a mapping gives its own names. By default a linear model and boosted trees.
    task : {"binary", "multiclass", "regression"}
    seed : int
        Given as ``random_state`` to every estimator that takes one and has none, also inside another; to a copy of it.

    Raises
    ------
    InputError
        Where one is unknown, cannot be imported, is not an estimator, or is made for another task.

    Examples
    --------
    >>> list(make_candidates(["logistic", "sklearn.tree.DecisionTreeClassifier"], "binary", seed=0))
    ['logistic', 'DecisionTreeClassifier']
    """
    candidates = candidates or ["ridge" if task == "regression" else "logistic", "boosting"]
    candidates = [candidates] if isinstance(candidates, str) else candidates
    lists = [item.replace(" ", "").split(",") if isinstance(item, str) else [item] for item in candidates]
    named = candidates.items() if isinstance(candidates, Mapping) else [(None, one) for few in lists for one in few]
    kind, fits = ("regressor", is_regressor) if task == "regression" else ("classifier", is_classifier)
    made: dict[str, Any] = {}
    for given, item in named:
        estimator: Any = _named(item, task) if isinstance(item, str) else item
        # Asked of its type: a stack of models has no predict before it is fitted.
        if isinstance(estimator, type) or not all(hasattr(type(estimator), one) for one in ESTIMATOR):
            raise refusal("no estimator", item=item)
        if not fits(estimator):
            raise refusal("other candidate", item=item, kind=kind, task=task)
        settings = estimator.get_params().items()
        # What was given stays as it is.
        if open_seeds := [key for key, value in settings if value is None and f"__{key}".endswith("__random_state")]:
            estimator = clone(estimator).set_params(**dict.fromkeys(open_seeds, seed))
        name = given or (item if isinstance(item, str) and "." not in item else type(estimator).__name__)
        if name in made or name == BASELINE:
            raise refusal("two candidates", name=name)
        made[name] = estimator
    return made


def _named(name: str, task: str) -> Any:
    if "." in name:
        return _made(name, _QUIET.get(name.partition(".")[0], {}))
    known, kind = CANDIDATES, "regression" if task == "regression" else "classification"
    if name not in (options := [one for one, said in known.items() if kind in said]):
        other = f" ({name!r} is not for a {task} target)" if name in known else ""
        example = f"lightgbm.LGBM{'Regressor' if kind == 'regression' else 'Classifier'}"
        said = {"near": nearest(name, options), "options": listed(options), "example": example}
        raise refusal("unknown candidate", name=name, other=other, **said)
    settings = dict(known[name][kind])
    return _made(settings.pop("estimator"), settings)


def imported(address: str, what: str) -> Any:
    """Import what an address names, ``package.module.name`` or ``package.module:name``; say what stands in the way."""
    try:
        return resolve_name(address)
    except AttributeError as error:
        near = nearest(str(error.name), dir(error.obj))
        raise InputError(f"The {what} {address!r} cannot be imported: there is no {error.name!r}.{near}") from error
    except Exception as error:
        raise refusal("not imported", what=what, address=address, error=error) from error


def _made(path: str, settings: Mapping[str, Any]) -> Any:
    with refusing(f"Candidate {path!r} cannot be made without arguments", " Give it as an object.", (TypeError,)):
        return imported(path, "candidate")(**settings)


def requirements_of(estimator: Any) -> tuple[str, ...]:
    """Pin the packages that loading and calling an estimator, and those inside it, needs."""
    inside = [estimator, *estimator.get_params().values()] if hasattr(estimator, "get_params") else [estimator]
    modules = {"sklearn", "numpy", "pandas", "pyarrow", "scipy", "skops"}
    modules |= {type(one).__module__.partition(".")[0] for one in inside}
    names = sorted(filter(None, map(_home, modules - sys.stdlib_module_names)))
    return tuple(f"{name}=={version(name)}" for name in names)


def _home(module: str) -> str:
    """Name the distribution that a module is of; empty where it is of none."""
    try:
        return distribution("scikit-learn" if module == "sklearn" else module).name
    except PackageNotFoundError:
        return packages_distributions().get(module, [""])[0]


def tune_candidate(estimator: Any, name: str, data: Dataset, folds: Folds, scorer: Any, trials: int, seed: int) -> Any:
    """Search the settings of a named candidate and return the estimator with the best ones, unfitted.

    The settings it came with are kept unless a trial does better on the same folds. Of ten trials, the best third goes
    on after the first fold, and the best third of that after the third: successive halving, Jamieson and Talwalkar
    (2016), AISTATS, arXiv:1502.07943. The first ten are drawn at random, the next by what the others reached:
    tree-structured Parzen estimator, Bergstra et al. (2011), "Algorithms for hyper-parameter optimization", NeurIPS 24.

    Parameters
    ----------
    estimator : object
        Unfitted and scikit-learn compatible.
    name : str
        Whose search space, see ``candidates.yaml``.
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
    from optuna.distributions import FloatDistribution, IntDistribution

    def scores_of(settings: Sequence[dict[str, Any]], some: Folds) -> np.ndarray:
        """Return a row for each of the settings and a column for each fold."""
        tried = [clone(estimator).set_params(**one) for one in settings]
        tasks = [partial(score_fold, one, data, fold, {"metric": scorer}) for one in tried for fold in some]
        return np.reshape([scores["metric"] for scores in side_by_side(tasks, data.rows)], (len(tried), len(some)))

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True), direction="maximize")
    kinds, ranges = {int: IntDistribution, float: FloatDistribution}, CANDIDATES[name]["space"].items()
    space = {setting: kinds[type(low)](low, high, log=log) for setting, (low, high, log) in ranges}
    best, settings = scores_of([{}], folds).mean(), dict[str, Any]()
    for begun in tqdm(range(0, trials, TOGETHER), desc=f"tuning {name}", file=sys.stderr, leave=False):
        left = [study.ask(space) for _ in range(min(TOGETHER, trials - begun))]
        scores = np.empty((len(left), 0))
        for seen, until in pairwise(sorted({0, 1, min(3, len(folds)), len(folds)})):
            scores = np.hstack([scores, scores_of([trial.params for trial in left], folds[seen:until])])
            ranked = np.argsort(-scores.mean(axis=1), kind="stable")
            go_on, ended = np.split(ranked, [max(1, len(left) // 3) if until < len(folds) else 0])
            for trial, mean in ((left[place], scores[place].mean()) for place in ended):
                trial.report(mean, until)
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)  # at the end too: it may have no score
                if until == len(folds) and mean > best:
                    best, settings = mean, trial.params
            left, scores = [left[place] for place in go_on], scores[go_on]
    return clone(estimator).set_params(**settings)


def handed_over(model: Model, name: str, features: pd.DataFrame) -> ModelRecord:
    """Return what is logged of a trained model: it reads a table by its schema and speaks the target's labels.

    Parameters
    ----------
    model : Model
    name : str
    features : DataFrame
        Rows as it was trained on.

    Returns
    -------
    ModelRecord
        The folder ``toolkit/data/table_reader`` travels with it.
    """
    types = {key: _type(one, features[key]) for key, one in model.schema.features.items()}
    whole = _travelling()(model.estimator, model.schema.plain(), list(model.classes))
    example = features.head(5).astype({key: object for key, kind in types.items() if kind == "string"})
    flags = [key for key, kind in types.items() if kind == "boolean"]
    example[flags] = example[flags].astype(object).replace({0: False, 1: True})
    return ModelRecord(name, whole, example, requirements_of(model.estimator), types, str(FOLDER))


def _type(column: Column, values: pd.Series) -> str:
    """Return MLflow's name of the type of a column, or ``any`` where MLflow would refuse what the model takes.

    Where MLflow is told ``double`` it refuses whole numbers, as a file has them where all happen to be so; where it is
    told ``string``, categories; where it is told ``datetime``, the texts that a date is in a CSV, and time zones.
    """
    if column.kind in ("text", "bool"):
        return "boolean" if column.kind == "bool" else "any" if column.why == BY_TYPE else "string"
    return "double" if column.plain and not column.missing and (values.dropna() % 1 != 0).mean() > 0.5 else "any"


def _travelling() -> Any:
    """Import the model that travels, under the name that its folder has where the toolkit is not installed."""
    if (name := FOLDER.name) not in sys.modules:
        found: Any = spec_from_file_location(name, FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)])
        sys.modules[name] = module_from_spec(found)
        found.loader.exec_module(sys.modules[name])
    return resolve_name(f"{name}.table_model:TableModel")
