"""Make a report: of a template, executed in a process of its own, or of results that a notebook of one's own has."""

import contextlib
import json
import os
import shlex
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from toolkit.core import Face, Result, Results, masked, printable, read_results, say, shorten, slug
from toolkit.errors import InputError, RunError
from toolkit.policy.policy import PolicyLike, check_policy
from toolkit.policy.reason import reason
from toolkit.registry import store, tracking
from toolkit.registry.model_store import resolved
from toolkit.runs import manifest
from toolkit.runs.parameters import Schema, find_template
from toolkit.runs.process import Failure, check_space, execute, interrupted_once, staging_in, tidy_notebook


def run(
    template: str | Path,
    parameters: Mapping[str, object] | None = None,
    *,
    out: str | Path | None = None,
    timeout: float | None = None,
    name: str | None = None,
    require_tracking: bool = False,
    record: Path | None = None,
    **more: object,
) -> "Run":
    """Run a template and return its report; in a notebook that shows the verdict, its reason and a link.

    The notebook runs under the interpreter that calls this, in the current folder. The report's folder appears under
    ``out`` complete or not at all. It depends on no tracking server: where that fails, a line on stderr and a
    finding of the report say so, and the run is kept beside the reports.

    Parameters
    ----------
    template : str or Path
        Name of a template, or path of a notebook with a parameters cell.
    parameters : mapping, optional
        Values by name; the others keep their defaults.
    out : path, optional
        The reports folder; by default ``reports`` under the current folder.
    timeout : float, optional
        Seconds after which the notebook is stopped.
    name : str, optional
        Ends the folder's name; by default the name of the data.
    require_tracking : bool
        Refuse to begin without the tracking server, and raise where it fails in the end.
    record : Path, optional
        The folder of a report that is made again: it is not tracked anew, and what was tracked is looked for beside it.
    **more
        Further parameters of the template, ``data="sales.csv"``.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        Where something given cannot be used; nothing is left behind.
    RunError
        Where the notebook failed or ran out of time; its ``folder`` holds the readable partial report. Also where the
        server failed and tracking is required, or the policy asks for what was not measured: ``folder`` then holds the
        whole report.

    Examples
    --------
    >>> run("experiment", dta="wine")
    Traceback (most recent call last):
    toolkit.errors.InputError: Template 'experiment' has no parameter 'dta'. Did you mean 'data'? It has: ...
    """
    schema = Schema(find_template(template))
    wanted = {**(parameters or {}), **more}
    place = Path(os.path.abspath(Path.cwd() / (out or "reports")))
    values = check_request(schema, wanted, timeout, record.parent if record else place)
    with interrupted_once(), staging_in(place) as staging:
        if record is None:
            _check_tracking(staging.parent, require_tracking)
        job = _Job(schema, values, staging, name)
        given = {key: value for key, value in values.items() if key in wanted}  # in the order of the template
        marks = {"TOOLKIT_OUT": str((record or staging).parent), "TOOLKIT_REPORT_ID": job.report_id}
        marks |= {"TOOLKIT_RECORD": str(record or ""), "TOOLKIT_POLICY": str(values["policy"] or "")}
        marks["TOOLKIT_PARAMETERS"] = ",".join(values)
        failure = execute(schema.path, job.notebook, given, marks=marks, timeout=timeout)
        if failure and failure.kind in ("InputError", "NotApplicableError"):
            raise InputError(failure.message)
        tidy_notebook(job.notebook, schema.path, failure)
        done = _finish(job, record is None) if failure is None else _fail(job, failure)
        if (logged := done.results and done.results.mlflow) and logged.failure:
            later = f"Log it later: toolkit track {shlex.quote(str(done.folder))}" if logged.run_id else tracking.UNKEPT
            said = f"The report is whole, but not on the tracking server. {logged.failure} {later}"
            if require_tracking:
                raise RunError(f"{said}\nThe report is {done.report}", done.folder)
            say(f"Warning: {said}")
        if record is None and done.results and (why := done.results.unjudged):
            raise RunError(f"The report is whole, but not judged. {why}\nThe report is {done.report}", done.folder)
        return done


