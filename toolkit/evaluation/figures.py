"""The figures of an evaluation: each kind with the function that draws it and the words that go with it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from toolkit.core.estimate import format_number
from toolkit.core.figures import BLUE, GREY, ORANGE, STYLE, new_axes
from toolkit.core.result import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from toolkit.evaluation.evaluate import Evaluation

_MOST_LABELS = 30


def draw(evaluation: Evaluation, kind: str, ax: Axes | None) -> Axes:
    """Draw one kind of figure of an evaluation onto ``ax``, or onto new axes."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        ax = ax if ax is not None else new_axes()
        _DRAWN[kind](evaluation, ax)
    return ax


def picture(evaluation: Evaluation, kind: str) -> Picture:
    """Put one kind of figure of an evaluation into words."""
    return _WORDS[kind](evaluation)


def _draw_roc(evaluation: Evaluation, ax: Axes) -> None:
    curve = evaluation.curves["roc"]
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":")
    ax.text(0.6, 0.56, "no skill", color=GREY, fontsize=9)
    ax.plot(curve["false_positive_rate"], curve["recall"], color=BLUE)
    _mark_threshold(evaluation, ax, curve, "false_positive_rate", "recall")
    ax.set(xlabel="False positive rate", ylabel="Recall (true positive rate)", xlim=(0, 1), ylim=(0, 1.02))


def _words_roc(evaluation: Evaluation) -> Picture:
    area = evaluation.numbers["test.roc_auc"]
    alt = f"The area under the curve is {area} on the test part. {_at_threshold(evaluation)}"
    caption = (
        "The further to the upper left, the better positives are told from negatives; the dot shows the decisions."
    )
    return Picture("ROC curve", caption, alt)


def _draw_precision_recall(evaluation: Evaluation, ax: Axes) -> None:
    curve = evaluation.curves["precision_recall"]
    rate = float(curve["precision"].iloc[-1])
    ax.axhline(rate, color=GREY, linewidth=1, linestyle=":")
    ax.text(0.02, rate + 0.015, f"no skill {rate:.3f}", color=GREY, fontsize=9)
    ax.plot(curve["recall"], curve["precision"], color=BLUE)
    _mark_threshold(evaluation, ax, curve, "recall", "precision")
    ax.set(xlabel="Recall", ylabel="Precision", xlim=(0, 1), ylim=(0, 1.02))


def _words_precision_recall(evaluation: Evaluation) -> Picture:
    found = evaluation.numbers["test.average_precision"]
    alt = f"Average precision is {found} on the test part. {_at_threshold(evaluation)}"
    return Picture(
        "Precision and recall", "What share of the rows called positive is right, as more of them are found.", alt
    )


def _draw_calibration(evaluation: Evaluation, ax: Axes) -> None:
    curve = evaluation.curves["calibration"]
    ends = np.abs(curve[["low", "high"]].to_numpy().T - curve["observed"].to_numpy())
    most = max(0.05, min(1.0, float(curve[["predicted", "high"]].to_numpy().max()) * 1.05))
    ax.plot([0, most], [0, most], color=GREY, linewidth=1, linestyle=":")
    ax.text(most * 0.75, most * 0.68, "ideal", color=GREY, fontsize=9)
    ax.errorbar(curve["predicted"], curve["observed"], ends, color=BLUE, marker="o", markersize=4, linewidth=1.2)
    ax.set(xlabel="Predicted probability", ylabel="Observed rate", xlim=(0, most), ylim=(0, most))


def _words_calibration(evaluation: Evaluation) -> Picture:
    numbers, curve = evaluation.numbers, evaluation.curves["calibration"]
    pairs = zip(curve["predicted"], curve["observed"], strict=True)
    alt = (
        f"Calibration slope {numbers['test.calibration_slope']}, intercept {numbers['test.calibration_intercept']}, "
        f"expected calibration error {numbers['test.expected_calibration_error']}. Predicted against observed: "
        f"{'; '.join(f'{format_number(p)} {format_number(o)}' for p, o in pairs)}."
    )
    caption = (
        "Each dot is a tenth of the test rows by predicted probability, with its 95% interval; on the line is ideal."
    )
    return Picture("Calibration", caption, alt)


