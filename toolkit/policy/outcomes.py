"""Judge numbers by the rules of a policy, each on its whole interval."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import NormalDist
from typing import Literal, TypeAlias

from toolkit.core import UNKNOWN, Estimate, RuleOutcome, better_when, counted, matching, refuser, shorten
from toolkit.core.result import SEVERITIES, Finding, Result, by_severity
from toolkit.errors import NotApplicableError, instance, nearest
from toolkit.policy.policy import AGAINST, FindingRule, NumberRule, Policy

refusal = refuser(__file__, NotApplicableError)
#: What the method of a number begins with that is uncertain, though nobody knows by how much.
WITHHELD = "no interval: "
#: Standard errors beyond the reach of an interval that decide in 80 % of cases.
POWER = NormalDist().inv_cdf(0.8)
GateOutcome = Literal["pass", "fail", "undecided"]
#: What a policy judges: numbers, findings, and the fingerprint of the data.
Numbers: TypeAlias = tuple[Mapping[str, Estimate], Sequence[Finding], str]


def gather(results: Iterable[Result]) -> Numbers:
    """Return what results hold for a policy to judge: their numbers and findings, and the fingerprint of the data.

    Raises
    ------
    InputError
        Where two of them give one name to different numbers: those of two models, or of two tables.
    """
    ones = [instance(one, Result) for one in results]
    scalars: dict[str, Estimate] = {}
    for name, number in (pair for result in ones for pair in result.scalars().items()):
        if (other := scalars.setdefault(name, number)) is not number and str(other) != str(number):
            raise refusal("two numbers", name=name, one=other, other=number)
    data = next((record.data for result in ones if (record := result.record()).data), None)
    findings = list(dict.fromkeys(finding for result in ones for finding in result.findings()))
    return scalars, findings, data.fingerprint if data else ""


def judge_policy(policy: Policy, numbers: Numbers) -> list[RuleOutcome]:
    """Judge everything a policy asks.

    Raises
    ------
    NotApplicableError
        Where a rule that is not optional names no number there is.
    """
    scalars, findings, fingerprint = numbers
    judged: list[RuleOutcome] = []
    every = [_limits(pattern, rule, scalars) for pattern, rule in policy.numbers.items()]
    excesses = [_excess(scalars[name], *ends) for limits in every for name, ends in limits.items()]
    for (pattern, rule), limits in zip(policy.numbers.items(), every, strict=True):
        if not limits and not rule.optional:
            names = _compared(rule, scalars)
            absent = rule.not_worse_than == "champion" and not names
            raise refusal("no champion" if absent else "no number", pattern=pattern, near=nearest(pattern, names))
        of_rule = sum(scalars[name].has_interval for name in limits)
        each = f", for each of {len(limits)} numbers" if len(limits) > 1 else ""
        text = f"{rule.condition}{each}" + (f" ({rule.why})" if rule.why else "")
        for name, ends in limits.items():
            together = _holm(_excess(scalars[name], *ends), excesses) if policy.correction else of_rule
            # Numbers of cross-validation count folds, and more folds of the same rows would not decide.
            number = replace(scalars[name], n=0) if name.startswith("cv.") else scalars[name]
            outcome, why = judge_number(number, *ends, together)
            judged.append(RuleOutcome(name, text, outcome, scalars[name], why, rule.condition))
    judged += [_judge_findings(policy.findings, findings)] if policy.findings else []
    if policy.fingerprints:
        known = fingerprint in policy.fingerprints
        why = "The data are among those approved." if known else "The data are not among those approved."
        judged.append(RuleOutcome(fingerprint, "approved data", "pass" if known else "fail", UNKNOWN, why))
    return judged


def _excess(number: Estimate, least: float, most: float) -> float:
    """Return how many standard errors a number lies beyond its limits: less than 0 within; nan without an interval."""
    value = number.value
    gap, side = max((least - value, number.high - value), (value - most, value - number.low))
    return gap / side * _quantile(1) if side else math.copysign(math.inf, gap)


def _holm(own: float, excesses: Iterable[float]) -> int:
    """Return for how many numbers the interval of one is widened (Holm 1979, Scandinavian Journal of Statistics 6:65).

    The number farthest beyond its limit is widened for all of them, the next, once that is shown to fail, for all but
    one, and so on down to the first that is not.
    """
    ordered = list(enumerate(sorted(one for one in excesses if not math.isnan(one)), 1))
    return next((left for left, one in reversed(ordered) if one <= own or one <= _quantile(left)), 1)


def false_failures(policy: Policy, scalars: Mapping[str, Estimate]) -> float:
    """Return at most how often a policy fails by chance alone though every rule is met (Bonferroni).

    Examples
    --------
    >>> policy = Policy.model_validate({"numbers": {"test.recall": {"min": 0.5}, "test.precision": {"min": 0.5}}})
    >>> false_failures(policy, {"test.recall": Estimate(0.6, 0.5, 0.7), "test.precision": Estimate(0.7, 0.6, 0.8)})
    0.05
    """
    limits = [_limits(pattern, rule, scalars) for pattern, rule in policy.numbers.items()]
    uncertain = sum(any(scalars[name].has_interval for name in of_rule) for of_rule in limits)
    return min(1.0, 0.025 * (min(uncertain, 1) if policy.correction else uncertain))


def left_out(policy: Policy, scalars: Mapping[str, Estimate]) -> dict[str, str]:
    """Return the optional rules that are about no number there is, each with the name that was perhaps meant."""
    absent = [(one, rule) for one, rule in policy.numbers.items() if rule.optional and not _limits(one, rule, scalars)]
    return {one: nearest(one, _compared(rule, scalars)).strip() for one, rule in absent}


def overall(policy: Policy, judged: Sequence[RuleOutcome]) -> GateOutcome:
    """Join the outcomes: one failure fails; else one undecided leaves it open, or fails where the policy says so.

    Where no rule applied, nothing was shown, so that is undecided too.
    """
    outcomes = {one.outcome for one in judged}
    return "fail" if "fail" in outcomes else policy.undecided if "undecided" in outcomes or not outcomes else "pass"


def _limits(pattern: str, rule: NumberRule, scalars: Mapping[str, Estimate]) -> dict[str, tuple[float, float]]:
    """Return the numbers a rule is about, each with its limits.

    Where it compares, these are the differences of metrics for which one way is better.
    """
    compared = _compared(rule, scalars)
    if not rule.not_worse_than:
        return dict.fromkeys(matching(pattern, compared), (rule.min, rule.max))
    ends = {"higher": (-rule.by, math.inf), "lower": (-math.inf, rule.by)}
    found = ((compared[name], better_when(name)) for name in matching(pattern, compared))
    return {difference: ends[better] for difference, better in found if better}


def _compared(rule: NumberRule, scalars: Mapping[str, Estimate]) -> dict[str, str]:
    """Map the name of each number a rule may be about to itself or, where it compares, to that of its difference."""
    beginning, own = AGAINST[rule.not_worse_than], "test." if rule.not_worse_than == "baseline" else ""
    return {f"{own}{name.removeprefix(beginning)}": name for name in scalars if name.startswith(beginning)}


def judge_number(number: Estimate, least: float, most: float, together: int = 1) -> tuple[GateOutcome, str]:
    """Judge one number by its interval: pass if all of it satisfies the limits, fail if none of it does.

    Where a rule is about several numbers it passes only if each does, which needs no correction (an
    intersection-union test: Berger 1982, doi:10.1080/00401706.1982.10487790). It fails if any does, so for failing the
    intervals are widened to hold for all at once (Bonferroni, on the normal scale). Several rules of a policy are
    corrected for each other where it says ``correction: holm``.

    Parameters
    ----------
    number : Estimate
    least, most : float
        The limits; infinite where there is none.
    together : int
        For how many numbers the interval must hold at once.

    Returns
    -------
    (outcome, why)

    Examples
    --------
    >>> judge_number(Estimate(0.84, 0.81, 0.87, 500), 0.8, math.inf)
    ('pass', 'The whole interval satisfies it.')
    >>> print(judge_number(Estimate(0.82, 0.78, 0.86, 500), 0.8, math.inf)[1])
    The interval includes the limit. About 4,100 observations instead of 500 would decide it with 80% power, if the \
