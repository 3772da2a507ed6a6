"""HTML out of a notebook made safe for a report: an allow-list of elements, one order of headings, ids to link to.

Parsing is html5lib's, through bleach, so that what is checked here is what a browser will see.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from html import escape, unescape
from typing import Any

from bleach.sanitizer import Cleaner
from markupsafe import Markup

from toolkit.report.glossary import Glossary

Token = dict[str, Any]

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = {"blockquote", "dd", "details", "div", "dl", "dt", "hr", "li", "ol", "p", "pre", "summary", "ul", *_HEADINGS}
_INLINE = {"a", "abbr", "b", "br", "code", "del", "em", "i", "ins", "kbd", "mark", "q", "s", "samp", "small", "span"}
_INLINE |= {"strong", "sub", "sup", "tt", "u", "var"}
_TABLES = {"caption", "col", "colgroup", "table", "tbody", "td", "tfoot", "th", "thead", "tr"}
_ALLOWED = frozenset(_BLOCKS | _INLINE | _TABLES | {"figcaption", "figure", "img"})
# Parsed as what they are, so that their content goes with them; any other element loses its tags and keeps its text.
_DROPPED = frozenset(
    {"audio", "button", "canvas", "iframe", "math", "noscript", "object", "script", "select", "style", "svg"}
    | {"template", "textarea", "title", "video"}
)
_IMAGE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*")
_CSV = re.compile(r"data:text/csv;charset=utf-8,[\w%.~,:;/@!$()*+=?-]*", re.ASCII)
_CLASSES = re.compile(r"((tk-[a-z-]+|highlight|dataframe|[a-z][a-z0-9]{0,2})(\s+|$))*")
_ATTRIBUTES = {
    "a": re.compile("href|title"),
    "abbr": re.compile("title"),
    "img": re.compile("alt|height|title|width"),
    "ol": re.compile("start"),
    "td": re.compile("colspan|rowspan"),
    "th": re.compile("colspan|rowspan|scope"),
}
_MOST_COLUMNS_AT_REST = 4
_NO_TERMS_IN = frozenset({"a", "code", "kbd", "pre", "samp", "summary", "thead", "tt", *_HEADINGS})


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of the page: its text and the id to link to."""

    text: str
    id: str


class PageCleaner:
    """Cleans the pieces of one page, one after the other; ids and numbers of figures and tables run on.

    Attributes
    ----------
    title : str
        Text of the heading that was taken out as the page's title; empty until there is one.
    sections : list of Heading
        Second-level headings met in prose, in order.
    latest : str
        Id of the figure or table met last.
    findings : dict of str to Heading
        Where a result shows a finding: by its text, the section's words and the finding's id.

    Examples
    --------
    >>> print(PageCleaner().clean('<p onclick="steal()">1 &lt; 2<script>alert(1)</script></p>'))
    <p>1 &lt; 2</p>
    """

    def __init__(self, reserved: frozenset[str] = frozenset(), glossary: Glossary | None = None) -> None:
        self.title = ""
        self.sections: list[Heading] = []
        self.findings: dict[str, Heading] = {}
        self.glossary = Glossary() if glossary is None else glossary
        self._ids = set(reserved)
        self.latest = ""
        self._counts: Counter[str] = Counter()

    def clean(self, html: str, *, shift: int = 3, prose: bool = False, title: bool = False) -> Markup:
        """Return ``html`` with nothing in it that acts, loads or breaks the order of the page.

        Parameters
        ----------
        html : str
            A fragment, from anywhere.
        shift : int
            How many levels the headings go down; they end between 2 and 6.
        prose : bool
            Whether this is a notebook's own text, whose second-level headings are the page's sections.
        title : bool
            Whether a first-level heading in it is the page's title, to be taken out.
        """
        arrange = partial(_Arranger, page=self, shift=shift, prose=prose, title=title)
        cleaner = Cleaner(
            tags=_ALLOWED | _DROPPED,
            attributes=_attribute_allowed,
            protocols={"http", "https", "mailto", "data"},
            strip=True,
            filters=[arrange, partial(_terms_marked, page=self), _breakable],
        )
        return Markup(cleaner.clean(html))  # noqa: S704 - this is the sanitizer

    def unique_id(self, text: str) -> str:
        """Make an id of ``text`` that no other element of the page has."""
        base = slug(text)
        number, name = 1, base
        while name in self._ids:
            number += 1
            name = f"{base}-{number}"
        self._ids.add(name)
        return name

    def number(self, kind: str) -> int:
        """Return the next number of a kind of thing: figure, table."""
        self._counts[kind] += 1
        return self._counts[kind]

    def shows(self, text: str) -> str:
        """Note that a finding is shown here, and return the id to link to; empty where it was shown before."""
        if text in self.findings:
            return ""
        section = self.sections[-1].text if self.sections else ""
        self.findings[text] = Heading(section, self.unique_id("finding"))
        return self.findings[text].id


