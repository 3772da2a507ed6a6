"""Find the column of each role: from what was given, or from what a built-in table knows about itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from toolkit.data.read import RawTable
from toolkit.errors import InputError, listed, nearest


@dataclass(frozen=True)
class Roles:
    """Which column is what; an empty text where there is none."""

    target: str
    sensitive: tuple[str, ...] = ()
    time: str = ""
    group: str = ""
    drop: tuple[str, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """Columns that have a role."""
        return tuple(filter(None, (self.target, *self.sensitive, self.time, self.group, *self.drop)))


def find_roles(
    table: RawTable,
    target: object,
    sensitive: object,
    time: object,
    group: object,
    drop: object,
    like: Roles | None = None,
) -> Roles:
    """Find the column of each role.

    Parameters
    ----------
    table : RawTable
        Its built-in roles hold for what is not given.
    target, time, group : str, optional
        Column names; an empty text counts as not given.
    sensitive, drop : str or list of str, optional
        Column names, as a list or separated by commas.
    like : Roles, optional
        Of another table: they hold too for what is not given, as far as the table has the columns. It need not have
        the target.

    Raises
    ------
    InputError
        Where a column is not in the table, or the target has a second role but that of naming groups of people.

    Examples
    --------
    >>> table = RawTable(pd.DataFrame(columns=["a", "b", "c, d"]), "t", "t")
    >>> find_roles(table, "a", "c, d", None, None, "b").sensitive
    ('c, d',)
    """
    own, names = table.built_in, list(table.frame.columns)
    known = Roles(own.target, own.sensitive, own.time or "") if own else like or Roles(table.target or "")

    def one(name: object, inherited: str) -> str:
        return str(name) if given(name) is not None else inherited if inherited in names else ""

    groups = known.sensitive if given(sensitive) is None else listed_names(sensitive, names)
    roles = Roles(
        target=str(target) if given(target) is not None else known.target,
        sensitive=tuple(name for name in groups if given(sensitive) is not None or name in names),
        time=one(time, known.time),
        group=one(group, known.group),
        drop=tuple(listed_names(drop, names)),
    )
    _check(roles, names, like.target if like else "")
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
    single = [("Target", roles.target), ("Time", roles.time), ("Group", roles.group)]
    several = [("Sensitive", name) for name in roles.sensitive] + [("Dropped", name) for name in roles.drop]
    for role, name in single + several:
        if name and name not in names and (role, name) != ("Target", absent):
            near = nearest(name, names)
            raise InputError(f"{role} column {name!r} is not in the table.{near} Columns: {listed(names)}.")
    others = {"time": (roles.time,), "group": (roles.group,), "drop": roles.drop}
    for role, taken in others.items():
        if roles.target and roles.target in taken:
            raise InputError(f"Column {roles.target!r} cannot be the target and {role} at once. Name it once.")
