"""evidently's interactive page of the same comparison: a file beside the report, inert, and bounded in time."""

import os
import pickle
import random
import re
import secrets
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from toolkit.core import Face, Finding, Record, Result, content_policy
from toolkit.drift.detect import Drift
from toolkit.drift.distances import METHODS
from toolkit.drift.findings import face, finding
from toolkit.drift.summary import column_in
from toolkit.errors import InputError, NotApplicableError, listed

FILE = "evidently.html"
MOST_ROWS, MOST_COLUMNS, MOST_LABELS = 10_000, 50, 100
SECONDS = 50
_DATA = re.compile(r"^    var \w+ = \{.*;$", re.MULTILINE)
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
# evidently puts data into a script, and plotly reads some HTML in labels: quotation marks mean nothing to either.
_SIGNS = str.maketrans({"<": "‹", ">": "›", "&": r"\u0026"})


def evidently_page(drift: Drift, *, wanted: bool = True) -> "EvidentlyPage":
    """Make evidently's interactive page of a comparison, to be published beside the report.

    It is drawn in a process of its own, which is stopped after 50 seconds, on a sample of 10,000 rows of each longer
    table: the 50 columns that changed most, of which none has more than 100 labels. Nothing in it loads anything, and
    no script runs but evidently's own; ``<`` and ``>`` in names and labels are shown as ``‹`` and ``›``.

    Parameters
    ----------
    drift : Drift
    wanted : bool
        Whether there is to be one.

    Returns
    -------
    EvidentlyPage

    Raises
    ------
    NotApplicableError
        Where none is wanted, there is nothing that evidently can draw (profiles have no rows), or it does not get done.

    Examples
    --------
    >>> import pandas as pd
    >>> from toolkit.drift.detect import detect_drift
    >>> table = pd.DataFrame({"a": range(50)})
    >>> evidently_page(detect_drift(table, table), wanted=False)
    Traceback (most recent call last):
    toolkit.errors.NotApplicableError: evidently's page was not asked for.
    """
    if not wanted:
        raise NotApplicableError("evidently's page was not asked for.")
    if not isinstance(drift, Drift):
        raise InputError(f"evidently_page takes what detect_drift returned, not a {type(drift).__name__}.")
    given = comparison_of(drift)
    return EvidentlyPage(inert(draw(given)), max(drift.reference.rows, drift.current.rows), given.left_out)


class EvidentlyPage(Result, frozen=True):
    """evidently's page, as a file to be published.

    Attributes
    ----------
    html : str
    rows : int
        Of the larger table.
    left_out : dict of str to str
        Why a column is not drawn; that weights are not used, where there are some.
    """

    html: str
    rows: int
    left_out: Mapping[str, str]

    def frame(self) -> pd.DataFrame:
        """Return the file's name and size as one row."""
        return pd.DataFrame({"file": [FILE], "bytes": [len(self.html.encode())]})

    def findings(self) -> list[Finding]:
        """Say where evidently saw a sample only, and which columns it does not draw."""
        found = [finding("DRIFT-EVIDENTLY-SAMPLED", "info", rows=MOST_ROWS)] if self.rows > MOST_ROWS else []
        named = [f"{name!r} ({why})" for name, why in self.left_out.items()]
        return [*found, *([finding("DRIFT-EVIDENTLY", "info", columns=listed(named, 5))] if named else [])]

    def record(self) -> Record:
        """Return the file."""
        return Record(files={FILE: self.html})

    def face(self) -> Face:
        """Say where the page lies."""
        return face("evidently", self)


class Comparison(NamedTuple):
    """What evidently is given.

    Attributes
    ----------
    reference, current : DataFrame
        A sample of rows of the columns that it can draw.
    columns : DataFrame
        ``column``, ``kind``, ``method`` and ``threshold`` of each; of a test the threshold is on its p value.
    left_out : dict of str to str
        Why a column is not drawn.
    """

    reference: pd.DataFrame
    current: pd.DataFrame
    columns: pd.DataFrame
    left_out: Mapping[str, str]

    def run(self) -> Any:
        """Run evidently's drift preset, with our methods and thresholds."""
        from evidently import DataDefinition, Dataset, Report
        from evidently.presets import DataDriftPreset

        given = self.columns.set_index("column")
        numbers, labels = (list(given.index[(given["kind"] == "number") == one]) for one in (True, False))
        definition = DataDefinition(numerical_columns=numbers, categorical_columns=labels)
        before, after = (Dataset.from_pandas(one, data_definition=definition) for one in (self.reference, self.current))
        how: dict[str, Any] = {f"per_column_{name}": given[name].to_dict() for name in ("method", "threshold")}
        return Report([DataDriftPreset(columns=list(given.index), **how)]).run(after, before)


