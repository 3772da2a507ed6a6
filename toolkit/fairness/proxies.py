"""How well the other columns give a sensitive one away, and which of them do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.model_selection import KFold, StratifiedKFold

from toolkit.core.estimate import Estimate, format_number, spread
from toolkit.core.face import Face, FaceTable
from toolkit.core.figures import BLUE, GREY, Drawing, Picture, draw_intervals, name_rows
from toolkit.core.result import Finding, Result, Severity, by_severity
from toolkit.core.words import unique, value_text
from toolkit.data.dataset import Dataset
from toolkit.data.split import Split
from toolkit.errors import InputError, NotApplicableError
from toolkit.fairness.groups import sensitive_inputs
from toolkit.models.preprocessing import make_model
from toolkit.statistics.intervals import Array
from toolkit.statistics.measure import smooth
from toolkit.statistics.ranking import roc_auc
from toolkit.statistics.regression import regression_metrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Folds = list[tuple[NDArray[np.intp], NDArray[np.intp]]]

FOLDS = 3
LEAST_ROWS = 30
MOST_GROUPS = 10
FEW_VALUES = 10
BINS = 20
#: Lower ends of the interval from which a finding is low, medium and high.
NOTABLE = {"roc_auc": (0.7, 0.8, 0.9), "r2": (0.25, 0.5, 0.75)}
CHANCE = {"roc_auc": 0.5, "r2": 0.0}
WORDS = {"roc_auc": "ROC AUC", "r2": "R²"}


def find_proxies(data: Dataset | Split, *, sensitive: object = None, rows: int = 10_000, seed: int = 0) -> Proxies:
    """Measure how well the columns that are not sensitive predict each sensitive one, together and one by one.

    Leaving a sensitive column out of a model does little where others stand in for it. Together: a small random forest,
    cross-validated in three folds; the area under the ROC curve of each group against the rest, averaged over the
    groups (0.5 is chance), or R² for a number with more than ten values (0 is chance). One by one: the same measure
    for the share of each group (or the mean) in twenty bins of the column, learnt on the other folds. The intervals
    hold for the models as fitted (LeDell et al. 2015, doi:10.1214/15-EJS1035). Of the groups the ten largest with 30
    rows or more are told apart; rows without a value are left out.

    Parameters
    ----------
    data : Dataset or Split
        Of a split the whole table is used: no model is judged.
    sensitive : str or list of str, optional
        By default the sensitive columns of the data. None of them predicts another; the target is passed over.
    rows : int
        Rows that are looked at, a random sample.
    seed : int
        Of the sample, the folds and the forest.

    Returns
    -------
    Proxies

    Raises
    ------
    NotApplicableError
        Where there is no sensitive column but the target, no other one, or no two groups of 30 rows.
    InputError
        Where a column is not in the table.

    Examples
    --------
    >>> from toolkit import load_dataset
    >>> print(find_proxies(load_dataset("diabetes")).scalars()["proxy.sex.roc_auc"])
    0.731 [0.680, 0.776]
    """
    if isinstance(rows, bool) or not isinstance(rows, int | np.integer) or rows < LEAST_ROWS:
        raise InputError(f"rows must be a whole number of at least {LEAST_ROWS}; found {rows!r}.")
    whole = data.data if isinstance(data, Split) else data
    columns = sensitive_inputs(whole, sensitive)
    features = whole.features.drop(columns=list(columns.columns), errors="ignore")
    features = features.loc[:, features.notna().any()]
    if not features.shape[1]:
        raise NotApplicableError(f"{whole.name} has no column beside the sensitive ones that could stand in for them.")
    names = unique(value_text(name) for name in columns.columns)
    found = [_find(name, columns.iloc[:, place], features, rows, seed) for place, name in enumerate(names)]
    known = [one for one in found if one is not None]
    if not known:
        raise NotApplicableError(f"No sensitive column of {whole.name} has two groups of {LEAST_ROWS} rows or more.")
    table = pd.DataFrame([one for one, _ in known])
    return Proxies(whole.name, table, pd.concat([each for _, each in known], ignore_index=True))


@dataclass(frozen=True, eq=False, repr=False)
class Proxies(Result):
    """How well other columns give the sensitive ones away.

    Attributes
    ----------
    name : str
        The table.
    table : DataFrame
        A row a sensitive column: ``feature, measure`` (``roc_auc`` or ``r2``), ``value`` (an Estimate), ``chance, rows,
        groups``.
    columns : DataFrame
        A row a sensitive column and other column, the one that tells most first: ``feature, column, value``.
    """

    name: str
    table: pd.DataFrame
    columns: pd.DataFrame

    def frame(self) -> pd.DataFrame:
        """Return one row a sensitive column and other column (empty: all together): value, ends of the interval."""
        return spread(self._all())

    def _all(self) -> pd.DataFrame:
        both = pd.concat([self.table.assign(column=""), self.columns], ignore_index=True)
        both["measure"] = both["feature"].map(dict(zip(self.table["feature"], self.table["measure"], strict=True)))
        return both[["feature", "column", "measure", "value"]]

    def scalars(self) -> dict[str, Estimate]:
        """Return ``proxy.<feature>.roc_auc``, or ``proxy.<feature>.r2`` for a number."""
        return {f"proxy.{row['feature']}.{row['measure']}": row["value"] for _, row in self.table.iterrows()}

    def findings(self) -> list[Finding]:
        """Say which sensitive columns are given away, and by which others."""
        found = []
        for _, row in self.table.iterrows():
            reached = sum(row["value"].low >= limit for limit in NOTABLE[row["measure"]])
            if not reached:
                continue
            weight: Severity = ("low", "medium", "high")[reached - 1]
            word = WORDS[row["measure"]]
            most = self._of(row["feature"]).head(3)
            told = ", ".join(
                f"{name} {format_number(one.value)}" for name, one in zip(most["column"], most["value"], strict=True)
            )
            note = (
                f"The other columns give {row['feature']} away: {word} {row['value']}, by chance "
                f"{format_number(row['chance'])}. Most by itself: {told}. Leaving {row['feature']} out of a model "
                "does not keep the model from using it."
            )
            found.append(Finding("PROXY-STRONG", weight, note, row["feature"]))
        return by_severity(found)

    def _of(self, feature: str) -> pd.DataFrame:
        return self.columns[self.columns["feature"] == feature]

    def drawings(self) -> list[Drawing]:
        """Return the figure: how far beyond chance each sensitive column is told, by all others and by the best few."""
        shown = self.columns.groupby("feature", sort=False).head(max(1, 12 // len(self.table) - 1))
        said = [f"{row['feature']}: {WORDS[row['measure']]} {row['value']}" for _, row in self.table.iterrows()]
        told = [f"{row['feature']} from {row['column']}: {row['value']}" for _, row in shown.iterrows()]
        caption = (
            "How well the columns that are not sensitive predict each sensitive one, all together (filled) and the "
            "best few by themselves (hollow), with 95% intervals. 0 is chance, 1 is certainty: for groups twice the "
            "ROC AUC less one, for numbers R²."
        )
        words = Picture("How well other columns tell the sensitive ones", caption, f"{'; '.join([*said, *told])}.")
        return [Drawing("proxies", words, lambda ax: self._draw(ax, shown), self._all())]

    def _draw(self, ax: Axes, shown: pd.DataFrame) -> None:
        lines: list[tuple[str, Estimate, float, str]] = []
        for _, row in self.table.iterrows():
            best, chance = shown[shown["feature"] == row["feature"]], row["chance"]
            lines.append((row["feature"], row["value"], chance, BLUE))
            lines += [
                (f"by {name}", one, chance, "none") for name, one in zip(best["column"], best["value"], strict=True)
            ]
        for place, (_, one, chance, fill) in enumerate(lines):
            value, low, high = ((end - chance) / (1 - chance) for end in (one.value, one.low, one.high))
            draw_intervals(ax, [place], [Estimate(value, low, high)], markerfacecolor=fill)
        ax.axvline(0, color=GREY, linewidth=1, linestyle=":")
        name_rows(ax, [name for name, *_ in lines], 0.6)
        ax.set_xlabel("Told beyond chance (0) up to certainty (1)")

    def face(self) -> Face:
        """Return how well each sensitive column is told, by all others together and by the best few."""
        lead = f"How well the columns of {self.name} that are not sensitive predict those that are."
        shown = self.columns.groupby("feature", sort=False).head(5)
        tables = [
            FaceTable("All other columns together, with 95% intervals", self.table),
            FaceTable("The five best columns by themselves, with 95% intervals", shown),
        ]
        return Face("Proxies", lead, tables, self.findings())


@dataclass(frozen=True, eq=False)
class _Task:
    """What is to be told: codes of the groups, or numbers where ``groups`` is 0, of shape (n,)."""

    target: NDArray[Any]
    groups: int
    folds: Folds


def _find(
    name: str, column: pd.Series[Any], features: pd.DataFrame, rows: int, seed: int
) -> tuple[dict[str, object], pd.DataFrame] | None:
    """Measure one sensitive column: a row of the table and its columns; None where there are no two groups."""
    order = np.random.default_rng(seed).permutation(len(column))
    picked = order[column.notna().to_numpy()[order]][:rows]
    target, groups, kept = _read(column.iloc[picked])
    if groups == 1 or len(target) < LEAST_ROWS:
        return None
    features = features.iloc[picked[kept]]
    splitter = StratifiedKFold if groups else KFold
    folds = list(splitter(FOLDS, shuffle=True, random_state=seed).split(features, target))
    task = _Task(target, groups, folds)
    kind: Any = RandomForestClassifier if groups else RandomForestRegressor
    forest = kind(50, min_samples_leaf=5, max_features="sqrt" if groups else 0.3, random_state=seed)
    encoded = make_model(forest, features)[0].fit_transform(features)
    measure = "roc_auc" if groups else "r2"
    found = {
        "feature": name,
        "measure": measure,
        "value": _measured(task, _by_forest(task, forest, encoded)),
        "chance": CHANCE[measure],
        "rows": len(target),
        "groups": groups or None,
    }
    alone = [
        (name, value_text(label), _measured(task, _by_bins(task, _binned(features.iloc[:, place]))))
        for place, label in enumerate(features.columns)
    ]
    each = pd.DataFrame(alone, columns=["feature", "column", "value"])
    best = np.argsort([-one.value for one in each["value"]], kind="stable")
    return found, each.iloc[best]


def _read(column: pd.Series[Any]) -> tuple[NDArray[Any], int, NDArray[np.intp]]:
    """Return codes of the groups that are large enough (or numbers), how many groups, and the positions of the rows."""
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > FEW_VALUES:
        return column.to_numpy(dtype=float), 0, np.arange(len(column))
    counts = column.value_counts()
    kept = [value for value in counts.index[:MOST_GROUPS] if counts[value] >= LEAST_ROWS]
    codes = pd.Index(kept).get_indexer(pd.Index(column.astype(object)))
    rows = np.flatnonzero(codes >= 0)
    return codes[rows], max(len(kept), 1), rows


def _by_forest(task: _Task, forest: Any, encoded: Array) -> Array:
    """Predict each row by a forest fitted on the other folds: shape (n, groups), or (n, 1) for numbers."""
    predicted = np.empty((len(task.target), max(task.groups, 1)))
    for fit, ask in task.folds:
        model = forest.fit(encoded[fit], task.target[fit])
        given = model.predict_proba(encoded[ask]) if task.groups else model.predict(encoded[ask])[:, None]
        predicted[ask] = given
    return predicted


def _by_bins(task: _Task, bins: NDArray[np.intp]) -> Array:
    """Predict each row by the shares of the groups (or the mean) among rows of the other folds in the same bin.

    A row with the shares of all is added to each bin, so that small ones say little.
    """
    size, width = int(bins.max()) + 1, max(task.groups, 1)
    values = np.eye(width)[task.target] if task.groups else task.target[:, None]
    predicted = np.empty(values.shape)
    for fit, ask in task.folds:
        sums = [np.bincount(bins[fit], weights=values[fit, one], minlength=size) for one in range(width)]
        counts = np.bincount(bins[fit], minlength=size)
        shares = (np.column_stack(sums) + values[fit].mean(axis=0)) / (counts[:, None] + 1)
        predicted[ask] = shares[bins[ask]]
    return predicted


def _binned(column: pd.Series[Any]) -> NDArray[np.intp]:
    """Return the bin of each row: quantiles of a number, the values of a category; bin 0 is for missing values."""
    if not pd.api.types.is_numeric_dtype(column):
        return np.asarray(column.astype("category").cat.codes + 1, dtype=np.intp)
    values = column.to_numpy(dtype=float)
    missing = np.isnan(values)
    if missing.all():
        return np.zeros(len(values), dtype=np.intp)
    edges = np.unique(np.quantile(values[~missing], np.arange(1, BINS) / BINS, method="lower"))
    return np.asarray(np.where(missing, 0, np.searchsorted(edges, values, side="left") + 1), dtype=np.intp)


def _measured(task: _Task, predicted: Array) -> Estimate:
    """Measure predictions: the area of each group against the rest, averaged over groups and folds, or R²."""
    if not task.groups:
        return regression_metrics(task.target, predicted[:, 0])["r2"].estimate
    told = range(1, 2) if task.groups == 2 else range(task.groups)
    value, influence = 0.0, np.zeros(len(task.target))
    parts = len(told) * len(task.folds)
    for _, ask in task.folds:
        for code in told:
            area, rows = roc_auc((task.target[ask] == code).astype(float), predicted[ask, code])
            value += area / parts
            influence[ask] += rows * len(task.target) / len(ask) / parts
    smallest = float(np.bincount(task.target).min())
    return smooth(value, influence, effective=smallest, method="DeLong over the folds, logit scale").estimate
