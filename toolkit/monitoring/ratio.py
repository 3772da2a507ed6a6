"""How many times as frequent rows like those of the reference are among the current ones, and where there are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from toolkit.drift.domain import coded, learnable
from toolkit.statistics.intervals import Array

FOLDS, MOST_ROWS = 3, 20_000
#: Odds of a current row above which the reference has as good as none like it.
FAR = 50.0
#: Share of the rows of a column with labels that the other table lacks, up to which it is compared.
MOST_STRANGE = 0.05
_LEAST = 1e-9


@dataclass(frozen=True, eq=False)
class DensityRatio:
    """Weights that make the reference look like the current rows.

    Attributes
    ----------
    weights : array of shape (n_reference,)
        Of mean 1.
    supported : bool array of shape (n_current,)
        Whether the reference has rows like a current one, at least one for fifty.
    """

    weights: Array
    supported: NDArray[np.bool_]


def density_ratio(reference: pd.DataFrame, current: pd.DataFrame, seed: int = 0) -> DensityRatio:
    """Estimate the ratio of the densities of two tables, at the rows of the first, by a classifier of the two.

    By cross-fitting, so that no row is judged by a model that has seen it (Bickel et al. 2009; of performance without
    labels Bialek et al. 2024, arXiv:2401.08348). A column of which more than 5% of either table's rows hold labels, or
    gaps, that the other lacks is recorded in another way and tells nothing of how alike rows are: it is left out.

    Parameters
    ----------
    reference, current : DataFrame
        ``int64``, ``float64`` and ``category`` columns; those of the same name are compared.
    seed : int
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    names = [name for name in reference if name in current and _is_alike(reference[name], current[name])]
    n, m = len(reference), len(current)
    if not names or min(n, m) < FOLDS:
        return DensityRatio(np.ones(n), np.ones(m, dtype=bool))
    cells = coded(reference[names], current[names])
    side, rng = np.repeat([0.0, 1.0], [n, m]), np.random.default_rng(seed)
    fold = np.concatenate([rng.permutation(n) % FOLDS, rng.permutation(m) % FOLDS])
    model = HistGradientBoostingClassifier(
        max_iter=60, max_leaf_nodes=15, min_samples_leaf=50, learning_rate=0.08, early_stopping=False, random_state=seed
    )
    odds = np.empty(n + m)
    # Trees this small take longer to share out among threads than to grow.
    with threadpool_limits(limits=1, user_api="openmp"):
        for held in range(FOLDS):
            sides = [rng.permutation(np.flatnonzero((fold != held) & (side == which)))[:MOST_ROWS] for which in (0, 1)]
            others = np.concatenate(sides)
            given = learnable(cells, others)
            chance = model.fit(given[others], side[others]).predict_proba(given[fold == held])[:, 1]
            prior = side[others].mean()
            odds[fold == held] = chance / np.maximum(1 - chance, _LEAST) * (1 - prior) / prior
    weights = odds[:n]
    return DensityRatio(weights / weights.mean(), odds[n:] <= FAR)


def _is_alike(reference: pd.Series[Any], current: pd.Series[Any]) -> bool:
    """Whether the labels and gaps of most rows of either column occur in the other."""
    first, second = (one.isna() if pd.api.types.is_numeric_dtype(one) else one for one in (reference, current))
    known = [one.astype(object).where(one.notna(), None) for one in (first, second)]
    return all(bool((~one.isin(other.unique())).mean() <= MOST_STRANGE) for one, other in (known, known[::-1]))
