"""The content of a card, ready to be written in any format: sections of answers, facts and tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from toolkit.core.estimate import Estimate
from toolkit.core.face import result_html, table_html
from toolkit.core.words import shorten

#: Characters of a recorded fact that the page shows; ``card.json`` has all.
MOST_TEXT = 1000
BLANK = "not provided by the author"
Cell = str | Estimate | int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the author was asked, and said; ``text`` is empty where nothing was."""

    key: str
    title: str
    question: str
    text: str


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a run recorded."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers or facts in rows; the first column heads its row."""

    caption: str
    names: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a card.

    Attributes
    ----------
    id, title : str
    lead : str
        What the numbers say, in sentences; may be empty.
    answers : tuple of Answer
    facts : tuple of Fact
    tables : tuple of Table
    code : str
        Python, in the section that has some.
    numbers : tuple of (int, str)
        Every number the section rests on: place of the report, and dotted name.
    """

    id: str
    title: str
    lead: str = ""
    answers: tuple[Answer, ...] = ()
    facts: tuple[Fact, ...] = ()
    tables: tuple[Table, ...] = ()
    code: str = ""
    numbers: tuple[tuple[int, str], ...] = ()

    def _repr_html_(self) -> str:
        answered = sum(bool(answer.text) for answer in self.answers)
        asked = f": {answered} of {len(self.answers)} questions answered" if self.answers else ""
        return result_html(self.title + asked, self.lead, [*_answers_html(self.answers), *self._facts_html()])

    def _facts_html(self) -> list[str]:
        import pandas as pd

        parts = []
        if self.facts:
            texts = ((escape(one.name), escape(shorten(one.text, MOST_TEXT))) for one in self.facts)
            items = (f"<li><strong>{name}:</strong> {text}</li>" for name, text in texts)
            parts.append(f"<ul>{''.join(items)}</ul>")
        if self.code:
            parts.append(f"<pre><code>{escape(self.code)}</code></pre>")
        parts += [
            table_html(pd.DataFrame(list(table.rows), columns=list(table.names), dtype=object), table.caption)
            for table in self.tables
        ]
        return parts


def as_text(value: object) -> str:
    """Write a recorded value: texts as they are, others as JSON; None is empty.

    Examples
    --------
    >>> as_text("a"), as_text([1, "b"]), as_text(None)
    ('a', '[1, "b"]', '')
    """
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _answers_html(answers: Sequence[Answer]) -> list[str]:
    if not answers:
        return []
    items = "".join(
        f"<dt><strong>{escape(one.title)}</strong> <small>{escape(one.question)}</small></dt>"
        f"<dd>{_lines(one.text) if one.text else f'<em>{BLANK}</em>'}</dd>"
        for one in answers
    )
    return [f"<dl>{items}</dl>"]


def _lines(text: str) -> str:
    return "<br>".join(escape(line) for line in text.splitlines())
