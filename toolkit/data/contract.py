"""Read a table by the contract of another table, or of a model, and count what does not fit it."""

import os
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from toolkit.core import Finding, counted, two_at_once
from toolkit.data.findings import Noted, by_share, finding, too_large, unseen
from toolkit.data.recognition import decide_formats
from toolkit.data.schema import BY_TYPE, Column, Decision, Decisions, Role, Schema
from toolkit.data.table_reader.cells import as_texts, column_kind, is_blank, read_cells
from toolkit.data.table_reader.formats import Format, marks_in
from toolkit.errors import InputError, listed, nearest
from toolkit.statistics import AnyArray, cell_text, quartiles

MOST_CATEGORIES = 1000
#: How much the median size of a column's numbers may change, and of how many, before its unit is in doubt.
UNIT_FACTOR, UNIT_ROWS = 10, 20
#: The same where the median lies outside the range seen before.
OUTSIDE_FACTOR = 1.5
#: Share of the numbers that may lie outside the range seen before and nothing is said.
OUTSIDE_SHARE = 0.01
#: Days that numbers may lie beside the dates seen to be taken for days since 1970-01-01.
NEAR_DAYS = 3660
MISFITS = ("ODD-CELLS", "FORMAT-CHANGED", "UNSEEN-LABELS", "KIND-CHANGED", "UNIT-CHANGED", "COLUMNS-GONE")
_KINDS: dict[Any, Any] = {"bool": "number", "duration": "number", "category": "text", "mixed": "text"}


def schema_of(like: Any) -> Schema:
    """Return the schema of whatever was settled before: a table, a model, a profile, a report or a file of it.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> list(schema_of(LinearRegression().fit(pd.DataFrame({"a": [1.0, 2.0]}), [1, 2])).features)
    ['a']
    """
    if isinstance(like, str | os.PathLike):
        return Schema.load(like)
    known = like if isinstance(like, Schema) else getattr(like, "schema", None)
    return known if isinstance(known, Schema) else _of_model(like)


def describe(
    raw: pd.DataFrame, plain: Mapping[str, pd.Series], decisions: Decisions, roles: Mapping[str, Role]
) -> dict[str, Column]:
    """Say what each column of a table holds and how it is written, those of ``plain`` first.

    Parameters
    ----------
    raw : DataFrame
        As read.
    plain : mapping of str to Series
        Columns as numbers or categories, where they are so.
    decisions, roles : mapping of str
        How texts are read; what each column is for, ``other`` where nothing is said.
    """
    names: dict[str, Role] = dict.fromkeys([*plain, *map(str, raw)], "other")
    columns = [map(known.get, names) for known in (raw, plain, decisions, {**names, **roles})]
    return dict(zip(names, two_at_once(_described, *columns), strict=True))


def _described(raw: pd.Series, plain: pd.Series | None, decision: Decision | None, role: Role) -> Column:
    kind: Any = column_kind(raw)
    how = decision.format if decision else Format(kind if kind in ("bool", "duration") else _KINDS.get(kind, kind))
    said: dict[str, Any] = {one.name: getattr(how, one.name) for one in fields(Format)}
    first = raw.first_valid_index()
    said |= {"role": role, "why": BY_TYPE if decision is None else decision.why or _reason(raw, plain, decision)}
    said |= {"dates": said["dates"] or "ISO8601"} if how.kind == "date" else {}
    said |= {"example": (decision.example if decision else "") or ("" if first is None else str(raw[first])[:80])}
    if kind == "nested" or plain is None or is_blank(plain):
        return Column(**said)
    if is_text(plain):
        labels = [str(label) for label in plain.cat.categories]
        if decision is None or decision.record is None:
            said["labels"] = marks_in(labels)
        kept = tuple(labels) if len(labels) <= MOST_CATEGORIES else ()
        return Column(**said, categories=kept, ordered=bool(plain.cat.ordered))
    values = plain.dropna().to_numpy(dtype=float)
    lower, middle, upper = map(float, quartiles(values))
    sizes = np.abs(values[values != 0]) if values.min() <= 0 else np.array([])
    said |= {"low": float(values.min()), "typical": float(quartiles(sizes)[1]) if len(sizes) else middle}
    whole = how.kind == "number" and bool((values == np.floor(values)).all())
    return Column(**said, high=float(values.max()), half=(lower, upper), whole=whole)


