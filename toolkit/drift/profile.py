"""A profile: what is kept of a table so that another can be compared with it, a year later or elsewhere."""

import json
import math
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core import Face, FaceTable, Record, Result, read_bytes, write_text
from toolkit.data import KINDS, Dataset, Schema, as_dataset
from toolkit.drift.model import with_importance
from toolkit.drift.summary import ColumnSummary, roles_of, summarize_in
from toolkit.errors import InputError, refusing
from toolkit.models import Model

KIND = "toolkit drift profile"
KEPT_AS = "training_profile.json"
SCHEMA = 4


class Profile(Result, frozen=True):
    """Counts of the values of each column of a table.

    Attributes
    ----------
    name : str
        Of the table.
    rows : int
    columns : dict of str to ColumnSummary
    schema : Schema
        How the table is read: ``load_dataset(later, like=profile)``. It holds no cells.
    """

    name: str
    rows: int
    columns: Mapping[str, ColumnSummary]
    schema: Schema

    @property
    def roles(self) -> dict[str, str]:
        """Role of each column."""
        return {name: summary.role for name, summary in self.columns.items()}

    @property
    def groups(self) -> int:
        """How many groups of rows that belong together there are; 0 where each row stands for itself."""
        return max((summary.groups for summary in self.columns.values()), default=0)

    def merged(self, other: "Profile") -> "Profile":
        """Return the profile of the rows of both, so that a table can be summed up piece by piece.

        Raises
        ------
        InputError
            Where the columns are not the same, or not of the same kinds, or rows have weights: of these each profile
            keeps the proportions alone.
        """
        if weight := self.schema.named("weight"):
            raise InputError(f"Profiles of rows with weights {weight!r} cannot be merged. Sum up the whole table.")
        if self.roles != other.roles:
            odd = sorted(set(self.roles.items()) ^ set(other.roles.items()))[0][0]
            raise InputError(f"Only profiles with the same columns can be merged; {odd!r} is not in both alike.")
        columns = {}
        for name, mine in self.columns.items():
            theirs = other.columns[name]
            if "missing" not in (mine.dtype, theirs.dtype) and mine.is_number != theirs.is_number:
                raise InputError(f"Column {name!r} is {mine.dtype} in one profile and {theirs.dtype} in the other.")
            columns[name] = mine.merged(theirs).reduced
        return replace(self, rows=self.rows + other.rows, columns=columns, schema=self.schema.shared(other.schema))

    def text(self) -> str:
        """Write the profile as JSON."""
        head = {"kind": KIND, "schema": SCHEMA, "name": self.name, "rows": self.rows}
        columns = [_written(summary) for summary in self.columns.values()]
        content = {**head, "data": {"schema": self.schema.plain()}, "columns": columns}
        return json.dumps(content, allow_nan=False, ensure_ascii=False) + "\n"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the profile to a file and return its path."""
        return write_text(path, self.text())

    def frame(self) -> pd.DataFrame:
        """Return one row a column: ``column, role, kind, missing, values_kept``."""
        ones = self.columns.values()
        rows = [(one.name, one.role, one.dtype, one.missing / max(one.rows, 1), len(one.distinct)) for one in ones]
        return pd.DataFrame(rows, columns=["column", "role", "kind", "missing", "values_kept"])

    def record(self) -> Record:
        """Return itself, to be kept with the model that is logged beside it."""
        return Record(kept={KEPT_AS: self.text()})

    def face(self) -> Face:
        """Return what is kept of each column."""
        lead = f"{self.name}: {self.rows:,} rows, {len(self.columns)} columns. It holds none of the rows."
        return Face("Profile", lead, [FaceTable("What is kept of each column", self.frame().replace({"kind": KINDS}))])


def summarize(table: Dataset | pd.DataFrame, *, model: Any = None, name: str | None = None, seed: int = 0) -> Profile:
    """Sum up a table so that it can be kept and compared later, without any of its rows.

    Parameters
    ----------
    table : Dataset or DataFrame
    model : Model, or anything that ``Model.of`` takes, optional
        Fitted on these columns: its predictions and the importance of each column to it are kept too.
    name : str, optional
        By default that of the table.
    seed : int
        Of the sample that importance is measured on.

    Returns
    -------
    Profile
        Counts of the values of each column: numbers in about 256 cells at most, more than 1,000 labels in groups. The
        extremes of a number and up to 1,000 labels are kept as they are.

    Raises
    ------
    InputError
        Where the table has no rows, or the model does not fit it.

    Examples
    --------
    >>> from toolkit import load_dataset
    >>> profile = summarize(load_dataset("wine"))
    >>> profile.rows, len(profile.columns)
    (178, 14)
    """
    subject = None if model is None else Model.of(model)
    data = as_dataset(table, "table", like=subject)
    weights: dict[str, float] = {}
    if subject is not None:
        data, weights = with_importance(data, Model.of(subject, data), seed)
    how: dict[str, Any] = {"identifiers": True, "importance": weights}
    columns = {one: summarize_in(data, one, role, **how)[1].reduced for one, role in roles_of(data).items()}
    return Profile(name or data.name, data.rows, columns, data.schema.without_cells())


def is_profile(given: object) -> bool:
    """Say whether what stands for a table is the address of a profile, of whatever version."""
    if isinstance(given, str | os.PathLike) and Path(given).suffix == ".json":
        with suppress(OSError, ValueError):
            content = json.loads(read_bytes(Path(os.path.expanduser(given))))
            return isinstance(content, dict) and content.get("kind") == KIND
    return False


def load_profile(path: str | os.PathLike[str]) -> Profile:
    """Read a profile that ``Profile.save`` wrote.

    Raises
    ------
    InputError
        Where there is no such file, it is not a profile, or another version wrote it.

    Examples
    --------
    >>> import tempfile
    >>> from toolkit import load_dataset
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = summarize(load_dataset("wine")).save(f"{folder}/wine.json")
    ...     load_profile(path).rows
    178
    """
    place = Path(os.path.expanduser(path))
    with refusing(f"The profile {str(place)!r} cannot be read"):
        return read_profile(read_bytes(place), str(place))


def read_profile(text: str | bytes, place: str) -> Profile:
    """Read what ``Profile.text`` wrote; ``place`` names it in an error."""
    try:
        content = json.loads(text)
    except ValueError as error:
        raise InputError(f"{place} is not a profile: it is not JSON.") from error
    if not isinstance(content, dict) or content.get("kind") != KIND:
        raise InputError(f"{place} is not a profile. Make one with summarize(table).save(path).")
    if (found := content.get("schema")) != SCHEMA:
        raise InputError(f"{place} is a profile of version {found!r}; this toolkit reads {SCHEMA}. Make it again.")
    with refusing(f"{place} is a broken profile", " Make it again.", (KeyError, TypeError, ValueError, OverflowError)):
        columns = [_read(item) for item in content["columns"]]
        schema = Schema.read(content["data"]["schema"], place)
        return Profile(str(content["name"]), int(content["rows"]), {column.name: column for column in columns}, schema)


def _written(summary: ColumnSummary) -> dict[str, Any]:
    small = summary.reduced
    plain = {name: getattr(small, name) for name in _READ}
    kept = {name: None if isinstance(cell, float) and math.isnan(cell) else cell for name, cell in plain.items()}
    return kept | {"values": small.distinct.tolist(), "counts": small.counts.tolist()}


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


_KINDS: dict[Any, Callable[[Any], Any]] = {str: str, int: int, bool: bool, float: _number}
_READ = {field.name: _KINDS[field.type] for field in fields(ColumnSummary) if field.type in _KINDS}


def _read(item: Mapping[str, Any]) -> ColumnSummary:
    plain = {name: read(item[name]) for name, read in _READ.items()}
    values = item["values"]
    distinct = np.array(values) + 0 if item["dtype"] in ("int64", "float64") else np.array(values, dtype=object)
    counts = np.array(item["counts"], dtype=None if item["counts"] else "int64")
    summary = ColumnSummary(**plain, distinct=distinct, counts=counts)
    even = math.isclose(float(summary.counts.sum()), summary.known, rel_tol=1e-9)
    if len(summary.distinct) != len(summary.counts) or (summary.distinct.size and not even):
        raise ValueError(f"the counts of {summary.name!r} do not add up")
    return summary
