"""What models say about drift: one that tells the tables apart, and the predictions of the model that is watched."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from toolkit.core import Estimate, side_by_side
from toolkit.data import Dataset, plain_column
from toolkit.drift.summary import PREDICTION, roles_of
from toolkit.errors import InputError
from toolkit.models import Model
from toolkit.statistics import LEAST_TIMES, AnyArray, Array, Codes, Mask, Units, permuted, roc_auc, smooth, weights_of

IMPORTANCE_ROWS = 2000


def importances(model: Model, data: Dataset, seed: int = 0) -> dict[str, float]:
    """Measure how much the model's output moves when one column is shuffled, as shares that add up to 1.

    Permutation importance of the predictions themselves rather than of
    their error, so that no labels are needed; on at most 2,000 rows.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from toolkit.data.load import as_dataset
    >>> frame = pd.DataFrame({"a": [0.0, 1, 2, 3], "b": [1.0, 0, 1, 0]})
    >>> importances(Model.of(LinearRegression().fit(frame, frame["a"])), as_dataset(frame, "t"))["a"] > 0.99
    True
    """
    rng = np.random.default_rng(seed)
    rows = data.sampled(IMPORTANCE_ROWS, rng)
    inputs, each = model.inputs(rows.features, data.name), weights_of(rows.units, rows.rows)
    before, order = model.outputs(inputs, data.name), rng.permutation(len(inputs))
    moved = []
    for after in permuted(lambda table: model.outputs(table, data.name), inputs, order):
        gap = np.abs(before - after) if before.dtype.kind == "f" else (before != after).astype(float)
        gap = gap.sum(axis=1) / 2 if gap.ndim == 2 else gap
        known = np.isfinite(gap)
        moved.append(float(np.average(gap[known], weights=each[known])))
    names = model.check_columns(rows.features, data.name).values()
    return {name: apart / (sum(moved) or 1.0) for name, apart in zip(names, moved, strict=True)}


def with_importance(data: Dataset, model: Model, seed: int = 0) -> tuple[Dataset, dict[str, float]]:
    """Put the model's predictions beside a table, and measure the importance of each of its columns to the model."""
    weights = importances(model, data, seed)
    named = {name: weights.get(name, 0.0) for name, role in roles_of(data).items() if role == "feature"}
    return with_prediction(data, data.features, model), named


def with_prediction(data: Dataset, features: pd.DataFrame, model: Model) -> Dataset:
    """Put what the model predicts from some features beside the columns of a table; no labels are needed.

    That is the score of the second class (two classes), the predicted label (more classes), or a number; rows of the
    table that the features lack have none.

    Raises
    ------
    InputError
        Where the model needs columns that the table does not have, or cannot take its cells.
    """
    if PREDICTION in roles_of(data):
        raise InputError(f"A column is called {PREDICTION!r}, the name under which predictions are kept. Rename it.")
    if (outputs := model.outputs(features, data.name) if len(features) else np.empty(0)).ndim == 2:
        outputs = np.array(model.classes or range(outputs.shape[1]), dtype=object)[outputs.argmax(axis=1)]
    found = pd.Series(outputs if outputs.dtype.kind == "f" else pd.Categorical([str(label) for label in outputs]))
    plain = plain_column(found.set_axis(features.index).rename(PREDICTION))[0]
    return replace(data, others=data.others.assign(**{PREDICTION: np.nan if plain is None else plain}))


MOST_ROWS, LEAST_ROWS = 5000, 30
FOLDS, TREES, THRESHOLD = 3, 40, 0.55
# Two folds that judge each other share one chance difference between the tables, which then counts twice: where there
# is nothing to find, the variance of the mean over folds is twice that of independent ones.
SHARED = 2.0
#: Odds of a current row above which the reference has as good as none like it.
FAR = 50.0
#: Share of the rows of a column with labels that the other table lacks, up to which it is compared.
MOST_STRANGE = 0.05
_LEAST, _MOST_LEARNT = 1e-9, 20_000


class Domain(NamedTuple):
    """How well rows of the two tables are told apart.

    Attributes
    ----------
    roc_auc : Estimate
        0.5 where they cannot be told apart, 1 where they always can.
    p_value, p_adjusted : float
        Of the rows being exchangeable; adjusted together with those of all columns.
    columns : dict of str to float
        How much the ROC AUC of one fold falls when a column is shuffled, the most telling first.
    rows : int
        Rows used of each table, at most.
    """

    roc_auc: Estimate
    p_value: float
    columns: Mapping[str, float]
    rows: int
    p_adjusted: float = np.nan

    def giveaways(self) -> list[str]:
        """Name the three columns at most that tell the most."""
        return [name for name, drop in self.columns.items() if drop >= 0.005][:3]