true value is the estimate.
    """
    if math.isnan(number.value):
        return "undecided", "The number is not defined on these rows."
    if math.isnan(number.low) and math.isnan(number.high):
        if number.method.startswith(WITHHELD):
            return "undecided", f"The number has {number.method}."
        met = least <= number.value <= most
        return ("pass", "The number satisfies it.") if met else ("fail", "The number does not satisfy it.")
    # An end that is not known alone is one that was not finite.
    low = -math.inf if math.isnan(number.low) else number.low
    high = math.inf if math.isnan(number.high) else number.high
    if least <= low and high <= most:
        return "pass", "The whole interval satisfies it."
    widened = f", widened for the {together} numbers judged together," if together > 1 else ""
    wider = _quantile(together) / _quantile(1)
    if high + (wider - 1) * (high - number.value) < least or low - (wider - 1) * (number.value - low) > most:
        return "fail", f"The whole interval{widened} violates it."
    outside = high < least or low > most
    reaches = f"The whole interval violates it, but{widened} it includes" if outside else "The interval includes"
    return "undecided", f"{reaches} the limit. {_size_needed(number, least, most, wider)}"


def _size_needed(number: Estimate, least: float, most: float, wider: float) -> str:
    """Say how many observations would decide with a power of 80 %: an interval shrinks with the root of their number.

    That takes the value as the true one, and a spread that stays as it is. A lopsided interval becomes even with more
    observations, so a side shorter than half of it is not relied on.
    """
    gap = number.value - min((least, most), key=lambda end: abs(number.value - end))
    half = max(number.value - number.low if gap > 0 else number.high - number.value, (number.high - number.low) / 2)
    shrink = half * ((1.0 if least <= number.value <= most else wider) + POWER / _quantile(1))
    if not number.n:
        return "How many observations would decide is not known."
    if not shrink < 1000 * abs(gap):
        return "The estimate is so close to the limit that more observations alone may not decide."
    size = max(int(float(f"{number.n * (shrink / gap) ** 2:.2g}")), number.n + 1)
    given = "with 80% power, if the true value is the estimate"
    return f"About {size:,} observations instead of {number.n:,} would decide it {given}."


def _quantile(together: int) -> float:
    return NormalDist().inv_cdf(1 - 0.025 / together)


def _judge_findings(allowed: FindingRule, findings: Sequence[Finding]) -> RuleOutcome:
    severe = SEVERITIES[: SEVERITIES.index(allowed.below) + 1]
    against = [one for one in findings if one.severity in severe and one.code not in allowed.excepted]
    excepted = f", except {', '.join(allowed.excepted)}" if allowed.excepted else ""
    level = f"{allowed.below} severity{' or above' * (allowed.below != SEVERITIES[0])}"
    rule = f"no finding of {level}{excepted}"
    if not against:
        return RuleOutcome("findings", rule, "pass", UNKNOWN, "There is no other." if excepted else "There is none.")
    verb, first = ("are", " The first:") if len(against) > 1 else ("is", "")
    said = f"{counted(len(against), 'finding')} of {level}.{first} {shorten(by_severity(against)[0].message, 400)}"
    return RuleOutcome("findings", rule, "fail", UNKNOWN, f"There {verb} {said}")


def describe(judged: RuleOutcome) -> str:
    """Write a line for a terminal.

    Examples
    --------
    >>> print(describe(RuleOutcome("test.roc_auc", "at least 0.8", "pass", Estimate(0.9), "The number satisfies it.")))
    pass       test.roc_auc 0.900: at least 0.8. The number satisfies it.
    """
    return f"{judged.outcome:<10} {f'{judged.name} {judged.number_text}'.rstrip()}: {judged.rule}. {judged.why}"
