"""Models in MLflow's store: log one, load one, and copy one to another store."""

from __future__ import annotations

import contextlib
import json
import re
import tempfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from toolkit.core import ModelRecord, beside, masked
from toolkit.errors import InputError
from toolkit.registry import store
from toolkit.registry.ledger import Ledger, folder_hash

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.models import Model, ModelSignature

KEPT = "extra_files"  # as MLflow calls the folder
THRESHOLD = "threshold.json"
TRAINED_ON = "training_rows.json"
_ALIAS = re.compile(r"models:/([^/@]+)@(.+)")
_ELSEWHERE = "MLFLOW_TRACKING_URI or TOOLKIT_OUT name another place."
#: Ways of loading that keep a model's probabilities, in the order in which they are tried.
FLAVOURS = ("sklearn", "lightgbm", "xgboost", "catboost")
#: MLflow's names of the types of columns: what they hold, and as what pandas has it.
_TYPES: dict[str, dict[str, str]] = beside(__file__, "types.yaml")


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

    with contextlib.suppress(UnsupportedTypeException):
        types = skops.io.get_untrusted_types(data=skops.io.dumps(estimator))
        return {"serialization_format": "skops", "skops_trusted_types": types}
    return {"serialization_format": "cloudpickle"}


def _signature(model: ModelRecord) -> ModelSignature | None:
    """Name the columns with their types, or as "any" where no types are known.

    The stricter types refuse what the model takes: a double whole numbers, a long missing values, a string categories.
    """
    from mlflow.models import ModelSignature, infer_signature
    from mlflow.types import Schema

    if model.example is None:
        return None
    types = model.types or dict.fromkeys(map(str, model.example), "any")
    inputs = [{"name": name, "type": kind, "required": bool(model.types)} for name, kind in types.items()]
    outputs = infer_signature(model.example, model.estimator.predict(model.example)).outputs
    return ModelSignature(inputs=Schema.from_json(json.dumps(inputs)), outputs=outputs)


def copy_model(model: LoggedModel, client: MlflowClient, run_id: str, experiment_id: str) -> str:
    """Copy a logged model, file by file, to a run of the store that ``client`` is of; return its address there."""
    import mlflow
    from mlflow.entities import LoggedModelOutput, Metric
    from mlflow.models import Model

    told: dict[str, Any] = {"tags": model.tags, "params": model.params, "model_type": model.model_type}
    new = client.create_logged_model(experiment_id, model.name, run_id, **told)
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
    client.log_batch(run_id, metrics)
    return str(new.model_uri)


class Logged(NamedTuple):
    """A model as it was logged.

    Attributes
    ----------
    model : object
        With ``predict``, and ``predict_proba`` where the model has it.
    columns : dict of str to str
        Those of the signature, each with the kind ``number``, ``category`` or, where any will do, an empty text.
    name, version : str
        What it was logged as, and the identifier that MLflow gave it.
    kept : dict of str to str
        The files that were kept with it, by name.
    """

    model: Any
    columns: dict[str, str]
    name: str
    version: str
    kept: dict[str, str]


