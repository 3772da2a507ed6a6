"""Look for what spoils a model before one is trained: each problem is a finding with a code of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from toolkit.core.result import Finding
from toolkit.data.decisions import column_note
from toolkit.data.leakage import copies_target, leakage_scores

FEW_ROWS = 200
SMALL_CLASS = 20
MISSING_SHARE = 0.05
NEAR_CONSTANT_SHARE = 0.99
MANY_LABELS = 100
MANY_CLASSES = 50
LEAKAGE_SCORE = 0.99
LEAST_ROWS_FOR_COPY = 20
MOST_OF_A_CODE = 10


def check_features(features: pd.DataFrame | None, target: pd.Series[Any], task: str) -> list[Finding]:
    """Run every check on a prepared table.

    Parameters
    ----------
    features : DataFrame of shape (n_rows, n_columns)
        ``int64``, ``float64`` and ``category`` columns, as ``toolkit.data.columns.prepare_features`` makes them; None
        to check the target alone.
    target : Series of shape (n_rows,)
    task : {"binary", "multiclass", "regression", ""}
        An empty text where no row has a label.

    Returns
    -------
    list of Finding
        In the order of the checks.

    Examples
    --------
    >>> features = pd.DataFrame({"a": [0, 1] * 150, "b": range(300)})
    >>> [finding.code for finding in check_features(features, features["a"].rename("y"), "binary")]
    ['DATA-TARGET-COPY']
    """
    about_target = [*_size(target), *_classes(target, task)]
    if features is None:
        return about_target
    return [
        *about_target,
        *_missing(features),
        *_near_constant(features),
        *_many_labels(features),
        *_duplicates(features, target),
        *_leakage(features, target, task),
    ]


def row_hashes(features: pd.DataFrame, target: pd.Series[Any]) -> NDArray[np.uint64]:
    """Hash each row's features and target into 64 bits, so that equal rows can be found; shape (n_rows,)."""
    texts = target.astype(object).map(str) if target.dtype == object else target
    table = pd.concat([features, texts.rename("target")], axis=1)
    table.columns = pd.RangeIndex(table.shape[1])
    return cast("NDArray[np.uint64]", pd.util.hash_pandas_object(table, index=False).to_numpy())


def gathered(findings: Iterable[Finding], most: int = MOST_OF_A_CODE) -> list[Finding]:
    """Keep the first findings of each code and sum up the rest in one, so that wide tables stay readable.

    Examples
    --------
    >>> many = [Finding("DATA-MISSING", "low", "…", f"c{i}") for i in range(100)]
    >>> [finding.message for finding in gathered(many)][-1]
    '90 more findings of this kind: c10, c11, c12, c13, c14, … (90 in all).'
    """
    from toolkit.errors import listed

    kept: list[Finding] = []
    rest: dict[str, list[Finding]] = {}
    seen: Counter[str] = Counter()
    for finding in findings:
        seen[finding.code] += 1
        if seen[finding.code] <= most:
            kept.append(finding)
        else:
            rest.setdefault(finding.code, []).append(finding)
    for code, others in rest.items():
        if len(others) == 1:
            kept.append(others[0])
            continue
        where = listed((finding.where for finding in others), most=5)
        kept.append(Finding(code, others[0].severity, f"{len(others)} more findings of this kind: {where}."))
    return kept


def _size(target: pd.Series[Any]) -> list[Finding]:
    rows = len(target)
    if rows >= FEW_ROWS:
        return []
    message = f"The table has only {rows} rows; expect wide intervals and a verdict that often stays open."
    return [Finding("DATA-FEW-ROWS", "medium", message)]


def _classes(target: pd.Series[Any], task: str) -> list[Finding]:
    if task == "regression":
        return []
    name, counts = str(target.name), target.value_counts()
    findings = [
        Finding(
            "DATA-TINY-CLASS",
            "high" if count < SMALL_CLASS / 2 else "medium",
            f"Class {str(label)!r} of {name!r} has only {count} {'row' if count == 1 else 'rows'} of {len(target):,}: "
            "too few to learn it or to judge how well it is told apart.",
            str(label),
        )
        for label, count in counts[::-1].items()
        if count < SMALL_CLASS
    ]
    if len(counts) > MANY_CLASSES:
        message = f"Target {name!r} has {len(counts)} classes; training and judging take long, and most will be rare."
        findings.append(Finding("DATA-MANY-CLASSES", "medium", message, name))
    return findings


def _missing(features: pd.DataFrame) -> list[Finding]:
    shares = features.isna().mean()
    return [
        column_note("MISSING", "medium" if share >= 0.5 else "low", name, f"is missing in {share:.1%} of the rows")
        for name, share in shares.sort_values(ascending=False, kind="stable").items()
        if share >= MISSING_SHARE
    ]


def _near_constant(features: pd.DataFrame) -> list[Finding]:
    findings = []
    for name in features.columns:
        known = features[name].dropna()
        if known.empty:
            continue
        values, counts = _counts(known)
        share = counts.max() / len(features)
        if share >= NEAR_CONSTANT_SHARE:
            value = str(values[int(counts.argmax())])
            findings.append(column_note("NEAR-CONSTANT", "low", name, f"is {value!r} in {share:.2%} of the rows"))
    return findings


def _counts(known: pd.Series[Any]) -> tuple[Any, NDArray[np.int64]]:
    if isinstance(known.dtype, pd.CategoricalDtype):
        return known.cat.categories, np.bincount(known.cat.codes, minlength=len(known.cat.categories))
    codes, values = pd.factorize(known)
    return values, np.bincount(codes)


def _many_labels(features: pd.DataFrame) -> list[Finding]:
    findings = []
    for name, column in features.items():
        if not isinstance(column.dtype, pd.CategoricalDtype):
            continue
        labels = len(column.cat.categories)
        if labels > MANY_LABELS:
            message = f"has {labels:,} different labels in {len(column):,} rows; rare ones teach a model little"
            findings.append(column_note("HIGH-CARDINALITY", "low", name, message))
    return findings


def _duplicates(features: pd.DataFrame, target: pd.Series[Any]) -> list[Finding]:
    repeated = int(pd.Series(row_hashes(features, target)).duplicated().sum())
    if not repeated:
        return []
    share = repeated / len(target)
    rows = "1 row repeats" if repeated == 1 else f"{repeated:,} rows repeat"
    message = f"{rows} an earlier one in every feature and the target ({share:.1%} of {len(target):,})."
    return [Finding("DATA-DUPLICATE-ROWS", "medium" if share >= 0.1 else "low", message)]


def _leakage(features: pd.DataFrame, target: pd.Series[Any], task: str) -> list[Finding]:
    if len(target) < LEAST_ROWS_FOR_COPY or not task:
        return []
    findings = []
    scores = leakage_scores(features, target, task)
    measure = "rank R²" if task == "regression" else "ROC AUC"
    # Where the rows are too few for a score, a column is still compared with the target.
    for name in sorted(map(str, features.columns), key=lambda name: -scores.get(name, 0.0)):
        score = scores.get(name, LEAKAGE_SCORE)
        if score < LEAKAGE_SCORE:
            break
        if copies_target(features[name], target, task):
            message = f"carries the same information as the target {str(target.name)!r}: leave it out with drop="
            findings.append(column_note("TARGET-COPY", "critical", name, message))
        elif name in scores:
            message = (
                f"alone predicts the target almost perfectly ({measure} {score:.3f} on held-out rows): "
                "make sure it is known before the target is"
            )
            findings.append(column_note("LEAKAGE", "high", name, message))
    return findings
