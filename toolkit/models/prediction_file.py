"""Read predictions that somebody else made, in any language or framework, from a table of them."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, Unpack

import numpy as np
import pandas as pd

from toolkit.core import Finding
from toolkit.data import Column, Format, RawTable, Schema, load_dataset, marks_in, read_table, target_by
from toolkit.data.dataset import Dataset, Names, Options, listed_names
from toolkit.data.table_reader.cells import column_kind, read_cells
from toolkit.errors import InputError, listed, nearest
from toolkit.models.findings import finding, refusal
from toolkit.models.model import in_order
from toolkit.models.recorded import RecordedPredictions
from toolkit.statistics import Array, roc_auc

Source = str | os.PathLike[str] | pd.DataFrame | Mapping[str, Any] | RawTable
SEPARATORS = "_.:-[]() "
#: Least share of pairs of rows, one called positive and one not, in which the first has the higher score.
AGREEING = 0.75


def load_predictions(
    source: Source, *, y_true: str = "y_true", y_pred: str = "", y_score: Names = "", **options: Unpack[Options]
) -> tuple[RecordedPredictions, Dataset]:
    """Read a table with the truth, the predictions and any columns that name groups of rows.

    Parameters
    ----------
    source : str, path, DataFrame or mapping
        Anything ``load_dataset`` reads, or arrays of one length by name.
    y_true : str
        Column of the true labels or numbers. Rows where it is missing are dropped, and said.
    y_pred : str
        Column of the predicted labels or numbers; by default ``y_pred`` where there is one.
    y_score : str or list of str
        Probabilities: one column, of the positive class; or one column a class, whose names end with the label of the
        class, as a list or as the beginning that their names share; by default ``y_score``.
    **options
        ``sensitive``, ``time``, ``group``, ``positive``, ``task``, ``drop``, ``periods`` and ``name``, as for
        ``load_dataset``. Columns to ``drop`` are not used; the others describe the rows and serve to find slices.

    Returns
    -------
    (RecordedPredictions, Dataset)
        What ``evaluate``, ``audit_fairness`` and ``find_slices`` take as model and data.

    Raises
    ------
    InputError
        Where columns are missing, there is neither ``y_pred`` nor ``y_score``, predictions are missing, scores are
        not in [0, 1], or labels are predicted that the truth does not know.

    Examples
    --------
    >>> rows = {"y_true": [0, 1] * 5, "y_score": [0.2, 0.9, 0.4, 0.3, 0.1] * 2}
    >>> recorded, data = load_predictions(rows)
    >>> recorded.predict_proba(data.features.head(2))[:, 1].tolist()
    [0.2, 0.9]
    """
    table = _read(source)
    left = listed_names(options.get("drop"), list(table.frame.columns))
    columns = _find_columns(table, y_pred, y_score, left)
    if y_true not in table.frame:
        raise _no_column(y_true, "the true values", "y_true", table)
    table = _with_labels(source, table, columns.pred, table.frame[y_true])
    if not columns.scores and column_kind(table.frame[columns.pred]) == "number" and table.frame[y_true].nunique() > 2:
        # Whole numbers with many values are a measurement where the predictions lie between them.
        options["task"] = options.get("task") or ("regression" if len(_broken(table.frame[columns.pred])) else None)
    options["drop"] = [name for name in (*left, *columns.names) if name != y_true]
    return _record(table, load_dataset(table, target=y_true, **options), columns)


def join_predictions(source: Source, data: Dataset, rows: int, **names: Any) -> tuple[RecordedPredictions, Dataset]:
    """Read the predictions for a table that is loaded already; the rows of both are in the same order.

    Parameters
    ----------
    source : str, path, DataFrame or mapping
        As for ``load_predictions``.
    data : Dataset
    rows : int
        Rows of its table as read.
    **names
        ``y_pred``, ``y_score`` and ``y_true``: where the last is in both, the two must agree.

    Raises
    ------
    InputError
        As ``load_predictions``, and where the lengths or the true values of the two differ.
    """
    if len((table := _read(source)).frame) != rows:
        raise refusal("other length", source=table.source, given=len(table.frame), rows=rows)
    columns = _find_columns(table, names.get("y_pred", ""), names.get("y_score", ""), [])
    table = _with_labels(source, table, columns.pred, data.target)
    if (y_true := names.get("y_true", "")) in table.frame:
        known = _predictions(table, y_true, data, data.classes)
        same = np.isclose(known, data.target) if data.task == "regression" else (known == data.target).to_numpy()
        if wrong := int((~same).sum()):
            raise refusal("other truth", y_true=y_true, target=data.target.name, wrong=wrong, rows=len(same))
    return _record(table, data, columns)


class _Columns(NamedTuple):
    """Where the predictions are; ``start`` is what the names of several score columns begin with, if they share it."""

    pred: str
    scores: tuple[str, ...]
    start: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        return (self.pred, *self.scores) if self.pred else self.scores


def _read(source: Source, known: Schema | None = None) -> RawTable:
    if isinstance(source, RawTable):
        return source
    if not isinstance(source, Mapping):
        return read_table(source, known)
    arrays = {str(name): pd.Series(values).reset_index(drop=True) for name, values in source.items()}
    if len({len(values) for values in arrays.values()}) > 1:
        raise refusal("other arrays", found=listed(f"{name} has {len(values):,}" for name, values in arrays.items()))
    return read_table(pd.DataFrame(arrays))


def _with_labels(source: Source, table: RawTable, pred: str, truth: pd.Series) -> RawTable:
    """Read predictions as the truth is read: where that is text, ``1E2`` and ``None`` are labels here too."""
    if not pred or column_kind(truth) != "text":
        return table
    marks = marks_in(truth.dropna().unique())
    as_it_is = column_kind(table.frame[pred]) == "text" and not marks
    return table if as_it_is else _read(source, Schema({pred: Column("text", labels=marks)}))


def _find_columns(table: RawTable, y_pred: str, y_score: Names, left: Sequence[str]) -> _Columns:
    """Find the columns of the predictions, among those that are not left out."""
    names = [name for name in table.frame.columns if name not in left]
    if (pred := y_pred or ("y_pred" if "y_pred" in names else "")) and pred not in names:
        raise _no_column(pred, "the predictions", "y_pred", table)
    wanted = listed_names(y_score, names) or ["y_score"]
    absent, start = [name for name in wanted if name not in names], ""
    if len(absent) == len(wanted) == 1:
        start = wanted[0]
        wanted = [name for name in names if name.startswith(start)]
    if absent and listed_names(y_score) and not (start and wanted):
        raise _no_column(absent[0], "the scores", "y_score", table)
    if not pred and not wanted:
        raise refusal("no predictions", source=table.source, columns=listed(table.frame.columns))
    return _Columns(pred, tuple(wanted), start)


def _no_column(name: str, what: str, parameter: str, table: RawTable) -> InputError:
    others = {"y_true", "y_pred", "y_score"} - {parameter}
    near = nearest(name, [column for column in table.frame.columns if column not in others])
    return refusal("no column", table=table, name=name, what=what, near=near, give=parameter, has=listed(table.frame))


def _record(table: RawTable, data: Dataset, columns: _Columns) -> tuple[RecordedPredictions, Dataset]:
    """Check the predictions of the rows of a data set and record them under its index."""
    scores, classes = _scores(table, data, columns) if columns.scores else (None, tuple(data.classes))
    pred = _predictions(table, columns.pred, data, classes) if columns.pred else None
    recorded = RecordedPredictions(pred, scores, classes)
    notes = data.notes if pred is None or scores is None else (*data.notes, *_about_both(recorded, pred, data))
    return recorded, replace(data, predictions=columns.names, notes=notes)


def _about_both(recorded: RecordedPredictions, pred: pd.Series, data: Dataset) -> Iterator[Finding]:
    """Say where labels of two classes contradict their scores: most often of the other class, or in another order."""
    chosen = np.asarray(pred == data.positive, dtype=float)
    if data.task == "binary" and len(np.unique(chosen)) == 2:
        score = recorded.predict_proba(data.features)[:, list(recorded.classes_).index(data.positive)]
        if (above := roc_auc(chosen, score)[0]) < AGREEING:
            yield finding("MODEL-SCORES-CONTRADICT", "high", data.target.name, above=above, positive=data.positive)


def _scores(table: RawTable, data: Dataset, columns: _Columns) -> tuple[pd.DataFrame, tuple[Any, ...]]:
    said = {"name": columns.scores[0], "target": data.target.name, "classes": listed(data.classes)}
    if data.task == "regression":
        raise refusal("scores of numbers", **said)
    whole = {name: 100 for name, one in table.decisions.items() if one.format.unit == "%"}
    scores = pd.DataFrame({name: _numbers(table, name, data) / whole.get(name, 1) for name in columns.scores})
    if len(columns.scores) == 1 and not columns.start:
        if data.task != "binary":
            raise refusal("one column", count=len(data.classes), **said)
        return scores, in_order(data)
    classes = tuple(_class_of(name, data, columns.start) for name in columns.scores)
    if len(classes) == 1 and data.task == "binary":
        if classes[0] not in data.classes:
            raise refusal("no class", **said)
        return scores, (*(label for label in data.classes if label not in classes), *classes)
    if (lacking := [label for label in data.classes if label not in classes]) or len(set(classes)) < len(classes):
        wrong = f"none for {listed(lacking)}" if lacking else "two for one class"
        raise refusal("not each class", names=listed(columns.scores), wrong=wrong)
    order = sorted(range(len(classes)), key=lambda place: (*in_order(data), *classes).index(classes[place]))
    return scores.iloc[:, order], tuple(classes[place] for place in order)


def _class_of(column: str, data: Dataset, start: str) -> Any:
    """Find the class whose label ends the name of a column of scores; one that the truth lacks may follow ``start``."""
    # Of labels such as 0.0 and 1.0, 0 and 1, or True and TRUE, the columns of scores may be named after either form.
    flags: dict[str, Any] = {str(label): label for label in data.classes if isinstance(label, bool)}
    labels = {form: label for name, label in flags.items() for form in (name.lower(), name.upper())}
    labels |= {str(float(label)): label for label in data.classes if type(label) is int}
    labels |= {str(label).removesuffix(".0"): label for label in data.classes}
    labels |= {str(label): label for label in data.classes}
    whole = column.removeprefix(start)
    for text in (whole, whole.rstrip("]) ")):
        fitting = [name for name in labels if text == name or text.endswith(tuple(mark + name for mark in SEPARATORS))]
        if fitting:
            return labels[max(fitting, key=len)]
    if not start:
        raise refusal("no class", name=column, target=data.target.name, classes=listed(data.classes))
    rest = whole.strip(SEPARATORS)
    return int(rest) if rest.isdecimal() and isinstance(data.classes[0], int) else rest


def _numbers(table: RawTable, name: str, data: Dataset) -> pd.Series:
    """Read the numbers of a data set's rows as its table writes them, missing where they are; text is refused."""
    column, decision = table.frame.loc[data.target.index, name], table.decisions.get(name)
    how = decision.format if decision and decision.format.kind == "number" else Format("number")
    numbers = read_cells(column, how).astype("float64")
    if len(wrong := column[numbers.isna() & column.notna()]):
        raise InputError(f"Column {name!r} must hold numbers; found {listed(map(repr, wrong), most=3)}.")
    return numbers


def _predictions(table: RawTable, name: str, data: Dataset, classes: Sequence[Any]) -> pd.Series:
    """Read predicted numbers, or labels as the truth writes them."""
    column = table.frame.loc[data.target.index, name]
    if missing := int(column.isna().sum()):
        raise InputError(f"{name!r} is missing in {missing:,} of {len(column):,} rows. Give every row its prediction.")
    if data.task == "regression":
        return _numbers(table, name, data)
    if column_kind(column) == "number" and len(between := _broken(column)):
        raise refusal("between labels", name=name, target=data.target.name, classes=listed(classes), between=between[0])
    labels = target_by(column, Schema(classes=tuple(classes)))
    if len(unknown := column[labels.values.isna()].unique()):  # noqa: PD011  # not a frame
        said = {"unknown": listed(map(repr, unknown.tolist())), "classes": listed(map(repr, classes))}
        raise refusal("unknown labels", name=name, target=data.target.name, **said)
    return labels.values  # noqa: PD011


def _broken(column: pd.Series) -> Array:
    """Return the numbers that are not whole."""
    values = column.dropna().to_numpy(dtype=float)
    return np.asarray(values[values != np.floor(values)])
