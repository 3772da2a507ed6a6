"""The demo of an earlier commit beside that of this one, in turn, and the memory of the largest process of each."""

import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil

from benchmarks.drift import peak_memory, written

ROOT = Path(__file__).parents[1]
BEFORE = "9759aff"  # the last commit before anything was made quicker


@contextmanager
def earlier():
    """Unpack the commit before anything was made quicker, which runs with the packages of today.

    Yields its folder by name; nothing where the commit is not here.
    """
    archive = subprocess.run(["git", "-C", str(ROOT), "archive", BEFORE], capture_output=True)
    if archive.returncode:
        print(f"the commit {BEFORE} is not here, so there is nothing to compare with")
        yield {}
        return
    with tempfile.TemporaryDirectory() as place, tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(place, filter="data")
        yield {"before": place}


def demo(times=2):
    """Print the seconds then and now, each the mean of some runs."""
    with earlier() as before:
        folders = {**before, "now": str(ROOT)}
        found = [{name: demo_of(folder) for name, folder in folders.items()} for _ in range(times)]
    print("demo: an experiment on 107,679 rows, and the next year's drift")
    seconds = {name: np.mean([one[name][0] for one in found]) for name in folders}
    for name in folders:
        print(f"  {name:<16} {seconds[name]:6.1f} s   largest process {written(max(one[name][1] for one in found))}")
    for name in before:
        print(f"  now it takes {seconds['now'] / seconds[name]:.2f} of the time")
    print()


def demo_of(folder):
    with tempfile.TemporaryDirectory() as place:
        return watched("-m", "toolkit", "demo", cwd=place, env={**os.environ, "PYTHONPATH": folder})


def watched(*arguments, **around):
    """Run Python; return the seconds it took, and the most memory that one of its processes held, in megabytes."""
    began, most = time.perf_counter(), {}
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = psutil.Popen([sys.executable, *arguments], **silent, **around)
    while process.poll() is None:
        for one in (process, *process.children(recursive=True)):
            most[one.pid] = np.fmax(most.get(one.pid, 0.0), peak_memory(one.pid))  # one that has ended tells none
        time.sleep(0.2)
    if process.returncode:
        raise RuntimeError(f"{arguments} ended with code {process.returncode}")
    return time.perf_counter() - began, np.nanmax(list(most.values()))


if __name__ == "__main__":
    demo()
