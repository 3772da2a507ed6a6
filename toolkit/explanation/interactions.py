"""Which pairs of columns move the score together, beyond what each does alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from toolkit.explanation.attribution import Attributor
from toolkit.explanation.importance import mean_magnitude
from toolkit.statistics.intervals import Array

ROWS = 25
MOST_PAIRS = 10
_MOST_COLUMNS = 200


def interaction_table(attributor: Attributor, features: pd.DataFrame, shap_values: Array) -> pd.DataFrame:
    """Measure the strongest interactions of trees (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9).

    An interaction is what two columns are attributed together, both halves of it. As they take long, only the first 25
    rows are looked at, and neither deep forests nor trees with a background given; linear models have none, and for
    other models they are not available.

    Parameters
    ----------
    attributor : Attributor
    features : DataFrame
        Rows in random order.
    shap_values : array of shape (rows, columns, outputs)
        Their attributions. Interactions that do not add up to them, as with splits on categories that shap cannot read,
        are not given.

    Returns
    -------
    DataFrame
        ``first, second, mean_abs_interaction`` (Estimate), the ten strongest pairs; without rows where there are none.
    """
    empty = pd.DataFrame(columns=["first", "second", "mean_abs_interaction"])
    if attributor.interact is None or not 2 <= features.shape[1] <= _MOST_COLUMNS:
        return empty
    try:
        values = attributor.interact(features.iloc[:ROWS])
    except Exception:  # noqa: BLE001  # shap raises bare Exceptions where it explains a model but not its interactions
        return empty
    if np.abs(values.sum(axis=2) - shap_values[:ROWS]).max() > 1e-3 * np.abs(shap_values[:ROWS]).max():
        return empty
    first, second = np.triu_indices(features.shape[1], 1)
    sizes = 2 * np.abs(values[:, first, second]).mean(axis=2)
    strongest = np.argsort(-sizes.mean(axis=0), kind="stable")[:MOST_PAIRS]
    unit = float(sizes.max(initial=0.0))
    names = [str(name) for name in features.columns]
    found = [pair for pair in strongest if sizes[:, pair].any()]
    rows = [(names[first[pair]], names[second[pair]], mean_magnitude(sizes[:, pair], unit)) for pair in found]
    return pd.DataFrame(rows, columns=empty.columns)
