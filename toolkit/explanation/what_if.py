"""A row with other values: what a linear model would say of it, exactly, for the script of a report."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from toolkit.core.face import Face, FaceTable
from toolkit.core.resources import beside
from toolkit.core.result import Explorer
from toolkit.core.words import value_text
from toolkit.data.contract import is_text
from toolkit.errors import NotApplicableError
from toolkit.explanation.explain import Explanation
from toolkit.explanation.findings import face
from toolkit.explanation.importance import EXPLORED
from toolkit.explanation.local import MOST_STEPS, find_rows
from toolkit.explanation.trace import LOG_ODDS, SOFTMAX, whole_scale
from toolkit.models.model import in_order
from toolkit.models.preprocessing import onehot_levels

WORDS = beside(__file__, "words.yaml")["what_if"]
LABEL = 60  # letters of a value in a list
#: Stands for any text that the model was not trained on: a sign for private use.
UNSEEN = "\ue000"
LINKS: dict[str, Any] = {LOG_ODDS: special.expit, SOFTMAX: partial(special.softmax, axis=1)}


def what_if(explanation: Explanation | Any) -> WhatIf:
    """Let the reader of a report change the values of the rows explained, and see score, decision and attributions.

    That needs the model itself in the page, so it is offered for the linear models that ``train`` makes: theirs is a
    sum of what each value adds. What that is, is asked of the explainer, also for a missing value and for a text that
    the model was not trained on; where the sum is not what the model says, nothing is offered. The most important
    columns, of all rows and of these, and the sensitive ones can be changed; the others stay as they are.

    Parameters
    ----------
    explanation : Explanation
        What ``explain`` returned.

    Returns
    -------
    WhatIf

    Raises
    ------
    NotApplicableError
        Where no single row was explained.

    Examples
    --------
    >>> from toolkit import explain, load_dataset, split_dataset, train
    >>> split = split_dataset(load_dataset("diabetes"))
    >>> shown = what_if(explain(train(split, candidates=["ridge"]).model, split))
    >>> shown.frame().columns.tolist()
    ['column', 'value', 'output', 'attribution']
    """
    if not getattr(explanation, "local", ()):
        raise NotApplicableError("No single row is explained, so there is none to change.")
    by, data, known = explanation.attributor, explanation.data, onehot_levels(explanation.model.estimator)
    nothing = WhatIf(type(explanation.model.last).__name__, by.scale, {})
    if by.method != "linear" or known is None:
        return nothing
    drawn = [name for row in explanation.local for name in row.parts["column"].head(MOST_STEPS)]
    wanted = {*explanation.overall["column"].head(EXPLORED), *data.sensitive, *drawn} & {*known}
    free = [name for name in explanation.overall["column"] if name in wanted]
    rows = data.features.iloc[list(find_rows(data, [row.index for row in explanation.local]).values())]
    columns = [_column(explanation, rows, name, known[name]) for name in free]
    if not all(columns):
        return nothing
    fixed = [place for place, name in enumerate(rows.columns) if name not in free]
    rest, at = by.attribute(rows)[0][:, fixed].sum(axis=1).tolist(), explanation.model.threshold
    about = [(f"Row {row.index}, {row.reason}", by.outputs.names.index(row.output)) for row in explanation.local]
    carried = {
        "base": by.base.tolist(),
        "columns": columns,
        "rows": [{"name": row, "output": one, "rest": sizes} for (row, one), sizes in zip(about, rest, strict=True)],
        "fixed": len(fixed),
        "outputs": by.outputs.names,
        "labels": list(map(str, in_order(data))),
        "threshold": None if at is None or math.isnan(at.value) else at.value,
    }
    return replace(nothing, carried={"kind": "row", "scale": by.scale} | carried)


def _column(explanation: Explanation, rows: pd.DataFrame, name: str, levels: list[Any]) -> dict[str, Any] | None:
    """Ask what values of a column add to each output: of a text all, of a number two, on whose straight line it lies.

    The last are a missing value and a text never seen. None where sums are not what the model says.
    """
    by, column = explanation.attributor, explanation.data.features[name]
    own = [None if pd.isna(value) else value for value in rows[name].tolist()]
    if is_text(column):
        values = [*dict.fromkeys([*levels, *filter(None, own)]), None, UNSEEN]
    else:
        low, high = float(column.fillna(0).min()), float(column.fillna(0).max())
        values = [low, high if low < high else low + max(1.0, abs(low)), None]
    probes = rows.iloc[[0] * len(values)].reset_index(drop=True)
    probes[name] = pd.Series(values, dtype="category" if is_text(column) else float)
    adds, said = by.attribute(probes)[0], whole_scale(explanation.model, by.outputs)[1](probes)
    link = LINKS.get(by.scale, np.asarray) if explanation.data.classes else np.asarray
    if not np.allclose(link(by.base + adds.sum(axis=1)), said, rtol=1e-9, atol=1e-9 * float(np.abs(said).max())):
        return None
    return {
        "name": name,
        "unit": WORDS["days"] if name in explanation.data.dates else "",
        "levels": [WORDS["unseen"] if value == UNSEEN else value_text(value, LABEL) for value in values],
        "ends": None if is_text(column) else values[:2],
        "adds": adds[:, probes.columns.get_loc(name)].tolist(),
        "own": list(map(values.index, own)) if is_text(column) else own,
    }


@dataclass(frozen=True, eq=False, repr=False)
class WhatIf(Explorer):
    """What other values of a row would add to its score; in a report, rows whose values can be changed.

    Attributes
    ----------
    name : str
        Class of the estimator.
    scale : str
        Unit of the attributions.
    carried : dict
        What the report's script needs; empty where the model is no linear one of the toolkit's.
    """

    name: str
    scale: str
    carried: dict[str, Any]

    def frame(self) -> pd.DataFrame:
        """Return what each value adds to each output; of a number two values, on whose straight line the others lie."""
        rows = [
            [column["name"], level, output, size]
            for column in self.carried.get("columns", ())
            for level, sizes in zip(column["levels"], column["adds"], strict=True)
            for output, size in zip(self.carried["outputs"], sizes, strict=True)
        ]
        return pd.DataFrame(rows, columns=["column", "value", "output", "attribution"])

    def plain(self) -> dict[str, Any]:
        """Return what the script needs to add up a row's score."""
        return self.carried

    def face(self) -> Face:
        """Return what the score is made of, or why no row can be changed."""
        table = FaceTable(WORDS["caption"].format(scale=self.scale), self.frame(), folded=WORDS["folded"])
        return replace(face("what_if", self), tables=[table]) if self.carried else face("what_if other", self)
