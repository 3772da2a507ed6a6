"""What a reviewer reads first, made of results alone: verdict, facts, findings, key numbers."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from toolkit.core.estimate import KeyNumber
from toolkit.core.resources import beside
from toolkit.core.result import Finding, Severity, by_severity
from toolkit.core.results import Results, RuleOutcome
from toolkit.core.words import counted, shorten
from toolkit.errors import InputError
from toolkit.policy.reason import reason
from toolkit.report.key_numbers import sentence


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


VERDICTS = {str(name): Verdict(**words) for name, words in beside(__file__, "verdicts.yaml").items()}


@dataclass(frozen=True, slots=True)
class Issue(Finding):
    """A finding, as it is shown; ``link`` leads to the section that shows it, where one does."""

    link: str = ""
    section: str = ""

    @property
    def tone(self) -> str:
        """How loud it is shown."""
        return {"critical": "bad", "high": "bad", "medium": "unsure"}.get(self.severity, "none")


@dataclass(frozen=True, slots=True)
class Summary:
    """All that a page shows of results."""

    results: Results
    verdict: Verdict
    rules: Sequence[tuple[RuleOutcome, Verdict]]
    sentence: str
    model: str
    finding_counts: str
    findings: Sequence[Issue]
    key_numbers: Sequence[KeyNumber]


def read_summary(content: bytes | Mapping[str, object], name: str) -> tuple[Summary | None, Verdict]:
    """Summarize results as a report left them; where they cannot be read, the verdict says why."""
    try:
        summary = summarize(Results.read(content, name))
    except InputError as error:
        return None, replace(VERDICTS["unreadable"], meaning=str(error))
    return summary, summary.verdict


def summarize(results: Results) -> Summary:
    """Make the summary of one run.

    Examples
    --------
    >>> from toolkit.core.results import DataInfo, PolicyVerdict
    >>> summarize(Results(data=DataInfo("wine"), scalars={}, verdict=PolicyVerdict("pass"))).verdict.word
    'Pass'
    """
    issues, verdict = _issues(results.findings), results.verdict
    chosen = str(results.recorded.get("metric") or "").removeprefix("neg_")
    counts = Counter(one.severity for one in by_severity(results.findings))
    # The metric that chose the model comes first, then what its decisions are worth, and what is not defined last.
    numbers = sorted(results.key_numbers, key=lambda one: not (chosen and one.name.startswith(f"test.{chosen}")))
    numbers[1:] = sorted(numbers[1:], key=lambda one: one.name not in ("test.precision", "test.recall"))
    numbers.sort(key=lambda one: math.isnan(one.value.value))
    serious = counts["critical"] + counts["high"]
    said = [results.headline] if results.headline else [sentence(number) for number in numbers[:1]]
    if not any(rule.name == "findings" and rule.outcome not in ("pass", "ok") for rule in verdict.rules):
        said.append(f"{counted(serious, 'finding') if serious else 'No finding'} of high or critical severity.")
    judged = VERDICTS[verdict.outcome or "no policy"]
    judged = replace(judged, meaning=reason(verdict, results.scalars)) if verdict.outcome else judged
    rules = [(rule, VERDICTS[rule.outcome]) for rule in verdict.rules]
    found = ", ".join(f"{count} {severity}" for severity, count in counts.items()) or "none"
    return Summary(results, judged, rules, " ".join(said), _judged(results), found, issues, numbers)


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
    return f"{when.day} {when:%B %Y, %H:%M} {(when.tzname() or '').removesuffix('+00:00')}".strip()


def _judged(results: Results) -> str:
    """Name what was judged: the model that the run made, else the one, or the predictions, that it was given."""
    given = results.parameters
    predictions = f"predictions in {given['predictions']}" if given.get("predictions") else ""
    return str((results.model and results.model.name) or given.get("model") or predictions)


def _issues(findings: Sequence[Finding]) -> list[Issue]:
    """Return the findings, the most severe first; what is said of several places in the same words is said once."""
    alike: dict[tuple[str, Severity, str], list[Finding]] = {}
    for one in by_severity(findings):
        alike.setdefault((one.code, one.severity, one.message.replace(repr(one.where), "")), []).append(one)
    named = ((ones[0], ", ".join(one.where for one in ones if one.where)) for ones in alike.values())
    return [Issue(one.code, one.severity, one.message, where) for one, where in named]


def shown(value: object) -> str:
    """Write the value of a parameter."""
    if value is None:
        return "not set"
    return shorten(value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False), 400)
