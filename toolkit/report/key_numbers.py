"""The numbers a reviewer looks at first, read from results.json: in words, and drawn with their intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from toolkit.core.estimate import Estimate, format_number
from toolkit.core.result import cell_text
from toolkit.statistics.direction import better_when

OWN_SCALE = 0.2  # up to here an interval on a scale from 0 to 1 could not be seen


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """One line of the table of key numbers, as ``results.json`` has it and ready to be shown."""

    name: str
    label: str
    value: Estimate
    on: str
    beside: str
    other: Estimate
    difference: Estimate

    @classmethod
    def read(cls, entry: Mapping[str, object]) -> KeyNumber:
        """Read one entry of ``key_numbers``; what is missing in it is not a number."""
        name, label, on, beside = (str(entry.get(key) or "") for key in ("name", "label", "on", "beside"))
        value, other, difference = (Estimate.read(entry.get(key)) for key in ("value", "other", "difference"))
        return cls(name, label or name, value, on, beside, other, difference)

    @property
    def value_cell(self) -> Markup:
        """The number with its interval, as the cell of a table."""
        return Markup(cell_text(self.value))  # noqa: S704 - escaped, and numbers only

    @property
    def other_text(self) -> str:
        """The number that it is compared with alone: its own uncertainty is in the difference."""
        return format_number(self.other.value)

    @property
    def difference_cell(self) -> Markup:
        """The difference with its sign and interval, as the cell of a table."""
        if math.isnan(self.difference.value):
            return Markup("–")
        sign = "+" if self.difference.value > 0 else ""
        return Markup(sign + cell_text(self.difference))  # noqa: S704 - escaped, and numbers only

    @property
    def direction(self) -> str:
        """Whether the difference is for better or worse, in a word; empty where the metric has no such direction."""
        gain, better = self.difference, better_when(f"test.{self.name.rpartition('.')[2]}")
        if not better or not gain.has_interval:
            return ""
        if gain.low <= 0 <= gain.high:
            return "not told apart"
        return "better" if (gain.value < 0) == (better == "lower") else "worse"

    @property
    def drawing(self) -> Markup:
        """The number on a scale, beside the one that it is compared with."""
        return draw_interval(self.value, self.other.value)

    @property
    def sentence(self) -> str:
        """What it says, for someone who reads nothing else."""
        number, on = self.value, f" on the {self.on}" if self.on else ""
        if math.isnan(number.value):
            return f"{self.label} is not defined{on}."
        if number.has_interval:
            value, low, high = number.texts()
            text = f"{self.label}{on} is {value} (95% interval {low} to {high})"
        else:
            text = f"{self.label}{on} is {format_number(number.value)}"
        if math.isnan(self.other.value) or not self.beside:
            return f"{text}."
        text += f"; the {self.beside} has {self.other_text}."
        if self.difference.has_interval and self.difference.low <= 0 <= self.difference.high:
            text += " The difference between them could be zero."
        return text


@dataclass(frozen=True, slots=True)
class KeyTable:
    """Numbers that were measured on the same rows and are compared with the same thing."""

    on: str
    beside: str
    numbers: Sequence[KeyNumber]

    @property
    def rows(self) -> int:
        """How many rows the numbers rest on."""
        return max(number.value.n for number in self.numbers)


def key_tables(numbers: Sequence[KeyNumber]) -> list[KeyTable]:
    """Put the numbers that are comparable with each other into a table of their own, in the order given."""
    tables: dict[tuple[str, str], list[KeyNumber]] = {}
    for number in numbers:
        tables.setdefault((number.on, number.beside), []).append(number)
    return [KeyTable(*words, held) for words, held in tables.items()]


def draw_interval(estimate: Estimate, baseline: float = math.nan) -> Markup:
    """Draw an estimate as a dot on its interval, and the baseline as a tick, on a scale that holds both.

    The scale is 0 to 1 where all of them lie there, unless all are small; else it reaches from 0 to a round number
    beyond them.
    The numbers stand beside it in the table, so the drawing is hidden from screen readers.
    """
    points = [point for point in (estimate.value, estimate.low, estimate.high, baseline) if math.isfinite(point)]
    if not math.isfinite(estimate.value):
        return Markup("")
    lowest, highest = 0.0 - _round_beyond(-min(points)), _round_beyond(max(points))
    if lowest == 0 and (OWN_SCALE < highest <= 1 or highest == 0):
        highest = 1.0
    width = highest - lowest

    def place(point: float) -> str:
        return f"{4 + 112 * (point - lowest) / width:.1f}"

    shapes = ['<path class="iv-axis" d="M4 10H116M4 6V14M116 6V14"/>']
    if lowest < 0 < highest:
        shapes.append(f'<path class="iv-axis" d="M{place(0)} 6V14"/>')
    if math.isfinite(baseline):
        shapes.append(f'<path class="iv-baseline" d="M{place(baseline)} 2V18"/>')
    if math.isfinite(estimate.low) and math.isfinite(estimate.high):
        shapes.append(f'<path class="iv-range" d="M{place(estimate.low)} 10H{place(estimate.high)}"/>')
    shapes.append(f'<circle class="iv-dot" cx="{place(estimate.value)}" cy="10" r="3.5"/>')
    drawing = f'<svg viewBox="0 0 120 20" width="120" height="20" focusable="false">{"".join(shapes)}</svg>'
    left, right = f"<span>{_short(lowest)}</span>", f"<span>{_short(highest)}</span>"
    return Markup(f'<span class="iv" aria-hidden="true">{left}{drawing}{right}</span>')  # noqa: S704 - numbers only


def draw_series(estimates: Sequence[Estimate], place: int) -> Markup:
    """Draw the same number over several runs as a small line with intervals, the one at ``place`` with a large dot.

    Numbers that are not finite are left out; empty where fewer than two are left.
    """
    finite = [(where, one) for where, one in enumerate(estimates) if math.isfinite(one.value)]
    if len(finite) < 2:
        return Markup("")
    ends = [end for _, one in finite for end in (one.value, one.low, one.high) if math.isfinite(end)]
    lowest, highest = min(ends), max(ends)
    scale = max(abs(lowest), abs(highest), 1e-300)
    height = highest / scale - lowest / scale

    def point(step: int, value: float) -> tuple[str, str]:
        across = 6 + 88 * step / (len(finite) - 1)
        return f"{across:.1f}", f"{21 - 18 * (value / scale - lowest / scale) / height if height else 12:.1f}"

    shapes = []
    for step, (_, one) in enumerate(finite):
        if math.isfinite(one.low) and math.isfinite(one.high):
            (across, low), (_, high) = point(step, one.low), point(step, one.high)
            shapes.append(f'<path class="iv-range" d="M{across} {low}V{high}"/>')
    line = "L".join(" ".join(point(step, one.value)) for step, (_, one) in enumerate(finite))
    shapes.append(f'<path class="iv-line" d="M{line}"/>')
    for step, (where, one) in enumerate(finite):
        across, down = point(step, one.value)
        shapes.append(f'<circle class="iv-dot" cx="{across}" cy="{down}" r="{4 if where == place else 1.6}"/>')
    return Markup(  # noqa: S704 - numbers only
        '<svg class="series" viewBox="0 0 100 24" width="100" height="24" aria-hidden="true" focusable="false">'
        f"{''.join(shapes)}</svg>"
    )


def _round_beyond(number: float) -> float:
    if number <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(number))
    return next((step * power for step in (1, 2, 5, 10) if step * power >= number), number)


def _short(number: float) -> str:
    text = format_number(number)
    return text.rstrip("0").rstrip(".") if "." in text else text
