"""Publish what a notebook found: results.json, the tracked run, and the cell output the report's head is made from."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from toolkit.core.estimate import Estimate
from toolkit.core.result import DataRecord, ModelRecord, Record, Result, by_severity, result_html
from toolkit.errors import InputError
from toolkit.registry import store, tracking
from toolkit.runs import provenance
from toolkit.runs.parameters import list_templates

MIME = "application/vnd.toolkit.results+json"
SCHEMA = 1
ARTIFACTS = ("report.html", "notebook.ipynb", "results.json", "manifest.json")
NO_VERDICT: Mapping[str, Any] = {"outcome": None, "rules": []}


def publish(
    *results: Result,
    template: str,
    parameters: Mapping[str, Any],
    name: str | None = None,
    out: str | Path | None = None,
) -> Published:
    """Write ``results.json``, log the run to MLflow, and return what the report's head is made from.

    Under ``toolkit run`` the files go to the run's own folder; elsewhere to a new folder under ``out``.

    Parameters
    ----------
    *results : Result
        What the steps returned; one of them knows the data.
    template : str
        Name of the notebook's template, whose title and question head the report; any other name for one run by hand.
    parameters : mapping
        Holds the notebook's parameters by name, so ``globals()`` will do: of a known template, only the names that its
        parameters cell declares are kept.
    name : str, optional
        Names the run; by default the name of the data.
    out : path, optional
        The reports folder; by default the one that ``TOOLKIT_OUT`` names, else ``reports`` under the current folder.

    Returns
    -------
    Published

    Raises
    ------
    InputError
        Where no result knows the data, two results give the same number, or the tracking server cannot be reached.
    """
    out = Path(out or os.environ.get("TOOLKIT_OUT", "reports"))
    records = [result.record() for result in results]
    results_json = summarize(results, records, template=template, parameters=parameters)
    parameters = results_json["parameters"]
    staged = os.environ.get("TOOLKIT_RUN_FOLDER")
    folder = Path(staged) if staged else _new_folder(out, template, name or results_json["data"]["name"])
    if not staged:
        store.check_reachable(out)
    folder.mkdir(parents=True, exist_ok=True)
    tags = {
        "toolkit.template": template,
        "toolkit.data_fingerprint": results_json["data"]["fingerprint"],
        "toolkit.commit": results_json["commit"] or "none",
        "toolkit.dirty": str(results_json["dirty"]).lower(),
        "toolkit.seed": str(parameters.get("seed", "")),
        "toolkit.verdict": str(results_json["verdict"]["outcome"] or "none"),
        "mlflow.source.git.commit": results_json["commit"] or "",
    }
    if "TOOLKIT_REPORT_ID" in os.environ:
        tags[tracking.REPORT_TAG] = os.environ["TOOLKIT_REPORT_ID"]
    results_json["mlflow"] = tracking.log_run(
        records,
        _scalars(results),
        experiment=results_json["data"]["name"],
        name=name or f"{template} {results_json['data']['name']}",
        parameters=parameters,
        tags=tags,
        files=[],
        out=out,
    )
    text = json.dumps(results_json, indent=2, ensure_ascii=False, allow_nan=False)
    written = {"results.json": text + "\n"} | {name: text for record in records for name, text in record.files.items()}
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    if not staged:
        tracking.attach(results_json["mlflow"]["run_id"], [folder / name for name in written], out)
    return Published(results_json, folder)


def summarize(
    results: Sequence[Result], records: Sequence[Record], *, template: str, parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Put all that results and their records say into the form of ``results.json``."""
    data = next((record.data for record in records if record.data is not None), None)
    if data is None:
        raise InputError("None of the published results knows the data. Publish the Split or the Dataset among them.")
    model = next((record.model for record in records if record.model is not None), None)
    scalars = _scalars(results)
    head = next((schema for schema in list_templates() if schema.name == template), None)
    defaults = {parameter.name: parameter.default for parameter in head.parameters} if head else {}
    parameters = {name: parameters[name] for name in defaults if name in parameters} if head else dict(parameters)
    findings = by_severity(finding for result in results for finding in result.findings())
    hash_, dirty = provenance.commit(Path.cwd())
    return {
        "schema": SCHEMA,
        "template": template,
        "title": f"{head.title if head else template}: {f'{data.target} in ' if data.target else ''}{data.name}",
        "question": head.question if head else "",
        "created": datetime.now(UTC).astimezone().isoformat(timespec="seconds"),
        "author": provenance.author(),
        "command": provenance.command(template, parameters, defaults) if head else "",
        "parameters": parameters,
        "data": _data(data),
        "model": _model(model, records) if model else None,
        "recorded": {name: _plain(value) for record in records for name, value in record.parameters.items()},
        "headline": " ".join(record.headline for record in records if record.headline),
        "key_numbers": [number.plain() for record in records for number in record.numbers],
        "scalars": {name: number.plain() for name, number in scalars.items()},
        "findings": [asdict(finding) for finding in dict.fromkeys(findings)],
        "verdict": dict(next((record.verdict for record in records if record.verdict), NO_VERDICT)),
        "commit": hash_,
        "dirty": dirty,
        "environment": provenance.environment(),
        "mlflow": None,
        "artifacts": [*ARTIFACTS, *(name for record in records for name in record.files)],
    }


@dataclass(frozen=True, eq=False)
class Published:
    """What was published and where; the report's head is made from this cell's output."""

    results: dict[str, Any]
    folder: Path

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return {MIME: self.results, "text/html": self._html(), "text/plain": self._text()}

    def _text(self) -> str:
        mlflow = self.results["mlflow"]
        return f"{len(self.results['scalars'])} numbers, MLflow run {mlflow['run_id']} in {mlflow['experiment']!r}"

    def _html(self) -> str:
        return result_html("Published", self._text() + ".")


def _new_folder(out: Path, template: str, name: str) -> Path:
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "table"
    base = out / f"{datetime.now():%Y%m%d-%H%M%S}-{template}-{slug}"
    folder, count = base, 1
    while folder.exists():
        count += 1
        folder = base.with_name(f"{base.name}-{count}")
    return folder


def _scalars(results: Sequence[Result]) -> dict[str, Estimate]:
    scalars: dict[str, Estimate] = {}
    for result in results:
        for name, number in result.scalars().items():
            if name in scalars:
                raise InputError(f"Two of the published results give the number {name!r}. Publish each result once.")
            scalars[name] = number
    return scalars


def _data(data: DataRecord) -> dict[str, Any]:
    names = ("name", "source", "fingerprint", "rows", "columns", "target")
    return {name: getattr(data, name) for name in names}


def _model(model: ModelRecord, records: Sequence[Record]) -> dict[str, Any]:
    """Name the model, the features it takes and the settings it was trained with."""
    trained = (one for record in records for one in record.candidates if one.name == model.name)
    settings = next((one.parameters for one in trained), {})
    example = model.example
    features = {} if example is None else {str(name): str(example[name].dtype) for name in example}
    return {
        "name": model.name,
        "requirements": list(model.requirements),
        "features": features,
        "settings": {name: _plain(value) for name, value in settings.items()},
    }


def _plain(value: object) -> object:
    """Return what JSON can hold as it is, anything else as text."""
    finite = not isinstance(value, float) or math.isfinite(value)
    return value if finite and isinstance(value, str | int | float | bool | None) else str(value)
