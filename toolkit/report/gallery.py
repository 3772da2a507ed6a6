"""Pages of many reports: the index of a folder, one line a run, and the comparison of the reports of a sweep."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from toolkit.core import Estimate, KeyNumber, beside, content_policy, templates_folder
from toolkit.report.summary import FILTERS, VERDICTS, draw_series, read_summary, shown
from toolkit.statistics import mean_of

MOST_IN_SERIES = 20
_FILES = ("report.html", "notebook.ipynb", "results.json", "manifest.json")


class Run:
    """One line of the index, read from its folder without ever failing for what that holds.

    Attributes
    ----------
    folder, link : str
    verdict : Verdict
    summary : Summary or None
        Missing where there are no readable results.
    when : datetime
    series : str
        A drawing of its key number over the runs that it may be compared with, where there are some.
    """

    series = ""

    def __init__(self, folder: Path) -> None:
        path = folder / "results.json"
        try:
            self.summary, self.verdict = read_summary(path.read_bytes() if path.exists() else None, path.name)
        except OSError as error:
            said = f"{path.name} cannot be read: {error.strerror}."
            self.summary, self.verdict = None, VERDICTS["unreadable"]._replace(meaning=said)
        if {"FAILED", "INTERRUPTED"} & {*folder.name.split("-")}:
            self.verdict = VERDICTS["failed"]
        name, page = os.fsencode(folder.name), next((name for name in _FILES if (folder / name).exists()), "")
        self.folder, self.link = name.decode("utf-8", "replace"), f"{quote(name)}/{page}"
        self.when = _when(folder, self.summary.results.created if self.summary else "")

    @property
    def kind(self) -> tuple[str, str, str] | None:
        """What its key number may be compared with: the same number of the same template on the same data."""
        if self.summary is None or not self.summary.key_numbers:
            return None
        return self.summary.results.template, self.summary.results.data.name, self.summary.key_numbers[0].label


def run_folders(folder: Path) -> list[Path]:
    """List the subfolders that hold a run or the remains of one, by name."""
    entries = (one for one in sorted(folder.iterdir()) if one.name[0] != ".")
    return [one for one in entries if any((one / name).exists() for name in _FILES)]


def gallery_html(folders: Sequence[Path]) -> str:
    """Make the page that lists the runs in ``folders``.

    Parameters
    ----------
    folders : sequence of Path
        Subfolders of the folder that the page will stand in.
    """
    runs = sorted(map(Run, folders), key=lambda run: (run.when, run.folder), reverse=True)
    alike: dict[tuple[str, str, str] | None, list[Run]] = {}
    for run in reversed(runs):
        alike.setdefault(run.kind, []).append(run)
    alike.pop(None, None)
    for ones in alike.values():
        latest = ones[-MOST_IN_SERIES:]
        numbers = [one.summary.key_numbers[0].value for one in latest if one.summary]
        for place, run in enumerate(latest):
            run.series = draw_series(numbers, place)
    return environment().get_template("gallery.html.j2").render(runs=runs)


def _when(folder: Path, created: str) -> datetime:
    """Return when a run was made: by its results, else by its folder's name, else by the folder's own time."""
    for text, form in ((created, None), (folder.name[:15], "%Y%m%d-%H%M%S")):
        with contextlib.suppress(ValueError, OverflowError):
            return (datetime.strptime(text, form) if form else datetime.fromisoformat(text)).astimezone()
    return datetime.fromtimestamp(folder.stat().st_mtime).astimezone()


@cache
def environment() -> Environment:
    """Return what makes the pages: every text is escaped unless it was cleaned, and no page loads anything."""
    folder = templates_folder() / "review"
    scripts = [(folder / name).read_text(encoding="utf-8") for name in ("review.js", "row.js")]
    policy = content_policy(scripts, "img-src data:")
    made = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
    # Files of our own, and their hashes.
    made.globals |= zip(("script", "row_script", "policy"), map(Markup, (*scripts, policy)), strict=True)
    made.filters |= FILTERS
    return made


MOST_NUMBERS = 4
_RANGES, _ANY = beside(__file__, "ranges.yaml"), (-np.inf, np.inf)


class SweptReport(NamedTuple):
    """A report of a sweep: the values that were varied, its folder and what it holds, or why there is none."""

    varied: Mapping[str, object]
    folder: Path | None
    run: Run | None
    failure: str

    @property
    def values(self) -> tuple[str, ...]:
        """The values as they are shown."""
        return tuple(map(shown, self.varied.values()))

    @property
    def numbers(self) -> dict[str, KeyNumber]:
        """Its key numbers by name."""
        return {one.name: one for one in (self.run.summary.key_numbers if self.run and self.run.summary else ())}


def sweep_html(title: str, reports: Sequence[SweptReport]) -> str:
    """Make the page that compares the reports of a sweep of a template: values varied, key numbers, means over seeds.

    The interval of such a mean is Student's t (1908, doi:10.1093/biomet/6.1.1) over the seeds. All of them use the same
    rows, so it says what another seed would give and nothing of new data, for which it is too narrow (Nadeau and Bengio
    2003, doi:10.1023/A:1024068626366). An end beyond the range of a metric is cut off (Mandelkern 2002,
    doi:10.1214/ss/1030550859).
    """
    varied, alike = list(reports[0].varied), dict[tuple[str, ...], list[SweptReport]]()
    labels = {one.name: one.label or one.name for row in reports for one in list(row.numbers.values())[:MOST_NUMBERS]}
    for report in reports:
        others = (value for name, value in zip(varied, report.values, strict=True) if name != "seed")
        alike.setdefault(tuple(others), []).append(report)
    means = {values: [_mean(ones, name) for name in labels] for values, ones in alike.items()}
    page = environment().get_template("sweep.html.j2")
    return page.render(title=title, varied=varied, rows=reports, labels=labels, means=means, failed=VERDICTS["failed"])


def _mean(reports: Sequence[SweptReport], name: str) -> Estimate:
    values = np.array([one.numbers[name].value.value for one in reports if name in one.numbers])
    found, (least, most) = mean_of(values[np.isfinite(values)]), _RANGES.get(name.rpartition(".")[2], _ANY)
    return replace(found, low=max(found.low, least), high=min(found.high, most))
