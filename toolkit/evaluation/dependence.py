"""Rows that belong together although nobody said so: what intervals would be if they are not independent."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping

import pandas as pd

from toolkit.core.estimate import Estimate
from toolkit.core.result import Finding
from toolkit.data.dataset import Dataset
from toolkit.statistics.intervals import Array
from toolkit.statistics.measure import Measure
from toolkit.statistics.units import FEW_GROUPS, Units

#: The metrics whose rows' influences tell.
_TELLING = ("calibration_intercept", "log_loss", "accuracy", "bias", "mean_absolute_error")
_LEAST_GROUPS, _MOST_ROWS_A_GROUP = 30, 50
_LEAST_Z, _NOTABLE = 3.5, 1.1
#: Words in the name of a column that tell one unit from another.
_UNITS = re.compile(
    r"(^|[^a-z])(account|case|client|cluster|customer|device|doctor|employee|family|firm|group|household|id|hospital|"
    r"individual|machine|member|operator|participant|patient|person|plant|player|school|sensor|session|shop|site|store|"
    r"student|subject|supplier|team|user|vehicle)([^a-z]|$)"
)


def count_units(units: Mapping[str, Units | None]) -> dict[str, Estimate]:
    """Count the independent observations of each part of a split where these are not its rows."""
    return {
        f"{part}.{'times' if found.serial else 'groups'}": Estimate(found.count, n=len(found.codes))
        for part, found in units.items()
        if found
    }


def about_units(test: Dataset, measured: Mapping[str, Measure], units: Units | None) -> list[Finding]:
    """Say where intervals rest on few groups, or on rows that seem to belong together and were taken as independent.

    Rows belong together where the influences of the rows of a group rise and fall together: their sums vary more than
    those of independent rows would, by 3.5 standard deviations at least, and intervals by a tenth.

    Parameters
    ----------
    test : Dataset
        Its columns that tell many groups apart are tried, and rows that are exact copies.
    measured : mapping of str to Measure
        The metrics of its rows.
    units : Units or None
        What is known of them.
    """
    if units:
        if units.serial or units.count >= FEW_GROUPS:
            return []
        note = f"The test part holds only {units}: intervals that rest on so few are rough. Gather more groups."
        return [Finding("EVAL-FEW-GROUPS", "medium", note, units.name)]
    influences = [measured[name].influence for name in _TELLING if name in measured]
    telling = [influence for influence in influences if influence is not None and influence.any()]
    found = ((_widening(influence, one), one.name) for one in _candidates(test) for influence in telling)
    times, name = max(found, default=(1.0, ""))
    if times < _NOTABLE:
        return []
    if not name:
        note = f"Exact copies of rows count as new ones: intervals would be {times:.1f} times as wide without them."
        return [Finding("EVAL-DEPENDENT-ROWS", "medium", f"{note} Load the table without copies.", "test")]
    note = (
        f"Rows of the same {name!r} err alike: intervals would be up to {times:.1f} times as wide if they are not "
        f"independent. If they are not, give group={name!r}."
    )
    return [Finding("EVAL-DEPENDENT-ROWS", "high" if times >= 1.5 else "medium", note, name)]


def _candidates(test: Dataset) -> Iterator[Units]:
    table = pd.concat([test.features, test.sensitive, test.others], axis=1)
    for place, name in enumerate(table.columns):
        column = table.iloc[:, place]
        named = bool(_UNITS.search(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name)).lower()))
        if pd.api.types.is_float_dtype(column) or (pd.api.types.is_numeric_dtype(column) and not named):
            continue
        units = Units.of(column, None)
        if units and units.count >= _LEAST_GROUPS and (named or test.rows <= _MOST_ROWS_A_GROUP * units.count):
            yield units
    copies = Units.of(pd.Series(pd.util.hash_pandas_object(test.frame(), index=False), name=""), None)
    # Rows of a few values each are equal by chance; where a column has as many values as there are rows, they are not.
    if copies and test.features.nunique().max() > copies.count / 2:
        yield copies


def _widening(influence: Array, units: Units) -> float:
    """Return how many times as wide groups make an interval; 1 where chance may explain it."""
    square, sums = influence**2, units.sums(influence)
    squares = units.sums(square)
    together, noise = float(sums @ sums - square.sum()), 2 * float(squares @ squares - square @ square)
    if noise <= 0 or together < _LEAST_Z * math.sqrt(noise):
        return 1.0
    return math.sqrt(float(sums @ sums) / float(square.sum()))
