"""Find the subgroups that a model serves worst, by a shallow search that corrects for having searched."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from toolkit.core.estimate import Estimate, format_number, spread
from toolkit.core.face import Face, FaceTable
from toolkit.core.figures import GREY, Drawing, Picture, draw_intervals, name_rows
from toolkit.core.options import whole
from toolkit.core.result import Finding, Result, by_severity
from toolkit.core.words import shorten
from toolkit.data.dataset import Dataset
from toolkit.data.split import Split
from toolkit.evaluation.scan import (
    MOST_PAIRED_LEVELS,
    Level,
    Members,
    Scan,
    correct,
    cut_levels,
    prune,
    row_losses,
    scan,
    slice_mask,
    worse_slices,
)
from toolkit.models.choice import predict_at
from toolkit.models.threshold import ThresholdLike
from toolkit.statistics.intervals import Array, mean_estimate, share_estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS = 200_000


def find_slices(
    model: Any,
    data: Dataset | Split,
    *,
    threshold: ThresholdLike = None,
    depth: int = 2,
    min_rows: int | None = None,
    seed: int = 0,
) -> Slices:
    """Search single columns and pairs of columns for rows on which the model's loss is higher than on the rest.

    Numbers are cut at rounded quartiles, other columns into their frequent values; features and sensitive columns are
    searched. Each slice is compared with all other rows by Welch's test (1947, doi:10.1093/biomet/34.1-2.28) on the
    loss of each row. All slices examined count: p values and intervals of the differences are Bonferroni's, so that
    where no slice is worse, one is reported in at most 5 % of searches. A pair is left out unless it is worse than what
    remains of each of its parents, and so is a slice most of whose rows are in worse ones. At most ten are kept.

    Of more than 200,000 rows a random sample of that many is searched. A table with too many columns for pairs (more
    than 800 levels) is searched by single columns, and that is said.

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
        Of the sample of a very long table.

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
    part = data.test if isinstance(data, Split) else data.labelled
    if part.rows > MOST_ROWS:
        part = part.take(np.sort(np.random.default_rng(seed).choice(part.rows, MOST_ROWS, replace=False)))
    least = max(30, math.ceil(part.rows / 100)) if min_rows is None else whole("min_rows", min_rows, 5)
    _, predicted, chosen = predict_at(model, data, threshold, part)
    value = chosen.value if chosen else math.nan
    loss_name, loss = row_losses(predicted, part.task, value)
    extra = [name for name in part.sensitive.columns if name not in (*part.features.columns, part.target.name)]
    levels, members = cut_levels(pd.concat([part.features, part.sensitive[extra]], axis=1), least, part.dates)
    paired = depth == 2 and len(levels) <= MOST_PAIRED_LEVELS
    scanned = scan(levels, members, loss, least, pairs=paired)
    kept = prune(worse_slices(scanned), scanned, members)
    beside = {"truth": predicted.y_true, "predicted": predicted.y_pred}
    if part.task == "multiclass" or not (part.task == "regression" or predicted.probabilities):
        beside = {}
    right = None if part.task == "regression" else correct(predicted, part.task, value)
    table = _described(kept, scanned, levels, members, loss, right, beside)
    examined = len(scanned.rows)
    return Slices(part.name, part.task, loss_name, mean_estimate(loss), examined, least, paired or depth == 1, table)


