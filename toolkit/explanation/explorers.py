"""What a report's script makes movable of an explanation: the column that is shown, and the values of a row."""

from typing import Any

import numpy as np
import pandas as pd

from toolkit.core import Explorer, Face, beside, format_number, shorten, value_text
from toolkit.data import is_text
from toolkit.errors import NotApplicableError
from toolkit.explanation.explanation import Explanation
from toolkit.explanation.findings import face
from toolkit.explanation.importance import EXPLORED
from toolkit.explanation.local import MOST_STEPS
from toolkit.explanation.trace import LINKS, whole_scale
from toolkit.models import in_order, is_onehot
from toolkit.statistics import Array

MOST_POINTS = 240


def column_explorer(explanation: Explanation | Any) -> "ColumnExplorer":
    """Show the attributions to one column after the other, by its values; in a report the column is chosen from a list.

    Parameters
    ----------
    explanation : Explanation
        What ``explain`` returned.

    Returns
    -------
    ColumnExplorer

    Raises
    ------
    NotApplicableError
        Where nothing was explained, or no column has an attribution.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from toolkit import explain, load_dataset
    >>> data = load_dataset("diabetes")
    >>> shown = column_explorer(explain(LinearRegression().fit(data.features, data.target), data))
    >>> shown.table.columns.tolist()
    ['column', 'value', 'rows', 'mean_attribution']
    """
    if getattr(explanation, "shap_values", None) is None:
        raise NotApplicableError("Nothing was explained, so there is no column to look at.")
    rows, points = list[list[object]](), list[list[Array]]()
    for name in explanation.overall["column"].head(EXPLORED):
        if not (values := explanation.attributed(name)[1]).any():
            continue
        groups = explanation.by_level(name)
        rows += [[name, text, int(mask.sum()), mean] for text, mask, mean in groups]
        points.append([values[:MOST_POINTS][mask[:MOST_POINTS]] for _, mask, _ in groups])
    if not rows:
        raise NotApplicableError("No column has an attribution: the model gives every row the same score.")
    table = pd.DataFrame(rows, columns=["column", "value", "rows", "mean_attribution"])
    return ColumnExplorer(explanation.attributor.scale, explanation.towards, table, tuple(map(tuple, points)))


class ColumnExplorer(Explorer, frozen=True):
    """Attributions by column and value; shows itself as a table, and in a report with a list of the columns.

    Attributes
    ----------
    scale : str
        Unit of the attributions.
    towards : str
        What a positive attribution speaks for; empty for a regression.
    table : DataFrame
        A row a column and value, the most important column first: ``column, value, rows, mean_attribution``.
    points : tuple of tuple of array
        For each column and each of its rows in the table, attributions of single rows, a sample of all.
    """

    scale: str
    towards: str
    table: pd.DataFrame
    points: tuple[tuple[Array, ...], ...]

    def face(self) -> Face:
        """Return what the numbers are, and all of them in a table to be opened."""
        towards = f" Positive values favour {shorten(self.towards, 60)}." if self.towards else ""
        count, scale = self.table["column"].nunique(), shorten(self.scale, 60)
        return face("columns", self, self.table, count=count, scale=scale, towards=towards)

    def plain(self) -> dict[str, Any]:
        """Return the lines of each column, and the points on them."""
        groups = zip(self.table.groupby("column", sort=False), self.points, strict=True)
        columns = [{"name": name} | _drawn(rows, points) for (name, rows), points in groups]
        return {"kind": "columns", "unit": self.scale, "columns": columns}


def _drawn(rows: pd.DataFrame, points: tuple[Array, ...]) -> dict[str, Any]:
    """Put one column's lines into places between 0 and 1000 on a scale that holds them and zero."""
    means = list(rows["mean_attribution"])
    ends = np.array([[mean.value, mean.low, mean.high] for mean in means])
    held = np.concatenate([[0.0], ends.ravel(), *points])
    low, high = float(np.nanmin(held)), float(np.nanmax(held))

    def places(values: Array) -> list[int | None]:
        share = (values - low) / (high - low or 1.0)
        return [round(1000 * place) if np.isfinite(place) else None for place in share.tolist()]

    each = zip(rows["value"], rows["rows"], map(str, means), map(places, ends), map(places, points), strict=True)
    lines = [dict(zip(("value", "rows", "mean", "places", "points"), line, strict=True)) for line in each]
    ways = (int(choose(ends[:, 0])) for choose in (np.argmin, np.argmax))
    least, most = (f"{format_number(ends[at, 0])} ({rows['value'].iloc[at]})" for at in ways)
    drawn = {"zero": places(np.zeros(1))[0], "ends": [format_number(low), format_number(high)], "lines": lines}
    return {**drawn, "said": f"The mean runs from {least} to {most}."}


WORDS = beside(__file__, "words.yaml")["what_if"]
MOST_LEVELS = 100  # of a text, in a list, for all outputs together
LABEL = 60  # letters of each
#: Stands for any text that the model was not trained on: a sign for private use.
UNSEEN = "\ue000"


