"""What can be moved on the page: sorting, filtering, the glossary, the threshold explorer, the CSV links."""

import csv
import io
import json
import math
import re
from urllib.parse import unquote

import numpy as np
import pandas as pd
import pytest
from browsing import running_browser, violations, visit
from nbformat.v4 import new_markdown_cell, new_output
from sample_notebook import code, entry, notebook_of, published, sample_results, saved, shown

from toolkit.core.estimate import Estimate
from toolkit.core.face import csv_link, result_html, table_html
from toolkit.core.figures import Figure, Picture
from toolkit.core.result import Finding
from toolkit.data.load import load_dataset
from toolkit.evaluation.evaluate import evaluate
from toolkit.evaluation.explorer import threshold_explorer
from toolkit.explanation.explorers import ColumnExplorer
from toolkit.fairness.audit import audit_fairness
from toolkit.models.recorded import RecordedPredictions
from toolkit.report.render import render, write_index

DOT = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA="
SIZES = pd.DataFrame(
    {
        "name": ["b10", "b9", "a", "c"],
        "size": [
            Estimate(-0.5, -0.6, -0.4, 9),
            Estimate(10.25, 9, 11, 9),
            Estimate(float("nan")),
            Estimate(1234.5, 1, 2, 9),
        ],
        "share": ["9%", "10%", "none", "2%"],
        "p_value": [0.001, 0.0004, 0.02, 0.5],
    }
)
LONG = pd.DataFrame({"town": [f"town {number}" for number in range(40)], "region": ["north", "south"] * 20})
CURVE = pd.DataFrame({"x": [0.123456789, 2.0], "label": ["=1+1", "b, c"]})


@pytest.fixture(scope="module")
def browser():
    with running_browser() as started:
        yield started


@pytest.fixture(scope="module")
def explorer():
    random = np.random.default_rng(3)
    sex = random.choice(["Female", "Male"], 600)
    score = random.uniform(size=600)
    frame = pd.DataFrame({"sex": sex, "race": random.choice(["A", "B", "C"], 600), "noise": random.normal(size=600)})
    data = load_dataset(
        frame.assign(y=np.where(random.uniform(size=600) < score, "yes", "no")),
        target="y",
        positive="yes",
        sensitive=["sex", "race"],
    )
    model = RecordedPredictions(y_score=score, classes=("no", "yes"))
    return threshold_explorer(evaluate(model, data), audit_fairness(model, data, replicates=200))


@pytest.fixture(scope="module")
def columns():
    lines = [
        ["age", "18–30", 2, Estimate(-0.5, -0.8, -0.2, 2)],
        ["age", "31–60", 3, Estimate(0.5, 0.2, 0.8, 3)],
        ["job", "<b>clerk</b>", 5, Estimate(0.1, math.nan, math.nan, 5)],
    ]
    table = pd.DataFrame(lines, columns=["column", "value", "rows", "mean_attribution"])
    points = ((np.array([-1.0, 0.0]), np.array([0.4, 0.5, 1.0])), (np.array([0.1] * 5),))
    return ColumnExplorer("log-odds", "yes", table, points)


@pytest.fixture(scope="module")
def pages(tmp_path_factory, explorer, columns):
    folder = tmp_path_factory.mktemp("interactive")
    tables = [table_html(SIZES, "Sizes"), table_html(LONG, "Towns")]
    words = "The recall of the model; recall is what counts. SHAP says why."
    picture = Picture("ROC curve", "How to read it.", "It rises.")
    notebook = notebook_of(
        new_markdown_cell("# Experiment\n\nQuestion?"),
        new_markdown_cell(f"## Numbers\n\n{words}"),
        code("1", [shown(result_html("Sizes", "Four of them.", tables))]),
        code("2", [shown(Figure(picture, DOT, 614, 384, CURVE)._repr_html_())]),
        new_markdown_cell("## Explorer"),
        code("3", [new_output("display_data", data=explorer._repr_mimebundle_())]),
        code(
            "4", [new_output("display_data", data=columns._repr_mimebundle_() | {"text/html": columns.face().html()})]
        ),
        code("5", [published(sample_results())]),
    )
    render(saved(notebook, folder / "page.ipynb"))
    for day in range(1, 10):
        (folder / f"run-{day}").mkdir()
        results = sample_results(
            created=f"2026-03-{day:02}T10:00:00+00:00",
            title=f"Run {day}",
            key_numbers=[{"name": "test.roc_auc", "label": "ROC AUC", "value": entry(0.9 - day / 100, 0.5, 0.95)}],
        )
        (folder / f"run-{day}" / "results.json").write_text(json.dumps(results))
    write_index(folder)
    return folder


