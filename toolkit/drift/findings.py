"""What a comparison says: first, in its findings, and beside its figures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from toolkit.core.estimate import Estimate, format_number, format_p
from toolkit.core.result import Finding, Severity
from toolkit.core.results import KeyNumber
from toolkit.core.words import counted, value_text
from toolkit.drift.distances import METHODS
from toolkit.drift.model import THRESHOLD, Domain
from toolkit.drift.profile import Profile
from toolkit.drift.summary import MOST_LABELS
from toolkit.errors import listed
from toolkit.statistics.units import FEW_GROUPS

MATTERS, MATTERS_MUCH = 0.02, 0.1
FEW_ROWS = 200
LEAST_NEW_SHARE = 0.01
_KEY_NUMBERS = {
    "drift.columns_share": "Share of columns drifted or broken",
    "drift.importance_share": "Their share of the model's importance",
    "drift.domain.roc_auc": "ROC AUC of telling the tables apart",
}
_MOST_NAMED = 3
# What has no value at all is said first, then what is not there.
CODES = ("ALL-MISSING", "GONE", "TYPE", "CONSTANT", "UNIT")


def findings_of(table: pd.DataFrame, domain: Domain | None, alpha: float, rare: float) -> Iterator[Finding]:
    """Yield what a reader should know about one comparison, breaks first."""
    broken = table[table["code"] != ""]
    for code in CODES:
        for _, row in broken[broken["code"] == code].iterrows():
            yield Finding(f"DRIFT-{code}", "critical", f"Column {row['column']!r} {row['why']}.", row["column"])
    for _, row in table[(table["verdict"] == "drifted") & table["moved"]].iterrows():
        which, subject = {"target": ("TARGET", "The target "), "prediction": ("PREDICTION", "The ")}.get(
            row["role"], ("COLUMN", "Column ")
        )
        name = row["column"] if row["role"] == "prediction" else repr(row["column"])
        weight = "" if pd.isna(row["importance"]) else f" The model gives it {row['importance']:.0%} of all importance."
        text = (
            f"{subject}{name} has drifted ({row['change']}): {METHODS[row['method']].title} {row['distance']}, by "
            f"chance about {format_number(row['by_chance'].value)}, threshold {format_number(row['threshold'])}, "
            f"adjusted p {format_p(row['p_adjusted'])}.{weight}"
        )
        yield Finding(f"DRIFT-{which}", _severity(row), text, row["column"])
    for _, row in table[table["emptied"] & (table["code"] == "")].iterrows():
        text = (
            f"Column {row['column']!r} is missing in {row['missing_current']:.1%} of the rows, against "
            f"{row['missing_reference']:.1%} in the reference."
        )
        yield Finding("DRIFT-MISSING", _severity(row), text, row["column"])
    for _, row in table.iterrows():
        yield from _novelties(row, rare)
    if domain is not None:
        yield from _domain_findings(table, domain, alpha)
    grouped = [repr(name) for name in table.loc[table["grouped"], "column"]]
    if grouped:
        text = f"A profile keeps more than {MOST_LABELS:,} labels in groups, where a change of single ones may not show"
        yield Finding("DRIFT-GROUPED-LABELS", "info", f"{text}: {listed(grouped, 5)}.")
    left = table[table["verdict"] == "left out"]
    if len(left):
        said = listed([f"{row['column']!r} {row['why']}" for _, row in left.iterrows()], 5)
        yield Finding("DRIFT-LEFT-OUT", "info", f"Not compared: {said}.")


def _severity(row: pd.Series[Any]) -> Severity:
    """With a model, what it leans on weighs more and what it hardly looks at less."""
    if row["role"] != "feature":
        return "high"
    if pd.isna(row["importance"]):
        return "medium"
    return "high" if row["importance"] >= MATTERS_MUCH else "medium" if row["importance"] >= MATTERS else "low"


def _novelties(row: pd.Series[Any], rare: float) -> Iterator[Finding]:
    name = row["column"]
    if row["code"]:
        return
    if row["new_labels"] and row["p_new"] <= rare:
        severity: Severity = "medium" if row["new_share"] >= LEAST_NEW_SHARE else "low"
        labels = f"{counted(row['new_labels'], 'label')} unknown to the reference"
        text = f"Column {name!r} has {labels} in {row['new_share']:.1%} of its rows: {listed(row['new_names'], 5)}."
        yield Finding("DRIFT-NEW-LABELS", severity, text, name)
    if row["vanished_labels"] and row["p_vanished"] <= rare:
        gone = f"{counted(row['vanished_labels'], 'label')}, {row['vanished_share']:.1%} of the rows of the reference"
        yield Finding("DRIFT-VANISHED-LABELS", "low", f"Column {name!r} has lost {gone}.", name)
    if row["outside_share"] > 0 and row["p_outside"] <= rare:
        severity = "medium" if row["outside_share"] >= LEAST_NEW_SHARE else "low"
        text = f"Column {name!r} lies beyond the range of the reference in {row['outside_share']:.2%} of its rows."
        yield Finding("DRIFT-RANGE", severity, text, name)


def _domain_findings(table: pd.DataFrame, domain: Domain, alpha: float) -> Iterator[Finding]:
    if domain.p_adjusted > alpha or domain.roc_auc.value < THRESHOLD:
        return
    told = [repr(name) for name in domain.giveaways()]
    hidden = not (table["verdict"] == "drifted").any()
    giving = f", above all by {listed(told)}" if told else ""
    text = f"A small model tells the rows of the two tables apart with ROC AUC {domain.roc_auc}{giving}."
    text += " No single column has drifted: what changed is how columns hang together." if hidden else ""
    yield Finding("DRIFT-DOMAIN", "high" if hidden else "medium", text)


def size_findings(reference: Profile, current: Profile) -> Iterator[Finding]:
    """Say what an observation is where rows belong together, and where there are too few to see but large changes."""
    sizes, what = (reference.rows, current.rows), "rows"
    if reference.groups and current.groups:
        sizes, what = (reference.groups, current.groups), "groups"
        held = f"{counted(sizes[0], 'group')} in the reference, {sizes[1]:,} in the current table"
        yield Finding("DRIFT-GROUPS", "info", f"Rows of one group belong together ({held}): chance is that of groups.")
    size = f"With {sizes[1]:,} {what} against {sizes[0]:,} of the reference"
    if what == "groups" and min(sizes) < FEW_GROUPS:
        text = f"{size} nobody knows well how far groups differ by chance: intervals and p values are rough."
        yield Finding("DRIFT-FEW-GROUPS", "medium", text)
    elif min(sizes) < FEW_ROWS:
        yield Finding("DRIFT-FEW-ROWS", "low", f"{size} only large changes can be told from chance.")


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
        named = zip(broken["column"].head(_MOST_NAMED), broken["why"], strict=False)
        whys = "; ".join(f"{_named(column)} {re.split('[:;]', why)[0]}" for column, why in named)
        more = f"; and {len(broken) - _MOST_NAMED} more" if len(broken) > _MOST_NAMED else ""
        said.append(f"Broken: {whys}{more}.")
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
        said.append(
            f"No single column has drifted, but the tables can be told apart (ROC AUC {domain.roc_auc}): how their "
            "columns hang together has changed."
        )
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
