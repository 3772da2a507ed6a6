"""Cut a data set into parts that never share what must not be shared: rows, times or groups."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core import Drawing, Estimate, Face, Finding, Record, Result, by_severity, counted
from toolkit.data.assignment import apart, by_class, by_group, by_time, shuffled
from toolkit.data.columns import bars_of
from toolkit.data.contract import is_text
from toolkit.data.dataset import ROWS, Dataset
from toolkit.data.findings import drawing, face, finding, refusal, row_hashes
from toolkit.data.fingerprint import fingerprint
from toolkit.data.load import load_dataset
from toolkit.data.roles import time_order
from toolkit.data.table_reader.cells import as_label
from toolkit.errors import InputError, instance, listed, one_of, share, whole
from toolkit.statistics import share_estimate, weights_of

STRATEGIES = ("auto", "stratified", "time", "group", "time_group", "random")
PARTS = ("train", "validation", "test")
SMALL_PART, MOST_CLASS_COLUMNS = 100, 6


def split_dataset(
    data: Dataset | None = None,
    *,
    train: Dataset | None = None,
    test: Any = None,
    validation: Any = None,
    strategy: str = "auto",
    test_size: float = 0.2,
    validation_size: float = 0.0,
    cut: object = None,
    test_periods: Sequence[object] | None = None,
    validation_periods: Sequence[object] | None = None,
    seed: int = 0,
) -> "Split":
    """Cut a data set into train, test and, if wanted, validation parts; or take tables that are parts already.

    Parameters
    ----------
    data : Dataset
        Its rows without a label are left out.
    train : Dataset, optional
        A table that is the training part, in place of ``data``. Nothing is cut then: rows and groups in two parts, and
        test rows no later than training rows, are findings.
    test, validation : Dataset, or anything that ``load_dataset`` reads, optional
        The other parts, beside ``train``: read by its schema. Rows without a label are left out.
    strategy : {"auto", "stratified", "time", "group", "time_group", "random"}
        ``stratified`` keeps the share of each class in each part; ``time`` puts train strictly before test (and
        validation between them); ``group`` puts each group on one side only; ``time_group`` does both, and leaves out
        the earlier rows of groups that occur later. ``auto`` takes what the columns allow: by time, by group, or both,
        else stratified (classes) or random (numbers).
    test_size, validation_size : float
        Share of the rows, between 0 and 1. By time: the latest times that make up at least this share.
    cut : number, date or text, optional
        For ``time``: test begins here.
    test_periods, validation_periods : list, optional
        For ``time``: the times of that part, such as ``[2018]``; dates match by year, month or day.
    seed : int
        The same seed gives the same parts.

    Returns
    -------
    Split

    Raises
    ------
    InputError
        Where the data cannot be cut this way, such as by time with one time only, or how to cut is said of tables that
        are parts already.

    Examples
    --------
    >>> from toolkit.data.load import load_dataset
    >>> split = split_dataset(load_dataset("wine"))
    >>> split.strategy, split.train.rows, split.test.rows
    ('stratified', 142, 36)
    """
    whole("seed", seed, 0, 2**32 - 1)
    if data is None or any(part is not None for part in (train, test, validation)):
        how = (strategy, test_size, validation_size, cut, test_periods, validation_periods)
        if data is not None or train is None or test is None or how != ("auto", 0.2, 0.0, None, None, None):
            raise refusal("cut or parts")
        return _given(train, test, validation, seed)
    data = instance(data, Dataset).labelled
    sizes = share("test_size", test_size), share("validation_size", validation_size, zero=True)
    if test_size + validation_size >= 1:
        raise InputError(f"'test_size' {test_size} and 'validation_size' {validation_size} leave no rows to train on.")
    if "time" not in (chosen := _strategy(data, strategy)) and (cut is not None or test_periods or validation_periods):
        raise InputError(f"'cut' and periods are for strategy='time', but the strategy is {chosen!r}.")
    random, once = np.random.default_rng(seed), data.time if strategy == "auto" and "time" not in chosen else None
    notes = tuple([] if once is None else [finding("SPLIT-ONE-TIME", "medium", str(once.name))])
    if "time" in chosen and data.time is not None:
        parts, notes = by_time(data, data.time, sizes, cut, (test_periods or (), validation_periods or ()), random)
        if chosen == "time_group" and data.group is not None:
            parts, more = apart(parts, data.group)
            notes += more
    elif chosen == "group" and data.group is not None:
        parts = by_group(data.group, sizes, random)
    else:
        parts = by_class(data, sizes, random) if chosen == "stratified" else shuffled(data.rows, sizes, random)
    found = {name: data.take(rows) for code, name in enumerate(PARTS) if len(rows := np.flatnonzero(parts == code))}
    wanted = PARTS if validation_size or validation_periods else ("train", "test")
    if empty := [name for name in wanted if name not in found]:
        raise InputError(f"The {empty[0]} part would be empty: {data.rows} rows are too few for these sizes.")
    return Split(data, found["train"], found["test"], found.get("validation"), chosen, seed, notes)


class Split(Result, frozen=True):
    """A data set in parts.

    Attributes
    ----------
    data : Dataset
        The whole.
    train, test : Dataset
    validation : Dataset or None
    strategy : {"stratified", "time", "group", "time_group", "random", "given"}
    seed : int
    notes : tuple of Finding
        What had to be decided while cutting.
    """

    data: Dataset
    train: Dataset
    test: Dataset
    validation: Dataset | None
    strategy: str
    seed: int
    notes: tuple[Finding, ...] = ()

    def parts(self) -> dict[str, Dataset]:
        """Return the parts by name, in the order train, validation, test."""
        return {name: part for name in PARTS if (part := getattr(self, name)) is not None}

    @cached_property
    def table(self) -> pd.DataFrame:  # type: ignore[override]  # of a result that makes its table when it is asked
        """One row a part: ``part``, ``rows``, ``share``, the target, and the first and last time.

        The target is ``target_rate`` (binary), ``target_mean`` (regression) or ``share of <class>`` (six at most).
        """
        rows = []
        for name, part in self.parts().items():
            row: dict[str, object] = {"part": name, "rows": part.rows, "share": part.rows / self.data.rows}
            if self.data.task == "multiclass":
                shares = pd.Series(weights_of(part.units, part.rows)).groupby(part.target.to_numpy()).sum() / part.rows
                shown = shares.reindex(self.data.classes[:MOST_CLASS_COLUMNS], fill_value=0.0)
                row |= {f"share of {one}": share for one, share in shown.items()}
            else:
                row["target_rate" if self.data.task == "binary" else "target_mean"] = part.target_level()
            if part.time is not None:
                labels = time_order(part.time)[1]
                row |= {"first_time": labels[0], "last_time": labels[-1]}
            rows.append(row)
        return pd.DataFrame(rows)

    def scalars(self) -> dict[str, Estimate]:
        """Return the rows and the target's rate or mean of each part, and the share of test rows also in train."""
        numbers: dict[str, Estimate] = {}
        name = {"binary": "target_rate", "regression": "target_mean"}.get(self.data.task)
        for part, data in self.parts().items():
            numbers[f"split.{part}.rows"] = Estimate(data.rows, n=data.rows)
            numbers |= {f"split.{part}.{name}": data.target_level()} if name else {}
        return numbers | {"split.shared_rows_share": share_estimate(self._shared, self.test.rows)}

    def findings(self) -> list[Finding]:
        """Return what the cutting decided and what spoils the judgement, the most severe first."""
        found = [*self.notes]
        if self._shared:
            share = self._shared / self.test.rows
            twins = counted(self._shared, "test row is a duplicate", "test rows are duplicates")
            severity = "high" if share >= 0.5 else "medium" if share >= 0.05 else "low"
            found.append(finding("SPLIT-SHARED-ROWS", severity, "test", twins=twins, share=share, rows=self.test.rows))
        if self.train.group is not None and self.test.group is not None and "group" not in self.strategy:
            shared, group = int(self.test.group.isin(self.train.group).sum()), self.test.group.name
            text = "SPLIT-SHARED-GROUPS given" if self.strategy == "given" else "SPLIT-SHARED-GROUPS"
            found += [finding(text, "high", "test", shared=shared, rows=self.test.rows, group=group)] if shared else []
        for name, part in self.parts().items():
            if part.rows < SMALL_PART:
                found.append(finding("SPLIT-SMALL-PART", "medium", name, rows=counted(part.rows, "row")))
            if absent := [label for label in self.data.classes if label not in set(part.target.unique())]:
                what = f"{'class' if len(absent) == 1 else 'classes'} {listed(map(repr, absent), 5)}"
                found.append(finding("SPLIT-CLASS-MISSING", "high", name, classes=what, target=self.data.target.name))
        return by_severity(found)

    @cached_property
    def _shared(self) -> int:
        hashes = pd.Series(row_hashes(self.data.features, self.data.target), index=self.data.target.index)
        return int(hashes.loc[self.test.target.index].isin(hashes.loc[self.train.target.index]).sum())

    def drawings(self) -> list[Drawing]:
        """Return the figure of the sizes."""
        sizes = {name: part.rows for name, part in self.parts().items()}
        said = [f"{name}: {rows:,} rows" for name, rows in sizes.items()]
        draw = bars_of(pd.Series(sizes), "{:,}", "Rows")
        return [drawing("sizes", draw, self.table, grid="x", strategy=self.strategy, sizes=said)]

    def record(self) -> Record:
        """Return the data and how it was cut, for the tracker."""
        data = self.data.record()
        return Record(parameters={**data.parameters, "split": self.strategy, "seed": self.seed}, data=data.data)

    def face(self) -> Face:
        """Return how the data were cut, and the parts."""
        return face("split", self, self.table)


