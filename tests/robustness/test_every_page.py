"""Whatever names stand in tables, files and decisions: no page runs or loads anything, no terminal obeys them."""

import base64
import csv
import io
import re
from urllib.parse import unquote

import mistune
import pytest
from browsing import running_browser, unfold, visit
from forked import CONTROLS
from hostile_runs import NAMES, TEMPLATES, begin, failing, others, refused

import toolkit as tk
from toolkit.cli import main
from toolkit.core.resources import templates_folder
from toolkit.registry.ledger import Ledger

#: Commands that write a page, all of them run here, and such as write only what one of them does, of names of ours.
WRITING = {"run", "compare", "sweep", "render", "index", "history"}
LIKEWISE = {"demo": "run, on built-in tables", "track": "render, of a report", "reproduce": "run, of a report"}
#: Commands that write none.
OTHERS = {
    *("approve", "card diff", "card init", "container", "data", "doctor", "gate", "new-template", "params"),
    *("profile save", "profile show", "promote", "register", "reject", "retire", "rollback", "serve", "templates"),
    "verify",
}
#: Templates of whole pages, beside which only evidently writes one.
PAGES = {"gallery.html.j2", "history.html.j2", "index.html.j2", "sweep.html.j2"}
ROUNDS = 3
#: As a host of models reads a card, except that it lets all HTML through.
MARKDOWN = mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "url", "footnotes", "math"])

#: Before anything of a page: what counts the scripts that run, and what a policy refuses.
WATCHING = """
window.happened = []
window.pwned = () => window.happened.push('a script ran')
document.addEventListener('securitypolicyviolation', seen => window.happened.push(`refused: ${seen.violatedDirective}`))
"""
#: Elements that act by themselves, and addresses that run a script or lead where a payload wants.
ACTING = """[...document.querySelectorAll('*')].filter(one =>
    ['IFRAME', 'FRAME', 'FORM', 'OBJECT', 'EMBED', 'BASE', 'FOREIGNOBJECT'].includes(one.tagName.toUpperCase())
    || one.getAttributeNames().some(name => name.startsWith('on'))
    || one.matches('meta[http-equiv=refresh i]')
    || /^(javascript|vbscript|[a-z]+:[/][/]evil)/i.test(one.href?.baseVal ?? one.href ?? '')
).map(one => one.outerHTML.slice(0, 200))"""


@pytest.fixture(scope="module")
def browser():
    with running_browser() as started:
        yield started


def misdeeds(browser, path):
    """Open a file with everything unfolded; return what it did, and the addresses of its images and tables."""
    page, noticed = visit(browser, path.as_uri(), watching=WATCHING)
    unfold(page)
    page.wait_for_timeout(50)
    addresses = page.evaluate("[...document.querySelectorAll('img, a[download]')].map(one => one.src || one.href)")
    found = [*noticed, *page.evaluate("window.happened"), *page.evaluate(ACTING)]
    page.context.close()
    return found, addresses


def formulas(address):
    """Return the cells of a table for download that a spreadsheet would run."""
    rows = csv.reader(io.StringIO(unquote(address.partition(",")[2]), newline=""))
    cells = [cell for row in rows for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    return [cell for cell in cells if not re.fullmatch(r"-(\d+(\.\d+)?(e[+-]\d+)?|inf)", cell)]


def faults_of_pages(browser, folder):
    """Open every page and drawing below a folder, and the Markdown as a page; return what is wrong and how many."""
    faults, drawings = {}, {}
    for path in sorted(folder.rglob("*.md")):
        html = MARKDOWN(path.read_text(encoding="utf-8").split("---\n", 2)[2])
        path.with_name(f"{path.name}.html").write_text(html, encoding="utf-8")
    pages = {path.read_bytes(): path for ending in ("html", "svg") for path in sorted(folder.rglob(f"*.{ending}"))}
    for path in pages.values():
        faults[path], addresses = misdeeds(browser, path)
        for one in addresses:
            if one.startswith("data:image/svg+xml;base64,"):
                drawings[one] = path
            elif one.startswith("data:text/csv"):
                faults[path] += formulas(one)
    shown = folder / "drawing.svg"
    for one, path in drawings.items():
        shown.write_bytes(base64.b64decode(one.partition(",")[2]))
        faults[path] += misdeeds(browser, shown)[0]
    return {str(path.relative_to(folder)): found for path, found in faults.items() if found}, len(pages), len(drawings)


def faults_of_terminals(world):
    """Return what commands said that a terminal would obey, or show in another order."""
    said = {arguments: answer.out + answer.err for arguments, answer in world.answers}
    return [
        (arguments[:3], line)
        for arguments, text in said.items()
        for line in text.split("\n")
        if CONTROLS.search(line) or not line.isprintable()
    ]


def test_every_page_and_every_command_is_known_here():
    commands = {
        name if one.__class__.__name__ == "Command" else f"{name} {sub}"
        for name, one in main.commands.items()
        for sub in getattr(one, "commands", {"": None})
    }
    assert commands == WRITING | LIKEWISE.keys() | OTHERS
    assert {one.stem for one in templates_folder().glob("*.ipynb")} == TEMPLATES.keys()
    html = {path.name: path.read_text(encoding="utf-8") for path in templates_folder().rglob("*.html.j2")}
    assert {name for name, text in html.items() if "<!DOCTYPE" in text} == PAGES


def test_what_is_counted_is_seen(browser, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text("<script>pwned()</script><img src=nosuch.png onerror=pwned()><a href=javascript:pwned()>x</a>")
    found = misdeeds(browser, page)[0]
    assert found.count("a script ran") == 2
    assert any(one.endswith("nosuch.png") for one in found)
    page.write_text(f"<meta http-equiv=Content-Security-Policy content=\"default-src 'none'\">{page.read_text()}")
    found = misdeeds(browser, page)[0]
    assert "a script ran" not in found
    assert {"refused: script-src-elem", "refused: img-src"} <= set(found)
    assert formulas("data:text/csv,a,=1%0A-2.5,-2+3") == ["=1", "-2+3"]


@pytest.fixture
def alone(monkeypatch):
    import toolkit.registry.lifecycle
    import toolkit.report.render
    import toolkit.runs.sweep  # noqa: F401

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("TOOLKIT_AUTHOR", NAMES[9] + NAMES[-7])


@pytest.mark.slow
def test_what_is_quickly_made(browser, tmp_path, alone):
    world = begin(tmp_path, list(NAMES[:25]))
    names, out = world.names, tmp_path / "reports"
    data = tk.load_dataset(tmp_path / "arms.csv", target=names[0], sensitive=[names[1]])
    tk.write_report(data, tk.split_dataset(data), title=names[0], question=names[1], out=out)
    for name in NAMES:
        Ledger(out).add(name, "approve", "any", name, name, verdict=name)
    world.toolkit("history", "any", "--html", "history.html")
    failing(world)
    refused(world)
    faults, pages, drawings = faults_of_pages(browser, tmp_path)
    assert faults == {}
    assert (pages, drawings > 50) == (4, True)
    assert faults_of_terminals(world) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", range(ROUNDS))
def test_every_template(browser, tmp_path, number, alone):
    size = -(-len(NAMES) // ROUNDS)
    world = begin(tmp_path, list(NAMES[number * size :][:size]))
    for make in (*TEMPLATES.values(), others):
        make(world)
    assert {arguments[0] for arguments, _ in world.answers} >= WRITING
    faults, pages, drawings = faults_of_pages(browser, tmp_path)
    print(f"{len(world.answers)} commands, {pages} pages, {drawings} drawings")
    assert faults == {}
    assert faults_of_terminals(world) == []
