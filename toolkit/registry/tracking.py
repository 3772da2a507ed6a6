"""Keep runs, their numbers, data and models in MLflow, and copy to the server what went elsewhere when that failed.

This folder alone imports mlflow, and knows no step.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.core import DataRecord, Estimate, Record, RunInfo, masked
from toolkit.errors import InputError
from toolkit.registry import store
from toolkit.registry.model_store import TRAINED_ON, copy_model, log_model

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

REPORT_TAG, OWNER, NOTE_OF, PARENT = "toolkit.report_id", "toolkit.process", "toolkit.note_of", "mlflow.parentRunId"
UNKEPT = "Nothing of the run is tracked, and a model that it trained is not kept."
_TYPES = {"b": "boolean", "i": "long", "u": "long", "f": "double", "M": "datetime"}


def log_run(
    records: Sequence[Record],
    scalars: Mapping[str, Estimate],
    *,
    experiment: str,
    name: str,
    parameters: Mapping[str, object],
    tags: Mapping[str, str],
    out: Path,
) -> RunInfo:
    """Log one parent run with a child for each candidate.

    A report depends on no server: where that fails, the run goes whole, with its models, to ``mlflow.db`` beside the
    reports, from where ``toolkit track`` copies it later. No error of a store is raised.

    Parameters
    ----------
    records : sequence of Record
        What the results add: parameters, candidates, the data, the model, and other models beside it.
    scalars : mapping of dotted name to Estimate
        Each is logged as a metric under its name; numbers that are not defined are left out.
    experiment, name : str
        Names of the MLflow experiment and of the run.
    parameters, tags : mapping
    out : Path
        The reports folder, beside which the default database lies.

    Returns
    -------
    RunInfo
        Where the tracking server failed, it says how, and the rest is of ``mlflow.db``, or empty if that failed too.
    """

    def log(client: MlflowClient) -> RunInfo:
        experiment_id = store.experiment_of(client, experiment, out)
        _end_killed(client, experiment_id)
        begun = {**tags, OWNER: f"{platform.node()}:{os.environ.get('TOOLKIT_RUN_FOLDER', '')}"}
        run_id = client.create_run(experiment_id, tags=begun, run_name=name).info.run_id
        given = {key: value for record in reversed(records) for key, value in record.parameters.items()}
        kept = {name: text for record in records for name, text in record.kept.items()}
        model, status = "", "FAILED"
        try:
            _log_numbers(client, run_id, scalars, {**parameters, **given})
            for record in records:
                for one in record.candidates:
                    own = {key: value for key, value in begun.items() if key != REPORT_TAG} | {PARENT: run_id}
                    child = client.create_run(experiment_id, tags=own, run_name=one.name).info.run_id
                    _log_numbers(client, child, one.scalars, one.parameters)
                    client.set_terminated(child, "FINISHED")
                if record.data is not None:
                    _log_data(client, run_id, record.data)
                if record.note_of:
                    client.set_tag(run_id, NOTE_OF, record.note_of)
                    client.set_tag(run_id, "mlflow.note.content", record.note[:5000])
                    describe_versions(client, record.note_of, record.note)
                if record.model is not None and record.model.estimator is not None:
                    model = log_model(run_id, record.model, kept)
                for other in record.models:
                    log_model(run_id, other, {name: text for name, text in kept.items() if name == TRAINED_ON})
            status = "FINISHED"
        finally:
            client.set_terminated(run_id, status)
        return RunInfo(run_id, experiment, experiment_id, model)

    experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME") or experiment
    logged, failure = store.in_a_store([store.tracking_uri(out), store.beside(out)], log)
    return replace(logged or RunInfo(), failure=failure)


def _end_killed(client: MlflowClient, experiment_id: str) -> None:
    """Say of runs that are still RUNNING, though the folder on this machine that they wrote to is gone: killed."""
    for run in client.search_runs([experiment_id], "attributes.status = 'RUNNING'"):
        machine, _, folder = run.data.tags.get(OWNER, "").partition(":")
        if machine == platform.node() and folder and not Path(folder).exists():
            client.set_terminated(run.info.run_id, "KILLED")


def attach(logged: RunInfo, folder: Path) -> RunInfo:
    """Add the files of a report to the artifacts of its run, as ``log_run`` returned it.

    That is returned: with a ``failure``, if any. A run of which there is none stays as it is.
    """
    if not logged.run_id:
        return logged
    uri = store.beside(folder.parent) if logged.failure else store.tracking_uri(folder.parent)
    _, failure = store.in_a_store([uri], lambda client: client.log_artifacts(logged.run_id, str(folder), "report"))
    return replace(logged, failure=logged.failure or failure)


def record_failure(
    report_id: str, template: str, parameters: Mapping[str, object], error: str, files: Sequence[Path], out: Path
) -> str:
    """Mark the run of a failed report as FAILED; one that had not begun to log gets a run of its own.

    Parameters
    ----------
    report_id : str
        The identifier the run carries as the tag ``toolkit.report_id``.
    template : str
    parameters : mapping
    error : str
        Kept as the tag ``toolkit.error``, shortened.
    files : sequence of Path
        The readable remains, logged as artifacts.
    out : Path
        The reports folder.

    Returns
    -------
    str
        How the tracking server failed, and whether the record is in ``mlflow.db`` beside the reports; empty where it
        did not fail.
    """

    def record(client: MlflowClient) -> bool:
        every = [experiment.experiment_id for experiment in client.search_experiments()]
        if runs := (client.search_runs(every, f"tags.`{REPORT_TAG}` = '{report_id}'") if every else []):
            run_id = runs[0].info.run_id
        else:
            experiment_id = store.experiment_of(client, os.environ.get("MLFLOW_EXPERIMENT_NAME") or template, out)
            tags = {REPORT_TAG: report_id, "toolkit.template": template}
            run_id = client.create_run(experiment_id, tags=tags, run_name=f"{template} FAILED").info.run_id
            _log_numbers(client, run_id, {}, parameters)
        client.set_tag(run_id, "toolkit.error", error[:4000])
        for file in files:
            client.log_artifact(run_id, str(file), "report")
        client.set_terminated(run_id, "FAILED")
        return True

    kept, failed = store.in_a_store([store.tracking_uri(out), store.beside(out)], record)
    where = "not on the tracking server, but in mlflow.db beside the reports" if kept else "tracked nowhere"
    return failed and f"The failure is {where}. {failed}"


def _log_numbers(client: MlflowClient, run_id: str, scalars: Mapping[str, Estimate], given: Mapping[str, Any]) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    defined = {name: number.value for name, number in scalars.items() if number.value == number.value}
    metrics = [Metric(name, defined[key], now, 0) for key, name in store.safe_names(defined).items()]
    texts = {key: value if isinstance(value, str) else json.dumps(value, default=str) for key, value in given.items()}
    params = [Param(name, texts[key][:6000]) for key, name in store.safe_names(texts).items()]
    client.log_batch(run_id, metrics, params)


def _log_data(client: MlflowClient, run_id: str, data: DataRecord) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    profile = {"num_rows": data.rows, "num_elements": data.rows * data.columns, "fingerprint": data.fingerprint}
    kinds = {} if data.frame is None else {str(name): data.frame[name].dtype.kind for name in data.frame}
    columns = [{"name": name, "type": _TYPES.get(kind, "string")} for name, kind in kinds.items()]
    digest, source = data.fingerprint.partition(":")[2][:32], json.dumps({"source": data.source, "target": data.target})
    schema = json.dumps({"mlflow_colspec": columns}) if columns else None
    entity = Dataset(data.name[:500], digest, "toolkit", source, schema, json.dumps(profile))
    client.log_inputs(run_id, [DatasetInput(entity, [InputTag("mlflow.data.context", "experiment")])])


def describe_versions(client: MlflowClient, run_id: str, text: str) -> None:
    """Write a text into the descriptions of the registered versions of a run's model."""
    for version in client.search_model_versions(f"run_id = '{run_id}'"):
        client.update_model_version(version.name, version.version, text[:5000])


