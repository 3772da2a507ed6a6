"""Say why a model says what it says: attributions on the original columns, how sure, and where they mislead."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core.estimate import Estimate, spread
from toolkit.core.face import Face
from toolkit.core.figures import Drawing
from toolkit.core.options import above, whole
from toolkit.core.result import Finding, Record, Result
from toolkit.data.dataset import Dataset
from toolkit.data.split import Split, judged_rows
from toolkit.errors import InputError, NotApplicableError, listed
from toolkit.explanation.association import associations
from toolkit.explanation.attribution import Attributor, choose_attributor
from toolkit.explanation.crosscheck import CrossCheck, cross_check, group_table, grouping_columns, rank_agreement
from toolkit.explanation.figures import drawings
from toolkit.explanation.findings import face, judge, ranking
from toolkit.explanation.importance import EXPLORED, Drawn, draw_rows, importance_table, interaction_table, magnitudes
from toolkit.explanation.local import LocalRow, explain_rows, find_rows
from toolkit.models.model import Model
from toolkit.models.prediction import predict_at
from toolkit.models.threshold import ThresholdLike
from toolkit.statistics.binning import Levels, cut
from toolkit.statistics.intervals import Array
from toolkit.statistics.units import Units, weights_of

_ASSOCIATED = 40
#: Rows predicted at most for permutation importance, for each row that an explainer can explain in acceptable time.
CHECKED = 200


def explain(
    model: Any,
    data: Dataset | Split,
    *,
    background: Dataset | None = None,
    method: str = "auto",
    rows: Any = None,
    by: str | Sequence[str] | None = None,
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
    model, predicted, decided_at = predict_at(model, data, threshold, part)
    if model.recorded:
        raise NotApplicableError("Recorded predictions have no model to explain. Give the model itself.")
    attributor = choose_attributor(model, part, against, method=method, given=background is not None, seed=seed)
    wanted: dict[str, Any] = {"precision": precision, "seconds": seconds, "seed": seed}
    units = Units.of(part.group, part.time, part.weight)
    check = cross_check(model, part, units, most=CHECKED * attributor.most_rows, **wanted)
    drawn = draw_rows(attributor, part, most=most or attributor.most_rows, **wanted)
    features, names = part.features.iloc[drawn.positions], [str(name) for name in part.features.columns]
    table = importance_table(drawn.shap_values, names, attributor.outputs.names, drawn.units)
    sizes = magnitudes(drawn.shap_values)
    importance = np.average(sizes, axis=0, weights=weights_of(drawn.units, len(sizes)))
    foremost = list(table.loc[table["output"] == "overall", "column"])
    shown = part.features.loc[:, [name in foremost[:EXPLORED] for name in names]]
    cells = {str(name): column for name, column in (*shown.items(), *grouping.items())}
    levels = {name: cut(one, dates=name in part.dates).take(drawn.positions) for name, one in cells.items()}
    return Explanation(
        data=part,
        model=replace(model, threshold=decided_at),
        attributor=attributor,
        drawn=drawn,
        precision=precision,
        table=table,
        interactions=interaction_table(attributor, features, drawn),
        groups=group_table({str(name): levels[str(name)] for name in grouping}, sizes, names, drawn.units),
        levels=levels,
        redundant=associations(features.loc[:, [name in foremost[:_ASSOCIATED] for name in names]]),
        check=check,
        agreement=rank_agreement(importance, np.array([one.value for one in check.increases])),
        local=tuple(explain_rows(attributor, part, predicted, chosen, decided_at.value if decided_at else math.nan)),
    )


@dataclass(frozen=True, eq=False, repr=False)
class Explanation(Result):
    """What moves a model's scores, and by how much.

    Attributes
    ----------
    data : Dataset
        The table from which rows were drawn.
    model : Model
        What is explained, with the threshold that it was explained at.
    attributor : Attributor
        The explainer that was used, its scale, and its base.
    drawn : Drawn
        The rows explained, and what the model says of them: base and attributions together, up to the additivity gap.
    precision : float
        Standard error, as a share of the mean, that was wanted.
    table : DataFrame
        ``column, output, mean_abs_shap`` (Estimate), ``rank_low, rank_high``: see ``importance_table``.
    interactions, groups, redundant : DataFrame
        The strongest pairs, the groups compared, and columns that go together, each of which may be without rows.
    levels : dict of str to Levels
        The level of each row in the foremost columns and those grouped by.
    check : CrossCheck
        Permutation importance of each column, in the order of ``features``.
    agreement : Estimate
        Spearman's rank correlation of the attributions and these importances, over the columns.
    local : tuple of LocalRow
        Single rows.
    """

    data: Dataset
    model: Model
    attributor: Attributor
    drawn: Drawn
    precision: float
    table: pd.DataFrame
    interactions: pd.DataFrame
    groups: pd.DataFrame
    redundant: pd.DataFrame
    levels: dict[str, Levels]
    check: CrossCheck
    agreement: Estimate
    local: tuple[LocalRow, ...]

    @cached_property
    def features(self) -> pd.DataFrame:
        """The rows explained, in the order in which they were drawn, with their ids."""
        return self.data.features.iloc[self.drawn.positions]

    @property
    def shap_values(self) -> Array:
        """Attributions of shape (rows, columns, outputs): one output for binary and regression, else one a class."""
        return self.drawn.shap_values

    @property
    def rows(self) -> int:
        """Number of rows explained."""
        return len(self.drawn.positions)

    @cached_property
    def overall(self) -> pd.DataFrame:
        """The part of ``table`` over all outputs: one row a column, the most important first."""
        return self.table[self.table["output"] == "overall"].reset_index(drop=True)

    @cached_property
    def shown(self) -> int:
        """Place of the output with the largest attributions, as a figure of single rows can show but one."""
        return int(np.abs(self.shap_values).sum(axis=(0, 1)).argmax())

    @property
    def towards(self) -> str:
        """What the output ``shown`` speaks for; empty where a number is predicted."""
        return "" if self.data.task == "regression" else self.attributor.outputs.names[self.shown]

    def attributed(self, column: str) -> tuple[pd.Series[Any], Array]:
        """Return the values of a column, and what the output ``shown`` is attributed to them."""
        place = [str(name) for name in self.features.columns].index(column)
        return self.features.iloc[:, place], self.shap_values[:, place, self.shown]

    @cached_property
    def increases(self) -> dict[str, Estimate]:
        """By how much shuffling each column increases the loss."""
        return dict(zip(map(str, self.features.columns), self.check.increases, strict=True))

    @cached_property
    def additivity_gap(self) -> float:
        """The largest |base + attributions - output| of any row and output explained."""
        return float(np.abs(self.attributor.base + self.shap_values.sum(axis=1) - self.drawn.output).max())

    def probabilities(self, row: Any) -> pd.DataFrame:
        """Read one explained row on the probability scale, step by step: see ``local.probability_path``.

        Parameters
        ----------
        row : object
            Id of one of the rows in ``local``.

        Returns
        -------
        DataFrame
            ``column, value, attribution, probability_before, probability_after``, the largest attribution first.

        Raises
        ------
        InputError
            Where the row is not among ``local``, or the scale leads to no probability.
        """
        if (found := next((one for one in self.local if one.index == row), None)) is None:
            ids = listed(one.index for one in self.local)
            raise InputError(f"Row {row!r} was not explained by itself. Give it in rows=; explained are: {ids}.")
        if "probability_after" not in found.parts:
            raise InputError(f"The attributions are on the scale {found.scale!r}, which leads to no probability.")
        return found.parts

    def frame(self) -> pd.DataFrame:
        """Return one row a column and output: its importance, ranks, and the loss that shuffling it costs."""
        return spread(self.table).assign(loss_increase=[self.increases[name].value for name in self.table["column"]])

    def scalars(self) -> dict[str, Estimate]:
        """Return the importance of each column, of the foremost in each group, and how far to trust them."""
        sizes = {"rows": self.rows, "additivity_gap": self.additivity_gap}
        numbers = {f"explanation.{name}": Estimate(size, n=self.rows) for name, size in sizes.items()}
        numbers["explanation.permutation_agreement"] = self.agreement
        overall = self.overall[["column", "mean_abs_shap"]].itertuples(index=False, name=None)
        of_groups = self.groups[["by", "group", "column", "mean_abs_shap"]].itertuples(index=False, name=None)
        return numbers | {f"explanation.{'.'.join(names)}.mean_abs_shap": one for *names, one in (*overall, *of_groups)}

    def findings(self) -> list[Finding]:
        """Return what a reader should know, the most severe first."""
        return judge(self)

    def drawings(self) -> list[Drawing]:
        """Return the figures: importance, beeswarm, dependence, interactions, groups and single rows."""
        return drawings(self)

    def record(self) -> Record:
        """Return how the model was explained, for the tracker."""
        return Record(parameters={"explainer": self.attributor.method, "explanation_scale": self.attributor.scale})

    def face(self) -> Face:
        """Return how the model was explained, and its most important columns."""
        most = ", ".join(self.overall["column"].head(3))
        units = f"; intervals are over {self.drawn.units}" if self.drawn.units else ""
        return face("explanation", self, ranking(self), most=most, units=units, by=self.attributor)
