"""Decide how the text columns of a table are read, over all cells at once.

A decision rests on the different texts and their counts alone: the order of rows never matters. What an earlier table
settled comes first; where two readings are possible, the other columns of the same table are asked; where they cannot
tell, the likelier one is taken and the other one is named.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.core import beside
from toolkit.data.schema import Column, Decision, Schema
from toolkit.data.table_reader.cells import odd_cells, read_cells
from toolkit.data.table_reader.formats import Format, cast_numbers, flags, has_thousands, is_absent, number_parts, some
from toolkit.statistics import Codes, Mask

#: Most cells of a column of numbers or dates that may be neither, and fewest different values that make it one then.
ODD_SHARE, ODD_DISTINCT = 0.05, 20
#: Most different words without a digit that mark missing values in up to half of such a column.
MARKS = 3
#: Up to so many different numbers, a spelling that a number would not give back (1.10 beside 1.9) makes them codes.
CODES = 30
#: Decimal mark and, behind it, that of thousands; the likelier first.
NOTATIONS: Any = (".", ".,", ",", ",.", ". ", ", ", ".'", ",'")
LOST = "numbers would not give its spelling back"
#: Words and signs that tell what a file, a column or a cell is.
WORDS: dict[str, Any] = beside(__file__, "words.yaml")


def decide_formats(columns: Mapping[str, pa.StringArray], known: Schema | None = None) -> dict[str, Decision]:
    """Decide how each text column of one table is read.

    Parameters
    ----------
    columns : mapping of str to array of str
    known : Schema, optional
        What is settled: a column of it is read by it, others by its decimal mark and its dates.

    Returns
    -------
    dict of str to Decision
        In the order of the columns.

    Examples
    --------
    >>> table = {"a": pa.array(["302,17", "5"]), "b": pa.array(["124.802", "9.150"]), "c": pa.array(["007", "12"])}
    >>> {name: str(one.format) for name, one in decide_formats(table).items()}
    {'a': "numbers (decimal mark ',')", 'b': "numbers (decimal mark ',', thousands mark '.')", 'c': 'text'}
    """
    known = known or Schema()
    found = {name: _decided(texts, known.columns.get(name), known.dates) for name, texts in columns.items()}
    sure = [one.format for one in found.values() if one.other is None]
    marks = {known.decimal} if known.decimal else {","} & {one.decimal for one in sure if one.kind == "number"}
    orders = {_day_first(one.dates) for one in sure if one.kind == "date"} - {None}
    orders = {_day_first(known.dates)} if known.dates else orders
    for name, one in found.items():
        how = (settled := _settled(one, marks, orders)).format
        found[name] = settled._replace(example=how.example_of(columns[name]), twice=how.twice(columns[name]))
    return found


def _decided(texts: pa.StringArray, record: Column | None, dates: str) -> Decision:
    """Read a column by its record, or as dates where most cells fit a pattern that was given; else decide anew."""
    if record is not None and record.kind not in ("", "missing", "nested") and (record.kind != "date" or record.dates):
        return _by_record(texts, record)
    if dates:
        values, odd = (hinted := Format("date", dates=dates)).read(texts)
        if np.sum(~np.isnat(values)) >= max(1, (1 - ODD_SHARE) * len(texts)):
            return Decision(hinted, "as dates= says", odd_cells(texts, odd))
    return decide_format(texts)


def _by_record(texts: pa.StringArray, record: Column) -> Decision:
    """Read a column by its record, unless many cells cannot be read so and are of the same kind written otherwise."""
    if record.plain and not record.role:
        found = decide_format(texts)
        return found if found.format.kind == record.kind else _by_record(texts, replace(record, role="other"))
    if not (odd := record.read(texts)[1]).any():
        return Decision(record, record.why, record=record)
    found, filled = decide_format(texts), len(texts) - int(is_absent(pc.utf8_trim_whitespace(texts), record).sum())
    written_otherwise = found.format.kind == record.kind and sum(found.odd.values()) < odd.sum() / 2
    if written_otherwise or (found.format.kind != record.kind and odd.sum() > filled / 2):
        return _nearer(found._replace(record=record), texts)
    return Decision(record, record.why, odd_cells(texts, odd), record=record, row=int(odd.argmax()) + 1)


def _nearer(found: Decision, texts: pa.StringArray) -> Decision:
    """Of two readings take the one whose values lie nearer to those that the record has seen."""
    if found.other is None or (record := found.record) is None or record.low is None or record.high is None:
        return found
    middle, cells = (record.low + record.high) / 2, pd.Series(texts.to_pandas(), dtype=object)
    far = [abs(read_cells(cells, how).median() - middle) for how in (found.format, found.other)]
    return found._replace(format=found.other if far[1] < far[0] else found.format, other=None)


def _settled(one: Decision, marks: set[Any], orders: set[Any]) -> Decision:
    """Choose between two readings by what the other columns, or the caller, say."""
    if one.other is None:
        return one
    numbers = one.format.kind == "number"
    for each in (one.format, one.other):
        if marks == {each.decimal} if numbers else orders == {_day_first(each.dates)}:
            why = f"decimal mark {each.decimal!r} elsewhere" if numbers else "as in the other dates"
            return one._replace(format=each, other=None, why=why)
    # A point is nearly always a decimal point where nothing in the table speaks for another notation.
    return one._replace(other=None) if one.format == Format("number", unit=one.format.unit) else one


def _day_first(pattern: str) -> bool | None:
    day, month = pattern.find("%d"), pattern.find("%m")
    return None if day < 0 or month < 0 or pattern.startswith("%Y") else day < month


def decide_format(texts: pa.StringArray) -> Decision:
    """Decide how one text column is read, from its different texts and their counts.

    Examples
    --------
    >>> decide_format(pa.array(["1.10", "1.9", "1.2"])).format.kind, decide_format(pa.array(["Q1 2021"])).format.dates
    ('text', 'quarter')
    """
    texts = texts.drop_null() if texts.null_count else texts
    filled = texts.filter(pc.not_equal(texts, ""))
    if (values := cast_numbers(filled)) is not None and not np.isnan(values).all():
        return _plain_numbers(filled)
    counted = pc.value_counts(texts)
    labels = trimmed = pc.utf8_trim_whitespace(counted.field("values"))
    counts = counted.field("counts").to_numpy()
    if not (known := ~is_absent(labels, Format("number"))).any():
        return Decision(Format("missing" if is_absent(labels, Format("text")).all() else "text"))
    labels, counts = labels.filter(pa.array(known)), counts[known]
    if len(labels) <= 6 and set(pc.utf8_lower(labels).to_pylist()) <= {"true", "false"}:
        return Decision(Format("bool"), marks=tuple(odd_cells(trimmed, ~known)))
    if (found := _as_numbers(labels, counts) or _as_dates(labels, counts)) is None:
        found, marks = _but_for_marks(labels, counts)
        known[np.flatnonzero(known)[marks]] = False
    if found is None or (found.odd and found.why):
        how = _as_text(counted)
        return (found or Decision(how))._replace(format=how, marks=tuple(odd_cells(trimmed, is_absent(trimmed, how))))
    if found.format.kind == "text":
        return found
    missing = tuple(sorted(trimmed.filter(pa.array(~known & ~is_absent(trimmed, Format("text")))).to_pylist()))
    return found._replace(format=replace(found.format, missing=missing))


def _as_numbers(labels: pa.StringArray, counts: Codes) -> Decision | None:
    """Find the notation in which most cells are numbers or durations; None where it holds none, or codes."""
    if cast_numbers(labels) is not None:
        return _plain_numbers(labels)
    long = some(labels, r"[0-9] days?|^P.*T|^(?:2[4-9]|[3-9][0-9]|[0-9]{3,}):[0-5]")
    if long and (found := _best([Format("duration")], labels, counts)):
        return found
    parts = number_parts(labels)
    decorated = flags(parts.is_valid()) & (not pc.all(pc.starts_with(labels, "(")).as_py())  # such as dialing codes
    total, most = int(counts.sum()), int(counts[decorated].sum())
    if most < (1 - ODD_SHARE) * total:
        return None
    joined = pc.binary_join_element_wise(parts.field("before"), parts.field("after"), "")
    units = np.asarray(joined.filter(pa.array(decorated)).to_numpy(zero_copy_only=False), dtype=object)
    if (shares := pd.Series(counts[decorated]).groupby(units).sum() / most).max() < 1 - ODD_SHARE:
        return None
    unit = str(shares.idxmax())
    found = _best([Format("number", decimal, "".join(rest), unit) for decimal, *rest in NOTATIONS], labels, counts)
    if found is not None and found.other and has_thousands(parts.field("number").filter(pa.array(decorated))):
        return found._replace(format=found.other, other=found.format)
    if found is None or found.format != Format("number"):
        return found
    kept = labels.filter(pc.invert(pc.is_in(labels, pa.array(list(found.odd), pa.string()))))
    return Decision(Format("text"), LOST) if _are_codes(kept) else found


def _but_for_marks(labels: pa.StringArray, counts: Codes) -> tuple[Decision | None, Mask]:
    """Find what most cells are where the others are a few words that mark them, such as 'n.d.', and which those are."""
    marks = ~flags(pc.match_substring_regex(labels, "[0-9]"))
    numbers, none = flags(number_parts(labels).is_valid()), np.zeros(len(labels), dtype=bool)
    rest = labels.filter(pa.array(~marks))
    if 0 < marks.sum() <= MARKS and len(rest) >= ODD_DISTINCT and 2 * counts[marks].sum() <= counts.sum():
        found = _as_numbers(rest, counts[~marks]) or _as_dates(rest, counts[~marks])
        if found is not None and found.format.kind != "text":
            return found, marks
    if numbers.sum() < ODD_DISTINCT or 2 * counts[numbers].sum() < counts.sum():
        return None, none
    return Decision(Format("text"), "not all of its cells are numbers", odd_cells(labels, ~numbers, counts)), none


def _best(readings: list[Format], labels: pa.StringArray, counts: Codes) -> Decision | None:
    """Take the first of the readings that fit most cells; None where none fits nearly all. Another may differ."""
    total, read = int(counts.sum()), ((how, *how.read(labels)) for how in readings)
    tried = [(int(counts[~odd].sum()), how, values[~odd], odd) for how, values, odd in read]
    if (best := max((count for count, *_ in tried), default=0)) < (1 - ODD_SHARE) * total:
        return None
    (_, how, values, odd), *others = [one for one in tried if one[0] == best]
    if best < total and (~odd).sum() < ODD_DISTINCT:
        return Decision(Format("text"), f"not all of its cells are {how.kind}s", odd_cells(labels, odd, counts))
    other = next((one for _, one, them, _ in others if not np.array_equal(them, values)), None)
    return Decision(how, odd=odd_cells(labels, odd, counts), other=other)


def _plain_numbers(texts: pa.StringArray) -> Decision:
    """Decide on texts that all are numbers with a decimal point; the point may set off thousands too."""
    if (whole := cast_numbers(texts, whole=True)) is not None and pc.cast(pa.array(whole), pa.string()).equals(texts):
        return Decision(Format("number"))
    if _are_codes(texts):
        return Decision(Format("text"), LOST)
    pointed = texts.filter(pc.match_substring(texts, "."))
    if not len(pointed) or some(texts, r"\.[0-9]{0,2}$|\.[0-9]{4,}$|^[+-]?0?\.|[0-9]{4}\.|[a-z]"):
        return Decision(Format("number"))
    readings = Format("number"), Format("number", ",", ".")
    return Decision(readings[mark := has_thousands(texts)], other=readings[not mark])


def _are_codes(numbers: pa.StringArray) -> bool:
    """Whether numbers would not give these spellings back: 007, +47, 1E2, 1.10 beside 1.9, more than 64 bits."""
    heads = pc.unique(pc.utf8_slice_codeunits(numbers, 0, 3))
    whole = numbers.filter(pc.invert(pc.match_substring(numbers, ".")))
    if some(heads, r"^[+-]?0[0-9]") or some(whole, r"^[0-9]+[eE][0-9]+$|^-?[0-9]{19,}$"):
        return True
    if some(heads, r"^[+]"):
        return not some(heads, r"^-")
    if not some(numbers.filter(pc.ends_with(numbers, "0")), r"\.[0-9]+0$") or len(pc.unique(numbers[:1000])) > CODES:
        return False
    labels = pc.unique(numbers)
    return len(labels) <= CODES and len({len(text.partition(".")[2]) for text in labels.to_pylist() if "." in text}) > 1


def _as_dates(labels: pa.StringArray, counts: Codes) -> Decision | None:
    """Find the pattern that reads most cells as dates; None where none reads nearly all of them."""
    total = int(counts.sum())

    def likely(shape: str) -> bool:
        return bool(counts[flags(pc.match_substring_regex(labels, shape))].sum() >= (1 - ODD_SHARE) * total)

    clocks = [clock for shape, clock in WORDS["clocks"] if likely(shape)]
    for shape, patterns in WORDS["dates"]:
        if not likely(shape):
            continue
        written = (one + clock for one in patterns for clock in (clocks if "%d" in one else ("",)))
        if found := _best([Format("date", dates=one) for one in written], labels, counts):
            # Of two orders of day and month that in which all days are the first of a month is likelier.
            days = pd.DatetimeIndex(found.format.read(labels)[0] if found.other else []).dropna()
            if found.other and (days.month == 1).all() and not (days.day == 1).all():
                return found._replace(format=found.other, other=found.format)
            return found
    return None


def _as_text(counted: pa.StructArray) -> Format:
    """Keep as labels what usually marks a missing value but is one of a few labels, as frequent as the others."""
    marks = is_absent(pc.utf8_trim_whitespace(counted.field("values")), Format("text"))
    if not marks.any() or not 1 <= (~marks).sum() <= 300:
        return Format("text")
    counts = pd.Series(counted.field("counts").to_numpy(), counted.field("values").to_pylist())
    others = counts[~marks]
    codes = all(re.fullmatch("[A-Z]{2}", label.strip()) for label in map(str, others.index))
    usual = others.mean() / 2 if len(others) <= ODD_DISTINCT else np.inf
    # Of two labels a code is one only where it is frequent too.
    least = {"None": usual, "none": usual, "NA": (0.0 if len(others) > 1 else usual) if codes else np.inf}
    kept = [str(one) for one, count in counts[marks].items() if count >= least.get(str(one).strip(), np.inf)]
    return Format("text", labels=tuple(sorted(kept)))
