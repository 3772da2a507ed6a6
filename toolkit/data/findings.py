"""What is said about data, made of its texts; and a look for what spoils a model before one is trained."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from unicodedata import normalize

import numpy as np
import pandas as pd

from toolkit.core import Finding, Severity, counted, drawer, facer, finder, quoted, refuser, value_text
from toolkit.errors import listed
from toolkit.statistics import AnyArray, Array, Codes, roc_auc, value_counts

FEW_ROWS, SMALL_CLASS = 200, 20
MISSING_SHARE, NEAR_CONSTANT_SHARE = 0.05, 0.99
MANY_LABELS, MANY_CLASSES = 100, 50
LEAKAGE_SCORE, LEAST_ROWS_FOR_COPY = 0.99, 20
MOST_OF_A_CODE, LEAST_CODE = 10, 99
MOST_ROWS, MOST_BINS = 50_000, 256
LEAST_ROWS, LEAST_OF_A_CLASS = 40, 5

#: A column as it was read, and what was found in doing so.
Noted = tuple[pd.Series, list[Finding]]
finding, refusal, face, drawing = finder(__file__), refuser(__file__), facer(__file__), drawer(__file__)


def by_share(share: float) -> Severity:
    """Return how severe it is that a share of the cells of a column does not fit."""
    return "low" if share <= 0.01 else "medium" if share <= 0.1 else "high" if share <= 0.5 else "critical"


def unseen(labels: pd.Series, strange: pd.Series, text: str, **numbers: object) -> list[Finding]:
    """Say how many labels were never seen before, and name some."""
    if not strange.any():
        return []
    count, cells = int(strange.sum()), listed(map(quoted, labels[strange].astype(str).value_counts().index), 3)
    said = {"count": count, "rows": len(labels), "cells": cells, "first": int(labels.index[strange][0]) + 1}
    return [finding(text, by_share(count / len(labels)), labels.name, **said, **numbers)]


def too_large(whole: pd.Series, numbers: pd.Series) -> list[Finding]:
    """Say where whole numbers are too large to stay apart as decimal ones."""
    lost = whole.nunique() - numbers.nunique() if whole.dtype.kind != "f" and numbers.abs().max() >= 2**53 else 0
    return [finding("DATA-LARGE-NUMBERS", "medium", whole.name, lost=lost, distinct=whole.nunique())] if lost else []


def check_features(features: pd.DataFrame | None, target: pd.Series, task: str) -> Iterator[Finding]:
    """Yield what every check on a prepared table finds, in the order of the checks.

    Parameters
    ----------
    features : DataFrame of shape (n_rows, n_columns)
        ``int64``, ``float64`` and ``category`` columns, as ``toolkit.data.columns.prepare_features`` makes them; None
        to check the target alone.
    target : Series of shape (n_rows,)
    task : {"binary", "multiclass", "regression", ""}
        An empty text where no row has a label.

    Examples
    --------
    >>> features = pd.DataFrame({"a": [0, 1] * 150, "b": range(300)})
    >>> [finding.code for finding in check_features(features, features["a"].rename("y"), "binary")]
    ['DATA-TARGET-COPY']
    """
    if (rows := len(target)) < FEW_ROWS:
        yield finding("DATA-FEW-ROWS", "medium", rows=counted(rows, "row"))
    yield from _classes(target) if task != "regression" else _codes(_counts(target))
    if features is None:
        return
    yield from _columns(features)
    if repeated := int(pd.Series(row_hashes(features, target)).duplicated().sum()):
        said, severity = counted(repeated, "row repeats", "rows repeat"), "medium" if repeated >= 0.1 * rows else "low"
        yield finding("DATA-DUPLICATE-ROWS", severity, repeated=said, share=repeated / rows, rows=rows)
    if rows < LEAST_ROWS_FOR_COPY or not task or target.nunique() < 2:
        return
    scores = leakage_scores(features, target, task)
    measure = "rank R²" if task == "regression" else "ROC AUC"
    # Where the rows are too few for a score, a column is still compared with the target.
    for column in sorted(map(str, features.columns), key=lambda column: -scores.get(column, 0.0)):
        if (score := scores.get(column, LEAKAGE_SCORE)) < LEAKAGE_SCORE:
            break
        if copies_target(features[column], target, task):
            yield finding("DATA-TARGET-COPY", "critical", column, target=target.name)
        elif column in scores:
            yield finding("DATA-LEAKAGE", "high", column, measure=measure, score=score)


def row_hashes(features: pd.DataFrame, target: pd.Series) -> AnyArray:
    """Hash each row's features and target into 64 bits, so that equal rows can be found; shape (n_rows,)."""
    texts = target.astype(object).map(str) if target.dtype == object else target
    return np.asarray(pd.util.hash_pandas_object(pd.concat([features, texts], axis=1), index=False).to_numpy())


