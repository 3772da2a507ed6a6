"""The contract of a table: what each column is and how it is written, settled once and kept with the model."""

import contextlib
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import yaml

from toolkit.core import NOT_YAML, Finding, Severity, adapter, problem, read_bytes, results_path, write_text
from toolkit.data.findings import by_share, finding, refusal
from toolkit.data.table_reader.formats import Format
from toolkit.errors import InputError, listed, nearest, refusing

VERSION: Literal[1] = 1
KEPT_AS = "schema.json"
#: Why a column that a file gives a type is read so.
BY_TYPE = "the file has this type"
#: An empty text where no target is known.
Task = Literal["", "binary", "multiclass", "regression"]
Role = Literal["", "feature", "target", "sensitive", "time", "group", "weight", "other"]
Label = bool | int | float | str
_STRICT: Mapping[str, object] = {"extra": "forbid"}


@dataclass(frozen=True, slots=True)
class Column(Format):
    """What a column holds and how it is written; a name without a kind stands for any.

    Attributes
    ----------
    role : {"", "feature", "target", "sensitive", "time", "group", "weight", "other"}
        A sensitive column that is a feature too is a feature, and among ``Schema.sensitive``.
    categories : tuple of str
        Labels of a text column, in order; none where there are more than 1,000.
    ordered : bool
        Whether the labels have an order.
    low, typical, high : float or None
        The range seen, and the median size of the numbers that are not 0; dates in days since 1970-01-01.
    half : tuple of float or None
        The quartiles, between which half of the numbers lie.
    whole : bool
        Whether all numbers seen are whole.
    example : str
        A cell, as it is written.
    why : str
        What settled how it is read.
    """

    role: Role = ""
    categories: tuple[str, ...] = ()
    ordered: bool = False
    low: float | None = None
    typical: float | None = None
    high: float | None = None
    half: tuple[float, float] | None = None
    whole: bool = False
    example: str = ""
    why: str = ""

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STRICT


class Decision(NamedTuple):
    """How a column is read, and what speaks against it.

    Attributes
    ----------
    format : Format
    why : str
        What settled it, for a reader.
    odd : mapping of str to int
        Texts that the format cannot read, with their counts; they become missing. Of a column that is text because of
        them, those texts.
    other : Format or None
        Another reading that the table does not rule out.
    record : Column or None
        By what an earlier table settled, where there is one; the format is another where the cells are written
        otherwise now.
    row : int
        The first row with an odd cell, from 1, where the column was read by a record.
    example : str
        A cell that can be read, as it is written.
    marks : tuple of str
        Texts that count as missing beside the labels, or yes and no, of the column.
    twice : tuple of str
        Two spellings of one number, such as 1.1 and 1.10.
    """

    format: Format
    why: str = ""
    odd: Mapping[str, int] = {}
    other: Format | None = None
    record: Column | None = None
    row: int = 0
    example: str = ""
    marks: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()

    def about(self, name: str, rows: int) -> list[Finding]:
        """Say what a reader should know of how a column was read: odd cells, another reading, units, codes."""
        how, record = self.format, self.record
        odd = sum(self.odd.values())
        cells = listed(map(repr, self.odd), 4) + (f", first in row {self.row:,}" if self.row else "")
        new, changed = record is None, record is not None and record.kind == how.kind and how is not record
        marks, labels = listed(map(repr, how.missing), 4), listed(map(repr, how.labels))
        said: list[tuple[object, str, Severity]] = [
            (odd and how.kind != "text", "DATA-ODD-CELLS", by_share(odd / max(rows, 1))),
            (changed, "DATA-FORMAT-CHANGED", "medium"),
            (marks and new, "DATA-MISSING-MARKS", "low"),
            (self.other, "DATA-TWO-READINGS", "medium"),
            (self.twice, "DATA-WRITTEN-TWICE", "medium"),
            (how.unit and (new or changed), "DATA-UNIT", "info"),
            (self.why and how.kind == "text" and new, f"DATA-CODES{' odd' * bool(odd)}", "low" if odd else "info"),
            (labels and new, "DATA-MARK-IS-LABEL", "low"),
        ]
        numbers = {"decision": self, "how": how, "odd": odd, "rows": rows, "cells": cells}
        return [finding(code, grave, name, **numbers, marks=marks, labels=labels) for so, code, grave in said if so]


Decisions = Mapping[str, Decision]


