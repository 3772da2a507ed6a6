"""The page printed to PDF, and what is said where no browser can."""

import shutil
import subprocess
from pathlib import Path

import pytest
from browsing import running_browser, visit
from click.testing import CliRunner
from sample_notebook import sample_notebook, saved

from toolkit.cli import main
from toolkit.errors import InputError
from toolkit.report import pdf
from toolkit.report.render import render

A4_WIDTH = 673  # CSS pixels between the margins


@pytest.fixture
def notebook(tmp_path):
    return saved(sample_notebook(), tmp_path / "my report.ipynb")


def program(folder, text):
    path = folder / "chromium"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.skipif(not any(map(shutil.which, pdf.BROWSERS)), reason="needs Chromium")
def test_render_writes_a_pdf_beside_the_page(notebook):
    done = CliRunner().invoke(main, ["render", str(notebook), "--pdf"])
    assert done.exit_code == 0
    printed = Path(done.stdout.strip())
    assert printed == notebook.with_suffix(".pdf")
    assert printed.read_bytes().startswith(b"%PDF")
    assert notebook.with_suffix(".html").is_file()


def test_without_a_browser_the_way_out_is_said(notebook, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match=r"There is no Chromium or Chrome to print my report.html"):
        pdf.print_pdf(render(notebook))


@pytest.mark.parametrize(
    ("text", "words"), [("echo no display >&2; exit 3", r"exit code 3\): no display"), ("exit 0", "it gave no reason")]
)
def test_a_browser_that_prints_nothing_is_named(text, words, notebook, monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "which", lambda name: program(tmp_path, text))
    with pytest.raises(InputError, match=words):
        pdf.print_pdf(render(notebook))


def test_a_browser_that_hangs_is_stopped(notebook, monkeypatch):
    def hang(*arguments, **options):
        raise subprocess.TimeoutExpired("chromium", options["timeout"])

    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(InputError, match="within 180 s"):
        pdf.print_pdf(render(notebook))


def test_nothing_sticks_out_of_the_paper(notebook):
    page = render(notebook)
    with running_browser() as browser:
        shown, _ = visit(browser, page.as_uri(), A4_WIDTH)
        shown.emulate_media(media="print")
        right = "[...document.querySelectorAll('main *')].map(element => element.getBoundingClientRect().right)"
        assert shown.evaluate(f"Math.max(...{right})") <= A4_WIDTH
        assert shown.locator(".explorer-panel, .filter, .tk-csv").locator("visible=true").count() == 0
