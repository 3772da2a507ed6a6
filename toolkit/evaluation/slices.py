"""Find the subgroups that a model serves worst, by a shallow search that corrects for having searched."""

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from toolkit.core import Drawing, Estimate, Face, Finding, Result, by_severity, draw_beside, format_number, shorten
from toolkit.data import Dataset, Split, judged_rows
from toolkit.errors import whole
from toolkit.evaluation.findings import drawing, face, finding
from toolkit.evaluation.scan import MOST_PAIRED_LEVELS, Scan, correct, row_losses, search
from toolkit.models import ThresholdLike, predict_at
from toolkit.statistics import Array, Measure, Units, Z, mean, reach_of, share, unbounded, weights_of

MOST_ROWS = 200_000
_COLUMNS = ["slice", "rows", "share", "loss", "overall", "difference", "p_adjusted"]


def find_slices(
    model: Any,
    data: Dataset | Split,
    *,
    threshold: ThresholdLike = None,
    depth: int = 2,
    min_rows: int | None = None,
    seed: int = 0,
) -> "Slices":
    """Search single columns and pairs of columns for rows on which the model's loss is higher than on the rest.

    Numbers are cut at rounded quartiles, other columns into their frequent values; features and sensitive columns are
    searched. Each slice is compared with all other rows on the loss of each row, by weights and independent groups
    where rows have them; of a regression the tests hold the largest 0.5 % of errors at the next, so that a slice may
    stand out though the interval of its difference, of the errors as they are, holds 0. All slices examined count: p
    values are those of the step-down maxT of Westfall & Young (1993, ISBN 9780471557616), half of the level for single
    columns and half for pairs, so that where no slice is worse, one is reported in at most 5 % of searches; each end of
    every interval of a slice holds for all at once. A pair is left out unless it is worse than what remains of each of
    its parents, and so is a slice most of whose rows are in worse ones. At most ten are kept.

    Of more than 200,000 rows a random sample of that many is searched. A table with too many columns for pairs (more
    than 400 levels) is searched by single columns, with a finding that says so.

    Parameters
    ----------
    model : Model, or anything that ``Model.of`` takes
    data : Dataset or Split
        Of a split the test part is searched.
    threshold : float, str, mapping, Rule or Threshold, optional
        For the accuracy that is shown beside the loss (binary only), as for ``evaluate``.
    depth : {1, 2}
        Columns in one slice at most.
    min_rows : int, optional
        Fewest rows of a slice, by default 1 % of all and at least 30; the most is three quarters of all.
    seed : int
        Of the sample of a very long table, and of the null distribution.

    Returns
    -------
    Slices

    Raises
    ------
    InputError
        Where ``depth`` or ``min_rows`` cannot be used, or the model does not fit the table.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from toolkit import load_dataset
    >>> data = load_dataset("diabetes")
    >>> model = LinearRegression().fit(data.features, data.target)
    >>> find_slices(model, data, depth=1).examined
    38
    """
    whole("depth", depth, 1, 2)
    part = judged_rows(data).sampled(MOST_ROWS, np.random.default_rng(seed))
    least = fewest(part.rows) if min_rows is None else whole("min_rows", min_rows, 5)
    predicted = predict_at(model, data, threshold, part)[1]
    loss_name, loss = row_losses(predicted, part.task)
    scanned, kept = search(part, loss, least, depth, part.units, seed)
    shown = {} if part.task == "regression" else {"accuracy": correct(predicted, part.task)}
    if part.task == "regression" or (part.task == "binary" and predicted.probabilities):
        shown |= {"truth": predicted.y_true, "predicted": predicted.y_pred}
    table = _described(kept, scanned, part.units, loss, shown)
    apart, examined = float(np.ptp(loss)), len(scanned.rows)
    # Where all rows are alike, one that was not seen may be wrong, or as far off as these or the target reaches.
    off = reach_of(predicted.y_true) if part.task == "regression" else 1.0
    unit, least_loss = (apart, -math.inf) if apart else (max(loss.max(), off), 0.0)
    overall = mean(loss, weights_of(part.units, part.rows), bounds=(least_loss, math.inf), unit=unit).over(part.units)
    complete = depth == 1 or len(scanned.cut.levels) <= MOST_PAIRED_LEVELS
    return Slices(loss_name, overall.estimate, examined, least, complete, table)


def fewest(rows: int) -> int:
    """Return how many rows a slice has at least: 1 % of all, and 30."""
    return max(30, math.ceil(rows / 100))


