"""The cells of a column: what they hold, as numbers, moments or texts."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from .formats import Format

# Squares of larger numbers, as in a standard deviation, leave the range of a float.
HUGE = 1e100

_KINDS = {"string": "text", "boolean": "bool", "bytes": "nested", "complex": "nested"}
_KINDS |= dict.fromkeys(("integer", "floating", "mixed-integer-float", "decimal"), "number")
_KINDS |= dict.fromkeys(("date", "datetime", "datetime64", "period"), "date")
_KINDS |= dict.fromkeys(("timedelta", "timedelta64"), "duration")


def column_kind(series: pd.Series) -> Any:
    """Name what a column holds: number, bool, text, category, date, duration, mixed, nested or missing.

    Examples
    --------
    >>> column_kind(pd.Series([1, "a"])), column_kind(pd.Series([[1], [2]])), column_kind(pd.Series([True, None]))
    ('mixed', 'nested', 'bool')
    """
    if is_blank(series):
        return "missing"
    if isinstance(series.dtype, pd.CategoricalDtype):
        return "category"
    series = usual(series)
    if known := _KINDS.get(pd.api.types.infer_dtype(series, skipna=True)):
        return known
    types = {type(cell) for cell in series.dropna()}
    if types & {list, dict, set, tuple, bytes, bytearray, frozenset, np.ndarray, complex}:
        return "nested"
    return "text" if len(types) == 1 else "mixed"


def is_blank(series: pd.Series) -> bool:
    """Whether no cell has a value, as the first rows nearly always tell."""
    return bool(series.iloc[:100].isna().all() and series.isna().all())


def usual(series: pd.Series) -> pd.Series:
    """Return a column as it is usually kept: not sparse, no decimals, Arrow's dates as Python's, whole without a point.

    Examples
    --------
    >>> usual(pd.Series([1.0, None, 2.0], dtype="category")).cat.categories.tolist()
    [1, 2]
    """
    dtype: Any = series.dtype
    arrow = getattr(dtype, "pyarrow_dtype", None)
    if arrow is not None and (pa.types.is_date(arrow) or pa.types.is_time(arrow)):
        return series.astype(object)
    if isinstance(dtype, pd.SparseDtype):
        return pd.Series(np.asarray(series), index=series.index, name=series.name)
    if dtype.kind == "O" and pd.api.types.infer_dtype(series, skipna=True) == "decimal":
        numbers = series.astype("float64")
        return series.map(int, na_action="ignore") if (numbers.dropna() % 1 == 0).all() else numbers
    labels = dtype.categories.to_numpy() if isinstance(dtype, pd.CategoricalDtype) else np.array([])
    whole = labels.dtype.kind == "f" and len(labels) and (abs(labels) < 2**53).all() and (labels % 1 == 0).all()
    return series.cat.rename_categories(labels.astype("int64").tolist()) if whole else series


def plain_numbers(series: pd.Series) -> pd.Series:
    """Return numbers or yes/no as ``int64`` where they are whole and complete, else as ``float64``."""
    kind, complete = pd.api.types.infer_dtype(series, skipna=True), not series.isna().any()
    if complete and (kind == "boolean" or (kind == "integer" and max(int(series.max()), -int(series.min())) < 2**63)):
        return series.astype("int64")
    return pd.Series(series.to_numpy(dtype="float64", na_value=np.nan), index=series.index, name=series.name)


def text_labels(series: pd.Series) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the distinct texts of a column in order of appearance, and which one each row has; -1 for missing.

    Examples
    --------
    >>> text_labels(pd.Series(["b", None, 1]))
    (array([ 0, -1,  1]), array(['b', '1'], dtype=object))
    """
    if series.dtype == object and pd.api.types.infer_dtype(series, skipna=True) != "string":
        series = series.map(str, na_action="ignore")
    codes, distinct = pd.factorize(series.array)
    return codes.astype("int64", copy=False), np.array([str(label) for label in distinct], dtype=object)


def as_texts(series: pd.Series) -> pa.StringArray:
    """Write the cells of a column as texts; null where there is none."""
    codes, labels = text_labels(series)
    try:
        texts = pa.array(labels, pa.string())
    except UnicodeEncodeError:
        texts = pa.array([str(label).encode("utf-8", "replace").decode() for label in labels], pa.string())
    return texts.take(pa.array(codes, mask=codes < 0))


