"""The numbers that head a report, each beside what it is to be compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from toolkit.core.estimate import Estimate
from toolkit.core.words import titled

UNKNOWN = Estimate(math.nan)


@dataclass(frozen=True, slots=True)
class HeadNumber:
    """A number for the head of a report.

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
    """

    name: str
    label: str
    value: Estimate
    on: str
    beside: str
    other: Estimate = UNKNOWN
    difference: Estimate = UNKNOWN

    def plain(self) -> dict[str, object]:
        """Write it for JSON.

        Examples
        --------
        >>> HeadNumber("test.f1", "F1", Estimate(0.5, 0.4, 0.6, 100), "test part", "baseline").plain()["on"]
        'test part'
        """
        numbers = {key: getattr(self, key).plain() for key in ("value", "other", "difference")}
        return asdict(self) | numbers


def against_baseline(scalars: Mapping[str, Estimate]) -> tuple[HeadNumber, ...]:
    """Return the numbers of the test part that have a baseline beside them.

    Examples
    --------
    >>> found = against_baseline({"test.f1": Estimate(0.5), "baseline.f1": Estimate(0.1), "test.rows": Estimate(9)})
    >>> [(one.name, one.label, str(one.value), str(one.other)) for one in found]
    [('test.f1', 'F1', '0.500', '0.100')]
    """
    return tuple(
        HeadNumber(
            name,
            titled(metric),
            number,
            "test part",
            "baseline",
            scalars[f"baseline.{metric}"],
            scalars.get(f"difference.{metric}", UNKNOWN),
        )
        for name, number in scalars.items()
        for part, _, metric in [name.partition(".")]
        if part == "test" and f"baseline.{metric}" in scalars
    )
