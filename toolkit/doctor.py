"""Look at this machine: what works, what is missing, and what to do about it."""

import os
import platform
import shutil
import sys
import tomllib
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from toolkit.core import beside, counted, masked
from toolkit.errors import InputError, listed
from toolkit.report.pdf import BROWSERS
from toolkit.runs.manifest import installed
from toolkit.runs.process import interrupted

MEMORY_GB = 2.0


class Check(NamedTuple):
    """One thing that was looked at.

    Attributes
    ----------
    name : str
    state : {"ok", "note", "problem"}
        A note is something that is missing but not needed for a run.
    found : str
        What there is.
    fix : str
        What to do; empty where nothing need be done.
    """

    name: str
    state: str
    found: str
    fix: str = ""


def examine(out: Path) -> list[Check]:
    """Check everything a run needs, then what is merely useful.

    Parameters
    ----------
    out : Path
        The reports folder of runs started here.
    """
    return [
        Check("Python", "ok", f"{platform.python_version()} at {sys.executable}"),
        *_packages(),
        _kernel(),
        _folder(out),
        _tracking(out),
        _machine(),
        *(_program(name, **words) for name, words in beside(__file__, "doctor.yaml").items()),
    ]


def _packages() -> list[Check]:
    from packaging.requirements import Requirement

    wanted = [one for one in map(Requirement, _requirements()) if not one.marker or one.marker.evaluate({"extra": ""})]
    problems = []
    for one in wanted:
        if not (version := installed(one.name)) or not one.specifier.contains(version, prereleases=True):
            fix = f'Run: {sys.executable} -m pip install "{one.name}{one.specifier}"'
            problems.append(Check(one.name, "problem", version or "not installed", fix))
    found = f"{len(wanted) - len(problems)} of {len(wanted)} as required"
    return [Check("Packages", "problem" if problems else "ok", found), *problems]


def _requirements() -> list[str]:
    with suppress(metadata.PackageNotFoundError):
        return metadata.requires("jupyter-experiment-toolkit") or []
    # A clone that is used without being installed.
    text = (Path(__file__).parent.parent / "pyproject.toml").read_text(encoding="utf-8")
    return list(tomllib.loads(text)["project"]["dependencies"])


def _kernel() -> Check:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    command = ""
    with suppress(NoSuchKernel):
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    # A bare "python" means the interpreter that starts the kernel.
    if Path(command).is_absolute() and Path(command) != Path(sys.executable):
        found = f"the Jupyter kernel 'python3' is {command}; toolkit run uses {sys.executable} all the same"
        return Check("Kernel", "note", found, f"For JupyterLab: {sys.executable} -m ipykernel install --sys-prefix")
    return Check("Kernel", "ok", f"toolkit run uses {sys.executable}")


def _folder(out: Path) -> Check:
    place = next(folder for folder in (out.absolute(), *out.absolute().parents) if folder.exists())
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        if killed := [one.name for one in interrupted(out)]:
            found = f"left in {out.absolute()} by runs that were killed: {listed(killed)}"
            return Check("Reports", "note", found, "The next run keeps what they had written under another name.")
        free = shutil.disk_usage(place).free / 1e9
        return Check("Reports", "ok", f"{out.absolute()} can be written, {free:,.1f} GB free")
    return Check("Reports", "problem", f"{place} cannot be written", "Change the folder, or give --out DIR.")


def _tracking(out: Path) -> Check:
    from toolkit.registry import store

    try:
        store.check_reachable(store.tracking_uri(out))
    except InputError as error:
        return Check("Tracking", "problem", str(error))
    return Check("Tracking", "ok", masked(store.tracking_uri(out)))


def _machine() -> Check:
    import psutil

    memory = psutil.virtual_memory()
    free, total = memory.available / 1e9, memory.total / 1e9
    found = f"{counted(os.cpu_count() or 1, 'core')}, {free:.1f} of {total:.1f} GB of memory free"
    fix = "" if free >= MEMORY_GB else f"Large tables need {MEMORY_GB:.0f} GB or more: close other programs."
    return Check("Machine", "note" if fix else "ok", found, fix)


def _program(name: str, without: str, fix: str) -> Check:
    path = next(filter(None, map(shutil.which, BROWSERS if name == "Chromium" else [name])), None)
    return Check(name, "ok", path) if path else Check(name, "note", f"not found: {without}", fix)
