"""What an evaluation found: its numbers, their tables, and its figures, each with its words, drawing and data."""

from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core import Face, Finding, Record, Result, against_baseline, beside, shorten, titled
from toolkit.core.estimate import UNKNOWN, Estimate, format_number, spread
from toolkit.core.figures import BLUE, GREY, ORANGE, Axes, Drawing, draw_intervals, legend_above, name_rows
from toolkit.data import Dataset
from toolkit.data.fingerprint import fingerprint
from toolkit.evaluation.findings import drawing, face
from toolkit.models import HELD_OUT_FILE, THRESHOLD_FILE, Model, Threshold
from toolkit.statistics import FILE, Measure, replicate, write_replicates

_KINDS = ("baseline", "difference")
_MOST_LABELS, _LABEL = 30, 24
_CURVES = beside(__file__, "curves.yaml")


class Evaluation(Result, frozen=True):
    """How good a model is, in numbers with intervals.

    Attributes
    ----------
    data : Dataset
        The test part.
    threshold : Threshold or None
        At which score a row is predicted positive, and why; binary only.
    parts : tuple of str
        Parts of the split that were measured.
    numbers : dict of str to Estimate
        Everything measured, by dotted name.
    by_class : DataFrame or None
        Multiclass, on the test part: precision, recall, F1 and AUC of each class against the rest.
    confusion : DataFrame or None
        Counts on the test part, or sums of weights of mean 1: a row a true class, a column a predicted class.
    curves : dict of str to DataFrame
        What the figures draw: of two classes see ``binary_curves``, of numbers some rows with their residuals.
    notes : tuple of Finding
    measured : dict of str to Measure
        The metrics of the test part with the influence of each row.
    model : Model
        The model that was measured, which decides at this threshold: the other steps take it.
    held_out : str
        Counts of the test part by score, or sums of its errors, which are kept with the model: see
        ``toolkit.models.held_out``.
    """

    data: Dataset
    threshold: Threshold | None
    parts: tuple[str, ...]
    numbers: dict[str, Estimate]
    by_class: pd.DataFrame | None
    confusion: pd.DataFrame | None
    curves: dict[str, pd.DataFrame]
    notes: tuple[Finding, ...]
    measured: dict[str, Measure]
    model: Model
    held_out: str = ""

    def frame(self) -> pd.DataFrame:
        """Return one row a metric and part; on the test part also the baseline and the difference to it."""
        rows = []
        for metric in self.measured:
            for part in self.parts:
                found, names = self.numbers[f"{part}.{metric}"], [f"{kind}.{metric}" for kind in _KINDS]
                base, apart = (self.numbers.get(name if part == "test" else "", UNKNOWN) for name in names)
                rows.append((metric, part, found, found.method, base, apart, apart.method))
        table = pd.DataFrame(rows, columns=["metric", "part", "value", "method", *_KINDS, "difference_method"])
        return spread(table).drop(columns=[f"{kind}_n" for kind in _KINDS])

    def scalars(self) -> dict[str, Estimate]:
        """Return every number: ``<part>.<metric>``, ``baseline.<metric>``, ``difference.<metric>``, ``latency.…``."""
        return dict(self.numbers)

    def drawings(self) -> list[Drawing]:
        """Return the figures this task has."""
        found = [_OF_CURVES[kind](self, kind) for kind in self.curves]
        tables = ((_confusion, self.confusion), (_per_class, self.by_class))
        return found + [draw(table) for draw, table in tables if table is not None]

    def record(self) -> Record:
        """Return how the threshold was chosen, and replicates by which a later model can be compared in pairs."""
        at, files = self.threshold, {FILE: self._replicates}
        kept = {THRESHOLD_FILE: at.text()} if at and np.isfinite(at.value) else {}
        kept |= {HELD_OUT_FILE: self.held_out} if self.held_out else {}
        parameters, numbers = {"threshold": str(at)} if at else {}, against_baseline(self.numbers)
        return Record(parameters, model=self.model.record(), files=files, kept=kept, numbers=numbers)

    @cached_property
    def _replicates(self) -> str:
        return write_replicates(replicate(self.measured), fingerprint(self.data.target.rename("target").reset_index()))

    def face(self) -> Face:
        """Return the threshold, and the metrics of the test part beside the baseline's."""
        numbers, rows, first = self.numbers, [], next(iter(self.measured))
        for metric in self.measured:
            row: dict[str, object] = {"metric": metric, "test": numbers[f"test.{metric}"]}
            row |= {kind: numbers[name] for kind in _KINDS if (name := f"{kind}.{metric}") in numbers}
            rows.append(row | {part: numbers[f"{part}.{metric}"].value for part in self.parts if part != "test"})
        frames = [pd.DataFrame(rows), *([] if self.by_class is None else [self.by_class])]
        base, units, at = numbers.get(f"baseline.{first}"), self.measured[first].units, self.threshold
        about = {"against": f", against {format_number(base.value)} for the baseline" if base else ""}
        about |= {"units": f" {units.text}" if units else "", "metric": titled(first)}
        about |= {"positive": f" Positive is {self.data.positive}, predicted {at.called}." if at else ""}
        return face("evaluation", self, *frames, value=numbers[f"test.{first}"], **about)