def gathered(findings: Iterable[Finding]) -> list[Finding]:
    """Keep the first findings of each code and sum up the rest in one, so that wide tables stay readable.

    Examples
    --------
    >>> many = [Finding("DATA-MISSING", "low", "…", f"c{i}") for i in range(100)]
    >>> [finding.message for finding in gathered(many)][-1]
    '90 more findings of this kind: c10, c11, c12, c13, c14, … (90 in all).'
    """
    kept, rest, seen = list[Finding](), defaultdict[str, list[Finding]](list), Counter[str]()
    for one in findings:
        seen[one.code] += 1
        (kept if seen[one.code] <= MOST_OF_A_CODE else rest[one.code]).append(one)
    for code, others in rest.items():
        where = listed((one.where for one in others), most=5)
        summed = Finding(code, others[0].severity, f"{len(others)} more findings of this kind: {where}.")
        kept.append(summed if len(others) > 1 else others[0])
    return kept


def _classes(target: pd.Series) -> Iterator[Finding]:
    counts = target.value_counts()
    for label, count in counts[counts < SMALL_CLASS][::-1].items():
        severity, few = "high" if count < SMALL_CLASS / 2 else "medium", counted(count, "row")
        yield finding("DATA-TINY-CLASS", severity, label, count=few, rows=len(target), target=target.name)
    if len(counts) > MANY_CLASSES:
        yield finding("DATA-MANY-CLASSES", "medium", target.name, classes=len(counts))
    yield from labels_alike(target.dropna(), "high")


def labels_alike(column: pd.Series, severity: Severity) -> Iterator[Finding]:
    """Say which labels are one but for blanks, capitals, a point zero, and the way letters with accents are stored."""
    same = defaultdict[str, list[str]](list)
    for label in column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column.unique():
        if isinstance(label, str):
            same[" ".join(normalize("NFKC", label).casefold().split()).removesuffix(".0")].append(label)
    if pairs := [label for labels in same.values() if len(labels) > 1 for label in sorted(labels)]:
        yield finding("DATA-LABELS-ALIKE", severity, column.name, labels=listed(map(quoted, pairs), 6))


def _columns(features: pd.DataFrame) -> Iterator[Finding]:
    """Say which columns have many gaps, nearly one value, or very many labels."""
    shares = features.isna().mean().sort_values(ascending=False, kind="stable")
    for name, share in shares[shares >= MISSING_SHARE].items():
        yield finding("DATA-MISSING", "medium" if share >= 0.5 else "low", name, share=share)
    for name, column in features.items():
        counts = _counts(column)
        for value, count in counts[counts >= NEAR_CONSTANT_SHARE * len(column)].items():
            yield finding("DATA-NEAR-CONSTANT", "low", name, value=str(value), share=count / len(column))
        yield from () if isinstance(column.dtype, pd.CategoricalDtype) else _codes(counts)
    for name, column in features.select_dtypes("category").items():
        yield from labels_alike(column, "medium")
        if (labels := len(column.cat.categories)) > MANY_LABELS:
            yield finding("DATA-HIGH-CARDINALITY", "low", name, labels=labels, rows=len(column))


def _counts(column: pd.Series) -> pd.Series:
    """Count the values of a column, in their order."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.value_counts(sort=False)
    values, counts = value_counts(column.dropna().to_numpy())
    return pd.Series(counts, values, name=column.name)


def _codes(counts: pd.Series) -> Iterator[Finding]:
    """Say which ends of a column's values may be codes: nines, such as -999, far from all others or alone below 0."""
    for ends in ([0, 1, -1], [-1, -2, 0]) if len(counts) > 2 else ():
        code, near, far = counts.index[ends]
        apart = code < 0 <= near or (abs(code - near) > abs(near - far) and not 0 <= code < LEAST_CODE)
        if apart and counts[code] > 1 and not f"{abs(code):g}".strip("9"):
            said = {"code": code, "count": counts[code], "others": " to ".join(map(value_text, sorted((near, far))))}
            yield finding("DATA-CODE", "medium" if code < 0 else "low", counts.name, **said)