def _draw_gain(evaluation: Evaluation, ax: Axes) -> None:
    curve = evaluation.curves["gain"]
    ax.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":")
    ax.text(0.6, 0.56, "by chance", color=GREY, fontsize=9)
    ax.plot(curve["called"], curve["recall"], color=BLUE)
    _mark_threshold(evaluation, ax, curve, "called", "recall")
    ax.set(xlabel="Share of rows called positive", ylabel="Share of positives found", xlim=(0, 1), ylim=(0, 1.02))


def _words_gain(evaluation: Evaluation) -> Picture:
    curve = evaluation.curves["gain"]
    said = [
        f"{share:.0%} of the rows hold {np.interp(share, curve['called'], curve['recall']):.1%}"
        for share in (0.1, 0.2, 0.5)
    ]
    alt = f"Taken by score, the first {', '.join(said)} of the positives."
    return Picture(
        "Gain", "How many of the positives are found when only the rows with the highest scores are looked at.", alt
    )


def _draw_cost(evaluation: Evaluation, ax: Axes) -> None:
    curve, chosen, unit = _finite_cost(evaluation), evaluation.threshold, _currency(evaluation)
    ax.step(curve["threshold"], curve["expected_cost"], where="pre", color=BLUE)
    if chosen:
        ax.axvline(chosen.value, color=ORANGE, linewidth=1.2)
        ax.annotate(
            f"threshold {chosen.value:.4g}",
            (chosen.value, 1),
            xycoords=("data", "axes fraction"),
            xytext=(4, -10),
            textcoords="offset points",
            color="#8a5a00",
            fontsize=9,
        )
    ax.set(xlabel="Threshold", ylabel=f"Expected cost of one row{f' ({unit})' if unit else ''}")


def _words_cost(evaluation: Evaluation) -> Picture:
    curve, unit = _finite_cost(evaluation), f" {_currency(evaluation)}".rstrip()
    best = curve.iloc[int(curve["expected_cost"].to_numpy().argmin())]
    alt = (
        f"Expected cost of one test row at the chosen threshold: {evaluation.numbers['test.expected_cost']}{unit}; the "
        f"least on these rows is {format_number(best['expected_cost'])} at {best['threshold']:.4g}."
    )
    return Picture("Cost against threshold", "The lower the better; the upright line is the chosen threshold.", alt)


def _draw_scores(evaluation: Evaluation, ax: Axes) -> None:
    bins = evaluation.curves["scores"]
    edges = [*bins["low"], bins["high"].iloc[-1]]
    for name, colour, style in (("negative", GREY, "-"), ("positive", BLUE, "-")):
        ax.stairs(bins[name], edges, color=colour, fill=True, alpha=0.25)
        ax.stairs(bins[name], edges, color=colour, linewidth=1.5, linestyle=style, label=name)
    if evaluation.threshold and math.isfinite(evaluation.threshold.value):
        ax.axvline(evaluation.threshold.value, color=ORANGE, linewidth=1.2, label="threshold")
    ax.legend()
    ax.set(xlabel="Score", ylabel="Share of the class")


def _words_scores(evaluation: Evaluation) -> Picture:
    bins = evaluation.curves["scores"]
    centre = (bins["low"] + bins["high"]) / 2
    said = [
        f"{name} rows score {float((centre * bins[name]).sum()):.3f} on average" for name in ("positive", "negative")
    ]
    caption = f"How the scores of the two classes lie; positive is {evaluation.positive}. The less overlap, the better."
    return Picture("Scores by class", caption, f"{said[0].capitalize()}, {said[1]}. {_at_threshold(evaluation)}")


