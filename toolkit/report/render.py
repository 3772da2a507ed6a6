"""An executed notebook becomes one HTML file that needs nothing else; the index of all reports becomes another."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment
from nbconvert.exporters.templateexporter import TemplateExporter
from nbformat import NotebookNode

from toolkit.core.resources import templates_folder
from toolkit.core.results import Results
from toolkit.errors import InputError
from toolkit.report.gallery import gallery_html, page_script, run_folders, security_policy
from toolkit.report.glossary import Glossary, terms
from toolkit.report.narrative import Narrative, read_narrative
from toolkit.report.sanitize import Heading
from toolkit.report.summary import FAILED, UNPUBLISHED, UNREADABLE, Issue, Pair, Summary, Verdict, pairs, summarize

_IDS = {
    "rules": "Verdict",
    "findings": "Findings",
    "key-numbers": "Key numbers",
    "parameters": "Parameters",
    "environment": "Environment",
    "lineage": "Where this comes from",
}
_MOST_FINDINGS = 8


def render(notebook: Path, output: Path | None = None) -> Path:
    """Write an executed notebook as one self-contained HTML file.

    Any executed notebook will do: without published results the page has no verdict, and where a cell failed
    the error stands on top.

    Parameters
    ----------
    notebook : Path
        The executed notebook.
    output : Path, optional
        Where the page goes; by default beside the notebook.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    InputError
        Where there is no such file, or it is no notebook.
    """
    notebook = Path(notebook)
    output = Path(output) if output else notebook.with_suffix(".html")
    html, _ = ReviewExporter().from_notebook_node(_read(notebook), {"metadata": {"name": notebook.stem}})
    _write(output, html)
    return output


def write_index(folder: Path) -> Path:
    """Write ``index.html`` into a folder of reports, from what each of its subfolders holds.

    Two runs may end at the same time, so the folder is listed again after writing, until nothing new has appeared.

    Parameters
    ----------
    folder : Path
        The folder of reports.

    Returns
    -------
    Path
        The index.

    Raises
    ------
    InputError
        Where the folder does not exist.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"There is no folder {str(folder)!r} to list. Run a template first, or name another folder.")
    index = folder / "index.html"
    written: list[Path] | None = None
    while written != (runs := run_folders(folder)):
        _write(index, gallery_html(runs))
        written = runs
    return index


class ReviewExporter(TemplateExporter):
    """nbconvert's exporter with the template ``review``, in which every text is escaped unless it was cleaned."""

    export_from_notebook = "Review"
    output_mimetype = "text/html"

    def __init__(self, **options: Any) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            template_name="review",
            template_file="index.html.j2",
            extra_template_basedirs=[str(templates_folder())],
            default_preprocessors=[],  # none is wanted, and each would refuse a notebook for a slip in its metadata
            **options,
        )

    def from_notebook_node(  # type: ignore[override]
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **options: Any
    ) -> tuple[str, dict[str, Any]]:
        """Convert a notebook; the file's name serves as the title where the notebook has none."""
        resources = dict(resources or {})
        name = resources.get("metadata", {}).get("name", "")
        resources["page"] = make_page(nb, name)
        resources |= {"script": page_script(), "policy": security_policy()}
        return super().from_notebook_node(nb, resources, **options)

    def _create_environment(self) -> Environment:
        environment: Environment = super()._create_environment()  # type: ignore[no-untyped-call]
        environment.autoescape = True
        return environment


@dataclass(frozen=True, slots=True)
class Page:
    """All that the template shows."""

    title: str
    question: str
    verdict: Verdict
    sentence: str
    summary: Summary | None
    narrative: Narrative
    parameters: Sequence[Pair]
    contents: Sequence[Heading]
    glossary: Glossary
    findings_first: Sequence[Issue] = ()
    findings_rest: Sequence[Issue] = ()


