"""What is kept with a model of the rows behind it, and no row.

Of those it was judged on: counts by score, or errors by prediction. Of those it was trained on: a bit for each, which
says that no number on them is one of unseen rows.
"""

import json
from base64 import b64decode, b64encode
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import logit

from toolkit.core import Estimate, Finding, adapter
from toolkit.data import Dataset, as_dataset
from toolkit.errors import NotApplicableError
from toolkit.models.findings import finding
from toolkit.models.model import Model, in_order
from toolkit.models.prediction import Predictions
from toolkit.models.threshold import Threshold
from toolkit.registry.model_store import TRAINED_ON
from toolkit.statistics import Measure, weights_of

HELD_OUT_FILE = "held_out.json"
#: Scores alike within this are counted together: of probabilities in log-odds, of others in standard deviations.
STEP = 0.01
_LEAST = 1e-6
#: Of how many rows a bin of the predicted value is to be, and is at least, and the most bins.
ROWS_OF_A_BIN, LEAST_OF_A_BIN, BINS = 30, 10, 50


@dataclass(frozen=True)
class HeldOutErrors:
    """The errors of a regression on held-out rows, by bins of the predicted value; equal bins can be added up.

    Attributes
    ----------
    level : dict of str to Estimate
        The metrics of all of them.
    effect : float
        How many times the variance of a mean error is that of independent rows of one weight.
    unit : float
        What errors were divided by, so that the powers of large ones stay finite.
    ends : list of float
        The least predicted value, where each bin but the first begins, and the greatest.
    rows : list of int
        How many rows each bin has.
    sums : dict of str to list of float
        Of each bin the sums over its rows, by weight, of the powers 0, 1, 2 and 4 of the absolute error.
    """

    level: dict[str, Estimate]
    effect: float
    unit: float
    ends: list[float]
    rows: list[int]
    sums: dict[str, list[float]]


def count_held_out(found: Predictions, chosen: Threshold | None, measured: dict[str, Measure]) -> str:
    """Count held-out rows by score, label and decision, or sum their errors; what is nearly alike is taken together.

    Parameters
    ----------
    found : Predictions
        Of rows with labels.
    chosen : Threshold or None
        Binary only.
    measured : dict of str to Measure
        Their metrics, which know what belongs together: rows of a group, or of a stretch of a series, are counted
        apart from others, under its number, and so are rows of another weight.

    Returns
    -------
    str
        JSON; empty where the model of a classification gives no scores.

    Examples
    --------
    >>> found = Predictions(np.array([0.0, 1, 1]), np.array([0.2, 0.8, 0.8]), None, True, ("no", "yes"))
    >>> json.loads(count_held_out(found, Threshold(0.5, "0.5"), {}))["rows"]
    [1, 2]
    """
    if not found.classes:
        return _sum_errors(found, measured)
    score, said = found.y_pred, found.y_pred
    if chosen is not None and found.scored:
        said = found.decide(chosen.value)
    elif found.y_prob is not None:
        score = found.chance(said)
    else:
        return ""
    at = logit(np.clip(score, _LEAST, 1 - _LEAST)) if found.probabilities else score / (float(score.std()) or 1.0)
    units = measured["accuracy"].units if measured else None
    own = {"weight": units.weights, "group": None if units.kind == "row" else units.independent[0]} if units else {}
    rows = pd.DataFrame({"at": np.round(at / STEP), "truth": found.y_true, "said": said, "score": score, **own})
    alike = rows.columns.drop(["score", "weight"], errors="ignore")
    cells = rows.groupby([np.log1p(weights_of(units, len(rows))).round(1), *alike], dropna=False)
    counts = cells.mean().assign(rows=cells.size()).droplevel(0).reset_index().dropna(axis=1)
    return json.dumps({"probabilities": found.probabilities} | counts.to_dict("list"))


