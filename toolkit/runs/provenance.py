"""Where a report comes from: commit, environment, author and command."""

import contextlib
import json
import os
import platform
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from getpass import getuser
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from toolkit.core.resources import beside

PACKAGES = beside(__file__, "packages.yaml")


def environment() -> dict[str, str]:
    """Return the versions that decide what a run computes."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def commit(folder: Path) -> tuple[str | None, bool]:
    """Return the commit checked out around ``folder`` and whether files in it differ; ``(None, False)`` outside git."""
    head = _git(folder, "rev-parse", "HEAD")
    return (None, False) if head is None else (head, bool(_git(folder, "status", "--short", "--untracked-files=no")))


def _git(folder: Path, *arguments: str) -> str | None:
    git = shutil.which("git")
    if git is None:
        return None
    done = subprocess.run([git, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def author() -> str:
    """Return who runs this: ``TOOLKIT_AUTHOR``, else git's user name, else the account."""
    with contextlib.suppress(OSError, KeyError):
        return os.environ.get("TOOLKIT_AUTHOR") or _git(Path.cwd(), "config", "user.name") or getuser()
    return "unknown"


def command(template: str, parameters: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """Write the one line that runs a template again: only what differs from the template's defaults.

    Examples
    --------
    >>> command("experiment", {"data": "my table.csv", "seed": 0}, {"data": "wine", "seed": 0})
    "toolkit run experiment -p data 'my table.csv'"
    """
    parts = ["toolkit", "run", template]
    for name, value in parameters.items():
        if name not in defaults or value != defaults[name]:
            parts += ["-p", name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]
    return shlex.join(parts)
