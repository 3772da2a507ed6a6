"""What a report says first about a model's performance now, and the numbers beside it."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from toolkit.core.estimate import Estimate, format_number
from toolkit.core.results import KeyNumber
from toolkit.core.words import titled
from toolkit.monitoring.expectation import WHOLE
from toolkit.statistics.direction import LOWER_IS_BETTER
from toolkit.statistics.intervals import mover_difference


def head_numbers(table: pd.DataFrame) -> Iterator[KeyNumber]:
    """Yield each metric over all rows beside its level on the reference: what is realized, else what is estimated.

    The first metric is given both ways where there are labels.

    Parameters
    ----------
    table : DataFrame
        As in ``PerformanceEstimate``.
    """
    whole = table[table["window"] == WHOLE]
    for place, (_, row) in enumerate(whole.iterrows()):
        kinds = ["realized", "estimated"][: 2 if place == 0 else 1] if row["labelled"] else ["estimated"]
        for kind in kinds:
            label = f"{titled(row['metric'])}, {'by the labels' if kind == 'realized' else 'estimated'}"
            change = _change(row[kind], row["reference"])
            name = f"drift.{kind}.{row['metric']}"
            yield KeyNumber(name, label, row[kind], "current table", "reference", row["reference"], change)


def headline(table: pd.DataFrame) -> str:
    """Say how well the model does on the current rows, by its first metric, and how far that is from the reference."""
    first = next(head_numbers(table))
    metric = first.name.rpartition(".")[2]
    now, gap = first.value, first.difference
    says = "is" if first.name.startswith("drift.realized.") else "is estimated, without labels, at"
    text = f"{titled(metric)} {says} {now}, against {format_number(first.other.value)} on the reference"
    if not gap.has_interval:
        return f"{text}."
    if gap.low <= 0 <= gap.high:
        return f"{text}: not told apart."
    return f"{text}: {'better' if (gap.value < 0) == (metric in LOWER_IS_BETTER) else 'worse'} by {_size(gap)}."


def _size(gap: Estimate) -> Estimate:
    """Return a difference without its sign."""
    low, high = sorted((abs(gap.low), abs(gap.high)))
    return Estimate(abs(gap.value), low, high, gap.n, gap.method)


def _change(now: Estimate, level: Estimate) -> Estimate:
    if not (now.has_interval and level.has_interval):
        return Estimate(now.value - level.value, n=now.n)
    return Estimate(now.value - level.value, *mover_difference(now, level), now.n, "MOVER")
