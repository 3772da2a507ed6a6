"""Check what was asked of a comparison before any column is touched."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from toolkit.drift.comparison import Source, roles_in
from toolkit.drift.distances import DISTANCE_THRESHOLD, METHODS
from toolkit.drift.profile import Profile
from toolkit.drift.summary import PREDICTION
from toolkit.drift.verdicts import Plan, Row
from toolkit.errors import InputError, listed, nearest


def make_plan(methods: object, thresholds: object, alpha: object, names: Sequence[str], seed: int) -> Plan:
    """Read methods and thresholds, given for all columns or by column.

    Raises
    ------
    InputError
        Where a method, a column or a number is not one.
    """
    if not _is_number(alpha) or not 0 < float(alpha) < 1:  # type: ignore[arg-type]
        raise InputError(f"alpha is a rate between 0 and 1, such as 0.05; found {alpha!r}.")
    by_column: dict[str, str] = {}
    limits: dict[str, float] = {}
    if isinstance(methods, Mapping):
        by_column = {_known(name, names): _method(method) for name, method in methods.items()}
    if isinstance(thresholds, Mapping):
        limits = {_known(name, names): _threshold(value) for name, value in thresholds.items()}
    return Plan(
        by_column,
        None if methods is None or isinstance(methods, Mapping) else _method(methods),
        limits,
        DISTANCE_THRESHOLD if thresholds is None or isinstance(thresholds, Mapping) else _threshold(thresholds),
        float(alpha),  # type: ignore[arg-type]
        float(alpha) / max(len(names), 1) / 2,  # type: ignore[arg-type]
        seed,
    )


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
    return [_known(name, list(old)) for name in wanted]


def check_kinds(rows: Iterable[Row], asked: bool, reference: Source, current: Source) -> None:
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
            f"{len(fatal)} {names} incompatible types in {reference.name} and {current.name}: {said}. "
            "Give both tables the same types."
        )


def check_prediction(reference: Source, current: Source, model: object) -> None:
    """Refuse a model where one of the tables is a profile that was made without it."""
    for part in (reference, current):
        if model is not None and isinstance(part, Profile) and PREDICTION not in part.columns:
            raise InputError(
                f"The profile {part.name} was made without a model, so its predictions are not known. "
                "Make it with summarize(table, model=model)."
            )


def _known(name: object, names: Sequence[str]) -> str:
    if str(name) not in names:
        raise InputError(
            f"Column {str(name)!r} is not in the reference.{nearest(str(name), names)} Columns: {listed(names)}."
        )
    return str(name)


def _method(method: object) -> str:
    if not isinstance(method, str) or method not in METHODS:
        near = nearest(method, METHODS) if isinstance(method, str) else ""
        raise InputError(f"There is no method {method!r}.{near} Known: {listed(METHODS)}.")
    return method


def _threshold(value: object) -> float:
    if not _is_number(value) or not 0 < float(value) < math.inf:  # type: ignore[arg-type]
        raise InputError(f"A threshold is a number above 0, such as 0.1; found {value!r}.")
    return float(value)  # type: ignore[arg-type]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
