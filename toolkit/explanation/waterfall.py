"""The figure of one row: from the base to the model's output, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from toolkit.core.estimate import format_number
from toolkit.core.figures import BLUE, GREY, ORANGE, Drawing, Picture
from toolkit.core.words import shorten
from toolkit.explanation.local import LocalRow
from toolkit.explanation.scores import PROBABILITY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_STEPS = 8


def waterfall(row: LocalRow) -> Drawing:
    """Draw the largest attributions of one row as steps, the rest as one step, from the base at the bottom."""
    steps = [f"{name} {_signed(step)}" for name, step in _steps(row)]
    towards = "" if row.output == row.scale else f" towards {row.output}"
    caption = (
        f"Truth {row.truth}, said {row.said}. From the mean to the model's output for this row, in units of "
        f"{row.scale}{towards}: bars to the right raise it, to the left lower it."
    )
    alt = (
        f"Row {row.index!s}. From {format_number(row.base)} to "
        f"{format_number(row.score)}{_as_probability(row)}: {'; '.join(steps)}."
    )
    words = Picture(f"Row {row.index!s}, {row.reason}", caption, alt)
    return Drawing(f"waterfall_{row.key}", words, lambda ax: _draw(ax, row), row.parts, grid="x")


def _draw(ax: Axes, row: LocalRow) -> None:
    steps = _steps(row)[::-1]
    sizes = np.array([step for _, step in steps])
    ends = row.base + np.cumsum(sizes)
    starts = ends - sizes
    reach = np.array([*starts, *ends])
    room = 0.22 * float(np.ptp(reach) or 1.0)
    for place, ((_, step), start, end) in enumerate(zip(steps, starts, ends, strict=True)):
        ax.barh(place, step, left=start, color=ORANGE if step > 0 else BLUE, height=0.6)
        side = "left" if step >= 0 else "right"
        gap = 3 if step >= 0 else -3
        ax.annotate(
            _signed(step), (end, place), xytext=(gap, 0), textcoords="offset points", ha=side, va="center", fontsize=9
        )
    ax.vlines(ends[:-1], np.arange(len(ends) - 1) - 0.3, np.arange(1, len(ends)) + 0.3, color=GREY, linewidth=0.6)
    ax.axvline(row.base, color=GREY, linewidth=0.8, linestyle=":")
    ax.set_yticks(range(len(steps)), [shorten(name, 34) for name, _ in steps])
    ax.set(xlim=(float(reach.min()) - room, float(reach.max()) + room), ylim=(-0.6, len(steps) - 0.4))
    ends_at = f"mean {format_number(row.base)},\nrow {format_number(row.score)}{_as_probability(row)}"
    ax.set_xlabel(f"{shorten(row.scale, 24)}: {ends_at}")


def _steps(row: LocalRow) -> list[tuple[str, float]]:
    """Return the largest attributions, named by column and value, then what all others add up to."""
    shown = row.parts.head(_MOST_STEPS if len(row.parts) > _MOST_STEPS + 1 else _MOST_STEPS + 1)
    steps = [
        (f"{shorten(name, 22)} = {shorten(value, 18)}", float(step))
        for name, value, step in zip(shown["column"], shown["value"], shown["attribution"], strict=True)
    ]
    rest = row.parts["attribution"].iloc[len(shown) :]
    return [*steps, (f"{len(rest)} others", float(rest.sum()))] if len(rest) else steps


def _as_probability(row: LocalRow) -> str:
    if row.scale == PROBABILITY or "probability_after" not in row.parts:
        return ""
    return f" (probability {format_number(float(row.parts['probability_after'].iloc[-1]))})"


def _signed(number: float) -> str:
    return f"+{format_number(number)}" if number > 0 else format_number(number)
