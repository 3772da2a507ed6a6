"""What a model is trained on again: the rows it was made from and later ones, by the settings recorded with it."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core import LEVELS, Estimate, Face, Finding, Record, Result
from toolkit.data import Dataset, Split, given, left_out, split_dataset, stacked
from toolkit.drift.comparison import Source
from toolkit.drift.profile import Profile, summarize
from toolkit.errors import InputError, NotApplicableError, one_of
from toolkit.models import Model
from toolkit.monitoring.pair import load_drift
from toolkit.registry.lifecycle import find_version


def load_retraining(
    *,
    model: str,
    current: Any,
    labels: Any = "",
    labels_by: str = "",
    reference: Any = "",
    settings: Mapping[str, object] | None = None,
) -> tuple[Source, Source, Source, Model | None, dict[str, Any]]:
    """Load a champion, the table that it was trained on, the current one, and the settings of its training.

    Beside the table stands what the champion is judged by: the rows of it that were held out then. Where it is another
    table by now, these are not known, and its profile stands for what was kept with the champion.

    Parameters
    ----------
    model : str
        Of a registered model that an experiment made: ``models:/NAME@ALIAS`` or ``models:/NAME/VERSION``.
    current, labels, labels_by
        As for ``load_drift``.
    reference : str, path or DataFrame, optional
        The table that it was trained on, or all rows known since; by default the recorded one. A model that was itself
        retrained needs it.
    settings : mapping, optional
        Parameters of the template ``experiment`` that differ from the recorded ones.

    Returns
    -------
    (reference, held_out, current, model, settings)

    Raises
    ------
    InputError
        Where there is no such model, no experiment made it, or it was trained with weights.
    """
    version = find_version(model, out=Path(os.environ.get("TOOLKIT_OUT", "reports")))
    if (record := version.report) is None:
        raise InputError(f"{version} has no report in the store.")
    if record.template == "retrain" and given(reference) is None:
        raise InputError(f"{model!r} was itself retrained: give reference, the table to train on with current.")
    past = {**record.parameters, **record.parameters.get("settings", {})}
    past.pop("settings", None)
    found = past | {one_of("setting", name, past): value for name, value in (settings or {}).items()}
    if record.template not in ("experiment", "retrain") or found.get("weight"):
        made = f"the template {record.template!r}{' with weights' if found.get('weight') else ''}"
        raise InputError(f"Only models of experiments without weights are trained again; {model!r} comes from {made}.")
    roles = {name: found[name] for name in ("target", "sensitive", "time", "group", "positive", "drop")}
    tables = {"reference": found["data"] if given(reference) is None else reference, "current": current, "model": model}
    later = {"labels": labels, "labels_by": labels_by, "reference_periods": found["periods"]}
    old, new, subject = load_drift(**tables, **later, **roles)
    # Of a table that has changed since, or is cut otherwise, rows that were trained on cannot be told from others.
    alike = given(reference) is None and all(found[name] == past[name] for name in ("time", "group"))
    same = alike and isinstance(old, Dataset) and old.fingerprint == record.data.fingerprint
    held_out = _cut(old, past).test if same else old if isinstance(old, Profile) else summarize(old)
    return old, held_out, new, subject, found


def split_retraining(
    decision: str, reference: Source, current: Source, *, settings: Mapping[str, Any], at_least: str = "retrain"
) -> Split:
    """Add the older labelled rows of the current table to the reference, and hold the newest ones out.

    Parameters
    ----------
    decision : str
        What ``decide`` came to.
    reference, current : Dataset
    settings : mapping
        With ``split``, ``test_size``, ``validation_size`` and ``seed``.
    at_least : {"watch", "investigate", "retrain", "ok"}
        The decision from which a model is trained again.

    Returns
    -------
    Split
        By time where the table has one, else at random; the test part holds current rows only. Where groups are kept on
        one side, the former rows of groups that are held out are left out.

    Raises
    ------
    NotApplicableError
        Where the decision asks for less, or no current row has a label.
    InputError
        Where the reference has no rows.
    """
    levels = ("ok", *LEVELS)
    if levels.index(decision) < levels.index(one_of("level", at_least, levels)):
        raise NotApplicableError(f"The decision is {decision!r}: the model is not trained again below {at_least!r}.")
    if isinstance(reference, Profile) or isinstance(current, Profile):
        raise InputError("Give reference and current as tables: a profile has no rows to train on.")
    former, newer, notes = reference.labelled, current.labelled, tuple[Finding, ...]()
    cut = _cut(newer, settings)
    if "group" in cut.strategy and former.group is not None:
        groups = pd.concat([part.group for name, part in cut.parts().items() if name != "train"])
        former = former.take(np.flatnonzero(~former.group.isin(groups)))
        lost = reference.labelled.rows - former.rows + newer.rows - sum(part.rows for part in cut.parts().values())
        notes = left_out(lost, reference.labelled.rows + newer.rows, groups.name)
    pooled = stacked({"reference": former, "current": cut.train})
    parts = split_dataset(train=pooled, validation=cut.validation, test=cut.test, seed=settings["seed"])
    return replace(parts, notes=(*parts.notes, *notes))


def _cut(data: Any, settings: Mapping[str, Any]) -> Split:
    """Cut a table as the experiment of these settings does."""
    sizes = {name: settings[name] for name in ("test_size", "validation_size", "seed")}
    return split_dataset(data, strategy=settings["split"], **sizes)


class Reason(Result, frozen=True):
    """Why a model is trained again: a result about the model in use, whose findings are no fault of the new one.

    Attributes
    ----------
    result : Result
    whose : str
        What its sentence at the head of a report is about; it may be empty.

    Examples
    --------
    >>> from toolkit import NotApplicable
    >>> [one.severity for one in Reason(NotApplicable("explain", "There is no model.")).findings()]
    ['info']
    """

    result: Result
    whose: str = ""

    def scalars(self) -> dict[str, Estimate]:
        """Return its numbers."""
        return self.result.scalars()

    def findings(self) -> list[Finding]:
        """Return its findings, to be known and not to be judged."""
        return [replace(one, severity="info") for one in self.result.findings()]

    def record(self) -> Record:
        """Return its record, with the sentence that names the model in use."""
        record = self.result.record()
        named = self.whose and record.headline
        return record._replace(headline=f"{self.whose}: {record.headline}") if named else record

    def face(self) -> Face:
        """Return its face, with the findings as they are told."""
        return self.result.face()._replace(findings=self.findings())

    def frame(self) -> pd.DataFrame:
        """Return its numbers as a tidy table."""
        return self.result.frame()
