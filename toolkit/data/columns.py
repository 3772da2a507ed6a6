"""Turn any column into one that every model can take: whole numbers, numbers or categories, and say what was done."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from toolkit.core.result import Finding
from toolkit.data.decisions import about, decide_format

IDENTIFIER_ROWS = 20
IDENTIFIER_SHARE = 0.95
# Squares of larger numbers, as in a standard deviation, leave the range of a float.
HUGE = 1e100

#: Names of columns that number or name the rows, such as the index that a table was saved with.
_NAMES_ROWS = re.compile(
    r"(?i:unnamed: ?\d+|index|row(?:_?(?:no|nr|num|number|id))?|nr|no|number|#|(?:.*[_ ])?(?:id|uid|uuid|key))"
    r"|.*[a-z]I[dD]"
)
_KINDS = {
    "string": "text",
    "boolean": "bool",
    "integer": "number",
    "floating": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
    "date": "date",
    "datetime": "date",
    "datetime64": "date",
    "period": "date",
    "timedelta": "duration",
    "timedelta64": "duration",
    "bytes": "nested",
    "complex": "nested",
}


def prepare_features(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[Finding]]:
    """Make every column fit for training, put aside those that cannot help, and say so.

    Features have three dtypes only. ``int64``: whole numbers and yes/no (1/0) without gaps. ``float64``: other
    numbers, dates (days since 1970-01-01) and durations (days); NaN where missing or infinite. ``category``: text, with
    text categories, sorted unless the column brings an order of its own; NaN where missing or blank.

    Parameters
    ----------
    frame : DataFrame
        Candidate features, with text column names.

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
    >>> features, others, notes = prepare_features(pd.DataFrame({"a": ["1", "2", "?"], "b": [5, 5, 5]}))
    >>> features["a"].tolist(), list(others), [note.code for note in notes]
    ([1.0, 2.0, nan], ['b'], ['DATA-TEXT-NUMBERS', 'DATA-CONSTANT'])
    """
    kept: dict[str, pd.Series[Any]] = {}
    others: dict[str, pd.Series[Any]] = {}
    notes: list[Finding] = []
    for name in frame.columns:
        column, found = plain_column(frame[name])
        reason = None if column is None else useless(column)
        notes += [*found, *([reason] if reason else [])]
        if column is None:
            nested = found[-1].code == "DATA-NESTED"
            others[name] = frame[name] if nested else pd.Series(np.nan, frame.index, "float64", name)
        else:
            (others if reason else kept)[name] = column
    return pd.DataFrame(kept, index=frame.index), pd.DataFrame(others, index=frame.index), notes


def plain_column(series: pd.Series[Any]) -> tuple[pd.Series[Any] | None, list[Finding]]:
    """Turn one column into ``int64``, ``float64`` or ``category``; None where its cells cannot be features."""
    kind, name = column_kind(series), str(series.name)
    if kind == "missing":
        return None, [_note("ALL-MISSING", "low", name, "has no value in any row and was left out of the features")]
    if kind == "nested":
        message = "holds lists, records or binary cells and was left out of the features"
        return None, [_note("NESTED", "medium", name, f"{message}; spread them over columns to use them")]
    if kind == "category":
        return _from_category(series)
    if kind in ("number", "bool"):
        return _finite(plain_numbers(series))
    if kind == "date":
        days = _days(_moments(series))
        return days, [_note("DATES", "info", name, "holds dates and is used as days since 1970-01-01")]
    if kind == "duration":
        days = pd.to_timedelta(series) / pd.Timedelta(days=1)
        return days.astype("float64"), [_note("DATES", "info", name, "holds durations and is used as days")]
    return _from_text(series, mixed=kind == "mixed")


def column_kind(series: pd.Series[Any]) -> str:
    """Name what a column holds: number, bool, text, category, date, duration, mixed, nested or missing.

    Examples
    --------
    >>> column_kind(pd.Series([1, "a"])), column_kind(pd.Series([[1], [2]])), column_kind(pd.Series([True, None]))
    ('mixed', 'nested', 'bool')
    """
    dtype = series.dtype
    if series.isna().all():
        return "missing"
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if isinstance(dtype, pd.SparseDtype):
        return column_kind(pd.Series(np.asarray(series)))
    known = _KINDS.get(pd.api.types.infer_dtype(series, skipna=True))
    if known is not None:
        return known
    if pd.api.types.is_numeric_dtype(dtype):
        return "number"
    types = {type(cell) for cell in series.dropna()}
    if types & {list, dict, set, tuple, bytes, bytearray, frozenset, np.ndarray, complex}:
        return "nested"
    return "text" if len(types) == 1 else "mixed"


def plain_numbers(series: pd.Series[Any]) -> pd.Series[Any]:
    """Return numbers or yes/no as ``int64`` where they are whole and complete, else as ``float64``."""
    kind = pd.api.types.infer_dtype(series, skipna=True)
    if kind in ("integer", "boolean") and not series.isna().any():
        values = series.to_numpy()
        if kind == "boolean" or max(int(values.max()), -int(values.min())) < 2**63:
            return pd.Series(values.astype("int64"), index=series.index, name=series.name)
    values = series.to_numpy(dtype="float64", na_value=np.nan)
    return pd.Series(values, index=series.index, name=series.name)


def text_labels(series: pd.Series[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the distinct texts of a column in order of appearance, and which one each row has; -1 for missing.

    Examples
    --------
    >>> text_labels(pd.Series(["b", None, 1]))
    (array([ 0, -1,  1]), array(['b', '1'], dtype=object))
    """
    if series.dtype == object:
        texts = [None if gone else str(cell) for cell, gone in zip(series, series.isna(), strict=True)]
        codes, labels = pd.factorize(np.array(texts, dtype=object))
    else:
        codes, labels = pd.factorize(series.array)
    return codes.astype("int64"), np.asarray(labels, dtype=object)


