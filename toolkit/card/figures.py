"""Draw what a card and the difference of two cards show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from toolkit.card.quantities import compared_groups
from toolkit.core.estimate import Estimate
from toolkit.core.figures import BLUE, GREY, Drawing, Picture, draw_intervals, name_rows
from toolkit.core.results import Results
from toolkit.core.words import shorten

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = 16
_CAPTION = (
    "Each dot is a group with its 95% interval; the dashed line is all rows together. Many groups are drawn, so one "
    "interval in twenty misses its group's true value by chance alone."
)


def groups_drawings(every: Sequence[Results]) -> list[Drawing]:
    """Draw one metric of every group, the smallest first; where no report knows groups, there is nothing to draw."""
    overall, ones = compared_groups(every)
    if not ones:
        return []
    if len(ones) > MOST_LINES:
        ones = [*ones[: MOST_LINES // 2], *ones[-MOST_LINES // 2 :]]
    metric = ones[0].metric
    names, numbers = [shorten(one.group) for one in ones], [one.number for one in ones]
    said = "; ".join(f"{name}: {number}" for name, number in zip(names, numbers, strict=True))
    words = Picture(f"{metric} of each group", _CAPTION, f"{metric} by group. All rows: {overall}. {said}.")
    return [draw_beside("groups", words, names, numbers, overall.value, metric)]


def draw_beside(
    kind: str,
    words: Picture,
    names: Sequence[str],
    numbers: Sequence[Estimate],
    middle: float,
    label: str,
    color: str = BLUE,
) -> Drawing:
    """Draw numbers with their intervals, one a line, beside a number that they are compared with."""

    def draw(ax: Axes) -> None:
        draw_intervals(ax, range(len(numbers)), numbers, color=color)
        name_rows(ax, names)
        if math.isfinite(middle):
            ax.axvline(middle, color=GREY, linestyle="--", linewidth=1.2)
        ax.set_xlabel(label)

    return Drawing(kind, words, draw, pd.DataFrame({"name": names, label: numbers}), grid="x")
