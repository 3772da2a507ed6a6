"""What a result says of itself, once, and how that is written for a cell, a page and a terminal."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from markupsafe import Markup, escape

from toolkit.core.estimate import Estimate, format_number, format_p, spread
from toolkit.core.resources import templates_folder
from toolkit.core.words import counted, shorten, spoken

if TYPE_CHECKING:
    import pandas as pd

    from toolkit.core.result import Finding

MOST_TEXT = 200
OPEN_FINDINGS = 5  # in a cell
TERMINAL_ROWS, TERMINAL_WIDTH, TERMINAL_TEXT = 10, 110, 32
_NAMES = frozenset({"metric", "disparity", "measure", "point"})
_P_VALUES = frozenset({"p_value", "p_adjusted", "missing_p_adjusted"})
_WHOLE = frozenset({"finding", "names"})
NOTHING_MIME = "application/vnd.toolkit.nothing+json"  # tells a report that there is nothing to show, and why
FIGURES_MIME = "application/vnd.toolkit.figures+json"  # the words below them, which tell a report what stands there
EXPLORER_MIME = "application/vnd.toolkit.explorer+json"  # what the page's script makes movable


@cache
def face_macros() -> Any:
    """Return the pieces of HTML of a result, as functions; all text is escaped."""
    from jinja2 import Environment, FileSystemLoader

    environment = Environment(loader=FileSystemLoader(templates_folder() / "review"), autoescape=True)
    return environment.get_template("face.html.j2").module


class FaceTable(NamedTuple):
    """A table of a face.

    Attributes
    ----------
    caption : str
    frame : DataFrame
        Its cells may be Estimates; its first column heads the rows.
    most : int
        Rows that are shown; the link below holds more of them.
    folded : str
        What a reader opens to see it, where it is folded away.
    """

    caption: str
    frame: pd.DataFrame
    most: int = 60
    folded: str = ""

    def html(self) -> str:
        """Write it as HTML."""
        table = table_html(self.frame, self.caption, self.most)
        return str(face_macros().folded(self.folded, table, "tk-rest")) if self.folded else table

    def text(self) -> str:
        """Write its first rows, and as many columns as fit, aligned for a terminal.

        Examples
        --------
        >>> import pandas as pd
        >>> print(FaceTable("Scores", pd.DataFrame({"metric": ["roc_auc"], "test": [Estimate(0.9, 0.8, 0.95)]})).text())
        Scores
        metric                   test
        ROC AUC  0.900 [0.800, 0.950]
        """
        rows, columns = self.frame.head(TERMINAL_ROWS), list[list[str]]()
        for place, (name, cells) in enumerate(rows.items()):
            written = [spoken(str(name)), *(cell_text(cell, str(name)) for cell in cells)]
            texts = aligned([shorten(text, TERMINAL_TEXT) for text in written], cells if place else ())
            if columns and sum(len(one[0]) + 2 for one in [*columns, texts]) > TERMINAL_WIDTH:
                break
            columns.append(texts)
        lines = ["  ".join(cells).rstrip() for cells in zip(*columns, strict=True)]
        more = {"more row": len(self.frame) - len(rows), "more column": self.frame.shape[1] - len(columns)}
        left_out = [counted(count, what) for what, count in more.items() if count]
        return "\n".join([self.caption, *lines, *([f"… {' and '.join(left_out)}"] if left_out else [])])


class Face(NamedTuple):
    """What a result says of itself.

    Attributes
    ----------
    title, lead : str
        What it is, and a sentence that may be empty.
    tables : sequence of FaceTable
        The first one holds its key numbers.
    findings : sequence of Finding

    Examples
    --------
    >>> print(Face("Split of wine", "178 rows.").text())
    Split of wine
    178 rows.
    """

    title: str
    lead: str = ""
    tables: Sequence[FaceTable] = ()
    findings: Sequence[Finding] = ()

    def html(self) -> str:
        """Write all of it as HTML, for a page."""
        return result_html(self.title, self.lead, [table.html() for table in self.tables], self.findings)

    def cell(self, figure: str = "") -> str:
        """Write it as HTML for the cell of a notebook, with a figure: what a reader needs first stands open.

        Open are the most severe findings and one table; the other ones are folded.
        """
        first = next((place for place, table in enumerate(self.tables) if not table.folded), 0)
        folds = ["" if place == first else one.folded or one.caption for place, one in enumerate(self.tables)]
        tables = [one._replace(folded=fold).html() for one, fold in zip(self.tables, folds, strict=True)]
        return str(face_macros().result(self.title, self.lead, [figure, *tables], self.findings, OPEN_FINDINGS))

    def text(self) -> str:
        """Write the title, the sentence, the findings and the first table as text."""
        found = [f"{one.severity} {one.code} {one.message}" for one in self.findings]
        tables = [table.text() for table in self.tables if not table.folded and len(table.frame)]
        return "\n".join([self.title, *([self.lead] if self.lead else []), *found, *tables[:1]])


def result_html(title: str, lead: str = "", tables: Sequence[str] = (), findings: Sequence[Finding] = ()) -> str:
    """Build the HTML of a face: a title, a sentence, findings, and tables or other pieces that are HTML already.

    All text is escaped; it looks right in JupyterLab, light and dark, and the report restyles it.
    """
    return str(face_macros().result(title, lead, tables, findings))


def table_html(frame: pd.DataFrame, caption: str, most: int = 60) -> str:
    """Write a frame as an HTML table with a caption and scoped headers; every text is escaped.

    The first column heads its row. Names of metrics and of columns are written in words, which the CSV keeps as they
    are. Only the first ``most`` rows are shown; the caption then says how many there are. A link below holds the rows
    as CSV, with the columns that are not shown since all their texts are empty.
    """
    link, frame = csv_link(frame), frame.loc[:, ~(frame == "").all().to_numpy()] if len(frame) else frame
    if len(frame) > most:
        caption = f"{caption} (first {most} of {len(frame):,} rows)"
    names = [str(name) for name in frame.columns]
    rows = list(frame.head(most).itertuples(index=False, name=None))
    numeric = [place > 0 and _is_numeric(row[place] for row in rows) for place in range(len(names))]
    cells = [list(map(cell_html, row, names)) for row in rows]
    return str(face_macros().table(caption, list(map(spoken, names)), numeric, cells)) + link


def content_policy(scripts: Iterable[str], *more: str) -> str:
    """Return the Content-Security-Policy of a page that runs these scripts alone, and loads nothing.

    Examples
    --------
    >>> content_policy([""], "img-src data:").split("; ")[1:4]
    ['img-src data:', "style-src 'unsafe-inline'", "script-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='"]
    """
    run = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts)
    ends = ("style-src 'unsafe-inline'", f"script-src {run}", "base-uri 'none'", "form-action 'none'")
    return "; ".join(["default-src 'none'", *more, *ends])


def aligned(texts: Sequence[str], column: Iterable[object]) -> list[str]:
    """Make the texts of a column as wide as the widest; numbers stand at the right."""
    size, right = max(map(len, texts)), _is_numeric(column)
    return [text.rjust(size) if right else text.ljust(size) for text in texts]


def _is_numeric(column: Iterable[object]) -> bool:
    """Whether a column is to be aligned as numbers: nothing but numbers, and gaps."""
    types = {type(value) for value in column if cell_text(value) != "–"}
    return bool(types) and all(issubclass(one, int | float | Estimate) and one is not bool for one in types)


def cell_html(value: object, column: str = "") -> Markup:
    """Write one cell as HTML, escaped.

    An interval may stand on a line of its own, below its number, where a table would be too wide otherwise.
    """
    if isinstance(value, Estimate) and value.has_interval and not math.isnan(value.value):
        return Markup('{} <span class="tk-ci">[{}, {}]</span>').format(*value.texts())
    return escape(cell_text(value, column))


def cell_text(value: object, column: str = "") -> str:
    """Write one cell for a reader: numbers formatted, names in words, long texts shortened, missing as a dash.

    Parameters
    ----------
    value : object
    column : str
        Name of its column, which says whether it is a metric's name, a p value, or a sentence to be written whole.

    Examples
    --------
    >>> cell_text("roc_auc", "metric"), cell_text(2e-9, "p_value"), cell_text(Estimate(0.5, 0.4, 0.6)), cell_text(None)
    ('ROC AUC', '<0.001', '0.500 [0.400, 0.600]', '–')
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return format_p(value) if column in _P_VALUES and isinstance(value, float) else format_number(value)
    text = spoken(value) if column in _NAMES and isinstance(value, str) else str(value)
    return text if column in _WHOLE else shorten(text, MOST_TEXT)


