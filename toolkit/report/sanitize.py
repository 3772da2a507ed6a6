"""HTML out of a notebook made safe for a report: an allow-list of elements, one order of headings, ids to link to.

What is foreign is cleaned, then arranged on a tree, and what comes out is cleaned again, so that nothing that was
arranged gets past the allow-list. Both times the parser is html5ever, through nh3: what is checked here is what a
browser will see. No element whose content a browser reads as something other than HTML is let through.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from itertools import count
from typing import NamedTuple

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString
from markupsafe import Markup
from nh3 import Cleaner

from toolkit.core import beside, slug
from toolkit.report.glossary import Glossary

_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_RULES = beside(__file__, "sanitize.yaml")
_ALLOWED, _DROPPED = set(_RULES["allowed"]), set(_RULES["dropped"])
_ATTRIBUTES, _OWN = ({one: set(names) for one, names in _RULES[kind].items()} for kind in ("attributes", "own"))
_CSV = re.compile(r"data:text/csv;charset=utf-8,[\w%.~,:;/@!$()*+=?-]*", re.ASCII)
_VALUES = {
    # A scheme of the list, or none: a browser skips control characters inside one, so that "da\tta:" is "data:" to it.
    "href": re.compile(rf"\s*(?i:https?|mailto):(?s:.*)|[^:/?#]*([/?#](?s:.*))?|{_CSV.pattern}", re.ASCII),
    "src": re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]*"),
    **dict.fromkeys(("colspan", "height", "rowspan", "start", "width"), re.compile(r"\d{1,4}", re.ASCII)),
}
_CLASSES = r"tk-[a-z-]+|highlight|dataframe|[a-z][a-z0-9]{0,2}"
_MOST_COLUMNS_AT_REST = 4
_NUMBERED = ("figure", "table")
_NO_TERMS_IN = frozenset({"a", "code", "kbd", "pre", "samp", "summary", "thead", "tt", *_HEADINGS})


def _cleaner(tags: set[str], attributes: Mapping[str, set[str]], classes: str) -> Cleaner:
    values = _VALUES | {"class": re.compile(rf"(({classes})(\s+|$))*")}

    def checked(_: str, name: str, value: str) -> str | None:
        return value if name not in values or values[name].fullmatch(value) else None

    schemes = {"data", "http", "https", "mailto"}
    return Cleaner(tags, _DROPPED - tags, attributes, checked, link_rel=None, url_schemes=schemes)


_FOREIGN = _cleaner(_ALLOWED, _ATTRIBUTES, _CLASSES)
_LAST = _cleaner(_ALLOWED | {"button", "wbr"}, _ATTRIBUTES | _OWN, f"{_CLASSES}|anchor|number|scroll|term")


class Heading(NamedTuple):
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
    answers : dict of str to Markup
        What the first result of a section says of itself, by the section's id; taken out of the piece.
    findings : dict of str to Heading
        The section in which a result shows a finding, by its text.
    reported : set of str
        Findings that the page lists elsewhere, and which are taken out of the pieces.
    drawn : set of str
        What stands below the figures that have a cell of their own: with a result they are taken out.
    numbers : dict of str to iterator of int
        The next number of a figure, and of a table.

    Examples
    --------
    >>> print(PageCleaner().clean('<p onclick="steal()">1 &lt; 2<script>alert(1)</script></p>'))
    <p>1 &lt; 2</p>
    """

    def __init__(self, reserved: frozenset[str] = frozenset(), reported: Iterable[str] = ()) -> None:
        self.title = self.latest = ""
        self.sections, self.answers, self.findings = list[Heading](), dict[str, Markup](), dict[str, Heading]()
        self.reported, self.drawn, self.glossary = set(reported), set[str](), Glossary()
        self._ids, self._repeated = set(reserved), Counter[str]()
        self.numbers = {kind: count(1) for kind in _NUMBERED}

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
        tree = BeautifulSoup(StringIO(_FOREIGN.clean(html)), "html.parser", multi_valued_attributes=None)
        arranger = _Arranger(tree, self, shift, prose, title)
        arranger.arrange()
        for name, node in arranger.answers.items():
            self.answers[name] = Markup(_LAST.clean(node.decode_contents()))  # noqa: S704 - this is the sanitizer
        return Markup(_LAST.clean(tree.decode()))  # noqa: S704 - this is the sanitizer

    def unique_id(self, text: str) -> str:
        """Make an id of ``text`` that no other element of the page has."""
        base = name = slug(text, 80, ascii_only=False) or "section"
        while name in self._ids:
            self._repeated[base] += 1
            name = f"{base}-{self._repeated[base] + 1}"
        self._ids.add(name)
        return name


