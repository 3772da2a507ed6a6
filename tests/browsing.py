"""A headless browser for the tests of the pages, and a way to open a page that notices all it does."""

import os
import shutil
from contextlib import contextmanager
from importlib.resources import files
from urllib.parse import urlparse

import pytest
from playwright.sync_api import sync_playwright

SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--no-first-run",
]
EVERY_RULE = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def running_browser():
    """Start Chromium; without one the test is skipped, in CI it fails."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        words = "Chromium is not installed: `apt-get install chromium` (or `brew install chromium`) lets this test run."
        if os.environ.get("CI") == "true":
            pytest.fail(words)
        pytest.skip(words)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        yield started
        started.close()


def visit(browser, address, width=1440, scheme="light", watching="", **options):
    """Open a page, after a script of ours; return it with everything it asked for, complained about, or popped up."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
    context.add_init_script(watching)
    page, noticed = context.new_page(), []
    page.on("request", lambda request: noticed.append(request.url))
    page.on("console", lambda message: noticed.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: noticed.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (noticed.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.goto(address, wait_until="load")
    page.wait_for_timeout(50)
    return page, [url for url in noticed if url != address and urlparse(url).scheme != "data"]


def unfold(page):
    """Open everything that is folded away in a page of ours or, page by page of its table, in one of evidently's."""
    page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
    following = page.get_by_role("button", name="Next Page")
    while True:
        for toggle in page.get_by_label("Detail panel visibility toggle").all():
            unfold_column(page, toggle)
        if not following.count() or following.is_disabled():
            break
        following.click()


def unfold_column(page, toggle):
    """Unfold the row of a column in a page of evidently's, and see that its figure is drawn."""
    drawn = page.locator(".js-plotly-plot .main-svg").count()
    toggle.click()
    page.wait_for_function(
        "drawn => document.querySelectorAll('.js-plotly-plot .main-svg').length > drawn", arg=drawn, timeout=10_000
    )


def violations(page):
    """Return what axe-core finds wrong in a page with everything unfolded; one line a rule."""
    script = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
    page.evaluate(f"{script}; undefined")
    options = {"runOnly": {"type": "tag", "values": EVERY_RULE}, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(document, options)", options)["violations"]
    first = [(one, one["nodes"][0]) for one in found]
    return [f"{one['id']} ({one['impact']}): {node['html'][:200]} {node['failureSummary']}" for one, node in first]
