"""Read the target: its labels or numbers, the task it makes, and which class counts as positive."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from toolkit.core import Finding
from toolkit.data.findings import Noted, finding, refusal, unseen
from toolkit.data.recognition import WORDS, decide_format
from toolkit.data.schema import Decision, Schema, Task
from toolkit.data.table_reader.cells import as_texts, codes_of, column_kind, plain_numbers, text_labels, whole_or_texts
from toolkit.data.table_reader.formats import FLAGS
from toolkit.errors import InputError, listed, nearest, one_of

TASKS = ("binary", "multiclass", "regression")
MOST_NUMBER_CLASSES, ROWS_PER_NUMBER_CLASS = 15, 10


class Target(NamedTuple):
    """What a target column says.

    Attributes
    ----------
    values : Series
        ``object`` (texts), ``bool``, ``int64`` or ``float64``; labels are ``object`` where some are missing.
    task : {"binary", "multiclass", "regression", ""}
    positive : object or None
        The positive class of a binary task.
    classes : tuple
        Sorted labels; empty for regression.
    notes : tuple of Finding
        What was decided on the way.
    """

    values: pd.Series
    task: Task
    positive: object | None
    classes: tuple[object, ...]
    notes: tuple[Finding, ...]

    def roles(self) -> dict[str, Any]:
        """Return what a ``Dataset`` says of its target."""
        return {"target": self.values, "task": self.task, "positive": self.positive, "classes": self.classes}


def plain_target(column: pd.Series, decision: Decision | None = None) -> Noted:
    """Turn a target column into texts, yes/no or numbers, missing where it is missing, blank or infinite.

    ``decision`` says how its texts are read, where that was decided.

    Raises
    ------
    InputError
        Where it holds dates, lists or nothing at all.
    """
    name, kind = str(column.name), column_kind(column)
    if found := {"date": "dates", "duration": "durations", "nested": "lists or records"}.get(kind):
        raise InputError(f"Target {name!r} holds {found}. A target is a number or a label: derive one from it first.")
    if kind == "category":
        kinds, plain = pd.api.types.infer_dtype(column.cat.categories), column.astype(object)
        return (plain, []) if kinds == "string" else plain_target(plain.infer_objects())
    if kind == "number":
        values = plain_numbers(column)
        return (values.mask(np.isinf(values.to_numpy())) if values.dtype == "float64" else values), []
    if kind == "bool":
        return (column.astype(bool) if column.notna().all() else column.astype(object)), []
    codes, labels = text_labels(column)
    if not any(kept := [label if label.strip() else None for label in labels]):
        raise InputError(f"Target {name!r} is missing in every row. Name another column as target.")
    texts = pd.Series(np.array([*kept, None], dtype=object)[codes], index=column.index, name=column.name, dtype=object)
    how = (decision or decide_format(as_texts(column))).format
    if how.kind == "number" and len(labels) > MOST_NUMBER_CLASSES:
        values = pd.Series(how.read(as_texts(column))[0], index=column.index, name=column.name)
        return values.mask(np.isinf(values.to_numpy())), [finding("DATA-TARGET-TEXT-NUMBERS", "low", name)]
    return texts, [finding("DATA-TARGET-MIXED", "medium", name)] if kind == "mixed" else []


def read_target(values: pd.Series, task: str | None = None, positive: object = None) -> Target:
    """Decide the task and the positive class of a target without missing rows.

    Parameters
    ----------
    values : Series
        From ``plain_target``, missing rows dropped.
    task : {"binary", "multiclass", "classification", "regression"}, optional
        Inferred where not given: texts and yes/no are classes; numbers are classes where there are two, or up to 15
        whole ones with ten rows each or more on average; else regression.
    positive : object, optional
        Positive class, as the label or its text. Default: the larger of two numbers, True, the rarer of two texts.

    Raises
    ------
    InputError
        Where the target is constant, looks like an identifier, or does not fit the task.

    Examples
    --------
    >>> target = read_target(pd.Series(["no", "no", "yes"], name="bought"))
    >>> target.task, target.positive
    ('binary', 'yes')
    """
    name, distinct = str(values.name), int(values.nunique())
    if distinct == 1:
        raise refusal("constant", name=name, value=values.tolist()[0])
    chosen, notes = _task(values, task, distinct)
    numbers = chosen == "regression"
    values = _numbers(values) if numbers else _labels(values)
    classes = () if numbers else tuple(sorted(values.unique().tolist()))
    if chosen == "binary":
        positive, said = positive_class(values, classes, positive)
        notes += said
    elif positive is not None:
        raise refusal("no positive" if numbers else "one positive", name=name, count=distinct, classes=listed(classes))
    return Target(values, chosen, positive, classes, tuple(notes))


def target_by(values: pd.Series, known: Schema) -> Target:
    """Read a target by what was settled; labels that it does not know are missing, and counted.

    Raises
    ------
    InputError
        Where numbers are to be predicted and it holds others.

    Examples
    --------
    >>> known = Schema(name="churn", task="binary", classes=("no", "yes"), positive="yes")
    >>> found = target_by(pd.Series(["yes", "maybe", None], name="left"), known)
    >>> found.values.tolist(), found.notes[0].code
    (['yes', nan, nan], 'DATA-UNSEEN-LABELS')
    """
    labels, name = values.dropna().infer_objects(), str(values.name)
    if known.task == "regression":
        if len(labels) and not pd.api.types.is_numeric_dtype(labels.dtype):
            raise InputError(f"The target {name!r} must hold numbers, as that of {known.name} does.")
        return Target(_numbers(values), known.task, None, (), ())
    # True and 1 are one label, and so are 1 and its text, and 7 and the code 007.
    meant: dict[object, Any] = {text: label for label in known.classes for text in (label, str(label))}
    meant = codes_of(known.classes) | meant
    flags = {FLAGS.get(str(label).lower()): label for label in known.classes}
    if flags.keys() == {0.0, 1.0} and len(known.classes) == 2:  # however a file writes yes and no
        meant = {form: flags[FLAGS[one]] for one in FLAGS for form in (one, one.upper(), one.title())} | meant
    labels = _labels(labels)
    found = labels.map({label: meant.get(label, meant.get(str(label).strip())) for label in labels.unique()})
    notes = unseen(labels, found.isna(), "DATA-UNSEEN-LABELS target", known=known, classes=listed(known.classes))
    found = found[found.notna()].infer_objects() if notes else found
    return Target(among(found, values.index), known.task, known.positive, known.classes, tuple(notes))


def among(labels: pd.Series, index: pd.Index) -> pd.Series:
    """Put labels back among the rows that have none."""
    return labels if len(labels) == len(index) else labels.astype(object).reindex(index)


def _task(values: pd.Series, task: str | None, distinct: int) -> tuple[Task, list[Finding]]:
    name, rows, some = str(values.name), len(values), listed(values.unique().tolist(), most=5)
    number = values.dtype in ("int64", "float64")
    if task is not None:
        one_of("task", task, (*TASKS, "classification"))
    if task == "regression":
        if not number and values.dtype != bool:
            raise InputError(f"Regression predicts a number, but the target {name!r} holds labels: {some}.")
        return "regression", []
    if task is None and number and distinct > 2:
        whole = values.dtype == "int64" or bool((values == np.floor(values)).all())
        if not (whole and distinct <= MOST_NUMBER_CLASSES and rows >= ROWS_PER_NUMBER_CLASS * distinct):
            return "regression", []
        return "multiclass", [finding("DATA-TASK", "info", name, distinct=distinct)]
    if distinct > 2 and distinct > rows / 2:
        instead = "Use task='regression' or name another target." if number else "Name another column as target."
        raise refusal("too many classes", name=name, distinct=distinct, rows=rows, instead=instead)
    fitting: Task = "binary" if distinct == 2 else "multiclass"
    if task in ("binary", "multiclass") and task != fitting:
        raise InputError(f"Task {task!r} does not fit the target {name!r}: it has {distinct} classes: {some}.")
    return fitting, []


def _numbers(values: pd.Series) -> pd.Series:
    return values if values.dtype == "int64" else values.astype("float64")


def _labels(values: pd.Series) -> pd.Series:
    """Write class labels so that every model takes them: whole floats as integers, other floats as text."""
    if values.dtype == object and values.map(lambda label: isinstance(label, bool)).all():
        return values.astype(bool)
    return whole_or_texts(values) if values.dtype == "float64" else values


def positive_class(values: pd.Series, classes: tuple[Any, ...], positive: object) -> tuple[object, list[Finding]]:
    """Return the positive class of two, as it is given or as the labels tell it, and what was decided."""
    name, counts = str(values.name), values.value_counts()
    if positive is not None:
        if not (matching := [label for label in classes if label == positive or str(label) == str(positive).strip()]):
            near = nearest(str(positive), map(str, classes))
            raise InputError(f"Class {positive!r} is not in the target {name!r}.{near} Classes: {listed(classes)}.")
        return matching[0], []
    if not isinstance(classes[0], str):
        return max(classes, key=float), []
    if (how := decide_format(pa.array(classes)).format).kind == "number":
        return classes[int(np.argmax(how.read(pa.array(classes))[0]))], []
    for label, other in (classes, classes[::-1]):
        if WORDS["affirmed"].get(label.strip().casefold()) == other.strip().casefold():
            return label, []
    label = min(reversed(classes), key=lambda option: counts[option])
    return label, [finding("DATA-POSITIVE-CLASS", "info", name, label=label, count=counts[label], rows=len(values))]