def slug(text: str) -> str:
    """Write a heading as an id.

    Examples
    --------
    >>> slug("How good is it? (à peu près)")
    'how-good-is-it-à-peu-près'
    """
    return re.sub(r"\W+", "-", text.casefold()).strip("-") or "section"


class _Arranger:
    """An html5lib filter, run after the sanitizer: drops, renumbers and labels what is left."""

    def __init__(self, source: Any, page: PageCleaner, shift: int, prose: bool, title: bool) -> None:
        self.tokens = list(_without_dropped(source))
        self.page, self.shift, self.prose, self.title = page, shift, prose, title
        self.data_end = 0

    def __iter__(self) -> Iterator[Token]:
        position = 0
        while position < len(self.tokens):
            token = self.tokens[position]
            kind, name = token["type"], token.get("name", "")
            if kind == "StartTag" and name in (*_HEADINGS, "figure", "table"):
                end = _end_of(self.tokens, position)
                inside = self.tokens[position + 1 : end]
                if name in _HEADINGS:
                    yield from self._heading(name, inside)
                else:
                    yield from self._labelled(name, inside, position < self.data_end)
                position = end
            elif kind in ("EmptyTag", "StartTag"):
                yield from _plain(self._noted(token, position))
            else:
                yield token
            position += 1

    def _noted(self, token: Token, position: int) -> Token:
        """Note what a start tag opens: a finding, the data of a figure, a link to data."""
        name, classes = token["name"], str(token["data"].get((None, "class"), "")).split()
        if name == "details" and "tk-data" in classes:
            self.data_end = _end_of(self.tokens, position)
        elif (name == "li" and "tk-finding" in classes) or (name == "p" and "tk-lead" in classes):
            anchor = self.page.shows(_text_of(self.tokens[position : _end_of(self.tokens, position)]))
            token["data"] |= {(None, "id"): anchor} if anchor else {}
        elif name == "pre":
            token["data"][None, "tabindex"] = "0"  # it may be too wide, and the keyboard has to reach what scrolls
        elif name == "a" and _CSV.fullmatch(token["data"].get((None, "href"), "")):
            token["data"][None, "download"] = f"{self.page.latest or 'data'}.csv"
        return token

    def _heading(self, name: str, inside: list[Token]) -> Iterator[Token]:
        level, text = int(name[1]), _text_of(inside)
        if self.title and level == 1 and not self.page.title:
            self.page.title = text
            return
        level = min(max(level + self.shift, 2), 6)
        anchor = self.page.unique_id(text)
        if self.prose and level == 2:
            self.page.sections.append(Heading(text, anchor))
        yield _start(f"h{level}", id=anchor)
        yield from _plain(*inside)
        yield _start("a", href=f"#{anchor}", **{"class": "anchor", "aria-hidden": "true", "tabindex": "-1"})
        yield from (_text("#"), _end("a"), _end(f"h{level}"))

    def _labelled(self, name: str, inside: list[Token], data: bool) -> Iterator[Token]:
        """Give a figure or a table a number and an id; the data of a figure have no number of their own."""
        caption = "figcaption" if name == "figure" else "caption"
        words = _text_of(_between(inside, caption))
        label = f"{name.capitalize()} {self.page.number(name)}" if words and not data else ""
        anchor = self.page.unique_id(label or ("data" if data else name))
        self.page.latest = self.page.latest if data else anchor
        if name == "table":
            yield _box(words or "Table" if _columns(inside) > _MOST_COLUMNS_AT_REST else "")
        yield _start(name, id=anchor, **({"class": "tk-figure"} if name == "figure" else {}))
        for token in _plain(*inside):
            drawn = name == "figure" and token["type"] == "EmptyTag" and token["name"] == "img"
            yield from (_box(label or "Figure"), token, _end("div")) if drawn else (token,)
            if label and token["type"] == "StartTag" and token["name"] == caption:
                yield _start("a", href=f"#{anchor}", **{"class": "number"})
                yield from (_text(label), _end("a"), _text(" "))
                label = ""
        yield _end(name)
        if name == "table":
            yield _end("div")


def _attribute_allowed(tag: str, name: str, value: str) -> bool:
    if name == "class":
        return _CLASSES.fullmatch(value) is not None
    if tag == "img" and name == "src":
        return _IMAGE.fullmatch(value) is not None
    if name == "href" and unescape(value).strip().lower().startswith("data:"):
        return _CSV.fullmatch(value) is not None
    if name in ("colspan", "height", "rowspan", "start", "width"):
        return tag in _ATTRIBUTES and re.fullmatch(r"\d{1,4}", value) is not None
    return tag in _ATTRIBUTES and _ATTRIBUTES[tag].fullmatch(name) is not None


