"""A table whose columns have roles: features, target, sensitive, time, group, weight; and what may be said of one."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias, TypedDict

import numpy as np
import pandas as pd

from toolkit.core import DataRecord, Drawing, Estimate, Face, Finding, Record, Result, by_severity, counted
from toolkit.data.columns import describe_columns, readable, target_drawing
from toolkit.data.findings import check_features, face, finding, gathered, labels_alike
from toolkit.data.schema import Schema, Task
from toolkit.errors import InputError, NotApplicableError
from toolkit.statistics import AnyArray, Codes, Units, kish, mean_of, share, weights_of

#: The parts of a table that have a row for each of its rows.
ROWS = ("features", "target", "sensitive", "time", "group", "weight", "others")

#: One name, several, or several in one text.
Names: TypeAlias = str | Sequence[str]


class Options(TypedDict, total=False):
    """What may be said of a table beside its target, as ``load_dataset`` takes it."""

    sensitive: Names | None
    time: str | None
    group: str | None
    weight: str | None
    positive: object
    task: str | None
    drop: Names
    periods: Sequence[object] | str | int | None
    name: str | None


class Roles(NamedTuple):
    """Which column is what; an empty text where there is none."""

    target: str
    sensitive: tuple[str, ...] = ()
    time: str = ""
    group: str = ""
    weight: str = ""
    drop: tuple[str, ...] = ()

    @property
    def apart(self) -> set[str]:
        """Columns that have a role, but for those that name groups of people: they may be features too."""
        return {self.target, self.time, self.group, self.weight, *self.drop} - {""}


class Dataset(Result, frozen=True):
    """A table whose columns have roles; every part has the same rows and the same index.

    The index numbers the rows of the table as it was read, from 0; rows that were left out leave gaps.

    Attributes
    ----------
    name, source : str
        What it is called and where it came from, without credentials.
    features : DataFrame
        ``int64``, ``float64`` and ``category`` columns only: see ``toolkit.data.columns.prepare_features``.
    target : Series
        Original labels (texts, yes/no, whole numbers) or numbers, missing where a row has none. Without a name where no
        target is known.
    sensitive : DataFrame
        Sensitive columns, may have none. Texts, yes/no and whole numbers with up to ten values are categories.
    time, group : Series or None
        Columns by which rows may be split.
    weight : Series or None
        How much each row counts, ``float64``; not all 0, none negative.
    others : DataFrame
        Columns without a role: those that a model has no use for, or that the table has beyond those of another. Of
        the same dtypes as the features, or as they were read where cells are nested.
    task : {"binary", "multiclass", "regression", ""}
        An empty text where it is not known.
    positive : object or None
        Positive class of a binary task.
    classes : tuple
        Sorted labels; empty for regression and without a task.
    fingerprint : str
        ``sha256:…`` over the whole table as loaded, before rows or columns were left out. A part keeps it.
    notes : tuple of Finding
        What loading decided, changed or left out.
    columns : int
        Columns of the table as loaded.
    schema : Schema
        What was settled about the table, by which later ones are read.
    predictions : tuple of str
        Columns of recorded predictions; where there are any, the features describe the rows and feed no model.
    """

    name: str
    source: str
    features: pd.DataFrame
    target: pd.Series
    sensitive: pd.DataFrame
    time: pd.Series | None
    group: pd.Series | None
    weight: pd.Series | None
    others: pd.DataFrame
    task: Task
    positive: object | None
    classes: tuple[Any, ...]
    fingerprint: str
    notes: tuple[Finding, ...]
    columns: int
    schema: Schema
    predictions: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.target)

    @property
    def roles(self) -> Roles:
        """Which column is what."""
        columns = (self.time, self.group, self.weight)
        time, group, weight = ("" if column is None else str(column.name) for column in columns)
        return Roles(str(self.target.name or ""), tuple(map(str, self.sensitive)), time, group, weight)

    @cached_property
    def units(self) -> Units | None:
        """The groups that rows belong to, else the times of a series, and weights; None where each row stands alone."""
        return Units.of(self.group, self.time, self.weight)

    @cached_property
    def ordered(self) -> Units | None:
        """The same, but of rows that have times and no groups these, however few."""
        return Units.of(self.group, self.time, self.weight, least=1)

    @property
    def spans(self) -> Units | None:
        """The same, but of a series its stretches, which are the groups."""
        if (found := self.units) is None or not found.times:
            return found
        codes, count = found.independent
        return replace(found, codes=codes, count=count, kind="group", name=f"stretches of {found.name}")

    @property
    def _has_labels(self) -> bool:
        return bool(self.task) and bool(self.target.notna().any())

    @property
    def labelled(self) -> "Dataset":
        """The rows that have a label.

        Raises
        ------
        NotApplicableError
            Where none has, or the task is not known.
        """
        known = self.target.notna().to_numpy()
        if self.rows and not self._has_labels:
            raise NotApplicableError(f"No labels of {self.name} are known, so there is nothing to judge by.")
        if known.all():
            return self
        part = self.take(np.flatnonzero(known))
        return replace(part, target=part.target.infer_objects())

    @property
    def dates(self) -> frozenset[str]:
        """Columns that hold dates, as days since 1970-01-01."""
        return frozenset(name for name, column in self.schema.columns.items() if column.kind == "date")

    def take(self, positions: AnyArray | Sequence[int]) -> "Dataset":
        """Return the rows at integer positions with their index, all else as it is; for all rows in order, itself."""
        if np.array_equal(rows := np.asarray(positions, dtype="int64"), np.arange(self.rows)):
            return self
        return replace(self, **{name: part.iloc[rows] for name in ROWS if (part := getattr(self, name)) is not None})

    def sampled(self, most: int, random: np.random.Generator) -> "Dataset":
        """Return so many rows by chance, in the order of the table; all of them where there are no more."""
        return self if self.rows <= most else self.take(np.sort(random.choice(self.rows, most, replace=False)))

    def unweighted(self, step: str) -> list[Finding]:
        """Say that a step counts every row as one although rows have weights."""
        return [] if self.weight is None else [finding("WEIGHTS-NOT-USED", "medium", step, weights=self.weight.name)]

    def y_binary(self) -> Codes:
        """Return 1 where the target is the positive class, else 0, also without a label; shape (n_rows,).

        Raises
        ------
        InputError
            Where the task is not binary.
        """
        if self.task != "binary":
            raise InputError(f"{self.name} is a {self.task} task: it has no positive class.")
        return (self.target == self.positive).to_numpy().astype("int64")

    def profile(self) -> pd.DataFrame:
        """Describe each feature in one row: kind, missing share, distinct values, range or most frequent value."""
        return describe_columns(self.features, self.dates)

    def frame(self) -> pd.DataFrame:
        """Return the features and the target as one table."""
        return pd.concat([self.features, *([self.target] if self.task else [])], axis=1)

    def scalars(self) -> dict[str, Estimate]:
        """Return the size of the table, its missing share, and the target's rate (binary) or mean (regression)."""
        missing = float(self.features.isna().to_numpy().mean()) if self.features.size else 0.0
        sizes = {"rows": self.rows, "columns": self.columns, "features": self.features.shape[1]}
        numbers = {f"data.{name}": Estimate(size, n=self.rows) for name, size in sizes.items()}
        numbers["data.missing_share"] = Estimate(missing, n=self.features.size)
        if self.weight is not None:
            numbers["data.design_effect"] = Estimate(kish(self.weight.to_numpy()), n=self.rows, method="Kish")
        name = {"binary": "data.target_rate", "regression": "data.target_mean"}.get(self.task)
        return numbers | ({name: self.target_level()} if name and self._has_labels else {})

    def target_level(self) -> Estimate:
        """Return the positive share (binary), the mean (regression) or the largest class's share (multiclass).

        Rows count by their weights, and the interval rests on the groups of rows, or on the times of a series.
        """
        part = self.labelled
        if self.task == "regression":
            return mean_of(part.target.to_numpy(dtype="float64"), part.units)
        each = pd.Series(weights_of(part.units, part.rows), part.target.index)
        most = self.positive if self.task == "binary" else each.groupby(part.target).sum().idxmax()
        return share(np.asarray(part.target == most, float), np.asarray(each, float)).over(part.units).estimate

    def findings(self) -> list[Finding]:
        """Return what loading decided and what the checks found, the most severe first."""
        return self._findings

    @cached_property
    def _findings(self) -> list[Finding]:
        part = self.labelled if self._has_labels else replace(self, task="")
        features, notes = None if self.predictions or not part.features.shape[1] else part.features, [*self.notes]
        if self.weight is not None:
            # What uneven weights cost (Kish 1965).
            effect, name = kish(self.weight.to_numpy()), self.weight.name
            worth = self.rows / effect
            notes.append(finding("DATA-WEIGHTED", "info", name, rows=self.rows, worth=worth, effect=effect))
        aside = [column for name, column in part.sensitive.items() if features is None or name not in features]
        for column in aside if part.group is None else [*aside, part.group]:
            notes += labels_alike(column.dropna(), "medium")
        return by_severity(gathered([*notes, *check_features(features, part.target, part.task)]))

    def drawings(self) -> list[Drawing]:
        """Return the figure of the target, where there are labels: the share of each class, or a histogram."""
        return [target_drawing(self.labelled.target, self.task)] if self._has_labels else []

    def record(self) -> Record:
        """Return the table for the tracker."""
        target = self.roles.target
        about = (self.name, self.source, self.fingerprint, self.rows, self.columns, target, self.frame())
        data = DataRecord(*about, schema=self.schema.without_cells().plain())
        return Record(parameters={"data": self.name, "target": target}, data=data)

    def face(self) -> Face:
        """Return the size, the target, and what each column holds."""
        what = "other column" if self.predictions else "feature"
        known, count = int(self.target.count()), len(self.classes)
        size = f"{counted(self.rows, 'row')} and {counted(self.features.shape[1], what)}"
        size += f", {counted(known, 'label')}" * (known < self.rows)
        size += "" if self.weight is None else f", rows weighted by {self.weight.name!r}"
        level = self.target_level().value if self._has_labels else np.nan
        about = {"level": level, "mean": Estimate(level), "classes": count, "columns": f"{what.capitalize()}s"}
        frames = [readable(self.profile())] if self.features.shape[1] else []
        kind = self.task if self._has_labels else "unlabelled"
        return face(kind, self, *frames, size=size, task=self.task or "no task", **about)


def listed_names(names: object, columns: Sequence[str] = ()) -> list[str]:
    """Read a list of names, or one text with commas; a text that is itself a column stays whole.

    Examples
    --------
    >>> listed_names("sex, race"), listed_names(["sex,race"]), listed_names(None), listed_names(1994)
    (['sex', 'race'], ['sex', 'race'], [], ['1994'])
    """
    if given(names) is None:
        return []
    several = not isinstance(names, str) and isinstance(names, Sequence | np.ndarray | pd.Index | set | frozenset)
    texts = list(dict.fromkeys(map(str, names))) if several else [str(names)]  # type: ignore[call-overload]
    if len(texts) != 1 or texts[0] in columns:
        return texts
    return [part.strip() for part in texts[0].split(",") if part.strip()]


def given(value: object) -> object | None:
    """Return what was given; templates write an empty text or list for what was not."""
    return None if value is None or (isinstance(value, str | list | tuple) and not len(value)) else value