def check_request(schema: Schema, wanted: Mapping[str, object], timeout: float | None, out: Path) -> dict[str, Any]:
    """Check what is asked of a run before anything is written, and return all parameters: versions for aliases."""
    check_space()
    if (values := schema.check(wanted)).get("policy"):
        check_policy(values["policy"])
    if timeout is not None and not timeout > 0:
        raise InputError(f"The time limit must be more than 0 seconds, not {timeout:g}.")
    store.beside(out)  # that the path will do, before hours of work
    return resolved(values, out)


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: its folder, the report in it, the results if it published some, and how long it took."""

    folder: Path
    report: Path
    results: Results | None
    seconds: float

    def __repr__(self) -> str:
        """Name the report, for places without HTML."""
        return f"Report: {self.report}"

    def _repr_html_(self) -> str:
        said = reason(self.results.verdict, self.results.scalars) if self.results else ""
        link = Markup('<p><a href="{}" target="_blank">Open the report</a></p>').format(os.path.relpath(self.report))
        return Face(self.results.title if self.results else self.folder.name, said).html() + str(link)


class _Job:
    """A run at work: what it was asked for, its folder, and since when."""

    def __init__(self, schema: Schema, values: Mapping[str, Any], staging: Path, name: str | None) -> None:
        self.schema, self.values, self.staging, self.name = schema, values, staging, name
        self.started, self.clock, self.report_id = datetime.now(), time.perf_counter(), uuid.uuid4().hex
        self.notebook = staging / "notebook.ipynb"

    def settle(self, results: Results | None, ending: str = "") -> Path:
        """Give the finished folder its name in one step."""
        from toolkit.runs.publish import free_folders

        template = slug(self.schema.name) or "notebook"
        last = slug(self.name or (results.data.name if results else "")) or template
        free = free_folders(self.staging.parent, self.started, f"{template}-{last}{ending}")
        while True:
            try:
                return self.staging.rename(folder := next(free))
            except OSError:
                # Another run may have taken the name since; anything else is a real error.
                if not folder.exists():
                    raise


def _check_tracking(out: Path, required: bool) -> None:
    """Say at once that the tracking server cannot be used; refuse only where a run could not be kept elsewhere."""
    uri = store.tracking_uri(out)
    try:
        store.check_reachable(uri)
    except InputError as error:
        if required or uri == store.beside(out):
            raise
        store.check_reachable(store.beside(out))
        say(f"Warning: {error} The run goes on, to be kept in mlflow.db beside the reports.")


def _finish(job: _Job, tracked: bool) -> Run:
    from toolkit.report import render as report

    results = None
    try:
        if (job.staging / "results.json").exists():
            results = read_results(job.staging)
        elif job.values["policy"]:
            raise InputError("A policy judges what a notebook publishes, and this one publishes nothing.")
        report.render(job.notebook, job.staging / "report.html")
        if results:
            manifest.write_manifest(job.staging, job.schema.path)
    except Exception as error:  # noqa: BLE001  # hours of work may lie in the folder: keep it, whatever went wrong
        return _fail(job, Failure(type(error).__name__, str(error)), results, error)
    folder = job.settle(results)
    page = folder / "report.html"
    try:
        if results and tracked:
            results = _keep_files(folder, results)
        report.write_index(folder.parent)
    except (OSError, InputError) as error:
        said = f"The report is whole, but what comes after it failed. {shorten(error, 240)}"
        raise RunError(f"{said}\nIt is {page}", folder) from error
    return Run(folder, page, results, time.perf_counter() - job.clock)


def _keep_files(folder: Path, results: Results) -> Results:
    """Add the files of a finished report to its tracked run; where that fails, the report says so."""
    from toolkit.runs import publish

    attached = tracking.attach(results.mlflow, folder)
    if attached != results.mlflow:
        with publish.changing(folder) as changed:
            return publish.rewrite(changed, results, attached)
    return results


def _fail(job: _Job, failure: Failure, results: Results | None = None, cause: Exception | None = None) -> Run:
    """Keep what there is under a name that says FAILED, and raise."""
    from toolkit.report import render as report

    message = f"{'The report could not be made' if cause else 'The notebook stopped'}. {failure}"
    try:
        report.render(job.notebook, job.staging / "report.html")
    except Exception as error:  # noqa: BLE001  # as in _finish
        cause, message = cause or error, f"{message}\nIts page could not be made. {type(error).__name__}: {error}"
    folder = job.settle(results, "-FAILED")
    files = [file for file in (folder / "report.html", folder / "notebook.ipynb") if file.exists()]
    message += f"\nWhat ran so far is in {files[0] if files else folder}"
    values, said = masked(job.values), masked(str(failure))
    if untracked := tracking.record_failure(job.report_id, job.schema.name, values, said, files, folder.parent):
        message += f"\n{untracked}"
    with contextlib.suppress(OSError, InputError):  # what went wrong before is said
        report.write_index(folder.parent)
    raise RunError(message, folder) from cause


def write_report(
    *results: Result, title: str, question: str = "", policy: PolicyLike = "", out: str | Path | None = None
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
    from toolkit.core.figures import figures
    from toolkit.policy.check import check
    from toolkit.report import render as report
    from toolkit.runs import publish

    title, question = printable(masked(title)), printable(masked(question))
    began, judged = time.perf_counter(), [check(policy, *results)] if policy else []
    published = publish.publish(*results, *judged, template="notebook", parameters={}, name=title, out=out)
    folder, named = published.folder, replace(published.results, title=title, question=question)
    named = publish.record_tracking(folder, named, named.mlflow)
    cells = [_cell(f"# {title}\n\n{question}")]
    for result in results:
        drawn = [figures(result)] if result.drawings() else []
        cells += [_cell(f"## {result.face().title}"), _cell(type(result).__name__, result, *drawn)]
    cells.append(_cell("publish", publish.Published(named, folder)))
    cells = [{**cell, "id": f"cell-{at}"} for at, cell in enumerate(cells)]
    notebook = folder / "notebook.ipynb"
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    notebook.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    page = report.render(notebook, folder / manifest.PAGE)
    manifest.write_manifest(folder, notebook)
    named = _keep_files(folder, named)
    report.write_index(folder.parent)
    return Run(folder, page, named, time.perf_counter() - began)


def _cell(source: str, *shown: Any) -> dict[str, Any]:
    """Make a cell of a notebook: of code where it shows something, else of text."""
    code = {"execution_count": None, "outputs": list(map(_output, shown))} if shown else {}
    return {"cell_type": "code" if shown else "markdown", "metadata": {}, "source": source, **code}


def _output(shown: Any) -> dict[str, Any]:
    page = {"text/html": shown.face().html()} if isinstance(shown, Result) else {}
    return {"output_type": "display_data", "metadata": {}, "data": shown._repr_mimebundle_() | page}
