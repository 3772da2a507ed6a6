"""Keep runs, their numbers, data and models in MLflow. Nothing else imports mlflow, and this module knows no step."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.core.result import Candidate, DataRecord, ModelRecord, Record, VersionNote
from toolkit.errors import InputError
from toolkit.registry.safe_names import safe_names
from toolkit.registry.store import tracking_uri, unreachable, without_password
from toolkit.registry.table_function import TableFunction, column_kinds

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

    from toolkit.core.estimate import Estimate

REPORT_TAG = "toolkit.report_id"
#: Ways of loading that keep a model's probabilities, in the order in which they are tried.
FLAVOURS = ("sklearn", "lightgbm", "xgboost", "catboost")
_BARS, _KEPT = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "extra_files"  # as MLflow calls the variable and the folder
_ELSEWHERE = "MLFLOW_TRACKING_URI or TOOLKIT_OUT name another place."


def log_run(
    records: Sequence[Record],
    scalars: Mapping[str, Estimate],
    *,
    experiment: str,
    name: str,
    parameters: Mapping[str, object],
    tags: Mapping[str, str],
    files: Sequence[Path],
    out: Path,
) -> dict[str, str]:
    """Log one parent run with a child for each candidate.

    Parameters
    ----------
    records : sequence of Record
        What the results add: parameters, candidates, the data, the model, and other models beside it.
    scalars : mapping of dotted name to Estimate
        Each is logged as a metric under its name; numbers that are not defined are left out.
    experiment, name : str
        Names of the MLflow experiment and of the run.
    parameters, tags : mapping
    files : sequence of Path
        Logged as artifacts.
    out : Path
        The reports folder, beside which the default database lies.

    Returns
    -------
    dict
        ``run_id``, ``experiment``, ``experiment_id`` and, where a model was logged, ``model_uri``.
    """
    with _client(out) as client:
        experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME") or experiment
        experiment_id = _experiment(client, experiment, out)
        run = client.create_run(experiment_id, tags=dict(tags), run_name=name)
        run_id = run.info.run_id
        try:
            given = {key: value for record in records for key, value in record.parameters.items()}
            _log_numbers(client, run_id, scalars, {**parameters, **given})
            logged = {"run_id": run_id, "experiment": experiment, "experiment_id": experiment_id}
            kept = {name: text for record in records for name, text in record.kept.items()}
            for record in records:
                for candidate in record.candidates:
                    _log_candidate(client, experiment_id, run_id, candidate, tags)
                if record.data is not None:
                    _log_data(client, run_id, record.data)
                if record.note is not None:
                    _describe_versions(client, record.note)
                if record.model is not None and record.model.estimator is not None:
                    logged["model_uri"] = _log_model(run_id, record.model, kept)
                for other in record.models:
                    _log_model(run_id, other, {})
            for file in files:
                client.log_artifact(run_id, str(file), "report")
        except BaseException:
            client.set_terminated(run_id, "FAILED")
            raise
        client.set_terminated(run_id, "FINISHED")
    return logged


def attach(run_id: str, files: Sequence[Path], out: Path) -> None:
    """Add files to a run's ``report`` artifacts."""
    with _client(out) as client:
        for file in files:
            client.log_artifact(run_id, str(file), "report")


