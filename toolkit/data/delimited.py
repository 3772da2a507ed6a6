"""Read text tables (CSV, TSV): as text first, then by what each whole column holds."""

import csv
import io
import re
import sys
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from toolkit.core import Finding, quoted
from toolkit.data.findings import finding, refusal
from toolkit.data.recognition import WORDS, decide_formats
from toolkit.data.schema import Decision, Decisions, Schema
from toolkit.data.table_reader.formats import Format, cast_numbers, is_absent, some
from toolkit.errors import InputError, listed, refusing

SEPARATORS = (",", ";", "\t", "|")
_SAMPLE_LINES, _MOST_WORDS = 50, 10_000
#: What hardly any word holds.
_ODD = re.compile("|".join(WORDS["odd"]))
#: No header is longer; what is packed to exhaust the memory may be.
_LONGEST = 10_000_000
#: A table, what was decided where another reading was possible, and how its columns of texts are read.
Read = tuple[pd.DataFrame, list[Finding], dict[str, Decision]]
_FOREIGN = {begins.encode("latin-1"): kind for begins, kind in WORDS["foreign"].items()}


def read_delimited(content: bytes, shown: str, known: Schema | None = None) -> Read:
    """Read the bytes of a text table.

    Every cell is taken as text; how a column is to be read is then decided over all of it, see
    ``toolkit.data.recognition``. A code such as ``007`` keeps its spelling.

    Parameters
    ----------
    content : bytes
        In any encoding; what is not UTF-8 is said. The separator is one of ``, ; tab |``, found from the first lines,
        or named in a first line ``sep=;``.
    shown : str
        The name of the source, for messages.
    known : Schema, optional
        What is settled about its columns.

    Returns
    -------
    frame : DataFrame
        Whole numbers, numbers, yes/no, dates and texts.
    notes : list of Finding
        What was decided where another reading was possible, and which cells could not be read.
    decisions : dict of str to Decision

    Raises
    ------
    InputError
        Where the bytes are not a text table, or a row has more cells than the header.

    Examples
    --------
    >>> frame, *_ = read_delimited("größe;preis;plz{0}1;2,5;01067{0}".format(chr(10)).encode(), "x.csv")
    >>> frame["preis"].tolist(), frame["plz"].tolist()
    ([2.5], ['01067'])
    """
    refuse_foreign(content, shown)
    if len(content) > _LONGEST and not re.search(rb"[\r\n]", content[:_LONGEST]):
        raise InputError(f"{shown} is not a text table: its first line has more than {_LONGEST:,} bytes.")
    utf8, notes = _as_utf8(content, shown, known)
    columns, found = _cells(utf8, shown)
    decisions = decide_formats(columns, known)
    read, said = read_texts(columns, decisions)
    if any(one.format.decimal == "," and one.format is not one.record for one in decisions.values()):
        notes.append(finding("DATA-DECIMAL-COMMA", "info"))
    return pd.DataFrame(read), [*notes, *found, *said], decisions


def read_texts(columns: Mapping[str, pa.StringArray], decisions: Decisions) -> tuple[dict[str, Any], list[Finding]]:
    """Read text columns as decided: int64 where whole and complete, float64, bool, datetime64 or text.

    Notes say what a reader should know; what stays text is spoken of when it becomes a feature.
    """
    read = {name: one for name, one in decisions.items() if one.format.kind != "text"}
    notes = [note for name, one in read.items() for note in one.about(name, len(columns[name]))]
    flags = [name for name, one in read.items() if one.format.kind == "bool" and some(columns[name], r"^\s*[01]")]
    notes += [finding("DATA-FLAG-MIXED", "medium", name) for name in flags if some(columns[name], r"^\s*[TtFf]")]
    return {name: as_typed(columns[name], one.format) for name, one in decisions.items()}, notes


