"""What a comparison says: first, in its findings, and beside its figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from toolkit.core.estimate import Estimate, format_number, format_p
from toolkit.core.numbers import KeyNumber
from toolkit.core.resources import beside
from toolkit.core.result import Finding, Severity
from toolkit.core.texts import drawer, facer, finder, refuser
from toolkit.core.words import counted, value_text
from toolkit.drift.distances import METHODS
from toolkit.drift.model import THRESHOLD, Domain
from toolkit.drift.profile import Profile
from toolkit.drift.summary import MOST_LABELS
from toolkit.errors import listed
from toolkit.statistics.units import FEW_GROUPS

finding, face, refusal, drawing = finder(__file__), facer(__file__), refuser(__file__), drawer(__file__)
MATTERS, MATTERS_MUCH = 0.02, 0.1
FEW_ROWS = 200
LEAST_NEW_SHARE = 0.01
_SHARES = ("new_share", "outside_share")
_KEY_NUMBERS = beside(__file__, "key_numbers.yaml")
SUBJECTS = {"feature": ("COLUMN", "Column"), "target": ("TARGET", "The target"), "prediction": ("PREDICTION", "The")}
_MOST_NAMED = 3
# What has no value at all is said first, then what is not there.
CODES = ("ALL-MISSING", "GONE", "TYPE", "CONSTANT", "UNIT")


def findings_of(table: pd.DataFrame, domain: Domain | None, alpha: float, rare: float) -> Iterator[Finding]:
    """Yield what a reader should know about one comparison, breaks first."""
    for code in CODES:
        for _, row in table[table["code"] == code].iterrows():
            yield finding("DRIFT-BROKEN", "critical", row["column"], f"DRIFT-{code}", row=row)
    for _, row in table[(table["verdict"] == "drifted") & table["moved"]].iterrows():
        name = row["column"] if row["role"] == "prediction" else repr(row["column"])
        which, subject = SUBJECTS[row["role"]]
        weight = "" if pd.isna(row["importance"]) else f" The model gives it {row['importance']:.0%} of all importance."
        numbers = {"chance": format_number(row["by_chance"].value), "threshold": format_number(row["threshold"])}
        numbers |= {"p": format_p(row["p_adjusted"]), "method": METHODS[row["method"]].title, "weight": weight}
        where = row["column"], f"DRIFT-{which}"
        yield finding("DRIFT-MOVED", _severity(row), *where, subject=f"{subject} {name}", row=row, **numbers)
    for _, row in table[table["emptied"] & (table["code"] == "")].iterrows():
        yield finding("DRIFT-MISSING", _severity(row), row["column"], row=row)
    for _, row in table[table["code"] == ""].iterrows():
        new, gone = (counted(row[f"{which}_labels"], "label") for which in ("new", "vanished"))
        notable: list[Severity] = ["medium" if row[share] >= LEAST_NEW_SHARE else "low" for share in _SHARES]
        if row["new_labels"] and row["p_new"] <= rare:
            names = listed(row["new_names"], 5)
            yield finding("DRIFT-NEW-LABELS", notable[0], row["column"], row=row, labels=new, names=names)
        if row["vanished_labels"] and row["p_vanished"] <= rare:
            yield finding("DRIFT-VANISHED-LABELS", "low", row["column"], row=row, labels=gone)
        if row["outside_share"] > 0 and row["p_outside"] <= rare:
            yield finding("DRIFT-RANGE", notable[1], row["column"], row=row)
    if domain is not None and domain.p_adjusted <= alpha and domain.roc_auc.value >= THRESHOLD:
        told = [repr(name) for name in domain.giveaways()]
        alone = not (table["verdict"] == "drifted").any()
        hidden = " No single column has drifted: what changed is how columns are associated." if alone else ""
        giving = f", above all by {listed(told)}" if told else ""
        yield finding("DRIFT-DOMAIN", "high" if alone else "medium", domain=domain, giving=giving, hidden=hidden)
    if grouped := [repr(name) for name in table.loc[table["grouped"], "column"]]:
        yield finding("DRIFT-GROUPED-LABELS", "info", most=MOST_LABELS, columns=listed(grouped, 5))
    if left := [f"{row['column']!r} {row['why']}" for _, row in table[table["verdict"] == "left out"].iterrows()]:
        yield finding("DRIFT-LEFT-OUT", "info", columns=listed(left, 5))


def _severity(row: pd.Series[Any]) -> Severity:
    """With a model, what it leans on weighs more and what it hardly looks at less."""
    if row["role"] != "feature":
        return "high"
    if pd.isna(row["importance"]):
        return "medium"
    return "high" if row["importance"] >= MATTERS_MUCH else "medium" if row["importance"] >= MATTERS else "low"


def size_findings(reference: Profile, current: Profile) -> Iterator[Finding]:
    """Say what an observation is where rows belong together, and where there are too few to see but large changes."""
    sizes, what = (reference.rows, current.rows), "rows"
    if reference.groups and current.groups:
        sizes, what = (reference.groups, current.groups), "groups"
        yield finding("DRIFT-GROUPS", "info", before=counted(sizes[0], "group"), after=sizes[1])
    size = f"With {sizes[1]:,} {what} against {sizes[0]:,} of the reference"
    if what == "groups" and min(sizes) < FEW_GROUPS:
        yield finding("DRIFT-FEW-GROUPS", "medium", size=size)
    elif min(sizes) < FEW_ROWS:
        yield finding("DRIFT-FEW-ROWS", "low", size=size)


def share_text(value: Estimate) -> str:
    """Write a share and its range as percentages."""
    return f"{value.value:.0%}" + (f" [{value.low:.0%}, {value.high:.0%}]" if value.has_interval else "")


def headline(table: pd.DataFrame, domain: Domain | None) -> str:
    """Say what broke, what moved, and how much the model leans on it.

    Parameters
    ----------
    table : DataFrame
        As in ``Drift``.
    domain : Domain or None
        Where it tells the two tables apart.
    """
    said = []
    broken = table[table["verdict"] == "broken"]
    if len(broken):
        alike = broken.groupby(broken["why"].str.split("[:;]", regex=True).str[0], sort=False)["column"]
        named = ((_named(ones.iloc[0]), f" (and {len(ones) - 1} more)" * (len(ones) > 1), why) for why, ones in alike)
        whys = [f"{name} {why}{others}" for name, others, why in named][:_MOST_NAMED]
        more = f"; {len(broken)} columns in all" if len(alike) > _MOST_NAMED else ""
        said.append(f"Broken: {'; '.join(whys)}{more}.")
    features = table[(table["role"] == "feature") & table["verdict"].isin(["drifted", "stable", "broken"])]
    moved = features[features["verdict"] == "drifted"]
    if len(moved):
        verb = "has" if len(moved) == 1 else "have"
        said.append(f"{len(moved)} of {len(features)} columns {verb} drifted{_leaning(moved)}.")
    others = table[(table["role"] != "feature") & (table["verdict"] == "drifted")]
    if len(others):
        which = " and ".join("the target" if role == "target" else "the model's predictions" for role in others["role"])
        said.append(f"{which[:1].upper()}{which[1:]} moved{' too' if len(moved) else ''}.")
    if not len(moved) and domain is not None:
        apart = f"the tables can be told apart (ROC AUC {domain.roc_auc})"
        said.append(f"No single column has drifted, but {apart}: the associations between their columns have changed.")
    return " ".join(said) or f"Nothing broke, and no column of {len(features)} moved beyond chance and its threshold."


def _leaning(moved: pd.DataFrame) -> str:
    """Name what moved: by what the model leans on, where there is one, else by how far."""
    if moved["importance"].isna().all():
        return f": {listed(map(_named, moved['column']), _MOST_NAMED)}"
    weighty = moved[moved["importance"] >= MATTERS].sort_values("importance", ascending=False)
    if not len(weighty):
        return f", but the model does not lean on {'it' if len(moved) == 1 else 'them'}"
    said = [f"{_named(row['column'])} ({row['importance']:.0%})" for _, row in weighty.iterrows()]
    said[0] = f"{said[0].removesuffix(')')} of its importance)"
    return f"; the model leans on {listed(said, _MOST_NAMED)}"


def _named(column: object) -> str:
    return repr(value_text(column))


def head_numbers(scalars: Mapping[str, Estimate], rows: int) -> Iterator[KeyNumber]:
    """Yield the numbers of a comparison with a current table of so many rows."""
    for name, label in _KEY_NUMBERS.items():
        if name in scalars:
            yield KeyNumber(name, label, replace(scalars[name], n=rows), "current table", "reference")
