"""Judge numbers by the rules of a policy, each on its whole interval."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from toolkit.errors import InputError, nearest
from toolkit.estimate import Estimate
from toolkit.gating.policy import NumberRule, Policy
from toolkit.result import SEVERITIES, Finding
from toolkit.statistics.metrics import LOWER_IS_BETTER

Outcome = Literal["pass", "fail", "undecided"]


@dataclass(frozen=True, slots=True)
class Judged:
    """One line of a verdict.

    Attributes
    ----------
    rule, name : str
        What was asked, and of which number, finding or table.
    number : Estimate
        Not defined where the rule is not about a number.
    outcome : {"pass", "fail", "undecided"}
    why : str
        One plain sentence.
    """

    rule: str
    name: str
    number: Estimate
    outcome: Outcome
    why: str


def judge_policy(
    policy: Policy, scalars: Mapping[str, Estimate], findings: Sequence[Finding], fingerprint: str
) -> list[Judged]:
    """Judge everything a policy asks.

    Raises
    ------
    InputError
        Where a rule that is not optional names no number there is.
    """
    judged = [one for rule in policy.numbers for one in _judge_rule(rule, scalars)]
    if policy.below:
        judged.append(_judge_findings(policy, findings))
    if policy.fingerprints:
        known = fingerprint in policy.fingerprints
        why = "The data are among those approved." if known else "The data are not among those approved."
        judged.append(_line("approved data", fingerprint, "pass" if known else "fail", why))
    return judged


def overall(policy: Policy, judged: Sequence[Judged]) -> Outcome:
    """Join the outcomes: one failure fails; else one undecided leaves it open, or fails where the policy says so.

    Where no rule applied, nothing was shown, so that is undecided too.
    """
    outcomes = {one.outcome for one in judged}
    if "fail" in outcomes:
        return "fail"
    if "undecided" in outcomes or not outcomes:
        return policy.undecided
    return "pass"


def _judge_rule(rule: NumberRule, scalars: Mapping[str, Estimate]) -> list[Judged]:
    pattern = rule.pattern
    least, most = rule.minimum, rule.maximum
    if not math.isnan(rule.margin):
        metric = pattern.partition(".")[2]
        pattern = f"difference.{metric}"
        least, most = (-math.inf, rule.margin) if metric in LOWER_IS_BETTER else (-rule.margin, math.inf)
    names = _matching(pattern, scalars)
    if not names and not rule.optional:
        near = nearest(pattern, scalars)
        raise InputError(
            f"The policy asks for {rule.pattern!r}, and these results have no such number.{near} "
            "Correct the name, or mark the rule optional: true."
        )
    text = f"{rule.condition} ({rule.why})" if rule.why else rule.condition
    return [_line(text, name, *judge_number(scalars[name], least, most, len(names)), scalars[name]) for name in names]


def _matching(pattern: str, scalars: Mapping[str, Estimate]) -> list[str]:
    """Names that a pattern matches; a name that holds ``*`` itself, or any other sign, matches as it is."""
    if pattern in scalars:
        return [pattern]
    if "*" not in pattern:
        return []
    shape = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
    return [name for name in scalars if shape.fullmatch(name)]


def judge_number(number: Estimate, least: float, most: float, together: int = 1) -> tuple[Outcome, str]:
    """Judge one number by its interval: pass if all of it satisfies the limits, fail if none of it does.

    Where a rule is about several numbers it passes only if each does, which needs no correction (an
    intersection-union test: Berger 1982, doi:10.1080/00401706.1982.10487790). It fails if any does, so for failing the
    intervals are widened to hold for all at once (Bonferroni, on the normal scale).

    Parameters
    ----------
    number : Estimate
    least, most : float
        The limits; infinite where there is none.
    together : int
        How many numbers the rule is about.

    Returns
    -------
    (outcome, why)

    Examples
    --------
    >>> judge_number(Estimate(0.84, 0.81, 0.87, 500), 0.8, math.inf)
    ('pass', 'All of the interval satisfies it.')
    >>> judge_number(Estimate(0.82, 0.78, 0.86, 500), 0.8, math.inf)[1]
    'The interval reaches beyond the limit; about 2,000 rows instead of 500 would probably decide it.'
    """
    if math.isnan(number.value):
        return "undecided", "The number is not defined on these rows."
    if not number.has_interval:
        met = least <= number.value <= most
        return ("pass", "The number satisfies it.") if met else ("fail", "The number does not satisfy it.")
    if least <= number.low and number.high <= most:
        return "pass", "All of the interval satisfies it."
    wider = _quantile(together) / _quantile(1)
    low, high = number.value - wider * (number.value - number.low), number.value + wider * (number.high - number.value)
    if high < least or low > most:
        note = f", widened for the {together} numbers judged together" if together > 1 else ""
        return "fail", f"None of the interval{note} satisfies it."
    return "undecided", f"The interval reaches beyond the limit; {_rows_needed(number, least, most, wider)}"


def _rows_needed(number: Estimate, least: float, most: float, wider: float) -> str:
    """Say how many rows would probably decide: an interval shrinks with the root of their number."""
    limit = min((least, most), key=lambda end: abs(number.value - end))
    gap = number.value - limit
    inside = least <= number.value <= most
    half = number.value - number.low if gap > 0 else number.high - number.value
    shrink = half * (1.0 if inside else wider)
    if not number.n or shrink >= 1000 * abs(gap):
        return "the estimate all but lies on the limit, so more rows alone may not decide it."
    rows = number.n * (shrink / gap) ** 2
    rounded = float(f"{max(rows, number.n + 1):.2g}")
    return f"about {max(int(rounded), number.n + 1):,} rows instead of {number.n:,} would probably decide it."


def _quantile(together: int) -> float:
    return NormalDist().inv_cdf(1 - 0.025 / together)


def _judge_findings(policy: Policy, findings: Sequence[Finding]) -> Judged:
    severe = SEVERITIES[: SEVERITIES.index(policy.below) + 1] if policy.below else ()
    against = [one for one in findings if one.severity in severe and one.code not in policy.excepted]
    rule = f"no finding of {policy.below} severity or above"
    if policy.excepted:
        rule += f" but {', '.join(policy.excepted)}"
    if not against:
        return _line(rule, "findings", "pass", "There is none.")
    codes = ", ".join(dict.fromkeys(one.code for one in against))
    return _line(rule, "findings", "fail", f"There {'is' if len(against) == 1 else 'are'} {len(against)}: {codes}.")


def _line(rule: str, name: str, outcome: Outcome, why: str, number: Estimate | None = None) -> Judged:
    return Judged(rule, name, number or Estimate(math.nan), outcome, why)


def describe(judged: Judged) -> str:
    """Write a line for a terminal.

    Examples
    --------
    >>> print(describe(Judged("at least 0.8", "test.roc_auc", Estimate(0.9), "pass", "The number satisfies it.")))
    pass       test.roc_auc 0.900: at least 0.8. The number satisfies it.
    """
    number = "" if math.isnan(judged.number.value) else f" {judged.number}"
    return f"{judged.outcome:<10} {judged.name}{number}: {judged.rule}. {judged.why}"