def _ranked(evaluation: Evaluation, kind: str) -> Drawing:
    """Draw a curve that follows the threshold down the scores, beside chance: the diagonal, or the last rate."""
    curve, numbers, about = evaluation.curves[kind], evaluation.numbers, _CURVES[kind]
    (x, y), chance = about["axes"], about["chance"]
    said = ", ".join(f"{at:.0%} of the rows hold {np.interp(at, curve[x], curve[y]):.1%}" for at in (0.1, 0.2, 0.5))
    area = numbers["test.roc_auc" if kind == "roc" else "test.average_precision"]

    def draw(ax: Axes) -> None:
        rate = float(curve[y].iloc[-1])
        ax.plot([0, 1], [0, 1] if chance else [rate, rate], color=GREY, linewidth=1, linestyle=":")
        place = (0.6, 0.56) if chance else (0.02, rate + 0.015)
        ax.text(*place, chance or f"no skill {rate:.3f}", color=GREY, fontsize=9)
        ax.plot(curve[x], curve[y], color=BLUE)
        _mark_decisions(evaluation, ax, x, y)
        ax.set(xlabel=about["labels"][0], ylabel=about["labels"][1], xlim=(0, 1), ylim=(0, 1.02))

    return drawing(kind, draw, curve, held=said, found=area, at_threshold=_at_threshold(evaluation))


def _mark_decisions(evaluation: Evaluation, ax: Axes, x: str, y: str) -> None:
    """Mark where the decisions on the test part lie on a curve."""
    (tn, fp), (fn, tp) = np.asarray(evaluation.confusion, dtype=float)
    rates = {"recall": tp / (tp + fn), "false_positive_rate": fp / (fp + tn), "called": (tp + fp) / (tp + fp + fn + tn)}
    rates["precision"] = tp / (tp + fp) if tp + fp else np.nan
    if np.isnan(rates[x] + rates[y]):
        return
    ax.plot(rates[x], rates[y], "o", color=ORANGE, markeredgecolor="#222222", markersize=7)
    side = "right" if rates[x] > 0.7 else "left"
    offset = (8 if side == "left" else 0, 9 if y == "precision" else -17)
    at = evaluation.numbers.get("threshold.value")
    text = f"threshold {at.value:.4g}" if at else "as decided"
    ax.annotate(text, (rates[x], rates[y]), xytext=offset, textcoords="offset points", ha=side, fontsize=9)


def _at_threshold(evaluation: Evaluation) -> str:
    numbers, at = evaluation.numbers, evaluation.numbers.get("threshold.value")
    where = f"At a threshold of {at.value:.4g}" if at else "As the model itself decided,"
    return f"{where} recall is {numbers['test.recall']} and precision {numbers['test.precision']}."


def _calibration(evaluation: Evaluation, kind: str) -> Drawing:
    numbers, curve = evaluation.numbers, evaluation.curves[kind]

    def draw(ax: Axes) -> None:
        ends = np.abs(curve[["low", "high"]].to_numpy().T - curve["observed"].to_numpy())
        most = max(0.05, min(1.0, float(curve[["predicted", "high"]].to_numpy().max()) * 1.05))
        ax.plot([0, most], [0, most], color=GREY, linewidth=1, linestyle=":")
        ax.text(most * 0.75, most * 0.68, "ideal", color=GREY, fontsize=9)
        ax.errorbar(curve["predicted"], curve["observed"], ends, color=BLUE, marker="o", markersize=4, linewidth=1.2)
        ax.set(xlabel="Predicted probability", ylabel="Observed rate", xlim=(0, most), ylim=(0, most))

    pairs = zip(curve["predicted"].map(format_number), curve["observed"].map(format_number), strict=True)
    return drawing(kind, draw, curve, numbers=numbers, pairs=list(map(" ".join, pairs)))


def _cost(evaluation: Evaluation, kind: str) -> Drawing:
    curve, chosen = evaluation.curves[kind], evaluation.numbers["threshold.value"].value
    finite = curve.iloc[np.flatnonzero(np.isfinite(curve["threshold"].to_numpy()))]
    costs = evaluation.threshold and evaluation.threshold.rule.costs
    unit = costs.currency if costs else ""

    def draw(ax: Axes) -> None:
        ax.step(finite["threshold"], finite["expected_cost"], where="pre", color=BLUE)
        ax.axvline(chosen, color=ORANGE, linewidth=1.2, label=f"threshold {chosen:.4g}")
        legend_above(ax)
        ax.set(xlabel="Threshold", ylabel=f"Expected cost of one row{f' ({unit})' if unit else ''}")

    best = finite.iloc[int(finite["expected_cost"].to_numpy().argmin())]
    at_chosen = f"{evaluation.numbers['test.expected_cost']} {unit}".rstrip()
    least = format_number(best["expected_cost"])
    return drawing(kind, draw, curve, at_chosen=at_chosen, least=least, best=best["threshold"])


