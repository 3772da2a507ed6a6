"""Draw what a card and the difference of two cards show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from toolkit.card.content import one_line
from toolkit.card.groups import GroupNumber, group_numbers
from toolkit.card.reports import Report
from toolkit.core.estimate import Estimate
from toolkit.core.figures import BLUE, GREY, ORANGE
from toolkit.core.result import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = 16
_SHOWN = ("recall", "accuracy", "selection_rate", "mean_absolute_error")
_CAPTION = (
    "Each dot is a group with its 95% interval; the dashed line is all rows together. Many groups are drawn, so one "
    "interval in twenty misses its group's true value by chance alone."
)


def groups_picture(reports: Sequence[Report]) -> Picture | None:
    """Return the words of the figure of groups; None where there is nothing to draw."""
    overall, ones = _groups(reports)
    if not ones:
        return None
    metric = ones[0].metric
    said = "; ".join(f"{short(one.group)}: {one.number}" for one in ones)
    return Picture(f"{metric} of each group", _CAPTION, f"{metric} by group. All rows: {overall}. {said}.")


def draw_groups(reports: Sequence[Report], ax: Axes) -> Axes:
    """Draw one metric of every group, the smallest first."""
    overall, ones = _groups(reports)
    draw_intervals(ax, [short(one.group) for one in ones], [one.number for one in ones], BLUE)
    if math.isfinite(overall.value):
        ax.axvline(overall.value, color=GREY, linestyle="--", linewidth=1.2)
    ax.set_xlabel(ones[0].metric)
    return ax


def draw_intervals(ax: Axes, names: Sequence[str], numbers: Sequence[Estimate], colour: str = ORANGE) -> None:
    """Draw numbers with their intervals, one a line, the first on top."""
    places = range(len(numbers))
    for place, number in zip(places, numbers, strict=True):
        if number.has_interval:
            ax.plot([number.low, number.high], [place, place], color=colour, linewidth=2)
        ax.plot(number.value, place, "o", color=colour, markersize=6)
    ax.set_yticks(list(places), names)
    ax.set_ylim(len(numbers) - 0.5, -0.5)
    ax.grid(axis="y", visible=False)


def short(text: str) -> str:
    """Shorten a name for an axis to 40 printable characters."""
    line = one_line(text)
    return line if len(line) <= 40 else line[:39] + "…"


def _groups(reports: Sequence[Report]) -> tuple[Estimate, list[GroupNumber]]:
    """Return one metric over all rows and of every group, the smallest first: the first that several groups have."""
    for report in reports:
        ones = [one for one in group_numbers(report.scalars) if one.group and not one.is_disparity]
        for metric in _SHOWN:
            known = [one for one in ones if one.metric == metric and math.isfinite(one.number.value)]
            if len(known) > 1:
                ordered = sorted(known, key=lambda one: (one.number.value, one.name))
                half = MOST_LINES // 2
                kept = ordered if len(ordered) <= MOST_LINES else [*ordered[:half], *ordered[-half:]]
                return report.scalars.get(f"test.{metric}", Estimate(math.nan)), kept
    return Estimate(math.nan), []
