"""Read a table from wherever it is: a built-in name, a file, a web address, a frame, a database or OpenML."""

import io
import json
import lzma
import os
import re
import sys
import warnings
import zipfile
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

import pandas as pd
from pyarrow import Table, feather, input_stream, parquet

from toolkit.core import Finding, masked, read_bytes, shorten
from toolkit.data.contract import find_columns
from toolkit.data.databases import is_database, read_database, with_variables
from toolkit.data.datasets import BUILT_IN, FOLDER, BuiltIn
from toolkit.data.delimited import Read, own_names, read_delimited, read_texts, refuse_foreign
from toolkit.data.findings import finding, refusal
from toolkit.data.recognition import decide_formats
from toolkit.data.schema import Decision, Schema
from toolkit.data.table_reader.cells import as_label, as_texts, column_kind, usual
from toolkit.errors import InputError, listed, nearest, refusing

#: The most that a packed file may hold, so that a small one cannot fill the memory; TOOLKIT_MOST_UNPACKED_GB sets it.
MOST_UNPACKED_GB = 4.0
#: Endings of packed files, and what Arrow calls the way they are packed.
PACKED = {".gz": "gzip", ".bz2": "bz2", ".xz": "", ".zst": "zstd", ".zip": ""}

#: A table as a file has it, what was decided while reading it, and how its texts are read.
Reader = Callable[[bytes, str, Schema | None], Read]


class RawTable(NamedTuple):
    """A table as it was read, before any column has a role.

    Attributes
    ----------
    frame : DataFrame
        Text column names, all different; index 0, 1, 2, …
    name : str
        Short name for titles and folders.
    source : str
        Where it came from, without credentials.
    built_in : BuiltIn or None
        Its known roles, for a built-in table.
    target : str or None
        The target its publisher names, for OpenML.
    notes : tuple of Finding
        What was decided while reading.
    decisions : mapping of str to Decision
        How the texts of each column are read, or were.
    """

    frame: pd.DataFrame
    name: str
    source: str
    built_in: BuiltIn | None = None
    target: str | None = None
    notes: tuple[Finding, ...] = ()
    decisions: Mapping[str, Decision] = {}


def read_table(source: str | os.PathLike[str] | pd.DataFrame, known: Schema | None = None) -> RawTable:
    """Read a table.

    Parameters
    ----------
    source : str, path or DataFrame
        - a built-in name such as ``census_income`` (it wins over a file of that name: ``./census_income`` is the file);
        - a path or web address of CSV, TSV, Parquet, Feather, JSON lines or Excel (first sheet), also packed as
          gz, bz2, xz, zst or zip;
        - ``ADDRESS::table`` or ``ADDRESS::SELECT …``, with an SQLAlchemy address. ``${NAME}`` in the address is
          replaced by that environment variable: keep credentials there;
        - ``openml:NAME_OR_ID``, or a frame.

        The texts pandas takes for missing (``NA``, ``None``, ``null``, …) are missing, unless as frequent as labels.
    known : Schema, optional
        What is settled about its columns: they are read by it.

    Raises
    ------
    InputError
        Where there is no such source, or it is not a table, or a column cannot be what is settled about it.

    Examples
    --------
    >>> read_table("wine").frame.shape
    (178, 14)
    """
    return _finished(_read(source, known), known or Schema())


def _read(source: str | os.PathLike[str] | pd.DataFrame, known: Schema | None) -> RawTable:
    if isinstance(source, pd.DataFrame):
        return RawTable(source, "table", "a DataFrame")
    if not isinstance(source, str | os.PathLike):
        raise InputError(f"Data can be a name, a path, an address or a DataFrame, not a {type(source).__name__}.")
    if not (text := os.fspath(source).strip() if isinstance(source, str) else os.fspath(source)):
        raise InputError(f"No data given. Give a file, an address or a built-in table: {listed(BUILT_IN)}.")
    if text in BUILT_IN:
        return _built_in(BUILT_IN[text])
    if text.startswith("openml:"):
        return _openml(text.removeprefix("openml:").strip())
    if is_database(text):
        return RawTable(*read_database(text))
    address = with_variables(text)
    return _web(address, text, known) if "://" in address else _file(address, text, known)


