"""The body of a report: the cells of an executed notebook as pieces of a page, each cleaned and ready to be shown."""

import base64
import contextlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Literal, NamedTuple

from markupsafe import Markup, escape
from nbconvert.filters.markdown_mistune import InvalidNotebook, IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import TextLexer, get_lexer_by_name
from pygments.util import ClassNotFound

from toolkit.core import EXPLORER_MIME, FIGURES_MIME, MIME, NOTHING_MIME
from toolkit.report.sanitize import Heading, PageCleaner

_IMAGES = ("image/svg+xml", "image/png", "image/jpeg", "image/gif", "image/webp")
_WIDGET = "application/vnd.jupyter.widget-view+json"
_ANSI = re.compile(r"\x1b(\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\-_])")
# What Python prints for objects that have no better words: <Axes: >, [<Line2D at 0x7f…>], <Figure size …>.
_BARE_REPR = re.compile(r"[\[(]?<[^<>]*(<[^<>]*>)?[^<>]*>.*", re.DOTALL)
_MOST_CHARACTERS = 20_000
_FIGURE = re.compile(r'(?=<figure class="tk-figure)')


class Block(NamedTuple):
    """One piece of the body: prose, the code of a cell (``label`` says which), or something it printed or showed.

    The content of an explorer is what it shows without a script; its ``data`` is JSON for the script.
    """

    kind: Literal["prose", "code", "output", "figure", "text", "error", "explorer"]
    content: str
    label: str = ""
    data: str = ""


