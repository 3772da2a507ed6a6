"""The page of an executed notebook: its order, its words, and that nothing in a notebook gets out of hand."""

import base64
import hashlib
import json
import math
import re
from dataclasses import asdict, replace
from html import escape
from html.parser import HTMLParser
from itertools import pairwise

import nbformat
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from nbformat.v4 import new_markdown_cell, new_output, new_raw_cell
from sample_notebook import (
    FINDINGS,
    MIME,
    code,
    entry,
    failed_notebook,
    notebook_of,
    published,
    read_sample,
    sample_notebook,
    sample_results,
    saved,
    shown,
)

from toolkit.core.estimate import Estimate, KeyNumber
from toolkit.core.face import table_html
from toolkit.core.figures import Figures
from toolkit.core.resources import templates_folder
from toolkit.core.result import Finding, NotApplicable
from toolkit.core.results import PolicyVerdict, RuleOutcome
from toolkit.errors import InputError
from toolkit.report.narrative import Narrative, plain_text
from toolkit.report.render import Page, page_html, render
from toolkit.report.summary import Summary, key_tables, sentence

NOTHING = new_output("execute_result", data=Figures(())._repr_mimebundle_(), execution_count=1)
VOID = {"meta", "link", "br", "hr", "img", "input", "path", "circle", "col", "wbr"}