def as_texts(series: pd.Series[Any]) -> pa.StringArray:
    """Write the cells of a column as texts; null where there is none."""
    codes, labels = text_labels(series)
    try:
        texts = pa.array(labels, pa.string())
    except UnicodeEncodeError:
        texts = pa.array([str(label).encode("utf-8", "replace").decode() for label in labels], pa.string())
    return texts.take(pa.array(codes, mask=codes < 0))


def _from_text(series: pd.Series[Any], mixed: bool = False) -> tuple[pd.Series[Any] | None, list[Finding]]:
    name, notes = str(series.name), []
    codes, labels = text_labels(series)
    if mixed:
        kinds = sorted({type(cell).__name__ for cell in series.dropna()})
        notes.append(_note("MIXED-TYPES", "medium", name, f"mixes {', '.join(kinds)} and is used as text"))
    texts = as_texts(series)
    decision = decide_format(texts)
    notes += about(name, decision, len(series))
    if decision.format.kind == "number":
        read = f"; {', '.join(map(repr, decision.marks[:3]))} read as missing" if decision.marks else ""
        notes = [note for note in notes if note.code != "DATA-MISSING-MARKS"]
        notes.append(_note("TEXT-NUMBERS", "low", name, f"holds numbers stored as text and is used as numbers{read}"))
        values = pd.Series(decision.format.read(texts)[0], index=series.index, name=series.name)
        column, infinite = _finite(_whole(values))
        return column, notes + infinite
    if decision.format.kind == "date":
        notes.append(_note("DATES", "info", name, "holds dates as text and is used as days since 1970-01-01"))
        moments = pd.Series(decision.format.read(texts)[0], index=series.index, name=series.name)
        return _days(moments), notes
    notes += _about_blanks(name, codes, labels)
    named = sorted(label for label in labels if label.strip())
    return (_as_category(codes, labels, named, series) if named else None), notes


def _from_category(series: pd.Series[Any]) -> tuple[pd.Series[Any] | None, list[Finding]]:
    used = series.cat.remove_unused_categories()
    labels = np.array([str(label) for label in used.cat.categories], dtype=object)
    ordered = bool(used.cat.ordered)
    if len(set(labels)) < len(labels):
        return _from_text(series.astype(object), mixed=True)
    named = [label for label in labels if label.strip()]
    codes, order = used.cat.codes.to_numpy(), named if ordered else sorted(named)
    column = _as_category(codes, labels, order, series, ordered) if named else None
    return column, _about_blanks(str(series.name), codes, labels)