def make_page(notebook: NotebookNode, name: str = "") -> Page:
    """Collect what the page of an executed notebook shows.

    Parameters
    ----------
    notebook : NotebookNode
        As it was executed.
    name : str
        Title to fall back on.
    """
    glossary = Glossary()
    reserved = frozenset(_IDS) | {"main", "verdict", "error", "glossary"} | {term.id for term in terms()}
    narrative = read_narrative(notebook, reserved, glossary)
    summary, absent = _summary(narrative)
    metadata = notebook.get("metadata", {})
    given = metadata.get("papermill", {}).get("parameters", {})
    title = (summary.results.title if summary else "") or narrative.title or str(metadata.get("title") or name)
    first, rest = _parted([_linked(issue, narrative) for issue in summary.findings] if summary else ())
    parameters = summary.parameters if summary else pairs(given)
    return Page(
        title=title or "Untitled notebook",
        question=summary.results.question if summary else "",
        verdict=FAILED if narrative.failure else summary.verdict if summary else absent,
        sentence=_failed_at(narrative) if narrative.failure else summary.sentence if summary else "",
        summary=summary,
        narrative=narrative,
        parameters=parameters,
        contents=_contents(narrative, summary, bool(parameters)),
        glossary=glossary,
        findings_first=first,
        findings_rest=rest,
    )


def _summary(narrative: Narrative) -> tuple[Summary | None, Verdict]:
    """Read the results that a notebook published; else say that it published none, or none that can be read."""
    if narrative.results is None:
        return None, UNPUBLISHED
    try:
        return summarize(Results.read(narrative.results, "What this notebook published")), UNPUBLISHED
    except InputError as error:
        return None, replace(UNREADABLE, meaning=str(error))


def _failed_at(narrative: Narrative) -> str:
    failure = narrative.failure
    if failure is None:
        return ""
    where = f", in the section “{failure.section}”" if failure.section else ""
    later = failure.cells_not_run
    rest = f" {later} later code {'cell' if later == 1 else 'cells'} did not run." if later else ""
    return f"It stopped at {failure.cell}{where}.{rest}"


def _contents(narrative: Narrative, summary: Summary | None, parameters: bool) -> list[Heading]:
    shown = {
        "rules": summary is not None and bool(summary.rules),
        "findings": summary is not None,
        "key-numbers": summary is not None and bool(summary.key_numbers),
        "parameters": parameters,
        "environment": summary is not None and bool(summary.environment),
        "lineage": summary is not None,
    }
    own = [Heading(text, name) for name, text in _IDS.items() if shown[name]]
    before = [heading for heading in own if heading.id in ("rules", "findings", "key-numbers")]
    return [*before, *narrative.sections, *own[len(before) :]]


def _linked(issue: Issue, narrative: Narrative) -> Issue:
    """Add where the narrative shows a finding: by all its words, or as the reason why a step did not apply."""
    words = (f"{issue.severity} {issue.code} {issue.message}", issue.message)
    places = (narrative.findings.get(" ".join(text.split())) for text in words)
    place = next((place for place in places if place), None)
    return replace(issue, link=place.id, section=place.text) if place else issue


def _parted(findings: Sequence[Issue]) -> tuple[Sequence[Issue], Sequence[Issue]]:
    if len(findings) <= _MOST_FINDINGS:
        return findings, ()
    minor = [issue for issue in findings if issue.tone == "none"]
    return [issue for issue in findings if issue.tone != "none"], minor


def _read(notebook: Path) -> NotebookNode:
    if not notebook.is_file():
        raise InputError(f"There is no notebook {str(notebook)!r}. Give the path of an executed .ipynb file.")
    try:
        content: NotebookNode = nbformat.read(notebook, as_version=4)  # type: ignore[no-untyped-call]
    except (ValueError, AttributeError, KeyError, nbformat.ValidationError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InputError(f"{str(notebook)!r} is not a notebook ({reason}). Give an executed .ipynb file.") from error
    cells = content.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) and "cell_type" in cell for cell in cells):
        raise InputError(f"{str(notebook)!r} is not a notebook (it has no cells). Give an executed .ipynb file.")
    return content


def _write(path: Path, text: str) -> None:
    """Write so that a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".html")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
