"""Describe the columns of a table in one row each, and draw its target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core.estimate import format_number
from toolkit.core.figures import BLUE, Axes, Drawing, name_rows
from toolkit.core.words import shorten
from toolkit.data.findings import drawing

MOST_BARS = 10
KINDS = {"int64": "whole number", "float64": "number"}


def describe_columns(features: pd.DataFrame) -> pd.DataFrame:
    """Describe each column in one row.

    Parameters
    ----------
    features : DataFrame of shape (n_rows, n_columns)
        ``int64``, ``float64`` and ``category`` columns.

    Returns
    -------
    DataFrame
        ``column``, ``kind``, ``missing`` (share of rows), ``distinct``; ``min``, ``mean``, ``max`` of numbers; ``top``,
        the most frequent label of a category, and ``top_share``, its share of the rows that have one.

    Examples
    --------
    >>> describe_columns(pd.DataFrame({"age": [20, 40]}))[["column", "kind", "mean"]].to_dict("records")
    [{'column': 'age', 'kind': 'whole number', 'mean': 30.0}]
    """
    names = ["column", "kind", "missing", "distinct", "min", "mean", "max", "top", "top_share"]
    return pd.DataFrame([_described(features[name]) for name in features.columns], columns=names)


def _described(column: pd.Series[Any]) -> dict[Any, object]:
    kind, missing = KINDS.get(str(column.dtype), "text"), float(column.isna().mean())
    said = dict[Any, object](column=str(column.name), kind=kind, missing=missing, distinct=column.nunique())
    if not said["distinct"]:
        return said
    if kind != "text":
        return said | column.agg(["min", "mean", "max"]).astype(float).to_dict()
    shares = column.value_counts(normalize=True)
    return said | {"top": str(shares.index[0]), "top_share": float(shares.iloc[0])}


def readable(profile: pd.DataFrame) -> pd.DataFrame:
    """Put a profile into few, short columns for people: what the values are, in words.

    Examples
    --------
    >>> readable(describe_columns(pd.DataFrame({"age": [20, 40]}))).to_dict("records")
    [{'column': 'age', 'kind': 'whole number', 'missing': 'none', 'distinct': 2, 'values': '20 to 40, mean 30'}]
    """
    missing = list(map(_share_text, profile["missing"]))
    values = list(map(_values_text, profile.to_dict("records")))
    return profile[["column", "kind", "missing", "distinct"]].assign(missing=missing, values=values)


def _share_text(share: float) -> str:
    return "none" if share == 0 else f"{share:.1%}" if share >= 0.001 else "under 0.1%"


def _values_text(row: Mapping[Any, Any]) -> str:
    if isinstance(row["top"], str):
        return f"most often {shorten(row['top'])} ({row['top_share']:.0%})"
    if np.isnan(row["min"]):
        return "none"
    low, high = (format_number(int(row[end]) if row["kind"] == "whole number" else row[end]) for end in ("min", "max"))
    mean = format_number(int(row["mean"]) if row["mean"] == int(row["mean"]) else row["mean"])
    return f"{low} to {high}, mean {mean}"


def target_drawing(target: pd.Series[Any], task: str) -> Drawing:
    """Draw the share of each class, or a histogram of a number."""
    name = str(target.name)
    if task == "regression":
        values = target.astype("float64")
        low, middle, high = (format_number(float(value)) for value in values.quantile([0, 0.5, 1]))
        words = {"name": name, "low": low, "middle": middle, "high": high, "rows": len(values)}
        rows, edges = np.histogram(values, min(50, max(5, int(np.sqrt(len(values))))))
        bars = pd.DataFrame({"from": edges[:-1], "to": edges[1:], "rows": rows})
        return drawing("target", lambda ax: _draw_histogram(ax, bars, name), bars, **words)
    shares, counts = _shares(target), target.value_counts()
    said = [f"{label}: {share:.1%}" for label, share in shares.items()]
    table = pd.DataFrame({"class": counts.index.map(str), "rows": counts.to_numpy()})
    table["share"] = table["rows"] / len(target)
    draw, words = bars_of(shares, "{:.1%}", "Share of rows"), {"name": name, "shares": said, "rows": len(target)}
    return drawing("classes", draw, table, kind="target", grid="x", **words)


def _draw_histogram(ax: Axes, bars: pd.DataFrame, name: str) -> None:
    ax.bar(bars["from"], bars["rows"], bars["to"] - bars["from"], align="edge", color=BLUE)
    ax.set(xlabel=name, ylabel="Rows")


def bars_of(sizes: pd.Series[Any], written: str, label: str) -> Callable[[Axes], None]:
    """Return what draws a bar for each size, with the size written beside it in this form."""

    def draw(ax: Axes) -> None:
        bars = ax.barh(range(len(sizes)), sizes.to_numpy(), color=BLUE)
        ax.bar_label(bars, list(map(written.format, sizes)), padding=3, fontsize=9)
        name_rows(ax, list(map(shorten, sizes.index)))
        ax.set_xlabel(label)
        ax.margins(x=0.12)

    return draw


def _shares(target: pd.Series[Any]) -> pd.Series[float]:
    """Return the share of each class in the order of the labels; beyond ten, the largest ones and the rest."""
    if len(shares := target.value_counts(normalize=True)) <= MOST_BARS:
        return shares.sort_index().rename(index=str)
    rest = {f"{len(shares) - MOST_BARS + 1} other classes": float(shares.iloc[MOST_BARS - 1 :].sum())}
    return pd.concat([shares.iloc[: MOST_BARS - 1].rename(index=str), pd.Series(rest)])