def record_failure(
    report_id: str, template: str, parameters: Mapping[str, object], error: str, files: Sequence[Path], out: Path
) -> None:
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
    """
    with _client(out) as client:
        every = [experiment.experiment_id for experiment in client.search_experiments()]
        runs = client.search_runs(every, f"tags.`{REPORT_TAG}` = '{report_id}'") if every else []
        if runs:
            run_id = runs[0].info.run_id
        else:
            experiment_id = _experiment(client, os.environ.get("MLFLOW_EXPERIMENT_NAME") or template, out)
            tags = {REPORT_TAG: report_id, "toolkit.template": template}
            run_id = client.create_run(experiment_id, tags=tags, run_name=f"{template} FAILED").info.run_id
            _log_numbers(client, run_id, {}, parameters)
        client.set_tag(run_id, "toolkit.error", error[:4000])
        for file in files:
            client.log_artifact(run_id, str(file), "report")
        client.set_terminated(run_id, "FAILED")


def load_model(address: str, out: Path) -> Any:
    """Load a logged model, as the library that made it would, else as a plain function of a table.

    Parameters
    ----------
    address : str
        ``models:/NAME@ALIAS``, ``models:/NAME/VERSION``, ``models:/m-…``, ``runs:/RUN/NAME``, or the path of a model's
        folder.
    out : Path
        The reports folder, beside which the default database lies.

    Returns
    -------
    object
        With ``predict``, and ``predict_proba`` where the model has it. Its ``signed_columns`` name the columns of the
        signature, each with the kind ``number``, ``category`` or, where any will do, an empty text, and its
        ``logged_name`` is what it was logged as.

    Raises
    ------
    InputError
        Where there is no such model, or it cannot be loaded here.
    """
    uri = tracking_uri(out)
    if re.match(r"(models|runs):", address) and uri.startswith("sqlite:///") and not Path(uri[10:]).exists():
        raise InputError(f"There is no model {address!r}: nothing has been tracked in {uri} yet. {_ELSEWHERE}")
    with _client(out):
        import mlflow

        try:
            info = mlflow.models.get_model_info(address)
            flavour = next((name for name in FLAVOURS if name in info.flavors), "pyfunc")
            loaded = import_module(f"mlflow.{flavour}").load_model(address)
        except mlflow.exceptions.MlflowException as error:
            reason = without_password(str(error).partition("\n")[0])
            raise InputError(
                f"There is no model {address!r} in {without_password(uri)}: {reason} {_ELSEWHERE}"
            ) from error
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            raise InputError(f"The model {address!r} cannot be loaded here: {reason}.") from error
    inputs = info.signature.inputs if info.signature else None
    types = {
        str(column["name"]): str(column["type"]) for column in (inputs.to_dict() if inputs else []) if "name" in column
    }
    if flavour == "pyfunc":
        loaded = TableFunction(loaded, types)
    loaded.signed_columns, loaded.logged_name = column_kinds(types), info.name or ""
    return loaded


def read_kept(address: str, name: str, out: Path) -> str | None:
    """Return a file that was kept with a logged model; None where there is none of that name."""
    with _client(out):
        import mlflow

        path = Path(mlflow.artifacts.download_artifacts(address)) / _KEPT / name
    return path.read_text(encoding="utf-8") if path.is_file() else None


@contextlib.contextmanager
def _client(out: Path) -> Iterator[MlflowClient]:
    """Yield a client of the tracking store; the caller's own MLflow settings are put back afterwards.

    A local SQLite file is used by one process at a time: two that create its tables together would break it.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    import mlflow
    from filelock import FileLock

    uri = tracking_uri(out)
    out.resolve().parent.mkdir(parents=True, exist_ok=True)
    own = {name: os.environ.get(name) for name in ("MLFLOW_TRACKING_URI", _BARS)}
    before = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else None  # type: ignore[no-untyped-call]
    logger = logging.getLogger("mlflow")
    level = logger.level
    key = hashlib.sha256(uri.encode()).hexdigest()[:16]
    lock = FileLock(Path(tempfile.gettempdir()) / f"toolkit-{key}.lock", mode=0o666)
    with lock if uri.startswith("sqlite") else contextlib.nullcontext(), warnings.catch_warnings():
        # What mlflow's own dependencies will change one day is nothing a reader of a report can act on.
        for category in (DeprecationWarning, FutureWarning, UserWarning):
            warnings.simplefilter("ignore", category)
        logger.setLevel(logging.ERROR)
        os.environ[_BARS] = "false"
        mlflow.set_tracking_uri(uri)
        try:
            yield mlflow.MlflowClient(uri)
        except mlflow.exceptions.MlflowException as error:
            raise unreachable(uri, str(error).splitlines()[0]) from error
        finally:
            mlflow.set_tracking_uri(before)  # type: ignore[arg-type]  # None: as if it had never been set
            for name in own:
                os.environ.pop(name, None)  # set_tracking_uri writes the address
            os.environ.update({name: value for name, value in own.items() if value is not None})
            logger.setLevel(level)