@dataclass(frozen=True, eq=False, repr=False)
class Slices(Result):
    """The worst subgroups of a table, the worst first.

    Attributes
    ----------
    name, task : str
        The table and its task.
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
        ``accuracy``. The difference is to all other rows, its interval holds for all slices examined at once.
    """

    name: str
    task: str
    loss: str
    overall: Estimate
    examined: int
    min_rows: int
    complete: bool
    table: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """Return one row a slice, with the ends of the intervals in columns of their own."""
        return spread(self.table)

    def scalars(self) -> dict[str, Estimate]:
        """Return how many slices were examined and found, and the numbers of the worst."""
        n = self.overall.n
        numbers = {
            "slices.examined": Estimate(self.examined, n=n),
            "slices.found": Estimate(len(self.table), n=n),
            "slices.overall.loss": self.overall,
        }
        if len(self.table):
            worst = self.table.iloc[0]
            numbers |= {f"slices.worst.{name}": worst[name] for name in ("loss", "difference")}
            numbers["slices.worst.rows"] = Estimate(int(worst["rows"]), n=n)
        return numbers

    def findings(self) -> list[Finding]:
        """Say which slice is the worst, and how many are worse than the rest."""
        found = []
        if not self.complete:
            note = "The table has too many columns to search pairs of them: only single columns were searched."
            found.append(Finding("SLICE-SINGLE-COLUMNS", "info", note))
        if len(self.table):
            worst = self.table.iloc[0]
            severe = worst["difference"].low > self.overall.value
            several = len(self.table) > 1
            which = f"the worst of {len(self.table)} that stand out" if several else "the only one that stands out"
            note = (
                f"{self.loss.capitalize()} is {worst['loss']} where {worst['slice']} ({worst['rows']:,} rows, "
                f"{worst['share']:.1%}), against {format_number(self.overall.value)} over all rows: {which} "
                f"among {self.examined:,} slices examined."
            )
            if "truth" in worst:
                # Where the two agree, the slice is harder rather than misjudged.
                truth, predicted = format_number(worst["truth"]), format_number(worst["predicted"])
                note += f" There the truth is {truth} on average, the prediction {predicted}."
            found.append(Finding("SLICE-WORSE", "medium" if severe else "low", note, str(worst["slice"])))
        return by_severity(found)

    def drawings(self) -> list[Drawing]:
        """Return the one figure, where a slice was found: the loss of the ten worst against the mean over all rows."""
        if not len(self.table):
            return []
        said = [f"{text}: {loss}" for text, loss in zip(self.table["slice"], self.table["loss"], strict=True)]
        caption = (
            f"Mean {self.loss} with its 95% interval; the dotted line is the mean over all rows. A slice may be "
            f"harder to predict rather than neglected. {self.examined:,} slices were examined."
        )
        alt = f"Over all rows {self.loss} is {self.overall}. {'; '.join(said)}."
        return [Drawing("slices", Picture("Worst slices", caption, alt), self._draw, self.table)]

    def _draw(self, ax: Axes) -> None:
        draw_intervals(ax, range(len(self.table)), self.table["loss"])
        ax.axvline(self.overall.value, color=GREY, linewidth=1, linestyle=":")
        named = zip(self.table["slice"], self.table["rows"], strict=True)
        name_rows(ax, [f"{shorten(text, 44)} ({rows:,})" for text, rows in named])
        ax.set_xlabel(f"Mean {self.loss}")

    def face(self) -> Face:
        """Return the slices that are worse than the rest."""
        if not len(self.table):
            lead = f"No slice was found to be worse than the rest ({self.examined:,} of {self.min_rows} rows or more)."
            return Face("Slices", lead)
        shown = "is" if len(self.table) == 1 else "are"
        lead = (
            f"{len(self.table)} of {self.examined:,} slices examined {shown} shown, worse than the rest in {self.loss}."
            " The p values and the intervals of the differences are corrected for all of them."
        )
        return Face("Slices", lead, [FaceTable("Worst slices, with 95% intervals", self.table)], self.findings())


def _described(
    kept: list[int], scanned: Scan, levels: list[Level], members: Members, loss: Array, right: Array | None, beside: Any
) -> pd.DataFrame:
    rows, method = [], f"Welch, simultaneous over {len(scanned.rows):,} slices"
    for place in kept:
        mask = slice_mask(place, scanned, members)
        count, names = int(mask.sum()), dict.fromkeys((int(scanned.first[place]), int(scanned.second[place])))
        apart, half = float(scanned.difference[place]), float(scanned.half_width[place])
        row: dict[str, object] = {
            "slice": " and ".join(levels[name].text for name in names),
            "rows": count,
            "share": float(mask.mean()),
            "loss": mean_estimate(loss[mask]),
            "overall": float(loss.mean()),
            "difference": Estimate(apart, apart - half, apart + half, count, method),
            "p_adjusted": float(scanned.p_adjusted[place]),
        }
        if right is not None:
            row["accuracy"] = share_estimate(int(right[mask].sum()), count)
        rows.append(row | {name: float(values[mask].mean()) for name, values in beside.items()})
    named = ["slice", "rows", "share", "loss", "overall", "difference", "p_adjusted"]
    return pd.DataFrame(rows, columns=None if rows else named)
