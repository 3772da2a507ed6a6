"""Execute a notebook in a process and a folder of its own, and leave nothing running or lying, however it ends."""

import contextlib
import json
import math
import os
import shutil
import signal
import tempfile
import threading
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from filelock import FileLock, Timeout

from toolkit.core import clock, masked, say
from toolkit.errors import InputError, refusing
from toolkit.registry import store
from toolkit.runs.spare import VARIABLES, is_alive, start

MARK = "TOOLKIT_RUN_FOLDER"
SCRATCH = "toolkit-run-"


#: Bytes of address space, where that is limited: below, threads of OpenBLAS wait forever for what they cannot get.
LEAST_SPACE = 4_000_000_000


def check_space() -> None:
    """Refuse to begin where the limit of address space (``ulimit -v``) is known to be too small."""
    limit = psutil.Process().rlimit(psutil.RLIMIT_AS)[0] if hasattr(psutil, "RLIMIT_AS") else -1
    if 0 <= limit < LEAST_SPACE:
        said = f"Address space is limited to {limit / 1e9:.1f} GB (ulimit -v), and a run reserves more than it uses"
        raise InputError(f"{said}. Allow {LEAST_SPACE / 1e9:.0f} GB, or limit real memory, as containers do.")


class Failure(NamedTuple):
    """How a notebook ended that did not end well: the kind of error and its message."""

    kind: str
    message: str

    def __str__(self) -> str:
        """Write both on one line, the message shortened."""
        return f"{self.kind}: {self.message[:2000]}" if self.message else self.kind


