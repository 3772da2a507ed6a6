"""Judge fairness over time: the disparities of each window beside those of the reference, corrected for all of them."""

from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from toolkit.core import Estimate, Face, Finding, Result, counted, spoken, titled
from toolkit.core.figures import GREY, PALETTE, Axes, Drawing, draw_intervals, legend_above, name_windows
from toolkit.data import Dataset, cut_windows, data_like
from toolkit.errors import NotApplicableError
from toolkit.fairness.audit import FairnessAudit, audit_fairness
from toolkit.fairness.groups import settled_bins
from toolkit.fairness.measures import FOREMOST, PARITIES, adjusted
from toolkit.models import ThresholdLike
from toolkit.monitoring.findings import WHOLE, drawing, face, finding
from toolkit.statistics import ALPHA, Z, change, holm

REFERENCE = "reference"
SHOWN = ["window", "feature", "disparity", "value", "expected", "p_adjusted", "worst", "best", "growth", "p_growth"]
JUDGED = [f"{name}_difference" for name in (*FOREMOST, "accuracy")]
MOST_WINDOWS, MOST_LINES = 200, 4


def audit_windows(
    model: Any,
    reference: Dataset,
    current: Dataset | pd.DataFrame,
    *,
    window: str | int | None = None,
    threshold: ThresholdLike = None,
    replicates: int = 10_000,
    seed: int = 0,
) -> "FairnessOverTime":
    """Audit each window of the current rows that have a label as ``audit_fairness`` does the reference.

    The disparities are those of single sensitive columns, by their foremost metrics. Their p values are adjusted over
    all windows (Benjamini & Hochberg 1995, doi:10.1111/j.2517-6161.1995.tb02031.x). The growth of a disparity since
    the reference has its interval by the method of variance estimates recovery (Zou & Donner 2008,
    doi:10.1002/sim.3095). Its p value is that of the pair of groups whose gap has grown most clearly, by that pair's
    intervals, one-sided, and adjusted over all pairs and windows (Holm 1979).

    Parameters
    ----------
    model : Model, or anything that ``Model.of`` takes
    reference : Dataset
        Not the rows the model was fitted on. Its sensitive columns are judged, as far as the current rows have them,
        and its numbers settle the edges between groups.
    current : Dataset or DataFrame
        Labels may be missing in some rows.
    window : {"day", "week", "month", "year"} or int, optional
        By default all rows are one window.
    threshold : float, str, mapping, Rule or Threshold, optional
        As for ``audit_fairness``; a rule chooses on the reference.
    replicates, seed : int
        As for ``audit_fairness``.

    Returns
    -------
    FairnessOverTime

    Raises
    ------
    NotApplicableError
        Where there is no model, no sensitive column or no label, or there are more than 200 windows.
    InputError
        Where the tables do not fit the model or each other.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from toolkit import load_dataset
    >>> data = load_dataset("diabetes")
    >>> model = LinearRegression().fit(data.features, data.target)
    >>> over_time = audit_windows(model, data, data, window=221)
    >>> list(over_time.table["window"].unique())
    ['reference', 'all', 'rows 1 to 221', 'rows 222 to 442']
    """
    if model is None or not isinstance(reference, Dataset):
        raise NotApplicableError("Fairness over time needs a model and a reference whose outcome is known.")
    data = data_like(current, reference)
    if not (names := [name for name in reference.sensitive if name in data.sensitive]):
        raise NotApplicableError("No sensitive column is known of both tables.")
    labelled = data.target.notna().to_numpy()
    cuts = {WHOLE: np.arange(data.rows), **dict(cut_windows(data.time, data.rows, window))}
    if not (parts := {label: places[labelled[places]] for label, places in cuts.items() if labelled[places].any()}):
        raise NotApplicableError("No current row has a label yet, so there is nothing to audit.")
    if (count := len(parts) - 1) > MOST_WINDOWS:
        raise NotApplicableError(f"window={window!r} makes {count:,} windows; at most {MOST_WINDOWS} are audited.")
    bins = settled_bins(reference.sensitive[names], data.sensitive[names], dates=reference.dates)
    options: dict[str, Any] = {"sensitive": names, "depth": 1, "bins": bins, "replicates": replicates, "seed": seed}
    before = audit_fairness(model, reference, threshold=threshold, **options)
    options["threshold"] = before.threshold
    found = [_foremost(audit_fairness(model, data.take(at), **options), label, before) for label, at in parts.items()]
    # The p values of the windows are adjusted together, those of all rows and of the reference by themselves.
    tables = [adjusted(pd.concat(each)) for each in ([_foremost(before, REFERENCE)], found[:1], found[1:]) if each]
    tables = [each.assign(p_growth=holm(each["p_growth"].to_numpy())) for each in tables]
    return FairnessOverTime(data.name, pd.concat(tables, ignore_index=True), int(labelled.sum()), count)


