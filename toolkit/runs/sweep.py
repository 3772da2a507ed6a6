"""A report of each combination of parameters, made side by side, and the page that compares them.

Nothing but the reports says what is done: the name of each ends in a hash of what it is made from. So the same sweep
asked for again, after it was killed or with more values, makes only what is not there.
"""

import contextlib
import hashlib
import json
import math
import os
import re
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from glob import escape, glob
from itertools import chain, product
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import psutil
from filelock import FileLock, Timeout

from toolkit.core import counted, masked, read_mapping, say, shorten
from toolkit.errors import InputError, refusing, shown, whole
from toolkit.report.gallery import Run, SweptReport, sweep_html
from toolkit.report.render import write_page
from toolkit.runs import process
from toolkit.runs.parameters import Schema, find_template
from toolkit.runs.runner import check_request
from toolkit.runs.spare import is_alive, serving, start

MOST = 1000
_SILENT = "Its process ended without a word. Was memory short? Ask for the same sweep again."
_RANGE = re.compile(r"(-?\d{1,9})\.\.(-?\d{1,9})")


class Sweep(NamedTuple):
    """A finished sweep: its page, and its reports, or why they could not be made."""

    page: Path
    reports: tuple[SweptReport, ...]


def sweep(
    template: str | Path,
    over: Mapping[str, Sequence[object]],
    parameters: Mapping[str, object] | None = None,
    *,
    out: str | Path | None = None,
    jobs: int = 1,
    timeout: float | None = None,
    **more: object,
) -> Sweep:
    """Make a report of each combination of values, as ``run`` does, and a page that compares them.

    A report that fails costs only itself. Asked for again, the same sweep makes only the reports that are not there;
    one is made anew where the template, a parameter, or a file or folder that one names has changed.

    Parameters
    ----------
    template : str or Path
        As for ``run``.
    over : mapping of str to sequence
        The values of each parameter that is varied.
    parameters : mapping, optional
        Values of others, the same in all reports.
    out : path, optional
        The reports folder; by default ``reports`` under the current folder.
    jobs : int
        How many reports are made at a time.
    timeout : float, optional
        Seconds after which the notebook of a report is stopped.
    **more
        Further parameters.

    Returns
    -------
    Sweep

    Raises
    ------
    InputError
        Before the first run, where one of the combinations cannot be run, or nothing is varied.

    Examples
    --------
    >>> sweep("experiment", {"sead": [1, 2]}, data="wine")
    Traceback (most recent call last):
    toolkit.errors.InputError: Template 'experiment' has no parameter 'sead'. Did you mean 'seed'? It has: ...
    """
    schema = Schema(find_template(template))
    folder = Path(os.path.abspath(Path.cwd() / (out or "reports")))
    planned = _plan(schema, {**(parameters or {}), **more}, over, timeout, folder)
    whole("jobs", jobs, 1)
    page = f"sweep-{schema.name}-{_digest(list(planned))}"
    lock = FileLock(Path(tempfile.gettempdir()) / f"toolkit-{_digest([str(folder), page])}.lock", 0, mode=0o666)
    with refusing(f"This very sweep is at work in {str(folder)!r} already", kinds=(Timeout,)), lock:
        with refusing(f"Cannot write reports in {str(folder)!r}", " Choose another folder with --out."):
            folder.mkdir(parents=True, exist_ok=True)
        missing = {key: given for key, given in planned.items() if not _made(folder, key)}
        before = len(planned) - len(missing)
        here = f", {before} of them already there" if before else ""
        say(f"{counted(len(planned), 'report')} in {folder}{here}.")
        failures: dict[str, str] = {}
        common = {"template": str(schema.path), "out": str(folder), "timeout": timeout}
        orders = [{**common, "parameters": given, "name": key} for key, given in missing.items()]
        with process.interrupted_once(), ThreadPoolExecutor(jobs) as pool, serving(len(missing) > 1) as stopped:
            made = pool.map(lambda order: _make(stopped, order), orders)
            for number, (key, failure) in enumerate(zip(missing, made, strict=True), before + 1):
                values = ", ".join(f"{one}={shown(planned[key][one])}" for one in over)
                say(f"{number:4} of {len(planned)}  {values}  {failure or 'made'}")
                failures[key] = masked(failure)
        reports = []
        for key, given in planned.items():
            found, why = _made(folder, key), failures.get(key) or _SILENT
            varied = masked({name: given[name] for name in over})
            reports.append(SweptReport(varied, found, Run(found) if found else None, "" if found else why))
        return Sweep(write_page(folder / f"{page}.html", sweep_html(schema.title, reports)), tuple(reports))


