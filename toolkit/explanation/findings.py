"""What a reader of an explanation should know before believing it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from toolkit.core.estimate import format_number
from toolkit.core.result import Finding, by_severity
from toolkit.core.words import shorten
from toolkit.errors import listed
from toolkit.explanation.attribution import tolerance
from toolkit.explanation.crosscheck import LEAST_ROWS, REDUNDANT
from toolkit.explanation.importance import LEVEL, REPORTED, magnitudes, rank_text, relative_errors

if TYPE_CHECKING:
    from toolkit.explanation.explain import Explanation

FOREMOST = 5
_NEGLIGIBLE = 0.05
_WEAK = 0.5
_ENDED = {"rows": "the most allowed", "time": "all that the time allowed", "table": "all there are"}


def judge(explanation: Explanation) -> list[Finding]:
    """Return the findings of an explanation, the most severe first."""
    about = (_about_attributions, _about_columns, _about_permutation, _about_groups)
    return by_severity([*explanation.notes, *chain.from_iterable(found(explanation) for found in about)])


def _about_attributions(explanation: Explanation) -> Iterator[Finding]:
    """Yield where attributions miss the output, are all nil, or are not known as well as was wanted."""
    gap = explanation.additivity_gap
    if gap > tolerance(explanation.base, explanation.output):
        note = (
            f"Base and attributions miss the model's output by up to {format_number(gap)} ({explanation.scale}): the "
            f"{explanation.method} explainer does not describe this model. Use method='permutation'."
        )
        yield Finding("EXPLAIN-ADDITIVITY", "high", note, "additivity")
    if not explanation.shap_values.any():
        note = (
            f"The model says the same of all {explanation.rows:,} rows explained: no column is attributed anything."
            if not np.ptp(explanation.output, axis=0).any()
            else f"No column is attributed anything in {explanation.rows:,} rows, although the model's output varies."
        )
        yield Finding("EXPLAIN-CONSTANT", "medium", note)
    errors = relative_errors(magnitudes(explanation.shap_values))
    wide = [
        f"{name} ({error:.1%})" if np.isfinite(error) else f"{name} (unknown)"
        for name, error in zip(explanation.overall["column"], errors, strict=False)
        if error > explanation.precision
    ]
    if wide and explanation.stopped != "precision":
        number = "1 row is" if explanation.rows == 1 else f"{explanation.rows:,} rows are"
        note = (
            f"{number} explained, {_ENDED[explanation.stopped]}; the standard error of these importances is above the "
            f"{100 * explanation.precision:g}% that was wanted: {listed(wide, 5)}."
        )
        yield Finding("EXPLAIN-IMPRECISE", "low" if explanation.stopped == "time" else "info", note)


def _about_columns(explanation: Explanation) -> Iterator[Finding]:
    """Yield which sensitive columns are used, and which important ones say the same."""
    total = sum(one.value for one in explanation.overall["mean_abs_shap"])
    said = [
        f"{row['column']} (rank {rank_text(row['rank_low'], row['rank_high'])} of {len(explanation.overall)}, "
        f"{row['mean_abs_shap'].value / total:.1%} of all attributions)"
        for _, row in explanation.overall.iterrows()
        if row["column"] in explanation.sensitive and row["mean_abs_shap"].value > 0
    ]
    if said:
        yield Finding("EXPLAIN-SENSITIVE", "low", f"The model uses sensitive columns: {listed(said)}.", "sensitive")
    foremost = set(explanation.overall["column"].head(REPORTED))
    pairs = [
        f"{row['first']} and {row['second']} ({row['measure']} {row['value']:.2f})"
        for _, row in explanation.redundant.iterrows()
        if {str(row["first"]), str(row["second"])} & foremost
    ]
    if pairs:
        note = (
            f"Important columns say much the same as others (association of {REDUNDANT:g} or more), so their credit is "
            f"split or lies with one by chance; judge them together: {listed(pairs, FOREMOST)}."
        )
        yield Finding("EXPLAIN-REDUNDANT", "low", note)


def _about_permutation(explanation: Explanation) -> Iterator[Finding]:
    check, agreement = explanation.check, explanation.check.agreement
    if agreement.high < _WEAK:
        note = (
            f"The order of the columns by SHAP hardly agrees with that by permutation importance (Spearman "
            f"{agreement}): what moves the scores is not what makes them right."
        )
        yield Finding("EXPLAIN-DISAGREES", "medium", note, "permutation")
    most = max((one.value for one in check.increases), default=0.0)
    increases = explanation.increases
    idle = [
        f"{name} ({increases[name]})"
        for name in explanation.overall["column"].head(FOREMOST)
        if most > 0 and increases[name].high < _NEGLIGIBLE * most
    ]
    if idle:
        note = (
            f"Among the {FOREMOST} foremost columns, shuffling these costs next to nothing ({check.loss}, with its "
            f"95% interval): {listed(idle)}. They move the scores without making them right, or others say the same."
        )
        yield Finding("EXPLAIN-IDLE", "low", note, "permutation")


def _about_groups(explanation: Explanation) -> Iterator[Finding]:
    apart = explanation.groups[explanation.groups["p_adjusted"] <= LEVEL]
    few = explanation.groups[explanation.groups["rows"] < LEAST_ROWS].drop_duplicates(["by", "group"])
    if len(few):
        names = listed([f"{row['by']} {row['group']} ({row['rows']})" for _, row in few.iterrows()], FOREMOST)
        note = f"Too few rows explained to compare what the model leans on: {names}."
        yield Finding("EXPLAIN-GROUP-SMALL", "info", note)
    if len(apart):
        order = np.argsort([-abs(one.value) for one in apart["difference"]], kind="stable")
        largest = apart.iloc[order].drop_duplicates(["by", "column"]).head(3)
        said = "; ".join(
            f"{shorten(row['column'])} where {shorten(row['by'])} is {shorten(row['group'])} ({row['mean_abs_shap']}, "
            f"elsewhere {row['rest']})"
            for _, row in largest.iterrows()
        )
        note = (
            f"The model leans on columns more or less in some groups than elsewhere, beyond chance in {len(apart)} of "
            f"{int(explanation.groups['p_adjusted'].notna().sum())} comparisons (Benjamini-Hochberg); most in {said}."
        )
        yield Finding("EXPLAIN-GROUPS", "low", note, str(largest.iloc[0]["by"]))
