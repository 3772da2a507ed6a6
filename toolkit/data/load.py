"""Load a table and give its columns their roles: features, target, sensitive, time, group, weight."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Unpack, cast

import pandas as pd

from toolkit.core import Finding, Result, Severity, counted, quoted
from toolkit.data.columns import plain_column, prepare_features, typed
from toolkit.data.contract import MISFITS, about_columns, describe, find_columns, is_text, read_features, schema_of
from toolkit.data.dataset import Dataset, Names, Options, Roles, given, listed_names
from toolkit.data.delimited import as_typed
from toolkit.data.findings import Noted, finding, refusal
from toolkit.data.fingerprint import fingerprint
from toolkit.data.read import RawTable, read_table
from toolkit.data.roles import find_roles, not_named, of_periods, sensitive_groups
from toolkit.data.schema import Column, Decision, Decisions, Label, Role, Schema
from toolkit.data.table_reader.cells import as_label, as_texts, column_kind, moments
from toolkit.data.table_reader.formats import Format
from toolkit.data.target import Target, among, plain_target, positive_class, read_target, target_by
from toolkit.errors import InputError, NotApplicableError, listed
from toolkit.statistics import check_weights

LEAST_ROWS = 10


def load_dataset(
    source: str | os.PathLike[str] | pd.DataFrame | RawTable,
    *,
    target: str | None = None,
    sensitive: Names | None = None,
    time: str | None = None,
    group: str | None = None,
    weight: str | None = None,
    positive: object = None,
    task: str | None = None,
    drop: Names = (),
    periods: Sequence[object] | str | int | None = None,
    sensitive_as_features: bool = True,
    like: Any = None,
    schema: Any = None,
    kinds: Mapping[str, str] | None = None,
    decimal: str = "",
    dates: str = "",
    strict: bool = False,
    name: str | None = None,
) -> Dataset:
    """Load a table and say what each column is for.

    Parameters
    ----------
    source : str, path, DataFrame or RawTable
        A built-in name, file, web address, database address or frame: see ``toolkit.data.read.read_table``; or what
        that returned.
    target : str, optional
        Column to predict; a built-in table knows its own. Rows where it is missing are dropped, and said.
    sensitive : str or list of str, optional
        Sensitive columns, as a list or separated by commas. They are features too, unless ``sensitive_as_features``
        is False.
    time, group : str, optional
        Columns by which rows may be split. They are never features. Rows without a time are dropped, and said.
    weight : str, optional
        Column that says how much each row counts: a survey weight, an exposure, the inverse of a sampling probability.
        It is never a feature.
    positive : object, optional
        Positive class of a binary target, as the label or its text.
    task : {"binary", "multiclass", "classification", "regression"}, optional
        Inferred from the target where not given.
    drop : str or list of str
        Columns that must not become features.
    periods : list, optional
        Keep only the rows whose time is among these; dates match by year, month or day.
    sensitive_as_features : bool
        Whether a model may use the sensitive columns.
    like : Dataset, model, Profile, Schema or path, optional
        Read the table by what was settled before: its features are then exactly those columns, in their order and of
        their kinds, read as they were written then; the task, the classes, the positive one and the roles are those
        where none are given. Rows without a label are kept, be they all. What does not fit is counted and said. A path
        is that of a report, a profile or a schema. Of a fitted model that is not ours, its columns are settled, and
        their kinds where its encoders tell.
    schema : path or Schema, optional
        The same under another name, for one that ``toolkit data FILE --save`` wrote and a person edited.
    kinds : mapping of str to str, optional
        What single columns hold: ``{"zip": "text"}``; number, date, bool or text.
    decimal, dates : str, optional
        The decimal mark of the table, and the pattern of its dates, such as ``%d/%m/%Y``.
    strict : bool
        Refuse a table that does not fit ``like``.
    name : str, optional
        Name for titles and folders; by default that of the source.

    Returns
    -------
    Dataset

    Raises
    ------
    InputError
        Where the source cannot be read, a column is not in the table, or nothing could be learnt from it.

    Examples
    --------
    >>> data = load_dataset("wine")
    >>> data.task, data.rows, data.classes
    ('multiclass', 178, ('class_0', 'class_1', 'class_2'))
    >>> later = load_dataset(data.features.head(3), like=data)
    >>> later.task, later.rows, int(later.target.count())
    ('multiclass', 3, 0)
    """
    settled = like if schema is None else schema
    known = _known(settled, kinds or {}, decimal, dates)
    table = source if isinstance(source, RawTable) else read_table(source, known)
    options: Options = {"sensitive": sensitive, "time": time, "group": group, "weight": weight, "drop": drop}
    options |= {"task": task, "positive": positive, "periods": periods, "name": name}
    if not (roles := find_roles(table, target, known, **options)).target:
        raise InputError(f"Which column is the target? Give target=. Columns: {listed(table.frame.columns, 40)}.")
    if settled is None and not sensitive_as_features:
        roles = roles._replace(drop=(*roles.drop, *roles.sensitive))
    data = _assign(table, roles, known, options, every=settled is not None, keep=False)
    misfits = [note for note in data.notes if note.code.removeprefix("DATA-") in MISFITS and note.severity != "info"]
    if strict and known.columns and misfits:
        raise InputError(" ".join(note.message for note in misfits[:5]))
    return data


def _known(settled: Any, kinds: Mapping[str, str], decimal: str, dates: str) -> Schema:
    """Return what is settled before a table is read: by an earlier one, and by single decisions."""
    known = Schema() if settled is None else schema_of(settled)
    if not (kinds or decimal or dates):
        return known
    columns = {name: {"kind": kind} for name, kind in kinds.items()}
    single = {"columns": columns, "decimal": decimal or known.decimal, "dates": dates or known.dates}
    said = Schema.read(single, "What is given as kinds=, decimal= and dates=")
    both = {name: replace(known.columns.get(name, Column()), kind=one.kind) for name, one in said.columns.items()}
    return replace(known, columns={**known.columns, **both}, decimal=said.decimal, dates=said.dates)


def as_dataset(table: object, which: str, *, like: Any = None, target: str = "", **options: Unpack[Options]) -> Dataset:
    """Take a table that is to be compared with others; what does not fit is kept, so that it can be named.

    Rows without a label stay, and so do columns and labels that are not those of ``like``; columns that are gone are
    absent. There may be no target at all: then there is no task.

    Parameters
    ----------
    table : Dataset, DataFrame or RawTable
        A Dataset comes back as it is.
    which : str
        Which table it is, such as ``current``; the name of a DataFrame.
    like, target, **options
        As for ``load_dataset``; an empty text or list for what is not given.

    Raises
    ------
    InputError
        Where it is none of these, or has no rows.

    Examples
    --------
    >>> known = as_dataset(pd.DataFrame({"a": [1, 2], "b": ["x", "y"]}), "reference")
    >>> as_dataset(pd.DataFrame({"b": ["x", "z"], "c": [3, 4]}), "current", like=known).features["b"].tolist()
    ['x', 'z']
    """
    if not isinstance(table, Dataset | pd.DataFrame | RawTable):
        raise InputError(f"The {which} table must be a Dataset or a DataFrame; found {type(table).__name__}.")
    if not len(table.target if isinstance(table, Dataset) else table.frame if isinstance(table, RawTable) else table):
        raise InputError(f"The {which} table has no rows.")
    if isinstance(table, Dataset):
        return table
    known = Schema() if like is None else schema_of(like)
    if isinstance(table, pd.DataFrame):
        table = read_table(table, known)._replace(name=which)
    return _assign(table, find_roles(table, target, known, **options), known, options, every=False, keep=True)


def data_like(table: object, known: Dataset) -> Dataset:
    """Take current rows to be judged with a reference: their labels and kinds of columns must be its own.

    Raises
    ------
    InputError
        Where they are not, or there are no rows.
    NotApplicableError
        Where they are known by a profile only.
    """
    if isinstance(table, Result) and not isinstance(table, Dataset):
        raise NotApplicableError("The current table is a profile: it has no rows that could be judged.")
    data = as_dataset(table, "current", like=known)
    for name, column in data.features.items():
        if is_text(column) and name in known.features and not is_text(known.features[name]):
            raise refusal("text for numbers", name=name, found=listed(map(repr, column.cat.categories), most=3))
    labels = target_by(data.target.rename(known.roles.target), known.schema)
    return replace(data, notes=(*data.notes, *labels.notes), **labels.roles())


def _assign(table: RawTable, roles: Roles, known: Schema, options: Options, *, every: bool, keep: bool) -> Dataset:
    """Put every column of a table into its place; ``every`` one is a feature where a model knows no names."""
    wanted, decisions, name = listed_names(options.get("periods")), table.decisions, options.get("name")
    task, positive = options.get("task") or None, given(options.get("positive"))
    settled = bool(known.task) and roles.target in ("", known.named("target"))
    frame, times, notes = of_periods(table.frame, roles.time, wanted, decisions.get(roles.time))
    whole = not settled and not keep
    values, said = _labels(table, frame, roles, known, whole)
    kept = frame.index if times is None else times.index
    if whole:
        blank, labels = values.isna(), values.dropna().unique().tolist()
        if blank.any() and len(labels) == 1:
            gap = {"none": counted(int(blank.sum()), "row"), "rows": len(values), "first": int(blank.argmax()) + 1}
            raise refusal("one label", target=roles.target, label=labels[0], **gap)
        kept = kept[values.loc[kept].notna()]
    weight = _weights(frame.loc[kept, roles.weight], decisions) if roles.weight else None
    if weight is not None and not weight.all():
        none, weight = int((weight == 0).sum()), weight[weight > 0]
        notes = [*notes, finding("DATA-WEIGHT-ZERO", "low", roles.weight, none=none, rows=len(kept))]
        kept = weight.index
    if whole and len(kept) < LEAST_ROWS:
        raise refusal("few rows", rows=counted(len(kept), "row"), at=" and a time" * bool(roles.time), least=LEAST_ROWS)
    rows = frame if len(kept) == len(frame) else frame.loc[kept]
    with ThreadPoolExecutor(1) as pool:  # hashing needs no lock of the interpreter
        mark = pool.submit(_fingerprint, frame.reset_index(drop=True), decisions)
        features, others, found = _features(rows, roles, known, decisions, every, keep)
    target = _target(values.loc[kept], known if settled else Schema(), task, positive, keep)
    unasked = [column for column in frame if not known.task or column not in known.columns]
    names = [column for column in roles.sensitive if not keep or rows[column].notna().any()]
    groups = {one: sensitive_groups(rows[one], known.columns.get(one), decisions.get(one)) for one in names}
    data = Dataset(
        name=name or f"{table.name} {', '.join(wanted)}".rstrip(),
        source=table.source,
        features=features,
        **target.roles(),
        sensitive=pd.DataFrame(groups, rows.index),
        time=None if times is None else times.loc[kept],
        group=_group(rows[roles.group], decisions) if roles.group else None,
        weight=weight,
        others=others,
        fingerprint=mark.result(),
        notes=(*table.notes, *said, *target.notes, *notes, *found, *not_named(unasked, roles)),
        columns=frame.shape[1],
        schema=known,
    )
    fits = known.features and (settled or not (known.task or data.task))
    return data if fits else replace(data, schema=_settle(data, rows, decisions))


def _fingerprint(frame: pd.DataFrame, decisions: Decisions) -> str:
    """Hash a table with its texts read that are numbers, dates or yes/no: whatever its file calls them, it is one."""
    late = [one for one, how in decisions.items() if how.marks or how.format.kind != "text"]
    read = {one: as_typed(as_texts(frame[one]), decisions[one].format) for one in late if frame[one].dtype.kind in "OU"}
    read |= {column: moments(frame[column]) for column in {*frame} - {*read} if column_kind(frame[column]) == "date"}
    return fingerprint(pd.DataFrame({**frame, **read}, copy=False))


def _settle(data: Dataset, rows: pd.DataFrame, decisions: Decisions) -> Schema:
    """Write down what was settled about a table."""
    found = data.roles
    single: dict[Role, str] = {"target": found.target, "time": found.time, "group": found.group, "weight": found.weight}
    roles: dict[str, Role] = dict.fromkeys(found.sensitive, "sensitive")
    roles |= dict.fromkeys(map(str, data.features), "feature")
    roles |= {name: role for role, name in single.items() if name}
    plain = {str(name): column for part in (data.features, data.others) for name, column in part.items()}
    apart = prepare_features(rows[[name for name in map(str, data.sensitive) if name not in plain]], decisions)
    plain |= {str(name): column for part in apart[:2] for name, column in part.items()}
    if any(isinstance(label, str) for label in data.classes) and found.target in decisions:
        # Labels that a file holds as texts, such as true and false, are texts in any later file.
        own = decisions[found.target]
        decisions = {**decisions, found.target: own if own.format.kind == "text" else Decision(Format("text"))}
    columns, positive = describe(rows, plain, decisions, roles), cast("Label | None", data.positive)
    for name in (one for one in found.sensitive if is_text(data.sensitive[one]) and columns[one].kind == "number"):
        columns[name] = replace(columns[name], categories=tuple(data.sensitive[name].cat.categories))
    return Schema(columns, data.name, data.task, data.classes, positive, data.roles.sensitive)


def _group(column: pd.Series, decisions: Decisions) -> pd.Series:
    """Name whom or what rows belong to, in one way whatever a file holds: 1, 1.0 and their texts are the same.

    Texts that are no whole numbers stay as they stand: 1.1 and 1.10 may be two.
    """
    decision = decisions.get(str(column.name))
    plain = column if decision and decision.odd else typed(column, decision)[0]
    plain = column if column_kind(plain) == "number" and (plain.dropna().astype("float64") % 1).any() else plain
    return as_label(moments(plain) if column_kind(plain) == "date" else plain).astype(object)


def _weights(column: pd.Series, decisions: Decisions) -> pd.Series:
    """Read weights written in any way that numbers are."""
    plain, notes = plain_column(column, decisions.get(str(column.name)))
    return check_weights(column if plain is None or any(note.code == "DATA-DATES" for note in notes) else plain)


def _labels(table: RawTable, frame: pd.DataFrame, roles: Roles, known: Schema, whole: bool) -> Noted:
    """Return the target, missing where it cannot be used, and say how many rows have none, or no group or weight."""
    notes: list[Finding] = []
    if not whole and (roles.target not in frame or frame[roles.target].isna().all()):
        values = pd.Series(None, index=frame.index, dtype=object, name=roles.target or None)
    else:
        values, notes = plain_target(frame[roles.target], table.decisions.get(roles.target))
        if missing := int(values.isna().sum()):
            severity: Severity = "info" if not whole else "medium" if missing > 0.05 * len(frame) else "low"
            text = "DATA-TARGET-MISSING" if whole else "DATA-TARGET-MISSING kept"
            written = table.decisions[roles.target].marks if roles.target in table.decisions else ()
            marks = f" (written {listed(quoted(one) for one in written)})" if any(written) else ""
            notes.append(finding(text, severity, roles.target, missing=missing, rows=len(frame), marks=marks))
    if groupless := int(frame[roles.group].isna().sum()) if roles.group else 0:
        notes.append(finding("DATA-GROUP-MISSING", "medium", roles.group, missing=groupless, rows=len(frame)))
    if (absent := known.named("weight")) and absent not in frame:
        notes.append(finding("DATA-WEIGHT-ABSENT", "medium", absent))
    return values, notes


def _target(values: pd.Series, known: Schema, task: str | None, positive: object, keep: bool) -> Target:
    """Read labels by what was settled, else by themselves; without a task where they do not tell one."""
    labels = values.dropna().infer_objects()
    if known.task:
        found = target_by(values, known)
        if not found.classes or not len(labels) or found.values.notna().any():  # noqa: PD011  # not a frame
            meant = found.positive if positive is None else positive_class(labels, found.classes, positive)[0]
            return found._replace(positive=meant)
    if not keep or (len(labels) >= LEAST_ROWS and labels.ne(labels.iloc[0]).any()):
        found = read_target(labels, task, positive)
        return found if len(labels) == len(values) else found._replace(values=among(found.values, values.index))
    return Target(values, "", None, (), ())


def _features(
    rows: pd.DataFrame, roles: Roles, known: Schema, decisions: Decisions, every: bool, keep: bool
) -> tuple[pd.DataFrame, pd.DataFrame, list[Finding]]:
    """Return the features, the columns that have no role, and what was decided about either."""
    if not known.features and not every:
        features, others, notes = prepare_features(rows[[name for name in rows if name not in roles.apart]], decisions)
        return features, others.drop(columns=list(roles.sensitive), errors="ignore"), notes
    owner = "" if keep else known.name or "the model"
    columns = list(map(str, rows))
    names = find_columns(known.features, columns, owner) or {name: name for name in columns if name not in roles.apart}
    if taken := [column for column in names.values() if column in (roles.target, *roles.drop)]:
        role = "the target" if roles.target in taken else "to be dropped"
        raise refusal("column taken", owner=owner or known.name, column=taken[0], role=role)
    features, notes = read_features(rows, known, names, decisions, keep=keep)
    apart_from = {name: name for name in roles.sensitive if name in known.columns and name not in features}
    notes += read_features(rows, known, apart_from, decisions, keep=True)[1]
    rest = rows[rows.columns.difference([*features, *roles.apart, *roles.sensitive], sort=False)]
    spared = [one for one in map(str, rest) if known.columns.get(one, Column()).kind not in ("", "missing", "nested")]
    plain, _ = read_features(rows, known, {name: name for name in spared}, decisions, keep=True)
    others = pd.concat([plain, *prepare_features(rest.drop(columns=spared), decisions)[:2]], axis=1)
    return features, others, [*about_columns(known, columns), *notes]