class Outline(HTMLParser):
    """The elements of a page with their attributes, its ids, its text, and whether every element is closed."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.open, self.text = [], [], ""
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] not in (["style"], ["script"]):
            self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def ids(self):
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]


def page(notebook, folder):
    return render(saved(notebook, folder / "notebook.ipynb")).read_text(encoding="utf-8")


def blocks_of(notebook):
    """All that a notebook shows, what is folded last."""
    return [block for section in Narrative(notebook).sections for block in (*section.first, *section.rest)]


@pytest.fixture(scope="module")
def html(tmp_path_factory):
    return page(sample_notebook(), tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def outline(html):
    return Outline(html)


class TestStructure:
    def test_one_title_landmarks_and_a_language(self, outline):
        assert len(outline.all("h1")) == 1
        assert outline.all("html") == [{"lang": "en"}]
        assert [len(outline.all(name)) for name in ("header", "nav", "main", "footer", "title")] == [1] * 5
        assert outline.all("a")[0] == {"class": "skip", "href": "#main"}

    def test_the_order_is_verdict_findings_numbers_sections_parameters(self, outline):
        wanted = (
            "verdict findings key-numbers sign-off data training leaderboard evaluation provenance lineage parameters "
            "environment"
        )
        assert [name for name in outline.ids if name in wanted.split()] == wanted.split()

    def test_headings_do_not_skip_a_level(self, outline):
        levels = [int(tag[1]) for tag, _ in outline.elements if re.fullmatch("h[1-6]", tag)]
        assert all(after <= before + 1 for before, after in pairwise(levels))

    def test_ids_are_unique_and_every_inner_link_leads_somewhere(self, outline):
        assert len(outline.ids) == len(set(outline.ids))
        targets = [link["href"][1:] for link in outline.all("a") if link["href"].startswith("#")]
        assert set(targets) <= set(outline.ids)
        assert {"figure-1", "figure-2", "table-1"} <= set(outline.ids)

    def test_contents_list_every_section(self, outline):
        linked = {link["href"][1:] for link in outline.all("a")}
        assert {"findings", "key-numbers", "sign-off", "data", "training", "evaluation", "provenance"} <= linked

    def test_figures_have_words_and_tables_a_caption_and_scoped_headers(self, html, outline):
        assert all(len(image["alt"]) > 20 for image in outline.all("img"))
        assert len(outline.all("img")) == len(outline.all("figcaption")) == 2
        assert len(outline.all("table")) == len(outline.all("caption"))
        assert all(header.get("scope") for header in outline.all("th"))

    def test_code_is_there_and_folded(self, html, outline):
        assert "load_dataset" in outline.text
        assert all("open" not in attributes for attributes in outline.all("details"))


class TestWords:
    def test_the_verdict_is_a_word_with_a_sentence(self, outline):
        assert "No policy was applied" in outline.text
        assert (
            "ROC AUC on the test part is 0.953 (95% interval 0.951 to 0.956); the baseline has 0.500." in outline.text
        )
        assert "1 finding of high or critical severity." in outline.text

    @pytest.mark.parametrize(
        ("outcome", "word"), [("pass", "Pass"), ("fail", "Fail"), ("undecided", "Undecided"), ("watch", "Watch")]
    )
    def test_every_outcome_has_a_word(self, outcome, word, tmp_path):
        text = Outline(page(sample_notebook(sample_results(verdict={"outcome": outcome})), tmp_path)).text
        assert re.search(rf"^\s*{word}\s*$", text, flags=re.MULTILINE)

    def test_facts_numbers_and_lineage_are_shown(self, outline):
        for words in (
            "census_income",
            "9f2c4be1d07a",
            "107,679 rows, 40 columns",
            "4f1d2c9b7a6e",
            "with uncommitted changes",
            "1 March 2026, 14:05 UTC",
            "Ada Lovelace",
            "toolkit run experiment -p data census_income",
            "+0.453 [0.451, 0.456]",
            "−0.163 [−0.167, −0.159]",
            "not defined",
            "not set",
            '["logistic", "boosting"]',
            "On the 21,536 rows of the test part",
        ):
            assert words in outline.text

    def test_findings_come_most_severe_first(self, html):
        places = [html.index(f"<code>{found.code}</code>") for found in FINDINGS]
        assert sorted(FINDINGS, key=lambda found: places[FINDINGS.index(found)])[0].severity == "high"
        assert [issue.severity for issue in Summary(read_sample()).findings] == ["high", "medium", "low", "info"]

    @pytest.mark.parametrize(
        ("recorded", "first"),
        [({"metric": "neg_log_loss"}, "Log loss"), ({"metric": "f3"}, "ROC AUC"), ({}, "ROC AUC")],
    )
    def test_the_metric_that_chose_the_model_comes_first(self, recorded, first):
        labels = [number.label for number in Summary(read_sample(recorded=recorded)).key_numbers]
        assert labels[0] == first
        assert len(labels) == 6

    def test_where_nothing_is_measured_on_what_numbers_are_beside_there_is_no_column_for_it(self, html, tmp_path):
        number = {"name": "drift.columns_share", "label": "Share", "on": "current table", "beside": "reference"}
        told = sample_results(key_numbers=[{**number, "value": entry(0.8)}])
        page = render(saved(notebook_of(code("publish()", [published(told)])), tmp_path / "share.ipynb"))
        heads = [re.findall(r"<th scope=.col[^>]*>(.*?)</th>", text)[:5] for text in (html, page.read_text("utf-8"))]
        assert heads[0] == ["Metric", "Test part", "Baseline", "Difference", "Against baseline"]
        assert heads[1][:3] == ["Metric", "Current table", "Role"]
        assert "the tick the reference" not in page.read_text("utf-8")

    def test_a_finding_links_to_where_it_is_shown(self):
        made = Page(sample_notebook())
        links = {issue.code: (issue.link, issue.section) for issue in made.findings_first}
        assert len(links) == 4
        assert set(links.values()) == {("training", "Training")}

    def test_a_finding_of_the_report_is_said_once_and_the_worst_in_the_head_too_where_no_rule_decides(self, html):
        text = " ".join(re.sub("<[^>]*>", "", html).split())
        worst = max(FINDINGS, key=lambda one: one.severity in ("high", "critical")).message
        assert [text.count(one.message) for one in FINDINGS] == [1 + (one.message == worst) for one in FINDINGS]
        assert worst in html[html.index('id="verdict"') : html.index('class="facts"')]

    def test_where_the_results_cannot_be_read_the_sections_keep_their_findings(self):
        html = page_html(sample_notebook(sample_results(schema=99)))
        assert "written by another version" in html
        text = " ".join(re.sub("<[^>]*>", "", html).split())
        assert [text.count(one.message) for one in FINDINGS] == [1] * len(FINDINGS)

    def test_what_the_worst_finding_says_of_the_key_number_is_not_said_again_beside_it(self, tmp_path):
        message = "The model is not shown to be better than the baseline: ROC AUC is 0.710 on the test part."
        boxes = {}
        for where in ("roc_auc", "threshold"):
            findings = [Finding("EVAL-NOT-BETTER-THAN-BASELINE", "high", message, where)]
            notebook = sample_notebook(replace(read_sample(), findings=tuple(findings)).plain())
            html = page(notebook, tmp_path)
            boxes[where] = html[html.index('id="verdict"') : html.index('class="facts"')]
        first = sentence(read_sample().key_numbers[0])
        assert [message in box for box in boxes.values()] == [True, True]
        assert [first in box for box in boxes.values()] == [False, True]

    def test_a_section_answers_with_its_first_sentence_and_shows_its_first_figure(self):
        sections = {section.headings[0].id: section for section in Page(sample_notebook()).sections}
        assert re.sub("<[^>]*>", "", sections["training"].answer) == "Best of 3 candidates by ROC AUC."
        assert [block.kind for block in sections["evaluation"].first] == ["prose", "figure"]
        assert "<summary>More: 1 figure, 1 code cell</summary>" in page_html(sample_notebook())
        assert sections["data"].rest == []
        assert "publish" not in sections

    def test_a_finding_that_no_section_shows_has_no_link(self):
        found = [{"code": "X", "severity": "low", "message": "m", "where": ""}]
        assert Page(sample_notebook(sample_results(findings=found))).findings_first[0].link == ""

    def test_a_step_that_does_not_apply_is_a_line_at_the_end(self):
        skipped = NotApplicable("explain", "There is no model.")
        found = [asdict(finding) for finding in skipped.findings()]
        output = new_output("execute_result", data=skipped._repr_mimebundle_(), execution_count=1)
        asked = new_markdown_cell("## Explanation\n\nWhy?")
        notebook = notebook_of(asked, code("x", [output]), code("p", [published(sample_results(findings=found))]))
        made = Page(notebook)
        assert made.narrative.left_out == {"There is no model.": "Explanation"}
        assert (made.sections, made.findings_first) == ([], [])
        contents = re.search("<nav.*?</nav>", page_html(notebook), re.DOTALL)[0]
        assert re.findall(r"<li><a [^>]*>(.*?)</a></li>", contents)[-2:] == ["Not in this report", "Provenance"]

    def test_many_minor_findings_are_folded(self):
        found = [{"code": f"C{number}", "severity": "info", "message": "m"} for number in range(20)]
        found.append({"code": "BAD", "severity": "critical", "message": "m"})
        made = Page(sample_notebook(sample_results(findings=found)))
        assert [issue.code for issue in made.findings_first] == ["BAD"]
        assert len(made.findings_rest) == 20

    def test_no_noise_is_shown(self, html):
        assert "UserWarning" not in html
        assert "Left out here: 2 lines of messages on standard error" in html
        for text in ("&lt;Axes", "object at 0x", "Published(", "[0m"):
            assert text not in html

    def test_printed_text_is_shown(self, html):
        assert ">read 107,679 rows</pre>" in html


class TestOneFile:
    def test_nothing_is_loaded_and_nothing_runs(self, html, outline):
        assert outline.all("script") == [{}]
        policy = next(meta for meta in outline.all("meta") if meta.get("http-equiv") == "Content-Security-Policy")
        assert "default-src 'none'" in policy["content"]
        script = re.search(r"<script>(.*)</script>", html, flags=re.DOTALL).group(1)
        row_script = (templates_folder() / "review" / "row.js").read_text(encoding="utf-8")
        digests = [hashlib.sha256(one.encode()).digest() for one in (script, row_script)]
        allowed = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests)
        assert re.findall(r"script-src ([^;]*)", policy["content"]) == [allowed]
        unsafe = r"innerHTML|outerHTML|insertAdjacentHTML|\beval\b|Function\(|fetch|XMLHttp"
        assert not re.search(unsafe, script + row_script)
        addresses = [value for _, attributes in outline.elements for name, value in attributes.items() if name == "src"]
        assert all(address.startswith("data:image/") for address in addresses)
        assert [link["href"][:5] for link in outline.all("link")] == ["data:"]
        assert not re.search(r"url\(|@import", html)

    def test_ten_figures_stay_under_a_megabyte(self, tmp_path):
        path = render(saved(sample_notebook(figures_each=5), tmp_path / "notebook.ipynb"))
        assert Outline(path.read_text(encoding="utf-8")).ids.count("figure-10") == 1
        assert path.stat().st_size < 1_000_000

    def test_the_same_notebook_gives_the_same_page(self, html, tmp_path):
        notebook = saved(sample_notebook(), tmp_path / "notebook.ipynb")
        assert render(notebook).read_bytes() == render(notebook, tmp_path / "other.html").read_bytes()

    def test_no_partial_file_is_left(self, tmp_path):
        (tmp_path / "taken.html").mkdir()
        notebook = saved(sample_notebook(), tmp_path / "notebook.ipynb")
        with pytest.raises(InputError, match=r"taken\.html' is no page of the toolkit"):
            render(notebook, tmp_path / "taken.html")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["notebook.ipynb", "taken.html"]


class TestColours:
    @pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
    def test_text_has_the_contrast_that_wcag_asks_for(self, scheme):
        css = (templates_folder() / "review" / "review.css").read_text()
        blocks = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", blocks[scheme]))
        pairs = [(ink, paper) for ink in ("ink", "soft", "link") for paper in ("paper", "panel")]
        pairs += [(name, f"{name}-wash") for name in ("good", "bad", "unsure", "none")]
        pairs += [
            (ink, f"{name}-wash") for name in ("good", "bad", "unsure", "none") for ink in ("ink", "soft", "link")
        ]
        pairs += [(name, "panel") for name in colours if name.startswith("token")]
        low = {pair: round(contrast(*(colours[name] for name in pair)), 2) for pair in pairs}
        assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}


def contrast(first, second):
    """Contrast of two colours by WCAG 2."""

    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return np.dot(linear, [0.2126, 0.7152, 0.0722])

    dark, light = sorted((luminance(first), luminance(second)))
    return (light + 0.05) / (dark + 0.05)


@pytest.fixture(scope="module")
def failed(tmp_path_factory):
    return Outline(page(failed_notebook(), tmp_path_factory.mktemp("failed")))


class TestFailure:
    def test_the_error_stands_on_top_with_its_place(self, failed):
        words = " ".join(failed.text.split())
        assert "The run failed InputError Column 'incme' is not in the table." in words
        assert "It stopped at code cell 2, in the section “Training”. 1 later code cell did not run." in words
        assert words.index("The run failed") < words.index("Training", words.index("It stopped") + 60)

    def test_the_traceback_is_folded_and_plain(self, failed):
        assert {"class": "traceback"} in failed.all("details")
        assert "----> 1 fit" in failed.text
        assert "\x1b" not in failed.text

    def test_what_never_ran_is_not_shown(self, failed):
        assert "This was never reached" not in failed.text
        assert "An Exception was encountered" not in failed.text

    def test_the_failing_code_is_open_and_can_be_linked_to(self, failed):
        opened = [attributes for attributes in failed.all("details") if "open" in attributes]
        assert opened == [{"class": "code", "open": None}]
        assert "error" in failed.ids

    def test_the_parameters_of_the_run_are_shown(self, failed):
        assert "my table.csv" in failed.text

    def test_an_expected_error_is_no_failure(self):
        error = new_output("error", ename="ValueError", evalue="meant to", traceback=[])
        made = Page(notebook_of(code("f()", [error], tags=["raises-exception"]), code("x = 1")))
        assert made.narrative.failure is None
        assert made.verdict.word == "No results"

    def test_results_of_a_run_that_failed_later_do_not_hide_the_failure(self):
        error = new_output("error", ename="OSError", evalue="disk full", traceback=[])
        made = Page(notebook_of(code("publish()", [published(sample_results())]), code("f()", [error])))
        assert made.verdict.word == "Failed"
        assert made.summary is not None


class TestAnyNotebook:
    def test_a_foreign_notebook_is_shown(self, tmp_path):
        table = pd.DataFrame({"a": [1, 2]}).to_html()
        notebook = notebook_of(
            new_markdown_cell("# Study\n\nIntro."),
            new_markdown_cell("# First\n\n![chart](chart.png)"),
            new_markdown_cell("## Detail\n\n```python\nx = 1\n```"),
            code("df", [shown(table)]),
            code("2", [new_output("execute_result", data={"text/plain": "2"})]),
            new_raw_cell("<script>raw</script>"),
        )
        outline = Outline(page(notebook, tmp_path))
        assert [tag for tag, _ in outline.elements if re.fullmatch("h[1-6]", tag)] == ["h1", "h2", "h3"]
        assert "No results" in outline.text
        assert "[image not included: chart]" in outline.text
        assert "raw" not in outline.text

    def test_a_notebook_without_a_heading_takes_the_name_of_its_file(self, tmp_path):
        path = saved(notebook_of(code("1")), tmp_path / "my study.ipynb")
        assert "<h1>my study</h1>" in render(path).read_text(encoding="utf-8")

    def test_an_empty_notebook_is_a_page(self, tmp_path):
        assert len(Outline(page(notebook_of(), tmp_path)).all("h1")) == 1

    @pytest.mark.parametrize("language", ["klingon", "R", None])
    def test_code_of_any_language_is_shown(self, language, tmp_path):
        notebook = notebook_of(code("nuqneH <b>"))
        notebook.metadata["language_info"] = {"name": language} if language else {}
        assert "nuqneH &lt;b&gt;" in re.sub(r"</?span[^>]*>", "", page(notebook, tmp_path))

    def test_a_script_without_anything_to_show_gives_way_to_plainer_forms(self):
        data = {"text/html": "<div><script>draw()</script></div>", "text/plain": "Figure of 3 bars"}
        blocks = blocks_of(notebook_of(code("x", [new_output("display_data", data=data)])))
        assert [(block.kind, block.content) for block in blocks[1:]] == [("text", "Figure of 3 bars")]

    @pytest.mark.parametrize(
        "text",
        ["<Axes: >", "<Axes: title={'center': 'a'}>", "[<matplotlib.lines.Line2D at 0x7f00>]", "<a.B object at 0x1>"],
    )
    def test_bare_representations_are_not_shown(self, text):
        output = new_output("execute_result", data={"text/plain": text})
        assert [block.kind for block in blocks_of(notebook_of(code("x", [output])))] == ["code"]

    @pytest.mark.parametrize(
        ("outputs", "kinds"),
        [
            ([NOTHING], ["code"]),
            ([NOTHING, shown("<p>x</p>")], ["prose", "code", "output"]),
            ([shown("<p>x</p>")], ["prose", "code", "output"]),
            ([], ["prose", "code"]),
        ],
    )
    def test_a_question_about_figures_that_there_are_none_of_is_not_asked(self, outputs, kinds):
        notebook = notebook_of(new_markdown_cell("## One"), new_markdown_cell("How?"), code("whatever()", outputs))
        assert [block.kind for block in blocks_of(notebook)[1:]] == kinds

    def test_of_two_equal_questions_the_one_without_an_answer_goes(self):
        answered = [new_markdown_cell("How?"), code("one", [shown("<p>x</p>")])]
        orphaned = [new_markdown_cell("How?"), code("two", [NOTHING])]
        blocks = blocks_of(notebook_of(new_markdown_cell("## One"), *answered, *orphaned))
        assert [block.kind for block in blocks[1:]] == ["prose", "code", "output", "code"]

    def test_a_heading_stays_where_there_is_nothing_to_draw(self):
        blocks = blocks_of(notebook_of(new_markdown_cell("## One\n\nHow?"), code("one", [NOTHING])))
        assert [block.kind for block in blocks] == ["prose", "code"]

    def test_widgets_are_not_shown(self):
        data = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "  0%|          | 0/5"}
        blocks = blocks_of(notebook_of(code("x", [new_output("display_data", data=data)])))
        assert [block.kind for block in blocks] == ["code"]

    def test_images_are_embedded(self):
        data = {"image/svg+xml": "<svg><script>alert(1)</script></svg>", "text/plain": "x"}
        blocks = blocks_of(notebook_of(code("x", [new_output("display_data", data=data)])))
        assert [block.kind for block in blocks] == ["figure", "code"]
        assert 'src="data:image/svg+xml;base64,' in blocks[0].content
        assert "code cell 1" in blocks[0].content

    def test_long_output_is_folded_and_cut(self):
        output = new_output("stream", name="stdout", text="line\n" * 100_000)
        notebook = notebook_of(code("x", [output]))
        block = blocks_of(notebook)[1]
        assert "480,000 characters are left out here" in block.content
        assert len(block.content) < 21_000
        assert "<summary>4,002 lines of text</summary>" in page_html(notebook)
        short = new_output("stream", name="stdout", text="line\n" * 40)
        assert "lines of text" not in page_html(notebook_of(code("x", [short])))

    def test_half_a_character_does_not_stop_the_page(self, tmp_path):
        half = "a\ud800b"
        kinds = ("text/html", "image/svg+xml", "text/plain")
        outputs = [new_output("display_data", data={kind: half}) for kind in kinds]
        outputs += [
            published(sample_results(title=half)),
            new_output("error", ename=half, evalue=half, traceback=[half]),
        ]
        path = tmp_path / "x.ipynb"
        path.write_text(json.dumps(notebook_of(new_markdown_cell(half), code(half, outputs))), encoding="utf-8")
        assert render(path).read_text(encoding="utf-8").count("a?b") >= 7

    def test_a_lost_attachment_does_not_stop_the_page(self):
        blocks = blocks_of(notebook_of(new_markdown_cell("![a](attachment:gone.png)")))
        assert "attachment:gone.png" in blocks[0].content

    @pytest.mark.parametrize(
        "results", ["not json", [1], "[1]", '{"schema": 1, "title": "As text"}', {}, {"schema": 99}]
    )
    def test_odd_results_do_not_stop_the_page(self, results, tmp_path):
        assert Outline(page(notebook_of(code("publish()", [published(results)])), tmp_path).strip())

    @settings(deadline=None, max_examples=50)
    @given(
        st.fixed_dictionaries(
            {},
            optional={
                key: st.none() | st.integers() | st.text() | st.lists(st.dictionaries(st.text(), st.text(), max_size=2))
                for key in sample_results()
            },
        )
    )
    def test_results_of_any_shape_are_read_or_refused(self, changes):
        notebook = notebook_of(code("publish()", [published(sample_results() | changes)]))
        made = Page(notebook)
        assert page_html(notebook)
        if made.summary is None:
            assert made.verdict.word == "Unreadable"
            assert re.match("What this notebook published (does not hold|was written)", made.verdict.meaning)
        else:
            assert made.verdict.word == "No policy"

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "{}",
            "[1, 2]",
            "not a notebook",
            '{"nbformat": 4}',
            '{"nbformat": 4, "nbformat_minor": 5, "cells": [{}]}',
            "\x00\xff",
        ],
    )
    def test_what_is_no_notebook_is_refused(self, content, tmp_path):
        path = tmp_path / "x.ipynb"
        path.write_text(content, encoding="utf-8")
        with pytest.raises(InputError, match="is not a notebook"):
            render(path)

    def test_a_missing_notebook_is_refused(self, tmp_path):
        with pytest.raises(InputError, match="There is no notebook"):
            render(tmp_path / "none.ipynb")


class TestEscaping:
    NASTY = "<script>alert(1)</script>\"'&</style>{{ 7*7 }}"

    def test_text_from_data_stays_text_everywhere(self, tmp_path):
        nasty = self.NASTY
        results = sample_results(
            title=nasty,
            question=nasty,
            author=nasty,
            command=nasty,
            created=nasty,
            commit=nasty,
            parameters={nasty: nasty},
            environment={nasty: nasty},
            data={"name": nasty, "source": nasty, "fingerprint": nasty, "target": nasty},
            model={"name": nasty},
            findings=[{"code": nasty, "severity": "high", "message": nasty, "where": nasty}],
            verdict={"outcome": "pass", "policy": nasty, "left_out": [nasty]},
            key_numbers=[{"name": nasty, "label": nasty, "value": entry(0.5), "on": nasty, "beside": nasty}],
            artifacts=[nasty],
        )
        error = new_output("error", ename=nasty, evalue=nasty, traceback=[nasty])
        notebook = notebook_of(
            code(nasty, [shown(table_html(pd.DataFrame({nasty: [nasty]}), nasty))]),
            code("print()", [new_output("stream", name="stdout", text=nasty)]),
            code("publish()", [published(results)]),
            code("fail()", [error]),
        )
        html = page(notebook, tmp_path)
        assert html.count("<script") == html.count("</script>") == 1
        assert html.count("</style>") == 1
        assert "49" not in re.sub(r"<(style|script)>.*?</\1>", "", html, flags=re.DOTALL)
        assert html.count(escape("<script>alert(1)</script>", quote=False)) > 20
        Outline(html)

    def test_the_folder_of_the_machine_is_not_in_the_page(self, tmp_path):
        assert str(tmp_path) not in page(sample_notebook(), tmp_path)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("a\rb\n", "b\n"),
        ("10%\r100%\r\n", "100%\n"),
        ("\x1b]8;;http://x\x07link\x1b]8;;\x07", "link"),
        ("no change\n", "no change\n"),
    ],
)
def test_terminal_text_is_what_the_screen_would_show(text, plain):
    assert plain_text(text) == plain


def test_results_travel_under_the_mime_type_of_publishing(tmp_path):
    path = saved(sample_notebook(), tmp_path / "notebook.ipynb")
    stored = nbformat.read(path, as_version=4).cells[-1].outputs[0].data[MIME]
    assert json.loads(json.dumps(stored)) == sample_results()


RULES = (
    RuleOutcome("test.roc_auc", "at least 0.9", "fail", Estimate(0.85, 0.8, 0.88, 9), "Too low.", "at least 0.9"),
    RuleOutcome("<script>x</script>", "at most 1", "pass", Estimate(0.5, 0.4, 0.6, 10), "All of it."),
)
JUDGED = replace(read_sample(), verdict=PolicyVerdict("fail", "<b>Ours</b>", RULES))


def test_on_a_telephone_a_key_number_is_named_in_short_since_the_caption_says_how_many_groups_there_are():
    number = KeyNumber("test.f1", "F1", Estimate(0.5, 0.4, 0.6, 90), "test part (84 groups)", "baseline", Estimate(0.1))
    html = page_html(notebook_of(code("publish()", [published(replace(JUDGED, key_numbers=(number,)).plain())])))
    assert 'data-label="Test part"' in html
    assert "On the 90 rows of the test part (84 groups) beside the baseline" in html


def test_in_every_table_the_metric_that_chose_the_model_is_first():
    names = ("roc_auc", "log_loss", "precision", "recall")
    every = [
        KeyNumber(f"test.{name}", f"{name} {beside}", Estimate(0.5), "test part", beside)
        for beside in ("champion", "baseline")
        for name in names
    ]
    tables = key_tables(Summary(replace(JUDGED, key_numbers=tuple(every), recorded={})).key_numbers)
    said = [[one.label.partition(" ")[0] for one in table] for table in tables]
    assert said == [["roc_auc", "precision", "recall", "log_loss"]] * 2


def test_without_a_policy_a_finding_that_is_the_headline_is_said_once_in_the_verdict():
    worst = Finding("COMPARE-WORSE", "high", "The challenger is worse.", "roc_auc")
    results = replace(read_sample(), verdict=PolicyVerdict(), findings=(worst,), headline="The challenger is worse.")
    html = page_html(notebook_of(code("publish()", [published(results.plain())])))
    assert html[html.index('id="verdict"') :].partition("</div>")[0].count("The challenger is worse.") == 1


class TestVerdict:
    def test_the_head_says_which_rules_do_not_hold_and_by_how_much(self):
        verdict = Summary(JUDGED).verdict
        assert verdict.word == "Fail"
        assert verdict.meaning == (
            "Fails the policy “<b>Ours</b>”: ROC AUC on the test part is 0.850 [0.800, 0.880] where at least 0.9 is "
            "required."
        )
        results = replace(JUDGED, verdict=replace(JUDGED.verdict, left_out=("test.r2",)))
        html = page_html(notebook_of(code("publish()", [published(results.plain())])))
        assert "Not judged, as this report does not measure it: R² on the test part." in html

    def test_a_failed_rule_about_findings_is_told_by_the_first_of_them(self):
        why = "There are 2 findings of high severity. The first: Worse for Oslo."
        rule = RuleOutcome("findings", "no finding of high severity", "fail", Estimate(math.nan), why)
        number, places = RULES[0], ("Oslo", "Bergen")
        findings = tuple(Finding("X", "high", f"Worse for {place}.", place) for place in places)
        # Among the rules, among the findings, and in the head where it is one of the two rules that are named there.
        for rules, said in (((rule, number), 3), ((number, rule), 3), ((number, number, rule), 2)):
            results = replace(JUDGED, verdict=PolicyVerdict("fail", "Ours", rules), findings=findings)
            html = page_html(notebook_of(code("publish()", [published(results.plain())])))
            assert (html.count("Worse for Oslo."), html.count("Worse for Bergen.")) == (said, 1)

    def test_what_is_undecided_and_what_does_not_hold_is_seen_and_what_holds_is_folded(self):
        undecided = RuleOutcome("test.f1", "at least 0.5", "undecided", Estimate(0.5, 0.4, 0.6, 9), "More rows.")
        results = replace(JUDGED, verdict=PolicyVerdict("fail", "Ours", (RULES[0], undecided, RULES[1])))
        html = page_html(notebook_of(code("publish()", [published(results.plain())])))
        assert "<p><strong>Undecided:</strong> F1 on the test part is 0.500 [0.400, 0.600]" in html
        assert '<a href="#rules">Policy rules: 1 fail, 1 pass, 1 undecided</a>' in html
        seen, _, folded = html[html.index('id="rules"') :].partition("</section>")[0].partition("<details")
        assert ("Too low." in seen, "More rows." in seen, "All of it." in seen) == (True, True, False)
        assert "All of it." in folded

    def test_of_very_many_that_are_undecided_ten_rules_are_seen(self):
        number = Estimate(0.5, 0.4, 0.6, 9)
        many = [RuleOutcome(f"test.m{at}", "at least 0.5", "undecided", number, f"Reason {at}.") for at in range(31)]
        results = replace(JUDGED, verdict=PolicyVerdict("fail", "Ours", (RULES[0], *many, RULES[1])))
        html = page_html(notebook_of(code("publish()", [published(results.plain())])))
        seen, rest, held = html[html.index('id="rules"') :].partition("</section>")[0].split("<details")
        assert ["Too low." in seen, "Reason 8." in seen, "Reason 9." in seen] == [True, True, False]
        assert "<summary>22 more: 22 undecided</summary>" in rest
        assert [f"Reason {at}." in rest for at in (9, 30)] == [True, True]
        assert "All of it." in held

    def test_each_rule_has_its_number_and_why(self):
        (failed, bad), (passed, good) = Summary(JUDGED).rules
        assert (failed.number_text, failed.why, bad.sign) == ("0.850 [0.800, 0.880]", "Too low.", "cross")
        assert (passed.number_text, good.tone) == ("0.500 [0.400, 0.600]", "good")

    @pytest.mark.parametrize("rules", [None, 1, "x", [None], [{"name": 1, "number": "x", "outcome": []}]])
    def test_rules_of_any_shape_are_refused(self, rules):
        made = Page(sample_notebook(sample_results(verdict={"outcome": "pass", "rules": rules})))
        assert "verdict.rules" in made.verdict.meaning


def test_decisions_on_record_fill_the_sign_off(tmp_path):
    who, hash_ = "Eve <b>", "0123456789abcdef"
    one = {"who": who, "what": "reject", "why": "June & July", "when": "2026-11-26T10:00:00+00:00", "hash": hash_}
    one |= {"signed": "yes", "fault": ""}
    html = page(sample_notebook(read_sample(sign_off=[one]).plain()), tmp_path)
    rows = html[html.index('class="sign-off"') :].partition("</table>")[0]
    assert "from the ledger" in rows
    assert ">Approver</th><td>Eve &lt;b&gt;</td><td>rejected: June &amp; July</td><td>2026-11-26</td>" in rows
    assert "<code>0123456789ab</code>" in rows
    assert "Validator" not in rows
    assert "signed: yes" in rows
    assert "nobody yet" not in html


@pytest.mark.parametrize("fault", ["", "it is \x1b[8m unsigned"])
def test_a_decision_cannot_be_shown_in_another_order_than_it_was_written(tmp_path, fault):
    one = {"who": "Eve\u202e", "what": "reject", "why": "\u202edevorppa\x1b[8m", "when": "2026-11-26T10:00:00+00:00"}
    one |= {"hash": "0123456789ab", "signed": "no", "fault": fault}
    html = page(sample_notebook(read_sample(sign_off=[one]).plain()), tmp_path)
    rows = html[html.index('class="sign-off"') :].partition("</table>")[0]
    signed = html[html.index("Signed by") :].partition("</div>")[0]
    assert "devorppa" in rows
    assert rows.replace("\n", "").isprintable()
    assert signed.replace("\n", "").isprintable()


def test_a_decision_that_cannot_be_believed_is_no_approval(tmp_path):
    one = {"who": "Eve", "what": "approve", "why": "fine", "when": "2026-11-26T10:00:00+00:00", "hash": "0123456789ab"}
    one |= {"signed": "no", "fault": "it is not signed"}
    html = page(sample_notebook(read_sample(sign_off=[one]).plain()), tmp_path)
    rows = html[html.index('class="sign-off"') :].partition("</table>")[0]
    assert ">Not proven</th><td>Eve</td>" in rows
    assert "cannot be believed, since it is not signed</strong>; it says “approved: fine”" in rows
    assert "signed: no" in rows
    assert "Approver" not in rows
    assert "nobody yet" in html
