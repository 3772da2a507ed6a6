"""The sections of a card, put together from reports and answers, and which point of a regulation they help with."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any

from toolkit.card.content import Section, environment, filled, questions, sections, table_of
from toolkit.card.lineage import Report, evaluated_metrics, facts_of
from toolkit.card.quantities import MAKERS, compared_groups, gathered
from toolkit.core.estimate import group_numbers
from toolkit.core.face import FaceTable
from toolkit.core.resources import read_yaml, templates_folder
from toolkit.core.result import SEVERITIES, by_severity
from toolkit.core.results import Results
from toolkit.core.words import matching
from toolkit.errors import listed
from toolkit.policy.policy import read_levels
from toolkit.policy.reason import number_words

MOST_FINDINGS = 15


def make_sections(reports: Sequence[Report], answers: Mapping[str, str]) -> tuple[Section, ...]:
    """Return every section of a card, in order.

    Parameters
    ----------
    reports : sequence of Report
        At least one; the first is about the model itself.
    answers : mapping of key to text
    """
    every = [report.results for report in reports]
    found = {name: gathered(every, name) for name, one in sections().items() if name in MAKERS or "caption" in one}
    about = _about(every)
    tables = {name: made for name, (made, _) in found.items()}
    findings = by_severity(dict.fromkeys(one for results in every for one in results.findings))
    grave = [one for one in findings if one.severity != SEVERITIES[-1]]
    worst = [(one.code, one.severity, one.message) for one in grave[:MOST_FINDINGS]]
    caption = f"Findings of the reports ({len(worst)} of {len(grave)}, the most severe first)"
    tables["caveats"] = table_of(caption, ("code", "severity", "finding"), worst) + tables["caveats"] + _triggers()
    tables |= {"lineage": list(_lineage_tables(reports)), "regulation": list(regulation_tables(every, answers))}
    made = []
    for name, section in sections().items():
        lead = environment().from_string(section.get("lead", "")).render(about, numbers=found.get(name)).strip()
        asked = [(one, answers.get(one.key, "")) for one in questions() if one.section == name]
        code = environment().get_template("start.py.j2").render(about) if name == "start" else ""
        facts, numbers = filled(section.get("facts", {}), about), found[name][1] if name in found else ()
        made.append(Section(name, section["title"], lead, asked, facts, tables.get(name, ()), code, numbers))
    return tuple(made)


def _about(every: Sequence[Results]) -> dict[str, Any]:
    """Return what the texts of ``sections.yaml`` may say: of the first report, and of all of them."""
    metrics = [(results.scalars, *one) for results in every for one in evaluated_metrics(results.scalars).items()]
    measured = [(metric, number, scalars.get(f"baseline.{metric}")) for scalars, metric, number in metrics[:1]]
    ones = [one for results in every for one in group_numbers(results.scalars) if one.group and not one.is_disparity]
    counts = Counter(feature for feature, _ in dict.fromkeys((one.feature, one.group) for one in ones))
    sizes = [f"{feature} ({count} groups)" for feature, count in counts.items()]
    found = {"measured": measured, "groups": compared_groups(every)[1], "sizes": sizes}
    first = every[0].scalars
    compared = (name.removeprefix("cv.").rpartition(".")[0] for name in first if name.startswith("cv."))
    found["candidates"] = [*dict.fromkeys(filter(None, compared))]
    found["later"] = [one.data.name for one in every if any(name.startswith("drift.realized.") for name in one.scalars)]
    trained = any(name.startswith("split.train.") for name in first)
    return facts_of(every[0]) | found | {"every": every, "trained": every[:1] if trained else []}


def _triggers() -> list[FaceTable]:
    """Return what is watched by the drift policy that comes with the toolkit, and what each limit leads to."""
    levels = read_levels("drift").levels.items()
    rows = [(level, number_words(name), one.condition) for level, own in levels for name, one in own.numbers.items()]
    caption = "Monitoring by the policy “drift”: a number beyond its limit leads to the decision"
    return table_of(caption, ("decision", "number", "limit"), rows)


def _lineage_tables(reports: Sequence[Report]) -> Iterator[FaceTable]:
    """Return the way from data to run to model to report, a table for each report."""
    for place, report in enumerate(reports, 1):
        rows = filled(sections()["lineage"]["steps"], facts_of(report.results) | {"report": report})
        yield from table_of(f"From data to report {place} of {len(reports)}", ("step", "recorded"), rows)


STATES = ("covered", "partly", "open")


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a regulation.

    Attributes
    ----------
    source, reference : str
        Such as ``EU AI Act, Annex IV``, and where its text is found.
    point, asks : str
    sections, answers, numbers, recorded : sequence of str
        Sections of the card, keys of the author's part, dotted names (``*`` for any text), and facts of a report that
        help to answer it.
    human : str
        What a card cannot hold.
    """

    source: str
    reference: str
    point: str
    asks: str
    sections: Sequence[str] = ()
    answers: Sequence[str] = ()
    numbers: Sequence[str] = ()
    recorded: Sequence[str] = ()
    human: str = ""


