"""The content of a card: what its author is asked and says, and sections of it with facts and tables, in two forms."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from pprint import pformat
from typing import Any, NamedTuple

import pandas as pd
import yaml
from jinja2 import Environment, FileSystemLoader, select_autoescape

from toolkit.core import Estimate, FaceTable, counted, one_line, result_html, shorten, slug, spoken
from toolkit.core.resources import read_mapping, read_yaml, templates_folder, write_text
from toolkit.errors import InputError, listed, nearest

BLANK = "not provided by the author"
#: Rows of a table, and characters of a cell, that the Markdown has; ``card.json`` has all.
MOST_ROWS, LONGEST_CELL = 60, 300
Cell = str | Estimate | int | None
#: Answers, or a file of them.
Author = str | Path | Mapping[str, object] | None
# What Markdown or HTML could take for a mark within a line, and what only at its beginning.
_MARKS = re.compile(r"[\\`*\[\]<>|~$&@]|(?<![^\W_])_|_(?![^\W_])|:(?=//)")
#: More than this belongs into a document that the card links to.
LONGEST = 10_000
_PLACEHOLDER = re.compile(r"\W*|\W*(todo|tbd|tba|fixme|xxx)\W*", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class Question(NamedTuple):
    """One thing only a person can say.

    Attributes
    ----------
    key : str
        Its name in the author's file.
    title, question : str
    text : str
        What the author said; empty where nothing was.
    """

    key: str
    title: str
    question: str
    text: str = ""


#: The sections of a card by their name, in order: title, numbers and questions of each.
SECTIONS: dict[str, dict[str, Any]] = read_yaml(templates_folder() / "card" / "sections.yaml")


def questions_of(section: str, answers: Mapping[str, str]) -> list[Question]:
    """Return what a section asks the author, with what was said."""
    asked = SECTIONS[section].get("questions", {})
    return [Question(key, text=answers.get(key, ""), **words) for key, words in asked.items()]


#: Every question a card asks its author, by its key, in the order of the card.
QUESTIONS = {one.key: one for name in SECTIONS for one in questions_of(name, {})}


def read_author(source: Author) -> dict[str, str]:
    """Read the author's part.

    Parameters
    ----------
    source : path, mapping or None
        A YAML file, or its content: a text or a list of texts by key. None and an empty text stand for no answers.

    Returns
    -------
    dict
        What was answered, by key. Empty answers and placeholders such as ``TODO`` are left out.

    Raises
    ------
    InputError
        Where the file cannot be read, a key is not known, or an answer is no text or too long.

    Examples
    --------
    >>> read_author({"contact": "team@example.org", "risks": "TODO"})
    {'contact': 'team@example.org'}
    """
    source = source or {}
    given = source if isinstance(source, Mapping) else read_mapping(Path(source), "author's file")
    where = "The author's part" if given is source else f"The author's file {str(source)!r}"
    for key in (str(one) for one in given if one not in QUESTIONS):
        near = nearest(key, QUESTIONS)
        raise InputError(f"{where} has an unknown key {key!r}.{near} Known: {listed(QUESTIONS, 40)}.")
    answers = {key: _text(given[key], key, where) for key in QUESTIONS if key in given}
    return {key: text for key, text in answers.items() if not _PLACEHOLDER.fullmatch(text)}


def write_author_file(path: str | Path, *, overwrite: bool = False) -> Path:
    """Write the questions as a YAML file to fill in.

    Raises
    ------
    InputError
        Where there is such a file already and ``overwrite`` is not set, or it cannot be written.
    """
    path = Path(path, "model_card.yaml") if Path(path).is_dir() else Path(path)
    if path.exists() and not overwrite:
        raise InputError(f"{str(path)!r} exists, and may hold answers. Choose another name, or give --overwrite.")
    return write_text(path, environment().get_template("author.yaml.j2").render(sections=SECTIONS))


class Section(NamedTuple):
    """One section of a card.

    Attributes
    ----------
    id, title : str
    lead : str
        What the numbers say, in sentences; may be empty.
    answers : sequence of Question
        What the author was asked, with what was said.
    facts : sequence of (str, str)
        What runs recorded: name and text.
    tables : sequence of FaceTable
    code : str
        Python, in the section that has some.
    numbers : sequence of (int, str)
        Every number the section rests on: place of the report, and dotted name.
    """

    id: str
    title: str
    lead: str = ""
    answers: Sequence[Question] = ()
    facts: Sequence[tuple[str, str]] = ()
    tables: Sequence[FaceTable] = ()
    code: str = ""
    numbers: Sequence[tuple[int, str]] = ()

    @property
    def answered(self) -> int:
        """How many of its questions the author answered."""
        return sum(bool(one.text) for one in self.answers)

    def _repr_html_(self) -> str:
        asked = f": {self.answered} of {counted(len(self.answers), 'question')} answered" if self.answers else ""
        content = environment().get_template("section.html.j2").render(section=self)
        return result_html(self.title + asked, self.lead, [content])


def table_of(caption: str, names: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[FaceTable]:
    """Return rows of numbers or facts as a table, whose first column heads its rows; nothing where there are none."""
    return [FaceTable(caption, pd.DataFrame(rows, columns=list(names), dtype=object))] if rows else []


def as_yaml(content: object) -> str:
    """Write plain values as YAML, in their order."""
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=10**6))


def escape(text: object) -> str:
    r"""Write text so that Markdown and HTML show it as it is, on one line.

    Examples
    --------
    >>> print(escape("a_b <script>"))
    a_b \<script\>
    >>> print(escape("1. *one*"))
    1\. \*one\*
    """
    return re.sub(r"^(\d{0,9})([-+=#.)])", r"\1\\\2", _MARKS.sub(r"\\\g<0>", one_line(text)))


def as_text(value: object) -> str:
    """Write a recorded value: texts as they are, others as JSON, and none where there is none.

    Examples
    --------
    >>> as_text("a"), as_text([1, "b"]), as_text(None)
    ('a', '[1, "b"]', 'none')
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return "none" if value is None else text