def judged_rows(data: Dataset | Split) -> Dataset:
    """Return the rows that a step judges: the test part of a Split, or those of a Dataset that have a label."""
    return data.test if isinstance(data, Split) else instance(data, Dataset, Split).labelled


def _given(train: Dataset, test: Any, validation: Any, seed: int) -> Split:
    """Put tables that are parts already into one split."""
    read = {"train": instance(train, Dataset).labelled}
    for name, part in {"test": test, "validation": validation}.items():
        if part is not None:
            read[name] = (part if isinstance(part, Dataset) else load_dataset(part, like=train)).labelled
            if list(read[name].features) != list(train.features) or read[name].classes != train.classes:
                raise refusal("other columns", name=name)
    parts, data = list(read.values()), stacked(read)
    ends = np.cumsum([0, *(part.rows for part in parts)])
    cut = {name: data.take(np.arange(*ends[place : place + 2])) for place, name in enumerate(read)}
    # What one part lacks, the others keep.
    lost = [role for role in ("time", "group", "weight") if getattr(data, role) is None]
    for name, part in read.items():
        own = {role: column for role in lost if (column := getattr(part, role)) is not None}
        cut[name] = replace(cut[name], **{role: one.set_axis(cut[name].target.index) for role, one in own.items()})
    later = dict.fromkeys(note for part in parts[1:] for note in part.notes)
    notes = [note for note in later if note not in train.notes and note.severity != "info"]
    for name, part in cut.items():
        if name != "train" and part.time is not None and (before := cut["train"].time) is not None:
            early = int((part.time <= before.max()).sum())
            notes += [finding("SPLIT-TIME-ORDER", "high", name, early=early, rows=part.rows)] if early else []
    return Split(data, cut["train"], cut["test"], cut.get("validation"), "given", seed, tuple(notes))