def _draw_confusion(evaluation: Evaluation, ax: Axes) -> None:
    cells = _confusion(evaluation)
    rates = cells.div(cells.sum(axis=1).replace(0, 1), axis=0)
    shares = rates.to_numpy(dtype=float)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ax.grid(visible=False)
    names = [_short(name) for name in cells.index]
    places = range(len(names))
    ax.set_xticks(places, names, rotation=0 if len(names) <= 4 else 90)
    ax.set_yticks(places, names)
    if len(names) <= 12:
        for (row, column), count in np.ndenumerate(cells.to_numpy()):
            rate = shares[row, column]
            text = f"{count:,}\n{rate:.1%}" if len(names) <= 5 else f"{count:,}"
            ax.text(
                column, row, text, ha="center", va="center", color="white" if rate > 0.55 else "#222222", fontsize=9
            )
    ax.set(xlabel="Predicted", ylabel="True")


def _words_confusion(evaluation: Evaluation) -> Picture:
    cells = _confusion(evaluation)
    if len(cells) == 2:
        (tn, fp), (fn, tp) = cells.to_numpy()
        alt = f"{tp:,} true positives, {fp:,} false positives, {fn:,} false negatives, {tn:,} true negatives."
    else:
        counts = cells.to_numpy()
        shown = zip(cells.index.map(str), counts.diagonal(), counts.sum(axis=1), strict=True)
        rates = [f"{_short(name)} {right:,} of {size:,}" for name, right, size in shown][:_MOST_LABELS]
        alt = f"Called rightly: {'; '.join(rates)}."
    return Picture("Confusion matrix", "Rows are the true classes; percentages and shades are shares of a row.", alt)


def _draw_per_class(evaluation: Evaluation, ax: Axes) -> None:
    table = _by_class(evaluation)
    shown = table.head(_MOST_LABELS)[::-1].reset_index(drop=True)
    for shift, name, colour, marker in ((0.15, "recall", BLUE, "o"), (-0.15, "precision", ORANGE, "s")):
        for place, found in enumerate(shown[name]):
            ax.plot([found.low, found.high], [place + shift] * 2, color=colour, linewidth=1.5)
            ax.plot(
                [found.value], [place + shift], marker, color=colour, markersize=5, label=name if not place else None
            )
    ax.set_yticks(range(len(shown)), [f"{_short(row['class'])} ({row['support']:,})" for _, row in shown.iterrows()])
    ax.set(xlim=(0, 1.02), xlabel="Recall and precision")
    ax.legend(loc="lower left")


def _words_per_class(evaluation: Evaluation) -> Picture:
    rows = _by_class(evaluation).head(_MOST_LABELS)
    said = [
        f"{_short(row['class'])}: recall {row['recall']}, precision {row['precision']}" for _, row in rows.iterrows()
    ]
    caption = "Each class against the rest on the test part, with 95% intervals; the number of its rows in brackets."
    return Picture("Classes", caption, f"{'; '.join(said)}.")


def _draw_predicted(evaluation: Evaluation, ax: Axes) -> None:
    dots = evaluation.curves["predicted_vs_actual"]
    ends = [
        float(dots[["actual", "predicted"]].to_numpy().min()),
        float(dots[["actual", "predicted"]].to_numpy().max()),
    ]
    ax.plot(ends, ends, color=GREY, linewidth=1, linestyle=":")
    ax.scatter(dots["predicted"], dots["actual"], s=10, color=BLUE, alpha=0.4, linewidths=0, rasterized=True)
    ax.set(xlabel="Predicted", ylabel=f"Actual {_short(evaluation.target)}")


def _words_predicted(evaluation: Evaluation) -> Picture:
    numbers = evaluation.numbers
    alt = f"R² is {numbers['test.r2']}, the mean absolute error {numbers['test.mean_absolute_error']}."
    return Picture("Predicted and actual", f"On the line is ideal; {_dots(evaluation)}.", alt)


def _draw_residuals(evaluation: Evaluation, ax: Axes) -> None:
    dots = evaluation.curves["residuals"]
    ax.axhline(0, color=GREY, linewidth=1, linestyle=":")
    ax.scatter(dots["predicted"], dots["residual"], s=10, color=BLUE, alpha=0.4, linewidths=0, rasterized=True)
    ax.set(xlabel="Predicted", ylabel="Predicted minus actual")


