"""Turn any column into one that every model can take, and say what was done; describe the columns, draw the target."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core import BLUE, Axes, Drawing, Finding, counted, format_number, name_rows, now, shorten, two_at_once
from toolkit.data.delimited import as_typed
from toolkit.data.findings import Noted, drawing, finding, too_large
from toolkit.data.recognition import ODD_DISTINCT, ODD_SHARE, WORDS, decide_format
from toolkit.data.schema import Decision, Decisions
from toolkit.data.table_reader.cells import as_days, as_texts, column_kind, finite, is_blank, plain_numbers, text_labels
from toolkit.statistics import cell_text

IDENTIFIER_ROWS, IDENTIFIER_SHARE, MOST_BARS = 20, 0.95, 10
KINDS = {"int64": "whole number", "float64": "number"}

#: Names of columns that number or name the rows, such as the index that a table was saved with.
_NAMES_ROWS = re.compile(WORDS["rows"])


def prepare_features(frame: pd.DataFrame, decisions: Decisions) -> tuple[pd.DataFrame, pd.DataFrame, list[Finding]]:
    """Make every column fit for training, put aside those that cannot help, and say so.

    Features have three dtypes only. ``int64``: whole numbers and yes/no (1/0) without gaps. ``float64``: other
    numbers, dates (days since 1970-01-01) and durations (days); NaN where missing or infinite. ``category``: text, with
    text categories, sorted unless the column brings an order of its own; NaN where missing or blank.

    Parameters
    ----------
    frame : DataFrame
        Candidate features, with text column names.
    decisions : mapping of str to Decision
        How the texts of a column are read, where that was decided.

    Returns
    -------
    features : DataFrame
        The usable columns under their names.
    others : DataFrame
        The others: of the same dtypes, ``float64`` where there is no value, as they were where cells are nested.
    notes : list of Finding
        One for each column that was changed or left out.

    Examples
    --------
    >>> features, others, notes = prepare_features(pd.DataFrame({"a": ["1", "2", "?"], "b": [5, 5, 5]}), {})
    >>> features["a"].tolist(), list(others), [note.code for note in notes]
    ([1.0, 2.0, nan], ['b'], ['DATA-MISSING-MARKS', 'DATA-TEXT-NUMBERS', 'DATA-CONSTANT'])
    """
    kept: dict[str, pd.Series] = {}
    others: dict[str, pd.Series] = {}
    notes: list[Finding] = []
    names = list(map(str, frame))
    read = two_at_once(plain_column, map(frame.get, names), map(decisions.get, names))
    for name, (column, found) in zip(names, read, strict=True):
        reason = None if column is None else useless(column)
        notes += [*found, *([reason] if reason else [])]
        if column is None:
            nested = found[-1].code == "DATA-NESTED"
            others[name] = frame[name] if nested else pd.Series(np.nan, frame.index, "float64", name)
        else:
            (others if reason else kept)[name] = column
    features, rest = (pd.DataFrame(part, index=frame.index, copy=False) for part in (kept, others))
    return features, rest, notes


def plain_column(series: pd.Series, how: Decision | None = None) -> tuple[pd.Series | None, list[Finding]]:
    """Turn one column into ``int64``, ``float64`` or ``category``; None where its cells cannot be features.

    ``how`` says how its texts are read, where that was decided.
    """
    name, notes = str(series.name), []
    if column_kind(series) == "mixed":
        kinds = ", ".join(sorted({type(cell).__name__ for cell in series.dropna()}))
        notes.append(finding("DATA-MIXED-TYPES", "medium", name, kinds=kinds))
    plain, said = typed(series, how)
    texts, kind = plain is not series, column_kind(plain)
    notes += said
    if texts and kind == "number":
        notes.append(finding("DATA-TEXT-NUMBERS", "low", name))
    if kind == "missing":
        return None, [finding("DATA-ALL-MISSING", "low", name)]
    if kind == "nested":
        return None, [finding("DATA-NESTED", "medium", name)]
    if kind in ("number", "bool"):
        numbers = plain_numbers(plain)
        column = finite(numbers)
        if column is not numbers and (infinite := int(numbers.count() - column.count())):
            values = counted(infinite, "infinite or astronomically large value")
            notes.append(finding("DATA-INFINITE", "medium", name, values=values))
        notes += too_large(plain, numbers)
        if is_blank(column):
            return None, [*notes, finding("DATA-ALL-MISSING finite", "low", name)]
        return column, notes
    late = int((plain > now().replace(tzinfo=None)).sum()) if how is not None and "%y" in how.format.dates else 0
    notes += [finding("DATA-SHORT-YEARS", "medium", name, late=late, last=plain.max())] if late else []
    if kind in ("date", "duration"):
        return as_days(plain, kind), [*notes, finding(f"DATA-DATES {kind}", "info", name, written=" as text" * texts)]
    labels, blanks = _labels(plain)
    return labels, notes + blanks


def typed(series: pd.Series, decision: Decision | None = None) -> Noted:
    """Return texts that are numbers or dates as such, and say how they were read; any other column as it is."""
    if column_kind(series) not in ("text", "mixed"):
        return series, []
    texts = as_texts(series)
    decision = decision or decide_format(texts)
    notes = decision.about(str(series.name), len(series))
    if decision.format.kind not in ("number", "date", "bool", "duration"):
        return series, notes
    return pd.Series(as_typed(texts, decision.format), index=series.index, name=series.name), notes


def _labels(series: pd.Series) -> tuple[pd.Series | None, list[Finding]]:
    """Make a column of texts a category, sorted unless it has an order of its own; blank cells are missing."""
    name, (codes, labels) = str(series.name), text_labels(series)
    if len(set(labels)) < len(labels):  # such as 1 and its text
        return _labels(series.astype(object))
    column = pd.Categorical.from_codes(codes, pd.Index(labels, dtype=object))
    ordered = isinstance(series.dtype, pd.CategoricalDtype) and bool(series.cat.ordered)
    inside = series.cat.remove_unused_categories().cat.categories if ordered else sorted(labels)
    order = pd.Index([label for label in map(str, inside) if label.strip()], dtype=object)
    blank = sum(int((codes == place).sum()) for place, label in enumerate(labels) if not label.strip())
    notes = [finding("DATA-BLANK-TEXT", "info", name, blank=blank)] if blank else []
    held = [label for label in order if re.fullmatch(WORDS["measured"], label)]
    forms = {re.sub(r"[0-9]+(?:[.,][0-9]+)*", "0", label): label for label in held}
    if len(held) >= max(ODD_DISTINCT, 3 * len(forms), (1 - ODD_SHARE) * len(order)) and "0" not in forms:
        notes.append(finding("DATA-NOT-READ", "low", name, forms=", ".join(map(repr, [*forms.values()][:3]))))
    if order.empty:
        return None, [*notes, finding("DATA-ALL-MISSING", "low", name)]
    return pd.Series(column.set_categories(order, ordered=ordered), index=series.index, name=name), notes


def useless(column: pd.Series) -> Finding | None:
    """Say why a plain column cannot help a model: it is constant, or names or numbers the rows."""
    name, rows = str(column.name), len(column)
    if column.eq(column.iloc[0]).all():
        return finding("DATA-CONSTANT", "low", name)
    if rows < IDENTIFIER_ROWS:
        return None
    if isinstance(column.dtype, pd.CategoricalDtype):
        filled = int(column.notna().sum())
        distinct = column.nunique() if len(column.cat.categories) > IDENTIFIER_SHARE * filled else 0
        if distinct > IDENTIFIER_SHARE * filled and filled >= IDENTIFIER_ROWS:
            return finding("DATA-IDENTIFIER text", "low", name, distinct=distinct, rows=rows)
    if column.dtype != "int64" or column.iloc[:1000].duplicated().any() or column.duplicated().any():
        return None
    if (gapless := int(column.max()) - int(column.min()) + 1 == rows) or _NAMES_ROWS.fullmatch(name.strip()):
        how = "without a gap" if gapless else f"and it is called {name!r}"
        return finding("DATA-IDENTIFIER number", "low", name, how=how)
    return None


def describe_columns(features: pd.DataFrame, dates: frozenset[str] = frozenset()) -> pd.DataFrame:
    """Describe each column in one row.

    Parameters
    ----------
    features : DataFrame of shape (n_rows, n_columns)
        ``int64``, ``float64`` and ``category`` columns.
    dates : set of str, optional
        Columns that hold dates, as days since 1970-01-01.

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
    described = pd.DataFrame([_described(features[name]) for name in features.columns], columns=names)
    return described.assign(kind=described["kind"].mask(described["column"].isin(dates), "date"))


