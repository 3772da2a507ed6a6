"""A tracked model of which nothing is known but the types of the table that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.models import ModelSignature

_KINDS = {"string": "text"} | dict.fromkeys(("boolean", "integer", "long", "float", "double"), "number")
_STORED: dict[str, Any] = {"string": object, "boolean": bool, "integer": "int32", "long": "int64"}
_STORED |= {"float": "float32", "double": "float64"}


def column_kinds(types: Mapping[str, str]) -> dict[str, str]:
    """Say of each typed column whether it is a ``number`` or ``text``; an empty text where any type will do.

    Examples
    --------
    >>> column_kinds({"age": "long", "town": "string", "note": "any"})
    {'age': 'number', 'town': 'text', 'note': ''}
    """
    return {name: _KINDS.get(kind, "") for name, kind in types.items()}


def signed_types(signature: ModelSignature | None) -> dict[str, str]:
    """Return MLflow's name of the type of each column that a model was signed for; none where it has no signature."""
    inputs = signature.inputs.to_dict() if signature and signature.inputs else []
    return {str(column["name"]): str(column["type"]) for column in inputs if "name" in column}


def table_function(model: Any) -> Any:
    """Return a pyfunc of MLflow as a function of the types of table that it was signed for; any other as it is."""
    if type(model).__module__.partition(".")[0] != "mlflow" or not hasattr(model, "metadata"):
        return model
    return TableFunction(model, signed_types(model.metadata.signature))


class TableFunction:
    """Predictions by a loaded function of a table.

    Parameters
    ----------
    loaded : object
        With ``predict``.
    types : mapping of str to str
        MLflow's names of the types of its columns; the table is cast to them.
    """

    def __init__(self, loaded: Any, types: Mapping[str, str]) -> None:
        self.loaded, self.types = loaded, dict(types)
        self.columns = column_kinds(types)

    def predict(self, features: pd.DataFrame) -> Any:
        """Return the predictions of a table as an array, one row each."""
        import numpy as np

        texts = {name: object for name in features if features[name].dtype == "category"}
        stored = {name: _STORED[kind] for name, kind in self.types.items() if kind in _STORED and name in features}
        return np.asarray(self.loaded.predict(features.astype({**texts, **stored})))
