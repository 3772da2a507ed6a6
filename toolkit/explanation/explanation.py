"""What moves a model's scores, and by how much; and what a reader should know before believing it."""

from collections.abc import Iterator
from functools import cached_property

import numpy as np
import pandas as pd

from toolkit.core import Drawing, Estimate, Face, Finding, Record, Result, by_severity, format_number, shorten, spread
from toolkit.data import Dataset
from toolkit.errors import InputError, listed
from toolkit.explanation.attribution import Attributor, tolerance
from toolkit.explanation.crosscheck import LEAST_ROWS, CrossCheck
from toolkit.explanation.findings import face, finding
from toolkit.explanation.importance import REPORTED, Drawn, magnitudes, rank_text, relative_errors
from toolkit.explanation.local import LocalRow
from toolkit.models import Model
from toolkit.statistics import ALPHA, FEW_GROUPS, Array, Levels, Mask, mean_of

FOREMOST = 5
#: How strongly two columns go together at least that are said to say the same.
REDUNDANT = 0.8
#: A column is idle whose increase is below this part of what attributions of its size go with.
_IDLE = 0.25
_WEAK = 0.5
_ENDED = {"rows": "the most allowed", "time": "all that the time allowed", "table": "all there are"}


class Explanation(Result, frozen=True):
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

    def attributed(self, column: str) -> tuple[pd.Series, Array]:
        """Return the values of a column, and what the output ``shown`` is attributed to them."""
        return self.features[column], self.shap_values[:, self.features.columns.get_loc(column), self.shown]

    def by_level(self, column: str) -> list[tuple[str, Mask, Estimate]]:
        """Return each level of a column with a mask of its rows and the mean of what they are attributed."""
        values, units, levels = self.attributed(column)[1], self.drawn.units, self.levels[column].groups()
        return [(text, mask, mean_of(values[mask], units.take(mask) if units else None)) for text, mask in levels]

    @cached_property
    def increases(self) -> dict[str, Estimate]:
        """By how much shuffling each column increases the loss."""
        return dict(zip(map(str, self.features), self.check.increases, strict=True))

    @cached_property
    def additivity_gap(self) -> float:
        """The largest |base + attributions - output| of any row and output explained."""
        return float(np.abs(self.attributor.base + self.shap_values.sum(axis=1) - self.drawn.output).max())

    def probabilities(self, row: object) -> pd.DataFrame:
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
        """Return what a reader should know before believing it, the most severe first."""
        about = (_about_attributions, _about_columns, _about_permutation, _about_groups)
        return by_severity([*self.attributor.notes, *(note for each in about for note in each(self))])

    def drawings(self) -> list[Drawing]:
        """Return the figures: importance, beeswarm, dependence, interactions, groups and single rows."""
        from toolkit.explanation.figures import drawings

        return drawings(self)

    def record(self) -> Record:
        """Return how the model was explained, for the tracker."""
        return Record(parameters={"explainer": self.attributor.method, "explanation_scale": self.attributor.scale})

    def face(self) -> Face:
        """Return how the model was explained, and its most important columns."""
        most = ", ".join(self.overall["column"].head(3))
        units = f"; intervals are over {self.drawn.units}" if self.drawn.units else ""
        shown = self.overall.head(2 * REPORTED)
        table: dict[str, object] = {"column": shown["column"], "mean |SHAP|": shown["mean_abs_shap"]}
        table["rank"] = list(map(rank_text, shown.itertuples()))
        table[f"increase of {self.check.loss} when shuffled"] = [self.increases[name] for name in shown["column"]]
        return face("explanation", self, pd.DataFrame(table), most=most, units=units, by=self.attributor)


def _about_attributions(explanation: Explanation) -> Iterator[Finding]:
    """Yield where attributions miss the output, are all nil, or are not known as well as was wanted."""
    gap, rows, by, drawn = explanation.additivity_gap, explanation.rows, explanation.attributor, explanation.drawn
    if gap > tolerance(by.base, drawn.output):
        yield finding("EXPLAIN-ADDITIVITY", "high", "additivity", gap=format_number(gap), by=by)
    if not drawn.shap_values.any():
        varies = np.ptp(drawn.output, axis=0).any()
        yield finding("EXPLAIN-CONSTANT varies" if varies else "EXPLAIN-CONSTANT", "medium", rows=rows)
    errors = relative_errors(magnitudes(drawn.shap_values), drawn.units)
    known = zip(explanation.overall["column"], errors, strict=False)
    wide = [(name, error) for name, error in known if error > explanation.precision]
    if wide and drawn.stopped != "precision":
        number = "1 row is" if rows == 1 else f"{rows:,} rows are"
        said = [f"{shorten(name)} ({f'{error:.1%}' if np.isfinite(error) else 'unknown'})" for name, error in wide]
        about = {"number": number, "ended": _ENDED[drawn.stopped], "wide": listed(said, 5)}
        severity = "low" if drawn.stopped == "time" else "info"
        yield finding("EXPLAIN-IMPRECISE", severity, wanted=100 * explanation.precision, **about)


