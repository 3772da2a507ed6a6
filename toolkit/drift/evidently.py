"""Hand the same comparison to evidently, for its interactive report."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from toolkit.drift.distances import METHODS
from toolkit.drift.tables import Rows
from toolkit.drift.verdicts import Plan
from toolkit.errors import InputError

MOST_ROWS = 50_000


def unfit_columns(table: pd.DataFrame) -> list[str]:
    """Name the columns that evidently cannot compare: those without any value in one of the tables."""
    empty = (table["missing_reference"] == 1) | (table["missing_current"] == 1)
    return table.loc[empty, "column"].tolist()


def evidently_report(reference: Rows, current: Rows, table: pd.DataFrame, plan: Plan) -> Any:
    """Run evidently's drift preset over the columns of a comparison, with its methods and thresholds.

    Raises
    ------
    InputError
        Where evidently is not installed, or no column can be compared.
    """
    try:
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset
    except ImportError as error:
        raise InputError("evidently is not installed. Install it with: pip install 'evidently>=0.7,<0.8'") from error
    rows = table[table["method"] != ""]
    if not len(rows):
        raise InputError("evidently has nothing to compare: no column has values in both tables.")
    names = rows["column"].tolist()
    numbers = rows.loc[rows["kind"] == "number", "column"].tolist()
    labels = [name for name in names if name not in numbers]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=labels)
    frames = [_sampled(part, names, labels, plan.seed) for part in (reference, current)]
    before, after = (Dataset.from_pandas(frame, data_definition=definition) for frame in frames)
    preset = DataDriftPreset(
        columns=names,
        per_column_method=dict(zip(names, rows["method"], strict=True)),
        per_column_threshold=_thresholds(rows, plan.alpha),
    )
    return Report([preset]).run(after, before)


def _sampled(part: Rows, names: list[str], labels: list[str], seed: int) -> pd.DataFrame:
    picked = np.arange(part.rows)
    if part.rows > MOST_ROWS:
        picked = np.sort(np.random.default_rng(seed).choice(part.rows, MOST_ROWS, replace=False))
    columns = {}
    for name in names:
        column = part.plain(name)[0]
        assert column is not None  # noqa: S101 - it has a distance, so it has values
        column = column.iloc[picked].reset_index(drop=True)
        columns[name] = column.astype(object).where(column.notna(), None) if name in labels else column
    return pd.DataFrame(columns)


def _thresholds(rows: pd.DataFrame, alpha: float) -> dict[str, float]:
    """Return each threshold as evidently means it: that of a test is on its p value, ours on the distance."""
    return {row["column"]: alpha if METHODS[row["method"]].test else row["threshold"] for _, row in rows.iterrows()}
