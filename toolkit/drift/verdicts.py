"""Judge two summaries of a column: broken, new, or moved beyond chance; and correct all verdicts of a comparison."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.special import kolmogorov

from toolkit.core import UNKNOWN, Estimate, beside, format_number, quoted, value_text
from toolkit.drift.distances import METHODS, SMALL, Pair, evidently_score, pair_of
from toolkit.drift.summary import ColumnSummary, align, unit_change
from toolkit.errors import InputError, listed
from toolkit.statistics import RULE_OF_THREE, Array, cell_text, change, share_estimate, t_quantile
from toolkit.statistics.significance import all_alike, all_on_one_side, benjamini_hochberg, homogeneity

MISSING_THRESHOLD = 0.05
REPLICATES = 200
_CELLS_DRAWN = 400_000
VERDICTS = ("broken", "drifted", "stable", "left out")
LEFT_OUT = {"identifier": "looks like an identifier", "nested": "holds lists, records or binary cells"}

Row = dict[str, Any]
# What a column is said to be before it is judged, in the order of the columns of ``Drift.table``.
BLANK: Row = beside(__file__, "columns.yaml")
BLANK |= dict.fromkeys(("distance", "by_chance", "missing_difference"), UNKNOWN) | {"new_names": ()}


class Plan(NamedTuple):
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
    dates : frozenset of str
        Columns of days since 1970-01-01.
    """

    methods: str | Mapping[str, str] | None
    thresholds: Mapping[str, float]
    alpha: float
    rare: float
    seed: int
    importance: Mapping[str, float] = {}
    dates: frozenset[str] = frozenset()

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
    row = BLANK | {"column": reference.name, "role": reference.role, "importance": reference.importance}
    row |= {"threshold": plan.thresholds[reference.name], "missing_reference": missing}
    for part in (reference, current):
        if part is not None and part.dtype in LEFT_OUT:
            return row | {"verdict": "left out", "why": LEFT_OUT[part.dtype], "missing_reference": math.nan}
    if current is None or not current.rows:
        why = "is not in the current table" if current is None else "is not known yet"
        if not reference.known:
            return row | {"verdict": "left out", "why": f"{why}, and had no value in the reference"}
        return row | ({"code": "GONE"} if reference.role == "feature" else {"verdict": "left out"}) | {"why": why}
    reference, current = reference.beside(current), current.beside(reference)
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
        dated, ones = reference.name in plan.dates, (reference, current)
        if wider:
            text = f"standard deviation {format_number(reference.std)} → {format_number(current.std)}{' days' * dated}"
        else:
            means = (cell_text(math.floor(one.mean), True) if dated else format_number(one.mean) for one in ones)
            text = f"mean {' → '.join(means)}"
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


