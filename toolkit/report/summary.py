"""What a reviewer reads first, made of results alone: verdict, facts, findings, key numbers in words and drawn."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from markupsafe import Markup

from toolkit.core import Finding, Results, beside, by_severity, cell_html, counted, face_macros, printable, shorten
from toolkit.core.estimate import Estimate, KeyNumber, direction, format_number
from toolkit.errors import InputError, listed
from toolkit.policy.reason import number_words, reason


class Verdict(NamedTuple):
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


class Summary:
    """All that a page shows of the results of one run.

    Attributes
    ----------
    results : Results
    verdict : Verdict
    rules : list of (RuleOutcome, Verdict)
    sentence : str
        For somebody who reads nothing else.
    model : str
        What was judged.
    findings : list of Issue
        The most severe first.
    key_numbers : list of KeyNumber
        In the order of the page.

    Examples
    --------
    >>> from toolkit.core.results import DataInfo, PolicyVerdict
    >>> Summary(Results(data=DataInfo("wine"), scalars={}, verdict=PolicyVerdict("pass"))).verdict.word
    'Pass'
    """

    def __init__(self, results: Results) -> None:
        self.results, judged, given = results, results.verdict, results.parameters
        verdict = VERDICTS["unjudged" if results.unjudged else judged.outcome or "no policy"]
        said = reason(judged, results.scalars) if judged.outcome else results.unjudged or verdict.meaning
        self.verdict = verdict._replace(meaning=said)
        self.rules = [(rule, VERDICTS[rule.outcome]) for rule in judged.rules]
        # The model that the run made, else the one, or the predictions, that it was given.
        predictions = f"predictions in {given['predictions']}" if given.get("predictions") else ""
        self.model = str((results.model and results.model.name) or given.get("model") or predictions)
        # In each table first the metric that chose the model, then what decisions are worth; last what is not defined.
        chosen = str(results.recorded.get("metric") or "").removeprefix("neg_")
        numbers = sorted(results.key_numbers, key=lambda one: not (chosen and one.name.startswith(f"test.{chosen}")))
        firsts = [table[0] for table in key_tables(numbers)]
        numbers.sort(key=lambda one: (one not in firsts, one.name not in ("test.precision", "test.recall")))
        self.key_numbers = sorted(numbers, key=lambda one: math.isnan(one.value.value))
        # What is said of several places in the same words is said once.
        alike: dict[tuple[str, str, str], list[Finding]] = {}
        for one in by_severity(results.findings):
            alike.setdefault((one.code, one.severity, one.message.replace(repr(one.where), "")), []).append(one)
        named = ((ones[0], ", ".join(one.where for one in ones if one.where)) for ones in alike.values())
        self.findings = [Issue(one.code, one.severity, one.message, where) for one, where in named]
        serious = sum(one.severity in ("critical", "high") for one in results.findings)
        words = [results.headline] if results.headline else [sentence(number) for number in self.key_numbers[:1]]
        if not any(rule.name == "findings" and rule.outcome not in ("pass", "ok") for rule in judged.rules):
            words.append(f"{counted(serious, 'finding') if serious else 'No finding'} of high or critical severity.")
        self.sentence = " ".join(words)


def read_summary(content: bytes | Mapping[str, object] | None, name: str) -> tuple[Summary | None, Verdict]:
    """Summarize results as a report left them; where there are none or they cannot be read, the verdict says so."""
    if content is None:
        return None, VERDICTS["unpublished"]
    try:
        summary = Summary(Results.read(content, name))
    except InputError as error:
        return None, VERDICTS["unreadable"]._replace(meaning=str(error))
    return summary, summary.verdict


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


def shown(value: object) -> str:
    """Write the value of a parameter."""
    if value is None:
        return "not set"
    return shorten(value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False), 400)


OWN_SCALE = 0.2  # up to here an interval on a scale from 0 to 1 could not be seen


def difference_html(number: KeyNumber) -> Markup:
    """Write the difference to what a key number is compared with, with its sign and interval."""
    sign = "+" if number.difference.value > 0 else ""
    return Markup("–") if math.isnan(number.difference.value) else sign + cell_html(number.difference)


def direction_words(number: KeyNumber) -> str:
    """Tell whether the difference is for better or worse; empty where the metric has no such direction.

    Examples
    --------
    >>> direction_words(KeyNumber("test.f1", "F1", Estimate(0.5), difference=Estimate(0.2, 0.1, 0.3)))
    'better'
    """
    gain, better = number.difference, number.better or direction(number.name.rpartition(".")[2])
    if not better or not gain.has_interval:
        return ""
    if gain.low <= 0 <= gain.high:
        return "no clear difference"
    return "better" if (gain.value < 0) == (better == "lower") else "worse"


def sentence(number: KeyNumber) -> str:
    """Say a key number to someone who reads nothing else.

    Examples
    --------
    >>> sentence(KeyNumber("test.f1", "F1", Estimate(0.5, 0.4, 0.6), "test part", "baseline", Estimate(0.1)))
    'F1 on the test part is 0.500 (95% interval 0.400 to 0.600); the baseline has 0.100.'
    """
    value, difference = number.value, number.difference
    name, where = number.label or number.name, f" on the {number.on}" if number.on else ""
    if math.isnan(value.value):
        return f"{name} is not defined{where}."
    said = "{} (95% interval {} to {})".format(*value.texts()) if value.has_interval else format_number(value.value)
    text = f"{name}{where} is {said}"
    if math.isnan(number.other.value) or not number.beside:
        return f"{text}."
    text += f"; the {number.beside} has {format_number(number.other.value)}."
    if difference.has_interval and difference.low <= 0 <= difference.high:
        text += " The difference between them could be zero."
    return text


def key_tables(numbers: Sequence[KeyNumber]) -> list[list[KeyNumber]]:
    """Put the numbers that are comparable with each other into a table of their own, in the order given."""
    kinds = dict.fromkeys((one.on, one.beside) for one in numbers)
    return [[one for one in numbers if (one.on, one.beside) == kind] for kind in kinds]


def draw_interval(estimate: Estimate, baseline: float = math.nan) -> Markup:
    """Draw an estimate as a dot on its interval, and the baseline as a tick, on a scale that holds both.

    The scale is 0 to 1 where all of them lie there, unless all are small; else it reaches from 0 to a round number
    beyond them.
    The numbers stand beside it in the table, so the drawing is hidden from screen readers.
    """
    numbers = {"value": estimate.value, "low": estimate.low, "high": estimate.high, "baseline": baseline}
    if "value" not in (known := {name: number for name, number in numbers.items() if math.isfinite(number)}):
        return Markup("")
    lowest, highest = 0.0 - _round_beyond(-min(known.values())), _round_beyond(max(known.values()))
    if lowest == 0 and (OWN_SCALE < highest <= 1 or highest == 0):
        highest = 1.0
    known |= {"zero": 0.0} if lowest < 0 < highest else {}
    at = {name: f"{4 + 112 * (number - lowest) / (highest - lowest):.1f}" for name, number in known.items()}
    return Markup(face_macros().interval(at, _short(lowest), _short(highest)))  # noqa: S704 - escaped


def draw_series(estimates: Sequence[Estimate], place: int) -> Markup:
    """Draw the same number over several runs as a small line with intervals, the one at ``place`` with a large dot.

    Numbers that are not finite are left out; empty where fewer than two are left.
    """
    if len(finite := [(where, one) for where, one in enumerate(estimates) if math.isfinite(one.value)]) < 2:
        return Markup("")
    ends = [end for _, one in finite for end in (one.value, one.low, one.high) if math.isfinite(end)]
    lowest, highest = min(ends), max(ends)
    scale = max(abs(lowest), abs(highest), 1e-300)
    height = highest / scale - lowest / scale

    def down(value: float) -> str:
        return f"{21 - 18 * (value / scale - lowest / scale) / height if height else 12:.1f}"

    steps = []
    for step, (where, one) in enumerate(finite):
        reach = [down(one.low), down(one.high)] if math.isfinite(one.low) and math.isfinite(one.high) else []
        across, here = f"{6 + 88 * step / (len(finite) - 1):.1f}", where == place
        steps.append({"across": across, "down": down(one.value), "ends": reach, "here": here})
    return Markup(face_macros().series(steps))  # noqa: S704 - escaped


def _round_beyond(number: float) -> float:
    if number <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(number))
    return next((step * power for step in (1, 2, 5, 10) if step * power >= number), number)


def _short(number: float) -> str:
    text = format_number(number)
    return text.rstrip("0").rstrip(".") if "." in text else text


#: What writes them in the templates.
FILTERS = {"drawn": draw_interval, "difference": difference_html, "direction": direction_words, "tables": key_tables}
FILTERS |= {"date": readable_date, "shown": shown, "words": number_words, "plain": format_number, "cell": cell_html}
FILTERS |= {"counted": counted, "listed": listed, "printable": printable}
