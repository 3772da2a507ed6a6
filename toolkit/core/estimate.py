"""Estimate, the atom every result is made of: a number with its uncertainty; and what the dotted names of numbers tell.

Which way a number is better is told here alone, so that "worse" means the same in a gate and in two cards' difference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from toolkit.core.resources import beside

if TYPE_CHECKING:
    import pandas as pd


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
        return "{} [{}, {}]".format(*self.texts()) if self.has_interval else format_number(self.value)

    def texts(self) -> tuple[str, str, str]:
        """Write the value and the ends of its interval, each with the digits that the interval's width gives sense to.

        Examples
        --------
        >>> Estimate(3.2e-6, -0.002, 0.002).texts(), Estimate(0.95341, 0.95316, 0.95368).texts()
        (('0.000', '−0.002', '0.002'), ('0.9534', '0.9532', '0.9537'))
        """
        numbers = (self.value, self.low, self.high)
        width, size = self.high - self.low, max(map(abs, numbers))
        decimals = math.ceil(-math.log10(width / 2)) if 0 < width < math.inf else 7  # one more than is shown
        usual = 3 if size < 10 else 2 if size < 100 else 1 if size < 1000 else 0
        fixed = decimals <= 6 and size < 1e12
        value, low, high = (_fixed(one, max(decimals, usual)) if fixed else format_number(one) for one in numbers)
        return value, low, high

    def times(self, unit: float) -> Estimate:
        """Return it in units so many times smaller.

        Examples
        --------
        >>> print(Estimate(0.5, 0.4, 0.6).times(2))
        1.000 [0.800, 1.200]
        """
        return replace(self, value=self.value * unit, low=self.low * unit, high=self.high * unit)

    def plain(self) -> dict[str, float | int | str | None] | None:
        """Write it for JSON: what is not finite is null, and the method is there where it says why no interval is.

        Examples
        --------
        >>> Estimate(0.5, 0.4, 0.6, 100).plain()
        {'value': 0.5, 'low': 0.4, 'high': 0.6, 'n': 100}
        """
        if not math.isfinite(self.value):
            return None
        low, high = (end if math.isfinite(end) else None for end in (self.low, self.high))
        said = {} if self.has_interval or not self.method else {"method": self.method}
        return {"value": self.value, "low": low, "high": high, "n": self.n, **said}

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: object) -> Any:
        """Let pydantic write what ``plain`` does, and read it back; what is no finite number is refused."""
        from pydantic_core import core_schema

        number = core_schema.float_schema(strict=True, allow_inf_nan=False)
        end = core_schema.nullable_schema(number)
        kinds = {"value": number, "low": end, "high": end, "n": core_schema.int_schema(strict=True, ge=0)}
        kinds["method"] = core_schema.str_schema()
        fields = {name: core_schema.typed_dict_field(kind, required=name != "method") for name, kind in kinds.items()}
        entry = core_schema.nullable_schema(core_schema.typed_dict_schema(fields, extra_behavior="forbid"))
        written = core_schema.plain_serializer_function_ser_schema(cls.plain, return_schema=entry)
        return core_schema.no_info_after_validator_function(cls._read, entry, ref="Estimate", serialization=written)

    @classmethod
    def _read(cls, entry: dict[str, Any] | None) -> Estimate:
        return cls(**{"value": math.nan} | {name: value for name, value in (entry or {}).items() if value is not None})


def spread(frame: pd.DataFrame) -> pd.DataFrame:
    """Make a table tidy: a column of estimates becomes one of numbers, with their ends and counts in columns behind it.

    A column ``x`` is followed by ``x_low``, ``x_high`` and ``x_n``; ``value`` by ``low``, ``high`` and ``n``.

    Examples
    --------
    >>> import pandas as pd
    >>> spread(pd.DataFrame({"part": ["test"], "value": [Estimate(0.5, 0.4, 0.6, 100)]})).to_dict("records")
    [{'part': 'test', 'value': 0.5, 'low': 0.4, 'high': 0.6, 'n': 100}]
    """
    import pandas as pd

    columns: list[pd.Series] = []
    for name, column in frame.items():
        cells = list(column) if column.dtype == object else []
        if not any(isinstance(cell, Estimate) for cell in cells):
            columns.append(column)
            continue
        known = [cell if isinstance(cell, Estimate) else Estimate(math.nan) for cell in cells]
        before = "" if name == "value" else f"{name}_"
        parts = {name: [cell.value if isinstance(cell, Estimate) else cell for cell in cells]}
        parts |= {f"{before}{end}": [getattr(cell, end) for cell in known] for end in ("low", "high", "n")}
        columns += [pd.Series(ones, frame.index, name=part) for part, ones in parts.items()]
    return pd.concat(columns, axis=1) if columns else frame


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
    """Write a number as the reports do: counts whole, others to three decimals or four digits, below 1e-12 as 0.

    Examples
    --------
    >>> format_number(3), format_number(3.0), format_number(107679.0), format_number(0.95123)
    ('3', '3.000', '107,679', '0.951')
    >>> format_number(12345.678), format_number(-0.00012), format_number(9.4892e13), format_number(-2.5e-9)
    ('12,346', '−0.00012', '9.489e+13', '−2.5e-09')
    """
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞" if value > 0 else "−∞"
    size = abs(value)
    if isinstance(value, int) or size >= 1000 or (size >= 10 and size == int(size)):
        text = f"{size:,.0f}" if size < (1e15 if isinstance(value, int) else 1e12) else f"{size:.4g}"
    elif 1e-12 <= size < 0.001:
        text = f"{size:.{1 - math.floor(math.log10(size))}f}" if size >= 1e-6 else f"{size:.3g}"
    else:
        text = f"{size:.4g}" if size >= 10 else f"{size:.3f}"
    return f"−{text}" if value < 0 and size >= 1e-12 else text


UNKNOWN = Estimate(math.nan)
PREFIX = "fairness."
_DISPARITY = ("_difference", "_ratio")
Direction = Literal["", "higher", "lower"]
#: Metrics that are better when lower, and those best at a value between the ends, so that neither way is better.
LOWER_IS_BETTER, AIMED_AT = map(frozenset, beside(__file__, "direction.yaml").values())


def direction(metric: str) -> Direction:
    """Tell whether a metric is better when higher or when lower; empty where neither way is better.

    Examples
    --------
    >>> direction("roc_auc"), direction("log_loss"), direction("calibration_slope")
    ('higher', 'lower', '')
    """
    return "" if metric in AIMED_AT else "lower" if metric in LOWER_IS_BETTER else "higher"


def better_when(name: str) -> Direction:
    """Tell whether a metric of the test part, or a disparity, is better when higher or when lower.

    Empty where neither way is better, or the number is of another kind.

    Examples
    --------
    >>> better_when("test.roc_auc"), better_when("test.log_loss"), better_when("test.calibration_slope")
    ('higher', 'lower', '')
    >>> better_when("fairness.sex.demographic_parity_ratio"), better_when("fairness.sex.Female.recall")
    ('higher', '')
    """
    if is_disparity(name):
        return "higher" if name.endswith("_ratio") else "lower"
    return direction(name.rpartition(".")[2]) if name.startswith("test.") else ""


def is_disparity(name: str) -> bool:
    """Whether a number compares groups of people."""
    return name.startswith(PREFIX) and name.endswith(_DISPARITY)


class GroupNumber(NamedTuple):
    """One number about a group, or about how far the groups of a feature are apart.

    Attributes
    ----------
    name : str
        The dotted name it has everywhere.
    feature : str
        Such as ``sex``, or ``sex+race`` for an intersection.
    group : str
        Such as ``Female``; of a disparity the class it is about, mostly empty.
    metric : str
    number : Estimate
    """

    name: str
    feature: str
    group: str
    metric: str
    number: Estimate

    @property
    def is_disparity(self) -> bool:
        """Whether it compares groups."""
        return self.metric.endswith(_DISPARITY)


def group_numbers(scalars: Mapping[str, Estimate]) -> list[GroupNumber]:
    """Return every number ``fairness.<feature>.<group>.<metric>`` and ``fairness.<feature>.<disparity>``, taken apart.

    Names may hold dots themselves, so features are first read off the disparities, which have no group.

    Examples
    --------
    >>> numbers = {"fairness.a.b.accuracy_difference": Estimate(0.1), "fairness.a.b.1.5.recall": Estimate(0.9)}
    >>> [(one.feature, one.group, one.metric) for one in group_numbers(numbers)]
    [('a.b', '', 'accuracy_difference'), ('a.b', '1.5', 'recall')]
    """
    split = [(name, *name.removeprefix(PREFIX).rpartition(".")[::2]) for name in scalars if name.startswith(PREFIX)]
    middles = {middle for _, middle, metric in split if metric.endswith(_DISPARITY)}
    # The shortest: of several classes, a disparity's name has the class after the feature.
    features = [one for one in middles if not any(one.startswith(f"{other}.") for other in middles)]
    found = []
    for name, middle, metric in split:
        feature = next((one for one in features if f"{middle}.".startswith(f"{one}.")), middle.partition(".")[0])
        found.append(GroupNumber(name, feature, middle[len(feature) + 1 :], metric, scalars[name]))
    return found


@dataclass(frozen=True, slots=True)
class KeyNumber:
    """A number for the head of a report, beside what it is to be compared with.

    Attributes
    ----------
    name : str
        As among the scalars; its last part is the metric, which tells whether more of it is better.
    label : str
        The name for a reader.
    value : Estimate
    on, beside : str
        Which rows it was measured on, and what it is compared with, such as ``test part`` and ``baseline``.
    other, difference : Estimate
        The number of what it is compared with, and the difference to it; may be not defined.
    better : {"", "higher", "lower"}
        Which of it is better, where its name does not say.
    """

    name: str
    label: str
    value: Estimate
    on: str = ""
    beside: str = ""
    other: Estimate = UNKNOWN
    difference: Estimate = UNKNOWN
    better: Direction = ""
