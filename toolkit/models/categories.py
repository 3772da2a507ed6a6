"""Categories as a fitted model knows them: features write every label as text, and its encoders may know numbers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from toolkit.data.contract import encoded_labels, is_text


def as_fitted(model: Any, features: pd.DataFrame) -> pd.DataFrame:
    """Write labels as the numbers that a model was fitted on, and numbers as the categories that it takes.

    Parameters
    ----------
    model : estimator
        Fitted on a table, with encoders of its own; XGBoost, LightGBM and scikit-learn's boosting have such inside.
    features : DataFrame
        As a Dataset has them.

    Returns
    -------
    DataFrame
        A column with a label that is no number stays as it is.

    Examples
    --------
    >>> from lightgbm import LGBMClassifier
    >>> rows = pd.DataFrame({"floor": pd.Categorical([3, 1] * 50)})
    >>> fitted = LGBMClassifier(verbose=-1).fit(rows, [0, 1] * 50)
    >>> as_fitted(fitted, rows.astype(str).astype("category"))["floor"].cat.categories.tolist()
    [1, 3]
    """
    inner = getattr(model, "best_estimator_", model)
    takes_categories, written = hasattr(inner, "booster_") or hasattr(inner, "get_booster"), {}
    for name, labels in encoded_labels(inner).items():
        if name not in features or any(isinstance(label, str) for label in labels):
            continue
        column = features[name]
        cells = column.astype(object).replace({"False": 0, "True": 1}) if is_text(column) else column
        numbers = pd.to_numeric(cells, errors="coerce")
        if numbers.notna().equals(column.notna()):
            kept = pd.CategoricalDtype(list(labels))
            written[name] = numbers.astype(kept) if takes_categories else numbers
    return features.assign(**written) if written else features
