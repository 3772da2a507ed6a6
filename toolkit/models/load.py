"""What an audit is about: a model that somebody else made with data to judge it on, or their predictions."""

import inspect
import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Unpack

import joblib
from sklearn.base import BaseEstimator, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from toolkit.core import read_results
from toolkit.data import KEPT_AS, Dataset, Names, Options, Schema, given, load_dataset, read_table, schema_of
from toolkit.errors import InputError, listed, nearest
from toolkit.models.candidates import imported
from toolkit.models.findings import refusal
from toolkit.models.model import Model
from toolkit.models.prediction_file import join_predictions, load_predictions
from toolkit.models.threshold import THRESHOLD_FILE, read_kept
from toolkit.registry import model_store

PICKLES = (".joblib", ".pkl", ".pickle")
_TRACKED = re.compile(r"(models|runs):/")
_IMPORT = re.compile(r"[A-Za-z_][\w.]*(:[A-Za-z_][\w.]*)?")


def load_audit(
    *,
    model: Any = "",
    predictions: Any = "",
    data: Any = "",
    target: str = "",
    y_true: str = "y_true",
    y_pred: str = "",
    y_score: Names = "",
    **options: Unpack[Options],
) -> tuple[Model, Dataset]:
    """Load what is to be audited: a model and data, a file of predictions, or a file of predictions beside data.

    Parameters
    ----------
    model : str or estimator
        Address for ``load_model``, or the fitted model itself. The features are then those it was fitted on.
    predictions : str, path, DataFrame or mapping
        As for ``load_predictions``. Without ``data`` the truth is in it, under ``y_true``; with ``data`` its rows are
        those of the data, in the same order, and the truth is the data's target.
    data : str, path or DataFrame
        As for ``load_dataset``.
    target : str
        As for ``load_dataset``.
    y_true, y_pred, y_score
        Columns of the predictions, as for ``load_predictions``.
    **options
        ``sensitive``, ``time``, ``group``, ``positive``, ``task``, ``drop`` and ``periods``, as for ``load_dataset``;
        an empty text or list for what is not given.

    Returns
    -------
    (Model, Dataset)
        What every judging step takes. What the model settled about the target is the table's too: its task, and which
        label is the positive one, where none is given.

    Raises
    ------
    InputError
        Where nothing is given, or too much, or it cannot be loaded.

    Examples
    --------
    >>> recorded, data = load_audit(predictions={"y_true": [0, 1] * 5, "y_pred": [0, 1, 1, 1, 0] * 2})
    >>> data.rows, recorded.recorded
    (10, True)
    """
    columns: dict[str, Any] = {"y_true": y_true, "y_pred": y_pred, "y_score": y_score}
    has_model, has_predictions, has_data = (given(one) is not None for one in (model, predictions, data))
    if has_model == has_predictions:
        raise refusal("model or predictions", found="both" if has_model else "neither")
    if has_predictions and not has_data:
        if target:
            raise InputError("A file of predictions names its true values with y_true, not with target.")
        recorded, dataset = load_predictions(predictions, **columns, **options)
        return Model.of(recorded), dataset
    if not has_data:
        raise InputError("A model needs data to be judged on: give data and, unless it is a built-in table, target.")
    if has_predictions:
        table = read_table(data)
        dataset = load_dataset(table, target=target, **options)
        recorded, dataset = join_predictions(predictions, dataset, len(table.frame), **columns)
        return Model.of(recorded), dataset
    subject = load_model(model) if isinstance(model, str) else Model.of(model)
    if not subject.schema.task and not options.get("task"):
        numbers = isinstance(subject.estimator, BaseEstimator) and is_regressor(subject.estimator)
        options["task"] = "classification" if subject.classes else "regression" if numbers else None
    dataset = load_dataset(data, target=target, like=subject, **options)
    return Model.of(subject, dataset), dataset


