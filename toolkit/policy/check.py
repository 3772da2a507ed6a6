"""Gates: a policy over named numbers becomes a verdict of pass, fail or undecided."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.core.estimate import Estimate, spread
from toolkit.core.face import Face, FaceTable
from toolkit.core.result import Finding, Record, Result
from toolkit.core.results import PolicyVerdict, RuleOutcome, read_results
from toolkit.errors import NotApplicableError, listed
from toolkit.policy.outcomes import GateOutcome, gather, judge_policy, left_out, overall
from toolkit.policy.policy import Policy, read_policy
from toolkit.policy.reason import number_words, reason

if TYPE_CHECKING:
    import pandas as pd

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
    return _verdict(read_policy(policy), *gather(results))


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
    rules, results = read_policy(policy), read_results(report)
    return _verdict(rules, results.scalars, results.findings, results.data.fingerprint)


@dataclass(frozen=True, eq=False, repr=False)
class Verdict(Result):
    """What a policy says about results.

    Attributes
    ----------
    policy : Policy
    outcome : {"pass", "fail", "undecided"}
    judged : tuple of RuleOutcome
        One line a number or rule, those that failed first, then those left open.
    left_out : dict of str to str
        Optional rules that are about no number there is, each with the name that was perhaps meant.
    numbers : mapping of str to Estimate
        All that was looked at.
    """

    policy: Policy
    outcome: GateOutcome
    judged: tuple[RuleOutcome, ...]
    left_out: Mapping[str, str]
    numbers: Mapping[str, Estimate]

    def frame(self) -> pd.DataFrame:
        """Return one row a number or rule: ``name, rule, outcome, value, low, high, n, why``."""
        import pandas as pd

        rows = [(one.name, one.rule, one.outcome, one.number, one.why) for one in self.judged]
        return spread(pd.DataFrame(rows, columns=["name", "rule", "outcome", "value", "why"]))

    def scalars(self) -> dict[str, Estimate]:
        """Return how many lines passed, failed and stayed open."""
        outcomes = [one.outcome for one in self.judged]
        names = {"passed": "pass", "failed": "fail", "undecided": "undecided"}
        return {f"gates.{name}": Estimate(outcomes.count(word), n=len(outcomes)) for name, word in names.items()}  # type: ignore[arg-type]

    def record(self) -> Record:
        """Return the verdict for the report."""
        return Record(parameters={"policy": self.policy.title}, verdict=self.verdict())

    def verdict(self) -> PolicyVerdict:
        """Return the verdict as ``results.json`` has it."""
        return PolicyVerdict(self.outcome, self.policy.title, self.judged, tuple(self.left_out))

    def face(self) -> Face:
        """Return the outcome, its reason, and each line."""
        import pandas as pd

        absent = f" Left out, since there is no such number: {listed(map(number_words, self.left_out))}."
        absent = absent if self.left_out else ""
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
        return Face(f"Verdict: {self.outcome}", f"{self.sentence()}{absent}", [FaceTable(_CAPTION, table)])

    def sentence(self) -> str:
        """Say what is broken, what is open, and why."""
        return reason(self.verdict(), self.numbers)


def _verdict(policy: Policy, scalars: Mapping[str, Estimate], findings: Sequence[Finding], fingerprint: str) -> Verdict:
    judged = judge_policy(policy, scalars, findings, fingerprint)
    order = ("fail", "undecided", "pass")
    ordered = tuple(sorted(judged, key=lambda one: order.index(one.outcome)))
    return Verdict(policy, overall(policy, judged), ordered, left_out(policy, scalars), scalars)
