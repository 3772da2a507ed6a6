"""evidently's interactive page of the same comparison, kept as a file beside the report."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.core.estimate import Estimate
from toolkit.core.result import Finding, Picture, Record, Shown, result_html
from toolkit.drift.evidently import MOST_ROWS
from toolkit.errors import InputError, NotApplicableError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from toolkit.drift.detect import Drift

FILE = "evidently.html"


def evidently_page(drift: Drift, *, wanted: bool = True) -> EvidentlyPage:
    """Make evidently's interactive page of a comparison, to be published beside the report.

    Parameters
    ----------
    drift : Drift
    wanted : bool
        Whether there is to be one.

    Returns
    -------
    EvidentlyPage

    Raises
    ------
    NotApplicableError
        Where none is wanted, or the comparison was one of profiles, which have no rows.

    Examples
    --------
    >>> import pandas as pd
    >>> from toolkit.drift.detect import detect_drift
    >>> table = pd.DataFrame({"a": range(50)})
    >>> evidently_page(detect_drift(table, table), wanted=False)
    Traceback (most recent call last):
    toolkit.errors.NotApplicableError: evidently's page was not asked for.
    """
    if not wanted:
        raise NotApplicableError("evidently's page was not asked for.")
    if drift.tables is None:
        raise NotApplicableError("evidently compares rows, and a profile has none.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        drift.evidently().save_html(str(path))
        html = path.read_text(encoding="utf-8")
    return EvidentlyPage(html, max(drift.reference.rows, drift.current.rows))


@dataclass(frozen=True, eq=False, repr=False)
class EvidentlyPage(Shown):
    """evidently's page, as a file to be published.

    Attributes
    ----------
    html : str
    rows : int
        Of the larger table.
    """

    html: str
    rows: int

    def frame(self) -> pd.DataFrame:
        """Return the file's name and size as one row."""
        import pandas as pd

        return pd.DataFrame({"file": [FILE], "bytes": [len(self.html.encode())]})

    def scalars(self) -> dict[str, Estimate]:
        """Return no numbers: they are those of the comparison."""
        return {}

    def findings(self) -> list[Finding]:
        """Say where evidently saw a sample only."""
        if self.rows <= MOST_ROWS:
            return []
        note = f"evidently's page rests on a sample of {MOST_ROWS:,} rows of each longer table."
        return [Finding("DRIFT-EVIDENTLY-SAMPLED", "info", note)]

    def pictures(self) -> dict[str, Picture]:
        """Return no figures."""
        return {}

    def plot(self, kind: str = "", ax: Axes | None = None) -> Axes:  # noqa: ARG002  # the protocol's
        """Refuse: the figures are in the file."""
        raise InputError(f"evidently's page has no figure {kind!r} to draw here; open {FILE}.")

    def record(self) -> Record:
        """Return the file."""
        return Record(files={FILE: self.html})

    def _repr_html_(self) -> str:
        lead = f"{FILE} lies beside this report: the same comparison in evidently's interactive form."
        return result_html("evidently's page", lead, findings=self.findings())