def _finished(table: RawTable, known: Schema) -> RawTable:
    """Give the table text column names and a plain index, and decide on its texts; refuse one that is empty."""
    frame, notes = table.frame, list(table.notes)
    names = [str(name) for name in frame.columns]
    if twice := sorted({name for name in names if names.count(name) > 1}) if len(set(names)) < len(names) else []:
        raise InputError(f"Column names must differ, but these occur more than once: {listed(map(repr, twice))}.")
    if not len(frame) or not names:
        raise refusal("no rows" if names else "no columns", source=table.source, columns=len(names))
    if kept := [str(name) for name in frame.index.names if name is not None]:
        notes.append(finding("DATA-INDEX", "info", names=", ".join(kept)))
    frame = frame.set_axis(names, axis=1).reset_index(drop=True)
    frame = pd.DataFrame({name: usual(frame[name]) for name in names}, copy=False)
    given = {name: one.kind for name, one in known.columns.items() if one.kind and not one.role}
    given = {own: given[name] for name, own in find_columns(given, names, "kinds=").items()}
    flags = {name: one.kind for name, one in known.columns.items() if one.kind == "bool" and name in frame}
    for name, kind in (flags | given).items():
        if name not in table.decisions and column_kind(frame[name]) not in (kind, kind.replace("text", "category")):
            frame[name] = as_label(frame[name]).astype(object)  # as in a text file; some databases keep 1 for yes
    again = [one for one, it in frame.items() if column_kind(it) == "text" and 0 < (it == one).sum() < it.count()]
    notes += [finding("DATA-NO-HEADER cells", "medium", columns=listed(map(repr, again)))] * (len(again) > 1)
    left = (name for name in names if name not in table.decisions and column_kind(frame[name]) in ("text", "mixed"))
    texts = {name: as_texts(frame[name]) for name in left}
    decisions = decide_formats(texts, known)
    recorded = {name: one for name, one in decisions.items() if one.record and one.record.role != "group"}
    marked = {name: one for name, one in decisions.items() if one.format.kind == "text" and any(one.marks)}
    read, said = read_texts(texts, recorded | marked)
    frame, source = pd.DataFrame({**frame, **read}, copy=False), masked(table.source)
    decisions = {**table.decisions, **decisions}
    for name in filter(decisions.get, given):
        if (how := decisions[name].format).kind not in (given[name], "missing"):
            raise refusal("other kind", name=name, kind=given[name], how=how, example=decisions[name].example)
    return table._replace(frame=frame, source=source, notes=(*notes, *said), decisions=decisions)


def _built_in(table: BuiltIn) -> RawTable:
    if table.file:
        return RawTable(pd.read_parquet(FOLDER / table.file), table.name, f"built-in table {table.name}", table)
    from sklearn import datasets

    settings = {"scaled": False} if table.name == "diabetes" else {}
    bunch = getattr(datasets, f"load_{table.name}")(as_frame=True, **settings)
    labels = bunch.target.replace(dict(enumerate(map(str, bunch.get("target_names", ())))))
    return RawTable(bunch.data.assign(**{table.target: labels}), table.name, f"built-in table {table.name}", table)


def _openml(name: str) -> RawTable:
    from sklearn.datasets import fetch_openml

    if not name:
        raise InputError("Say which OpenML data set: openml:NAME, such as openml:adult, or openml:ID.")
    which: dict[str, Any] = {"data_id": int(name)} if name.isdigit() else {"name": name}
    offline = refusing("OpenML could not be reached", " It needs internet; a file on this machine does not.")
    unknown = refusing(f"OpenML has no usable data set {name!r}", kinds=(ValueError,))
    with offline, unknown, warnings.catch_warnings(action="ignore"):
        bunch = fetch_openml(**which, as_frame=True, parser="auto", n_retries=1)
    target = bunch.target_names[0] if len(bunch.target_names) == 1 else None
    return RawTable(bunch.frame, str(bunch.details["name"]), f"openml:{name}", target=target)