def units_of_both(tables: Sequence[Dataset], picked: Sequence[Codes]) -> Units | None:
    """Return what some rows of two tables belong to, if both say it, and weigh, one table below the other.

    Those are groups, which both may hold, or where one of the tables is a series the stretches of either.
    """
    if len(tables) < 2:
        return None
    parts = [part.take(at) for part, at in zip(tables, picked, strict=True)]
    series = any(part.ordered is not None and part.ordered.times >= LEAST_TIMES for part in tables)
    known: list[pd.Series] = []
    for whole, part, at, side in zip(tables, parts, picked, ("reference", "current"), strict=True):
        if part.group is not None:
            known.append(part.group)
        elif series and whole.ordered is not None and whole.ordered.times:
            known.append(pd.Series(whole.ordered.independent[0][at], name=part.roles.time).map(f"{side} {{}}".format))
    group = pd.concat(known, ignore_index=True) if len(known) == 2 else None
    each = [weights_of(part.units, part.rows) for part in parts]
    named = next((part.weight.name for part in parts if part.weight is not None), None)
    return Units.of(group, None, None if named is None else pd.Series(np.concatenate(each), name=named))


def tell_apart(reference: pd.DataFrame, current: pd.DataFrame, seed: int, units: Units | None = None) -> Domain | None:
    """Train a small boosted model to tell the tables apart, and judge it on rows it has not seen.

    A classifier two-sample test (Lopez-Paz & Oquab 2017, arXiv:1610.06545): three folds; on each the ROC AUC of the
    held-out rows with DeLong's variance, its p value by the Mann-Whitney variance under exchangeable rows. It sees what
    no column shows alone: a change in how columns are associated.

    Parameters
    ----------
    reference, current : DataFrame
        A sample of each table: ``int64``, ``float64`` and ``category`` columns of the same names.
    seed : int
    units : Units, optional
        Of the rows of both, where rows belong together or have weights: folds then hold whole groups, and influences
        are summed within them (Obuchowski 1997, doi:10.2307/2533958).

    Returns
    -------
    Domain or None
        None where one of the tables has fewer than 30 rows, groups or stretches, or there is no column.
    """
    n, m = len(reference), len(current)
    own, weights = np.arange(n + m) if units is None else units.codes, weights_of(units, n + m)
    if min(len(np.unique(own[:n])), len(np.unique(own[n:]))) < LEAST_ROWS or not reference.shape[1]:
        return None
    how = {"max_iter": TREES, "max_leaf_nodes": 15, "max_bins": 63, "random_state": seed}
    cells, each = coded(reference, current), weights if units and units.weights is not None else None
    side = np.repeat([0.0, 1.0], [n, m])
    fold = np.random.default_rng(seed).permutation(int(own.max()) + 1)[own] % FOLDS

    def learn(held: int) -> tuple[Any, ...]:
        judge = fold == held
        model, given = _fitted(cells, side, ~judge, each, how)
        found = roc_auc(side[judge], model.predict_proba(given[judge])[:, 1], weights[judge])
        if held < FOLDS - 1:
            return *found, None
        order = np.random.default_rng(seed).permutation(int(judge.sum()))
        table = pd.DataFrame(given[judge])
        shuffled = permuted(lambda rows: model.predict_proba(rows.to_numpy())[:, 1], table, order)
        return *found, found[0] - np.array([roc_auc(side[judge], one, weights[judge])[0] for one in shuffled])

    influence, areas, spread = np.empty(n + m), [], 0.0
    # The last fold, which shuffles the columns as well, takes longest and begins first.
    parts = side_by_side([partial(learn, held) for held in reversed(range(FOLDS))])[::-1]
    for held, (area, found, _) in enumerate(parts):
        influence[judge := fold == held] = found
        zeros, ones = (int((side[judge] == one).sum()) for one in (0, 1))
        spread += (ones + zeros + 1) / (12 * ones * zeros)
        areas.append(area)
    drops = parts[-1][2]
    value, influence = float(np.mean(areas)), influence * np.sqrt(SHARED)
    found = smooth(value, influence, weights, effective=min(n, m), method=f"DeLong, {FOLDS} dependent folds")
    p_value = float(stats.norm.sf((value - 0.5) / (np.sqrt(SHARED * spread) / FOLDS)))
    if units is not None:
        found, moved = found.over(units), weights * influence
        # There is no error to estimate where persons are the same in both tables, or all rows are told apart.
        if (error := units.standard_error(moved)) > 1e-9:
            p_value = float(stats.t.sf((value - 0.5) / error, max(units.freedom(moved), 1)))
    told = {str(reference.columns[place]): float(drops[place]) for place in np.argsort(-drops, kind="stable")}
    return Domain(found.estimate, p_value, told, max(n, m))


