"""The fingerprint of a table: sha256 over its content, whatever file or type of column carries it."""

import hashlib
from typing import Any

import numpy as np
import pandas as pd

from toolkit.data.table_reader.cells import is_blank


def fingerprint(frame: pd.DataFrame) -> str:
    """Hash the content of a table: its column names, its cells and the order of its rows.

    The values count, not how they are stored: text and categories with the same labels agree, and so do numbers of
    any width, whole numbers kept as floats, and nullable and plain columns. A number and the same number as text
    differ, and so do ``1`` and ``True``. Every missing cell is the same. The index is not part of the content.

    Parameters
    ----------
    frame : DataFrame
        Any table.

    Returns
    -------
    str
        ``sha256:`` and 64 hexadecimal digits.

    Examples
    --------
    >>> text = pd.DataFrame({"a": ["x", "y", None]})
    >>> fingerprint(text) == fingerprint(text.astype("category"))
    True
    >>> fingerprint(text) == fingerprint(text[::-1])
    False
    """
    digest = hashlib.sha256(b"table 1\n")
    digest.update((16).to_bytes(8, "little") + np.array(frame.shape, dtype="<i8").tobytes())
    for name, column in frame.items():
        for part in (str(name).encode("utf-8", "surrogatepass"), *_content(column)):
            digest.update(memoryview(part).nbytes.to_bytes(8, "little"))
            digest.update(part)
    return f"sha256:{digest.hexdigest()}"


def _content(column: pd.Series) -> tuple[Any, ...]:
    """Return byte strings, or arrays as such, that stand for the values of a column and for no other values."""
    dtype = column.dtype
    if is_blank(column):
        return (b"missing",)
    if isinstance(dtype, pd.CategoricalDtype) and pd.api.types.infer_dtype(dtype.categories) != "string":
        return _content(column.astype(dtype.categories.dtype if column.notna().all() else object))
    if pd.api.types.is_datetime64_any_dtype(dtype):
        return _time_content(column)
    if (kind := pd.api.types.infer_dtype(getattr(dtype, "categories", column), skipna=True)) == "boolean":
        return b"bool", column.astype("boolean").to_numpy(dtype="f4", na_value=np.nan).tobytes()
    if kind in ("integer", "floating", "mixed-integer-float"):
        return _number_content(column)
    if kind in ("string", "empty"):
        return _label_content(column)
    texts = column.map(lambda cell: f"{type(_plain(cell)).__name__} {_plain(cell)!r}").astype(object)
    return b"object", *_label_content(texts.mask(column.isna(), None))


def _label_content(column: pd.Series) -> tuple[Any, ...]:
    """Labels in order of first appearance, each with its length, then one code a row; 0 stands for missing."""
    codes, found = pd.factorize(column)
    labels = [label.encode("utf-8", "surrogatepass") for label in found]
    width = "u1" if len(labels) < 2**8 else "<u2" if len(labels) < 2**16 else "<u4"
    return b"text", b"".join(len(label).to_bytes(8, "little") + label for label in labels), (codes + 1).astype(width)


def _number_content(column: pd.Series) -> tuple[Any, ...]:
    missing = column.isna().to_numpy()
    if pd.api.types.infer_dtype(column, skipna=True) == "integer":
        whole = column.to_numpy(dtype=object, na_value=0) if missing.any() else column.to_numpy()
        if len(whole) and max(abs(int(whole.max())), abs(int(whole.min()))) > 2**53:  # too large for a float
            return b"integer", missing.tobytes(), "\n".join(map(str, whole)).encode()
    values = column.to_numpy(dtype="<f8", na_value=np.nan) + 0.0
    values[missing] = np.nan
    return b"number", values


def _time_content(column: pd.Series) -> tuple[bytes, ...]:
    aware = getattr(column.dt, "tz", None) is not None
    moments = column.dt.tz_convert("UTC").dt.tz_localize(None) if aware else column
    values = moments.to_numpy(dtype="datetime64[us]" if moments.dtype.kind != "M" else None)
    days = values.astype("datetime64[D]")
    rest = (values - days).astype("timedelta64[ns]")
    return b"time utc" if aware else b"time", days.astype("<i8").tobytes(), rest.astype("<i8").tobytes()


def _plain(cell: Any) -> Any:
    """Turn arrays and numpy scalars, also inside lists and records, into Python objects with a full repr."""
    if isinstance(cell, np.ndarray | list | tuple):
        return [_plain(item) for item in cell]
    if isinstance(cell, dict):
        return {key: _plain(value) for key, value in cell.items()}
    return cell.item() if isinstance(cell, np.generic) else cell
