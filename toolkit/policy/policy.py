"""Read a policy: a short YAML file of rules over named numbers, findings and data."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from toolkit.core.resources import templates_folder
from toolkit.core.result import SEVERITIES, Severity
from toolkit.core.results import Level
from toolkit.errors import InputError, listed, nearest, shown
from toolkit.statistics.direction import better_when

Undecided = Literal["undecided", "fail"]

LEVELS: tuple[Level, ...] = get_args(Level)

#: What a metric may be compared with, and the beginning of the names of the numbers that compare it.
AGAINST = {"baseline": "difference.", "champion": "change."}
MOST = sys.float_info.max
LONGEST = {"title": 200, "why": 1000}

_FINGERPRINT = re.compile("sha256:[0-9a-f]{64}")
_KEYS = ("title", "undecided", "numbers", "findings", "fingerprints")
_RULE_KEYS = ("min", "max", "not_worse_than", "by", "optional", "why")


@dataclass(frozen=True, slots=True)
class NumberRule:
    """What a number, or every number that a pattern matches, must satisfy.

    Attributes
    ----------
    pattern : str
        A dotted name; ``*`` stands for any text.
    minimum, maximum : float
        Least and greatest value allowed; infinite where there is no limit.
    against : {"baseline", "champion", ""}
        What it must not be worse than; empty where it is not compared.
    margin : float
        By how much it may be worse.
    optional : bool
        Whether the rule is left out where there is no such number.
    why : str
        The policy's own reason, may be empty.
    """

    pattern: str
    minimum: float = -math.inf
    maximum: float = math.inf
    against: str = ""
    margin: float = 0.0
    optional: bool = False
    why: str = ""

    @property
    def condition(self) -> str:
        """The rule in words."""
        if self.against:
            return f"not worse than the {self.against}" + (f" by more than {self.margin:g}" if self.margin else "")
        ends = [f"at least {self.minimum:g}"] if math.isfinite(self.minimum) else []
        ends += [f"at most {self.maximum:g}"] if math.isfinite(self.maximum) else []
        return " and ".join(ends)


@dataclass(frozen=True, slots=True)
class Policy:
    """A validated policy.

    Attributes
    ----------
    name, title : str
    undecided : {"undecided", "fail"}
        What the verdict is where no rule fails and at least one cannot be decided.
    numbers : tuple of NumberRule
    below : str
        Findings must be less severe than this; empty where findings do not matter.
    excepted : tuple of str
        Codes of findings that are allowed at any severity.
    fingerprints : tuple of str
        Data that are approved; empty where any are.
    """

    name: str
    title: str
    undecided: Undecided = "undecided"
    numbers: tuple[NumberRule, ...] = ()
    below: Severity | Literal[""] = ""
    excepted: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Levels:
    """A validated policy of levels: each, the least first, with the rules that raise it when they are broken."""

    name: str
    title: str
    rules: dict[Level, Policy]


def policy_names() -> list[str]:
    """Name the policies that come with the toolkit."""
    return sorted(path.stem for path in (templates_folder() / "policies").glob("*.yaml"))


def read_policy(source: str | Path | Mapping[str, object]) -> Policy:
    """Read and validate a policy.

    Parameters
    ----------
    source : str, Path or mapping
        Name of one that comes with the toolkit, path of a YAML file, or its content.

    Raises
    ------
    InputError
        Where there is no such policy, or it says something that is not known or cannot be meant.

    Examples
    --------
    >>> read_policy({"numbers": {"test.roc_auc": {"min": 0.8}}}).numbers[0].condition
    'at least 0.8'
    """
    content, name = _content(source)
    if "levels" in content:
        raise InputError(f"The policy {name!r} has levels: it decides about drift. A gate's policy has rules only.")
    return _validated(content, name)


def read_levels(source: str | Path | Mapping[str, object]) -> Levels:
    """Read and validate a policy of levels, as for ``read_policy``.

    Raises
    ------
    InputError
        Where there is no such policy, or its levels or their rules cannot be meant.

    Examples
    --------
    >>> list(read_levels("drift").rules)
    ['watch', 'investigate', 'retrain']
    """
    content, name = _content(source)
    _check_keys(content, ("title", "levels"), f"The policy {name!r}")
    levels = content.get("levels")
    if not isinstance(levels, Mapping) or not levels:
        raise InputError(f"The policy {name!r} must map 'levels' to their rules: {listed(LEVELS)}.")
    _check_keys(levels, LEVELS, f"'levels' in the policy {name!r}")
    rules = {}
    for level in (level for level in LEVELS if level in levels):
        if not isinstance(levels[level], Mapping):
            raise InputError(
                f"The level {level!r} in the policy {name!r} must be a mapping; found {shown(levels[level])}."
            )
        rules[level] = _validated(levels[level], level)
    return Levels(name, _text(content, "title", f"The policy {name!r}") or name, rules)


def check_policy(source: str | Path | Mapping[str, object]) -> None:
    """Refuse a policy of either kind that cannot be read."""
    content, _ = _content(source)
    if "levels" in content:
        read_levels(source)
    else:
        read_policy(source)


def _content(source: str | Path | Mapping[str, object]) -> tuple[Mapping[Any, Any], str]:
    if isinstance(source, Mapping):
        return source, "policy"
    from toolkit.core.yaml_file import read_plain

    path = _path(source)
    content = read_plain(path, "policy")
    if not isinstance(content, Mapping):
        found = "is empty" if content is None else f"holds {shown(content)}"
        raise InputError(f"The policy {str(path)!r} {found}; it must map {listed((*_KEYS, 'levels'))} to their rules.")
    return content, path.stem


def _path(source: str | Path) -> Path:
    shipped = templates_folder() / "policies" / f"{source}.yaml"
    if str(source) in policy_names():
        return shipped
    try:
        if str(source) and Path(source).is_dir():
            raise InputError(f"The policy {shown(str(source))} is a folder. Name a YAML file in it.")
        if Path(source).is_file():
            return Path(source)
    except OSError as error:
        raise InputError(f"Cannot read the policy {shown(str(source))}: {error.strerror}.") from error
    near = nearest(str(source), policy_names())
    raise InputError(
        f"There is no policy {shown(str(source))}.{near} Known: {listed(policy_names())}, or name a YAML file."
    )


def _validated(content: Mapping[Any, Any], name: str) -> Policy:
    _check_keys(content, _KEYS, f"The policy {name!r}")
    undecided = content.get("undecided", "undecided")
    if undecided not in ("undecided", "fail"):
        raise InputError(f"'undecided' is 'undecided' or 'fail' in the policy {name!r}; found {shown(undecided)}.")
    numbers = content.get("numbers") or {}
    if not isinstance(numbers, Mapping):
        raise InputError(f"'numbers' maps names of numbers to limits in the policy {name!r}; found {shown(numbers)}.")
    below, excepted = _findings(content.get("findings"), name)
    policy = Policy(
        name,
        _text(content, "title", f"The policy {name!r}") or name,
        undecided,
        tuple(_rule(str(pattern), rule) for pattern, rule in numbers.items()),
        below,
        excepted,
        tuple(_fingerprints(content.get("fingerprints"))),
    )
    if not (policy.numbers or policy.below or policy.fingerprints):
        raise InputError(f"The policy {name!r} has no rule. Give 'numbers', 'findings' or 'fingerprints'.")
    return policy


def _rule(pattern: str, rule: object) -> NumberRule:
    where = f"The rule for {shown(pattern)}"
    if not isinstance(rule, Mapping):
        raise InputError(f"{where} must be a mapping such as {{min: 0.8}}; found {shown(rule)}.")
    _check_keys(rule, _RULE_KEYS, where)
    optional, why = rule.get("optional", False), _text(rule, "why", where)
    if not isinstance(optional, bool):
        raise InputError(f"{where} has optional: {shown(optional)}; it is true or false.")
    if "not_worse_than" in rule:
        return _comparison(pattern, rule, where, optional=optional, why=why)
    if "by" in rule or not {"min", "max"} & set(rule):
        raise InputError(f"{where} needs 'min', 'max' or 'not_worse_than' ('by' belongs to the last).")
    least = _number(rule["min"], "min", where) if "min" in rule else -math.inf
    most = _number(rule["max"], "max", where) if "max" in rule else math.inf
    if least > most:
        raise InputError(f"{where} has min {least:g} above max {most:g}.")
    return NumberRule(pattern, least, most, optional=optional, why=why)


def _comparison(pattern: str, rule: Mapping[Any, Any], where: str, *, optional: bool, why: str) -> NumberRule:
    against = rule["not_worse_than"]
    if not isinstance(against, str) or against not in AGAINST:
        raise InputError(f"{where} has not_worse_than: {shown(against)}; it is {' or '.join(AGAINST)}.")
    known = ("test.",) if against == "baseline" else ("test.", "fairness.")
    if not pattern.startswith(known) or {"min", "max"} & set(rule):
        raise InputError(
            f"{where} cannot be read: not_worse_than: {against} is for numbers that begin with {' or '.join(known)}, "
            "without min or max."
        )
    if "*" not in pattern and not better_when(pattern):
        raise InputError(f"{where} cannot be read: neither higher nor lower is better there. Give min and max.")
    margin = _number(rule.get("by", 0), "by", where)
    if margin < 0:
        raise InputError(f"{where} has by: {margin:g}; it is at least 0.")
    return NumberRule(pattern, against=against, margin=margin, optional=optional, why=why)


def _findings(rule: object, name: str) -> tuple[Severity | Literal[""], tuple[str, ...]]:
    if rule is None:
        return "", ()
    if not isinstance(rule, Mapping):
        raise InputError(
            f"'findings' in the policy {name!r} must be a mapping such as {{below: high}}; found {shown(rule)}."
        )
    _check_keys(rule, ("below", "except"), f"'findings' in the policy {name!r}")
    below = next((severity for severity in SEVERITIES if severity == rule.get("below")), None)
    if below is None:
        raise InputError(
            f"'below' in the policy {name!r} is one of {listed(SEVERITIES)}; found {shown(rule.get('below'))}."
        )
    return below, tuple(_texts(rule.get("except"), "except"))


def _fingerprints(values: object) -> Sequence[str]:
    """Return whole fingerprints; a shortened one, as pages show it, would approve nothing."""
    found = _texts(values, "fingerprints")
    for text in found:
        if not _FINGERPRINT.fullmatch(text):
            raise InputError(
                f"'fingerprints' in a policy are whole, sha256: and 64 digits as in results.json; found {shown(text)}."
            )
    return found


def _texts(values: object, key: str) -> Sequence[str]:
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise InputError(f"{key!r} in a policy is a list of texts; found {shown(values)}.")
    return values


def _text(content: Mapping[Any, Any], key: str, where: str) -> str:
    value = content.get(key)
    if value is None:
        return ""
    if not isinstance(value, str | int | float) or len(str(value)) > LONGEST[key]:
        raise InputError(f"{where} has {key}: {shown(value)}; it is a text of at most {LONGEST[key]} characters.")
    return str(value)


def _number(value: object, key: str, where: str) -> float:
    if isinstance(value, str):
        raise InputError(f"{where} has {key}: {shown(value)}, a text; write a plain number such as 0.05.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not -MOST <= value <= MOST:
        raise InputError(f"{where} has {key}: {shown(value)}; a number is needed that is finite.")
    return float(value)


def _check_keys(content: Mapping[Any, Any], known: Sequence[str], where: str) -> None:
    for key in content:
        if key not in known:
            raise InputError(
                f"{where} has an unknown key {shown(key)}.{nearest(str(key), known)} Known: {listed(known)}."
            )
