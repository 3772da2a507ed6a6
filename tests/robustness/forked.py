"""Ask the command line in a process forked from this one: imports are paid once, and no answer meets another.

A command that hangs, kills its process or exhausts its memory costs only itself.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

#: What a message may not hold: codes that a terminal obeys.
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
#: The name of the section that a run has come to.
PROGRESS = re.compile(r" *\d+ s  ")
#: The most lines a message has; a table or a list that was asked for stands on stdout.
MOST_LINES = 3


@dataclass(frozen=True)
class Answer:
    """How a command ended: its exit code (minus the signal that ended it), what it said, and what it left."""

    code: int
    out: str
    err: str
    seconds: float
    left: tuple[str, ...]

    def faults(self, expected: tuple[int, ...] = (2,), *, limit: float = 60) -> list[str]:
        """Name what is wrong with it, if anything."""
        said = [line for line in self.err.splitlines() if line.strip() and not PROGRESS.match(line)]
        wrong = {
            f"exit code {self.code}, not {' or '.join(map(str, expected))}": self.code not in expected,
            "traceback": "Traceback (most recent call last)" in self.err + self.out,
            f"{len(said)} lines": self.code not in (0, 1) and len(said) > MOST_LINES,
            "no message": self.code not in (0, 1) and not said,
            "control characters": bool(CONTROLS.search(self.out + self.err)),
            f"took {self.seconds:.0f} s": self.seconds > limit,
            f"left {', '.join(self.left)}": bool(self.left) and self.code not in (0, 1),
        }
        return [fault for fault, here in wrong.items() if here]


def ask(*arguments: str, folder: Path, limit: float = 60, memory: int | None = None, stdin: bytes = b"") -> Answer:
    """Run ``toolkit ARGUMENTS`` in ``folder`` and wait for its answer.

    Parameters
    ----------
    arguments : str
    folder : Path
        The current folder of the command; what it leaves there is told.
    limit : float
        Seconds after which it is killed.
    memory : int, optional
        The most bytes its address space may hold.
    stdin : bytes
        What it can read.
    """
    from toolkit.cli import main

    before = _contents(folder)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as given:
        given.write(stdin)
        given.seek(0)
        sys.stdout.flush()
        sys.stderr.flush()
        began = time.monotonic()
        child = os.fork()
        if not child:
            code = 70
            try:
                os.setsid()
                os.chdir(folder)
                for number, file in enumerate((given, out, err)):
                    os.dup2(file.fileno(), number)
                sys.stdin, sys.stdout, sys.stderr = (
                    os.fdopen(number, mode, encoding="utf-8", errors="surrogateescape", closefd=False)
                    for number, mode in ((0, "r"), (1, "w"), (2, "w"))
                )
                if memory:
                    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
                try:
                    main(list(arguments), prog_name="toolkit")
                except SystemExit as ended:
                    code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
                except BaseException:  # noqa: BLE001  # as the interpreter itself would
                    sys.excepthook(*sys.exc_info())
                    code = 1
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code)
        code = _wait(child, began + limit)
        seconds = time.monotonic() - began
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
    return Answer(code, *texts, seconds, tuple(sorted(_contents(folder) - before)))


def _wait(child: int, deadline: float) -> int:
    while time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -signal.SIGKILL


def _contents(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
