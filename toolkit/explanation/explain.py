"""Say why a model says what it says: attributions on the original columns, and which of these say the same."""

import math
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from toolkit.data import Dataset, Names, Split, judged_rows
from toolkit.errors import NotApplicableError, above, whole
from toolkit.explanation.attribution import choose_attributor
from toolkit.explanation.crosscheck import cross_check, group_table, grouping_columns, rank_agreement
from toolkit.explanation.explanation import REDUNDANT, Explanation
from toolkit.explanation.importance import EXPLORED, draw_rows, importance_table, interaction_table, magnitudes
from toolkit.explanation.local import explain_rows, find_rows
from toolkit.models import ThresholdLike, predict_at
from toolkit.statistics import AnyArray, cut, weights_of

_ASSOCIATED = 40
_MOST_CELLS = 50
#: Rows predicted at most for permutation importance, for each row that an explainer can explain in acceptable time.
CHECKED = 200


def explain(
    model: Any,
    data: Dataset | Split,
    *,
    background: Dataset | None = None,
    method: str = "auto",
    rows: Any = None,
    by: Names | None = None,
    threshold: ThresholdLike = None,
    precision: float = 0.05,
    most_rows: int | None = None,
    seconds: float = 60.0,
    seed: int = 0,
) -> Explanation:
    """Attribute a model's scores to the columns of the table, as it was before any encoding.

    The attributions are SHAP values (Lundberg & Lee 2017, arXiv:1705.07874): Tree SHAP for trees, coefficients times
    distances for linear models, and random orders of the columns for any other. Where a pipeline's encoding can be
    traced, those of the encoded columns are summed to the column they come from; where it cannot, the columns are
    permuted before the encoding. The model's own scale is kept: log-odds, probability, or the target's unit.

    Rows are drawn at random until the standard error of each of the ten foremost mean |SHAP| is below ``precision`` of
    it, or the budget is spent, which is then said. Intervals are for rows like these, given the model and what it is
    measured against; where the table has a group, or the times of a series, they are those of its groups or of the
    series. Beside it stands permutation importance, measured on all rows up to the same precision or budget.

    Parameters
    ----------
    model : Model, or anything that ``Model.of`` takes
    data : Dataset or Split
        Of a split the test part is explained against the training part; a table alone against itself.
    background : Dataset, optional
        Rows to measure against instead. For trees, which else count the rows that they were trained on, up to 100 of
        them are used.
    method : {"auto", "tree", "linear", "permutation"}
    rows : list or label, optional
        Ids (labels of the index) of single rows to explain; by default the most confident prediction and error, and the
        nearest to the threshold.
    by : str or list of str, optional
        Columns whose groups are compared; by default the sensitive ones. Several in one text are separated by commas.
    threshold : float, str, mapping, Rule or Threshold, optional
        As for ``evaluate`` (binary only): decides which rows are right.
    precision : float
    most_rows : int, optional
        Rows at most, by default 1,000, or 200 for deep forests and the permutation explainer.
    seconds : float
        No further rows are begun after this time. Only where it ends the drawing do two runs differ.
    seed : int
        Of everything that is drawn by chance.

    Returns
    -------
    Explanation

    Raises
    ------
    NotApplicableError
        Where there are predictions but no model.
    InputError
        Where the model does not fit the table, or an option cannot be used.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from toolkit import load_dataset
    >>> data = load_dataset("diabetes")
    >>> model = LinearRegression().fit(data.features, data.target)
    >>> explain(model, data).table["column"].iloc[0]
    's1'
    """
    part = judged_rows(data)
    against = background or (data.train if isinstance(data, Split) else data)
    above("precision", precision)
    above("seconds", seconds)
    most = 0 if most_rows is None else whole("most_rows", most_rows, 1)
    grouping = grouping_columns(part, by)
    chosen = None if rows is None else find_rows(part, rows)
    model, predicted = predict_at(model, data, threshold, part)
    if model.recorded:
        raise NotApplicableError("Recorded predictions have no model to explain. Give the model itself.")
    attributor = choose_attributor(model, part, against, method=method, given=background is not None, seed=seed)
    wanted: dict[str, Any] = {"precision": precision, "seconds": seconds, "seed": seed}
    check = cross_check(model, part, most=CHECKED * attributor.most_rows, **wanted)
    drawn = draw_rows(attributor, part, most=most or attributor.most_rows, **wanted)
    at = model.threshold.value if model.threshold else math.nan
    features, names = part.features.iloc[drawn.positions], list(map(str, part.features))
    table = importance_table(drawn, names, attributor.outputs.names)
    sizes = magnitudes(drawn.shap_values)
    importance = np.average(sizes, axis=0, weights=weights_of(drawn.units, len(sizes)))
    foremost = list(table.loc[table["output"] == "overall", "column"])
    cells = {**part.features[foremost[:EXPLORED]], **grouping}
    levels = {name: cut(one, dates=name in part.dates).take(drawn.positions) for name, one in cells.items()}
    return Explanation(
        data=part,
        model=model,
        attributor=attributor,
        drawn=drawn,
        precision=precision,
        table=table,
        interactions=interaction_table(attributor, features, drawn),
        groups=group_table({name: levels[name] for name in map(str, grouping)}, sizes, names, drawn.units),
        levels=levels,
        redundant=associations(features.loc[:, features.columns.isin(foremost[:_ASSOCIATED])]),
        check=check,
        agreement=rank_agreement(importance, np.array([one.value for one in check.increases])),
        local=tuple(explain_rows(attributor, part, predicted, chosen, at)),
    )