def judge_pair(pair: Pair, method: str, seed: int = 0) -> dict[str, Any]:
    """Measure the distance of a pair, its p value and what it would be by chance.

    Rows are resampled as counts of cells (a multinomial draw has the same distribution), as many as there would be
    independent ones. Distances of samples are too
    large on average; what resampling adds once more is taken out again (Efron & Tibshirani 1993,
    doi:10.1201/9780429246593, chapter 10), on the scale of squares where chance adds up in squares.

    Returns
    -------
    dict
        ``distance`` (Estimate), with an interval for the distance between the two populations; ``by_chance``
        (Estimate), what two samples of these sizes from one population are apart on average, and where 95% of them lie;
        ``beyond_chance``, the distance with what chance adds to it taken out, 0 where nothing is left; ``score``, which
        is evidently's number; ``p_value``.
    """
    full = pair.distance(method)
    cells = pair.cells(method, few=True)
    n, m = pair.sizes
    sizes = pair.effective
    rng = np.random.default_rng(seed)
    replicates = int(np.clip(_CELLS_DRAWN // max(len(cells.reference), 1), 20, REPLICATES))

    def resampled(*shares: Array) -> list[Array]:
        drawn = zip(sizes, shares, strict=True)
        return [rng.multinomial(round(size), part / part.sum(), replicates).astype(float) for size, part in drawn]

    # Chance adds to a distance that is a root of squares as sqrt(d² + c²), so that squares are what it shifts evenly.
    power = 2 if METHODS[method].squared else 1
    before, after, pooled = cells.reference / n, cells.current / m, (cells.reference + cells.current) / (n + m)
    drawn = cells.among(method, *resampled(before, after)) ** power
    alone = cells.among(method, *resampled(pooled, pooled))
    # The resampled pair is to the observed one as that is to the populations: what the step down there adds on
    # average was added here as well, and is taken off. Both sides of the step use the same pooled cells.
    centre = full**power - (float(drawn.mean()) - float(cells.among(method, cells.reference, cells.current)) ** power)
    # Resampling does not show how far rows not seen may move a distance of cells that are all alike (rule of three).
    alike = not METHODS[method].labels or 1 in (np.count_nonzero(cells.reference), np.count_nonzero(cells.current))
    unseen = min(RULE_OF_THREE / min(sizes), 1.0) ** power if alike else 0.0
    # Which scale is nearer to normal, the given one or its root, depends on how far from 0 the distance lies: the wider
    # end of both is taken.
    quantile, root = t_quantile(int(min(sizes))), math.sqrt(max(centre, 0.0))
    half = quantile * float(drawn.std(ddof=1)) + unseen
    half_root = quantile * float(np.sqrt(drawn).std(ddof=1)) + math.sqrt(unseen)
    low = min(max(centre - half, 0.0), max(root - half_root, 0.0) ** 2) ** (1 / power)
    high = max(centre + half, (root + half_root) ** 2) ** (1 / power)
    # Freed from chance, both ends may lie below the distance as observed, which an interval must hold all the same.
    low, high = min(low, full), min(max(high, full), METHODS[method].most)
    how = f"counts resampled, {replicates} replicates"
    distance = Estimate(full, low, high, n + m, f"cell {how}")
    few, many = np.quantile(alone, [0.025, 0.975]).tolist()
    score = evidently_score(pair, method, full)
    return {
        "distance": distance if min(n, m) > 1 else Estimate(full, n=n + m, method="no interval: one row"),
        "by_chance": Estimate(float(alone.mean()), few, many, n + m, f"pooled {how}"),
        "beyond_chance": max(centre, 0.0) ** (1 / power),
        "score": score,
        "p_value": score if method in ("ks", "anderson") and pair.effects == (1, 1) else p_value(pair),
    }


def p_value(pair: Pair) -> float:
    """Test whether both columns come from one population.

    Numbers on a scale by Kolmogorov and Smirnov, exact up to 1,000 rows, above by the limiting distribution with the
    correction of Stephens (1970, doi:10.1111/j.2517-6161.1970.tb00821.x). Labels by ``homogeneity``. Rows of groups
    count as so many independent ones (Rao & Scott 1992, doi:10.2307/2532311).
    """
    n, m = pair.effective
    if not pair.scale:
        return homogeneity(pair.reference / pair.effects[0], pair.current / pair.effects[1])
    if max(pair.sizes) <= SMALL and pair.effects == (1, 1):
        return evidently_score(pair, "ks", math.nan)
    # The root of the effective size, as two samples wobble like one of n m / (n + m) rows.
    root = math.sqrt(n * m / (n + m))
    return float(kolmogorov((root + 0.12 + 0.11 / root) * pair.distance("ks")))


def judge_novelty(reference: ColumnSummary, current: ColumnSummary, pair: Pair) -> dict[str, Any]:
    """Count labels that are new and that have vanished, or numbers beyond the reference's range.

    The p values are the chance that rows of one population fall so, corrected for all labels; exact, by shuffling.
    """
    n, m = pair.sizes
    here, there = m * current.unit, n * reference.unit
    if pair.scale:
        first, last = np.searchsorted(pair.labels, reference.distinct[[0, -1]])
        below, above = int(pair.current[:first].sum()), int(pair.current[last + 1 :].sum())
        chance = 2 * min(all_on_one_side(rows * current.unit, here, there) for rows in (above, below))
        beyond = {"outside_share": (above + below) / m, "p_outside": min(chance, 1.0)}
        return beyond | {"new_share": 0.0, "vanished_share": 0.0}
    values, before, after = align(reference, current)
    new, vanished = after * (before == 0), before * (after == 0)
    most_often = [values[place] for place in np.argsort(-new, kind="stable")[: min(np.count_nonzero(new), 5)]]
    names = tuple(quoted(one[:40]) if isinstance(one, str) and one else value_text(one) for one in most_often)
    found: dict[str, Any] = {"new_names": names}
    sides = ("new", new, current, (here, there)), ("vanished", vanished, reference, (there, here))
    for which, counts, column, sizes in sides:
        most = counts.max(initial=0) * column.unit
        chance = min(1.0, len(values) * all_on_one_side(most, *sizes)) if most else 1.0
        found |= {f"{which}_labels": np.count_nonzero(counts), f"p_{which}": chance}
        found[f"{which}_share"] = float(counts.sum()) / (m if which == "new" else n)
    return found


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
        What is broken first, then what has drifted most; where rows are of windows, these in their order.
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
    window = pd.factorize(table["window"])[0] if "window" in table else np.zeros(len(table))
    order = np.lexsort((-weight.to_numpy(), table["verdict"].map(VERDICTS.index).to_numpy(), window))
    return table.iloc[order].reset_index(drop=True), adjusted.tolist()