@contextlib.contextmanager
def copied_run(logged: RunInfo, out: Path) -> Iterator[tuple[RunInfo, MlflowClient]]:
    """Copy a run with its children, numbers, data and models to the tracking server; it ends when the context does.

    What an attempt that broke off has left of the run on the server is removed first, so that it may be tried again
    as often as it takes. A run that is on the server already is left as it is.

    Parameters
    ----------
    logged : RunInfo
        What ``log_run`` returned.
    out : Path
        The reports folder, beside which the file lies.

    Yields
    ------
    (RunInfo, MlflowClient)
        What ``log_run`` would have returned, and the server's client.

    Raises
    ------
    InputError
        Where no server is named, it cannot be used, or there is no such run beside the reports.
    """
    if (uri := store.tracking_uri(out)) == (file := store.beside(out)):
        raise InputError("No tracking server is named. Set MLFLOW_TRACKING_URI to its address.")
    store.check_reachable(uri)
    if there := not store.missing_file(file):
        store.check_reachable(file)
    with store.connect(file) if there else contextlib.nullcontext() as source, store.connect(uri) as client:
        if found := _found(client, logged.run_id):
            if found.info.lifecycle_stage == "deleted":  # perhaps with its experiment
                store.experiment_of(client, logged.experiment, out)
                client.restore_run(logged.run_id)
            copy, status = replace(logged, failure=""), "FINISHED"
        elif source and (run := _found(source, logged.run_id)):
            copy, status = _copy(source, client, run, logged, out), run.info.status
        else:
            places = f"neither in {masked(uri)} nor in mlflow.db beside the reports"
            raise InputError(f"The run of this report is {places}. Run the report's command again.")
        yield copy, client
        client.set_terminated(copy.run_id, status)


