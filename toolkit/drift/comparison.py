"""Go through two tables column by column: what is asked, what each column holds, and how the two compare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import chain, pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.options import above, column_of, one_of, share
from toolkit.core.result import Finding
from toolkit.data.dataset import Dataset
from toolkit.data.times import Window
from toolkit.drift.distances import DISTANCE_THRESHOLD, METHODS
from toolkit.drift.model import MOST_ROWS, Domain, tell_apart, with_importance, with_prediction
from toolkit.drift.profile import Profile
from toolkit.drift.summary import PREDICTION, ColumnSummary, roles_of, summarize_column, summarize_in
from toolkit.drift.verdicts import Plan, Row, judge_column
from toolkit.errors import InputError, listed
from toolkit.models.model import Model
from toolkit.statistics.units import Units

Source = Dataset | Profile
# The rows of a column, where there are any, and its summary, where there is such a column.
Column = tuple["pd.Series[Any] | None", ColumnSummary | None]


def roles_in(part: Source) -> Mapping[str, str]:
    """Name the columns of a table or profile that can be compared, each with its role."""
    return part.roles if isinstance(part, Profile) else roles_of(part)


def with_model(
    model: Model, reference: Source, current: Source, seed: int
) -> tuple[Source, Source, dict[str, float], list[Finding]]:
    """Put the model's predictions beside both tables, and measure the importance of the columns of the reference to it.

    Columns that the reference has and the current table has not are handed to the model as missing. Where it cannot
    cope with that, there are no predictions, and a finding says so.

    Raises
    ------
    InputError
        Where one of the tables is a profile that was made without the model.
    """
    for part in (reference, current):
        if isinstance(part, Profile) and PREDICTION not in part.columns:
            raise InputError(
                f"The profile {part.name} was made without a model, so its predictions are not known. "
                "Make it with summarize(table, model=model)."
            )
    importance: dict[str, float] = {}
    if isinstance(reference, Dataset):
        reference, importance = with_importance(reference, model, seed)
    if isinstance(current, Profile):
        return reference, current, importance, []
    features, known = current.features, roles_in(reference)
    gone = [name for name in model.columns if name not in features and name in known]
    absent = {}
    for name in gone:
        column = _column(reference, name, {name: "feature"})[1]
        labels = column.distinct if column is not None and column.dtype == "category" else None
        absent[name] = pd.Series(
            np.nan, features.index, "float64" if labels is None else pd.CategoricalDtype(list(labels))
        )
    said = f"The model needs {listed(map(repr, gone), 5)}, which the current table does not have"
    try:
        current = with_prediction(current, features.assign(**absent), model)
    except InputError:
        if not gone:
            raise
        text = f"{said}; it cannot predict without, so predictions were not compared."
        return reference, current, importance, [Finding("DRIFT-NO-PREDICTION", "critical", text)]
    notes = [Finding("DRIFT-PREDICTED-WITHOUT", "high", f"{said}; they were handed to it as missing.")] if gone else []
    return reference, current, importance, notes


def make_plan(methods: object, thresholds: object, alpha: object, names: Sequence[str], seed: int) -> Plan:
    """Read methods and thresholds, given for all columns or by column.

    Raises
    ------
    InputError
        Where a method, a column or a number is not one.
    """
    if isinstance(methods, Mapping):
        methods = {_known(name, names): one_of("method", method, METHODS) for name, method in methods.items()}
    elif methods is not None:
        methods = one_of("method", methods, METHODS)
    by_column = thresholds if isinstance(thresholds, Mapping) else {}
    everywhere = DISTANCE_THRESHOLD if thresholds is None or by_column else thresholds
    limits = dict.fromkeys(names, everywhere) | {_known(name, names): limit for name, limit in by_column.items()}
    rate = share("alpha", alpha)
    return Plan(
        methods,
        {name: above("A threshold", limit) for name, limit in limits.items()},
        rate,
        rate / max(len(names), 1) / 2,
        seed,
    )


def _known(name: object, names: Iterable[str]) -> str:
    return column_of(name, names, "the reference")


def chosen_columns(reference: Source, current: Source, columns: Sequence[str] | None) -> list[str]:
    """Return the columns to compare: those asked for, or all of the reference's.

    Raises
    ------
    InputError
        Where one is in neither table, or the tables have none in common.
    """
    old, new = roles_in(reference), roles_in(current)
    if not any(name in new and role == "feature" for name, role in old.items()):
        mine, theirs = listed(old, 5), listed(new, 5)
        raise InputError(f"The tables share no column. The reference has {mine}; the current table has {theirs}.")
    if columns is None:
        return list(old)
    wanted = [columns] if isinstance(columns, str) else list(dict.fromkeys(map(str, columns)))
    if not wanted:
        raise InputError("columns= is empty. Name at least one column, or leave it out to compare all.")
    wanted += [PREDICTION] if PREDICTION in old and PREDICTION not in wanted else []
    return [_known(name, old) for name in wanted]


def compare_columns(
    reference: Source,
    current: Source,
    names: Sequence[str],
    plan: Plan,
    windows: Sequence[Window],
    importance: Mapping[str, float],
    *,
    asked: bool,
) -> tuple[list[Row], list[Row], tuple[Profile, Profile], Domain | None]:
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
    importance : dict of str to float
        Of the columns of a reference that is a Dataset.
    asked : bool
        Whether the columns were asked for by name.

    Returns
    -------
    rows, windowed : list of dict
        Judged columns of the whole current table, and of each window.
    profiles : pair of Profile
        What is kept of the two tables.
    domain : Domain or None
        Whether a small model tells sampled rows apart.
    """
    rows: list[Row] = []
    windowed: list[Row] = []
    kept: list[dict[str, ColumnSummary]] = [{}, {}]
    sampled: list[dict[str, pd.Series[Any]]] = [{}, {}]
    picked = [_picked(part, plan.seed) for part in (reference, current)]
    for before, after in _columns(reference, current, names, importance):
        (plain, old), (later, new) = before, after
        assert old is not None  # noqa: S101 - the names are those of the reference
        row = judge_column(old, new, plan)
        rows.append(row)
        windowed += [
            {"window": label, **judge_column(old, _window(later, new, current, at), plan)} for label, at in windows
        ]
        for held, summary in zip(kept, (old, new), strict=True):
            held.update({old.name: summary.reduced} if summary is not None else {})
        if row["role"] == "feature" and row["method"] and not row["code"] and plain is not None and later is not None:
            for sample, column, places in zip(sampled, (plain, later), picked, strict=True):
                sample[old.name] = column.iloc[places].reset_index(drop=True)
    _check_kinds(rows, asked, reference.name, current.name)
    tables = [part for part in (reference, current) if isinstance(part, Dataset)]
    both = [part.group.iloc[at] for part, at in zip(tables, picked, strict=False) if part.group is not None]
    groups = Units.of(pd.concat(both, ignore_index=True), None) if len(both) == 2 else None
    domain = tell_apart(pd.DataFrame(sampled[0]), pd.DataFrame(sampled[1]), plan.seed, groups)
    first, second = (
        Profile(part.name, part.rows, held, part.schema.without_cells())
        for part, held in zip((reference, current), kept, strict=True)
    )
    return rows, windowed, (first, second), domain


