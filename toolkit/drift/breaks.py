"""What is broken rather than drifted, and what was never seen before: gone, empty, constant, in other units, new."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from toolkit.core.estimate import format_number
from toolkit.drift.chance import all_alike, all_on_one_side
from toolkit.drift.distances import Pair
from toolkit.drift.summary import ColumnSummary, align

# A change of units is believed where the distributions lie far apart, and close once the factor is taken out.
FAR, CLOSE = 0.3, 0.1
_POWERS = {10.0**power for power in range(1, 10)} | {60.0, 3600.0, 24.0, 1440.0, 86400.0}
_MEASURES = {2.54, 1 / 0.3048, 1.609344, 1 / 0.45359237}
_SLACK = [*((factor, 0.25) for factor in sorted(_POWERS)), *((factor, 0.02) for factor in sorted(_MEASURES))]


@dataclass(frozen=True, slots=True)
class Novelty:
    """Values of the current column that the reference does not have, and the other way round.

    Attributes
    ----------
    new, vanished : int
        Labels found in the current table only, in the reference only.
    new_share, vanished_share : float
        Their share of the rows with a value.
    outside_share : float
        Share of numbers beyond the reference's range; NaN for labels.
    names : tuple of str
        The most frequent new labels.
    p_new, p_vanished, p_outside : float
        Chance that rows of one population fall so, corrected for all labels; exact, by shuffling.
    """

    new: int = 0
    vanished: int = 0
    new_share: float = 0.0
    vanished_share: float = 0.0
    outside_share: float = math.nan
    names: tuple[str, ...] = ()
    p_new: float = 1.0
    p_vanished: float = 1.0
    p_outside: float = 1.0


def find_break(reference: ColumnSummary, current: ColumnSummary, rare: float) -> tuple[str, str]:
    """Name what is broken in a column, or return two empty texts.

    Parameters
    ----------
    reference, current : ColumnSummary
    rare : float
        How improbable it must be that the current rows merely look constant or empty: that as many, drawn at random
        from all rows, are alike, or have no value.

    Returns
    -------
    (code, detail)
        ``ALL-MISSING``, ``TYPE``, ``CONSTANT`` or ``UNIT``, and the same in words.
    """
    if reference.dtype == "missing":
        return "", ""
    if current.dtype == "missing":
        if all_on_one_side(reference.known, reference.rows, current.rows) < rare:
            return "ALL-MISSING", f"has no value in any row; in the reference {_missing_text(reference)}"
        return "", ""
    if reference.is_number != current.is_number:
        held = {True: "numbers", False: "text"}
        return "TYPE", f"holds {held[current.is_number]}; in the reference {held[reference.is_number]}"
    if len(current.distinct) == 1 and len(reference.distinct) > 1 and reference.hashed == current.hashed:
        same = reference.distinct == current.distinct[0]
        both = np.append(reference.counts[~same], reference.counts[same].sum() + current.known)
        if all_alike(both, current.known) < rare:
            return "CONSTANT", f"has the same value in every row ({shown(current.distinct[0])})"
    if reference.is_number:
        factor = unit_change(reference, current)
        if factor:
            text = f"multiplied by {format_number(factor)}" if factor > 1 else f"divided by {format_number(1 / factor)}"
            return "UNIT", f"looks {text}: once that is undone, it agrees with the reference"
    return "", ""


def unit_change(reference: ColumnSummary, current: ColumnSummary) -> float:
    """Return the factor of a change of units (×1,000, minutes to seconds, miles to kilometres), or 0.

    The ratio of the medians of the sizes points to a known factor; it is believed where the greatest gap between the
    cumulative shares was above 0.3 and taking the factor out brings it below 0.1.
    """
    before, after = reference.reduced, current.reduced
    middles = _middle_size(before), _middle_size(after)
    if min(middles) == 0 or _gap(before, after, 1.0) < FAR:
        return 0.0
    ratio = middles[1] / middles[0]
    for factor, slack in _SLACK:
        for candidate in (factor, 1 / factor):
            if abs(math.log(ratio / candidate)) < slack and _gap(before, after, candidate) < CLOSE:
                return candidate
    return 0.0


def novelty(reference: ColumnSummary, current: ColumnSummary, pair: Pair) -> Novelty:
    """Count what is new and what has vanished in two columns of one kind."""
    n, m = pair.sizes
    if pair.scale:
        first, last = np.searchsorted(pair.points, reference.distinct[[0, -1]])
        below, above = int(pair.current[:first].sum()), int(pair.current[last + 1 :].sum())
        chance = 2 * min(all_on_one_side(above, m, n), all_on_one_side(below, m, n))
        return Novelty(outside_share=(above + below) / m, p_outside=min(chance, 1.0))
    values, before, after = align(reference, current)
    fresh, gone = before == 0, after == 0
    most = int(after[fresh].max(initial=0)), int(before[gone].max(initial=0))
    order = np.argsort(-after * fresh, kind="stable")[: min(int(fresh.sum()), 5)]
    return Novelty(
        new=int(fresh.sum()),
        vanished=int(gone.sum()),
        new_share=float(after[fresh].sum()) / m,
        vanished_share=float(before[gone].sum()) / n,
        names=tuple(shown(values[place]) for place in order),
        p_new=min(1.0, len(values) * all_on_one_side(most[0], m, n)) if most[0] else 1.0,
        p_vanished=min(1.0, len(values) * all_on_one_side(most[1], n, m)) if most[1] else 1.0,
    )


def _middle_size(summary: ColumnSummary) -> float:
    """Median of the absolute values that are not 0."""
    sizes, counts = np.abs(summary.distinct), summary.counts * (summary.distinct != 0)
    if not counts.sum():
        return 0.0
    order = np.argsort(sizes)
    return float(sizes[order][np.searchsorted(np.cumsum(counts[order]), counts.sum() / 2)])


def _gap(reference: ColumnSummary, current: ColumnSummary, factor: float) -> float:
    """Greatest difference of the cumulative shares once the current values are divided by a factor."""
    values = np.concatenate([reference.distinct, current.distinct / factor])
    steps = np.concatenate([reference.counts / reference.known, -current.counts / current.known])
    order = np.argsort(values, kind="stable")
    last = np.append(np.diff(values[order]) > 1e-9 * np.abs(values[order][1:]), True)
    return float(np.abs(np.cumsum(steps[order])[last]).max())


def _missing_text(summary: ColumnSummary) -> str:
    return f"{summary.missing / summary.rows:.1%} of the rows had none" if summary.missing else "every row had one"


def shown(value: object) -> str:
    """Write a value of a column, shortened."""
    text = str(value)
    if isinstance(value, float):
        text = format_number(int(value) if value.is_integer() else float(value))
    return text if len(text) <= 40 else text[:39] + "…"