@pytest.fixture
def page(browser, pages):
    page, noticed = visit(browser, (pages / "page.html").as_uri())
    unfold(page)
    yield page
    page.context.close()
    assert noticed == []


def unfold(page):
    for summary in page.locator("details.rest > summary").all():
        summary.click()


def column(page, caption, place=0):
    table = page.locator("table", has=page.locator("caption", has_text=caption)).first
    return table.locator("tbody tr:visible").evaluate_all(f"rows => rows.map(row => row.cells[{place}].textContent)")


class TestTables:
    @pytest.mark.parametrize(
        ("heading", "rising"),
        [
            ("name", ["a", "b9", "b10", "c"]),
            ("size", ["b10", "b9", "c", "a"]),
            ("share", ["a", "c", "b10", "b9"]),
            ("p", ["b9", "b10", "a", "c"]),
        ],
    )
    def test_a_click_sorts_up_then_down_then_not(self, page, heading, rising):
        header = page.locator("th", has_text=re.compile(f"^{heading}$")).locator(".sort").first
        known = [name for name in rising if name != "a" or heading != "size"]
        missing = [name for name in rising if name not in known]
        for direction, wanted in (
            ("ascending", rising),
            ("descending", known[::-1] + missing),
            (None, ["b10", "b9", "a", "c"]),
        ):
            header.click()
            assert column(page, "Sizes") == wanted
            assert header.locator("..").get_attribute("aria-sort") == direction

    def test_the_keyboard_sorts(self, page):
        header = page.locator("th", has_text="name").locator(".sort").first
        header.focus()
        page.keyboard.press("Enter")
        assert column(page, "Sizes")[0] == "a"
        page.keyboard.press(" ")
        assert column(page, "Sizes")[0] == "c"

    def test_only_long_tables_have_a_filter(self, page):
        assert [box.get_attribute("aria-label") for box in page.get_by_role("searchbox").all()] == [
            "Filter the rows of: Table 2 Towns"
        ]

    def test_a_filter_keeps_the_rows_that_have_every_word(self, page):
        box = page.get_by_role("searchbox")
        box.fill("NORTH 3")
        assert column(page, "Towns") == ["town 30", "town 32", "town 34", "town 36", "town 38"]
        assert page.locator(".filter output").inner_text() == "5 of 40 rows"
        box.fill("")
        assert len(column(page, "Towns")) == 40

    def test_paper_shows_what_a_filter_hides(self, page):
        page.get_by_role("searchbox").fill("town 7")
        page.emulate_media(media="print")
        assert len(column(page, "Towns")) == 40

    def test_a_link_holds_the_table_as_csv(self, page):
        with page.expect_download() as waiting:
            page.get_by_role("link", name="CSV").first.click()
        assert waiting.value.suggested_filename == "table-1.csv"
        rows = list(csv.reader(io.StringIO(waiting.value.path().read_text(encoding="utf-8"))))
        assert rows[0] == ["name", "size", "size_low", "size_high", "size_n", "share", "p_value"]
        assert rows[1] == ["b10", "-0.5", "-0.6", "-0.4", "9", "9%", "0.001"]
        assert rows[3][1:3] == ["", ""]

    def test_a_figure_has_its_data_folded_below(self, page):
        assert not page.get_by_text("Data of the figure “ROC curve”").is_visible()
        page.get_by_text("Data of this figure").click()
        assert column(page, "Data of the figure")[0] == "0.123"
        with page.expect_download() as waiting:
            page.locator(".tk-data").get_by_role("link", name="CSV").click()
        assert waiting.value.suggested_filename == "figure-1.csv"
        assert waiting.value.path().read_text(encoding="utf-8") == 'x,label\n0.1234568,\'=1+1\n2,"b, c"\n'