class _Arranger:
    """Drops, renumbers and labels what is left of a piece, in place, from its beginning to its end."""

    def __init__(self, tree: BeautifulSoup, page: PageCleaner, shift: int, prose: bool, title: bool) -> None:
        self.tree, self.page, self.shift, self.prose, self.title = tree, page, shift, prose, title
        self.inside, self.answers = Counter[str](), dict[str, Tag]()

    def arrange(self) -> None:
        # What encloses a node is counted on the way: to ask each for its parents takes the square of a hostile depth.
        path: list[tuple[Tag, str]] = [(self.tree, "")]
        for node, parent in [(node, node.parent) for node in self.tree.descendants]:
            while path[-1][0] is not parent:
                self.inside[path.pop()[1]] -= 1
            if isinstance(node, Tag):
                self._element(node)
                name = "tk-data" if node.get("class") == "tk-data" else node.name
                path.append((node, name))
                self.inside[name] += 1
            elif isinstance(node, NavigableString):
                self._text(node)

    def _enclosed(self) -> bool:
        return any(self.inside[name] for name in (*_HEADINGS, *_NUMBERED))

    def _element(self, node: Tag) -> None:
        if node.name in _HEADINGS:
            self._heading(node)
        elif node.name in _NUMBERED and not self._enclosed():
            self._numbered(node)
        elif node.name == "img":
            words = node.attrs.setdefault("alt", "No description was given for this image.")
            if "src" not in node.attrs:
                node.replace_with(f"[image not included: {words}]")
        elif node.name == "a" and "href" in node.attrs:
            self._link(node, str(node["href"]))
        elif node.name == "pre":
            node["tabindex"] = "0"  # it may be too wide, and the keyboard has to reach what scrolls
        elif self.page.sections and not self._enclosed():
            self._told(node, str(node.get("class")).split(), self.page.sections[-1])

    def _told(self, node: Tag, classes: Sequence[str], section: Heading) -> None:
        """Take out what the page says elsewhere: a section's first sentence, and findings that it reports."""
        if "tk-lead" in classes and section.id not in {*self.page.answers, *self.answers}:
            self.answers[section.id] = node.extract()
        elif "tk-finding" in classes:
            text = _text_of(node)
            self.page.findings.setdefault(text, section)
            if text in self.page.reported:
                node.extract()

    def _heading(self, node: Tag) -> None:
        level, text = int(node.name[1]), _text_of(node)
        if self._enclosed():
            node.name = "strong"
            return
        if self.title and level == 1 and not self.page.title:
            self.page.title = text
            node.extract()
            return
        level, anchor = min(max(level + self.shift, 2), 6), self.page.unique_id(text)
        if self.prose and level == 2:
            self.page.sections.append(Heading(text, anchor))
        node.name, node.attrs = f"h{level}", {"id": anchor}
        attributes = {"href": f"#{anchor}", "class": "anchor", "aria-hidden": "true", "tabindex": "-1"}
        node.append(self.tree.new_tag("a", attrs=attributes, string="#"))

    def _numbered(self, node: Tag) -> None:
        """Give a figure or a table a number and an id; the data of a figure have no number of their own."""
        kind, data = node.name, self.inside["tk-data"] > 0
        caption = node.find("figcaption" if kind == "figure" else "caption")
        words = _text_of(caption) if caption else ""
        if words in self.page.drawn and "tk-glance" in str(node.get("class")).split():
            node.extract()
            return
        label = f"{kind.capitalize()} {next(self.page.numbers[kind])}" if words and not data else ""
        anchor = self.page.unique_id(label or ("data" if data else kind))
        self.page.latest = self.page.latest if data else anchor
        node.attrs = {"id": anchor}
        if caption and label:
            link = self.tree.new_tag("a", attrs={"href": f"#{anchor}", "class": "number"}, string=label)
            caption.insert(0, link, " ")
        if kind == "table":
            row = node.find("tr")
            wide = row and len(row.find_all(["td", "th"], recursive=False)) > _MOST_COLUMNS_AT_REST
            self._box(node, words or "Table" if wide else "")
            return
        node["class"] = "tk-figure"
        for image in node.find_all("img", src=True):
            self._box(image, label or "Figure")

    def _box(self, node: Tag, label: str) -> None:
        """Put into a box that scrolls where its content is too wide; with a label, the keyboard can reach it."""
        reached = {"tabindex": "0", "role": "group", "aria-label": label} if label else {}
        node.wrap(self.tree.new_tag("div", attrs={"class": "scroll", **reached}))

    def _link(self, node: Tag, target: str) -> None:
        if target.startswith("#"):
            node["href"] = f"#{slug(target, 80, ascii_only=False)}"
        elif _CSV.fullmatch(target):
            node["download"] = f"{self.page.latest or 'data'}.csv"
        else:
            node["rel"] = "noopener noreferrer"

    def _text(self, text: NavigableString) -> None:
        """Turn the terms of the glossary into buttons, where a button may stand."""
        section = self.page.sections[-1].id if self.page.sections else ""
        quiet = any(self.inside[name] for name in _NO_TERMS_IN)
        nodes: list[str | Tag] = []
        for words, term in [(str(text), None)] if quiet else self.page.glossary.pieces(text, section):
            # A long name that heads a row or a column may break after an underscore.
            cuts = re.split("(?<=_)", words) if self.inside["th"] else [words]
            parts = [node for part in cuts for node in (part, self.tree.new_tag("wbr"))][:-1]
            if term:
                attributes = {"type": "button", "class": "term", "popovertarget": term.id}
                button = self.tree.new_tag("button", attrs=attributes)
                button.extend(parts)
                nodes.append(button)
            else:
                nodes += parts
        if len(nodes) > 1:
            text.replace_with(*nodes)


def _text_of(node: Tag) -> str:
    return " ".join(node.get_text().split())
