"""Go through two tables column by column: sum up, judge, keep a profile and a sample, and let go of the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.result import Finding
from toolkit.data.dataset import Dataset
from toolkit.data.times import Window
from toolkit.drift.domain import MOST_ROWS, Domain, tell_apart
from toolkit.drift.model import with_prediction
from toolkit.drift.profile import Profile
from toolkit.drift.summary import ColumnSummary, column_of, finished, roles_of, summarize_column
from toolkit.drift.verdicts import Plan, Row, corrected, judge_column
from toolkit.errors import InputError, listed
from toolkit.models.model import Model

Source = Dataset | Profile
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


def roles_in(part: Source) -> Mapping[str, str]:
    """Name the columns of a table or profile that can be compared, each with its role."""
    return part.roles if isinstance(part, Profile) else roles_of(part)


def with_predictions(current: Dataset, reference: Source, model: Model) -> tuple[Dataset, list[Finding]]:
    """Put the model's predictions beside the current table.

    Columns that the reference has and this table has not are handed to the model as missing. Where it cannot cope with
    that, there are no predictions, and a finding says so.
    """
    features, roles = current.features, roles_in(reference)
    gone = [name for name in model.columns if name not in features and name in roles]
    if not gone:
        return with_prediction(current, features, model), []
    absent = {name: _absent(reference, name, features.index) for name in gone}
    said = f"The model needs {listed(map(repr, gone), 5)}, which the current table does not have"
    try:
        predicted = with_prediction(current, features.assign(**absent), model)
    except InputError:
        text = f"{said}; it cannot predict without, so predictions were not compared."
        return current, [Finding("DRIFT-NO-PREDICTION", "critical", text)]
    return predicted, [Finding("DRIFT-PREDICTED-WITHOUT", "high", f"{said}; they were handed to it as missing.")]


def _absent(reference: Source, name: str, index: pd.Index[Any]) -> pd.Series[Any]:
    """Return cells without a value in the dtype of a column of the reference."""
    if isinstance(reference, Profile):
        column = reference.column(name)
    else:
        column = summarize_column(column_of(reference, name)[0], name, reference.rows)
    labels = pd.Index(column.distinct, dtype=object)
    return pd.Series(np.nan, index, pd.CategoricalDtype(labels) if column.dtype == "category" else "float64")


def compare_columns(
    reference: Source,
    current: Source,
    names: Sequence[str],
    plan: Plan,
    windows: Sequence[Window] = (),
    importance: Mapping[str, float] | None = None,
) -> Comparison:
    """Judge each column of the reference against the current table, and against each window of it.

    Columns are summed up exactly where rows are at hand, one ahead of the one judged, so that memory holds two of them
    only.

    Parameters
    ----------
    reference, current : Dataset or Profile
    names : list of str
        Columns of the reference.
    plan : Plan
    windows : list of (label, positions)
    importance : dict of str to float, optional
        Of the columns of a reference that is a Dataset.
    """
    done = Comparison()
    picked = [_picked(part, plan.seed) for part in (reference, current)]
    for name, (before, counted), (plain, counting) in _one_ahead(reference, current, names, importance or {}):
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


def _one_ahead(
    reference: Source, current: Source, names: Sequence[str], importance: Mapping[str, float]
) -> Iterator[tuple[str, Known, Found]]:
    """Yield the columns of both tables; two threads count the next one, as sorting needs no lock of the interpreter."""
    with ThreadPoolExecutor(2) as pool:
        started = (
            (name, _reference(reference, name, importance, pool), _current(current, name, pool)) for name in names
        )
        ahead = next(started)
        for following in started:
            yield ahead
            ahead = following
        yield ahead


def _reference(reference: Source, name: str, importance: Mapping[str, float], pool: Executor) -> Known:
    if isinstance(reference, Profile):
        return None, lambda: reference.column(name)
    plain, dtype = column_of(reference, name)
    counting = pool.submit(summarize_column, plain, name, reference.rows, roles_of(reference)[name])
    return plain, lambda: finished(counting.result(), plain, dtype, importance)


def _current(current: Source, name: str, pool: Executor) -> Found:
    if isinstance(current, Profile):
        return None, lambda: current.columns.get(name)
    roles = roles_of(current)
    if name not in roles:
        return None, lambda: None
    plain, dtype = column_of(current, name)
    counting = pool.submit(summarize_column, plain, name, current.rows, roles[name])
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
    why = "is not known yet" if name in roles_in(current) else "is not in the current table"
    return row | {"code": "", "verdict": "left out", "why": why}


def _picked(part: Source, seed: int) -> NDArray[np.intp]:
    if isinstance(part, Dataset) and part.rows > MOST_ROWS:
        return np.sort(np.random.default_rng(seed).choice(part.rows, MOST_ROWS, replace=False))
    return np.arange(part.rows if isinstance(part, Dataset) else 0)


def window_table(rows: Sequence[Row], plan: Plan) -> pd.DataFrame:
    """Correct the verdicts of all windows together and put them in their order."""
    if not rows:
        return pd.DataFrame()
    order = {label: place for place, label in enumerate(dict.fromkeys(row["window"] for row in rows))}
    table = corrected(rows, plan)[0]
    return table.sort_values("window", key=lambda labels: labels.map(order), kind="stable").reset_index(drop=True)
