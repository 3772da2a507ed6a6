"""What is kept with a model of the rows it was judged on: how many of each score, label and decision, and no row."""

import json

import numpy as np
import pandas as pd
from scipy.special import logit

from toolkit.data.dataset import Dataset
from toolkit.data.load import as_dataset
from toolkit.errors import NotApplicableError
from toolkit.models.model import Model, in_order
from toolkit.models.prediction import Predictions
from toolkit.models.threshold import Threshold

KEPT_AS = "held_out.json"
#: Scores alike within this are counted together: of probabilities in log-odds, of others in standard deviations.
STEP = 0.01
_LEAST = 1e-6


def count_held_out(found: Predictions, chosen: Threshold | None) -> str:
    """Count held-out rows by score, label and decision; scores that are nearly alike are counted together.

    Parameters
    ----------
    found : Predictions
        Of rows with labels.
    chosen : Threshold or None
        Binary only.

    Returns
    -------
    str
        JSON; empty for numbers, and where the model gives no scores.

    Examples
    --------
    >>> found = Predictions(np.array([0.0, 1, 1]), np.array([0.2, 0.8, 0.8]), None, True, ("no", "yes"))
    >>> json.loads(count_held_out(found, Threshold(0.5, "0.5")))["rows"]
    [1, 2]
    """
    score, said = found.y_pred, found.y_pred
    if chosen is not None and found.scored:
        said = found.decide(chosen.value)
    elif found.y_prob is not None:
        score = found.y_prob[np.arange(len(said)), said.astype(np.intp)]
    else:
        return ""
    at = logit(np.clip(score, _LEAST, 1 - _LEAST)) if found.probabilities else score / (float(score.std()) or 1.0)
    rows = pd.DataFrame({"at": np.round(at / STEP), "truth": found.y_true, "said": said, "score": score})
    counts = rows.groupby(["at", "truth", "said"])["score"].agg(score="mean", rows="size").reset_index()
    return json.dumps({"probabilities": found.probabilities} | counts.to_dict("list"))


def held_out_rows(model: Model) -> tuple[Dataset, Predictions]:
    """Return labels and predictions such as those of the rows that a model was judged on, without a feature.

    Raises
    ------
    NotApplicableError
        Where none were kept with it.
    """
    if KEPT_AS not in model.kept or not model.schema.task:
        raise NotApplicableError("No scores of held-out rows were kept with the model. Give a table as reference.")
    content = json.loads(model.kept[KEPT_AS])
    probabilities = bool(content.pop("probabilities"))
    counts = pd.DataFrame(content)
    rows = counts.loc[counts.index.repeat(counts["rows"])].reset_index(drop=True)
    schema, truth, said = model.schema, rows["truth"].to_numpy(), rows["said"].to_numpy()
    names = in_order(schema)
    labels = pd.DataFrame({schema.named("target"): pd.Series(names, dtype=object)[truth.astype(np.intp)].to_numpy()})
    data = as_dataset(labels.infer_objects(), "held-out rows", like=schema)
    score, y_prob = rows["score"].to_numpy(), None
    if schema.task == "multiclass":
        y_prob = np.zeros((len(rows), max(len(names), int(said.max()) + 1)))
        y_prob[np.arange(len(rows)), said.astype(np.intp)] = score
        score = said
    return data, Predictions(truth, score, y_prob, probabilities, names)
