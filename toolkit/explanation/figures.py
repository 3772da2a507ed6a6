"""The figures of an explanation: which there are, their words, and what draws them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from toolkit.core.figures import BLUE, GREEN, ORANGE, PURPLE, RED, SKY
from toolkit.core.result import Picture
from toolkit.explanation.importance import REPORTED, rank_text
from toolkit.explanation.scatter import MOST_POINTS, by_value, draw_dependence, draw_swarm, standing
from toolkit.explanation.waterfall import draw_waterfall, waterfall_picture
from toolkit.explanation.words import plain
from toolkit.statistics.intervals import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from toolkit.explanation.explain import Explanation

_DEPENDENCE, _GROUPINGS, _GROUP_COLUMNS = 3, 4, 6
_MARKS = (("o", BLUE), ("s", ORANGE), ("^", GREEN), ("D", RED), ("v", PURPLE), ("P", SKY))


def pictures(explanation: Explanation) -> dict[str, Picture]:
    """Put each figure that an explanation has into words."""
    found = {"importance": _importance_picture(explanation)}
    if explanation.shap_values.any():
        found["beeswarm"] = _swarm_picture(explanation)
    found |= {kind: _dependence_picture(explanation, column) for kind, column in _dependent(explanation).items()}
    if len(explanation.interactions):
        found["interactions"] = _interactions_picture(explanation)
    found |= {kind: _groups_picture(explanation, by) for kind, by in _groupings(explanation).items()}
    return found | {f"waterfall_{row.key}": waterfall_picture(row) for row in explanation.local}


def draw(explanation: Explanation, kind: str, ax: Axes) -> Axes:
    """Draw one figure of an explanation."""
    name, _, key = kind.partition("_")
    scale = plain(explanation.scale, 30)
    if name == "importance":
        _draw_bars(ax, explanation.overall["column"], explanation.overall["mean_abs_shap"], f"Mean |SHAP|, {scale}")
    elif name == "beeswarm":
        places = [_place(explanation, column) for column in explanation.overall["column"].head(REPORTED)]
        shown = explanation.shap_values[:, places, _shown_output(explanation)]
        draw_swarm(ax, explanation.features.iloc[:, places], shown, f"SHAP, {scale}")
    elif name == "dependence":
        column, values = _attributed(explanation, _dependent(explanation)[kind])
        draw_dependence(ax, column, values, f"SHAP, {scale}")
    elif name == "interactions":
        pairs = explanation.interactions
        names = pairs["first"].map(_short) + " × " + pairs["second"].map(_short)
        _draw_bars(ax, names, pairs["mean_abs_interaction"], f"Mean |interaction|, {scale}")
    elif name == "groups":
        _draw_groups(explanation, _groupings(explanation)[kind], ax)
    else:
        draw_waterfall(next(row for row in explanation.local if row.key == key), ax)
    return ax


def _drawn(values: Array) -> Array:
    """Round to a thousandth of the largest, which no eye can tell apart, so that a page stays small."""
    largest = float(np.abs(values).max(initial=0.0))
    return values.round(3 - math.floor(math.log10(largest))) if largest else values


def figure_data(explanation: Explanation, kind: str) -> pd.DataFrame:
    """Return what one figure of an explanation draws."""
    name, _, key = kind.partition("_")
    if name == "importance":
        return explanation.overall.drop(columns="output")
    if name == "beeswarm":
        names = list(explanation.overall["column"].head(REPORTED))
        shown = {f"SHAP of {name}": _drawn(_attributed(explanation, name)[1][:MOST_POINTS]) for name in names}
        return pd.DataFrame({"row": explanation.features.index[:MOST_POINTS].map(str), **shown})
    if name == "dependence":
        lines = by_value(*_attributed(explanation, _dependent(explanation)[kind]))
        rows = [(text, int(mask.sum()), mean) for text, mask, mean in lines]
        return pd.DataFrame(rows, columns=["value", "rows", "mean_attribution"])
    if name == "interactions":
        return explanation.interactions
    if name == "groups":
        return explanation.groups[explanation.groups["by"] == _groupings(explanation)[kind]]
    return next(row.parts for row in explanation.local if row.key == key)


def _short(name: object) -> str:
    return plain(name, 18)


def _named(name: object) -> str:
    return plain(name, 60)


def _place(explanation: Explanation, column: str) -> int:
    return [str(name) for name in explanation.features.columns].index(column)


def _shown_output(explanation: Explanation) -> int:
    """Choose the output with the largest attributions: a point can show but one."""
    return int(np.abs(explanation.shap_values).sum(axis=(0, 1)).argmax())


def _attributed(explanation: Explanation, column: str) -> tuple[pd.Series[Any], Array]:
    place = _place(explanation, column)
    return explanation.features.iloc[:, place], explanation.shap_values[:, place, _shown_output(explanation)]


def _dependent(explanation: Explanation) -> dict[str, str]:
    """Return the foremost columns that are attributed anything, by the kind of their figure."""
    shown = explanation.overall["column"].head(_DEPENDENCE)
    return {
        f"dependence_{place}": name for place, name in enumerate(shown, 1) if _attributed(explanation, name)[1].any()
    }


def _groupings(explanation: Explanation) -> dict[str, str]:
    """Return the columns whose groups were compared, by the kind of their figure."""
    names = dict.fromkeys(explanation.groups["by"])
    return {
        "groups" if place == 1 else f"groups_{place}": by for place, by in enumerate(names, 1) if place <= _GROUPINGS
    }


def _towards(explanation: Explanation, way: str = "To the right") -> str:
    if explanation.task == "regression":
        return ""
    return f" {way} speaks for {_named(explanation.outputs[_shown_output(explanation)])}."


def _draw_bars(ax: Axes, names: Any, sizes: Any, label: str) -> None:
    shown = list(zip(names, sizes, strict=True))[:REPORTED][::-1]
    for place, (_, size) in enumerate(shown):
        ax.barh(place, size.value, color=BLUE, height=0.6, alpha=0.35)
        ax.plot([size.low, size.high], [place, place], color=BLUE, linewidth=2)
        ax.plot([size.value], [place], "o", color=BLUE, markersize=5)
    ax.set_yticks(range(len(shown)), [plain(name) for name, _ in shown])
    ax.set(xlabel=label, ylim=(-0.6, len(shown) - 0.4))
    ax.set_xlim(left=0)
    ax.grid(visible=False, axis="y")


def _importance_picture(explanation: Explanation) -> Picture:
    said = [
        f"{_named(row['column'])} {row['mean_abs_shap']} (rank {rank_text(row['rank_low'], row['rank_high'])})"
        for _, row in explanation.overall.head(REPORTED).iterrows()
    ]
    over = " and all classes" if len(explanation.outputs) > 1 else ""
    caption = (
        f"How far each column moves the model's score, up or down, on average over {explanation.rows:,} rows{over}, in "
        f"units of {_named(explanation.scale)}; lines are 95% intervals. Columns whose ranks overlap cannot be told "
        "apart."
    )
    return Picture("Importance of the columns", caption, f"Mean |SHAP|: {'; '.join(said)}.")


def _swarm_picture(explanation: Explanation) -> Picture:
    said = []
    for name in explanation.overall["column"].head(REPORTED):
        column, values = _attributed(explanation, name)
        low, high = np.quantile(values, [0.05, 0.95])
        rank = standing(column)
        known = np.isfinite(rank)
        way = ""
        if known.sum() > 2 and np.ptp(rank[known]) and np.ptp(values[known]):
            with_value = pd.Series(values[known]).rank().corr(pd.Series(rank[known]).rank())
            way = f", rank correlation with its value {with_value:.2f}"
        said.append(f"{_named(name)}: 90% of attributions from {low:.3g} to {high:.3g}{way}")
    caption = (
        f"A dot is the attribution of one of {min(explanation.rows, MOST_POINTS):,} rows: how far the column moves its "
        f"score.{_towards(explanation)} Light dots are high values of the column, dark ones low; grey ones are "
        "categories or missing."
    )
    return Picture("Attributions row by row", caption, f"{'; '.join(said)}.")


def _dependence_picture(explanation: Explanation, name: str) -> Picture:
    said = [f"{_named(text)}: {size}" for text, _, size in by_value(*_attributed(explanation, name))]
    caption = (
        f"Attributions to {_named(name)} by its value: a dot is a row, a diamond the mean with its 95% interval."
        f"{_towards(explanation, 'Upwards')} Dots far apart at one value "
        "mean that other columns matter too."
    )
    return Picture(f"What {_named(name)} does to the score", caption, f"Mean attribution by value: {'; '.join(said)}.")


def _interactions_picture(explanation: Explanation) -> Picture:
    pairs = explanation.interactions
    said = [
        f"{_named(row['first'])} × {_named(row['second'])} {row['mean_abs_interaction']}" for _, row in pairs.iterrows()
    ]
    caption = (
        f"How far two columns move the score together, beyond what each does alone, on average over "
        f"{pairs['mean_abs_interaction'].iloc[0].n} rows; lines are 95% intervals."
    )
    return Picture("Strongest interactions", caption, f"Mean |interaction|: {'; '.join(said)}.")


def _of_groups(explanation: Explanation, by: str) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Return the rows of one grouping, its largest groups, and the foremost columns."""
    table = explanation.groups[explanation.groups["by"] == by]
    sizes = table.drop_duplicates("group").nlargest(len(_MARKS), "rows")
    return table, list(sizes["group"]), list(dict.fromkeys(table["column"]))[:_GROUP_COLUMNS]


