"""The numbers a reviewer looks at first, in words, and drawn with their intervals."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from toolkit.core.estimate import Estimate, KeyNumber, direction, format_number
from toolkit.core.face import cell_html, face_macros

OWN_SCALE = 0.2  # up to here an interval on a scale from 0 to 1 could not be seen


def difference_html(number: KeyNumber) -> Markup:
    """Write the difference to what a key number is compared with, with its sign and interval."""
    sign = "+" if number.difference.value > 0 else ""
    return Markup("–") if math.isnan(number.difference.value) else sign + cell_html(number.difference)


def direction_words(number: KeyNumber) -> str:
    """Tell whether the difference is for better or worse; empty where the metric has no such direction.

    Examples
    --------
    >>> direction_words(KeyNumber("test.f1", "F1", Estimate(0.5), difference=Estimate(0.2, 0.1, 0.3)))
    'better'
    """
    gain, better = number.difference, number.better or direction(number.name.rpartition(".")[2])
    if not better or not gain.has_interval:
        return ""
    if gain.low <= 0 <= gain.high:
        return "no clear difference"
    return "better" if (gain.value < 0) == (better == "lower") else "worse"


def sentence(number: KeyNumber) -> str:
    """Say a key number to someone who reads nothing else.

    Examples
    --------
    >>> sentence(KeyNumber("test.f1", "F1", Estimate(0.5, 0.4, 0.6), "test part", "baseline", Estimate(0.1)))
    'F1 on the test part is 0.500 (95% interval 0.400 to 0.600); the baseline has 0.100.'
    """
    value, difference = number.value, number.difference
    name, where = number.label or number.name, f" on the {number.on}" if number.on else ""
    if math.isnan(value.value):
        return f"{name} is not defined{where}."
    said = "{} (95% interval {} to {})".format(*value.texts()) if value.has_interval else format_number(value.value)
    text = f"{name}{where} is {said}"
    if math.isnan(number.other.value) or not number.beside:
        return f"{text}."
    text += f"; the {number.beside} has {format_number(number.other.value)}."
    if difference.has_interval and difference.low <= 0 <= difference.high:
        text += " The difference between them could be zero."
    return text


def key_tables(numbers: Sequence[KeyNumber]) -> list[list[KeyNumber]]:
    """Put the numbers that are comparable with each other into a table of their own, in the order given."""
    kinds = dict.fromkeys((one.on, one.beside) for one in numbers)
    return [[one for one in numbers if (one.on, one.beside) == kind] for kind in kinds]


def draw_interval(estimate: Estimate, baseline: float = math.nan) -> Markup:
    """Draw an estimate as a dot on its interval, and the baseline as a tick, on a scale that holds both.

    The scale is 0 to 1 where all of them lie there, unless all are small; else it reaches from 0 to a round number
    beyond them.
    The numbers stand beside it in the table, so the drawing is hidden from screen readers.
    """
    numbers = {"value": estimate.value, "low": estimate.low, "high": estimate.high, "baseline": baseline}
    if "value" not in (known := {name: number for name, number in numbers.items() if math.isfinite(number)}):
        return Markup("")
    lowest, highest = 0.0 - _round_beyond(-min(known.values())), _round_beyond(max(known.values()))
    if lowest == 0 and (OWN_SCALE < highest <= 1 or highest == 0):
        highest = 1.0
    known |= {"zero": 0.0} if lowest < 0 < highest else {}
    at = {name: f"{4 + 112 * (number - lowest) / (highest - lowest):.1f}" for name, number in known.items()}
    return Markup(face_macros().interval(at, _short(lowest), _short(highest)))  # noqa: S704 - escaped


def draw_series(estimates: Sequence[Estimate], place: int) -> Markup:
    """Draw the same number over several runs as a small line with intervals, the one at ``place`` with a large dot.

    Numbers that are not finite are left out; empty where fewer than two are left.
    """
    if len(finite := [(where, one) for where, one in enumerate(estimates) if math.isfinite(one.value)]) < 2:
        return Markup("")
    ends = [end for _, one in finite for end in (one.value, one.low, one.high) if math.isfinite(end)]
    lowest, highest = min(ends), max(ends)
    scale = max(abs(lowest), abs(highest), 1e-300)
    height = highest / scale - lowest / scale

    def down(value: float) -> str:
        return f"{21 - 18 * (value / scale - lowest / scale) / height if height else 12:.1f}"

    steps = []
    for step, (where, one) in enumerate(finite):
        reach = [down(one.low), down(one.high)] if math.isfinite(one.low) and math.isfinite(one.high) else []
        across, here = f"{6 + 88 * step / (len(finite) - 1):.1f}", where == place
        steps.append({"across": across, "down": down(one.value), "ends": reach, "here": here})
    return Markup(face_macros().series(steps))  # noqa: S704 - escaped


def _round_beyond(number: float) -> float:
    if number <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(number))
    return next((step * power for step in (1, 2, 5, 10) if step * power >= number), number)


def _short(number: float) -> str:
    text = format_number(number)
    return text.rstrip("0").rstrip(".") if "." in text else text
