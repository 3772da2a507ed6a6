"""Compare a table with the one a model was made for: what broke, what moved, and what of that matters."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

import numpy as np
import pandas as pd

from toolkit.core import DataRecord, Drawing, Estimate, Face, Finding, ModelRecord, Record, Result, by_severity, spread
from toolkit.data import Dataset, as_dataset, cut_windows, gathered
from toolkit.drift.comparison import Source, compare_columns, make_plan, of_season, roles_in, with_model
from toolkit.drift.findings import drawings, face, finding, findings_of, head_numbers, headline, size_findings
from toolkit.drift.model import THRESHOLD, Domain
from toolkit.drift.profile import Profile
from toolkit.drift.verdicts import BLANK, Plan, corrected
from toolkit.errors import InputError, listed
from toolkit.models import Model

_KEPT_APART = ("code", "moved", "emptied", "grouped", "new_names", "p_new", "p_vanished", "p_outside")
_SHOWN = ("column", "verdict", "change", "distance", "by_chance", "p_adjusted")


def detect_drift(
    reference: Dataset | pd.DataFrame | Profile,
    current: Dataset | pd.DataFrame | Profile,
    *,
    model: Any = None,
    columns: Sequence[str] | None = None,
    methods: str | Mapping[str, str] | None = None,
    thresholds: float | Mapping[str, float] | None = None,
    window: str | int | None = None,
    time: str = "",
    group: str = "",
    weight: str = "",
    alpha: float = 0.05,
    seed: int = 0,
) -> "Drift":
    """Compare a current table with a reference, column by column and as a whole.

    Methods, defaults and numbers are evidently's: up to 1,000 rows of reference the Kolmogorov-Smirnov, chi-square and
    Z tests, above it the normed Wasserstein (not where a few extreme values make the norm) and the Jensen-Shannon
    distance; on request PSI, Hellinger, Kullback-Leibler and Anderson-Darling. A verdict needs more than evidently asks
    for: a distance which, with what chance adds to it taken out, reaches the column's threshold, and a p value that is
    at most ``alpha`` after the correction of Benjamini & Hochberg (1995, doi:10.1111/j.2517-6161.1995.tb02031.x) over
    everything compared.

    Parameters
    ----------
    reference, current : Dataset, DataFrame or Profile
        With a Profile (see ``summarize``) there are no rows: no domain classifier, and a model only if the profile was
        made with it.
    model : Model, or anything that ``Model.of`` takes, optional
        Its predictions are compared too, and each column's drift is weighed by its importance to the model.
    columns : list of str, optional
        Compare these only.
    methods : str or dict of str to str, optional
        ``wasserstein``, ``jensenshannon``, ``ks``, ``chisquare``, ``z``, ``psi``, ``hellinger``, ``kl_div`` or
        ``anderson``: for all columns that it can compare, or by column.
    thresholds : float or dict of str to float, optional
        Least distance that counts, by default 0.1. For a test the distance is the greatest gap between cumulative
        shares (``ks``, ``anderson``) or the total variation (``chisquare``, ``z``).
    window : {"day", "week", "month", "year"} or int, optional
        Compare consecutive windows of the current table as well, by its time or by a number of rows.
    time, group, weight : str
        Columns with the time of each row, its group and its weight, where a table is a DataFrame; by default those of
        a reference that knows them. Rows of a group, such as those of one person, or of a series count for no more than
        they tell beyond each other (Rao & Scott 1992, doi:10.2307/2532311). Of a reference of a year or more, whose
        times are dates, the rows of the same months are compared, with each window as with the whole table.
    alpha : float
        Rate of false alarms where nothing has changed.
    seed : int
        Of resampling and of samples.

    Returns
    -------
    Drift

    Raises
    ------
    InputError
        Where the tables share no column, one is empty, types are incompatible, the model does not fit, or a window is
        not one of time.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> before = pd.DataFrame({"a": rng.normal(0, size=500), "b": rng.normal(size=500)})
    >>> after = pd.DataFrame({"a": rng.normal(1, size=500), "b": rng.normal(size=500)})
    >>> detect_drift(before, after).frame()[["column", "verdict"]].to_numpy().tolist()
    [['a', 'drifted'], ['b', 'stable']]
    """
    subject = None if model is None else Model.of(model)
    asked = {"time": time, "group": group, "weight": weight}
    old = _source(reference, "reference", asked, subject, None)
    new = _source(current, "current", asked, subject, old)
    if window and isinstance(new, Profile):
        raise InputError("A profile has no rows to cut into windows. Give the current table itself.")
    notes = [note for part in (old, new) if isinstance(part, Dataset) for note in part.notes if _matters(note, part)]
    as_read = new if isinstance(new, Dataset) else None
    importance: dict[str, float] = {}
    if subject is not None:
        known_model = Model.of(model, old if isinstance(old, Dataset) else None)
        old, new, importance, said = with_model(known_model, old, new, seed)
        notes += [*known_model.notes, *said]
    year, (old, said) = old, of_season(old, new)
    notes += said
    known = roles_in(old)
    dates = frozenset(name for name, column in old.schema.columns.items() if column.kind == "date")
    plan = make_plan(methods, thresholds, alpha, list(known), seed)._replace(importance=importance, dates=dates)
    windows = [] if isinstance(new, Profile) else cut_windows(new.time, new.rows, window)
    rows, windowed, profiles, domain = compare_columns(old, new, columns, plan, windows, year)
    table, others = corrected(rows, plan, [] if domain is None else [domain.p_value])
    by_window = corrected(windowed, plan)[0] if windowed else pd.DataFrame(columns=["window", *BLANK])
    if more := [repr(name) for name, role in roles_in(new).items() if role == "feature" and name not in known]:
        notes.append(finding("DRIFT-NEW-COLUMNS", "info", columns=listed(more, 5)))
    told_apart = None if domain is None else domain._replace(p_adjusted=others[0])
    both = (old, new) if isinstance(old, Dataset) and isinstance(new, Dataset) else None
    record = None if subject is None else subject.record()
    return Drift(*profiles, table, by_window, told_apart, plan, tuple(notes), both, record, as_read)


#: What reading the tables found that matters here; labels never seen, other kinds and units are judged by themselves.
READING = ("DATA-TIME-MISSING", "DATA-FORMAT-CHANGED", "DATA-ODD-CELLS", "DATA-INFINITE")


def _matters(note: Finding, part: Dataset) -> bool:
    """Whether it matters here; labels that a target is not known to have are gone before they could be judged."""
    return note.code in READING or (note.code, note.where) == ("DATA-UNSEEN-LABELS", part.roles.target)


class Drift(Result, frozen=True):
    """What changed between two tables.

    Attributes
    ----------
    reference, current : Profile
        What is kept of the two tables; ``reference.save(path)`` writes one for later.
    table : DataFrame
        A row a column, what is broken first. ``score`` is evidently's number, ``beyond_chance`` the distance with what
        chance adds taken out, ``p_adjusted`` is over all columns, ``impact`` is importance to the model times the
        distance in units of its threshold; ``verdict`` is ``broken``, ``drifted``, ``stable`` or ``left out``.
    windows : DataFrame
        The same for each window, with ``window`` before; empty without windows.
    domain : Domain or None
        How well a small model tells the rows apart; None for profiles and very small tables.
    plan : Plan
        Methods, thresholds and the rate of false alarms.
    notes : tuple of Finding
    tables : pair of Dataset or None
        The tables themselves, for ``evidently``; None where one was a profile.
    model : ModelRecord or None
        The name under which the model was logged, if it was.
    data : Dataset or None
        The current table as it was read; None for a profile.
    """

    reference: Profile
    current: Profile
    table: pd.DataFrame
    windows: pd.DataFrame
    domain: Domain | None
    plan: Plan
    notes: tuple[Finding, ...] = ()
    tables: tuple[Dataset, Dataset] | None = field(default=None, repr=False)
    model: ModelRecord | None = None
    data: Dataset | None = field(default=None, repr=False)

    @property
    def broken(self) -> list[str]:
        """Columns that are broken rather than drifted."""
        return self.table.loc[self.table["verdict"] == "broken", "column"].tolist()

    @property
    def drifted(self) -> bool:
        """Whether anything is broken or has drifted: a column, the target, the predictions, or the rows as a whole."""
        return bool(self.table["verdict"].isin(["broken", "drifted"]).any()) or self.domain_drifted

    @property
    def domain_drifted(self) -> bool:
        """Whether a small model tells the rows of the tables apart: ROC AUC of at least 0.55, and significant."""
        return bool((one := self.domain) and one.p_adjusted <= self.plan.alpha and one.roc_auc.value >= THRESHOLD)

    def frame(self) -> pd.DataFrame:
        """Return one row a column and window (``all`` stands for the whole table), ends of intervals in columns."""
        whole = self.table.assign(window="all")
        rows = pd.concat([whole, self.windows], ignore_index=True) if len(self.windows) else whole
        return spread(rows[["window", *rows.columns.drop(["window", *_KEPT_APART])]])

    def scalars(self) -> dict[str, Estimate]:
        """Return the share of drifted columns, the domain classifier, and each column's distance."""
        n = self.reference.rows + self.current.rows
        features = self.table[(self.table["role"] == "feature") & (self.table["verdict"] != "left out")]
        drifted, broken = features["verdict"].isin(["broken", "drifted"]), features["verdict"] == "broken"
        sizes = {"columns": len(features), "columns_drifted": int(drifted.sum()), "columns_broken": int(broken.sum())}
        numbers = {f"drift.{name}": Estimate(size, n=n) for name, size in sizes.items()}
        numbers["drift.columns_share"] = _share_moved(features, pd.Series(1.0, index=features.index), n)
        if features["importance"].notna().any():
            numbers["drift.importance_share"] = _share_moved(features, features["importance"].fillna(0), n)
        if self.domain is not None:
            numbers["drift.domain.roc_auc"] = self.domain.roc_auc
        if len(self.windows):
            numbers["drift.windows"] = Estimate(self.windows["window"].nunique(), n=n)
            numbers["drift.windows_drifted"] = Estimate(len(self.drifted_windows()), n=n)
        for _, row in self.table[self.table["method"] != ""].iterrows():
            named = f"column.{row['column']}" if row["role"] == "feature" else row["role"]
            numbers[f"drift.{named}.distance"] = row["distance"]
        for _, row in features[features["missing_difference"].map(lambda one: one.value != 0 and one.n > 0)].iterrows():
            numbers[f"drift.column.{row['column']}.missing_difference"] = row["missing_difference"]
        return numbers

    def drifted_windows(self) -> list[str]:
        """Name the windows in which something is broken or has drifted."""
        return list(dict.fromkeys(self.windows.loc[self.windows["verdict"].isin(["broken", "drifted"]), "window"]))

    def findings(self) -> list[Finding]:
        """Return what is broken, what drifted and what is new, the most severe first."""
        found = [*findings_of(self.table, self.domain if self.domain_drifted else None, self.plan.rare), *self.notes]
        found += size_findings(self.reference, self.current)
        if len(self.windows):
            named, many = self.drifted_windows(), self.windows["window"].nunique()
            text, severity = ("DRIFT-WINDOWS", "medium") if named else ("DRIFT-WINDOWS none", "info")
            found.append(finding(text, severity, drifted=len(named), windows=many, named=listed(named, 6)))
        if self.domain is None:
            found.append(finding("DRIFT-PROFILES" if self.tables is None else "DRIFT-NO-CLASSIFIER", "info"))
        return by_severity(gathered(found))

    def evidently(self) -> Any:
        """Return evidently's result for the same methods and thresholds, of what ``tk.evidently_page`` draws.

        Raises
        ------
        InputError
            Where there is nothing it can compare: profiles have no rows.
        """
        from toolkit.drift.evidently import comparison_of

        return comparison_of(self).run()

    def drawings(self) -> list[Drawing]:
        """Return ``columns`` (distances), ``worst`` (one column before and after) and ``trend`` (over the windows)."""
        return drawings(self)

    def record(self) -> Record:
        """Return how the comparison was made, and the current table."""
        parameters = {"reference": self.reference.name, "current": self.current.name, "alpha": self.plan.alpha}
        new = self.data
        mark, frame, source = (new.fingerprint, new.features, new.source) if new else ("", None, "")
        columns = [one for one, role in self.current.roles.items() if role != "prediction"]
        size = self.current.rows, len(columns), self.reference.schema.named("target")
        data = DataRecord(self.current.name, source, mark, *size, frame, schema=self.current.schema.plain())
        said = headline(self.table, self.domain if self.domain_drifted else None)
        numbers = tuple(head_numbers(self.scalars(), self.current.rows))
        return Record(parameters, model=self.model, data=data, headline=said, numbers=numbers)

    def face(self) -> Face:
        """Return how many columns drifted, and what changed in each."""
        emptier = self.table["missing_difference"].map(lambda cell: cell if abs(cell.value) > 0 else None)
        shown = self.table.assign(missing_difference=emptier)[[*_SHOWN, "missing_difference", "importance"]]
        shown = shown.dropna(axis="columns", how="all")
        share = self.scalars()["drift.columns_share"]
        ends = f" [{share.low:.0%}, {share.high:.0%}]" if share.has_interval else ""
        return face("drift", self, shown, share=f"{share.value:.0%}{ends}")


