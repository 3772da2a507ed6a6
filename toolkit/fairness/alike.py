"""How alike a model treats like rows: those near each other, and the same ones with another value in one column."""

from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from toolkit.core import Estimate
from toolkit.data import Dataset
from toolkit.models import Model, make_model, predict
from toolkit.statistics import Units, cell_text, kish, mean, share, weights_of
from toolkit.statistics.intervals import Array, Codes, Mask, t_quantile, wald, wilson

MOST_VALUES = 8
#: Quantiles that stand for a number with more values than that.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: Beyond so many times the median distance from the median numbers count as equally far out.
REACH = 20


def nearest_rows(features: pd.DataFrame, asked: int, neighbours: int) -> Codes:
    """Find the nearest other rows of each of the first ``asked`` rows.

    By Euclidean distance, numbers standardized, other columns one-hot: the encoding that a linear model gets. Numbers
    are first held within twenty times the median distance from the median (of the rows that are not at it; as Huber
    1981, doi:10.1002/0471725250, would), so that a single wild value does not make all others alike.

    Parameters
    ----------
    features : DataFrame of shape (n_rows, n_columns)
    asked, neighbours : int

    Returns
    -------
    array of shape (asked, neighbours)
        Codes, the nearest first. Fewer columns where there are fewer rows, none where no column has a value.

    Examples
    --------
    >>> nearest_rows(pd.DataFrame({"age": [20.0, 50, 23, 58]}), 2, 1)
    array([[2],
           [3]])
    """
    if (keep := min(neighbours, len(features) - 1)) < 1 or not features.notna().any().any():
        return np.empty((asked, 0), dtype=np.intp)
    numbers = features.select_dtypes("number").astype(float)
    middle = numbers.median()
    apart = (numbers - middle).abs()
    reach = REACH * apart[apart > 0].median().fillna(0)
    features = pd.DataFrame({**features, **numbers.clip(middle - reach, middle + reach, axis=1)}, copy=False)
    encoded = make_model(KNeighborsClassifier(), features)[0].fit_transform(features)
    search = NearestNeighbors(n_neighbors=keep + 1, algorithm="brute").fit(encoded)
    found: Codes = search.kneighbors(encoded[:asked], return_distance=False)
    # A row is not its own neighbour; among many equal rows the search may not have met it, then the last one goes.
    own = found == np.arange(asked)[:, None]
    own[~own.any(axis=1), -1] = True
    return np.asarray(found[~own].reshape(asked, keep))


def random_rows(rows: int, asked: int, neighbours: int) -> Codes:
    """Return for each of the first ``asked`` rows the next ones, which in an order drawn by chance are any rows."""
    return np.asarray((np.arange(asked)[:, None] + np.arange(1, min(neighbours, rows - 1) + 1)) % max(rows, 1))


def consistency(outcome: Array, near: Codes, *, classes: bool, units: Units | None = None) -> Estimate:
    """Estimate one minus the mean difference between a row's outcome and each of its neighbours' (Zemel et al. 2013).

    A row that is near to many weighs in many pairs, so pairs that share a row are taken to go together (Aronow et al.
    2015, doi:10.1093/pan/mpv018), and so are pairs that share a unit where rows belong together; the interval is
    Wald's on the logit scale.

    Parameters
    ----------
    outcome : array of shape (n,)
        Class codes, or numbers in [0, 1].
    near : array of shape (asked, neighbours)
        From ``nearest_rows``.
    classes : bool
        Whether outcomes differ or not; if not, their distance counts.
    units : Units, optional
        What the rows of ``outcome`` belong to and weigh.

    Examples
    --------
    >>> outcome = np.repeat([0.0, 1.0], 50)
    >>> near = np.arange(100)[:, None] // 50 * 50 + np.arange(5)
    >>> print(consistency(outcome, near, classes=True))
    1.000 [0.963, 1.000]
    """
    asked, neighbours = near.shape
    if near.size == 0:
        return Estimate(np.nan, n=asked, method="no neighbours")
    weights = weights_of(units, len(outcome))
    own, others = np.repeat(outcome[:asked], neighbours), outcome[near.ravel()]
    apart = (own != others).astype(float) if classes else np.abs(own - others)
    # A row counts by its weight, and its neighbours share that by theirs.
    shares = weights[near]
    pairs = weights[:asked, None] * shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
    each = (pairs / pairs.mean()).ravel()
    distance = float(np.average(apart, weights=each))
    value = 1 - distance
    codes, size = units.independent if units else (np.arange(len(outcome)), len(outcome))
    first, second = codes[np.repeat(np.arange(asked), neighbours)], codes[near.ravel()]
    error = each * (apart - distance)
    asking, strangers = np.bincount(first, error, size), error * (first != second)
    either = asking + np.bincount(second, strangers, size)
    # Pairs that share both ends were counted twice.
    _, pair = np.unique(np.minimum(first, second) * size + np.maximum(first, second), return_inverse=True)
    both = np.bincount(pair, strangers)
    deviation = np.sqrt(max(float(either @ either - both @ both), float(asking @ asking))) / len(apart)
    count, said = len(np.unique(codes[:asked])) / kish(weights[:asked]), f"; {units}" if units else ""
    if 0 < value < 1 and deviation > 1e-12:
        deviation *= np.sqrt(count / max(count - 1, 1)) if units else 1.0
        ends = wald(value, deviation, "logit", t_quantile(count))
        return Estimate(value, *ends, asked, f"pairs that share a row go together, logit scale{said}")
    return Estimate(value, *wilson(value * count, count), asked, f"Wilson{said}")


