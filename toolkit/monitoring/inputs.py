"""Read the rows to estimate for: their features, and their labels and times where they have them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from toolkit.data.columns import plain_column
from toolkit.data.dataset import Dataset
from toolkit.data.likeness import features_like, model_columns
from toolkit.data.roles import Roles
from toolkit.data.sensitive import sensitive_groups
from toolkit.data.target import plain_target
from toolkit.data.times import read_time
from toolkit.errors import InputError, listed


@dataclass(frozen=True, eq=False)
class Current:
    """Rows to estimate for.

    Attributes
    ----------
    data : Dataset
        With the task, the classes and the positive class of the reference. Where a row has no label, its target is a
        placeholder.
    labelled : bool array of shape (n,)
    """

    data: Dataset
    labelled: np.ndarray[tuple[int], np.dtype[np.bool_]]


def read_current(current: Dataset | pd.DataFrame, reference: Dataset, model: Any) -> Current:
    """Bring rows into the form of the reference.

    Parameters
    ----------
    current : Dataset or DataFrame
        A frame needs the columns of the model; the target and the time column of the reference are used where it has
        them.
    reference : Dataset
    model : estimator
        Its columns are looked for.

    Raises
    ------
    InputError
        Where there are no rows, columns are missing, or the target holds what the reference does not know.
    """
    if not isinstance(current, Dataset | pd.DataFrame):
        raise InputError(f"The current rows must be a Dataset or a DataFrame; found {type(current).__name__}.")
    if not len(current.target if isinstance(current, Dataset) else current):
        raise InputError("The current table has no rows, so there is nothing to estimate.")
    if isinstance(current, Dataset):
        data = replace(current, task=reference.task, classes=reference.classes, positive=reference.positive)
        labels = current.target
    else:
        data, labels = _from_frame(current, reference, model)
    labelled = labels.notna().to_numpy()
    _check_labels(labels[labelled], reference)
    placeholder = reference.target.iloc[0]
    return Current(replace(data, target=labels.where(labelled, placeholder)), labelled)


def _from_frame(frame: pd.DataFrame, reference: Dataset, model: Any) -> tuple[Dataset, pd.Series[Any]]:
    if not frame.columns.is_unique:
        raise InputError("The current table has two columns of one name. Rename one.")
    target = str(reference.target.name)
    time = "" if reference.time is None else str(reference.time.name)
    wanted = model_columns(model)
    kept = [name for name in reference.features.columns if not wanted or name in wanted]
    roles = Roles(target, (), time, "", ())
    features, notes = features_like(reference.features[kept or reference.features.columns], frame, roles)
    empty = pd.Series(None, index=frame.index, name=target, dtype=object)
    has = target in frame.columns and bool(frame[target].notna().any())
    labels = plain_target(frame[target])[0] if has else empty
    moment = read_time(frame[time])[0] if time in frame.columns and time else None
    if moment is not None and moment.isna().any():
        raise InputError(f"Time {time!r} is missing in {int(moment.isna().sum()):,} current rows. Leave those out.")
    data = replace(
        reference,
        name=str(frame.attrs.get("name", "current")),
        source="",
        features=features,
        target=labels,
        sensitive=_sensitive(frame, reference),
        time=moment,
        group=None,
        notes=tuple(notes),
    )
    return data, labels


def _sensitive(frame: pd.DataFrame, reference: Dataset) -> pd.DataFrame:
    """Return the sensitive columns of the reference that a frame has, as far as they hold anything."""
    names = [name for name in reference.sensitive if name in frame.columns and plain_column(frame[name])[0] is not None]
    return pd.DataFrame({name: sensitive_groups(frame[name]) for name in names}, index=frame.index)


def _check_labels(labels: pd.Series[Any], reference: Dataset) -> None:
    name = str(reference.target.name)
    if reference.task == "regression":
        if len(labels) and not pd.api.types.is_numeric_dtype(labels.infer_objects().dtype):
            raise InputError(f"The current target {name!r} must hold numbers, as that of the reference does.")
        return
    unknown = sorted({str(label) for label in labels.unique() if label not in reference.classes})
    if unknown:
        raise InputError(
            f"The current target {name!r} holds {listed(unknown)}, which the reference does not: "
            f"{listed(reference.classes)}."
        )