def _fitted(cells: Array, side: Array, rows: AnyArray, each: Array | None, how: dict[str, Any]) -> tuple[Any, Array]:
    """Fit trees that tell the tables apart on some rows, and return them with the cells as they take them.

    A column without any value in these rows, which scikit-learn refuses, is made one that never varies.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    given = np.where(np.isnan(cells[rows]).all(axis=0), 0.0, cells)
    model = HistGradientBoostingClassifier(**how, early_stopping=False)
    return model.fit(given[rows], side[rows], None if each is None else each[rows]), given


def coded(reference: pd.DataFrame, current: pd.DataFrame) -> Array:
    """Return the columns of both tables, one below the other, as numbers, of shape (n_reference + n_current, n).

    Labels by their frequency over both, the rarest first. Labels that are as frequent stand in alphabetical order: that
    of their appearance would tell the tables apart.
    """
    columns = []
    for name in reference.columns:
        both = [reference[name], current[name]]
        if isinstance(reference[name].dtype, pd.CategoricalDtype):
            labels = sorted({label for one in both for label in pd.Categorical(one).categories})
            codes = np.concatenate([pd.Categorical(one, labels).codes for one in both])
            counts = np.bincount(codes[codes >= 0], minlength=len(labels))
            columns.append(np.append(np.argsort(np.argsort(counts, kind="stable")), np.nan)[codes])
        else:
            columns.append(np.concatenate([one.to_numpy(dtype="float64", na_value=np.nan) for one in both]))
    return np.column_stack(columns)


def density_ratio(
    reference: pd.DataFrame, current: pd.DataFrame, seed: int = 0, units: Sequence[Units | None] = (None, None)
) -> tuple[Array, Mask]:
    """Estimate the ratio of the densities of two tables, at the rows of the first, by a classifier of the two.

    By cross-fitting, so that no row is judged by a model that has seen it (Bickel et al. 2009; of performance without
    labels Bialek et al. 2024, arXiv:2401.08348). A column of which more than 5% of either table's rows hold labels, or
    gaps, that the other lacks is recorded in another way and tells nothing of how alike rows are: it is left out.

    Parameters
    ----------
    reference, current : DataFrame
        ``int64``, ``float64`` and ``category`` columns; those of the same name are compared.
    seed : int
    units : pair of Units or None
        Groups of the rows of each, which lie in one fold where there are enough.

    Returns
    -------
    weights : array of shape (n_reference,)
        Of mean 1: they make the reference look like the current rows. Where rows have weights of their own these enter.
    supported : bool array of shape (n_current,)
        Whether the reference has rows like a current one, at least one for fifty.
    """
    names = []
    for name in reference.columns.intersection(current.columns, sort=False):
        both = [one.isna() if pd.api.types.is_numeric_dtype(one) else one for one in (reference[name], current[name])]
        rows = [counts[counts > 0] for counts in (one.value_counts(dropna=False) for one in both)]
        strange = [one[~one.index.isin(other.index)].sum() / one.sum() for one, other in (rows, rows[::-1])]
        names += [name] if max(strange) <= MOST_STRANGE else []
    n, m = len(reference), len(current)
    sizes = list(zip(units, (n, m), strict=True))
    each = np.concatenate([weights_of(part, rows) for part, rows in sizes])
    uneven = any(part is not None and part.weights is not None for part in units)
    if not names or min(n, m) < FOLDS:
        return each[:n], np.ones(m, dtype=bool)
    cells = coded(reference[names], current[names])
    side, rng = np.repeat([0.0, 1.0], [n, m]), np.random.default_rng(seed)
    owners = [part.codes if part and part.count >= FOLDS else np.arange(rows) for part, rows in sizes]
    fold = np.concatenate([(rng.permutation(int(owner.max()) + 1) % FOLDS)[owner] for owner in owners])
    how = {"max_iter": 60, "max_leaf_nodes": 15, "min_samples_leaf": 50, "learning_rate": 0.08, "random_state": seed}

    def odds_of(held: Mask, others: AnyArray) -> Any:
        fitted, given = _fitted(cells, side, others, each if uneven else None, how)
        chance = fitted.predict_proba(given[held])[:, 1]
        prior = np.average(side[others], weights=each[others])
        return chance / np.maximum(1 - chance, _LEAST) * (1 - prior) / prior

    odds, parts, tasks = np.empty(n + m), [fold == number for number in range(FOLDS)], []
    for held in parts:
        sides = [rng.permutation(np.flatnonzero(~held & (side == which))) for which in (0, 1)]
        tasks.append(partial(odds_of, held, np.concatenate([rows[:_MOST_LEARNT] for rows in sides])))
    for held, found in zip(parts, side_by_side(tasks), strict=True):
        odds[held] = found
    weights = odds[:n] * each[:n]
    return weights / weights.mean(), odds[n:] <= FAR