def _described(column: pd.Series) -> dict[Any, object]:
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
    missing = ["none" if one == 0 else f"{one:.1%}" if one >= 0.001 else "under 0.1%" for one in profile["missing"]]
    values = list(map(_values_text, profile.to_dict("records")))
    return profile[["column", "kind", "missing", "distinct"]].assign(missing=missing, values=values)


def _values_text(row: Mapping[Any, Any]) -> str:
    if isinstance(row["top"], str):
        return f"most often {shorten(row['top'])} ({row['top_share']:.0%})"
    if np.isnan(row["min"]):
        return "none"
    if row["kind"] == "date":
        return f"{cell_text(row['min'], True)} to {cell_text(row['max'], True)}"
    low, high = (format_number(int(row[end]) if row["kind"] == "whole number" else row[end]) for end in ("min", "max"))
    mean = format_number(int(row["mean"]) if row["mean"] == int(row["mean"]) else row["mean"])
    return f"{low} to {high}, mean {mean}"


def target_drawing(target: pd.Series, task: str) -> Drawing:
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


def bars_of(sizes: pd.Series, written: str, label: str) -> Callable[[Axes], None]:
    """Return what draws a bar for each size, with the size written beside it in this form."""

    def draw(ax: Axes) -> None:
        bars = ax.barh(range(len(sizes)), sizes.to_numpy(), color=BLUE)
        ax.bar_label(bars, list(map(written.format, sizes)), padding=3, fontsize=9)
        name_rows(ax, list(map(shorten, sizes.index)))
        ax.set_xlabel(label)
        ax.margins(x=0.12)

    return draw


def _shares(target: pd.Series) -> pd.Series:
    """Return the share of each class in the order of the labels; beyond ten, the largest ones and the rest."""
    if len(shares := target.value_counts(normalize=True)) <= MOST_BARS:
        return shares.sort_index().rename(index=str)
    rest = {f"{len(shares) - MOST_BARS + 1} other classes": float(shares.iloc[MOST_BARS - 1 :].sum())}
    return pd.concat([shares.iloc[: MOST_BARS - 1].rename(index=str), pd.Series(rest)])
