"""Find the column of each role, and which columns probably name groups of people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import numpy as np
import pandas as pd

from toolkit.core.result import Finding
from toolkit.data.columns import plain_column
from toolkit.data.findings import finding
from toolkit.data.read import RawTable
from toolkit.data.recognition import WORDS
from toolkit.data.schema import Schema
from toolkit.errors import InputError, column_of, listed

MOST_NUMBERS = 10
_PEOPLE = {kind: "|".join(names.split()) for kind, names in WORDS["people"].items()}
_TELLING = re.compile(rf"(?i)(?<![^\W\d_])(?:{_PEOPLE['word']})(?![^\W\d_])|^(?:{_PEOPLE['name']})$")


class Options(TypedDict, total=False):
    """What may be said of a table beside its target, as ``load_dataset`` takes it."""

    sensitive: str | Sequence[str] | None
    time: str | None
    group: str | None
    weight: str | None
    positive: object
    task: str | None
    drop: str | Sequence[str]
    periods: Sequence[object] | str | int | None
    name: str | None


@dataclass(frozen=True)
class Roles:
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


def sensitive_groups(column: pd.Series[Any]) -> pd.Series[Any]:
    """Write a sensitive column as a category; numbers with more than ten values, or not whole, stay numbers.

    Raises
    ------
    InputError
        Where the column has no usable value.

    Examples
    --------
    >>> sensitive_groups(pd.Series([1.0, None, 2.0], name="sex")).tolist()
    ['1', nan, '2']
    """
    plain, _ = plain_column(column)
    if plain is None:
        raise InputError(f"Sensitive column {str(column.name)!r} has no usable value in any row. Name another one.")
    if plain.dtype not in ("int64", "float64"):
        return plain
    if pd.api.types.infer_dtype(column, skipna=True) == "boolean":
        names = {0: "False", 1: "True"}
    elif len(values := np.unique(plain.dropna())) > MOST_NUMBERS or (values != np.floor(values)).any():
        return plain
    else:
        names = {value: str(int(value)) for value in values}
    return plain.map(names).astype(pd.CategoricalDtype(pd.Index(names.values(), dtype=object)))