def _reason(raw: pd.Series, plain: pd.Series | None, decision: Decision) -> str:
    """Say in a few words what settled how the texts of a column are read."""
    how, odd = decision.format, sum(decision.odd.values())
    every = f"every cell but {odd:,} is" if odd else "every cell is"
    if how.kind == "date":
        late = raw[raw.dt.day > 12] if pd.api.types.is_datetime64_dtype(raw.dtype) else raw[:0]
        if "%d" in how.dates and "%m" in how.dates and not decision.other and len(late):
            return f"{'day' if how.dates.startswith('%d') else 'month'} first: {late.min():{how.dates[:5]}} occurs"
        return f"{every} a date"
    if how.kind == "number" and (plain is not None or column_kind(raw) == "number"):
        values = (raw if plain is None else plain).dropna()
        return f"{every} a {'whole ' * bool((values % 1 == 0).all())}number"
    said = {"bool": "only True and False occur", "missing": "no cell has a value"}
    return said.get(how.kind, f"{raw.nunique():,} distinct texts")


def find_columns(wanted: Collection[str], columns: Sequence[str], owner: str = "") -> dict[str, str]:
    """Find the column of a table behind each name; where no owner is named, some may be missing.

    Raises
    ------
    InputError
        Where one is missing of what an owner needs.
    """
    folded = {name.replace(" ", "_"): name for name in columns if name not in wanted}  # LightGBM knows no blanks
    found = {name: name if name in columns else folded.get(name.replace(" ", "_")) for name in wanted}
    if owner and (absent := [name for name, column in found.items() if column is None]):
        raise InputError(f"The table lacks columns that {owner} needs: {listed(absent)}.{nearest(absent[0], columns)}")
    return {name: column for name, column in found.items() if column is not None}


def read_features(
    rows: pd.DataFrame, known: Schema, names: Mapping[str, str], decisions: Decisions, *, keep: bool
) -> tuple[pd.DataFrame, list[Finding]]:
    """Read columns as the schema has them, whatever they hold; none is left out as useless.

    Parameters
    ----------
    rows : DataFrame of shape (n_rows, n_columns)
        The table as read.
    known : Schema
    names : mapping of str to str
        Columns of the schema, in order, and what they are called in the table.
    decisions : mapping of str to Decision
        How texts are read.
    keep : bool
        Whether a column of another kind stays as it is; else its values are missing.

    Returns
    -------
    features : DataFrame
        ``int64``, ``float64`` and ``category`` columns; the labels seen before come first, in their order.
    notes : list of Finding
        What does not fit: ``DATA-ODD-CELLS``, ``DATA-FORMAT-CHANGED``, ``DATA-UNSEEN-LABELS``, ``DATA-KIND-CHANGED``
        and ``DATA-UNIT-CHANGED``, each with example cells, as severe as its share of the rows.

    Examples
    --------
    >>> known = Schema({"town": Column("text", role="feature", categories=("Oslo", "Bergen"))})
    >>> rows = pd.DataFrame({"town": ["Oslo", "Paris"]})
    >>> features, notes = read_features(rows, known, {"town": "town"}, {}, keep=False)
    >>> list(features["town"].cat.categories), notes[0].code
    (['Oslo', 'Bergen', 'Paris'], 'DATA-UNSEEN-LABELS')
    """
    specs, columns = [known.columns.get(name, Column()) for name in names], list(names.values())
    found = two_at_once(partial(_read, keep=keep), map(rows.get, columns), specs, map(decisions.get, columns))
    features = {name: plain for name, (plain, _) in zip(columns, found, strict=True)}
    return pd.DataFrame(features, index=rows.index, copy=False), [note for _, said in found for note in said]


