"""Decide how the text columns of a table are read, over all cells at once.

A decision rests on the different texts and their counts alone: the order of rows never matters. What an earlier table
settled comes first; where two readings are possible, the other columns of the same table are asked; where they cannot
tell, the likelier one is taken and the other one is named.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from toolkit.core.result import Finding, Severity
from toolkit.data.findings import by_share, finding
from toolkit.data.recognition import ODD_SHARE, Decision, decide_format, odd_cells, some
from toolkit.data.schema import Column, Schema
from toolkit.data.table_reader.cells import read_cells
from toolkit.data.table_reader.formats import Format, cast_numbers, is_absent
from toolkit.errors import listed

Decisions = Mapping[str, Decision]


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
    settled = {name: _settled(one, marks, orders) for name, one in found.items()}
    return {name: replace(one, example=_example(columns[name], one.format)) for name, one in settled.items()}


def read_texts(columns: Mapping[str, pa.StringArray], decisions: Decisions) -> tuple[dict[str, Any], list[Finding]]:
    """Read text columns as decided: int64 where whole and complete, float64, bool, datetime64 or text.

    Notes say what a reader should know; what stays text is spoken of when it becomes a feature.
    """
    read = {name: one for name, one in decisions.items() if one.format.kind != "text"}
    notes = [note for name, one in read.items() for note in about(name, one, len(columns[name]))]
    flags = [name for name, one in read.items() if one.format.kind == "bool" and some(columns[name], r"^\s*[01]")]
    notes += [finding("DATA-FLAG-MIXED", "medium", name) for name in flags if some(columns[name], r"^\s*[TtFf]")]
    return {name: _typed(columns[name], one.format) for name, one in decisions.items()}, notes


def about(name: str, decision: Decision, rows: int) -> list[Finding]:
    """Say what a reader should know of how a column was read: odd cells, another reading, units, codes."""
    how, record = decision.format, decision.record
    odd = sum(decision.odd.values())
    cells = listed(map(repr, decision.odd), 4) + (f", first in row {decision.row:,}" if decision.row else "")
    new, changed = record is None, record is not None and record.kind == how.kind and how is not record
    marks, labels = listed(map(repr, how.missing), 4), listed(map(repr, how.labels))
    said: list[tuple[object, str, Severity]] = [
        (odd, "DATA-ODD-CELLS", by_share(odd / max(rows, 1))),
        (changed, "DATA-FORMAT-CHANGED", "medium"),
        (marks and new, "DATA-MISSING-MARKS", "low"),
        (decision.other, "DATA-TWO-READINGS", "medium"),
        (how.unit and (new or changed), "DATA-UNIT", "info"),
        (how.kind == "text" and decision.why and new, "DATA-CODES", "info"),
        (labels and new, "DATA-MARK-IS-LABEL", "low"),
    ]
    numbers = {"decision": decision, "how": how, "odd": odd, "rows": rows, "cells": cells}
    return [finding(code, grave, name, **numbers, marks=marks, labels=labels) for so, code, grave in said if so]


def _example(texts: pa.StringArray, how: Format) -> str:
    """Return a cell that can be read, as it is written."""
    read = np.flatnonzero(pd.notna(how.read(texts[:1000])[0]))
    return str(texts[int(read[0])])[:80] if len(read) else ""


def _decided(texts: pa.StringArray, record: Column | None, dates: str) -> Decision:
    """Read a column by its record, or as dates where most cells fit a pattern that was given; else decide anew."""
    if record is not None and record.kind in ("number", "date", "bool", "text"):
        return _by_record(texts, record)
    if dates:
        values, odd = (hinted := Format("date", dates=dates)).read(texts)
        if np.sum(~np.isnat(values)) >= max(1, (1 - ODD_SHARE) * len(texts)):
            return Decision(hinted, "as dates= says", odd_cells(texts, odd))
    return decide_format(texts)


def _by_record(texts: pa.StringArray, record: Column) -> Decision:
    """Read a column by its record, unless many cells cannot be read so and are of the same kind written otherwise."""
    if not (record.dates if record.kind == "date" else record.role or not record.plain):
        found = decide_format(texts)
        return found if found.format.kind == record.kind else _by_record(texts, replace(record, role="other"))
    if not (odd := record.read(texts)[1]).any():
        return Decision(record, record.why, record=record)
    found, filled = decide_format(texts), len(texts) - int(is_absent(pc.utf8_trim_whitespace(texts), record).sum())
    written_otherwise = found.format.kind == record.kind and sum(found.odd.values()) < odd.sum() / 2
    if written_otherwise or (found.format.kind != record.kind and odd.sum() > filled / 2):
        return _nearer(replace(found, record=record), texts)
    return Decision(record, record.why, odd_cells(texts, odd), record=record, row=int(odd.argmax()) + 1)


def _nearer(found: Decision, texts: pa.StringArray) -> Decision:
    """Of two readings take the one whose values lie nearer to those that the record has seen."""
    if found.other is None or (record := found.record) is None or record.low is None or record.high is None:
        return found
    middle, cells = (record.low + record.high) / 2, pd.Series(texts.to_pandas(), dtype=object)
    far = [abs(read_cells(cells, how).median() - middle) for how in (found.format, found.other)]
    return replace(found, format=found.other if far[1] < far[0] else found.format, other=None)


def _settled(one: Decision, marks: set[Any], orders: set[Any]) -> Decision:
    """Choose between two readings by what the other columns, or the caller, say."""
    if one.other is None:
        return one
    numbers = one.format.kind == "number"
    for each in (one.format, one.other):
        if marks == {each.decimal} if numbers else orders == {_day_first(each.dates)}:
            why = f"decimal mark {each.decimal!r} elsewhere" if numbers else "as in the other dates"
            return replace(one, format=each, other=None, why=why)
    # A point is nearly always a decimal point where nothing in the table speaks for another notation.
    return replace(one, other=None) if one.format == Format("number", unit=one.format.unit) else one


def _day_first(pattern: str) -> bool | None:
    day, month = pattern.find("%d"), pattern.find("%m")
    return None if day < 0 or month < 0 or pattern.startswith("%Y") else day < month


def _typed(texts: pa.StringArray, how: Format) -> Any:
    """Read a column by its format: int64 where whole and complete, float64, bool, datetime64 or text."""
    if how.plain and (whole_numbers := cast_numbers(texts, whole=True)) is not None:
        return whole_numbers
    if how.kind == "text":
        return pc.if_else(pa.array(is_absent(pc.utf8_trim_whitespace(texts), how)), None, texts).to_pandas()
    values, _ = how.read(texts)
    if how.kind == "missing":
        return np.full(len(texts), np.nan)
    if how.kind == "bool":
        gaps = np.isnan(values)
        return pd.Series(np.where(gaps, None, values == 1), dtype=object) if gaps.any() else values.astype(bool)
    whole = how.kind == "number" and bool((values == np.floor(values)).all() and (np.abs(values) < 2**53).all())
    written_whole = whole and how.thousands != "" and not pc.any(pc.match_substring(texts, how.decimal)).as_py()
    return values.astype("int64") if written_whole else values