def read_cells(series: pd.Series, how: Format, categories: Sequence[str] = (), ordered: bool = False) -> pd.Series:
    """Read a column as it was settled: as numbers, or as a category where it holds text.

    Parameters
    ----------
    series : Series
        Of any type, texts or not.
    how : Format
    categories : sequence of str
        Labels that are known; others follow them, sorted.
    ordered : bool
        Whether the known labels have an order.

    Returns
    -------
    Series
        ``int64`` (whole numbers without gaps), ``float64`` (dates and durations in days) or ``category``; what cannot
        be read is missing.

    Examples
    --------
    >>> read_cells(pd.Series(["31/01/1970", "?"]), Format("date", dates="%d/%m/%Y")).tolist()
    [30.0, nan]
    >>> read_cells(pd.Series([7, None]), Format("text")).tolist()
    ['7', nan]
    """
    series = usual(series)
    kind = column_kind(series)
    written = kind in ("text", "mixed", "category")
    if how.kind == "text":
        codes, labels = text_labels(series if written else as_label(series))
        known = dict.fromkeys(categories)
        # Whole numbers beside gaps are often written with a point.
        whole = {label.removesuffix(".0"): label for label in known if label.removesuffix(".0").isdecimal()}
        points = {f"{number}.0": label for number, label in whole.items()}
        alike = ({} if written else codes_of(known)) | whole | points
        read = how.read(as_texts(pd.Series(labels, dtype=object)))[0]
        texts = [label if label in known else alike.get(text, text) for label, text in zip(labels, read, strict=True)]
        new = sorted({text for text in texts if text is not None and text not in known})
        places = pd.Index([*known, *new], dtype=object)
        found = np.append(places.get_indexer(pd.Index(texts, dtype=object)), -1)[codes]
        column = pd.Categorical.from_codes(found, places, ordered=ordered and not new)
        return pd.Series(column, index=series.index, name=series.name)
    if written:
        series = pd.Series(how.read(as_texts(series))[0], index=series.index, name=series.name)
        kind = how.kind if how.kind in ("date", "duration") else "number"
    if kind in ("date", "duration") and (kind, how.kind) != ("date", "number"):
        return as_days(series, kind)
    if kind in ("missing", "nested", "date"):
        return pd.Series(np.nan, index=series.index, name=series.name)
    return finite(plain_numbers(series), written)


def codes_of(labels: Iterable[object]) -> dict[str, str]:
    """Return by whole number the code, or yes and no, that was read as that number; none that two may be.

    Examples
    --------
    >>> codes_of(["007", "12", "3", "03", "x", "True"])
    {'7': '007', '12': '12', '1': 'True'}
    """
    texts, flags = [label for label in labels if isinstance(label, str)], {"True": "1", "False": "0"}
    numbers = {one: flags.get(one) or one.lstrip("0") or "0" for one in texts if one.isdecimal() or one in flags}
    often = Counter(numbers.values())
    return {number: label for label, number in numbers.items() if often[number] == 1}


def finite(numbers: pd.Series, written: bool = False) -> pd.Series:
    """Return numbers, missing where beyond measure; ``int64`` where they were written as text and all are whole."""
    values = numbers.to_numpy()
    if written and bool((values == np.floor(values)).all() and (np.abs(values) < 2**53).all()):
        return numbers.astype("int64")
    return numbers.mask(huge) if (huge := np.abs(values) > HUGE).any() else numbers


def as_label(plain: pd.Series) -> pd.Series:
    """Write numbers as the labels they once were, whole ones without a decimal point; other cells as they show."""
    values = plain.reset_index(drop=True).dropna()
    if pd.api.types.infer_dtype(values) in ("floating", "mixed-integer-float"):
        values = whole_or_texts(values.astype(float))
    texts = values.map(str).astype(object).reindex(range(len(plain))).set_axis(plain.index)
    return texts.astype(pd.CategoricalDtype(pd.Index(texts.dropna().unique(), dtype=object)))


def whole_or_texts(numbers: pd.Series) -> pd.Series:
    """Return numbers as integers; as texts where one is not whole, or too large to stay apart from its neighbours."""
    whole = bool((numbers == np.floor(numbers)).all() and numbers.abs().max() < 2**53)
    return numbers.astype("int64") if whole else numbers.map(repr).astype(object)


def as_days(series: pd.Series, kind: str) -> pd.Series:
    """Return dates as days since 1970-01-01, and durations as days."""
    spans = pd.to_timedelta(series) if kind == "duration" else moments(series) - pd.Timestamp("1970-01-01")
    return (spans / pd.Timedelta(days=1)).astype("float64")


def moments(series: pd.Series) -> pd.Series:
    """Return dates as moments in UTC, without a zone."""
    stamps: Any = series.dt.to_timestamp() if isinstance(series.dtype, pd.PeriodDtype) else series
    return pd.Series(pd.to_datetime(stamps, utc=True).dt.tz_localize(None))


def odd_cells(texts: pa.StringArray, odd: NDArray[np.bool_], counts: Any = None) -> dict[str, int]:
    """Count the texts that are odd, each as often as ``counts`` says; the most frequent ones come first."""
    counts = np.ones(len(texts), dtype="int64") if counts is None else counts
    found = pd.Series(counts[odd]).groupby(texts.filter(pa.array(odd)).to_pylist()).sum()
    return {str(text): int(count) for text, count in found.sort_values(ascending=False, kind="stable").items()}
