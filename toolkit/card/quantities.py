"""Which numbers belong into which section of a card, and the tables made of them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import groupby

import pandas as pd

from toolkit.card.author import sections
from toolkit.card.content import Cell, table_of
from toolkit.card.lineage import model_name
from toolkit.core.estimate import Estimate
from toolkit.core.face import FaceTable
from toolkit.core.figures import BLUE, GREY, Axes, Drawing, Picture, draw_intervals, name_rows
from toolkit.core.numbers import GroupNumber, group_numbers
from toolkit.core.results import Results
from toolkit.core.texts import picturer
from toolkit.core.words import shorten
from toolkit.policy.reason import number_words

picture = picturer(__file__)
Scalars = Mapping[str, Estimate]
Found = tuple[list[FaceTable], list[str]]

_OWN = ("baseline.", "difference.", "fairness.", "explanation.", "gates.", "card.", "change.")
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


def placed_table(scalars: Scalars, section: str, model: str) -> Found:
    """Return the numbers whose names say that they belong into a section.

    Of the candidates that were tried only the chosen ``model`` is shown.
    """
    placed = (name for name in scalars if name.startswith(tuple(sections()[section]["numbers"])))
    names = [name for name in placed if not name.startswith("time.") or name.startswith(f"time.{model}.")]
    return plain_table(scalars, names, sections()[section]["caption"])


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
    rows = [(number_words(name), scalars[name], scalars[name].n or None) for name in names]
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
    # Of a group it reads <feature>.<group>.<column>; a column's own name may have dots.
    groups = [name for name in known.values() if name.startswith(tuple(f"{feature}." for feature in features))]
    columns = tuple(f".{name}" for name in known.values())
    whole = [name for name in known if known[name] not in groups or not known[name].endswith(columns)]
    names = sorted(whole, key=lambda name: -scalars[name].value)[:MOST_DRIVERS]
    rows = [(known[name], scalars[name]) for name in names]
    caption = "Columns that move the output most (mean absolute SHAP value)"
    return table_of(caption, ("column", "mean |SHAP|"), rows), names


def quantitative_tables(scalars: Scalars) -> Found:
    """Return a table of groups for each feature, one of the disparities, and one of the numbers no other table has.

    Those are of classes, slices, individual fairness, proxies and the like.
    """
    every = group_numbers(scalars)
    tables = []
    for feature, ones in _by(every, lambda one: one.feature).items():
        groups = [one for one in ones if one.group and not one.is_disparity]
        if groups:
            kind = "Intersection" if "+" in feature else "Groups"
            tables += _group_table(f"{kind} of {feature}, with 95% intervals", groups)
    disparities = [one for one in every if one.is_disparity]
    features = list(dict.fromkeys(one.feature for one in disparities))
    by_name: dict[str, dict[str, Estimate]] = {}
    for one in disparities:  # of several classes the row's name has the class
        by_name.setdefault(f"{one.group} {one.metric}".strip(), {})[one.feature] = one.number
    rows = [(name, *(known.get(feature) for feature in features)) for name, known in by_name.items()]
    tables += table_of("Disparities between groups, with 95% intervals", ("disparity", *features), rows)
    placed = [beginning for section in sections().values() for beginning in section.get("numbers", ())]
    rest = [name for name in scalars if not _is_metric(name, "test") and not name.startswith((*_OWN, *placed))]
    others, _ = plain_table(scalars, rest, "Other numbers: classes, slices and what else was looked into")
    return tables + others, [*(one.name for one in every), *rest]


MAKERS: dict[str, Callable[[Scalars], Found]] = {
    "details": driver_table,
    "metrics": metric_table,
    "training_data": training_table,
    "quantitative": quantitative_tables,
}


def gathered(every: Sequence[Results], section: str) -> tuple[list[FaceTable], list[tuple[int, str]]]:
    """Make a section's tables of every report; where there are several, a caption says which report it is of."""
    tables, names = [], []
    for place, results in enumerate(every):
        maker = MAKERS.get(section) or partial(placed_table, section=section, model=model_name(results))
        made, used = maker(results.scalars)
        names += [(place, name) for name in used]
        after = f" (report {place + 1}: {results.title})" if len(every) > 1 else ""
        tables += [replace(table, caption=table.caption + after) for table in made]
    return tables, names


def compared_groups(every: Sequence[Results]) -> tuple[Estimate, list[GroupNumber]]:
    """Return one metric over all rows and of every group, the smallest first: the first that several groups have."""
    for results in every:
        ones = [one for one in group_numbers(results.scalars) if one.group and not one.is_disparity]
        for metric in sections()["quantitative"]["compared"]:
            known = [one for one in ones if one.metric == metric and not math.isnan(one.number.value)]
            if len(known) > 1:
                overall = results.scalars.get(f"test.{metric}", Estimate(math.nan))
                return overall, sorted(known, key=lambda one: (one.number.value, one.name))
    return Estimate(math.nan), []


def _is_metric(name: str, part: str) -> bool:
    """Whether a number is a metric of a whole part, not of a class or a candidate."""
    return name.startswith(f"{part}.") and name.count(".") == 1


def _group_table(caption: str, ones: Sequence[GroupNumber]) -> list[FaceTable]:
    known = list(dict.fromkeys(one.metric for one in ones))
    metrics = ([metric for metric in sections()["quantitative"]["foremost"] if metric in known] or known)[:MOST_METRICS]
    rows = []
    for group, own in _by(ones, lambda one: one.group).items():
        by_metric = {one.metric: one.number for one in own}
        rows.append((group, *(by_metric.get(metric) for metric in metrics), max(one.number.n for one in own)))
    return table_of(caption, ("group", *metrics, "rows"), rows)


def _by(ones: Sequence[GroupNumber], key: Callable[[GroupNumber], str]) -> dict[str, list[GroupNumber]]:
    return {name: list(own) for name, own in groupby(sorted(ones, key=key), key)}


MOST_LINES = 16


def groups_drawings(every: Sequence[Results]) -> list[Drawing]:
    """Draw one metric of every group, the smallest first; where no report knows groups, there is nothing to draw."""
    overall, ones = compared_groups(every)
    if not ones:
        return []
    if len(ones) > MOST_LINES:
        ones = [*ones[: MOST_LINES // 2], *ones[-MOST_LINES // 2 :]]
    metric = ones[0].metric
    named = [(shorten(one.group), one.number) for one in ones]
    said = "; ".join(f"{name}: {number}" for name, number in named)
    words = picture("groups", metric=metric, overall=overall, said=said)
    return [draw_beside("groups", words, named, overall.value, metric)]


def draw_beside(
    kind: str, words: Picture, named: Sequence[tuple[str, Estimate]], middle: float, label: str, color: str = BLUE
) -> Drawing:
    """Draw numbers with their intervals, one a line, beside a number that they are compared with."""
    names, numbers = zip(*named, strict=True)

    def draw(ax: Axes) -> None:
        draw_intervals(ax, range(len(numbers)), numbers, color=color)
        name_rows(ax, names)
        if math.isfinite(middle):
            ax.axvline(middle, color=GREY, linestyle="--", linewidth=1.2)
        ax.set_xlabel(label)

    return Drawing(kind, words, draw, pd.DataFrame({"name": names, label: numbers}), grid="x")
