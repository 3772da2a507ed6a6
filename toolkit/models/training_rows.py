"""Which rows a model was trained on, kept with it as a bit for each: no number on them is one of unseen rows."""

import json
from base64 import b64decode, b64encode

import numpy as np

from toolkit.core.result import Finding
from toolkit.data.dataset import Dataset
from toolkit.models.findings import finding
from toolkit.models.model import Model
from toolkit.registry.model_store import TRAINED_ON


def mark_rows(data: Dataset) -> dict[str, str]:
    """Write which rows of a table these are, and nothing of what they hold: a file to be kept, by its name."""
    bits = np.packbits(np.bincount(data.target.index).astype(bool))
    return {TRAINED_ON: json.dumps({"fingerprint": data.fingerprint, "rows": b64encode(bits.tobytes()).decode()})}


def about_rows(model: Model, data: Dataset) -> list[Finding]:
    """Say that a logged model was trained on some of the rows that it is judged on."""
    marked = json.loads(model.kept.get(TRAINED_ON, "{}"))
    if marked.get("fingerprint") != data.fingerprint:
        return []
    bits = np.unpackbits(np.frombuffer(b64decode(marked["rows"]), dtype="uint8"))
    seen = int(data.target.index.isin(np.flatnonzero(bits)).sum())
    said = {"model": model.name, "version": model.version, "seen": seen, "rows": data.rows}
    return [finding("MODEL-TRAINING-ROWS", "high", model.version, **said)] if seen else []