def read_over(schema: Schema, texts: Sequence[str], file: Path | None) -> dict[str, list[Any]]:
    """Read what is varied from a command line, ``NAME=A,B,C`` or ``NAME=1..10``, and from a YAML file of lists."""
    over: dict[str, list[Any]] = {}
    for name, values in (read_mapping(file, "grid") if file else {}).items():
        if not isinstance(values, list):
            raise InputError(f"The grid {str(file)!r} must give a list of values of {name!r}, not {shown(values)}.")
        over[name] = [schema.read(name, value) for value in values]
    for text in texts:
        name, _, values = text.partition("=")
        if not values:
            raise InputError(f"Write --over {name}=A,B,C, or {name}=1..10 for whole numbers.")
        if name in over:
            raise InputError(f"The values of {name!r} are given twice. Give all of them at once.")
        ends = _RANGE.fullmatch(values) if "int" in schema.find(name).kinds else None
        among: Sequence[object] = range(int(ends[1]), int(ends[2]) + 1) if ends else values.split(",")
        _check_count(len(among))
        over[name] = [schema.read_texts([(name, str(one))])[name] for one in among]
    return over


def _plan(
    schema: Schema, fixed: Mapping[str, object], over: Mapping[str, Sequence[object]], timeout: float | None, out: Path
) -> dict[str, dict[str, Any]]:
    """Return the parameters of each report by the hash of what it is made from; all of them are checked."""
    _check_count(math.prod(map(len, over.values())) if over else 0)
    for name in fixed.keys() & over.keys():
        raise InputError(f"{name!r} is varied, and has a fixed value too. Give one of them.")
    source = hashlib.sha256(schema.path.read_bytes()).hexdigest()
    planned = {}
    for values in product(*over.values()):
        wanted = {**fixed, **dict(zip(over, values, strict=True))}
        checked = check_request(schema, wanted, timeout, out)
        places = [os.path.expanduser(re.sub("^sqlite:///|::.*", "", str(one))) for one in checked.values()]
        inside = (sorted(glob(f"{escape(one)}/**", recursive=True)) for one in places if os.path.isdir(one))
        files = [os.stat(one) for one in chain(places, *inside) if os.path.isfile(one)]
        key = f"sweep-{_digest([source, checked, [(one.st_size, one.st_mtime_ns) for one in files]])}"
        if key in planned:
            twice = shown({name: checked[name] for name in over})
            raise InputError(f"The combination {twice} is there twice. Give each value once.")
        planned[key] = {name: value for name, value in checked.items() if name in wanted}
    return planned


def _check_count(count: int) -> None:
    if not count:
        raise InputError("There is nothing to vary. Give the values of a parameter, such as --over seed=1..10.")
    if count > MOST:
        raise InputError(f"That would be {count:,} reports; a sweep has at most {MOST:,}. Vary less at once.")


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def _made(folder: Path, key: str) -> Path | None:
    """Return the folder of a report that is finished: only then has it its name."""
    return max((one for one in folder.glob(f"*-{key}") if (one / "report.html").is_file()), default=None)


def _make(stopped: Event, order: Mapping[str, Any]) -> str:
    """Make a report in a process of its own, which ends when this one does; return why it failed, if it did."""
    if stopped.is_set():
        return _SILENT
    reading, writing = os.pipe()
    child = start(["report"], os.environ, writing)
    os.close(writing)
    with open(reading, "rb") as said, child.stdin:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.write(json.dumps(order).encode() + b"\n")
        while is_alive(child):
            with contextlib.suppress(psutil.Error):
                if stopped.is_set():
                    child.terminate()
                child.wait(0.1)
        with contextlib.suppress(psutil.TimeoutExpired):
            child.wait(5)  # its threads may take a moment longer
        return {"made": "", "": _SILENT}.get(failure := shorten(said.read().decode(), 600), failure)
