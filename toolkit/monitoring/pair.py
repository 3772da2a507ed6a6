"""What a drift report compares: a reference, a current table, and the model that is to predict both."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from toolkit.core import counted, refuser
from toolkit.data import Dataset, RawTable, as_dataset, given, listed_names, read_table, text_labels
from toolkit.drift.profile import KEPT_AS, Profile, is_profile, load_profile, read_profile
from toolkit.errors import InputError, listed, nearest
from toolkit.models import Model, Threshold, ThresholdLike, load_model, read_threshold

refusal = refuser(__file__)


def load_drift(
    *,
    reference: Any = "",
    current: Any,
    model: Any = "",
    labels: Any = "",
    labels_by: str = "",
    target: str = "",
    sensitive: str | Sequence[str] = (),
    time: str = "",
    group: str = "",
    weight: str = "",
    positive: object = "",
    drop: str | Sequence[str] = (),
    reference_periods: Sequence[object] | str | int = (),
    current_periods: Sequence[object] | str | int = (),
    threshold: ThresholdLike = None,
) -> tuple[Dataset | Profile, Dataset | Profile, Model | None]:
    """Load the two tables that are compared, and the model that is to predict both.

    Parameters
    ----------
    reference, current : str, path or DataFrame
        As for ``load_dataset``, or a profile that ``Profile.save`` or ``toolkit serve`` wrote. An empty reference
        stands for the data that the model was trained on: an experiment keeps a profile of them with the model.
    model : str or estimator
        Address for ``load_model``, or the fitted model itself; may be empty.
    labels : str, path or DataFrame
        Labels of the current rows that arrived later, as for ``load_dataset``; an empty text for none.
    labels_by : str
        Column of both by which labels find their rows, left out of the comparison; by default the rows are the same, in
        the same order. See ``join_labels``.
    target : str
        Where it is known and the current table has it, its drift and the realized performance are measured too, on the
        rows that have a label.
    sensitive, time, group, weight, positive, drop
        As for ``load_dataset``; an empty text or list for what is not given.
    reference_periods, current_periods : list
        Keep only the rows of these times, so that one table can be compared with itself.
    threshold : float or str, optional
        A number at which the model is to decide, in place of its own threshold.

    Returns
    -------
    (reference, current, model)
        The model is None where none was given.

    Raises
    ------
    InputError
        Where a table or the model cannot be loaded.

    Examples
    --------
    >>> reference, current, model = load_drift(reference="wine", current="wine")
    >>> reference.rows, current.rows, model
    (178, 178, None)
    """
    subject, rule = None, read_threshold(threshold)
    if given(model) is not None:
        subject = load_model(model) if isinstance(model, str) else Model.of(model)
        if rule.kind != "fixed":
            raise InputError(f"Here the threshold must be a number, or be left to the model; found a rule: {rule}.")
        subject = subject if given(threshold) is None else replace(subject, threshold=Threshold(rule.level, rule))
    options: dict[str, Any] = {"time": time, "group": group, "weight": weight, "positive": positive}
    if given(reference) is None:
        if subject is None:
            raise InputError("Which table was the model made for? Give a reference, or the address of a logged model.")
        if KEPT_AS not in subject.kept:
            raise refusal("no profile", address=model)
        before: Dataset | Profile = read_profile(subject.kept[KEPT_AS], f"{KEPT_AS} of {model}")
    elif is_profile(reference):
        before = load_profile(reference)
    else:
        table = read_table(reference, subject.schema if subject else None)
        options |= {"sensitive": sensitive, "periods": reference_periods, "drop": _apart(table, drop, labels_by)}
        before = as_dataset(table, "reference", like=subject, target=target, **options)
    if is_profile(current):
        if given(labels) is not None or given(current_periods) is not None:
            raise InputError(f"{str(current)!r} is a profile: it has no rows for labels or current_periods.")
        return before, load_profile(current), subject
    known = before.schema.named("target") if isinstance(before, Profile) else before.roles.target
    like = before if isinstance(before, Dataset) else subject or before
    table = read_table(current, like.schema)
    aim = target or (table.built_in.target if table.built_in else known)
    if given(labels) is not None:
        table = join_labels(table, read_table(labels, like.schema), target=aim, by=labels_by)
        if not aim and (aim := str(table.frame.columns[-1])) in before.schema.features:
            raise refusal("labels of a feature", name=aim, reference=before.name)
    elif labels_by:
        raise InputError(f"labels_by={labels_by!r} needs labels. Give labels= too, or neither.")
    names = list(table.frame.columns)
    groups = [name for name in listed_names(sensitive, names) if name in names]
    options |= {"sensitive": groups, "periods": current_periods, "target": aim if aim in names else ""}
    options["drop"] = [name for name in _apart(table, drop, labels_by) if name in names]
    return before, as_dataset(table, "current", like=like, **options), subject


def _apart(table: RawTable, drop: object, labels_by: str) -> list[str]:
    """Name the columns to leave out, with the one that labels are matched by, if it is there: it names rows."""
    names = list(table.frame.columns)
    return [*listed_names(drop, names), *([labels_by] if labels_by in names else [])]


def join_labels(table: RawTable, labels: RawTable, *, target: str | None = None, by: str = "") -> RawTable:
    """Give a table the target column that another table holds.

    Parameters
    ----------
    table : RawTable
        Its own column of that name, if there is one, must be empty.
    labels : RawTable
        A row a label.
    target : str, optional
        Name of the column; by default the only one of the labels beside ``by``.
    by : str
        Column of both whose values, all different, say which label belongs to which row; rows without one stay without
        a label. An empty text stands for the same rows in the same order.

    Returns
    -------
    RawTable

    Raises
    ------
    InputError
        Where columns are missing or ambiguous, or labels and rows do not match.

    Examples
    --------
    >>> rows = RawTable(pd.DataFrame({"id": ["a", "b", "c"]}), "rows", "")
    >>> later = RawTable(pd.DataFrame({"id": ["c", "a"], "paid": [1, 0]}), "later", "")
    >>> join_labels(rows, later, by="id").frame["paid"].tolist()
    [0.0, nan, 1.0]
    """
    columns = [str(name) for name in labels.frame.columns if name != by]
    if target and target not in columns and len(columns) != 1:
        raise refusal("no target", part=labels, target=target, near=nearest(target, columns), columns=listed(columns))
    if target not in columns and len(columns) != 1:
        raise InputError(f"Which column of {labels.name} holds the labels? Give target=. Columns: {listed(columns)}.")
    column = target if target in columns else columns[0]
    if (name := target or column) in table.frame.columns and bool(table.frame[name].notna().any()):
        raise InputError(f"{table.name} has labels of its own in {name!r}. Leave that column out, or the labels.")
    values = labels.frame[column]
    if by:
        mine, theirs = (_keys(part, by) for part in (table, labels))
        if len(unknown := theirs[~theirs.isin(mine)]):
            rows, found = counted(len(theirs), "row"), listed(map(repr, unknown.unique()), 3)
            raise refusal("unknown rows", unknown=unknown, rows=rows, labels=labels, table=table, by=by, found=found)
        values = values.set_axis(theirs).reindex(mine)
    elif len(values) != len(table.frame):
        both = [name for name in labels.frame.columns if name in table.frame.columns and name != column]
        known = f", such as {both[0]!r}" if both else ""
        sizes = [f"{part.name} has {counted(len(part.frame), 'row')}" for part in (labels, table)]
        raise refusal("other size", sizes=" and ".join(sizes), known=known)
    rest = table.frame.drop(columns=name, errors="ignore")  # the labels stand last
    return table._replace(frame=pd.DataFrame({**rest, name: values.to_numpy()}, copy=False))


def _keys(part: RawTable, by: str) -> pd.Series:
    """Write identifiers as text, so that 7, 7.0 and "7" are the same."""
    if by not in part.frame.columns:
        raise refusal("no key", part=part, by=by, near=nearest(by, part.frame.columns))
    if (column := part.frame[by]).isna().any():
        raise refusal("gaps", by=by, missing=int(column.isna().sum()), rows=counted(len(column), "row"), part=part)
    if column.dtype.kind == "f" and bool((column == column.round()).all()):
        column = column.astype("int64")
    codes, texts = text_labels(column.astype(object))
    keys = pd.Series(texts[codes], dtype=object)
    if len(twice := keys[keys.duplicated()]):
        raise refusal("twice", by=by, part=part, found=listed(map(repr, twice.unique()), 3))
    return keys
