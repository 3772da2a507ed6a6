"""Run a template: check what was given, execute the notebook in a process of its own, leave a report or nothing."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from markupsafe import Markup

from toolkit.core.face import Face
from toolkit.core.results import Results, RunInfo, read_results
from toolkit.core.words import masked, shorten, slug
from toolkit.errors import InputError, RunError, refusing
from toolkit.policy.policy import check_policy
from toolkit.policy.reason import reason
from toolkit.registry import store, tracking
from toolkit.runs.parameters import Schema, find_template, read_schema
from toolkit.runs.process import SCRATCH, Failure, check_space, execute, interrupted_once, tidy_notebook


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
) -> Run:
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
        server failed and tracking is required: ``folder`` then holds the whole report.

    Examples
    --------
    >>> run("experiment", dta="wine")
    Traceback (most recent call last):
    toolkit.errors.InputError: Template 'experiment' has no parameter 'dta'. Did you mean 'data'? It has: ...
    """
    schema = read_schema(find_template(template))
    wanted = {**(parameters or {}), **more}
    values = check_request(schema, wanted, timeout)
    with interrupted_once(), _staging(Path(os.path.abspath(out or "reports"))) as staging:
        if record is None:
            _check_tracking(staging.parent, require_tracking)
        job = _Job(schema, values, staging, name, record, datetime.now(), time.perf_counter(), uuid.uuid4().hex)
        given = {key: value for key, value in values.items() if key in wanted}  # in the order of the template
        marks = {"TOOLKIT_OUT": str((record or staging).parent), "TOOLKIT_REPORT_ID": job.report_id}
        marks |= {"TOOLKIT_TEMPLATE": schema.name, "TOOLKIT_POLICY": str(values["policy"] or "")}
        marks |= {"TOOLKIT_RECORD": str(record or ""), "TOOLKIT_PARAMETERS": ",".join(values)}
        failure = execute(schema.path, job.notebook, given, marks=marks, timeout=timeout)
        if failure and failure.kind in ("InputError", "NotApplicableError"):
            raise InputError(failure.message)
        tidy_notebook(job.notebook, schema.path, failure)
        done = _finish(job) if failure is None else _fail(job, failure)
        if done.results and done.results.mlflow.failure:
            _say_untracked(done, done.results.mlflow, require_tracking)
        return done


def check_request(schema: Schema, wanted: Mapping[str, object], timeout: float | None) -> dict[str, Any]:
    """Check what is asked of a run before anything is written, and return the values of all parameters."""
    check_space()
    if (values := schema.check(wanted)).get("policy"):
        check_policy(values["policy"])
    if timeout is not None and not timeout > 0:
        raise InputError(f"The time limit must be more than 0 seconds, not {timeout:g}.")
    return values


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


@dataclass(frozen=True, slots=True)
class _Job:
    schema: Schema
    values: dict[str, Any]
    staging: Path
    name: str | None
    record: Path | None
    started: datetime
    clock: float
    report_id: str

    @property
    def notebook(self) -> Path:
        return self.staging / "notebook.ipynb"

    def settle(self, results: Results | None, ending: str = "") -> Path:
        """Give the finished folder its name in one step; a name that is taken gets a number."""
        template = slug(self.schema.name) or "notebook"
        last = slug(self.name or (results.data.name if results else "")) or template
        base = f"{self.started:%Y%m%d-%H%M%S}-{template}-{last}{ending}"
        number = 1
        while True:
            folder = self.staging.with_name(base if number == 1 else f"{base}-{number}")
            try:
                if not folder.exists():
                    return self.staging.rename(folder)
            except OSError:
                # Another run may have taken the name since; anything else is a real error.
                if not folder.exists():
                    raise
            number += 1


def _check_tracking(out: Path, required: bool) -> None:
    """Say at once that the tracking server cannot be used; refuse only where a run could not be kept elsewhere."""
    uri = store.tracking_uri(out)
    try:
        store.check_reachable(uri)
    except InputError as error:
        if required or uri == store.beside(out):
            raise
        store.check_reachable(store.beside(out))
        sys.stderr.write(f"Warning: {error} The run goes on, to be kept in mlflow.db beside the reports.\n")


def _say_untracked(done: Run, logged: RunInfo, required: bool) -> None:
    later = f"Log it later: toolkit track {shlex.quote(str(done.folder))}" if logged.run_id else ""
    said = f"The report is whole, but not on the tracking server. {logged.failure} {later}".rstrip()
    if required:
        raise RunError(f"{said}\nThe report is {done.report}", done.folder)
    sys.stderr.write(f"Warning: {said}\n")


def _finish(job: _Job) -> Run:
    from toolkit.report import render as report
    from toolkit.runs import manifest, publish

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
        if results and not job.record:
            attached = tracking.attach(results.mlflow, sorted(folder.iterdir()), folder.parent)
            if attached != results.mlflow:
                with publish.changing(folder) as changed:
                    results = publish.rewrite(changed, results, attached)
        report.write_index(folder.parent)
    except OSError as error:
        said = f"The report is whole, but what comes after it failed. {shorten(error, 240)}"
        raise RunError(f"{said}\nIt is {page}", folder) from error
    return Run(folder, page, results, time.perf_counter() - job.clock)


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
    with contextlib.suppress(OSError):  # what went wrong before is said
        report.write_index(folder.parent)
    raise RunError(message, folder) from cause


@contextlib.contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """Yield a folder for the run inside ``out``; afterwards nothing of it is left there but what was renamed.

    A lock beside it, which the system takes away from a process that is killed, says that the run is at work.
    """
    made = [folder for folder in (out, *out.parents) if not folder.exists()]
    staging = out / f".running-{uuid.uuid4().hex[:12]}"
    lock = FileLock(f"{staging}.lock")
    try:
        with refusing(f"Cannot write reports in {str(out)!r}", " Choose another folder with --out."):
            out.mkdir(parents=True, exist_ok=True)
            lock.acquire()
            staging.mkdir()
        _tidy(out)
        yield staging
    finally:
        if staging.exists():
            shutil.rmtree(staging)
        if lock.is_locked:
            lock.release()
            Path(lock.lock_file).unlink(missing_ok=True)
        for folder in made:
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()


def interrupted(out: Path) -> Iterator[Path]:
    """Yield the folders in ``out`` of runs that were killed, with all their processes, before they could tidy up.

    Nobody else is given a folder as long as it is the latest.
    """
    for folder in sorted(out.glob(".running-*[0-9a-f]")):
        # Another user's run is not ours to tidy.
        with contextlib.suppress(Timeout, OSError), FileLock(f"{folder}.lock", timeout=0):
            if folder.is_dir():
                yield folder


def _tidy(out: Path) -> None:
    """Keep what killed runs had written under a name that says INTERRUPTED, and remove what they had only begun."""
    for left in interrupted(out):
        # Processes of that run may just be removing it themselves; the next run looks again.
        with contextlib.suppress(OSError):
            for scratch in Path(tempfile.gettempdir()).glob(f"{SCRATCH}{left.name[-12:]}-*"):
                shutil.rmtree(scratch, ignore_errors=True)
            if any(left.iterdir()):
                when = f"{datetime.fromtimestamp(left.stat().st_mtime):%Y%m%d-%H%M%S}"
                kept = left.rename(out / f"{when}-{left.name[-12:]}-INTERRUPTED")
                sys.stderr.write(f"A run was killed before it ended. What it had written is in {kept}\n")
            else:
                left.rmdir()
        Path(f"{left}.lock").unlink(missing_ok=True)