def leakage_scores(features: pd.DataFrame, target: pd.Series, task: str) -> dict[str, float]:
    """Score each feature alone on rows it was not fitted on.

    A feature is cut into its values, or into up to 256 quantile bins; the target's level in each bin is learnt on one
    half of the rows and judged on the other. Missing is a bin of its own. At most 50,000 rows are used.

    Parameters
    ----------
    features : DataFrame of shape (n_rows, n_columns)
    target : Series of shape (n_rows,)
    task : {"binary", "multiclass", "regression"}

    Returns
    -------
    dict of str to float
        ROC AUC (for several classes the mean of one against the rest, weighted by class), or R² of the target's
        ranks; 1 is perfect. No score for tables with
        fewer than 40 rows, or with fewer than 5 of a class on either half.

    Examples
    --------
    >>> y = pd.Series(np.arange(200) % 2)
    >>> leakage_scores(pd.DataFrame({"a": y * 3 + 1, "b": 7.0}), y, "binary")
    {'a': 1.0, 'b': 0.5}
    """
    if (rows := len(target)) < LEAST_ROWS:
        return {}
    order = np.random.default_rng(0).permutation(rows)[:MOST_ROWS]
    half = len(order) // 2
    if task == "regression":
        aims = [target.rank().to_numpy().astype("float64")[order]]
        usable = np.ptp(aims[0][half:]) > 0
    else:
        classes = pd.factorize(target, sort=True)[0]
        aims = [(classes[order] == code).astype("float64") for code in range(classes.max() + 1)]
        usable = min(part.sum() for aim in aims for part in (aim[:half], aim[half:])) >= LEAST_OF_A_CLASS
        aims = aims[1:] if len(aims) == 2 else aims
    scores, sizes = dict[str, float](), [aim[half:].sum() for aim in aims]
    for name, column in features.items() if usable else ():
        bins = _bins(column.iloc[order], half)
        found = [_score(bins[:half], aim[:half], bins[half:], aim[half:], task) for aim in aims]
        scores[str(name)] = float(np.average(found, weights=sizes))
    return scores


def copies_target(column: pd.Series, target: pd.Series, task: str) -> bool:
    """Tell whether a feature is the target under other labels, or in regression rises (or falls) exactly with it.

    Examples
    --------
    >>> copies_target(pd.Series(["x", "y", "x"]), pd.Series([0, 1, 0]), "binary")
    True
    """
    if task == "regression":
        if column.isna().any() or isinstance(column.dtype, pd.CategoricalDtype):
            return False
        mine, ranks = column.rank().to_numpy(), target.rank().to_numpy()
        return bool((mine == ranks).all() or (mine == len(mine) + 1 - ranks).all())
    pairs = pd.DataFrame({"mine": column, "theirs": target}).drop_duplicates()
    return len(pairs) == column.nunique(dropna=False) == target.nunique()


def _bins(column: pd.Series, fit: int) -> Codes:
    """Give each row the number of its value or quantile bin among the first ones; 0 stands for missing."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.cat.codes.to_numpy().astype("int64") + 1
    values = column.to_numpy(dtype="float64")
    sample = values[:fit][~np.isnan(values[:fit])]
    known = np.unique(sample)
    cuts = (known[1:] + known[:-1]) / 2
    if len(known) > MOST_BINS:
        bins = max(2, min(MOST_BINS, len(sample) // 10))
        cuts = np.unique(np.quantile(sample, np.linspace(0, 1, bins + 1)[1:-1]))
    codes = np.searchsorted(cuts, values, side="right" if len(known) > MOST_BINS else "left") + 1
    return np.where(np.isnan(values), 0, codes)


def _score(bins: Codes, aim: Array, judged: Codes, truth: Array, task: str) -> float:
    """Learn the level of a target in each bin, drawn a little to the mean, and judge it on the bins of other rows."""
    height = int(max(bins.max(), judged.max())) + 1
    level = (np.bincount(bins, aim, height) + aim.mean()) / (np.bincount(bins, minlength=height) + 1)
    if task == "regression":
        errors = truth - level[judged]
        return float(1 - (errors @ errors) / ((truth - truth.mean()) ** 2).sum())
    hits, counts = np.bincount(judged, truth, height), np.bincount(judged, minlength=height)
    return roc_auc(np.repeat([1.0, 0.0], height), np.tile(level, 2), np.append(hits, counts - hits))[0]
