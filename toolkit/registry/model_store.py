"""Models in MLflow's store: log one, and copy one to another store."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.core.result import ModelRecord
from toolkit.registry.store import log_batches

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.models import ModelSignature

KEPT = "extra_files"  # as MLflow calls the folder
THRESHOLD = "threshold.json"


def log_model(run_id: str, model: ModelRecord, kept: Mapping[str, str]) -> str:
    """Log a model to a run of the connected store, with texts to be kept beside it by name; return its address."""
    import mlflow
    import mlflow.sklearn

    with mlflow.start_run(run_id=run_id, nested=True), tempfile.TemporaryDirectory() as folder:
        for name, text in kept.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        if THRESHOLD in kept and hasattr(model.estimator, "threshold"):
            model.estimator.set_params(threshold=json.loads(kept[THRESHOLD])["value"])
        info = mlflow.sklearn.log_model(
            model.estimator,
            name=re.sub(r"[^\w\-]", "_", model.name),
            signature=_signature(model),
            input_example=model.example,
            pip_requirements=[f"mlflow=={mlflow.__version__}", *model.requirements],
            code_paths=[model.code] if model.code else None,
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
    inputs = Schema.from_json(json.dumps(_signature_inputs(model)))
    outputs = infer_signature(model.example, model.estimator.predict(model.example)).outputs
    return ModelSignature(inputs=inputs, outputs=outputs)


def _signature_inputs(model: ModelRecord) -> list[dict[str, object]]:
    """Name the columns with their types, or as "any" where no types are known.

    The stricter types refuse what the model takes: a double whole numbers, a long missing values, a string categories.
    """
    types = model.types or dict.fromkeys(map(str, [] if model.example is None else model.example), "any")
    return [{"name": name, "type": kind, "required": bool(model.types)} for name, kind in types.items()]


def copy_model(model: LoggedModel, client: MlflowClient, run_id: str, experiment_id: str) -> str:
    """Copy a logged model, file by file, to a run of the store that ``client`` is of; return its address there."""
    import mlflow
    from mlflow.entities import LoggedModelOutput, Metric
    from mlflow.models import Model

    new = client.create_logged_model(
        experiment_id, model.name, run_id, tags=model.tags, params=model.params, model_type=model.model_type
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(mlflow.artifacts.download_artifacts(model.artifact_location, dst_path=folder))
        described = Model.load(path)
        described.run_id, described.model_id, described.model_uuid = run_id, new.model_id, new.model_id
        described.artifact_path = new.artifact_location
        described.save(path / "MLmodel")
        client.log_model_artifacts(new.model_id, str(path))
    client.finalize_logged_model(new.model_id, "READY")
    client.log_outputs(run_id, [LoggedModelOutput(new.model_id, step=0)])
    metrics = [Metric(one.key, one.value, one.timestamp, one.step, new.model_id) for one in model.metrics or ()]
    log_batches(client, run_id, metrics)
    return str(new.model_uri)