def _web(address: str, written: str, known: Schema | None) -> RawTable:
    with refusing("The address cannot be read", kinds=(ValueError,)):
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
        wanted = Request(address)  # noqa: S310  # the scheme is checked below
    shown = f"{parts.scheme}://{parts.hostname or ''}{port}{urlsplit(written).path or parts.path}"
    if parts.scheme not in ("http", "https", "ftp", "file"):
        raise refusal("other scheme", scheme=parts.scheme)
    if parts.username and parts.scheme.startswith("http"):
        wanted.full_url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        login = b64encode(unquote(f"{parts.username}:{parts.password or ''}").encode()).decode()
        wanted.add_unredirected_header("Authorization", f"Basic {login}")
    try:
        with urlopen(wanted, timeout=60) as answer:  # noqa: S310
            content = answer.read()
    except (OSError, ValueError) as error:
        problem = str(getattr(error, "reason", "")) or type(error).__name__
        problem = f"HTTP {error.code} {problem}" if hasattr(error, "code") else problem
    else:
        return _parsed(content, Path(unquote(parts.path)), shown, known)
    raise InputError(f"{shown} could not be read: {problem}. Check the address and the connection.")


def _file(address: str, text: str, known: Schema | None) -> RawTable:
    if (path := Path(os.path.expanduser(address))).is_dir():
        inside = sorted(item.name for item in path.iterdir() if item.is_file())
        raise InputError(f"{text} is a folder. Give one file. It holds: {listed(inside, 5) or 'none'}.")
    if not path.exists() and not path.suffix and len(path.parts) == 1:
        raise refusal("no table", text=text, near=nearest(text, BUILT_IN), tables=listed(BUILT_IN))
    if not path.parent.is_dir():
        raise InputError(f"There is no file {text!r}: the folder {str(path.parent)!r} does not exist.")
    if not path.exists():
        raise refusal("no file", text=text, near=nearest(path.name, [item.name for item in path.parent.iterdir()]))
    with refusing(f"{text} cannot be read"):
        content = read_bytes(path, sys.maxsize)
    return _parsed(content, path, text, known)


def _parsed(content: bytes, path: Path, shown: str, known: Schema | None) -> RawTable:
    """Unpack and read the bytes of a file by its extension; what was downloaded may be named with its query."""
    if path.suffix.lower() in PACKED:
        content, inner = _unpacked(content, path.suffix.lower(), shown)
        path = Path(inner or path.stem)
    if (suffix := path.suffix.lower()) not in READERS:
        found = f"its name ends with {suffix}" if suffix else "its name has no extension"
        raise refusal("unknown ending", shown=shown, found=found, endings=listed(READERS, 20), packed=listed(PACKED))
    if not content[:1000].strip() and not content.strip():
        raise InputError(f"{shown} is empty. Check that the export or download finished.")
    kind, read = READERS[suffix]
    try:
        frame, notes, decisions = read(content, shown, known)
    except (InputError, MemoryError):
        raise
    except ImportError as error:
        raise InputError(f"{shown} needs another package: {error} Or save it as .csv.") from error
    except Exception as error:  # bytes that are no table can make a parser raise anything
        reason = shorten(re.split(r"\.\s|\n", str(error))[0] or type(error).__name__, 200)
        raise InputError(f"{shown} is not a readable {kind} file: {reason.rstrip('.')}. Is it complete?") from error
    return RawTable(frame, path.stem.partition("?")[0] or "table", shown, notes=tuple(notes), decisions=decisions)