def _about_columns(explanation: Explanation) -> Iterator[Finding]:
    """Yield which sensitive columns are used, and which important ones say the same."""
    overall, sensitive = explanation.overall, explanation.data.sensitive
    n, total = len(overall), sum(one.value for one in overall["mean_abs_shap"])
    used = [row for _, row in overall.iterrows() if row["column"] in sensitive and row["mean_abs_shap"].value > 0]
    named = "{} (rank {} of {}, {:.1%} of all attributions)".format
    if said := [named(shorten(row["column"]), rank_text(row), n, row["mean_abs_shap"].value / total) for row in used]:
        yield finding("EXPLAIN-SENSITIVE", "low", "sensitive", columns=listed(said))
    foremost, pairs = overall["column"].head(REPORTED), explanation.redundant
    pairs = pairs[pairs[["first", "second"]].isin(foremost.tolist()).any(axis=1)]
    named = "{} and {} ({} {:.2f})".format
    if told := [named(shorten(one.first), shorten(one.second), one.measure, one.value) for one in pairs.itertuples()]:
        yield finding("EXPLAIN-REDUNDANT", "low", least=REDUNDANT, pairs=listed(told, FOREMOST))


def _about_permutation(explanation: Explanation) -> Iterator[Finding]:
    """Yield where what moves the scores is not what makes them right."""
    check, increases = explanation.check, explanation.increases
    ordered = [increases[name] for name in explanation.overall["column"]]
    apart = np.greater.outer([one.low for one in ordered], [one.high for one in ordered])
    pairs = {"told": int(apart.sum()), "against": int(np.tril(apart).sum())}
    # The order of columns that are not told apart, such as those of noise, is chance.
    if explanation.agreement.high < _WEAK and pairs["against"] > (1 - _WEAK) / 2 * pairs["told"]:
        yield finding("EXPLAIN-DISAGREES", "medium", "permutation", agreement=explanation.agreement, **pairs)
    most = max((one.value for one in check.increases), default=0.0)
    foremost = explanation.overall.head(FOREMOST if most > 0 else 0)
    sizes = np.array([one.value for one in foremost["mean_abs_shap"]])
    # The increase goes with the square of the attributions where these are right.
    limits = zip(foremost["column"], _IDLE * most * (sizes / sizes.max(initial=1e-300)) ** 2, strict=True)
    if idle := [f"{shorten(name)} ({increases[name]})" for name, limit in limits if increases[name].high < limit]:
        yield finding("EXPLAIN-IDLE", "low", "permutation", foremost=FOREMOST, loss=check.loss, columns=listed(idle))


def _about_groups(explanation: Explanation) -> Iterator[Finding]:
    """Yield where the model leans on other columns in some groups, and where that is not known well."""
    units, table = explanation.drawn.units, explanation.groups
    if units and units.kind == "group" and units.count < FEW_GROUPS:
        yield finding("EXPLAIN-FEW-GROUPS", "medium", units.name, units=units)
    if len(few := table[table["rows"] < LEAST_ROWS].drop_duplicates(["by", "group"])):
        names = [f"{shorten(one.by)} {shorten(one.group)} ({one.rows})" for one in few.itertuples()]
        yield finding("EXPLAIN-GROUP-SMALL", "info", groups=listed(names, FOREMOST))
    if len(apart := table[table["p_adjusted"] <= ALPHA]):
        order = np.argsort([-abs(one.value) for one in apart["difference"]], kind="stable")
        largest = apart.iloc[order].drop_duplicates(["by", "column"]).head(3)
        rows = largest[["column", "by", "group", "mean_abs_shap", "rest"]].itertuples(index=False, name=None)
        named = "{} where {} is {} ({}, elsewhere {})".format
        most = "; ".join(named(*map(shorten, row[:3]), *row[3:]) for row in rows)
        tested = int(table["p_adjusted"].notna().sum())
        yield finding("EXPLAIN-GROUPS", "low", largest.iloc[0]["by"], apart=len(apart), tested=tested, most=most)
