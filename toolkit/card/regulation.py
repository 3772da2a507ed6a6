"""Which section of a card helps to answer which point of a regulation, and what a person must still write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from toolkit.card.author import questions, sections
from toolkit.card.content import table_of
from toolkit.core.face import FaceTable
from toolkit.core.resources import templates_folder
from toolkit.core.results import Results
from toolkit.core.words import matching
from toolkit.errors import listed

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
    ('1(a)', 'Manage 4')
    """
    import yaml

    sources = yaml.safe_load((templates_folder() / "card" / "regulation.yaml").read_text(encoding="utf-8"))
    return tuple(
        Point(source["source"], source["reference"], **entry) for source in sources for entry in source["points"]
    )


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far a card answers a point.

    Attributes
    ----------
    point : Point
    used : tuple of str
        The answers, numbers and facts that say something about it.
    state : {"covered", "partly", "open"}
    left : str
        What a person must still write.
    """

    point: Point
    used: tuple[str, ...]
    state: str
    left: str

    def plain(self) -> dict[str, object]:
        """Write it for JSON."""
        texts = {name: getattr(self.point, name) for name in ("source", "point", "asks")}
        return {**texts, "sections": self.point.sections, "used": self.used, "state": self.state, "left": self.left}


def cross_reference(every: Sequence[Results], answers: Mapping[str, str]) -> list[Coverage]:
    """Say for every point how far a card of these reports and answers goes."""
    return [_coverage(point, every, answers) for point in points()]


def regulation_tables(every: Sequence[Results], answers: Mapping[str, str]) -> list[FaceTable]:
    """Return a table for each source."""
    covered = cross_reference(every, answers)
    names = ("point", "asks", "answered from", "a person must still write")
    tables: list[FaceTable] = []
    for source, reference in dict.fromkeys((one.point.source, one.point.reference) for one in covered):
        own = [one for one in covered if one.point.source == source]
        rows = [(one.point.point, one.point.asks, _where(one), one.left) for one in own]
        counts = ", ".join(f"{sum(one.state == state for one in own)} {state}" for state in STATES)
        tables += table_of(f"{source} ({reference}): {counts} of {len(own)} points", names, rows)
    return tables


def _where(one: Coverage) -> str:
    if not one.used:
        return "Open."
    places = ", ".join(sections()[name]["title"] for name in one.point.sections)
    return f"{one.state.capitalize()}. {places}: {'; '.join(one.used)}."


def _coverage(point: Point, every: Sequence[Results], answers: Mapping[str, str]) -> Coverage:
    titles = {one.key: one.title for one in questions()}
    written = [f"the author on {titles[key].lower()}" for key in point.answers if key in answers]
    known = dict.fromkeys(name for results in every for name in results.scalars)
    measured = {pattern: matching(pattern, known) for pattern in point.numbers}
    facts = [path for path in point.recorded if any(_recorded(results, path) for results in every)]
    used = (*written, *(listed(names, 2) for names in measured.values() if names), *facts)
    blanks = [titles[key].lower() for key in point.answers if key not in answers]
    absent = [pattern for pattern, names in measured.items() if not names]
    complete = not (blanks or absent or point.human or len(facts) < len(point.recorded))
    left = [f"The author's part on {', '.join(blanks)}." if blanks else "", point.human]
    left.append(f"The reports have no number {listed(absent)}." if absent else "")
    state = "covered" if used and complete else "partly" if used else "open"
    return Coverage(point, used, state, " ".join(text for text in left if text))


def _recorded(results: Results, path: str) -> bool:
    """Whether a report has a fact such as ``model.settings``."""
    found: Any = results
    for name in path.split("."):
        found = getattr(found, name, None)
    return bool(found)
