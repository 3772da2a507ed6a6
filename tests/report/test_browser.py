"""The pages in a real browser: nothing is loaded, nothing runs, nothing sticks out, everything can be reached."""

import functools
import http.server
import json
import random
import re
import shutil
import threading
from pathlib import Path

import pandas as pd
import pytest
from browsing import running_browser, violations, visit
from nbformat.v4 import new_markdown_cell, new_output
from sample_notebook import code, failed_notebook, notebook_of, published, sample_notebook, sample_results, saved, shown
from test_sanitize import ATTRIBUTES, HARMLESS, PAYLOADS

from toolkit.core.face import table_html
from toolkit.report.render import render, write_history, write_index
from toolkit.report.sanitize import PageCleaner

WIDTHS = (360, 768, 1440)


@pytest.fixture(scope="module")
def browser():
    with running_browser() as started:
        yield started


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Every kind of page, in one folder, behind a web server that writes down what is asked of it."""
    folder = tmp_path_factory.mktemp("pages")
    render(saved(sample_notebook(), folder / "sample.ipynb"))
    render(saved(failed_notebook(), folder / "failed.ipynb"))
    render(saved(hostile_notebook(), folder / "hostile.ipynb"))
    for name, results in {"one": sample_results(), "two-FAILED": None, "three": hostile_results()}.items():
        run = folder / name
        run.mkdir()
        shutil.copy(folder / "sample.html", run / "report.html")
        if results:
            (run / "results.json").write_text(json.dumps(results))
    write_index(folder)
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder, asked
    server.shutdown()
    server.server_close()


def hostile_results():
    text = " ".join(PAYLOADS)
    found = [{"code": nasty, "severity": "high", "message": nasty, "where": nasty} for nasty in PAYLOADS]
    numbers = [
        {"name": nasty, "label": nasty, "value": {"value": 0.5}, "on": nasty, "beside": nasty} for nasty in PAYLOADS
    ]
    names = dict.fromkeys(("title", "question", "author", "command", "created", "commit"), text)
    data = {"name": text, "source": text, "fingerprint": text, "target": text}
    parameters = {nasty: nasty for nasty in PAYLOADS}
    return sample_results(**names, data=data, findings=found, key_numbers=numbers, parameters=parameters)


def hostile_notebook():
    frame = pd.DataFrame({nasty: [nasty, nasty] for nasty in PAYLOADS})
    cells = [
        new_markdown_cell(f"# Title {PAYLOADS[0]}\n\ntext"),
        code("frame", [shown(table_html(frame, PAYLOADS[1]))]),
    ]
    for nasty in PAYLOADS:
        data = {"text/html": nasty, "text/plain": nasty}
        outputs = [new_output("display_data", data=data), new_output("stream", name="stdout", text=nasty)]
        outputs += [
            new_output("display_data", data={"text/markdown": nasty}),
            new_output("error", ename=nasty, evalue=nasty),
        ]
        outputs += [new_output("display_data", data={"image/svg+xml": nasty})]
        cells += [new_markdown_cell(f"## Part\n\n{nasty}"), code(f"x = {nasty!r}", outputs, tags=["raises-exception"])]
    return notebook_of(*cells, code("publish()", [published(hostile_results())]))


@pytest.mark.parametrize("name", ["sample", "failed", "hostile", "index"])
class TestEveryPage:
    def test_nothing_is_loaded_nothing_runs_nothing_is_complained_about(self, browser, site, name):
        address, _, asked = site
        asked.clear()
        page, noticed = visit(browser, f"{address}/{name}.html")
        page.context.close()
        assert noticed == []
        assert asked == [f"/{name}.html"]

    def test_it_works_from_the_file_system(self, browser, site, name):
        page, noticed = visit(browser, (site[1] / f"{name}.html").as_uri())
        assert page.locator("h1").count() == 1
        page.context.close()
        assert noticed == []

    @pytest.mark.parametrize("width", WIDTHS)
    def test_nothing_sticks_out_of_the_page(self, browser, site, name, width):
        page, _ = visit(browser, f"{site[0]}/{name}.html", width)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.context.close()

    def test_the_keyboard_reaches_the_content_first(self, browser, site, name):
        page, _ = visit(browser, f"{site[0]}/{name}.html")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"
        page.context.close()


@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [
        ("sample", 1440, "light"),
        ("sample", 360, "dark"),
        ("index", 360, "light"),
        ("index", 1440, "dark"),
        ("failed", 1440, "dark"),
        ("hostile", 1440, "light"),
    ],
)
def test_axe_finds_nothing_wrong(browser, site, name, width, scheme):
    page, _ = visit(browser, f"{site[0]}/{name}.html", width, scheme)
    found = violations(page)
    page.context.close()
    assert found == []


def test_a_browser_finds_nothing_more_in_a_cleaned_piece_than_was_let_through(browser):
    pick = random.Random(0)
    names = (
        "h1",
        "/h1",
        "table",
        "td",
        "th",
        "/table",
        "p",
        "a",
        "li",
        "dd",
        "form",
        "/svg",
        "pre",
        "b",
        "ul",
        "details",
        "/div",
    )
    parts = [*PAYLOADS, "a_b", *(f"<{name}>" for name in names)]
    pieces = ["".join(pick.choices(parts, k=pick.randint(1, 8))) for _ in range(1000)]
    cleaned = "".join(f"<div class=output>{PageCleaner().clean(piece, prose=True)}</div>" for piece in pieces)
    page = browser.new_page()
    page.set_content(f"<!doctype html><main>{cleaned}</main><footer></footer>")
    around, tags, names = page.evaluate(
        """() => {
            const inside = [...document.querySelectorAll('main > .output *')];
            const tags = inside.map(found => found.localName + (found instanceof HTMLElement ? '' : ' foreign'));
            const names = inside.flatMap(found => found.getAttributeNames());
            const around = [...document.querySelectorAll('body > *, main > *')].map(found => found.localName);
            return [around, [...new Set(tags)], [...new Set(names)]];
        }"""
    )
    page.close()
    assert around == ["main", *["div"] * len(pieces), "footer"]
    assert len(tags) > 15
    assert set(tags) <= HARMLESS
    assert set(names) <= ATTRIBUTES


def test_nasty_names_are_read_as_text(browser, site):
    page, _ = visit(browser, f"{site[0]}/hostile.html")
    text = page.inner_text("body")
    page.context.close()
    for nasty in PAYLOADS[:2]:
        assert text.count(nasty) > 5


def test_the_verdict_is_seen_without_scrolling_even_on_a_telephone(browser, site):
    page, _ = visit(browser, f"{site[0]}/sample.html", 360)
    box = page.locator("#verdict").bounding_box()
    assert box["y"] + box["height"] < 900
    page.context.close()


@pytest.mark.parametrize(("width", "beside"), [(360, False), (1440, True)])
def test_contents_stand_beside_the_page_where_there_is_room(browser, site, width, beside):
    page, _ = visit(browser, f"{site[0]}/sample.html", width)
    nav, title = page.locator("nav").bounding_box(), page.locator("h1").bounding_box()
    assert (nav["x"] + nav["width"] <= title["x"]) == beside
    page.locator("nav a").last.click()
    assert page.locator("#provenance").is_visible()
    page.context.close()


def test_wide_tables_scroll_in_their_own_box(browser, site):
    page, _ = visit(browser, f"{site[0]}/sample.html", 360)
    box = page.locator(".scroll:has(.sign-off)")
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    box.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)
    assert box.evaluate("box => box.scrollLeft") > 0
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_key_numbers_are_cards_on_a_telephone(browser, site, scheme):
    page, _ = visit(browser, f"{site[0]}/sample.html", 360, scheme)
    table = page.locator(".key-numbers").first
    right = table.evaluate("table => table.closest('.scroll').getBoundingClientRect().right")
    cells = table.locator("tbody :is(th, td):visible")
    assert cells.count() == 5 * table.locator("tbody tr").count()
    for cell in cells.all():
        assert cell.evaluate("cell => cell.getBoundingClientRect().right") <= right
        assert cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth")
    labels = table.locator("tbody tr").first.locator("td[data-label]")
    said = [one.evaluate("cell => getComputedStyle(cell, '::before').content") for one in labels.all()]
    assert said == ['"Test part"', '"Baseline"', '"Difference"']
    page.context.close()


def test_a_number_stands_beside_the_first_line_of_a_term_that_wraps(browser):
    style = (Path(__file__).parents[2] / "templates/review/review.css").read_text(encoding="utf-8")
    cells = "<td><button class=term>demographic parity</button></td><td>0.039</td>"
    table = f"<table style='width: 9rem'><tbody><tr>{cells}</tr></tbody></table>"
    page = browser.new_page()
    page.set_content(f"<!doctype html><style>{style}</style>{table}")
    lines = page.evaluate("""[...document.querySelectorAll('td')].map(cell => {
        const range = document.createRange();
        range.selectNodeContents(cell.firstElementChild || cell);
        return [...range.getClientRects()].map(line => line.top);
    })""")
    assert len(set(lines[0])) == 2
    assert lines[0][0] == pytest.approx(lines[1][0], abs=1)


@pytest.mark.parametrize(("width", "most"), [(360, 180), (1000, 400)])
def test_a_very_long_name_leaves_room_for_what_stands_beside_it(browser, width, most):
    style = (Path(__file__).parents[2] / "templates/review/review.css").read_text(encoding="utf-8")
    table = f"<table><tbody><tr><th scope=row>{'o' * 300}</th><td>0.039</td></tr></tbody></table>"
    page = browser.new_page(viewport={"width": width, "height": 600})
    page.set_content(f"<!doctype html><style>{style}</style><div class=scroll>{table}</div>")
    assert page.locator("th").bounding_box()["width"] <= most
    assert page.locator("td").bounding_box()["x"] < width - 60
    page.close()


def test_a_figure_fits_a_telephone_and_its_number_enlarges_it_in_a_box_that_scrolls(browser, site):
    page, _ = visit(browser, f"{site[0]}/sample.html", 360)
    box, image = page.locator("figure .scroll").first, page.locator("figure img").first
    hint = "getComputedStyle(document.querySelector('figure a.number'), '::after').content"
    assert (image.bounding_box()["width"], page.evaluate(hint)) == (320, '" (enlarge)"')
    page.locator("figure a.number").first.click()
    # As large as it was drawn, so that its smallest labels are of 12 pixels.
    assert (image.bounding_box()["width"], page.evaluate(hint)) == (614, "none")
    assert box.bounding_box()["width"] == 320
    page.context.close()


def test_dark_is_dark_and_so_are_figures_but_not_on_paper(browser, site):
    page, _ = visit(browser, f"{site[0]}/sample.html", scheme="dark")
    background = "getComputedStyle(document.querySelector('{}')).backgroundColor"
    assert page.evaluate(background.format("html")) == "rgb(20, 23, 27)"
    filtered = "getComputedStyle(document.querySelector('figure img')).filter"
    assert page.evaluate(filtered) == "invert(0.92) hue-rotate(180deg)"
    page.emulate_media(media="print")
    assert page.evaluate(filtered) == "none"
    page.context.close()


def test_paper_has_no_code_and_no_contents(browser, site):
    page, _ = visit(browser, f"{site[0]}/sample.html", scheme="dark")
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert not page.locator("details.code").first.is_visible()
    assert page.locator("#verdict").is_visible()
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf().startswith(b"%PDF")
    page.context.close()


def test_paper_has_a_summary_and_at_its_address_all_there_is(browser, site):
    pages = {}
    bare = '<div class="section" id="bare"><div class="prose"><h2>Data</h2></div><details class="code"></details></div>'
    for mark in ("", "#full"):
        page, _ = visit(browser, f"{site[0]}/sample.html{mark}")
        page.emulate_media(media="print")
        assert page.locator(".sign-off").is_visible()
        assert page.locator(".pairs").first.is_visible() == bool(mark)
        assert page.locator("#glossary").is_visible() == bool(mark)
        # A section of words and code alone would be a bare heading.
        page.evaluate("html => document.querySelector('.narrative').insertAdjacentHTML('beforeend', html)", bare)
        assert page.locator("#bare h2").is_visible() == bool(mark)
        pages[mark] = len(re.findall(rb"/Type\s*/Page\b", page.pdf()))
        page.context.close()
    assert pages[""] == 2
    assert pages["#full"] > pages[""]


def test_the_index_leads_to_the_reports(browser, site):
    page, _ = visit(browser, (site[1] / "index.html").as_uri())
    assert page.locator("tbody tr").count() == 3
    page.get_by_role("link", name="Experiment on census_income").click()
    assert page.locator("#verdict").is_visible()
    page.context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_long_reason_does_not_widen_the_history(browser, tmp_path, width):
    said = {"who": "<b>" + "w" * 200, "why": "x" * 400, "when": "2026-03-01T10:00:00+00:00", "signed": "no"}
    record = {**said, "number": 1, "what": "approve", "version": "1", "hash": "0" * 64, "facts": {}}
    written = write_history(tmp_path / "history.html", name="wine", now={}, records=[record], faults=["y" * 400])
    page, noticed = visit(browser, written.as_uri(), width)
    assert noticed == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.context.close()


NAME = "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd"  # written from right to left


def test_numbers_beside_a_name_from_right_to_left_keep_their_order(browser, tmp_path):
    message = f"Of the 129 that become {NAME}, 0.0% become positive and {NAME} (0.013 [-0.026, 0.042]) does not."
    found = [{"code": "X-Y", "severity": "high", "message": message, "where": ""}]
    notebook = notebook_of(code("publish()", [published(sample_results(findings=found))]))
    page, noticed = visit(browser, render(saved(notebook, tmp_path / "names.ipynb")).as_uri())
    lefts = page.evaluate("""() => {
        const message = document.querySelector('.finding p');
        const texts = document.createTreeWalker(message, NodeFilter.SHOW_TEXT);
        const lefts = [];
        while (texts.nextNode()) {
            for (const found of texts.currentNode.data.matchAll(/[0-9]+(\\.[0-9]+)?/g)) {
                const range = document.createRange();
                range.setStart(texts.currentNode, found.index);
                range.setEnd(texts.currentNode, found.index + found[0].length);
                const box = range.getBoundingClientRect();
                lefts.push([Math.round(box.top), box.left, found[0]]);
            }
        }
        return lefts;
    }""")
    names = page.locator(".finding bdi").all_inner_texts()
    page.context.close()
    assert noticed == []
    assert names == [NAME, NAME]
    numbers = ["129", "0.0", "0.013", "0.026", "0.042"]
    assert [number for *_, number in sorted(lefts)] == [number for *_, number in lefts] == numbers


def test_a_command_to_be_copied_is_the_command_and_no_line_of_it_ends_within_an_option(browser, site):
    page, _ = visit(browser, f"{site[0]}/sample.html", 360)
    said = page.locator(".command code").first
    assert said.inner_text().replace("\n", " ") == sample_results()["command"]
    assert all(one.evaluate("option => option.getClientRects().length") == 1 for one in said.locator(".option").all())
    page.context.close()


def test_a_name_without_blanks_leaves_room_for_the_other_columns_of_the_index(browser, tmp_path):
    for place, title in enumerate(("Experiment: y in wine", f"Experiment: {'long_name_' * 8}in wine")):
        run = tmp_path / f"2026010{place + 1}-000000-experiment"
        run.mkdir()
        (run / "results.json").write_text(json.dumps(sample_results(title=title)))
    page, _ = visit(browser, write_index(tmp_path).as_uri(), 1024)
    assert page.get_by_role("searchbox").count() == 0  # two runs are found without a filter
    heights = [one.bounding_box()["height"] for one in page.locator("td[data-label=Made] time").all()]
    page.context.close()
    assert max(heights) < 60  # two lines
