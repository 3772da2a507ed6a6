"""Go through two tables column by column: sum up, judge, keep a profile and a sample, and let go of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.drift.domain import MOST_ROWS, Domain, tell_apart
from toolkit.drift.profile import Profile
from toolkit.drift.summary import ColumnSummary, summarize_column
from toolkit.drift.tables import Rows
from toolkit.drift.verdicts import Plan, Row, corrected, judge_column
from toolkit.drift.windows import Window

Source = Rows | Profile
# The rows of a column, where there are any, and what waits for its summary.
Known = tuple["pd.Series[Any] | None", Callable[[], ColumnSummary]]
Found = tuple["pd.Series[Any] | None", Callable[[], ColumnSummary | None]]


@dataclass(eq=False)
class Comparison:
    """What is gathered on the way through the columns.

    Attributes
    ----------
    rows, windowed : list of dict
        Judged columns of the whole current table, and of each window.
    reference, current : dict of str to ColumnSummary
        Reduced summaries.
    samples : pair of dict of str to Series
        Some rows of each table, for the domain classifier.
    """

    rows: list[Row] = field(default_factory=list)
    windowed: list[Row] = field(default_factory=list)
    reference: dict[str, ColumnSummary] = field(default_factory=dict)
    current: dict[str, ColumnSummary] = field(default_factory=dict)
    samples: tuple[dict[str, pd.Series[Any]], dict[str, pd.Series[Any]]] = field(default_factory=lambda: ({}, {}))

    def domain(self, seed: int) -> Domain | None:
        """Ask whether a small model tells the sampled rows apart."""
        reference, current = self.samples
        return tell_apart(pd.DataFrame(reference), pd.DataFrame(current), seed)


def compare_columns(
    reference: Source, current: Source, names: Sequence[str], plan: Plan, windows: Sequence[Window] = ()
) -> Comparison:
    """Judge each column of the reference against the current table, and against each window of it.

    Columns are summed up exactly where rows are at hand, one ahead of the one judged, so that memory holds two of them
    only.
    """
    done = Comparison()
    picked = [_picked(part, plan.seed) for part in (reference, current)]
    for name, (before, counted), (plain, counting) in _one_ahead(reference, current, names):
        old, new = counted(), counting()
        row = judge_column(old, new, plan)
        done.rows.append(_unknown_yet(row, current, name))
        done.reference[name] = old.reduced
        if new is not None:
            done.current[name] = new.reduced
        for label, places in windows:
            part = new if plain is None else summarize_column(plain.iloc[places], name, len(places), old.role)
            part = _labelled(replace(part, rows=len(places), missing=len(places)) if part and plain is None else part)
            done.windowed.append({"window": label, **_unknown_yet(judge_column(old, part, plan), current, name)})
        if row["role"] == "feature" and row["method"] and not row["code"] and before is not None and plain is not None:
            for held, column, places in zip(done.samples, (before, plain), picked, strict=True):
                held[name] = column.iloc[places].reset_index(drop=True)
    return done


def _one_ahead(reference: Source, current: Source, names: Sequence[str]) -> Iterator[tuple[str, Known, Found]]:
    """Yield the columns of both tables; two threads count the next one, as sorting needs no lock of the interpreter."""
    with ThreadPoolExecutor(2) as pool:
        started = ((name, _reference(reference, name, pool), _current(current, name, pool)) for name in names)
        ahead = next(started)
        for following in started:
            yield ahead
            ahead = following
        yield ahead


def _reference(reference: Source, name: str, pool: Executor) -> Known:
    if isinstance(reference, Profile):
        return None, lambda: reference.column(name)
    plain, dtype = reference.plain(name)
    counting = pool.submit(summarize_column, plain, name, reference.rows, reference.roles[name])
    return plain, lambda: reference.named(counting.result(), plain, dtype)


def _current(current: Source, name: str, pool: Executor) -> Found:
    if isinstance(current, Profile):
        return None, lambda: current.columns.get(name)
    if name not in current.roles:
        return None, lambda: None
    plain, dtype = current.plain(name)
    counting = pool.submit(summarize_column, plain, name, current.rows, current.roles.get(name, "feature"))
    return plain, lambda: _labelled(replace(counting.result(), dtype=dtype) if dtype == "nested" else counting.result())


def _labelled(summary: ColumnSummary | None) -> ColumnSummary | None:
    """Leave out the rows whose target is not known yet, which is not missing; None where it is known of none."""
    if summary is None or summary.role != "target" or not summary.missing:
        return summary
    return replace(summary, rows=summary.known, missing=0) if summary.known else None


def _unknown_yet(row: Row, current: Source, name: str) -> Row:
    """Leave out a target or a prediction that the current table does not have, which is no break."""
    if row["code"] != "GONE" or row["role"] == "feature":
        return row
    why = "is not known yet" if name in current.roles else "is not in the current table"
    return row | {"code": "", "verdict": "left out", "why": why}


def _picked(part: Source, seed: int) -> NDArray[np.intp]:
    if isinstance(part, Rows) and part.rows > MOST_ROWS:
        return np.sort(np.random.default_rng(seed).choice(part.rows, MOST_ROWS, replace=False))
    return np.arange(part.rows if isinstance(part, Rows) else 0)


def window_table(rows: Sequence[Row], plan: Plan) -> pd.DataFrame:
    """Correct the verdicts of all windows together and put them in their order."""
    if not rows:
        return pd.DataFrame()
    order = {label: place for place, label in enumerate(dict.fromkeys(row["window"] for row in rows))}
    table = corrected(rows, plan)[0]
    return table.sort_values("window", key=lambda labels: labels.map(order), kind="stable").reset_index(drop=True)
