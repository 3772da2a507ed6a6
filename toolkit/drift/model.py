"""What a model has to say about drift: its predictions, and how much each column moves them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from toolkit.errors import InputError, listed, nearest
from toolkit.statistics.intervals import Array

PREDICTION = "model prediction"
IMPORTANCE_ROWS = 2000
MOST_CELLS = 5_000_000


def predicted(model: Any, features: pd.DataFrame, table: str) -> pd.Series[Any]:
    """Predict the rows of a table; no labels are needed.

    Returns
    -------
    Series of shape (n_rows,)
        The score of the second class (two classes), the predicted label (more classes), or a number.

    Raises
    ------
    InputError
        Where the model has no ``predict``, needs columns that the table does not have, or cannot take its cells.
    """
    outputs = _outputs(model, model_input(model, features, table), table)
    if outputs.dtype.kind == "f" and outputs.ndim == 1:
        return pd.Series(outputs)
    labels = outputs
    if outputs.ndim == 2:
        labels = np.asarray(getattr(model, "classes_", np.arange(outputs.shape[1])))[outputs.argmax(axis=1)]
    return pd.Series(pd.Categorical([str(label) for label in labels]))


def model_input(model: Any, features: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return the columns that a model was fitted on, in its order; all of them where it does not say."""
    if isinstance(model, type) or not hasattr(model, "predict"):
        raise InputError(f"A fitted model with a 'predict' method is needed; found {type(model).__name__}.")
    expected = getattr(model, "feature_names_in_", None)
    if expected is None:
        return features
    absent = [str(name) for name in expected if name not in features.columns]
    if absent:
        near = nearest(absent[0], map(str, features.columns))
        raise InputError(f"The model needs columns that {table} does not have: {listed(absent)}.{near}")
    return features[list(expected)]


def importances(model: Any, features: pd.DataFrame, table: str, seed: int = 0) -> dict[str, float]:
    """Measure how much the model's output moves when one column is shuffled, as shares that add up to 1.

    Permutation importance (Breiman 2001, doi:10.1023/A:1010933404324) of the predictions themselves rather than of
    their error, so that no labels are needed; on at most 2,000 rows.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> frame = pd.DataFrame({"a": [0.0, 1, 2, 3], "b": [1.0, 0, 1, 0]})
    >>> importances(LinearRegression().fit(frame, frame["a"]), frame, "t")["a"] > 0.99
    True
    """
    inputs = model_input(model, features, table)
    rng = np.random.default_rng(seed)
    if len(inputs) > IMPORTANCE_ROWS:
        inputs = inputs.iloc[np.sort(rng.choice(len(inputs), IMPORTANCE_ROWS, replace=False))]
    before, order = _outputs(model, inputs, table), rng.permutation(len(inputs))
    moved: dict[str, float] = {}
    names = list(inputs.columns)
    at_once = max(1, MOST_CELLS // max(1, inputs.size))  # most of the time of a call does not depend on its rows
    for start in range(0, len(names), at_once):
        some = names[start : start + at_once]
        shuffled = pd.concat([inputs.assign(**{name: inputs[name].array[order]}) for name in some], ignore_index=True)
        after = np.split(_outputs(model, shuffled, table), len(some))
        moved |= {str(name): _apart(before, outputs) for name, outputs in zip(some, after, strict=True)}
    total = sum(moved.values())
    return {name: share / total if total else 0.0 for name, share in moved.items()}


def _outputs(model: Any, inputs: pd.DataFrame, table: str) -> Any:
    """Return scores (n,), probabilities (n, classes), numbers (n,) or labels (n,), whichever the model has first."""
    problem = ""
    try:
        if hasattr(model, "predict_proba"):
            chances = np.asarray(model.predict_proba(inputs), dtype=float)
            return chances[:, 1] if chances.shape[1] == 2 else chances
        if hasattr(model, "decision_function"):
            return np.asarray(model.decision_function(inputs), dtype=float)
        return np.asarray(model.predict(inputs)).ravel()
    except (ValueError, TypeError, KeyError) as error:
        problem = str(error).splitlines()[0] if str(error) else type(error).__name__
    raise InputError(f"The model cannot predict {table}: {problem}")


def _apart(before: Any, after: Any) -> float:
    if before.dtype.kind != "f":
        return float((before != after).mean())
    moved: Array = np.abs(before - after)
    return float(np.nanmean(moved.sum(axis=1) / 2 if moved.ndim == 2 else moved))