def execute(
    template: Path, notebook: Path, parameters: Mapping[str, Any], *, marks: Mapping[str, str], timeout: float | None
) -> Failure | None:
    """Execute a notebook in a process of its own, with the interpreter that runs this.

    Parameters
    ----------
    template, notebook : Path
        What to execute, and where to write it, cell by cell, inside the run's own folder.
    parameters : mapping
        Values to inject.
    marks : mapping
        Environment variables the notebook sees.
    timeout : float or None
        Seconds after which everything is stopped.

    Returns
    -------
    Failure or None
        None where every cell ran.
    """
    with tempfile.TemporaryDirectory(prefix=f"{SCRATCH}{notebook.parent.name[-12:]}-") as scratch:
        marks = {**marks, MARK: str(notebook.parent)}
        spec = _write_spec(Path(scratch), template, notebook, parameters)
        loading = threading.Thread(target=_make_ready, args=(Path(marks["TOOLKIT_OUT"]), notebook.parent), daemon=True)
        loading.start()
        process = start(["notebook", str(spec)], _environment(Path(scratch), marks))
        try:
            process.wait(timeout)
        except psutil.TimeoutExpired:
            return Failure("TimeoutError", f"stopped at the time limit of {timeout:g} seconds")
        finally:
            _stop(process, marks[MARK])
            loading.join()  # two threads that load the same modules may each find them half loaded
            for file in notebook.parent.glob(f"{store.PREPARED}*"):
                file.unlink()
        try:
            outcome = json.loads((Path(scratch) / "outcome.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            # Of one that was forked nobody knows.
            how = "" if (code := process.poll()) is None else f" with code {code}"
            return Failure("ProcessDied", f"the process running the notebook ended{how}; was memory or disk short?")
        return None if outcome is None else Failure(**outcome)


def _make_ready(out: Path, folder: Path) -> None:
    """Do what the end of a run needs and for which there is time before: load modules, make the tables of a store."""
    with warnings.catch_warnings(action="ignore"):  # as an error, one of a package would leave its modules half loaded
        for name in VARIABLES["later"]:
            import_module(name)
        with contextlib.suppress(InputError):  # what is wrong there is said where the file is used
            store.prepare(store.tracking_uri(out), folder)
        import_module("toolkit.report.render").get_ready()


def _write_spec(scratch: Path, template: Path, notebook: Path, parameters: Mapping[str, Any]) -> Path:
    (scratch / "tmp").mkdir()
    files = {"template": str(template), "notebook": str(notebook), "outcome": str(scratch / "outcome.json")}
    spec = {"folders": [str(notebook.parent), str(scratch)], "parameters": dict(parameters)}
    (path := scratch / "spec.json").write_text(json.dumps(files | spec), encoding="utf-8")
    return path


def _environment(scratch: Path, marks: Mapping[str, str]) -> dict[str, str]:
    """Keep the user's IPython start-up files and history out of the run.

    What it writes for a while lies in the folder that is removed after it, even if it is killed.

    Threads that wait by spinning make a run several times slower when anything else uses the machine: they shall sleep.
    """
    own = {name: str(scratch / folder) for name, folder in VARIABLES["folders"].items()}
    return {**VARIABLES["usual"], **os.environ, **VARIABLES["fixed"], **own, **marks}


def _stop(process: Any, mark: str) -> None:
    """Kill what is left of a run: all in the session of its process, its descendants, and whatever carries its mark."""
    left = {process, *process.children(recursive=True)} if is_alive(process) else set()
    for other in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if other.environ().get(MARK) == mark or os.getsid(other.pid) == process.pid:
                left.add(other)
    for member in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    deadline = time.monotonic() + 10
    while any(map(is_alive, left)) and time.monotonic() < deadline:
        time.sleep(0.01)
    with contextlib.suppress(psutil.TimeoutExpired):  # whoever forked it may never take note of its end
        process.wait(1)  # which comes after that of its last thread, when it no longer counts as alive
    process.stdin.close()


@contextlib.contextmanager
def interrupted_once() -> Iterator[None]:
    """Make the first SIGINT, SIGTERM or SIGHUP raise KeyboardInterrupt, and let no other disturb the clearing up.

    Signals the caller ignores (``nohup``) or handles are left alone, and so is all outside the main thread.
    """
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    usual, ours = (signal.SIG_DFL, signal.default_int_handler), threading.current_thread() is threading.main_thread()
    before = {number: handler for number in numbers if ours and (handler := signal.getsignal(number)) in usual}

    def interrupt(*_: object) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in before:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def staging_in(out: Path) -> Iterator[Path]:
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
                say(f"A run was killed before it ended. What it had written is in {kept}")
            else:
                left.rmdir()
        Path(f"{left}.lock").unlink(missing_ok=True)


def tidy_notebook(path: Path, template: Path, failure: Failure | None) -> None:
    """Take secrets and this machine's paths and kernel out of a notebook; say in the last cell begun why it stopped.

    Parameters
    ----------
    path : Path
        The executed notebook; where it is missing or cut off, it is made from the template.
    template : Path
    failure : Failure or None
        Added as an error output where no cell has one: a killed kernel cannot write its own.
    """
    notebook: dict[str, Any] = {"metadata": {}, **json.loads(template.read_text(encoding="utf-8"))}
    # Stopped in the middle of writing it holds no JSON: only the text of the cells is left.
    with contextlib.suppress(FileNotFoundError, ValueError):
        notebook = json.loads(path.read_text(encoding="utf-8"))
    metadata = notebook["metadata"]
    metadata["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    if "papermill" in metadata:
        metadata["papermill"] |= {"input_path": template.name, "output_path": path.name}
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in code for output in cell.setdefault("outputs", [])]
    if failure and not any(output["output_type"] == "error" for output in outputs):
        error = {"output_type": "error", "ename": failure.kind, "evalue": failure.message, "traceback": []}
        begun = [cell for cell in code if cell["metadata"].get("papermill", {}).get("start_time")]
        (begun[-1] if begun else code[0])["outputs"].append(error)
    for number, cell in enumerate(notebook["cells"]):
        if "injected-parameters" in cell["metadata"].get("tags", ()):
            cell["id"] = f"injected-{number}"  # papermill's is drawn by chance
    if math.isnan(clock()):
        for part in (metadata, *(cell["metadata"] for cell in notebook["cells"])):
            part.pop("execution", None)
            for name in ("start_time", "end_time", "duration"):
                part.get("papermill", {}).pop(name, None)
    path.write_text(masked(json.dumps(notebook, indent=1, ensure_ascii=False)) + "\n", encoding="utf-8")
