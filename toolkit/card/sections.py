"""The sections of a card, put together from reports and answers, and which point of a regulation they help with."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache, reduce
from itertools import groupby
from operator import itemgetter
from typing import Any

from toolkit.card.content import Section, environment, filled, questions, sections, table_of
from toolkit.card.lineage import Report, evaluated_metrics, facts_of
from toolkit.card.quantities import compared_groups, gathered
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
    found = {name: gathered(every, name) for name in sections()}
    about, tables = _about(every), {name: made for name, (made, _) in found.items()}
    findings = by_severity(dict.fromkeys(one for results in every for one in results.findings))
    grave = [one for one in findings if one.severity != SEVERITIES[-1]]
    worst = [(one.code, one.severity, one.message) for one in grave[:MOST_FINDINGS]]
    caption = f"Findings of the reports ({len(worst)} of {len(grave)}, the most severe first)"
    tables["caveats"] = table_of(caption, ("code", "severity", "finding"), worst) + tables["caveats"] + _triggers()
    tables |= {"lineage": list(_lineage_tables(reports)), "regulation": list(regulation_tables(every, answers))}
    made = []
    for name, section in sections().items():
        lead = environment().from_string(section.get("lead", "")).render(about, numbers=found[name][1]).strip()
        asked = [replace(one, text=answers.get(one.key, "")) for one in questions() if one.section == name]
        code = environment().get_template("start.py.j2").render(about) if name == "start" else ""
        facts = filled(section.get("facts", {}), about)
        made.append(Section(name, section["title"], lead, asked, facts, tables[name], code, found[name][1]))
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


@cache
def points() -> list[dict[str, Any]]:
    """Return every point of the regulations as ``regulation.yaml`` has it, in the order of the sources.

    Examples
    --------
    >>> points()[0]["point"], points()[-1]["point"]
    ('1(a)', 'A.10')
    """
    bare: dict[str, Any] = {"sections": [], "answers": [], "numbers": [], "recorded": [], "human": ""}
    sources = read_yaml(templates_folder() / "card" / "regulation.yaml")
    named = ((each["points"], {name: each[name] for name in ("source", "reference")}) for each in sources)
    return [bare | source | point for own, source in named for point in own]


def cross_reference(every: Sequence[Results], answers: Mapping[str, str]) -> list[dict[str, Any]]:
    """Say for every point how far a card of these reports and answers goes, as ``card.json`` has it.

    ``used`` are the answers, numbers and facts that say something about it, ``left`` is what a person must still write,
    and ``state`` is covered, partly or open.
    """
    titles = {one.key: one.title.lower() for one in questions()}
    known = dict.fromkeys(name for results in every for name in results.scalars)
    found = []
    for point in points():
        written = [f"the author on {titles[key]}" for key in point["answers"] if key in answers]
        blanks = [titles[key] for key in point["answers"] if key not in answers]
        measured = {pattern: listed(matching(pattern, known), 2) for pattern in point["numbers"]}
        absent = [pattern for pattern, names in measured.items() if not names]
        facts = [path for path in point["recorded"] if any(_recorded(results, path) for results in every)]
        used = [*written, *filter(None, measured.values()), *facts]
        left = [f"The author's part on {', '.join(blanks)}." if blanks else "", point["human"]]
        left.append(f"The reports have no number {listed(absent)}." if absent else "")
        complete = not any(left) and len(facts) == len(point["recorded"])
        state = "covered" if used and complete else "partly" if used else "open"
        said = {"used": used, "state": state, "left": " ".join(filter(None, left))}
        found.append({name: point[name] for name in ("source", "point", "asks", "sections")} | said)
    return found


def regulation_tables(every: Sequence[Results], answers: Mapping[str, str]) -> Iterator[FaceTable]:
    """Return a table for each source."""
    names = ("point", "asks", "answered from", "a person must still write")
    references = {one["source"]: one["reference"] for one in points()}
    for source, points_of in groupby(cross_reference(every, answers), itemgetter("source")):
        own = list(points_of)
        rows = [(one["point"], one["asks"], _where(**one), one["left"]) for one in own]
        states = [one["state"] for one in own]
        counts = ", ".join(f"{states.count(state)} {state}" for state in ("covered", "partly", "open"))
        yield from table_of(f"{source} ({references[source]}): {counts} of {len(own)} points", names, rows)


def _where(state: str, used: Sequence[str], **point: Any) -> str:
    places = ", ".join(sections()[name]["title"] for name in point["sections"])
    return f"{state.capitalize()}. {places}: {'; '.join(used)}." if used else "Open."


def _recorded(results: object, path: str) -> bool:
    """Whether a report has a fact such as ``model.settings``."""
    return bool(reduce(lambda found, name: getattr(found, name, None), path.split("."), results))
