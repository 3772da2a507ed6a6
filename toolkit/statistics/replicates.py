"""Replicates of metrics under resampling that is the same for every model, so that two can be compared in pairs later.

Each replicate gives every row a random sign and takes the mean of the signed influences: its variance is that of the
metric (a multiplier bootstrap: Wu 1986, doi:10.1214/aos/1176350142). Signs depend on the place of a row alone, so for
two models measured on the same rows the differences of replicates have the variance of the paired difference. A few
kilobytes stand for all rows, none of which can be told from them.
"""

import json
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from toolkit.core import Estimate
from toolkit.statistics.intervals import RULE_OF_THREE, Array, Interval, t_quantile
from toolkit.statistics.measure import Measure
from toolkit.statistics.units import freedom_of, summed, weights_of

#: Name of the file beside ``results.json``.
FILE = "replicates.json"
REPLICATES = 1000
BLOCKS = 20_000
PAIRED = "paired replicates"
_CHUNK = 100


class Replicated(NamedTuple):
    """A metric with its replicates.

    Attributes
    ----------
    value : float
    n, units : int
        Rows it was measured on, and the independent observations that their variance is worth.
    unit, bounds
        As ``Measure`` has them.
    draws : array of shape (1000,)
        Errors of the replicates.
    """

    value: float
    n: int
    units: int
    unit: float
    bounds: Interval
    draws: Array


def replicate(measures: Mapping[str, Measure]) -> dict[str, Replicated]:
    """Return the replicates of every metric that is defined and smooth enough to have influences.

    Parameters
    ----------
    measures : mapping of str to Measure
        All measured on the same rows, at least one of them smooth.
    """
    defined = {name: one for name, one in measures.items() if math.isfinite(one.estimate.value)}
    smooth = {name: one.pairing for name, one in defined.items() if one.pairing is not None and len(one.pairing)}
    influences = np.column_stack(list(smooth.values()))
    n, among = len(influences), next(iter(measures.values())).units
    worth = round(freedom_of(among.parts(weights_of(among, n)))) + 1 if among else n
    drawn_sums = _signed_sums(summed(influences, among)).T / n
    known = [(name, defined[name], drawn) for name, drawn in zip(smooth, drawn_sums, strict=True)]
    return {name: Replicated(one.estimate.value, n, worth, one.unit, one.bounds, drawn) for name, one, drawn in known}


def paired_difference(first: Replicated, second: Replicated) -> Estimate:
    """Estimate ``first - second`` for one metric and two models measured on the same rows.

    Where the replicates agree (the same model twice), the rule of three says how far they might still differ.

    Examples
    --------
    >>> from toolkit.statistics.measure import mean
    >>> right, wrong = np.tile([1.0, 1, 1, 1, 0], 80), np.tile([1.0, 0, 1, 1, 0], 80)
    >>> found = replicate({"a": mean(right, bounds=(0, 1)), "b": mean(wrong, bounds=(0, 1))})
    >>> print(paired_difference(found["a"], found["b"]))
    0.200 [0.162, 0.238]
    """
    n, value = first.n, first.value - second.value
    apart = first.draws - second.draws
    if float(np.abs(apart).max()) <= 1e-9 * (unit := max(first.unit, second.unit)):
        half = RULE_OF_THREE * unit / first.units
    else:
        half = t_quantile(first.units) * math.sqrt(float(apart @ apart) / len(apart))
    reach = first.bounds[1] - first.bounds[0]
    return Estimate(value, max(value - half, -reach), min(value + half, reach), n, PAIRED)


def is_of(found: Replicated, number: Estimate) -> bool:
    """Whether replicates are those of a number."""
    return math.isclose(found.value, number.value, rel_tol=1e-9, abs_tol=1e-12)


def write_replicates(found: Mapping[str, Replicated], rows: str) -> str:
    """Write replicates as JSON; ``rows`` tells which rows they are of."""
    metrics = {}
    for name, one in found.items():
        bounds = [end if math.isfinite(end) else None for end in one.bounds]
        metrics[name] = one._asdict() | {"bounds": bounds, "draws": [float(f"{draw:.5g}") for draw in one.draws]}
    return json.dumps({"schema": 1, "rows": rows, "metrics": metrics}, allow_nan=False) + "\n"


def read_replicates(text: str | bytes) -> tuple[dict[str, Replicated], str]:
    """Read what ``write_replicates`` wrote.

    Raises
    ------
    ValueError, KeyError, TypeError
        Where it is something else.
    """
    if (content := json.loads(text))["schema"] != 1:
        raise ValueError(f"schema {content['schema']!r}")
    found = {}
    for name, entry in content["metrics"].items():
        (low, high), draws = entry["bounds"], np.array(entry["draws"], dtype=float)
        if draws.shape != (REPLICATES,):
            raise ValueError(f"{draws.size} replicates")
        bounds = (-math.inf if low is None else float(low), math.inf if high is None else float(high))
        size = (int(entry["n"]), int(entry["units"]), float(entry["unit"]))
        found[str(name)] = Replicated(float(entry["value"]), *size, bounds, draws)
    return found, str(content["rows"])


def _signed_sums(influences: Array) -> Array:
    """Sum the rows of a (rows, metrics) array under random signs, of many rows by blocks that share a sign."""
    if len(influences) > BLOCKS:
        padded = np.pad(influences, ((0, -len(influences) % BLOCKS), (0, 0)))
        influences = padded.reshape(-1, BLOCKS, influences.shape[1]).sum(axis=0)
    rng = np.random.default_rng(0)
    chunks = (rng.integers(0, 2, size=(_CHUNK, len(influences)), dtype=np.int8) for _ in range(REPLICATES // _CHUNK))
    return np.concatenate([(2.0 * chunk - 1.0) @ influences for chunk in chunks])
