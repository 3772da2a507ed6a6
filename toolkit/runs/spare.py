"""Processes that are there before they are needed, so that what they do begins without loading anything.

To fork is safe only where there is one thread: a lock that another holds is never released in the copy. So a server
loads all that a run uses and starts no thread; a report, the process of its notebook and its kernel are forked before
they begin anything, and wait to be told what to be. Each ends where the pipe by which it is told is closed.
"""

import contextlib
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil

from toolkit.core import beside, without

#: What begins a worker; what it shall be follows.
COMMAND = [sys.executable, "-P", str(Path(__file__).absolute().with_name("worker.py"))]
VARIABLES: dict[str, Any] = beside(__file__, "environment.yaml")
_TASKS = Path("/proc/self/task")  # a thread each, those of libraries too
_asking = threading.Lock()
_servers: list[socket.socket] = []
_spares: "list[Spare]" = []


class Spare(psutil.Process):
    """A process that was forked and waits to be told what to be; it has what jupyter asks of a process."""

    stdout = stderr = None

    def __init__(self, pid: int, stdin: int) -> None:
        self.stdin = open(stdin, "wb", buffering=0)  # noqa: SIM115  # open as long as the process shall be
        super().__init__(pid)

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""
        with contextlib.suppress(psutil.TimeoutExpired):
            return self.wait(0)
        return None


def is_alive(process: psutil.Process) -> bool:
    """Whether a process still runs; one that ended may be listed until its parent takes note."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def start(arguments: Sequence[str], environ: Mapping[str, str], stdout: int = subprocess.DEVNULL) -> Any:
    """Start a worker: the spare of this process, or one that the server forks, or one that loads all it needs anew."""
    with contextlib.suppress(OSError, psutil.Error):  # it was killed
        if spare := _spares.pop() if _spares else _ask(stdout):
            spare.stdin.write(json.dumps([arguments, dict(environ)]).encode() + b"\n")
            return spare
    command, pipe = [*COMMAND, *arguments], subprocess.PIPE
    return psutil.Popen(command, bufsize=0, stdin=pipe, stdout=stdout, env=environ, start_new_session=True)


def _ask(stdout: int) -> Spare | None:
    """Let the server, where there is one, fork a process with this standard output, once it has all loaded."""
    for server in _servers:
        reading, writing = os.pipe()
        with _asking, open(reading), open(os.devnull, "wb") as nowhere:
            try:
                socket.send_fds(server, [b"1"], [reading, nowhere.fileno() if stdout == subprocess.DEVNULL else stdout])
                return Spare(int(server.recv(16)), writing)
            except (OSError, ValueError):  # it is gone
                os.close(writing)
                if not _servers:  # it is not wanted any more, nor what was asked for
                    raise KeyboardInterrupt from None
    return None


@contextlib.contextmanager
def serving(wanted: bool) -> Iterator[threading.Event]:
    """Let workers be forked from a server, where that is wanted and the system can; yield what is set at the end."""
    ours, theirs = socket.socketpair()
    command, process, ended = [*COMMAND, "server"], None, threading.Event()
    environ = {**VARIABLES["usual"], **os.environ, **VARIABLES["fixed"], **VARIABLES["server"]}
    with ours, theirs:
        if wanted and _TASKS.is_dir():
            process = subprocess.Popen(command, stdin=theirs.fileno(), env=environ, start_new_session=True)
            _servers.append(ours)
        theirs.close()
        try:
            yield ended
        finally:
            ended.set()
            _servers.clear()
            if process:
                process.kill()
                process.wait()


def serve() -> list[str]:
    """Load what a run uses, and fork a process whenever one is asked for; in that, return what to be."""
    gc.disable()  # it looks in vain through all that is loaded, a quarter of the time
    with without("pytest", "coverage", "boto3", "debugpy"):  # which skops, numba, papermill and ipykernel would load
        for name in (*VARIABLES["later"], *VARIABLES["loaded"]):
            import_module(name)
    toolkit = import_module("toolkit")
    for name in toolkit.__all__:
        getattr(toolkit, name)
    # To look once which module is of which package; each model that is logged needs it.
    import_module("mlflow.utils.requirements_utils").warn_dependency_requirement_mismatches(["mlflow"])
    if len(list(_TASKS.iterdir())) > 1:
        sys.exit("Each process loads all it needs by itself: here they cannot share it.")
    for name in VARIABLES["server"]:
        os.environ.pop(name, None)
    gc.freeze()  # else to count what refers to them would copy most pages into each process
    gc.enable()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    asked, later = socket.socket(fileno=0), [import_module("toolkit.report.render").get_ready]
    with contextlib.suppress(OSError):  # no memory for another process
        while files := socket.recv_fds(asked, 1, 2)[1]:
            if not (pid := os.fork()):
                asked.detach()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                return _told(*files)
            asked.send(b"%d" % pid)
            for file in files:
                os.close(file)
            if later and not select.select([asked], [], [], 0.1)[0]:  # there is time to ease the next ones
                later.pop()()
                gc.freeze()
    sys.exit()


def fork_spare() -> list[str]:
    """Fork a child that waits; in that, return what to be, else nothing."""
    reading, writing = os.pipe()
    if pid := os.fork():
        os.close(reading)
        _spares.append(Spare(pid, writing))
        return []
    os.close(writing)
    return _told(reading, os.open(os.devnull, os.O_WRONLY))


def _told(*files: int) -> list[str]:
    """Wait with these as standard input and output until this process is told what to be; share nothing with others."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    line = open(0, "rb", buffering=0, closefd=False).readline()  # noqa: SIM115  # and nothing of what follows
    if not line:  # it is not needed, or its parent is gone
        sys.exit()
    arguments, environ = json.loads(line)
    os.environ.update(environ)
    sys.argv[1:] = arguments
    tempfile.tempdir = None
    np.random.seed()  # noqa: NPY002  # others draw from it
    if arguments[0] != "kernel":
        os.setsid()
    else:
        os.setpgid(0, 0)  # jupyter interrupts the group of the kernel
        given = environ.get("OPENBLAS_NUM_THREADS") or environ.get("OMP_NUM_THREADS", "")
        threads = int(given) if given.isdigit() else len(os.sched_getaffinity(0))
        threadpool_limits(threads, "blas")  # as in any process, so that sums are the same to the last digit
    return [*arguments]