class Slices(Result, frozen=True):
    """The worst subgroups of a table, the worst first.

    Attributes
    ----------
    loss : str
        Which loss of a row was compared.
    overall : Estimate
        Its mean over all rows.
    examined : int
        Slices that were looked at, all of which the correction counts.
    min_rows : int
    complete : bool
        False where pairs were wanted but the table has too many columns for them.
    table : DataFrame
        A row a slice: ``slice, rows, share, loss, overall, difference, p_adjusted, truth, predicted`` and, for classes,
        ``accuracy``. The difference is to all other rows; each end of the intervals holds for all slices at once.
    """

    loss: str
    overall: Estimate
    examined: int
    min_rows: int
    complete: bool
    table: pd.DataFrame

    def scalars(self) -> dict[str, Estimate]:
        """Return how many slices were examined and found, and the numbers of the worst."""
        n = self.overall.n
        numbers = {"slices.examined": Estimate(self.examined, n=n), "slices.found": Estimate(len(self.table), n=n)}
        numbers["slices.overall.loss"] = self.overall
        if len(self.table):
            worst = self.table.iloc[0]
            numbers |= {f"slices.worst.{name}": worst[name] for name in ("loss", "difference")}
            numbers["slices.worst.rows"] = Estimate(int(worst["rows"]), n=n)
        return numbers

    def findings(self) -> list[Finding]:
        """Say which slice is the worst, and how many are worse than the rest."""
        found = [] if self.complete else [finding("SLICE-SINGLE-COLUMNS", "info")]
        if len(self.table):
            worst = self.table.iloc[0]
            severity = "medium" if worst["difference"].low > self.overall.value else "low"
            count = len(self.table)
            which = f"the worst of {count} that stand out" if count > 1 else "the only one that stands out"
            # Where truth and prediction agree, the slice is harder rather than misjudged.
            means = {name: format_number(worst[name]) for name in ("truth", "predicted") if name in worst}
            means |= {"loss": self.loss.capitalize(), "overall": format_number(self.overall.value)}
            text = "SLICE-WORSE means" if "truth" in means else "SLICE-WORSE"
            found.append(finding(text, severity, worst["slice"], it=self, worst=worst, which=which, **means))
        return by_severity(found)

    def drawings(self) -> list[Drawing]:
        """Return the one figure, where a slice was found: the loss of the ten worst against the mean over all rows."""
        if not len(self.table):
            return []
        said = [f"{text}: {loss}" for text, loss in zip(self.table["slice"], self.table["loss"], strict=True)]
        names = [f"{shorten(text, 44)} ({rows:,})" for text, rows in self.table[["slice", "rows"]].to_numpy()]
        draw = draw_beside(f"Mean {self.loss}", names, self.table["loss"], self.overall.value)
        return [drawing("slices", draw, self.table, slices=self, said=said)]

    def face(self) -> Face:
        """Return the slices that are worse than the rest."""
        count = len(self.table)
        said = {"count": count, "have": "has" if count == 1 else "have"}
        return face("slices" if count else "no slices", self, self.table, **said)


def _described(kept: list[int], scanned: Scan, units: Units | None, loss: Array, shown: Any) -> pd.DataFrame:
    rows, weights = [], weights_of(units, len(loss))
    method = f"simultaneous over {len(scanned.rows):,} slices{f'; {units}' if units else ''}"

    def simultaneous(found: Measure, tail: float, count: int) -> Estimate:
        effect = 1.0 if units is None else units.design_effect(found.influence)
        low, high = found.ends(effect * (float(stats.t.isf(tail, count - 1)) / Z) ** 2)
        return Estimate(found.estimate.value, max(low, 0.0), high, count, f"{found.estimate.method}, {method}")

    for place in kept:
        mask = scanned.mask(place)
        count = int(mask.sum())
        held = mask * weights
        size, level = float(held.sum()), float(np.average(loss, weights=held))
        influence = mask * (loss - level) * len(loss) / math.sqrt(size * max(size - 1, 1))
        apart, half = level - float(np.average(loss, weights=weights - held)), float(scanned.half_width[place])
        row: dict[str, object] = {
            "slice": scanned.text(place),
            "rows": count,
            "share": float(held.mean()),
            "loss": simultaneous(unbounded(level, influence, weights, "Wald"), scanned.tail[place], count),
            "overall": float(np.average(loss, weights=weights)),
            "difference": Estimate(apart, apart - half, apart + half, count, f"t, {method}"),
            "p_adjusted": float(scanned.p_adjusted[place]),
        }
        for name, values in shown.items():
            rate = simultaneous(share(values, held), scanned.tail[place], count) if name == "accuracy" else None
            row[name] = rate or float(np.average(values, weights=held))
        rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else _COLUMNS)
