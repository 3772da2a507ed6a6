"""The figures of an explanation: each one's words, drawing and data."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core import Estimate, shorten
from toolkit.core.figures import BLUE, GREY, ORANGE, PALETTE, Axes, Drawing, draw_beside, draw_intervals, name_rows
from toolkit.explanation.explanation import Explanation
from toolkit.explanation.findings import drawing
from toolkit.explanation.importance import REPORTED, rank_text
from toolkit.explanation.local import waterfall
from toolkit.statistics import Array

_DEPENDENCE, _GROUPINGS, _GROUP_COLUMNS = 3, 4, 6
_MARKS = tuple(zip("os^DvP", PALETTE, strict=False))


def drawings(explanation: Explanation) -> list[Drawing]:
    """Return the figures: importance, beeswarm, dependence, interactions, groups and single rows."""
    found = [_importance(explanation)]
    if explanation.shap_values.any():
        found.append(_beeswarm(explanation))
    for place, name in enumerate(explanation.overall["column"].head(_DEPENDENCE), 1):
        if explanation.attributed(name)[1].any():
            found.append(_dependence(explanation, name, f"dependence_{place}"))
    if len(explanation.interactions):
        found.append(_interactions(explanation))
    for place, by in enumerate(list(dict.fromkeys(explanation.groups["by"]))[:_GROUPINGS], 1):
        found.append(_groups(explanation, by, "groups" if place == 1 else f"groups_{place}"))
    return [*found, *map(waterfall, explanation.local)]


def _importance(explanation: Explanation) -> Drawing:
    table = explanation.overall
    foremost = table.head(REPORTED).itertuples()
    said = [f"{_named(row.column)} {row.mean_abs_shap} (rank {rank_text(row)})" for row in foremost]
    over = " and all classes" if explanation.shap_values.shape[2] > 1 else ""
    about = {"rows": explanation.rows, "over": over, "scale": _named(explanation.attributor.scale), "said": said}
    names, sizes = [shorten(name) for name in table["column"]], table["mean_abs_shap"].tolist()
    draw = _bars(f"Mean |SHAP|, {_scale(explanation)}", names, sizes)
    return drawing("importance", draw, table.drop(columns="output"), grid="x", **about)


def _beeswarm(explanation: Explanation) -> Drawing:
    found = {name: explanation.attributed(name) for name in explanation.overall["column"].head(REPORTED)}
    said = []
    for name, (column, values) in found.items():
        low, high = np.quantile(values, [0.05, 0.95])
        both = pd.DataFrame({"value": standing(column), "attribution": values})
        together = both.corr("spearman", min_periods=3).to_numpy()[0, 1]
        way = "" if np.isnan(together) else f", rank correlation with its value {together:.2f}"
        said.append(f"{_named(name)}: 90% of attributions from {low:.3g} to {high:.3g}{way}")
    rows = min(explanation.rows, MOST_POINTS)

    def draw(ax: Axes) -> None:
        from matplotlib.colors import LinearSegmentedColormap

        # By way of purple; neither end is near black or white, as figures are shown inverted where it is dark.
        shades = LinearSegmentedColormap.from_list("values", [BLUE, PALETTE[4], ORANGE])
        for place, (column, values) in enumerate(found.values()):
            size, rank = values[:MOST_POINTS], standing(column.iloc[:MOST_POINTS])
            # Points that lie close together are spread up and down, alternately, the fuller a place the wider.
            slot = pd.Series(np.floor((size - size.min()) / (float(np.ptp(size)) or 1.0) * (_SLOTS - 1)))
            turn = slot.groupby(slot).cumcount().to_numpy()
            step = np.where(turn % 2 == 1, (turn + 1) // 2, -(turn // 2))
            offset, known = place - 0.4 * step / max(float(np.abs(step).max()), 8.0), np.isfinite(rank)
            ax.scatter(size[~known], offset[~known], color=GREY, **_DOT)
            points = ax.scatter(size[known], offset[known], c=rank[known], cmap=shades, vmin=0, vmax=1, **_DOT)
        ax.axvline(0, color=GREY, linewidth=0.8)
        name_rows(ax, [shorten(name) for name in found])
        ax.set_xlabel(f"SHAP, {_scale(explanation)}")
        bar = ax.figure.colorbar(points, ax=ax, ticks=[0, 1], pad=0.02, aspect=30)
        bar.ax.set_yticklabels(["low", "high"])
        bar.ax.set_ylabel("value of the column", labelpad=-10, fontsize=9)

    data = pd.DataFrame({"row": explanation.features.index[:MOST_POINTS].map(str)})
    for name, (_, values) in found.items():
        # Rounded to a thousandth of the largest, which no eye can tell apart, so that a page stays small.
        largest = float(np.abs(values[:MOST_POINTS]).max()) or 1.0
        data[f"SHAP of {name}"] = values[:MOST_POINTS].round(3 - math.floor(math.log10(largest)))
    return drawing("beeswarm", draw, data, grid="x", rows=rows, towards=_towards(explanation), said=said)


def _dependence(explanation: Explanation, name: str, kind: str) -> Drawing:
    values = explanation.attributed(name)[1]
    groups = explanation.by_level(name)
    said = [f"{_named(text)}: {mean}" for text, _, mean in groups]
    towards = _towards(explanation, "Higher dots")

    def draw(ax: Axes) -> None:
        rng = np.random.default_rng(0)
        for place, (_, mask, _) in enumerate(groups):
            points = values[mask][:MOST_POINTS]
            ax.scatter(place + rng.uniform(-0.3, 0.3, len(points)), points, color=BLUE, alpha=0.4, **_DOT)
        brown: dict[str, Any] = {"color": "#8a5a00", "markerfacecolor": ORANGE, "linewidth": 2.5}
        draw_intervals(ax, range(len(groups)), [mean for *_, mean in groups], upright=True, marker="D", **brown)
        ax.axhline(0, color=GREY, linewidth=0.8)
        turned = sum(len(text) for text, _, _ in groups) > 40
        names = [shorten(text, 18) for text, _, _ in groups]
        ax.set_xticks(range(len(groups)), names, rotation=30 if turned else 0, ha="right" if turned else "center")
        ax.set(xlabel=shorten(name), ylabel=f"SHAP, {_scale(explanation)}")

    rows = [(text, int(mask.sum()), mean) for text, mask, mean in groups]
    data = pd.DataFrame(rows, columns=["value", "rows", "mean_attribution"])
    return drawing("dependence", draw, data, kind=kind, grid="y", name=_named(name), towards=towards, said=said)


def _interactions(explanation: Explanation) -> Drawing:
    pairs = explanation.interactions
    named = list(zip(pairs["first"], pairs["second"], pairs["mean_abs_interaction"], strict=True))
    said = [f"{_named(first)} × {_named(second)} {size}" for first, second, size in named]
    names = [f"{shorten(first, 18)} × {shorten(second, 18)}" for first, second, _ in named]
    draw = _bars(f"Mean |interaction|, {_scale(explanation)}", names, [size for *_, size in named])
    return drawing("interactions", draw, pairs, grid="x", rows=named[0][2].n, said=said)


def _groups(explanation: Explanation, by: str, kind: str) -> Drawing:
    table = explanation.groups[explanation.groups["by"] == by]
    groups = list(table.drop_duplicates("group").nlargest(len(_MARKS), "rows")["group"])
    columns = list(dict.fromkeys(table["column"]))[:_GROUP_COLUMNS]
    shown = table[table["group"].isin(groups) & table["column"].isin(columns)]
    said = [f"{_named(row['column'])}, {_named(row['group'])}: {row['mean_abs_shap']}" for _, row in shown.iterrows()]

    def draw(ax: Axes) -> None:
        for order, (group, (marker, colour)) in enumerate(zip(groups, _MARKS, strict=False)):
            sizes = shown[shown["group"] == group].set_index("column")["mean_abs_shap"]
            places = np.arange(len(columns)) - 0.35 + 0.7 / max(len(groups), 2) * (order + 0.5)
            style: dict[str, Any] = {"color": colour, "marker": marker, "label": shorten(group, 24)}
            draw_intervals(ax, places, sizes[columns], markersize=5, linewidth=1.8, **style)
        name_rows(ax, [shorten(name, 28) for name in columns])
        ax.set(xlabel=f"Mean |SHAP|, {_scale(explanation)}", xlim=(0, None))
        ax.legend(title=shorten(by, 24), loc="lower right")

    return drawing("groups", draw, table, kind=kind, by=_named(by), said=said)


def _bars(label: str, names: Sequence[str], sizes: Sequence[Estimate]) -> Callable[[Axes], None]:
    names, sizes = names[:REPORTED], sizes[:REPORTED]

    def draw(ax: Axes) -> None:
        ax.barh(range(len(sizes)), [size.value for size in sizes], color=BLUE, height=0.6, alpha=0.35)
        draw_beside(label, names, sizes, math.nan, markersize=5)(ax)
        ax.set_xlim(left=0)

    return draw


def _named(name: object) -> str:
    return shorten(name, 60)


def _scale(explanation: Explanation) -> str:
    return shorten(explanation.attributor.scale, 30)


def _towards(explanation: Explanation, way: str = "Dots to the right") -> str:
    return f" {way} favour {_named(explanation.towards)}." if explanation.towards else ""


MOST_POINTS = 1000
_DOT: dict[str, Any] = {"s": 4, "linewidths": 0, "rasterized": True}
_SLOTS = 80


def standing(column: pd.Series) -> Array:
    """Return where each value stands among the column's, from 0 to 1; nan for categories and missing values."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return np.full(len(column), np.nan)
    rank = column.rank().to_numpy(dtype=float)
    most = float(np.nanmax(rank, initial=0.0))
    return np.asarray((rank - 1) / (most - 1) if most > 1 else rank * 0 + 0.5)
