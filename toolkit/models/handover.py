"""The model as it is handed over: it takes the table as a file holds it, with nothing of ours installed."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pandas as pd

from toolkit.core.result import ModelRecord
from toolkit.data import table_reader
from toolkit.data.contract import BY_TYPE
from toolkit.data.schema import Column
from toolkit.models.candidates import requirements_of
from toolkit.models.model import Model

FOLDER = Path(str(table_reader.__file__)).parent


def handed_over(model: Model, name: str, features: pd.DataFrame) -> ModelRecord:
    """Return what is logged of a trained model: it reads a table by its schema and speaks the target's labels.

    Parameters
    ----------
    model : Model
    name : str
    features : DataFrame
        Rows as it was trained on.

    Returns
    -------
    ModelRecord
        The folder ``toolkit/data/table_reader`` travels with it. A model without a schema is logged as it is.
    """
    requirements, schema = requirements_of(model.last), model.schema
    if not schema.features:
        return ModelRecord(name, model.estimator, features.head(5), requirements)
    types = {key: _type(one, features[key]) for key, one in schema.features.items()}
    whole = _travelling().TableModel(model.estimator, schema.plain(), list(model.classes))
    example = features.head(5).astype({key: object for key, kind in types.items() if kind == "string"})
    flags = [key for key, kind in types.items() if kind == "boolean"]
    example[flags] = example[flags].astype(object).replace({0: False, 1: True})
    return ModelRecord(name, whole, example, requirements, types, str(FOLDER))


def _type(column: Column, values: pd.Series[Any]) -> str:
    """Return MLflow's name of the type of a column, or ``any`` where MLflow would refuse what the model takes.

    Where MLflow is told ``double`` it refuses whole numbers, as a file has them where all happen to be so; where it is
    told ``string``, categories; where it is told ``datetime``, the texts that a date is in a CSV, and time zones.
    """
    if column.kind in ("text", "bool"):
        return "boolean" if column.kind == "bool" else "any" if column.why == BY_TYPE else "string"
    broken = values.dropna() % 1 != 0
    return "double" if column.plain and not column.missing and broken.mean() > 0.5 else "any"


def _travelling() -> Any:
    """Import the folder under the name that its copy has where the toolkit is not installed."""
    name = FOLDER.name
    if name not in sys.modules:
        within = [str(FOLDER)]
        found: Any = spec_from_file_location(name, FOLDER / "__init__.py", submodule_search_locations=within)
        sys.modules[name] = module_from_spec(found)
        found.loader.exec_module(sys.modules[name])
    return import_module(f"{name}.table_model")
