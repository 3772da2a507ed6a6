"""What would have to be different about one row, in one column, for the model to decide otherwise."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core import BLUE, Axes, Drawing, Estimate, Face, Finding, Result, format_number, name_rows, shorten
from toolkit.data import Dataset, Names, Split, listed_names
from toolkit.errors import InputError, NotApplicableError, column_of, instance, listed
from toolkit.explanation.findings import drawing, face, finding
from toolkit.explanation.local import TEXT, find_rows
from toolkit.models import Model, ThresholdLike, in_order, predict, predict_at
from toolkit.statistics import Array, cell_text

MOST_VALUES = 1000
MOST_SHOWN = 8


def find_counterfactual(
    model: Any, data: Dataset | Split, row: Any, *, immutable: Names | None = None, threshold: ThresholdLike = None
) -> "Counterfactual":
    """Search for the smallest change of one column's value that changes the decision about one row.

    Only values that were observed in that column are tried, of a number with more than 1,000 of them as many, evenly by
    rank; a value is never made missing. The distance of a change is a share of the observed rows: for a number those
    whose value lies between the two; for a category those that have another value than the new one, so that a common
    value is nearer than a rare one; for a value that was missing it is 1. All else stays as it is, so the row that
    comes out may be one that cannot exist: a change shows what the model goes by, not what a person should do.

    Parameters
    ----------
    model : Model, or anything that ``Model.of`` takes
    data : Dataset or Split
        Of a split the row is in the test part, and the training part says which values were observed.
    row : object
        Its id, a label of the table's index.
    immutable : str or list of str, optional
        Columns that must stay as they are; by default the sensitive ones. Several in one text are separated by commas.
    threshold : float, str, mapping, Rule or Threshold, optional
        As for ``evaluate`` (binary only). With several classes another decision is another class.

    Returns
    -------
    Counterfactual

    Raises
    ------
    NotApplicableError
        Where the target is a number, or there is no model.
    InputError
        Where there is no such row or column.

    Examples
    --------
    >>> from sklearn.tree import DecisionTreeClassifier
    >>> from toolkit import load_dataset
    >>> data = load_dataset("wine")
    >>> model = DecisionTreeClassifier(max_depth=2, random_state=0).fit(data.features, data.target)
    >>> found = find_counterfactual(model, data, 0)
    >>> found.decision, len(found.table) > 0
    ('class_0', True)
    """
    part, seen = (data.test, data.train) if isinstance(data, Split) else (instance(data, Dataset, Split),) * 2
    if (model := Model.of(model, part)).recorded:
        raise NotApplicableError("Recorded predictions have no model that could be asked about a changed row.")
    if part.task == "regression":
        raise NotApplicableError(f"{part.target.name!s} is a number: there is no decision that a change could turn.")
    known = list(part.features.columns)
    fixed = [name for name in part.sensitive.columns if name in known]
    if immutable is not None:
        fixed = [column_of(name, known, f"the features of {part.name}") for name in listed_names(immutable, known)]
    if len(found := find_rows(part, row)) != 1:
        raise InputError(f"A counterfactual is of one row, and {len(found)} were given. Ask for each by itself.")
    one = part.take(list(found.values()))
    model, _ = predict_at(model, data, threshold, part)
    score, decision = _decided(model, one)
    changes = [_smallest(model, one, name, seen.features[name], decision[0]) for name in known if name not in fixed]
    names = ["column", "value", "change_to", "distance", "score", "decision"]
    table = pd.DataFrame([change for change in changes if change], columns=names)
    labels = list(dict.fromkeys((*in_order(one), *model.classes)))  # a model may know more of them than the table
    table["decision"] = [str(labels[code]) for code in table["decision"]]
    table = table.sort_values("distance", kind="stable", ignore_index=True)
    said, at = str(labels[int(decision[0])]), model.threshold.value if model.threshold else np.nan
    return Counterfactual(part.name, row, said, float(score[0]), at, tuple(map(str, fixed)), table)


class Counterfactual(Result, frozen=True):
    """The changes of single columns that change the decision about a row, the smallest first.

    Attributes
    ----------
    name : str
        The table.
    row : object
        Id of the row.
    decision : str
        What the model decides now.
    score : float
        Score of the positive class (binary), or probability of the class decided (multiclass; nan without).
    threshold : float
        Not a number where there are several classes, or the model decides by itself.
    immutable : tuple of str
        Columns that were not changed.
    table : DataFrame
        A row a column: ``column, value, change_to, distance, score, decision``; its nearest value that changes the
        decision, with what the model then says.
    """

    name: str
    row: Any
    decision: str
    score: float
    threshold: float
    immutable: tuple[str, ...]
    table: pd.DataFrame

    def scalars(self) -> dict[str, Estimate]:
        """Return how many columns can change the decision, and the distance of the smallest change."""
        nearest = {"distance": float(self.table["distance"].iloc[0])} if len(self.table) else {}
        sizes = {"columns": len(self.table), **nearest}
        return {f"counterfactual.{name}": Estimate(size, n=1) for name, size in sizes.items()}

    def findings(self) -> list[Finding]:
        """Say which change is the smallest, or that there is none."""
        if not len(self.table):
            return [finding("COUNTERFACTUAL-NONE", "info", self.row)]
        first = self.table.iloc[0]
        return [finding("COUNTERFACTUAL-SMALLEST", "info", first["column"], found=self, first=first)]

    def drawings(self) -> list[Drawing]:
        """Return the figure of the smallest changes, where there are any."""
        if not len(self.table):
            return []
        rows = list(self.table.head(MOST_SHOWN).itertuples())
        said = [f"{row.column} {row.value} → {row.change_to}: {row.distance:.1%}" for row in rows]
        names = [f"{shorten(row.column, 24)}\n{shorten(row.value, 16)} → {shorten(row.change_to, 16)}" for row in rows]

        def draw(ax: Axes) -> None:
            shares = self.table["distance"].head(MOST_SHOWN).tolist()
            bars = ax.barh(range(len(rows)), shares, color=BLUE, height=0.6)
            ax.bar_label(bars, fmt="{:.1%}", padding=3, fontsize=9)
            name_rows(ax, names)
            ax.set(xlabel="Share of the observed rows between", xlim=(0, 1.15 * max(shares) or 1.0))

        return [drawing("changes", draw, self.table, grid="x", found=self, said=said)]

    def face(self) -> Face:
        """Return the decision now, and the changes that would turn it."""
        fixed = f" Not changed: {listed(self.immutable)}." if self.immutable else ""
        return face("counterfactual", self, self.table, score=format_number(self.score), fixed=fixed)


def _decided(model: Model, rows: Dataset) -> tuple[Array, Array]:
    """Return the score and the decision of each row: 0 or 1, or the code of the class."""
    predicted = predict(model, rows)
    if model.threshold:
        return predicted.y_pred, predicted.decide(model.threshold.value)
    if predicted.y_prob is None:
        return np.full(len(predicted.y_pred), np.nan), predicted.y_pred
    return predicted.chance(predicted.y_pred), predicted.y_pred


def _smallest(model: Model, one: Dataset, column: Any, observed: pd.Series, said: float) -> tuple[object, ...] | None:
    """Return the nearest value of a column that changes the decision, and what the model says then; None without."""
    now = one.features[column].iloc[0]
    values, distances = _tried(observed.dropna(), now)
    if not len(values):
        return None
    rows = one.take(np.zeros(len(values), dtype="int64"))
    changed = rows.features.copy(deep=False)
    changed[column] = values.set_axis(changed.index).astype(one.features[column].dtype)
    scores, decisions = _decided(model, replace(rows, features=changed))
    if not len(turned := np.flatnonzero(decisions != said)):
        return None
    best = int(turned[distances[turned].argmin()])
    now, then = (cell_text(value, column in one.dates, TEXT) for value in (now, values.iloc[best]))
    return str(column), now, then, float(distances[best]), float(scores[best]), int(decisions[best])


def _tried(observed: pd.Series, now: Any) -> tuple[pd.Series, Array]:
    """Return the observed values other than the present one, and how far each is from it."""
    counts = observed.value_counts(sort=False)
    counts = counts[counts > 0]
    values = pd.Series(counts.index, dtype=observed.dtype)
    if pd.isna(now):
        distances = np.ones(len(values))
    elif isinstance(observed.dtype, pd.CategoricalDtype):
        distances = 1 - counts.to_numpy(dtype=float) / max(len(observed), 1)
    else:
        # The share of rows between two values, each value's own rows counted half (the mid-distribution function).
        order = np.sort(observed.to_numpy())
        place = [(np.searchsorted(order, v, "left") + np.searchsorted(order, v, "right")) / 2 for v in (values, now)]
        distances = np.abs(place[0] - place[1]) / len(order)
    if len(kept := np.flatnonzero((values != now).to_numpy())) > MOST_VALUES:
        kept = kept[np.argsort(values.to_numpy()[kept])][np.linspace(0, len(kept) - 1, MOST_VALUES).astype(int)]
    return values.iloc[kept], distances[kept]
