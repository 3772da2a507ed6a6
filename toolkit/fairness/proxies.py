"""How well the other columns give a sensitive one away, and which of them do."""

from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, cross_val_predict

from toolkit.core import Estimate, Face, format_number, side_by_side, spoken, spread, unique, value_text
from toolkit.core.figures import BLUE, GREY, Axes, Drawing, draw_intervals, name_rows
from toolkit.core.result import Finding, Result, Severity, by_severity
from toolkit.data import Dataset, Split
from toolkit.errors import NotApplicableError, instance, whole
from toolkit.fairness.findings import drawing, face, finding
from toolkit.fairness.groups import sensitive_inputs
from toolkit.models import Folds, make_model
from toolkit.statistics import AnyArray, Array, Codes, Units, Z, regression_metrics, roc_auc, smooth, weights_of

FOLDS = 3
LEAST_ROWS = 30
MOST_GROUPS = 10
FEW_VALUES = 10
BINS = 20
_Found: TypeAlias = tuple[dict[str, object], pd.DataFrame]
#: Lower ends of the interval from which a finding is low, medium and high.
NOTABLE = {"roc_auc": (0.7, 0.8, 0.9), "r2": (0.25, 0.5, 0.75)}
CHANCE = {"roc_auc": 0.5, "r2": 0.0}