def _draw_groups(explanation: Explanation, by: str, ax: Axes) -> None:
    table, groups, columns = _of_groups(explanation, by)
    found = {(row["group"], row["column"]): row["mean_abs_shap"] for _, row in table.iterrows()}
    step = 0.7 / max(len(groups), 2)
    for order, (group, (mark, colour)) in enumerate(zip(groups, _MARKS, strict=False)):
        for line, column in enumerate(columns):
            size, height = found[group, column], len(columns) - 1 - line + 0.35 - step * (order + 0.5)
            ax.plot([size.low, size.high], [height, height], color=colour, linewidth=1.8)
            ax.plot(
                [size.value], [height], mark, color=colour, markersize=5, label=plain(group, 24) if not line else None
            )
    ax.set_yticks(range(len(columns)), [plain(name, 28) for name in columns[::-1]])
    ax.set(xlabel=f"Mean |SHAP|, {plain(explanation.scale, 30)}", ylim=(-0.6, len(columns) - 0.4))
    ax.set_xlim(left=0)
    ax.legend(title=plain(by, 24), loc="lower right")


def _groups_picture(explanation: Explanation, by: str) -> Picture:
    table, groups, columns = _of_groups(explanation, by)
    said = [
        f"{_named(row['column'])}, {_named(row['group'])}: {row['mean_abs_shap']}"
        for _, row in table.iterrows()
        if row["group"] in groups and row["column"] in columns
    ]
    caption = (
        f"Mean |SHAP| of the foremost columns within the groups of {_named(by)}, with 95% intervals: where they lie "
        "apart, the model leans on the column more in one group than in another."
    )
    return Picture(f"What the model leans on, by {_named(by)}", caption, f"Mean |SHAP|: {'; '.join(said)}.")