def _experiment(client: MlflowClient, name: str, out: Path) -> str:
    """Return the experiment's id; a new one beside the reports keeps its files there too."""
    found = client.get_experiment_by_name(name)
    if found is None:
        beside = out.resolve().parent
        local = client.tracking_uri == f"sqlite:///{beside / 'mlflow.db'}"
        folder = (beside / "mlruns" / hashlib.sha256(name.encode()).hexdigest()[:12]).as_uri()
        return str(client.create_experiment(name, artifact_location=folder if local else None))
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def _log_numbers(
    client: MlflowClient, run_id: str, scalars: Mapping[str, Estimate], given: Mapping[str, object]
) -> None:
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    defined = {name: number.value for name, number in scalars.items() if number.value == number.value}
    metrics = [Metric(name, defined[key], now, 0) for key, name in safe_names(defined).items()]
    texts = {key: value if isinstance(value, str) else json.dumps(value, default=str) for key, value in given.items()}
    params = [Param(name, texts[key][:6000]) for key, name in safe_names(texts).items()]
    for start in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[start : start + 1000])
    for start in range(0, len(params), 100):
        client.log_batch(run_id, params=params[start : start + 100])


def _log_candidate(
    client: MlflowClient, experiment_id: str, parent: str, candidate: Candidate, tags: Mapping[str, str]
) -> None:
    own = {key: value for key, value in tags.items() if key != REPORT_TAG}
    child = client.create_run(experiment_id, tags={**own, "mlflow.parentRunId": parent}, run_name=candidate.name)
    _log_numbers(client, child.info.run_id, candidate.scalars, candidate.parameters)
    client.set_terminated(child.info.run_id, "FINISHED")


def _log_data(client: MlflowClient, run_id: str, data: DataRecord) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    profile = {"num_rows": data.rows, "num_elements": data.rows * data.columns, "fingerprint": data.fingerprint}
    entity = Dataset(
        name=data.name[:500],
        digest=data.fingerprint.partition(":")[2][:32],
        source_type="toolkit",
        source=json.dumps({"source": data.source, "target": data.target}),
        schema=None if data.frame is None else json.dumps({"mlflow_colspec": _column_types(data.frame)}),
        profile=json.dumps(profile),
    )
    client.log_inputs(run_id, [DatasetInput(entity, [InputTag("mlflow.data.context", "experiment")])])


def _describe_versions(client: MlflowClient, note: VersionNote) -> None:
    for version in client.search_model_versions(f"run_id = '{note.run_id}'"):
        client.update_model_version(version.name, version.version, note.text[:5000])


def _log_model(run_id: str, model: ModelRecord, kept: Mapping[str, str]) -> str:
    import mlflow
    import mlflow.sklearn

    with mlflow.start_run(run_id=run_id, nested=True), tempfile.TemporaryDirectory() as folder:
        for name, text in kept.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        info = mlflow.sklearn.log_model(
            model.estimator,
            name=re.sub(r"[^\w\-]", "_", model.name),
            signature=_signature(model),
            input_example=model.example,
            pip_requirements=[f"mlflow=={mlflow.__version__}", *model.requirements],
            extra_files=[str(Path(folder) / name) for name in kept] or None,
            **_serialization(model.estimator),
        )
    return str(info.model_uri)


def _serialization(estimator: Any) -> dict[str, Any]:
    """Choose how the model is stored: with skops and the types it holds, which we have just made ourselves."""
    import skops.io
    from skops.io.exceptions import UnsupportedTypeException

    try:
        types = skops.io.get_untrusted_types(data=skops.io.dumps(estimator))
    except UnsupportedTypeException:
        return {"serialization_format": "cloudpickle"}
    return {"serialization_format": "skops", "skops_trusted_types": types}


def _signature(model: ModelRecord) -> ModelSignature | None:
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import Schema

    if model.example is None:
        return None
    inputs = Schema.from_json(json.dumps(_signature_inputs(model.example)))
    outputs = infer_signature(model.example, model.estimator.predict(model.example)).outputs
    return ModelSignature(inputs=inputs, outputs=outputs)


def _signature_inputs(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Name the columns and type them "any".

    The stricter types refuse what the model takes: a double whole numbers, a long missing values, a string categories.
    """
    return [{"name": str(name), "type": "any", "required": False} for name in frame]


def _column_types(frame: pd.DataFrame) -> list[dict[str, object]]:
    kinds = {"b": "boolean", "i": "long", "u": "long", "f": "double", "M": "datetime"}
    return [{"name": str(name), "type": kinds.get(frame[name].dtype.kind, "string")} for name in frame]