class FairnessOverTime(Result, frozen=True):
    """Disparities of the reference, of all current rows (``all``), and of each window.

    Attributes
    ----------
    name : str
        Of the current table.
    table : DataFrame
        A row a window and disparity: those of ``FairnessAudit.disparities`` with ``window`` before, ``growth`` since
        the reference (an Estimate; not defined where not as many groups could be judged as on the reference), its
        ``p_growth`` and in words the gap that has ``grown`` most clearly behind. ``all`` is not adjusted together with
        its own windows.
    rows, windows : int
        Current rows with a label; windows beside ``all``.
    """

    name: str
    table: pd.DataFrame
    rows: int
    windows: int

    def scalars(self) -> dict[str, Estimate]:
        """Return ``drift.fairness_growth.<feature>.<disparity>`` of all rows, and in how many windows one has grown."""
        growth = self.table.loc[self.table["window"] == WHOLE, ["feature", "disparity", "growth"]].to_numpy()
        numbers = {f"drift.fairness_growth.{feature}.{disparity}": value for feature, disparity, value in growth}
        if self.windows:
            numbers["drift.fairness_windows_grown"] = Estimate(self._judged()[1]["window"].nunique(), n=self.rows)
        return numbers

    def findings(self) -> list[Finding]:
        """Say which disparities have grown since the reference, and in how many windows one is more than chance."""
        judged, grown = self._judged()
        windows = judged["window"].nunique()
        where = f"in {grown['window'].nunique()} of {windows} windows" if self.windows else "over all rows"
        if len(grown):
            row = grown.sort_values("p_growth").iloc[0]
            said = {"disparity": spoken(row["disparity"]), "window": f" in {row['window']}" if self.windows else ""}
            return [finding("FAIRNESS-GROWN", "medium", row["feature"], where=where, row=row, **said)]
        beyond = judged[judged["p_adjusted"] <= ALPHA]["window"].nunique()
        known = judged.dropna(subset="p_growth")["window"].nunique()
        severity = "info" if known == windows else "low"
        return [finding("FAIRNESS-NOT-GROWN", severity, beyond=beyond, known=known, windows=counted(windows, "window"))]

    def drawings(self) -> list[Drawing]:
        """Return the figure of the first disparity: on the reference, and in each window."""
        lines = self.table[[not np.isnan(cell.value) for cell in self.table["value"]]]
        if not len(lines := lines[(lines["window"] != WHOLE) | (self.windows == 0)]):
            return []
        lines = lines[lines["disparity"] == lines["disparity"].iloc[0]]
        name = titled(lines["disparity"].iloc[0])
        said = [f"{row['feature']} in {row['window']}: {row['value']}" for _, row in lines.head(12).iterrows()]
        data = lines[["window", "feature", "disparity", "value"]]
        return [drawing("disparity", lambda ax: _draw_lines(ax, data), data, name=name, said=said)]

    def _judged(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the rows that are judged, and those of them in which a disparity has grown."""
        rows = self.table[~self.table["window"].isin((REFERENCE, WHOLE) if self.windows else (REFERENCE,))]
        return rows, rows[rows["p_growth"] <= ALPHA]

    def face(self) -> Face:
        """Return the disparities of each window, and their growth."""
        where = f" in {self.windows} windows, each" if self.windows else ","
        return face("fairness", self, self.table[SHOWN], where=where)


def _draw_lines(ax: Axes, lines: pd.DataFrame) -> None:
    labels = list(dict.fromkeys(lines["window"]))
    features = list(dict.fromkeys(lines["feature"]))[:MOST_LINES]
    for place, (feature, colour, marker) in enumerate(zip(features, PALETTE, "osD^", strict=False)):
        rows = lines[lines["feature"] == feature]
        at = rows["window"].map(labels.index) + 0.12 * (place - (len(features) - 1) / 2)
        draw_intervals(ax, at, rows["value"], upright=True, markersize=5, color=colour, marker=marker, label=feature)
    ax.axhline(0, color=GREY, linewidth=1, linestyle=":")
    name_windows(ax, labels)
    ax.set(ylabel=titled(lines["disparity"].iloc[0]))
    legend_above(ax)


def _foremost(audit: FairnessAudit, window: str, before: FairnessAudit | None = None) -> pd.DataFrame:
    found = audit.disparities
    kept = found[found["disparity"].isin(JUDGED) & (found["class"] == "")].drop(columns=["class", "p_adjusted"])
    kept.insert(0, "window", window)
    key = ["feature", "disparity", "groups"]
    level = before.disparities.set_index(key)["value"].to_dict() if before else {}
    gaps = _gaps(audit.groups, before.groups) if before else {}
    rows = []
    for feature, disparity, groups, now in kept[[*key, "value"]].itertuples(index=False, name=None):
        then = level.get((feature, disparity, groups), Estimate(np.nan))
        growth = change(now, then) if now.has_interval and then.has_interval else Estimate(np.nan, n=now.n)
        names = [(feature, name) for name in PARITIES[disparity.removesuffix("_difference")].metrics]
        known = [gap for name in names for gap in gaps.get(name, ())]
        z, said = max(known, default=(np.nan, ""))
        # Of the two directions of a pair one can have grown.
        rows.append((growth, min(len(known) / 2 * float(stats.norm.sf(z)), 1.0), said))
    return kept.assign(**dict(zip(("growth", "p_growth", "grown"), zip(*rows, strict=True), strict=True)))


def _gaps(now: pd.DataFrame, before: pd.DataFrame) -> dict[tuple[str, str], list[tuple[float, str]]]:
    """Return of each feature and metric, for each two groups, how clearly their gap has grown, and that gap in words.

    In standard errors of its four numbers alone (MOVER), so that a small group does not hide what two large ones show.
    """
    of = ["feature", "metric", "group"]
    found: dict[Any, list[tuple[float, str]]] = {}
    judged = [table[table["judged"] & (table["class"] == "")].set_index(of)["value"] for table in (now, before)]
    for (feature, metric), rows in pd.concat(judged, axis=1, join="inner").groupby(level=of[:2], sort=False):
        gaps = found[feature, metric] = []
        groups = rows.droplevel(["feature", "metric"]).itertuples(name=None)
        for (high, above, was_above), (low, below, was_below) in permutations(groups, 2):
            was = max(change(was_above, was_below), change(was_below, was_above), key=lambda one: one.value)
            growth = change(change(above, below), was)
            z = Z * growth.value / (growth.value - growth.low) if growth.has_interval else -np.inf
            said = f"{above} for {high} and {below} for {low}, on the reference {was_above} and {was_below}"
            gaps.append((z, f"{spoken(str(metric))} {said}"))
    return found
