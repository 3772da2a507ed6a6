"""Turn any column into one that every model can take: whole numbers, numbers or categories, and say what was done."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core.result import Finding
from toolkit.core.words import counted
from toolkit.data.decisions import Decisions, about
from toolkit.data.findings import Noted, finding
from toolkit.data.recognition import WORDS, Decision, decide_format
from toolkit.data.table_reader.cells import as_days, as_texts, column_kind, finite, plain_numbers, text_labels

IDENTIFIER_ROWS = 20
IDENTIFIER_SHARE = 0.95

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
    kept: dict[str, pd.Series[Any]] = {}
    others: dict[str, pd.Series[Any]] = {}
    notes: list[Finding] = []
    for name in frame.columns:
        column, found = plain_column(frame[name], decisions.get(name))
        reason = None if column is None else useless(column)
        notes += [*found, *([reason] if reason else [])]
        if column is None:
            nested = found[-1].code == "DATA-NESTED"
            others[name] = frame[name] if nested else pd.Series(np.nan, frame.index, "float64", name)
        else:
            (others if reason else kept)[name] = column
    return pd.DataFrame(kept, index=frame.index), pd.DataFrame(others, index=frame.index), notes


def plain_column(series: pd.Series[Any], how: Decision | None = None) -> tuple[pd.Series[Any] | None, list[Finding]]:
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
        column = finite(numbers, texts)
        if infinite := int((numbers.notna() & column.isna()).sum()):
            values = counted(infinite, "infinite or astronomically large value")
            notes.append(finding("DATA-INFINITE", "medium", name, values=values))
        if column.isna().all():
            return None, [*notes, finding("DATA-ALL-MISSING finite", "low", name)]
        return column, notes
    if kind in ("date", "duration"):
        return as_days(plain, kind), [*notes, finding(f"DATA-DATES {kind}", "info", name, written=" as text" * texts)]
    labels, blanks = _labels(plain)
    return labels, notes + blanks


def typed(series: pd.Series[Any], decision: Decision | None = None) -> Noted:
    """Return texts that are numbers or dates as such, and say how they were read; any other column as it is."""
    if column_kind(series) not in ("text", "mixed"):
        return series, []
    texts = as_texts(series)
    decision = decision or decide_format(texts)
    notes = about(str(series.name), decision, len(series))
    if decision.format.kind not in ("number", "date", "bool"):
        return series, notes
    return pd.Series(decision.format.read(texts)[0], index=series.index, name=series.name), notes


def _labels(series: pd.Series[Any]) -> tuple[pd.Series[Any] | None, list[Finding]]:
    """Make a column of texts a category, sorted unless it has an order of its own; blank cells are missing."""
    name, (codes, labels) = str(series.name), text_labels(series)
    if len(set(labels)) < len(labels):  # such as 1 and its text
        return _labels(series.astype(object))
    column = pd.Categorical.from_codes(codes, pd.Index(labels, dtype=object))
    ordered = isinstance(series.dtype, pd.CategoricalDtype) and bool(series.cat.ordered)
    inside = series.cat.remove_unused_categories().cat.categories if ordered else sorted(labels)
    order = pd.Index([label for label in map(str, inside) if label.strip()], dtype=object)
    blank = int(column.isin([label for label in labels if not label.strip()]).sum())
    notes = [finding("DATA-BLANK-TEXT", "info", name, blank=blank)] if blank else []
    if order.empty:
        return None, [*notes, finding("DATA-ALL-MISSING", "low", name)]
    return pd.Series(column.set_categories(order, ordered=ordered), index=series.index, name=name), notes


def useless(column: pd.Series[Any]) -> Finding | None:
    """Say why a plain column cannot help a model: it is constant, or names or numbers the rows."""
    name, rows = str(column.name), len(column)
    if column.eq(column.iloc[0]).all():
        return finding("DATA-CONSTANT", "low", name)
    if rows < IDENTIFIER_ROWS:
        return None
    if isinstance(column.dtype, pd.CategoricalDtype):
        distinct, filled = len(column.cat.remove_unused_categories().cat.categories), int(column.notna().sum())
        if distinct > IDENTIFIER_SHARE * filled and filled >= IDENTIFIER_ROWS:
            return finding("DATA-IDENTIFIER text", "low", name, distinct=distinct, rows=rows)
    if column.dtype != "int64" or column.iloc[:1000].duplicated().any() or column.duplicated().any():
        return None
    if (gapless := int(column.max()) - int(column.min()) + 1 == rows) or _NAMES_ROWS.fullmatch(name.strip()):
        how = "without a gap" if gapless else f"and it is called {name!r}"
        return finding("DATA-IDENTIFIER number", "low", name, how=how)
    return None