def find_proxies(data: Dataset | Split, *, sensitive: object = None, rows: int = 10_000, seed: int = 0) -> "Proxies":
    """Measure how well the columns that are not sensitive predict each sensitive one, together and one by one.

    Leaving a sensitive column out of a model does little where others stand in for it. Together: a small random forest,
    cross-validated in three folds; the area under the ROC curve of the group that is told best against the rest (0.5
    is chance), with an interval that allows for the choice, or R² for a number with more than ten values (0 is chance).
    One by one: the same measure for the share of each group (or the mean) in twenty bins of the column, learnt on the
    other folds. The intervals hold for the models as fitted (LeDell et al. 2015, doi:10.1214/15-EJS1035); folds and
    intervals keep together what the table's ``group`` says belongs together, and rows count by its ``weight``. Of the
    groups the ten largest with 30 rows or more are told apart; rows without a value are left out.

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
    whole("rows", rows, LEAST_ROWS)
    table = data.data if isinstance(data, Split) else instance(data, Dataset, Split)
    columns = sensitive_inputs(table, sensitive)
    features = table.features.drop(columns=list(columns.columns), errors="ignore")
    if not (features := features.loc[:, features.notna().any()]).shape[1]:
        raise NotApplicableError(f"{table.name} has no column beside the sensitive ones that could stand in for them.")
    named = columns.set_axis(unique(map(value_text, columns.columns)), axis=1)
    found = side_by_side([partial(_find, column, features, table, rows, seed) for _, column in named.items()])
    if not (known := [one for one in found if one is not None]):
        raise NotApplicableError(f"No sensitive column of {table.name} has two groups of {LEAST_ROWS} rows or more.")
    whole_row, each = zip(*known, strict=True)
    return Proxies(table.name, pd.DataFrame(whole_row), pd.concat(each, ignore_index=True))


class Proxies(Result, frozen=True):
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
        found: list[Finding] = []
        for name, measure, value, chance in self.table.iloc[:, :4].itertuples(index=False):
            if reached := sum(value.low >= limit for limit in NOTABLE[measure]):
                severity: Severity = ("low", "medium", "high")[reached - 1]
                most = self.columns[self.columns["feature"] == name].head(3).itertuples()
                best = (f"{one.column} {format_number(one.value.value)}" for one in most if one.value.low > chance)
                told = ", ".join(best) or "none by itself"
                numbers = {"measure": spoken(measure), "value": value, "chance": format_number(chance), "told": told}
                found.append(finding("PROXY-STRONG", severity, name, **numbers))
        return by_severity(found)

    def drawings(self) -> list[Drawing]:
        """Return the figure: how far beyond chance each sensitive column is told, by all others and by the best few."""
        shown = self.columns.groupby("feature", sort=False).head(max(1, 12 // len(self.table) - 1))
        said = [f"{row['feature']}: {spoken(row['measure'])} {row['value']}" for _, row in self.table.iterrows()]
        told = [f"{row['feature']} from {row['column']}: {row['value']}" for _, row in shown.iterrows()]
        return [drawing("proxies", lambda ax: self._draw(ax, shown), self._all(), said=[*said, *told])]

    def _draw(self, ax: Axes, shown: pd.DataFrame) -> None:
        names: list[str] = []
        for _, row in self.table.iterrows():
            best, chance = shown[shown["feature"] == row["feature"]], row["chance"]
            for place, one in enumerate([row["value"], *best["value"]]):
                value, low, high = ((end - chance) / (1 - chance) for end in (one.value, one.low, one.high))
                fill = "none" if place else BLUE
                draw_intervals(ax, [len(names) + place], [Estimate(value, low, high)], markerfacecolor=fill)
            names += [row["feature"], *(f"by {name}" for name in best["column"])]
        ax.axvline(0, color=GREY, linewidth=1, linestyle=":")
        name_rows(ax, names)
        ax.set_xlabel("Predictability, from chance (0) to certainty (1)")

    def face(self) -> Face:
        """Return how well each sensitive column is told, by all others together and by the best few."""
        return face("proxies", self, self.table, self.columns.groupby("feature", sort=False).head(5))


def _find(column: pd.Series, features: pd.DataFrame, table: Dataset, rows: int, seed: int) -> _Found | None:
    """Measure one sensitive column: a row of the table and its columns; None where there are no two groups."""
    order = np.random.default_rng(seed).permutation(len(column))
    picked = order[column.notna().to_numpy()[order]][:rows]
    column, groups = column.iloc[picked], 0
    target = np.asarray(column)
    if not pd.api.types.is_numeric_dtype(column) or column.nunique() <= FEW_VALUES:
        counts = column.value_counts()
        told = [value for value in counts.index[:MOST_GROUPS] if counts[value] >= LEAST_ROWS]
        codes, groups = pd.Index(told).get_indexer(pd.Index(column.astype(object))), max(len(told), 1)
        target, picked = codes[codes >= 0], picked[codes >= 0]
    if groups == 1 or len(target) < LEAST_ROWS:
        return None
    target, features = target if groups else target.astype(float), features.iloc[picked]
    units = table.take(picked).spans
    weights, grouped = weights_of(units, len(target)), units if units and units.kind == "group" else None
    # A unit in two folds could be recognized, and what is known of it taken for what the columns tell.
    stratified, plain = (StratifiedGroupKFold, GroupKFold) if grouped else (StratifiedKFold, KFold)
    splitter = (stratified if groups else plain)(FOLDS, shuffle=True, random_state=seed)
    if grouped and grouped.count < FOLDS:
        return None
    folds = list(splitter.split(features, target, grouped.codes if grouped else None))
    if groups and any(len(np.unique(target[ask])) < groups for _, ask in folds):
        return None
    kind: Any = RandomForestClassifier if groups else RandomForestRegressor
    forest = kind(50, min_samples_leaf=5, max_features="sqrt" if groups else 0.3, random_state=seed)
    encoded = make_model(forest, features)[0].fit_transform(features)
    measure, method = ("roc_auc", "predict_proba") if groups else ("r2", "predict")
    given = None if table.weight is None else {"sample_weight": weights}
    together = cross_val_predict(forest, encoded, target, cv=folds, method=method, params=given)
    value = _measured(target, groups, folds, together, units)
    found = {"feature": column.name, "measure": measure, "value": value, "chance": CHANCE[measure]}
    found |= {"rows": len(target), "groups": groups or None}
    values = np.eye(groups)[target] if groups else target[:, None]
    predicted = ((value_text(label), _by_bins(values, folds, _binned(one), weights)) for label, one in features.items())
    alone = [(column.name, label, _measured(target, groups, folds, told, units)) for label, told in predicted]
    each = pd.DataFrame(alone, columns=["feature", "column", "value"])
    return found, each.iloc[np.argsort([-one.value for one in each["value"]], kind="stable")]


def _by_bins(values: Array, folds: Folds, bins: Codes, weights: Array) -> Array:
    """Predict each row by the mean values (of each group: its share) of rows of the other folds in the same bin.

    A row with the mean of all is added to each bin, so that small ones say little.
    """
    predicted, held = np.empty(values.shape), np.column_stack([values * weights[:, None], weights])
    for fit, ask in folds:
        sums = np.column_stack([np.bincount(bins[fit], one, int(bins.max()) + 1) for one in held[fit].T])
        sums += held[fit].sum(axis=0) / weights[fit].sum()
        predicted[ask] = (sums[:, :-1] / sums[:, -1:])[bins[ask]]
    return predicted


def _binned(column: pd.Series) -> Codes:
    """Return the bin of each row: quantiles of a number, the values of a category; bin 0 is for missing values."""
    if pd.api.types.is_numeric_dtype(column) and (known := column.notna().to_numpy()).any():
        values = column.to_numpy(dtype=float)
        edges = np.unique(np.quantile(values[known], np.arange(1, BINS) / BINS, method="lower"))
        column = pd.Series(np.searchsorted(edges, values)).where(known)
    return np.asarray(column.astype("category").cat.codes + 1, dtype=np.intp)


def _measured(target: AnyArray, groups: int, folds: Folds, predicted: Array, units: Units | None) -> Estimate:
    """Measure predictions: R², or over the folds the area of the group that is told best against the rest.

    The intervals of the groups are widened to hold all at once, as the best is picked by its lower end: Bonferroni's
    level, divided by the number of groups once more, as folds that judge each other share what chance made of them.
    """
    if not groups:
        return regression_metrics(target, predicted.ravel(), units=units)["r2"].estimate
    told, weights = range(1, 2) if groups == 2 else range(groups), weights_of(units, len(target))
    times, found = float(norm.isf(0.025 / len(told) ** 2)) / Z, []
    for code in told:
        value, influence, is_group = 0.0, np.zeros(len(target)), (target == code).astype(float)
        for _, ask in folds:
            area, rows = roc_auc(is_group[ask], predicted[ask, code], weights[ask] / weights[ask].mean())
            value += area / len(folds)
            influence[ask] += rows * len(target) / weights[ask].sum() / len(folds)
        smaller = min(held := float(is_group @ weights), len(target) - held) / times**2
        how = "DeLong over the folds, logit scale"
        found.append(smooth(value, times * influence, weights, effective=smaller, method=how).over(units).estimate)
    return replace(max(found, key=lambda one: one.low), high=max(one.high for one in found))
