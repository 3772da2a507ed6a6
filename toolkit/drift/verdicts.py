"""Judge two summaries of a column, and correct all verdicts of a comparison together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core.estimate import Estimate, format_number
from toolkit.drift.breaks import Novelty, find_break, novelty, shown
from toolkit.drift.chance import homogeneity, judge_pair
from toolkit.drift.distances import DISTANCE_THRESHOLD, METHODS, Pair, applies, default_method, pair_of
from toolkit.drift.summary import ColumnSummary
from toolkit.errors import InputError, listed
from toolkit.statistics.intervals import mover_difference, share_estimate
from toolkit.statistics.multiplicity import benjamini_hochberg

MISSING_THRESHOLD = 0.05
VERDICTS = ("broken", "drifted", "stable", "left out")
LEFT_OUT = {"identifier": "looks like an identifier", "nested": "holds lists, records or binary cells"}
_NOTHING = Estimate(math.nan)

Row = dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """How columns are compared.

    Attributes
    ----------
    methods : dict of str to str
        By column; for the others ``method`` where it applies to the kind of the column, else the default.
    thresholds : dict of str to float
        By column; for the others ``threshold``.
    alpha : float
        Rate of false alarms.
    rare : float
        How improbable chance must be for a break, or for something new, to be reported.
    """

    methods: Mapping[str, str] = field(default_factory=dict)
    method: str | None = None
    thresholds: Mapping[str, float] = field(default_factory=dict)
    threshold: float = DISTANCE_THRESHOLD
    alpha: float = 0.05
    rare: float = 0.001
    seed: int = 0

    def method_for(self, name: str, pair: Pair) -> str:
        """Return the method for a column, or refuse one that cannot compare its values."""
        asked = self.methods.get(name)
        if asked is not None and not applies(asked, pair):
            held = "numbers" if pair.scale else f"{len(pair.points):,} labels or few whole numbers"
            fitting = [method for method in METHODS if applies(method, pair)]
            raise InputError(f"Method {asked!r} cannot compare {name!r}, which holds {held}. Use {listed(fitting)}.")
        if asked is None and self.method is not None and applies(self.method, pair):
            asked = self.method
        return asked or default_method(pair)


def judge_column(reference: ColumnSummary, current: ColumnSummary | None, plan: Plan) -> Row:
    """Compare two summaries of one column, before anything is corrected for the others."""
    threshold = plan.thresholds.get(reference.name, plan.threshold)
    row = _blank(reference, threshold)
    if reference.dtype in LEFT_OUT or (current is not None and current.dtype in LEFT_OUT):
        reason = LEFT_OUT.get(reference.dtype) or LEFT_OUT[current.dtype if current else ""]
        return row | {"verdict": "left out", "why": reason, "missing_reference": math.nan}
    if current is None and not reference.known:
        return row | {"verdict": "left out", "why": "is not in the current table, and had no value in the reference"}
    if current is None:
        return row | {"code": "GONE", "why": "is not in the current table"}
    row |= _missing(reference, current)
    code, detail = find_break(reference, current, plan.rare)
    row |= {"code": code, "why": detail}
    if code == "TYPE" or "missing" in (reference.dtype, current.dtype):
        return row
    pair = pair_of(reference, current)
    method = plan.method_for(reference.name, pair)
    judged = judge_pair(pair, method, plan.seed)
    new = novelty(reference, current, pair)
    return row | {
        "kind": "number" if pair.scale else "label",
        "method": method,
        "distance": judged.distance,
        "by_chance": judged.by_chance,
        "beyond_chance": judged.beyond,
        "score": judged.score,
        "p_value": judged.p_value,
        "change": _change(reference, current, pair),
        "new_labels": new.new,
        "new_share": new.new_share,
        "vanished_labels": new.vanished,
        "vanished_share": new.vanished_share,
        "outside_share": new.outside_share,
        "novelty": new,
        "grouped": reference.hashed or current.hashed,
    }


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
    size = len(table)
    table["p_adjusted"], table["missing_p_adjusted"] = family[:size], family[size : 2 * size]
    moved = (table["beyond_chance"] >= table["threshold"]) & (table["p_adjusted"] <= plan.alpha)
    change = np.array([abs(cell.value) for cell in table["missing_difference"]])
    emptied = (change >= MISSING_THRESHOLD) & (table["missing_p_adjusted"] <= plan.alpha)
    table["moved"], table["emptied"] = moved, emptied
    strength = pd.Series(np.fmax(table["beyond_chance"] / table["threshold"], change / MISSING_THRESHOLD))
    table["impact"] = table["importance"] * strength
    table["verdict"] = table["verdict"].where(~(moved | emptied), "drifted")
    table["verdict"] = table["verdict"].where(table["code"] == "", "broken")
    rank = [VERDICTS.index(verdict) for verdict in table["verdict"]]
    weight = table["impact"].fillna(strength).fillna(0)
    order = np.lexsort((-weight.to_numpy(), np.array(rank)))
    return table.iloc[order].reset_index(drop=True), family[2 * size :].tolist()


def _blank(reference: ColumnSummary, threshold: float) -> Row:
    return {
        "column": reference.name,
        "role": reference.role,
        "kind": "",
        "method": "",
        "distance": _NOTHING,
        "by_chance": _NOTHING,
        "beyond_chance": math.nan,
        "threshold": threshold,
        "score": math.nan,
        "p_value": math.nan,
        "change": "",
        "missing_reference": reference.missing / reference.rows,
        "missing_current": math.nan,
        "missing_difference": _NOTHING,
        "missing_p": math.nan,
        "new_labels": 0,
        "new_share": math.nan,
        "vanished_labels": 0,
        "vanished_share": math.nan,
        "outside_share": math.nan,
        "novelty": Novelty(),
        "grouped": False,
        "importance": reference.importance,
        "verdict": "stable",
        "code": "",
        "why": "",
    }


def _missing(reference: ColumnSummary, current: ColumnSummary) -> Row:
    before, after = (share_estimate(part.missing, part.rows) for part in (reference, current))
    n = reference.rows + current.rows
    counts = [np.array([part.missing, part.known], dtype=float) for part in (reference, current)]
    return {
        "missing_current": after.value,
        "missing_difference": Estimate(after.value - before.value, *mover_difference(after, before), n, "Newcombe"),
        "missing_p": homogeneity(*counts) if reference.missing + current.missing else math.nan,
    }


def _change(reference: ColumnSummary, current: ColumnSummary, pair: Pair) -> str:
    """Say in a few words what moved: the mean or the spread, or the label whose share changed most."""
    if pair.scale:
        both = reference.std > 0 and current.std > 0
        if both and abs(math.log(current.std / reference.std)) > abs(current.mean - reference.mean) / reference.std:
            return f"standard deviation {format_number(reference.std)} → {format_number(current.std)}"
        return f"mean {format_number(reference.mean)} → {format_number(current.mean)}"
    before, after = pair.reference / pair.reference.sum(), pair.current / pair.current.sum()
    most = int(np.argmax(np.abs(after - before)))
    return f"{shown(pair.labels[most])}: {before[most]:.1%} → {after[most]:.1%}"


def share_moved(features: pd.DataFrame, weight: pd.Series[float], n: int) -> Estimate:
    """Return the share of the weight on drifted columns, between those that surely and those that possibly are."""
    if not len(features) or not float(weight.sum()):
        return Estimate(math.nan, n=n)
    found = features["verdict"].isin(["broken", "drifted"])
    sure = (features["verdict"] == "broken") | features["emptied"]
    low = np.array([cell.low for cell in features["distance"]]) >= features["threshold"]
    high = np.array([cell.high for cell in features["distance"]]) >= features["threshold"]
    total = float(weight.sum())
    value, least, most = (float(weight[part].sum()) / total for part in (found, found & (sure | low), found | high))
    if least == most:
        return Estimate(value, n=n, method="no interval: no column is near its threshold")
    return Estimate(value, least, most, n, "columns whose interval lies above, or reaches, their threshold")