def _sum_errors(found: Predictions, measured: dict[str, Measure]) -> str:
    predicted, error = found.y_pred, np.abs(found.y_pred - found.y_true)
    bins = min(max(len(error) // ROWS_OF_A_BIN, 1), BINS)
    cuts = np.unique(np.quantile(predicted, np.arange(1, bins) / bins, method="higher"))
    cuts = cuts[np.bincount(np.searchsorted(cuts, predicted, side="right"))[:-1] >= LEAST_OF_A_BIN]
    place, unit = np.searchsorted(cuts, predicted, side="right"), float(error.max()) or 1.0
    each = np.ones(len(error)) if found.weights is None else found.weights
    sums = {str(power): np.bincount(place, each * (error / unit) ** power).tolist() for power in (0, 1, 2, 4)}
    absolute, level = measured["mean_absolute_error"], {name: one.estimate for name, one in measured.items()}
    # A single group tells as much as one row.
    effect = min(absolute.units.design_effect(absolute.influence), len(error)) if absolute.units else 1.0
    ends = [float(predicted.min()), *cuts.tolist(), float(predicted.max())]
    kept = HeldOutErrors(level, effect, unit, ends, np.bincount(place).tolist(), sums)
    return str(adapter(HeldOutErrors).dump_json(kept).decode())


def held_out_rows(model: Model) -> tuple[Dataset, Predictions | HeldOutErrors]:
    """Return labels and predictions such as those of the rows that a model was judged on, without a feature.

    Of a regression, its errors stand in the place of the predictions, and no row has a label.

    Raises
    ------
    NotApplicableError
        Where none were kept with it.
    """
    if HELD_OUT_FILE not in model.kept or not model.schema.task:
        raise NotApplicableError("No scores of held-out rows were kept with the model. Give a table as reference.")
    schema, kept = model.schema, model.kept[HELD_OUT_FILE]
    if schema.task == "regression":
        errors = adapter(HeldOutErrors).validate_json(kept)
        rows = pd.DataFrame({schema.named("target"): np.full(sum(errors.rows), np.nan)})
        return as_dataset(rows, "held-out rows", like=schema), errors
    counts = pd.DataFrame(content := json.loads(kept))
    rows = counts.loc[counts.index.repeat(counts["rows"])].reset_index(drop=True)
    truth, said = rows["truth"].to_numpy(), rows["said"].to_numpy()
    names = in_order(schema)
    labels = pd.DataFrame({schema.named("target"): pd.Series(names, dtype=object)[truth.astype(np.intp)].to_numpy()})
    data = as_dataset(labels.infer_objects(), "held-out rows", like=schema)
    # Neither was kept where rows stand alone, nor by an earlier version.
    data = replace(data, group=rows.get("group"), weight=rows.get("weight"))
    score, each, sure = rows["score"].to_numpy(), weights_of(data.units, data.rows), bool(content["probabilities"])
    if schema.task == "multiclass":
        y_prob = np.zeros((len(rows), max(len(names), int(said.max()) + 1)))
        y_prob[np.arange(len(rows)), said.astype(np.intp)] = score
        return data, Predictions(truth, said, y_prob, sure, names, weights=each)
    # Without a threshold the model decided itself, whatever its scores.
    itself = model.threshold is None or np.isnan(model.threshold.value)
    return data, Predictions(truth, score, None, sure, names, weights=each, own=said if itself else None)


def mark_rows(data: Dataset) -> dict[str, str]:
    """Write which rows of a table these are, and nothing of what they hold: a file to be kept, by its name."""
    bits = np.packbits(np.bincount(data.target.index).astype(bool))
    return {TRAINED_ON: json.dumps({"fingerprint": data.fingerprint, "rows": b64encode(bits.tobytes()).decode()})}


def about_rows(model: Model, data: Dataset, text: str = "MODEL-TRAINING-ROWS") -> list[Finding]:
    """Say that a model was trained on some of the rows that it is judged on."""
    marked = json.loads(model.kept.get(TRAINED_ON, "{}"))
    if marked.get("fingerprint") != data.fingerprint:
        return []
    bits = np.unpackbits(np.frombuffer(b64decode(marked["rows"]), dtype="uint8"))
    seen = int(data.target.index.isin(np.flatnonzero(bits)).sum())
    said = {"model": f"{model.name} ({model.version})".removesuffix(" ()"), "seen": seen, "rows": data.rows}
    return [finding(text, "high", model.version or model.name, **said)] if seen else []