def load_model(address: str, *, out: str | Path | None = None) -> Model:
    """Load a model that was fitted elsewhere. Loading runs the code of whoever made it: load only what you trust.

    Parameters
    ----------
    address : str
        - of MLflow: ``models:/NAME@ALIAS``, ``models:/NAME/VERSION``, ``models:/m-…``, ``runs:/RUN/NAME``, or a folder
          that holds an ``MLmodel``;
        - a file that joblib or pickle wrote: ``.joblib``, ``.pkl``, ``.pickle``;
        - an import path, ``package.module:name`` or ``package.module.name``, of a model or of a function that makes it
          and needs no arguments; it may also return a function of a table that returns scores.
    out : path, optional
        The reports folder, beside which the tracking store lies by default, as for ``publish``.

    Returns
    -------
    Model
        One that an experiment logged keeps its labels and decides at its threshold.

    Raises
    ------
    InputError
        Where there is no such model, or it cannot be loaded, or it is not fitted.

    Examples
    --------
    >>> load_model("toolkit.models.no_such_module:model")
    Traceback (most recent call last):
    toolkit.errors.InputError: The model 'toolkit.models.no_such_module:model' cannot be imported: No module named ...
    """
    text = address.strip()
    path = Path(os.path.expanduser(text))
    folder = str(path.resolve()) if path.is_dir() and (path / "MLmodel").is_file() else ""
    if folder or _TRACKED.match(text):
        return _logged(model_store.load_model(folder or text, Path(out or os.environ.get("TOOLKIT_OUT", "reports"))))
    if path.suffix.lower() in PICKLES:
        found = _unpickled(text, path)
    elif _IMPORT.fullmatch(text) and not path.exists() and ("." in text or ":" in text):
        found = _imported(text)
    else:
        report = read_results(path).mlflow.model_uri if (path / "results.json").is_file() else ""
        logged = f" Of this report give {report}, the model that it logged." if report else ""
        raise refusal("no address", address=address, files=listed(PICKLES), logged=logged)
    if isinstance(found, type) or not (hasattr(found, "predict") or inspect.isfunction(found)):
        raise InputError(f"{text!r} is a {type(found).__name__}, which has no 'predict'. Give a fitted model.")
    if isinstance(found, BaseEstimator) and hasattr(found, "fit"):
        try:
            check_is_fitted(found)
        except NotFittedError as error:
            raise InputError(f"The model {text!r} ({type(found).__name__}) is not fitted. Fit it first.") from error
    return Model.of(found)


def _logged(logged: model_store.Logged) -> Model:
    """Take a logged model with what was kept beside it."""
    model = replace(Model.of(logged.model), name=logged.name, version=logged.version, kept=logged.kept)
    if KEPT_AS in model.kept:
        model = model.settled(Schema.read(json.loads(model.kept[KEPT_AS]), f"{KEPT_AS} of {logged.name}"))
    elif not model.columns:
        model = replace(model, schema=schema_of(logged))
    return replace(model, threshold=read_kept(model.kept[THRESHOLD_FILE])) if THRESHOLD_FILE in model.kept else model


def _unpickled(address: str, path: Path) -> Any:
    if not path.is_file():
        near = nearest(path.name, [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else [])
        raise InputError(f"There is no file {address!r}.{near}")
    try:
        return joblib.load(path)
    except (ImportError, AttributeError) as error:
        raise refusal("code not found", address=address, error=error) from error
    except Exception as error:
        raise refusal("not loaded", address=address, kind=type(error).__name__, error=error) from error


def _imported(address: str) -> Any:
    if hasattr(found := imported(address, "model"), "predict") and not isinstance(found, type):
        return found
    if not callable(found):
        raise InputError(f"{address!r} is a {type(found).__name__}, not a model or a function that makes one.")
    try:
        return found()
    except Exception as error:
        raise InputError(f"{address!r} could not make the model: {type(error).__name__}: {error}.") from error
