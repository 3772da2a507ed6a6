"""Single rows: which are worth a look, what moved their score, how that reads as a probability, and their figure."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from toolkit.core import BLUE, GREY, ORANGE, Axes, Drawing, beside, format_number, shorten
from toolkit.data import Dataset
from toolkit.errors import InputError, listed
from toolkit.explanation.attribution import Attributor
from toolkit.explanation.findings import drawing
from toolkit.explanation.trace import LINKS, PROBABILITY
from toolkit.models import Predictions, in_order
from toolkit.statistics import Array, cell_text

TEXT = 200  # letters of a value in a table
REASONS = beside(__file__, "words.yaml")["reasons"]


class LocalRow(NamedTuple):
    """One row with what moved its score.

    Attributes
    ----------
    key, reason : str
        Why it is shown: a key of ``REASONS`` with its words, or ``1``, ``2``, … for rows that were asked for.
    index : object
        Its id: the label of the row in the table's index.
    truth, said : str
        The true target, and what the model says, in words.
    output : str
        Which output is explained: the positive class, the class that the model says, or the target.
    scale : str
    base, score : float
        Where the attributions start, and the model's output, to which they add up.
    parts : DataFrame
        ``column, value`` (as in the table, as text), ``attribution``, the largest first; where the scale leads to a
        probability also ``probability_before, probability_after``: see ``probability_path``.
    """

    key: str
    reason: str
    index: Any
    truth: str
    said: str
    output: str
    scale: str
    base: float
    score: float
    parts: pd.DataFrame


def find_rows(data: Dataset, rows: Any) -> dict[str, int]:
    """Return the positions of rows by their ids, one or a list of them, under the keys ``1``, ``2``, ….

    Raises
    ------
    InputError
        Where the table has no such row.
    """
    index = data.features.index
    ids = list(rows) if np.iterable(rows) and not isinstance(rows, str) else [rows]
    if absent := [label for label in ids if label not in index]:
        raise InputError(f"{data.name} has no row with the id {listed(absent)}. Its index has the ids {listed(index)}.")
    return {str(place): index.tolist().index(label) for place, label in enumerate(ids, 1)}


def telling_rows(predicted: Predictions, task: str, threshold: float) -> dict[str, int]:
    """Choose the rows worth a look: the most confident prediction and error, and the nearest to the threshold.

    Confidence is the distance of a score from the threshold as a share of the way to the end of that side; with several
    classes it is the probability of the class said, and a tie is two classes that are nearly as probable. Of numbers:
    the best prediction, the largest overestimate and underestimate. Without scores there is no confidence, and no
    row. A threshold that is not a number stands for decisions of the model's own, and confidence is then from 0.5 or 0.

    Returns
    -------
    dict of str to int
        Positions by the keys of ``REASONS``.
    """
    if task == "regression":
        error = predicted.y_pred - predicted.y_true
        chosen = {"best": int(np.abs(error).argmin())}
        chosen |= {"over": int(error.argmax())} if error.max() > 0 else {}
        return chosen | ({"under": int(error.argmin())} if error.min() < 0 else {})
    if not predicted.scored:
        return {}
    if task == "binary":
        boundary = predicted.boundary if np.isnan(threshold) else threshold
        apart = predicted.y_pred - boundary
        sides = (1 - boundary, boundary) if predicted.probabilities else (float(apart.max()), float(-apart.min()))
        above, below = (apart * sign / max(side, 1e-300) for sign, side in zip((1, -1), sides, strict=True))
        confidence = doubt = np.where(apart >= 0, above, below)
        right = predicted.decide(threshold) == predicted.y_true
    elif predicted.y_prob is not None and predicted.y_prob.shape[1] > 1:
        second, confidence = np.partition(predicted.y_prob, -2, axis=1)[:, -2:].T
        doubt, right = confidence - second, predicted.y_pred == predicted.y_true
    else:
        return {}
    if not np.ptp(confidence):
        return {}
    masks = {"right": right, "wrong": ~right}
    chosen = {key: int(np.flatnonzero(mask)[confidence[mask].argmax()]) for key, mask in masks.items() if mask.any()}
    return chosen | {"threshold" if task == "binary" else "tie": int(doubt.argmin())}


def explain_rows(
    attributor: Attributor, data: Dataset, predicted: Predictions, chosen: dict[str, int] | None, threshold: float
) -> Iterator[LocalRow]:
    """Explain single rows of a table, given by their positions; by default those of ``telling_rows``."""
    if not (chosen := telling_rows(predicted, data.task, threshold) if chosen is None else chosen):
        return
    values, scores = attributor.attribute(data.features.iloc[list(chosen.values())])
    for place, (key, position) in enumerate(chosen.items()):
        said, output = _said(attributor, data, predicted, position, threshold)
        features, order = data.features.iloc[position], np.argsort(-np.abs(values[place][:, output]), kind="stable")
        texts = [cell_text(value, name in data.dates, TEXT) for name, value in features.items()]
        columns = {"column": features.index, "value": texts, "attribution": values[place][:, output]}
        parts = pd.DataFrame(columns).iloc[order]
        if (path := probability_path(attributor.scale, attributor.base, values[place][order], output)) is not None:
            parts = parts.assign(probability_before=path[:-1], probability_after=path[1:])
        yield LocalRow(
            key=key,
            reason=REASONS.get(key, "asked for"),
            index=data.features.index[position],
            truth=str(data.target.iloc[position]),
            said=said,
            output=attributor.outputs.names[output],
            scale=attributor.scale,
            base=float(attributor.base[output]),
            score=float(scores[place, output]),
            parts=parts.reset_index(drop=True),
        )


def _said(attributor: Attributor, data: Dataset, predicted: Predictions, row: int, threshold: float) -> tuple[str, int]:
    """Put the model's answer into words, and choose the output to explain."""
    score = float(predicted.y_pred[row])
    if data.task == "regression":
        return format_number(score), 0
    if data.task == "binary":
        label = in_order(data)[int(predicted.decide(threshold)[row])]
        against = "" if np.isnan(threshold) else f", threshold {format_number(threshold)}"
        return f"{label} (score {format_number(score)}{against})", 0
    label, known = predicted.classes[int(score)], attributor.outputs.known
    chance = f" ({predicted.y_prob[row, int(score)]:.1%})" if predicted.y_prob is not None else ""
    return f"{label}{chance}", known.index(label) if label in known else 0