def _words_residuals(evaluation: Evaluation) -> Picture:
    numbers = evaluation.numbers
    alt = (
        f"The mean residual is {numbers['test.bias']}, the median absolute one {numbers['test.median_absolute_error']}."
    )
    return Picture("Residuals", f"No pattern around 0 is ideal; {_dots(evaluation)}.", alt)


def _dots(evaluation: Evaluation) -> str:
    shown, n = len(evaluation.curves["residuals"]), evaluation.numbers["test.bias"].n
    return f"each dot is a test row ({shown:,} of {n:,}, picked by chance)" if shown < n else "each dot is a test row"


def _mark_threshold(evaluation: Evaluation, ax: Axes, curve: pd.DataFrame, x: str, y: str) -> None:
    if evaluation.threshold is None:
        return
    if math.isnan(evaluation.threshold.value):
        place, text = _decided_place(evaluation, x, y), "as decided"
        if math.isnan(sum(place)):
            return
    else:
        at = int((curve["threshold"] >= evaluation.threshold.value).sum()) - 1
        if at < 0:
            return
        place, text = (curve[x].iloc[at], curve[y].iloc[at]), f"threshold {evaluation.threshold.value:.4g}"
    ax.plot(*place, "o", color=ORANGE, markeredgecolor="#222222", markersize=7)
    side = "right" if place[0] > 0.7 else "left"
    offset = (8 if side == "left" else 0, 9 if y == "precision" else -17)
    ax.annotate(text, place, xytext=offset, textcoords="offset points", ha=side, fontsize=9)


def _decided_place(evaluation: Evaluation, x: str, y: str) -> tuple[float, float]:
    """Find where the model's own decisions lie on a curve's axes."""
    (tn, fp), (fn, tp) = _confusion(evaluation).to_numpy(dtype=float)
    called = tp + fp
    rates = {
        "recall": tp / (tp + fn),
        "precision": tp / called if called else math.nan,
        "false_positive_rate": fp / (fp + tn),
        "called": called / (called + fn + tn),
    }
    return rates[x], rates[y]


def _at_threshold(evaluation: Evaluation) -> str:
    numbers, chosen = evaluation.numbers, evaluation.threshold
    known = chosen is not None and math.isfinite(chosen.value)
    where = f"At a threshold of {chosen.value:.4g}" if chosen and known else "As the model itself decided,"
    return f"{where} recall is {numbers['test.recall']} and precision {numbers['test.precision']}."


def _finite_cost(evaluation: Evaluation) -> pd.DataFrame:
    curve = evaluation.curves["cost"]
    return curve.iloc[np.flatnonzero(np.isfinite(curve["threshold"].to_numpy()))]


def _currency(evaluation: Evaluation) -> str:
    costs = evaluation.threshold.rule.costs if evaluation.threshold else None
    return costs.currency if costs else ""


def _confusion(evaluation: Evaluation) -> pd.DataFrame:
    return pd.DataFrame() if evaluation.confusion is None else evaluation.confusion


def _by_class(evaluation: Evaluation) -> pd.DataFrame:
    return pd.DataFrame() if evaluation.by_class is None else evaluation.by_class


def _short(label: object, most: int = 24) -> str:
    text = str(label)
    return text if len(text) <= most else text[: most - 1] + "…"


_DRAWN = {
    "roc": _draw_roc,
    "precision_recall": _draw_precision_recall,
    "calibration": _draw_calibration,
    "gain": _draw_gain,
    "cost": _draw_cost,
    "scores": _draw_scores,
    "confusion": _draw_confusion,
    "per_class": _draw_per_class,
    "predicted_vs_actual": _draw_predicted,
    "residuals": _draw_residuals,
}
_WORDS = {
    "roc": _words_roc,
    "precision_recall": _words_precision_recall,
    "calibration": _words_calibration,
    "gain": _words_gain,
    "cost": _words_cost,
    "scores": _words_scores,
    "confusion": _words_confusion,
    "per_class": _words_per_class,
    "predicted_vs_actual": _words_predicted,
    "residuals": _words_residuals,
}
