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
    checks = (_additivity, _constant, _precision, _sensitive, _redundancy, _disagreement, _groups)
    return by_severity([*explanation.notes, *chain.from_iterable(check(explanation) for check in checks)])


def _additivity(explanation: Explanation) -> Iterator[Finding]:
    gap = explanation.additivity_gap
    if gap <= tolerance(explanation.base, explanation.output):
        return
    note = (
        f"Base and attributions miss the model's output by up to {format_number(gap)} ({explanation.scale}): the "
        f"{explanation.method} explainer does not describe this model. Use method='permutation'."
    )
    yield Finding("EXPLAIN-ADDITIVITY", "high", note, "additivity")


def _constant(explanation: Explanation) -> Iterator[Finding]:
    if explanation.shap_values.any():
        return
    note = (
        f"The model says the same of all {explanation.rows:,} rows explained: no column is attributed anything."
        if not np.ptp(explanation.output, axis=0).any()
        else f"No column is attributed anything in {explanation.rows:,} rows, although the model's output varies."
    )
    yield Finding("EXPLAIN-CONSTANT", "medium", note)


def _precision(explanation: Explanation) -> Iterator[Finding]:
    if explanation.stopped == "precision":
        return
    errors = relative_errors(magnitudes(explanation.shap_values))
    names = explanation.overall["column"].head(len(errors))
    wide = [(name, error) for name, error in zip(names, errors, strict=True) if error > explanation.precision]
    if not wide:
        return
    said = listed([f"{name} ({error:.1%})" if np.isfinite(error) else f"{name} (unknown)" for name, error in wide], 5)
    number = "1 row is" if explanation.rows == 1 else f"{explanation.rows:,} rows are"
    note = (
        f"{number} explained, {_ENDED[explanation.stopped]}; the standard error of these importances is above the "
        f"{100 * explanation.precision:g}% that was wanted: {said}."
    )
    yield Finding("EXPLAIN-IMPRECISE", "low" if explanation.stopped == "time" else "info", note)


def _sensitive(explanation: Explanation) -> Iterator[Finding]:
    total = sum(one.value for one in explanation.overall["mean_abs_shap"])
    said = [
        f"{row['column']} (rank {rank_text(row['rank_low'], row['rank_high'])} of {len(explanation.overall)}, "
        f"{row['mean_abs_shap'].value / total:.1%} of all attributions)"
        for _, row in explanation.overall.iterrows()
        if row["column"] in explanation.sensitive and row["mean_abs_shap"].value > 0
    ]
    if not said:
        return
    yield Finding("EXPLAIN-SENSITIVE", "low", f"The model uses sensitive columns: {listed(said)}.", "sensitive")


def _redundancy(explanation: Explanation) -> Iterator[Finding]:
    foremost = set(explanation.overall["column"].head(REPORTED))
    pairs = [
        f"{row['first']} and {row['second']} ({row['measure']} {row['value']:.2f})"
        for _, row in explanation.redundant.iterrows()
        if {str(row["first"]), str(row["second"])} & foremost
    ]
    if not pairs:
        return
    note = (
        f"Important columns say much the same as others (association of {REDUNDANT:g} or more), so their credit is "
        f"split or lies with one by chance; judge them together: {listed(pairs, FOREMOST)}."
    )
    yield Finding("EXPLAIN-REDUNDANT", "low", note)


def _disagreement(explanation: Explanation) -> Iterator[Finding]:
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


def _groups(explanation: Explanation) -> Iterator[Finding]:
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
