"""An executed notebook becomes one HTML file that needs nothing else; the index of all reports becomes another."""

import os
from dataclasses import replace
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_notebook

from toolkit.core import Finding, is_cell, read_bytes, write_text
from toolkit.errors import InputError, refusing
from toolkit.report.gallery import environment, gallery_html, run_folders
from toolkit.report.glossary import TERMS
from toolkit.report.narrative import Narrative, published
from toolkit.report.sanitize import Heading, PageCleaner
from toolkit.report.summary import VERDICTS, read_summary

_MOST_FINDINGS = 5
#: The ids of the page's own parts.
_OWN = frozenset({"main", "verdict", "error", "glossary", "full", "parameters", "environment", "lineage", "findings"})
_OWN |= {"key-numbers", "rules", "sign-off", "left-out", "provenance", *(term.id for term in TERMS)}

#: In the head of every page.
_OURS = b'<meta name="referrer" content="no-referrer">'


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
    page = page_html(_read(notebook), notebook.stem)  # says what is no notebook, such as a folder
    return write_page(output or notebook.with_suffix(".html"), page)


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
    if not folder.is_dir():
        raise InputError(f"There is no folder {str(folder)!r} to list. Run a template first, or name another folder.")
    index = folder / "index.html"
    written: list[Path] | None = None
    while written != (runs := run_folders(folder)):
        write_page(index, gallery_html(runs))
        written = runs
    return index


def write_history(path: Path, **shown: object) -> Path:
    """Write the page of a model's records, which ``history.html.j2`` shows: ``name, now, records, faults``."""
    return write_page(path, environment().get_template("history.html.j2").render(shown))


def get_ready() -> None:
    """Do before the first page what only the first takes time for: to read templates and the schema of notebooks."""
    empty = new_notebook(cells=[new_code_cell("1")])  # type: ignore[no-untyped-call]
    page_html(nbformat.reads(nbformat.writes(empty), as_version=4))  # type: ignore[no-untyped-call]


def page_html(notebook: NotebookNode, name: str = "") -> str:
    """Return the page of a notebook; ``name`` stands for a title where it has none."""
    return environment().get_template("index.html.j2").render(page=Page(notebook, name))


class Page:
    """All that the template shows of an executed notebook.

    Parameters
    ----------
    notebook : NotebookNode
        As it was executed.
    name : str
        Title to fall back on.
    """

    def __init__(self, notebook: NotebookNode, name: str = "") -> None:
        summary, verdict = read_summary(published(notebook), "What this notebook published")
        cleaner = PageCleaner(_OWN, map(_said, summary.results.findings) if summary else ())
        self.glossary, self.narrative = cleaner.glossary, (narrative := Narrative(notebook, cleaner))
        self.verdict = VERDICTS["failed"] if narrative.failure else verdict
        self.summary, metadata = summary, notebook.get("metadata", {})
        self.title = (summary.results.title if summary else "") or cleaner.title or str(metadata.get("title") or name)
        self.sections = [section for section in narrative.sections if not section.is_empty]
        self.headings = [heading for section in self.sections for heading in section.headings]
        places = {said: place for said, place in cleaner.findings.items() if place in self.headings}
        findings = []
        for issue in summary.findings if summary else ():
            if issue.message not in narrative.left_out:
                place = places.get(_said(issue), Heading("", ""))
                findings.append(replace(issue, link=place.id, section=place.text))
        serious = [issue for issue in findings if issue.tone != "none"]
        self.findings_first = (findings if len(findings) <= _MOST_FINDINGS else serious)[:_MOST_FINDINGS]
        self.findings_rest = [issue for issue in findings if issue not in self.findings_first]
        given = metadata.get("papermill", {}).get("parameters", {})
        self.parameters = summary.results.parameters if summary else given


def _said(finding: Finding) -> str:
    """Write a finding as a cell shows it."""
    return " ".join(f"{finding.severity} {finding.code} {finding.message}".split())


def _read(notebook: Path) -> NotebookNode:
    if not notebook.is_file():
        raise InputError(f"There is no notebook {str(notebook)!r}. Give the path of an executed .ipynb file.")
    advice, kinds = " Give an executed .ipynb file.", (ValueError, TypeError, LookupError, AttributeError)
    with refusing(f"{str(notebook)!r} is not a notebook", advice, (*kinds, nbformat.ValidationError)):
        content: NotebookNode = nbformat.reads(read_bytes(notebook).decode(), as_version=4)  # type: ignore[no-untyped-call]
        if not isinstance(cells := content.get("cells"), list) or not all(map(is_cell, cells)):
            raise ValueError("it has no cells")
    return content


def write_page(path: Path, text: str) -> Path:
    """Write so that a reader sees the old file or the new one, never a part; nothing but a page of ours is replaced."""
    if os.path.lexists(path) and (path.is_symlink() or not path.is_file() or _OURS not in path.read_bytes()[:1000]):
        raise InputError(f"{str(path)!r} is no page of the toolkit: it is not replaced. Name another file, or move it.")
    return write_text(path, text)
