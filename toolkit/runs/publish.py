"""Publish what a notebook found: results.json, the tracked run, and the cell output the report's head is made from.

A report depends on no tracking server. Where that fails, the run goes to the file beside the reports, and that it did
is a finding of the report until ``toolkit track`` has copied the run to the server.
"""

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
from uuid import uuid4

from toolkit.core.estimate import Estimate
from toolkit.core.result import DataRecord, Finding, ModelRecord, Record, Result, by_severity, result_html
from toolkit.errors import InputError
from toolkit.registry import tracking
from toolkit.runs import provenance
from toolkit.runs.parameters import list_templates

MIME = "application/vnd.toolkit.results+json"
SCHEMA = 1
ARTIFACTS = ("report.html", "notebook.ipynb", "results.json", "manifest.json")
UNTRACKED = "TRACKING-FAILED"
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
        Where no result knows the data, or two results give the same number.
    """
    out = Path(out or os.environ.get("TOOLKIT_OUT", "reports"))
    records = [result.record() for result in results]
    results_json = summarize(results, records, template=template, parameters=parameters)
    parameters = results_json["parameters"]
    staged = os.environ.get("TOOLKIT_RUN_FOLDER")
    folder = Path(staged) if staged else _new_folder(out, template, name or results_json["data"]["name"])
    folder.mkdir(parents=True, exist_ok=True)
    tags = {
        "toolkit.template": template,
        "toolkit.data_fingerprint": results_json["data"]["fingerprint"],
        "toolkit.commit": results_json["commit"] or "none",
        "toolkit.dirty": str(results_json["dirty"]).lower(),
        "toolkit.seed": str(parameters.get("seed", "")),
        "toolkit.verdict": str(results_json["verdict"]["outcome"] or "none"),
        "mlflow.source.git.commit": results_json["commit"] or "",
        tracking.REPORT_TAG: os.environ.get("TOOLKIT_REPORT_ID") or uuid4().hex,
    }
    logged = tracking.log_run(
        records,
        _scalars(results),
        experiment=results_json["data"]["name"],
        name=name or f"{template} {results_json['data']['name']}",
        parameters=parameters,
        tags=tags,
        out=out,
    )
    results_json = record_tracking(folder, results_json, logged)
    files = {name: text for record in records for name, text in record.files.items()}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    if not staged:
        attached = tracking.attach(logged, [folder / "results.json", *(folder / name for name in files)], out)
        results_json = record_tracking(folder, results_json, attached)
    return Published(results_json, folder)


def record_tracking(folder: Path, results: Mapping[str, Any], logged: Mapping[str, str]) -> dict[str, Any]:
    """Write into a report's ``results.json`` where its run is tracked, or why that failed, as a finding.

    Parameters
    ----------
    folder : Path
        The report's.
    results : mapping
        The content of ``results.json`` so far.
    logged : mapping
        What ``tracking.log_run`` or ``tracking.attach`` returned.

    Returns
    -------
    dict
        The new content.
    """
    findings = [Finding(**one) for one in results["findings"] if one["code"] != UNTRACKED]
    if "failure" in logged:
        findings = by_severity([Finding(UNTRACKED, "medium", _untracked(logged), "tracking"), *findings])
    results = {**results, "mlflow": dict(logged), "findings": [asdict(one) for one in findings]}
    text = json.dumps(results, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    (folder / "results.json").write_text(text, encoding="utf-8", newline="\n")
    return results


def _untracked(logged: Mapping[str, str]) -> str:
    if "run_id" not in logged:
        return f"{logged['failure']} Nothing of the run is tracked, and a model that it trained is not kept."
    kept = "The report is whole, and nothing of its run is lost"
    return f"{logged['failure']} {kept}: `toolkit track REPORT` logs it to the server later."


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
        run = f"MLflow run {mlflow['run_id']} in {mlflow['experiment']!r}" if "run_id" in mlflow else "no MLflow run"
        failed = f"; {_untracked(mlflow)}" if "failure" in mlflow else ""
        return f"{len(self.results['scalars'])} numbers, {run}{failed}"

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
