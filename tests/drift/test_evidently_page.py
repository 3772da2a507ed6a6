"""evidently's page: what data cannot do in it, what it leaves out, and that it holds up nobody."""

import numpy as np
import pandas as pd
import psutil
import pytest
from browsing import running_browser, unfold_column, visit
from payloads import PAYLOADS

from toolkit.core.result import if_applicable
from toolkit.drift import evidently
from toolkit.drift.detect import detect_drift
from toolkit.drift.evidently import EvidentlyPage, comparison_of, draw, evidently_page, inert
from toolkit.errors import InputError, NotApplicableError

ELEMENTS_THAT_ACT = """document.querySelectorAll(
    'iframe, form, object, embed, base, [onerror], [onload], .js-plotly-plot text a').length"""
SHOWN = str.maketrans("<>", "‹›")


def compared(rows=60, later=3.0, **columns):
    rng = np.random.default_rng(0)
    before = pd.DataFrame({"score": rng.normal(size=rows), **columns})
    return detect_drift(before, before.assign(score=before["score"] + later))


@pytest.fixture(scope="module")
def browser():
    with running_browser() as started:
        yield started


THIRDS = [pytest.param(PAYLOADS[place::3], marks=pytest.mark.slow) for place in range(3)]


@pytest.fixture(scope="module", params=[PAYLOADS[::12], *THIRDS], ids=["some", "first", "second", "third"])
def hostile(request, tmp_path_factory):
    names = request.param
    rng, rows = np.random.default_rng(0), 3 * len(PAYLOADS)
    before, after = (
        pd.DataFrame(
            {
                name: rng.normal(shift, 1, rows) if place % 2 else rng.choice(names, rows)
                for place, name in enumerate(names)
            }
        ).assign(label=list(PAYLOADS) * 3)
        for shift in (0, 2)
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(evidently, "SECONDS", 300)  # whatever else the machine does
        page = evidently_page(detect_drift(before, after))
    assert page.findings() == []
    path = tmp_path_factory.mktemp("hostile") / "evidently.html"
    path.write_text(page.html, encoding="utf-8")
    return path, names


def test_nothing_runs_and_nothing_is_loaded_while_every_column_is_unfolded(browser, hostile):
    path, names = hostile
    page, noticed = visit(browser, path.as_uri())
    for event in ("request", "console", "pageerror", "dialog"):
        page.on(event, lambda what: noticed.append(str(what)))
    seen, following = "", page.get_by_role("button", name="Next Page")
    while True:
        for toggle in page.get_by_label("Detail panel visibility toggle").all():
            unfold_column(page, toggle)
        for tab in page.get_by_role("tab").all():
            tab.click()
        page.wait_for_timeout(100)
        seen += page.evaluate("document.body.textContent")
        assert page.evaluate(ELEMENTS_THAT_ACT) == 0
        if following.is_disabled():
            break
        following.click()
    page.context.close()
    assert [name for name in names if name.translate(SHOWN)[:150] not in seen] == []
    assert noticed == []


def test_a_script_that_is_not_evidently_s_is_refused(browser, tmp_path):
    path = tmp_path / "broken.html"
    added = "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 2'>"
    html = evidently_page(compared()).html
    path.write_text(html.replace("<body>", f"<body>{added}", 1), encoding="utf-8")
    page, noticed = visit(browser, path.as_uri())
    assert page.evaluate("window.pwned") is None
    assert any("Content Security Policy" in line for line in noticed)
    unfold_column(page, page.get_by_label("Detail panel visibility toggle").first)
    page.context.close()


@pytest.mark.parametrize(
    "change", [("    var ", "    let "), ("<body>", "<body><script></script>"), ("<head>", "<HEAD>")]
)
def test_a_page_that_is_made_in_another_way_is_not_written(change):
    data = "\n    var a = {};\n    var more = {};\n"
    html = f"<head><script>{data}</script></head><body>{'<script></script>' * 3}</body>"
    assert "default-src 'none'" in inert(html)
    with pytest.raises(NotApplicableError, match="not written"):
        inert(html.replace(*change))


def test_no_sign_of_html_is_left_in_data():
    data = '\n    var a = {"<&": "</script>"};\n    var more = {};\n'
    html = inert(f"<head><script>{data}</script></head>{'<script></script>' * 3}")
    assert r'var a = {"‹\u0026": "‹/script›"};' in html


class TestWhatIsDrawn:
    def test_columns_with_many_labels_or_without_values_are_left_out_and_named(self):
        rows, rng = 25_000, np.random.default_rng(0)
        texts = [f"text {number}" for number in rng.integers(0, 80_000, rows)]
        drift = compared(rows, texts=texts, few=[f"label {number % 100}" for number in range(rows)], once=1.5)
        given = comparison_of(drift)
        assert sorted(given.columns["column"]) == sorted(given.current) == ["few", "once", "score"]
        assert (len(given.reference), len(given.current)) == (10_000, 10_000)
        page = EvidentlyPage("", drift.current.rows, given.left_out)
        assert {finding.code: finding.message for finding in page.findings()} == {
            "DRIFT-EVIDENTLY-SAMPLED": "evidently's page is made from a sample of 10,000 rows of each longer table.",
            "DRIFT-EVIDENTLY": "evidently's page leaves out 'texts' (more than 100 different labels).",
        }

    def test_a_column_that_has_no_values_in_the_sample_is_left_out(self):
        rows = 30_000
        rare = np.where(np.arange(rows) == 10, 1.5, np.nan)
        given = comparison_of(compared(rows, rare=rare))
        assert given.left_out == {"rare": "no values in the sample of a table"}

    def test_of_many_columns_those_are_drawn_that_changed_most(self):
        columns = {f"column {place}": np.arange(60) % 7 + 0.5 for place in range(60)}
        given = comparison_of(compared(**columns))
        assert len(given.columns) == 50
        assert given.columns["column"][0] == "score"
        assert set(given.left_out.values()) == {"beyond the 50 columns that changed most"}
        assert len(given.left_out) == 11


@pytest.mark.slow
def test_one_that_is_made_again_is_the_same_to_the_byte(monkeypatch):
    monkeypatch.setenv("PYTHONHASHSEED", "0")  # as a run sets it
    given = comparison_of(compared())
    assert draw(given) == draw(given)


class TestWhatHoldsUpNobody:
    def test_what_takes_too_long_is_stopped_and_said(self, monkeypatch):
        monkeypatch.setattr(evidently, "SECONDS", 0.5)
        result = if_applicable(evidently_page, compared())
        assert result.reason == "evidently's page was not drawn: it took over 0.5 seconds."
        assert not [one for one in psutil.Process().children() if "draw_into" in " ".join(one.cmdline())]

    def test_where_evidently_fails_its_words_are_the_reason(self):
        given = comparison_of(compared())
        with pytest.raises(NotApplicableError, match=r"not drawn: .*nonsense"):
            draw(given._replace(columns=given.columns.assign(method="nonsense")))

    def test_nothing_to_draw_is_said(self):
        table = pd.DataFrame({"a": range(50)})
        drift = detect_drift(table, table)
        assert "nothing to draw" in if_applicable(evidently_page, drift).reason
        with pytest.raises(InputError, match="nothing to draw"):
            drift.evidently()


def test_what_is_no_comparison_is_refused():
    with pytest.raises(InputError, match="takes what detect_drift returned, not a DataFrame"):
        evidently_page(pd.DataFrame({"a": [1]}))
