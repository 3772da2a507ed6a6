"""Which numbers belong into which section of a card, and the tables made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby

from toolkit.card.content import Cell, table_of
from toolkit.core.estimate import Estimate
from toolkit.core.face import FaceTable
from toolkit.core.groups import GroupNumber, group_numbers
from toolkit.core.results import Results

Scalars = Mapping[str, Estimate]
Found = tuple[list[FaceTable], list[str]]

#: Sections by the beginning of a number's name; ``test`` and ``fairness`` have tables of their own.
PLACES = {
    "evaluation_data": ("data.", "split.test.", "split.validation.", "split.shared_rows_share"),
    "training_data": ("split.train.", "train.", "validation.", "cv."),
    "operation": ("latency.", "throughput.", "model.", "time."),
    "caveats": ("drift.",),
}
_PLACED = tuple(beginning for beginnings in PLACES.values() for beginning in beginnings)
_OWN = ("baseline.", "difference.", "fairness.", "explanation.", "gates.", "card.", "change.")
#: Metrics of groups, the first three of which have a column; the others are in ``card.json``.
FOREMOST = (
    "selection_rate",
    "recall",
    "false_positive_rate",
    "precision",
    "accuracy",
    "mean_prediction",
    "mean_residual",
    "mean_absolute_error",
)
#: Metrics by which groups are compared in a sentence and in a figure: the first that several have.
COMPARED = ("recall", "accuracy", "selection_rate", "mean_absolute_error")
MOST_METRICS = 3
MOST_DRIVERS = 10


def metric_table(scalars: Scalars) -> Found:
    """Return the metrics of the test part beside the baseline's, with the difference."""
    metrics = [name.removeprefix("test.") for name in scalars if _is_metric(name, "test")]
    compared = any(f"baseline.{metric}" in scalars for metric in metrics)
    kinds = ("test", "baseline", "difference") if compared else ("test",)
    names = [f"{kind}.{metric}" for metric in metrics for kind in kinds if f"{kind}.{metric}" in scalars]
    rows: list[list[Cell]] = [
        [metric, *(scalars.get(f"{kind}.{metric}") for kind in kinds), scalars[f"test.{metric}"].n]
        for metric in metrics
    ]
    return table_of("Metrics on the test part, with 95% intervals", ("metric", *kinds, "rows"), rows), names


def placed_table(scalars: Scalars, section: str, caption: str, model: str = "") -> Found:
    """Return the numbers whose names say that they belong into a section.

    Of the candidates that were tried only the chosen ``model`` is shown.
    """
    placed = (name for name in scalars if name.startswith(PLACES[section]))
    names = [name for name in placed if not name.startswith("time.") or name.startswith(f"time.{model}.")]
    return plain_table(scalars, names, caption)


def training_table(scalars: Scalars) -> Found:
    """Return the metrics of the training part and of cross-validation, and what the training part holds."""
    names = [name for name in scalars if name.startswith("split.train.") or _is_metric(name, "cv")]
    metrics = [name.removeprefix("train.") for name in scalars if _is_metric(name, "train")]
    parts = [part for part in ("train", "validation") if any(f"{part}.{metric}" in scalars for metric in metrics)]
    rows = [(metric, *(scalars.get(f"{part}.{metric}") for part in parts)) for metric in metrics]
    tables, used = plain_table(scalars, names, "Training, in numbers")
    own = [f"{part}.{metric}" for metric in metrics for part in parts if f"{part}.{metric}" in scalars]
    return tables + table_of("Metrics on the parts that made the model", ("metric", *parts), rows), used + own


def plain_table(scalars: Scalars, names: Sequence[str], caption: str) -> Found:
    """Return numbers under their names, one a row."""
    rows = [(name, scalars[name], scalars[name].n or None) for name in names]
    return table_of(caption, ("number", "value", "rests on"), rows), list(names)


