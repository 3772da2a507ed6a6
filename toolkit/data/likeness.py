"""Give a table exactly the columns that a model was fitted on, or that another table has."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core.result import Finding
from toolkit.data.columns import plain_column
from toolkit.data.roles import Roles
from toolkit.errors import InputError, listed, nearest

#: What LightGBM calls the columns of an array.
_NO_NAME = re.compile(r"Column_\d+")


def features_like(
    like: Any, rows: pd.DataFrame, roles: Roles, *, strict: bool = True
) -> tuple[pd.DataFrame, list[Finding]]:
    """Take exactly the features of a fitted model or of another table, in their order; none is left out as useless.

    Parameters
    ----------
    like : fitted model or DataFrame
        The features of another table also settle the kind of each column: a number or a category, whose labels come
        first in their order. A model settles it where its encoders or its signature tell. Of a model that knows no
        names, every column that has no other role is taken, in the order of the table.
    rows : DataFrame of shape (n_rows, n_columns)
        The table as read.
    roles : Roles
        Columns that are the target or that are to be dropped cannot be features.
    strict : bool
        Whether to refuse what does not fit; if not, columns that are gone are left out, and those of another kind stay
        as they are.

    Returns
    -------
    features : DataFrame
        ``int64``, ``float64`` and ``category`` columns, under the names of the table.
    notes : list of Finding
        One for each column that was changed or is empty.

    Raises
    ------
    InputError
        Where columns are missing, have another role, or hold text in place of numbers.

    Examples
    --------
    >>> rows = pd.DataFrame({"y": [0, 1], "b": [5, 5], "a": ["1", "?"]})
    >>> known = pd.DataFrame({"a": [7.5], "b": pd.Categorical(["5"])})
    >>> features, _ = features_like(known, rows, Roles("y", (), "", "", ()))
    >>> features["a"].tolist(), features["b"].tolist()
    ([1.0, nan], ['5', '5'])
    """
    if isinstance(like, pd.DataFrame):
        expected = {str(name): "category" if _is_text(like[name]) else "number" for name in like.columns}
        owner, known = "The other table has", like
    else:
        expected, owner, known = model_columns(like), "The model was fitted on", pd.DataFrame()
    if not expected and not isinstance(like, pd.DataFrame):
        apart = {roles.target, roles.time, roles.group, *roles.drop}
        expected = {str(name): "" for name in rows.columns if name not in apart}
    names = _found(expected, list(rows.columns), owner if strict else "")
    taken = [name for name in names.values() if name in (roles.target, *roles.drop)]
    if taken:
        role = "the target" if roles.target in taken else "to be dropped"
        raise InputError(f"{owner} the column {taken[0]!r}, which is {role}. Give it one role only.")
    features, notes = {}, []
    for name, column in names.items():
        labels = list(known[name].cat.categories) if expected[name] == "category" and name in known else []
        features[column], found = _shaped(rows[column], expected[name], labels, strict)
        notes += found
    return pd.DataFrame(features, index=rows.index), notes


def check_kinds(features: pd.DataFrame, known: pd.DataFrame) -> None:
    """Refuse text where another table has numbers."""
    for name in features:
        if name in known and not _is_text(known[name]):
            _refuse_text(features[name])


def model_columns(model: Any) -> dict[str, str]:
    """Name the columns that a model was fitted on, in order, each with its kind where the model tells.

    Returns
    -------
    dict of str to str
        Kinds are ``number``, ``category`` and, where it is not known, an empty text. Empty for a model that knows no
        names.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> model_columns(LinearRegression().fit(pd.DataFrame({"a": [1.0, 2.0]}), [1, 2]))
    {'a': ''}
    """
    own = getattr(model, "columns", None)
    if isinstance(own, Mapping):
        return dict(own)
    kinds = _encoded_kinds(getattr(model, "best_estimator_", model))
    return {name: kinds.get(name, "") for name in _names(model)}


def missing_columns(model: Any, columns: Iterable[object]) -> list[str]:
    """Name the columns that a model was fitted on and that are not among ``columns``."""
    has = {_folded(str(name)) for name in columns}
    return [name for name in model_columns(model) if _folded(name) not in has]


def columns_for(model: Any, columns: Iterable[object]) -> list[str]:
    """Name the columns of a table that a model takes, in the model's order: all of them where it knows no names.

    Raises
    ------
    InputError
        Where one is missing.
    """
    has = [str(name) for name in columns]
    return list(_found(model_columns(model), has, "The model was fitted on").values()) or has


def _names(model: Any) -> list[str]:
    for attribute in ("feature_names_in_", "feature_names_", "feature_names", "feature_name"):
        found = getattr(model, attribute, None)
        found = found() if callable(found) else found
        if found is not None and len(found):
            names = [str(name) for name in found]
            return [] if all(map(_NO_NAME.fullmatch, names)) else names
    return []


def _encoded_kinds(model: Any) -> dict[str, str]:
    """Read the kinds of columns off the encoders of a pipeline: what was encoded as text must come as text."""
    kinds = {}
    for _, step in getattr(model, "steps", ()):
        for _, transformer, columns in getattr(step, "transformers_", ()):
            encoder = transformer[0] if hasattr(transformer, "steps") else transformer
            for column, labels in zip(columns, getattr(encoder, "categories_", ()), strict=False):
                if any(isinstance(label, str) for label in labels):
                    kinds[str(column)] = "category"
    return kinds


def _found(expected: Iterable[str], columns: Sequence[str], owner: str) -> dict[str, str]:
    """Find the column of the table behind each expected name; where no owner is named, some may be missing."""
    folded = {_folded(name): name for name in columns}
    missing = [name for name in expected if name not in columns and _folded(name) not in folded]
    if missing and owner:
        near = nearest(missing[0], columns)
        raise InputError(f"{owner} columns that the table lacks: {listed(missing)}.{near}")
    return {name: name if name in columns else folded[_folded(name)] for name in expected if name not in missing}


def _folded(name: str) -> str:
    """Write a name as LightGBM does, which knows no blanks in names."""
    return name.replace(" ", "_")


def _shaped(column: pd.Series[Any], kind: str, labels: list[str], strict: bool) -> tuple[pd.Series[Any], list[Finding]]:
    name = str(column.name)
    plain, notes = plain_column(column)
    if plain is None:
        empty = pd.Series(np.nan, index=column.index, name=column.name, dtype="float64")
        note = Finding("DATA-ALL-MISSING", "medium", f"Column {name!r} is expected but has no usable value.", name)
        return (empty.astype(pd.CategoricalDtype(labels)) if kind == "category" else empty), [note]
    if kind == "number" and strict:
        _refuse_text(plain)
    if kind != "category":
        return plain, notes
    texts = plain if _is_text(plain) else _as_text(plain)
    known = set(labels)
    if not strict and not _is_text(plain) and labels and known.isdisjoint(texts.cat.categories):
        return plain, notes
    new = [label for label in texts.cat.categories if label not in known]
    return texts.cat.set_categories(pd.Index([*labels, *new], dtype=object)), notes


def _refuse_text(plain: pd.Series[Any]) -> None:
    if _is_text(plain):
        found = listed(map(repr, plain.cat.categories), most=3)
        raise InputError(f"Column {str(plain.name)!r} must hold numbers; found text: {found}.")


def _as_text(plain: pd.Series[Any]) -> pd.Series[Any]:
    """Write numbers as the texts they once were, whole ones without a decimal point."""
    values = plain.dropna()
    whole = bool((values == np.floor(values)).all() and values.abs().max() < 2**53)
    texts = (values.astype("int64").map(str) if whole else values.map(repr)).astype(object)
    return texts.reindex(plain.index).astype(pd.CategoricalDtype(pd.Index(texts.unique(), dtype=object)))


def _is_text(column: pd.Series[Any]) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype)
