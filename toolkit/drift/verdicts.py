"""Judge two summaries of a column: broken, new or moved; and correct all verdicts of a comparison together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core.estimate import Estimate, format_number
from toolkit.core.resources import beside
from toolkit.core.words import value_text
from toolkit.drift.chance import judge_novelty, judge_pair
from toolkit.drift.distances import METHODS, Pair, pair_of
from toolkit.drift.summary import ColumnSummary
from toolkit.errors import InputError, listed
from toolkit.statistics.intervals import change, share_estimate
from toolkit.statistics.significance import all_alike, all_on_one_side, benjamini_hochberg, homogeneity

MISSING_THRESHOLD = 0.05
VERDICTS = ("broken", "drifted", "stable", "left out")
LEFT_OUT = {"identifier": "looks like an identifier", "nested": "holds lists, records or binary cells"}
# A change of units is believed where the distributions lie far apart, and close once the factor is taken out.
FAR, CLOSE = 0.3, 0.1
_POWERS = {10.0**power for power in range(1, 10)} | {60.0, 3600.0, 24.0, 1440.0, 86400.0}
_MEASURES = {2.54, 1 / 0.3048, 1.609344, 1 / 0.45359237}
_SLACK = [*((factor, 0.25) for factor in sorted(_POWERS)), *((factor, 0.02) for factor in sorted(_MEASURES))]
_NOTHING = Estimate(math.nan)

Row = dict[str, Any]
# What a column is said to be before it is judged, in the order of the columns of ``Drift.table``.
_BLANK: Row = beside(__file__, "columns.yaml")
_BLANK |= dict.fromkeys(("distance", "by_chance", "missing_difference"), _NOTHING) | {"new_names": ()}


@dataclass(frozen=True)
class Plan:
    """How columns are compared.

    Attributes
    ----------
    methods : str, dict of str to str, or None
        One for all columns that it can compare, or by column; the default for the others.
    thresholds : dict of str to float
        By column.
    alpha : float
        Rate of false alarms.
    rare : float
        How improbable chance must be for a break, or for something new, to be reported.
    seed : int
    importance : dict of str to float
        Of the columns of the reference to the model, where there is one and these are not those of a profile.
    """

    methods: str | Mapping[str, str] | None
    thresholds: Mapping[str, float]
    alpha: float
    rare: float
    seed: int
    importance: Mapping[str, float] = field(default_factory=dict)

    def method_for(self, name: str, pair: Pair) -> str:
        """Return the method for a column, or refuse one that cannot compare its values."""
        asked = self.methods.get(name) if isinstance(self.methods, Mapping) else self.methods
        if asked is None or pair.applies(asked):
            return asked or pair.default_method
        if isinstance(self.methods, str):
            return pair.default_method
        held = "numbers" if pair.scale else f"{len(pair.points):,} labels or few whole numbers"
        fitting = [method for method in METHODS if pair.applies(method)]
        raise InputError(f"Method {asked!r} cannot compare {name!r}, which holds {held}. Use {listed(fitting)}.")


def judge_column(reference: ColumnSummary, current: ColumnSummary | None, plan: Plan) -> Row:
    """Compare two summaries of one column, before anything is corrected for the others.

    A target or a prediction that the current table does not have is no break; a target of no rows is not known yet.
    """
    missing = reference.missing / max(reference.rows, 1)
    row = _BLANK | {"column": reference.name, "role": reference.role, "importance": reference.importance}
    row |= {"threshold": plan.thresholds[reference.name], "missing_reference": missing}
    for part in (reference, current):
        if part is not None and part.dtype in LEFT_OUT:
            return row | {"verdict": "left out", "why": LEFT_OUT[part.dtype], "missing_reference": math.nan}
    if current is None or not current.rows:
        why = "is not in the current table" if current is None else "is not known yet"
        if not reference.known:
            return row | {"verdict": "left out", "why": f"{why}, and had no value in the reference"}
        return row | ({"code": "GONE"} if reference.role == "feature" else {"verdict": "left out"}) | {"why": why}
    row["code"], row["why"] = find_break(reference, current, plan.rare)
    counts = [np.array([part.missing, part.known]) / part.missing_effect for part in (reference, current)]
    before, now = (share_estimate(part[0], part.sum()) for part in counts)
    row["missing_current"] = now.value
    row["missing_difference"] = replace(change(now, before), n=reference.rows + current.rows, method="Newcombe")
    row["missing_p"] = homogeneity(*counts) if reference.missing + current.missing else math.nan
    if row["code"] == "TYPE" or "missing" in (reference.dtype, current.dtype):
        return row
    pair = pair_of(reference, current)
    method = plan.method_for(reference.name, pair)
    if pair.scale:
        both = reference.std > 0 and current.std > 0
        wider = both and abs(math.log(current.std / reference.std)) > abs(current.mean - reference.mean) / reference.std
        what, attribute = ("standard deviation", "std") if wider else ("mean", "mean")
        said = [format_number(getattr(one, attribute)) for one in (reference, current)]
        text = f"{what} {' → '.join(said)}"
    else:
        old, new = pair.reference / pair.reference.sum(), pair.current / pair.current.sum()
        most = int(np.argmax(np.abs(new - old)))
        text = f"{value_text(pair.labels[most])}: {old[most]:.1%} → {new[most]:.1%}"
    row |= {"kind": "number" if pair.scale else "label", "method": method, "change": text}
    row["grouped"] = reference.hashed or current.hashed
    return row | judge_pair(pair, method, plan.seed) | judge_novelty(reference, current, pair)


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
    unit = reference.unit
    if reference.dtype == "missing":
        return "", ""
    if current.dtype == "missing":
        if all_on_one_side(reference.known * unit, reference.rows * unit, current.rows * current.unit) >= rare:
            return "", ""
        empty = reference.missing / reference.rows
        had = f"{empty:.1%} of the rows had none" if empty else "every row had one"
        return "ALL-MISSING", f"has no value in any row; in the reference {had}"
    if reference.is_number != current.is_number:
        held = {True: "numbers", False: "text"}
        return "TYPE", f"holds {held[current.is_number]}; in the reference {held[reference.is_number]}"
    if len(current.distinct) == 1 and len(reference.distinct) > 1 and reference.hashed == current.hashed:
        same = reference.distinct == current.distinct[0]
        alike = current.known * current.unit
        both = np.append(reference.counts[~same] * unit, reference.counts[same].sum() * unit + alike)
        if all_alike(both, alike) < rare:
            return "CONSTANT", f"has the same value in every row ({value_text(current.distinct[0])})"
    if reference.is_number and (factor := unit_change(reference, current)):
        text = f"multiplied by {format_number(factor)}" if factor > 1 else f"divided by {format_number(1 / factor)}"
        return "UNIT", f"looks {text}: once that is undone, it agrees with the reference"
    return "", ""


def unit_change(reference: ColumnSummary, current: ColumnSummary) -> float:
    """Return the factor of a change of units (×1,000, minutes to seconds, miles to kilometres), or 0.

    The ratio of the medians of the sizes points to a known factor; it is believed where the greatest gap between the
    cumulative shares was above 0.3 and taking the factor out brings it below 0.1.
    """
    before, after = reference.reduced, current.reduced
    if min(middles := (_middle_size(before), _middle_size(after))) == 0 or _gap(before, after, 1.0) < FAR:
        return 0.0
    tried = ((candidate, slack) for factor, slack in _SLACK for candidate in (factor, 1 / factor))
    near = (candidate for candidate, slack in tried if abs(math.log(middles[1] / middles[0] / candidate)) < slack)
    return next((candidate for candidate in near if _gap(before, after, candidate) < CLOSE), 0.0)


def _middle_size(summary: ColumnSummary) -> float:
    """Median of the absolute values that are not 0."""
    sizes, counts = np.abs(summary.distinct), summary.counts * (summary.distinct != 0)
    return float(np.quantile(sizes, 0.5, weights=counts, method="inverted_cdf")) if counts.any() else 0.0


def _gap(reference: ColumnSummary, current: ColumnSummary, factor: float) -> float:
    """Greatest difference of the cumulative shares once the current values are divided by a factor."""
    values = np.concatenate([reference.distinct, current.distinct / factor])
    steps = np.concatenate([reference.counts / reference.known, -current.counts / current.known])
    order = np.argsort(values, kind="stable")
    last = np.append(np.diff(values[order]) > 1e-9 * np.abs(values[order][1:]), True)
    return float(np.abs(np.cumsum(steps[order])[last]).max())


def corrected(rows: Sequence[Row], plan: Plan, others: Sequence[float] = ()) -> tuple[pd.DataFrame, list[float]]:
    """Adjust all p values of one comparison together and say what follows for each column.

    The procedure of Benjamini & Hochberg (1995, doi:10.1111/j.2517-6161.1995.tb02031.x): where nothing has drifted,
    something is called drifted in at most ``alpha`` of comparisons. A column is ``drifted`` where its distance beyond
    chance reaches the threshold and its adjusted p value is at most ``alpha``, or where the same holds for the share of
    missing values and 0.05.

    Parameters
    ----------
    rows : list of dict
        As ``judge_column`` returns them.
    plan : Plan
    others : list of float
        P values of the same comparison that belong to no column.

    Returns
    -------
    table : DataFrame
        What is broken first, then what has drifted most.
    others : list of float
        The others, adjusted.
    """
    table = pd.DataFrame(list(rows))
    family = benjamini_hochberg(np.concatenate([table["p_value"], table["missing_p"], others]).astype(float))
    table["p_adjusted"], table["missing_p_adjusted"], adjusted = np.split(family, [len(table), 2 * len(table)])
    change = np.array([abs(cell.value) for cell in table["missing_difference"]])
    table["moved"] = (table["beyond_chance"] >= table["threshold"]) & (table["p_adjusted"] <= plan.alpha)
    table["emptied"] = (change >= MISSING_THRESHOLD) & (table["missing_p_adjusted"] <= plan.alpha)
    strength = pd.Series(np.fmax(table["beyond_chance"] / table["threshold"], change / MISSING_THRESHOLD))
    table["impact"] = table["importance"] * strength
    table["verdict"] = table["verdict"].mask(table["moved"] | table["emptied"], "drifted")
    table["verdict"] = table["verdict"].mask(table["code"] != "", "broken")
    weight = table["impact"].fillna(strength).fillna(0)
    order = np.lexsort((-weight.to_numpy(), table["verdict"].map(VERDICTS.index).to_numpy()))
    return table.iloc[order].reset_index(drop=True), adjusted.tolist()


def corrected_windows(rows: Sequence[Row], plan: Plan) -> pd.DataFrame:
    """Correct the verdicts of all windows together, and keep the windows in their order."""
    if not rows:
        return pd.DataFrame(columns=["window", *_BLANK])
    order = list(dict.fromkeys(row["window"] for row in rows))
    table = corrected(rows, plan)[0]
    return table.sort_values("window", key=lambda labels: labels.map(order.index), kind="stable", ignore_index=True)


def share_moved(features: pd.DataFrame, weight: pd.Series[float], n: int) -> Estimate:
    """Return the share of the weight on drifted columns, between those that surely and those that possibly are."""
    if not len(features) or not (total := float(weight.sum())):
        return Estimate(math.nan, n=n)
    found = features["verdict"].isin(["broken", "drifted"])
    sure = (features["verdict"] == "broken") | features["emptied"]
    low = np.array([cell.low for cell in features["distance"]]) >= features["threshold"]
    high = np.array([cell.high for cell in features["distance"]]) >= features["threshold"]
    value, least, most = (float(weight[part].sum()) / total for part in (found, found & (sure | low), found | high))
    if least == most:
        return Estimate(value, n=n, method="no interval: no column is near its threshold")
    return Estimate(value, least, most, n, "columns whose interval lies above, or reaches, their threshold")
