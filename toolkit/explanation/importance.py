"""How much each column moves the score: rows drawn until it is known well enough, intervals, and ranks with ties."""

import time
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import stats
from scipy.fft import dct
from scipy.spatial.distance import squareform

from toolkit.core import Estimate
from toolkit.data import Dataset
from toolkit.explanation.attribution import Attributor
from toolkit.statistics import ALPHA, Array, Codes, Units, holm, kish, mean, weights_of

REPORTED, EXPLORED = 10, 15
_BATCH = {"tree": 250, "linear": 250, "permutation": 10}


class Drawn(NamedTuple):
    """Explained rows, in the order in which they were drawn.

    Attributes
    ----------
    positions : array of shape (n,)
        Of the rows in the table.
    shap_values : array of shape (n, columns, outputs)
        Attributions.
    output : array of shape (n, outputs)
        What the model says of each row.
    stopped : {"precision", "table", "rows", "time"}
        Why no more were drawn: precise enough, the table ended, or the budget did.
    units : Units or None
        The independent observations that they belong to; None where these are the rows.
    """

    positions: Codes
    shap_values: Array
    output: Array
    stopped: str
    units: Units | None


def draw_rows(explainer: Attributor, data: Dataset, *, precision: float, most: int, seconds: float, seed: int) -> Drawn:
    """Explain rows in random order until each reported importance is known to a share of itself.

    After each batch the standard error of the mean |attribution| of the ten foremost columns is compared with
    ``precision`` times that mean. With a fixed number of rows at first and many after, stopping by such a rule leaves
    the intervals valid (Chow & Robbins 1965, doi:10.1214/aoms/1177700156).

    Parameters
    ----------
    explainer : Attributor
    data : Dataset
    precision : float
    most : int
        Rows at most.
    seconds : float
        No batch begins later than this.
    seed : int
        Of the order of the rows.
    """
    order = np.random.default_rng(seed).permutation(data.rows)
    size, started = _BATCH[explainer.method], time.monotonic()
    found, stopped, done = list[tuple[Array, Array]](), "", 0
    while not stopped:
        batch = order[done : min(done + size, most)]
        found.append(explainer.attribute(data.features.iloc[batch]))
        values, output = (np.concatenate(parts) for parts in zip(*found, strict=True))
        done += len(batch)
        # Stopped by the errors, never by the ranks: a rule that waits for a wanted order would find it by chance.
        few = data.units and data.units.take(order[:done])
        # Where nothing has been attributed yet, rows that are rare may still be.
        precise = values.any() and (relative_errors(magnitudes(values), few) <= precision).all()
        late = time.monotonic() - started > seconds
        ends = {"precision": precise, "table": done == data.rows, "rows": done >= most, "time": late}
        stopped = next((why for why, ended in ends.items() if ended), "")
    return Drawn(order[:done], values, output, stopped, few)


def magnitudes(values: Array) -> Array:
    """Return |attribution| of each row and column, its mean over the outputs; shape (rows, columns)."""
    return np.asarray(np.abs(values).mean(axis=2))


def relative_errors(sizes: Array, units: Units | None = None) -> Array:
    """Return the standard error of each of the ten largest means as a share of that mean; infinite for one row.

    Columns whose attributions are all 0 need no more rows.
    """
    unit = float(sizes.max(initial=0.0)) or 1.0
    centre = np.average(sizes, axis=0, weights=weights_of(units, len(sizes))) / unit
    foremost = np.argsort(-centre, kind="stable")[:REPORTED]
    if not len(foremost := foremost[centre[foremost] > 0]) or len(sizes) < 2:
        return np.full(len(foremost), np.inf)
    spread = np.diag(np.atleast_2d(covariance_of_means(sizes[:, foremost] / unit, units)))
    return np.asarray(np.sqrt(spread) / centre[foremost])


def covariance_of_means(values: Array, units: Units | None) -> Array:
    """Return the covariance of the means of columns over rows, or over the independent observations of these."""
    if units is None:
        return np.asarray(np.cov(values, rowvar=False) / len(values))
    each = weights_of(units, len(values))[:, None]
    sums = np.apply_along_axis(units.sums, 0, each * (values - (each * values).mean(axis=0)))
    if units.kind == "time":
        sums = dct(sums, axis=0, norm="ortho")[1 : units.independent[1] + 1]
    share = units.independent[1] if units.kind == "time" else max(units.count - 1, 1)
    return np.asarray(sums.T @ sums * (units.count / share / len(values) ** 2))


def mean_magnitude(sizes: Array, unit: float, units: Units | None = None) -> Estimate:
    """Estimate one mean |attribution| by Student's t on the log scale.

    A column whose attributions are all 0 might differ on rows not seen: the rule of three, with ``unit``, the largest
    magnitude of any column, bounds it. Where no column ever is, there is nothing to bound it by, and no interval.

    Examples
    --------
    >>> print(mean_magnitude(np.arange(1.0, 101.0), 100.0), mean_magnitude(np.zeros(100), 100.0))
    50.50 [44.98, 56.69] 0.000 [0.000, 3.000]
    """
    if not unit:
        return Estimate(0.0, n=len(sizes), method="no interval: attributions are all 0")
    return mean(sizes / unit, weights_of(units, len(sizes))).over(units).estimate.times(unit)


