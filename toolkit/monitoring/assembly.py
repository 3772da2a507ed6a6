"""Run an expectation over windows, and put what it says into tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.estimate import Estimate
from toolkit.data.dataset import Dataset
from toolkit.data.times import cut_windows
from toolkit.errors import InputError
from toolkit.monitoring.confidence import CELLS
from toolkit.monitoring.expectation import WHOLE, Expectation
from toolkit.monitoring.losses import REGRESSION, Places
from toolkit.statistics.intervals import mover_difference
from toolkit.statistics.multiplicity import holm

MOST_WINDOWS = 1000
Numbers = Mapping[str, Mapping[str, Estimate]]


def cut(data: Dataset, window: str | int | None) -> dict[str, Places]:
    """Return the places of all rows, and those of each window, by name."""
    windows = dict(cut_windows(data.time, data.rows, window))
    if len(windows) > MOST_WINDOWS:
        raise InputError(f"window={window!r} makes {len(windows):,} windows; at most {MOST_WINDOWS:,} are judged.")
    return {WHOLE: np.arange(data.rows)} | windows


def estimate_parts(
    expectation: Expectation, parts: Mapping[str, Places], labelled: NDArray[np.bool_], seed: int
) -> tuple[Numbers, Numbers]:
    """Estimate each part, and measure those of its rows that have a label."""
    estimated, realized = {}, {}
    for label, places in parts.items():
        estimated[label] = expectation.estimate(places, seed)
        known = places[labelled[places]]
        realized[label] = expectation.realize(known) if len(known) else {}
    return estimated, realized


def judge_parts(expectation: Expectation, parts: Mapping[str, Places], labelled: NDArray[np.bool_]) -> pd.DataFrame:
    """Test each window, or all rows where there are none, as far as they have labels; adjusted for how many."""
    windows = [label for label in parts if label != WHOLE] or [WHOLE]
    known = {label: parts[label][labelled[parts[label]]] for label in windows}
    tested = {label: places for label, places in known.items() if len(places)}
    values = [expectation.surprise(places) for places in tested.values()]
    counts = [len(places) for places in tested.values()]
    return pd.DataFrame({"window": list(tested), "labelled": counts, "p_value": values, "p_adjusted": holm(values)})


def performance_table(
    parts: Mapping[str, Places],
    metrics: Sequence[str],
    estimated: Numbers,
    realized: Numbers,
    level: Mapping[str, Estimate],
) -> pd.DataFrame:
    """Return a row a part and metric, as ``PerformanceEstimate.table`` has them."""
    nothing = Estimate(math.nan, method="no labels")
    table = [
        {
            "window": label,
            "metric": metric,
            "rows": len(places),
            "labelled": realized[label][metric].n if realized[label] else 0,
            "estimated": estimated[label][metric],
            "realized": realized[label].get(metric, nothing),
            "reference": level[metric],
        }
        for label, places in parts.items()
        for metric in metrics
    ]
    return pd.DataFrame(table)


def change_from(metric: str, now: Estimate, level: Estimate) -> tuple[str, Estimate]:
    """Return the change of a metric from its level on the reference: a difference, or a ratio for errors.

    By the method of variance estimates recovery (Zou & Donner 2008, doi:10.1002/sim.3095), for a ratio on the log
    scale; the rows of the two are different ones.

    Examples
    --------
    >>> name, change = change_from("accuracy", Estimate(0.8, 0.77, 0.83, 100), Estimate(0.9, 0.86, 0.94, 100))
    >>> print(name, change)
    change −0.100 [−0.150, −0.050]
    """
    if metric not in REGRESSION:
        value = now.value - level.value
        low, high = mover_difference(now, level) if now.has_interval and level.has_interval else (math.nan, math.nan)
        return "change", Estimate(value, low, high, now.n, "MOVER")
    if not (now.low > 0 and level.low > 0):
        return "ratio", Estimate(math.nan, n=now.n)
    mine, theirs = (Estimate(math.log(one.value), math.log(one.low), math.log(one.high)) for one in (now, level))
    low, high = mover_difference(mine, theirs)
    return "ratio", Estimate(now.value / level.value, math.exp(low), math.exp(high), now.n, "MOVER")


def confusion_table(estimated: Numbers, realized: Numbers) -> pd.DataFrame:
    """Return the expected and the realized counts of each part: ``window, cell, expected, realized``."""
    nothing = Estimate(math.nan, method="no labels")
    rows = [
        (label, cell, found[cell], realized[label].get(cell, nothing))
        for label, found in estimated.items()
        for cell in CELLS
    ]
    return pd.DataFrame(rows, columns=["window", "cell", "expected", "realized"])
