"""Find and read the ``results.json`` of a report that was written earlier."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from toolkit.errors import InputError, shown

SCHEMA = 1


def read_results(source: str | Path) -> tuple[dict[str, Any], Path, bytes]:
    """Read what a report left for machines.

    Parameters
    ----------
    source : path
        The report's folder, or its ``report.html`` or ``results.json``.

    Returns
    -------
    (content, path, bytes)
        Of its ``results.json``.

    Raises
    ------
    InputError
        Where there is no such report, it is broken, or another version wrote it.
    """
    path = Path(source)
    if path.name != "results.json":
        path = (path.parent if path.name == "report.html" else path) / "results.json"
    try:
        text = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", error)
        raise InputError(f"There is no report at {shown(str(source))}: {reason}. Give its folder.") from error
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{str(path)!r} does not hold the results of a report: {error}.") from error
    if not isinstance(content, dict):
        raise InputError(f"{str(path)!r} does not hold the results of a report: it is no mapping.")
    if content.get("schema", SCHEMA) != SCHEMA:
        raise InputError(
            f"{str(path)!r} was written by another version (schema {shown(content['schema'])}; this one reads "
            f"{SCHEMA}). Make the report again."
        )
    return content, path, text
