"""The words of a report that a reviewer may want explained: each unfolds where a section first uses it."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from toolkit.core import read_yaml, slug, templates_folder

_BUTTON = Markup('<button type="button" class="term" popovertarget="{}">{}</button>')


class Term(NamedTuple):
    """A word and what it means; ``spellings`` are other ways a report writes it."""

    title: str
    meaning: str
    spellings: Sequence[str] = ()

    @property
    def id(self) -> str:
        """What the page calls it."""
        return f"term-{slug(self.title)}"


_EXPLAINED = read_yaml(templates_folder() / "review" / "glossary.yaml")
#: The terms that ``glossary.yaml`` explains, in the order of the alphabet.
TERMS = tuple(sorted((Term(**entry) for entry in _EXPLAINED), key=lambda term: term.title.casefold()))
_BY_SPELLING = {spelling.casefold(): term for term in TERMS for spelling in (term.title, *term.spellings)}
_WORDS = "|".join(re.escape(word) for word in sorted(_BY_SPELLING, key=len, reverse=True))
_SPELLING = re.compile(rf"(?<!\w)(?:{_WORDS})(?!\w|\.\w)", re.IGNORECASE)


class Glossary:
    """Finds the terms in the texts of one page, and remembers which were used.

    Examples
    --------
    >>> glossary = Glossary()
    >>> print(glossary.mark("Recall, and recall again", "findings"))
    <button type="button" class="term" popovertarget="term-recall">Recall</button>, and recall again
    >>> [term.title for term in glossary.used]
    ['Recall']
    """

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()

    @property
    def used(self) -> list[Term]:
        """The terms met so far, in the order of the alphabet."""
        met = {name for _, name in self._seen}
        return [term for term in TERMS if term.id in met]

    def pieces(self, text: str, section: str) -> Iterator[tuple[str, Term | None]]:
        """Cut a text at the terms that this section uses for the first time, each of which comes with its term."""
        start = 0
        for found in _SPELLING.finditer(text):
            term = _BY_SPELLING[found.group().casefold()]
            if (section, term.id) not in self._seen:
                self._seen.add((section, term.id))
                yield text[start : found.start()], None
                yield found.group(), term
                start = found.end()
        yield text[start:], None

    def mark(self, text: str, section: str) -> Markup:
        """Write a text as HTML in which a term is a button that unfolds its meaning."""
        pieces = self.pieces(text, section)
        return Markup("").join(_BUTTON.format(term.id, piece) if term else escape(piece) for piece, term in pieces)