def rank_intervals(sizes: Array, units: Units | None = None) -> tuple[Codes, Codes]:
    """Return the best and the worst rank that each column's mean could have; columns that overlap are tied.

    All pairs of columns are compared on the same rows by paired t tests, adjusted by Holm's method, so that with 95%
    confidence all ranks at once lie within. A column ranks behind those that are larger beyond doubt and before those
    that are smaller (Al Mohamad et al. 2022, doi:10.1111/biom.13419).

    Parameters
    ----------
    sizes : array of shape (rows, columns)
    units : Units, optional
        The independent observations of the rows.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> best, worst = rank_intervals(rng.random((200, 3)) * [1.0, 1.0, 9.0])
    >>> best.tolist(), worst.tolist()
    ([2, 2, 1], [3, 3, 1])
    """
    rows, columns = sizes.shape
    if (count := units.count if units else rows) < 2 or columns < 2:
        return np.ones(columns, dtype=np.intp), np.full(columns, columns, dtype=np.intp)
    scaled = sizes / (float(sizes.max(initial=0.0)) or 1.0)
    weights = weights_of(units, rows)
    centre, spread = np.average(scaled, axis=0, weights=weights), covariance_of_means(scaled, units)
    # Columns are measured on the same rows: what moves both alike cancels in the variance of their difference.
    variance = np.diag(spread)
    # One observation more is reckoned with, at the furthest seen, so that a few without variation decide nothing.
    observed = weights[:, None] * scaled
    observed = np.apply_along_axis(units.sums, 0, observed) * (count / rows) if units else observed
    furthest = observed.max(axis=0)
    one_more = (furthest[:, None] + furthest[None]) / count
    error = np.sqrt(np.maximum(variance[:, None] + variance[None] - 2 * spread, 0) + one_more**2)
    apart = centre[:, None] - centre[None]
    first, second = np.triu_indices(columns, 1)
    # An error of 0 means that both columns are 0 on every row; their difference is 0 too, and stays a tie.
    ratio = np.abs(apart) / np.where(error > 0, error, 1.0)
    freedom = units.independent[1] if units and units.kind == "time" else count / kish(weights) - 1
    # larger[i, j]: column i is above j beyond doubt. A column's best place is behind all that are above it, its worst
    # before all that it is above; ranks are wrong only if one of the comparisons is, which Holm holds to 5 %.
    larger = squareform(holm(2 * stats.t.sf(ratio[first, second], freedom)) <= ALPHA) & (apart > 0)
    return 1 + larger.sum(axis=0), columns - larger.sum(axis=1)


def rank_text(row: Any) -> str:
    """Write the rank of a row of an importance table, or the ranks among which its column is tied."""
    return str(row.rank_low) if row.rank_low == row.rank_high else f"{row.rank_low}–{row.rank_high}"


def importance_table(drawn: Drawn, columns: list[str], outputs: tuple[str, ...]) -> pd.DataFrame:
    """Rank the columns over all outputs and, where there are several, for each.

    Returns
    -------
    DataFrame
        ``column, output, mean_abs_shap`` (Estimate), ``rank_low, rank_high``, the largest first; output ``overall`` is
        the mean over the outputs.
    """
    tables = {"overall": magnitudes(drawn.shap_values)}
    if len(outputs) > 1:
        tables |= {name: np.abs(drawn.shap_values[:, :, place]) for place, name in enumerate(outputs)}
    rows: list[tuple[object, ...]] = []
    for name, sizes in tables.items():
        unit, (best, worst) = float(sizes.max(initial=0.0)), rank_intervals(sizes, drawn.units)
        centre = np.average(sizes, axis=0, weights=weights_of(drawn.units, len(sizes)))
        for place in np.argsort(-centre, kind="stable"):
            size = mean_magnitude(sizes[:, place], unit, drawn.units)
            rows.append((columns[place], name, size, int(best[place]), int(worst[place])))
    return pd.DataFrame(rows, columns=["column", "output", "mean_abs_shap", "rank_low", "rank_high"])


ROWS = 25
MOST_PAIRS = 10
_MOST_COLUMNS = 200


def interaction_table(attributor: Attributor, features: pd.DataFrame, drawn: Drawn) -> pd.DataFrame:
    """Measure the strongest interactions of trees (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9).

    An interaction is what two columns are attributed together, both halves of it. As they take long, only the first 25
    rows are looked at, and neither deep forests nor trees with a background given; linear models have none, and for
    other models they are not available.

    Parameters
    ----------
    attributor : Attributor
    features : DataFrame of shape (n_rows, n_columns)
        Those rows, in random order.
    drawn : Drawn
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
    whole = drawn.shap_values[:ROWS]
    if np.abs(values.sum(axis=2) - whole).max() > 1e-3 * np.abs(whole).max():
        return empty
    first, second = np.triu_indices(features.shape[1], 1)
    sizes = 2 * np.abs(values[:, first, second]).mean(axis=2)
    unit = float(sizes.max(initial=0.0))
    names = list(features)
    found = [pair for pair in np.argsort(-sizes.mean(axis=0), kind="stable")[:MOST_PAIRS] if sizes[:, pair].any()]
    few = drawn.units.take(np.arange(len(sizes))) if drawn.units else None
    rows = [(names[first[pair]], names[second[pair]], mean_magnitude(sizes[:, pair], unit, few)) for pair in found]
    return pd.DataFrame(rows, columns=empty.columns)