def stacked(parts: Mapping[str, Dataset]) -> Dataset:
    """Put tables of the same columns below each other, rows numbered anew; what is not a row is the first one's."""
    tables = list(parts.values())

    def column(role: str) -> Any:
        columns = [getattr(part, role) for part in tables]
        if any(column is None for column in columns):
            return None
        if not isinstance(columns[0], pd.DataFrame):
            return _stacked(columns)
        shared = [name for name in columns[0] if all(name in table for table in columns)]
        return pd.DataFrame({name: _stacked([table[name] for table in columns]) for name in shared}, index=range(rows))

    rows = sum(part.rows for part in tables)
    prints = pd.DataFrame({"part": list(parts), "fingerprint": [part.fingerprint for part in tables]})
    return replace(tables[0], **{role: column(role) for role in ROWS}, fingerprint=fingerprint(prints))


def _stacked(columns: list[pd.Series]) -> pd.Series:
    """Put the columns of several parts below each other; those of labels get the labels of all."""
    if len({column.dtype for column in columns}) > 1 and any(map(is_text, columns)):
        labels = [column if is_text(column) else as_label(column) for column in columns]
        joined = pd.api.types.union_categoricals(labels, ignore_order=True)
        plain = joined.rename_categories(pd.Index(joined.categories, dtype=labels[0].cat.categories.dtype))
        return pd.Series(plain, name=columns[0].name)
    return pd.concat(columns, ignore_index=True)


def _strategy(data: Dataset, strategy: str) -> str:
    if one_of("strategy", strategy, STRATEGIES) == "auto":
        timed = data.time is not None and len(data.time.unique()) > 1
        by = [name for name, has in (("time", timed), ("group", data.group is not None)) if has]
        return "_".join(by) or ("random" if data.task == "regression" else "stratified")
    if strategy == "stratified" and data.task == "regression":
        raise InputError(f"A stratified split needs classes; {data.target.name!r} is a number. Use strategy='random'.")
    for needed, column in (("time", data.time), ("group", data.group)):
        if needed in strategy and column is None:
            raise InputError(f"A {needed} split needs a {needed} column. Give {needed}= to load_dataset.")
    return strategy
