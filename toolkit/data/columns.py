"""Turn any column into one that every model can take: whole numbers, numbers or categories, and say what was done."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.result import Finding

MISSING_MARKS = frozenset(
    {"", "?", "-", "--", ".", "*", "na", "n/a", "nan", "#n/a", "none", "null", "nil", "missing", "unknown"}
)
IDENTIFIER_ROWS = 20
IDENTIFIER_SHARE = 0.95
# Squares of larger numbers, as in a standard deviation, leave the range of a float.
HUGE = 1e100

_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?inf(?:inity)?"
_THOUSANDS = r"[+-]?[0-9]{1,3}(?:,[0-9]{3})*(?:\.[0-9]+)?"
_CODE = r"[+-]?0[0-9]+.*"
_LOOKS_LIKE_DATE = re.compile(r"\s*(?:\d{1,4}[-/. ](?:\d{1,2}|[A-Za-z]{3,9})|[A-Za-z]{3,9}\.? \d{1,2},? )")
_DAYS = (
    *("%Y/%m/%d", "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y"),
    *("%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y"),
)
_DATE_FORMATS = ("ISO8601", *(day + clock for day in _DAYS for clock in ("", " %H:%M", " %H:%M:%S")))
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


def prepare_features(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[Finding]]:
    """Make every column fit for training, leave out those that cannot help, and say so.

    What comes back has three dtypes only. ``int64``: whole numbers and yes/no (1/0) without gaps. ``float64``: other
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
    notes : list of Finding
        One for each column that was changed or left out.

    Examples
    --------
    >>> features, notes = prepare_features(pd.DataFrame({"a": ["1", "2", "?"], "b": [5, 5, 5]}))
    >>> features["a"].tolist(), [note.code for note in notes]
    ([1.0, 2.0, nan], ['DATA-TEXT-NUMBERS', 'DATA-CONSTANT'])
    """
    kept: dict[str, pd.Series[Any]] = {}
    notes: list[Finding] = []
    for name in frame.columns:
        column, found = plain_column(frame[name])
        notes += found
        reason = None if column is None else _useless(column)
        if reason is not None:
            notes.append(reason)
        elif column is not None:
            kept[name] = column
    return pd.DataFrame(kept, index=frame.index), notes


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


def parse_numbers(labels: NDArray[Any]) -> tuple[NDArray[np.float64] | None, list[str]]:
    """Read texts as numbers where all of them are numbers or marks of a missing value.

    Parameters
    ----------
    labels : array of str, shape (n_labels,)
        Distinct texts. Thousands may be set off by commas; a leading zero (``007``) marks a code, not a number.

    Returns
    -------
    values : array of float, shape (n_labels,), or None
        NaN for the marks of a missing value; None where the texts are not numbers.
    marks : list of str
        The marks found, such as ``?``.

    Examples
    --------
    >>> values, marks = parse_numbers(np.array(["1,200", "7.5", "?"], dtype=object))
    >>> values.tolist(), marks
    ([1200.0, 7.5, nan], ['?'])
    >>> parse_numbers(np.array(["007", "12"], dtype=object))
    (None, [])
    """
    texts = pd.Series(labels, dtype=object).str.strip()
    marked = texts.str.casefold().isin(MISSING_MARKS)
    rest = texts[~marked]
    if rest.empty or rest.str.fullmatch(_CODE).any():
        return None, []
    if not rest.str.fullmatch(_NUMBER, flags=re.IGNORECASE).all():
        if not rest.str.fullmatch(_THOUSANDS).all():
            return None, []
        rest = rest.str.replace(",", "")
    values = np.full(len(texts), np.nan)
    values[~marked.to_numpy()] = rest.astype("float64")
    return values, [str(label) for label in np.asarray(labels)[marked.to_numpy()]]


def parse_dates(labels: NDArray[Any]) -> pd.DatetimeIndex | None:
    """Read texts as dates where all of them follow one common format; None where they do not.

    Dates such as 03/04/2021, which could be either, are read month first.

    Examples
    --------
    >>> parse_dates(np.array(["24.12.2021", "01.02.2022"], dtype=object)).year.tolist()
    [2021, 2022]
    >>> parse_dates(np.array(["north", "south"], dtype=object)) is None
    True
    """
    if not len(labels) or not all(_LOOKS_LIKE_DATE.match(str(label)) for label in labels[:50]):
        return None
    for pattern in _DATE_FORMATS:
        try:
            return pd.DatetimeIndex(pd.to_datetime(labels, format=pattern, utc=True)).tz_localize(None)
        except ValueError:
            continue
    return None


def _from_text(series: pd.Series[Any], mixed: bool = False) -> tuple[pd.Series[Any] | None, list[Finding]]:
    name, notes = str(series.name), []
    codes, labels = text_labels(series)
    if mixed:
        kinds = sorted({type(cell).__name__ for cell in series.dropna()})
        notes.append(_note("MIXED-TYPES", "medium", name, f"mixes {', '.join(kinds)} and is used as text"))
    numbers, marks = parse_numbers(labels)
    if numbers is not None:
        read = f"; {', '.join(map(repr, marks[:3]))} read as missing" if marks else ""
        notes.append(_note("TEXT-NUMBERS", "low", name, f"holds numbers stored as text and is used as numbers{read}"))
        column, infinite = _finite(_whole(_spread(numbers, codes, series)))
        return column, notes + infinite
    dates = parse_dates(labels)
    if dates is not None:
        notes.append(_note("DATES", "info", name, "holds dates as text and is used as days since 1970-01-01"))
        days = _days(pd.Series(dates)).to_numpy(dtype="float64")
        return _spread(days, codes, series), notes
    blank = np.array([not label.strip() for label in labels], dtype=bool)
    if blank.any():
        cells_blank = int(np.isin(codes, np.flatnonzero(blank)).sum())
        notes.append(_note("BLANK-TEXT", "info", name, f"has {cells_blank:,} blank cells, read as missing"))
    if blank.all():
        return None, [*notes, _note("ALL-MISSING", "low", name, "has no value in any row and was left out")]
    return _as_category(codes, labels, sorted(labels[~blank]), series), notes


def _from_category(series: pd.Series[Any]) -> tuple[pd.Series[Any] | None, list[Finding]]:
    used = series.cat.remove_unused_categories()
    labels = np.array([str(label) for label in used.cat.categories], dtype=object)
    ordered = bool(used.cat.ordered)
    if len(set(labels)) < len(labels):
        return _from_text(series.astype(object), mixed=True)
    order = list(labels) if ordered else sorted(labels)
    return _as_category(used.cat.codes.to_numpy(), labels, order, series, ordered), []


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


def _useless(column: pd.Series[Any]) -> Finding | None:
    name, rows, distinct = str(column.name), len(column), int(column.nunique())
    if distinct <= 1 and not column.isna().any():
        return _note("CONSTANT", "low", name, "has the same value in every row and was left out of the features")
    if rows < IDENTIFIER_ROWS:
        return None
    text = isinstance(column.dtype, pd.CategoricalDtype)
    if text and distinct > IDENTIFIER_SHARE * column.notna().sum() and column.notna().sum() >= IDENTIFIER_ROWS:
        message = f"looks like an identifier or free text ({distinct:,} different values in {rows:,} rows)"
        return _note("IDENTIFIER", "low", name, f"{message} and was left out of the features")
    if column.dtype == "int64" and distinct == rows and _counts_rows(column):
        message = "looks like a row number (whole numbers, all different, in order or without a gap) and was left out"
        return _note("IDENTIFIER", "low", name, f"{message} of the features; store it as float to keep it")
    return None


def _counts_rows(column: pd.Series[Any]) -> bool:
    gapless = int(column.max()) - int(column.min()) + 1 == len(column)
    return gapless or bool(column.is_monotonic_increasing or column.is_monotonic_decreasing)


def _spread(values: NDArray[np.float64], codes: NDArray[Any], series: pd.Series[Any]) -> pd.Series[Any]:
    return pd.Series(np.append(values, np.nan)[codes], index=series.index, name=series.name)


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
