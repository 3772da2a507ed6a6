"""Go through two tables column by column: what is asked, what each column holds, and how the two compare."""

from calendar import month_name
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core import Finding, two_at_once
from toolkit.data import Dataset, Window
from toolkit.drift.distances import DISTANCE_THRESHOLD, METHODS
from toolkit.drift.findings import finding, refusal
from toolkit.drift.model import MOST_ROWS, Domain, tell_apart, units_of_both, with_importance, with_prediction
from toolkit.drift.profile import Profile
from toolkit.drift.summary import PREDICTION, ColumnSummary, column_in, roles_of, summarize_column, summarize_in
from toolkit.drift.verdicts import Plan, Row, judge_column
from toolkit.errors import InputError, above, column_of, listed, one_of, share
from toolkit.models import Model
from toolkit.statistics import Codes

Source = Dataset | Profile
#: Days of a year, less the odd ends of its first and last month; rows that stand for a season; share of a month.
YEAR, LEAST_ROWS, LEAST_SHARE_OF_MONTH = 350, 30, 0.05
# The rows of a column, where there are any, and its summary, where there is such a column.
Column = tuple[pd.Series | None, ColumnSummary | None]


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
            raise refusal("no predictions", name=part.name)
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
        labels = list(column.distinct) if column is not None and column.dtype == "category" else None
        absent[name] = pd.Series(np.nan, features.index, "float64" if labels is None else pd.CategoricalDtype(labels))
    needed = listed(map(repr, gone), 5)
    features = pd.DataFrame({**features, **absent}, copy=False) if gone else features
    try:
        current = with_prediction(current, features, model)
    except InputError:
        if not gone:
            raise
        return reference, current, importance, [finding("DRIFT-NO-PREDICTION", "critical", gone=needed)]
    return reference, current, importance, [finding("DRIFT-PREDICTED-WITHOUT", "high", gone=needed)] if gone else []


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
    everywhere = DISTANCE_THRESHOLD if thresholds is None or isinstance(thresholds, Mapping) else thresholds
    limits = dict.fromkeys(names, everywhere) | {_known(name, names): limit for name, limit in by_column.items()}
    rate = share("alpha", alpha)
    checked = {name: above("A threshold", limit) for name, limit in limits.items()}
    return Plan(methods, checked, rate, rate / max(len(names), 1) / 2, seed)


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
        raise refusal("no column", reference=listed(old, 5), current=listed(new, 5))
    if columns is None:
        return list(old)
    if not (wanted := [columns] if isinstance(columns, str) else list(dict.fromkeys(map(str, columns)))):
        raise InputError("columns= is empty. Name at least one column, or leave it out to compare all.")
    wanted += [PREDICTION] if PREDICTION in old and PREDICTION not in wanted else []
    return [_known(name, old) for name in wanted]


def months_of(table: Source, places: Codes | None = None) -> frozenset[int]:
    """Return the calendar months that at least 5% of some rows are of; none where their dates are not known."""
    time = table.time if isinstance(table, Dataset) else None
    if time is None or not pd.api.types.is_datetime64_any_dtype(time.dtype):
        return frozenset()
    shares = (time if places is None else time.iloc[places]).dt.month.value_counts(normalize=True)
    return frozenset(shares.index[shares >= LEAST_SHARE_OF_MONTH])


def in_season(reference: Source, months: frozenset[int]) -> Codes | None:
    """Return the rows of some months in a reference of a year or more; None where it is shorter, or has too few."""
    if not months or not isinstance(reference, Dataset) or reference.time is None or not months_of(reference):
        return None
    rows = np.flatnonzero(reference.time.dt.month.isin(months))
    year = (reference.time.max() - reference.time.min()).days >= YEAR
    return rows if year and len(rows) >= LEAST_ROWS else None


def of_season(reference: Source, current: Source) -> tuple[Source, list[Finding]]:
    """Keep the rows of a reference that are of the months of the current ones, and say so, or that it has none.

    Seasons differ from each other: a month compared with a whole year has drifted in all that has a season.
    """
    months = months_of(current)
    rows = in_season(reference, months)
    if isinstance(reference, Dataset) and rows is not None and len(rows) < reference.rows:
        named = listed([month_name[month] for month in sorted(months)], 12)
        note = finding("DRIFT-SEASON", "info", months=named, kept=len(rows), rows=reference.rows)
        return reference.take(rows), [note]
    if rows is None and (known := months_of(reference)) and months - known:
        named = listed([month_name[month] for month in sorted(months - known)], 12)
        return reference, [finding("DRIFT-OTHER-SEASON", "medium", months=named)]
    return reference, []


