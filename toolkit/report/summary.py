"""What a reviewer reads first, made of results.json alone: the verdict, the facts, the findings, the key numbers.

The results may come from a foreign or half-written file, so nothing about their shape is taken for granted.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from toolkit.core.estimate import Estimate
from toolkit.core.result import SEVERITIES
from toolkit.errors import listed
from toolkit.report.key_numbers import KeyNumber, KeyTable, key_tables

SCHEMA = 1
_VERDICTS = {
    "pass": ("Pass", "good", "check"),
    "fail": ("Fail", "bad", "cross"),
    "undecided": ("Undecided", "unsure", "question"),
    "ok": ("OK", "good", "check"),
    "watch": ("Watch", "unsure", "bang"),
    "investigate": ("Investigate", "unsure", "bang"),
    "retrain": ("Retrain", "bad", "cross"),
}
_BROKEN = {
    "Fail": "not satisfied",
    "Retrain": "to retrain",
    "Investigate": "to investigate",
    "Watch": "to watch",
    "Undecided": "undecided",
}
_MEANINGS = {
    "pass": "Every rule of the policy holds.",
    "fail": "At least one rule of the policy does not hold.",
    "undecided": "The data cannot tell whether the policy holds.",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict in words, with a tone and a sign, so that colour is never the only one to tell.

    ``word`` is the short form, for a list; ``words`` the one for a page of its own, with its ``meaning``.
    """

    word: str
    words: str
    tone: str
    sign: str
    meaning: str = ""


NO_POLICY = Verdict("No policy", "No policy was applied", "none", "dash", "No rule says whether this is good enough.")
FAILED = Verdict("Failed", "The run failed", "bad", "cross")
UNREADABLE = Verdict("Unreadable", "Unreadable", "unsure", "question")
UNPUBLISHED = Verdict(
    "No results", "No results", "none", "dash", "This notebook published no results, so there is nothing to judge."
)


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of the verdict: what was asked of which number, and what came of it."""

    name: str
    rule: str
    number: Estimate
    why: str
    verdict: Verdict

    @classmethod
    def read(cls, entry: Mapping[str, object]) -> Rule:
        """Read one of the verdict's rules."""
        name, rule, why = (_text(entry.get(key)) for key in ("name", "rule", "why"))
        return cls(name, rule, Estimate.read(entry.get("number")), why, _outcome(_text(entry.get("outcome"))))

    @property
    def number_text(self) -> str:
        """The number with its interval; empty for a rule that is about none."""
        return "" if math.isnan(self.number.value) else str(self.number)


@dataclass(frozen=True, slots=True)
class Issue:
    """A finding, as it is shown; ``link`` leads to the section that shows it, where one does."""

    code: str
    severity: str
    message: str
    where: str
    link: str = ""
    section: str = ""

    @property
    def tone(self) -> str:
        """How loud it is shown."""
        return {"critical": "bad", "high": "bad", "medium": "unsure"}.get(self.severity, "none")


