"""Why a verdict is what it is, in sentences: for the page, the card and the end of a run in the shell."""

import math
import re
from collections.abc import Mapping

from toolkit.core import Estimate, PolicyVerdict, RuleOutcome, beside, counted, format_number, group_numbers, spoken

_OPENINGS, _COMPARED, _NAMES = beside(__file__, "words.yaml").values()
_PATTERNS = {re.compile(re.escape(name).replace(r"\*", "(.+)")): words for name, words in _NAMES.items()}
_MOST = 2


def reason(verdict: PolicyVerdict, scalars: Mapping[str, Estimate]) -> str:
    """Say what a policy says and why: what is broken and by how much, then what is open and what would decide it.

    Parameters
    ----------
    verdict : PolicyVerdict
    scalars : mapping of str to Estimate
        The numbers of the report, among which those of the groups that a disparity compares.

    Examples
    --------
    >>> number = Estimate(0.65, 0.6, 0.69, 400)
    >>> rule = RuleOutcome("test.roc_auc", "at least 0.7", "fail", number, "None satisfies it.", "at least 0.7")
    >>> print(reason(PolicyVerdict("fail", "Standard", (rule,)), {}))
    Fails the policy “Standard”: ROC AUC on the test part is 0.650 [0.600, 0.690] where at least 0.7 is required.
    """
    if verdict.outcome is None:
        return "No policy was applied: no rule says whether this is good enough."
    opening = _OPENINGS.get(verdict.outcome, f"Reaches the level “{verdict.outcome}” of")
    opening = f"{opening} the policy “{verdict.policy}”"
    reached = [rule for rule in verdict.rules if rule.outcome == verdict.outcome not in ("pass", "ok", "undecided")]
    undecided = [rule for rule in verdict.rules if rule.outcome == "undecided"]
    if reached:
        more = f"; and {counted(len(reached) - _MOST, 'more rule')}" if len(reached) > _MOST else ""
        found = "".join(f" {rule.why.partition('. ')[2]}" for rule in reached[:_MOST] if rule.name == "findings")
        first = f"{opening}: {'; '.join(_rule(rule, scalars) for rule in reached[:_MOST])}{more}.{found}"
    elif verdict.outcome not in ("pass", "ok", "undecided"):
        first = f"{opening}, which counts what is undecided as failed."
    elif verdict.outcome == "undecided" and not undecided:
        first = f"{opening}: none of its rules applies to these results."
    else:
        every, held = len(verdict.rules), len(verdict.rules) - len(undecided)
        first = opening + (f": {held} of {every} rules hold." if every > 1 else ": its rule holds." if held else ".")
    if not undecided:
        return first
    more = f" {counted(len(undecided) - 1, 'more rule is', 'more rules are')} undecided." * (len(undecided) > 1)
    return f"{first} Undecided: {_rule(undecided[0], scalars)}. {undecided[0].why}{more}"


def _rule(rule: RuleOutcome, scalars: Mapping[str, Estimate]) -> str:
    """Say in a clause what was found and what was asked."""
    if math.isnan(rule.number.value):
        why = rule.why.partition(". ")[0].removesuffix(".")
        return number_words(rule.name, scalars) if rule.limit else why[:1].lower() + why[1:]
    found = f"{_groups(rule, scalars) or f'{number_words(rule.name, scalars)} is'} {rule.number}"
    if rule.limit.startswith("not worse"):
        return f"{found}, and must be {rule.limit}"
    return f"{found} where {rule.limit} is {'allowed' if 'most' in rule.limit else 'required'}"


def _groups(rule: RuleOutcome, scalars: Mapping[str, Estimate]) -> str:
    """Name the two groups whose gap or ratio a number is, where the numbers of the groups say which they are."""
    ones = group_numbers(scalars)
    if not (own := next((one for one in ones if one.name == rule.name and one.is_disparity), None)):
        return ""
    kind, _, form = own.metric.rpartition("_")
    of_class = f".{own.group}" * bool(own.group)  # of several classes it stands after the group
    near = [one for one in ones if one.feature == own.feature and one.group and math.isfinite(one.number.value)]
    for metric in _COMPARED.get(kind, [kind]):
        if len(known := [one for one in near if one.metric == metric and one.group.endswith(of_class)]) < 2:
            continue
        low, high = (choose(known, key=lambda one: one.number.value) for choose in (min, max))
        least, most = low.number.value, high.number.value
        found = most - least if form == "difference" else least / most if most else math.nan
        if math.isclose(found, rule.number.value, abs_tol=1e-9):
            name, gap = spoken(metric), "gap" if form == "difference" else "ratio"
            ends = (f"{format_number(one.number.value)} for {one.group.removesuffix(of_class)}" for one in (low, high))
            return f"{name} is {' and '.join(ends)} ({own.feature}{of_class.replace('.', ', class ', 1)}), a {gap} of"
    return ""


def number_words(name: str, scalars: Mapping[str, Estimate] | None = None) -> str:
    """Write the dotted name of a number in words; those beside it tell which part of it is a class.

    Examples
    --------
    >>> number_words("test.roc_auc"), number_words("difference.log_loss"), number_words("data.rows")
    ('ROC AUC on the test part', "log loss minus the baseline's", 'number of rows')
    >>> number_words("fairness.sex.Female.recall"), number_words("change.fairness.*.recall_difference")
    ('recall of Female (sex)', "recall difference by group minus the champion's")
    """
    part, _, rest = name.partition(".")
    if part == "change":
        return f"{number_words(rest, scalars).removesuffix(' on the test part')} minus the champion's"
    if part == "fairness":
        one = next(one for one in group_numbers({**(scalars or {}), name: Estimate(math.nan)}) if one.name == name)
        feature, of_class = "group" if "*" in one.feature else one.feature, f" for class {one.group}" * bool(one.group)
        about = f"by {feature}{of_class}" if one.is_disparity else f"of {one.group} ({feature})"
        return f"{spoken(one.metric)} {about}"
    for pattern, words in _PATTERNS.items():
        if found := pattern.fullmatch(name):
            return str(words).format(*found.groups(), metric=spoken(name.rpartition(".")[2]))
    return " ".join(spoken(word) for word in name.split("."))