def load_model(address: str, out: Path) -> Logged:
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
    Logged

    Raises
    ------
    InputError
        Where there is no such model, or it cannot be loaded here.
    """
    with fetched(address, out) as (folder, about, name):
        flavour = next((one for one in FLAVOURS if one in about.flavors), "pyfunc")
        loaded = import_module(f"mlflow.{flavour}").load_model(str(folder))
        kept = {file.name: file.read_text(encoding="utf-8") for file in (folder / KEPT).glob("*.json")}
        list(map(json.loads, kept.values()))  # one that was cut off is refused here, not where it is used
    return Logged(loaded, column_kinds(signed_types(about.signature)), name, about.model_id or "", kept)


@contextlib.contextmanager
def fetched(address: str, out: Path) -> Iterator[tuple[Path, Model, str]]:
    """Yield the folder of a logged model, what is said there of it, and its name, where the store knows it.

    One that was changed since it was put on record is refused, before anything of it is loaded. What MLflow, or loading
    the model meanwhile, raises becomes an error that says what to do.
    """
    uri = _store_of(address, out)
    if not Path(address, "MLmodel").is_file() and uri.startswith("sqlite:///") and store.missing_file(uri):
        raise InputError(f"There is no model {address!r}: nothing has been tracked in {uri} yet. {_ELSEWHERE}")
    with store.connect(uri) as client:
        import mlflow

        try:
            exact = _versioned(address, client)
            about, name = mlflow.models.Model.load(exact), ""
            folder = Path(mlflow.artifacts.download_artifacts(exact))
            if named := re.fullmatch(r"models:/([^/@]+)/(\d+)", exact):
                Ledger(out).check_model(named[1], named[2], folder_hash(folder))
            with contextlib.suppress(mlflow.exceptions.MlflowException):  # a folder may be of another store
                name = client.get_logged_model(about.model_id).name if about.model_id else ""
            yield folder, about, name
        except mlflow.exceptions.MlflowException as error:
            reason = f"There is no model {address!r} in {uri}: {str(error).splitlines()[0].rstrip('.')}. {_ELSEWHERE}"
            raise InputError(masked(reason)) from error
        except InputError:
            raise
        except Exception as error:
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            raise InputError(f"The model {address!r} cannot be loaded here: {reason}.") from error


def resolved(values: Mapping[str, Any], out: Path) -> dict[str, Any]:
    """Return parameters with the versions that aliases are at now; loading says what is wrong with one that fails."""
    named = {name: one for name, one in values.items() if isinstance(one, str) and _ALIAS.fullmatch(one)}
    if named and not store.missing_file(uri := store.tracking_uri(out)):
        with contextlib.suppress(InputError), store.connect(uri) as client:
            return {**values, **{name: _versioned(one, client) for name, one in named.items()}}
    return dict(values)


def _versioned(address: str, client: MlflowClient) -> str:
    """Return the address of the version that an alias is at now; any other as it is."""
    named = _ALIAS.fullmatch(address)
    return f"models:/{named[1]}/{client.get_model_version_by_alias(named[1], named[2]).version}" if named else address


def _store_of(address: str, out: Path) -> str:
    """Return the store that holds a model: the file beside the reports, if it went there when the server failed."""
    usual, file = store.tracking_uri(out), store.beside(out)
    made = re.match(r"(models:/m-|runs:/)(\w+)", address)
    if made and usual != file and not store.missing_file(file):
        with contextlib.suppress(InputError), store.connect(file) as client:
            client.get_run(made[2]) if made[1] == "runs:/" else client.get_logged_model(f"m-{made[2]}")
            return file
    return usual


def column_kinds(types: Mapping[str, str]) -> dict[str, str]:
    """Say of each typed column whether it is a ``number``, ``date`` or ``text``; an empty text where any type will do.

    Examples
    --------
    >>> column_kinds({"age": "long", "town": "string", "when": "datetime", "note": "any"})
    {'age': 'number', 'town': 'text', 'when': 'date', 'note': ''}
    """
    return {name: _TYPES[kind]["holds"] if kind in _TYPES else "" for name, kind in types.items()}


def signed_types(signature: ModelSignature | None) -> dict[str, str]:
    """Return MLflow's name of the type of each column that a model was signed for; none where it has no signature."""
    inputs = signature.inputs.to_dict() if signature and signature.inputs else []
    return {str(column["name"]): str(column["type"]) for column in inputs if "name" in column}


def table_function(model: Any) -> Any:
    """Return a pyfunc of MLflow as a function of the types of table that it was signed for; any other as it is.

    One that reads tables by a schema of its own is taken out of it.
    """
    if type(model).__module__.partition(".")[0] != "mlflow" or not hasattr(model, "metadata"):
        return model
    with contextlib.suppress(NotImplementedError):
        if hasattr(raw := model.get_raw_model(), "schema"):
            return raw
    return TableFunction(model, signed_types(model.metadata.signature))


class TableFunction:
    """Predictions by a loaded function of a table.

    Parameters
    ----------
    loaded : object
        With ``predict``.
    types : mapping of str to str
        MLflow's names of the types of its columns; the table is cast to them, days since 1970-01-01 to dates.
    """

    def __init__(self, loaded: Any, types: Mapping[str, str]) -> None:
        self.loaded, self.types = loaded, dict(types)
        self.columns = column_kinds(types)

    def predict(self, features: pd.DataFrame) -> Any:
        """Return the predictions of a table as an array, one row each.

        Raises
        ------
        InputError
            Where a cell would become another one, such as a missing one a yes.
        """
        import numpy as np

        texts = {name: object for name in features if features[name].dtype == "category"}
        stored = {name: _TYPES[kind]["as"] for name, kind in self.types.items() if kind in _TYPES and name in features}
        days = [name for name in map(str, features.select_dtypes("float64")) if self.types.get(name) == "datetime"]
        moments = {name: (features[name] * 86_400e6).round() for name in days}
        table = features.assign(**moments).astype({**texts, **stored})
        whole = [name for name in stored if self.types[name] in ("boolean", "integer", "long")]
        if changed := [name for name in whole if (table[name] != features[name]).any()]:
            raise InputError(f"The model was signed for other values than the table has in {changed}.")
        return np.asarray(self.loaded.predict(table))
