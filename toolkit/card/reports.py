"""The reports that a card rests on: their results, where they were read, and their replicates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from toolkit.core.results import Results, read_results, results_path
from toolkit.errors import InputError
from toolkit.runs.provenance import sha256
from toolkit.statistics.replicates import FILE, Replicated, is_of, read_replicates


@dataclass(frozen=True, slots=True)
class Report:
    """One report.

    Attributes
    ----------
    results : Results
    folder : str
        Name of its folder, without the path; empty where it was not read from one.
    sha256 : str
        Of its ``results.json``.
    replicates : mapping of metric to Replicated
        By which the metrics of the test part can be compared in pairs; empty where the report has none.
    rows : str
        Which rows those are of.
    """

    results: Results
    folder: str = ""
    sha256: str = ""
    replicates: Mapping[str, Replicated] = field(default_factory=dict)
    rows: str = ""

    def plain(self) -> dict[str, Any]:
        """Write it for JSON, without the replicates."""
        return {"folder": self.folder, "sha256": self.sha256, "results": self.results.plain()}


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
    path = results_path(source)
    report = Report(read_results(source), path.resolve().parent.name, sha256(path))
    return with_replicates(report, path.parent)


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
    numbers = report.results.scalars
    own = {
        name: one
        for name, one in replicates.items()
        if f"test.{name}" in numbers and is_of(one, numbers[f"test.{name}"])
    }
    return replace(report, replicates=own, rows=rows)