def _source(table: object, which: str, asked: dict[str, str], model: Model | None, reference: Source | None) -> Source:
    """Read a DataFrame, at this one door: as the reference or the model has its columns, with the roles asked for."""
    if isinstance(table, Profile):
        return table
    columns = list(table) if isinstance(table, pd.DataFrame) else []
    target = reference.schema.named("target") if isinstance(reference, Profile) else ""
    roles = {role: name for role, name in {"target": target, **asked}.items() if name in columns}
    return as_dataset(table, which, like=reference if isinstance(reference, Dataset) else model or reference, **roles)


def _share_moved(features: pd.DataFrame, weight: pd.Series, n: int) -> Estimate:
    """Return the share of the weight on drifted columns, between those that surely and those that possibly are."""
    if not len(features) or not (total := float(weight.sum())):
        return Estimate(np.nan, n=n)
    found = features["verdict"].isin(["broken", "drifted"])
    sure = (features["verdict"] == "broken") | features["emptied"]
    low = np.array([cell.low for cell in features["distance"]]) >= features["threshold"]
    # A distance without an interval, as of a single row, leaves open what it is.
    ends = zip(features["distance"], features["threshold"], strict=True)
    high = np.array([not (cell.high < limit or np.isnan(cell.value)) for cell, limit in ends])
    value, least, most = (float(weight[part].sum()) / total for part in (found, found & (sure | low), found | high))
    if least == most:
        return Estimate(value, n=n, method="exact: no column is near its threshold")
    return Estimate(value, least, most, n, "columns whose interval lies above, or reaches, their threshold")