def associations(features: pd.DataFrame) -> pd.DataFrame:
    """Find the pairs of columns that say nearly the same, the strongest first.

    Two numbers by the absolute value of Spearman's rank correlation; two categories by Cramér's V, freed from its bias
    (Bergsma 2013, doi:10.1016/j.jkss.2012.10.002); a number and a category by the correlation ratio of the number's
    ranks, freed from its bias likewise (Kelley 1935, doi:10.1073/pnas.21.9.554). All lie in [0, 1]. Missing values are
    a category, and are left out of correlations of numbers; a column that never varies goes with none.

    Parameters
    ----------
    features : DataFrame of shape (rows, columns)

    Returns
    -------
    DataFrame
        ``first, second, measure, value``.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> a = rng.normal(size=200)
    >>> frame = pd.DataFrame({"a": a, "b": np.exp(a), "c": rng.normal(size=200), "d": pd.Categorical(a > 0)})
    >>> associations(frame).round(2).to_dict("list")["second"]
    ['b', 'd', 'd']
    """
    numbers = features.select_dtypes(["number", "bool"])
    names: list[Any] = list(features)
    codes = {name: pd.factorize(features[name], use_na_sentinel=False)[0] for name in names if name not in numbers}
    ranks = numbers.rank()
    spearman = ranks.corr(min_periods=3).abs()
    found: list[tuple[object, ...]] = []
    for pair in combinations(names, 2):
        coded, ranked = ([name for name in pair if name in side] for side in (codes, ranks))
        if not coded:
            found.append((*pair, "Spearman", spearman.loc[pair]))
        elif not ranked:
            found.append((*pair, "Cramér's V", cramers_v(codes[pair[0]], codes[pair[1]])))
        else:
            found.append((*pair, "correlation ratio", correlation_ratio(codes[coded[0]], ranks[ranked[0]].to_numpy())))
    table = pd.DataFrame(found, columns=["first", "second", "measure", "value"])
    return table[table["value"] >= REDUNDANT].sort_values("value", ascending=False, kind="stable", ignore_index=True)


def cramers_v(first: AnyArray, second: AnyArray) -> float:
    """Return Cramér's V of two columns of codes, 0, 1 and so on, freed from its bias.

    It is 0 where one of them never varies, and where there are far more pairs of codes than rows.
    """
    if (n := len(first)) < 3 or (first.max() + 1) * (second.max() + 1) > _MOST_CELLS * n:
        return 0.0
    counts = stats.contingency.crosstab(first, second).count
    rows, columns = counts.shape
    square = float(stats.chi2_contingency(counts, correction=False).statistic)
    phi = max(0.0, square / n - (rows - 1) * (columns - 1) / (n - 1))
    free = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    return min(1.0, math.sqrt(phi / free)) if free > 0 else 0.0


def correlation_ratio(codes: Any, ranks: Any) -> float:
    """Return the correlation ratio of ranks over groups of codes, freed from its bias; 0 where one never varies."""
    known = np.isfinite(ranks)
    values, groups = ranks[known], codes[known]
    sizes = np.bincount(groups)
    n, count = len(values), np.count_nonzero(sizes)
    if count < 2 or n <= count or not (total := float(values.var()) * n):
        return 0.0
    within = float(np.square(values - (np.bincount(groups, values) / np.maximum(sizes, 1))[groups]).sum())
    return math.sqrt(max(0.0, 1 - (within / (n - count)) / (total / (n - 1))))
