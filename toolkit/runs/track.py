"""Log a report to the tracking server later, where that failed when the report was made."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from toolkit.core.results import MIME, Results, RunInfo, read_results, results_path
from toolkit.registry import transfer
from toolkit.report import render as report
from toolkit.runs import provenance
from toolkit.runs.publish import Published, record_tracking


def track(source: str | Path) -> Path:
    """Log a report to the tracking server that ``MLFLOW_TRACKING_URI`` names.

    When a server fails, the run goes whole to ``mlflow.db`` beside the reports: numbers, parameters, tags, candidates,
    data and models, as it would have gone to the server. So nothing need be made again or guessed from the report: the
    run is copied from there, the report's files are added, and what is on disk is changed last: ``results.json``, the
    notebook and the page name the run on the server, and the finding is gone. Doing it twice changes nothing; the run
    beside the reports stays, so that what names its model still finds it.

    Parameters
    ----------
    source : path
        The report's folder, or its ``report.html`` or ``results.json``.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InputError
        Where there is no such report or no server is named, or that fails; the report is as it was, and this may be
        tried again.
    """
    results = read_results(source)
    folder = results_path(source).parent.resolve()
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".tracking-") as place:
        changed = Path(shutil.copytree(folder, Path(place) / folder.name))
        with transfer.copied_run(results.mlflow, folder.parent) as (logged, client):
            rewrite(changed, results, logged)
            client.log_artifacts(logged.run_id, str(changed), "report")
        for file in changed.iterdir():
            os.replace(file, folder / file.name)
    report.write_index(folder.parent)
    return folder


def rewrite(folder: Path, results: Results, logged: RunInfo) -> Results:
    """Write all of a finished report again that says where its run is tracked; return the new results."""
    changed = record_tracking(folder, results, logged)
    notebook = folder / "notebook.ipynb"
    if notebook.exists():
        content = json.loads(notebook.read_text(encoding="utf-8"))
        for output in (output for cell in content["cells"] for output in cell.get("outputs", ())):
            if MIME in output.get("data", {}):
                output["data"] = Published(changed, folder)._repr_mimebundle_()
        notebook.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        report.render(notebook, folder / "report.html")
    if (folder / "manifest.json").exists():
        provenance.update_manifest(folder)
    return changed