@dataclass(slots=True)
class Section:
    """What stands between one heading and the next.

    Attributes
    ----------
    headings : list of Heading
        One, as a rule; none before the first.
    answer : str
        The sentence that answers its question: what its first result says of itself.
    first, rest : list of Block
        What is seen, and what a reader unfolds.
    quiet : bool
        Whether a cell of it said that there is nothing to show.
    """

    headings: list[Heading] = field(default_factory=list)
    answer: str = ""
    first: list[Block] = field(default_factory=list)
    rest: list[Block] = field(default_factory=list)
    quiet: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether it asks, and has nothing to show."""
        blocks = [*self.first, *self.rest]
        return not blocks or (self.quiet and not self.answer and all(one.kind in ("prose", "code") for one in blocks))

    def fold(self, answer: str) -> None:
        """Leave the heading, the answer and the first figure to be seen; one with neither, or an error, stays open."""
        asked = [block for block in self.rest[:1] if block.kind == "prose"]
        figure = [block for block in self.rest if block.kind == "figure"][:1]
        opened = not (answer or figure) or any(block.kind == "error" for block in self.rest)
        self.answer, self.first = answer, self.rest if opened else [*asked, *figure]
        self.rest = [block for block in self.rest if block not in self.first]


class Failure(NamedTuple):
    """The error a notebook stopped at, where it happened, and all that Python said about it."""

    name: str
    message: str
    cell: str
    section: str
    traceback: str
    cells_not_run: int


class Narrative:
    """An executed notebook, read.

    Parameters
    ----------
    notebook : NotebookNode
        In version 4 of the format.
    cleaner : PageCleaner, optional
        Of the page, which knows the ids that it uses itself, and notes the terms that are met.

    Attributes
    ----------
    intro : str
        What stands between the title and the first section.
    sections : list of Section
        The rest, in order.
    left_out : dict of str to str
        Why a step did not apply, with the section in which it would stand.
    parameter_code : list of Block
        The cells that set the parameters; in no section.
    failure : Failure or None
    lines_left_out : int
        Lines written to standard error, which the page does not show.
    """

    def __init__(self, notebook: NotebookNode, cleaner: PageCleaner | None = None) -> None:
        self._cleaner = cleaner = cleaner or PageCleaner()
        self.intro, self.lines_left_out, self._place = "", 0, 0
        self.sections, self.left_out, self.parameter_code = [Section()], dict[str, str](), list[Block]()
        self.failure: Failure | None = None
        for data in _shown(notebook):
            below = (_json(data.get(FIGURES_MIME)) or {}).get("below")
            cleaner.drawn.update(" ".join(str(one).split()) for one in (below if isinstance(below, list) else ()))
        self._cells = [cell for cell in notebook.cells if "papermill-error-cell-tag" not in _tags(cell)]
        texts = {index: cell for index, cell in enumerate(self._cells) if cell.cell_type == "markdown"}
        self._html = {index: _markdown(_source(cell), cell.get("attachments", {})) for index, cell in texts.items()}
        levels = [int(level) for html in self._html.values() for level in re.findall(r"<h([1-6])\b", html)]
        self._has_title = levels[:1] == [1]
        self._shift = 2 - min(levels[self._has_title :], default=2)
        language = notebook.get("metadata", {}).get("language_info", {})
        self._language = str(language.get("pygments_lexer") or language.get("name") or "python")
        self._read()

    def _read(self) -> None:
        stop = next((at for at, cell in enumerate(self._cells) if _failed(cell)), None)
        for index, cell in enumerate(self._cells):
            if cell.cell_type == "code":
                self._code(index, failing=index == stop)
            elif cell.cell_type == "markdown" and not self._asks_in_vain(index):
                self._prose(index)
            if index == stop and not any(map(_was_run, self._cells[index + 1 :])):
                break
        for section in self.sections:
            answers = (self._cleaner.answers.get(one.id) for one in section.headings)
            section.fold(Markup(" ").join(filter(None, answers)))

    def _asks_in_vain(self, index: int) -> bool:
        """Tell whether this is a question, without a heading, about figures that there turned out to be none of."""
        outputs = [output for cell in self._cells[index + 1 : index + 2] for output in cell.get("outputs", [])]
        nothing = [NOTHING_MIME in (output.get("data") or {}) for output in outputs if output.get("name") != "stderr"]
        return bool(nothing) and all(nothing) and not re.search(r"<h[1-6]\b", self._html[index])

    def _prose(self, index: int) -> None:
        known = len(self._cleaner.sections)
        html = self._cleaner.clean(self._html[index], shift=self._shift, prose=True, title=self._has_title)
        if new := self._cleaner.sections[known:]:
            self.sections.append(Section(new))
        if index == 0 and self._cleaner.title and not self._cleaner.sections:
            self.intro = html
        else:
            self.sections[-1].rest.append(Block("prose", html))

    def _code(self, index: int, failing: bool) -> None:
        self._place += 1
        cell, label = self._cells[index], f"code cell {self._place}"
        if _source(cell).strip():
            sets_parameters = {"parameters", "injected-parameters"} & set(_tags(cell))
            blocks = self.parameter_code if sets_parameters else self.sections[-1].rest
            blocks.append(Block("code", self._highlighted(_source(cell)), label))
        for (kind, stream), outputs in groupby(cell.get("outputs", []), _kind):
            if kind == "stream":
                text = plain_text("".join(_joined(output.get("text", "")) for output in outputs))
                self.lines_left_out += len(text.splitlines()) if stream == "stderr" else 0
                self.sections[-1].rest += [_text_block(text)] if stream != "stderr" and text.strip() else []
                continue
            for output in outputs:
                if kind == "error":
                    self._error(output, label, self._cells[index + 1 :] if failing else None)
                else:
                    self.sections[-1].rest += self._shown(output.get("data") or {}, label)

    def _error(self, output: Mapping[str, Any], label: str, later: Sequence[NotebookNode] | None) -> None:
        traceback = plain_text("\n".join(output.get("traceback", [])))
        name, message = str(output.get("ename", "")), plain_text(str(output.get("evalue", "")))
        self.sections[-1].rest.append(Block("error", f"{name}: {message}", label))
        if later is not None:
            not_run = sum(other.cell_type == "code" and not _was_run(other) for other in later)
            section = self._cleaner.sections[-1].text if self._cleaner.sections else ""
            self.failure = Failure(name, message, label, section, traceback, not_run)

    def _shown(self, data: Mapping[str, Any], label: str) -> Iterator[Block]:
        if {_WIDGET, NOTHING_MIME, MIME} & set(data):
            self.sections[-1].quiet = True
            if reason := (_json(data.get(NOTHING_MIME)) or {}).get("reason"):
                heading = self.sections[-1].headings[-1:]
                self.left_out[_joined(reason)] = heading[0].text if heading else ""
            return
        if "text/html" in data:
            text = _joined(data["text/html"])
            if explorer := _json(data.get(EXPLORER_MIME)):
                yield Block("explorer", self._cleaner.clean(text), data=json.dumps(explorer))
                return
            cleaned = map(self._cleaner.clean, _FIGURE.split(text))
            shown = [html for html in cleaned if "<img" in html or html.striptags().strip()]
            yield from (Block("figure" if html.startswith("<figure") else "output", html) for html in shown)
            if shown:
                return
        text = plain_text(_joined(data.get("text/plain", "")))
        if kind := next((kind for kind in _IMAGES if kind in data), None):
            yield Block("figure", self._cleaner.clean(_image(kind, _joined(data[kind]), label)))
        elif "text/markdown" in data:
            yield Block("output", self._cleaner.clean(_markdown(_joined(data["text/markdown"]), {})))
        elif text.strip() and not _BARE_REPR.fullmatch(text.strip()):
            yield _text_block(text)

    def _highlighted(self, source: str) -> Markup:
        try:
            lexer = get_lexer_by_name(self._language)
        except ClassNotFound:
            lexer = TextLexer()
        return Markup(highlight(source.strip("\n"), lexer, HtmlFormatter(nowrap=True)))  # noqa: S704 - pygments escapes


def published(notebook: NotebookNode) -> Mapping[str, object] | None:
    """Return the results that the publishing cell of a notebook left; None where none did."""
    return [None, *(_json(data[MIME]) for data in _shown(notebook) if MIME in data)][-1]


def _shown(notebook: NotebookNode) -> list[Mapping[str, Any]]:
    return [output.get("data") or {} for cell in notebook.cells for output in cell.get("outputs", ())]


def plain_text(text: str) -> str:
    r"""Write a terminal's text as it would stand on the screen: no colour codes, overwritten lines gone.

    Examples
    --------
    >>> plain_text("\x1b[31m10%\r100%\x1b[0m\n")
    '100%\n'
    """
    lines = _ANSI.sub("", text).replace("\r\n", "\n").split("\n")
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in lines)


def _text_block(text: str) -> Block:
    if len(text) > _MOST_CHARACTERS:
        half, left_out = _MOST_CHARACTERS // 2, len(text) - _MOST_CHARACTERS
        text = f"{text[:half]}\n… {left_out:,} characters are left out here; the notebook has them …\n{text[-half:]}"
    return Block("text", text.rstrip())


def _markdown(source: str, attachments: Mapping[str, Any]) -> str:
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True, attachments=dict(attachments))
    try:
        return str(MarkdownWithMath(renderer=renderer).render(source))
    except InvalidNotebook:
        return f"<pre>{escape(source)}</pre>"


def _image(kind: str, content: str, label: str) -> str:
    if kind == "image/svg+xml":
        content = base64.b64encode(content.encode()).decode()
    alt = f"An image drawn by the code of {label}; it came without a description."
    return f'<figure><img src="data:{kind};base64,{"".join(content.split())}" alt="{escape(alt)}"></figure>'


def _kind(output: NotebookNode) -> tuple[str | None, str | None]:
    """Return the kind of an output, and of printed text the stream that it was printed to."""
    return output.get("output_type"), output.get("name")


def _was_run(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and bool(cell.get("execution_count") or cell.get("outputs"))


def _failed(cell: NotebookNode) -> bool:
    """Whether a cell ended with an error that it does not expect."""
    failed = any(output.get("output_type") == "error" for output in cell.get("outputs", []))
    return failed and "raises-exception" not in _tags(cell)


def _tags(cell: NotebookNode) -> Sequence[str]:
    return cell.get("metadata", {}).get("tags") or ()


def _source(cell: NotebookNode) -> str:
    return _joined(cell.get("source", ""))


def _joined(text: object) -> str:
    """Return a text of a notebook, which may be a list; half a character, as JSON can hold it, becomes a ``?``."""
    return "".join(map(str, text if isinstance(text, list) else [text])).encode(errors="replace").decode()


def _json(value: object) -> Mapping[str, object] | None:
    if isinstance(value, str | list):
        with contextlib.suppress(ValueError):
            value = json.loads(_joined(value))
    return value if isinstance(value, dict) else None