def _read(column: pd.Series, spec: Column, decision: Decision | None, keep: bool) -> Noted:
    name, notes = str(column.name), list[Finding]()
    kind: Any = column_kind(column)
    if kind in ("text", "mixed") or (kind == "category" and spec.kind not in ("", "text")):
        if decision is None or decision.record is None:
            decision = decide_formats({name: as_texts(column)}, Schema({name: spec}))[name]
        kind, notes = decision.format.kind, decision.about(name, len(column))
    held, wanted = (_KINDS.get(one, one) for one in (kind, spec.kind))
    plain = read_cells(column, decision.format if decision else Format(held), spec.categories, spec.ordered)
    if is_blank(plain):
        note = finding("DATA-ALL-MISSING expected", "medium", name)
        return read_cells(plain, Format(wanted), spec.categories, spec.ordered), [note]
    if wanted == "date" and held == "number" and spec.low is not None and spec.high is not None:
        held = "date" if spec.low - NEAR_DAYS <= plain.median() <= spec.high + NEAR_DAYS else held
    if wanted == "text" and held != "text":
        exact = held != "number" or pd.api.types.infer_dtype(column, skipna=True) == "integer"
        texts = read_cells(column if exact else plain, spec, spec.categories, spec.ordered)
        if not keep or not spec.categories or texts.isin(spec.categories).any():
            plain, held = texts, "text"
    if wanted in ("", "missing", "nested"):
        return plain, notes
    if wanted == held:
        if decision is None and held == "number" and (lost := int(column.count() - plain.count())):
            notes.append(finding("DATA-INFINITE unread", "medium", name, values=counted(lost, "value")))
        if not is_text(plain):
            return plain, [*notes, *too_large(column, plain), *_about_numbers(name, plain, spec)]
        new = plain.cat.codes >= (len(spec.categories) or np.inf)
        return plain, [*notes, *unseen(plain, new, "DATA-UNSEEN-LABELS")]
    cells = listed((repr(str(cell)) for cell in column.dropna().unique()), 3)
    missing = "" if keep else " All its cells are missing."
    notes = [finding("DATA-KIND-CHANGED", "critical", name, spec=spec, held=held, cells=cells, missing=missing)]
    return (plain if keep else pd.Series(np.nan, plain.index, "float64", plain.name)), notes


