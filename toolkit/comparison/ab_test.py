"""A test of two or more arms in use: the lift, by an interval that holds however often it is looked at."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from toolkit.comparison.compare import draw_differences
from toolkit.comparison.contrasts import ALPHA, LEAST, Contrast, Mean, adjusted
from toolkit.core import Drawing, Estimate, Face, FaceTable, KeyNumber, finder, format_p, shorten
from toolkit.core.result import Finding, Record, Result, by_severity
from toolkit.data import Dataset, RawTable, as_dataset, labels_alike, plain_column, read_table
from toolkit.errors import InputError, column_of, listed, one_of, shown, whole
from toolkit.statistics import AnyArray, Codes, Mask

finding = finder(__file__)
MISMATCH = 0.001
DIRECTIONS = {"higher": 1, "lower": -1}
_COLUMNS = ("measure", "arm", "units", "mean", "control", "difference", "lift", "p_value", "p_adjusted", "outcome")


def ab_test(
    data: Any,
    *,
    outcome: str,
    arm: str,
    control: str = "",
    better: str = "higher",
    unit: str = "",
    covariate: str = "",
    guardrails: Mapping[str, str] | None = None,
    shares: Mapping[str, float] | None = None,
    planned: int = 10_000,
) -> "ABTest":
    """Compare the arms of a test in use with its control.

    The intervals are asymptotic confidence sequences (Waudby-Smith et al. 2024, doi:10.1214/24-AOS2408): they hold at
    all looks together, so that the test may be looked at every day and stopped at any time. Intervals and p values of
    several arms share the level (Bonferroni). With a covariate from before the start the outcome is adjusted by it
    (CUPED: Deng et al. 2013, doi:10.1145/2433396.2433413).

    Parameters
    ----------
    data : DataFrame, str or path
        A row an observation, as for ``load_dataset``.
    outcome, arm : str
        The column that decides, of 0 and 1 or of numbers, and the one that names the arms.
    control : str, optional
        The arm that the others are compared with; by default the first in the alphabet.
    better : {"higher", "lower"}
    unit : str, optional
        Whom the arms were assigned to, such as a user: rows of one belong together.
    covariate : str, optional
        Known before the start, such as the same outcome in an earlier month.
    guardrails : mapping of column to {"higher", "lower"}, optional
        What must not get worse, and which of it is better.
    shares : mapping of arm to number, optional
        In which proportion the arms were assigned; by default evenly.
    planned : int
        At how many units of two arms the interval is to be narrowest: to be fixed before the start.

    Returns
    -------
    ABTest

    Raises
    ------
    InputError
        Where a column is missing or holds no numbers, or there are not two arms.

    Examples
    --------
    >>> rows = pd.DataFrame({"arm": ["new", "old"] * 2000, "bought": [1, 0, 0, 0, 1, 1, 0, 0] * 500})
    >>> found = ab_test(rows, outcome="bought", arm="arm", control="old")
    >>> print(found.table["difference"][0])
    0.250 [0.204, 0.296]
    """
    whole("planned", planned, 2)
    raw = read_table(data)
    frame = raw.frame.dropna(subset=[column_of(arm, raw.frame, raw.name, "arm")])
    lost = len(raw.frame) - len(frame)
    notes = [finding("AB-NO-ARM", "medium", arm, lost=lost, rows=len(raw.frame))] if lost else []
    notes += labels_alike(frame[arm], "high")
    table = as_dataset(raw._replace(frame=frame, notes=(*raw.notes, *notes)), "A/B test", group=unit)
    arms = frame[arm].convert_dtypes().astype(str).to_numpy()
    names = sorted(set(arms))
    control = one_of("arm", names[0] if control == "" else str(control), names)
    if outcome in (guardrails or {}):
        raise InputError(f"{outcome!r} is the outcome, and cannot be its own guardrail. Leave it out of guardrails.")
    named = {outcome: better, **(guardrails or {})}
    if covariate in named:
        raise InputError(f"{covariate!r} is measured, and cannot be its own covariate: name what was known before.")
    units = np.arange(table.rows) if table.units is None else table.units.codes
    in_arms = pd.Series(arms).groupby(units).nunique()
    mixed = np.isin(units, in_arms.index[in_arms > 1])
    counts = pd.Series(units[~mixed]).groupby(arms[~mixed]).nunique().reindex(names, fill_value=0)
    if len(names) < 2:
        raise InputError(f"A test has two arms or more; column {arm!r} of {table.name} names {listed(names)}.")
    before = _numbers(raw, frame, covariate) if covariate else np.zeros(table.rows)
    before = np.where(np.isfinite(before), before, before[np.isfinite(before)].mean())  # of newcomers nothing is known
    rows, notes = [], list(table.notes)
    for measure, way in named.items():
        values, sign = _numbers(raw, frame, measure), DIRECTIONS[one_of(f"direction of {measure!r}", way, DIRECTIONS)]
        notes += _missing(measure, np.isnan(values[~mixed]), units[~mixed], arms[~mixed])
        here = ~mixed & np.isfinite(values)
        clean = adjusted(values[here], before[here], arms[here])
        means = {one: Mean.of(clean[arms[here] == one], units[here][arms[here] == one]) for one in names}
        rows += _compared(measure, means, control, sign, planned)
    due = pd.to_numeric(pd.Series(shares or dict.fromkeys(names, 1.0)).rename(str), errors="coerce")
    if set(due.index) != set(names) or not (due > 0).all():
        raise InputError(f"Give the share of every arm, more than 0: {listed(names)}; found {shown(shares)}.")
    ratio = stats.chisquare(counts, (due / due.sum() * counts.sum())[names])
    found, size = pd.DataFrame(rows, columns=list(_COLUMNS)), dict(zip(names, map(int, counts), strict=True))
    data = replace(table, notes=tuple(notes))
    return ABTest(data, outcome, control, size, int((in_arms > 1).sum()), float(ratio.pvalue), found, named)


def _missing(measure: str, empty: Mask, units: Codes, arms: AnyArray) -> list[Finding]:
    """Say how many units of each arm lack a value, and whether the arms differ in that beyond chance."""
    table = pd.DataFrame({"arm": arms, "unit": units, "empty": empty}).groupby(["arm", "unit"])["empty"].any()
    counts = table.groupby("arm").agg(["sum", "size"])
    if not (lost := int(counts["sum"].sum())):
        return []
    p = stats.chi2_contingency([counts["sum"], counts["size"] - counts["sum"]]).pvalue if lost < len(table) else 1.0
    said = {"lost": lost, "units": len(table), "p": format_p(p)}
    said["counts"] = listed(f"{name} {row['sum']:,} of {row['size']:,}" for name, row in counts.iterrows())
    text, severity = ("AB-MISSING apart", "high") if p < MISMATCH else ("AB-MISSING", "medium")
    return [finding(text, severity, measure, **said)]


def _numbers(raw: RawTable, frame: pd.DataFrame, name: str) -> Any:
    """Read numbers, or true and false, in whatever way they are written."""
    column = frame[column_of(name, frame, "the table", "measured")]
    plain, notes = plain_column(column, raw.decisions.get(name))
    if plain is None or plain.dtype not in ("int64", "float64") or "DATA-DATES" in {note.code for note in notes}:
        cells = column.dropna()
        found = [*cells[pd.to_numeric(cells.astype(str), errors="coerce").isna()], *cells, None][0]
        raise InputError(f"{name!r} must hold numbers, or 0 and 1; found {found!r}.")
    return plain.to_numpy(dtype=float)


def _compared(measure: str, means: Mapping[str, Mean], control: str, sign: int, planned: int) -> list[tuple[Any, ...]]:
    """Compare each arm with the control, one of several: p values and intervals share the level alike (Bonferroni)."""
    first, others = means[control], {name: one for name, one in means.items() if name != control}
    found = [Contrast.of(one, first, len(others), planned) for one in others.values()]
    rows = []
    for (name, one), contrast in zip(others.items(), found, strict=True):
        p = np.minimum(contrast.p_value * len(others), 1)
        ahead = sign * contrast.difference.value
        unknown = "too few units" if min(one.units, first.units) < LEAST else "no variation"
        outcome = unknown if math.isnan(p) else "undecided" if p > ALPHA else "better" if ahead > 0 else "worse"
        numbers = (one.units, one.value, first.value, contrast.difference, contrast.lift, contrast.p_value)
        rows.append((measure, name, *numbers, float(p), outcome))
    return rows


class ABTest(Result, frozen=True):
    """How the arms of a test in use compare with its control.

    Attributes
    ----------
    data : Dataset
    outcome, control : str
        The measure that decides, and the arm that the others are compared with.
    units : dict of str to int
        Of each arm.
    mixed : int
        Units that were seen in more than one arm, which are left out.
    ratio : float
        P value of the units of the arms, against their planned shares (chi-squared).
    table : DataFrame
        A row a measure and arm: ``measure, arm, units, mean, control, difference, lift, p_value, p_adjusted, outcome``;
        the means are those adjusted by the covariate.
    better : dict of str to {"higher", "lower"}
        Which of each measure is better.
    """

    data: Dataset
    outcome: str
    control: str
    units: dict[str, int]
    mixed: int
    ratio: float
    table: pd.DataFrame
    better: Mapping[str, Any]

    def scalars(self) -> dict[str, Estimate]:
        """Return ``ab.<arm>.difference``, ``.lift`` and ``.p_value``, the units, their ratio, and harmed guardrails."""
        total, guards = sum(self.units.values()), self.table[self.table["measure"] != self.outcome]
        found = {"ab.units": Estimate(total, n=total), "ab.sample_ratio.p_value": Estimate(self.ratio, n=total)}
        for _, row in self.table[self.table["measure"] == self.outcome].iterrows():
            found |= {f"ab.{row['arm']}.{name}": row[name] for name in ("difference", "lift")}
            found[f"ab.{row['arm']}.p_value"] = Estimate(row["p_adjusted"], n=row["difference"].n)
        return found | {"ab.guardrails_harmed": Estimate(int((guards["outcome"] == "worse").sum()), n=len(guards))}

    def findings(self) -> list[Finding]:
        """Say which arm is worse, which guardrail is harmed, and what makes the test one not to be trusted."""
        said = {"counts": listed(f"{name} {count:,}" for name, count in self.units.items()), "p": format_p(self.ratio)}
        found = [one for one in self.data.notes if one.severity not in ("info", "low")]
        found += [finding("AB-SAMPLE-RATIO", "high", "arms", **said)] if self.ratio < MISMATCH else []
        found += [finding("AB-UNIT-IN-ARMS", "medium", "arms", mixed=self.mixed)] if self.mixed else []
        for _, row in self.table[self.table["outcome"] == "worse"].iterrows():
            code, p = "AB-WORSE" if row["measure"] == self.outcome else "AB-GUARDRAIL", format_p(row["p_adjusted"])
            found.append(finding(code, "high", f"{row['arm']}.{row['measure']}", row=row, p=p))
        return by_severity(found)

    def drawings(self) -> list[Drawing]:
        """Return the relative lift of every measure and arm."""
        known = self.table[[lift.has_interval for lift in self.table["lift"]]]
        rows = pd.DataFrame({"measure": known["arm"] + ": " + known["measure"], "lift": known["lift"]})
        label = f"Change relative to {shorten(self.control, 30)}"
        return [draw_differences("lift", rows, label, control=self.control)] if len(rows) else []

    def _sentence(self) -> str:
        arm = "{arm} is {outcome}, with a difference of {difference} (relative: {lift})"
        said = [arm.format(**row) for _, row in self.table[self.table["measure"] == self.outcome].iterrows()]
        return f"{self.outcome} compared with {self.control}: {'; '.join(said)}."

    def record(self) -> Record:
        """Return the table, what decided, and the sentence that a report says first."""
        numbers = []
        for _, row in self.table.iterrows():
            name, both = f"{row['arm']}: {row['measure']}", [Estimate(row[one]) for one in ("mean", "control")]
            way = self.better[row["measure"]]
            numbers.append(KeyNumber(name, name, both[0], "arm", "control", both[1], row["difference"], way))
        settings = {"outcome": self.outcome, "control": self.control}
        return Record(settings, data=self.data.record().data, headline=self._sentence(), numbers=numbers)

    def face(self) -> Face:
        """Return the outcome of each arm, and the guardrails."""
        table = FaceTable("Arms against the control, by intervals that hold at every look", self.table)
        return Face("A/B test", self._sentence(), [table], self.findings())
