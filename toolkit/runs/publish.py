"""Publish what a notebook found: results.json, the tracked run, and the cell output the report's head is made from.

A report depends on no tracking server. Where that fails, the run goes to the file beside the reports, and that it did
is a finding of the report until ``toolkit track`` has copied the run to the server.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

from toolkit.core import DataInfo, Estimate, Face, Finding, Record, Result, by_severity, masked, now, shorten, slug
from toolkit.core.result import NotApplicable, if_applicable
from toolkit.core.results import MIME, ModelInfo, PolicyVerdict, Results, RunInfo, read_results, results_path
from toolkit.errors import InputError, instance
from toolkit.policy.check import check
from toolkit.registry import tracking
from toolkit.runs import manifest
from toolkit.runs.conversion import is_json
from toolkit.runs.parameters import list_templates

ARTIFACTS = (manifest.PAGE, "notebook.ipynb", "results.json", manifest.NAME)
UNTRACKED = "TRACKING-FAILED"


def publish(
    *results: Result, template: str, parameters: Mapping[str, Any], name: str = "", out: str | Path | None = None
) -> "Published":
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
        parameters cell declares are kept, else what JSON can hold.
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
    records = [instance(result, Result).record() for result in results]
    tried = {one.step for one in results if isinstance(one, NotApplicable)} & {"check", "decide"}
    if (policy := os.environ.get("TOOLKIT_POLICY")) and not (tried or any(one.verdict for one in records)):
        results, parameters = (*results, if_applicable(check, policy, *results)), {**parameters, "policy": policy}
        records.append(results[-1].record())
    found = summarize(results, records, template=template, parameters=parameters)
    staged = os.environ.get("TOOLKIT_RUN_FOLDER")
    free = free_folders(out, datetime.now(), f"{template}-{slug(name or found.data.name) or 'table'}")
    folder = Path(staged) if staged else next(free)
    folder.mkdir(parents=True, exist_ok=True)
    if recorded := os.environ.get("TOOLKIT_RECORD"):
        logged = read_results(recorded).mlflow
    else:
        tags = {
            "toolkit.template": template,
            "toolkit.data_fingerprint": found.data.fingerprint,
            "toolkit.commit": found.commit or "none",
            "toolkit.dirty": str(found.dirty).lower(),
            "toolkit.seed": str(found.parameters.get("seed", "")),
            "toolkit.verdict": found.verdict.outcome or "none",
            "mlflow.source.git.commit": found.commit or "",
            tracking.REPORT_TAG: os.environ.get("TOOLKIT_REPORT_ID") or uuid4().hex,
        }
        titles = {"experiment": _problem(found.data), "name": name or f"{template} {found.data.name}"}
        logged = tracking.log_run(records, _metrics(found), **titles, parameters=found.parameters, tags=tags, out=out)
    found = record_tracking(folder, found, logged)
    for name, text in (file for record in records for file in record.files.items()):
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    if not staged:
        found = record_tracking(folder, found, tracking.attach(logged, folder))
    return Published(found, folder)


def free_folders(out: Path, when: datetime, words: str) -> Iterator[Path]:
    """Yield the names that the folder of a report in ``out`` may have: where one is taken, with a number."""
    base = f"{when:%Y%m%d-%H%M%S}-{words}"
    numbered = (out / (base if number == 1 else f"{base}-{number}") for number in count(1))
    return (folder for folder in numbered if not folder.exists())


def record_tracking(folder: Path, results: Results, logged: RunInfo) -> Results:
    """Write into a report's ``results.json`` where its run is tracked, or why that failed, as a finding.

    Parameters
    ----------
    folder : Path
        The report's.
    results : Results
        What is known so far.
    logged : RunInfo
        What ``tracking.log_run`` or ``tracking.attach`` returned.

    Returns
    -------
    Results
        What was written.
    """
    failed = [Finding(UNTRACKED, "medium", _untracked(logged), "tracking")] if logged.failure else []
    findings = by_severity([*failed, *(one for one in results.findings if one.code != UNTRACKED)])
    results = replace(results, mlflow=logged, findings=tuple(findings))
    (folder / "results.json").write_text(results.to_json(), encoding="utf-8", newline="\n")
    return results


def _untracked(logged: RunInfo) -> str:
    later = "The report is whole, and nothing of its run is lost: `toolkit track REPORT` logs it to the server later."
    return f"{logged.failure} {later if logged.run_id else tracking.UNKEPT}"


def summarize(
    results: Sequence[Result], records: Sequence[Record], *, template: str, parameters: Mapping[str, Any]
) -> Results:
    """Put all that results and their records say into the form of ``results.json``."""
    if not (data := next((record.data for record in records if record.data), None)):
        raise InputError("None of the published results knows the data. Publish the Split or the Dataset among them.")
    head = next((schema for schema in list_templates() if schema.name == template), None)
    defaults = {parameter.name: parameter.default for parameter in head.parameters} if head else {}
    own = [one for one, value in parameters.items() if one not in ("In", "Out") and one[:1] != "_" and is_json(value)]
    names = defaults if head else os.environ.get("TOOLKIT_PARAMETERS", ",".join(own)).split(",")
    parameters = masked({name: parameters[name] for name in names if name in parameters})
    hash_, dirty = manifest.commit(Path.cwd())
    return Results(
        template=template,
        title=f"{head.title if head else template}: {f'{data.target} in ' if data.target else ''}{data.name}",
        question=head.question if head else "",
        created=now().isoformat(timespec="seconds"),
        author=manifest.author(),
        command=manifest.command(template, parameters, defaults) if head else "",
        parameters=parameters,
        data=DataInfo(**{one.name: getattr(data, one.name) for one in fields(DataInfo)}),
        model=_model(records),
        # What is said first is about the model that is handed over.
        recorded={name: _plain(value) for record in reversed(records) for name, value in record.parameters.items()},
        headline=" ".join(record.headline for record in records if record.headline),
        key_numbers=tuple(number for record in records for number in record.numbers),
        scalars=_scalars(results),
        findings=tuple(dict.fromkeys(by_severity(one for result in results for one in result.findings()))),
        verdict=next((record.verdict for record in reversed(records) if record.verdict), PolicyVerdict()),
        commit=hash_,
        dirty=dirty,
        environment=manifest.environment(),
        artifacts=(*ARTIFACTS, *(name for record in records for name in record.files)),
        sign_off=tuple(one for record in records for one in record.sign_off),
    )


@dataclass(frozen=True, eq=False)
class Published:
    """What was published and where; the report's head is made from this cell's output."""

    results: Results
    folder: Path

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        mlflow = self.results.mlflow
        run = f"MLflow run {mlflow.run_id} in {mlflow.experiment!r}" if mlflow.run_id else "no MLflow run"
        said = f"{len(self.results.scalars)} numbers, {run}{f'; {_untracked(mlflow)}' if mlflow.failure else ''}"
        return {MIME: self.results.plain(), "text/html": Face("Published", said).html(), "text/plain": said}


def _problem(data: DataInfo) -> str:
    """Name the target and the table, without the dates at its end: the reports of each month stand together."""
    table = re.sub(r"[\W_]+\d[\d\W_]*$", "", data.name) or data.name
    return shorten(f"{data.target} in {table}" if data.target else table, 200)


def _metrics(results: Results) -> Mapping[str, Estimate]:
    """Return the numbers that MLflow shows beside those of other runs: the key numbers, and what the policy judged."""
    rules = {rule.name: rule.number for rule in results.verdict.rules if rule.name in results.scalars}
    headline = {one.name: one.value for one in results.key_numbers if one.name in results.scalars} | rules
    return results.scalars if os.environ.get("TOOLKIT_MLFLOW_METRICS") == "all" else headline or results.scalars


def _scalars(results: Sequence[Result]) -> dict[str, Estimate]:
    scalars: dict[str, Estimate] = {}
    for name, number in (pair for result in results for pair in result.scalars().items()):
        if name in scalars:
            raise InputError(f"Two of the published results give the number {name!r}. Publish each result once.")
        scalars[name] = number
    return scalars


def _model(records: Sequence[Record]) -> ModelInfo | None:
    """Name the model, the features it takes and the settings it was trained with."""
    if not (model := next((record.model for record in records if record.model), None)):
        return None
    trained = (one.parameters for record in records for one in record.candidates if one.name == model.name)
    features = {} if model.example is None else {str(name): str(kind) for name, kind in model.example.dtypes.items()}
    settings = {name: _plain(value) for name, value in next(trained, {}).items()}
    return ModelInfo(model.name, tuple(model.requirements), features, settings, model.version)


def _plain(value: object) -> object:
    """Return what JSON can hold as it is, anything else as text."""
    return value if is_json(value) and isinstance(value, str | int | float | None) else str(value)


def track(source: str | Path) -> Path:
    """Log a report to the tracking server that ``MLFLOW_TRACKING_URI`` names.

    When a server fails, the run goes whole to ``mlflow.db`` beside the reports: numbers, parameters, tags, candidates,
    data and models, as it would have gone to the server. So nothing need be made again or guessed from the report: the
    run is copied from there, the report's files are added, and what is on disk is changed last: ``results.json``, the
    notebook and the page name the run on the server, and the finding is gone. Doing it twice changes nothing; the run
    beside the reports stays, so that what names its model still finds it.

    Parameters
    ----------
    source : path
        The report's folder, or its ``report.html`` or ``results.json``.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        Where there is no such report or no server is named, or that fails; the report is as it was, and this may be
        tried again.
    """
    from toolkit.report import render as report

    results = read_results(source)
    folder = results_path(source).parent.resolve()
    manifest.check_whole(folder)
    with changing(folder) as changed, tracking.copied_run(results.mlflow, folder.parent) as (logged, client):
        rewrite(changed, results, logged)
        client.log_artifacts(logged.run_id, str(changed), "report")
    report.write_index(folder.parent)
    return folder


@contextmanager
def changing(folder: Path) -> Iterator[Path]:
    """Yield a copy of a report's files, which take their places once all of them are changed; folders in it stay."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".tracking-") as place:
        (changed := Path(place) / folder.name).mkdir()
        for file in filter(Path.is_file, folder.iterdir()):
            shutil.copy2(file, changed)
        yield changed
        for file in changed.iterdir():
            os.replace(file, folder / file.name)


def rewrite(folder: Path, results: Results, logged: RunInfo) -> Results:
    """Write all of a finished report again that says where its run is tracked; return the new results."""
    from toolkit.report import render as report

    changed = record_tracking(folder, results, logged)
    if (notebook := folder / "notebook.ipynb").exists():
        content = json.loads(notebook.read_text(encoding="utf-8"))
        for output in (output for cell in content["cells"] for output in cell.get("outputs", ())):
            if MIME in output.get("data", {}):
                output["data"] = Published(changed, folder)._repr_mimebundle_()
        notebook.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        report.render(notebook, folder / "report.html")
    if (folder / manifest.NAME).exists():
        manifest.update_manifest(folder)
    return changed
