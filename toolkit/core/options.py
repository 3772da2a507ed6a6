"""Options as a caller gives them: one of several words, a whole number, a number within bounds, a column of a table."""

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

from toolkit.errors import InputError, listed, nearest, shown


def instance(given: object, *kinds: type) -> Any:
    """Return a value of one of these kinds; any other is refused.

    Examples
    --------
    >>> instance("wine", str)
    'wine'
    """
    if not isinstance(given, kinds):
        names, found = " or ".join(one.__name__ for one in kinds), type(given).__name__
        advice = ": give the table to load_dataset first" if found == "DataFrame" else ""
        raise InputError(f"A value of type {names} is needed here, not {found}{advice}.")
    return given


def one_of(what: str, given: object, options: Iterable[str]) -> str:
    """Return what was given if it is one of ``options``, else raise InputError.

    Examples
    --------
    >>> one_of("metric", "recall", ["accuracy", "recall"])
    'recall'
    """
    choices = list(options)
    if not isinstance(given, str) or given not in choices:
        raise InputError(f"There is no {what} {shown(given)}.{nearest(str(given), choices)} Known: {listed(choices)}.")
    return given


def column_of(given: object, columns: Iterable[object], table: str = "the table", role: str = "") -> str:
    """Return the name of a column if a table has it, else raise InputError.

    Examples
    --------
    >>> column_of("age", ["age", "income"], "people", "time")
    'age'
    """
    names, name = [str(one) for one in columns], str(given)
    if name not in names:
        named = f"{role} column".lstrip().capitalize()
        raise InputError(f"{named} {shown(name)} is not in {table}.{nearest(name, names)} Columns: {listed(names)}.")
    return name


def whole(name: str, given: object, least: int, most: int | None = None) -> int:
    """Return what was given if it is a whole number within bounds, else raise InputError.

    Examples
    --------
    >>> whole("depth", 2, 1, 5)
    2
    """
    number = int(given) if isinstance(given, Integral) and not isinstance(given, bool) else None
    if number is None or number < least or (most is not None and number > most):
        bounds = f"of at least {least:,}" if most is None else f"from {least:,} to {most:,}"
        raise InputError(f"{name} must be a whole number {bounds}; found {shown(given)}.")
    return number


def above(name: str, given: object) -> float:
    """Return what was given if it is a number above 0, else raise InputError.

    Examples
    --------
    >>> above("precision", 0.05)
    0.05
    """
    if not (number := _number(given)) > 0:
        raise InputError(f"{name} must be a number above 0; found {shown(given)}.")
    return number


def share(name: str, given: object, *, zero: bool = False) -> float:
    """Return what was given if it is a number between 0 and 1 (0 itself only where ``zero``), else raise InputError.

    Examples
    --------
    >>> share("test_size", 0.25)
    0.25
    """
    if not (0 < (number := _number(given)) < 1 or (zero and number == 0)):
        bounds = "of at least 0 and less than 1" if zero else "between 0 and 1"
        raise InputError(f"{name} must be a share {bounds}, such as 0.2; found {shown(given)}.")
    return number


def _number(given: object) -> float:
    return float(given) if isinstance(given, Real) and not isinstance(given, bool) else math.nan
