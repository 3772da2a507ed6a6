"""Make the findings about data of their texts, and say how severe those are that tell of a share of the cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from toolkit.core.result import Finding, Severity
from toolkit.core.texts import drawer, facer, finder, refuser
from toolkit.core.words import quoted
from toolkit.errors import listed

if TYPE_CHECKING:
    from toolkit.data.recognition import Decision

#: A column as it was read, and what was found in doing so.
Noted = tuple["pd.Series[Any]", list[Finding]]
finding, refusal, face, drawing = finder(__file__), refuser(__file__), facer(__file__), drawer(__file__)


def by_share(share: float) -> Severity:
    """Return how severe it is that a share of the cells of a column does not fit."""
    return "low" if share <= 0.01 else "medium" if share <= 0.1 else "high" if share <= 0.5 else "critical"


def unseen(labels: pd.Series[Any], strange: pd.Series[bool], text: str, **numbers: Any) -> list[Finding]:
    """Say how many labels were never seen before, and name some."""
    if not strange.any():
        return []
    count, cells = int(strange.sum()), listed(map(quoted, labels[strange].astype(str).value_counts().index[:4]), 3)
    said = {"count": count, "rows": len(labels), "cells": cells, "first": int(labels.index[strange][0]) + 1}
    return [finding(text, by_share(count / len(labels)), labels.name, **said, **numbers)]


def about(name: str, decision: Decision, rows: int) -> list[Finding]:
    """Say what a reader should know of how a column was read: odd cells, another reading, units, codes."""
    how, record = decision.format, decision.record
    odd = sum(decision.odd.values())
    cells = listed(map(repr, decision.odd), 4) + (f", first in row {decision.row:,}" if decision.row else "")
    new, changed = record is None, record is not None and record.kind == how.kind and how is not record
    marks, labels = listed(map(repr, how.missing), 4), listed(map(repr, how.labels))
    said: list[tuple[object, str, Severity]] = [
        (odd, "DATA-ODD-CELLS", by_share(odd / max(rows, 1))),
        (changed, "DATA-FORMAT-CHANGED", "medium"),
        (marks and new, "DATA-MISSING-MARKS", "low"),
        (decision.other, "DATA-TWO-READINGS", "medium"),
        (how.unit and (new or changed), "DATA-UNIT", "info"),
        (how.kind == "text" and decision.why and new, "DATA-CODES", "info"),
        (labels and new, "DATA-MARK-IS-LABEL", "low"),
    ]
    numbers = {"decision": decision, "how": how, "odd": odd, "rows": rows, "cells": cells}
    return [finding(code, grave, name, **numbers, marks=marks, labels=labels) for so, code, grave in said if so]