def as_typed(texts: pa.StringArray, how: Format) -> Any:
    """Read a column by its format: int64 where whole and complete, float64, bool, datetime64 or text."""
    if how.plain and (whole_numbers := cast_numbers(texts, whole=True)) is not None:
        return whole_numbers
    if how.kind in ("text", "missing"):
        return pc.if_else(pa.array(is_absent(pc.utf8_trim_whitespace(texts), how)), None, texts).to_pandas()
    values, _ = how.read(texts)
    if how.kind == "bool":
        gaps = np.isnan(values)
        return pd.Series(np.where(gaps, None, values == 1), dtype=object) if gaps.any() else values.astype(bool)
    if how.plain and (np.abs(values) >= 2**53).any():  # too large for a float to keep apart
        exact = cast_numbers(pc.if_else(pa.array(np.isnan(values)), None, pc.utf8_trim_whitespace(texts)), whole=True)
        return values if exact is None else exact
    # Where thousands are set off, a number without a decimal mark is whole.
    whole = how.thousands and not pc.any(pc.match_substring(texts, how.decimal)).as_py()
    return values.astype("int64") if whole and (np.abs(values) < 2**53).all() else values


def find_separator(lines: list[str]) -> str:
    """Choose the separator that cuts the first lines into the same number of cells, and into most of them.

    Examples
    --------
    >>> find_separator(["a;b", "1,5;2", "3,5;4"])
    ';'
    """

    def fit(separator: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=separator)] or [1]
        return (sum(width == widths[0] for width in widths) / len(widths) if widths[0] > 1 else 0.0), widths[0]

    return max(SEPARATORS, key=fit)


def refuse_foreign(content: bytes, shown: str, kinds: tuple[str, ...] = ("HTML", "JSON")) -> None:
    """Refuse bytes that are evidently an image, an archive, a page or an object rather than a text table.

    Raises
    ------
    InputError
        Says what the content looks like.
    """
    head = content[:4096]
    found = next((kind for magic, kind in _FOREIGN.items() if head.startswith(magic)), None)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:200].lower()
    if start.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<table")):
        found = "a web page or XML"
    elif "JSON" in kinds and re.match(rb'\{\s*["}]|\[\s*[\[{]', start):
        found = "JSON (name it .jsonl if it has one object a line)"
    elif found is None and b"\x00" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        found = "binary data"
    if found:
        raise InputError(f"{shown} is not a text table: it looks like {found}. Export the table as CSV or Parquet.")


def _as_utf8(content: bytes, shown: str, known: Schema | None) -> tuple[bytes, list[Finding]]:
    """Recode UTF-16 with its mark, or whatever makes sense of most labels that are known, else of the bytes."""
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
        return text.encode() if wide else content.removeprefix(b"\xef\xbb\xbf"), []
    except UnicodeDecodeError as error:
        begin = content.rfind(b"\n", 0, error.start) + 1
        cells = re.split(rb'[,;\t\r\n"]+', content[begin : begin + _LONGEST])
    import chardet  # slow to load, and seldom needed

    foreign = list(dict.fromkeys(cell for cell in cells if not cell.isascii()))
    words = list(dict.fromkeys(word for cell in foreign for word in cell.split() if not word.isascii()))[:_MOST_WORDS]
    some, among = b"\n".join(words), dict[str, float](WORDS["encodings"])
    found = chardet.detect_all(some, ignore_threshold=True, compat_names=False, include_encodings=list(among))
    likely = {next(iter(among)): 0.0} | {one["encoding"]: one["confidence"] for one in found if one["encoding"]}
    labels = {str(label) for column in (known.columns.values() if known else ()) for label in column.categories}

    def fit(encoding: str) -> tuple[int, float]:
        met = sum(one.encode(encoding, "replace") in content for one in labels)
        sound = 1 - sum(map(bool, map(_ODD.search, some.decode(encoding, "replace").split("\n")))) / len(words)
        return met, max(likely[encoding], 0.002) * (0.02 + sound**4) / among.get(encoding, max(among.values()))

    encoding = max(likely, key=fit)
    with refusing(f"{shown} is neither UTF-8 text nor {encoding}", " Save it as UTF-8.", (UnicodeDecodeError,)):
        text = content.decode(encoding)
    said = listed((quoted(cell.decode(encoding, "replace")) for cell in foreign), 3)
    return text.encode(), [finding("DATA-ENCODING", "low", encoding=encoding, cells=said)]


