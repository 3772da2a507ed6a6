"""How well each feature alone predicts the target: what predicts it perfectly was probably not known before it."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.statistics.ranking import roc_auc

MOST_ROWS = 50_000
MOST_BINS = 256
LEAST_ROWS = 40
LEAST_OF_A_CLASS = 5

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]


def leakage_scores(features: pd.DataFrame, target: pd.Series[Any], task: str) -> dict[str, float]:
    """Score each feature alone on rows it was not fitted on.

    A feature is cut into its values, or into up to 256 quantile bins; the target's level in each bin is learnt on one
    half of the rows and judged on the other. Missing is a bin of its own. At most 50,000 rows are used.

    Parameters
    ----------
    features : DataFrame of shape (n_rows, n_columns)
    target : Series of shape (n_rows,)
    task : {"binary", "multiclass", "regression"}

    Returns
    -------
    dict of str to float
        ROC AUC (for several classes the mean of one against the rest, weighted by class), or R² of the target's
        ranks; 1 is perfect. No score for tables with
        fewer than 40 rows, or with fewer than 5 of a class on either half.

    Examples
    --------
    >>> y = pd.Series(np.arange(200) % 2)
    >>> leakage_scores(pd.DataFrame({"a": y * 3 + 1, "b": 7.0}), y, "binary")
    {'a': 1.0, 'b': 0.5}
    """
    rows = len(target)
    if rows < LEAST_ROWS:
        return {}
    order = np.random.default_rng(0).permutation(rows)[:MOST_ROWS]
    fit, judge = order[: len(order) // 2], order[len(order) // 2 :]
    if task == "regression":
        ranks = target.rank().to_numpy().astype("float64")
        return {
            str(name): _rank_r2(_bins(column, fit), ranks, fit, judge)
            for name, column in features.items()
            if np.ptp(ranks[judge]) > 0
        }
    classes = pd.factorize(target, sort=True)[0].astype("int64")
    size = int(classes.max()) + 1
    least = min(np.bincount(classes[half], minlength=size).min() for half in (fit, judge))
    if least < LEAST_OF_A_CLASS:
        return {}
    return {str(name): _auc(_bins(column, fit), classes, size, fit, judge) for name, column in features.items()}


def copies_target(column: pd.Series[Any], target: pd.Series[Any], task: str) -> bool:
    """Tell whether a feature is the target under other labels, or in regression rises (or falls) exactly with it.

    Examples
    --------
    >>> copies_target(pd.Series(["x", "y", "x"]), pd.Series([0, 1, 0]), "binary")
    True
    """
    if task == "regression":
        if column.isna().any() or isinstance(column.dtype, pd.CategoricalDtype):
            return False
        mine, ranks = column.rank().to_numpy(), target.rank().to_numpy()
        return bool((mine == ranks).all() or (mine == len(mine) + 1 - ranks).all())
    mine = pd.factorize(column, use_na_sentinel=False)[0].astype("int64")
    theirs = pd.factorize(target)[0].astype("int64")
    width = int(theirs.max()) + 1
    return int(mine.max()) + 1 == width == len(np.unique(mine * width + theirs))


def _bins(column: pd.Series[Any], fit: Codes) -> Codes:
    """Give each row the number of its value or quantile bin; 0 stands for missing."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy().astype("int64") + 1
    values = column.to_numpy(dtype="float64")
    known = np.unique(values[fit][~np.isnan(values[fit])])
    if not len(known):
        return np.zeros(len(values), dtype="int64")
    if len(known) > MOST_BINS:
        sample = values[fit][~np.isnan(values[fit])]
        bins = max(2, min(MOST_BINS, len(sample) // 10))
        known = np.unique(np.quantile(sample, np.linspace(0, 1, bins + 1)[1:-1]))
        codes = np.searchsorted(known, values, side="right") + 1
    else:
        middles = (known[1:] + known[:-1]) / 2
        codes = np.searchsorted(middles, values, side="left") + 1
    return cast("Codes", np.where(np.isnan(values), 0, codes).astype("int64"))


def _auc(bins: Codes, classes: Codes, size: int, fit: Codes, judge: Codes) -> float:
    """Mean one-against-the-rest ROC AUC of the class shares per bin, weighted by class, with ties counted half."""
    height = int(bins.max()) + 1
    learnt = np.bincount(bins[fit] * size + classes[fit], minlength=height * size).reshape(height, size)
    prior = learnt.sum(axis=0) / learnt.sum()
    rates = ((learnt + prior) / (learnt.sum(axis=1, keepdims=True) + 1))[bins[judge]]
    which = [size - 1] if size == 2 else list(range(size))
    areas = [roc_auc(np.asarray(classes[judge] == label, dtype=float), rates[:, label])[0] for label in which]
    return float(np.average(areas, weights=np.bincount(classes[judge], minlength=size)[which]))


def _rank_r2(bins: Codes, ranks: Floats, fit: Codes, judge: Codes) -> float:
    height = int(bins.max()) + 1
    counts = np.bincount(bins[fit], minlength=height)
    mean = ranks[fit].mean()
    levels = (np.bincount(bins[fit], ranks[fit], minlength=height) + mean) / (counts + 1)
    errors = ranks[judge] - levels[bins[judge]]
    return float(1 - (errors @ errors) / ((ranks[judge] - ranks[judge].mean()) ** 2).sum())
