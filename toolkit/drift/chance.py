"""What chance alone does to a distance and to new values: p values, what is expected without drift, and intervals."""

import math
from typing import Any

import numpy as np
from scipy.special import kolmogorov

from toolkit.core.estimate import Estimate
from toolkit.core.words import quoted, value_text
from toolkit.drift.distances import METHODS, SMALL, Pair, evidently_score
from toolkit.drift.summary import ColumnSummary, align
from toolkit.statistics.intervals import RULE_OF_THREE, Array, t_quantile
from toolkit.statistics.significance import all_on_one_side, homogeneity

REPLICATES = 200
_CELLS_DRAWN = 400_000


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
        first, last = np.searchsorted(pair.points, reference.distinct[[0, -1]])
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
