"""What a reader of an explanation should know before believing it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from toolkit.core.estimate import format_number
from toolkit.core.result import Finding, by_severity
from toolkit.core.texts import drawer, facer, finder
from toolkit.core.words import shorten
from toolkit.errors import listed
from toolkit.explanation.association import REDUNDANT
from toolkit.explanation.attribution import tolerance
from toolkit.explanation.crosscheck import LEAST_ROWS
from toolkit.explanation.importance import LEVEL, REPORTED, magnitudes, rank_text, relative_errors
from toolkit.statistics.units import FEW_GROUPS

if TYPE_CHECKING:
    from toolkit.explanation.explain import Explanation

finding, face, drawing = finder(__file__), facer(__file__), drawer(__file__)
FOREMOST = 5
_NEGLIGIBLE = 0.05
_WEAK = 0.5
_ENDED = {"rows": "the most allowed", "time": "all that the time allowed", "table": "all there are"}


def judge(explanation: Explanation) -> list[Finding]:
    """Return the findings of an explanation, the most severe first."""
    about = (_about_attributions, _about_columns, _about_permutation, _about_groups)
    return by_severity([*explanation.attributor.notes, *chain.from_iterable(found(explanation) for found in about)])


def _about_attributions(explanation: Explanation) -> Iterator[Finding]:
    """Yield where attributions miss the output, are all nil, or are not known as well as was wanted."""
    gap, rows, by, drawn = explanation.additivity_gap, explanation.rows, explanation.attributor, explanation.drawn
    if gap > tolerance(by.base, drawn.output):
        about = {"gap": format_number(gap), "scale": by.scale, "method": by.method}
        yield finding("EXPLAIN-ADDITIVITY", "high", "additivity", **about)
    if not drawn.shap_values.any():
        varies = np.ptp(drawn.output, axis=0).any()
        yield finding("EXPLAIN-CONSTANT varies" if varies else "EXPLAIN-CONSTANT", "medium", rows=rows)
    errors = relative_errors(magnitudes(drawn.shap_values), drawn.units)
    known = zip(explanation.overall["column"], errors, strict=False)
    wide = [(name, error) for name, error in known if error > explanation.precision]
    if wide and drawn.stopped != "precision":
        number = "1 row is" if rows == 1 else f"{rows:,} rows are"
        said = [f"{name} ({f'{error:.1%}' if np.isfinite(error) else 'unknown'})" for name, error in wide]
        about = {"number": number, "ended": _ENDED[drawn.stopped], "wide": listed(said, 5)}
        severity = "low" if drawn.stopped == "time" else "info"
        yield finding("EXPLAIN-IMPRECISE", severity, wanted=100 * explanation.precision, **about)


def _about_columns(explanation: Explanation) -> Iterator[Finding]:
    """Yield which sensitive columns are used, and which important ones say the same."""
    total, sensitive = sum(one.value for one in explanation.overall["mean_abs_shap"]), explanation.data.sensitive
    said = [
        f"{row['column']} (rank {rank_text(row)} of {len(explanation.overall)}, "
        f"{row['mean_abs_shap'].value / total:.1%} of all attributions)"
        for _, row in explanation.overall.iterrows()
        if row["column"] in sensitive and row["mean_abs_shap"].value > 0
    ]
    if said:
        yield finding("EXPLAIN-SENSITIVE", "low", "sensitive", columns=listed(said))
    foremost, pairs = explanation.overall["column"].head(REPORTED), explanation.redundant
    pairs = pairs[pairs[["first", "second"]].astype(str).isin(foremost.tolist()).any(axis=1)]
    if told := [f"{row.first} and {row.second} ({row.measure} {row.value:.2f})" for row in pairs.itertuples()]:
        yield finding("EXPLAIN-REDUNDANT", "low", least=REDUNDANT, pairs=listed(told, FOREMOST))


def _about_permutation(explanation: Explanation) -> Iterator[Finding]:
    """Yield where what moves the scores is not what makes them right."""
    check, increases = explanation.check, explanation.increases
    if explanation.agreement.high < _WEAK:
        yield finding("EXPLAIN-DISAGREES", "medium", "permutation", agreement=explanation.agreement)
    most = max((one.value for one in check.increases), default=0.0)
    foremost = explanation.overall["column"].head(FOREMOST if most > 0 else 0)
    if idle := [f"{name} ({increases[name]})" for name in foremost if increases[name].high < _NEGLIGIBLE * most]:
        yield finding("EXPLAIN-IDLE", "low", "permutation", foremost=FOREMOST, loss=check.loss, columns=listed(idle))


def _about_groups(explanation: Explanation) -> Iterator[Finding]:
    """Yield where the model leans on other columns in some groups, and where that is not known well."""
    units, table = explanation.drawn.units, explanation.groups
    if units and units.kind == "group" and units.count < FEW_GROUPS:
        yield finding("EXPLAIN-FEW-GROUPS", "medium", units.name, units=units)
    if len(few := table[table["rows"] < LEAST_ROWS].drop_duplicates(["by", "group"])):
        names = listed([f"{row['by']} {row['group']} ({row['rows']})" for _, row in few.iterrows()], FOREMOST)
        yield finding("EXPLAIN-GROUP-SMALL", "info", groups=names)
    if len(apart := table[table["p_adjusted"] <= LEVEL]):
        order = np.argsort([-abs(one.value) for one in apart["difference"]], kind="stable")
        largest = apart.iloc[order].drop_duplicates(["by", "column"]).head(3)
        most = "; ".join(
            f"{shorten(row['column'])} where {shorten(row['by'])} is {shorten(row['group'])} ({row['mean_abs_shap']}, "
            f"elsewhere {row['rest']})"
            for _, row in largest.iterrows()
        )
        tested = int(table["p_adjusted"].notna().sum())
        yield finding("EXPLAIN-GROUPS", "low", largest.iloc[0]["by"], apart=len(apart), tested=tested, most=most)


def ranking(explanation: Explanation) -> pd.DataFrame:
    """Return the foremost columns with their ranks, and what shuffling each costs."""
    shown = explanation.overall.head(2 * REPORTED)
    ranks = list(map(rank_text, shown.itertuples()))
    table: dict[str, object] = {"column": shown["column"], "mean |SHAP|": shown["mean_abs_shap"], "rank": ranks}
    costs = [explanation.increases[name] for name in shown["column"]]
    return pd.DataFrame(table | {f"increase of {explanation.check.loss} when shuffled": costs})
