"""What a reviewer reads first, made of results alone: verdict, facts, findings, key numbers."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import yaml

from toolkit.core.result import Finding, Severity, by_severity
from toolkit.core.results import KeyNumber, Results, RuleOutcome
from toolkit.core.words import counted, shorten
from toolkit.errors import listed
from toolkit.policy.reason import number_words, reason
from toolkit.report.key_numbers import key_tables, sentence


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


_TEXTS = yaml.safe_load(Path(__file__).with_name("verdicts.yaml").read_text(encoding="utf-8"))
_VERDICTS = {str(name): Verdict(**words) for name, words in _TEXTS.items()}
NO_POLICY, FAILED, UNREADABLE, UNPUBLISHED = (
    _VERDICTS[name] for name in ("no policy", "failed", "unreadable", "unpublished")
)


@dataclass(frozen=True, slots=True)
class Issue:
    """A finding, as it is shown; ``link`` leads to the section that shows it, where one does."""

    code: str
    severity: Severity
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

    results: Results
    verdict: Verdict
    rules: Sequence[tuple[RuleOutcome, Verdict]]
    left_out: str
    sentence: str
    created: str
    model: str
    finding_counts: str
    facts: Sequence[Pair]
    findings: Sequence[Issue]
    key_numbers: Sequence[KeyNumber]
    key_tables: Sequence[Sequence[KeyNumber]]
    parameters: Sequence[Pair]
    environment: Sequence[Pair]
    lineage: Sequence[Pair]


def summarize(results: Results) -> Summary:
    """Make the summary of one run.

    Examples
    --------
    >>> from toolkit.core.results import DataInfo, PolicyVerdict
    >>> summarize(Results(data=DataInfo("wine"), scalars={}, verdict=PolicyVerdict("pass"))).verdict.word
    'Pass'
    """
    issues, verdict = _issues(results.findings), results.verdict
    rules = [(rule, _VERDICTS[rule.outcome]) for rule in verdict.rules]
    chosen = str(results.recorded.get("metric") or "").removeprefix("neg_")
    counts = Counter(issue.severity for issue in issues)
    # The metric that chose the model comes first, and what is not defined last.
    numbers = sorted(
        results.key_numbers,
        key=lambda one: (math.isnan(one.value.value), not (chosen and one.name.startswith(f"test.{chosen}"))),
    )
    serious = sum(issue.tone == "bad" for issue in issues)
    count = counted(serious, "finding") if serious else "No finding"
    said = [results.headline] if results.headline else [sentence(number) for number in numbers[:1]]
    return Summary(
        results=results,
        verdict=replace(_VERDICTS[verdict.outcome], meaning=reason(verdict, results.scalars))
        if verdict.outcome
        else NO_POLICY,
        rules=rules,
        left_out=listed(map(number_words, verdict.left_out)),
        sentence=" ".join([*said, f"{count} of high or critical severity."]),
        created=readable_date(results.created),
        model=_judged(results),
        finding_counts=", ".join(f"{count} {severity}" for severity, count in counts.items()) or "none",
        facts=list(_facts(results)),
        findings=issues,
        key_numbers=numbers,
        key_tables=key_tables(numbers),
        parameters=pairs(results.parameters),
        environment=pairs(results.environment),
        lineage=list(_lineage(results)),
    )


def pairs(values: Mapping[str, object]) -> list[Pair]:
    """List the entries of a mapping for a reader."""
    return [Pair(str(name), _shown(value)) for name, value in values.items()]


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


def _facts(results: Results) -> Iterator[Pair]:
    data, judged = results.data, _judged(results)
    group = results.parameters.get("group")
    yield Pair("Data", data.name, short_fingerprint(data.fingerprint))
    yield Pair("Size", f"{counted(data.rows, 'row')}, {counted(data.columns, 'column')}" if data.rows else "")
    yield Pair("Unit of observation", f"all rows of one {group}" if group else "one row" if data.rows else "")
    yield Pair("Target", data.target)
    if judged:
        # What tells the logged model from others of its name, where the name is not that already.
        address = str(results.mlflow.model_uri or results.parameters.get("model") or "").removeprefix("models:/")
        yield Pair("Model", judged, "" if address in judged else address)
    yield Pair("Threshold", str(results.recorded.get("threshold") or ""))


def _judged(results: Results) -> str:
    """Name what was judged: the model that the run made, else the one, or the predictions, that it was given."""
    given = results.parameters
    predictions = f"predictions in {given['predictions']}" if given.get("predictions") else ""
    return str((results.model and results.model.name) or given.get("model") or predictions)


def _issues(findings: Sequence[Finding]) -> list[Issue]:
    """Return the findings, the most severe first; what is said of several places in the same words is said once."""
    places: dict[tuple[str, Severity, str], list[str]] = {}
    for one in by_severity(findings):
        places.setdefault((one.code, one.severity, one.message), []).append(one.where)
    return [Issue(*words, ", ".join(filter(None, wheres))) for words, wheres in places.items()]


def _lineage(results: Results) -> Iterator[Pair]:
    changed = " (with uncommitted changes)" if results.commit and results.dirty else ""
    yield Pair("Author", results.author)
    yield Pair("Template", results.template)
    yield Pair("Data source", results.data.source)
    yield Pair("Data fingerprint", results.data.fingerprint)
    yield Pair("Commit", (results.commit or "") + changed)
    yield Pair("MLflow run", results.mlflow.run_id)
    yield Pair("MLflow experiment", results.mlflow.experiment)
    yield Pair("MLflow model", results.mlflow.model_uri)
    yield Pair("Files", ", ".join(results.artifacts))


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    return shorten(text, 400)
