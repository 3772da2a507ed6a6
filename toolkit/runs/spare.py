"""Processes that are there before they are needed, so that what they do begins without loading anything.

To fork is safe only where there is one thread: a lock that another held would never be released in the copy. So a server
loads all that a run uses and starts no thread; a report, the process of its notebook and its kernel are forked before
they begin anything, and wait to be told what to be. Each ends where the pipe by which it is told is closed.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
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

from toolkit.core.resources import beside

WORKER = Path(__file__).absolute().with_name("worker.py")
VARIABLES: dict[str, Any] = beside(__file__, "environment.yaml")
MADE = "made"  #: what a report says last, where it did not fail
_TASKS = Path("/proc/self/task")  # a thread each, those of libraries too
_asking = threading.Lock()
_servers: list[socket.socket] = []
_spares: list[Spare] = []


class Spare(psutil.Process):
    """A process that was forked and waits to be told what to be; it has what jupyter asks of a process."""

    stdout = stderr = None

    def __init__(self, pid: int, stdin: int) -> None:
        super().__init__(pid)
        self.stdin = open(stdin, "wb", buffering=0)  # noqa: SIM115  # open as long as the process shall be

    def __enter__(self) -> Spare:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdin.close()

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""
        try:
            return self.wait(0)
        except psutil.TimeoutExpired:
            return None

    def become(self, arguments: Sequence[str], environ: Mapping[str, str]) -> Spare:
        """Tell it what to be."""
        self.stdin.write(json.dumps([arguments, dict(environ)]).encode() + b"\n")
        return self


def start(arguments: Sequence[str], environ: Mapping[str, str], stdout: int = subprocess.DEVNULL) -> Any:
    """Start a worker: the spare of this process, or one that the server forks, else one that loads all it needs anew."""
    try:
        if _spares:
            return _spares.pop().become(arguments, environ)
        if _servers:
            return _ask(_servers[0], stdout).become(arguments, environ)
    except (OSError, psutil.Error):  # it was killed; memory may have been short
        _servers.clear()
    command, apart = [sys.executable, "-P", str(WORKER), *arguments], arguments[0] != "report"
    streams = {"stdin": subprocess.PIPE, "stdout": stdout, "bufsize": 0}
    return psutil.Popen(command, env=environ, start_new_session=apart, **streams)


def _ask(server: socket.socket, stdout: int) -> Spare:
    """Let the server fork a process with this standard output."""
    reading, writing = os.pipe()
    with open(reading), open(os.devnull, "wb") as nowhere, _asking:
        socket.send_fds(server, [b"1"], [reading, nowhere.fileno() if stdout == subprocess.DEVNULL else stdout])
        pid = int(server.recv(16) or 0)
    if not pid:
        os.close(writing)
        raise ConnectionError
    return Spare(pid, writing)


@contextlib.contextmanager
def server() -> Iterator[None]:
    """Let the workers that are started meanwhile be forked from a server that has all loaded, where the system can."""
    if not _TASKS.is_dir():
        yield
        return
    ours, theirs = socket.socketpair()
    environ = {**VARIABLES["usual"], **os.environ, **VARIABLES["fixed"], **VARIABLES["server"]}
    command = [sys.executable, "-P", str(WORKER), "server"]
    with ours, psutil.Popen(command, stdin=theirs, stdout=subprocess.DEVNULL, env=environ) as process:
        theirs.close()
        try:
            if ours.recv(1):
                _servers.append(ours)
            else:
                sys.stderr.write("Each report loads all it needs anew: here they cannot share that.\n")
            yield
        finally:
            _servers.clear()
            process.kill()


def serve() -> list[str]:
    """Load what a run uses, and fork a process for each that is asked for; in those, return what to be."""
    interrupted = signal.signal(signal.SIGINT, signal.SIG_DFL)
    for name in VARIABLES["loaded"]:
        import_module(name)
    toolkit = import_module("toolkit")
    for name in toolkit.__all__:
        getattr(toolkit, name)
    if len(list(_TASKS.iterdir())) > 1:
        sys.exit()
    for name in VARIABLES["server"]:
        del os.environ[name]
    gc.collect()
    gc.freeze()  # else to count what refers to them would copy all pages into each process
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    asked = socket.socket(fileno=0)
    asked.send(b"1")
    while True:
        message, files, *_ = socket.recv_fds(asked, 1, 2)
        if not message:
            sys.exit()
        try:
            pid = os.fork()
        except OSError:  # no memory
            asked.send(b"0")
            pid = -1
        if pid > 0:
            asked.send(b"%d" % pid)
        if not pid:
            asked.detach()
            signal.signal(signal.SIGINT, interrupted)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _told(*files)
        for file in files:
            os.close(file)


def fork_spare() -> list[str]:
    """Fork a child that waits; in the child, return what to be, else nothing."""
    reading, writing = os.pipe()
    if pid := os.fork():
        os.close(reading)
        _spares.append(Spare(pid, writing))
        return []
    os.close(writing)
    return _told(reading, os.open(os.devnull, os.O_WRONLY))


def _told(*files: int) -> list[str]:
    """Wait until this process is told what to be, with these as standard input and output; share nothing with others."""
    import numpy as np
    from threadpoolctl import threadpool_limits

    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115  # it holds nothing that another process has read
    line = sys.stdin.buffer.readline()
    if not line:  # it is not needed, or its parent is gone
        sys.exit()
    arguments, environ = json.loads(line)
    os.environ.update(environ)
    sys.argv[1:] = arguments
    tempfile.tempdir = None
    np.random.seed()
    if arguments[0] == "notebook":
        os.setsid()
    elif arguments[0] == "kernel":
        os.setpgid(0, 0)  # jupyter interrupts the group of the kernel
        given = environ.get("OPENBLAS_NUM_THREADS") or environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0))
        threadpool_limits(int(given), "blas")  # as many as elsewhere, so that sums are the same to the last digit
    return arguments