def compare_columns(
    reference: Source, current: Source, columns: Sequence[str] | None, plan: Plan, windows: list[Window], year: Source
) -> tuple[list[Row], list[Row], tuple[Profile, Profile], Domain | None]:
    """Judge each column of the reference against the current table, and against each window of it.

    Columns are summed up exactly where rows are at hand, and judged, two at a time: memory holds no more. A window is
    compared with the rows of the same months, where the reference before its season was chosen is a year or more.

    Parameters
    ----------
    reference, current : Dataset or Profile
    columns : list of str or None
        Those of the reference that were asked for by name; by default all.
    plan : Plan
    windows : list of (label, positions)
    year : Dataset or Profile
        The reference before the season of the current table was chosen.

    Returns
    -------
    rows, windowed : list of dict
        Judged columns of the whole current table, and of each window.
    profiles : pair of Profile
        What is kept of the two tables.
    domain : Domain or None
        Whether a small model tells sampled rows apart.
    """
    names, old_roles, new_roles = chosen_columns(reference, current, columns), roles_in(reference), roles_in(current)
    sizes = [part.rows if isinstance(part, Dataset) else 0 for part in (reference, current)]
    picked = [np.sort(np.random.default_rng(plan.seed).choice(n, min(n, MOST_ROWS), replace=False)) for n in sizes]
    of_window = [months_of(current, at) for _, at in windows]
    season = {months: in_season(year, months) for months in set(of_window)}

    def judged(name: str) -> tuple[Row, list[Row], list[ColumnSummary | None], list[Any]]:
        plain, old = _column(reference, name, old_roles, identifiers=True, importance=plan.importance)
        later, new = _column(current, name, new_roles)
        assert old is not None  # noqa: S101 - the names are those of the reference
        row, by_window = judge_column(old, new, plan), list[Row]()
        all_year = column_in(year, old.name)[0] if season and isinstance(year, Dataset) else None
        seasons = {when: old if at is None else _window(all_year, old, year, at) for when, at in season.items()}
        for (label, at), months in zip(windows, of_window, strict=True):
            part = None if new is None else _window(later, new, current, at)
            by_window.append({"window": label, **judge_column(seasons[months], part, plan)})
        told = row["role"] == "feature" and row["method"] and not row["code"]
        pairs = zip((plain, later), picked, strict=True) if told else ()
        sample = [one.iloc[places].reset_index(drop=True) for one, places in pairs if one is not None]
        return row, by_window, [one and one.reduced for one in (old, new)], sample

    rows, windowed, summaries, samples = zip(*two_at_once(judged, names), strict=True)
    both = [(name, *pair) for name, pair in zip(names, samples, strict=True) if len(pair) == 2]
    before, after = (pd.DataFrame({name: pair[side] for name, *pair in both}) for side in (0, 1))
    _check_kinds(rows, columns is not None, reference.name, current.name)
    units = units_of_both([part for part in (reference, current) if isinstance(part, Dataset)], picked)
    domain = tell_apart(before, after, plan.seed, units)
    profiles = []
    for part, held in zip((reference, current), zip(*summaries, strict=True), strict=True):
        kept = {one.name: one for one in held if one is not None}
        profiles.append(Profile(part.name, part.rows, kept, part.schema.without_cells()))
    return list(rows), [row for each in windowed for row in each], (profiles[0], profiles[1]), domain


def _column(part: Source, name: str, roles: Mapping[str, str], **options: Any) -> Column:
    if isinstance(part, Profile):
        return None, part.columns.get(name)
    return summarize_in(part, name, roles[name], **options) if name in roles else (None, None)


def _window(plain: pd.Series | None, whole: ColumnSummary, table: Source, places: Codes) -> ColumnSummary:
    """Sum up some rows of a column; where it has no plain values, none of them has one."""
    if isinstance(table, Profile) or whole.dtype == "identifier":
        return whole
    units = table.ordered.take(places) if table.ordered else None
    rows = None if plain is None else plain.iloc[places]
    part = replace(summarize_column(rows, whole.name, len(places), whole.role, units), importance=whole.importance)
    return replace(part, dtype=whole.dtype) if rows is None else part


def _check_kinds(rows: Iterable[Row], asked: bool, reference: str, current: str) -> None:
    """Refuse a comparison that rests on columns of incompatible types.

    One such column among others is a break, and reported as one; it is an error where the column was asked for by name,
    where it is the target, or where all columns are so.
    """
    judged = [row for row in rows if row["role"] != "prediction" and row["verdict"] != "left out"]
    features = [row for row in judged if row["role"] == "feature"]
    fatal = [row for row in judged if row["code"] == "TYPE" and (asked or row["role"] == "target")]
    if features and all(row["code"] == "TYPE" for row in features):
        fatal = features
    if fatal:
        said = "; ".join(f"{row['column']!r} {row['why']}" for row in fatal[:5])
        names = "columns have" if len(fatal) > 1 else "column has"
        raise refusal("other types", count=len(fatal), names=names, reference=reference, current=current, said=said)