def comparison_of(drift: Drift) -> Comparison:
    """Choose what evidently can draw, and say what it cannot.

    Raises
    ------
    NotApplicableError
        Where that is nothing.
    """
    if drift.tables is None:
        raise NotApplicableError("evidently compares rows, and a profile has none. Compare the tables themselves.")
    table, plan = drift.table, drift.plan
    compared = table["method"] != ""
    left_out = dict.fromkeys(table.loc[~compared, "column"], "not compared")
    left_out |= {one.weight.name: "weights are not used there" for one in drift.tables if one.weight is not None}
    sizes = [(part.rows, min(part.rows, MOST_ROWS)) for part in drift.tables]
    picked = [np.sort(np.random.default_rng(plan.seed).choice(*size, replace=False)) for size in sizes]
    drawn: dict[str, list[pd.Series]] = {}
    for name, kind in table.loc[compared, ["column", "kind"]].itertuples(index=False, name=None):
        cells = []
        for part, rows in zip(drift.tables, picked, strict=True):
            column = column_in(part, name)[0]
            assert column is not None  # noqa: S101 - it has a distance, so it has values
            column = column.iloc[rows].reset_index(drop=True)
            cells.append(column if kind == "number" else column.astype(object).where(column.notna(), None))
        if any(column.isna().all() for column in cells):
            left_out[name] = "no values in the sample of a table"
        elif kind != "number" and pd.concat(cells).nunique() > MOST_LABELS:
            left_out[name] = f"more than {MOST_LABELS} different labels"
        elif len(drawn) == MOST_COLUMNS:
            left_out[name] = f"beyond the {MOST_COLUMNS} columns that changed most"
        else:
            drawn[name] = cells
    if not drawn:
        raise NotApplicableError("evidently has nothing to draw: no column with few labels has values in both tables.")
    given = table.set_index("column").loc[list(drawn), ["kind", "method", "threshold"]].reset_index()
    given["threshold"] = given["threshold"].mask(given["method"].map(lambda method: METHODS[method].test), plan.alpha)
    before, after = (pd.DataFrame({name: cells[place] for name, cells in drawn.items()}) for place in (0, 1))
    return Comparison(before, after, given, left_out)


def draw(given: Comparison) -> str:
    """Return evidently's page as evidently writes it, made in a process that can be stopped.

    Raises
    ------
    NotApplicableError
        Where the process fails or takes longer than the time limit.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "comparison").write_bytes(pickle.dumps(given))
        code = f"import sys; sys.path = {sys.path!r}; from {__name__} import draw_into; draw_into({folder!r})"
        command, nothing = [sys.executable, "-P", "-W", "ignore", "-c", code], subprocess.DEVNULL
        env = {"DO_NOT_TRACK": "1", **os.environ}
        try:
            done = subprocess.run(command, env=env, stdin=nothing, capture_output=True, timeout=SECONDS, check=False)
        except subprocess.TimeoutExpired:
            raise NotApplicableError(f"evidently's page was not drawn: it took over {SECONDS:g} seconds.") from None
        if done.returncode:
            last = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise NotApplicableError(f"evidently's page was not drawn: {last or f'it ended with {done.returncode}'}")
        return (place / FILE).read_text(encoding="utf-8")


def draw_into(folder: str) -> None:
    """Draw the comparison that lies in a folder; this is what the process does.

    The identifiers in the page are the same each time, so that one made again is the same.
    """
    chance = random.Random(0)  # noqa: S311 - for names of parts of a page
    uuid.uuid4 = lambda: uuid.UUID(int=chance.getrandbits(128), version=4)
    secrets.randbits, time.time_ns = lambda k: chance.getrandbits(k), lambda: 0
    # What ``draw`` has written.
    pickle.loads((Path(folder) / "comparison").read_bytes()).run().save_html(str(Path(folder) / FILE))  # noqa: S301


def inert(html: str) -> str:
    """Take from evidently's page all that data could do in it, and forbid the rest: network, scripts of others, forms.

    Raises
    ------
    NotApplicableError
        Where the page is not made as evidently 0.7 makes it: then nobody knows where data are in it.
    """
    html, data = _DATA.subn(lambda line: line[0].translate(_SIGNS), html)
    if (data, len(scripts := _SCRIPT.findall(html)), html.count("<head>")) != (2, 4, 1):
        raise NotApplicableError("evidently's page is not written: it is made in an unknown way, and may not be safe.")
    policy = content_policy(scripts, "font-src data:", "img-src data: blob:")
    return html.replace("<head>", f'<head>\n<meta http-equiv="Content-Security-Policy" content="{policy}">')
