"""What a report about drift says first: what broke, what moved, and what of that matters; and the numbers beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pandas as pd

from toolkit.core.estimate import Estimate
from toolkit.core.results import KeyNumber
from toolkit.core.words import value_text
from toolkit.drift.domain import Domain
from toolkit.drift.findings import MATTERS
from toolkit.errors import listed

_LABELS = {
    "drift.columns_share": "Share of columns drifted or broken",
    "drift.importance_share": "Their share of the model's importance",
    "drift.domain.roc_auc": "ROC AUC of telling the tables apart",
}
_MOST = 3


def headline(table: pd.DataFrame, domain: Domain | None) -> str:
    """Say what broke, what moved, and how much the model leans on it.

    Parameters
    ----------
    table : DataFrame
        As in ``Drift``.
    domain : Domain or None
        Where it tells the two tables apart.
    """
    return " ".join(_sentences(table, domain))


def _sentences(table: pd.DataFrame, domain: Domain | None) -> Iterator[str]:
    broken = table[table["verdict"] == "broken"]
    if len(broken):
        said = "; ".join(
            f"{_named(row['column'])} {re.split('[:;]', row['why'])[0]}" for _, row in broken.head(_MOST).iterrows()
        )
        more = f"; and {len(broken) - _MOST} more" if len(broken) > _MOST else ""
        yield f"Broken: {said}{more}."
    features = table[(table["role"] == "feature") & table["verdict"].isin(["drifted", "stable", "broken"])]
    moved = features[features["verdict"] == "drifted"]
    if len(moved):
        verb = "has" if len(moved) == 1 else "have"
        yield f"{len(moved)} of {len(features)} columns {verb} drifted{_leaning(moved)}."
    others = table[(table["role"] != "feature") & (table["verdict"] == "drifted")]
    if len(others):
        which = " and ".join("the target" if role == "target" else "the model's predictions" for role in others["role"])
        yield f"{which[:1].upper()}{which[1:]} moved{' too' if len(moved) else ''}."
    if not len(moved) and domain is not None:
        yield (
            f"No single column has drifted, but the tables can be told apart (ROC AUC {domain.roc_auc}): how their "
            "columns hang together has changed."
        )
    elif not len(broken) and not len(moved) and not len(others):
        yield f"Nothing broke, and no column of {len(features)} moved beyond chance and its threshold."


def _leaning(moved: pd.DataFrame) -> str:
    """Name what moved: by what the model leans on, where there is one, else by how far."""
    if moved["importance"].isna().all():
        return f": {listed(map(_named, moved['column']), _MOST)}"
    weighty = moved[moved["importance"] >= MATTERS].sort_values("importance", ascending=False)
    if not len(weighty):
        return f", but the model does not lean on {'it' if len(moved) == 1 else 'them'}"
    said = [f"{_named(row['column'])} ({row['importance']:.0%})" for _, row in weighty.iterrows()]
    said[0] = f"{said[0].removesuffix(')')} of its importance)"
    return f"; the model leans on {listed(said, _MOST)}"


def _named(column: object) -> str:
    return repr(value_text(column))


def head_numbers(scalars: Mapping[str, Estimate], rows: int) -> Iterator[KeyNumber]:
    """Yield the numbers of a comparison with a current table of so many rows."""
    for name, label in _LABELS.items():
        if name in scalars:
            yield KeyNumber(name, label, replace(scalars[name], n=rows), "current table", "reference")