def probability_path(scale: str, base: Array, values: Array, output: int = 0) -> Array | None:
    """Read attributions as steps of a probability.

    A step on the log-odds or softmax scale changes the probability by more or less, depending on where it starts. So
    the steps are taken one after the other, as given; the same attribution taken earlier or later reads differently,
    only both ends of the path do not depend on the order.

    Parameters
    ----------
    scale : str
        Of the attributions.
    base : array of shape (outputs,)
    values : array of shape (columns, outputs)
        Attributions of one row, in the order of the steps.
    output : int
        Whose probability is read.

    Returns
    -------
    array of shape (columns + 1,) or None
        Probability at the start and after each step; None where the scale leads to none.

    Examples
    --------
    >>> probability_path("log-odds", np.array([0.0]), np.array([[1.0], [1.0]])).round(3).tolist()
    [0.5, 0.731, 0.881]
    """
    steps = base + np.vstack([np.zeros_like(base), np.cumsum(values, axis=0)])
    return link(steps)[:, output] if (link := LINKS.get(scale)) else None


MOST_STEPS = 8


def waterfall(row: LocalRow) -> Drawing:
    """Draw the largest attributions of one row as steps, the rest as one step, from the base at the bottom."""
    steps, base, score, chance = _steps(row), format_number(row.base), format_number(row.score), ""
    if row.scale != PROBABILITY and "probability_after" in row.parts:
        chance = f" (probability {format_number(float(row.parts['probability_after'].iloc[-1]))})"
    said = [f"{name} {_signed(step)}" for name, step in steps]
    towards = "" if row.output == row.scale else f" towards {row.output}"

    def draw(ax: Axes) -> None:
        sizes = np.array([step for _, step in steps[::-1]])
        ends = row.base + np.cumsum(sizes)
        starts = ends - sizes
        reach = np.array([*starts, *ends])
        room = 0.22 * float(np.ptp(reach) or 1.0)
        bars = ax.barh(range(len(steps)), sizes, left=starts, color=np.where(sizes > 0, ORANGE, BLUE), height=0.6)
        ax.bar_label(bars, list(map(_signed, sizes)), padding=3, fontsize=9)
        ax.vlines(ends[:-1], np.arange(len(ends) - 1) - 0.3, np.arange(1, len(ends)) + 0.3, color=GREY, linewidth=0.6)
        ax.axvline(row.base, color=GREY, linewidth=0.8, linestyle=":")
        ax.set_yticks(range(len(steps)), [shorten(name, 34) for name, _ in steps[::-1]])
        ax.set(xlim=(float(reach.min()) - room, float(reach.max()) + room), ylim=(-0.6, len(steps) - 0.4))
        ax.set_xlabel(f"{shorten(row.scale, 24)}: mean {base},\nrow {score}{chance}")

    about = {"row": row, "towards": towards, "said": said, "base": base, "score": score, "chance": chance}
    return drawing("waterfall", draw, row.parts, kind=f"waterfall_{row.key}", grid="x", **about)


def _steps(row: LocalRow) -> list[tuple[str, float]]:
    """Return the largest attributions, named by column and value, then what all others add up to."""
    shown = row.parts.head(MOST_STEPS if len(row.parts) > MOST_STEPS + 1 else MOST_STEPS + 1)
    rows = shown[["column", "value", "attribution"]].itertuples(index=False, name=None)
    steps = [(f"{shorten(name, 22)} = {shorten(value, 18)}", float(step)) for name, value, step in rows]
    rest = row.parts["attribution"].iloc[len(shown) :]
    return [*steps, (f"{len(rest)} others", float(rest.sum()))] if len(rest) else steps


def _signed(number: float) -> str:
    return f"+{format_number(number)}" if number > 0 else format_number(number)
