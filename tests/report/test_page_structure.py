"""What the page of a report says and in which order, with its numbers left out, beside what it said last time."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path

from sample_notebook import sample_notebook, saved

from toolkit.report.render import render

KEPT = Path(__file__).parents[1] / "snapshots" / "report.txt"
SAID = {"a", "caption", "dd", "dt", "figcaption", "h1", "h2", "h3", "h4", "li", "p", "summary", "td", "th"}
FRAME = {"dl", "details", "figure", "footer", "header", "main", "nav", "ol", "section", "table", "ul"}


class Structure(HTMLParser):
    """Writes a page as indented lines: what frames, and what is said."""

    def __init__(self, html):
        super().__init__()
        self.lines, self.depth, self.quiet = [], 0, False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.quiet = tag in ("style", "script", "title")
        if tag in FRAME | SAID:
            self.lines.append(f"{'  ' * self.depth}{tag}:")
        self.depth += tag in FRAME

    def handle_endtag(self, tag):
        self.quiet = False
        self.depth -= tag in FRAME

    def handle_data(self, data):
        text = " ".join(re.sub(r"[−+-]?\d[\d,.]*", "0", data).split())
        if text and not self.quiet and self.lines:
            self.lines[-1] += f" {text}"


def test_the_page_says_what_it_said_last_time(tmp_path):
    html = render(saved(sample_notebook(), tmp_path / "notebook.ipynb")).read_text(encoding="utf-8")
    found = "\n".join(Structure(html).lines) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(found, encoding="utf-8")
    assert found == KEPT.read_text(encoding="utf-8"), "If this is meant, run the test with UPDATE_SNAPSHOTS=1."
