"""The built-in tables: what each is, its target, its sensitive columns and its time column. Cheap to import."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from toolkit.core import beside

#: Where the tables are that scikit-learn does not ship.
FOLDER = Path(__file__).parent


class BuiltIn(NamedTuple):
    """A table that comes with the toolkit and knows its own roles.

    Attributes
    ----------
    name, title : str
        What it is called, and what it is in one line.
    task : str
        ``binary``, ``multiclass`` or ``regression``.
    target : str
        Column to predict.
    sensitive : sequence of str
        Sensitive columns used unless others are named.
    also_sensitive : sequence of str
        Others that could be named.
    time : str
        Time column; empty where there is none.
    rows, columns : int
        Size of the table.
    file : str
        Name of a Parquet file; empty where scikit-learn ships the table.
    licence : str
        Where it comes from and under which terms.
    """

    name: str
    title: str
    task: str
    target: str
    rows: int
    columns: int
    licence: str
    sensitive: Sequence[str] = ()
    also_sensitive: Sequence[str] = ()
    time: str = ""
    file: str = ""


BUILT_IN = {name: BuiltIn(name, **said) for name, said in beside(__file__, "tables.yaml").items()}
