"""A table whose columns have roles: features, target, sensitive, time, group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.estimate import Estimate, format_number
from toolkit.core.figures import axes_for
from toolkit.core.result import DataRecord, Finding, Picture, Record, by_severity, result_html, table_html
from toolkit.data.checks import check_features, gathered
from toolkit.data.overview import describe_columns, draw_target, readable, target_counts, target_picture
from toolkit.data.target import Task
from toolkit.errors import InputError
from toolkit.statistics.intervals import t_quantile, wald, wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, eq=False)
class Dataset:
    """A table whose columns have roles; every part has the same rows and the same index.

    The index numbers the rows of the table as it was read, from 0; rows that were left out leave gaps.

    Attributes
    ----------
    name, source : str
        What it is called and where it came from, without credentials.
    features : DataFrame
        ``int64``, ``float64`` and ``category`` columns only: see ``toolkit.data.columns.prepare_features``.
    target : Series
        Original labels (texts, yes/no, whole numbers) or numbers; no row is missing.
    sensitive : DataFrame
        Sensitive columns, may have none. Texts, yes/no and whole numbers with up to ten values are categories.
    time, group : Series or None
        Columns by which rows may be split.
    task : {"binary", "multiclass", "regression"}
    positive : object or None
        Positive class of a binary task.
    classes : tuple
        Sorted labels; empty for regression.
    fingerprint : str
        ``sha256:…`` over the whole table as loaded, before rows or columns were left out. A part keeps it.
    notes : tuple of Finding
        What loading decided, changed or left out.
    columns : int
        Columns of the table as loaded.
    for_model : bool
        Whether the features feed a model; if not, there may be none.
    left_out : DataFrame or None
        Columns, as they were read, that have no role and are no features: those that a model has no use for, or that
        the table has beyond those of another.
    """

    name: str
    source: str
    features: pd.DataFrame
    target: pd.Series[Any]
    sensitive: pd.DataFrame
    time: pd.Series[Any] | None
    group: pd.Series[Any] | None
    task: Task
    positive: object | None
    classes: tuple[Any, ...]
    fingerprint: str
    notes: tuple[Finding, ...]
    columns: int
    for_model: bool = True
    left_out: pd.DataFrame | None = None

    @property
    def rows(self) -> int:
        """Number of rows with a target."""
        return len(self.target)

    def take(self, positions: NDArray[np.integer[Any]] | Sequence[int]) -> Dataset:
        """Return the rows at integer positions, with everything else as it is; rows keep their index."""
        rows = np.asarray(positions, dtype="int64")
        return replace(
            self,
            features=self.features.iloc[rows],
            target=self.target.iloc[rows],
            sensitive=self.sensitive.iloc[rows],
            time=None if self.time is None else self.time.iloc[rows],
            group=None if self.group is None else self.group.iloc[rows],
            left_out=None if self.left_out is None else self.left_out.iloc[rows],
        )

    def y_binary(self) -> NDArray[np.int64]:
        """Return 1 where the target is the positive class, else 0; shape (n_rows,).

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
        return describe_columns(self.features)

    def frame(self) -> pd.DataFrame:
        """Return the features and the target as one table."""
        return pd.concat([self.features, self.target], axis=1)

    def scalars(self) -> dict[str, Estimate]:
        """Return the size of the table, its missing share, and the target's rate (binary) or mean (regression)."""
        missing = float(self.features.isna().to_numpy().mean()) if self.features.size else 0.0
        numbers = {
            "data.rows": Estimate(self.rows, n=self.rows),
            "data.columns": Estimate(self.columns, n=self.rows),
            "data.features": Estimate(self.features.shape[1], n=self.rows),
            "data.missing_share": Estimate(missing, n=self.features.size),
        }
        if self.task == "binary":
            numbers["data.target_rate"] = self.target_level()
        elif self.task == "regression":
            numbers["data.target_mean"] = self.target_level()
        return numbers

    def target_level(self) -> Estimate:
        """Return the positive share (binary), the mean (regression) or the largest class's share (multiclass)."""
        if self.task == "regression":
            values = self.target.to_numpy(dtype="float64")
            # Dividing by the largest value first keeps the squares of very large ones from overflowing.
            scale = float(np.abs(values).max()) or 1.0
            mean = scale * float((values / scale).mean())
            if self.rows < 2:
                return Estimate(mean, n=self.rows)
            error = scale * float((values / scale).std(ddof=1)) / np.sqrt(self.rows)
            return Estimate(mean, *wald(mean, error, quantile=t_quantile(self.rows)), self.rows, "t")
        hits = int(self.y_binary().sum()) if self.task == "binary" else int(self.target.value_counts().max())
        return Estimate(hits / self.rows, *wilson(hits, self.rows), self.rows, "Wilson")

    def findings(self) -> list[Finding]:
        """Return what loading decided and what the checks found, the most severe first."""
        return self._findings

    @cached_property
    def _findings(self) -> list[Finding]:
        features = self.features if self.for_model else None
        return by_severity(gathered([*self.notes, *check_features(features, self.target, self.task)]))

    def pictures(self) -> dict[str, Picture]:
        """Return the figure of the target."""
        return {"target": target_picture(self.target, self.task)}

    def plot(self, kind: str = "target", ax: Axes | None = None) -> Axes:
        """Draw how the target is distributed: the share of each class, or a histogram."""
        return draw_target(self.target, self.task, axes_for(self, kind, ax))

    def figure_data(self, kind: str = "target") -> pd.DataFrame:  # noqa: ARG002  # there is but one
        """Return what the figure of the target draws."""
        return target_counts(self.target, self.task)

    def record(self) -> Record:
        """Return the table for the tracker."""
        data = DataRecord(
            self.name, self.source, self.fingerprint, self.rows, self.columns, str(self.target.name), self.frame()
        )
        return Record(parameters={"data": self.name, "target": str(self.target.name)}, data=data)

    def __repr__(self) -> str:
        """Say what it is in one line."""
        return f"Dataset({self.name!r}: {self._lead()})"

    def _lead(self) -> str:
        size = f"{self.rows:,} rows, {self.features.shape[1]} {'features' if self.for_model else 'other columns'}"
        name = str(self.target.name)
        if self.task == "binary":
            rate = self.target_level().value
            return f"{size}; target {name}: {rate:.1%} are {self.positive}"
        if self.task == "multiclass":
            return f"{size}; target {name}, {len(self.classes)} classes"
        return f"{size}; target {name}, mean {format_number(float(self.target.mean()))}"

    def _repr_html_(self) -> str:
        caption = f"{'Features' if self.for_model else 'Other columns'} of {self.name}"
        tables = [table_html(readable(self.profile()), caption)] if self.features.shape[1] else []
        return result_html(f"{self.name} ({self.task})", self._lead(), tables, self.findings())