def _without_dropped(source: Any) -> Iterator[Token]:
    depth = 0
    for token in source:
        if token["type"] in ("StartTag", "EndTag") and token["name"] in _DROPPED:
            depth += 1 if token["type"] == "StartTag" else -1
        elif depth == 0 and not (token["type"] == "EmptyTag" and token["name"] in _DROPPED):
            yield token


def _plain(*tokens: Token) -> Iterator[Token]:
    for token in tokens:
        attributes = token["data"] if token["type"] in ("StartTag", "EmptyTag") else {}
        if token.get("name") in _HEADINGS:
            token["name"] = "strong"
        if token["type"] == "EmptyTag" and token["name"] == "img":
            words = attributes.setdefault((None, "alt"), "No description was given for this image.")
            if (None, "src") not in attributes:
                yield _text(f"[image not included: {unescape(words)}]")
                continue
        if token["type"] == "StartTag" and token["name"] == "a" and (None, "href") in attributes:
            target = attributes[None, "href"]
            if target.startswith("#"):
                attributes[None, "href"] = f"#{slug(unescape(target))}"
            elif _CSV.fullmatch(target):
                attributes.setdefault((None, "download"), "data.csv")
            else:
                attributes[None, "rel"] = "noopener noreferrer"
        yield token


def _terms_marked(source: Any, page: PageCleaner) -> Iterator[Token]:
    """Turn the terms of the glossary into buttons, where a button may stand."""
    inside: list[str] = []
    for token in source:
        name = token.get("name")
        if token["type"] == "StartTag" and name in _NO_TERMS_IN:
            inside.append(name)
        elif token["type"] == "EndTag" and inside[-1:] == [name]:
            inside.pop()
        if token["type"] != "Characters" or inside:
            yield token
            continue
        section = page.sections[-1].id if page.sections else ""
        for text, term in page.glossary.pieces(token["data"], section):
            if term:
                yield _start("button", type="button", **{"class": "term", "popovertarget": term.id})
            yield _text(text)
            if term:
                yield _end("button")


def _breakable(source: Any) -> Iterator[Token]:
    """Let the long names that head rows and columns break after an underscore."""
    depth = 0
    for token in source:
        if token.get("name") == "th":
            depth += {"StartTag": 1, "EndTag": -1}.get(token["type"], 0)
        if token["type"] != "Characters" or not depth:
            yield token
            continue
        first, *rest = token["data"].split("_")
        yield _text(first + "_" * bool(rest))
        for place, part in enumerate(rest, start=1):
            yield {"type": "EmptyTag", "name": "wbr", "namespace": None, "data": {}}
            yield _text(part + "_" * (place < len(rest)))


def _box(label: str) -> Token:
    """Open a box that scrolls where its content is too wide; with a label, the keyboard can reach it."""
    return _start(
        "div", **{"class": "scroll"}, **({"tabindex": "0", "role": "group", "aria-label": label} if label else {})
    )


def _start(name: str, **attributes: str) -> Token:
    data = {(None, key): escape(value) for key, value in attributes.items()}
    return {"type": "StartTag", "name": name, "namespace": None, "data": data}


def _end(name: str) -> Token:
    return {"type": "EndTag", "name": name, "namespace": None, "data": {}}


def _text(text: str) -> Token:
    return {"type": "Characters", "data": text}


def _end_of(tokens: list[Token], start: int) -> int:
    name, depth = tokens[start]["name"], 0
    for position in range(start, len(tokens)):
        if tokens[position].get("name") == name and tokens[position]["type"] in ("StartTag", "EndTag"):
            depth += 1 if tokens[position]["type"] == "StartTag" else -1
            if depth == 0:
                return position
    return len(tokens)


def _between(tokens: list[Token], name: str) -> list[Token]:
    for position, token in enumerate(tokens):
        if token["type"] == "StartTag" and token["name"] == name:
            return tokens[position : _end_of(tokens, position)]
    return []


def _text_of(tokens: list[Token]) -> str:
    parts = []
    for token in tokens:
        if token["type"] in ("Characters", "SpaceCharacters"):
            parts.append(token["data"])
        elif token["type"] == "Entity":
            parts.append(unescape(f"&{token['name']};"))
    return " ".join("".join(parts).split())


def _columns(tokens: list[Token]) -> int:
    cells = [token for token in _between(tokens, "tr") if token.get("name") in ("td", "th")]
    return sum(token["type"] == "StartTag" for token in cells)
