"""The metadata of a card that the Hugging Face Hub reads."""

from __future__ import annotations

import math
import re

from toolkit.card.lineage import model_name, model_of, task_of
from toolkit.core.estimate import Estimate
from toolkit.core.results import Results
from toolkit.core.words import one_line, slug

_TASKS = {
    "binary": "tabular-classification",
    "multiclass": "tabular-classification",
    "regression": "tabular-regression",
}
_LICENCE = re.compile(r"[a-z0-9][a-z0-9.\-]*")


def metadata(results: Results, licence: str = "") -> dict[str, object]:
    """Return the metadata of a card for the Hub, with every metric of the test part in its ``model-index``.

    Parameters
    ----------
    results : Results
        Of the evaluation.
    licence : str
        A short name such as ``apache-2.0``; other texts become a licence of their own.
    """
    task = _TASKS.get(task_of(results), "")
    name = one_line(model_name(results)) or "model"
    tests = evaluated_metrics(results)
    found: dict[str, object] = {}
    if licence:
        short = licence.lower()
        plain = _LICENCE.fullmatch(short) is not None
        found |= {"license": short} if plain else {"license": "other", "license_name": one_line(licence)}
    if any(text.startswith("scikit-learn") for text in model_of(results).requirements):
        found["library_name"] = "sklearn"
    if task:
        found["pipeline_tag"] = task
    found["tags"] = ["tabular", *([task] if task else [])]
    if tests:
        found |= {"metrics": list(tests), "model-index": [{"name": name, "results": [_result(results, task, tests)]}]}
    return found


def eval_results(results: Results) -> list[dict[str, object]]:
    """Return the test metrics in the Hub's newer form of one entry a number, for ``.eval_results/`` in a repository.

    The Hub shows those whose dataset it knows as a benchmark; the identifier here is our name of the table.
    """
    entries = []
    for metric, number in evaluated_metrics(results).items():
        note = f"{metric}, test part"
        if number.has_interval:
            note += f", 95% interval {number.low:.6g} to {number.high:.6g}"
        entry: dict[str, object] = {
            "dataset": {"id": slug(results.data.name, 90) or "table", "task_id": slug(results.data.target, 90)},
            "value": number.value,
            "notes": f"{note}, {number.n} rows, data {one_line(results.data.fingerprint)}",
        }
        if results.created:
            entry["date"] = results.created
        entries.append(entry)
    return entries


def evaluated_metrics(results: Results) -> dict[str, Estimate]:
    """Return the defined metrics of the test part, by their plain names."""
    return {
        name.removeprefix("test."): number
        for name, number in results.scalars.items()
        if name.startswith("test.") and name.count(".") == 1 and math.isfinite(number.value)
    }


def _result(results: Results, task: str, tests: dict[str, Estimate]) -> dict[str, object]:
    data = results.data
    metrics = []
    for metric, number in tests.items():
        ends = {"low": number.low, "high": number.high, "confidence": 0.95} if number.has_interval else {}
        known = {key: end for key, end in ends.items() if math.isfinite(end)}
        metrics.append(
            {"type": metric, "value": number.value, "name": f"Test {metric}", "args": {**known, "rows": number.n}}
        )
    return {
        "task": {"type": task or "tabular-classification", "name": f"predict {one_line(data.target)}"},
        "dataset": {
            "type": slug(data.name, 90) or "table",
            "name": one_line(data.name) or "table",
            "split": "test",
            "args": {"fingerprint": one_line(data.fingerprint)},
        },
        "metrics": metrics,
    }
