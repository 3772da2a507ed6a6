"""What a model has to say about drift: its predictions, and how much each column moves them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from toolkit.data.columns import plain_column
from toolkit.data.dataset import Dataset
from toolkit.drift.summary import PREDICTION, roles_of
from toolkit.errors import InputError
from toolkit.models.model import Model
from toolkit.statistics.intervals import Array
from toolkit.statistics.permutation import permuted

IMPORTANCE_ROWS = 2000


def importances(model: Model, features: pd.DataFrame, table: str, seed: int = 0) -> dict[str, float]:
    """Measure how much the model's output moves when one column is shuffled, as shares that add up to 1.

    Permutation importance of the predictions themselves rather than of
    their error, so that no labels are needed; on at most 2,000 rows.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> frame = pd.DataFrame({"a": [0.0, 1, 2, 3], "b": [1.0, 0, 1, 0]})
    >>> importances(Model.of(LinearRegression().fit(frame, frame["a"])), frame, "t")["a"] > 0.99
    True
    """
    inputs = model.inputs(features, table)
    rng = np.random.default_rng(seed)
    if len(inputs) > IMPORTANCE_ROWS:
        inputs = inputs.iloc[np.sort(rng.choice(len(inputs), IMPORTANCE_ROWS, replace=False))]
    before, order = model.outputs(inputs, table), rng.permutation(len(inputs))
    shuffled = permuted(lambda rows: model.outputs(rows, table), inputs, order[None])
    moved = [_apart(before, after[0]) for after in shuffled]
    return {str(name): apart / (sum(moved) or 1.0) for name, apart in zip(inputs.columns, moved, strict=True)}


def with_importance(data: Dataset, model: Model, seed: int = 0) -> tuple[Dataset, dict[str, float]]:
    """Put the model's predictions beside a table, and measure the importance of each of its columns to the model."""
    weights = importances(model, data.features, data.name, seed)
    named = {name: weights.get(name, 0.0) for name, role in roles_of(data).items() if role == "feature"}
    return with_prediction(data, data.features, model), named


def with_prediction(data: Dataset, features: pd.DataFrame, model: Model) -> Dataset:
    """Put what the model predicts from some features beside the columns of a table; no labels are needed.

    That is the score of the second class (two classes), the predicted label (more classes), or a number.

    Raises
    ------
    InputError
        Where the model needs columns that the table does not have, or cannot take its cells.
    """
    if PREDICTION in roles_of(data):
        raise InputError(f"A column is called {PREDICTION!r}, the name under which predictions are kept. Rename it.")
    outputs = model.outputs(features, data.name)
    if outputs.ndim == 2:
        outputs = np.array(model.classes or range(outputs.shape[1]), dtype=object)[outputs.argmax(axis=1)]
    found = pd.Series(outputs if outputs.dtype.kind == "f" else pd.Categorical([str(label) for label in outputs]))
    plain = plain_column(found.set_axis(data.features.index).rename(PREDICTION))[0]
    return replace(data, others=data.others.assign(**{PREDICTION: np.nan if plain is None else plain}))


def _apart(before: Any, after: Any) -> float:
    if before.dtype.kind != "f":
        return float((before != after).mean())
    moved: Array = np.abs(before - after)
    return float(np.nanmean(moved.sum(axis=1) / 2 if moved.ndim == 2 else moved))
