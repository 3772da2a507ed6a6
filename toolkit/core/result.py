"""What every result can do, the findings it reports, and the one HTML face results share in a cell."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape, unescape
from typing import TYPE_CHECKING, Any, Literal, Protocol, get_args, runtime_checkable

from toolkit.core.csv_link import csv_link
from toolkit.core.estimate import Estimate, format_number, format_p
from toolkit.core.words import spoken

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from toolkit.core.heading import HeadNumber

Severity = Literal["critical", "high", "medium", "low", "info"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
EXPLORER_MIME = "application/vnd.toolkit.explorer+json"  # what the page's script makes movable


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a reader should know, with a code that stays the same from run to run.

    Attributes
    ----------
    code : str
        Stable, upper case, such as ``DATA-LEAKAGE``.
    severity : {"critical", "high", "medium", "low", "info"}
    message : str
        One plain sentence that carries the numbers.
    where : str
        What it is about: a column, a part of the split, a group; may be empty.
    """

    code: str
    severity: Severity
    message: str
    where: str = ""


def by_severity(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings, the most severe first; equal ones keep their order."""
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))


@dataclass(frozen=True, slots=True)
class Picture:
    """What a figure says besides its drawing.

    Attributes
    ----------
    title, caption : str
        What is shown, and how to read it.
    alt : str
        The same in words and numbers, for those who cannot see it.
    """

    title: str
    caption: str
    alt: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One trained alternative, as the tracker records it."""

    name: str
    parameters: Mapping[str, object]
    scalars: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A fitted model and what is needed to load and call it elsewhere.

    Attributes
    ----------
    estimator : object or None
        Fitted and scikit-learn compatible; None where the model was logged before and is only named here.
    example : DataFrame or None
        A few rows of features, in the form the model takes.
    requirements : tuple of str
        Pinned packages such as ``scikit-learn==1.9.1``.
    """

    name: str
    estimator: Any = None
    example: pd.DataFrame | None = None
    requirements: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: object) -> ModelRecord | None:
        """Name a model that was loaded from where it was logged; any other is named by the run that makes it."""
        name = getattr(model, "logged_name", "")
        return cls(name) if name else None


@dataclass(frozen=True, slots=True)
class DataRecord:
    """The table a result rests on, by its fingerprint; ``frame`` is None where the table itself is not at hand."""

    name: str
    source: str
    fingerprint: str
    rows: int
    columns: int
    target: str
    frame: pd.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class VersionNote:
    """Words for the registered versions of the model that an earlier run logged."""

    run_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Record:
    """What a result adds to a tracked run besides its numbers; all of it may be empty.

    Attributes
    ----------
    parameters : mapping
    candidates : sequence of Candidate
    model : ModelRecord or None
        The model that the run is about.
    data : DataRecord or None
    models : sequence of ModelRecord
        Others worth keeping beside it.
    verdict : mapping
        ``outcome`` and ``rules`` as ``results.json`` has them, where a policy was applied.
    files : mapping of name to text
        Written beside ``results.json``.
    kept : mapping of name to text
        Files to be kept with the logged model.
    note : VersionNote or None
    headline : str
        What a report says first, in a sentence or two; may be left to its first number.
    numbers : sequence of HeadNumber
        For the head of a report.
    """

    parameters: Mapping[str, object] = field(default_factory=dict)
    candidates: Sequence[Candidate] = ()
    model: ModelRecord | None = None
    data: DataRecord | None = None
    models: Sequence[ModelRecord] = ()
    verdict: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    note: VersionNote | None = None
    headline: str = ""
    numbers: Sequence[HeadNumber] = ()


@runtime_checkable
class Result(Protocol):
    """What the steps return: numbers first, pictures when asked for."""

    def frame(self) -> pd.DataFrame:
        """Return the numbers as a tidy table."""

    def scalars(self) -> dict[str, Estimate]:
        """Return the numbers by their dotted names."""

    def findings(self) -> list[Finding]:
        """Return what a reader should know, the most severe first."""

    def pictures(self) -> dict[str, Picture]:
        """Return the kinds of figure that ``plot`` can draw for this result, each with its words."""

    def plot(self, kind: str = ..., ax: Axes | None = None) -> Axes:
        """Draw one kind of figure onto ``ax``, or onto a new figure."""

    def record(self) -> Record:
        """Return what the tracker should keep besides the numbers."""

    def _repr_html_(self) -> str: ...


class Shown:
    """Says in a terminal what a cell shows: the title, the sentence and the findings of ``_repr_html_``, as text."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        raise NotImplementedError

    def __repr__(self) -> str:
        html = self._repr_html_()
        lines = re.findall(r'<(p|li) class="tk-(?:title|lead|finding)[^"]*">(.*?)</\1>', html, re.DOTALL)
        return "\n".join(unescape(re.sub(r"<[^>]*>", "", line)) for _, line in lines)


_CSS = """<style>.tk-result{font:14px/1.5 system-ui,sans-serif;max-width:64rem}.tk-result table{margin:.5em 0;
border-collapse:collapse}.tk-result caption{text-align:left;font-weight:600;padding:.3em 0}.tk-result th,.tk-result td{
padding:.25em .8em;text-align:left;border-bottom:1px solid rgba(128,128,128,.35);background:none}.tk-result .tk-number{
text-align:right;font-variant-numeric:tabular-nums}.tk-result .tk-ci{white-space:nowrap}.tk-result .tk-title{
font-weight:600;font-size:1.1em;margin:.2em 0}.tk-result .tk-lead{margin:.2em 0 .6em}.tk-result ul{margin:.4em 0;
padding-left:1.2em}.tk-result .tk-csv{margin:0 0 .8em;font-size:.85em}</style>"""


def result_html(title: str, lead: str = "", tables: Sequence[str] = (), findings: Sequence[Finding] = ()) -> str:
    """Build the HTML face of a result: a title, a sentence, findings, tables (made by ``table_html``).

    All text is escaped; it looks right in JupyterLab, light and dark, and the report restyles it.
    """
    parts = ['<div class="tk-result">', _CSS, f'<p class="tk-title">{escape(title)}</p>']
    if lead:
        parts.append(f'<p class="tk-lead">{escape(lead)}</p>')
    parts.append(findings_html(findings))
    parts += tables
    parts.append("</div>")
    return "".join(parts)


def findings_html(findings: Sequence[Finding]) -> str:
    """List findings, each with its severity, code and sentence; empty where there is none."""
    if not findings:
        return ""
    items = (
        f'<li class="tk-finding tk-{finding.severity}"><strong>{finding.severity}</strong> '
        f"<code>{escape(finding.code)}</code> {escape(finding.message)}</li>"
        for finding in findings
    )
    return f'<ul class="tk-findings">{"".join(items)}</ul>'


def table_html(frame: pd.DataFrame, caption: str, most: int = 60) -> str:
    """Write a frame as an HTML table with a caption and scoped headers; every text is escaped.

    The first column heads its row. Names of metrics and of columns are written in words, which the CSV keeps as they
    are; numbers are written by ``format_number``, p values by ``format_p``, estimates with their interval, and a
    ``finding`` whole, where other texts are shortened. Only the first ``most`` rows are shown; the caption then says
    how many there are. A link below holds the rows as CSV.
    """
    if len(frame) > most:
        caption = f"{caption} (first {most} of {len(frame):,} rows)"
    rows = list(frame.head(most).itertuples(index=False, name=None))
    kinds = [
        ' class="tk-number"' if place and _is_numeric(row[place] for row in rows) else ""
        for place in range(frame.shape[1])
    ]
    head = "".join(
        f'<th scope="col"{kind}>{escape(spoken(str(name)))}</th>'
        for name, kind in zip(frame.columns, kinds, strict=True)
    )
    writers = [_WRITERS.get(str(name), cell_text) for name in frame.columns]
    body = "".join(_row_html(row, kinds, writers) for row in rows)
    table = f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return table + csv_link(frame)


def _row_html(row: Sequence[object], kinds: Sequence[str], writers: Sequence[Callable[[object], str]]) -> str:
    head, *texts = (write(value) for write, value in zip(writers, row, strict=True))
    cells = (f"<td{kind}>{text}</td>" for text, kind in zip(texts, kinds[1:], strict=True))
    return f'<tr><th scope="row">{head}</th>{"".join(cells)}</tr>'


def _is_numeric(column: Iterable[object]) -> bool:
    """Whether a column is to be aligned as numbers: nothing but numbers, and gaps."""
    present = [value for value in column if cell_text(value) != "–"]
    return bool(present) and all(
        isinstance(value, int | float | Estimate) and not isinstance(value, bool) for value in present
    )


def cell_text(value: object) -> str:
    """Write one cell for a reader, escaped: numbers formatted, long texts shortened, missing as a dash.

    An interval may stand on a line of its own, below its number, where a table would be too wide otherwise.
    """
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return format_number(value)
    if isinstance(value, Estimate) and value.has_interval and not math.isnan(value.value):
        number, low, high = value.texts()
        return f'{number} <span class="tk-ci">[{low}, {high}]</span>'
    text = str(value)
    return escape(text if len(text) <= 200 else text[:199] + "…")


def _name_text(value: object) -> str:
    return cell_text(spoken(value) if isinstance(value, str) else value)


def _p_text(value: object) -> str:
    return cell_text(format_p(value) if isinstance(value, float) else value)


def _sentences(value: object) -> str:
    return escape(str(value))


_WRITERS: Mapping[str, Callable[[object], str]] = {
    "finding": _sentences,
    **dict.fromkeys(("metric", "disparity", "measure"), _name_text),
    **dict.fromkeys(("p_value", "p_adjusted", "missing_p_adjusted"), _p_text),
}
