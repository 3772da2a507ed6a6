"""What a notebook of one's own calls: the report of its results, as of a template."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.core.figures import figures
from toolkit.core.result import Result
from toolkit.core.words import masked, printable
from toolkit.policy.check import check
from toolkit.registry import tracking
from toolkit.report import render
from toolkit.runs import manifest, publish
from toolkit.runs.runner import Run


def write_report(
    *results: Result,
    title: str,
    question: str = "",
    policy: str | Path | Mapping[str, object] = "",
    out: str | Path | None = None,
) -> Run:
    """Write the report of results that a notebook of one's own has: page, files and tracked run as of a template.

    Parameters
    ----------
    *results : Result
        What the steps returned, in the order of the page; one of them knows the data.
    title, question : str
        The head of the page.
    policy : str, Path or mapping, optional
        Judges the results, as for ``check``.
    out : path, optional
        The reports folder, as for ``publish``.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        Where no result knows the data, or two results give the same number.
    """
    title, question = printable(masked(title)), printable(masked(question))
    began, judged = time.perf_counter(), [check(policy, *results)] if policy else []
    published = publish.publish(*results, *judged, template="notebook", parameters={}, name=title, out=out)
    folder, named = published.folder, replace(published.results, title=title, question=question)
    named = publish.record_tracking(folder, named, named.mlflow)
    cells = [_cell("markdown", f"# {title}\n\n{question}")]
    for result in results:
        drawn = [figures(result)] if result.drawings() else []
        cells += [_cell("markdown", f"## {result.face().title}"), _cell("code", type(result).__name__, result, *drawn)]
    cells.append(_cell("code", "publish", publish.Published(named, folder)))
    cells = [{**cell, "id": f"cell-{at}"} for at, cell in enumerate(cells)]
    notebook = folder / "notebook.ipynb"
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    notebook.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page = render.render(notebook, folder / manifest.PAGE)
    manifest.write_manifest(folder, notebook)
    tracking.attach(named.mlflow, sorted(folder.iterdir()), folder.parent)
    render.write_index(folder.parent)
    return Run(folder, page, named, time.perf_counter() - began)


def _cell(kind: str, source: str, *shown: Any) -> dict[str, Any]:
    """Make a cell of a notebook that shows some values."""
    code = {"execution_count": None, "outputs": list(map(_output, shown))} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source, **code}


def _output(shown: Any) -> dict[str, Any]:
    data = shown._repr_mimebundle_() if hasattr(shown, "_repr_mimebundle_") else {"text/plain": repr(shown)}
    data |= {"text/html": shown.face().html()} if isinstance(shown, Result) else {}
    return {"output_type": "display_data", "metadata": {}, "data": data}