def what_if(explanation: Explanation | Any) -> "WhatIf":
    """Let the reader of a report change the values of the rows explained, and see score, decision and attributions.

    That needs the model itself in the page, so it is offered for the linear models that ``train`` makes: theirs is a
    sum of what each value adds. What that is, is asked of the explainer, also for a missing value and for a text that
    the model was not trained on; where the sum is not what the model says, nothing is offered. The most important
    columns, of all rows and of these, and the sensitive ones can be changed; the others stay as they are.

    Parameters
    ----------
    explanation : Explanation
        What ``explain`` returned.

    Returns
    -------
    WhatIf

    Raises
    ------
    NotApplicableError
        Where no single row was explained.

    Examples
    --------
    >>> from toolkit import explain, load_dataset, split_dataset, train
    >>> split = split_dataset(load_dataset("diabetes"))
    >>> shown = what_if(explain(train(split, candidates=["ridge"]).model, split))
    >>> shown.frame().columns.tolist()
    ['column', 'value', 'output', 'attribution']
    """
    if not getattr(explanation, "local", ()):
        raise NotApplicableError("No single row is explained, so there is none to change.")
    by, data, model = explanation.attributor, explanation.data, explanation.model
    nothing = WhatIf(type(model.last).__name__, by.scale, {})
    if by.method != "linear" or not is_onehot(model.estimator):
        return nothing
    drawn = [name for row in explanation.local for name in row.parts["column"].head(MOST_STEPS)]
    wanted = {*explanation.overall["column"].head(EXPLORED), *data.sensitive, *drawn}
    names = [name for name in explanation.overall["column"] if name in wanted]
    rows = data.features.loc[[row.index for row in explanation.local]]
    if not all(columns := [_column(explanation, rows, name) for name in names]):
        return nothing
    rest = by.attribute(rows)[0][:, [name not in names for name in rows]].sum(axis=1).tolist()
    outputs, at = by.outputs.names, model.threshold.value if model.threshold else np.nan
    about = [(f"Row {row.index}, {row.reason}", outputs.index(row.output)) for row in explanation.local]
    shown = [{"name": row, "output": one, "rest": sizes} for (row, one), sizes in zip(about, rest, strict=True)]
    carried = {"kind": "row", "columns": columns, "rows": shown, "fixed": rows.shape[1] - len(names), "scale": by.scale}
    carried |= {"base": by.base.tolist(), "outputs": outputs, "labels": list(map(str, in_order(data)))}
    return WhatIf(nothing.name, nothing.scale, carried | {"threshold": None if np.isnan(at) else at})


def _column(explanation: Explanation, rows: pd.DataFrame, name: str) -> dict[str, Any] | None:
    """Ask what values of a column add to each output: texts, or two numbers, on whose straight line all others lie.

    The last are a missing value and a text never seen. None where sums are not what the model says.
    """
    by, column, unit = explanation.attributor, explanation.data.features[name], ""
    own: list[Any] = [None if pd.isna(value) else value for value in rows[name].tolist()]
    if is_text(column):
        most = max(10, MOST_LEVELS // len(by.base))
        kept = {*column.value_counts().index[:most], *own}
        values = [*(level for level in column.cat.categories if level in kept), None, UNSEEN]
        unit = WORDS["most"].format(most=most) if len(values) - 2 < len(column.cat.categories) else ""
    else:
        low, high = float(column.fillna(0).min()), float(column.fillna(0).max())
        values = [low, high if low < high else low + max(1.0, abs(low)), None]
    probes = rows.iloc[[0] * len(values)].reset_index(drop=True)
    probes[name] = pd.Series(values, dtype="category" if is_text(column) else float)
    adds, said = by.attribute(probes)[0], whole_scale(explanation.model, by.outputs)[1](probes)
    link = LINKS.get(by.scale, np.asarray) if explanation.data.classes else np.asarray
    if not np.allclose(link(by.base + adds.sum(axis=1)), said, rtol=1e-9, atol=1e-9 * float(np.abs(said).max())):
        return None
    levels = [WORDS["unseen"] if value == UNSEEN else value_text(value, LABEL) for value in values]
    dated = {"own": own, "ends": values[:2], "date": name in explanation.data.dates}
    texts = {"own": list(map(values.index, own))} if is_text(column) else dated
    return {"name": name, "unit": unit, "levels": levels, "adds": adds[:, rows.columns.get_loc(name)].tolist()} | texts


class WhatIf(Explorer, frozen=True):
    """What other values of a row would add to its score; in a report, rows whose values can be changed.

    Attributes
    ----------
    name : str
        Class of the estimator.
    scale : str
        Unit of the attributions.
    carried : dict
        What the report's script needs; empty where the model is no linear one of the toolkit's.
    """

    name: str
    scale: str
    carried: dict[str, Any]

    def frame(self) -> pd.DataFrame:
        """Return what each value adds to each output; of a number two values, on whose straight line the others lie."""
        rows = [
            [column["name"], level, output, size]
            for column in self.carried.get("columns", ())
            for level, sizes in zip(column["levels"], column["adds"], strict=True)
            for output, size in zip(self.carried["outputs"], sizes, strict=True)
        ]
        return pd.DataFrame(rows, columns=["column", "value", "output", "attribution"])

    def plain(self) -> dict[str, Any]:
        """Return what the script needs to add up a row's score."""
        return self.carried

    def face(self) -> Face:
        """Return what the score is made of, or why no row can be changed."""
        return face("what_if" if self.carried else "what_if other", self, self.frame())
