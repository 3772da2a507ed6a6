"""What a comparison is about: two models and a table, or a table with the predictions of both."""

from __future__ import annotations

from typing import Any, Unpack

from toolkit.data.dataset import Dataset
from toolkit.data.read import read_table
from toolkit.data.roles import Options, given, listed_names
from toolkit.errors import InputError
from toolkit.models.load import load_audit, load_model
from toolkit.models.model import Model
from toolkit.models.prediction_file import load_predictions


def load_comparison(
    *,
    champion: Any,
    challenger: Any,
    data: Any = "",
    predictions: Any = "",
    target: str = "",
    y_true: str = "y_true",
    **options: Unpack[Options],
) -> tuple[Model, Model, Dataset]:
    """Load two models with the rows on which they are compared, or the recorded predictions of both.

    Parameters
    ----------
    champion, challenger : str or estimator
        Addresses for ``load_model``, or the fitted models. Beside ``predictions`` the names of the columns that hold
        their scores, or their labels or numbers.
    data : str, path or DataFrame
        As for ``load_dataset``; read by the challenger's schema.
    predictions : str, path or DataFrame
        A table with the truth and both models' predictions, instead of ``data``.
    target, y_true : str
        The column to predict in ``data``, and in ``predictions``.
    **options
        As for ``load_dataset``.

    Returns
    -------
    (champion, challenger, data)

    Raises
    ------
    InputError
        Where one of the two, or the rows, are not given or cannot be loaded.

    Examples
    --------
    >>> import pandas as pd
    >>> rows = pd.DataFrame({"y_true": [0, 1] * 5, "old": [0.4, 0.6] * 5, "new": [0.1, 0.9] * 5})
    >>> old, new, data = load_comparison(champion="old", challenger="new", predictions=rows)
    >>> old.predict_proba(data.features)[:2, 1].tolist(), new.predict_proba(data.features)[:2, 1].tolist()
    ([0.4, 0.6], [0.1, 0.9])
    """
    for name, model in (("champion", champion), ("challenger", challenger)):
        if given(model) is None:
            raise InputError(f"A comparison needs a {name}: a model, or beside predictions the name of its column.")
    if (given(data) is None) == (given(predictions) is None):
        raise InputError("Give data to compare the models on, or predictions that hold both models' columns.")
    if given(predictions) is None:
        newer, dataset = load_audit(model=challenger, data=data, target=target, **options)
        return load_model(champion) if isinstance(champion, str) else Model.of(champion), newer, dataset
    table = read_table(predictions)
    names = list(table.frame.columns)
    truth = set(table.frame[y_true].dropna().unique()) if y_true in names else set()
    left, found = listed_names(options.get("drop"), names), []
    for own in (champion, challenger):
        others = [name for name in (champion, challenger, "y_pred", "y_score") if name != own and name in names]
        labels = own in names and set(table.frame[own].dropna().unique()) <= truth
        options["drop"] = [*left, *others]
        column = {"y_pred" if labels else "y_score": own}
        recorded, dataset = load_predictions(table, y_true=y_true, **column, **options)
        found.append(Model.of(recorded, dataset))
    return found[0], found[1], dataset
