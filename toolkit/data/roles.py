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
        return (self.target, *self.sensitive, self.time, self.group, *self.drop)


def find_roles(table: RawTable, target: object, sensitive: object, time: object, group: object, drop: object) -> Roles:
    """Find the column of each role.

    Parameters
    ----------
    table : RawTable
        Its built-in roles hold for what is not given.
    target, time, group : str, optional
        Column names; an empty text counts as not given.
    sensitive, drop : str or list of str, optional
        Column names, as a list or separated by commas.

    Raises
    ------
    InputError
        Where a column is not in the table, no target is known, or the target has a second role but that of naming
        groups of people.

    Examples
    --------
    >>> table = RawTable(pd.DataFrame(columns=["a", "b", "c, d"]), "t", "t")
    >>> find_roles(table, "a", "c, d", None, None, "b").sensitive
    ('c, d',)
    """
    known, names = table.built_in, list(table.frame.columns)
    aim = given(target) if given(target) is not None else known.target if known else table.target
    if aim is None:
        raise InputError(f"Which column is the target? Give target=. Columns: {listed(names, 40)}.")
    if given(sensitive) is not None or not known:
        groups = listed_names(sensitive, names)
    else:
        groups = [name for name in known.sensitive if name in names]
    roles = Roles(
        target=str(aim),
        sensitive=tuple(groups),
        time=str(time) if given(time) is not None else known.time if known else "",
        group=str(group) if given(group) is not None else "",
        drop=tuple(listed_names(drop, names)),
    )
    _check(roles, names)
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


def _check(roles: Roles, names: list[str]) -> None:
    single = [("Target", roles.target), ("Time", roles.time), ("Group", roles.group)]
    several = [("Sensitive", name) for name in roles.sensitive] + [("Dropped", name) for name in roles.drop]
    for role, name in single + several:
        if name and name not in names:
            near = nearest(name, names)
            raise InputError(f"{role} column {name!r} is not in the table.{near} Columns: {listed(names)}.")
    others = {"time": (roles.time,), "group": (roles.group,), "drop": roles.drop}
    for role, taken in others.items():
        if roles.target in taken:
            raise InputError(f"Column {roles.target!r} cannot be the target and {role} at once. Name it once.")
