"""Gates: a policy over named numbers becomes a verdict of pass, fail or undecided."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.core.estimate import Estimate
from toolkit.core.result import SEVERITIES, Finding, Picture, Record, Result, Shown, result_html, table_html
from toolkit.core.results import read_results
from toolkit.errors import InputError, NotApplicableError, listed
from toolkit.policy.outcomes import Judged, Outcome, judge_policy, left_out, overall
from toolkit.policy.policy import Policy, read_policy

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


_CAPTION = (
    "Every rule on whole 95% intervals. A rule about several numbers fails on intervals widened to hold for all of "
    "them at once; rules are not corrected for each other."
)


def check(policy: str | Path | Mapping[str, object], *results: Result) -> Verdict:
    """Judge results by a policy.

    Parameters
    ----------
    policy : str, Path or mapping
        Name of a policy that comes with the toolkit (exploratory, standard, high-stakes), path of a YAML file, or its
        content: see ``toolkit.policy.policy.Policy``.
    *results : Result
        What the steps returned. Rules see the same names as ``results.json``.

    Returns
    -------
    Verdict

    Raises
    ------
    InputError
        Where the policy cannot be read, or asks for a number that is not there.
    NotApplicableError
        Where no policy is given.

    Examples
    --------
    >>> from toolkit import load_dataset
    >>> check({"numbers": {"data.rows": {"min": 100}}}, load_dataset("wine")).outcome
    'pass'
    """
    if not policy:
        raise NotApplicableError("No policy was given, so no rule says whether this is good enough.")
    scalars = {name: number for result in results for name, number in result.scalars().items()}
    findings = [finding for result in results for finding in result.findings()]
    data = next((record.data for result in results if (record := result.record()).data), None)
    return _verdict(read_policy(policy), scalars, findings, data.fingerprint if data else "")


def check_report(policy: str | Path | Mapping[str, object], report: str | Path) -> Verdict:
    """Judge a report that was written earlier, by its ``results.json``.

    Parameters
    ----------
    policy : str, Path or mapping
        As for ``check``.
    report : path
        The report's folder, or its ``report.html`` or ``results.json``.

    Raises
    ------
    InputError
        Where there is no such report, or its results cannot be read.
    """
    rules = read_policy(policy)
    results, path, _ = read_results(report)
    try:
        scalars = {str(name): Estimate.read(entry) for name, entry in results["scalars"].items()}
        findings = [Finding(**_finding(entry)) for entry in results["findings"]]
        fingerprint = str(results["data"]["fingerprint"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{str(path)!r} does not hold the results of a report: {error!r}.") from error
    return _verdict(rules, scalars, findings, fingerprint)


@dataclass(frozen=True, eq=False, repr=False)
class Verdict(Shown):
    """What a policy says about results.

    Attributes
    ----------
    policy : Policy
    outcome : {"pass", "fail", "undecided"}
    judged : tuple of Judged
        One line a number or rule, those that failed first, then those left open.
    left_out : dict of str to str
        Optional rules that are about no number there is, each with the name that was perhaps meant.
    """

    policy: Policy
    outcome: Outcome
    judged: tuple[Judged, ...]
    left_out: Mapping[str, str]

    def frame(self) -> pd.DataFrame:
        """Return one row a number or rule: ``name, rule, outcome, value, low, high, n, why``."""
        import pandas as pd

        rows = [
            [one.name, one.rule, one.outcome, one.number.value, one.number.low, one.number.high, one.number.n, one.why]
            for one in self.judged
        ]
        return pd.DataFrame(rows, columns=["name", "rule", "outcome", "value", "low", "high", "n", "why"])

    def scalars(self) -> dict[str, Estimate]:
        """Return how many lines passed, failed and stayed open."""
        outcomes = [one.outcome for one in self.judged]
        names = {"passed": "pass", "failed": "fail", "undecided": "undecided"}
        return {f"gates.{name}": Estimate(outcomes.count(word), n=len(outcomes)) for name, word in names.items()}  # type: ignore[arg-type]

    def findings(self) -> list[Finding]:
        """Return none: the verdict stands above the findings."""
        return []

    def pictures(self) -> dict[str, Picture]:
        """Return no figures."""
        return {}

    def plot(self, kind: str = "", ax: Axes | None = None) -> Axes:  # noqa: ARG002  # the protocol's
        """Refuse: a verdict is a table."""
        raise InputError(f"A verdict has no figure {kind!r}; frame() is its table.")

    def record(self) -> Record:
        """Return the verdict as ``results.json`` has it."""
        rules = [
            {"name": one.name, "rule": one.rule, "outcome": one.outcome, "number": one.number.plain(), "why": one.why}
            for one in self.judged
        ]
        verdict: dict[str, Any] = {"outcome": self.outcome, "policy": self.policy.title, "rules": rules}
        verdict["left_out"] = list(self.left_out)
        return Record(parameters={"policy": self.policy.title}, verdict=verdict)

    def _repr_html_(self) -> str:
        import pandas as pd

        numbers = [None if math.isnan(one.number.value) else one.number for one in self.judged]
        table = pd.DataFrame(
            {
                "what": [one.name for one in self.judged],
                "outcome": [one.outcome for one in self.judged],
                "number": numbers,
                "rule": [one.rule for one in self.judged],
                "why": [one.why for one in self.judged],
            }
        )
        lead = f"Policy {self.policy.title!r}: {self.sentence()}"
        return result_html(f"Verdict: {self.outcome}", lead, [table_html(table, _CAPTION)])

    def sentence(self) -> str:
        """Say how many lines hold and which do not."""
        short = {
            outcome: [one.name for one in self.judged if one.outcome == outcome] for outcome in ("fail", "undecided")
        }
        held = sum(one.outcome == "pass" for one in self.judged)
        parts = [f"{held} of {len(self.judged)} hold"]
        parts += [f"not satisfied: {listed(short['fail'], 3)}"] if short["fail"] else []
        parts += [f"undecided: {listed(short['undecided'], 3)}"] if short["undecided"] else []
        parts += [f"left out, since there is no such number: {listed(self.left_out)}"] if self.left_out else []
        return f"{'; '.join(parts)}."


def _verdict(policy: Policy, scalars: Mapping[str, Estimate], findings: Sequence[Finding], fingerprint: str) -> Verdict:
    judged = judge_policy(policy, scalars, findings, fingerprint)
    order = ("fail", "undecided", "pass")
    ordered = tuple(sorted(judged, key=lambda one: order.index(one.outcome)))
    return Verdict(policy, overall(policy, judged), ordered, left_out(policy, scalars))


def _finding(entry: Mapping[str, Any]) -> dict[str, Any]:
    if entry["severity"] not in SEVERITIES:
        raise ValueError(f"severity {entry['severity']!r}")
    return {key: entry[key] for key in ("code", "severity", "message", "where")}