def _scores(evaluation: Evaluation, kind: str) -> Drawing:
    bins, at = evaluation.curves[kind], evaluation.numbers.get("threshold.value")

    def draw(ax: Axes) -> None:
        edges = [*bins["low"], bins["high"].iloc[-1]]
        for name, colour in (("negative", GREY), ("positive", BLUE)):
            ax.stairs(bins[name], edges, color=colour, fill=True, alpha=0.25)
            ax.stairs(bins[name], edges, color=colour, linewidth=1.5, label=name)
        if at:
            ax.axvline(at.value, color=ORANGE, linewidth=1.2, label="threshold")
        legend_above(ax)
        ax.set(xlabel="Score", ylabel="Share of the class")

    means = {name: float(((bins["low"] + bins["high"]) / 2 * bins[name]).sum()) for name in ("positive", "negative")}
    positive, at_threshold = evaluation.data.positive, _at_threshold(evaluation)
    return drawing(kind, draw, bins, positive=positive, means=means, at_threshold=at_threshold)


def _against_truth(evaluation: Evaluation, kind: str) -> Drawing:
    """Draw rows by their prediction: against the truth, or as residuals."""
    dots, numbers, residual = evaluation.curves[kind], evaluation.numbers, kind == "residuals"
    shown, n = len(dots), numbers["test.bias"].n
    each = f"each dot is a test row ({shown:,} of {n:,}, drawn at random)" if shown < n else "each dot is a test row"

    def draw(ax: Axes) -> None:
        middle = float(dots["predicted"].mean())
        start, slope = ((middle, 0.0), 0) if residual else ((middle, middle), 1)
        ax.axline(start, slope=slope, color=GREY, linewidth=1, linestyle=":")
        y = dots["residual" if residual else "actual"]
        ax.scatter(dots["predicted"], y, s=10, color=BLUE, alpha=0.4, linewidths=0, rasterized=True)
        above = "Predicted minus actual" if residual else f"Actual {shorten(evaluation.data.target.name, _LABEL)}"
        ax.set(xlabel="Predicted", ylabel=above)

    return drawing(kind, draw, dots, each=each, numbers=numbers)


def _confusion(cells: pd.DataFrame) -> Drawing:
    counts, names = cells.to_numpy(), [shorten(name, _LABEL) for name in cells.index]
    sizes, below = counts.sum(axis=1), names
    if len(names) > 12:  # too many to be named below, too
        below = [str(place) for place in range(1, len(names) + 1)]
        names = list(map("{}: {}".format, below, names))

    def draw(ax: Axes) -> None:
        shares = counts / np.maximum(sizes, 1)[:, None]
        # No shade is so dark that a number on it could not be read, by day and, turned over, by night.
        ax.imshow(shares, cmap="Blues", vmin=0, vmax=2 if len(names) <= 12 else 1, aspect="auto")
        name_rows(ax, names, 0.5)
        ax.set_xticks(range(len(names)), below, rotation=90 if 4 < len(names) <= 12 else 0)
        for (row, column), count in np.ndenumerate(counts if len(names) <= 12 else counts[:0]):
            text = f"{count:,.0f}\n{shares[row, column]:.1%}" if len(names) <= 5 else f"{count:,.0f}"
            ax.text(column, row, text, ha="center", va="center", color="black", fontsize=9)
        ax.set(xlabel="Predicted", ylabel="True")

    rated = zip(names[:_MOST_LABELS], counts.diagonal(), sizes, strict=False)
    said = "; ".join(f"{name} {right:,.0f} of {size:,.0f}" for name, right, size in rated)
    return drawing("confusion", draw, cells.rename(columns="predicted {}".format).reset_index(), grid="", said=said)


def _per_class(table: pd.DataFrame) -> Drawing:
    shown = table.head(_MOST_LABELS)
    names = [shorten(name, _LABEL) for name in shown["class"]]

    def draw(ax: Axes) -> None:
        for name, shift, colour, marker in (("recall", -0.15, BLUE, "o"), ("precision", 0.15, ORANGE, "s")):
            style = dict[str, Any](color=colour, marker=marker, markersize=5, linewidth=1.5, label=name)
            draw_intervals(ax, np.arange(len(shown)) + shift, shown[name], **style)
        name_rows(ax, [f"{name} ({rows:,})" for name, rows in zip(names, shown["support"], strict=True)])
        ax.set(xlim=(0, 1.02), xlabel="Recall and precision")
        legend_above(ax)

    rated = zip(names, shown["recall"], shown["precision"], strict=True)
    said = [f"{name}: recall {recall}, precision {precision}" for name, recall, precision in rated]
    return drawing("per_class", draw, table, said=said)


_OF_CURVES = dict.fromkeys(_CURVES, _ranked)
_OF_CURVES |= {"calibration": _calibration, "cost": _cost, "scores": _scores}
_OF_CURVES |= dict.fromkeys(("predicted_vs_actual", "residuals"), _against_truth)