MOST_ROWS = 1000
_SAFE = ",:;/@!$()*+=?"  # may stand in an address as they are, which keeps it short
_FORMULA = (*"=+-@\t\n", *"\uff1d\uff0b\uff0d\uff20")  # the last four are wide forms of the first


def csv_link(frame: pd.DataFrame) -> str:
    """Write an HTML link that holds the first ``MOST_ROWS`` rows of a frame as CSV.

    Numbers have seven digits; an estimate takes four columns. Text that a spreadsheet would run as a formula gets an
    apostrophe in front.
    """
    tidy = spread(frame.head(MOST_ROWS))
    text = tidy.map(_text).to_csv(index=False, header=list(map(_text, map(str, tidy.columns))), lineterminator="\n")
    words = "CSV" if len(frame) <= MOST_ROWS else f"CSV of the first {MOST_ROWS:,} rows"
    address = "data:text/csv;charset=utf-8," + quote(text, safe=_SAFE, errors="replace")
    return f'<p class="tk-csv"><a href="{address}">{words}</a></p>'


def _text(value: object) -> str:
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.7g}"
    text = str(value).replace("\r\n", "\n").replace("\r", "\n")  # a lone \r would not be quoted, and begin a row
    return f"'{text}" if isinstance(value, str) and text.startswith(_FORMULA) else text
