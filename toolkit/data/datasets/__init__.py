"""The built-in tables: what each is, its target, its sensitive columns and its time column. Cheap to import."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


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
    sensitive: tuple[str, ...]
    also_sensitive: tuple[str, ...]
    time: str
    rows: int
    columns: int
    file: Path | None
    licence: str


_HERE = Path(__file__).parent

BUILT_IN: dict[str, BuiltIn] = {
    table.name: table
    for table in (
        BuiltIn(
            name="census_income",
            title="US Current Population Surveys of 1994 and 1995, adults: who earns over 50,000 dollars",
            task="binary",
            target="income_over_50k",
            sensitive=("sex", "race"),
            also_sensitive=("hispanic_origin", "age", "citizenship"),
            time="year",
            rows=215_574,
            columns=41,
            file=_HERE / "census_income.parquet",
            licence="US Census Bureau; UCI Census-Income (KDD), Lane and Kohavi 2000, CC BY 4.0",
        ),
        BuiltIn(
            name="acs_employment",
            title="American Community Survey, Massachusetts 2015 to 2018, persons of 16 or older: who is employed",
            task="binary",
            target="employed",
            sensitive=("sex", "race"),
            also_sensitive=("age", "disability", "nativity", "citizenship"),
            time="year",
            rows=233_408,
            columns=18,
            file=_HERE / "acs_employment.parquet",
            licence="US Census Bureau, public domain; task of Ding et al. 2021, arXiv:2108.04884",
        ),
        BuiltIn(
            name="diabetes",
            title="Diabetes patients: disease progression one year after baseline",
            task="regression",
            target="disease_progression",
            sensitive=("sex",),
            also_sensitive=("age",),
            time="",
            rows=442,
            columns=11,
            file=None,
            licence="Efron, Hastie, Johnstone and Tibshirani 2004; shipped with scikit-learn (BSD-3-Clause)",
        ),
        BuiltIn(
            name="wine",
            title="Chemical analysis of wines: which of three cultivars",
            task="multiclass",
            target="cultivar",
            sensitive=(),
            also_sensitive=(),
            time="",
            rows=178,
            columns=14,
            file=None,
            licence="Aeberhard and Forina 1991, UCI Wine, CC BY 4.0; shipped with scikit-learn (BSD-3-Clause)",
        ),
    )
}
