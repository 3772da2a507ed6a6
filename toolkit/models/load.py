"""What an audit is about: a model that somebody else made with data to judge it on, or their predictions."""

from __future__ import annotations

import contextlib
import copy
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.core.result import Finding
from toolkit.data.dataset import Dataset
from toolkit.data.likeness import model_columns
from toolkit.data.load import load_dataset
from toolkit.data.read import read_table
from toolkit.data.roles import given
from toolkit.errors import InputError, listed, nearest
from toolkit.models.prediction_file import join_predictions, load_predictions
from toolkit.registry import tracking

PICKLES = (".joblib", ".pkl", ".pickle")
_TRACKED = re.compile(r"(models|runs):/")
_IMPORT = re.compile(r"[A-Za-z_][\w.]*(:[A-Za-z_][\w.]*)?")


def load_audit(
    *,
    model: Any = "",
    predictions: Any = "",
    data: Any = "",
    target: str = "",
    sensitive: str | Sequence[str] = (),
    time: str = "",
    group: str = "",
    positive: object = "",
    task: str = "",
    y_true: str = "y_true",
    y_pred: str = "",
    y_score: str | Sequence[str] = "",
    drop: str | Sequence[str] = (),
    periods: Sequence[object] | str | int = (),
) -> tuple[Any, Dataset]:
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
    target, sensitive, time, group, positive, task, drop, periods
        As for ``load_dataset``; an empty text or list for what is not given.
    y_true, y_pred, y_score
        Columns of the predictions, as for ``load_predictions``.

    Returns
    -------
    (model, Dataset)
        What every judging step takes. Where the model predicts codes in place of the target's labels, the target is
        coded likewise; where it knows no names of columns, it gets the table's in their order. Both are said.

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
    roles: dict[str, Any] = {
        "sensitive": sensitive,
        "time": time,
        "group": group,
        "positive": given(positive),
        "drop": drop,
        "periods": periods,
    }
    columns: dict[str, Any] = {"y_true": y_true, "y_pred": y_pred, "y_score": y_score}
    has_model, has_predictions, has_data = not _empty(model), not _empty(predictions), not _empty(data)
    if has_model == has_predictions:
        found = "both" if has_model else "neither"
        raise InputError(
            f"Give a model (with data) or a file of predictions to audit; found {found}. For example: "
            "-p model models:/churn@champion -p data customers.csv -p target churned, or -p predictions scored.csv"
        )
    if has_predictions and not has_data:
        if target:
            raise InputError("A file of predictions names its true values with y_true, not with target.")
        return load_predictions(predictions, task=task or None, **columns, **roles)
    if not has_data:
        raise InputError("A model needs data to be judged on: give data and, unless it is a built-in table, target.")
    table = read_table(data)
    if has_predictions:
        dataset = load_dataset(table, target=target, task=task or None, for_model=False, **roles)
        return join_predictions(predictions, dataset, len(table.frame), **columns), dataset
    subject = load_model(model) if isinstance(model, str) else model
    dataset = load_dataset(table, target=target, task=task or _task_of(subject), like=subject, **roles)
    return _by_place(subject, _in_labels_of(subject, dataset))