def _cells(content: bytes, shown: str) -> tuple[dict[str, pa.StringArray], list[Finding]]:
    """Cut a text in UTF-8 into columns of cells, each as it is written."""
    csv.field_size_limit(sys.maxsize)
    named = re.match(rb"sep=(.)\r?\n", content)
    content = content[named.end() :].lstrip(b"\r\n") if named else content.lstrip(b"\r\n")
    lines = [line for line in islice(_text(content), _SAMPLE_LINES + 1) if line.strip()]
    separator = named.group(1).decode() if named else find_separator(lines)
    header = next(csv.reader(_text(content), delimiter=separator), [])
    names, notes = own_names(header)
    wrong: Counter[int] = Counter()

    def skip(row: pyarrow.csv.InvalidRow) -> str:
        wrong[row.actual_columns] += 1
        return "skip"

    parse = pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True, invalid_row_handler=skip)
    read = pyarrow.csv.ReadOptions(column_names=names, skip_rows=1 + sum(name.count("\n") for name in header))
    types = dict.fromkeys(names, pa.string())
    convert = pyarrow.csv.ConvertOptions(column_types=types, strings_can_be_null=False, check_utf8=False)
    try:
        try:
            table = pyarrow.csv.read_csv(pa.py_buffer(content), read, parse, convert)
        except pa.ArrowInvalid:
            # A row longer than a block: one block for all.
            read.block_size = min(len(content) + 1, 2**31 - 1)
            wrong.clear()
            table = pyarrow.csv.read_csv(pa.py_buffer(content), read, parse, convert)
    except pa.ArrowInvalid as error:
        reason = str(error).removeprefix("CSV parse error: ").partition("\n")[0]
        raise InputError(f"{shown} is not a table: {reason}. Check the separator and the quotes.") from error
    if wrong:
        table = _uneven(content, separator, names, shown)
        notes.append(finding("DATA-SHORT-ROWS", "medium", short=sum(wrong.values()), rows=table.num_rows))
    return {name: table[name].combine_chunks() for name in names}, notes


def own_names(header: list[str]) -> tuple[list[str], list[Finding]]:
    """Give every column a name of its own, by pandas: ``Unnamed: 0`` for none, ``a.1`` for a second ``a``."""
    line = pd.DataFrame([header]).to_csv(index=False, header=False, quoting=csv.QUOTE_ALL)
    names = pd.read_csv(io.StringIO(line), nrows=0).columns.tolist() if header else []
    if header.count("") == len(header) - 1 > 1:
        raise refusal("title", columns=len(header))
    twice = {name: given for given, name in zip(header, names, strict=True) if given and given != name}
    said, times = listed(map(repr, twice.values())), Counter(header)
    notes = [finding("DATA-NAME-TWICE", "medium", names=said, later=name) for name in list(twice)[:1]]
    cells = [one for one in times if re.fullmatch(r"[+-]?\d+([.,]\d+)?", one) and (not one.isdigit() or times[one] > 1)]
    return names, notes + [finding("DATA-NO-HEADER", "medium", cells=listed(cells))] * bool(cells)


def _text(content: bytes) -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(content), encoding="utf-8", newline="")


def _uneven(content: bytes, separator: str, names: list[str], shown: str) -> pa.Table:
    """Read rows that end too early; refuse one that has too many cells, and say which."""
    rows = []
    reader = csv.reader(_text(content), delimiter=separator)
    for row in islice(reader, 1, None):
        if len(row) > len(names):
            raise refusal("more cells", shown=shown, row=reader.line_num, cells=len(row), names=len(names))
        if row:
            rows.append([*row, *[""] * (len(names) - len(row))])
    return pa.table({name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(names)})
