"""Copy a tracked run from the file beside the reports, where it went when a server failed, to the tracking server."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.core.results import RunInfo
from toolkit.core.words import masked
from toolkit.errors import InputError
from toolkit.registry.model_store import copy_model
from toolkit.registry.store import beside, check_reachable, connect, log_batches, tracking_uri
from toolkit.registry.tracking import NOTE_OF, PARENT, REPORT_TAG, describe_versions, experiment_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


@contextlib.contextmanager
def copied_run(logged: RunInfo, out: Path) -> Iterator[tuple[RunInfo, MlflowClient]]:
    """Copy a run with its children, numbers, data and models to the tracking server; it ends when the context does.

    What an attempt that broke off has left of the run on the server is removed first, so that it may be tried again
    as often as it takes. A run that is on the server already is left as it is.

    Parameters
    ----------
    logged : RunInfo
        What ``tracking.log_run`` returned.
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
    if (uri := tracking_uri(out)) == beside(out):
        raise InputError("No tracking server is named. Set MLFLOW_TRACKING_URI to its address.")
    check_reachable(uri)
    if there := Path(beside(out).removeprefix("sqlite:///")).exists():
        check_reachable(beside(out))
    with connect(beside(out)) if there else contextlib.nullcontext() as source, connect(uri) as client:
        if _found(client, logged.run_id):
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
    experiment_id = experiment_of(client, logged.experiment, out)
    mark = f"tags.`{REPORT_TAG}` = '{run.data.tags[REPORT_TAG]}' and status != 'FINISHED'"
    for left in client.search_runs([experiment_id], mark):
        for part in _children(client, left):
            client.delete_run(part.info.run_id)
        client.delete_run(left.info.run_id)
    run_id, address = _copy_one(client, run, experiment_id, {}), logged.model_uri
    for child in _children(source, run):
        client.set_terminated(_copy_one(client, child, experiment_id, {PARENT: run_id}), child.info.status)
    for model in source.search_logged_models([run.info.experiment_id], f"source_run_id = '{run.info.run_id}'"):
        copied = copy_model(model, client, run_id, experiment_id)
        if model.model_uri == logged.model_uri:
            address = copied
    if NOTE_OF in run.data.tags:
        describe_versions(client, run.data.tags[NOTE_OF], run.data.tags["mlflow.note.content"])
    return RunInfo(run_id, logged.experiment, experiment_id, address)


def _children(client: MlflowClient, run: Run) -> list[Run]:
    return list(client.search_runs([run.info.experiment_id], f"tags.`{PARENT}` = '{run.info.run_id}'"))


def _copy_one(client: MlflowClient, run: Run, experiment_id: str, tags: Mapping[str, str]) -> str:
    """Copy what a run itself holds: tags, numbers, parameters and the mark of its data."""
    from mlflow.entities import Metric, Param

    new = client.create_run(experiment_id, run.info.start_time, {**run.data.tags, **tags}, run.info.run_name)
    metrics = [Metric(name, value, run.info.end_time, 0) for name, value in run.data.metrics.items()]
    log_batches(client, new.info.run_id, metrics, [Param(name, text) for name, text in run.data.params.items()])
    if run.inputs:
        client.log_inputs(new.info.run_id, run.inputs.dataset_inputs)
    return str(new.info.run_id)