@dataclass(frozen=True, slots=True)
class Pair:
    """A name and what stands beside it; ``more`` is the long form, shown on demand."""

    name: str
    text: str
    more: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything of a page that comes from results.json, ready to be shown."""

    title: str
    question: str
    template: str
    verdict: Verdict
    rules: Sequence[Rule]
    policy: str
    sentence: str
    created: str
    created_iso: str
    command: str
    data: str
    model: str
    finding_counts: str
    facts: Sequence[Pair]
    findings: Sequence[Issue]
    key_numbers: Sequence[KeyNumber]
    key_tables: Sequence[KeyTable]
    parameters: Sequence[Pair]
    environment: Sequence[Pair]
    lineage: Sequence[Pair]


def summarize(results: Mapping[str, object]) -> Summary:
    """Make the summary of one run.

    Parameters
    ----------
    results : mapping
        The content of results.json.

    Examples
    --------
    >>> summarize({"schema": 1, "title": "Income", "verdict": {"outcome": "pass"}}).verdict.word
    'Pass'
    """
    data, model = _mapping(results.get("data")), _mapping(results.get("model"))
    created, issues = _text(results.get("created")), _issues(results)
    rules = [Rule.read(entry) for entry in _mappings(_mapping(results.get("verdict")).get("rules"))]
    read = (KeyNumber.read(entry) for entry in _chosen_first(results))
    numbers = sorted(read, key=lambda number: math.isnan(number.value.value))  # what is not defined comes last
    return Summary(
        title=_text(results.get("title")),
        question=_text(results.get("question")),
        template=_text(results.get("template")),
        verdict=_verdict(results, rules),
        rules=rules,
        policy=_text(_mapping(results.get("verdict")).get("policy")),
        sentence=_sentence(_text(results.get("headline")), numbers, issues),
        created=readable_date(created),
        created_iso=created,
        command=_text(results.get("command")),
        data=_text(data.get("name")),
        model=_judged(results, model),
        finding_counts=_by_severity(issues),
        facts=list(_facts(results, data, model)),
        findings=issues,
        key_numbers=numbers,
        key_tables=key_tables(numbers),
        parameters=pairs(results.get("parameters")),
        environment=list(_flat(_mapping(results.get("environment")))),
        lineage=list(_lineage(results, data)),
    )


def pairs(values: object) -> list[Pair]:
    """List the entries of a mapping for a reader; anything else has none."""
    return [Pair(name, _shown(value)) for name, value in _mapping(values).items()]


def readable_date(iso: str) -> str:
    """Write an ISO date for a reader; a text that is none stays as it is.

    Examples
    --------
    >>> readable_date("2026-03-01T14:05:59+00:00")
    '1 March 2026, 14:05 UTC'
    """
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    zone = (when.tzname() or "").removesuffix("+00:00")
    return f"{when.day} {when:%B %Y, %H:%M} {zone}".strip()


def short_fingerprint(fingerprint: str) -> str:
    """Shorten a fingerprint to what a reader compares at a glance.

    Examples
    --------
    >>> short_fingerprint("sha256:0123456789abcdef0123")
    '0123456789ab'
    """
    return fingerprint.rpartition(":")[2][:12]


def _verdict(results: Mapping[str, object], rules: Sequence[Rule]) -> Verdict:
    outcome = _mapping(results.get("verdict")).get("outcome")
    if outcome is None:
        return NO_POLICY
    verdict = _outcome(_text(outcome))
    absent = _mapping(results.get("verdict")).get("left_out")
    return replace(verdict, meaning=_reason(rules, absent if isinstance(absent, list) else [])) if rules else verdict


def _reason(rules: Sequence[Rule], absent: Sequence[object]) -> str:
    """Say how many rules hold, and name those that do not, and those that are about no number there is."""
    named = {words: [rule.name for rule in rules if rule.verdict.word == word] for word, words in _BROKEN.items()}
    counted = [f"{len(names)} {words} ({listed(names, 3)})" for words, names in named.items() if names]
    held = sum(rule.verdict.word in ("Pass", "OK") for rule in rules)
    left = f" Left out, since there is no such number: {listed(absent, 3)}." if absent else ""
    return f"Rules of the policy: {', '.join([f'{held} of {len(rules)} hold', *counted])}.{left}"


def _outcome(name: str) -> Verdict:
    word, tone, sign = _VERDICTS.get(name, (name, "unsure", "question"))
    return Verdict(word, word, tone, sign, _MEANINGS.get(name, ""))


def _sentence(headline: str, numbers: Sequence[KeyNumber], issues: Sequence[Issue]) -> str:
    serious = sum(issue.tone == "bad" for issue in issues)
    count = _counted(serious, "finding") if serious else "No finding"
    said = [headline] if headline else [number.sentence for number in numbers[:1]]
    return " ".join([*said, f"{count} of high or critical severity."])


def _by_severity(issues: Sequence[Issue]) -> str:
    counts = Counter(issue.severity for issue in issues)
    return ", ".join(f"{count} {severity}" for severity, count in counts.items()) or "none"


def _chosen_first(results: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    """List the key numbers; the metric that chose the model comes first."""
    entries = _mappings(results.get("key_numbers"))
    chosen = _text(_mapping(results.get("recorded")).get("metric")).removeprefix("neg_")
    if not chosen:
        return entries
    return sorted(entries, key=lambda entry: not _text(entry.get("name")).startswith(f"test.{chosen}"))


def _facts(results: Mapping[str, object], data: Mapping[str, object], model: Mapping[str, object]) -> Iterator[Pair]:
    if data:
        fingerprint = _text(data.get("fingerprint"))
        yield Pair("Data", _text(data.get("name")), short_fingerprint(fingerprint))
        sizes = [_counted(size, word) for word in ("row", "column") if isinstance(size := data.get(f"{word}s"), int)]
        yield Pair("Size", ", ".join(sizes))
        task = _text(data.get("task"))
        yield Pair("Target", _text(data.get("target")), f"{task} task" if task else "")
    judged = _judged(results, model)
    if judged:
        yield Pair("Model", judged, _version(results, judged))
    yield Pair("Author", _text(results.get("author")))
    commit = _text(results.get("commit"))
    if commit:
        yield Pair("Commit", commit[:12], "with uncommitted changes" if results.get("dirty") else "")


def _judged(results: Mapping[str, object], model: Mapping[str, object]) -> str:
    """Name what was judged: the model that the run made, else the one, or the predictions, that it was given."""
    given = _mapping(results.get("parameters"))
    named = (
        model.get("name")
        or given.get("model")
        or (given.get("predictions") and f"predictions in {given['predictions']}")
    )
    return _text(named)


def _version(results: Mapping[str, object], judged: str) -> str:
    """Return what tells the logged model from others of its name, where the name is not that already."""
    given = _mapping(results.get("parameters")).get("model")
    version = _text(_mapping(results.get("mlflow")).get("model_uri") or given).removeprefix("models:/")
    return "" if version in judged else version


def _issues(results: Mapping[str, object]) -> list[Issue]:
    """Return the findings, the most severe first; what is said of several places in the same words is said once."""
    places: dict[tuple[str, str, str], list[str]] = {}
    for entry in _mappings(results.get("findings")):
        code, severity, message, where = (_text(entry.get(key)) for key in ("code", "severity", "message", "where"))
        places.setdefault((code, severity, message), []).append(where)
    found = [Issue(*words, ", ".join(filter(None, wheres))) for words, wheres in places.items()]
    order: dict[str, int] = {severity: rank for rank, severity in enumerate(SEVERITIES)}
    return sorted(found, key=lambda issue: order.get(issue.severity, len(order)))


def _lineage(results: Mapping[str, object], data: Mapping[str, object]) -> Iterator[Pair]:
    commit = _text(results.get("commit"))
    tracked = _mapping(results.get("mlflow"))
    artifacts = results.get("artifacts")
    yield Pair("Template", _text(results.get("template")))
    yield Pair("Command", _text(results.get("command")))
    yield Pair("Data source", _text(data.get("source")))
    yield Pair("Data fingerprint", _text(data.get("fingerprint")))
    yield Pair("Commit", f"{commit} (with uncommitted changes)" if commit and results.get("dirty") else commit)
    yield Pair("MLflow run", _text(tracked.get("run_id")))
    yield Pair("MLflow experiment", _text(tracked.get("experiment")))
    yield Pair("MLflow model", _text(tracked.get("model_uri")))
    yield Pair("Files", ", ".join(map(_shown, artifacts)) if isinstance(artifacts, list) else "")


def _flat(values: Mapping[str, object]) -> Iterator[Pair]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(_mapping(value))
        else:
            yield Pair(name, _shown(value))


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 400 else f"{text[:399]}…"


def _counted(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _mapping(value: object) -> Mapping[str, object]:
    return {str(key): entry for key, entry in value.items()} if isinstance(value, dict) else {}


def _mappings(value: object) -> list[Mapping[str, object]]:
    return [_mapping(entry) for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