def _about_numbers(name: str, plain: pd.Series, spec: Column) -> Iterator[Finding]:
    """Say where numbers are of another size than those seen before, as they are in another unit, or lie elsewhere."""
    values = plain.dropna().to_numpy()
    if spec.low is None or spec.high is None or not len(values):
        return
    dates, (lower, upper) = spec.kind == "date", spec.half or (-np.inf, np.inf)
    ratios = np.abs(values[values != 0]) / ((not dates and spec.typical) or np.nan)
    if _may_lie_beyond(ratios, 1 / OUTSIDE_FACTOR, OUTSIDE_FACTOR):
        middle, ratio = float(np.median(values)), float(np.median(ratios))
        inside, size = spec.low <= middle <= spec.high, max(ratio, 1 / ratio)
        if size >= (UNIT_FACTOR if inside else OUTSIDE_FACTOR):
            severity = "high" if size >= UNIT_FACTOR else "medium"
            yield finding("DATA-UNIT-CHANGED", severity, name, ratio=ratio, middle=middle, spec=spec)
            return
    if spec.whole and len(broken := values[values != np.floor(values)]):
        yield finding("DATA-FORMAT-CHANGED decimals", "medium", name, value=broken[0])
    wide = max(spec.high - spec.low, NEAR_DAYS * dates)
    outside, distant = ((values < spec.low - most) | (values > spec.high + most) for most in (0, wide))
    beyond, far = int(outside.sum()), int(distant.sum())
    elsewhere = _may_lie_beyond(values, lower, upper) and not lower <= np.median(values) <= upper
    if far or (not dates and (elsewhere or beyond > OUTSIDE_SHARE * len(values))):
        shown = pd.unique(values[outside]), (np.median(values), spec.low, spec.high, *(spec.half or ()))
        cells, seen = ([cell_text(one // 1 if dates else one, dates) for one in ones] for ones in shown)
        said = {"beyond": counted(beyond, "value"), "cells": ": " * bool(cells) + listed(cells, 3), "seen": seen}
        yield finding("DATA-RANGE half" if spec.half else "DATA-RANGE", by_share(far / len(values)), name, **said)


def _may_lie_beyond(values: AnyArray, low: float, high: float) -> bool:
    """Whether the median of enough values may lie beyond two bounds: counting is fast, and rarely leaves it open."""
    return len(values) >= UNIT_ROWS and bool(max((values <= low).sum(), (values >= high).sum()) >= len(values) / 2)


def about_columns(known: Schema, columns: Collection[str]) -> Iterator[Finding]:
    """Say which columns came, and which went, since the table that settled the schema."""
    new = [name for name in columns if name not in known.columns]
    gone = [one for one in known.columns if one not in columns and known.columns[one].role not in ("target", "feature")]
    for code, severity, names in (("DATA-COLUMNS-GONE", "low", gone), ("DATA-COLUMNS-NEW", "info", new)):
        if names and known.named("target"):
            yield finding(code, severity, known=known, columns=listed(names))


def is_text(column: pd.Series) -> bool:
    """Whether a plain column holds labels."""
    return isinstance(column.dtype, pd.CategoricalDtype)


def is_plain(column: pd.Series, kind: str) -> bool:
    """Whether a column is as features are: a category of texts where the kind is text, else numbers."""
    if is_text(column):
        return kind == "text" and column.cat.categories.inferred_type in ("string", "empty")
    return kind != "text" and str(column.dtype) in ("int64", "float64")


#: Where estimators of scikit-learn keep the fitted ones that they hold.
_HELD = r"steps|transformer_list|calibrated_classifiers_|(best_|named_)?estimators?_?|regressor_|_preprocessor"


def encoded_labels(model: Any) -> dict[str, tuple[Any, ...]]:
    """Return the labels of each column that the encoders of a fitted model have seen, however deep inside, as then.

    Examples
    --------
    >>> from sklearn.ensemble import HistGradientBoostingClassifier
    >>> rows = pd.DataFrame({"floor": pd.Categorical([3, 1, 3])})
    >>> encoded_labels(HistGradientBoostingClassifier().fit(rows, [0, 1, 0]))
    {'floor': (1, 3)}
    """
    names, found = np.array(_names(model), dtype=object), dict[str, tuple[Any, ...]]()
    for held in [one for name, one in getattr(model, "__dict__", {}).items() if re.fullmatch(_HELD, name)]:
        parts = held if isinstance(held, list) else [*held.items()] if isinstance(held, dict) else [held]
        for part in reversed(parts[:20]):  # the first step meets the columns themselves; of a forest some trees will do
            found |= encoded_labels(part[1] if isinstance(part, tuple) else part)
    for _, made, columns in (("", model, names), *getattr(model, "transformers_", ())):
        steps = [one for _, one in getattr(made, "steps", [("", made)])]
        labels = next((one.categories_ for one in steps if hasattr(one, "categories_")), ())
        fits = made is not model or (len(labels) == len(names) and not hasattr(steps[0], "transformers_"))
        if fits and ((by_name := np.asarray(columns).dtype.kind in "OUT") or len(names)):
            found |= zip(columns if by_name else names[columns], (tuple(one.tolist()) for one in labels), strict=False)
    if len(names) and hasattr(getattr(model, "get_booster", list)(), "get_categories"):  # XGBoost from 3.1
        for name, known in model.get_booster().get_categories(export_to_arrow=True).to_arrow():
            if known is not None and (pa.types.is_integer(known.type) or known.buffers()[-1].to_pybytes().isascii()):
                found[name] = tuple(known.to_pylist())  # 3.2 cuts off texts beyond ASCII
    if len(names) and hasattr(model, "booster_"):  # LightGBM
        places, kept = model.booster_.params.get("categorical_column", ()), model.booster_.pandas_categorical or ()
        found |= zip(names[list(places)], map(tuple, kept), strict=True) if len(places) == len(kept) else ()
    return {str(name): labels for name, labels in found.items()}


def _of_model(model: Any) -> Schema:
    """Read off a fitted model the columns it takes and, where encoders or a signature tell, their kinds and labels."""
    if isinstance(own := getattr(model, "columns", None), Mapping):
        return Schema({name: Column(kind, role="feature") for name, kind in own.items()})
    columns, known = dict.fromkeys(_names(model), Column(role="feature")), encoded_labels(model)
    for name in columns.keys() & known.keys():
        texts = tuple(label for label in known[name] if isinstance(label, str))
        kind = column_kind(pd.Series(known[name], dtype=object))
        columns[name] = Column(_KINDS.get(kind, kind), role="feature", categories=texts, labels=marks_in(texts))
    return Schema(columns, type(model).__name__)


def _names(model: Any) -> list[str]:
    for attribute in ("feature_names_in_", "feature_names_", "feature_names", "feature_name"):
        found = getattr(model, attribute, None)
        found = found() if callable(found) else found
        if found is not None and len(found):
            # LightGBM calls the columns of an array so.
            return [] if all(re.fullmatch(r"Column_\d+", str(name)) for name in found) else list(map(str, found))
    return []