@cache
def environment() -> Environment:
    """Return what fills in the templates of a card: ``mark`` writes text for Markdown, and HTML is escaped."""
    loader = FileSystemLoader(templates_folder() / "card")
    made = Environment(loader=loader, autoescape=select_autoescape(["html.j2"], default_for_string=False))
    made.trim_blocks = made.lstrip_blocks = True
    made.globals |= {"blank": BLANK, "most": MOST_ROWS}
    made.filters |= {"mark": escape, "cell": _cell, "shorten": shorten, "fence": _fence}
    made.filters |= {"flow": _flow, "line": one_line, "pairs": _pairs, "slug": partial(slug, most=90)}
    made.filters |= {"listed": listed, "spoken": spoken, "python": partial(pformat, width=100, compact=True)}
    return made


def filled(texts: Mapping[str, str], values: Mapping[str, object]) -> list[tuple[str, str]]:
    """Fill in the texts of ``sections.yaml``; one that comes out empty is left out.

    Examples
    --------
    >>> filled({"Task": "{{ task }}", "Target": "{{ target }}"}, {"task": "binary", "target": ""})
    [('Task', 'binary')]
    """
    made = [(name, environment().from_string(text).render(values).strip()) for name, text in texts.items()]
    return [(name, text) for name, text in made if text]


def _flow(value: object) -> str:
    # As the item of a list: what may stand bare at the beginning of a line may not do so within braces.
    text = str(yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=10**6))
    return text.strip().removeprefix("[").removesuffix("]")


def _pairs(entries: Mapping[str, object]) -> str:
    return ", ".join(f"{key} = {as_text(entry)}" for key, entry in entries.items())


def _cell(value: Cell) -> str:
    if value is None:
        return "–"
    return escape(shorten(f"{value:,}" if isinstance(value, int) else value, LONGEST_CELL))


def _fence(code: str) -> str:
    return "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", code)), default=0))


def _text(value: object, key: str, where: str) -> str:
    parts = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(part, Mapping | list | tuple | set) for part in parts):
        raise InputError(f"{where} answers {key!r} with nested values; write a text, or a list of texts.")
    lines = [str(part).strip() for part in parts if part is not None]
    if len(text := _CONTROL.sub("", "\n".join(line for line in lines if line)).strip()) > LONGEST:
        raise InputError(f"{where} answers {key!r} with {len(text):,} characters, not {LONGEST:,} at most. Link to it.")
    return text