@cache
def points() -> tuple[Point, ...]:
    """Return every point, in the order of the sources.

    Examples
    --------
    >>> points()[0].point, points()[-1].point
    ('1(a)', 'A.10')
    """
    sources = read_yaml(templates_folder() / "card" / "regulation.yaml")
    return tuple(Point(each["source"], each["reference"], **one) for each in sources for one in each["points"])


class Coverage:
    """How far a card of some reports and answers answers a point.

    Attributes
    ----------
    point : Point
    used : tuple of str
        The answers, numbers and facts that say something about it.
    state : {"covered", "partly", "open"}
    left : str
        What a person must still write.
    """

    def __init__(self, point: Point, every: Sequence[Results], answers: Mapping[str, str]) -> None:
        titles = {one.key: one.title for one in questions()}
        written = [f"the author on {titles[key].lower()}" for key in point.answers if key in answers]
        known = dict.fromkeys(name for results in every for name in results.scalars)
        measured = {pattern: matching(pattern, known) for pattern in point.numbers}
        facts = [path for path in point.recorded if any(_recorded(results, path) for results in every)]
        self.point = point
        self.used = (*written, *(listed(names, 2) for names in measured.values() if names), *facts)
        blanks = [titles[key].lower() for key in point.answers if key not in answers]
        absent = [pattern for pattern, names in measured.items() if not names]
        complete = not (blanks or absent or point.human or len(facts) < len(point.recorded))
        left = [f"The author's part on {', '.join(blanks)}." if blanks else "", point.human]
        left.append(f"The reports have no number {listed(absent)}." if absent else "")
        self.state = "covered" if self.used and complete else "partly" if self.used else "open"
        self.left = " ".join(filter(None, left))

    def plain(self) -> dict[str, object]:
        """Write it for JSON."""
        texts = {name: getattr(self.point, name) for name in ("source", "point", "asks")}
        return {**texts, "sections": self.point.sections, "used": self.used, "state": self.state, "left": self.left}


def cross_reference(every: Sequence[Results], answers: Mapping[str, str]) -> list[Coverage]:
    """Say for every point how far a card of these reports and answers goes."""
    return [Coverage(point, every, answers) for point in points()]


def regulation_tables(every: Sequence[Results], answers: Mapping[str, str]) -> Iterator[FaceTable]:
    """Return a table for each source."""
    covered = cross_reference(every, answers)
    names = ("point", "asks", "answered from", "a person must still write")
    for source, reference in dict.fromkeys((one.point.source, one.point.reference) for one in covered):
        own = [one for one in covered if one.point.source == source]
        rows = [(one.point.point, one.point.asks, _where(one), one.left) for one in own]
        counts = ", ".join(f"{sum(one.state == state for one in own)} {state}" for state in STATES)
        yield from table_of(f"{source} ({reference}): {counts} of {len(own)} points", names, rows)


def _where(one: Coverage) -> str:
    if not one.used:
        return "Open."
    places = ", ".join(sections()[name]["title"] for name in one.point.sections)
    return f"{one.state.capitalize()}. {places}: {'; '.join(one.used)}."


def _recorded(results: object, path: str) -> bool:
    """Whether a report has a fact such as ``model.settings``."""
    return bool(reduce(lambda found, name: getattr(found, name, None), path.split("."), results))
