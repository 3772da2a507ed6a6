"""Read what a report left behind, its ``results.json``, with nothing taken for granted about its shape."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from toolkit.core.estimate import Estimate
from toolkit.core.result import SEVERITIES, Finding, Severity
from toolkit.core.results import read_results
from toolkit.errors import InputError
from toolkit.statistics.replicates import FILE, Replicated, is_of, read_replicates

_TEXTS = ("template", "title", "created", "author", "command", "commit")
_MAPPINGS = ("parameters", "recorded", "data", "model", "environment", "mlflow", "verdict")


@dataclass(frozen=True, slots=True)
class Report:
    """The named numbers and recorded facts of one report.

    Attributes
    ----------
    folder : str
        Name of its folder, without the path; empty where it was not read from one.
    sha256 : str
        Of its ``results.json``.
    template, title, created, author, command, commit : str
    dirty : bool
        Whether files differed from the commit.
    parameters, recorded, data, model, environment, mlflow, verdict : mapping
        As ``results.json`` has them; empty where it has none.
    scalars : mapping of dotted name to Estimate
    findings : tuple of Finding
    replicates : mapping of metric to Replicated
        By which the metrics of the test part can be compared in pairs; empty where the report has none.
    rows : str
        Which rows those are of.
    """

    folder: str = ""
    sha256: str = ""
    template: str = ""
    title: str = ""
    created: str = ""
    author: str = ""
    command: str = ""
    commit: str = ""
    dirty: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict)
    recorded: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    mlflow: Mapping[str, Any] = field(default_factory=dict)
    verdict: Mapping[str, Any] = field(default_factory=dict)
    scalars: Mapping[str, Estimate] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    replicates: Mapping[str, Replicated] = field(default_factory=dict)
    rows: str = ""

    @classmethod
    def read(cls, content: Mapping[str, Any], folder: str = "", sha256: str = "") -> Report:
        """Read the content of ``results.json``, or what ``plain`` wrote.

        Raises
        ------
        InputError
            Where it holds no numbers and no data, so that it is no report.

        Examples
        --------
        >>> Report.read({"scalars": {"test.r2": {"value": 0.5}}, "data": {"name": "t"}}).scalars["test.r2"].value
        0.5
        """
        if not isinstance(content.get("scalars"), Mapping) or not isinstance(content.get("data"), Mapping):
            raise InputError("This does not hold the results of a report: its 'scalars' and its 'data' are missing.")
        entries = content.get("findings")
        facts: dict[str, Any] = {name: "" if content.get(name) is None else str(content[name]) for name in _TEXTS}
        facts |= {name: _mapping(content.get(name)) for name in _MAPPINGS}
        return cls(
            folder=folder,
            sha256=sha256,
            dirty=content.get("dirty") is True,
            scalars={str(name): Estimate.read(entry) for name, entry in content["scalars"].items()},
            findings=tuple(_finding(entry) for entry in (entries if isinstance(entries, list) else [])),
            **facts,
        )

    def plain(self) -> dict[str, Any]:
        """Write it for JSON, without the replicates; ``read`` reads it back."""
        return {
            "folder": self.folder,
            "sha256": self.sha256,
            "dirty": self.dirty,
            **{name: getattr(self, name) for name in _TEXTS},
            **{name: dict(getattr(self, name)) for name in _MAPPINGS},
            "scalars": {name: number.plain() for name, number in self.scalars.items()},
            "findings": [asdict(finding) for finding in self.findings],
        }


def read_report(source: str | Path) -> Report:
    """Read a report that was written earlier.

    Parameters
    ----------
    source : path
        The report's folder, or its ``report.html`` or ``results.json``.

    Raises
    ------
    InputError
        Where there is no such report, or its results cannot be read.
    """
    content, path, text = read_results(source)
    try:
        found = Report.read(content, path.resolve().parent.name, hashlib.sha256(text).hexdigest())
    except InputError as error:
        raise InputError(f"{str(path)!r} cannot be read. {error}") from error
    return with_replicates(found, path.parent)


def with_replicates(report: Report, folder: Path) -> Report:
    """Add the replicates that lie in a folder, where there are some."""
    path = folder / FILE
    try:
        return add_replicates(report, path.read_bytes()) if path.is_file() else report
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{str(path)!r} holds no replicates: {error!r}. Without that file, metrics are compared unpaired."
        ) from error


def add_replicates(report: Report, text: str | bytes) -> Report:
    """Add the replicates of the report's numbers; others are left out."""
    replicates, rows = read_replicates(text)
    numbers = report.scalars
    own = {
        name: one
        for name, one in replicates.items()
        if f"test.{name}" in numbers and is_of(one, numbers[f"test.{name}"])
    }
    return replace(report, replicates=own, rows=rows)


def _mapping(value: object) -> dict[str, Any]:
    return {str(key): entry for key, entry in value.items()} if isinstance(value, Mapping) else {}


def _finding(entry: object) -> Finding:
    texts = _mapping(entry)
    severity: Severity = next((known for known in SEVERITIES if known == texts.get("severity")), "info")
    code, message, where = ("" if texts.get(key) is None else str(texts[key]) for key in ("code", "message", "where"))
    return Finding(code, severity, message, where)