def _unpacked(content: bytes, suffix: str, shown: str) -> tuple[bytes, str]:
    """Unpack a file; for a zip also return the name of the one file in it."""
    packed, name = io.BytesIO(content), ""
    kinds = (OSError, EOFError, ValueError, RuntimeError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
    with refusing("TOOLKIT_MOST_UNPACKED_GB must be a number", kinds=(ValueError,)):
        most = int(float(os.environ.get("TOOLKIT_MOST_UNPACKED_GB", MOST_UNPACKED_GB)) * 1e9)
    with refusing(f"{shown} cannot be unpacked", f" Is it complete, and really a {suffix} file?", kinds):
        if suffix == ".zip":
            archive = zipfile.ZipFile(packed)
            files = [one for one in archive.namelist() if not one.endswith("/") and not one.startswith("__MACOSX")]
            if len(files) != 1:
                raise InputError(f"{shown} holds {len(files)} files, but must hold one table: {listed(files, 5)}.")
            name, stream = Path(files[0]).name, archive.open(files[0])
        else:
            opened = lzma.LZMAFile if suffix == ".xz" else partial(input_stream, compression=PACKED[suffix])
            stream = opened(packed)
        unpacked: bytes = stream.read(most + 1)
    if len(unpacked) > most:
        raise InputError(f"{shown} holds more than {most / 1e9:g} GB. Set TOOLKIT_MOST_UNPACKED_GB to allow more.")
    return unpacked, name


def _json(content: bytes, shown: str, _: Schema | None) -> Read:
    """Read JSON lines, or one array of records; large whole numbers beside gaps, floats to pandas, stay apart."""
    refuse_foreign(content, shown, kinds=("HTML",))
    if (start := content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]) not in (b"{", b"["):
        raise InputError(f"{shown} is not a JSON table. Wanted: one JSON object a line, or one array of objects.")
    plain, lines = content.removeprefix(b"\xef\xbb\xbf"), start == b"{"
    as_written: Any = {"dtype": False, "convert_dates": False, "convert_axes": False, "precise_float": True}
    frame = pd.read_json(io.BytesIO(plain), lines=lines, **as_written)
    if large := [str(name) for name in frame.select_dtypes("float") if (frame[name].abs() >= 2**53).any()]:
        rows = list(map(json.loads, filter(bytes.strip, plain.split(b"\n")))) if lines else json.loads(plain)
        frame[large] = pd.DataFrame([[row.get(name) for name in large] for row in rows], dtype=object)
    return frame, [], {}


def _excel(content: bytes, *_: object) -> Read:
    with pd.ExcelFile(io.BytesIO(content)) as book:
        # As objects, so that a text such as 007 stays the text it is in the workbook.
        rows = book.parse(0, header=None, dtype=object, keep_default_na=False, na_values=[""])
        sheets = [str(sheet) for sheet in book.sheet_names]
    rows = rows[rows.notna().any(axis=1).cummax()]
    names, notes = own_names(["" if pd.isna(name) else str(name) for name in rows.head(1).to_numpy().ravel()])
    said = finding("DATA-SHEETS", "low", count=len(sheets), sheets=listed(sheets, 5), first=sheets[0])
    return rows[1:].set_axis(names, axis=1).infer_objects(), notes + [said] * (len(sheets) > 1), {}


def _typed(read: Callable[[io.BytesIO], Table]) -> Reader:
    # As floats, large whole numbers beside gaps would become their neighbours.
    return lambda content, *_: (read(io.BytesIO(content)).to_pandas(integer_object_nulls=True), [], {})


READERS: dict[str, tuple[str, Reader]] = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".txt"), ("text", read_delimited)),
    **dict.fromkeys((".parquet", ".pq"), ("Parquet", _typed(parquet.read_table))),
    **dict.fromkeys((".feather", ".arrow"), ("Feather", _typed(feather.read_table))),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), ("JSON", _json)),
    **dict.fromkeys((".xlsx", ".xlsm", ".xls"), ("Excel", _excel)),
}