def _found(client: MlflowClient, run_id: str) -> Run | None:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id) if run_id else None
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def _copy(source: MlflowClient, client: MlflowClient, run: Run, logged: RunInfo, out: Path) -> RunInfo:
    experiment_id = store.experiment_of(client, logged.experiment, out)
    mark = f"tags.`{REPORT_TAG}` = '{run.data.tags[REPORT_TAG]}' and status != 'FINISHED'"
    for left in client.search_runs([experiment_id], mark):
        for part in (*_children(client, left), left):
            client.delete_run(part.info.run_id)
    run_id = _copy_one(client, run, experiment_id, {})
    for child in _children(source, run):
        client.set_terminated(_copy_one(client, child, experiment_id, {PARENT: run_id}), child.info.status)
    models = source.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'")
    copies = {model.model_uri: copy_model(model, client, run_id, experiment_id) for model in models}
    if NOTE_OF in run.data.tags:
        describe_versions(client, run.data.tags[NOTE_OF], run.data.tags["mlflow.note.content"])
    return RunInfo(run_id, logged.experiment, experiment_id, copies.get(logged.model_uri, logged.model_uri))


def _children(client: MlflowClient, run: Run) -> list[Run]:
    return list(client.search_runs([run.info.experiment_id], f"tags.`{PARENT}` = '{run.info.run_id}'"))


def _copy_one(client: MlflowClient, run: Run, experiment_id: str, tags: Mapping[str, str]) -> str:
    """Copy what a run itself holds: tags, numbers, parameters and the mark of its data."""
    from mlflow.entities import Metric, Param

    new = client.create_run(experiment_id, run.info.start_time, {**run.data.tags, **tags}, run.info.run_name)
    metrics = [Metric(name, value, run.info.end_time, 0) for name, value in run.data.metrics.items()]
    client.log_batch(new.info.run_id, metrics, [Param(name, text) for name, text in run.data.params.items()])
    if run.inputs:
        client.log_inputs(new.info.run_id, run.inputs.dataset_inputs)
    return str(new.info.run_id)
