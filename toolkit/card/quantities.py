"""Which numbers belong into which section of a card, and the tables made of them."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import pandas as pd

from toolkit.card.content import sections, table_of
from toolkit.card.lineage import model_name
from toolkit.core.estimate import UNKNOWN, Estimate, GroupNumber, group_numbers
from toolkit.core.face import FaceTable
from toolkit.core.figures import Drawing, draw_beside
from toolkit.core.results import Results
from toolkit.core.texts import drawer
from toolkit.core.words import matching, shorten
from toolkit.policy.reason import number_words

drawing = drawer(__file__)
Scalars = Mapping[str, Estimate]
Found = tuple[list[FaceTable], list[str]]

_OWN = ("baseline.", "difference.", "fairness.", "explanation.", "gates.", "card.", "change.")
MOST_DRIVERS = 10


def metric_table(scalars: Scalars) -> Found:
    """Return the metrics of the test part beside the baseline's, with the difference."""
    return _by_metric(scalars, ("test", "baseline", "difference"), "Metrics on the test part, with 95% intervals")


def placed_table(scalars: Scalars, section: str, model: str) -> Found:
    """Return the numbers whose names say that they belong into a section.

    Of the candidates that were tried only the chosen ``model`` is shown.
    """
    placed = (name for name in scalars if name.startswith(tuple(sections()[section].get("numbers", ()))))
    names = [name for name in placed if not name.startswith("time.") or name.startswith(f"time.{model}.")]
    return plain_table(scalars, names, sections()[section].get("caption", ""))


def training_table(scalars: Scalars) -> Found:
    """Return the metrics of the training part and of cross-validation, and what the training part holds."""
    names = [name for name in scalars if name.startswith("split.train.") or _is_metric(name, "cv")]
    tables, used = plain_table(scalars, names, "Training, in numbers")
    others, own = _by_metric(scalars, ("train", "validation"), "Metrics on the parts that made the model")
    return tables + others, used + own


def plain_table(scalars: Scalars, names: Sequence[str], caption: str) -> Found:
    """Return numbers under their names, one a row."""
    rows = [(number_words(name), scalars[name], scalars[name].n or None) for name in names]
    return table_of(caption, ("number", "value", "rests on"), rows), list(names)


def driver_table(scalars: Scalars) -> Found:
    """Return the columns that move the model's output most, by the names that explanations give them."""
    found = [one for one in matching("explanation.*.mean_abs_shap", scalars) if not math.isnan(scalars[one].value)]
    known = {name: name.removeprefix("explanation.").removesuffix(".mean_abs_shap") for name in found}
    features = {*known.values(), *(one.feature for one in group_numbers(scalars))}
    # Of a group it reads <feature>.<group>.<column>; a column's own name may have dots.
    groups = [name for name in known.values() if name.startswith(tuple(f"{feature}." for feature in features))]
    columns = tuple(f".{name}" for name in known.values())
    whole = [name for name in known if known[name] not in groups or not known[name].endswith(columns)]
    names = sorted(whole, key=lambda name: -scalars[name].value)[:MOST_DRIVERS]
    caption = "Columns that move the output most (mean absolute SHAP value)"
    return table_of(caption, ("column", "mean |SHAP|"), [(known[name], scalars[name]) for name in names]), names


def group_tables(scalars: Scalars) -> Found:
    """Return a table of groups for each feature, one of the disparities, and one of the numbers no other table has.

    Those are of classes, slices, individual fairness, proxies and the like.
    """
    every = group_numbers(scalars)
    apart, tables = [one for one in every if one.is_disparity], []
    people = [one for one in every if one.group and not one.is_disparity]
    for feature in sorted({one.feature for one in people}):
        by_group = _crossed((one.group, one.metric, one.number) for one in people if one.feature == feature)
        known = dict.fromkeys(metric for own in by_group.values() for metric in own)
        shown = ([metric for metric in sections()["quantitative"]["foremost"] if metric in known] or list(known))[:3]
        ordered = sorted(by_group.items())
        rows = [(group, *map(own.get, shown), max(number.n for number in own.values())) for group, own in ordered]
        kind = "Intersection" if "+" in feature else "Groups"
        tables += table_of(f"{kind} of {feature}, with 95% intervals", ("group", *shown, "rows"), rows)
    features = list(dict.fromkeys(one.feature for one in apart))
    # Of several classes the row's name has the class.
    by_name = _crossed((f"{one.group} {one.metric}".strip(), one.feature, one.number) for one in apart)
    disparities = [(name, *map(own.get, features)) for name, own in by_name.items()]
    tables += table_of("Disparities between groups, with 95% intervals", ("disparity", *features), disparities)
    placed = [beginning for section in sections().values() for beginning in section.get("numbers", ())]
    rest = [name for name in scalars if not _is_metric(name, "test") and not name.startswith((*_OWN, *placed))]
    others, _ = plain_table(scalars, rest, "Other numbers: classes, slices and what else was looked into")
    return tables + others, [*(one.name for one in every), *rest]


MAKERS: dict[str, Callable[[Scalars], Found]] = {"details": driver_table, "metrics": metric_table}
MAKERS |= {"training_data": training_table, "quantitative": group_tables}


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
            if len(known := [one for one in ones if one.metric == metric and not math.isnan(one.number.value)]) > 1:
                known.sort(key=lambda one: (one.number.value, one.name))
                return results.scalars.get(f"test.{metric}", UNKNOWN), known
    return UNKNOWN, []


def _by_metric(scalars: Scalars, kinds: Sequence[str], caption: str) -> Found:
    """Return the metrics of the first kind, one a row, beside the others that there are."""
    metrics = [name.removeprefix(f"{kinds[0]}.") for name in scalars if _is_metric(name, kinds[0])]
    kinds = [kind for kind in kinds if any(f"{kind}.{metric}" in scalars for metric in metrics)]
    names = [name for metric in metrics for kind in kinds if (name := f"{kind}.{metric}") in scalars]
    rows = [(one, *(scalars.get(f"{kind}.{one}") for kind in kinds), scalars[f"{kinds[0]}.{one}"].n) for one in metrics]
    return table_of(caption, ("metric", *kinds, "rows"), rows), names


def _is_metric(name: str, part: str) -> bool:
    """Whether a number is a metric of a whole part, not of a class or a candidate."""
    return name.startswith(f"{part}.") and name.count(".") == 1


def _crossed(entries: Iterable[tuple[str, str, Estimate]]) -> dict[str, dict[str, Estimate]]:
    """Put numbers by row and column into rows."""
    rows: dict[str, dict[str, Estimate]] = {}
    for row, column, number in entries:
        rows.setdefault(row, {})[column] = number
    return rows


MOST_LINES = 16


def groups_drawings(every: Sequence[Results]) -> list[Drawing]:
    """Draw one metric of every group, the smallest first; where no report knows groups, there is nothing to draw."""
    overall, ones = compared_groups(every)
    if not ones:
        return []
    if len(ones) > MOST_LINES:
        ones = [*ones[: MOST_LINES // 2], *ones[-MOST_LINES // 2 :]]
    metric, names, numbers = ones[0].metric, [shorten(one.group) for one in ones], [one.number for one in ones]
    said, data = list(map("{}: {}".format, names, numbers)), pd.DataFrame({"name": names, metric: numbers})
    draw = draw_beside(metric, names, numbers, overall.value)
    return [drawing("groups", draw, data, grid="x", metric=metric, overall=overall, said=said)]
