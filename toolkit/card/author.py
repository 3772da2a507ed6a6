"""The author's part of a model card: the questions, the file that is filled in, and what it says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from toolkit.core.resources import read_yaml, templates_folder
from toolkit.errors import InputError, listed, nearest, refusing

#: More than this belongs into a document that the card links to.
LONGEST = 10_000
_PLACEHOLDER = re.compile(r"\W*|\W*(todo|tbd|tba|fixme|xxx)\W*", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Question:
    """One thing only a person can say.

    Attributes
    ----------
    key : str
        Its name in the author's file.
    section : str
        Identifier of the card's section in which the answer stands.
    title, question : str
    """

    key: str
    section: str
    title: str
    question: str


@cache
def sections() -> dict[str, dict[str, Any]]:
    """Return the sections of a card by their name, in order: title, numbers and questions of each.

    Examples
    --------
    >>> sections()["caveats"]["title"]
    'Caveats and recommendations'
    """
    return dict(read_yaml(templates_folder() / "card" / "sections.yaml"))


@cache
def questions() -> tuple[Question, ...]:
    """Return every question a card asks its author, in the order of the card.

    Examples
    --------
    >>> questions()[0].key
    'developers'
    """
    asked = ((name, *one) for name, section in sections().items() for one in section.get("questions", {}).items())
    return tuple(Question(key, name, entry["title"], entry["question"]) for name, key, entry in asked)


def read_author(source: str | Path | Mapping[str, object] | None) -> dict[str, str]:
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
    if not source:
        return {}
    if isinstance(source, Mapping):
        given, where = source, "The author's part"
    else:
        from toolkit.core.yaml_file import read_mapping

        given, where = read_mapping(Path(source), "author's file"), f"The author's file {str(source)!r}"
    known = [question.key for question in questions()]
    for key in given:
        if key not in known:
            near = nearest(str(key), known)
            raise InputError(f"{where} has an unknown key {str(key)!r}.{near} Known: {listed(known, 40)}.")
    answers = {key: _text(given[key], key, where) for key in known if key in given}
    return {key: text for key, text in answers.items() if not _PLACEHOLDER.fullmatch(text)}


def write_author_file(path: str | Path, *, overwrite: bool = False) -> Path:
    """Write the questions as a YAML file to fill in.

    Raises
    ------
    InputError
        Where there is such a file already and ``overwrite`` is not set, or it cannot be written.
    """
    from toolkit.card.content import environment

    path = Path(path, "model_card.yaml") if Path(path).is_dir() else Path(path)
    if path.exists() and not overwrite:
        raise InputError(f"{str(path)!r} exists, and may hold answers. Choose another name, or give --overwrite.")
    with refusing(f"Cannot write {str(path)!r}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(environment().get_template("author.yaml.j2").render(sections=sections()), encoding="utf-8")
    return path


def _text(value: object, key: str, where: str) -> str:
    parts = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(part, Mapping | list | tuple | set) for part in parts):
        raise InputError(f"{where} answers {key!r} with nested values; write a text, or a list of texts.")
    lines = [str(part).strip() for part in parts if part is not None]
    text = _CONTROL.sub("", "\n".join(line for line in lines if line)).strip()
    if len(text) > LONGEST:
        raise InputError(f"{where} answers {key!r} with {len(text):,} characters, not {LONGEST:,} at most. Link to it.")
    return text