def change_column(model: Model, data: Dataset, column: str, name: str) -> tuple[dict[str, Estimate], pd.DataFrame]:
    """Change one column to each of its values, and see what the model then says.

    Parameters
    ----------
    model : Model
    data : Dataset
    column, name : str
        The feature, and what to call it.

    Returns
    -------
    (dict of str to Estimate, DataFrame)
        ``flip_rate`` (classes only) and ``score_change`` over all values, and a row a value: ``feature, changed_to,
        rows, flip_rate, gained, lost, score_change``, as far as they apply. Exactly 0 and no rows where the model is
        not given the column.
    """
    given, wanted = data.features, ["flip_rate", "score_change"][data.task == "regression" :]
    if column not in model.check_columns(given, data.name).values():
        never = Estimate(0.0, n=data.rows, method="exact: the model is not given this column")
        return dict.fromkeys(wanted, never), pd.DataFrame()
    before = predict(model, data)
    unit = 1.0 if before.probabilities else float(np.ptp(before.y_pred)) or 1.0
    flipped, moved, times = np.zeros(data.rows), np.zeros(data.rows), np.zeros(data.rows)
    labels, rows = data.sensitive.get(column, given[column]), []
    counts = given[column].dropna().value_counts()
    values = [value for value in counts.index[:MOST_VALUES] if counts[value] > 0]
    if pd.api.types.is_numeric_dtype(given[column]) and len(counts) > MOST_VALUES:
        values = [*np.unique(np.quantile(given[column].dropna(), QUANTILES, method="nearest"))]
    for value in values:
        if not (other := (given[column] != value).to_numpy()).any():
            continue
        changed = pd.Series(value, index=given.index, dtype=given[column].dtype)
        after = predict(model, replace(data, features=pd.DataFrame({**given, column: changed}, copy=False)))
        # Each row is 0 where its decision stays, else 1, or -1 where it turns from positive to negative.
        turned = np.asarray(after.y_pred != before.y_pred, dtype=float)
        if at := model.threshold:
            turned = after.decide(at.value) - before.decide(at.value)
        # Its score moves by the difference; of several classes by half the sum of all, of labels by 0 or 1.
        move = np.abs(after.y_pred - before.y_pred)
        if before.y_prob is not None and after.y_prob is not None:
            move = np.abs(after.y_prob - before.y_prob).sum(axis=1) / 2
        elif not before.scored or len(before.classes) > 2:
            move = np.abs(turned)
        flipped, moved, times = np.maximum(flipped, np.abs(turned) * other), moved + move * other, times + other
        changed_to = cell_text(labels[~other].iloc[0], column in data.dates)
        named = {"feature": name, "changed_to": changed_to, "rows": int(other.sum())}
        rows.append(named | _numbers(turned[other], move[other], data, other, unit))
    counted = times > 0
    numbers = _numbers(flipped[counted], moved[counted] / times[counted], data, counted, unit)
    return {key: numbers[key] for key in wanted}, pd.DataFrame(rows)


def _numbers(turned: Array, moved: Array, data: Dataset, rows: Mask, unit: float) -> dict[str, Estimate]:
    """Return the share of rows whose decision turns, for two classes also each way, and how far scores move."""
    units, kinds = data.units, {"flip_rate": turned != 0, "gained": turned > 0, "lost": turned < 0}
    units = units.take(rows) if units else None
    weights = weights_of(units, len(turned))
    names = {"binary": [*kinds], "multiclass": ["flip_rate"], "regression": []}[data.task]
    found = {key: share(kinds[key].astype(float), weights) for key in names}
    found["score_change"] = mean(moved, weights, unit=unit)
    return {key: one.over(units).estimate for key, one in found.items()}
