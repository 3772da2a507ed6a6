"""Find the column of each role; read those that name groups of people, and the one that says when."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Unpack

import numpy as np
import pandas as pd

from toolkit.core import Finding
from toolkit.data.columns import plain_column, typed
from toolkit.data.dataset import Options, Roles, given, listed_names
from toolkit.data.findings import Noted, finding, refusal
from toolkit.data.read import RawTable
from toolkit.data.recognition import WORDS
from toolkit.data.schema import Column, Decision, Schema
from toolkit.data.table_reader.cells import as_days, as_texts, codes_of, column_kind, finite, moments, plain_numbers
from toolkit.errors import InputError, column_of, listed
from toolkit.statistics import Codes

MOST_NUMBERS = 10
_PEOPLE = {kind: "|".join(names.split()) for kind, names in WORDS["people"].items()}
_TELLING = re.compile(rf"(?i)(?<![^\W\d_])(?:{_PEOPLE['word']})(?![^\W\d_])|^(?:{_PEOPLE['name']})$")


def find_roles(table: RawTable, target: str | None, known: Schema, **options: Unpack[Options]) -> Roles:
    """Find the column of each role.

    Parameters
    ----------
    table : RawTable
        Its built-in roles hold for what is not given.
    target : str, optional
        Name of a column; an empty text counts as not given.
    known : Schema
        Its roles hold too for what is not given, as far as the table has the columns. It need not have the target.
    **options
        Of them ``time``, ``group`` and ``weight``, each the name of a column; ``sensitive`` and ``drop``, each a list
        of names, or names separated by commas.

    Raises
    ------
    InputError
        Where a column is not in the table, or the target has a second role but that of naming groups of people.

    Examples
    --------
    >>> table = RawTable(pd.DataFrame(columns=["a", "b", "c, d"]), "t", "t")
    >>> find_roles(table, "a", Schema(), sensitive="c, d", drop="b").sensitive
    ('c, d',)
    """
    own, names, asked = table.built_in, list(table.frame.columns), given(options.get("sensitive"))
    if settled := known.named("target"):
        inherits = Roles(settled, known.sensitive, known.named("time"), known.named("group"), known.named("weight"))
    else:
        inherits = Roles(own.target, tuple(own.sensitive), own.time) if own else Roles(table.target or "")
    single = dict.fromkeys(("time", "group", "weight"), "")
    for role in single:
        name, inherited = given(options.get(role)), getattr(inherits, role)
        single[role] = str(name) if name is not None else inherited if inherited in names else ""
    groups = [one for one in inherits.sensitive if one in names] if asked is None else listed_names(asked, names)
    aim = str(target) if given(target) is not None else inherits.target
    roles = Roles(aim, tuple(groups), drop=tuple(listed_names(options.get("drop"), names)), **single)
    _check(roles, names, settled)
    return roles


def _check(roles: Roles, names: list[str], absent: str) -> None:
    target = "" if roles.target == absent else roles.target
    taken = {"target": [target], "time": [roles.time], "group": [roles.group], "weight": [roles.weight]}
    for role, columns in (taken | {"sensitive": roles.sensitive, "dropped": roles.drop}).items():
        for name in filter(None, columns):
            column_of(name, names, role=role)
        if roles.target in filter(None, columns) and role != "target":
            raise InputError(f"Column {roles.target!r} cannot be the target and {role} at once. Name it once.")
    if roles.weight and roles.weight in (*roles.sensitive, roles.time, roles.group):
        raise InputError(f"Column {roles.weight!r} holds the weights and can have no other role. Name it once.")


def not_named(columns: Iterable[object], roles: Roles) -> list[Finding]:
    """Say which columns seem to name groups of people, where none was said to.

    Examples
    --------
    >>> [finding.where for finding in not_named(["y", "Sex", "account_age"], Roles("y"))]
    ['Sex']
    >>> not_named(["y", "account_age", "Essex"], Roles("y"))
    []
    """
    found = [name for name in map(str, columns) if name not in roles.apart and _TELLING.search(name)]
    if roles.sensitive or not found:
        return []
    columns = "a column seems" if len(found) == 1 else "columns seem"
    return [finding("DATA-SENSITIVE-NOT-NAMED", "medium", found[0], columns=columns, names=listed(found))]


def sensitive_groups(column: pd.Series, settled: Column | None = None, how: Decision | None = None) -> pd.Series:
    """Write a sensitive column as a category; numbers with more than ten values, not whole, or dates, stay numbers.

    Where an earlier table ``settled`` which of them they are, they are so here too, however many there are. A
    decision says ``how`` its texts are read, where there is one.

    Raises
    ------
    InputError
        Where the column has no usable value.

    Examples
    --------
    >>> sensitive_groups(pd.Series([1.0, None, 2.0], name="sex")).tolist()
    ['1', nan, '2']
    """
    plain, notes = plain_column(column := typed(column, how)[0], how)
    if plain is None:
        raise InputError(f"Sensitive column {str(column.name)!r} has no usable value in any row. Name another one.")
    if plain.dtype not in ("int64", "float64") or any(note.code == "DATA-DATES" for note in notes):
        return plain
    values, own = np.unique(plain.dropna()), settled if settled is not None and settled.role else Column()
    if own.kind != "number" and pd.api.types.infer_dtype(column, skipna=True) == "boolean":
        names: dict[Any, str] = {0: "False", 1: "True"}
    elif own.categories if own.kind in ("number", "text") else len(values) <= MOST_NUMBERS and not (values % 1).any():
        texts = time_labels(pd.Series(values))
        names = dict(zip(values, map(codes_of(own.categories).get, texts, texts), strict=True))
    else:
        return plain
    return plain.map(names).astype(pd.CategoricalDtype(pd.Index(names.values(), dtype=object)))


def read_time(column: pd.Series, how: Decision | None = None) -> Noted:
    """Turn a time column into numbers, dates or ordered labels.

    Parameters
    ----------
    column : Series
    how : Decision, optional
        How its texts are read, where that was decided.

    Returns
    -------
    time : Series
        ``int64`` (all whole), ``float64``, ``datetime64`` (UTC where it had a zone) or an ordered ``category``, of the
        rows that have one: cells that cannot be read, and infinite numbers, are none.
    notes : list of Finding
        What was decided where texts could be read in two ways, and cells that are no times.

    Raises
    ------
    InputError
        Where no row has a time, or the cells are lists or records, or texts that are no times.
    """
    name, (plain, notes) = str(column.name), typed(column, how)
    if (kind := column_kind(plain)) in ("missing", "nested"):
        raise refusal("time missing" if kind == "missing" else "time nested", name=name)
    if kind in ("number", "bool"):
        numbers = finite(finite(plain_numbers(plain)).dropna(), written=True)
        if ends_in_year(numbers):
            raise refusal("year last", name=name, found=time_labels(numbers[:1])[0])
        return numbers, notes
    if kind in ("date", "duration"):
        return (moments(plain) if kind == "date" else as_days(plain, kind)).dropna(), notes
    if kind == "category":
        return (plain.cat.rename_categories(str), []) if plain.cat.ordered else read_time(plain.astype(object), how)
    found = listed(sorted({repr(text) for text in as_texts(plain).drop_null().to_pylist()}), 5)
    raise refusal("no time", name=name, found=found)


def ends_in_year(numbers: pd.Series) -> bool:
    """Whether numbers are months or days before a year, as 32021, 3.2021 and 15032021: in another order than time.

    Examples
    --------
    >>> ends_in_year(pd.Series([122020, 12021])), ends_in_year(pd.Series([202012, 202101]))
    (True, False)
    """
    whole = numbers if (numbers % 1 == 0).all() else (numbers * 10_000).round()
    before, years = np.divmod(whole.to_numpy(), 10_000)
    days, months = np.divmod(before, 100)
    fitting = (months > 0) & (np.minimum(days, months) <= 12) & (np.maximum(days, months) <= 31)
    return bool((fitting & (years >= 1900) & (years < 2100)).all()) and len(set(before)) > 1 < len(set(years))


def time_order(time: pd.Series) -> tuple[Codes, list[str]]:
    """Give each row the place of its time among all times.

    Returns
    -------
    codes : array of int, shape (n_rows,)
        0 for the earliest time.
    labels : list of str
        The text of each time, earliest first.

    Examples
    --------
    >>> time_order(pd.Series([1995, 1994, 1995]))
    (array([1, 0, 1]), ['1994', '1995'])
    """
    codes, values = pd.factorize(time, sort=True)
    return codes.astype("int64"), time_labels(pd.Series(values))


def time_labels(values: pd.Series) -> list[str]:
    """Write numbers and times as people name them: 1994, 2.5, 2015-03-01, 2015-03-01 12:00:00."""
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        days = bool((values == values.dt.normalize()).all())
        return [str(moment.date()) if days else str(moment) for moment in values]
    if values.dtype == "float64":
        return [str(int(value)) if value == np.floor(value) else repr(float(value)) for value in values]
    return [str(value) for value in values]


def of_periods(
    frame: pd.DataFrame, time: str, periods: Sequence[str] = (), decision: Decision | None = None
) -> tuple[pd.DataFrame, pd.Series | None, list[Finding]]:
    """Read the times of a table, and keep the rows whose time is among some periods.

    Returns
    -------
    frame : DataFrame
        All rows where no periods are named.
    time : Series or None
        As ``read_time`` returns it, of the rows that have one; None without a time column.
    notes : list of Finding

    Examples
    --------
    >>> rows, time, _ = of_periods(pd.DataFrame({"year": [1994, 1995, None]}), "year", ["1995"])
    >>> rows["year"].tolist(), time.tolist()
    ([1995.0], [1995])
    """
    if not time and periods:
        raise InputError("'periods' needs a time column. Give time=.")
    if not time:
        return frame, None, []
    moments, notes = read_time(frame[time].dropna(), decision)
    if periods:
        codes, labels = time_order(moments)
        moments = moments[np.isin(codes, matching(labels, periods, time))]
        return frame.loc[moments.index], moments, notes
    if gone := len(frame) - len(moments):
        notes = [finding("DATA-TIME-MISSING", "medium", time, missing=gone, rows=len(frame)), *notes]
    return frame, moments, notes


def matching(labels: Sequence[str], periods: Iterable[object], name: str) -> list[int]:
    """Find the times that a list of periods names; a date matches by its year, its month or its day.

    Raises
    ------
    InputError
        Where a period matches no time, naming those that exist.

    Examples
    --------
    >>> matching(["2015-01-31", "2015-02-28", "2016-01-31"], [2015], "month")
    [0, 1]
    """
    found: set[int] = set()
    for period in periods:
        text = str(period).strip().removesuffix(" 00:00:00")
        begins = (f"{text}-", f"{text} ") if re.match(r"\d{4}", text) else ()
        hits = [place for place, label in enumerate(labels) if label == text or label.startswith(begins)]
        if not text or not hits:
            raise InputError(f"No row has {name!r} equal to {text!r}. It holds: {listed(labels)}.")
        found.update(hits)
    return sorted(found)