def _about_blanks(name: str, codes: NDArray[Any], labels: NDArray[Any]) -> list[Finding]:
    """Say how many cells hold an empty text or blanks, which are read as missing, and whether there are others."""
    blank = np.array([not label.strip() for label in labels], dtype=bool)
    if not blank.any():
        return []
    count = int(np.isin(codes, np.flatnonzero(blank)).sum())
    notes = [_note("BLANK-TEXT", "info", name, f"has {count:,} blank cells, read as missing")]
    return notes + [_note("ALL-MISSING", "low", name, "has no value in any row and was left out")] * bool(blank.all())


def _as_category(
    codes: NDArray[Any], labels: NDArray[Any], order: list[str], series: pd.Series[Any], ordered: bool = False
) -> pd.Series[Any]:
    """Build a category column; labels outside ``order`` become missing."""
    places = {label: place for place, label in enumerate(order)}
    moved = np.array([places.get(label, -1) for label in labels] + [-1], dtype="int64")
    dtype = pd.CategoricalDtype(pd.Index(order, dtype=object), ordered=ordered)
    return pd.Series(pd.Categorical.from_codes(moved[codes], dtype=dtype), index=series.index, name=series.name)


def _finite(column: pd.Series[Any]) -> tuple[pd.Series[Any] | None, list[Finding]]:
    infinite = np.abs(column.to_numpy()) > HUGE
    if not infinite.any():
        return column, []
    count, name = int(infinite.sum()), str(column.name)
    kind = "infinite" if np.isinf(column[infinite]).all() else "infinite or astronomically large"
    cells = f"1 {kind} value" if count == 1 else f"{count:,} {kind} values"
    notes = [_note("INFINITE", "medium", name, f"has {cells}, read as missing")]
    column = column.mask(infinite)
    if column.isna().all():
        return None, [*notes, _note("ALL-MISSING", "low", name, "has no finite value and was left out of the features")]
    return column, notes


def useless(column: pd.Series[Any]) -> Finding | None:
    """Say why a plain column cannot help a model: it is constant, or names or numbers the rows."""
    name, rows, distinct = str(column.name), len(column), int(column.nunique())
    if distinct <= 1 and not column.isna().any():
        return _note("CONSTANT", "low", name, "has the same value in every row and was left out of the features")
    if rows < IDENTIFIER_ROWS:
        return None
    text = isinstance(column.dtype, pd.CategoricalDtype)
    if text and distinct > IDENTIFIER_SHARE * column.notna().sum() and column.notna().sum() >= IDENTIFIER_ROWS:
        message = f"looks like an identifier or free text ({distinct:,} different values in {rows:,} rows)"
        return _note("IDENTIFIER", "low", name, f"{message} and was left out of the features")
    if column.dtype != "int64" or distinct < rows:
        return None
    gapless = int(column.max()) - int(column.min()) + 1 == rows
    if gapless or _NAMES_ROWS.fullmatch(name.strip()):
        how = "without a gap" if gapless else f"and it is called {name!r}"
        message = f"looks like a row number or identifier (whole numbers, all different, {how}) and was left out"
        return _note("IDENTIFIER", "low", name, f"{message} of the features; store it as float to keep it")
    return None


def _whole(column: pd.Series[Any]) -> pd.Series[Any]:
    values = column.to_numpy()
    whole = bool(np.isfinite(values).all() and (values == np.floor(values)).all() and np.abs(values).max() < 2**53)
    return column.astype("int64") if whole else column


def _moments(series: pd.Series[Any]) -> pd.Series[Any]:
    stamps: Any = series.dt.to_timestamp() if isinstance(series.dtype, pd.PeriodDtype) else series
    return pd.Series(pd.to_datetime(stamps, utc=True).dt.tz_localize(None))


def _days(moments: pd.Series[Any]) -> pd.Series[Any]:
    values = moments.to_numpy(dtype="datetime64[us]")
    days = np.where(np.isnat(values), np.nan, values.astype("int64") / 86_400e6)
    return pd.Series(days, index=moments.index, name=moments.name)


def _note(code: str, severity: Any, name: str, message: str) -> Finding:
    return Finding(f"DATA-{code}", severity, f"Column {name!r} {message}.", name)