def load_model(address: str, *, out: str | Path | None = None) -> Any:
    """Load a model that was fitted elsewhere. Loading runs the code of whoever made it: load only what you trust.

    Parameters
    ----------
    address : str
        - of MLflow: ``models:/NAME@ALIAS``, ``models:/NAME/VERSION``, ``models:/m-…``, ``runs:/RUN/NAME``, or a folder
          that holds an ``MLmodel``;
        - a file that joblib or pickle wrote: ``.joblib``, ``.pkl``, ``.pickle``;
        - an import path, ``package.module:name`` or ``package.module.name``, of a model or of a function that makes it
          and needs no arguments.
    out : path, optional
        The reports folder, beside which the tracking store lies by default, as for ``publish``.

    Returns
    -------
    object
        With ``predict``; scikit-learn compatible where the maker's library is.

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
    path, tracked = Path(text).expanduser(), _tracked(text)
    if tracked:
        found = tracking.load_model(tracked, _reports(out))
    elif path.suffix.lower() in PICKLES:
        found = _unpickled(text, path)
    elif _IMPORT.fullmatch(text) and not path.exists() and ("." in text or ":" in text):
        found = _imported(text)
    else:
        raise InputError(
            f"{address!r} is not the address of a model. Give models:/NAME@ALIAS, runs:/RUN/NAME, the folder of an "
            f"MLflow model, a file ({listed(PICKLES)}) or an import path (package.module:name)."
        )
    return _usable(found, text)


def kept_with(address: str, name: str) -> str | None:
    """Return the text of a file that was kept with a logged model; None where there is no such file."""
    tracked = _tracked(address.strip())
    return tracking.read_kept(tracked, name, _reports()) if tracked else None


def _tracked(address: str) -> str:
    """Return the address of a model as MLflow takes it; empty where it is of another kind."""
    if _TRACKED.match(address):
        return address
    path = Path(address).expanduser()
    return str(path.resolve()) if path.is_dir() and (path / "MLmodel").is_file() else ""


def _reports(out: str | Path | None = None) -> Path:
    return Path(out or os.environ.get("TOOLKIT_OUT", "reports"))


def _unpickled(address: str, path: Path) -> Any:
    import joblib

    if not path.is_file():
        near = nearest(path.name, [item.name for item in path.parent.iterdir()] if path.parent.is_dir() else [])
        raise InputError(f"There is no file {address!r}.{near}")
    try:
        return joblib.load(path)
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"The model in {address!r} cannot be loaded here: {error}. Its code must be in a module, installed or in "
            "the current folder."
        ) from error
    except Exception as error:
        raise InputError(
            f"The model in {address!r} cannot be loaded here: {type(error).__name__}: {error}. Is it a file that "
            "joblib or pickle wrote?"
        ) from error


def _imported(address: str) -> Any:
    module, _, name = address.partition(":") if ":" in address else address.rpartition(".")
    try:
        found = import_module(module)
    except Exception as error:
        raise InputError(
            f"The model {address!r} cannot be imported: {error}. Modules are looked for among the installed ones and "
            "in the current folder."
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise InputError(
                f"The model {address!r} cannot be imported: there is no {part!r}.{nearest(part, dir(found))}"
            )
        found = getattr(found, part)
    if hasattr(found, "predict") and not isinstance(found, type):
        return found
    if not callable(found):
        raise InputError(f"{address!r} is a {type(found).__name__}, not a model or a function that makes one.")
    try:
        return found()
    except Exception as error:
        raise InputError(f"{address!r} could not make the model: {type(error).__name__}: {error}.") from error


def _usable(model: Any, address: str) -> Any:
    """Refuse what is no model, or one that is not fitted."""
    from sklearn.base import BaseEstimator
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if isinstance(model, type) or not hasattr(model, "predict"):
        raise InputError(f"{address!r} is a {type(model).__name__}, which has no 'predict'. Give a fitted model.")
    if isinstance(model, BaseEstimator) and hasattr(model, "fit"):
        try:
            check_is_fitted(model)
        except NotFittedError as error:
            raise InputError(f"The model {address!r} ({type(model).__name__}) is not fitted. Fit it first.") from error
    return model


def _empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _task_of(model: Any) -> str | None:
    """Say whether a model classifies or predicts numbers; None where it does not tell."""
    from sklearn.base import BaseEstimator, is_regressor

    if hasattr(model, "classes_"):
        return "classification"
    return "regression" if isinstance(model, BaseEstimator) and is_regressor(model) else None


def _by_place(model: Any, data: Dataset) -> tuple[Any, Dataset]:
    """Tell a model that was fitted on an array the names of its columns, in the order of the table."""
    columns = list(data.features.columns)
    if model_columns(model):
        return model, data
    wanted = getattr(model, "n_features_in_", len(columns))
    if wanted != len(columns):
        raise InputError(
            f"The model was fitted on {wanted} columns without names, but the table has {len(columns)}: "
            f"{listed(columns, 40)}. Leave the others out with drop; those that are sensitive still name the groups."
        )
    note = f"The model knows no names of columns, so it gets them in the order of the table: {listed(columns, 40)}."
    notes = (*data.notes, Finding("AUDIT-COLUMNS-BY-PLACE", "medium", note))
    network = getattr(model.steps[-1][1] if hasattr(model, "steps") else model, "module_", None)
    told = _named(model, columns) if network is None else _given_array(model, data, network)
    return told, replace(data, notes=notes)


def _given_array(model: Any, data: Dataset, network: Any) -> Any:
    """Put a step before a PyTorch network that turns a table into an array, in the precision of its weights.

    A network, which skorch keeps as ``module_``, takes no table and no numbers of another precision.
    """
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import FunctionTransformer

    other = list(data.features.select_dtypes(exclude="number").columns)
    if other:
        raise InputError(
            f"The network was fitted on an array of numbers, but the table has other columns: {listed(other)}. Leave "
            "them out with drop; those that are sensitive still name the groups."
        )
    precision = str(next(network.parameters()).dtype).removeprefix("torch.")
    step = FunctionTransformer(np.array, kw_args={"dtype": precision})
    step.feature_names_in_ = np.array(data.features.columns, dtype=object)
    return Pipeline([("array", step), ("model", model)])


def _named(model: Any, columns: list[str]) -> Any:
    """Copy a model so that it knows the names of its columns; one that cannot be told comes back as it is."""
    told = copy.copy(model)
    if hasattr(told, "steps"):
        (name, first), *rest = told.steps
        told.steps = [(name, _named(first, columns)), *rest]
    elif hasattr(told, "n_features_in_"):
        with contextlib.suppress(AttributeError):
            told.feature_names_in_ = np.array(columns, dtype=object)
    return told


def _in_labels_of(model: Any, data: Dataset) -> Dataset:
    """Write the target in the labels that a model predicts: the same in another type, or codes for them."""
    own = np.asarray(getattr(model, "classes_", ()), dtype=object).tolist()
    if data.task == "regression" or not own or set(own) & set(data.classes):
        return data
    by_text = {str(label): label for label in own}
    ordered = [label for label in data.classes if label != data.positive] + [data.positive] * (data.task == "binary")
    if all(str(label) in by_text for label in data.classes):
        codes = {label: by_text[str(label)] for label in data.classes}
    elif len(own) == len(ordered) and own == list(range(len(ordered))):
        codes = dict(zip(ordered, own, strict=True))
    else:
        return data
    said = listed(f"{code!r} for {label!r}" for label, code in codes.items())
    note = f"The model predicts codes, so the target was written in them: {said}. Check that this is what they mean."
    return replace(
        data,
        target=data.target.map(codes).infer_objects(),
        classes=tuple(sorted(codes.values())),
        positive=codes.get(data.positive),
        notes=(*data.notes, Finding("AUDIT-LABELS-CODED", "medium", note, str(data.target.name))),
    )
