"""What each column does to the score, value by value: in a report, with a list to choose the column from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core.estimate import format_number, spread
from toolkit.core.face import Face, FaceTable
from toolkit.core.result import Explorer
from toolkit.core.words import shorten
from toolkit.errors import NotApplicableError
from toolkit.explanation.explain import Explanation
from toolkit.explanation.figures import by_level
from toolkit.explanation.findings import face
from toolkit.explanation.importance import EXPLORED
from toolkit.statistics.intervals import Array

MOST_POINTS = 240


def column_explorer(explanation: Explanation | Any) -> ColumnExplorer:
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
    rows: list[list[object]] = []
    points: list[list[Array]] = []
    for name in explanation.overall["column"].head(EXPLORED):
        values = explanation.attributed(name)[1]
        if not values.any():
            continue
        groups = by_level(explanation.levels[name], values, explanation.drawn.units)
        rows += [[name, text, int(mask.sum()), mean] for text, mask, mean in groups]
        points.append([values[:MOST_POINTS][mask[:MOST_POINTS]] for _, mask, _ in groups])
    if not rows:
        raise NotApplicableError("No column has an attribution: the model gives every row the same score.")
    table = pd.DataFrame(rows, columns=["column", "value", "rows", "mean_attribution"])
    return ColumnExplorer(explanation.attributor.scale, explanation.towards, table, tuple(map(tuple, points)))


@dataclass(frozen=True, eq=False, repr=False)
class ColumnExplorer(Explorer):
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

    def frame(self) -> pd.DataFrame:
        """Return the mean attribution of each value of each column, with its interval."""
        return spread(self.table)

    def face(self) -> Face:
        """Return what the numbers are, and all of them in a table to be opened."""
        caption = "Mean attribution by column and value, with 95% intervals"
        table = FaceTable(caption, self.table, len(self.table), "All columns as one table")
        towards = f" Positive values favour {shorten(self.towards, 60)}." if self.towards else ""
        count, scale = self.table["column"].nunique(), shorten(self.scale, 60)
        return replace(face("columns", self, count=count, scale=scale, towards=towards), tables=[table])

    def plain(self) -> dict[str, Any]:
        """Return the lines of each column, and the points on them."""
        groups = zip(self.table.groupby("column", sort=False), self.points, strict=True)
        columns = [{"name": name} | _drawn(rows, points) for (name, rows), points in groups]
        return {"kind": "columns", "unit": self.scale, "columns": columns}


def _drawn(rows: pd.DataFrame, points: Sequence[Array]) -> dict[str, Any]:
    """Put one column's lines into places between 0 and 1000 on a scale that holds them and zero."""
    means = list(rows["mean_attribution"])
    ends = np.array([[mean.value, mean.low, mean.high] for mean in means])
    held = np.concatenate([[0.0], ends.ravel(), *points])
    low, high = float(np.nanmin(held)), float(np.nanmax(held))

    def places(values: Array) -> list[int | None]:
        share = (values - low) / (high - low or 1.0)
        return [round(1000 * place) if np.isfinite(place) else None for place in share.tolist()]

    lines = [
        {"value": value, "rows": count, "mean": str(mean), "places": places(place), "points": places(dots)}
        for value, count, mean, place, dots in zip(rows["value"], rows["rows"], means, ends, points, strict=True)
    ]
    ways = (int(choose(ends[:, 0])) for choose in (np.argmin, np.argmax))
    least, most = (f"{format_number(ends[at, 0])} ({rows['value'].iloc[at]})" for at in ways)
    return {
        "zero": places(np.zeros(1))[0],
        "ends": [format_number(low), format_number(high)],
        "said": f"The mean runs from {least} to {most}.",
        "lines": lines,
    }
