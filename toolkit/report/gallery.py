"""Pages of many reports: the index of a folder, one line a run, and the comparison of the reports of a sweep."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from toolkit.core.estimate import Estimate, KeyNumber, format_number
from toolkit.core.face import cell_html, content_policy
from toolkit.core.resources import templates_folder
from toolkit.core.words import counted, printable
from toolkit.errors import listed
from toolkit.policy.reason import number_words
from toolkit.report.key_numbers import difference_html, direction_words, draw_interval, draw_series, key_tables
from toolkit.report.summary import VERDICTS, Summary, Verdict, read_summary, readable_date, shown
from toolkit.statistics.intervals import mean_estimate

MOST_IN_SERIES = 20
_FILES = ("report.html", "notebook.ipynb", "results.json", "manifest.json")


@dataclass(frozen=True, slots=True)
class Run:
    """One line of the index; ``summary`` is missing where there are no readable results."""

    folder: str
    link: str
    when: datetime
    verdict: Verdict
    summary: Summary | None
    series: str = ""

    @property
    def kind(self) -> tuple[str, str, str] | None:
        """What its key number may be compared with: the same number of the same template on the same data."""
        if self.summary is None or not self.summary.key_numbers:
            return None
        return self.summary.results.template, self.summary.results.data.name, self.summary.key_numbers[0].label


def run_folders(folder: Path) -> list[Path]:
    """List the subfolders that hold a run or the remains of one, by name."""
    candidates = sorted(entry for entry in folder.iterdir() if not entry.name.startswith(".") and entry.is_dir())
    return [entry for entry in candidates if any((entry / name).exists() for name in _FILES)]


def gallery_html(folders: Sequence[Path]) -> str:
    """Make the page that lists the runs in ``folders``.

    Parameters
    ----------
    folders : sequence of Path
        Subfolders of the folder that the page will stand in.
    """
    runs = sorted(map(read_run, folders), key=lambda run: (run.when, run.folder), reverse=True)
    return environment().get_template("gallery.html.j2").render(runs=list(_with_series(runs)))


def read_run(folder: Path) -> Run:
    """Read one run from its folder, without ever failing for what it holds."""
    path, summary, verdict = folder / "results.json", None, VERDICTS["unpublished"]
    try:
        if path.exists():
            summary, verdict = read_summary(path.read_bytes(), path.name)
    except OSError as error:
        verdict = replace(VERDICTS["unreadable"], meaning=f"{path.name} cannot be read: {error.strerror}.")
    page = next((name for name in _FILES if (folder / name).exists()), "")
    verdict = VERDICTS["failed"] if {"FAILED", "INTERRUPTED"} & {*folder.name.split("-")} else verdict
    name, when = os.fsencode(folder.name), _when(folder, summary.results.created if summary else "")
    return Run(name.decode("utf-8", "replace"), f"{quote(name)}/{page}", when, verdict, summary)


def _with_series(runs: Sequence[Run]) -> Iterator[Run]:
    """Add to each run, newest first, the drawing of its key number over the runs that it may be compared with."""
    alike: dict[tuple[str, str, str] | None, list[Run]] = {}
    for run in reversed(runs):
        alike.setdefault(run.kind, []).append(run)
    for run in runs:
        others = alike[run.kind][-MOST_IN_SERIES:] if run.kind else []
        numbers = [other.summary.key_numbers[0].value for other in others if other.summary]
        yield replace(run, series=draw_series(numbers, others.index(run)) if run in others else "")


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
    made.filters |= {"words": number_words, "plain": format_number, "cell": cell_html, "drawn": draw_interval}
    made.filters |= {"difference": difference_html, "direction": direction_words, "tables": key_tables}
    made.filters |= {"date": readable_date, **{one.__name__: one for one in (counted, listed, printable, shown)}}
    return made


MOST_NUMBERS = 4


@dataclass(frozen=True, slots=True)
class SweptReport:
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
        """Its first key numbers by name."""
        found = self.run.summary.key_numbers if self.run and self.run.summary else ()
        return {one.name: one for one in found[:MOST_NUMBERS]}


def sweep_html(title: str, reports: Sequence[SweptReport]) -> str:
    """Make the page that compares the reports of a sweep of a template: values varied, key numbers, means over seeds.

    The interval of such a mean is Student's t (1908, doi:10.1093/biomet/6.1.1) over the seeds. All of them use the same
    rows, so it says what another seed would give and nothing of new data, for which it is too narrow (Nadeau and Bengio
    2003, doi:10.1023/A:1024068626366).
    """
    varied, alike = list(reports[0].varied), dict[tuple[str, ...], list[SweptReport]]()
    labels = {name: one.label or name for report in reports for name, one in report.numbers.items()}
    for report in reports:
        others = (value for name, value in zip(varied, report.values, strict=True) if name != "seed")
        alike.setdefault(tuple(others), []).append(report)
    means = {values: [_mean(ones, name) for name in labels] for values, ones in alike.items()}
    page = environment().get_template("sweep.html.j2")
    return page.render(title=title, varied=varied, rows=reports, labels=labels, means=means, failed=VERDICTS["failed"])


def _mean(reports: Sequence[SweptReport], name: str) -> Estimate:
    values = np.array([one.numbers[name].value.value for one in reports if name in one.numbers])
    return mean_estimate(values[np.isfinite(values)])
