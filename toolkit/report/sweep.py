"""The page that compares the reports of a sweep: what was varied, verdict, key numbers; their means over seeds.

The interval of such a mean is Student's t (1908, doi:10.1093/biomet/6.1.1) over the seeds. All of them use the same
rows, so it says what another seed would give and nothing of new data, for which it is too narrow (Nadeau and Bengio
2003, doi:10.1023/A:1024068626366).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from toolkit.core.estimate import Estimate
from toolkit.core.numbers import KeyNumber
from toolkit.report.gallery import Run, environment
from toolkit.report.summary import VERDICTS, shown
from toolkit.statistics.intervals import mean_estimate

SEED = "seed"
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
    """Make the page that compares the reports of a sweep of a template with a title."""
    varied, alike = list(reports[0].varied), dict[tuple[str, ...], list[SweptReport]]()
    labels = {name: one.label or name for report in reports for name, one in report.numbers.items()}
    for report in reports:
        others = (value for name, value in zip(varied, report.values, strict=True) if name != SEED)
        alike.setdefault(tuple(others), []).append(report)
    means = {values: [_mean(ones, name) for name in labels] for values, ones in alike.items()}
    page = environment().get_template("sweep.html.j2")
    return page.render(title=title, varied=varied, rows=reports, labels=labels, means=means, failed=VERDICTS["failed"])


def _mean(reports: Sequence[SweptReport], name: str) -> Estimate:
    values = np.array([one.numbers[name].value.value for one in reports if name in one.numbers])
    return mean_estimate(values[np.isfinite(values)])