def driver_table(scalars: Scalars) -> Found:
    """Return the columns that move the model's output most, by the names that explanations give them."""
    ending = ".mean_abs_shap"
    known = {
        name: name.removeprefix("explanation.").removesuffix(ending)
        for name in scalars
        if name.startswith("explanation.") and name.endswith(ending) and not math.isnan(scalars[name].value)
    }
    features = {*known.values(), *(one.feature for one in group_numbers(scalars))}
    whole = [name for name in known if not _is_of_group(known[name], features, known.values())]
    names = sorted(whole, key=lambda name: -scalars[name].value)[:MOST_DRIVERS]
    rows = [(known[name], scalars[name]) for name in names]
    caption = "Columns that move the output most (mean absolute SHAP value)"
    return table_of(caption, ("column", "mean |SHAP|"), rows), names


def _is_of_group(middle: str, features: Collection[str], columns: Iterable[str]) -> bool:
    """Whether it reads ``<feature>.<group>.<column>``, and is not a column whose own name has dots."""
    begins = any(middle.startswith(f"{feature}.") for feature in features)
    return begins and any(middle.endswith(f".{column}") for column in columns)


def group_tables(scalars: Scalars) -> Found:
    """Return a table of groups for each feature, and one of the disparities between them."""
    every = group_numbers(scalars)
    tables = []
    for feature, ones in _by(every, lambda one: one.feature).items():
        groups = [one for one in ones if one.group and not one.is_disparity]
        if groups:
            kind = "Intersection" if groups[0].is_intersection else "Groups"
            tables += _group_table(f"{kind} of {feature}, with 95% intervals", groups)
    return tables + _disparity_table([one for one in every if one.is_disparity]), [one.name for one in every]


def compared_groups(every: Sequence[Results]) -> tuple[Estimate, list[GroupNumber]]:
    """Return one metric over all rows and of every group, the smallest first: the first that several groups have."""
    for results in every:
        ones = [one for one in group_numbers(results.scalars) if one.group and not one.is_disparity]
        for metric in COMPARED:
            known = [one for one in ones if one.metric == metric and not math.isnan(one.number.value)]
            if len(known) > 1:
                overall = results.scalars.get(f"test.{metric}", Estimate(math.nan))
                return overall, sorted(known, key=lambda one: (one.number.value, one.name))
    return Estimate(math.nan), []


def other_table(scalars: Scalars) -> Found:
    """Return the numbers that no other table has: classes, slices, individual fairness, proxies and the like."""
    names = [name for name in scalars if not _is_metric(name, "test") and not name.startswith((*_OWN, *_PLACED))]
    return plain_table(scalars, names, "Other numbers: classes, slices and what else was looked into")


def _is_metric(name: str, part: str) -> bool:
    """Whether a number is a metric of a whole part, not of a class or a candidate."""
    return name.startswith(f"{part}.") and name.count(".") == 1


def _group_table(caption: str, ones: Sequence[GroupNumber]) -> list[FaceTable]:
    known = list(dict.fromkeys(one.metric for one in ones))
    metrics = ([metric for metric in FOREMOST if metric in known] or known)[:MOST_METRICS]
    rows = []
    for group, own in _by(ones, lambda one: one.group).items():
        by_metric = {one.metric: one.number for one in own}
        rows.append((group, *(by_metric.get(metric) for metric in metrics), max(one.number.n for one in own)))
    return table_of(caption, ("group", *metrics, "rows"), rows)


def _disparity_table(ones: Sequence[GroupNumber]) -> list[FaceTable]:
    """Return a row a disparity and a column a feature; of several classes the row's name has the class."""
    features = list(dict.fromkeys(one.feature for one in ones))
    by_name: dict[str, dict[str, Estimate]] = {}
    for one in ones:
        by_name.setdefault(f"{one.group} {one.metric}".strip(), {})[one.feature] = one.number
    rows = [(name, *(known.get(feature) for feature in features)) for name, known in by_name.items()]
    return table_of("Disparities between groups, with 95% intervals", ("disparity", *features), rows)


def _by(ones: Sequence[GroupNumber], key: Callable[[GroupNumber], str]) -> dict[str, list[GroupNumber]]:
    return {name: list(own) for name, own in groupby(sorted(ones, key=key), key)}
