"""Gates and levels: a policy over named numbers becomes a verdict, or what to do about drift."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from toolkit.core import Estimate, Face, Level, PolicyVerdict, Record, Result, RuleOutcome, facer, read_results, spread
from toolkit.errors import NotApplicableError, listed
from toolkit.policy.outcomes import GateOutcome, Numbers, false_failures, gather, judge_policy, left_out, overall
from toolkit.policy.policy import Levels, Policy, PolicyLike, read_levels, read_policy
from toolkit.policy.reason import number_words, reason

face = facer(__file__)


def check(policy: PolicyLike, *results: Result) -> "Verdict":
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
    return _judge(read_policy(policy), gather(results))


def check_report(policy: PolicyLike, report: str | Path) -> "Verdict":
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
    return _judge(rules, (results.scalars, results.findings, results.data.fingerprint))


def _judge(policy: Policy, numbers: Numbers) -> "Verdict":
    judged = sorted(judge_policy(policy, numbers), key=lambda one: ("fail", "undecided", "pass").index(one.outcome))
    return Verdict(numbers[0], policy, overall(policy, judged), tuple(judged), left_out(policy, numbers[0]))


def decide(policy: PolicyLike, *results: Result) -> "Decision":
    """Decide what to do: ``ok``, or the highest level at which a limit of the policy is shown to be broken.

    A limit is shown to be broken where none of a number's interval satisfies it, as for gates. What the data cannot
    tell does not raise the level, unless that says ``undecided: fail``; it is counted.

    Parameters
    ----------
    policy : str, Path or mapping
        ``drift``, which comes with the toolkit, path of a YAML file, or its content. It maps levels, the least first
        (``watch``, ``investigate``, ``retrain``), to rules as a gate's policy has them.
    *results : Result
        What the steps returned.

    Returns
    -------
    Decision

    Raises
    ------
    InputError
        Where the policy cannot be read, or asks for a number that is not there.

    Examples
    --------
    >>> from toolkit import load_dataset
    >>> decide({"levels": {"watch": {"numbers": {"data.rows": {"min": 1000}}}}}, load_dataset("wine")).outcome
    'watch'
    """
    levels, known = read_levels(policy), gather(results)
    judged = {name: tuple(judge_policy(rules, known)) for name, rules in levels.levels.items()}
    reached = [name for name, lines in judged.items() if lines and overall(levels.levels[name], lines) == "fail"]
    return Decision(known[0], levels, reached[-1] if reached else "ok", judged)


class Judgement(Result, frozen=True):
    """What a policy makes of results.

    Attributes
    ----------
    numbers : mapping of str to Estimate
        All that was looked at.
    """

    numbers: Mapping[str, Estimate]

    @abstractmethod
    def verdict(self) -> PolicyVerdict:
        """Return it as ``results.json`` has it."""

    def record(self) -> Record:
        """Return it for the report."""
        return Record(parameters={"policy": self.verdict().policy}, verdict=self.verdict())

    def sentence(self) -> str:
        """Say what is broken, what is open, and why."""
        return reason(self.verdict(), self.numbers)


class Verdict(Judgement, frozen=True):
    """What a policy says about results.

    Attributes
    ----------
    policy : Policy
    outcome : {"pass", "fail", "undecided"}
    judged : tuple of RuleOutcome
        One line a number or rule, those that failed first, then those left open.
    left_out : dict of str to str
        Optional rules that are about no number there is, each with the name that was perhaps meant.
    """

    policy: Policy
    outcome: GateOutcome
    judged: tuple[RuleOutcome, ...]
    left_out: Mapping[str, str]

    def frame(self) -> pd.DataFrame:
        """Return one row a number or rule: ``name, rule, outcome, value, low, high, n, why``."""
        rows = [(one.name, one.rule, one.outcome, one.number, one.why) for one in self.judged]
        return spread(pd.DataFrame(rows, columns=["name", "rule", "outcome", "value", "why"]))

    def scalars(self) -> dict[str, Estimate]:
        """Return how many lines passed, failed and stayed open."""
        outcomes = [one.outcome for one in self.judged]
        names = {"passed": "pass", "failed": "fail", "undecided": "undecided"}
        return {f"gates.{name}": Estimate(outcomes.count(word), n=len(outcomes)) for name, word in names.items()}  # type: ignore[arg-type]

    def verdict(self) -> PolicyVerdict:
        """Return the verdict as ``results.json`` has it."""
        return PolicyVerdict(self.outcome, self.policy.title, self.judged, tuple(self.left_out), self.policy.approval)

    def face(self) -> Face:
        """Return the outcome, its reason, and each line."""
        rows = [(one.outcome, *_said(one, self.numbers)) for one in self.judged]
        table = pd.DataFrame(rows, columns=["outcome", "what", "number", "rule", "why"])
        together = "" if self.policy.correction else " not"
        absent = f" Left out, since there is no such number: {listed(map(number_words, self.left_out))}."
        numbers = {"absent": absent * bool(self.left_out), "percent": 100 * false_failures(self.policy, self.numbers)}
        return face("verdict", self, table, together=together, said=self.sentence(), **numbers)


class Decision(Judgement, frozen=True):
    """What a policy says should be done.

    Attributes
    ----------
    levels : Levels
        The policy.
    outcome : str
        ``ok`` or the highest level reached.
    judged : dict of str to tuple of RuleOutcome
        Every rule of every level.
    """

    levels: Levels
    outcome: Level | Literal["ok"]
    judged: dict[Level, tuple[RuleOutcome, ...]]

    def frame(self) -> pd.DataFrame:
        """Return one row a rule, the highest level first: ``level, reached, name, rule, value, low, high, n, why``."""
        rows = [(level, reached, one.name, one.rule, one.number, one.why) for level, reached, one in self._lines()]
        return spread(pd.DataFrame(rows, columns=["level", "reached", "name", "rule", "value", "why"]))

    def scalars(self) -> dict[str, Estimate]:
        """Return how many rules of each level are shown to be broken."""
        outcomes = {level: [line.outcome for line in lines] for level, lines in self.judged.items()}
        return {f"decision.{level}": Estimate(ones.count("fail"), n=len(ones)) for level, ones in outcomes.items()}

    def verdict(self) -> PolicyVerdict:
        """Return the decision as ``results.json`` has it."""
        said: dict[str, Any] = {"pass": "ok", "undecided": "undecided"}
        new = ((one, f"{one.rule}, otherwise {level}", said.get(one.outcome, level)) for level, _, one in self._lines())
        rules = tuple(replace(one, rule=rule, outcome=outcome) for one, rule, outcome in new)
        return PolicyVerdict(self.outcome, self.levels.title, rules)

    def face(self) -> Face:
        """Return the outcome, the reason, and every rule."""
        rows = [(*at, *_said(one, self.numbers)) for *at, one in self._lines()]
        table = pd.DataFrame(rows, columns=["level", "reached", "what", "number", "unless", "why"])
        return face("decision", self, table, said=self.sentence())

    def _lines(self) -> list[tuple[Level, str, RuleOutcome]]:
        """Every rule with its level and whether that is reached: what is first, then the highest level first."""
        said = {"fail": "yes", "pass": "no", "undecided": "undecided"}
        every = [(level, said[one.outcome], one) for level, lines in reversed(self.judged.items()) for one in lines]
        return sorted(every, key=lambda line: line[1] != "yes")


def _said(judged: RuleOutcome, numbers: Mapping[str, Estimate]) -> tuple[str, Estimate | None, str, str]:
    number = None if pd.isna(judged.number.value) else judged.number
    return number_words(judged.name, numbers), number, judged.rule, judged.why
