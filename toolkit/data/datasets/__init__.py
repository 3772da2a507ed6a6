"""The built-in tables: what each is, its target, its sensitive columns and its time column. Cheap to import."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit.core.resources import beside


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A table that comes with the toolkit and knows its own roles.

    Attributes
    ----------
    name, title : str
        What it is called, and what it is in one line.
    task : str
        ``binary``, ``multiclass`` or ``regression``.
    target : str
        Column to predict.
    sensitive : tuple of str
        Sensitive columns used unless others are named.
    also_sensitive : tuple of str
        Others that could be named.
    time : str
        Time column; empty where there is none.
    rows, columns : int
        Size of the table.
    file : Path or None
        Parquet file; None where scikit-learn ships the table.
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
    sensitive: tuple[str, ...] = ()
    also_sensitive: tuple[str, ...] = ()
    time: str = ""
    file: Path | None = None


def _built_in(name: str, said: Mapping[str, Any]) -> BuiltIn:
    lists = {key: tuple(value) for key, value in said.items() if isinstance(value, list)}
    file = {"file": Path(__file__).parent / said["file"]} if "file" in said else {}
    return BuiltIn(name=name, **{**said, **lists, **file})


BUILT_IN: dict[str, BuiltIn] = {name: _built_in(name, said) for name, said in beside(__file__, "tables.yaml").items()}
