"""Estimate, the atom every result is made of: a number with its uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass

_MOST_DECIMALS = 6  # an interval narrower than these can show is none to a reader


@dataclass(frozen=True, slots=True)
class Estimate:
    """A measured number with its interval.

    Attributes
    ----------
    value : float
        The point value; ``nan`` where it is not defined.
    low, high : float
        Ends of the 95% interval; ``nan`` where the number has none (a count, a time).
    n : int
        How many observations the number rests on.
    method : str
        How the interval was made; empty where there is none.

    Examples
    --------
    >>> print(Estimate(0.95, 0.94, 0.96, 1000, "DeLong"))
    0.950 [0.940, 0.960]
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    method: str = ""

    @property
    def has_interval(self) -> bool:
        """Whether both ends of the interval are known."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    def __str__(self) -> str:
        """Write the value and its interval, with as many digits as a reader needs."""
        if math.isnan(self.value):
            return "not defined"
        if not self.has_interval:
            return format_number(self.value)
        value, low, high = self.texts()
        return f"{value} [{low}, {high}]"

    def texts(self) -> tuple[str, str, str]:
        """Write the value and the ends of its interval, each with the digits that the interval's width gives sense to.

        Examples
        --------
        >>> Estimate(3.2e-6, -0.002, 0.002).texts(), Estimate(0.95341, 0.95316, 0.95368).texts()
        (('0.000', '−0.002', '0.002'), ('0.9534', '0.9532', '0.9537'))
        """
        numbers = (self.value, self.low, self.high)
        width, size = self.high - self.low, max(map(abs, numbers))
        decimals = math.ceil(-math.log10(width / 2)) if 0 < width < math.inf else _MOST_DECIMALS + 1
        if decimals > _MOST_DECIMALS or not size < 1e15:
            value, low, high = map(format_number, numbers)
        else:
            usual = 3 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0
            value, low, high = (_fixed(number, max(decimals, usual)) for number in numbers)
        return value, low, high

    def plain(self) -> dict[str, float | int | None] | None:
        """Write it for JSON, which has no NaN: an end that is not finite is null, and so is a number not defined.

        Examples
        --------
        >>> Estimate(0.5, 0.4, 0.6, 100).plain()
        {'value': 0.5, 'low': 0.4, 'high': 0.6, 'n': 100}
        """
        if not math.isfinite(self.value):
            return None
        low, high = (end if math.isfinite(end) else None for end in (self.low, self.high))
        return {"value": self.value, "low": low, "high": high, "n": self.n}

    @classmethod
    def read(cls, value: object) -> Estimate:
        """Read what ``plain`` wrote, from a file that nothing is taken for granted about.

        Examples
        --------
        >>> print(Estimate.read({"value": 0.95, "low": 0.94, "high": 0.96, "n": 100}), Estimate.read(None))
        0.950 [0.940, 0.960] not defined
        """
        entry = value if isinstance(value, dict) else {}
        number, low, high = (_number(entry.get(key)) for key in ("value", "low", "high"))
        count = entry.get("n")
        return cls(number, low, high, count if isinstance(count, int) else 0)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.nan


def _fixed(value: float, decimals: int) -> str:
    size = round(abs(value), decimals)
    return f"{'−' if value < 0 and size else ''}{size:,.{decimals}f}"


def format_p(value: float) -> str:
    """Write a p value to three decimals; one that is less than they can show, as such.

    Examples
    --------
    >>> format_p(0.0312), format_p(2e-16), format_p(1.0), format_p(math.nan)
    ('0.031', '<0.001', '1.000', '–')
    """
    return "<0.001" if value < 0.001 else format_number(float(value))


def format_number(value: float) -> str:
    """Write a number the way the reports do: counts whole, others to three decimals or four digits.

    Examples
    --------
    >>> format_number(3), format_number(3.0), format_number(107679.0), format_number(0.95123)
    ('3', '3.000', '107,679', '0.951')
    >>> format_number(12345.678), format_number(-0.00012)
    ('12,346', '−0.00012')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if isinstance(value, int) or size >= 1000 or (size >= 10 and size == int(size)):
        text = f"{size:,.0f}" if size < 1e15 else f"{size:.3g}"
    elif size >= 10:
        text = f"{size:.4g}"
    else:
        text = f"{size:.3f}" if size >= 0.001 or size < 1e-6 else f"{size:.{1 - math.floor(math.log10(size))}f}"
    return f"−{text}" if value < 0 and size >= 1e-6 else text