@dataclass(frozen=True)
class Schema:
    """What was settled about a table, by which every later one is read.

    Attributes
    ----------
    columns : mapping of str to Column
        In the order of the table; features in the order in which a model takes them.
    name : str
        Of the table, or the model, that it was made of.
    task : {"", "binary", "multiclass", "regression"}
    classes : tuple
        Labels of the target.
    positive : label or None
    sensitive : tuple of str
    decimal, dates : str
        The decimal mark, and a pattern of dates, for columns about which nothing else is settled.
    schema : int
        The version of this form.

    Examples
    --------
    >>> schema = Schema({"zip": Column("text", role="feature")}, task="binary", classes=("no", "yes"), positive="yes")
    >>> Schema.read(schema.plain()) == schema
    True
    """

    columns: Mapping[str, Column] = field(default_factory=dict)
    name: str = ""
    task: Task = ""
    classes: tuple[Label, ...] = ()
    positive: Label | None = None
    sensitive: tuple[str, ...] = ()
    decimal: Literal["", ".", ","] = ""
    dates: str = ""
    schema: Literal[1] = VERSION

    __pydantic_config__: ClassVar[Mapping[str, object]] = _STRICT

    @property
    def features(self) -> dict[str, Column]:
        """The columns that a model takes, in its order."""
        return {name: column for name, column in self.columns.items() if column.role == "feature"}

    def named(self, role: Role) -> str:
        """Return the first column of a role; an empty text where there is none."""
        return next((name for name, column in self.columns.items() if column.role == role), "")

    def taking(self, names: Sequence[str]) -> "Schema":
        """Return the schema with exactly these features, in this order; other columns keep what else they are for."""
        left: dict[str, Role] = {name: "sensitive" if name in self.sensitive else "other" for name in self.features}
        features = {name: replace(self.columns.get(name, Column()), role="feature") for name in names}
        rest = self._each(lambda name, one: replace(one, role=left.get(name, one.role))).columns
        return replace(self, columns=features | {name: one for name, one in rest.items() if name not in names})

    def without_cells(self) -> "Schema":
        """Leave out what would tell rows: the examples, and the labels of columns that may name or number them."""
        kept = ("feature", "sensitive")
        return self._each(lambda _, it: replace(it, example="", categories=it.categories if it.role in kept else ()))

    def shared(self, other: "Schema") -> "Schema":
        """Return it for the rows of both tables: labels and ranges that are not the same in both are left open."""
        left: dict[str, Any] = {"categories": (), "low": None, "typical": None, "high": None, "half": None}
        return self._each(lambda name, one: replace(one, **({} if one == other.columns.get(name) else left)))

    def _each(self, changed: Callable[[str, Column], Column]) -> "Schema":
        return replace(self, columns={name: changed(name, one) for name, one in self.columns.items()})

    def plain(self) -> dict[str, Any]:
        """Write it as plain values; what is as usual is left out."""
        return {"schema": self.schema, **adapter(Schema).dump_python(self, mode="json", exclude_defaults=True)}

    def text(self) -> str:
        """Write it as JSON, to be kept with a model."""
        return json.dumps(self.plain(), ensure_ascii=False)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it as YAML, to be edited and given back with ``schema=``, and return the path."""
        return write_text(path, yaml.safe_dump(self.plain(), allow_unicode=True, sort_keys=False, width=120))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Schema":
        """Read the YAML that ``save`` wrote, or what a report or a profile keeps.

        Raises
        ------
        InputError
            Where there is no such file, or it holds no schema of this version.
        """
        place = Path(os.path.expanduser(path))
        place = results_path(place) if place.is_dir() or place.suffix == ".html" else place
        with refusing(f"{str(path)!r} is not a schema", " `toolkit data FILE --save` makes one.", (OSError, *NOT_YAML)):
            text = read_bytes(place).decode()
            content = json.loads(text) if place.suffix == ".json" else yaml.safe_load(text)
        kept = content.get("data") if isinstance(content, Mapping) else None
        content, text = (kept.get("schema"), "") if isinstance(kept, Mapping) else (content, text)
        return cls.read(content, repr(str(path)), text)

    @classmethod
    def read(cls, content: object, name: str = "This", text: str = "") -> "Schema":
        """Read what ``plain`` wrote, perhaps edited by hand; a slip is named with the nearest word and its line.

        Raises
        ------
        InputError
            Where it is no schema, one of another version, or says what it cannot.
        """
        from pydantic import ValidationError

        if not isinstance(content, Mapping):
            raise InputError(f"{name} holds no schema. `toolkit data FILE --save schema.yaml` makes one.")
        if content.get("schema", VERSION) != VERSION:
            raise refusal("other version", name=name, found=content["schema"], version=VERSION)
        try:
            found: Schema = adapter(Schema).validate_python(dict(content))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise InputError(f"{name} is not a schema: {_line(text, first['loc'])}{_slip(first)}") from error
        patterns: dict[tuple[str, ...], str] = {("dates",): found.dates}
        patterns |= {("columns", column, "dates"): one.dates for column, one in found.columns.items()}
        for where, pattern in patterns.items():
            if not _is_pattern(pattern):
                raise refusal("no pattern", name=name, line=_line(text, where), at=".".join(where), pattern=pattern)
        if found.positive is not None and found.positive not in found.classes:
            near, line = nearest(str(found.positive), map(str, found.classes)), _line(text, ["positive"])
            raise refusal("other positive", name=name, line=line, it=found, classes=listed(found.classes), near=near)
        return found


def _is_pattern(dates: str) -> bool:
    known = dates in ("", "ISO8601", "quarter", "week")
    with contextlib.suppress(ValueError, re.error):
        return known or bool("%" in dates and datetime.strptime(datetime(2000, 1, 1).strftime(dates), dates))
    return False


def _line(text: str, where: Sequence[int | str]) -> str:
    """Name the line of a YAML text where something is; nothing where it is not to be found."""
    node: Any = yaml.compose(text)
    line = 0
    for key in where:
        parts = node.value if isinstance(node, yaml.CollectionNode) else []
        pairs = parts if isinstance(node, yaml.MappingNode) else zip(parts, parts, strict=True)
        if not (found := [pair for place, pair in enumerate(pairs) if key in (place, pair[0].value)]):
            break
        line, node = found[0][0].start_mark.line + 1, found[0][1]
    return f"line {line}: " if line else ""


def _slip(error: Mapping[str, Any]) -> str:
    """Say in a line what is wrong in a schema, where, and which word is nearest."""
    *where, last = map(str, error["loc"] or [""])
    if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        known = [one.name for one in fields(Column if where else Schema)]
        said = f"{' '.join(where)}{': ' * bool(where)}there is no {last!r}"
        return f"{said}.{nearest(last, known)} Known: {listed(known, 20)}."
    if error["type"] == "string_type":
        return f"{problem(error)}. Put it in quotes."
    expected = re.findall("'(.*?)'", error.get("ctx", {}).get("expected", ""))
    return f"{problem(error)}.{nearest(str(error['input']), expected)}"