class TestGlossary:
    def test_a_term_unfolds_where_a_section_first_uses_it(self, page):
        term = page.locator(".narrative button.term", has_text="recall")
        assert term.count() == 1
        meaning = page.locator("#term-recall")
        assert not meaning.is_visible()
        term.first.focus()
        page.keyboard.press("Enter")
        assert "the share that the model predicts positive" in meaning.inner_text()
        page.keyboard.press("Escape")
        assert not meaning.is_visible()

    def test_paper_in_full_has_the_terms_at_the_end(self, browser, pages):
        page, _ = visit(browser, (pages / "page.html").as_uri() + "#full")
        page.emulate_media(media="print")
        assert page.get_by_role("heading", name="Terms").is_visible()
        assert page.locator("#term-shap").is_visible()
        page.context.close()


class TestExplorer:
    def shown(self, page):
        cells = page.locator(".explorer-panel td").all_inner_texts()
        return cells[:5], cells[5:9]

    @pytest.mark.parametrize("place", [0, 40, 150])
    def test_every_threshold_shows_the_numbers_of_python(self, page, explorer, place):
        slider = page.get_by_role("slider")
        slider.fill(str(place))
        row = explorer.frame().iloc[place]
        names = ("recall", "precision", "false_positive_rate", "selection_rate")
        numbers = [Estimate(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in names]
        tp, fp = (int(explorer.counts[name][place]) for name in ("tp", "fp"))
        rates, cells = self.shown(page)
        assert rates == [*map(str, numbers), f"{row['cost_a_row']:.3f}"]
        assert [int(cell) for cell in cells] == [explorer.negatives - fp, fp, explorer.positives - tp, tp]
        assert page.locator(".dial output").inner_text().startswith(f"{row['threshold']:.4g}")

    def test_it_starts_at_the_chosen_threshold_and_comes_back_to_it(self, page):
        assert page.locator(".dial output").inner_text() == "0.5 (chosen)"
        slider = page.get_by_role("slider")
        slider.focus()
        page.keyboard.press("ArrowLeft")
        assert "chosen" not in page.locator(".dial output").inner_text()
        page.get_by_role("button", name="Back to the chosen threshold").click()
        assert slider.get_attribute("aria-valuetext") == "0.5 (chosen)"

    def test_other_costs_change_the_cost(self, page, explorer):
        page.get_by_label("Cost of a false negative").fill("5")
        tp, fp = (explorer.counts[name][explorer.chosen] for name in ("tp", "fp"))
        assert self.shown(page)[0][4] == f"{(fp + 5 * (explorer.positives - tp)) / 600:.3f}"

    def test_groups_follow(self, page, explorer):
        page.get_by_label("Groups of").select_option("race")
        at = explorer.groups["threshold"] == explorer.counts["threshold"][explorer.chosen]
        race = explorer.groups[at & (explorer.groups["feature"] == "race")]
        table = page.get_by_role("group", name="Each group at this threshold").locator("tbody tr")
        found = [row.locator("th, td").all_inner_texts() for row in table.all()]
        assert [(row[0], int(row[1])) for row in found] == list(zip(race["group"], race["size"], strict=True))
        assert [float(row[3].split()[0]) for row in found] == [round(x, 3) for x in race["tp"] / race["positives"]]

    @pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (1440, "dark")])
    def test_axe_finds_nothing_wrong(self, browser, pages, width, scheme):
        page, _ = visit(browser, (pages / "page.html").as_uri(), width, scheme)
        found = violations(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.context.close()
        assert found == []


class TestColumns:
    def shown(self, page):
        return page.locator(".strips tbody tr").evaluate_all(
            "rows => rows.map(row => [row.cells[0].textContent, row.cells[2].textContent])"
        )

    def test_the_foremost_column_is_shown_first(self, page):
        assert self.shown(page) == [
            ["18–30 2 rows", "−0.500 [−0.800, −0.200]"],
            ["31–60 3 rows", "0.500 [0.200, 0.800]"],
        ]
        assert page.get_by_text("The mean runs from −0.500 (18–30) to 0.500 (31–60).").is_visible()

    def test_dots_and_intervals_lie_where_their_numbers_say(self, page):
        strip = page.locator(".strip").nth(1)
        places = strip.locator(".strip-dot").evaluate_all("dots => dots.map(dot => dot.getAttribute('cx'))")
        assert places == ["70%", "75%", "100%"]
        assert strip.locator(".strip-range").get_attribute("x1") == "60%"
        assert strip.locator(".strip-zero").get_attribute("x1") == "50%"
        assert page.locator(".strips thead .drawing").inner_text().split() == ["−1.000", "attribution", "1.000"]

    def test_another_column_is_chosen_from_the_list(self, page):
        page.get_by_role("combobox", name="Column").select_option("job")
        assert self.shown(page) == [["<b>clerk</b> 5 rows", "0.100"]]
        assert page.locator(".strip-range").count() == 0

    def test_without_a_script_and_on_paper_the_numbers_are_in_a_table(self, browser, pages, page):
        still, _ = visit(browser, (pages / "page.html").as_uri(), java_script_enabled=False)
        unfold(still)
        still.get_by_text("All columns as one table").click()
        assert still.get_by_role("cell", name="<b>clerk</b>").is_visible()
        still.context.close()
        page.goto((pages / "page.html").as_uri() + "#full")
        page.emulate_media(media="print")
        assert page.get_by_role("cell", name="<b>clerk</b>").is_visible()


def test_the_command_can_be_copied(browser, pages):
    page, _ = visit(browser, (pages / "page.html").as_uri(), permissions=["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == sample_results()["command"]
    page.context.close()


def test_without_a_script_everything_is_there(browser, pages, page):
    still, noticed = visit(browser, (pages / "page.html").as_uri(), java_script_enabled=False)
    assert noticed == []
    assert still.locator(".sort").count() == still.locator(".explorer-panel").count() == 0
    rows = still.locator(".narrative tbody tr").count()
    assert rows == page.locator(".narrative tbody tr:not(.explorer-panel tr)").count() > 50
    assert still.locator("figure img").count() == 1
    unfold(still)
    still.locator(".narrative button.term").first.click()
    assert still.locator("#term-recall").is_visible()
    still.context.close()


def test_broken_data_of_an_explorer_leaves_the_table(browser, tmp_path):
    data = {"application/vnd.toolkit.explorer+json": {"labels": 3}, "text/html": table_html(SIZES, "Sizes")}
    path = render(saved(notebook_of(code("1", [new_output("display_data", data=data)])), tmp_path / "odd.ipynb"))
    page, noticed = visit(browser, path.as_uri())
    assert noticed == []
    assert column(page, "Sizes") == list(SIZES["name"])
    assert page.locator(".explorer-panel").count() == 0
    page.context.close()


def test_a_finding_leads_to_the_place_that_shows_it(browser, tmp_path):
    found = sample_results()["findings"][0]
    finding = Finding(*(found[name] for name in ("code", "severity", "message", "where")))
    shown_there = result_html("Data", "Ten rows.", findings=[finding])
    cells = [new_markdown_cell("# T"), new_markdown_cell("## The table"), code("1", [shown(shown_there)])]
    notebook = notebook_of(*cells, code("2", [published(sample_results())]))
    page, _ = visit(browser, render(saved(notebook, tmp_path / "n.ipynb")).as_uri())
    page.get_by_role("link", name="see “The table”").click()
    assert page.evaluate("document.querySelector(':target').textContent").startswith("The table")
    assert page.evaluate("document.body.textContent").count(found["message"]) == 1
    page.context.close()


class TestIndex:
    def test_it_sorts_and_filters(self, browser, pages):
        page, noticed = visit(browser, (pages / "index.html").as_uri(), 360)
        names = page.locator("tbody th")
        assert names.first.inner_text().startswith("Run 9")
        page.get_by_role("button", name="Made").click()
        assert names.first.inner_text().startswith("Run 1")
        page.get_by_role("button", name="Key number").click()
        assert names.first.inner_text().startswith("Run 9")
        page.get_by_role("searchbox").fill("0.860")
        assert page.locator("tbody tr:visible").count() == 1
        page.context.close()
        assert noticed == []

    def test_a_line_follows_the_number_over_the_runs(self, browser, pages):
        page, _ = visit(browser, (pages / "index.html").as_uri())
        assert page.locator("svg.series").count() == 9
        sizes = (
            page.locator("svg.series")
            .nth(2)
            .locator("circle")
            .evaluate_all("dots => dots.map(dot => dot.r.baseVal.value)")
        )
        assert sizes.index(max(sizes)) == 6
        page.context.close()


@pytest.mark.parametrize("name", ["page", "index"])
def test_nothing_moves_after_the_first_paint(browser, pages, name):
    page, _ = visit(browser, (pages / f"{name}.html").as_uri())
    moved = page.evaluate(
        """() => new Promise(done => {
            let sum = 0;
            const watch = list => { for (const entry of list.getEntries()) sum += entry.value; };
            new PerformanceObserver(watch).observe({type: 'layout-shift', buffered: true});
            setTimeout(() => done(sum), 100);
        })"""
    )
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    page.context.close()
    print(f"{name}: first paint after {painted:.0f} ms")  # not asserted: the machine may be busy
    assert painted > 0
    assert moved < 0.01


def test_text_that_a_spreadsheet_would_run_is_quoted():
    link = csv_link(
        pd.DataFrame({"=a": ["=1", "+1", "-1", "@x", "\tx", "safe", None], "n": [-1.5, 2, 3, 4, 5, 6, np.nan]})
    )
    text = unquote(link.partition("utf-8,")[2].partition('"')[0])
    assert text.splitlines() == ["'=a,n", "'=1,-1.5", "'+1,2", "'-1,3", "'@x,4", "'\tx,5", "safe,6", ","]


def test_a_long_table_says_that_its_csv_is_a_part():
    assert "CSV of the first 1,000 rows" in csv_link(pd.DataFrame({"a": range(1001)}))


AGE = "\u0627\u0644\u0639\u0645\u0631 (\u0633\u0646\u0629)"  # written from right to left: age (year)


def test_an_explorer_keeps_the_order_of_names_from_right_to_left_and_of_what_stands_beside_them(browser, tmp_path):
    lines = [[AGE, AGE, 2, Estimate(-0.5, -0.8, -0.2, 2)], [AGE, f"{AGE} 2", 3, Estimate(0.5, 0.2, 0.8, 3)]]
    lines.append(["job", AGE, 5, Estimate(0.1, math.nan, math.nan, 5)])
    table = pd.DataFrame(lines, columns=["column", "value", "rows", "mean_attribution"])
    points = ((np.array([-1.0, 0.0]), np.array([0.4, 0.5, 1.0])), (np.array([0.1] * 5),))
    shown_as = ColumnExplorer("log-odds", AGE, table, points)
    bundle = shown_as._repr_mimebundle_() | {"text/html": shown_as.face().html()}
    cells = [new_output("display_data", data=bundle)], [published(sample_results())]
    notebook = notebook_of(*(code(str(place), outputs) for place, outputs in enumerate(cells)))
    page, noticed = visit(browser, render(saved(notebook, tmp_path / "page.ipynb")).as_uri())
    panel = page.locator(".explorer-panel")
    for chosen in ("job", AGE):  # what is drawn anew as well as what was there
        panel.locator("select").select_option(label=chosen)
        names = panel.locator("bdi").all_inner_texts()
        assert names == [AGE] * (panel.inner_text().count(AGE) - panel.locator("select").inner_text().count(AGE))
        assert len(names) >= (5 if chosen == AGE else 3)
    page.context.close()
    assert noticed == []