def _columns(
    reference: Source, current: Source, names: Sequence[str], importance: Mapping[str, float]
) -> Iterator[tuple[Column, Column]]:
    """Yield the columns of both tables; two threads count the next one, as sorting needs no lock of the interpreter."""
    old, new = roles_in(reference), roles_in(current)
    with ThreadPoolExecutor(2) as pool:
        started = (
            (
                pool.submit(_column, reference, name, old, identifiers=True, importance=importance),
                pool.submit(_column, current, name, new),
            )
            for name in names
        )
        for (before, after), _ in pairwise(chain(started, [(Future(), Future())])):
            yield before.result(), after.result()


def _column(part: Source, name: str, roles: Mapping[str, str], **options: Any) -> Column:
    if isinstance(part, Profile):
        return None, part.columns.get(name)
    return summarize_in(part, name, roles[name], **options) if name in roles else (None, None)


def _window(
    plain: pd.Series[Any] | None, whole: ColumnSummary | None, current: Source, places: NDArray[np.intp]
) -> ColumnSummary | None:
    """Sum up some rows of a column; where it has no plain values, none of them has one."""
    if whole is None or isinstance(current, Profile):
        return whole
    codes = current.groups.codes[places] if current.groups else None
    rows = None if plain is None else plain.iloc[places]
    part = summarize_column(rows, whole.name, len(places), whole.role, codes)
    return replace(part, dtype=whole.dtype) if rows is None else part


def _picked(part: Source, seed: int) -> NDArray[np.intp]:
    if isinstance(part, Dataset) and part.rows > MOST_ROWS:
        return np.sort(np.random.default_rng(seed).choice(part.rows, MOST_ROWS, replace=False))
    return np.arange(part.rows if isinstance(part, Dataset) else 0)


def _check_kinds(rows: Iterable[Row], asked: bool, reference: str, current: str) -> None:
    """Refuse a comparison that rests on columns of incompatible types.

    One such column among others is a break, and reported as one; it is an error where the column was asked for by name,
    where it is the target, or where all columns are so.
    """
    judged = [row for row in rows if row["role"] != "prediction" and row["verdict"] != "left out"]
    odd = [row for row in judged if row["code"] == "TYPE"]
    features = [row for row in judged if row["role"] == "feature"]
    fatal = [row for row in odd if asked or row["role"] == "target"]
    if features and all(row["code"] == "TYPE" for row in features):
        fatal = features
    if fatal:
        said = "; ".join(f"{row['column']!r} {row['why']}" for row in fatal[:5])
        names = "columns have" if len(fatal) > 1 else "column has"
        raise InputError(
            f"{len(fatal)} {names} incompatible types in {reference} and {current}: {said}. "
            "Give both tables the same types."
        )
